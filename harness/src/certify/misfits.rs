//! What a connector's files name and the suite does not have: told before anything is played, since case after case would fail for it.

use std::collections::BTreeSet;
use std::path::Path;

use quittance::Spec;

use super::Plan;
use crate::bad_input::{Document, FieldPath, FileError};
use crate::run::plan::unused_tapes;
use crate::scenario::{StepOp, Suite};
use crate::tape::Tape;
use crate::words::counted;
use crate::world::{Subject, unknown};

/// Holds the test cards and the samples of methods of a connector's profile, and the steps of its tapes, against the suite.
///
/// # Errors
/// Each card that no scenario names and each method that is not declared, with those that come near, and each part of a tape for a step that
/// its scenario does not have.
pub fn fits(root: &Path, suite: &Suite, subject: &Subject) -> Result<(), Vec<FileError>> {
    let file = format!("{}/profile.toml", subject.folder);
    let document = Document::new(file.as_str(), std::fs::read_to_string(root.join(&file)).unwrap_or_default());
    let mut errors = unknown_cards(&document, suite, subject);
    errors.extend(unknown_methods(&document, suite, subject.entry.spec));
    errors.extend(subject.tapes.values().flat_map(|tape| surplus_steps(suite, subject, tape)));
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// The files of tapes that no scenario selects.
pub fn strays(plan: &Plan, subject: &Subject) -> Vec<String> {
    let unused = unused_tapes(&plan.scenarios, &subject.tapes).into_iter();
    unused.map(|case| format!("{}/{case}.toml", subject.folder)).collect()
}

fn unknown_cards(document: &Document, suite: &Suite, subject: &Subject) -> Vec<FileError> {
    let steps = suite.scenarios.iter().flat_map(|scenario| &scenario.steps).filter_map(|step| step.card.as_deref());
    let needs = suite.scenarios.iter().flat_map(|scenario| &scenario.needs);
    let needed = needs.filter_map(|need| need.strip_prefix("card:"));
    let known: BTreeSet<&str> = steps.chain(needed).chain(["approved"]).collect();
    let other = |name: &&String| !known.contains(name.as_str());
    let found = subject.profile.model.cards.keys().filter(other);
    let names: Vec<&str> = known.iter().copied().collect();
    let told = |name: &String| {
        document.error(&FieldPath::root().key("cards").key(name), unknown("card of the suite", name, &names))
    };
    found.map(told).collect()
}

/// The samples of the file itself whose names are of no declared method: of another's that hold here too, there may be more.
fn unknown_methods(document: &Document, suite: &Suite, spec: &Spec) -> Vec<FileError> {
    let own: toml::Table = document.parse().unwrap_or_default();
    let Some(samples) = own.get("methods").and_then(toml::Value::as_table) else { return Vec::new() };
    let kinds = spec.methods.iter().chain(spec.mandates);
    let plain = kinds.flat_map(|kind| {
        let family = kind.family.as_str();
        let branded = |brand: &'static str| [brand.to_owned(), format!("{family}_{brand}")];
        kind.brand.map(branded).into_iter().flatten().chain([family.to_owned()])
    });
    let steps = || suite.scenarios.iter().flat_map(|scenario| &scenario.steps);
    // A wallet's token is unwrapped by who takes none.
    let tokens = steps().filter(|step| step.op == StepOp::UnwrapToken).filter_map(|step| step.method.clone());
    let plain: BTreeSet<String> = plain.chain(tokens).chain(["payout".to_owned()]).collect();
    let variants: BTreeSet<&str> = steps().filter_map(|step| step.sample.as_deref()).chain(["wrong_key"]).collect();
    let is_known = |name: &str| {
        let of = |start: &String| name.strip_prefix(start.as_str()).and_then(|rest| rest.strip_prefix('_'));
        plain.contains(name) || plain.iter().filter_map(of).any(|rest| variants.contains(rest))
    };
    let names: Vec<&str> = plain.iter().map(String::as_str).collect();
    let told = |name: &String| {
        document.error(&FieldPath::root().key("methods").key(name), unknown("method of the declarations", name, &names))
    };
    samples.keys().filter(|name| !is_known(name)).map(told).collect()
}

fn surplus_steps(suite: &Suite, subject: &Subject, tape: &Tape) -> Vec<FileError> {
    let Some(scenario) = tape.case.split('@').next().and_then(|id| suite.scenario(id)) else { return Vec::new() };
    let steps = scenario.steps.len();
    let exchanges = tape.exchanges.iter().map(|exchange| ("exchange", exchange.step, exchange.line));
    let webhooks = tape.webhooks.iter().map(|webhook| ("webhook", webhook.step, webhook.line));
    let returns = tape.returns.iter().map(|returned| ("return", returned.step, returned.line));
    let parts = exchanges.chain(webhooks).chain(returns).filter(|(_, step, _)| *step as usize > steps);
    let told = |(part, step, line): (&str, u32, usize)| FileError {
        file: subject.file_of(tape),
        line,
        column: 1,
        field: part.to_owned(),
        message: format!("expected one of the {} of {}, found step {step}", counted(steps, "step"), scenario.id),
    };
    parts.map(told).collect()
}
