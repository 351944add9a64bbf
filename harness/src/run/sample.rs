//! A plausible request of an operation: that of the suite's plain success scenario, with the connector's own test data.

use std::collections::BTreeMap;
use std::sync::Arc;

use quittance::Op;
use serde_json::Value;

use super::case::{Bench, Case, play};
use super::input::Builder;
use super::objects::{Objects, terms_of};
use super::plan::{Planned, brands, plan, unmet};
use crate::scenario::{Class, Scenario, Suite};
use crate::tape::{RunValues, StandIn, StepValues};
use crate::world::Subject;

/// The step of a case that calls the operation, after the steps before it were played in memory.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The case, up to the step.
    pub case: Case,
    /// The step, from 1.
    pub step: u32,
    /// Its request in JSON form; `None` when the steps before it do not pass, with the reason.
    pub input: Result<Value, String>,
    values: BTreeMap<u32, StepValues>,
}

impl Sample {
    /// The sample of `op`; `None` when no success scenario of it applies to the connector and has a tape.
    pub fn find(suite: &Suite, subject: &Subject, op: Op, seed: u64) -> Option<Sample> {
        let planned = plan(suite, subject.entry.spec, &subject.profile, &subject.tapes, &subject.folder);
        let mut cases: Vec<(&Arc<Scenario>, &Case)> = planned
            .iter()
            .filter(|(scenario, _)| scenario.class == Class::Success && *scenario.proves == op)
            .filter_map(|(scenario, planned)| match planned {
                Planned::Cases(cases) => {
                    cases.first().filter(|case| case.strike.is_none()).map(|case| (scenario, case))
                }
                _ => None,
            })
            .collect();
        cases.sort_by_key(|(scenario, _)| (!is_own_group(scenario), scenario.needs.len()));
        let (_, case) = cases.first()?;
        let index = case.steps.iter().position(|(step, _)| step.op.operation() == Some(op))?;
        let mut case = (*case).clone();
        case.steps.truncate(index + 1);
        let step = u32::try_from(index + 1).ok()?;
        let bench = Bench::of(subject, seed);
        let played = play(bench, &case);
        let why = || match played.findings.first() {
            Some(finding) => {
                format!(
                    "step {}: {}: expected {}, found {}",
                    finding.step, finding.what, finding.expected, finding.found
                )
            }
            None => "the step was not reached".to_owned(),
        };
        let input = played.asked.get(&step).map(|asked| asked.input.clone()).ok_or_else(why);
        let values = played.asked.iter().map(|(number, asked)| (*number, asked.values.clone())).collect();
        Some(Sample { case, step, input, values })
    }

    /// The tape's answers for the step, with key and reference of `input` in their holes. `run` has the seed and credentials of the call.
    pub fn stand_in(&self, run: RunValues, input: &Value) -> StandIn {
        let mut values = self.values.clone();
        let own = values.entry(self.step).or_default();
        let given = |name: &str| input.get(name).and_then(Value::as_str).map(str::to_owned);
        own.key = given("key").or_else(|| own.key.take());
        own.reference = given("reference").or_else(|| own.reference.take());
        StandIn::new(Arc::clone(&self.case.tape), run, self.step, &values)
    }
}

/// A request that no tape answers.
#[derive(Debug, Clone)]
pub struct Untaped {
    /// The scenario that it is of.
    pub scenario: String,
    /// The request in JSON form, or what the scenario or the profile lacks.
    pub input: Result<Value, String>,
}

/// The request of `op` without any tape: what earlier steps would have made has made-up ids. None when no success scenario of the operation
/// applies.
pub fn untaped(suite: &Suite, subject: &Subject, op: Op, seed: u64) -> Option<Untaped> {
    let (spec, profile) = (subject.entry.spec, &subject.profile);
    let applies = |scenario: &&Scenario| {
        let is_success = scenario.class == Class::Success && *scenario.proves == op && scenario.derive.is_none();
        is_success && unmet(scenario, spec, profile).next().is_none()
    };
    let scenario = suite.scenarios.iter().filter(applies).min_by_key(|one| (!is_own_group(one), one.needs.len()))?;
    let brand = brands(scenario, spec).first().copied().flatten();
    let builder = Builder { spec, profile, brand, seed };
    let mut objects = Objects::default();
    for (number, step) in (1..).zip(&scenario.steps) {
        let prepared = builder.prepare(number, step, &objects);
        if step.op.operation() == Some(op) {
            return Some(Untaped { scenario: scenario.id.clone(), input: prepared.map(|prepared| prepared.input) });
        }
        let terms = prepared.ok().and_then(|prepared| terms_of(&prepared.input));
        objects.note_terms(number, terms.map(Arc::new));
        step.op.operation().into_iter().for_each(|op| objects.make_up(number, op));
    }
    None
}

/// Whether the scenario stands in the operation's own group (`capture.full` for capture).
fn is_own_group(scenario: &Scenario) -> bool {
    scenario.id.split('.').next() == Some(scenario.proves.as_str())
}
