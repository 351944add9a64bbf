//! Whether a connector's reading of a recorded answer agrees with what the origin asserted.

use quittance::{
    DisputeState, Error, EventBody, Handle, Kind, MandateState, Network, Op, Payment, State, TransferState,
};

use super::recording::{Recorded, Recording};
use crate::view::Outcome;

/// What a reading amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Money was reserved, taken, released, given back or sent, or the object stands as asked.
    Done,
    /// Not decided: pending, or the customer's turn.
    Open,
    /// Refused, failed, ran out or withdrawn.
    Refused,
    /// The provider's status is not in the connector's table.
    Unrecognised,
    /// The answer could not be read, or belongs to another request.
    Unread,
}

/// The judgement on one recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Verdict, reference and code agree, as far as the origin asserted them.
    Agrees,
    /// Something does not.
    Disagrees {
        /// What, in one sentence.
        reason: String,
        /// Whether a failure was read as a final success.
        unsafe_success: bool,
    },
    /// The origin asserted no outcome; the answer was fed all the same.
    Unlabelled,
}

/// Judges the result of feeding a recording to `op`.
pub fn judge(op: Op, recording: &Recording, result: &Result<Outcome, Error>) -> Judgement {
    let reading = reading(op, result);
    let disagrees = |reason: String, unsafe_success| Judgement::Disagrees { reason, unsafe_success };
    match recording.outcome {
        Recorded::Unlabelled => return Judgement::Unlabelled,
        Recorded::Success if matches!(reading, Reading::Done | Reading::Open) => {}
        Recorded::Failure if reading == Reading::Refused => {}
        Recorded::Success => return disagrees(format!("recorded success, read {}", told(result)), false),
        Recorded::Failure => {
            return disagrees(format!("recorded failure, read {}", told(result)), reading == Reading::Done);
        }
    }
    if let Some(reference) = recording.reference.as_deref().filter(|reference| !names(result, reference)) {
        return disagrees(format!("reference {reference} expected, read {}", told(result)), false);
    }
    // A code that the answer does not hold is the origin library's own word.
    let code = recording.code.as_deref().filter(|code| recording.body.contains(code));
    match code.filter(|code| !codes(result).iter().any(|found| found == code)) {
        Some(code) => disagrees(format!("code {code} expected, read {:?}", codes(result)), false),
        None => Judgement::Agrees,
    }
}

fn reading(op: Op, result: &Result<Outcome, Error>) -> Reading {
    match result {
        Ok(outcome) => of_outcome(op, outcome),
        Err(error) => match error.kind() {
            Kind::Invalid
            | Kind::Credentials
            | Kind::NotFound
            | Kind::Conflict
            | Kind::RateLimited
            | Kind::Unavailable => Reading::Refused,
            _ => Reading::Unread,
        },
    }
}

/// A look-up succeeds when the answer can be read, whatever became of the object.
fn of_outcome(op: Op, outcome: &Outcome) -> Reading {
    let reading = match outcome {
        Outcome::Payment(payment) => of_state(op, payment),
        Outcome::Refund(refund) => of_transfer(&refund.state),
        Outcome::Payout(payout) => of_transfer(&payout.state),
        Outcome::Mandate(mandate) => match mandate.state {
            MandateState::Active => Reading::Done,
            MandateState::Revoked if op == Op::Revoke => Reading::Done,
            MandateState::ActionRequired(_) | MandateState::Pending => Reading::Open,
            MandateState::Declined(_) | MandateState::Revoked => Reading::Refused,
            MandateState::Unrecognised(_) => Reading::Unrecognised,
        },
        Outcome::Dispute(dispute) => match dispute.state {
            DisputeState::Unrecognised(_) => Reading::Unrecognised,
            _ => Reading::Done,
        },
        Outcome::Events(events) => {
            let refused = events.iter().any(|event| match &event.body {
                EventBody::Refusal(_) => true,
                EventBody::Payment(payment) => matches!(payment.state, State::Declined(_) | State::Expired),
                EventBody::Refund(refund) => matches!(refund.state, TransferState::Failed(_)),
                EventBody::Payout(payout) => matches!(payout.state, TransferState::Failed(_)),
                _ => false,
            });
            if refused { Reading::Refused } else { Reading::Done }
        }
        Outcome::Session(_) | Outcome::Token(_) => Reading::Done,
    };
    match reading {
        Reading::Refused if op.reads() && op != Op::Webhook => Reading::Open,
        other => other,
    }
}

fn of_state(op: Op, payment: &Payment) -> Reading {
    match payment.state {
        State::Authorized | State::Captured => Reading::Done,
        State::Voided if matches!(op, Op::Void | Op::Retrieve) => Reading::Done,
        State::ActionRequired(_) | State::Pending => Reading::Open,
        State::Declined(_) | State::Expired | State::Voided => Reading::Refused,
        State::Unrecognised(_) => Reading::Unrecognised,
    }
}

fn of_transfer(state: &TransferState) -> Reading {
    match state {
        TransferState::Succeeded => Reading::Done,
        TransferState::Pending | TransferState::ActionRequired(_) => Reading::Open,
        TransferState::Failed(_) | TransferState::Cancelled => Reading::Refused,
        TransferState::Unrecognised(_) => Reading::Unrecognised,
    }
}

/// The result in a few words.
pub fn told(result: &Result<Outcome, Error>) -> String {
    match result {
        Ok(Outcome::Events(events)) => {
            let kinds: Vec<&str> = events.iter().map(|event| event.body.as_str()).collect();
            format!("events [{}]", kinds.join(", "))
        }
        Ok(Outcome::Payment(payment)) => match &payment.state {
            State::Unrecognised(raw) => format!("unrecognised `{raw}`"),
            state => state.as_str().to_owned(),
        },
        Ok(outcome) => outcome.state().to_owned(),
        Err(error) => format!("{}: {error}", error.kind().as_str()),
    }
}

fn names(result: &Result<Outcome, Error>, reference: &str) -> bool {
    let mut handles: Vec<&Handle> = Vec::new();
    match result {
        Err(error) => handles.extend(error.handle()),
        Ok(Outcome::Payment(payment)) => handles.extend(std::iter::once(&payment.handle).chain(&payment.mandate)),
        Ok(Outcome::Refund(refund)) => handles.extend(std::iter::once(&refund.handle).chain(&refund.payment)),
        Ok(Outcome::Payout(payout)) => handles.push(&payout.handle),
        Ok(Outcome::Mandate(mandate)) => handles.push(&mandate.handle),
        Ok(Outcome::Dispute(dispute)) => handles.extend(std::iter::once(&dispute.handle).chain(&dispute.payment)),
        Ok(Outcome::Events(events)) => handles.extend(events.iter().filter_map(|event| match &event.body {
            EventBody::Payment(payment) => Some(&payment.handle),
            EventBody::Refund(refund) => Some(&refund.handle),
            EventBody::Refusal(refusal) => Some(&refusal.payment),
            _ => None,
        })),
        Ok(Outcome::Session(session)) => handles.extend(&session.handle),
        Ok(Outcome::Token(_)) => {}
    }
    handles.iter().any(|handle| {
        handle.id() == reference || handle.to_string().split(['?', '&', '=']).any(|part| part == reference)
    })
}

fn codes(result: &Result<Outcome, Error>) -> Vec<String> {
    let decline = match result {
        Err(error) => return error.code().map(str::to_owned).into_iter().collect(),
        Ok(Outcome::Payment(Payment { state: State::Declined(decline), .. })) => Some(decline),
        Ok(Outcome::Refund(refund)) => failed(&refund.state),
        Ok(Outcome::Payout(payout)) => failed(&payout.state),
        Ok(Outcome::Mandate(mandate)) => match &mandate.state {
            MandateState::Declined(decline) => Some(decline),
            _ => None,
        },
        Ok(_) => None,
    };
    let network = match result {
        Ok(Outcome::Payment(Payment { network, .. })) => network_code(network),
        _ => None,
    };
    let declined = decline.into_iter().flat_map(|decline| [decline.code.clone(), decline.network_code.clone()]);
    declined.flatten().chain(network).collect()
}

fn failed(state: &TransferState) -> Option<&quittance::Decline> {
    match state {
        TransferState::Failed(decline) => Some(decline),
        _ => None,
    }
}

fn network_code(network: &Network) -> Option<String> {
    network.response_code.clone()
}
