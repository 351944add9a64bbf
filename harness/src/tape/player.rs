//! One run of one tape: judges each request, gives each answer, and knows what is left over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use quittance::Protected;

use super::again::Memory;
use super::answer::{self, Edit};
use super::compile::{Exchange, Tape};
use super::deliver;
use super::hole::{Hole, Shape};
use super::matcher::{self, Mismatch, shorten};
use super::redact::{Redactor, tokens_in};
use super::shown::{ShownRecord, is_authorization, shown};
use super::signature::Proven;
use super::template::Template;
use super::values::{Headers, Message, NoSlots, Scope, Spoil, StepValues, Unresolved, mint};

/// Most steps a scenario can have.
const MAX_STEPS: u32 = 64;

/// What a run is given from outside.
#[derive(Clone)]
pub struct RunValues {
    /// Seed of all minted values.
    pub seed: u64,
    /// The virtual clock at the start, in seconds since 1970.
    pub now_unix_seconds: i64,
    /// The credentials of the run by dotted name.
    pub credentials: Arc<BTreeMap<String, String>>,
    /// What the connector has signed rightly before, where that need not be verified again.
    pub proven: Option<Arc<Proven>>,
}

/// A delivery by the provider, signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The url that was called, where the tape states it.
    pub url: Option<String>,
    /// Names in lower case, with values.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// One request as it was sent, with its answer; neither is redacted.
#[derive(Clone)]
pub struct Record {
    /// The step during which it was sent.
    pub step: u32,
    /// The exchange of the tape that it was judged by, from 0; `None` for one that the tape does not have.
    pub exchange: Option<usize>,
    /// The request.
    pub request: Request<Bytes>,
    /// The answer; `None` when the request was refused.
    pub answer: Option<Response<Bytes>>,
}

/// How a step that was answered as not yet decided comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settle {
    /// The tape gives no end.
    None,
    /// The customer returns: call `complete`.
    Return,
    /// The provider reports: hand over a delivery.
    Webhook,
    /// Look at the object again.
    Retrieve,
}

/// One run of one tape. The tape itself is shared; everything that changes is here.
#[derive(Clone)]
pub struct Player {
    pub(super) tape: Arc<Tape>,
    run: RunValues,
    steps: Vec<StepValues>,
    pub(super) step: u32,
    pub(super) settling: bool,
    pub(super) next: usize,
    delivered: Vec<bool>,
    returned: Vec<bool>,
    pub(super) minted: BTreeMap<String, String>,
    captured: BTreeMap<String, String>,
    pub(super) transcript: Vec<Record>,
    pub(super) memory: Option<Memory>,
    protected: Arc<Protected>,
}

impl fmt::Debug for Record {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Record").field("step", &self.step).field("exchange", &self.exchange).finish_non_exhaustive()
    }
}

impl fmt::Debug for Player {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Player")
            .field("case", &self.tape.case)
            .field("step", &self.step)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Delivery")
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

impl Player {
    /// A run at its start; no step has begun.
    pub fn new(tape: Arc<Tape>, run: RunValues) -> Self {
        let delivered = vec![false; tape.webhooks.len()];
        let returned = vec![false; tape.returns.len()];
        Self {
            tape,
            run,
            steps: Vec::new(),
            step: 0,
            settling: false,
            next: 0,
            delivered,
            returned,
            minted: BTreeMap::new(),
            captured: BTreeMap::new(),
            transcript: Vec::new(),
            memory: None,
            protected: Arc::default(),
        }
    }

    /// Where what the connector protects gathers: it is masked as the credentials are.
    pub fn protected(&self) -> &Arc<Protected> {
        &self.protected
    }

    /// The tape of this run.
    pub fn tape(&self) -> &Arc<Tape> {
        &self.tape
    }

    /// What this run was given.
    pub fn run_values(&self) -> &RunValues {
        &self.run
    }

    /// Sets the virtual clock, in seconds since 1970.
    pub fn set_now(&mut self, unix_seconds: i64) {
        self.run.now_unix_seconds = unix_seconds;
    }

    /// Begins step `step` (from 1) with its values. Requests are now judged by the exchanges of that step.
    pub fn begin_step(&mut self, step: u32, values: StepValues) {
        let step = step.clamp(1, MAX_STEPS);
        let index = usize::try_from(step).unwrap_or(1) - 1;
        if self.steps.len() <= index {
            self.steps.resize_with(index + 1, StepValues::default);
        }
        if let Some(slot) = self.steps.get_mut(index) {
            *slot = values;
        }
        self.step = step;
        self.settling = false;
        self.memory.iter_mut().for_each(Memory::begin_step);
    }

    /// From here on requests are judged by the step's exchanges with `settle = true`.
    pub fn begin_settle(&mut self) {
        self.settling = true;
    }

    /// How this step goes on to its end: by what of the tape was not used yet. A return goes before a delivery, a delivery before a look-up.
    pub fn settle(&self) -> Settle {
        let returns =
            self.tape.returns.iter().zip(&self.returned).any(|(returned, used)| returned.step == self.step && !used);
        let webhooks =
            self.tape.webhooks.iter().zip(&self.delivered).any(|(webhook, used)| webhook.step == self.step && !used);
        let exchange = |exchange: &Exchange| exchange.step == self.step && exchange.settle;
        match (returns, webhooks) {
            (true, _) => Settle::Return,
            (false, true) => Settle::Webhook,
            (false, false) if self.tape.exchanges.iter().skip(self.next).any(exchange) => Settle::Retrieve,
            (false, false) => Settle::None,
        }
    }

    /// The index of the exchange that must come next in this step, from 0; `None` when no further request may be sent.
    pub fn expected(&self) -> Option<usize> {
        let exchange = self.tape.exchanges.get(self.next)?;
        self.is_due(exchange).then_some(self.next)
    }

    /// How many exchanges of this step are still to come: those of the operation itself, or, while settling, of the settling.
    pub fn remaining(&self) -> usize {
        let rest = self.tape.exchanges.iter().skip(self.next);
        rest.take_while(|exchange| self.is_due(exchange)).count()
    }

    fn is_due(&self, exchange: &Exchange) -> bool {
        exchange.step == self.step && exchange.settle == self.settling
    }

    /// Judges a request by the next exchange and gives its answer.
    ///
    /// # Errors
    /// Every difference between the request and the tape, with secrets masked. The exchange then stays due.
    pub fn exchange(&mut self, request: &Request<Bytes>) -> Result<Response<Bytes>, Vec<Mismatch>> {
        if let Some((index, answer)) = self.recalled(request) {
            self.keep(Some(index), request, Some(&answer));
            return Ok(answer);
        }
        let result = self.judge(request);
        let unlike = if result.is_err() { self.unlike(request) } else { None };
        let (exchange, result) = match unlike {
            Some((index, mismatches)) => (Some(index), Err(mismatches)),
            None if result.is_ok() => (self.next.checked_sub(1), result),
            None => (self.expected(), result),
        };
        self.keep(exchange, request, result.as_ref().ok());
        result.map_err(|mismatches| self.masked(mismatches))
    }

    fn judge(&mut self, request: &Request<Bytes>) -> Result<Response<Bytes>, Vec<Mismatch>> {
        let tape = Arc::clone(&self.tape);
        let exchange = match self.expected().and_then(|index| tape.exchanges.get(index)) {
            Some(exchange) => exchange,
            None => return Err(vec![self.surplus(request)]),
        };
        let body = std::str::from_utf8(request.body()).ok();
        let uri = request.uri();
        let message = Message {
            method: request.method().as_str(),
            host: uri.authority().map_or("", |authority| authority.as_str()),
            path: uri.path_and_query().map_or("", |path| path.as_str()),
            headers: Headers::Sent(request.headers()),
            body: body.unwrap_or_default(),
        };
        let scope = Scope { message: Some(message), ..self.scope(self.step) };
        let caught = matcher::compare(&exchange.request, request, body, scope)?;
        self.captured.extend(caught);
        self.mint(&exchange.response.mints);
        let scope = Scope { asked: Some(request.body()), ..self.scope(self.step) };
        let response = answer::response(&exchange.response, &scope)
            .map_err(|unresolved| vec![no_value("response", &unresolved)])?;
        self.next += 1;
        Ok(response)
    }

    /// Gives the answer of the next exchange without looking at the request: for requests that were changed to fit an answer from
    /// elsewhere. `None` when no exchange is due or its answer needs a value out of the request.
    pub fn exchange_unjudged(&mut self) -> Option<Response<Bytes>> {
        let tape = Arc::clone(&self.tape);
        let exchange = self.expected().and_then(|index| tape.exchanges.get(index))?;
        self.next += 1;
        self.mint(&exchange.response.mints);
        answer::response(&exchange.response, &self.scope(self.step)).ok()
    }

    fn surplus(&self, request: &Request<Bytes>) -> Mismatch {
        let expected = match self.tape.exchanges.get(self.next) {
            Some(next) if next.step == self.step && next.settle => {
                format!("no request before step {} settles", self.step)
            }
            Some(next) if next.step == self.step => {
                "the exchanges of the operation before those that settle it".to_owned()
            }
            Some(next) if next.step < self.step => {
                format!("first the exchange of step {} that is left over", next.step)
            }
            _ => format!("no further request in step {}", self.step),
        };
        Mismatch { path: "exchange".to_owned(), expected, found: format!("{} {}", request.method(), request.uri()) }
    }

    /// The next delivery of that step, with its values filled and its signature made, spoilt as asked; the last one again when
    /// all were made.
    ///
    /// # Errors
    /// When the tape has no further delivery for the step, or a hole has no value.
    pub fn webhook(&mut self, step: u32, spoil: Spoil) -> Result<Delivery, Vec<Mismatch>> {
        let tape = Arc::clone(&self.tape);
        let of_step = || tape.webhooks.iter().enumerate().filter(|(_, webhook)| webhook.step == step);
        let fresh = of_step().find(|(index, _)| self.delivered.get(*index) == Some(&false));
        let Some((index, webhook)) = fresh.or_else(|| of_step().next_back()) else {
            let (expected, found) = (format!("a `[[webhook]]` for step {step}"), "none".to_owned());
            return Err(vec![Mismatch { path: "webhook".to_owned(), expected, found }]);
        };
        // Also one that cannot be made: it is asked for once, or a caller that goes on while there are some never ends.
        if let Some(delivered) = self.delivered.get_mut(index) {
            *delivered = true;
        }
        self.mint(&webhook.mints);
        let scope = Scope { spoil, ..self.scope(step) };
        deliver::delivery(webhook, &scope).map_err(|unresolved| vec![no_value("webhook", &unresolved)])
    }

    /// A delivery of the tape as it is made now, with parts of its body replaced before it is signed, and spoilt as asked. Nothing is
    /// minted: its values are those of the run so far. `None` when there is no such delivery or a hole has no value.
    pub fn remade(&self, index: usize, spoil: Spoil, edits: &[Edit]) -> Option<Delivery> {
        let webhook = self.tape.webhooks.get(index)?;
        deliver::remade(webhook, &Scope { spoil, ..self.scope(webhook.step) }, edits).ok()
    }

    /// The body of a delivery before it is signed: what [`Edit`]s are places in.
    pub fn unsigned(&self, index: usize) -> Option<String> {
        let webhook = self.tape.webhooks.get(index)?;
        deliver::unsigned(webhook, &self.scope(webhook.step)).ok()
    }

    /// A valid delivery with one character changed after signing, in turn at each of several places that a proof covers.
    pub fn altered(&self, index: usize) -> Vec<(String, Delivery)> {
        let altered = |webhook| deliver::altered(webhook, &self.scope(webhook.step)).ok();
        self.tape.webhooks.get(index).and_then(altered).unwrap_or_default()
    }

    /// A delivery as [`Player::remade`] made it, with the time in one header moved by some seconds, for each header that states it.
    pub fn redated(&self, index: usize, made: &Delivery, seconds: i64) -> Vec<Delivery> {
        let webhook = self.tape.webhooks.get(index);
        webhook.map_or_else(Vec::new, |webhook| deliver::redated(webhook, made, self.run.now_unix_seconds, seconds))
    }

    /// The deliveries that were made, by their place on the tape, from 0.
    pub fn delivered(&self) -> Vec<usize> {
        let made = self.delivered.iter().enumerate().filter(|(_, made)| **made);
        made.map(|(index, _)| index).collect()
    }

    /// Whether the tape has a delivery for the step that was not made yet.
    pub fn has_webhook(&self, step: u32) -> bool {
        self.tape.webhooks.iter().zip(&self.delivered).any(|(webhook, delivered)| webhook.step == step && !delivered)
    }

    /// What the customer comes back with in that step: the parameters of the return URL, in order. `None` when the tape has no
    /// further return for the step.
    ///
    /// # Errors
    /// When a hole has no value.
    pub fn returned(&mut self, step: u32) -> Result<Option<Vec<(String, String)>>, Vec<Mismatch>> {
        let tape = Arc::clone(&self.tape);
        let mut returns = tape.returns.iter().zip(&mut self.returned);
        let Some((returned, used)) = returns.find(|(returned, used)| returned.step == step && !**used) else {
            return Ok(None);
        };
        *used = true;
        self.mint(&returned.mints);
        let parameters = answer::parameters(returned, &self.scope(step));
        parameters.map(Some).map_err(|unresolved| vec![no_value("return", &unresolved)])
    }

    /// Ends the step.
    ///
    /// # Errors
    /// Each exchange and each delivery of the step that did not happen; they are reported once.
    pub fn end_step(&mut self) -> Result<(), Vec<Mismatch>> {
        self.left_over(Some(self.step))
    }

    /// Ends the run.
    ///
    /// # Errors
    /// Everything on the tape that did not happen and was not reported yet.
    pub fn finish(&mut self) -> Result<(), Vec<Mismatch>> {
        self.left_over(None)
    }

    fn left_over(&mut self, up_to: Option<u32>) -> Result<(), Vec<Mismatch>> {
        let tape = Arc::clone(&self.tape);
        let covers = |step: u32| up_to.is_none_or(|last| step <= last);
        let mut mismatches = Vec::new();
        for exchange in tape.exchanges.iter().skip(self.next).take_while(|exchange| covers(exchange.step)) {
            self.next += 1;
            if self.leave_out(self.next - 1) {
                continue;
            }
            let scope = self.scope(self.step);
            let settle = if exchange.settle { " to settle" } else { "" };
            let expected = format!(
                "{} {} in step {}{settle} ({}:{})",
                exchange.request.method,
                exchange.request.target.describe(&scope),
                exchange.step,
                tape.file,
                exchange.line
            );
            mismatches.push(Mismatch { path: "exchange".to_owned(), expected, found: "no such request".to_owned() });
        }
        let webhooks = tape.webhooks.iter().map(|webhook| ("webhook", "delivery", webhook.step, webhook.line));
        let returns = tape.returns.iter().map(|returned| ("return", "customer's return", returned.step, returned.line));
        let used = self.delivered.iter_mut().chain(&mut self.returned);
        for ((path, what, step, line), used) in webhooks.chain(returns).zip(used) {
            if !*used && covers(step) {
                *used = true;
                let expected = format!("the {what} of step {step} ({}:{line})", tape.file);
                let found = "it was not asked for".to_owned();
                mismatches.push(Mismatch { path: path.to_owned(), expected, found });
            }
        }
        if mismatches.is_empty() { Ok(()) } else { Err(self.masked(mismatches)) }
    }

    /// The values that the provider has minted so far, by name.
    pub(crate) fn minted(&self) -> &BTreeMap<String, String> {
        &self.minted
    }

    /// What `any` holes have caught so far, by name.
    pub(crate) fn caught(&self) -> &BTreeMap<String, String> {
        &self.captured
    }

    pub(super) fn mint(&mut self, names: &[(String, Shape)]) {
        for (name, shape) in names {
            if !self.minted.contains_key(name) {
                self.minted.insert(name.clone(), mint(self.run.seed, name, *shape));
            }
        }
    }

    pub(super) fn scope(&self, step: u32) -> Scope<'_> {
        Scope {
            credentials: &self.run.credentials,
            steps: &self.steps,
            step,
            minted: &self.minted,
            captured: &self.captured,
            slots: &NoSlots,
            caught: &[],
            now_unix: self.run.now_unix_seconds,
            recipes: &self.tape.recipes,
            message: None,
            asked: None,
            spoil: Spoil::Not,
            proven: self.run.proven.as_deref(),
        }
    }

    /// The text with the values of the run as it stands; `None` where a value is missing still.
    pub(crate) fn filled(&self, template: &Template) -> Option<String> {
        template.text(&self.scope(self.step)).ok()
    }

    /// Keeps a request with its answer; one that was answered from elsewhere is in no exchange of the tape.
    pub(crate) fn keep(&mut self, exchange: Option<usize>, request: &Request<Bytes>, answer: Option<&Response<Bytes>>) {
        let (request, answer) = (request.clone(), answer.cloned());
        self.transcript.push(Record { step: self.step, exchange, request, answer });
    }

    /// Every request of the run with its answer, as sent: not for a log or a report.
    pub fn transcript(&self) -> &[Record] {
        &self.transcript
    }

    /// The transcript with every secret of the run masked.
    pub fn shown_transcript(&self) -> Vec<ShownRecord> {
        let redactor = self.redactor();
        let shown = |record: &Record| {
            let exchange = record.exchange.and_then(|index| self.tape.exchanges.get(index));
            shown(record, exchange, &self.tape, &redactor)
        };
        self.transcript.iter().map(shown).collect()
    }

    /// Every request of the run as text, with its step: method and URL, a line a header, an empty line, the body. `instead` gives what
    /// stands in place of each secret, and of whatever authorizes.
    pub fn requests_with(&self, instead: impl Fn(&str) -> String + Copy) -> Vec<(u32, String)> {
        let redactor = self.redactor();
        let text = |record: &Record| {
            let request = &record.request;
            let mut text = format!("{} {}\n", request.method(), redactor.replaced(&request.uri().to_string(), instead));
            for (name, value) in &self.tape.stable_headers(record) {
                let value = String::from_utf8_lossy(value.as_bytes());
                let value = match (is_authorization(name.as_str()), value.split_once(' ')) {
                    (true, Some((scheme, proof))) => format!("{scheme} {}", instead(proof)),
                    (true, None) => instead(&value),
                    (false, _) => redactor.replaced(&value, instead),
                };
                text.push_str(&format!("{name}: {value}\n"));
            }
            text.push('\n');
            text.push_str(&redactor.replaced(&String::from_utf8_lossy(&self.tape.stable_body(record)), instead));
            (record.step, text)
        };
        self.transcript.iter().map(text).collect()
    }

    /// Masks every secret of the run in a text: credentials of four characters or more, card numbers, CVCs, cryptograms, tokens.
    pub fn redact(&self, text: &str) -> String {
        self.redactor().text(text)
    }

    fn redactor(&self) -> Redactor {
        let scope = self.scope(self.step);
        let pair = |hole: &Hole| {
            let mut text = String::new();
            scope.resolve(hole, &mut text).ok().map(|()| text)
        };
        let header = |record: &Record| {
            let text = record.request.headers().get(http::header::AUTHORIZATION)?.to_str().ok()?;
            text.strip_prefix("Bearer ").map(str::to_owned)
        };
        let given = |record: &Record| record.answer.as_ref().map(|answer| tokens_in(answer.body())).unwrap_or_default();
        // Tokens that the provider gave stand in its answers too; several requests carry the same one.
        let sent = self.transcript.iter().filter_map(header);
        let tokens: BTreeSet<String> = sent.chain(self.transcript.iter().flat_map(given)).collect();
        let mut more: Vec<String> = self.tape.basics.iter().filter_map(pair).chain(tokens).collect();
        self.protected.each(&mut |secret| more.push(secret.to_owned()));
        Redactor::new(&self.run.credentials, &self.steps, more)
    }

    /// Masks before cutting: half of a secret must not remain.
    fn masked(&self, mismatches: Vec<Mismatch>) -> Vec<Mismatch> {
        let redactor = self.redactor();
        let mask = |text: &str| shorten(redactor.text(text));
        mismatches
            .into_iter()
            .map(|found| Mismatch {
                path: mask(&found.path),
                expected: mask(&found.expected),
                found: mask(&found.found),
            })
            .collect()
    }
}

fn no_value(place: &str, unresolved: &Unresolved) -> Mismatch {
    Mismatch {
        path: place.to_owned(),
        expected: format!("a value for `{}`", unresolved.hole),
        found: unresolved.why.clone(),
    }
}
