//! CyberSource's published values and what they become.

use quittance::{Brand, Kind, Reason};

/// `errorInformation.reason` of refused transactions.
/// Source: cybersource-rest-client 0.0.83, `PtsV2PaymentsPost201ResponseErrorInformation`,
/// `PtsV2PayoutsPost201ResponseErrorInformation`; developer.cybersource.com/api/reference/response-codes.html.
#[rustfmt::skip]
const REASONS: &[(&str, Reason)] = &[
    ("AVS_FAILED", Reason::IncorrectAddress), ("CONTACT_PROCESSOR", Reason::Generic), ("EXPIRED_CARD", Reason::ExpiredCard),
    ("PROCESSOR_DECLINED", Reason::Generic), ("INSUFFICIENT_FUND", Reason::InsufficientFunds),
    ("STOLEN_LOST_CARD", Reason::StolenCard), ("ISSUER_UNAVAILABLE", Reason::IssuerUnavailable),
    ("UNAUTHORIZED_CARD", Reason::NotPermitted), ("CVN_NOT_MATCH", Reason::IncorrectCvc),
    ("EXCEEDS_CREDIT_LIMIT", Reason::InsufficientFunds), ("INVALID_CVN", Reason::IncorrectCvc),
    ("BLOCKED_BY_CARDHOLDER", Reason::MandateRevoked), ("DECLINED_CHECK", Reason::Generic),
    ("BLACKLISTED_CUSTOMER", Reason::RiskRules), ("SUSPENDED_ACCOUNT", Reason::InvalidAccount),
    ("PAYMENT_REFUSED", Reason::Generic), ("CV_FAILED", Reason::IncorrectCvc), ("INVALID_ACCOUNT", Reason::InvalidAccount),
    ("GENERAL_DECLINE", Reason::Generic), ("INVALID_MERCHANT_CONFIGURATION", Reason::MerchantConfiguration),
    ("DECISION_PROFILE_REJECT", Reason::RiskRules), ("SCORE_EXCEEDS_THRESHOLD", Reason::RiskRules),
    ("PENDING_AUTHENTICATION", Reason::AuthenticationRequired), ("ACH_VERIFICATION_FAILED", Reason::InvalidAccount),
    ("DECISION_PROFILE_REVIEW", Reason::RiskRules), ("CONSUMER_AUTHENTICATION_REQUIRED", Reason::AuthenticationRequired),
    ("CONSUMER_AUTHENTICATION_FAILED", Reason::AuthenticationFailed), ("ALLOWABLE_PIN_RETRIES_EXCEEDED", Reason::IncorrectPin),
    ("PROCESSOR_ERROR", Reason::ProcessingError), ("CUSTOMER_WATCHLIST_MATCH", Reason::RiskRules),
    ("ADDRESS_COUNTRY_WATCHLIST_MATCH", Reason::RiskRules), ("EMAIL_COUNTRY_WATCHLIST_MATCH", Reason::RiskRules),
    ("IP_COUNTRY_WATCHLIST_MATCH", Reason::RiskRules), ("RISK_CONTROL_DECLINE", Reason::RiskRules),
    ("PROCESSOR_RISK_CONTROL_DECLINE", Reason::RiskRules),
];

/// The class of a refusal.
pub(crate) fn reason(code: &str) -> Reason {
    REASONS.iter().find(|row| row.0 == code).map_or(Reason::Unmapped, |row| row.1)
}

/// The kind of error that a `reason` beside status 400 stands for, where it says more than the status: the object is in another state,
/// or the reference was used before. Same source, `…Post400Response` of captures, reversals, refunds and voids.
pub(crate) fn kind(reason: &str) -> Option<Kind> {
    match reason {
        "DUPLICATE_REQUEST"
        | "AUTH_ALREADY_REVERSED"
        | "CAPTURE_ALREADY_VOIDED"
        | "MISSING_AUTH"
        | "NOT_VOIDABLE"
        | "TRANSACTION_ALREADY_REVERSED_OR_SETTLED"
        | "TRANSACTION_ALREADY_SETTLED" => Some(Kind::Conflict),
        _ => None,
    }
}

/// `card.type` of the payment services and the name that Microform has for the network; other brands go without. Same source,
/// `Ptsv2paymentsPaymentInformationCard`, `GenerateCaptureContextRequest`.
#[rustfmt::skip]
const CARD_TYPES: &[(Brand, &str, &str)] = &[
    (Brand::Visa, "001", "VISA"), (Brand::Mastercard, "002", "MASTERCARD"), (Brand::Amex, "003", "AMEX"),
    (Brand::Discover, "004", "DISCOVER"), (Brand::Diners, "005", "DINERSCLUB"), (Brand::Jcb, "007", "JCB"),
];

pub(crate) fn card_type(brand: Brand) -> Option<&'static str> {
    CARD_TYPES.iter().find(|row| row.0 == brand).map(|row| row.1)
}

pub(crate) fn networks() -> impl Iterator<Item = &'static str> {
    CARD_TYPES.iter().map(|row| row.2)
}

/// `commerceIndicator` of an authenticated payment, by brand and electronic commerce indicator; other brands are not offered.
/// Source: developer.cybersource.com, Payer Authentication; cybersource-rest-samples-node.
#[rustfmt::skip]
const INDICATORS: &[(Brand, &str, &str)] = &[
    (Brand::Visa, "05", "vbv"), (Brand::Visa, "06", "vbv_attempted"), (Brand::Amex, "05", "aesk"),
    (Brand::Amex, "06", "aesk_attempted"), (Brand::Mastercard, "01", "spa"), (Brand::Mastercard, "02", "spa"),
];

pub(crate) fn commerce_indicator(brand: Brand, eci: &str) -> Option<&'static str> {
    INDICATORS.iter().find(|row| (row.0, row.1) == (brand, eci)).map(|row| row.2)
}
