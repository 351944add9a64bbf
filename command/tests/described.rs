//! `quittance new --from`: what a provider's description gives, in a small copy of the project.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod project;

use std::process::Command;

use project::Project;

const DESCRIPTION: &str = r##"{ "openapi": "3.0.3", "servers": [{ "url": "https://sandbox.acme.com/api" }, { "url": "https://live.acme.com/api" }],
  "components": { "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": "X-Acme-Key" } },
    "schemas": { "Payment": { "required": ["paymentId", "state"], "properties": { "paymentId": { "type": "string" }, "state": { "type": "string" },
      "amount": { "type": "string" }, "currency": { "type": "string" } } } } },
  "paths": {
    "/merchants/{merchantId}/payments": { "post": { "operationId": "makePayment", "parameters": [{ "in": "header", "name": "Idempotency-Key" }],
      "requestBody": { "content": { "application/json": { "schema": { "required": ["amount", "shop"], "properties": {
        "amount": { "type": "integer" }, "currency": { "type": "string" }, "shop": { "type": "string", "enum": ["web"] },
        "zone": { "type": "string" }, "card": { "properties": { "pan": { "type": "string" }, "expMonth": { "type": "string" } } } } } } } },
      "responses": { "201": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Payment" } } } } } } },
    "/merchants/{merchantId}/payments/{paymentId}": { "get": { "operationId": "onePayment", "responses": {} } },
    "/merchants/{merchantId}/payments/{paymentId}/capture": { "post": { "operationId": "takeIt", "responses": {} } },
    "/quotes/{id}/cancel": { "post": { "operationId": "cancelQuote", "responses": {} } } } }"##;

#[test]
fn addresses_that_nothing_tells_apart_are_to_be_filled_in() {
    let project = Project::new("unsure");
    let asked = "${fill:which address of the provider is the test environment's";
    for (name, sandbox, is_asked) in
        [("one", "https://one.acme.com/api", true), ("two", "https://test.acme.com/api", false)]
    {
        let file = project.write("api.json", &DESCRIPTION.replace("https://sandbox.acme.com/api", sandbox));
        project.good(&["new", name, "--from", &file]);
        assert_eq!(project.read(&format!("fixtures/{name}/profile.toml")).contains(asked), is_asked, "{name}");
    }
}

#[test]
fn a_description_gives_addresses_proofs_and_requests() {
    let project = Project::new("described");
    let file = project.write("api.json", DESCRIPTION);
    let made: serde_json::Value =
        serde_json::from_str(&project.good(&["new", "acme", "--from", &file, "--json"])).unwrap();
    let operations: Vec<&str> =
        made["operations"].as_array().unwrap().iter().map(|row| row["operation_id"].as_str().unwrap()).collect();
    assert_eq!(operations, ["makePayment", "takeIt", "onePayment"], "a quote is no payment");
    let tape = project.read("fixtures/acme/capture.full.toml");
    for part in [
        "https://sandbox.acme.com/api/merchants/${secret:merchant_id}/payments/${gen:payment}/capture",
        "x-acme-key = \"${secret:api_key}\", idempotency-key = \"${key}\"",
        "\"pan\": \"${card:number}\"",
        "\"shop\": \"web\"",
        "status = 201",
        "\"state\": \"${fill:status of a payment that is authorized}\"",
    ] {
        assert!(tape.contains(part), "no {part} in:\n{tape}");
    }
    assert!(!tape.contains("zone"), "what nobody asks for is left out");
    let wire = project.read("connectors/acme/src/wire.rs");
    assert!(
        wire.contains("#[serde(rename = \"paymentId\")]\n    pub(crate) id: String")
            && wire.contains("type Number = quittance::Decimal"),
        "{wire}"
    );
    assert!(project.read("connectors/acme/src/lib.rs").contains("self.credentials.merchant_id"));
    let described: toml::Table = project.read("specs/descriptions/acme.toml").parse().unwrap();
    assert_eq!(described["description"][0]["file"].as_str(), Some("api.json"));
    assert_eq!(described["description"][0]["base"].as_str(), Some("https://sandbox.acme.com/api"));
    let files: Vec<&str> = made["files"].as_array().unwrap().iter().filter_map(|file| file.as_str()).collect();
    assert!(files.contains(&"specs/descriptions/acme.toml"), "{files:?}");
    let next = made["next"].to_string();
    assert!(next.contains("certify acme --tier memory --descriptions") && next.contains("Cargo.lock"), "{next}");
    project.bad(
        &["new", "other", "--from", &file, "--body", "xml"],
        &["--body xml: the description given by --from has json"],
    );
    let yaml = project.write("api.yaml", &DESCRIPTION.replace("/payments", "/things"));
    project.bad(
        &["new", "other", "--from", &yaml],
        &["api.yaml: no path of it looks like a payment", "/merchants/{merchantId}/things"],
    );
}

/// A description with whole numbers for a card's expiry, lists of status values, and names that stand twice or mean something already.
const NAMES: &str = r##"{ "openapi": "3.1.0", "servers": [{ "url": "https://sandbox.acme.com" }, { "url": "https://live.acme.com" }],
  "components": { "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": "X-Api-Key" } },
    "parameters": { "shop": { "in": "header", "name": "X-Shop", "required": true } },
    "schemas": { "State": { "type": "string", "enum": ["OPEN", "PAID", "IT'S \"LOST\""] } } },
  "paths": {
    "/{apiKey}/{type}/payments": {
      "parameters": [{ "$ref": "#/components/parameters/shop" }, { "in": "query", "name": "lang", "required": true }],
      "post": { "parameters": [{ "$ref": "#/components/parameters/shop" }, { "in": "header", "name": "X-API-Key", "required": true },
        { "in": "query", "name": "lang", "required": true }],
      "requestBody": { "content": { "application/json": { "schema": { "properties": {
        "amount": { "type": "integer" }, "card": { "properties": { "number": { "type": "string" }, "exp_month": { "type": "integer" },
        "exp_year": { "type": "integer" } } } } } } } },
      "responses": { "200": { "content": { "application/json": { "schema": { "properties": {
        "id": { "type": "string" }, "status": { "$ref": "#/components/schemas/State" } } } } } } } } },
    "/{apiKey}/{type}/payments/{id}/refunds": { "post": { "responses": { "200": { "content": { "application/json": { "schema": { "properties": {
        "id": { "type": "string" }, "status": { "type": "string", "enum": ["DONE"] } } } } } } } } } } }"##;

#[test]
fn whole_numbers_status_values_and_names_come_out_of_a_description() {
    let project = Project::new("names");
    let file = project.write("api.json", NAMES);
    project.good(&["new", "acme", "--from", &file]);
    let tape = project.read("fixtures/acme/authorize.captured.toml");
    for part in [
        "\"exp_month\": \"${card:expiry_month#number}\"",
        "\"exp_year\": \"${card:expiry_year#number}\"",
        "https://sandbox.acme.com/${secret:api_key_in_path}/${secret:type_name}/payments?lang=${fill:lang}\"",
        "headers = { x-api-key = \"${secret:api_key}\", x-shop = \"${fill:header x-shop}\", content-type",
    ] {
        assert!(tape.contains(part), "no {part} in:\n{tape}");
    }
    let source = project.read("connectors/acme/src/lib.rs");
    assert!(source.contains("whole(\"exp_month\", i64::from(card.expiry.month()))"), "{source}");
    assert!(source.contains("/// The description lists `OPEN`, `PAID`, `IT'S \"LOST\"`.\nfn state("), "{source}");
    let profile: toml::Table = project.read("fixtures/acme/profile.toml").parse().unwrap();
    let row = |row: &toml::Value| (row["of"].as_str().unwrap().to_owned(), row["value"].as_str().unwrap().to_owned());
    let rows: Vec<_> = profile["status"].as_array().unwrap().iter().map(row).collect();
    let expected = [("payment", "OPEN"), ("payment", "PAID"), ("payment", "IT'S \"LOST\""), ("refund", "DONE")];
    assert_eq!(rows, expected.map(|(of, value)| (of.to_owned(), value.to_owned())));
    let becomes = |row: &toml::Value| row["becomes"].as_str().is_some_and(|becomes| becomes.starts_with("${fill:"));
    assert!(profile["status"].as_array().unwrap().iter().all(becomes), "what they mean is not made up");
}

/// A description whose answers are no payments, whose refusals come under 422, and whose card is one of several sources.
const ANSWERS: &str = r##"{ "openapi": "3.0.3", "servers": [{ "url": "https://sandbox.acme.com" }, { "url": "https://live.acme.com" }],
  "components": { "schemas": {
    "Taken": { "required": ["action_id"], "properties": { "action_id": { "type": "string" }, "reference": { "type": "string", "readOnly": true } } },
    "Invalid": { "properties": { "request_id": { "type": "string" }, "error_type": { "type": "string" },
      "error_codes": { "type": "array", "items": { "type": "string" } } } },
    "Source": { "required": ["type"], "properties": { "type": { "type": "string" } }, "discriminator": { "propertyName": "type",
      "mapping": { "bank": "#/components/schemas/Bank", "giftcard": "Bank", "card": "#/components/schemas/Card" } } },
    "Bank": { "allOf": [{ "$ref": "#/components/schemas/Source" }, { "required": ["iban"], "properties": { "iban": { "type": "string" } } }] },
    "Card": { "allOf": [{ "$ref": "#/components/schemas/Source" }, { "properties": { "number": { "type": "string" }, "expiry_month": { "type": "integer" } } }] },
    "OneOf": { "oneOf": [{ "$ref": "#/components/schemas/Bank" }, { "$ref": "#/components/schemas/Card" }], "discriminator": { "propertyName": "type",
      "mapping": { "bank": "Bank", "newCard": "Card" } } } } },
  "paths": {
    "/payments": { "post": {
      "requestBody": { "content": { "application/json": { "schema": { "properties": { "amount": { "type": "integer" },
        "source": { "$ref": "#/components/schemas/Source" } } } } } },
      "responses": {
        "200": { "description": "no body" },
        "201": { "content": { "application/json": { "schema": { "properties": { "id": { "type": "string" }, "status": { "type": "string" } } } } } },
        "422": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Invalid" } } } } } } },
    "/payments/{id}/refunds": { "post": { "responses": {
      "202": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Taken" } } } } } } },
    "/refunds/{id}": { "get": { "responses": { "200": { "content": { "application/json": { "schema": {
      "required": ["outcome"], "properties": { "outcome": { "type": "string" } } } } } } } } },
    "/payments/{id}/captures": { "post": { "responses": {
      "202": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Taken" } } } },
      "401": { "description": "no body" },
      "422": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Invalid" } } } } } } } } }"##;

#[test]
fn answers_refusals_and_the_card_come_out_of_a_description() {
    let project = Project::new("answers");
    for (name, source) in [("base", "Source\" } }"), ("union", "OneOf\" } }")] {
        let file = project.write("api.json", &ANSWERS.replacen("Source\" } }", source, 1));
        project.good(&["new", name, "--from", &file]);
    }
    let exchanges = |case: &str| -> Vec<(toml::Value, serde_json::Value)> {
        let tape: toml::Table = project.read(&format!("fixtures/{case}.toml")).parse().unwrap();
        let answer = |exchange: &toml::Value| {
            let answer = &exchange["response"];
            (answer["status"].clone(), serde_json::from_str(answer["body"].as_str().unwrap()).unwrap())
        };
        tape["exchange"].as_array().unwrap().iter().map(answer).collect()
    };
    let taken = &exchanges("base/capture.full")[1];
    assert_eq!(taken.0, toml::Value::from(202), "{taken:?}");
    assert_eq!(taken.1, serde_json::json!({ "action_id": "text", "reference": "${reference}" }));
    let refund = project.read("fixtures/base/retrieve_refund.succeeded.toml");
    let outcome = "\"outcome\": \"${fill:status of a refund that is succeeded}\"";
    for part in ["\"action_id\": \"${gen:refund}\"", "/refunds/${gen:refund}\"", outcome] {
        assert!(refund.contains(part), "no {part} in:\n{refund}");
    }
    let nameless = project.write("nameless.json", &ANSWERS.replace("action_id", "taken"));
    project.good(&["new", "nameless", "--from", &nameless]);
    let refund = project.read("fixtures/nameless/retrieve_refund.succeeded.toml");
    assert!(refund.contains("/refunds/${fill:the id of the refund}\""), "{refund}");
    let refused = &exchanges("base/authorize.invalid")[0];
    assert_eq!(refused.0, toml::Value::from(422), "{refused:?}");
    let names: Vec<&String> = refused.1.as_object().unwrap().keys().collect();
    assert_eq!(names, ["error_codes", "error_type"], "{refused:?}");
    let wire = project.read("connectors/base/src/wire.rs");
    assert!(wire.contains("#[serde(rename = \"error_type\")]\n    pub(crate) code: Option<String>"), "{wire}");
    assert!(project.read("connectors/base/src/lib.rs").contains("the answer holds `action_id`, `reference`: read it"));
    for (name, word) in [("base", "card"), ("union", "newCard")] {
        let tape = project.read(&format!("fixtures/{name}/authorize.captured.toml"));
        let typed = format!("\"type\": \"{word}\"");
        for part in [typed.as_str(), "\"number\": \"${card:number}\"", "\"${card:expiry_month#number}\""] {
            assert!(tape.contains(part) && !tape.contains("iban"), "no {part} in:\n{tape}");
        }
    }
}

/// A description whose answers stand in an envelope with a status of its own, beside other objects with ids and amounts.
const ENVELOPE: &str = r##"{ "openapi": "3.1.0", "servers": [{ "url": "https://api.acme.com" }],
  "info": { "title": "Acme", "description": "Deliveries carry `X-Acme-Signature`, the HMAC SHA512 of the body." },
  "webhooks": { "charge.success": { "post": {} } },
  "components": { "schemas": {
    "Charge": { "required": ["status", "message", "data"], "properties": { "status": { "type": "boolean" }, "message": { "type": "string",
      "example": "Charge attempted" }, "meta": { "type": "object" }, "data": { "type": "object", "required": ["amount", "authorization", "channel",
      "custom_fields", "customer", "id", "paid_at", "reference", "status"], "properties": {
        "amount": { "type": "integer" }, "authorization": { "type": "object", "required": ["bin"], "properties": { "bin": { "type": "string" },
          "note": { "type": "string" } } },
        "channel": { "type": "string", "enum": ["card", "bank"] }, "currency": { "type": "string" }, "custom_fields": { "type": "array", "minItems": 1,
          "items": { "type": "object", "required": ["value"], "properties": { "value": { "type": "string" } } } },
        "customer": { "type": "object", "required": ["id"], "properties": { "id": { "type": "integer" }, "status": { "type": "string" } } },
        "gateway_response": { "type": "string" }, "id": { "type": "integer" }, "metadata": { "type": "object" },
        "paid_at": { "type": "string", "format": "date-time" }, "reference": { "type": "string" },
        "status": { "type": "string", "enum": ["success", "failed"] }, "lost": { "$ref": "#/components/schemas/None" } } } } },
    "Refused": { "required": ["status", "message"], "properties": { "status": { "type": "boolean" }, "message": { "type": "string" } } } } },
  "paths": {
    "/charge": { "post": { "requestBody": { "content": { "application/json": { "schema": { "required": ["amount", "email"], "properties": {
        "amount": { "type": "integer" }, "currency": { "type": "string", "enum": ["NGN", "GHS"] }, "email": { "type": "string" },
        "reference": { "type": "string" }, "order_id": { "type": "string" } } } } } },
      "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Charge" } } } },
        "400": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Refused" } } } } } } },
    "/charge/{reference}": { "get": { "summary": "Check pending charge", "responses": { "200": { "content": { "application/json": { "schema":
      { "$ref": "#/components/schemas/Charge" } } } } } } },
    "/order/{id}": { "get": { "responses": {} } },
    "/shop/verify/{name}": { "get": { "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Charge" } } } } } } },
    "/transaction/{id}": { "get": { "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Charge" } } } } } } },
    "/refund": { "post": { "requestBody": { "content": { "application/json": { "schema": { "required": ["transaction"], "properties": {
      "transaction": { "type": "string" } } } } } }, "responses": {} } } } }"##;

#[test]
fn what_wraps_an_answer_is_known() {
    let project = Project::new("envelope");
    let file = project.write("api.json", ENVELOPE);
    let shown = project.good(&["new", "acme", "--from", &file]);
    for part in [
        "authorize        POST /charge\n",
        "3 optional members of its answer are left out",
        "retrieve         GET /transaction/{id}\n                 or GET /charge/{reference}",
        "--route retrieve='GET /charge/{reference}'",
        "passed over: /components/schemas/Charge/properties/data/properties/lost/$ref: `#/components/schemas/None` names nothing",
    ] {
        assert!(shown.contains(part), "no {part} in:\n{shown}");
    }
    let tape: toml::Table = project.read("fixtures/acme/authorize.captured.toml").parse().unwrap();
    let answer = tape["exchange"][0]["response"]["body"].as_str().unwrap();
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    let data = serde_json::json!({ "amount": 6000, "authorization": { "bin": "text" }, "channel": "card", "currency": "NGN",
        "custom_fields": [{ "value": "text" }], "customer": { "id": 1 }, "id": "${gen:payment:digits9#number}", "paid_at": "2026-01-15T10:00:00Z",
        "reference": "${reference}", "status": "${fill:status of a payment that is captured, one of success, failed}" });
    assert_eq!(answer, serde_json::json!({ "status": true, "message": "Charge attempted", "data": data }));
    let request = tape["exchange"][0]["request"]["json"].as_str().unwrap();
    assert!(request.contains("\"currency\": \"NGN\"") && !request.contains("order_id"), "{request}");
    let decline = project.read("fixtures/acme/decline.generic_decline.toml");
    assert!(decline.contains("\"gateway_response\": \"${fill:code of the provider for: generic}\""), "{decline}");
    let refused = project.read("fixtures/acme/authorize.invalid.toml");
    assert!(refused.contains("\"status\": false"), "{refused}");
    let refund = project.read("fixtures/acme/refund.full.toml");
    assert!(refund.contains("\"transaction\": \"${gen:payment:digits9}\""), "{refund}");
    let profile = project.read("fixtures/acme/profile.toml");
    for part in ["currency = \"NGN\"\ncountry = \"NG\"", "header x-acme-signature", "# algorithm = \"hmac-sha512\""] {
        assert!(profile.contains(part), "no {part} in:\n{profile}");
    }
    let (wire, lib) = (project.read("connectors/acme/src/wire.rs"), project.read("connectors/acme/src/lib.rs"));
    for part in ["pub(crate) data: PaymentData,", "pub(crate) id: i64,", "#[serde(rename = \"gateway_response\")]"] {
        assert!(wire.contains(part), "no {part} in:\n{wire}");
    }
    for part in ["Handle::new(found.data.id.to_string())", "state(&found.data.status, found.data.reason.as_deref())"] {
        assert!(lib.contains(part), "no {part} in:\n{lib}");
    }
    assert!(lib.contains("`x-acme-signature`") && lib.contains("charge.success"), "{lib}");
}

/// Which request is which operation can be said; then what the path calls the payment is its id.
#[test]
fn requests_are_named_for_operations() {
    let project = Project::new("routes");
    let file = project.write("api.json", ENVELOPE);
    let named = ["--route", "retrieve=GET /charge/{reference}", "--route", "refund=none"];
    let shown = project.good(&[["new", "acme", "--from", &file].as_slice(), &named].concat());
    assert!(shown.contains("retrieve         GET /charge/{id}\n") && !shown.contains("refund.full"), "{shown}");
    let tape = project.read("fixtures/acme/retrieve.captured.toml");
    assert!(tape.contains("/charge/${reference:1}\"") && !tape.contains("gen:payment"), "{tape}");
    assert!(project.read("connectors/acme/src/lib.rs").contains("reference: Some(id.clone())"));
    let wrong = |route: &str, parts: &[&str]| project.bad(&["new", "b", "--from", &file, "--route", route], parts);
    wrong("retrieve=GET /none", &["--route retrieve='GET /none': it has no such request", "GET /transaction/{id}"]);
    wrong("look=GET /charge", &["--route look=GET /charge", "authorize, capture, void, refund"]);
}

#[test]
fn a_description_may_stand_in_several_files() {
    let project = Project::new("files");
    let whole = project.write("whole.json", ANSWERS);
    project.write("parts.json", ANSWERS);
    let split = ANSWERS.replace("\"components\"", "\"x-none\"").replace("\"#/", "\"./parts.json#/");
    let split = project.write("split.json", &split);
    project.good(&["new", "undivided", "--from", &whole]);
    project.good(&["new", "divided-up", "--from", &split]);
    for case in ["authorize.captured", "authorize.invalid", "capture.full", "retrieve_refund.succeeded"] {
        let tape = |name: &str| project.read(&format!("fixtures/{name}/{case}.toml")).replace(name, "acme");
        assert_eq!(tape("divided-up"), tape("undivided"), "{case}");
    }
    std::fs::remove_file(project.0.join("parts.json")).unwrap();
    project.bad(&["new", "other", "--from", &split], &["parts.json, which a reference names", "No such file"]);
}

#[test]
fn what_is_no_whole_description_is_refused_with_its_member() {
    let project = Project::new("no-description");
    let from = |name: &str, text: &str| project.write(name, text);
    let four = from("four.json", &DESCRIPTION.replace("3.0.3", "4.0.0"));
    project
        .bad(&["new", "acme", "--from", &four], &["four.json: expected openapi: \"3.0\"", "found openapi: \"4.0.0\""]);
    let torn = from("torn.json", &DESCRIPTION.replace("schemas/Payment\"", "schemas/Paymnt\""));
    let place = "/paths/~1merchants~1{merchantId}~1payments/post/responses/201/content/application~1json/schema/$ref";
    project
        .bad(&["new", "acme", "--from", &torn], &["torn.json: ", place, "`#/components/schemas/Paymnt` names nothing"]);
    let url = "https://api.acme.com/openapi.json";
    project.bad(&["new", "acme", "--from", url], &["expected a file, found an address", "curl", "--from openapi.json"]);
}

/// The printed command takes a connector back, and leaves what else was changed meanwhile.
#[test]
fn what_was_made_is_taken_back() {
    let project = Project::new("back");
    let file = project.write("api.json", DESCRIPTION);
    let before = project.files();
    project.good(&["new", "acme-b"]);
    let manifest = project.0.join("connectors/Cargo.toml");
    let beside = format!("{}# mine\n", project.read("connectors/Cargo.toml"));
    std::fs::write(&manifest, &beside).unwrap();
    let made = project.good(&["new", "acme", "--from", &file, "--json"]);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let lines = |text: &str| text.lines().count();
    assert_eq!(
        lines(&project.read("connectors/Cargo.toml")),
        lines(&beside) + 3,
        "a line each, and no other is changed"
    );
    let back = made["take_back"].as_str().unwrap();
    let done = Command::new("sh").args(["-c", back]).current_dir(&project.0).status().unwrap();
    assert!(done.success(), "{back}");
    assert_eq!(project.read("connectors/Cargo.toml"), beside);
    assert!(project.read("connectors/lib.rs").contains("quittance_acme_b::ENTRY"));
    assert!(!project.0.join("specs/descriptions/acme.toml").exists());
    let all = [project.good(&["new", "acme-c", "--family", "pix", "--json"]), String::new()];
    let all: serde_json::Value = serde_json::from_str(&all.concat()).unwrap();
    for id in ["acme-c", "acme-b"] {
        let back =
            all["take_back"].as_str().unwrap().replace("acme-c", id).replace("acme[-_]c", &id.replace('-', "[-_]"));
        assert!(Command::new("sh").args(["-c", &back]).current_dir(&project.0).status().unwrap().success(), "{back}");
    }
    std::fs::write(&manifest, project.read("connectors/Cargo.toml").replace("# mine\n", "")).unwrap();
    assert_eq!(project.files(), before);
}
