//! What the benchmarks of connectors share: a certified connector with one of its cases, its calls with canned answers, and
//! the ratio line.

#![allow(dead_code, reason = "each benchmark uses a part")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request as Sent, Response};
use quittance::{Connector, Context, Failure, MemoryTokens, drive};
use quittance_harness::certify::{Plan, SEED};
use quittance_harness::invoke::Request;
use quittance_harness::run::case::{Asked, Bench, Case, Played, play};
use quittance_harness::run::stage::{SeededRandom, VirtualClock};
use quittance_harness::run::wire::Wire;
use quittance_harness::view::Outcome;
use quittance_harness::world::{Subject, World};

/// Calls in a batch that is timed as a whole.
const BATCH: u32 = 32;
/// Batches of each subject, taken in turn so that a slow spell of the machine meets all of them.
const ROUNDS: usize = 400;
/// Calls over which instructions are counted.
const COUNTED: u64 = 20;

/// A connector with one of its cases and what the case sends and gets.
pub(crate) struct Setup {
    pub(crate) subject: Subject,
    pub(crate) case: Case,
    pub(crate) calls: Vec<Call>,
}

/// One operation with the answers of its exchanges.
pub(crate) struct Call {
    pub(crate) request: Request,
    pub(crate) sent: Vec<Sent<Bytes>>,
    pub(crate) answers: Vec<Response<Bytes>>,
}

/// Plays `case` of the connector once and keeps its calls.
pub(crate) fn load(connector: &str, case: &str) -> Setup {
    let world = World::find(Some(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))).unwrap();
    let suite = world.suite().unwrap();
    let entry = quittance_connectors::find(connector).unwrap();
    let subject = world.subject(entry).unwrap();
    let case = Plan::of(&suite, &subject).cases().find(|planned| planned.id == case).unwrap().clone();
    let played = play(bench(&subject, None), &case);
    assert!(played.findings.is_empty(), "{connector}: {:?}", played.findings);
    let calls = calls(&played);
    Setup { subject, case, calls }
}

fn calls(played: &Played) -> Vec<Call> {
    let records = played.records();
    let of_step = |step: u32| records.iter().filter(move |record| record.step == step);
    let call = |(step, asked): (&u32, &Arc<Asked>)| Call {
        request: Request::from_json(asked.op, asked.input.clone()).unwrap(),
        sent: of_step(*step).map(|record| record.request.clone()).collect(),
        answers: of_step(*step).map(|record| record.answer.clone().unwrap()).collect(),
    };
    played.asked.iter().map(call).collect()
}

/// What a case of the connector is played on.
pub(crate) fn bench<'a>(subject: &'a Subject, wire: Option<&'a Wire>) -> Bench<'a> {
    Bench { wire, ..Bench::of(subject, SEED) }
}

/// Calls the connector without a harness: each answer is given to the request of its path.
pub(crate) fn alone(connector: &dyn Connector, call: &Call, tokens: &MemoryTokens) -> Outcome {
    let (clock, random) = (VirtualClock::new(), SeededRandom::new(SEED));
    let slot = drive::Wire::default();
    let cx = Context::new(&slot, &clock, &random, tokens);
    let answer = |sent: Sent<Bytes>| -> Result<Response<Bytes>, Failure> {
        let index = call.sent.iter().position(|known| known.uri() == sent.uri());
        index.and_then(|index| call.answers.get(index)).cloned().ok_or(Failure::Reset)
    };
    drive::drive(&slot, call.request.call(connector, &cx), answer).unwrap()
}

/// The time of one call of each subject: the median over batches taken in turn.
pub(crate) fn medians<const N: usize>(mut subjects: [&mut dyn FnMut(); N]) -> [Duration; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..ROUNDS {
        for (subject, times) in subjects.iter_mut().zip(&mut times) {
            let start = Instant::now();
            (0..BATCH).for_each(|_| subject());
            times.push(start.elapsed() / BATCH);
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    })
}

/// The instructions of one call of a subject, counted by valgrind in a process of its own, which no slow spell of the machine
/// changes; `None` where valgrind is not installed.
pub(crate) fn instructions(subject: &str) -> Option<u64> {
    let count = |times: u64| {
        let out = Command::new("valgrind")
            .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
            .arg(std::env::current_exe().ok()?)
            .args(["--count", subject, &times.to_string()])
            .output()
            .ok()?;
        let told = String::from_utf8(out.stderr).ok()?;
        let (_, count) = told.split_once("I refs:")?;
        count.lines().next()?.trim().replace(',', "").parse::<u64>().ok()
    };
    Some(count(COUNTED + 1)?.checked_sub(count(1)?)? / COUNTED)
}

/// The subject and the number of calls that [`instructions`] asks this process for.
pub(crate) fn counted() -> Option<(String, u32)> {
    let mut words = std::env::args().skip(1);
    words.next().filter(|word| word == "--count")?;
    Some((words.next()?, words.next()?.parse().ok()?))
}

/// Whether the ratio line is wanted: in a plain `cargo bench`, not in a trial run, and not when one benchmark is picked.
pub(crate) fn is_measured() -> bool {
    std::env::args().skip(1).eq(["--bench"])
}

/// Hundredths without floating point: `1.27`.
pub(crate) fn ratio(one: Duration, base: Duration) -> String {
    let hundredths = one.as_nanos() * 100 / base.as_nanos().max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// A time in microseconds: `12.3 µs`.
pub(crate) fn micros(time: Duration) -> String {
    let tenths = time.as_nanos() / 100;
    format!("{}.{} µs", tenths / 10, tenths % 10)
}
