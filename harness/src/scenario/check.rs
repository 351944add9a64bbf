//! What a scenario must fulfil beyond its form: its vocabulary, and references between steps.

use quittance::{Op, Reason};

use super::{Class, Expectation, OneOf, Scenario, Step, StepOp, Tamper};
use crate::bad_input::{Document, FieldPath, FileError};
use crate::profile::is_word;
use crate::world::near;

/// The families of payment methods.
pub const METHOD_FAMILIES: [&str; 16] = [
    "card",
    "network_token",
    "apple_pay",
    "google_pay",
    "wallet_redirect",
    "bank_redirect",
    "bank_transfer",
    "bank_debit",
    "open_banking",
    "mobile_money",
    "pay_later",
    "voucher",
    "upi",
    "pix",
    "crypto",
    "mandate",
];

/// Methods that the profile chooses: its main one, one with a redirect, the recipient of a payout.
pub const METHOD_ROLES: [&str; 3] = ["main", "redirect", "payout"];

/// What the answers of a provider may carry; the words of a profile's `answers`.
pub const ANSWER_WORDS: [&str; 26] = [
    "amount",
    "currency",
    "reference",
    "mandate",
    "declined",
    "refund_failed",
    "captured_amount",
    "captured_now_amount",
    "refunded_amount",
    "network_transaction_id",
    "network_code",
    "advice_code",
    "authorization_code",
    "response_code",
    "avs",
    "cvc",
    "eci",
    "refund_amount",
    "refund_payment",
    "refund_reference",
    "mandate_reference",
    "payout_reference",
    "field",
    "stored_reference",
    "conflict",
    "three_ds_action",
];

/// What a provider may report; the words of a profile's `events`.
pub const EVENT_WORDS: [&str; 8] =
    ["payment", "payment_declined", "refund", "refund_failed", "dispute", "payout", "mandate", "refusal"];

const PAYMENT_STATES: &[&str] =
    &["action_required", "pending", "authorized", "captured", "voided", "declined", "expired", "unrecognised"];
const TRANSFER_STATES: &[&str] = &["pending", "action_required", "succeeded", "failed", "cancelled", "unrecognised"];
const MANDATE_STATES: &[&str] = &["action_required", "pending", "active", "declined", "revoked", "unrecognised"];
const DISPUTE_STATES: &[&str] = &["needs_response", "under_review", "won", "lost", "unrecognised"];

/// Collects what is wrong with one scenario.
pub(super) struct Check<'a> {
    document: &'a Document,
    errors: Vec<FileError>,
}

/// Everything that is wrong with a scenario, taken alone.
pub(super) fn check(document: &Document, scenario: &Scenario, id_by_path: &str) -> Vec<FileError> {
    let mut check = Check { document, errors: Vec::new() };
    check.head(scenario, id_by_path);
    check.needs(scenario);
    check.form(scenario);
    for (index, step) in scenario.steps.iter().enumerate() {
        check.step(scenario, index, step);
    }
    check.errors
}

/// What is wrong with a derived scenario in view of the one that it derives from.
pub(super) fn check_derived(document: &Document, scenario: &Scenario, from: Option<&Scenario>) -> Vec<FileError> {
    let mut check = Check { document, errors: Vec::new() };
    let Some(derive) = &scenario.derive else { return check.errors };
    let path = FieldPath::root().key("derive");
    let base = from.filter(|base| base.derive.is_none());
    let Some(base) = base else {
        check.refuse(&path.key("from"), format!("expected a scenario that has steps, found `{}`", derive.from));
        return check.errors;
    };
    let index = usize::try_from(derive.step).unwrap_or(0).checked_sub(1);
    match index.and_then(|index| base.steps.get(index)) {
        None => {
            check.refuse(&path.key("step"), format!("expected a step of `{}`, which has {}", base.id, base.steps.len()))
        }
        Some(step) => {
            let expect = FieldPath::root().key("expect");
            let operation = operation_of(base, step);
            if let Some(expected) = &scenario.expect {
                check.state(&expect, operation, expected);
            }
        }
    }
    check.errors
}

impl Check<'_> {
    fn refuse(&mut self, path: &FieldPath, message: impl Into<String>) {
        self.errors.push(self.document.error(path, message));
    }

    fn expect(&mut self, holds: bool, path: &FieldPath, message: &str) {
        if !holds {
            self.refuse(path, message);
        }
    }

    fn head(&mut self, scenario: &Scenario, id_by_path: &str) {
        let root = FieldPath::root();
        if scenario.id != id_by_path {
            self.refuse(&root.key("id"), format!("expected `{id_by_path}`, as the path of the file says"));
        }
        self.expect(!scenario.title.trim().is_empty(), &root.key("title"), "expected a title");
        self.expect(!scenario.clauses.is_empty(), &root.key("clauses"), "expected at least one clause, as `CAPTURE-2`");
        for (index, clause) in scenario.clauses.iter().enumerate() {
            let path = root.key("clauses").item(index);
            self.expect(is_clause(clause), &path, "expected a clause of the contract, as `CAPTURE-2`");
            let again = scenario.clauses.iter().take(index).any(|other| other == clause);
            self.expect(!again, &path, "expected each clause once");
        }
    }

    fn needs(&mut self, scenario: &Scenario) {
        let path = FieldPath::root().key("needs");
        for (index, need) in scenario.needs.iter().enumerate() {
            if let Err(message) = check_need(need) {
                self.refuse(&path.item(index), message);
            }
            let again = scenario.needs.iter().take(index).any(|other| other == need);
            self.expect(!again, &path.item(index), "expected each need once");
        }
        let proves = scenario.proves.as_str();
        let named = scenario.needs.iter().any(|need| need == proves);
        self.expect(named, &path, &format!("expected `{proves}` among the needs, because the scenario proves it"));
    }

    fn form(&mut self, scenario: &Scenario) {
        let root = FieldPath::root();
        match (&scenario.derive, scenario.steps.is_empty()) {
            (None, true) => self.refuse(&root.key("step"), "expected a `[[step]]` or a `derive`"),
            (Some(_), false) => self.refuse(&root.key("derive"), "expected either steps or `derive`"),
            _ => {}
        }
        match (&scenario.derive, &scenario.expect) {
            (Some(_), None) => self.refuse(&root.key("derive"), "expected an `expect` beside `derive`"),
            (None, Some(_)) => self.refuse(&root.key("expect"), "expected `expect` in the steps"),
            _ => {}
        }
        if let Some(expected) = &scenario.expect {
            self.expectation(&root.key("expect"), expected, 0);
        }
        let proven = scenario.steps.iter().any(|step| operation_of(scenario, step) == Some(*scenario.proves));
        let message = format!("expected a step with the operation `{}`", scenario.proves.as_str());
        self.expect(proven || scenario.derive.is_some(), &root.key("proves"), &message);
        let fault = scenario.derive.is_none() || scenario.class == Class::Fault;
        self.expect(fault, &root.key("class"), "expected `fault`, because a fault is put in");
    }

    fn step(&mut self, scenario: &Scenario, index: usize, step: &Step) {
        let path = FieldPath::root().key("step").item(index);
        if let Some(of) = step.of {
            self.earlier(&path.key("of"), of, index);
        }
        self.expect(step.op != StepOp::Replay || step.of.is_some(), &path, "expected `of`: the step that is replayed");
        let advance = step.op == StepOp::Advance;
        self.expect(
            advance == step.seconds.is_some(),
            &path,
            "expected `seconds` on an `advance` step, and only there",
        );
        let silent = step.expect.is_empty();
        self.expect(advance == silent, &path, "expected an `expect` that states something (none on `advance`)");
        let tampers = match step.tamper {
            None => true,
            Some(Tamper::Body | Tamper::WrongKey) => matches!(step.op, StepOp::Webhook | StepOp::UnwrapToken),
            Some(Tamper::Unsigned | Tamper::Stale) => step.op == StepOp::Webhook,
        };
        self.expect(
            tampers,
            &path.key("tamper"),
            "expected it on a `webhook` step (or `body`, `wrong_key` on `unwrap_token`)",
        );
        if let Some(method) = &step.method {
            let known = METHOD_FAMILIES.contains(&method.as_str()) || METHOD_ROLES.contains(&method.as_str());
            let message = format!(
                "expected a method family ({}) or a role ({}), found `{method}`",
                METHOD_FAMILIES.join(", "),
                METHOD_ROLES.join(", ")
            );
            self.expect(known, &path.key("method"), &message);
        }
        let card = step.card.as_deref().is_none_or(is_word);
        self.expect(card, &path.key("card"), "expected a card name of small letters, digits and `_`");
        let variant = step.sample.as_deref().is_none_or(|sample| is_word(sample) && step.method.is_some());
        self.expect(
            variant,
            &path.key("sample"),
            "expected a word of small letters, digits and `_`, beside a `method`",
        );
        self.expectation(&path.key("expect"), &step.expect, index);
        self.state(&path.key("expect"), operation_of(scenario, step), &step.expect);
    }

    fn earlier(&mut self, path: &FieldPath, of: u32, index: usize) {
        let earlier = usize::try_from(of).is_ok_and(|of| (1..=index).contains(&of));
        self.expect(earlier, path, &format!("expected an earlier step, from 1 to {index}, found {of}"));
    }

    fn expectation(&mut self, path: &FieldPath, expected: &Expectation, index: usize) {
        let errs = expected.error.is_some();
        self.expect(expected.effect.is_none() || errs, &path.key("effect"), "expected `error` beside it");
        let retry = expected.retry_after_seconds.is_none() || errs;
        self.expect(retry, &path.key("retry_after_seconds"), "expected `error` beside it");
        self.expect(!errs || expected.state.is_none(), &path.key("error"), "expected either `error` or `state`");
        self.expect(!errs || !expected.refused, &path.key("refused"), "expected either `error` or `refused`");
        for (field, step) in [("same_as", expected.same_as), ("distinct_from", expected.distinct_from)] {
            if let Some(step) = step {
                self.earlier(&path.key(field), step, index);
            }
        }
        for reason in expected.reason.iter().flat_map(|reason| &reason.values) {
            if let Err(why) = known_word(reason, &reasons()) {
                self.refuse(&path.key("reason"), why);
            }
        }
    }

    fn state(&mut self, path: &FieldPath, operation: Option<Op>, expected: &Expectation) {
        if let Some(state) = &expected.state {
            self.states(&path.key("state"), state, states_of(operation));
        }
        let webhook = operation == Some(Op::Webhook);
        self.expect(
            webhook || expected.events.is_none(),
            &path.key("events"),
            "expected `events` on a `webhook` step only",
        );
        for (index, event) in expected.events.iter().flatten().enumerate() {
            let path = path.key("events").item(index).key("state");
            match &event.state {
                Some(state) => self.states(&path, state, &[states_of_object(event.kind.as_str())]),
                None => {
                    let stateless = states_of_object(event.kind.as_str()).is_empty();
                    self.expect(stateless, &path, "expected the state of the object");
                }
            }
        }
    }

    fn states(&mut self, path: &FieldPath, found: &OneOf<String>, known: &[&[&str]]) {
        for state in &found.values {
            if let Err(why) = known_word(state, &known.concat()) {
                self.refuse(path, why);
            }
        }
    }
}

/// The operation whose result a step yields; a replay yields that of the step it repeats.
pub(crate) fn operation_of(scenario: &Scenario, step: &Step) -> Option<Op> {
    if step.op != StepOp::Replay {
        return step.op.operation();
    }
    let index = usize::try_from(step.of?).ok()?.checked_sub(1)?;
    scenario.steps.get(index)?.op.operation()
}

fn states_of(operation: Option<Op>) -> &'static [&'static [&'static str]] {
    match operation {
        Some(Op::Refund | Op::RetrieveRefund | Op::PayOut | Op::RetrievePayout) => &[TRANSFER_STATES],
        Some(Op::SetUp | Op::Revoke) => &[MANDATE_STATES],
        Some(Op::AnswerDispute) => &[DISPUTE_STATES],
        Some(Op::Complete) => &[PAYMENT_STATES, MANDATE_STATES],
        Some(Op::OpenSession | Op::UnwrapToken | Op::Webhook) | None => &[],
        Some(_) => &[PAYMENT_STATES],
    }
}

/// Whether a word is one of a list; says which there are, and first those that come near.
pub(crate) fn known_word(found: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&found) {
        return Ok(());
    }
    let near = if found.is_empty() { Vec::new() } else { near(found, known) };
    let hint = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
    Err(format!("expected one of {}, found `{found}`{hint}", known.join(", ")))
}

/// The reasons of the contract, in words.
pub(crate) fn reasons() -> Vec<&'static str> {
    Reason::ALL.iter().map(|reason| reason.as_str()).collect()
}

/// The states that an object of this kind can have.
pub(crate) fn states_of_object(kind: &str) -> &'static [&'static str] {
    match kind {
        "payment" => PAYMENT_STATES,
        "refund" | "payout" => TRANSFER_STATES,
        "dispute" => DISPUTE_STATES,
        "mandate" => MANDATE_STATES,
        _ => &[],
    }
}

/// The vocabulary of `needs`.
fn check_need(need: &str) -> Result<(), String> {
    let (word, detail) = need.split_once(':').map_or((need, None), |(word, detail)| (word, Some(detail)));
    let known: &[&str] = match word {
        "method" | "mandate" => &METHOD_FAMILIES,
        "capture" => &["manual", "partial", "multiple"],
        "refund" => &["partial", "multiple"],
        "void" => &["captured", "debit"],
        "lookup" => &["id", "reference"],
        "retrieve" => &["later"],
        "idempotency" => &["unique", "path"],
        "event" => &EVENT_WORDS,
        "answers" => &ANSWER_WORDS,
        "three_ds" => &["external"],
        "dispute" => &["accept", "contest"],
        "webhook" => &["signed", "secret", "dated", "read_back"],
        "main" => &["later"],
        _ => &[],
    };
    let operation = Op::ALL.iter().any(|operation| operation.as_str() == word);
    let alone = operation || matches!(word, "idempotency" | "three_ds" | "redirect");
    match detail {
        None if alone => Ok(()),
        Some(name) if word == "card" && is_word(name) => Ok(()),
        Some(detail) if known.contains(&detail) => Ok(()),
        Some(detail) if !known.is_empty() => {
            Err(format!("expected `{word}:` with one of {}, found `{detail}`", known.join(", ")))
        }
        _ => Err(format!(
            "expected an operation, `idempotency`, `three_ds`, `redirect`, or one of method:, mandate:, capture:, refund:, void:, lookup:, retrieve:, \
             idempotency:, event:, answers:, three_ds:, dispute:, webhook:, main:, card: with a detail, found `{need}`"
        )),
    }
}

/// Capital letters or digits, a hyphen, a number.
fn is_clause(text: &str) -> bool {
    text.rsplit_once('-').is_some_and(|(word, number)| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
            && number.parse::<u32>().is_ok_and(|number| number > 0)
    })
}
