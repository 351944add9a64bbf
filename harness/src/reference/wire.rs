//! The answers of the reference provider, as far as they are read, and what they become.

use quittance::*;
use serde::Deserialize;

use super::connector::SPEC;

/// A payment as the provider shows it. Amounts are decimal text in the payment's currency.
#[derive(Deserialize)]
pub(super) struct PaymentAnswer {
    pub(super) id: String,
    status: String,
    currency: Option<String>,
    amount: Option<String>,
    captured: Option<String>,
    captured_now: Option<String>,
    refunded: Option<String>,
    reference: Option<String>,
    mandate: Option<String>,
    network: Option<NetworkAnswer>,
    decline: Option<DeclineAnswer>,
    released: Option<String>,
    action: Option<ActionAnswer>,
}

#[derive(Deserialize)]
struct NetworkAnswer {
    transaction: Option<String>,
    approval: Option<String>,
    code: Option<String>,
    avs: Option<String>,
    cvc: Option<String>,
    eci: Option<String>,
}

/// Why something was refused.
#[derive(Deserialize)]
pub(super) struct DeclineAnswer {
    code: String,
    message: Option<String>,
    network_code: Option<String>,
    advice_code: Option<String>,
}

/// Where the customer has to go.
#[derive(Deserialize)]
struct ActionAnswer {
    kind: String,
    url: String,
}

/// The payments under a reference.
#[derive(Deserialize)]
pub(super) struct PaymentList {
    pub(super) payments: Vec<PaymentAnswer>,
}

/// A refund or a payout.
#[derive(Deserialize)]
pub(super) struct TransferAnswer {
    pub(super) id: String,
    status: String,
    currency: Option<String>,
    amount: Option<String>,
    payment: Option<String>,
    reference: Option<String>,
    decline: Option<DeclineAnswer>,
}

/// A stored method.
#[derive(Deserialize)]
pub(super) struct MandateAnswer {
    #[serde(default)]
    id: String,
    customer: Option<String>,
    status: String,
    reference: Option<String>,
    decline: Option<DeclineAnswer>,
    action: Option<ActionAnswer>,
}

impl MandateAnswer {
    /// The answer with the customer's id where it has no other.
    pub(super) fn by_customer(self) -> MandateAnswer {
        let customer = self.customer.clone().filter(|_| self.id.is_empty());
        MandateAnswer { id: customer.unwrap_or(self.id), ..self }
    }
}

/// A session for the provider's client SDK.
#[derive(Deserialize)]
pub(super) struct SessionAnswer {
    pub(super) id: String,
    pub(super) token: Secret,
    pub(super) expires: i64,
}

/// A dispute.
#[derive(Deserialize)]
pub(super) struct DisputeAnswer {
    id: String,
    status: String,
    payment: Option<String>,
    currency: Option<String>,
    amount: Option<String>,
    reason: Option<String>,
    respond_by: Option<i64>,
}

/// An operation that was taken on and refused later.
#[derive(Deserialize)]
pub(super) struct RefusalAnswer {
    operation: String,
    payment: String,
    decline: DeclineAnswer,
}

/// A delivery: one event, or a batch of several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Delivered {
    Several { events: Vec<EventAnswer> },
    One(Box<EventAnswer>),
}

/// An event.
#[derive(Deserialize)]
pub(super) struct EventAnswer {
    id: String,
    at: i64,
    name: String,
    data: Subject,
}

/// What a delivery is about.
#[derive(Deserialize)]
#[serde(tag = "object", rename_all = "snake_case")]
enum Subject {
    Payment(Box<PaymentAnswer>),
    Refund(TransferAnswer),
    Payout(TransferAnswer),
    Mandate(MandateAnswer),
    Dispute(DisputeAnswer),
    Refusal(RefusalAnswer),
    #[serde(other)]
    Other,
}

/// The answer of the token endpoint (RFC 6749 section 5.1).
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: Secret,
    pub(super) expires_in: u64,
}

/// The body of an answer that is no success.
#[derive(Deserialize)]
pub(super) struct FaultAnswer {
    pub(super) error: FaultDetail,
}

/// The provider's words about a fault.
#[derive(Deserialize)]
pub(super) struct FaultDetail {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) field: Option<String>,
}

/// A refusal that comes under a success status.
#[derive(Deserialize)]
pub(super) struct RefusedAnswer {
    refused: FaultDetail,
}

/// The error of a refusal that comes under a success status. What a code means that is not listed nobody knows.
pub(super) fn refused(answer: RefusedAnswer) -> Error {
    let FaultDetail { code, message, field } = answer.refused;
    let (kind, effect) = match code.as_deref() {
        Some("over_limit") => (Kind::Conflict, Effect::None),
        Some("still_running") => (Kind::Unavailable, Effect::Unknown),
        Some("account_unknown") => (Kind::Invalid, Effect::None),
        _ => (Kind::Protocol, Effect::Unknown),
    };
    let error = Error::new(kind, effect, message.unwrap_or_default()).with_code(code.unwrap_or_default());
    match field {
        Some(field) => error.in_field(field),
        None => error,
    }
}

/// A handle of an answer; an object without an id cannot be looked up.
pub(super) fn handle(id: &str) -> Result<Handle> {
    if id.is_empty() { Err(Error::protocol("the answer has an empty id")) } else { Ok(Handle::new(id)) }
}

fn money(amount: Option<&String>, currency: Option<&String>) -> Result<Option<Money>> {
    match (amount, currency) {
        (Some(amount), Some(currency)) => SPEC.money_major(amount, currency).map(Some),
        (Some(_), None) => Err(Error::protocol("an amount of the answer has no currency")),
        (None, _) => Ok(None),
    }
}

pub(super) fn payment(answer: &PaymentAnswer) -> Result<Payment> {
    let handle = handle(&answer.id)?;
    let read = |amount: &Option<String>| money(amount.as_ref(), answer.currency.as_ref());
    let amounts =
        || Ok([read(&answer.amount)?, read(&answer.captured)?, read(&answer.captured_now)?, read(&answer.refunded)?]);
    let [amount, captured, captured_now, refunded] = amounts().map_err(|error: Error| error.about(&handle))?;
    let network = answer.network.as_ref();
    Ok(Payment {
        amount,
        captured,
        captured_now,
        refunded,
        reference: answer.reference.clone(),
        mandate: answer.mandate.as_ref().map(Handle::new),
        network: Network {
            transaction_id: network.and_then(|network| network.transaction.clone()),
            authorization_code: network.and_then(|network| network.approval.clone()),
            response_code: network.and_then(|network| network.code.clone()),
            avs: network.and_then(|network| network.avs.clone()),
            cvc: network.and_then(|network| network.cvc.clone()),
            eci: network.and_then(|network| network.eci.clone()),
            ..Network::default()
        },
        ..Payment::new(handle, state(answer))
    })
}

fn state(answer: &PaymentAnswer) -> State {
    match answer.status.as_str() {
        "action_required" => {
            answer.action.as_ref().map_or(State::Pending, |action| State::ActionRequired(next(action)))
        }
        "pending" => State::Pending,
        "authorized" => State::Authorized,
        "captured" => State::Captured,
        "voided" if answer.released.as_deref() == Some("lapsed") => State::Expired,
        "voided" => State::Voided,
        "declined" => State::Declined(refused_payment(answer)),
        "expired" => State::Expired,
        other => State::Unrecognised(other.to_owned()),
    }
}

fn next(action: &ActionAnswer) -> NextAction {
    let url = action.url.clone();
    match action.kind.as_str() {
        "three_ds" => NextAction::ThreeDs { url, fields: Vec::new() },
        _ => NextAction::Redirect { url },
    }
}

/// Why a payment was refused; the network's code may stand beside the other codes of the network alone.
fn refused_payment(answer: &PaymentAnswer) -> Decline {
    let decline = decline(answer.decline.as_ref());
    let beside = || answer.network.as_ref().and_then(|network| network.code.clone());
    Decline { network_code: decline.network_code.clone().or_else(beside), ..decline }
}

/// A refusal, with every code that came.
pub(super) fn decline(answer: Option<&DeclineAnswer>) -> Decline {
    let Some(answer) = answer else { return Decline::new(Reason::Unmapped) };
    let reason = match answer.code.as_str() {
        "declined" => Reason::Generic,
        "insufficient_funds" => Reason::InsufficientFunds,
        "card_expired" => Reason::ExpiredCard,
        "card_lost" => Reason::LostCard,
        "card_stolen" => Reason::StolenCard,
        "wrong_cvc" => Reason::IncorrectCvc,
        "fraud" => Reason::SuspectedFraud,
        "authentication_failed" => Reason::AuthenticationFailed,
        "cancelled" => Reason::CustomerCancelled,
        "account_closed" => Reason::InvalidAccount,
        _ => Reason::Unmapped,
    };
    Decline {
        message: answer.message.clone(),
        network_code: answer.network_code.clone(),
        advice_code: answer.advice_code.clone(),
        ..Decline::with_code(reason, &answer.code)
    }
}

fn transfer(answer: &TransferAnswer) -> TransferState {
    match answer.status.as_str() {
        "created" | "pending" => TransferState::Pending,
        "succeeded" => TransferState::Succeeded,
        "failed" => TransferState::Failed(decline(answer.decline.as_ref())),
        other => TransferState::Unrecognised(other.to_owned()),
    }
}

pub(super) fn refund(answer: &TransferAnswer) -> Result<Refund> {
    let handle = handle(&answer.id)?;
    let amount = money(answer.amount.as_ref(), answer.currency.as_ref()).map_err(|error| error.about(&handle))?;
    let payment = answer.payment.as_ref().map(Handle::new);
    Ok(Refund { amount, payment, reference: answer.reference.clone(), ..Refund::new(handle, transfer(answer)) })
}

pub(super) fn payout(answer: &TransferAnswer) -> Result<Payout> {
    let handle = handle(&answer.id)?;
    let amount = money(answer.amount.as_ref(), answer.currency.as_ref()).map_err(|error| error.about(&handle))?;
    Ok(Payout { amount, reference: answer.reference.clone(), ..Payout::new(handle, transfer(answer)) })
}

pub(super) fn mandate(answer: &MandateAnswer) -> Result<Mandate> {
    let state = match answer.status.as_str() {
        "action_required" => {
            answer.action.as_ref().map_or(MandateState::Pending, |action| MandateState::ActionRequired(next(action)))
        }
        "active" => MandateState::Active,
        "declined" => MandateState::Declined(decline(answer.decline.as_ref())),
        "revoked" => MandateState::Revoked,
        other => MandateState::Unrecognised(other.to_owned()),
    };
    Ok(Mandate { reference: answer.reference.clone(), ..Mandate::new(handle(&answer.id)?, state) })
}

pub(super) fn dispute(answer: &DisputeAnswer) -> Result<Dispute> {
    let state = match answer.status.as_str() {
        "needs_response" | "inquiry_opened" => DisputeState::NeedsResponse,
        "under_review" => DisputeState::UnderReview,
        "won" => DisputeState::Won,
        "lost" => DisputeState::Lost,
        other => DisputeState::Unrecognised(other.to_owned()),
    };
    let handle = handle(&answer.id)?;
    Ok(Dispute {
        stage: Some(if answer.status == "inquiry_opened" { DisputeStage::Inquiry } else { DisputeStage::Chargeback }),
        payment: answer.payment.as_ref().map(Handle::new),
        amount: money(answer.amount.as_ref(), answer.currency.as_ref()).map_err(|error| error.about(&handle))?,
        reason_code: answer.reason.clone(),
        respond_by: answer.respond_by.and_then(|at| Timestamp::from_second(at).ok()),
        ..Dispute::new(handle, state)
    })
}

pub(super) fn events(delivered: Delivered) -> Result<Vec<Event>> {
    match delivered {
        Delivered::Several { events } => events.into_iter().map(event).collect(),
        Delivered::One(one) => event(*one).map(|event| vec![event]),
    }
}

fn event(answer: EventAnswer) -> Result<Event> {
    let body = match &answer.data {
        Subject::Payment(data) => EventBody::Payment(payment(data)?),
        Subject::Refund(data) => EventBody::Refund(refund(data)?),
        Subject::Payout(data) => EventBody::Payout(payout(data)?),
        Subject::Mandate(data) => EventBody::Mandate(mandate(data)?),
        Subject::Dispute(data) => EventBody::Dispute(dispute(data)?),
        Subject::Refusal(data) => EventBody::Refusal(Refusal {
            op: data
                .operation
                .parse()
                .map_err(|_| Error::protocol("the refusal is of an operation that is not known"))?,
            payment: handle(&data.payment)?,
            decline: decline(Some(&data.decline)),
        }),
        Subject::Other => EventBody::Ignored,
    };
    Ok(Event { id: Some(answer.id), at: Timestamp::from_second(answer.at).ok(), name: answer.name, body })
}
