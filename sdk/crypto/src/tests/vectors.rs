//! The signatures and sealed texts of every signing file in `$QUITTANCE_SHARED/wallet-vectors`: Amazon Pay, Alipay, Antom, WeChat Pay,
//! PayPal. What is signed by a deterministic scheme is signed anew, the rest is checked.
#![allow(clippy::panic, clippy::print_stderr, reason = "tests")]

use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::*;

/// The files of one kind; none, said aloud, where the vectors do not lie at hand.
fn files(kind: &str) -> Vec<Value> {
    let Some(folder) = std::env::var_os("QUITTANCE_SHARED").filter(|folder| !folder.is_empty()) else {
        eprintln!("NOT RUN: {kind} vectors: QUITTANCE_SHARED is not set");
        return Vec::new();
    };
    let folder = std::fs::read_dir(PathBuf::from(folder).join("wallet-vectors")).unwrap();
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "json") && path.to_string_lossy().contains(kind));
    paths.sort();
    paths.iter().map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no text `{name}`"))
}

fn decoded(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).unwrap()
}

struct Keys {
    merchant: RsaPrivateKey,
    merchant_public: RsaPublicKey,
    platform: RsaPrivateKey,
    platform_public: RsaPublicKey,
}

impl Keys {
    fn of(file: &Value) -> Keys {
        Keys {
            merchant: RsaPrivateKey::from_pem(text(file, "merchant_private_key_pkcs8_pem")).unwrap(),
            merchant_public: RsaPublicKey::from_pem(text(file, "merchant_public_key_pem")).unwrap(),
            platform: RsaPrivateKey::from_pem(text(file, "platform_private_key_pkcs8_pem")).unwrap(),
            platform_public: RsaPublicKey::from_pem(text(file, "platform_public_key_pem")).unwrap(),
        }
    }

    /// What the merchant signs, byte by byte.
    fn signs(&self, message: &str, signature: &str) {
        assert_eq!(STANDARD.encode(self.merchant.sign_sha256(message.as_bytes()).unwrap()), signature, "{message}");
    }

    /// What the platform signed; one letter more is something else.
    fn is_from_platform(&self, message: &str, signature: &str) {
        let verify = |message: &str| rsa_sha256_verify(&self.platform_public, message.as_bytes(), &decoded(signature));
        assert_eq!(verify(message), Ok(()), "{message}");
        assert_eq!(verify(&format!("{message} ")), Err(Error::Signature));
    }
}

#[test]
fn amazon_pay_vectors_agree() {
    for file in files("signing") {
        let (keys, amazon) = (Keys::of(&file), &file["amazon_pay_v2"]);
        for signed in ["requests", "button_signatures"].iter().flat_map(|kind| amazon[*kind].as_array().unwrap()) {
            let content = signed["canonical_request"].as_str().unwrap_or_else(|| text(signed, "payload"));
            let hash = digest(&SHA256, content.as_bytes());
            let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            let message = format!("{}\n{hash}", text(signed, "algorithm"));
            assert_eq!(message, text(signed, "string_to_sign"));
            let own = match signed["salt_length"].as_i64() {
                Some(20) => keys.merchant.sign_pss_sha256_salt20(message.as_bytes()),
                _ => keys.merchant.sign_pss_sha256(message.as_bytes()),
            };
            for signature in [decoded(text(signed, "signature")), own.unwrap()] {
                let short = rsa_pss_sha256_salt20_verify(&keys.merchant_public, message.as_bytes(), &signature);
                let long = rsa_pss_sha256_verify(&keys.merchant_public, message.as_bytes(), &signature);
                // Each length of the salt is another scheme.
                match signed["salt_length"].as_i64() {
                    Some(20) => assert_eq!((short, long), (Ok(()), Err(Error::Signature))),
                    _ => assert_eq!((short, long), (Err(Error::Signature), Ok(()))),
                }
            }
        }
    }
}

#[test]
fn alipay_and_antom_vectors_agree() {
    for file in files("signing") {
        let (keys, alipay, antom) = (Keys::of(&file), &file["alipay"], &file["antom"]);
        keys.signs(text(&alipay["v2_request"], "sign_content"), text(&alipay["v2_request"], "sign"));
        let raw: Value = serde_json::from_str(text(&alipay["v2_response"], "raw")).unwrap();
        keys.is_from_platform(text(&alipay["v2_response"], "sign_content"), text(&raw, "sign"));
        keys.is_from_platform(
            text(&alipay["v2_notification"], "sign_content"),
            text(&alipay["v2_notification"], "sign"),
        );
        let (_, sign) = text(&alipay["v3_request"], "authorization").split_once(",sign=").unwrap();
        keys.signs(text(&alipay["v3_request"], "sign_content"), sign);
        let v3 = &alipay["v3_response"];
        keys.is_from_platform(text(v3, "sign_content"), text(v3, "alipay-signature"));
        keys.signs(text(&antom["request"], "sign_content"), text(&antom["request"], "signature_base64"));
        let (_, signature) = text(&antom["response"], "signature_header").split_once(",signature=").unwrap();
        let signature = signature.replace("%2F", "/").replace("%2B", "+").replace("%3D", "=");
        keys.is_from_platform(text(&antom["response"], "sign_content"), &signature);
    }
}

/// The text of a notification's resource.
fn opened(key: &str, sealed: &Value) -> Result<Vec<u8>, Error> {
    let associated = sealed["associated_data"].as_str().unwrap_or_default();
    let nonce = text(sealed, "nonce");
    Aes256Key::new(key.as_bytes())?.open_gcm(
        nonce.as_bytes(),
        associated.as_bytes(),
        &decoded(text(sealed, "ciphertext")),
    )
}

#[test]
fn wechat_pay_vectors_agree() {
    for file in files("signing") {
        let (keys, wechat) = (Keys::of(&file), &file["wechat_pay_v3"]);
        for request in ["request_post", "request_get"] {
            keys.signs(text(&wechat[request], "message"), text(&wechat[request], "signature"));
        }
        keys.signs(text(&wechat["client_pay_sign"], "message"), text(&wechat["client_pay_sign"], "pay_sign"));
        let notification = &wechat["notification"];
        keys.is_from_platform(text(notification, "message"), text(&notification["headers"], "Wechatpay-Signature"));
        let body: Value = serde_json::from_str(text(notification, "body")).unwrap();
        let key = text(wechat, "api_v3_key");
        assert_eq!(opened(key, &body["resource"]).unwrap(), text(notification, "resource_plaintext").as_bytes());
        let empty = &wechat["resource_empty_aad"];
        assert_eq!(opened(key, empty).unwrap(), text(empty, "plaintext").as_bytes());
        for refused in ["resource_bad_tag", "resource_too_short"] {
            assert_eq!(opened(key, &wechat[refused]), Err(Error::Sealed), "{refused}");
        }
        let field = &wechat["sensitive_field_oaep_sha1"];
        let sealed = decoded(text(field, "ciphertext"));
        assert_eq!(keys.platform.open_oaep_sha1(&sealed).unwrap(), text(field, "plaintext").as_bytes());
        assert_eq!(keys.merchant.open_oaep_sha1(&sealed), Err(Error::Sealed));
    }
}

#[test]
fn wechat_pay_vectors_of_its_own_library_agree() {
    for file in files("public-wechat") {
        let merchant = RsaPrivateKey::from_pem(text(&file, "merchant_private_key_pem")).unwrap();
        let wechat = RsaPrivateKey::from_pem(text(&file, "wechat_private_key_pem")).unwrap();
        for vector in file["vectors"].as_array().unwrap() {
            match text(vector, "id") {
                "aead_aes_256_gcm" => {
                    assert_eq!(
                        opened(text(vector, "api_v3_key"), vector).unwrap(),
                        text(vector, "plaintext").as_bytes()
                    );
                }
                "download_certificate" => {
                    let sealed = &vector["response_item"]["encrypt_certificate"];
                    let pem = opened(text(vector, "api_v3_key"), sealed).unwrap();
                    assert_eq!(String::from_utf8_lossy(&pem).trim(), text(vector, "plaintext_pem").trim());
                    assert_eq!(Certificate::read_pem(&pem).unwrap().len(), 1);
                }
                "sensitive_field_oaep_sha1" => {
                    let sealed = decoded(text(vector, "ciphertext"));
                    let opened = [&merchant, &wechat].into_iter().find_map(|key| key.open_oaep_sha1(&sealed).ok());
                    assert_eq!(opened.unwrap(), text(vector, "plaintext").as_bytes());
                }
                "rsa_verify" => {
                    let own = merchant.sign_sha256(text(vector, "message").as_bytes()).unwrap();
                    assert_eq!(STANDARD.encode(own), text(vector, "signature"));
                }
                other => panic!("no test for `{other}`"),
            }
        }
    }
}

#[test]
fn paypal_vectors_agree() {
    for file in files("signing") {
        let (keys, webhook) = (Keys::of(&file), &file["paypal_webhook"]);
        let header = |name: &str| text(&webhook["headers"], name);
        let message = format!(
            "{}|{}|{}|{}",
            header("PAYPAL-TRANSMISSION-ID"),
            header("PAYPAL-TRANSMISSION-TIME"),
            text(webhook, "webhook_id"),
            text(webhook, "crc32_decimal")
        );
        assert_eq!(message, text(webhook, "message"));
        keys.is_from_platform(&message, header("PAYPAL-TRANSMISSION-SIG"));
    }
}
