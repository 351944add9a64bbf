//! What Stripe's statuses and codes become.

use quittance::{
    Currency as C, Decline, DisputeStage, DisputeState, MandateState, Network, NextAction, Reason, Secret, State,
    TransferState,
};

use crate::wire::{Charge, Intent, RefundObject, StripeFault};

/// Where a PaymentIntent stands. `requires_payment_method` is both "never tried" and "the last try was refused":
/// only `last_payment_error` tells them apart. <https://docs.stripe.com/payments/paymentintents/lifecycle>
pub(crate) fn payment(intent: &Intent) -> State {
    match intent.status.as_str() {
        "succeeded" => State::Captured,
        "requires_capture" => State::Authorized,
        "processing" | "requires_confirmation" => State::Pending,
        "requires_action" => action(intent).map_or(State::Pending, State::ActionRequired),
        "requires_payment_method" => match &intent.last_payment_error {
            Some(fault) => State::Declined(decline(fault, intent.charge())),
            None => State::Pending,
        },
        "canceled" if matches!(intent.cancellation_reason.as_deref(), Some("automatic" | "expired")) => State::Expired,
        "canceled" => State::Voided,
        unknown => State::Unrecognised(unknown.to_owned()),
    }
}

/// Where a SetupIntent stands, whose statuses are those of a PaymentIntent, or a Mandate; active with a method only.
pub(crate) fn mandate(object: &Intent) -> MandateState {
    match (object.status.as_str(), payment(object)) {
        ("active", _) | (_, State::Captured) if object.payment_method.is_some() => MandateState::Active,
        ("pending", _) | (_, State::Pending) => MandateState::Pending,
        ("inactive", _) | (_, State::Voided | State::Expired) => MandateState::Revoked,
        (_, State::ActionRequired(action)) => MandateState::ActionRequired(action),
        (_, State::Declined(decline)) => MandateState::Declined(decline),
        (unknown, _) => MandateState::Unrecognised(unknown.to_owned()),
    }
}

/// Where a refund stands. `requires_action`: Stripe asks the customer for a bank account by e-mail; the merchant can only wait.
/// The status may be null: the refund is made, and how it stands is not told. <https://docs.stripe.com/refunds>
pub(crate) fn refund(refund: &RefundObject) -> TransferState {
    match refund.status.as_deref().unwrap_or("pending") {
        "succeeded" => TransferState::Succeeded,
        "pending" | "requires_action" => TransferState::Pending,
        "canceled" => TransferState::Cancelled,
        "failed" => TransferState::Failed(refusal(refund.failure_reason.as_deref(), None)),
        unknown => TransferState::Unrecognised(unknown.to_owned()),
    }
}

/// Where a dispute stands, and its stage. `warning_…` is an inquiry: closed without a chargeback, the money stays. `prevented`:
/// settled by a refund before it became a chargeback. <https://docs.stripe.com/api/disputes/object#dispute_object-status>
pub(crate) fn dispute(status: &str) -> (DisputeState, DisputeStage) {
    let state = match status {
        "needs_response" | "warning_needs_response" | "appeal_needs_response" => DisputeState::NeedsResponse,
        "under_review" | "warning_under_review" | "appeal_under_review" => DisputeState::UnderReview,
        "won" | "warning_closed" => DisputeState::Won,
        "lost" | "prevented" => DisputeState::Lost,
        unknown => DisputeState::Unrecognised(unknown.to_owned()),
    };
    let inquiry = status.starts_with("warning_") || status == "prevented";
    (state, if inquiry { DisputeStage::Inquiry } else { DisputeStage::Chargeback })
}

/// What the customer must do. Whatever is no redirect is for Stripe's client SDK, which knows every kind.
fn action(intent: &Intent) -> Option<NextAction> {
    let redirect = intent.next_action.as_ref()?.redirect_to_url.as_ref();
    match redirect.and_then(|redirect| redirect.url.clone()) {
        Some(url) if intent.kind() == Some("card") => Some(NextAction::ThreeDs { url, fields: Vec::new() }),
        Some(url) => Some(NextAction::Redirect { url }),
        None => Some(NextAction::ClientSdk { token: Secret::from(intent.client_secret.as_deref()?) }),
    }
}

/// What the network said of a charge.
pub(crate) fn network(charge: &Charge) -> Network {
    let card = charge.payment_method_details.as_ref().and_then(|details| details.card.as_ref());
    let checks = card.and_then(|card| card.checks.as_ref());
    Network {
        transaction_id: card.and_then(|card| card.network_transaction_id.clone()),
        authorization_code: card.and_then(|card| card.authorization_code.clone()),
        response_code: charge.outcome.as_ref().and_then(|outcome| outcome.network_decline_code.clone()),
        advice_code: charge.outcome.as_ref().and_then(|outcome| outcome.network_advice_code.clone()),
        avs: checks.and_then(|checks| checks.address_line1_check.clone()),
        cvc: checks.and_then(|checks| checks.cvc_check.clone()),
        ..Network::default()
    }
}

/// A refusal out of an error object; the codes of the network may stand in the charge alone.
pub(crate) fn decline(fault: &StripeFault, charge: Option<&Charge>) -> Decline {
    let refusal = refusal(fault.decline_code.as_deref().or(fault.code.as_deref()), charge);
    Decline {
        message: fault.message.clone(),
        network_code: fault.network_decline_code.clone().or(refusal.network_code),
        advice_code: fault.network_advice_code.clone().or(refusal.advice_code).or_else(|| fault.advice_code.clone()),
        ..refusal
    }
}

fn refusal(code: Option<&str>, charge: Option<&Charge>) -> Decline {
    let network = charge.map(network).unwrap_or_default();
    let outcome = charge.and_then(|charge| charge.outcome.as_ref()?.kind.as_deref());
    let reason = if outcome == Some("blocked") { Reason::RiskRules } else { reason(code.unwrap_or_default()) };
    let (network_code, advice_code) = (network.response_code, network.advice_code);
    Decline { code: code.map(str::to_owned), network_code, advice_code, ..Decline::new(reason) }
}

/// The class of a decline code (<https://docs.stripe.com/declines/codes>) or, where there is none, of an error code
/// (<https://docs.stripe.com/error-codes>) that ends an attempt, or of a refund's `failure_reason`.
fn reason(code: &str) -> Reason {
    let row = REASONS.iter().find(|(_, codes)| codes.split(' ').any(|known| known == code));
    row.map_or(Reason::Unmapped, |(reason, _)| *reason)
}

#[rustfmt::skip]
const REASONS: &[(Reason, &str)] = &[
    (Reason::Generic, "generic_decline card_declined do_not_honor call_issuer no_action_taken approve_with_id"),
    (Reason::Generic, "declined payment_intent_payment_attempt_failed payment_method_provider_decline"),
    (Reason::Generic, "refer_to_customer partner_generic_decline payment_disputed"),
    (Reason::InsufficientFunds, "insufficient_funds"),
    (Reason::ExpiredCard, "expired_card invalid_expiry_month invalid_expiry_year expired_payment_method"),
    (Reason::ExpiredCard, "expired_or_canceled_card expired_payment_information"),
    (Reason::IncorrectCvc, "incorrect_cvc invalid_cvc"),
    (Reason::IncorrectNumber, "incorrect_number invalid_number"),
    (Reason::IncorrectAddress, "incorrect_zip incorrect_address postal_code_invalid"),
    (Reason::IncorrectPin, "incorrect_pin invalid_pin offline_pin_required online_or_offline_pin_required"),
    (Reason::LostCard, "lost_card lost_or_stolen_card"), (Reason::StolenCard, "stolen_card"),
    (Reason::PickUpCard, "pickup_card"), (Reason::InvalidAmount, "invalid_amount amount_too_small"),
    (Reason::SuspectedFraud, "fraudulent security_violation"),
    (Reason::RiskRules, "merchant_blacklist partner_high_risk_customer compliance_violation"),
    (Reason::NotPermitted, "transaction_not_allowed service_not_allowed not_permitted restricted_card"),
    (Reason::NotPermitted, "do_not_try_again"), (Reason::Duplicate, "duplicate_transaction"),
    (Reason::CardNotSupported, "card_not_supported currency_not_supported"),
    (Reason::AmountLimit, "charge_exceeds_source_limit charge_exceeds_transaction_limit payment_limit_exceeded"),
    (Reason::AmountLimit, "amount_too_large"), (Reason::VelocityLimit, "card_decline_rate_limit_exceeded"),
    (Reason::VelocityLimit, "card_velocity_exceeded withdrawal_count_limit_exceeded pin_try_exceeded"),
    (Reason::InvalidAccount, "invalid_account new_account_information_available account_closed no_account"),
    (Reason::InvalidAccount, "invalid_customer_account invalid_payment_information bank_account_declined"),
    (Reason::InvalidAccount, "bank_account_unusable payment_method_bank_account_blocked"),
    (Reason::AuthenticationRequired, "authentication_required mobile_device_authentication_required"),
    (Reason::AuthenticationFailed, "authentication_not_handled payment_intent_authentication_failure"),
    (Reason::AuthenticationFailed, "setup_intent_authentication_failure"),
    (Reason::MandateRevoked, "revocation_of_authorization revocation_of_all_authorizations stop_payment_order"),
    (Reason::MandateRevoked, "debit_not_authorized payment_intent_mandate_invalid invalid_authorization"),
    (Reason::MandateRevoked, "invalid_billing_agreement setup_intent_mandate_invalid"),
    (Reason::CustomerCancelled, "payment_method_customer_decline"),
    (Reason::IssuerUnavailable, "issuer_not_available payment_method_provider_timeout payment_method_not_available"),
    (Reason::ProcessingError, "processing_error reenter_transaction try_again_later partner_payment_not_found"),
    (Reason::MerchantConfiguration, "testmode_decline invalid_business_account sepa_unsupported_account"),
    (Reason::Expired, "payment_intent_payment_attempt_expired setup_intent_setup_attempt_expired"),
    (Reason::Generic, "setup_attempt_failed"),
];

/// Error codes of a 400 that others answer as a 409.
pub(crate) const CONFLICTS: &str = "charge_already_captured charge_already_refunded charge_disputed \
    charge_expired_for_capture payment_intent_unexpected_state setup_intent_unexpected_state";

/// <https://docs.stripe.com/currencies#presentment-currencies>, less what ISO 4217 has withdrawn.
#[rustfmt::skip]
pub(crate) const CURRENCIES: &[C] = &[
    C::AED, C::AFN, C::ALL, C::AMD, C::AOA, C::ARS, C::AUD, C::AWG, C::AZN, C::BAM, C::BBD, C::BDT, C::BIF, C::BMD,
    C::BND, C::BOB, C::BRL, C::BSD, C::BWP, C::BYN, C::BZD, C::CAD, C::CDF, C::CHF, C::CLP, C::CNY, C::COP, C::CRC,
    C::CVE, C::CZK, C::DJF, C::DKK, C::DOP, C::DZD, C::EGP, C::ETB, C::EUR, C::FJD, C::FKP, C::GBP, C::GEL, C::GIP,
    C::GMD, C::GNF, C::GTQ, C::GYD, C::HKD, C::HNL, C::HTG, C::HUF, C::IDR, C::ILS, C::INR, C::ISK, C::JMD, C::JPY,
    C::KES, C::KGS, C::KHR, C::KMF, C::KRW, C::KYD, C::KZT, C::LAK, C::LBP, C::LKR, C::LRD, C::LSL, C::MAD, C::MDL,
    C::MGA, C::MKD, C::MMK, C::MNT, C::MOP, C::MUR, C::MVR, C::MWK, C::MXN, C::MYR, C::MZN, C::NAD, C::NGN, C::NIO,
    C::NOK, C::NPR, C::NZD, C::PAB, C::PEN, C::PGK, C::PHP, C::PKR, C::PLN, C::PYG, C::QAR, C::RON, C::RSD, C::RUB,
    C::RWF, C::SAR, C::SBD, C::SCR, C::SEK, C::SGD, C::SHP, C::SLE, C::SOS, C::SRD, C::SZL, C::THB, C::TJS, C::TOP,
    C::TRY, C::TTD, C::TWD, C::TZS, C::UAH, C::UGX, C::USD, C::UYU, C::UZS, C::VND, C::VUV, C::WST, C::XAF, C::XCD,
    C::XOF, C::XPF, C::YER, C::ZAR, C::ZMW,
];

/// Where an account can be opened: <https://stripe.com/global>.
pub(crate) const COUNTRIES: &[&str] = &[
    "AE", "AT", "AU", "BE", "BG", "BR", "CA", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GI", "GR",
    "HK", "HR", "HU", "IE", "IT", "JP", "LI", "LT", "LU", "LV", "MT", "MX", "MY", "NL", "NO", "NZ", "PL", "PT", "RO",
    "SE", "SG", "SI", "SK", "TH", "US",
];
