//! A tape as a stand-in for the provider: it answers whatever is asked, without judging the request.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

use super::answer;
use super::compile::{Exchange, Tape};
use super::matcher;
use super::player::RunValues;
use super::values::{Headers, Message, NoSlots, Scope, Spoil, StepValues, mint};

/// Gives the answers of one step of a tape to a caller who may ask something else than the tape expects.
pub struct StandIn {
    tape: Arc<Tape>,
    run: RunValues,
    steps: Vec<StepValues>,
    step: u32,
    used: Vec<bool>,
    minted: BTreeMap<String, String>,
    captured: BTreeMap<String, String>,
}

impl std::fmt::Debug for StandIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StandIn").field("case", &self.tape.case).field("step", &self.step).finish_non_exhaustive()
    }
}

impl StandIn {
    /// A stand-in for step `step` of the tape; `values` by step, as far as they are known.
    pub fn new(tape: Arc<Tape>, run: RunValues, step: u32, values: &BTreeMap<u32, StepValues>) -> StandIn {
        let steps = (1..=step).map(|number| values.get(&number).cloned().unwrap_or_default()).collect();
        let used = vec![false; tape.exchanges.len()];
        StandIn { tape, run, steps, step, used, minted: BTreeMap::new(), captured: BTreeMap::new() }
    }

    /// The tape's case.
    pub fn case(&self) -> &str {
        &self.tape.case
    }

    /// The answer of the next exchange of the step whose method and path are those of the request; `None` when the tape has none.
    /// An exchange of an earlier step counts where the step itself has none with that path (a token that was fetched before).
    pub fn answer(&mut self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let tape = Arc::clone(&self.tape);
        let alike = |(_, exchange): &(usize, &Exchange)| is_alike(exchange, request);
        let of_step = |exchange: &Exchange| exchange.step == self.step;
        let own = || tape.exchanges.iter().enumerate().filter(|(_, exchange)| of_step(exchange)).filter(alike);
        let earlier =
            || tape.exchanges.iter().enumerate().filter(|(_, exchange)| exchange.step < self.step).filter(alike);
        let fresh = |(index, _): &(usize, &Exchange)| self.used.get(*index) == Some(&false);
        let (index, exchange) = match own().next() {
            Some(_) => own().find(fresh)?,
            None => earlier().find(fresh)?,
        };
        if let Some(used) = self.used.get_mut(index) {
            *used = true;
        }
        self.catch(exchange, request);
        for (name, shape) in &exchange.response.mints {
            let seed = self.run.seed;
            self.minted.entry(name.clone()).or_insert_with(|| mint(seed, name, *shape));
        }
        answer::response(&exchange.response, &Scope { asked: Some(request.body()), ..self.scope(None) }).ok()
    }

    /// What the tape's `any` holes catch, when the request is the one that it expects.
    fn catch(&mut self, exchange: &Exchange, request: &Request<Bytes>) {
        let body = std::str::from_utf8(request.body()).ok();
        let uri = request.uri();
        let message = Message {
            method: request.method().as_str(),
            host: uri.authority().map_or("", |authority| authority.as_str()),
            path: uri.path_and_query().map_or("", |path| path.as_str()),
            headers: Headers::Sent(request.headers()),
            body: body.unwrap_or_default(),
        };
        if let Ok(caught) = matcher::compare(&exchange.request, request, body, self.scope(Some(message))) {
            self.captured.extend(caught);
        }
    }

    fn scope<'s>(&'s self, message: Option<Message<'s>>) -> Scope<'s> {
        Scope {
            credentials: &self.run.credentials,
            steps: &self.steps,
            step: self.step,
            minted: &self.minted,
            captured: &self.captured,
            slots: &NoSlots,
            caught: &[],
            now_unix: self.run.now_unix_seconds,
            recipes: &self.tape.recipes,
            message,
            asked: None,
            spoil: Spoil::Not,
            proven: self.run.proven.as_deref(),
        }
    }
}

/// The same method, and the same path but for what stands in holes. The host may be that of another environment.
pub(crate) fn is_alike(exchange: &Exchange, request: &Request<Bytes>) -> bool {
    let path = request.uri().path();
    // Scheme, nothing, host.
    let expected = exchange.request.segments.iter().skip(3);
    let actual: Vec<&str> = path.split('/').skip(1).collect();
    exchange.request.method == *request.method()
        && exchange.request.segments.len() == actual.len() + 3
        && expected.zip(actual).all(|(segment, actual)| match segment.literal() {
            Some(literal) => literal == actual,
            None => !actual.is_empty(),
        })
}
