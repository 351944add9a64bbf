//! Crash points: the caller is cut off at every exchange of every operation that moves something, and recovers.
//!
//! Recovery is what the provider offers: the same call again where it answers a key with the first result, else a look-up. However the
//! caller comes back, the case must end as if nothing had happened, and the provider's books must show one booking an operation. Where
//! neither is offered, the result must stay unknown.

use std::sync::Arc;

use quittance::Op;

use super::ground::{Ground, Place, Tried, finding};
use super::ledger;
use crate::run::case::{Bench, Case, Finding, Played};
use crate::run::course::{Course, Cut, Point};
use crate::run::stage::Around;
use crate::scenario::StepOp;
use crate::view::Outcome;

/// Seconds that pass before a caller is back.
const PAUSE_SECONDS: i64 = 7;

/// A crash at every exchange of every operation that moves something, with each recovery that the provider offers.
pub(super) fn crash(ground: &Ground<'_>) -> Tried {
    let mut findings = Vec::new();
    let mut trials = 0;
    let mut figures = std::collections::BTreeMap::from([("again".to_owned(), 0), ("looked up".to_owned(), 0)]);
    for (case, alone) in ground.sound() {
        let acts = ledger::acts(ground.spec(), case, alone);
        trials += 1;
        let breaches = ledger::audit(ground.spec(), case, &acts, alone, alone);
        if !breaches.is_empty() {
            findings.extend(breaches.into_iter().map(|why| finding(&case.id, "agreement with the books", why)));
            continue;
        }
        for place in Place::all(case).into_iter().filter(|place| is_target(case, alone, *place)) {
            for point in points(&acts, case, place) {
                let trial = Trial { ground, case, alone, acts: Arc::clone(&acts), place, point };
                for (recovery, found) in [("again", trial.again()), ("looked up", trial.looked_up())] {
                    let Some(found) = found else { continue };
                    trials += 1;
                    *figures.entry(recovery.to_owned()).or_default() += 1;
                    findings.extend(found);
                }
            }
        }
    }
    Tried { trials, findings, figures, ..Tried::default() }
}

/// Whether the step calls an operation that does not only read, for the first time.
fn is_target(case: &Case, alone: &Played, place: Place) -> bool {
    let first = step_of(case, place.step).is_some_and(|step| step != StepOp::Replay);
    first && alone.asked.get(&place.step).is_some_and(|asked| !asked.op.reads() && asked.op != Op::UnwrapToken)
}

fn step_of(case: &Case, number: u32) -> Option<StepOp> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    case.steps.get(index).map(|(step, _)| step.op)
}

/// Where a call is cut off around one exchange. The end of the last answer is a point of its own; that of an earlier one is the same as
/// before the next request.
fn points(acts: &[bool], case: &Case, place: Place) -> Vec<Point> {
    let mut points = vec![Point::BeforeSend, Point::AfterSend, Point::MidBody];
    if acts.get(place.index) == Some(&true) {
        points.extend([Point::Reset, Point::Outage]);
    }
    if is_last(case, place) {
        points.push(Point::AfterBody);
    }
    points
}

fn is_last(case: &Case, place: Place) -> bool {
    let own = |(_, exchange): &(usize, &crate::tape::Exchange)| exchange.step == place.step && !exchange.settle;
    case.tape.exchanges.iter().enumerate().filter(own).all(|(index, _)| index <= place.index)
}

struct Trial<'t> {
    ground: &'t Ground<'t>,
    case: &'t Case,
    alone: &'t Played,
    acts: Arc<[bool]>,
    place: Place,
    point: Point,
}

impl Trial<'_> {
    fn finding(&self, expected: impl Into<String>, found: impl Into<String>) -> Finding {
        let what = format!("{} {} at exchange {}", self.case.id, self.point.as_str(), self.place.exchange + 1);
        Finding { step: self.place.step, ..finding(what, expected, found) }
    }

    /// Plays up to the crash; none when the call did not come to the place.
    fn struck<'c>(&'c self, around: &'c Around) -> Option<(Course<'c>, Cut)> {
        let bench = Bench::of(self.ground.subject, self.ground.seed);
        let mut course = Course::new(bench, self.case, around, Arc::clone(&self.acts));
        for _ in 1..self.place.step {
            course.step();
        }
        let cut = course.cut(self.place.exchange, self.point)?;
        around.clock.advance(PAUSE_SECONDS);
        Some((course, cut))
    }

    /// What is wrong with the struck call itself, before any recovery.
    fn misled(&self, course: &Course<'_>, cut: &Cut) -> Option<Finding> {
        if cut.further > 0 && course.has_acted() {
            let found = format!("{} more that are not GET", cut.further);
            return Some(self.finding("no further request in the same call: the provider may have acted", found));
        }
        let told = cut.told.as_ref().filter(|_| self.acts.get(self.place.index) == Some(&true))?;
        let found = match told {
            Ok(outcome) => format!("{} (an answer)", outcome.state()),
            Err(error) => format!("{:?}: {error}", error.effect()),
        };
        (!ledger::is_unclaimed(told)).then(|| self.finding("a result that stays unknown", found))
    }

    /// The same call again, and on to the end of the case. None where that is no recovery: the provider may have acted and knows no key.
    fn again(&self) -> Option<Vec<Finding>> {
        let around = Around::new(self.ground.seed.wrapping_add(1));
        let (mut course, cut) = self.struck(&around)?;
        if let Some(misled) = self.misled(&course, &cut) {
            return Some(vec![misled]);
        }
        let unanswered = cut.told.as_ref().is_none_or(Result::is_err);
        if !unanswered || course.has_acted() && !self.is_keyed() {
            return cut.told.is_some().then(Vec::new);
        }
        course.call_again();
        while !course.is_over() {
            course.step();
        }
        let played = course.finish(true);
        let mut findings: Vec<Finding> = ledger::audit(self.ground.spec(), self.case, &self.acts, self.alone, &played)
            .into_iter()
            .map(|why| self.finding("one booking, and agreement with the books", why))
            .collect();
        findings.extend(played.findings.first().map(|found| {
            self.finding("with the same call again, the case ends as without the crash", found.to_string())
        }));
        Some(findings)
    }

    /// Whether the requests of the step that move something carry a key that the provider answers with the first result.
    fn is_keyed(&self) -> bool {
        let Some(asked) = self.alone.asked.get(&self.place.step) else { return false };
        let records = self.alone.records();
        let mut acting = records.iter().filter(|record| {
            record.step == self.place.step && record.exchange.is_some_and(|index| self.acts.get(index) == Some(&true))
        });
        acting.all(|record| ledger::replays(self.ground.spec(), asked, &record.request))
    }

    /// The look-up of the next step, after the provider did all that the step asks. None where the next step is no look-up, or where no
    /// handle is known to look up.
    fn looked_up(&self) -> Option<Vec<Finding>> {
        let next = self.alone.asked.get(&(self.place.step + 1))?;
        let reads = matches!(next.op, Op::Retrieve | Op::RetrieveRefund | Op::RetrievePayout);
        if !reads || !is_last(self.case, self.place) || !self.point.is_received() {
            return None;
        }
        let around = Around::new(self.ground.seed.wrapping_add(1));
        let (mut course, cut) = self.struck(&around)?;
        let found = course.look_up(&cut)?;
        if let Some(misfit) = course.misfit() {
            return Some(vec![self.finding("the look-up as without the crash", misfit)]);
        }
        let alone = self.ground.ended(self.case, self.place.step + 1).map(|ended| &ended.result)?;
        let told = |result: &Result<Outcome, quittance::Error>| match result {
            Ok(outcome) => format!("{} of {}", outcome.state(), outcome.id().unwrap_or_default()),
            Err(error) => format!("{:?} with effect {:?}", error.kind(), error.effect()),
        };
        let (expected, found) = (told(alone), told(&found));
        Some(if expected == found { Vec::new() } else { vec![self.finding(expected, found)] })
    }
}
