//! AES in CBC mode, for protocols that make a key of a key with it. It hides nothing from who can change the text.

use aws_lc_rs::cipher::{AES_128, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

use crate::Error;

/// Encrypts `text`, padded as PKCS #7 says (RFC 5652, section 6.3), with AES-128 in CBC mode (NIST SP 800-38A) from a zero vector.
///
/// # Errors
/// [`Error::Malformed`] for a key of another length than 16 bytes.
pub fn aes_128_cbc(key: &[u8], text: &[u8]) -> Result<Vec<u8>, Error> {
    let malformed = |_| Error::Malformed { what: "aes key" };
    let key = UnboundCipherKey::new(&AES_128, key).map_err(malformed)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(malformed)?;
    let mut out = text.to_vec();
    let zero = EncryptionContext::Iv128(FixedLength::from([0; 16]));
    key.less_safe_encrypt(&mut out, zero).map_err(malformed)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // Redsys, "Firmar una operación": the key of order 1234567890, there in base64.
        let made = 0x456b_77fc_83d3_cd84_4c5e_c42d_9221_912a_u128;
        assert_eq!(aes_128_cbc(b"sq7HjrUOBfKmC576", b"1234567890"), Ok(made.to_be_bytes().to_vec()));
        assert_eq!(aes_128_cbc(&[0; 16], b"").map(|sealed| sealed.len()), Ok(16));
        assert!(aes_128_cbc(&[0; 24], b"x").is_err());
    }
}
