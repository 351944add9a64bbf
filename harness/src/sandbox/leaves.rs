//! Requests as a flat list of values, each with the place where it stands, so that any two can be compared whatever their order.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;

use crate::tape::json::{self, Json, member_path};
use crate::tape::matcher::{BodyPattern, FieldPattern, JsonPattern, RequestPattern};
use crate::tape::xml::{self, Element, Node};
use crate::tape::{Part, Template, opened};

/// Where it is said what is asked for, in an API that has one endpoint for all.
pub(super) const OPERATION: &str = "operation";

/// Most values that are read of one request.
const MAX_LEAVES: usize = 2_000;

/// A value that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// Where it stands: `header x-key`, `query id`, `form amount`, `$.amount.value`, `/a/b/@c`, `path 2`, `body`.
    pub(super) path: String,
    /// The text.
    pub(super) text: String,
    /// Whether it is a number or word of JSON.
    pub(super) bare: bool,
}

impl Value {
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Value {
        Value { path: path.into(), text: text.into(), bare: false }
    }
}

/// A value that a tape's request has: where, and what.
pub(super) type Stated = (String, Template);

/// Every value of a request. A body that cannot be read has one value, the whole of it. `open` where base64 holds JSON.
pub(super) fn sent(request: &Request<Bytes>, open: bool) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::with_capacity(48);
    for (name, value) in request.headers() {
        out.push(Value::new(["header ", name.as_str()].concat(), String::from_utf8_lossy(value.as_bytes())));
    }
    let mut fields = |kind: &str, text: &[u8]| {
        for (name, value) in form_urlencoded::parse(text).take(MAX_LEAVES) {
            out.push(Value::new([kind, " ", &name].concat(), value));
        }
    };
    fields("query", request.uri().query().unwrap_or_default().as_bytes());
    let Ok(text) = std::str::from_utf8(request.body()) else {
        out.push(Value::new("body", ""));
        return out;
    };
    let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let start = text.trim_start_matches('\u{feff}').trim();
    match start.bytes().next() {
        None => {}
        Some(b'{' | b'[') => body_json(start, open, &mut out),
        Some(b'<') => body_xml(start, &mut out),
        Some(_) if media.contains("form-urlencoded") || (media.is_empty() && start.contains('=')) => {
            fields("form", start.as_bytes());
        }
        Some(_) => out.push(Value::new("body", start)),
    }
    out.truncate(MAX_LEAVES);
    numbered(&mut out, |value| &value.path, |value, path| value.path = path);
    out
}

fn body_json(text: &str, open: bool, out: &mut Vec<Value>) {
    let text = if open { opened(text) } else { Cow::Borrowed(text) };
    match json::read(&text) {
        Ok(root) => {
            if let Some(Json::String(query)) = root.pointer("/query")
                && let Some(name) = first_field(query)
            {
                out.push(Value::new(OPERATION, name));
            }
            json_leaves("$".to_owned(), &root, out);
        }
        Err(_) => out.push(Value::new("body", text)),
    }
}

fn json_leaves(path: String, value: &Json<'_>, out: &mut Vec<Value>) {
    if out.len() >= MAX_LEAVES {
        return;
    }
    match value {
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                json_leaves(format!("{path}[{index}]"), item, out);
            }
        }
        Json::Object(members) => {
            for (name, member) in members {
                json_leaves([&path, &*member_path(name)].concat(), member, out);
            }
        }
        scalar => {
            let bare = !matches!(scalar, Json::String(_));
            out.push(Value { path, text: scalar.scalar().unwrap_or_default().into_owned(), bare });
        }
    }
}

fn body_xml(text: &str, out: &mut Vec<Value>) {
    match xml::document(text) {
        Ok(document) => {
            out.push(Value::new(OPERATION, children(&document.root)));
            xml_leaves(&format!("/{}", document.root.name), &document.root, &mut |path, text: &String| {
                if out.len() < MAX_LEAVES {
                    out.push(Value::new(path, text.as_str()));
                }
            });
        }
        Err(_) => out.push(Value::new("body", text)),
    }
}

/// The first field of a GraphQL document: what it asks for. None where the text is no such document.
fn first_field(document: &str) -> Option<&str> {
    let text = document.trim_start();
    if !["query", "mutation", "{"].iter().any(|start| text.starts_with(start)) {
        return None;
    }
    let selection = text.split_once('{')?.1.trim_start();
    let end = selection.find(['(', '{', '}', '\n']).unwrap_or(selection.len());
    let field = selection.get(..end)?.rsplit(':').next()?.trim();
    Some(field).filter(|field| !field.is_empty() && !field.contains(char::is_whitespace))
}

/// The names of the elements in an element.
fn children<T>(element: &Element<T>) -> String {
    element.children.iter().filter_map(Node::name).collect::<Vec<_>>().join("/")
}

/// Every attribute and text of a tree with its path: `/list/item[2]/@id`, counted among siblings of that name.
fn xml_leaves<T>(path: &str, element: &Element<T>, give: &mut impl FnMut(String, &T)) {
    for (name, value) in element.attributes.iter().filter(|(name, _)| !name.starts_with("xmlns")) {
        give(format!("{path}/@{name}"), value);
    }
    for (index, child) in element.children.iter().enumerate() {
        match child {
            Node::Text(text) => give(path.to_owned(), text),
            Node::Element(child) => {
                let before = element.children.iter().take(index);
                let position = before.filter(|sibling| sibling.name() == Some(&child.name)).count() + 1;
                let place = if position > 1 { format!("[{position}]") } else { String::new() };
                xml_leaves(&format!("{path}/{}{place}", child.name), child, give);
            }
        }
    }
}

/// Tells repeated names apart: the second is `form a#2`.
fn numbered<T>(all: &mut [T], path: fn(&T) -> &String, rename: fn(&mut T, String)) {
    let is_field = |name: &str| name.starts_with("form ") || name.starts_with("query ");
    let mut names: HashSet<&str> = HashSet::with_capacity(all.len());
    // Hardly ever does a name come twice.
    if all.iter().map(path).filter(|name| is_field(name)).all(|name| names.insert(name)) {
        return;
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    for value in all {
        let name = path(value).clone();
        if is_field(&name) {
            let count = counts.entry(name.clone()).or_default();
            *count += 1;
            if *count > 1 {
                rename(value, format!("{name}#{count}"));
            }
        }
    }
}

/// Every value of a tape's request, the path aside.
pub(super) fn stated(pattern: &RequestPattern) -> Vec<Stated> {
    let mut out: Vec<Stated> = Vec::new();
    for (name, template) in &pattern.headers {
        out.push((format!("header {name}"), template.clone()));
    }
    let mut fields = |kind: &str, patterns: &[FieldPattern]| {
        for field in patterns {
            out.push((format!("{kind} {}", field.name), field.value.clone().unwrap_or_default()));
        }
    };
    fields("query", &pattern.query);
    match &pattern.body {
        BodyPattern::None => {}
        BodyPattern::Form { fields: patterns, .. } => fields("form", patterns),
        BodyPattern::Json { root, .. } => {
            if let JsonPattern::Object(members) = root
                && let Some((_, JsonPattern::String(query))) = members.iter().find(|(name, _)| name == "query")
                && let Some(name) = query.literal().and_then(first_field)
            {
                out.push((OPERATION.to_owned(), fixed(name)));
            }
            json_stated("$".to_owned(), root, &mut out);
        }
        BodyPattern::Xml { root, .. } => {
            out.push((OPERATION.to_owned(), fixed(&children(root))));
            xml_leaves(&format!("/{}", root.name), root, &mut |path, text: &Template| out.push((path, text.clone())));
        }
        BodyPattern::Text(template) => out.push(("body".to_owned(), template.clone())),
    }
    numbered(&mut out, |(path, _)| path, |stated, path| stated.0 = path);
    out
}

fn fixed(text: &str) -> Template {
    Template::of(vec![Part::Text(text.to_owned())], false)
}

fn json_stated(path: String, pattern: &JsonPattern, out: &mut Vec<Stated>) {
    match pattern {
        JsonPattern::Word(word) => out.push((path, fixed(word))),
        JsonPattern::String(template) | JsonPattern::Number(template) => out.push((path, template.clone())),
        JsonPattern::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                json_stated(format!("{path}[{index}]"), item, out);
            }
        }
        JsonPattern::Object(members) => {
            for (name, member) in members {
                json_stated(format!("{path}{}", member_path(name)), member, out);
            }
        }
        JsonPattern::Base64(inner) => json_stated(format!("{path}{}", member_path("$base64")), inner, out),
    }
}

/// Whether a tape's request has JSON inside base64.
pub(super) fn encloses(stated: &[Stated]) -> bool {
    stated.iter().any(|(path, _)| path.contains("$base64"))
}

/// The last name of a path: `$.amount.value` has `value`, `form metadata[cart]` has `cart`; lower case, letters and digits alone.
pub(super) fn last_name(path: &str) -> String {
    let plain = path.trim_end_matches(']');
    let plain = plain.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '[' || letter == '#');
    let start = plain.rfind(['.', '[', '/', '@', ' ']).map_or(0, |at| at + 1);
    let name = plain.get(start..).unwrap_or_default();
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_become_flat() {
        let request = Request::post("/v1/a?x=1&x=2")
            .header("content-type", "application/json")
            .body(Bytes::from_static(b"{\"a\":{\"b\":[1.50,\"t\"]},\"c\":null}"))
            .unwrap();
        let found = sent(&request, false);
        let get = |path: &str| found.iter().find(|value| value.path == path).map(|value| value.text.as_str());
        assert_eq!(get("query x"), Some("1"));
        assert_eq!(get("query x#2"), Some("2"));
        assert_eq!(get("$.a.b[0]"), Some("1.50"));
        assert_eq!(get("$.c"), Some("null"));
    }

    #[test]
    fn what_is_asked_for_stands_in_the_body() {
        let of = |text: &str| first_field(text).map(str::to_owned);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("mutation ($input: I!) { done: chargeIt(input: $input) { id } }"), some("chargeIt"));
        assert_eq!(of("query ($input: I!) { done: search { it: found(input: $input) { a } } }"), some("search"));
        assert_eq!(of("{ ping }"), some("ping"));
        assert_eq!(of("mutation M {\n  chargeIt(a: 1) { id } }"), some("chargeIt"));
        assert_eq!(of("shoes"), None);
    }

    #[test]
    fn names_are_the_last_of_a_path() {
        for (path, name) in [
            ("$.amount.value", "value"),
            ("form metadata[cart]", "cart"),
            ("form expand[0]", "expand"),
            ("/a/b[2]/@orderCode", "ordercode"),
            ("$.list[3]", "list"),
        ] {
            assert_eq!(last_name(path), name);
        }
    }
}
