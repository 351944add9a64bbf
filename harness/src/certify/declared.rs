//! What is declared must be shown: the carrier of the idempotency key, and a reason for all that a profile lacks.

use std::collections::BTreeSet;

use quittance::{Idempotency, Op, Spec};

use super::Plan;
use super::ground::{Ground, Tried, finding};
use crate::profile::Profile;
use crate::run::case::{Finding, Played};
use crate::run::plan::is_met;
use crate::scenario::Scenario;
use crate::world::Subject;

/// Operations that move money or hold it: a repetition by mistake costs somebody.
const MOVES_MONEY: [Op; 4] = [Op::Authorize, Op::Capture, Op::Refund, Op::PayOut];

/// The caller's key travels in the declared header with every operation that moves money.
pub(super) fn idempotency(ground: &Ground<'_>) -> Tried {
    let spec = ground.spec();
    let mut findings = Vec::new();
    let mut trials = 0;
    for (case, played) in ground.played.iter().filter(|(_, played)| played.findings.is_empty()) {
        let transcript = played.transcript();
        for (&step, asked) in
            played.asked.iter().filter(|(step, asked)| is_bound(spec, asked.op) && answered(played, **step))
        {
            let Some(key) = &asked.values.key else { continue };
            let mut sent = transcript.iter().filter(|shown| shown.step == step && shown.method != "GET").peekable();
            if sent.peek().is_none() {
                continue;
            }
            trials += 1;
            let carried = match spec.idempotency {
                Idempotency::Header(name) => sent.any(|shown| {
                    shown.headers.iter().any(|(header, value)| header == name && value.contains(key.as_str()))
                }),
                // A body field may hold a digest of the key; the tape states it.
                Idempotency::Body(name) | Idempotency::Unique(name) => sent.any(|shown| shown.body.contains(name)),
                // What the id in the path is made of, the tape states.
                Idempotency::Path(_) => sent.any(|shown| shown.method == "PUT"),
                Idempotency::None => true,
            };
            if !carried {
                let what = finding(
                    &case.id,
                    format!("the key of {} in {:?}", asked.op, spec.idempotency),
                    "no such carrier sent",
                );
                findings.push(Finding { step, ..what });
            }
        }
    }
    Tried::new(trials, findings)
}

/// Whether the operation must carry the key. A capture that can be made once only is not repeated by mistake; where the key
/// stands in a field of the payment, such a capture has no place for it.
fn is_bound(spec: &Spec, op: Op) -> bool {
    let in_header = matches!(spec.idempotency, Idempotency::Header(_));
    MOVES_MONEY.contains(&op) && (op != Op::Capture || in_header || spec.capture.multiple)
}

/// Whether the step got an answer: one that failed may not have come to the request that moves money.
fn answered(played: &Played, step: u32) -> bool {
    let index = usize::try_from(step).ok().and_then(|step| step.checked_sub(1));
    index.and_then(|index| played.ended.get(index)).is_some_and(|ended| ended.result.is_ok())
}

/// Needs that only the profile stands in the way of, and that no other check proves: each is unavailable for a reason, and no other is.
pub(super) fn unavailable(plan: &Plan, subject: &Subject) -> Vec<Finding> {
    let profile = &subject.profile;
    let missing = lacking(plan.scenarios.iter().map(|(scenario, _)| &**scenario), subject.entry.spec, profile);
    let listed = |need: &str| profile.model.unavailable.contains_key(need);
    let unlisted = missing.iter().filter(|need| !listed(need)).map(|need| {
        finding(format!("need {need}"), "what it asks in the profile, or a reason in `[unavailable]`", "neither")
    });
    let idle = profile.model.unavailable.keys().filter(|need| !missing.contains(need.as_str())).map(|need| {
        finding(
            format!("unavailable.{need}"),
            "a need that the spec implies and the profile lacks",
            "none: take it out",
        )
    });
    unlisted.chain(idle).collect()
}

/// The needs of scenarios that only the profile stands in the way of, and that no other check proves.
pub(crate) fn lacking<'s>(
    scenarios: impl Iterator<Item = &'s Scenario>,
    spec: &Spec,
    profile: &Profile,
) -> BTreeSet<&'s str> {
    let mut missing = BTreeSet::new();
    for scenario in scenarios {
        let unmet: Vec<&str> =
            scenario.needs.iter().filter(|need| !is_met(need, spec, profile)).map(String::as_str).collect();
        if unmet.iter().all(|need| is_of_profile(need, spec)) {
            missing.extend(unmet);
        }
    }
    missing
}

/// Whether a need is met or not by the profile's word alone.
fn is_of_profile(need: &str, spec: &Spec) -> bool {
    let implied = |event: &str| match event {
        "payment" | "payment_declined" => spec.has(Op::Authorize),
        "refund" | "refund_failed" => spec.has(Op::Refund),
        "payout" => spec.has(Op::PayOut),
        "mandate" => spec.has(Op::SetUp),
        _ => true,
    };
    match need.split_once(':') {
        Some(("card", _)) => true,
        Some(("event", event)) => implied(event),
        Some(("answers", word)) => matches!(word, "declined" | "refund_failed"),
        _ => need == "redirect",
    }
}
