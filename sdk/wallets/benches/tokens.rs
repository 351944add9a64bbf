//! How long one token takes, beside the signature checks alone that no implementation can do without.
//!
//! The tokens are those of the vector files; without `QUITTANCE_SHARED` there is nothing to measure, and that is said.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench")]

use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use jiff::Timestamp;
use quittance::{MemoryTokens, Secret};
use quittance_wallets::{apple, google};
use serde_json::{Value, json};

const ROUNDS: u32 = 500;

fn main() {
    let Some(folder) = std::env::var_os("QUITTANCE_SHARED").filter(|folder| !folder.is_empty()) else {
        println!("NOT RUN: QUITTANCE_SHARED is not set");
        return;
    };
    let read = |name: &str| -> Value {
        let path = PathBuf::from(&folder).join("wallet-vectors").join(name);
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let signature = one_signature();
    println!("baseline: one P-256 signature checked {signature:?}");
    told(
        "Apple Pay EC_v1, one signature and a key agreement once the chain is known",
        apple_token(&read("minted-apple.json")),
        signature,
    );
    told("Google Pay ECv2, two signatures", google_token(&read("minted-google.json")), signature);
}

fn told(what: &str, time: Duration, baseline: Duration) {
    let hundredths = time.as_nanos() * 100 / baseline.as_nanos().max(1);
    println!("{what}: {time:?}; {}.{:02} of one signature", hundredths / 100, hundredths % 100);
}

/// The value of a call that waits for nothing.
fn ready<T>(call: impl Future<Output = T>) -> T {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the store in memory answers at once"),
    }
}

fn timed(mut run: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..ROUNDS).for_each(|_| run());
    start.elapsed() / ROUNDS
}

fn one_signature() -> Duration {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let signature = key.sign(&random, b"message").unwrap();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public_key().as_ref());
    timed(|| public.verify(b"message", signature.as_ref()).unwrap())
}

fn good<'f>(file: &'f Value, id: &str) -> &'f Value {
    file["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap()
}

fn apple_token(file: &Value) -> Duration {
    let case = good(file, "ec_ok_3ds");
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    let merchant = file["merchants"].as_array().unwrap().iter().find(|merchant| merchant["id"] == "m-ec-1").unwrap();
    let key = Secret::new(text(merchant, "private_key_pkcs8_pem"));
    let merchant = apple::Merchant::new(&text(merchant, "merchant_identifier"), &key).unwrap();
    let root = apple::Root::from_pem(&text(file, "root_pem")).unwrap();
    let keys = apple::Keys::with_root(root, vec![merchant]).unwrap();
    let now: Timestamp = text(case, "verify_at").parse().unwrap();
    let token = case["payment_data"].to_string();
    timed(|| drop(ready(apple::verify_and_decrypt(&token, &keys, now, &MemoryTokens::default())).unwrap()))
}

fn google_token(file: &Value) -> Duration {
    let case = good(file, "ecv2_ok_cryptogram");
    let key = case["private_keys_pkcs8"][0].as_str().unwrap();
    let lines: Vec<&str> = key.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    let keys = google::Keys::new(case["recipient_id"].as_str().unwrap(), &[Secret::new(pem)]).unwrap();
    let roots = google::RootKeys::parse(&json!({ "keys": case["root_keys"] }).to_string()).unwrap();
    let now = Timestamp::from_millisecond(case["now_ms"].as_i64().unwrap()).unwrap();
    let token = case["token"].to_string();
    timed(|| drop(ready(google::verify_and_decrypt(&token, &roots, &keys, now, &MemoryTokens::default())).unwrap()))
}
