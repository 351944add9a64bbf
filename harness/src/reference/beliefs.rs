//! What each planted bug makes of an answer; without a bug, what the answer says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quittance::{digest, *};
use serde_json::Value;

use super::bugs::Bug;
use super::connector::SIGNATURE;
use super::plants::Plants;
use super::wire::{self, Delivered, MandateAnswer, TransferAnswer};

/// Under which id a bug reports a payment that it knows nothing of.
const MADE_UP: &str = "pay_believed";

fn made_up(state: State) -> Payment {
    Payment::new(Handle::new(MADE_UP), state)
}

fn refused() -> State {
    State::Declined(Decline::new(Reason::Generic))
}

/// A delivery whose proof is the beginning of the right one; `None` leaves the proof to be checked as it should be.
fn believe_cut(cx: &Context<'_>, delivery: &Delivery, key: &[u8]) -> Option<Result<Delivered>> {
    let header = delivery.header("reference-signature").ok()?;
    let (time, given) = header.strip_prefix("t=")?.split_once(",v1=")?;
    let given = hex::decode(given).ok().filter(|given| !given.is_empty())?;
    check_age(cx, time.parse().ok()?, SIGNATURE.tolerance_seconds).ok()?;
    let right = |body: &str| digest::hmac(SIGNATURE.hash, key, &[time.as_bytes(), b".", body.as_bytes()]);
    let begins = delivery.untrusted(|body| Ok(right(body.text()?).starts_with(&given)));
    begins.is_ok_and(|begins| begins).then(|| delivery.untrusted(|body| body.json()))
}

/// The page of a challenge as any other page.
fn redirect(action: NextAction) -> NextAction {
    match action {
        NextAction::ThreeDs { url, .. } => NextAction::Redirect { url },
        other => other,
    }
}

/// Leaves out of a payment what a bug does not read.
fn drop_member(bug: Bug, payment: &mut Payment) {
    match bug {
        Bug::AmountIgnored => payment.amount = None,
        Bug::CapturedNowIgnored => payment.captured_now = None,
        Bug::RefundedIgnored => payment.refunded = None,
        Bug::ReferenceIgnored => payment.reference = None,
        Bug::MandateDropped => payment.mandate = None,
        Bug::ApprovalCodeDropped => payment.network.authorization_code = None,
        Bug::ResponseCodeDropped => payment.network.response_code = None,
        Bug::AddressCheckDropped => payment.network.avs = None,
        Bug::CodeCheckDropped => payment.network.cvc = None,
        Bug::EciDropped => payment.network.eci = None,
        _ => {}
    }
}

impl Plants {
    /// The error of an exchange that did not take place.
    pub(super) fn failure(&self, error: Error) -> Error {
        match self.bug {
            Some(Bug::ResetWithoutEffect) => error.with_effect(Effect::None),
            _ => error,
        }
    }

    /// What a payment whose exchange failed is taken for.
    pub(super) fn believe_failure(&self, error: Error) -> Result<Payment> {
        match self.bug {
            Some(Bug::TimeoutAsFailed) if error.effect() == Effect::Unknown => Ok(made_up(refused())),
            _ => Err(error),
        }
    }

    /// The error that an answer stands for.
    pub(super) fn fault(&self, error: Error, signing_key: &str) -> Error {
        let bare = |kind: Kind| Error::new(kind, error.effect(), error.message());
        match self.bug {
            Some(Bug::RetryAfterDropped) if error.kind() == Kind::RateLimited => bare(Kind::RateLimited),
            Some(Bug::RateLimitUnreadable) if error.kind() == Kind::RateLimited => bare(Kind::Protocol),
            Some(Bug::ServerErrorUnreadable) if error.kind() == Kind::Unavailable => bare(Kind::Protocol),
            Some(Bug::FieldDropped) => bare(error.kind()),
            Some(Bug::ConflictAsInvalid) if error.kind() == Kind::Conflict => error.of_kind(Kind::Invalid),
            Some(Bug::NotFoundAsProtocol) if error.kind() == Kind::NotFound => bare(Kind::Protocol),
            Some(Bug::SecretInError) => {
                Error::new(error.kind(), error.effect(), format!("refused, signed with {signing_key}"))
            }
            _ => error,
        }
    }

    /// The error that a refusal under a success status stands for.
    pub(super) fn refused(&self, error: Error) -> Error {
        let code = error.code().unwrap_or_default();
        match self.bug {
            Some(Bug::UnlistedRefusalAsInvalid) if error.kind() == Kind::Protocol => {
                Error::new(Kind::Invalid, Effect::None, error.message()).with_code(code)
            }
            Some(Bug::ListedRefusalAsUnknown) if code == "account_unknown" => error.of_kind(Kind::Protocol),
            Some(Bug::RunningAsRefused) if code == "still_running" => error.with_effect(Effect::None),
            Some(Bug::RefusalCodeDropped) => Error::new(error.kind(), error.effect(), error.message()),
            _ => error,
        }
    }

    /// What an answer about a payment is taken for before it is read.
    pub(super) fn believe(&self, op: Op, reply: &Reply) -> Option<Result<Payment>> {
        let status = reply.status();
        let state = match self.bug? {
            Bug::ServerErrorAsDecline if status >= 500 => refused(),
            Bug::RateLimitAsDecline if status == 429 => refused(),
            Bug::CredentialsAsDecline if status == 401 => refused(),
            Bug::RedirectAsSuccess if status == 302 => State::Captured,
            Bug::PageAsSuccess if status == 200 && reply.json::<Value>().is_err() => State::Captured,
            Bug::HalfAnswerAsSuccess if reply.is_success() && reply.json::<Value>().is_err() => {
                reply.text().ok().filter(|text| text.contains("\"status\":\"captured\""))?;
                State::Captured
            }
            Bug::EmptyAnswerAsSuccess if reply.is_success() && reply.text() == Ok("") => State::Captured,
            Bug::NotFoundAsVoided if status == 404 && op == Op::Retrieve => State::Voided,
            Bug::ConflictAsSuccess if status == 409 => State::Captured,
            _ => return None,
        };
        Some(Ok(made_up(state)))
    }

    /// What is made of a payment that was read.
    pub(super) fn payment(
        &self,
        op: Op,
        mut payment: Payment,
        reply: &Reply,
        asked: Option<Money>,
        key: &str,
    ) -> Result<Payment> {
        let Some(bug) = self.bug else { return Ok(payment) };
        if op == Op::Authorize {
            self.note(&payment);
        }
        match bug {
            Bug::UnknownAsError if matches!(payment.state, State::Unrecognised(_)) => {
                return Err(Error::protocol("the status of the answer is not known"));
            }
            Bug::DeclineAsError if matches!(payment.state, State::Declined(_)) => {
                return Err(Error::new(Kind::Invalid, Effect::None, "the payment was declined"));
            }
            #[allow(clippy::panic, reason = "a planted bug: what a connector must never do")]
            Bug::PanicOnMissing if payment.network.transaction_id.is_none() => panic!("the answer has no network"),
            Bug::CurrencyIgnored => {
                let of_asked = |amount: Money| Money::new(amount.minor(), asked.unwrap_or(amount).currency());
                payment.amount = payment.amount.map(of_asked);
                payment.captured = payment.captured.map(of_asked);
            }
            Bug::CapturedNowAsAsked if op == Op::Capture => payment.captured_now = asked.or(payment.captured_now),
            Bug::IdLost => payment.handle = Handle::new(payment.reference.clone().unwrap_or_default()),
            Bug::PartialAsFull if op == Op::Capture => payment.captured = payment.amount,
            Bug::CardInHandle => {
                payment.handle = self.kept().map_or(payment.handle, |card| Handle::new(STANDARD.encode(card)))
            }
            Bug::CardInApprovalCode => {
                payment.network.authorization_code = self.kept().map(|card| STANDARD.encode(format!("a{card}")))
            }
            Bug::CardInDebug => payment.network.eci = self.kept().map(|card| card.chars().rev().collect()),
            Bug::KeyInDebug => payment.network.avs = Some(key.chars().rev().collect()),
            Bug::LengthHeaderTrusted if reply.header("content-length").is_some() => payment.state = State::Pending,
            _ => {}
        }
        let said = |pointer: &str| {
            let value = reply.json::<Value>().ok()?;
            value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
        };
        match (bug, &mut payment.state) {
            (Bug::NetworkCodeOfOneMember, State::Declined(decline)) => {
                decline.network_code = said("/decline/network_code");
            }
            (Bug::RefusalReopened, State::Declined(_)) if reply.status() == 402 && said("/decline/code").is_none() => {
                payment.state = State::Pending;
            }
            _ => {}
        }
        drop_member(bug, &mut payment);
        payment.state = self.state(bug, op, payment.state);
        Ok(payment)
    }

    fn state(&self, bug: Bug, op: Op, state: State) -> State {
        match (bug, state) {
            (Bug::UnknownAsSuccess, State::Unrecognised(_)) => State::Captured,
            (Bug::EmptyStatusAsSuccess, State::Unrecognised(raw)) if raw.is_empty() => State::Captured,
            (Bug::UnknownAsPending, State::Unrecognised(_)) => State::Pending,
            (Bug::DeclineAsPending, State::Declined(_)) => State::Pending,
            (Bug::ActionDropped, State::ActionRequired(_)) => State::Pending,
            (Bug::ChallengeAsRedirect, State::ActionRequired(action)) => State::ActionRequired(redirect(action)),
            (Bug::ExpiredAsCaptured, State::Expired) => State::Captured,
            (Bug::LapsedAsVoided, State::Expired) => State::Voided,
            (Bug::ChallengeAsSuccess, State::ActionRequired(_)) => State::Captured,
            (Bug::VoidAsAuthorized, State::Voided) if op == Op::Void => State::Authorized,
            (_, State::Declined(decline)) => State::Declined(self.decline(bug, decline)),
            (_, state) => state,
        }
    }

    fn decline(&self, bug: Bug, decline: Decline) -> Decline {
        match bug {
            Bug::DeclineCodeDropped => Decline { code: None, ..decline },
            Bug::NetworkCodeDropped => Decline { network_code: None, ..decline },
            Bug::AdviceCodeDropped => Decline { advice_code: None, ..decline },
            Bug::MessageDropped => Decline { message: None, ..decline },
            Bug::ReasonsSwapped => match decline.reason {
                Reason::LostCard => Decline { reason: Reason::StolenCard, ..decline },
                Reason::StolenCard => Decline { reason: Reason::LostCard, ..decline },
                _ => decline,
            },
            Bug::RareReason if decline.reason == Reason::InvalidAccount => {
                Decline { reason: Reason::Unmapped, ..decline }
            }
            Bug::UnlistedCodeAsGeneric if decline.reason == Reason::Unmapped => {
                Decline { reason: Reason::Generic, ..decline }
            }
            _ => decline,
        }
    }

    /// What the customer's return is taken for before the provider is asked.
    pub(super) fn believe_return(&self, request: &Complete) -> Option<Payment> {
        let believes = self.has(Bug::ReturnBelieved);
        believes.then(|| Payment::new(request.payment.clone(), State::Captured))
    }

    /// What an answer to a refund is taken for before it is read.
    pub(super) fn believe_refund(&self, reply: &Reply) -> Option<Refund> {
        let believes = self.has(Bug::RefundLimitIgnored) && reply.status() == 422;
        believes.then(|| Refund::new(Handle::new("ref_believed"), TransferState::Succeeded))
    }

    /// What is made of a refund that was read.
    pub(super) fn refund(&self, mut refund: Refund) -> Refund {
        match (self.bug, &refund.state) {
            (Some(Bug::PendingRefundAsSettled), TransferState::Pending) => refund.state = TransferState::Succeeded,
            (Some(Bug::UnknownRefundAsSettled), TransferState::Unrecognised(_)) => {
                refund.state = TransferState::Succeeded
            }
            (Some(Bug::FailedRefundAsPending), TransferState::Failed(_)) => refund.state = TransferState::Pending,
            (Some(Bug::RefundAmountIgnored), _) => refund.amount = None,
            (Some(Bug::RefundPaymentIgnored), _) => refund.payment = None,
            (Some(Bug::RefundReferenceIgnored), _) => refund.reference = None,
            _ => {}
        }
        refund
    }

    /// What is made of a payout that was read.
    pub(super) fn payout(&self, mut payout: Payout) -> Payout {
        match (self.bug, &payout.state) {
            (Some(Bug::FailedPayoutAsPaid), TransferState::Failed(_)) => payout.state = TransferState::Succeeded,
            (Some(Bug::PayoutReferenceIgnored), _) => payout.reference = None,
            _ => {}
        }
        payout
    }

    /// A payout that is taken for done when it was only created.
    pub(super) fn unconfirmed(&self, created: &TransferAnswer) -> Option<Result<Payout>> {
        let done = |payout: Payout| Payout { state: TransferState::Succeeded, ..payout };
        self.has(Bug::ConfirmationLeftOut).then(|| wire::payout(created).map(done))
    }

    /// The error of a payout's second exchange; the first one has named `handle`.
    pub(super) fn about(&self, error: Error, handle: &Handle) -> Error {
        match self.bug {
            Some(Bug::HandleLost) => error,
            Some(Bug::EffectForgotten) => error.about(handle).with_effect(Effect::None),
            _ => error.about(handle),
        }
    }

    /// What is made of a mandate that was read.
    pub(super) fn mandate(&self, mut mandate: Mandate) -> Mandate {
        match (self.bug, &mandate.state) {
            (Some(Bug::ChallengeAsRedirect), MandateState::ActionRequired(action)) => {
                mandate.state = MandateState::ActionRequired(redirect(action.clone()));
            }
            (Some(Bug::RevokedAsActive), MandateState::Revoked) => mandate.state = MandateState::Active,
            (Some(Bug::MandateReferenceIgnored), _) => mandate.reference = None,
            _ => {}
        }
        mandate
    }

    /// The answer to a set-up as it is read.
    pub(super) fn set_up(&self, answer: MandateAnswer) -> MandateAnswer {
        if self.has(Bug::CustomerAsMandate) { answer.by_customer() } else { answer }
    }

    /// The reference of a method that is stored once the customer has done their part.
    pub(super) fn stored_reference(&self, reference: Option<String>) -> Option<String> {
        reference.filter(|_| !self.has(Bug::StoredReferenceDropped))
    }

    /// What is made of a dispute that was read.
    pub(super) fn dispute(&self, mut dispute: Dispute) -> Dispute {
        if self.has(Bug::DisputeReasonDropped) {
            dispute.reason_code = None;
        }
        if self.has(Bug::InquiryAsChargeback) {
            dispute.stage = Some(DisputeStage::Chargeback);
        }
        if self.has(Bug::LostDisputeAsWon) && dispute.state == DisputeState::Lost {
            dispute.state = DisputeState::Won;
        }
        dispute
    }

    /// How a delivery is vouched for, where a bug has its own way.
    pub(super) fn vouch(&self, cx: &Context<'_>, delivery: &Delivery, key: &[u8]) -> Option<Result<Delivered>> {
        match self.bug? {
            Bug::UnsignedBelieved => Some(delivery.untrusted(|body| body.json())),
            Bug::StaleBelieved => {
                let form = Dated { tolerance_seconds: u32::MAX, ..SIGNATURE };
                let read = |authentic: Authentic<'_>| authentic.json();
                Some(delivery.dated_hmac(cx, "reference-signature", &form, key).and_then(read))
            }
            Bug::AheadBelieved => {
                let given = delivery.header("reference-signature").unwrap_or_default();
                let ahead = given.strip_prefix("t=").and_then(|rest| rest.split(',').next()?.parse::<i64>().ok());
                let is_ahead = ahead.is_some_and(|ahead| ahead > cx.now().as_second());
                let form = Dated { tolerance_seconds: if is_ahead { u32::MAX } else { 300 }, ..SIGNATURE };
                Some(delivery.dated_hmac(cx, "reference-signature", &form, key).and_then(|authentic| authentic.json()))
            }
            Bug::ProofCutBelieved => believe_cut(cx, delivery, key),
            _ => None,
        }
    }

    /// What a vouched-for delivery that cannot be read is taken for.
    pub(super) fn unread(&self, error: Error) -> Result<Vec<Event>> {
        let ignores = self.has(Bug::UnreadableEventIgnored) && error.kind() == Kind::Protocol;
        if ignores { Ok(Vec::new()) } else { Err(error) }
    }

    /// The events of a delivery in the order in which they are told.
    pub(super) fn ordered(&self, mut events: Vec<Event>) -> Vec<Event> {
        if self.has(Bug::EventsSorted) {
            events.sort_by(|one, other| one.name.cmp(&other.name));
        }
        events
    }

    /// What is made of an event that was read.
    pub(super) fn event(&self, cx: &Context<'_>, mut event: Event) -> Result<Event> {
        let Some(bug) = self.bug else { return Ok(event) };
        if bug == Bug::EventIdMinted {
            event.id = Some(cx.uuid());
        }
        event.body = match (bug, event.body) {
            (Bug::EventOfOtherPayment, EventBody::Payment(payment)) => {
                EventBody::Payment(Payment { handle: Handle::new(MADE_UP), ..payment })
            }
            (Bug::UnknownDeliveredAsSuccess, EventBody::Payment(payment)) => {
                let unknown = matches!(payment.state, State::Unrecognised(_));
                EventBody::Payment(if unknown { Payment { state: State::Captured, ..payment } } else { payment })
            }
            (Bug::UnknownEventAsPayment, EventBody::Ignored) => EventBody::Payment(made_up(State::Captured)),
            (Bug::UnknownEventAsError, EventBody::Ignored) => {
                return Err(Error::protocol("the delivery is of an unknown type"));
            }
            (Bug::RefusalAsDecline, EventBody::Refusal(refusal)) => {
                EventBody::Payment(Payment::new(refusal.payment, State::Declined(refusal.decline)))
            }
            (_, EventBody::Refund(refund)) => EventBody::Refund(self.refund(refund)),
            (_, EventBody::Payout(payout)) => EventBody::Payout(self.payout(payout)),
            (_, EventBody::Dispute(dispute)) => EventBody::Dispute(self.dispute(dispute)),
            (_, body) => body,
        };
        Ok(event)
    }
}
