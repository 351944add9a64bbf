//! A body as a tree of which single members can be written otherwise: JSON, XML or form, numbers as they were written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::tape::json::{self, Json, member_path};
use crate::tape::xml::{self, Element, Node};

/// A value of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    Text(String),
    List(Vec<Value>),
    /// Names may repeat, as elements do.
    Object(Vec<(String, Value)>),
}

/// What is written instead of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Drop,
    With(Value),
    /// The member twice, with these values.
    Twice(Value, Value),
}

/// The changes of one mutant by the number of the spot.
pub(super) type Changes = BTreeMap<usize, Change>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Json,
    Xml,
    Form,
}

/// A body that was read.
#[derive(Debug, Clone)]
pub(super) struct Body {
    syntax: Syntax,
    /// What stands before the root: a byte-order mark, the declaration and document type of XML, or nothing.
    prolog: String,
    root: Value,
}

/// A member or item of a body.
#[derive(Debug, Clone)]
pub(super) struct Spot<'b> {
    /// Its number, counted from 0 in the order of the text.
    pub(super) number: usize,
    /// The number after its last part.
    pub(super) end: usize,
    /// Its place: `$.amount.value`.
    pub(super) path: String,
    /// Whether it is a member, which can stand twice.
    pub(super) is_member: bool,
    pub(super) value: &'b Value,
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    /// The text of a scalar; none for null and for what has parts.
    pub(super) fn scalar(&self) -> Option<Cow<'_, str>> {
        match self {
            Value::Number(text) | Value::Text(text) => Some(Cow::Borrowed(text)),
            Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
            Value::Null | Value::List(_) | Value::Object(_) => None,
        }
    }

    fn of_json(json: &Json<'_>) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(flag) => Value::Bool(*flag),
            Json::Number(text) => Value::Number((*text).to_owned()),
            Json::String(text) => Value::Text(text.to_string()),
            Json::Array(items) => Value::List(items.iter().map(Value::of_json).collect()),
            Json::Object(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.to_string(), Value::of_json(value))).collect())
            }
        }
    }

    /// Attributes as `@name`, text beside them as `#text`.
    fn of_xml(element: &Element<String>) -> Value {
        if let ([], [Node::Text(text)]) = (element.attributes.as_slice(), element.children.as_slice()) {
            return Value::Text(text.clone());
        }
        let attributes = element.attributes.iter().map(|(name, value)| (format!("@{name}"), Value::text(value)));
        let children = element.children.iter().map(|child| match child {
            Node::Element(element) => (element.name.clone(), Value::of_xml(element)),
            Node::Text(text) => ("#text".to_owned(), Value::text(text)),
        });
        let members: Vec<(String, Value)> = attributes.chain(children).collect();
        if members.is_empty() { Value::Null } else { Value::Object(members) }
    }

    /// How many spots lie below.
    fn below(&self) -> usize {
        match self {
            Value::List(items) => items.iter().map(|item| 1 + item.below()).sum(),
            Value::Object(members) => members.iter().map(|(_, value)| 1 + value.below()).sum(),
            _ => 0,
        }
    }
}

impl Body {
    /// Reads a body that is JSON, XML or a form; anything else is none.
    pub(super) fn read(bytes: &[u8], media_type: &str) -> Option<Body> {
        let whole = std::str::from_utf8(bytes).ok()?;
        let text = whole.trim_start_matches('\u{feff}').trim();
        let mut prolog = if whole.starts_with('\u{feff}') { "\u{feff}".to_owned() } else { String::new() };
        let (syntax, root) = match text.chars().next()? {
            '{' | '[' => (Syntax::Json, Value::of_json(&json::read(text).ok()?)),
            '<' => {
                let root = xml::read(text).ok()?;
                prolog.push_str(xml::prolog(text));
                (Syntax::Xml, Value::Object(vec![(root.name.clone(), Value::of_xml(&root))]))
            }
            _ if media_type.starts_with("application/x-www-form-urlencoded") => {
                let pairs = form_urlencoded::parse(text.as_bytes());
                let members = pairs.map(|(name, value)| (name.into_owned(), Value::text(value)));
                (Syntax::Form, Value::Object(members.collect()))
            }
            _ => return None,
        };
        Some(Body { syntax, prolog, root })
    }

    /// Whether half of it cannot be taken for a whole.
    pub(super) fn has_an_end(&self) -> bool {
        self.syntax != Syntax::Form
    }

    /// Every member and item, each before its parts. The root element of XML is none.
    pub(super) fn spots(&self) -> Vec<Spot<'_>> {
        let mut all = Vec::new();
        collect(&self.root, "$", &mut 0, &mut all);
        match self.syntax {
            Syntax::Xml => all.into_iter().skip(1).collect(),
            _ => all,
        }
    }

    /// The body with these changes.
    pub(super) fn write(&self, changes: &Changes) -> Vec<u8> {
        let mut out = self.prolog.clone();
        let mut writer = Writer { changes, next: 0, out: &mut out };
        match (self.syntax, &self.root) {
            (Syntax::Xml, Value::Object(members)) => writer.elements(members),
            (Syntax::Form, Value::Object(members)) => writer.fields(members),
            (_, root) => writer.json(root),
        }
        out.into_bytes()
    }
}

fn collect<'b>(value: &'b Value, path: &str, next: &mut usize, all: &mut Vec<Spot<'b>>) {
    let mut push = |path: String, is_member: bool, value: &'b Value| {
        let number = *next;
        *next += 1;
        let (at, end) = (all.len(), number + 1 + value.below());
        all.push(Spot { number, end, path, is_member, value });
        let path = all.get(at).map(|spot| spot.path.clone()).unwrap_or_default();
        collect(value, &path, next, all);
    };
    match value {
        Value::List(items) => {
            items.iter().enumerate().for_each(|(at, item)| push(format!("{path}[{at}]"), false, item));
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| push(format!("{path}{}", member_path(name)), true, value));
        }
        _ => {}
    }
}

/// Writes a tree; what a change replaces is passed over.
struct Writer<'w> {
    changes: &'w Changes,
    next: usize,
    out: &'w mut String,
}

impl Writer<'_> {
    /// The values that stand for a part: itself, none, another, or two.
    fn parts<'v>(&mut self, value: &'v Value) -> (Vec<Cow<'v, Value>>, bool) {
        let change = self.changes.get(&self.next);
        self.next += 1;
        if change.is_some() {
            self.next += value.below();
        }
        match change {
            None => (vec![Cow::Borrowed(value)], true),
            Some(Change::Drop) => (Vec::new(), false),
            Some(Change::With(other)) => (vec![Cow::Owned(other.clone())], false),
            Some(Change::Twice(one, other)) => (vec![Cow::Owned(one.clone()), Cow::Owned(other.clone())], false),
        }
    }

    /// What a change put in has no numbers of its own.
    fn plainly(&mut self, is_own: bool, write: impl FnOnce(&mut Writer<'_>)) {
        let none = Changes::new();
        if is_own {
            write(self);
        } else {
            write(&mut Writer { changes: &none, next: 0, out: self.out });
        }
    }

    fn json(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Text(text) => self.out.push_str(&serde_json::Value::from(text.as_str()).to_string()),
            Value::Bool(_) | Value::Number(_) => self.out.push_str(&value.scalar().unwrap_or_default()),
            Value::List(items) => {
                self.out.push('[');
                let start = self.out.len();
                for item in items {
                    let (parts, is_own) = self.parts(item);
                    parts.iter().for_each(|part| self.json_part(start, None, part, is_own));
                }
                self.out.push(']');
            }
            Value::Object(members) => {
                self.out.push('{');
                let start = self.out.len();
                for (name, value) in members {
                    let (parts, is_own) = self.parts(value);
                    parts.iter().for_each(|part| self.json_part(start, Some(name), part, is_own));
                }
                self.out.push('}');
            }
        }
    }

    fn json_part(&mut self, start: usize, name: Option<&str>, value: &Value, is_own: bool) {
        if self.out.len() > start {
            self.out.push(',');
        }
        if let Some(name) = name {
            self.out.push_str(&serde_json::Value::from(name).to_string());
            self.out.push(':');
        }
        self.plainly(is_own, |writer| writer.json(value));
    }

    fn elements(&mut self, members: &[(String, Value)]) {
        for (name, value) in members.iter().filter(|(name, _)| !name.starts_with('@')) {
            let (parts, is_own) = self.parts(value);
            for part in &parts {
                self.plainly(is_own, |writer| writer.element(name, part));
            }
        }
    }

    fn element(&mut self, name: &str, value: &Value) {
        let escape = |text: &str| quick_xml::escape::escape(text).into_owned();
        if name == "#text" {
            return self.out.push_str(&escape(&value.scalar().unwrap_or_default()));
        }
        self.out.push('<');
        self.out.push_str(name);
        if let Value::Object(members) = value {
            for (name, value) in members.iter().filter(|(name, _)| name.starts_with('@')) {
                let (parts, _) = self.parts(value);
                for part in &parts {
                    let text = escape(&part.scalar().unwrap_or_default());
                    self.out.push_str(&format!(" {}=\"{text}\"", name.trim_start_matches('@')));
                }
            }
        }
        self.out.push('>');
        match value {
            Value::Object(members) => self.elements(members),
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(|item| ("item".to_owned(), item.clone())).collect();
                self.elements(&items);
            }
            other => self.out.push_str(&escape(&other.scalar().unwrap_or_default())),
        }
        self.out.push_str(&format!("</{name}>"));
    }

    fn fields(&mut self, members: &[(String, Value)]) {
        let mut pairs = Vec::new();
        for (name, value) in members {
            for part in self.parts(value).0 {
                match part.as_ref() {
                    Value::List(_) => pairs.push((format!("{name}[0]"), String::new())),
                    Value::Object(_) => pairs.push((format!("{name}[quittance]"), String::new())),
                    scalar => pairs.push((name.clone(), scalar.scalar().unwrap_or_default().into_owned())),
                }
            }
        }
        self.out.push_str(&form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, media_type: &str, path: &str, change: Change) -> String {
        let body = Body::read(text.as_bytes(), media_type).unwrap();
        let number = body.spots().into_iter().find(|spot| spot.path == path).unwrap().number;
        String::from_utf8(body.write(&Changes::from([(number, change)]))).unwrap()
    }

    #[test]
    fn one_member_changes_and_the_rest_stays_as_written() {
        let json = "\u{feff}{\"a\":{\"b\":[1.50,\"x\\n\"]},\"c\":null,\"d\":true}";
        let with = |path, change| changed(json, "", path, change);
        assert_eq!(with("$.a.b[0]", Change::Drop), "\u{feff}{\"a\":{\"b\":[\"x\\n\"]},\"c\":null,\"d\":true}");
        assert_eq!(with("$.a", Change::With(Value::Null)), "\u{feff}{\"a\":null,\"c\":null,\"d\":true}");
        let twice = Change::Twice(Value::Bool(true), Value::Number("1e400".to_owned()));
        assert_eq!(with("$.d", twice), "\u{feff}{\"a\":{\"b\":[1.50,\"x\\n\"]},\"c\":null,\"d\":true,\"d\":1e400}");
        assert_eq!(
            with("$.c", Change::With(Value::Object(vec![("e".to_owned(), Value::List(Vec::new()))]))),
            "\u{feff}{\"a\":{\"b\":[1.50,\"x\\n\"]},\"c\":{\"e\":[]},\"d\":true}"
        );
    }

    #[test]
    fn xml_and_forms_likewise() {
        let xml = "<?xml version=\"1.0\"?><!DOCTYPE r><r t=\"1\"><s>a&amp;b</s><s><u/></s></r>";
        let prolog = "<?xml version=\"1.0\"?><!DOCTYPE r>";
        let with =
            |path, change| changed(xml, "text/xml", path, change).strip_prefix(prolog).map(str::to_owned).unwrap();
        assert_eq!(with("$.r.s", Change::Drop), "<r t=\"1\"><s><u></u></s></r>");
        assert_eq!(
            with("$.r[\"@t\"]", Change::With(Value::text("<"))),
            "<r t=\"&lt;\"><s>a&amp;b</s><s><u></u></s></r>"
        );
        assert!(Body::read(xml.as_bytes(), "").unwrap().spots().iter().all(|spot| spot.path != "$.r"));
        let form = "a=1&b=x%20y";
        let twice = Change::Twice(Value::text("1"), Value::text("2"));
        assert_eq!(changed(form, "application/x-www-form-urlencoded", "$.a", twice), "a=1&a=2&b=x+y");
        assert!(Body::read(b"plain text", "text/plain").is_none());
    }
}
