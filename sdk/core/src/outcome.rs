//! What a provider answered.

use jiff::Timestamp;

use crate::{Decline, Handle, Money, Op, Secret};

/// Where a payment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The customer must do something first.
    ActionRequired(NextAction),
    /// The provider works on it; a webhook or [`crate::Connector::retrieve`] tells the end.
    Pending,
    /// Money is reserved.
    Authorized,
    /// Money is taken, wholly or partly: see [`Payment::captured`].
    Captured,
    /// The reservation is released.
    Voided,
    /// Refused.
    Declined(Decline),
    /// Ran out before it was finished.
    Expired,
    /// The provider's status value is not in the connector's table: neither success nor failure. Look again later, or ask the provider.
    Unrecognised(String),
}

impl State {
    /// The state in words, `snake_case`.
    pub fn as_str(&self) -> &'static str {
        match self {
            State::ActionRequired(_) => "action_required",
            State::Pending => "pending",
            State::Authorized => "authorized",
            State::Captured => "captured",
            State::Voided => "voided",
            State::Declined(_) => "declined",
            State::Expired => "expired",
            State::Unrecognised(_) => "unrecognised",
        }
    }

    /// Whether money is reserved or taken.
    pub fn is_success(&self) -> bool {
        matches!(self, State::Authorized | State::Captured)
    }
}

/// A form or query parameter of a redirect.
pub type Parameters = Vec<(String, String)>;

/// What the customer must do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextAction {
    /// Go to a page by GET.
    Redirect {
        /// The page.
        url: String,
    },
    /// Go to a page by POST of a form.
    PostForm {
        /// The page.
        url: String,
        /// The form fields, in order.
        fields: Parameters,
    },
    /// Pass a 3-D Secure step at a page: a fingerprint or a challenge.
    ThreeDs {
        /// The page (GET, or POST when there are fields).
        url: String,
        /// The form fields, in order.
        fields: Parameters,
    },
    /// Scan a code.
    Qr {
        /// The text of the code.
        text: String,
        /// When it runs out.
        expires: Option<Timestamp>,
    },
    /// Pay a voucher or make a transfer with these details.
    Voucher {
        /// The number, reference or account to use.
        reference: String,
        /// A page or document with instructions.
        url: Option<String>,
        /// When it runs out.
        expires: Option<Timestamp>,
    },
    /// Confirm in an app on another device; nothing to show.
    ConfirmInApp,
    /// Hand this to the provider's client SDK.
    ClientSdk {
        /// The client token or secret that the SDK takes.
        token: Secret,
    },
}

impl NextAction {
    /// The action in words, as in scenarios.
    pub fn as_str(&self) -> &'static str {
        match self {
            NextAction::Redirect { .. } | NextAction::PostForm { .. } => "redirect",
            NextAction::ThreeDs { .. } => "three_ds",
            NextAction::Qr { .. } => "qr",
            NextAction::Voucher { .. } => "voucher",
            NextAction::ConfirmInApp => "app",
            NextAction::ClientSdk { .. } => "client",
        }
    }
}

/// What the card network said, as it came; whatever stands in the answer is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The network transaction id (Visa TID, Mastercard trace id), to be quoted by later merchant-initiated payments.
    pub transaction_id: Option<String>,
    /// The issuer's authorization code.
    pub authorization_code: Option<String>,
    /// The raw response code (ISO 8583 field 39); also on approvals.
    pub response_code: Option<String>,
    /// The raw merchant advice code.
    pub advice_code: Option<String>,
    /// Raw result of the address check.
    pub avs: Option<String>,
    /// Raw result of the card code check.
    pub cvc: Option<String>,
    /// The electronic commerce indicator of the 3-D Secure result.
    pub eci: Option<String>,
}

/// A payment as one answer of the provider shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// What to store; later calls take it.
    pub handle: Handle,
    /// Where it stands.
    pub state: State,
    /// The amount authorized or ordered, if the answer says it.
    pub amount: Option<Money>,
    /// The amount taken so far, if the answer says it.
    pub captured: Option<Money>,
    /// The amount that this very call took, if the answer says it; set by captures only.
    pub captured_now: Option<Money>,
    /// The amount given back so far, if the answer says it.
    pub refunded: Option<Money>,
    /// The merchant's reference, if the answer echoes it.
    pub reference: Option<String>,
    /// The stored mandate or credential, if one was made.
    pub mandate: Option<Handle>,
    /// What the network said.
    pub network: Network,
}

impl Payment {
    /// A payment of which no more is known.
    pub fn new(handle: Handle, state: State) -> Payment {
        Payment {
            handle,
            state,
            amount: None,
            captured: None,
            captured_now: None,
            refunded: None,
            reference: None,
            mandate: None,
            network: Network::default(),
        }
    }
}

/// Where a refund or payout stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferState {
    /// The provider works on it.
    Pending,
    /// The customer or recipient must do something first.
    ActionRequired(NextAction),
    /// Done.
    Succeeded,
    /// Refused or returned; the money is back.
    Failed(Decline),
    /// Withdrawn before it was done.
    Cancelled,
    /// The provider's status value is not in the connector's table.
    Unrecognised(String),
}

impl TransferState {
    /// The state in words, `snake_case`.
    pub fn as_str(&self) -> &'static str {
        match self {
            TransferState::Pending => "pending",
            TransferState::ActionRequired(_) => "action_required",
            TransferState::Succeeded => "succeeded",
            TransferState::Failed(_) => "failed",
            TransferState::Cancelled => "cancelled",
            TransferState::Unrecognised(_) => "unrecognised",
        }
    }
}

/// A refund as one answer shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// What to store.
    pub handle: Handle,
    /// Where it stands.
    pub state: TransferState,
    /// How much, if the answer says it.
    pub amount: Option<Money>,
    /// The payment it belongs to, if the answer says it.
    pub payment: Option<Handle>,
    /// The merchant's reference, if the answer echoes it.
    pub reference: Option<String>,
}

impl Refund {
    /// A refund of which no more is known.
    pub fn new(handle: Handle, state: TransferState) -> Refund {
        Refund { handle, state, amount: None, payment: None, reference: None }
    }
}

/// A payout as one answer shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// What to store.
    pub handle: Handle,
    /// Where it stands.
    pub state: TransferState,
    /// How much, if the answer says it.
    pub amount: Option<Money>,
    /// The merchant's reference, if the answer echoes it.
    pub reference: Option<String>,
}

impl Payout {
    /// A payout of which no more is known.
    pub fn new(handle: Handle, state: TransferState) -> Payout {
        Payout { handle, state, amount: None, reference: None }
    }
}

/// Where a mandate or stored credential stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MandateState {
    /// The customer must agree or authenticate first.
    ActionRequired(NextAction),
    /// The bank or provider works on it.
    Pending,
    /// Usable.
    Active,
    /// Refused.
    Declined(Decline),
    /// Withdrawn, by the merchant, the customer or the bank.
    Revoked,
    /// The provider's status value is not in the connector's table.
    Unrecognised(String),
}

impl MandateState {
    /// The state in words, `snake_case`.
    pub fn as_str(&self) -> &'static str {
        match self {
            MandateState::ActionRequired(_) => "action_required",
            MandateState::Pending => "pending",
            MandateState::Active => "active",
            MandateState::Declined(_) => "declined",
            MandateState::Revoked => "revoked",
            MandateState::Unrecognised(_) => "unrecognised",
        }
    }
}

/// A mandate or stored credential; its handle goes into [`crate::Method::Mandate`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mandate {
    /// What to store.
    pub handle: Handle,
    /// Where it stands.
    pub state: MandateState,
    /// The merchant's reference, if the answer echoes it.
    pub reference: Option<String>,
    /// What the network said.
    pub network: Network,
}

impl Mandate {
    /// A mandate of which no more is known.
    pub fn new(handle: Handle, state: MandateState) -> Mandate {
        Mandate { handle, state, reference: None, network: Network::default() }
    }

    /// What became of a payment of nothing that was to store its method ([`crate::SetUp::as_payment`]). Approved without a mandate: the
    /// provider tells it later, and the payment's handle stands for it until then.
    pub fn of_payment(payment: Payment) -> Mandate {
        let state = match (payment.state, &payment.mandate) {
            (State::Authorized | State::Pending, Some(_)) => MandateState::Active,
            (State::Authorized | State::Pending, None) => MandateState::Pending,
            (State::ActionRequired(action), _) => MandateState::ActionRequired(action),
            (State::Declined(decline), _) => MandateState::Declined(decline),
            (State::Unrecognised(raw), _) => MandateState::Unrecognised(raw),
            (other, _) => MandateState::Unrecognised(other.as_str().to_owned()),
        };
        let handle = payment.mandate.unwrap_or(payment.handle);
        Mandate { reference: payment.reference, network: payment.network, ..Mandate::new(handle, state) }
    }
}

/// What a client SDK or wallet sheet needs to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The payment or session at the provider, if one was made.
    pub handle: Option<Handle>,
    /// The client token, client secret or opaque session text; hand it on unchanged.
    pub token: Secret,
    /// When it runs out, if the answer says it.
    pub expires: Option<Timestamp>,
}

/// Where a dispute stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisputeState {
    /// An answer is due, see [`Dispute::respond_by`].
    NeedsResponse,
    /// The bank decides.
    UnderReview,
    /// Decided for the merchant.
    Won,
    /// Decided for the customer, or given up.
    Lost,
    /// The provider's status value is not in the connector's table.
    Unrecognised(String),
}

impl DisputeState {
    /// The state in words, `snake_case`.
    pub fn as_str(&self) -> &'static str {
        match self {
            DisputeState::NeedsResponse => "needs_response",
            DisputeState::UnderReview => "under_review",
            DisputeState::Won => "won",
            DisputeState::Lost => "lost",
            DisputeState::Unrecognised(_) => "unrecognised",
        }
    }
}

/// The stage of a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeStage {
    /// A question by the bank or wallet; no money has moved.
    Inquiry,
    /// The money was taken back.
    Chargeback,
    /// A second round after a contested chargeback.
    PreArbitration,
    /// Decided by the network.
    Arbitration,
}

impl DisputeStage {
    /// The stage in words, `snake_case`.
    pub const fn as_str(self) -> &'static str {
        match self {
            DisputeStage::Inquiry => "inquiry",
            DisputeStage::Chargeback => "chargeback",
            DisputeStage::PreArbitration => "pre_arbitration",
            DisputeStage::Arbitration => "arbitration",
        }
    }
}

/// A dispute as one answer shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// What to store.
    pub handle: Handle,
    /// Where it stands.
    pub state: DisputeState,
    /// The stage, if the answer says it.
    pub stage: Option<DisputeStage>,
    /// The payment, if the answer says it.
    pub payment: Option<Handle>,
    /// The disputed amount, if the answer says it.
    pub amount: Option<Money>,
    /// The network's or provider's reason code, as it came.
    pub reason_code: Option<String>,
    /// Until when an answer is accepted.
    pub respond_by: Option<Timestamp>,
}

impl Dispute {
    /// A dispute of which no more is known.
    pub fn new(handle: Handle, state: DisputeState) -> Dispute {
        Dispute { handle, state, stage: None, payment: None, amount: None, reason_code: None, respond_by: None }
    }
}

/// One event of a webhook delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The provider's id of the event, for duplicate detection, where it has one.
    pub id: Option<String>,
    /// When it happened, if the delivery says it.
    pub at: Option<Timestamp>,
    /// The provider's name of the event, as it came.
    pub name: String,
    /// What it tells.
    pub body: EventBody,
}

/// What an event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventBody {
    /// A payment changed.
    Payment(Payment),
    /// A refund changed.
    Refund(Refund),
    /// A dispute changed.
    Dispute(Dispute),
    /// A payout changed.
    Payout(Payout),
    /// A mandate changed.
    Mandate(Mandate),
    /// A capture, void, refund or adjustment that was taken on earlier has been refused; the payment stands as before.
    Refusal(Refusal),
    /// A vouched-for event that the connector does not read; acknowledge it and go on.
    Ignored,
}

impl EventBody {
    /// The kind in words, `snake_case`.
    pub fn as_str(&self) -> &'static str {
        match self {
            EventBody::Payment(_) => "payment",
            EventBody::Refund(_) => "refund",
            EventBody::Dispute(_) => "dispute",
            EventBody::Payout(_) => "payout",
            EventBody::Mandate(_) => "mandate",
            EventBody::Refusal(_) => "refusal",
            EventBody::Ignored => "ignored",
        }
    }
}

/// The late refusal of an operation that the provider had answered with "pending".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The operation that was refused.
    pub op: Op,
    /// The payment it was for.
    pub payment: Handle,
    /// Why.
    pub decline: Decline,
}
