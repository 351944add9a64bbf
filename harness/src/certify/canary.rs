//! The check `canary`: every case played with secrets that are new in each run, and nothing of them in what comes out.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use quittance::{Attempt, Client, Connector, NoSleep, Policy};

use super::dossier::{self, ShownCase};
use super::ground::{Ground, Place, Tried, finding, struck};
use super::published;
use super::report::Line;
use super::sinks::{self, Log, SINKS, Scene, Sink, When};
use crate::canary::{self, Canary, Disguised, Kind, Searcher, disguise, opened};
use crate::run::case::{Bench, Case, Finding, Played, play};
use crate::run::echo::{Echo, Shape};
use crate::run::input::{Builder, toml_json};
use crate::run::stage::Fault;
use crate::tape::tokens_in;

/// Answers that repeat the request in a form of nobody's own.
const FOREIGN: [Shape; 9] = [
    Shape::Json(400),
    Shape::Json(402),
    Shape::Json(500),
    Shape::Xml(400),
    Shape::Xml(402),
    Shape::Xml(500),
    Shape::Html(400),
    Shape::Html(402),
    Shape::Html(500),
];

/// No canary of the run stands anywhere but on the wire, at the places that the tape states.
pub(super) fn canary(ground: &Ground<'_>) -> Tried {
    let seed = canary::seed();
    let unusable = |why: String| {
        let found = format!("{why}; canary seed {seed}");
        Tried::new(1, vec![finding("credentials", "a connector that takes other credentials of the same shape", found)])
    };
    let Disguised { subject, mut canaries } = match disguise(ground.subject, seed, &busy(ground)) {
        Ok(disguised) => disguised,
        Err(why) => return unusable(why),
    };
    canaries.extend(access_tokens(ground));
    let given = toml_json(&toml::Value::Table(subject.profile.model.credentials.clone()));
    let (connector, secrets) = match (subject.entry.connect(given), Searcher::new(canaries)) {
        (Ok(connector), Ok(secrets)) => (connector, Arc::new(secrets)),
        (Err(error), _) => return unusable(error.to_string()),
        (_, Err(why)) => return unusable(why),
    };
    let attempts = Arc::new(Attempts::default());
    let policy = Policy { attempts: 1, ..Policy::default() };
    let client = Client::new(connector, NoSleep).with_policy(policy).with_sink(attempts.clone());
    let disguised = Disguised { subject, canaries: Vec::new() };
    let mut hunt = Hunt {
        ground,
        disguised: &disguised,
        client,
        attempts,
        log: Log::default(),
        secrets,
        lines: Vec::new(),
        shown: Vec::new(),
        hits: BTreeMap::new(),
        trials: 0,
    };
    hunt.plain();
    hunt.through_the_client();
    hunt.echoed();
    hunt.values();
    hunt.published();
    let told = |((sink, expected, found), hit): (Came, Hit)| {
        let more = if hit.count > 1 { format!(", and {} times more", hit.count - 1) } else { String::new() };
        finding(format!("{}: {sink}", hit.first), expected, format!("{found}{more}; canary seed {seed}"))
    };
    let mut findings: Vec<Finding> = std::mem::take(&mut hunt.hits).into_iter().map(told).collect();
    findings.sort_by(|one, other| one.what.cmp(&other.what).then_with(|| one.expected.cmp(&other.expected)));
    Tried::new(hunt.trials, findings)
}

/// Sink, what was expected, and what was found.
type Came = (&'static str, String, String);

/// Where something came out first, and how often.
struct Hit {
    first: String,
    count: usize,
}

/// The attempts of one play.
#[derive(Default)]
struct Attempts(Mutex<Vec<Attempt>>);

impl quittance::Sink for Attempts {
    fn attempt(&self, attempt: &Attempt) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(attempt.clone());
    }
}

struct Hunt<'a> {
    ground: &'a Ground<'a>,
    disguised: &'a Disguised,
    client: Client,
    attempts: Arc<Attempts>,
    log: Log,
    secrets: Arc<Searcher>,
    /// What a report would say of the plain plays.
    lines: Vec<Line>,
    shown: Vec<ShownCase>,
    hits: BTreeMap<Came, Hit>,
    trials: usize,
}

impl Hunt<'_> {
    /// Every case as it is: it passes as before, and every sink is clean.
    fn plain(&mut self) {
        let connector: &dyn Connector = self.disguised.subject.connector.as_ref();
        let cases: Vec<&Case> = self.ground.sound().map(|(case, _)| case).collect();
        for case in cases {
            let (played, panic) = self.played(connector, case);
            if let Some(found) = played.as_ref().and_then(|played| played.findings.first()) {
                let place = format!("step {}: {}", found.step, found.what);
                self.hit("what was sent", "a pass with other secrets of the same shape".to_owned(), place, &case.id);
            }
            if let Some(played) = &played {
                let subject = &self.disguised.subject;
                self.lines.push(sinks::failed(subject, case, played));
                self.shown.push(dossier::shown_case(subject, case, played));
            }
            self.search(case, &case.id, played.as_ref(), panic, When::Once);
        }
    }

    /// What is made of a report on the plain plays. Numbers of three and four digits stand there by themselves.
    fn published(&mut self) {
        let (lines, shown) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.shown));
        match published::texts(self.ground, &self.disguised.subject, lines, shown) {
            Ok(texts) => {
                for (name, text) in texts {
                    self.trials += 1;
                    self.search_text(name, "the report", &text, &[Kind::Payer, Kind::Credential], 5);
                }
            }
            Err(why) => self.hit("the report", "pages, files and a certificate".to_owned(), why, "the report"),
        }
    }

    /// The same cases as an application plays them, for the records that a client gives to its sinks.
    fn through_the_client(&mut self) {
        let cases: Vec<&Case> = self.ground.sound().map(|(case, _)| case).collect();
        for case in cases {
            let client = self.client.clone();
            let (played, panic) = self.played(&client, case);
            self.search(case, &format!("{} through a client", case.id), played.as_ref(), panic, When::Always);
        }
    }

    /// A provider that repeats what it was sent, at each kind of exchange: in foreign forms, and in its own.
    fn echoed(&mut self) {
        let like = self.own_error();
        let mut done = BTreeSet::new();
        let cases: Vec<&Case> = self.ground.sound().map(|(case, _)| case).collect();
        for case in cases {
            for place in Place::all(case) {
                if done.insert(self.kind_of(case, place, false)) {
                    let foreign = FOREIGN.iter().cloned().chain(like.clone());
                    foreign.for_each(|shape| self.echo(case, place, shape));
                }
                if done.insert(self.kind_of(case, place, true)) {
                    self.echo(case, place, Shape::Texts);
                    self.echo(case, place, Shape::Everything);
                }
            }
        }
    }

    fn echo(&mut self, case: &Case, place: Place, shape: Shape) {
        let what = format!("{} with the request repeated ({shape}) at exchange {}", case.id, place.exchange + 1);
        let echo = Fault::Echo(Echo { shape, secrets: Arc::clone(&self.secrets) });
        let case = struck(case, place.strike(echo, true));
        let client = self.client.clone();
        let (played, panic) = self.played(&client, &case);
        self.search(&case, &what, played.as_ref(), panic, When::Always);
    }

    /// The values of the contract that hold secrets, shown.
    fn values(&mut self) {
        for (name, text) in sinks::values(&self.secrets) {
            self.trials += 1;
            // Lengths stand there too, which may be the same number as a security code.
            self.search_text(name, "values of the contract", &text, &[Kind::Payer, Kind::Credential], 5);
        }
    }

    fn played(&mut self, connector: &dyn Connector, case: &Case) -> (Option<Played>, Option<String>) {
        self.trials += 1;
        self.attempts.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let subject = &self.disguised.subject;
        let bench = Bench { connector, ..Bench::of(subject, self.ground.seed) };
        let watched = || self.log.watch(|| play(bench, case));
        match catch_unwind(AssertUnwindSafe(watched)) {
            Ok(played) => (Some(played), None),
            Err(payload) => (None, Some(told(payload.as_ref()))),
        }
    }

    fn search(&mut self, case: &Case, what: &str, played: Option<&Played>, panic: Option<String>, when: When) {
        if panic.is_some() {
            self.hit("a panic", "none".to_owned(), "the connector panicked".to_owned(), what);
        }
        let attempts = std::mem::take(&mut *self.attempts.0.lock().unwrap_or_else(PoisonError::into_inner));
        let log = self.log.take();
        let scene = Scene {
            subject: &self.disguised.subject,
            case,
            played,
            attempts: &attempts,
            log: &log,
            panic: panic.as_deref(),
            seed: self.ground.seed,
        };
        let looked: Vec<(&Sink, String)> = SINKS
            .iter()
            .filter(|sink| sink.when == When::Always || sink.when == when)
            .map(|sink| (sink, (sink.text)(&scene)))
            .collect();
        for (sink, text) in looked {
            self.search_text(sink.name, what, &text, sink.kinds, 0);
        }
    }

    fn search_text(&mut self, sink: &'static str, what: &str, text: &str, kinds: &[Kind], shortest: usize) {
        let secrets = Arc::clone(&self.secrets);
        for found in secrets.find(text) {
            let wanted = |canary: &&Canary| kinds.contains(&canary.kind) && canary.value.len() >= shortest;
            if let Some(canary) = secrets.canary(&found).filter(wanted) {
                self.hit(sink, format!("no trace of {}", canary.name), format!("its value {}", found.form), what);
            }
        }
    }

    fn hit(&mut self, sink: &'static str, expected: String, found: String, what: &str) {
        let hit = self.hits.entry((sink, expected, found)).or_insert_with(|| Hit { first: what.to_owned(), count: 0 });
        hit.count += 1;
    }

    /// What makes two exchanges the same for a connector's reading of errors; with the answer's status where its own answer matters.
    fn kind_of(&self, case: &Case, place: Place, own: bool) -> String {
        let index = usize::try_from(place.step).unwrap_or(1).saturating_sub(1);
        let Some((step, _)) = case.steps.get(index) else { return String::new() };
        let subject = &self.disguised.subject;
        let builder = Builder { spec: subject.entry.spec, profile: &subject.profile, brand: case.brand, seed: 0 };
        let kind = builder.kind(step).map(|kind| kind.to_string()).unwrap_or_default();
        let words: Vec<&str> = step.input.keys().map(String::as_str).collect();
        let status =
            case.tape.exchanges.get(place.index).filter(|_| own).map(|exchange| exchange.response.status.as_u16());
        format!("{:?} {kind} {} {words:?} {status:?}", step.op, place.exchange)
    }

    /// An error answer of the provider's own: the first of a refusal, else of any case.
    fn own_error(&self) -> Option<Shape> {
        let records = self.ground.sound().flat_map(|(_, played)| played.records());
        records.filter_map(|record| record.answer).find_map(|answer| {
            let status = answer.status().as_u16();
            let text = std::str::from_utf8(answer.body()).ok()?;
            let structured = text.trim_start().starts_with(['{', '<']);
            (status >= 400 && structured).then(|| Shape::Like(status, text.into()))
        })
    }
}

/// What a panic says.
fn told(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text").to_owned()
}

/// The numbers of three and four digits in the connector's traffic, inside its base64 too: a security code that is one of them could not
/// be told from it.
fn busy(ground: &Ground<'_>) -> BTreeSet<String> {
    let mut busy = BTreeSet::new();
    let mut note = |text: &str| {
        busy.extend(short_numbers(text));
        opened(text).for_each(|(_, inside)| busy.extend(short_numbers(&inside)));
    };
    for (_, played) in ground.played {
        for record in played.records() {
            note(&record.request.uri().to_string());
            note(&String::from_utf8_lossy(record.request.body()));
            let headers =
                record.request.headers().iter().chain(record.answer.iter().flat_map(|answer| answer.headers()));
            headers.for_each(|(_, value)| note(&String::from_utf8_lossy(value.as_bytes())));
            record.answer.iter().for_each(|answer| note(&String::from_utf8_lossy(answer.body())));
        }
        played.ended.iter().for_each(|ended| note(&format!("{:?}", ended.result)));
    }
    // One that is spoilt shows what its base64 holds.
    for webhook in ground.subject.tapes.values().flat_map(|tape| &tape.webhooks) {
        note(&webhook.body.written());
    }
    busy
}

fn short_numbers(text: &str) -> impl Iterator<Item = String> + '_ {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let is_number = |word: &&str| matches!(word.len(), 3 | 4) && word.bytes().all(|byte| byte.is_ascii_digit());
    words.filter(is_number).map(str::to_owned)
}

/// The tokens that the connector fetched, and what it sent as `Bearer`.
fn access_tokens(ground: &Ground<'_>) -> Vec<Canary> {
    let mut tokens: BTreeSet<String> = BTreeSet::new();
    for record in ground.sound().flat_map(|(_, played)| played.records()) {
        let header = record.request.headers().get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        tokens.extend(header.and_then(|header| header.strip_prefix("Bearer ")).map(str::to_owned));
        tokens.extend(record.answer.iter().flat_map(|answer| tokens_in(answer.body())));
    }
    let canary = |value| Canary { name: "access token".to_owned(), kind: Kind::Credential, value };
    tokens.into_iter().map(canary).collect()
}
