//! What a report says beside its verdicts, so that every page can be made from it alone: what the suite asks, what each connector
//! declares and stands on, and how each case went, exchange by exchange, masked.

use std::collections::BTreeMap;

use quittance::MethodKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::report::{Background, Clause, SuiteScenario};
use super::{Plan, play};
use crate::capabilities::Capabilities;
use crate::profile::{Card, CodeRow, StatusRow, StatusSource};
use crate::run::case::{Case, Played};
use crate::run::input::{Builder, toml_json};
use crate::run::judge::Ended;
use crate::scenario::{Scenario, Suite};
use crate::story::does;
use crate::tape::ShownRecord;
use crate::tape::model::{Provenance, ProvenanceKind};
use crate::world::Subject;

/// One connector: declarations, profile and plays. Holds no secret: cards are cut to their last digits, exchanges are masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dossier {
    /// What it declares.
    pub capabilities: Capabilities,
    /// The JSON Schema of the credentials.
    pub credentials: Value,
    /// The currency and the country that the plays use unless a method needs others.
    pub home: (String, String),
    /// The test cards.
    pub cards: Vec<ShownCard>,
    /// The pages and descriptions that they come from.
    pub sources: Vec<Source>,
    /// The published status values and what they become.
    pub statuses: Vec<StatusRow>,
    /// The published decline codes and their reasons.
    pub codes: Vec<CodeRow>,
    /// Where the two lists come from.
    pub status_source: Option<StatusSource>,
    /// What the provider does not have, by the need of the suite, with the reason.
    pub unavailable: BTreeMap<String, String>,
    /// How each case went in memory.
    pub cases: Vec<ShownCase>,
}

/// A test card, without its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShownCard {
    /// The name that scenarios use.
    pub name: String,
    /// The last four digits.
    pub last4: String,
    /// The vendor's page that lists it.
    pub source: String,
    /// The amount by which the provider chooses the outcome, in minor units.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount_minor: Option<i64>,
}

/// A page or description that bytes of tapes come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// How much is claimed.
    pub kind: ProvenanceKind,
    /// Its address.
    pub address: String,
    /// The day on which it was seen.
    pub seen: String,
    /// How many exchanges and deliveries come from it.
    pub exchanges: usize,
}

/// A case and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShownCase {
    /// `<scenario>` or `<scenario>@<brand>`.
    pub case: String,
    /// The tape, relative to the project's root.
    pub tape: String,
    /// The families of the methods that its steps use.
    pub methods: Vec<String>,
    /// The steps that were reached.
    pub steps: Vec<ShownStep>,
    /// The exchanges, masked.
    pub exchanges: Vec<ShownRecord>,
}

/// A step and what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShownStep {
    /// What was done: `authorize by card, card approved`.
    pub does: String,
    /// The state, or the kind and effect of the error.
    pub came_to: String,
}

/// What a report says beside the verdicts on these connectors.
pub fn background<'s>(
    scenarios: impl Iterator<Item = &'s Scenario>,
    clauses: BTreeMap<String, String>,
    connectors: Vec<Dossier>,
) -> Background {
    let scenario = |scenario: &Scenario| {
        let path = scenario.id.replacen('.', "/", 1);
        SuiteScenario {
            id: scenario.id.clone(),
            title: scenario.title.clone(),
            proves: scenario.proves.as_str().to_owned(),
            class: scenario.class,
            clauses: scenario.clauses.clone(),
            needs: scenario.needs.clone(),
            file: format!("specs/scenarios/{path}.toml"),
        }
    };
    Background {
        clauses: clauses.into_iter().map(|(id, text)| Clause { id, text }).collect(),
        scenarios: scenarios.map(scenario).collect(),
        connectors,
    }
}

impl Dossier {
    /// The dossier of a connector. Plays each case once more, in memory, with this seed.
    pub fn of(suite: &Suite, subject: &Subject, seed: u64, selects: impl Fn(&str) -> bool) -> Dossier {
        let plan = Plan::of(suite, subject);
        let selected = plan.cases().filter(|case| selects(&case.id));
        Dossier::with(
            subject,
            selected.map(|case| shown_case(subject, case, &play(subject, case, None, seed))).collect(),
        )
    }

    /// The dossier of a connector with these cases.
    pub(crate) fn with(subject: &Subject, cases: Vec<ShownCase>) -> Dossier {
        let model = &subject.profile.model;
        Dossier {
            capabilities: Capabilities::of(subject.entry.spec),
            credentials: credentials(subject),
            home: (model.currency.clone(), model.country.clone()),
            cards: model.cards.iter().map(|(name, card)| shown_card(name, card)).collect(),
            sources: sources(subject),
            statuses: model.status.clone(),
            codes: model.code.clone(),
            status_source: model.status_source.clone(),
            unavailable: model.unavailable.clone(),
            cases,
        }
    }
}

/// The schema of the credentials. What the connector cannot do without is required, though the type that it shares with others of its
/// family lets it be left out: an environment that has no default, a key that only some institutions ask for.
fn credentials(subject: &Subject) -> Value {
    let given = toml_json(&toml::Value::Table(subject.profile.model.credentials.clone()));
    let mut schema = subject.entry.credentials_schema().to_value();
    let required: Vec<Value> = schema["required"].as_array().cloned().unwrap_or_default();
    let is_needed = |name: &&String| {
        let mut left = given.clone();
        let taken_out = left.as_object_mut().and_then(|fields| fields.remove(*name)).is_some();
        let refused = |error: quittance::Error| error.field() == Some(name.as_str());
        taken_out && subject.entry.connect(left).err().is_some_and(refused)
    };
    let known = |name: &&String| required.iter().any(|known| known == *name);
    let names = given.as_object().into_iter().flat_map(serde_json::Map::keys);
    let needed: Vec<Value> = names.filter(|name| !known(name)).filter(is_needed).map(|name| json!(name)).collect();
    if !needed.is_empty() {
        schema["required"] = json!([required, needed].concat());
    }
    schema
}

fn shown_card(name: &str, card: &Card) -> ShownCard {
    let last4 = card.number.get(card.number.len().saturating_sub(4)..).unwrap_or_default();
    ShownCard {
        name: name.to_owned(),
        last4: last4.to_owned(),
        source: card.source.clone(),
        amount_minor: card.amount_minor,
    }
}

/// The pages and descriptions that all tapes come from.
fn sources(subject: &Subject) -> Vec<Source> {
    let mut found: BTreeMap<(ProvenanceKind, String, String), usize> = BTreeMap::new();
    for tape in subject.tapes.values() {
        let exchanges = tape.exchanges.iter().map(|exchange| &exchange.provenance);
        for Provenance { kind, source, seen, .. } in
            exchanges.chain(tape.webhooks.iter().map(|webhook| &webhook.provenance))
        {
            if let Some(source) = source {
                *found.entry((*kind, source.clone(), seen.clone().unwrap_or_default())).or_default() += 1;
            }
        }
    }
    let source = |((kind, address, seen), exchanges)| Source { kind, address, seen, exchanges };
    found.into_iter().map(source).collect()
}

/// A case with how it went.
pub(super) fn shown_case(subject: &Subject, case: &Case, played: &Played) -> ShownCase {
    let builder = Builder { spec: subject.entry.spec, profile: &subject.profile, brand: case.brand, seed: 0 };
    let kinds = case.steps.iter().filter_map(|(step, _)| builder.kind(step));
    let mut methods: Vec<String> = kinds.map(|kind: MethodKind| kind.family.to_string()).collect();
    methods.sort_unstable();
    methods.dedup();
    let step = |((step, _), ended): (&(crate::scenario::Step, _), &Ended)| ShownStep {
        does: does(step, case),
        came_to: came_to(ended),
    };
    ShownCase {
        case: case.id.clone(),
        tape: subject.file_of(&case.tape),
        methods,
        steps: case.steps.iter().zip(&played.ended).map(step).collect(),
        exchanges: played.transcript(),
    }
}

fn came_to(ended: &Ended) -> String {
    match (&ended.op, &ended.result) {
        (None, _) => String::new(),
        (Some(_), Ok(outcome)) => match outcome.state() {
            "" => "done".to_owned(),
            state => state.to_owned(),
        },
        (Some(_), Err(error)) => format!("error {}, effect {}", error.kind().as_str(), error.effect().as_str()),
    }
}
