//! RSA signatures and encryption (RFC 8017): RSASSA-PKCS1-v1_5 and RSASSA-PSS with SHA-256, RSAES-OAEP with SHA-1.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
    RsaParameters, RsaPssSaltLength, UnparsedPublicKey,
};

use crate::{Error, PEM_BYTES_MAX, certificate, pem};

/// The longest RSA signature that is looked at: a key of 8192 bits signs in 1024 bytes.
pub const SIGNATURE_BYTES_MAX: usize = 1024;

/// The RSA public key of a certificate, or one that was published alone.
///
/// Made by [`crate::Certificate::public_key`], [`RsaPublicKey::from_der`] or [`RsaPublicKey::from_pem`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaPublicKey {
    /// DER of `RSAPublicKey` (RFC 8017, appendix A.1.1).
    pub(crate) pkcs1: Vec<u8>,
    /// DER of the `SubjectPublicKeyInfo` around it.
    pub(crate) spki: Vec<u8>,
}

impl RsaPublicKey {
    /// Reads the DER of a `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7), at most [`PEM_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] past the limit, [`Error::Malformed`] for other bytes, [`Error::KeyType`] when the key is
    /// not RSA. A key of fewer than 2048 or more than 8192 bits is refused when it is used.
    pub fn from_der(spki: &[u8]) -> Result<Self, Error> {
        if spki.len() > PEM_BYTES_MAX {
            return Err(Error::TooLarge { what: "public key", limit_bytes: PEM_BYTES_MAX });
        }
        certificate::key_from_der(spki)
    }

    /// Reads a PEM block `PUBLIC KEY` (RFC 7468, section 13).
    ///
    /// # Errors
    /// As [`RsaPublicKey::from_der`]; [`Error::Malformed`] without such a block.
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        let (_, der) = pem::block(text, &["PUBLIC KEY"], "public key")?;
        Self::from_der(&der)
    }
}

/// An RSA private key. It has neither `Clone` nor a `Debug` that shows anything; aws-lc wipes it when it is dropped.
pub struct RsaPrivateKey {
    pair: RsaKeyPair,
    opener: Option<OaepPrivateDecryptingKey>,
}

impl RsaPrivateKey {
    /// Reads a PEM block `PRIVATE KEY` (PKCS #8) or `RSA PRIVATE KEY` (PKCS #1) with a key of 2048 to 8192 bits.
    ///
    /// # Errors
    /// [`Error::TooLarge`] over [`PEM_BYTES_MAX`], [`Error::Malformed`] for anything else.
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        const WHAT: &str = "private key";
        let malformed = Error::Malformed { what: WHAT };
        let (label, der) = pem::block(text, &["PRIVATE KEY", "RSA PRIVATE KEY"], WHAT)?;
        let is_pkcs8 = label == "PRIVATE KEY";
        let pair = if is_pkcs8 { RsaKeyPair::from_pkcs8(&der) } else { RsaKeyPair::from_der(&der) };
        let opener =
            PrivateDecryptingKey::from_pkcs8(&der).ok().and_then(|key| OaepPrivateDecryptingKey::new(key).ok());
        Ok(Self { pair: pair.map_err(|_| malformed)?, opener })
    }

    /// Signs by RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2), which is deterministic.
    ///
    /// # Errors
    /// [`Error::Signing`] when the key cannot sign.
    pub fn sign_sha256(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.sign(&RSA_PKCS1_SHA256, message)
    }

    /// Signs by RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes (RFC 8017, section 8.1), which is
    /// randomized.
    ///
    /// # Errors
    /// [`Error::Signing`] when the key cannot sign.
    pub fn sign_pss_sha256(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.sign(&RSA_PSS_SHA256, message)
    }

    /// As [`RsaPrivateKey::sign_pss_sha256`] with a salt of 20 bytes, as Amazon Pay's `AMZN-PAY-RSASSA-PSS` has it.
    ///
    /// # Errors
    /// [`Error::Signing`] when the key cannot sign.
    pub fn sign_pss_sha256_salt20(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.sign(&const { RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Custom(20)) }, message)
    }

    fn sign(&self, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Result<Vec<u8>, Error> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = self.pair.sign(encoding, &SystemRandom::new(), message, &mut signature);
        signed.map(|()| signature).map_err(|_| Error::Signing)
    }

    /// Opens a text sealed by RSAES-OAEP with SHA-1 and MGF1 with SHA-1 (RFC 8017, section 7.1). The key must have been
    /// read from PKCS #8.
    ///
    /// # Errors
    /// [`Error::Sealed`], whatever does not fit.
    pub fn open_oaep_sha1(&self, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let opener = self.opener.as_ref().ok_or(Error::Sealed)?;
        let mut out = vec![0; opener.min_output_size()];
        let opened = opener.decrypt(&OAEP_SHA1_MGF1SHA1, sealed, &mut out, None);
        opened.map(|text| text.to_vec()).map_err(|_| Error::Sealed)
    }
}

impl fmt::Debug for RsaPrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RsaPrivateKey([secret])")
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
    verify(&RSA_PKCS1_2048_8192_SHA256, key, message, signature)
}

/// Checks an RSASSA-PSS signature with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes (RFC 8017, section 8.1), which
/// JWS calls `PS256`. Limits as [`rsa_sha256_verify`].
///
/// # Errors
/// As [`rsa_sha256_verify`].
pub fn rsa_pss_sha256_verify(key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> Result<(), Error> {
    verify(&RSA_PSS_2048_8192_SHA256, key, message, signature)
}

/// As [`rsa_pss_sha256_verify`] with a salt of 20 bytes; another length does not fit.
///
/// # Errors
/// As [`rsa_sha256_verify`].
pub fn rsa_pss_sha256_salt20_verify(key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> Result<(), Error> {
    let parameters = &const { RSA_PSS_2048_8192_SHA256.with_pss_salt_length(RsaPssSaltLength::Custom(20)) };
    verify(parameters, key, message, signature)
}

fn verify(
    parameters: &'static RsaParameters,
    key: &RsaPublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    if signature.len() > SIGNATURE_BYTES_MAX {
        return Err(Error::TooLarge { what: "signature", limit_bytes: SIGNATURE_BYTES_MAX });
    }
    UnparsedPublicKey::new(parameters, &key.pkcs1).verify(message, signature).map_err(|_| Error::Signature)
}

/// Seals a short text by RSAES-OAEP with SHA-1 and MGF1 with SHA-1 (RFC 8017, section 7.1), which is randomized.
///
/// # Errors
/// [`Error::Sealed`] when the text is too long for the key, or the key cannot be used.
pub fn rsa_oaep_sha1_seal(key: &RsaPublicKey, text: &[u8]) -> Result<Vec<u8>, Error> {
    let public = PublicEncryptingKey::from_der(&key.spki).map_err(|_| Error::Sealed)?;
    let public = OaepPublicEncryptingKey::new(public).map_err(|_| Error::Sealed)?;
    let mut out = vec![0; public.ciphertext_size()];
    let sealed = public.encrypt(&OAEP_SHA1_MGF1SHA1, text, &mut out, None).map(|sealed| sealed.to_vec());
    sealed.map_err(|_| Error::Sealed)
}
