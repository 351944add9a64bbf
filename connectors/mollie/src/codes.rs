//! Mollie's methods, statuses and failure reasons, and what they become.

use quittance::{Currency, Currency as C, Decline, Family, MandateState, Method, Reason, State, TransferState};

use crate::wire::Details;

/// One of Mollie's methods (<https://docs.mollie.com/reference/create-payment>).
pub(crate) struct Known {
    family: Family,
    brand: Option<&'static str>,
    /// Mollie's name.
    pub(crate) name: &'static str,
    /// Whether money can be reserved first (<https://docs.mollie.com/docs/place-a-hold-for-a-payment>).
    pub(crate) holds: bool,
    /// Whether a first payment leaves a mandate (<https://docs.mollie.com/docs/recurring-payments>).
    pub(crate) stores: bool,
}

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    Known { family: Family::Card, brand: None, name: "creditcard", holds: true, stores: true },
    Known { family: Family::ApplePay, brand: None, name: "applepay", holds: true, stores: true },
    Known { family: Family::BankRedirect, brand: Some("bancontact"), name: "bancontact", holds: false, stores: true },
    Known { family: Family::BankRedirect, brand: Some("eps"), name: "eps", holds: false, stores: true },
    Known { family: Family::BankRedirect, brand: Some("ideal"), name: "ideal", holds: false, stores: true },
    Known { family: Family::BankRedirect, brand: Some("p24"), name: "przelewy24", holds: false, stores: false },
    Known { family: Family::BankTransfer, brand: Some("sepa"), name: "banktransfer", holds: false, stores: false },
    Known { family: Family::BankDebit, brand: Some("sepa"), name: "directdebit", holds: false, stores: true },
    Known { family: Family::PayLater, brand: Some("klarna"), name: "klarna", holds: true, stores: false },
    Known { family: Family::WalletRedirect, brand: Some("paypal"), name: "paypal", holds: false, stores: true },
];

/// Mollie's method for a method; none for one that only names a mandate.
pub(crate) fn known(method: &Method) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.family == method.family() && known.brand == method.brand())
}

/// Where a payment stands without what its links and amounts tell. <https://docs.mollie.com/docs/handling-payment-status>
pub(crate) fn payment(status: String, details: Option<Details>) -> State {
    match status.as_str() {
        "open" | "pending" => State::Pending,
        "authorized" => State::Authorized,
        "paid" => State::Captured,
        "canceled" => State::Voided,
        "expired" => State::Expired,
        "failed" => State::Declined(decline(details.unwrap_or_default())),
        _ => State::Unrecognised(status),
    }
}

/// <https://docs.mollie.com/reference/get-refund>
pub(crate) fn refund(status: String) -> TransferState {
    match status.as_str() {
        "queued" | "pending" | "processing" => TransferState::Pending,
        "refunded" => TransferState::Succeeded,
        "failed" => TransferState::Failed(Decline::new(Reason::Generic)),
        "canceled" => TransferState::Cancelled,
        _ => TransferState::Unrecognised(status),
    }
}

/// <https://docs.mollie.com/reference/get-mandate>
pub(crate) fn mandate(status: String) -> MandateState {
    match status.as_str() {
        "valid" => MandateState::Active,
        "pending" => MandateState::Pending,
        "invalid" => MandateState::Declined(Decline::new(Reason::Generic)),
        _ => MandateState::Unrecognised(status),
    }
}

/// A card's failure has Mollie's code; a SEPA debit's has the code of the scheme.
fn decline(details: Details) -> Decline {
    let code = details.failure_reason.or_else(|| details.bank_reason_code.clone());
    let reason = code.as_deref().map_or(Reason::Generic, reason);
    let message = details.failure_message.or(details.bank_reason);
    Decline { message, network_code: details.bank_reason_code, code, ..Decline::new(reason) }
}

/// Failure reasons of cards (<https://docs.mollie.com/docs/handling-errors-with-mollie-components>), and the European Payments
/// Council's codes of returned debits, which Mollie hands through (`details.bankReasonCode`).
fn reason(code: &str) -> Reason {
    match code {
        "authentication_abandoned" => Reason::CustomerCancelled,
        "authentication_failed" | "authentication_unavailable_acs" => Reason::AuthenticationFailed,
        "authentication_required" => Reason::AuthenticationRequired,
        "card_declined" | "refused_by_issuer" | "unknown_reason" | "MS02" | "MS03" => Reason::Generic,
        "card_expired" => Reason::ExpiredCard,
        "inactive_card" | "AC01" | "AC04" | "AC06" | "AC13" => Reason::InvalidAccount,
        "insufficient_funds" | "AM04" => Reason::InsufficientFunds,
        "invalid_cvv" => Reason::IncorrectCvc,
        "invalid_card_holder_name" | "invalid_card_number" => Reason::IncorrectNumber,
        "invalid_card_type" => Reason::CardNotSupported,
        "possible_fraud" => Reason::SuspectedFraud,
        "AG01" => Reason::NotPermitted,
        "AM05" => Reason::Duplicate,
        "MD01" | "MD06" | "MD07" => Reason::MandateRevoked,
        _ => Reason::Unmapped,
    }
}

/// <https://docs.mollie.com/docs/multicurrency>
#[rustfmt::skip]
pub(crate) const CURRENCIES: &[Currency] = &[
    C::AED, C::AUD, C::BRL, C::CAD, C::CHF, C::CZK, C::DKK, C::EUR, C::GBP, C::HKD, C::HUF, C::ILS, C::ISK, C::JPY, C::MXN,
    C::MYR, C::NOK, C::NZD, C::PHP, C::PLN, C::RON, C::SEK, C::SGD, C::THB, C::TWD, C::USD, C::ZAR,
];
