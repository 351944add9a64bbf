//! The page of a connector.

use std::collections::BTreeMap;

use quittance::Op;
use serde::Serialize;

use super::matrix::anchor;
use crate::certificate::{Histogram, Summary};
use crate::certify::dossier::{Dossier, ShownCase};
use crate::certify::report::{Line, Verdict};
use crate::publish::fields::{Field, fields};
use crate::publish::text::{Side, sides};
use crate::publish::{Book, Standing, Tally, id_of, is_check};
use crate::run::case::Finding;
use crate::story::readable;
use crate::tape::ShownRecord;

/// A connector.
#[derive(Debug, Serialize)]
pub(super) struct Connector<'r> {
    dossier: &'r Dossier,
    summary: Option<&'r Summary>,
    standing: Standing,
    tally: Tally,
    credentials: Vec<Field>,
    checks: Vec<Check<'r>>,
    scenarios: Vec<Scenario>,
    operations: Vec<String>,
    not_applicable: Vec<(String, String)>,
    /// How many exchanges and deliveries the tapes hold.
    exchanges: usize,
}

/// A check derived from the tapes.
#[derive(Debug, Serialize)]
struct Check<'r> {
    name: &'r str,
    anchor: String,
    line: &'r Line,
    figures: Vec<(&'r str, usize)>,
    grids: Vec<Grid<'r>>,
    findings: Vec<Shown>,
    alone: bool,
}

/// Figures that count by two things: `429 text/refund/rate_limited/none`, `refund/safe`.
#[derive(Debug, Serialize)]
struct Grid<'r> {
    columns: Vec<&'r str>,
    rows: Vec<(&'r str, Vec<String>)>,
}

/// A case, on every tier.
#[derive(Debug, Serialize)]
struct Scenario {
    case: String,
    anchor: String,
    title: String,
    operation: String,
    class: String,
    clauses: Vec<String>,
    file: String,
    tape: Option<String>,
    /// The worst verdict.
    verdict: &'static str,
    verdicts: Vec<(String, &'static str)>,
    because: Option<String>,
    repeat: Option<String>,
    alone: bool,
    steps: Vec<Step>,
    /// What does not hold for the case as a whole.
    findings: Vec<Shown>,
    text: String,
}

/// A step with its exchanges.
#[derive(Debug, Serialize)]
struct Step {
    number: usize,
    does: String,
    came_to: String,
    exchanges: Vec<Exchange>,
    findings: Vec<Shown>,
}

/// An exchange with its bodies laid out.
#[derive(Debug, Serialize)]
struct Exchange {
    record: ShownRecord,
    body: String,
    answer_body: String,
}

/// A finding, side by side.
#[derive(Debug, Serialize)]
struct Shown {
    what: String,
    place: String,
    tiers: Vec<String>,
    expected: Side,
    found: Side,
}

pub(super) fn page<'r>(book: &Book<'r>, dossier: &'r Dossier) -> Connector<'r> {
    let id = id_of(dossier);
    let mut by_case: BTreeMap<&str, Vec<&'r Line>> = BTreeMap::new();
    let mut checks = Vec::new();
    let mut not_applicable = Vec::new();
    for line in book.lines(id) {
        match (is_check(line), line.verdict) {
            (true, _) => checks.push(check(book, line)),
            (false, Verdict::NotApplicable) => {
                let row = (line.case.clone(), line.because.clone().unwrap_or_default());
                if !not_applicable.contains(&row) {
                    not_applicable.push(row);
                }
            }
            (false, _) => by_case.entry(&line.case).or_default().push(line),
        }
    }
    let mut scenarios: Vec<Scenario> =
        by_case.into_iter().map(|(case, lines)| scenario(book, id, case, &lines)).collect();
    // What does not hold comes first.
    scenarios.sort_by_key(|scenario| scenario.verdict == Verdict::Pass.as_str());
    let mut operations: Vec<String> = scenarios.iter().map(|scenario| scenario.operation.clone()).collect();
    operations.sort_unstable();
    operations.dedup();
    Connector {
        dossier,
        summary: book.summary(id),
        standing: book.standing(id),
        tally: book.tally(id),
        credentials: fields(&dossier.credentials),
        checks,
        scenarios,
        operations,
        not_applicable,
        exchanges: book.summary(id).map_or(0, |summary| {
            let Histogram { recorded, documented, synthesised } = summary.facts.provenance;
            recorded + documented + synthesised
        }),
    }
}

fn check<'r>(book: &Book<'r>, line: &'r Line) -> Check<'r> {
    let name = line.case.strip_prefix("check:").unwrap_or(&line.case);
    let findings = line.findings.iter().map(|finding| shown(book, line, finding)).collect();
    let (grids, figures): (Vec<_>, Vec<_>) =
        line.figures.iter().map(|(name, count)| (name.as_str(), *count)).partition(|(name, _)| name.contains('/'));
    let (graded, ended) = grids.into_iter().partition(|(name, _)| name.matches('/').count() == 1);
    let grids = [graded, ended].into_iter().filter(|figures: &Vec<_>| !figures.is_empty());
    let grids = grids.map(|figures| grid(&figures)).collect();
    Check { name, anchor: anchor(&line.case), line, figures, grids, findings, alone: book.fails_alone(line) }
}

/// Figures laid out: what comes first in the name gives the row, the second part the column, what follows stands beside the count.
fn grid<'r>(figures: &[(&'r str, usize)]) -> Grid<'r> {
    let parts = |name: &'r str| -> (&'r str, &'r str, &'r str) {
        let (row, rest) = name.split_once('/').unwrap_or((name, ""));
        let (column, outcome) = rest.split_once('/').unwrap_or((rest, ""));
        (row, column, outcome)
    };
    let place = |column: &str| Op::ALL.iter().position(|op| op.as_str() == column);
    let mut columns: Vec<&str> = figures.iter().map(|(name, _)| parts(name).1).collect();
    columns.sort_unstable_by_key(|column| (place(column), *column));
    columns.dedup();
    let mut cells: BTreeMap<&str, BTreeMap<&str, Vec<String>>> = BTreeMap::new();
    for (name, count) in figures {
        let (row, column, outcome) = parts(name);
        let told = format!("{count} {}", outcome.replace('/', ", effect ").replace('_', " "));
        cells.entry(row).or_default().entry(column).or_default().push(told.trim_end().to_owned());
    }
    let row = |(name, by_column): (&'r str, BTreeMap<&str, Vec<String>>)| {
        let cell = |column: &&str| by_column.get(column).map(|told| told.join("; ")).unwrap_or_default();
        (name, columns.iter().map(cell).collect())
    };
    let rows = cells.into_iter().map(row).collect();
    Grid { columns, rows }
}

fn scenario(book: &Book<'_>, id: &str, case: &str, lines: &[&Line]) -> Scenario {
    let of_suite = book.scenario(case);
    let played = book.case(id, case);
    let worst = [Verdict::Fail, Verdict::HarnessError, Verdict::NotRun, Verdict::Exempt]
        .into_iter()
        .find(|verdict| lines.iter().any(|line| line.verdict == *verdict))
        .unwrap_or(Verdict::Pass);
    let mut findings: Vec<(u32, Shown)> = Vec::new();
    for line in lines {
        for finding in &line.findings {
            let next = shown(book, line, finding);
            let same = |(step, known): &&mut (u32, Shown)| {
                *step == finding.step
                    && (&known.what, &known.expected, &known.found) == (&next.what, &next.expected, &next.found)
            };
            match findings.iter_mut().find(same) {
                Some((_, known)) => known.tiers.extend(next.tiers),
                None => findings.push((finding.step, next)),
            }
        }
    }
    let told = lines.iter().find(|line| line.verdict == worst);
    let failed = lines.iter().find(|line| !line.exchanges.is_empty());
    let exchanges = failed.map(|line| &line.exchanges).or(played.map(|case| &case.exchanges));
    let steps = steps(played, exchanges.map(Vec::as_slice).unwrap_or_default(), &mut findings);
    let title = of_suite.map(|scenario| scenario.title.clone()).unwrap_or_default();
    let clauses = lines.first().map(|line| line.clauses.clone()).unwrap_or_default();
    Scenario {
        case: case.to_owned(),
        anchor: anchor(case),
        text: format!("{case} {title} {}", clauses.join(" ")).to_lowercase(),
        title,
        operation: of_suite.map(|scenario| scenario.proves.clone()).unwrap_or_default(),
        class: of_suite.map(|scenario| crate::story::word(&scenario.class)).unwrap_or_default(),
        clauses,
        file: of_suite.map(|scenario| scenario.file.clone()).unwrap_or_default(),
        tape: played.map(|case| case.tape.clone()),
        verdict: worst.as_str(),
        verdicts: lines.iter().map(|line| (line.tier.clone(), line.verdict.as_str())).collect(),
        because: told.and_then(|line| line.because.clone()),
        repeat: told.and_then(|line| line.repeat.clone()),
        alone: lines.iter().any(|line| book.fails_alone(line)),
        steps,
        findings: findings.into_iter().map(|(_, finding)| finding).collect(),
    }
}

/// The steps with their exchanges and findings; what belongs to none of them stays in `findings`.
fn steps(played: Option<&ShownCase>, exchanges: &[ShownRecord], findings: &mut Vec<(u32, Shown)>) -> Vec<Step> {
    let reached = played.map(|case| case.steps.as_slice()).unwrap_or_default();
    let step = |(step, number): (&crate::certify::dossier::ShownStep, u32)| {
        let of_step = exchanges.iter().filter(|exchange| exchange.step == number);
        let (mine, others) = std::mem::take(findings).into_iter().partition(|(step, _)| *step == number);
        *findings = others;
        let mine: Vec<(u32, Shown)> = mine;
        Step {
            number: usize::try_from(number).unwrap_or_default(),
            does: step.does.clone(),
            came_to: step.came_to.clone(),
            exchanges: of_step.map(exchange).collect(),
            findings: mine.into_iter().map(|(_, finding)| finding).collect(),
        }
    };
    reached.iter().zip(1..).map(step).collect()
}

fn exchange(record: &ShownRecord) -> Exchange {
    Exchange {
        body: readable(&record.headers, &record.body),
        answer_body: readable(&record.answer_headers, &record.answer_body),
        record: record.clone(),
    }
}

fn shown(book: &Book<'_>, line: &Line, finding: &Finding) -> Shown {
    let (expected, found) = sides(&finding.expected, &finding.found);
    let (file, number) = book.place(line, finding);
    let tiers = vec![line.tier.clone()];
    Shown { what: finding.what.clone(), place: format!("{file}:{number}"), tiers, expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_laid_out_by_operation() {
        let figures = [
            ("429 text/refund/rate_limited/none", 3),
            ("429 text/authorize/rate_limited/none", 2),
            ("429 text/refund/protocol/unknown", 1),
            ("reset/refund/network/unknown", 5),
        ];
        let grid = grid(&figures);
        assert_eq!(grid.columns, ["authorize", "refund"]);
        let expected = ["2 rate limited, effect none", "3 rate limited, effect none; 1 protocol, effect unknown"];
        assert_eq!(grid.rows[0], ("429 text", expected.map(str::to_owned).to_vec()));
        assert_eq!(grid.rows[1], ("reset", vec![String::new(), "5 network, effect unknown".to_owned()]));
    }
}
