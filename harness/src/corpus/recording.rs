//! Recorded answers: one JSON object a line; the format is described in `specs/recordings.md`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::bad_input::FileError;

/// The largest file of recordings that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// What the origin asserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recorded {
    /// The operation succeeded.
    Success,
    /// It did not.
    Failure,
    /// The origin did not say.
    Unlabelled,
}

/// Whether the API of the answer is the one that the provider offers today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// It is.
    Current,
    /// An older one that still runs.
    LiveLegacy,
}

impl Age {
    /// The word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Age::Current => "current",
            Age::LiveLegacy => "live-legacy",
        }
    }
}

/// One recorded answer.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// The provider's id.
    pub provider: String,
    /// The origin's word for the operation.
    pub operation: Option<String>,
    /// What the origin asserted.
    pub outcome: Recorded,
    /// Whether the API is current.
    pub state: Age,
    /// The HTTP status, where recorded.
    pub status: Option<u16>,
    /// `json`, `xml`, `form`, `delimited` …
    pub content_type: String,
    /// The body.
    pub body: String,
    /// The reference that the origin asserted: the first part.
    pub reference: Option<String>,
    /// The code that the origin asserted.
    pub code: Option<String>,
    /// Method and path of the call, where recorded.
    pub request: Option<String>,
    /// The name of the recording at its origin.
    pub source: String,
}

/// Reads a file, or every `.jsonl` file of a folder.
///
/// # Errors
/// Every malformed line, with file, line, field and what was expected.
pub fn load(path: &Path) -> Result<Vec<Recording>, Vec<FileError>> {
    let unreadable = |path: &Path, why: &dyn std::fmt::Display| {
        vec![FileError::of_file(
            crate::bad_input::display(path),
            format!("cannot be read: {why}; give a file of recordings, or a folder of *.jsonl files"),
        )]
    };
    let mut files = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
            let file = entry.map_err(|error| unreadable(path, &error))?.path();
            if file.extension().is_some_and(|extension| extension == "jsonl") {
                files.push(file);
            }
        }
        files.sort();
        if files.is_empty() {
            return Err(vec![FileError::of_file(crate::bad_input::display(path), "expected files named *.jsonl")]);
        }
    } else {
        files.push(path.to_owned());
    }
    let (mut recordings, mut errors) = (Vec::new(), Vec::new());
    for file in files {
        match read_file(&file).map_err(|why| unreadable(&file, &why)) {
            Ok(text) => parse(&file, &text, &mut recordings, &mut errors),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(recordings) } else { Err(errors) }
}

fn read_file(file: &PathBuf) -> Result<String, String> {
    let size = std::fs::metadata(file).map_err(|error| error.to_string())?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!("expected at most {MAX_FILE_BYTES} bytes, found {size}"));
    }
    std::fs::read_to_string(file).map_err(|error| error.to_string())
}

/// Reads the lines of a file; blank lines are passed over.
pub fn parse(file: &Path, text: &str, recordings: &mut Vec<Recording>, errors: &mut Vec<FileError>) {
    let name = crate::bad_input::display(file);
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = |field: &str, message: String| FileError {
            file: name.clone(),
            line: index + 1,
            column: 1,
            field: field.to_owned(),
            message,
        };
        match serde_json::from_str::<Value>(line) {
            Err(error) => errors.push(place("", format!("expected a JSON object: {error}"))),
            Ok(Value::Object(members)) => match recording(&members) {
                Ok(read) => recordings.push(Recording { file: name.clone(), line: index + 1, ..read }),
                Err((field, message)) => errors.push(place(field, message)),
            },
            Ok(_) => errors.push(place("", "expected a JSON object".to_owned())),
        }
    }
}

type Fault = (&'static str, String);

fn recording(members: &Map<String, Value>) -> Result<Recording, Fault> {
    let outcome = match optional(members, "outcome")?.as_deref() {
        Some("success") => Recorded::Success,
        Some("failure") => Recorded::Failure,
        None => Recorded::Unlabelled,
        Some(other) => return Err(("outcome", format!("expected success, failure or null, found `{other}`"))),
    };
    let state = match text(members, "state")?.as_str() {
        "current" => Age::Current,
        "live-legacy" => Age::LiveLegacy,
        other => return Err(("state", format!("expected current or live-legacy, found `{other}`"))),
    };
    let status = match members.get("status") {
        None => return Err(("status", "expected a status or null, found no such field".to_owned())),
        Some(Value::Null) => None,
        Some(value) => {
            let status = value.as_u64().and_then(|status| u16::try_from(status).ok());
            let fits = status.filter(|status| (100..600).contains(status));
            Some(fits.ok_or_else(|| ("status", format!("expected an HTTP status from 100 to 599, found {value}")))?)
        }
    };
    let expect = object(members, "expect")?;
    let reference = optional_in(expect, "expect.reference", "reference")?;
    let first =
        reference.as_deref().and_then(|text| text.split(['|', '#', ';']).next()).filter(|part| !part.is_empty());
    let request = match members.get("request") {
        None | Some(Value::Null) => None,
        Some(Value::Object(request)) => {
            let part = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
            Some(format!("{} {}", part("method"), part("path")))
        }
        Some(_) => return Err(("request", "expected an object or null".to_owned())),
    };
    let source = object(members, "source")?.and_then(|source| source.get("name")).and_then(Value::as_str);
    Ok(Recording {
        file: String::new(),
        line: 0,
        provider: text(members, "provider")?,
        operation: optional(members, "operation")?,
        outcome,
        state,
        status,
        content_type: text(members, "content_type")?,
        body: text(members, "body")?,
        reference: first.map(str::to_owned),
        code: optional_in(expect, "expect.code", "code")?,
        request,
        source: source.ok_or_else(|| ("source.name", "expected a text, found none".to_owned()))?.to_owned(),
    })
}

fn text(members: &Map<String, Value>, field: &'static str) -> Result<String, Fault> {
    match members.get(field) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err((field, format!("expected a text, found {}", kind(other)))),
        None => Err((field, "expected a text, found no such field".to_owned())),
    }
}

fn optional(members: &Map<String, Value>, field: &'static str) -> Result<Option<String>, Fault> {
    match members.get(field) {
        Some(Value::Null) => Ok(None),
        _ => text(members, field).map(Some),
    }
}

fn object<'a>(members: &'a Map<String, Value>, field: &'static str) -> Result<Option<&'a Map<String, Value>>, Fault> {
    match members.get(field) {
        Some(Value::Object(members)) => Ok(Some(members)),
        None | Some(Value::Null) => Ok(None),
        Some(other) => Err((field, format!("expected an object, found {}", kind(other)))),
    }
}

/// A text that may be missing; a number counts as its digits.
fn optional_in(members: Option<&Map<String, Value>>, field: &'static str, name: &str) -> Result<Option<String>, Fault> {
    match members.and_then(|members| members.get(name)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Object(_)) => Ok(None),
        Some(other) => Err((field, format!("expected a text or null, found {}", kind(other)))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r##"{"provider":"acme","operation":"purchase","outcome":"success","api":"","state":"current","status":null,"content_type":"json","body":"{}","expect":{"reference":"a#b","code":7},"request":null,"source":{"name":"n"}}"##;

    fn read(text: &str) -> (Vec<Recording>, Vec<String>) {
        let (mut recordings, mut errors) = (Vec::new(), Vec::new());
        parse(Path::new("a.jsonl"), text, &mut recordings, &mut errors);
        (recordings, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_line_is_read() {
        let (recordings, errors) = read(LINE);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(recordings[0].reference.as_deref(), Some("a"));
        assert_eq!(recordings[0].code.as_deref(), Some("7"));
        assert_eq!((recordings[0].status, recordings[0].line), (None, 1));
    }

    #[test]
    fn malformed_lines_name_their_place() {
        let (_, errors) = read(&format!("{LINE}\n{{"));
        assert!(errors[0].starts_with("a.jsonl:2: expected a JSON object"), "{errors:?}");
        let (_, errors) = read(&LINE.replace("current", "gone"));
        assert_eq!(errors, ["a.jsonl:1: state: expected current or live-legacy, found `gone`"]);
        let (_, errors) = read(&LINE.replace("\"body\"", "\"boby\""));
        assert_eq!(errors, ["a.jsonl:1: body: expected a text, found no such field"]);
        let (_, errors) = read(&LINE.replace("\"status\":null", "\"status\":\"200\""));
        assert!(errors[0].contains("status: expected an HTTP status"), "{errors:?}");
        let (_, errors) = read("[]");
        assert_eq!(errors, ["a.jsonl:1: expected a JSON object"]);
    }
}
