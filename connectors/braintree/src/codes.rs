//! What Braintree's statuses and codes become, whichever API told them.

use quittance::{
    Currency, Currency as C, Decline, DisputeStage, DisputeState, Handle, Money, Network, Payment, Reason, Refund,
    Result, State, Timestamp, TransferState,
};

/// A transaction or refund, as GraphQL or the gateway shows it.
pub(crate) struct Found {
    pub(crate) handle: Handle,
    /// In capital letters, as GraphQL writes it.
    pub(crate) status: String,
    /// A notification can leave out the currency, and the amount is then not told.
    pub(crate) amount: Option<Money>,
    pub(crate) reference: Option<String>,
    /// The payment that a refund gives back.
    pub(crate) original: Option<Handle>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) rejection: Option<String>,
    pub(crate) network: Network,
}

/// Statuses of what did not come about: the schema's, and the last, which Braintree's SDK for Python has (`Transaction.Status`).
pub(crate) const REFUSED: [&str; 5] =
    ["FAILED", "PROCESSOR_DECLINED", "GATEWAY_REJECTED", "SETTLEMENT_DECLINED", "SETTLEMENT_FAILED"];

impl Found {
    fn decline(&mut self) -> Decline {
        let (network_code, advice_code) = (self.network.response_code.clone(), self.network.advice_code.clone());
        let decline = decline(self.code.take(), self.message.take(), self.rejection.take());
        Decline { network_code, advice_code, ..decline }
    }

    pub(crate) fn payment(mut self) -> Result<Payment> {
        let state = match self.status.as_str() {
            "AUTHORIZED" => State::Authorized,
            "AUTHORIZING" | "SETTLEMENT_PENDING" => State::Pending,
            // "The payment has been successfully captured" (schema, `PaymentStatus`).
            "SUBMITTED_FOR_SETTLEMENT" | "SETTLING" | "SETTLEMENT_CONFIRMED" | "SETTLED" => State::Captured,
            "VOIDED" => State::Voided,
            "AUTHORIZATION_EXPIRED" => State::Expired,
            refused if REFUSED.contains(&refused) => State::Declined(self.decline()),
            _ => State::Unrecognised(std::mem::take(&mut self.status)),
        };
        Ok(Payment {
            amount: self.amount,
            captured: self.amount.filter(|_| state == State::Captured),
            reference: self.reference,
            network: self.network,
            ..Payment::new(self.handle, state)
        })
    }

    pub(crate) fn refund(mut self) -> Result<Refund> {
        let state = match self.status.as_str() {
            "AUTHORIZED"
            | "AUTHORIZING"
            | "SUBMITTED_FOR_SETTLEMENT"
            | "SETTLING"
            | "SETTLEMENT_PENDING"
            | "SETTLEMENT_CONFIRMED" => TransferState::Pending,
            "SETTLED" => TransferState::Succeeded,
            "VOIDED" => TransferState::Cancelled,
            refused if REFUSED.contains(&refused) => TransferState::Failed(self.decline()),
            _ => TransferState::Unrecognised(std::mem::take(&mut self.status)),
        };
        let (amount, payment, reference) = (self.amount, self.original, self.reference);
        Ok(Refund { amount, payment, reference, ..Refund::new(self.handle, state) })
    }
}

/// A refusal: by the gateway's own rules, or by the processor.
pub(crate) fn decline(code: Option<String>, message: Option<String>, rejection: Option<String>) -> Decline {
    let reason = match (&rejection, &code) {
        (Some(rejection), _) => rejected(&rejection.to_ascii_uppercase()),
        (None, Some(code)) => reason(code),
        (None, None) => Reason::Generic,
    };
    Decline { code: rejection.or(code), message, ..Decline::new(reason) }
}

/// `GatewayRejectionReason` of the schema.
fn rejected(reason: &str) -> Reason {
    match reason {
        "AVS" => Reason::IncorrectAddress,
        "CVV" | "AVS_AND_CVV" => Reason::IncorrectCvc,
        "DUPLICATE" => Reason::Duplicate,
        "FRAUD" | "RISK_THRESHOLD" | "EXCESSIVE_RETRY" | "PAYMENT_METHOD_BLOCKED" => Reason::RiskRules,
        "THREE_D_SECURE" => Reason::AuthenticationFailed,
        "APPLICATION_INCOMPLETE" | "MANUAL_TRANSACTIONS_DISABLED" => Reason::MerchantConfiguration,
        "TOKEN_ISSUANCE" | "UNION_PAY_ENROLLMENT_REQUIRED" => Reason::NotPermitted,
        "TOO_MANY_CONFIRMATION_ATTEMPTS" => Reason::VelocityLimit,
        _ => Reason::Unmapped,
    }
}

/// The class of a processor response code
/// (developer.paypal.com/braintree/docs/reference/general/processor-responses/authorization-responses).
fn reason(code: &str) -> Reason {
    match code {
        "2000" | "2011" | "2038" | "2041" | "2043" | "2044" | "2046" => Reason::Generic,
        "2001" => Reason::InsufficientFunds,
        "2002" => Reason::AmountLimit,
        "2003" => Reason::VelocityLimit,
        "2004" | "2006" => Reason::ExpiredCard,
        "2005" | "2008" | "2009" | "2051" => Reason::IncorrectNumber,
        "2007" | "2022" => Reason::InvalidAccount,
        "2010" => Reason::IncorrectCvc,
        // One code, 2053, is for lost and stolen.
        "2012" | "2053" => Reason::LostCard,
        "2013" => Reason::StolenCard,
        "2014" | "2021" => Reason::SuspectedFraud,
        "2015" | "2019" | "2020" | "2032" | "2057" => Reason::NotPermitted,
        "2016" | "2037" => Reason::Duplicate,
        "2017" | "2018" => Reason::MandateRevoked,
        "2023" | "2025" | "2026" | "2028" | "2030" | "2040" | "2042" | "2045" => Reason::MerchantConfiguration,
        "2024" | "2029" => Reason::CardNotSupported,
        "2027" | "2048" => Reason::InvalidAmount,
        "2031" | "2033" | "2034" | "2035" | "2036" | "2039" | "2049" | "2050" => Reason::ProcessingError,
        "2047" => Reason::PickUpCard,
        "2059" | "2060" => Reason::IncorrectAddress,
        "3000" => Reason::IssuerUnavailable,
        _ => Reason::Unmapped,
    }
}

/// `DisputeStatus` of the schema, in whatever letters.
pub(crate) fn dispute_state(status: String) -> DisputeState {
    match status.to_ascii_uppercase().as_str() {
        "OPEN" => DisputeState::NeedsResponse,
        "DISPUTED" | "UNDER_REVIEW" => DisputeState::UnderReview,
        "WON" => DisputeState::Won,
        "LOST" | "ACCEPTED" | "AUTO_ACCEPTED" | "EXPIRED" => DisputeState::Lost,
        _ => DisputeState::Unrecognised(status),
    }
}

/// Whether a validation error says that the transaction's status does not allow it: 91504 of a void, 91506 of a refund, 91507 of a
/// settlement (developer.paypal.com/braintree/docs/reference/general/validation-errors/all).
pub(crate) fn is_conflict(code: &str) -> bool {
    matches!(code, "91504" | "91506" | "91507")
}

/// `DisputeType` of the schema, in whatever letters.
pub(crate) fn stage(kind: &str) -> Option<DisputeStage> {
    match kind.to_ascii_uppercase().as_str() {
        "RETRIEVAL" => Some(DisputeStage::Inquiry),
        "CHARGEBACK" => Some(DisputeStage::Chargeback),
        "PRE_ARBITRATION" => Some(DisputeStage::PreArbitration),
        _ => None,
    }
}

/// The first moment of the last day for an answer.
pub(crate) fn deadline(date: &str) -> Option<Timestamp> {
    format!("{date}T00:00:00Z").parse().ok()
}

/// Currencies that merchant accounts can have (developer.paypal.com/braintree/docs/reference/general/currencies), those of which
/// the decimals are not in doubt.
#[rustfmt::skip]
pub(crate) const CURRENCIES: &[Currency] = &[
    C::AUD, C::BRL, C::CAD, C::CHF, C::CZK, C::DKK, C::EUR, C::GBP, C::HKD, C::ILS, C::JPY, C::MXN, C::MYR, C::NOK,
    C::NZD, C::PHP, C::PLN, C::SEK, C::SGD, C::THB, C::USD, C::ZAR,
];
