//! Square's published error codes of category `PAYMENT_METHOD_ERROR`, and what they become.

use quittance::{DisputeState, Reason};

/// The class of a refusal (`ErrorCode` of the OpenAPI document; the descriptions there name the refusing side).
pub(crate) fn reason(code: &str) -> Reason {
    match code {
        "GENERIC_DECLINE" | "CARD_DECLINED" | "READER_DECLINED" | "CARD_DECLINED_CALL_ISSUER" | "VOICE_FAILURE" => {
            Reason::Generic
        }
        "INSUFFICIENT_FUNDS" | "GIFT_CARD_AVAILABLE_AMOUNT" => Reason::InsufficientFunds,
        "CARD_EXPIRED" | "INVALID_EXPIRATION" | "EXPIRATION_FAILURE" | "BAD_EXPIRATION" => Reason::ExpiredCard,
        "INVALID_EXPIRATION_YEAR" | "INVALID_EXPIRATION_DATE" => Reason::ExpiredCard,
        "CVV_FAILURE" | "VERIFY_CVV_FAILURE" => Reason::IncorrectCvc,
        "PAN_FAILURE" | "INVALID_CARD" | "INVALID_CARD_DATA" | "INVALID_ENCRYPTED_CARD" => Reason::IncorrectNumber,
        "ADDRESS_VERIFICATION_FAILURE" | "VERIFY_AVS_FAILURE" | "INVALID_POSTAL_CODE" => Reason::IncorrectAddress,
        "INVALID_PIN" | "MISSING_PIN" | "ALLOWABLE_PIN_TRIES_EXCEEDED" => Reason::IncorrectPin,
        "CARD_NOT_SUPPORTED" | "UNSUPPORTED_CARD_BRAND" | "CURRENCY_MISMATCH" | "UNSUPPORTED_INSTRUMENT_TYPE" => {
            Reason::CardNotSupported
        }
        "CARDHOLDER_INSUFFICIENT_PERMISSIONS"
        | "MANUALLY_ENTERED_PAYMENT_NOT_SUPPORTED"
        | "CHIP_INSERTION_REQUIRED"
        | "CARD_PRESENCE_REQUIRED"
        | "UNSUPPORTED_ENTRY_METHOD" => Reason::NotPermitted,
        "TRANSACTION_LIMIT" | "PAYMENT_LIMIT_EXCEEDED" | "AMOUNT_TOO_HIGH" => Reason::AmountLimit,
        "PAYMENT_AMOUNT_MISMATCH" => Reason::InvalidAmount,
        "INVALID_ACCOUNT" | "ACCOUNT_UNUSABLE" => Reason::InvalidAccount,
        "CARD_DECLINED_VERIFICATION_REQUIRED" => Reason::AuthenticationRequired,
        "BUYER_REFUSED_PAYMENT" => Reason::CustomerCancelled,
        "TEMPORARY_ERROR" => Reason::ProcessingError,
        "INSUFFICIENT_PERMISSIONS" | "INVALID_LOCATION" | "CARD_PROCESSING_NOT_ENABLED" => {
            Reason::MerchantConfiguration
        }
        "CARD_TOKEN_USED" => Reason::Duplicate,
        "CARD_TOKEN_EXPIRED" => Reason::Expired,
        _ => Reason::Unmapped,
    }
}

/// `DisputeState`. A closed inquiry took no money back.
pub(crate) fn dispute_state(state: String) -> DisputeState {
    match state.as_str() {
        "INQUIRY_EVIDENCE_REQUIRED" | "EVIDENCE_REQUIRED" => DisputeState::NeedsResponse,
        "INQUIRY_PROCESSING" | "PROCESSING" => DisputeState::UnderReview,
        "INQUIRY_CLOSED" | "WON" => DisputeState::Won,
        "LOST" | "ACCEPTED" => DisputeState::Lost,
        _ => DisputeState::Unrecognised(state),
    }
}
