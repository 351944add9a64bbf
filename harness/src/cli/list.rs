//! `quittance list`: what there is.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::say;
use crate::words::{counted, plural};
use crate::world::{Unusable, World};

/// List connectors, or the scenarios of the suite
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  quittance list\n  quittance list --scenarios\n  quittance list --json")]
pub(super) struct List {
    /// List the scenarios instead of the connectors
    #[arg(long)]
    scenarios: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        if self.scenarios { self.scenarios(world) } else { self.connectors(world) }
    }

    fn scenarios(&self, world: &World) -> Result<ExitCode, Unusable> {
        let suite = world.suite()?;
        if self.json {
            let rows: Vec<_> = suite
                .scenarios
                .iter()
                .map(|scenario| {
                    json!({
                        "id": scenario.id, "title": scenario.title, "proves": scenario.proves.as_str(),
                        "clauses": scenario.clauses, "needs": scenario.needs,
                    })
                })
                .collect();
            say(&json!({ "suite": suite.version, "scenarios": rows }).to_string());
            return Ok(ExitCode::SUCCESS);
        }
        for scenario in &suite.scenarios {
            say(&format!("{:38} {}", scenario.id, scenario.title));
        }
        say(&format!("{}, suite {}", counted(suite.scenarios.len(), "scenario"), suite.version));
        Ok(ExitCode::SUCCESS)
    }

    fn connectors(&self, world: &World) -> Result<ExitCode, Unusable> {
        let entries = world.entries(&[])?;
        if self.json {
            let rows: Vec<_> = entries
                .iter()
                .map(|entry| {
                    let spec = entry.spec;
                    json!({
                        "id": spec.id, "name": spec.name, "documentation": spec.documentation,
                        "operations": spec.operations.iter().map(|op| op.as_str()).collect::<Vec<_>>(),
                        "methods": spec.methods.iter().map(ToString::to_string).collect::<Vec<_>>(),
                    })
                })
                .collect();
            say(&json!({ "connectors": rows }).to_string());
            return Ok(ExitCode::SUCCESS);
        }
        let longest = entries.iter().map(|entry| entry.spec.name.chars().count()).max().unwrap_or_default();
        for entry in &entries {
            let spec = entry.spec;
            let (operations, methods) = (spec.operations.len(), spec.methods.len());
            let nouns = (plural(operations, "operation"), plural(methods, "method"));
            say(&format!(
                "{:20} {:longest$} {operations:>2} {:10} {methods:>2} {}",
                spec.id, spec.name, nouns.0, nouns.1
            ));
        }
        say(&counted(entries.len(), "connector"));
        Ok(ExitCode::SUCCESS)
    }
}
