//! Envelopes: the parameters are JSON in base64, and the signature is over that text, under a key that is made of the terminal's key and
//! the order number. Which of the two methods was used stands beside.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use quittance::body::Json;
use quittance::digest::{self, Hash};
use quittance::{Error, Result, Secret};
use quittance_crypto::{aes_128_cbc, triple_des_cbc};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::wire::{Envelope, Parameters};

/// Base64 with or without padding, as notifications and answers come.
const LOOSE: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const LOOSE_STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LOOSE);
const LOOSE_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LOOSE);

/// How many characters of the terminal's key make the AES key.
const AES_KEY_BYTES: usize = 16;

/// A method of signing. Both are good for every terminal; answers and notifications are taken by either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// HMAC-SHA512 under a key by AES-128-CBC, what Redsys documents today.
    #[default]
    HmacSha512V2,
    /// HMAC-SHA256 under a key by Triple DES.
    HmacSha256V1,
}

impl Method {
    fn as_str(self) -> &'static str {
        match self {
            Method::HmacSha512V2 => "HMAC_SHA512_V2",
            Method::HmacSha256V1 => "HMAC_SHA256_V1",
        }
    }

    fn encode(self, bytes: &[u8]) -> String {
        match self {
            Method::HmacSha512V2 => URL_SAFE_NO_PAD.encode(bytes),
            Method::HmacSha256V1 => STANDARD.encode(bytes),
        }
    }
}

/// The key of a terminal.
pub(crate) struct Key {
    text: Secret,
    bytes: Vec<u8>,
}

impl Key {
    /// Takes base64 of 24 bytes.
    pub(crate) fn new(text: &Secret) -> Option<Key> {
        let bytes = STANDARD.decode(text.expose()).ok().filter(|key| key.len() == 24)?;
        Some(Key { text: text.clone(), bytes })
    }

    /// The signature over encoded parameters, under the key of this order
    /// (<https://pagosonline.redsys.es/desarrolladores-inicio/documentacion-operativa/firmar-una-operacion>).
    pub(crate) fn signature(&self, method: Method, order: &str, encoded: &str) -> Result<Vec<u8>> {
        let signed = &[encoded.as_bytes()];
        match method {
            Method::HmacSha512V2 => {
                let key = self.text.expose().as_bytes().get(..AES_KEY_BYTES).unwrap_or_default();
                let own = aes_128_cbc(key, order.as_bytes());
                let own = own.map_err(|_| Error::invalid("reference", "no key can be made of the order number"))?;
                // The key is the base64 text, not what it stands for.
                Ok(digest::hmac(Hash::Sha512, STANDARD.encode(own).as_bytes(), signed))
            }
            Method::HmacSha256V1 => {
                let own = triple_des_cbc(&self.bytes, order.as_bytes());
                let own = own.map_err(|_| Error::invalid("reference", "the order number is too long"))?;
                Ok(digest::hmac(Hash::Sha256, &own, signed))
            }
        }
    }

    /// Whether this is the signature over a text, under the key of this order.
    pub(crate) fn agrees(&self, method: Method, order: &str, signed: &str, given: &str) -> Result<bool> {
        let expected = self.signature(method, order, signed)?;
        Ok(decode(given).is_some_and(|given| digest::same(&expected, &given)))
    }

    /// The three fields of a message.
    pub(crate) fn form(&self, method: Method, order: &str, parameters: &Json<'_>) -> Result<quittance::Parameters> {
        let json =
            serde_json::to_vec(parameters).map_err(|_| Error::invalid("request", "it cannot be written as JSON"))?;
        let encoded = method.encode(&json);
        let signature = method.encode(&self.signature(method, order, &encoded)?);
        let fields = [
            ("Ds_SignatureVersion", method.as_str().to_owned()),
            ("Ds_MerchantParameters", encoded),
            ("Ds_Signature", signature),
        ];
        Ok(fields.map(|(name, value)| (name.to_owned(), value)).to_vec())
    }

    /// The parameters of an envelope whose signature holds.
    pub(crate) fn vouched(&self, envelope: &Envelope) -> Result<Parameters> {
        let Envelope { version, parameters: Some(encoded), signature: Some(given), .. } = envelope else {
            return Err(Error::signature("the message is not signed"));
        };
        let methods = [Method::HmacSha512V2, Method::HmacSha256V1];
        let method = methods.into_iter().find(|method| version.as_deref() == Some(method.as_str()));
        let method = method.ok_or_else(|| Error::signature("the message is signed by another method"))?;
        let unread = || Error::signature("the parameters are not base64 of JSON");
        let bytes = decode(encoded).ok_or_else(unread)?;
        let order: Order = serde_json::from_slice(&bytes).map_err(|_| unread())?;
        if !self.agrees(method, &order.order, encoded, given)? {
            return Err(Error::signature("the signature does not agree"));
        }
        serde_json::from_slice(&bytes).map_err(|_| Error::protocol("the parameters have another shape than expected"))
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    LOOSE_STANDARD.decode(text).or_else(|_| LOOSE_URL_SAFE.decode(text)).ok()
}

/// The order number alone: the key of the signature depends on it.
#[derive(Deserialize)]
struct Order {
    #[serde(rename = "Ds_Order")]
    order: String,
}
