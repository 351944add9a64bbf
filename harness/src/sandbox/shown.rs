//! What a sandbox shows of itself. No secret and no card number that a client sent stands in any of it.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::book::Number;
use super::choice::Target;
use super::known::Moment;
use crate::tape::Delivery;

/// The answer to one request, with what the provider would do beside it.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The answer.
    pub response: Response<Bytes>,
    /// Deliveries that the provider would send now, in order.
    pub due: Vec<Due>,
    /// What was made and waits for somebody else: [`Sandbox::decide`](super::Sandbox::decide) goes on with it.
    pub waiting: Option<Waiting>,
    /// What may be shown of the request.
    pub seen: Seen,
}

/// A payment, mandate or payout that waits for its customer or their bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting(pub(super) u64);

/// A webhook that the provider would send now. [`Sandbox::delivery`](super::Sandbox::delivery) gives its signed headers and its body.
#[derive(Debug, Clone)]
pub struct Due {
    /// The name of the event, as the delivery states it where it does.
    pub event: Arc<str>,
    /// The id of the payment that it is about, where it is about one.
    pub payment: Option<String>,
    pub(super) made: Made,
}

/// A delivery, or what it is made of.
#[derive(Debug, Clone)]
pub(super) enum Made {
    Whole(Delivery),
    /// Nobody has said where deliveries go: it is made when it is looked at.
    Later(Later),
}

/// What a delivery is made of, beside what is remembered of its payment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Later {
    /// The delivery, by its place in the list of all.
    pub(super) delivered: usize,
    pub(super) target: Target,
    pub(super) moment: Moment,
    pub(super) number: Number,
    pub(super) now_unix_seconds: i64,
}

/// The exchanges that a request is to be compared with when somebody looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Compared {
    /// By their places in the list of all, the nearest first.
    pub(super) known: Vec<usize>,
    /// Whether only those are shown from which something differs.
    pub(super) only_differing: bool,
}

/// What is shown of one request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Seen {
    /// Whether an exchange of the tapes answered it.
    pub matched: bool,
    /// The operation of the contract that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<&'static str>,
    /// The id of the payment that it made or was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<String>,
    /// The case whose exchange answered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "text")]
    #[schemars(with = "Option<String>")]
    pub case: Option<Arc<str>>,
    /// Whether the same key had been answered before, and the answer is that one.
    pub replayed: bool,
    /// The nearest exchanges with what differs from them, the nearest first, at most three. Of a matched request these are
    /// differences that a provider forgives.
    pub misses: Vec<Miss>,
    /// What the misses are made of, where they were not looked for yet.
    #[serde(skip)]
    pub(super) compared: Compared,
}

fn text<S: Serializer>(text: &Option<Arc<str>>, to: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(to)
}

/// An exchange that a request comes near to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Miss {
    /// The case.
    pub case: String,
    /// Line of the exchange in its tape, from 1.
    pub line: usize,
    /// What differs, as "header `stripe-version`: missing"; never a value that the client sent.
    pub differences: Vec<String>,
}

/// What is shown of one payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PaymentShown {
    /// The provider's id.
    pub id: String,
    /// `payment`, `mandate` or `payout`.
    pub kind: String,
    /// The state, in the words of the contract.
    pub state: String,
    /// The amount, in the minor units of the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_minor: Option<i64>,
    /// The currency's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// What was taken so far, in minor units.
    pub captured_minor: i64,
    /// What was given back so far, in minor units.
    pub refunded_minor: i64,
    /// The method, masked: a card by its last four digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// How many requests made it or were about it.
    pub requests: u32,
}

/// A test card, amount or token and what it leads to. They are public test data and shown whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OutcomeShown {
    /// `card`, `token`, `amount` or `holder`: what chooses the outcome.
    pub kind: String,
    /// The name of the card in the profile, as `insufficient_funds`.
    pub name: String,
    /// What to send: the number, the token, the amount in minor units, or the holder's name.
    pub value: String,
    /// The state that a purchase ends in, with the reason of a decline.
    pub outcome: String,
}
