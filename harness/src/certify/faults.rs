//! Faults at every exchange of every successful case, and answers that no parser may swallow.

use quittance::{Effect, Kind, Op, State};

use super::checks::{self, finding, line};
use super::report::Line;
use super::{Plan, play};
use crate::run::case::{Case, Finding, Played};
use crate::run::stage::{Fault, Spoiling, Strike};
use crate::scenario::{Class, Expectation};
use crate::view::Outcome;
use crate::world::Subject;

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

/// Both checks of one connector.
pub fn all(plan: &Plan, subject: &Subject, seed: u64) -> Vec<Line> {
    let id = subject.entry.spec.id;
    let (trials, findings) = strike_everywhere(plan, subject, seed, FAULTS);
    let faults = line(id, "faults", &["STATE-4", "ERROR-7", "ERROR-11", "ERROR-12", "ERROR-13"], trials, findings);
    let (trials, findings) = strike_everywhere(plan, subject, seed, HOSTILE);
    vec![faults, line(id, "hostile", &["CONTEXT-2", "CONTEXT-3"], trials, findings)]
}

fn strike_everywhere(plan: &Plan, subject: &Subject, seed: u64, list: &[Trial]) -> (usize, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut trials = 0;
    let secrets = checks::secrets_of(subject);
    let exempt = |id: &str| subject.profile.model.exemption.iter().any(|exemption| exemption.scenario == id);
    let successes = plan
        .cases()
        .filter(|case| case.scenario.class == Class::Success && case.strike.is_none() && !exempt(&case.scenario.id));
    for case in successes {
        for (step, exchange, has_body) in exchanges(case) {
            for trial in list {
                if matches!(trial.fault, Fault::Spoilt(_)) && !has_body {
                    continue;
                }
                trials += 1;
                findings.extend(strike((subject, seed, &secrets), case, step, exchange, trial));
            }
        }
    }
    (trials, findings)
}

/// The exchanges of a case that belong to an operation: step, index within the step, whether the answer is a JSON or XML text.
fn exchanges(case: &Case) -> Vec<(u32, usize, bool)> {
    let mut all = Vec::new();
    let mut index = 0;
    let mut step = 0;
    for exchange in case.tape.exchanges.iter().filter(|exchange| !exchange.settle) {
        index = if exchange.step == step { index + 1 } else { 0 };
        step = exchange.step;
        all.push((step, index, exchange.answers_structured()));
    }
    all
}

/// What a trial is made with: the connector, the seed, and the secrets that nothing may show.
type Trials<'a> = (&'a Subject, u64, &'a [(String, String)]);

fn strike(
    (subject, seed, secrets): Trials<'_>,
    case: &Case,
    step: u32,
    exchange: usize,
    trial: &Trial,
) -> Option<Finding> {
    let mut struck = case.clone();
    let lasting = !matches!(trial.fault, Fault::Spoilt(_));
    struck.strike = Some(Strike { step, exchange, fault: trial.fault, lasting });
    let at = usize::try_from(step).ok()?;
    struck.steps.truncate(at);
    if let Some(last) = struck.steps.last_mut() {
        last.1 = Expectation::default();
    }
    let played = play(subject, &struck, None, seed);
    let place = format!("{} with {} at exchange {}", case.id, trial.name, exchange + 1);
    let found = |expected: String, found: String| Some(Finding { step, ..finding(place.clone(), expected, found) });
    let Some(ended) = at.checked_sub(1).and_then(|index| played.ended.get(index)) else {
        let why = played.findings.first().map_or("an earlier step does not pass".to_owned(), ToString::to_string);
        return found("the step to be reached".to_owned(), why);
    };
    if let Some(name) = checks::leaked(secrets, &ended.result).first() {
        return found(format!("no trace of {name}"), "its value, in the result".to_owned());
    }
    let named = named_before(case, &played, step, exchange, subject, seed);
    match &ended.result {
        Ok(outcome) if is_open(outcome) => None,
        Ok(outcome) if may_be_unread(trial) && is_unchanged(subject, seed, case, at, outcome) => None,
        Ok(outcome) => found("an error, or no final state".to_owned(), format!("{} (final)", outcome.state())),
        Err(error) => {
            // A public key that cannot be fetched leaves a delivery unproven.
            let unproven = error.kind() == Kind::Signature && matches!(ended.op, Some(Op::Webhook));
            if !trial.kinds.contains(&error.kind()) && !unproven {
                return found(format!("{:?}", trial.kinds), format!("{:?}: {error}", error.kind()));
            }
            if let Some(id) = &named {
                if error.effect() != Effect::Unknown {
                    return found(
                        "effect Unknown, as an earlier exchange acted".to_owned(),
                        format!("{:?}", error.effect()),
                    );
                }
                if error.handle().is_none_or(|handle| handle.id() != id) {
                    return found(format!("the handle {id} kept"), format!("{:?}", error.handle()));
                }
                return None;
            }
            let later = unproven || exchange > 0 && trial.effect == NONE_IF_FIRST;
            if trial.effect.is_some_and(|effect| effect != error.effect()) && !later {
                return found(format!("effect {:?}", trial.effect), format!("{:?}: {error}", error.effect()));
            }
            let waits = trial.fault == Fault::RATE_LIMITED && error.retry_after().is_none();
            if waits { found("the wait that the answer asks for".to_owned(), "none".to_owned()) } else { None }
        }
    }
}

/// Doubled members are let through where nothing reads them: then the answer is the same as without.
fn may_be_unread(trial: &Trial) -> bool {
    trial.fault == Fault::Spoilt(Spoiling::Doubled)
}

fn is_unchanged(subject: &Subject, seed: u64, case: &Case, at: usize, outcome: &Outcome) -> bool {
    let whole = play(subject, case, None, seed);
    let ended = at.checked_sub(1).and_then(|index| whole.ended.get(index));
    let direct = ended.and_then(|ended| ended.first.as_ref().or(ended.result.as_ref().ok()));
    direct.is_some_and(|direct| direct.to_json() == outcome.to_json())
}

/// The id that an earlier exchange of the step created, other than by GET: a later failure must keep it.
fn named_before(
    case: &Case,
    played: &Played,
    step: u32,
    exchange: usize,
    subject: &Subject,
    seed: u64,
) -> Option<String> {
    if exchange == 0 {
        return None;
    }
    let whole = play(subject, case, None, seed);
    let outcome = whole.ended.get(usize::try_from(step).ok()?.checked_sub(1)?)?;
    if outcome.op.is_some_and(quittance::Op::reads) {
        return None;
    }
    let id = outcome.first.as_ref().or(outcome.result.as_ref().ok()).and_then(Outcome::id)?;
    for shown in played.transcript().iter().filter(|shown| shown.step == step).take(exchange) {
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
fn is_open(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Payment(payment) => matches!(payment.state, State::Pending | State::Unrecognised(_)),
        other => matches!(other.state(), "pending" | "unrecognised"),
    }
}
