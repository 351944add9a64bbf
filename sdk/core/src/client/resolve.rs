//! Settling calls that ended unknown: the provider is asked, and only what it shows is taken for done.

use crate::guard::{agree, agree_payment, agree_reference};
use crate::{
    Adjust, Authorize, Capture, Client, Complete, Connector, Context, Effect, Error, Handle, Kind, Lookup, LookupKind,
    Op, PayOut, Payment, Payout, Refund, RefundRequest, Result, Retrieve, RetrievePayout, RetrieveRefund, Spec, State,
};

use super::About;

impl Client {
    /// The payment that an authorization without an answer made, if a look-up finds it.
    pub(super) async fn settle_authorize(
        &self,
        cx: &Context<'_>,
        about: &About<'_>,
        request: &Authorize,
        error: Error,
    ) -> Result<Payment> {
        if !self.may_have_made(Op::Authorize, &error) {
            return Err(error);
        }
        let handle = error.handle().filter(|_| self.finds(LookupKind::Handle));
        let by = match handle {
            Some(handle) => Lookup::Handle(handle.clone()),
            None if self.finds(LookupKind::Reference) => Lookup::Reference(request.reference.clone()),
            None => return Err(error),
        };
        match self.look_up(cx, about, by).await {
            Some(Ok(found)) => match agree_payment(&found, request.amount, &request.reference) {
                Ok(()) => Ok(found),
                Err(disagreement) => Err(disagrees(error, disagreement)),
            },
            Some(Err(missing)) if missing.kind() == Kind::NotFound && self.policy.not_found_is_proof => {
                Err(error.with_effect(Effect::None))
            }
            _ => Err(error),
        }
    }

    /// The payment after a later step without an answer, if look-ups show later steps and one shows that this was taken. A refused step is not looked up: a
    /// payment shows that such a step was taken, not that it was this one.
    pub(super) async fn settle_step(
        &self,
        cx: &Context<'_>,
        about: &About<'_>,
        by: Lookup,
        error: Error,
        shown: impl Fn(&Payment) -> bool + Send,
    ) -> Result<Payment> {
        if !is_open(&error) {
            return Err(error);
        }
        let (kind, payment) = match &by {
            Lookup::Handle(payment) => (LookupKind::Handle, payment.clone()),
            Lookup::Reference(reference) => (LookupKind::Reference, Handle::new(reference)),
        };
        let found = match self.finds(kind) && self.spec().retrieve.later {
            true => self.look_up(cx, about, by).await,
            false => None,
        };
        match found {
            Some(Ok(found)) if shown(&found) => Ok(found),
            _ if error.handle().is_none() => Err(error.about(&payment)),
            _ => Err(error),
        }
    }

    /// The refund that a call without a usable answer made, or that the refused call repeated, if the error kept its id. Without it nothing
    /// can be shown: the total given back says nothing about one refund.
    pub(super) async fn settle_refund(
        &self,
        cx: &Context<'_>,
        about: &About<'_>,
        request: &RefundRequest,
        error: Error,
    ) -> Result<Refund> {
        let Some(refund) = self.asks(cx, about, Op::RetrieveRefund, &error) else { return Err(error) };
        let lookup = RetrieveRefund { refund };
        let about = About { op: Op::RetrieveRefund, ..about.clone() };
        let Ok(found) = self.run(cx, &about, || self.connector.retrieve_refund(cx, &lookup)).await else {
            return Err(error);
        };
        if found.payment.as_ref().is_some_and(|payment| payment.id() != request.payment.id()) {
            return Err(error);
        }
        let amount = agree(&found.handle, "refunded amount", found.amount, request.amount);
        match amount.and_then(|()| agree_reference(&found.handle, found.reference.as_deref(), &request.reference)) {
            Ok(()) => Ok(found),
            Err(disagreement) => Err(disagrees(error, disagreement)),
        }
    }

    /// The payout that a call without a usable answer made, or that the refused call repeated, if the error kept its id.
    pub(super) async fn settle_pay_out(
        &self,
        cx: &Context<'_>,
        about: &About<'_>,
        request: &PayOut,
        error: Error,
    ) -> Result<Payout> {
        let Some(payout) = self.asks(cx, about, Op::RetrievePayout, &error) else { return Err(error) };
        let lookup = RetrievePayout { payout };
        let about = About { op: Op::RetrievePayout, ..about.clone() };
        let Ok(found) = self.run(cx, &about, || self.connector.retrieve_payout(cx, &lookup)).await else {
            return Err(error);
        };
        let amount = agree(&found.handle, "payout amount", found.amount, request.amount);
        match amount.and_then(|()| agree_reference(&found.handle, found.reference.as_deref(), &request.reference)) {
            Ok(()) => Ok(found),
            Err(disagreement) => Err(disagrees(error, disagreement)),
        }
    }

    /// Whether what `op` was to make may be there: the result is open, or a provider that refuses repetitions may have refused one.
    fn may_have_made(&self, op: Op, error: &Error) -> bool {
        is_open(error) || error.kind() == Kind::Conflict && self.spec().idempotency_of(op).refuses()
    }

    fn finds(&self, kind: LookupKind) -> bool {
        self.spec().has(Op::Retrieve) && self.spec().lookups.contains(&kind)
    }

    /// The handle to ask for with `op`, if it may be there and there is time.
    fn asks(&self, cx: &Context<'_>, about: &About<'_>, op: Op, error: &Error) -> Option<Handle> {
        let asked =
            self.may_have_made(about.op, error) && self.spec().has(op) && about.elapsed(cx) < self.policy.deadline;
        error.handle().filter(|_| asked).cloned()
    }

    /// What the provider says about the payment; `None` if there is no time left to ask.
    async fn look_up(&self, cx: &Context<'_>, about: &About<'_>, by: Lookup) -> Option<Result<Payment>> {
        if about.elapsed(cx) >= self.policy.deadline {
            return None;
        }
        let lookup = Retrieve { by };
        let about = About { op: Op::Retrieve, ..about.clone() };
        Some(self.run(cx, &about, || self.connector.retrieve(cx, &lookup)).await)
    }
}

/// Whether the provider may have acted and a look-up can tell. An answer that disagrees with the request stays an error.
fn is_open(error: &Error) -> bool {
    error.effect() == Effect::Unknown && error.kind() != Kind::Integrity
}

/// What comes of a call when another payment, refund or payout is found in the place of its own: where the provider refused the call, its
/// word stands, since the reference or id was taken and nothing happened.
fn disagrees(error: Error, disagreement: Error) -> Error {
    if is_open(&error) { disagreement } else { error }
}

/// By what the payment of a completion is found: before the provider has given an id, it goes under the merchant's reference.
pub(super) fn of_completion(request: &Complete) -> Lookup {
    match request.payment.id() == request.reference {
        true => Lookup::Reference(request.reference.clone()),
        false => Lookup::Handle(request.payment.clone()),
    }
}

/// Whether the payment went on: it reached an end, or money is reserved or taken as asked.
pub(super) fn shows_completion(found: &Payment, request: &Complete) -> bool {
    let went_on = match found.state {
        State::ActionRequired(_) | State::Pending | State::Unrecognised(_) => false,
        State::Authorized | State::Captured | State::Voided | State::Declined(_) | State::Expired => true,
    };
    went_on && agree_payment(found, request.amount, &request.reference).is_ok()
}

/// Whether the amount was taken. Where a payment can be captured in parts, the total does not tell which of them arrived.
pub(super) fn shows_capture(found: &Payment, request: &Capture, spec: &Spec) -> bool {
    !spec.capture.multiple && found.state == State::Captured && found.captured == Some(request.amount)
}

/// Whether the reservation is released.
pub(super) fn shows_void(found: &Payment) -> bool {
    found.state == State::Voided
}

/// Whether the reservation has the new total.
pub(super) fn shows_adjustment(found: &Payment, request: &Adjust) -> bool {
    found.state == State::Authorized && found.amount == Some(request.amount)
}
