//! What the provider's codes mean. Statuses: <https://developer.worldpay.com/docs/wpg/manage/>; refusals: "Acquirer response codes" of
//! <http://support.worldpay.com/support/kb/gg/corporate-gateway-guide/content/reference/usefultables.htm>.

use quittance::{Currency, Currency as C, Decline, Effect, Error, Kind, Reason, State, TransferState};

/// Currencies of the gateway that have two decimals, there and in ISO 4217.
#[rustfmt::skip]
pub(crate) const CURRENCIES: &[Currency] = &[
    C::AUD, C::BRL, C::CAD, C::CHF, C::CNY, C::CZK, C::DKK, C::EUR, C::GBP, C::HKD, C::INR, C::MXN, C::MYR,
    C::NOK, C::NZD, C::PHP, C::PLN, C::SEK, C::SGD, C::THB, C::TWD, C::USD, C::ZAR,
];

/// The state by `lastEvent`, but for refusals. A payment whose refund is on its way, done or failed was taken.
pub(crate) fn state(event: &str) -> State {
    match event {
        "AUTHORISED" => State::Authorized,
        "CAPTURED"
        | "SETTLED"
        | "SETTLED_BY_MERCHANT"
        | "SENT_FOR_REFUND"
        | "REFUNDED"
        | "REFUNDED_BY_MERCHANT"
        | "REFUND_FAILED"
        | "REFUND_EXPIRED"
        | "REFUND_WEBFORM_ISSUED"
        | "INFORMATION_REQUESTED"
        | "INFORMATION_SUPPLIED"
        | "CHARGEBACK_REVERSED" => State::Captured,
        "SENT_FOR_AUTHORISATION" | "SHOPPER_REDIRECTED" | "WAITING_FOR_SHOPPER" | "PENDING_PAYMENT" => State::Pending,
        "CANCELLED" | "VOIDED" => State::Voided,
        "EXPIRED" => State::Expired,
        event => State::Unrecognised(event.to_owned()),
    }
}

/// Whether a notification of this event is read.
pub(crate) fn is_known(event: &str) -> bool {
    matches!(event, "REFUSED" | "ERROR") || is_payout(event) || !matches!(state(event), State::Unrecognised(_))
}

/// Whether `lastEvent` is one of an order that sends money.
pub(crate) fn is_payout(event: &str) -> bool {
    event.starts_with("PUSH_")
}

/// The state of the order's refund, when `lastEvent` is about it. Card refunds have no later event than SENT_FOR_REFUND but a failure; a
/// customer who is asked for an account may let the form expire (`StateInterface`, `Update/RefundFailed` of Worldpay's plugin for Magento).
pub(crate) fn refund(event: &str) -> Option<TransferState> {
    match event {
        "SENT_FOR_REFUND" | "REFUNDED" | "REFUNDED_BY_MERCHANT" => Some(TransferState::Succeeded),
        "REFUND_WEBFORM_ISSUED" => Some(TransferState::Pending),
        "REFUND_FAILED" => Some(TransferState::Failed(Decline::with_code(Reason::Generic, event))),
        "REFUND_EXPIRED" => Some(TransferState::Failed(Decline::with_code(Reason::Expired, event))),
        _ => None,
    }
}

/// The reason by `ISO8583ReturnCode` or `IssuerResponseCode`.
pub(crate) fn reason(code: &str) -> Reason {
    match code {
        "2" | "5" | "85" => Reason::Generic,
        "3" | "31" => Reason::MerchantConfiguration,
        "4" | "76" => Reason::PickUpCard,
        "8" => Reason::AuthenticationRequired,
        "13" => Reason::InvalidAmount,
        "14" | "15" | "56" => Reason::IncorrectNumber,
        "17" => Reason::CustomerCancelled,
        "19" | "20" | "30" | "68" => Reason::ProcessingError,
        "26" | "94" => Reason::Duplicate,
        "12" | "28" | "40" | "57" | "58" | "62" | "63" => Reason::NotPermitted,
        "33" => Reason::ExpiredCard,
        "34" | "97" => Reason::SuspectedFraud,
        "38" | "55" | "75" => Reason::IncorrectPin,
        "41" => Reason::LostCard,
        "43" => Reason::StolenCard,
        "51" => Reason::InsufficientFunds,
        "80" => Reason::Expired,
        "91" => Reason::IssuerUnavailable,
        "92" => Reason::CardNotSupported,
        _ => Reason::Unmapped,
    }
}

/// The error of a request (<https://developer.worldpay.com/docs/wpg/troubleshoot/>, with those of tokens in `tokenisationerrors/`).
pub(crate) fn error(code: &str, message: &str) -> Error {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let (kind, effect) = match code {
        "1" | "8" => (Kind::Unavailable, Effect::Unknown),
        "4" => (Kind::Credentials, Effect::None),
        "5" | "7" if says(&["Could not find", "Token does not exist"]) => (Kind::NotFound, Effect::None),
        "5" | "7" if says(&["Duplicate", "already"]) => (Kind::Conflict, Effect::None),
        "2" | "3" | "5" | "6" | "7" => (Kind::Invalid, Effect::None),
        _ => (Kind::Protocol, Effect::Unknown),
    };
    Error::new(kind, effect, format!("the provider refused the request: {message}")).with_code(code)
}
