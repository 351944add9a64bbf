//! Certification: every scenario that a connector's declarations select, on both tiers, and the checks derived from its tapes.

mod again;
mod canary;
pub mod checks;
mod coverage;
mod crash;
pub(crate) mod declared;
pub mod dossier;
mod environments;
mod faults;
pub mod ground;
pub(crate) mod leaves;
pub mod ledger;
pub mod misfits;
mod money;
mod mutation;
mod places;
mod published;
pub mod report;
mod sequences;
mod shown;
mod sinks;
mod tokens;
mod trials;
mod undeclared;
mod webhooks;

use std::sync::Arc;

use quittance::digest;

use crate::run::case::{self, Bench, Case, Finding, Played};
use crate::run::judge;
use crate::run::plan::{self, Planned};
use crate::run::wire::Wire;
use crate::scenario::{Scenario, Suite};
use crate::tape::ShownRecord;
use crate::world::{Subject, Unusable, unknown};
use ground::{Ground, Tried};
use report::{Line, Verdict};

/// The seed of a run that names none.
pub const SEED: u64 = 1;

/// Which tiers to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tiers {
    /// In memory only.
    Memory,
    /// On the wire only; no derived checks.
    Wire,
    /// Everything in memory, the scenarios on the wire as well.
    Both,
}

impl Tiers {
    /// The names of the tiers.
    pub fn names(self) -> Vec<String> {
        let names: &[&str] = match self {
            Tiers::Memory => &["memory"],
            Tiers::Wire => &["wire"],
            Tiers::Both => &["memory", "wire"],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }
}

/// What a certification is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The seed of everything minted.
    pub seed: u64,
    /// The tiers.
    pub tiers: Tiers,
    /// A pattern that scenario ids must match, with `*` for any text.
    pub narrowed: Option<String>,
}

impl Options {
    /// Whether a case is asked for.
    pub fn selects(&self, case: &str) -> bool {
        self.narrowed.as_deref().is_none_or(|pattern| matches_pattern(pattern, case))
    }

    /// The line with the seeds in its command without which it would repeat something else.
    #[must_use]
    pub fn repeatable(&self, mut line: Line) -> Line {
        if let Some(repeat) = &mut line.repeat {
            if self.seed != SEED {
                repeat.push_str(&format!(" --seed {}", self.seed));
            }
            if line.case == "check:canary" {
                repeat.push_str(&format!(" --canary-seed {}", crate::canary::seed()));
            }
        }
        line
    }
}

/// A connector's plan: what applies to it.
#[derive(Debug)]
pub struct Plan {
    /// Every scenario of the suite with what it means for the connector.
    pub scenarios: Vec<(Arc<Scenario>, Planned)>,
}

impl Plan {
    /// Plans the suite for a connector.
    pub fn of(suite: &Suite, subject: &Subject) -> Plan {
        let spec = subject.entry.spec;
        Plan { scenarios: plan::plan(suite, spec, &subject.profile, &subject.tapes, &subject.folder) }
    }

    /// Every case with a tape, also those whose tape is still to be filled in.
    pub fn taped(&self) -> impl Iterator<Item = &Case> {
        self.scenarios.iter().flat_map(|(_, planned)| match planned {
            Planned::Cases(cases) | Planned::Unfilled(cases, _) => cases.as_slice(),
            _ => &[],
        })
    }

    /// Whether every tape that is asked for is there and filled in.
    pub fn is_whole(&self) -> bool {
        !self.scenarios.iter().any(|(_, planned)| matches!(planned, Planned::Unfilled(..) | Planned::Unreadable(_)))
    }

    /// Every case that is played.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.scenarios.iter().flat_map(|(_, planned)| match planned {
            Planned::Cases(cases) => cases.as_slice(),
            _ => &[],
        })
    }
}

/// Plays a case of a subject.
pub fn play(subject: &Subject, case: &Case, wire: Option<&Wire>, seed: u64) -> Played {
    case::play(bench(subject, wire, seed), case)
}

/// What the cases of a subject are played on.
fn bench<'a>(subject: &'a Subject, wire: Option<&'a Wire>, seed: u64) -> Bench<'a> {
    Bench { wire, ..Bench::of(subject, seed) }
}

/// The lines of one connector in memory: scenarios, then checks.
pub fn in_memory(suite: &Suite, subject: &Subject, options: &Options) -> Vec<Line> {
    let plan = Plan::of(suite, subject);
    let (mut lines, played) = scenarios(&plan, subject, options, None);
    if options.narrowed.is_none() {
        lines.extend(checks::all(&Ground::new(&plan, subject, options.seed, &played)));
        lines.push(checks::filled(&plan, subject));
    }
    lines.into_iter().map(|line| options.repeatable(line)).collect()
}

/// The cases of the lines of one connector in memory, without playing any; scenarios that do not apply are left out.
pub fn cases_in_memory(suite: &Suite, subject: &Subject) -> Vec<String> {
    let plan = Plan::of(suite, subject);
    let of_scenarios = plan.scenarios.iter().flat_map(|(scenario, planned)| match planned {
        Planned::Cases(cases) => cases.iter().map(|case| case.id.clone()).collect(),
        Planned::NotApplicable(_) => Vec::new(),
        Planned::Unfilled(..) | Planned::Unreadable(_) => vec![scenario.id.clone()],
    });
    let checks = checks::CHECKS.iter().map(|check| check.name).chain(["filled"]).map(|name| format!("check:{name}"));
    of_scenarios.chain(checks).collect()
}

/// The lines of one connector on the wire: the scenarios.
pub fn on_the_wire(suite: &Suite, subject: &Subject, options: &Options, wire: &Wire) -> Vec<Line> {
    let (lines, _) = scenarios(&Plan::of(suite, subject), subject, options, Some(wire));
    lines.into_iter().map(|line| options.repeatable(line)).collect()
}

/// Adds the scenarios of one connector on the wire to its lines in memory, and the comparison of the two where both were run.
pub fn add_the_wire(suite: &Suite, subject: &Subject, options: &Options, wire: &Wire, lines: &mut Vec<Line>) {
    lines.extend(on_the_wire(suite, subject, options, wire));
    if options.tiers == Tiers::Both {
        lines.push(options.repeatable(compare_tiers(subject.entry.spec.id, lines)));
    }
}

/// Compares the tiers: a case whose verdict or results differ is a failure of the check `tiers`.
pub fn compare_tiers(connector: &str, lines: &[Line]) -> Line {
    let of =
        |tier: &'static str| lines.iter().filter(move |line| line.tier == tier && !line.case.starts_with("check:"));
    let mut findings = Vec::new();
    let mut trials = 0;
    for memory in of("memory") {
        trials += 1;
        let wire = of("wire").find(|wire| wire.case == memory.case);
        let told = |line: &Line| format!("{} {}", line.verdict, line.results.as_deref().unwrap_or_default());
        if wire.is_none_or(|wire| (wire.verdict, &wire.results) != (memory.verdict, &memory.results)) {
            findings.push(Finding {
                step: 0,
                what: memory.case.clone(),
                expected: format!("on the wire as in memory: {}", told(memory)),
                found: wire.map_or("no verdict".to_owned(), told),
            });
        }
    }
    let line = Tried::new(trials, findings).line(connector, "tiers", &["CONTEXT-4"]);
    Line { repeat: line.repeat.as_ref().map(|_| format!("quittance certify {connector}")), ..line }
}

fn scenarios<'p>(
    plan: &'p Plan,
    subject: &Subject,
    options: &Options,
    wire: Option<&Wire>,
) -> (Vec<Line>, Vec<(&'p Case, Played)>) {
    let mut lines = Vec::new();
    let mut all_played = Vec::new();
    for (scenario, planned) in &plan.scenarios {
        match planned {
            Planned::Cases(cases) => {
                for case in cases.iter().filter(|case| options.selects(&case.id)) {
                    let played = play(subject, case, wire, options.seed);
                    lines.push(case_line(subject, case, &played, wire.is_some()));
                    all_played.push((case, played));
                }
            }
            _ if !options.selects(&scenario.id) => {}
            Planned::NotApplicable(missing) => {
                let mut line = blank(subject, scenario, wire.is_some());
                line.verdict = Verdict::NotApplicable;
                line.because = Some(format!("not declared: {}", missing.need));
                lines.push(line);
            }
            Planned::Unfilled(_, errors) | Planned::Unreadable(errors) => {
                let mut line = blank(subject, scenario, wire.is_some());
                line.verdict = Verdict::NotRun;
                let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
                line.because = Some(told.join("; "));
                lines.push(exempted(subject, scenario, line));
            }
        }
    }
    (lines, all_played)
}

fn blank(subject: &Subject, scenario: &Scenario, wire: bool) -> Line {
    let tier = if wire { "wire" } else { "memory" };
    Line::new(subject.entry.spec.id, &scenario.id, tier, scenario.clauses.clone())
}

fn case_line(subject: &Subject, case: &Case, played: &Played, wire: bool) -> Line {
    let results: Vec<String> = played.comparable_results().iter().map(ToString::to_string).collect();
    let mut line = blank(subject, &case.scenario, wire);
    line.case.clone_from(&case.id);
    line.trials = 1;
    line.results = Some(hex::encode(digest::sha256(results.join("\n").as_bytes())));
    if !played.findings.is_empty() {
        line.verdict = Verdict::Fail;
        line.findings.clone_from(&played.findings);
        line.exchanges = played.transcript();
        line.because = differing(subject, case, &line.exchanges);
        let tier = if wire { " --tier wire" } else { "" };
        line.repeat = Some(format!("quittance explain {} {}{tier}", line.connector, line.case));
        return exempted(subject, &case.scenario, line);
    }
    line
}

/// The exchange of the tape, by file and line, that a request was held against and differs from.
fn differing(subject: &Subject, case: &Case, exchanges: &[ShownRecord]) -> Option<String> {
    let refused = exchanges.iter().filter(|record| record.status.is_none() && case.strike.is_none());
    let line = refused.filter_map(|record| record.line).next()?;
    Some(format!("the request differs from {}:{line}", subject.file_of(&case.tape)))
}

/// A failure or a missing tape under an exemption that still holds is let off; an expired one blocks.
fn exempted(subject: &Subject, scenario: &Scenario, mut line: Line) -> Line {
    let exemption = subject.profile.model.exemption.iter().find(|exemption| exemption.scenario == scenario.id);
    if let Some(exemption) = exemption {
        if exemption.is_expired(subject.today) {
            line.because = Some(format!("the exemption expired on {}: {}", exemption.expires, exemption.reason));
            line.verdict = Verdict::Fail;
        } else {
            line.because =
                Some(format!("exempt until {} ({}): {}", exemption.expires, exemption.owner, exemption.reason));
            line.verdict = Verdict::Exempt;
        }
    }
    line
}

/// The profile words that the played cases show, for the check in both directions.
pub(crate) fn shown_words(played: &[(&Case, Played)]) -> Vec<&'static str> {
    let mut words: Vec<&'static str> =
        played.iter().flat_map(|(_, played)| &played.ended).flat_map(judge::shown_answers).collect();
    for (case, played) in played {
        let ended = case.steps.iter().zip(&played.ended);
        words.extend(ended.filter_map(|((_, expect), ended)| judge::shown_conflict(expect, ended)));
    }
    words.sort_unstable();
    words.dedup();
    words
}

/// Whether a pattern of scenario ids, if there is one, means any scenario.
///
/// # Errors
/// A pattern that means none, with the ids that come near.
pub fn known_scenario(suite: &Suite, pattern: Option<&str>) -> Result<(), Unusable> {
    let Some(pattern) = pattern else { return Ok(()) };
    let bare = pattern.split(',').map(|pattern| pattern.split('@').next().unwrap_or(pattern));
    let is_nothing = |bare: &&str| !suite.scenarios.iter().any(|scenario| matches_one(bare, &scenario.id));
    let Some(bare) = bare.into_iter().find(is_nothing) else { return Ok(()) };
    let known: Vec<&str> = suite.scenarios.iter().map(|scenario| scenario.id.as_str()).collect();
    Err(Unusable::Text(unknown("scenario", bare, &known)))
}

/// Whether `text` matches one of the patterns, between commas, in which `*` stands for any text.
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    pattern.split(',').any(|pattern| matches_one(pattern, text))
}

fn matches_one(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
        last = Some(part);
    }
    match last {
        None => rest.is_empty(),
        Some("") => true,
        Some(part) => text.ends_with(part),
    }
}

#[cfg(test)]
mod tests {
    use super::matches_pattern;

    #[test]
    fn patterns() {
        for (pattern, text, matches) in [
            ("capture.full", "capture.full", true),
            ("capture.full", "capture.fuller", false),
            ("capture.*", "capture.full", true),
            ("*.full", "capture.full", true),
            ("*full", "capture.full.not", false),
            ("c*.f*l", "capture.full", true),
            ("*", "anything", true),
            ("refund.*", "capture.full", false),
        ] {
            assert_eq!(matches_pattern(pattern, text), matches, "{pattern} {text}");
        }
    }
}
