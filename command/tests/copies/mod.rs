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
    for part in ["does not hold: form amount", "expected `6001`", "found    `6000`", "\nfail: "] {
        assert!(shown.contains(part), "no `{part}` in {shown}");
    }
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
    assert!(whole.contains("stripe: 0 missing"), "{whole}");
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
