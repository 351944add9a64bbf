//! The comparison of what a step ended in with what its scenario expects.

use std::cell::OnceCell;

use quittance::{Error, Kind, MandateState, Money, NextAction, Op, State};
use serde_json::Value;

use crate::scenario::{Action, EventExpectation, Expectation, OneOf};
use crate::view::{self, Outcome};
use crate::words::counted;

/// The word of [`crate::scenario::ANSWER_WORDS`] for what was given back of a payment.
const REFUNDED: &str = "refunded_amount";

/// The word for errors that tell a state that does not allow it from a request that is wrong.
const CONFLICT: &str = "conflict";

/// The word for the reference in what a set-up ends in once the customer has done their part.
const STORED: &str = "stored_reference";

/// The word for a challenge of a card that is told as such.
const CHALLENGE: &str = "three_ds_action";

/// What a step ended in.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The operation; `None` where the step called none.
    pub op: Option<Op>,
    /// The result, after settling.
    pub result: Result<Outcome, Error>,
    /// The result of the operation itself, when settling followed.
    pub first: Option<Outcome>,
    /// An event of kind `refusal` settled it.
    pub refusal: bool,
    /// How many requests the operation sent.
    pub exchanges: usize,
}

impl Ended {
    /// The operation's own answer, before any settling.
    pub fn direct(&self) -> Option<&Outcome> {
        self.first.as_ref().or(self.result.as_ref().ok())
    }

    /// Whether the result is the operation's own answer, and not one that was looked up or delivered.
    fn is_direct(&self) -> bool {
        self.first.is_none() && self.op.is_some_and(|op| !op.reads())
    }

    /// Whether the result is what a look-up of a payment found, and that for its own sake.
    fn is_look_up(&self) -> bool {
        self.first.is_none() && self.op == Some(Op::Retrieve)
    }
}

/// One expectation that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unmet {
    /// The member of `expect`.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What came.
    pub found: String,
}

/// What an expectation is compared with, beside the step itself.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// What the provider's answers carry, by the profile.
    pub answers: &'a [String],
    /// The scenario's amount and the card's, when the card overrides it.
    pub overridden: Option<(i64, i64)>,
    /// The endings of the steps before, from step 1.
    pub before: &'a [Ended],
    /// The object as it stood before the step.
    pub unchanged: Option<&'a Outcome>,
}

/// Every expectation that does not hold.
pub fn unmet(expect: &Expectation, ended: &Ended, around: Surroundings<'_>) -> Vec<Unmet> {
    let mut judge = Judge { ended, around, json: OnceCell::new(), unmet: Vec::new() };
    judge.outcome(expect);
    judge.amounts(expect);
    judge.details(expect);
    judge.relations(expect);
    judge.unmet
}

struct Judge<'a> {
    ended: &'a Ended,
    around: Surroundings<'a>,
    json: OnceCell<Value>,
    unmet: Vec<Unmet>,
}

impl Judge<'_> {
    fn miss(&mut self, what: &str, expected: impl Into<String>, found: impl Into<String>) {
        self.unmet.push(Unmet { what: what.to_owned(), expected: expected.into(), found: found.into() });
    }

    /// Whether the provider's direct answer to an operation carries this; look-ups and deliveries are another matter. What was given back
    /// of a payment only a look-up can say: a refund is answered with a refund.
    fn answers(&self, word: &str) -> bool {
        let says = self.ended.is_direct() || word == REFUNDED && self.ended.is_look_up();
        says && self.around.answers.iter().any(|answer| answer == word)
    }

    /// The result as JSON, made when the first expectation asks for it: most ask for state and amounts alone.
    fn json(&self) -> &Value {
        self.json.get_or_init(|| view::result_json(&self.ended.result))
    }

    fn at(&self, pointer: &str) -> Option<String> {
        match member(self.json(), pointer)? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    fn word(&mut self, what: &str, expected: Option<Vec<&str>>, found: impl FnOnce(&Self) -> Option<String>) {
        let Some(expected) = expected else { return };
        let found = found(self);
        if !found.as_deref().is_some_and(|found| expected.contains(&found)) {
            let found = found.unwrap_or_else(|| summary(self.json()));
            self.miss(what, expected.join(" or "), found);
        }
    }

    fn outcome(&mut self, expect: &Expectation) {
        if expect.refused {
            if expect.conflict && self.answers(CONFLICT) && self.at("/error").as_deref() == Some("invalid") {
                self.miss("conflict", "another error than `invalid`: the state of the object forbids it", "invalid");
            }
            if !self.is_refused() {
                let found = summary(self.json());
                self.miss("refused", "an error without effect, a decline, or the object unchanged", found);
            }
            return;
        }
        self.word("state", words(expect.state.as_ref(), String::as_str), Self::state);
        self.word("reason", words(expect.reason.as_ref(), String::as_str), |judge| judge.at("/decline/reason"));
        self.word("error", words(expect.error.as_ref(), |kind| kind.as_str()), |judge| judge.at("/error"));
        self.word("effect", words(expect.effect.as_ref(), |effect| effect.as_str()), |judge| judge.at("/effect"));
        if expect.error.is_none()
            && let Err(error) = &self.ended.result
        {
            self.miss("result", "an answer", format!("{}: {error}", error.kind().as_str()));
        }
        let wanted = match &expect.action {
            Some(kinds) if kinds.contains(&Action::ThreeDs) && self.answers(CHALLENGE) => {
                Some(vec![Action::ThreeDs.as_str()])
            }
            kinds => words(kinds.as_ref(), |action| action.as_str()),
        };
        self.word("action", wanted, |judge| match &judge.ended.first {
            Some(first) => member(&first.to_json(), "/action/kind").and_then(Value::as_str).map(str::to_owned),
            None => judge.at("/action/kind"),
        });
    }

    /// The state; a payment that carries a mandate ends a set-up as `active`.
    fn state(&self) -> Option<String> {
        match &self.ended.result {
            Ok(Outcome::Payment(payment)) if payment.mandate.is_some() && self.started_mandate() => {
                Some("active".to_owned())
            }
            Ok(outcome) => Some(outcome.state()).filter(|state| !state.is_empty()).map(str::to_owned),
            Err(_) => None,
        }
    }

    fn started_mandate(&self) -> bool {
        matches!(self.ended.first, Some(Outcome::Mandate(_)))
    }

    fn is_refused(&self) -> bool {
        match &self.ended.result {
            Err(error) => {
                matches!(error.kind(), Kind::Invalid | Kind::Conflict | Kind::NotFound)
                    && error.effect() == quittance::Effect::None
            }
            Ok(_) if self.ended.refusal => true,
            Ok(outcome) if matches!(outcome.state(), "declined" | "failed") => true,
            Ok(Outcome::Payment(now)) => match self.around.unchanged {
                Some(Outcome::Payment(then)) => {
                    (&now.state, now.captured, now.refunded) == (&then.state, then.captured, then.refunded)
                }
                _ => false,
            },
            Ok(_) => false,
        }
    }

    fn amounts(&mut self, expect: &Expectation) {
        let amounts = [
            ("amount_minor", &expect.amount_minor, "amount"),
            ("captured_minor", &expect.captured_minor, "captured_amount"),
            ("captured_now_minor", &expect.captured_now_minor, "captured_now_amount"),
            ("refunded_minor", &expect.refunded_minor, REFUNDED),
        ];
        for (what, expected, answer) in amounts {
            let Some(expected) = expected else { continue };
            let follow = |minor: &i64| match self.around.overridden {
                Some((scenario, card)) if *minor == scenario => card,
                _ => *minor,
            };
            let expected: Vec<i64> = expected.values.iter().map(follow).collect();
            let found = self.ended.result.as_ref().ok().and_then(|outcome| amount(outcome, answer));
            let found = found.or_else(|| self.first_amount(answer));
            let refunds = matches!(&self.ended.result, Ok(Outcome::Refund(_)));
            match found {
                Some(found) if !expected.contains(&found) => {
                    self.miss(what, list(&expected), found.to_string());
                }
                None if self.answers(answer) && (!refunds || self.answers("refund_amount")) => {
                    self.miss(what, list(&expected), "no amount")
                }
                _ => {}
            }
        }
    }

    /// The settling answer may leave out what the first one said.
    fn first_amount(&self, answer: &str) -> Option<i64> {
        amount(self.ended.first.as_ref().filter(|_| answer == "amount")?, answer)
    }

    fn details(&mut self, expect: &Expectation) {
        let present = |pointers: &[&str]| pointers.iter().any(|pointer| member(self.json(), pointer).is_some());
        let details: [(&str, Option<bool>, &[&str]); 10] = [
            ("mandate", expect.mandate, &["/mandate"]),
            ("reference", expect.reference.filter(|_| self.answers(STORED)), &["/reference"]),
            ("code", expect.code, &["/decline/code", "/code"]),
            ("token", expect.token, &["/token"]),
            ("network_token", expect.network_token, &["/number"]),
            ("network_token", expect.network_token, &["/expiry"]),
            (
                "network_transaction_id",
                expect.network_transaction_id.filter(|_| self.answers("network_transaction_id")),
                &["/network/transaction_id"],
            ),
            (
                "network_code",
                expect.network_code.filter(|_| self.answers("network_code")),
                &["/decline/network_code", "/network/response_code"],
            ),
            (
                "advice_code",
                expect.advice_code.filter(|_| self.answers("advice_code")),
                &["/decline/advice_code", "/network/advice_code"],
            ),
            ("field", expect.field.filter(|_| self.answers("field")), &["/field"]),
        ];
        let word = |there: bool| if there { "present" } else { "absent" };
        let wrong = |(what, asked, pointers): (&'static str, Option<bool>, &[&str])| {
            let there = asked.map(|_| present(pointers))?;
            (asked != Some(there)).then_some((what, there))
        };
        let wrong: Vec<(&str, bool)> = details.into_iter().filter_map(wrong).collect();
        for (what, there) in wrong {
            self.miss(what, word(!there), word(there));
        }
        if let Some(expected) = &expect.retry_after_seconds {
            let found = self.json().get("retry_after_seconds").and_then(Value::as_i64);
            if !found.is_some_and(|found| expected.contains(&found)) {
                self.miss(
                    "retry_after_seconds",
                    list(&expected.values),
                    found.map_or("none".to_owned(), |n| n.to_string()),
                );
            }
        }
        if let Some(expected) = expect.exchanges
            && usize::try_from(expected) != Ok(self.ended.exchanges)
        {
            self.miss("exchanges", expected.to_string(), self.ended.exchanges.to_string());
        }
        if let Some(expected) = &expect.events {
            self.events(expected);
        }
    }

    fn events(&mut self, expected: &[EventExpectation]) {
        let found = self.json().as_array().cloned().unwrap_or_default();
        if found.len() != expected.len() {
            let text = if self.json().is_array() { counted(found.len(), "event") } else { summary(self.json()) };
            self.miss("events", counted(expected.len(), "event"), text);
            return;
        }
        for (index, (expected, found)) in expected.iter().zip(&found).enumerate() {
            let kind = found.get("kind").and_then(Value::as_str).unwrap_or_default();
            if kind != expected.kind.as_str() {
                self.miss(&format!("events[{index}].kind"), expected.kind.as_str(), kind);
            }
            let state = found.pointer("/body/state").and_then(Value::as_str).map(str::to_owned);
            self.word(&format!("events[{index}].state"), words(expected.state.as_ref(), String::as_str), |_| state);
        }
    }

    fn relations(&mut self, expect: &Expectation) {
        let other =
            |step: u32| usize::try_from(step).ok().and_then(|step| self.around.before.get(step.checked_sub(1)?));
        if let Some(step) = expect.same_as {
            let theirs = other(step).map(|ended| essence(&view::result_json(&ended.result)));
            let first = other(step).and_then(|ended| Some(essence(&ended.first.as_ref()?.to_json())));
            let ours = essence(self.json());
            let same = |theirs: &Option<Value>| theirs.as_ref().is_some_and(|theirs| agree(&ours, theirs));
            if !same(&theirs) && !same(&first) {
                let expected = theirs.map(|value| value.to_string()).unwrap_or_else(|| "an earlier step".to_owned());
                self.miss("same_as", expected, ours.to_string());
            }
        }
        if let Some(step) = expect.distinct_from {
            let theirs = other(step).map(handle_of);
            let ours = handle_of(self.ended);
            if ours.is_none() || theirs == Some(ours.clone()) {
                self.miss("distinct_from", "another handle", ours.unwrap_or_else(|| "no handle".to_owned()));
            }
        }
    }
}

/// An amount of an outcome in minor units, by its word of [`crate::scenario::ANSWER_WORDS`].
fn amount(outcome: &Outcome, answer: &str) -> Option<i64> {
    let amount = match (outcome, answer) {
        (Outcome::Payment(payment), "amount") => payment.amount,
        (Outcome::Payment(payment), "captured_amount") => payment.captured,
        (Outcome::Payment(payment), "captured_now_amount") => payment.captured_now,
        (Outcome::Payment(payment), REFUNDED) => payment.refunded,
        (Outcome::Refund(refund), "amount") => refund.amount,
        (Outcome::Payout(payout), "amount") => payout.amount,
        (Outcome::Dispute(dispute), "amount") => dispute.amount,
        _ => None,
    };
    amount.map(|amount| amount.minor())
}

fn words<'e, T>(expected: Option<&'e OneOf<T>>, word: impl Fn(&'e T) -> &'e str) -> Option<Vec<&'e str>> {
    expected.map(|expected| expected.values.iter().map(word).collect())
}

/// The member at a JSON pointer of plain names; `Value::pointer` copies each name.
fn member<'v>(json: &'v Value, pointer: &str) -> Option<&'v Value> {
    pointer.split('/').skip(1).try_fold(json, |value, name| value.get(name))
}

/// What makes two results the same: handle, state, amounts, events.
fn essence(json: &Value) -> Value {
    let Some(members) = json.as_object() else { return json.clone() };
    let kept =
        ["payment", "refund", "payout", "mandate", "dispute", "state", "amount", "captured", "refunded", "error"];
    Value::Object(
        members.iter().filter(|(name, _)| kept.contains(&name.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect(),
    )
}

/// Whether two essences agree; an amount that only one of them knows is let pass.
fn agree(one: &Value, other: &Value) -> bool {
    const AMOUNTS: [&str; 3] = ["amount", "captured", "refunded"];
    let (Some(left), Some(right)) = (one.as_object(), other.as_object()) else { return one == other };
    let holds = |from: &serde_json::Map<String, Value>, to: &serde_json::Map<String, Value>| {
        from.iter().all(|(name, value)| match to.get(name) {
            Some(theirs) => theirs == value,
            None => AMOUNTS.contains(&name.as_str()),
        })
    };
    holds(left, right) && holds(right, left)
}

fn handle_of(ended: &Ended) -> Option<String> {
    ended.result.as_ref().ok().and_then(Outcome::handle).map(ToString::to_string)
}

/// A result in a few words.
fn summary(json: &Value) -> String {
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    match (text("state"), text("error"), text("message")) {
        (Some(state), ..) => match json.pointer("/decline/reason").and_then(Value::as_str) {
            Some(reason) => format!("{state} ({reason})"),
            None => state.to_owned(),
        },
        (None, Some(error), Some(message)) => format!("{error}: {message}"),
        _ => json.to_string(),
    }
}

fn list(values: &[i64]) -> String {
    values.iter().map(i64::to_string).collect::<Vec<_>>().join(" or ")
}

/// The words of [`crate::scenario::ANSWER_WORDS`] that an ending shows, so that a profile cannot claim less than the tapes hold.
pub fn shown_answers(ended: &Ended) -> Vec<&'static str> {
    if ended.is_look_up() {
        let refunded = ended.result.as_ref().ok().and_then(|outcome| amount(outcome, REFUNDED));
        return refunded.map(|_| REFUNDED).into_iter().collect();
    }
    if !ended.is_direct() {
        return Vec::new();
    }
    let Ok(outcome) = &ended.result else {
        return if ended.result.as_ref().err().and_then(Error::field).is_some() { vec!["field"] } else { Vec::new() };
    };
    let some = |there: bool, word: &'static str| there.then_some(word);
    let payment = match outcome {
        Outcome::Payment(payment) => payment,
        Outcome::Refund(refund) => {
            let words = [
                some(refund.reference.is_some(), "refund_reference"),
                some(refund.payment.is_some(), "refund_payment"),
                some(refund.amount.is_some(), "refund_amount"),
            ];
            return words.into_iter().flatten().collect();
        }
        Outcome::Mandate(mandate) => {
            let challenged = matches!(mandate.state, MandateState::ActionRequired(NextAction::ThreeDs { .. }));
            let words = [some(mandate.reference.is_some(), "mandate_reference"), some(challenged, CHALLENGE)];
            return words.into_iter().flatten().collect();
        }
        Outcome::Payout(payout) => return some(payout.reference.is_some(), "payout_reference").into_iter().collect(),
        _ => return Vec::new(),
    };
    let decline = match &payment.state {
        State::Declined(decline) => Some(decline),
        _ => None,
    };
    let amount = |amount: Option<Money>| amount.is_some();
    let completes = ended.op == Some(Op::Complete);
    let network = &payment.network;
    [
        some(amount(payment.amount), "amount"),
        some(amount(payment.amount), "currency"),
        some(payment.reference.is_some(), "reference"),
        some(amount(payment.captured), "captured_amount"),
        some(amount(payment.captured_now), "captured_now_amount"),
        some(amount(payment.refunded), REFUNDED),
        some(payment.mandate.is_some(), "mandate"),
        some(network.transaction_id.is_some(), "network_transaction_id"),
        some(network.authorization_code.is_some(), "authorization_code"),
        some(network.response_code.is_some(), "response_code"),
        some(network.avs.is_some(), "avs"),
        some(network.cvc.is_some(), "cvc"),
        some(network.eci.is_some(), "eci"),
        some(matches!(payment.state, State::ActionRequired(NextAction::ThreeDs { .. })), CHALLENGE),
        some(completes && payment.mandate.is_some() && payment.reference.is_some(), STORED),
        some(
            decline.is_some_and(|decline| decline.network_code.is_some()) || network.response_code.is_some(),
            "network_code",
        ),
        some(
            decline.is_some_and(|decline| decline.advice_code.is_some()) || network.advice_code.is_some(),
            "advice_code",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The word for a refusal of this kind, where a step that asks for it shows it.
pub fn shown_conflict(expect: &Expectation, ended: &Ended) -> Option<&'static str> {
    let is_conflict = ended.result.as_ref().is_err_and(|error| error.kind() == Kind::Conflict);
    (expect.conflict && ended.is_direct() && is_conflict).then_some(CONFLICT)
}

#[cfg(test)]
mod tests {
    use quittance::{Decline, Handle, Mandate, MandateState, Reason};

    use super::*;

    fn is_taken(state: MandateState) -> bool {
        let result = Ok(Outcome::Mandate(Mandate::new(Handle::new("m"), state)));
        let ended = Ended { op: Some(Op::SetUp), result, first: None, refusal: false, exchanges: 1 };
        let around = Surroundings { answers: &[], overridden: None, before: &[], unchanged: None };
        unmet(&Expectation { refused: true, ..Expectation::default() }, &ended, around).is_empty()
    }

    #[test]
    fn a_declined_mandate_is_refused_and_an_active_one_is_not() {
        assert!(is_taken(MandateState::Declined(Decline::new(Reason::Generic))));
        assert!(!is_taken(MandateState::Active) && !is_taken(MandateState::Pending));
    }
}
