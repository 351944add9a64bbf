//! What consents and payments say, in the contract's words.

use quittance::*;

use crate::wire::Object;

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
    let initiation = object.initiation.as_ref();
    let amount = initiation.map(|initiation| {
        let amount = &initiation.instructed_amount;
        spec.money_major(&amount.amount, &amount.currency).map_err(|error| error.about(&handle))
    });
    let amount = amount.transpose()?;
    let state = match &object.payment_id {
        Some(_) => made(&object.status),
        None => agreed(&object.status),
    };
    Ok(Payment {
        amount,
        captured: amount.filter(|_| state == State::Captured),
        reference: initiation.map(|initiation| initiation.end_to_end_identification.clone()),
        ..Payment::new(handle, state)
    })
}

/// A consent's status: of version 3.1, and the same in 4.0.
fn agreed(status: &str) -> State {
    match status {
        "AwaitingAuthorisation" | "AWAU" | "Authorised" | "AUTH" | "Consumed" | "COND" => State::Pending,
        "Rejected" | "RJCT" => State::Declined(Decline::with_code(Reason::CustomerCancelled, status)),
        other => State::Unrecognised(other.to_owned()),
    }
}

/// A payment's status (ISO 20022 `ExternalPaymentTransactionStatus1Code`). The money is taken once the customer's account is settled.
fn made(status: &str) -> State {
    match status {
        "AcceptedSettlementCompleted" | "AcceptedCreditSettlementCompleted" | "ACSC" | "ACCC" => State::Captured,
        "Pending" | "AcceptedSettlementInProcess" | "AcceptedWithoutPosting" => State::Pending,
        "RCVD" | "PDNG" | "ACTC" | "PATC" | "ACCP" | "ACFC" | "ACSP" | "ACWC" | "ACWP" | "BLCK" => State::Pending,
        "Rejected" | "RJCT" => State::Declined(Decline::with_code(Reason::Generic, status)),
        other => State::Unrecognised(other.to_owned()),
    }
}
