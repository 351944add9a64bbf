//! `quittance tapes`: the tapes that a connector's declarations ask for, after they have changed.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{FAIL, pretty, say};
use crate::scaffold::{self, TapesReport};
use crate::world::{Unusable, World};

/// Write the tapes that a connector's declarations ask for and that are missing, to be filled in
#[derive(Debug, Args)]
#[command(
    after_help = "A connector that declares more (an operation, a method, a partial refund) needs further tapes. Each is drafted from the \
    connector's other tapes, step by step; what they do not show is marked as ${fill:...}, and the tape is not played before the last \
    mark is gone. No file that is there is changed. Tapes that no case uses any more are listed, to be deleted.\n\n\
    Examples:\n  quittance tapes stripe\n  quittance tapes stripe --check\n  quittance tapes stripe --check --json\n\n\
    Exit codes: 0 nothing is missing or unused (or, without --check, the missing ones were written), 1 something is, 2 unusable input."
)]
pub(super) struct Tapes {
    /// The connector
    #[arg(value_name = "ID")]
    id: String,
    /// Write nothing, only tell
    #[arg(long, visible_alias = "dry-run")]
    check: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Tapes {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        let report = scaffold::tapes(world, world.entry(&self.id)?, self.check)?;
        match self.json {
            true => say(&pretty(&json!(report))),
            false => print(&report),
        }
        let is_left = report.missing.iter().any(|tape| !tape.written) || (self.check && !report.unused.is_empty());
        Ok(if is_left { ExitCode::from(FAIL) } else { ExitCode::SUCCESS })
    }
}

fn print(report: &TapesReport) {
    for tape in &report.missing {
        let verb = if tape.written { "new    " } else { "missing" };
        say(&format!("{verb} {}: {}", tape.file, tape.title));
        match &tape.because {
            Some(why) => say(&format!("          {why}")),
            None => tape.steps.iter().for_each(|step| say(&format!("          {step}"))),
        }
    }
    report.unused.iter().for_each(|file| say(&format!("unused  {file}: no case uses it any more; delete it")));
    report.unfilled.iter().for_each(|file| say(&format!("to fill {file}")));
    let written = report.missing.iter().filter(|tape| tape.written).count();
    say(&format!(
        "{}: {} missing, {written} of them written, {} unused, {} to be filled in",
        report.connector,
        report.missing.len(),
        report.unused.len(),
        report.unfilled.len() + written,
    ));
    if written > 0 {
        say(&format!("next: fill them in; cargo run -- certify {} --tier memory names the places", report.connector));
    }
}
