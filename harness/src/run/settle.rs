//! How an answer that leaves the end open is followed to it.

use quittance::{Op, Spec};
use serde_json::json;

use crate::invoke::Request;
use crate::scenario::Expectation;
use crate::view::Outcome;

/// Whether an answer leaves the end open where the scenario wants one.
pub fn is_open(expect: &Expectation, outcome: &Outcome) -> bool {
    let stored = matches!(outcome, Outcome::Payment(payment) if payment.mandate.is_some());
    let state = outcome.state();
    if stored && expect.state.as_ref().is_some_and(|states| states.values.iter().any(|state| state == "active")) {
        return false;
    }
    let wanted = expect.state.as_ref().is_some_and(|states| states.values.iter().any(|wanted| wanted == state));
    matches!(state, "pending" | "action_required") && !wanted
}

/// The look-up of a step's object, with the further ids that the customer's return or a delivery has brought; none where the connector
/// declares no such look-up.
pub fn look_up(spec: &Spec, first: &Outcome, now: &Outcome) -> Option<Request> {
    let (op, input) = match first {
        Outcome::Payment(payment) => {
            let further = match now {
                Outcome::Payment(now) if now.handle.id() == payment.handle.id() => &now.handle,
                _ => &payment.handle,
            };
            let handle = payment.handle.clone().merged(further);
            (Op::Retrieve, json!({ "by": { "handle": handle.to_string() } }))
        }
        Outcome::Refund(refund) => (Op::RetrieveRefund, json!({ "refund": refund.handle.to_string() })),
        Outcome::Payout(payout) => (Op::RetrievePayout, json!({ "payout": payout.handle.to_string() })),
        _ => return None,
    };
    if !spec.has(op) {
        return None;
    }
    Request::from_json(op, input).ok()
}
