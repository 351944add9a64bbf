//! The members of bodies out of a description's schemas, and what their names say of them.

use quittance::Op;
use serde_json::Value;

use super::design;
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
    let mut found = members(api, schema, 0, &|name, required, leaf| required || is_wanted(name, leaf));
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

/// The first success of an operation: its status and what its answer holds.
pub(super) fn answer(api: &Api, operation: &Value) -> Answer {
    let responses = operation.get("responses").and_then(Value::as_object);
    let success = responses.into_iter().flatten().filter_map(|(status, response)| {
        let status = status.parse::<u16>().ok().filter(|status| (200..300).contains(status))?;
        Some((status, api.resolve(response)))
    });
    let Some((status, response)) = success.min_by_key(|(status, _)| *status) else {
        return Answer::unknown(200);
    };
    let media = response.get("content").and_then(Value::as_object);
    let Some(schema) = media.and_then(|media| media.values().next()?.get("schema")) else {
        return Answer::unknown(status);
    };
    let mut found = members(api, schema, 0, &|name, required, leaf| {
        matches!(leaf, Some(Leaf::Id | Leaf::Status | Leaf::Minor | Leaf::Major | Leaf::Currency | Leaf::Reference))
            || (required && !name.is_empty())
    });
    keep_first(&mut found, &Leaf::Id);
    keep_first(&mut found, &Leaf::Status);
    let member = |leaf: Leaf| found.iter().find(|member| member.form == Form::Leaf(leaf.clone()));
    // Without an id or a status the answer is of a form that nobody can guess.
    let (Some(_), Some(named)) = (member(Leaf::Id), member(Leaf::Status)) else { return Answer::unknown(status) };
    Answer { status, statuses: listed(api, schema, &named.name), members: found }
}

/// The values that a schema lists for a member.
fn listed(api: &Api, schema: &Value, name: &str) -> Vec<String> {
    let (mut properties, mut required) = (Vec::new(), Vec::new());
    collect(api, schema, 0, &mut properties, &mut required);
    let own = properties.iter().filter(|(property, _)| *property == name).map(|(_, schema)| api.resolve(schema));
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

/// The members of an object's schema that `wanted` takes, by name, whether they are needed, and what they are.
fn members(api: &Api, schema: &Value, level: usize, wanted: &dyn Fn(&str, bool, Option<&Leaf>) -> bool) -> Vec<Member> {
    let mut properties: Vec<(&String, &Value)> = Vec::new();
    let mut required: Vec<&str> = Vec::new();
    collect(api, schema, level, &mut properties, &mut required);
    let mut out: Vec<Member> = Vec::new();
    for (name, property) in properties {
        let property = api.resolve(property);
        let needed = required.contains(&name.as_str());
        let Some(form) = form(api, name, property, level, wanted) else { continue };
        let leaf = match &form {
            Form::Leaf(leaf) => Some(leaf),
            _ => None,
        };
        let read_only = property.get("readOnly").and_then(Value::as_bool) == Some(true)
            && !matches!(leaf, Some(Leaf::Id | Leaf::Status));
        let empty = matches!(&form, Form::Node(inner) | Form::List(inner) if inner.is_empty());
        if wanted(name, needed, leaf)
            && !read_only
            && !empty
            && out.len() < MOST_MEMBERS
            && !out.iter().any(|member| member.name == *name)
        {
            out.push(Member { name: name.clone(), form });
        }
    }
    out
}

/// The properties of a schema and of what it is made of: all of `allOf`, the first of `oneOf` and `anyOf`.
fn collect<'a>(
    api: &'a Api,
    schema: &'a Value,
    level: usize,
    properties: &mut Vec<(&'a String, &'a Value)>,
    required: &mut Vec<&'a str>,
) {
    let schema = api.resolve(schema);
    if level > 2 * MOST_LEVELS {
        return;
    }
    required.extend(schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str));
    properties.extend(schema.get("properties").and_then(Value::as_object).into_iter().flatten());
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        collect(api, part, level + 1, properties, required);
    }
    for name in ["oneOf", "anyOf"] {
        if let Some(first) = schema.get(name).and_then(|parts| parts.as_array()?.first()) {
            collect(api, first, level + 1, properties, required);
        }
    }
}

fn form(
    api: &Api,
    name: &str,
    schema: &Value,
    level: usize,
    wanted: &dyn Fn(&str, bool, Option<&Leaf>) -> bool,
) -> Option<Form> {
    let is_object = ["properties", "allOf", "oneOf", "anyOf"].iter().any(|word| schema.get(word).is_some());
    if is_object && level < MOST_LEVELS {
        let inner = members(api, schema, level + 1, wanted);
        if !inner.is_empty() {
            return Some(Form::Node(inner));
        }
    }
    if let Some(items) = schema.get("items").filter(|_| level < MOST_LEVELS) {
        return Some(Form::List(members(api, api.resolve(items), level + 1, wanted)));
    }
    Some(Form::Leaf(leaf(name, schema)))
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
