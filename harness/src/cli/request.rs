//! `quittance request`: what a connector would send.

use std::collections::VecDeque;
use std::process::ExitCode;

use bytes::Bytes;
use clap::Args;
use http::Response;
use quittance::{Kind, Op};
use serde_json::{Map, Value, json};

use super::desk::{Called, Desk, Named, Setting, response};
use super::source::{Source, one_standard_input};
use super::{pretty, say};
use crate::invoke::Request;
use crate::mask::{Masker, secrets_of};
use crate::tape::MASK;
use crate::world::{Unusable, World};

/// What stands before the case of a tape that answered.
const TAPE: &str = "tape ";

/// Show the HTTP requests that a connector would send for an operation; nothing leaves this machine
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  quittance request stripe authorize
  quittance request stripe capture --input capture.json --curl
  quittance request paypal authorize --input - --answer token.json < order.json
  quittance request stripe refund --seed 7 --now 2026-11-22T12:00:00Z

Each --answer file answers one request, in order: a JSON object {\"status\", \"headers\", \"body\"}, or a body alone for status 200. \
Requests beyond those are answered by the tape of the suite's plain success scenario, as long as it fits. A tape answers for its \
own amount: with another one, the output may end in a note about it. The requests up to there hold.

Exit codes: 0 shown, 2 unusable input or one that the connector refuses.")]
pub(super) struct RequestCommand {
    /// The connector
    connector: String,
    /// The operation, as authorize or capture
    operation: String,
    /// The operation's input as JSON, - for standard input; else a sample out of the suite. A missing key and reference are filled in
    #[arg(long, value_name = "FILE")]
    input: Option<String>,
    /// The answer to one request, - for standard input; once for each, in order
    #[arg(long = "answer", value_name = "FILE")]
    answers: Vec<String>,
    #[command(flatten)]
    setting: Setting,
    /// Print curl commands instead of JSON
    #[arg(long, conflicts_with = "json")]
    curl: bool,
    /// Print secrets instead of masking them
    #[arg(long)]
    show_secrets: bool,
    /// Print JSON (the default)
    #[arg(long)]
    json: bool,
}

impl RequestCommand {
    pub(super) fn run(&self, world: World) -> Result<ExitCode, Unusable> {
        let paths = self.input.iter().chain(&self.setting.credentials).chain(&self.answers);
        one_standard_input(paths.map(String::as_str))?;
        let desk = Desk::open(world, &self.connector, &self.operation, &self.setting)?;
        if desk.op == Op::Webhook {
            let told =
                format!("a webhook delivery is no input; use `quittance read {} webhook --body FILE`", desk.id());
            return Err(Unusable::Text(told));
        }
        let source = self.input.as_deref().map(|path| Source::read(path, "the input")).transpose()?;
        let mut given = self.given()?;
        let (request, input) = desk.request(source.as_ref())?;
        let mut stand_in = desk.stand_in(&input)?;
        let called = desk.call(&request, |sent| {
            given.pop_front().or_else(|| {
                let tape = stand_in.as_mut()?;
                Some((tape.answer(sent)?, format!("{TAPE}{}", tape.case())))
            })
        })?;
        if let (true, Some(Err(error))) = (called.requests.is_empty(), &called.result) {
            return Err(desk.unsent(error));
        }
        let mut secrets = Request::schema(desk.op).map(|schema| secrets_of(&schema, &input)).unwrap_or_default();
        called.protected.each(&mut |secret| secrets.push(secret.to_owned()));
        let masker = (!self.show_secrets).then(|| Masker::new(desk.secrets.iter().cloned().chain(secrets)));
        let note = note(&called, given.len());
        let shown: Vec<Shown> =
            called.requests.iter().map(|(sent, by)| shown(sent, by.as_deref(), masker.as_ref())).collect();
        match self.curl {
            true => say(&script(&shown, note.as_deref(), masker.is_some())),
            false => say(&pretty(&report(&desk, &called, &shown, note, masker.as_ref()))),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn given(&self) -> Result<VecDeque<Named>, Unusable> {
        let read = |path: &String| {
            let source = Source::read(path, "the answer")?;
            let answer = answer(&source.bytes).map_err(|why| Unusable::Text(format!("{}: {why}", source.name)))?;
            Ok((answer, source.name))
        };
        self.answers.iter().map(read).collect()
    }
}

/// An answer out of a file: an object of status, headers and body, or a body alone.
fn answer(bytes: &[u8]) -> Result<Response<Bytes>, String> {
    let object = match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => members,
        _ => return response(200, &[], bytes.to_vec()),
    };
    let known = object.keys().all(|name| matches!(name.as_str(), "status" | "headers" | "body"));
    let Some(status) = object.get("status").and_then(Value::as_u64).filter(|_| known) else {
        return response(200, &[], bytes.to_vec());
    };
    let status = u16::try_from(status).ok().filter(|status| (100..600).contains(status));
    let status = status.ok_or("status: expected a number from 100 to 599")?;
    let mut headers = Vec::new();
    if let Some(given) = object.get("headers") {
        let given = given.as_object().ok_or("headers: expected an object of names and texts")?;
        for (name, value) in given {
            let value = value.as_str().ok_or_else(|| format!("headers.{name}: expected a text"))?;
            headers.push((name.clone(), value.to_owned()));
        }
    }
    let body = match object.get("body") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(other) => other.to_string().into_bytes(),
    };
    response(status, &headers, body)
}

/// What is to be said about where the requests end.
fn note(called: &Called, unused: usize) -> Option<String> {
    let count = called.requests.len();
    let left = if unused == 0 { String::new() } else { format!("; {unused} of the answers were not asked for") };
    match &called.result {
        None => Some(format!(
            "request {count} has no answer, so others may follow: give its answer with --answer FILE, after those to the requests before"
        )),
        Some(Err(error)) => {
            let by = called.requests.last().and_then(|(_, by)| by.as_deref());
            let tape = by.filter(|by| by.starts_with(TAPE) && error.kind() == Kind::Integrity);
            if let Some(tape) = tape {
                return Some(format!(
                    "the requests are what the connector sends; after request {count} it stopped, because {tape} answered in the \
                     provider's place, for the amount and currency of its own, not for those of the input ({}): for what follows, ask \
                     for what the tape answers, or give the provider's answer with --answer FILE{left}",
                    error.message()
                ));
            }
            let by = by.map(|by| format!("; {by} answered it, --answer FILE gives another answer")).unwrap_or_default();
            let told = error.message();
            Some(format!("the connector ended after request {count} with an error: {told}{by}{left}"))
        }
        Some(Ok(_)) if unused > 0 => Some(format!("{unused} of the answers were not asked for")),
        Some(Ok(_)) => None,
    }
}

/// A request as it is shown.
struct Shown {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    /// `json` or `form` with the parsed body.
    parsed: Option<(&'static str, Value)>,
    /// Whether the body is text.
    is_text: bool,
    answered_by: Option<String>,
}

fn shown(sent: &http::Request<Bytes>, by: Option<&str>, masker: Option<&Masker>) -> Shown {
    let text = |text: &str| masker.map_or_else(|| text.to_owned(), |masker| masker.text(text));
    let headers = sent.headers().iter().map(|(name, value)| {
        let plain = || String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), masker.map_or_else(plain, |masker| masker.header(name.as_str(), value)))
    });
    let media_type = sent.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let parsed = parsed(media_type.unwrap_or_default(), sent.body())
        .map(|(kind, value)| (kind, masker.map_or_else(|| value.clone(), |masker| masker.json(&value))));
    Shown {
        method: sent.method().to_string(),
        url: text(&sent.uri().to_string()),
        headers: headers.collect(),
        body: text(&String::from_utf8_lossy(sent.body())),
        parsed,
        is_text: std::str::from_utf8(sent.body()).is_ok(),
        answered_by: by.map(str::to_owned),
    }
}

/// The body as a JSON value, for JSON and forms. A form becomes an object; a repeated name has a list.
fn parsed(media_type: &str, body: &[u8]) -> Option<(&'static str, Value)> {
    if body.is_empty() {
        return None;
    }
    if media_type.contains("json") {
        return serde_json::from_slice(body).ok().map(|value| ("json", value));
    }
    if !media_type.starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let pairs = form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())));
    Some(("form", repeated(pairs)))
}

/// An object of names; one that comes again has a list.
fn repeated(pairs: impl Iterator<Item = (String, Value)>) -> Value {
    let mut members = Map::new();
    for (name, value) in pairs {
        match members.get_mut(&name) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = json!([first.take(), value]),
            None => {
                members.insert(name, value);
            }
        }
    }
    Value::Object(members)
}

fn report(desk: &Desk, called: &Called, shown: &[Shown], note: Option<String>, masker: Option<&Masker>) -> Value {
    let requests: Vec<Value> = shown.iter().map(Shown::to_json).collect();
    let now = jiff::Timestamp::from_second(desk.now_unix_seconds).unwrap_or_default();
    let mut report = json!({
        "connector": desk.id(),
        "operation": desk.op.as_str(),
        "now": now.to_string(),
        "seed": desk.seed,
        "masked": masker.is_some(),
        "requests": requests,
        "complete": called.result.is_some(),
    });
    if let (Some(note), Some(members)) = (note, report.as_object_mut()) {
        members.insert("note".to_owned(), json!(note));
    }
    report
}

impl Shown {
    fn to_json(&self) -> Value {
        let headers = repeated(self.headers.iter().map(|(name, value)| (name.clone(), json!(value))));
        let mut out = json!({ "method": self.method, "url": self.url, "headers": headers });
        let Some(members) = out.as_object_mut() else { return out };
        if !self.body.is_empty() {
            members.insert("body".to_owned(), json!(self.body));
        }
        if let Some((kind, value)) = &self.parsed {
            members.insert((*kind).to_owned(), value.clone());
        }
        if let Some(by) = &self.answered_by {
            members.insert("answered_by".to_owned(), json!(by));
        }
        out
    }

    fn curl(&self) -> String {
        let mut lines = vec![format!("curl --request {} {}", self.method, quoted(&self.url))];
        lines.extend(
            self.headers.iter().map(|(name, value)| format!("--header {}", quoted(&format!("{name}: {value}")))),
        );
        match (self.body.is_empty(), self.is_text) {
            (true, _) => {}
            (false, true) => lines.push(format!("--data-raw {}", quoted(&self.body))),
            (false, false) => lines.push("--data-binary @body   # the body is not text: put it into a file".to_owned()),
        }
        lines.join(" \\\n  ")
    }
}

fn script(shown: &[Shown], note: Option<&str>, masked: bool) -> String {
    let mut parts = Vec::new();
    if masked {
        parts.push(format!("# secrets stand as {MASK}; --show-secrets prints them"));
    }
    for (index, request) in shown.iter().enumerate() {
        if shown.len() > 1 {
            let by = request.answered_by.as_deref().map(|by| format!(", answered here by {by}")).unwrap_or_default();
            parts.push(format!("# request {} of {}{by}", index + 1, shown.len()));
        }
        parts.push(request.curl());
    }
    if shown.is_empty() {
        parts.push("# no request is needed".to_owned());
    }
    if let Some(note) = note {
        parts.push(format!("# {note}"));
    }
    parts.join("\n")
}

/// A text as one word for a POSIX shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_words_hold_anything() {
        assert_eq!(quoted("it's $1"), r"'it'\''s $1'");
    }

    #[test]
    fn answers_are_objects_or_bodies() {
        let full = answer(br#"{"status":402,"headers":{"request-id":"r"},"body":{"error":1}}"#).unwrap();
        assert_eq!((full.status().as_u16(), full.body().as_ref()), (402, br#"{"error":1}"#.as_slice()));
        assert_eq!(full.headers()["request-id"], "r");
        let body = answer(br#"{"status":"paid"}"#).unwrap();
        assert_eq!((body.status().as_u16(), body.body().as_ref()), (200, br#"{"status":"paid"}"#.as_slice()));
        assert_eq!(body.headers()["content-type"], "application/json");
        assert!(answer(br#"{"status":42,"body":""}"#).unwrap_err().contains("100 to 599"));
        assert!(answer(br#"{"status":200,"headers":[]}"#).unwrap_err().contains("headers"));
    }

    #[test]
    fn repeated_form_fields_become_lists() {
        let (kind, form) = parsed("application/x-www-form-urlencoded", b"a=1&b=2&a=3&a=4").unwrap();
        assert_eq!((kind, form), ("form", json!({ "a": ["1", "3", "4"], "b": "2" })));
    }
}
