//! The level follows from every part of a run: whatever is missing or fails denies it.

use std::collections::BTreeMap;

use quittance::{Entry, Provider, Spec};

use super::*;
use crate::certify::report::FORMAT;
use crate::reference::{Credentials, ENTRY, Reference, Sound, Variant};
use crate::run::input::toml_json;
use crate::world::World;

fn header() -> Header {
    Header {
        format: FORMAT,
        harness: "0".to_owned(),
        suite: "1.0.0".to_owned(),
        suite_digest: String::new(),
        scenarios: 2,
        seed: 1,
        tiers: vec!["memory".to_owned(), "wire".to_owned()],
        connectors: vec!["acme".to_owned()],
        narrowed: None,
        probed: None,
    }
}

fn line(case: &str, tier: &str) -> Line {
    Line { trials: 1, ..Line::new("acme", case, tier, Vec::new()) }
}

/// A run in which everything holds: two scenarios, one for two brands, and every check but the optional one.
fn sound() -> Vec<Line> {
    let cases = ["capture.full", "settled@eps", "settled@ideal"];
    let mut lines: Vec<Line> =
        ["memory", "wire"].iter().flat_map(|tier| cases.iter().map(|case| line(case, tier))).collect();
    let names = BELONGS.iter().map(|(name, _)| *name);
    lines.extend(names.filter(|name| *name != OPTIONAL).map(|name| line(&format!("check:{name}"), "memory")));
    let grades = [("correct", 5), ("safe", 3), ("unsafe", 0)].map(|(name, count)| (name.to_owned(), count));
    for line in lines.iter_mut().filter(|line| line.case == "check:mutation") {
        line.figures = BTreeMap::from(grades.clone());
    }
    lines
}

fn facts() -> Facts {
    let provenance = Histogram { recorded: 0, documented: 7, synthesised: 2 };
    Facts { provenance, unrecorded: 8, ..Facts::default() }
}

fn summary(lines: &[Line]) -> Summary {
    Summary::of(&header(), lines, "acme", facts())
}

#[test]
fn a_run_in_which_everything_holds_is_silver() {
    let found = summary(&sound());
    assert_eq!(
        (found.level, found.title.as_str()),
        (Some(Level::Silver), "silver (documented)"),
        "{:?}",
        found.missing
    );
    assert_eq!(found.next, Some(Level::Gold));
    assert!(found.missing.iter().any(|missing| missing.contains("8 exchanges")), "{:?}", found.missing);
    assert!(found.missing.iter().any(|missing| missing.contains("second party")), "{:?}", found.missing);
}

#[test]
fn beside_silver_stands_what_the_tapes_are_made_of() {
    for (provenance, unrecorded, title) in [
        (Histogram { recorded: 9, documented: 1, synthesised: 0 }, 0, "silver (recorded)"),
        (Histogram { recorded: 9, documented: 1, synthesised: 0 }, 1, "silver (documented)"),
        (Histogram { recorded: 0, documented: 0, synthesised: 4 }, 4, "silver (synthesised)"),
    ] {
        let facts = Facts { provenance, unrecorded, ..Facts::default() };
        assert_eq!(Summary::of(&header(), &sound(), "acme", facts).title, title);
    }
    let facts = Facts { unshown: vec!["no decline".to_owned()], ..facts() };
    assert_eq!(Summary::of(&header(), &sound(), "acme", facts).title, "silver (documented; no decline)");
}

/// Each check that does not pass, or was not run, leaves the level below its own.
#[test]
fn every_check_denies_its_level() {
    for (name, level) in
        BELONGS.iter().filter(|(name, _)| sound().iter().any(|line| line.case == format!("check:{name}")))
    {
        let below = Level::ALL.into_iter().take_while(|below| below < level).last();
        let case = format!("check:{name}");
        let without: Vec<Line> = sound().into_iter().filter(|line| line.case != case).collect();
        assert_eq!(summary(&without).level, below, "without {name}");
        for verdict in [Verdict::Fail, Verdict::NotRun, Verdict::HarnessError] {
            let mut failed = sound();
            failed.iter_mut().filter(|line| line.case == case).for_each(|line| line.verdict = verdict);
            let found = summary(&failed);
            assert!(found.level <= below, "{name}: {verdict}: {:?}", found.level);
            assert!(found.missing.iter().any(|missing| missing.contains(&case)), "{name}: {:?}", found.missing);
        }
    }
}

#[test]
fn every_scenario_on_both_tiers_stands_before_bronze() {
    for verdict in [Verdict::Fail, Verdict::NotRun] {
        for tier in ["memory", "wire"] {
            let mut lines = sound();
            let hit = |line: &&mut Line| line.case == "settled@ideal" && line.tier == tier;
            lines.iter_mut().filter(hit).for_each(|line| line.verdict = verdict);
            assert_eq!(summary(&lines).level, Some(Level::Draft), "{verdict} {tier}");
        }
    }
    let fewer: Vec<Line> = sound()
        .into_iter()
        .filter(|line| (line.case.as_str(), line.tier.as_str()) != ("capture.full", "wire"))
        .collect();
    let found = summary(&fewer);
    assert_eq!(found.level, Some(Level::Draft));
    assert_eq!(found.missing, ["1 of the 2 scenarios of the suite were judged (wire)"]);
    let mut exempt = sound();
    exempt.iter_mut().take(1).for_each(|line| line.verdict = Verdict::Exempt);
    assert_eq!(summary(&exempt).level, Some(Level::Silver), "an exemption that holds lets off");
}

#[test]
fn one_unsafe_answer_denies_silver() {
    let mut spoilt_line = line("check:mutation", "memory");
    assert!(spoilt(&spoilt_line).is_some_and(|told| told.contains("no grades")));
    for (count, denied) in [(0, false), (1, true)] {
        let grades = [("correct", 5), ("safe", 3), ("unsafe", count)];
        spoilt_line.figures = grades.map(|(name, count)| (name.to_owned(), count)).into();
        assert_eq!(spoilt(&spoilt_line).is_some(), denied);
    }
}

#[test]
fn a_check_without_a_level_denies_every_level() {
    let mut lines = sound();
    lines.push(line("check:of_nobody", "memory"));
    let found = summary(&lines);
    assert_eq!((found.level, found.next), (None, Some(Level::Draft)));
    assert_eq!(found.missing, ["check:of_nobody belongs to no level"]);
}

#[test]
fn a_part_of_a_run_gives_no_level() {
    let narrowed = Header { narrowed: Some("capture.*".to_owned()), ..header() };
    let found = Summary::of(&narrowed, &sound(), "acme", facts());
    assert_eq!((found.level, found.title.as_str(), found.next), (None, "none", None));
    assert_eq!(found.missing, ["the run was narrowed to `capture.*`: run it without --scenario"]);
    for tier in ["memory", "wire"] {
        let one = Header { tiers: vec![tier.to_owned()], ..header() };
        let found = Summary::of(&one, &sound(), "acme", facts());
        assert_eq!(found.level, None);
        assert_eq!(found.missing, [format!("only the tier {tier} was run: run it without --tier")]);
    }
}

#[test]
fn a_recording_is_live_for_ninety_days() {
    let today = jiff::civil::date(2026, 11, 22);
    let of = |kind, seen: &str| {
        let seen = Some(seen.to_owned());
        is_live(&Provenance { kind, source: None, seen, environment: Some("sandbox".to_owned()) }, today)
    };
    assert!(of(ProvenanceKind::Recorded, "2026-11-22"));
    assert!(of(ProvenanceKind::Recorded, "2026-08-24"));
    assert!(!of(ProvenanceKind::Recorded, "2026-08-23"));
    assert!(!of(ProvenanceKind::Recorded, "2026-11-23"), "in the future");
    assert!(!of(ProvenanceKind::Documented, "2026-11-22"));
}

#[test]
fn what_the_vendor_does_not_publish_holds_below_silver() {
    let facts = Facts { unconfirmed: vec!["the live host".to_owned()], ..facts() };
    let found = Summary::of(&header(), &sound(), "acme", facts);
    assert_eq!((found.level, found.next), (Some(Level::Bronze), Some(Level::Silver)));
    assert_eq!(found.missing, ["not confirmed by the vendor: the live host"]);
}

/// A host that nobody can own shows that there is no such provider.
#[test]
fn reserved_hosts_are_known() {
    for host in ["api.acme.example", "acme.test:8443", "LOCALHOST", "x.invalid.", "pay.example.com", "example.org"] {
        assert!(is_reserved(host), "{host}");
    }
    for host in ["api.stripe.com", "example.co", "notexample.com", "api.mytest", "test.adyen.com"] {
        assert!(!is_reserved(host), "{host}");
    }
}

/// The reference provider under another name: its hosts are `.example`.
#[derive(Debug)]
struct Elsewhere;

impl Variant for Elsewhere {
    const SPEC: Spec = Spec { id: "elsewhere", ..<Reference<Sound> as Provider>::SPEC };
    type Credentials = Credentials;
}

/// Everything else holds, and still there is no such provider: no level above bronze.
#[test]
fn reserved_hosts_hold_below_silver() {
    let world = World::find(Some(concat!(env!("CARGO_MANIFEST_DIR"), "/..").as_ref())).unwrap();
    let (suite, own) = (world.suite().unwrap(), world.subject(&ENTRY).unwrap());
    let plan = Plan::of(&suite, &own);
    assert_eq!(
        Facts::of(&plan, &own).unconfirmed,
        Vec::<String>::new(),
        "nobody takes the harness's own for a real one"
    );
    let entry: &'static Entry = const { &Entry::of::<Reference<Elsewhere>>() };
    let credentials = toml_json(&toml::Value::Table(own.profile.model.credentials.clone()));
    let other = own.with(entry, entry.connect(credentials).unwrap());
    let found = Summary::of(&header(), &sound(), "acme", Facts { unrecorded: 8, ..Facts::of(&plan, &other) });
    assert_eq!((found.level, found.next), (Some(Level::Bronze), Some(Level::Silver)));
    assert_eq!(found.missing.len(), 2, "one for each host: {:?}", found.missing);
    assert!(found.missing[0].contains("api.reference.example is a name reserved for examples"), "{:?}", found.missing);
}
