//! Who signed a token, and for whom.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use jiff::Timestamp;
use serde::Deserialize;

use super::{IntermediateSigningKey, RootKeys, Token, Version, milliseconds};
use crate::Error;
use crate::keys::{base64, p256_point};

/// The sender of every payment token.
const SENDER: &str = "Google";

/// The most signatures of an intermediate key that are tried.
const SIGNATURES_MAX: usize = 16;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignedKey {
    key_value: String,
    key_expiration: String,
}

pub(super) fn verify(
    token: &Token,
    version: Version,
    roots: &RootKeys,
    recipient_id: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let roots = roots.valid(version, now);
    if roots.is_empty() {
        return Err(Error::NoValidRootKey);
    }
    match (version, &token.intermediate_signing_key) {
        (Version::EcV1, None) => message(token, version, recipient_id, &roots),
        (Version::EcV2 | Version::EcV2SigningOnly, Some(intermediate)) => {
            let key = intermediate_key(intermediate, version, &roots, now)?;
            message(token, version, recipient_id, &[&key])
        }
        _ => Err(OTHER_VERSION),
    }
}

/// Checks the message against the intermediate key that came with it, whoever vouches for that.
pub(super) fn verify_message_alone(
    token: &Token,
    version: Version,
    recipient_id: &str,
    now: Timestamp,
) -> Result<(), Error> {
    match (version, &token.intermediate_signing_key) {
        (Version::EcV1, None) => Ok(()),
        (Version::EcV2 | Version::EcV2SigningOnly, Some(intermediate)) => {
            message(token, version, recipient_id, &[&signed_key(intermediate, now)?])
        }
        _ => Err(OTHER_VERSION),
    }
}

const OTHER_VERSION: Error = Error::MalformedToken("intermediateSigningKey of another version");

/// Checks that one of the keys signed the message, for the recipient.
fn message(token: &Token, version: Version, recipient_id: &str, points: &[&[u8]]) -> Result<(), Error> {
    let signature = base64(&token.signature).ok_or(Error::MalformedToken("signature is not base64"))?;
    let signed = joined(&[SENDER, recipient_id, version.as_str(), &token.signed_message]);
    match points.iter().any(|point| is_signed(point, &signed, &signature)) {
        true => Ok(()),
        false => Err(Error::InvalidMessageSignature),
    }
}

/// The point of the intermediate key, once a root vouches for it.
fn intermediate_key(
    intermediate: &IntermediateSigningKey,
    version: Version,
    roots: &[&[u8]],
    now: Timestamp,
) -> Result<Vec<u8>, Error> {
    let signed = joined(&[SENDER, version.as_str(), &intermediate.signed_key]);
    // One that cannot be decoded must not stand in the way of the others.
    let mut signatures = intermediate.signatures.iter().take(SIGNATURES_MAX).filter_map(|text| base64(text));
    if !signatures.any(|signature| roots.iter().any(|root| is_signed(root, &signed, &signature))) {
        return Err(Error::InvalidIntermediateSignature);
    }
    signed_key(intermediate, now)
}

/// The point of the intermediate key, whoever vouches for it.
fn signed_key(intermediate: &IntermediateSigningKey, now: Timestamp) -> Result<Vec<u8>, Error> {
    let key: SignedKey =
        serde_json::from_str(&intermediate.signed_key).map_err(|_| Error::MalformedToken("signedKey"))?;
    let expires_at = milliseconds(&key.key_expiration).ok_or(Error::MalformedToken("signedKey.keyExpiration"))?;
    if expires_at <= now {
        return Err(Error::IntermediateKeyExpired);
    }
    let spki = base64(&key.key_value).ok_or(Error::MalformedToken("signedKey.keyValue"))?;
    p256_point(&spki).map(<[u8]>::to_vec).ok_or(Error::MalformedToken("signedKey.keyValue"))
}

/// Each text after its length in four bytes, the lowest first. The texts are those received: written anew they would be other bytes.
pub(crate) fn joined(texts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in texts {
        // A token is bounded far below four gigabytes.
        bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes
}

fn is_signed(point: &[u8], signed: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(signed, signature).is_ok()
}
