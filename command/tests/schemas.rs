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
    fits("new", &["new", "acme-of-a-test", "--family", "pix", "--dry-run", "--json"]);
    fits("tapes", &["tapes", "stripe", "--check", "--json"]);
}

/// What the commands of a desk print: requests, and what is made of answers, refusals and deliveries.
#[test]
fn requests_answers_and_keys() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemas-of-a-desk");
    let _of_an_earlier_run = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fits("key", &["key", "new", &file("key.pem"), "--json"]);
    fits("request", &["request", "stripe", "authorize"]);
    fits("request", &["request", "paypal", "capture"]);
    fits("request", &["request", "worldpay-cnp", "refund"]);
    for (name, body) in [
        ("intent", r#"{"id":"pi_1","object":"payment_intent","status":"processing","amount":6000,"currency":"usd"}"#),
        (
            "declined",
            r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"lost_card","message":"no"}}"#,
        ),
        ("nothing", "{}"),
    ] {
        std::fs::write(file(name), body).unwrap();
        let status = if name == "declined" { "402" } else { "200" };
        fits("read", &["read", "stripe", "authorize", "--status", status, "--body", &file(name)]);
    }
    fits("read", &["read", "stripe", "webhook", "--body", &file("nothing")]);
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
