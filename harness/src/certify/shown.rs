//! The bodies that a provider wrote, and what the connector makes of one when a value in it is another.

use std::sync::Arc;

use bytes::Bytes;
use quittance::{
    Decline, Dispute, DisputeStage, DisputeState, Error, EventBody, MandateState, Op, State, TransferState,
};

use super::again::{Altered, Scene, as_it_was, scenes};
use super::ground::Ground;
use super::leaves::{self, Leaf};
use crate::invoke::Request;
use crate::profile::StatusOf;
use crate::tape::{Edit, Spoil, opened};
use crate::view::Outcome;

/// A body of the provider's, and how it reaches the connector.
pub(super) struct Shown<'a> {
    pub(super) scene: Arc<Scene<'a>>,
    pub(super) way: Way,
    /// The values that stand in it.
    pub(super) leaves: Vec<Leaf>,
    /// What the connector makes of it as it is.
    pub(super) plain: Outcome,
    body: String,
    /// Whether a delivery was read by asking the provider.
    asks: bool,
}

/// How a body reaches the connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// As the answer of a record of the scene.
    Answer(usize),
    /// As a delivery, by its place on the tape.
    Delivery(usize),
}

/// An object of a result: what it is, its state in words, its id, and its decline.
pub(super) struct Object<'o> {
    pub(super) of: StatusOf,
    pub(super) state: &'static str,
    /// The provider's value, of a state that the connector does not know.
    pub(super) raw: Option<&'o str>,
    pub(super) id: &'o str,
    pub(super) decline: Option<&'o Decline>,
    /// The stage of a dispute, in words.
    pub(super) stage: Option<&'static str>,
}

impl Shown<'_> {
    /// What the connector makes of the body with other values at these places.
    pub(super) fn with(&self, edits: &[Edit]) -> Result<Outcome, Error> {
        self.with_answers(edits, &as_it_was)
    }

    /// The same, with the answers that a delivery's reading asks for altered.
    pub(super) fn with_answers(&self, edits: &[Edit], altered: &Altered<'_>) -> Result<Outcome, Error> {
        match self.way {
            Way::Answer(index) => {
                let altered = Edit::all(edits, &self.body);
                let sealed = |at| self.scene.played.player(|player| player.resealed(at, &self.body, &altered));
                let exchange = self.scene.records.get(index).and_then(|record| record.exchange);
                let changed = Bytes::from(exchange.map_or_else(|| altered.clone(), sealed));
                let asked = self.scene.asked.ok_or_else(|| Error::protocol("the step asked nothing"))?;
                let request = Request::read(asked.op, &asked.input).map_err(|why| Error::protocol(why.to_string()))?;
                self.scene.ask(&request, &|at, _| (at == index).then(|| changed.clone())).result
            }
            Way::Delivery(index) => {
                let made = self.scene.played.player(|player| player.remade(index, Spoil::Not, edits));
                let made = made.ok_or_else(|| Error::protocol("the delivery cannot be made"))?;
                self.scene.deliver(made, altered).result
            }
        }
    }

    /// The same, with one value at several places.
    pub(super) fn with_value(&self, places: &[&Leaf], value: &str) -> Result<Outcome, Error> {
        let edits: Vec<Edit> = places.iter().map(|leaf| leaf.edit(value)).collect();
        self.with(&edits)
    }

    /// Where it stands, for a finding.
    pub(super) fn place(&self, leaf: &Leaf) -> String {
        let way = match self.way {
            Way::Answer(index) => format!("answer {}", index + 1),
            Way::Delivery(index) => format!("delivery {}", index + 1),
        };
        format!("{} step {} {way} {}", self.scene.case.id, self.scene.step, leaf.path)
    }

    /// Whether the result is read of this body: a delivery that speaks for itself, or the last answer of the step.
    pub(super) fn is_last(&self) -> bool {
        match self.way {
            Way::Answer(index) => self.scene.records.len() == index + 1,
            Way::Delivery(_) => !self.asks,
        }
    }

    /// The members of this name or whole path, also those that are null.
    pub(super) fn members(&self, name: &str) -> Vec<Leaf> {
        leaves::with_nulls(&self.body).into_iter().filter(|leaf| leaf.name == name || leaf.place() == name).collect()
    }

    /// The operation that reads the body.
    pub(super) fn op(&self) -> Op {
        match self.way {
            Way::Answer(_) => self.scene.asked.map_or(Op::Webhook, |asked| asked.op),
            Way::Delivery(_) => Op::Webhook,
        }
    }
}

/// Every body of the sound cases that the connector made something of: answers of each step's own exchanges, and deliveries.
pub(super) fn all<'a>(ground: &Ground<'a>) -> Vec<Shown<'a>> {
    let mut all = Vec::new();
    for scene in scenes(ground) {
        let Some(Ok(request)) = scene.asked.map(|asked| Request::read(asked.op, &asked.input)) else { continue };
        let Ok(plain) = scene.ask(&request, &as_it_was).result else { continue };
        for (index, record) in scene.records.iter().enumerate().filter(|(_, record)| record.step == scene.step) {
            let of = record.exchange.and_then(|at| scene.case.tape.exchanges.get(at));
            let sealed = of.is_some_and(|exchange| exchange.is_sealed());
            let answer = record.answer.as_ref().filter(|_| !sealed);
            let body = answer.map(|answer| opened(&String::from_utf8_lossy(answer.body())).into_owned());
            let body = body.unwrap_or_default();
            let leaves = leaves::of(&body);
            if !leaves.is_empty() {
                all.push(Shown {
                    scene: Arc::clone(&scene),
                    way: Way::Answer(index),
                    leaves,
                    plain: plain.clone(),
                    body,
                    asks: false,
                });
            }
        }
    }
    for (scene, index) in deliveries(ground) {
        let (made, body) =
            scene.played.player(|player| (player.remade(index, Spoil::Not, &[]), player.unsigned(index)));
        let (Some(made), Some(body)) = (made, body) else { continue };
        let answered = scene.deliver(made, &as_it_was);
        if let Ok(plain) = answered.result {
            let (leaves, asks) = (leaves::of(&body), !answered.sent.is_empty());
            all.push(Shown { scene, way: Way::Delivery(index), leaves, plain, body, asks });
        }
    }
    all
}

/// Every delivery that was made in a sound case, with its step, by its place on the tape.
pub(super) fn deliveries<'a>(ground: &Ground<'a>) -> Vec<(Arc<Scene<'a>>, usize)> {
    let mut all = Vec::new();
    for (case, played) in
        ground.played.iter().filter(|(case, played)| case.strike.is_none() && played.findings.is_empty())
    {
        for index in played.player(|player| player.delivered()) {
            let Some(webhook) = case.tape.webhooks.get(index) else { continue };
            all.push((Arc::new(Scene::of_delivery(ground, case, played, webhook.step)), index));
        }
    }
    all
}

/// The objects of a result.
pub(super) fn objects(outcome: &Outcome) -> Vec<Object<'_>> {
    match outcome {
        Outcome::Payment(payment) => vec![payment_object(&payment.state, payment.handle.id())],
        Outcome::Refund(refund) => vec![transfer(StatusOf::Refund, &refund.state, refund.handle.id())],
        Outcome::Payout(payout) => vec![transfer(StatusOf::Payout, &payout.state, payout.handle.id())],
        Outcome::Mandate(mandate) => vec![mandate_object(&mandate.state, mandate.handle.id())],
        Outcome::Dispute(dispute) => vec![dispute_object(dispute)],
        Outcome::Events(events) => events.iter().filter_map(|event| of_event(&event.body)).collect(),
        Outcome::Session(_) | Outcome::Token(_) => Vec::new(),
    }
}

fn of_event(body: &EventBody) -> Option<Object<'_>> {
    Some(match body {
        EventBody::Payment(payment) => payment_object(&payment.state, payment.handle.id()),
        EventBody::Refund(refund) => transfer(StatusOf::Refund, &refund.state, refund.handle.id()),
        EventBody::Payout(payout) => transfer(StatusOf::Payout, &payout.state, payout.handle.id()),
        EventBody::Mandate(mandate) => mandate_object(&mandate.state, mandate.handle.id()),
        EventBody::Dispute(dispute) => dispute_object(dispute),
        EventBody::Refusal(refusal) => Object {
            of: StatusOf::Payment,
            state: "refusal",
            raw: None,
            id: refusal.payment.id(),
            decline: Some(&refusal.decline),
            stage: None,
        },
        EventBody::Ignored => return None,
    })
}

fn payment_object<'o>(state: &'o State, id: &'o str) -> Object<'o> {
    let (raw, decline) = match state {
        State::Unrecognised(raw) => (Some(raw.as_str()), None),
        State::Declined(decline) => (None, Some(decline)),
        _ => (None, None),
    };
    Object { of: StatusOf::Payment, state: state.as_str(), raw, id, decline, stage: None }
}

fn transfer<'o>(of: StatusOf, state: &'o TransferState, id: &'o str) -> Object<'o> {
    let (raw, decline) = match state {
        TransferState::Unrecognised(raw) => (Some(raw.as_str()), None),
        TransferState::Failed(decline) => (None, Some(decline)),
        _ => (None, None),
    };
    Object { of, state: state.as_str(), raw, id, decline, stage: None }
}

fn mandate_object<'o>(state: &'o MandateState, id: &'o str) -> Object<'o> {
    let (raw, decline) = match state {
        MandateState::Unrecognised(raw) => (Some(raw.as_str()), None),
        MandateState::Declined(decline) => (None, Some(decline)),
        _ => (None, None),
    };
    Object { of: StatusOf::Mandate, state: state.as_str(), raw, id, decline, stage: None }
}

fn dispute_object(dispute: &Dispute) -> Object<'_> {
    let raw = match &dispute.state {
        DisputeState::Unrecognised(raw) => Some(raw.as_str()),
        _ => None,
    };
    let stage = dispute.stage.map(DisputeStage::as_str);
    Object { of: StatusOf::Dispute, state: dispute.state.as_str(), raw, id: dispute.handle.id(), decline: None, stage }
}

/// Whether a state says that the provider did what was asked.
pub(super) fn is_success(state: &str) -> bool {
    matches!(state, "authorized" | "captured" | "succeeded" | "active" | "won")
}
