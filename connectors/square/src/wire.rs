//! Square's JSON, and what its objects become.

use quittance::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Square, codes};

/// The members that have a value.
pub(crate) fn merge(mut object: Value) -> Value {
    if let Value::Object(members) = &mut object {
        members.retain(|_, value| !value.is_null());
    }
    object
}

/// The object with one member more.
pub(crate) fn with(mut object: Value, name: &str, value: String) -> Value {
    if let Value::Object(members) = &mut object {
        members.insert(name.to_owned(), Value::String(value));
    }
    object
}

pub(crate) fn money(amount: &Money) -> Result<Value> {
    Ok(json!({ "amount": Square::SPEC.minor(amount)?, "currency": amount.currency().code() }))
}

/// `POST /v2/payments`: the token borrowed, the rest as it is.
#[derive(Serialize)]
pub(crate) struct NewPayment<'a> {
    source_id: &'a str,
    #[serde(flatten)]
    rest: Value,
}

impl<'a> NewPayment<'a> {
    /// `place`: the location and the customer.
    pub(crate) fn of(request: &'a Authorize, key: &str, place: (Option<&str>, Option<&str>)) -> Result<NewPayment<'a>> {
        let source_id = match &request.method {
            Method::CardToken(token) => token.expose(),
            Method::Mandate(card) => card.id(),
            other => return Err(Error::unsupported_variant(other.family())),
        };
        let stored = matches!(request.method, Method::Mandate(_));
        let by_customer = request.initiator == Initiator::Customer;
        let rest = merge(json!({
            "idempotency_key": key,
            "amount_money": money(&request.amount)?,
            "autocomplete": request.capture == CaptureMode::Automatic,
            "reference_id": request.reference,
            "location_id": place.0,
            "customer_id": place.1,
            "customer_details": stored.then(|| json!({ "customer_initiated": by_customer })),
            "note": request.order.description,
            "statement_description_identifier": request.order.descriptor,
            "buyer_email_address": request.customer.email,
            "buyer_phone_number": request.customer.phone,
            "billing_address": address(&request.billing),
            "shipping_address": request.order.shipping.as_ref().and_then(address),
        }));
        Ok(NewPayment { source_id, rest })
    }
}

fn address(address: &Address) -> Option<Value> {
    let all = merge(json!({
        "address_line_1": address.line1,
        "address_line_2": address.line2,
        "locality": address.city,
        "administrative_district_level_1": address.state,
        "postal_code": address.postal_code,
        "country": address.country,
    }));
    all.as_object().is_some_and(|members| !members.is_empty()).then_some(all)
}

/// `POST /v2/cards`.
#[derive(Serialize)]
pub(crate) struct NewCard<'a> {
    idempotency_key: &'a str,
    source_id: &'a str,
    card: Value,
}

/// Stores a card out of a token, or out of a payment that it has made.
pub(crate) fn new_card<'a>(
    idempotency_key: &'a str,
    source_id: &'a str,
    reference: &str,
    customer: &str,
    billing: &Address,
) -> NewCard<'a> {
    let card = json!({ "customer_id": customer, "reference_id": reference, "billing_address": address(billing) });
    NewCard { idempotency_key, source_id, card: merge(card) }
}

/// `POST /v2/customers`; Square asks for one of name, e-mail address and telephone number.
pub(crate) fn new_customer(key: &str, customer: &Customer) -> Value {
    merge(json!({
        "idempotency_key": key,
        "reference_id": customer.id,
        "given_name": customer.first_name,
        "family_name": customer.last_name,
        "email_address": customer.email,
        "phone_number": customer.phone,
    }))
}

/// Bodies of `POST /v2/disputes/…/evidence-text`, each a text of its own type.
pub(crate) fn evidence(evidence: &Evidence) -> Vec<Value> {
    let tracking = [evidence.carrier.as_deref(), evidence.tracking_number.as_deref()];
    let tracking = tracking.into_iter().flatten().collect::<Vec<_>>().join(" ");
    [("REBUTTAL_EXPLANATION", evidence.explanation.clone()), ("TRACKING_NUMBER", tracking)]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(kind, text)| json!({ "evidence_type": kind, "evidence_text": text }))
        .collect()
}

/// An amount in an answer.
#[derive(Deserialize)]
pub(crate) struct ReadMoney {
    amount: i64,
    currency: String,
}

fn read(money: &ReadMoney) -> Result<Money> {
    Square::SPEC.money(money.amount, &money.currency)
}

/// The body of a refused request; a refused payment stands beside its errors.
#[derive(Deserialize)]
pub(crate) struct Refusal {
    pub(crate) errors: Vec<ReadError>,
    payment: Option<ReadPayment>,
}

#[derive(Deserialize, Default)]
pub(crate) struct ReadError {
    category: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) field: Option<String>,
}

impl Refusal {
    /// Whether the issuer refused the payment, rather than Square the request.
    pub(crate) fn is_decline(&self) -> bool {
        self.errors.first().is_some_and(|first| first.category.as_deref() == Some("PAYMENT_METHOD_ERROR"))
    }
}

pub(crate) fn decline(errors: &[ReadError]) -> Decline {
    let Some(first) = errors.first() else { return Decline::new(Reason::Generic) };
    let reason = first.code.as_deref().map_or(Reason::Generic, codes::reason);
    Decline { code: first.code.clone(), message: first.detail.clone(), ..Decline::new(reason) }
}

/// The payment that was refused, under `unnamed` where Square gave it no id.
pub(crate) fn refused(refusal: Refusal, unnamed: &Handle) -> Result<Payment> {
    let state = State::Declined(decline(&refusal.errors));
    match refusal.payment {
        Some(found) => payment(found).map(|payment| match payment.state {
            State::Declined(_) => Payment { state, ..payment },
            _ => payment,
        }),
        None => Ok(Payment::new(unnamed.clone(), state)),
    }
}

#[derive(Deserialize)]
pub(crate) struct OnePayment {
    pub(crate) payment: ReadPayment,
}

#[derive(Deserialize)]
pub(crate) struct ReadPayment {
    id: String,
    status: String,
    amount_money: ReadMoney,
    refunded_money: Option<ReadMoney>,
    reference_id: Option<String>,
    card_details: Option<CardDetails>,
}

#[derive(Deserialize, Default)]
struct CardDetails {
    auth_result_code: Option<String>,
    avs_status: Option<String>,
    cvv_status: Option<String>,
    #[serde(default)]
    errors: Vec<ReadError>,
}

pub(crate) fn payment(found: ReadPayment) -> Result<Payment> {
    let approved = format!("{}{}", found.amount_money.currency, found.amount_money.amount);
    let handle = Handle::new(found.id).with("amount", approved);
    let about = |error: Error| error.about(&handle);
    let amount = read(&found.amount_money).map_err(about)?;
    let refunded = found.refunded_money.as_ref().map(read).transpose().map_err(about)?;
    let card = found.card_details.unwrap_or_default();
    let state = match found.status.as_str() {
        "APPROVED" => State::Authorized,
        "PENDING" => State::Pending,
        "COMPLETED" => State::Captured,
        "CANCELED" => State::Voided,
        "FAILED" => State::Declined(decline(&card.errors)),
        _ => State::Unrecognised(found.status),
    };
    let network = Network {
        authorization_code: card.auth_result_code,
        avs: card.avs_status,
        cvc: card.cvv_status,
        ..Network::default()
    };
    Ok(Payment {
        amount: Some(amount),
        captured: (state == State::Captured).then_some(amount),
        refunded,
        reference: found.reference_id,
        network,
        ..Payment::new(handle, state)
    })
}

#[derive(Deserialize)]
pub(crate) struct OneRefund {
    pub(crate) refund: ReadRefund,
}

#[derive(Deserialize)]
pub(crate) struct ReadRefund {
    id: String,
    /// Nullable: the refund is made, and how it stands is not told.
    status: Option<String>,
    amount_money: ReadMoney,
    payment_id: Option<String>,
}

pub(crate) fn refund(found: ReadRefund) -> Result<Refund> {
    let handle = Handle::new(found.id);
    let amount = Some(read(&found.amount_money).map_err(|error| error.about(&handle))?);
    let state = match found.status.as_deref().unwrap_or("PENDING") {
        "PENDING" => TransferState::Pending,
        "COMPLETED" => TransferState::Succeeded,
        refused @ ("REJECTED" | "FAILED") => TransferState::Failed(Decline::with_code(Reason::Generic, refused)),
        unknown => TransferState::Unrecognised(unknown.to_owned()),
    };
    Ok(Refund { amount, payment: found.payment_id.map(Handle::new), ..Refund::new(handle, state) })
}

#[derive(Deserialize)]
pub(crate) struct OneCustomer {
    pub(crate) customer: ReadCustomer,
}

#[derive(Deserialize)]
pub(crate) struct ReadCustomer {
    pub(crate) id: String,
}

#[derive(Deserialize)]
pub(crate) struct OneCard {
    pub(crate) card: ReadCard,
}

#[derive(Deserialize)]
pub(crate) struct ReadCard {
    id: String,
    customer_id: Option<String>,
    reference_id: Option<String>,
    enabled: bool,
}

pub(crate) fn mandate(found: ReadCard) -> Mandate {
    let state = if found.enabled { MandateState::Active } else { MandateState::Revoked };
    let handle = Handle::new(found.id).with_some("customer", found.customer_id);
    Mandate { reference: found.reference_id, ..Mandate::new(handle, state) }
}

#[derive(Deserialize)]
pub(crate) struct OneDispute {
    pub(crate) dispute: ReadDispute,
}

#[derive(Deserialize)]
pub(crate) struct ReadDispute {
    id: Option<String>,
    /// The same, and all that deliveries of the older kind have.
    dispute_id: Option<String>,
    state: String,
    amount_money: Option<ReadMoney>,
    reason: Option<String>,
    due_at: Option<String>,
    disputed_payment: Option<DisputedPayment>,
}

#[derive(Deserialize)]
struct DisputedPayment {
    payment_id: Option<String>,
}

pub(crate) fn dispute(found: ReadDispute) -> Result<Dispute> {
    let id = found.id.or(found.dispute_id).ok_or_else(|| Error::protocol("the dispute has no id"))?;
    let handle = Handle::new(id);
    let amount = found.amount_money.as_ref().map(read).transpose().map_err(|error| error.about(&handle))?;
    let inquiry = found.state.starts_with("INQUIRY");
    Ok(Dispute {
        stage: Some(if inquiry { DisputeStage::Inquiry } else { DisputeStage::Chargeback }),
        payment: found.disputed_payment.and_then(|disputed| disputed.payment_id).map(Handle::new),
        amount,
        reason_code: found.reason,
        respond_by: found.due_at.and_then(|at| at.parse().ok()),
        ..Dispute::new(handle, codes::dispute_state(found.state))
    })
}

/// What every delivery has.
#[derive(Deserialize)]
pub(crate) struct EventHead {
    pub(crate) r#type: String,
    pub(crate) event_id: Option<String>,
    pub(crate) created_at: Option<String>,
}

/// A delivery about an object.
#[derive(Deserialize)]
pub(crate) struct Event<T> {
    pub(crate) data: EventData<T>,
}

#[derive(Deserialize)]
pub(crate) struct EventData<T> {
    pub(crate) object: T,
}
