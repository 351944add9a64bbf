//! The probe finds nothing in any provider of the catalogue as `serve` makes it.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

#[allow(dead_code, reason = "clients of other tests")]
mod served;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use quittance::Entry;
use quittance_harness::certify::report::{Line, Verdict};
use quittance_harness::live::Setting;
use quittance_harness::live::remote::Targets;
use quittance_harness::probe::{Hooks, Options, Probe};
use quittance_harness::serve::{Plan, WebhookPlan};
use quittance_harness::world::World;
use served::{plan, serve, world};

/// Providers that are probed at a time: most of the time is spent waiting for customers.
const WORKERS: usize = 7;

/// What a sandbox made of tapes cannot do (`specs/serve.md`): the line of a provider that tells it.
#[rustfmt::skip]
const BEYOND: [(&str, &str); 2] = [
    // A refund waits in its first answer and is settled to who looks: so a duplicate, which is looked up, tells another state.
    ("authorize-net", "idempotency.refund"),
    // A payout is `executing` in the answer to its approval and `executed` to who looks, at once: so does the repetition of its key.
    ("gocardless", "idempotency.pay_out"),
];

#[test]
fn the_probe_finds_nothing_in_what_is_served() {
    let world = world();
    let entries = world.entries(&[]).unwrap();
    let (next, told) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
            let begun = Instant::now();
            let lines = probed(&world, entry);
            let count = |verdict| lines.iter().filter(|line| line.verdict == verdict).count();
            let (passed, seconds) = (count(Verdict::Pass), begun.elapsed().as_secs());
            println!("{:18} {passed:3} passed in {seconds} s", entry.spec.id);
            let wanted = |line: &&Line| !BEYOND.contains(&(entry.spec.id, line.case.as_str()));
            let mut amiss: Vec<String> = lines.iter().filter(wanted).filter_map(fault).collect();
            if passed == 0 {
                amiss.push("nothing passed".to_owned());
            }
            told.lock().unwrap().extend(amiss.into_iter().map(|why| format!("{}: {why}", entry.spec.id)));
        }
    };
    std::thread::scope(|scope| (0..WORKERS).for_each(|_| drop(scope.spawn(work))));
    let told = told.into_inner().unwrap();
    assert!(told.is_empty(), "{} faults:\n{}", told.len(), told.join("\n"));
}

fn probed(world: &World, entry: &'static Entry) -> Vec<Line> {
    let (suite, subject) = (world.suite().unwrap(), world.subject(entry).unwrap());
    let acknowledgement = entry.spec.webhook.map_or("", |rules| rules.acknowledgement);
    let hooks = Hooks::listen("127.0.0.1:0", None, acknowledgement).unwrap();
    let webhooks = WebhookPlan { url: hooks.url().parse().unwrap(), tries: 3, back_off: Duration::from_millis(50) };
    let served = serve(Plan { webhooks: Some(webhooks), ..plan(&[entry.spec.id]) });
    let setting = Setting {
        targets: Targets::parse(std::slice::from_ref(&served.started.url)).unwrap(),
        credentials: None,
        authorities: None,
        seed: Some(7),
        patience: Duration::from_secs(4),
        timeout: Duration::from_secs(20),
    };
    let options = Options { setting, scenario: None, check: None, repeat: String::new() };
    Probe::open(&suite, &subject, options, Some(hooks)).unwrap().run(|_| {})
}

/// What a line says that did not pass, where it should have.
fn fault(line: &Line) -> Option<String> {
    let first = line.findings.first().map(|found| format!("{found}; {} findings", line.findings.len()));
    let why = first.or_else(|| line.because.clone()).unwrap_or_default();
    let is_fault = matches!(line.verdict, Verdict::Fail | Verdict::HarnessError);
    is_fault.then(|| format!("{}: {why}", line.case))
}
