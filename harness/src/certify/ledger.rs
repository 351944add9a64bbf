//! What a provider booked, and whether what a connector says agrees with it.
//!
//! The model: no more is captured than was reserved, no more is given back than was captured, an operation is booked once however often
//! it is called under its key, and no connector calls a payment taken, reserved or released that the books show otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use quittance::{CaptureMode, Error, Handle, Idempotency, Op, Payment, Spec, State, TransferState};
use serde::Deserialize as _;
use serde_json::Value;

use super::leaves;
use crate::run::case::{Asked, Case, Played};
use crate::run::judge::Ended;
use crate::scenario::StepOp;
use crate::tape::opened;
use crate::view::Outcome;

/// What an operation did at the provider; amounts in minor units of the payment's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Money was reserved.
    Reserve(i64),
    /// Money was reserved and taken at once.
    Take(i64),
    /// Reserved money was taken.
    Capture(i64),
    /// The payment was withdrawn.
    Release,
    /// Taken money was given back.
    GiveBack(i64),
    /// The reservation has another total.
    Change(i64),
    /// Something whose end is open, or that the books do not follow: from here on the amounts of the payment are not known.
    Open,
    /// Nothing.
    Nothing,
}

impl Deed {
    /// What an operation did that ended like this. `refused`: the scenario demands a refusal.
    pub fn of(asked: &Asked, ended: &Ended, refused: bool) -> Deed {
        let minor = asked.input.pointer("/amount/minor").and_then(Value::as_i64);
        let (Ok(outcome), false) = (&ended.result, refused || ended.refusal) else {
            return match &ended.result {
                Err(error) if error.effect() == quittance::Effect::Unknown => Deed::Open,
                _ => Deed::Nothing,
            };
        };
        let Some(minor) = minor.or(Some(0).filter(|_| asked.op == Op::Void)) else { return Deed::Nothing };
        match outcome {
            Outcome::Payment(payment) => match (asked.op, &payment.state) {
                (_, State::Declined(_) | State::Expired) => Deed::Nothing,
                (_, State::Pending | State::ActionRequired(_) | State::Unrecognised(_)) => Deed::Open,
                (Op::Authorize | Op::Complete, State::Captured) => Deed::Take(minor),
                (Op::Authorize | Op::Complete, State::Authorized) => Deed::Reserve(minor),
                (Op::Capture, State::Captured | State::Authorized) => Deed::Capture(minor),
                (Op::Void, State::Voided) => Deed::Release,
                (Op::Adjust, State::Authorized) => Deed::Change(minor),
                _ => Deed::Nothing,
            },
            Outcome::Refund(refund) => match refund.state {
                TransferState::Pending | TransferState::Succeeded => Deed::GiveBack(minor),
                TransferState::Failed(_) | TransferState::Cancelled => Deed::Nothing,
                TransferState::ActionRequired(_) | TransferState::Unrecognised(_) => Deed::Open,
            },
            _ => Deed::Nothing,
        }
    }
}

/// The books of one payment, in minor units of its currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// How much is or was reserved.
    pub reserved_minor: i64,
    /// How much was taken.
    pub captured_minor: i64,
    /// How much was given back.
    pub refunded_minor: i64,
    /// Whether it was withdrawn.
    pub released: bool,
    /// Whether something happened whose amount is not known.
    pub open: bool,
}

impl Account {
    /// Books a deed.
    ///
    /// # Errors
    /// A rule of the model that would be broken.
    pub fn book(&mut self, deed: Deed) -> Result<(), String> {
        match deed {
            Deed::Reserve(minor) => self.reserved_minor = minor,
            Deed::Take(minor) => (self.reserved_minor, self.captured_minor) = (minor, minor),
            Deed::Capture(minor) => self.captured_minor = self.captured_minor.saturating_add(minor),
            Deed::GiveBack(minor) => self.refunded_minor = self.refunded_minor.saturating_add(minor),
            Deed::Change(minor) => self.reserved_minor = minor,
            Deed::Release => (self.released, self.captured_minor) = (true, 0),
            Deed::Open => self.open = true,
            Deed::Nothing => {}
        }
        if self.open {
            return Ok(());
        }
        if self.captured_minor > self.reserved_minor {
            return Err(format!("{} is captured, and {} was reserved", self.captured_minor, self.reserved_minor));
        }
        if self.refunded_minor > self.captured_minor && !self.released {
            return Err(format!("{} is given back, and {} was captured", self.refunded_minor, self.captured_minor));
        }
        Ok(())
    }

    /// Whether what is said of the payment agrees with its books.
    ///
    /// # Errors
    /// What the books show instead.
    pub fn agrees(&self, told: &Payment) -> Result<(), String> {
        let minor = |money: Option<quittance::Money>| money.map(|money| money.minor());
        let over =
            |less: Option<i64>, more: Option<i64>| matches!((less, more), (Some(less), Some(more)) if less > more);
        if over(minor(told.captured), minor(told.amount).filter(|_| !self.open)) {
            return Err(format!("the answer says {:?} captured of {:?}", told.captured, told.amount));
        }
        if over(minor(told.refunded), minor(told.captured)) {
            return Err(format!("the answer says {:?} given back of {:?}", told.refunded, told.captured));
        }
        if self.open {
            return Ok(());
        }
        let state = told.state.as_str();
        let holds = match &told.state {
            State::Captured => self.captured_minor > 0,
            State::Authorized => self.reserved_minor > 0 && !self.released,
            State::Voided => self.released || self.reserved_minor == 0,
            State::Declined(_) | State::Expired => self.captured_minor == 0,
            State::Pending | State::ActionRequired(_) | State::Unrecognised(_) => true,
        };
        if !holds {
            return Err(format!("the answer says {state}, and the books say {self:?}"));
        }
        match minor(told.captured) {
            Some(captured) if captured != self.captured_minor && told.state == State::Captured => {
                Err(format!("the answer says {captured} captured, and the books say {}", self.captured_minor))
            }
            _ => Ok(()),
        }
    }
}

/// The books of a provider.
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: BTreeMap<String, Account>,
    operations: BTreeMap<String, String>,
}

impl Ledger {
    /// Books what `operation` did to `payment` under `key`. An operation that comes again under its key is booked once.
    ///
    /// # Errors
    /// A rule of the model that is broken.
    pub fn book(&mut self, operation: &str, key: &str, payment: &str, deed: Deed) -> Result<(), String> {
        match self.operations.insert(operation.to_owned(), key.to_owned()) {
            Some(earlier) if earlier == key => return Ok(()),
            Some(earlier) => return Err(format!("{operation} is booked twice, under `{earlier}` and under `{key}`")),
            None => {}
        }
        self.accounts.entry(payment.to_owned()).or_default().book(deed)
    }

    /// Whether what is said of a payment agrees with its books; a payment without books may be anything.
    ///
    /// # Errors
    /// What the books show instead.
    pub fn agrees(&self, told: &Payment) -> Result<(), String> {
        self.accounts.get(told.handle.id()).map_or(Ok(()), |account| account.agrees(told))
    }
}

/// Books a case as far as `played` came and compares what was said with it. What each operation did is what it does in the play `alone`,
/// in which nothing was put in, and it is done with the last of its requests; under which keys they reached the provider, `played` sent.
pub fn audit(spec: &Spec, case: &Case, acts: &[bool], alone: &Played, played: &Played) -> Vec<String> {
    let mut ledger = Ledger::default();
    let mut breaches = Vec::new();
    let records = played.records();
    for (index, ended) in played.ended.iter().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let Some((step, expect)) = case.steps.get(index) else { break };
        // A repetition that the scenario itself asks for has exchanges of its own on the tape, and books nothing.
        if let (Some(asked), Some(alone), false) =
            (alone.asked.get(&number), alone.ended.get(index), step.op == StepOp::Replay)
        {
            let own = |index: &usize| case.tape.exchanges.get(*index).is_some_and(|exchange| exchange.step == number);
            let last = (0..acts.len()).filter(own).rfind(|index| acts.get(*index) == Some(&true));
            for record in records.iter().filter(|record| record.step == number) {
                let acting = record.exchange.is_some_and(|index| acts.get(index) == Some(&true));
                let strange = record.answer.is_none() && record.request.method() != Method::GET;
                if acting || strange {
                    let key = carrier(spec, asked.op, &record.request).unwrap_or_default();
                    let key = if strange { format!("{key} (another request)") } else { key };
                    let done = record.exchange.is_some() && record.exchange == last;
                    let deed = if done { Deed::of(asked, alone, expect.refused) } else { Deed::Nothing };
                    let place = record.exchange.map_or("one more".to_owned(), |index| (index + 1).to_string());
                    let operation = format!("request {place} of the tape");
                    breaches.extend(ledger.book(&operation, &key, &account(asked, alone), deed).err());
                }
            }
        }
        if let Ok(Outcome::Payment(told)) = &ended.result {
            breaches.extend(ledger.agrees(told).err().map(|why| format!("step {number}: {why}")));
        }
    }
    breaches
}

/// The payment that an operation is booked under.
pub fn account(asked: &Asked, ended: &Ended) -> String {
    let named = asked
        .input
        .get("payment")
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<Handle>().ok())
        .map(|handle| handle.id().to_owned());
    let made = || ended.direct().and_then(Outcome::id);
    named.filter(|_| asked.op != Op::Complete).or_else(made).unwrap_or_default()
}

/// Whether the request of an operation can be repeated after it may have acted: the provider answers the same key with the first result,
/// and the key stands in the request.
pub fn replays(spec: &Spec, asked: &Asked, request: &Request<Bytes>) -> bool {
    let capture = asked.input.get("capture").and_then(|word| CaptureMode::deserialize(word).ok());
    let capture = capture.unwrap_or_default();
    spec.replays(asked.op, capture) && carrier(spec, asked.op, request).is_some()
}

/// What stands in the declared carrier of the idempotency key of `op`.
pub fn carrier(spec: &Spec, op: Op, request: &Request<Bytes>) -> Option<String> {
    carriers(spec.idempotency_of(op), request).into_iter().next()
}

/// Every value in the declared carrier of the idempotency key: a header, the path of a PUT, or a JSON member, form field, XML element or, as
/// `@name`, attribute of exactly that name.
pub fn carriers(carrier: Idempotency, request: &Request<Bytes>) -> Vec<String> {
    let mut values: Vec<String> = match carrier {
        Idempotency::Header(name) => {
            let values = request.headers().get_all(name).iter();
            values.filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
        }
        Idempotency::Body(name) => fields(request, &[name]),
        Idempotency::Unique(names) => fields(request, names),
        Idempotency::Path(_) if request.method() == Method::PUT => vec![request.uri().path().to_owned()],
        Idempotency::Path(_) | Idempotency::None => Vec::new(),
    };
    values.retain(|value| !value.is_empty());
    values
}

fn fields(request: &Request<Bytes>, names: &[&str]) -> Vec<String> {
    let body = String::from_utf8_lossy(request.body());
    let leaves = leaves::of(&opened(&body)).into_iter();
    leaves.filter(|leaf| names.contains(&&*leaf.name)).map(|leaf| leaf.value).collect()
}

/// By exchange of the case's tape, whether it moves something: in an operation that does not only read, each request other than GET that
/// carries the key; where none does, the last one other than GET
/// that does not fetch an access token.
pub fn acts(spec: &Spec, case: &Case, played: &Played) -> Arc<[bool]> {
    let mut acts = vec![false; case.tape.exchanges.len()];
    let records = played.records();
    for (number, asked) in played.asked.iter().filter(|(_, asked)| !asked.op.reads()) {
        let own = |index: &usize| {
            let settles = case.tape.exchanges.get(*index).is_none_or(|exchange| exchange.settle);
            !settles && !case.tape.fetches_token(*index)
        };
        let sent: Vec<(usize, bool)> = records
            .iter()
            .filter(|record| record.step == *number && record.request.method() != Method::GET)
            .filter_map(|record| Some((record.exchange?, carrier(spec, asked.op, &record.request).is_some())))
            .collect();
        let carrying = sent.iter().any(|(index, carries)| *carries && own(index));
        let last = sent.iter().map(|(index, _)| *index).rfind(own);
        for (index, carries) in sent {
            if let Some(act) = acts.get_mut(index) {
                *act = carries || (!carrying && last == Some(index));
            }
        }
    }
    acts.into()
}

/// Whether a result claims nothing: an error with effect unknown, or a state that is open.
pub fn is_unclaimed(result: &Result<Outcome, Error>) -> bool {
    match result {
        Ok(outcome) => super::faults::is_open(outcome),
        Err(error) => error.effect() == quittance::Effect::Unknown,
    }
}
