//! What the files hold besides whole cases: tokens whose merchant key is not known, and single steps.

use super::*;
use crate::keys::{self, EcKey};

fn hex_of(value: &Value, name: &str) -> Vec<u8> {
    hex::decode(text(value, name)).unwrap()
}

#[test]
fn apple_tokens_of_unknown_merchants_are_apple_s() {
    for (name, file) in files("apple") {
        for token in list(&file, "signature_only") {
            let case = json!({ "merchants": file["merchants"].as_array().unwrap().iter().map(|m| &m["id"]).collect::<Vec<_>>(),
                "verify_at": token["signing_time"] });
            let result = open_apple(&file, &case, &token["payment_data"].to_string());
            assert_eq!(result.unwrap_err(), Error::UnknownPublicKeyHash, "{name} {}", text(token, "id"));
            let data = keys::base64(text(&token["payment_data"], "data")).unwrap();
            let key = hex_of(token, "symmetric_key_hex");
            let opened = match key.len() {
                32 => apple::open::decrypt_ec(&key, &data),
                _ => apple::open::decrypt_rsa(&key, &data),
            };
            assert_eq!(opened.unwrap().as_slice(), text(token, "plaintext").as_bytes(), "{name} {}", text(token, "id"));
        }
    }
}

#[test]
fn apple_keys_are_derived_as_elsewhere() {
    for (_, file) in files("apple") {
        for case in list(&file, "cases").iter().filter(|case| case["intermediate"]["shared_secret_hex"].is_string()) {
            let step = &case["intermediate"];
            let identifier_hash = <[u8; 32]>::try_from(hex_of(step, "merchant_id_hash_hex")).unwrap();
            let key = apple::open::content_key(&hex_of(step, "shared_secret_hex"), &identifier_hash);
            assert_eq!(key.to_vec(), hex_of(step, "symmetric_key_hex"), "{}", text(case, "id"));
        }
        for step in list(&file, "primitives").iter().filter(|step| step["kdf_info_b64"].is_string()) {
            let info = keys::base64(text(step, "kdf_info_b64")).unwrap();
            let identifier_hash = <[u8; 32]>::try_from(info.split_at(info.len() - 32).1).unwrap();
            let key = apple::open::content_key(&hex_of(step, "shared_secret_hex"), &identifier_hash);
            assert_eq!(key.to_vec(), keys::base64(text(step, "symmetric_key_b64")).unwrap());
            let data = keys::base64(text(step, "data_b64")).unwrap();
            let opened = apple::open::decrypt_ec(key.as_slice(), &data).unwrap();
            assert_eq!(opened.as_slice(), text(step, "plaintext").as_bytes());
        }
    }
}

#[test]
fn google_keys_and_texts_are_joined_as_elsewhere() {
    for (_, file) in files("google") {
        for step in list(&file, "primitives") {
            if let Some(parts) = step["parts"].as_array() {
                let parts: Vec<&str> = parts.iter().map(|part| part.as_str().unwrap()).collect();
                assert_eq!(google::signature::joined(&parts), hex_of(step, "hex"), "{}", text(step, "id"));
            } else {
                let key = EcKey::from_der(&keys::base64(text(step, "private_key_pkcs8")).unwrap()).unwrap();
                let point = keys::base64(text(step, "ephemeral_public_key")).unwrap();
                let derived = google::open::derive(&[&point, &key.agree(&point).unwrap()], 32).unwrap();
                assert_eq!(derived.to_vec(), [hex_of(step, "enc_key_hex"), hex_of(step, "mac_key_hex")].concat());
            }
        }
    }
}

/// Android Pay's tokens are not signed.
#[test]
fn the_first_version_is_refused() {
    for (_, file) in files("google") {
        let Some(case) = list(&file, "cases").first() else { continue };
        for token in list(&file, "legacy_android_pay_ecv0") {
            let refused = Google::of(case).open(&token["token"].to_string()).unwrap_err();
            assert!(matches!(refused, Error::MalformedToken(_) | Error::UnsupportedVersion), "{}", text(token, "id"));
        }
    }
}
