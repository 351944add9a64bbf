//! Answers that are no provider's.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::sketch::Sketch;
use crate::tape::{AnswerTemplate, BodyText, Escape, Part, Template};

/// Says on an answer that it is no provider's: `serve`, or which fault it is.
pub(crate) const OWN: HeaderName = HeaderName::from_static("x-quittance");

/// A refusal of its own, told as JSON.
pub(crate) fn refusal(status: StatusCode, message: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(serde_json::json!({ "quittance": message }).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(OWN, HeaderValue::from_static("serve"));
    response
}

/// What an answer says in place of what its tape says of another case.
pub(super) const NOT_SHOWN: &str = "refused; no tape shows the words of this refusal";

/// A refusal of another case than the tape's: its form and codes, without its words, which tell of that case.
pub(super) fn reworded(answer: &AnswerTemplate) -> AnswerTemplate {
    let body = match &answer.body {
        BodyText::Holes(template, escape) => BodyText::Holes(Sketch::of(template).reworded(NOT_SHOWN), *escape),
        BodyText::Fixed(bytes) => {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let template = Template::of(vec![Part::Text(text)], false);
            BodyText::Holes(Sketch::of(&template).reworded(NOT_SHOWN), Escape::None)
        }
    };
    AnswerTemplate { body, ..answer.clone() }
}
