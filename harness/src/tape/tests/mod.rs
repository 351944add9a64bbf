//! Tests of tapes by small ones of their own.

mod files;
mod holes;
mod matching;
mod order;
mod properties;
mod signatures;
mod verified;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;

use super::{Mismatch, Player, RunValues, StepValues, Tape};
use crate::profile::Profile;

/// 2026-11-22T10:15:00Z.
pub(super) const NOW: i64 = 1_795_342_500;

pub(super) const PROFILE: &str = r#"
id = "acme"
currency = "EUR"
country = "NL"
[credentials]
api_key = "sk_test_quittance"
user = "merchant"
password = "pass word"
hex_key = "00ff10"
base64_key = "AP8Q"
[credentials.nested]
account = "account_7"
[signature.webhook]
algorithm = "hmac-sha256"
key = "${secret:api_key}"
over = "${now:unix}.${body}"
encoding = "hex"
[signature.request]
algorithm = "hmac-sha512"
key = "${secret:base64_key}"
key_encoding = "base64"
over = "${method}\n${host}\n${path}\n${header:x-nonce}\n${body}\n${sha256:body:hex}"
encoding = "base64"
[signature.fields]
algorithm = "hmac-sha1"
key = "${secret:hex_key}"
key_encoding = "hex"
over = "${form:amount}|${form:currency}"
encoding = "hex_upper"
[signature.inside]
algorithm = "sha256"
over = "${body:/item/amount}:${body:/item/ok}:${secret:api_key}"
encoding = "base64url"
[signature.checked]
algorithm = "sha512"
over = "${crc32:body}|${length:body}|${sha256:body:base64}|${capture:nonce}"
encoding = "hex"
[signature.fields_alone]
algorithm = "sha1"
over = "${now:%Y%m%d%H%M%S}.${secret:user}.${content:orderid}.6000.EUR"
encoding = "hex"
[signature.with_secret]
algorithm = "sha1"
over = "${sig:fields_alone}.${secret:api_key}"
encoding = "hex"
"#;

pub(super) fn profile() -> Profile {
    let profile = Profile::parse("acme/profile.toml", PROFILE, Path::new("acme"), jiff::civil::date(2026, 11, 22));
    profile.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
}

/// A tape with a synthesised provenance before `text`.
pub(super) fn tape(text: &str) -> Arc<Tape> {
    try_tape(text).unwrap()
}

pub(super) fn try_tape(text: &str) -> Result<Arc<Tape>, Vec<String>> {
    let text = format!("provenance = {{ kind = \"synthesised\" }}\n{text}");
    Tape::parse("fixtures/acme/capture.partial.toml", &text, &profile())
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// One exchange of step 1: the request's own lines, answered with an empty 200.
pub(super) fn one(request: &str) -> Arc<Tape> {
    tape(&format!("[[exchange]]\nstep = 1\nresponse = {{ status = 200 }}\n[exchange.request]\n{request}"))
}

pub(super) fn player_with_seed(tape: &Arc<Tape>, seed: u64) -> Player {
    let credentials = Arc::new(profile().credentials);
    let mut player =
        Player::new(Arc::clone(tape), RunValues { seed, now_unix_seconds: NOW, credentials, proven: None });
    player.begin_step(1, values(1));
    player
}

pub(super) fn player(tape: &Arc<Tape>) -> Player {
    player_with_seed(tape, 7)
}

pub(super) fn values(step: u32) -> StepValues {
    let samples = [
        ("card.number", "4242424242424242"),
        ("card.expiry_month", "3"),
        ("card.expiry_year", "2030"),
        ("card.cvc", "123"),
        ("card.holder", "Ada \"A\" & Co"),
    ];
    let samples = if step == 1 {
        samples.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    } else {
        BTreeMap::new()
    };
    StepValues {
        key: Some(format!("key-{step}")),
        reference: Some(format!("R{step}-0123456789")),
        samples: Arc::new(samples),
    }
}

pub(super) fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Request<Bytes> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

/// The paths at which a request differs from the only exchange of a tape.
pub(super) fn paths(tape: &Arc<Tape>, request: &Request<Bytes>) -> Vec<String> {
    differences(tape, request).into_iter().map(|mismatch| mismatch.path).collect()
}

pub(super) fn differences(tape: &Arc<Tape>, request: &Request<Bytes>) -> Vec<Mismatch> {
    player(tape).exchange(request).err().unwrap_or_default()
}
