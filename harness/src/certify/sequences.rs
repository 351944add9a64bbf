//! Model-based sequences: several payments on one connector, one token cache and one clock, at random interleaved, cut off, repeated.
//!
//! The model is the payment alone: whatever happens to the others, each step must come to what it comes to in its own case, and the
//! provider's books must agree. A failing sequence is shrunk to the few moves that it takes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use quittance::{Error, Kind, digest};
use serde_json::Value;

use super::ground::{Ground, Tried, finding};
use super::{ledger, play};
use crate::run::case::{Bench, Case, Played};
use crate::run::course::{Course, Point};
use crate::run::stage::Around;
use crate::scenario::{StepOp, Tamper};
use crate::view::{self, Outcome};

/// How many sequences a connector is put through.
const SEQUENCES: u32 = 48;
/// The most moves of a sequence, before every payment is played to its end.
const MOVES: usize = 14;
/// The most payments beside each other.
const PAYMENTS: usize = 3;

/// Random sequences over all sound cases.
pub(super) fn sequences(ground: &Ground<'_>) -> Tried {
    let pool: Vec<Candidate<'_>> = ground
        .sound()
        .filter(|(case, alone)| !moves_clock(case) && !is_unauthorized(alone) && !opens_token(case))
        .map(|(case, alone)| Candidate::new(ground, case, alone))
        .collect();
    if pool.is_empty() {
        return Tried::default();
    }
    let run = Run { ground, pool, alone: RefCell::default(), steps: Cell::new(0) };
    let config = Config { cases: SEQUENCES, failure_persistence: None, max_shrink_iters: 512, ..Config::default() };
    let seed = digest::sha256(format!("sequences {}", ground.seed).as_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let cases = proptest::collection::vec(any::<Index>(), 1..=PAYMENTS);
    let moves = proptest::collection::vec((0..PAYMENTS, a_move()), 1..=MOVES);
    let ended = runner.run(&(cases, moves), |(cases, moves)| run.sequence(&cases, &moves).map_err(TestCaseError::fail));
    let findings = match ended {
        Ok(()) => Vec::new(),
        Err(TestError::Fail(why, (cases, moves))) => {
            vec![finding(run.told(&cases, &moves), "each payment as in its own case", why.message().to_owned())]
        }
        Err(TestError::Abort(why)) => vec![finding("sequences", "a run to the end", why.message().to_owned())],
    };
    let sequences = usize::try_from(SEQUENCES).unwrap_or_default();
    let figures = [("sequences".to_owned(), sequences), ("steps".to_owned(), run.steps.get())];
    Tried { trials: sequences, findings, figures: figures.into_iter().collect(), ..Tried::default() }
}

/// One thing that happens to one payment.
#[derive(Debug, Clone, Copy)]
enum Move {
    /// Its next step, or the call again that was cut off.
    Step,
    /// Its next step, cut off.
    Cut(usize, Point),
    /// Its last call once more, or the same delivery.
    Repeat,
    /// Time passes.
    Wait(i64),
}

fn a_move() -> impl Strategy<Value = Move> {
    let point = prop::sample::select(vec![
        Point::BeforeSend,
        Point::AfterSend,
        Point::AfterBody,
        Point::Reset,
        Point::MidBody,
        Point::Outage,
    ]);
    prop_oneof![
        5 => Just(Move::Step),
        2 => (0..3usize, point).prop_map(|(at, point)| Move::Cut(at, point)),
        2 => Just(Move::Repeat),
        1 => (1..=5i64).prop_map(Move::Wait),
    ]
}

/// A case that moves the clock for itself would move it for the others.
fn moves_clock(case: &Case) -> bool {
    case.steps.iter().any(|(step, _)| step.op == StepOp::Advance || step.tamper == Some(Tamper::Stale))
}

/// A wallet's token is opened once: repeated, or beside itself, it is refused as it should be.
fn opens_token(case: &Case) -> bool {
    case.steps.iter().any(|(step, _)| step.op == StepOp::UnwrapToken && step.tamper.is_none())
}

/// What refuses the credentials of one payment accepts those of the others, from which a token is in the cache.
fn is_unauthorized(alone: &Played) -> bool {
    let refused =
        |result: &Result<Outcome, Error>| result.as_ref().is_err_and(|error| error.kind() == Kind::Credentials);
    alone.ended.iter().any(|ended| refused(&ended.result))
}

struct Candidate<'g> {
    case: &'g Case,
    acts: Arc<[bool]>,
    /// By step: whether its call can be made again after it may have acted.
    repeats: Vec<bool>,
}

impl<'g> Candidate<'g> {
    fn new(ground: &Ground<'_>, case: &'g Case, alone: &Played) -> Candidate<'g> {
        let spec = ground.spec();
        let acts = ledger::acts(spec, case, alone);
        let records = alone.records();
        let repeats = (1..).zip(&case.steps).map(|(number, (step, _))| {
            let mut acting = records.iter().filter(|record| {
                record.step == number && record.exchange.is_some_and(|index| acts.get(index) == Some(&true))
            });
            let asked = alone.asked.get(&number).filter(|asked| step.op.operation() == Some(asked.op));
            asked.is_some_and(|asked| acting.all(|record| ledger::replays(spec, asked, &record.request)))
        });
        Candidate { case, repeats: repeats.collect(), acts: Arc::clone(&acts) }
    }
}

/// A payment among the others.
struct Payment<'r> {
    course: Course<'r>,
    candidate: &'r Candidate<'r>,
    alone: Rc<Played>,
    /// A call was cut off that cannot be made again: nothing more is asked of it.
    abandoned: bool,
}

struct Run<'g> {
    ground: &'g Ground<'g>,
    pool: Vec<Candidate<'g>>,
    alone: RefCell<HashMap<(usize, u64), Rc<Played>>>,
    steps: Cell<usize>,
}

impl Run<'_> {
    fn chosen<'i>(&self, cases: &'i [Index]) -> impl Iterator<Item = usize> + 'i {
        let count = self.pool.len();
        cases.iter().map(move |index| index.index(count))
    }

    /// A sequence for people, with the seed that brings it back.
    fn told(&self, cases: &[Index], moves: &[(usize, Move)]) -> String {
        let names: Vec<&str> =
            self.chosen(cases).filter_map(|index| self.pool.get(index)).map(|one| one.case.id.as_str()).collect();
        let moves: Vec<String> = moves
            .iter()
            .map(|(payment, a_move)| match (names.get(payment % names.len().max(1)), a_move) {
                (_, Move::Wait(seconds)) => format!("{seconds} s pass"),
                (name, Move::Step) => format!("{} goes on", name.unwrap_or(&"")),
                (name, Move::Repeat) => format!("{} repeats its call", name.unwrap_or(&"")),
                (name, Move::Cut(at, point)) => {
                    format!("{} is {} at exchange {}", name.unwrap_or(&""), point.as_str(), at + 1)
                }
            })
            .collect();
        format!(
            "{} beside each other (--seed {}): {}; then each to its end",
            names.join(" and "),
            self.ground.seed,
            moves.join(", ")
        )
    }

    fn sequence(&self, cases: &[Index], moves: &[(usize, Move)]) -> Result<(), String> {
        let around = Around::new(self.ground.seed);
        let mut payments: Vec<Payment<'_>> = Vec::new();
        for (slot, index) in (0..).zip(self.chosen(cases)) {
            payments.extend(self.payment(index, slot, &around));
        }
        for (payment, a_move) in moves {
            let payment = payment % payments.len().max(1);
            if let Some(payment) = payments.get_mut(payment).filter(|payment| !payment.abandoned) {
                self.moved(payment, *a_move, &around)?;
            }
        }
        for payment in &mut payments {
            while !payment.abandoned && (payment.course.is_open() || !payment.course.is_over()) {
                self.moved(payment, Move::Step, &around)?;
            }
        }
        payments.into_iter().try_for_each(|payment| self.closed(payment))
    }

    fn payment<'r>(&'r self, index: usize, slot: u64, around: &'r Around) -> Option<Payment<'r>> {
        let candidate = self.pool.get(index)?;
        let subject = self.ground.subject;
        let seed = self.ground.seed.wrapping_add(slot);
        let alone = Rc::clone(
            self.alone
                .borrow_mut()
                .entry((index, slot))
                .or_insert_with(|| Rc::new(play(subject, candidate.case, None, seed))),
        );
        let bench = Bench::of(subject, seed);
        let course = Course::new(bench, candidate.case, around, Arc::clone(&candidate.acts));
        course.share_tokens(self.ground.seed);
        Some(Payment { course, candidate, alone, abandoned: false })
    }

    /// Makes a move and compares what it came to with the payment alone.
    fn moved(&self, payment: &mut Payment<'_>, a_move: Move, around: &Around) -> Result<(), String> {
        self.steps.set(self.steps.get() + 1);
        let before = (around.tokens.given(), payment.course.left_out());
        let id = &payment.candidate.case.id;
        match a_move {
            Move::Wait(seconds) => around.clock.advance(seconds),
            Move::Repeat => self.repeated(payment)?,
            Move::Step | Move::Cut(..) if payment.course.is_open() => {
                payment.course.call_again();
            }
            Move::Step => {
                payment.course.step();
            }
            Move::Cut(at, point) => self.cut(payment, at, point)?,
        }
        let spared = payment.course.left_out() - before.1;
        let given = around.tokens.given() - before.0;
        if spared > given {
            return Err(format!("{id}: {spared} exchanges are left out, and the token cache gave {given}"));
        }
        self.as_alone(payment)
    }

    fn cut(&self, payment: &mut Payment<'_>, at: usize, point: Point) -> Result<(), String> {
        let Some(cut) = payment.course.cut(at, point) else { return Ok(()) };
        let acted = payment.course.has_acted();
        let id = &payment.candidate.case.id;
        if acted && cut.further > 0 {
            return Err(format!("{id}: {} further requests after one that may have acted", cut.further));
        }
        let repeats = payment.candidate.repeats.get(payment.course.begun().saturating_sub(1)) == Some(&true);
        let answered = matches!(cut.told, Some(Ok(_)));
        payment.abandoned = answered || acted && !repeats;
        Ok(())
    }

    /// The last call again: the provider answers as before, and so must the connector.
    fn repeated(&self, payment: &mut Payment<'_>) -> Result<(), String> {
        let done = payment.course.ended().len();
        let Some(index) = done.checked_sub(1).filter(|_| !payment.course.is_open()) else { return Ok(()) };
        let alone = payment.alone.ended.get(index);
        if payment.candidate.repeats.get(index) != Some(&true) {
            return Ok(());
        }
        let (Some(alone), Some(again)) = (alone, payment.course.repeat()) else { return Ok(()) };
        let first = alone.first.clone().map_or_else(|| alone.result.clone(), Ok);
        let misfit = payment.course.misfit();
        same(&format!("{}: step {} again", payment.candidate.case.id, index + 1), &first, &again, misfit)
    }

    /// Compares the newest ending with that of the payment alone.
    fn as_alone(&self, payment: &Payment<'_>) -> Result<(), String> {
        let course = &payment.course;
        let id = &payment.candidate.case.id;
        if let Some(found) = course.findings().first() {
            return Err(format!("{id}: {found}"));
        }
        let Some(index) = course.ended().len().checked_sub(1) else { return Ok(()) };
        match (payment.alone.ended.get(index), course.ended().get(index)) {
            (Some(alone), Some(now)) => same(&format!("{id}: step {}", index + 1), &alone.result, &now.result, None),
            _ => Ok(()),
        }
    }

    /// The provider's books at the end.
    fn closed(&self, payment: Payment<'_>) -> Result<(), String> {
        let Payment { course, candidate, alone, abandoned } = payment;
        let played = course.finish(!abandoned);
        if let Some(found) = played.findings.first().filter(|_| !abandoned) {
            return Err(format!("{}: {found}", candidate.case.id));
        }
        let breaches = ledger::audit(self.ground.spec(), candidate.case, &candidate.acts, &alone, &played);
        breaches.into_iter().next().map_or(Ok(()), |breach| Err(format!("{}: {breach}", candidate.case.id)))
    }
}

/// Whether two results of one step agree in all but times.
fn same(
    what: &str,
    alone: &Result<Outcome, Error>,
    now: &Result<Outcome, Error>,
    misfit: Option<String>,
) -> Result<(), String> {
    let (alone, now) = (timeless(view::result_json(alone)), timeless(view::result_json(now)));
    match (misfit, alone == now) {
        (Some(misfit), _) => Err(format!("{what}: {misfit}")),
        (None, true) => Ok(()),
        (None, false) => Err(format!("{what}: {now} instead of {alone}")),
    }
}

/// A result without what depends on the time of the call; of a signed token, what it claims.
fn timeless(mut json: Value) -> Value {
    if let Some(claims) = json.as_str().and_then(view::claims) {
        return claims;
    }
    match &mut json {
        Value::Object(members) => {
            ["at", "expires", "respond_by"].iter().for_each(|name| {
                members.remove(*name);
            });
            members.values_mut().for_each(|value| *value = timeless(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = timeless(item.take())),
        _ => {}
    }
    json
}
