//! Mollie's JSON. Amounts are decimal texts with the currency beside them; answers are HAL, with links in `_links`.

use quittance::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::SPEC;

/// `POST /payments`: what may be secret borrowed, the rest as it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewPayment<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) card_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) apple_pay_payment_token: Option<String>,
    #[serde(flatten)]
    pub(crate) rest: Value,
}

/// `POST /customers/{id}/mandates`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewMandate<'a> {
    pub(crate) method: &'static str,
    pub(crate) consumer_name: &'a str,
    pub(crate) consumer_account: &'a str,
    pub(crate) mandate_reference: &'a str,
}

/// The members that have a value.
pub(crate) fn compact(object: Value) -> Value {
    match object {
        Value::Object(members) => Value::Object(members.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}

pub(crate) fn amount(money: &Money) -> Result<Value> {
    Ok(json!({ "currency": money.currency().code(), "value": SPEC.major(money)? }))
}

/// The merchant's own data, and the reference among it.
pub(crate) fn metadata(reference: &str, order: &Order) -> Value {
    let own = order.metadata.iter().map(|(name, value)| (name.clone(), json!(value)));
    Value::Object(own.chain([("reference".to_owned(), json!(reference))]).collect())
}

/// An address with the customer's name and ways to reach them; left out where Mollie would refuse it for want of a street or e-mail.
pub(crate) fn address(address: &Address, customer: &Customer) -> Option<Value> {
    (address.line1.is_some() || customer.email.is_some()).then(|| {
        compact(json!({
            "givenName": customer.first_name,
            "familyName": customer.last_name,
            "email": customer.email,
            "phone": customer.phone,
            "streetAndNumber": address.line1,
            "streetAdditional": address.line2,
            "postalCode": address.postal_code,
            "city": address.city,
            "region": address.state,
            "country": address.country,
        }))
    })
}

/// The lines of the order. Where the method needs some and none are known, the whole is one.
pub(crate) fn lines(request: &Authorize, needed: bool) -> Result<Option<Vec<Value>>> {
    let line = |line: &LineItem| {
        let all = line.unit_amount.minor().checked_mul(i64::from(line.quantity));
        let all = all.ok_or_else(|| Error::invalid("order.line_items", "the sum of a line is too large"))?;
        let total = Money::new(all, line.unit_amount.currency());
        Ok(compact(json!({
            "description": line.name,
            "quantity": line.quantity,
            "unitPrice": amount(&line.unit_amount)?,
            "totalAmount": amount(&total)?,
            "sku": line.sku,
        })))
    };
    let name = request.order.description.clone().unwrap_or_else(|| request.reference.clone());
    let whole = LineItem { name, quantity: 1, unit_amount: request.amount, sku: None };
    match request.order.line_items.as_slice() {
        [] if needed => Ok(Some(vec![line(&whole)?])),
        [] => Ok(None),
        items => items.iter().map(line).collect::<Result<_>>().map(Some),
    }
}

#[derive(Deserialize)]
pub(crate) struct Named {
    pub(crate) id: String,
}

#[derive(Deserialize)]
pub(crate) struct Amount {
    pub(crate) currency: String,
    pub(crate) value: String,
}

impl Amount {
    pub(crate) fn money(&self) -> Result<Money> {
        SPEC.money_major(&self.value, &self.currency)
    }
}

#[derive(Deserialize)]
struct Metadata {
    reference: Option<Value>,
}

/// The reference in the data that a merchant keeps. Those can be any JSON where others than this connector have made the payment.
pub(crate) fn reference(metadata: Option<Box<RawValue>>) -> Result<Option<String>> {
    let Some(own) = metadata.filter(|metadata| metadata.get().starts_with('{')) else { return Ok(None) };
    let own: Metadata =
        serde_json::from_str(own.get()).map_err(|_| Error::protocol("the metadata of the answer cannot be read"))?;
    Ok(own.reference.as_ref().and_then(Value::as_str).map(str::to_owned))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentBody {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) method: Option<String>,
    pub(crate) amount: Amount,
    pub(crate) amount_captured: Option<Amount>,
    pub(crate) amount_refunded: Option<Amount>,
    pub(crate) metadata: Option<Box<RawValue>>,
    pub(crate) customer_id: Option<String>,
    pub(crate) mandate_id: Option<String>,
    pub(crate) details: Option<Details>,
    #[serde(rename = "_links")]
    pub(crate) links: Option<Links>,
    #[serde(rename = "_embedded")]
    pub(crate) embedded: Option<Captures>,
}

/// What `embed=captures` adds.
#[derive(Deserialize)]
pub(crate) struct Captures {
    pub(crate) captures: Vec<CaptureBody>,
}

/// What is told of a failure; the members differ with the method.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Details {
    pub(crate) failure_reason: Option<String>,
    pub(crate) failure_message: Option<String>,
    pub(crate) bank_reason_code: Option<String>,
    pub(crate) bank_reason: Option<String>,
    /// What a bank transfer must state.
    pub(crate) transfer_reference: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Links {
    pub(crate) checkout: Option<Link>,
    /// The page that tells where a bank transfer goes.
    pub(crate) status: Option<Link>,
}

#[derive(Deserialize)]
pub(crate) struct Link {
    pub(crate) href: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CaptureBody {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) amount: Option<Amount>,
    pub(crate) payment_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundBody {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) amount: Amount,
    pub(crate) payment_id: String,
    pub(crate) metadata: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MandateBody {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) mandate_reference: Option<String>,
}

/// What is read of the session that Apple gave.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppleSession {
    pub(crate) merchant_session_identifier: String,
    /// Milliseconds since 1970.
    pub(crate) expires_at: Option<i64>,
}

/// A signed event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedEvent {
    pub(crate) id: String,
    pub(crate) r#type: String,
    pub(crate) entity_id: String,
    pub(crate) created_at: Option<String>,
    #[serde(rename = "_embedded")]
    pub(crate) embedded: Option<Box<RawValue>>,
}

/// The part of an event's object that tells where to look it up.
#[derive(Deserialize)]
pub(crate) struct Embedded {
    pub(crate) entity: OfPayment,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfPayment {
    pub(crate) payment_id: String,
}

#[derive(Deserialize)]
pub(crate) struct FaultBody {
    pub(crate) detail: Option<String>,
    pub(crate) field: Option<String>,
}
