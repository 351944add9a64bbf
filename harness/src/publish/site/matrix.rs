//! The two overviews: connectors by operation and method, scenarios by connector.

use std::collections::{BTreeMap, BTreeSet};

use quittance::{Family, Op};
use serde::Serialize;

use super::page_of;
use crate::certify::dossier::Dossier;
use crate::certify::report::{Line, Verdict};
use crate::publish::{Book, Standing, Tally, id_of, is_check};

/// The index.
#[derive(Debug, Serialize)]
pub(super) struct Index {
    connectors: Vec<Row>,
    operations: Vec<&'static str>,
    methods: Vec<&'static str>,
    regions: Vec<String>,
    grades: Vec<String>,
    tally: Tally,
}

/// A connector in the index.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    name: String,
    page: String,
    standing: Standing,
    tally: Tally,
    regions: Vec<String>,
    /// How many scenarios and checks it alone fails.
    alone: usize,
    operations: Vec<Cell>,
    methods: Vec<Cell>,
    /// What the search looks through, in small letters.
    text: String,
}

/// One place of a matrix.
#[derive(Debug, Serialize)]
struct Cell {
    /// `pass`, `fail`, `exempt`, `not_run`, or `none` for what is not declared.
    mark: &'static str,
    /// How many cases stand behind it.
    cases: usize,
    /// The row's or column's other name, for readers of one cell.
    of: String,
}

/// The scenarios by connector.
#[derive(Debug, Serialize)]
pub(super) struct Scenarios {
    connectors: Vec<(String, String)>,
    rows: Vec<ScenarioRow>,
    operations: BTreeSet<String>,
}

/// A scenario or a check.
#[derive(Debug, Serialize)]
struct ScenarioRow {
    id: String,
    anchor: String,
    title: String,
    operation: String,
    clauses: Vec<String>,
    cells: Vec<Cell>,
    failing: usize,
    text: String,
}

pub(super) fn index(book: &Book<'_>) -> Index {
    let dossiers = &book.background.connectors;
    let used =
        |family: &&Family| dossiers.iter().any(|dossier| families(dossier).any(|declared| declared == family.as_str()));
    let families: Vec<&'static str> = Family::ALL.iter().filter(used).map(|family| family.as_str()).collect();
    let connectors: Vec<Row> = dossiers.iter().map(|dossier| row(book, dossier, &families)).collect();
    let regions: BTreeSet<String> = connectors.iter().flat_map(|row| row.regions.clone()).collect();
    let grades: BTreeSet<String> = connectors.iter().map(|row| row.standing.grade.clone()).collect();
    let mut tally = Tally::default();
    for row in &connectors {
        tally.scenarios += row.tally.scenarios;
        tally.checks += row.tally.checks;
        tally.failed += row.tally.failed;
        tally.not_run += row.tally.not_run;
        tally.trials += row.tally.trials;
    }
    Index {
        connectors,
        operations: Op::ALL.iter().map(|op| op.as_str()).collect(),
        methods: families,
        regions: regions.into_iter().collect(),
        grades: grades.into_iter().collect(),
        tally,
    }
}

/// The families that a connector declares.
fn families(dossier: &Dossier) -> impl Iterator<Item = &str> {
    let kinds = dossier.capabilities.methods.iter().chain(&dossier.capabilities.mandates);
    kinds.map(|kind| kind.split('/').next().unwrap_or(kind))
}

fn row(book: &Book<'_>, dossier: &Dossier, all_families: &[&'static str]) -> Row {
    let id = id_of(dossier);
    let can = &dossier.capabilities;
    let mut of_operation: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
    let mut of_method: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
    let mut alone = BTreeSet::new();
    for line in book.lines(id) {
        if book.fails_alone(line) {
            alone.insert(&line.case);
        }
        if let Some(scenario) = book.scenario(&line.case) {
            of_operation.entry(&scenario.proves).or_default().push(line);
        }
        for method in book.case(id, &line.case).iter().flat_map(|case| &case.methods) {
            of_method.entry(method).or_default().push(line);
        }
    }
    let cell = |name: &str, declared: bool, lines: Option<&Vec<&Line>>| match declared {
        true => cell(name, lines.map(Vec::as_slice).unwrap_or_default()),
        false => Cell { mark: "none", cases: 0, of: name.to_owned() },
    };
    let operations = Op::ALL.iter().map(|op| {
        let declared = can.operations.iter().any(|name| name == op.as_str());
        cell(op.as_str(), declared, of_operation.get(op.as_str()))
    });
    let methods = all_families
        .iter()
        .map(|family| cell(family, families(dossier).any(|declared| declared == *family), of_method.get(family)));
    let words =
        [&[can.id.clone(), can.name.clone()][..], &can.operations, &can.methods, &can.currencies, &can.countries];
    Row {
        id: id.to_owned(),
        name: can.name.clone(),
        page: page_of(id),
        standing: book.standing(id),
        tally: book.tally(id),
        regions: match can.regions.is_empty() {
            true => vec!["not published".to_owned()],
            false => can.regions.clone(),
        },
        alone: alone.len(),
        operations: operations.collect(),
        methods: methods.collect(),
        text: words.concat().join(" ").to_lowercase(),
    }
}

/// What the lines come to: the worst of them.
fn cell(name: &str, lines: &[&Line]) -> Cell {
    let has = |verdicts: &[Verdict]| lines.iter().any(|line| verdicts.contains(&line.verdict));
    let mark = match () {
        () if has(&[Verdict::Fail]) => "fail",
        () if has(&[Verdict::NotRun, Verdict::HarnessError]) => "not_run",
        () if has(&[Verdict::Exempt]) => "exempt",
        () if has(&[Verdict::Pass]) => "pass",
        () if has(&[Verdict::NotApplicable]) => "none",
        // Declared, but this run played no case of it.
        () => "not_run",
    };
    let played = lines.iter().filter(|line| line.verdict != Verdict::NotApplicable);
    let cases: BTreeSet<&String> = played.map(|line| &line.case).collect();
    Cell { mark, cases: cases.len(), of: name.to_owned() }
}

pub(super) fn scenarios(book: &Book<'_>) -> Scenarios {
    let connectors: Vec<&str> = book.background.connectors.iter().map(id_of).collect();
    // By scenario or check, then by connector.
    let mut lines: BTreeMap<&str, BTreeMap<&str, Vec<&Line>>> = BTreeMap::new();
    for line in &book.report.lines {
        let name = super::super::scenario_of(&line.case);
        lines.entry(name).or_default().entry(&line.connector).or_default().push(line);
    }
    let row = |name: &str, lines: &BTreeMap<&str, Vec<&Line>>| {
        let scenario = book.scenario(name);
        let first = lines.values().flatten().next();
        let cells = connectors.iter().map(|id| cell(id, lines.get(id).map(Vec::as_slice).unwrap_or_default()));
        let cells: Vec<Cell> = cells.collect();
        let title = scenario.map_or_else(|| "derived from every tape".to_owned(), |scenario| scenario.title.clone());
        let operation = scenario.map_or("check", |scenario| &scenario.proves).to_owned();
        let clauses = first.map(|line| line.clauses.clone()).unwrap_or_default();
        ScenarioRow {
            id: name.to_owned(),
            anchor: anchor(name),
            text: format!("{name} {title} {}", clauses.join(" ")).to_lowercase(),
            failing: cells.iter().filter(|cell| cell.mark == "fail").count(),
            title,
            operation,
            clauses,
            cells,
        }
    };
    let (checks, cases): (Vec<_>, Vec<_>) =
        lines.iter().partition(|(_, lines)| lines.values().flatten().any(|line| is_check(line)));
    let rows: Vec<ScenarioRow> = cases.into_iter().chain(checks).map(|(name, lines)| row(name, lines)).collect();
    Scenarios {
        connectors: connectors.iter().map(|id| ((*id).to_owned(), page_of(id))).collect(),
        operations: rows.iter().map(|row| row.operation.clone()).collect(),
        rows,
    }
}

/// A case as the name of a place on a page.
pub(super) fn anchor(case: &str) -> String {
    case.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}
