//! Where one case is played: the tape's player, a fault to give, the virtual clock and the seeded randomness.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use quittance::{Clock, Failure, Random, Secret, Timestamp, TokenCache, async_trait, digest};

use super::echo::Echo;
use crate::tape::{self, Mismatch, Player};

/// The virtual clock at the start of every case: 2026-11-22T12:00:00Z.
pub const START_UNIX_SECONDS: i64 = 1_795_348_800;

/// An answer that no provider wrote: what happens on the way, or in front of the provider's application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection is refused.
    Refused,
    /// The connection breaks after the request was sent.
    Reset,
    /// The reply breaks off in its body.
    Cut,
    /// No reply comes.
    TimedOut,
    /// A whole answer of this status, media type and body; 429 carries `retry-after: 30`.
    Answer(u16, &'static str, &'static str),
    /// The tape's answer with its body spoilt.
    Spoilt(Spoiling),
    /// The tape's answer with another body.
    Body(Arc<[u8]>),
    /// The tape's answer under another media type.
    Typed(&'static str),
    /// The first bytes of a reply come, and no more before time runs out.
    Slow,
    /// An answer that repeats the request.
    Echo(Echo),
}

/// How the body of an answer is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoiling {
    /// Every member of the outermost JSON object, or every child of the XML root, stands twice.
    Doubled,
    /// The outermost object lies 5,000 levels deep.
    Deep,
    /// A byte that no UTF-8 text has stands in front.
    NotUtf8,
    /// It is longer than the limit of a reply.
    TooLong,
    /// The second half is missing.
    Half,
    /// Its last digit is another, also inside base64, and a signature is left as it was.
    Altered,
}

impl Spoiling {
    /// The body, spoilt.
    pub fn of(self, body: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(body).into_owned();
        let text = text.trim_start_matches('\u{feff}').trim();
        match self {
            Spoiling::Doubled => match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(members) if !members.trim().is_empty() => format!("{{{members},{members}}}").into_bytes(),
                _ => doubled_xml(text).into_bytes(),
            },
            Spoiling::Deep if text.starts_with('<') => {
                format!("{}{}{}", "<a>".repeat(5000), text, "</a>".repeat(5000)).into_bytes()
            }
            Spoiling::Deep => format!("{}{}{}", "[".repeat(5000), text, "]".repeat(5000)).into_bytes(),
            Spoiling::NotUtf8 => [b"\xff", body].concat(),
            Spoiling::TooLong => [text.as_bytes(), " ".repeat(1 << 20).as_bytes()].concat(),
            Spoiling::Half => body.get(..body.len() / 2).unwrap_or_default().to_vec(),
            Spoiling::Altered => altered(text).into_bytes(),
        }
    }
}

/// The text with another last digit, of those that stand in no tag.
fn altered(text: &str) -> String {
    let mut open = tape::opened(text).into_owned();
    let in_tag = |at: usize| open.get(at..).and_then(|rest| rest.find(['<', '>']).map(|mark| rest.get(mark..)));
    let in_tag = |at: usize| in_tag(at).flatten().is_some_and(|rest| rest.starts_with('>'));
    let mut digits = open.char_indices().rev().filter(|(_, letter)| letter.is_ascii_digit());
    if let Some((at, digit)) = digits.find(|(at, _)| !in_tag(*at)) {
        open.replace_range(at..=at, if digit == '1' { "2" } else { "1" });
    }
    tape::closed(&open).into_owned()
}

/// The children of the XML root twice; anything else twice as a whole.
fn doubled_xml(text: &str) -> String {
    let prolog = crate::tape::xml::prolog(text);
    let root = text.get(prolog.len()..).unwrap_or_default();
    match (root.find('>'), root.rfind("</")) {
        (Some(start), Some(end)) if root.starts_with('<') && start < end => {
            let (open, children, close) = (root.get(..=start), root.get(start + 1..end), root.get(end..));
            let [open, children, close] = [open, children, close].map(Option::unwrap_or_default);
            format!("{prolog}{open}{children}{children}{close}")
        }
        _ => format!("{text}{text}"),
    }
}

impl Fault {
    /// 503 with a page of the load balancer.
    pub const OUTAGE: Fault =
        Fault::Answer(503, "text/html", "<html><body><h1>503 Service Unavailable</h1></body></html>");
    /// 429 in plain text.
    pub const RATE_LIMITED: Fault = Fault::Answer(429, "text/plain", "Too Many Requests");
    /// 200 with a web page.
    pub const HTML_200: Fault = Fault::Answer(200, "text/html", "<html><body>Welcome</body></html>");

    /// The fault that a scenario names.
    pub fn named(name: &str) -> Option<Fault> {
        Some(match name {
            "refused" => Fault::Refused,
            "reset" => Fault::Reset,
            "cut" => Fault::Cut,
            "timeout" => Fault::TimedOut,
            "outage" => Fault::OUTAGE,
            "rate_limited" => Fault::RATE_LIMITED,
            "html_200" => Fault::HTML_200,
            _ => return None,
        })
    }

    /// What the transport tells, in memory.
    pub fn answer(&self) -> Result<Response<Bytes>, Failure> {
        match *self {
            Fault::Refused => Err(Failure::Refused("connection refused".to_owned())),
            Fault::Reset => Err(Failure::Reset),
            Fault::Cut => Err(Failure::Cut),
            Fault::TimedOut | Fault::Slow => Err(Failure::TimedOut),
            Fault::Answer(status, media_type, body) => Ok(response(status, media_type, body)),
            Fault::Spoilt(_) | Fault::Body(_) | Fault::Typed(_) | Fault::Echo(_) => Err(Failure::Cut),
        }
    }
}

fn typed(mut answer: Response<Bytes>, media_type: &'static str) -> Response<Bytes> {
    answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(media_type));
    answer
}

fn response(status: u16, media_type: &'static str, body: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    if !media_type.is_empty() {
        response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(media_type));
    }
    if status == 429 {
        response.headers_mut().insert(http::header::RETRY_AFTER, http::HeaderValue::from_static("30"));
    }
    response
}

/// When a fault strikes: at the exchange of this index within its step, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    /// The step, from 1.
    pub step: u32,
    /// The exchange within the step's operation, from 0.
    pub exchange: usize,
    /// What strikes.
    pub fault: Fault,
    /// Whether every later exchange of the step meets it too, as in a real outage.
    pub lasting: bool,
}

/// What stands behind the transport of a case, in memory or on the wire.
#[derive(Debug)]
pub struct Stage {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    player: Player,
    strike: Option<Strike>,
    step: u32,
    sent: usize,
    gets: usize,
    mismatches: Vec<Mismatch>,
}

impl Stage {
    /// A stage for one run of the player.
    pub fn new(player: Player, strike: Option<Strike>) -> Arc<Stage> {
        Arc::new(Stage {
            inner: Mutex::new(Inner { player, strike, step: 0, sent: 0, gets: 0, mismatches: Vec::new() }),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses the player.
    pub fn with<T>(&self, act: impl FnOnce(&mut Player) -> T) -> T {
        act(&mut self.inner().player)
    }

    /// Says which step begins, so that exchanges are counted from 0.
    pub fn begin(&self, step: u32) {
        let mut inner = self.inner();
        inner.step = step;
        inner.sent = 0;
        inner.gets = 0;
    }

    /// The fault that strikes at the next exchange, if one does.
    pub fn due(&self) -> Option<Fault> {
        let inner = self.inner();
        let strikes = |strike: &Strike| {
            let here = strike.exchange == inner.sent || (strike.lasting && strike.exchange < inner.sent);
            strike.step == inner.step && here
        };
        inner.strike.as_ref().filter(|strike| strikes(strike)).map(|strike| strike.fault.clone())
    }

    /// Judges one request against the tape and gives the tape's answer, or the fault's. The fault replaces the answer, not the
    /// check of the request; a refused connection never sees the request.
    pub fn exchange(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        let fault = self.due();
        let mut inner = self.inner();
        inner.sent += 1;
        inner.gets += usize::from(request.method() == http::Method::GET);
        if fault == Some(Fault::Refused) {
            return Fault::Refused.answer();
        }
        let repeated = inner.strike.as_ref().is_some_and(|strike| strike.lasting && strike.exchange + 1 < inner.sent);
        match &fault {
            Some(Fault::Echo(echo)) if repeated => {
                let answer = echo.answer(request, None);
                inner.player.keep(None, request, Some(&answer));
                return Ok(answer);
            }
            Some(fault) if repeated => return fault.answer(),
            _ => {}
        }
        match inner.player.exchange(request) {
            Ok(answer) => match fault {
                None => Ok(answer),
                Some(Fault::Body(body)) => {
                    let answer = answer.map(|_| Bytes::copy_from_slice(&body));
                    let record = inner.player.transcript().last().cloned();
                    Ok(match record {
                        Some(record) => inner.player.resigned(&record, answer),
                        None => answer,
                    })
                }
                Some(Fault::Typed(media_type)) => Ok(typed(answer, media_type)),
                Some(Fault::Spoilt(spoiling)) => Ok(answer.map(|body| Bytes::from(spoiling.of(&body)))),
                Some(Fault::Echo(echo)) => Ok(echo.answer(request, Some(answer))),
                Some(fault) => fault.answer(),
            },
            Err(mismatches) => {
                inner.mismatches.extend(mismatches);
                Err(Failure::Refused("the request differs from the tape".to_owned()))
            }
        }
    }

    /// Whether the fault was to strike in step `number`.
    pub fn struck(&self, number: u32) -> bool {
        self.inner().strike.as_ref().is_some_and(|strike| strike.step == number)
    }

    /// How many requests the step has sent so far.
    pub fn sent(&self) -> usize {
        self.inner().sent
    }

    /// How many requests other than GET the step has sent so far.
    pub fn sent_but_get(&self) -> usize {
        let inner = self.inner();
        inner.sent - inner.gets
    }

    /// Every difference between request and tape so far, and forgets it.
    pub fn take_mismatches(&self) -> Vec<Mismatch> {
        std::mem::take(&mut self.inner().mismatches)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct VirtualClock(AtomicI64);

impl VirtualClock {
    /// A clock at the start of every case.
    pub fn new() -> VirtualClock {
        VirtualClock(AtomicI64::new(START_UNIX_SECONDS))
    }

    /// A clock that stands at another time, in seconds since 1970.
    pub fn at(unix_seconds: i64) -> VirtualClock {
        VirtualClock(AtomicI64::new(unix_seconds))
    }

    /// Seconds since 1970.
    pub fn unix_seconds(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Moves the clock.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clone for VirtualClock {
    fn clone(&self) -> VirtualClock {
        VirtualClock::at(self.unix_seconds())
    }
}

impl Default for VirtualClock {
    fn default() -> VirtualClock {
        VirtualClock::new()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.unix_seconds()).unwrap_or_default()
    }
}

/// Randomness that follows from a seed: SHA-256 over the seed and a counter.
#[derive(Debug)]
pub struct SeededRandom {
    seed: u64,
    counter: AtomicU64,
}

impl SeededRandom {
    /// A source at its start.
    pub fn new(seed: u64) -> SeededRandom {
        SeededRandom { seed, counter: AtomicU64::new(0) }
    }
}

impl Clone for SeededRandom {
    fn clone(&self) -> SeededRandom {
        SeededRandom { seed: self.seed, counter: AtomicU64::new(self.counter.load(Ordering::Relaxed)) }
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for block in bytes.chunks_mut(32) {
            let counter = self.counter.fetch_add(1, Ordering::Relaxed);
            let hash = digest::sha256(&[self.seed.to_be_bytes(), counter.to_be_bytes()].concat());
            block.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        }
    }
}

/// What a token cache has under a name.
#[derive(Clone)]
struct Entry {
    token: Secret,
    expires: Timestamp,
    /// Whether it outlasts the process: see [`TokenCache::keep`].
    lasts: bool,
}

/// A token cache that can be emptied and counts how often it spared a fetch.
#[derive(Default)]
pub struct Tokens {
    entries: Mutex<HashMap<String, Entry>>,
    given: AtomicUsize,
}

impl Tokens {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops all but what outlasts a process, as when one ends.
    pub fn clear(&self) {
        self.entries().retain(|_, entry| entry.lasts);
    }

    /// What another process would find.
    pub fn lasting(&self) -> Tokens {
        let lasting = self.clone();
        lasting.clear();
        lasting
    }

    /// How often something was found so far.
    pub fn given(&self) -> usize {
        self.given.load(Ordering::Relaxed)
    }

    fn insert(&self, name: &str, token: Secret, expires: Timestamp, lasts: bool) {
        self.entries().insert(name.to_owned(), Entry { token, expires, lasts });
    }
}

impl Clone for Tokens {
    fn clone(&self) -> Tokens {
        Tokens { entries: Mutex::new(self.entries().clone()), given: AtomicUsize::new(self.given()) }
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.entries().len())
    }
}

#[async_trait]
impl TokenCache for Tokens {
    async fn get(&self, name: &str, now: Timestamp) -> Option<Secret> {
        let found = self.entries().get(name).filter(|entry| entry.expires > now).map(|entry| entry.token.clone());
        self.given.fetch_add(usize::from(found.is_some()), Ordering::Relaxed);
        found
    }

    async fn put(&self, name: &str, token: Secret, expires: Timestamp) {
        self.insert(name, token, expires, false);
    }

    async fn forget(&self, name: &str) {
        self.entries().remove(name);
    }

    async fn keep(&self, name: &str, secret: Secret, expires: Timestamp) {
        self.insert(name, secret, expires, true);
    }
}

/// What cases that run beside each other have in common: clock, randomness, token cache.
#[derive(Clone, Debug)]
pub struct Around {
    /// The clock.
    pub clock: VirtualClock,
    /// The randomness.
    pub random: SeededRandom,
    /// The token cache.
    pub tokens: Tokens,
}

impl Around {
    /// Surroundings at their start.
    pub fn new(seed: u64) -> Around {
        Around { clock: VirtualClock::new(), random: SeededRandom::new(seed), tokens: Tokens::default() }
    }
}
