//! Secrets: texts that can be used but not shown.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret text: a key, a password, a token.
///
/// It is wiped from memory when dropped, has neither `Serialize` nor `Display`, prints as `[secret]` in `Debug`, and compares in
/// constant time (the length alone is not hidden). It is read from JSON or another self-describing format as text; a value of another type is
/// refused without being repeated in the error. Buffers of the parser it was read from are outside its reach.
///
/// ```
/// use quittance::Secret;
///
/// let key = Secret::new("sk_test_1");
/// assert_eq!(format!("{key:?}"), "[secret]");
/// assert_eq!(key.expose(), "sk_test_1");
/// ```
///
/// What would write it down does not compile:
///
/// ```compile_fail
/// println!("{}", quittance::Secret::new("sk_test_1"));
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text into custody. A `String` is moved, not copied.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself: for the request it belongs to, and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all, as in a credential left blank.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Discreet { what: "a secret text", numbers: false })
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "password", "writeOnly": true })
    }
}

/// Reads a text (and, where asked, a whole number as text) and never repeats a refused value, unlike serde's own messages.
///
/// It must be driven by `deserialize_any`: asked for a `str`, `serde_json` words the refusal of a number itself, number included.
pub(crate) struct Discreet {
    /// What is expected, for the error: "a card number".
    pub(crate) what: &'static str,
    /// Whether a whole number is taken too.
    pub(crate) numbers: bool,
}

impl Discreet {
    fn refused<E: de::Error>(&self, found: &str) -> E {
        E::custom(format_args!("expected {}, found {found}", self.what))
    }
}

impl Visitor<'_> for Discreet {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::from(text))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Secret, E> {
        Ok(Secret::from(text))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Secret, E> {
        if self.numbers { Ok(Secret::new(number.to_string())) } else { Err(self.refused("a number")) }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Secret, E> {
        if self.numbers { Ok(Secret::new(number.to_string())) } else { Err(self.refused("a number")) }
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Secret, E> {
        Err(self.refused("a number"))
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Secret, E> {
        Err(self.refused("a number"))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Secret, E> {
        Err(self.refused("a number"))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Secret, E> {
        Err(self.refused("a boolean"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("sk_1")), "[secret]");
        assert_eq!(format!("{:#?}", Some(Secret::new("sk_1"))), "Some(\n    [secret],\n)");
    }

    #[test]
    fn equality_is_that_of_the_texts() {
        assert_eq!(Secret::new("a"), Secret::from("a".to_owned()));
        assert_ne!(Secret::new("a"), Secret::new("b"));
        assert_ne!(Secret::new("a"), Secret::new("aa"));
        assert!(Secret::new("").is_empty() && !Secret::new("a").is_empty());
    }

    #[test]
    fn a_refused_value_is_not_repeated() {
        for json in ["4242424242424242", "-42424242", "1.42424242", "true", "[\"4242\"]", "{\"4242\":1}", "null"] {
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            let parsed = serde_json::from_str::<Secret>(json).unwrap_err().to_string();
            let converted = serde_json::from_value::<Secret>(value).unwrap_err().to_string();
            assert!(!parsed.contains("42") && !converted.contains("42"), "{parsed} / {converted}");
        }
        assert_eq!(serde_json::from_str::<Secret>("\"k\\u0065y\"").unwrap().expose(), "key");
    }

    #[test]
    fn the_schema_says_write_only() {
        #[derive(JsonSchema)]
        struct Credentials {
            /// The key.
            #[allow(dead_code, reason = "only its schema is looked at")]
            key: Secret,
        }
        let schema = schemars::schema_for!(Credentials);
        let key = schema.pointer("/properties/key").unwrap();
        let expected =
            serde_json::json!({ "type": "string", "format": "password", "writeOnly": true, "description": "The key." });
        assert_eq!(*key, expected);
    }
}
