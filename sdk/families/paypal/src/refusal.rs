//! Issues: what the `details[].issue` of a 4xx says about the payment.

use quittance::Reason;

/// Issues of a 422 (`details[].issue`) that refuse the payment rather than the request (Orders v2, Payments v2).
const REFUSALS: &[(&str, Reason)] = &[
    ("AGREEMENT_ALREADY_CANCELLED", Reason::MandateRevoked),
    ("ALIAS_DECLINED_BY_PROCESSOR", Reason::Generic),
    ("AUTHORIZATION_DENIED", Reason::Generic),
    ("CARD_BRAND_NOT_SUPPORTED", Reason::CardNotSupported),
    ("CARD_EXPIRED", Reason::ExpiredCard),
    ("CARD_TYPE_NOT_SUPPORTED", Reason::CardNotSupported),
    ("COMPLIANCE_VIOLATION", Reason::RiskRules),
    ("DOMESTIC_TRANSACTION_REQUIRED", Reason::NotPermitted),
    ("INSTRUMENT_DECLINED", Reason::Generic),
    ("MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", Reason::VelocityLimit),
    ("PAYEE_BLOCKED_TRANSACTION", Reason::RiskRules),
    ("PAYER_ACCOUNT_LOCKED_OR_CLOSED", Reason::InvalidAccount),
    ("PAYER_ACCOUNT_RESTRICTED", Reason::InvalidAccount),
    ("PAYER_CANNOT_PAY", Reason::Generic),
    ("PAYMENT_SOURCE_CANNOT_BE_USED", Reason::NotPermitted),
    ("PAYMENT_SOURCE_DECLINED_BY_PROCESSOR", Reason::Generic),
    ("REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", Reason::Generic),
    ("TRANSACTION_BLOCKED_BY_PAYEE", Reason::RiskRules),
    ("TRANSACTION_LIMIT_EXCEEDED", Reason::AmountLimit),
    ("TRANSACTION_REFUSED", Reason::RiskRules),
];

/// The class of an issue that refuses the payment.
pub(crate) fn reason(issue: &str) -> Option<Reason> {
    REFUSALS.iter().find(|(known, _)| *known == issue).map(|(_, reason)| *reason)
}

/// Whether an issue says that the object is in another state than the call needs; PayPal sends it under 422.
pub(crate) fn is_conflict(issue: &str) -> bool {
    let ends = ["_ALREADY_AUTHORIZED", "_ALREADY_CAPTURED", "_EXPIRED", "_FULLY_REFUNDED", "_NOT_APPROVED", "_VOIDED"];
    issue.starts_with("PREVIOUS") || ends.iter().any(|end| issue.ends_with(end))
}
