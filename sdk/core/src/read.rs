//! Strict reading of bodies: what is ambiguous or too deep is refused before anything is taken out of it.

use std::collections::HashSet;
use std::fmt;

use quick_xml::events::Event as XmlEvent;
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::{Error, Result};

/// How deep a body may nest; serde_json's own limit.
const DEPTH: usize = 128;

/// The bytes as text: UTF-8, without a byte-order mark.
pub(crate) fn text(bytes: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::protocol("the answer is not UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The bytes as JSON of the shape `T`.
pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text = text(bytes)?;
    if text.trim().is_empty() {
        return Err(Error::protocol("the answer is empty"));
    }
    serde_json::from_str::<Unambiguous>(text)
        .map_err(|cause| Error::protocol(format!("the answer is not readable JSON: {}", place(&cause))))?;
    serde_json::from_str(text)
        .map_err(|cause| Error::protocol(format!("the answer has another shape than expected: {}", place(&cause))))
}

/// serde's messages can quote values; only the class and the place are told.
fn place(cause: &serde_json::Error) -> String {
    let class = match cause.classify() {
        serde_json::error::Category::Data => "unexpected or missing member",
        serde_json::error::Category::Eof => "it breaks off",
        _ => "syntax",
    };
    let text = cause.to_string();
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match missing {
        Some(name) => format!("member {name} is missing at line {} column {}", cause.line(), cause.column()),
        None => format!("{class} at line {} column {}", cause.line(), cause.column()),
    }
}

/// Accepts any JSON without duplicate members.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Unambiguous)
    }
}

impl<'de> DeserializeSeed<'de> for Unambiguous {
    type Value = Unambiguous;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, _: bool) -> std::result::Result<Self, E> {
        Ok(self)
    }
    fn visit_i64<E>(self, _: i64) -> std::result::Result<Self, E> {
        Ok(self)
    }
    fn visit_u64<E>(self, _: u64) -> std::result::Result<Self, E> {
        Ok(self)
    }
    fn visit_f64<E>(self, _: f64) -> std::result::Result<Self, E> {
        Ok(self)
    }
    fn visit_str<E>(self, _: &str) -> std::result::Result<Self, E> {
        Ok(self)
    }
    fn visit_unit<E>(self) -> std::result::Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Self, A::Error> {
        while items.next_element::<Unambiguous>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> std::result::Result<Self, A::Error> {
        let mut few: Vec<MemberName<'de>> = Vec::new();
        let mut many: HashSet<MemberName<'de>> = HashSet::new();
        while let Some(name) = members.next_key::<MemberName<'de>>()? {
            let fresh =
                if few.len() < 24 { !few.contains(&name) } else { !few.contains(&name) && many.insert(name.clone()) };
            if !fresh {
                return Err(serde::de::Error::custom("duplicate member"));
            }
            if few.len() < 24 {
                few.push(name);
            }
            members.next_value::<Unambiguous>()?;
        }
        Ok(self)
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
struct MemberName<'n>(#[serde(borrow)] std::borrow::Cow<'n, str>);

/// The bytes as XML of the shape `T`.
pub(crate) fn xml<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text = text(bytes)?.trim_start();
    well_formed(text)?;
    quick_xml::de::from_str(text).map_err(|_| Error::protocol("the answer has another shape than expected"))
}

fn well_formed(text: &str) -> Result<()> {
    let broken = || Error::protocol("the answer is not readable XML");
    let mut reader = quick_xml::Reader::from_str(text);
    let mut depth = 0usize;
    let mut elements = 0usize;
    loop {
        match reader.read_event().map_err(|_| broken())? {
            XmlEvent::Start(_) => {
                depth += 1;
                elements += 1;
                if depth > DEPTH {
                    return Err(Error::protocol("the answer nests too deep"));
                }
            }
            XmlEvent::End(_) => depth = depth.checked_sub(1).ok_or_else(broken)?,
            XmlEvent::Empty(_) => elements += 1,
            XmlEvent::DocType(_) => return Err(Error::protocol("the answer has a document type")),
            XmlEvent::Eof => return if depth == 0 && elements > 0 { Ok(()) } else { Err(broken()) },
            _ => {}
        }
    }
}
