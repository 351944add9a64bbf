//! `quittance docs`: guides on a terminal, as pages and as JSON; and the names that completion knows.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::path::Path;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    Command::new(env!("CARGO_BIN_EXE_quittance")).args(arguments).current_dir(root).output().unwrap()
}

#[track_caller]
fn good(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_guide_on_the_terminal() {
    let text = good(&["docs", "stripe"]);
    for part in [
        "authorize        reserves money",
        "api_key (string, secret)",
        "4242424242424242",
        "vouched for by: keyed digest",
        "TAPES",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    let bank = good(&["docs", "itau"]);
    assert!(
        bank.contains("NOT CONFIRMED BY THE PROVIDER") && bank.contains("by PUT with a `txid`")
            || bank.contains("txid"),
        "{bank}"
    );
    // Left out, the environment would be one that the bank does not publish.
    assert!(good(&["docs", "natwest"]).contains("  environment (sandbox or live)\n"));
    assert!(good(&["docs", "hsbc-uk"]).contains("  environment (sandbox or live, optional)\n"));
    let output = run(&["docs"]);
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["docs", "strpe"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean stripe?"));
}

#[test]
fn pages_of_all_connectors() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guides");
    let _of_an_earlier_run = std::fs::remove_dir_all(&folder);
    good(&["docs", "--out", folder.to_str().unwrap()]);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let listed: serde_json::Value = serde_json::from_str(&good(&["list", "--json"])).unwrap();
    let index = (read("index.html"), read("index.md"));
    for row in listed["connectors"].as_array().unwrap() {
        let id = row["id"].as_str().unwrap();
        assert!(index.0.contains(&format!("href=\"{id}.html\"")) && index.1.contains(&format!("({id}.md)")), "{id}");
        let (html, markdown) = (read(&format!("{id}.html")), read(&format!("{id}.md")));
        for op in row["operations"].as_array().unwrap() {
            assert!(markdown.contains(&format!("| `{}` |", op.as_str().unwrap())), "{id} {op}");
        }
        assert!(html.contains("<h2>Credentials</h2>") && !html.contains("<script"), "{id}");
        // A table's row has as many cells as its head.
        let rows = markdown.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 4);
        assert!(rows.count() >= 1 || id == "apple-pay", "{id}: no credentials");
    }
}

#[test]
fn the_level_comes_from_a_report() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guide-report");
    let _of_an_earlier_run = std::fs::remove_dir_all(&folder);
    good(&["certify", "google-pay", "--out", folder.to_str().unwrap()]);
    let report = folder.join("report.ndjson");
    let text = good(&["docs", "google-pay", "--json", "--report", report.to_str().unwrap()]);
    let guides: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(guides["guides"][0]["level"].as_str().unwrap().starts_with("silver"), "{text}");
    let text = good(&["docs", "google-pay", "--json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["guides"][0]["level"].is_null());
}

#[test]
fn completion_knows_connectors_scenarios_and_operations() {
    for shell in ["bash", "zsh", "fish"] {
        let script = good(&["completion", shell]);
        for name in ["worldpay-cnp", "refund.partial", "retrieve_refund", "docs", "soak"] {
            assert!(script.contains(name), "{shell}: no {name}");
        }
    }
}

/// What a shell offers at the end of a line, with the script that is made for it; none where the shell is not there.
fn offered(shell: &str, line: &str) -> Option<Vec<String>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("completion-{shell}"));
    std::fs::create_dir_all(&folder).unwrap();
    let script = folder.join("script");
    std::fs::write(&script, good(&["completion", shell])).unwrap();
    let script = script.to_str().unwrap();
    let asked = match shell {
        "fish" => format!("source {script}; complete -C '{line}'"),
        _ => format!(
            "source {script}; COMP_WORDS=({line}''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _quittance quittance '' \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        ),
    };
    let flags: &[&str] = if shell == "fish" { &["--no-config", "-c"] } else { &["--norc", "-c"] };
    let output = Command::new(shell).args(flags).arg(asked).env("HOME", &folder).output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| line.split('\t').next().unwrap_or_default().trim().to_owned()).collect())
}

#[test]
fn shells_offer_connectors_and_scenarios_where_they_stand() {
    for shell in ["bash", "fish"] {
        for (line, wanted) in [
            ("quittance certify ", "worldpay-cnp"),
            ("quittance explain ", "stripe"),
            ("quittance explain stripe ", "refund.partial"),
            ("quittance request stripe ", "retrieve_refund"),
            ("quittance import x --connector ", "stripe"),
            ("quittance ", "can-i-use"),
        ] {
            let Some(offered) = offered(shell, line) else { continue };
            assert!(offered.iter().any(|offer| offer == wanted), "{shell}: `{line}` offers {offered:?}");
        }
    }
}
