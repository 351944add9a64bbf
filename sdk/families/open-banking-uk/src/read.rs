//! What consents and payments say, in the contract's words.

use quittance::*;

use crate::wire::{Amount, Object};

/// Whether a consent waits for the customer.
pub(crate) fn awaits_customer(status: &str) -> bool {
    matches!(status, "AwaitingAuthorisation" | "AWAU")
}

/// Whether a payment can be made under a consent. One that was made is made again under its key, which the bank answers with the first.
pub(crate) fn is_authorised(status: &str) -> bool {
    matches!(status, "Authorised" | "AUTH" | "Consumed" | "COND")
}

pub(crate) fn payment(spec: &Spec, object: &Object) -> Result<Payment> {
    let handle = Handle::new(&object.consent_id).with_some("payment", object.payment_id.as_ref());
    let state = match &object.payment_id {
        Some(_) => made(&object.status),
        None => agreed(&object.status),
    };
    let initiation = object.initiation.as_ref();
    let terms = initiation.map(|of| (&of.instructed_amount, of.end_to_end_identification.as_str()));
    with_terms(spec, Payment::new(handle, state), terms)
}

/// A payment with the amount and the reference that the bank tells.
pub(crate) fn with_terms(spec: &Spec, payment: Payment, terms: Option<(&Amount, &str)>) -> Result<Payment> {
    let Some((Amount { amount, currency }, reference)) = terms else { return Ok(payment) };
    let amount = spec.money_major(amount, currency).map_err(|error| error.about(&payment.handle))?;
    let captured = (payment.state == State::Captured).then_some(amount);
    Ok(Payment { amount: Some(amount), captured, reference: Some(reference.to_owned()), ..payment })
}

/// A consent's status: of version 3.1, and the same in 4.0; the last two are a mandate's.
pub(crate) fn agreed(status: &str) -> State {
    match status {
        "AwaitingAuthorisation" | "AWAU" | "Authorised" | "AUTH" | "Consumed" | "COND" => State::Pending,
        "Rejected" | "RJCT" => State::Declined(Decline::with_code(Reason::CustomerCancelled, status)),
        "CANC" => State::Voided,
        "EXPD" => State::Expired,
        other => State::Unrecognised(other.to_owned()),
    }
}

/// A payment's status (ISO 20022 `ExternalPaymentTransactionStatus1Code`). The money is taken once the customer's account is settled.
pub(crate) fn made(status: &str) -> State {
    match status {
        "AcceptedSettlementCompleted" | "AcceptedCreditSettlementCompleted" | "ACSC" | "ACCC" => State::Captured,
        "Pending" | "AcceptedSettlementInProcess" | "AcceptedWithoutPosting" => State::Pending,
        "RCVD" | "PDNG" | "ACTC" | "PATC" | "ACCP" | "ACFC" | "ACSP" | "ACWC" | "ACWP" | "BLCK" => State::Pending,
        "Rejected" | "RJCT" => State::Declined(Decline::with_code(Reason::Generic, status)),
        "CANC" => State::Voided,
        other => State::Unrecognised(other.to_owned()),
    }
}
