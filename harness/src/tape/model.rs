//! The tape file as it is written: a provider's bytes for one scenario, with holes. See `specs/formats.md`.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::Spanned;

/// A tape: `fixtures/<connector>/<scenario id>[@brand].toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TapeModel {
    /// Where the bytes come from, for each exchange and webhook that does not say otherwise.
    pub provenance: Provenance,
    /// The exchanges in the order in which they must happen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchange: Vec<ExchangeModel>,
    /// The deliveries of the provider, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhook: Vec<WebhookModel>,
    /// What the customer comes back with, in order.
    #[serde(default, rename = "return", skip_serializing_if = "Vec::is_empty")]
    pub returned: Vec<ReturnModel>,
}

/// Where bytes come from. Never claim more than is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The kind.
    pub kind: ProvenanceKind,
    /// The vendor page or description, needed for recorded and documented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The day on which the source was seen or recorded, as `2026-11-22`; needed for recorded and documented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// The vendor's environment, as `sandbox`; needed for recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// How much a provenance claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProvenanceKind {
    /// Written by us.
    Synthesised,
    /// Follows a page or description of the vendor.
    Documented,
    /// Bytes from the vendor's environment.
    Recorded,
}

impl Provenance {
    /// What is missing for the claim: field and message.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let needs = |field: &'static str, value: &Option<String>| match value {
            Some(text) if !text.trim().is_empty() => Ok(()),
            _ => Err((field, format!("expected a value, because the kind is `{}`", self.kind))),
        };
        if self.kind != ProvenanceKind::Synthesised {
            needs("source", &self.source)?;
            needs("seen", &self.seen)?;
        }
        if self.kind == ProvenanceKind::Recorded {
            needs("environment", &self.environment)?;
        }
        match &self.seen {
            Some(seen) if seen.parse::<jiff::civil::Date>().is_err() || seen.len() != 10 => {
                Err(("seen", format!("expected a date as 2026-11-22, found `{seen}`")))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for ProvenanceKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Synthesised => "synthesised",
            Self::Documented => "documented",
            Self::Recorded => "recorded",
        })
    }
}

/// One request that must be sent and the answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExchangeModel {
    /// The scenario's step, from 1.
    pub step: u32,
    /// Whether it belongs to the settling of that step and not to the operation itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settle: bool,
    /// Where these bytes come from, when not from where the tape says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// What must be sent.
    pub request: RequestModel,
    /// What comes back.
    pub response: ResponseModel,
}

/// A request, exactly as it must be sent. At most one of `form`, `json`, `xml` and `text`; none means no body.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestModel {
    /// The method, upper case.
    pub method: String,
    /// Scheme, host, path and query.
    pub url: String,
    /// Every header but `host`, `content-length`, `accept-encoding`, `user-agent` and `accept: */*`; names in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A form body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<FormModel>,
    /// A JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    /// An XML body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xml: Option<String>,
    /// Any other body, compared byte by byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whether the order of JSON members or form fields matters.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ordered: bool,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseModel {
    /// The HTTP status.
    pub status: u16,
    /// The headers; names in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body, byte for byte.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Parts of a JSON body that are encrypted on the way: pointer, and recipe of `aes-256-gcm`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seal: BTreeMap<String, String>,
}

/// A delivery by the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookModel {
    /// The scenario's step, from 1: a `webhook` step, or a step that this delivery settles.
    pub step: u32,
    /// Where these bytes come from, when not from where the tape says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// The url that is called, where the provider signs it or the connector reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The headers; names in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body, byte for byte.
    pub body: String,
    /// Parts of a JSON body that are encrypted on the way: pointer, and recipe of `aes-256-gcm`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seal: BTreeMap<String, String>,
}

/// The customer's return after a redirect or a challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnModel {
    /// The scenario's step, from 1: a `complete` step, or a step that the return settles.
    pub step: u32,
    /// Query or form parameters of the return URL, in order.
    #[serde(default)]
    pub parameters: FormModel,
}

/// The fields of a form body in the order of the file; a field with several values repeats its name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FormModel {
    /// Name and values.
    pub fields: Vec<(String, Vec<String>)>,
}

impl JsonSchema for FormModel {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FormModel".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The fields of a form body; a list repeats the name.",
            "type": "object",
            "additionalProperties": { "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }] }
        })
    }
}

impl Serialize for FormModel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, values) in &self.fields {
            match values.as_slice() {
                [value] => map.serialize_entry(name, value)?,
                values => map.serialize_entry(name, values)?,
            }
        }
        map.end()
    }
}

/// One value or a list of them.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum Values {
    One(String),
    Many(Vec<String>),
}

impl<'de> Deserialize<'de> for FormModel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = FormModel;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a table of form fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FormModel, A::Error> {
                let mut found = Vec::new();
                while let Some((name, values)) = map.next_entry::<Spanned<String>, Values>()? {
                    found.push((name, values));
                }
                // The parser sorts by name; the span restores the order of the file.
                found.sort_by_key(|(name, _)| name.span().start);
                let values = |values| match values {
                    Values::One(value) => vec![value],
                    Values::Many(values) => values,
                };
                let fields = found.into_iter().map(|(name, found)| (name.into_inner(), values(found))).collect();
                Ok(FormModel { fields })
            }
        }
        deserializer.deserialize_map(Fields)
    }
}
