//! A member of an answer that is a text at one time and an object at another.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A text, or an object of the shape `T`: an id that a provider expands when it is asked to.
///
/// Reads like an untagged enum, but without a copy of the whole object, members that nobody reads included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextOr<T> {
    /// The text.
    Text(String),
    /// The object.
    Object(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TextOr<T>, D::Error> {
        deserializer.deserialize_any(Either(PhantomData))
    }
}

struct Either<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
    type Value = TextOr<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an object")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TextOr<T>, E> {
        Ok(TextOr::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<TextOr<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(TextOr::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Debug, PartialEq)]
    struct Named {
        id: String,
    }

    #[test]
    fn both_are_read_and_nothing_else() {
        let read = |json: &str| serde_json::from_str::<TextOr<Named>>(json);
        assert_eq!(read("\"cus_1\"").unwrap(), TextOr::Text("cus_1".to_owned()));
        let object = read("{\"more\":[{}],\"id\":\"cus_1\"}").unwrap();
        assert_eq!(object, TextOr::Object(Named { id: "cus_1".to_owned() }));
        for json in ["null", "1", "[]", "{}", "{\"id\":\"a\",\"id\":\"b\"}"] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
