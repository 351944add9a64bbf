//! The idempotency key.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// The idempotency key of one operation: the same on every repetition, new for every new operation. 1–64 visible ASCII characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// Takes `text` as a key; the [`crate::Guard`] refuses one that is not 1–64 visible ASCII characters.
    pub fn new(text: impl Into<String>) -> Key {
        Key(text.into())
    }

    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0)
    }
}
