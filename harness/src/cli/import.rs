//! `quittance import`: a tape out of a HAR file.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::number::number;
use super::source::Source;
use super::{pretty, say, tell_note};
use crate::files::write_atomically;
use crate::har::{self, ImportReport, MAX_HAR_BYTES, Options};
use crate::world::{Unusable, World};

/// Make a tape of a HAR file
#[derive(Debug, Args)]
#[command(
    after_help = "HAR 1.2, as browsers and mitmproxy write it. Entries of the connector's hosts become exchanges; credentials, keys, \
    references, test cards, ids, tokens and times become holes, and requests take the holes of a present tape with the same method and \
    path; what stays as it is there is told. WebSockets, a browser's own headers and requests without an answer are left out. A card number that is no test card of the profile, and a key that looks live, are refused by place, never shown.\n\n\
    Examples:\n  quittance import purchase.har --connector stripe --case authorize.captured --dry-run\n  \
    quittance import purchase.har --connector stripe --case refund.full --credentials stripe.toml --replace\n  \
    quittance import bank.har --connector natwest --case open_banking.settled@uk --host sandbox.bank.example --steps 1,1,2\n\n\
    Exit codes: 0 made, 2 unusable input; nothing is written then."
)]
pub(super) struct ImportCommand {
    /// The HAR file; - is standard input
    #[arg(value_name = "FILE.har")]
    file: String,
    /// The connector
    #[arg(long, value_name = "ID")]
    connector: String,
    /// The case that the tape is for: a scenario's id, with @BRAND where it is played for each brand
    #[arg(long, value_name = "CASE")]
    case: String,
    /// Take entries of this host too
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Take these entries alone, by their number in the file, from 1
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = number::<usize>(1..=10_000))]
    entries: Vec<usize>,
    /// The scenario's step of each entry that is taken; else as in the present tape, or one after the other
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = number::<u32>(1..=99))]
    steps: Vec<u32>,
    /// The credentials that stand in the file, so that they become holes wherever they stand
    #[arg(long, value_name = "FILE")]
    credentials: Option<String>,
    /// The vendor's environment, as the tape names it
    #[arg(long, value_name = "NAME", default_value = "sandbox")]
    env: String,
    /// Print the tape and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write over a tape that is there
    #[arg(long)]
    replace: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl ImportCommand {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        let suite = world.suite()?;
        let entries = world.entries(std::slice::from_ref(&self.connector))?;
        let entry = entries.first().ok_or_else(|| Unusable::Text("give --connector ID".to_owned()))?;
        let source = Source::read_up_to(MAX_HAR_BYTES, &self.file, "the HAR file")?;
        let subject = world.subject(entry)?;
        let options = Options {
            case: self.case.clone(),
            hosts: self.host.clone(),
            entries: self.entries.clone(),
            steps: self.steps.clone(),
            credentials: self.credentials.clone(),
            environment: self.env.clone(),
        };
        let mut report = har::import(world, &suite, &subject, &source.name, &source.bytes, &options)?;
        let path = har::path_of(world, &report);
        if !self.dry_run {
            if let Some(why) = report.replay.as_ref().filter(|_| !report.readable) {
                let told = format!("{}: {why}; nothing was written, --dry-run shows it", self.file);
                return Err(Unusable::Text(told));
            }
            if path.exists() && !self.replace {
                let told = format!(
                    "{}: there is a tape already; --replace writes over it, --dry-run shows the new one",
                    report.file
                );
                return Err(Unusable::Text(told));
            }
            if let Some(why) = report.replay.as_ref().filter(|_| path.exists()) {
                let told = format!(
                    "{}: there is a tape already and the new one is no better, nothing was written: {why}",
                    report.file
                );
                return Err(Unusable::Text(told));
            }
            let failed = |error| Unusable::Text(format!("{}: cannot be written: {error}", report.file));
            write_atomically(&path, report.tape.as_bytes()).map_err(failed)?;
            report.written = true;
        }
        match self.json {
            true => say(&pretty(&json!(report))),
            false => print(&report),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What to do about a tape that does not replay.
fn next(report: &ImportReport) -> String {
    let ImportReport { connector, case, file, .. } = report;
    let write = if report.written { "" } else { "write it (without --dry-run), then " };
    let numbers: Vec<String> = report.steps_without_exchange.iter().map(ToString::to_string).collect();
    let (steps, have) = if numbers.len() == 1 { ("step", "has") } else { ("steps", "have") };
    let more = match numbers.is_empty() {
        true => String::new(),
        false => format!(
            "{steps} {} of {case} {have} no exchange yet: record it into the same HAR file, or write it by hand; then ",
            numbers.join(", ")
        ),
    };
    format!(
        "next: {more}{write}put right in {file} what is named above: a value that is new each time becomes a hole (specs/formats.md), a step that \
         is not the scenario's is taken out or moved by --steps; `quittance certify {connector} --tier memory --scenario '{case}'` plays it again"
    )
}

fn print(report: &ImportReport) {
    if !report.written {
        say(report.tape.trim_end());
    }
    let entries: Vec<String> = report.entries.iter().map(ToString::to_string).collect();
    let (noun, numbers) = (if entries.len() == 1 { "entry" } else { "entries" }, entries.join(", "));
    tell_note(&format!("{noun} {numbers} taken, {} of other hosts or not asked for", report.left_out));
    for (number, why) in &report.no_exchanges {
        tell_note(&format!("entry {number} left out: {why}"));
    }
    if !report.headers_left_out.is_empty() {
        tell_note(&format!("headers of the browser left out: {}", report.headers_left_out.join(", ")));
    }
    tell_note(&format!("holes: {}", report.holes.join(" ")));
    report.literal.iter().for_each(|told| tell_note(told));
    match &report.replay {
        None => tell_note("it replays"),
        Some(why) => tell_note(why),
    }
    if report.written {
        tell_note(&format!("written: {}", report.file));
    }
    if report.replay.is_some() {
        tell_note(&next(report));
    }
}
