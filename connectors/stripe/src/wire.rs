//! Stripe's JSON, as far as the connector reads it. Unknown members are ignored.

use quittance::TextOr;
use serde::Deserialize;
use serde_json::Value;

/// A PaymentIntent (<https://docs.stripe.com/api/payment_intents/object>), or one of two objects without an amount: a SetupIntent
/// (`/setup_intents/object`) or a Mandate (`/mandates/object`).
#[derive(Deserialize)]
pub(crate) struct Intent {
    pub object: Option<String>,
    pub id: String,
    #[serde(default)]
    pub status: String,
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub amount_received: Option<i64>,
    pub cancellation_reason: Option<String>,
    pub client_secret: Option<String>,
    pub customer: Option<Reference>,
    #[serde(alias = "last_setup_error")]
    pub last_payment_error: Option<StripeFault>,
    pub latest_charge: Option<TextOr<Charge>>,
    pub metadata: Option<Metadata>,
    pub next_action: Option<NextAction>,
    pub payment_method: Option<Reference>,
    pub payment_method_types: Option<Vec<String>>,
    pub setup_future_usage: Option<String>,
}

impl Intent {
    /// The newest charge, where the answer shows it.
    pub(crate) fn charge(&self) -> Option<&Charge> {
        let Some(TextOr::Object(charge)) = &self.latest_charge else { return None };
        Some(charge)
    }

    /// Stripe's type of the method, where the answer leaves no choice.
    pub(crate) fn kind(&self) -> Option<&str> {
        let [only] = self.payment_method_types.as_deref()? else { return None };
        Some(only)
    }
}

/// <https://docs.stripe.com/api/charges/object>
#[derive(Deserialize)]
pub(crate) struct Charge {
    pub amount_refunded: Option<i64>,
    pub outcome: Option<Outcome>,
    pub payment_method_details: Option<MethodDetails>,
}

#[derive(Deserialize)]
pub(crate) struct Outcome {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub network_advice_code: Option<String>,
    pub network_decline_code: Option<String>,
}

/// How a charge was paid, or a dispute came.
#[derive(Deserialize)]
pub(crate) struct MethodDetails {
    pub card: Option<CardDetails>,
}

#[derive(Deserialize)]
pub(crate) struct CardDetails {
    pub authorization_code: Option<String>,
    pub checks: Option<Checks>,
    pub network_reason_code: Option<String>,
    pub network_transaction_id: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Checks {
    pub address_line1_check: Option<String>,
    pub cvc_check: Option<String>,
}

/// A PaymentMethod, Customer or Token, of which the connector needs the id alone.
#[derive(Deserialize)]
pub(crate) struct Named {
    pub id: String,
}

/// <https://docs.stripe.com/api/refunds/object>
#[derive(Deserialize)]
pub(crate) struct RefundObject {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub status: Option<String>,
    pub failure_reason: Option<String>,
    pub metadata: Option<Metadata>,
    pub payment_intent: Option<Reference>,
}

/// <https://docs.stripe.com/api/disputes/object>
#[derive(Deserialize)]
pub(crate) struct DisputeObject {
    pub id: String,
    pub status: String,
    pub amount: i64,
    pub currency: String,
    pub evidence_details: Option<EvidenceDetails>,
    pub payment_intent: Option<Reference>,
    pub payment_method_details: Option<MethodDetails>,
    pub reason: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct EvidenceDetails {
    pub due_by: Option<i64>,
}

/// <https://docs.stripe.com/api/events/object>, or a thin event, which shows no object: <https://docs.stripe.com/api/v2/core/events>.
#[derive(Deserialize)]
pub(crate) struct EventObject {
    pub id: String,
    pub object: Option<String>,
    #[serde(rename = "type")]
    pub name: String,
    pub created: Value,
    pub data: Option<EventData>,
}

#[derive(Deserialize)]
pub(crate) struct EventData {
    pub object: Option<Subject>,
}

/// The object that an event shows.
#[derive(Deserialize)]
#[serde(tag = "object", rename_all = "snake_case")]
pub(crate) enum Subject {
    PaymentIntent(Box<Intent>),
    Refund(Box<RefundObject>),
    Dispute(Box<DisputeObject>),
    SetupIntent(Box<Intent>),
    Mandate(Box<Intent>),
    #[serde(other)]
    Other,
}

/// What the customer must do; kinds without a member here are for Stripe's client SDK.
#[derive(Deserialize)]
pub(crate) struct NextAction {
    pub redirect_to_url: Option<RedirectToUrl>,
}

#[derive(Deserialize)]
pub(crate) struct RedirectToUrl {
    pub url: Option<String>,
}

/// The merchant's own data; an empty list stands for none.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Metadata {
    pub reference: Option<String>,
}

/// The body of every answer that is not 2xx.
#[derive(Deserialize)]
pub(crate) struct FaultBody {
    pub error: StripeFault,
}

/// <https://docs.stripe.com/api/errors>
#[derive(Deserialize)]
pub(crate) struct StripeFault {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub advice_code: Option<String>,
    pub code: Option<String>,
    pub decline_code: Option<String>,
    pub message: Option<String>,
    pub network_advice_code: Option<String>,
    pub network_decline_code: Option<String>,
    pub param: Option<String>,
    pub payment_intent: Option<Box<Intent>>,
    pub setup_intent: Option<Box<Intent>>,
}

/// An object by its id, or the object when the request expanded it.
#[derive(Deserialize)]
pub(crate) struct Reference(TextOr<Named>);

impl Reference {
    pub(crate) fn id(&self) -> &str {
        match &self.0 {
            TextOr::Text(id) | TextOr::Object(Named { id }) => id,
        }
    }
}
