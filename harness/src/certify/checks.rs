//! The checks that hold for every connector and need no scenario of their own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quittance::{Error, Family, MethodKind, Op, Spec};
use serde_json::Value;

use super::ground::{Check, Ground, Tried, finding};
use super::report::{Line, Verdict};
use super::{
    Plan, canary, coverage, crash, declared, environments, faults, money, mutation, places, play, sequences,
    shown_words, tokens, undeclared, webhooks,
};
use crate::capabilities::declared_rules;
use crate::descriptions::Checked;
use crate::reference;
use crate::run::case::{Case, Finding};
use crate::run::plan::{self, Planned};
use crate::scenario::{Class, Scenario};
use crate::unfilled;
use crate::view::Outcome;
use crate::words::{are, counted};
use crate::world::Subject;

/// Every derived check, in the order of the report.
pub const CHECKS: &[Check] = &[
    check("spec", &["OP-1", "OP-4", "OP-5", "OP-7"], spec),
    check("answers", &["INTEGRITY-1"], answers),
    check("fixtures", &["OP-6"], fixtures),
    check("credentials_schema", &["SECRET-4", "SECRET-5"], credentials_schema),
    check("undeclared", &["OP-2", "OP-3"], undeclared::operations),
    check("currency", &["MONEY-3"], undeclared::currency),
    check("idempotency", &["IDEMPOTENCY-1", "IDEMPOTENCY-3", "IDEMPOTENCY-8"], declared::idempotency),
    check("two_runs", &["IDEMPOTENCY-4"], two_runs),
    check("two_seeds", &["IDEMPOTENCY-5"], two_seeds),
    check("canary", &["SECRET-1", "SECRET-2"], canary::canary),
    check("faults", &["STATE-4", "ERROR-7", "ERROR-11", "ERROR-12", "ERROR-13"], faults::faults),
    check("money", &["MONEY-1", "MONEY-2", "MONEY-5", "MONEY-6"], money::money),
    check("coverage", &["STATE-6", "DECLINE-2", "DISPUTE-6", "ERROR-7"], coverage::coverage),
    check("unrecognised", &["STATE-2", "DECLINE-6", "WEBHOOK-7"], coverage::unrecognised),
    check(
        "webhooks",
        &[
            "WEBHOOK-1",
            "WEBHOOK-2",
            "WEBHOOK-3",
            "WEBHOOK-4",
            "WEBHOOK-5",
            "WEBHOOK-6",
            "WEBHOOK-9",
            "WEBHOOK-12",
            "WEBHOOK-13",
            "WEBHOOK-14",
        ],
        webhooks::webhooks,
    ),
    check("hostile", &["CONTEXT-2", "CONTEXT-3", "INTEGRITY-6"], faults::hostile),
    check("hostile_answers", &["STATE-4", "ERROR-3", "ERROR-4", "ERROR-10"], faults::hostile_answers),
    check("mutation", &["STATE-7", "STATE-8", "ERROR-15", "ERROR-16", "INTEGRITY-4", "MONEY-7"], mutation::mutation),
    check("crash", &["RETRIEVE-10", "STATE-5", "ERROR-14", "IDEMPOTENCY-6"], crash::crash),
    check("sequences", &["CONTEXT-5"], sequences::sequences),
    check("tokens", &["CONTEXT-6"], tokens::tokens),
    check("places", &["DECLINE-4", "DECLINE-5", "DECLINE-7", "AUTHORIZE-14", "INTEGRITY-5"], places::places),
    check("environments", &["CONTEXT-7"], environments::environments),
];

/// The checks that need other things than a connector's plays in memory: both tiers, the vendor's description, the files as they are
/// written.
pub const FURTHER: &[&str] = &["tiers", "descriptions", "filled"];

const fn check(name: &'static str, clauses: &'static [&'static str], run: fn(&Ground<'_>) -> Tried) -> Check {
    Check { name, clauses, run }
}

/// Runs every check of one connector, in memory, on all cores: after an edit there is one connector to certify.
pub fn all(ground: &Ground<'_>) -> Vec<Line> {
    let id = ground.spec().id;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut lines = Vec::new();
        while let Some((index, check)) = CHECKS.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
            lines.push((index, (check.run)(ground).line(id, check.name, check.clauses)));
        }
        lines
    };
    let mut lines = std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut lines = work();
        for other in others {
            lines.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        lines
    });
    lines.sort_by_key(|(index, _)| *index);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Whether everything is filled in. What is not was not judged: the line is `not_run`, and the connector stays a draft.
pub fn filled(plan: &Plan, subject: &Subject) -> Line {
    let places = &subject.profile.unfilled;
    let tapes = plan.taped().filter(|case| case.strike.is_none() && !case.tape.unfilled.is_empty()).count();
    let mut line = Tried::new(subject.tapes.len() + 1, Vec::new()).line(subject.entry.spec.id, "filled", &["OP-6"]);
    let mut told = Vec::new();
    if !places.is_empty() {
        told.push(format!("{}/profile.toml: {}", subject.folder, unfilled::told(places)));
    }
    if let [first, ..] = placeholders(subject.entry.spec).as_slice() {
        told.push(format!(
            "hosts of the declarations: `{first}` ends in .example, as in drafts: put in the provider's"
        ));
    }
    if tapes > 0 {
        told.push(format!("{} {} to be filled in", counted(tapes, "tape"), are(tapes)));
    }
    if !told.is_empty() {
        line.verdict = Verdict::NotRun;
        line.because = Some(told.join("; "));
    }
    line
}

/// The hosts that stand for those of the provider, as a draft has them. The reference provider has no other.
fn placeholders(spec: &Spec) -> Vec<&'static str> {
    let all = spec.hosts.iter().copied().filter(|_| spec.id != reference::ID);
    all.filter(|host| host.ends_with(".example")).collect()
}

/// The line of a comparison with the vendor's description; without one there is nothing to compare.
pub fn descriptions(id: &str, checked: Checked) -> Line {
    match checked {
        Checked::NotRun(why) => {
            let mut line = Tried::default().line(id, "descriptions", &["OP-6"]);
            line.verdict = Verdict::NotApplicable;
            line.because = Some(format!("not run: {why}"));
            line
        }
        Checked::Ran(ran) => {
            let place = |found: crate::descriptions::Finding| {
                let what = format!("{} exchange {}: {}", found.case, found.exchange, found.place);
                finding(what, found.expected, found.found)
            };
            let findings = ran.findings.into_iter().map(place).collect();
            let mut line = Tried::new(ran.exchanges + ran.answers, findings).line(id, "descriptions", &["OP-6"]);
            line.because = Some(format!(
                "{} and {} compared, {} covered by {}, {} cannot be interpreted",
                counted(ran.exchanges, "request"),
                counted(ran.answers, "answer"),
                counted(ran.covered, "difference"),
                counted(ran.deviations, "reviewed deviation"),
                counted(ran.skipped_patterns.len(), "part")
            ));
            line
        }
    }
}

/// Declared is exercised: each operation owns a success, a refusal and a fault; each method is played.
fn spec(ground: &Ground<'_>) -> Tried {
    let (plan, subject, spec) = (ground.plan, ground.subject, ground.spec());
    let mut findings = Vec::new();
    let mut trials = 1;
    if spec.operations.is_empty() {
        findings.push(finding("operations", "one at least", "none"));
    }
    for &op in spec.operations {
        for (class, word) in [(Class::Success, "success"), (Class::Refusal, "refusal"), (Class::Fault, "fault")] {
            trials += 1;
            let owned = plan.scenarios.iter().any(|(scenario, planned)| {
                applies(planned) && scenario.class == class && scenario.proves.as_str() == op.as_str()
            });
            if !owned {
                findings.push(finding(format!("operation {op}"), format!("a {word} scenario that applies"), "none"));
            }
        }
    }
    let sorted = Op::ALL.iter().filter(|op| spec.has(**op)).eq(spec.operations.iter());
    if !sorted {
        findings.push(finding(
            "operations",
            "each once, in the order of the contract",
            format!("{:?}", spec.operations),
        ));
    }
    for host in spec.mutual_tls.iter().filter(|host| !spec.hosts.contains(host)) {
        findings.push(finding(format!("mutual_tls {host}"), "one of the hosts", "another"));
    }
    let asked: BTreeSet<String> = plan.taped().flat_map(|case| case.tape.hosts()).collect();
    for host in asked.iter().filter(|host| !spec.allows_host(host.split(':').next().unwrap_or(host))) {
        findings.push(finding(format!("host {host}"), "declared in `hosts`, since a tape asks it", "undeclared"));
    }
    let mut unused = Vec::new();
    for kind in spec.methods.iter().chain(spec.mandates) {
        trials += 1;
        if !plan.taped().any(|case| plays_method(subject, case, kind)) {
            unused.push(format!("method {kind}"));
        }
    }
    for (form, played) in card_forms(ground) {
        trials += 1;
        unused.extend((!played).then(|| format!("form of a card: {form}")));
    }
    for rule in declared_rules(spec) {
        trials += 1;
        let proven = |(scenario, planned): &(Arc<Scenario>, Planned)| {
            applies(planned) && scenario.needs.iter().any(|need| need == rule)
        };
        if !plan.scenarios.iter().any(proven) {
            findings.push(finding(format!("rule {rule}"), "a scenario that needs it and applies", "none"));
        }
    }
    let mut tried = Tried::new(trials, findings);
    unused.into_iter().for_each(|what| tried.lacks(plan, finding(what, "a case that uses it", "none")));
    tried
}

/// Whether a scenario is asked of the connector. One whose tape is missing is, and fails by itself: that is told once.
fn applies(planned: &Planned) -> bool {
    !matches!(planned, Planned::NotApplicable(_))
}

/// The declared forms of a card, and whether a case uses each: a test card that has a token is sent as that.
fn card_forms(ground: &Ground<'_>) -> Vec<(&'static str, bool)> {
    let (spec, model) = (ground.spec(), &ground.subject.profile.model);
    if !spec.methods.contains(&MethodKind::of(Family::Card)) {
        return Vec::new();
    }
    let uses = |token: bool| {
        let mut steps = ground.plan.taped().flat_map(|case| case.steps.iter().map(|(step, _)| step));
        steps.any(|step| {
            let card = step.card.as_deref().and_then(|name| model.cards.get(name));
            card.is_some_and(|card| (spec.cards.token && card.token.is_some()) == token)
        })
    };
    let forms = [(spec.cards.number, "number", false), (spec.cards.token, "token", true)];
    forms.into_iter().filter(|(declared, ..)| *declared).map(|(_, form, token)| (form, uses(token))).collect()
}

fn plays_method(subject: &Subject, case: &Case, kind: &MethodKind) -> bool {
    let builder =
        crate::run::input::Builder { spec: subject.entry.spec, profile: &subject.profile, brand: case.brand, seed: 0 };
    case.steps.iter().any(|(step, _)| builder.kind(step).is_some_and(|used| used == *kind))
}

/// What the profile says of the provider's answers is what the tapes show, neither more nor less.
fn answers(ground: &Ground<'_>) -> Tried {
    const BY_SCENARIO: [&str; 2] = ["declined", "refund_failed"];
    let declared = &ground.subject.profile.model.answers;
    let shown = shown_words(ground.played);
    let mut tried = Tried::new(declared.len() + shown.len(), Vec::new());
    for word in declared.iter().filter(|word| !BY_SCENARIO.contains(&word.as_str())) {
        if !shown.contains(&word.as_str()) {
            let lacking = finding(
                format!("answers.{word}"),
                "an answer on a tape that carries it",
                "none in a case that passed: take the word out once all pass",
            );
            tried.lacks(ground.plan, lacking);
        }
    }
    // Where there is one currency only, an answer need not name it.
    let implied =
        |word: &str| word == "currency" && matches!(ground.spec().currencies, quittance::Currencies::Only([_]));
    for word in shown.iter().filter(|word| !implied(word)) {
        if !declared.iter().any(|declared| declared == word) {
            tried.findings.push(finding(
                format!("answers.{word}"),
                "the word in the profile",
                "answers carry it, undeclared",
            ));
        }
    }
    tried
}

/// No tape lies about unused, and the webhook rules fit the tapes.
fn fixtures(ground: &Ground<'_>) -> Tried {
    let (plan, subject) = (ground.plan, ground.subject);
    let mut findings: Vec<Finding> = plan::unused_tapes(&plan.scenarios, &subject.tapes)
        .into_iter()
        .map(|tape| finding(format!("{}/{tape}.toml", subject.folder), "a scenario that selects it", "none: delete it"))
        .collect();
    let known = |scenario: &str| plan.scenarios.iter().any(|(known, _)| known.id == scenario);
    for exemption in subject.profile.model.exemption.iter().filter(|exemption| !known(&exemption.scenario)) {
        findings.push(finding(format!("exemption {}", exemption.scenario), "a scenario of the suite", "none"));
    }
    let expired = subject.profile.model.exemption.iter().filter(|exemption| exemption.is_expired(subject.today));
    findings.extend(expired.map(|exemption| {
        let what = format!("exemption {}", exemption.scenario);
        finding(what, "one that still holds", format!("it expired on {}: take it out", exemption.expires))
    }));
    findings.extend(declared::unavailable(plan, subject));
    let spec = subject.entry.spec;
    if spec.has(Op::Webhook) != spec.webhook.is_some() {
        findings.push(finding(
            "spec.webhook",
            "rules exactly when the operation is declared",
            format!("{:?}", spec.webhook),
        ));
    }
    Tried::new(subject.tapes.len(), findings)
}

/// Every credentials field is described, secrets are marked, and mistakes are named without their value.
fn credentials_schema(ground: &Ground<'_>) -> Tried {
    let subject = ground.subject;
    let schema = subject.entry.credentials_schema().to_value();
    let mut findings = Vec::new();
    let fields = schema.pointer("/properties").and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, field) in &fields {
        let described = field.get("description").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        if !described {
            findings.push(finding(format!("credentials.{name}"), "a description", "none"));
        }
        let secret_name = ["key", "secret", "password", "token"].iter().any(|word| name.contains(word));
        let public = ["_id", "public", "publishable"].iter().any(|word| name.contains(word));
        let marked =
            field.get("writeOnly") == Some(&Value::Bool(true)) || field.to_string().contains("\"writeOnly\":true");
        if secret_name && !public && !marked {
            findings.push(finding(
                format!("credentials.{name}"),
                "marked writeOnly, as its name says a secret",
                "not marked",
            ));
        }
    }
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        findings.push(finding(
            "credentials",
            "no further fields (deny_unknown_fields)",
            "further fields are let through",
        ));
    }
    let given = crate::run::input::toml_json(&toml::Value::Table(subject.profile.model.credentials.clone()));
    let mut trials = fields.len();
    for (name, broken) in broken_credentials(&given, &schema) {
        trials += 1;
        match subject.entry.connect(broken) {
            Ok(_) => findings.push(finding(format!("credentials.{name}"), "refused", "accepted")),
            Err(error) => {
                if error.field() != Some(name.as_str()) {
                    let found = error.field().unwrap_or("none").to_owned();
                    findings.push(finding(format!("credentials.{name}"), "an error that names the field", found));
                }
                if format!("{error:?}").contains(MARK) {
                    findings.push(finding(format!("credentials.{name}"), "an error without the value", "the value"));
                }
            }
        }
    }
    Tried::new(trials, findings)
}

/// A value that no message may repeat.
const MARK: &str = "quittance-mark-71d3";

/// Credentials with one fault each, with the name of the field at fault.
fn broken_credentials(given: &Value, schema: &Value) -> Vec<(String, Value)> {
    let with = |name: &str, value: Value| {
        let mut broken = given.clone();
        if let Some(members) = broken.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
        broken
    };
    let mut all = vec![("no_such_field".to_owned(), with("no_such_field", Value::String(MARK.to_owned())))];
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    for name in required.iter().filter_map(Value::as_str) {
        let mut missing = given.clone();
        if let Some(members) = missing.as_object_mut() {
            members.remove(name);
        }
        all.push((name.to_owned(), missing));
    }
    let fields = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, field) in &fields {
        let may_be_list = field.to_string().contains("\"array\"");
        let wrong = if may_be_list { serde_json::json!({ MARK: MARK }) } else { serde_json::json!([MARK]) };
        all.push((name.clone(), with(name, wrong)));
    }
    all
}

/// The same seed sends the same bytes and ends the same.
fn two_runs(ground: &Ground<'_>) -> Tried {
    let mut findings = Vec::new();
    for (case, first) in ground.played {
        let second = play(ground.subject, case, None, ground.seed);
        if second.sent() != first.sent() {
            findings.push(finding(&case.id, "the same bytes in a second run", "other bytes"));
        }
        if second.results() != first.results() {
            findings.push(finding(&case.id, "the same results in a second run", "other results"));
        }
    }
    Tried::new(ground.played.len(), findings)
}

/// Another seed changes only what the tape declares as a hole: a case that passes, passes all the same.
fn two_seeds(ground: &Ground<'_>) -> Tried {
    let mut findings = Vec::new();
    for (case, _) in ground.played.iter().filter(|(_, played)| played.findings.is_empty()) {
        let other = play(ground.subject, case, None, ground.seed.wrapping_add(0x9e37_79b9));
        if let Some(found) = other.findings.first() {
            findings.push(finding(&case.id, "a pass with another seed", found.to_string()));
        }
    }
    Tried::new(ground.played.len(), findings)
}

/// The secrets of a connector's profile with their names: marked credentials, card numbers, cryptograms and tokens.
pub(crate) fn secrets_of(subject: &Subject) -> Vec<(String, String)> {
    let schema = subject.entry.credentials_schema().to_value();
    let is_secret = |name: &str| {
        let field = schema.pointer(&format!("/properties/{name}"));
        field.is_some_and(|field| {
            field.to_string().contains("\"writeOnly\":true") || field.to_string().contains("Secret")
        })
    };
    let mut secrets: Vec<(String, String)> = subject
        .credentials
        .iter()
        .filter(|(name, value)| is_secret(name.split('.').next().unwrap_or(name)) && value.len() >= 6)
        .map(|(name, value)| (format!("credentials.{name}"), value.clone()))
        .collect();
    secrets.extend(
        subject.profile.model.cards.iter().map(|(name, card)| (format!("cards.{name}.number"), card.number.clone())),
    );
    for name in subject.profile.model.methods.keys() {
        let samples = subject.profile.method_samples(name).unwrap_or_default();
        let secret = |(field, value): &(String, String)| crate::tape::is_secret_value(field) && value.len() >= 6;
        secrets.extend(
            samples.into_iter().filter(secret).map(|(field, value)| (format!("methods.{name}: {field}"), value)),
        );
    }
    secrets
}

/// The names of the secrets that stand in a result: in its JSON form, its `Debug` text, or the text of its error.
pub(super) fn leaked<'s>(secrets: &'s [(String, String)], result: &Result<Outcome, Error>) -> Vec<&'s str> {
    let mut text = format!("{}{result:?}", crate::view::result_json(result));
    if let Err(error) = result {
        text.push_str(&error.to_string());
    }
    secrets.iter().filter(|(_, secret)| text.contains(secret.as_str())).map(|(name, _)| name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_a_draft_are_to_be_filled_in() {
        let hosts = &["sandbox.bank.example", "api.bank.test"];
        let spec = Spec { hosts, ..Spec::new("bank", "Bank", "https://bank.test/docs") };
        assert_eq!(placeholders(&spec), ["sandbox.bank.example"]);
        assert!(placeholders(&Spec { id: reference::ID, ..spec }).is_empty());
    }
}
