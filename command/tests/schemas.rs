//! What commands print with `--json` has the form that `specs/schemas` says.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn printed(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_quittance"))
        .args(arguments)
        .current_dir(ROOT)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.stdout.is_empty(), "{arguments:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn fits(schema: &str, arguments: &[&str]) {
    let path = format!("{ROOT}/specs/schemas/{schema}.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let value: Value = serde_json::from_str(&printed(arguments)).unwrap();
    let wrong: Vec<String> =
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).take(3).collect();
    assert!(wrong.is_empty(), "{arguments:?}: {wrong:?}");
}

#[test]
fn lists_and_guides() {
    fits("list", &["list", "--json"]);
    fits("list", &["list", "--scenarios", "--json"]);
    fits("matrix", &["matrix", "--json"]);
    fits("can-i-use", &["can-i-use", "--op", "refund.partial", "--json"]);
    fits("docs", &["docs", "--json"]);
    fits("suite", &["suite", "--json"]);
    fits("new", &["new", "acme-of-a-test", "--dry-run", "--json"]);
}

#[test]
fn cases_and_runs() {
    fits("explain", &["explain", "stripe", "refund.partial", "--json"]);
    fits("explain", &["explain", "itau", "capture.full", "--json"]);
    fits("soak", &["soak", "--payments", "100", "--json"]);
    fits("self-test", &["self-test", "--bug", "key_from_clock", "--json"]);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemas");
    let _of_an_earlier_run = std::fs::remove_dir_all(&folder);
    printed(&["certify", "google-pay", "--out", folder.to_str().unwrap()]);
    fits("report-summary", &["report", folder.join("report.ndjson").to_str().unwrap(), "--json"]);
    let recordings = folder.join("answers.jsonl");
    std::fs::write(&recordings, "").unwrap();
    let corpus = Command::new(env!("CARGO_BIN_EXE_quittance"))
        .args(["corpus", recordings.to_str().unwrap(), "--json"])
        .current_dir(ROOT)
        .output()
        .unwrap();
    if !corpus.stdout.is_empty() {
        fits("corpus", &["corpus", recordings.to_str().unwrap(), "--json"]);
    }
    let certificate = folder.join("none.json");
    std::fs::write(&certificate, "{}").unwrap();
    fits("verify", &["verify", certificate.to_str().unwrap(), "--json"]);
}

/// Every line of a report has the form of the schema of reports.
#[test]
fn lines_of_a_report() {
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(format!("{ROOT}/specs/schemas/report.schema.json")).unwrap())
            .unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let text = printed(&["certify", "google-pay", "--json"]);
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        assert!(validator.is_valid(&value), "{}", line.chars().take(200).collect::<String>());
    }
}
