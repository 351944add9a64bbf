//! Plays a connector's cases and notes of each exchange and delivery what it is, when it comes, and what its values stand for.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use quittance::{Currency, EventBody, Handle, Op};

use super::cases::{about, caught_names, class_of, event_of, method_of, moment, news, shapes};
use super::known::{Account, Class, Kind, Lineage, Moment, Report, Situation};
use super::leaves::{Stated, stated};
use super::sketch::{Leaf, Sketch};
use crate::certify::{Plan, ledger, play};
use crate::run::case::{Asked, Case, Played};
use crate::run::judge::Ended;
use crate::scenario::{Class as Shows, Step, StepOp, Suite};
use crate::tape::{BodyText, Exchange, Hole, Part, Template};
use crate::view::Outcome;
use crate::world::Subject;

/// Groups of scenarios whose answers no provider gives on purpose.
const SPOILT: [&str; 2] = ["integrity", "state"];

/// Cases of deliveries that no provider makes.
const FORGED: [&str; 6] = [
    "webhook.tampered",
    "webhook.unproven",
    "webhook.unreadable",
    "webhook.stale",
    "webhook.unknown_type",
    "webhook.forged",
];

/// The shortest minted value that is looked for in an id.
const SHORTEST_ID: usize = 4;

/// An exchange before its values were understood.
pub(super) struct Draft {
    pub(super) at: Situation,
    pub(super) stated: Vec<Stated>,
    /// What its answer is about.
    pub(super) about: Kind,
    pub(super) sketch: Sketch,
    pub(super) leaves: Vec<Leaf>,
}

/// A delivery before its values were understood.
pub(super) struct Told {
    pub(super) report: Report,
    pub(super) sketch: Sketch,
    pub(super) leaves: Vec<Leaf>,
}

/// Everything that the tapes of a connector show.
#[derive(Default)]
pub(super) struct Drafts {
    pub(super) exchanges: Vec<Draft>,
    pub(super) deliveries: Vec<Told>,
}

impl Drafts {
    /// Plays every case of a subject that shows success or refusal.
    pub(super) fn of(subject: &Subject, suite: &Suite, seed: u64) -> Drafts {
        let mut drafts = Drafts::default();
        let plan = Plan::of(suite, subject);
        for case in plan.cases().filter(|case| is_wanted(case)) {
            let played = play(subject, case, None, seed);
            if played.findings.is_empty() {
                Walk::new(subject, case, &played).all(&mut drafts);
            }
        }
        drafts
    }
}

fn is_wanted(case: &Case) -> bool {
    let group = case.id.split('.').next().unwrap_or_default();
    let class = case.scenario.class;
    case.strike.is_none()
        && class != Shows::Fault
        && !SPOILT.contains(&group)
        && !FORGED.contains(&case.scenario.id.as_str())
}

/// Whether two parts stand for the same text, though one names its shape or its step and the other does not.
fn same_part(one: &Part, other: &Part) -> bool {
    match (one, other) {
        (Part::Hole(Hole::Gen { name: one, .. }), Part::Hole(Hole::Gen { name: other, .. })) => one == other,
        (Part::Hole(Hole::Reference(_)), Part::Hole(Hole::Reference(_))) => true,
        _ => one == other,
    }
}

/// Whether two exchanges have the same status and body.
fn answers_alike(one: &Exchange, other: &Exchange) -> bool {
    let same_body = match (&one.response.body, &other.response.body) {
        (BodyText::Holes(one, _), BodyText::Holes(other, _)) => {
            one.parts.len() == other.parts.len()
                && one.parts.iter().zip(&other.parts).all(|(one, other)| same_part(one, other))
        }
        (BodyText::Fixed(one), BodyText::Fixed(other)) => one == other,
        _ => false,
    };
    one.response.status == other.response.status && same_body
}

/// A case on its way through its steps.
struct Walk<'a> {
    case: &'a Case,
    played: &'a Played,
    acts: Arc<[bool]>,
    lineage: Lineage,
    minted: BTreeMap<String, String>,
    caught: BTreeMap<String, String>,
    /// By exchange of the tape: the values that stand in its answer first.
    news: Vec<Vec<String>>,
    account: Account,
    exchanges: Vec<Found>,
    deliveries: Vec<Reported>,
}

/// An exchange of a step, by its place on the tape.
pub(super) struct Found {
    pub(super) index: usize,
    pub(super) op: Op,
    pub(super) moment: Moment,
    pub(super) shows: &'static str,
    pub(super) acts: bool,
    pub(super) creates: Option<Kind>,
    pub(super) id: Option<Template>,
    pub(super) class: Class,
}

struct Reported {
    index: usize,
    kind: Kind,
    state: &'static str,
    moment: Moment,
    alone: bool,
}

/// How a step moved the payment.
pub(super) struct Moved {
    pub(super) before: Account,
    pub(super) mid: Account,
    pub(super) end: Account,
}

impl<'a> Walk<'a> {
    fn new(subject: &'a Subject, case: &'a Case, played: &'a Played) -> Walk<'a> {
        let first = played.asked.values().next();
        let terms = |name: &str| first.and_then(|asked| asked.input.get("amount")?.get(name));
        let code = terms("currency").or_else(|| first.and_then(|asked| asked.input.get("currency")));
        let code = code.and_then(|code| code.as_str()).unwrap_or(&subject.profile.model.currency).to_owned();
        let lineage = Lineage {
            case: case.id.as_str().into(),
            made: BTreeMap::new(),
            names: BTreeMap::new(),
            currency: Currency::from_code(&code),
            method: first.map(|asked| method_of(asked)).unwrap_or_default().into(),
            card: case.steps.first().and_then(|(step, _)| step.card.as_deref()).unwrap_or_default().into(),
            samples: first.map(|asked| Arc::clone(&asked.values.samples)).unwrap_or_default(),
            parts: BTreeMap::new(),
            ids: BTreeMap::new(),
            shapes: shapes(case),
            steps: case.steps.len(),
        };
        Walk {
            case,
            played,
            acts: ledger::acts(subject.entry.spec, case, played),
            lineage,
            minted: played.player(|player| player.minted().clone()),
            caught: played.player(|player| player.caught().clone()),
            news: news(case),
            account: Account::NONE,
            exchanges: Vec::new(),
            deliveries: Vec::new(),
        }
    }

    fn all(mut self, drafts: &mut Drafts) {
        for (index, (step, expect)) in self.case.steps.iter().enumerate() {
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let (Some(ended), Some(asked)) = (self.played.ended.get(index), self.played.asked.get(&number)) else {
                continue;
            };
            let again = step.op == StepOp::Replay;
            match asked.op {
                Op::Webhook if !again => self.told(number, ended),
                op if again && !expect.refused => self.again(number, op, asked, step),
                op => {
                    let refused = expect.refused || again;
                    self.step(number, op, asked, ended, refused, step);
                }
            }
        }
        self.finish(drafts);
    }

    fn step(&mut self, number: u32, op: Op, asked: &Asked, ended: &Ended, refused: bool, step: &Step) {
        let told = match ended.result.as_ref() {
            Ok(Outcome::Refund(refund)) => refund.amount,
            Ok(Outcome::Payout(payout)) => payout.amount,
            _ => None,
        };
        let sum = asked
            .input
            .pointer("/amount/minor")
            .and_then(serde_json::Value::as_i64)
            .or(told.map(|amount| amount.minor()));
        let moved = self.moved(op, sum, ended, refused);
        self.account = moved.end;
        let class = class_of(op, ended, refused, step);
        let tape = &self.case.tape;
        let own: Vec<usize> = tape
            .exchanges
            .iter()
            .enumerate()
            .filter(|(_, found)| found.step == number)
            .map(|(index, _)| index)
            .collect();
        let acts = |index: &&usize| self.acts.get(**index) == Some(&true);
        // A look-up that follows may carry what makes the request one of its kind.
        let settles = |index: &&usize| tape.exchanges.get(**index).is_some_and(|exchange| exchange.settle);
        let last = own.iter().rfind(|index| acts(index) && !settles(index)).or_else(|| own.iter().rfind(acts)).copied();
        let ends = own.last().copied();
        let direct = ended.direct();
        let id = direct.and_then(Outcome::handle).map(|handle| self.id(handle, asked.values.reference.as_deref()));
        let mut made = false;
        for index in own {
            let Some(exchange) = tape.exchanges.get(index) else { continue };
            let acts = self.acts.get(index) == Some(&true) && !exchange.settle;
            let creates = self.creates(op, index, exchange, id.as_ref().filter(|_| !made), last);
            made |= creates.is_some_and(|kind| kind == Kind::of(op) && kind != Kind::Other);
            let owner = creates.unwrap_or(if acts { Kind::Other } else { Kind::of(op) });
            let names = self.news.get(index).cloned().unwrap_or_default().into_iter().chain(caught_names(exchange));
            for name in names {
                self.lineage.names.entry(name).or_insert(owner);
            }
            let outcome = if exchange.settle { ended.result.as_ref().ok() } else { direct };
            let last_word = last.is_none_or(|last| index >= last);
            self.exchanges.push(Found {
                index,
                op,
                moment: moment(&moved, sum, op, exchange, last.map(|last| index.cmp(&last))),
                shows: outcome.map_or("", Outcome::state),
                acts,
                creates,
                id: id.clone().filter(|_| creates.is_some_and(|kind| !matches!(kind, Kind::Other | Kind::Token))),
                class: match class {
                    // What came before the refusal, as what the provider publishes, is no refusal.
                    Class::Credentials if ends == Some(index) || exchange.response.status.is_client_error() => class,
                    Class::Credentials => Class::Done,
                    _ if last_word && creates != Some(Kind::Token) => class,
                    _ => Class::Done,
                },
            });
        }
        if op == Op::Complete && class == Class::Done {
            self.completed(moved.end);
        }
        self.lineage.made.insert(number, Kind::of(op));
        for handle in direct.into_iter().chain(ended.result.as_ref().ok()).filter_map(Outcome::handle) {
            self.note_parts(Kind::of(op), handle);
        }
        let state = ended.result.as_ref().map_or("", Outcome::state);
        let moment = Moment { before: moved.before, after: moved.end, end: moved.end, asked: sum };
        self.report(number, Kind::of(op), state, moment, false);
    }

    /// What was begun and waited for its customer ends as they have completed it.
    fn completed(&mut self, end: Account) {
        let waits = |found: &&mut Found| matches!(found.moment.end.state, "action_required" | "pending");
        let begun = self.exchanges.iter_mut().filter(|found| found.creates == Some(Kind::of(found.op)));
        begun.filter(waits).for_each(|found| found.moment.end = end);
    }

    /// A repetition under its key: exchanges that are answered otherwise than they were the first time.
    fn again(&mut self, number: u32, op: Op, asked: &Asked, step: &Step) {
        let tape = &self.case.tape;
        let of = step.of.unwrap_or(number.saturating_sub(1));
        let acts = |exchange: &&Exchange| exchange.request.method != Method::GET && !exchange.settle;
        let sum = asked.input.pointer("/amount/minor").and_then(serde_json::Value::as_i64);
        let moment = Moment { before: self.account, after: self.account, end: self.account, asked: sum };
        let pairs = tape.exchanges.iter().filter(|one| one.step == of).filter(acts);
        let again = tape.exchanges.iter().enumerate().filter(|(_, one)| one.step == number && acts(one));
        for ((index, exchange), first) in again.zip(pairs) {
            let same_place = first.request.method == exchange.request.method
                && first.request.segments.len() == exchange.request.segments.len();
            if same_place && !answers_alike(first, exchange) {
                let class = Class::Again;
                self.exchanges.push(Found {
                    index,
                    op,
                    moment,
                    shows: "",
                    acts: false,
                    creates: None,
                    id: None,
                    class,
                });
            }
        }
    }

    /// Notes which minted and caught values are parts of a handle.
    fn note_parts(&mut self, kind: Kind, handle: &Handle) {
        let text = handle.to_string();
        let values = self.minted.iter().chain(&self.caught).filter(|(_, value)| value.len() >= SHORTEST_ID);
        for (name, value) in values {
            let Some(at) = text.find(value.as_str()) else { continue };
            let before = text.get(..at).unwrap_or_default();
            let part = match before.rfind(['?', '&']) {
                Some(start) => before.get(start + 1..).and_then(|rest| rest.split('=').next()).unwrap_or_default(),
                None => "",
            };
            self.lineage.parts.entry(name.clone()).or_insert((kind, part.to_owned()));
        }
    }

    fn report(&mut self, number: u32, kind: Kind, state: &'static str, moment: Moment, alone: bool) {
        for (index, webhook) in self.case.tape.webhooks.iter().enumerate().filter(|(_, found)| found.step == number) {
            webhook.mints.iter().for_each(|(name, _)| {
                self.lineage.names.entry(name.clone()).or_insert(Kind::Other);
            });
            self.deliveries.push(Reported { index, kind, state, moment, alone });
        }
    }

    /// A delivery of a step of its own.
    fn told(&mut self, number: u32, ended: &Ended) {
        let Ok(Outcome::Events(events)) = &ended.result else { return };
        let Some(event) = events.iter().find(|event| !matches!(event.body, EventBody::Ignored)) else { return };
        let minor = |amount: &Option<quittance::Money>| amount.map(|amount| amount.minor());
        let (kind, state, asked, payment, own) = match &event.body {
            EventBody::Payment(payment) => (
                Kind::Payment,
                payment.state.as_str(),
                minor(&payment.amount).or(minor(&payment.captured)),
                Some(&payment.handle),
                None,
            ),
            EventBody::Refund(refund) => (
                Kind::Refund,
                refund.state.as_str(),
                minor(&refund.amount),
                refund.payment.as_ref(),
                Some(&refund.handle),
            ),
            EventBody::Dispute(dispute) => (
                Kind::Dispute,
                dispute.state.as_str(),
                minor(&dispute.amount),
                dispute.payment.as_ref(),
                Some(&dispute.handle),
            ),
            EventBody::Payout(payout) => {
                (Kind::Payout, payout.state.as_str(), minor(&payout.amount), None, Some(&payout.handle))
            }
            EventBody::Mandate(mandate) => (Kind::Mandate, mandate.state.as_str(), None, None, Some(&mandate.handle)),
            EventBody::Refusal(refusal) => (Kind::Payment, "refusal", None, Some(&refusal.payment), None),
            EventBody::Ignored => return,
        };
        let mut account =
            Account { state: "captured", amount: asked.unwrap_or(0), captured: asked.unwrap_or(0), refunded: 0 };
        match kind {
            Kind::Refund => account.refunded = asked.unwrap_or(0),
            _ => account.state = state,
        }
        for (owner, handle) in [(Kind::Payment, payment), (kind, own)] {
            let Some(handle) = handle else { continue };
            let text = handle.to_string();
            let named =
                self.minted.iter().filter(|(_, value)| value.len() >= SHORTEST_ID && text.contains(value.as_str()));
            for (name, _) in named {
                self.lineage.names.entry(name.clone()).or_insert(owner);
            }
            self.note_parts(owner, handle);
            self.lineage.ids.entry(handle.id().to_owned()).or_insert(owner);
        }
        self.lineage.made.insert(number, kind);
        let moment = Moment { before: account, after: account, end: account, asked };
        self.report(number, kind, state, moment, true);
    }

    fn moved(&self, op: Op, asked: Option<i64>, ended: &Ended, refused: bool) -> Moved {
        let before = self.account;
        let sum = asked.unwrap_or(0);
        let state = |outcome: Option<&Outcome>| outcome.map_or("", Outcome::state);
        let (first, last) = (state(ended.direct()), state(ended.result.as_ref().ok()));
        if refused && !matches!(op, Op::Authorize | Op::SetUp | Op::PayOut) {
            return Moved { before, mid: before, end: before };
        }
        let stands = |state: &'static str| Account {
            state,
            amount: sum,
            captured: if state == "captured" { sum } else { 0 },
            refunded: 0,
        };
        let (mid, end) = match op {
            Op::Authorize | Op::SetUp | Op::PayOut if last.is_empty() => (before, before),
            Op::Authorize | Op::SetUp | Op::PayOut => {
                return Moved { before: Account::NONE, mid: stands(first), end: stands(last) };
            }
            _ if last.is_empty() => (before, before),
            Op::Complete | Op::Retrieve => {
                let captured = if last == "captured" && before.captured == 0 { before.amount } else { before.captured };
                (before, Account { state: last, captured, ..before })
            }
            Op::Capture => {
                let end = Account { state: "captured", captured: before.captured.saturating_add(sum), ..before };
                (if first == "captured" { end } else { before }, end)
            }
            Op::Void => {
                let end = Account { state: "voided", ..before };
                (if first == "voided" { end } else { before }, end)
            }
            Op::Refund if last != "failed" => {
                let end = Account { refunded: before.refunded.saturating_add(sum), ..before };
                (end, end)
            }
            Op::Adjust => {
                let end = Account { amount: sum, ..before };
                (end, end)
            }
            _ => (before, before),
        };
        Moved { before, mid, end }
    }

    /// What an exchange makes. `id` while nothing of the step has made the object that the operation is about.
    fn creates(
        &self,
        op: Op,
        index: usize,
        exchange: &Exchange,
        id: Option<&Template>,
        last: Option<usize>,
    ) -> Option<Kind> {
        if self.case.tape.fetches_token(index) {
            return Some(Kind::Token);
        }
        let news = self.news.get(index).map(Vec::as_slice).unwrap_or_default();
        let makes = matches!(op, Op::Authorize | Op::SetUp | Op::Refund | Op::PayOut);
        let caught: Vec<String> = caught_names(exchange).collect();
        let is_own = |hole: &Hole| match hole {
            Hole::Gen { name, .. } => news.contains(name),
            Hole::Capture(name) => caught.contains(name),
            Hole::Reference(_) => last == Some(index),
            _ => false,
        };
        if makes && !exchange.settle && id.is_some_and(|id| id.holes().any(is_own)) {
            return Some(Kind::of(op));
        }
        if makes && id.is_some_and(|id| id.literal().is_some()) && last == Some(index) {
            return Some(Kind::of(op));
        }
        // What only looks makes nothing, though its answer has a number of its own.
        let moves = if exchange.settle { self.acts.get(index) == Some(&true) } else { !op.reads() };
        (moves && exchange.request.method != Method::GET && !news.is_empty()).then_some(Kind::Other)
    }

    /// An id with the holes that it is made of.
    fn id(&self, handle: &Handle, reference: Option<&str>) -> Template {
        let mut rest = handle.id();
        let mut parts = Vec::new();
        let gens =
            self.minted.iter().map(|(name, value)| (Hole::Gen { name: name.clone(), shape: None }, value.as_str()));
        let caught = self.caught.iter().map(|(name, value)| (Hole::Capture(name.clone()), value.as_str()));
        let own = reference.map(|reference| (Hole::Reference(None), reference));
        let known: Vec<(Hole, &str)> =
            gens.chain(caught).chain(own).filter(|(_, value)| value.len() >= SHORTEST_ID).collect();
        loop {
            let first = known.iter().filter_map(|(hole, value)| Some((rest.find(value)?, value.len(), hole)));
            let Some((at, length, hole)) = first.min_by_key(|(at, length, _)| (*at, usize::MAX - length)) else {
                break;
            };
            if at > 0 {
                parts.push(Part::Text(rest.get(..at).unwrap_or_default().to_owned()));
            }
            parts.push(Part::Hole(hole.clone()));
            rest = rest.get(at + length..).unwrap_or_default();
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Template::of(parts, false)
    }

    fn finish(self, drafts: &mut Drafts) {
        let lineage = Arc::new(self.lineage);
        for found in self.exchanges {
            let Some(exchange) = self.case.tape.exchanges.get(found.index) else { continue };
            let sketch = match &exchange.response.body {
                BodyText::Holes(template, _) => Sketch::of(template),
                BodyText::Fixed(bytes) => {
                    Sketch::of(&Template::of(vec![Part::Text(String::from_utf8_lossy(bytes).into_owned())], false))
                }
            };
            let about = about(&found, exchange, &lineage);
            // What only reads a payment asks for no amount.
            let moves = found.acts || found.creates.is_some() || found.class == Class::Again;
            let asked = found.moment.asked.filter(|_| moves || about != Kind::Payment);
            let at = Situation {
                lineage: Arc::clone(&lineage),
                line: exchange.line,
                op: found.op,
                step: exchange.step,
                method: exchange.request.method.clone(),
                host: exchange.request.segments.get(2).and_then(Template::literal).unwrap_or_default().to_owned(),
                segments: exchange.request.segments.iter().skip(3).cloned().collect(),
                moment: Moment { asked, ..found.moment },
                shows: found.shows,
                acts: found.acts,
                settles: exchange.settle,
                creates: found.creates,
                id: found.id,
                class: found.class,
                news: self.news.get(found.index).cloned().unwrap_or_default(),
                answer: exchange.response.clone(),
            };
            drafts.exchanges.push(Draft {
                at,
                stated: stated(&exchange.request),
                about,
                leaves: sketch.leaves(),
                sketch,
            });
        }
        for found in self.deliveries {
            let Some(webhook) = self.case.tape.webhooks.get(found.index) else { continue };
            let sketch = Sketch::of(&webhook.body);
            let leaves = sketch.leaves();
            let report = Report {
                lineage: Arc::clone(&lineage),
                step: webhook.step,
                event: event_of(&leaves).unwrap_or_else(|| format!("{}.{}", found.kind.as_str(), found.state)).into(),
                kind: found.kind,
                state: found.state,
                moment: found.moment,
                webhook: webhook.clone(),
                alone: found.alone,
            };
            drafts.deliveries.push(Told { report, sketch, leaves });
        }
    }
}
