//! Places where a tape must say exactly what is sent: an `any` hole there would let a wrong amount, key or proof pass.

use super::hole::{Class, Hole};
use super::matcher::{BodyPattern, FieldPattern, JsonPattern, RequestPattern};
use super::template::Template;
use super::xml::{Element, Node};
use crate::bad_input::FieldPath;

/// Words in the name of a field, or of one around it, by which it speaks of money.
const MONEY: [&str; 4] = ["amount", "total", "price", "currency"];

/// Headers that authorize a request.
const PROOFS: [&str; 2] = ["authorization", "proxy-authorization"];

/// Every `any` hole of a request that stands where none may.
pub(super) fn problems(request: &RequestPattern, path: &FieldPath) -> Vec<(FieldPath, String)> {
    let mut found = Vec::new();
    for (name, template) in request.headers.iter().filter(|(_, template)| is_open(template)) {
        let name = name.as_str();
        let here = path.key("headers").key(name);
        if PROOFS.contains(&name) && (takes_any_text(template) || !template.has_signature()) {
            let message = "expected no `any` hole in a header that authorizes, but beside a `${sig:…}` hole, and of another shape than text";
            found.push((here, message.to_owned()));
        } else if name.contains("idempot") {
            found.push((here, "expected `${key}` and no `any` hole in an idempotency header".to_owned()));
        }
    }
    found.extend(open(request, speaks_of_money).into_iter().map(|(place, name)| (path.key(place), money(&name))));
    found
}

/// The headers, fields, members and elements of a request whose names speak of a hash or a signature and where an `any` hole takes every
/// text: nobody looks at what is sent there.
pub(super) fn unproven(request: &RequestPattern) -> Vec<String> {
    let headers = request.headers.iter().filter(|(name, template)| is_open(template) && speaks_of_proof(name.as_str()));
    let headers = headers.filter(|(_, template)| !template.has_signature()).map(|(name, _)| name.to_string());
    headers.chain(open(request, speaks_of_proof).into_iter().map(|(_, name)| name)).collect()
}

/// Whether a name speaks of something.
type Speaks = fn(&str) -> bool;

/// The fields, members and elements with an `any` hole whose names speak so, each with the part of the request.
fn open(request: &RequestPattern, speaks: Speaks) -> Vec<(&'static str, String)> {
    let mut names = Vec::new();
    open_fields(&request.query, speaks, &mut names);
    let mut found: Vec<_> = names.drain(..).map(|name| ("url", name)).collect();
    let kind = match &request.body {
        BodyPattern::Form { fields, .. } => {
            open_fields(fields, speaks, &mut names);
            "form"
        }
        BodyPattern::Json { root, .. } => {
            open_members("", false, root, speaks, &mut names);
            "json"
        }
        BodyPattern::Xml { root, .. } => {
            open_elements(false, root, speaks, &mut names);
            "xml"
        }
        BodyPattern::None | BodyPattern::Text(_) => return found,
    };
    found.extend(names.into_iter().map(|name| (kind, name)));
    found
}

fn money(name: &str) -> String {
    format!("expected no `any` hole in `{name}`, whose name speaks of money: state what must be sent")
}

fn is_open(template: &Template) -> bool {
    template.holes().any(Hole::is_open)
}

fn takes_any_text(template: &Template) -> bool {
    template.holes().any(|hole| matches!(hole, Hole::Any { class: Class::Text, .. }))
}

/// Whether a name speaks of money.
pub(crate) fn speaks_of_money(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    MONEY.iter().any(|word| name.contains(word))
}

/// Whether the last word of a name says that a hash or a signature stands there: `sha1hash`, `x-signature`, `requestDigest`, `mac`.
pub(crate) fn speaks_of_proof(name: &str) -> bool {
    let start = name.char_indices().rev().find(|(at, letter)| {
        let before = name.get(..*at).and_then(|before| before.chars().next_back());
        let is_new_word = letter.is_ascii_uppercase() && before.is_some_and(|before| before.is_ascii_lowercase());
        is_new_word || before.is_some_and(|before| !before.is_ascii_alphanumeric())
    });
    let last = start.and_then(|(at, _)| name.get(at..)).unwrap_or(name).to_ascii_lowercase();
    matches!(last.as_str(), "mac" | "hmac" | "sign")
        || ["hash", "digest", "signature"].iter().any(|word| last.ends_with(word))
}

fn open_fields(fields: &[FieldPattern], speaks: Speaks, names: &mut Vec<String>) {
    let open = |field: &&FieldPattern| field.value.as_ref().is_some_and(is_open) && speaks(&field.name);
    names.extend(fields.iter().filter(open).map(|field| field.name.clone()));
}

fn open_members(name: &str, spoken: bool, pattern: &JsonPattern, speaks: Speaks, names: &mut Vec<String>) {
    match pattern {
        JsonPattern::Word(_) => {}
        JsonPattern::String(template) | JsonPattern::Number(template) => {
            if spoken && is_open(template) {
                names.push(name.to_owned());
            }
        }
        JsonPattern::Array(items) => items.iter().for_each(|item| open_members(name, spoken, item, speaks, names)),
        JsonPattern::Object(members) => {
            members.iter().for_each(|(name, member)| open_members(name, spoken || speaks(name), member, speaks, names));
        }
        JsonPattern::Base64(inner) => open_members(name, spoken, inner, speaks, names),
    }
}

fn open_elements(spoken: bool, element: &Element<Template>, speaks: Speaks, names: &mut Vec<String>) {
    let spoken = spoken || speaks(&element.name);
    let open = |(name, template): &&(String, Template)| is_open(template) && (spoken || speaks(name));
    names.extend(element.attributes.iter().filter(open).map(|(name, _)| name.clone()));
    for child in &element.children {
        match child {
            Node::Element(inner) => open_elements(spoken, inner, speaks, names),
            Node::Text(template) if spoken && is_open(template) => names.push(element.name.clone()),
            Node::Text(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::speaks_of_proof;

    #[test]
    fn the_last_word_says_whether_a_proof_stands_there() {
        for name in
            ["sha1hash", "SHA1HASH", "refundhash", "x-signature", "requestDigest", "Ds_Signature", "mac", "sign"]
        {
            assert!(speaks_of_proof(name), "{name}");
        }
        for name in ["macAddress", "signatureKeyId", "nonce", "design", "x-request-id", "hashtagList", "pharmac", ""] {
            assert!(!speaks_of_proof(name), "{name}");
        }
    }
}
