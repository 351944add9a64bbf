//! The probe finds nothing in a sound provider, and names each defect of a faulty one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "tests")]

mod provider;

use std::path::Path;
use std::time::Duration;

use provider::{Defect, Keys, Server};
use quittance_harness::certify::report::{Line, Verdict};
use quittance_harness::live::Setting;
use quittance_harness::live::remote::Targets;
use quittance_harness::probe::{Hooks, Options, Probe};
use quittance_harness::world::World;

fn world() -> World {
    World::find(Some(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")))).unwrap()
}

fn options(url: String) -> Options {
    let setting = Setting {
        targets: Targets::parse(std::slice::from_ref(&url)).unwrap(),
        credentials: None,
        seed: Some(7),
        authorities: None,
        patience: Duration::from_millis(500),
        timeout: Duration::from_secs(10),
    };
    Options { setting, scenario: None, check: None, repeat: format!("--base-url {url} --contract reference") }
}

fn probed(defect: Option<Defect>) -> Vec<Line> {
    let world = world();
    let entry = world.entries(&["reference".to_owned()]).unwrap()[0];
    let (suite, subject) = (world.suite().unwrap(), world.subject(entry).unwrap());
    let hooks = Hooks::listen("127.0.0.1:0", None, "").unwrap();
    let server = Server::start(defect, Keys::dummies(), Some(format!("http://{}/hooks", hooks.address())));
    let probe = Probe::open(&suite, &subject, options(server.url()), Some(hooks)).unwrap();
    probe.run(|_| {})
}

fn failed(lines: &[Line]) -> Vec<&Line> {
    lines.iter().filter(|line| line.verdict == Verdict::Fail).collect()
}

#[test]
fn a_sound_provider_passes_whole() {
    let lines = probed(None);
    let told = |line: &&Line| format!("{}: {:#?} {:#?}", line.case, line.findings, line.exchanges.last());
    assert_eq!(failed(&lines).iter().map(told).collect::<Vec<_>>(), Vec::<String>::new());
    let count = |verdict| lines.iter().filter(|line| line.verdict == verdict).count();
    assert_eq!((count(Verdict::NotRun), count(Verdict::HarnessError)), (0, 0));
    let left: Vec<String> = lines
        .iter()
        .filter(|line| line.verdict == Verdict::NotApplicable)
        .map(|line| format!("{}: {}", line.case, line.because.as_deref().unwrap_or_default()))
        .collect();
    println!("passed {}, left out {}:\n{}", count(Verdict::Pass), left.len(), left.join("\n"));
    assert!(count(Verdict::Pass) >= 45, "{}", count(Verdict::Pass));
    let check = |name: &str| lines.iter().find(|line| line.case == format!("check:{name}")).unwrap();
    for name in quittance_harness::probe::CHECKS {
        assert_eq!(check(name).verdict, Verdict::Pass, "{name}: {:?}", check(name).because);
        assert!(check(name).trials >= 2, "{name}: {}", check(name).trials);
    }
}

/// Each defect, a line that must fail for it, and words of its finding.
#[rustfmt::skip]
const DEFECTS: [(Defect, &str, &str); 29] = [
    (Defect::RefundOverCaptured, "refund.too_much", "expect.refused"),
    (Defect::CaptureBookedTwice, "check:repeats", "captured"),
    (Defect::CaptureOverReserved, "capture.too_much", "expect.refused"),
    (Defect::CaptureAfterVoid, "capture.too_late", "expect.refused"),
    (Defect::VoidAfterCapture, "void.too_late", "expect.refused"),
    (Defect::RefundAfterVoid, "check:transitions", "a refund after the void"),
    (Defect::KeyIgnored, "idempotency.authorize", "expect.same_as"),
    (Defect::RaceUnderOneKey, "check:concurrency", "one purchase sent twice at the same time"),
    (Defect::WrongCurrency, "authorize.captured", "result"),
    (Defect::AmountOffByOne, "authorize.captured", "result"),
    (Defect::OtherIdOnRetrieve, "retrieve.captured", "result"),
    (Defect::DeclineAsSuccess, "decline.insufficient_funds", "expect.state"),
    (Defect::UnknownStatus, "authorize.captured", "expect.state"),
    (Defect::ErrorUnder200, "refund.too_much", "status"),
    (Defect::NoContentType, "authorize.captured", "content-type"),
    (Defect::FieldMissing, "authorize.captured", "/reference"),
    (Defect::AmountAsNumber, "authorize.captured", "/amount"),
    (Defect::CredentialsUnchecked, "authorize.bad_credentials", "expect.error"),
    (Defect::SignatureUnchecked, "check:credentials", "another signing_key"),
    (Defect::UnknownIdFound, "retrieve.not_found", "expect.error"),
    (Defect::CrossTalk, "check:concurrency", "the first of two payments in turns"),
    (Defect::GarbageIs500, "check:hostile", "a body that is garbage"),
    (Defect::RefusalMovesMoney, "check:transitions", "a capture of more than is reserved"),
    (Defect::WebhookUnsigned, "check:deliveries", "a delivery"),
    (Defect::WebhookSignedOverBodyAlone, "check:deliveries", "a delivery"),
    (Defect::WebhookNeverSent, "check:deliveries", "the delivery of a purchase"),
    (Defect::WebhookOfAnotherPayment, "check:deliveries", "the delivery of a purchase"),
    (Defect::WebhookOtherAmount, "check:deliveries", "the delivery of a purchase"),
    (Defect::WebhookChangesWhenRepeated, "check:deliveries", "delivered again"),
];

#[test]
fn every_defect_is_caught_and_named() {
    let mut table = Vec::new();
    let mut missed = Vec::new();
    for (defect, case, words) in DEFECTS {
        let lines = probed(Some(defect));
        let failed = failed(&lines);
        let names =
            |line: &&&Line| line.case == case && line.findings.iter().any(|found| found.to_string().contains(words));
        let told = match failed.iter().find(names) {
            Some(line) => {
                assert!(
                    line.repeat
                        .as_deref()
                        .is_some_and(|repeat| repeat.starts_with("quittance probe --base-url http://127.0.0.1:"))
                );
                let named = line.findings.iter().find(|found| found.to_string().contains(words)).unwrap();
                named.to_string()
            }
            None => {
                let found: Vec<String> = failed
                    .iter()
                    .map(|line| format!("{} {:?}", line.case, line.findings.first().map(ToString::to_string)))
                    .collect();
                missed.push(format!("{defect:?}: expected {case} with `{words}`, found {found:#?}"));
                "MISSED".to_owned()
            }
        };
        table.push(format!(
            "{:28} {:>3}  {case:28} {}",
            format!("{defect:?}"),
            failed.len(),
            told.chars().take(130).collect::<String>()
        ));
    }
    println!("{:28} {:>3}  {:28} what is told", "defect", "red", "named by");
    println!("{}", table.join("\n"));
    assert_eq!(missed, Vec::<String>::new());
}

#[test]
fn nobody_there_and_nothing_secret() {
    let world = world();
    let entry = world.entries(&["reference".to_owned()]).unwrap()[0];
    let (suite, subject) = (world.suite().unwrap(), world.subject(entry).unwrap());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Probe::open(&suite, &subject, options(format!("http://{closed}")), None).unwrap_err().to_string();
    assert!(nobody.contains("cannot be reached") && nobody.contains("--base-url"), "{nobody}");
    // The exchanges of failed lines are shown; what is secret in them is not.
    let lines = probed(Some(Defect::UnknownStatus));
    let text = serde_json::to_string(&lines).unwrap();
    for secret in ["client-secret-quittance", "signing-key-quittance", "4895370000000007", "tok_"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(text.contains("/payments"));
}
