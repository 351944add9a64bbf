//! What is amiss in the form of answers: fields that the tape's answer to the same request has.

use crate::live::compare::compared;
use crate::live::course::{Taken, finding};
use crate::live::shape::{Difference, differences};
use crate::run::case::{Case, Finding};
use crate::tape::Record;

/// How the answers of some steps differ in form from those of the tape, as far as the tape's clients may rely on it: what the tape's answer
/// lacks may be there.
pub(super) fn forms(case: &Case, tape: &[Record], taken: &[Taken]) -> Vec<Finding> {
    let missing = |(step, method, found): (u32, String, Difference)| missing(step, &method, found);
    compared(case, tape, taken).into_iter().filter_map(missing).collect()
}

/// The same of the last answers alone.
pub(super) fn last_form(tape: &[Record], taken: &[Taken]) -> Vec<Finding> {
    let last = |taken: &Taken| Some((taken.number, taken.sent.last()?.answer.as_ref().ok()?.clone()));
    let live = taken.last().and_then(last);
    let expected = tape.last().and_then(|record| record.answer.as_ref());
    let (Some((step, live)), Some(expected)) = (live, expected) else { return Vec::new() };
    differences(expected, &live).into_iter().filter_map(|found| missing(step, "the last request", found)).collect()
}

fn missing(step: u32, to: &str, found: Difference) -> Option<Finding> {
    let what = format!("answer to {to}: {}", found.place());
    let live = found.live.unwrap_or_else(|| "nothing".to_owned());
    Some(finding(step, what, found.tape?, live))
}
