use std::path::{Path, PathBuf};

use super::{Manifest, Scenario, Suite};
use crate::bad_input::each_is_named;

const GOOD: &str = r#"
id = "capture.partial"
title = "Part of an authorized amount is captured"
clauses = ["CAPTURE-2", "MONEY-1"]
proves = "capture"
class = "success"
needs = ["authorize", "capture", "method:card", "capture:manual", "capture:partial", "card:approved"]

[[step]]
op = "authorize"
method = "card"
card = "approved"
input = { amount_minor = 6000, capture = "manual" }
expect = { state = ["authorized", "pending"], amount_minor = 6000 }

[[step]]
op = "capture"
input = { amount_minor = 2500 }
expect = { state = "captured", captured_minor = 2500, settles = true }

[[step]]
op = "replay"
of = 2
expect = { same_as = 2 }

[[step]]
op = "advance"
seconds = 30
"#;

const DERIVED: &str = r#"
id = "capture.outage"
title = "An outage"
clauses = ["ERROR-3"]
proves = "capture"
class = "fault"
needs = ["authorize", "capture"]
derive = { from = "capture.partial", step = 2, answer = "html_200" }
expect = { error = ["protocol", "unavailable"], effect = "unknown" }
"#;

fn problems(text: &str) -> Vec<String> {
    match Scenario::parse("specs/scenarios/capture/partial.toml", text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_scenario_is_read() {
    let scenario = Scenario::parse("specs/scenarios/capture/partial.toml", GOOD).unwrap();
    assert_eq!(scenario.steps.len(), 4);
    let expected = &scenario.steps[0].expect;
    assert!(expected.state.as_ref().unwrap().contains(&"pending".to_owned()));
    assert_eq!(expected.amount_minor.as_ref().unwrap().values, [6000]);
    assert_eq!(scenario.operation(3), Some(quittance::Op::Capture));
    assert_eq!(scenario.operation(4), None);
    assert_eq!(scenario.case_id(Some("ideal")), "capture.partial@ideal");
    let written = toml::to_string(&scenario).unwrap();
    let again = Scenario::parse("specs/scenarios/capture/partial.toml", &written).unwrap();
    assert_eq!(again.content_digest, scenario.content_digest, "layout does not count");
}

#[test]
fn each_mistake_is_named_with_line_and_field() {
    let cases = [
        ("id = \"capture.partial\"", "id = \"capture.other\"", ":2: id: expected `capture.partial`"),
        ("\"CAPTURE-2\"", "\"capture two\"", ":4: clauses[1]: expected a clause"),
        ("[\"CAPTURE-2\", \"MONEY-1\"]", "[]", ":4: clauses: expected at least one clause"),
        ("proves = \"capture\"", "proves = \"refund\"", ":5: proves: expected a step with the operation `refund`"),
        ("class = \"success\"", "class = \"good\"", ":6: class: unknown variant `good`"),
        (
            "\"capture:partial\"",
            "\"capture:most\"",
            ":7: needs[5]: expected `capture:` with one of manual, partial, multiple",
        ),
        ("\"capture:partial\"", "\"colour\"", ":7: needs[5]: expected an operation"),
        ("\"capture:partial\"", "\"method:coins\"", ":7: needs[5]: expected `method:` with one of card"),
        ("op = \"capture\"", "op = \"seize\"", ":17: step[2].op: unknown variant `seize`, expected one of `authorize`"),
        ("of = 2", "of = 3", ":23: step[3].of: expected an earlier step, from 1 to 2, found 3"),
        ("of = 2", "", ":21: step[3]: expected `of`"),
        ("same_as = 2", "same_as = 3", ":24: step[3].expect.same_as: expected an earlier step"),
        ("same_as = 2", "sameas = 2", ":24: step[3].expect.sameas: unknown field `sameas`"),
        ("expect = { same_as = 2 }", "", "step[3]: expected an `expect` that states something"),
        ("seconds = 30", "", ":26: step[4]: expected `seconds`"),
        ("method = \"card\"", "method = \"cheque\"", ":11: step[1].method: expected a method family (card, "),
        (
            "captured_minor = 2500,",
            "reason = [\"generic\", \"insufficient_found\"],",
            ":19: step[2].expect.reason: expected one of generic, insufficient_funds, ",
        ),
        (
            "state = \"captured\"",
            "state = \"succeeded\"",
            ":19: step[2].expect.state: expected one of action_required, ",
        ),
        ("captured_minor = 2500", "captured_minor = \"x\"", ":19: step[2].expect.captured_minor: invalid type: string"),
        ("settles = true", "effect = \"none\"", ":19: step[2].expect.effect: expected `error` beside it"),
        ("settles = true", "events = []", ":19: step[2].expect.events: expected `events` on a `webhook` step only"),
        (
            "amount_minor = 2500 }",
            "amount_minor = 2500 }\ntamper = \"body\"",
            ":19: step[2].tamper: expected it on a `webhook` step",
        ),
        (
            "state = [\"authorized\", \"pending\"]",
            "state = []",
            ":14: step[1].expect.state: expected at least one value",
        ),
        ("title = ", "titel = ", ":3: titel: unknown field `titel`"),
    ];
    each_is_named(GOOD, "specs/scenarios/capture/partial.toml", &cases, problems);
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("quittance-suite-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("scenarios/capture")).unwrap();
        let folder = Self(path);
        folder.write("partial", GOOD);
        folder.write("outage", DERIVED);
        Manifest::refresh(&folder.0, "1.0.0").unwrap();
        folder
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(format!("scenarios/capture/{name}.toml")), text).unwrap();
    }

    fn problems(&self) -> Vec<String> {
        match Suite::load(&self.0) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_manifest_pins_what_the_suite_says() {
    let folder = Folder::new("pins");
    let suite = Suite::load(&folder.0).unwrap();
    assert_eq!(suite.scenarios.len(), 2);
    assert_eq!(suite.scenarios[0].id, "capture.outage");
    assert!(suite.scenario("capture.partial").is_some() && suite.scenario("capture.none").is_none());
    assert!(!Manifest::refresh(&folder.0, "1.0.0").unwrap(), "a second refresh changes nothing");

    folder.write("partial", &format!("# a remark\n{}", GOOD.replace("seconds = 30", "seconds   =   30")));
    assert!(folder.problems().is_empty(), "layout and comments do not count");
    folder.write("partial", &GOOD.replace("seconds = 30", "seconds = 31"));
    let refused = Manifest::refresh(&folder.0, "1.0.0").unwrap_err();
    assert!(refused[0].to_string().contains("suite 1.0.0 is pinned; give it a new version"), "{refused:?}");
    let found = folder.problems();
    assert!(
        found.len() == 1
            && found[0].contains("suite.toml:10: content.\"capture.partial\"")
            && found[0].contains("was edited"),
        "{found:?}"
    );
    folder.write("partial", GOOD);

    folder.write("second", &GOOD.replace("capture.partial", "capture.second"));
    let found = folder.problems();
    assert!(found.len() == 1 && found[0].contains("`capture.second` was added"), "{found:?}");
    std::fs::remove_file(folder.0.join("scenarios/capture/second.toml")).unwrap();

    std::fs::remove_file(folder.0.join("scenarios/capture/outage.toml")).unwrap();
    let found = folder.problems();
    assert!(
        found.len() == 1 && found[0].contains("suite.toml:3: scenarios[1]: the scenario `capture.outage` was deleted"),
        "{found:?}"
    );
    folder.write("outage", DERIVED);

    let path = folder.0.join("suite.toml");
    let digest = format!("digest = \"{}", suite.digest.get(..1).unwrap());
    let text = std::fs::read_to_string(&path).unwrap().replace(&digest, "digest = \"x");
    std::fs::write(&path, text).unwrap();
    let found = folder.problems();
    assert!(found.len() == 1 && found[0].contains("digest: expected"), "{found:?}");
}

#[test]
fn a_derived_scenario_must_fit_its_source() {
    let folder = Folder::new("derived");
    for (from, to, expected) in [
        ("capture.partial", "capture.none", "derive.from: expected a scenario that has steps"),
        ("step = 2", "step = 9", "derive.step: expected a step of `capture.partial`, which has 4"),
        ("class = \"fault\"", "class = \"success\"", "class: expected `fault`"),
        (
            "effect = \"unknown\" }",
            "effect = \"unknown\" }\n[[step]]\nop = \"void\"\nexpect = { refused = true }",
            "derive: expected either steps or `derive`",
        ),
        (
            "expect = { error = [\"protocol\", \"unavailable\"], effect = \"unknown\" }",
            "",
            "derive: expected an `expect`",
        ),
    ] {
        folder.write("outage", &DERIVED.replace(from, to));
        let found = folder.problems();
        assert!(found.iter().any(|problem| problem.contains(expected)), "{to}: {found:?}");
    }
}

fn specs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs")
}

#[test]
fn the_shared_suite_is_sound() {
    let suite = Suite::load(&specs()).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert!(suite.is_ok(), "{suite:#?}");
}
