//! What is amiss in the form of answers: fields that the tape's answer to the same request has.

use bytes::Bytes;
use http::Response;

use crate::live::course::{Taken, finding};
use crate::live::remote::Sent;
use crate::live::shape::{Difference, differences};
use crate::run::case::{Case, Finding};
use crate::tape::{Record, is_alike};

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
    let live = found.live.unwrap_or_else(|| "nothing".to_owned());
    Some(finding(step, format!("answer to {to}: {}", found.at), found.tape?, live))
}

/// Every difference with its step and the request's method.
pub(crate) fn compared(case: &Case, tape: &[Record], taken: &[Taken]) -> Vec<(u32, String, Difference)> {
    let mut used = vec![false; tape.len()];
    let mut all = Vec::new();
    for taken in taken {
        for sent in taken.sent.iter().chain(&taken.settling) {
            let Ok(answer) = &sent.answer else { continue };
            let Some(expected) = counterpart(case, tape, &mut used, taken.number, sent) else { continue };
            let place = sent.request.method().to_string();
            all.extend(differences(expected, answer).into_iter().map(|found| (taken.number, place.clone(), found)));
        }
    }
    all
}

/// The tape's answer to a request of the same method and path, in the same step.
fn counterpart<'t>(
    case: &Case,
    tape: &'t [Record],
    used: &mut [bool],
    step: u32,
    sent: &Sent,
) -> Option<&'t Response<Bytes>> {
    let alike = |record: &Record| {
        let exchange = record.exchange.and_then(|index| case.tape.exchanges.get(index));
        exchange.is_some_and(|exchange| is_alike(exchange, &sent.request))
    };
    let fresh = tape
        .iter()
        .enumerate()
        .position(|(index, record)| used.get(index) == Some(&false) && record.step == step && alike(record));
    let index = fresh?;
    if let Some(slot) = used.get_mut(index) {
        *slot = true;
    }
    tape.get(index)?.answer.as_ref()
}
