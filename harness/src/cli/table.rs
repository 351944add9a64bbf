//! Tables out of the figures of a report: hostile answers by operation, and mutants by operation.

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum;
use quittance::Op;

use crate::certify::report::{Line, Report};

/// A table to print instead of the connectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Table {
    /// What hostile answers and faults end in, by operation
    Hostile,
    /// How mutants of answers are graded, by operation
    Mutation,
}

impl Table {
    /// The table as text, without a line break at the end.
    pub(super) fn of(self, report: &Report) -> String {
        match self {
            Table::Hostile => hostile(report),
            Table::Mutation => mutation(report),
        }
    }
}

fn lines_of<'r>(report: &'r Report, check: &'static str) -> impl Iterator<Item = &'r Line> {
    report.lines.iter().filter(move |line| line.case.strip_prefix("check:") == Some(check))
}

/// Operations in the order of the contract, those of `names` only.
fn operations<'n>(names: &BTreeSet<&'n str>) -> Vec<&'n str> {
    Op::ALL.iter().filter_map(|op| names.get(op.as_str()).copied()).collect()
}

/// One count: what came instead of an answer, at which operation, and what it ended in.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Ended<'r> {
    answer: &'r str,
    op: &'r str,
    outcome: &'r str,
    effect: &'r str,
}

impl<'r> Ended<'r> {
    fn of(figure: &'r str) -> Option<Ended<'r>> {
        let mut parts = figure.split('/');
        let (answer, op, outcome) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Ended { answer, op, outcome, effect: parts.next().unwrap_or_default() })
    }

    fn is_final(&self) -> bool {
        self.outcome.starts_with("final ") || self.outcome == "panic"
    }

    /// The outcome in two letters, with `?` for effect unknown and `.` for none.
    fn short(&self) -> String {
        let word = match self.outcome {
            "rate_limited" => "RL",
            "not_found" => "NF",
            "own form" => "ok",
            "as without" => "as",
            final_state if self.is_final() => return final_state.to_owned(),
            other => other.get(..2).unwrap_or(other),
        };
        let effect = match self.effect {
            "unknown" => "?",
            "none" => ".",
            _ => "",
        };
        format!("{word}{effect}")
    }
}

fn hostile(report: &Report) -> String {
    let figures = |check| {
        lines_of(report, check)
            .flat_map(|line| &line.figures)
            .filter_map(|(name, count)| Some((Ended::of(name)?, *count)))
            .collect::<Vec<_>>()
    };
    let answers = figures("hostile_answers");
    let all: Vec<(Ended<'_>, usize)> = figures("faults").into_iter().chain(figures("hostile_answers")).collect();
    let ops = operations(&answers.iter().map(|(ended, _)| ended.op).collect());
    let mut cells: BTreeMap<(&str, &str), BTreeMap<String, usize>> = BTreeMap::new();
    for (ended, count) in &answers {
        *cells.entry((ended.answer, ended.op)).or_default().entry(ended.short()).or_default() += count;
    }
    let names: BTreeSet<&str> = answers.iter().map(|(ended, _)| ended.answer).collect();
    let cell = |answer, op| {
        let counted = cells.get(&(answer, op)).into_iter().flatten();
        counted.map(|(word, count)| format!("{word}{count}")).collect::<Vec<_>>().join(" ")
    };
    let mut rows = vec![std::iter::once("answer".to_owned()).chain(ops.iter().map(|op| (*op).to_owned())).collect()];
    rows.extend(names.into_iter().map(|name| {
        std::iter::once(name.to_owned()).chain(ops.iter().map(|op| cell(name, op))).collect::<Vec<String>>()
    }));
    let legend = "pr protocol, un unavailable, RL rate_limited, in invalid, cr credentials, NF not_found, si signature: \
                  a delivery stays unproven; ok: the provider's own answer has that form; ? effect unknown, . effect none";
    format!("{}\n{legend}\n{}", columns(&rows), totals(&all))
}

/// The sums that must be whole: limits are known as such, what may have happened is not denied, nothing final comes of nothing.
fn totals(all: &[(Ended<'_>, usize)]) -> String {
    let sum = |wanted: &dyn Fn(&Ended<'_>) -> bool| -> usize {
        all.iter().filter(|(ended, _)| wanted(ended)).map(|(_, count)| count).sum()
    };
    // A delivery whose key or object cannot be fetched is not believed: nothing was asked for that could have had an effect.
    let asked = |ended: &Ended<'_>| ended.op != Op::Webhook.as_str();
    let limited = |ended: &Ended<'_>| asked(ended) && ended.answer.starts_with("429");
    let open = |ended: &Ended<'_>| {
        let broken = ["reset", "timeout", "slow body", "cut"].contains(&ended.answer);
        asked(ended) && (broken || ended.answer.starts_with('5'))
    };
    let part = |of: &dyn Fn(&Ended<'_>) -> bool, holds: &dyn Fn(&Ended<'_>) -> bool| {
        format!("{} of {}", sum(&|ended| of(ended) && holds(ended)), sum(of))
    };
    format!(
        "429 answered as rate_limited: {}\n5xx, reset, cut, time-out with effect unknown: {}\nfinal states from unusable answers: {} of {}",
        part(&limited, &|ended| ended.outcome == "rate_limited"),
        part(&open, &|ended| ended.effect == "unknown"),
        sum(&|ended| ended.is_final()),
        sum(&|_| true),
    )
}

fn mutation(report: &Report) -> String {
    let grades = ["correct", "safe", "unsafe", "noticed"];
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (name, count) in lines_of(report, "mutation").flat_map(|line| &line.figures) {
        let (op, grade) = name.split_once('/').unwrap_or(("all", name));
        *counts.entry((op, grade)).or_default() += count;
    }
    let names: BTreeSet<&str> = counts.keys().map(|(op, _)| *op).collect();
    let head = ["operation", "mutants", "correct", "safe", "unsafe", "noticed", "score"];
    let mut rows = vec![head.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>()];
    for op in operations(&names).into_iter().chain(["all"]) {
        let [correct, safe, wrong, noticed] = grades.map(|grade| counts.get(&(op, grade)).copied().unwrap_or(0));
        let mutants = correct + safe + wrong;
        let numbers = [mutants, correct, safe, wrong, noticed].map(|count| count.to_string());
        rows.push(std::iter::once(op.to_owned()).chain(numbers).chain([score(correct + safe, mutants)]).collect());
    }
    columns(&rows)
}

/// A share in per cent with two decimals, cut off: 100.00 only for all.
fn score(part: usize, whole: usize) -> String {
    let hundredths = (part * 10_000).checked_div(whole).unwrap_or(0);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|at| widest(at).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_tell_what_is_not_whole() {
        let figures = [
            ("429 text/refund/rate_limited/none", 3),
            ("429 text/refund/protocol/unknown", 1),
            ("429 text/webhook/signature/none", 9),
            ("502 html/capture/unavailable/none", 2),
            ("reset/capture/network/unknown", 5),
            ("200 {}/void/final voided", 1),
        ];
        let all: Vec<(Ended<'_>, usize)> =
            figures.iter().map(|(name, count)| (Ended::of(name).unwrap(), *count)).collect();
        let told = totals(&all);
        assert!(told.contains("rate_limited: 3 of 4"), "{told}");
        assert!(told.contains("effect unknown: 5 of 7"), "{told}");
        assert!(told.contains("unusable answers: 1 of 21"), "{told}");
    }

    #[test]
    fn a_score_is_cut_off() {
        assert_eq!(score(9_999, 10_000), "99.99 %");
        assert_eq!(score(99_999, 100_000), "99.99 %");
        assert_eq!(score(7, 7), "100.00 %");
        assert_eq!(score(0, 0), "0.00 %");
    }
}
