//! Against certificates and signatures that OpenSSL made (`testdata/`; all of them are test keys).
#![allow(clippy::unwrap_used)]

use super::*;

mod keys;
mod vectors;

const TWO_NAMES: &[u8] = include_bytes!("../testdata/two-names.pem");
const COMMON_NAME: &[u8] = include_bytes!("../testdata/common-name.pem");
const ELLIPTIC: &[u8] = include_bytes!("../testdata/elliptic.pem");
const SMALL: &[u8] = include_bytes!("../testdata/small.pem");
const SIGNATURE: &[u8] = include_bytes!("../testdata/message.sig");

fn one(pem: &[u8]) -> Certificate {
    Certificate::read_pem(pem).unwrap().remove(0)
}

#[test]
fn a_good_signature_is_believed_and_a_spoilt_one_is_not() {
    let certificate = one(TWO_NAMES);
    let key = certificate.public_key();
    assert_eq!(rsa_sha256_verify(key, b"one message", SIGNATURE), Ok(()));
    assert_eq!(rsa_sha256_verify(key, b"one messagf", SIGNATURE), Err(Error::Signature));
    assert_eq!(rsa_sha256_verify(key, b"one message", &SIGNATURE[1..]), Err(Error::Signature));
    assert_eq!(rsa_sha256_verify(key, b"one message", b""), Err(Error::Signature));
    for bit in 0..SIGNATURE.len() * 8 {
        let mut spoilt = SIGNATURE.to_vec();
        spoilt[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(rsa_sha256_verify(key, b"one message", &spoilt), Err(Error::Signature), "bit {bit}");
    }
    let long = vec![0; SIGNATURE_BYTES_MAX + 1];
    assert!(matches!(rsa_sha256_verify(key, b"", &long), Err(Error::TooLarge { .. })));
}

#[test]
fn a_key_under_2048_bits_signs_nothing() {
    let signature = include_bytes!("../testdata/small.sig");
    assert_eq!(rsa_sha256_verify(one(SMALL).public_key(), b"one message", signature), Err(Error::Signature));
}

#[test]
fn a_bare_public_key_reads_like_the_one_in_the_certificate() {
    let key = RsaPublicKey::from_der(include_bytes!("../testdata/two-names.spki.der")).unwrap();
    assert_eq!(&key, one(TWO_NAMES).public_key());
    assert_eq!(RsaPublicKey::from_der(include_bytes!("../testdata/elliptic.spki.der")), Err(Error::KeyType));
    assert_eq!(RsaPublicKey::from_der(b""), Err(Error::Malformed { what: "public key" }));
    assert!(matches!(RsaPublicKey::from_der(&vec![0; PEM_BYTES_MAX + 1]), Err(Error::TooLarge { .. })));
}

#[test]
fn names_and_validity_are_read() {
    let certificate = one(TWO_NAMES);
    assert_eq!(certificate.common_name(), Some("nobody.example"));
    assert_eq!(certificate.dns_names(), ["expired.example", "*.expired.example"]);
    assert!(certificate.is_for("EXPIRED.example"));
    assert!(!certificate.is_for("a.expired.example"), "a wildcard matches nothing");
    assert!(!certificate.is_for("nobody.example"), "the common name does not count beside dns names");
    assert!(one(COMMON_NAME).is_for("alone.example"));
    // 2024-01-01T00:00:00Z to 2025-01-01T00:00:00Z
    for (at, valid) in
        [(1_704_067_199, false), (1_704_067_200, true), (1_735_689_600, true), (1_735_689_601, false), (-1, false)]
    {
        assert_eq!(certificate.valid_at(at), valid, "{at}");
    }
}

#[test]
fn a_file_may_hold_several_certificates_and_text_between_them() {
    let file = [b"subject=leaf\n", TWO_NAMES, b"subject=issuer\r\n", COMMON_NAME, b"\n\n"].concat();
    let names: Vec<_> =
        Certificate::read_pem(&file).unwrap().iter().map(|c| c.common_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["nobody.example", "alone.example"]);
    assert_eq!(Certificate::read_pem(&TWO_NAMES.repeat(11)), Err(Error::TooMany { limit: CERTIFICATES_MAX }));
}

#[test]
fn bad_files_are_refused_with_their_reason() {
    let malformed = Err(Error::Malformed { what: "certificate" });
    assert_eq!(Certificate::read_pem(b""), Err(Error::Empty));
    assert_eq!(Certificate::read_pem(b"<html>not here</html>"), Err(Error::Empty));
    assert_eq!(Certificate::read_pem(b"\xff"), malformed);
    assert_eq!(Certificate::read_pem(ELLIPTIC), Err(Error::KeyType));
    assert!(matches!(Certificate::read_pem(&vec![b' '; PEM_BYTES_MAX + 1]), Err(Error::TooLarge { .. })));
    for cut in 28..TWO_NAMES.len() - "\n-----END CERTIFICATE-----\n".len() {
        let file = [&TWO_NAMES[..cut], b"\n-----END CERTIFICATE-----\n"].concat();
        assert!(Certificate::read_pem(&file).is_err(), "cut at {cut}");
        assert!(Certificate::read_pem(&TWO_NAMES[..cut]).is_err(), "cut at {cut} without an end");
    }
}

#[test]
fn no_changed_byte_makes_it_panic() {
    for at in 0..TWO_NAMES.len() {
        for byte in [b'A', b'/', b'\n', 0] {
            let mut file = TWO_NAMES.to_vec();
            file[at] = byte;
            if let Ok(certificates) = Certificate::read_pem(&file) {
                let _ = rsa_sha256_verify(certificates[0].public_key(), b"one message", SIGNATURE);
            }
        }
    }
}
