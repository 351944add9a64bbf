//! Faults at every exchange of every successful case, and answers that no parser may swallow.

use quittance::{Effect, Error, Kind, Op, State};

use super::checks;
use super::ground::{Ground, Place, Tried, finding};
use super::trials::{ANSWERS, FAULTS, NONE_IF_FIRST, SPOILT, Trial};
use crate::run::case::{Case, Finding, Rehearsal, Rehearsed};
use crate::run::judge::Ended;
use crate::run::stage::Fault;
use crate::scenario::Class;
use crate::tape::{Exchange, Record};
use crate::view::Outcome;

/// A fault at every exchange of every successful case.
pub(super) fn faults(ground: &Ground<'_>) -> Tried {
    strike_everywhere(ground, FAULTS)
}

/// The tape's own answer, spoilt so that no parser may swallow it, at the same places.
pub(super) fn hostile(ground: &Ground<'_>) -> Tried {
    strike_everywhere(ground, SPOILT)
}

/// Whole answers that say nothing, at the same places.
pub(super) fn hostile_answers(ground: &Ground<'_>) -> Tried {
    strike_everywhere(ground, ANSWERS)
}

/// Equal exchanges of an operation with equal ends are struck once.
fn strike_everywhere(ground: &Ground<'_>, list: &[Trial]) -> Tried {
    let mut tried = Tried::default();
    let cases = ground.sound().map(|(case, _)| case).filter(|case| case.scenario.class == Class::Success);
    let mut stage: Option<(&Case, u32, Rehearsal<'_>)> = None;
    for (case, place) in ground.distinct(cases) {
        if !stage.as_ref().is_some_and(|(of, step, _)| std::ptr::eq(*of, case) && *step == place.step) {
            stage = match ground.rehearse(case, place.step) {
                Ok(rehearsal) => Some((case, place.step, rehearsal)),
                Err(why) => {
                    tried.findings.push(finding(&case.id, format!("step {} to be reached", place.step), why));
                    None
                }
            };
        }
        let (Some((.., rehearsal)), Some(exchange)) = (&stage, case.tape.exchanges.get(place.index)) else { continue };
        for trial in list.iter().filter(|trial| trial.fits(exchange)) {
            tried.trials += 1;
            let rehearsed = rehearsal.play(Some(place.strike(trial.fault.clone(), !trial.spoils())));
            let struck = Struck { ground, case, place, trial, exchange };
            *tried.figures.entry(struck.figure(&rehearsed)).or_default() += 1;
            tried.findings.extend(struck.judge(&rehearsed));
        }
    }
    tried
}

/// One trial at one place.
struct Struck<'g> {
    ground: &'g Ground<'g>,
    case: &'g Case,
    place: Place,
    trial: &'g Trial,
    exchange: &'g Exchange,
}

impl Struck<'_> {
    /// The trial's name for counting: answer, operation, outcome, effect.
    fn figure(&self, rehearsed: &Rehearsed) -> String {
        let op = self.op().map_or("none", Op::as_str);
        let ended = match &rehearsed.result {
            None => "panic".to_owned(),
            Some(Err(error)) => format!("{}/{}", error.kind().as_str(), error.effect().as_str()),
            Some(Ok(_)) if self.is_own_form() => "own form".to_owned(),
            Some(Ok(outcome)) if self.is_let_pass(outcome) => "as without".to_owned(),
            Some(Ok(outcome)) if is_open(outcome) => outcome.state().to_owned(),
            Some(Ok(outcome)) => format!("final {}", outcome.state()),
        };
        format!("{}/{op}/{ended}", self.trial.name)
    }

    fn op(&self) -> Option<Op> {
        self.ground.ended(self.case, self.place.step)?.op
    }

    /// Whether the provider's real answer has the form of this one, as an empty 204 of a deletion has.
    fn is_own_form(&self) -> bool {
        matches!(self.trial.fault, Fault::Answer(status, _, body) if self.exchange.answers_exactly(status, body))
    }

    fn is_let_pass(&self, outcome: &Outcome) -> bool {
        let direct = self.ground.ended(self.case, self.place.step).and_then(Ended::direct);
        self.trial.may_be_unread() && direct.is_some_and(|direct| direct.to_json() == outcome.to_json())
    }

    fn judge(&self, rehearsed: &Rehearsed) -> Option<Finding> {
        let what = format!("{} with {} at exchange {}", self.case.id, self.trial.name, self.place.exchange + 1);
        let found = |(expected, found): (String, String)| Finding {
            step: self.place.step,
            ..finding(what.clone(), expected, found)
        };
        let Some(result) = &rehearsed.result else {
            return Some(found(("a result".to_owned(), "a panic".to_owned())));
        };
        if let Some(name) = checks::leaked(&self.ground.secrets, result).first() {
            return Some(found((format!("no trace of {name}"), "its value, in the result".to_owned())));
        }
        match result {
            Ok(outcome) if is_open(outcome) || self.is_own_form() || self.is_let_pass(outcome) => None,
            Ok(outcome) => {
                let expected = "an error, or no final state".to_owned();
                Some(found((expected, format!("{} (final)", outcome.state()))))
            }
            Err(error) => self.unfit(error, named_before(self, &rehearsed.records).as_deref()).map(found),
        }
    }

    /// What is wrong with an error as the outcome: what was expected, and what was found.
    fn unfit(&self, error: &Error, named: Option<&str>) -> Option<(String, String)> {
        let trial = self.trial;
        // A public key that cannot be fetched leaves a delivery unproven.
        let unproven = error.kind() == Kind::Signature && self.op() == Some(Op::Webhook);
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
        let later = unproven || self.place.exchange > 0 && trial.effect == NONE_IF_FIRST;
        if trial.effect.is_some_and(|effect| effect != error.effect()) && !later {
            return Some((format!("effect {:?}", trial.effect), format!("{:?}: {error}", error.effect())));
        }
        let waits = trial.tells_to_wait() && !unproven && error.retry_after().is_none();
        waits.then(|| ("the wait that the answer asks for".to_owned(), "none".to_owned()))
    }
}

/// The id that an earlier exchange of the step created, other than by GET: a later failure must keep it.
fn named_before(struck: &Struck<'_>, records: &[Record]) -> Option<String> {
    if struck.place.exchange == 0 {
        return None;
    }
    let whole = struck.ground.ended(struck.case, struck.place.step)?;
    if whole.op.is_some_and(Op::reads) {
        return None;
    }
    let id = whole.direct().and_then(Outcome::id)?;
    let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(&id);
    for record in records.iter().take(struck.place.exchange) {
        if record.request.uri().to_string().contains(&id) || holds(record.request.body()) {
            return None;
        }
        let answered = record.answer.as_ref().is_some_and(|answer| holds(answer.body()));
        if answered && record.request.method() != http::Method::GET {
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
