//! Texts sealed by AES-256-GCM (NIST SP 800-38D) with a nonce of 12 bytes and a tag of 16 at the end.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::Error;

/// The longest sealed text that is opened, in bytes; a notification has a few thousand.
pub const SEALED_BYTES_MAX: usize = 1 << 20;

/// A key for AES-256-GCM; its `Debug` shows nothing.
pub struct Aes256Key(LessSafeKey);

impl Aes256Key {
    /// Takes a key of exactly 32 bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] for another length.
    pub fn new(key: &[u8]) -> Result<Self, Error> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Error::Malformed { what: "aes key" })?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Opens a sealed text: `sealed` is the ciphertext with its tag behind it.
    ///
    /// # Errors
    /// [`Error::TooLarge`] over [`SEALED_BYTES_MAX`], [`Error::Sealed`] when anything else does not fit; which part, it does
    /// not say.
    pub fn open_gcm(&self, nonce: &[u8], associated_data: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        if sealed.len() > SEALED_BYTES_MAX {
            return Err(Error::TooLarge { what: "sealed text", limit_bytes: SEALED_BYTES_MAX });
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Sealed)?;
        let mut text = sealed.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(associated_data), &mut text).map_err(|_| Error::Sealed)?;
        let length = opened.len();
        text.truncate(length);
        Ok(text)
    }
}

impl fmt::Debug for Aes256Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Aes256Key([secret])")
    }
}
