//! GoCardless's schemes, statuses, event actions and causes, and what they become.
//!
//! Statuses: <https://developer.gocardless.com/api-reference/#core-endpoints-payments> and the pages beside it. Actions and causes:
//! <https://developer.gocardless.com/api-reference/#core-endpoints-events>.

use quittance::{Decline, MandateState, Reason, State, TransferState};

use crate::wire::Details;

/// How an account of a scheme is told: <https://developer.gocardless.com/api-reference/#appendix-local-bank-details>.
pub(crate) struct Scheme {
    /// The brand of [`quittance::Method::BankDebit`] or [`quittance::Recipient::Bank`].
    pub(crate) brand: &'static str,
    /// GoCardless's name of the scheme.
    pub(crate) name: &'static str,
    /// The country of national account numbers; none where the number is an IBAN.
    pub(crate) country: Option<&'static str>,
    /// Whether the national bank code goes out as `bank_code`, else it is the `branch_code`.
    pub(crate) by_bank: bool,
}

/// The schemes of direct debits.
#[rustfmt::skip]
pub(crate) const SCHEMES: &[Scheme] = &[
    Scheme { brand: "ach", name: "ach", country: Some("US"), by_bank: true },
    Scheme { brand: "bacs", name: "bacs", country: Some("GB"), by_bank: false },
    Scheme { brand: "becs", name: "becs", country: Some("AU"), by_bank: false },
    Scheme { brand: "sepa", name: "sepa_core", country: None, by_bank: false },
];

/// The scheme of payouts.
#[rustfmt::skip]
pub(crate) const FASTER_PAYMENTS: Scheme =
    Scheme { brand: "faster_payments", name: "faster_payments", country: Some("GB"), by_bank: false };

/// Schemes in which the payer sends the money: their mandates serve one payment.
const PUSHED: &[&str] = &["faster_payments", "sepa_credit_transfer", "sepa_instant_credit_transfer"];

/// Whether a payment's mandate can be used again.
pub(crate) fn keeps_mandate(scheme: Option<&str>) -> bool {
    !scheme.is_some_and(|scheme| PUSHED.contains(&scheme))
}

/// Where a payment stands by its status. The cause of a failure is told by events only.
pub(crate) fn payment(status: String) -> State {
    match status.as_str() {
        "pending_customer_approval" | "pending_submission" | "submitted" => State::Pending,
        "confirmed" | "paid_out" => State::Captured,
        "cancelled" => State::Voided,
        "customer_approval_denied" => State::Declined(Decline::new(Reason::CustomerCancelled)),
        "failed" | "charged_back" => State::Declined(Decline::new(Reason::Generic)),
        _ => State::Unrecognised(status),
    }
}

/// Where a payment stands after an event; none where the event does not change it (fees, and how failures were settled).
pub(crate) fn payment_event(action: &str, details: Details) -> Option<State> {
    Some(match action {
        "late_failure_settled" | "chargeback_settled" | "surcharge_fee_debited" | "sds_settlement_delayed" => {
            return None;
        }
        "created" | "customer_approval_granted" | "submitted" | "resubmission_requested" => State::Pending,
        // GoCardless submits it again by itself: https://developer.gocardless.com/success-plus/overview
        "failed" if details.will_attempt_retry == Some(true) => State::Pending,
        "confirmed" | "paid_out" | "chargeback_cancelled" => State::Captured,
        "cancelled" => State::Voided,
        "failed" | "charged_back" | "customer_approval_denied" => State::Declined(decline(details)),
        other => State::Unrecognised(other.to_owned()),
    })
}

/// Where a refund stands by its status.
pub(crate) fn refund(status: String) -> TransferState {
    match status.as_str() {
        "created" | "pending_submission" | "submitted" => TransferState::Pending,
        "paid" => TransferState::Succeeded,
        "cancelled" => TransferState::Cancelled,
        "bounced" | "funds_returned" => TransferState::Failed(Decline::new(Reason::Generic)),
        _ => TransferState::Unrecognised(status),
    }
}

/// Whether a refund's money has come back, so that it counts no more towards the total of its payment.
pub(crate) fn came_back(status: &str) -> bool {
    matches!(status, "cancelled" | "bounced" | "funds_returned")
}

/// Where a refund stands after an event; none once it only counts in a payout.
pub(crate) fn refund_event(action: &str, details: Details) -> Option<TransferState> {
    Some(match action {
        "refund_settled" => return None,
        "created" => TransferState::Pending,
        "paid" => TransferState::Succeeded,
        "failed" | "funds_returned" => TransferState::Failed(decline(details)),
        other => TransferState::Unrecognised(other.to_owned()),
    })
}

/// Where a payout stands by its status (`OutboundPayment.Status` of the official `gocardless-pro-java`). `executed`: the scheme has accepted
/// it and it is on its way, and no status tells of more.
pub(crate) fn payout(status: String) -> TransferState {
    match status.as_str() {
        "verifying" | "pending_approval" | "scheduled" | "executing" => TransferState::Pending,
        "executed" => TransferState::Succeeded,
        "cancelled" => TransferState::Cancelled,
        "failed" => TransferState::Failed(Decline::new(Reason::Generic)),
        _ => TransferState::Unrecognised(status),
    }
}

/// Where a payout stands after an event. The page of approvals names `set_to_pending_approval`
/// (<https://developer.gocardless.com/sending-money/approve-outbound-payment>); the official SDKs for Java and Python (August 2026) have the
/// resource `outbound_payments` and no actions, of statuses `executed`, `cancelled`, `failed`. All six, and no more, stand in a transcription of
/// the API reference by others (<https://github.com/api-evangelist/gocardless>). One of another name is unrecognised, for a look-up to tell.
pub(crate) fn payout_event(action: &str, details: Details) -> Option<TransferState> {
    Some(match action {
        "created" | "set_to_pending_approval" | "set_to_executing" => TransferState::Pending,
        "executed" => TransferState::Succeeded,
        "cancelled" => TransferState::Cancelled,
        "failed" => TransferState::Failed(decline(details)),
        other => TransferState::Unrecognised(other.to_owned()),
    })
}

/// Where a mandate stands by its status. Payments can be made before it is active; the bank may still refuse them.
pub(crate) fn mandate(status: String) -> MandateState {
    match status.as_str() {
        "pending_customer_approval" | "pending_submission" | "submitted" => MandateState::Pending,
        "active" => MandateState::Active,
        "failed" => MandateState::Declined(Decline::new(Reason::Generic)),
        "cancelled" | "expired" | "consumed" | "blocked" => MandateState::Revoked,
        _ => MandateState::Unrecognised(status),
    }
}

/// Where a mandate stands after an event; none where it goes on under a new account.
pub(crate) fn mandate_event(action: &str, details: Details) -> Option<MandateState> {
    Some(match action {
        "transferred" => return None,
        "created" | "customer_approval_granted" | "customer_approval_skipped" => MandateState::Pending,
        "submitted" | "resubmission_requested" => MandateState::Pending,
        "active" | "reinstated" => MandateState::Active,
        "cancelled" | "expired" | "consumed" | "blocked" | "replaced" => MandateState::Revoked,
        "failed" => MandateState::Declined(decline(details)),
        other => MandateState::Unrecognised(other.to_owned()),
    })
}

/// Where a billing request without a payment stands.
pub(crate) fn billing_request(status: String) -> State {
    match status.as_str() {
        "pending" | "ready_to_fulfil" | "fulfilling" | "fulfilled" => State::Pending,
        "cancelled" => State::Voided,
        _ => State::Unrecognised(status),
    }
}

/// The refusal that an event tells: GoCardless's cause, and the scheme's own code beside it.
fn decline(details: Details) -> Decline {
    let reason = details.cause.as_deref().map_or(Reason::Generic, reason);
    let (code, message, network_code) = (details.cause, details.description, details.reason_code);
    Decline { code, message, network_code, ..Decline::new(reason) }
}

fn reason(cause: &str) -> Reason {
    match cause {
        "insufficient_funds" => Reason::InsufficientFunds,
        "refer_to_payer" => Reason::Generic,
        "bank_account_closed" | "bank_account_transferred" | "invalid_bank_details" => Reason::InvalidAccount,
        "direct_debit_not_enabled" => Reason::NotPermitted,
        "mandate_cancelled" | "authorisation_disputed" | "payer_deceased" => Reason::MandateRevoked,
        "mandate_expired" => Reason::Expired,
        "customer_approval_denied" => Reason::CustomerCancelled,
        _ => Reason::Unmapped,
    }
}
