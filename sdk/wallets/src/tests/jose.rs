//! Samsung Pay, Paze and Click to Pay.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use x509_cert::der::pem::{self, LineEnding};

use super::*;
use crate::jose::{Content, JweKey};
use crate::{checkout, click_to_pay, paze, samsung};

/// When the tokens of the files were made: 2026-03-01T12:00:00Z.
fn now() -> Timestamp {
    Timestamp::from_second(1_772_366_400).unwrap()
}

fn private_key(case: &Value) -> Secret {
    Secret::from(text(case, "private_key_pkcs8_pem"))
}

fn open_samsung(case: &Value, credential: &str) -> Result<Opened, Error> {
    let keys = samsung::Keys::new(&[private_key(case)]).unwrap();
    ready(samsung::verify_and_decrypt(credential, &keys, now(), &MemoryTokens::default()))
}

fn open_paze(case: &Value, response: &str) -> Result<Opened, Error> {
    let keys = paze::Keys::new(&[text(case, "signer_public_key_pem").to_owned()], &[private_key(case)]).unwrap();
    ready(paze::verify_and_decrypt(response, &keys, now(), &MemoryTokens::default()))
}

/// The files hold the encrypted payload alone, without the signed response around it.
fn open_payload(key: JweKey, jwe: &str) -> Result<Opened, Error> {
    checkout::read(&crate::jose::open(jwe, &[key], Content::A256Gcm)?, now())
}

fn open(case: &Value) -> Result<Opened, Error> {
    match text(case, "wallet") {
        "samsung_pay" => open_samsung(case, &case["credential"].to_string()),
        "paze" => open_paze(case, text(case, "complete_response")),
        "click_to_pay_symmetric" => {
            let key = JweKey::shared_secret(&Secret::from(text(case, "shared_secret"))).unwrap();
            open_payload(key, text(case, "jwe"))
        }
        "click_to_pay_rsa" => open_payload(JweKey::rsa_oaep_256(&private_key(case)).unwrap(), text(case, "jwe")),
        other => panic!("no wallet `{other}`"),
    }
}

#[test]
fn jwe_vectors_agree() {
    let mut complaints = Vec::new();
    for (name, file) in files("jwe") {
        let cases = list(&file, "cases");
        assert!(!cases.is_empty(), "{name} holds no case");
        for case in cases {
            let told = match open(case) {
                Ok(_) if case["expect"]["ok"] != json!(true) => "opened".to_owned(),
                Ok(opened) if opened.payload.expose() != text(&case["expect"], "plaintext") => {
                    "another plaintext".to_owned()
                }
                Err(error) if case["expect"]["ok"] == json!(true) => format!("refused: {error}"),
                _ => continue,
            };
            complaints.push(format!("{name} {}: {told}", text(case, "id")));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn failures_of_unwrapping_look_alike() {
    let alike = [
        "samsung_flip_encrypted_key",
        "samsung_flip_tag",
        "samsung_cek_wrong_length",
        "samsung_padding_block_type_1",
        "paze_jwe_tag_flipped",
        "paze_oaep_sha1",
        "c2p_wrong_secret",
        "c2p_tag_flipped",
    ];
    for (_, file) in files("minted-jwe") {
        for case in list(&file, "cases").iter().filter(|case| alike.contains(&text(case, "id"))) {
            assert_eq!(open(case).unwrap_err(), Error::NotOpened, "{}", text(case, "id"));
        }
    }
}

#[test]
fn a_checkout_response_is_verified_then_opened_once() {
    for (_, file) in files("minted-jwe") {
        let find = |id: &str| list(&file, "cases").iter().find(|case| case["id"] == id).unwrap();
        let (case, paze) = (find("c2p_ok"), find("paze_ok"));
        let (label, der) = pem::decode_vec(text(paze, "private_key_pkcs8_pem").as_bytes()).unwrap();
        assert_eq!(label, "PRIVATE KEY");
        let signer = RsaKeyPair::from_pkcs8(&der).unwrap();
        let public: PublicKeyX509Der<'_> = signer.public_key().as_der().unwrap();
        let public = pem::encode_string("PUBLIC KEY", LineEnding::LF, public.as_ref()).unwrap();
        let payload = json!({ "encryptedPayload": case["jwe"] }).to_string();
        let response = signed(&signer, r#"{"alg":"RS256"}"#, &payload);
        let secret = Secret::from(text(case, "shared_secret"));
        let keys = click_to_pay::Keys::shared(&[public], std::slice::from_ref(&secret)).unwrap();
        let replays = MemoryTokens::default();
        let open = |response: &str| ready(click_to_pay::verify_and_decrypt(response, &keys, now(), &replays));
        assert_eq!(open(&response).unwrap().payload.expose(), text(&case["expect"], "plaintext"));
        assert_eq!(open(&response).unwrap_err(), Error::Replayed);
        let other = signed(&signer, r#"{"alg":"RS256","crit":["exp"]}"#, &payload);
        assert_eq!(open(&other).unwrap_err(), Error::UnsupportedAlgorithm);
        let foreign = text(paze, "signer_public_key_pem").to_owned();
        let keys = click_to_pay::Keys::shared(&[foreign], &[secret]).unwrap();
        let refused = ready(click_to_pay::verify_and_decrypt(&response, &keys, now(), &MemoryTokens::default()));
        assert_eq!(refused.unwrap_err(), Error::InvalidSignature);
    }
}

fn signed(signer: &RsaKeyPair, header: &str, payload: &str) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let mut signature = vec![0; signer.public_modulus_len()];
    signer.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn mutants_are_refused() {
    let mut numbers = Numbers(0xd1b5_4a32_d192_ed03);
    for (_, file) in files("minted-jwe") {
        let find = |id: &str| list(&file, "cases").iter().find(|case| case["id"] == id).unwrap();
        let (samsung, paze, mut refused) = (find("samsung_ok"), find("paze_ok"), 0);
        while refused < 300 {
            let data = text(&samsung["credential"]["3DS"], "data");
            let mut credential = samsung["credential"].clone();
            credential["3DS"]["data"] = json!(mutated(data, &mut numbers));
            let response = mutated(text(paze, "complete_response"), &mut numbers);
            let results = [
                (credential != samsung["credential"], open_samsung(samsung, &credential.to_string())),
                (response != text(paze, "complete_response"), open_paze(paze, &response)),
            ];
            for (_, result) in results.into_iter().filter(|(changed, _)| *changed) {
                assert!(result.is_err(), "a mutant opened");
                refused += 1;
            }
        }
    }
}
