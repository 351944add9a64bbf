//! PayPal: the wallet, cards, network tokens, European bank redirects, and payouts to PayPal accounts. JSON over HTTPS
//! with a client-credentials token; amounts are decimal texts; webhooks are signed with RSA, by certificate.
//!
//! A payment is an order of one purchase unit (<https://developer.paypal.com/api/orders/v2/>). Its handle is the order's
//! id, with the ids of the newest authorization and capture as parts, because captures, voids and refunds work on those.
//! Cards and tokens are charged by the call that creates the order; the wallet and 3-D Secure need
//! [`Connector::complete`]; bank redirects are taken by PayPal itself once the customer has approved. A payout is a batch
//! of one item, under the batch's id.
//!
//! Not offered, because PayPal's servers do not take it: encrypted Apple Pay and Google Pay tokens (unwrap them, then pay
//! with the network token), results of a 3-D Secure authentication done elsewhere, lookup by the merchant's reference.

mod app;
mod codes;
mod read;
mod source;
mod wire;

use quittance::body::{Json, node, object, optional, text};
use quittance::*;
use serde_json::{Map, Value};

pub use app::App;
use app::{at, fault};

/// PayPal's line in the catalogue.
pub static ENTRY: Entry = Entry::of::<Paypal>();

/// One PayPal business account.
#[derive(Debug)]
pub struct Paypal(App);

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
        currencies: Currencies::Only(CURRENCIES),
        // The page of the currencies: "This currency does not support decimals."
        exponents: Exponents(&[(Currency::HUF, 0), (Currency::TWD, 0)]),
        capture: CaptureRules { manual: true, partial: true, multiple: true },
        refund: RefundRules { partial: true, multiple: true },
        three_ds: ThreeDsRules { challenge: true, external: false },
        lookups: &[LookupKind::Handle],
        idempotency: Idempotency::Header("paypal-request-id"),
        webhook: Some(WebhookRules {
            authentication: WebhookAuthentication::Signature,
            tolerance_seconds: Some(app::TOLERANCE_SECONDS),
            acknowledgement: "",
        }),
        disputes: DisputeRules { accept: true, contest: true },
        ..Spec::new("paypal", "PayPal", "https://developer.paypal.com/api/rest/")
    };
    type Credentials = App;

    fn new(credentials: App) -> Result<Self> {
        Ok(Self(credentials))
    }
}

#[async_trait]
impl Connector for Paypal {
    fn spec(&self) -> &'static Spec {
        ENTRY.spec
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let call = self.0.post(cx, "/v2/checkout/orders", &request.key, source::order(self.spec(), request)?);
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
        let order: wire::Order = self.0.read(cx, self.0.get(cx, &at("/v2/checkout/orders", id, "")?)).await?;
        let payment = read::payment(&order)?;
        // Before anything is taken.
        agree_part(&request.payment, Some(id), Some(&order.id))?;
        agree_payment(&payment, request.amount, &request.reference)?;
        if let Some(decline) = read::failed_authentication(&order) {
            return Ok(Payment { state: State::Declined(decline), ..payment });
        }
        let authenticated = order.payment_source.card.as_ref().is_some_and(|card| card.authentication_result.is_some());
        let waits = order.status == "APPROVED" || (authenticated && matches!(payment.state, State::ActionRequired(_)));
        if !waits || order.processing_instruction.as_deref() == Some(source::COMPLETE_ON_APPROVAL) {
            return Ok(payment);
        }
        let verb = if request.capture == CaptureMode::Manual { "/authorize" } else { "/capture" };
        let call = self.0.post(cx, &at("/v2/checkout/orders", id, verb)?, &request.key, object([]));
        self.order(cx, call, &payment.handle).await.map_err(|error| error.about(&payment.handle))
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let amount = source::amount(self.spec(), &request.amount)?;
        let last = Some(("final_capture", Json::Flag(request.last)));
        let body = object([node("amount", amount), last, text("invoice_id", &request.reference)]);
        let path = at("/v2/payments/authorizations", part(&request.payment, "authorization")?, "/capture")?;
        match self.0.ask(cx, self.0.post(cx, &path, &request.key, body)).await? {
            Ok(capture) => read::capture(&capture, &request.payment),
            Err(decline) => Ok(Payment::new(request.payment.clone(), State::Declined(decline))),
        }
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let asked = part(&request.payment, "authorization")?;
        let path = at("/v2/payments/authorizations", asked, "/void")?;
        let call = self.0.call(cx, http::Method::POST, &path, &request.key).header("prefer", "return=representation");
        let call = call.header("content-type", "application/json");
        let authorization: wire::Transaction = self.0.read(cx, call).await?;
        agree_part(&request.payment, Some(asked), Some(&authorization.id))?;
        let network = read::network(&authorization);
        Ok(Payment { network, ..Payment::new(request.payment.clone(), read::state(&authorization)) })
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let amount = source::amount(self.spec(), &request.amount)?;
        let reason = optional("note_to_payer", request.reason.as_deref());
        let body = object([node("amount", amount), text("custom_id", &request.reference), reason]);
        let path = at("/v2/payments/captures", part(&request.payment, "capture")?, "/refund")?;
        read::refund(&self.0.read(cx, self.0.post(cx, &path, &request.key, body)).await?)
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let Lookup::Handle(handle) = &request.by else {
            return Err(Error::unsupported_variant("retrieve by reference"));
        };
        read::payment(&self.0.read(cx, self.0.get(cx, &at("/v2/checkout/orders", handle.id(), "")?)).await?)
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        read::refund(&self.0.read(cx, self.0.get(cx, &at("/v2/payments/refunds", request.refund.id(), "")?)).await?)
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let call = self.0.post(cx, "/v3/vault/setup-tokens", &request.key, source::setup(request)?);
        let token: wire::VaultToken = match self.0.ask(cx, call).await? {
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
        let _: wire::VaultToken = self.0.read(cx, self.0.get(cx, &path)).await?;
        let reply = self.0.send(cx, self.0.call(cx, http::Method::DELETE, &path, &request.key)).await?;
        match reply.status() {
            204 => Ok(Mandate::new(request.mandate.clone(), MandateState::Revoked)),
            _ => Err(fault(&reply)),
        }
    }

    async fn open_session(&self, cx: &Context<'_>, request: &OpenSession) -> Result<Session> {
        let call = self.0.post(cx, "/v2/checkout/orders", &request.key, source::session(self.spec(), request)?);
        let order: wire::Order = self.0.read(cx, call).await?;
        // PayPal's JavaScript SDK takes an order's id (`createOrder`) and gives it back when approved (`onApprove`).
        Ok(Session { handle: Some(Handle::new(&order.id)), token: Secret::new(order.id), expires: None })
    }

    async fn pay_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        let account = match &request.recipient {
            Recipient::Wallet { brand, account } if brand == "paypal" => account.expose(),
            _ => return Err(Error::unsupported_variant("a payout to anything but a PayPal account")),
        };
        let body = source::payout(self.spec(), request, account)?;
        read::payout(&self.0.read(cx, self.0.post(cx, "/v1/payments/payouts", &request.key, body)).await?)
    }

    async fn retrieve_payout(&self, cx: &Context<'_>, request: &RetrievePayout) -> Result<Payout> {
        read::payout(&self.0.read(cx, self.0.get(cx, &at("/v1/payments/payouts", request.payout.id(), "")?)).await?)
    }

    async fn answer_dispute(&self, cx: &Context<'_>, request: &AnswerDispute) -> Result<Dispute> {
        let path = |verb| at("/v1/customer/disputes", request.dispute.id(), verb);
        let call = match &request.answer {
            Answer::Accept => {
                let note = text("note", "The merchant accepts the claim.");
                let body = object([note, text("accept_claim_type", "REFUND")]);
                self.0.post(cx, &path("/accept-claim")?, &request.key, body)
            }
            Answer::Contest(evidence) => {
                let call = self.0.call(cx, http::Method::POST, &path("/provide-evidence")?, &request.key);
                call.raw(source::MULTIPART, source::evidence(evidence)?)
            }
        };
        // The answer holds links only; the new state stands in the dispute.
        let _: Map<String, Value> = self.0.read(cx, call).await?;
        let dispute = self.0.read(cx, self.0.get(cx, &path("")?)).await;
        read::dispute(&dispute.map_err(|error| error.about(&request.dispute))?)
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        read::events(self.0.vouch(cx, delivery).await?)
    }
}

impl Paypal {
    async fn order(&self, cx: &Context<'_>, call: Call<'_>, handle: &Handle) -> Result<Payment> {
        match self.0.ask::<wire::Order>(cx, call).await? {
            Ok(order) => read::payment(&order),
            Err(decline) => Ok(Payment::new(handle.clone(), State::Declined(decline))),
        }
    }

    /// Turns an approved setup token into a stored card.
    async fn store(&self, cx: &Context<'_>, key: &Key, setup: &str) -> Result<Mandate> {
        let token = node("token", [text("id", setup), text("type", "SETUP_TOKEN")]);
        let body = object([node("payment_source", [token])]);
        match self.0.ask(cx, self.0.post(cx, "/v3/vault/payment-tokens", key, body)).await? {
            Ok(token) => Ok(read::mandate(&token)),
            Err(decline) => Ok(Mandate::new(Handle::new(setup), MandateState::Declined(decline))),
        }
    }
}

/// The id of the authorization or capture in a handle; without one the payment is in no state for the call.
fn part<'h>(payment: &'h Handle, name: &str) -> Result<&'h str> {
    let missing = || Error::new(Kind::Conflict, Effect::None, format!("the payment has no {name}; retrieve it first"));
    payment.part(name).ok_or_else(missing)
}

/// developer.paypal.com/reference/currency-codes; BRL, CNY and MYR for accounts of their country only.
const CURRENCIES: &[Currency] = &[
    Currency::AUD,
    Currency::BRL,
    Currency::CAD,
    Currency::CHF,
    Currency::CNY,
    Currency::CZK,
    Currency::DKK,
    Currency::EUR,
    Currency::GBP,
    Currency::HKD,
    Currency::HUF,
    Currency::ILS,
    Currency::JPY,
    Currency::MXN,
    Currency::MYR,
    Currency::NOK,
    Currency::NZD,
    Currency::PHP,
    Currency::PLN,
    Currency::SEK,
    Currency::SGD,
    Currency::THB,
    Currency::TWD,
    Currency::USD,
];
