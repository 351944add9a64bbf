//! The report of a run: one JSON object a line, header first and footer last, and its forms for other tools.
//!
//! A report holds no times, so that two runs with one seed are the same to the byte. One without its footer is incomplete.

use std::collections::BTreeMap;
use std::fmt;

use quittance::digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Options;
use super::dossier::Dossier;
use crate::certificate::Summary;
use crate::run::case::Finding;
use crate::scenario::{Class, Suite};
use crate::tape::ShownRecord;

/// Version of the format.
pub const FORMAT: u32 = 2;

/// In what order a report's lines stand.
const ORDER: &str = "expected one header first, suite and connectors, verdicts, summaries, and one footer last";

/// What was found of one case or check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything holds.
    Pass,
    /// Something does not hold.
    Fail,
    /// The connector does not declare what the scenario needs.
    NotApplicable,
    /// Let off by a dated exemption of the profile.
    Exempt,
    /// It applies but could not be played: a tape is missing.
    NotRun,
    /// The harness itself failed.
    HarnessError,
}

impl Verdict {
    /// The verdict in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::NotApplicable => "not_applicable",
            Verdict::Exempt => "exempt",
            Verdict::NotRun => "not_run",
            Verdict::HarnessError => "harness_error",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of the harness.
    pub harness: String,
    /// Version of the suite.
    pub suite: String,
    /// SHA-256 of the suite, hexadecimal.
    pub suite_digest: String,
    /// How many scenarios the suite has; a whole run judges each on each tier.
    pub scenarios: usize,
    /// Seed of the run.
    pub seed: u64,
    /// The tiers that were run.
    pub tiers: Vec<String>,
    /// The connectors, in order.
    pub connectors: Vec<String>,
    /// The pattern that narrowed the scenarios, if one was given: such a run certifies nothing.
    pub narrowed: Option<String>,
    /// The address of the implementation that was probed, in the report of a probe: it judges that one and certifies no connector.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub probed: Option<String>,
}

impl Header {
    /// The header of a run of these connectors.
    pub fn of(suite: &Suite, options: &Options, connectors: Vec<String>) -> Header {
        Header {
            format: FORMAT,
            harness: env!("CARGO_PKG_VERSION").to_owned(),
            suite: suite.version.clone(),
            suite_digest: suite.digest.clone(),
            scenarios: suite.scenarios.len(),
            seed: options.seed,
            tiers: options.tiers.names(),
            connectors,
            narrowed: options.narrowed.clone(),
            probed: None,
        }
    }

    /// The header of a report on one connector that nobody is given: it names neither harness nor suite.
    pub(super) fn alone(connector: &str, seed: u64) -> Header {
        Header {
            format: FORMAT,
            harness: String::new(),
            suite: String::new(),
            suite_digest: String::new(),
            scenarios: 1,
            seed,
            tiers: vec!["memory".to_owned()],
            connectors: vec![connector.to_owned()],
            narrowed: None,
            probed: None,
        }
    }
}

/// One case or check of one connector on one tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// The connector.
    pub connector: String,
    /// The case (`capture.partial`, `bank_redirect.settled@ideal`) or the check (`check:faults`).
    pub case: String,
    /// `memory` or `wire`.
    pub tier: String,
    /// What was found.
    pub verdict: Verdict,
    /// The clauses of the contract that it enforces.
    pub clauses: Vec<String>,
    /// How many single trials it is made of.
    pub trials: usize,
    /// Counts that the check made beside them, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub figures: BTreeMap<String, usize>,
    /// Digest of what the operations ended in; equal on both tiers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub results: Option<String>,
    /// Why it does not apply, is let off or was not run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub because: Option<String>,
    /// What does not hold.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub findings: Vec<Finding>,
    /// The exchanges of a failed case, masked.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub exchanges: Vec<ShownRecord>,
    /// The command that repeats it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repeat: Option<String>,
}

impl Line {
    /// A line that passes and says nothing yet.
    pub fn new(connector: &str, case: &str, tier: &str, clauses: Vec<String>) -> Line {
        Line {
            connector: connector.to_owned(),
            case: case.to_owned(),
            tier: tier.to_owned(),
            verdict: Verdict::Pass,
            clauses,
            trials: 0,
            figures: BTreeMap::new(),
            results: None,
            because: None,
            findings: Vec::new(),
            exchanges: Vec::new(),
            repeat: None,
        }
    }
}

/// What pages say beside the verdicts: written after the header, one line for the suite and one for each connector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Background {
    /// The clauses of the contract.
    pub clauses: Vec<Clause>,
    /// Every scenario of the suite.
    pub scenarios: Vec<SuiteScenario>,
    /// Every connector of the run.
    pub connectors: Vec<Dossier>,
}

/// A clause of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Clause {
    /// Its id, as `CAPTURE-2`.
    pub id: String,
    /// Its sentence.
    pub text: String,
}

/// A scenario of the suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteScenario {
    /// The id.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// The operation that it is about.
    pub proves: String,
    /// Whether it shows success, a refusal or a fault.
    pub class: Class,
    /// The clauses that it enforces.
    pub clauses: Vec<String>,
    /// What a connector must declare for it to apply.
    pub needs: Vec<String>,
    /// The file, relative to the project's root.
    pub file: String,
}

impl Background {
    /// The lines of the file that hold it.
    pub fn records(&self) -> Vec<String> {
        let suite = SuiteRecord { clauses: self.clauses.clone(), scenarios: self.scenarios.clone() };
        let connectors = self.connectors.iter().map(|dossier| line_of(&Record::Connector(Box::new(dossier.clone()))));
        std::iter::once(line_of(&Record::Suite(suite))).chain(connectors).collect()
    }
}

/// The line of the suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct SuiteRecord {
    clauses: Vec<Clause>,
    scenarios: Vec<SuiteScenario>,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Footer {
    /// How many lines have each verdict.
    pub counts: BTreeMap<String, usize>,
    /// How many lines have a verdict.
    pub lines: usize,
    /// SHA-256 over connector, case, verdict and results of each scenario in memory, hexadecimal.
    pub memory_digest: String,
    /// The same over the scenarios on the wire: equal when the tiers agree.
    pub wire_digest: String,
    /// SHA-256 over all verdicts and summaries as they stand in the file, hexadecimal.
    pub digest: String,
    /// SHA-256 over the lines of suite and connectors as they stand in the file, hexadecimal; none where there are none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub background_digest: Option<String>,
}

/// One line of `report.ndjson`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Record {
    Header(Header),
    Suite(SuiteRecord),
    Connector(Box<Dossier>),
    Verdict(Box<Line>),
    Summary(Summary),
    Footer(Footer),
}

/// A whole report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The first line.
    pub header: Header,
    /// What pages say beside the verdicts; none in a report that was made for its verdicts alone.
    pub background: Option<Background>,
    /// The verdicts.
    pub lines: Vec<Line>,
    /// What the verdicts amount to, a summary a connector in the order of the header.
    pub summaries: Vec<Summary>,
    /// The last line.
    pub footer: Footer,
}

/// The JSON Schema of a line of a report.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Record)
}

/// The text of a header line.
pub fn header_line(header: &Header) -> String {
    line_of(&Record::Header(header.clone()))
}

/// The text of a verdict line.
pub fn verdict_line(line: &Line) -> String {
    line_of(&Record::Verdict(Box::new(line.clone())))
}

/// The text of a summary line.
pub fn summary_line(summary: &Summary) -> String {
    line_of(&Record::Summary(summary.clone()))
}

/// The text of a footer line.
pub fn footer_line(footer: &Footer) -> String {
    line_of(&Record::Footer(footer.clone()))
}

fn line_of(record: &Record) -> String {
    // A record is made of texts, numbers and lists: writing it cannot fail.
    serde_json::to_string(record).unwrap_or_default()
}

impl Footer {
    /// The footer of these verdicts and summaries.
    pub fn of(lines: &[Line], summaries: &[Summary]) -> Footer {
        let mut counts = BTreeMap::new();
        for line in lines {
            *counts.entry(line.verdict.as_str().to_owned()).or_insert(0) += 1;
        }
        let scenarios =
            |tier: &'static str| lines.iter().filter(move |line| line.tier == tier && !line.case.starts_with("check:"));
        Footer {
            counts,
            lines: lines.len(),
            memory_digest: digest_of(scenarios("memory")),
            wire_digest: digest_of(scenarios("wire")),
            digest: hex::encode(digest::sha256(
                lines
                    .iter()
                    .map(verdict_line)
                    .chain(summaries.iter().map(summary_line))
                    .collect::<Vec<_>>()
                    .join("\n")
                    .as_bytes(),
            )),
            background_digest: None,
        }
    }

    /// The same with the digest of what stands beside the verdicts.
    pub fn with(self, background: Option<&Background>) -> Footer {
        let digest = |background: &Background| hex::encode(digest::sha256(background.records().join("\n").as_bytes()));
        Footer { background_digest: background.map(digest), ..self }
    }
}

fn digest_of<'l>(lines: impl Iterator<Item = &'l Line>) -> String {
    let mut text = String::new();
    for line in lines {
        let results = line.results.as_deref().unwrap_or_default();
        text.push_str(&format!("{}\t{}\t{}\t{results}\n", line.connector, line.case, line.verdict));
    }
    hex::encode(digest::sha256(text.as_bytes()))
}

impl Report {
    /// Reads a report and checks that it is whole and of this suite: what the commands that use reports read.
    ///
    /// # Errors
    /// As [`Report::parse`], and another version or other content of the suite.
    pub fn read(text: &str, suite: &Suite) -> Result<Report, String> {
        let report = Report::parse(text)?;
        let header = &report.header;
        if header.suite != suite.version {
            let (found, current) = (&header.suite, &suite.version);
            return Err(format!("line 1: the report is of suite {found}, the current one is {current}: run it again"));
        }
        if header.suite_digest != suite.digest || header.scenarios != suite.scenarios.len() {
            return Err(format!(
                "line 1: the report is of a suite {} with other scenarios than the current one: run it again",
                header.suite
            ));
        }
        Ok(report)
    }

    /// Reads a report and checks that it is whole.
    ///
    /// # Errors
    /// The line that cannot be read, a missing header or footer, a verdict that stands twice, a level that does not follow from the
    /// verdicts, or counts and digests that do not agree with the lines.
    pub fn parse(text: &str) -> Result<Report, String> {
        let mut records = text.lines().enumerate().map(|(index, line)| {
            serde_json::from_str::<Record>(line)
                .map_err(|cause| format!("line {}: not a report line: {cause}", index + 1))
        });
        let Some(Record::Header(header)) = records.next().transpose()? else {
            return Err("line 1: expected the header of a report".to_owned());
        };
        if header.format != FORMAT {
            return Err(format!("line 1: format {} is not {FORMAT}, the one this version reads", header.format));
        }
        let mut lines: Vec<Line> = Vec::new();
        let mut background: Option<Background> = None;
        let mut summaries: Vec<Summary> = Vec::new();
        let mut footer = None;
        for record in records {
            let record = record?;
            let begun = !lines.is_empty() || !summaries.is_empty();
            match (record, &mut background) {
                _ if footer.is_some() => return Err(ORDER.to_owned()),
                (Record::Suite(suite), None) if !begun => {
                    let SuiteRecord { clauses, scenarios } = suite;
                    background = Some(Background { clauses, scenarios, connectors: Vec::new() });
                }
                (Record::Connector(dossier), Some(background)) if !begun => background.connectors.push(*dossier),
                (Record::Verdict(line), _) if summaries.is_empty() => lines.push(*line),
                (Record::Summary(summary), _) => summaries.push(summary),
                (Record::Footer(found), _) => footer = Some(found),
                _ => return Err(ORDER.to_owned()),
            }
        }
        let footer = footer.ok_or("the report has no footer: the run did not end, run it again")?;
        let report = Report { header, background, lines, summaries, footer };
        report.check()?;
        Ok(report)
    }

    /// What must hold between the parts of a report.
    fn check(&self) -> Result<(), String> {
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = self.lines.iter().find(|line| !seen.insert((&line.connector, &line.case, &line.tier))) {
            return Err(format!("{} {} on {} stands twice", twice.connector, twice.case, twice.tier));
        }
        if let Some(line) = self.lines.iter().find(|line| !self.header.connectors.contains(&line.connector)) {
            return Err(format!("{} {} is of a connector that the header does not name", line.connector, line.case));
        }
        if !self.summaries.iter().map(|summary| &summary.connector).eq(&self.header.connectors) {
            return Err("expected one summary for each connector of the header, in its order".to_owned());
        }
        let ids = |background: &Background| -> Vec<String> {
            background.connectors.iter().map(|dossier| dossier.capabilities.id.clone()).collect()
        };
        if self.background.as_ref().is_some_and(|background| ids(background) != self.header.connectors) {
            return Err("expected one line of declarations for each connector of the header, in its order".to_owned());
        }
        let differs = |summary: &&Summary| {
            **summary != Summary::of(&self.header, &self.lines, &summary.connector, summary.facts.clone())
        };
        if let Some(wrong) = self.summaries.iter().find(differs) {
            return Err(format!("the summary of {} does not follow from its verdicts", wrong.connector));
        }
        match Footer::of(&self.lines, &self.summaries).with(self.background.as_ref()) == self.footer {
            true => Ok(()),
            false => Err("the footer does not agree with the lines: the report was altered".to_owned()),
        }
    }

    /// The report as NDJSON.
    pub fn to_ndjson(&self) -> String {
        let mut text = header_line(&self.header);
        for record in self.background.iter().flat_map(Background::records) {
            text.push('\n');
            text.push_str(&record);
        }
        for line in &self.lines {
            text.push('\n');
            text.push_str(&verdict_line(line));
        }
        for summary in &self.summaries {
            text.push('\n');
            text.push_str(&summary_line(summary));
        }
        format!("{text}\n{}\n", footer_line(&self.footer))
    }

    /// Whether everything that applies passed.
    pub fn passed(&self) -> bool {
        self.lines.iter().all(|line| matches!(line.verdict, Verdict::Pass | Verdict::NotApplicable | Verdict::Exempt))
    }

    /// Whether something could not be judged.
    pub fn incomplete(&self) -> bool {
        self.lines.iter().any(|line| matches!(line.verdict, Verdict::NotRun | Verdict::HarnessError))
    }

    /// The report as JUnit XML: a suite a connector and tier, a case a line.
    pub fn to_junit(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"quittance\">\n");
        for connector in &self.header.connectors {
            for tier in &self.header.tiers {
                let lines: Vec<&Line> =
                    self.lines.iter().filter(|line| line.connector == *connector && line.tier == *tier).collect();
                junit_suite(&mut out, connector, tier, &lines);
            }
        }
        out.push_str("</testsuites>\n");
        out
    }
}

fn junit_suite(out: &mut String, connector: &str, tier: &str, lines: &[&Line]) {
    let count = |verdicts: &[Verdict]| lines.iter().filter(|line| verdicts.contains(&line.verdict)).count();
    out.push_str(&format!(
        "  <testsuite name=\"{connector} ({tier})\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n",
        lines.len(),
        count(&[Verdict::Fail]),
        count(&[Verdict::NotRun, Verdict::HarnessError]),
        count(&[Verdict::NotApplicable, Verdict::Exempt]),
    ));
    for line in lines {
        let name = escape(&line.case);
        out.push_str(&format!("    <testcase classname=\"{connector}.{tier}\" name=\"{name}\""));
        let because = escape(line.because.as_deref().unwrap_or_default());
        match line.verdict {
            Verdict::Pass => out.push_str("/>\n"),
            Verdict::NotApplicable | Verdict::Exempt => {
                out.push_str(&format!("><skipped message=\"{because}\"/></testcase>\n"));
            }
            Verdict::Fail => {
                let text: Vec<String> = line.findings.iter().map(ToString::to_string).collect();
                out.push_str(&format!("><failure>{}</failure></testcase>\n", escape(&text.join("\n"))));
            }
            Verdict::NotRun | Verdict::HarnessError => {
                out.push_str(&format!("><error message=\"{because}\"/></testcase>\n"));
            }
        }
    }
    out.push_str("  </testsuite>\n");
}

fn escape(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}
