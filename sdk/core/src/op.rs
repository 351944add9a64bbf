//! The operations of the contract and the families of payment methods, as names.

use std::fmt;
use std::str::FromStr;

/// An operation of [`crate::Connector`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Op {
    /// Reserve or take money.
    Authorize,
    /// Go on after a redirect or a 3-D Secure challenge.
    Complete,
    /// Take reserved money.
    Capture,
    /// Release reserved money.
    Void,
    /// Give taken money back.
    Refund,
    /// Look at a payment.
    Retrieve,
    /// Look at a refund.
    RetrieveRefund,
    /// Change a reserved amount.
    Adjust,
    /// Store a mandate or credential.
    SetUp,
    /// Withdraw a mandate or stored credential.
    Revoke,
    /// Open a client session (client token, wallet session).
    OpenSession,
    /// Turn a wallet token into a network token.
    UnwrapToken,
    /// Send money to a recipient.
    PayOut,
    /// Look at a payout.
    RetrievePayout,
    /// Accept or contest a dispute.
    AnswerDispute,
    /// Read a webhook delivery.
    Webhook,
}

impl Op {
    /// Every operation, in the order in which connectors list them.
    pub const ALL: &'static [Op] = &[
        Op::Authorize,
        Op::Complete,
        Op::Capture,
        Op::Void,
        Op::Refund,
        Op::Retrieve,
        Op::RetrieveRefund,
        Op::Adjust,
        Op::SetUp,
        Op::Revoke,
        Op::OpenSession,
        Op::UnwrapToken,
        Op::PayOut,
        Op::RetrievePayout,
        Op::AnswerDispute,
        Op::Webhook,
    ];

    /// The operation in words, `snake_case`, as in scenarios and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Op::Authorize => "authorize",
            Op::Complete => "complete",
            Op::Capture => "capture",
            Op::Void => "void",
            Op::Refund => "refund",
            Op::Retrieve => "retrieve",
            Op::RetrieveRefund => "retrieve_refund",
            Op::Adjust => "adjust",
            Op::SetUp => "set_up",
            Op::Revoke => "revoke",
            Op::OpenSession => "open_session",
            Op::UnwrapToken => "unwrap_token",
            Op::PayOut => "pay_out",
            Op::RetrievePayout => "retrieve_payout",
            Op::AnswerDispute => "answer_dispute",
            Op::Webhook => "webhook",
        }
    }

    /// Whether the operation only reads: repeating it is always safe.
    pub const fn reads(self) -> bool {
        matches!(self, Op::Retrieve | Op::RetrieveRefund | Op::RetrievePayout | Op::Webhook)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name is not one of [`Op::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownOp;

impl FromStr for Op {
    type Err = UnknownOp;

    fn from_str(name: &str) -> Result<Op, UnknownOp> {
        Op::ALL.iter().copied().find(|op| op.as_str() == name).ok_or(UnknownOp)
    }
}

/// A family of payment methods; the unit in which a scenario asks for a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Card number, expiry and code.
    Card,
    /// A token of a card network with a cryptogram.
    NetworkToken,
    /// An Apple Pay token, handed through.
    ApplePay,
    /// A Google Pay token, handed through.
    GooglePay,
    /// A wallet that the customer is sent to (PayPal, Alipay …).
    WalletRedirect,
    /// A bank that the customer is sent to (iDEAL, Bancontact …).
    BankRedirect,
    /// A transfer that the customer makes (bank account shown).
    BankTransfer,
    /// A debit of the customer's bank account (SEPA, ACH, Bacs …).
    BankDebit,
    /// A payment through an open-banking interface.
    OpenBanking,
    /// Mobile money (M-PESA …).
    MobileMoney,
    /// Buy now, pay later.
    PayLater,
    /// A voucher paid in a shop or at a machine.
    Voucher,
    /// India's Unified Payments Interface.
    Upi,
    /// Brazil's Pix.
    Pix,
    /// A crypto currency.
    Crypto,
    /// A stored mandate or credential of this connector.
    Mandate,
}

impl Family {
    /// Every family.
    pub const ALL: &'static [Family] = &[
        Family::Card,
        Family::NetworkToken,
        Family::ApplePay,
        Family::GooglePay,
        Family::WalletRedirect,
        Family::BankRedirect,
        Family::BankTransfer,
        Family::BankDebit,
        Family::OpenBanking,
        Family::MobileMoney,
        Family::PayLater,
        Family::Voucher,
        Family::Upi,
        Family::Pix,
        Family::Crypto,
        Family::Mandate,
    ];

    /// The family in words, `snake_case`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Family::Card => "card",
            Family::NetworkToken => "network_token",
            Family::ApplePay => "apple_pay",
            Family::GooglePay => "google_pay",
            Family::WalletRedirect => "wallet_redirect",
            Family::BankRedirect => "bank_redirect",
            Family::BankTransfer => "bank_transfer",
            Family::BankDebit => "bank_debit",
            Family::OpenBanking => "open_banking",
            Family::MobileMoney => "mobile_money",
            Family::PayLater => "pay_later",
            Family::Voucher => "voucher",
            Family::Upi => "upi",
            Family::Pix => "pix",
            Family::Crypto => "crypto",
            Family::Mandate => "mandate",
        }
    }

    /// Whether methods of the family are told apart by a brand (`ideal`, `sepa`, `klarna`).
    pub const fn branded(self) -> bool {
        matches!(
            self,
            Family::WalletRedirect
                | Family::BankRedirect
                | Family::BankTransfer
                | Family::BankDebit
                | Family::OpenBanking
                | Family::MobileMoney
                | Family::PayLater
                | Family::Voucher
                | Family::Crypto
        )
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A method that a connector declares: a family and, where the family has brands, the brand (`snake_case`).
///
/// Brand names are the schemes' own: `ideal`, `bancontact`, `eps`, `blik`, `sepa`, `ach`, `bacs`, `becs`, `klarna`,
/// `afterpay`, `paypal`, `alipay`, `wechat_pay`, `mpesa`, `oxxo`, `boleto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MethodKind {
    /// The family.
    pub family: Family,
    /// The brand, for branded families.
    pub brand: Option<&'static str>,
}

impl MethodKind {
    /// A method without brands.
    pub const fn of(family: Family) -> MethodKind {
        MethodKind { family, brand: None }
    }

    /// A branded method.
    pub const fn branded(family: Family, brand: &'static str) -> MethodKind {
        MethodKind { family, brand: Some(brand) }
    }
}

impl fmt::Display for MethodKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.brand {
            Some(brand) => write!(f, "{}/{brand}", self.family),
            None => f.write_str(self.family.as_str()),
        }
    }
}
