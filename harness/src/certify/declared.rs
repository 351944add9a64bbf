//! What is declared must be shown: the carrier of the idempotency key, and a reason for all that a profile lacks.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Method, Request as HttpRequest};
use quittance::{Idempotency, LookupKind, Op, Spec};
use serde_json::Value;

use super::Plan;
use super::again::{Scene, as_it_was};
use super::ground::{Ground, Tried, finding};
use super::ledger::carriers;
use crate::invoke::Request;
use crate::profile::Profile;
use crate::run::case::{Asked, Finding, Played};
use crate::run::plan::unmet;
use crate::scenario::Scenario;
use crate::world::Subject;

/// Operations that move money or hold it: a repetition by mistake costs somebody.
const MOVES_MONEY: [Op; 4] = [Op::Authorize, Op::Capture, Op::Refund, Op::PayOut];

/// The caller's key travels in the declared carrier with every operation that moves money, and with every other that the client would
/// repeat under it: a header, a member of the body, or the path of a PUT. What a member or path is made of the tape states; with another
/// key, another value must stand there. An operation that is declared to have none does not carry it as the others do.
pub(super) fn idempotency(ground: &Ground<'_>) -> Tried {
    let spec = ground.spec();
    let mut findings = exceptions(spec);
    findings.extend(idle_reservations(spec));
    let excused = |need: &&str| ground.subject.profile.model.unavailable.contains_key(*need);
    findings.extend(unfound(spec).into_iter().filter(|need| !excused(need)).map(|need| {
        let expected =
            format!("`{need}`, since a repetition is refused, or a reason in `[unavailable]` of the profile");
        finding("the first of two under one key", expected, "no way to find it")
    }));
    let mut trials = 1 + spec.idempotency_exceptions.len();
    // Where one form of an operation has no key, the declaration that it has none is right for all.
    let (mut bare, mut owned) = (BTreeSet::new(), Vec::new());
    for (case, played) in ground.played.iter().filter(|(_, played)| played.findings.is_empty()) {
        for (&step, asked) in played.asked.iter().filter(|(step, _)| answered(played, **step)) {
            let means = spec.idempotency_of(asked.op);
            let disowned = means == Idempotency::None && spec.idempotency != Idempotency::None;
            if asked.values.key.is_none() || !(disowned || is_bound(spec, asked.op)) {
                continue;
            }
            let scene = Scene::of(ground, case, played, step);
            let Ok(request) = Request::read(asked.op, &asked.input) else { continue };
            let sent = changing(&scene, &request);
            if sent.is_empty() {
                continue;
            }
            trials += 1;
            let carrier = if disowned { spec.idempotency } else { means };
            // A method that can be repeated by its nature (RFC 9110, section 9.2.2) needs no key where no money moves.
            let tame = !MOVES_MONEY.contains(&asked.op) && sent.iter().all(|request| request.method().is_idempotent());
            let told = |expected: String, found: String| Finding { step, ..finding(&case.id, expected, found) };
            match (is_carried(&scene, asked, carrier, &sent), disowned) {
                (true, true) => {
                    let expected = format!("no key with {}, as declared", asked.op);
                    owned.push((asked.op.as_str(), told(expected, format!("one in {carrier:?}"))));
                }
                (false, true) => drop(bare.insert(asked.op.as_str())),
                (false, false) if !tame => {
                    let expected = format!("the key of {} in {means:?}", asked.op);
                    findings.push(told(expected, "no such carrier sent".to_owned()));
                }
                _ => {}
            }
        }
    }
    findings.extend(owned.into_iter().filter(|(op, _)| !bare.contains(op)).map(|(_, found)| found));
    Tried::new(trials, findings)
}

/// The look-ups that are not declared although repetitions are refused (IDEMPOTENCY-3, IDEMPOTENCY-7): nothing else tells what the first became.
pub(crate) fn unfound(spec: &Spec) -> Vec<&'static str> {
    let by_reference = spec.has(Op::Retrieve) && spec.lookups.contains(&LookupKind::Reference);
    let in_path = |op: Op| matches!(spec.idempotency_of(op), Idempotency::Path(_));
    let needs = [
        (Op::Authorize, spec.idempotency_of(Op::Authorize).refuses() && !by_reference, "lookup:reference"),
        (Op::Refund, in_path(Op::Refund) && !spec.has(Op::RetrieveRefund), "retrieve_refund"),
        (Op::PayOut, in_path(Op::PayOut) && !spec.has(Op::RetrievePayout), "retrieve_payout"),
    ];
    let lacking = needs.into_iter().filter(|(op, lacks, _)| spec.has(*op) && *lacks);
    lacking.map(|(.., need)| need).collect()
}

/// What is wrong with the exceptions as they are declared.
fn exceptions(spec: &Spec) -> Vec<Finding> {
    let exceptions = spec.idempotency_exceptions.iter();
    let idle = exceptions.filter(|(op, means)| !spec.has(*op) || *means == spec.idempotency);
    idle.map(|(op, means)| {
        finding(
            format!("idempotency of {op}"),
            "a declared operation, and another means than the others have",
            format!("{means:?}"),
        )
    })
    .collect()
}

/// What is wrong with the word that the key of reservations does not replay: it says nothing where none are made, or no key replays.
fn idle_reservations(spec: &Spec) -> Option<Finding> {
    let differs = spec.has(Op::Authorize) && spec.capture.manual && spec.idempotency_of(Op::Authorize).replays();
    let found = || format!("{:?}", spec.idempotency_of(Op::Authorize));
    let idle = !spec.replays_reservations && !differs;
    idle.then(|| finding("idempotency of reservations", "manual captures, and a key that replays purchases", found()))
}

/// Whether the requests of a step carry the key of its own there.
fn is_carried(scene: &Scene<'_>, asked: &Asked, carrier: Idempotency, sent: &[HttpRequest<Bytes>]) -> bool {
    let carried = |sent: &[HttpRequest<Bytes>]| -> Vec<String> {
        sent.iter().flat_map(|request| carriers(carrier, request)).collect()
    };
    let values = carried(sent);
    match (carrier, &asked.values.key) {
        (Idempotency::None, _) => true,
        (Idempotency::Header(_), Some(key)) => values.iter().any(|value| value.contains(key.as_str())),
        _ => {
            let other = Request::from_json(asked.op, with_other_key(carrier, &asked.input));
            let others = other.map(|other| carried(&changing(scene, &other)));
            others.is_ok_and(|others| values.iter().any(|value| !others.contains(value)))
        }
    }
}

/// The requests of a call that may change something: not those that only read or fetch an access token.
fn changing(scene: &Scene<'_>, request: &Request) -> Vec<HttpRequest<Bytes>> {
    let is_token = |record: Option<usize>| {
        let exchange = record.and_then(|record| scene.records.get(record)?.exchange);
        exchange.is_some_and(|exchange| scene.case.tape.fetches_token(exchange))
    };
    let sent = scene.ask(request, &as_it_was).sent.into_iter();
    sent.filter(|(record, sent)| sent.method() != Method::GET && !is_token(*record)).map(|(_, sent)| sent).collect()
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
    let means = spec.idempotency_of(op);
    let in_header = matches!(means, Idempotency::Header(_));
    match op {
        Op::Capture => in_header || spec.capture.multiple,
        _ => MOVES_MONEY.contains(&op) || means.replays() && !op.reads(),
    }
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
    let unfound = unfound(subject.entry.spec);
    let is_idle = |need: &&String| !missing.contains(need.as_str()) && !unfound.contains(&need.as_str());
    let idle = profile.model.unavailable.keys().filter(is_idle).map(|need| {
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
        let unmet: Vec<&str> = unmet(scenario, spec, profile).collect();
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
