//! Recording, drift and import: tapes out of exchanges that happened, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "tests")]

mod provider;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use provider::{Defect, Keys, Server};
use quittance_harness::har;
use quittance_harness::live::Setting;
use quittance_harness::live::remote::Targets;
use quittance_harness::profile::Profile;
use quittance_harness::record::{self, Options, Outcome, RecordReport, drift};
use quittance_harness::scenario::Suite;
use quittance_harness::tape::Tape;
use quittance_harness::tape::model::ProvenanceKind;
use quittance_harness::world::{Subject, World};
use serde_json::{Value, json};

fn world() -> World {
    World::find(Some(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")))).unwrap()
}

fn parts(world: &World) -> (Suite, Subject) {
    let entry = world.entries(&["reference".to_owned()]).unwrap()[0];
    (world.suite().unwrap(), world.subject(entry).unwrap())
}

fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _of_an_earlier_run = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// An account that is not the profile's.
fn keys() -> Keys {
    Keys {
        client_id: "merchant-4711".to_owned(),
        client_secret: "Zq81kLmW0x7Tt5".to_owned(),
        signing_key: "9f8e7d6c5b4a39281706".to_owned(),
        webhook_secret: "hookhookhook77".to_owned(),
    }
}

fn credentials(folder: &Path) -> String {
    let keys = keys();
    let file = folder.join("account.json");
    let account = json!({
        "client_id": keys.client_id, "client_secret": keys.client_secret, "signing_key": keys.signing_key,
        "webhook_secret": keys.webhook_secret, "wallet_key": "wallet-key-of-the-account",
    });
    std::fs::write(&file, account.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

fn setting(server: &Server, credentials: Option<String>) -> Setting {
    Setting {
        targets: Targets::parse(&[server.url()]).unwrap(),
        credentials,
        seed: Some(11),
        authorities: None,
        patience: Duration::from_millis(500),
        timeout: Duration::from_secs(10),
    }
}

fn recorded(name: &str, defect: Option<Defect>, scenario: Option<&str>) -> (RecordReport, PathBuf) {
    let world = world();
    let (suite, subject) = parts(&world);
    let server = Server::start(defect, keys(), None);
    let folder = folder(name);
    let options = Options {
        setting: setting(&server, Some(credentials(&folder))),
        scenario: scenario.map(str::to_owned),
        environment: "sandbox".to_owned(),
        out: Some(folder.join("tapes")),
        dry_run: false,
    };
    (record::record(&world, &suite, &subject, &options, |_| {}).unwrap(), folder.join("tapes"))
}

#[test]
fn an_environment_is_recorded_scrubbed_and_replayed() {
    let (report, tapes) = recorded("record", None, None);
    let not: Vec<_> =
        report.cases.iter().filter(|case| matches!(case.outcome, Outcome::Failed | Outcome::Refused)).collect();
    assert!(not.is_empty(), "{not:#?}");
    let count = report.count(Outcome::Recorded);
    println!("{count} recorded, {} left out", report.count(Outcome::LeftOut));
    assert!(count >= 40, "{count}");
    let world = world();
    let profile = Profile::load(&world.root.join("fixtures/reference/profile.toml"), world.today).unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(&tapes).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for secret in ["merchant-4711", "Zq81kLmW0x7Tt5", "9f8e7d6c5b4a", "hookhook", "4895370000000007", "127.0.0.1:0"]
        {
            assert!(!text.contains(secret), "{}: {secret}", path.display());
        }
        let tape = Tape::load(&path, &profile, None).unwrap();
        // The server of this test is no vendor's environment.
        assert!(tape.exchanges.iter().all(|exchange| exchange.provenance.kind == ProvenanceKind::Synthesised));
        assert!(
            text.contains("source = \"played against 127.0.0.1:") && text.contains(", a server on this machine\""),
            "{text}"
        );
        files += 1;
    }
    assert_eq!(files, count);
    let text = std::fs::read_to_string(tapes.join("refund.partial.toml")).unwrap();
    for hole in [
        "${basic:client_id:client_secret}",
        "${key}",
        "${any:uuid}",
        "${sig:request}",
        "${reference}",
        "${card:number}",
        "${gen:id:",
    ] {
        assert!(text.contains(hole), "{hole}: {text}");
    }
}

#[test]
fn what_is_in_doubt_is_not_saved() {
    let (report, tapes) = recorded("record-doubt", Some(Defect::LeaksCard), Some("authorize.captured"));
    let case = report.cases.iter().find(|case| case.case == "authorize.captured").unwrap();
    assert_eq!(case.outcome, Outcome::Refused);
    assert_eq!(case.because, ["exchange 2, answer /card/pan: a card number that is no test card of this profile"]);
    assert!(!tapes.exists());
    let (report, tapes) = recorded("record-failed", Some(Defect::UnknownStatus), Some("authorize.captured"));
    assert_eq!((report.count(Outcome::Failed), tapes.exists()), (1, false));
    assert!(!serde_json::to_string(&report).unwrap().contains("Zq81kLmW0x7Tt5"));
}

fn drifted(defect: Option<Defect>) -> drift::DriftReport {
    let world = world();
    let (suite, subject) = parts(&world);
    let server = Server::start(defect, Keys::dummies(), None);
    drift::drift(&suite, &subject, &setting(&server, None), None, |_| {}).unwrap()
}

#[test]
fn drift_tells_fields_and_no_values() {
    let sound = drifted(None);
    // The server names the advice for every such decline, and the results of its checks for every payment, as some of the tapes do; and
    // never the customer of a stored method, nor why a payment was released.
    let always = ["/decline/advice_code", "/network/avs", "/network/cvc", "/network/eci", "/customer", "/released"];
    let is_always = |at: &str| always.iter().any(|place| at.ends_with(place));
    let others: Vec<_> = sound.differences.iter().filter(|found| !is_always(&found.difference.at)).collect();
    assert!(others.is_empty() && sound.ended_otherwise.is_empty(), "{others:#?} {:#?}", sound.ended_otherwise);
    assert!(sound.cases >= 40 && sound.exchanges > 100, "{sound:?}");
    let told = |defect| {
        let report = drifted(Some(defect));
        assert!(!report.holds());
        let places = report.differences.iter().map(|found| {
            let found = &found.difference;
            format!("{} {:?} {:?}", found.at, found.tape.as_deref(), found.live.as_deref())
        });
        places.collect::<BTreeSet<_>>()
    };
    assert!(told(Defect::FieldMissing).contains("/reference Some(\"text\") None"));
    assert!(told(Defect::AmountAsNumber).contains("/amount Some(\"text\") Some(\"number\")"));
    assert!(told(Defect::LeaksCard).contains("/card None Some(\"object\")"));
    assert!(told(Defect::NoContentType).contains("content-type Some(\"application/json\") None"));
}

/// A purchase as a browser's tool writes it, with an entry of another host before it.
fn har() -> Value {
    let entry = |url: &str, headers: Value, body: &str, status: u16, answer: &str| {
        json!({
            "startedDateTime": "2026-11-20T10:00:00.000Z", "time": 12,
            "request": {
                "method": "POST", "url": url, "httpVersion": "HTTP/2", "headers": headers, "queryString": [], "cookies": [],
                "postData": { "mimeType": "application/json", "text": body }, "headersSize": -1, "bodySize": -1,
            },
            "response": {
                "status": status, "statusText": "", "headers": [{ "name": "Content-Type", "value": "application/json" }, { "name": "Set-Cookie", "value": "a=b" }],
                "content": { "size": answer.len(), "mimeType": "application/json", "text": answer }, "redirectURL": "", "cookies": [],
            },
            "cache": {}, "timings": { "send": 1, "wait": 1, "receive": 1 },
        })
    };
    let header = |name: &str, value: &str| json!({ "name": name, "value": value });
    let token = entry(
        "https://api.reference.example/oauth/token",
        json!([
            header("Authorization", "Basic bWVyY2hhbnQtNDcxMTpacTgxa0xtVzB4N1R0NQ=="),
            header("Content-Type", "application/x-www-form-urlencoded"),
            header(":authority", "x")
        ]),
        "grant_type=client_credentials",
        200,
        r#"{"access_token":"tok_a8s7d6f5g4h3j2k1","expires_in":3600}"#,
    );
    let payment = entry(
        "https://api.reference.example/payments",
        json!([
            header("Authorization", "Bearer tok_a8s7d6f5g4h3j2k1"),
            header("Idempotency-Key", "0ff1ce00-0000-4000-8000-000000000001"),
            header("X-Request-Id", "0ff1ce00-0000-4000-8000-000000000002"),
            header("X-Signature", "00ff00ff"),
            header("Content-Type", "application/json"),
        ]),
        r#"{"amount":"60","currency":"HUF","reference":"order-20261120-17","capture":true,"method":{"type":"card","number":"4895370000000007","expiry":"2030-12","cvc":"123","holder":"Ada Example"},"return_url":"https://merchant.example/return"}"#,
        201,
        r#"{"id":"pay_9z8y7x6w5v4u","status":"captured","amount":"60","currency":"HUF","reference":"order-20261120-17","captured":"60","network":{"transaction":"829475620193847","approval":"734261","code":"00"}}"#,
    );
    let other = entry("https://telemetry.example/x", json!([]), "{\"card\":\"4539578763621486\"}", 204, "");
    json!({ "log": { "version": "1.2", "creator": { "name": "browser", "version": "1" }, "entries": [other, token, payment] } })
}

fn imported(har: &Value) -> Result<har::ImportReport, String> {
    imported_of(har, &[])
}

fn imported_of(har: &Value, entries: &[usize]) -> Result<har::ImportReport, String> {
    let world = world();
    let (suite, subject) = parts(&world);
    let options = har::Options {
        case: "authorize.captured".to_owned(),
        hosts: Vec::new(),
        entries: entries.to_vec(),
        steps: Vec::new(),
        credentials: None,
        environment: "sandbox".to_owned(),
    };
    har::import(&world, &suite, &subject, "purchase.har", har.to_string().as_bytes(), &options)
        .map_err(|error| error.to_string())
}

#[test]
fn a_har_becomes_a_tape_that_replays() {
    let report = imported(&har()).unwrap();
    assert_eq!((report.replay.as_deref(), report.left_out), (None, 1), "{}", report.tape);
    assert_eq!(
        (report.entries.as_slice(), report.file.as_str()),
        ([2, 3].as_slice(), "fixtures/reference/authorize.captured.toml")
    );
    for hole in [
        "${basic:client_id:client_secret}",
        "${key}",
        "${reference}",
        "${card:number}",
        "${card:cvc}",
        "${any:uuid}",
        "${sig:request}",
    ] {
        assert!(report.holes.iter().any(|found| found == hole), "{hole}: {:?}", report.holes);
    }
    for value in [
        "tok_a8s7",
        "9z8y7x6w5v4u",
        "order-2026",
        "4895370000000007",
        "bWVyY2hhbnQ",
        "Zq81kLmW",
        "a=b",
        "829475620193847",
    ] {
        assert!(!report.tape.contains(value), "{value}: {}", report.tape);
    }
}

/// What a browser puts around an exchange: its own headers with a session in a cookie, a question whether it may ask, a socket, a redirect, a
/// request that was broken off.
#[test]
fn what_is_the_browsers_own_stays_out_of_the_tape() {
    let plain = har();
    let mut full = har();
    let headers = full.pointer_mut("/log/entries/2/request/headers").unwrap().as_array_mut().unwrap();
    for (name, value) in [
        ("Accept", "application/json"),
        ("Accept-Language", "en-GB"),
        ("Cookie", "session=abc123456789"),
        ("Origin", "https://shop.example"),
        ("sec-ch-ua", "\"Chromium\""),
        ("User-Agent", "Mozilla/5.0"),
    ] {
        headers.push(json!({ "name": name, "value": value }));
    }
    let with = |entry: &Value, members: &[(&str, Value)]| {
        let mut entry = entry.clone();
        for (pointer, value) in members {
            *entry.pointer_mut(pointer).unwrap() = value.clone();
        }
        entry
    };
    let entries = full.pointer_mut("/log/entries").unwrap().as_array_mut().unwrap();
    let payment = entries[2].clone();
    let asks = json!([{ "name": "Access-Control-Request-Method", "value": "POST" }]);
    let url = |scheme: &str| json!(format!("{scheme}://api.reference.example/payments"));
    entries.push(with(&payment, &[("/request/url", url("wss")), ("/response/status", json!(101))]));
    entries.push(with(&payment, &[("/request/method", json!("OPTIONS")), ("/request/headers", asks)]));
    entries.push(with(&payment, &[("/response/status", json!(0))]));
    entries.push(with(&payment, &[("/request/url", url("http")), ("/response/status", json!(307))]));
    let report = imported(&full).unwrap();
    assert_eq!((report.replay.as_deref(), report.readable), (None, true), "{}", report.tape);
    assert_eq!(report.tape, imported(&plain).unwrap().tape);
    assert_eq!(report.headers_left_out, ["accept", "accept-language", "cookie", "origin", "sec-ch-ua"]);
    assert_eq!(report.no_exchanges.keys().copied().collect::<Vec<_>>(), [4, 5, 6, 7]);
    // Entries can be chosen; what is not asked for is not looked at.
    full["log"]["entries"].as_array_mut().unwrap().push(with(&payment, &[("/response/status", json!(500))]));
    assert_ne!(imported(&full).unwrap().replay, None);
    let chosen = imported_of(&full, &[2, 3]).unwrap();
    assert_eq!((chosen.replay.as_deref(), chosen.tape), (None, report.tape));
    assert!(imported_of(&full, &[99]).unwrap_err().contains("--entries: there is no entry 99"));
    assert!(imported_of(&full, &[4]).unwrap_err().contains("; entry 4: a WebSocket"));
}

#[test]
fn live_cards_and_keys_are_refused_by_place_and_never_shown() {
    let with = |pointer: &str, value: &str| {
        let mut har = har();
        *har.pointer_mut(pointer).unwrap() = json!(value);
        imported(&har).unwrap_err()
    };
    let body = r#"{"method":{"number":"4539 5787 6362 1486"}}"#;
    for (pointer, value, place, secret) in [
        ("/log/entries/2/request/postData/text", body, "entry 3, request /method/number: a card number", "4539"),
        (
            "/log/entries/1/request/headers/0/value",
            "Bearer sk_live_51abcdef",
            "entry 2, request header authorization: a key that looks live",
            "51abcdef",
        ),
        (
            "/log/entries/1/request/headers/0/value",
            "Basic c2tfbGl2ZV81MWFiY2RlZjo=",
            "entry 2, request header authorization: a key that looks live",
            "c2tf",
        ),
        (
            "/log/entries/2/response/content/text",
            r#"{"card":{"pan":"4539578763621486"}}"#,
            "entry 3, answer /card/pan: a card number",
            "4539578763621486",
        ),
        (
            "/log/entries/2/response/content/text",
            r#"{"mail":"ada@lovelace.org"}"#,
            "entry 3, answer /mail: an e-mail address",
            "lovelace",
        ),
    ] {
        let told = with(pointer, value);
        assert!(told.contains(place) && told.contains("nothing was written") && !told.contains(secret), "{told}");
    }
    assert!(with("/log/entries/2/startedDateTime", "yesterday").contains("entry 3: /startedDateTime: expected a time"));
    assert!(with("/log/entries/2/request/method", "P OST").contains("entry 3: /request"));
    let mut torn = har();
    torn["log"]["entries"][1]["request"].as_object_mut().unwrap().remove("url");
    assert!(
        imported(&torn).unwrap_err().contains("entry 2 (/log/entries/1): /request/url: expected text, found nothing")
    );
    assert!(imported(&json!({ "log": 1 })).unwrap_err().starts_with("purchase.har: line 1, column "));
    assert!(imported(&json!({ "log": { "version": "2.0", "entries": [] } })).unwrap_err().contains("/log/version"));
    let none = imported(&json!({ "log": { "version": "1.2", "entries": [] } })).unwrap_err();
    assert!(none.contains("none of its 0 entries is an exchange with api.reference.example"), "{none}");
}
