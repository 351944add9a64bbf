//! One case: a scenario played against one connector's tape, in memory or on the wire.

mod rehearsal;

use std::collections::BTreeMap;
use std::sync::Arc;

use quittance::{
    Connector, Context, Delivery, Error, EventBody, Kind, Op, Protected, Transport, WebhookAuthentication, drive,
};
use serde_json::{Map, Value, json};

use super::built::Built;
pub use super::delivery::{delivery, delivery_of};
pub use super::finding::Finding;
use super::input::{Builder, op_of};
use super::judge::{Ended, Surroundings, unmet};
use super::objects::{Objects, Wanted, same_kind};
use super::settle::{is_open, look_up};
use super::stage::{Around, Stage, Strike, Tokens};
use super::wire::Wire;
use crate::invoke::Request;
use crate::profile::Profile;
use crate::scenario::{Expectation, Scenario, Step, StepOp, Tamper};
use crate::tape::{Mismatch, Player, Proven, Record, RunValues, ShownRecord, Spoil, StepValues, Tape};
use crate::view::{self, Outcome};
use crate::world::Subject;

pub use rehearsal::{Rehearsal, Rehearsed};

/// A scenario as it applies to one connector.
#[derive(Debug, Clone)]
pub struct Case {
    /// `<scenario>` or `<scenario>@<brand>`.
    pub id: String,
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// The steps that are played: those of the scenario, or those of the one it derives from.
    pub steps: Vec<(Step, Expectation)>,
    /// The brand that it is expanded for.
    pub brand: Option<&'static str>,
    /// The tape.
    pub tape: Arc<Tape>,
    /// The fault that is put in.
    pub strike: Option<Strike>,
}

/// What a case ended in.
#[derive(Debug, Clone)]
pub struct Played {
    /// The endings of the steps.
    pub ended: Vec<Ended>,
    /// What each step asked, by its number; none for a step that calls nothing.
    pub asked: BTreeMap<u32, Arc<Asked>>,
    /// What was asked when the customer came back, by the step that this settled.
    pub completed: BTreeMap<u32, Arc<Asked>>,
    /// Everything that does not hold; empty is a pass.
    pub findings: Vec<Finding>,
    kept: BTreeMap<u32, Tokens>,
    stage: Arc<Stage>,
}

impl Played {
    /// What a token cache that outlasts the process had when the step began.
    pub(crate) fn kept_before(&self, step: u32) -> Tokens {
        self.kept.get(&step).cloned().unwrap_or_default()
    }

    /// The exchanges, masked. Masking costs more than playing, so it is done for those who ask.
    pub fn transcript(&self) -> Vec<ShownRecord> {
        self.stage.with(|player| player.shown_transcript())
    }

    /// The exchanges as they were, with test cards and dummy secrets in the clear: not for a log or a report.
    pub fn records(&self) -> Vec<Record> {
        self.stage.with(|player| player.transcript().to_vec())
    }

    /// Asks the player as it stands at the end of the case.
    pub(crate) fn player<T>(&self, ask: impl FnOnce(&Player) -> T) -> T {
        self.stage.with(|player| ask(player))
    }

    /// The requests as sent, byte for byte but for randomized signatures, for comparing runs: method, URL, headers, body.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.stage.with(|player| player.sent())
    }

    /// Every result as JSON, in order.
    pub fn results(&self) -> Vec<Value> {
        self.ended.iter().map(|ended| view::result_json(&ended.result)).collect()
    }

    /// The results without the texts of transports, which word the same failure differently.
    pub fn comparable_results(&self) -> Vec<Value> {
        let mut results = self.results();
        for result in results.iter_mut().filter(|result| result["error"] == "network") {
            result.as_object_mut().and_then(|members| members.remove("message"));
        }
        results
    }
}

/// What a step asked of the connector; holds test cards and dummy secrets in the clear.
#[derive(Clone)]
pub struct Asked {
    /// The operation.
    pub op: Op,
    /// The request in the JSON form of [`Request::schema`]; of a delivery, its headers and body.
    pub input: Value,
    /// What stood in the tape's holes.
    pub values: StepValues,
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Asked({})", self.op)
    }
}

/// What a case is played on.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// The connector.
    pub connector: &'a dyn Connector,
    /// Its profile.
    pub profile: &'a Profile,
    /// The credentials by dotted name, as the connector has them.
    pub credentials: &'a Arc<BTreeMap<String, String>>,
    /// The servers, for the wire tier.
    pub wire: Option<&'a Wire>,
    /// Seed of everything minted.
    pub seed: u64,
    /// What the connector has signed rightly before; not looked at on the wire.
    pub proven: Option<&'a Arc<Proven>>,
}

impl<'a> Bench<'a> {
    /// A subject's own connector, profile and dummies, in memory.
    pub fn of(subject: &'a Subject, seed: u64) -> Bench<'a> {
        let Subject { connector, profile, credentials, proven, .. } = subject;
        Bench { connector: connector.as_ref(), profile, credentials, wire: None, seed, proven: Some(proven) }
    }
}

/// Plays a case from start to end.
pub fn play(bench: Bench<'_>, case: &Case) -> Played {
    let around = Around::new(bench.seed);
    let mut play = Play::new(bench, case, &around);
    for (index, (step, expect)) in case.steps.iter().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if !play.step(number, step, expect) {
            break;
        }
    }
    play.finish(case.strike.is_some())
}

/// The scenario's amount and the card's, when the card overrides it.
type Overridden = Option<(i64, i64)>;

pub(super) struct Play<'a> {
    pub(super) bench: Bench<'a>,
    case: &'a str,
    builder: Builder<'a>,
    pub(super) stage: Arc<Stage>,
    pub(super) around: &'a Around,
    pub(super) objects: Objects,
    repeated: Vec<u32>,
    requests: BTreeMap<u32, (Arc<Request>, StepValues)>,
    asked: BTreeMap<u32, Arc<Asked>>,
    completed: BTreeMap<u32, Arc<Asked>>,
    kept: BTreeMap<u32, Tokens>,
    protected: Arc<Protected>,
    pub(super) ended: Vec<Ended>,
    pub(super) findings: Vec<Finding>,
}

/// A step whose request is made and not yet answered.
pub(super) struct Opened {
    pub(super) number: u32,
    pub(super) request: Arc<Request>,
    overridden: Overridden,
}

impl<'a> Play<'a> {
    /// A case before its first step.
    pub(super) fn new(bench: Bench<'a>, case: &'a Case, around: &'a Around) -> Play<'a> {
        let run = RunValues {
            seed: bench.seed,
            now_unix_seconds: around.clock.unix_seconds(),
            credentials: Arc::clone(bench.credentials),
            proven: bench.proven.filter(|_| bench.wire.is_none()).cloned(),
        };
        let player = Player::new(Arc::clone(&case.tape), run);
        let repeated = case.steps.iter().filter(|(step, _)| step.op == StepOp::Replay).filter_map(|(step, _)| step.of);
        Play {
            bench,
            case: &case.id,
            builder: Builder {
                spec: bench.connector.spec(),
                profile: bench.profile,
                brand: case.brand,
                seed: bench.seed,
            },
            protected: Arc::clone(player.protected()),
            stage: Stage::new(player, case.strike.clone()),
            around,
            objects: Objects::default(),
            repeated: repeated.collect(),
            requests: BTreeMap::new(),
            asked: BTreeMap::new(),
            completed: BTreeMap::new(),
            kept: BTreeMap::new(),
            ended: Vec::new(),
            findings: Vec::new(),
        }
    }
}

impl Play<'_> {
    fn finding(&mut self, step: u32, what: &str, expected: impl Into<String>, found: impl Into<String>) {
        self.findings.push(Finding { step, what: what.to_owned(), expected: expected.into(), found: found.into() });
    }

    fn mismatches(&mut self, step: u32, mismatches: Vec<Mismatch>) {
        self.findings.extend(mismatches.into_iter().map(|mismatch| Finding::of(step, mismatch)));
    }

    /// Plays one step; false when the case cannot go on.
    pub(super) fn step(&mut self, number: u32, step: &Step, expect: &Expectation) -> bool {
        if step.op == StepOp::Advance {
            self.advance(i64::from(step.seconds.unwrap_or(0)));
            self.ended.push(Ended {
                op: None,
                result: Ok(Outcome::Events(Vec::new())),
                first: None,
                refusal: false,
                exchanges: 0,
            });
            return true;
        }
        let Some(opened) = self.open(number, step) else { return false };
        let result = self.call(&opened.request);
        self.close(opened, expect, result)
    }

    /// Makes the request of a step; none when the case cannot go on.
    pub(super) fn open(&mut self, number: u32, step: &Step) -> Option<Opened> {
        self.kept.insert(number, self.around.tokens.lasting());
        match self.request(number, step) {
            Ok((request, overridden)) => Some(Opened { number, request, overridden }),
            Err(why) => {
                self.finding(number, "input", "a request for the step", why);
                None
            }
        }
    }

    /// Settles and judges what a step came to; false when the case cannot go on.
    pub(super) fn close(&mut self, opened: Opened, expect: &Expectation, result: Result<Outcome, Error>) -> bool {
        let Opened { number, request, overridden } = opened;
        let unchanged = if expect.refused { self.last_payment() } else { None };
        let exchanges = self.exchanges(&request);
        if let Ok(outcome) = &result {
            self.objects.note(number, outcome);
        }
        let ended = self.settled(
            number,
            &request,
            expect,
            Ended { op: Some(request.op()), result, first: None, refusal: false, exchanges },
        );
        let leftovers = self.stage.with(Player::end_step);
        let mismatches = self.stage.take_mismatches();
        let failed = !mismatches.is_empty();
        self.mismatches(number, mismatches);
        let struck = self.stage.struck(number);
        if let Err(left) = leftovers.map_err(|left| if failed || struck { Vec::new() } else { left }) {
            self.mismatches(number, left);
        }
        // A request that differs has no answer: what comes of that is told by the difference.
        match failed && ended.result.as_ref().is_err_and(|error| error.kind() == Kind::Network) {
            true => self.ended.push(ended),
            false => self.judge(number, expect, ended, overridden, unchanged.as_ref()),
        }
        !struck && self.findings.is_empty()
    }

    fn judge(
        &mut self,
        number: u32,
        expect: &Expectation,
        ended: Ended,
        overridden: Option<(i64, i64)>,
        unchanged: Option<&Outcome>,
    ) {
        let answers = &self.bench.profile.model.answers;
        let around = Surroundings { answers, overridden, before: &self.ended, unchanged };
        let unmet = unmet(expect, &ended, around);
        self.findings.extend(unmet.into_iter().map(|unmet| Finding::unmet(number, unmet)));
        self.ended.push(ended);
    }

    fn last_payment(&self) -> Option<Outcome> {
        let payments = self.ended.iter().rev().filter_map(|ended| ended.result.as_ref().ok());
        payments.filter(|outcome| matches!(outcome, Outcome::Payment(_))).map(Outcome::clone).next()
    }

    fn advance(&mut self, seconds: i64) {
        self.around.clock.advance(seconds);
        self.see_clock();
    }

    /// Tells the provider the time.
    pub(super) fn see_clock(&self) {
        let now = self.around.clock.unix_seconds();
        self.stage.with(|player| player.set_now(now));
    }

    fn begin(&mut self, number: u32, values: StepValues) {
        self.stage.begin(number);
        self.stage.with(|player| player.begin_step(number, values));
    }

    /// Begins a step that was played with the values that it had: its settling may have had others.
    pub(super) fn begin_anew(&mut self, number: u32) {
        if let Some(asked) = self.asked.get(&number) {
            self.begin(number, asked.values.clone());
        }
    }

    /// The request of a step; begins the step on the tape.
    fn request(&mut self, number: u32, step: &Step) -> Result<(Arc<Request>, Overridden), String> {
        match step.op {
            StepOp::Replay => {
                let (request, values) = self.requests.get(&step.of.unwrap_or(0)).cloned().ok_or("no such step")?;
                self.begin(number, values.clone());
                if let Some(asked) = self.asked.get(&step.of.unwrap_or(0)).cloned() {
                    self.asked.insert(number, asked);
                }
                self.keep(number, &request, &values);
                Ok((request, None))
            }
            StepOp::Webhook => {
                self.begin(number, StepValues::default());
                let request = Arc::new(Request::Webhook(self.delivery_of_step(number, step)?));
                self.keep(number, &request, &StepValues::default());
                Ok((request, None))
            }
            _ => {
                let built = match op_of(step) {
                    Some(Op::Complete) => Arc::new(self.completion(number, step)?),
                    _ => {
                        let memory = self.bench.profile.model.memory();
                        let built = memory.request(&self.builder, self.case, number, step, &self.objects)?;
                        self.begin(number, built.asked.values.clone());
                        built
                    }
                };
                self.objects.note_terms(number, built.terms.clone());
                self.asked.insert(number, Arc::clone(&built.asked));
                let request = built.request.clone()?;
                self.keep(number, &request, &built.asked.values);
                Ok((request, built.overridden))
            }
        }
    }

    /// The request by which a customer's return is told; what they come back with changes from play to play.
    fn completion(&mut self, number: u32, step: &Step) -> Result<Built, String> {
        let mut prepared = self.builder.prepare(number, step, &self.objects)?;
        let started = self.builder.started(step, &self.objects).unwrap_or(number);
        if let (Some((again, asked)), Some(members)) = (self.given_again(started), prepared.input.as_object_mut()) {
            members.extend(again);
            prepared.values.samples = asked.samples;
        }
        self.begin(number, prepared.values.clone());
        let returned = json!(self.returned(number)?);
        prepared.input.as_object_mut().map(|members| members.insert("returned".to_owned(), returned));
        Ok(Built::from(prepared))
    }

    /// The card of the step that started what is completed, its customer and billing address, where the provider asks for them again.
    fn given_again(&self, started: u32) -> Option<(Map<String, Value>, StepValues)> {
        let asked = self.asked.get(&started).filter(|_| self.builder.spec.complete_with_method)?;
        let method = asked.input.get("method")?;
        method.get("card").or_else(|| method.get("card_token"))?;
        let member = |name: &str| Some((name.to_owned(), asked.input.get(name)?.clone()));
        Some((["method", "customer", "billing"].into_iter().filter_map(member).collect(), asked.values.clone()))
    }

    /// Keeps the request of a step that a later one repeats.
    fn keep(&mut self, number: u32, request: &Arc<Request>, values: &StepValues) {
        if self.repeated.contains(&number) {
            self.requests.insert(number, (Arc::clone(request), values.clone()));
        }
    }

    fn returned(&mut self, number: u32) -> Result<Vec<(String, String)>, String> {
        let returned = self.stage.with(|player| player.returned(number));
        returned.map_err(|mismatches| told(&mismatches)).map(Option::unwrap_or_default)
    }

    fn delivery_of_step(&mut self, number: u32, step: &Step) -> Result<Delivery, String> {
        let made = self.made(step.of.unwrap_or(number), step.tamper)?;
        let input = json!({
            "headers": made.headers.iter().cloned().collect::<BTreeMap<_, _>>(),
            "body": String::from_utf8_lossy(&made.body),
        });
        self.asked.insert(number, Arc::new(Asked { op: Op::Webhook, input, values: StepValues::default() }));
        delivery_of(made)
    }

    fn delivery(&mut self, step: u32) -> Result<Delivery, String> {
        delivery_of(self.made(step, None)?)
    }

    /// A delivery of the tape, spoilt as asked; a stale one is made before the clock moves.
    fn made(&mut self, step: u32, tamper: Option<Tamper>) -> Result<crate::tape::Delivery, String> {
        let spoil = match tamper {
            None | Some(Tamper::Stale) => Spoil::Not,
            Some(Tamper::Body) => Spoil::Body,
            Some(Tamper::Unsigned) => Spoil::Unsigned,
            Some(Tamper::WrongKey) => Spoil::WrongKey,
        };
        let made = self.stage.with(|player| player.webhook(step, spoil)).map_err(|mismatches| told(&mismatches))?;
        if tamper == Some(Tamper::Stale) {
            let tolerance = self.builder.spec.webhook.and_then(|rules| rules.tolerance_seconds).unwrap_or(0);
            self.advance(i64::from(tolerance) + 60);
        }
        Ok(made)
    }

    /// How many requests the operation sent; fetching the public key that a delivery names does not count.
    fn exchanges(&self, request: &Request) -> usize {
        let by_key =
            self.builder.spec.webhook.is_some_and(|rules| rules.authentication == WebhookAuthentication::Signature);
        match matches!(request, Request::Webhook(_)) && by_key {
            true => self.stage.sent_but_get(),
            false => self.stage.sent(),
        }
    }

    pub(super) fn call(&self, request: &Request) -> Result<Outcome, Error> {
        match self.bench.wire {
            None => {
                let slot = drive::Wire::default();
                let cx = self.context(&slot);
                let call = request.call(self.bench.connector, &cx);
                drive::drive(&slot, call, |sent| self.stage.exchange(&sent))
            }
            Some(wire) => {
                let cx = self.context(wire);
                wire.run(&self.stage, request.call(self.bench.connector, &cx))
            }
        }
    }

    pub(super) fn context<'c>(&'c self, transport: &'c dyn Transport) -> Context<'c> {
        let Around { clock, random, tokens } = self.around;
        Context::new(transport, clock, random, tokens).with_protected(&self.protected)
    }

    /// Follows a first answer that is not final to its end, by what the tape gives for the step: the customer's return, then
    /// deliveries, then a look-up.
    fn settled(&mut self, number: u32, request: &Request, expect: &Expectation, ended: Ended) -> Ended {
        let Ok(first) = &ended.result else { return ended };
        if !expect.settles || !is_open(expect, first) {
            return ended;
        }
        let first = first.clone();
        let mut now = Ended { first: Some(first.clone()), ..ended };
        self.stage.with(Player::begin_settle);
        match self.returned_to_settle(number) {
            Ok(None) => {}
            Ok(Some(returned)) => now.result = self.complete(number, returned),
            Err(why) => self.finding(number, "return", "the parameters of the return", why),
        }
        while self.stage.with(|player| player.has_webhook(number)) {
            self.settle_by_delivery(number, request.op(), &first, &mut now);
        }
        let open = now.result.as_ref().is_ok_and(|outcome| is_open(expect, outcome));
        if open && self.stage.with(|player| player.remaining() > 0) {
            match look_up(self.builder.spec, &first, now.result.as_ref().unwrap_or(&first)) {
                Some(look_up) => now.result = self.call(&look_up),
                None => self.finding(number, "settle", "an operation that looks the object up", "none"),
            }
        }
        if let Ok(outcome) = &now.result {
            self.objects.note(number, outcome);
        }
        now
    }

    fn returned_to_settle(&mut self, number: u32) -> Result<Option<Vec<(String, String)>>, String> {
        self.stage.with(|player| player.returned(number)).map_err(|mismatches| told(&mismatches))
    }

    /// The customer comes back; the completion has a key of its own.
    fn complete(&mut self, number: u32, returned: Vec<(String, String)>) -> Result<Outcome, Error> {
        let key = self.builder.key(number + 1000);
        let reference = self.builder.reference(number);
        // What the step was called with stays secret.
        let asked = self.asked.get(&number).map(|asked| asked.values.clone()).unwrap_or_default();
        let values = StepValues { key: Some(key.clone()), reference: Some(reference.clone()), ..asked };
        self.stage.with(|player| {
            player.begin_step(number, values.clone());
            player.begin_settle();
        });
        let object = self.objects.handle(Wanted::Payment, Some(number));
        let object = object.or_else(|| self.objects.handle(Wanted::Mandate, Some(number)));
        let (amount, capture) = self.objects.terms(Some(number)).unwrap_or_default();
        let mut input = json!({
            "key": key, "reference": reference, "payment": object.map(ToString::to_string),
            "amount": amount, "capture": capture, "returned": returned,
        });
        if let (Some((again, _)), Some(members)) = (self.given_again(number), input.as_object_mut()) {
            members.extend(again);
        }
        let request = Request::from_json(Op::Complete, input.clone()).map_err(|why| Error::invalid("complete", why))?;
        self.completed.insert(number, Arc::new(Asked { op: Op::Complete, input, values }));
        self.call(&request)
    }

    fn settle_by_delivery(&mut self, number: u32, op: Op, first: &Outcome, now: &mut Ended) {
        let made = match self.delivery(number) {
            Ok(made) => made,
            Err(why) => return self.finding(number, "webhook", "a delivery", why),
        };
        match self.call(&Request::Webhook(made)) {
            Ok(Outcome::Events(events)) => {
                for event in events {
                    match event.body {
                        EventBody::Refusal(refusal) if refusal.op == op => {
                            let asked = self.objects.handle(Wanted::Payment, None).map(|handle| handle.id().to_owned());
                            if asked.as_deref().is_some_and(|asked| asked != refusal.payment.id()) {
                                self.finding(number, "webhook.object", asked.unwrap_or_default(), refusal.payment.id());
                            }
                            now.refusal = true;
                        }
                        body => {
                            if let Some(outcome) = same_kind(first, body) {
                                self.check_same(number, first, &outcome);
                                now.result = Ok(outcome);
                            }
                        }
                    }
                }
            }
            Ok(_) => {}
            Err(error) => {
                // A later delivery must not cover up one that could not be read.
                self.finding(number, "webhook", "a delivery that is read", error.to_string());
                now.result = Err(error);
            }
        }
    }

    /// An event about another object than the step's would settle the wrong one.
    fn check_same(&mut self, number: u32, first: &Outcome, settled: &Outcome) {
        if let (Some(asked), Some(told)) = (first.id(), settled.id())
            && asked != told
        {
            self.finding(number, "webhook.object", asked, told);
        }
    }

    pub(super) fn finish(mut self, struck: bool) -> Played {
        if self.findings.is_empty()
            && !struck
            && let Err(left) = self.stage.with(Player::finish)
        {
            self.mismatches(0, left);
        }
        Played {
            ended: self.ended,
            asked: self.asked,
            completed: self.completed,
            findings: self.findings,
            kept: self.kept,
            stage: self.stage,
        }
    }
}

fn told(mismatches: &[Mismatch]) -> String {
    let one = |mismatch: &Mismatch| format!("{}: {}, found {}", mismatch.path, mismatch.expected, mismatch.found);
    mismatches.iter().map(one).collect::<Vec<_>>().join("; ")
}
