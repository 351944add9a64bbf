//! The JSON inside.

use jiff::Timestamp;
use quittance::{Cryptogram, Expiry, NetworkToken, Pan, Secret, TokenSource};
use serde::Deserialize;

use super::milliseconds;
use crate::{Error, Opened};

/// What a message holds, and how long it must be remembered.
pub(super) struct Content {
    pub(super) opened: Opened,
    pub(super) message_id: Option<String>,
    pub(super) expires_at: Option<Timestamp>,
}

/// What every message may say of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    message_id: Option<String>,
    message_expiration: Option<String>,
    payment_method: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payment {
    gateway_merchant_id: Option<String>,
    payment_method_details: Details,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    pan: Option<Secret>,
    expiration_month: u8,
    expiration_year: u16,
    auth_method: Option<String>,
    cryptogram: Option<Cryptogram>,
    eci_indicator: Option<String>,
    dpan: Option<Secret>,
    #[serde(rename = "3dsCryptogram")]
    legacy_cryptogram: Option<Cryptogram>,
    #[serde(rename = "3dsEciIndicator")]
    legacy_eci: Option<String>,
}

/// Reads the content of an encrypted message, which is a payment and says until when.
pub(super) fn read(plaintext: &[u8], now: Timestamp) -> Result<Content, Error> {
    let text = std::str::from_utf8(plaintext).map_err(|_| Error::InvalidPayload("not UTF-8"))?;
    let envelope = envelope(text, now)?;
    match envelope.payment_method {
        Some(_) => content(text, envelope),
        None => Err(Error::InvalidPayload("no paymentMethod")),
    }
}

/// Reads a message that is only signed: a payment, or any other JSON object.
pub(super) fn read_signed(text: &str, now: Timestamp) -> Result<Content, Error> {
    content(text, envelope(text, now)?)
}

fn envelope(text: &str, now: Timestamp) -> Result<Envelope, Error> {
    let envelope: Envelope = serde_json::from_str(text).map_err(|_| Error::InvalidPayload("not a JSON object"))?;
    match envelope.message_expiration.as_deref().map(milliseconds) {
        Some(Some(expires_at)) if expires_at <= now => Err(Error::MessageExpired),
        Some(None) => Err(Error::InvalidPayload("messageExpiration")),
        _ => Ok(envelope),
    }
}

fn content(text: &str, envelope: Envelope) -> Result<Content, Error> {
    let mut opened = Opened::of(text);
    if let Some(method) = envelope.payment_method.as_deref() {
        if envelope.message_id.is_none() || envelope.message_expiration.is_none() {
            return Err(Error::InvalidPayload("messageId or messageExpiration"));
        }
        let payment: Payment =
            serde_json::from_str(text).map_err(|_| Error::InvalidPayload("not the JSON of a payment"))?;
        opened.gateway_merchant_id = payment.gateway_merchant_id;
        opened.token = Some(token(method, payment.payment_method_details)?);
    }
    let expires_at = envelope.message_expiration.as_deref().and_then(milliseconds);
    Ok(Content { opened, message_id: envelope.message_id, expires_at })
}

fn token(method: &str, details: Details) -> Result<NetworkToken, Error> {
    let (number, cryptogram, eci) = match (method, details.auth_method.as_deref()) {
        ("CARD", None | Some("PAN_ONLY")) => (details.pan, None, None),
        ("CARD", Some("CRYPTOGRAM_3DS")) if details.cryptogram.is_some() => {
            (details.pan, details.cryptogram, details.eci_indicator)
        }
        ("TOKENIZED_CARD", Some("3DS")) if details.legacy_cryptogram.is_some() => {
            (details.dpan, details.legacy_cryptogram, details.legacy_eci)
        }
        _ => return Err(Error::InvalidPayload("paymentMethod or authMethod")),
    };
    let number = number.ok_or(Error::InvalidPayload("no number"))?;
    let expiry = Expiry::new(details.expiration_month, details.expiration_year);
    Ok(NetworkToken {
        number: Pan::of_wallet(number.expose()).map_err(|_| Error::InvalidPayload("number"))?,
        expiry: expiry.map_err(|_| Error::InvalidPayload("expiry"))?,
        cryptogram,
        eci: eci.map(|eci| format!("{eci:0>2}")),
        source: TokenSource::GooglePay,
        holder: None,
    })
}
