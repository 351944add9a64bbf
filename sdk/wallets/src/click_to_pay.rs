//! Click to Pay (EMV Secure Remote Commerce): the checkout response is a JWS by the network's SRC system, its `encryptedPayload` a JWE
//! for the merchant, with a shared secret (`A256GCMKW`) or an RSA key (`RSA-OAEP-256`), content `A256GCM`.

use jiff::{SignedDuration, Timestamp};
use quittance::Secret;
use quittance_crypto::RsaPublicKey;
use serde::Deserialize;

use crate::jose::{self, Content, JweKey};
use crate::keys::{public_key, sha256};
use crate::{Error, Opened, Replays, checkout};

/// How long an opened payload is remembered, in hours. It states no end of its own.
pub const REMEMBERED_HOURS: i64 = 24;

/// One network's keys and the merchant's.
#[derive(Debug)]
pub struct Keys {
    signers: Vec<RsaPublicKey>,
    opening: Vec<JweKey>,
}

impl Keys {
    /// The SRC system's RSA public keys (PEM), and the secrets shared with it, whose SHA-256 is the key.
    ///
    /// # Errors
    /// [`Error::UnusableKey`].
    pub fn shared(signer_keys_pem: &[String], secrets: &[Secret]) -> Result<Keys, Error> {
        let opening = secrets.iter().map(JweKey::shared_secret).collect::<Result<_, _>>()?;
        Ok(Keys { signers: signers(signer_keys_pem)?, opening })
    }

    /// The SRC system's RSA public keys (PEM), and the merchant's RSA private keys (PEM, PKCS#8).
    ///
    /// # Errors
    /// [`Error::UnusableKey`].
    pub fn rsa(signer_keys_pem: &[String], private_keys_pem: &[Secret]) -> Result<Keys, Error> {
        let opening = private_keys_pem.iter().map(JweKey::rsa_oaep_256).collect::<Result<_, _>>()?;
        Ok(Keys { signers: signers(signer_keys_pem)?, opening })
    }
}

fn signers(signer_keys_pem: &[String]) -> Result<Vec<RsaPublicKey>, Error> {
    signer_keys_pem.iter().map(|pem| public_key(pem)).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    encrypted_payload: String,
}

/// Verifies and opens a checkout response (`checkoutResponse`, the compact JWS), once.
///
/// # Errors
/// The first check that does not hold. See [`Error`].
pub async fn verify_and_decrypt(
    checkout_response: &str,
    keys: &Keys,
    now: Timestamp,
    replays: &dyn Replays,
) -> Result<Opened, Error> {
    let outer = jose::verified(checkout_response, &keys.signers)?;
    let response: Response =
        serde_json::from_slice(&outer).map_err(|_| Error::MalformedToken("no encryptedPayload"))?;
    let payload = &response.encrypted_payload;
    let opened = checkout::read(&jose::open(payload, &keys.opening, Content::A256Gcm)?, now)?;
    let id = format!("click_to_pay:{}", hex::encode(sha256(&[payload.as_bytes()])));
    let until = now.checked_add(SignedDuration::from_hours(REMEMBERED_HOURS)).unwrap_or(now);
    if replays.is_new(&id, now, until).await { Ok(opened) } else { Err(Error::Replayed) }
}
