//! Reading one HTTP reply.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::read;
use crate::{Effect, Error, Kind, Result, Secret};

/// A reply of whatever status.
#[derive(Clone)]
pub struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
    acted_before: bool,
    at: Timestamp,
}

/// What is read of a token endpoint's answer.
#[derive(Deserialize)]
struct Token {
    access_token: Secret,
    #[serde(default)]
    expires_in: u64,
}

/// What a provider's error body says; every part as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// The provider's code.
    pub code: Option<String>,
    /// The provider's text.
    pub message: Option<String>,
    /// The request field at fault.
    pub field: Option<String>,
}

impl Reply {
    pub(crate) fn new(reply: Response<Bytes>, acted_before: bool, at: Timestamp) -> Reply {
        let (parts, body) = reply.into_parts();
        Reply { status: parts.status.as_u16(), headers: parts.headers, body, acted_before, at }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header by lower-case name, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as text: UTF-8, without a byte-order mark.
    pub fn text(&self) -> Result<&str> {
        read::text(&self.body)
    }

    /// The body as JSON. Refuses HTML, doubled members that `T` reads, and more than 128 levels.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        self.refuse_html()?;
        read::json(&self.body)
    }

    /// The body as XML. Refuses HTML, more than one root, document types with declarations of their own, and more than
    /// 128 levels.
    pub fn xml<T: DeserializeOwned>(&self) -> Result<T> {
        self.refuse_html()?;
        read::xml(&self.body)
    }

    /// The body as form pairs, in order.
    pub fn form(&self) -> Result<Vec<(String, String)>> {
        self.refuse_html()?;
        Ok(form_urlencoded::parse(self.text()?.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect())
    }

    /// The access token of a token endpoint's answer and for how long it is good (RFC 6749 section 5.1). One that says no time is good
    /// for this operation only.
    pub fn token(&self) -> Result<(Secret, Duration)> {
        let Token { access_token, expires_in } = self.json()?;
        Ok((access_token, Duration::from_secs(expires_in)))
    }

    /// The error that this reply stands for. Kind and effect follow from the status; `read` takes code, text and field out of the
    /// body if it can be read as an `F` (JSON, else XML), and is left out if not.
    pub fn fault<F: DeserializeOwned>(&self, read: impl FnOnce(F) -> Fault) -> Error {
        self.fault_with(self.json::<F>().or_else(|_| self.xml()).map(read).unwrap_or_default())
    }

    /// The error that this reply stands for, with what the caller read from the body.
    pub fn fault_with(&self, fault: Fault) -> Error {
        let (kind, effect, what) = judge(self.status);
        let effect = if self.acted_before { Effect::Unknown } else { effect };
        let message = match fault.message {
            Some(message) if !message.trim().is_empty() => format!("{what}: {}", message.trim()),
            _ => format!("{what} (HTTP {})", self.status),
        };
        let mut error = Error::new(kind, effect, message).with_status(self.status);
        if let Some(code) = fault.code {
            error = error.with_code(code);
        }
        if let Some(field) = fault.field {
            error = error.in_field(field);
        }
        match self.retry_after() {
            Some(wait) => error.after(wait),
            None => error,
        }
    }

    /// `Retry-After` (RFC 9110 section 10.2.3) as a span: seconds, or the time left to an HTTP date; at most a day.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let seconds = match text.parse::<u64>() {
            Ok(seconds) => seconds,
            Err(_) => {
                let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
                u64::try_from(date.as_second() - self.at.as_second()).unwrap_or(0)
            }
        };
        Some(Duration::from_secs(seconds.min(86_400)))
    }

    /// How long the answer may be kept: `max-age` of `Cache-Control`, less the `Age` that it has already (RFC 9111, sections 4.2 and 5.2.2);
    /// nothing where `no-store` or `no-cache` stand, or no `max-age`; at most a year.
    pub fn max_age(&self) -> Duration {
        let control = self.header("cache-control").unwrap_or_default().to_ascii_lowercase();
        let mut directives = control.split(',').map(str::trim);
        if directives.clone().any(|directive| matches!(directive, "no-store" | "no-cache")) {
            return Duration::ZERO;
        }
        let number = |text: &str| text.trim().trim_matches('"').parse::<u64>().ok();
        let whole = directives.find_map(|directive| number(directive.strip_prefix("max-age=")?)).unwrap_or(0);
        // An age that cannot be read is taken for the whole.
        let age = self.header("age").map_or(0, |text| number(text).unwrap_or(u64::MAX));
        Duration::from_secs(whole.min(31_536_000).saturating_sub(age))
    }

    fn refuse_html(&self) -> Result<()> {
        match self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) {
            Some(kind) if kind.trim_start().to_ascii_lowercase().starts_with("text/html") => {
                Err(Error::protocol("the answer is a web page"))
            }
            _ => Ok(()),
        }
    }
}

/// Kind and effect of an HTTP status that is not an answer (RFC 9110 section 15), once for every connector.
fn judge(status: u16) -> (Kind, Effect, &'static str) {
    match status {
        401 | 403 | 407 => (Kind::Credentials, Effect::None, "the provider refused the credentials"),
        404 | 410 => (Kind::NotFound, Effect::None, "the provider does not know the object"),
        408 => (Kind::Network, Effect::Unknown, "the provider waited too long for the request"),
        409 => (Kind::Conflict, Effect::None, "the provider reports a conflict"),
        425 | 429 => (Kind::RateLimited, Effect::None, "the provider takes no more requests now"),
        400..=499 => (Kind::Invalid, Effect::None, "the provider refused the request"),
        500..=599 => (Kind::Unavailable, Effect::Unknown, "the provider failed"),
        _ => (Kind::Protocol, Effect::Unknown, "the provider gave an unexpected answer"),
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}
