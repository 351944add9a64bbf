//! The expectations of a step.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use quittance::{Effect, Kind};
use schemars::JsonSchema;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::word::Word;

/// What must come of a step. What is not stated is not judged here (the general checks of the harness hold all the same).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expectation {
    /// The state of the payment, refund, mandate, payout or dispute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<OneOf<String>>,
    /// The reason of a decline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<OneOf<String>>,
    /// The next action; with `settles`, that of the first answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<OneOf<Action>>,
    /// The object's amount, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_minor: Option<OneOf<i64>>,
    /// The sum captured so far, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured_minor: Option<OneOf<i64>>,
    /// What this capture took, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured_now_minor: Option<OneOf<i64>>,
    /// The sum refunded so far, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded_minor: Option<OneOf<i64>>,
    /// Whether a mandate handle is returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mandate: Option<bool>,
    /// Whether the merchant's reference stands in what a completed set-up ends in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<bool>,
    /// Whether the network's transaction id is returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_transaction_id: Option<bool>,
    /// Whether the provider's raw decline code is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<bool>,
    /// Whether the network's raw code is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_code: Option<bool>,
    /// Whether the network's advice code is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice_code: Option<bool>,
    /// Whether a session token is returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<bool>,
    /// Whether a network token is returned, with number and expiry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_token: Option<bool>,
    /// The kind of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<OneOf<Word<Kind>>>,
    /// The effect of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<OneOf<Word<Effect>>>,
    /// When the error allows the next try, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<OneOf<i64>>,
    /// Whether the error names a field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<bool>,
    /// How many exchanges the step may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchanges: Option<u32>,
    /// The events of a delivery, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<EventExpectation>>,
    /// Whether the operation may be answered as not yet decided; then the tape says how it settles.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub settles: bool,
    /// Whether the operation is refused: by an error without effect, a decline or failure, or the object standing as before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// Whether a refusal that is an error says that the object's state is the reason, and not the request: where the profile's answers
    /// say that the provider tells one from the other.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub conflict: bool,
    /// The step whose handle, state and amounts this one repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as: Option<u32>,
    /// The step from whose handle this one's differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct_from: Option<u32>,
}

impl Expectation {
    /// Whether nothing is expected.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One event of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventExpectation {
    /// What the event is about.
    pub kind: EventKind,
    /// The state of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<OneOf<String>>,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A payment.
    Payment,
    /// A refund.
    Refund,
    /// A dispute.
    Dispute,
    /// A payout.
    Payout,
    /// A mandate.
    Mandate,
    /// An operation that was taken on and refused later.
    Refusal,
    /// A type that the connector does not read.
    Ignored,
}

impl EventKind {
    /// The kind in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Dispute => "dispute",
            Self::Payout => "payout",
            Self::Mandate => "mandate",
            Self::Refusal => "refusal",
            Self::Ignored => "ignored",
        }
    }
}

/// What the customer must do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Go to a page.
    Redirect,
    /// Pass a 3-D Secure challenge.
    ThreeDs,
    /// Scan a QR code.
    Qr,
    /// Pay a voucher.
    Voucher,
    /// Confirm in an app.
    App,
    /// Go on in the provider's client SDK.
    Client,
}

impl Action {
    /// The action in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redirect => "redirect",
            Self::ThreeDs => "three_ds",
            Self::Qr => "qr",
            Self::Voucher => "voucher",
            Self::App => "app",
            Self::Client => "client",
        }
    }
}

/// One value, or a list of which one must hold. The order of a list says nothing.
#[derive(Debug, Clone, Eq)]
pub struct OneOf<T> {
    /// The values; never empty.
    pub values: Vec<T>,
}

impl<T: PartialEq> PartialEq for OneOf<T> {
    fn eq(&self, other: &OneOf<T>) -> bool {
        let holds = |all: &OneOf<T>, part: &OneOf<T>| part.values.iter().all(|value| all.contains(value));
        holds(self, other) && holds(other, self)
    }
}

impl OneOf<String> {
    /// Whether nothing else is among them.
    pub fn is_only(&self, value: &str) -> bool {
        self.values.iter().all(|one| one == value)
    }
}

impl<T: PartialEq> OneOf<T> {
    /// Whether `value` is among them.
    pub fn contains(&self, value: &T) -> bool {
        self.values.contains(value)
    }
}

impl<T: JsonSchema> JsonSchema for OneOf<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOf{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [value, { "type": "array", "items": value, "minItems": 1 }] })
    }
}

impl<T: Serialize> Serialize for OneOf<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.values.as_slice() {
            [value] => value.serialize(serializer),
            values => values.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOfVisitor(PhantomData))
    }
}

/// Tells a list from a value by its type, so that a wrong word still says which words there are.
struct OneOfVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOfVisitor<T> {
    type Value = OneOf<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value or a list of values")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OneOf<T>, E> {
        Ok(OneOf { values: vec![T::deserialize(text.into_deserializer())?] })
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<OneOf<T>, E> {
        Ok(OneOf { values: vec![T::deserialize(number.into_deserializer())?] })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<OneOf<T>, A::Error> {
        let values = Vec::<T>::deserialize(SeqAccessDeserializer::new(items))?;
        if values.is_empty() {
            return Err(serde::de::Error::custom("expected at least one value"));
        }
        Ok(OneOf { values })
    }
}
