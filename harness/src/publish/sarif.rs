//! SARIF 2.1.0, the format in which code hosts show results beside the lines that they are about
//! (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>). Rules are the clauses of the contract.

use std::collections::BTreeSet;

use quittance::digest;
use serde_json::{Value, json};

use super::{Book, is_check};
use crate::certify::report::{Line, Verdict};
use crate::run::case::Finding;

/// The report as SARIF. What is found on both tiers stands once.
pub fn sarif(book: &Book<'_>) -> Value {
    let header = &book.report.header;
    let rules: Vec<Value> = book
        .background
        .clauses
        .iter()
        .map(|clause| {
            json!({
                "id": clause.id,
                "shortDescription": { "text": clause.text },
                "help": { "text": format!("{}: {} (specs/contract.md)", clause.id, clause.text) },
                "defaultConfiguration": { "level": "error" },
            })
        })
        .collect();
    let mut told = BTreeSet::new();
    let mut results = Vec::new();
    for line in &book.report.lines {
        for (finding, level) in findings(line) {
            let print = fingerprint(line, &finding);
            if told.insert((print.clone(), finding.expected.clone(), finding.found.clone())) {
                results.push(result(book, line, &finding, level, &print));
            }
        }
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "quittance",
                "semanticVersion": header.harness,
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            } },
            "automationDetails": { "id": format!("quittance/{}/{}", header.suite, header.seed) },
            "originalUriBaseIds": { "ROOT": { "description": { "text": "the root of the project" } } },
            "invocations": [{ "executionSuccessful": !book.report.incomplete() }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// What a line tells, each with its level; a line that is let off tells why.
fn findings(line: &Line) -> Vec<(Finding, &'static str)> {
    let because = |expected: &str| Finding {
        step: 0,
        what: line.case.clone(),
        expected: expected.to_owned(),
        found: line.because.clone().unwrap_or_else(|| line.verdict.to_string()),
    };
    match line.verdict {
        Verdict::Pass | Verdict::NotApplicable => Vec::new(),
        Verdict::Fail if line.findings.is_empty() => vec![(because("a pass"), "error")],
        Verdict::Fail => line.findings.iter().map(|finding| (finding.clone(), "error")).collect(),
        Verdict::Exempt => vec![(because("a pass"), "note")],
        Verdict::NotRun | Verdict::HarnessError => vec![(because("a verdict"), "error")],
    }
}

/// Stays the same from run to run as long as the same thing does not hold.
fn fingerprint(line: &Line, finding: &Finding) -> String {
    let text = [line.connector.as_str(), &line.case, &finding.step.to_string(), &finding.what].join("\n");
    hex::encode(digest::sha256(text.as_bytes())).chars().take(32).collect()
}

fn result(book: &Book<'_>, line: &Line, finding: &Finding, level: &str, fingerprint: &str) -> Value {
    let clause = line.clauses.first().cloned().unwrap_or_default();
    let rule = book.background.clauses.iter().position(|known| known.id == clause);
    let (file, number) = book.place(line, finding);
    let step = if finding.step > 0 { format!(", step {}", finding.step) } else { String::new() };
    let mut message = format!(
        "{} {}{step}: {}: expected {}, found {}",
        line.connector, line.case, finding.what, finding.expected, finding.found
    );
    if let Some(repeat) = &line.repeat {
        message.push_str(&format!("; repeat: {repeat}"));
    }
    let mut result = json!({
        "ruleId": clause,
        "level": level,
        "message": { "text": message },
        "locations": [location(&file, number)],
        "partialFingerprints": { "quittance/v1": fingerprint },
        "properties": { "connector": line.connector, "case": line.case, "tier": line.tier, "clauses": line.clauses },
    });
    let Some(members) = result.as_object_mut() else { return result };
    if let Some(index) = rule {
        members.insert("ruleIndex".to_owned(), json!(index));
    }
    if let Some(scenario) = book.scenario(&line.case).filter(|_| !is_check(line)) {
        let mut related = location(&scenario.file, 1);
        related["id"] = json!(1);
        related["message"] = json!({ "text": scenario.title });
        members.insert("relatedLocations".to_owned(), json!([related]));
    }
    if line.verdict == Verdict::Exempt {
        let suppression = json!([{ "kind": "external", "justification": finding.found }]);
        members.insert("suppressions".to_owned(), suppression);
    }
    result
}

fn location(file: &str, line: usize) -> Value {
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(file), "uriBaseId": "ROOT" },
        "region": { "startLine": line },
    } })
}

/// A relative path as a URI reference.
fn uri(path: &str) -> String {
    const KEEP: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'@');
    percent_encoding::utf8_percent_encode(path, KEEP).to_string()
}
