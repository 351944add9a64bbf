//! `quittance report`: pages, summaries and badges out of the report of a run.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::source::Source;
use super::{pretty, say, tell_note};
use crate::certify::report::Report;
use crate::files::write_atomically;
use crate::publish::{self, Book};
use crate::world::{Unusable, World};

/// A report of 60 connectors has some 25 MB.
const MAX_REPORT_BYTES: u64 = 512 * 1024 * 1024;

/// Make a site, SARIF, Markdown, badges or JUnit XML out of a report
#[derive(Debug, Args)]
#[command(
    after_help = "The report is what `quittance certify --out DIR` writes as report.ndjson; nothing else is read.\n\n\
    Examples:\n  quittance certify --out out; quittance report out/report.ndjson --html out/site\n  \
    quittance report out/report.ndjson --markdown - >> \"$GITHUB_STEP_SUMMARY\"\n  \
    quittance report out/report.ndjson --sarif out/quittance.sarif --badges out/badges\n  \
    quittance report out/report.ndjson --out out/all\n\n\
    Without an option, the table of the run is printed.\n\n\
    Exit codes: 0 made, whatever the verdicts say; 2 the report is unusable: cut off, altered, or of another suite."
)]
pub(super) struct ReportCommand {
    /// The report; - is standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// Write a site into this folder; open its index.html
    #[arg(long, value_name = "DIR")]
    html: Option<PathBuf>,
    /// Write SARIF 2.1.0 to this file; - is standard output
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Write a summary in Markdown to this file; - is standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write a badge a connector into this folder: ID.svg
    #[arg(long, value_name = "DIR")]
    badges: Option<PathBuf>,
    /// Write JUnit XML to this file; - is standard output
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write all of them into this folder, under their usual names
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print what each connector comes to as JSON
    #[arg(long)]
    json: bool,
}

impl ReportCommand {
    pub(super) fn run(&self, root: Option<&Path>) -> Result<ExitCode, Unusable> {
        let report = open(root, &self.file)?;
        let book = Book::open(&report).map_err(|why| Unusable::Text(format!("{}: {why}", self.file)))?;
        let mut made = Vec::new();
        let targets = self.targets();
        let prints = targets.is_empty();
        for (target, kind) in targets {
            made.extend(write(&book, &target, kind)?);
        }
        match (self.json, prints) {
            (true, _) => say(&pretty(&summary(&book))),
            (false, true) => super::certify::print(&report),
            (false, false) => made.iter().for_each(|(what, path)| tell_note(&format!("{what}: {}", path.display()))),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What is to be made, and where.
    fn targets(&self) -> Vec<(PathBuf, Kind)> {
        let own = [
            (&self.html, Kind::Html),
            (&self.sarif, Kind::Sarif),
            (&self.markdown, Kind::Markdown),
            (&self.badges, Kind::Badges),
            (&self.junit, Kind::Junit),
        ];
        let mut targets: Vec<(PathBuf, Kind)> =
            own.into_iter().filter_map(|(path, kind)| path.clone().map(|path| (path, kind))).collect();
        if let Some(folder) = &self.out {
            targets.extend(Kind::ALL.map(|kind| (folder.join(kind.usual_name()), kind)));
        }
        targets
    }
}

/// The report in a file; - is standard input.
pub(super) fn open(root: Option<&Path>, file: &str) -> Result<Report, Unusable> {
    let source = Source::read_up_to(MAX_REPORT_BYTES, file, "the report")?;
    let text = std::str::from_utf8(&source.bytes)
        .map_err(|_| Unusable::Text(format!("{}: not UTF-8, so no report", source.name)))?;
    read(root, text).map_err(|why| Unusable::Text(format!("{}: {why}", source.name)))
}

/// Reads a report; inside a project, it has to be of the project's suite.
fn read(root: Option<&Path>, text: &str) -> Result<Report, String> {
    match World::find(root) {
        Ok(world) => Report::read(text, &world.suite().map_err(|unusable| unusable.to_string())?),
        Err(_) if root.is_none() => Report::parse(text),
        Err(unusable) => Err(unusable.to_string()),
    }
}

/// What can be made of a report.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Html,
    Sarif,
    Markdown,
    Badges,
    Junit,
}

impl Kind {
    pub(super) const ALL: [Kind; 5] = [Kind::Html, Kind::Sarif, Kind::Markdown, Kind::Badges, Kind::Junit];

    /// The files by which it is entered, in a folder that holds everything.
    pub(super) fn entrances(self, connectors: &[String]) -> Vec<String> {
        match self {
            Kind::Html => vec!["site/index.html".to_owned()],
            Kind::Badges => connectors.iter().map(|id| format!("badges/{id}.svg")).collect(),
            other => vec![other.usual_name().to_owned()],
        }
    }

    /// Its name in a folder that holds everything.
    pub(super) fn usual_name(self) -> &'static str {
        match self {
            Kind::Html => "site",
            Kind::Sarif => "quittance.sarif",
            Kind::Markdown => "summary.md",
            Kind::Badges => "badges",
            Kind::Junit => "junit.xml",
        }
    }
}

/// Makes one thing at its place; tells what was made there, unless it went to standard output.
pub(super) fn write(book: &Book<'_>, target: &Path, kind: Kind) -> Result<Option<(&'static str, PathBuf)>, Unusable> {
    let failed =
        |path: &Path, error: std::io::Error| Unusable::Text(format!("{}: cannot be written: {error}", path.display()));
    let file = |what: &'static str, content: String| {
        if target.as_os_str() == "-" {
            say(content.trim_end());
            return Ok(None);
        }
        write_atomically(target, content.as_bytes()).map_err(|error| failed(target, error))?;
        Ok(Some((what, target.to_owned())))
    };
    let folder = |what: &'static str, pages: Vec<(String, String)>| {
        for (name, content) in pages {
            let path = target.join(name);
            write_atomically(&path, content.as_bytes()).map_err(|error| failed(&path, error))?;
        }
        Ok(Some((what, target.to_owned())))
    };
    match kind {
        Kind::Html => {
            let pages = publish::site(book).map_err(Unusable::Text)?;
            folder("site", pages.into_iter().map(|page| (page.name, page.content)).collect())
        }
        Kind::Badges => {
            let badge = |id: &String| (format!("{id}.svg"), publish::badge(id, &book.standing(id)));
            folder("badges", book.report.header.connectors.iter().map(badge).collect())
        }
        Kind::Sarif => file("SARIF", pretty(&publish::sarif(book)) + "\n"),
        Kind::Markdown => file("Markdown", publish::markdown(book)),
        Kind::Junit => file("JUnit", book.report.to_junit()),
    }
}

fn summary(book: &Book<'_>) -> Value {
    let connector = |id: &String| json!({ "id": id, "standing": book.standing(id), "tally": book.tally(id) });
    json!({
        "suite": book.report.header.suite,
        "seed": book.report.header.seed,
        "tiers": book.report.header.tiers,
        "passed": book.report.passed(),
        "incomplete": book.report.incomplete(),
        "connectors": book.report.header.connectors.iter().map(connector).collect::<Vec<_>>(),
    })
}
