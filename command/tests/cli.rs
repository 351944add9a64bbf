//! The command line as a user meets it: output, messages and exit codes of each command.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

mod common;
mod copies;
mod read;
use common::{Folder, ROOT};

/// Runs the command in the project with `input` on standard input.
fn run_with(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_quittance"))
        .args(arguments)
        .current_dir(ROOT)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments does not read.
    let _closed = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[track_caller]
fn ended(arguments: &[&str], input: &str, code: i32) -> (String, String) {
    let output = run_with(arguments, input);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    (String::from_utf8(output.stdout).unwrap(), told)
}

#[track_caller]
fn good(arguments: &[&str]) -> String {
    ended(arguments, "", 0).0
}

#[track_caller]
fn good_json(arguments: &[&str]) -> Value {
    serde_json::from_str(&good(arguments)).unwrap()
}

/// Unusable input: exit code 2, nothing on standard output, and a message with every one of `parts`.
#[track_caller]
fn bad(arguments: &[&str], input: &str, parts: &[&str]) {
    let (shown, told) = ended(arguments, input, 2);
    assert_eq!(shown, "", "{arguments:?}");
    for part in parts {
        assert!(told.contains(part), "{arguments:?}: no `{part}` in: {told}");
    }
}

const CARD: &str = r#"{
  "key": "key-1", "reference": "order-1",
  "amount": { "minor": 1050, "currency": "USD" },
  "method": { "card": { "number": "4242 4242 4242 4242", "expiry": { "month": 3, "year": 2030 }, "cvc": "737" } }
}"#;

const CREDENTIALS: &str = r#"{ "api_key": "sk_test_of_this_test", "webhook_secret": "whsec_of_this_test" }"#;

#[test]
fn schema_of_credentials_and_inputs() {
    let credentials = good_json(&["schema", "stripe"]);
    assert_eq!(credentials["properties"]["api_key"]["writeOnly"], json!(true));
    let input = good_json(&["schema", "stripe", "--operation", "capture", "--json"]);
    assert_eq!(input["additionalProperties"], json!(false));
    assert!(input["properties"]["payment"].is_object());
    // Needs no project around it.
    let output = Command::new(env!("CARGO_BIN_EXE_quittance")).args(["schema", "stripe"]).current_dir("/").output();
    assert!(output.unwrap().status.success());
}

#[test]
fn schema_refuses_unknown_names() {
    bad(&["schema", "strpe"], "", &["unknown connector `strpe`", "did you mean stripe"]);
    bad(&["schema", "stripe", "--operation", "captur"], "", &["unknown operation `captur`", "capture"]);
    bad(&["schema", "stripe", "--operation", "zzzzzz"], "", &["known are authorize, complete"]);
    bad(&["schema", "stripe", "--operation", "pay_out"], "", &["stripe does not declare pay_out", "authorize"]);
    bad(&["schema", "stripe", "--operation", "webhook"], "", &["quittance read"]);
    bad(&["schema"], "", &["CONNECTOR"]);
    bad(&["schema", "--write"], "", &["--formats"]);
}

#[test]
fn schemas_of_the_formats_are_printed_and_written() {
    let formats = good_json(&["schema", "--formats"]);
    let count = formats.as_object().unwrap().len();
    let folder = project("formats");
    let shown = good(&["--root", &folder.at("."), "schema", "--formats", "--write"]);
    assert!(shown.contains("specs/schemas/tape.schema.json written"), "{shown}");
    let written: Value = serde_json::from_str(&folder.read("specs/schemas/tape.schema.json")).unwrap();
    assert_eq!(written, formats["tape.schema.json"]);
    assert!(folder.read(".taplo.toml").contains("specs/schemas/profile.schema.json"));
    let again = good(&["--root", &folder.at("."), "schema", "--formats", "--write"]);
    assert!(!again.contains("written"), "{again}");
    let left = std::fs::read_dir(folder.0.join("specs/schemas")).unwrap();
    assert_eq!(left.count(), count, "temporary files are gone");
}

#[test]
fn the_project_has_the_present_schemas() {
    let formats = good_json(&["schema", "--formats"]);
    for (name, schema) in formats.as_object().unwrap() {
        let text = std::fs::read_to_string(Path::new(ROOT).join("specs/schemas").join(name)).unwrap();
        let present = serde_json::from_str::<Value>(&text).unwrap() == *schema;
        assert!(present, "specs/schemas/{name} is out of date: run `quittance schema --formats --write`");
    }
    let rules: toml::Table = std::fs::read_to_string(Path::new(ROOT).join(".taplo.toml")).unwrap().parse().unwrap();
    for rule in rules["rule"].as_array().unwrap() {
        let schema = rule["schema"]["path"].as_str().unwrap();
        assert!(Path::new(ROOT).join(schema).is_file(), "{schema}");
    }
}

const SCENARIO: &str = r#"id = "void.authorized"
title = "A reservation is released"
clauses = ["VOID-1"]
proves = "void"
class = "success"
needs = ["void"]
[[step]]
op = "void"
expect = { state = "voided" }
"#;

/// A project with one scenario, no connector and no fixtures.
fn project(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("specs/scenarios/void/authorized.toml", SCENARIO);
    folder.write("specs/suite.toml", "version = \"0.0.0\"\nscenarios = []\ndigest = \"\"\n[content]\n");
    folder.write("fixtures/readme", "");
    folder
}

#[test]
fn suite_is_checked_and_refreshed() {
    let folder = project("suite");
    let root = ["--root", &folder.at(".")];
    let with = |rest: &[&'static str]| [&root[..], rest].concat();
    let (_, told) = ended(&with(&["suite"]), "", 1);
    assert!(told.contains("the scenario `void.authorized` was added"), "{told}");
    let (shown, _) = ended(&with(&["suite", "--check", "--json"]), "", 1);
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["fits"], json!(false));
    assert!(good(&with(&["suite", "--refresh", "--version", "1.2.3"])).contains("written, suite 1.2.3"));
    assert!(good(&with(&["suite", "--refresh", "--version", "1.2.3"])).contains("as it was"));
    assert!(good(&with(&["suite"])).contains("suite 1.2.3, 1 scenario\n"));
    folder.write("specs/scenarios/void/authorized.toml", &SCENARIO.replace("released", "given up"));
    let (_, told) = ended(&with(&["suite"]), "", 1);
    assert!(told.contains("the scenario `void.authorized` was edited"), "{told}");
    bad(&with(&["suite", "--refresh", "--version", "1.2.3"]), "", &["suite 1.2.3 is pinned; give it a new version"]);
    folder.write("specs/scenarios/void/authorized.toml", "id = 1");
    bad(&with(&["suite"]), "", &["authorized.toml:1: id: "]);
}

#[test]
fn certify_wants_every_description_that_is_named() {
    bad(
        &["certify", "stripe", "--descriptions", "specs"],
        "",
        &["no such file", "specs/descriptions/stripe.toml names it"],
    );
}

#[test]
fn suite_refuses_half_an_order() {
    bad(&["suite", "--refresh"], "", &["--version"]);
    bad(&["suite", "--refresh", "--version", "1.0"], "", &["1.1.0"]);
    bad(&["suite", "--refresh", "--version", "1.0.01"], "", &["three numbers"]);
    bad(&["--root", "/nowhere", "suite"], "", &["/nowhere", "specs/suite.toml"]);
}

/// The requests of `request stripe authorize` with own credentials and input.
fn own_request(name: &str, more: &[&str]) -> String {
    let folder = Folder::new(name);
    let (input, credentials) = (folder.write("input.json", CARD), folder.write("credentials.json", CREDENTIALS));
    let fixed = ["request", "stripe", "authorize", "--input", &input, "--credentials", &credentials];
    good(&[&fixed[..], &["--seed", "1", "--now", "2026-11-22T12:00:00Z"], more].concat())
}

#[test]
fn request_shows_what_would_be_sent_with_secrets_masked() {
    let shown = own_request("masked", &[]);
    for secret in ["4242424242424242", "4242 4242", "737", "sk_test_of_this_test"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    let report: Value = serde_json::from_str(&shown).unwrap();
    let request = &report["requests"][0];
    assert_eq!(request["method"], "POST");
    assert_eq!(request["url"], "https://api.stripe.com/v1/payment_intents");
    assert_eq!(request["headers"]["authorization"], "Bearer •••");
    assert_eq!(request["headers"]["idempotency-key"], "key-1");
    assert_eq!(request["form"]["amount"], "1050");
    assert_eq!(request["form"]["payment_method_data[card][number]"], "•••");
    assert!(request["body"].as_str().unwrap().contains("amount=1050"));
    assert_eq!((&report["masked"], &report["complete"]), (&json!(true), &json!(true)), "{report}");
    assert_eq!(shown, own_request("masked-again", &[]), "the same seed and time give the same requests");
}

#[test]
fn request_shows_secrets_when_asked() {
    let report: Value = serde_json::from_str(&own_request("shown", &["--show-secrets"])).unwrap();
    let request = &report["requests"][0];
    assert_eq!(request["headers"]["authorization"], "Bearer sk_test_of_this_test");
    assert_eq!(request["form"]["payment_method_data[card][number]"], "4242424242424242");
}

#[test]
fn request_as_curl() {
    let masked = own_request("curl", &["--curl"]);
    assert!(masked.starts_with("# secrets stand as •••"), "{masked}");
    assert!(masked.contains("curl --request POST 'https://api.stripe.com/v1/payment_intents' \\\n"), "{masked}");
    assert!(masked.contains("--header 'authorization: Bearer •••'"), "{masked}");
    let open = own_request("curl-open", &["--curl", "--show-secrets"]);
    assert!(open.starts_with("curl ") && open.contains("--data-raw '"), "{open}");
    assert!(open.contains("4242424242424242") && open.contains("sk_test_of_this_test"));
}

#[test]
fn request_fills_in_key_and_reference_and_samples() {
    let input = r#"{ "payment": "pi_1", "amount": { "minor": 5, "currency": "USD" } }"#;
    let arguments = ["request", "stripe", "refund", "--input", "-", "--seed", "9"];
    let (shown, _) = ended(&arguments, input, 0);
    let report: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(report["requests"][0]["headers"]["idempotency-key"].as_str().unwrap().len(), 36);
    let sample = good_json(&["request", "stripe", "capture", "--seed", "9"]);
    assert!(sample["requests"][0]["url"].as_str().unwrap().ends_with("/capture"), "{sample}");
}

#[test]
fn request_takes_answers_and_says_where_it_ends() {
    let folder = Folder::new("answers");
    let fault = folder.write("fault.json", r#"{ "status": 500, "headers": { "request-id": "r" }, "body": "down" }"#);
    let report = good_json(&["request", "stripe", "authorize", "--answer", &fault]);
    assert_eq!(report["requests"][0]["answered_by"], json!(fault));
    assert!(report["note"].as_str().unwrap().contains("ended after request 1 with an error"), "{report}");
}

#[test]
fn request_shows_every_exchange_of_an_operation() {
    let report = good_json(&["request", "paypal", "authorize", "--seed", "3"]);
    let requests = report["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 2, "{report}");
    assert_eq!(requests[0]["form"]["grant_type"], "client_credentials");
    assert_eq!(requests[0]["answered_by"], "tape authorize.captured");
    assert_eq!(requests[1]["headers"]["authorization"], "Bearer •••");
    assert!(requests[1]["json"]["purchase_units"].is_array());
}

#[test]
fn request_says_what_a_tape_of_another_currency_means() {
    let input = CARD.replace("\"USD\"", "\"EUR\"");
    let (shown, _) = ended(&["request", "stripe", "authorize", "--input", "-"], &input, 0);
    assert!(shown.contains("answered in the provider's place") && shown.contains("--answer FILE"), "{shown}");
}

#[test]
fn request_refuses_unusable_input() {
    let authorize = ["request", "stripe", "authorize", "--input", "-"];
    bad(&authorize, "{\n  \"amount\": ,\n}", &["standard input:2:13:", "expected JSON"]);
    bad(&authorize, "[]", &["expected a JSON object"]);
    let misspelt = CARD.replace("\"method\"", "\"metod\"");
    bad(&authorize, &misspelt, &["standard input:4:", "unknown field `metod`", "quittance schema stripe --operation"]);
    bad(&authorize, &CARD.replace("\"amount\"", "\"order\""), &["standard input:3:"]);
    bad(&authorize, r#"{ "method": "pix" }"#, &["standard input: input of authorize: missing field `amount`"]);
    let zero = CARD.replace("1050", "0");
    bad(&authorize, &zero, &["stripe refuses the input", "amount", "nothing was sent"]);
    bad(&["request", "stripe", "authorize", "--input", "/nowhere.json"], "", &["/nowhere.json", "cannot be read"]);
    bad(&["request", "stripe", "authorize", "--input", "-", "--answer", "-"], "", &["one argument only"]);
    bad(&["request", "stripe", "webhook"], "", &["quittance read stripe webhook"]);
    bad(&["request", "stripe", "authorize", "--now", "noon"], "", &["2026-11-22T12:00:00Z"]);
    let credentials = ["request", "stripe", "authorize", "--credentials", "-"];
    bad(&credentials, r#"{ "api_key": "sk_test_1" }"#, &["standard input: webhook_secret:", "quittance schema stripe"]);
    let (_, told) = ended(&credentials, r#"{ "api_key": 4242424242424242, "webhook_secret": "w" }"#, 2);
    assert!(told.contains("api_key") && !told.contains("4242"), "{told}");
    let (_, told) = ended(&authorize, r#"{ "method": { "card": "4242424242424242" } }"#, 2);
    assert!(!told.contains("42424242"), "{told}");
}

#[test]
fn what_a_connector_protects_is_shown_nowhere() {
    // An assertion is signed with the client's key: only the connector knows that it is as good as a password.
    let bank = ["request", "lloyds", "authorize", "--seed", "9", "--now", "2026-11-22T12:00:00Z"];
    let shown = good(&bank);
    assert!(shown.contains("client_assertion=•••") && shown.contains("\"client_assertion\": \"•••\""), "{shown}");
    let curl = good(&[&bank[..], &["--curl"]].concat());
    assert!(curl.contains("client_assertion=•••") && !curl.contains("client_assertion=e"), "{curl}");
    let open = good(&[&bank[..], &["--show-secrets"]].concat());
    assert!(open.contains("client_assertion=eyJ"), "{open}");
    // A wallet's token is sent in base64, behind which nobody else sees a secret.
    let story = good(&["explain", "authorize-net", "apple_pay.captured"]);
    assert!(story.contains("\"dataValue\": \"•••\""), "{story}");
    // An id of the merchant's is hidden by both.
    let sent = good(&["request", "worldpay-cnp", "authorize"]);
    let told = good(&["explain", "worldpay-cnp", "authorize.captured"]);
    assert!(sent.contains("merchantId=\\\"•••\\\"") && told.contains("merchantId=\"•••\""), "{sent} {told}");
}

#[test]
fn certify_takes_several_scenarios() {
    let shown = good(&["certify", "stripe", "--tier", "memory", "--scenario", "void.*", "--scenario", "capture.full"]);
    assert!(shown.contains("capture.full") || shown.contains("void.*,capture.full"), "{shown}");
    let two = ["certify", "stripe", "--tier", "memory", "--scenario", "void.*", "--scenario", "capture.ful"];
    bad(&two, "", &["unknown scenario `capture.ful`", "did you mean capture.full"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_says_how_far_it_came() {
    let child = Command::new(env!("CARGO_BIN_EXE_quittance"))
        .args(["certify", "--tier", "memory"])
        .current_dir(ROOT)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(told.contains("interrupted "), "{told}");
}

#[test]
fn explain_tells_a_case() {
    let shown = good(&["explain", "stripe", "capture.full"]);
    for part in [
        "  CAPTURE-1      A capture of the whole amount",
        "amount_to_capture = 6000",
        "step 2: capture",
        "\"state\": \"captured\"",
        "\npass\n",
    ] {
        assert!(shown.contains(part), "no `{part}` in {shown}");
    }
    assert!(shown.contains("repeat: quittance explain stripe capture.full --seed 1\n"), "{shown}");
    assert!(!shown.contains("4242424242424242") && !shown.contains("sk_test_quittance"), "{shown}");
    let story = good_json(&["explain", "stripe", "authorize.outage", "--json", "--seed", "5", "--tier", "wire"]);
    assert_eq!((&story["verdict"], &story["tier"], &story["seed"]), (&json!("pass"), &json!("wire"), &json!(5)));
    assert!(story["steps"][0]["fault"].as_str().unwrap().contains("503"), "{story}");
    assert_eq!(story["steps"][0]["result"]["effect"], json!("unknown"));
    let branded = good(&["explain", "stripe", "bank_redirect.settled@ideal"]);
    assert!(branded.contains("ideal"));
    let other = good_json(&["explain", "stripe", "pay_out.paid", "--json"]);
    assert_eq!((&other["verdict"], &other["missing"]), (&json!("not_applicable"), &json!("pay_out")));
}

#[test]
fn explain_refuses_unknown_names() {
    bad(&["explain", "stripe", "capture.ful"], "", &["unknown scenario `capture.ful`", "did you mean", "capture.full"]);
    bad(&["explain", "strip", "capture.full"], "", &["did you mean stripe"]);
    bad(
        &["explain", "paypal", "bank_redirect.settled"],
        "",
        &["once for each brand", "bank_redirect.settled@eps, bank_redirect.settled@ideal"],
    );
    bad(&["explain", "stripe", "bank_redirect.settled@none"], "", &["bank_redirect.settled@ideal"]);
    bad(&["explain", "stripe", "capture.full", "--tier", "cloud"], "", &["memory", "wire"]);
}

#[test]
fn completion_scripts() {
    for (shell, mark) in [("bash", "_quittance()"), ("zsh", "#compdef quittance"), ("fish", "complete -c quittance")] {
        assert!(good(&["completion", shell]).contains(mark), "{shell}");
    }
    bad(&["completion", "csh"], "", &["csh", "bash"]);
}

/// The commands below these words, as their help lists them.
fn commands_of(words: &[&str]) -> Vec<String> {
    let help = good(&[words, &["--help"]].concat());
    let listed = help.split_once("\nCommands:\n").map_or("", |(_, after)| after.split("\n\n").next().unwrap());
    let named = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named.map(|line| line.split_whitespace().next().unwrap().to_owned()).filter(|name| name != "help").collect()
}

#[test]
fn every_command_has_help_with_examples() {
    let commands = commands_of(&[]);
    assert!(commands.len() >= 26 && commands.contains(&"tapes".to_owned()), "{commands:?}");
    let mut all: Vec<Vec<String>> = commands.iter().map(|name| vec![name.clone()]).collect();
    for name in &commands {
        all.extend(commands_of(&[name]).into_iter().map(|inner| vec![name.clone(), inner]));
    }
    assert!(all.contains(&vec!["key".to_owned(), "new".to_owned()]), "{all:?}");
    for words in all {
        let arguments: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        let (help, command) = (good(&arguments), words.join(" "));
        let examples = help.split_once("Examples:").map_or("", |(_, after)| after);
        assert!(examples.contains(&format!("quittance {command}")), "{command}: {help}");
    }
}

/// Whether help and a refusal have colours under these variables and options.
#[track_caller]
fn is_coloured(variables: &[(&str, &str)], options: &[&str]) -> bool {
    let shown = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quittance"));
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        let output = command.args(options).args(arguments).envs(variables.iter().copied()).output().unwrap();
        [output.stdout, output.stderr].concat().contains(&0x1b)
    };
    let (help, refusal) = (shown(&["list", "--help"]), shown(&["no-such-command"]));
    assert_eq!(help, refusal, "{variables:?} {options:?}");
    help
}

#[test]
fn colours_follow_the_terminal_the_variables_and_the_option() {
    assert!(!is_coloured(&[], &[]), "no terminal");
    assert!(is_coloured(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(!is_coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]));
    assert!(is_coloured(&[("NO_COLOR", "1")], &["--color", "always"]));
    assert!(!is_coloured(&[("CLICOLOR_FORCE", "1")], &["--color=never"]));
    bad(&["list", "--color", "red"], "", &["invalid value 'red'", "--color <WHEN>"]);
    // What is no help has none at all.
    let mut plain = Command::new(env!("CARGO_BIN_EXE_quittance"));
    let output = plain.args(["list", "--color", "always"]).current_dir(ROOT).output().unwrap();
    assert!(output.status.success() && !output.stdout.contains(&0x1b));
}

#[test]
fn authorities_are_named_in_a_file() {
    let folder = Folder::new("authorities");
    let authority = folder.at("authority.pem");
    let serve = ["serve", "stripe", "--port", "0", "--json", "--tls", "--tls-authority", &authority];
    let mut server = Command::new(env!("CARGO_BIN_EXE_quittance"));
    let mut server = server.args(serve).current_dir(ROOT).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let started: Value = serde_json::from_str(&line).unwrap();
    let probe =
        ["probe", "--contract", "stripe", "--scenario", "refund.full", "--base-url", started["url"].as_str().unwrap()];
    let with = |file: &str| run_with(&[probe.as_slice(), &["--ca", file]].concat(), "");
    let (trusting, strange) = (with(&authority), run_with(&probe, ""));
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(trusting.status.success(), "{}", String::from_utf8_lossy(&trusting.stderr));
    let told = String::from_utf8(strange.stderr).unwrap();
    assert!(strange.status.code() == Some(2) && told.contains("--ca FILE"), "{told}");
    let empty = folder.write("empty.pem", "no certificate\n");
    for (file, why) in [(&empty, "there is no certificate in PEM"), (&folder.at("none.pem"), "cannot be read")] {
        bad(&[probe.as_slice(), &["--ca", file]].concat(), "", &[file, why]);
    }
}

#[test]
fn keys_and_certificates() {
    let folder = Folder::new("keys");
    let path = |name: &str| folder.at(name);
    let key = path("key.pem");
    let public = good(&["key", "new", &key]);
    assert!(public.starts_with("ed25519:"), "{public}");
    assert_eq!(good_json(&["key", "show", &key, "--json"])["public_key"], json!(public.trim()));
    bad(&["key", "new", &key], "", &["key.pem: there is a file already"]);
    let text = folder.write("text.pem", "no key");
    bad(&["key", "show", &path("none.pem")], "", &["none.pem: the key cannot be read"]);
    // A certificate needs a whole run and a key that can be read; neither is found out after the run.
    bad(&["certify", "--certificates", &path("c")], "", &["--key"]);
    for narrowed in [["--scenario", "capture.*"], ["--tier", "memory"], ["--descriptions", "."]] {
        let folder = path("c");
        let arguments = [["certify", "--certificates"], [&folder, "--key"], [&key, "stripe"], narrowed].concat();
        bad(&arguments, "", &["cannot be used with"]);
    }
    bad(&["certify", "--certificates", &path("c"), "--key", &text], "", &["text.pem: "]);
    bad(&["certify", "--certificates", &text, "--key", &key], "", &["text.pem: certificates cannot be written"]);
    // What cannot be judged ends with 2, what is refused with 1.
    bad(&["verify", &path("none.json")], "", &["none.json: the certificate cannot be read"]);
    bad(&["verify", &text], "", &["text.pem:1"]);
    bad(&["verify", &text, "--key", "nonsense"], "", &["expected a public key"]);
    bad(&["verify", &text, "--trust", &text], "", &["text.pem:1: expected a public key"]);
    let form = folder.write("form.json", "{\n  \"certificate\": 1,\n  \"sede\": 2\n}\n");
    let (shown, _) = ended(&["verify", &form], "", 1);
    assert!(shown.contains("refused (form): ") && shown.contains("form.json:3: sede: unknown field `sede`"), "{shown}");
    let (shown, _) = ended(&["verify", &form, "--json"], "", 1);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["holds"], &shown["refusals"][0]["line"]), (&json!(false), &json!(3)));
}

#[test]
fn probes_say_what_is_unusable() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{closed}");
    bad(&["probe", "--base-url", &nobody, "--contract", "stripe"], "", &["cannot be reached", "--base-url"]);
    bad(&["probe", "--base-url", &nobody, "--contract", "strpe"], "", &["did you mean stripe"]);
    bad(&["probe", "--base-url", "ftp://here", "--contract", "stripe"], "", &["--base-url: `ftp://here`", "http://"]);
    let check = ["probe", "--base-url", &nobody, "--contract", "stripe", "--check", "repeat"];
    bad(&check, "", &["did you mean repeats"]);
    let scenario = ["probe", "--base-url", &nobody, "--contract", "stripe", "--scenario", "refund.ful"];
    bad(&scenario, "", &["did you mean refund.full"]);
    let folder = Folder::new("probe");
    for (name, content, words) in [
        ("none.toml", None, "api_key = \"…\", webhook_secret = \"…\": `quittance schema stripe`"),
        (
            "live.json",
            Some(r#"{"api_key":"sk_live_abcdef","webhook_secret":"w"}"#),
            "api_key: this looks like a live credential",
        ),
        ("torn.json", Some("{\n\"api_key\": sk_test_secret"), "line 2, column"),
        ("torn.toml", Some("api_key = \"x\"\nsk_test_secret"), "line 2: expected TOML"),
    ] {
        let path = match content {
            Some(content) => folder.write(name, content),
            None => folder.at(name),
        };
        let given = ["probe", "--base-url", &nobody, "--contract", "stripe", "--credentials", &path];
        let (_, told) = ended(&given, "", 2);
        assert!(told.contains(words) && told.contains(name), "{told}");
        assert!(!told.contains("sk_test_secret") && !told.contains("abcdef"), "{told}");
    }
}

#[test]
fn numbers_say_what_is_wanted() {
    for (arguments, told) in [
        (
            &["read", "stripe", "authorize", "--body", "-", "--status", "ok"][..],
            "'ok' for '--status <STATUS>': expected a whole number from 100 to 599",
        ),
        (&["soak", "--payments", "1e6"], "'1e6' for '--payments <N>': expected a whole number from 1 to"),
        (&["serve", "stripe", "--port", "70000"], "'70000' for '--port <N>': expected a whole number from 0 to 65535"),
        (&["certify", "--seed", "x"], "'x' for '--seed <NUMBER>': expected a whole number from 0 to"),
        (&["serve", "stripe", "--bind", "here"], "expected an IP address"),
    ] {
        bad(arguments, "", &[told]);
    }
    bad(&["can-i-use", "--op", "refund", "--method", "crad"], "", &["unknown method `crad`; did you mean card?"]);
}

#[test]
fn recordings_say_what_is_unusable() {
    bad(&["record", "stripe", "--env", "live"], "", &["--env live", "as sandbox"]);
    bad(&["record", "stripe", "--env", "sandbox"], "", &["--credentials FILE", "--base-url"]);
    bad(&["record", "strpe", "--env", "sandbox"], "", &["did you mean stripe"]);
    bad(&["drift", "stripe"], "", &["--credentials FILE"]);
    let folder = Folder::new("record");
    let account = folder.write("account.toml", "api_key = \"sk_test_x\"\nwebhook_secret = \"whsec_x\"\n");
    let open = ["drift", "stripe", "--base-url", "http://10.0.0.1", "--credentials", &account];
    bad(&open, "", &["http://10.0.0.1", "over https only"]);
    let empty = r#"{"log":{"version":"1.2","entries":[]}}"#;
    let import = |case: &'static str| ["import", "-", "--connector", "stripe", "--case", case];
    bad(&import("authorize.captured"), empty, &["none of its 0 entries is an exchange with api.stripe.com"]);
    bad(&import("authorize.captred"), empty, &["did you mean authorize.captured"]);
    bad(&import("authorize.outage"), empty, &["has no tape of its own"]);
    bad(&import("pix.settled"), empty, &["does not apply to stripe"]);
    bad(&import("authorize.captured"), "{", &["standard input: line 1, column 1: expected a HAR 1.2 file"]);
    bad(&["import", &folder.at("none.har"), "--connector", "stripe", "--case", "x"], "", &["cannot be read"]);
}

#[test]
fn serve_refuses_what_it_cannot_do() {
    bad(&["serve", "strpe"], "", &["unknown connector `strpe`", "did you mean stripe"]);
    bad(&["serve", "stripe", "--chaos", "latensy=5ms"], "", &["`latensy`: unknown word", "did you mean latency"]);
    bad(&["serve", "stripe", "--chaos", "503=2"], "", &["0% to 100%"]);
    bad(&["serve", "stripe", "--webhooks", "http://example.com/hooks"], "", &["https url"]);
    bad(&["serve", "stripe", "--webhooks", "ftp://127.0.0.1/"], "", &["http://127.0.0.1:4243/webhooks"]);
    bad(&["serve", "stripe", "--webhook-tries", "2"], "", &["--webhooks"]);
    bad(&["serve", "stripe", "--tls-authority", "ca.pem"], "", &["--tls"]);
    bad(&["serve", "stripe", "--connections", "0"], "", &["from 1 to 100000"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    bad(&["serve", "stripe", "--port", &port], "", &["in use", "--port 0"]);
}
