//! What is sent back: a whole body, one that ends too early, or one of the control page.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderValue, Response, StatusCode};
use hyper::body::{Body, Frame, SizeHint};

use super::chaos::{Fault, Kind};
use crate::sandbox::OWN;

pub(super) use crate::sandbox::refusal;

/// The page that a gateway before a provider answers with.
const GATEWAY: &[u8] =
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>\r\n";

/// Ends a connection without an answer.
#[derive(Debug)]
pub(super) struct HangUp;

impl std::fmt::Display for HangUp {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("the connection is closed on purpose")
    }
}

impl std::error::Error for HangUp {}

/// The body of an answer.
pub(super) enum Answer {
    /// All there is to send.
    Whole(Bytes),
    /// The first part of a body of `announced` bytes; then the connection ends, once what there is has gone out.
    Cut { part: Option<Bytes>, announced: u64, is_flushed: bool },
    /// An answer of the control page.
    Control(axum::body::Body),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Answer::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Answer::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Answer::Cut { part, is_flushed, .. } => match part.take() {
                Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
                None if !*is_flushed => {
                    *is_flushed = true;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                None => Poll::Ready(Some(Err(HangUp.into()))),
            },
            Answer::Control(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Answer::Whole(bytes) => bytes.is_empty(),
            Answer::Cut { .. } => false,
            Answer::Control(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Answer::Whole(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Answer::Cut { announced, .. } => SizeHint::with_exact(*announced),
            Answer::Control(body) => body.size_hint(),
        }
    }
}

/// The provider's answer as it goes out; the length is that of the body, whatever a tape says.
pub(super) fn whole(mut response: Response<Bytes>) -> Response<Answer> {
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    let is_page = headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    if is_page {
        // A provider's page stands on the origin of the control page and must not act in its name.
        headers.insert(http::header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    }
    response.map(Answer::Whole)
}

/// What a fault makes of an exchange; `acted` is the provider's answer where it has acted. `None` is no answer at all.
pub(super) fn faulty(fault: Fault, acted: Option<Response<Bytes>>) -> Option<Response<Answer>> {
    let (status, body, media_type) = match fault.kind {
        Kind::Reset | Kind::Timeout => return None,
        Kind::Cut => return Some(cut(acted?)),
        Kind::Status(code) => {
            (StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), Bytes::new(), None)
        }
        Kind::Html => (StatusCode::BAD_GATEWAY, Bytes::from_static(GATEWAY), Some("text/html")),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("chaos {fault}")) {
        headers.insert(OWN, value);
    }
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        headers.insert(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    headers.extend(media_type.map(|name| (CONTENT_TYPE, HeaderValue::from_static(name))));
    Some(whole(response))
}

/// The first half of the answer, under the length of the whole.
fn cut(mut response: Response<Bytes>) -> Response<Answer> {
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    response.map(|body| {
        let part = body.slice(..body.len() / 2);
        // An empty body is announced as one byte, so that something is missing.
        let announced = u64::try_from(body.len()).unwrap_or(u64::MAX).max(1);
        Answer::Cut { part: Some(part).filter(|part| !part.is_empty()), announced, is_flushed: false }
    })
}
