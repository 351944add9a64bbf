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
use crate::run::echo;
use crate::run::stage::{SeededRandom, VirtualClock};
use crate::story::{Story, Tier};
use crate::tape::{self, Hole, Player};
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
    sink("a URL beside the holes for secrets", When::Always, &[Kind::Credential], |scene| urls(scene, false)),
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

/// The URLs of the requests; where not `all`, without what the tape states as a secret there. What a provider that repeats its request
/// has put in place of an id stands there by its own doing.
fn urls(scene: &Scene<'_>, all: bool) -> String {
    let records = scene.played.map(Played::records).unwrap_or_default();
    let stated = if all { None } else { scene.played.map(|played| played.player(stated)) }.unwrap_or_default();
    records.iter().map(|record| without(record.request.uri(), &stated)).collect::<Vec<_>>().join("\n")
}

/// A part of a URL that an exchange of the tape with a host states as a secret, with its value. Some providers want a key in every URL:
/// a request that is in no exchange, as a client's own look-up, has the same part too, and nothing else is spared in it.
#[derive(Debug, PartialEq, Eq)]
struct Stated {
    host: String,
    part: Part,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// A segment of the path, counted from 0.
    Segment(usize, String),
    /// A field of the query: name and value.
    Field(String, String),
}

/// The parts of URLs that the tape states as secrets, with what stands in them in this run.
fn stated(player: &Player) -> Vec<Stated> {
    let is_secret = |template: &&tape::Template| template.holes().any(Hole::is_secret);
    let mut all = Vec::new();
    for request in player.tape().exchanges.iter().map(|exchange| &exchange.request) {
        // Before the path stand the scheme, the emptiness between its slashes, and the host.
        let Some(host) = request.segments.get(2).and_then(|host| player.filled(host)) else { continue };
        let segments = request.segments.iter().skip(3).enumerate().filter(|(_, segment)| is_secret(segment));
        let segments = segments.filter_map(|(at, segment)| Some(Part::Segment(at, player.filled(segment)?)));
        let fields = request.query.iter().filter_map(|field| {
            Some(Part::Field(field.name.clone(), player.filled(field.value.as_ref().filter(is_secret)?)?))
        });
        all.extend(segments.chain(fields).map(|part| Stated { host: host.clone(), part }));
    }
    all
}

/// A URL without these parts and without what an answer that repeats its request gave.
fn without(uri: &http::Uri, stated: &[Stated]) -> String {
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let is_searched = |part: &Part| {
        let (Part::Segment(_, text) | Part::Field(_, text)) = part;
        !echo::is_repeated(text) && !stated.iter().any(|stated| stated.host == host && stated.part == *part)
    };
    let segments = uri.path().split('/').skip(1).enumerate();
    let path = segments.filter(|(at, text)| is_searched(&Part::Segment(*at, unescaped(text))));
    let path: Vec<&str> = path.map(|(_, text)| text).collect();
    let fields = fields_of(uri).filter(|(_, name, value)| is_searched(&Part::Field(name.clone(), value.clone())));
    let query: Vec<&str> = fields.map(|(written, ..)| written).collect();
    format!("{host}/{}?{}", path.join("/"), query.join("&"))
}

fn unescaped(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// The fields of a query, each as it is written and as name and value.
fn fields_of(uri: &http::Uri) -> impl Iterator<Item = (&str, String, String)> {
    let written = uri.query().unwrap_or_default().split('&');
    written.filter_map(|written| {
        let (name, value) = form_urlencoded::parse(written.as_bytes()).next()?;
        Some((written, name.into_owned(), value.into_owned()))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_part_that_is_stated_is_spared() {
        let stated = |host: &str, part| Stated { host: host.to_owned(), part };
        let key = || Part::Field("app-key".to_owned(), "k&1".to_owned());
        let all = [stated("a.test", key()), stated("a.test", Part::Segment(1, "m1".to_owned()))];
        let left = |url: &str| without(&url.parse().unwrap(), &all);
        assert_eq!(left("https://a.test/merchants/m1/x?app-key=k%261&b=2"), "a.test/merchants/x?b=2");
        // The same key elsewhere, another value there, another host: all of it is searched.
        assert_eq!(left("https://a.test/m1/x?trace=k%261"), "a.test/m1/x?trace=k%261");
        assert_eq!(left("https://a.test/x/m2?app-key=k%262"), "a.test/x/m2?app-key=k%262");
        assert_eq!(left("https://b.test/merchants/m1?app-key=k%261"), "b.test/merchants/m1?app-key=k%261");
        // An id that is the provider's own repetition of a request.
        assert_eq!(left("https://b.test/x/refused%3A%20k%3B%20sent%20was%20GET?trace=k"), "b.test/x?trace=k");
    }
}
