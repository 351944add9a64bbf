//! The decryption: `EC_v1` by key agreement and AES-256-GCM, `RSA_v1` by a wrapped key and AES-128-GCM.

use aes_gcm::AesGcm;
use aes_gcm::aead::array::typenum::U16;
use aes_gcm::aead::{Aead, KeyInit, Nonce};
use aes_gcm::aes::{Aes128, Aes256};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use zeroize::Zeroizing;

use super::{Material, Token};
use crate::Error;
use crate::keys::{EcKey, p256_point, sha256};

/// What is agreed on before the parties (NIST SP 800-56A, section 5.8.1): the algorithm with its length, and party U.
const OTHER_INFORMATION: &[u8] = b"\x0did-aes256-GCMApple";

/// The private key of a payment processing certificate.
pub(super) enum MerchantKey {
    Ec(EcKey),
    Rsa { key: OaepPrivateDecryptingKey, public_key_hash: [u8; 32] },
}

impl MerchantKey {
    pub(super) fn from_der(der: &[u8]) -> Result<MerchantKey, Error> {
        let Ok(key) = PrivateDecryptingKey::from_pkcs8(der) else { return EcKey::from_der(der).map(MerchantKey::Ec) };
        let unusable = |_| Error::UnusableKey("RSA private key");
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(unusable)?;
        let public_key_hash = sha256(&[public.as_ref()]);
        Ok(MerchantKey::Rsa { key: OaepPrivateDecryptingKey::new(key).map_err(unusable)?, public_key_hash })
    }

    pub(super) fn public_key_hash(&self) -> Result<[u8; 32], Error> {
        match self {
            MerchantKey::Ec(key) => key.public_key_hash(),
            MerchantKey::Rsa { public_key_hash, .. } => Ok(*public_key_hash),
        }
    }

    /// The plaintext of `data`.
    pub(super) fn open(&self, token: &Token, identifier_hash: &[u8; 32]) -> Result<Zeroizing<Vec<u8>>, Error> {
        match (self, &token.material) {
            (MerchantKey::Ec(key), Material::Ec(ephemeral)) => {
                let point = p256_point(ephemeral).ok_or(Error::InvalidEphemeralKey)?;
                let secret = key.agree(point)?;
                decrypt_ec(content_key(&secret, identifier_hash).as_slice(), &token.data)
            }
            (MerchantKey::Rsa { key, .. }, Material::Rsa(wrapped)) => {
                let mut buffer = Zeroizing::new(vec![0; key.min_output_size()]);
                let content_key = key.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut buffer, None);
                decrypt_rsa(content_key.map_err(|_| Error::NotOpened)?, &token.data)
            }
            _ => Err(Error::UnknownPublicKeyHash),
        }
    }
}

/// The key of `EC_v1` out of the shared secret: one step of the concatenation key derivation.
pub(crate) fn content_key(secret: &[u8], identifier_hash: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(sha256(&[&[0, 0, 0, 1], secret, OTHER_INFORMATION, identifier_hash]))
}

pub(crate) fn decrypt_ec(content_key: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    decrypt::<AesGcm<Aes256, U16>>(content_key, data)
}

pub(crate) fn decrypt_rsa(content_key: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    decrypt::<AesGcm<Aes128, U16>>(content_key, data)
}

/// Opens with an initialization vector of sixteen zero bytes; the tag is the last sixteen bytes of `data`.
fn decrypt<Cipher: Aead + KeyInit>(key: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let cipher = Cipher::new_from_slice(key).map_err(|_| Error::NotOpened)?;
    let plaintext = cipher.decrypt(&Nonce::<Cipher>::default(), data);
    plaintext.map(Zeroizing::new).map_err(|_| Error::NotOpened)
}
