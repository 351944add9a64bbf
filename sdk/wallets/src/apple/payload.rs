//! The decrypted JSON.

use quittance::{Cryptogram, Expiry, NetworkToken, Pan, Secret, TokenSource};
use serde::Deserialize;

use crate::{Error, Opened};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    application_primary_account_number: Secret,
    application_expiration_date: String,
    currency_code: String,
    transaction_amount: i64,
    cardholder_name: Option<String>,
    payment_data_type: String,
    payment_data: PaymentData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentData {
    online_payment_cryptogram: Option<Cryptogram>,
    eci_indicator: Option<String>,
    emv_data: Option<Secret>,
}

/// Reads the content of a token.
pub(super) fn read(plaintext: &[u8]) -> Result<Opened, Error> {
    let text = std::str::from_utf8(plaintext).map_err(|_| Error::InvalidPayload("not UTF-8"))?;
    let payload: Payload =
        serde_json::from_str(text).map_err(|_| Error::InvalidPayload("not the JSON of a payment"))?;
    let data = payload.payment_data;
    // With `EMV` the proof is chip data, which stands in the payload: that is no network token.
    let is_token = match (payload.payment_data_type.as_str(), &data.online_payment_cryptogram, &data.emv_data) {
        ("3DSecure", Some(_), _) => true,
        ("EMV", _, Some(_)) => false,
        _ => return Err(Error::InvalidPayload("paymentData")),
    };
    let numeric = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !numeric(&payload.currency_code) || payload.transaction_amount < 0 {
        return Err(Error::InvalidPayload("amount or currency"));
    }
    let number = Pan::of_wallet(payload.application_primary_account_number.expose());
    let number = number.map_err(|_| Error::InvalidPayload("applicationPrimaryAccountNumber"))?;
    let token = NetworkToken {
        number,
        expiry: expiry(&payload.application_expiration_date)?,
        cryptogram: data.online_payment_cryptogram,
        eci: data.eci_indicator.map(|eci| format!("{eci:0>2}")),
        source: TokenSource::ApplePay,
        holder: payload.cardholder_name,
    };
    Ok(Opened {
        token: is_token.then_some(token),
        amount_minor: Some(payload.transaction_amount),
        currency: Some(payload.currency_code),
        ..Opened::of(text)
    })
}

/// `YYMMDD`.
fn expiry(text: &str) -> Result<Expiry, Error> {
    let invalid = Error::InvalidPayload("applicationExpirationDate");
    if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid);
    }
    let part = |from: usize| text.get(from..from + 2).and_then(|digits| digits.parse::<u8>().ok()).ok_or(invalid);
    Expiry::new(part(2)?, u16::from(part(0)?)).map_err(|_| invalid)
}
