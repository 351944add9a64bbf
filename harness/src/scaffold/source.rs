//! The texts of a new crate and its profile, from the templates beside this file.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, Value, context};
use quittance::Op;
use serde::Serialize;

use super::Addresses;
use super::design::{Design, Part, Proof, Route};
use super::hooks::Hooks;
use super::name::Names;
use super::reads::{Object, Read, objects, way};
use super::shape::{self, Body, Leaf, Member};
use super::tape::is_keyed;
use crate::world::Unusable;

const MANIFEST: &str = include_str!("templates/Cargo.toml.jinja");
const LIB: &str = include_str!("templates/lib.rs.jinja");
const WIRE: &str = include_str!("templates/wire.rs.jinja");
const PROFILE: &str = include_str!("templates/profile.toml.jinja");

/// A field of the credentials.
#[derive(Serialize)]
struct Credential {
    name: String,
    kind: &'static str,
    what: String,
    dummy: String,
}

/// A verb of the crate.
#[derive(Serialize)]
struct Verb {
    variant: String,
    function: &'static str,
    request: &'static str,
    /// Its name, as one that is not read yet where nothing of it is known to be sent.
    argument: &'static str,
    result: &'static str,
    reader: &'static str,
    /// Whose refund it is, where that is read with the answer.
    of: Option<&'static str>,
    verb: String,
    operation_id: Option<String>,
    /// The expression of a path with values in it.
    path_code: Option<String>,
    path_literal: String,
    comments: Vec<String>,
    body_code: Option<String>,
    body_call: String,
    keyed: bool,
}

fn render(name: &str, template: &str, values: Value) -> Result<String, Unusable> {
    let failed = |error: minijinja::Error| match std::error::Error::source(&error).filter(|why| why.is::<Unusable>()) {
        Some(refused) => Unusable::Text(refused.to_string()),
        None => Unusable::Text(format!("{name}: the template does not fit: {error:#}")),
    };
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::SemiStrict);
    // Scheme and host of an address, and the host alone.
    environment.add_filter("origin", |url: &str| url.split('/').take(3).collect::<Vec<_>>().join("/"));
    environment.add_filter("host", |url: &str| url.split('/').nth(2).unwrap_or_default().to_owned());
    environment.add_filter("before_version", before_version);
    environment.add_template(name, template).map_err(failed)?;
    let text = environment.get_template(name).and_then(|template| template.render(values)).map_err(failed)?;
    Ok(text.trim_end().to_owned() + "\n")
}

/// An address as it is given, which a family completes by a version of its own.
fn before_version(url: String) -> Result<String, minijinja::Error> {
    let is_version = |part: &str| {
        let digits = part.strip_prefix('v').unwrap_or_default();
        digits.starts_with(|letter: char| letter.is_ascii_digit())
            && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    let parts: Vec<&str> = url.split('/').collect();
    match parts.iter().skip(3).position(|part| is_version(part)) {
        None => Ok(url),
        Some(at) => {
            let before = parts.iter().take(at + 3).copied().collect::<Vec<_>>().join("/");
            let why = format!("{url}: this family adds the version itself; give what stands before it, {before}");
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, "a version").with_source(Unusable::Text(why)))
        }
    }
}

fn served(value: impl Serialize) -> Value {
    Value::from(Serde(value))
}

/// Rust source as `rustfmt` writes it, or as it is where there is none.
pub(super) fn formatted(text: String) -> String {
    let run = || -> Option<String> {
        let settings = "max_width=120,use_small_heuristics=Max";
        let mut child = Command::new("rustfmt")
            .args(["--edition", "2024", "--emit", "stdout", "--quiet", "--config", settings])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        child.stdin.take()?.write_all(text.as_bytes()).ok()?;
        let output = child.wait_with_output().ok()?;
        let done = String::from_utf8(output.stdout).ok()?;
        (output.status.success() && !done.is_empty()).then_some(done)
    };
    run().unwrap_or(text)
}

pub(super) fn manifest(names: &Names, family: Option<&str>) -> Result<String, Unusable> {
    render("Cargo.toml", MANIFEST, context! { package => names.package.as_str(), name => names.name.as_str(), family })
}

/// A file of a thin crate, by the family's own template.
pub(super) fn family(names: &Names, addresses: &Addresses, path: &str, template: &str) -> Result<String, Unusable> {
    let Addresses { sandbox, live, documentation } = addresses;
    render(
        path,
        template,
        context! { id => names.id.as_str(), name => names.name.as_str(), provider => names.provider.as_str(), sandbox, live, documentation },
    )
}

fn credentials(design: &Design) -> Vec<Credential> {
    let secret = |name: &str, what: &str| Credential {
        name: name.to_owned(),
        kind: "Secret",
        what: format!("{what} To fill in: where the provider's console shows it."),
        dummy: format!("quittance-{}", name.replace('_', "-")),
    };
    let plain = |name: &str, what: String| Credential {
        name: name.to_owned(),
        kind: "String",
        what,
        dummy: format!("quittance-{}", name.replace('_', "-")),
    };
    let mut all = match design.proof {
        Proof::Bearer | Proof::Header(_) => vec![secret("api_key", "The secret API key.")],
        Proof::Basic => vec![
            plain("username", "The name of the account. To fill in: where the provider's console shows it.".to_owned()),
            secret("password", "Its password."),
        ],
    };
    let own: Vec<&str> = design.path_credentials();
    all.extend(
        own.into_iter().map(|name| plain(name, format!("What stands in paths as `{name}`. To fill in: what it is."))),
    );
    all
}

fn answer_of(design: &Design, op: Op) -> &[Member] {
    design.route(op).map_or(&[], |route| route.answer.as_slice())
}

/// Whether answers write amounts in major units.
fn is_major(design: &Design) -> bool {
    let is_major = |leaf: &Leaf| matches!(leaf, Leaf::Major | Leaf::Decimal);
    answer_of(design, Op::Authorize).iter().any(|member| member.has_one(&is_major))
}

/// The type of amounts in answers.
fn number(design: &Design) -> &'static str {
    match (is_major(design), design.body.is_xml()) {
        (false, _) => "i64",
        (true, true) => "String",
        (true, false) => "quittance::Decimal",
    }
}

pub(super) fn lib(names: &Names, design: &Design) -> Result<String, Unusable> {
    let bodies = || design.routes.iter().filter_map(|route| route.body.as_deref());
    let provider = &names.provider;
    let verbs: Vec<Verb> = design.routes.iter().map(|route| verb(names, design, route)).collect();
    let takes_card = verbs.iter().any(|verb| verb.body_code.as_ref().is_some_and(|code| code.contains("card.")));
    let authenticate = match &design.proof {
        Proof::Bearer => ".bearer(&self.credentials.api_key)".to_owned(),
        Proof::Basic => ".basic(&self.credentials.username, &self.credentials.password)".to_owned(),
        Proof::Header(name) => format!(".secret_header(\"{name}\", &self.credentials.api_key)"),
    };
    let text = render(
        "lib.rs",
        LIB,
        context! {
            id => names.id.as_str(), name => names.name.as_str(), provider => provider.as_str(), documentation => design.documentation.as_str(),
            sandbox => design.sandbox.as_str(), live => design.live.as_str(), hosts => design.hosts(),
            functions => functions(design, bodies()), credentials => served(credentials(design)), operations => served(verbs),
            currency => design.currency.as_str(), idempotency => design.idempotency.as_deref(), authenticate,
            payment => served(taken(design, Op::Authorize)), refunded => served(taken(design, Op::Refund)), told => served(problem(design).1),
            by_reference => design.is_by_reference(), under_payment => design.is_under_payment(), reason => reads(design, Op::Authorize).iter().any(|read| read.field() == "reason"),
            webhooks => webhooks(design),
            capture => design.has(Op::Capture), voids_captured => design.voids_captured(), refund => design.has(Op::Refund), retrieve => design.has(Op::Retrieve),
            card => takes_card, xml => design.body.is_xml(), soap => design.body == Body::Soap, major => is_major(design),
            payment_statuses => listed(design, "payment"), refund_statuses => listed(design, "refund"),
        },
    )?;
    Ok(match bodies().next() {
        Some(_) => text,
        None => text.replace("use quittance::body::{object};\n", ""),
    })
}

/// What the description says of webhooks, for a comment; nothing where it says nothing.
fn webhooks(design: &Design) -> Vec<String> {
    let Hooks { events, header, .. } = &design.hooks;
    let header = header.as_ref().map(|name| {
        format!("The description names the header `{name}` for the signature of deliveries: `Delivery::hmac` checks one over the body.")
    });
    let events = (!events.is_empty()).then(|| format!("It lists these deliveries: {}.", events.join(", ")));
    header.into_iter().chain(events).collect()
}

/// What the code imports of `quittance::body`.
fn functions<'m>(design: &Design, bodies: impl Iterator<Item = &'m [Member]>) -> Vec<&'static str> {
    let mut functions = shape::functions(bodies);
    if design.body == Body::Soap {
        functions.extend(["Json", "text"]);
        functions.sort_unstable();
        functions.dedup();
    }
    functions
}

/// The status values of an object that the description lists, for a comment; empty where it lists none.
fn listed(design: &Design, object: &str) -> String {
    let values =
        design.statuses().into_iter().filter(|(of, value)| *of == object && !value.contains(['`', '\n', '\r']));
    values.map(|(_, value)| format!("`{value}`")).collect::<Vec<_>>().join(", ")
}

fn verb(names: &Names, design: &Design, route: &Route) -> Verb {
    let (function, request, result, reader, id) = match route.op {
        Op::Capture => ("capture", "Capture", "Payment", "payment", "request.payment"),
        Op::Void => ("void", "Void", "Payment", "payment", "request.payment"),
        Op::Refund => ("refund", "RefundRequest", "Refund", "refund", "request.payment"),
        Op::Retrieve => ("retrieve", "Retrieve", "Payment", "payment", "handle"),
        Op::RetrieveRefund => ("retrieve_refund", "RetrieveRefund", "Refund", "refund", "request.refund"),
        _ => ("authorize", "Authorize", "Payment", "payment", ""),
    };
    let mut format = String::new();
    let mut values = Vec::new();
    for part in &route.path {
        format.push('/');
        match part {
            Part::Text(text) => format.push_str(text),
            Part::Id => {
                format.push_str("{}");
                values.push(format!("{id}.segment()?"));
            }
            Part::Payment => {
                format.push_str("{}");
                values.push("of.segment()?".to_owned());
            }
            Part::Credential(name) => {
                format.push_str("{}");
                values.push(format!("self.credentials.{name}"));
            }
        }
    }
    let headers = route.headers.iter().map(|(_, what)| what.clone());
    let query = route.query.iter().map(|name| format!("the query's {name}"));
    let other = other_answer(design, route);
    let body_call = match design.body {
        Body::Json => "json(&body)".to_owned(),
        Body::Form => "form(&body)".to_owned(),
        Body::Xml => format!("xml({:?}, &body)", route.root),
        Body::Soap => {
            format!("header(\"soapaction\", {0:?}).xml(\"soap:Envelope\", &envelope({0:?}, body))", route.root)
        }
    };
    let body_code = route.body.as_ref().map(|members| shape::code(members, &names.provider));
    let keyed = design.idempotency.is_some() && is_keyed(route);
    let is_sent = values.iter().chain(&body_code).any(|code| code.contains("request."));
    let is_read = keyed || is_sent || matches!(route.op, Op::Authorize | Op::Retrieve | Op::RetrieveRefund);
    Verb {
        variant: request.trim_end_matches("Request").to_owned(),
        function,
        request,
        argument: if is_read { "request" } else { "_request" },
        result,
        reader,
        of: match route.op {
            Op::Refund => Some("request.payment"),
            Op::RetrieveRefund => Some("of"),
            _ => None,
        }
        .filter(|_| design.is_under_payment()),
        verb: route.verb.clone(),
        operation_id: route.operation_id.clone(),
        path_code: (!values.is_empty()).then(|| format!("format!({format:?}, {})", values.join(", "))),
        path_literal: format!("{format:?}"),
        comments: headers.chain(query).chain(other).collect(),
        body_code,
        body_call,
        keyed,
    }
}

/// What is to be said of an answer whose id or status stands elsewhere than in the struct that reads it.
fn other_answer(design: &Design, route: &Route) -> Option<String> {
    let base = if matches!(route.op, Op::Refund | Op::RetrieveRefund) { Op::Refund } else { Op::Authorize };
    let is_id = |leaf: &Leaf| matches!(leaf, Leaf::Id(_));
    let ways = |answer: &[Member]| (way(answer, &is_id), way(answer, &|leaf| *leaf == Leaf::Status));
    let is_own = route.op == base || ways(&route.answer) == ways(answer_of(design, base));
    let names = || route.answer.iter().map(|member| format!("`{}`", member.name)).collect::<Vec<_>>().join(", ");
    (!is_own).then(|| format!("the answer holds {}: read it as a struct of its own", names()))
}

/// The path of a route as people read it.
pub(super) fn shown_path(route: &Route) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => format!("/{text}"),
        Part::Id => "/{id}".to_owned(),
        Part::Payment => "/{payment}".to_owned(),
        Part::Credential(name) => format!("/{{{name}}}"),
    };
    let path: String = route.path.iter().map(part).collect();
    if path.is_empty() { "the one address".to_owned() } else { path }
}

pub(super) fn wire(names: &Names, design: &Design) -> Result<String, Unusable> {
    let mut found = objects("Payment", "A payment.", &reads(design, Op::Authorize), "found").0;
    if design.has(Op::Refund) {
        found.extend(objects("Refund", "A refund.", &reads(design, Op::Refund), "found").0);
    }
    render(
        "wire.rs",
        WIRE,
        context! { name => names.name.as_str(), major => is_major(design), number => number(design), soap => design.body == Body::Soap, objects => served(found), problem => served(problem(design).0) },
    )
}

/// What is read of the answer to an operation.
fn reads(design: &Design, op: Op) -> Vec<Read> {
    let answer = answer_of(design, op);
    let is_id = |leaf: &Leaf| matches!(leaf, Leaf::Id(_));
    let id = if design.id_shape(op).is_empty() { "String" } else { "i64" };
    let is_amount = |leaf: &Leaf| match leaf {
        Leaf::Minor => !is_major(design),
        Leaf::Major | Leaf::Decimal => is_major(design),
        _ => false,
    };
    let all = [
        Read::of("id", id, answer, &is_id),
        Read::of("status", "String", answer, &|leaf| *leaf == Leaf::Status),
        Read::of("amount", "Option<Number>", answer, &is_amount),
        Read::of("currency", "Option<String>", answer, &|leaf| *leaf == Leaf::Currency),
        Read::of("reference", "Option<String>", answer, &|leaf| *leaf == Leaf::Reference),
        Read::of("reason", "Option<String>", answer, &|leaf| matches!(leaf, Leaf::Reason(_))),
    ];
    let is_by_reference = op == Op::Authorize && design.is_by_reference();
    let is_wanted = |read: &Read| match read.field() {
        "reason" => op == Op::Authorize && read.is_found(),
        "reference" => !is_by_reference,
        _ => true,
    };
    all.into_iter().filter(is_wanted).collect()
}

/// The expressions of what is read of an answer.
fn taken(design: &Design, op: Op) -> BTreeMap<&'static str, String> {
    objects("", "", &reads(design, op), "found").1
}

/// The structs of an error: where the description shows its parts, else under the usual names; and the expressions of those.
fn problem(design: &Design) -> (Vec<Object>, BTreeMap<&'static str, String>) {
    let described = design.route(Op::Authorize).and_then(|route| route.problem(route.refusal(400)));
    let usual = match design.body {
        Body::Soap => ["faultcode", "faultstring"],
        _ => ["code", "message"],
    };
    let usual = usual.map(|name| vec![name.to_owned()]);
    let [code, message] = &usual;
    let (members, code, message) = match described {
        Some(problem) => (problem.members.as_slice(), problem.code.as_ref(), problem.message.as_ref()),
        None => (&[] as &[Member], Some(code), Some(message)),
    };
    let read = |field, path| Read::at(field, "Option<String>", members, path);
    objects(
        "Problem",
        "An error. To fill in: where the provider says what is wrong.",
        &[read("code", code), read("message", message)],
        "problem",
    )
}

pub(super) fn profile(
    names: &Names,
    design: &Design,
    absent: &str,
    today: &str,
    unavailable: &[&str],
) -> Result<String, Unusable> {
    let quoted = |value: &str| toml::Value::from(value).to_string();
    let statuses: Vec<(&str, String)> = design.statuses().into_iter().map(|(of, value)| (of, quoted(value))).collect();
    let values = context! {
        id => names.id.as_str(), name => names.name.as_str(), currency => design.currency.as_str(), country => design.country.as_str(),
        credentials => served(credentials(design)), invented => design.invented, unsure => design.unsure, documentation => design.documentation.as_str(), absent, today, unavailable => served(unavailable),
        statuses => served(statuses), declines => design.has(Op::Authorize),
        hook_header => design.hooks.header.as_deref(), hook_algorithm => design.hooks.algorithm.unwrap_or("hmac-sha256"),
    };
    render("profile.toml", PROFILE, values)
}
