//! A provider that remembers: what was answered before may be asked for again, and what a cache holds may be left out.

use std::sync::Arc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response};

use super::answer;
use super::compile::{Exchange, Tape};
use super::hole::Hole;
use super::matcher::{self, Mismatch};
use super::player::Player;
use super::values::{Headers, Message, Scope, mint};

/// How far a run goes beyond the order of its tape.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    /// By exchange of the tape: whether it moves something. Only the others may be left out, or asked for in a later step.
    acts: Arc<[bool]>,
    /// The exchange from which on the step's operation is repeated; none while it is called for the first time.
    again: Option<usize>,
    /// How many exchanges were left out so far.
    left_out: usize,
}

impl Memory {
    /// A step is called for the first time.
    pub(super) fn begin_step(&mut self) {
        self.again = None;
    }
}

impl Tape {
    /// The hosts that its requests go to, in lower case.
    pub fn hosts(&self) -> Vec<String> {
        let host = |exchange: &Exchange| {
            exchange.request.segments.get(2).and_then(|host| host.literal().map(str::to_ascii_lowercase))
        };
        self.exchanges.iter().filter_map(host).collect()
    }

    /// The minted values that authorize requests.
    fn tokens(&self) -> Vec<&str> {
        let headers = self.exchanges.iter().flat_map(|exchange| &exchange.request.headers);
        let holes = headers.filter(|(name, _)| *name == AUTHORIZATION).flat_map(|(_, text)| text.holes());
        holes
            .filter_map(|hole| match hole {
                Hole::Gen { name, .. } => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Whether the exchange of this index fetches what authorizes requests.
    pub fn fetches_token(&self, index: usize) -> bool {
        let mints = self.exchanges.get(index).map(|exchange| exchange.response.mints.as_slice()).unwrap_or_default();
        let tokens = self.tokens();
        mints.iter().any(|(name, _)| tokens.contains(&name.as_str()))
    }
}

impl Player {
    /// From here on the provider remembers. `acts` says of each exchange of the tape whether it moves something: such an exchange is
    /// never left out, and is answered again only in the repetition of its own step.
    pub fn remember(&mut self, acts: Arc<[bool]>) {
        self.memory = Some(Memory { acts, again: None, left_out: 0 });
    }

    /// The operation of the step is called again: an equal request gets the answer that was given before.
    pub fn begin_again(&mut self) {
        self.settling = false;
        let first = self.tape.exchanges.iter().position(|exchange| exchange.step == self.step);
        if let Some(memory) = &mut self.memory {
            memory.again = first;
        }
    }

    /// Makes what authorizes requests (an access token) out of `seed` instead of the run's own, so that runs can share a token cache.
    pub fn share_tokens(&mut self, seed: u64) {
        let tape = Arc::clone(&self.tape);
        let names = tape.tokens();
        let mints = tape.exchanges.iter().flat_map(|exchange| &exchange.response.mints);
        for (name, shape) in mints.filter(|(name, _)| names.contains(&name.as_str())) {
            self.minted.insert(name.clone(), mint(seed, "access token", *shape));
        }
    }

    /// How many exchanges of the tape were left out so far, other than those that move something.
    pub fn left_out(&self) -> usize {
        self.memory.as_ref().map_or(0, |memory| memory.left_out)
    }

    /// Whether a request of this step was received that moves something.
    pub fn has_acted(&self) -> bool {
        let Some(memory) = &self.memory else { return false };
        let own = self.transcript.iter().filter(|record| record.step == self.step);
        own.filter_map(|record| record.exchange).any(|index| memory.acts.get(index) == Some(&true))
    }

    /// Whether an exchange may be missing; it is counted.
    pub(super) fn leave_out(&mut self, index: usize) -> bool {
        let Some(memory) = &mut self.memory else { return false };
        let idle = memory.acts.get(index) == Some(&false);
        memory.left_out += usize::from(idle);
        idle
    }

    /// The answer to a request that is not the next of the tape, with its exchange. What a cache spared the caller is passed over.
    pub(super) fn recalled(&mut self, request: &Request<Bytes>) -> Option<(usize, Response<Bytes>)> {
        let (acts, again) = self.memory.as_ref().map(|memory| (Arc::clone(&memory.acts), memory.again))?;
        let own = |exchange: &Exchange| exchange.step == self.step && !exchange.settle;
        let tape = Arc::clone(&self.tape);
        // What follows an operation to its end repeats nothing of it.
        let repeated = again.filter(|_| !self.settling).and_then(|from| {
            let mut answered = tape.exchanges.iter().enumerate().take(self.next).skip(from);
            answered.find(|(_, exchange)| own(exchange) && self.fits(exchange, request)).map(|(index, _)| index)
        });
        if let (Some(index), Some(memory)) = (repeated, &mut self.memory) {
            memory.again = Some(index + 1);
            return self.stored(index, request);
        }
        let due = self.remaining();
        let idle = |index: usize| acts.get(index) == Some(&false);
        for index in self.next..self.next + due {
            if tape.exchanges.get(index).is_some_and(|exchange| self.fits(exchange, request)) {
                (self.next..index).for_each(|passed| {
                    self.leave_out(passed);
                });
                self.next = index;
                return None;
            }
            if !idle(index) {
                break;
            }
        }
        let mut known = tape.exchanges.iter().enumerate().take_while(|(_, exchange)| exchange.step <= self.step);
        let index =
            known.find(|(index, exchange)| idle(*index) && self.fits(exchange, request)).map(|(index, _)| index)?;
        self.stored(index, request)
    }

    /// What a request that repeats nothing should have repeated, with all differences.
    pub(super) fn unlike(&self, request: &Request<Bytes>) -> Option<(usize, Vec<Mismatch>)> {
        let from = self.memory.as_ref()?.again?;
        let mut answered = self.tape.exchanges.iter().enumerate().take(self.next).skip(from);
        let own = |exchange: &Exchange| exchange.step == self.step && !exchange.settle;
        let alike = |exchange: &Exchange| own(exchange) && exchange.request.method == *request.method();
        let (index, exchange) = answered.find(|(_, exchange)| alike(exchange))?;
        Some((index, self.compared(exchange, request).err()?))
    }

    fn fits(&self, exchange: &Exchange, request: &Request<Bytes>) -> bool {
        exchange.request.method == *request.method() && self.compared(exchange, request).is_ok()
    }

    fn compared(&self, exchange: &Exchange, request: &Request<Bytes>) -> Result<(), Vec<Mismatch>> {
        let body = std::str::from_utf8(request.body()).ok();
        let uri = request.uri();
        let message = Message {
            method: request.method().as_str(),
            host: uri.authority().map_or("", |authority| authority.as_str()),
            path: uri.path_and_query().map_or("", |path| path.as_str()),
            headers: Headers::Sent(request.headers()),
            body: body.unwrap_or_default(),
        };
        let scope = Scope { message: Some(message), ..self.scope(exchange.step) };
        matcher::compare(&exchange.request, request, body, scope).map(|_| ())
    }

    /// The answer as it was given before, else as the tape has it.
    fn stored(&mut self, index: usize, request: &Request<Bytes>) -> Option<(usize, Response<Bytes>)> {
        let given =
            self.transcript.iter().rev().find(|record| record.exchange == Some(index) && record.answer.is_some());
        if let Some(answer) = given.and_then(|record| record.answer.clone()) {
            return Some((index, answer));
        }
        let tape = Arc::clone(&self.tape);
        let exchange = tape.exchanges.get(index)?;
        self.mint(&exchange.response.mints);
        let scope = Scope { asked: Some(request.body()), ..self.scope(exchange.step) };
        let answer = answer::response(&exchange.response, &scope).ok()?;
        Some((index, answer))
    }
}
