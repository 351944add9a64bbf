//! Razorpay's JSON, as far as the connector reads it. Unknown members are ignored.

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// An order: <https://razorpay.com/docs/api/orders/entity/>.
#[derive(Deserialize)]
pub(crate) struct Order {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub receipt: Option<String>,
    #[serde(default)]
    pub notes: Notes,
    /// Only where the request expanded it.
    pub payments: Option<List<PaymentObject>>,
}

/// A list of entities.
#[derive(Deserialize)]
pub(crate) struct List<T> {
    pub items: Vec<T>,
}

/// What creating a payment server to server answers: where the customer goes on, or nothing where all is done.
/// <https://razorpay.com/docs/payments/payment-gateway/s2s-integration/json/v2/build-integration/cards/>
#[derive(Deserialize)]
pub(crate) struct Created {
    pub razorpay_payment_id: String,
    #[serde(default)]
    pub next: Vec<Next>,
    /// Of a UPI mandate, in place of a way on: <https://razorpay.com/docs/payments/payment-gateway/s2s-integration/recurring-payments/upi-intent/authorization-transaction/>.
    pub link: Option<String>,
}

/// One way on: `redirect`, `intent`, `poll`, `otp_generate`.
#[derive(Deserialize)]
pub(crate) struct Next {
    pub action: String,
    pub url: Option<String>,
}

/// A payment: <https://razorpay.com/docs/api/payments/entity/>.
#[derive(Deserialize)]
pub(crate) struct PaymentObject {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub status: String,
    pub method: Option<String>,
    pub order_id: Option<String>,
    pub customer_id: Option<String>,
    pub token_id: Option<String>,
    pub amount_refunded: Option<i64>,
    pub error_description: Option<String>,
    pub error_reason: Option<String>,
    pub acquirer_data: Option<Acquirer>,
    #[serde(default)]
    pub notes: Notes,
}

/// What the acquirer said; its members vary by method.
#[derive(Deserialize)]
pub(crate) struct Acquirer {
    pub auth_code: Option<String>,
}

/// A refund: <https://razorpay.com/docs/api/refunds/entity/>.
#[derive(Deserialize)]
pub(crate) struct RefundObject {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub payment_id: String,
    pub receipt: Option<String>,
    /// Not every account's refunds have it: then the refund is made, and how it stands is not told.
    pub status: Option<String>,
}

/// A payout: <https://razorpay.com/docs/api/x/payouts/entity/>.
#[derive(Deserialize)]
pub(crate) struct PayoutObject {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub status: String,
    pub reference_id: Option<String>,
    pub status_details: Option<StatusDetails>,
}

/// Why a payout stands where it stands.
#[derive(Deserialize)]
pub(crate) struct StatusDetails {
    pub description: Option<String>,
    pub reason: Option<String>,
}

/// A dispute: <https://razorpay.com/docs/api/disputes/entity/>.
#[derive(Deserialize)]
pub(crate) struct DisputeObject {
    pub id: String,
    pub payment_id: String,
    pub amount: i64,
    pub currency: String,
    pub reason_code: Option<String>,
    pub respond_by: Option<i64>,
    pub status: String,
    pub phase: Option<String>,
}

/// A customer: <https://razorpay.com/docs/api/customers/entity/>.
#[derive(Deserialize)]
pub(crate) struct CustomerObject {
    pub id: String,
}

/// A token: <https://razorpay.com/docs/api/payments/recurring-payments/webhooks/>.
#[derive(Deserialize)]
pub(crate) struct TokenObject {
    pub id: String,
    pub method: Option<String>,
    pub recurring_details: Option<RecurringDetails>,
}

/// Where a token stands.
#[derive(Deserialize)]
pub(crate) struct RecurringDetails {
    pub status: String,
    pub failure_reason: Option<String>,
}

/// What deleting a token answers.
#[derive(Deserialize)]
pub(crate) struct Deleted {
    pub deleted: bool,
}

/// What cancelling a mandate answers.
#[derive(Deserialize)]
pub(crate) struct Cancelled {
    pub status: String,
}

/// The note of a payment that only registers a method, and its value.
pub(crate) const REGISTRATION: &str = "registration";
pub(crate) const REGISTERS: &str = "mandate";

/// The merchant's own data; an empty list stands for none.
#[derive(Default)]
pub(crate) struct Notes {
    pub reference: Option<String>,
    /// Whether the payment only registers a method.
    pub registers: bool,
}

/// The type of an event, read before what it holds: <https://razorpay.com/docs/webhooks/>.
#[derive(Deserialize)]
pub(crate) struct EventName {
    #[serde(rename = "event")]
    pub name: String,
    pub created_at: Option<i64>,
}

/// What an event holds.
#[derive(Deserialize)]
pub(crate) struct EventObject {
    pub payload: Payload,
}

#[derive(Deserialize)]
pub(crate) struct Payload {
    pub dispute: Option<Holder<DisputeObject>>,
    pub payment: Option<Holder<PaymentObject>>,
    pub payout: Option<Holder<PayoutObject>>,
    pub refund: Option<Holder<RefundObject>>,
    pub token: Option<Holder<TokenObject>>,
}

#[derive(Deserialize)]
pub(crate) struct Holder<T> {
    pub entity: T,
}

/// The body of every answer that is not 2xx: <https://razorpay.com/docs/errors/>.
#[derive(Deserialize)]
pub(crate) struct FaultBody {
    pub error: RazorpayFault,
}

#[derive(Deserialize)]
pub(crate) struct RazorpayFault {
    pub code: Option<String>,
    pub description: Option<String>,
    pub field: Option<String>,
    pub metadata: Option<FaultMetadata>,
    pub reason: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct FaultMetadata {
    pub payment_id: Option<String>,
}

impl<'de> Deserialize<'de> for Notes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Notes, D::Error> {
        deserializer.deserialize_any(NotesVisitor)
    }
}

struct NotesVisitor;

impl<'de> Visitor<'de> for NotesVisitor {
    type Value = Notes;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("notes, or an empty list")
    }

    fn visit_unit<E>(self) -> Result<Notes, E> {
        Ok(Notes::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Notes, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Notes::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Notes, A::Error> {
        let mut notes = Notes::default();
        while let Some(name) = members.next_key::<String>()? {
            match name.as_str() {
                "reference" if notes.reference.is_some() => return Err(serde::de::Error::duplicate_field("reference")),
                "reference" => notes.reference = members.next_value()?,
                REGISTRATION => notes.registers = members.next_value::<Option<String>>()?.as_deref() == Some(REGISTERS),
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(notes)
    }
}
