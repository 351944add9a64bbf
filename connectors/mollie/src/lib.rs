//! Mollie: Payments, Captures, Refunds, Customers and Mandates API v2, with an API key.
//!
//! - Cards come as tokens of Mollie Components, and are authenticated on a page of Mollie before anything is known of them.
//! - A classic webhook is a form with nothing but an id: the payment is looked up. The newer, signed webhooks are checked, and what
//!   they speak of is looked up too. Classic ones are asked for by `webhook_url`, signed ones are set up in Mollie's dashboard.
//! - A mandate comes of a first payment (`store`), or of an account for SEPA debits. A payment by mandate is always Mollie's
//!   `recurring`, whoever starts it.
//! - Only POST requests know idempotency keys, for an hour (<https://docs.mollie.com/reference/api-idempotency>).
//! - Not offered: lookup by reference, since no list can be searched by it; point-of-sale; charge-backs, which come decided; transfers of
//!   a business account (<https://docs.mollie.com/reference/create-transfer>), which are in beta, for approved merchants, under a token of their
//!   own and a key for Ed25519 (<https://docs.mollie.com/reference/request-signing>), and drafts of transfers, of which nothing tells that they
//!   were paid.

mod codes;
mod wire;

use quittance::digest::Hash;
use quittance::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// Mollie's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Mollie>();

const API: &str = "https://api.mollie.com/v2";

/// One website profile at Mollie.
pub struct Mollie {
    credentials: Credentials,
}

/// What the dashboard gives under Developers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The API key: `test_…` or `live_…`, which decides between the two environments.
    pub api_key: Secret,
    /// The secret of signed webhooks. Left out: only classic ones are taken.
    pub webhook_secret: Option<Secret>,
    /// Where classic webhooks are sent, for every payment.
    pub webhook_url: Option<String>,
}

#[rustfmt::skip]
const SPEC: Spec = Spec {
    hosts: &["api.mollie.com"],
    operations: &[
        Op::Authorize, Op::Complete, Op::Capture, Op::Void, Op::Refund, Op::Retrieve, Op::RetrieveRefund, Op::SetUp, Op::Revoke,
        Op::OpenSession, Op::Webhook,
    ],
    methods: &[
        MethodKind::of(Family::Card), MethodKind::of(Family::ApplePay),
        MethodKind::branded(Family::BankRedirect, "bancontact"), MethodKind::branded(Family::BankRedirect, "eps"),
        MethodKind::branded(Family::BankRedirect, "ideal"), MethodKind::branded(Family::BankRedirect, "p24"),
        MethodKind::branded(Family::BankTransfer, "sepa"), MethodKind::branded(Family::BankDebit, "sepa"),
        MethodKind::branded(Family::PayLater, "klarna"), MethodKind::branded(Family::WalletRedirect, "paypal"),
        MethodKind::of(Family::Mandate),
    ],
    mandates: &[MethodKind::branded(Family::BankDebit, "sepa")],
    cards: CardRules { number: false, token: true },
    currencies: Currencies::Only(codes::CURRENCIES),
    capture: CaptureRules { manual: true, partial: true, multiple: true },
    refund: RefundRules { partial: true, multiple: true },
    three_ds: ThreeDsRules { challenge: true, external: false },
    lookups: &[LookupKind::Handle],
    idempotency: Idempotency::Header("idempotency-key"),
    webhook: Some(WebhookRules {
        authentication: WebhookAuthentication::ReadBack, tolerance_seconds: None, acknowledgement: "",
    }),
    ..Spec::new("mollie", "Mollie", "https://docs.mollie.com/reference/overview")
};

impl Provider for Mollie {
    const SPEC: Spec = SPEC;
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Mollie> {
        let key = credentials.api_key.expose();
        let error =
            || Error::new(Kind::Credentials, Effect::None, "a key starts with test_ or live_").in_field("api_key");
        if key.starts_with("test_") || key.starts_with("live_") { Ok(Mollie { credentials }) } else { Err(error()) }
    }
}

#[async_trait]
impl Connector for Mollie {
    fn spec(&self) -> &'static Spec {
        ENTRY.spec
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let known = codes::known(&request.method);
        if request.capture == CaptureMode::Manual && !known.is_some_and(|known| known.holds) {
            return Err(Error::unsupported_variant(format_args!("manual capture with {}", request.method.family())));
        }
        let recurring = |customer: &str, mandate: &str| json!({ "sequenceType": "recurring", "customerId": customer, "mandateId": mandate });
        let series = match &request.method {
            Method::Mandate(mandate) => recurring(customer_of(mandate)?, mandate.id()),
            Method::BankDebit { account, .. } => {
                let customer = self.customer(cx, &request.key, &request.reference, &request.customer).await?;
                let body = self.mandate(cx, &request.key, &request.reference, &customer, account).await?;
                recurring(&customer, &body.id)
            }
            _ if request.store && !known.is_some_and(|known| known.stores) => {
                return Err(Error::unsupported_variant(format_args!("storing {}", request.method.family())));
            }
            _ if request.store => {
                let customer = self.customer(cx, &request.key, &request.reference, &request.customer).await?;
                json!({ "sequenceType": "first", "customerId": customer })
            }
            _ => json!({}),
        };
        let body = self.new_payment(request, known, series)?;
        payment(self.send(self.post(cx, "payments", request.key.as_str()).json(&body)).await?)
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        self.look(cx, &request.payment).await
    }

    /// The answer tells of the capture alone: the payment is looked up for its total, and for what is left of the reservation.
    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let of = &request.payment;
        let path = format!("payments/{}/captures", of.segment()?);
        let body = json!({ "amount": wire::amount(&request.amount)?, "metadata": { "reference": request.reference } });
        let made: wire::CaptureBody = self.send(self.post(cx, &path, request.key.as_str()).json(&body)).await?;
        agree_part(of, Some(of.id()), Some(&made.payment_id))?;
        let captured_now = made.amount.as_ref().map(wire::Amount::money).transpose()?;
        let state = match made.status.as_str() {
            "succeeded" => return self.captured(cx, request, &made).await,
            "pending" => State::Pending,
            "failed" => return Err(Error::new(Kind::Conflict, Effect::None, "the capture failed").about(of)),
            _ => State::Unrecognised(made.status),
        };
        Ok(Payment { captured_now, ..Payment::new(of.clone(), state) })
    }

    /// A reservation is released, any other payment is cancelled: only its status tells which.
    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let handle = &request.payment;
        let path = format!("payments/{}", handle.segment()?);
        let found: wire::PaymentBody = self.send(cx.get(format!("{API}/{path}"))).await?;
        agree_part(handle, Some(handle.id()), Some(&found.id))?;
        if found.status == "authorized" {
            self.release(cx, handle, request.key.as_str()).await?;
            return Ok(Payment::new(handle.clone(), State::Pending));
        }
        payment(self.send(cx.call(http::Method::DELETE, format!("{API}/{path}"))).await?)
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let path = format!("payments/{}/refunds", request.payment.segment()?);
        let body = json!({
            "amount": wire::amount(&request.amount)?,
            "description": request.reason.as_ref().unwrap_or(&request.reference),
            "metadata": { "reference": request.reference },
        });
        refund(self.send(self.post(cx, &path, request.key.as_str()).json(&body)).await?)
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let Lookup::Handle(handle) = &request.by else { return Err(Error::unsupported_variant("lookup by reference")) };
        self.look(cx, handle).await
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        let of = request.refund.part("payment").map(Handle::new);
        let of = of.ok_or_else(|| Error::invalid("refund", "the handle of a refund names its payment too"))?;
        self.look_refund(cx, &of, &request.refund).await
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let Method::BankDebit { account, .. } = &request.method else {
            return Err(Error::unsupported_variant(request.method.family()));
        };
        let customer = self.customer(cx, &request.key, &request.reference, &request.customer).await?;
        let body = self.mandate(cx, &request.key, &request.reference, &customer, account).await?;
        let handle = Handle::new(body.id).with("customer", customer);
        Ok(Mandate { reference: body.mandate_reference, ..Mandate::new(handle, codes::mandate(body.status)) })
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        let customer = Handle::new(customer_of(&request.mandate)?).segment()?;
        let url = format!("{API}/customers/{customer}/mandates/{}", request.mandate.segment()?);
        let reply = self.exchange(cx.call(http::Method::DELETE, url)).await?;
        match reply.status() {
            204 => Ok(Mandate::new(request.mandate.clone(), MandateState::Revoked)),
            _ => Err(fault(&reply)),
        }
    }

    /// An Apple Pay session, which Mollie opens at the host that the browser was given.
    async fn open_session(&self, cx: &Context<'_>, request: &OpenSession) -> Result<Session> {
        let domain = request.domain.as_deref().ok_or_else(|| Error::invalid("domain", "a session is for a domain"))?;
        let url = request.validation_url.as_deref().filter(|url| is_apple(url));
        let url = url.ok_or_else(|| Error::invalid("validation_url", "a session needs Apple's https URL"))?;
        let body = json!({ "domain": domain, "validationUrl": url });
        let call = self.post(cx, "wallets/applepay/sessions", request.key.as_str()).json(&body);
        let reply = self.exchange(call).await?;
        if reply.status() != 201 {
            return Err(fault(&reply));
        }
        let session: wire::AppleSession = reply.json()?;
        if session.merchant_session_identifier.is_empty() {
            return Err(Error::protocol("the session has no identifier"));
        }
        let expires = session.expires_at.and_then(|at| Timestamp::from_millisecond(at).ok());
        Ok(Session { handle: None, token: Secret::new(reply.text()?), expires })
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        match delivery.header("x-mollie-signature") {
            Ok(signature) => self.signed(cx, delivery, signature).await,
            Err(unsigned) => {
                let id = delivery.untrusted(|body| classic_id(body.text()?, unsigned))?;
                let body = match id.starts_with("tr_") {
                    true => EventBody::Payment(self.look(cx, &Handle::new(id)).await?),
                    false => EventBody::Ignored,
                };
                Ok(vec![Event { id: None, at: None, name: "webhook".to_owned(), body }])
            }
        }
    }
}

impl Mollie {
    fn post<'a>(&self, cx: &'a Context<'a>, path: &str, key: &str) -> Call<'a> {
        cx.post(format!("{API}/{path}")).header("idempotency-key", key)
    }

    async fn exchange(&self, call: Call<'_>) -> Result<Reply> {
        call.bearer(&self.credentials.api_key).send().await
    }

    async fn send<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T> {
        let reply = self.exchange(call).await?;
        match reply.status() {
            200 | 201 => reply.json(),
            _ => Err(fault(&reply)),
        }
    }

    fn new_payment<'a>(
        &self,
        request: &'a Authorize,
        known: Option<&codes::Known>,
        series: serde_json::Value,
    ) -> Result<wire::NewPayment<'a>> {
        let (card_token, apple_pay_payment_token, bank) = match &request.method {
            Method::CardToken(token) => (Some(token.expose()), None, None),
            // The token as the device gave it, in the frame that Mollie's documentation shows.
            Method::ApplePay(pay) => (None, Some(format!("{{\"paymentData\":{}}}", pay.payment_data.expose())), None),
            Method::BankRedirect { bank, .. } => (None, None, bank.as_deref()),
            _ => (None, None, None),
        };
        let (order, customer) = (&request.order, &request.customer);
        let rest = json!({
            "amount": wire::amount(&request.amount)?,
            "description": order.description.as_ref().unwrap_or(&request.reference),
            "redirectUrl": request.return_url,
            "webhookUrl": self.credentials.webhook_url,
            "method": known.map(|known| known.name),
            "issuer": bank,
            "locale": customer.locale.as_ref().map(|tag| tag.replace('-', "_")),
            "metadata": wire::metadata(&request.reference, order),
            "captureMode": (request.capture == CaptureMode::Manual).then_some("manual"),
            "billingAddress": wire::address(&request.billing, customer),
            "shippingAddress": order.shipping.as_ref().and_then(|address| wire::address(address, customer)),
            "lines": wire::lines(request, matches!(request.method, Method::PayLater { .. }))?,
            "sequenceType": series["sequenceType"],
            "customerId": series["customerId"],
            "mandateId": series["mandateId"],
        });
        Ok(wire::NewPayment { card_token, apple_pay_payment_token, rest: wire::compact(rest) })
    }

    async fn customer(&self, cx: &Context<'_>, key: &Key, reference: &str, customer: &Customer) -> Result<String> {
        let body = json!({
            "name": customer.full_name(),
            "email": customer.email,
            "metadata": { "reference": reference },
        });
        let call = self.post(cx, "customers", &format!("{key}-customer")).json(&wire::compact(body)).harmless();
        Ok(self.send::<wire::Named>(call).await?.id)
    }

    async fn mandate(
        &self,
        cx: &Context<'_>,
        key: &Key,
        reference: &str,
        customer: &str,
        account: &BankAccount,
    ) -> Result<wire::MandateBody> {
        let body = wire::NewMandate {
            method: "directdebit",
            consumer_name: &account.holder,
            consumer_account: account.number.expose(),
            mandate_reference: reference,
        };
        let path = format!("customers/{}/mandates", Handle::new(customer).segment()?);
        self.send(self.post(cx, &path, &format!("{key}-mandate")).json(&body).harmless()).await
    }

    async fn look(&self, cx: &Context<'_>, handle: &Handle) -> Result<Payment> {
        let found = payment(self.send(cx.get(format!("{API}/payments/{}", handle.segment()?))).await?)?;
        agree_part(handle, Some(handle.id()), Some(found.handle.id()))?;
        Ok(found)
    }

    async fn look_refund(&self, cx: &Context<'_>, of: &Handle, handle: &Handle) -> Result<Refund> {
        let url = format!("{API}/payments/{}/refunds/{}", of.segment()?, handle.segment()?);
        let found = refund(self.send(cx.get(url)).await?)?;
        agree_part(handle, Some(handle.id()), Some(found.handle.id()))?;
        agree_part(handle, Some(of.id()), found.payment.as_ref().map(Handle::id))?;
        Ok(found)
    }

    /// The payment after a capture, with all its captures; what is left is released after the last one.
    async fn captured(&self, cx: &Context<'_>, request: &Capture, made: &wire::CaptureBody) -> Result<Payment> {
        let of = &request.payment;
        let call = cx.get(format!("{API}/payments/{}?embed=captures", of.segment()?));
        let body: wire::PaymentBody = self.send(call).await.map_err(|error| error.about(of))?;
        let taken = captures_sum(&body, made)?;
        let payment = payment(body)?;
        if taken.is_some_and(|taken| payment.captured != Some(taken)) {
            let message = "the captured amount is not the sum of the captures";
            return Err(Error::new(Kind::Integrity, Effect::Unknown, message).about(of));
        }
        let left = payment.amount.zip(payment.captured).is_some_and(|(all, taken)| taken.minor() < all.minor());
        if request.last && left {
            self.release(cx, of, &format!("{}-release", request.key)).await?;
        }
        let captured_now = made.amount.as_ref().map(wire::Amount::money).transpose()?;
        Ok(Payment { captured_now, ..payment })
    }

    async fn release(&self, cx: &Context<'_>, handle: &Handle, key: &str) -> Result<()> {
        let path = format!("payments/{}/release-authorization", handle.segment()?);
        let reply = self.exchange(self.post(cx, &path, key)).await?;
        match reply.status() {
            202 => Ok(()),
            _ => Err(fault(&reply).about(handle)),
        }
    }

    async fn signed(&self, cx: &Context<'_>, delivery: &Delivery, signature: &str) -> Result<Vec<Event>> {
        let secret = self.credentials.webhook_secret.as_ref();
        let secret =
            secret.ok_or_else(|| Error::signature("a signed webhook needs webhook_secret in the credentials"))?;
        let given = hex::decode(signature.strip_prefix("sha256=").unwrap_or(signature))
            .map_err(|_| Error::signature("header x-mollie-signature is not hex"))?;
        let vouched = delivery.hmac(Hash::Sha256, secret.expose().as_bytes(), &[Signed::Body], &given)?;
        let event: wire::SignedEvent = vouched.json()?;
        let at = event.created_at.as_deref().and_then(|at| at.parse().ok());
        let (name, id) = (event.r#type.clone(), Some(event.id.clone()));
        Ok(vec![Event { id, at, name, body: self.told(cx, &event).await? }])
    }

    /// What a signed event speaks of, as it stands now.
    async fn told(&self, cx: &Context<'_>, event: &wire::SignedEvent) -> Result<EventBody> {
        let entity = Handle::new(&event.entity_id);
        let of = || {
            let raw = event.embedded.as_ref().ok_or_else(|| Error::protocol("the event has no entity"))?;
            let embedded: wire::Embedded = serde_json::from_str(raw.get())
                .map_err(|_| Error::protocol("the entity of the event names no payment"))?;
            Ok::<_, Error>(Handle::new(embedded.entity.payment_id))
        };
        Ok(match event.r#type.split_once('.') {
            Some(("payment", _)) => EventBody::Payment(self.look(cx, &entity).await?),
            Some(("refund", _)) => EventBody::Refund(self.look_refund(cx, &of()?, &entity).await?),
            Some(("capture", "succeeded")) => EventBody::Payment(self.look(cx, &of()?).await?),
            Some(("capture", "failed")) => {
                let payment = of()?;
                let url = format!("{API}/payments/{}/captures/{}", payment.segment()?, entity.segment()?);
                let found: wire::CaptureBody = self.send(cx.get(url)).await?;
                agree_part(&payment, Some(payment.id()), Some(&found.payment_id))?;
                agree_part(&payment, Some(entity.id()), Some(&found.id))?;
                match found.status.as_str() {
                    "failed" => {
                        EventBody::Refusal(Refusal { op: Op::Capture, payment, decline: Decline::new(Reason::Generic) })
                    }
                    _ => EventBody::Ignored,
                }
            }
            _ => EventBody::Ignored,
        })
    }
}

/// Mollie asks to refuse hosts that are not Apple's (<https://docs.mollie.com/reference/request-apple-pay-payment-session>).
fn is_apple(url: &str) -> bool {
    let url: Option<http::Uri> = url.parse().ok();
    url.is_some_and(|url| {
        url.scheme_str() == Some("https") && url.host().is_some_and(|host| host.ends_with(".apple.com"))
    })
}

/// The id in a classic webhook's form. What is no form is a newer webhook, which would be signed.
fn classic_id(body: &str, unsigned: Error) -> Result<String> {
    if body.trim_start().starts_with('{') {
        return Err(unsigned);
    }
    let id = body.split('&').find_map(|field| field.strip_prefix("id="));
    id.map(str::to_owned).ok_or_else(|| Error::protocol("the webhook has no id"))
}

/// The customer whose mandate it is; Mollie knows a mandate under its customer only.
fn customer_of(mandate: &Handle) -> Result<&str> {
    let customer = mandate.part("customer");
    customer.ok_or_else(|| Error::invalid("mandate", "the handle of a mandate names its customer too"))
}

/// <https://docs.mollie.com/reference/handling-errors>
fn fault(reply: &Reply) -> Error {
    reply.fault(|body: wire::FaultBody| Fault { code: None, message: body.detail, field: body.field })
}

fn payment(body: wire::PaymentBody) -> Result<Payment> {
    let money = |amount: &Option<wire::Amount>| amount.as_ref().map(wire::Amount::money).transpose();
    let (amount, taken, refunded) =
        (body.amount.money()?, money(&body.amount_captured)?, money(&body.amount_refunded)?);
    let action = (body.status == "open").then(|| action(&body)).flatten();
    let state = match (codes::payment(body.status, body.details), action) {
        (State::Pending, Some(action)) => State::ActionRequired(action),
        // More can be captured while it is authorized.
        (State::Authorized, _) if taken.is_some_and(|taken| taken.minor() > 0) => State::Captured,
        (state, _) => state,
    };
    let captured = taken.filter(|taken| taken.minor() != 0).or((state == State::Captured).then_some(amount));
    let through = matches!(state, State::Captured | State::Authorized | State::Pending);
    let mandate = body.mandate_id.zip(body.customer_id).filter(|_| through);
    Ok(Payment {
        amount: Some(amount),
        captured,
        refunded,
        reference: wire::reference(body.metadata)?,
        mandate: mandate.map(|(mandate, customer)| Handle::new(mandate).with("customer", customer)),
        ..Payment::new(Handle::new(body.id), state)
    })
}

/// What the customer must do: go to a page, which authenticates a card, or make the transfer.
fn action(body: &wire::PaymentBody) -> Option<NextAction> {
    let links = body.links.as_ref()?;
    let url = |link: &wire::Link| link.href.clone();
    match (links.checkout.as_ref().map(url), body.method.as_deref()) {
        (Some(url), Some("creditcard")) => Some(NextAction::ThreeDs { url, fields: Vec::new() }),
        (Some(url), _) => Some(NextAction::Redirect { url }),
        (None, _) => {
            let reference = body.details.as_ref()?.transfer_reference.clone()?;
            Some(NextAction::Voucher { reference, url: links.status.as_ref().map(url), expires: None })
        }
    }
}

/// The sum of the captures that succeeded, where the answer has them; the one that was just made must be among them, as it was made.
fn captures_sum(body: &wire::PaymentBody, made: &wire::CaptureBody) -> Result<Option<Money>> {
    let Some(embedded) = &body.embedded else { return Ok(None) };
    let money = |capture: &wire::CaptureBody| capture.amount.as_ref().map(wire::Amount::money).transpose();
    let done: Vec<_> = embedded.captures.iter().filter(|capture| capture.status == "succeeded").collect();
    let own = done.iter().find(|capture| capture.id == made.id);
    let own = own.ok_or_else(|| Error::protocol("the capture is not among those of its payment"))?;
    if money(own)? != money(made)? {
        return Err(Error::protocol("the capture has two amounts"));
    }
    let mut sum = 0_i64;
    for amount in done.into_iter().filter_map(|capture| money(capture).transpose()) {
        sum = sum.saturating_add(amount?.minor());
    }
    Ok(Some(Money::new(sum, body.amount.money()?.currency())))
}

/// A refund is looked up under its payment, so its handle names both.
fn refund(body: wire::RefundBody) -> Result<Refund> {
    let handle = Handle::new(body.id).with("payment", &body.payment_id);
    let (amount, reference) = (Some(body.amount.money()?), wire::reference(body.metadata)?);
    let payment = Some(Handle::new(body.payment_id));
    Ok(Refund { amount, payment, reference, ..Refund::new(handle, codes::refund(body.status)) })
}
