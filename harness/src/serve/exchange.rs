//! One request to a provider: read within limits, answered by its sandbox, spoilt as chaos says, and noted.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use tokio::time::{sleep, timeout};

use super::answer::{Answer, HangUp, faulty, refusal, whole};
use super::chaos::{Chaos, Draw, Fault, Kind};
use super::customers;
use super::providers::Found;
use super::traffic::{self, Note, Wanted};
use super::{Limits, State, lock, now_unix_ms};

/// Faults that may be asked for ahead.
const FAULTS_AHEAD: usize = 1_000;
/// How much of a body that is too long is read over before the connection is closed instead.
const READ_OVER_BYTES: usize = 64 << 20;

/// What is to go wrong.
pub(super) struct Planned {
    chaos: RwLock<Arc<Chaos>>,
    /// Whether that is nothing, so that the usual request takes no lock.
    is_calm: AtomicBool,
    /// Faults of the next requests, each for one provider or for any.
    ahead: Mutex<VecDeque<(Option<usize>, Fault)>>,
    /// How many there are, so that the usual request takes no lock.
    ahead_count: AtomicUsize,
    /// The number of the next request, by provider.
    numbers: Vec<AtomicU64>,
    /// The number of the next delivery.
    delivery: AtomicU64,
}

impl Planned {
    pub(super) fn new(chaos: Chaos, providers: usize) -> Planned {
        Planned {
            is_calm: AtomicBool::new(chaos.is_nothing()),
            chaos: RwLock::new(Arc::new(chaos)),
            ahead: Mutex::default(),
            ahead_count: AtomicUsize::new(0),
            numbers: (0..providers).map(|_| AtomicU64::new(0)).collect(),
            delivery: AtomicU64::new(0),
        }
    }

    pub(super) fn chaos(&self) -> Arc<Chaos> {
        Arc::clone(&self.chaos.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_chaos(&self, chaos: Chaos) {
        let is_calm = chaos.is_nothing();
        let mut now = self.chaos.write().unwrap_or_else(PoisonError::into_inner);
        *now = Arc::new(chaos);
        self.is_calm.store(is_calm, Ordering::Relaxed);
    }

    /// Makes the next `times` requests go wrong; `false` when too many are planned already.
    pub(super) fn ask(&self, provider: Option<usize>, fault: Fault, times: usize) -> bool {
        let mut ahead = lock(&self.ahead);
        if ahead.len().saturating_add(times) > FAULTS_AHEAD {
            return false;
        }
        ahead.extend(std::iter::repeat_n((provider, fault), times));
        self.ahead_count.store(ahead.len(), Ordering::Relaxed);
        true
    }

    /// The faults of the next requests.
    pub(super) fn asked(&self) -> Vec<(Option<usize>, Fault)> {
        lock(&self.ahead).iter().copied().collect()
    }

    /// Starts again from the first draw, without faults ahead.
    pub(super) fn reset(&self, only: Option<usize>) {
        let mut ahead = lock(&self.ahead);
        ahead.retain(|(provider, _)| only.is_some() && *provider != only);
        self.ahead_count.store(ahead.len(), Ordering::Relaxed);
        for (_, number) in self.numbers.iter().enumerate().filter(|(index, _)| only.is_none_or(|only| only == *index)) {
            number.store(0, Ordering::Relaxed);
        }
        if only.is_none() {
            self.delivery.store(0, Ordering::Relaxed);
        }
    }

    fn draw(&self, seed: u64, provider: usize) -> Draw {
        let number = self.numbers.get(provider).map_or(0, |number| number.fetch_add(1, Ordering::Relaxed));
        let is_calm = self.is_calm.load(Ordering::Relaxed);
        let mut draw = if is_calm { Draw::default() } else { self.chaos().draw(seed, number) };
        if self.ahead_count.load(Ordering::Relaxed) > 0 {
            let mut ahead = lock(&self.ahead);
            let next = ahead.iter().position(|(only, _)| only.is_none_or(|only| only == provider));
            draw.fault = next.and_then(|next| ahead.remove(next)).map(|(_, fault)| fault).or(draw.fault);
            self.ahead_count.store(ahead.len(), Ordering::Relaxed);
        }
        draw
    }

    /// Whether the next delivery is sent twice.
    pub(super) fn doubles(&self, seed: u64) -> bool {
        let number = self.delivery.fetch_add(1, Ordering::Relaxed);
        !self.is_calm.load(Ordering::Relaxed) && self.chaos().doubles(seed, number)
    }
}

/// Answers a request to a provider.
pub(super) async fn exchange(state: &Arc<State>, request: Request<Incoming>) -> Result<Response<Answer>, HangUp> {
    let begun = Instant::now();
    state.requests.fetch_add(1, Ordering::Relaxed);
    let (mut head, body) = request.into_parts();
    let found = state.providers.find(host(&head.headers), &head.uri);
    let read = read(body, &head.headers, &state.limits).await;
    let draw = found.as_ref().map(|found| state.planned.draw(state.seed, found.index)).unwrap_or_default();
    let now_unix_ms = now_unix_ms();
    let mut note = Note::new(state, (begun, now_unix_ms), found.as_ref().map(|found| found.index), draw.fault);
    let refused = |status: StatusCode, message: &str| (refusal(status, message), None);
    let (answered, seen) = match (found, read) {
        (_, Err(unread)) => {
            let (status, message) = unread.told(&state.limits);
            refused(status, &message)
        }
        (None, Ok(_)) => refused(StatusCode::NOT_FOUND, &no_provider(state)),
        (Some(Found { index, url }), Ok(bytes)) => {
            head.uri = url;
            let request = Request::from_parts(head, bytes);
            let acts = draw.fault.is_none_or(|fault| fault.after);
            if acts {
                load(state, index).await;
            }
            let acted = acts.then(|| act(state, index, &request, now_unix_ms / 1000));
            note.asked(request);
            if !draw.latency.is_zero() {
                sleep(draw.latency).await;
            }
            let (response, seen) = acted.unwrap_or_default();
            let Some(fault) = draw.fault else {
                note.answered(Wanted::Provider(&response), seen);
                return Ok(whole(response));
            };
            return spoilt(state, note, fault, (acts.then_some(response), seen)).await;
        }
    };
    note.asked(Request::from_parts(head, Bytes::new()));
    let response = whole(answered.clone());
    note.answered(Wanted::Own(&answered), seen);
    Ok(response)
}

/// Reads a provider's tapes, where that was not done yet.
async fn load(state: &Arc<State>, index: usize) {
    if state.providers.loaded(index).is_none() {
        let state = Arc::clone(state);
        let _read_or_not = tokio::task::spawn_blocking(move || state.providers.load(index).is_ok()).await;
    }
}

/// The provider's answer, with its deliveries under way.
fn act(
    state: &Arc<State>,
    index: usize,
    request: &Request<Bytes>,
    now_unix_seconds: i64,
) -> (Response<Bytes>, Option<crate::sandbox::Seen>) {
    let loaded = match state.providers.load(index) {
        Ok(loaded) => loaded,
        Err(why) => {
            let message = format!("this provider cannot be served: {why}");
            return (refusal(StatusCode::INTERNAL_SERVER_ERROR, &message), None);
        }
    };
    let sandbox = loaded.sandbox();
    // What is kept whole can be compared with the tapes when somebody looks at it.
    let answered = match traffic::keeps_whole(request) {
        true => sandbox.respond(request, now_unix_seconds),
        false => sandbox.answer(request, now_unix_seconds),
    };
    customers::send(state, index, &sandbox, answered.due);
    if let Some(waiting) = answered.waiting {
        customers::wait(state, index, sandbox, waiting);
    }
    (answered.response, Some(answered.seen))
}

/// What the client gets instead of the provider's answer, if it gave one.
async fn spoilt(
    state: &State,
    mut note: Note<'_>,
    fault: Fault,
    (response, seen): (Option<Response<Bytes>>, Option<crate::sandbox::Seen>),
) -> Result<Response<Answer>, HangUp> {
    let answered = faulty(fault, response.clone());
    let status = answered.as_ref().map(Response::status);
    note.answered(Wanted::Fault(status, response.as_ref()), seen);
    if fault.kind == Kind::Timeout {
        drop(note);
        sleep(state.limits.silence).await;
        return Err(HangUp);
    }
    answered.ok_or(HangUp)
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST).and_then(|value| value.to_str().ok())
}

fn no_provider(state: &State) -> String {
    let ids: Vec<&str> = state.providers.all.iter().map(|provider| provider.entry.spec.id).collect();
    format!("no provider of this host or path; begin the path with /ID, where ID is one of {}", ids.join(", "))
}

/// Why a body was not read.
enum Unread {
    TooLong,
    TooSlow,
    Broken,
}

impl Unread {
    fn told(&self, limits: &Limits) -> (StatusCode, String) {
        match self {
            Unread::TooLong => {
                let limit = limits.body_bytes;
                (
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("the body is longer than {limit} bytes, the most this server reads"),
                )
            }
            Unread::TooSlow => {
                let limit = limits.body_time.as_secs();
                (StatusCode::REQUEST_TIMEOUT, format!("the body did not arrive within {limit} s"))
            }
            Unread::Broken => (StatusCode::BAD_REQUEST, "the body is no HTTP".to_owned()),
        }
    }
}

/// The body, if it keeps within the limits; one that is too long is read over, so that the client comes to read the answer.
async fn read(mut body: Incoming, headers: &HeaderMap, limits: &Limits) -> Result<Bytes, Unread> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let announced = body.size_hint().lower();
    let fits = usize::try_from(announced).is_ok_and(|announced| announced <= limits.body_bytes);
    if !fits && headers.contains_key(http::header::EXPECT) {
        // The client waits for leave to send it.
        return Err(Unread::TooLong);
    }
    let mut whole = std::pin::pin!(async {
        let mut first: Option<Bytes> = None;
        let mut rest = BytesMut::new();
        let mut length = 0_usize;
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let Ok(piece) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
            length = length.saturating_add(piece.len());
            if length > READ_OVER_BYTES {
                return Err(Unread::TooLong);
            }
            if length > limits.body_bytes {
                (first, rest) = (None, BytesMut::new());
            } else if length == piece.len() {
                first = Some(piece);
            } else {
                rest.extend_from_slice(&first.take().unwrap_or_default());
                rest.extend_from_slice(&piece);
            }
        }
        if length > limits.body_bytes { Err(Unread::TooLong) } else { Ok(first.unwrap_or_else(|| rest.freeze())) }
    });
    // Most bodies came with their head and need no timer.
    match poll_fn(|context| Poll::Ready(whole.as_mut().poll(context))).await {
        Poll::Ready(read) => read,
        Poll::Pending => timeout(limits.body_time, whole).await.unwrap_or(Err(Unread::TooSlow)),
    }
}

/// How long an exchange took, in microseconds.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
