//! A design out of a provider's description: addresses, proof of identity, and the paths that look like payments.

use std::collections::BTreeMap;

use quittance::Op;
use serde_json::{Map, Value};

use super::design::{Design, Part, Proof, Route};
use super::fields;
use super::shape::{AmountForm, Body, Endpoint, Member};
use crate::descriptions::openapi::Api;

/// How many paths an error lists.
const LISTED: usize = 8;

/// The operations that are looked for, in the order in which paths are given away: the plainest first.
const SOUGHT: [Op; 6] = [Op::Authorize, Op::Capture, Op::Refund, Op::Void, Op::Retrieve, Op::RetrieveRefund];

/// Nouns of what a payment is called in paths, the plainest first.
const PAYMENT: [&str; 13] = [
    "payments",
    "payment",
    "charges",
    "charge",
    "payment_intents",
    "paymentintents",
    "payment-intents",
    "authorizations",
    "authorize",
    "transactions",
    "transaction",
    "orders",
    "checkouts",
];

/// A path of the description with a verb.
struct Candidate<'a> {
    verb: String,
    path: &'a str,
    item: &'a Value,
    value: &'a Value,
    /// The path's segments in lower case; parameters begin with a brace.
    segments: Vec<String>,
    /// Words of the operation's name and summary.
    words: Vec<String>,
}

/// The design that a description gives. `file` is its name.
///
/// # Errors
/// What the description lacks.
pub(super) fn design(id: &str, file: &str, api: &Api) -> Result<Design, String> {
    let candidates = candidates(api);
    let found = routes(&candidates);
    let Some(authorize) = found.get(&Op::Authorize) else {
        let mut paths: Vec<&str> = candidates.iter().map(|candidate| candidate.path).collect();
        paths.dedup();
        let all = match paths.as_slice() {
            [] => "none at all".to_owned(),
            paths => paths.iter().take(LISTED).copied().collect::<Vec<_>>().join(", "),
        };
        return Err(format!(
            "no path of it looks like a payment (a POST to payments, charges, transactions …); it has {all}{}; \
             leave --from out, or give the description that has them",
            if paths.len() > LISTED { " and others" } else { "" }
        ));
    };
    let body = media(api, authorize);
    let bases = bases(&api.root);
    let common = Design::common(id, body, Endpoint::default(), AmountForm::default());
    let invented = bases.is_none();
    let (sandbox, live, told_apart) = bases.unwrap_or((common.sandbox.clone(), common.live.clone(), true));
    let idempotency = headers(api, authorize).find(|name| name.contains("idempoten"));
    let documentation = ["/externalDocs/url", "/info/contact/url", "/info/termsOfService"]
        .iter()
        .find_map(|pointer| api.root.pointer(pointer)?.as_str())
        .filter(|url| url.starts_with("https://") && !url.contains(['"', '<', '>', ' ', '\\']));
    let proof = proof(&api.root);
    let of_proof = if let Proof::Header(name) = &proof { Some(name.clone()) } else { None };
    let carried: Vec<String> = idempotency.clone().into_iter().chain(of_proof).collect();
    let routes = Op::ALL.iter().filter_map(|op| found.get(op).map(|candidate| route(api, *op, candidate, &carried)));
    let design = Design {
        proof,
        sandbox,
        live,
        invented,
        unsure: !told_apart,
        documentation: documentation.map_or(common.documentation, str::to_owned),
        idempotency: idempotency.clone(),
        routes: routes.collect(),
        ..common
    };
    match design.hosts().iter().all(|host| !host.is_empty() && !host.contains('{')) {
        true => Ok(design),
        false => Err(format!("{file}: no whole address of a server; give --sandbox-url and --live-url")),
    }
}

fn candidates(api: &Api) -> Vec<Candidate<'_>> {
    let paths = api.root.get("paths").and_then(Value::as_object).into_iter().flatten();
    let verbs = |item: &'_ Value| -> Vec<String> {
        let all = ["get", "post", "put", "patch", "delete"].into_iter();
        all.filter(|verb| item.get(verb).is_some_and(Value::is_object)).map(str::to_owned).collect()
    };
    paths
        .flat_map(|(path, item)| verbs(item).into_iter().map(move |verb| (path, item, verb)))
        .filter_map(|(path, item, verb)| {
            let value = item.get(&verb)?;
            let segments = path.split('/').filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
            let name = value.get("operationId").and_then(Value::as_str).unwrap_or_default();
            let summary = value.get("summary").and_then(Value::as_str).unwrap_or_default();
            Some(Candidate {
                verb: verb.to_uppercase(),
                path,
                item,
                value,
                segments,
                words: words(&format!("{name} {summary}")),
            })
        })
        .collect()
}

/// Words in lower case, `camelCase` taken apart.
fn words(text: &str) -> Vec<String> {
    let mut spaced = String::new();
    for c in text.chars() {
        if c.is_uppercase() {
            spaced.push(' ');
        }
        spaced.push(if c.is_alphanumeric() { c } else { ' ' });
    }
    spaced.split_whitespace().map(str::to_lowercase).collect()
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{') || segment.starts_with(':')
}

impl Candidate<'_> {
    fn last(&self) -> &str {
        self.segments.last().map_or("", String::as_str)
    }

    fn parameters(&self) -> usize {
        self.segments.iter().filter(|segment| is_parameter(segment)).count()
    }

    /// Whether a word begins with one of these, in the last literal segment or in the operation's name.
    fn speaks_of(&self, roots: &[&str]) -> bool {
        let literal = self.segments.iter().rev().find(|segment| !is_parameter(segment)).map_or("", String::as_str);
        let of_path = words(literal);
        let own = self.words.iter().chain(&of_path);
        own.clone().any(|word| roots.iter().any(|root| word.starts_with(root)))
    }

    /// Whether the last segment holds one of these words.
    fn ends_in(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.last().contains(word))
    }

    /// Whether it is about what `stem` makes: they share a noun.
    fn is_of(&self, stem: &[String]) -> bool {
        let noun = |segment: &&String| {
            !is_parameter(segment) && *segment != "api" && !(segment.starts_with('v') && segment.len() < 5)
        };
        stem.iter().filter(noun).any(|segment| self.segments.contains(segment))
    }

    fn path_speaks_of(&self, roots: &[&str]) -> bool {
        self.segments
            .iter()
            .filter(|segment| !is_parameter(segment))
            .any(|segment| roots.iter().any(|root| segment.contains(root)))
    }
}

/// The path for each operation, none given twice.
fn routes<'c, 'a>(candidates: &'c [Candidate<'a>]) -> BTreeMap<Op, &'c Candidate<'a>> {
    let mut found: BTreeMap<Op, &Candidate<'_>> = BTreeMap::new();
    for op in SOUGHT {
        let stem: Vec<String> = found.get(&Op::Authorize).map(|first| first.segments.clone()).unwrap_or_default();
        let free = candidates.iter().filter(|candidate| {
            let same = |taken: &&Candidate<'_>| taken.path == candidate.path && taken.verb == candidate.verb;
            !found.values().any(same)
        });
        let mut scored: Vec<(i32, &str, &Candidate<'_>)> =
            free.filter_map(|candidate| Some((score(op, candidate, &stem)?, candidate.path, candidate))).collect();
        scored.sort_by_key(|(score, path, _)| (-*score, path.len(), *path));
        if let Some((.., best)) = scored.into_iter().next() {
            found.insert(op, best);
        } else if op == Op::Authorize {
            break;
        }
    }
    found
}

/// How well a path fits an operation; none where it does not.
fn score(op: Op, candidate: &Candidate<'_>, stem: &[String]) -> Option<i32> {
    const OTHER: [&str; 12] = [
        "link",
        "method",
        "webhook",
        "subscription",
        "customer",
        "report",
        "search",
        "token",
        "plan",
        "payout",
        "batch",
        "fee",
    ];
    let depth = i32::try_from(candidate.segments.len()).unwrap_or(i32::MAX);
    let shared = candidate.segments.iter().zip(stem).take_while(|(one, other)| one == other).count();
    let whole_stem = !stem.is_empty() && shared == stem.len();
    let near = i32::try_from(shared).unwrap_or(0) * 3 + if whole_stem { 20 } else { 0 };
    let changes = matches!(candidate.verb.as_str(), "POST" | "PUT" | "PATCH");
    let other = if candidate.path_speaks_of(&OTHER) { -12 } else { 0 };
    let plain = -2 * depth + other;
    let has = |roots: &[&str]| candidate.speaks_of(roots);
    let ends_in_id = is_parameter(candidate.last());
    match op {
        Op::Authorize => {
            let rank = PAYMENT.iter().position(|noun| *noun == candidate.last())?;
            let rank = i32::try_from(rank).unwrap_or(0);
            let fits =
                candidate.verb == "POST" && !has(&["refund", "captur", "cancel", "void", "revers", "list", "search"]);
            fits.then_some(30 - rank + plain - 4 * i32::try_from(candidate.parameters()).unwrap_or(0))
        }
        Op::Capture => {
            let fits = changes
                && candidate.ends_in(&["captur", "settle"])
                && candidate.is_of(stem)
                && candidate.parameters() > 0;
            fits.then_some(near + plain)
        }
        Op::Refund => {
            let fits = changes
                && candidate.path_speaks_of(&["refund", "reversal", "credit"])
                && has(&["refund"])
                && !ends_in_id;
            fits.then_some(near + plain + if candidate.parameters() > 0 { 5 } else { 0 })
        }
        Op::Void => {
            let named = candidate.ends_in(&["void", "cancel", "revers", "release", "abort"]) && candidate.is_of(stem);
            let fits = (changes || candidate.verb == "DELETE") && named && candidate.parameters() > 0;
            fits.then_some(near + plain)
        }
        Op::Retrieve => {
            let fits =
                candidate.verb == "GET" && ends_in_id && candidate.segments.len() == stem.len() + 1 && whole_stem;
            fits.then_some(near + plain)
        }
        Op::RetrieveRefund => (candidate.verb == "GET" && ends_in_id && candidate.path_speaks_of(&["refund"]))
            .then_some(plain - 6 * i32::try_from(candidate.parameters()).unwrap_or(0)),
        _ => None,
    }
}

/// In what form the bodies of requests are written.
fn media(api: &Api, candidate: &Candidate<'_>) -> Body {
    let body = candidate.value.get("requestBody").map(|body| api.resolve(body));
    let types: Vec<&String> =
        body.and_then(|body| body.get("content")?.as_object()).into_iter().flat_map(Map::keys).collect();
    let has = |word: &str| types.iter().any(|name| name.contains(word));
    match (has("json"), has("urlencoded"), has("xml")) {
        (false, true, _) => Body::Form,
        (false, false, true) => Body::Xml,
        _ => Body::Json,
    }
}

/// The addresses of the test environment and the live one, and whether the description tells which is which.
fn bases(root: &Value) -> Option<(String, String, bool)> {
    let servers: Vec<(String, String)> = match root.get("servers").and_then(Value::as_array) {
        Some(servers) => servers.iter().filter_map(server).collect(),
        None => {
            let host = root.get("host")?.as_str()?;
            let base = root.get("basePath").and_then(Value::as_str).unwrap_or_default();
            vec![(format!("https://{host}{base}"), String::new())]
        }
    };
    let whole: Vec<(String, String)> = servers
        .into_iter()
        .map(|(url, what)| (url.trim_end_matches('/').to_owned(), what))
        .filter(|(url, _)| url.starts_with("https://") && !url.contains(['{', '"', '\\', ' ']))
        .collect();
    let is_test = |(url, what): &&(String, String)| {
        let told = format!("{url} {what}").to_lowercase();
        ["sandbox", "test", "demo", "staging", "uat"].iter().any(|word| told.contains(word))
    };
    let test = whole.iter().find(is_test);
    let sandbox = test.or(whole.first())?;
    let other = whole.iter().find(|server| !is_test(server));
    let live = other.unwrap_or(sandbox);
    Some((sandbox.0.clone(), live.0.clone(), test.is_some() && other.is_some()))
}

/// The address of a server with its variables at their defaults, and what it is.
fn server(server: &Value) -> Option<(String, String)> {
    let mut url = server.get("url")?.as_str()?.to_owned();
    for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flatten() {
        if let Some(default) = variable.get("default").and_then(Value::as_str) {
            url = url.replace(&format!("{{{name}}}"), default);
        }
    }
    Some((url, server.get("description").and_then(Value::as_str).unwrap_or_default().to_owned()))
}

/// How accounts prove who they are: the first scheme that all operations ask for, else the first there is.
fn proof(root: &Value) -> Proof {
    let schemes = root.pointer("/components/securitySchemes").or_else(|| root.get("securityDefinitions"));
    let Some(schemes) = schemes.and_then(Value::as_object) else { return Proof::Bearer };
    let asked = root.pointer("/security/0").and_then(Value::as_object).and_then(|asked| asked.keys().next());
    let scheme = asked.and_then(|name| schemes.get(name)).or_else(|| schemes.values().next());
    let text = |name: &str| scheme.and_then(|scheme| scheme.get(name)?.as_str()).unwrap_or_default().to_lowercase();
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    match (text("type").as_str(), text("scheme").as_str()) {
        ("basic", _) | ("http", "basic") => Proof::Basic,
        ("apikey", _) if text("in") == "header" && text("name") != "authorization" && is_name(&text("name")) => {
            Proof::Header(text("name"))
        }
        _ => Proof::Bearer,
    }
}

/// The names of the headers that an operation knows, lower case.
fn headers<'a>(api: &'a Api, candidate: &'a Candidate<'_>) -> impl Iterator<Item = String> + 'a {
    parameters(api, candidate, "header").map(|(name, _)| name.to_lowercase())
}

/// The parameters of an operation that stand in `place`, with whether each is needed.
fn parameters<'a>(
    api: &'a Api,
    candidate: &'a Candidate<'_>,
    place: &'a str,
) -> impl Iterator<Item = (&'a str, bool)> + 'a {
    let lists = [candidate.item.get("parameters"), candidate.value.get("parameters")];
    let all = lists.into_iter().flatten().filter_map(Value::as_array).flatten().map(|parameter| api.resolve(parameter));
    let here = all.filter(move |parameter| parameter.get("in").and_then(Value::as_str) == Some(place));
    here.filter_map(|parameter| {
        let needed = parameter.get("required").and_then(Value::as_bool).unwrap_or(false);
        Some((parameter.get("name")?.as_str()?, needed))
    })
}

/// `carried` are the headers that every request has anyway.
fn route(api: &Api, op: Op, candidate: &Candidate<'_>, carried: &[String]) -> Route {
    let own: Vec<&str> = candidate.path.split('/').filter(|part| !part.is_empty()).collect();
    let last = own.iter().rposition(|part| is_parameter(part)).filter(|_| op != Op::Authorize);
    let part = |(index, part): (usize, &&str)| match is_parameter(part) {
        false => Part::Text((*part).to_owned()),
        true if Some(index) == last => Part::Id,
        true => Part::Credential(fields::word(part)),
    };
    let header_like = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    // A parameter may stand beside the path and beside the operation; a name counts once.
    let asked = |place: &'static str, name: fn(&str) -> String| -> Vec<String> {
        let needed = parameters(api, candidate, place).filter(|(own, needed)| *needed && header_like(own));
        let mut names: Vec<String> = Vec::new();
        needed.map(|(own, _)| name(own)).for_each(|own| {
            if !names.contains(&own) {
                names.push(own)
            }
        });
        names
    };
    let is_free = |name: &String| {
        !matches!(name.as_str(), "authorization" | "content-type" | "accept" | "user-agent") && !carried.contains(name)
    };
    let named = asked("header", str::to_lowercase).into_iter().filter(is_free);
    let body = candidate.value.get("requestBody").map(|body| api.resolve(body)).and_then(|body| body.get("content"));
    let body: Option<Vec<Member>> = body.and_then(|content| fields::request(api, op, content));
    let answer = fields::answer(api, op, candidate.value);
    let id = candidate.value.get("operationId").and_then(Value::as_str);
    Route {
        op,
        verb: candidate.verb.clone(),
        path: own.iter().enumerate().map(part).collect(),
        headers: named.map(|name| (name.clone(), format!("header {name}"))).collect(),
        query: asked("query", str::to_owned),
        root: op.as_str().to_owned(),
        body: body.filter(|members| !members.is_empty() && candidate.verb != "GET"),
        answer: answer.members,
        status: answer.status,
        statuses: answer.statuses,
        problems: fields::problems(api, candidate.value),
        operation_id: id.filter(|id| !id.contains(['`', '\n'])).map(str::to_owned),
    }
}
