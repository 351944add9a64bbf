//! HAR 1.2 as far as it is read (<http://www.softwareishard.com/blog/har-12-spec/>), with the place of what is wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::tape::json::{self, Json};
use crate::tape::model::RequestModel;
use crate::taping::texts;

/// The largest file that is read, in bytes: browsers write whole pages into theirs.
pub const MAX_HAR_BYTES: u64 = 64 * 1024 * 1024;
/// The most entries that are read.
const MAX_ENTRIES: usize = 10_000;
/// The largest body of an entry that becomes part of a tape, in bytes.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Headers of HTTP/2 and of the connection, which say nothing about the exchange.
const CONNECTION: [&str; 5] = ["connection", "keep-alive", "transfer-encoding", "content-encoding", "te"];

/// Headers that a browser or a tool for requests adds of its own accord: a connector sends none of them unless its tapes say so.
const OF_BROWSERS: [&str; 13] = [
    "accept",
    "accept-language",
    "cache-control",
    "cookie",
    "dnt",
    "if-modified-since",
    "if-none-match",
    "origin",
    "postman-token",
    "pragma",
    "priority",
    "referer",
    "upgrade-insecure-requests",
];

/// A file, entry by entry, numbered from 1.
pub(super) struct Har {
    pub(super) entries: Vec<(usize, Entry)>,
}

#[derive(Deserialize)]
struct HarFile {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    version: Option<String>,
    entries: Vec<Value>,
}

/// An exchange.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    started_date_time: String,
    request: HarRequest,
    response: HarResponse,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarRequest {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    post_data: Option<PostData>,
}

#[derive(Clone, Deserialize)]
struct HarResponse {
    status: i64,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(default)]
    content: Content,
}

#[derive(Clone, Deserialize)]
struct Pair {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Clone, Deserialize)]
struct PostData {
    text: Option<String>,
    #[serde(default)]
    params: Vec<Pair>,
}

#[derive(Clone, Default, Deserialize)]
struct Content {
    text: Option<String>,
    encoding: Option<String>,
}

impl Har {
    /// Reads a file.
    ///
    /// # Errors
    /// What is no HAR 1.2, with line and column or the entry's number; the content is never quoted.
    pub(super) fn read(bytes: &[u8]) -> Result<Har, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| match bytes {
            [0x1f, 0x8b, ..] => "packed by gzip; unpack it first".to_owned(),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16; save it as UTF-8".to_owned(),
            _ => format!("byte {}: not UTF-8", error.valid_up_to() + 1),
        })?;
        let file: HarFile = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
            if text.contains("schema.getpostman.com") {
                return "a Postman collection, which holds no answers as they came; record the traffic as HAR"
                    .to_owned();
            }
            format!(
                "line {}, column {}: {}",
                error.line(),
                error.column(),
                plain(&error, "a HAR 1.2 file (a JSON object with `log`)")
            )
        })?;
        if file.log.version.as_deref().is_some_and(|version| !version.starts_with("1.")) {
            return Err("/log/version: expected 1.2".to_owned());
        }
        if file.log.entries.len() > MAX_ENTRIES {
            return Err(format!(
                "/log/entries: expected at most {MAX_ENTRIES} entries, found {}",
                file.log.entries.len()
            ));
        }
        let entry = |(number, value): (usize, Value)| match Entry::deserialize(&value) {
            Ok(entry) => Ok((number, entry)),
            Err(error) => {
                let told = misplaced(&value).unwrap_or_else(|| plain(&error, "an entry of HAR 1.2"));
                Err(format!("entry {number} (/log/entries/{}): {told}", number - 1))
            }
        };
        let entries = (1..).zip(file.log.entries).map(entry).collect::<Result<_, _>>()?;
        Ok(Har { entries })
    }
}

/// What a parser says without the content that it may quote.
fn plain(error: &serde_json::Error, expected: &str) -> String {
    let told = error.to_string();
    let named = told.split_once(" at line").map_or(told.as_str(), |(before, _)| before);
    match named.starts_with("missing field") || named.starts_with("EOF") {
        true => format!("expected {expected}: {named}"),
        false => format!("expected {expected}"),
    }
}

/// What the members of an entry are.
#[derive(Clone, Copy)]
enum Kind {
    Object,
    Text,
    Number,
    /// Objects with a `name` and perhaps a `value`, both text.
    Pairs,
}

/// The members of an entry that are read: where, what, and whether there is no entry without them.
const MEMBERS: [(&str, Kind, bool); 14] = [
    ("", Kind::Object, true),
    ("/startedDateTime", Kind::Text, true),
    ("/request", Kind::Object, true),
    ("/request/method", Kind::Text, true),
    ("/request/url", Kind::Text, true),
    ("/request/headers", Kind::Pairs, false),
    ("/request/postData", Kind::Object, false),
    ("/request/postData/text", Kind::Text, false),
    ("/request/postData/params", Kind::Pairs, false),
    ("/response", Kind::Object, true),
    ("/response/status", Kind::Number, true),
    ("/response/headers", Kind::Pairs, false),
    ("/response/content/text", Kind::Text, false),
    ("/response/content/encoding", Kind::Text, false),
];

/// The first member of an entry that is missing or something else than it should be, in words; values are never told.
fn misplaced(entry: &Value) -> Option<String> {
    MEMBERS.iter().find_map(|(pointer, kind, required)| {
        let expected = match kind {
            Kind::Object => "an object",
            Kind::Text => "text",
            Kind::Number => "a whole number",
            Kind::Pairs => "a list of objects with `name` and `value`, both text",
        };
        match entry.pointer(pointer) {
            None if *required => Some(format!("{pointer}: expected {expected}, found nothing")),
            None | Some(Value::Null) if !required => None,
            Some(value) if !kind.fits(value) => {
                Some(format!("{pointer}: expected {expected}, found {}", kind_of(value)))
            }
            _ => None,
        }
    })
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        let is_pair = |pair: &Value| {
            pair.get("name").is_some_and(Value::is_string) && pair.get("value").is_none_or(Value::is_string)
        };
        match self {
            Kind::Object => value.is_object(),
            Kind::Text => value.is_string(),
            Kind::Number => value.is_i64(),
            Kind::Pairs => value.as_array().is_some_and(|pairs| pairs.iter().all(is_pair)),
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list of another form",
        Value::Object(_) => "an object",
    }
}

impl Entry {
    /// The host of the request, lower case.
    pub(super) fn host(&self) -> Option<String> {
        let uri: http::Uri = self.request.url.parse().ok()?;
        uri.host().map(str::to_ascii_lowercase)
    }

    /// Why the entry is no exchange of a client with the provider, and stays out of the tape; none when it is one.
    pub(super) fn no_exchange(&self) -> Option<&'static str> {
        let scheme = self.request.url.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let asks_first = |pair: &Pair| pair.name.eq_ignore_ascii_case("access-control-request-method");
        match (scheme.as_str(), self.request.method.as_str(), self.response.status) {
            ("ws" | "wss", ..) | (.., 101) => Some("a WebSocket"),
            (_, "OPTIONS", _) if self.request.headers.iter().any(asks_first) => {
                Some("a browser's question whether it may ask (CORS)")
            }
            (.., 0) => Some("no answer came"),
            ("http", _, 300..=399) => Some("a redirect to https"),
            _ => None,
        }
    }

    /// Takes the headers out that a browser adds; gives their names. Those of `like`, which the connector sends, stay; where there is nothing
    /// like it, `accept` does too.
    pub(super) fn without_browser(&mut self, like: Option<&RequestModel>) -> Vec<String> {
        let mut out = Vec::new();
        self.request.headers.retain(|pair| {
            let name = pair.name.to_ascii_lowercase();
            let is_sent = match like {
                Some(like) => like.headers.keys().any(|theirs| theirs.eq_ignore_ascii_case(&name)),
                None => name == "accept",
            };
            let stays = is_sent || !(OF_BROWSERS.contains(&name.as_str()) || name.starts_with("sec-"));
            if !stays {
                out.push(name);
            }
            stays
        });
        out
    }

    fn request_body(&self) -> String {
        let Some(post) = &self.request.post_data else { return String::new() };
        match &post.text {
            Some(text) if !text.is_empty() || post.params.is_empty() => text.clone(),
            _ => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(post.params.iter().map(|pair| (&pair.name, &pair.value)));
                form.finish()
            }
        }
    }

    fn answer_body(&self) -> Result<String, String> {
        let text = self.response.content.text.clone().unwrap_or_default();
        match self.response.content.encoding.as_deref() {
            Some("base64") => {
                let bytes =
                    STANDARD.decode(text.trim()).map_err(|_| "/response/content/text: not base64".to_owned())?;
                String::from_utf8(bytes).map_err(|_| "/response/content/text: the answer is no text".to_owned())
            }
            _ => Ok(text),
        }
    }

    /// Request, answer and time, in seconds since 1970.
    ///
    /// # Errors
    /// What HTTP cannot carry, with its pointer in the entry.
    pub(super) fn messages(&self) -> Result<(Request<Bytes>, Response<Bytes>, i64), String> {
        let at: jiff::Timestamp = self
            .started_date_time
            .parse()
            .map_err(|_| "/startedDateTime: expected a time as 2026-11-22T12:00:00Z".to_owned())?;
        let url = self.request.url.split('#').next().unwrap_or_default();
        let mut request = Request::builder().method(self.request.method.as_str()).uri(url);
        for (name, value) in carried(&self.request.headers) {
            request = request.header(name, value);
        }
        let status = u16::try_from(self.response.status).ok().filter(|status| (100..600).contains(status));
        let status = status.ok_or("/response/status: expected 100 to 599; the request had no answer")?;
        let mut response = Response::builder().status(status);
        for (name, value) in carried(&self.response.headers) {
            response = response.header(name, value);
        }
        let (body, answer) = (self.request_body(), self.answer_body()?);
        if body.len() > MAX_BODY_BYTES || answer.len() > MAX_BODY_BYTES {
            return Err(format!("a body is longer than {MAX_BODY_BYTES} bytes"));
        }
        let wrong =
            |part: &'static str| move |_| format!("/{part}: a method, address or header that HTTP cannot carry");
        Ok((
            request.body(Bytes::from(body)).map_err(wrong("request"))?,
            response.body(Bytes::from(answer)).map_err(wrong("response"))?,
            at.as_second(),
        ))
    }

    /// Gives every text of the entry to `turn`, with its place.
    pub(super) fn each_text(&self, turn: &mut impl FnMut(&str, &str)) {
        turn("request url", &self.request.url);
        for (side, headers) in [("request", &self.request.headers), ("answer", &self.response.headers)] {
            headers
                .iter()
                .for_each(|pair| turn(&format!("{side} header {}", pair.name.to_ascii_lowercase()), &pair.value));
        }
        body_texts("request", &self.request_body(), turn);
        let answer = self.answer_body();
        body_texts("answer", answer.as_deref().unwrap_or_default(), turn);
    }
}

/// The headers of a message without those of the connection.
fn carried(headers: &[Pair]) -> impl Iterator<Item = (String, &str)> {
    let named = headers.iter().map(|pair| (pair.name.to_ascii_lowercase(), pair.value.as_str()));
    named.filter(|(name, _)| !name.starts_with(':') && !CONNECTION.contains(&name.as_str()))
}

fn body_texts(side: &str, body: &str, turn: &mut impl FnMut(&str, &str)) {
    match json::read(body) {
        Ok(value) => scalars("", &value, &mut |pointer, text| turn(&format!("{side} {pointer}"), text)),
        Err(_) if body.contains('=') && !body.contains(['<', '{', '\n']) => {
            form_urlencoded::parse(body.as_bytes())
                .for_each(|(name, value)| turn(&format!("{side} field {name}"), &value));
        }
        Err(_) => turn(&format!("{side} body"), body),
    }
}

fn scalars(pointer: &str, value: &Json<'_>, turn: &mut impl FnMut(&str, &str)) {
    match value {
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| scalars(&format!("{pointer}/{index}"), item, turn))
        }
        Json::Object(members) => members.iter().for_each(|(name, member)| {
            let at = format!("{pointer}/{}", json::pointer_name(name));
            scalars(&at, member, turn);
        }),
        leaf => turn(pointer, &leaf.scalar().unwrap_or_default()),
    }
}

/// A text of a tape's request, with that of an actual one which stands in the same place.
pub(crate) struct Beside {
    /// `header idempotency-key`, `field amount`, `/card/number`, `/sale/@id`.
    pub(super) place: String,
    pub(super) template: String,
    pub(super) actual: String,
}

/// The texts of a tape's request with those of an actual one that stand in the same place: headers, form fields, JSON members, XML elements
/// and attributes.
pub(crate) fn beside(template: &RequestModel, actual: &Request<Bytes>) -> Vec<Beside> {
    let mut pairs = Vec::new();
    let mut pair = |place: String, template: &str, actual: &str| {
        pairs.push(Beside { place, template: template.to_owned(), actual: actual.to_owned() });
    };
    for (name, theirs) in &template.headers {
        if let Some(value) = actual.headers().get(name.as_str()).and_then(|value| value.to_str().ok()) {
            pair(format!("header {name}"), theirs, value);
        }
    }
    let body = String::from_utf8_lossy(actual.body());
    for (name, values) in template.form.iter().flat_map(|form| &form.fields) {
        let sent = form_urlencoded::parse(body.as_bytes()).filter(|(sent, _)| sent == name);
        for (theirs, (_, value)) in values.iter().zip(sent) {
            pair(format!("field {name}"), theirs, &value);
        }
    }
    if let (Some(theirs), Ok(own)) = (template.json.as_deref().map(json::read), json::read(&body))
        && let Ok(theirs) = theirs
    {
        scalars("", &theirs, &mut |pointer, text| {
            if let Some(value) = own.pointer(pointer).and_then(Json::scalar) {
                pair(pointer.to_owned(), text, &value);
            }
        });
    }
    if let (Some(theirs), Some(own)) = (template.xml.as_deref().and_then(texts), texts(&body)) {
        for (place, theirs) in theirs {
            if let Some(value) = own.get(&place) {
                pair(place, &theirs, value);
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_entry_is_named_by_number_and_field() {
        let good = serde_json::json!({
            "startedDateTime": "2026-11-22T12:00:00Z", "time": 1, "request": { "method": "GET", "url": "https://a.example/" },
            "response": { "status": 200, "headers": [{ "name": "a", "value": "b" }] },
        });
        let read = |entry: Value| {
            let file = serde_json::json!({ "log": { "version": "1.2", "entries": [good.clone(), entry] } });
            Har::read(file.to_string().as_bytes()).map(|har| har.entries.len())
        };
        assert_eq!(read(good.clone()), Ok(2));
        for (pointer, value, told) in [
            ("/request/url", Value::from(7), "/request/url: expected text, found a number"),
            ("/request/url", Value::Null, "/request/url: expected text, found null"),
            ("/response/status", Value::from("secret"), "/response/status: expected a whole number, found text"),
            ("/response/headers/0/name", Value::Null, "/response/headers: expected a list of objects with `name`"),
            ("/response", Value::Bool(true), "/response: expected an object, found true or false"),
        ] {
            let mut entry = good.clone();
            *entry.pointer_mut(pointer).unwrap() = value;
            let found = read(entry).unwrap_err();
            assert!(found.starts_with(&format!("entry 2 (/log/entries/1): {told}")), "{found}");
        }
        let mut entry = good.clone();
        entry["request"].as_object_mut().unwrap().remove("method");
        let told = "entry 2 (/log/entries/1): /request/method: expected text, found nothing";
        assert_eq!(read(entry), Err(told.to_owned()));
    }
}
