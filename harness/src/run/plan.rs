//! Which scenarios apply to a connector, as which cases, and what stands in the way.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use quittance::{Family, Idempotency, LookupKind, MethodKind, Op, Spec, WebhookAuthentication};

use super::case::Case;
use super::input::Builder;
use super::stage::{Fault, Strike};
use crate::bad_input::FileError;
use crate::profile::{Like, Profile};
use crate::scenario::{Expectation, FaultAnswer, Scenario, Step, Suite};
use crate::tape::Tape;
use crate::unfilled;

/// Why a scenario does not apply: the need that is not declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The need, as the scenario writes it.
    pub need: String,
}

/// A scenario in view of one connector.
#[derive(Debug, Clone)]
pub enum Planned {
    /// It applies, as these cases: one, or one for each declared brand of a family.
    Cases(Vec<Case>),
    /// It does not apply.
    NotApplicable(Missing),
    /// It applies, but something in its tape is still to be filled in: the cases as they will be, and what is missing.
    Unfilled(Vec<Case>, Vec<FileError>),
    /// It applies, but its tape is missing or cannot be read.
    Unreadable(Vec<FileError>),
}

/// The tapes of a connector by case.
pub type Tapes = BTreeMap<String, Arc<Tape>>;

/// Reads every tape in the connector's fixture folder, and those of the connector that it is like.
///
/// # Errors
/// Everything that is wrong in any of them.
pub fn load_tapes(folder: &Path, profile: &Profile) -> Result<Tapes, Vec<FileError>> {
    let mut tapes = Tapes::new();
    if let Some(like) = &profile.model.like {
        load_folder(&like.folder(folder), profile, Some(like), &mut tapes)?;
    }
    load_folder(folder, profile, None, &mut tapes)?;
    Ok(tapes)
}

/// Adds the tapes of one folder; those of another connector as `like` has them.
///
/// # Errors
/// Every fault of a file.
pub(crate) fn load_folder(
    folder: &Path,
    profile: &Profile,
    like: Option<&Like>,
    tapes: &mut Tapes,
) -> Result<(), Vec<FileError>> {
    let mut errors = Vec::new();
    let unreadable = |error: std::io::Error| {
        vec![FileError::of_file(folder.display().to_string(), format!("cannot be read: {error}"))]
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort();
    for path in paths {
        let is_tape = path.extension().is_some_and(|extension| extension == "toml");
        if !is_tape || path.file_name().is_some_and(|name| name == "profile.toml") {
            continue;
        }
        match Tape::load(&path, profile, like) {
            Ok(tape) => {
                tapes.insert(tape.case.clone(), tape);
            }
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Plans every scenario of the suite for a connector, in the suite's order.
pub fn plan(
    suite: &Suite,
    spec: &'static Spec,
    profile: &Profile,
    tapes: &Tapes,
    folder: &str,
) -> Vec<(Arc<Scenario>, Planned)> {
    let plan_one = |scenario: &Scenario| {
        let planned = plan_scenario(suite, scenario, spec, profile, tapes, folder);
        (Arc::new(scenario.clone()), planned)
    };
    suite.scenarios.iter().map(plan_one).collect()
}

/// Tapes of the connector's own that no case uses: of a scenario that does not exist or does not apply.
pub fn unused_tapes<'t>(planned: &[(Arc<Scenario>, Planned)], tapes: &'t Tapes) -> Vec<&'t str> {
    let used = |name: &str| {
        planned.iter().any(|(_, planned)| match planned {
            Planned::Cases(cases) | Planned::Unfilled(cases, _) => {
                cases.iter().any(|case| case.strike.is_none() && case.id == name)
            }
            _ => false,
        })
    };
    let own = tapes.iter().filter(|(_, tape)| !tape.inherited);
    own.map(|(name, _)| name.as_str()).filter(|name| !used(name)).collect()
}

fn plan_scenario(
    suite: &Suite,
    scenario: &Scenario,
    spec: &'static Spec,
    profile: &Profile,
    tapes: &Tapes,
    folder: &str,
) -> Planned {
    if let Some(need) = unmet(scenario, spec, profile).next() {
        return Planned::NotApplicable(Missing { need: need.to_owned() });
    }
    let base = match &scenario.derive {
        None => scenario,
        Some(derive) => match suite.scenario(&derive.from) {
            Some(base) => base,
            None => return Planned::NotApplicable(Missing { need: derive.from.clone() }),
        },
    };
    // A derived scenario stands on the tape of another, whose needs it shares.
    if let Some(need) = unmet(base, spec, profile).next() {
        return Planned::NotApplicable(Missing { need: need.to_owned() });
    }
    let mut cases = Vec::new();
    let (mut errors, mut unfilled) = (Vec::new(), Vec::new());
    for brand in brands(base, spec) {
        let name = base.case_id(brand);
        let builder = Builder { spec, profile, brand, seed: 0 };
        let expected = |step: &Step| Ok((step.clone(), builder.expectation(step)?));
        let steps: Vec<(Step, Expectation)> = match base.steps.iter().map(expected).collect() {
            Ok(steps) => steps,
            Err(why) => {
                let why: String = why;
                errors.push(FileError::of_file(format!("{folder}/profile.toml"), why));
                continue;
            }
        };
        match tapes.get(&name) {
            Some(tape) => {
                cases.extend(case(scenario, steps, brand, tape));
                let missing = (!tape.unfilled.is_empty()).then(|| unfilled::told(&tape.unfilled));
                let other = profile.model.like.as_ref().filter(|_| tape.inherited);
                let folder = other.map_or_else(|| folder.to_owned(), |like| format!("fixtures/{}", like.connector));
                unfilled.extend(missing.map(|told| FileError::of_file(format!("{folder}/{name}.toml"), told)));
            }
            None => errors.push(FileError::of_file(
                format!("{folder}/{name}.toml"),
                format!("expected a tape for `{}`, which the connector's declarations select", scenario.title),
            )),
        }
    }
    match (errors.is_empty(), unfilled.is_empty()) {
        (true, true) => Planned::Cases(cases),
        (true, false) => Planned::Unfilled(cases, unfilled),
        (false, _) => Planned::Unreadable(errors),
    }
}

fn case(
    scenario: &Scenario,
    mut steps: Vec<(Step, Expectation)>,
    brand: Option<&'static str>,
    tape: &Arc<Tape>,
) -> Option<Case> {
    let mut strike = None;
    if let Some(derive) = &scenario.derive {
        let step = usize::try_from(derive.step).ok()?;
        steps.truncate(step);
        if let Some(last) = steps.last_mut() {
            last.1 = scenario.expect.clone().unwrap_or_default();
        }
        let fault = fault(derive.answer);
        let count = tape.exchanges.iter().filter(|exchange| exchange.step == derive.step && !exchange.settle).count();
        let first = matches!(derive.answer, FaultAnswer::Refused | FaultAnswer::RateLimited);
        strike = Some(Strike {
            step: derive.step,
            exchange: if first { 0 } else { count.saturating_sub(1) },
            fault,
            lasting: false,
        });
    }
    Some(Case {
        id: scenario.case_id(brand),
        scenario: Arc::new(scenario.clone()),
        steps,
        brand,
        tape: Arc::clone(tape),
        strike,
    })
}

fn fault(answer: FaultAnswer) -> Fault {
    match answer {
        FaultAnswer::Outage => Fault::OUTAGE,
        FaultAnswer::RateLimited => Fault::RATE_LIMITED,
        FaultAnswer::Refused => Fault::Refused,
        FaultAnswer::Reset => Fault::Reset,
        FaultAnswer::Timeout => Fault::TimedOut,
        FaultAnswer::Html200 => Fault::HTML_200,
    }
}

/// The brands for which a scenario is played: those that the connector declares in the branded family that a step names.
pub(super) fn brands(scenario: &Scenario, spec: &'static Spec) -> Vec<Option<&'static str>> {
    let families = scenario.steps.iter().filter_map(|step| {
        let family = Family::ALL.iter().find(|family| Some(family.as_str()) == step.method.as_deref())?;
        let op = step.op.operation()?;
        family.branded().then_some((op, *family))
    });
    let mut brands: Vec<Option<&'static str>> = families
        .flat_map(|(op, family)| spec.methods_of(op).iter().filter(move |kind| kind.family == family))
        .map(|kind| kind.brand)
        .collect();
    brands.sort_unstable();
    brands.dedup();
    if brands.is_empty() { vec![None] } else { brands }
}

/// What a scenario needs and a connector does not declare.
pub fn unmet<'s>(scenario: &'s Scenario, spec: &Spec, profile: &Profile) -> impl Iterator<Item = &'s str> {
    scenario.needs.iter().map(String::as_str).filter(move |need| !is_met(need, *scenario.proves, spec, profile))
}

/// Whether a connector declares what a scenario needs that proves `op`.
fn is_met(need: &str, op: Op, spec: &Spec, profile: &Profile) -> bool {
    if let Ok(asked) = need.parse::<Op>() {
        return spec.has(asked);
    }
    let (word, detail) = need.split_once(':').unwrap_or((need, ""));
    let has = |kinds: &[MethodKind]| kinds.iter().any(|kind| kind.family.as_str() == detail);
    let auth = spec.webhook.map(|rules| rules.authentication);
    match (word, detail) {
        ("method", _) => has(spec.methods),
        ("mandate", _) => has(spec.mandates),
        ("capture", "manual") => spec.capture.manual,
        ("capture", "partial") => spec.capture.partial,
        ("capture", "multiple") => spec.capture.multiple,
        ("refund", "partial") => spec.refund.partial,
        ("refund", "multiple") => spec.refund.multiple,
        ("void", "captured") => spec.void.captured,
        ("void", "debit") => spec.void.debit,
        ("three_ds", "") => spec.three_ds.challenge,
        ("three_ds", "external") => spec.three_ds.external,
        ("lookup", "id") => spec.lookups.contains(&LookupKind::Handle),
        ("lookup", "reference") => spec.lookups.contains(&LookupKind::Reference),
        ("retrieve", "later") => spec.has(Op::Retrieve) && spec.retrieve.later,
        ("idempotency", "") => spec.idempotency_of(op).replays(),
        ("idempotency", "unique") => spec.idempotency_of(op).refuses(),
        ("idempotency", "path") => matches!(spec.idempotency_of(op), Idempotency::Path(_)),
        ("dispute", "accept") => spec.disputes.accept,
        ("dispute", "contest") => spec.disputes.contest,
        ("webhook", "signed") => auth
            .is_some_and(|auth| !matches!(auth, WebhookAuthentication::SharedSecret | WebhookAuthentication::ReadBack)),
        ("webhook", "secret") => auth.is_some_and(|auth| auth != WebhookAuthentication::ReadBack),
        ("webhook", "read_back") => auth == Some(WebhookAuthentication::ReadBack),
        ("webhook", "dated") => spec.webhook.is_some_and(|rules| rules.tolerance_seconds.is_some()),
        ("main", "later") => !spec.methods.contains(&MethodKind::of(Family::Card)),
        ("redirect", "") => profile.model.redirect.is_some(),
        ("card", _) => profile.model.cards.contains_key(detail),
        ("answers", _) => profile.model.answers.iter().any(|answer| answer == detail),
        ("event", _) => profile.model.events.iter().any(|event| event == detail),
        _ => false,
    }
}
