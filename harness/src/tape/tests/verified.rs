//! Signatures that can only be verified, detached JWS, and sealed parts of bodies.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::{NOW, Player, RunValues, request, values};
use crate::profile::Profile;
use crate::tape::{Spoil, Tape};

const URL: &str = "https://api.acme.test/pay?x=1";

fn elliptic(algorithm: &'static EcdsaSigningAlgorithm) -> String {
    crate::pem::write("PRIVATE KEY", EcdsaKeyPair::generate(algorithm).unwrap().to_pkcs8v1().unwrap().as_ref())
}

fn rsa() -> String {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    crate::pem::write("PRIVATE KEY", AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref())
}

fn read(recipe: &str) -> Result<Profile, Vec<crate::bad_input::FileError>> {
    let text = format!("{}{recipe}", super::PROFILE);
    Profile::parse("acme/profile.toml", &text, std::path::Path::new("acme"), jiff::civil::date(2026, 11, 22))
}

/// A run of a tape with the profile's recipes and one more.
fn run(recipe: &str, tape: &str) -> Player {
    let profile = read(recipe).unwrap();
    let text = format!("provenance = {{ kind = \"synthesised\" }}\n{tape}");
    let tape = Tape::parse("fixtures/acme/capture.partial.toml", &text, &profile).unwrap();
    let credentials = Arc::new(profile.credentials);
    let mut player = Player::new(tape, RunValues { seed: 7, now_unix_seconds: NOW, credentials, proven: None });
    player.begin_step(1, values(1));
    player
}

fn recipe(algorithm: &str, key: &str, more: &str) -> String {
    format!(
        "[signature.own]\nalgorithm = \"{algorithm}\"\nkey = '''{key}'''\nover = \"${{method}} ${{path}}\\n${{body}}\"\nencoding = \"base64url\"\n{more}"
    )
}

const EXCHANGE: &str = r#"
[[exchange]]
step = 1
[exchange.request]
method = "POST"
url = "https://api.acme.test/pay?x=1"
headers = { x-sig = "v1=${sig:own}" }
json = '{"a":1}'
[exchange.response]
status = 200
[[webhook]]
step = 1
url = "https://api.acme.test/pay?x=1"
headers = { x-sig = "v1=${sig:own}" }
body = '{"a":1}'
"#;

/// What the harness itself would sign with, out of a delivery of the same text.
fn signed(player: &Player) -> String {
    player.remade(0, Spoil::Not, &[]).unwrap().headers[0].1.clone()
}

fn accepts(player: &Player, signature: &str, body: &str) -> bool {
    player.clone().exchange(&request("POST", URL, &[("x-sig", signature)], body)).is_ok()
}

fn all_recipes() -> Vec<String> {
    let (small, large) = (elliptic(&ECDSA_P256_SHA256_FIXED_SIGNING), elliptic(&ECDSA_P521_SHA512_FIXED_SIGNING));
    let jws = |algorithm: &str, more: &str| {
        format!(
            "protected = '{{\"alg\": \"{algorithm}\", \"kid\": \"${{secret:user}}\", \"iat\": \"${{now:unix#number}}\"{more}}}'\n"
        )
    };
    vec![
        recipe("es256", &small, ""),
        recipe("es512", &large, ""),
        recipe("es512-der", &large, ""),
        recipe("ps256", &rsa(), ""),
        recipe("es512", &large, &jws("ES512", "")),
        recipe("ps256", &rsa(), &jws("PS256", ", \"b64\": false, \"crit\": [\"b64\"]")),
        recipe("rsa-sha256", &rsa(), &jws("RS256", "")),
    ]
}

#[test]
fn a_randomized_signature_is_verified_and_no_other_byte_passes() {
    for recipe in all_recipes() {
        let player = run(&recipe, EXCHANGE);
        let (one, other) = (signed(&player), signed(&player));
        if !recipe.contains("rsa-sha256") {
            assert_ne!(one, other, "it is randomized");
        }
        assert!(accepts(&player, &one, "{\"a\":1}") && accepts(&player, &other, "{\"a\":1}"));
        assert!(!accepts(&player, &one, "{ \"a\":1}"), "the exact bytes are signed");
        assert!(!accepts(&player, &format!("{one}A"), "{\"a\":1}"));
        assert!(!accepts(&player, &format!("{one} "), "{\"a\":1}"));
        assert!(!accepts(&player, "v1=", "{\"a\":1}") && !accepts(&player, "v1=..", "{\"a\":1}"));
        let step = (one.len() / 40).max(1);
        for at in (3..one.len()).step_by(step) {
            let mut spoilt = one.clone();
            spoilt.replace_range(at..=at, if &one[at..=at] == "x" { "y" } else { "x" });
            assert!(!accepts(&player, &spoilt, "{\"a\":1}"), "letter {at} of {recipe}");
        }
    }
}

#[test]
fn spoilt_deliveries_differ_and_reports_do_not() {
    for recipe in all_recipes() {
        let mut player = run(&recipe, EXCHANGE);
        let valid = signed(&player);
        for spoil in [Spoil::WrongKey, Spoil::Prefix(1), Spoil::Extended, Spoil::OtherAlgorithm] {
            let spoilt = player.remade(0, spoil, &[]).unwrap().headers[0].1.clone();
            assert!(!accepts(&player, &spoilt, "{\"a\":1}"), "{spoil:?}");
        }
        assert!(player.altered(0).len() > 2);
        let mut again = player.clone();
        for (player, signature) in [(&mut player, &valid), (&mut again, &signed(&run(&recipe, EXCHANGE)))] {
            let _ = player.exchange(&request("POST", URL, &[("x-sig", signature)], "{\"a\":1}"));
        }
        assert_eq!(player.sent(), [format!("POST {URL}\nx-sig: v1=${{sig:own}}\n\n{{\"a\":1}}").into_bytes()]);
        assert_eq!(player.shown_transcript()[0].headers[0].1, "v1=${sig:own}");
    }
}

#[test]
fn the_members_of_a_protected_header_count_and_not_their_order() {
    let key = elliptic(&ECDSA_P521_SHA512_FIXED_SIGNING);
    let protected = |header: &str| recipe("es512", &key, &format!("protected = '{header}'\n"));
    let player = run(&protected("{\"alg\": \"ES512\", \"kid\": \"k\"}"), EXCHANGE);
    for (header, fits) in [
        ("{\"kid\":\"k\",\"alg\":\"ES512\"}", true),
        ("{\"kid\":\"l\",\"alg\":\"ES512\"}", false),
        ("{\"kid\":\"k\"}", false),
        ("{\"kid\":\"k\",\"alg\":\"ES512\",\"more\":1}", false),
    ] {
        let other = signed(&run(&protected(header), EXCHANGE));
        assert_eq!(accepts(&player, &other, "{\"a\":1}"), fits, "{header}");
    }
    let (encoded, _) =
        signed(&player)[3..].split_once("..").map(|(one, two)| (one.to_owned(), two.to_owned())).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(encoded).unwrap(), b"{\"alg\": \"ES512\", \"kid\": \"k\"}");
}

const SEALED: &str = r#"
[signature.resource]
algorithm = "aes-256-gcm"
key = "0123456789abcdef0123456789abcdef"
nonce = "${body:/resource/nonce}"
associated_data = "${body:/resource/aad}"
encoding = "base64"
[signature.own]
algorithm = "hmac-sha256"
key = "k"
over = "${body}"
encoding = "hex"
"#;

const DELIVERY: &str = r#"
[[exchange]]
step = 1
request = { method = "GET", url = "https://api.acme.test/" }
[exchange.response]
status = 200
headers = { x-sig = "${sig:own}" }
body = '{"data":[{"text":"in words"}],"resource":{"nonce":"abcdefghijkl","aad":""}}'
seal = { "/data/0/text" = "resource" }
[[webhook]]
step = 1
headers = { x-sig = "${sig:own}" }
body = '{"n": 5, "resource": {"nonce": "abcdefghijkl", "aad": "x", "text": {"amount": 12.340, "id": "${gen:id}"}}}'
seal = { "/resource/text" = "resource" }
"#;

fn opened(sealed: &str, aad: &str) -> Option<String> {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, b"0123456789abcdef0123456789abcdef").unwrap());
    let mut bytes = STANDARD.decode(sealed).unwrap();
    let nonce = Nonce::try_assume_unique_for_key(b"abcdefghijkl").unwrap();
    let text = key.open_in_place(nonce, Aad::from(aad), &mut bytes).ok()?;
    Some(String::from_utf8(text.to_vec()).unwrap())
}

#[test]
fn a_part_of_a_body_is_sealed_before_the_whole_is_signed() {
    let mut player = run(SEALED, DELIVERY);
    let delivery = player.webhook(1, Spoil::Not).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&delivery.body).unwrap();
    let text = opened(body["resource"]["text"].as_str().unwrap(), "x").unwrap();
    assert!(text.starts_with("{\"amount\":12.340,\"id\":\""), "{text}");
    assert_eq!(opened(body["resource"]["text"].as_str().unwrap(), "y"), None);
    let clear = player.unsigned(0).unwrap();
    let at = clear.find("12.340").unwrap();
    let edit = crate::tape::Edit { at: at..at + 6, with: "7".to_owned() };
    let changed = player.remade(0, Spoil::Not, &[edit]).unwrap();
    assert!(changed.headers != delivery.headers, "what is changed in the clear is sealed and signed anew");
    assert!(
        player
            .altered(0)
            .iter()
            .all(|(_, altered)| altered.body != delivery.body || altered.headers != delivery.headers)
    );
    let answer = player.exchange(&request("GET", "https://api.acme.test/", &[], "")).unwrap();
    let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(opened(body["data"][0]["text"].as_str().unwrap(), "").as_deref(), Some("in words"));
    let before = answer.headers()["x-sig"].clone();
    let record = player.transcript()[0].clone();
    let resigned = player.resigned(&record, answer.map(|_| "{}".into()));
    assert!(resigned.headers()["x-sig"] != before, "a changed answer is signed anew");
}

#[test]
fn what_cannot_be_right_is_refused() {
    let message = |recipe: &str| read(recipe).unwrap_err()[0].to_string();
    let es512 = elliptic(&ECDSA_P521_SHA512_FIXED_SIGNING);
    assert!(message(&recipe("es256", &es512, "")).contains("the elliptic key is refused"));
    assert!(message(&recipe("es512", "nothing", "")).contains("expected a PEM private key"));
    assert!(message(&recipe("es512", &es512, "protected = '[]'\n")).contains("expected a JSON object"));
    assert!(message(&recipe("hmac-sha1", "k", "protected = '{}'\n")).contains("only with a key pair"));
    assert!(message(&recipe("hmac-sha1", "k", "nonce = 'k'\n")).contains("but for `aes-256-gcm`"));
    assert!(message(&SEALED.replace("nonce = \"${body:/resource/nonce}\"\n", "")).contains("expected a nonce"));
    let refused = |recipe: &str, tape: &str| {
        let text = format!("provenance = {{ kind = \"synthesised\" }}\n{tape}");
        Tape::parse("a.toml", &text, &read(recipe).unwrap()).unwrap_err()[0].to_string()
    };
    let seal = |with: &str| refused(SEALED, &DELIVERY.replace("seal = { \"/resource/text\" = \"resource\" }", with));
    assert!(seal("seal = { \"/resource/text\" = \"own\" }").contains("signs, expected one of `aes-256-gcm`"));
    assert!(seal("seal = { \"/resource/text\" = \"nobody\" }").contains("no recipe"));
    assert!(seal("seal = { \"resource\" = \"resource\" }").contains("JSON pointer"));
    assert!(refused(SEALED, &DELIVERY.replace("${sig:own}", "${sig:resource}")).contains("name it under `seal`"));
    let in_body = EXCHANGE.replace("json = '{\"a\":1}'", "json = '{\"a\":\"${sig:own}\"}'");
    assert!(refused(&recipe("es512", &es512, ""), &in_body).contains("in a header of the request"));
}

#[test]
fn what_a_connector_signed_rightly_is_verified_once_for_each_text() {
    let key = elliptic(&ECDSA_P521_SHA512_FIXED_SIGNING);
    let recipe = format!(
        "[signature.own]\nalgorithm = \"es512\"\nkey = '''{key}'''\nover = \"${{now:unix}} ${{body}}\"\nencoding = \"base64url\"\n"
    );
    let plain = run(&recipe, EXCHANGE);
    let values = RunValues { proven: Some(Arc::default()), ..plain.run_values().clone() };
    let mut player = Player::new(Arc::clone(plain.tape()), values);
    player.begin_step(1, super::values(1));
    let (right, wrong) = (signed(&player), player.remade(0, Spoil::WrongKey, &[]).unwrap().headers[0].1.clone());
    let takes = |player: &Player, signature: &str| accepts(player, signature, "{\"a\":1}");
    assert!(!takes(&player, &wrong) && takes(&player, &right) && takes(&player, &wrong));
    assert!(!takes(&plain, &wrong));
    player.set_now(NOW + 1);
    assert!(!takes(&player, &wrong) && !takes(&player, &right));
}
