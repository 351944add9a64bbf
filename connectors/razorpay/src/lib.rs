//! Razorpay, API v1: orders, then payments. JSON, basic auth, HMAC-SHA256 of the checkout's return and of webhooks.
//!
//! - Every payment belongs to an order. It is either paid server to server (the account needs PCI DSS for cards) and goes by its
//!   own id, with the order's as a part; or in Razorpay's Checkout, which [`Connector::open_session`] opens: that goes by the
//!   order's id, which is the token too, and once it is paid has the payment's id as a part.
//! - Cards and UPI need the customer first: a page, or the UPI app by link, code or (old) request. What comes back with the
//!   customer is signed over order and payment; the payment itself is then looked up.
//! - A capture takes the whole amount. Nothing releases a reservation: it lapses by itself.
//! - Refunds and payouts carry an idempotency key. Orders and payments have none; a lost one is found by its reference, the order's
//!   `receipt`. Without the customer, only a payment under a mandate takes money.
//! - A mandate is a token of a card or of UPI AutoPay, which a first payment registers; one that only registers is of a rupee, and lapses. Its
//!   notes say so, by which a look-up and a delivery tell it from a purchase. Events of tokens name no customer, whom charges need: merge
//!   their handle into the one that the payment told ([`Handle::merged`]). Not offered: eMandate, whose banks confirm a
//!   registration up to two days after its payment is over (<https://razorpay.com/docs/payments/recurring-payments/emandate/faqs/>), by an
//!   event of the token that names no customer, and NACH, whose form the customer signs on paper.
//! - Payouts are RazorpayX's composite call, which keeps recipient and account by itself.
//!
//! Source: <https://razorpay.com/docs/api/> and <https://github.com/razorpay/markdown-docs>.

mod codes;
mod payout;
mod recurring;
mod wire;

use std::borrow::Cow;

use payout::payout;
use quittance::body::{Member, flag, node, object, optional, text, whole};
use quittance::digest::{self, Hash};
use quittance::*;
use recurring::Registration;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use wire::{
    Created, DisputeObject, EventName, EventObject, FaultBody, List, Order, Payload, PaymentObject, RecurringDetails,
    RefundObject,
};

/// The catalogue line.
pub static ENTRY: Entry = Entry::of::<Razorpay>();

const API: &str = "https://api.razorpay.com/v1";

/// The longest `receipt` of an order and `reference_id` of a payout.
const REFERENCE_BYTES: usize = 40;

/// One Razorpay account.
pub struct Razorpay {
    credentials: Credentials,
}

/// An account's keys, from the dashboard.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Key id: `rzp_test_…` or `rzp_live_…`; it decides between test and live.
    pub key_id: String,
    /// Key secret. It also signs what the checkout returns.
    pub key_secret: Secret,
    /// Secret of the webhook endpoint.
    pub webhook_secret: Secret,
    /// RazorpayX account number or customer identifier that payouts leave from.
    #[serde(default)]
    pub payout_account: Option<String>,
}

impl Provider for Razorpay {
    #[rustfmt::skip]
    const SPEC: Spec = Spec {
        hosts: &["api.razorpay.com"],
        operations: &[
            Op::Authorize, Op::Complete, Op::Capture, Op::Refund, Op::Retrieve, Op::RetrieveRefund, Op::SetUp, Op::Revoke,
            Op::OpenSession, Op::PayOut, Op::RetrievePayout, Op::AnswerDispute, Op::Webhook,
        ],
        methods: &[MethodKind::of(Family::Card), MethodKind::of(Family::Upi), MethodKind::of(Family::Mandate)],
        mandates: &[MethodKind::of(Family::Card), MethodKind::of(Family::Upi)],
        currencies: Currencies::Only(codes::CURRENCIES),
        payout_currencies: Some(&[Currency::INR]),
        countries: &["IN"],
        capture: CaptureRules { manual: true, partial: false, multiple: false },
        refund: RefundRules { partial: true, multiple: true },
        three_ds: ThreeDsRules { challenge: true, external: false },
        lookups: &[LookupKind::Handle, LookupKind::Reference],
        idempotency_exceptions: &[
            (Op::Refund, Idempotency::Header("x-refund-idempotency")),
            (Op::PayOut, Idempotency::Header("x-payout-idempotency")),
        ],
        webhook: Some(WebhookRules {
            authentication: WebhookAuthentication::HeaderMac, tolerance_seconds: None, acknowledgement: "",
        }),
        disputes: DisputeRules { accept: true, contest: false },
        ..Spec::new("razorpay", "Razorpay", "https://razorpay.com/docs/api/")
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Razorpay> {
        match credentials.key_id.starts_with("rzp_") {
            true => Ok(Razorpay { credentials }),
            false => Err(Error::new(Kind::Credentials, Effect::None, "a key id starts with rzp_").in_field("key_id")),
        }
    }
}

#[async_trait]
impl Connector for Razorpay {
    fn spec(&self) -> &'static Spec {
        ENTRY.spec
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        match &request.method {
            Method::Mandate(mandate) => self.charge(cx, request, mandate).await,
            _ => self.pay(cx, request, None).await,
        }
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        let Some(given) = request.returned("razorpay_signature") else { return self.look(cx, &request.payment).await };
        let paid = request.returned("razorpay_payment_id").unwrap_or_default();
        let key = self.credentials.key_secret.expose().as_bytes();
        let order = request.payment.part("order").unwrap_or(request.payment.id());
        let signature = digest::hmac(Hash::Sha256, key, &[order.as_bytes(), b"|", paid.as_bytes()]);
        if !hex::decode(given).is_ok_and(|given| digest::same(&signature, &given)) {
            return Err(Error::signature("what came back with the customer is not signed for this order"));
        }
        if is_order(&request.payment) {
            return self.look(cx, &request.payment.clone().with("payment", paid)).await;
        }
        agree_part(&request.payment, Some(request.payment.id()), Some(paid))?;
        self.look(cx, &request.payment).await
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let amount = whole("amount", Self::SPEC.minor(&request.amount)?);
        let body = object([amount, text("currency", request.amount.currency().code())]);
        let path = format!("payments/{}/capture", paid(&request.payment).segment()?);
        payment(&self.send(self.post(cx, &path).json(&body)).await?, Some(&request.payment))
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let body = object([
            whole("amount", Self::SPEC.minor(&request.amount)?),
            text("speed", "normal"),
            text("receipt", &request.reference),
            node("notes", [optional("reason", request.reason.as_deref())]),
        ]);
        let paid = paid(&request.payment);
        let call = self.post(cx, &format!("payments/{}/refund", paid.segment()?)).json(&body);
        let made: RefundObject = self.send(call.header("x-refund-idempotency", &idempotency_key(&request.key))).await?;
        agree_part(&request.payment, Some(paid.id()), Some(&made.payment_id))?;
        Ok(Refund { payment: Some(request.payment.clone()), ..refund(&made)? })
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let reference = match &request.by {
            Lookup::Handle(handle) => return self.look(cx, handle).await,
            Lookup::Reference(reference) => reference,
        };
        let orders = self.orders(cx, reference).await?;
        let missing = || Error::new(Kind::NotFound, Effect::None, "no order has this receipt");
        let newest = orders.first().ok_or_else(missing)?;
        // Tried again under the same reference, the order that money lies on counts.
        let paid =
            |order: &&Order| on(order).is_some_and(|one| codes::payment(one).is_success()) && !order.notes.registers;
        found(orders.iter().find(paid).unwrap_or(newest))
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        refund(&self.send(cx.get(format!("{API}/refunds/{}", request.refund.segment()?))).await?)
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        self.store(cx, request).await
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        self.forget(cx, &request.mandate).await
    }

    async fn open_session(&self, cx: &Context<'_>, request: &OpenSession) -> Result<Session> {
        let order = self.order(cx, request.amount, &request.reference, request.capture, &[], None).await?;
        Ok(Session { handle: Some(Handle::new(&order.id)), token: Secret::from(order.id), expires: None })
    }

    async fn pay_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        self.send_out(cx, request).await
    }

    async fn retrieve_payout(&self, cx: &Context<'_>, request: &RetrievePayout) -> Result<Payout> {
        payout(&self.send(cx.get(format!("{API}/payouts/{}", request.payout.segment()?))).await?)
    }

    async fn answer_dispute(&self, cx: &Context<'_>, request: &AnswerDispute) -> Result<Dispute> {
        let path = format!("disputes/{}/accept", request.dispute.segment()?);
        dispute(&self.send(self.post(cx, &path)).await?, None)
    }

    async fn webhook(&self, _: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let given = hex::decode(delivery.header("x-razorpay-signature")?);
        let given = given.map_err(|_| Error::signature("header x-razorpay-signature is not hexadecimal"))?;
        let key = self.credentials.webhook_secret.expose().as_bytes();
        let authentic = delivery.hmac(Hash::Sha256, key, &[Signed::Body], &given)?;
        let EventName { name, created_at } = authentic.json()?;
        let body = match name.split('.').collect::<Vec<_>>().as_slice() {
            ["payment", "authorized" | "captured" | "failed"]
            | ["payment", "dispute", _]
            | ["refund", _]
            | ["payout", _]
            | ["token", "confirmed" | "rejected" | "cancelled" | "paused"] => told(authentic.json()?, &name)?,
            _ => EventBody::Ignored,
        };
        // The event's id is in no signature: it serves to tell repetitions apart, nothing more.
        let id = delivery.header("x-razorpay-event-id").ok().map(str::to_owned);
        Ok(vec![Event { id, at: created_at.and_then(|at| Timestamp::from_second(at).ok()), name, body }])
    }
}

impl Razorpay {
    fn post<'a>(&self, cx: &'a Context<'_>, path: &str) -> Call<'a> {
        cx.post(format!("{API}/{path}"))
    }

    async fn exchange(&self, call: Call<'_>) -> Result<Reply> {
        call.basic(&self.credentials.key_id, &self.credentials.key_secret).send().await
    }

    async fn send<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T> {
        read(&self.exchange(call).await?)
    }

    /// A payment by the customer. One that is stored registers its method; with the limits of a mandate it does nothing else.
    async fn pay(&self, cx: &Context<'_>, request: &Authorize, only: Option<&MandateLimits>) -> Result<Payment> {
        let method = method(&request.method)?;
        let metadata = request.order.metadata.as_slice();
        let registration = match request.store {
            true => Some(self.register(cx, request, only).await?),
            false => None,
        };
        let registration = registration.as_ref();
        let order = self.order(cx, request.amount, &request.reference, request.capture, metadata, registration).await?;
        // What a page would need; the UPI app of one who registers has none.
        let page = (!registration.is_some_and(|registration| registration.upi)).then_some(&request.browser);
        let path = if page.is_some() { "payments/create/json" } else { "payments/create/upi" };
        let body = object(
            [
                whole("amount", Self::SPEC.minor(&request.amount)?),
                text("currency", request.amount.currency().code()),
                text("order_id", &order.id),
                optional("email", request.customer.email.as_deref()),
                optional("contact", request.customer.phone.as_deref()),
                optional("callback_url", request.return_url.as_deref().filter(|_| page.is_some())),
                optional("description", request.order.description.as_deref()),
                notes(&request.reference, metadata, registration),
                optional("ip", request.browser.ip.as_deref()),
                optional("user_agent", request.browser.user_agent.as_deref()),
                page.and_then(device),
            ]
            .into_iter()
            .chain(method)
            .chain(registration.into_iter().flat_map(Registration::of_payment)),
        );
        let reply = self.exchange(self.post(cx, path).json(&body)).await?;
        if let Some(declined) = declined(&reply, &order.id) {
            return Ok(Payment { reference: Some(request.reference.clone()), ..declined });
        }
        let created = created(&reply)?;
        let handle = Handle::new(&created.razorpay_payment_id).with("order", &order.id);
        let handle = handle.with_some("customer", registration.map(|registration| &registration.customer));
        let Some(action) = action(&created, &request.method) else { return self.look(cx, &handle).await };
        let amount = Some(Self::SPEC.money(order.amount, &order.currency)?);
        Ok(Payment { amount, reference: order.receipt, ..Payment::new(handle, State::ActionRequired(action)) })
    }

    /// The orders with this reference, the newest first.
    async fn orders(&self, cx: &Context<'_>, reference: &str) -> Result<Vec<Order>> {
        let mut query = Pairs::new();
        query.set("receipt", reference);
        query.set("expand[]", "payments");
        let mut found: List<Order> = self.send(cx.get(format!("{API}/orders")).query(&query)).await?;
        found.items.retain(|order| order.receipt.as_deref() == Some(reference));
        Ok(found.items)
    }

    /// Makes an order, which moves no money. What is reserved by hand lapses after five days, Razorpay's longest.
    /// <https://razorpay.com/docs/payments/payments/capture-settings/api/>
    async fn order(
        &self,
        cx: &Context<'_>,
        amount: Money,
        reference: &str,
        mode: CaptureMode,
        metadata: &[(String, String)],
        registration: Option<&Registration>,
    ) -> Result<Order> {
        let by_hand = mode == CaptureMode::Manual;
        let options = node(
            "capture_options",
            [
                whole("automatic_expiry_period", (!by_hand).then_some(12)),
                whole("manual_expiry_period", 7200),
                text("refund_speed", "normal"),
            ],
        );
        let plain = [
            whole("amount", Self::SPEC.minor(&amount)?),
            text("currency", amount.currency().code()),
            text("receipt", receipt(reference)?),
            node("payment", [text("capture", if by_hand { "manual" } else { "automatic" }), options]),
            notes(reference, metadata, registration),
        ];
        let body = object(plain.into_iter().chain(registration.into_iter().flat_map(Registration::of_order)));
        let order: Order = self.send(self.post(cx, "orders").json(&body).harmless()).await?;
        let told = Payment {
            amount: Some(Self::SPEC.money(order.amount, &order.currency)?),
            reference: order.receipt.clone(),
            ..Payment::new(Handle::new(&order.id), State::Pending)
        };
        agree_payment(&told, amount, reference)?;
        Ok(order)
    }

    /// The payment of a handle; of an order that was not paid for here, the one that counts.
    async fn look(&self, cx: &Context<'_>, handle: &Handle) -> Result<Payment> {
        if !is_order(handle) || handle.part("payment").is_some() {
            let call = cx.get(format!("{API}/payments/{}", paid(handle).segment()?));
            let found: PaymentObject = self.send(call).await.map_err(|error| error.about(handle))?;
            return payment(&found, Some(handle));
        }
        let found: List<PaymentObject> =
            self.send(cx.get(format!("{API}/orders/{}/payments", handle.segment()?))).await?;
        match counting(&found.items) {
            Some(object) => payment(object, Some(handle)),
            None => Ok(Payment::new(handle.clone(), State::Pending)),
        }
    }
}

fn read<T: DeserializeOwned>(reply: &Reply) -> Result<T> {
    if !reply.is_success() {
        return Err(fault(reply));
    }
    // An error body is believed under any status.
    reply.json().map_err(|unread| reply.json::<FaultBody>().map_or(unread, |_| fault(reply).of_kind(Kind::Invalid)))
}

/// The error of an answer that is no success. An id that does not exist is a 400 whose text alone says so.
fn fault(reply: &Reply) -> Error {
    let Ok(FaultBody { error: fault }) = reply.json() else { return reply.fault_with(Fault::default()) };
    let missing = fault.description.as_deref().is_some_and(|text| text.contains("does not exist"));
    let conflict = fault.reason.as_deref() == Some("order_already_paid");
    let code = fault.reason.filter(|reason| !matches!(reason.as_str(), "" | "NA" | "null")).or(fault.code);
    let field = fault.field.filter(|name| !name.is_empty());
    let error = reply.fault_with(Fault { code, message: fault.description, field });
    match error.kind() {
        Kind::Invalid if missing => error.of_kind(Kind::NotFound),
        Kind::Invalid if conflict => error.of_kind(Kind::Conflict),
        _ => error,
    }
}

/// A payment that was made, which has an id.
fn created(reply: &Reply) -> Result<Created> {
    let created: Created = read(reply)?;
    match created.razorpay_payment_id.is_empty() {
        true => Err(Error::protocol("the answer has an empty id")),
        false => Ok(created),
    }
}

/// A payment that was refused while it was made: the error names it.
fn declined(reply: &Reply, order: &str) -> Option<Payment> {
    let fault = (reply.status() == 400).then(|| reply.json::<FaultBody>().ok()).flatten()?.error;
    let id = fault.metadata?.payment_id.filter(|id| !id.is_empty())?;
    let decline = codes::decline(fault.reason, fault.description);
    Some(Payment::new(Handle::new(id).with("order", order), State::Declined(decline)))
}

/// What the customer must do next; `None` where the payment is to be looked up.
fn action(created: &Created, method: &Method) -> Option<NextAction> {
    let way = |wanted: &str| {
        let next = created.next.iter().find(|next| next.action == wanted);
        next.and_then(|next| next.url.clone()).or_else(|| created.link.clone().filter(|_| wanted == "intent"))
    };
    match method {
        Method::Upi(Upi::Qr) => way("intent").map(|text| NextAction::Qr { text, expires: None }),
        Method::Upi(Upi::Intent) => way("intent").map(|url| NextAction::Redirect { url }),
        Method::Upi(Upi::Collect { .. }) => way("poll").map(|_| NextAction::ConfirmInApp),
        _ => way("redirect").map(|url| NextAction::ThreeDs { url, fields: Vec::new() }),
    }
}

/// What an event holds that was said to hold this.
fn told(event: EventObject, name: &str) -> Result<EventBody> {
    let Payload { dispute: quarrel, payment: paid, payout: sent, refund: returned, token } = event.payload;
    if name.starts_with("token.") {
        let token = token.ok_or_else(|| Error::protocol("the event does not hold what its name says"))?.entity;
        // The token of a card can come without details: then its event says where it stands.
        let named = name.trim_start_matches("token.").to_owned();
        let details = token.recurring_details.unwrap_or(RecurringDetails { status: named, failure_reason: None });
        let handle = recurring::handle(&token.id, token.method.as_deref());
        return Ok(EventBody::Mandate(Mandate::new(handle, codes::token(details))));
    }
    let paid = paid.map(|holder| holder.entity);
    let of = paid.as_ref().map(handle);
    let body = match (quarrel, sent, returned, paid) {
        (Some(object), ..) if name.starts_with("payment.dispute.") => EventBody::Dispute(dispute(&object.entity, of)?),
        (_, Some(object), ..) if name.starts_with("payout.") => EventBody::Payout(payout(&object.entity)?),
        (_, _, Some(object), _) if name.starts_with("refund.") => EventBody::Refund(refund(&object.entity)?),
        (.., Some(object)) if !name.contains(".dispute.") => EventBody::Payment(payment(&object, None)?),
        _ if name.starts_with("payout.downtime") => EventBody::Ignored,
        _ => return Err(Error::protocol("the event does not hold what its name says")),
    };
    Ok(body)
}

/// The payment that counts among the tries on an order: the one that money lies on, else the newest.
fn counting(tries: &[PaymentObject]) -> Option<&PaymentObject> {
    tries.iter().find(|one| codes::payment(one).is_success()).or(tries.first())
}

fn on(order: &Order) -> Option<&PaymentObject> {
    counting(&order.payments.as_ref()?.items)
}

/// What an order that was looked up tells.
fn found(order: &Order) -> Result<Payment> {
    let found = match on(order) {
        Some(object) => payment(object, None)?,
        None => {
            let amount = Razorpay::SPEC.money(order.amount, &order.currency)?;
            let amount = Some(amount).filter(|_| !order.notes.registers);
            Payment { amount, ..Payment::new(Handle::new(&order.id), State::Pending) }
        }
    };
    Ok(Payment { reference: order.receipt.clone(), ..found })
}

/// Whether the handle is that of a Checkout session.
fn is_order(handle: &Handle) -> bool {
    handle.id().starts_with("order_")
}

/// The payment's own id.
fn paid(handle: &Handle) -> Handle {
    Handle::new(handle.part("payment").unwrap_or(handle.id()))
}

fn handle(object: &PaymentObject) -> Handle {
    Handle::new(&object.id).with_some("order", object.order_id.as_ref())
}

/// A payment out of an answer, about the payment or session that was asked for.
fn payment(object: &PaymentObject, asked: Option<&Handle>) -> Result<Payment> {
    let handle = match asked {
        Some(session) if is_order(session) => {
            agree_part(session, Some(session.id()), object.order_id.as_deref())?;
            agree_part(session, session.part("payment"), Some(&object.id))?;
            session.clone().with("payment", &object.id)
        }
        Some(asked) => {
            agree_part(asked, asked.part("order"), object.order_id.as_deref())?;
            agree_part(asked, asked.part("customer"), object.customer_id.as_deref())?;
            asked.clone().merged(&handle(object))
        }
        None => handle(object),
    };
    let money = |minor: i64| Razorpay::SPEC.money(minor, &object.currency);
    let mut payment = Payment::new(handle, codes::payment(object));
    payment.amount = Some(money(object.amount)?);
    payment.captured = payment.amount.filter(|_| payment.state == State::Captured);
    payment.refunded = object.amount_refunded.map(money).transpose()?;
    payment.reference = object.notes.reference.clone();
    payment.mandate = recurring::mandate(object, asked).filter(|_| payment.state.is_success());
    payment.network.authorization_code = object.acquirer_data.as_ref().and_then(|data| data.auth_code.clone());
    Ok(recurring::of_set_up(object, asked, payment))
}

fn refund(object: &RefundObject) -> Result<Refund> {
    let mut refund = Refund::new(Handle::new(&object.id), codes::refund(object));
    refund.amount = Some(Razorpay::SPEC.money(object.amount, &object.currency)?);
    refund.payment = Some(Handle::new(&object.payment_id));
    refund.reference = object.receipt.clone();
    Ok(refund)
}

fn dispute(object: &DisputeObject, of: Option<Handle>) -> Result<Dispute> {
    let mut dispute = Dispute::new(Handle::new(&object.id), codes::dispute(&object.status));
    dispute.stage = object.phase.as_deref().and_then(codes::stage);
    dispute.payment = of.or_else(|| Some(Handle::new(&object.payment_id)));
    dispute.amount = Some(Razorpay::SPEC.money(object.amount, &object.currency)?);
    dispute.reason_code = object.reason_code.clone();
    dispute.respond_by = object.respond_by.and_then(|by| Timestamp::from_second(by).ok());
    Ok(dispute)
}

/// The members that name the method: <https://razorpay.com/docs/payments/payment-gateway/s2s-integration/payment-methods/>.
fn method(method: &Method) -> Result<[Member<'_>; 3]> {
    Ok(match method {
        Method::Card(card) => {
            let data = node(
                "card",
                [
                    text("number", card.number.expose()),
                    optional("name", card.holder.as_deref()),
                    text("expiry_month", card.expiry.month2()),
                    text("expiry_year", card.expiry.year2()),
                    optional("cvv", card.cvc.as_ref().map(|cvc| cvc.expose())),
                ],
            );
            [text("method", "card"), data, node("authentication", [text("authentication_channel", "browser")])]
        }
        Method::Upi(Upi::Collect { address }) => {
            [text("method", "upi"), node("upi", [text("flow", "collect"), text("vpa", address)]), None]
        }
        Method::Upi(Upi::Intent | Upi::Qr) => [text("method", "upi"), node("upi", [text("flow", "intent")]), None],
        other => return Err(Error::unsupported_variant(other.family())),
    })
}

fn device(browser: &Browser) -> Member<'_> {
    node(
        "browser",
        [
            flag("java_enabled", browser.java),
            whole("timezone_offset", browser.time_zone_offset_minutes.map(i64::from)),
            whole("color_depth", browser.color_depth.map(i64::from)),
            whole("screen_width", browser.screen_width.map(i64::from)),
            whole("screen_height", browser.screen_height.map(i64::from)),
            optional("language", browser.language.as_deref()),
        ],
    )
}

/// The reference, by which a payment is told from others, whether it only registers, and the merchant's own data.
fn notes<'a>(reference: &'a str, metadata: &'a [(String, String)], registration: Option<&Registration>) -> Member<'a> {
    let purpose = registration.is_some_and(|registration| registration.only).then_some(wire::REGISTERS);
    let others = metadata.iter().filter(|(name, _)| name != "reference" && name != wire::REGISTRATION);
    let own = [text("reference", reference), optional(wire::REGISTRATION, purpose)];
    node("notes", own.into_iter().chain(others.map(|(name, value)| text(name, value))))
}

fn receipt(reference: &str) -> Result<&str> {
    match reference.len() <= REFERENCE_BYTES {
        true => Ok(reference),
        false => Err(Error::invalid("reference", "a reference has at most 40 bytes here")),
    }
}

/// 10 to 36 letters, digits, hyphens and underscores go as they are; another key as the start of its digest.
/// <https://razorpay.com/docs/api/refunds/normal-refunds-idempotent/>, <https://razorpay.com/docs/api/x/payout-idempotency/>
fn idempotency_key(key: &Key) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match (10..=36).contains(&key.as_str().len()) && key.as_str().bytes().all(plain) {
        true => key.as_str().into(),
        false => hex::encode(&digest::sha256(key.as_str().as_bytes())[..16]).into(),
    }
}
