//! Faults at every exchange of every successful case, and answers that no parser may swallow.

use quittance::{Effect, Error, Kind, Op, State};

use super::checks;
use super::ground::{Ground, Place, Tried, finding};
use crate::run::case::{Case, Finding, Played};
use crate::run::judge::Ended;
use crate::run::stage::{Fault, Spoiling};
use crate::scenario::Class;
use crate::tape::Exchange;
use crate::view::Outcome;

const HTML: &str = "<html><body><h1>Error</h1></body></html>";

/// A fault with the kind that must come of it and, where the cause alone decides it, the effect.
struct Trial {
    name: &'static str,
    fault: Fault,
    kinds: &'static [Kind],
    effect: Option<Effect>,
}

const fn trial(name: &'static str, fault: Fault, kinds: &'static [Kind], effect: Option<Effect>) -> Trial {
    Trial { name, fault, kinds, effect }
}

const UNKNOWN: Option<Effect> = Some(Effect::Unknown);
/// None, unless an earlier exchange of the operation may have acted.
const NONE_IF_FIRST: Option<Effect> = Some(Effect::None);

const FAULTS: &[Trial] = &[
    trial("refused", Fault::Refused, &[Kind::Network], NONE_IF_FIRST),
    trial("reset", Fault::Reset, &[Kind::Network], UNKNOWN),
    trial("cut", Fault::Cut, &[Kind::Network], UNKNOWN),
    trial("timeout", Fault::TimedOut, &[Kind::Network], UNKNOWN),
    trial("400 html", Fault::Answer(400, "text/html", HTML), &[Kind::Invalid], NONE_IF_FIRST),
    trial("401 empty", Fault::Answer(401, "", ""), &[Kind::Credentials], NONE_IF_FIRST),
    trial("403 html", Fault::Answer(403, "text/html", HTML), &[Kind::Credentials], NONE_IF_FIRST),
    trial("404 html", Fault::Answer(404, "text/html", HTML), &[Kind::NotFound], NONE_IF_FIRST),
    trial("409 empty", Fault::Answer(409, "", ""), &[Kind::Conflict], NONE_IF_FIRST),
    trial("422 html", Fault::Answer(422, "text/html", HTML), &[Kind::Invalid], NONE_IF_FIRST),
    trial("429 text", Fault::RATE_LIMITED, &[Kind::RateLimited], NONE_IF_FIRST),
    trial("500 html", Fault::Answer(500, "text/html", HTML), &[Kind::Unavailable], UNKNOWN),
    trial("500 empty", Fault::Answer(500, "", ""), &[Kind::Unavailable], UNKNOWN),
    trial("502 html", Fault::Answer(502, "text/html", HTML), &[Kind::Unavailable], UNKNOWN),
    trial("503 html", Fault::OUTAGE, &[Kind::Unavailable], UNKNOWN),
    trial("504 html", Fault::Answer(504, "text/html", HTML), &[Kind::Unavailable], UNKNOWN),
    trial("302 empty", Fault::Answer(302, "", ""), &[Kind::Protocol], UNKNOWN),
    trial("200 html", Fault::HTML_200, &[Kind::Protocol], UNKNOWN),
];

const HOSTILE: &[Trial] = &[
    trial("doubled members", Fault::Spoilt(Spoiling::Doubled), &[Kind::Protocol], UNKNOWN),
    trial("5,000 levels deep", Fault::Spoilt(Spoiling::Deep), &[Kind::Protocol], UNKNOWN),
    trial("not UTF-8", Fault::Spoilt(Spoiling::NotUtf8), &[Kind::Protocol], UNKNOWN),
    trial("over the size limit", Fault::Spoilt(Spoiling::TooLong), &[Kind::Protocol], UNKNOWN),
    trial("half a body", Fault::Spoilt(Spoiling::Half), &[Kind::Protocol], UNKNOWN),
];

/// A fault at every exchange of every successful case.
pub(super) fn faults(ground: &Ground<'_>) -> Tried {
    strike_everywhere(ground, FAULTS)
}

/// The tape's own answer, spoilt so that no parser may swallow it, at the same places.
pub(super) fn hostile(ground: &Ground<'_>) -> Tried {
    strike_everywhere(ground, HOSTILE)
}

fn strike_everywhere(ground: &Ground<'_>, list: &[Trial]) -> Tried {
    let mut findings = Vec::new();
    let mut trials = 0;
    for (case, _) in ground.sound().filter(|(case, _)| case.scenario.class == Class::Success) {
        for place in Place::all(case) {
            let has_body = case.tape.exchanges.get(place.index).is_some_and(Exchange::answers_structured);
            for trial in list.iter().filter(|trial| has_body || !matches!(trial.fault, Fault::Spoilt(_))) {
                trials += 1;
                findings.extend(strike(ground, case, place, trial));
            }
        }
    }
    Tried::new(trials, findings)
}

fn strike(ground: &Ground<'_>, case: &Case, place: Place, trial: &Trial) -> Option<Finding> {
    let lasting = !matches!(trial.fault, Fault::Spoilt(_));
    let struck = ground.strike(case, place.strike(trial.fault.clone(), lasting));
    let what = format!("{} with {} at exchange {}", case.id, trial.name, place.exchange + 1);
    let found =
        |expected: String, found: String| Some(Finding { step: place.step, ..finding(what.clone(), expected, found) });
    let Some(ended) = &struck.ended else {
        let why =
            struck.played.findings.first().map_or("an earlier step does not pass".to_owned(), ToString::to_string);
        return found("the step to be reached".to_owned(), why);
    };
    if let Some(name) = checks::leaked(&ground.secrets, &ended.result).first() {
        return found(format!("no trace of {name}"), "its value, in the result".to_owned());
    }
    match &ended.result {
        Ok(outcome) if is_open(outcome) => None,
        Ok(outcome) if may_be_unread(trial) && is_unchanged(ground, case, place.step, outcome) => None,
        Ok(outcome) => found("an error, or no final state".to_owned(), format!("{} (final)", outcome.state())),
        Err(error) => {
            let named = named_before(ground, case, &struck.played, place);
            let (expected, instead) = unfit(error, ended.op, trial, place, named.as_deref())?;
            found(expected, instead)
        }
    }
}

/// What is wrong with an error as the outcome of a trial: what was expected, and what was found.
fn unfit(error: &Error, op: Option<Op>, trial: &Trial, place: Place, named: Option<&str>) -> Option<(String, String)> {
    // A public key that cannot be fetched leaves a delivery unproven.
    let unproven = error.kind() == Kind::Signature && op == Some(Op::Webhook);
    if !trial.kinds.contains(&error.kind()) && !unproven {
        return Some((format!("{:?}", trial.kinds), format!("{:?}: {error}", error.kind())));
    }
    if let Some(id) = named {
        if error.effect() != Effect::Unknown {
            let expected = "effect Unknown, as an earlier exchange acted".to_owned();
            return Some((expected, format!("{:?}", error.effect())));
        }
        let lost = error.handle().is_none_or(|handle| handle.id() != id);
        return lost.then(|| (format!("the handle {id} kept"), format!("{:?}", error.handle())));
    }
    let later = unproven || place.exchange > 0 && trial.effect == NONE_IF_FIRST;
    if trial.effect.is_some_and(|effect| effect != error.effect()) && !later {
        return Some((format!("effect {:?}", trial.effect), format!("{:?}: {error}", error.effect())));
    }
    let waits = trial.fault == Fault::RATE_LIMITED && error.retry_after().is_none();
    waits.then(|| ("the wait that the answer asks for".to_owned(), "none".to_owned()))
}

/// Doubled members are let through where nothing reads them: then the answer is the same as without.
fn may_be_unread(trial: &Trial) -> bool {
    trial.fault == Fault::Spoilt(Spoiling::Doubled)
}

fn is_unchanged(ground: &Ground<'_>, case: &Case, step: u32, outcome: &Outcome) -> bool {
    let direct = ground.ended(case, step).and_then(Ended::direct);
    direct.is_some_and(|direct| direct.to_json() == outcome.to_json())
}

/// The id that an earlier exchange of the step created, other than by GET: a later failure must keep it.
fn named_before(ground: &Ground<'_>, case: &Case, played: &Played, place: Place) -> Option<String> {
    if place.exchange == 0 {
        return None;
    }
    let whole = ground.ended(case, place.step)?;
    if whole.op.is_some_and(Op::reads) {
        return None;
    }
    let id = whole.direct().and_then(Outcome::id)?;
    for shown in played.transcript().iter().filter(|shown| shown.step == place.step).take(place.exchange) {
        if shown.url.contains(&id) || shown.body.contains(&id) {
            return None;
        }
        if shown.method != "GET" && shown.answer_body.contains(&id) {
            return Some(id);
        }
    }
    None
}

/// Whether an outcome claims nothing final.
pub(super) fn is_open(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Payment(payment) => matches!(payment.state, State::Pending | State::Unrecognised(_)),
        other => matches!(other.state(), "pending" | "unrecognised"),
    }
}
