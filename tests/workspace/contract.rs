//! Every rule of the contract is proven by something, and nothing cites a rule that does not exist.

use std::collections::BTreeSet;

use libtest_mimic::Failed;
use quittance_harness::certify::checks::{CHECKS, FURTHER};

use super::{complain, root, world};

pub(crate) fn tests(add: &mut impl FnMut(&str, fn() -> Result<(), Failed>)) {
    add("contract::every_rule_is_proven", every_rule_is_proven);
    add("contract::the_suite_is_large_enough", the_suite_is_large_enough);
    add("contract::the_manifest_pins_the_suite", the_manifest_pins_the_suite);
}

/// The ids that the contract defines, and its table of checks.
struct Contract {
    rules: BTreeSet<String>,
    checks: Vec<(String, Vec<String>)>,
}

fn contract() -> Result<Contract, Failed> {
    let text = std::fs::read_to_string(root().join("specs/contract.md"))?;
    let defined = |line: &str| Some(line.strip_prefix("- **")?.split_once("**")?.0.to_owned());
    let rules = text.lines().filter_map(defined).collect();
    let row = |line: &str| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let check = cells.next()?.strip_prefix('`')?.strip_suffix('`')?.to_owned();
        let clauses = cells.next()?.split(',').map(|clause| clause.trim().to_owned()).collect();
        Some((check, clauses))
    };
    Ok(Contract { rules, checks: text.lines().filter_map(row).collect() })
}

fn every_rule_is_proven() -> Result<(), Failed> {
    let Contract { rules, checks } = contract()?;
    let suite = world().suite().map_err(|unusable| unusable.to_string())?;
    let mut cited: BTreeSet<String> = suite.scenarios.iter().flat_map(|scenario| scenario.clauses.clone()).collect();
    let mut complaints = Vec::new();
    for (check, clauses) in &checks {
        let known = CHECKS.iter().find(|known| known.name == check);
        if known.is_none() && check != "tidy" && !FURTHER.contains(&check.as_str()) {
            complaints.push(format!("the contract names a check `{check}` that does not exist"));
        }
        if known.is_some_and(|known| known.clauses != clauses.as_slice()) {
            complaints.push(format!("the contract and the check `{check}` name other clauses"));
        }
        cited.extend(clauses.iter().cloned());
    }
    complaints.extend(rules.difference(&cited).map(|rule| format!("{rule} is proven by nothing")));
    complaints.extend(cited.difference(&rules).map(|rule| format!("{rule} is cited and not in the contract")));
    if rules.len() < 80 {
        complaints.push(format!("only {} rules were read", rules.len()));
    }
    complain(complaints)
}

fn the_suite_is_large_enough() -> Result<(), Failed> {
    let suite = world().suite().map_err(|unusable| unusable.to_string())?;
    let mut complaints = Vec::new();
    if suite.scenarios.len() < 60 {
        complaints.push(format!("{} scenarios", suite.scenarios.len()));
    }
    for op in quittance::Op::ALL {
        let classes: BTreeSet<String> = suite
            .scenarios
            .iter()
            .filter(|scenario| scenario.proves.as_str() == op.as_str())
            .map(|scenario| format!("{:?}", scenario.class))
            .collect();
        if classes.len() < 3 {
            complaints.push(format!("{op} has only {classes:?}"));
        }
    }
    complain(complaints)
}

/// A copy of the suite without one scenario, with one edited, and with one added is refused, and the error names it.
fn the_manifest_pins_the_suite() -> Result<(), Failed> {
    use quittance_harness::scenario::Suite;
    let copy = super::planted::Copy::of(&["specs"])?;
    let specs = copy.path().join("specs");
    let scenario = specs.join("scenarios/refund/multiple.toml");
    let text = std::fs::read_to_string(&scenario)?;
    let mut complaints = Vec::new();
    for (what, name) in [("deleted", "refund.multiple"), ("edited", "refund.multiple"), ("added", "refund.extra")] {
        match what {
            "deleted" => std::fs::remove_file(&scenario)?,
            "edited" => std::fs::write(&scenario, text.replace("3500", "3499"))?,
            _ => {
                std::fs::write(&scenario, &text)?;
                let extra = specs.join("scenarios/refund/extra.toml");
                std::fs::write(extra, text.replace("refund.multiple", "refund.extra"))?;
            }
        }
        let told = match Suite::load(&specs) {
            Ok(_) => "it was accepted".to_owned(),
            Err(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        };
        if !told.contains(what) || !told.contains(name) {
            complaints.push(format!("a scenario {what}: {told}"));
        }
    }
    complain(complaints)
}
