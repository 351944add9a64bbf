//! `quittance certify`: plays the suite against connectors and runs the checks derived from their tapes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::interrupt::Interrupt;
use super::issue::Certificates;
use super::number::seed;
use super::report::Kind;
use super::request::quoted;
use super::table::Table;
use super::{FAIL, UNUSABLE, say, tell_note};
use crate::certificate::{Facts, Level, Mutation, Summary};
use crate::certify::dossier::{self, Dossier};
use crate::certify::report::{self, Background, Footer, Header, Line, Report, Verdict};
use crate::certify::{self, Options, Plan, SEED, Tiers};
use crate::publish::Book;
use crate::run::finding::folded;
use crate::run::wire::Wire;
use crate::scenario::Suite;
use crate::world::{Subject, Unusable, World};

/// Certify connectors against the shared scenarios
#[derive(Debug, Args)]
#[command(after_help = "Without --tier, everything runs in memory and the scenarios on the wire as well.\n\n\
    Examples:\n  quittance certify\n  quittance certify stripe adyen --tier memory\n  quittance certify stripe --scenario 'refund.*'\n  \
    quittance certify --out certification\n  quittance certify --certificates certificates --key certifier.pem\n  \
    quittance certify --tier memory --table hostile\n\nExit codes: 0 everything passed, 1 something failed, 2 unusable input or an incomplete run, 130 interrupted.")]
pub(super) struct Certify {
    /// The connectors; all when none is named
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Only scenarios whose id matches, also several times; `*` stands for any text. `quittance list --scenarios` has them
    #[arg(long, value_name = "GLOB")]
    scenario: Vec<String>,
    /// Only this tier
    #[arg(long)]
    tier: Option<Tier>,
    /// Write report.ndjson into this folder and, made of it, site, badges, quittance.sarif, summary.md and junit.xml
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also hold every tape against the vendors' descriptions in this folder, under the names that specs/descriptions gives
    #[arg(long, value_name = "DIR")]
    descriptions: Option<PathBuf>,
    #[command(flatten)]
    certificates: Certificates,
    /// Print the report as NDJSON instead of a table
    #[arg(long)]
    json: bool,
    /// Print this table as well; with --json its counts stand in `figures`
    #[arg(long, conflicts_with = "json")]
    table: Option<Table>,
    /// Seed of everything minted
    #[arg(long, value_name = "NUMBER", default_value_t = SEED, value_parser = seed)]
    seed: u64,
    /// Seed of the secrets that are new in each run, as a failed check canary names it; also QUITTANCE_CANARY_SEED
    #[arg(long, value_name = "NUMBER", value_parser = seed)]
    canary_seed: Option<u64>,
}

/// A tier by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tier {
    /// In memory, without a runtime or a socket
    Memory,
    /// Real HTTP over loopback
    Wire,
}

impl Certify {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        let so_far = Interrupt::watch(self.out.clone());
        if let Some(seed) = self.canary_seed()? {
            crate::canary::fix_seed(seed);
        }
        let suite = world.suite()?;
        let entries = world.entries(&self.ids)?;
        let options = self.options(&suite)?;
        if let Some(folder) = self.descriptions.as_deref().filter(|folder| !folder.is_dir()) {
            let told =
                format!("{}: no such folder; name the one that holds the vendors' descriptions", folder.display());
            return Err(Unusable::Text(told));
        }
        if let Some(folder) = &self.descriptions {
            entries.iter().try_for_each(|entry| crate::descriptions::look_for(world, entry.spec.id, folder))?;
        }
        let ids = entries.iter().map(|entry| entry.spec.id.to_owned()).collect();
        let header = Header::of(&suite, &options, ids);
        let issuer = self.certificates.issuer()?;
        let subjects = entries.iter().map(|entry| world.subject(entry)).collect::<Result<Vec<_>, _>>()?;
        for subject in &subjects {
            certify::misfits::fits(&world.root, &suite, subject)?;
        }
        let background = match self.json || self.out.is_some() {
            true => Some(background(world, &suite, &subjects, &options)?),
            false => None,
        };
        let mut sink = Sink::open(self.out.as_deref(), &header, background.as_ref())?;
        let run = Run { world, suite: &suite, options: &options, descriptions: self.descriptions.as_deref() };
        so_far.of(subjects.len());
        let lines = run.all(&subjects, &mut sink, &so_far)?;
        if let Some(connector) = header.connectors.iter().find(|id| !lines.iter().any(|line| is_case_of(line, id))) {
            let pattern = options.narrowed.as_deref().unwrap_or_default();
            return Err(Unusable::Text(format!(
                "no case of {connector} matches `{pattern}`; `quittance list --scenarios` shows all scenarios"
            )));
        }
        // The check that names them is not among what was asked for.
        for subject in subjects.iter().filter(|_| options.narrowed.is_some()) {
            for file in certify::misfits::strays(&Plan::of(&suite, subject), subject) {
                tell_note(&format!("{file}: no scenario selects this tape"));
            }
        }
        let summary = |subject: &Subject| {
            let facts = Facts::of(&Plan::of(&suite, subject), subject);
            Summary::of(&header, &lines, subject.entry.spec.id, facts)
        };
        let summaries: Vec<Summary> = subjects.iter().map(summary).collect();
        let footer = Footer::of(&lines, &summaries).with(background.as_ref());
        let report = Report { header, background, lines, summaries, footer };
        sink.close(&report)?;
        if self.json {
            say(report.to_ndjson().trim_end());
        } else {
            print(&report);
            if let Some(table) = self.table {
                say(&table.of(&report));
            }
        }
        if let Some(issuer) = issuer {
            issuer.write(world, &report, self.json)?;
        }
        Ok(match (report.passed(), report.incomplete()) {
            (true, _) => ExitCode::SUCCESS,
            (false, true) => ExitCode::from(UNUSABLE),
            (false, false) => ExitCode::from(FAIL),
        })
    }

    /// The seed of the canaries that is asked for; the option goes before the environment.
    fn canary_seed(&self) -> Result<Option<u64>, Unusable> {
        match (self.canary_seed, std::env::var("QUITTANCE_CANARY_SEED")) {
            (None, Ok(text)) => {
                let told = |why| Unusable::Text(format!("QUITTANCE_CANARY_SEED: {why}, found `{text}`"));
                seed(&text).map(Some).map_err(told)
            }
            (given, _) => Ok(given),
        }
    }

    fn options(&self, suite: &Suite) -> Result<Options, Unusable> {
        let narrowed = (!self.scenario.is_empty()).then(|| self.scenario.join(","));
        certify::known_scenario(suite, narrowed.as_deref())?;
        let tiers = match self.tier {
            None => Tiers::Both,
            Some(Tier::Memory) => Tiers::Memory,
            Some(Tier::Wire) => Tiers::Wire,
        };
        Ok(Options { seed: self.seed, tiers, narrowed })
    }
}

/// What the report says beside the verdicts.
pub(super) fn background(
    world: &World,
    suite: &Suite,
    subjects: &[Subject],
    options: &Options,
) -> Result<Background, Unusable> {
    let clauses = crate::contract::rules(&world.root.join("specs")).map_err(|error| vec![error])?;
    let dossier = |subject: &Subject| Dossier::of(suite, subject, options.seed, |case| options.selects(case));
    Ok(dossier::background(suite.scenarios.iter(), clauses, subjects.iter().map(dossier).collect()))
}

/// Whether a line is a scenario's, of that connector; a run without one has judged nothing.
fn is_case_of(line: &Line, connector: &str) -> bool {
    line.connector == connector && !line.case.starts_with("check:")
}

/// One run over some connectors.
struct Run<'a> {
    world: &'a World,
    suite: &'a Suite,
    options: &'a Options,
    descriptions: Option<&'a Path>,
}

impl Run<'_> {
    /// The lines of every connector, in order, written as soon as those before are there. Each worker has its own servers: on the wire a
    /// connector mostly waits, so there are more workers than cores.
    fn all(&self, subjects: &[Subject], sink: &mut Sink, so_far: &Interrupt) -> Result<Vec<Line>, Unusable> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let on_wire = self.options.tiers != Tiers::Memory;
        let workers = if on_wire { cores * 2 } else { cores }.min(subjects.len());
        let cannot_start = |error: std::io::Error| Unusable::Text(format!("loopback servers cannot start: {error}"));
        let wires = (0..workers).map(|_| on_wire.then(Wire::start).transpose());
        let wires: Vec<Option<Wire>> = wires.collect::<std::io::Result<_>>().map_err(cannot_start)?;
        let progress = progress(subjects.len());
        let next = Mutex::new(subjects.iter().enumerate());
        let (certified, ready) = std::sync::mpsc::channel();
        let all = std::thread::scope(|scope| {
            for wire in wires {
                let (certified, next) = (certified.clone(), &next);
                scope.spawn(move || {
                    loop {
                        // The lock must not be held while a connector is certified.
                        let Some((index, subject)) = lock(next).next() else { return };
                        if certified.send((index, self.lines(subject, wire.as_ref()))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(certified);
            let mut waiting = BTreeMap::new();
            let mut all = Vec::new();
            let mut written = 0;
            for (index, lines) in ready {
                waiting.insert(index, lines);
                while let Some(lines) = waiting.remove(&written) {
                    let lines: Vec<Line> = lines?;
                    sink.write(&lines)?;
                    all.extend(lines);
                    written += 1;
                    progress.inc(1);
                    so_far.one_more();
                }
            }
            Ok(all)
        });
        progress.finish_and_clear();
        all
    }

    /// The lines of one connector: in memory, on the wire, by the vendor's description.
    fn lines(&self, subject: &Subject, wire: Option<&Wire>) -> Result<Vec<Line>, Unusable> {
        let mut lines = match self.options.tiers {
            Tiers::Wire => Vec::new(),
            _ => certify::in_memory(self.suite, subject, self.options),
        };
        if let Some(wire) = wire {
            certify::add_the_wire(self.suite, subject, self.options, wire, &mut lines);
        }
        if let Some(folder) = self.descriptions {
            let checked = crate::descriptions::check(self.world, self.suite, subject, folder)?;
            let line = self.options.repeatable(certify::checks::descriptions(subject.entry.spec.id, checked));
            lines.push(against(folder, line));
        }
        Ok(lines)
    }
}

/// The line with the folder in its command, without which it would not be held against the descriptions again.
fn against(folder: &Path, line: Line) -> Line {
    let repeat = line.repeat.map(|repeat| format!("{repeat} --descriptions {}", quoted(&folder.display().to_string())));
    Line { repeat, ..line }
}

fn lock<T>(slot: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A bar on a terminal, nothing elsewhere.
pub(super) fn progress(steps: usize) -> ProgressBar {
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// Where the report is written while the run goes on: it has its footer only when the run came to its end.
#[derive(Debug)]
pub(super) struct Sink {
    folder: Option<(PathBuf, File)>,
}

impl Sink {
    pub(super) fn open(
        folder: Option<&Path>,
        header: &Header,
        background: Option<&Background>,
    ) -> Result<Sink, Unusable> {
        let Some(folder) = folder else { return Ok(Sink { folder: None }) };
        let failed = |error: std::io::Error| {
            Unusable::Text(format!("{}: the report cannot be written: {error}; choose another --out", folder.display()))
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        // Taken away until the run has ended: older ones must not stand beside a report that was broken off.
        for entrance in Kind::ALL.iter().flat_map(|kind| kind.entrances(&header.connectors)) {
            match std::fs::remove_file(folder.join(entrance)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        let mut file = File::create(folder.join("report.ndjson")).map_err(failed)?;
        let records = background.map(Background::records).unwrap_or_default();
        let first: String =
            std::iter::once(report::header_line(header)).chain(records).map(|line| line + "\n").collect();
        file.write_all(first.as_bytes()).map_err(failed)?;
        Ok(Sink { folder: Some((folder.to_owned(), file)) })
    }

    pub(super) fn write(&mut self, lines: &[Line]) -> Result<(), Unusable> {
        let Some((_, file)) = &mut self.folder else { return Ok(()) };
        let text: String = lines.iter().map(|line| report::verdict_line(line) + "\n").collect();
        file.write_all(text.as_bytes()).map_err(broken)
    }

    pub(super) fn close(&mut self, report: &Report) -> Result<(), Unusable> {
        let Some((folder, file)) = &mut self.folder else { return Ok(()) };
        for summary in &report.summaries {
            writeln!(file, "{}", report::summary_line(summary)).map_err(broken)?;
        }
        writeln!(file, "{}", report::footer_line(&report.footer)).map_err(broken)?;
        let book = Book::open(report).map_err(Unusable::Text)?;
        Kind::ALL
            .iter()
            .try_for_each(|kind| super::report::write(&book, &folder.join(kind.usual_name()), *kind).map(|_made| ()))
    }
}

fn broken(error: std::io::Error) -> Unusable {
    Unusable::Text(format!("the report cannot be written to its end: {error}"))
}

/// How many findings of a line are printed.
const SHOWN: usize = 12;

pub(super) fn print(report: &Report) {
    let mut failed: Vec<&Line> = report.lines.iter().filter(|line| line.verdict == Verdict::Fail).collect();
    // What is declared wrongly makes cases fail one after the other: the cause is told first.
    failed.sort_by_key(|line| line.case != "check:spec");
    for line in failed {
        say(&format!("FAIL {} {} ({})", line.connector, line.case, line.tier));
        say(&format!("     clauses {}", line.clauses.join(", ")));
        if let Some(because) = &line.because {
            say(&format!("     {because}"));
        }
        let findings = folded(&line.findings);
        for (finding, alike) in findings.iter().take(SHOWN) {
            let more = if *alike > 0 { format!(" (and {alike} more like it)") } else { String::new() };
            say(&format!("     {finding}{more}"));
        }
        if let Some((_, hidden)) = findings.split_at_checked(SHOWN).filter(|(_, hidden)| !hidden.is_empty()) {
            say(&format!(
                "     and {} more, --json prints all",
                hidden.iter().map(|(_, alike)| alike + 1).sum::<usize>()
            ));
        }
        if let Some(repeat) = &line.repeat {
            say(&format!("     repeat: {repeat}"));
        }
    }
    // What is missing is missing on both tiers, and for all that stands on one tape: told once.
    let mut told: Vec<(String, Vec<&str>, &str)> = Vec::new();
    for line in report.lines.iter().filter(|line| matches!(line.verdict, Verdict::NotRun | Verdict::HarnessError)) {
        let because = line.because.as_deref().unwrap_or_default();
        let head = format!("{} {}", line.verdict, line.connector);
        match told.iter_mut().find(|(other, _, why)| *other == head && *why == because) {
            Some((_, cases, _)) if cases.contains(&line.case.as_str()) => {}
            Some((_, cases, _)) => cases.push(&line.case),
            None => told.push((head, vec![&line.case], because)),
        }
    }
    for (head, cases, because) in told {
        let others = if cases.len() > 1 { format!(" and {} more", cases.len() - 1) } else { String::new() };
        say(&format!("{head} {}{others}: {because}", cases.first().copied().unwrap_or_default()));
    }
    say(&format!(
        "{:20} {:>9} {:>9} {:>6} {:>6} {:>6} {:>8}  {:10}  level",
        "connector", "scenarios", "checks", "failed", "n/a", "exempt", "trials", "result"
    ));
    for summary in &report.summaries {
        say(&row(report, summary));
    }
    report.summaries.iter().for_each(print_summary);
    for line in report.lines.iter().filter(|line| line.case == "check:descriptions") {
        say(&format!("{:20} description: {}", line.connector, line.because.as_deref().unwrap_or_default()));
    }
    let tiers = report.header.tiers.join(" and ");
    say(&format!(
        "suite {} ({tiers}), seed {}, memory {} wire {}",
        report.header.suite,
        report.header.seed,
        short(&report.footer.memory_digest),
        short(&report.footer.wire_digest)
    ));
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// What a level rests on, and what stands in the way of the next one.
fn print_summary(summary: &Summary) {
    let facts = &summary.facts;
    say(&format!("{:20} exchanges: {}", summary.connector, facts.provenance));
    if let Some(Mutation { correct, safe, harmful }) = summary.mutation {
        say(&format!("{:20} spoilt answers: {correct} correct, {safe} safe, {harmful} unsafe", ""));
    }
    for exemption in &facts.exemptions {
        say(&format!("{:20} exempt until {}: {} ({})", "", exemption.expires, exemption.scenario, exemption.owner));
    }
    // What gold asks for is the same for all, and no run can give it: the report tells it.
    for missing in summary.missing.iter().filter(|_| summary.next != Some(Level::Gold)) {
        let next = summary.next.map_or("any level".to_owned(), |next| next.to_string());
        say(&format!("{:20} before {next}: {missing}", ""));
    }
}

fn row(report: &Report, summary: &Summary) -> String {
    let connector = &summary.connector;
    let lines: Vec<&Line> = report.lines.iter().filter(|line| line.connector == *connector).collect();
    let is_check = |line: &&&Line| line.case.starts_with("check:");
    let count = |verdict: Verdict| lines.iter().filter(|line| line.verdict == verdict).count();
    let played = |line: &&&Line| matches!(line.verdict, Verdict::Pass | Verdict::Fail);
    let first_tier = report.header.tiers.first().map(String::as_str).unwrap_or_default();
    let in_first = |line: &&&Line| line.tier == first_tier;
    let scenarios = lines.iter().filter(|line| !is_check(line)).filter(played).filter(in_first).count();
    let checks = lines.iter().filter(is_check).count();
    let trials: usize = lines.iter().map(|line| line.trials).sum();
    let not_run = count(Verdict::NotRun) + count(Verdict::HarnessError);
    let result = match (count(Verdict::Fail), not_run) {
        (0, 0) => "pass",
        (0, _) => "incomplete",
        _ => "FAIL",
    };
    format!(
        "{connector:20} {scenarios:>9} {checks:>9} {:>6} {:>6} {:>6} {trials:>8}  {result:10}  {}",
        count(Verdict::Fail),
        lines.iter().filter(|line| line.verdict == Verdict::NotApplicable).filter(in_first).count(),
        count(Verdict::Exempt),
        summary.title,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_repeats_it_names_the_folder() {
        let line =
            Line { repeat: Some("quittance certify x".to_owned()), ..Line::new("x", "check:y", "memory", Vec::new()) };
        let repeat = against(Path::new("its folder"), line).repeat;
        assert_eq!(repeat.as_deref(), Some("quittance certify x --descriptions 'its folder'"));
    }
}
