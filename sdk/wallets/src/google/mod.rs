//! Google Pay tokens: `ECv1`, `ECv2` and `ECv2SigningOnly`.
//!
//! Form and checks follow "Payment data cryptography for merchants"
//! (<https://developers.google.com/pay/api/web/guides/resources/payment-data-cryptography>) and, where that is silent, Google's own Tink
//! (`apps/paymentmethodtoken`). `ECv0` is refused: nothing in it is signed.

pub(crate) mod open;
mod payload;
mod roots;
pub(crate) mod signature;

use jiff::Timestamp;
use quittance::Secret;
use serde::Deserialize;

use crate::keys::{EcKey, private_key_der};
use crate::{Error, Opened, Replays, TOKEN_BYTES_MAX};

pub use roots::RootKeys;

/// The protocol of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    EcV1,
    EcV2,
    EcV2SigningOnly,
}

impl Version {
    fn named(name: &str) -> Option<Version> {
        Some(match name {
            "ECv1" => Version::EcV1,
            "ECv2" => Version::EcV2,
            "ECv2SigningOnly" => Version::EcV2SigningOnly,
            _ => return None,
        })
    }

    const fn as_str(self) -> &'static str {
        match self {
            Version::EcV1 => "ECv1",
            Version::EcV2 => "ECv2",
            Version::EcV2SigningOnly => "ECv2SigningOnly",
        }
    }
}

/// For whom tokens are, and the keys that open them.
#[derive(Debug)]
pub struct Keys {
    recipient_id: String,
    private_keys: Vec<EcKey>,
}

impl Keys {
    /// `recipient_id` is `merchant:<Google merchant id>` for a merchant (in the test environment always
    /// `merchant:12345678901234567890`), `gateway:<gateway id>` for a gateway. Private keys: PEM of P-256, the current one and those in rotation; none for
    /// `ECv2SigningOnly`.
    ///
    /// # Errors
    /// [`Error::UnusableKey`].
    pub fn new(recipient_id: &str, private_keys_pem: &[Secret]) -> Result<Keys, Error> {
        let read = |pem: &Secret| EcKey::from_der(&private_key_der(pem)?);
        let private_keys = private_keys_pem.iter().map(read).collect::<Result<Vec<_>, Error>>()?;
        Ok(Keys { recipient_id: recipient_id.to_owned(), private_keys })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Token {
    protocol_version: Option<String>,
    signature: String,
    signed_message: String,
    intermediate_signing_key: Option<IntermediateSigningKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IntermediateSigningKey {
    signed_key: String,
    signatures: Vec<String>,
}

/// Verifies and opens the token of a payment method (`tokenizationData.token`, the text as received).
///
/// `roots` are Google's published keys, fetched and cached by the caller; `now` is the caller's clock; `replays` remembers a payment until
/// it expires. A gateway compares [`Opened::gateway_merchant_id`].
///
/// # Errors
/// The first check that does not hold. See [`Error`].
pub async fn verify_and_decrypt(
    token: &str,
    roots: &RootKeys,
    keys: &Keys,
    now: Timestamp,
    replays: &dyn Replays,
) -> Result<Opened, Error> {
    let (token, version) = read(token)?;
    signature::verify(&token, version, roots, &keys.recipient_id, now)?;
    let content = match version {
        Version::EcV2SigningOnly => payload::read_signed(&token.signed_message, now)?,
        Version::EcV1 | Version::EcV2 => {
            let plaintext = open::open(&token.signed_message, version, &keys.private_keys)?;
            payload::read(&plaintext, now)?
        }
    };
    let is_new = match (content.message_id, content.expires_at) {
        (Some(id), Some(until)) => replays.is_new(&format!("google_pay:{id}"), now, until).await,
        // A notification of Google Wallet, which may come twice.
        _ => true,
    };
    if is_new { Ok(content.opened) } else { Err(Error::Replayed) }
}

/// Checks what needs no root keys: the form, and with `ECv2` and `ECv2SigningOnly` that the message was signed by the intermediate key
/// that came with it. A token that was altered on its way then costs no fetch of the root keys. It vouches for nothing:
/// [`verify_and_decrypt`] does.
///
/// # Errors
/// The first check that does not hold. See [`Error`].
pub fn check_form(token: &str, keys: &Keys, now: Timestamp) -> Result<(), Error> {
    let (token, version) = read(token)?;
    signature::verify_message_alone(&token, version, &keys.recipient_id, now)
}

fn read(token: &str) -> Result<(Token, Version), Error> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Error::TooLarge);
    }
    let token: Token = serde_json::from_str(token).map_err(|_| Error::MalformedToken("not the members of a token"))?;
    let version = token.protocol_version.as_deref().and_then(Version::named).ok_or(Error::UnsupportedVersion)?;
    Ok((token, version))
}

/// Milliseconds since 1970 as Google writes them: a text of digits.
fn milliseconds(text: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(text.parse().ok()?).ok()
}
