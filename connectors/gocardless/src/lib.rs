//! GoCardless API, version 2015-07-06: direct debits by mandates, instant bank payments, and payouts by Faster Payments.
//!
//! - A debit of an account is four resources: customer, customer bank account, mandate, payment. The first three move no money.
//!   The account needs "custom payment pages" for them. The mandate of a debit is kept and can be charged again.
//! - An instant payment is a billing request that the payer authorises at their bank. The payment exists once it is fulfilled: until
//!   then the handle is the merchant's reference, with the billing request beside it. A session is one for the JavaScript Drop-in, which
//!   takes the id of its flow (<https://developer.gocardless.com/billing-requests/verified-mandates/using-dropin>).
//! - A repeated idempotency key is answered by 409 and the id of what the first request made
//!   (<https://developer.gocardless.com/api-reference/#making-requests-idempotency-keys>); it is looked up, as GoCardless's libraries do.
//! - Refunds are switched on by GoCardless's support. Each must state the total that will have been refunded.
//! - A payout is an outbound payment to a bank account in the United Kingdom. GoCardless sends none that was not approved: in its
//!   dashboard, or by the connector where the account is set up so. Those for which it wants a person's authentication are refused.
//! - With a signing key, every request is signed.
//! - Not offered: lookup by reference, since no list can be searched by it.

mod codes;
mod outbound;
mod signing;
mod wire;

use quittance::digest::Hash;
use quittance::*;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use codes::{SCHEMES, Scheme};
pub use outbound::PayoutApproval;
pub use signing::Signing;
use wire::{Envelope, Named};

/// GoCardless's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<GoCardless>();

const VERSION: &str = "2015-07-06";

/// One GoCardless account.
pub struct GoCardless {
    credentials: Credentials,
    signer: Option<signing::Signer>,
}

/// What the dashboard gives under Developers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The access token, with read and write access.
    pub access_token: Secret,
    /// The secret of the webhook endpoint.
    pub webhook_secret: Secret,
    /// The environment that the token belongs to.
    #[serde(default)]
    pub environment: Environment,
    /// The creditor (`CR…`) that collects; needed where the account has several.
    pub creditor: Option<String>,
    /// The key that signs requests, where one was uploaded: its `id` (`RSK…`), and `private_key`, on P-521 as PEM.
    pub signing: Option<Signing>,
    /// Who approves payouts: `dashboard`, a person; `full_match`, the connector, where the recipient's bank confirms the
    /// holder's name; a payout that is still `verifying` is approved when it is asked for again under the same key.
    #[serde(default)]
    pub payout_approval: PayoutApproval,
}

#[rustfmt::skip]
const SPEC: Spec = Spec {
    hosts: &["api.gocardless.com", "api-sandbox.gocardless.com"],
    operations: &[
        Op::Authorize, Op::Complete, Op::Void, Op::Refund, Op::Retrieve, Op::RetrieveRefund, Op::SetUp, Op::Revoke,
        Op::OpenSession, Op::PayOut, Op::RetrievePayout, Op::Webhook,
    ],
    methods: &[
        MethodKind::branded(Family::BankDebit, "ach"), MethodKind::branded(Family::BankDebit, "bacs"),
        MethodKind::branded(Family::BankDebit, "becs"), MethodKind::branded(Family::BankDebit, "sepa"),
        MethodKind::branded(Family::OpenBanking, "uk"), MethodKind::of(Family::Mandate),
    ],
    mandates: &[
        MethodKind::branded(Family::BankDebit, "ach"), MethodKind::branded(Family::BankDebit, "bacs"),
        MethodKind::branded(Family::BankDebit, "becs"), MethodKind::branded(Family::BankDebit, "sepa"),
    ],
    currencies: Currencies::Only(&[
        Currency::AUD, Currency::CAD, Currency::DKK, Currency::EUR, Currency::GBP, Currency::NZD, Currency::SEK, Currency::USD,
    ]),
    payout_currencies: Some(&[Currency::GBP]),
    void: VoidRules { captured: false, debit: true },
    refund: RefundRules { partial: true, multiple: true },
    lookups: &[LookupKind::Handle],
    idempotency: Idempotency::Header("idempotency-key"),
    webhook: Some(WebhookRules {
        authentication: WebhookAuthentication::HeaderMac, tolerance_seconds: None, acknowledgement: "",
    }),
    ..Spec::new("gocardless", "GoCardless", "https://developer.gocardless.com/api-reference/")
};

impl Provider for GoCardless {
    const SPEC: Spec = SPEC;
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<GoCardless> {
        let signer = credentials.signing.as_ref().map(signing::Signer::of).transpose()?;
        Ok(GoCardless { credentials, signer })
    }
}

#[async_trait]
impl Connector for GoCardless {
    fn spec(&self) -> &'static Spec {
        ENTRY.spec
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        match &request.method {
            Method::Mandate(mandate) => self.collect(cx, request, mandate.id()).await,
            Method::BankDebit { brand, account } => {
                let (customer, billing, ip) = (&request.customer, &request.billing, request.browser.ip.as_deref());
                let payer = Payer { brand, account, customer, billing, ip };
                let reply = self.mandate(cx, &request.key, &request.reference, payer).await?;
                let mandate = made(&reply).map_or_else(|| read::<Named>(&reply).map(|mandate| mandate.id), Ok)?;
                self.collect(cx, request, &mandate).await
            }
            Method::OpenBanking { .. } => self.ask(cx, request).await,
            other => Err(Error::unsupported_variant(other.family())),
        }
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        self.look(cx, &request.payment).await
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let handle = &request.payment;
        if let (Some(id), None) = (handle.part("billing_request"), handle.part("payment")) {
            let path = format!("billing_requests/{}/actions/cancel", Handle::new(id).segment()?);
            let body: wire::BillingRequestBody = self.act(cx, &path, &request.key).await?;
            agree_part(handle, Some(id), Some(&body.id))?;
            return waiting(body, handle);
        }
        let path = format!("payments/{}/actions/cancel", payment_of(handle).segment()?);
        named_as(handle, payment(self.act(cx, &path, &request.key).await?)?)
    }

    /// The total that GoCardless wants confirmed leaves out this refund itself, so that a repetition states the same.
    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let of = payment_of(&request.payment);
        let list = self.call(cx, http::Method::GET, "refunds").query(&json!({ "payment": of.id() }));
        let before: Vec<wire::RefundBody> = read(&self.exchange(cx, list).await?)?;
        let (key, amount) = (request.key.as_str(), SPEC.minor(&request.amount)?);
        let is_own = |refund: &&wire::RefundBody| {
            refund.metadata.as_ref().is_some_and(|metadata| metadata.key.as_deref() == Some(key))
        };
        if let Some(own) = before.iter().find(is_own).filter(|own| own.amount != amount) {
            let other = Error::new(Kind::Integrity, Effect::Unknown, "a refund of another amount has the same key");
            return Err(other.about(&Handle::new(&own.id)));
        }
        let counted = before.iter().filter(|refund| !is_own(refund) && !codes::came_back(&refund.status));
        let total = counted.fold(amount, |total, refund| total.saturating_add(refund.amount));
        let body = json!({ "refunds": {
            "amount": amount,
            "total_amount_confirmation": total,
            "links": { "payment": of.id() },
            "metadata": { "reference": request.reference, "key": key },
        } });
        let made = refund(self.create(cx, "refunds", key, &body).await?)?;
        agree_part(&made.handle, Some(of.id()), made.payment.as_ref().map(Handle::id))?;
        Ok(Refund { payment: made.payment.map(|_| request.payment.clone()), ..made })
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let Lookup::Handle(handle) = &request.by else { return Err(Error::unsupported_variant("lookup by reference")) };
        named_as(handle, self.look(cx, handle).await?)
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        refund(self.get(cx, "refunds", &request.refund).await?)
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let Method::BankDebit { brand, account } = &request.method else {
            return Err(Error::unsupported_variant(request.method.family()));
        };
        let (customer, billing, ip) = (&request.customer, &request.billing, request.browser.ip.as_deref());
        let payer = Payer { brand, account, customer, billing, ip };
        let reply = self.mandate(cx, &request.key, &request.reference, payer).await?;
        Ok(mandate(self.made_or_found(cx, "mandates", &reply).await?))
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        let path = format!("mandates/{}/actions/cancel", request.mandate.segment()?);
        Ok(mandate(self.act(cx, &path, &request.key).await?))
    }

    async fn open_session(&self, cx: &Context<'_>, request: &OpenSession) -> Result<Session> {
        let (back, reference) = (request.return_url.as_deref(), request.reference.as_str());
        let (payment, flow) = self.flow(cx, &request.key, reference, request.amount, reference, back).await?;
        agree_payment(&payment, request.amount, reference)?;
        let expires = flow.expires_at.and_then(|at| at.parse().ok());
        Ok(Session { handle: Some(payment.handle), token: Secret::from(flow.id), expires })
    }

    async fn pay_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        self.send_money(cx, request).await
    }

    async fn retrieve_payout(&self, cx: &Context<'_>, request: &RetrievePayout) -> Result<Payout> {
        self.outbound(cx, &request.payout).await
    }

    async fn webhook(&self, _cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let given = hex::decode(delivery.header("webhook-signature")?)
            .map_err(|_| Error::signature("header webhook-signature is not hex"))?;
        let key = self.credentials.webhook_secret.expose().as_bytes();
        let batch: wire::Batch = delivery.hmac(Hash::Sha256, key, &[Signed::Body], &given)?.json()?;
        Ok(batch.events.into_iter().map(event).collect())
    }
}

/// Whose account is debited or paid.
struct Payer<'a> {
    brand: &'a str,
    account: &'a BankAccount,
    customer: &'a Customer,
    billing: &'a Address,
    ip: Option<&'a str>,
}

impl GoCardless {
    fn call<'a>(&self, cx: &'a Context<'a>, method: http::Method, path: &str) -> Call<'a> {
        let host = match self.credentials.environment {
            Environment::Live => "api.gocardless.com",
            Environment::Sandbox => "api-sandbox.gocardless.com",
        };
        cx.call(method, format!("https://{host}/{path}"))
    }

    fn post<'a>(&self, cx: &'a Context<'a>, path: &str, key: &str) -> Call<'a> {
        self.call(cx, http::Method::POST, path).header("idempotency-key", key)
    }

    async fn exchange(&self, cx: &Context<'_>, call: Call<'_>) -> Result<Reply> {
        let call = call.bearer(&self.credentials.access_token).header("gocardless-version", VERSION);
        match &self.signer {
            Some(signer) => signer.sign(cx, call).send().await,
            None => call.send().await,
        }
    }

    async fn get<T: DeserializeOwned>(&self, cx: &Context<'_>, kind: &str, handle: &Handle) -> Result<T> {
        read(&self.exchange(cx, self.call(cx, http::Method::GET, &format!("{kind}/{}", handle.segment()?))).await?)
    }

    /// An action on a resource. A second cancellation is refused by its state, whatever its key.
    async fn act<T: DeserializeOwned>(&self, cx: &Context<'_>, path: &str, key: &Key) -> Result<T> {
        read(&self.exchange(cx, self.post(cx, path, key.as_str())).await?)
    }

    async fn create<T: DeserializeOwned>(&self, cx: &Context<'_>, kind: &str, key: &str, body: &Value) -> Result<T> {
        let reply = self.exchange(cx, self.post(cx, kind, key).json(body)).await?;
        self.made_or_found(cx, kind, &reply).await
    }

    /// The resource that a request made, or that an earlier one with the same key did.
    async fn made_or_found<T: DeserializeOwned>(&self, cx: &Context<'_>, kind: &str, reply: &Reply) -> Result<T> {
        match made(reply).map(Handle::new) {
            Some(handle) => {
                self.get(cx, kind, &handle).await.map_err(|error| error.about(&handle).with_effect(Effect::Unknown))
            }
            None => read(reply),
        }
    }

    /// Makes a resource that moves no money.
    async fn prepare(&self, cx: &Context<'_>, kind: &str, key: &str, body: &impl Serialize) -> Result<Reply> {
        self.exchange(cx, self.post(cx, kind, key).json(body).harmless()).await
    }

    /// Customer and bank account; gives the account's id.
    async fn account(&self, cx: &Context<'_>, key: &Key, scheme: &Scheme, payer: &Payer<'_>) -> Result<String> {
        let customer = wire::NewCustomer::of(payer.customer, payer.billing, payer.account)?;
        let body = std::collections::BTreeMap::from([("customers", customer)]);
        let reply = self.prepare(cx, "customers", &format!("{key}-customer"), &body).await?;
        let customer = made(&reply).map_or_else(|| read::<Named>(&reply).map(|customer| customer.id), Ok)?;
        let account = wire::NewAccount::of(scheme, payer.account, &customer);
        let body = std::collections::BTreeMap::from([("customer_bank_accounts", account)]);
        let reply = self.prepare(cx, "customer_bank_accounts", &format!("{key}-account"), &body).await?;
        made(&reply).map_or_else(|| read::<Named>(&reply).map(|account| account.id), Ok)
    }

    /// Customer, bank account and mandate; gives the answer to the last.
    async fn mandate(&self, cx: &Context<'_>, key: &Key, reference: &str, payer: Payer<'_>) -> Result<Reply> {
        let scheme = SCHEMES.iter().find(|scheme| scheme.brand == payer.brand);
        let scheme = scheme.ok_or_else(|| Error::unsupported_variant(payer.brand))?;
        let account = self.account(cx, key, scheme, &payer).await?;
        let mut links = json!({ "customer_bank_account": account });
        if let Some(creditor) = &self.credentials.creditor {
            links["creditor"] = json!(creditor);
        }
        let mut mandate = json!({ "scheme": scheme.name, "links": links, "metadata": { "reference": reference } });
        // Asked of accounts in the USA.
        if let (true, Some(ip)) = (scheme.name == "ach", payer.ip) {
            mandate["payer_ip_address"] = json!(ip);
        }
        self.prepare(cx, "mandates", &format!("{key}-mandate"), &json!({ "mandates": mandate })).await
    }

    async fn collect(&self, cx: &Context<'_>, request: &Authorize, mandate: &str) -> Result<Payment> {
        let mut body = json!({
            "amount": SPEC.minor(&request.amount)?,
            "currency": request.amount.currency().code(),
            "links": { "mandate": mandate },
            "metadata": { "reference": request.reference },
        });
        if let Some(description) = &request.order.description {
            body["description"] = json!(description);
        }
        let answer = self.create(cx, "payments", request.key.as_str(), &json!({ "payments": body })).await?;
        let payment = payment(answer)?;
        agree_part(&payment.handle, Some(mandate), payment.mandate.as_ref().map(Handle::id))?;
        Ok(payment)
    }

    /// An instant payment: a billing request, and the page on which the payer authorises it. A repetition gets another page for the
    /// same billing request.
    async fn ask(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let back = request.return_url.as_deref();
        if back.is_none() {
            return Err(Error::invalid("return_url", "an instant payment needs a page to come back to"));
        }
        let description = request.order.description.as_ref().unwrap_or(&request.reference);
        let (payment, flow) =
            self.flow(cx, &request.key, &request.reference, request.amount, description, back).await?;
        let url = flow.authorisation_url;
        Ok(Payment { state: State::ActionRequired(NextAction::Redirect { url }), ..payment })
    }

    /// A billing request for an instant payment, and a flow that leads the payer through it.
    async fn flow(
        &self,
        cx: &Context<'_>,
        key: &Key,
        reference: &str,
        amount: Money,
        description: &str,
        back: Option<&str>,
    ) -> Result<(Payment, wire::FlowBody)> {
        let asked = json!({ "billing_requests": { "payment_request": {
            "amount": SPEC.minor(&amount)?,
            "currency": amount.currency().code(),
            "scheme": "faster_payments",
            "description": description,
            "metadata": { "reference": reference },
        }, "metadata": { "reference": reference } } });
        let reply = self.prepare(cx, "billing_requests", key.as_str(), &asked).await?;
        let body: wire::BillingRequestBody = self.made_or_found(cx, "billing_requests", &reply).await?;
        let handle = Handle::new(reference).with("billing_request", &body.id);
        let mut flow = json!({ "links": { "billing_request": body.id } });
        if let Some(back) = back {
            flow["redirect_uri"] = json!(back);
            flow["exit_uri"] = json!(back);
        }
        let payment = waiting(body, &handle)?;
        let flow = json!({ "billing_request_flows": flow });
        let page = self.call(cx, http::Method::POST, "billing_request_flows").json(&flow).harmless();
        let flow = self.exchange(cx, page).await.and_then(|reply| read(&reply));
        Ok((payment, flow.map_err(|error| error.about(&handle))?))
    }

    /// A payment as it stands, under its own id as soon as it has one.
    async fn look(&self, cx: &Context<'_>, handle: &Handle) -> Result<Payment> {
        let (Some(id), None) = (handle.part("billing_request"), handle.part("payment")) else {
            return self.paid(cx, handle, &payment_of(handle)).await;
        };
        let mut body: wire::BillingRequestBody = self.get(cx, "billing_requests", &Handle::new(id)).await?;
        agree_part(handle, Some(id), Some(&body.id))?;
        let paid = body.links.payment_request_payment.take();
        let asked = waiting(body, handle)?;
        let Some(paid) = paid else { return Ok(asked) };
        let payment = self.paid(cx, handle, &Handle::new(paid)).await?;
        if let (Some(amount), Some(reference)) = (asked.amount, &asked.reference) {
            agree_payment(&payment, amount, reference)?;
        }
        Ok(payment)
    }

    async fn paid(&self, cx: &Context<'_>, asked: &Handle, id: &Handle) -> Result<Payment> {
        let payment = payment(self.get(cx, "payments", id).await?)?;
        agree_part(asked, Some(id.id()), Some(payment.handle.id()))?;
        Ok(payment)
    }
}

/// The payment's own id, also where it came to be after its handle.
fn payment_of(handle: &Handle) -> Handle {
    handle.part("payment").map_or_else(|| handle.clone(), Handle::new)
}

/// The payment under the handle that was asked about, which a billing request's is not: it is kept, with the payment beside it.
fn named_as(asked: &Handle, payment: Payment) -> Result<Payment> {
    if asked.part("billing_request").is_none() || asked.id() == payment.handle.id() {
        return Ok(payment);
    }
    agree_part(asked, asked.part("payment"), Some(payment.handle.id()))?;
    Ok(Payment { handle: asked.clone().with("payment", payment.handle.id()), ..payment })
}

/// The id of what an earlier request with the same key made.
fn made(reply: &Reply) -> Option<String> {
    let fault: wire::FaultBody = (reply.status() == 409).then(|| reply.json().ok()).flatten()?;
    let conflict = |error: &wire::OneError| error.reason.as_deref() == Some("idempotent_creation_conflict");
    fault.error.errors.into_iter().find(conflict)?.links?.conflicting_resource_id
}

fn read<T: DeserializeOwned>(reply: &Reply) -> Result<T> {
    match reply.status() {
        200 | 201 => Ok(reply.json::<Envelope<T>>()?.resource),
        _ => Err(fault(reply)),
    }
}

/// <https://developer.gocardless.com/api-reference/#errors-error-types>: what the state of a resource forbids is a 422 too.
fn fault(reply: &Reply) -> Error {
    let Ok(wire::FaultBody { error }) = reply.json() else { return reply.fault_with(Fault::default()) };
    let forbidden = reply.status() == 422 && error.r#type.as_deref() == Some("invalid_state");
    let message = error.message;
    let fault = match error.errors.into_iter().next() {
        Some(one) => Fault { code: one.reason.or(error.r#type), message: one.message.or(message), field: one.field },
        None => Fault { code: error.r#type, message, field: None },
    };
    let error = reply.fault_with(fault);
    if forbidden { error.of_kind(Kind::Conflict) } else { error }
}

fn payment(body: wire::PaymentBody) -> Result<Payment> {
    let money = |minor: i64| SPEC.money(minor, &body.currency);
    let (amount, refunded) = (money(body.amount)?, body.amount_refunded.map(money).transpose()?);
    let state = codes::payment(body.status);
    let captured = (state == State::Captured).then_some(amount);
    let mandate = body.links.mandate.filter(|_| codes::keeps_mandate(body.scheme.as_deref())).map(Handle::new);
    let reference = body.metadata.and_then(|metadata| metadata.reference);
    let handle = Handle::new(body.id);
    Ok(Payment { amount: Some(amount), captured, refunded, reference, mandate, ..Payment::new(handle, state) })
}

/// A billing request that has no payment yet.
fn waiting(body: wire::BillingRequestBody, handle: &Handle) -> Result<Payment> {
    let mut payment = Payment::new(handle.clone(), codes::billing_request(body.status));
    if let Some(asked) = body.payment_request {
        payment.amount = Some(SPEC.money(asked.amount, &asked.currency)?);
        payment.reference = asked.metadata.and_then(|metadata| metadata.reference);
    }
    Ok(payment)
}

fn refund(body: wire::RefundBody) -> Result<Refund> {
    let amount = Some(SPEC.money(body.amount, &body.currency)?);
    let reference = body.metadata.and_then(|metadata| metadata.reference);
    let payment = body.links.payment.map(Handle::new);
    Ok(Refund { amount, payment, reference, ..Refund::new(Handle::new(body.id), codes::refund(body.status)) })
}

fn mandate(body: wire::MandateBody) -> Mandate {
    let reference = body.metadata.and_then(|metadata| metadata.reference);
    Mandate { reference, ..Mandate::new(Handle::new(body.id), codes::mandate(body.status)) }
}

fn event(event: wire::EventBody) -> Event {
    let (id, at) = (Some(event.id), event.created_at.parse().ok());
    let name = format!("{}.{}", event.resource_type, event.action);
    let (action, details, links) = (event.action.as_str(), event.details, event.links);
    let reference = event.resource_metadata.unwrap_or_default().reference;
    let body = match event.resource_type.as_str() {
        "payments" => links
            .payment
            .zip(codes::payment_event(action, details))
            .map(|(id, state)| EventBody::Payment(Payment { reference, ..Payment::new(Handle::new(id), state) })),
        "refunds" => links
            .refund
            .zip(codes::refund_event(action, details))
            .map(|(id, state)| EventBody::Refund(Refund { reference, ..Refund::new(Handle::new(id), state) })),
        "mandates" => links
            .mandate
            .zip(codes::mandate_event(action, details))
            .map(|(id, state)| EventBody::Mandate(Mandate { reference, ..Mandate::new(Handle::new(id), state) })),
        "outbound_payments" => links
            .outbound_payment
            .zip(codes::payout_event(action, details))
            .map(|(id, state)| EventBody::Payout(Payout { reference, ..Payout::new(Handle::new(id), state) })),
        // Before there is a payment, it goes under the merchant's reference.
        "billing_requests" if action == "cancelled" => reference.zip(links.billing_request).map(|(reference, id)| {
            let handle = Handle::new(&reference).with("billing_request", id);
            EventBody::Payment(Payment { reference: Some(reference), ..Payment::new(handle, State::Voided) })
        }),
        _ => None,
    };
    Event { id, at, name, body: body.unwrap_or(EventBody::Ignored) }
}
