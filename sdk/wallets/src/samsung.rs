//! Samsung Pay credentials: the compact JWE in `3DS.data` (`RSA1_5`, `A128GCM`).
//!
//! Nothing in this form is signed: the content key is wrapped with the merchant's public key, and the tag proves no more than that the
//! token is whole. Who made it is proven by the network alone, which checks the cryptogram.

use jiff::{SignedDuration, Timestamp};
use quittance::{Cryptogram, Expiry, NetworkToken, Pan, Secret, TokenSource};
use serde::Deserialize;

use crate::jose::{self, Content, JweKey};
use crate::keys::sha256;
use crate::{Error, Opened, Replays, TOKEN_BYTES_MAX};

/// How long an opened credential is remembered, in hours. It states no end of its own.
pub const REMEMBERED_HOURS: i64 = 24;

/// The keys that open credentials.
#[derive(Debug)]
pub struct Keys(Vec<JweKey>);

impl Keys {
    /// The RSA private keys of the merchant's certificate requests (PEM, PKCS#8): the current one and those in rotation.
    ///
    /// # Errors
    /// [`Error::UnusableKey`].
    pub fn new(private_keys_pem: &[Secret]) -> Result<Keys, Error> {
        private_keys_pem.iter().map(JweKey::rsa15).collect::<Result<_, _>>().map(Keys)
    }
}

#[derive(Deserialize)]
struct Credential {
    #[serde(rename = "3DS")]
    three_ds: ThreeDs,
}

#[derive(Deserialize)]
struct ThreeDs {
    #[serde(rename = "type")]
    kind: String,
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    #[serde(rename = "tokenPAN")]
    token_pan: Secret,
    token_pan_expiration: String,
    cryptogram: Cryptogram,
    #[serde(rename = "eci_indicator")]
    eci: Option<String>,
}

/// Opens the credential of a payment (the JSON text with `3DS`), once.
///
/// # Errors
/// The first check that does not hold. See [`Error`].
pub async fn verify_and_decrypt(
    credential: &str,
    keys: &Keys,
    now: Timestamp,
    replays: &dyn Replays,
) -> Result<Opened, Error> {
    if credential.len() > TOKEN_BYTES_MAX {
        return Err(Error::TooLarge);
    }
    let credential: Credential =
        serde_json::from_str(credential).map_err(|_| Error::MalformedToken("not the members of a credential"))?;
    if credential.three_ds.kind != "S" {
        return Err(Error::UnsupportedVersion);
    }
    let data = &credential.three_ds.data;
    let opened = read(&jose::open(data, &keys.0, Content::A128Gcm)?)?;
    let id = format!("samsung_pay:{}", hex::encode(sha256(&[data.as_bytes()])));
    let until = now.checked_add(SignedDuration::from_hours(REMEMBERED_HOURS)).unwrap_or(now);
    if replays.is_new(&id, now, until).await { Ok(opened) } else { Err(Error::Replayed) }
}

fn read(plaintext: &[u8]) -> Result<Opened, Error> {
    let text = std::str::from_utf8(plaintext).map_err(|_| Error::InvalidPayload("not UTF-8"))?;
    let payload: Payload =
        serde_json::from_str(text).map_err(|_| Error::InvalidPayload("not the JSON of a payment"))?;
    let expiry = payload.token_pan_expiration.split_at_checked(2).filter(|_| payload.token_pan_expiration.len() == 4);
    let expiry = expiry.and_then(|(month, year)| Expiry::new(month.parse().ok()?, year.parse().ok()?).ok());
    Ok(Opened {
        token: Some(NetworkToken {
            number: Pan::of_wallet(payload.token_pan.expose()).map_err(|_| Error::InvalidPayload("tokenPAN"))?,
            expiry: expiry.ok_or(Error::InvalidPayload("tokenPanExpiration"))?,
            cryptogram: Some(payload.cryptogram),
            eci: payload.eci.map(|eci| format!("{eci:0>2}")),
            source: TokenSource::SamsungPay,
            holder: None,
        }),
        ..Opened::of(text)
    })
}
