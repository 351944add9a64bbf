//! What an application asks for: one struct for each operation, and the data they share.
//!
//! The structs are plain literals: `Authorize { capture: CaptureMode::Manual, ..Authorize::new(key, reference, amount, method) }`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    ApplePay, BankAccount, Card, Cryptogram, Currency, GooglePay, Handle, Key, MandateLimits, Method, Money, Secret,
};

/// When authorized money is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMode {
    /// At once: a purchase.
    #[default]
    Automatic,
    /// By a later [`Capture`].
    Manual,
}

/// Who started a payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Initiator {
    /// The customer is present.
    #[default]
    Customer,
    /// The merchant, under an earlier agreement of this kind.
    Merchant(MitCategory),
}

/// The agreement under which a merchant starts payments, as the card networks class them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MitCategory {
    /// Same amount at regular times.
    Recurring,
    /// Part of one purchase.
    Installment,
    /// At no fixed time or amount (top-up).
    Unscheduled,
}

/// How 3-D Secure is to be used.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThreeDs {
    /// As the provider's rules and the law ask.
    #[default]
    Auto,
    /// A challenge is wanted.
    Challenge,
    /// Not wanted; the provider or issuer may still insist.
    Never,
    /// Done elsewhere; these are its results.
    External(ExternalThreeDs),
}

impl ThreeDs {
    /// Calls `visit` with the authentication value, so that echoes of it can be recognised.
    pub(crate) fn secrets(&self, visit: &mut dyn FnMut(&str)) {
        if let ThreeDs::External(external) = self {
            visit(external.cryptogram.expose());
        }
    }
}

/// Results of a 3-D Secure authentication done outside the provider (EMV 3-D Secure 2.x).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExternalThreeDs {
    /// The protocol version (`2.2.0`).
    pub version: String,
    /// The electronic commerce indicator, two digits.
    pub eci: String,
    /// The authentication value (CAVV), base64.
    pub cryptogram: Cryptogram,
    /// The directory server's transaction id (UUID).
    pub ds_transaction_id: String,
}

/// A postal address. Every part optional; `country` is ISO 3166-1 alpha-2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Address {
    /// First line: street and number.
    pub line1: Option<String>,
    /// Second line.
    pub line2: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State or province; ISO 3166-2 without the country where there is a code.
    pub state: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country, two letters.
    pub country: Option<String>,
}

/// The customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Customer {
    /// The merchant's own id of the customer.
    pub id: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number, E.164.
    pub phone: Option<String>,
    /// National tax or identity number, where the scheme asks (CPF, CNPJ).
    pub tax_id: Option<String>,
    /// Language, BCP 47 (`de-CH`).
    pub locale: Option<String>,
}

impl Customer {
    /// First and last name with a blank between.
    pub fn full_name(&self) -> Option<String> {
        match (&self.first_name, &self.last_name) {
            (Some(first), Some(last)) => Some(format!("{first} {last}")),
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        }
    }
}

/// The customer's browser, as EMV 3-D Secure asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Browser {
    /// IP address, text form.
    pub ip: Option<String>,
    /// `User-Agent` header.
    pub user_agent: Option<String>,
    /// `Accept` header.
    pub accept: Option<String>,
    /// `navigator.language`, BCP 47.
    pub language: Option<String>,
    /// `screen.width`, pixels.
    pub screen_width: Option<u32>,
    /// `screen.height`, pixels.
    pub screen_height: Option<u32>,
    /// `screen.colorDepth`, bits.
    pub color_depth: Option<u32>,
    /// `Date.getTimezoneOffset()`, minutes.
    pub time_zone_offset_minutes: Option<i32>,
    /// Whether Java is enabled.
    pub java: Option<bool>,
}

/// A line of the order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineItem {
    /// What it is.
    pub name: String,
    /// How many.
    pub quantity: u32,
    /// Price of one.
    pub unit_amount: Money,
    /// The merchant's own article number.
    pub sku: Option<String>,
}

/// What is bought, beyond the amount. Everything optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Order {
    /// A text for the customer and the merchant's back office.
    pub description: Option<String>,
    /// What stands on the statement; the network allows 5–22 characters.
    pub descriptor: Option<String>,
    /// Lines; if given, they add up to the amount.
    pub line_items: Vec<LineItem>,
    /// The merchant's own data, kept by the provider.
    pub metadata: Vec<(String, String)>,
    /// Where the goods go.
    pub shipping: Option<Address>,
}

/// Reserve or take money: a purchase with [`CaptureMode::Automatic`], else a reservation. A merchant-initiated payment is one
/// with [`Method::Mandate`] and [`Initiator::Merchant`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authorize {
    /// Idempotency key.
    pub key: Key,
    /// The merchant's reference of the order; echoed by the provider where it can.
    pub reference: String,
    /// How much.
    pub amount: Money,
    /// When it is taken.
    #[serde(default)]
    pub capture: CaptureMode,
    /// With what.
    pub method: Method,
    /// Who started it.
    #[serde(default)]
    pub initiator: Initiator,
    /// Whether the method is to be kept for later; the result then has a mandate.
    #[serde(default)]
    pub store: bool,
    /// The network transaction id of the first payment of a series, for merchant-initiated payments with a card.
    pub network_transaction_id: Option<String>,
    /// 3-D Secure.
    #[serde(default)]
    pub three_ds: ThreeDs,
    /// What is bought.
    #[serde(default)]
    pub order: Order,
    /// Who buys.
    #[serde(default)]
    pub customer: Customer,
    /// Billing address.
    #[serde(default)]
    pub billing: Address,
    /// The customer's browser.
    #[serde(default)]
    pub browser: Browser,
    /// Where the customer comes back to after a redirect or challenge; https.
    pub return_url: Option<String>,
}

impl Authorize {
    /// A purchase with everything optional left out.
    pub fn new(key: Key, reference: impl Into<String>, amount: Money, method: Method) -> Authorize {
        Authorize {
            key,
            reference: reference.into(),
            amount,
            capture: CaptureMode::Automatic,
            method,
            initiator: Initiator::Customer,
            store: false,
            network_transaction_id: None,
            three_ds: ThreeDs::Auto,
            order: Order::default(),
            customer: Customer::default(),
            billing: Address::default(),
            browser: Browser::default(),
            return_url: None,
        }
    }
}

/// Go on with a payment after the customer came back, or after a challenge.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Complete {
    /// Idempotency key of this step.
    pub key: Key,
    /// The merchant's reference, as authorized.
    pub reference: String,
    /// The payment, or the mandate that is being set up.
    pub payment: Handle,
    /// The amount, as authorized; zero for a mandate.
    pub amount: Money,
    /// The capture mode, as authorized.
    #[serde(default)]
    pub capture: CaptureMode,
    /// The method, as authorized, where the provider asks for it again ([`crate::Spec::complete_with_method`]): no connector keeps a card.
    pub method: Option<Method>,
    /// Who buys, as authorized; read where `method` is.
    #[serde(default)]
    pub customer: Customer,
    /// Billing address, as authorized; read where `method` is.
    #[serde(default)]
    pub billing: Address,
    /// What came back with the customer: query or form parameters of the return URL, in order. Not trusted: the provider decides.
    #[serde(default)]
    pub returned: Vec<(String, String)>,
}

impl Complete {
    /// A returned parameter by name.
    pub fn returned(&self, name: &str) -> Option<&str> {
        self.returned.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Take reserved money.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// Idempotency key.
    pub key: Key,
    /// The merchant's reference of this capture.
    pub reference: String,
    /// The payment.
    pub payment: Handle,
    /// How much to take now.
    pub amount: Money,
    /// Whether the rest of the reservation is released. Ignored where the provider allows one capture only.
    #[serde(default)]
    pub last: bool,
}

/// Release reserved money.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Void {
    /// Idempotency key.
    pub key: Key,
    /// The merchant's reference of this void.
    pub reference: String,
    /// The payment.
    pub payment: Handle,
}

/// Give taken money back.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundRequest {
    /// Idempotency key.
    pub key: Key,
    /// The merchant's reference of this refund.
    pub reference: String,
    /// The payment.
    pub payment: Handle,
    /// How much.
    pub amount: Money,
    /// Why, for the back office and the customer.
    pub reason: Option<String>,
}

/// By what a payment is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lookup {
    /// The handle of an earlier result.
    Handle(Handle),
    /// The merchant's reference; the way out when an authorization ended unknown.
    Reference(String),
}

/// Look at a payment.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retrieve {
    /// Which payment.
    pub by: Lookup,
}

/// Look at a refund.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrieveRefund {
    /// Which refund.
    pub refund: Handle,
}

/// Change a reserved amount.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Adjust {
    /// Idempotency key.
    pub key: Key,
    /// The merchant's reference of this change.
    pub reference: String,
    /// The payment.
    pub payment: Handle,
    /// The new total.
    pub amount: Money,
}

/// Store a mandate or credential without taking money.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    /// Idempotency key.
    pub key: Key,
    /// The merchant's reference.
    pub reference: String,
    /// The currency of later payments.
    pub currency: Currency,
    /// The method to store.
    pub method: Method,
    /// What it will be used for; `None`: only while the customer is present.
    pub usage: Option<MitCategory>,
    /// What later payments may be, where the scheme has limits.
    #[serde(default)]
    pub limits: MandateLimits,
    /// 3-D Secure.
    #[serde(default)]
    pub three_ds: ThreeDs,
    /// Who agrees.
    #[serde(default)]
    pub customer: Customer,
    /// Billing address.
    #[serde(default)]
    pub billing: Address,
    /// The customer's browser.
    #[serde(default)]
    pub browser: Browser,
    /// Where the customer comes back to; https.
    pub return_url: Option<String>,
}

impl SetUp {
    /// The same as a payment of nothing that is stored, for providers that have no operation of its own.
    #[must_use]
    pub fn as_payment(&self) -> Authorize {
        Authorize {
            capture: CaptureMode::Manual,
            store: true,
            three_ds: self.three_ds.clone(),
            customer: self.customer.clone(),
            billing: self.billing.clone(),
            browser: self.browser.clone(),
            return_url: self.return_url.clone(),
            ..Authorize::new(self.key.clone(), &self.reference, Money::zero(self.currency), self.method.clone())
        }
    }
}

/// Withdraw a mandate or stored credential.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Idempotency key.
    pub key: Key,
    /// The mandate.
    pub mandate: Handle,
}

/// Open a session for a client SDK or a wallet sheet.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenSession {
    /// Idempotency key.
    pub key: Key,
    /// The merchant's reference.
    pub reference: String,
    /// The amount that will be paid.
    pub amount: Money,
    /// The capture mode of the later payment.
    #[serde(default)]
    pub capture: CaptureMode,
    /// Who buys.
    #[serde(default)]
    pub customer: Customer,
    /// Where the customer comes back to; https.
    pub return_url: Option<String>,
    /// The domain of the page that shows the wallet sheet (Apple Pay `initiativeContext`, registered) or the provider's fields.
    pub domain: Option<String>,
    /// The URL that the browser gave for the merchant's validation (Apple Pay `validationURL`). Not trusted: a connector calls none but
    /// the wallet's own hosts.
    pub validation_url: Option<String>,
}

/// Turn a wallet token into a network token.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnwrapToken {
    /// The token.
    pub token: WalletToken,
    /// The order's amount, compared with the token's where it holds one.
    pub amount: Option<Money>,
}

/// A wallet's encrypted token.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WalletToken {
    /// Apple Pay.
    ApplePay(ApplePay),
    /// Google Pay.
    GooglePay(GooglePay),
}

/// Who receives a payout.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Recipient {
    /// A bank account, by scheme (`sepa`, `ach`).
    Bank {
        /// The scheme.
        brand: String,
        /// The account.
        account: BankAccount,
    },
    /// A card.
    Card(Card),
    /// A wallet account, by e-mail address, telephone number or the wallet's own id.
    Wallet {
        /// The wallet (`paypal`).
        brand: String,
        /// The address, number or id.
        account: Secret,
    },
}

/// Send money to a recipient.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PayOut {
    /// Idempotency key.
    pub key: Key,
    /// The merchant's reference.
    pub reference: String,
    /// How much.
    pub amount: Money,
    /// To whom.
    pub recipient: Recipient,
    /// The recipient as a person or company.
    #[serde(default)]
    pub customer: Customer,
    /// A text for the recipient.
    pub description: Option<String>,
}

/// Look at a payout.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrievePayout {
    /// Which payout.
    pub payout: Handle,
}

/// Accept or contest a dispute.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerDispute {
    /// Idempotency key.
    pub key: Key,
    /// The dispute.
    pub dispute: Handle,
    /// The answer.
    pub answer: Answer,
}

/// The answer to a dispute.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The merchant gives the money up.
    Accept,
    /// The merchant contests with this evidence.
    Contest(Evidence),
}

/// Evidence against a dispute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Evidence {
    /// What happened, in words.
    pub explanation: String,
    /// Carrier of the shipment.
    pub carrier: Option<String>,
    /// Tracking number of the shipment.
    pub tracking_number: Option<String>,
    /// Documents.
    pub documents: Vec<Document>,
}

/// A document of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// What it shows, in the provider's vocabulary.
    pub kind: String,
    /// Media type (`application/pdf`).
    pub media_type: String,
    /// The bytes.
    pub content: Vec<u8>,
}
