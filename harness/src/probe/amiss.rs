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
    let mut findings = Vec::new();
    for (step, place, found) in compared(case, tape, taken) {
        let Some(tape) = found.tape else { continue };
        let live = found.live.unwrap_or_else(|| "nothing".to_owned());
        findings.push(finding(step, format!("answer {place}: {}", found.at), tape, live));
    }
    findings
}

/// Every difference with its step and the request's method and path.
pub(crate) fn compared(case: &Case, tape: &[Record], taken: &[Taken]) -> Vec<(u32, String, Difference)> {
    let mut used = vec![false; tape.len()];
    let mut all = Vec::new();
    for taken in taken {
        for sent in taken.sent.iter().chain(&taken.settling) {
            let Ok(answer) = &sent.answer else { continue };
            let Some(expected) = counterpart(case, tape, &mut used, taken.number, sent) else { continue };
            let place = format!("to {}", sent.request.method());
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
