//! `quittance new` in a small copy of the project: what it writes, what it refuses, and that a failure leaves nothing behind.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A copy of what the command reads: the catalogue's files; specs and families by a link, fixtures one by one.
struct Project(PathBuf);

impl Project {
    fn new(name: &str) -> Project {
        let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("new-{name}"));
        let _of_an_earlier_run = std::fs::remove_dir_all(&to);
        let from = Path::new(ROOT).canonicalize().unwrap();
        for folder in ["connectors", "fixtures", "sdk"] {
            std::fs::create_dir_all(to.join(folder)).unwrap();
        }
        for file in ["Cargo.toml", "connectors/Cargo.toml", "connectors/lib.rs"] {
            std::fs::copy(from.join(file), to.join(file)).unwrap();
        }
        for link in ["specs", "sdk/families", "connectors/stripe"] {
            symlink(from.join(link), to.join(link)).unwrap();
        }
        for entry in std::fs::read_dir(from.join("fixtures")).unwrap() {
            let entry = entry.unwrap();
            symlink(entry.path(), to.join("fixtures").join(entry.file_name())).unwrap();
        }
        Project(to)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_quittance"))
            .args(arguments)
            .arg("--root")
            .arg(&self.0)
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    #[track_caller]
    fn good(&self, arguments: &[&str]) -> String {
        let (code, shown, told) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {told}");
        shown
    }

    /// Refused with exit code 2 and a message of these parts, and every file is as it was.
    #[track_caller]
    fn bad(&self, arguments: &[&str], parts: &[&str]) {
        let before = self.files();
        let (code, shown, told) = self.run(arguments);
        assert_eq!((code, shown.as_str()), (2, ""), "{arguments:?}: {told}");
        for part in parts {
            assert!(told.contains(part), "{arguments:?}: no `{part}` in: {told}");
        }
        assert_eq!(self.files(), before, "{arguments:?}");
    }

    /// Every file of its own with its content.
    fn files(&self) -> BTreeMap<PathBuf, String> {
        fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                match entry.file_type().unwrap() {
                    kind if kind.is_dir() => collect(&entry.path(), files),
                    kind if kind.is_file() => {
                        files.insert(entry.path(), std::fs::read_to_string(entry.path()).unwrap());
                    }
                    _ => {}
                }
            }
        }
        let mut files = BTreeMap::new();
        collect(&self.0, &mut files);
        files
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }

    /// Puts a profile of its own in place of a connector's fixtures, with another text in place of one.
    fn alter(&self, id: &str, from: &str, to: &str) {
        let folder = self.0.join("fixtures").join(id);
        let profile = std::fs::read_to_string(folder.join("profile.toml")).unwrap();
        std::fs::remove_file(&folder).unwrap();
        std::fs::create_dir(&folder).unwrap();
        assert!(profile.contains(from), "{profile}");
        std::fs::write(folder.join("profile.toml"), profile.replace(from, to)).unwrap();
    }

    fn write(&self, name: &str, content: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn a_connector_of_its_own() {
    let project = Project::new("own");
    let before = project.files();
    let shown = project.good(&["new", "acme", "--dry-run"]);
    assert!(shown.contains("new     fixtures/acme/authorize.captured.toml"), "{shown}");
    assert_eq!(project.files(), before, "a dry run writes nothing");
    let shown = project.good(&["new", "acme", "--name", "Acme Pay"]);
    assert!(shown.contains("cargo run -- certify acme"), "{shown}");
    let lib = project.read("connectors/acme/src/lib.rs");
    for part in ["pub static ENTRY: Entry = Entry::of::<Acme>();", "Op::Capture", "\"Acme Pay\"", "State::Unrecognised"]
    {
        assert!(lib.contains(part), "no {part} in:\n{lib}");
    }
    assert!(project.read("connectors/acme/src/wire.rs").contains("struct Refund"));
    assert!(
        project
            .read("connectors/lib.rs")
            .contains("    #[cfg(feature = \"acme\")]\n    &quittance_acme::ENTRY,\n    #[cfg(feature = \"adyen\")]")
    );
    let manifest = project.read("connectors/Cargo.toml");
    assert!(manifest.contains("all = [\n    \"acme\", \"adyen\","), "{manifest}");
    assert!(manifest.contains("\nacme = [\"dep:quittance-acme\"]\nadyen = ["), "{manifest}");
    assert!(
        manifest.contains("\nquittance-acme = { path = \"acme\", optional = true }\nquittance-adyen = {"),
        "{manifest}"
    );
    let tape = project.read("fixtures/acme/capture.full.toml");
    assert!(
        tape.contains("payments/${gen:payment}/captures")
            && tape.contains("${fill:status of a payment that is captured}"),
        "{tape}"
    );
    assert!(project.read("fixtures/acme/profile.toml").contains("\"card:lost_card\" = \"${fill:"));
    assert!(
        !project.0.join("fixtures").read_dir().unwrap().any(|entry| entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with('.'))
    );
    project.bad(&["new", "acme"], &["connectors/acme exists already"]);
}

#[test]
fn the_forms_of_bodies() {
    let project = Project::new("bodies");
    project.good(&["new", "acme-xml", "--body", "xml"]);
    assert!(project.read("connectors/acme-xml/src/lib.rs").contains(".xml(\"refund\", &body)"));
    assert!(project.read("fixtures/acme-xml/refund.full.toml").contains("<refund>\n  <amount>6000</amount>"));
    project.good(&["new", "acme-soap", "--body", "soap"]);
    let (lib, tape) =
        (project.read("connectors/acme-soap/src/lib.rs"), project.read("fixtures/acme-soap/refund.full.toml"));
    assert!(lib.contains("&envelope(\"refund\", body))") && lib.contains("use quittance::body::{Json, flag,"), "{lib}");
    assert!(tape.contains("  <soap:Body>\n    <refund>\n      <payment>${gen:payment}</payment>"), "{tape}");
    project.good(&[
        "new",
        "acme-form",
        "--body",
        "form",
        "--sandbox-url",
        "https://t.acme.com/v2/",
        "--live-url",
        "https://acme.com/v2",
    ]);
    let tape = project.read("fixtures/acme-form/authorize.captured.toml");
    assert!(
        tape.contains("url = \"https://t.acme.com/v2/payments\"")
            && tape.contains("\"card[number]\" = \"${card:number}\""),
        "{tape}"
    );
    assert!(
        !project.read("fixtures/acme-form/profile.toml").contains(".example"),
        "nothing is made up when both addresses are given"
    );
}

/// One address for all: the body says what is asked and of which payment, and no address of documentation is made up.
#[test]
fn one_endpoint_and_decimal_amounts() {
    let project = Project::new("single");
    project.good(&["new", "acme-xml", "--body", "xml", "--endpoint", "single", "--amount", "major"]);
    let tape = project.read("fixtures/acme-xml/capture.full.toml");
    for part in [
        "url = \"https://sandbox.acme-xml.example/v1\"",
        "<capture>\n  <payment>${gen:payment}</payment>\n  <amount>60.00</amount>",
    ] {
        assert!(tape.contains(part), "no {part} in:\n{tape}");
    }
    assert!(project.read("fixtures/acme-xml/retrieve.captured.toml").contains("<retrieve>\n  <payment>"));
    let lib = project.read("connectors/acme-xml/src/lib.rs");
    for part in [
        "text(\"payment\", request.payment.id())",
        "text(\"payment\", handle.id())",
        "AcmeXml::SPEC.major(&request.amount)?",
        "// To fill in: the address of the provider's documentation",
    ] {
        assert!(lib.contains(part), "no {part} in:\n{lib}");
    }
    assert!(
        !lib.contains("docs.acme")
            && project.read("fixtures/acme-xml/profile.toml").contains("${fill:the address of the documentation")
    );
    let page = "https://developer.acme.com/api";
    project.good(&["new", "acme-json", "--endpoint", "single", "--documentation", page]);
    assert!(project.read("fixtures/acme-json/void.authorized.toml").contains("\"operation\": \"void\""));
    assert!(project.read("connectors/acme-json/src/lib.rs").contains(page));
    assert!(!project.read("fixtures/acme-json/profile.toml").contains("the address of the documentation"));
    project.bad(&["new", "acme", "--documentation", "acme.com"], &["--documentation acme.com", "https://"]);
    project.bad(&["new", "acme", "--endpoint", "two"], &["resources", "single"]);
}

#[test]
fn a_thin_crate_takes_its_addresses() {
    let project = Project::new("addresses");
    let page = "https://developer.bank.com";
    for (family, path) in [("pix", "/pix/v2"), ("open-banking-uk", "/obie/open-banking"), ("cybersource-rest", "")] {
        let (test, live) = (format!("https://test.bank.com{path}/"), format!("https://bank.com{path}"));
        let id = format!("bank-{family}");
        let given = ["--sandbox-url", &test, "--live-url", &live, "--documentation", page];
        project.good(&[["new", &id, "--family", family].as_slice(), &given].concat());
        let profile = project.read(&format!("fixtures/{id}/profile.toml"));
        let text = project.read(&format!("connectors/{id}/src/lib.rs")) + &profile;
        assert!(text.contains("test.bank.com") && text.contains(page), "{text}");
        assert!(text.contains("${fill:"), "it stays a draft");
        // What was given says nothing of where tokens come from: neither host is made to give them.
        let asked = "${fill:the token addresses in place of those that end in .example";
        let (made_up, is_asked) = match family {
            "pix" => ("bank.com/oauth/token", profile.contains(asked)),
            "open-banking-uk" => ("bank.com/.well-known", profile.contains("${fill:discovery address, token address")),
            _ => (".example", true),
        };
        assert!(!text.contains(made_up) && is_asked, "{family}: {text}");
    }
    project.bad(&["new", "bank", "--family", "pix", "--sandbox-url", "test"], &["--sandbox-url test"]);
    let versioned = "https://bank.com/open-banking/v3.1/pisp";
    let told = [versioned, "adds the version itself; give what stands before it, https://bank.com/open-banking"];
    project.bad(&["new", "bank", "--family", "open-banking-uk", "--live-url", versioned], &told);
    project.bad(&["new", "bank", "--family", "", "--live-url", versioned], &["--family is empty", "pix"]);
}

/// One that was made and not compiled yet is no unknown name.
#[test]
fn a_connector_that_is_not_compiled_in() {
    let project = Project::new("uncompiled");
    project.good(&["new", "acme-bank", "--family", "pix"]);
    let told = ["`acme-bank` is not compiled into this program", "cargo run -- certify acme-bank"];
    for command in ["certify", "docs", "tapes"] {
        project.bad(&[command, "acme-bank"], &told);
    }
    project.bad(&["certify", "acme-bonk"], &["unknown connector `acme-bonk`"]);
}

/// A host that tapes ask and the connector does not declare makes every case fail: the check that says so is told first.
#[test]
fn the_cause_of_many_failures_is_told_first() {
    let project = Project::new("undeclared");
    project.alter("itau", "devportal.itau.com.br/api/jwt", "token.bank.example/jwt");
    let (code, shown, _) = project.run(&["certify", "itau", "--tier", "memory"]);
    let (first, _) = shown.split_once("repeat:").unwrap();
    assert!(code == 1 && first.starts_with("FAIL itau check:spec"), "{code} {first}");
    assert!(first.contains("host token.bank.example") && first.contains("undeclared"), "{first}");
}

#[test]
fn a_bank_without_a_test_environment_says_what_its_profile_needs() {
    let project = Project::new("live");
    project.alter("natwest", "environment = \"live\"", "");
    project.bad(
        &["certify", "natwest"],
        &["fixtures/natwest/profile.toml: credentials.environment", "`environment = \"live\"`"],
    );
}

#[test]
fn every_family_has_its_templates() {
    let project = Project::new("families");
    for family in std::fs::read_dir(Path::new(ROOT).join("sdk/families")).unwrap() {
        let family = family.unwrap().file_name().into_string().unwrap();
        let id = format!("my-{family}");
        project.good(&["new", &id, "--family", &family, "--name", "My Bank"]);
        let lib = project.read(&format!("connectors/{id}/src/lib.rs"));
        assert!(lib.contains("My Bank") && lib.lines().count() < 80, "{lib}");
        assert!(
            project
                .read(&format!("connectors/{id}/Cargo.toml"))
                .contains(&format!("quittance-{family}.workspace = true"))
        );
        let profile = project.read(&format!("fixtures/{id}/profile.toml"));
        assert!(profile.contains("[like]") && profile.contains("${fill:"), "{profile}");
    }
    project.bad(&["new", "acme", "--family", "pixx"], &["unknown family `pixx`", "did you mean pix?"]);
    project.bad(&["new", "acme", "--family", "zzzz"], &["the families are cybersource-rest"]);
    project.bad(&["new", "acme", "--family", "pix", "--body", "xml"], &["cannot be used with"]);
}

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
            && wire.contains("type Number = String"),
        "{wire}"
    );
    assert!(project.read("connectors/acme/src/lib.rs").contains("self.credentials.merchant_id"));
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
    assert_eq!(taken.1, serde_json::json!({ "action_id": "${fill:action_id, string}", "reference": "${reference}" }));
    let refund = project.read("fixtures/base/retrieve_refund.succeeded.toml");
    for part in
        ["\"action_id\": \"${gen:refund}\"", "/refunds/${gen:refund}\"", "\"outcome\": \"${fill:outcome, string}\""]
    {
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

#[test]
fn what_cannot_be_used_changes_nothing() {
    let project = Project::new("refused");
    for (id, part) in [
        ("stripe", "connectors/stripe exists already"),
        ("reference", "means something else"),
        ("all", "means something else"),
        ("crate", "means something else"),
        ("proc-macro", "means something else"),
        ("quittance", "means something else"),
        ("pix", "a package quittance-pix exists already"),
        ("crypto", "a package quittance-crypto exists already"),
        ("Acme", "expected small letters"),
        ("acme--x", "expected small letters"),
        ("1acme", "expected small letters"),
        ("../acme", "expected small letters"),
        ("acme-", "expected small letters"),
    ] {
        project.bad(&["new", id], &[part]);
    }
    project.bad(&["new", "acme", "--name", "a\"b"], &["--name", "without quotation marks"]);
    project.bad(&["new", "acme", "--live-url", "http://acme.com"], &["--live-url", "https://api.provider.com"]);
    let broken = project.write("broken.json", "{\"paths\": {,}}");
    project.bad(&["new", "acme", "--from", &broken], &["broken.json", "line 1 column 12"]);
    let broken = project.write("broken.yaml", "paths:\n  a: [1\nb: }\n");
    project.bad(&["new", "acme", "--from", &broken], &["broken.yaml", "line 3"]);
    project.bad(&["new", "acme", "--from", "none.json"], &["none.json", "cannot be read"]);
    let other = project.write("other.json", "{\"a\": 1}");
    project.bad(&["new", "acme", "--from", &other], &["expected an OpenAPI document with paths"]);
    // A catalogue that this version does not know: found out before a file is written.
    project.write("connectors/lib.rs", "pub static ENTRIES: u8 = 0;\n");
    project.bad(&["new", "acme"], &["connectors/lib.rs", "cannot be found"]);
}

/// A tape with a place to be filled in is not played, and holds the level at draft; so does a profile.
#[test]
fn what_is_to_be_filled_in_makes_a_draft() {
    let project = Project::new("draft");
    let folder = project.0.join("fixtures/google-pay");
    std::fs::remove_file(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    let from = Path::new(ROOT).join("fixtures/google-pay");
    for entry in std::fs::read_dir(&from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let whole = project.good(&["certify", "google-pay"]);
    assert!(whole.contains("silver"), "{whole}");
    let profile = project.read("fixtures/google-pay/profile.toml");
    project
        .write("fixtures/google-pay/profile.toml", &format!("unconfirmed = [\"${{fill:whatever it is}}\"]\n{profile}"));
    let (code, shown, _) = project.run(&["certify", "google-pay"]);
    assert!(
        code == 2 && shown.contains("incomplete  draft") && shown.contains("line 1: whatever it is"),
        "{code} {shown}"
    );
    project.write("fixtures/google-pay/profile.toml", &profile);
    let tape = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| !path.ends_with("profile.toml"))
        .unwrap();
    let text = std::fs::read_to_string(&tape).unwrap();
    std::fs::write(&tape, format!("{text}\n# no ${{fill:comment}}\n")).unwrap();
    assert!(project.good(&["certify", "google-pay"]).contains("silver"), "a comment is no place");
    std::fs::write(&tape, text.replacen("kind = \"", "environment = \"${fill:a page}\"\nkind = \"", 1)).unwrap();
    let (code, shown, told) = project.run(&["certify", "google-pay"]);
    assert!(code == 2 && shown.contains("draft") && shown.contains("a page"), "{code} {shown} {told}");
}
