//! What an application stores to act on an object later.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// The provider's id of a payment, refund, mandate, payout or dispute, with further ids where the provider needs several.
///
/// Text form: the id alone, or `id?name=value&name=value` with names and values form-encoded. Every text reads back to the
/// same handle; store the text. A handle holds no secret.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle {
    id: String,
    parts: BTreeMap<String, String>,
}

impl Handle {
    /// A handle that is one id.
    pub fn new(id: impl Into<String>) -> Handle {
        Handle { id: id.into(), parts: BTreeMap::new() }
    }

    /// Adds a further id or a datum that a later call needs (`capture`, `last4`).
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Handle {
        self.parts.insert(name.to_owned(), value.into());
        self
    }

    /// Adds `value` under `name` when there is one.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl Into<String>>) -> Handle {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Both handles of one object in one: the parts of `newer` over those of `self`. An answer or event may know only some of
    /// the ids, so applications store `stored.merged(&new)`. With different ids, `newer` is the result.
    #[must_use]
    pub fn merged(mut self, newer: &Handle) -> Handle {
        if self.id != newer.id {
            return newer.clone();
        }
        self.parts.extend(newer.parts.iter().map(|(name, value)| (name.clone(), value.clone())));
        self
    }

    /// The id under which the provider knows the object.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id as one segment of a URL's path (RFC 3986 section 3.3), percent-encoded but for unreserved characters. Use it wherever an
    /// id goes into a path: an id may come from a delivery that nobody vouched for. Fails for an empty id, and for `.` and `..`, which
    /// URL readers resolve even when they are encoded.
    pub fn segment(&self) -> crate::Result<String> {
        const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
        match self.id.as_str() {
            "" | "." | ".." => Err(crate::Error::invalid("handle", "the id of the handle cannot stand in a URL")),
            id => Ok(utf8_percent_encode(id, RESERVED).to_string()),
        }
    }

    /// The id and every further one.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.parts.values().map(String::as_str))
    }

    /// A further id by name.
    pub fn part(&self, name: &str) -> Option<&str> {
        self.parts.get(name).map(String::as_str)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parts.is_empty() && !self.id.contains('?') {
            return f.write_str(&self.id);
        }
        let parts = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.parts).finish();
        write!(f, "{}?{parts}", self.id)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<'de> Deserialize<'de> for Handle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Handle, D::Error> {
        let Ok(handle) = String::deserialize(deserializer)?.parse();
        Ok(handle)
    }
}

impl JsonSchema for Handle {
    fn schema_name() -> Cow<'static, str> {
        "Handle".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "the text form of a handle, as an earlier result gave it" })
    }
}

impl FromStr for Handle {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Handle, Infallible> {
        let (id, parts) = text.rsplit_once('?').unwrap_or((text, ""));
        let parts = form_urlencoded::parse(parts.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        Ok(Handle { id: id.to_owned(), parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_within_its_segment() {
        let segment = |id: &str| Handle::new(id).segment();
        assert_eq!(segment("pi_1-A.b~").as_deref(), Ok("pi_1-A.b~"));
        assert_eq!(segment("a/../b?c#d%2e e").as_deref(), Ok("a%2F..%2Fb%3Fc%23d%252e%20e"));
        for id in ["", ".", ".."] {
            assert!(segment(id).is_err_and(|error| error.kind() == crate::Kind::Invalid));
        }
    }

    #[test]
    fn two_answers_about_one_object_make_one_handle() {
        let stored = Handle::new("pi_1").with("capture", "c1").with("note", "n1");
        let merged = stored.clone().merged(&Handle::new("pi_1").with("capture", "c2"));
        assert_eq!((merged.part("capture"), merged.part("note")), (Some("c2"), Some("n1")));
        let another = Handle::new("pi_2").with_some("capture", None::<&str>);
        assert_eq!(stored.merged(&another), another);
    }

    #[test]
    fn text_reads_back() {
        for handle in [
            Handle::new("pi_1"),
            Handle::new("A?b"),
            Handle::new("5O1").with("capture", "2GG").with("note", "a&b=c?d"),
            Handle::new(""),
        ] {
            assert_eq!(handle.to_string().parse(), Ok(handle));
        }
    }
}
