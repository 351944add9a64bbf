//! Square: Payments, Refunds, Cards and Disputes APIs, and signed webhooks.
//!
//! - Square takes no card numbers: a payment's source is a token of its client SDKs (`cnon:…`) or a stored card (`ccof:…`).
//! - The idempotency key is a field of the body, at most 45 characters; calls that make a customer or a card beside a payment
//!   add a word to it.
//! - A capture takes the whole amount, so a partial one changes the amount first. The handle's part `amount` is what was
//!   approved, as `USD6000`.
//! - A refusal by the issuer is a 4xx of category `PAYMENT_METHOD_ERROR`, as a rule with the failed payment beside it.
//! - 3-D Secure is part of the client SDK's tokenisation. Payments cannot be found by reference.
//! - Not offered: payouts, which Square makes to the seller alone, and refunds without a payment, which go to tokens of cards.
//!
//! Sources: <https://developer.squareup.com/reference/square> and Square's OpenAPI document.

mod codes;
mod wire;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use quittance::digest::Hash;
use quittance::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

/// Square's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Square>();

/// The version of the API that requests name (Square's SDK 46.0.0).
const VERSION: &str = "2026-09-16";

/// The longest idempotency key: Square's 45 characters less the longest word that is added.
const LONGEST_KEY: usize = 45 - "-customer".len();

/// The longest `reference_id` of a payment.
const LONGEST_REFERENCE: usize = 40;

/// One Square seller account.
#[derive(Debug)]
pub struct Square {
    credentials: Credentials,
}

/// What the Developer Console gives for an application and a seller.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The access token: the application's own, or a seller's by OAuth.
    pub access_token: Secret,
    /// The location that takes the payments. Left out: the seller's main location.
    pub location_id: Option<String>,
    /// The signature key of the webhook subscription.
    pub webhook_signature_key: Secret,
    /// The notification URL of the webhook subscription, exactly as entered there; it is part of what is signed.
    pub notification_url: String,
    /// Sandbox or production.
    pub environment: Environment,
}

impl Provider for Square {
    const SPEC: Spec = Spec {
        hosts: &["connect.squareup.com", "connect.squareupsandbox.com"],
        operations: &[
            Op::Authorize,
            Op::Capture,
            Op::Void,
            Op::Refund,
            Op::Retrieve,
            Op::RetrieveRefund,
            Op::Adjust,
            Op::SetUp,
            Op::Revoke,
            Op::AnswerDispute,
            Op::Webhook,
        ],
        methods: &[MethodKind::of(Family::Card), MethodKind::of(Family::Mandate)],
        mandates: &[MethodKind::of(Family::Card)],
        cards: CardRules { number: false, token: true },
        // developer.squareup.com/docs/international-development: one currency for each country.
        currencies: Currencies::Only(&[
            Currency::AUD,
            Currency::CAD,
            Currency::EUR,
            Currency::GBP,
            Currency::JPY,
            Currency::USD,
        ]),
        countries: &["AU", "CA", "ES", "FR", "GB", "IE", "JP", "US"],
        capture: CaptureRules { manual: true, partial: true, multiple: false },
        refund: RefundRules { partial: true, multiple: true },
        lookups: &[LookupKind::Handle],
        idempotency: Idempotency::Body("idempotency_key"),
        idempotency_exceptions: &[
            (Op::Void, Idempotency::None),
            (Op::Revoke, Idempotency::None),
            (Op::AnswerDispute, Idempotency::None),
        ],
        webhook: Some(WebhookRules {
            authentication: WebhookAuthentication::HeaderMac,
            tolerance_seconds: None,
            acknowledgement: "",
        }),
        disputes: DisputeRules { accept: true, contest: true },
        ..Spec::new("square", "Square", "https://developer.squareup.com/reference/square")
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Square> {
        Ok(Square { credentials })
    }
}

#[async_trait]
impl Connector for Square {
    fn spec(&self) -> &'static Spec {
        ENTRY.spec
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let key = key(&request.key)?;
        if request.reference.len() > LONGEST_REFERENCE {
            return Err(Error::invalid("reference", "Square keeps references of at most 40 characters"));
        }
        let customer = match &request.method {
            Method::Mandate(card) => card.part("customer").map(str::to_owned),
            _ if request.store => Some(self.customer(cx, key, &request.customer).await?),
            _ => None,
        };
        let place = (self.credentials.location_id.as_deref(), customer.as_deref());
        let body = wire::NewPayment::of(request, key, place)?;
        let unnamed = Handle::new(&request.reference);
        let answer = self.ask::<wire::OnePayment>(self.post(cx, "/v2/payments", &body)).await?;
        let payment =
            answer.map_or_else(|refusal| wire::refused(refusal, &unnamed), |found| wire::payment(found.payment))?;
        let Some(customer) = customer.filter(|_| request.store && payment.state.is_success()) else {
            return Ok(payment);
        };
        agree_payment(&payment, request.amount, &request.reference)?;
        let id = payment.handle.id();
        let card_key = format!("{key}-card");
        let body = wire::new_card(&card_key, id, &request.reference, &customer, &request.billing);
        let stored: wire::OneCard =
            self.read(self.post(cx, "/v2/cards", &body)).await.map_err(|error| error.about(&payment.handle))?;
        let stored = wire::mandate(stored.card);
        agree_part(&payment.handle, Some(&request.reference), stored.reference.as_deref())?;
        Ok(Payment { mandate: Some(stored.handle), ..payment })
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let asked = format!("{}{}", request.amount.currency(), self.spec().minor(&request.amount)?);
        if request.payment.part("amount") != Some(asked.as_str()) {
            let changed = self.change(cx, &request.key, &request.payment, &request.amount).await?;
            agree_part(&request.payment, Some(request.payment.id()), Some(changed.handle.id()))?;
            agree_payment(&Payment { reference: None, ..changed }, request.amount, "")?;
        }
        let path = format!("/v2/payments/{}/complete", request.payment.segment()?);
        let completed: wire::OnePayment = self.read(self.post(cx, &path, &json!({}))).await?;
        wire::payment(completed.payment)
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let path = format!("/v2/payments/{}/cancel", request.payment.segment()?);
        let cancelled: wire::OnePayment = self.read(self.call(cx, http::Method::POST, &path)).await?;
        wire::payment(cancelled.payment)
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let body = wire::merge(json!({
            "idempotency_key": key(&request.key)?,
            "payment_id": request.payment.id(),
            "amount_money": wire::money(&request.amount)?,
            "reason": request.reason,
        }));
        let made: wire::OneRefund = self.read(self.post(cx, "/v2/refunds", &body)).await?;
        wire::refund(made.refund)
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let Lookup::Handle(handle) = &request.by else {
            return Err(Error::unsupported_variant("retrieve by reference"));
        };
        let found: wire::OnePayment = self.read(self.get(cx, &format!("/v2/payments/{}", handle.segment()?))).await?;
        wire::payment(found.payment)
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        let path = format!("/v2/refunds/{}", request.refund.segment()?);
        let found: wire::OneRefund = self.read(self.get(cx, &path)).await?;
        wire::refund(found.refund)
    }

    async fn adjust(&self, cx: &Context<'_>, request: &Adjust) -> Result<Payment> {
        let changed = self.change(cx, &request.key, &request.payment, &request.amount).await?;
        // The payment keeps the reference of its authorization.
        Ok(Payment { reference: None, ..changed })
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let key = key(&request.key)?;
        let Method::CardToken(token) = &request.method else {
            return Err(Error::unsupported_variant(request.method.family()));
        };
        let customer = self.customer(cx, key, &request.customer).await?;
        let body = wire::new_card(key, token.expose(), &request.reference, &customer, &request.billing);
        match self.ask::<wire::OneCard>(self.post(cx, "/v2/cards", &body)).await? {
            Ok(stored) => Ok(wire::mandate(stored.card)),
            Err(refusal) => {
                let declined = MandateState::Declined(wire::decline(&refusal.errors));
                Ok(Mandate::new(Handle::new(&request.reference), declined))
            }
        }
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        let path = format!("/v2/cards/{}/disable", request.mandate.segment()?);
        let disabled: wire::OneCard = self.read(self.call(cx, http::Method::POST, &path)).await?;
        // The card keeps the reference of its making.
        Ok(Mandate { reference: None, ..wire::mandate(disabled.card) })
    }

    async fn answer_dispute(&self, cx: &Context<'_>, request: &AnswerDispute) -> Result<Dispute> {
        let path = |verb: &str| -> Result<String> { Ok(format!("/v2/disputes/{}/{verb}", request.dispute.segment()?)) };
        let verb = match &request.answer {
            Answer::Accept => "accept",
            Answer::Contest(evidence) if !evidence.documents.is_empty() => {
                return Err(Error::unsupported_variant("evidence as a document"));
            }
            Answer::Contest(evidence) => {
                for (number, body) in (1..).zip(wire::evidence(evidence)) {
                    let body =
                        wire::merge(wire::with(body, "idempotency_key", format!("{}-{number}", key(&request.key)?)));
                    let _: Map<String, Value> = self.read(self.post(cx, &path("evidence-text")?, &body)).await?;
                }
                "submit-evidence"
            }
        };
        let answered = self.read(self.call(cx, http::Method::POST, &path(verb)?)).await;
        let answered: wire::OneDispute = answered.map_err(|error| error.about(&request.dispute))?;
        wire::dispute(answered.dispute)
    }

    async fn webhook(&self, _cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let given = STANDARD.decode(delivery.header("x-square-hmacsha256-signature")?);
        let given = given.map_err(|_| Error::signature("header x-square-hmacsha256-signature is not base64"))?;
        let signed = [Signed::Text(&self.credentials.notification_url), Signed::Body];
        let key = self.credentials.webhook_signature_key.expose().as_bytes();
        let authentic = delivery.hmac(Hash::Sha256, key, &signed, &given)?;
        let head: wire::EventHead = authentic.json()?;
        let body = match head.r#type.as_str() {
            "payment.created" | "payment.updated" => EventBody::Payment(wire::payment(
                authentic.json::<wire::Event<wire::OnePayment>>()?.data.object.payment,
            )?),
            "refund.created" | "refund.updated" => {
                EventBody::Refund(wire::refund(authentic.json::<wire::Event<wire::OneRefund>>()?.data.object.refund)?)
            }
            // The last is the older name of the second.
            "dispute.created" | "dispute.state.updated" | "dispute.state.changed" => EventBody::Dispute(wire::dispute(
                authentic.json::<wire::Event<wire::OneDispute>>()?.data.object.dispute,
            )?),
            "card.disabled" | "card.forgotten" => {
                EventBody::Mandate(wire::mandate(authentic.json::<wire::Event<wire::OneCard>>()?.data.object.card))
            }
            _ => EventBody::Ignored,
        };
        let at = head.created_at.and_then(|at| at.parse().ok());
        Ok(vec![Event { id: head.event_id, at, name: head.r#type, body }])
    }
}

impl Square {
    fn call<'a>(&self, cx: &'a Context<'a>, method: http::Method, path: &str) -> Call<'a> {
        let host = match self.credentials.environment {
            Environment::Live => "connect.squareup.com",
            Environment::Sandbox => "connect.squareupsandbox.com",
        };
        let call = cx.call(method, format!("https://{host}{path}")).bearer(&self.credentials.access_token);
        call.header("square-version", VERSION)
    }

    fn get<'a>(&self, cx: &'a Context<'a>, path: &str) -> Call<'a> {
        self.call(cx, http::Method::GET, path)
    }

    fn post<'a>(&self, cx: &'a Context<'a>, path: &str, body: &impl Serialize) -> Call<'a> {
        self.call(cx, http::Method::POST, path).json(body)
    }

    /// The answer, or the refusal by the issuer.
    async fn ask<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<std::result::Result<T, wire::Refusal>> {
        let reply = call.send().await?;
        if reply.is_success() {
            return reply.json().map(Ok);
        }
        let refused = (400..500).contains(&reply.status()) && !matches!(reply.status(), 401 | 403 | 404 | 409 | 429);
        match reply.json::<wire::Refusal>() {
            Ok(refusal) if refused && refusal.is_decline() => Ok(Err(refusal)),
            _ => Err(fault(&reply)),
        }
    }

    async fn read<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T> {
        let reply = call.send().await?;
        if reply.is_success() { reply.json() } else { Err(fault(&reply)) }
    }

    /// Changes the amount of an approved payment.
    async fn change(&self, cx: &Context<'_>, key_of: &Key, of: &Handle, amount: &Money) -> Result<Payment> {
        let body = json!({ "idempotency_key": key(key_of)?, "payment": { "amount_money": wire::money(amount)? } });
        let call = self.call(cx, http::Method::PUT, &format!("/v2/payments/{}", of.segment()?)).json(&body);
        wire::payment(self.read::<wire::OnePayment>(call).await?.payment)
    }

    /// Makes the customer whom a stored card belongs to. It moves nothing, and a repetition makes no second one.
    async fn customer(&self, cx: &Context<'_>, key: &str, customer: &Customer) -> Result<String> {
        let body: Value = wire::new_customer(&format!("{key}-customer"), customer);
        let made: wire::OneCustomer = self.read(self.post(cx, "/v2/customers", &body).harmless()).await?;
        Ok(made.customer.id)
    }
}

fn key(key: &Key) -> Result<&str> {
    match key.as_str() {
        text if text.len() <= LONGEST_KEY => Ok(text),
        _ => Err(Error::invalid("key", "an idempotency key for Square has at most 36 characters")),
    }
}

/// The error that an answer with `errors` stands for; the first of them tells, also what Square says under 400 and others under 409.
fn fault(reply: &Reply) -> Error {
    let error = reply.fault(|refusal: wire::Refusal| {
        let first = refusal.errors.into_iter().next().unwrap_or_default();
        Fault { code: first.code, message: first.detail, field: first.field }
    });
    let conflict = error.kind() == Kind::Invalid && error.code().is_some_and(codes::is_conflict);
    if conflict { error.of_kind(Kind::Conflict) } else { error }
}
