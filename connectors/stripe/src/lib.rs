//! Stripe, by PaymentIntents and SetupIntents of API v1. Form bodies, JSON answers, bearer key, `Stripe-Version` pinned.
//!
//! - A payment is created and confirmed in one call. Card data goes in `payment_method_data[card]`, the hash of
//!   <https://docs.stripe.com/api/payment_methods/create>; the account needs access to raw card data.
//! - Stripe keeps a stored method under a Customer only, so storing costs a first call that makes one; an Apple Pay token costs
//!   one that turns it into a Stripe token. Their keys derive from the caller's, so that a repetition sends the same.
//! - Not offered: lookup by reference, since search lags behind writes (<https://docs.stripe.com/search>): nothing found would not
//!   mean "nothing happened", so repeat with the same key. Payouts: v1 pays out to the account's own bank only. Network tokens
//!   and network transaction ids from elsewhere: no public parameter. Several captures: answers state the sum taken only.

mod codes;
mod form;
mod wire;

use quittance::digest::Hash;
use quittance::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use codes::{CONFLICTS, COUNTRIES, CURRENCIES};
use wire::{DisputeObject, EventObject, FaultBody, Intent, Named, RefundObject, StripeFault, Subject};

/// The catalogue line.
pub static ENTRY: Entry = Entry::of::<Stripe>();

const API: &str = "https://api.stripe.com/v1";

/// The last version in which a request names its `payment_method_types`.
const VERSION: &str = "2026-08-26.dahlia";

/// <https://docs.stripe.com/webhooks#verify-manually>
const SIGNATURE: Dated = Dated { hash: Hash::Sha256, time: "t", digest: "v1", joint: ".", tolerance_seconds: 300 };

/// One Stripe account.
pub struct Stripe {
    credentials: Credentials,
}

/// An account's keys, from <https://dashboard.stripe.com/apikeys>.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Secret or restricted API key: `sk_test_…`, `sk_live_…`, `rk_…`. The key decides between sandbox and live.
    pub api_key: Secret,
    /// Signing secret of the webhook endpoint: `whsec_…`.
    pub webhook_secret: Secret,
    /// Connected account to act for, sent as `Stripe-Account`: `acct_…`.
    #[serde(default)]
    pub account: Option<String>,
    /// Whether card reservations ask for the right to be raised; the account needs incremental authorizations for it.
    #[serde(default)]
    pub incremental_authorizations: bool,
}

impl Provider for Stripe {
    #[rustfmt::skip]
    const SPEC: Spec = Spec {
        hosts: &["api.stripe.com"],
        operations: &[
            Op::Authorize, Op::Complete, Op::Capture, Op::Void, Op::Refund, Op::Retrieve, Op::RetrieveRefund, Op::Adjust,
            Op::SetUp, Op::Revoke, Op::OpenSession, Op::AnswerDispute, Op::Webhook,
        ],
        methods: &[
            MethodKind::of(Family::Card), MethodKind::of(Family::ApplePay), MethodKind::of(Family::GooglePay),
            MethodKind::branded(Family::BankRedirect, "ideal"), MethodKind::branded(Family::BankDebit, "sepa"),
            MethodKind::branded(Family::PayLater, "klarna"), MethodKind::of(Family::Mandate),
        ],
        mandates: &[MethodKind::of(Family::Card)],
        currencies: Currencies::Only(CURRENCIES),
        countries: COUNTRIES,
        capture: CaptureRules { manual: true, partial: true, multiple: false },
        // https://docs.stripe.com/payments/paymentintents/lifecycle: bank debits that are processing, within a varying time.
        void: VoidRules { captured: false, debit: true },
        refund: RefundRules { partial: true, multiple: true },
        three_ds: ThreeDsRules { challenge: true, external: true },
        lookups: &[LookupKind::Handle],
        idempotency: Idempotency::Header("idempotency-key"),
        webhook: Some(WebhookRules {
            authentication: WebhookAuthentication::HeaderMac, tolerance_seconds: Some(300), acknowledgement: "",
        }),
        disputes: DisputeRules { accept: true, contest: true },
        // https://docs.stripe.com/currencies#special-cases: ISK and UGX kept two decimals, MGA counts whole ariary.
        exponents: Exponents(&[(Currency::ISK, 2), (Currency::MGA, 0), (Currency::UGX, 2)]),
        ..Spec::new("stripe", "Stripe", "https://docs.stripe.com/api")
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Stripe> {
        let key = credentials.api_key.expose();
        let error = || Error::new(Kind::Credentials, Effect::None, "a key starts with sk_ or rk_").in_field("api_key");
        if key.starts_with("sk_") || key.starts_with("rk_") { Ok(Stripe { credentials }) } else { Err(error()) }
    }
}

#[async_trait]
impl Connector for Stripe {
    fn spec(&self) -> &'static Spec {
        ENTRY.spec
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        if request.network_transaction_id.is_some() {
            return Err(Error::unsupported_variant("a network transaction id from elsewhere"));
        }
        let kind = form::kind(&request.method)?;
        if request.store && kind != "card" {
            return Err(Error::unsupported_variant("storing anything but a card"));
        }
        let mut form = form::with_charge();
        form::confirm(&mut form, kind, &request.reference);
        form::amount(&mut form, &request.amount, Self::SPEC.minor(&request.amount)?, request.capture);
        form::order(&mut form, request, kind);
        if let Method::Mandate(mandate) = &request.method {
            form.set_some("customer", mandate.part("customer"));
            form.set("payment_method", mandate.id());
        } else {
            form::method(&mut form, kind, &request.method, &request.customer, &request.billing);
            form.set_some("payment_method_data[card][token]", self.token(cx, &request.key, &request.method).await?);
        }
        if kind == "card" {
            form::three_ds(&mut form, &request.three_ds);
            if self.credentials.incremental_authorizations && request.capture == CaptureMode::Manual {
                form.set("payment_method_options[card][request_incremental_authorization]", "if_available");
            }
        }
        if matches!(request.method, Method::BankDebit { .. }) {
            form::acceptance(&mut form, &request.browser);
        }
        if request.store {
            form.set("customer", self.customer(cx, &request.key, &request.reference, &request.customer).await?);
            form.set("setup_future_usage", "off_session");
        }
        let reply = self.exchange(self.post(cx, "payment_intents", request.key.as_str()).form(&form)).await?;
        let Some(fault) = refusal(&reply) else { return payment(&read(&reply)?) };
        let intent = fault.payment_intent.as_deref();
        let state = State::Declined(codes::decline(&fault, intent.and_then(Intent::charge)));
        // A card that is refused before there is a PaymentIntent leaves nothing at Stripe: the reference stands for it.
        let without = || Ok(Payment::new(Handle::new(&request.reference), State::Pending));
        Ok(Payment { state, ..intent.map_or_else(without, payment)? })
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        match request.payment.part("setup_intent") {
            Some(setup) => self.stored(cx, &Handle::new(setup), &request.payment).await,
            None => self.intent(cx, &request.payment).await,
        }
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let mut form = form::with_charge();
        form.set("amount_to_capture", Self::SPEC.minor(&request.amount)?.to_string());
        let path = format!("payment_intents/{}/capture", request.payment.segment()?);
        payment(&self.send(self.post(cx, &path, request.key.as_str()).form(&form)).await?)
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let path = format!("payment_intents/{}/cancel", request.payment.segment()?);
        payment(&self.send(self.post(cx, &path, request.key.as_str()).form(&form::with_charge())).await?)
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let mut form = Pairs::new();
        form.set("payment_intent", request.payment.id());
        form.set("amount", Self::SPEC.minor(&request.amount)?.to_string());
        form.set("metadata[reference]", &request.reference);
        // `reason` takes three words of Stripe's own; a free text is kept as data.
        form.set_some("metadata[reason]", request.reason.as_deref());
        refund(&self.send(self.post(cx, "refunds", request.key.as_str()).form(&form)).await?)
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let Lookup::Handle(handle) = &request.by else { return Err(Error::unsupported_variant("lookup by reference")) };
        self.intent(cx, handle).await
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        refund(&self.send(cx.get(format!("{API}/refunds/{}", request.refund.segment()?))).await?)
    }

    async fn adjust(&self, cx: &Context<'_>, request: &Adjust) -> Result<Payment> {
        let mut form = form::with_charge();
        form.set("amount", Self::SPEC.minor(&request.amount)?.to_string());
        let path = format!("payment_intents/{}/increment_authorization", request.payment.segment()?);
        // A raise that the issuer declines is a 402 that leaves the reservation as it was: an error, not a declined payment.
        payment(&self.send(self.post(cx, &path, request.key.as_str()).form(&form)).await?)
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let kind = form::kind(&request.method)?;
        let mut form = Pairs::new();
        form::confirm(&mut form, kind, &request.reference);
        form.set("customer", self.customer(cx, &request.key, &request.reference, &request.customer).await?);
        form.set("usage", if request.usage.is_some() { "off_session" } else { "on_session" });
        form::method(&mut form, kind, &request.method, &request.customer, &request.billing);
        form::three_ds(&mut form, &request.three_ds);
        form.set_some("return_url", request.return_url.as_deref());
        let reply = self.exchange(self.post(cx, "setup_intents", request.key.as_str()).form(&form)).await?;
        let Some(fault) = refusal(&reply) else { return Ok(mandate(&read(&reply)?)) };
        let state = MandateState::Declined(codes::decline(&fault, None));
        let without = || Mandate::new(Handle::new(&request.reference), MandateState::Pending);
        Ok(Mandate { state, ..fault.setup_intent.as_deref().map_or_else(without, mandate) })
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        let path = format!("payment_methods/{}/detach", request.mandate.segment()?);
        let detached: Named = self.send(self.post(cx, &path, request.key.as_str())).await?;
        Ok(Mandate::new(Handle::new(detached.id), MandateState::Revoked))
    }

    async fn open_session(&self, cx: &Context<'_>, request: &OpenSession) -> Result<Session> {
        let mut form = Pairs::new();
        form::amount(&mut form, &request.amount, Self::SPEC.minor(&request.amount)?, request.capture);
        form.set("automatic_payment_methods[enabled]", "true");
        form.set("metadata[reference]", &request.reference);
        let intent: Intent = self.send(self.post(cx, "payment_intents", request.key.as_str()).form(&form)).await?;
        let token = intent.client_secret.ok_or_else(|| Error::protocol("the answer has no client_secret"))?;
        Ok(Session { handle: Some(Handle::new(intent.id)), token: Secret::from(token), expires: None })
    }

    async fn answer_dispute(&self, cx: &Context<'_>, request: &AnswerDispute) -> Result<Dispute> {
        let path = format!("disputes/{}", request.dispute.segment()?);
        let Answer::Contest(evidence) = &request.answer else {
            return dispute(&self.send(self.post(cx, &format!("{path}/close"), request.key.as_str())).await?);
        };
        if !evidence.documents.is_empty() {
            return Err(Error::invalid("answer.documents", "only text can be sent; add documents in the dashboard"));
        }
        let mut form = Pairs::new();
        form.set("evidence[uncategorized_text]", &evidence.explanation);
        form.set_some("evidence[shipping_carrier]", evidence.carrier.as_deref());
        form.set_some("evidence[shipping_tracking_number]", evidence.tracking_number.as_deref());
        form.set("submit", "true");
        dispute(&self.send(self.post(cx, &path, request.key.as_str()).form(&form)).await?)
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let key = self.credentials.webhook_secret.expose().as_bytes();
        let event: EventObject = delivery.dated_hmac(cx, "stripe-signature", &SIGNATURE, key)?.json()?;
        let body = match event.data.and_then(|data| data.object) {
            _ if event.object.as_deref() == Some("v2.core.event") => EventBody::Ignored,
            Some(Subject::PaymentIntent(intent)) => EventBody::Payment(payment(&intent)?),
            Some(Subject::Refund(object)) => EventBody::Refund(refund(&object)?),
            Some(Subject::Dispute(object)) => EventBody::Dispute(dispute(&object)?),
            Some(Subject::SetupIntent(object) | Subject::Mandate(object)) => EventBody::Mandate(mandate(&object)),
            Some(Subject::Other) => EventBody::Ignored,
            None => return Err(Error::protocol("the event shows no object")),
        };
        let text = || event.created.as_str()?.parse().ok();
        let at = event.created.as_i64().map_or_else(text, |at| Timestamp::from_second(at).ok());
        Ok(vec![Event { id: Some(event.id), at, name: event.name, body }])
    }
}

impl Stripe {
    fn post<'a>(&self, cx: &'a Context<'_>, path: &str, key: &str) -> Call<'a> {
        cx.post(format!("{API}/{path}")).header("idempotency-key", key)
    }

    async fn exchange(&self, call: Call<'_>) -> Result<Reply> {
        let call = call.bearer(&self.credentials.api_key).header("stripe-version", VERSION);
        call.header_some("stripe-account", self.credentials.account.as_deref()).send().await
    }

    async fn send<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T> {
        read(&self.exchange(call).await?)
    }

    async fn intent(&self, cx: &Context<'_>, handle: &Handle) -> Result<Payment> {
        let call = cx.get(format!("{API}/payment_intents/{}", handle.segment()?)).query(&form::with_charge());
        payment(&self.send(call).await?)
    }

    /// A SetupIntent whose customer came back, as a payment that never takes money: it has a mandate once it succeeded.
    async fn stored(&self, cx: &Context<'_>, setup: &Handle, asked: &Handle) -> Result<Payment> {
        let object: Intent = self.send(cx.get(format!("{API}/setup_intents/{}", setup.segment()?))).await?;
        agree_part(asked, Some(setup.id()), Some(&object.id))?;
        let Mandate { state, handle, reference, .. } = mandate(&object);
        let mandate = (state == MandateState::Active).then_some(handle);
        let state = if mandate.is_some() { State::Pending } else { codes::payment(&object) };
        Ok(Payment { reference, mandate, ..Payment::new(asked.clone(), state) })
    }

    async fn customer(&self, cx: &Context<'_>, key: &Key, reference: &str, customer: &Customer) -> Result<String> {
        let mut form = Pairs::new();
        form.set_some("name", customer.full_name());
        form.set_some("email", customer.email.as_deref());
        form.set("metadata[reference]", reference);
        let call = self.post(cx, "customers", &format!("{key}-customer")).form(&form).harmless();
        Ok(self.send::<Named>(call).await?.id)
    }

    /// The Stripe token of a wallet's token. Apple's is exchanged, as Stripe's own iOS SDK does
    /// (<https://github.com/stripe/stripe-ios>, `STPAPIClient+ApplePay`); Google's, made for gateway `stripe`, is one already.
    async fn token(&self, cx: &Context<'_>, key: &Key, method: &Method) -> Result<Option<String>> {
        let token: Named = match method {
            Method::ApplePay(apple) => {
                let mut form = Pairs::new();
                form.set("pk_token", apple.payment_data.expose());
                form.set_some("pk_token_instrument_name", apple.display_name.as_deref());
                form.set_some("pk_token_payment_network", apple.network.as_deref());
                form.set_some("pk_token_transaction_id", apple.transaction_id.as_deref());
                self.send(self.post(cx, "tokens", &format!("{key}-token")).form(&form).harmless()).await?
            }
            Method::GooglePay(google) => serde_json::from_str(google.token.expose())
                .map_err(|_| Error::invalid("method.token", "a token for gateway stripe is JSON with an id"))?,
            _ => return Ok(None),
        };
        Ok(Some(token.id))
    }
}

fn read<T: DeserializeOwned>(reply: &Reply) -> Result<T> {
    if !reply.is_success() {
        return Err(fault(reply));
    }
    // An error body is believed under any status.
    reply.json().map_err(|unread| reply.json::<FaultBody>().map_or(unread, |_| fault(reply).of_kind(Kind::Invalid)))
}

/// The error of an answer that is no success. Stripe says 400 where others say 404 or 409; its codes tell.
/// <https://docs.stripe.com/error-codes>. While a key is in use, the first request with it still runs.
fn fault(reply: &Reply) -> Error {
    let Ok(FaultBody { error: fault }) = reply.json() else { return reply.fault_with(Fault::default()) };
    let code = fault.code.as_deref().unwrap_or_default();
    let missing = code == "resource_missing";
    let conflict = CONFLICTS.split(' ').any(|one| one == code) || fault.kind.as_deref() == Some("idempotency_error");
    let running = code == "idempotency_key_in_use";
    let code = fault.decline_code.or(fault.code);
    let mut error =
        reply.fault_with(Fault { code, message: fault.message, field: fault.param.filter(|name| !name.is_empty()) });
    if let Some(intent) = fault.payment_intent {
        error = error.about(&Handle::new(intent.id));
    }
    error = if missing { error.of_kind(Kind::NotFound) } else { error };
    error = if conflict { error.of_kind(Kind::Conflict) } else { error };
    if running { error.in_progress() } else { error }
}

/// The refusal of an attempt, in a 402: its intent waits for another method, or the card was refused before there was one.
fn refusal(reply: &Reply) -> Option<StripeFault> {
    let fault = (reply.status() == 402).then(|| reply.json::<FaultBody>().ok()).flatten()?.error;
    let refused = match fault.payment_intent.as_deref().or(fault.setup_intent.as_deref()) {
        Some(intent) => intent.status == "requires_payment_method",
        None => fault.kind.as_deref() == Some("card_error"),
    };
    refused.then_some(fault)
}

fn payment(intent: &Intent) -> Result<Payment> {
    if intent.object.as_deref().is_some_and(|object| object != "payment_intent") {
        return Err(Error::protocol("the answer is no PaymentIntent"));
    }
    let money = |minor: Option<i64>| Some(Stripe::SPEC.money(minor?, intent.currency.as_deref()?));
    let charge = intent.charge();
    let mut payment = Payment::new(Handle::new(&intent.id), codes::payment(intent));
    payment.amount = money(intent.amount).transpose()?;
    payment.captured = money(intent.amount_received.filter(|received| *received != 0)).transpose()?;
    // What was reserved and not captured counts as refunded at Stripe, though it was never taken.
    let released = intent.amount.zip(intent.amount_received).map_or(0, |(all, taken)| all.saturating_sub(taken));
    let refunded = charge.and_then(|charge| charge.amount_refunded).map(|all| all.saturating_sub(released).max(0));
    payment.refunded = money(refunded).transpose()?;
    payment.reference = intent.metadata.as_ref().and_then(|metadata| metadata.reference.clone());
    payment.network = charge.map(codes::network).unwrap_or_default();
    // The method is stored once the payment that stores it is through; only cards are.
    let through = matches!(intent.status.as_str(), "succeeded" | "requires_capture" | "processing");
    if let (true, Some(_), Some(customer), Some(method)) =
        (through, &intent.setup_future_usage, &intent.customer, &intent.payment_method)
    {
        payment.mandate = Some(Handle::new(method.id()).with("customer", customer.id()));
    }
    Ok(payment)
}

fn refund(object: &RefundObject) -> Result<Refund> {
    let mut refund = Refund::new(Handle::new(&object.id), codes::refund(object));
    refund.amount = Some(Stripe::SPEC.money(object.amount, &object.currency)?);
    refund.payment = object.payment_intent.as_ref().map(|intent| Handle::new(intent.id()));
    refund.reference = object.metadata.as_ref().and_then(|metadata| metadata.reference.clone());
    Ok(refund)
}

/// A stored method, by its own id. Until the customer has done their part, the handle names the SetupIntent too, by which
/// `complete` finds it.
fn mandate(object: &Intent) -> Mandate {
    let state = codes::mandate(object);
    let id = object.payment_method.as_ref().map_or(object.id.as_str(), |method| method.id());
    let open = matches!(state, MandateState::ActionRequired(_)).then_some(object.id.as_str());
    let customer = object.customer.as_ref().map(|customer| customer.id());
    let handle = Handle::new(id).with_some("customer", customer).with_some("setup_intent", open);
    let reference = object.metadata.as_ref().and_then(|metadata| metadata.reference.clone());
    Mandate { reference, ..Mandate::new(handle, state) }
}

fn dispute(object: &DisputeObject) -> Result<Dispute> {
    let (state, stage) = codes::dispute(&object.status);
    let due = object.evidence_details.as_ref().and_then(|details| details.due_by);
    let mut dispute = Dispute::new(Handle::new(&object.id), state);
    dispute.stage = Some(stage);
    dispute.payment = object.payment_intent.as_ref().map(|intent| Handle::new(intent.id()));
    dispute.amount = Some(Stripe::SPEC.money(object.amount, &object.currency)?);
    let card = object.payment_method_details.as_ref().and_then(|details| details.card.as_ref());
    dispute.reason_code = card.and_then(|card| card.network_reason_code.clone()).or_else(|| object.reason.clone());
    dispute.respond_by = due.and_then(|due| Timestamp::from_second(due).ok());
    Ok(dispute)
}
