//! Answers that are no provider's.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};

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
