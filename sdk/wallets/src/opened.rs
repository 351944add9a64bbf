//! What was inside a token.

use quittance::{NetworkToken, Secret};

/// The content of a token that was verified and decrypted.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The card or device number with its cryptogram; [`NetworkToken::needs_three_ds`] says whether it stands alone. Absent only in a
    /// Google message that is signed but no payment.
    pub token: Option<NetworkToken>,
    /// The amount that the customer agreed to, in minor units, where the wallet states one.
    pub amount_minor: Option<i64>,
    /// Its currency where the wallet states one: ISO 4217, as three digits (Apple) or three letters (Samsung).
    pub currency: Option<String>,
    /// For whom a gateway received it (Google's `gatewayMerchantId`): the caller compares it.
    pub gateway_merchant_id: Option<String>,
    /// The wallet's own JSON, for what has no field here: EMV data, merchant tokens, assurance details.
    pub payload: Secret,
}
