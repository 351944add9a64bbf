//! Recurring payments by card and UPI: a first payment registers the method under a token, further ones are charged to it, and it is
//! withdrawn.
//!
//! Source: pages "Create the Authorisation Transaction", "Fetch and Manage Tokens" and "Create Subsequent Payments" of
//! <https://razorpay.com/docs/payments/payment-gateway/s2s-integration/recurring-payments/>, under `cards` and `upi-intent`.

use quittance::body::{Member, flag, node, object, optional, text, whole};
use quittance::*;

use crate::wire::{Cancelled, CustomerObject, Deleted, Order, PaymentObject, REGISTERS, RecurringDetails};
use crate::{API, Razorpay, codes, created, declined, found, notes, on};

/// What a payment that only registers a card is of, in paise.
const REGISTRATION_MINOR: i64 = 100;

/// The most that a charge can be without the cardholder, in paise; where the application sets no limit, this is it.
const CHARGE_MAX_MINOR: i64 = 1_500_000;

/// A customer at Razorpay, and what is registered for them.
pub(crate) struct Registration {
    pub(crate) customer: String,
    /// Whether the payment does nothing else.
    pub(crate) only: bool,
    /// By UPI, in the customer's app; else by card.
    pub(crate) upi: bool,
    max_minor: Option<i64>,
    expire_at: Option<i64>,
}

impl Registration {
    /// The members of an order that registers.
    pub(crate) fn of_order(&self) -> [Member<'_>; 3] {
        let token = node(
            "token",
            [
                whole("max_amount", self.max_minor),
                whole("expire_at", self.expire_at),
                text("frequency", "as_presented"),
            ],
        );
        [text("customer_id", &self.customer), text("method", if self.upi { "upi" } else { "card" }), token]
    }

    /// The members of a payment that registers.
    pub(crate) fn of_payment(&self) -> [Member<'_>; 3] {
        let customer = text("customer_id", &self.customer);
        match self.upi {
            true => [customer, text("recurring", "1"), None],
            false => [customer, flag("recurring", true), whole("save", 1)],
        }
    }
}

impl Razorpay {
    /// Makes the customer, or finds the one of the same details; moves no money. A card is registered until it expires, for charges up to
    /// what needs no cardholder; UPI has limits of its own, where the application sets none.
    pub(crate) async fn register(
        &self,
        cx: &Context<'_>,
        request: &Authorize,
        only: Option<&MandateLimits>,
    ) -> Result<Registration> {
        let card = match &request.method {
            Method::Card(card) => Some(card),
            Method::Upi(Upi::Intent | Upi::Qr) => None,
            _ => return Err(Error::unsupported_variant("storing another method than a card, or upi by link or code")),
        };
        in_rupees(request.amount.currency())?;
        let limits = only.cloned().unwrap_or_default();
        let max_minor = match &limits.payment_max {
            Some(amount) => Some(Razorpay::SPEC.minor(amount)?),
            None => card.map(|_| CHARGE_MAX_MINOR),
        };
        let expire_at = match (limits.valid_to, card) {
            (None, Some(card)) => Some(last_month(&card.expiry)?),
            (end, _) => end,
        };
        let customer = &request.customer;
        let body = object([
            optional("name", customer.full_name().or_else(|| card.and_then(|card| card.holder.clone()))),
            text("email", needed(&customer.email, "customer.email")?),
            text("contact", needed(&customer.phone, "customer.phone")?),
            text("fail_existing", "0"),
        ]);
        let made: CustomerObject = self.send(self.post(cx, "customers").json(&body).harmless()).await?;
        let expire_at = expire_at.map(|end| end.as_second());
        Ok(Registration { customer: made.id, only: only.is_some(), upi: card.is_none(), max_minor, expire_at })
    }

    /// Registers a method by a payment of a rupee, which is reserved and never captured.
    pub(crate) async fn store(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        in_rupees(request.currency)?;
        let amount = Money::new(REGISTRATION_MINOR, Currency::INR);
        let payment = self.pay(cx, &Authorize { amount, ..request.as_payment() }, Some(&request.limits)).await?;
        let state = match payment.state {
            State::ActionRequired(action) => MandateState::ActionRequired(action),
            State::Declined(decline) => MandateState::Declined(decline),
            State::Unrecognised(status) => MandateState::Unrecognised(status),
            _ => MandateState::Pending,
        };
        Ok(Mandate { reference: payment.reference, ..Mandate::new(payment.handle.with("of", REGISTERS), state) })
    }

    /// A payment under a token, without the customer. Razorpay tells no repetition, so an order with this reference is gone on with: it
    /// is paid once.
    pub(crate) async fn charge(&self, cx: &Context<'_>, request: &Authorize, mandate: &Handle) -> Result<Payment> {
        let customer = customer_of(mandate)?;
        let payer = &request.customer;
        let (email, contact) = (needed(&payer.email, "customer.email")?, needed(&payer.phone, "customer.phone")?);
        let metadata = request.order.metadata.as_slice();
        in_rupees(request.amount.currency())?;
        let before = self.orders(cx, &request.reference).await?;
        let goes_on = |order: &Order| {
            !order.notes.registers && found(order).is_ok_and(|payment| !matches!(payment.state, State::Declined(_)))
        };
        let order = match before.into_iter().find(goes_on) {
            Some(order) => {
                let known = found(&order)?;
                agree_payment(&known, request.amount, &request.reference)?;
                if on(&order).is_some() {
                    return Ok(known);
                }
                order
            }
            None => self.order(cx, request.amount, &request.reference, request.capture, metadata, None).await?,
        };
        let body = object([
            text("email", email),
            text("contact", contact),
            whole("amount", Razorpay::SPEC.minor(&request.amount)?),
            text("currency", request.amount.currency().code()),
            text("order_id", &order.id),
            text("customer_id", customer),
            text("token", mandate.id()),
            flag("recurring", true),
            optional("description", request.order.description.as_deref()),
            notes(&request.reference, metadata, None),
        ]);
        let reply = self.exchange(self.post(cx, "payments/create/recurring").json(&body)).await?;
        if let Some(declined) = declined(&reply, &order.id) {
            return Ok(Payment { reference: Some(request.reference.clone()), ..declined });
        }
        let made = created(&reply)?;
        self.look(cx, &Handle::new(made.razorpay_payment_id).with("order", &order.id)).await
    }

    /// Deletes a token. That of UPI is cancelled, since a mandate outlives its token.
    pub(crate) async fn forget(&self, cx: &Context<'_>, mandate: &Handle) -> Result<Mandate> {
        let customer = Handle::new(customer_of(mandate)?);
        let url = format!("{API}/customers/{}/tokens/{}", customer.segment()?, mandate.segment()?);
        if mandate.part("method") == Some("upi") {
            let Cancelled { status } = self.send(cx.call(http::Method::PUT, format!("{url}/cancel"))).await?;
            let state = codes::token(RecurringDetails { status, failure_reason: None });
            return Ok(Mandate::new(mandate.clone(), state));
        }
        let answer: Deleted = self.send(cx.call(http::Method::DELETE, url)).await?;
        match answer.deleted {
            true => Ok(Mandate::new(mandate.clone(), MandateState::Revoked)),
            false => Err(Error::new(Kind::Conflict, Effect::None, "the token was not deleted")),
        }
    }
}

/// What a payment tells that only registers: no money is taken, and the token is all that counts. One of UPI may be made to fail once the
/// mandate is there.
pub(crate) fn of_set_up(object: &PaymentObject, asked: Option<&Handle>, found: Payment) -> Payment {
    if !object.notes.registers && asked.and_then(|asked| asked.part("of")) != Some(REGISTERS) {
        return found;
    }
    let registered = found.state.is_success() || object.error_reason.as_deref() == Some("upi_dummy_payment");
    let mandate = mandate(object, asked).filter(|_| registered);
    let state = if registered { State::Pending } else { found.state };
    let handle = found.handle.with("of", REGISTERS);
    Payment { handle, state, mandate, amount: None, captured: None, refunded: None, ..found }
}

/// The token that a payment has registered.
pub(crate) fn mandate(object: &PaymentObject, asked: Option<&Handle>) -> Option<Handle> {
    let customer = asked.and_then(|asked| asked.part("customer")).or(object.customer_id.as_deref())?;
    object.token_id.as_ref().map(|token| handle(token, object.method.as_deref()).with("customer", customer))
}

/// The handle of a token, with its method where that is not withdrawn as a card is.
pub(crate) fn handle(token: &str, method: Option<&str>) -> Handle {
    Handle::new(token).with_some("method", method.filter(|method| *method == "upi"))
}

fn customer_of(mandate: &Handle) -> Result<&str> {
    let lacking = "the handle lacks the customer of the token, whom the payment that registered it tells";
    mandate.part("customer").ok_or_else(|| Error::invalid("mandate", lacking))
}

pub(crate) fn in_rupees(currency: Currency) -> Result<()> {
    match currency {
        Currency::INR => Ok(()),
        _ => Err(Error::invalid("currency", "recurring payments are in rupees")),
    }
}

fn needed<'a>(value: &'a Option<String>, field: &'static str) -> Result<&'a str> {
    value.as_deref().ok_or_else(|| Error::invalid(field, "recurring payments need it"))
}

/// A time in the last month of a card.
fn last_month(expiry: &Expiry) -> Result<Timestamp> {
    let text = format!("20{}-{}-28T00:00:00Z", expiry.year2(), expiry.month2());
    text.parse().map_err(|_| Error::invalid("method.expiry", "the expiry is no date"))
}
