//! What was inside a token.

use quittance::{Money, NetworkToken, Secret};

use crate::Error;

/// The content of a token that was verified and decrypted.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The card or device number with its cryptogram; [`NetworkToken::needs_three_ds`] says whether it stands alone. Absent in a
    /// Google message that is signed but no payment, and in an Apple payment with chip data (`EMV`, in China): those are in `payload`.
    pub token: Option<NetworkToken>,
    /// The amount that the customer agreed to, in minor units, where the wallet states one.
    pub amount_minor: Option<i64>,
    /// Its currency where the wallet states one: ISO 4217, three digits.
    pub currency: Option<String>,
    /// SHA-256, in hexadecimal digits, of the `applicationData` that the merchant put into an Apple Pay request: the caller compares it.
    pub application_data_hash: Option<String>,
    /// For whom a gateway received it (Google's `gatewayMerchantId`): the caller compares it.
    pub gateway_merchant_id: Option<String>,
    /// The wallet's own JSON, for what has no field here: EMV data, merchant tokens, assurance details.
    pub payload: Secret,
}

impl Opened {
    /// The wallet's JSON alone.
    pub(crate) fn of(payload: &str) -> Opened {
        Opened {
            token: None,
            amount_minor: None,
            currency: None,
            application_data_hash: None,
            gateway_merchant_id: None,
            payload: Secret::from(payload),
        }
    }

    /// The token, or an error that says what there is instead.
    ///
    /// # Errors
    /// [`Error::NoNetworkToken`].
    pub fn into_token(self) -> Result<NetworkToken, Error> {
        self.token.ok_or(Error::NoNetworkToken)
    }

    /// Compares the amount that the customer agreed to with the order's; a wallet that states none agrees.
    ///
    /// # Errors
    /// [`Error::OtherAmount`].
    pub fn agree_amount(&self, amount: &Money) -> Result<(), Error> {
        let numeric = format!("{:03}", amount.currency().numeric());
        let same_amount = self.amount_minor.is_none_or(|minor| minor == amount.minor());
        let same_currency = self.currency.as_ref().is_none_or(|currency| *currency == numeric);
        if same_amount && same_currency { Ok(()) } else { Err(Error::OtherAmount) }
    }
}
