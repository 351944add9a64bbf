//! TrueLayer's JSON (<https://docs.truelayer.com/docs/create-a-payment>, <https://github.com/TrueLayer/truelayer-java>). Amounts are integers of minor units.

use std::collections::BTreeMap;

use quittance::*;
use serde::{Deserialize, Serialize};

use crate::{MandateUse, Truelayer};

#[derive(Serialize)]
pub(crate) struct NewPayment<'a> {
    pub(crate) amount_in_minor: i64,
    pub(crate) currency: &'a str,
    pub(crate) payment_method: PaymentMethod<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<User<'a>>,
    pub(crate) metadata: Metadata<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum PaymentMethod<'a> {
    BankTransfer { provider_selection: Selection<'a>, beneficiary: MerchantAccount<'a> },
    Mandate { mandate_id: &'a str },
}

/// A mandate that is to be agreed to (`CreateMandateRequest` of the vendor's library for Java).
#[derive(Serialize)]
pub(crate) struct NewMandate<'a> {
    pub(crate) mandate: MandateTerms<'a>,
    pub(crate) currency: &'a str,
    pub(crate) user: User<'a>,
    pub(crate) constraints: Constraints,
    pub(crate) metadata: Metadata<'a>,
}

#[derive(Serialize)]
pub(crate) struct MandateTerms<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) use_case: Option<&'static str>,
    pub(crate) provider_selection: Selection<'a>,
    pub(crate) beneficiary: MerchantAccount<'a>,
}

/// The use case of commercial mandates of the first wave (<https://docs.truelayer.com/docs/create-a-mandate>).
pub(crate) fn use_case(made_for: MandateUse) -> Option<&'static str> {
    match made_for {
        MandateUse::Sweeping | MandateUse::Commercial => None,
        MandateUse::Utilities => Some("utilities"),
        MandateUse::GovernmentPayments => Some("government_payments"),
        MandateUse::FinancialServices => Some("financial_services"),
        MandateUse::Charity => Some("charity"),
    }
}

/// The limits that the customer agrees to; times are RFC 3339.
#[derive(Serialize)]
pub(crate) struct Constraints {
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_to: Option<Timestamp>,
    maximum_individual_amount: i64,
    periodic_limits: BTreeMap<&'static str, PeriodicLimit>,
}

#[derive(Serialize)]
struct PeriodicLimit {
    maximum_amount: i64,
    period_alignment: &'static str,
}

impl Constraints {
    /// TrueLayer asks for the most of one payment, and of at least one period.
    pub(crate) fn of(limits: &MandateLimits) -> Result<Constraints> {
        let unlimited = || Error::invalid("limits.payment_max", "a mandate limits the single payment");
        if limits.periods.is_empty() {
            return Err(Error::invalid("limits.periods", "a mandate limits the payments of a period"));
        }
        let period = |limit: &PeriodLimit| {
            let name = match limit.period {
                Period::Day => "day",
                Period::Week => "week",
                Period::Fortnight => "fortnight",
                Period::Month => "month",
                Period::HalfYear => "half_year",
                Period::Year => "year",
            };
            let period_alignment = match limit.start {
                PeriodStart::Consent => "consent",
                PeriodStart::Calendar => "calendar",
            };
            let maximum_amount = Truelayer::SPEC.minor(&limit.sum_max)?;
            Ok((name, PeriodicLimit { maximum_amount, period_alignment }))
        };
        Ok(Constraints {
            valid_from: limits.valid_from,
            valid_to: limits.valid_to,
            maximum_individual_amount: Truelayer::SPEC.minor(&limits.payment_max.ok_or_else(unlimited)?)?,
            periodic_limits: limits.periods.iter().map(period).collect::<Result<_>>()?,
        })
    }
}

/// Who chooses the bank.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Selection<'a> {
    UserSelected,
    Preselected {
        provider_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        scheme_selection: Option<Typed>,
    },
}

impl Selection<'_> {
    /// The bank that was named, else the customer's choice; `by_scheme` where the bank has more than one scheme to choose from.
    pub(crate) fn of(bank: Option<&str>, by_scheme: bool) -> Selection<'_> {
        let scheme_selection = by_scheme.then_some(Typed { kind: "instant_preferred" });
        bank.map_or(Selection::UserSelected, |provider_id| Selection::Preselected { provider_id, scheme_selection })
    }
}

#[derive(Serialize)]
pub(crate) struct Typed {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
}

#[derive(Serialize)]
pub(crate) struct MerchantAccount<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) merchant_account_id: &'a str,
}

#[derive(Serialize)]
pub(crate) struct User<'a> {
    pub(crate) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<&'a str>,
}

impl<'a> User<'a> {
    pub(crate) fn of(name: &'a str, customer: &'a Customer) -> User<'a> {
        User { name, email: customer.email.as_deref(), phone: customer.phone.as_deref() }
    }
}

#[derive(Serialize)]
pub(crate) struct Metadata<'a> {
    pub(crate) reference: &'a str,
}

#[derive(Serialize)]
pub(crate) struct Start<'a> {
    pub(crate) redirect: Return<'a>,
}

#[derive(Serialize)]
pub(crate) struct Return<'a> {
    pub(crate) return_uri: &'a str,
}

#[derive(Serialize)]
pub(crate) struct NewRefund<'a> {
    pub(crate) amount_in_minor: i64,
    pub(crate) reference: &'a str,
    pub(crate) metadata: Metadata<'a>,
}

#[derive(Serialize)]
pub(crate) struct NewPayout<'a> {
    pub(crate) merchant_account_id: &'a str,
    pub(crate) amount_in_minor: i64,
    pub(crate) currency: &'a str,
    pub(crate) beneficiary: ExternalAccount<'a>,
    pub(crate) metadata: Metadata<'a>,
}

#[derive(Serialize)]
pub(crate) struct ExternalAccount<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) account_holder_name: &'a str,
    pub(crate) reference: &'a str,
    pub(crate) account_identifiers: [Account<'a>; 1],
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Account<'a> {
    Iban { iban: &'a str },
    SortCodeAccountNumber { sort_code: &'a str, account_number: &'a str },
}

/// The protected header of a request's signature.
#[derive(Serialize)]
pub(crate) struct Header<'a> {
    pub(crate) alg: &'a str,
    pub(crate) kid: &'a str,
    pub(crate) tl_version: &'a str,
    pub(crate) tl_headers: &'a str,
}

#[derive(Deserialize)]
pub(crate) struct Token {
    pub(crate) access_token: Secret,
    pub(crate) expires_in: u64,
}

#[derive(Deserialize)]
pub(crate) struct Id {
    pub(crate) id: String,
}

/// A new payment or mandate.
#[derive(Deserialize)]
pub(crate) struct Created {
    pub(crate) id: String,
    pub(crate) status: Option<String>,
    pub(crate) resource_token: Option<Secret>,
    pub(crate) failure_reason: Option<String>,
}

/// What the customer does next.
#[derive(Deserialize)]
pub(crate) struct Flow {
    pub(crate) status: String,
    pub(crate) failure_reason: Option<String>,
    pub(crate) authorization_flow: Option<Steps>,
}

#[derive(Deserialize)]
pub(crate) struct Steps {
    pub(crate) actions: Option<Actions>,
}

#[derive(Deserialize)]
pub(crate) struct Actions {
    pub(crate) next: Option<Next>,
}

#[derive(Deserialize)]
pub(crate) struct Next {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) uri: Option<String>,
}

/// What the connector sent with an object.
#[derive(Default, Deserialize)]
pub(crate) struct Sent {
    reference: Option<String>,
}

/// A payment that was looked up.
#[derive(Deserialize)]
pub(crate) struct Found {
    id: String,
    amount_in_minor: i64,
    currency: String,
    status: String,
    failure_reason: Option<String>,
    metadata: Option<Sent>,
}

impl Found {
    pub(crate) fn into_payment(self) -> Result<Payment> {
        let amount = Truelayer::SPEC.money(self.amount_in_minor, &self.currency)?;
        let state = state(self.status, self.failure_reason);
        Ok(Payment {
            amount: Some(amount),
            captured: (state == State::Captured).then_some(amount),
            reference: self.metadata.and_then(|sent| sent.reference),
            ..Payment::new(Handle::new(self.id), state)
        })
    }
}

/// A mandate that was looked up (`MandateDetail` of the vendor's library for Java).
#[derive(Deserialize)]
pub(crate) struct FoundMandate {
    id: String,
    status: String,
    failure_reason: Option<String>,
    metadata: Option<Sent>,
}

impl FoundMandate {
    /// The mandate as a payment of nothing.
    pub(crate) fn into_payment(self) -> Payment {
        let handle = mandate_handle(&self.id);
        let found = mandate(self.status, self.failure_reason);
        let agreed = (found == MandateState::Active).then(|| handle.clone());
        let state = match found {
            MandateState::ActionRequired(action) => State::ActionRequired(action),
            MandateState::Pending | MandateState::Active => State::Pending,
            MandateState::Declined(decline) => State::Declined(decline),
            MandateState::Revoked => State::Voided,
            MandateState::Unrecognised(status) => State::Unrecognised(status),
        };
        Payment {
            mandate: agreed,
            reference: self.metadata.and_then(|sent| sent.reference),
            ..Payment::new(handle, state)
        }
    }
}

/// A refund or payout that was looked up.
#[derive(Deserialize)]
pub(crate) struct Transfer {
    id: String,
    amount_in_minor: i64,
    currency: String,
    status: String,
    failure_reason: Option<String>,
    metadata: Option<Sent>,
}

impl Transfer {
    pub(crate) fn into_refund(self, payment: Handle) -> Result<Refund> {
        let amount = Truelayer::SPEC.money(self.amount_in_minor, &self.currency)?;
        let state = transfer(self.status, self.failure_reason);
        Ok(Refund {
            amount: Some(amount),
            reference: self.metadata.and_then(|sent| sent.reference),
            ..Refund { payment: Some(payment.clone()), ..Refund::new(refund_handle(self.id, payment.id()), state) }
        })
    }

    pub(crate) fn into_payout(self) -> Result<Payout> {
        let amount = Truelayer::SPEC.money(self.amount_in_minor, &self.currency)?;
        let state = transfer(self.status, self.failure_reason);
        let reference = self.metadata.and_then(|sent| sent.reference);
        Ok(Payout { amount: Some(amount), reference, ..Payout::new(Handle::new(self.id), state) })
    }
}

#[derive(Deserialize)]
pub(crate) struct Event {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) event_id: String,
}

#[derive(Deserialize)]
pub(crate) struct PaymentEvent {
    payment_id: String,
    failure_reason: Option<String>,
    metadata: Option<Sent>,
}

impl PaymentEvent {
    pub(crate) fn into_payment(self, kind: &str) -> Payment {
        let state = state(status_of(kind), self.failure_reason);
        let reference = self.metadata.and_then(|sent| sent.reference);
        Payment { reference, ..Payment::new(Handle::new(self.payment_id), state) }
    }
}

#[derive(Deserialize)]
pub(crate) struct RefundEvent {
    refund_id: String,
    payment_id: String,
    failure_reason: Option<String>,
}

impl RefundEvent {
    pub(crate) fn into_refund(self, kind: &str) -> Refund {
        let state = transfer(status_of(kind), self.failure_reason);
        let payment = Some(Handle::new(&self.payment_id));
        Refund { payment, ..Refund::new(refund_handle(self.refund_id, &self.payment_id), state) }
    }
}

#[derive(Deserialize)]
pub(crate) struct PayoutEvent {
    payout_id: String,
    failure_reason: Option<String>,
}

impl PayoutEvent {
    pub(crate) fn into_payout(self, kind: &str) -> Payout {
        Payout::new(Handle::new(self.payout_id), transfer(status_of(kind), self.failure_reason))
    }
}

/// `mandate_authorized`, `mandate_failed` and `mandate_revoked`: <https://docs.truelayer.com/docs/mandate-webhooks>.
#[derive(Deserialize)]
pub(crate) struct MandateEvent {
    mandate_id: String,
    failure_reason: Option<String>,
    metadata: Option<Sent>,
}

impl MandateEvent {
    pub(crate) fn into_mandate(self, kind: &str) -> Mandate {
        let state = mandate(status_of(kind), self.failure_reason);
        let reference = self.metadata.and_then(|sent| sent.reference);
        Mandate { reference, ..Mandate::new(mandate_handle(&self.mandate_id), state) }
    }
}

/// A key set (RFC 7517), as far as it is read.
#[derive(Deserialize)]
pub(crate) struct Keys {
    pub(crate) keys: Vec<Jwk>,
}

#[derive(Deserialize)]
pub(crate) struct Jwk {
    pub(crate) kid: Option<String>,
    pub(crate) crv: Option<String>,
    pub(crate) x: Option<String>,
    pub(crate) y: Option<String>,
}

/// A problem (RFC 7807), or the token endpoint's error.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) errors: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A refund is looked up below its payment.
pub(crate) fn refund_handle(id: String, payment: &str) -> Handle {
    Handle::new(id).with("payment", payment)
}

/// A mandate's handle, which says that it is no payment's.
pub(crate) fn mandate_handle(id: &str) -> Handle {
    Handle::new(id).with("of", "mandate")
}

pub(crate) fn is_mandate(handle: &Handle) -> bool {
    handle.part("of") == Some("mandate")
}

/// The status that an event reports: what stands behind the object's name.
fn status_of(kind: &str) -> String {
    kind.split_once('_').map_or(kind, |(_, status)| status).to_owned()
}

/// The state of a payment into a merchant account (<https://docs.truelayer.com/docs/payment-statuses>).
pub(crate) fn state(status: String, failure_reason: Option<String>) -> State {
    match status.as_str() {
        "settled" => State::Captured,
        "authorization_required" | "authorizing" | "authorized" | "executed" | "attempt_failed" => State::Pending,
        "failed" => match failure_reason.as_deref() {
            Some("canceled") => State::Voided,
            Some("expired") => State::Expired,
            _ => State::Declined(decline(failure_reason)),
        },
        _ => State::Unrecognised(status),
    }
}

/// The state of a mandate (<https://docs.truelayer.com/docs/mandate-statuses>).
pub(crate) fn mandate(status: String, failure_reason: Option<String>) -> MandateState {
    match status.as_str() {
        "authorized" => MandateState::Active,
        "authorization_required" | "authorizing" => MandateState::Pending,
        "failed" => MandateState::Declined(decline(failure_reason)),
        "revoked" => MandateState::Revoked,
        _ => MandateState::Unrecognised(status),
    }
}

/// The state of a refund or payout.
fn transfer(status: String, failure_reason: Option<String>) -> TransferState {
    match status.as_str() {
        "executed" => TransferState::Succeeded,
        "authorization_required" | "authorizing" | "pending" | "authorized" => TransferState::Pending,
        "failed" => TransferState::Failed(decline(failure_reason)),
        _ => TransferState::Unrecognised(status),
    }
}

/// The class of a `failure_reason` (`PaymentFailureReason` of the vendor's SDK for Android).
fn decline(failure_reason: Option<String>) -> Decline {
    let reason = match failure_reason.as_deref() {
        Some("authorization_failed" | "invalid_credentials" | "invalid_otp" | "not_authorized") => {
            Reason::AuthenticationFailed
        }
        Some("blocked" | "constraint_violation") => Reason::RiskRules,
        Some("insufficient_funds") => Reason::InsufficientFunds,
        Some(
            "invalid_account_details"
            | "invalid_account_holder_name"
            | "invalid_beneficiary_account"
            | "invalid_remitter_account"
            | "invalid_sort_code",
        ) => Reason::InvalidAccount,
        Some("invalid_mandate_state" | "mandate_revoked") => Reason::MandateRevoked,
        Some("payment_limit_exceeded") => Reason::AmountLimit,
        Some("user_canceled_at_provider") => Reason::CustomerCancelled,
        Some("provider_expired") => Reason::Expired,
        Some("scheme_unavailable") => Reason::IssuerUnavailable,
        Some("internal_server_error" | "invalid_request" | "provider_error" | "scheme_error" | "unknown_error") => {
            Reason::ProcessingError
        }
        Some("failed" | "provider_rejected" | "rejected" | "verification_declined") => Reason::Generic,
        _ => Reason::Unmapped,
    };
    Decline { code: failure_reason, ..Decline::new(reason) }
}
