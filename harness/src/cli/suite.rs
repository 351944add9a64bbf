//! `quittance suite`: the manifest that pins the scenarios.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{FAIL, say, tell_error};
use crate::scenario::{Manifest, Suite};
use crate::words::counted;
use crate::world::{Unusable, World};

/// Check or refresh specs/suite.toml, which pins the scenarios of this version
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  quittance suite                              whether the manifest fits the scenarios
  quittance suite --refresh --version 1.1.0    write it anew under a new version

Exit codes: 0 it fits, 1 it does not, 2 a scenario cannot be read.")]
pub(super) struct SuiteCommand {
    /// Say whether the manifest fits the scenarios (the default)
    #[arg(long, conflicts_with = "refresh")]
    check: bool,
    /// Write the manifest anew
    #[arg(long, requires = "version")]
    refresh: bool,
    /// The version of the suite as it is written, `major.minor.patch`
    #[arg(long, value_name = "X.Y.Z", requires = "refresh", value_parser = version)]
    version: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl SuiteCommand {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        let specs = world.root.join("specs");
        match &self.version {
            Some(version) => self.refresh(&specs, version),
            None => self.check(&specs),
        }
    }

    fn refresh(&self, specs: &std::path::Path, version: &str) -> Result<ExitCode, Unusable> {
        let changed = Manifest::refresh(specs, version)?;
        match self.json {
            true => say(&json!({ "version": version, "changed": changed }).to_string()),
            false if changed => say(&format!("specs/suite.toml written, suite {version}")),
            false => say(&format!("specs/suite.toml is as it was, suite {version}")),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn check(&self, specs: &std::path::Path) -> Result<ExitCode, Unusable> {
        // Scenarios that cannot be read are unusable input; only a manifest that differs is a finding.
        Manifest::compute(specs, "0.0.0")?;
        match Suite::load(specs) {
            Ok(suite) => {
                let (version, count) = (&suite.version, suite.scenarios.len());
                match self.json {
                    true => say(&json!({
                        "fits": true, "version": version, "digest": suite.digest, "scenarios": count,
                    })
                    .to_string()),
                    false => say(&format!("specs/suite.toml fits: suite {version}, {}", counted(count, "scenario"))),
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(errors) => {
                if self.json {
                    let differences: Vec<String> = errors.iter().map(ToString::to_string).collect();
                    say(&json!({ "fits": false, "differences": differences }).to_string());
                } else {
                    tell_error(&Unusable::Files(errors));
                }
                Ok(ExitCode::from(FAIL))
            }
        }
    }
}

fn version(text: &str) -> Result<String, String> {
    let is_number = |part: &str| part.parse::<u32>().is_ok_and(|number| number.to_string() == part);
    match text.split('.').count() == 3 && text.split('.').all(is_number) {
        true => Ok(text.to_owned()),
        false => Err("expected three numbers with dots between, as 1.1.0".to_owned()),
    }
}
