//! Compact JWE (RFC 7516) and JWS (RFC 7515) with the algorithms that wallets use. What is expected is configured; the header must
//! name the same and chooses nothing.

use std::fmt;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quittance::Secret;
use quittance_crypto::{RsaPublicKey, rsa_sha256_verify};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use zeroize::Zeroizing;

use crate::keys::{private_key_der, sha256};
use crate::{Error, TOKEN_BYTES_MAX};

/// How the content key is wrapped, with what unwraps it.
pub(crate) enum JweKey {
    /// `RSA1_5`.
    Rsa15(Pkcs1PrivateDecryptingKey),
    /// `RSA-OAEP-256`.
    RsaOaep256(OaepPrivateDecryptingKey),
    /// `A256GCMKW` (RFC 7518, section 4.7).
    A256GcmKw(LessSafeKey),
}

impl fmt::Debug for JweKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JweKey({})", self.algorithm())
    }
}

impl JweKey {
    pub(crate) fn rsa15(private_key_pem: &Secret) -> Result<JweKey, Error> {
        Pkcs1PrivateDecryptingKey::new(rsa(private_key_pem)?).map(JweKey::Rsa15).map_err(|_| UNUSABLE)
    }

    pub(crate) fn rsa_oaep_256(private_key_pem: &Secret) -> Result<JweKey, Error> {
        OaepPrivateDecryptingKey::new(rsa(private_key_pem)?).map(JweKey::RsaOaep256).map_err(|_| UNUSABLE)
    }

    /// The key is the SHA-256 of the shared secret's text.
    pub(crate) fn shared_secret(secret: &Secret) -> Result<JweKey, Error> {
        let key = Zeroizing::new(sha256(&[secret.expose().as_bytes()]));
        let key = UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| Error::UnusableKey("shared secret"))?;
        Ok(JweKey::A256GcmKw(LessSafeKey::new(key)))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            JweKey::Rsa15(_) => "RSA1_5",
            JweKey::RsaOaep256(_) => "RSA-OAEP-256",
            JweKey::A256GcmKw(_) => "A256GCMKW",
        }
    }

    fn unwrap(&self, header: &JweHeader, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            JweKey::Rsa15(key) => {
                let mut out = Zeroizing::new(vec![0; key.min_output_size()]);
                key.decrypt(wrapped, &mut out).ok().map(|plain| Zeroizing::new(plain.to_vec()))
            }
            JweKey::RsaOaep256(key) => {
                let mut out = Zeroizing::new(vec![0; key.min_output_size()]);
                let plain = key.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut out, None);
                plain.ok().map(|plain| Zeroizing::new(plain.to_vec()))
            }
            JweKey::A256GcmKw(key) => {
                let (iv, tag) = (decode(header.iv.as_deref()?)?, decode(header.tag.as_deref()?)?);
                unseal(key, &iv, &[], wrapped, &tag)
            }
        }
    }
}

const UNUSABLE: Error = Error::UnusableKey("RSA private key");

fn rsa(private_key_pem: &Secret) -> Result<PrivateDecryptingKey, Error> {
    PrivateDecryptingKey::from_pkcs8(&private_key_der(private_key_pem)?).map_err(|_| UNUSABLE)
}

/// How the content is encrypted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    A128Gcm,
    A256Gcm,
}

impl Content {
    fn parts(self) -> (&'static str, &'static Algorithm) {
        match self {
            Content::A128Gcm => ("A128GCM", &AES_128_GCM),
            Content::A256Gcm => ("A256GCM", &AES_256_GCM),
        }
    }
}

/// What is read of a header. Compression and critical extensions are not understood, so they must not be there.
#[derive(Deserialize)]
struct JweHeader {
    alg: String,
    enc: String,
    iv: Option<String>,
    tag: Option<String>,
    zip: Option<IgnoredAny>,
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct JwsHeader {
    alg: String,
    crit: Option<IgnoredAny>,
    b64: Option<IgnoredAny>,
}

/// Opens a compact JWE with the first of the keys that fits. Every failure past the header is the same: a key that does not unwrap is
/// replaced by a random one, so that time tells nothing either (RFC 7516, section 11.5).
pub(crate) fn open(text: &str, keys: &[JweKey], content: Content) -> Result<Zeroizing<Vec<u8>>, Error> {
    let malformed = Error::MalformedToken("not a compact JWE");
    let parts: Vec<&str> = bounded(text)?.split('.').collect();
    let [protected, wrapped, iv, ciphertext, tag] = parts.as_slice() else { return Err(malformed) };
    let header: JweHeader = header(protected)?;
    let (name, algorithm) = content.parts();
    if header.enc != name || header.zip.is_some() || header.crit.is_some() {
        return Err(Error::UnsupportedAlgorithm);
    }
    let part = |text: &str| decode(text).ok_or(malformed);
    let (wrapped, iv, ciphertext, tag) = (part(wrapped)?, part(iv)?, part(ciphertext)?, part(tag)?);
    let mut named = keys.iter().filter(|key| key.algorithm() == header.alg).peekable();
    if named.peek().is_none() {
        return Err(Error::UnsupportedAlgorithm);
    }
    let opened = named.find_map(|key| {
        let unwrapped = key.unwrap(&header, &wrapped).filter(|key| key.len() == algorithm.key_len());
        let content_key = unwrapped.or_else(|| random_key(algorithm.key_len()))?;
        let content_key = LessSafeKey::new(UnboundKey::new(algorithm, &content_key).ok()?);
        unseal(&content_key, &iv, protected.as_bytes(), &ciphertext, &tag)
    });
    opened.ok_or(Error::NotOpened)
}

/// The payload of a compact JWS, once one of the keys vouches for it by `RS256`.
pub(crate) fn verified(text: &str, signers: &[RsaPublicKey]) -> Result<Vec<u8>, Error> {
    let malformed = Error::MalformedToken("not a compact JWS");
    let text = bounded(text)?;
    let (signed, signature) = text.rsplit_once('.').ok_or(malformed)?;
    let (protected, payload) = signed.split_once('.').filter(|(_, payload)| !payload.contains('.')).ok_or(malformed)?;
    let header: JwsHeader = header(protected)?;
    if header.alg != "RS256" || header.crit.is_some() || header.b64.is_some() {
        return Err(Error::UnsupportedAlgorithm);
    }
    let signature = decode(signature).ok_or(malformed)?;
    match signers.iter().any(|key| rsa_sha256_verify(key, signed.as_bytes(), &signature).is_ok()) {
        true => decode(payload).ok_or(malformed),
        false => Err(Error::InvalidSignature),
    }
}

fn bounded(text: &str) -> Result<&str, Error> {
    if text.len() > TOKEN_BYTES_MAX { Err(Error::TooLarge) } else { Ok(text) }
}

fn header<T: DeserializeOwned>(encoded: &str) -> Result<T, Error> {
    let json = decode(encoded).ok_or(Error::MalformedToken("header is not base64url"))?;
    serde_json::from_slice(&json).map_err(|_| Error::MalformedToken("header"))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn random_key(length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut key = Zeroizing::new(vec![0; length]);
    aws_lc_rs::rand::fill(&mut key).ok().map(|()| key)
}

/// AES-GCM with a nonce of 12 and a tag of 16 bytes, no others.
fn unseal(key: &LessSafeKey, iv: &[u8], aad: &[u8], ciphertext: &[u8], tag: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let nonce = Nonce::try_assume_unique_for_key(iv).ok().filter(|_| tag.len() == 16)?;
    let mut buffer = Zeroizing::new([ciphertext, tag].concat());
    let plain = key.open_in_place(nonce, Aad::from(aad), &mut buffer).ok()?;
    Some(Zeroizing::new(plain.to_vec()))
}
