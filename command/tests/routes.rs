//! `quittance new --from`: which request of a description is taken for which operation, in the forms that providers write their paths.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod project;

use project::Project;
use serde_json::{Map, Value, json};

/// A description of these requests, `VERB /path` each, with a summary behind a `:` for some. One that is posted has an amount.
fn description(requests: &[&str]) -> String {
    let mut paths = Map::new();
    for request in requests {
        let (shown, summary) = request.split_once(": ").unwrap_or((request, ""));
        let (verb, path) = shown.split_once(' ').unwrap();
        let mut operation = json!({ "summary": summary, "responses": {} });
        if verb != "GET" {
            let body = json!({ "properties": { "amount": { "type": "integer" }, "payment_id": { "type": "string" } } });
            operation["requestBody"] = json!({ "content": { "application/json": { "schema": body } } });
        }
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[verb.to_lowercase()] = operation;
    }
    json!({ "openapi": "3.0.3", "paths": Value::Object(paths) }).to_string()
}

/// The requests that are taken, by operation; paths name the id as the crate has it.
#[track_caller]
fn check(name: &str, requests: &[&str], expected: &[&str]) {
    let project = Project::new(&format!("route-{name}"));
    let file = project.write("api.json", &description(requests));
    let made: Value =
        serde_json::from_str(&project.good(&["new", "acme", "--from", &file, "--dry-run", "--json"])).unwrap();
    let row = |row: &Value| format!("{} {}", row["operation"].as_str().unwrap(), row["request"].as_str().unwrap());
    let found: Vec<String> = made["operations"].as_array().unwrap().iter().map(row).collect();
    assert_eq!(found, expected, "{name}");
}

#[test]
fn words_of_making_and_suffixes_of_servers_are_no_nouns() {
    check(
        "making",
        &[
            "POST /pa/payment_intents/create",
            "GET /pa/payment_intents/{id}",
            "POST /pa/refunds/create",
            "GET /pa/refunds/{id}",
        ],
        &[
            "authorize POST /pa/payment_intents/create",
            "refund POST /pa/refunds/create",
            "retrieve GET /pa/payment_intents/{id}",
            "retrieve_refund GET /pa/refunds/{id}",
        ],
    );
    check(
        "suffixes",
        &["POST /payment.do", "POST /settlePayment.do", "POST /voidPayment.do", "POST /refundPayment.do"],
        &[
            "authorize POST /payment.do",
            "capture POST /settlePayment.do",
            "void POST /voidPayment.do",
            "refund POST /refundPayment.do",
        ],
    );
}

#[test]
fn a_way_to_pay_may_follow_the_noun() {
    check(
        "ways",
        &[
            "POST /pay/transactions/app",
            "GET /pay/transactions/by-number/{number}",
            "POST /pay/transactions/by-number/{number}/close",
            "POST /score/later-orders",
            "POST /score/later-orders/{number}/complete",
            "POST /refund/refunds",
            "GET /refund/refunds/{number}",
        ],
        &[
            "authorize POST /pay/transactions/app",
            "void POST /pay/transactions/by-number/{id}/close",
            "refund POST /refund/refunds",
            "retrieve GET /pay/transactions/by-number/{id}",
            "retrieve_refund GET /refund/refunds/{id}",
        ],
    );
}

#[test]
fn what_is_looked_up_is_what_was_made() {
    check(
        "made",
        &[
            "POST /stores/{store}/invoices",
            "GET /invoices/{invoice}",
            "GET /stores/{store}/node/{node}/payments/{hash}",
            "POST /invoices/{invoice}/refund",
            "GET /invoices/{invoice}/refund/{payment_method}",
        ],
        &[
            "authorize POST /stores/{store}/invoices",
            "refund POST /invoices/{id}/refund",
            "retrieve GET /invoices/{id}",
        ],
    );
    check(
        "verified",
        &[
            "POST /charge",
            "GET /charge/{reference}: Check pending charge",
            "GET /transaction/verify/{reference}: Verify a transaction",
            "GET /paymentrequest/verify/{code}: Verify a payment request",
            "POST /refund",
        ],
        &["authorize POST /charge", "refund POST /refund", "retrieve GET /transaction/verify/{id}"],
    );
    check(
        "whose",
        &[
            "PUT /auth",
            "PUT /capture",
            "PUT /void",
            "PUT /refund",
            "GET /inquire/{number}/{merchant}: Inquire about a transaction",
        ],
        &[
            "authorize PUT /auth",
            "capture PUT /capture",
            "void PUT /void",
            "refund PUT /refund",
            "retrieve GET /inquire/{id}/{merchant}",
        ],
    );
}

#[test]
fn what_is_done_may_stand_in_the_name_alone() {
    check(
        "named",
        &[
            "POST /authorizations",
            "GET /authorizations/{id}",
            "PUT /authorizations/{id}: Capture an authorization",
            "DELETE /authorizations/{id}: Cancel it",
            "POST /transfers",
            "POST /transfers/{id}/reversals: Refund a transfer",
        ],
        &[
            "authorize POST /authorizations",
            "capture PUT /authorizations/{id}",
            "void DELETE /authorizations/{id}",
            "refund POST /transfers/{id}/reversals",
            "retrieve GET /authorizations/{id}",
        ],
    );
    check(
        "closed",
        &[
            "POST /incoming-payments",
            "POST /incoming-payments/{id}/complete: Close it",
            "POST /outgoing-payments",
            "GET /outgoing-payments/{id}",
        ],
        &["authorize POST /outgoing-payments", "retrieve GET /outgoing-payments/{id}"],
    );
    check(
        "before",
        &[
            "POST /payments",
            "POST /payments/captures/{id}",
            "POST /payments/cancellations/{id}",
            "POST /payments/refunds/{id}",
            "GET /payments/{id}",
        ],
        &[
            "authorize POST /payments",
            "capture POST /payments/captures/{id}",
            "void POST /payments/cancellations/{id}",
            "refund POST /payments/refunds/{id}",
            "retrieve GET /payments/{id}",
        ],
    );
}

#[test]
fn simulations_and_books_are_no_payments() {
    check(
        "simulated",
        &[
            "POST /simulations/payments",
            "POST /simulations/payments/{id}/settle",
            "POST /transfers",
            "GET /transfers/{id}",
            "POST /invoices/{id}/payments: Record a payment",
        ],
        &["authorize POST /transfers", "retrieve GET /transfers/{id}"],
    );
    check(
        "authorized",
        &[
            "POST /payments/payment",
            "GET /payments/payment/{id}",
            "POST /payments/orders/{id}/capture",
            "POST /payments/authorization/{id}/capture",
            "POST /payments/sale/{id}/refund",
            "POST /payments/orders/{id}/void",
            "POST /payments/authorization/{id}/void",
            "POST /payments/authorization/{id}/reverse",
        ],
        &[
            "authorize POST /payments/payment",
            "capture POST /payments/authorization/{id}/capture",
            "void POST /payments/authorization/{id}/void",
            "refund POST /payments/sale/{id}/refund",
            "retrieve GET /payments/payment/{id}",
        ],
    );
}

/// Where nothing takes a reserved payment, a void is that of one that is taken; and what is not read yet has a name that says so.
#[test]
fn a_void_without_a_capture_stands_for_itself() {
    let project = Project::new("route-void");
    let file =
        project.write("api.json", &description(&["POST /payments", "POST /payments/void", "GET /payments/{id}"]));
    project.good(&["new", "acme", "--from", &file]);
    let lib = project.read("connectors/acme/src/lib.rs");
    assert!(lib.contains("void: VoidRules { captured: true, debit: false }"), "{lib}");
    assert!(project.read("fixtures/acme/void.captured.toml").contains("/payments/void"));
    let none = description(&["PUT /auth", "PUT /void"]).replace("payment_id", "number");
    let file = project.write("none.json", &none);
    project.good(&["new", "other", "--from", &file]);
    let lib = project.read("connectors/other/src/lib.rs");
    assert!(lib.contains("async fn void(&self, cx: &Context<'_>, _request: &Void)"), "{lib}");
}

/// A refund that is looked up under its payment has a handle that names both.
#[test]
fn a_refund_may_stand_under_its_payment() {
    let project = Project::new("route-under");
    let requests = ["POST /charges", "POST /charges/{charge}/refunds", "GET /charges/{charge}/refunds/{refund}"];
    let file = project.write("api.json", &description(&requests));
    project.good(&["new", "acme", "--from", &file]);
    let lib = project.read("connectors/acme/src/lib.rs");
    for part in [
        "refund(send(call).await?, &request.payment)",
        "request.refund.part(\"payment\").map(Handle::new)",
        "of.segment()?, request.refund.segment()?",
        ".with(\"payment\", payment.id())",
    ] {
        assert!(lib.contains(part), "no {part} in:\n{lib}");
    }
    let tape = project.read("fixtures/acme/retrieve_refund.succeeded.toml");
    assert!(tape.contains("/charges/${gen:payment}/refunds/${gen:refund}"), "{tape}");
    assert!(!lib.contains("pub charge:"), "the payment's id is no credential");
}
