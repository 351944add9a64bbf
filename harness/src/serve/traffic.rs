//! The last requests, to be looked at.
//!
//! A note holds what was sent and answered as it was, long bodies cut to a few kilobytes, and is cut further and masked whenever it is
//! shown: most are never looked at, and masking takes longer than answering.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};

use super::chaos::Fault;
use super::exchange::micros;
use super::forms::{HeaderShown, TrafficDetail, TrafficEntry};
use super::mask::Veil;
use super::{State, lock, now_unix_ms};
use crate::sandbox::Seen;

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
    kept: VecDeque<Arc<Kept>>,
}

/// One exchange as it was.
struct Kept {
    number: u64,
    at_unix_ms: i64,
    micros: u64,
    provider: Option<usize>,
    fault: Option<Fault>,
    request: Option<Asked>,
    status: Option<StatusCode>,
    answer: Piece,
    seen: Option<Seen>,
}

struct Asked {
    method: Method,
    url: Uri,
    url_is_long: bool,
    piece: Piece,
}

/// Whether a request is kept as it was sent.
pub(super) fn keeps_whole(request: &Request<Bytes>) -> bool {
    request.body().len() <= BODY_BYTES && !is_long(request.uri())
}

fn is_long(url: &Uri) -> bool {
    url.path_and_query().is_some_and(|path| path.as_str().len() > HEAD_BYTES)
}

/// Headers and the beginning of a body.
#[derive(Default)]
struct Piece {
    headers: HeaderMap,
    body: Bytes,
    body_bytes: usize,
}

impl Piece {
    fn of(headers: HeaderMap, body: Bytes) -> Piece {
        let body_bytes = body.len();
        // A copy: a part of the body would keep the whole in memory.
        let cut = body.get(..BODY_BYTES).filter(|_| body_bytes > BODY_BYTES).map(Bytes::copy_from_slice);
        Piece { headers, body: cut.unwrap_or(body), body_bytes }
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
    kept: Option<Kept>,
}

impl<'s> Note<'s> {
    pub(super) fn new(state: &'s State, begun: Instant, provider: Option<usize>, fault: Option<Fault>) -> Note<'s> {
        let kept = Kept {
            number: 0,
            at_unix_ms: now_unix_ms(),
            micros: 0,
            provider,
            fault,
            request: None,
            status: None,
            answer: Piece::default(),
            seen: None,
        };
        Note { state, begun, kept: Some(kept) }
    }

    pub(super) fn asked(&mut self, head: Parts, body: Bytes) {
        let url_is_long = is_long(&head.uri);
        let url = if url_is_long {
            head.uri.path().get(..HEAD_BYTES).and_then(|path| path.parse().ok())
        } else {
            Some(head.uri)
        };
        let piece = Piece::of(head.headers, body);
        if let Some(kept) = &mut self.kept {
            kept.request = Some(Asked { method: head.method, url: url.unwrap_or_default(), url_is_long, piece });
        }
    }

    /// The exchange is over.
    pub(super) fn answered(&mut self, wanted: Wanted<'_>, seen: Option<Seen>) {
        let Some(mut kept) = self.kept.take() else { return };
        kept.seen = seen;
        let (status, response) = match wanted {
            Wanted::Provider(response) | Wanted::Own(response) => (Some(response.status()), Some(response)),
            Wanted::Fault(status, response) => (status, response),
        };
        kept.status = status;
        let piece = |response: &Response<Bytes>| Piece::of(response.headers().clone(), response.body().clone());
        kept.answer = response.map(piece).unwrap_or_default();
        self.keep(kept);
    }

    fn keep(&self, mut kept: Kept) {
        kept.micros = micros(self.begun.elapsed());
        self.state.traffic.keep(kept);
    }
}

impl Drop for Note<'_> {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take() {
            self.keep(kept);
        }
    }
}

impl Traffic {
    pub(super) fn new(most: usize) -> Traffic {
        Traffic { notes: Mutex::default(), most }
    }

    fn keep(&self, mut kept: Kept) {
        let mut notes = lock(&self.notes);
        notes.next += 1;
        kept.number = notes.next;
        let oldest = if notes.kept.len() >= self.most { notes.kept.pop_front() } else { None };
        notes.kept.push_back(Arc::new(kept));
        drop(notes);
        drop(oldest);
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
        let found: Vec<Arc<Kept>> = {
            let notes = lock(&self.notes);
            let wanted = notes.kept.iter().rev().take_while(|kept| kept.number > after);
            wanted.filter(|kept| provider.is_none() || kept.provider == provider).take(most).cloned().collect()
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
        if let (Some(loaded), Some(asked)) = (loaded, &self.request) {
            let mut request = Request::new(asked.piece.body.clone());
            (*request.method_mut(), *request.uri_mut()) = (asked.method.clone(), asked.url.clone());
            request.headers_mut().clone_from(&asked.piece.headers);
            seen.misses = loaded.sandbox().misses(&request, &seen);
        }
        Some(seen)
    }

    fn entry(&self, state: &State) -> TrafficEntry {
        let veil = self.veil(state);
        let provider = self.provider.and_then(|index| state.providers.all.get(index));
        let url = self
            .request
            .as_ref()
            .map_or(String::new(), |asked| veil.url(&asked.url) + if asked.url_is_long { "…" } else { "" });
        TrafficEntry {
            number: self.number,
            at_unix_ms: self.at_unix_ms,
            duration_micros: self.micros,
            provider: provider.map(|provider| provider.entry.spec.id.to_owned()),
            method: self.request.as_ref().map_or(String::new(), |asked| asked.method.to_string()),
            url,
            status: self.status.map(|status| status.as_u16()),
            fault: self.fault.map(|fault| fault.to_string()),
            seen: self.seen(state),
        }
    }

    fn detail(&self, state: &State) -> TrafficDetail {
        let veil = self.veil(state);
        let none = Piece::default();
        let asked = self.request.as_ref().map_or(&none, |asked| &asked.piece);
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
    let shown = piece.headers.iter().map_while(|(name, value)| {
        left = left.checked_sub(name.as_str().len() + value.len())?;
        Some(HeaderShown { name: name.to_string(), value: veil.header(name.as_str(), value) })
    });
    shown.collect()
}

fn body(veil: &Veil<'_>, piece: &Piece) -> String {
    let whole = piece.body.len() == piece.body_bytes;
    let text = veil.body(&String::from_utf8_lossy(&piece.body), whole);
    if whole { text } else { text + "…" }
}
