//! What a customer pays with.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::scrub::SHORTEST_ENCODED;
use crate::{Cryptogram, Cvc, Error, Expiry, Family, Handle, Pan, Result, Secret};

/// A card as the customer typed it.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The card number.
    pub number: Pan,
    /// The expiry date.
    pub expiry: Expiry,
    /// The verification code; absent for a merchant-initiated payment.
    pub cvc: Option<Cvc>,
    /// The name on the card.
    #[schemars(extend("writeOnly" = true))]
    pub holder: Option<String>,
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Card { number, expiry, cvc, holder } = self;
        let mut out = f.debug_struct("Card");
        out.field("number", number).field("expiry", expiry).field("cvc", cvc);
        out.field("holder", &holder.as_ref().map(|_| Unshown)).finish()
    }
}

/// Stands for a person's name in `Debug`.
struct Unshown;

impl std::fmt::Debug for Unshown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[name]")
    }
}

/// Where a network token came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TokenSource {
    /// A decrypted Apple Pay token.
    ApplePay,
    /// A decrypted Google Pay token.
    GooglePay,
    /// A decrypted Samsung Pay token.
    SamsungPay,
    /// The card network's own token service.
    Network,
}

/// A token that stands for a card, with the cryptogram that proves its use.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkToken {
    /// The token's number (DPAN); for a Google Pay `PAN_ONLY` token the card number itself, then `cryptogram` is absent.
    pub number: Pan,
    /// The token's expiry.
    pub expiry: Expiry,
    /// The cryptogram (TAVV/CAVV), base64; absent for later merchant-initiated payments.
    pub cryptogram: Option<Cryptogram>,
    /// The electronic commerce indicator, two digits (`05`), where the wallet gave one.
    pub eci: Option<String>,
    /// Where the token came from.
    pub source: TokenSource,
    /// The name on the card.
    #[schemars(extend("writeOnly" = true))]
    pub holder: Option<String>,
}

impl std::fmt::Debug for NetworkToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let NetworkToken { number, expiry, cryptogram, eci, source, holder } = self;
        let mut out = f.debug_struct("NetworkToken");
        out.field("number", number).field("expiry", expiry).field("cryptogram", cryptogram);
        out.field("eci", eci).field("source", source);
        out.field("holder", &holder.as_ref().map(|_| Unshown)).finish()
    }
}

impl NetworkToken {
    /// Whether the token lacks a cryptogram and so needs 3-D Secure like a typed card.
    pub fn needs_three_ds(&self) -> bool {
        self.cryptogram.is_none()
    }
}

/// An Apple Pay token as the device gave it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplePay {
    /// `paymentData` of the `PKPaymentToken`: JSON text with `version`, `data`, `signature`, `header`.
    pub payment_data: Secret,
    /// `paymentMethod.network` (`Visa`).
    pub network: Option<String>,
    /// `paymentMethod.displayName` (`Visa 1234`).
    pub display_name: Option<String>,
    /// `transactionIdentifier`, as given.
    pub transaction_id: Option<String>,
}

impl ApplePay {
    /// The parts of an `EC_v1` token, for providers that want them one by one. Nothing of it is verified.
    ///
    /// # Errors
    /// [`Kind::Invalid`](crate::Kind::Invalid) at `method.payment_data` when it is not the JSON that the device gives.
    pub fn parts(&self) -> Result<ApplePayParts> {
        let not_json = |_| Error::invalid("method.payment_data", "the token is not the JSON that the device gives");
        serde_json::from_str(self.payment_data.expose()).map_err(not_json)
    }
}

/// `paymentData` of an `EC_v1` token
/// (<https://developer.apple.com/documentation/passkit/payment-token-format-reference>), texts as given. Not `Debug`: the parts
/// are the token.
#[derive(Deserialize)]
pub struct ApplePayParts {
    /// The encrypted payment data, base64.
    pub data: String,
    /// The detached CMS signature, base64.
    pub signature: String,
    /// `EC_v1`.
    pub version: String,
    /// What the data was encrypted with.
    pub header: ApplePayHeader,
}

/// `header` of an `EC_v1` token.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplePayHeader {
    /// SHA-256 over the application's own data, hex, where it set some.
    pub application_data: Option<String>,
    /// The device's public key for this token, base64.
    pub ephemeral_public_key: String,
    /// SHA-256 over the merchant's public key, base64.
    pub public_key_hash: String,
    /// The device's transaction identifier, hex.
    pub transaction_id: String,
}

/// A Google Pay token as the browser or device gave it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GooglePay {
    /// `paymentMethodData.tokenizationData.token`: the text as received, never re-serialized.
    pub token: Secret,
    /// `info.cardNetwork` (`VISA`).
    pub network: Option<String>,
    /// `info.cardDetails`: the last four digits.
    pub last4: Option<String>,
}

/// A bank account to debit or to pay.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BankAccount {
    /// The IBAN, or the national account number.
    pub number: Secret,
    /// The national bank code where the number lacks it: routing number, sort code, BSB; digits only.
    pub routing: Option<String>,
    /// The account holder.
    #[schemars(extend("writeOnly" = true))]
    pub holder: String,
    /// Checking or savings, for countries that ask.
    #[serde(default)]
    pub kind: BankAccountKind,
    /// The country of the account, ISO 3166-1 alpha-2.
    pub country: Option<String>,
}

impl std::fmt::Debug for BankAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let BankAccount { number, routing, holder: _, kind, country } = self;
        let mut out = f.debug_struct("BankAccount");
        out.field("number", number).field("routing", routing).field("holder", &Unshown);
        out.field("kind", kind).field("country", country).finish()
    }
}

/// The kind of a bank account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BankAccountKind {
    /// A current or checking account.
    #[default]
    Checking,
    /// A savings account.
    Savings,
    /// A company's account.
    Business,
}

/// How a UPI payment is started.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Upi {
    /// A request is pushed to the customer's address (`name@bank`).
    Collect {
        /// The virtual payment address.
        address: String,
    },
    /// A link that opens the customer's app.
    Intent,
    /// A code to scan.
    Qr,
}

/// What a customer pays with.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Method {
    /// A typed card.
    Card(Card),
    /// A card that the provider's client SDK took from the customer: the token (nonce) that it gave for one use. Of family `card`;
    /// see [`crate::CardRules::token`].
    CardToken(Secret),
    /// A network token, from a network or out of a decrypted wallet token.
    NetworkToken(NetworkToken),
    /// An Apple Pay token, handed through to the provider.
    ApplePay(ApplePay),
    /// A Google Pay token, handed through to the provider.
    GooglePay(GooglePay),
    /// A wallet that the customer is sent to.
    WalletRedirect {
        /// The wallet (`paypal`, `alipay`).
        brand: String,
    },
    /// A bank that the customer is sent to.
    BankRedirect {
        /// The scheme (`ideal`, `bancontact`).
        brand: String,
        /// The customer's bank in the scheme's or provider's spelling, where it must be chosen before.
        bank: Option<String>,
    },
    /// A transfer that the customer makes.
    BankTransfer {
        /// The scheme (`sepa`, `ach`).
        brand: String,
    },
    /// A debit of a bank account.
    BankDebit {
        /// The scheme (`sepa`, `ach`, `bacs`).
        brand: String,
        /// The account to debit.
        account: BankAccount,
    },
    /// A payment through an open-banking interface.
    OpenBanking {
        /// The scheme or network (`uk`, `berlin_group`).
        brand: String,
        /// The customer's bank, in the provider's spelling, where it is known before.
        bank: Option<String>,
    },
    /// Mobile money.
    MobileMoney {
        /// The operator (`mpesa`, `mtn`).
        brand: String,
        /// The customer's number, E.164.
        phone: String,
    },
    /// Buy now, pay later.
    PayLater {
        /// The lender (`klarna`, `afterpay`).
        brand: String,
    },
    /// A voucher.
    Voucher {
        /// The scheme (`oxxo`, `boleto`).
        brand: String,
    },
    /// India's UPI.
    Upi(Upi),
    /// Brazil's Pix, by dynamic QR code.
    Pix,
    /// A crypto currency.
    Crypto {
        /// The asset (`btc`, `usdc`), or `any` for the provider's choice page.
        brand: String,
    },
    /// A mandate or credential that this connector stored before.
    Mandate(Handle),
}

impl Method {
    /// The family.
    pub fn family(&self) -> Family {
        match self {
            Method::Card(_) | Method::CardToken(_) => Family::Card,
            Method::NetworkToken(_) => Family::NetworkToken,
            Method::ApplePay(_) => Family::ApplePay,
            Method::GooglePay(_) => Family::GooglePay,
            Method::WalletRedirect { .. } => Family::WalletRedirect,
            Method::BankRedirect { .. } => Family::BankRedirect,
            Method::BankTransfer { .. } => Family::BankTransfer,
            Method::BankDebit { .. } => Family::BankDebit,
            Method::OpenBanking { .. } => Family::OpenBanking,
            Method::MobileMoney { .. } => Family::MobileMoney,
            Method::PayLater { .. } => Family::PayLater,
            Method::Voucher { .. } => Family::Voucher,
            Method::Upi(_) => Family::Upi,
            Method::Pix => Family::Pix,
            Method::Crypto { .. } => Family::Crypto,
            Method::Mandate(_) => Family::Mandate,
        }
    }

    /// The brand, for branded families.
    pub fn brand(&self) -> Option<&str> {
        match self {
            Method::WalletRedirect { brand }
            | Method::BankRedirect { brand, .. }
            | Method::BankTransfer { brand }
            | Method::BankDebit { brand, .. }
            | Method::OpenBanking { brand, .. }
            | Method::MobileMoney { brand, .. }
            | Method::PayLater { brand }
            | Method::Voucher { brand }
            | Method::Crypto { brand } => Some(brand),
            _ => None,
        }
    }

    /// Calls `visit` with every secret text of the method and the payer's name, so that echoes of them can be recognised.
    pub fn secrets(&self, visit: &mut dyn FnMut(&str)) {
        match self {
            Method::Card(card) => card.secrets(visit),
            Method::CardToken(token) => visit(token.expose()),
            Method::NetworkToken(token) => {
                visit(token.number.expose());
                token.cryptogram.iter().for_each(|cryptogram| visit(cryptogram.expose()));
                token.holder.iter().for_each(|holder| visit(holder));
            }
            Method::ApplePay(token) => token.secrets(visit),
            Method::GooglePay(token) => token.secrets(visit),
            Method::BankDebit { account, .. } => account.secrets(visit),
            _ => {}
        }
    }
}

impl Card {
    pub(crate) fn secrets(&self, visit: &mut dyn FnMut(&str)) {
        visit(self.number.expose());
        self.cvc.iter().for_each(|cvc| visit(cvc.expose()));
        self.holder.iter().for_each(|holder| visit(holder));
    }
}

impl ApplePay {
    pub(crate) fn secrets(&self, visit: &mut dyn FnMut(&str)) {
        token_secrets(self.payment_data.expose(), visit);
    }
}

impl GooglePay {
    pub(crate) fn secrets(&self, visit: &mut dyn FnMut(&str)) {
        token_secrets(self.token.expose(), visit);
    }
}

impl BankAccount {
    pub(crate) fn secrets(&self, visit: &mut dyn FnMut(&str)) {
        visit(self.number.expose());
        visit(&self.holder);
    }
}

/// A wallet's token and, since a provider may repeat a part of it, each longer text in it.
fn token_secrets(token: &str, visit: &mut dyn FnMut(&str)) {
    visit(token);
    if let Ok(value) = serde_json::from_str(token) {
        token_parts(&value, visit);
    }
}

fn token_parts(value: &Value, visit: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) if text.len() >= SHORTEST_ENCODED => visit(text),
        Value::Array(items) => items.iter().for_each(|item| token_parts(item, visit)),
        Value::Object(members) => members.values().for_each(|member| token_parts(member, visit)),
        _ => {}
    }
}
