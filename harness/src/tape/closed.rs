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
    let mut names = Vec::new();
    open_fields(&request.query, &mut names);
    found.extend(names.drain(..).map(|name| (path.key("url"), money(&name))));
    let kind = match &request.body {
        BodyPattern::Form { fields, .. } => {
            open_fields(fields, &mut names);
            "form"
        }
        BodyPattern::Json { root, .. } => {
            open_members("", false, root, &mut names);
            "json"
        }
        BodyPattern::Xml { root, .. } => {
            open_elements(false, root, &mut names);
            "xml"
        }
        BodyPattern::None | BodyPattern::Text(_) => return found,
    };
    found.extend(names.iter().map(|name| (path.key(kind), money(name))));
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

fn speaks_of_money(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    MONEY.iter().any(|word| name.contains(word))
}

fn open_fields(fields: &[FieldPattern], names: &mut Vec<String>) {
    let open = |field: &&FieldPattern| field.value.as_ref().is_some_and(is_open) && speaks_of_money(&field.name);
    names.extend(fields.iter().filter(open).map(|field| field.name.clone()));
}

fn open_members(name: &str, money: bool, pattern: &JsonPattern, names: &mut Vec<String>) {
    match pattern {
        JsonPattern::Word(_) => {}
        JsonPattern::String(template) | JsonPattern::Number(template) => {
            if money && is_open(template) {
                names.push(name.to_owned());
            }
        }
        JsonPattern::Array(items) => items.iter().for_each(|item| open_members(name, money, item, names)),
        JsonPattern::Object(members) => {
            members.iter().for_each(|(name, member)| open_members(name, money || speaks_of_money(name), member, names));
        }
        JsonPattern::Base64(inner) => open_members(name, money, inner, names),
    }
}

fn open_elements(money: bool, element: &Element<Template>, names: &mut Vec<String>) {
    let money = money || speaks_of_money(&element.name);
    let open = |(name, template): &&(String, Template)| is_open(template) && (money || speaks_of_money(name));
    names.extend(element.attributes.iter().filter(open).map(|(name, _)| name.clone()));
    for child in &element.children {
        match child {
            Node::Element(inner) => open_elements(money, inner, names),
            Node::Text(template) if money && is_open(template) => names.push(element.name.clone()),
            Node::Text(_) => {}
        }
    }
}
