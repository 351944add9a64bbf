//! Private keys, agreement and small readers that the wallets share.

use std::fmt;

use aws_lc_rs::agreement::{self, ECDH_P256, UnparsedPublicKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quittance::Secret;
use quittance_crypto::RsaPublicKey;
use x509_cert::der::pem;
use zeroize::Zeroizing;

use crate::Error;

/// `SubjectPublicKeyInfo` of a P-256 key up to the point (RFC 5480): what stands before its 65 bytes.
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A P-256 private key for key agreement.
pub(crate) struct EcKey(agreement::PrivateKey);

impl fmt::Debug for EcKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EcKey([secret])")
    }
}

impl EcKey {
    /// Reads PKCS#8 or SEC 1 DER.
    pub(crate) fn from_der(der: &[u8]) -> Result<EcKey, Error> {
        let key = agreement::PrivateKey::from_private_key_der(&ECDH_P256, der);
        key.map(EcKey).map_err(|_| Error::UnusableKey("P-256 private key"))
    }

    /// SHA-256 over the DER of the public key's `SubjectPublicKeyInfo`.
    pub(crate) fn public_key_hash(&self) -> Result<[u8; 32], Error> {
        let point = self.0.compute_public_key().map_err(|_| Error::UnusableKey("P-256 private key"))?;
        Ok(sha256(&[&P256_SPKI, point.as_ref()]))
    }

    /// The shared secret with an uncompressed point (65 bytes, SEC 1, section 2.3.3).
    pub(crate) fn agree(&self, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        // The library would take a compressed point as well.
        if point.len() != 65 || point.first() != Some(&4) {
            return Err(Error::InvalidEphemeralKey);
        }
        let peer = UnparsedPublicKey::new(&ECDH_P256, point);
        agreement::agree(&self.0, peer, Error::InvalidEphemeralKey, |secret| Ok(Zeroizing::new(secret.to_vec())))
    }
}

/// The point of a P-256 `SubjectPublicKeyInfo` with a named curve and an uncompressed point, the one form that wallets send.
pub(crate) fn p256_point(spki: &[u8]) -> Option<&[u8]> {
    spki.strip_prefix(&P256_SPKI).filter(|point| point.len() == 65 && point.first() == Some(&4))
}

/// SHA-256 over the parts, one after the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, &Zeroizing::new(parts.concat())).as_ref());
    hash
}

/// Standard base64 with padding.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// An RSA public key (PEM, `PUBLIC KEY`).
pub(crate) fn public_key(text: &str) -> Result<RsaPublicKey, Error> {
    let unusable = Error::UnusableKey("public key: expected PEM with an RSA key");
    match pem::decode_vec(text.as_bytes()) {
        Ok(("PUBLIC KEY", der)) => RsaPublicKey::from_der(&der).map_err(|_| unusable),
        _ => Err(unusable),
    }
}

/// The DER of a private key's PEM text (`PRIVATE KEY`, `EC PRIVATE KEY`).
pub(crate) fn private_key_der(text: &Secret) -> Result<Zeroizing<Vec<u8>>, Error> {
    match pem::decode_vec(text.expose().as_bytes()) {
        Ok((label, der)) if label.ends_with("PRIVATE KEY") => Ok(Zeroizing::new(der)),
        _ => Err(Error::UnusableKey("private key: expected PEM")),
    }
}
