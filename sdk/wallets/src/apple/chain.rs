//! From the signing certificate to the pinned root.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, UnparsedPublicKey, VerificationAlgorithm,
};
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, Utf8StringRef};
use x509_cert::der::{Decode, DecodePem, Encode};
use x509_cert::ext::pkix::BasicConstraints;

use crate::Error;
use crate::keys::sha256;

/// Marks Apple's certificate that signs payment tokens.
pub(super) const LEAF: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.6.29");
/// Marks Apple's certificate that issues those.
const INTERMEDIATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.6.2.14");
/// RFC 5758, section 3.2.
pub(super) const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
/// In a payment processing certificate: the hash of the merchant identifier, 64 upper-case hexadecimal digits as `UTF8String`.
const MERCHANT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.6.32");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// The key that Apple's chain must end in.
#[derive(Clone, Copy, Debug)]
pub struct Root {
    /// The uncompressed P-384 point.
    point: [u8; 97],
    /// Until when the root certificate is valid, in seconds since 1970.
    not_after: u64,
}

impl Root {
    /// The key of "Apple Root CA - G3", valid to 2039-04-30 (<https://www.apple.com/certificateauthority/>; SHA-256 of the certificate
    /// `63343abfb89a6a03ebb57e9b3f5fa7be7c4f5c756f3017b3a8c488c3653e9179`).
    pub const APPLE_G3: Root = Root {
        point: [
            0x04, 0x98, 0xe9, 0x2f, 0x3d, 0x40, 0x72, 0xa4, 0xed, 0x93, 0x22, 0x72, 0x81, 0x13, 0x1c, 0xdd, 0x10, 0x95,
            0xf1, 0xc5, 0xa3, 0x4e, 0x71, 0xdc, 0x14, 0x16, 0xd9, 0x0e, 0xe5, 0xa6, 0x05, 0x2a, 0x77, 0x64, 0x7b, 0x5f,
            0x4e, 0x38, 0xd3, 0xbb, 0x1c, 0x44, 0xb5, 0x7f, 0xf5, 0x1f, 0xb6, 0x32, 0x62, 0x5d, 0xc9, 0xe9, 0x84, 0x5b,
            0x4f, 0x30, 0x4f, 0x11, 0x5a, 0x00, 0xfd, 0x58, 0x58, 0x0c, 0xa5, 0xf5, 0x0f, 0x2c, 0x4d, 0x07, 0x47, 0x13,
            0x75, 0xda, 0x97, 0x97, 0x97, 0x6f, 0x31, 0x5c, 0xed, 0x2b, 0x9d, 0x7b, 0x20, 0x3b, 0xd8, 0xb9, 0x54, 0xd9,
            0x5e, 0x99, 0xa4, 0x3a, 0x51, 0x0a, 0x31,
        ],
        not_after: 2_187_800_346,
    };

    /// The key of a root certificate as PEM; it must be on P-384.
    ///
    /// # Errors
    /// [`Error::UnusableKey`].
    pub fn from_pem(pem: &str) -> Result<Root, Error> {
        let unusable = Error::UnusableKey("root certificate: expected PEM with a P-384 key");
        let certificate = Certificate::from_pem(pem).map_err(|_| unusable)?;
        let body = certificate.tbs_certificate();
        let point = body.subject_public_key_info().subject_public_key.raw_bytes().try_into().map_err(|_| unusable)?;
        Ok(Root { point, not_after: body.validity().not_after.to_unix_duration().as_secs() })
    }
}

/// The most certificates whose signature is remembered; Apple's chain has two or three.
const CHECKED_MAX: usize = 64;

/// Signatures of certificates that were found good. The same few certificates stand in every token, and checking them costs more than
/// all the rest. Nothing is remembered but that this key signed these bytes: names, marks and dates are looked at each time.
#[derive(Debug, Default)]
pub(super) struct Checked(Mutex<BTreeSet<[u8; 32]>>);

impl Checked {
    fn is_signed(&self, certificate: &Certificate, algorithm: &'static dyn VerificationAlgorithm, key: &[u8]) -> bool {
        let Ok(whole) = certificate.to_der() else { return false };
        let name = sha256(&[key, &whole]);
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&name) {
            return true;
        }
        let good = is_signed(certificate, algorithm, key);
        if good {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= CHECKED_MAX {
                known.clear();
            }
            known.insert(name);
        }
        good
    }
}

/// The hashes of merchant identifier and public key in a payment processing certificate.
pub(super) fn processing_certificate(pem: &str) -> Result<([u8; 32], [u8; 32]), Error> {
    let unusable = Error::UnusableKey("payment processing certificate");
    let certificate = Certificate::from_pem(pem).map_err(|_| unusable)?;
    let body = certificate.tbs_certificate();
    let mut extensions = body.extensions().into_iter().flatten();
    let extension = extensions.find(|extension| extension.extn_id == MERCHANT).ok_or(unusable)?;
    let digits = Utf8StringRef::from_der(extension.extn_value.as_bytes()).map_err(|_| unusable)?;
    let mut identifier_hash = [0; 32];
    hex::decode_to_slice(digits.as_str(), &mut identifier_hash).map_err(|_| unusable)?;
    let key = body.subject_public_key_info().to_der().map_err(|_| unusable)?;
    Ok((identifier_hash, sha256(&[&key])))
}

/// Whether a certificate holds the extension, compared by the exact identifier.
pub(super) fn marked(certificate: &Certificate, identifier: ObjectIdentifier) -> bool {
    let extensions = certificate.tbs_certificate().extensions();
    extensions.is_some_and(|extensions| extensions.iter().any(|extension| extension.extn_id == identifier))
}

/// Checks that `leaf` leads over one of `certificates` to the root, all of them valid at the signing time.
pub(super) fn verify(
    leaf: &Certificate,
    certificates: &[Certificate],
    root: &Root,
    signed_at: Duration,
    checked: &Checked,
) -> Result<(), Error> {
    let mut candidates = certificates.iter().filter(|other| *other != leaf && marked(other, INTERMEDIATE)).peekable();
    if candidates.peek().is_none() {
        return Err(Error::MissingIntermediateCertificate);
    }
    let trusted = |candidate: &&Certificate| {
        is_authority(candidate) && is_issued_by_root(candidate, root, checked) && is_issued_by(leaf, candidate, checked)
    };
    let intermediate = candidates.find(trusted).ok_or(Error::UntrustedChain)?;
    // Apple sends no others, but for the root itself; nobody vouches for what stands there besides.
    let vouched =
        |other: &Certificate| other == leaf || other == intermediate || is_issued_by_root(other, root, checked);
    if !certificates.iter().all(vouched) {
        return Err(Error::UntrustedChain);
    }
    let valid = |certificate: &Certificate| {
        let validity = certificate.tbs_certificate().validity();
        validity.not_before.to_unix_duration() <= signed_at && signed_at <= validity.not_after.to_unix_duration()
    };
    match valid(leaf) && valid(intermediate) && signed_at.as_secs() <= root.not_after {
        true => Ok(()),
        false => Err(Error::CertificateNotValid),
    }
}

fn is_authority(certificate: &Certificate) -> bool {
    let constraints = certificate.tbs_certificate().get_extension::<BasicConstraints>();
    matches!(constraints, Ok(Some((_, BasicConstraints { ca: true, .. }))))
}

fn is_issued_by_root(certificate: &Certificate, root: &Root, checked: &Checked) -> bool {
    // The root signs with SHA-256, although its own curve is longer.
    match certificate.signature_algorithm().oid {
        ECDSA_SHA256 => checked.is_signed(certificate, &ECDSA_P384_SHA256_ASN1, &root.point),
        ECDSA_SHA384 => checked.is_signed(certificate, &ECDSA_P384_SHA384_ASN1, &root.point),
        _ => false,
    }
}

fn is_issued_by(leaf: &Certificate, issuer: &Certificate, checked: &Checked) -> bool {
    let key = issuer.tbs_certificate().subject_public_key_info().subject_public_key.raw_bytes();
    leaf.tbs_certificate().issuer() == issuer.tbs_certificate().subject()
        && leaf.signature_algorithm().oid == ECDSA_SHA256
        && checked.is_signed(leaf, &ECDSA_P256_SHA256_ASN1, key)
}

fn is_signed(certificate: &Certificate, algorithm: &'static dyn VerificationAlgorithm, key: &[u8]) -> bool {
    let same_algorithm = certificate.signature_algorithm() == certificate.tbs_certificate().signature();
    let signature = certificate.signature().raw_bytes();
    let signed = certificate.tbs_certificate().to_der();
    let fits = |signed: Vec<u8>| UnparsedPublicKey::new(algorithm, key).verify(&signed, signature).is_ok();
    same_algorithm && signed.is_ok_and(fits)
}
