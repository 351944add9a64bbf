//! What partners meet: help, output that cannot be written, drafts, files that are not what they should be, builds that take long.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod common;
mod repository;

use std::process::{Command, Output};

use common::{Folder, ROOT};
use repository::{git, repository};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quittance")).current_dir(ROOT).args(arguments).output().unwrap()
}

/// Exit code, output and what was told beside it.
fn ended(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(arguments);
    let [shown, told] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code(), shown, told)
}

/// The commands, as the help lists them.
fn commands() -> Vec<String> {
    let (_, help, _) = ended(&["--help"]);
    let (_, listed) = help.split_once("\nCommands:\n").unwrap();
    let listed = listed.split("\n\n").next().unwrap().lines();
    let named = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named.map(|line| line.split_whitespace().next().unwrap().to_owned()).filter(|name| name != "help").collect()
}

/// Paragraphs are broken where the line is full, and nowhere else; examples stand as they are.
#[test]
fn the_help_of_every_command_fits_a_terminal() {
    for command in commands() {
        let (_, help, _) = ended(&[&command, "--help"]);
        let after = help.split_once("Print help").map_or("", |(_, after)| after);
        for paragraph in after.split("\n\n").skip(1) {
            let lines: Vec<&str> = paragraph.trim_end().lines().collect();
            if lines.iter().any(|line| line.starts_with(' ')) || paragraph.trim_start().starts_with("Examples:") {
                continue;
            }
            for (line, next) in lines.iter().zip(lines.iter().skip(1)) {
                let word = next.split(' ').next().unwrap_or_default();
                let full = line.chars().count() + 1 + word.chars().count() > 100;
                assert!(full && line.chars().count() <= 100, "{command}: `{line}` ends early in:\n{paragraph}");
            }
        }
    }
}

#[test]
fn options_of_all_commands_stand_behind_the_commands_own() {
    let (_, help, _) = ended(&["record", "--help"]);
    let at = |option: &str| help.find(&format!("\n      {option}")).unwrap_or_else(|| panic!("{option}: {help}"));
    assert!(at("--root") > at("--dry-run") && at("--root") > at("--credentials") && at("--color") > at("--root"));
}

/// A full disk is no success.
#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error() {
    for arguments in [&["list"][..], &["docs", "stripe"], &["schema", "stripe"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_quittance"));
        let output = command.current_dir(ROOT).args(arguments).stdout(full).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains("error: the output cannot be written"), "{arguments:?}: {told}");
    }
}

/// As long as every tape is to be filled in, nothing that only tapes show has failed.
#[test]
fn a_draft_waits_for_its_tapes_and_fails_nothing() {
    let folder = Folder::new("draft-waits");
    folder.copy("specs");
    folder.copy("fixtures/mollie");
    for entry in std::fs::read_dir(folder.0.join("fixtures/mollie")).unwrap() {
        let name = format!("fixtures/mollie/{}", entry.unwrap().file_name().display());
        if !name.ends_with("profile.toml") {
            let text = folder.read(&name);
            let marked = text.replacen("[provenance]", "[provenance]\nenvironment = \"${fill:where it was}\"", 1);
            assert_ne!(text, marked, "{name}");
            folder.write(&name, &marked);
        }
    }
    let (code, shown, told) = ended(&["--root", &folder.at("."), "certify", "mollie", "--tier", "memory"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(!shown.contains("FAIL"), "{shown}");
    for check in ["answers", "coverage", "places"] {
        let line = shown.lines().find(|line| line.contains(&format!("check:{check}"))).unwrap_or_default();
        assert!(line.starts_with("not_run") && line.contains("not yet: "), "{check}: {line}\n{shown}");
    }
}

/// What is longer than a description may be is not read to its end: a device has none.
#[cfg(target_os = "linux")]
#[test]
fn descriptions_are_read_up_to_a_limit() {
    let (code, _, told) = ended(&["new", "acme", "--from", "/dev/zero", "--dry-run"]);
    assert!(code == Some(2) && told.contains("/dev/zero") && told.contains("expected at most"), "{told}");
}

#[test]
fn files_of_another_kind_are_named() {
    let folder = Folder::new("kinds");
    let wsdl = folder.write("bank.wsdl", "<?xml version=\"1.0\"?><definitions/>");
    let (code, _, told) = ended(&["new", "acme", "--from", &wsdl, "--dry-run"]);
    assert!(code == Some(2) && told.contains("found XML, as a WSDL is"), "{told}");
    let import = |file: &str| ended(&["import", file, "--connector", "stripe", "--case", "authorize.captured"]);
    let collection = "{\"info\":{\"schema\":\"https://schema.getpostman.com/json/collection/v2.1.0/collection.json\"}}";
    for (name, content, part) in [
        ("packed.har", &b"\x1f\x8b\x08\x00\xff"[..], "packed by gzip"),
        ("wide.har", b"\xff\xfe{\x00", "UTF-16"),
        ("collection.json", collection.as_bytes(), "a Postman collection"),
    ] {
        let path = folder.at(name);
        std::fs::write(&path, content).unwrap();
        let (code, _, told) = import(&path);
        assert!(code == Some(2) && told.contains(part), "{name}: {told}");
    }
}

/// What is sent follows from the profile: tapes that name a credential which has another name now stand in nobody's way, and are told of once.
#[test]
fn requests_need_no_tapes() {
    let folder = Folder::new("renamed");
    folder.copy("specs");
    folder.copy("fixtures/mollie");
    for entry in std::fs::read_dir(folder.0.join("fixtures/mollie")).unwrap() {
        let name = format!("fixtures/mollie/{}", entry.unwrap().file_name().display());
        if !name.ends_with("profile.toml") {
            folder.write(&name, &folder.read(&name).replace("${secret:api_key}", "${secret:former_key}"));
        }
    }
    let (code, shown, told) = ended(&["--root", &folder.at("."), "request", "mollie", "authorize"]);
    assert!(code == Some(0) && shown.contains("\"requests\""), "{told}");
    let (code, _, told) = ended(&["--root", &folder.at("."), "certify", "mollie", "--tier", "memory"]);
    let lines: Vec<&str> = told.lines().filter(|line| line.contains("former_key")).collect();
    assert!(code == Some(2) && lines.len() == 1, "{told}");
    assert!(lines[0].contains(" places, first ") && lines[0].contains("authorize."), "{told}");
}

/// The exchanges of a HAR file: what was sent and answered, as XML.
fn har_of(pairs: &[(&str, &str)]) -> String {
    let header = serde_json::json!([{ "name": "content-type", "value": "text/xml; charset=utf-8" }]);
    let entry = |(asked, answered): &(&str, &str)| {
        serde_json::json!({
            "startedDateTime": "2026-11-20T10:00:00.000Z",
            "request": {
                "method": "POST", "url": "https://payments.vantivprelive.com/vap/communicator/online", "headers": header,
                "postData": { "mimeType": "text/xml", "text": asked },
            },
            "response": { "status": 200, "headers": header, "content": { "text": answered } },
        })
    };
    let entries: Vec<serde_json::Value> = pairs.iter().map(entry).collect();
    serde_json::json!({ "log": { "version": "1.2", "entries": entries } }).to_string()
}

/// Requests in XML take the holes of a present tape, as those in JSON do; what has none there is told, and so is a step that no entry is of.
#[test]
fn imports_of_xml_have_holes() {
    let folder = Folder::new("import-xml");
    let tape = std::fs::read_to_string(format!("{ROOT}/fixtures/worldpay-cnp/authorize.captured.toml")).unwrap();
    let bodies: Vec<&str> = tape.split("'''").skip(1).step_by(2).map(str::trim).collect();
    let plain = |body: &str| {
        let values = [
            ("${secret:merchant_id}", "4711471"),
            ("${secret:user}", "ACMEUSER"),
            ("${secret:password}", "acmeSecretPass"),
            ("${secret:report_group}", "Acme Reports"),
            ("${key}", "key-4711"),
            ("${reference}", "order-0815-a"),
            ("${card:number}", "4457010000000009"),
            ("${card:expiry_month2}${card:expiry_year2}", "0130"),
            ("${card:cvc}", "349"),
            ("${gen:payment:digits18}", "829475620193847561"),
            ("${gen:network:digits15}", "829475620193847"),
        ];
        values.iter().fold(body.to_owned(), |text, (hole, value)| text.replace(hole, value))
    };
    let (asked, answered) = (plain(bodies[0]), plain(bodies[1]));
    let file = folder.write("sale.har", &har_of(&[(&asked, &answered)]));
    let import = |case: &str| ended(&["import", &file, "--connector", "worldpay-cnp", "--case", case, "--dry-run"]);
    let (code, shown, told) = import("authorize.captured");
    assert_eq!(code, Some(0), "{told}");
    for part in [
        "<sale id=\"${key}\" reportGroup=\"${secret:report_group}\">",
        "<orderId>${reference}</orderId>",
        "<number>${card:number}</number>",
        "<expDate>${card:expiry_month2}${card:expiry_year2}</expDate>",
        "<cardValidationNum>${card:cvc}</cardValidationNum>",
        "<password>${secret:password}</password>",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    for value in ["4711", "ACMEUSER", "acmeSecretPass", "0815", "4457", "0130", "349<"] {
        assert!(!shown.contains(value), "{value}: {shown}");
    }
    let (_, _, told) = import("refund.full");
    assert!(told.contains("next: step 2 of refund.full has no exchange yet"), "{told}");
    let other = asked.replace("<expDate>0130", "<expDate>013");
    let file = folder.write("other.har", &har_of(&[(&other, &answered)]));
    let (_, _, told) =
        ended(&["import", &file, "--connector", "worldpay-cnp", "--case", "authorize.captured", "--dry-run"]);
    let place =
        "entry 1, request /cnpOnlineRequest/sale/card/expDate: stays as it is, where the present tape has ${card:";
    assert!(told.contains(place), "{told}");
}

/// While a revision is built, it is said which, how long that may take, and how long it took; a second time nothing is built.
#[cfg(unix)]
#[test]
fn blame_tells_of_its_builds() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = repository("told-builds");
    for number in ["one", "two"] {
        folder.write("number", number);
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "--quiet", "--message", number]);
    }
    // In place of cargo: it says what cargo says, and makes a command that has no connectors.
    let cargo = folder.write(
        "cargo",
        "#!/bin/sh\nfor last; do :; done\nmkdir -p \"$last/debug\"\necho '   Compiling a v1.0.0' >&2\n\
         printf '#!/bin/sh\\necho \"[]\"\\n' > \"$last/debug/quittance\"\nchmod +x \"$last/debug/quittance\"\n",
    );
    std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).unwrap();
    let blame = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quittance"));
        let output = command.args(["--root", &folder.at("."), "blame", "HEAD~1..HEAD"]).env("CARGO", &cargo).output();
        let output = output.unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{told}");
        told
    };
    let first = blame();
    for part in ["building HEAD~1", "everything, once: some minutes", "built HEAD~1 in 0 seconds", "only what differs"]
    {
        assert!(first.contains(part), "{part}: {first}");
    }
    let second = blame();
    assert!(second.contains("was built before") && !second.contains("note: building"), "{second}");
}
