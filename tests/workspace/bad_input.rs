//! Malformed input is refused with file, line, field and what was expected.

use std::fs;

use libtest_mimic::Failed;
use quittance_harness::certify;
use quittance_harness::certify::report::{Line, Report, Verdict};
use quittance_harness::world::{Unusable, World};

use super::planted::Copy;
use super::{complain, world};

pub(crate) fn tests(add: &mut impl FnMut(&str, fn() -> Result<(), Failed>)) {
    add("bad_input::files_name_line_and_field", files_name_line_and_field);
    add("bad_input::what_the_suite_has_not_is_told_before_a_case_is_played", misfits);
    add("bad_input::a_text_to_replace_that_is_nowhere_is_told", idle_replacement);
    add("bad_input::a_delivery_that_comes_again_is_not_drafted_twice", drafts);
    add("bad_input::a_proof_that_may_be_any_text_stands_against_silver", open_proof);
    add("bad_input::unknown_names_list_near_ones", unknown_names);
    add("bad_input::reports_without_footer_are_incomplete", reports);
}

/// File, what is replaced by what, and what the error must hold beside the file and a line number.
const MALFORMED: &[(&str, &str, &str, &str)] = &[
    ("specs/scenarios/capture/full.toml", "proves = \"capture\"", "proves = \"captured\"", "proves"),
    ("specs/scenarios/capture/full.toml", "[[step]]", "[[stepp]]", "stepp"),
    ("fixtures/stripe/profile.toml", "currency = \"", "currency = \"usd", "currency"),
    ("fixtures/stripe/profile.toml", "number = \"42", "number = \"43", "number"),
    ("fixtures/stripe/capture.full.toml", "method = \"POST\"", "method = \"post\"", "method"),
    ("fixtures/stripe/capture.full.toml", "status = 200", "status = \"ok\"", "status"),
    ("fixtures/stripe/capture.full.toml", "kind = \"documented\"", "kind = \"guessed\"", "kind"),
    ("fixtures/stripe/capture.full.toml", "${key}", "${kee}", "kee"),
];

fn files_name_line_and_field() -> Result<(), Failed> {
    let mut complaints = Vec::new();
    for (file, from, to, field) in MALFORMED {
        let copy = Copy::of(&["specs", "fixtures"])?;
        let path = copy.path().join(file);
        let text = fs::read_to_string(&path)?;
        let changed = text.replacen(from, to, 1);
        if changed == text {
            complaints.push(format!("{file} holds no {from}"));
            continue;
        }
        fs::write(&path, changed)?;
        let world = World { root: copy.path().to_owned(), today: world().today };
        let entry = quittance_connectors::find("stripe").ok_or("no stripe")?;
        let told = match world.suite().map(|_| ()).and_then(|()| world.subject(entry).map(|_| ())) {
            Ok(()) => "it was accepted".to_owned(),
            Err(unusable) => unusable.to_string(),
        };
        let line = told.split(&format!("{file}:")).nth(1).and_then(|rest| rest.split(':').next());
        if line.and_then(|line| line.trim().parse::<usize>().ok()).is_none() || !told.contains(field) {
            complaints.push(format!("{file} with {to}: {told}"));
        }
    }
    complain(complaints)
}

/// File, what is replaced by what, and what must be told with a line.
const MISFITS: &[(&str, &str, &str, &str)] = &[
    (
        "fixtures/stripe/profile.toml",
        "[cards.generic_decline]",
        "[cards.generic_declined]",
        "cards.generic_declined: unknown card of the suite `generic_declined`; did you mean generic_decline",
    ),
    (
        "fixtures/stripe/profile.toml",
        "[methods.klarna]",
        "[methods.klrana]",
        "methods.klrana: unknown method of the declarations `klrana`; did you mean klarna",
    ),
    (
        "fixtures/stripe/capture.full.toml",
        "step = 2",
        "step = 3",
        "exchange: expected one of the 2 steps of capture.full, found step 3",
    ),
];

fn misfits() -> Result<(), Failed> {
    let mut complaints = Vec::new();
    for (file, from, to, expected) in MISFITS {
        let copy = Copy::of(&["specs", "fixtures/stripe"])?;
        let path = copy.path().join(file);
        let text = fs::read_to_string(&path)?;
        let fixtures = copy.path().join("fixtures/stripe");
        fs::copy(fixtures.join("retrieve.captured.toml"), fixtures.join("void.nothing.toml"))?;
        for (text, expected) in [(text.clone(), None), (text.replacen(from, to, 1), Some(*expected))] {
            fs::write(&path, text)?;
            let world = copy.world()?;
            let entry = quittance_connectors::find("stripe").ok_or("no stripe")?;
            let (suite, subject) = (world.suite().map_err(told)?, world.subject(entry).map_err(told)?);
            let errors = certify::misfits::fits(copy.path(), &suite, &subject).err().unwrap_or_default();
            let as_it_is = match (errors.first(), expected) {
                (None, None) => true,
                (Some(error), Some(expected)) => error.to_string().contains(expected) && error.line > 1,
                _ => false,
            };
            if !as_it_is {
                complaints.push(format!("{file}, {expected:?}: {errors:?}"));
            }
            let strays = certify::misfits::strays(&certify::Plan::of(&suite, &subject), &subject);
            if !strays.contains(&"fixtures/stripe/void.nothing.toml".to_owned()) {
                complaints.push(format!("strays: {strays:?}"));
            }
        }
    }
    complain(complaints)
}

fn idle_replacement() -> Result<(), Failed> {
    let copy = Copy::of(&["specs", "fixtures/bradesco", "fixtures/itau"])?;
    let path = copy.path().join("fixtures/itau/profile.toml");
    let text = fs::read_to_string(&path)?;
    fs::write(&path, text.replacen("bradesco.com.br/", "bradesko.com.br/", 1))?;
    let entry = quittance_connectors::find("itau").ok_or("no itau")?;
    let said = copy.world()?.subject(entry).err().map(told).unwrap_or_default();
    let named = said.contains("fixtures/itau/profile.toml:")
        && said.contains("expected a text of the files of bradesco, found none that has it; did you mean `");
    complain((!named).then_some(said).into_iter().collect())
}

fn drafts() -> Result<(), Failed> {
    let copy = Copy::of(&["specs", "fixtures/stripe"])?;
    let files =
        ["webhook.payment", "webhook.unproven"].map(|case| copy.path().join(format!("fixtures/stripe/{case}.toml")));
    files.iter().try_for_each(fs::remove_file)?;
    let entry = quittance_connectors::find("stripe").ok_or("no stripe")?;
    quittance_harness::scaffold::tapes(&copy.world()?, entry, false).map_err(told)?;
    let mut complaints = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file)?;
        if text.matches("[[webhook]]").count() != 1 {
            complaints.push(format!("{}: {text}", file.display()));
        }
    }
    complain(complaints)
}

fn open_proof() -> Result<(), Failed> {
    use quittance_harness::certificate::Facts;
    let copy = Copy::of(&["specs", "fixtures/stripe"])?;
    let path = copy.path().join("fixtures/stripe/retrieve.captured.toml");
    let text = fs::read_to_string(&path)?;
    let entry = quittance_connectors::find("stripe").ok_or("no stripe")?;
    let mut complaints = Vec::new();
    for (header, is_told) in [("request-hash", true), ("request-nonce", false)] {
        fs::write(&path, text.replacen("stripe-version", &format!("{header} = \"${{any:hex}}\"\nstripe-version"), 1))?;
        let world = copy.world()?;
        let (suite, subject) = (world.suite().map_err(told)?, world.subject(entry).map_err(told)?);
        let facts = Facts::of(&certify::Plan::of(&suite, &subject), &subject);
        if facts.unconfirmed.iter().any(|what| what.contains(header)) != is_told {
            complaints.push(format!("{header}: {:?}", facts.unconfirmed));
        }
    }
    complain(complaints)
}

fn told(unusable: Unusable) -> String {
    unusable.to_string()
}

fn unknown_names() -> Result<(), Failed> {
    let told = world().entries(&["strpe".to_owned()]).err().map(|unusable| unusable.to_string()).unwrap_or_default();
    complain((!told.contains("stripe")).then_some(told).into_iter().collect())
}

/// A failed case of stripe.
fn failed(case: &str) -> Line {
    Line {
        connector: "stripe".to_owned(),
        case: case.to_owned(),
        tier: "memory".to_owned(),
        verdict: Verdict::Fail,
        clauses: Vec::new(),
        trials: 1,
        figures: std::collections::BTreeMap::new(),
        results: None,
        because: None,
        findings: Vec::new(),
        exchanges: Vec::new(),
        repeat: None,
    }
}

/// A report cut anywhere before its end, with a line twice, with an altered verdict or level, or of another suite is refused.
fn reports() -> Result<(), Failed> {
    use quittance_harness::certificate::{Facts, Level, Summary};
    use quittance_harness::certify::report::{FORMAT, Footer, Header};
    let suite = world().suite().map_err(|unusable| unusable.to_string())?;
    let header = Header {
        format: FORMAT,
        harness: "0".to_owned(),
        suite: suite.version.clone(),
        suite_digest: suite.digest.clone(),
        scenarios: suite.scenarios.len(),
        seed: 1,
        tiers: vec!["memory".to_owned()],
        connectors: vec!["stripe".to_owned()],
        narrowed: None,
        probed: None,
    };
    let lines = vec![failed("a"), failed("b")];
    let summaries = vec![Summary::of(&header, &lines, "stripe", Facts::default())];
    let report = Report { header, background: None, footer: Footer::of(&lines, &summaries), lines, summaries };
    let text = report.to_ndjson();
    let mut complaints = Vec::new();
    if Report::read(&text, &suite).as_ref() != Ok(&report) {
        complaints.push("a whole report does not read back".to_owned());
    }
    let rows: Vec<&str> = text.lines().collect();
    let without_footer = rows.iter().take(rows.len() - 1).copied().collect::<Vec<_>>().join("\n");
    let twice = text.replacen("\"case\":\"b\"", "\"case\":\"a\"", 1);
    let altered = text.replacen("\"verdict\":\"fail\"", "\"verdict\":\"pass\"", 1);
    let mut raised = report.clone();
    raised.summaries.iter_mut().for_each(|summary| summary.level = Some(Level::Silver));
    raised.footer = Footer::of(&raised.lines, &raised.summaries);
    let mut unsummed = report.clone();
    unsummed.summaries.clear();
    unsummed.footer = Footer::of(&unsummed.lines, &unsummed.summaries);
    let with_header = |change: fn(&mut Header)| {
        let mut other = report.clone();
        change(&mut other.header);
        other.to_ndjson()
    };
    for (what, spoilt) in [
        ("footer", without_footer),
        ("twice", twice),
        ("altered", altered),
        ("header", String::new()),
        ("the summary of stripe does not follow", raised.to_ndjson()),
        ("one summary for each connector", unsummed.to_ndjson()),
        ("of suite 0.9.9", with_header(|header| header.suite = "0.9.9".to_owned())),
        ("other scenarios", with_header(|header| header.suite_digest = "0".to_owned())),
        ("other scenarios", with_header(|header| header.scenarios += 1)),
        ("format 9", with_header(|header| header.format = 9)),
    ] {
        match Report::read(&spoilt, &suite) {
            Err(told) if told.contains(what) => {}
            other => complaints.push(format!("{what}: {other:?}")),
        }
    }
    complain(complaints)
}
