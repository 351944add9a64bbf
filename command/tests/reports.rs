//! What is derived from a report and from declarations: pages, summaries, the matrix, answers to what can be used.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::io::{BufRead as _, Write as _};
use std::process::{Command, Output};

use serde_json::{Value, json};

mod common;
mod repository;
use common::{Folder, ROOT};
use repository::{git, repository};

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

/// A server that answers every request with a page that it has nothing there.
fn nothing_there() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut lines = std::io::BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let _head = lines.by_ref().find(String::is_empty);
                let body = "<h1>Not Found</h1>";
                let head = format!("content-type: text/html\r\nconnection: close\r\ncontent-length: {}", body.len());
                let _gone = write!(stream, "HTTP/1.1 404 Not Found\r\n{head}\r\n\r\n{body}");
            });
        }
    });
    format!("http://{address}")
}

#[test]
fn a_probe_in_which_nothing_passes_asks_whether_it_is_the_right_place() {
    let probe = ["probe", "--base-url", &nothing_there(), "--contract", "stripe", "--scenario", "authorize.captured"];
    for (more, summary) in [(&[][..], "0 passed, 1 failed"), (&["--json"], "\"type\":\"footer\"")] {
        let output = quittance(&[&probe[..], more].concat());
        let [shown, told] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(shown.contains(summary), "{shown}");
        assert!(told.contains("note: nothing passed: is this the provider of --contract, and --base-url"), "{told}");
    }
}

/// Both ends of the range are one commit: that is said, nothing is built, and nothing differs.
#[test]
fn blame_of_one_commit_says_so_and_builds_nothing() {
    let folder = repository("one-commit");
    let git = |arguments: &[&str]| git(&folder, arguments);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "one"]);
    git(&["tag", "v1"]);
    let commit = git(&["rev-parse", "HEAD"]).trim().to_owned();
    let root = folder.at(".");
    let output = quittance(&["--root", &root, "blame", "v1..HEAD"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0 of 0 cases differ\n");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, format!("note: v1 and HEAD are both {}\n", &commit[..12]));
    let report: Value = serde_json::from_str(&ended(&["--root", &root, "blame", "HEAD..HEAD", "--json"], 0)).unwrap();
    assert_eq!(report, json!({ "before": commit, "after": commit, "cases": 0, "differences": [] }));
    assert!(!folder.0.join("target").exists(), "nothing is checked out or built");
}

/// The results of a copy of the project in which one tape of Stripe expects another amount, with markup in it.
fn failing(name: &str) -> (Folder, String) {
    let folder = Folder::new(name);
    folder.copy("specs");
    folder.copy("fixtures/stripe");
    let tape = folder.read("fixtures/stripe/capture.full.toml");
    let changed = tape.replacen("\"6000\"", "\"6000<script>alert(1)</script>|`\"", 1);
    assert_ne!(tape, changed);
    folder.write("fixtures/stripe/capture.full.toml", &changed);
    let out = folder.at("out");
    let arguments = ["--root", &folder.at("."), "certify", "stripe", "--scenario", "capture.*", "--out", &out];
    ended(&arguments, 1);
    (folder, out)
}

#[test]
fn a_report_becomes_pages_summaries_and_badges() {
    let (folder, out) = failing("pages");
    let report = format!("{out}/report.ndjson");
    let root = folder.at(".");
    ended(&["--root", &root, "report", &report, "--out", &folder.at("again")], 0);
    for name in [
        "site/index.html",
        "site/connector-stripe.html",
        "quittance.sarif",
        "summary.md",
        "badges/stripe.svg",
        "junit.xml",
    ] {
        assert_eq!(folder.read(&format!("out/{name}")), folder.read(&format!("again/{name}")), "{name}");
    }
    let page = folder.read("out/site/connector-stripe.html");
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>alert"), "markup is escaped");
    let page = page.replace("&#x2f;", "/");
    for part in
        ["form amount", "✗ fail", "only here", "fixtures/stripe/capture.full.toml", "details class=\"case\"", "api_key"]
    {
        assert!(page.contains(part), "no `{part}`");
    }
    let profile: toml::Table = folder.read("fixtures/stripe/profile.toml").parse().unwrap();
    for secret in [&profile["credentials"]["api_key"], &profile["cards"]["approved"]["number"]] {
        assert!(!page.contains(secret.as_str().unwrap()), "a secret on the page");
    }
    for name in ["index.html", "scenarios.html"] {
        let page = folder.read(&format!("out/site/{name}"));
        assert!(page.contains("<th scope=\"row\">") && page.contains("prefers-color-scheme: dark"), "{name}");
        assert!(!page.contains("src=") && !page.contains("fetch("), "{name} asks for nothing");
    }
    let summary = ended(&["--root", &root, "report", &report, "--markdown", "-"], 0);
    assert_eq!(summary, folder.read("out/summary.md"), "the Markdown and nothing else");
    assert!(summary.contains("| stripe | fail |"), "{summary}");
    assert!(summary.contains("form amount") && summary.contains("capture.full.toml:"), "{summary}");
    assert!(folder.read("out/badges/stripe.svg").contains("<title id=\"t\">stripe: fail</title>"));
}

#[test]
fn sarif_names_rules_and_lines() {
    let (folder, _) = failing("sarif");
    let sarif: Value = serde_json::from_str(&folder.read("out/quittance.sarif")).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        let file = folder.read(place["artifactLocation"]["uri"].as_str().unwrap());
        let line = usize::try_from(place["region"]["startLine"].as_u64().unwrap()).unwrap();
        assert!((1..=file.lines().count()).contains(&line), "{result}");
    }
    let amount =
        results.iter().find(|result| result["message"]["text"].as_str().unwrap().contains("form amount")).unwrap();
    assert_eq!(
        amount["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "fixtures/stripe/capture.full.toml"
    );
    assert_eq!(
        amount["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "specs/scenarios/capture/full.toml"
    );
    let prints: std::collections::BTreeSet<String> =
        results.iter().map(|result| result["message"]["text"].to_string()).collect();
    assert_eq!(prints.len(), results.len(), "what both tiers find stands once");
}

#[test]
fn unusable_reports_are_refused() {
    let (folder, out) = failing("unusable");
    let report = folder.read("out/report.ndjson");
    let root = folder.at(".");
    let rows: Vec<&str> = report.lines().collect();
    let without =
        |kept: &dyn Fn(&str) -> bool| rows.iter().copied().filter(|row| kept(row)).collect::<Vec<_>>().join("\n");
    let is = |row: &str, kind: &str| row.starts_with(&format!("{{\"type\":\"{kind}\""));
    for (name, content, part) in [
        ("no-footer", without(&|row| !is(row, "footer")), "no footer"),
        ("no-connector", without(&|row| !is(row, "connector")), "connector"),
        ("changed-page", report.replacen("The whole", "The half", 1), "altered"),
        ("other-suite", report.replacen("\"suite\":\"", "\"suite\":\"9", 1), "suite 9"),
        ("no-report", "hello".to_owned(), "line 1"),
    ] {
        std::fs::write(folder.0.join(name), content).unwrap();
        bad(&["--root", &root, "report", &folder.at(name), "--markdown", "-"], &[name, part]);
    }
    bad(&["--root", &root, "report", &format!("{out}/none.ndjson")], &["none.ndjson", "cannot be read"]);
    // Elsewhere there is no suite to compare it with.
    let outside = Command::new(env!("CARGO_BIN_EXE_quittance"))
        .args(["report", &format!("{out}/report.ndjson"), "--json"])
        .current_dir("/")
        .output()
        .unwrap();
    let summary: Value = serde_json::from_slice(&outside.stdout).unwrap();
    assert_eq!((&summary["passed"], &summary["connectors"][0]["id"]), (&json!(false), &json!("stripe")));
}
