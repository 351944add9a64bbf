//! Paze's `completeResponse`: a JWS whose `securedPayload` is a JWE whose content is a JWS again (`RS256`; `RSA-OAEP-256`, `A256GCM`).
//! Both signatures are Paze's; the inner one binds who encrypted to who answered.

use jiff::{SignedDuration, Timestamp};
use quittance::Secret;
use quittance_crypto::RsaPublicKey;
use serde::Deserialize;

use crate::jose::{self, Content, JweKey};
use crate::keys::{public_key, sha256};
use crate::{Error, Opened, Replays, checkout};

/// How long an opened response is remembered, in hours. It states no end of its own.
pub const REMEMBERED_HOURS: i64 = 24;

/// Paze's keys and the merchant's.
#[derive(Debug)]
pub struct Keys {
    signers: Vec<RsaPublicKey>,
    private_keys: Vec<JweKey>,
}

impl Keys {
    /// Paze's RSA public keys and the merchant's RSA private keys (PEM): the current ones and those in rotation.
    ///
    /// # Errors
    /// [`Error::UnusableKey`].
    pub fn new(signer_keys_pem: &[String], private_keys_pem: &[Secret]) -> Result<Keys, Error> {
        let signers = signer_keys_pem.iter().map(|pem| public_key(pem)).collect::<Result<_, _>>()?;
        let private_keys = private_keys_pem.iter().map(JweKey::rsa_oaep_256).collect::<Result<_, _>>()?;
        Ok(Keys { signers, private_keys })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    secured_payload: String,
}

/// Verifies and opens a `completeResponse`, once.
///
/// # Errors
/// The first check that does not hold. See [`Error`].
pub async fn verify_and_decrypt(
    complete_response: &str,
    keys: &Keys,
    now: Timestamp,
    replays: &dyn Replays,
) -> Result<Opened, Error> {
    let outer = jose::verified(complete_response, &keys.signers)?;
    let response: Response = serde_json::from_slice(&outer).map_err(|_| Error::MalformedToken("no securedPayload"))?;
    let sealed = jose::open(&response.secured_payload, &keys.private_keys, Content::A256Gcm)?;
    let inner = std::str::from_utf8(&sealed).map_err(|_| Error::MalformedToken("content is not a JWS"))?;
    let opened = checkout::read(&jose::verified(inner, &keys.signers)?, now)?;
    let id = format!("paze:{}", hex::encode(sha256(&[response.secured_payload.as_bytes()])));
    let until = now.checked_add(SignedDuration::from_hours(REMEMBERED_HOURS)).unwrap_or(now);
    if replays.is_new(&id, now, until).await { Ok(opened) } else { Err(Error::Replayed) }
}
