//! A recorded body as one JSON value, whatever it was written in.

use serde_json::{Map, Value};

use crate::tape::opened;
use crate::tape::xml::{self, Element, Node};

/// A body that conditions can look into.
#[derive(Debug, Clone, PartialEq)]
pub struct View(pub Value);

impl View {
    /// Reads a body: `json`, `xml` or `form`; anything else, and what cannot be read, is empty.
    pub fn of(content_type: &str, body: &str) -> View {
        let body = body.trim_start_matches('\u{feff}');
        // What stands in base64 is seen open.
        let json = || serde_json::from_str(&opened(body)).unwrap_or(Value::Null);
        View(match content_type {
            "json" => json(),
            "xml" => xml_with_root(body).unwrap_or(Value::Null),
            "form" => form(body),
            _ if body.trim_start().starts_with(['{', '[']) => json(),
            _ => Value::Null,
        })
    }

    /// The name of the root element of an XML body.
    pub fn root(&self, content_type: &str) -> Option<String> {
        self.0.as_object().filter(|_| content_type == "xml")?.keys().next().cloned()
    }

    /// Whether a member is there, is not null, and passes; objects and lists pass as their JSON.
    pub fn has(&self, pointer: &str, passes: impl Fn(&str) -> bool) -> bool {
        match self.0.pointer(pointer) {
            None | Some(Value::Null) => false,
            Some(value @ (Value::Array(_) | Value::Object(_))) => passes(&value.to_string()),
            Some(value) => passes(&plain(value)),
        }
    }

    /// A scalar member as text.
    pub fn text(&self, pointer: &str) -> Option<String> {
        self.0.pointer(pointer).filter(|value| !value.is_null()).map(plain).filter(|text| !text.is_empty())
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

fn form(body: &str) -> Value {
    let pairs = form_urlencoded::parse(body.trim().as_bytes());
    Value::Object(pairs.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect())
}

fn xml_with_root(body: &str) -> Option<Value> {
    let root = xml::read(body).ok()?;
    Some(Value::Object(Map::from_iter([(local(&root.name).to_owned(), element(&root, true))])))
}

/// An XML document as JSON: the root's children become members, repeated elements lists, text is trimmed; attributes, namespace
/// prefixes and a byte-order mark are left out. `lists` are elements that are lists even alone; `wrappers` are elements whose
/// only kind of child is a list that takes their place.
///
/// # Errors
/// What is not well-formed.
pub fn xml_as_json(body: &str, lists: &[String], wrappers: &[String]) -> Result<String, String> {
    let root = xml::read(body.trim_start_matches('\u{feff}'))?;
    let mut value = element(&root, false);
    if value.as_str() == Some("") {
        value = Value::Object(Map::new());
    }
    for pointer in lists {
        if let Some(found) = value.pointer_mut(pointer).filter(|found| !found.is_array()) {
            let alone = found.take();
            *found = Value::Array(vec![alone]);
        }
    }
    for pointer in wrappers {
        if let Some(found) = value.pointer_mut(pointer) {
            let inside = found.as_object_mut().map(|members| std::mem::take(members).into_iter().map(|(_, item)| item));
            let items = inside.map(|items| items.flat_map(as_list).collect()).unwrap_or_default();
            *found = Value::Array(items);
        }
    }
    Ok(value.to_string())
}

fn as_list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        alone => vec![alone],
    }
}

/// An element without children or kept attributes is its text; else text is left out, but stands as `#text` beside attributes.
fn element(element: &Element<String>, attributes: bool) -> Value {
    let mut members: Map<String, Value> = Map::new();
    let mut text = String::new();
    for (name, value) in element.attributes.iter().filter(|_| attributes) {
        members.insert(format!("@{}", local(name)), Value::String(value.clone()));
    }
    for node in &element.children {
        match node {
            Node::Text(part) => text.push_str(part),
            Node::Element(child) => {
                let value = self::element(child, attributes);
                match members.get_mut(local(&child.name)) {
                    None => {
                        members.insert(local(&child.name).to_owned(), value);
                    }
                    Some(Value::Array(items)) => items.push(value),
                    Some(first) => {
                        let one = first.take();
                        *first = Value::Array(vec![one, value]);
                    }
                }
            }
        }
    }
    let text = text.trim();
    if members.is_empty() {
        return Value::String(text.to_owned());
    }
    if attributes && !text.is_empty() {
        members.insert("#text".to_owned(), Value::String(text.to_owned()));
    }
    Value::Object(members)
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_becomes_json_with_lists_and_without_wrappers() {
        let body = "\u{feff}<?xml version=\"1.0\"?><n:r xmlns:n=\"x\" a=\"1\"><n:m><c> 1 </c></n:m><w><i>a</i></w><e/><t>1</t><t>2</t></n:r>";
        let json = xml_as_json(body, &["/m".to_owned()], &["/w".to_owned()]).unwrap();
        assert_eq!(json, r#"{"e":"","m":[{"c":"1"}],"t":["1","2"],"w":["a"]}"#.to_owned());
        assert!(xml_as_json("<a>", &[], &[]).is_err());
        assert_eq!(xml_as_json("<a/>", &[], &[]).unwrap(), "{}");
    }

    #[test]
    fn every_form_of_body_can_be_looked_into() {
        assert!(View::of("json", "\u{feff}{\"a\":{\"b\":1}}").has("/a/b", |text| text == "1"));
        assert!(View::of("xml", "<a><b>x</b></a>").has("/a/b", |text| text == "x"));
        let view = View::of("xml", "<!DOCTYPE a SYSTEM 'a.dtd'><a><b c='1'> x </b></a>");
        assert!(view.has("/a/b/@c", |text| text == "1") && view.has("/a/b/#text", |text| text == "x"));
        assert_eq!(View::of("form", "A=1%20&B=").text("/A").as_deref(), Some("1 "));
        assert_eq!(View::of("form", "A=1&B=").text("/B"), None);
        assert!(!View::of("json", "{\"a\":null}").has("/a", |_| true));
        assert_eq!(View::of("delimited", "|1|"), View(Value::Null));
    }
}
