//! Everything that comes out of a play other than on the wire: where the check `canary` looks. A new output is one more line of [`SINKS`].

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use quittance::{Attempt, Card, Context, Delivery, MemoryTokens, Pan, Reply, drive};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};

use super::ground::finding;
use super::report::{Footer, Header, Line, Report, Verdict, verdict_line};
use crate::canary::{Kind, Searcher};
use crate::invoke;
use crate::run::case::{Case, Played};
use crate::run::stage::{SeededRandom, VirtualClock};
use crate::story::{Story, Tier};
use crate::tape::{self, Exchange, Hole};
use crate::world::Subject;

/// One play with everything that came of it.
pub(super) struct Scene<'a> {
    /// The connector with its new secrets.
    pub(super) subject: &'a Subject,
    /// The case.
    pub(super) case: &'a Case,
    /// The play; `None` after a panic.
    pub(super) played: Option<&'a Played>,
    /// What the client gave to its sinks.
    pub(super) attempts: &'a [Attempt],
    /// What was logged.
    pub(super) log: &'a str,
    /// What a panic said.
    pub(super) panic: Option<&'a str>,
    /// The seed of the play.
    pub(super) seed: u64,
}

/// When a sink is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// After each play.
    Always,
    /// After one play of each case: making it costs more than a play.
    Once,
}

/// A place where something can come out.
pub(super) struct Sink {
    /// Its name in findings.
    pub(super) name: &'static str,
    /// When it is looked at.
    pub(super) when: When,
    /// What must not stand there.
    pub(super) kinds: &'static [Kind],
    /// Its text.
    pub(super) text: fn(&Scene<'_>) -> String,
}

const ALL: &[Kind] = &[Kind::Payer, Kind::Credential];

const fn sink(name: &'static str, when: When, kinds: &'static [Kind], text: fn(&Scene<'_>) -> String) -> Sink {
    Sink { name, when, kinds, text }
}

/// Every sink.
pub(super) const SINKS: &[Sink] = &[
    sink("the log", When::Always, ALL, |scene| scene.log.to_owned()),
    sink("a panic", When::Always, ALL, |scene| scene.panic.unwrap_or_default().to_owned()),
    sink("a result", When::Always, ALL, results),
    sink("Debug of a result", When::Always, ALL, debug_of_results),
    sink("an error", When::Always, ALL, errors),
    sink("an attempt", When::Always, ALL, |scene| format!("{:?}", scene.attempts)),
    sink("a URL", When::Always, &[Kind::Payer], |scene| urls(scene, true)),
    sink("a URL without a hole for a secret", When::Always, &[Kind::Credential], |scene| urls(scene, false)),
    sink("Debug of a request", When::Once, ALL, requests),
    sink("report.ndjson", When::Once, ALL, |scene| line(scene).map(|line| verdict_line(&line)).unwrap_or_default()),
    sink("junit.xml", When::Once, ALL, junit),
    sink("explain", When::Once, ALL, |scene| story(scene).map(|story| story.to_string()).unwrap_or_default()),
    sink("explain --json", When::Once, ALL, |scene| {
        story(scene).map(|story| json!(story).to_string()).unwrap_or_default()
    }),
];

fn results(scene: &Scene<'_>) -> String {
    let results = scene.played.map(Played::results).unwrap_or_default();
    results.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn debug_of_results(scene: &Scene<'_>) -> String {
    let mut text = String::new();
    for ended in scene.played.iter().flat_map(|played| &played.ended) {
        let _ = writeln!(text, "{:?} {:?}", ended.result, ended.first);
    }
    text
}

/// Each error in words with every error behind it.
fn errors(scene: &Scene<'_>) -> String {
    let mut text = String::new();
    for error in scene.played.iter().flat_map(|played| &played.ended).filter_map(|ended| ended.result.as_ref().err()) {
        let mut next: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = next {
            let _ = writeln!(text, "{error} {error:?}");
            next = error.source();
        }
    }
    text
}

/// The URLs of the requests: all of them, or those of exchanges whose tape has no hole for a secret in the URL. A request that is in no
/// exchange of its step, as a client's own look-up, is held against those to the same host: some providers want a key in every URL.
fn urls(scene: &Scene<'_>, all: bool) -> String {
    let records = scene.played.map(Played::records).unwrap_or_default();
    let exchanges = &scene.case.tape.exchanges;
    let states = |record: &tape::Record| match record.exchange.and_then(|index| exchanges.get(index)) {
        Some(own) => states_secret(own),
        None => exchanges.iter().any(|one| is_host(one, record.request.uri()) && states_secret(one)),
    };
    let shown = records.iter().filter(|record| all || !states(record));
    shown.map(|record| record.request.uri().to_string()).collect::<Vec<_>>().join("\n")
}

/// Whether an exchange is with the host of a URL.
fn is_host(exchange: &Exchange, uri: &http::Uri) -> bool {
    // Behind the scheme and the emptiness between its slashes.
    exchange.request.segments.get(2).and_then(|segment| segment.literal()) == uri.host()
}

/// Whether the tape states a secret in the request's URL.
fn states_secret(exchange: &Exchange) -> bool {
    let request = &exchange.request;
    let query = request.query.iter().filter_map(|field| field.value.as_ref());
    let mut parts = query.chain(&request.segments).chain([&request.target]);
    parts.any(|template| template.holes().any(Hole::is_secret))
}

fn requests(scene: &Scene<'_>) -> String {
    let asked = scene.played.iter().flat_map(|played| played.asked.values());
    let requests = asked.filter_map(|asked| invoke::Request::read(asked.op, &asked.input).ok());
    requests.map(|request| format!("{request:?}")).collect::<Vec<_>>().join("\n")
}

fn line(scene: &Scene<'_>) -> Option<Line> {
    scene.played.map(|played| failed(scene.subject, scene.case, played))
}

/// The line of a case as if it had failed in each step: what came of it stands in a finding, as of a result that was not expected.
pub(super) fn failed(subject: &Subject, case: &Case, played: &Played) -> Line {
    let line = super::case_line(subject, case, played, false);
    let told =
        played.results().iter().map(|result| finding("result", "another", result.to_string())).collect::<Vec<_>>();
    let findings = played.findings.iter().cloned().chain(told).collect();
    Line { verdict: Verdict::Fail, findings, exchanges: played.transcript(), ..line }
}

fn junit(scene: &Scene<'_>) -> String {
    let lines: Vec<Line> = line(scene).into_iter().collect();
    let header = Header::alone(scene.subject.entry.spec.id, scene.seed);
    Report { header, footer: Footer::of(&lines, &[]), lines, summaries: Vec::new(), background: None }.to_junit()
}

fn story(scene: &Scene<'_>) -> Option<Story> {
    let rules = std::collections::BTreeMap::new();
    Some(Story::tell(scene.subject, scene.case, scene.played?, &rules, Tier::Memory, scene.seed))
}

/// Two subscribers that stay for good and care for every place.
///
/// While there is one subscriber or none, `tracing` asks the thread that first reaches a place whether anybody listens there, and keeps
/// the answer for all threads; a thread that watches at the same time would hear nothing. With two it asks the subscribers themselves.
static LISTENERS: OnceLock<[Dispatch; 2]> = OnceLock::new();

/// Everything that is logged while a play is watched, from the finest level on.
#[derive(Clone, Default)]
pub(super) struct Log {
    lines: Arc<Mutex<String>>,
    dispatch: OnceLock<Dispatch>,
}

impl Log {
    /// Runs `act` with everything that it logs caught.
    pub(super) fn watch<T>(&self, act: impl FnOnce() -> T) -> T {
        LISTENERS.get_or_init(|| std::array::from_fn(|_| Dispatch::new(Catcher(Arc::default()))));
        let dispatch = self.dispatch.get_or_init(|| Dispatch::new(Catcher(Arc::clone(&self.lines))));
        tracing::dispatcher::with_default(dispatch, act)
    }

    /// What was logged since the last time.
    pub(super) fn take(&self) -> String {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Catcher(Arc<Mutex<String>>);

impl Catcher {
    fn write(&self, record: impl FnOnce(&mut Writer<'_>)) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        record(&mut Writer(&mut lines));
        lines.push('\n');
    }
}

impl Subscriber for Catcher {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.write(|writer| span.record(writer));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.write(|writer| values.record(writer));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.write(|writer| event.record(writer));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Writer<'w>(&'w mut String);

/// Numbers shorter than this are lengths, statuses and counts.
const SHORTEST_NUMBER: u128 = 10_000_000_000;

impl Visit for Writer<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, "{}={value} ", field.name());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record_u128(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record_u128(field, value.unsigned_abs().into());
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        if value >= SHORTEST_NUMBER {
            let _ = write!(self.0, "{}={value} ", field.name());
        }
    }

    fn record_bool(&mut self, _: &Field, _: bool) {}

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

/// Values of the contract that hold the canaries, as they show themselves, with their names.
pub(super) fn values(secrets: &Searcher) -> Vec<(&'static str, String)> {
    let all: Vec<&str> = secrets.canaries().iter().map(|canary| canary.value.as_str()).collect();
    let text = all.join("\n");
    let (wire, clock, random, tokens) =
        (drive::Wire::default(), VirtualClock::new(), SeededRandom::new(0), MemoryTokens::default());
    let cx = Context::new(&wire, &clock, &random, &tokens);
    all.iter().for_each(|secret| cx.protect(secret));
    let mut shown = vec![("Debug of a context", format!("{cx:?}"))];
    let secret = quittance::Secret::new(text.as_str());
    let mut draft = String::new();
    let call = cx
        .post("https://api.example/x")
        .query(&json!({ "key": all.first() }))
        .basic("user", &secret)
        .json(&json!({ "all": all }))
        .sign(|signed| {
            draft = format!("{signed:?}");
            Ok(Vec::new())
        });
    shown.push(("Debug of a call", format!("{call:?}")));
    shown.push(("Debug of a draft", draft));
    let mut reply = String::new();
    let mut exchange = drive::Exchange::new(&wire, async {
        let answer: Reply = call.send().await?;
        reply = format!("{answer:?}");
        Ok(())
    });
    let step = exchange.start();
    shown.push(("Debug of a step", format!("{step:?}")));
    let waiting = exchange.reply(Ok(Response::new(Bytes::from(text.clone()))));
    shown.push(("Debug of an exchange", format!("{exchange:?} {waiting:?}")));
    drop(exchange);
    shown.push(("Debug of a reply", reply));
    shown.push(("Debug of a wire", format!("{:?}", in_flight(&text))));
    shown.push(("Debug of a delivery", format!("{:?}", Delivery::new(HeaderMap::new(), text))));
    shown.extend(all.iter().filter_map(|secret| refused(secret)).map(|text| ("an error about a card", text)));
    shown
}

/// A transport of a driven call that holds a request with this body.
fn in_flight(text: &str) -> drive::Wire {
    use quittance::Transport as _;
    let wire = drive::Wire::default();
    let mut send = wire.send(Request::new(Bytes::copy_from_slice(text.as_bytes())), quittance::Limits::default());
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    let _waiting = send.as_mut().poll(&mut task);
    drop(send);
    wire
}

/// What is said of a card with this number as a number, and with this number and one digit more; `None` for what is no card number.
fn refused(secret: &str) -> Option<String> {
    Pan::parse(secret).ok()?;
    let card = |number: serde_json::Value| {
        let card = json!({ "number": number, "expiry": { "month": 1, "year": 2030 }, "cvc": null, "holder": null });
        serde_json::from_value::<Card>(card).err().map(|error| format!("{error} {error:?}")).unwrap_or_default()
    };
    let as_number = secret.parse::<u64>().map(|number| card(json!(number))).unwrap_or_default();
    Some(format!("{as_number} {} {:?}", card(json!(format!("{secret}0"))), Pan::parse(&format!("{secret}x")).err()))
}
