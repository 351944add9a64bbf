//! The JSON that every product of the platform uses.

use quittance::Secret;
use serde::Deserialize;

/// An amount. Payouts call the first member `currency`.
#[derive(Debug, Deserialize)]
pub struct Amount {
    /// ISO 4217.
    #[serde(alias = "currency")]
    pub currency_code: String,
    /// Decimal text in major units.
    pub value: String,
}

/// A link to a related resource or page.
#[derive(Debug, Deserialize)]
pub struct Link {
    /// The URL.
    pub href: String,
    /// What it leads to: `self`, `payer-action`, `approve` …
    pub rel: String,
}

/// A webhook event around its resource.
#[derive(Debug, Deserialize)]
pub struct Event<T> {
    /// PayPal's id of the event; the same on every attempt to deliver it.
    pub id: Option<String>,
    /// When it happened, RFC 3339.
    pub create_time: Option<String>,
    /// What happened, as `PAYMENT.CAPTURE.COMPLETED`.
    pub event_type: String,
    /// To what.
    pub resource: T,
}

impl<T> Event<T> {
    /// The event in the words of the contract, with what it tells.
    pub fn told(self, body: quittance::EventBody) -> quittance::Event {
        let at = self.create_time.as_deref().and_then(|text| text.parse().ok());
        quittance::Event { id: self.id, at, name: self.event_type, body }
    }
}

#[derive(Deserialize)]
pub(crate) struct Token {
    pub(crate) access_token: Secret,
    pub(crate) expires_in: u64,
}

/// An error body: of the REST APIs, or (`error`) of the token endpoint.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fault {
    pub(crate) name: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) debug_id: Option<String>,
    pub(crate) details: Vec<Detail>,
    pub(crate) error: Option<String>,
    pub(crate) error_description: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Detail {
    pub(crate) issue: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) field: Option<String>,
}
