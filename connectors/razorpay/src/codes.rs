//! What Razorpay's statuses and error reasons become.

use quittance::{Currency as C, Decline, DisputeStage, DisputeState, MandateState, Reason, State, TransferState};

use crate::wire::{PaymentObject, PayoutObject, RecurringDetails, RefundObject};

/// Where a payment stands: <https://razorpay.com/docs/payments/payments/#payment-life-cycle>. `refunded` is said of a payment
/// that was taken and given back in full.
pub(crate) fn payment(payment: &PaymentObject) -> State {
    match payment.status.as_str() {
        "created" => State::Pending,
        "authorized" => State::Authorized,
        "captured" | "refunded" => State::Captured,
        "failed" => State::Declined(decline(payment.error_reason.clone(), payment.error_description.clone())),
        unknown => State::Unrecognised(unknown.to_owned()),
    }
}

/// Where a refund stands: <https://razorpay.com/docs/api/refunds/entity/>.
pub(crate) fn refund(refund: &RefundObject) -> TransferState {
    match refund.status.as_deref().unwrap_or("pending") {
        "pending" => TransferState::Pending,
        "processed" => TransferState::Succeeded,
        "failed" => TransferState::Failed(Decline::new(Reason::Generic)),
        unknown => TransferState::Unrecognised(unknown.to_owned()),
    }
}

/// Where a payout stands: <https://razorpay.com/docs/x/payouts/states-life-cycle/>. `reversed`: the bank gave it back.
pub(crate) fn payout(payout: &PayoutObject) -> TransferState {
    let details = payout.status_details.as_ref();
    match payout.status.as_str() {
        "queued" | "pending" | "processing" => TransferState::Pending,
        "processed" => TransferState::Succeeded,
        "reversed" | "failed" | "rejected" => TransferState::Failed(decline(
            details.and_then(|details| details.reason.clone()),
            details.and_then(|details| details.description.clone()),
        )),
        "cancelled" => TransferState::Cancelled,
        unknown => TransferState::Unrecognised(unknown.to_owned()),
    }
}

/// Where a token stands: <https://razorpay.com/docs/api/payments/recurring-payments/cards/tokens/>. One that its customer has paused is
/// neither usable nor withdrawn; the cancelling of one of UPI ends with a later event.
pub(crate) fn token(details: RecurringDetails) -> MandateState {
    match details.status.as_str() {
        "initiated" | "cancellation_initiated" => MandateState::Pending,
        "confirmed" => MandateState::Active,
        "rejected" => MandateState::Declined(decline(details.failure_reason, None)),
        "cancelled" => MandateState::Revoked,
        _ => MandateState::Unrecognised(details.status),
    }
}

/// Where a dispute stands: <https://razorpay.com/docs/api/disputes/entity/>. `closed`: a warning of fraud that was answered
/// before it became a chargeback.
pub(crate) fn dispute(status: &str) -> DisputeState {
    match status {
        "open" => DisputeState::NeedsResponse,
        "under_review" => DisputeState::UnderReview,
        "won" | "closed" => DisputeState::Won,
        "lost" => DisputeState::Lost,
        unknown => DisputeState::Unrecognised(unknown.to_owned()),
    }
}

pub(crate) fn stage(phase: &str) -> Option<DisputeStage> {
    Some(match phase {
        "fraud" | "retrieval" => DisputeStage::Inquiry,
        "chargeback" => DisputeStage::Chargeback,
        "pre_arbitration" => DisputeStage::PreArbitration,
        "arbitration" => DisputeStage::Arbitration,
        _ => return None,
    })
}

/// A refusal out of an error reason and its text.
pub(crate) fn decline(code: Option<String>, message: Option<String>) -> Decline {
    let reason = code.as_deref().and_then(reason).unwrap_or(Reason::Unmapped);
    Decline { code, message, ..Decline::new(reason) }
}

/// The class of an error reason that ends a payment: <https://razorpay.com/docs/errors/payments/list/>.
pub(crate) fn reason(code: &str) -> Option<Reason> {
    let row = REASONS.iter().find(|(_, codes)| codes.split(' ').any(|known| known == code));
    row.map(|(reason, _)| *reason)
}

#[rustfmt::skip]
const REASONS: &[(Reason, &str)] = &[
    (Reason::Generic, "payment_failed card_declined payment_declined debit_declined authorisation_declined_by_psp"),
    // The page of test cards spells the singular.
    (Reason::InsufficientFunds, "insufficient_funds insufficient_fund funds_blocked_by_mandate"),
    (Reason::ExpiredCard, "card_expired incorrect_card_expiry_date"), (Reason::IncorrectCvc, "incorrect_cvv"),
    (Reason::IncorrectNumber, "card_number_invalid incorrect_card_details"),
    (Reason::IncorrectPin, "incorrect_pin incorrect_atm_pin pin_not_set"),
    (Reason::NotPermitted, "card_not_enrolled card_disabled_for_online_payments debit_instrument_inactive"),
    (Reason::NotPermitted, "international_transaction_not_allowed transaction_on_vpa_restricted credit_not_permitted"),
    (Reason::NotPermitted, "user_not_eligible credit_limit_inactive credit_limit_not_approved credit_limit_expired"),
    (Reason::CardNotSupported, "card_type_invalid card_network_not_enabled"),
    (Reason::AmountLimit, "transaction_limit_exceeded transaction_daily_limit_exceeded credit_limit_exceeded"),
    (Reason::AmountLimit, "mcc_amount_limit_exceeded"),
    (Reason::VelocityLimit, "transaction_frequency_limit_exceeded transaction_daily_count_exceeded"),
    (Reason::VelocityLimit, "pin_attempts_exceeded otp_attempts_exceeded"),
    (Reason::InvalidAccount, "invalid_vpa bank_account_invalid debit_instrument_blocked"),
    (Reason::AuthenticationFailed, "authentication_failed incorrect_otp otp_expired verification_failed"),
    (Reason::CustomerCancelled, "payment_cancelled"),
    (Reason::Expired, "payment_timed_out payment_collect_request_expired payment_session_expired request_timed_out"),
    (Reason::RiskRules, "payment_risk_check_failed compliance_violation payment_amount_tampered"),
    (Reason::IssuerUnavailable, "bank_technical_error bank_not_available bank_cutoff_in_progress"),
    (Reason::IssuerUnavailable, "issuer_technical_error psp_not_available psp_app_not_available"),
    (Reason::ProcessingError, "gateway_technical_error invalid_response_from_gateway upi_app_technical_error"),
    (Reason::ProcessingError, "vpa_resolution_failed payment_declined_due_to_high_traffic credit_failed server_error"),
    (Reason::Duplicate, "duplicate_rrn_found"),
];

/// <https://razorpay.com/docs/payments/international-payments/#supported-currencies>, less what ISO 4217 has withdrawn and
/// less those of three decimals, whose last one must be zero.
#[rustfmt::skip]
pub(crate) const CURRENCIES: &[C] = &[
    C::AED, C::ALL, C::AMD, C::AUD, C::AWG, C::AZN, C::BAM, C::BBD, C::BDT, C::BIF, C::BMD, C::BND, C::BOB, C::BRL,
    C::BSD, C::BTN, C::BWP, C::BZD, C::CAD, C::CHF, C::CLP, C::CNY, C::COP, C::CRC, C::CUP, C::CVE, C::CZK, C::DJF,
    C::DKK, C::DOP, C::DZD, C::EGP, C::ETB, C::EUR, C::FJD, C::GBP, C::GHS, C::GIP, C::GMD, C::GNF, C::GTQ, C::GYD,
    C::HKD, C::HNL, C::HTG, C::HUF, C::IDR, C::ILS, C::INR, C::ISK, C::JMD, C::JPY, C::KES, C::KGS, C::KHR, C::KMF,
    C::KRW, C::KYD, C::KZT, C::LAK, C::LKR, C::LRD, C::LSL, C::MAD, C::MDL, C::MGA, C::MKD, C::MMK, C::MNT, C::MOP,
    C::MUR, C::MVR, C::MWK, C::MXN, C::MYR, C::MZN, C::NAD, C::NGN, C::NIO, C::NOK, C::NPR, C::NZD, C::PEN, C::PGK,
    C::PHP, C::PKR, C::PLN, C::PYG, C::QAR, C::RON, C::RSD, C::RUB, C::RWF, C::SAR, C::SCR, C::SEK, C::SGD, C::SOS,
    C::SVC, C::SZL, C::THB, C::TRY, C::TTD, C::TWD, C::TZS, C::UAH, C::UGX, C::USD, C::UYU, C::UZS, C::VND, C::VUV,
    C::XAF, C::XCD, C::XOF, C::XPF, C::YER, C::ZAR, C::ZMW,
];
