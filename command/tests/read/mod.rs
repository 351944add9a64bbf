//! `quittance read`: what connectors make of answers and deliveries.

use serde_json::{Value, json};

use super::{CARD, bad, ended};
use crate::common::Folder;

const INTENT: &str = r#"{ "id": "pi_1", "object": "payment_intent", "status": "STATUS", "amount": AMOUNT, "currency": "usd",
  "amount_received": AMOUNT, "amount_capturable": 0, "metadata": {}, "latest_charge": null }"#;

#[test]
fn read_shows_what_is_made_of_an_answer() {
    let folder = Folder::new("read");
    let input = folder.write("input.json", CARD);
    let read = |status: &str, body: String, code: &str| {
        let (shown, told) =
            ended(&["read", "stripe", "authorize", "--input", &input, "--status", code, "--body", "-"], &body, 0);
        assert_eq!(told, "", "{status}");
        serde_json::from_str::<Value>(&shown).unwrap()
    };
    let intent = |status: &str| INTENT.replace("STATUS", status).replace("AMOUNT", "1050");
    let unheard_of = read("unheard of", intent("of_tomorrow"), "200");
    assert_eq!((&unheard_of["state"], &unheard_of["raw"]), (&json!("unrecognised"), &json!("of_tomorrow")));
    let waiting = read("waiting", intent("processing"), "200");
    assert_eq!((&waiting["payment"], &waiting["state"]), (&json!("pi_1"), &json!("pending")));
    let down = read("down", "<html>down</html>".to_owned(), "503");
    assert_eq!((&down["error"], &down["effect"]), (&json!("unavailable"), &json!("unknown")));
    let declined = r#"{ "error": { "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
        "message": "no", "payment_intent": { "id": "pi_1", "object": "payment_intent", "status": "requires_payment_method",
        "amount": 1050, "currency": "usd", "amount_received": 0, "metadata": {} } } }"#;
    let declined = read("declined", declined.to_owned(), "402");
    assert_eq!(declined["decline"]["reason"], json!("insufficient_funds"), "{declined}");
}

#[test]
fn read_makes_up_a_plausible_input() {
    let refused = ended(&["read", "stripe", "capture", "--status", "404", "--body", "-"], "{}", 0).0;
    assert_eq!(serde_json::from_str::<Value>(&refused).unwrap()["error"], json!("not_found"));
}

#[test]
fn read_answers_the_last_exchange() {
    let body = r#"{ "id": "ORDER1", "status": "OF_TOMORROW", "intent": "CAPTURE", "purchase_units": [] }"#;
    let read = |more: &[&'static str]| {
        let shown = ended(&[&["read", "paypal", "authorize", "--body", "-"], more].concat(), body, 0).0;
        serde_json::from_str::<Value>(&shown).unwrap()
    };
    let last = read(&["--last"]);
    assert_eq!((&last["payment"], &last["raw"]), (&json!("ORDER1"), &json!("OF_TOMORROW")));
    assert_eq!(read(&[])["error"], json!("protocol"), "as the answer to the request for a token it is none");
}

#[test]
fn read_takes_a_delivery() {
    let delivery = r#"{"id":"evt_1"}"#;
    let read = |signature: &str| {
        let header = format!("stripe-signature: {signature}");
        let arguments = ["read", "stripe", "webhook", "--body", "-", "--now", "1795348800", "--header", &header];
        serde_json::from_str::<Value>(&ended(&arguments, delivery, 0).0).unwrap()
    };
    assert_eq!(read("t=1795348800,v1=00")["error"], json!("signature"));
}

#[test]
fn read_refuses_unusable_input() {
    let read = ["read", "stripe", "authorize"];
    let with = |rest: &[&'static str]| [&read[..], rest].concat();
    bad(&with(&[]), "", &["--body"]);
    bad(&with(&["--body", "/nowhere.json"]), "", &["/nowhere.json", "cannot be read"]);
    bad(&with(&["--body", "-", "--input", "-"]), "", &["one argument only"]);
    bad(&with(&["--body", "-", "--status", "20"]), "", &["100"]);
    bad(&with(&["--body", "-", "--status", "200", "--status", "402"]), "", &["2 --status for 1 answers"]);
    bad(&with(&["--body", "-", "--header", "none"]), "", &["NAME:VALUE"]);
    bad(&with(&["--body", "-", "--url", "https://merchant.example"]), "", &["--url"]);
    bad(&["read", "stripe", "webhook", "--body", "-", "--last"], "", &["--last"]);
    bad(&["read", "stripe", "refnd", "--body", "-"], "", &["did you mean", "refund"]);
}

/// What an answer to a request comes to, by a made-up one where `input` is empty.
fn made_of(connector: &str, operation: &str, input: &str, body: &str) -> Value {
    let folder = Folder::new(&format!("read-{connector}-{operation}"));
    let input = (!input.is_empty()).then(|| folder.write("input.json", input));
    let mut arguments = vec!["read", connector, operation, "--status", "200", "--body", "-", "--last"];
    arguments.extend(input.iter().flat_map(|file| ["--input", file]));
    serde_json::from_str(&ended(&arguments, body, 0).0).unwrap()
}

#[test]
fn read_shows_what_an_answer_leaves_out() {
    // Older accounts have no statuses of refunds (razorpay.com/docs/api/refunds): it is made, and no more is told.
    let asked = r#"{ "key": "key-1", "payment": "pay_1", "reference": "refund-1",
        "amount": { "minor": 6000, "currency": "INR" } }"#;
    let refund = r#"{ "id": "rfnd_1", "entity": "refund", "amount": 6000, "currency": "INR", "payment_id": "pay_1" }"#;
    let made = made_of("razorpay", "refund", asked, refund);
    assert_eq!((&made["refund"], &made["state"]), (&json!("rfnd_1"), &json!("pending")), "{made}");
    // Only a notification of a refund that failed may leave the currency out.
    let (asked, found) = (
        r#"{ "by": { "handle": "abc" } }"#,
        "<transaction><id>abc</id><status>settled</status><type>sale</type><amount>60.00</amount></transaction>",
    );
    assert_eq!(made_of("braintree", "retrieve", asked, found)["error"], json!("protocol"));
    let whole = found.replace("</amount>", "</amount><currency-iso-code>USD</currency-iso-code>");
    assert_eq!(made_of("braintree", "retrieve", asked, &whole)["state"], json!("captured"));
}

#[test]
fn read_does_not_know_what_a_failed_system_did() {
    let failed = r#"<cnpOnlineResponse response="1" message="System Error - Call Cnp &amp; Co."/>"#;
    let told = made_of("worldpay-cnp", "authorize", "", failed);
    assert_eq!((&told["error"], &told["effect"]), (&json!("unavailable"), &json!("unknown")), "{told}");
}

#[test]
fn read_keeps_what_a_partial_approval_holds() {
    let partly = r#"{ "id": "7", "status": "PARTIAL_AUTHORIZED",
        "orderInformation": { "amountDetails": { "authorizedAmount": "40.00", "currency": "USD" } } }"#;
    let told = made_of("cybersource", "authorize", "", partly);
    assert_eq!((&told["error"], &told["effect"]), (&json!("integrity"), &json!("unknown")), "{told}");
    assert!(told["handle"].as_str().unwrap().contains("total=40.00"), "void releases what is held: {told}");
}

/// A thin event of Stripe's (docs.stripe.com/api/v2/core/events/object), signed with the key of the profile.
const THIN: &str = r#"{"id":"evt_1","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered","livemode":false,"created":"2026-11-22T12:00:00.000Z","related_object":{"id":"mtr_1","type":"billing.meter","url":"/v1/billing/meters/mtr_1"}}"#;
const THIN_SIGNATURE: &str =
    "stripe-signature: t=1795348800,v1=68f392a0f8c3dc5613130beedb937cd564b8e563b1ffd721d020277bf73fd226";

#[test]
fn read_passes_over_a_thin_event_that_is_vouched_for() {
    let read = |body: &str| {
        let arguments = ["read", "stripe", "webhook", "--body", "-", "--now", "1795348800", "--header", THIN_SIGNATURE];
        serde_json::from_str::<Value>(&ended(&arguments, body, 0).0).unwrap()
    };
    let told = read(THIN);
    assert_eq!((&told[0]["event"], &told[0]["kind"]), (&json!("evt_1"), &json!("ignored")), "{told}");
    assert_eq!(read(&THIN.replace("mtr_1", "mtr_2"))["error"], json!("signature"));
}
