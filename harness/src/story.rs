//! A played case told for people: rules, steps, exchanges, results, and where something does not hold. Secrets are masked.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::Serialize;
use serde_json::Value;
use similar::algorithms::{Capture, Replace, myers};
use similar::{ChangeTag, DiffableStr as _};

use crate::invoke::Request;
use crate::mask::{Masker, secrets_of};
use crate::run::case::{Case, Finding, Played};
use crate::run::input::toml_json;
use crate::run::stage::{Fault, Strike};
use crate::scenario::{Expectation, Step, StepOp};
use crate::tape::ShownRecord;
use crate::view;
use crate::world::Subject;

/// Texts longer than this are shown as a difference word by word.
const LONG: usize = 60;

/// Where a case was played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// In memory.
    Memory,
    /// By HTTP over loopback.
    Wire,
}

/// A played case. Displayed as text, serialized as data.
#[derive(Debug, Clone, Serialize)]
pub struct Story {
    /// The connector's id.
    pub connector: String,
    /// `<scenario>` or `<scenario>@<brand>`.
    pub case: String,
    /// The scenario's title.
    pub title: String,
    /// Where it was played.
    pub tier: Tier,
    /// The seed.
    pub seed: u64,
    /// The tape's file.
    pub tape: String,
    /// The rules that the scenario enforces: id and sentence.
    pub rules: Vec<(String, String)>,
    /// The steps that were played.
    pub steps: Vec<StepStory>,
    /// What does not hold for the case as a whole.
    pub findings: Vec<Finding>,
    /// `pass` or `fail`.
    pub verdict: &'static str,
    /// The command that plays it again.
    pub repeat: String,
}

/// One step of a played case.
#[derive(Debug, Clone, Serialize)]
pub struct StepStory {
    /// The step, from 1.
    pub step: u32,
    /// What it does.
    pub does: String,
    /// What it asked, if it called an operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// What was expected.
    pub expected: Expectation,
    /// The fault that was put in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The exchanges.
    pub exchanges: Vec<ShownRecord>,
    /// The result of the operation itself, when settling followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_result: Option<Value>,
    /// The result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What does not hold.
    pub findings: Vec<Finding>,
}

impl Story {
    /// Tells what was played.
    pub fn tell(
        subject: &Subject,
        case: &Case,
        played: &Played,
        rules: &BTreeMap<String, String>,
        tier: Tier,
        seed: u64,
    ) -> Story {
        let masker = masker(subject, played);
        let connector = subject.entry.spec.id;
        let tier_option = if tier == Tier::Wire { " --tier wire" } else { "" };
        let steps = case
            .steps
            .iter()
            .zip(1..)
            .map_while(|((step, expected), number)| tell_step(case, played, &masker, step, expected, number));
        let rule =
            |id: &String| (id.clone(), rules.get(id).cloned().unwrap_or_else(|| "not in the contract".to_owned()));
        Story {
            connector: connector.to_owned(),
            case: case.id.clone(),
            title: case.scenario.title.clone(),
            tier,
            seed,
            tape: subject.file_of(&case.tape),
            rules: case.scenario.clauses.iter().map(rule).collect(),
            steps: steps.collect(),
            findings: findings(played, &masker, 0),
            verdict: if played.findings.is_empty() { "pass" } else { "fail" },
            repeat: format!("quittance explain {connector} {} --seed {seed}{tier_option}", case.id),
        }
    }

    /// How much does not hold.
    pub fn findings(&self) -> usize {
        self.findings.len() + self.steps.iter().map(|step| step.findings.len()).sum::<usize>()
    }
}

/// Hides the credentials of the profile, every secret that a step's input holds, and what the connector protects.
fn masker(subject: &Subject, played: &Played) -> Masker {
    let credentials = toml_json(&toml::Value::Table(subject.profile.model.credentials.clone()));
    let mut secrets = secrets_of(&subject.entry.credentials_schema(), &credentials);
    for asked in played.asked.values() {
        if let Some(schema) = Request::schema(asked.op) {
            secrets.extend(secrets_of(&schema, &asked.input));
        }
    }
    played.player(|player| player.protected().each(&mut |secret| secrets.push(secret.to_owned())));
    Masker::new(secrets)
}

/// `None` for a step that was not reached.
fn tell_step(
    case: &Case,
    played: &Played,
    masker: &Masker,
    step: &Step,
    expected: &Expectation,
    number: u32,
) -> Option<StepStory> {
    let asked = played.asked.get(&number);
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    let ended = played.ended.get(index);
    let findings = findings(played, masker, number);
    if asked.is_none() && ended.is_none() && findings.is_empty() {
        return None;
    }
    let ended = ended.filter(|_| step.op != StepOp::Advance);
    let transcript = played.transcript();
    let exchanges = transcript.iter().filter(|record| record.step == number);
    Some(StepStory {
        step: number,
        does: does(step, case),
        input: asked.map(|asked| masker.json(&asked.input)),
        expected: expected.clone(),
        fault: case.strike.as_ref().filter(|strike| strike.step == number).map(fault),
        exchanges: exchanges.map(|record| masked(record, masker)).collect(),
        first_result: ended.and_then(|ended| ended.first.as_ref()).map(|first| masker.json(&first.to_json())),
        result: ended.map(|ended| masker.json(&view::result_json(&ended.result))),
        findings,
    })
}

fn findings(played: &Played, masker: &Masker, step: u32) -> Vec<Finding> {
    let of_step = played.findings.iter().filter(|finding| finding.step == step);
    of_step
        .map(|finding| Finding {
            step,
            what: masker.text(&finding.what),
            expected: masker.text(&finding.expected),
            found: masker.text(&finding.found),
        })
        .collect()
}

fn masked(record: &ShownRecord, masker: &Masker) -> ShownRecord {
    let headers = |headers: &[(String, String)]| {
        headers.iter().map(|(name, value)| (name.clone(), masker.text(value))).collect::<Vec<_>>()
    };
    ShownRecord {
        url: masker.text(&record.url),
        headers: headers(&record.headers),
        body: masker.text(&record.body),
        answer_headers: headers(&record.answer_headers),
        answer_body: masker.text(&record.answer_body),
        ..record.clone()
    }
}

/// The step in words: `authorize card approved`, `capture`, `advance 600 s`.
pub(crate) fn does(step: &Step, case: &Case) -> String {
    let name = match step.op {
        StepOp::Replay => "replay".to_owned(),
        StepOp::Advance => format!("advance the clock by {} s", step.seconds.unwrap_or_default()),
        op => op.operation().map(|operation| operation.to_string()).unwrap_or_default(),
    };
    let method = step.method.as_ref().map(|method| format!(" by {method}"));
    let brand = case.brand.filter(|_| step.method.is_some()).map(|brand| format!(" {brand}"));
    let card = step.card.as_ref().map(|card| format!(", card {card}"));
    let of = step.of.map(|of| format!(" of step {of}"));
    let tamper = step.tamper.map(|tamper| format!(", spoilt: {}", word(&tamper)));
    [Some(name), method, brand, card, of, tamper].into_iter().flatten().collect()
}

/// An enum's name as the scenario writes it.
pub(crate) fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn fault(strike: &Strike) -> String {
    let what = match &strike.fault {
        Fault::Refused => "the connection is refused".to_owned(),
        Fault::Reset => "the connection breaks after the request".to_owned(),
        Fault::Cut => "the reply breaks off in its body".to_owned(),
        Fault::TimedOut => "no reply comes".to_owned(),
        Fault::Answer(status, media_type, body) => format!("answered by {status} {media_type}: {body}"),
        Fault::Spoilt(spoiling) => format!("the tape's answer with its body spoilt: {spoiling:?}"),
        Fault::Body(_) => "the tape's answer with another body".to_owned(),
        Fault::Typed(media_type) => format!("the tape's answer as {media_type}"),
        Fault::Slow => "the first bytes of a reply, and no more".to_owned(),
        Fault::Echo(echo) => format!("answered with what was sent: {}", echo.shape),
    };
    let on = if strike.lasting { " and on" } else { "" };
    format!("exchange {}{on}: {what}, instead of the tape's answer", strike.exchange + 1)
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of {}: {}", self.case, self.connector, self.title)?;
        writeln!(f, "tape {}, seed {}, tier {}\n", self.tape, self.seed, word(&self.tier))?;
        let width = self.rules.iter().map(|(id, _)| id.len()).max().unwrap_or_default();
        for (id, sentence) in &self.rules {
            writeln!(f, "  {id:width$}  {sentence}")?;
        }
        for step in &self.steps {
            write!(f, "\n{step}")?;
        }
        for finding in &self.findings {
            write!(f, "\n{}", difference(finding))?;
        }
        match self.findings() {
            0 => writeln!(f, "\npass")?,
            count => writeln!(f, "\nfail: {count} {} not hold", if count == 1 { "thing does" } else { "things do" })?,
        }
        writeln!(f, "repeat: {}", self.repeat)
    }
}

impl fmt::Display for StepStory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "step {}: {}", self.step, self.does)?;
        if let Some(input) = &self.input {
            block(f, "asked", &format!("{input:#}"))?;
        }
        if let Some(fault) = &self.fault {
            block(f, "fault", fault)?;
        }
        for exchange in &self.exchanges {
            let sent = format!("{} {}", exchange.method, exchange.url);
            message(f, "sent", &sent, &exchange.headers, &exchange.body)?;
            match exchange.status {
                Some(status) => {
                    message(f, "answer", &status.to_string(), &exchange.answer_headers, &exchange.answer_body)?;
                }
                None => block(f, "answer", "none: the request differs from the tape")?,
            }
        }
        if let Some(first) = &self.first_result {
            block(f, "first result", &format!("{first:#}"))?;
        }
        if let Some(result) = &self.result {
            block(f, "result", &format!("{result:#}"))?;
        }
        if !self.expected.is_empty() {
            let expected = serde_json::to_string(&self.expected).unwrap_or_default();
            block(f, if self.findings.is_empty() { "as expected" } else { "expected" }, &expected)?;
        }
        self.findings.iter().try_for_each(|finding| f.write_str(&difference(finding)))
    }
}

fn message(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    line: &str,
    headers: &[(String, String)],
    body: &str,
) -> fmt::Result {
    let mut text = line.to_owned();
    for (name, value) in headers {
        text.push_str(&format!("\n{name}: {value}"));
    }
    if !body.is_empty() {
        text.push_str("\n\n");
        text.push_str(&readable(headers, body));
    }
    block(f, name, &text)
}

/// A body as a tape states it: JSON indented, a form field by field.
pub(crate) fn readable(headers: &[(String, String)], body: &str) -> String {
    let is_form = headers
        .iter()
        .any(|(name, value)| name == "content-type" && value.starts_with("application/x-www-form-urlencoded"));
    if is_form {
        let fields = form_urlencoded::parse(body.as_bytes()).map(|(name, value)| format!("{name} = {value}"));
        return fields.collect::<Vec<_>>().join("\n");
    }
    let json = body.starts_with(['{', '[']).then(|| serde_json::from_str::<Value>(body).ok()).flatten();
    json.map_or_else(|| body.to_owned(), |value| format!("{value:#}"))
}

/// A label, and the text indented below it.
fn block(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    writeln!(f, "  {label}")?;
    for line in text.lines() {
        if line.is_empty() { f.write_char('\n')? } else { writeln!(f, "    {line}")? }
    }
    Ok(())
}

/// What does not hold: both sides, or, where they are long, the words in which they differ: `[-expected-]`, `{+found+}`.
fn difference(finding: &Finding) -> String {
    let (expected, found) = (&finding.expected, &finding.found);
    let mut text = format!("  does not hold: {}\n", finding.what);
    if expected.len().max(found.len()) <= LONG && !expected.contains('\n') && !found.contains('\n') {
        let _ = writeln!(text, "    expected {expected}\n    found    {found}");
        return text;
    }
    let mut merged = String::new();
    let (expected, found) = (expected.tokenize_words(), found.tokenize_words());
    let mut steps = Replace::new(Capture::new());
    let Ok(()) = myers::diff(&mut steps, &expected[..], 0..expected.len(), &found[..], 0..found.len());
    for change in steps.into_inner().ops().iter().flat_map(|step| step.iter_changes(&expected[..], &found[..])) {
        let _ = match change.tag() {
            ChangeTag::Equal => write!(merged, "{}", change.value()),
            ChangeTag::Delete => write!(merged, "[-{}-]", change.value()),
            ChangeTag::Insert => write!(merged, "{{+{}+}}", change.value()),
        };
    }
    for line in merged.lines() {
        let _ = writeln!(text, "    {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(expected: &str, found: &str) -> Finding {
        Finding { step: 1, what: "$.a".to_owned(), expected: expected.to_owned(), found: found.to_owned() }
    }

    #[test]
    fn short_texts_stand_side_by_side_and_long_ones_word_by_word() {
        assert_eq!(difference(&finding("`1`", "`2`")), "  does not hold: $.a\n    expected `1`\n    found    `2`\n");
        let long = "the same words before the difference, and the same after it: ".to_owned();
        let shown = difference(&finding(&format!("{long}one"), &format!("{long}two")));
        assert!(shown.contains("after it: [-one-]{+two+}"), "{shown}");
    }
}
