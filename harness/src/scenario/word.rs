//! Values of the contract in a scenario's file, in their own words.

use std::borrow::Cow;
use std::ops::Deref;

use quittance::{Effect, Kind, Op};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A closed list of the contract whose values have words.
pub trait Worded: Copy + 'static {
    /// The list, as the schema names it.
    const LIST: &'static str;

    /// Every value.
    fn all() -> &'static [Self];

    /// The value in words.
    fn word(self) -> &'static str;
}

impl Worded for Op {
    const LIST: &'static str = "Operation";

    fn all() -> &'static [Op] {
        Op::ALL
    }

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Worded for Kind {
    const LIST: &'static str = "ErrorKind";

    fn all() -> &'static [Kind] {
        Kind::ALL
    }

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Worded for Effect {
    const LIST: &'static str = "Effect";

    fn all() -> &'static [Effect] {
        &[Effect::None, Effect::Unknown]
    }

    fn word(self) -> &'static str {
        self.as_str()
    }
}

/// A value that is written and read as its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<T>(pub T);

impl<T> Deref for Word<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Worded> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.word())
    }
}

impl<'de, T: Worded> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Word<T>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = T::all().iter().copied().find(|value| value.word() == text);
        found.map(Word).ok_or_else(|| {
            let words: Vec<String> = T::all().iter().map(|value| format!("`{}`", value.word())).collect();
            serde::de::Error::custom(format_args!("unknown variant `{text}`, expected one of {}", words.join(", ")))
        })
    }
}

impl<T: Worded> JsonSchema for Word<T> {
    fn schema_name() -> Cow<'static, str> {
        T::LIST.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = T::all().iter().map(|value| value.word()).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}
