//! What the harness costs over the connector itself, for a scenario of three calls: card payment, two partial refunds.
//! To hold: at most 25 µs in memory. The baseline of the same run is the same three calls over reqwest and wiremock on loopback.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]
#![allow(clippy::print_stdout, reason = "figures are what a benchmark is for")]

mod common;

use std::hint::black_box;
use std::time::Duration;

use common::{alone, bench, counted, instructions, is_measured, load, medians, micros, ratio};
use divan::Bencher;
use quittance::MemoryTokens;
use quittance_harness::run::case::play;
use quittance_harness::run::wire::Wire;

const CONNECTOR: &str = "stripe";
const CASE: &str = "refund.multiple";

fn main() {
    if let Some((subject, times)) = counted() {
        return count(&subject, times);
    }
    divan::main();
    if is_measured() {
        figures();
    }
}

/// What [`instructions`] counts: `times` calls of the subject, whatever it takes to make it ready.
fn count(subject: &str, times: u32) {
    let setup = load(CONNECTOR, CASE);
    let tokens = MemoryTokens::default();
    let connector = setup.subject.connector.as_ref();
    for _ in 0..times {
        match subject {
            "memory" => drop(black_box(play(bench(&setup.subject, None), &setup.case))),
            _ => setup.calls.iter().for_each(|call| drop(black_box(alone(connector, call, &tokens)))),
        }
    }
}

fn figures() {
    let setup = load(CONNECTOR, CASE);
    let tokens = MemoryTokens::default();
    let connector = setup.subject.connector.as_ref();
    let [memory, without] =
        medians([&mut || drop(black_box(play(bench(&setup.subject, None), &setup.case))), &mut || {
            setup.calls.iter().for_each(|call| drop(black_box(alone(connector, call, &tokens))));
        }]);
    // Apart, since its threads and system calls leave cold caches behind.
    let wire = Wire::start().unwrap();
    let [loopback] = medians([&mut || drop(black_box(play(bench(&setup.subject, Some(&wire)), &setup.case)))]);
    let overhead: Duration = memory.saturating_sub(without);
    println!(
        "\n{CONNECTOR} {CASE}, three calls: harness {} = in memory {} - connector alone {}; {} of the connector, {} of loopback HTTP ({})",
        micros(overhead),
        micros(memory),
        micros(without),
        ratio(overhead, without),
        ratio(memory, loopback),
        micros(loopback),
    );
    let [memory, without] = ["memory", "alone"].map(instructions);
    if let (Some(memory), Some(without)) = (memory, without) {
        let harness = memory.saturating_sub(without);
        println!("in instructions: harness {harness} = in memory {memory} - connector alone {without}");
    }
}

#[divan::bench]
fn in_memory(bencher: Bencher<'_, '_>) {
    let setup = load(CONNECTOR, CASE);
    bencher.bench_local(|| play(black_box(bench(&setup.subject, None)), black_box(&setup.case)));
}

#[divan::bench]
fn connector_alone(bencher: Bencher<'_, '_>) {
    let setup = load(CONNECTOR, CASE);
    assert_eq!(setup.calls.iter().map(|call| call.sent.len()).sum::<usize>(), 3);
    let tokens = MemoryTokens::default();
    let connector = setup.subject.connector.as_ref();
    bencher.bench_local(|| {
        setup.calls.iter().for_each(|call| drop(black_box(alone(connector, black_box(call), &tokens))));
    });
}

#[divan::bench]
fn baseline_loopback_http(bencher: Bencher<'_, '_>) {
    let setup = load(CONNECTOR, CASE);
    let wire = Wire::start().unwrap();
    bencher.bench_local(|| play(black_box(bench(&setup.subject, Some(&wire))), black_box(&setup.case)));
}
