//! `quittance new` in a small copy of the project: what it writes, what it refuses, and that a failure leaves nothing behind.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod project;

use std::path::Path;

use project::{Project, ROOT};

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
    assert!(manifest.contains("all = [\n    \"acme\",\n    \"adyen\",\n"), "{manifest}");
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

/// One tape for each thing that can be done, a decline and a refusal: the models of all others.
#[test]
fn few_tapes_are_models() {
    let project = Project::new("models");
    let shown = project.good(&["new", "acme"]);
    let mut tapes: Vec<String> = std::fs::read_dir(project.0.join("fixtures/acme"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    tapes.sort();
    let models = ["authorize.captured", "authorize.invalid", "capture.full", "decline.generic_decline"];
    let others = ["profile", "refund.full", "retrieve.captured", "void.authorized"];
    let expected: Vec<String> = models.iter().chain(&others).map(|name| format!("{name}.toml")).collect();
    assert_eq!(tapes, expected);
    assert!(shown.contains("cargo run -- tapes acme: once they are filled in"), "{shown}");
    let decline = project.read("fixtures/acme/decline.generic_decline.toml");
    assert!(decline.contains("${fill:status of a payment that is declined, and why: generic}"), "{decline}");
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
