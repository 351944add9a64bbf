//! Every case of every token file in `$QUITTANCE_SHARED/wallet-vectors`, and the good tokens mutated.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use quittance::{MemoryTokens, Secret};
use serde_json::{Value, json};

use crate::{Error, Opened, apple, google};

mod jose;
mod primitives;

/// The files of one kind; none, said aloud, where the vectors do not lie at hand.
fn files(kind: &str) -> Vec<(String, Value)> {
    let Some(folder) = std::env::var_os("QUITTANCE_SHARED").filter(|folder| !folder.is_empty()) else {
        eprintln!("NOT RUN: {kind} vectors: QUITTANCE_SHARED is not set");
        return Vec::new();
    };
    let folder = PathBuf::from(folder).join("wallet-vectors");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "json") && path.to_string_lossy().contains(kind));
    paths.sort();
    let read = |path: &PathBuf| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    paths.iter().map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), read(path))).collect()
}

/// The value of a call that waits for nothing.
fn ready<T>(call: impl Future<Output = T>) -> T {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the call waits"),
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no text `{name}`"))
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Whether an error is one that the case allows: three of the vectors' classes are told apart by nobody outside.
fn is_expected(error: Error, case: &Value) -> bool {
    list(&case["expect"], "errors").iter().filter_map(Value::as_str).any(|class| {
        let outward = match class {
            "decrypt_failed" | "mac_mismatch" | "key_unwrap_failed" => "not_opened",
            "unsupported_protocol_version" => "unsupported_version",
            class => class,
        };
        outward == error.class()
    })
}

fn complaint(case: &Value, result: &Result<Opened, Error>) -> Option<String> {
    let expected = &case["expect"];
    let crypto_only = case["payload_check"] == json!(false);
    let told = match result {
        Ok(opened) if expected["ok"] == json!(true) => {
            (opened.payload.expose() != text(expected, "plaintext")).then(|| "another plaintext".to_owned())
        }
        Ok(_) => Some(format!("opened, expected {}", expected["errors"])),
        // The content of some vectors is the word "plaintext": it was opened when that is what is complained about.
        Err(Error::InvalidPayload(_)) if crypto_only && expected["ok"] == json!(true) => None,
        Err(error) if expected["ok"] == json!(true) => Some(format!("refused: {error}")),
        Err(error) if is_expected(*error, case) => None,
        Err(error) => Some(format!("{}, expected {}", error.class(), expected["errors"])),
    };
    told.map(|told| format!("{}: {told}", text(case, "id")))
}

fn apple_keys(file: &Value, case: &Value) -> apple::Keys {
    let used = list(case, "merchants");
    let merchants = list(file, "merchants").iter().filter(|merchant| used.contains(&merchant["id"]));
    let merchant = |merchant: &Value| {
        let key = Secret::from(text(merchant, "private_key_pkcs8_pem"));
        match merchant["merchant_identifier"].as_str() {
            Some(identifier) => apple::Merchant::new(identifier, &key).unwrap(),
            None => apple::Merchant::from_certificate(text(merchant, "certificate_pem"), &key).unwrap(),
        }
    };
    apple::Keys::with_root(apple::Root::from_pem(text(file, "root_pem")).unwrap(), merchants.map(merchant).collect())
        .unwrap()
}

fn open_apple(file: &Value, case: &Value, payment_data: &str) -> Result<Opened, Error> {
    let now: Timestamp = text(case, "verify_at").parse().unwrap();
    ready(apple::verify_and_decrypt(payment_data, &apple_keys(file, case), now, &MemoryTokens::default()))
}

struct Google {
    roots: google::RootKeys,
    keys: google::Keys,
    now: Timestamp,
}

impl Google {
    fn of(case: &Value) -> Google {
        let pem = |key: &Value| {
            let key = key.as_str().unwrap();
            Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", wrapped(key)))
        };
        let private_keys: Vec<Secret> = list(case, "private_keys_pkcs8").iter().map(pem).collect();
        Google {
            roots: google::RootKeys::parse(&json!({ "keys": case["root_keys"] }).to_string()).unwrap(),
            keys: google::Keys::new(text(case, "recipient_id"), &private_keys).unwrap(),
            now: Timestamp::from_millisecond(case["now_ms"].as_i64().unwrap()).unwrap(),
        }
    }

    fn open(&self, token: &str) -> Result<Opened, Error> {
        ready(google::verify_and_decrypt(token, &self.roots, &self.keys, self.now, &MemoryTokens::default()))
    }
}

/// PEM lines have 64 characters.
fn wrapped(base64: &str) -> String {
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\n")
}

#[test]
fn apple_vectors_agree() {
    let mut complaints = Vec::new();
    for (name, file) in files("apple") {
        let cases = list(&file, "cases");
        assert!(!cases.is_empty(), "{name} holds no case");
        let judged = cases
            .iter()
            .filter_map(|case| complaint(case, &open_apple(&file, case, &case["payment_data"].to_string())));
        complaints.extend(judged.map(|told| format!("{name} {told}")));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn google_vectors_agree() {
    let mut complaints = Vec::new();
    for (name, file) in files("google") {
        let cases = list(&file, "cases");
        assert!(!cases.is_empty(), "{name} holds no case");
        let judged =
            cases.iter().filter_map(|case| complaint(case, &Google::of(case).open(&case["token"].to_string())));
        complaints.extend(judged.map(|told| format!("{name} {told}")));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn a_token_opens_once() {
    for (_, file) in files("minted-apple") {
        let case = list(&file, "cases").iter().find(|case| case["id"] == "ec_ok_3ds").unwrap();
        let keys = apple_keys(&file, case);
        let now: Timestamp = text(case, "verify_at").parse().unwrap();
        let replays = MemoryTokens::default();
        let token = case["payment_data"].to_string();
        let open = || ready(apple::verify_and_decrypt(&token, &keys, now, &replays));
        assert!(open().is_ok());
        assert_eq!(open().unwrap_err(), Error::Replayed);
    }
    for (_, file) in files("minted-google") {
        let case = list(&file, "cases").iter().find(|case| case["id"] == "ecv2_ok_cryptogram").unwrap();
        let google = Google::of(case);
        let replays = MemoryTokens::default();
        let token = case["token"].to_string();
        let open = || ready(google::verify_and_decrypt(&token, &google.roots, &google.keys, google.now, &replays));
        assert!(open().is_ok());
        assert_eq!(open().unwrap_err(), Error::Replayed);
    }
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

/// A text with one character changed, taken out or doubled.
fn mutated(text: &str, numbers: &mut Numbers) -> String {
    const OTHERS: &[u8] = b"ABCXYZabcxyz0189+/={}\",:\\";
    let mut characters: Vec<char> = text.chars().collect();
    let at = numbers.below(characters.len());
    match numbers.below(4) {
        0 => drop(characters.remove(at)),
        1 => characters.insert(at, characters[at]),
        _ => characters[at] = char::from(OTHERS[numbers.below(OTHERS.len())]),
    }
    characters.into_iter().collect()
}

/// Whether a mutation says the same: white space, or an unsigned field that only looks different (base64 padding bits aside).
fn same_meaning(original: &str, mutant: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    read(mutant).is_some_and(|mutant| read(original) == Some(mutant))
}

/// The good cases of a file of tokens.
fn good(file: &Value) -> Vec<&Value> {
    list(file, "cases").iter().filter(|case| case["expect"]["ok"] == json!(true)).collect()
}

#[test]
fn mutants_of_apple_pay_are_refused() {
    let (mut numbers, mut refused) = (Numbers(0x9e37_79b9_7f4a_7c15), 0);
    for (_, file) in files("minted-apple") {
        let good = good(&file);
        while refused < 5_000 {
            let case = good[numbers.below(good.len())];
            let original = case["payment_data"].to_string();
            let mutant = mutated(&original, &mut numbers);
            match open_apple(&file, case, &mutant) {
                Ok(opened) => {
                    let harmless = same_meaning(&original, &mutant) || is_unsigned_change(&original, &mutant);
                    let same = opened.payload.expose() == text(&case["expect"], "plaintext");
                    assert!(harmless && same, "{} opened as {mutant}", text(case, "id"));
                }
                Err(_) => refused += 1,
            }
        }
    }
}

#[test]
fn mutants_of_google_pay_are_refused() {
    let (mut numbers, mut refused) = (Numbers(0x2545_f491_4f6c_dd1d), 0);
    for (_, file) in files("minted-google") {
        let good = good(&file);
        while refused < 5_000 {
            let case = good[numbers.below(good.len())];
            let original = case["token"].to_string();
            let mutant = mutated(&original, &mut numbers);
            match Google::of(case).open(&mutant) {
                Ok(opened) => {
                    let same = opened.payload.expose() == text(&case["expect"], "plaintext");
                    let spare = case["id"] == "ecv2_ok_second_signature";
                    assert!(
                        same && (same_meaning(&original, &mutant) || spare),
                        "{} opened as {mutant}",
                        text(case, "id")
                    );
                }
                Err(_) => refused += 1,
            }
        }
    }
}

/// What the form check without root keys refuses, the whole check refuses too, and it refuses no good token.
#[test]
fn the_form_check_is_a_part_of_the_whole() {
    for (name, file) in files("google") {
        for case in list(&file, "cases") {
            let (google, token) = (Google::of(case), case["token"].to_string());
            let alone = google::check_form(&token, &google.keys, google.now);
            let whole = google.open(&token);
            assert!(alone.is_ok() || whole.is_err(), "{name} {}: {alone:?}", text(case, "id"));
        }
    }
}

/// A member that nobody reads may have another name, and hexadecimal digits another case.
fn is_unsigned_change(original: &str, mutant: &str) -> bool {
    let (Ok(original), Ok(mutant)) = (serde_json::from_str::<Value>(original), serde_json::from_str::<Value>(mutant))
    else {
        return false;
    };
    let read = [
        "/version",
        "/data",
        "/signature",
        "/header/publicKeyHash",
        "/header/ephemeralPublicKey",
        "/header/wrappedKey",
    ];
    let as_read = |value: &Value| {
        let texts = read.map(|path| value.pointer(path).cloned());
        let hex = ["/header/transactionId", "/header/applicationData"];
        (texts, hex.map(|path| value.pointer(path).and_then(Value::as_str).map(str::to_lowercase)))
    };
    as_read(&original) == as_read(&mutant)
}

#[test]
fn limits() {
    let long = " ".repeat(crate::TOKEN_BYTES_MAX + 1);
    let keys = google::Keys::new("merchant:1", &[]).unwrap();
    let roots = google::RootKeys::parse(r#"{"keys":[]}"#).unwrap();
    let replays = MemoryTokens::default();
    let result = ready(google::verify_and_decrypt(&long, &roots, &keys, Timestamp::UNIX_EPOCH, &replays));
    assert_eq!(result.unwrap_err(), Error::TooLarge);
    assert_eq!(apple::Keys::new(Vec::new()).unwrap_err(), Error::UnusableKey("list of merchants"));
}
