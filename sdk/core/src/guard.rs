//! The checks that hold for every provider, in one place: before a call leaves, and on what comes back.
//!
//! [`crate::Entry::connect`] gives connectors behind this layer only. Before: the operation, method, currency, amount and rules
//! are declared, else nothing is sent. After: amount, currency, id and reference of the answer agree with the request, and no
//! text of the answer holds a card number or a secret of the call.

use async_trait::async_trait;

use crate::kept::Kept;
use crate::{
    Adjust, Answer, AnswerDispute, Authorize, Capture, CaptureMode, Complete, Connector, Context, Currencies, Currency,
    Decline, Delivery, Dispute, DisputeState, Effect, Error, Event, EventBody, Handle, Key, Kind, Lookup, LookupKind,
    Mandate, MandateState, Method, Money, Network, NetworkToken, Op, OpenSession, PayOut, Payment, Payout, Recipient,
    Refund, RefundRequest, Result, Retrieve, RetrievePayout, RetrieveRefund, Revoke, Session, SetUp, Spec, State,
    ThreeDs, TransferState, UnwrapToken, Void, WalletToken,
};

/// A connector behind the common checks.
pub struct Guard {
    inner: Box<dyn Connector>,
}

impl Guard {
    /// Puts `inner` behind the checks.
    pub fn new(inner: impl Connector + 'static) -> Guard {
        Guard { inner: Box::new(inner) }
    }

    fn enter<'a>(&self, cx: &Context<'a>, op: Op) -> Result<Context<'a>> {
        match self.inner.spec().has(op) {
            true => Ok(cx.scoped(self.inner.spec())),
            false => Err(Error::unsupported(op)),
        }
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A connector holds keys.
        write!(f, "Guard({})", self.inner.spec().id)
    }
}

#[async_trait]
impl Connector for Guard {
    fn spec(&self) -> &'static Spec {
        self.inner.spec()
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let cx = self.enter(cx, Op::Authorize)?;
        check_authorize(self.spec(), request)?;
        request.method.secrets(&mut |secret| cx.protect(secret));
        request.three_ds.secrets(&mut |secret| cx.protect(secret));
        let payment = finish(&cx, self.inner.authorize(&cx, request).await)?;
        agree_payment(&payment, request.amount, &request.reference)?;
        Ok(payment)
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        let cx = self.enter(cx, Op::Complete)?;
        check_key(&request.key)?;
        check_reference(&request.reference)?;
        check_currency(self.spec().currencies, request.amount.currency())?;
        // A method that was only stored completes with an amount of zero.
        self.spec().minor(&request.amount)?;
        if let Some(method) = &request.method {
            if !self.spec().complete_with_method {
                return Err(Error::invalid("method", "this connector completes without the method"));
            }
            check_method(self.spec(), Op::Complete, method)?;
            method.secrets(&mut |secret| cx.protect(secret));
        }
        let payment = finish(&cx, self.inner.complete(&cx, request).await)?;
        // Before the provider has given an id, a payment goes under the merchant's reference.
        if request.payment.id() != request.reference {
            agree_id(&payment.handle, &request.payment)?;
        }
        agree_payment(&payment, request.amount, &request.reference)?;
        Ok(payment)
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let cx = self.enter(cx, Op::Capture)?;
        check_common(self.spec(), &request.key, &request.reference, request.amount)?;
        let payment = finish(&cx, self.inner.capture(&cx, request).await)?;
        agree_id(&payment.handle, &request.payment)?;
        agree(&payment.handle, "captured amount", payment.captured_now, request.amount)?;
        agree_captured(self.spec(), &payment, request.amount)?;
        Ok(payment)
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let cx = self.enter(cx, Op::Void)?;
        check_key(&request.key)?;
        check_reference(&request.reference)?;
        let payment = finish(&cx, self.inner.void(&cx, request).await)?;
        agree_id(&payment.handle, &request.payment)?;
        Ok(payment)
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let cx = self.enter(cx, Op::Refund)?;
        check_common(self.spec(), &request.key, &request.reference, request.amount)?;
        let refund = finish(&cx, self.inner.refund(&cx, request).await)?;
        agree(&refund.handle, "refunded amount", refund.amount, request.amount)?;
        agree_reference(&refund.handle, refund.reference.as_deref(), &request.reference)?;
        if let Some(payment) = &refund.payment {
            agree_id(payment, &request.payment)?;
        }
        Ok(refund)
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let cx = self.enter(cx, Op::Retrieve)?;
        let kind = match request.by {
            Lookup::Handle(_) => LookupKind::Handle,
            Lookup::Reference(_) => LookupKind::Reference,
        };
        if !self.spec().lookups.contains(&kind) {
            return Err(Error::unsupported_variant(format_args!(
                "retrieve by {}",
                if kind == LookupKind::Handle { "handle" } else { "reference" }
            )));
        }
        if let Lookup::Reference(reference) = &request.by {
            check_reference(reference)?;
        }
        let payment = finish(&cx, self.inner.retrieve(&cx, request).await)?;
        match &request.by {
            Lookup::Handle(handle) => agree_id(&payment.handle, handle)?,
            Lookup::Reference(reference) => agree_reference(&payment.handle, payment.reference.as_deref(), reference)?,
        }
        Ok(payment)
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        let cx = self.enter(cx, Op::RetrieveRefund)?;
        let refund = finish(&cx, self.inner.retrieve_refund(&cx, request).await)?;
        agree_id(&refund.handle, &request.refund)?;
        Ok(refund)
    }

    async fn adjust(&self, cx: &Context<'_>, request: &Adjust) -> Result<Payment> {
        let cx = self.enter(cx, Op::Adjust)?;
        check_common(self.spec(), &request.key, &request.reference, request.amount)?;
        let payment = finish(&cx, self.inner.adjust(&cx, request).await)?;
        agree_id(&payment.handle, &request.payment)?;
        agree(&payment.handle, "authorized amount", payment.amount, request.amount)?;
        Ok(payment)
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let cx = self.enter(cx, Op::SetUp)?;
        check_key(&request.key)?;
        check_reference(&request.reference)?;
        check_method(self.spec(), Op::SetUp, &request.method)?;
        check_currency(self.spec().currencies, request.currency)?;
        request.limits.check(request.currency)?;
        check_return_url(request.return_url.as_deref())?;
        request.method.secrets(&mut |secret| cx.protect(secret));
        request.three_ds.secrets(&mut |secret| cx.protect(secret));
        let mandate = finish(&cx, self.inner.set_up(&cx, request).await)?;
        agree_reference(&mandate.handle, mandate.reference.as_deref(), &request.reference)?;
        Ok(mandate)
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        let cx = self.enter(cx, Op::Revoke)?;
        check_key(&request.key)?;
        let mandate = finish(&cx, self.inner.revoke(&cx, request).await)?;
        agree_id(&mandate.handle, &request.mandate)?;
        Ok(mandate)
    }

    async fn open_session(&self, cx: &Context<'_>, request: &OpenSession) -> Result<Session> {
        let cx = self.enter(cx, Op::OpenSession)?;
        check_common(self.spec(), &request.key, &request.reference, request.amount)?;
        check_return_url(request.return_url.as_deref())?;
        let session = self.inner.open_session(&cx, request).await.map_err(|error| cleaned(&cx, error))?;
        refuse_secrets(&cx, &session)?;
        Ok(session)
    }

    async fn unwrap_token(&self, cx: &Context<'_>, request: &UnwrapToken) -> Result<NetworkToken> {
        let cx = self.enter(cx, Op::UnwrapToken)?;
        match &request.token {
            WalletToken::ApplePay(token) => token.secrets(&mut |secret| cx.protect(secret)),
            WalletToken::GooglePay(token) => token.secrets(&mut |secret| cx.protect(secret)),
        }
        self.inner.unwrap_token(&cx, request).await.map_err(|error| cleaned(&cx, error))
    }

    async fn pay_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        let cx = self.enter(cx, Op::PayOut)?;
        check_common(self.spec(), &request.key, &request.reference, request.amount)?;
        check_currency(self.spec().currencies_of(Op::PayOut), request.amount.currency())?;
        match &request.recipient {
            Recipient::Bank { account, .. } => account.secrets(&mut |secret| cx.protect(secret)),
            Recipient::Card(card) => card.secrets(&mut |secret| cx.protect(secret)),
            Recipient::Wallet { account, .. } => cx.protect(account.expose()),
        }
        let payout = finish(&cx, self.inner.pay_out(&cx, request).await)?;
        agree_payout(&payout, request.amount, &request.reference)?;
        Ok(payout)
    }

    async fn retrieve_payout(&self, cx: &Context<'_>, request: &RetrievePayout) -> Result<Payout> {
        let cx = self.enter(cx, Op::RetrievePayout)?;
        let payout = finish(&cx, self.inner.retrieve_payout(&cx, request).await)?;
        agree_id(&payout.handle, &request.payout)?;
        Ok(payout)
    }

    async fn answer_dispute(&self, cx: &Context<'_>, request: &AnswerDispute) -> Result<Dispute> {
        let cx = self.enter(cx, Op::AnswerDispute)?;
        check_key(&request.key)?;
        let rules = self.spec().disputes;
        match request.answer {
            Answer::Accept if !rules.accept => return Err(Error::unsupported_variant("accepting a dispute")),
            Answer::Contest(_) if !rules.contest => return Err(Error::unsupported_variant("contesting a dispute")),
            _ => {}
        }
        let dispute = finish(&cx, self.inner.answer_dispute(&cx, request).await)?;
        agree_id(&dispute.handle, &request.dispute)?;
        Ok(dispute)
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let cx = self.enter(cx, Op::Webhook)?;
        finish(&cx, self.inner.webhook(&cx, delivery).await)
    }
}

fn check_authorize(spec: &Spec, request: &Authorize) -> Result<()> {
    check_common(spec, &request.key, &request.reference, request.amount)?;
    check_method(spec, Op::Authorize, &request.method)?;
    check_return_url(request.return_url.as_deref())?;
    if request.capture == CaptureMode::Manual && !spec.capture.manual {
        return Err(Error::unsupported_variant("manual capture"));
    }
    if matches!(request.three_ds, ThreeDs::External(_)) && !spec.three_ds.external {
        return Err(Error::unsupported_variant("3-D Secure done elsewhere"));
    }
    if request.store && spec.mandates.is_empty() {
        return Err(Error::unsupported_variant("storing the method"));
    }
    Ok(())
}

fn check_common(spec: &Spec, key: &Key, reference: &str, amount: Money) -> Result<()> {
    check_key(key)?;
    check_reference(reference)?;
    check_amount(spec, amount)
}

fn check_key(key: &Key) -> Result<()> {
    let text = key.as_str();
    match (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(()),
        false => Err(Error::invalid("key", "an idempotency key has 1 to 64 visible ASCII characters")),
    }
}

fn check_reference(reference: &str) -> Result<()> {
    match !reference.is_empty() && reference.len() <= 80 && !reference.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(Error::invalid("reference", "a reference has 1 to 80 bytes and no control characters")),
    }
}

fn check_amount(spec: &Spec, amount: Money) -> Result<()> {
    check_currency(spec.currencies, amount.currency())?;
    if amount.minor() <= 0 {
        return Err(Error::invalid("amount", "the amount must be greater than zero"));
    }
    spec.minor(&amount).map(|_| ())
}

fn check_currency(declared: Currencies, currency: Currency) -> Result<()> {
    match declared.contains(currency) {
        true => Ok(()),
        false => Err(Error::invalid("amount.currency", format!("{currency} is not offered by this connector"))),
    }
}

fn check_method(spec: &Spec, op: Op, method: &Method) -> Result<()> {
    let (family, brand) = (method.family(), method.brand());
    let declared =
        spec.methods_of(op).iter().any(|kind| kind.family == family && (kind.brand.is_none() || kind.brand == brand));
    match method {
        Method::Card(_) if !spec.cards.number => return Err(Error::unsupported_variant("a card number")),
        Method::CardToken(_) if !spec.cards.token => return Err(Error::unsupported_variant("a card token")),
        _ => {}
    }
    match (declared, brand) {
        (true, _) => Ok(()),
        (false, Some(brand)) => Err(Error::unsupported_variant(format_args!("{op} with {family}/{brand}"))),
        (false, None) => Err(Error::unsupported_variant(format_args!("{op} with {family}"))),
    }
}

fn check_return_url(url: Option<&str>) -> Result<()> {
    match url.is_none_or(|url| url.starts_with("https://")) {
        true => Ok(()),
        false => Err(Error::invalid("return_url", "a return URL starts with https://")),
    }
}

fn integrity(handle: &Handle, message: String) -> Error {
    Error::new(Kind::Integrity, Effect::Unknown, message).about(handle)
}

pub(crate) fn agree(handle: &Handle, what: &str, answered: Option<Money>, asked: Money) -> Result<()> {
    match answered {
        Some(answered) if answered != asked => {
            Err(integrity(handle, format!("the {what} of the answer is {answered}, asked was {asked}")))
        }
        _ => Ok(()),
    }
}

/// Checks that a payout in an answer is of the amount and the reference that were asked for, as the guard does with a result; for
/// connectors that must know it before they go on.
pub fn agree_payout(payout: &Payout, asked: Money, reference: &str) -> Result<()> {
    agree(&payout.handle, "payout amount", payout.amount, asked)?;
    agree_reference(&payout.handle, payout.reference.as_deref(), reference)
}

/// Checks that a payment in an answer is of the amount and the reference that were asked for, as the guard does with a result;
/// for connectors that must know it before they go on.
pub fn agree_payment(payment: &Payment, asked: Money, reference: &str) -> Result<()> {
    agree(&payment.handle, "amount", payment.amount, asked)?;
    if payment.state == State::Captured {
        agree(&payment.handle, "captured amount", payment.captured, asked)?;
    }
    agree_reference(&payment.handle, payment.reference.as_deref(), reference)
}

/// Where one capture is all there is, the total is what was asked; else it is at least that.
fn agree_captured(spec: &Spec, payment: &Payment, asked: Money) -> Result<()> {
    match payment.captured {
        Some(total) if spec.capture.multiple && total >= asked => Ok(()),
        total if payment.state == State::Captured => agree(&payment.handle, "captured amount", total, asked),
        _ => Ok(()),
    }
}

fn agree_id(answered: &Handle, asked: &Handle) -> Result<()> {
    agree_part(asked, Some(asked.id()), Some(answered.id()))
}

/// Checks that an id in an answer about `handle` is the one that was asked for; for the ids that stand in a handle's parts,
/// which the guard does not know. Where one of them is not there, nothing disagrees.
pub fn agree_part(handle: &Handle, asked: Option<&str>, answered: Option<&str>) -> Result<()> {
    match (asked, answered) {
        (Some(asked), Some(answered)) if asked != answered => {
            Err(integrity(handle, format!("the answer speaks of {answered}, asked was {asked}")))
        }
        _ => Ok(()),
    }
}

pub(crate) fn agree_reference(handle: &Handle, answered: Option<&str>, asked: &str) -> Result<()> {
    match answered {
        Some(answered) if answered != asked => {
            Err(integrity(handle, "the answer carries another merchant reference".to_owned()))
        }
        _ => Ok(()),
    }
}

/// Masks every text of provider origin, on both ways out of a call. What must stay as it is, such as an id, must hold no secret.
fn finish<T: Texts + Kept>(cx: &Context<'_>, result: Result<T>) -> Result<T> {
    match result {
        Ok(mut value) => {
            value.texts(&mut |text| {
                if let Some(clean) = cx.changed(text) {
                    *text = clean;
                }
            });
            refuse_secrets(cx, &value)?;
            value.sound()?;
            Ok(value)
        }
        Err(error) => Err(cleaned(cx, error)),
    }
}

fn cleaned(cx: &Context<'_>, error: Error) -> Error {
    error.cleaned(|text| cx.clean(text), |text| cx.holds_secret(text))
}

/// An application stores ids and quotes them; one that repeats a secret of the call is no id.
fn refuse_secrets(cx: &Context<'_>, answer: &impl Kept) -> Result<()> {
    let mut repeats = false;
    answer.kept(&mut |text| repeats |= cx.holds_secret(text));
    match repeats {
        true => Err(Error::protocol("an id or address in the answer repeats a secret of the request")),
        false => Ok(()),
    }
}

/// What an answer says, for the checks that hold whatever was asked.
trait Texts {
    /// Visits the texts that come from the provider as free text or raw codes.
    fn texts(&mut self, visit: &mut dyn FnMut(&mut String));

    /// Checks that ids are not empty and amounts not below zero.
    fn sound(&self) -> Result<()> {
        Ok(())
    }
}

fn sound<const N: usize>(handle: &Handle, other: Option<&Handle>, amounts: [Option<Money>; N]) -> Result<()> {
    if handle.id().is_empty() || other.is_some_and(|other| other.id().is_empty()) {
        return Err(Error::protocol("the answer has an empty id"));
    }
    match amounts.into_iter().flatten().find(|amount| amount.minor() < 0) {
        Some(below) => Err(integrity(handle, format!("the answer states {below}, which is below zero"))),
        None => Ok(()),
    }
}

fn each(parts: [&mut Option<String>; 4], visit: &mut dyn FnMut(&mut String)) {
    parts.into_iter().flatten().for_each(visit);
}

impl Texts for Decline {
    fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        each([&mut self.code, &mut self.message, &mut self.network_code, &mut self.advice_code], visit);
    }
}

impl Texts for Network {
    fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        each([&mut self.response_code, &mut self.advice_code, &mut self.avs, &mut self.cvc], visit);
    }
}

impl Texts for Payment {
    fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        match &mut self.state {
            State::Declined(decline) => decline.texts(visit),
            State::Unrecognised(raw) => visit(raw),
            _ => {}
        }
        self.network.texts(visit);
    }

    fn sound(&self) -> Result<()> {
        sound(&self.handle, self.mandate.as_ref(), [self.amount, self.captured, self.captured_now, self.refunded])
    }
}

impl Texts for TransferState {
    fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        match self {
            TransferState::Failed(decline) => decline.texts(visit),
            TransferState::Unrecognised(raw) => visit(raw),
            _ => {}
        }
    }
}

impl Texts for Refund {
    fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        self.state.texts(visit);
    }

    fn sound(&self) -> Result<()> {
        sound(&self.handle, self.payment.as_ref(), [self.amount])
    }
}

impl Texts for Payout {
    fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        self.state.texts(visit);
    }

    fn sound(&self) -> Result<()> {
        sound(&self.handle, None, [self.amount])
    }
}

impl Texts for Mandate {
    fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        match &mut self.state {
            MandateState::Declined(decline) => decline.texts(visit),
            MandateState::Unrecognised(raw) => visit(raw),
            _ => {}
        }
        self.network.texts(visit);
    }

    fn sound(&self) -> Result<()> {
        sound(&self.handle, None, [])
    }
}

impl Texts for Dispute {
    fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        if let DisputeState::Unrecognised(raw) = &mut self.state {
            visit(raw);
        }
        self.reason_code.iter_mut().for_each(visit);
    }

    fn sound(&self) -> Result<()> {
        sound(&self.handle, self.payment.as_ref(), [self.amount])
    }
}

impl Texts for Vec<Event> {
    fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        for event in self {
            visit(&mut event.name);
            match &mut event.body {
                EventBody::Payment(payment) => payment.texts(visit),
                EventBody::Refund(refund) => refund.texts(visit),
                EventBody::Dispute(dispute) => dispute.texts(visit),
                EventBody::Payout(payout) => payout.texts(visit),
                EventBody::Mandate(mandate) => mandate.texts(visit),
                EventBody::Refusal(refusal) => refusal.decline.texts(visit),
                EventBody::Ignored => {}
            }
        }
    }

    fn sound(&self) -> Result<()> {
        self.iter().try_for_each(|event| match &event.body {
            EventBody::Payment(payment) => payment.sound(),
            EventBody::Refund(refund) => refund.sound(),
            EventBody::Dispute(dispute) => dispute.sound(),
            EventBody::Payout(payout) => payout.sound(),
            EventBody::Mandate(mandate) => mandate.sound(),
            EventBody::Refusal(_) | EventBody::Ignored => Ok(()),
        })
    }
}
