//! What a vendor's environment answers otherwise than the tapes, in form alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::selects;
use crate::certify::{Plan, SEED, play};
use crate::live::compare::compared;
use crate::live::course;
use crate::live::drivable::{asks_for_bad_credentials, undrivable};
use crate::live::shape::Difference;
use crate::live::{Live, Setting};
use crate::run::case::Case;
use crate::scenario::Suite;
use crate::world::{Subject, Unusable};

/// One difference of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drifted {
    /// The case.
    pub case: String,
    /// The scenario's step, from 1.
    pub step: u32,
    /// The method of the request whose answer differs.
    pub method: String,
    /// The difference.
    #[serde(flatten)]
    pub difference: Difference,
}

/// A case that does not end as the suite demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndedOtherwise {
    /// The case.
    pub case: String,
    /// The scenario's step, from 1.
    pub step: u32,
    /// The member of the expectation.
    pub what: String,
}

/// What `quittance drift --json` prints. It holds no value of any answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriftReport {
    /// The connector.
    pub connector: String,
    /// How many cases were played.
    pub cases: usize,
    /// How many exchanges there were.
    pub exchanges: usize,
    /// How many cases an environment cannot be asked for.
    pub left_out: usize,
    /// Fields, status and media types that differ.
    pub differences: Vec<Drifted>,
    /// Cases that end otherwise.
    pub ended_otherwise: Vec<EndedOtherwise>,
}

impl DriftReport {
    /// Whether nothing differs.
    pub fn holds(&self) -> bool {
        self.differences.is_empty() && self.ended_otherwise.is_empty()
    }
}

/// Plays every case that an environment can be asked for and compares the form of its answers with the tapes; `each` is told of each case.
///
/// # Errors
/// Credentials that cannot be used.
pub fn drift(
    suite: &Suite,
    subject: &Subject,
    setting: &Setting,
    scenario: Option<&str>,
    mut each: impl FnMut(&Case),
) -> Result<DriftReport, Unusable> {
    let live = Live::open(subject, setting, None)?;
    let plan = Plan::of(suite, subject);
    let reasons = undrivable(subject, &plan);
    let mut report = DriftReport {
        connector: subject.entry.spec.id.to_owned(),
        cases: 0,
        exchanges: 0,
        left_out: 0,
        differences: Vec::new(),
        ended_otherwise: Vec::new(),
    };
    for case in plan.cases().filter(|case| case.strike.is_none() && selects(scenario, &case.id)) {
        each(case);
        // Refused credentials may be refused at another request than on the tape: their form says nothing.
        if reasons.contains_key(&case.id) || asks_for_bad_credentials(case) {
            report.left_out += 1;
            continue;
        }
        let taped = play(subject, case, None, SEED);
        let played = course::play(&live, &*live.connector, case, &taped);
        let tape = taped.records();
        report.cases += 1;
        report.exchanges += played.taken.iter().map(|taken| taken.sent.len() + taken.settling.len()).sum::<usize>();
        let ended = played.findings.into_iter();
        report.ended_otherwise.extend(ended.map(|found| EndedOtherwise {
            case: case.id.clone(),
            step: found.step,
            what: found.what,
        }));
        let found = compared(case, &tape, &played.taken).into_iter();
        report.differences.extend(found.map(|(step, method, difference)| Drifted {
            case: case.id.clone(),
            step,
            method,
            difference,
        }));
    }
    Ok(report)
}
