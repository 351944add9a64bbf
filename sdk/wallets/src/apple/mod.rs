//! Apple Pay payment tokens, `EC_v1` and `RSA_v1`.
//!
//! Form and checks follow Apple's "Payment token format reference"
//! (<https://developer.apple.com/documentation/passkit/payment-token-format-reference>): the signature's chain to the pinned root,
//! the signing time, the merchant's key by its hash, then the decryption.

mod ber;
mod chain;
pub(crate) mod open;
mod payload;
mod signature;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use quittance::Secret;
use serde::Deserialize;

use crate::keys::{base64, private_key_der, sha256};
use crate::{Error, Opened, Replays, TOKEN_BYTES_MAX};
use open::MerchantKey;

pub use chain::Root;

/// How far the signing time may lie from now, in seconds: five minutes, as Apple advises.
pub const WINDOW_SECONDS: i64 = 300;

/// A merchant's payment processing key.
pub struct Merchant {
    key: MerchantKey,
    /// SHA-256 over the DER of the public key, which tokens name it by.
    public_key_hash: [u8; 32],
    /// SHA-256 over the merchant identifier.
    identifier_hash: [u8; 32],
}

impl fmt::Debug for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Merchant(key {})", hex::encode(self.public_key_hash))
    }
}

impl Merchant {
    /// The key of `merchant.com.example`: PEM with PKCS#8 (or SEC 1) of a P-256 key for `EC_v1`, or of an RSA key for `RSA_v1`.
    /// During a rotation the old and the new key are both configured.
    ///
    /// # Errors
    /// [`Error::UnusableKey`].
    pub fn new(merchant_identifier: &str, private_key_pem: &Secret) -> Result<Merchant, Error> {
        Merchant::of(sha256(&[merchant_identifier.as_bytes()]), private_key_pem)
    }

    /// The key of a payment processing certificate (PEM), which names the merchant itself.
    ///
    /// # Errors
    /// [`Error::UnusableKey`], also when the certificate is of another key.
    pub fn from_certificate(certificate_pem: &str, private_key_pem: &Secret) -> Result<Merchant, Error> {
        let (identifier_hash, public_key_hash) = chain::processing_certificate(certificate_pem)?;
        let merchant = Merchant::of(identifier_hash, private_key_pem)?;
        match merchant.public_key_hash == public_key_hash {
            true => Ok(merchant),
            false => Err(Error::UnusableKey("private key: the certificate is of another one")),
        }
    }

    fn of(identifier_hash: [u8; 32], private_key_pem: &Secret) -> Result<Merchant, Error> {
        let key = MerchantKey::from_der(&private_key_der(private_key_pem)?)?;
        let public_key_hash = key.public_key_hash()?;
        Ok(Merchant { key, public_key_hash, identifier_hash })
    }
}

/// Who may have signed a token, and for whom it may be.
#[derive(Debug)]
pub struct Keys {
    root: Root,
    merchants: Vec<Merchant>,
    checked: chain::Checked,
}

impl Keys {
    /// Tokens of Apple's own root for these merchants.
    ///
    /// # Errors
    /// [`Error::UnusableKey`] without a merchant.
    pub fn new(merchants: Vec<Merchant>) -> Result<Keys, Error> {
        Keys::with_root(Root::APPLE_G3, merchants)
    }

    /// Tokens of another root: for a test chain.
    ///
    /// # Errors
    /// As [`Keys::new`].
    pub fn with_root(root: Root, merchants: Vec<Merchant>) -> Result<Keys, Error> {
        match merchants.is_empty() {
            true => Err(Error::UnusableKey("list of merchants")),
            false => Ok(Keys { root, merchants, checked: chain::Checked::default() }),
        }
    }
}

/// `paymentData`.
#[derive(Deserialize)]
struct PaymentData {
    version: Option<String>,
    data: String,
    signature: String,
    header: Header,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    public_key_hash: String,
    transaction_id: String,
    application_data: Option<String>,
    ephemeral_public_key: Option<String>,
    wrapped_key: Option<String>,
}

/// The two versions, with the key material that each brings.
enum Material {
    /// DER of the sender's one-time P-256 key.
    Ec(Vec<u8>),
    /// The content key, wrapped with the merchant's RSA key.
    Rsa(Vec<u8>),
}

impl Material {
    fn bytes(&self) -> &[u8] {
        match self {
            Material::Ec(bytes) | Material::Rsa(bytes) => bytes,
        }
    }
}

/// A token, decoded.
struct Token {
    material: Material,
    data: Vec<u8>,
    signature: Vec<u8>,
    public_key_hash: Vec<u8>,
    transaction_id: Vec<u8>,
    application_data: Vec<u8>,
}

/// Verifies and opens `paymentData` of a `PKPaymentToken` (the JSON text).
///
/// `now` is the caller's clock; the token's signing time may lie [`WINDOW_SECONDS`] from it. `replays` remembers the transaction for that
/// window. The caller compares the order: [`Opened::agree_amount`], [`Opened::application_data_hash`].
///
/// # Errors
/// The first check that does not hold. See [`Error`].
pub async fn verify_and_decrypt(
    payment_data: &str,
    keys: &Keys,
    now: Timestamp,
    replays: &dyn Replays,
) -> Result<Opened, Error> {
    let token = Token::read(payment_data)?;
    let signed_at = signature::verify(&token, keys, now)?;
    let merchant = keys.merchants.iter().find(|merchant| merchant.public_key_hash.as_slice() == token.public_key_hash);
    let merchant = merchant.ok_or(Error::UnknownPublicKeyHash)?;
    let plaintext = merchant.key.open(&token, &merchant.identifier_hash)?;
    let mut opened = payload::read(&plaintext)?;
    opened.application_data_hash = (!token.application_data.is_empty()).then(|| hex::encode(&token.application_data));
    // One second more than it is believed.
    let until = signed_at.checked_add(SignedDuration::from_secs(WINDOW_SECONDS + 1)).unwrap_or(signed_at);
    let id = format!("apple_pay:{}", hex::encode(&token.transaction_id));
    if replays.is_new(&id, now, until).await { Ok(opened) } else { Err(Error::Replayed) }
}

impl Token {
    fn read(payment_data: &str) -> Result<Token, Error> {
        if payment_data.len() > TOKEN_BYTES_MAX {
            return Err(Error::TooLarge);
        }
        let raw: PaymentData =
            serde_json::from_str(payment_data).map_err(|_| Error::MalformedToken("expected `paymentData`"))?;
        let of_base64 = |text: &str, what: &'static str| base64(text).ok_or(Error::MalformedToken(what));
        let header = raw.header;
        let material = match (raw.version.as_deref(), &header.ephemeral_public_key, &header.wrapped_key) {
            (Some("EC_v1"), Some(key), None) => Material::Ec(of_base64(key, "ephemeralPublicKey is not base64")?),
            (Some("RSA_v1"), None, Some(key)) => Material::Rsa(of_base64(key, "wrappedKey is not base64")?),
            (Some("EC_v1" | "RSA_v1"), ..) => return Err(Error::MalformedToken("the key of another version")),
            _ => return Err(Error::UnsupportedVersion),
        };
        let of_hex = |text: &str, what: &'static str| hex::decode(text).map_err(|_| Error::MalformedToken(what));
        let signature = of_base64(&raw.signature, "signature is not base64")?;
        if signature.is_empty() {
            return Err(Error::MalformedSignature);
        }
        Ok(Token {
            material,
            data: of_base64(&raw.data, "data is not base64")?,
            signature,
            public_key_hash: of_base64(&header.public_key_hash, "publicKeyHash is not base64")?,
            transaction_id: of_hex(&header.transaction_id, "transactionId is not hexadecimal")?,
            application_data: match &header.application_data {
                Some(text) => of_hex(text, "applicationData is not hexadecimal")?,
                None => Vec::new(),
            },
        })
    }

    /// The bytes that Apple signs: neither `version` nor `publicKeyHash` is among them.
    fn signed_bytes(&self) -> Vec<u8> {
        [self.material.bytes(), &self.data, &self.transaction_id, &self.application_data].concat()
    }
}
