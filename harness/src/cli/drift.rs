//! `quittance drift`: what a vendor's environment answers otherwise than the tapes.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::certify::progress;
use super::vendor::Vendor;
use super::{FAIL, pretty, say};
use crate::record::drift::{DriftReport, drift};
use crate::words::counted;
use crate::world::{Unusable, World};

/// Show how a vendor's answers differ in form from the tapes
#[derive(Debug, Args)]
#[command(
    after_help = "The suite is played in the environment as far as one can be asked for it. Fields that are new, gone or of another type \
    are listed by pointer, with status and media type; values are neither compared nor shown.\n\n\
    Examples:\n  quittance drift stripe --credentials stripe.toml\n  \
    quittance drift stripe --credentials stripe.toml --scenario 'refund.*' --json\n  \
    quittance drift stripe --base-url http://127.0.0.1:4242\n\n\
    Exit codes: 0 nothing differs, 1 something does, 2 unusable input."
)]
pub(super) struct DriftCommand {
    #[command(flatten)]
    vendor: Vendor,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl DriftCommand {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        let (suite, subject, setting) = self.vendor.open(world)?;
        let bar = progress(subject.tapes.len());
        let report = drift(&suite, &subject, &setting, self.vendor.scenario.as_deref(), |case| {
            bar.inc(1);
            bar.set_message(case.id.clone());
        })?;
        bar.finish_and_clear();
        match self.json {
            true => say(&pretty(&json!(report))),
            false => print(&report),
        }
        Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::from(FAIL) })
    }
}

fn print(report: &DriftReport) {
    // The same field of the same operation differs in many cases: told once, with their number.
    let mut places: BTreeMap<(&str, &str, &str, &str), Vec<&str>> = BTreeMap::new();
    for drifted in &report.differences {
        let found = &drifted.difference;
        let key = (
            drifted.method.as_str(),
            found.place(),
            found.tape.as_deref().unwrap_or("absent"),
            found.live.as_deref().unwrap_or("absent"),
        );
        places.entry(key).or_default().push(&drifted.case);
    }
    for ((method, at, tape, live), cases) in places {
        let first = cases.first().copied().unwrap_or_default();
        let more = if cases.len() > 1 { format!(" and {} more", cases.len() - 1) } else { String::new() };
        say(&format!("{method:6} {at}: {tape} on the tape, {live} now ({first}{more})"));
    }
    for ended in &report.ended_otherwise {
        say(&format!("{} step {}: {} does not hold", ended.case, ended.step, ended.what));
    }
    say(&format!(
        "{}: {}, {}, {}, {} not met; {} that no environment can be asked for",
        report.connector,
        counted(report.cases, "case"),
        counted(report.exchanges, "exchange"),
        counted(report.differences.len(), "difference"),
        counted(report.ended_otherwise.len(), "expectation"),
        counted(report.left_out, "case"),
    ));
}
