//! Trials of the contract that no tape can hold: repetitions, transitions that must not be, and payments beside each other.

use http::Method;
use quittance::{Idempotency, Op, Payment};
use serde_json::{Value, json};

use super::trial::{Bout, PART_MINOR, Talked, Tried, WHOLE_MINOR, ends, is_open, told};
use super::{Probe, hooks, hostile};
use crate::certify::report::Line;
use crate::live::course::Taken;
use crate::live::remote::Sent;
use crate::run::judge::{Surroundings, unmet};
use crate::scenario::{Expectation, StepOp};
use crate::view::Outcome;

/// The names of the checks, in the order in which they are made.
pub const NAMES: [&str; 6] = ["repeats", "transitions", "concurrency", "hostile", "credentials", "deliveries"];

/// How many callers pay at the same time.
const CALLERS: usize = 8;

/// How often two callers race under one key: who comes first by much has not raced.
const RACES: usize = 6;

/// All checks, or the one of that name.
pub(super) fn all(probe: &Probe<'_>, only: Option<&str>) -> Vec<Line> {
    let make = |name: &str| match name {
        "repeats" => repeats(probe).line(probe, "repeats", &["IDEMPOTENCY-1", "IDEMPOTENCY-2"]),
        "transitions" => {
            transitions(probe).line(probe, "transitions", &["CAPTURE-4", "CAPTURE-5", "VOID-4", "REFUND-4"])
        }
        "concurrency" => concurrency(probe).line(probe, "concurrency", &["IDEMPOTENCY-2", "INTEGRITY-1"]),
        "hostile" => hostile::requests(probe).line(probe, "hostile", &["ERROR-8"]),
        "credentials" => hostile::credentials(probe).line(probe, "credentials", &["ERROR-5"]),
        _ => hooks::deliveries(probe).line(probe, "deliveries", &["WEBHOOK-1", "WEBHOOK-2"]),
    };
    NAMES.iter().filter(|name| only.is_none_or(|only| only == **name)).map(|name| make(name)).collect()
}

/// One conversation of a check.
pub(super) fn bout<'p>(
    probe: &'p Probe<'_>,
    tried: &mut Tried,
    name: &str,
    talk: impl FnOnce(&mut Bout<'p>) -> Talked,
) {
    let mut bout = Bout::new(probe, name);
    let talked = talk(&mut bout);
    tried.add(bout, talked);
}

fn repeats(probe: &Probe<'_>) -> Tried {
    let spec = probe.live.subject.entry.spec;
    let mut tried = Tried::default();
    let of_payments = spec.idempotency_of(Op::Authorize);
    if !spec.has(Op::Authorize) || of_payments == Idempotency::None {
        return tried;
    }
    bout(probe, &mut tried, "a purchase again under its key", |bout| {
        let first = bout.authorize(WHOLE_MINOR, false)?;
        let again = bout.course.again(first.number, &Expectation::default())?;
        same_object(bout, &first, &again, of_payments.refuses())
    });
    bout(probe, &mut tried, "another amount under a key that was used", |bout| {
        let (first, _) = bout.purchase(WHOLE_MINOR, false)?;
        let mut input = first.asked.input.clone();
        input.as_object_mut().map(|members| members.insert("amount".to_owned(), smaller(&first)));
        let again = bout.course.ask(Op::Authorize, input, &Expectation::default())?;
        // The books would take it for one of two payments.
        bout.course.breaches.clear();
        match (again.outcome().and_then(Outcome::id), first.outcome().and_then(Outcome::id)) {
            (Some(again_id), Some(id)) if again_id != id && !is_over(&again) => {
                Err(bout.fault("no second payment under one key", told(&again)).into())
            }
            _ => Ok(()),
        }
    });
    if spec.has(Op::Capture) && spec.capture.manual && spec.idempotency_of(Op::Capture).replays() {
        bout(probe, &mut tried, "a capture again under its key", |bout| {
            bout.purchase(WHOLE_MINOR, true)?;
            let part = if spec.capture.partial { PART_MINOR } else { WHOLE_MINOR };
            let first = bout.done(StepOp::Capture, Some(part), &["captured", "authorized"])?;
            let again = bout.course.again(first.number, &Expectation::default())?;
            same_object(bout, &first, &again, !is_keyed(&first))?;
            let found = bout.look_up()?;
            amount_is(bout, "captured once", found.and_then(|payment| payment.captured), part)
        });
    }
    if spec.has(Op::Refund) && spec.idempotency_of(Op::Refund).replays() {
        bout(probe, &mut tried, "a refund again under its key", |bout| {
            bout.purchase(WHOLE_MINOR, false)?;
            let part = if spec.refund.partial { PART_MINOR } else { WHOLE_MINOR };
            let first = bout.done(StepOp::Refund, Some(part), &["succeeded", "pending"])?;
            let again = bout.course.again(first.number, &Expectation::default())?;
            same_object(bout, &first, &again, false)?;
            let found = bout.look_up()?;
            amount_is(bout, "given back once", found.and_then(|payment| payment.refunded), part)?;
            if spec.refund.multiple && spec.refund.partial {
                // Were the first booked twice, this would be too much.
                bout.done(StepOp::Refund, Some(WHOLE_MINOR - PART_MINOR), &["succeeded", "pending"])?;
            }
            Ok(())
        });
    }
    tried
}

/// Whether a step came to something that holds no money.
fn is_over(taken: &Taken) -> bool {
    taken.outcome().is_some_and(|outcome| matches!(outcome.state(), "declined" | "failed" | "expired" | "voided"))
}

/// Whether every request by which a step acted carries its key: one that does not may be refused when it comes again.
fn is_keyed(taken: &Taken) -> bool {
    let Some(key) = taken.asked.values.key.as_deref() else { return false };
    let holds = |sent: &Sent| {
        let in_headers = sent.request.headers().values().any(|value| value.as_bytes() == key.as_bytes());
        in_headers || String::from_utf8_lossy(sent.request.body()).contains(key)
    };
    taken.sent.iter().filter(|sent| sent.request.method() != Method::GET).all(holds)
}

/// The amount of a step, less the remainder that the suite's second refund has.
fn smaller(taken: &Taken) -> Value {
    let currency = taken.asked.input.pointer("/amount/currency").cloned().unwrap_or_default();
    json!({ "minor": PART_MINOR, "currency": currency })
}

fn same_object(bout: &Bout<'_>, first: &Taken, again: &Taken, may_refuse: bool) -> Talked {
    let id = |taken: &Taken| taken.outcome().and_then(Outcome::id);
    match (id(first), id(again)) {
        (Some(first), Some(again)) if first == again => Ok(()),
        (_, None) if may_refuse => Ok(()),
        (first, _) => {
            Err(bout.fault(format!("the same answer again ({})", first.unwrap_or_default()), told(again)).into())
        }
    }
}

fn amount_is(bout: &Bout<'_>, what: &str, found: Option<quittance::Money>, minor: i64) -> Talked {
    match found {
        Some(found) if found.minor() != minor => {
            Err(bout.fault(format!("{minor} {what}"), found.minor().to_string()).into())
        }
        _ => Ok(()),
    }
}

/// A name, what is done before, and the operation that must be refused then.
type Transition = (&'static str, bool, &'static [(StepOp, Option<i64>)], (StepOp, Option<i64>));

fn transitions(probe: &Probe<'_>) -> Tried {
    use StepOp::{Capture, Refund, Void};
    const ALL: [Transition; 7] = [
        ("a capture after the void", true, &[(Void, None)], (Capture, Some(WHOLE_MINOR))),
        ("a capture of more than is reserved", true, &[], (Capture, Some(WHOLE_MINOR * 2))),
        ("a capture after the whole capture", true, &[(Capture, Some(WHOLE_MINOR))], (Capture, Some(WHOLE_MINOR))),
        ("a void after the capture", true, &[(Capture, Some(WHOLE_MINOR))], (Void, None)),
        ("a refund after the void", true, &[(Void, None)], (Refund, Some(WHOLE_MINOR))),
        ("a refund of more than was taken", false, &[], (Refund, Some(WHOLE_MINOR * 2))),
        ("a refund of more than is left", false, &[(Refund, Some(4000))], (Refund, Some(4000))),
    ];
    let spec = probe.live.subject.entry.spec;
    let mut tried = Tried::default();
    for (name, manual, before, (op, minor)) in ALL {
        let has = |op: StepOp| op.operation().is_some_and(|op| spec.has(op));
        let parts = name != "a refund of more than is left" || (spec.refund.partial && spec.refund.multiple);
        let void_stands = op == Void && spec.void.captured;
        let declared = spec.has(Op::Authorize) && has(op) && before.iter().all(|(op, _)| has(*op));
        if !declared || !parts || void_stands || (manual && !spec.capture.manual) {
            continue;
        }
        bout(probe, &mut tried, name, |bout| {
            bout.purchase(WHOLE_MINOR, manual)?;
            for (op, minor) in before {
                let states: &[&str] = match op {
                    Void => &["voided"],
                    Refund => &["succeeded", "pending"],
                    _ => &["captured"],
                };
                bout.done(*op, *minor, states)?;
            }
            must_refuse(bout, op, minor)
        });
    }
    tried
}

/// The operation is refused and the payment stands as before.
fn must_refuse(bout: &mut Bout<'_>, op: StepOp, minor: Option<i64>) -> Talked {
    let before = bout.look_up()?;
    let refused = Expectation { refused: true, settles: true, ..Expectation::default() };
    let taken = bout.act(op, minor, &refused)?;
    let unchanged = before.clone().map(Outcome::Payment);
    let around = Surroundings { answers: &[], overridden: None, before: &[], unchanged: unchanged.as_ref() };
    if !is_open(&taken)
        && let Some(unmet) = unmet(&refused, &taken.ended, around).into_iter().next()
    {
        let found = format!("{}; {}", unmet.found, told(&taken));
        return Err(bout
            .fault("a refusal: an error without effect, a decline, or the payment unchanged", found)
            .into());
    }
    let after = bout.look_up()?;
    match (&before, &after) {
        (Some(before), Some(after)) if essence(before) != essence(after) => {
            let found = format!("{:?} before, {:?} after", essence(before), essence(after));
            Err(bout.fault("the payment as it stood before the refusal", found).into())
        }
        _ => Ok(()),
    }
}

fn essence(payment: &Payment) -> (&'static str, [Option<i64>; 3]) {
    let minor = |money: Option<quittance::Money>| money.map(|money| money.minor());
    (payment.state.as_str(), [minor(payment.amount), minor(payment.captured), minor(payment.refunded)])
}

fn concurrency(probe: &Probe<'_>) -> Tried {
    let spec = probe.live.subject.entry.spec;
    let mut tried = Tried::default();
    if !spec.has(Op::Authorize) {
        return tried;
    }
    interleaved(probe, &mut tried);
    together(probe, &mut tried);
    if spec.idempotency_of(Op::Authorize) != Idempotency::None {
        for race in 1..=RACES {
            let name = format!("one purchase sent twice at the same time, race {race}");
            bout(probe, &mut tried, &name, |bout| twice(probe, bout, &name));
        }
    }
    tried
}

/// Two payments in turns: what is done to one shows at that one only.
fn interleaved(probe: &Probe<'_>, tried: &mut Tried) {
    let spec = probe.live.subject.entry.spec;
    let manual = spec.capture.manual && spec.has(Op::Capture) && spec.has(Op::Void);
    let mut one = Bout::new(probe, "the first of two payments in turns");
    let mut two = Bout::new(probe, "the second of two payments in turns");
    let mut talk = || -> Talked {
        let (first, _) = one.purchase(WHOLE_MINOR, manual)?;
        let (second, other) = two.purchase(WHOLE_MINOR + PART_MINOR, manual)?;
        if first.outcome().and_then(Outcome::id) == Some(other.handle.id().to_owned()) {
            return Err(two.fault("a payment of its own", told(&second)).into());
        }
        if manual {
            one.done(StepOp::Capture, Some(WHOLE_MINOR), &["captured"])?;
        }
        is_own(&mut two, &second, if manual { "authorized" } else { "captured" })?;
        if manual {
            two.done(StepOp::Void, None, &["voided"])?;
        } else if spec.has(Op::Refund) {
            two.done(StepOp::Refund, Some(WHOLE_MINOR + PART_MINOR), &["succeeded", "pending"])?;
        }
        is_own(&mut one, &first, "captured")
    };
    let talked = talk();
    tried.add(two, Ok(()));
    tried.add(one, talked);
}

/// A look-up tells the payment that the step made: its amount, its reference, its state.
fn is_own(bout: &mut Bout<'_>, made: &Taken, state: &str) -> Talked {
    let Some(found) = bout.look_up()? else { return Ok(()) };
    let amount = found.amount.map(|amount| amount.minor());
    if amount.is_some() && amount != made.asked_minor() {
        let told = |minor: Option<i64>| minor.map_or_else(String::new, |minor| minor.to_string());
        return Err(bout.fault(format!("its own amount {}", told(made.asked_minor())), told(amount)).into());
    }
    if let (Some(found), Some(asked)) = (&found.reference, made.reference())
        && found != asked
    {
        return Err(bout.fault(format!("its own reference {asked}"), found.clone()).into());
    }
    match found.state.as_str() == state {
        true => Ok(()),
        false => Err(bout.fault(format!("the payment {state}"), found.state.as_str()).into()),
    }
}

/// Several callers pay at once: as many payments, each its own.
fn together(probe: &Probe<'_>, tried: &mut Tried) {
    let talk = |number: usize| {
        let mut bout = Bout::new(probe, &format!("payment {} of {CALLERS} at the same time", number + 1));
        let minor = WHOLE_MINOR + PART_MINOR * i64::try_from(number).unwrap_or(0);
        let mut id = None;
        let mut talked = || -> Talked {
            let (made, payment) = bout.purchase(minor, false)?;
            id = Some(payment.handle.id().to_owned());
            is_own(&mut bout, &made, "captured")
        };
        let talked = talked();
        (bout, talked, id)
    };
    let all: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|number| scope.spawn(move || talk(number))).collect();
        callers.into_iter().filter_map(|caller| caller.join().ok()).collect()
    });
    let mut ids: Vec<String> = Vec::new();
    for (bout, mut talked, id) in all {
        if let Some(id) = id.filter(|_| talked.is_ok()) {
            if ids.contains(&id) {
                talked = Err(bout.fault("a payment of its own", format!("{id}, which another caller has")).into());
            }
            ids.push(id);
        }
        tried.add(bout, talked);
    }
}

/// A caller who sends one purchase twice at once has one payment, whatever the loser of the race is told.
fn twice<'p>(probe: &'p Probe<'_>, bout: &mut Bout<'p>, name: &str) -> Talked {
    // The other caller has the same name, and so the same key and reference.
    let mut other = Bout::new(probe, name);
    let (one, two) = std::thread::scope(|scope| {
        let racing = scope.spawn(|| other.authorize(WHOLE_MINOR, false));
        let one = bout.authorize(WHOLE_MINOR, false);
        (one, racing.join().ok())
    });
    let (one, two) = (one?, two.transpose()?);
    let id = |taken: &Taken| taken.outcome().and_then(Outcome::id);
    match (id(&one), two.as_ref().and_then(id)) {
        (Some(one), Some(two)) if one != two => Err(bout.fault(format!("one payment ({one})"), two).into()),
        (None, None) => Err(bout.fault("one payment", told(&one)).into()),
        _ => {
            let (made, again) = (one.clone(), bout.course.again(one.number, &ends(&["captured"]))?);
            match (id(&made), id(&again)) {
                (Some(made), Some(again)) if made != again => {
                    Err(bout.fault(format!("one payment ({made})"), again).into())
                }
                _ => Ok(()),
            }
        }
    }
}
