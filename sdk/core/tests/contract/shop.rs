//! The connector under test: JSON in, JSON out, every kind of operation that the checks and the client treat apart.

use quittance::digest::Hash;
use quittance::{
    Adjust, AnswerDispute, Authorize, Call, Capture, CaptureRules, Complete, Connector, Context, Currencies, Currency,
    Decline, Delivery, Dispute, DisputeState, Environment, Error, Event, EventBody, Exponents, Family, Fault, Handle,
    Idempotency, Key, Lookup, LookupKind, MethodKind, Money, Network, Op, PayOut, Payment, Payout, Provider, Reason,
    Refund, RefundRequest, RefundRules, Result, Retrieve, RetrievePayout, RetrieveRefund, RetrieveRules, Secret,
    Signed, Spec, State, TransferState, Void, async_trait, check_age,
};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) const TOKEN: &str = "sk_test_canary_1";

/// Everything the shop can do, without idempotency.
pub(crate) const FULL: Spec = Spec {
    hosts: &["api.shop.test"],
    operations: &[
        Op::Authorize,
        Op::Complete,
        Op::Capture,
        Op::Void,
        Op::Refund,
        Op::Retrieve,
        Op::RetrieveRefund,
        Op::Adjust,
        Op::PayOut,
        Op::RetrievePayout,
        Op::AnswerDispute,
        Op::Webhook,
    ],
    methods: &[MethodKind::of(Family::Card), MethodKind::branded(Family::BankRedirect, "ideal")],
    currencies: Currencies::Only(&[Currency::EUR]),
    capture: CaptureRules { manual: true, partial: true, multiple: false },
    refund: RefundRules { partial: true, multiple: true },
    lookups: &[LookupKind::Handle, LookupKind::Reference],
    ..Spec::new("shop", "Shop", "https://shop.test/docs")
};
/// The same key gets the same answer.
pub(crate) const REPLAYING: Spec = Spec { idempotency: Idempotency::Header("idempotency-key"), ..FULL };
/// A second payment under one reference is refused.
pub(crate) const UNIQUE: Spec = Spec { idempotency: Idempotency::Unique(&["reference"]), ..FULL };
/// The same key gets the same payment; refunds have no key.
pub(crate) const UNKEYED_REFUNDS: Spec =
    Spec { idempotency_exceptions: &[(Op::Refund, Idempotency::None)], ..REPLAYING };
/// The same key gets the same purchase; a reservation is made once more.
pub(crate) const UNKEYED_RESERVATIONS: Spec = Spec { replays_reservations: false, ..REPLAYING };
/// Payments have no key; the same key gets the same refund.
pub(crate) const KEYED_REFUNDS: Spec =
    Spec { idempotency_exceptions: &[(Op::Refund, Idempotency::Header("idempotency-key"))], ..FULL };
/// Look-ups tell how the authorization was answered, and nothing that came after.
pub(crate) const PARTLY_FOUND: Spec = Spec { retrieve: RetrieveRules { later: false }, ..FULL };
/// Nothing can be looked up.
pub(crate) const BLIND: Spec = Spec { lookups: &[], operations: &[Op::Authorize, Op::Capture, Op::Refund], ..FULL };
/// Payments are captured in parts.
pub(crate) const PARTS: Spec = Spec { capture: CaptureRules { manual: true, partial: true, multiple: true }, ..FULL };
/// Purchases only.
pub(crate) const SMALL: Spec = Spec {
    operations: &[Op::Authorize],
    capture: CaptureRules { manual: false, partial: false, multiple: false },
    exponents: Exponents(&[(Currency::EUR, 0)]),
    ..FULL
};

#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub(crate) spec: &'static Spec,
    token: Secret,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The key of the account.
    token: Secret,
    /// Which environment.
    #[serde(default)]
    #[allow(dead_code, reason = "only its form is looked at")]
    environment: Environment,
    /// A number of the account.
    #[serde(default)]
    account: u32,
}

impl Provider for Shop {
    const SPEC: Spec = FULL;
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Shop> {
        match credentials.account {
            13 => Err(Error::new(quittance::Kind::Credentials, quittance::Effect::None, "no such account")
                .in_field("account")),
            _ => Ok(Shop { spec: &FULL, token: credentials.token }),
        }
    }
}

#[derive(Deserialize)]
struct Body {
    id: String,
    state: String,
    amount: Option<i64>,
    captured: Option<i64>,
    now: Option<i64>,
    currency: Option<String>,
    reference: Option<String>,
    payment: Option<String>,
    code: Option<String>,
    text: Option<String>,
}

#[derive(Deserialize)]
struct Problem {
    id: Option<String>,
    code: Option<String>,
    message: Option<String>,
}

impl Body {
    fn money(&self, minor: Option<i64>) -> Result<Option<Money>> {
        minor.map(|minor| FULL.money(minor, self.currency.as_deref().unwrap_or("eur"))).transpose()
    }

    fn decline(&self) -> Decline {
        Decline {
            code: self.code.clone(),
            message: self.text.clone(),
            advice_code: Some("03".into()),
            ..Decline::new(Reason::InsufficientFunds)
        }
    }

    fn payment(self) -> Result<Payment> {
        let state = match self.state.as_str() {
            "authorized" => State::Authorized,
            "captured" => State::Captured,
            "voided" => State::Voided,
            "pending" => State::Pending,
            "expired" => State::Expired,
            "declined" => State::Declined(self.decline()),
            other => State::Unrecognised(other.to_owned()),
        };
        Ok(Payment {
            amount: self.money(self.amount)?,
            captured: self.money(self.captured)?,
            captured_now: self.money(self.now)?,
            reference: self.reference.clone(),
            network: Network {
                response_code: Some("51".into()),
                advice_code: Some("beside another".into()),
                ..Network::default()
            },
            ..Payment::new(Handle::new(self.id), state)
        })
    }

    fn transfer(&self) -> TransferState {
        match self.state.as_str() {
            "succeeded" => TransferState::Succeeded,
            "failed" => TransferState::Failed(self.decline()),
            "pending" => TransferState::Pending,
            other => TransferState::Unrecognised(other.to_owned()),
        }
    }

    fn refund(self) -> Result<Refund> {
        Ok(Refund {
            amount: self.money(self.amount)?,
            reference: self.reference.clone(),
            payment: self.payment.clone().map(Handle::new),
            ..Refund::new(Handle::new(self.id.clone()), self.transfer())
        })
    }

    fn payout(self) -> Result<Payout> {
        Ok(Payout {
            amount: self.money(self.amount)?,
            reference: self.reference.clone(),
            ..Payout::new(Handle::new(self.id.clone()), self.transfer())
        })
    }
}

fn url(path: &str) -> String {
    format!("https://api.shop.test{path}")
}

impl Shop {
    pub(crate) fn of(spec: &'static Spec) -> Shop {
        Shop { spec, token: Secret::new(TOKEN) }
    }

    async fn post(&self, cx: &Context<'_>, path: &str, key: &Key, body: serde_json::Value) -> Result<Body> {
        self.send(cx.post(url(path)).header("idempotency-key", key.as_str()).json(&body)).await
    }

    async fn send(&self, call: Call<'_>) -> Result<Body> {
        let reply = call.bearer(&self.token).send().await?;
        if reply.is_success() {
            return reply.json();
        }
        let id = reply.json::<Problem>().ok().and_then(|problem| problem.id);
        let error = reply.fault(|problem: Problem| Fault { code: problem.code, message: problem.message, field: None });
        Err(match id {
            Some(id) => error.about(&Handle::new(id)),
            None => error,
        })
    }
}

#[async_trait]
impl Connector for Shop {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let body = serde_json::json!({ "reference": request.reference, "amount": request.amount.minor() });
        self.post(cx, "/payments", &request.key, body).await?.payment()
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        let path = format!("/payments/{}/complete", request.payment.id());
        self.post(cx, &path, &request.key, serde_json::json!({})).await?.payment()
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let path = format!("/payments/{}/capture", request.payment.id());
        self.post(cx, &path, &request.key, serde_json::json!({ "amount": request.amount.minor() })).await?.payment()
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let path = format!("/payments/{}/void", request.payment.id());
        self.post(cx, &path, &request.key, serde_json::json!({})).await?.payment()
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        self.post(cx, "/refunds", &request.key, serde_json::json!({ "amount": request.amount.minor() })).await?.refund()
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let path = match &request.by {
            Lookup::Handle(handle) => format!("/payments/{}", handle.id()),
            Lookup::Reference(reference) => format!("/payments?reference={reference}"),
        };
        self.send(cx.get(url(&path))).await?.payment()
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        self.send(cx.get(url(&format!("/refunds/{}", request.refund.id())))).await?.refund()
    }

    async fn adjust(&self, cx: &Context<'_>, request: &Adjust) -> Result<Payment> {
        let path = format!("/payments/{}/adjust", request.payment.id());
        self.post(cx, &path, &request.key, serde_json::json!({ "amount": request.amount.minor() })).await?.payment()
    }

    async fn pay_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        self.post(cx, "/payouts", &request.key, serde_json::json!({ "amount": request.amount.minor() })).await?.payout()
    }

    async fn retrieve_payout(&self, cx: &Context<'_>, request: &RetrievePayout) -> Result<Payout> {
        self.send(cx.get(url(&format!("/payouts/{}", request.payout.id())))).await?.payout()
    }

    async fn answer_dispute(&self, cx: &Context<'_>, request: &AnswerDispute) -> Result<Dispute> {
        let answer = self.post(cx, "/disputes", &request.key, serde_json::json!({})).await?;
        Ok(Dispute::new(Handle::new(answer.id), DisputeState::UnderReview))
    }

    /// Signed over time, a dot and the body; the time is a header.
    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let time = delivery.header("shop-time")?;
        let given = hex::decode(delivery.header("shop-signature")?).map_err(|_| Error::signature("not hexadecimal"))?;
        check_age(cx, time.parse().map_err(|_| Error::signature("the time is no number"))?, 300)?;
        let signed = [Signed::Text(time), Signed::Text("."), Signed::Body];
        let payment = delivery.hmac(Hash::Sha256, TOKEN.as_bytes(), &signed, &given)?.json::<Body>()?.payment()?;
        Ok(vec![Event { id: None, at: None, name: "payment".into(), body: EventBody::Payment(payment) }])
    }
}
