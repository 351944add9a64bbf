//! `quittance record`: tapes out of a vendor's environment.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::certify::progress;
use super::vendor::Vendor;
use super::{FAIL, pretty, say};
use crate::record::{self, Options, Outcome, RecordReport};
use crate::words::plural;
use crate::world::{Unusable, World};

/// Names of environments in which money moves.
const LIVE: [&str; 4] = ["live", "production", "prod", "prd"];

/// Record tapes in a vendor's environment with your account
#[derive(Debug, Args)]
#[command(
    after_help = "The suite is played in the environment as far as one can be asked for it. What was exchanged is scrubbed: credentials, keys, \
    tokens, card numbers, ids and times become holes. A tape is written only when nothing in it is in doubt and it replays three times \
    in memory; then it says where and when it was recorded. What comes from a server on this machine or from quittance serve is no \
    recording: it needs --out, and its tapes are marked synthesised.\n\n\
    Examples:\n  quittance record stripe --env sandbox --credentials stripe.toml\n  \
    quittance record stripe --env sandbox --credentials stripe.toml --scenario 'refund.*' --dry-run\n  \
    quittance record stripe --env sandbox --base-url http://127.0.0.1:4242 --out recorded\n\n\
    Exit codes: 0 everything that can be asked for was recorded, 1 something was not, 2 unusable input."
)]
pub(super) struct RecordCommand {
    #[command(flatten)]
    vendor: Vendor,
    /// The vendor's environment, as the tapes name it
    #[arg(long, value_name = "NAME")]
    env: String,
    /// Write the tapes into this folder; else into fixtures/ID, over those that are there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl RecordCommand {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        let is_word = self.env.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !is_word || self.env.is_empty() || LIVE.contains(&self.env.as_str()) {
            return Err(Unusable::Text(format!(
                "--env {}: expected the name of a test environment, as sandbox",
                self.env
            )));
        }
        let (suite, subject, setting) = self.vendor.open(world)?;
        let options = Options {
            setting,
            scenario: self.vendor.scenario.clone(),
            environment: self.env.clone(),
            out: self.out.clone(),
            dry_run: self.dry_run,
        };
        let bar = progress(subject.tapes.len());
        let report = record::record(world, &suite, &subject, &options, |case| {
            bar.inc(1);
            bar.set_message(case.case.clone());
        })?;
        bar.finish_and_clear();
        match self.json {
            true => say(&pretty(&json!(report))),
            false => print(&report),
        }
        Ok(match report.count(Outcome::Failed) + report.count(Outcome::Refused) {
            0 if report.count(Outcome::Recorded) > 0 => ExitCode::SUCCESS,
            _ => ExitCode::from(FAIL),
        })
    }
}

fn print(report: &RecordReport) {
    for case in report.cases.iter().filter(|case| case.outcome != Outcome::LeftOut) {
        let word = match case.outcome {
            Outcome::Recorded => "recorded",
            Outcome::Failed => "FAILED",
            Outcome::Refused => "REFUSED",
            Outcome::LeftOut => "left out",
        };
        let file = case.file.as_deref().unwrap_or_default();
        let exchanges = plural(case.exchanges, "exchange");
        let line = format!("{word:9} {:36} {:>2} {exchanges:9}  {file}", case.case, case.exchanges);
        say(line.trim_end());
        case.because.iter().for_each(|why| say(&format!("          {why}")));
    }
    report.not_the_vendors.iter().for_each(|why| say(&format!("marked synthesised, not recorded: {why}")));
    say(&format!(
        "{}: {} recorded, {} refused, {} failed, {} that no environment can be asked for",
        report.connector,
        report.count(Outcome::Recorded),
        report.count(Outcome::Refused),
        report.count(Outcome::Failed),
        report.count(Outcome::LeftOut),
    ));
}
