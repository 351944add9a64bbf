//! What trials of a probe stand on: conversations with steps of their own, and what they found.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use quittance::{Connector, Op, Payment};
use serde_json::Value;

use super::Probe;
use crate::certify::report::{Line, Verdict};
use crate::live::course::{Course, Taken, finding};
use crate::run::case::Finding;
use crate::scenario::{Expectation, OneOf, Step, StepOp};
use crate::view::{self, Outcome};

/// The amount of a trial's purchase, and a part of it, in minor units: those of the suite.
pub(super) const WHOLE_MINOR: i64 = 6000;
pub(super) const PART_MINOR: i64 = 2500;

/// Why a conversation ends before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The implementation or the connector has no such thing.
    NotHere(String),
    /// Something does not hold.
    Fault(Finding),
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Stop {
        Stop::Fault(finding)
    }
}

impl From<String> for Stop {
    fn from(why: String) -> Stop {
        Stop::NotHere(why)
    }
}

/// The result of a conversation.
pub(super) type Talked<T = ()> = Result<T, Stop>;

/// A step of that operation.
pub(super) fn plain(op: StepOp, input: &[(&str, toml::Value)]) -> Step {
    let input = input.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Step {
        op,
        method: None,
        card: None,
        sample: None,
        input,
        of: None,
        seconds: None,
        tamper: None,
        expect: Expectation::default(),
    }
}

/// That a step ends in one of these states, perhaps only after look-ups.
pub(super) fn ends(states: &[&str]) -> Expectation {
    let values = states.iter().map(|state| (*state).to_owned()).collect();
    Expectation { state: Some(OneOf { values }), settles: true, ..Expectation::default() }
}

/// A trial: a name, and a conversation.
pub(super) struct Bout<'a> {
    pub(super) course: Course<'a>,
    name: String,
    /// Whether purchases stay open here, as an earlier trial has seen: nobody waits for them again.
    stays_open: &'a AtomicBool,
}

impl<'a> Bout<'a> {
    pub(super) fn new(probe: &'a Probe<'_>, name: &str) -> Bout<'a> {
        Bout::of(probe, &*probe.live.connector, name)
    }

    pub(super) fn of(probe: &'a Probe<'_>, connector: &'a dyn Connector, name: &str) -> Bout<'a> {
        let course = Course::new(&probe.live, connector, name, None);
        Bout { course, name: name.to_owned(), stays_open: &probe.stays_open }
    }

    /// A finding about the newest step.
    pub(super) fn fault(&self, expected: impl Into<String>, found: impl Into<String>) -> Finding {
        let step = self.course.taken.last().map_or(0, |taken| taken.number);
        finding(step, self.name.clone(), expected, found)
    }

    /// A purchase with the approved card, or with the main method where cards are none.
    pub(super) fn purchase(&mut self, minor: i64, manual: bool) -> Talked<(Taken, Payment)> {
        let state = if manual { "authorized" } else { "captured" };
        let taken = self.authorize(minor, manual)?;
        match &taken.ended.result {
            Ok(Outcome::Payment(payment)) if payment.state.as_str() == state => Ok((taken.clone(), payment.clone())),
            Ok(outcome) if matches!(outcome.state(), "pending" | "action_required") => {
                Err(Stop::NotHere(format!("a purchase stays `{}` here", outcome.state())))
            }
            _ => Err(self.fault(format!("a purchase that is {state}"), told(&taken)).into()),
        }
    }

    /// The same, however it ends.
    pub(super) fn authorize(&mut self, minor: i64, manual: bool) -> Talked<Taken> {
        let capture = if manual { "manual" } else { "automatic" };
        let input =
            [("amount_minor", toml::Value::Integer(minor)), ("capture", toml::Value::String(capture.to_owned()))];
        let step = plain(StepOp::Authorize, &input);
        let step = Step { method: Some("main".to_owned()), card: Some("approved".to_owned()), ..step };
        let expect = match self.stays_open.load(Ordering::Relaxed) {
            true => Expectation::default(),
            false => ends(&[if manual { "authorized" } else { "captured" }]),
        };
        let taken = self.course.take(&step, &expect)?;
        if is_open(&taken) {
            self.stays_open.store(true, Ordering::Relaxed);
        }
        Ok(taken)
    }

    /// An operation on the payment of the conversation.
    pub(super) fn act(&mut self, op: StepOp, minor: Option<i64>, expect: &Expectation) -> Talked<Taken> {
        let input: Vec<(&str, toml::Value)> =
            minor.iter().map(|minor| ("amount_minor", toml::Value::Integer(*minor))).collect();
        Ok(self.course.take(&plain(op, &input), expect)?)
    }

    /// An operation that must be done.
    pub(super) fn done(&mut self, op: StepOp, minor: Option<i64>, states: &[&str]) -> Talked<Taken> {
        let taken = self.act(op, minor, &ends(states))?;
        match taken.outcome() {
            Some(outcome) if states.contains(&outcome.state()) => Ok(taken),
            Some(outcome) if matches!(outcome.state(), "pending" | "action_required") => {
                Err(Stop::NotHere(format!("{} stays `{}` here", word(op), outcome.state())))
            }
            _ => Err(self.fault(format!("{} that is {}", word(op), states.join(" or ")), told(&taken)).into()),
        }
    }

    /// The payment as a look-up tells it; none where the connector has no look-up by id.
    pub(super) fn look_up(&mut self) -> Talked<Option<Payment>> {
        let spec = self.spec();
        let by_id = spec.lookups.contains(&quittance::LookupKind::Handle) && spec.has(Op::Retrieve);
        if !by_id || !spec.retrieve.later {
            return Ok(None);
        }
        let taken = self.act(StepOp::Retrieve, None, &Expectation::default())?;
        match &taken.ended.result {
            Ok(Outcome::Payment(payment)) => Ok(Some(payment.clone())),
            _ => Err(self.fault("the payment, looked up", told(&taken)).into()),
        }
    }

    fn spec(&self) -> &'static quittance::Spec {
        self.course.spec()
    }
}

/// An operation in words.
pub(super) fn word(op: StepOp) -> String {
    op.operation().map_or_else(|| "a step".to_owned(), |op| format!("the {op}"))
}

/// What a step came to, in a few words.
pub(super) fn told(taken: &Taken) -> String {
    match &taken.ended.result {
        Ok(outcome) => {
            let id = outcome.id().unwrap_or_default();
            format!("{} ({id})", outcome.state()).trim_end_matches(" ()").to_owned()
        }
        Err(error) => {
            let json = view::error_json(error);
            let part = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            format!("an error of kind {}, effect {}: {}", part("error"), part("effect"), part("message"))
        }
    }
}

/// Whether a step ended as not yet decided: nothing can be said of it.
pub(super) fn is_open(taken: &Taken) -> bool {
    taken.outcome().is_some_and(|outcome| matches!(outcome.state(), "pending" | "action_required"))
}

/// What a check found.
#[derive(Default)]
pub(super) struct Tried {
    trials: usize,
    pub(super) figures: BTreeMap<String, usize>,
    findings: Vec<Finding>,
    taken: Vec<Taken>,
    not_here: Vec<String>,
}

impl Tried {
    /// Adds a conversation and how it ended.
    pub(super) fn add(&mut self, mut bout: Bout<'_>, talked: Talked) {
        self.trials += 1;
        let mut findings = std::mem::take(&mut bout.course.breaches);
        match talked {
            Ok(()) => {}
            Err(Stop::NotHere(why)) => {
                self.trials -= 1;
                self.not_here.push(format!("{}: {why}", bout.name));
            }
            Err(Stop::Fault(found)) => findings.push(found),
        }
        if findings.is_empty() {
            return;
        }
        // Steps of several conversations stand in one list: numbered on.
        let before = self.taken.iter().map(|taken| taken.number).max().unwrap_or(0);
        self.taken.extend(bout.course.taken.into_iter().map(|taken| Taken { number: taken.number + before, ..taken }));
        for mut found in findings {
            found.step += if found.step > 0 { before } else { 0 };
            if found.what != bout.name {
                found.what = format!("{}: {}", bout.name, found.what);
            }
            self.findings.push(found);
        }
    }

    /// Adds a finding without a conversation.
    pub(super) fn fault(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Says what was left out, and why.
    pub(super) fn leave_out(&mut self, why: &str) {
        self.not_here.push(why.to_owned());
    }

    /// Counts trials that belong to no conversation.
    pub(super) fn count(&mut self, trials: usize) {
        self.trials += trials;
    }

    /// The check's line.
    pub(super) fn line(self, probe: &Probe<'_>, name: &str, clauses: &[&str]) -> Line {
        let clauses: Vec<String> = clauses.iter().map(|clause| (*clause).to_owned()).collect();
        let blank = probe.blank(&format!("check:{name}"), &clauses);
        let because = (!self.not_here.is_empty()).then(|| format!("left out: {}", self.not_here.join("; ")));
        if self.trials == 0 && self.findings.is_empty() {
            return blank
                .because(Verdict::NotApplicable, because.unwrap_or_else(|| "there is nothing to try".to_owned()));
        }
        let line = Line { trials: self.trials, figures: self.figures, because, ..blank.0 };
        probe.judged(line, self.findings, &self.taken, &format!("--check {name}"))
    }
}
