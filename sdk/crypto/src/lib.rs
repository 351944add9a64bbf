//! Asymmetric signatures, sealed texts and X.509 certificates for the connectors that need them.
//!
//! | file | what |
//! |---|---|
//! | `certificate` | the certificates of a PEM file: for whom, for how long, with which key ([`Certificate`]) |
//! | `rsa` | PKCS #1 v1.5 and PSS signatures with SHA-256, OAEP with SHA-1 ([`RsaPrivateKey`], [`RsaPublicKey`]) |
//! | `ecdsa` | ES256 and ES512, fixed or DER ([`EcPrivateKey`], [`EcPublicKey`]) |
//! | `jws` | detached JSON Web Signatures ([`JwsKey`], [`DetachedJws`]) |
//! | `aead` | texts sealed by AES-256-GCM ([`Aes256Key`]) |
//!
//! The arithmetic is aws-lc's (`aws-lc-rs`), the ASN.1 is `x509-cert`'s. Private keys are types of their own that show
//! nothing.
//!
//! What it does not do: build a path to a root. Whoever calls it must have the certificate from a place that
//! vouches for it, such as an allow-listed host over TLS.
//!
//! No function here panics on any input, allocates more than a small multiple of its input, or reads a clock. Signing by
//! ECDSA and PSS and sealing by OAEP draw on aws-lc's own source of randomness.

mod aead;
mod aes_cbc;
mod certificate;
mod ecdsa;
mod error;
mod jws;
mod pem;
mod rsa;
mod triple_des;

pub use aead::{Aes256Key, SEALED_BYTES_MAX};
pub use aes_cbc::aes_128_cbc;
pub use certificate::{CERTIFICATES_MAX, Certificate, PEM_BYTES_MAX};
pub use ecdsa::{Curve, EcPrivateKey, EcPublicKey};
pub use error::Error;
pub use jws::{DetachedJws, JWS_BYTES_MAX, JwsKey, JwsVerifier};
pub use rsa::{
    RsaPrivateKey, RsaPublicKey, SIGNATURE_BYTES_MAX, rsa_oaep_sha1_seal, rsa_pss_sha256_salt20_verify,
    rsa_pss_sha256_verify, rsa_sha256_verify,
};
pub use triple_des::{TRIPLE_DES_TEXT_BYTES_MAX, triple_des_cbc};

#[cfg(test)]
mod tests;
