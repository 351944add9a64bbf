//! CyberSource's REST API (payments, payouts, Microform, transaction search, token management) with an HTTP signature: one connector for the gateway and
//! for the banks that offer it under their own hosts. A bank is a [`Gateway`]: its names and hosts.
//!
//! - The gateway knows no idempotency key: within 15 minutes it refuses a second request of one reference.
//! - A capture is `PENDING` until its batch goes out, which nobody decides on: money counts as taken. A refund is done when `TRANSMITTED`.
//! - Captures, reversals, voids and refunds are transactions of their own. Handles carry the total and the id of what took the money
//!   (`taken`); a look-up follows the links of the payment to them.
//! - The values of a looked-up transaction (`applicationInformation`) are listed nowhere: those that others read are read, the rest is
//!   unrecognised.
//! - Several captures of one payment need their number stated beforehand, so one is offered.
//! - Electronic checks (ACH) count as taken once they are passed on to the banks. What a bank returns afterwards is told by reports, and by
//!   notifications in a part that is not signed; no look-up shows it.
//!
//! Sources: developer.cybersource.com/api-reference-assets/index.html, `cybersource-rest-client` 0.0.83, `cybersource-rest-samples-node`.

mod build;
mod challenge;
mod checks;
mod codes;
mod events;
mod flex;
mod lookup;
mod payout;
mod wire;

use std::marker::PhantomData;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use challenge::Asked;
use lookup::{is_undone, refunded};
pub use payout::Sender;
use quittance::body::{Json, flag, node, object};
use quittance::digest::{self, Hash};
use quittance::*;
use schemars::JsonSchema;
use serde::Deserialize;
use wire::Answer;

/// The statuses of an answer.
pub(crate) const DONE: &[u16] = &[200, 201];

/// One that offers the API under hosts of its own.
pub trait Gateway: Send + Sync + 'static {
    /// The connector's id.
    const ID: &'static str;
    /// The name for people.
    const NAME: &'static str;
    /// The API documentation.
    const DOCUMENTATION: &'static str;
    /// The host of the live environment.
    const LIVE: &'static str;
    /// The host of the test environment.
    const TEST: &'static str;
    /// Whether it debits bank accounts in the United States. `cybersource-rest-client` names the banks that process for it
    /// (`ECheckConfigCommonInternalOnly`).
    const ELECTRONIC_CHECKS: bool = false;
}

/// One merchant account at a gateway.
pub struct Merchant<G> {
    credentials: Credentials,
    gateway: PhantomData<G>,
}

/// What the Business Center gives for a merchant account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The merchant id, also called organization id.
    pub merchant_id: String,
    /// The id of the REST shared secret key (Payment Configuration > Key Management).
    pub key_id: String,
    /// The REST shared secret key, base64.
    pub shared_secret: Secret,
    /// The digital signature key of notifications, base64 (`/kms/egress/v2/keys-sym`). Without it every notification is refused.
    pub webhook_key: Option<Secret>,
    /// Who sends payouts. Without it every payout is refused.
    pub payout_sender: Option<Sender>,
    /// Test or live account.
    #[serde(default)]
    pub environment: Environment,
}

/// What is paid with; electronic checks stand last.
#[rustfmt::skip]
const METHODS: &[MethodKind] = &[
    MethodKind::of(Family::Card), MethodKind::of(Family::NetworkToken), MethodKind::of(Family::ApplePay),
    MethodKind::of(Family::GooglePay), MethodKind::of(Family::Mandate), MethodKind::branded(Family::BankDebit, "ach"),
];

#[rustfmt::skip]
impl<G: Gateway> Provider for Merchant<G> {
    const SPEC: Spec = Spec {
        hosts: &[G::LIVE, G::TEST], currencies: Currencies::All,
        operations: &[
            Op::Authorize, Op::Complete, Op::Capture, Op::Void, Op::Refund, Op::Retrieve, Op::RetrieveRefund, Op::Adjust, Op::SetUp,
            Op::Revoke, Op::OpenSession, Op::PayOut, Op::Webhook,
        ],
        methods: match METHODS {
            [cards @ .., _] if !G::ELECTRONIC_CHECKS => cards,
            all => all,
        },
        mandates: &[MethodKind::of(Family::Card)], cards: CardRules { number: true, token: true },
        capture: CaptureRules { manual: true, partial: true, multiple: false }, void: VoidRules { captured: true, debit: G::ELECTRONIC_CHECKS },
        refund: RefundRules { partial: true, multiple: true }, three_ds: ThreeDsRules { challenge: true, external: true },
        complete_with_method: true,
        lookups: &[LookupKind::Handle, LookupKind::Reference], idempotency: Idempotency::Unique(&["code"]),
        webhook: Some(WebhookRules {
            authentication: WebhookAuthentication::HeaderMac, tolerance_seconds: Some(events::AGE_SECONDS), acknowledgement: "",
        }),
        ..Spec::new(G::ID, G::NAME, G::DOCUMENTATION)
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Merchant<G>> {
        match STANDARD.decode(credentials.shared_secret.expose()) {
            Ok(key) if !key.is_empty() => Ok(Merchant { credentials, gateway: PhantomData }),
            _ => Err(Error::new(Kind::Credentials, Effect::None, "the shared secret is not base64").in_field("shared_secret")),
        }
    }
}

#[async_trait]
impl<G: Gateway> Connector for Merchant<G> {
    fn spec(&self) -> &'static Spec {
        &Self::SPEC
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        if let Method::BankDebit { account, .. } = &request.method {
            return self.debit(cx, request, account).await;
        }
        match self.pay(cx, request).await? {
            Asked::Answered(answer) => paid(&answer, request.capture),
            Asked::Refused(answer) => payment(&answer, State::Declined(answer.decline()), None),
            Asked::Challenged(answer, handle, action) => {
                let (amount, reference) = (answer.authorized()?, answer.reference());
                Ok(Payment { amount, reference, ..Payment::new(handle, State::ActionRequired(action)) })
            }
        }
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        self.pay_challenged(cx, request).await
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let path = format!("/pts/v2/payments/{}/captures", request.payment.segment()?);
        let body = build::follow_on(&request.reference, "orderInformation", &request.amount);
        let answer = self.send(self.post(cx, &path, &body)).await?;
        agree_part(&request.payment, Some(&request.reference), answer.reference().as_deref())?;
        let state = match answer.status()? {
            "PENDING" | "TRANSMITTED" => State::Captured,
            other => State::Unrecognised(other.to_owned()),
        };
        let (handle, captured) = (request.payment.clone().with("taken", answer.id()?), answer.total()?);
        Ok(Payment { captured, captured_now: captured, ..Payment::new(handle, state) })
    }

    /// A reservation is reversed by its amount; what was taken is voided until it is settled.
    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let handle = self.known(cx, &request.payment).await?;
        let (path, body) = match taken_at(&handle)? {
            Some(at) => (format!("{at}/voids"), object([build::reference(&request.reference)])),
            None => {
                let path = format!("/pts/v2/payments/{}/reversals", handle.segment()?);
                (path, build::follow_on(&request.reference, "reversalInformation", &total_of(&handle)?))
            }
        };
        let answer = self.send(self.post(cx, &path, &body)).await?;
        agree_part(&handle, Some(&request.reference), answer.reference().as_deref())?;
        let state = match answer.status()? {
            "REVERSED" | "VOIDED" | "CANCELLED" => State::Voided,
            "FAILED" => return Err(conflict("the gateway could not void the payment").about(&handle)),
            other => State::Unrecognised(other.to_owned()),
        };
        let handle = request.payment.clone().with("released", answer.id()?);
        Ok(Payment { network: answer.network(), ..Payment::new(handle, state) })
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let handle = self.known(cx, &request.payment).await?;
        let at = taken_at(&handle)?.ok_or_else(|| conflict("nothing of the payment was taken"))?;
        let body = object([
            build::reference(&request.reference),
            checks::is_check(&handle).then(checks::kind).flatten(),
            node("orderInformation", [build::amount("totalAmount", &request.amount)]),
        ]);
        let answer = self.send(self.post(cx, &format!("{at}/refunds"), &body)).await?;
        let state = match answer.status()? {
            "PENDING" => TransferState::Pending,
            "TRANSMITTED" => TransferState::Succeeded,
            "DECLINED" | "INVALID_REQUEST" => TransferState::Failed(answer.decline()),
            other => TransferState::Unrecognised(other.to_owned()),
        };
        let (amount, reference) = (answer.refunded()?, answer.reference());
        Ok(Refund { amount, reference, ..Refund::new(answer.handle()?, state) })
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let (id, known) = match &request.by {
            Lookup::Handle(handle) if is_challenged(handle) => return self.look_at_challenged(cx, handle).await,
            Lookup::Handle(handle) => (handle.id().to_owned(), Some(handle)),
            Lookup::Reference(reference) => (self.find(cx, reference).await?, None),
        };
        let found = self.look_at(cx, &id).await?;
        // A link that is missing must not undo what an earlier answer told.
        match known.filter(|known| is_undone(known, &found)) {
            Some(known) => Err(Error::protocol("the links do not show what took or released the money").about(known)),
            None => Ok(found),
        }
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        refunded(&self.details(cx, request.refund.id()).await?)
    }

    /// The gateway adds to a reservation; less is reserved by none of its services.
    async fn adjust(&self, cx: &Context<'_>, request: &Adjust) -> Result<Payment> {
        let handle = self.known(cx, &request.payment).await?;
        let more = request.amount.checked_sub(&total_of(&handle)?).filter(|more| more.minor() > 0);
        let more =
            more.ok_or_else(|| Error::invalid("amount", "the gateway adds to a reservation, in its currency"))?;
        let stored = flag("storedCredentialUsed", true);
        let body = object([
            build::reference(&request.reference),
            node("processingInformation", [node("authorizationOptions", [node("initiator", [stored])])]),
            node("orderInformation", [build::amount("additionalAmount", &more)]),
        ]);
        let path = format!("/pts/v2/payments/{}", handle.segment()?);
        let answer = self.send(self.call(cx, http::Method::PATCH, &path).json(&body)).await?;
        agree_part(&handle, Some(&request.reference), answer.reference().as_deref())?;
        let state = match answer.status()? {
            "AUTHORIZED" | "AUTHORIZED_PENDING_REVIEW" => State::Authorized,
            "DECLINED" => {
                let code = answer.decline().code.unwrap_or_default();
                return Err(conflict("the issuer refused the new amount").with_code(code).about(&handle));
            }
            other => State::Unrecognised(other.to_owned()),
        };
        let amount = answer.total()?;
        Ok(Payment { amount, network: answer.network(), ..Payment::new(holding(answer.handle()?, amount), state) })
    }

    /// A payment of nothing that makes a token (docs: Token Management Service, "Create a customer token with validation").
    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let first = request.as_payment();
        let (answer, handle, state) = match self.pay(cx, &first).await? {
            Asked::Answered(answer) => {
                let state = stored(&answer)?;
                let handle = answer.mandate().map_or_else(|| answer.handle(), Ok)?;
                (answer, handle, state)
            }
            Asked::Refused(answer) => {
                let (handle, decline) = (answer.handle()?, answer.decline());
                (answer, handle, MandateState::Declined(decline))
            }
            Asked::Challenged(answer, handle, action) => (answer, handle, MandateState::ActionRequired(action)),
        };
        let (reference, network) = (answer.reference(), answer.network());
        Ok(Mandate { reference, network, ..Mandate::new(handle, state) })
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        let id = request.mandate.segment()?;
        let path = match request.mandate.part("customer").map(|id| Handle::new(id).segment()).transpose()? {
            Some(owner) => format!("/tms/v2/customers/{owner}/payment-instruments/{id}"),
            None => format!("/tms/v1/paymentinstruments/{id}"),
        };
        self.ask(self.call(cx, http::Method::DELETE, &path), &[204]).await?;
        Ok(Mandate::new(request.mandate.clone(), MandateState::Revoked))
    }

    async fn open_session(&self, cx: &Context<'_>, request: &OpenSession) -> Result<Session> {
        self.open(cx, request).await
    }

    async fn pay_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        self.credit(cx, request).await
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        self.notified(cx, delivery).await
    }
}

impl<G: Gateway> Merchant<G> {
    /// A call to the account's environment, dated: the date is signed.
    fn call<'a>(&self, cx: &'a Context<'a>, method: http::Method, path: &str) -> Call<'a> {
        let host = match self.credentials.environment {
            Environment::Live => G::LIVE,
            Environment::Sandbox => G::TEST,
        };
        let date = cx.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        cx.call(method, format!("https://{host}{path}")).header("date", &date)
    }

    fn post<'a>(&self, cx: &'a Context<'a>, path: &str, body: &Json<'_>) -> Call<'a> {
        self.call(cx, http::Method::POST, path).json(body)
    }

    /// The one funnel.
    async fn send(&self, call: Call<'_>) -> Result<Answer> {
        self.ask(call, DONE).await?.json()
    }

    /// The reply to a signed request, under one of these statuses.
    async fn ask(&self, call: Call<'_>, done: &[u16]) -> Result<Reply> {
        let reply = self.sign(call).send().await?;
        if done.contains(&reply.status()) { Ok(reply) } else { Err(fault(&reply)) }
    }

    /// HMAC-SHA256 over the named headers in their order, one a line (docs: "HTTP Signature Authentication").
    fn sign<'a>(&self, call: Call<'a>) -> Call<'a> {
        call.sign(|draft| {
            let Credentials { merchant_id, key_id, shared_secret, .. } = &self.credentials;
            let date = draft.headers.get("date").and_then(|date| date.to_str().ok()).unwrap_or_default();
            let digest = format!("SHA-256={}", STANDARD.encode(digest::sha256(draft.body)));
            let digest = (!draft.body.is_empty()).then_some(digest);
            let (digested, name) =
                digest.as_ref().map_or_else(Default::default, |it| (format!("digest: {it}\n"), "digest "));
            let target = format!("{} {}", draft.method.to_lowercase(), draft.path);
            let host = draft.host;
            let signed = format!(
                "host: {host}\ndate: {date}\nrequest-target: {target}\n{digested}v-c-merchant-id: {merchant_id}"
            );
            let key = STANDARD.decode(shared_secret.expose()).unwrap_or_default();
            let proof = STANDARD.encode(digest::hmac(Hash::Sha256, &key, &[signed.as_bytes()]));
            let names = format!("host date request-target {name}v-c-merchant-id");
            let signature =
                format!("keyid=\"{key_id}\", algorithm=\"HmacSHA256\", headers=\"{names}\", signature=\"{proof}\"");
            let sent = [("v-c-merchant-id", merchant_id.clone()), ("signature", signature)];
            Ok(digest.map(|digest| ("digest", digest)).into_iter().chain(sent).collect())
        })
    }
}

/// Whether a payment was left at a challenge: it has no id of the gateway's yet.
fn is_challenged(handle: &Handle) -> bool {
    handle.part("authentication").is_some()
}

/// What became of a payment.
fn paid(answer: &Answer, capture: CaptureMode) -> Result<Payment> {
    let automatic = capture == CaptureMode::Automatic;
    let state = match answer.status()? {
        "AUTHORIZED" if automatic => State::Captured,
        // After a review flag the issuer's approval stands, but nothing is captured.
        "AUTHORIZED" | "AUTHORIZED_PENDING_REVIEW" => State::Authorized,
        "AUTHORIZED_RISK_DECLINED" | "DECLINED" | "INVALID_REQUEST" => State::Declined(answer.decline()),
        "PENDING_AUTHENTICATION" | "PENDING_REVIEW" => State::Pending,
        other => State::Unrecognised(other.to_owned()),
    };
    let taken = answer.id().ok().filter(|_| state == State::Captured).map(str::to_owned);
    Ok(Payment { mandate: answer.mandate(), ..payment(answer, state, taken)? })
}

/// What became of a payment of nothing that stores a card.
fn stored(answer: &Answer) -> Result<MandateState> {
    Ok(match (answer.status()?, answer.mandate()) {
        ("AUTHORIZED", Some(_)) => MandateState::Active,
        ("AUTHORIZED_PENDING_REVIEW" | "PENDING_AUTHENTICATION" | "PENDING_REVIEW", _) => MandateState::Pending,
        ("AUTHORIZED_RISK_DECLINED" | "DECLINED" | "INVALID_REQUEST", _) => MandateState::Declined(answer.decline()),
        // Without a token too: there is nothing to pay with.
        (other, _) => MandateState::Unrecognised(other.to_owned()),
    })
}

fn payment(answer: &Answer, state: State, taken: Option<String>) -> Result<Payment> {
    let amount = answer.authorized()?;
    // A partial approval is no success, but what was approved (`authorizedAmount`) is held until it is reversed.
    let partly = matches!(&state, State::Unrecognised(raw) if raw == "PARTIAL_AUTHORIZED");
    let handle = holding(answer.handle()?, amount.filter(|_| state.is_success() || partly)).with_some("taken", taken);
    let captured = amount.filter(|_| state == State::Captured);
    let (reference, network) = (answer.reference(), answer.network());
    Ok(Payment { amount, captured, reference, network, ..Payment::new(handle, state) })
}

/// The handle with the amount that is held, which reversals and increments need.
fn holding(handle: Handle, total: Option<Money>) -> Handle {
    match total {
        Some(total) => handle.with("total", total.major()).with("currency", total.currency().code()),
        None => handle,
    }
}

fn total_of(handle: &Handle) -> Result<Money> {
    let currency = handle.part("currency").and_then(Currency::from_code);
    let total = handle.part("total").zip(currency);
    let total = total.and_then(|(total, currency)| Money::parse_major(total, currency).ok());
    total.ok_or_else(|| Error::invalid("payment", "the payment holds no money"))
}

/// The path of what took the money: the payment itself, when it was taken at once, or its capture.
fn taken_at(handle: &Handle) -> Result<Option<String>> {
    let Some(taken) = handle.part("taken") else { return Ok(None) };
    let kind = if taken == handle.id() { "payments" } else { "captures" };
    Ok(Some(format!("/pts/v2/{kind}/{}", Handle::new(taken).segment()?)))
}

fn conflict(why: &str) -> Error {
    Error::new(Kind::Conflict, Effect::None, why)
}

fn fault(reply: &Reply) -> Error {
    let error = reply.fault(Answer::fault);
    match error.code().and_then(codes::kind).filter(|_| reply.status() == 400) {
        Some(kind) => error.of_kind(kind),
        None => error,
    }
}
