//! The payload that EMV Secure Remote Commerce and Paze share: a payment token or a card, with the data that proves its use.

use jiff::Timestamp;
use quittance::{Cryptogram, Expiry, NetworkToken, Pan, Secret, TokenSource};
use serde::Deserialize;

use crate::{Error, Opened};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    token: Option<PaymentToken>,
    card: Option<Card>,
    #[serde(default)]
    dynamic_data: Vec<DynamicData>,
    eci: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentToken {
    payment_token: Secret,
    token_expiration_month: String,
    token_expiration_year: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Card {
    primary_account_number: Secret,
    pan_expiration_month: String,
    pan_expiration_year: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DynamicData {
    dynamic_data_value: Secret,
    dynamic_data_expiration: Option<String>,
}

/// Reads the decrypted JSON; proof that has run out at `now` is refused.
pub(crate) fn read(plaintext: &[u8], now: Timestamp) -> Result<Opened, Error> {
    let text = std::str::from_utf8(plaintext).map_err(|_| Error::InvalidPayload("not UTF-8"))?;
    let payload: Payload =
        serde_json::from_str(text).map_err(|_| Error::InvalidPayload("not the JSON of a checkout"))?;
    let (number, month, year) = match (payload.token, payload.card) {
        (Some(token), _) => (token.payment_token, token.token_expiration_month, token.token_expiration_year),
        (None, Some(card)) => (card.primary_account_number, card.pan_expiration_month, card.pan_expiration_year),
        (None, None) => return Err(Error::InvalidPayload("neither token nor card")),
    };
    let part = |text: &str| text.parse::<u16>().map_err(|_| Error::InvalidPayload("expiry"));
    let month = u8::try_from(part(&month)?).map_err(|_| Error::InvalidPayload("expiry"))?;
    Ok(Opened {
        token: Some(NetworkToken {
            number: Pan::of_wallet(number.expose()).map_err(|_| Error::InvalidPayload("number"))?,
            expiry: Expiry::new(month, part(&year)?).map_err(|_| Error::InvalidPayload("expiry"))?,
            cryptogram: cryptogram(&payload.dynamic_data, now)?,
            eci: payload.eci.map(|eci| format!("{eci:0>2}")),
            source: TokenSource::Network,
            holder: None,
        }),
        ..Opened::of(text)
    })
}

/// The first of the dynamic data that is a cryptogram; a dynamic security code is none.
fn cryptogram(data: &[DynamicData], now: Timestamp) -> Result<Option<Cryptogram>, Error> {
    for entry in data {
        let Ok(cryptogram) = Cryptogram::parse(entry.dynamic_data_value.expose()) else { continue };
        let expires = entry.dynamic_data_expiration.as_deref().map(str::parse::<Timestamp>);
        return match expires {
            Some(Ok(expires)) if expires <= now => Err(Error::MessageExpired),
            Some(Err(_)) => Err(Error::InvalidPayload("dynamicDataExpiration")),
            _ => Ok(Some(cryptogram)),
        };
    }
    Ok(None)
}
