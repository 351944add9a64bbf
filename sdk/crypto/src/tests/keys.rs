//! Signatures and sealed texts against published vectors, and against themselves with one bit changed.

use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, KeyPair as _, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::*;

fn pem(label: &str, der: &[u8]) -> String {
    format!("some text\n-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

fn decoded(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// An RSA key, its public half, and its PKCS #8 text.
fn rsa() -> (RsaPrivateKey, RsaPublicKey, String) {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let text = pem("PRIVATE KEY", AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref());
    let spki = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
    let public = RsaPublicKey::from_der(spki.as_ref()).unwrap();
    assert_eq!(RsaPublicKey::from_pem(&pem("PUBLIC KEY", spki.as_ref())).as_ref(), Ok(&public));
    (RsaPrivateKey::from_pem(&text).unwrap(), public, text)
}

/// A key on a curve, its public half, and its two texts.
fn elliptic(curve: Curve) -> (EcPrivateKey, EcPublicKey, [String; 2]) {
    let algorithm = match curve {
        Curve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        Curve::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
    };
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(curve.coordinate_bytes());
    let short = |coordinate: &[u8]| coordinate.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
    let public = EcPublicKey::from_coordinates(curve, &short(x), &short(y)).unwrap();
    let sec1 = AsDer::<EcPrivateKeyRfc5915Der<'_>>::as_der(&pair.private_key()).unwrap();
    let texts = [pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref()), pem("EC PRIVATE KEY", sec1.as_ref())];
    (EcPrivateKey::from_pem(curve, &texts[0]).unwrap(), public, texts)
}

/// Every single changed bit is refused.
fn refused_with_any_bit_changed(bytes: &[u8], verify: impl Fn(&[u8]) -> bool) {
    assert!(verify(bytes));
    for bit in 0..bytes.len() * 8 {
        let mut spoilt = bytes.to_vec();
        spoilt[bit / 8] ^= 1 << (bit % 8);
        assert!(!verify(&spoilt), "bit {bit}");
    }
    assert!(!verify(&bytes[1..]) && !verify(&bytes[..bytes.len() - 1]) && !verify(b""));
}

#[test]
fn rsa_signs_by_both_schemes() {
    let (key, public, text) = rsa();
    let signature = key.sign_sha256(b"hello").unwrap();
    assert_eq!(key.sign_sha256(b"hello").unwrap(), signature, "version 1.5 is deterministic");
    refused_with_any_bit_changed(&signature, |bytes| rsa_sha256_verify(&public, b"hello", bytes).is_ok());
    let randomized = key.sign_pss_sha256(b"hello").unwrap();
    assert_ne!(key.sign_pss_sha256(b"hello").unwrap(), randomized);
    refused_with_any_bit_changed(&randomized, |bytes| rsa_pss_sha256_verify(&public, b"hello", bytes).is_ok());
    assert!(rsa_pss_sha256_verify(&public, b"hellp", &randomized).is_err());
    assert!(rsa_pss_sha256_verify(&public, b"hello", &signature).is_err(), "the schemes are not mixed up");
    assert!(rsa_sha256_verify(&public, b"hello", &randomized).is_err());
    assert_eq!(format!("{key:?}"), "RsaPrivateKey([secret])");
    for wrong in ["", "-----BEGIN PRIVATE KEY-----", &text.replace('M', "?"), &text.replace("PRIVATE", "PUBLIC")] {
        assert_eq!(RsaPrivateKey::from_pem(wrong).err(), Some(Error::Malformed { what: "private key" }));
    }
}

#[test]
fn oaep_opens_what_it_sealed() {
    let (key, public, _) = rsa();
    let sealed = rsa_oaep_sha1_seal(&public, "张三".as_bytes()).unwrap();
    assert_eq!(key.open_oaep_sha1(&sealed).unwrap(), "张三".as_bytes());
    assert_eq!(key.open_oaep_sha1(&sealed[1..]), Err(Error::Sealed));
    assert_eq!(rsa_oaep_sha1_seal(&public, &[0; 256]), Err(Error::Sealed));
}

#[test]
fn ecdsa_agrees_with_the_examples_of_rfc_7515() {
    let examples = [
        (
            Curve::P256,
            "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            Curve::P521,
            "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
            "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
            "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA",
            "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
        ),
    ];
    for (curve, x, y, input, signature) in examples {
        let key = EcPublicKey::from_coordinates(curve, &decoded(x), &decoded(y)).unwrap();
        refused_with_any_bit_changed(&decoded(signature), |bytes| key.verify(input.as_bytes(), bytes).is_ok());
        let (header, payload) = input.split_once('.').unwrap();
        let text = format!("{header}..{signature}");
        let jws = DetachedJws::read(&text).unwrap();
        assert_eq!(jws.verify(JwsVerifier::Ec(&key), &decoded(payload), &[]), Ok(()));
        assert_eq!(jws.verify(JwsVerifier::Ec(&key), b"other", &[]), Err(Error::Signature));
    }
}

#[test]
fn elliptic_keys_are_read_in_both_forms() {
    for curve in [Curve::P256, Curve::P521] {
        let (_, public, texts) = elliptic(curve);
        for text in &texts {
            let key = EcPrivateKey::from_pem(curve, text).unwrap();
            let signature = key.sign(b"hello").unwrap();
            assert_eq!(signature.len(), 2 * curve.coordinate_bytes());
            assert_eq!(public.verify(b"hello", &signature), Ok(()));
            assert_eq!(public.verify(b"hellp", &signature), Err(Error::Signature));
            assert!(format!("{key:?}").ends_with("[secret])"));
        }
        let other = if curve == Curve::P256 { Curve::P521 } else { Curve::P256 };
        assert!(EcPrivateKey::from_pem(other, &texts[0]).is_err());
        assert!(EcPublicKey::from_coordinates(curve, &[], &[1]).is_err());
        assert!(EcPublicKey::from_coordinates(curve, &[1; 67], &[1]).is_err());
        let nowhere = EcPublicKey::from_coordinates(curve, &[1], &[1]).unwrap();
        assert_eq!(nowhere.verify(b"hello", &[1; 132]), Err(Error::Signature), "a point beside the curve");
    }
}

#[test]
fn elliptic_signatures_are_written_as_a_sequence_too() {
    let all: [(_, _, &'static dyn VerificationAlgorithm); 2] = [
        (Curve::P256, &ECDSA_P256_SHA256_FIXED_SIGNING, &ECDSA_P256_SHA256_ASN1),
        (Curve::P521, &ECDSA_P521_SHA512_FIXED_SIGNING, &ECDSA_P521_SHA512_ASN1),
    ];
    for (curve, signing, verifying) in all {
        let pair = EcdsaKeyPair::generate(signing).unwrap();
        let key = EcPrivateKey::from_pem(curve, &pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref())).unwrap();
        let public = UnparsedPublicKey::new(verifying, pair.public_key().as_ref());
        // Numbers that are short or have their first bit set are written otherwise; among so many there are both.
        for number in 0..300_u32 {
            let message = number.to_be_bytes();
            assert!(public.verify(&message, &key.sign_der(&message).unwrap()).is_ok(), "{curve:?} {number}");
        }
    }
}

#[test]
fn a_detached_signature_covers_header_and_payload() {
    let (rsa, rsa_public, _) = rsa();
    let (elliptic, elliptic_public, _) = elliptic(Curve::P521);
    let keys = [
        (JwsKey::Rs256(&rsa), JwsVerifier::Rs256(&rsa_public)),
        (JwsKey::Ps256(&rsa), JwsVerifier::Ps256(&rsa_public)),
        (JwsKey::Ec(&elliptic), JwsVerifier::Ec(&elliptic_public)),
    ];
    for (key, verifier) in keys {
        let algorithm = key.algorithm();
        for (more, understood) in [
            ("", &[][..]),
            (r#","b64":false,"crit":["b64"]"#, &[][..]),
            (r#","b64":true,"iat":1,"crit":["b64","iat"]"#, &["iat"][..]),
        ] {
            let header = format!(r#"{{"alg":"{algorithm}","kid":"k"{more}}}"#);
            let text = key.sign_detached(&header, b"a.b").unwrap();
            let jws = DetachedJws::read(&text).unwrap();
            assert_eq!((jws.text("kid"), jws.verify(verifier, b"a.b", understood)), (Some("k"), Ok(())));
            assert_eq!(jws.verify(verifier, b"a.c", understood), Err(Error::Signature));
            let other = text.replacen(
                &URL_SAFE_NO_PAD.encode(&header),
                &URL_SAFE_NO_PAD.encode(header.replace("\"k\"", "\"l\"")),
                1,
            );
            let other = DetachedJws::read(&other).unwrap();
            assert_eq!(other.verify(verifier, b"a.b", understood), Err(Error::Signature), "another header");
            for (_, wrong) in keys.iter().filter(|(other, _)| other.algorithm() != algorithm) {
                assert_eq!(jws.verify(*wrong, b"a.b", understood), Err(Error::Signature), "another algorithm");
            }
        }
        let refused = |header: String| key.sign_detached(&header, b"").unwrap_err();
        for header in
            [r#"{"alg":"none"}"#.to_owned(), "[]".to_owned(), format!(r#"{{"alg":"{algorithm}","b64":false}}"#)]
        {
            assert_eq!(refused(header), Error::Malformed { what: "detached signature" });
        }
        let header = format!(r#"{{"alg":"{algorithm}","iat":1,"crit":["iat"]}}"#);
        let text = key.sign_detached(&header, b"a").unwrap();
        let jws = DetachedJws::read(&text).unwrap();
        assert_eq!(jws.verify(verifier, b"a", &[]), Err(Error::Signature), "critical and not understood");
        assert_eq!(jws.verify(verifier, b"a", &["iat"]), Ok(()));
    }
    for text in ["", "e30", "e30.e30.e30", "!..e30", "e30..!", "MQ..e30"] {
        assert!(DetachedJws::read(text).is_err(), "{text}");
    }
}

#[test]
fn aes_agrees_with_the_test_case_of_its_specification() {
    // The Galois/Counter Mode of Operation (McGrew, Viega), appendix B, test case 14.
    let key = Aes256Key::new(&[0; 32]).unwrap();
    let sealed = [
        0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18, 0xd0, 0xd1,
        0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19,
    ];
    assert_eq!(key.open_gcm(&[0; 12], b"", &sealed), Ok(vec![0; 16]));
    refused_with_any_bit_changed(&sealed, |bytes| key.open_gcm(&[0; 12], b"", bytes).is_ok());
    assert_eq!(key.open_gcm(&[0; 12], b"other", &sealed), Err(Error::Sealed));
    assert_eq!(key.open_gcm(&[1; 12], b"", &sealed), Err(Error::Sealed));
    assert_eq!(key.open_gcm(&[0; 16], b"", &sealed), Err(Error::Sealed));
    assert!(Aes256Key::new(&[0; 31]).is_err());
    assert_eq!(format!("{key:?}"), "Aes256Key([secret])");
}
