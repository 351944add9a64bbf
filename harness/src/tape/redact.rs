//! Keeps secrets out of everything that people or reports see.

use std::collections::BTreeMap;

use super::template::{Escape, push_escaped};
use super::values::StepValues;

/// What stands in place of a secret.
pub(crate) const MASK: &str = "•••";

/// Credentials shorter than this are flags or country codes, not secrets.
const SHORTEST_CREDENTIAL: usize = 4;

/// Credentials that are no secrets whatever they stand for: flags and names of environments.
const NO_SECRETS: [&str; 5] = ["true", "false", "live", "test", "sandbox"];

/// Values shorter than this are masked only where they stand alone: `123` as a CVC must not garble `1234` as an amount.
const SHORTEST_ANYWHERE: usize = 6;

/// Whether a sample value (`card.number`, `card.account.iban` …) must never be shown.
pub(crate) fn is_secret_value(name: &str) -> bool {
    let field = name.rsplit('.').next().unwrap_or(name);
    matches!(
        field,
        "number" | "cvc" | "cryptogram" | "token" | "iban" | "account_number" | "payment_data" | "data" | "signature"
    )
}

/// Replaces every secret of a run in a text.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    pub(crate) fn new(credentials: &BTreeMap<String, String>, steps: &[StepValues], more: Vec<String>) -> Self {
        let credentials = credentials
            .values()
            .filter(|value| value.len() >= SHORTEST_CREDENTIAL && !NO_SECRETS.contains(&value.as_str()))
            .cloned();
        let samples = steps
            .iter()
            .flat_map(|step| &step.samples)
            .filter(|(name, value)| is_secret_value(name) && !value.is_empty());
        Self::of(credentials.chain(samples.map(|(_, value)| value.clone())).chain(more).collect())
    }

    /// Hides these texts, as they are and as JSON, forms and XML escape them.
    pub(crate) fn of(mut secrets: Vec<String>) -> Self {
        for secret in secrets.clone() {
            for escape in [Escape::Json, Escape::Form, Escape::Xml] {
                let mut escaped = String::new();
                push_escaped(&secret, escape, &mut escaped);
                secrets.push(escaped);
            }
        }
        secrets.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        secrets.dedup();
        Self { secrets }
    }

    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = replace(&text, secret);
            }
        }
        text
    }
}

fn replace(text: &str, secret: &str) -> String {
    if secret.len() >= SHORTEST_ANYWHERE {
        return text.replace(secret, MASK);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(secret) {
        let (before, after) = (&rest[..start], &rest[start + secret.len()..]);
        let alone = !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        out.push_str(before);
        out.push_str(if alone { MASK } else { secret });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_secrets_go_everywhere_and_short_ones_only_alone() {
        let credentials =
            BTreeMap::from([("api_key".to_owned(), "sk_test/öne".to_owned()), ("region".to_owned(), "eu".to_owned())]);
        let samples =
            BTreeMap::from([("card.cvc".to_owned(), "123".to_owned()), ("card.holder".to_owned(), "Ada".to_owned())]);
        let redactor = Redactor::new(&credentials, &[StepValues { samples, ..StepValues::default() }], vec![]);
        let shown = redactor.text("Bearer sk_test/öne cvc=123&amount=1234&eu&Ada k=sk_test%2F%C3%B6ne");
        assert_eq!(shown, "Bearer ••• cvc=•••&amount=1234&eu&Ada k=•••");
    }
}
