//! The members of bodies out of a description's schemas, and what their names say of them.

use quittance::Op;
use serde_json::Value;

use super::design::{self, Problem};
use super::shape::{Form, Leaf, Member, Written};
use crate::descriptions::openapi::Api;

/// How deep bodies are followed: what lies deeper is filled in by hand.
const MOST_LEVELS: usize = 4;
/// How many members of an object are taken: a description may list hundreds.
const MOST_MEMBERS: usize = 24;

/// What a request's body holds: what the description asks for, and what every payment needs.
pub(super) fn request(api: &Api, op: Op, content: &Value) -> Option<Vec<Member>> {
    let media = content.as_object()?;
    let schema = ["json", "urlencoded", "xml"].iter().find_map(|word| {
        media.iter().find(|(name, _)| name.contains(word)).and_then(|(_, media)| media.get("schema"))
    })?;
    let mut found = members(api, schema, 0, &|name, property, required, leaf| {
        !is_marked(property, "readOnly") && (required || is_wanted(name, leaf))
    });
    asked_of(op, &mut found);
    (!found.is_empty()).then_some(found)
}

/// What the operation's request does not have is filled in by hand: a release has no amount, only a payment has a card.
fn asked_of(op: Op, members: &mut [Member]) {
    for member in members {
        match &mut member.form {
            Form::Node(inner) | Form::List(inner) => asked_of(op, inner),
            Form::Leaf(leaf) => {
                let has = match leaf {
                    Leaf::Id | Leaf::Status => false,
                    Leaf::Minor | Leaf::Major | Leaf::Currency => op != Op::Void,
                    Leaf::Capture | Leaf::Number | Leaf::Month(_) | Leaf::Year(_) | Leaf::Cvc | Leaf::Holder => {
                        op == Op::Authorize
                    }
                    _ => true,
                };
                if !has {
                    *leaf = Leaf::Unknown(member.name.clone());
                }
            }
        }
    }
}

/// What the first success of an operation answers.
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    pub(super) members: Vec<Member>,
    /// The values that the description lists for the member that is the status.
    pub(super) statuses: Vec<String>,
}

impl Answer {
    /// One of a form that nobody can guess.
    fn unknown(status: u16) -> Answer {
        Answer { status, members: design::answer(&Leaf::Minor), statuses: Vec::new() }
    }
}

/// The first success of an operation whose answer is described: its status and what it holds.
pub(super) fn answer(api: &Api, op: Op, operation: &Value) -> Answer {
    let mut successes: Vec<(u16, Option<&Value>)> = responses(api, operation)
        .filter_map(|(status, schema)| Some((status.filter(|status| (200..300).contains(status))?, schema)))
        .collect();
    successes.sort_by_key(|(status, schema)| (schema.is_none(), *status));
    let Some((status, schema)) = successes.first().copied() else { return Answer::unknown(200) };
    let Some(schema) = schema else { return Answer::unknown(status) };
    let mut found = members(api, schema, 0, &|_, property, required, leaf| {
        let is_read = matches!(
            leaf,
            Some(Leaf::Id | Leaf::Status | Leaf::Minor | Leaf::Major | Leaf::Currency | Leaf::Reference)
        );
        !is_marked(property, "writeOnly") && (is_read || required)
    });
    if found.is_empty() {
        // Nothing is described, so the answer is of a form that nobody can guess.
        return Answer::unknown(status);
    }
    keep_first(&mut found, &Leaf::Id);
    keep_first(&mut found, &Leaf::Status);
    if matches!(op, Op::Authorize | Op::Refund) {
        name_id(&mut found);
    }
    let named = found.iter().find(|member| member.form == Form::Leaf(Leaf::Status));
    let statuses = named.map(|named| listed(api, schema, &named.name)).unwrap_or_default();
    Answer { status, statuses, members: found }
}

/// What is made has an id, under whatever name: where none is called so, the first that ends as ids do.
fn name_id(members: &mut [Member]) {
    let is_id = |member: &&mut Member| {
        let name = plain(&member.name);
        let is_other = tells(&name, &["request", "merchant", "customer", "account"]);
        is_text(member) && (name.ends_with("id") || name.ends_with("reference")) && !is_other
    };
    if !members.iter().any(|member| member.form == Form::Leaf(Leaf::Id))
        && let Some(member) = members.iter_mut().find(is_id)
    {
        member.form = Form::Leaf(Leaf::Id);
    }
}

/// The responses of an operation: the status, none for a class or all others, and the schema of the body.
fn responses<'a>(api: &'a Api, operation: &'a Value) -> impl Iterator<Item = (Option<u16>, Option<&'a Value>)> {
    let responses = operation.get("responses").and_then(Value::as_object);
    responses.into_iter().flatten().map(|(status, response)| {
        let media = api.resolve(response).get("content").and_then(Value::as_object);
        (status.parse().ok(), media.and_then(|media| media.values().next()?.get("schema")))
    })
}

/// The refusals of an operation whose bodies are described.
pub(super) fn problems(api: &Api, operation: &Value) -> Vec<Problem> {
    let refusals = responses(api, operation).filter(|(status, _)| status.is_none_or(|status| status >= 400));
    let problem = |(status, schema): (Option<u16>, Option<&Value>)| {
        let mut members = members(api, schema?, 0, &|name, property, required, _| {
            !is_marked(property, "writeOnly") && (required || tells(name, &TELLING))
        });
        unread(&mut members);
        let text = |words: &[&str]| members.iter().find(|member| is_text(member) && tells(&member.name, words));
        let code = text(&["code"]).or_else(|| text(&["type"])).map(|member| member.name.clone());
        let message = text(&["message", "detail", "description", "title"]).map(|member| member.name.clone());
        (!members.is_empty()).then_some(Problem { status, members, code, message })
    };
    refusals.filter_map(problem).collect()
}

/// Parts of the names of members that say why something was refused.
const TELLING: [&str; 8] = ["code", "type", "message", "error", "detail", "description", "reason", "title"];

fn tells(name: &str, words: &[&str]) -> bool {
    let name = plain(name);
    words.iter().any(|word| name.contains(word))
}

/// Whether a member that nobody knows yet is a text.
fn is_text(member: &Member) -> bool {
    let Form::Leaf(Leaf::Unknown(what)) = &member.form else { return false };
    what.ends_with(", string") || what.contains(", one of ")
}

/// A refusal repeats no id, amount or status of a payment, whatever its members are called.
fn unread(members: &mut [Member]) {
    for member in members {
        match &mut member.form {
            Form::Node(inner) | Form::List(inner) => unread(inner),
            Form::Leaf(Leaf::Unknown(_)) => {}
            Form::Leaf(leaf) => *leaf = Leaf::Unknown(member.name.clone()),
        }
    }
}

/// The values that a schema lists for a member.
fn listed(api: &Api, schema: &Value, name: &str) -> Vec<String> {
    let parts = Parts::of(api, schema, 0);
    let own = parts.properties.iter().filter(|(property, _)| *property == name).map(|(_, schema)| api.resolve(schema));
    let values = own.filter_map(|schema| schema.get("enum")?.as_array()).flatten();
    values.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Of several members that could be the id or the status, the first is; the others are filled in by hand.
fn keep_first(members: &mut [Member], leaf: &Leaf) {
    let best = members
        .iter()
        .position(|member| {
            member.form == Form::Leaf(leaf.clone()) && ["id", "status", "state"].contains(&plain(&member.name).as_str())
        })
        .or_else(|| members.iter().position(|member| member.form == Form::Leaf(leaf.clone())));
    for (index, member) in members.iter_mut().enumerate() {
        if member.form == Form::Leaf(leaf.clone()) && Some(index) != best {
            member.form = Form::Leaf(Leaf::Unknown(member.name.clone()));
        }
    }
}

/// What a payment cannot go without, also where the description asks for none of it.
fn is_wanted(name: &str, leaf: Option<&Leaf>) -> bool {
    match leaf {
        Some(Leaf::Unknown(_)) => false,
        Some(_) => true,
        None => ["card", "amount", "paymentmethod", "source", "money"].iter().any(|word| plain(name).starts_with(word)),
    }
}

/// A name without case and separators.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

/// The words of the language, strict and reserved (The Rust Reference, "Keywords").
const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// A name in the form of a Rust field.
pub(super) fn word(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            'A'..='Z' => {
                if !out.is_empty() && !out.ends_with('_') {
                    out.push('_');
                }
                out.push(c.to_ascii_lowercase());
            }
            'a'..='z' | '0'..='9' => out.push(c),
            _ if !out.is_empty() && !out.ends_with('_') => out.push('_'),
            _ => {}
        }
    }
    let out = out.trim_matches('_').to_owned();
    match out.as_str() {
        "" => "place".to_owned(),
        // The credentials that every account has.
        "environment" | "api_key" | "username" | "password" => format!("{out}_in_path"),
        word if KEYWORDS.contains(&word) => format!("{out}_name"),
        _ if out.starts_with(|c: char| c.is_ascii_digit()) => format!("of_{out}"),
        _ => out,
    }
}

/// Whether a member is taken, by its name, its schema, whether it is needed, and what it is.
type Wanted<'w> = &'w dyn Fn(&str, &Value, bool, Option<&Leaf>) -> bool;

fn is_marked(schema: &Value, word: &str) -> bool {
    schema.get(word).and_then(Value::as_bool) == Some(true)
}

/// The members of an object's schema that `wanted` takes.
fn members(api: &Api, schema: &Value, level: usize, wanted: Wanted<'_>) -> Vec<Member> {
    let parts = Parts::of(api, schema, level);
    let mut out: Vec<Member> = Vec::new();
    for (name, property) in parts.properties {
        let property = api.resolve(property);
        let needed = parts.required.contains(&name.as_str());
        let chosen = parts.chosen.iter().find(|(property, _)| property == name);
        let form = match chosen {
            Some((_, word)) => Form::Leaf(Leaf::Fixed((*word).to_owned())),
            None => form(api, name, property, level, wanted),
        };
        let leaf = match &form {
            Form::Leaf(leaf) => Some(leaf),
            _ => None,
        };
        if wanted(name, property, needed, leaf)
            && out.len() < MOST_MEMBERS
            && !out.iter().any(|member| member.name == *name)
        {
            out.push(Member { name: name.clone(), form });
        }
    }
    out
}

/// What a schema is made of: all of `allOf`, the first of `oneOf` and `anyOf`, and the card among what a discriminator maps to.
#[derive(Default)]
struct Parts<'a> {
    properties: Vec<(&'a String, &'a Value)>,
    required: Vec<&'a str>,
    /// The properties that discriminate, each with the word of what was chosen.
    chosen: Vec<(&'a str, &'a str)>,
}

impl<'a> Parts<'a> {
    fn of(api: &'a Api, schema: &'a Value, level: usize) -> Parts<'a> {
        let mut parts = Parts::default();
        parts.collect(api, schema, level);
        parts
    }

    fn collect(&mut self, api: &'a Api, schema: &'a Value, level: usize) {
        let schema = api.resolve(schema);
        if level > 2 * MOST_LEVELS {
            return;
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        self.required.extend(required.filter_map(Value::as_str));
        self.properties.extend(schema.get("properties").and_then(Value::as_object).into_iter().flatten());
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.collect(api, part, level + 1);
        }
        if let Some((property, word, card)) = card(api, schema) {
            // What is chosen is often made of the very schema that tells it from others.
            if !self.chosen.iter().any(|(chosen, _)| *chosen == property) {
                self.chosen.push((property, word));
                self.collect(api, card, level + 1);
            }
            return;
        }
        for name in ["oneOf", "anyOf"] {
            if let Some(first) = schema.get(name).and_then(|parts| parts.as_array()?.first()) {
                self.collect(api, first, level + 1);
            }
        }
    }
}

/// Of the schemas that a discriminator tells apart the card's: the property that tells, its word, and the schema.
fn card<'a>(api: &'a Api, schema: &'a Value) -> Option<(&'a str, &'a str, &'a Value)> {
    let discriminator = schema.get("discriminator")?;
    let mapping = discriminator.get("mapping")?.as_object()?;
    let named = || mapping.iter().find(|(word, _)| word.to_lowercase().contains("card"));
    let (word, target) = mapping.get_key_value("card").or_else(named)?;
    let target = target.as_str()?;
    // A bare name is that of a schema (OpenAPI 3.0.3, discriminator object).
    let found = match target.strip_prefix('#') {
        Some(pointer) => api.root.pointer(pointer),
        None => api.root.pointer("/components/schemas")?.get(target),
    };
    Some((discriminator.get("propertyName")?.as_str()?, word, found?))
}

fn form(api: &Api, name: &str, schema: &Value, level: usize, wanted: Wanted<'_>) -> Form {
    let is_object = ["properties", "allOf", "oneOf", "anyOf"].iter().any(|word| schema.get(word).is_some());
    let items = schema.get("items").filter(|_| level < MOST_LEVELS);
    let inner = match (is_object, items) {
        (true, _) if level < MOST_LEVELS => members(api, schema, level + 1, wanted),
        (_, Some(items)) => members(api, api.resolve(items), level + 1, wanted),
        _ => Vec::new(),
    };
    match (inner.is_empty(), items) {
        (false, Some(_)) if !is_object => Form::List(inner),
        (false, _) => Form::Node(inner),
        // A list of plain values too: what stands in it is filled in by hand.
        (true, _) => Form::Leaf(leaf(name, schema)),
    }
}

/// What a member is, by its name and type.
fn leaf(name: &str, schema: &Value) -> Leaf {
    let kind = schema.get("type").and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str())).unwrap_or("string");
    let values: Vec<&str> =
        schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let plain = plain(name);
    let is = |words: &[&str]| words.contains(&plain.as_str());
    let holds = |words: &[&str]| words.iter().any(|word| plain.contains(word));
    let whole = kind == "integer";
    let written = if whole || kind == "number" { Written::Whole } else { Written::Text };
    if is(&["amount", "value", "total", "totalamount", "amountminor", "amountincents"]) {
        return match (whole, kind) {
            (true, _) => Leaf::Minor,
            // Whether a number counts major or minor units, no type tells; minor units are the usual thing in JSON numbers.
            (_, "number") => Leaf::Minor,
            _ => Leaf::Major,
        };
    }
    match () {
        () if is(&["currency", "currencycode", "amountcurrency", "currencyid"]) => Leaf::Currency,
        () if is(&["capture", "autocapture", "autosettle", "captureautomatically"]) && kind == "boolean" => {
            Leaf::Capture
        }
        () if holds(&["idempot"]) || is(&["requestid"]) => Leaf::Key,
        () if is(&["number", "cardnumber", "pan", "cardno"]) => Leaf::Number,
        () if is(&["expmonth", "expirymonth", "expirationmonth", "expiremonth", "month"]) => Leaf::Month(written),
        () if is(&["expyear", "expiryyear", "expirationyear", "expireyear", "year"]) => Leaf::Year(written),
        () if is(&["cvc", "cvv", "cvv2", "cvn", "securitycode", "cardcode", "csc"]) => Leaf::Cvc,
        () if is(&["holder", "cardholder", "cardholdername", "nameoncard", "holdername"]) => Leaf::Holder,
        () if is(&[
            "reference",
            "merchantreference",
            "orderid",
            "orderreference",
            "externalid",
            "merchantorderid",
            "refno",
            "referenceid",
            "merchanttransactionid",
            "ordernumber",
            "checkoutreference",
            "clientreference",
        ]) =>
        {
            Leaf::Reference
        }
        () if plain == "id"
            || (plain.ends_with("id") && is(&["paymentid", "transactionid", "chargeid", "refundid"])) =>
        {
            Leaf::Id
        }
        () if is(&["status", "state", "paymentstatus", "transactionstatus"]) => Leaf::Status,
        () => match values.as_slice() {
            [only] => Leaf::Fixed((*only).to_owned()),
            [] => Leaf::Unknown(format!("{name}, {kind}")),
            several => {
                let shown: Vec<&str> = several.iter().take(6).copied().collect();
                Leaf::Unknown(format!("{name}, one of {}", shown.join(", ")))
            }
        },
    }
}
