//! Adyen: Checkout API v72, Disputes API v30 and standard webhooks, with an API key.
//!
//! Captures, voids, refunds and adjustments are only received at first; a webhook tells the end, and nothing can be looked up.
//! A redirect or challenge may be answered before Adyen gives the payment an id: until [`Connector::complete`] or a webhook
//! tells the `pspReference`, the handle is the merchant's reference. Of a webhook item eight members are signed: both ids,
//! account, reference, amount, event, success; a token webhook is signed whole, in a header. To tell an automatic capture from a manual one there, "Capture delay hours" must
//! be chosen under Developers > Additional data. Adyen's support switches on several captures and own network tokens.

mod codes;
mod wire;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use quittance::digest::{self, Hash};
use quittance::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Adyen's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Adyen>();

/// One merchant account at Adyen.
pub struct Adyen {
    credentials: Credentials,
}

/// What the Customer Area gives for a merchant account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The API key (Developers > API credentials), with the roles for Checkout, disputes and, for card numbers, PCI.
    pub api_key: Secret,
    /// The merchant account's name.
    pub merchant_account: String,
    /// The prefix of the live endpoints (Developers > API URLs). Left out: the test environment.
    pub live_prefix: Option<String>,
    /// The HMAC key of the standard webhook, in hex (Developers > Webhooks > Security), entered at that of tokens, too.
    pub hmac_key: Secret,
}

#[rustfmt::skip]
const SPEC: Spec = Spec {
    hosts: &["checkout-test.adyen.com", "*-checkout-live.adyenpayments.com", "ca-test.adyen.com", "ca-live.adyen.com"],
    operations: &[
        Op::Authorize, Op::Complete, Op::Capture, Op::Void, Op::Refund, Op::Adjust, Op::SetUp, Op::Revoke, Op::OpenSession,
        Op::AnswerDispute, Op::Webhook,
    ],
    methods: codes::METHODS, mandates: &[MethodKind::of(Family::Card)],
    currencies: Currencies::Only(codes::CURRENCIES), exponents: Exponents(codes::EXPONENTS),
    capture: CaptureRules { manual: true, partial: true, multiple: true },
    refund: RefundRules { partial: true, multiple: true }, three_ds: ThreeDsRules { challenge: true, external: true },
    idempotency: Idempotency::Header("idempotency-key"), idempotency_exceptions: &[(Op::AnswerDispute, Idempotency::None)], disputes: DisputeRules { accept: true, contest: true },
    webhook: Some(WebhookRules {
        authentication: WebhookAuthentication::BodyMac, tolerance_seconds: None, acknowledgement: "[accepted]",
    }),
    ..Spec::new("adyen", "Adyen", "https://docs.adyen.com/api-explorer/Checkout/72/overview")
};

impl Provider for Adyen {
    const SPEC: Spec = SPEC;
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Adyen> {
        let label = |text: &String| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let keyed = hex::decode(credentials.hmac_key.expose()).is_ok_and(|key| !key.is_empty());
        let wrong = |field: &str, what: &str| Err(Error::new(Kind::Credentials, Effect::None, what).in_field(field));
        match (keyed, credentials.live_prefix.as_ref().is_none_or(label)) {
            (false, _) => wrong("hmac_key", "the HMAC key is not hex"),
            (_, false) => wrong("live_prefix", "the live prefix has letters, digits and hyphens only"),
            _ => Ok(Adyen { credentials }),
        }
    }
}

#[async_trait]
impl Connector for Adyen {
    fn spec(&self) -> &'static Spec {
        ENTRY.spec
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let stored = matches!(request.method, Method::Mandate(_));
        // ContAuth stands for every stored method; the model tells who started.
        let series = match request.initiator {
            Initiator::Merchant(category) => ("ContAuth", Some(model(category))),
            Initiator::Customer if stored => ("ContAuth", Some("CardOnFile")),
            Initiator::Customer => ("Ecommerce", request.store.then_some("CardOnFile")),
        };
        self.pay(cx, request, series).await
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        let returned = |name| (name, request.returned(name));
        let details = wire::texts([returned("redirectResult"), returned("threeDSResult")]);
        if details.is_empty() {
            return Err(Error::invalid("returned", "neither redirectResult nor threeDSResult came back"));
        }
        let answer =
            self.send(self.keyed(cx, "/payments/details", &request.key, json!({ "details": details }))).await?;
        payment(answer, &request.payment, request.capture)
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let body = json!({ "reference": request.reference, "amount": wire::amount(&request.amount)? });
        let (payment, _, captured_now) = self.modify(cx, "captures", &request.payment, &request.key, body).await?;
        Ok(Payment { captured_now, ..payment })
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let body = json!({ "reference": request.reference });
        Ok(self.modify(cx, "cancels", &request.payment, &request.key, body).await?.0)
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let body = json!({ "reference": request.reference, "amount": wire::amount(&request.amount)? });
        let (payment, handle, amount) = self.modify(cx, "refunds", &request.payment, &request.key, body).await?;
        let state = match payment.state {
            State::Unrecognised(raw) => TransferState::Unrecognised(raw),
            _ => TransferState::Pending,
        };
        let reference = payment.reference;
        Ok(Refund { amount, payment: Some(payment.handle), reference, ..Refund::new(handle, state) })
    }

    async fn adjust(&self, cx: &Context<'_>, request: &Adjust) -> Result<Payment> {
        let body = json!({ "reference": request.reference, "amount": wire::amount(&request.amount)? });
        let (payment, _, amount) = self.modify(cx, "amountUpdates", &request.payment, &request.key, body).await?;
        Ok(Payment { amount, ..payment })
    }

    /// A payment of nothing that stores the card (docs.adyen.com/online-payments/tokenization).
    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let series = ("Ecommerce", Some(request.usage.map_or("CardOnFile", model)));
        // The token may come by webhook (recurring.token.created, in older accounts RECURRING_CONTRACT).
        Ok(Mandate::of_payment(self.pay(cx, &request.as_payment(), series).await?))
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        let url = format!("{}/storedPaymentMethods/{}", self.checkout(), request.mandate.segment()?);
        let account = self.credentials.merchant_account.as_str();
        let owner = [("shopperReference", request.mandate.part("shopper")), ("merchantAccount", Some(account))];
        let call = cx.call(http::Method::DELETE, url).query(&wire::texts(owner));
        let reply = call.secret_header("x-api-key", &self.credentials.api_key).send().await?;
        match reply.status() {
            204 => Ok(Mandate::new(request.mandate.clone(), MandateState::Revoked)),
            _ => Err(fault(&reply)),
        }
    }

    async fn open_session(&self, cx: &Context<'_>, request: &OpenSession) -> Result<Session> {
        let body = json!({
            "merchantAccount": self.credentials.merchant_account,
            "reference": request.reference,
            "amount": wire::amount(&request.amount)?,
            "returnUrl": request.return_url,
            "shopperReference": request.customer.id,
        });
        let body = wire::merge(body, wire::capture(request.capture, false));
        let answer: wire::SessionAnswer = self.send(self.keyed(cx, "/sessions", &request.key, body)).await?;
        let (handle, token) = (Some(Handle::new(answer.id)), Secret::new(answer.session_data));
        Ok(Session { handle, token, expires: answer.expires_at.and_then(|at| at.parse().ok()) })
    }

    async fn answer_dispute(&self, cx: &Context<'_>, request: &AnswerDispute) -> Result<Dispute> {
        let id = request.dispute.id();
        let state = match &request.answer {
            Answer::Accept => self.dispute(cx, "acceptDispute", id, Value::Null).await.map(|_| DisputeState::Lost)?,
            Answer::Contest(evidence) => self.contest(cx, id, evidence).await.map(|()| DisputeState::UnderReview)?,
        };
        Ok(Dispute::new(request.dispute.clone(), state))
    }

    async fn webhook(&self, _cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let key = hex::decode(self.credentials.hmac_key.expose()).unwrap_or_default();
        if let Ok(given) = delivery.header("hmacsignature") {
            let given = STANDARD.decode(given).map_err(|_| Error::signature("header hmacsignature is not base64"))?;
            let told = delivery.hmac(Hash::Sha256, &key, &[Signed::Body], &given)?.json()?;
            return token_event(told).map(|event| vec![event]);
        }
        delivery.untrusted(|body| {
            let items = body.json::<wire::Notification>()?.notification_items;
            let items: Vec<_> = items.into_iter().flat_map(|wrapped| wrapped.into_values()).collect();
            items.first().ok_or_else(|| Error::signature("the delivery has no item, so nothing is signed"))?;
            items.iter().try_for_each(|item| vouch(item, &key))?;
            items.into_iter().map(event).collect()
        })
    }
}

/// The payment after a modification was asked for, the modification's own handle, and its amount.
type Modified = (Payment, Handle, Option<Money>);

impl Adyen {
    fn checkout(&self) -> String {
        match &self.credentials.live_prefix {
            Some(prefix) => format!("https://{prefix}-checkout-live.adyenpayments.com/checkout/v72"),
            None => "https://checkout-test.adyen.com/v72".to_owned(),
        }
    }

    /// A Checkout call, which Adyen does once for one key.
    fn keyed<'a>(&self, cx: &'a Context<'a>, to: &str, key: &Key, body: impl Serialize) -> Call<'a> {
        cx.post(format!("{}{to}", self.checkout())).header("idempotency-key", key.as_str()).json(&body)
    }

    async fn send<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T> {
        let reply = call.secret_header("x-api-key", &self.credentials.api_key).send().await?;
        match reply.status() {
            200 | 201 => reply.json(),
            _ => Err(fault(&reply)),
        }
    }

    async fn pay(&self, cx: &Context<'_>, request: &Authorize, series: (&str, Option<&str>)) -> Result<Payment> {
        let at_once = request.method.brand().is_some_and(|brand| codes::TAKES_AT_ONCE.contains(&brand));
        if at_once && request.capture == CaptureMode::Manual {
            return Err(Error::unsupported_variant(format_args!("manual capture with {}", request.method.family())));
        }
        let shopper = match &request.method {
            Method::Mandate(handle) => handle.part("shopper"),
            _ if request.store => request.customer.id.as_deref().or(Some(&request.reference)),
            _ => request.customer.id.as_deref(),
        };
        let nothing = request.amount.minor() == 0;
        let capture = if nothing { Value::Null } else { wire::capture(request.capture, at_once) };
        let more = json!({
            "merchantAccount": self.credentials.merchant_account,
            "shopperReference": shopper,
            "shopperInteraction": series.0,
            "recurringProcessingModel": series.1,
        });
        let body = wire::NewPayment::of(request, wire::merge(more, capture))?;
        let asked = Handle::new(&request.reference).with_some("shopper", shopper.filter(|_| request.store));
        payment(self.send(self.keyed(cx, "/payments", &request.key, body)).await?, &asked, request.capture)
    }

    async fn modify(&self, cx: &Context<'_>, verb: &str, of: &Handle, key: &Key, body: Value) -> Result<Modified> {
        let path = format!("/payments/{}/{verb}", of.segment()?);
        let body = wire::merge(body, json!({ "merchantAccount": self.credentials.merchant_account }));
        let answer: wire::Modified = self.send(self.keyed(cx, &path, key, &body)).await?;
        agree_part(of, body["reference"].as_str(), answer.reference.as_deref())?;
        let handle = answer.payment_psp_reference.map_or_else(|| of.clone(), Handle::new);
        let state = match answer.status.trim_end_matches(']') {
            received if received.ends_with("received") => State::Pending,
            // An amount update can be decided at once.
            "authorised" => State::Authorized,
            "refused" => return Err(conflict("the issuer refused the new amount").about(&handle)),
            _ => State::Unrecognised(answer.status),
        };
        let payment = Payment { reference: answer.reference, ..Payment::new(handle, state) };
        Ok((payment, Handle::new(answer.psp_reference), answer.amount.as_ref().map(money).transpose()?))
    }

    /// A call of the Disputes API, which knows no idempotency keys and reports a refusal in a 200.
    async fn dispute(&self, cx: &Context<'_>, verb: &str, id: &str, more: Value) -> Result<Vec<wire::DefenseReason>> {
        let environment = if self.credentials.live_prefix.is_some() { "live" } else { "test" };
        let url = format!("https://ca-{environment}.adyen.com/ca/services/DisputeService/v30/{verb}");
        let account = &self.credentials.merchant_account;
        let body = wire::merge(json!({ "merchantAccountCode": account, "disputePspReference": id }), more);
        let answer: wire::DisputeAnswer = self.send(cx.post(url).json(&body)).await?;
        match answer.dispute_service_result {
            wire::DisputeResult { success: true, .. } => Ok(answer.defense_reasons),
            refused => Err(conflict(refused.error_message.as_deref().unwrap_or("the dispute takes no such answer"))),
        }
    }

    /// Supplies the documents (words have no place in the API), then defends for the first reason that they satisfy.
    async fn contest(&self, cx: &Context<'_>, id: &str, evidence: &Evidence) -> Result<()> {
        let documents: Vec<Value> = evidence.documents.iter().map(wire::defense_document).collect();
        self.dispute(cx, "supplyDefenseDocument", id, json!({ "defenseDocuments": documents })).await?;
        let reasons = self.dispute(cx, "retrieveApplicableDefenseReasons", id, Value::Null).await?;
        let reason = reasons.iter().find(|reason| reason.satisfied);
        let reason = reason.ok_or_else(|| conflict("the documents satisfy no defense reason of the dispute"))?;
        let code = json!({ "defenseReasonCode": reason.defense_reason_code });
        self.dispute(cx, "defendDispute", id, code).await.map(drop)
    }
}

fn conflict(why: &str) -> Error {
    Error::new(Kind::Conflict, Effect::None, why)
}

/// Adyen tells more in its code than in the status: 704 is a key in use by a call that still runs, 800 and 803 are unknown tokens.
fn fault(reply: &Reply) -> Error {
    let error = reply.fault(|fault: wire::ServiceError| {
        let quoted =
            fault.message.as_deref().and_then(|text| text.strip_prefix("Required field '")?.split('\'').next());
        Fault { field: quoted.map(str::to_owned), code: fault.error_code, message: fault.message }
    });
    match error.code() {
        Some("704") => error.in_progress(),
        Some("800" | "803") => error.of_kind(Kind::NotFound),
        _ => error,
    }
}

fn money(amount: &wire::ReadAmount) -> Result<Money> {
    SPEC.money(amount.value, &amount.currency)
}

fn model(category: MitCategory) -> &'static str {
    match category {
        MitCategory::Recurring | MitCategory::Installment => "Subscription",
        MitCategory::Unscheduled => "UnscheduledCardOnFile",
    }
}

/// `asked` is the handle so far, which stands while Adyen gives no id; its part `shopper` owns the token that is made.
fn payment(answer: wire::PaymentAnswer, asked: &Handle, capture: CaptureMode) -> Result<Payment> {
    let more = answer.additional_data.unwrap_or_default();
    let owner = asked.part("shopper");
    let mandate = stored(&more, owner);
    let id = answer.psp_reference.as_deref().unwrap_or(asked.id());
    let handle = Handle::new(id).with_some("shopper", owner.filter(|_| mandate.is_none()));
    let about = |error: Error| error.about(&handle);
    let amount = answer.amount.as_ref().map(money).transpose().map_err(about)?;
    let network = network(&more);
    let declined = |unsaid| declined(answer.refusal_reason_code, answer.refusal_reason, &network, unsaid);
    let state = match (answer.result_code.as_str(), answer.action) {
        ("Authorised", _) if answer.psp_reference.is_none() => return Err(Error::protocol("pspReference is missing")),
        // A card was stored; no money is reserved.
        ("Authorised", _) if amount.is_some_and(|amount| amount.minor() == 0) => State::Pending,
        ("Authorised", _) if capture == CaptureMode::Automatic => State::Captured,
        ("Authorised", _) => State::Authorized,
        ("Refused", _) => State::Declined(declined(Reason::Generic)),
        ("Cancelled", _) => State::Declined(declined(Reason::CustomerCancelled)),
        ("Error", _) => State::Declined(declined(Reason::ProcessingError)),
        // The shopper's turn; without an action nothing can be done but wait for the webhook.
        (
            "RedirectShopper" | "IdentifyShopper" | "ChallengeShopper" | "PresentToShopper" | "Received" | "Pending",
            action,
        ) => match action {
            Some(action) => State::ActionRequired(next_action(action.get()).map_err(about)?),
            None => State::Pending,
        },
        (other, _) => State::Unrecognised(other.to_owned()),
    };
    Ok(Payment { reference: answer.merchant_reference, amount, mandate, network, ..Payment::new(handle, state) })
}

/// The stored method that a payment made, and whose it is.
fn stored(more: &wire::AdditionalData, owner: Option<&str>) -> Option<Handle> {
    let shopper = more.get("tokenization.shopperReference").or_else(|| owner.map(str::to_owned));
    Some(Handle::new(more.get("tokenization.storedPaymentMethodId")?).with_some("shopper", shopper))
}

fn network(more: &wire::AdditionalData) -> Network {
    // The code leads the raw text (`51 : Insufficient funds`); a text without a colon is kept whole.
    let code = |raw: String| raw.split(':').next().unwrap_or_default().trim().to_owned();
    Network {
        transaction_id: more.get("networkTxReference"),
        authorization_code: more.get("authCode"),
        response_code: more.get("refusalReasonRaw").map(code),
        advice_code: more.get("merchantAdviceCode").map(code),
        avs: more.get("avsResultRaw").or_else(|| more.get("avsResult")),
        cvc: more.get("cvcResultRaw").or_else(|| more.get("cvcResult")),
        // Where no 3-D Secure took part, Adyen may fill the member in all the same.
        eci: more.get("eci").filter(|eci| eci != "N/A"),
    }
}

fn declined(code: Option<String>, message: Option<String>, network: &Network, unsaid: Reason) -> Decline {
    let reason = codes::reason(code.as_deref(), message.as_deref(), unsaid);
    let (network_code, advice_code) = (network.response_code.clone(), network.advice_code.clone());
    Decline { reason, code, message, network_code, advice_code }
}

/// A redirect of a card is its 3-D Secure step. Every other action is for Adyen's client libraries, which take it as it is.
fn next_action(raw: &str) -> Result<NextAction> {
    let unreadable = || Error::protocol("the action of the answer lacks a member");
    let action: wire::Action = serde_json::from_str(raw).map_err(|_| unreadable())?;
    if action.r#type != "redirect" {
        return Ok(NextAction::ClientSdk { token: Secret::new(raw) });
    }
    let (url, fields) = (action.url.ok_or_else(unreadable)?, action.data.into_iter().collect());
    Ok(match (action.payment_method_type.as_deref(), action.method.as_deref()) {
        (Some("scheme"), _) => NextAction::ThreeDs { url, fields },
        (_, Some("POST")) => NextAction::PostForm { url, fields },
        _ => NextAction::Redirect { url },
    })
}

/// Checks an item's signature: base64 HMAC-SHA256 over eight members joined by colons, unescaped as in Adyen's own libraries.
fn vouch(item: &wire::Item, key: &[u8]) -> Result<()> {
    let (original, amount) = (item.original_reference.as_deref().unwrap_or_default(), item.amount.value.to_string());
    let (account, reference) = (&*item.merchant_account_code, &*item.merchant_reference);
    let (currency, code, success) = (&*item.amount.currency, &*item.event_code, &*item.success);
    let signed = [&*item.psp_reference, original, account, reference, &amount, currency, code, success].join(":");
    let given = item.additional_data.get("hmacSignature").unwrap_or_default();
    let given = STANDARD.decode(given).map_err(|_| Error::signature("hmacSignature is not base64"))?;
    match digest::same(&digest::hmac(Hash::Sha256, key, &[signed.as_bytes()]), &given) {
        true => Ok(()),
        false => Err(Error::signature("the signature of an item is missing or does not agree")),
    }
}

fn event(item: wire::Item) -> Result<Event> {
    let id = Some(format!("{}:{}:{}", item.event_code, item.psp_reference, item.success));
    let (at, name) = (item.event_date.as_deref().and_then(|at| at.parse().ok()), item.event_code.clone());
    Ok(Event { id, at, name, body: event_body(item)? })
}

/// A token's life (docs.adyen.com/api-explorer/Tokenization-webhooks/1/overview); other types are not read.
fn token_event(told: wire::TypedEvent) -> Result<Event> {
    let state = match told.r#type.as_str() {
        "recurring.token.created" | "recurring.token.alreadyExisting" => Some(MandateState::Active),
        "recurring.token.updated" => Some(MandateState::Active),
        "recurring.token.disabled" => Some(MandateState::Revoked),
        _ => None,
    };
    let token = told.data.get("storedPaymentMethodId").map(Handle::new);
    let token = token.map(|token| token.with_some("shopper", told.data.get("shopperReference")));
    let body = match (state, token) {
        (None, _) => EventBody::Ignored,
        (Some(state), Some(token)) => EventBody::Mandate(Mandate::new(token, state)),
        (Some(_), None) => return Err(Error::protocol("the token has no id")),
    };
    let (id, at) = (told.event_id.map(|id| format!("{}:{id}", told.r#type)), told.created_at);
    Ok(Event { id, at: at.and_then(|at| at.parse().ok()), name: told.r#type, body })
}

/// Modifications carry their own id and name the payment as the original.
fn event_body(item: wire::Item) -> Result<EventBody> {
    let amount = Some(money(&item.amount)?);
    let own = Handle::new(&item.psp_reference);
    let payment = Handle::new(item.original_reference.as_ref().unwrap_or(&item.psp_reference));
    // The reference is the modification's own where there is an original.
    let reference = item.original_reference.is_none().then(|| item.merchant_reference.clone());
    let network = network(&item.additional_data);
    let about = |state| {
        let (reference, network) = (reference.clone(), network.clone());
        Payment { reference, network, ..Payment::new(payment.clone(), state) }
    };
    let decline = || declined(None, item.reason.clone(), &network, Reason::Generic);
    let refusal = |op| EventBody::Refusal(Refusal { op, payment: payment.clone(), decline: decline() });
    let refund =
        |state| EventBody::Refund(Refund { amount, payment: Some(payment.clone()), ..Refund::new(own.clone(), state) });
    Ok(match (item.event_code.as_str(), item.success.as_str()) {
        // A card was stored; another event tells its token.
        ("AUTHORISATION", "true") if item.amount.value == 0 => EventBody::Ignored,
        ("AUTHORISATION", "true") => EventBody::Payment(authorised(&item, amount)),
        ("AUTHORISATION", _) => EventBody::Payment(about(State::Declined(decline()))),
        ("CAPTURE", "true") => EventBody::Payment(Payment { captured_now: amount, ..about(State::Captured) }),
        ("CAPTURE" | "CAPTURE_FAILED", _) => refusal(Op::Capture),
        ("AUTHORISATION_ADJUSTMENT", "true") => EventBody::Payment(Payment { amount, ..about(State::Authorized) }),
        ("AUTHORISATION_ADJUSTMENT", _) => refusal(Op::Adjust),
        ("REFUND", "true") => refund(TransferState::Succeeded),
        ("REFUND" | "REFUND_FAILED" | "REFUNDED_REVERSED", _) => refund(TransferState::Failed(decline())),
        ("CANCELLATION" | "TECHNICAL_CANCEL", "true") => EventBody::Payment(about(State::Voided)),
        ("CANCELLATION" | "TECHNICAL_CANCEL", _) => refusal(Op::Void),
        // What the Customer Area reverses is cancelled or refunded, whichever it can be.
        ("CANCEL_OR_REFUND", "true") => match item.additional_data.get("modification.action").as_deref() {
            Some("cancel") => EventBody::Payment(about(State::Voided)),
            Some("refund") => refund(TransferState::Succeeded),
            _ => EventBody::Ignored,
        },
        ("EXPIRE" | "OFFER_CLOSED", "true") => EventBody::Payment(about(State::Expired)),
        ("RECURRING_CONTRACT", "true") => {
            let handle = own.with_some("shopper", item.additional_data.get("recurring.shopperReference"));
            EventBody::Mandate(Mandate::new(handle, MandateState::Active))
        }
        _ => dispute(item, amount, own),
    })
}

fn authorised(item: &wire::Item, amount: Option<Money>) -> Payment {
    let automatic = item.additional_data.get("captureDelayHours").as_deref() == Some("0");
    let taken = automatic || item.payment_method.as_deref().is_some_and(|kind| codes::TAKES_AT_ONCE.contains(&kind));
    let state = if taken { State::Captured } else { State::Authorized };
    let (reference, network) = (Some(item.merchant_reference.clone()), network(&item.additional_data));
    let (payment, mandate) = (Handle::new(&item.psp_reference), stored(&item.additional_data, None));
    Payment { amount, reference, mandate, network, ..Payment::new(payment, state) }
}

fn dispute(item: wire::Item, amount: Option<Money>, handle: Handle) -> EventBody {
    let Some((stage, usual)) = codes::dispute_event(&item.event_code) else {
        return EventBody::Ignored;
    };
    let more = item.additional_data;
    let state = more.get("disputeStatus").map_or(usual, codes::dispute_status);
    EventBody::Dispute(Dispute {
        stage: Some(stage),
        payment: item.original_reference.map(Handle::new),
        amount,
        reason_code: more.get("chargebackReasonCode").map(|code| code.trim().to_owned()),
        respond_by: more.get("defensePeriodEndsAt").and_then(|at| at.parse().ok()),
        ..Dispute::new(handle, state)
    })
}
