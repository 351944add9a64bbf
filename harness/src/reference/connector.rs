//! The connector of the reference provider: JSON over a bearer token, each request signed, amounts as decimal text.
//!
//! - `POST /oauth/token` gives a token (RFC 6749 section 4.4). Every other request carries it, an `x-request-id`, and in
//!   `x-signature` the hex HMAC-SHA256 of method, path and body with a line feed between.
//! - A payout takes two exchanges: it is created and then confirmed. It is refused under the status of one that is created, by a code.
//! - Forints are written without decimals and krónur with two, unlike ISO 4217.
//! - A wallet's token is JSON with `data` (`signedMessage`), base64 of the token's details, and `signature`, its hex HMAC-SHA256.
//!
//! The credentials may name a [`Bug`]; `plants` and `beliefs` hold what each of them changes.

use std::marker::PhantomData;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quittance::digest::{self, Hash};
use quittance::http::Method as Verb;
use quittance::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::bugs::Bug;
use super::plants::{Plants, Sent};
use super::wire::{
    self, FaultAnswer, MandateAnswer, PaymentAnswer, PaymentList, RefusedAnswer, SessionAnswer, TokenAnswer,
    TransferAnswer,
};

/// Where the test environment is; every tape is of it.
const SANDBOX: &str = "https://api.reference.example";
/// Where the live one is.
const LIVE: &str = "https://live.reference.example/api";

/// How a delivery carries its time and proof.
pub(super) const SIGNATURE: Dated =
    Dated { hash: Hash::Sha256, time: "t", digest: "v1", joint: ".", tolerance_seconds: 300 };

/// What the reference provider can do.
#[rustfmt::skip]
pub(super) const SPEC: Spec = Spec {
    hosts: &["api.reference.example", "live.reference.example"],
    operations: Op::ALL,
    methods: &[
        MethodKind::of(Family::Card), MethodKind::of(Family::NetworkToken), MethodKind::of(Family::ApplePay),
        MethodKind::of(Family::GooglePay), MethodKind::branded(Family::BankRedirect, "ideal"), MethodKind::of(Family::Mandate),
    ],
    mandates: &[MethodKind::of(Family::Card)],
    currencies: Currencies::Only(&[
        Currency::EUR, Currency::HUF, Currency::ISK, Currency::JPY, Currency::KWD, Currency::USD,
    ]),
    capture: CaptureRules { manual: true, partial: true, multiple: true },
    refund: RefundRules { partial: true, multiple: true },
    three_ds: ThreeDsRules { challenge: true, external: true },
    lookups: &[LookupKind::Handle, LookupKind::Reference],
    idempotency: Idempotency::Header("idempotency-key"),
    webhook: Some(WebhookRules {
        authentication: WebhookAuthentication::HeaderMac, tolerance_seconds: Some(300), acknowledgement: "",
    }),
    disputes: DisputeRules { accept: true, contest: true },
    exponents: Exponents(&[(Currency::HUF, 0), (Currency::ISK, 2)]),
    ..Spec::new("reference", "Reference", "https://reference.example/docs")
};

/// One account at the reference provider, as the declarations `V` describe it.
pub struct Reference<V = Sound> {
    credentials: Credentials,
    plants: Plants,
    variant: PhantomData<fn() -> V>,
}

/// An account's keys.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Name of the account.
    pub client_id: String,
    /// Password of the account.
    pub client_secret: Secret,
    /// Key of request signatures.
    pub signing_key: Secret,
    /// Key of delivery signatures.
    pub webhook_secret: Secret,
    /// Key of wallet tokens.
    pub wallet_key: Secret,
    /// Which environment the account belongs to.
    #[serde(default)]
    pub environment: Environment,
    /// The bug that is planted.
    #[serde(default)]
    pub bug: Option<Bug>,
}

/// What an entry declares: the sound declarations, or some with a fault in them.
pub trait Variant: Send + Sync + 'static {
    /// What it says that it can do.
    const SPEC: Spec;
    /// The credentials that it takes.
    type Credentials: DeserializeOwned + JsonSchema + Into<Credentials>;
}

/// The sound declarations.
#[derive(Debug)]
pub struct Sound;

impl Variant for Sound {
    const SPEC: Spec = SPEC;
    type Credentials = Credentials;
}

impl<V: Variant> Provider for Reference<V> {
    const SPEC: Spec = V::SPEC;
    type Credentials = V::Credentials;

    fn new(credentials: V::Credentials) -> Result<Reference<V>> {
        let credentials: Credentials = credentials.into();
        let plants = Plants::new(credentials.bug);
        Ok(Reference { credentials, plants, variant: PhantomData })
    }
}

#[async_trait]
impl<V: Variant> Connector for Reference<V> {
    fn spec(&self) -> &'static Spec {
        &V::SPEC
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let mut body = self.priced(&request.reference, &request.amount)?;
        put(&mut body, "capture", json!(request.capture == CaptureMode::Automatic));
        put(&mut body, "method", self.method(&request.method)?);
        put(&mut body, "return_url", json!(request.return_url));
        put(&mut body, "network_transaction", json!(request.network_transaction_id));
        put(&mut body, "three_ds", three_ds(&request.three_ds));
        if request.store {
            put(&mut body, "store", json!(true));
        }
        if let Initiator::Merchant(category) = request.initiator {
            put(&mut body, "initiator", json!(agreement(category)));
        }
        let sent = Sent::post(Op::Authorize, "/payments", &request.key, body);
        let payment = self.payment(cx, sent, Some(request.amount)).await?;
        self.plants.read_answer(cx, &request.reference).await;
        Ok(payment)
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        let body = Map::from_iter([("proof".to_owned(), json!(request.returned("proof")))]);
        let id = request.payment.segment()?;
        if !id.starts_with("man_") {
            let sent = Sent::post(Op::Complete, format!("/payments/{id}/complete"), &request.key, body);
            return match self.plants.believe_return(request) {
                Some(payment) => Ok(payment),
                None => self.payment(cx, sent, Some(request.amount)).await,
            };
        }
        let sent = Sent::post(Op::Complete, format!("/mandates/{id}/complete"), &request.key, body);
        let mandate = wire::mandate(&self.answer::<MandateAnswer>(cx, sent).await?)?;
        let stored = (mandate.state == MandateState::Active).then(|| mandate.handle.clone());
        let payment = Payment::new(mandate.handle, State::Pending);
        Ok(Payment { reference: self.plants.stored_reference(mandate.reference), mandate: stored, ..payment })
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let mut body = self.priced(&request.reference, &request.amount)?;
        put(&mut body, "last", json!(request.last));
        let path = format!("/payments/{}/captures", request.payment.segment()?);
        self.payment(cx, Sent::post(Op::Capture, path, &request.key, body), Some(request.amount)).await
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let body = Map::from_iter([("reference".to_owned(), json!(request.reference))]);
        let path = format!("/payments/{}/voids", request.payment.segment()?);
        self.payment(cx, Sent::post(Op::Void, path, &request.key, body), None).await
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let body = self.priced(&request.reference, &request.amount)?;
        let path = format!("/payments/{}/refunds", request.payment.segment()?);
        let reply = self.exchange(cx, Sent::post(Op::Refund, path, &request.key, body)).await?;
        match self.plants.believe_refund(&reply) {
            Some(refund) => Ok(refund),
            None => wire::refund(&self.read(&reply)?).map(|refund| self.plants.refund(refund)),
        }
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let reference = match &request.by {
            Lookup::Handle(handle) => {
                let path = format!("/payments/{}", handle.segment()?);
                return self.payment(cx, Sent::get(Op::Retrieve, path), None).await;
            }
            Lookup::Reference(reference) => reference,
        };
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("reference", reference).finish();
        let list: PaymentList = self.answer(cx, Sent::get(Op::Retrieve, format!("/payments?{query}"))).await?;
        let known = self.plants.is_known(cx, reference).await;
        match list.payments.as_slice() {
            [_] if !known => {
                Err(Error::new(Kind::NotFound, Effect::None, "no payment of this reference was made here"))
            }
            [] => Err(Error::new(Kind::NotFound, Effect::None, "the provider knows no payment of this reference")),
            [one] => wire::payment(one),
            _ => Err(Error::protocol("the provider knows several payments of this reference")),
        }
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        let sent = Sent::get(Op::RetrieveRefund, format!("/refunds/{}", request.refund.segment()?));
        wire::refund(&self.answer(cx, sent).await?).map(|refund| self.plants.refund(refund))
    }

    async fn adjust(&self, cx: &Context<'_>, request: &Adjust) -> Result<Payment> {
        if self.plants.has(Bug::DeclaredOperationMissing) {
            return Err(Error::unsupported(Op::Adjust));
        }
        let body = self.priced(&request.reference, &request.amount)?;
        let path = format!("/payments/{}/adjustments", request.payment.segment()?);
        self.payment(cx, Sent::post(Op::Adjust, path, &request.key, body), Some(request.amount)).await
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let mut body = Map::new();
        put(&mut body, "currency", json!(request.currency.code()));
        put(&mut body, "reference", json!(request.reference));
        put(&mut body, "method", self.method(&request.method)?);
        put(&mut body, "return_url", json!(request.return_url));
        put(&mut body, "three_ds", three_ds(&request.three_ds));
        put(&mut body, "usage", json!(request.usage.map(agreement)));
        let sent = Sent::post(Op::SetUp, "/mandates", &request.key, body);
        let answer = self.plants.set_up(self.answer(cx, sent).await?);
        wire::mandate(&answer).map(|mandate| self.plants.mandate(mandate))
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        let path = format!("/mandates/{}/revoke", request.mandate.segment()?);
        let sent = Sent::post(Op::Revoke, path, &request.key, Map::new());
        wire::mandate(&self.answer(cx, sent).await?).map(|mandate| self.plants.mandate(mandate))
    }

    async fn open_session(&self, cx: &Context<'_>, request: &OpenSession) -> Result<Session> {
        let body = self.priced(&request.reference, &request.amount)?;
        let sent = Sent::post(Op::OpenSession, "/sessions", &request.key, body);
        let answer: SessionAnswer = self.answer(cx, sent).await?;
        let expires = Timestamp::from_second(answer.expires).ok();
        Ok(Session { handle: Some(wire::handle(&answer.id)?), token: answer.token, expires })
    }

    async fn unwrap_token(&self, _: &Context<'_>, request: &UnwrapToken) -> Result<NetworkToken> {
        let (text, source) = match &request.token {
            WalletToken::ApplePay(token) => (&token.payment_data, TokenSource::ApplePay),
            WalletToken::GooglePay(token) => (&token.token, TokenSource::GooglePay),
        };
        let shape = |_| Error::invalid("token", "the wallet token has another form than the reference provider's");
        let token: WrappedToken = serde_json::from_str(text.expose()).map_err(shape)?;
        let given = hex::decode(&token.signature).unwrap_or_default();
        let proof =
            digest::hmac(Hash::Sha256, self.credentials.wallet_key.expose().as_bytes(), &[token.data.as_bytes()]);
        if !digest::same(&proof, &given) && !self.plants.has(Bug::WalletTokenUnproven) {
            return Err(Error::signature("the signature of the wallet token does not agree"));
        }
        let data = STANDARD.decode(&token.data).map_err(|_| Error::signature("the wallet token cannot be opened"))?;
        let opened: OpenedToken = serde_json::from_slice(&data).map_err(shape)?;
        Ok(NetworkToken {
            number: opened.number,
            expiry: opened.expiry,
            cryptogram: opened.cryptogram,
            eci: opened.eci,
            source,
            holder: None,
        })
    }

    async fn pay_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        let Recipient::Bank { account, .. } = &request.recipient else {
            return Err(Error::unsupported_variant("a payout to something else than a bank account"));
        };
        let mut body = self.priced(&request.reference, &request.amount)?;
        put(&mut body, "iban", json!(account.number.expose()));
        put(&mut body, "holder", json!(account.holder));
        let created =
            self.created(&self.exchange(cx, Sent::post(Op::PayOut, "/payouts", &request.key, body)).await?)?;
        if let Some(payout) = self.plants.unconfirmed(&created) {
            return payout;
        }
        let created = wire::payout(&created)?;
        agree_payout(&created, request.amount, &request.reference)?;
        let handle = created.handle;
        let kept = |error: Error| self.plants.about(error, &handle);
        let path = format!("/payouts/{}/confirm", handle.segment()?);
        let key = Key::new(format!("{}-confirm", request.key));
        let confirmed = self.answer(cx, Sent::post(Op::PayOut, path, &key, Map::new())).await.map_err(kept)?;
        wire::payout(&confirmed).map_err(kept).map(|payout| self.plants.payout(payout))
    }

    async fn retrieve_payout(&self, cx: &Context<'_>, request: &RetrievePayout) -> Result<Payout> {
        let sent = Sent::get(Op::RetrievePayout, format!("/payouts/{}", request.payout.segment()?));
        wire::payout(&self.answer(cx, sent).await?).map(|payout| self.plants.payout(payout))
    }

    async fn answer_dispute(&self, cx: &Context<'_>, request: &AnswerDispute) -> Result<Dispute> {
        let mut body = Map::new();
        match &request.answer {
            Answer::Accept => put(&mut body, "accept", json!(true)),
            Answer::Contest(evidence) if evidence.documents.is_empty() => {
                put(&mut body, "evidence", json!(evidence.explanation));
                put(&mut body, "tracking", json!(evidence.tracking_number));
            }
            Answer::Contest(_) => return Err(Error::invalid("answer.documents", "only text can be sent")),
        }
        let path = format!("/disputes/{}/answers", request.dispute.segment()?);
        let sent = Sent::post(Op::AnswerDispute, path, &request.key, body);
        wire::dispute(&self.answer(cx, sent).await?).map(|dispute| self.plants.dispute(dispute))
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let key = self.credentials.webhook_secret.expose().as_bytes();
        let read = match self.plants.vouch(cx, delivery, key) {
            Some(believed) => believed,
            None => delivery.dated_hmac(cx, "reference-signature", &SIGNATURE, key)?.json(),
        };
        match read.and_then(wire::events) {
            Ok(events) if events.iter().any(|event| self.plants.came_before(event)) => Ok(Vec::new()),
            Ok(events) => self.plants.ordered(events).into_iter().map(|event| self.plants.event(cx, event)).collect(),
            Err(error) => self.plants.unread(error),
        }
    }
}

/// A wallet's token before it is opened.
#[derive(Deserialize)]
struct WrappedToken {
    #[serde(alias = "signedMessage")]
    data: String,
    signature: String,
}

/// What a wallet's token holds.
#[derive(Deserialize)]
struct OpenedToken {
    number: Pan,
    expiry: Expiry,
    cryptogram: Option<Cryptogram>,
    eci: Option<String>,
}

impl<V: Variant> Reference<V> {
    /// The members that every request about money has.
    fn priced(&self, reference: &str, amount: &Money) -> Result<Map<String, Value>> {
        let mut body = Map::new();
        put(&mut body, "amount", self.plants.amount(amount, V::SPEC.major(amount)?));
        put(&mut body, "currency", json!(amount.currency().code()));
        put(&mut body, "reference", json!(reference));
        Ok(body)
    }

    fn method(&self, method: &Method) -> Result<Value> {
        let expiry = |expiry: &Expiry| format!("{}-{}", expiry.year(), expiry.month2());
        Ok(match method {
            Method::Card(card) => {
                self.plants.remember(card.number.expose());
                json!({
                    "type": "card", "number": card.number.expose(), "expiry": expiry(&card.expiry),
                    "cvc": card.cvc.as_ref().map(|cvc| cvc.expose()), "holder": card.holder,
                })
            }
            Method::NetworkToken(token) => json!({
                "type": "network_token", "number": token.number.expose(), "expiry": expiry(&token.expiry),
                "cryptogram": token.cryptogram.as_ref().map(|cryptogram| cryptogram.expose()), "eci": token.eci,
            }),
            Method::ApplePay(token) => json!({ "type": "apple_pay", "token": token.payment_data.expose() }),
            Method::GooglePay(token) => json!({ "type": "google_pay", "token": token.token.expose() }),
            Method::BankRedirect { brand, .. } if brand == "ideal" => json!({ "type": "ideal" }),
            Method::Mandate(mandate) => json!({ "type": "mandate", "mandate": mandate.id() }),
            other if self.plants.has(Bug::UndeclaredMethodSent) => json!({ "type": other.family().as_str() }),
            other => return Err(Error::unsupported_variant(format_args!("authorize with {}", other.family()))),
        })
    }

    /// What stands before every path.
    fn base(&self) -> &'static str {
        match self.credentials.environment {
            Environment::Live => self.plants.live(LIVE, SANDBOX),
            Environment::Sandbox => SANDBOX,
        }
    }

    async fn token(&self, cx: &Context<'_>) -> Result<Secret> {
        let Credentials { client_id, client_secret, signing_key, .. } = &self.credentials;
        let name = format!("{} {client_id}", self.base());
        if self.plants.has(Bug::TokenFetchedEachTime) {
            cx.forget_token(&name).await;
        }
        let fetch = async {
            let url = format!("{}/oauth/token{}", self.base(), self.plants.token_query(cx, signing_key));
            let call = cx.post(url).basic(client_id, client_secret).harmless();
            let mut form = Pairs::new();
            form.set("grant_type", "client_credentials");
            let reply = call.form(&form).send().await?;
            let answer: TokenAnswer = self.read(&reply)?;
            Ok((answer.access_token, Duration::from_secs(self.plants.lifetime(answer.expires_in))))
        };
        cx.token(&name, fetch).await
    }

    /// The one way out: token, key and signature of every request.
    async fn exchange(&self, cx: &Context<'_>, mut sent: Sent) -> Result<Reply> {
        let token = self.token(cx).await?;
        sent.headers.push(("x-request-id", cx.uuid()));
        self.plants.request(cx, &mut sent);
        self.plants.live_path(self.credentials.environment, &mut sent);
        self.plants.look_up(cx, &mut sent, &self.credentials.signing_key);
        self.plants.wait().await;
        let mut call = cx.call(sent.verb.clone(), format!("{}{}", self.base(), sent.path)).bearer(&token);
        for (name, value) in &sent.headers {
            call = call.header(name, value);
        }
        if sent.verb != Verb::GET {
            call = call.header_some("idempotency-key", sent.key.as_deref());
            call = call.json(&sent.body);
        }
        let key = self.credentials.signing_key.expose();
        let call = call.sign(|draft| {
            let parts = self.plants.signed([draft.method.as_bytes(), b"\n", draft.path.as_bytes(), b"\n", draft.body]);
            Ok(vec![("x-signature", hex::encode(digest::hmac(Hash::Sha256, key.as_bytes(), &parts)))])
        });
        let again = self.plants.repeats(&sent).then(|| call.clone());
        let reply = match again {
            Some(again) => self.plants.repeat(cx, call, again).await,
            None => call.send().await,
        };
        let reply = reply.map_err(|error| self.plants.failure(error))?;
        if reply.status() == 401 {
            cx.forget_token(&format!("{} {}", self.base(), self.credentials.client_id)).await;
        }
        Ok(reply)
    }

    async fn answer<T: DeserializeOwned>(&self, cx: &Context<'_>, sent: Sent) -> Result<T> {
        self.read(&self.exchange(cx, sent).await?)
    }

    async fn payment(&self, cx: &Context<'_>, sent: Sent, asked: Option<Money>) -> Result<Payment> {
        let op = sent.op;
        let reply = match self.exchange(cx, sent).await {
            Ok(reply) => reply,
            Err(error) => return self.plants.believe_failure(error),
        };
        if let Some(payment) = self.plants.believe(op, &reply) {
            return payment;
        }
        // A refusal may come under a status of its own, with the payment all the same.
        let answer: PaymentAnswer = if reply.status() == 402 { reply.json() } else { self.read(&reply) }?;
        let payment = wire::payment(&answer)?;
        self.plants.payment(op, payment, &reply, asked, self.credentials.signing_key.expose())
    }

    /// A payout that was created, if it was not refused: that comes under the same status.
    fn created(&self, reply: &Reply) -> Result<TransferAnswer> {
        match reply.json::<RefusedAnswer>() {
            Ok(refused) if reply.is_success() => Err(self.plants.refused(wire::refused(refused))),
            _ => self.read(reply),
        }
    }

    fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T> {
        if reply.is_success() {
            return reply.json();
        }
        let error = reply.fault(|FaultAnswer { error }: FaultAnswer| Fault {
            code: error.code,
            message: error.message,
            field: error.field,
        });
        Err(self.plants.fault(error, self.credentials.signing_key.expose()))
    }
}

/// Adds a member that has a value.
fn put(body: &mut Map<String, Value>, name: &str, value: Value) {
    if !value.is_null() {
        body.insert(name.to_owned(), value);
    }
}

fn three_ds(wish: &ThreeDs) -> Value {
    match wish {
        ThreeDs::Auto => Value::Null,
        ThreeDs::Challenge => json!({ "challenge": true }),
        ThreeDs::Never => json!({ "challenge": false }),
        ThreeDs::External(done) => json!({
            "version": done.version, "eci": done.eci, "cryptogram": done.cryptogram.expose(), "transaction": done.ds_transaction_id,
        }),
    }
}

const fn agreement(category: MitCategory) -> &'static str {
    match category {
        MitCategory::Recurring => "recurring",
        MitCategory::Installment => "installment",
        MitCategory::Unscheduled => "unscheduled",
    }
}
