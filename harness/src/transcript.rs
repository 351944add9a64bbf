//! What connectors send on their tapes, byte for byte but for secrets: what `quittance transcript` prints and `quittance blame` compares.
//!
//! A secret stands as digits made from its digest, as many as it has bytes: two transcripts differ where the secrets did, at the same
//! place, and show nothing of them.

use quittance::digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::certify::{Plan, play};
use crate::run::case::Case;
use crate::scenario::Suite;
use crate::world::Subject;

/// The requests of one case: a line of the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transcript {
    /// The connector.
    pub connector: String,
    /// `<scenario>` or `<scenario>@<brand>`.
    pub case: String,
    /// The requests in order.
    pub requests: Vec<Sent>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// The scenario's step, from 1.
    pub step: u32,
    /// The request as text: method and URL, a line a header, an empty line, the body; lines end with a line feed, and bytes that are no
    /// UTF-8 stand as U+FFFD.
    pub text: String,
}

/// The transcripts of a connector in memory, in the order of the suite.
pub fn transcripts(suite: &Suite, subject: &Subject, seed: u64) -> Vec<Transcript> {
    let plan = Plan::of(suite, subject);
    let of_case = |case: &Case| Transcript {
        connector: subject.entry.spec.id.to_owned(),
        case: case.id.clone(),
        requests: play(subject, case, None, seed)
            .player(|player| player.requests_with(conceal))
            .into_iter()
            .map(|(step, text)| Sent { step, text })
            .collect(),
    };
    plan.cases().map(of_case).collect()
}

/// What stands in place of a secret: digits, as many as it has bytes, the same for the same secret.
pub(crate) fn conceal(secret: &str) -> String {
    let digest = digest::sha256(secret.as_bytes());
    (0..secret.len()).map(|at| digest.get(at % 32).map_or('0', |byte| char::from(b'0' + byte % 10))).collect()
}

#[cfg(test)]
mod tests {
    use super::conceal;

    #[test]
    fn secrets_keep_their_length_and_differ() {
        assert_eq!(conceal("sk_test_öne").len(), "sk_test_öne".len());
        assert_ne!(conceal("4242424242424242"), conceal("4000000000000002"));
        assert_eq!(conceal("737"), conceal("737"));
        assert!(conceal(&"x".repeat(99)).bytes().all(|byte| byte.is_ascii_digit()));
    }
}
