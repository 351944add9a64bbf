//! Triple DES, for protocols of old that still make a key of a key with it. Nothing secret should be encrypted with it.

use des::TdesEde3;
use des::cipher::{Array, BlockCipherEncrypt, KeyInit};

use crate::Error;

/// The longest text that is encrypted.
pub const TRIPLE_DES_TEXT_BYTES_MAX: usize = 1024;

const BLOCK_BYTES: usize = 8;

/// Encrypts `text`, filled up with zero bytes to whole blocks of eight, with Triple DES (NIST SP 800-67, three keys in 24 bytes) in
/// CBC mode from a zero vector. An empty text gives nothing.
///
/// # Errors
/// [`Error::Malformed`] for a key of another length than 24 bytes, [`Error::TooLarge`] past [`TRIPLE_DES_TEXT_BYTES_MAX`].
pub fn triple_des_cbc(key: &[u8], text: &[u8]) -> Result<Vec<u8>, Error> {
    let cipher = TdesEde3::new_from_slice(key).map_err(|_| Error::Malformed { what: "triple des key" })?;
    if text.len() > TRIPLE_DES_TEXT_BYTES_MAX {
        return Err(Error::TooLarge { what: "text", limit_bytes: TRIPLE_DES_TEXT_BYTES_MAX });
    }
    let mut out = Vec::with_capacity(text.len().next_multiple_of(BLOCK_BYTES));
    let mut chain = [0_u8; BLOCK_BYTES];
    for piece in text.chunks(BLOCK_BYTES) {
        chain.iter_mut().zip(piece).for_each(|(chained, byte)| *chained ^= byte);
        let mut block = Array(chain);
        cipher.encrypt_block(&mut block);
        chain = block.0;
        out.extend_from_slice(&chain);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // SP 800-67, appendix B.1, chained: the first block of ECB is that of CBC from zero.
        let key: Vec<u8> =
            (0..24).map(|index| [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef][(index + index / 8) % 8]).collect();
        let sealed = triple_des_cbc(&key, b"The qufck brown").unwrap();
        assert_eq!(sealed.get(..8), Some(&[0xa8, 0x26, 0xfd, 0x8c, 0xe5, 0x3b, 0x85, 0x5f][..]));
        assert_eq!(sealed.len(), 16);
        // Two blocks chained; computed with OpenSSL's des-ede3-cbc.
        let redsys = [
            0xb2, 0xae, 0xc7, 0x8e, 0xb5, 0x0e, 0x05, 0xf2, 0xa6, 0x0b, 0x9e, 0xfa, 0x20, 0xb8, 0x2c, 0x90, 0x3e, 0x6c,
            0xad, 0x4f, 0x3b, 0xd2, 0x02, 0x7b,
        ];
        let made = 0x045c_db25_0d4e_c9b6_19d4_261c_7185_2e8a_u128;
        assert_eq!(triple_des_cbc(&redsys, b"6564vNUgKHSe"), Ok(made.to_be_bytes().to_vec()));
        assert_eq!(triple_des_cbc(&key, b""), Ok(Vec::new()));
        assert!(triple_des_cbc(&key[..16], b"x").is_err() && triple_des_cbc(&key, &[0; 1025]).is_err());
    }
}
