//! ECDSA signatures: in the form of JWS (RFC 7518, section 3.4), `r` and `s` of fixed length one after the other, or in that of X.509.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, UnparsedPublicKey,
};
use x509_cert::der::Encode as _;
use x509_cert::der::asn1::UintRef;

use crate::{Error, pem};

/// A curve with its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// P-256 with SHA-256, which JWS calls `ES256`.
    P256,
    /// P-521 with SHA-512, which JWS calls `ES512`.
    P521,
}

impl Curve {
    /// The length of a coordinate, and of `r` and `s`, in bytes.
    pub const fn coordinate_bytes(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P521 => 66,
        }
    }

    const fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Curve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Curve::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
        }
    }

    const fn verifying(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Curve::P256 => &ECDSA_P256_SHA256_FIXED,
            Curve::P521 => &ECDSA_P521_SHA512_FIXED,
        }
    }
}

/// An ECDSA private key. It has neither `Clone` nor a `Debug` that shows anything; aws-lc wipes it when it is dropped.
pub struct EcPrivateKey {
    curve: Curve,
    pair: EcdsaKeyPair,
}

impl EcPrivateKey {
    /// Reads a PEM block `PRIVATE KEY` (PKCS #8) or `EC PRIVATE KEY` (RFC 5915) with a key on `curve`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] over [`crate::PEM_BYTES_MAX`], [`Error::Malformed`] for anything else.
    pub fn from_pem(curve: Curve, text: &str) -> Result<Self, Error> {
        const WHAT: &str = "private key";
        let (_, der) = pem::block(text, &["PRIVATE KEY", "EC PRIVATE KEY"], WHAT)?;
        let pair = EcdsaKeyPair::from_private_key_der(curve.signing(), &der);
        Ok(Self { curve, pair: pair.map_err(|_| Error::Malformed { what: WHAT })? })
    }

    /// The curve.
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// Signs a message (not its digest); randomized, so no two signatures are alike.
    ///
    /// # Errors
    /// [`Error::Signing`] when the key cannot sign.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| Error::Signing)?;
        Ok(signature.as_ref().to_vec())
    }

    /// Signs a message (not its digest), and writes `r` and `s` as a DER sequence (RFC 3279, section 2.2.3).
    ///
    /// # Errors
    /// [`Error::Signing`] when the key cannot sign.
    pub fn sign_der(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = self.sign(message)?;
        let (r, s) = signature.split_at_checked(self.curve.coordinate_bytes()).ok_or(Error::Signing)?;
        let number = |part| UintRef::new(part).map_err(|_| Error::Signing);
        [number(r)?, number(s)?].to_der().map_err(|_| Error::Signing)
    }
}

impl fmt::Debug for EcPrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EcPrivateKey({:?}, [secret])", self.curve)
    }
}

/// An ECDSA public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcPublicKey {
    curve: Curve,
    /// The uncompressed point (SEC 1, section 2.3.3).
    point: Vec<u8>,
}

impl EcPublicKey {
    /// A key from its coordinates, as a JWK states them (RFC 7518, section 6.2.1); zeros in front may be missing.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a coordinate is empty or too long. A point that is not on the curve is refused when it is
    /// used.
    pub fn from_coordinates(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, Error> {
        let length = curve.coordinate_bytes();
        let mut point = vec![4];
        for coordinate in [x, y] {
            let missing = length.checked_sub(coordinate.len()).filter(|missing| *missing < length);
            let missing = missing.ok_or(Error::Malformed { what: "public key" })?;
            point.resize(point.len() + missing, 0);
            point.extend_from_slice(coordinate);
        }
        Ok(Self { curve, point })
    }

    /// Checks a signature (`r` and `s` of fixed length) over a message.
    ///
    /// # Errors
    /// [`Error::Signature`] when it does not fit, or the key cannot be used.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        let key = UnparsedPublicKey::new(self.curve.verifying(), &self.point);
        key.verify(message, signature).map_err(|_| Error::Signature)
    }

    /// The curve.
    pub fn curve(&self) -> Curve {
        self.curve
    }
}
