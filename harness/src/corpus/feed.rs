//! Feeds one recorded answer to a connector: a case of the operation is played up to the request whose answer was recorded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request as Sent, Response, StatusCode};
use quittance::{Context, Error, Failure, MemoryTokens, Op, drive};
use serde_json::{Map, Value, json};

use super::body::{View, xml_as_json};
use super::recording::Recording;
use super::rules::{self, CorpusRules, Echo, Route};
use crate::invoke::Request;
use crate::run::case::Case;
use crate::run::delivery::delivery_of;
use crate::run::input::{Builder, op_of};
use crate::run::objects::{Objects, terms_of};
use crate::run::stage::{SeededRandom, VirtualClock};
use crate::scenario::{Class, StepOp};
use crate::tape::model::TapeModel;
use crate::tape::{Player, RunValues, Spoil, StepValues, Tape};
use crate::view::Outcome;
use crate::world::Subject;

/// Seed of keys, references and minted values; the same for every recording.
const SEED: u64 = 1;

/// Cases from which the plain tape of an operation is taken, best first; any other success of the operation comes after them.
const PLAIN: &[&str] = &[
    "authorize.captured",
    "capture.full",
    "void.authorized",
    "void.captured",
    "refund.full",
    "refund.partial",
    "retrieve.captured",
    "retrieve_refund.succeeded",
    "adjust.raised",
    "set_up.stored",
    "set_up.challenged",
    "pay_out.paid",
    "complete.returned",
    "webhook.payment",
];

/// What came of feeding one answer.
#[derive(Debug)]
pub struct Fed {
    /// What the connector made of it; `None` when it panicked.
    pub result: Option<Result<Outcome, Error>>,
    /// A request that the connector sent after the recorded answer and for which the tape has no answer.
    pub asked_on: Option<String>,
}

/// The way of an answer to its parser.
#[derive(Debug, Clone)]
pub struct Way {
    /// The operation.
    pub op: Op,
    /// The case whose tape is used.
    pub case: Case,
    /// The step of the case, from 1.
    pub step: u32,
    /// The exchange of the step that is answered, from 0.
    pub exchange: usize,
}

/// Finds the tape for an operation: the route's own case, else the plainest success.
///
/// # Errors
/// When the connector has no tape with such a step.
pub fn way(cases: &[Case], op: Op, manual: bool, route: Option<&Route>) -> Result<Way, String> {
    let named = route.and_then(|route| route.case.as_deref());
    let mut fitting: Vec<(usize, &Case, u32)> = cases
        .iter()
        .filter(|case| case.strike.is_none())
        .filter(|case| named.map_or(case.scenario.class == Class::Success, |name| case.id == name))
        .filter_map(|case| {
            let step = target(case, op, manual)?;
            let rank = PLAIN.iter().position(|plain| *plain == case.scenario.id).unwrap_or(PLAIN.len());
            let exact = usize::from(case.scenario.proves.as_str() != op.as_str()) * (PLAIN.len() + 1);
            Some((rank + exact, case, step))
        })
        .collect();
    fitting.sort_by_key(|(rank, ..)| *rank);
    let (_, case, step) = fitting.into_iter().next().ok_or_else(|| match named {
        Some(name) => format!("no case {name} with a step {op}"),
        None => format!("no tape of a success with a step {op}"),
    })?;
    let count = case.tape.exchanges.iter().filter(|exchange| exchange.step == step && !exchange.settle).count();
    let exchange = match route.and_then(|route| route.exchange) {
        Some(number) => number - 1,
        None => count.saturating_sub(1),
    };
    if op != Op::Webhook && exchange >= count {
        return Err(format!("step {step} of {} has {count} exchanges, none with number {}", case.id, exchange + 1));
    }
    Ok(Way { op, case: case.clone(), step, exchange })
}

/// The last step of that operation in a case; for an authorization, one with that capture mode.
fn target(case: &Case, op: Op, manual: bool) -> Option<u32> {
    let fits = |step: &crate::scenario::Step| match op {
        Op::Webhook => step.op == StepOp::Webhook && step.tamper.is_none(),
        Op::Authorize => {
            let asked = step.input.get("capture").and_then(|word| word.as_str()) == Some("manual");
            op_of(step) == Some(op) && asked == manual
        }
        _ => op_of(step) == Some(op),
    };
    let index = case.steps.iter().rposition(|(step, _)| fits(step))?;
    u32::try_from(index + 1).ok()
}

/// Feeds `recording` to the connector.
///
/// # Errors
/// Why it could not be fed: the way to it cannot be played, or the body cannot be put into the form that the connector reads.
pub fn feed(subject: &Subject, root: &Path, way: &Way, recording: &Recording, view: &View) -> Result<Fed, String> {
    let default = CorpusRules::default();
    let rules = subject.profile.model.corpus.as_ref().unwrap_or(&default);
    let tape = match way.op {
        Op::Webhook => delivering(subject, root, way, recording, view)?,
        _ => Arc::clone(&way.case.tape),
    };
    let clock = VirtualClock::new();
    let values = RunValues {
        seed: SEED,
        now_unix_seconds: clock.unix_seconds(),
        credentials: Arc::clone(&subject.credentials),
        proven: None,
    };
    let mut run = Run {
        subject,
        builder: Builder { spec: subject.entry.spec, profile: &subject.profile, brand: way.case.brand, seed: SEED },
        player: Player::new(tape, values),
        clock,
        random: SeededRandom::new(SEED),
        tokens: MemoryTokens::default(),
        objects: Objects::default(),
    };
    if way.op == Op::Webhook {
        return run.deliver(way);
    }
    for number in 1..way.step {
        run.lead_up(way, number)?;
    }
    let echo = echo(rules, way.op, recording, view);
    let request =
        run.request(way, way.step, |input| adapt(input, echo, recording, view, &subject.profile.model.currency))?;
    let answer = answer(rules, recording, view, run.digested(rules, recording, view))?;
    Ok(run.answered(&request, way, answer))
}

struct Run<'a> {
    subject: &'a Subject,
    builder: Builder<'a>,
    player: Player,
    clock: VirtualClock,
    random: SeededRandom,
    tokens: MemoryTokens,
    objects: Objects,
}

impl Run<'_> {
    /// Plays a step before the one in question, as the tape has it; how it settles does not matter here.
    fn lead_up(&mut self, way: &Way, number: u32) -> Result<(), String> {
        let request = self.request(way, number, |_| {})?;
        let result = self.call(&request, |player, sent| match player.exchange(&sent) {
            Ok(answer) => Ok(answer),
            Err(_) => Err(Failure::Refused("the request differs from the tape".to_owned())),
        });
        let outcome = result.map_err(|error| format!("step {number} of {} cannot be played: {error}", way.case.id))?;
        self.objects.note(number, &outcome);
        let _settling_is_left_over = self.player.end_step();
        Ok(())
    }

    /// The recorded answer with the digest inside its body made anew by the profile's key.
    fn digested(&self, rules: &CorpusRules, recording: &Recording, view: &View) -> Option<String> {
        let digest = rules.digest.iter().find(|digest| rules::holds(&digest.when, recording, view))?;
        let made = self.player.signed(&digest.signature, &recording.body)?;
        let mut value: Value = serde_json::from_str(&recording.body).ok()?;
        *value.pointer_mut(&digest.at)? = json!(made);
        Some(value.to_string())
    }

    fn request(&mut self, way: &Way, number: u32, change: impl FnOnce(&mut Value)) -> Result<Request, String> {
        let index = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        let (step, _) = way.case.steps.get(index).ok_or("no such step")?;
        let prepared = self.builder.prepare(number, step, &self.objects)?;
        self.player.begin_step(number, prepared.values.clone());
        let mut input = prepared.input;
        if prepared.op == Op::Complete
            && let Some(members) = input.as_object_mut()
        {
            let returned = self.player.returned(number).ok().flatten().unwrap_or_default();
            members.insert("returned".to_owned(), json!(returned));
        }
        if matches!(prepared.op, Op::Authorize | Op::SetUp) {
            self.objects.note_terms(number, terms_of(&input).map(Arc::new));
        }
        change(&mut input);
        // What the recorded answer repeats is also what the tape's other answers of the step repeat.
        let member = |name: &str| input.get(name).and_then(Value::as_str).map(str::to_owned);
        let (key, reference) = (member("key"), member("reference"));
        let StepValues { samples, .. } = prepared.values;
        self.player.begin_step(number, StepValues { key, reference, samples });
        Request::from_json(prepared.op, input)
    }

    fn call(
        &mut self,
        request: &Request,
        mut answer: impl FnMut(&mut Player, Sent<Bytes>) -> Result<Response<Bytes>, Failure>,
    ) -> Result<Outcome, Error> {
        let slot = drive::Wire::default();
        let cx = Context::new(&slot, &self.clock, &self.random, &self.tokens);
        let player = &mut self.player;
        drive::drive(&slot, request.call(&*self.subject.connector, &cx), |sent| answer(player, sent))
    }

    /// Calls the operation; the exchange in question gets the recorded answer, the others those of the tape.
    fn answered(&mut self, request: &Request, way: &Way, answer: Response<Bytes>) -> Fed {
        let (mut sent_so_far, mut asked_on) = (0, None);
        let called = catch_unwind(AssertUnwindSafe(|| {
            self.call(request, |player, sent| {
                sent_so_far += 1;
                let told = format!("{} {}", sent.method(), sent.uri().path());
                // Every request moves the tape on, also the one whose answer is replaced.
                let of_tape = player.exchange(&sent).ok().or_else(|| player.exchange_unjudged());
                match (sent_so_far == way.exchange + 1, of_tape) {
                    (true, _) => Ok(answer.clone()),
                    (false, Some(answer)) => Ok(answer),
                    (false, None) => {
                        asked_on = Some(told);
                        Err(Failure::Refused("the tape has no further answer".to_owned()))
                    }
                }
            })
        }));
        Fed { result: called.ok(), asked_on }
    }

    fn deliver(&mut self, way: &Way) -> Result<Fed, String> {
        self.player.begin_step(way.step, StepValues::default());
        let made = self
            .player
            .webhook(way.step, Spoil::Not)
            .map_err(|mismatches| mismatches.first().map(|first| first.expected.clone()).unwrap_or_default())?;
        let request = Request::Webhook(delivery_of(made)?);
        let called = catch_unwind(AssertUnwindSafe(|| {
            self.call(&request, |player, sent| {
                let answer = player.exchange(&sent).ok().or_else(|| player.exchange_unjudged());
                answer.ok_or_else(|| Failure::Refused("the tape has no further answer".to_owned()))
            })
        }));
        Ok(Fed { result: called.ok(), asked_on: None })
    }
}

/// The tape of a delivery with the recorded body in place of its own, signed by the profile's recipe.
fn delivering(
    subject: &Subject,
    root: &Path,
    way: &Way,
    recording: &Recording,
    view: &View,
) -> Result<Arc<Tape>, String> {
    let file = root.join(subject.file_of(&way.case.tape));
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let like = subject.profile.model.like.as_ref().filter(|_| way.case.tape.inherited);
    let text = like.map_or_else(|| text.clone(), |like| like.applied(&text));
    let mut model: TapeModel = toml::from_str(&text).map_err(|error| error.message().to_owned())?;
    let delivery =
        model.webhook.iter_mut().find(|webhook| webhook.step == way.step).ok_or("the tape has no delivery")?;
    let mut body = recording.body.trim_start_matches('\u{feff}').replace("${", "$${");
    let digests = subject.profile.model.corpus.iter().flat_map(|rules| &rules.digest);
    if let Some(digest) = digests.into_iter().find(|digest| rules::holds(&digest.when, recording, view)) {
        let mut value: Value = serde_json::from_str(&body).map_err(|error| format!("the delivery: {error}"))?;
        if let Some(found) = value.pointer_mut(&digest.at) {
            *found = json!(format!("${{sig:{}}}", digest.signature));
            body = value.to_string();
        }
    }
    delivery.body = body;
    let text = toml::to_string(&model).map_err(|error| error.to_string())?;
    Tape::parse(&file.display().to_string(), &text, &subject.profile)
        .map_err(|errors| errors.first().map(|error| error.message.clone()).unwrap_or_default())
}

/// The rule that says where this answer repeats the request.
fn echo<'r>(rules: &'r CorpusRules, op: Op, recording: &Recording, view: &View) -> Option<&'r Echo> {
    let fits = |echo: &&Echo| {
        echo.operation.as_deref().is_none_or(|name| name == op.as_str()) && rules::holds(&echo.when, recording, view)
    };
    rules.echo.iter().find(fits)
}

/// Makes the request one that this answer can be an answer to.
fn adapt(input: &mut Value, echo: Option<&Echo>, recording: &Recording, view: &View, currency: &str) {
    let Some(members) = input.as_object_mut() else { return };
    let at = |pointer: Option<&String>| pointer.and_then(|pointer| view.text(pointer));
    let id = at(echo.and_then(|echo| echo.id.as_ref()));
    // A reference that the answer does not hold can only be that of the object the request was about.
    let asked = recording.reference.clone().filter(|reference| !recording.body.contains(reference.as_str()));
    if let Some(id) = id.or(asked) {
        about(members, &id);
    }
    let Some(echo) = echo else { return };
    if let (Some(key), true) = (at(echo.key.as_ref()), members.contains_key("key")) {
        members.insert("key".to_owned(), json!(key));
    }
    if let Some(reference) = at(echo.reference.as_ref()) {
        if members.contains_key("reference") {
            members.insert("reference".to_owned(), json!(reference));
        }
        if let Some(by) = members.get_mut("by").and_then(|by| by.get_mut("reference")) {
            *by = json!(reference);
        }
    }
    if !members.contains_key("amount") {
        return;
    }
    let currency = at(echo.currency.as_ref()).unwrap_or_else(|| currency.to_owned()).to_ascii_uppercase();
    if let Some(minor) = amount(echo, view, &currency) {
        members.insert("amount".to_owned(), json!({ "minor": minor, "currency": currency }));
    }
}

fn amount(echo: &Echo, view: &View, currency: &str) -> Option<i64> {
    if let Some(minor) = echo.minor.as_ref().and_then(|pointer| view.text(pointer)) {
        return minor.parse().ok();
    }
    let major = echo.major.as_ref().and_then(|pointer| view.text(pointer))?;
    quittance::Money::parse_major(&major, currency.parse().ok()?).ok().map(|money| money.minor())
}

/// Puts another id into the handle that the request is about; further ids of the handle stay.
fn about(members: &mut Map<String, Value>, id: &str) {
    let put = |slot: &mut Value| {
        if let Some(text) = slot.as_str() {
            let parts = text.rsplit_once('?').map(|(_, parts)| format!("?{parts}")).unwrap_or_default();
            *slot = json!(format!("{id}{parts}"));
        }
    };
    let direct = ["payment", "refund", "mandate", "payout", "dispute"];
    if let Some(slot) = direct.iter().find(|name| members.get(**name).is_some_and(Value::is_string)) {
        members.get_mut(*slot).map(put);
    } else if let Some(slot) = members.get_mut("by").and_then(|by| by.get_mut("handle")) {
        put(slot);
    }
}

/// The recorded answer as an HTTP answer; `digested` when it is signed anew.
fn answer(
    rules: &CorpusRules,
    recording: &Recording,
    view: &View,
    digested: Option<String>,
) -> Result<Response<Bytes>, String> {
    let as_json = rules.xml_as_json && recording.content_type == "xml";
    let body = match as_json {
        true => xml_as_json(&recording.body, &rules.xml_lists, &rules.xml_wrappers)?,
        false => digested.unwrap_or_else(|| recording.body.clone()),
    };
    let media_type = match recording.content_type.as_str() {
        "json" => "application/json",
        "xml" if as_json => "application/json",
        "xml" => "text/xml",
        "form" => "application/x-www-form-urlencoded",
        "html" => "text/html",
        _ => "text/plain",
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status(rules, recording, view)).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    Ok(response)
}

/// The recorded status, else what the rules say, else what the body says of itself, else 400 for an error and 200 for the rest.
fn status(rules: &CorpusRules, recording: &Recording, view: &View) -> u16 {
    if let Some(status) = recording.status {
        return status;
    }
    if let Some(rule) = rules.status.iter().find(|rule| rules::holds(&rule.when, recording, view)) {
        return rule.status;
    }
    let own = ["/status", "/httpStatus", "/http_status", "/statusCode"]
        .iter()
        .find_map(|pointer| view.text(pointer)?.parse::<u16>().ok().filter(|status| (400..600).contains(status)));
    let is_error = || view.0.get("error").or_else(|| view.0.get("errors")).is_some_and(|error| !error.is_null());
    own.unwrap_or_else(|| if is_error() && view.0.get("id").is_none() { 400 } else { 200 })
}
