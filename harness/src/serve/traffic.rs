//! The last requests, to be looked at.
//!
//! A note holds a copy of what was sent and answered, long bodies cut to a few kilobytes, and is cut further and masked whenever it is
//! shown: most are never looked at, and masking takes longer than answering. A new note takes the memory of the oldest.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Instant;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};

use super::chaos::Fault;
use super::exchange::micros;
use super::forms::{HeaderShown, TrafficDetail, TrafficEntry};
use super::mask::Veil;
use super::{State, lock};
use crate::sandbox::{Seen, flat};

/// How much of a body is kept.
const BODY_BYTES: usize = 8 << 10;
/// How much of all headers is shown, and of a url kept.
const HEAD_BYTES: usize = 8 << 10;

/// The last requests, the newest at the end.
pub(super) struct Traffic {
    notes: Mutex<Notes>,
    most: usize,
}

#[derive(Default)]
struct Notes {
    /// The number of the next note, from 1.
    next: u64,
    kept: VecDeque<Box<Kept>>,
}

/// One exchange as it was.
#[derive(Clone, Default)]
struct Kept {
    number: u64,
    at_unix_ms: i64,
    micros: u64,
    provider: Option<usize>,
    fault: Option<Fault>,
    /// Whether there was a request: its headers and its body had come.
    is_asked: bool,
    method: Method,
    /// Path and query.
    url: String,
    url_is_long: bool,
    asked: Piece,
    status: Option<StatusCode>,
    answer: Piece,
    seen: Option<Seen>,
}

/// Whether a request is kept as it was sent.
pub(super) fn keeps_whole(request: &Request<Bytes>) -> bool {
    request.body().len() <= BODY_BYTES && !is_long(request.uri())
}

fn is_long(url: &Uri) -> bool {
    url.path_and_query().is_some_and(|path| path.as_str().len() > HEAD_BYTES)
}

/// Headers and the beginning of a body.
#[derive(Clone, Default)]
struct Piece {
    /// One after the other.
    bytes: Vec<u8>,
    /// Where the headers end.
    head_bytes: usize,
    /// The length of the whole body.
    body_bytes: usize,
}

impl Piece {
    /// Takes the place of what was there.
    fn note(&mut self, headers: &HeaderMap, body: &[u8]) {
        self.bytes.clear();
        // What a rare long one took is given back.
        self.bytes.shrink_to(BODY_BYTES + HEAD_BYTES);
        flat::write(headers, &mut self.bytes);
        (self.head_bytes, self.body_bytes) = (self.bytes.len(), body.len());
        self.bytes.extend_from_slice(body.get(..BODY_BYTES).unwrap_or(body));
    }

    fn headers(&self) -> HeaderMap {
        flat::read(self.bytes.get(..self.head_bytes).unwrap_or_default())
    }

    fn body(&self) -> &[u8] {
        self.bytes.get(self.head_bytes..).unwrap_or_default()
    }
}

/// What an exchange is noted with at its end.
pub(super) enum Wanted<'a> {
    /// The provider's answer.
    Provider(&'a Response<Bytes>),
    /// A refusal by the server itself.
    Own(&'a Response<Bytes>),
    /// A fault: its status, if there was an answer at all, and what the provider had answered, if it had acted.
    Fault(Option<StatusCode>, Option<&'a Response<Bytes>>),
}

/// The note of an exchange that is under way. One that is given up before its end is noted without an answer.
pub(super) struct Note<'s> {
    state: &'s State,
    begun: Instant,
    at_unix_ms: i64,
    provider: Option<usize>,
    fault: Option<Fault>,
    asked: Option<Request<Bytes>>,
    is_over: bool,
}

impl<'s> Note<'s> {
    pub(super) fn new(
        state: &'s State,
        (begun, at_unix_ms): (Instant, i64),
        provider: Option<usize>,
        fault: Option<Fault>,
    ) -> Note<'s> {
        Note { state, begun, at_unix_ms, provider, fault, asked: None, is_over: false }
    }

    pub(super) fn asked(&mut self, request: Request<Bytes>) {
        self.asked = Some(request);
    }

    /// The exchange is over.
    pub(super) fn answered(&mut self, wanted: Wanted<'_>, seen: Option<Seen>) {
        let (status, response) = match wanted {
            Wanted::Provider(response) | Wanted::Own(response) => (Some(response.status()), Some(response)),
            Wanted::Fault(status, response) => (status, response),
        };
        self.keep(status, response, seen);
    }

    fn keep(&mut self, status: Option<StatusCode>, response: Option<&Response<Bytes>>, seen: Option<Seen>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let micros = micros(self.begun.elapsed());
        let mut notes = lock(&self.state.traffic.notes);
        let kept = notes.next(self.state.traffic.most);
        (kept.at_unix_ms, kept.micros, kept.provider, kept.fault) =
            (self.at_unix_ms, micros, self.provider, self.fault);
        (kept.status, kept.seen) = (status, seen);
        let (none, nothing) = (HeaderMap::new(), Bytes::new());
        let (headers, body) = self.asked.as_ref().map_or((&none, &nothing), |asked| (asked.headers(), asked.body()));
        kept.asked.note(headers, body);
        let (headers, body) = response.map_or((&none, &nothing), |response| (response.headers(), response.body()));
        kept.answer.note(headers, body);
        kept.is_asked = self.asked.is_some();
        kept.url_is_long = false;
        kept.url.clear();
        if let Some(asked) = &self.asked {
            kept.method = asked.method().clone();
            kept.url_is_long = is_long(asked.uri());
            let whole = || asked.uri().path_and_query().map(PathAndQuery::as_str);
            let url = if kept.url_is_long { asked.uri().path().get(..HEAD_BYTES) } else { whole() };
            kept.url.push_str(url.unwrap_or_default());
        }
    }
}

impl Drop for Note<'_> {
    fn drop(&mut self) {
        self.keep(None, None, None);
    }
}

impl Notes {
    /// The next note, in the place of the oldest where there are `most`. What it held is to be noted anew.
    fn next(&mut self, most: usize) -> &mut Kept {
        let oldest = if self.kept.len() >= most { self.kept.pop_front() } else { None };
        self.next += 1;
        let number = self.next;
        let mut kept = oldest.unwrap_or_default();
        kept.number = number;
        self.kept.push_back(kept);
        let last = self.kept.len() - 1;
        &mut self.kept[last]
    }
}

impl Traffic {
    pub(super) fn new(most: usize) -> Traffic {
        Traffic { notes: Mutex::default(), most }
    }

    /// Forgets everything; numbers go on, so that a reader who asks for newer ones is not misled.
    pub(super) fn clear(&self) {
        let forgotten = std::mem::take(&mut lock(&self.notes).kept);
        drop(forgotten);
    }

    /// The number of the newest request that was noted.
    pub(super) fn newest(&self) -> u64 {
        lock(&self.notes).next
    }

    /// The newest `most` requests after the number `after`, the oldest first.
    pub(super) fn since(&self, state: &State, after: u64, most: usize, provider: Option<usize>) -> Vec<TrafficEntry> {
        let found: Vec<Kept> = {
            let notes = lock(&self.notes);
            let wanted = notes.kept.iter().rev().take_while(|kept| kept.number > after);
            wanted
                .filter(|kept| provider.is_none() || kept.provider == provider)
                .take(most)
                .map(|kept| Kept::clone(kept))
                .collect()
        };
        found.iter().rev().map(|kept| kept.entry(state)).collect()
    }

    /// One request whole.
    pub(super) fn detail(&self, state: &State, number: u64) -> Option<TrafficDetail> {
        let found = lock(&self.notes).kept.iter().find(|kept| kept.number == number).cloned();
        found.map(|kept| kept.detail(state))
    }
}

impl Kept {
    fn veil<'a>(&self, state: &'a State) -> Veil<'a> {
        let loaded = self.provider.and_then(|index| state.providers.loaded(index)).and_then(Result::ok);
        Veil::new(loaded.map(|loaded| &loaded.masker))
    }

    /// What the sandbox saw in the request, with what it differs in from the tapes.
    fn seen(&self, state: &State) -> Option<Seen> {
        let mut seen = self.seen.clone()?;
        let loaded = self.provider.and_then(|index| state.providers.loaded(index)).and_then(Result::ok);
        if let (Some(loaded), true) = (loaded, self.is_asked) {
            let mut request = Request::new(Bytes::copy_from_slice(self.asked.body()));
            (*request.method_mut(), *request.uri_mut()) = (self.method.clone(), self.url());
            *request.headers_mut() = self.asked.headers();
            seen.misses = loaded.sandbox().misses(&request, &seen);
        }
        Some(seen)
    }

    fn url(&self) -> Uri {
        self.url.parse().unwrap_or_default()
    }

    fn entry(&self, state: &State) -> TrafficEntry {
        let veil = self.veil(state);
        let provider = self.provider.and_then(|index| state.providers.all.get(index));
        let url = if self.is_asked { veil.url(&self.url()) } else { String::new() };
        TrafficEntry {
            number: self.number,
            at_unix_ms: self.at_unix_ms,
            duration_micros: self.micros,
            provider: provider.map(|provider| provider.entry.spec.id.to_owned()),
            method: if self.is_asked { self.method.to_string() } else { String::new() },
            url: if self.url_is_long { url + "…" } else { url },
            status: self.status.map(|status| status.as_u16()),
            fault: self.fault.map(|fault| fault.to_string()),
            seen: self.seen(state),
        }
    }

    fn detail(&self, state: &State) -> TrafficDetail {
        let veil = self.veil(state);
        let asked = &self.asked;
        TrafficDetail {
            entry: self.entry(state),
            request_headers: headers(&veil, asked),
            request_body: body(&veil, asked),
            request_body_bytes: asked.body_bytes,
            answer_headers: headers(&veil, &self.answer),
            answer_body: body(&veil, &self.answer),
            answer_body_bytes: self.answer.body_bytes,
        }
    }
}

fn headers(veil: &Veil<'_>, piece: &Piece) -> Vec<HeaderShown> {
    let mut left = HEAD_BYTES;
    let all = piece.headers();
    let shown = all.iter().map_while(|(name, value)| {
        left = left.checked_sub(name.as_str().len() + value.len())?;
        Some(HeaderShown { name: name.to_string(), value: veil.header(name.as_str(), value) })
    });
    shown.collect()
}

fn body(veil: &Veil<'_>, piece: &Piece) -> String {
    let whole = piece.body().len() == piece.body_bytes;
    let text = veil.body(&String::from_utf8_lossy(piece.body()), whole);
    if whole { text } else { text + "…" }
}
