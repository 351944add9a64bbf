//! What does not hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::judge::Unmet;
use crate::tape::Mismatch;

/// Something that does not hold, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The step, from 1; 0 for the case as a whole.
    pub step: u32,
    /// The path: `$.amount.value`, `header idempotency-key`, `expect.state`.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.step > 0 {
            write!(f, "step {}: ", self.step)?;
        }
        write!(f, "{}: expected {}, found {}", self.what, self.expected, self.found)
    }
}

impl Finding {
    /// What a result does not meet of the expectation.
    pub(super) fn unmet(step: u32, unmet: Unmet) -> Finding {
        Finding { step, what: format!("expect.{}", unmet.what), expected: unmet.expected, found: unmet.found }
    }

    /// A difference between a request and the tape.
    pub(super) fn of(step: u32, mismatch: Mismatch) -> Finding {
        Finding { step, what: mismatch.path, expected: mismatch.expected, found: mismatch.found }
    }

    /// What makes two findings alike: place and values without numbers, the place without the name of the case before it.
    fn cause(&self) -> [String; 3] {
        let place = match self.what.split_once(' ') {
            Some((case, rest)) if case.contains('.') && !case.starts_with('$') => rest,
            _ => self.what.as_str(),
        };
        [place, &self.expected, &self.found].map(|text| {
            let mut out = String::with_capacity(text.len());
            for letter in text.chars() {
                match letter.is_ascii_digit() {
                    true if out.ends_with('#') => {}
                    true => out.push('#'),
                    false => out.push(letter),
                }
            }
            out
        })
    }
}

/// The findings for a reader: of those that are alike, as one cause makes them at every later exchange, the first and how many more there are.
pub fn folded(findings: &[Finding]) -> Vec<(&Finding, usize)> {
    let mut folded: Vec<([String; 3], &Finding, usize)> = Vec::new();
    for finding in findings {
        let cause = finding.cause();
        match folded.iter_mut().find(|(known, ..)| *known == cause) {
            Some((_, _, more)) => *more += 1,
            None => folded.push((cause, finding, 0)),
        }
    }
    folded.into_iter().map(|(_, first, more)| (first, more)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_cause_makes_is_told_once() {
        let finding = |step, what: &str, found: &str| Finding {
            step,
            what: what.to_owned(),
            expected: "60.00".to_owned(),
            found: found.to_owned(),
        };
        let all = [
            finding(1, "authorize.captured exchange 1: $.code", "invalid"),
            finding(2, "capture.full exchange 12: $.code", "invalid"),
            finding(2, "capture.full exchange 2: $.other", "invalid"),
            finding(3, "capture.full exchange 3: $.code", "conflict"),
        ];
        let told: Vec<(u32, usize)> = folded(&all).into_iter().map(|(first, more)| (first.step, more)).collect();
        assert_eq!(told, [(1, 1), (2, 0), (3, 0)]);
    }
}
