//! Where two revisions of the connectors send something else on the same tapes: the first byte that differs, and its field.

mod field;
pub mod revision;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use field::field_at;

use crate::transcript::Transcript;
use crate::words::counted;

/// How much of a request is shown before the byte that differs, in characters.
const BEFORE: usize = 30;
/// How much is shown from it on.
const AFTER: usize = 40;

/// What `quittance blame --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Blame {
    /// The first revision, as a full commit id.
    pub before: String,
    /// The second revision, whose scenarios and tapes both were played on.
    pub after: String,
    /// How many cases were played on both.
    pub cases: usize,
    /// Every case that differs.
    pub differences: Vec<Difference>,
}

/// A case that differs, by its first difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The connector.
    pub connector: String,
    /// The case.
    pub case: String,
    /// What differs.
    #[serde(flatten)]
    pub what: What,
}

/// What differs first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// A request.
    Request {
        /// The scenario's step, from 1.
        step: u32,
        /// The request within the case, from 1.
        request: usize,
        /// The first byte that differs, from 0, in method and URL, headers and body as `quittance transcript` prints them.
        byte: usize,
        /// Its field in the second revision: `method`, `path`, `query limit`, `header accept`, `form amount`, `$.amount.value`.
        field: String,
        /// The request around that byte in the first revision; secrets stand as digits.
        before: String,
        /// The same in the second.
        after: String,
    },
    /// One revision sends more requests.
    Count {
        /// How many the first sends.
        before: usize,
        /// How many the second sends.
        after: usize,
    },
    /// Only the first revision plays the case.
    OnlyBefore,
    /// Only the second revision plays the case.
    OnlyAfter,
}

/// Compares the transcripts of two revisions.
pub fn compare(before: &[Transcript], after: &[Transcript]) -> (usize, Vec<Difference>) {
    let key = |transcript: &Transcript| (transcript.connector.clone(), transcript.case.clone());
    let mut pairs: BTreeMap<(String, String), [Option<&Transcript>; 2]> = BTreeMap::new();
    for transcript in before {
        pairs.entry(key(transcript)).or_default()[0] = Some(transcript);
    }
    for transcript in after {
        pairs.entry(key(transcript)).or_default()[1] = Some(transcript);
    }
    let both = pairs.values().filter(|pair| matches!(pair, [Some(_), Some(_)])).count();
    let difference = |((connector, case), pair): ((String, String), [Option<&Transcript>; 2])| {
        let what = match pair {
            [Some(before), Some(after)] => first(before, after)?,
            [Some(_), None] => What::OnlyBefore,
            _ => What::OnlyAfter,
        };
        Some(Difference { connector, case, what })
    };
    (both, pairs.into_iter().filter_map(difference).collect())
}

/// The first difference between two transcripts of a case.
fn first(before: &Transcript, after: &Transcript) -> Option<What> {
    for (index, (one, other)) in before.requests.iter().zip(&after.requests).enumerate() {
        if one.text != other.text {
            let byte = differs_at(&one.text, &other.text);
            return Some(What::Request {
                step: other.step,
                request: index + 1,
                byte,
                field: field_at(&other.text, byte),
                before: around(&one.text, byte),
                after: around(&other.text, byte),
            });
        }
    }
    let (before, after) = (before.requests.len(), after.requests.len());
    (before != after).then_some(What::Count { before, after })
}

/// The first byte that differs, at the start of its letter.
fn differs_at(one: &str, other: &str) -> usize {
    let byte = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    (0..=byte).rev().find(|at| one.is_char_boundary(*at) && other.is_char_boundary(*at)).unwrap_or_default()
}

fn around(text: &str, at: usize) -> String {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let skipped = before.chars().count().saturating_sub(BEFORE);
    let shown: String = before.chars().skip(skipped).chain(after.chars().take(AFTER)).collect();
    let start = if skipped > 0 { "…" } else { "" };
    let end = if after.chars().nth(AFTER).is_some() { "…" } else { "" };
    format!("{start}{}{end}", shown.replace('\n', "⏎"))
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: ", self.connector, self.case)?;
        match &self.what {
            What::Request { step, request, byte, field, before, after } => {
                write!(f, "step {step}, request {request}, byte {byte}, {field}\n  before  {before}\n  after   {after}")
            }
            What::Count { before, after } => write!(f, "{} before, {after} after", counted(*before, "request")),
            What::OnlyBefore => f.write_str("played before only"),
            What::OnlyAfter => f.write_str("played after only"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Sent;

    fn transcript(case: &str, texts: &[&str]) -> Transcript {
        let sent = |text: &&str| Sent { step: 1, text: (*text).to_owned() };
        Transcript { connector: "sample".to_owned(), case: case.to_owned(), requests: texts.iter().map(sent).collect() }
    }

    #[test]
    fn the_first_difference_of_each_case_is_told() {
        const HEAD: &str = "POST https://api.example/pay\ncontent-type: application/x-www-form-urlencoded\n\n";
        let one = |amount: &str| format!("{HEAD}currency=usd&amount={amount}&é=1");
        let before = [
            transcript("a", &[&one("100"), "x"]),
            transcript("b", &["GET https://api.example/"]),
            transcript("gone", &[]),
            transcript("same", &["x"]),
        ];
        let after = [
            transcript("a", &[&one("109"), "y"]),
            transcript("b", &["GET https://api.example/", "more"]),
            transcript("new", &[]),
            transcript("same", &["x"]),
        ];
        let (both, differences) = compare(&before, &after);
        assert_eq!((both, differences.len()), (3, 4));
        let What::Request { request, byte, field, before, after, .. } = &differences[0].what else { panic!() };
        assert_eq!((*request, *byte, field.as_str()), (1, HEAD.len() + "currency=usd&amount=10".len(), "form amount"));
        assert!(before.ends_with("⏎⏎currency=usd&amount=100&é=1") && after.ends_with("=109&é=1"), "{before} {after}");
        assert_eq!(differences[1].what, What::Count { before: 1, after: 2 });
        assert_eq!((&differences[2].what, &differences[3].what), (&What::OnlyBefore, &What::OnlyAfter));
    }

    #[test]
    fn a_letter_of_several_bytes_is_not_cut() {
        assert_eq!(differs_at("aé", "aè"), 1);
        assert_eq!(differs_at("ab", "abc"), 2);
        assert_eq!(around("aé", 1), "aé");
    }
}
