//! The control page: one document that brings its style and its script along, and may run nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use quittance::digest;

const PAGE: &str = include_str!("../../templates/serve.html");
const STYLE: &str = include_str!("../../templates/serve.css");
const SCRIPT: &str = include_str!("../../templates/serve.js");

/// What an answer that is no page may do: nothing.
pub(super) const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// The whole document.
pub(super) fn page() -> Bytes {
    Bytes::from(PAGE.replace("/* style */", STYLE).replace("/* script */", SCRIPT))
}

/// Allows the style and the script of the page by their digests, requests to the server itself, and nothing else.
pub(super) fn policy() -> HeaderValue {
    let allowed = |text: &str| STANDARD.encode(digest::sha256(text.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        allowed(STYLE),
        allowed(SCRIPT)
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(POLICY))
}
