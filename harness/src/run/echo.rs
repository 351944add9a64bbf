//! A provider that repeats in its answer what it was sent, secrets first, as providers do in error texts.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::canary::Searcher;
use crate::certify::leaves::{self, Leaf};
use crate::tape::Edit;

/// Words in the name of a member that holds a text for people.
const TEXTS: [&str; 8] = ["message", "description", "reason", "detail", "error", "text", "issue", "title"];

/// An answer that repeats the request.
#[derive(Debug, Clone)]
pub struct Echo {
    /// How the answer is written.
    pub shape: Shape,
    /// Finds the secrets of the request, which are repeated first: a connector may cut a long text.
    pub secrets: Arc<Searcher>,
}

/// How an answer that repeats the request is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Of this status, as JSON whose commonest members repeat it.
    Json(u16),
    /// Of this status, as XML.
    Xml(u16),
    /// Of this status, as a web page.
    Html(u16),
    /// The tape's own answer with the texts for people in it replaced.
    Texts,
    /// The tape's own answer with every text in it replaced, codes and ids too.
    Everything,
    /// An error of the provider's own, from another exchange: its status and body with the texts for people in it replaced.
    Like(u16, Arc<str>),
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Shape::Json(status) => write!(f, "{status} JSON"),
            Shape::Xml(status) => write!(f, "{status} XML"),
            Shape::Html(status) => write!(f, "{status} HTML"),
            Shape::Texts => f.write_str("the texts of its own answer"),
            Shape::Everything => f.write_str("every text of its own answer"),
            Shape::Like(status, _) => write!(f, "an error of its own, {status}"),
        }
    }
}

impl PartialEq for Echo {
    fn eq(&self, other: &Echo) -> bool {
        self.shape == other.shape && Arc::ptr_eq(&self.secrets, &other.secrets)
    }
}

impl Eq for Echo {}

impl Echo {
    /// The answer to a request; `own` is the tape's.
    pub fn answer(&self, request: &Request<Bytes>, own: Option<Response<Bytes>>) -> Response<Bytes> {
        let said = self.said(request);
        match (&self.shape, own) {
            (Shape::Texts, Some(own)) => own.map(|body| replaced(&body, &said, is_text)),
            (Shape::Everything, Some(own)) => own.map(|body| replaced(&body, &said, |_, _| true)),
            (Shape::Like(status, body), _) => {
                let media_type = if body.trim_start().starts_with('<') { "text/xml" } else { "application/json" };
                response(*status, media_type, replaced(&Bytes::copy_from_slice(body.as_bytes()), &said, is_text))
            }
            (Shape::Xml(status), _) => {
                let said = quick_xml::escape::escape(&said);
                let body =
                    format!("<?xml version=\"1.0\"?><error><code>{said}</code><message>{said}</message></error>");
                response(*status, "text/xml", body.into())
            }
            (Shape::Html(status), _) => {
                let body =
                    format!("<html><body><h1>Error</h1><pre>{}</pre></body></html>", quick_xml::escape::escape(&said));
                response(*status, "text/html", body.into())
            }
            (Shape::Json(status), _) => response(*status, "application/json", generic(&said)),
            (Shape::Texts | Shape::Everything, None) => response(400, "application/json", generic(&said)),
        }
    }

    /// Every secret of the request, as it is and as it was written there, then the request.
    fn said(&self, request: &Request<Bytes>) -> String {
        let mut sent = format!("{} {}\n", request.method(), request.uri());
        for (name, value) in request.headers() {
            sent.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
        }
        sent.push_str(&String::from_utf8_lossy(request.body()));
        let mut said: Vec<&str> = Vec::new();
        for found in self.secrets.find(&sent) {
            // Escapes are undone by whoever reads a request; what is sealed in base64 may be none of the reader's business.
            let read = !found.form.starts_with("in base64");
            let plain = self.secrets.canary(&found).filter(|_| read).map(|canary| canary.value.as_str());
            for text in [plain, sent.get(found.start..found.end)].into_iter().flatten() {
                if !said.contains(&text) {
                    said.push(text);
                }
            }
        }
        // A long one would push the others out of a text that is cut.
        said.sort_by_key(|text| text.len());
        format!("refused: {}{SENT}{sent}", said.join(", "))
    }
}

/// What stands between the secrets of a request and the request.
const SENT: &str = "; sent was ";

/// Whether a text is what an answer that repeats its request gave, whole.
pub fn is_repeated(text: &str) -> bool {
    text.contains(SENT)
}

fn response(status: u16, media_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn generic(said: &str) -> Bytes {
    json!({ "error": said, "message": said, "code": said, "errors": [{ "code": said, "message": said }] })
        .to_string()
        .into()
}

/// Which texts of a body are replaced, by name and value.
type Chosen = fn(&str, &str) -> bool;

/// The body with the chosen texts replaced; as it is when it is neither JSON nor XML.
fn replaced(body: &Bytes, said: &str, chosen: Chosen) -> Bytes {
    let text = String::from_utf8_lossy(body);
    let bare = text.trim_start_matches('\u{feff}').trim_start();
    if let Ok(mut value) = serde_json::from_str::<Value>(bare) {
        replace_members("", &mut value, said, chosen);
        return value.to_string().into();
    }
    if bare.starts_with('<') { replace_elements(bare, said, chosen).into() } else { body.clone() }
}

fn is_text(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    TEXTS.iter().any(|word| name.contains(word)) && !name.contains("code") || value.trim().contains(' ')
}

fn replace_members(name: &str, value: &mut Value, said: &str, chosen: Chosen) {
    match value {
        Value::String(text) if chosen(name, text) => said.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| replace_members(name, item, said, chosen)),
        Value::Object(members) => {
            members.iter_mut().for_each(|(name, member)| replace_members(name, member, said, chosen))
        }
        _ => {}
    }
}

/// Replaces the chosen texts of elements, CDATA sections and attributes.
fn replace_elements(text: &str, said: &str, chosen: Chosen) -> String {
    let leaves = leaves::of(text);
    let is_chosen =
        |leaf: &&Leaf| !leaf.value.trim().is_empty() && chosen(leaf.name.trim_start_matches('@'), &leaf.value);
    let edits: Vec<Edit> = leaves.iter().filter(is_chosen).map(|leaf| leaf.edit(said)).collect();
    Edit::all(&edits, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canary::{Canary, Kind};

    fn answered(shape: Shape, own: &str) -> String {
        let canary = Canary { name: "k".to_owned(), kind: Kind::Credential, value: "sk_test_1234".to_owned() };
        let echo = Echo { shape, secrets: Arc::new(Searcher::new(vec![canary]).unwrap()) };
        let request =
            Request::post("https://a.example/x").header("authorization", "sk_test_1234").body(Bytes::new()).unwrap();
        let answer = echo.answer(&request, Some(Response::new(Bytes::copy_from_slice(own.as_bytes()))));
        String::from_utf8(answer.body().to_vec()).unwrap()
    }

    #[test]
    fn every_shape_repeats_the_request() {
        for shape in [
            Shape::Json(400),
            Shape::Xml(500),
            Shape::Html(402),
            Shape::Like(422, r#"{"error":{"message":"no"}}"#.into()),
        ] {
            assert!(answered(shape, "").contains("refused: sk_test_1234; sent was POST https://a.example/x"));
        }
    }

    #[test]
    fn the_providers_own_texts_are_replaced_and_nothing_else() {
        let json = answered(Shape::Texts, r#"{"id":"p_1","error":{"code":"c1","message":"no"},"note":"in words"}"#);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["id"], &json["error"]["code"]), (&json!("p_1"), &json!("c1")));
        assert!(
            [&json["error"]["message"], &json["note"]].iter().all(|text| text.to_string().contains("sk_test_1234"))
        );
        let xml = answered(Shape::Texts, "<a><id>1</id><message>no</message><b>two words</b></a>");
        assert!(xml.starts_with("<a><id>1</id><message>refused: sk_test_1234"), "{xml}");
        assert!(xml.ends_with("</b></a>") && !xml.contains("two words"), "{xml}");
        let xml = answered(Shape::Texts, "<a id=\"1\"><c description=\"no\"/><message><![CDATA[no]]></message></a>");
        assert!(xml.starts_with("<a id=\"1\"><c description=\"refused: sk_test_1234"), "{xml}");
        assert!(xml.contains("<message><![CDATA[refused: sk_test_1234"), "{xml}");
    }
}
