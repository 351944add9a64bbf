//! What is made of a report for readers and other tools, made here of plays with canaries: where the check `canary` looks last.

use std::collections::BTreeMap;

use super::dossier::{Dossier, ShownCase, background};
use super::ground::Ground;
use super::report::{Footer, Header, Line, Report};
use crate::certificate::key::SigningKey;
use crate::certificate::tree::{Tree, Trees};
use crate::certificate::{Certificate, Facts, Issue, Level, Summary};
use crate::publish::{Book, markdown, sarif, site};
use crate::world::Subject;

/// Every text that is published of a run with these lines and cases, with its name: the whole report, its forms, the pages and the certificate.
/// Badges hold nothing but the level.
///
/// # Errors
/// What cannot be made, in words.
pub(super) fn texts(
    ground: &Ground<'_>,
    subject: &Subject,
    lines: Vec<Line>,
    cases: Vec<ShownCase>,
) -> Result<Vec<(&'static str, String)>, String> {
    let connector = subject.entry.spec.id;
    let header = Header::alone(connector, ground.seed);
    let facts = Facts::of(ground.plan, subject);
    let summary = Summary { level: Some(Level::Silver), ..Summary::of(&header, &lines, connector, facts) };
    let scenarios = ground.plan.scenarios.iter().map(|(scenario, _)| scenario.as_ref());
    let background = background(scenarios, BTreeMap::new(), vec![Dossier::with(subject, cases)]);
    let footer = Footer::of(&lines, std::slice::from_ref(&summary));
    let report = Report { header, lines, summaries: vec![summary], background: Some(background), footer };
    let book = Book::open(&report)?;
    let mut texts = vec![
        ("report.ndjson with its background", report.to_ndjson()),
        ("the SARIF file", sarif(&book).to_string()),
        ("the Markdown summary", markdown(&book)),
        ("a certificate", certificate(&report)?),
    ];
    texts.extend(site(&book)?.into_iter().map(|page| ("an HTML page", page.content)));
    Ok(texts)
}

/// A certificate as if the run had given a level; it stands on no files, so nobody would take it.
fn certificate(report: &Report) -> Result<String, String> {
    let [summary] = report.summaries.as_slice() else { return Err("expected one summary".to_owned()) };
    let none = Tree::default;
    let run = Issue {
        summary,
        lines: &report.lines.iter().collect::<Vec<_>>(),
        seed: report.header.seed,
        suite_version: "",
        trees: Trees { source: none(), suite: none(), tapes: none(), toolchain: none() },
        today: jiff::civil::Date::ZERO,
    };
    Ok(Certificate::issue(&run, &SigningKey::generate()?)?.to_json())
}
