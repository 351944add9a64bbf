//! What every derived check works on: one connector, its plan, and each case as it is played without a fault.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::OnceLock;

use quittance::{Op, Spec, digest};

use super::coverage::Published;
use super::report::{Line, Verdict};
use super::{Plan, bench, play};
use crate::run::case::{Case, Finding, Played, Rehearsal};
use crate::run::judge::Ended;
use crate::run::stage::{Fault, Strike};
use crate::scenario::Expectation;
use crate::world::Subject;

/// A check that holds for every connector and needs no scenario of its own.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its name; the case of its line is `check:<name>`.
    pub name: &'static str,
    /// The clauses of the contract that it enforces. The table in `specs/contract.md` says the same.
    pub clauses: &'static [&'static str],
    /// The check.
    pub run: fn(&Ground<'_>) -> Tried,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Check({})", self.name)
    }
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Tried {
    /// How many single trials it made.
    pub trials: usize,
    /// What does not hold.
    pub findings: Vec<Finding>,
    /// Counts for the reports, by name: grades, covered codes.
    pub figures: BTreeMap<String, usize>,
    /// What nothing shows as long as tapes are missing or to be filled in: neither right nor wrong yet.
    pub waiting: Vec<String>,
}

impl Tried {
    /// Trials and findings, without figures.
    pub fn new(trials: usize, findings: Vec<Finding>) -> Tried {
        Tried { trials, findings, ..Tried::default() }
    }

    /// Adds what nothing shows: a finding, or while the tapes of a plan are not all there and filled in something that waits for them.
    pub(super) fn lacks(&mut self, plan: &Plan, finding: Finding) {
        match plan.is_whole() {
            true => self.findings.push(finding),
            false => self.waiting.push(finding.what),
        }
    }

    /// The line of a check that found this.
    pub fn line(self, connector: &str, name: &str, clauses: &[&str]) -> Line {
        let verdict = match (self.findings.is_empty(), self.waiting.is_empty()) {
            (false, _) => Verdict::Fail,
            (true, false) => Verdict::NotRun,
            (true, true) => Verdict::Pass,
        };
        let because = (verdict == Verdict::NotRun).then(|| waits(&self.waiting));
        let repeat = (verdict == Verdict::Fail).then(|| format!("quittance certify {connector} --tier memory"));
        let clauses = clauses.iter().map(|clause| (*clause).to_owned()).collect();
        Line {
            verdict,
            trials: self.trials,
            figures: self.figures,
            findings: self.findings,
            repeat,
            because,
            ..Line::new(connector, &format!("check:{name}"), "memory", clauses)
        }
    }
}

/// What a check says that waits for tapes.
fn waits(waiting: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = waiting.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    let more = waiting.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("not yet: {shown}{more}, which no tape shows before all are there and filled in")
}

/// One connector with its cases, played.
#[derive(Debug)]
pub struct Ground<'a> {
    /// What applies to the connector.
    pub plan: &'a Plan,
    /// The connector.
    pub subject: &'a Subject,
    /// Seed of everything minted.
    pub seed: u64,
    /// Each selected case with its play, in the order of the plan.
    pub played: &'a [(&'a Case, Played)],
    /// The secrets of the profile with their names: nothing may show them.
    pub secrets: Vec<(String, String)>,
    /// What two checks of published values stand on, worked out by the first.
    pub(super) published: OnceLock<Published>,
    by_id: HashMap<&'a str, usize>,
}

impl<'a> Ground<'a> {
    /// The ground of a connector whose cases were played with `seed`.
    pub fn new(plan: &'a Plan, subject: &'a Subject, seed: u64, played: &'a [(&'a Case, Played)]) -> Ground<'a> {
        let by_id = played.iter().enumerate().map(|(index, (case, _))| (case.id.as_str(), index)).collect();
        Ground {
            plan,
            subject,
            seed,
            played,
            secrets: super::checks::secrets_of(subject),
            published: OnceLock::new(),
            by_id,
        }
    }

    /// What the connector declares.
    pub fn spec(&self) -> &'static Spec {
        self.subject.entry.spec
    }

    /// The cases that passed and hold no fault of their own: what further trials are derived from.
    pub fn sound(&self) -> impl Iterator<Item = (&'a Case, &'a Played)> {
        let sound = |(case, played): &&(&'a Case, Played)| case.strike.is_none() && played.findings.is_empty();
        self.played.iter().filter(sound).map(|(case, played)| (*case, played))
    }

    /// How the step of a case ended when nothing was put in.
    pub fn ended(&self, case: &Case, step: u32) -> Option<&'a Ended> {
        let (_, played) = self.played.get(*self.by_id.get(case.id.as_str())?)?;
        played.ended.get(usize::try_from(step).ok()?.checked_sub(1)?)
    }

    /// A case played up to before `step`, for many strikes there; cheaper than [`Ground::strike`] for each.
    ///
    /// # Errors
    /// What does not hold in an earlier step.
    pub fn rehearse(&self, case: &'a Case, step: u32) -> Result<Rehearsal<'a>, String> {
        Rehearsal::new(bench(self.subject, None, self.seed), case, step)
    }

    /// The places of these cases without repetition: of exchanges of one operation with the same method, URL and answer (holes
    /// as they are written), after equal ones, and with the same state in the end, the first.
    pub fn distinct(&self, cases: impl Iterator<Item = &'a Case>) -> Vec<(&'a Case, Place)> {
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for case in cases {
            let mut step = 0;
            let mut so_far = String::new();
            for place in Place::all(case) {
                let (Some(exchange), Some(ended)) =
                    (case.tape.exchanges.get(place.index), self.ended(case, place.step))
                else {
                    continue;
                };
                if place.step != step {
                    step = place.step;
                    let state = ended.direct().map_or("error", |outcome| outcome.state());
                    so_far = format!("{} {state}", ended.op.map_or("none", Op::as_str));
                }
                so_far.push_str(&exchange.signature());
                if seen.insert(digest::sha256(so_far.as_bytes())) {
                    all.push((case, place));
                }
            }
        }
        all
    }

    /// Plays a case up to the step that is struck, without an expectation there.
    pub fn strike(&self, case: &Case, strike: Strike) -> Struck {
        let at = usize::try_from(strike.step).unwrap_or(usize::MAX);
        let struck = struck(case, strike);
        let played = play(self.subject, &struck, None, self.seed);
        let ended = at.checked_sub(1).and_then(|index| played.ended.get(index)).cloned();
        Struck { ended, played }
    }
}

/// The case up to the step that is struck, without an expectation there.
pub fn struck(case: &Case, strike: Strike) -> Case {
    let mut struck = case.clone();
    struck.steps.truncate(usize::try_from(strike.step).unwrap_or(usize::MAX));
    struck.strike = Some(strike);
    if let Some(last) = struck.steps.last_mut() {
        last.1 = Expectation::default();
    }
    struck
}

/// What a case with a fault came to.
#[derive(Debug)]
pub struct Struck {
    /// How the struck step ended; none when an earlier one did not pass.
    pub ended: Option<Ended>,
    /// The whole play.
    pub played: Played,
}

/// An exchange of an operation's own, other than one of its settling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The step, from 1.
    pub step: u32,
    /// The exchange within the step, from 0.
    pub exchange: usize,
    /// The exchange within the tape, from 0.
    pub index: usize,
}

impl Place {
    /// Every such exchange of a case, in order.
    pub fn all(case: &Case) -> Vec<Place> {
        let mut all: Vec<Place> = Vec::new();
        for (index, exchange) in case.tape.exchanges.iter().enumerate().filter(|(_, exchange)| !exchange.settle) {
            let before = all.last().filter(|place| place.step == exchange.step);
            let within = before.map_or(0, |place| place.exchange + 1);
            all.push(Place { step: exchange.step, exchange: within, index });
        }
        all
    }

    /// A fault here; `lasting` when every later exchange of the step meets it too.
    pub fn strike(self, fault: Fault, lasting: bool) -> Strike {
        Strike { step: self.step, exchange: self.exchange, fault, lasting }
    }
}

/// A finding about the connector as a whole.
pub fn finding(what: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Finding {
    Finding { step: 0, what: what.into(), expected: expected.into(), found: found.into() }
}
