//! The decryption: key agreement, HKDF, HMAC, then AES in counter mode.

use aws_lc_rs::cipher::{AES_128, AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Version;
use crate::Error;
use crate::keys::{EcKey, base64};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Encrypted {
    encrypted_message: String,
    ephemeral_public_key: String,
    tag: String,
}

/// How many bytes the derivation gives.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// The plaintext of a verified message, with the first of the keys that opens it.
pub(super) fn open(
    signed_message: &str,
    version: Version,
    private_keys: &[EcKey],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let encrypted: Encrypted = serde_json::from_str(signed_message)
        .map_err(|_| Error::MalformedToken("not the members of an encrypted message"))?;
    let of_base64 = |text: &str, what: &'static str| base64(text).ok_or(Error::MalformedToken(what));
    let message = of_base64(&encrypted.encrypted_message, "encryptedMessage is not base64")?;
    let point = of_base64(&encrypted.ephemeral_public_key, "ephemeralPublicKey is not base64")?;
    let tag = of_base64(&encrypted.tag, "tag is not base64")?;
    for key in private_keys {
        let secret = key.agree(&point)?;
        if let Some(plaintext) = open_with(&[&point, &secret], version, &message, &tag) {
            return Ok(plaintext);
        }
    }
    Err(Error::NotOpened)
}

/// The key of the cipher and, as long, that of the MAC, out of one-time point and shared secret.
pub(crate) fn derive(key_material: &[&[u8]; 2], length_bytes: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut derived = Zeroizing::new(vec![0; length_bytes]);
    let key_material = Zeroizing::new(key_material.concat());
    let pseudorandom = Salt::new(HKDF_SHA256, &[]).extract(&key_material);
    pseudorandom.expand(&[b"Google"], Length(length_bytes)).ok()?.fill(&mut derived).ok()?;
    Some(derived)
}

fn open_with(key_material: &[&[u8]; 2], version: Version, message: &[u8], tag: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (cipher, cipher_bytes) = if version == Version::EcV1 { (&AES_128, 16) } else { (&AES_256, 32) };
    let derived = derive(key_material, cipher_bytes * 2)?;
    let (cipher_key, mac_key) = derived.split_at_checked(cipher_bytes)?;
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, mac_key), message, tag).ok()?;
    let key = DecryptingKey::ctr(UnboundCipherKey::new(cipher, cipher_key).ok()?).ok()?;
    let mut plaintext = Zeroizing::new(message.to_vec());
    key.decrypt(&mut plaintext, DecryptionContext::Iv128(FixedLength::from([0; 16]))).ok()?;
    Some(plaintext)
}
