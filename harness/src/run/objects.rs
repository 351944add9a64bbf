//! What earlier steps of a case left behind: handles, and the terms under which a payment was started.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use quittance::{Event, EventBody, Handle, Op};
use serde_json::{Value, json};

use crate::view::Outcome;

/// A kind of object that a later step can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// A payment.
    Payment,
    /// A refund.
    Refund,
    /// A mandate.
    Mandate,
    /// A payout.
    Payout,
    /// A dispute.
    Dispute,
}

impl Wanted {
    /// The kind in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Wanted::Payment => "payment",
            Wanted::Refund => "refund",
            Wanted::Mandate => "mandate",
            Wanted::Payout => "payout",
            Wanted::Dispute => "dispute",
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The objects of a case, by step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Objects {
    handles: BTreeMap<(u32, Wanted), Handle>,
    terms: BTreeMap<u32, Arc<(Value, Value)>>,
}

/// Amount and capture mode of a request that starts a payment or mandate; `input` in its JSON form.
pub fn terms_of(input: &Value) -> Option<(Value, Value)> {
    let capture = input.get("capture").cloned().unwrap_or(json!("automatic"));
    let amount = match (input.get("amount"), input.get("currency")) {
        (Some(amount), _) => amount.clone(),
        (None, Some(currency)) => json!({ "minor": 0, "currency": currency }),
        (None, None) => return None,
    };
    Some((amount, capture))
}

impl Objects {
    /// The handle of step `of`, else of the newest step that has such an object.
    pub fn handle(&self, wanted: Wanted, of: Option<u32>) -> Option<&Handle> {
        self.step_of(wanted, of).and_then(|step| self.handles.get(&(step, wanted)))
    }

    /// The step whose object `handle` gives.
    pub fn step_of(&self, wanted: Wanted, of: Option<u32>) -> Option<u32> {
        let mut steps = self.handles.keys().filter(|(_, kind)| *kind == wanted).map(|(step, _)| *step);
        match of {
            Some(of) => steps.find(|step| *step == of),
            None => steps.next_back(),
        }
    }

    /// Amount and capture mode under which the newest payment or mandate was started.
    pub fn terms(&self, of: Option<u32>) -> Option<(Value, Value)> {
        self.newest_terms(of).map(|terms| (**terms).clone())
    }

    /// The currency of the newest payment.
    pub fn currency(&self, of: Option<u32>) -> Option<String> {
        self.newest_terms(of)?.0.get("currency")?.as_str().map(str::to_owned)
    }

    fn newest_terms(&self, of: Option<u32>) -> Option<&Arc<(Value, Value)>> {
        match of {
            Some(of) => self.terms.get(&of),
            None => self.terms.values().next_back(),
        }
    }

    /// Notes what a request started, if it started anything.
    pub fn note_terms(&mut self, step: u32, terms: Option<Arc<(Value, Value)>>) {
        if let Some(terms) = terms {
            self.terms.insert(step, terms);
        }
    }

    /// Notes objects under ids that are made up, as an operation of that step would make them.
    pub(super) fn make_up(&mut self, step: u32, op: Op) {
        let kinds: &[Wanted] = match op {
            Op::Authorize | Op::Complete => &[Wanted::Payment, Wanted::Mandate],
            Op::SetUp => &[Wanted::Mandate],
            Op::Refund => &[Wanted::Refund],
            Op::PayOut => &[Wanted::Payout],
            Op::Webhook => &[Wanted::Dispute],
            _ => &[],
        };
        for kind in kinds {
            self.keep(step, *kind, &Handle::new(format!("{kind}-{step}")));
        }
    }

    /// Notes the objects of an outcome. Ids of the same object that only one answer knew are kept together.
    pub fn note(&mut self, step: u32, outcome: &Outcome) {
        match outcome {
            Outcome::Payment(payment) => {
                self.keep(step, Wanted::Payment, &payment.handle);
                payment.mandate.iter().for_each(|mandate| self.keep(step, Wanted::Mandate, mandate));
            }
            Outcome::Refund(refund) => self.keep(step, Wanted::Refund, &refund.handle),
            Outcome::Mandate(mandate) => self.keep(step, Wanted::Mandate, &mandate.handle),
            Outcome::Payout(payout) => self.keep(step, Wanted::Payout, &payout.handle),
            Outcome::Dispute(dispute) => self.keep(step, Wanted::Dispute, &dispute.handle),
            Outcome::Events(events) => events.iter().for_each(|event| self.note_event(step, event)),
            Outcome::Session(_) | Outcome::Token(_) => {}
        }
    }

    /// Notes the handle that an error kept, of an object of the kind that the step makes or changes.
    pub(super) fn note_struck(&mut self, step: u32, wanted: Wanted, handle: Option<&Handle>) {
        if let Some(handle) = handle {
            self.keep(step, wanted, handle);
        }
    }

    fn note_event(&mut self, step: u32, event: &Event) {
        match &event.body {
            EventBody::Payment(payment) => self.note(step, &Outcome::Payment(payment.clone())),
            EventBody::Refund(refund) => self.keep(step, Wanted::Refund, &refund.handle),
            EventBody::Dispute(dispute) => self.keep(step, Wanted::Dispute, &dispute.handle),
            EventBody::Payout(payout) => self.keep(step, Wanted::Payout, &payout.handle),
            EventBody::Mandate(mandate) => self.keep(step, Wanted::Mandate, &mandate.handle),
            EventBody::Refusal(_) | EventBody::Ignored => {}
        }
    }

    fn keep(&mut self, step: u32, wanted: Wanted, handle: &Handle) {
        let known = self.handles.values().rev().find(|known| known.id() == handle.id());
        let merged = known.map_or_else(|| handle.clone(), |known| known.clone().merged(handle));
        self.handles.insert((step, wanted), merged);
    }
}

/// The event's object, when it is of the kind that the step waits for.
pub(super) fn same_kind(first: &Outcome, body: EventBody) -> Option<Outcome> {
    Some(match (first, body) {
        (Outcome::Payment(_), EventBody::Payment(payment)) => Outcome::Payment(payment),
        (Outcome::Refund(_), EventBody::Refund(refund)) => Outcome::Refund(refund),
        (Outcome::Mandate(_), EventBody::Mandate(mandate)) => Outcome::Mandate(mandate),
        (Outcome::Payout(_), EventBody::Payout(payout)) => Outcome::Payout(payout),
        (Outcome::Dispute(_), EventBody::Dispute(dispute)) => Outcome::Dispute(dispute),
        _ => return None,
    })
}
