//! What is made of a report for readers and other tools: SARIF, Markdown, badges, a site. Everything comes from the report alone.

mod badge;
pub mod fields;
mod markdown;
mod sarif;
mod site;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::certificate::Summary;
use crate::certify::dossier::{Dossier, ShownCase};
use crate::certify::report::{Background, Line, Report, SuiteScenario, Verdict};
use crate::run::case::Finding;

pub use badge::badge;
pub use markdown::markdown;
pub use sarif::sarif;
pub(crate) use site::{BASE, STYLE};
pub use site::{Page, site};

/// A report with its lines in reach.
#[derive(Debug)]
pub struct Book<'r> {
    /// The report.
    pub report: &'r Report,
    /// What stands beside its verdicts.
    pub background: &'r Background,
    cases: BTreeMap<(&'r str, &'r str), &'r ShownCase>,
    scenarios: BTreeMap<&'r str, &'r SuiteScenario>,
    failing: BTreeMap<&'r str, BTreeSet<&'r str>>,
}

/// How many verdicts of each kind a connector has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Scenarios that were played, on the first tier of the run.
    pub scenarios: usize,
    /// Checks derived from the tapes.
    pub checks: usize,
    /// Failed lines, on all tiers.
    pub failed: usize,
    /// Lines that could not be judged.
    pub not_run: usize,
    /// Lines that are let off.
    pub exempt: usize,
    /// Scenarios that do not apply, on the first tier.
    pub not_applicable: usize,
    /// Single trials, on all tiers.
    pub trials: usize,
}

/// Where a connector stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// In words, for people: `silver (documented)`, `fail`.
    pub title: String,
    /// In one word, for styles and filters: the level, else `fail`, `incomplete` or `none`.
    pub grade: String,
}

impl<'r> Book<'r> {
    /// Opens a report.
    ///
    /// # Errors
    /// When it holds verdicts alone.
    pub fn open(report: &'r Report) -> Result<Book<'r>, String> {
        let background = report.background.as_ref().ok_or(
            "the report holds verdicts alone; one that pages can be made of is written by `quittance certify --out DIR`",
        )?;
        let mut cases = BTreeMap::new();
        for dossier in &background.connectors {
            cases.extend(
                dossier.cases.iter().map(|case| ((dossier.capabilities.id.as_str(), case.case.as_str()), case)),
            );
        }
        let scenarios = background.scenarios.iter().map(|scenario| (scenario.id.as_str(), scenario)).collect();
        let mut failing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for line in report.lines.iter().filter(|line| line.verdict == Verdict::Fail) {
            failing.entry(scenario_of(&line.case)).or_default().insert(&line.connector);
        }
        Ok(Book { report, background, cases, scenarios, failing })
    }

    /// The lines of a connector, in order.
    pub fn lines(&self, connector: &str) -> impl Iterator<Item = &'r Line> {
        self.report.lines.iter().filter(move |line| line.connector == connector)
    }

    /// How a case of a connector went.
    pub fn case(&self, connector: &str, case: &str) -> Option<&'r ShownCase> {
        self.cases.get(&(connector, case)).copied()
    }

    /// The scenario of a case.
    pub fn scenario(&self, case: &str) -> Option<&'r SuiteScenario> {
        self.scenarios.get(scenario_of(case)).copied()
    }

    /// Whether no other connector fails the scenario or check of a line that fails.
    pub fn fails_alone(&self, line: &Line) -> bool {
        let failing = self.failing.get(scenario_of(&line.case));
        line.verdict == Verdict::Fail && failing.is_some_and(|connectors| connectors.len() == 1)
    }

    /// The counts of a connector.
    pub fn tally(&self, connector: &str) -> Tally {
        let first_tier = self.report.header.tiers.first().map(String::as_str).unwrap_or_default();
        let mut tally = Tally::default();
        for line in self.lines(connector) {
            let of_first = usize::from(line.tier == first_tier && !is_check(line));
            tally.trials += line.trials;
            tally.checks += usize::from(is_check(line));
            match line.verdict {
                Verdict::Pass => tally.scenarios += of_first,
                Verdict::Fail => {
                    tally.scenarios += of_first;
                    tally.failed += 1;
                }
                Verdict::NotApplicable => tally.not_applicable += of_first,
                Verdict::Exempt => tally.exempt += 1,
                Verdict::NotRun | Verdict::HarnessError => tally.not_run += 1,
            }
        }
        tally
    }

    /// What the run says of a connector as a whole.
    pub fn summary(&self, connector: &str) -> Option<&'r Summary> {
        self.report.summaries.iter().find(|summary| summary.connector == connector)
    }

    /// Where a connector stands: its level, else why it has none.
    pub fn standing(&self, connector: &str) -> Standing {
        let summary = self.summary(connector);
        if let Some((summary, level)) = summary.and_then(|summary| summary.level.map(|level| (summary, level))) {
            return Standing { title: summary.title.clone(), grade: level.to_string() };
        }
        let tally = self.tally(connector);
        let (title, grade) = match (tally.failed, tally.not_run) {
            (0, 0) => ("no level", "none"),
            (0, _) => ("incomplete", "incomplete"),
            _ => ("fail", "fail"),
        };
        Standing { title: title.to_owned(), grade: grade.to_owned() }
    }

    /// The file and line that a finding is about, relative to the project's root: the exchange of the tape, else the profile.
    pub fn place(&self, line: &Line, finding: &Finding) -> (String, usize) {
        // A check's finding begins with the case that it was derived from.
        let named = finding.what.split([' ', ':']).next().unwrap_or_default();
        let case = self.case(&line.connector, &line.case).or_else(|| self.case(&line.connector, named));
        let Some(case) = case else { return (format!("fixtures/{}/profile.toml", line.connector), 1) };
        let exchanges = if line.exchanges.is_empty() { &case.exchanges } else { &line.exchanges };
        let of_step = || exchanges.iter().filter(|exchange| exchange.step == finding.step);
        let refused = of_step().find(|exchange| exchange.status.is_none()).and_then(|exchange| exchange.line);
        let found = refused.or_else(|| of_step().find_map(|exchange| exchange.line));
        (case.tape.clone(), found.unwrap_or(1))
    }
}

/// The scenario of a case: what stands before the brand.
fn scenario_of(case: &str) -> &str {
    case.split('@').next().unwrap_or(case)
}

/// Whether a line is of a check that was derived from the tapes.
pub fn is_check(line: &Line) -> bool {
    line.case.starts_with("check:")
}

/// The id of a dossier's connector.
fn id_of(dossier: &Dossier) -> &str {
    &dossier.capabilities.id
}
