//! How the answers of an environment differ from those of a tape in their form: status, media type, and which fields there are of which type.
//! Values are neither compared nor told.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Response, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::corpus::body::View;
use crate::tape::json;

/// How deep bodies are compared; deeper members count as the one they stand in.
const MAX_DEPTH: usize = 32;

/// One difference in form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// `status`, `content-type`, or the JSON pointer of the field in the body; `*` stands for any place of a list.
    pub at: String,
    /// What the tape has: the status, the media type, or the field's type; none when it lacks the field.
    pub tape: Option<String>,
    /// What the environment has, in the same words.
    pub live: Option<String>,
}

impl Difference {
    /// The place in words: where the whole body differs, the pointer is empty.
    pub fn place(&self) -> &str {
        if self.at.is_empty() { "body" } else { &self.at }
    }
}

/// What differs between the tape's answer and the environment's.
pub fn differences(tape: &Response<Bytes>, live: &Response<Bytes>) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differ = |at: &str, tape: Option<String>, live: Option<String>| {
        if tape != live {
            found.push(Difference { at: at.to_owned(), tape, live });
        }
    };
    let status = |answer: &Response<Bytes>| Some(answer.status().as_u16().to_string());
    differ("status", status(tape), status(live));
    let expected = media_type(tape);
    if expected.is_some() || !live.body().is_empty() {
        differ("content-type", expected.clone(), media_type(live));
    }
    let kind = kind_of(expected.as_deref().unwrap_or_default());
    let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
    collect("", &body(tape, kind), kind, 0, &mut ours);
    collect("", &body(live, kind), kind, 0, &mut theirs);
    let is_null = |body: &[u8]| body.trim_ascii() == b"null";
    if theirs.get("").is_some_and(|kind| *kind == "null") && !is_null(live.body()) {
        // What cannot be read as the tape's kind of body is no null.
        theirs.insert(String::new(), if live.body().is_empty() { "nothing" } else { "something else" });
    }
    for (pointer, kind) in &ours {
        match theirs.get(pointer) {
            // Null in either says that the field may be empty, of whatever type it is else.
            Some(other) if other == kind || *kind == "null" => {}
            None if *kind == "null" => {}
            // Below a member that is missing as a whole, nothing more is told.
            None if parent_missing(pointer, &ours, &theirs) => {}
            other => differ(pointer, Some((*kind).to_owned()), other.map(|kind| (*kind).to_owned())),
        }
    }
    for (pointer, kind) in &theirs {
        if !ours.contains_key(pointer) && *kind != "null" && !parent_missing(pointer, &theirs, &ours) {
            differ(pointer, None, Some((*kind).to_owned()));
        }
    }
    found
}

/// Whether the member in which `pointer` stands is itself there in `of` and missing, or no container, in `other`.
fn parent_missing(pointer: &str, of: &BTreeMap<String, &str>, other: &BTreeMap<String, &str>) -> bool {
    let Some((parent, _)) = pointer.rsplit_once('/') else { return false };
    of.contains_key(parent) && of.get(parent) != other.get(parent)
}

fn media_type(answer: &Response<Bytes>) -> Option<String> {
    let text = answer.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    text.split(';').next().map(|part| part.trim().to_ascii_lowercase())
}

/// The word of [`View::of`] for a media type.
fn kind_of(media_type: &str) -> &'static str {
    match media_type {
        text if text.contains("json") => "json",
        text if text.contains("xml") => "xml",
        text if text.contains("x-www-form-urlencoded") => "form",
        _ => "other",
    }
}

fn body(answer: &Response<Bytes>, kind: &str) -> Value {
    View::of(kind, &String::from_utf8_lossy(answer.body())).0
}

/// Every member by pointer with its type. The items of a list share one pointer; in XML an element that stands alone is like a list of one.
fn collect(pointer: &str, value: &Value, kind: &str, depth: usize, found: &mut BTreeMap<String, &'static str>) {
    let word = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    match value {
        Value::Array(items) if kind == "xml" => {
            return items.iter().for_each(|item| collect(pointer, item, kind, depth, found));
        }
        // An element without children is text, with them an object: an empty one may be either.
        Value::String(text) if kind == "xml" && text.is_empty() => {
            found.entry(pointer.to_owned()).or_insert("null");
            return;
        }
        _ => {}
    }
    let known = found.entry(pointer.to_owned()).or_insert(word);
    if *known == "null" {
        *known = word;
    }
    if depth >= MAX_DEPTH {
        return;
    }
    match value {
        Value::Array(items) => {
            items.iter().for_each(|item| collect(&format!("{pointer}/*"), item, kind, depth + 1, found));
        }
        Value::Object(members) => {
            for (name, member) in members {
                collect(&format!("{pointer}/{}", json::pointer_name(name)), member, kind, depth + 1, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, kind: &str, body: &str) -> Response<Bytes> {
        let mut builder = Response::builder().status(status);
        if !kind.is_empty() {
            builder = builder.header("content-type", kind);
        }
        builder.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
    }

    fn told(tape: (u16, &str, &str), live: (u16, &str, &str)) -> Vec<String> {
        let differences = differences(&answer(tape.0, tape.1, tape.2), &answer(live.0, live.1, live.2));
        let word = |word: Option<String>| word.unwrap_or_else(|| "-".to_owned());
        differences.into_iter().map(|found| format!("{} {} {}", found.at, word(found.tape), word(found.live))).collect()
    }

    #[test]
    fn fields_types_status_and_media_type_are_compared() {
        let json = "application/json";
        let tape = r#"{"id":"a","n":1,"o":{"x":null,"y":true},"l":[{"k":"v"}],"gone":{"deep":1}}"#;
        assert!(told((200, json, tape), (200, "application/json; charset=utf-8", tape)).is_empty());
        let live = r#"{"id":"b","n":"1","o":{"x":5,"y":false},"l":[{"k":"w","m":1}],"new":{"deep":2}}"#;
        assert_eq!(
            told((200, json, tape), (201, "", live)),
            [
                "status 200 201",
                "content-type application/json -",
                "/gone object -",
                "/n number text",
                "/l/*/m - number",
                "/new - object"
            ]
        );
    }

    #[test]
    fn xml_and_forms_are_compared_too() {
        assert_eq!(
            told((200, "text/xml", "<a><b>1</b><c/></a>"), (200, "text/xml", "<a><b>1</b><b>2</b></a>")),
            Vec::<String>::new()
        );
        assert_eq!(
            told((200, "text/xml", "<a><b>1</b></a>"), (200, "text/xml", "<a><d>1</d></a>")),
            ["/a/b text -", "/a/d - text"]
        );
        let form = "application/x-www-form-urlencoded";
        assert_eq!(told((200, form, "A=1&B=2"), (200, form, "A=1")), ["/B text -"]);
    }

    #[test]
    fn a_body_of_another_kind_is_no_null() {
        let tape = (200, "application/json", "{\"id\":\"1\"}");
        let page = told(tape, (200, "application/json", "<h1>Not Found</h1>"));
        assert_eq!(page, [" object something else"]);
        assert_eq!(told(tape, (200, "application/json", "")), [" object nothing"]);
        assert_eq!(told(tape, (200, "application/json", "null")), [" object null"]);
        let place = Difference { at: String::new(), tape: None, live: None };
        assert_eq!(place.place(), "body");
    }
}
