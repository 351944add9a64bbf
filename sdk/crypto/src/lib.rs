//! Asymmetric signatures and X.509 certificates for the connectors that need them.
//!
//! Today this is what PayPal's webhooks ask for: read the certificates of a PEM file
//! ([`Certificate::read_pem`]), see for whom and for how long they are good
//! ([`Certificate::is_for`], [`Certificate::valid_at`]) and check an RSA signature with the key inside
//! ([`rsa_sha256_verify`]). The arithmetic is aws-lc's (`aws-lc-rs`), the ASN.1 is `x509-cert`'s.
//!
//! What it does not do: build a path to a root. Whoever calls it must have the certificate from a place that
//! vouches for it, such as an allow-listed host over TLS.
//!
//! No function here panics on any input, allocates more than a small multiple of its input, or reads a clock.

mod certificate;
mod error;

pub use certificate::{CERTIFICATES_MAX, Certificate, PEM_BYTES_MAX};
pub use error::Error;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

/// The longest RSA signature that is looked at: a key of 8192 bits signs in 1024 bytes.
pub const SIGNATURE_BYTES_MAX: usize = 1024;

/// The RSA public key of a certificate, or one that was published alone.
///
/// Made by [`Certificate::public_key`] or [`RsaPublicKey::from_der`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaPublicKey {
    /// DER of `RSAPublicKey` (RFC 8017, appendix A.1.1).
    pkcs1: Vec<u8>,
}

impl RsaPublicKey {
    /// Reads the DER of a `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7), at most [`PEM_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] past the limit, [`Error::Malformed`] for other bytes, [`Error::KeyType`] when the key is
    /// not RSA. A key of fewer than 2048 or more than 8192 bits is refused when it is used.
    pub fn from_der(spki: &[u8]) -> Result<Self, Error> {
        certificate::key_from_der(spki).map(|pkcs1| Self { pkcs1 })
    }
}

/// Checks an RSASSA-PKCS1-v1_5 signature over SHA-256 (RFC 8017, section 8.2), the scheme that Java calls
/// `SHA256withRSA`.
///
/// `message` is the signed text itself, not its digest; `signature` is the raw signature, already decoded from
/// base64. Keys of 2048 to 8192 bits.
///
/// # Errors
/// [`Error::TooLarge`] when the signature is longer than [`SIGNATURE_BYTES_MAX`], [`Error::Signature`] when it does
/// not fit key and message. A key that cannot be used is told the same way: the caller can do nothing else about it.
pub fn rsa_sha256_verify(key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> Result<(), Error> {
    if signature.len() > SIGNATURE_BYTES_MAX {
        return Err(Error::TooLarge { what: "signature", limit_bytes: SIGNATURE_BYTES_MAX });
    }
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.pkcs1)
        .verify(message, signature)
        .map_err(|_| Error::Signature)
}

#[cfg(test)]
mod tests;
