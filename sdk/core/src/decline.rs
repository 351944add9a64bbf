//! Refusals by the issuer, the network or the provider's risk rules: answers, not errors.

use std::fmt;

/// Why a payment was declined. Closed: every provider's codes are mapped into it, unknown ones to [`Reason::Unmapped`].
///
/// The list follows the response codes of ISO 8583 field 39, grouped by what a merchant can do about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Refused without a stated reason (05).
    Generic,
    /// Not enough money or credit (51).
    InsufficientFunds,
    /// Card past its expiry, or a wrong expiry date (54).
    ExpiredCard,
    /// Card verification code wrong or missing (N7, 82).
    IncorrectCvc,
    /// No such card number (14).
    IncorrectNumber,
    /// The postal address does not agree.
    IncorrectAddress,
    /// PIN wrong or required (55).
    IncorrectPin,
    /// Reported lost (41).
    LostCard,
    /// Reported stolen (43).
    StolenCard,
    /// The issuer or the provider suspects fraud (59, 34).
    SuspectedFraud,
    /// The issuer asks to retain the card (04, 07).
    PickUpCard,
    /// Not allowed on this card or for this merchant (57, 58, 62).
    NotPermitted,
    /// The card type or currency is not supported by this account.
    CardNotSupported,
    /// Over an amount limit (61).
    AmountLimit,
    /// Over a number-of-uses limit (65, 75).
    VelocityLimit,
    /// The amount itself is refused (13).
    InvalidAmount,
    /// The account is closed, blocked or unknown (46, 78).
    InvalidAccount,
    /// Strong customer authentication is required (1A, 65 in Europe).
    AuthenticationRequired,
    /// Authentication was tried and failed.
    AuthenticationFailed,
    /// The customer withdrew the mandate or stopped the series (R0, R1, R3).
    MandateRevoked,
    /// The customer gave up or refused in their bank or wallet.
    CustomerCancelled,
    /// The issuer, the network or the bank could not be reached (91, 92).
    IssuerUnavailable,
    /// Something failed on the way; the same request may pass later (96).
    ProcessingError,
    /// The same payment was sent before (94).
    Duplicate,
    /// The merchant's account is not set up for this (03).
    MerchantConfiguration,
    /// The provider's risk rules refused; the issuer was not asked.
    RiskRules,
    /// Too late: the authorization, voucher or session ran out.
    Expired,
    /// The provider's code is not in the connector's table; see the raw codes.
    Unmapped,
}

impl Reason {
    /// Every reason, in declaration order.
    pub const ALL: &'static [Reason] = &[
        Reason::Generic,
        Reason::InsufficientFunds,
        Reason::ExpiredCard,
        Reason::IncorrectCvc,
        Reason::IncorrectNumber,
        Reason::IncorrectAddress,
        Reason::IncorrectPin,
        Reason::LostCard,
        Reason::StolenCard,
        Reason::SuspectedFraud,
        Reason::PickUpCard,
        Reason::NotPermitted,
        Reason::CardNotSupported,
        Reason::AmountLimit,
        Reason::VelocityLimit,
        Reason::InvalidAmount,
        Reason::InvalidAccount,
        Reason::AuthenticationRequired,
        Reason::AuthenticationFailed,
        Reason::MandateRevoked,
        Reason::CustomerCancelled,
        Reason::IssuerUnavailable,
        Reason::ProcessingError,
        Reason::Duplicate,
        Reason::MerchantConfiguration,
        Reason::RiskRules,
        Reason::Expired,
        Reason::Unmapped,
    ];

    /// The reason in words, `snake_case`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Generic => "generic",
            Reason::InsufficientFunds => "insufficient_funds",
            Reason::ExpiredCard => "expired_card",
            Reason::IncorrectCvc => "incorrect_cvc",
            Reason::IncorrectNumber => "incorrect_number",
            Reason::IncorrectAddress => "incorrect_address",
            Reason::IncorrectPin => "incorrect_pin",
            Reason::LostCard => "lost_card",
            Reason::StolenCard => "stolen_card",
            Reason::SuspectedFraud => "suspected_fraud",
            Reason::PickUpCard => "pick_up_card",
            Reason::NotPermitted => "not_permitted",
            Reason::CardNotSupported => "card_not_supported",
            Reason::AmountLimit => "amount_limit",
            Reason::VelocityLimit => "velocity_limit",
            Reason::InvalidAmount => "invalid_amount",
            Reason::InvalidAccount => "invalid_account",
            Reason::AuthenticationRequired => "authentication_required",
            Reason::AuthenticationFailed => "authentication_failed",
            Reason::MandateRevoked => "mandate_revoked",
            Reason::CustomerCancelled => "customer_cancelled",
            Reason::IssuerUnavailable => "issuer_unavailable",
            Reason::ProcessingError => "processing_error",
            Reason::Duplicate => "duplicate",
            Reason::MerchantConfiguration => "merchant_configuration",
            Reason::RiskRules => "risk_rules",
            Reason::Expired => "expired",
            Reason::Unmapped => "unmapped",
        }
    }

    /// Whether a later attempt with the same card can succeed.
    pub const fn may_pass_later(self) -> bool {
        matches!(
            self,
            Reason::Generic
                | Reason::InsufficientFunds
                | Reason::AmountLimit
                | Reason::VelocityLimit
                | Reason::IssuerUnavailable
                | Reason::ProcessingError
                | Reason::AuthenticationRequired
                | Reason::AuthenticationFailed
                | Reason::CustomerCancelled
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal: the class, and beside it every raw code that stood in the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    /// The class.
    pub reason: Reason,
    /// The provider's own decline code, as it came.
    pub code: Option<String>,
    /// The provider's text, scrubbed of card numbers and secrets; for logs, not for customers.
    pub message: Option<String>,
    /// The network's or issuer's response code (ISO 8583 field 39), as it came.
    pub network_code: Option<String>,
    /// The network's merchant advice code (Mastercard MAC, Visa category), as it came.
    pub advice_code: Option<String>,
}

impl Decline {
    /// A refusal of class `reason` without codes.
    pub const fn new(reason: Reason) -> Decline {
        Decline { reason, code: None, message: None, network_code: None, advice_code: None }
    }

    /// A refusal with the provider's code.
    pub fn with_code(reason: Reason, code: impl Into<String>) -> Decline {
        Decline { code: Some(code.into()), ..Decline::new(reason) }
    }
}
