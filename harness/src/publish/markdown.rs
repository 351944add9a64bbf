//! A summary in Markdown, as continuous integration shows it beside a job.

use super::text::brief;
use super::{Book, is_check};
use crate::certify::report::{Line, Verdict};

/// The most failed lines that are told in full.
const MOST_LINES: usize = 40;
/// The most findings that are told of each.
const MOST_FINDINGS: usize = 5;

/// The summary: a table of connectors, then what does not hold with the command that repeats it.
pub fn markdown(book: &Book<'_>) -> String {
    let header = &book.report.header;
    let result = match (book.report.passed(), book.report.incomplete()) {
        (true, _) => "passed",
        (false, true) => "incomplete",
        (false, false) => "failed",
    };
    let mut out = format!("## Certification {result}\n\n");
    out.push_str("| connector | stands at | scenarios | checks | trials | failed | not run | exempt | n/a |\n");
    out.push_str("|---|---|--:|--:|--:|--:|--:|--:|--:|\n");
    for connector in &header.connectors {
        let tally = book.tally(connector);
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            prose(connector),
            prose(&book.standing(connector).title),
            tally.scenarios,
            tally.checks,
            tally.trials,
            tally.failed,
            tally.not_run,
            tally.exempt,
            tally.not_applicable
        ));
    }
    let narrowed = header.narrowed.as_ref().map(|pattern| format!(", only {}, which certifies nothing", code(pattern)));
    out.push_str(&format!(
        "\nSuite {}, seed {}, {}{}.\n",
        prose(&header.suite),
        header.seed,
        header.tiers.join(" and "),
        narrowed.unwrap_or_default()
    ));
    let bad = |line: &&Line| matches!(line.verdict, Verdict::Fail | Verdict::NotRun | Verdict::HarnessError);
    let bad: Vec<&Line> = book.report.lines.iter().filter(bad).collect();
    if !bad.is_empty() {
        out.push_str("\n### What does not hold\n");
    }
    bad.iter().take(MOST_LINES).for_each(|line| push_line(&mut out, book, line));
    if bad.len() > MOST_LINES {
        out.push_str(&format!("\nand {} more lines of the report.\n", bad.len() - MOST_LINES));
    }
    out
}

fn push_line(out: &mut String, book: &Book<'_>, line: &Line) {
    let alone = if book.fails_alone(line) { ", only here" } else { "" };
    let title =
        book.scenario(&line.case).filter(|_| !is_check(line)).map(|scenario| format!(": {}", prose(&scenario.title)));
    out.push_str(&format!(
        "\n**{} {}** ({} {}{alone}){}\n\n",
        prose(&line.connector),
        code(&line.case),
        line.verdict.as_str().replace('_', " "),
        line.tier,
        title.unwrap_or_default()
    ));
    if let Some(because) = &line.because {
        out.push_str(&format!("- {}\n", code(&brief(because))));
    }
    for finding in line.findings.iter().take(MOST_FINDINGS) {
        let (expected, found) = (code(&brief(&finding.expected)), code(&brief(&finding.found)));
        let (file, number) = book.place(line, finding);
        let place = code(&format!("{file}:{number}"));
        out.push_str(&format!("- {}: expected {expected}, found {found} ({place})\n", code(&brief(&finding.what))));
    }
    if line.findings.len() > MOST_FINDINGS {
        out.push_str(&format!("- and {} more\n", line.findings.len() - MOST_FINDINGS));
    }
    if let Some(repeat) = &line.repeat {
        out.push_str(&format!("- {} enforced; repeat: {}\n", line.clauses.join(", "), code(repeat)));
    }
}

/// A text as code: the fence is longer than any run of backticks in it.
fn code(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if text.is_empty() || text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A text that Markdown leaves as it is.
fn prose(text: &str) -> String {
    let special =
        |letter: char| matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '&' | '!' | '~');
    let escaped = |letter: char| if special(letter) { format!("\\{letter}") } else { letter.to_string() };
    brief(text).chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(prose("<b> a|b\n# c"), "\\<b\\> a\\|b \\# c");
    }
}
