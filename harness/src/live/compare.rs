//! The answers of an environment beside those of a tape.

use bytes::Bytes;
use http::Response;

use super::course::Taken;
use super::remote::Sent;
use super::shape::{Difference, differences};
use crate::run::case::Case;
use crate::tape::{Record, is_alike};

/// Every difference with its step and the request's method.
pub fn compared(case: &Case, tape: &[Record], taken: &[Taken]) -> Vec<(u32, String, Difference)> {
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
