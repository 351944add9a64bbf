//! One conversation with an environment: steps of a scenario, or of a trial, one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use quittance::{Connector, MemoryTokens, Op};
use serde_json::Value;

use super::Live;
use super::remote::{Change, Remote, Sent};
use crate::certify::ledger::{Deed, Ledger, account};
use crate::invoke::Request;
use crate::mask::Masker;
use crate::run::case::{Asked, Case, Finding, Played};
use crate::run::input::Builder;
use crate::run::judge::{Ended, Surroundings, unmet};
use crate::run::objects::{Objects, terms_of};
use crate::run::settle::{is_open, look_up};
use crate::scenario::{Expectation, Step, StepOp};
use crate::tape::{Redactor, ShownRecord, StepValues, shown_headers};
use crate::view::Outcome;

/// The first pause between two look-ups of an object that is not decided; each further one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A step that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Its number, from 1.
    pub number: u32,
    /// What was asked.
    pub asked: Arc<Asked>,
    /// What it came to.
    pub ended: Ended,
    /// The exchanges of the operation itself.
    pub sent: Vec<Sent>,
    /// The last of the look-ups by which it was followed to its end.
    pub settling: Vec<Sent>,
}

impl Taken {
    /// The result, after settling.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.ended.result.as_ref().ok()
    }

    /// The amount that was asked, in minor units.
    pub fn asked_minor(&self) -> Option<i64> {
        self.asked.input.pointer("/amount/minor").and_then(Value::as_i64)
    }

    /// The merchant's reference of the step.
    pub fn reference(&self) -> Option<&str> {
        self.asked.input.get("reference").and_then(Value::as_str)
    }
}

/// A conversation on its way.
pub struct Course<'a> {
    live: &'a Live<'a>,
    connector: &'a dyn Connector,
    builder: Builder<'a>,
    remote: Remote,
    tokens: MemoryTokens,
    objects: Objects,
    books: Ledger,
    /// What the books do not allow.
    pub breaches: Vec<Finding>,
    /// The steps so far, in order.
    pub taken: Vec<Taken>,
    requests: BTreeMap<u32, Arc<Request>>,
}

impl std::fmt::Debug for Course<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Course(after {} steps)", self.taken.len())
    }
}

impl<'a> Course<'a> {
    /// A conversation before its first step; `name` makes its keys and references.
    pub fn new(live: &'a Live<'a>, connector: &'a dyn Connector, name: &str, brand: Option<&'a str>) -> Course<'a> {
        let seed = live.seed_of(name);
        let builder = Builder { spec: connector.spec(), profile: &live.subject.profile, brand, seed };
        Course {
            live,
            connector,
            builder,
            remote: live.remote(),
            tokens: MemoryTokens::default(),
            objects: Objects::default(),
            books: Ledger::default(),
            breaches: Vec::new(),
            taken: Vec::new(),
            requests: BTreeMap::new(),
        }
    }

    /// What the connector declares.
    pub fn spec(&self) -> &'static quittance::Spec {
        self.builder.spec
    }

    /// The number that the next step gets.
    pub fn next(&self) -> u32 {
        u32::try_from(self.taken.len() + 1).unwrap_or(u32::MAX)
    }

    /// Takes a step; one that ends open where `expect` wants an end is followed by look-ups for as long as the run has patience.
    ///
    /// # Errors
    /// Why the step has no request.
    pub fn take(&mut self, step: &Step, expect: &Expectation) -> Result<Taken, String> {
        if step.op == StepOp::Replay {
            return self.again(step.of.unwrap_or(0), expect);
        }
        let number = self.next();
        let prepared = self.builder.prepare(number, step, &self.objects)?;
        let request = Request::from_json(prepared.op, prepared.input.clone())?;
        if matches!(prepared.op, Op::Authorize | Op::SetUp) {
            self.objects.note_terms(number, terms_of(&prepared.input).map(Arc::new));
        }
        let asked = Asked { op: prepared.op, input: prepared.input, values: prepared.values };
        Ok(self.called(Arc::new(request), Arc::new(asked), expect, true))
    }

    /// Makes the call of step `of` once more, with the same request and key.
    ///
    /// # Errors
    /// When there is no such step.
    pub fn again(&mut self, of: u32, expect: &Expectation) -> Result<Taken, String> {
        let request = self.requests.get(&of).cloned().ok_or_else(|| format!("no step {of}"))?;
        let asked = self.taken.iter().find(|taken| taken.number == of).map(|taken| Arc::clone(&taken.asked));
        let asked = asked.ok_or_else(|| format!("no step {of}"))?;
        Ok(self.called(request, asked, expect, false))
    }

    /// Calls an operation with an input that was made elsewhere.
    ///
    /// # Errors
    /// An input of another form.
    pub fn ask(&mut self, op: Op, input: Value, expect: &Expectation) -> Result<Taken, String> {
        let request = Request::from_json(op, input.clone())?;
        let values = self.taken.last().map(|taken| taken.asked.values.clone()).unwrap_or_default();
        Ok(self.called(Arc::new(request), Arc::new(Asked { op, input, values }), expect, true))
    }

    /// Changes the request at that place, from 0, of the next step.
    pub fn change(&self, at: usize, change: Change) {
        self.remote.change(at, change);
    }

    fn called(&mut self, request: Arc<Request>, asked: Arc<Asked>, expect: &Expectation, is_new: bool) -> Taken {
        let number = self.next();
        let result = self.live.call(self.connector, &request, &self.remote, &self.tokens);
        let sent = self.remote.take();
        let mut ended = Ended { op: Some(asked.op), result, first: None, refusal: false, exchanges: sent.len() };
        if let Ok(outcome) = &ended.result {
            self.objects.note(number, outcome);
        }
        self.settle(number, expect, &mut ended);
        let settling = self.remote.take();
        self.requests.insert(number, request);
        let taken = Taken { number, asked, ended, sent, settling };
        // A repetition under its key books nothing.
        if is_new {
            self.book(&taken);
        }
        self.taken.push(taken.clone());
        taken
    }

    /// Books what the step did and holds what is told against the books.
    fn book(&mut self, taken: &Taken) {
        let open = taken.outcome().is_some_and(|outcome| matches!(outcome.state(), "pending" | "action_required"));
        // What is taken on may still be refused: the provider tells it later.
        let deed = if open { Deed::Open } else { Deed::of(&taken.asked, &taken.ended, false) };
        let payment = account(&taken.asked, &taken.ended);
        let number = taken.number;
        let booked = self.books.book(&format!("step {number}"), &number.to_string(), &payment, deed);
        let told = match taken.outcome() {
            Some(Outcome::Payment(payment)) => self.books.agrees(payment),
            _ => Ok(()),
        };
        for why in [booked.err(), told.err()].into_iter().flatten() {
            self.breaches.push(finding(
                number,
                "books",
                "no more taken than reserved, no more given back than taken",
                why,
            ));
        }
    }

    fn settle(&mut self, number: u32, expect: &Expectation, ended: &mut Ended) {
        let Ok(first) = ended.result.clone() else { return };
        if !expect.settles || !is_open(expect, &first) {
            return;
        }
        let end = Instant::now() + self.live.patience;
        let mut pause = FIRST_PAUSE;
        ended.first = Some(first.clone());
        while Instant::now() < end && ended.result.as_ref().is_ok_and(|outcome| is_open(expect, outcome)) {
            let now = ended.result.as_ref().unwrap_or(&first);
            let Some(request) = look_up(self.builder.spec, &first, now) else { break };
            std::thread::sleep(pause.min(end.saturating_duration_since(Instant::now())));
            pause = (pause * 2).min(LONGEST_PAUSE);
            // The last look-up alone is kept: it is the one that ends the step.
            self.remote.take();
            // One look-up that fails says nothing about the object.
            if let Ok(found) = self.live.call(self.connector, &request, &self.remote, &self.tokens) {
                ended.result = Ok(found);
            }
        }
        if let Ok(outcome) = &ended.result {
            self.objects.note(number, outcome);
        }
    }
}

/// A finding about a step.
pub fn finding(step: u32, what: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Finding {
    Finding { step, what: what.into(), expected: expected.into(), found: found.into() }
}

/// How a case went against an environment.
#[derive(Debug)]
pub struct LivePlay {
    /// The steps that were taken.
    pub taken: Vec<Taken>,
    /// What does not hold, by the scenario's expectations and the books.
    pub findings: Vec<Finding>,
    /// Why it was not played to its end, though nothing that came was wrong.
    pub stopped: Option<String>,
}

/// Plays the steps of a case against the environment, until one does not hold or has its end in a delivery. `taped` is the case's play on
/// its tape.
pub fn play(live: &Live<'_>, connector: &dyn Connector, case: &Case, taped: &Played) -> LivePlay {
    let mut course = Course::new(live, connector, &case.id, case.brand);
    let mut findings = Vec::new();
    let mut stopped = None;
    for (number, (step, expect)) in (1u32..).zip(&case.steps) {
        let unchanged = course.taken.iter().rev().filter_map(Taken::outcome);
        let unchanged = unchanged.filter(|outcome| matches!(outcome, Outcome::Payment(_))).map(Outcome::clone).next();
        let taken = match course.take(step, expect) {
            Ok(taken) => taken,
            Err(why) => {
                findings.push(finding(number, "input", "a request for the step", why));
                break;
            }
        };
        if ends_by_delivery(case, expect, &taken, taped) {
            stopped = Some("its end comes by a delivery".to_owned());
            break;
        }
        let before: Vec<Ended> =
            course.taken.iter().take(course.taken.len() - 1).map(|taken| taken.ended.clone()).collect();
        let around = Surroundings {
            answers: &live.subject.profile.model.answers,
            overridden: overridden(step, &taken),
            before: &before,
            unchanged: unchanged.as_ref().filter(|_| expect.refused),
        };
        let unmet = unmet(expect, &taken.ended, around).into_iter();
        findings
            .extend(unmet.map(|unmet| finding(number, format!("expect.{}", unmet.what), unmet.expected, unmet.found)));
        findings.append(&mut course.breaches);
        if !findings.is_empty() {
            break;
        }
    }
    LivePlay { taken: course.taken, findings, stopped }
}

/// Whether a step stands open as it first does on the tape, where a delivery then tells its end.
fn ends_by_delivery(case: &Case, expect: &Expectation, taken: &Taken, taped: &Played) -> bool {
    let index = usize::try_from(taken.number).unwrap_or_default().saturating_sub(1);
    let first = taped.ended.get(index).and_then(|ended| ended.first.as_ref());
    let delivered = case.tape.webhooks.iter().any(|webhook| webhook.step == taken.number);
    let same = matches!((first, taken.outcome()), (Some(first), Some(now)) if first.state() == now.state());
    delivered && same && taken.outcome().is_some_and(|outcome| is_open(expect, outcome))
}

/// The scenario's amount and the card's, where the card overrides it.
fn overridden(step: &Step, taken: &Taken) -> Option<(i64, i64)> {
    let scenario = step.input.get("amount_minor").and_then(toml::Value::as_integer)?;
    taken.asked_minor().filter(|asked| *asked != scenario).map(|asked| (scenario, asked))
}

/// Masks everything of a live run that people or reports see.
pub struct Mask {
    redactor: Redactor,
    masker: Masker,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask")
    }
}

impl Mask {
    /// Hides the account's credentials, what was sent of cards and tokens, access tokens that the environment gave, and whatever else the
    /// connector protects.
    pub fn of<'t>(live: &Live<'_>, taken: impl IntoIterator<Item = &'t Taken>) -> Mask {
        let mut steps: Vec<StepValues> = Vec::new();
        let mut tokens = Vec::new();
        for taken in taken {
            steps.push(taken.asked.values.clone());
            tokens.extend(taken.sent.iter().chain(&taken.settling).filter_map(bearer));
        }
        live.protected.each(&mut |secret| tokens.push(secret.to_owned()));
        tokens.sort_unstable();
        tokens.dedup();
        let masker = Masker::new(live.account.secrets.iter().chain(&tokens).cloned());
        Mask { redactor: Redactor::new(&live.account.flat, &steps, tokens), masker }
    }

    /// The text without secrets.
    pub fn text(&self, text: &str) -> String {
        self.redactor.text(&self.masker.text(text))
    }

    /// The findings without secrets.
    pub fn findings(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let mask = |found: Finding| {
            finding(found.step, self.text(&found.what), self.text(&found.expected), self.text(&found.found))
        };
        findings.into_iter().map(mask).collect()
    }

    /// The exchanges of some steps, masked, in order.
    pub fn shown<'t>(&self, taken: impl IntoIterator<Item = &'t Taken>) -> Vec<ShownRecord> {
        let of_step = |taken: &'t Taken| taken.sent.iter().chain(&taken.settling).map(|sent| (taken.number, sent));
        taken.into_iter().flat_map(of_step).map(|(step, sent)| self.record(step, sent)).collect()
    }

    /// One exchange, masked.
    pub fn record(&self, step: u32, sent: &Sent) -> ShownRecord {
        let answer: Option<&Response<Bytes>> = sent.answer.as_ref().ok();
        let body = |bytes: &Bytes| self.text(&String::from_utf8_lossy(bytes));
        ShownRecord {
            step,
            method: sent.request.method().to_string(),
            url: self.text(&sent.request.uri().to_string()),
            headers: shown_headers(sent.request.headers(), &self.redactor),
            body: body(sent.request.body()),
            status: answer.map(|answer| answer.status().as_u16()),
            answer_headers: answer.map(|answer| shown_headers(answer.headers(), &self.redactor)).unwrap_or_default(),
            answer_body: answer.map(|answer| body(answer.body())).unwrap_or_default(),
            line: None,
            provenance: None,
        }
    }
}

/// The access token of a request.
pub(crate) fn bearer(sent: &Sent) -> Option<String> {
    let text = sent.request.headers().get(http::header::AUTHORIZATION)?.to_str().ok()?;
    text.strip_prefix("Bearer ").map(str::to_owned)
}
