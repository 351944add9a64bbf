//! A step of a played case, asked again: with another input, other answers, or another delivery.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request as HttpRequest, Response, StatusCode};
use quittance::{Connector, Context, Error, Failure, Op, drive};

use super::ground::Ground;
use crate::invoke::Request;
use crate::run::case::{Asked, Case, Played};
use crate::run::delivery::delivery_of;
use crate::run::stage::{SeededRandom, Tokens, VirtualClock};
use crate::tape::{Delivery, Record};
use crate::view::Outcome;

/// Gives another body for the answer of a record, by its place in [`Scene::records`].
pub(super) type Altered<'f> = dyn Fn(usize, &Bytes) -> Option<Bytes> + 'f;

/// A step with everything that was exchanged up to its end.
pub(super) struct Scene<'a> {
    /// The case.
    pub(super) case: &'a Case,
    /// How the case was played.
    pub(super) played: &'a Played,
    /// The step, from 1.
    pub(super) step: u32,
    /// What the step asked; none where it only settled.
    pub(super) asked: Option<&'a Asked>,
    /// The exchanges up to the end of the step, as they were.
    pub(super) records: Vec<Record>,
    /// The clock at the end of the case, in seconds since 1970.
    pub(super) now_unix: i64,
    connector: &'a dyn Connector,
    seed: u64,
}

/// What a call asked again came to.
pub(super) struct Answered {
    pub(super) result: Result<Outcome, Error>,
    /// The requests in order, each with the record whose answer it got.
    pub(super) sent: Vec<(Option<usize>, HttpRequest<Bytes>)>,
}

impl<'a> Scene<'a> {
    /// The step of a sound case. Exchanges that settle it are left out, so that the operation is asked alone.
    pub(super) fn of(ground: &Ground<'a>, case: &'a Case, played: &'a Played, step: u32) -> Scene<'a> {
        Scene::with(ground, case, played, step, |settles, at| at < step || !settles)
    }

    /// What was asked when the customer came back and so settled the step.
    fn of_return(ground: &Ground<'a>, case: &'a Case, played: &'a Played, step: u32, asked: &'a Asked) -> Scene<'a> {
        Scene { asked: Some(asked), ..Scene::of_delivery(ground, case, played, step) }
    }

    /// The step of a sound case in which a delivery came, with what it read back.
    pub(super) fn of_delivery(ground: &Ground<'a>, case: &'a Case, played: &'a Played, step: u32) -> Scene<'a> {
        Scene::with(ground, case, played, step, |_, _| true)
    }

    fn with(
        ground: &Ground<'a>,
        case: &'a Case,
        played: &'a Played,
        step: u32,
        keep: impl Fn(bool, u32) -> bool,
    ) -> Scene<'a> {
        let settles = |record: &Record| {
            record.exchange.and_then(|at| case.tape.exchanges.get(at)).is_some_and(|exchange| exchange.settle)
        };
        let mut records = played.records();
        records.retain(|record| record.answer.is_some() && record.step <= step && keep(settles(record), record.step));
        let now_unix = played.player(|player| player.run_values().now_unix_seconds);
        let connector = ground.subject.connector.as_ref();
        Scene {
            case,
            played,
            step,
            asked: played.asked.get(&step).map(|asked| &**asked),
            records,
            now_unix,
            connector,
            seed: ground.seed,
        }
    }

    /// The token cache of a process that begins with the step.
    pub(super) fn tokens(&self) -> Tokens {
        self.played.kept_before(self.step)
    }

    /// Calls the operation; requests get the answers of the records, altered as asked.
    pub(super) fn ask(&self, request: &Request, altered: &Altered<'_>) -> Answered {
        self.ask_at(self.now_unix, &self.tokens(), request, altered)
    }

    /// As [`Scene::ask`], at another time and with tokens of earlier calls.
    pub(super) fn ask_at(&self, now_unix: i64, tokens: &Tokens, request: &Request, altered: &Altered<'_>) -> Answered {
        self.drive(self.connector, (now_unix, tokens), request, altered, |request, used| self.find(request, used))
    }

    /// Asks another connector, with a token cache of its own; its requests get the answers of these records one after the other, whatever
    /// they ask.
    pub(super) fn ask_blindly(
        &self,
        connector: &dyn Connector,
        request: &Request,
        answers: &[Option<usize>],
    ) -> Answered {
        let mut answers = answers.iter().copied();
        let tokens = Tokens::default();
        self.drive(connector, (self.now_unix, &tokens), request, &as_it_was, |_, _| answers.next().flatten())
    }

    fn drive(
        &self,
        connector: &dyn Connector,
        (now_unix, tokens): (i64, &Tokens),
        request: &Request,
        altered: &Altered<'_>,
        mut find: impl FnMut(&HttpRequest<Bytes>, &BTreeMap<usize, usize>) -> Option<usize>,
    ) -> Answered {
        let (slot, clock, random) = (drive::Wire::default(), VirtualClock::at(now_unix), SeededRandom::new(self.seed));
        let cx = Context::new(&slot, &clock, &random, tokens);
        let mut sent = Vec::new();
        let mut used = BTreeMap::new();
        let result = drive::drive(&slot, request.call(connector, &cx), |request| {
            let found = find(&request, &used);
            sent.push((found, request));
            let Some(index) = found else { return Ok(not_found()) };
            *used.entry(index).or_insert(0) += 1;
            let record = self.records.get(index).ok_or(Failure::Reset)?;
            let answer = record.answer.clone().ok_or(Failure::Reset)?;
            Ok(match altered(index, answer.body()) {
                Some(body) => self.played.player(|player| player.resigned(record, answer.map(|_| body))),
                None => answer,
            })
        });
        Answered { result, sent }
    }

    /// Hands a delivery over.
    pub(super) fn deliver(&self, delivery: Delivery, altered: &Altered<'_>) -> Answered {
        self.deliver_at(self.now_unix, &self.tokens(), delivery, altered)
    }

    /// As [`Scene::deliver`], at another time and with tokens of earlier calls.
    pub(super) fn deliver_at(
        &self,
        now_unix: i64,
        tokens: &Tokens,
        delivery: Delivery,
        altered: &Altered<'_>,
    ) -> Answered {
        match delivery_of(delivery) {
            Ok(delivery) => self.ask_at(now_unix, tokens, &Request::Webhook(delivery), altered),
            Err(why) => Answered { result: Err(Error::signature(why)), sent: Vec::new() },
        }
    }

    /// The record whose answer a request gets: one of the same method and path, of this step before earlier ones, one that was not
    /// given before ones that were. Where the path changed with the input, the next of the step.
    fn find(&self, request: &HttpRequest<Bytes>, used: &BTreeMap<usize, usize>) -> Option<usize> {
        let alike = |record: &Record| {
            record.request.method() == request.method() && record.request.uri().path() == request.uri().path()
        };
        let times = |index: usize| used.get(&index).copied().unwrap_or(0);
        let all = self.records.iter().enumerate();
        let same = all.clone().filter(|(_, record)| alike(record)).map(|(index, record)| (index, record.step));
        let best = same.min_by_key(|(index, step)| (times(*index), self.step - step, *index));
        let next = || {
            let mut unused = all.filter(|(index, record)| record.step == self.step && times(*index) == 0);
            let host = request.uri().authority();
            unused.find(|(_, record)| {
                record.request.method() == request.method() && record.request.uri().authority() == host
            })
        };
        best.map(|(index, _)| index).or_else(|| next().map(|(index, _)| index))
    }
}

/// No alteration.
pub(super) fn as_it_was(_: usize, _: &Bytes) -> Option<Bytes> {
    None
}

fn not_found() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// The steps of the sound cases that called an operation, each with its scene; and the returns by which mandates were agreed to, which are
/// no steps of any scenario, as those of payments are.
pub(super) fn scenes<'a>(ground: &Ground<'a>) -> Vec<Arc<Scene<'a>>> {
    let steps = ground.played.iter().filter(|(case, played)| case.strike.is_none() && played.findings.is_empty());
    let scenes = steps.flat_map(|(case, played)| {
        let called = played.asked.iter().filter(|(_, asked)| asked.op != Op::Webhook);
        let called = called.map(|(step, _)| Scene::of(ground, case, played, *step));
        let agreed = |step: &u32| played.asked.get(step).is_some_and(|asked| asked.op == Op::SetUp);
        let returned = played.completed.iter().filter(|(step, _)| agreed(step));
        let returned = returned.map(|(step, asked)| Scene::of_return(ground, case, played, *step, asked));
        called.chain(returned).map(Arc::new).collect::<Vec<_>>()
    });
    scenes.collect()
}
