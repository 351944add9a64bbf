//! What may be shown of an exchange.

use bytes::Bytes;
use http::HeaderMap;
use http::header::HeaderValue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compile::{Exchange, Tape};
use super::model::ProvenanceKind;
use super::player::Record;
use super::redact::{MASK, Redactor};

/// A [`Record`] that may be shown: every secret of the run is masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShownRecord {
    /// The step during which it was sent.
    pub step: u32,
    /// The method.
    pub method: String,
    /// The url.
    pub url: String,
    /// The headers that were sent.
    pub headers: Vec<(String, String)>,
    /// The body that was sent.
    pub body: String,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The headers of the answer.
    pub answer_headers: Vec<(String, String)>,
    /// The body of the answer.
    pub answer_body: String,
    /// The line of the exchange in its tape that the request was judged by, from 1; none where the tape has no such exchange.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<usize>,
    /// Where the tape's bytes come from: `recorded`, `documented` or `synthesised`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provenance: Option<ProvenanceKind>,
}

/// A record with every secret masked that `redactor` knows.
pub(super) fn shown(record: &Record, exchange: Option<&Exchange>, tape: &Tape, redactor: &Redactor) -> ShownRecord {
    let body = |bytes: &Bytes| redactor.text(&String::from_utf8_lossy(bytes));
    let answer = record.answer.as_ref();
    ShownRecord {
        step: record.step,
        method: record.request.method().to_string(),
        url: redactor.text(&record.request.uri().to_string()),
        headers: shown_headers(&tape.stable_headers(record), redactor),
        body: redactor.text(&String::from_utf8_lossy(&tape.stable_body(record))),
        status: answer.map(|answer| answer.status().as_u16()),
        answer_headers: answer
            .map(|answer| shown_headers(&tape.stable_answer_headers(record, answer), redactor))
            .unwrap_or_default(),
        answer_body: answer.map(|answer| body(answer.body())).unwrap_or_default(),
        line: exchange.map(|exchange| exchange.line),
        provenance: exchange.map(|exchange| exchange.provenance.kind),
    }
}

/// Whatever stands in such a header authorizes, even if it is no credential that the harness knows.
pub(super) fn is_authorization(name: &str) -> bool {
    matches!(name, "authorization" | "proxy-authorization")
}

pub(crate) fn shown_headers(headers: &HeaderMap, redactor: &Redactor) -> Vec<(String, String)> {
    let shown = |name: &str, value: &HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        match (is_authorization(name), text.split_once(' ')) {
            (true, Some((scheme, _))) => format!("{scheme} {MASK}"),
            (true, None) => MASK.to_owned(),
            (false, _) => redactor.text(&text),
        }
    };
    headers.iter().map(|(name, value)| (name.to_string(), shown(name.as_str(), value))).collect()
}
