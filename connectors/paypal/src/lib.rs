//! PayPal: the wallet, cards, network tokens and European bank redirects. JSON over HTTPS with a client-credentials
//! token; amounts are decimal texts; webhooks are signed with RSA by a certificate that PayPal hosts.
//!
//! A payment is an order of one purchase unit (<https://developer.paypal.com/api/orders/v2/>). Its handle is the order's
//! id, with the ids of the newest authorization and capture as parts, because captures, voids and refunds work on those.
//! Cards and tokens are charged by the call that creates the order; the wallet and 3-D Secure need
//! [`Connector::complete`]; bank redirects are taken by PayPal itself once the customer has approved.
//!
//! Not offered, because PayPal's servers do not take it: encrypted Apple Pay and Google Pay tokens (unwrap them, then pay
//! with the network token), results of a 3-D Secure authentication done elsewhere, lookup by the merchant's reference.

mod codes;
mod read;
mod source;
mod wire;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quittance::Currency as C;
use quittance::*;
use quittance_crypto::{Certificate, rsa_sha256_verify};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};

/// PayPal's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Paypal>();

/// One PayPal business account.
#[derive(Debug)]
pub struct Paypal(Credentials);

/// A REST app of the account, as the developer dashboard shows it under "Apps & Credentials".
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Client ID of the app.
    client_id: String,
    /// Secret of the app.
    client_secret: Secret,
    /// ID of the app's webhook, needed to read deliveries.
    webhook_id: Option<String>,
    /// `sandbox` or `live`; each has apps of its own.
    #[serde(default)]
    environment: Environment,
}

/// How far a delivery's transmission time may be from now; PayPal dates every attempt anew.
const TOLERANCE_SECONDS: u32 = 300;

impl Provider for Paypal {
    const SPEC: Spec = Spec {
        hosts: &["api-m.paypal.com", "api-m.sandbox.paypal.com", "api.paypal.com", "api.sandbox.paypal.com"],
        operations: &[
            Op::Authorize,
            Op::Complete,
            Op::Capture,
            Op::Void,
            Op::Refund,
            Op::Retrieve,
            Op::RetrieveRefund,
            Op::SetUp,
            Op::Revoke,
            Op::OpenSession,
            Op::PayOut,
            Op::RetrievePayout,
            Op::AnswerDispute,
            Op::Webhook,
        ],
        methods: &[
            MethodKind::of(Family::Card),
            MethodKind::of(Family::NetworkToken),
            MethodKind::branded(Family::WalletRedirect, "paypal"),
            MethodKind::branded(Family::BankRedirect, "bancontact"),
            MethodKind::branded(Family::BankRedirect, "eps"),
            MethodKind::branded(Family::BankRedirect, "ideal"),
            MethodKind::branded(Family::BankRedirect, "p24"),
            MethodKind::of(Family::Mandate),
        ],
        mandates: &[MethodKind::of(Family::Card)],
        // developer.paypal.com/reference/currency-codes; BRL, CNY and MYR for accounts of their country only.
        currencies: Currencies::Only(&[
            C::AUD,
            C::BRL,
            C::CAD,
            C::CHF,
            C::CNY,
            C::CZK,
            C::DKK,
            C::EUR,
            C::GBP,
            C::HKD,
            C::HUF,
            C::ILS,
            C::JPY,
            C::MXN,
            C::MYR,
            C::NOK,
            C::NZD,
            C::PHP,
            C::PLN,
            C::SEK,
            C::SGD,
            C::THB,
            C::TWD,
            C::USD,
        ]),
        // The same page: "This currency does not support decimals."
        exponents: Exponents(&[(C::HUF, 0), (C::TWD, 0)]),
        capture: CaptureRules { manual: true, partial: true, multiple: true },
        refund: RefundRules { partial: true, multiple: true },
        three_ds: ThreeDsRules { challenge: true, external: false },
        lookups: &[LookupKind::Handle],
        idempotency: Idempotency::Header("paypal-request-id"),
        webhook: Some(WebhookRules {
            authentication: WebhookAuthentication::Signature,
            tolerance_seconds: Some(TOLERANCE_SECONDS),
            acknowledgement: "",
        }),
        disputes: DisputeRules { accept: true, contest: true },
        ..Spec::new("paypal", "PayPal", "https://developer.paypal.com/api/rest/")
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Self> {
        Ok(Self(credentials))
    }
}

#[async_trait]
impl Connector for Paypal {
    fn spec(&self) -> &'static Spec {
        ENTRY.spec
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let call = self.post(cx, "/v2/checkout/orders", &request.key, source::order(self.spec(), request)?);
        // Before an order exists, the reference is all there is to name the payment by.
        self.order(cx, call, &Handle::new(&request.reference)).await
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        let id = request.payment.id();
        if request.payment.part("setup").is_some() {
            let mandate = self.store(cx, &request.key, id).await?;
            let stored = (mandate.state == MandateState::Active).then_some(mandate.handle);
            let none_taken = Payment::new(request.payment.clone(), State::Pending);
            return Ok(Payment { mandate: stored, network: mandate.network, ..none_taken });
        }
        let order: wire::Order = self.read(cx, self.get(cx, &at("/v2/checkout/orders", id, "")?)).await?;
        let payment = read::payment(&order)?;
        if let Some(decline) = read::failed_authentication(&order) {
            return Ok(Payment { state: State::Declined(decline), ..payment });
        }
        let authenticated = order.payment_source.card.as_ref().is_some_and(|card| card.authentication_result.is_some());
        let waits = order.status == "APPROVED" || (authenticated && matches!(payment.state, State::ActionRequired(_)));
        if !waits || order.processing_instruction.as_deref() == Some(source::COMPLETE_ON_APPROVAL) {
            return Ok(payment);
        }
        let verb = if request.capture == CaptureMode::Manual { "/authorize" } else { "/capture" };
        let call = self.post(cx, &at("/v2/checkout/orders", id, verb)?, &request.key, json!({}));
        self.order(cx, call, &payment.handle).await
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let amount = source::amount(self.spec(), &request.amount)?;
        let body = json!({ "amount": amount, "final_capture": request.last, "invoice_id": request.reference });
        let path = at("/v2/payments/authorizations", part(&request.payment, "authorization")?, "/capture")?;
        match self.ask(cx, self.post(cx, &path, &request.key, body)).await? {
            Ok(capture) => read::capture(&capture, &request.payment),
            Err(decline) => Ok(Payment::new(request.payment.clone(), State::Declined(decline))),
        }
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let path = at("/v2/payments/authorizations", part(&request.payment, "authorization")?, "/void")?;
        let call = cx.post(format!("{}{path}", self.base())).header("paypal-request-id", request.key.as_str());
        let call = call.header("prefer", "return=representation").header("content-type", "application/json");
        let reply = self.send(cx, call).await?;
        let state = match reply.status() {
            // The documented answer of `return=minimal`.
            204 => State::Voided,
            200 => read::authorization_state(&reply.json()?),
            _ => return Err(fault(&reply)),
        };
        Ok(Payment::new(request.payment.clone(), state))
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let amount = source::amount(self.spec(), &request.amount)?;
        let body = json!({ "amount": amount, "custom_id": request.reference, "note_to_payer": request.reason });
        let path = at("/v2/payments/captures", part(&request.payment, "capture")?, "/refund")?;
        read::refund(&self.read(cx, self.post(cx, &path, &request.key, body)).await?)
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let Lookup::Handle(handle) = &request.by else {
            return Err(Error::unsupported_variant("retrieve by reference"));
        };
        read::payment(&self.read(cx, self.get(cx, &at("/v2/checkout/orders", handle.id(), "")?)).await?)
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        read::refund(&self.read(cx, self.get(cx, &at("/v2/payments/refunds", request.refund.id(), "")?)).await?)
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let call = self.post(cx, "/v3/vault/setup-tokens", &request.key, source::setup(request)?);
        let token: wire::VaultToken = match self.ask(cx, call).await? {
            Ok(token) => token,
            Err(decline) => return Ok(Mandate::new(Handle::new(&request.reference), MandateState::Declined(decline))),
        };
        let handle = Handle::new(&token.id).with("setup", "card");
        match (token.status.as_str(), read::approval(&token.links)) {
            ("APPROVED", _) => self.store(cx, &request.key, &token.id).await.map_err(|error| error.about(&handle)),
            ("PAYER_ACTION_REQUIRED", Some(url)) => {
                Ok(Mandate::new(handle, MandateState::ActionRequired(NextAction::ThreeDs { url, fields: Vec::new() })))
            }
            (other, _) => Ok(Mandate::new(handle, MandateState::Unrecognised(other.to_owned()))),
        }
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        let path = at("/v3/vault/payment-tokens", request.mandate.id(), "")?;
        // Deleting what is not there is not documented as an error; looking at it is.
        let _: wire::VaultToken = self.read(cx, self.get(cx, &path)).await?;
        let call = cx.call(http::Method::DELETE, format!("{}{path}", self.base()));
        let reply = self.send(cx, call.header("paypal-request-id", request.key.as_str())).await?;
        match reply.is_success() {
            true => Ok(Mandate::new(request.mandate.clone(), MandateState::Revoked)),
            false => Err(fault(&reply)),
        }
    }

    async fn open_session(&self, cx: &Context<'_>, request: &OpenSession) -> Result<Session> {
        let call = self.post(cx, "/v2/checkout/orders", &request.key, source::session(self.spec(), request)?);
        let order: wire::Order = self.read(cx, call).await?;
        // PayPal's JavaScript SDK takes an order's id (`createOrder`) and gives it back when approved (`onApprove`).
        Ok(Session { handle: Some(Handle::new(&order.id)), token: Secret::new(order.id), expires: None })
    }

    async fn pay_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        let account = match &request.recipient {
            Recipient::Wallet { brand, account } if brand == "paypal" => account.expose(),
            _ => return Err(Error::unsupported_variant("a payout to anything but a PayPal account")),
        };
        let body = source::payout(self.spec(), request, account)?;
        read::payout(&self.read(cx, self.post(cx, "/v1/payments/payouts", &request.key, body)).await?)
    }

    async fn retrieve_payout(&self, cx: &Context<'_>, request: &RetrievePayout) -> Result<Payout> {
        read::payout(&self.read(cx, self.get(cx, &at("/v1/payments/payouts", request.payout.id(), "")?)).await?)
    }

    async fn answer_dispute(&self, cx: &Context<'_>, request: &AnswerDispute) -> Result<Dispute> {
        let path = |verb| at("/v1/customer/disputes", request.dispute.id(), verb);
        let call = match &request.answer {
            Answer::Accept => {
                let body = json!({ "note": "The merchant accepts the claim.", "accept_claim_type": "REFUND" });
                self.post(cx, &path("/accept-claim")?, &request.key, body)
            }
            Answer::Contest(evidence) => {
                let call = cx.post(format!("{}{}", self.base(), path("/provide-evidence")?));
                let call = call.header("paypal-request-id", request.key.as_str());
                call.raw(source::MULTIPART, source::evidence(evidence)?)
            }
        };
        // The answer holds links only; the new state stands in the dispute.
        let _: IgnoredAny = self.read(cx, call).await?;
        read::dispute(&self.read(cx, self.get(cx, &path("")?)).await?)
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        read::events(self.vouch(cx, delivery).await?)
    }
}

impl Paypal {
    fn base(&self) -> &'static str {
        match self.0.environment {
            Environment::Live => "https://api-m.paypal.com",
            Environment::Sandbox => "https://api-m.sandbox.paypal.com",
        }
    }

    fn get<'a>(&self, cx: &'a Context<'_>, path: &str) -> Call<'a> {
        cx.get(format!("{}{path}", self.base()))
    }

    fn post<'a>(&self, cx: &'a Context<'_>, path: &str, key: &Key, body: Value) -> Call<'a> {
        let call = cx.post(format!("{}{path}", self.base())).header("paypal-request-id", key.as_str());
        call.header("prefer", "return=representation").json(&source::pruned(body))
    }

    /// The one funnel: with the access token, which is fetched anew and tried once more when PayPal refuses it.
    async fn send(&self, cx: &Context<'_>, call: Call<'_>) -> Result<Reply> {
        let name = format!("paypal {} {}", self.base(), self.0.client_id);
        let token = cx.token(&name, self.fetch_token(cx)).await?;
        let reply = call.clone().bearer(&token).send().await?;
        if reply.status() != 401 {
            return Ok(reply);
        }
        cx.forget_token(&name).await;
        let token = cx.token(&name, self.fetch_token(cx)).await?;
        call.bearer(&token).send().await
    }

    async fn fetch_token(&self, cx: &Context<'_>) -> Result<(Secret, Duration)> {
        let call = cx.post(format!("{}/v1/oauth2/token", self.base())).harmless();
        let call = call.basic(&self.0.client_id, &self.0.client_secret);
        let reply = call.form(&wire::Grant { grant_type: "client_credentials" }).send().await?;
        match reply.is_success() {
            true => reply.json().map(|token: wire::Token| (token.access_token, Duration::from_secs(token.expires_in))),
            false => Err(fault(&reply)),
        }
    }

    async fn read<T: DeserializeOwned>(&self, cx: &Context<'_>, call: Call<'_>) -> Result<T> {
        let reply = self.send(cx, call).await?;
        if reply.is_success() { reply.json() } else { Err(fault(&reply)) }
    }

    /// As `read`, with a refusal of the payment (422 and an issue of [`codes::issue_reason`]) told apart from an error.
    async fn ask<T: DeserializeOwned>(
        &self,
        cx: &Context<'_>,
        call: Call<'_>,
    ) -> Result<std::result::Result<T, Decline>> {
        let reply = self.send(cx, call).await?;
        if reply.is_success() {
            return reply.json().map(Ok);
        }
        let error = fault(&reply);
        match error.code().and_then(|code| Some(Decline::with_code(codes::issue_reason(code)?, code))) {
            Some(decline) if reply.status() == 422 => {
                Ok(Err(Decline { message: Some(error.message().to_owned()), ..decline }))
            }
            _ => Err(error),
        }
    }

    async fn order(&self, cx: &Context<'_>, call: Call<'_>, handle: &Handle) -> Result<Payment> {
        match self.ask::<wire::Order>(cx, call).await? {
            Ok(order) => read::payment(&order),
            Err(decline) => Ok(Payment::new(handle.clone(), State::Declined(decline))),
        }
    }

    /// Turns an approved setup token into a stored card.
    async fn store(&self, cx: &Context<'_>, key: &Key, setup: &str) -> Result<Mandate> {
        let body = json!({ "payment_source": { "token": { "id": setup, "type": "SETUP_TOKEN" } } });
        match self.ask(cx, self.post(cx, "/v3/vault/payment-tokens", key, body)).await? {
            Ok(token) => Ok(read::mandate(&token)),
            Err(decline) => Ok(Mandate::new(Handle::new(setup), MandateState::Declined(decline))),
        }
    }

    /// Checks PayPal's signature over `transmission id|transmission time|webhook id|CRC-32 of the body`
    /// (developer.paypal.com/api/rest/webhooks/rest, "Self verification method"). The certificate is vouched for by the
    /// host it is fetched from, so only PayPal's own host and folder will do, and it must bear PayPal's name for the purpose.
    async fn vouch<'d>(&self, cx: &Context<'_>, delivery: &'d Delivery) -> Result<Authentic<'d>> {
        let missing =
            || Error::new(Kind::Credentials, Effect::None, "set it to read deliveries").in_field("webhook_id");
        let webhook = self.0.webhook_id.as_deref().ok_or_else(missing)?;
        let (host, name) = match self.0.environment {
            Environment::Live => ("api.paypal.com", "messageverificationcerts.paypal.com"),
            Environment::Sandbox => ("api.sandbox.paypal.com", "messageverificationcerts.sandbox.paypal.com"),
        };
        let (id, time) = (delivery.header("paypal-transmission-id")?, delivery.header("paypal-transmission-time")?);
        let sent: Timestamp = time.parse().map_err(|_| Error::signature("paypal-transmission-time is no time"))?;
        check_age(cx, sent.as_second(), TOLERANCE_SECONDS)?;
        if !delivery.header("paypal-auth-algo")?.eq_ignore_ascii_case("SHA256withRSA") {
            return Err(Error::signature("paypal-auth-algo names another algorithm than SHA256withRSA"));
        }
        let signature = STANDARD.decode(delivery.header("paypal-transmission-sig")?);
        let signature = signature.map_err(|_| Error::signature("paypal-transmission-sig is not base64"))?;
        let url = delivery.header("paypal-cert-url")?;
        let file = url.strip_prefix("https://").and_then(|rest| rest.strip_prefix(host));
        let file = file.and_then(|rest| rest.strip_prefix("/v1/notifications/certs/")).unwrap_or_default();
        at("", file, "").map_err(|_| Error::signature("paypal-cert-url is not a certificate of paypal"))?;
        let pem = cx.token(url, fetch_certificates(cx, url)).await?;
        let chain = certificates(pem.expose())?;
        let leaf = chain.first().filter(|leaf| leaf.is_for(name) && leaf.valid_at(cx.now().as_second()));
        let leaf = leaf.ok_or_else(|| Error::signature("the certificate is not valid now for paypal's messages"))?;
        delivery.vouch(|body| {
            let signed = format!("{id}|{time}|{webhook}|{}", crc32fast::hash(body));
            rsa_sha256_verify(leaf.public_key(), signed.as_bytes(), &signature)
                .map_err(|why| Error::signature(why.to_string()))
        })
    }
}

/// The certificates under `url`, and how long they may be kept.
async fn fetch_certificates(cx: &Context<'_>, url: &str) -> Result<(Secret, Duration)> {
    let reply = cx.get(url).send().await?;
    if !reply.is_success() {
        return Err(fault(&reply));
    }
    certificates(reply.text()?)?;
    Ok((Secret::new(reply.text()?), Duration::from_secs(86_400)))
}

fn certificates(pem: &str) -> Result<Vec<Certificate>> {
    Certificate::read_pem(pem.as_bytes())
        .map_err(|why| Error::signature(format!("the certificate of the delivery: {why}")))
}

/// The path of an object. PayPal's ids are letters, digits, hyphens and underscores; nothing else goes into a path.
fn at(collection: &str, id: &str, verb: &str) -> Result<String> {
    match !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        true => Ok(format!("{collection}/{id}{verb}")),
        false => Err(Error::new(Kind::NotFound, Effect::None, "the handle holds no id of paypal")),
    }
}

/// The id of the authorization or capture in a handle; without one the payment is in no state for the call.
fn part<'h>(payment: &'h Handle, name: &str) -> Result<&'h str> {
    let missing = || Error::new(Kind::Conflict, Effect::None, format!("the payment has no {name}; retrieve it first"));
    payment.part(name).ok_or_else(missing)
}

fn fault(reply: &Reply) -> Error {
    let body: wire::Fault = reply.json().unwrap_or_default();
    let detail = body.details.into_iter().next().unwrap_or_default();
    let text = detail.description.or(body.message).or(body.error_description);
    let support = body.debug_id.map(|id| format!(" (debug id {id})")).unwrap_or_default();
    let code = detail.issue.or(body.name).or(body.error);
    let conflict = (400..500).contains(&reply.status()) && code.as_deref().is_some_and(codes::is_conflict);
    let message = text.map(|text| text + &support);
    let error = reply.fault_with(Fault { code, message, field: detail.field });
    if conflict { error.of_kind(Kind::Conflict) } else { error }
}
