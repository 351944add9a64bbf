//! Commands in copies of parts of the project, which these tests change.

use serde_json::{Value, json};

use super::common::{Folder, ROOT};
use super::{bad, ended};

/// A copy of the project whose tape expects another amount.
#[test]
fn explain_shows_what_does_not_hold() {
    let folder = Folder::new("differs");
    folder.copy("specs");
    folder.copy("fixtures/stripe");
    let tape = folder.read("fixtures/stripe/capture.full.toml");
    let changed = tape.replacen("\"6000\"", "\"6001\"", 1);
    assert_ne!(tape, changed);
    folder.write("fixtures/stripe/capture.full.toml", &changed);
    let (shown, _) = ended(&["--root", &folder.at("."), "explain", "stripe", "capture.full"], "", 1);
    // What follows from the difference is not told beside it.
    for part in ["does not hold: form amount", "expected `6001`", "found    `6000`", "\nfail: 1 thing does not hold"] {
        assert!(shown.contains(part), "no `{part}` in {shown}");
    }
    let root = ["--root", &folder.at("."), "certify", "stripe", "--tier", "memory", "--scenario", "capture.full"];
    let (shown, _) = ended(&root, "", 1);
    assert!(shown.contains("the request differs from fixtures/stripe/capture.full.toml:"), "{shown}");
    assert!(!shown.contains("expect.state"), "{shown}");
    // Nor is it where a case of a fault is played on the same tape.
    let root = ["--root", &folder.at("."), "certify", "stripe", "--tier", "memory", "--scenario", "capture.outage"];
    let (shown, _) = ended(&root, "", 1);
    assert!(shown.contains("form amount") && !shown.contains("expect."), "{shown}");
}

/// A copy of Stripe's tapes without two of them, and with one of a case that it does not have.
#[test]
fn missing_tapes_are_drafted() {
    let folder = Folder::new("tapes");
    folder.copy("specs");
    folder.copy("fixtures/stripe");
    let root = folder.at(".");
    let run =
        |arguments: &[&str], code: i32| ended(&[&["--root", &root, "tapes", "stripe"], arguments].concat(), "", code).0;
    let whole = run(&["--check"], 0);
    assert!(whole.contains("stripe: 0 missing") && whole == run(&["--dry-run"], 0), "{whole}");
    let (partial, kept) = ("fixtures/stripe/refund.partial.toml", "fixtures/stripe/refund.full.toml");
    for gone in [partial, "fixtures/stripe/bank_redirect.settled@ideal.toml"] {
        std::fs::remove_file(folder.at(gone)).unwrap();
    }
    folder.write("fixtures/stripe/pay_out.paid.toml", &folder.read(kept));
    let asked: Value = serde_json::from_str(&run(&["--check", "--json"], 1)).unwrap();
    assert_eq!(
        (&asked["missing"][0]["written"], &asked["unused"]),
        (&json!(false), &json!(["fixtures/stripe/pay_out.paid.toml"]))
    );
    assert_eq!(asked["missing"].as_array().unwrap().len(), 2, "{asked}");
    let before = folder.read(kept);
    let told = run(&[], 0);
    assert!(told.contains(&format!("new     {partial}: ")) && told.contains("step 2: step "), "{told}");
    let draft = folder.read(partial);
    assert!(draft.contains("${fill:") && draft.contains("/v1/refunds") && before == folder.read(kept), "{draft}");
    // Steps that its scenario does not have are told before anything is played.
    bad(
        &["--root", &root, "certify", "stripe", "--scenario", "refund.partial"],
        "",
        &["pay_out.paid.toml", "found step 2"],
    );
    std::fs::remove_file(folder.at("fixtures/stripe/pay_out.paid.toml")).unwrap();
    // A draft is not played, and not made twice.
    let (shown, _) = ended(&["--root", &root, "certify", "stripe", "--scenario", "refund.partial"], "", 2);
    assert!(shown.contains("to be filled in"), "{shown}");
    folder.write(partial, &draft.replace("${fill:", "${fill:looked at, "));
    let again = run(&[], 0);
    assert!(again.contains("0 missing") && again.contains(&format!("to fill {partial}")), "{again}");
    assert!(folder.read(partial).contains("looked at"), "what is there stays");
    bad(&["tapes", "strpe"], "", &["did you mean stripe"]);
}

#[test]
fn request_needs_no_tape() {
    let folder = Folder::new("untaped");
    folder.copy("specs");
    folder.write(
        "fixtures/stripe/profile.toml",
        &std::fs::read_to_string(format!("{ROOT}/fixtures/stripe/profile.toml")).unwrap(),
    );
    for (operation, url) in
        [("authorize", "/v1/payment_intents"), ("refund", "/v1/refunds"), ("capture", "/payment-1/capture")]
    {
        let (shown, told) = ended(&["--root", &folder.at("."), "request", "stripe", operation, "--seed", "9"], "", 0);
        let report: Value = serde_json::from_str(&shown).unwrap();
        assert!(report["requests"][0]["url"].as_str().unwrap().ends_with(url), "{report}");
        assert_eq!(report["complete"], json!(false));
        assert!(told.contains("which no tape answers"), "{told}");
    }
}

/// The drafts of tapes that a connector of the catalogue has lost.
fn drafted(name: &str, id: &str, cases: &[&str]) -> Vec<String> {
    let folder = Folder::new(name);
    folder.copy("specs");
    folder.copy(&format!("fixtures/{id}"));
    let tape = |case: &str| format!("fixtures/{id}/{case}.toml");
    cases.iter().for_each(|case| std::fs::remove_file(folder.at(&tape(case))).unwrap());
    ended(&["--root", &folder.at("."), "tapes", id], "", 0);
    cases.iter().map(|case| folder.read(&tape(case))).collect()
}

#[test]
fn drafts_take_no_refusal_for_an_answer_and_give_each_object_a_name() {
    let cases = ["integrity.amount", "integrity.currency", "integrity.reference", "refund.multiple"];
    let drafts = drafted("drafts", "stripe", &cases);
    for (case, draft) in cases.iter().zip(&drafts).take(3) {
        let tape: toml::Table = draft.parse().unwrap();
        let statuses: Vec<_> =
            tape["exchange"].as_array().unwrap().iter().map(|one| &one["response"]["status"]).collect();
        assert!(statuses.iter().all(|status| status.as_integer() == Some(200)), "{case}: {draft}");
    }
    let tape: toml::Table = drafts[3].parse().unwrap();
    let id = |step: i64| -> String {
        let mut exchanges = tape["exchange"].as_array().unwrap().iter();
        let exchange = exchanges.find(|one| one["step"].as_integer() == Some(step)).unwrap();
        let body: Value = serde_json::from_str(exchange["response"]["body"].as_str().unwrap()).unwrap();
        body["id"].as_str().unwrap().to_owned()
    };
    assert_ne!(id(2), id(3), "two refunds are two objects: {}", drafts[3]);
}

#[test]
fn drafts_read_as_the_other_reads_do() {
    for (id, debit, method) in
        [("stripe", "bank_debit.refunded@sepa", "GET"), ("authorize-net", "bank_debit.refunded@ach", "POST")]
    {
        for draft in drafted(&format!("reads-{id}"), id, &["retrieve_refund.succeeded", debit]) {
            let tape: toml::Table = draft.parse().unwrap();
            let read = &tape["exchange"].as_array().unwrap().last().unwrap()["request"];
            let has_body = ["json", "form", "xml", "text"].iter().any(|body| read.get(body).is_some());
            assert_eq!((read["method"].as_str(), has_body), (Some(method), method == "POST"), "{id}: {draft}");
        }
    }
}
