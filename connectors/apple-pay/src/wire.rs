//! Apple's JSON (`requesting-an-apple-pay-payment-session`).

use serde::{Deserialize, Serialize};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionRequest<'r> {
    pub(crate) merchant_identifier: &'r str,
    pub(crate) display_name: &'r str,
    pub(crate) initiative: &'static str,
    pub(crate) initiative_context: &'r str,
}

/// What is read of a session; the rest is Apple's own and is handed on unread.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    pub(crate) merchant_session_identifier: String,
    /// Milliseconds since 1970.
    pub(crate) expires_at: Option<i64>,
    pub(crate) domain_name: Option<String>,
}

/// A refusal.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fault {
    pub(crate) status_message: Option<String>,
    pub(crate) status_code: Option<String>,
}
