//! Adyen's published codes and what they become.

use quittance::{Currency, Currency as C, DisputeStage, DisputeState, Family, MethodKind, Reason};

/// What `authorize` takes.
#[rustfmt::skip]
pub(crate) const METHODS: &[MethodKind] = &[
    MethodKind::of(Family::Card), MethodKind::of(Family::NetworkToken), MethodKind::of(Family::ApplePay),
    MethodKind::of(Family::GooglePay), MethodKind::branded(Family::BankRedirect, "ideal"),
    MethodKind::branded(Family::BankDebit, "sepa"), MethodKind::branded(Family::PayLater, "klarna"),
    MethodKind::of(Family::Mandate),
];

/// Payment method types that take money with the authorization and have no separate capture (docs.adyen.com/payment-methods/ideal).
pub(crate) const TAKES_AT_ONCE: &[&str] = &["ideal"];

/// Refusal reasons: code, text, class. Webhooks carry the text alone. Code 0 stands beside approvals and is no reason.
/// Source: docs.adyen.com/development-resources/refusal-reasons.
#[rustfmt::skip]
const REFUSALS: &[(&str, &str, Reason)] = &[
    ("2", "Refused", Reason::Generic), ("3", "Referral", Reason::Generic),
    ("4", "Acquirer Error", Reason::ProcessingError), ("5", "Blocked Card", Reason::InvalidAccount),
    ("6", "Expired Card", Reason::ExpiredCard), ("7", "Invalid Amount", Reason::InvalidAmount),
    ("8", "Invalid Card Number", Reason::IncorrectNumber), ("9", "Issuer Unavailable", Reason::IssuerUnavailable),
    ("10", "Not supported", Reason::NotPermitted), ("11", "3D Not Authenticated", Reason::AuthenticationFailed),
    ("12", "Not enough balance", Reason::InsufficientFunds), ("14", "Acquirer Fraud", Reason::SuspectedFraud),
    ("15", "Cancelled", Reason::CustomerCancelled), ("16", "Shopper Cancelled", Reason::CustomerCancelled),
    ("17", "Invalid Pin", Reason::IncorrectPin), ("18", "Pin tries exceeded", Reason::IncorrectPin),
    ("19", "Pin validation not possible", Reason::IncorrectPin), ("20", "FRAUD", Reason::RiskRules),
    ("21", "Not Submitted", Reason::ProcessingError), ("22", "FRAUD-CANCELLED", Reason::RiskRules),
    ("23", "Transaction Not Permitted", Reason::NotPermitted), ("24", "CVC Declined", Reason::IncorrectCvc),
    ("25", "Restricted Card", Reason::NotPermitted), ("26", "Revocation Of Auth", Reason::MandateRevoked),
    ("27", "Declined Non Generic", Reason::Generic), ("28", "Withdrawal amount exceeded", Reason::AmountLimit),
    ("29", "Withdrawal count exceeded", Reason::VelocityLimit),
    ("31", "Issuer Suspected Fraud", Reason::SuspectedFraud), ("32", "AVS Declined", Reason::IncorrectAddress),
    ("33", "Card requires online pin", Reason::IncorrectPin),
    ("34", "No checking account available on Card", Reason::InvalidAccount),
    ("35", "No savings account available on Card", Reason::InvalidAccount),
    ("36", "Mobile pin required", Reason::IncorrectPin), ("37", "Contactless fallback", Reason::CustomerCancelled),
    ("38", "Authentication required", Reason::AuthenticationRequired),
    ("39", "RReq not received from DS", Reason::AuthenticationFailed),
    ("40", "Current AID is in Penalty Box.", Reason::IssuerUnavailable),
    ("41", "CVM Required Restart Payment", Reason::IncorrectPin),
    ("42", "3DS Authentication Error", Reason::AuthenticationFailed),
    ("43", "Online PIN required", Reason::IncorrectPin), ("44", "Try another interface", Reason::ProcessingError),
    ("45", "Chip downgrade mode", Reason::ProcessingError),
    ("46", "Transaction blocked by Adyen to prevent excessive retry fees", Reason::RiskRules),
];

/// The class of a refusal: by code where there is one, else by text; neither leaves what the result code stands for.
pub(crate) fn reason(code: Option<&str>, text: Option<&str>, neither: Reason) -> Reason {
    let found = match (code.filter(|code| *code != "0"), text) {
        (Some(code), _) => REFUSALS.iter().find(|row| row.0 == code),
        (None, Some(text)) => REFUSALS.iter().find(|row| row.1.eq_ignore_ascii_case(text.trim())),
        (None, None) => return neither,
    };
    found.map_or(Reason::Unmapped, |row| row.2)
}

/// The stage of a dispute event, and its state where the event carries no `disputeStatus` (Brazil); `None`: not a dispute event.
/// Source: docs.adyen.com/risk-management/disputes-api/dispute-notifications.
pub(crate) fn dispute_event(code: &str) -> Option<(DisputeStage, DisputeState)> {
    use DisputeState::{Lost, NeedsResponse, UnderReview, Won};
    let stage = match code {
        "REQUEST_FOR_INFORMATION" => DisputeStage::Inquiry,
        _ if code.starts_with("SCHEME_ARBITRATION") => DisputeStage::Arbitration,
        _ if code.starts_with("PREARBITRATION") || code == "SECOND_CHARGEBACK" => DisputeStage::PreArbitration,
        _ => DisputeStage::Chargeback,
    };
    let state = match code {
        "REQUEST_FOR_INFORMATION" | "NOTIFICATION_OF_CHARGEBACK" | "CHARGEBACK" => NeedsResponse,
        "PREARBITRATION_OPEN" => NeedsResponse,
        "INFORMATION_SUPPLIED" | "CHARGEBACK_REVERSED" => UnderReview,
        "PREARBITRATION_DECLINED" | "SCHEME_ARBITRATION" => UnderReview,
        "ISSUER_RESPONSE_TIMEFRAME_EXPIRED" | "PREARBITRATION_WON" | "PREARBITRATION_ISSUER_WITHDRAWN" => Won,
        "SCHEME_ARBITRATION_WON" => Won,
        "DISPUTE_DEFENSE_PERIOD_ENDED" | "SECOND_CHARGEBACK" | "SCHEME_ARBITRATION_LOST" => Lost,
        "PREARBITRATION_ACCEPTED" | "PREARBITRATION_LOST" => Lost,
        _ => return None,
    };
    Some((stage, state))
}

/// `disputeStatus` of a dispute event.
pub(crate) fn dispute_status(status: String) -> DisputeState {
    match status.as_str() {
        "Undefended" | "Unresponded" => DisputeState::NeedsResponse,
        "Pending" | "Responded" => DisputeState::UnderReview,
        "Won" => DisputeState::Won,
        "Accepted" | "Expired" | "Lost" => DisputeState::Lost,
        _ => DisputeState::Unrecognised(status),
    }
}

/// Currencies of docs.adyen.com/development-resources/currency-codes that are active in ISO 4217.
#[rustfmt::skip]
pub(crate) const CURRENCIES: &[Currency] = &[
    C::AED, C::ALL, C::AMD, C::AOA, C::ARS, C::AUD, C::AWG, C::AZN, C::BAM, C::BBD, C::BDT, C::BHD, C::BMD, C::BND,
    C::BOB, C::BRL, C::BSD, C::BWP, C::BYN, C::BZD, C::CAD, C::CHF, C::CLP, C::CNY, C::COP, C::CRC, C::CUP, C::CVE,
    C::CZK, C::DJF, C::DKK, C::DOP, C::DZD, C::EGP, C::ETB, C::EUR, C::FJD, C::FKP, C::GBP, C::GEL, C::GHS, C::GIP,
    C::GMD, C::GNF, C::GTQ, C::GYD, C::HKD, C::HNL, C::HTG, C::HUF, C::IDR, C::ILS, C::INR, C::ISK, C::JMD, C::JOD,
    C::JPY, C::KES, C::KGS, C::KHR, C::KMF, C::KRW, C::KWD, C::KYD, C::KZT, C::LAK, C::LBP, C::LKR, C::LYD, C::MAD,
    C::MDL, C::MKD, C::MMK, C::MNT, C::MOP, C::MUR, C::MVR, C::MWK, C::MXN, C::MYR, C::MZN, C::NAD, C::NGN, C::NIO,
    C::NOK, C::NPR, C::NZD, C::OMR, C::PAB, C::PEN, C::PGK, C::PHP, C::PKR, C::PLN, C::PYG, C::QAR, C::RON, C::RSD,
    C::RUB, C::RWF, C::SAR, C::SBD, C::SCR, C::SEK, C::SGD, C::SHP, C::SOS, C::SRD, C::STN, C::SVC, C::SZL, C::THB,
    C::TND, C::TOP, C::TRY, C::TTD, C::TWD, C::TZS, C::UAH, C::UGX, C::USD, C::UYU, C::UZS, C::VND, C::VUV, C::WST,
    C::XAF, C::XCD, C::XOF, C::XPF, C::YER, C::ZAR, C::ZMW,
];

/// Where Adyen counts minor units otherwise than ISO 4217; same page.
pub(crate) const EXPONENTS: &[(Currency, u8)] =
    &[(Currency::CLP, 2), (Currency::CVE, 0), (Currency::IDR, 0), (Currency::ISK, 2)];
