//! Keeps secrets out of everything that people or reports see.

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use serde_json::Value;

use super::template::{Escape, push_escaped};
use super::values::StepValues;
use crate::run::input::THREE_DS_CRYPTOGRAM;

/// What stands in place of a secret.
pub(crate) const MASK: &str = "•••";

/// Credentials shorter than this are flags or country codes, not secrets.
const SHORTEST_CREDENTIAL: usize = 4;

/// Credentials that are no secrets whatever they stand for: flags and names of environments.
pub(crate) const NO_SECRETS: [&str; 5] = ["true", "false", "live", "test", "sandbox"];

/// The credentials that are never shown, ids of the merchant's among them: all but flags and names of environments.
pub(crate) fn hidden_credentials(credentials: &BTreeMap<String, String>) -> impl Iterator<Item = String> {
    let is_hidden = |value: &&String| value.len() >= SHORTEST_CREDENTIAL && !NO_SECRETS.contains(&value.as_str());
    credentials.values().filter(is_hidden).cloned()
}

/// Values shorter than this are masked only where they stand alone: `123` as a CVC must not garble `1234` as an amount.
const SHORTEST_ANYWHERE: usize = 6;

/// Whether a sample value (`card.number`, `card.account.iban` …) must never be shown.
pub(crate) fn is_secret_value(name: &str) -> bool {
    let field = name.rsplit('.').next().unwrap_or(name);
    matches!(
        field,
        "number"
            | "cvc"
            | "cryptogram"
            | "token"
            | "iban"
            | "account"
            | "account_number"
            | "holder"
            | "payment_data"
            | "data"
            | "signature"
    )
}

/// The tokens that an answer gives (RFC 6749, section 5.1): also those that no request has sent yet, and those that are good for others.
pub(crate) fn tokens_in(answer: &[u8]) -> Vec<String> {
    let Ok(Value::Object(answer)) = serde_json::from_slice(answer) else { return Vec::new() };
    let token = |name: &str| answer.get(name)?.as_str().map(str::to_owned);
    ["access_token", "refresh_token"].into_iter().filter_map(token).collect()
}

/// Secrets shorter than this stand in too much encoded noise to be looked for in base64 and hexadecimal.
const SHORTEST_ENCODED: usize = 8;

/// Replaces every secret of a run in a text, in one pass over it.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    /// By first byte, the longest first.
    secrets: Vec<String>,
    /// Where in `secrets` those with each first byte begin; the last place is the end.
    starts: Vec<usize>,
}

impl Redactor {
    /// Hides credentials, sample values and `more`, as they are, escaped, in base64 wherever in the encoded text, and in hexadecimal.
    pub(crate) fn new(credentials: &BTreeMap<String, String>, steps: &[StepValues], more: Vec<String>) -> Self {
        let credentials = hidden_credentials(credentials);
        let samples = steps
            .iter()
            .flat_map(|step| step.samples.iter())
            .filter(|(name, value)| is_secret_value(name) && !value.is_empty());
        let mut plain: Vec<String> = credentials.chain(samples.map(|(_, value)| value.clone())).chain(more).collect();
        let parts: Vec<String> =
            plain.iter().filter(|secret| secret.starts_with('{')).flat_map(|token| parts(token)).collect();
        plain.extend(parts);
        plain.push(THREE_DS_CRYPTOGRAM.to_owned());
        plain.sort_unstable();
        plain.dedup();
        let encoded: Vec<String> = plain.iter().flat_map(|secret| encoded(secret)).collect();
        plain.extend(encoded);
        Self::of(plain)
    }

    /// Hides these texts, as they are and as JSON, forms and XML escape them.
    pub(crate) fn of(mut secrets: Vec<String>) -> Self {
        for index in 0..secrets.len() {
            for escape in [Escape::Json, Escape::Form, Escape::Xml] {
                let Some(secret) = secrets.get(index) else { continue };
                let mut escaped = String::new();
                push_escaped(secret, escape, &mut escaped);
                if escaped != *secret {
                    secrets.push(escaped);
                }
            }
        }
        let first = |secret: &String| secret.bytes().next().unwrap_or_default();
        secrets.retain(|secret| !secret.is_empty());
        secrets.sort_by(|one, other| {
            first(one).cmp(&first(other)).then_with(|| other.len().cmp(&one.len())).then_with(|| one.cmp(other))
        });
        secrets.dedup();
        let starts =
            (0..=256).map(|byte| secrets.partition_point(|secret| usize::from(first(secret)) < byte)).collect();
        Self { secrets, starts }
    }

    /// The text with a mask for each secret.
    pub(crate) fn text(&self, text: &str) -> String {
        self.replaced(text, |_| MASK.to_owned())
    }

    /// The text with something else for each secret.
    pub(crate) fn replaced(&self, text: &str, instead: impl Fn(&str) -> String) -> String {
        let hidden = self.hidden(text);
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for part in hidden {
            out.push_str(text.get(at..part.start).unwrap_or_default());
            out.push_str(&instead(text.get(part.clone()).unwrap_or_default()));
            at = part.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }

    /// The parts of the text that are masked, in order and apart.
    fn hidden(&self, text: &str) -> Vec<Range<usize>> {
        let mut long: Vec<Range<usize>> = Vec::new();
        let mut short = Vec::new();
        for (at, byte) in text.bytes().enumerate() {
            let rest = text.as_bytes().get(at..).unwrap_or_default();
            for secret in self.beginning_with(byte).iter().filter(|secret| rest.starts_with(secret.as_bytes())) {
                let part = at..at + secret.len();
                if secret.len() < SHORTEST_ANYWHERE {
                    short.push(part);
                    continue;
                }
                match long.last_mut() {
                    Some(last) if part.start < last.end => last.end = last.end.max(part.end),
                    _ => long.push(part),
                }
            }
        }
        if short.is_empty() {
            return long;
        }
        short.retain(|part| stands_alone(text, part, &long));
        merged(long, short)
    }

    fn beginning_with(&self, byte: u8) -> &[String] {
        let bound = |byte: usize| self.starts.get(byte).copied().unwrap_or_default();
        self.secrets.get(bound(usize::from(byte))..bound(usize::from(byte) + 1)).unwrap_or_default()
    }
}

/// The texts in a token that is JSON text: an answer may repeat one of them alone.
fn parts(token: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest: Vec<Value> = serde_json::from_str(token).into_iter().collect();
    while let Some(value) = rest.pop() {
        match value {
            Value::String(text) if text.len() >= SHORTEST_ENCODED => parts.push(text),
            Value::Array(items) => rest.extend(items),
            Value::Object(members) => rest.extend(members.into_iter().map(|(_, member)| member)),
            _ => {}
        }
    }
    parts
}

/// Whether no letter or digit that stays touches the part, and no masked part covers it.
fn stands_alone(text: &str, part: &Range<usize>, masked: &[Range<usize>]) -> bool {
    if masked.iter().any(|other| part.start < other.end && other.start < part.end) {
        return false;
    }
    let before = text.get(..part.start).and_then(|text| text.chars().next_back());
    let after = text.get(part.end..).and_then(|text| text.chars().next());
    let stays_before = before.is_some_and(char::is_alphanumeric) && !masked.iter().any(|other| other.end == part.start);
    let stays_after = after.is_some_and(char::is_alphanumeric) && !masked.iter().any(|other| other.start == part.end);
    !stays_before && !stays_after
}

fn merged(mut one: Vec<Range<usize>>, other: Vec<Range<usize>>) -> Vec<Range<usize>> {
    one.extend(other);
    one.sort_by_key(|part| (part.start, part.end));
    let mut all: Vec<Range<usize>> = Vec::with_capacity(one.len());
    for part in one {
        match all.last_mut() {
            Some(last) if part.start < last.end => last.end = last.end.max(part.end),
            _ => all.push(part),
        }
    }
    all
}

/// What a secret becomes in hexadecimal, and the letters that it always leaves in base64, whatever stands before and after it.
fn encoded(secret: &str) -> Vec<String> {
    if secret.len() < SHORTEST_ENCODED {
        return Vec::new();
    }
    let mut forms = vec![hex::encode(secret), hex::encode_upper(secret)];
    for (before, unsure) in [(0, 0), (1, 2), (2, 3)] {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(secret.as_bytes());
        bytes.truncate(bytes.len() - bytes.len() % 3);
        for letters in [STANDARD.encode(&bytes), URL_SAFE.encode(&bytes)] {
            forms.extend(letters.get(unsure..).map(str::to_owned));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_secrets_go_everywhere_and_short_ones_only_alone() {
        let credentials =
            BTreeMap::from([("api_key".to_owned(), "sk_test/öne".to_owned()), ("region".to_owned(), "eu".to_owned())]);
        let samples =
            BTreeMap::from([("card.cvc".to_owned(), "123".to_owned()), ("card.country".to_owned(), "Ada".to_owned())]);
        let redactor =
            Redactor::new(&credentials, &[StepValues { samples: samples.into(), ..StepValues::default() }], vec![]);
        let shown = redactor.text("Bearer sk_test/öne cvc=123&amount=1234&eu&Ada k=sk_test%2F%C3%B6ne");
        assert_eq!(shown, "Bearer ••• cvc=•••&amount=1234&eu&Ada k=•••");
    }

    #[test]
    fn overlapping_and_touching_secrets_leave_nothing() {
        let redactor = Redactor::of(["abcdefgh", "fghijk", "123", "4242424242424242"].map(str::to_owned).to_vec());
        assert_eq!(redactor.text("x abcdefghijk y"), "x ••• y");
        assert_eq!(redactor.text("123fghijk123"), "•••••••••");
        assert_eq!(redactor.text("1234 123 0123 é123é"), "1234 ••• 0123 é123é");
        assert_eq!(redactor.text("42424242424242424242"), "•••");
        assert_eq!(redactor.text(""), "");
    }

    #[test]
    fn encoded_secrets_are_hidden_at_every_offset() {
        let credentials = BTreeMap::from([("api_key".to_owned(), "sk_test_quittance?>".to_owned())]);
        let redactor = Redactor::new(&credentials, &[], vec![]);
        for before in ["", "a", "ab", "abc", "user:"] {
            for engine in [STANDARD, URL_SAFE] {
                let text = engine.encode(format!("{before}sk_test_quittance?>{before}"));
                let shown = redactor.text(&text);
                assert!(shown.contains(MASK) && shown.len() <= MASK.len() + 20, "{before}: {text} {shown}");
            }
        }
        assert_eq!(redactor.text(&hex::encode("sk_test_quittance?>")), MASK);
        assert_eq!(redactor.text(&hex::encode_upper("sk_test_quittance?>")), MASK);
    }

    #[test]
    fn tokens_stand_in_what_a_token_endpoint_answers() {
        let answer = br#"{"access_token": "a1", "token_type": "Bearer", "expires_in": 300, "refresh_token": "r1"}"#;
        assert_eq!(tokens_in(answer), ["a1", "r1"]);
        assert!(tokens_in(b"[]").is_empty() && tokens_in(b"access_token").is_empty());
    }
}
