//! `quittance self-test`: the harness certifies itself by the bugs planted in its reference connector.

use std::process::ExitCode;
use std::time::Instant;

use clap::Args;

use super::{FAIL, pretty, say};
use crate::certify::checks::CHECKS;
use crate::reference::matrix::{Extent, Laboratory, Matrix, Row};
use crate::reference::{BUGS, Planted};
use crate::world::{Unusable, World, unknown};

/// Certify the harness itself: every planted bug must be found, and every check must find one
#[derive(Debug, Args)]
#[command(
    after_help = "The reference connector without a bug must pass everything on both tiers. Each bug is planted in it and must be found \
    by the scenarios and checks that the bug names; a check that finds none of them is worth nothing.\n\n\
    Examples:\n  quittance self-test\n  quittance self-test --full\n  quittance self-test --bug key_from_clock\n  quittance self-test --json\n\n\
    Exit codes: 0 the harness is sound, 1 a bug survives or a check finds nothing, 2 unusable input."
)]
pub(super) struct SelfTest {
    /// Only this bug, with everything that finds it
    #[arg(long, value_name = "NAME")]
    bug: Option<String>,
    /// Put every bug through every check, and not only through those that it names
    #[arg(long)]
    full: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl SelfTest {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        let only = self.bug.as_deref().map(planted).transpose()?;
        let extent = if self.full || only.is_some() { Extent::Full } else { Extent::Scenarios };
        let laboratory = Laboratory::open(world, CHECKS, extent)?;
        if let Some(planted) = only {
            return Ok(self.one(planted, &laboratory.row(planted)));
        }
        let start = Instant::now();
        let progress = super::certify::progress(BUGS.len());
        let matrix = laboratory.matrix(&|| progress.inc(1));
        progress.finish_and_clear();
        let faults = matrix.faults();
        match self.json {
            true => say(&pretty(&matrix.to_json())),
            false => print(&matrix, &faults, start.elapsed().as_millis()),
        }
        Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAIL) })
    }

    fn one(&self, planted: &'static Planted, row: &Row) -> ExitCode {
        let rows = vec![(planted, row.clone())];
        let matrix = Matrix { checks: Vec::new(), shown: Vec::new(), rows, unsound: Vec::new(), trials: 0 };
        let faults = matrix.faults();
        if self.json {
            say(&pretty(&matrix.to_json()));
        } else {
            say(&format!("{}: {}", planted.bug.name(), planted.what));
            row.scenarios.iter().for_each(|(scenario, found)| say(&format!("     {scenario}: {found}")));
            for (check, found) in row.checks.iter().filter_map(|(check, found)| Some((check, found.as_ref()?))) {
                say(&format!("     check:{check}: {found}"));
            }
            faults.iter().for_each(|fault| say(&format!("FAIL {fault}")));
        }
        if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAIL) }
    }
}

fn planted(name: &str) -> Result<&'static Planted, Unusable> {
    BUGS.iter().find(|planted| planted.bug.name() == name).ok_or_else(|| {
        let names: Vec<String> = BUGS.iter().map(|planted| planted.bug.name()).collect();
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        Unusable::Text(unknown("bug", name, &known))
    })
}

fn print(matrix: &Matrix, faults: &[String], milliseconds: u128) {
    const WIDTH: usize = 32;
    let names: Vec<String> =
        matrix.checks.iter().enumerate().map(|(index, check)| format!("{} {check}", index + 1)).collect();
    say(&format!("checks: {}", names.join(", ")));
    let numbers: String = (1..=matrix.checks.len()).map(|number| format!("{number:>3}")).collect();
    say(&format!("{:WIDTH$} {:>9}{numbers}", "bug", "scenarios"));
    for (planted, row) in &matrix.rows {
        let cell = |check: &&str| match row.checks.get(*check) {
            Some(Some(_)) => "  x",
            Some(None) => "  .",
            None => "   ",
        };
        let cells: String = matrix.checks.iter().map(cell).collect();
        say(&format!("{:WIDTH$} {:>9}{cells}", planted.bug.name(), row.scenarios.len()));
    }
    say("x found it, . did not, blank: not run; under scenarios, how many fail");
    faults.iter().for_each(|fault| say(&format!("FAIL {fault}")));
    let killed = matrix.rows.iter().filter(|(_, row)| row.is_killed()).count();
    let verdict = if faults.is_empty() { "the harness is sound" } else { "FAIL" };
    say(&format!(
        "{killed} of {} bugs killed, {} checks, {} trials without a bug, {milliseconds} ms: {verdict}",
        matrix.rows.len(),
        matrix.checks.len(),
        matrix.trials
    ));
}
