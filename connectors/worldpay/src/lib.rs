//! Worldpay WPG (Worldwide Payment Gateway): XML 1.4 of the `paymentService` document type, basic authentication.
//!
//! - Every answer has HTTP 200 but for refused credentials; an `error` in it tells what is wrong. An order goes by its `orderCode`, which is
//!   the merchant's reference, or its SHA-256 in hex where it is no order code (64 characters, none of blank, `<`, `>`, `|`, quotes).
//! - An automatic capture is told by a notification or an inquiry (`lastEvent` CAPTURED): until then a purchase is pending. Captures,
//!   cancellations and refunds are only received at first. Refunds have no id: an order's refund goes under its code.
//! - Notifications are not signed: the order is inquired after. They are to be answered with `[OK]`.
//! - 3DS Flex: the challenge is a form with a JWT for Cardinal Commerce; the second request needs the same session id, here the order code,
//!   and the cookie of the machine that took the first, which the handle keeps. The reference of a device data collection goes into the
//!   order's metadata as `dfReferenceId`.
//! - A card is stored as a shopper token, for which the merchant code must be enabled. It belongs to the customer's id, else to the reference; the
//!   handle keeps that, and the network's id of the first transaction. Without a payment the card is checked by an order of nothing.
//! - Money is sent to a card by Fast Access, which has merchant codes of its own: an account of its own here.
//! - Not offered: raising a reservation (what was read does not say whether `increaseAuthorisation` names the increase or the new amount, and the
//!   document type has no answer to it); looking at a refund (an inquiry tells the order's last event alone).
//!
//! Sources: <https://developer.worldpay.com/docs/wpg>, <http://dtd.worldpay.com/paymentService_v1.dtd>,
//! <https://github.com/Worldpay/Worldpay-Magento2-CG>.

mod build;
mod codes;
mod payout;
mod wire;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use quittance::body::{Member, node, object, text};
use quittance::digest::Hash;
use quittance::*;
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Challenge, OrderStatus, PaymentService, Reply as Said};

/// The catalogue entry.
pub static ENTRY: Entry = Entry::of::<Worldpay>();

/// One merchant code.
#[derive(Debug)]
pub struct Worldpay {
    credentials: Credentials,
}

/// Credentials of a merchant code.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The merchant code.
    pub merchant_code: String,
    /// The XML user name.
    pub username: String,
    /// The XML password.
    pub password: Secret,
    /// The issuer of 3DS Flex tokens. Left out: no challenges.
    pub jwt_issuer: Option<String>,
    /// The organisational unit of 3DS Flex.
    pub jwt_org_unit: Option<String>,
    /// The MAC key of 3DS Flex tokens.
    pub jwt_key: Option<Secret>,
    /// Secure Test or live.
    pub environment: Environment,
}

impl Provider for Worldpay {
    #[rustfmt::skip]
    const SPEC: Spec = Spec {
        hosts: &["secure-test.worldpay.com", "secure.worldpay.com"],
        operations: &[
            Op::Authorize, Op::Complete, Op::Capture, Op::Void, Op::Refund, Op::Retrieve, Op::SetUp, Op::Revoke, Op::PayOut,
            Op::RetrievePayout, Op::Webhook,
        ],
        methods: &[
            MethodKind::of(Family::Card), MethodKind::of(Family::NetworkToken), MethodKind::of(Family::ApplePay),
            MethodKind::of(Family::GooglePay), MethodKind::of(Family::Mandate),
        ],
        mandates: &[MethodKind::of(Family::Card)],
        currencies: Currencies::Only(codes::CURRENCIES),
        capture: CaptureRules { manual: true, partial: true, multiple: false },
        three_ds: ThreeDsRules { challenge: true, external: true },
        refund: RefundRules { partial: true, multiple: false },
        lookups: &[LookupKind::Handle, LookupKind::Reference],
        idempotency: Idempotency::Unique(&["@orderCode"]),
        idempotency_exceptions: &[(Op::Refund, Idempotency::None)],
        webhook: Some(WebhookRules { authentication: WebhookAuthentication::ReadBack, tolerance_seconds: None, acknowledgement: "[OK]" }),
        ..Spec::new("worldpay", "Worldpay WPG", "https://developer.worldpay.com/docs/wpg")
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Worldpay> {
        Ok(Worldpay { credentials })
    }
}

#[async_trait]
impl Connector for Worldpay {
    fn spec(&self) -> &'static Spec {
        &Self::SPEC
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let code = build::order_code(&request.reference);
        let (said, cookie) = self.send(cx, "submit", build::order(request, &code)?, None).await?;
        let status = said.status(&code)?;
        let handle = Handle::new(&*code);
        if let Some(challenge) = &status.challenge {
            let action = self.challenge(cx, &challenge.details, request.return_url.as_deref(), &code)?;
            let handle = handle.with_some("cookie", cookie);
            let payment = Payment::new(handle, State::ActionRequired(action));
            return Ok(Payment { reference: Some(request.reference.clone()), ..payment });
        }
        let payment = read(&status, handle)?;
        Ok(Payment { reference: Some(request.reference.clone()), ..asked(payment, request.capture) })
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        let code = request.payment.id();
        let members = [
            text("@orderCode", code),
            node("info3DSecure", [text("completedAuthentication", "")]),
            node("session", [text("@id", code)]),
        ];
        let (said, _) = self.send(cx, "submit", node("order", members), request.payment.part("cookie")).await?;
        let status = said.status(code)?;
        if status.challenge.is_some() {
            return Err(Error::protocol("the provider asks for a second challenge"));
        }
        Ok(asked(read(&status, Handle::new(code))?, request.capture))
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let members = [text("@reference", &*request.reference), build::amount(&request.amount, true)?];
        let accepted = self.modify(cx, &request.payment, node("capture", members)).await?;
        let captured_now = wire::asked_for(accepted.capture_received)?.money()?;
        Ok(Payment { captured_now, ..Payment::new(request.payment.clone(), State::Pending) })
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        wire::asked_for(self.modify(cx, &request.payment, text("cancel", "")).await?.cancel_received)?;
        Ok(Payment::new(request.payment.clone(), State::Pending))
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let members = [text("@reference", &*request.reference), build::amount(&request.amount, true)?];
        let accepted = self.modify(cx, &request.payment, node("refund", members)).await?;
        let amount = wire::asked_for(accepted.refund_received)?.money()?;
        let handle = Handle::new(request.payment.id());
        Ok(Refund { amount, payment: Some(request.payment.clone()), ..Refund::new(handle, TransferState::Pending) })
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        match &request.by {
            Lookup::Handle(handle) => read(&self.inquire(cx, handle.id()).await?, handle.clone()),
            Lookup::Reference(reference) => {
                let code = build::order_code(reference);
                let status = self.inquire(cx, &code).await?;
                Ok(Payment { reference: Some(reference.clone()), ..read(&status, Handle::new(&*code))? })
            }
        }
    }

    /// An order of nothing by which the issuer checks the card and the gateway stores it.
    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        Ok(Mandate::of_payment(self.authorize(cx, &request.as_payment()).await?))
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        let (said, _) = self.send(cx, "modify", build::forget(&request.mandate), None).await?;
        said.deleted(request.mandate.id())?;
        Ok(Mandate::new(request.mandate.clone(), MandateState::Revoked))
    }

    async fn pay_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        self.disburse(cx, request).await
    }

    async fn retrieve_payout(&self, cx: &Context<'_>, request: &RetrievePayout) -> Result<Payout> {
        payout::read(&self.inquire(cx, request.payout.id()).await?, request.payout.clone())
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let service: PaymentService = delivery.untrusted(|body| body.xml())?;
        let event = service.notify.ok_or_else(|| Error::protocol("the delivery has no notification"))?;
        let ignored = |name: &str| vec![Event { id: None, at: None, name: name.to_owned(), body: EventBody::Ignored }];
        let Some(told) = event.status else { return Ok(ignored("notify")) };
        let Some(claimed) = told.payment.as_ref().map(|payment| payment.last_event.as_str()) else {
            return Ok(ignored("orderStatusEvent"));
        };
        if !codes::is_known(claimed) {
            return Ok(ignored(claimed));
        }
        let found = self.inquire(cx, &told.order_code).await?;
        let handle = Handle::new(&*told.order_code);
        let payment = found.payment.as_ref().ok_or_else(|| Error::protocol("the order has no payment"))?;
        let name = payment.last_event.clone();
        let body = match codes::refund(&name) {
            _ if codes::is_payout(&name) => EventBody::Payout(payout::read(&found, handle)?),
            Some(state) => EventBody::Refund(Refund { payment: Some(handle.clone()), ..Refund::new(handle, state) }),
            None => EventBody::Payment(read(&found, handle)?),
        };
        Ok(vec![Event { id: None, at: None, name, body }])
    }
}

impl Worldpay {
    async fn modify<'a>(&self, cx: &Context<'_>, payment: &'a Handle, change: Member<'a>) -> Result<wire::Accepted> {
        let body = node("orderModification", [text("@orderCode", payment.id()), change]);
        let (said, _) = self.send(cx, "modify", body, None).await?;
        said.accepted(payment.id())
    }

    async fn inquire(&self, cx: &Context<'_>, code: &str) -> Result<OrderStatus> {
        let body = node("orderInquiry", [text("@orderCode", code.to_owned())]);
        let (said, _) = self.send(cx, "inquiry", body, None).await?;
        said.status(code)
    }

    /// The one funnel: what was replied, and the cookie of the machine that did.
    async fn send(
        &self,
        cx: &Context<'_>,
        action: &'static str,
        body: Member<'_>,
        cookie: Option<&str>,
    ) -> Result<(Said, Option<String>)> {
        let Credentials { merchant_code, username, password, environment, .. } = &self.credentials;
        let url = match environment {
            Environment::Live => "https://secure.worldpay.com/jsp/merchant/xml/paymentService.jsp",
            Environment::Sandbox => "https://secure-test.worldpay.com/jsp/merchant/xml/paymentService.jsp",
        };
        let doctype = "<!DOCTYPE paymentService PUBLIC \"-//WorldPay//DTD WorldPay PaymentService v1//EN\" \
                       \"http://dtd.worldpay.com/paymentService_v1.dtd\">";
        let request =
            object([text("@version", "1.4"), text("@merchantCode", merchant_code.as_str()), node(action, [body])]);
        let call = cx.post(url).basic(username, password).header_some("cookie", cookie);
        let call = call.xml_after(doctype, "paymentService", &request);
        let reply = if action == "inquiry" { call.harmless() } else { call }.send().await?;
        if reply.status() != 200 {
            return Err(reply.fault_with(Fault::default()));
        }
        let service: PaymentService = reply.xml()?;
        let said = service.reply.ok_or_else(|| Error::protocol("the answer has no reply"))?;
        let machine = reply.header("set-cookie").and_then(|cookie| cookie.split(';').next());
        Ok((said, machine.map(str::to_owned)))
    }

    /// The form of a challenge: a token that Cardinal Commerce takes.
    fn challenge(
        &self,
        cx: &Context<'_>,
        challenge: &Challenge,
        return_url: Option<&str>,
        code: &str,
    ) -> Result<NextAction> {
        let Credentials { jwt_issuer, jwt_org_unit, jwt_key, environment, .. } = &self.credentials;
        let (Some(issuer), Some(unit), Some(key)) = (jwt_issuer, jwt_org_unit, jwt_key) else {
            let error = Error::new(Kind::Credentials, Effect::None, "a challenge needs the 3DS Flex credentials");
            return Err(error.in_field("jwt_key").about(&Handle::new(code)));
        };
        let return_url = return_url.ok_or_else(|| Error::invalid("return_url", "a challenge needs a return URL"))?;
        if !challenge.is_plain() {
            return Err(Error::protocol("the challenge is not of the form that it should have"));
        }
        // The same challenge has the same token, so that a repetition shows the same.
        let id = hex::encode(digest::sha256(challenge.transaction_id.as_bytes()));
        let claims = serde_json::json!({
            "jti": id.chars().take(32).collect::<String>(), "iat": cx.now().as_second(), "iss": issuer, "OrgUnitId": unit, "ReturnUrl": return_url,
            "ObjectifyPayload": true,
            "Payload": {
                "ACSUrl": challenge.acs_url, "Payload": challenge.payload, "TransactionId": challenge.transaction_id,
            },
        });
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mac = digest::hmac(Hash::Sha256, key.expose().as_bytes(), &[signed.as_bytes()]);
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
        let url = match environment {
            Environment::Live => "https://centinelapi.cardinalcommerce.com/V2/Cruise/StepUp",
            Environment::Sandbox => "https://centinelapistag.cardinalcommerce.com/V2/Cruise/StepUp",
        };
        Ok(NextAction::ThreeDs { url: url.to_owned(), fields: vec![("JWT".to_owned(), token)] })
    }
}

/// A payment as its order's status shows it.
fn read(status: &OrderStatus, handle: Handle) -> Result<Payment> {
    let payment = status.payment.as_ref().ok_or_else(|| Error::protocol("the order has no payment"))?;
    let state = payment.state();
    let captured = payment.balance("IN_PROCESS_CAPTURED")?.filter(|_| payment.last_event == "CAPTURED");
    let network = payment.network();
    let mandate = status.mandate(network.transaction_id.as_deref()).filter(|_| state.is_success());
    let amount = payment.amount.money()?;
    // An order of nothing has checked a card: nothing is reserved.
    let checked = state == State::Authorized && amount.is_some_and(|amount| amount.minor() == 0);
    let state = if checked { State::Pending } else { state };
    Ok(Payment { amount, captured, mandate, network, ..Payment::new(handle, state) })
}

/// What was reserved to be taken at once is on its way.
fn asked(payment: Payment, capture: CaptureMode) -> Payment {
    match (&payment.state, capture) {
        (State::Authorized, CaptureMode::Automatic) => Payment { state: State::Pending, ..payment },
        _ => payment,
    }
}
