//! What is declared must be shown: the carrier of the idempotency key, and a reason for all that a profile lacks.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Method, Request as HttpRequest};
use quittance::{Idempotency, Op, Spec};
use serde_json::Value;

use super::Plan;
use super::again::{Scene, as_it_was};
use super::ground::{Ground, Tried, finding};
use super::ledger::carriers;
use crate::invoke::Request;
use crate::profile::Profile;
use crate::run::case::{Finding, Played};
use crate::run::plan::is_met;
use crate::scenario::Scenario;
use crate::world::Subject;

/// Operations that move money or hold it: a repetition by mistake costs somebody.
const MOVES_MONEY: [Op; 4] = [Op::Authorize, Op::Capture, Op::Refund, Op::PayOut];

/// The caller's key travels in the declared carrier with every operation that moves money: a header, a member of the body, or the path of
/// a PUT. What a member or path is made of the tape states; with another key, another value must stand there.
pub(super) fn idempotency(ground: &Ground<'_>) -> Tried {
    let spec = ground.spec();
    let mut findings = Vec::new();
    let mut trials = 0;
    for (case, played) in ground.played.iter().filter(|(_, played)| played.findings.is_empty()) {
        for (&step, asked) in
            played.asked.iter().filter(|(step, asked)| is_bound(spec, asked.op) && answered(played, **step))
        {
            let Some(key) = &asked.values.key else { continue };
            let scene = Scene::of(ground, case, played, step);
            let Ok(request) = Request::read(asked.op, &asked.input) else { continue };
            let sent = scene.ask(&request, &as_it_was).sent;
            if !sent.iter().any(|(_, request)| request.method() != Method::GET) {
                continue;
            }
            trials += 1;
            let values = carried(spec.idempotency, &sent);
            let is_carried = match spec.idempotency {
                Idempotency::None => true,
                Idempotency::Header(_) => values.iter().any(|value| value.contains(key.as_str())),
                // What is done with a payment names it there; that it is unique keeps a second payment from being made.
                Idempotency::Unique(_) if !matches!(asked.op, Op::Authorize | Op::PayOut) => !values.is_empty(),
                Idempotency::Body(_) | Idempotency::Unique(_) | Idempotency::Path(_) => {
                    let other = Request::from_json(asked.op, with_other_key(spec.idempotency, &asked.input));
                    let others = other.map(|other| carried(spec.idempotency, &scene.ask(&other, &as_it_was).sent));
                    others.is_ok_and(|others| values.iter().any(|value| !others.contains(value)))
                }
            };
            if !is_carried {
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

/// What stands in the declared carrier of each request that may change something.
fn carried(carrier: Idempotency, sent: &[(Option<usize>, HttpRequest<Bytes>)]) -> Vec<String> {
    let changing = sent.iter().map(|(_, request)| request).filter(|request| request.method() != Method::GET);
    changing.flat_map(|request| carriers(carrier, request)).collect()
}

/// The same under another key; a unique id may be made of the reference instead.
fn with_other_key(carrier: Idempotency, input: &Value) -> Value {
    let mut other = input.clone();
    let names: &[&str] = if matches!(carrier, Idempotency::Body(_)) { &["key"] } else { &["key", "reference"] };
    for name in names {
        if let Some(Value::String(text)) = other.get_mut(*name) {
            *text = text.chars().map(|letter| if letter == 'a' { 'b' } else { 'a' }).collect();
        }
    }
    other
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
