//! Scenarios: what a connector is asked to do and what must come of it. Shared by all connectors; the only place with expectations.
//!
//! A scenario is the file `specs/scenarios/<group>/<name>.toml`; its id is `<group>.<name>`. All of them and `specs/suite.toml` are the [`Suite`].

mod check;
mod expect;
mod suite;
#[cfg(test)]
mod tests;
mod word;

use quittance::Op;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use check::{ANSWER_WORDS, EVENT_WORDS, METHOD_FAMILIES, METHOD_ROLES};
pub(crate) use check::{known_word, operation_of, reasons, states_of_object};
pub use expect::{Action, EventExpectation, EventKind, Expectation, OneOf};
pub use suite::{Manifest, Suite};
pub use word::{Word, Worded};

/// One scenario, as its file states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// `<group>.<name>`, as the path of the file says.
    pub id: String,
    /// What it shows, in one sentence without a stop.
    pub title: String,
    /// The clauses of `specs/contract.md` that it enforces, as `CAPTURE-2`.
    pub clauses: Vec<String>,
    /// The operation that it is about.
    pub proves: Word<Op>,
    /// Whether it shows success, a refusal or a fault.
    pub class: Class,
    /// What a connector must declare for the scenario to apply, as `authorize`, `capture:partial`, `card:challenge`.
    pub needs: Vec<String>,
    /// The steps in order.
    #[serde(default, rename = "step", skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Instead of steps: another scenario whose tape is run up to a fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derive: Option<Derive>,
    /// For a derived scenario: what must come of the faulty step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expectation>,
    /// The file, as it was given to the loader.
    #[serde(skip)]
    pub file: String,
    /// SHA-256 of the file's meaning (layout and comments aside), hexadecimal.
    #[serde(skip)]
    pub content_digest: String,
}

impl Scenario {
    /// The id of one case: the scenario's id, with `@brand` where it is expanded by brand.
    pub fn case_id(&self, brand: Option<&str>) -> String {
        brand.map_or_else(|| self.id.clone(), |brand| format!("{}@{brand}", self.id))
    }
}

/// What a scenario shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The operation does what was asked.
    Success,
    /// The provider or the connector says no.
    Refusal,
    /// Something breaks on the way.
    Fault,
}

/// What a step does: an operation of the contract, or something the harness does between operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepOp {
    /// [`Op::Authorize`].
    Authorize,
    /// [`Op::Complete`].
    Complete,
    /// [`Op::Capture`].
    Capture,
    /// [`Op::Void`].
    Void,
    /// [`Op::Refund`].
    Refund,
    /// [`Op::Retrieve`].
    Retrieve,
    /// [`Op::RetrieveRefund`].
    RetrieveRefund,
    /// [`Op::Adjust`].
    Adjust,
    /// [`Op::SetUp`].
    SetUp,
    /// [`Op::Revoke`].
    Revoke,
    /// [`Op::OpenSession`].
    OpenSession,
    /// [`Op::UnwrapToken`].
    UnwrapToken,
    /// [`Op::PayOut`].
    PayOut,
    /// [`Op::RetrievePayout`].
    RetrievePayout,
    /// [`Op::AnswerDispute`].
    AnswerDispute,
    /// [`Op::Webhook`]: a delivery of the tape.
    Webhook,
    /// Step `of` again, with the same idempotency key.
    Replay,
    /// The virtual clock moves by `seconds`.
    Advance,
}

impl StepOp {
    /// The operation that is called; none for `replay` and `advance`.
    pub fn operation(self) -> Option<Op> {
        Some(match self {
            Self::Authorize => Op::Authorize,
            Self::Complete => Op::Complete,
            Self::Capture => Op::Capture,
            Self::Void => Op::Void,
            Self::Refund => Op::Refund,
            Self::Retrieve => Op::Retrieve,
            Self::RetrieveRefund => Op::RetrieveRefund,
            Self::Adjust => Op::Adjust,
            Self::SetUp => Op::SetUp,
            Self::Revoke => Op::Revoke,
            Self::OpenSession => Op::OpenSession,
            Self::UnwrapToken => Op::UnwrapToken,
            Self::PayOut => Op::PayOut,
            Self::RetrievePayout => Op::RetrievePayout,
            Self::AnswerDispute => Op::AnswerDispute,
            Self::Webhook => Op::Webhook,
            Self::Replay | Self::Advance => return None,
        })
    }
}

/// One step of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What is done.
    pub op: StepOp,
    /// The method: a family, or `main`, `redirect`, `payout`, which the profile turns into one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A test card of the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// A variant of the method's sample: `failed` is the profile's `[methods.<name>_failed]`, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<String>,
    /// Merged over the defaults of the operation.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub input: toml::Table,
    /// The step that is meant, from 1; else the newest object of the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
    /// For `advance`: by how much the virtual clock moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// How a delivery or wallet token is spoilt before it is handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tamper: Option<Tamper>,
    /// What must come of it.
    #[serde(default, skip_serializing_if = "Expectation::is_empty")]
    pub expect: Expectation,
}

/// How a valid delivery or wallet token is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tamper {
    /// The signed content is altered.
    Body,
    /// The signature is taken away.
    Unsigned,
    /// It is signed with, or made for, another key.
    WrongKey,
    /// It is signed for a time too long ago.
    Stale,
}

/// A scenario made from another by a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Derive {
    /// The id of the scenario whose tape is used.
    pub from: String,
    /// The step that meets the fault, from 1.
    pub step: u32,
    /// The fault.
    pub answer: FaultAnswer,
}

/// What comes back instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultAnswer {
    /// 503 with an HTML page, at the last exchange of the operation.
    Outage,
    /// 429 with text and `retry-after: 30`, at the first exchange.
    RateLimited,
    /// The connection is refused, at the first exchange.
    Refused,
    /// The connection is reset after sending, at the last exchange.
    Reset,
    /// No answer comes in time, at the last exchange.
    Timeout,
    /// 200 with an HTML page, at the last exchange.
    #[serde(rename = "html_200")]
    Html200,
}
