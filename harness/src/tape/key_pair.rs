//! Key pairs of signature recipes: they sign what the provider signs, and verify what a connector has signed.

use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_ASN1_SIGNING,
    ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair, UnparsedPublicKey,
    VerificationAlgorithm,
};

use crate::pem;

/// How a key pair signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    RsaSha256,
    Ps256,
    Es256,
    Es512,
    Es512Der,
}

/// A private key with its public half.
pub(super) enum KeyPair {
    Rsa(RsaKeyPair),
    Elliptic(EcdsaKeyPair),
}

impl KeyPair {
    /// Reads a PEM text, or the PEM file of that name in `folder`.
    pub(super) fn read_literal(scheme: Scheme, literal: &str, folder: &Path) -> Result<KeyPair, String> {
        if literal.contains("-----BEGIN") {
            return KeyPair::read(scheme, literal);
        }
        let plain_name = !literal.is_empty() && !literal.contains(['/', '\\']) && literal.ends_with(".pem");
        if !plain_name {
            return Err(format!(
                "expected a PEM private key, or the name of a `.pem` file beside the profile, found `{literal}`"
            ));
        }
        let pem = std::fs::read_to_string(folder.join(literal))
            .map_err(|error| format!("the key file `{literal}` cannot be read: {error}"))?;
        KeyPair::read(scheme, &pem)
    }

    /// Reads a PEM private key: PKCS #8, or the older form of its kind.
    pub(super) fn read(scheme: Scheme, text: &str) -> Result<KeyPair, String> {
        let (kind, older) = match scheme {
            Scheme::RsaSha256 | Scheme::Ps256 => ("RSA", "RSA PRIVATE KEY"),
            Scheme::Es256 | Scheme::Es512 | Scheme::Es512Der => ("elliptic", "EC PRIVATE KEY"),
        };
        let expected = format!("expected a PEM private key (`PRIVATE KEY` or `{older}`)");
        let refused = |_| expected.clone();
        let (der, is_pkcs8) = match (pem::block(text, "PRIVATE KEY"), pem::block(text, older)) {
            (Some(inner), _) => (inner.map_err(refused)?, true),
            (None, Some(inner)) => (inner.map_err(refused)?, false),
            (None, None) => return Err(expected),
        };
        let elliptic = |algorithm| EcdsaKeyPair::from_private_key_der(algorithm, &der).map(KeyPair::Elliptic);
        let pair = match scheme {
            Scheme::RsaSha256 | Scheme::Ps256 if is_pkcs8 => RsaKeyPair::from_pkcs8(&der).map(KeyPair::Rsa),
            Scheme::RsaSha256 | Scheme::Ps256 => RsaKeyPair::from_der(&der).map(KeyPair::Rsa),
            Scheme::Es256 => elliptic(&ECDSA_P256_SHA256_FIXED_SIGNING),
            Scheme::Es512 => elliptic(&ECDSA_P521_SHA512_FIXED_SIGNING),
            Scheme::Es512Der => elliptic(&ECDSA_P521_SHA512_ASN1_SIGNING),
        };
        pair.map_err(|error| format!("the {kind} key is refused: {error}"))
    }

    /// The signature over a text.
    pub(super) fn sign(&self, scheme: Scheme, text: &[u8]) -> Result<Vec<u8>, String> {
        let random = SystemRandom::new();
        let cannot = |_| "it cannot sign".to_owned();
        match self {
            KeyPair::Elliptic(pair) => Ok(pair.sign(&random, text).map_err(cannot)?.as_ref().to_vec()),
            KeyPair::Rsa(pair) => {
                let encoding: &'static dyn RsaEncoding =
                    if scheme == Scheme::Ps256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, text, &mut signature).map_err(cannot)?;
                Ok(signature)
            }
        }
    }

    /// Whether a signature belongs to a text.
    pub(super) fn verify(&self, scheme: Scheme, text: &[u8], signature: &[u8]) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match scheme {
            Scheme::RsaSha256 => &RSA_PKCS1_2048_8192_SHA256,
            Scheme::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Scheme::Es256 => &ECDSA_P256_SHA256_FIXED,
            Scheme::Es512 => &ECDSA_P521_SHA512_FIXED,
            Scheme::Es512Der => &ECDSA_P521_SHA512_ASN1,
        };
        let public = match self {
            KeyPair::Rsa(pair) => pair.public_key().as_ref(),
            KeyPair::Elliptic(pair) => pair.public_key().as_ref(),
        };
        UnparsedPublicKey::new(algorithm, public).verify(text, signature).is_ok()
    }
}
