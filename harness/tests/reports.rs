//! What is derived from a report and from declarations: pages, summaries, the matrix, answers to what can be used.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::process::{Command, Output};

use serde_json::{Value, json};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn quittance(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quittance"))
        .args(arguments)
        .current_dir(ROOT)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

/// Standard output of a command that ends with `code`.
#[track_caller]
fn ended(arguments: &[&str], code: i32) -> String {
    let output = quittance(arguments);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

/// Unusable input: exit code 2 and a message with every one of `parts`.
#[track_caller]
fn bad(arguments: &[&str], parts: &[&str]) {
    let output = quittance(arguments);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
    for part in parts {
        assert!(told.contains(part), "{arguments:?}: no `{part}` in: {told}");
    }
}

#[test]
fn the_matrix_shows_operations_and_methods() {
    let shown = ended(&["matrix", "stripe", "paypal"], 0);
    let rows: Vec<&str> = shown.lines().filter(|line| line.starts_with("stripe ")).collect();
    assert_eq!(rows.len(), 2, "{shown}");
    assert!(rows[0].contains("xm3") && !shown.contains("adyen"), "{shown}");
    let report: Value = serde_json::from_str(&ended(&["matrix", "--json"], 0)).unwrap();
    let ids: Vec<&str> =
        report["connectors"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted() && ids.contains(&"stripe"), "{ids:?}");
    assert!(report["connectors"][0]["operations"].as_array().unwrap().contains(&json!("authorize")));
    bad(&["matrix", "strpe"], &["unknown connector `strpe`", "did you mean stripe"]);
}

#[test]
fn can_i_use_gives_reasons_and_an_exit_code() {
    let asked = ["can-i-use", "--op", "refund.partial", "--method", "card", "--currency", "EUR"];
    assert!(ended(&asked, 0).lines().any(|line| line.starts_with("stripe ") && line.contains(" yes")));
    let none = ended(&["can-i-use", "--op", "pay_out", "--method", "upi", "stripe", "--json"], 1);
    let report: Value = serde_json::from_str(&none).unwrap();
    let expected = json!([
        { "reason": "operation_undeclared", "operation": "pay_out" },
        { "reason": "method_undeclared", "method": "upi" },
    ]);
    assert_eq!((&report["connectors"][0]["can"], &report["connectors"][0]["obstacles"]), (&json!(false), &expected));
    bad(&["can-i-use", "--op", "refnd"], &["unknown operation `refnd`", "did you mean refund"]);
    bad(&["can-i-use", "--op", "refund", "--country", "Holland"], &["unknown country `Holland`", "ISO 3166-1"]);
    bad(&["can-i-use"], &["--op"]);
}

#[test]
fn transcripts_repeat_and_hide_secrets() {
    let shown = ended(&["transcript", "stripe", "--json"], 0);
    assert_eq!(shown, ended(&["transcript", "stripe", "--json"], 0));
    let profile = std::fs::read_to_string(format!("{ROOT}/fixtures/stripe/profile.toml")).unwrap();
    let profile: toml::Table = profile.parse().unwrap();
    let card = profile["cards"]["approved"]["number"].as_str().unwrap();
    let key = profile["credentials"]["api_key"].as_str().unwrap();
    assert!(!shown.contains(card) && !shown.contains(key), "a secret in the clear");
    let first: Value = serde_json::from_str(shown.lines().next().unwrap()).unwrap();
    assert_eq!(first["connector"], "stripe");
    let text = first["requests"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("POST https://api.stripe.com/v1/payment_intents\n") && text.contains("\n\n"), "{text}");
}

#[test]
fn blame_refuses_what_it_cannot_compare() {
    bad(&["blame", "HEAD"], &["`HEAD` is no pair of revisions", "HEAD~1..HEAD"]);
    bad(&["blame", "HEAD...HEAD"], &["no pair of revisions"]);
    bad(&["blame", "no-such-revision..HEAD"], &["no-such-revision"]);
    // A copy below the project is no repository of its own, wherever the project lies.
    let copy = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-repository");
    std::fs::create_dir_all(copy.join("specs")).unwrap();
    std::fs::create_dir_all(copy.join("fixtures")).unwrap();
    std::fs::copy(format!("{ROOT}/specs/suite.toml"), copy.join("specs/suite.toml")).unwrap();
    bad(&["--root", copy.to_str().unwrap(), "blame", "HEAD~1..HEAD"], &["not a git repository"]);
}
