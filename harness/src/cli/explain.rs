//! `quittance explain`: one case, step by step.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::number::seed;
use super::{FAIL, say};
use crate::bad_input::FileError;
use crate::certify::{self, SEED};
use crate::contract;
use crate::run::case::Case;
use crate::run::plan::{Planned, plan};
use crate::run::wire::Wire;
use crate::scenario::Scenario;
use crate::story::{Story, Tier};
use crate::world::{Subject, Unusable, World, unknown};

/// Play one case and show every step of it: what was asked, sent, answered and made of it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  quittance explain stripe capture.partial
  quittance explain stripe bank_redirect.settled@ideal --tier wire
  quittance explain adyen authorize.outage --json

Card numbers, keys and other secrets are masked.

Exit codes: 0 it passes or does not apply, 1 something does not hold, 2 unusable input.")]
pub(super) struct Explain {
    /// The connector
    connector: String,
    /// The scenario, as capture.partial; with the brand where it is played for several, as bank_redirect.settled@ideal
    #[arg(value_name = "SCENARIO[@BRAND]")]
    scenario: String,
    /// In memory, or by real HTTP over loopback
    #[arg(long, value_enum, default_value_t = TierName::Memory)]
    tier: TierName,
    /// Seed of keys, references and everything that the tape mints
    #[arg(long, value_name = "NUMBER", default_value_t = SEED, value_parser = seed)]
    seed: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TierName {
    Memory,
    Wire,
}

impl Explain {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        let suite = world.suite()?;
        let entry = world.entry(&self.connector)?;
        let scenario = scenario(&suite.scenarios, &self.scenario)?;
        let subject = world.subject(entry)?;
        let planned = plan(&suite, entry.spec, &subject.profile, &subject.tapes, &subject.folder);
        let planned = planned.into_iter().find(|(planned, _)| planned.id == scenario.id).map(|(_, planned)| planned);
        let cases = match planned {
            Some(Planned::Cases(cases)) => cases,
            Some(Planned::Unfilled(_, errors) | Planned::Unreadable(errors)) => return Err(Unusable::Files(errors)),
            Some(Planned::NotApplicable(missing)) => {
                self.not_applicable(scenario, &missing.need);
                return Ok(ExitCode::SUCCESS);
            }
            None => Vec::new(),
        };
        let case = one_case(&cases, &self.scenario)?;
        let rules = contract::rules(&world.root.join("specs")).map_err(|error: FileError| vec![error])?;
        let story = self.play(&subject, case, &rules)?;
        match self.json {
            true => say(&super::pretty(&json!(story))),
            false => say(story.to_string().trim_end()),
        }
        Ok(if story.findings() == 0 { ExitCode::SUCCESS } else { ExitCode::from(FAIL) })
    }

    fn play(&self, subject: &Subject, case: &Case, rules: &BTreeMap<String, String>) -> Result<Story, Unusable> {
        let wire = match self.tier {
            TierName::Memory => None,
            TierName::Wire => {
                let told = |error| Unusable::Text(format!("no servers on loopback: {error}; --tier memory needs none"));
                Some(Wire::start().map_err(told)?)
            }
        };
        let played = certify::play(subject, case, wire.as_ref(), self.seed);
        let tier = if self.tier == TierName::Wire { Tier::Wire } else { Tier::Memory };
        Ok(Story::tell(subject, case, &played, rules, tier, self.seed))
    }

    fn not_applicable(&self, scenario: &Scenario, need: &str) {
        let id = &self.connector;
        match self.json {
            true => say(&json!({
                "connector": id, "case": scenario.id, "title": scenario.title,
                "verdict": "not_applicable", "missing": need,
            })
            .to_string()),
            false => say(&format!(
                "{} ({}) does not apply to {id}: neither its spec nor its profile declares `{need}`",
                scenario.id, scenario.title
            )),
        }
    }
}

/// The scenario of `name`, which may end in a brand.
fn scenario<'s>(scenarios: &'s [Scenario], name: &str) -> Result<&'s Scenario, Unusable> {
    let id = name.split('@').next().unwrap_or(name);
    scenarios.iter().find(|scenario| scenario.id == id).ok_or_else(|| {
        let known: Vec<&str> = scenarios.iter().map(|scenario| scenario.id.as_str()).collect();
        Unusable::Text(unknown("scenario", id, &known))
    })
}

/// The case of `name`; without a brand, the only one.
fn one_case<'c>(cases: &'c [Case], name: &str) -> Result<&'c Case, Unusable> {
    if let Some(case) = cases.iter().find(|case| case.id == name) {
        return Ok(case);
    }
    let known: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    match (cases, name.contains('@')) {
        ([case], false) => Ok(case),
        (_, false) => {
            Err(Unusable::Text(format!("`{name}` is played once for each brand; name one: {}", known.join(", "))))
        }
        (_, true) => Err(Unusable::Text(format!("no case `{name}`; of this scenario there are {}", known.join(", ")))),
    }
}
