//! The `[corpus]` table of a profile: how a connector's recorded answers find their parser.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::View;
use super::recording::Recording;

/// Conditions on a recording; all must hold.
///
/// A name that starts with `/` is a JSON pointer (RFC 6901) into the body: JSON as it stands, XML with the root element as first
/// segment (`/createTransactionResponse/messages/resultCode`), a form as one object. `operation` (`null` where none was recorded),
/// `content_type` and `request` (`POST https://…`) look at the recording itself, `root` at the name of the XML root. The wanted
/// value is an exact text; a closing `*` stands for any rest, and `*` alone asks that there is something that is not empty.
pub type When = BTreeMap<String, String>;

/// Names of [`When`] that are not pointers.
pub const WORDS: [&str; 4] = ["operation", "content_type", "request", "root"];

/// How recorded answers find their parser.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorpusRules {
    /// Turns XML answers into JSON, for a connector that speaks JSON to an API that has an XML form too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub xml_as_json: bool,
    /// With `xml_as_json`: pointers to elements that are lists even when they stand alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub xml_lists: Vec<String>,
    /// With `xml_as_json`: pointers to elements whose only kind of child is a list that takes their place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub xml_wrappers: Vec<String>,
    /// Which operation reads an answer; the first that matches decides, before the recorded operation does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<Route>,
    /// Answers that the connector never gets; looked at where no route matches, the first that matches decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out_of_scope: Vec<OutOfScope>,
    /// Where an answer repeats what the request said; the first that matches is used to make a request that fits the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub echo: Vec<Echo>,
    /// The HTTP status of an answer that was recorded without one; the first that matches decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<StatusRule>,
    /// Answers whose recorded outcome the provider's own words contradict; counted apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disputed: Vec<Disputed>,
    /// Where a delivery carries its digest, when it stands inside the body; the first that matches is made anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub digest: Vec<Digest>,
}

/// An operation for answers of one shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The shape.
    pub when: When,
    /// The operation, as scenarios write it; the one that the recorded word stands for when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// For `authorize`: whether the money is taken later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub manual: bool,
    /// The case whose tape leads up to the answer, when not the plain one of the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// The exchange of the operation's step that is answered, from 1, when not its last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<usize>,
}

/// Answers that the connector never gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutOfScope {
    /// The shape.
    pub when: When,
    /// Why; printed with the number of such answers.
    pub reason: String,
}

/// Where an answer repeats what the request said: JSON pointers as in [`When`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Echo {
    /// The shape.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: When,
    /// The operation for which this holds; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The id of the object that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The idempotency key, where the provider echoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The merchant's reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The amount in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minor: Option<String>,
    /// The amount as a decimal text in major units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub major: Option<String>,
    /// The currency of the amount; the profile's where the answer has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// The HTTP status of answers that were recorded without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusRule {
    /// The shape.
    pub when: When,
    /// The status.
    pub status: u16,
}

/// Answers whose recorded outcome the provider's own words contradict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disputed {
    /// The shape.
    pub when: When,
    /// The recorded outcome that is contradicted: `success` or `failure`.
    pub recorded: String,
    /// What in the answer contradicts it.
    pub reason: String,
}

/// A digest inside the body of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// The shape.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: When,
    /// Pointer to the digest.
    pub at: String,
    /// The name of the signature recipe that makes it.
    pub signature: String,
}

/// Whether every condition holds.
pub fn holds(when: &When, recording: &Recording, view: &View) -> bool {
    when.iter().all(|(name, wanted)| {
        let found = match name.as_str() {
            "operation" => Some(recording.operation.clone().unwrap_or_else(|| "null".to_owned())),
            "content_type" => Some(recording.content_type.clone()),
            "request" => recording.request.clone(),
            "root" => view.root(&recording.content_type),
            pointer => return view.has(pointer, |found| fits(wanted, found)),
        };
        found.is_some_and(|found| fits(wanted, &found))
    })
}

fn fits(wanted: &str, found: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some("") => !found.is_empty(),
        Some(start) => found.starts_with(start),
        None => wanted == found,
    }
}

impl CorpusRules {
    /// Every fault: the field's name below `corpus`, with its place in its list, and what was expected.
    pub fn faults(&self) -> Vec<(&'static str, Option<usize>, String)> {
        let mut faults = Vec::new();
        let mut refuse = |list, index, what: &str| faults.push((list, Some(index), what.to_owned()));
        let op = |name: &str| name.parse::<quittance::Op>().is_ok();
        for (index, route) in self.route.iter().enumerate() {
            check_when(&route.when, true, &mut |what| refuse("route", index, what));
            if route.operation.as_deref().is_some_and(|name| !op(name)) {
                refuse("route", index, "expected `operation` to name an operation of the contract");
            }
            if route.exchange == Some(0) {
                refuse("route", index, "expected `exchange` to count from 1");
            }
        }
        for (index, rule) in self.out_of_scope.iter().enumerate() {
            check_when(&rule.when, true, &mut |what| refuse("out_of_scope", index, what));
            if rule.reason.trim().is_empty() {
                refuse("out_of_scope", index, "expected a `reason`");
            }
        }
        for (index, rule) in self.echo.iter().enumerate() {
            check_when(&rule.when, false, &mut |what| refuse("echo", index, what));
            if rule.operation.as_deref().is_some_and(|name| !op(name)) {
                refuse("echo", index, "expected `operation` to name an operation of the contract");
            }
        }
        for (index, rule) in self.digest.iter().enumerate() {
            check_when(&rule.when, false, &mut |what| refuse("digest", index, what));
        }
        for (index, rule) in self.status.iter().enumerate() {
            check_when(&rule.when, true, &mut |what| refuse("status", index, what));
            if !(200..600).contains(&rule.status) {
                refuse("status", index, "expected a status from 200 to 599");
            }
        }
        for (index, rule) in self.disputed.iter().enumerate() {
            check_when(&rule.when, true, &mut |what| refuse("disputed", index, what));
            if !matches!(rule.recorded.as_str(), "success" | "failure") {
                refuse("disputed", index, "expected `recorded` to be success or failure");
            }
            if rule.reason.trim().is_empty() {
                refuse("disputed", index, "expected a `reason`");
            }
        }
        faults
    }
}

fn check_when(when: &When, needed: bool, refuse: &mut dyn FnMut(&str)) {
    if needed && when.is_empty() {
        refuse("expected at least one condition in `when`");
    }
    if when.keys().any(|name| !name.starts_with('/') && !WORDS.contains(&name.as_str())) {
        refuse(
            "expected conditions on a pointer that starts with `/`, `operation`, `content_type`, `request` or `root`",
        );
    }
}
