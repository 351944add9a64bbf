//! Redsys, the virtual POS of the Spanish banks: REST (`trataPeticionREST`) and the payment page for Bizum.
//!
//! - Every message is an envelope: the parameters are JSON in base64, and the signature over that text is an HMAC under a key made of the
//!   terminal's key and the order number (`HMAC_SHA512_V2`, or `HMAC_SHA256_V1`). Answers and notifications are signed alike, by either
//!   method, and nothing is read of them before.
//! - The order number has 4 to 12 letters and digits, the first four digits. A reference of that form is the order number; of any
//!   other, the order number is made from its SHA-256. Redsys refuses a second payment of the same order.
//! - There is no idempotency key: what comes after the payment must not be repeated blindly.
//! - Later operations name order, amount and currency, so the handle keeps them.
//! - Cards typed at the merchant's are authenticated (EMV 3-D Secure) where that is asked for, or where the browser is described; else
//!   they go as direct payments, which an issuer that wants authentication answers with 0195. After a challenge Redsys asks for the
//!   card again, so `complete` needs it. A card is stored by a payment, or by a validation, of which the issuer is asked for nothing though it
//!   names an amount (the smallest here); its handle is Redsys' reference, with the network's transaction id. That a validation stores the
//!   card too is put together of two pages, and no example of both was found.
//! - A look-up asks the service for queries, in SOAP, for the operations of the order. The bank must have switched it on for the terminal.
//! - Not offered: forgetting a stored card (others send operations of type 44, which no page of Redsys that was read describes); the page
//!   for cards, since a card is then not the merchant's to name.
//!
//! Sources: <https://pagosonline.redsys.es/conexion-rest.html>, <https://pagosonline.redsys.es/conexion-redireccion.html>,
//! <https://pagosonline.redsys.es/funcionalidades-autenticacion3DS.html>.

mod codes;
mod lookup;
mod sign;
mod three_ds;
mod wire;

use quittance::body::{Json, Member, object, optional, text};
use quittance::*;
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Envelope, Parameters};

/// The catalogue line.
pub static ENTRY: Entry = Entry::of::<Redsys>();

/// Asks about a card and moves nothing.
const START: &str = "rest/iniciaPeticionREST";
/// Carries an operation out.
const TREAT: &str = "rest/trataPeticionREST";

/// Kinds of operation, `DS_MERCHANT_TRANSACTIONTYPE`.
const PURCHASE: &str = "0";
const RESERVATION: &str = "1";
const CONFIRMATION: &str = "2";
const REFUND: &str = "3";
/// Checks the card and takes nothing: <https://pagosonline.redsys.es/funcionalidades-preautenticacion.html>.
const VALIDATION: &str = "7";
const CANCELLATION: &str = "9";

/// What a validation names as its amount, which is never taken.
const NOTHING: &str = "1";

/// One terminal at one Spanish bank.
pub struct Redsys {
    credentials: Credentials,
    key: sign::Key,
}

/// Credentials of a terminal.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Merchant code (FUC), 9 digits.
    pub merchant_code: String,
    /// Terminal number.
    pub terminal: String,
    /// Signing key of the terminal, base64 of 24 bytes.
    pub secret_key: Secret,
    /// How requests are signed: `hmac_sha512_v2` or `hmac_sha256_v1`.
    #[serde(default)]
    pub signature: sign::Method,
    /// Where Redsys sends notifications of payments at its page.
    pub notification_url: String,
    /// Test or live terminal.
    pub environment: Environment,
}

impl Provider for Redsys {
    #[rustfmt::skip]
    const SPEC: Spec = Spec {
        hosts: &["sis-t.redsys.es", "sis.redsys.es"],
        operations: &[Op::Authorize, Op::Complete, Op::Capture, Op::Void, Op::Refund, Op::Retrieve, Op::RetrieveRefund, Op::SetUp, Op::Webhook],
        methods: &[
            MethodKind::of(Family::Card), MethodKind::branded(Family::WalletRedirect, "bizum"),
            MethodKind::of(Family::Mandate),
        ],
        mandates: &[MethodKind::of(Family::Card)],
        currencies: Currencies::Only(codes::CURRENCIES),
        countries: &["ES"],
        capture: CaptureRules { manual: true, partial: true, multiple: false },
        refund: RefundRules { partial: true, multiple: true },
        three_ds: ThreeDsRules { challenge: true, external: false },
        complete_with_method: true, lookups: &[LookupKind::Handle, LookupKind::Reference],
        idempotency: Idempotency::Unique(&["DS_MERCHANT_ORDER"]), idempotency_exceptions: &[(Op::Refund, Idempotency::None)],
        webhook: Some(WebhookRules {
            authentication: WebhookAuthentication::BodyMac, tolerance_seconds: None, acknowledgement: "",
        }),
        ..Spec::new("redsys", "Redsys", "https://pagosonline.redsys.es/")
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Redsys> {
        let wrong =
            || Error::new(Kind::Credentials, Effect::None, "a key is base64 of 24 bytes").in_field("secret_key");
        Ok(Redsys { key: sign::Key::new(&credentials.secret_key).ok_or_else(wrong)?, credentials })
    }
}

#[async_trait]
impl Connector for Redsys {
    fn spec(&self) -> &'static Spec {
        ENTRY.spec
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let amount = Self::SPEC.minor(&request.amount)?.to_string();
        let stored = request.store.then(|| category(request.initiator).unwrap_or(UNSCHEDULED));
        self.pay(cx, request, kind(request.capture), &amount, stored).await
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        let handle = &request.payment;
        let (Some(version), Some(cres)) = (handle.part(three_ds::CHALLENGED), request.returned("cres")) else {
            // The page tells the end by a notification, and a challenge that was not answered stands open.
            return Ok(Payment::new(handle.clone(), State::Pending));
        };
        let Some(Method::Card(card)) = &request.method else {
            return Err(Error::invalid("method", "after a challenge Redsys asks for the card again"));
        };
        let validation = handle.part("kind") == Some(VALIDATION);
        let (kind, amount) = match validation {
            true => (VALIDATION, NOTHING.to_owned()),
            false => (kind(request.capture), Self::SPEC.minor(&request.amount)?.to_string()),
        };
        let currency = numeric(request.amount.currency());
        let base = self.base(kind, handle.id(), &amount, &currency);
        let extra = [text("DS_MERCHANT_MERCHANTDATA", &request.reference), three_ds::answered(version, cres)];
        let parameters = object(base.into_iter().chain(extra).chain(typed(card, handle.part("stored"))));
        let answer = self.send(cx, TREAT, handle.id(), &parameters).await?;
        match payment(&answer, Some(handle))? {
            // Nothing is reserved: there is a stored card, and no payment that could go on.
            found if validation && found.state == State::Authorized => {
                Ok(Payment { state: State::Pending, amount: None, ..found })
            }
            found if validation => Ok(Payment { amount: None, ..found }),
            found => Ok(found),
        }
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let amount = Self::SPEC.minor(&request.amount)?.to_string();
        let currency = numeric(request.amount.currency());
        let order = request.payment.id();
        let answer = self.send(cx, TREAT, order, &object(self.base(CONFIRMATION, order, &amount, &currency))).await?;
        let found = payment(&answer, Some(&request.payment))?;
        let taken = found.amount.filter(|_| found.state == State::Captured);
        let state = done(found.state)?;
        Ok(Payment { amount: None, captured: taken, captured_now: taken, state, ..found })
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let missing = || Error::invalid("payment", "the handle has no amount and currency; use the one of authorize");
        let part = |name: &str| request.payment.part(name).ok_or_else(missing);
        let order = request.payment.id();
        let parameters = object(self.base(CANCELLATION, order, part("amount")?, part("currency")?));
        let answer = self.send(cx, TREAT, order, &parameters).await?;
        let found = payment(&answer, Some(&request.payment))?;
        Ok(Payment { captured: None, state: done(found.state)?, ..found })
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let amount = Self::SPEC.minor(&request.amount)?.to_string();
        let currency = numeric(request.amount.currency());
        let order = request.payment.id();
        let base = self.base(REFUND, order, &amount, &currency);
        let extra = [text("DS_MERCHANT_MERCHANTDATA", &request.reference)];
        let answer = self.send(cx, TREAT, order, &object(base.into_iter().chain(extra))).await?;
        agree_part(&request.payment, Some(order), Some(&answer.order))?;
        refund(&answer)
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        match &request.by {
            Lookup::Handle(handle) => self.look(cx, handle.id(), Some(handle)).await,
            Lookup::Reference(reference) => {
                let found = self.look(cx, &order(reference), None).await?;
                Ok(Payment { reference: Some(reference.clone()), ..found })
            }
        }
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        self.look_at_refund(cx, &request.refund).await
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let stored = request.usage.map_or(UNSCHEDULED, cof_type);
        let payment = self.pay(cx, &request.as_payment(), VALIDATION, NOTHING, Some(stored)).await?;
        if payment.state == State::Authorized && payment.mandate.is_none() {
            return Err(Error::protocol("the validation was approved and names no stored card").about(&payment.handle));
        }
        Ok(Mandate::of_payment(payment))
    }

    async fn webhook(&self, _: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let answer = delivery.untrusted(|body| {
            let body = body.text().map_err(|_| Error::signature("the delivery is not text"))?;
            let field = |wanted: &str| {
                let mut fields = form_urlencoded::parse(body.as_bytes()).filter(|(name, _)| name == wanted);
                fields.next().map(|(_, value)| value.into_owned()).filter(|_| fields.next().is_none())
            };
            let envelope = Envelope {
                version: field("Ds_SignatureVersion"),
                parameters: field("Ds_MerchantParameters"),
                signature: field("Ds_Signature"),
                error_code: None,
            };
            self.key.vouched(&envelope)
        })?;
        let name = answer.kind.clone().unwrap_or_default();
        let body = match name.as_str() {
            PURCHASE | RESERVATION | CONFIRMATION | CANCELLATION => EventBody::Payment(payment(&answer, None)?),
            REFUND => EventBody::Refund(refund(&answer)?),
            _ => EventBody::Ignored,
        };
        Ok(vec![Event { id: None, at: None, name, body }])
    }
}

impl Redsys {
    /// A payment, or the validation of a card, which is stored under an agreement of the category `stored`.
    async fn pay(
        &self,
        cx: &Context<'_>,
        request: &Authorize,
        kind: &str,
        amount: &str,
        stored: Option<&str>,
    ) -> Result<Payment> {
        let order = order(&request.reference);
        let currency = numeric(request.amount.currency());
        let base = self.base(kind, &order, amount, &currency);
        let extra = [
            optional("DS_MERCHANT_PRODUCTDESCRIPTION", request.order.description.as_deref()),
            text("DS_MERCHANT_MERCHANTDATA", &request.reference),
        ];
        let asked = handle(&order, amount, &currency);
        if let Method::WalletRedirect { .. } = &request.method {
            let parameters = object(base.into_iter().chain(extra).chain(self.page(request)));
            let fields = self.key.form(self.credentials.signature, &order, &parameters)?;
            let action = NextAction::PostForm { url: self.url("realizarPago"), fields };
            return Ok(Payment::new(asked, State::ActionRequired(action)));
        }
        let card = match three_ds::is_wanted(request)? {
            true => {
                let question = [number(&request.method), three_ds::question()];
                let question = object(base.clone().into_iter().chain(question));
                Some(self.send(cx, START, &order, &question).await?)
            }
            false => None,
        };
        let authentication = card.as_ref().map(|card| three_ds::authentication(request, card)).transpose()?.flatten();
        let authentication = authentication.or_else(|| text("DS_MERCHANT_DIRECTPAYMENT", "true"));
        let parameters = object(base.into_iter().chain(extra).chain(method(request, stored)?).chain([authentication]));
        let answer = self.send(cx, TREAT, &order, &parameters).await?;
        let Some((page, version)) = three_ds::challenge(&answer)? else { return payment(&answer, Some(&asked)) };
        let asked = asked.with(three_ds::CHALLENGED, version).with_some("stored", stored);
        let asked = asked.with_some("kind", (kind == VALIDATION).then_some(kind));
        let amount = money(&answer)?;
        Ok(Payment { amount, reference: reference(&answer), ..Payment::new(asked, State::ActionRequired(page)) })
    }

    fn url(&self, path: &str) -> String {
        match self.credentials.environment {
            Environment::Live => format!("https://sis.redsys.es/sis/{path}"),
            Environment::Sandbox => format!("https://sis-t.redsys.es:25443/sis/{path}"),
        }
    }

    /// What every operation names.
    fn base<'a>(&'a self, kind: &'a str, order: &'a str, amount: &'a str, currency: &'a str) -> [Member<'a>; 6] {
        [
            text("DS_MERCHANT_MERCHANTCODE", &self.credentials.merchant_code),
            text("DS_MERCHANT_TERMINAL", &self.credentials.terminal),
            text("DS_MERCHANT_TRANSACTIONTYPE", kind),
            text("DS_MERCHANT_ORDER", order),
            text("DS_MERCHANT_AMOUNT", amount),
            text("DS_MERCHANT_CURRENCY", currency),
        ]
    }

    /// The page for Bizum: <https://pagosonline.redsys.es/conexion-redireccion.html>. The letter is unconfirmed: no page that was read has it.
    fn page<'a>(&'a self, request: &'a Authorize) -> [Member<'a>; 4] {
        [
            text("DS_MERCHANT_PAYMETHODS", "z"),
            text("DS_MERCHANT_MERCHANTURL", &self.credentials.notification_url),
            optional("DS_MERCHANT_URLOK", request.return_url.as_deref()),
            optional("DS_MERCHANT_URLKO", request.return_url.as_deref()),
        ]
    }

    /// The one funnel.
    async fn send(&self, cx: &Context<'_>, path: &str, order: &str, parameters: &Json<'_>) -> Result<Parameters> {
        let fields = self.key.form(self.credentials.signature, order, parameters)?;
        let body = object(fields.iter().map(|(name, value)| text(name, value)));
        let call = cx.post(self.url(path)).json(&body);
        let call = if path == START { call.harmless() } else { call };
        let reply = call.send().await?;
        if !reply.is_success() {
            return Err(reply.fault_with(Fault::default()));
        }
        let envelope: Envelope = reply.json()?;
        if let (Some(code), None) = (&envelope.error_code, &envelope.parameters) {
            return Err(codes::refused(code));
        }
        let answer = self.key.vouched(&envelope);
        let answer = answer.map_err(|error| error.of_kind(Kind::Protocol).with_effect(Effect::Unknown))?;
        match answer.order == order {
            true => Ok(answer),
            false => Err(Error::new(Kind::Integrity, Effect::Unknown, "the answer speaks of another order")),
        }
    }
}

fn kind(capture: CaptureMode) -> &'static str {
    if capture == CaptureMode::Manual { RESERVATION } else { PURCHASE }
}

/// `DS_MERCHANT_COF_TYPE` of payments at no fixed time or amount.
const UNSCHEDULED: &str = "C";

/// `DS_MERCHANT_COF_TYPE` of payments of a category.
fn cof_type(category: MitCategory) -> &'static str {
    match category {
        MitCategory::Recurring => "R",
        MitCategory::Installment => "I",
        MitCategory::Unscheduled => UNSCHEDULED,
    }
}

/// `DS_MERCHANT_COF_TYPE` of a payment that the merchant started.
fn category(initiator: Initiator) -> Option<&'static str> {
    match initiator {
        Initiator::Merchant(category) => Some(cof_type(category)),
        Initiator::Customer => None,
    }
}

/// The card number alone.
fn number(method: &Method) -> Member<'_> {
    match method {
        Method::Card(card) => text("DS_MERCHANT_PAN", card.number.expose()),
        _ => None,
    }
}

/// The members that name a typed card, which is kept under an agreement of this category.
fn typed<'a>(card: &'a Card, stored: Option<&'a str>) -> [Member<'a>; 7] {
    [
        text("DS_MERCHANT_PAN", card.number.expose()),
        text("DS_MERCHANT_EXPIRYDATE", card.expiry.yymm()),
        optional("DS_MERCHANT_CVV2", card.cvc.as_ref().map(|cvc| cvc.expose())),
        optional("DS_MERCHANT_TITULAR", card.holder.as_deref()),
        stored.and_then(|_| text("DS_MERCHANT_IDENTIFIER", "REQUIRED")),
        stored.and_then(|_| text("DS_MERCHANT_COF_INI", "S")),
        optional("DS_MERCHANT_COF_TYPE", stored),
    ]
}

/// The members that name card or stored card: <https://pagosonline.redsys.es/conexion-rest.html>.
fn method<'a>(request: &'a Authorize, stored: Option<&'a str>) -> Result<Vec<Member<'a>>> {
    let category = category(request.initiator);
    let exemption = category.and_then(|_| text("DS_MERCHANT_EXCEP_SCA", "MIT"));
    match &request.method {
        Method::Card(card) => {
            let series = optional("DS_MERCHANT_COF_TXNID", request.network_transaction_id.as_deref());
            Ok(typed(card, stored).into_iter().chain([series, exemption]).collect())
        }
        Method::Mandate(mandate) => Ok(vec![
            text("DS_MERCHANT_IDENTIFIER", mandate.id()),
            text("DS_MERCHANT_COF_INI", "N"),
            optional("DS_MERCHANT_COF_TYPE", category),
            optional("DS_MERCHANT_COF_TXNID", mandate.part("txnid")),
            exemption,
        ]),
        other => Err(Error::unsupported_variant(other.family())),
    }
}

/// A reference of the form of an order number as it is; else letters made of its SHA-256, the first four digits.
fn order(reference: &str) -> String {
    let is_order = (4..=12).contains(&reference.len())
        && reference.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && reference.bytes().take(4).all(|byte| byte.is_ascii_digit());
    if is_order {
        return reference.to_owned();
    }
    let hash = digest::sha256(reference.as_bytes());
    let letter =
        |alphabet: &[u8], byte: u8| alphabet.get(usize::from(byte) % alphabet.len()).map(|letter| char::from(*letter));
    let digits = hash.iter().take(4).filter_map(|byte| letter(b"0123456789", *byte));
    let letters = hash.iter().take(8).filter_map(|byte| letter(b"0123456789abcdefghijklmnopqrstuvwxyz", *byte));
    digits.chain(letters).collect()
}

fn numeric(currency: Currency) -> String {
    format!("{:03}", currency.numeric())
}

fn handle(order: &str, amount: &str, currency: &str) -> Handle {
    Handle::new(order).with("amount", amount).with("currency", currency)
}

/// An answer that refuses an operation on an earlier payment, which stands as before; a code that is not listed does not say so.
fn done(state: State) -> Result<State> {
    match state {
        State::Declined(decline) => {
            let effect = if decline.reason == Reason::Unmapped { Effect::Unknown } else { Effect::None };
            let error = Error::new(Kind::Conflict, effect, "the provider refused the operation");
            Err(decline.code.map_or(error.clone(), |code| error.with_code(code)))
        }
        state => Ok(state),
    }
}

fn money(answer: &Parameters) -> Result<Option<Money>> {
    let (Some(amount), Some(currency)) = (&answer.amount, &answer.currency) else { return Ok(None) };
    let unread = || Error::protocol("the amount of the answer cannot be read");
    let minor = amount.parse::<i64>().map_err(|_| unread())?;
    let currency = currency.parse().ok().and_then(Currency::from_numeric).ok_or_else(unread)?;
    Redsys::SPEC.money(minor, currency.code()).map(Some)
}

fn reference(answer: &Parameters) -> Option<String> {
    answer.merchant_data.clone().filter(|data| !data.is_empty())
}

/// A payment out of an answer or notification; `asked` keeps the amount that was reserved.
fn payment(answer: &Parameters, asked: Option<&Handle>) -> Result<Payment> {
    let code = answer.code()?;
    let mut state = codes::state(answer.kind.as_deref().unwrap_or_default(), code);
    if let State::Declined(decline) = &mut state {
        decline.message = answer.description.clone();
    }
    let own = Handle::new(&answer.order).with_some("amount", answer.amount.as_ref());
    let own = own.with_some("currency", answer.currency.as_ref());
    let mut payment = Payment::new(asked.cloned().unwrap_or(own), state);
    payment.amount = money(answer)?;
    payment.captured = payment.amount.filter(|_| payment.state == State::Captured);
    payment.reference = reference(answer);
    let through = payment.state.is_success();
    let stored = answer.identifier.as_ref().filter(|_| through);
    payment.mandate = stored.map(|id| Handle::new(id).with_some("txnid", answer.network_transaction_id.as_ref()));
    let approval = answer.authorisation_code.clone().filter(|code| !code.trim().is_empty());
    payment.network = Network {
        transaction_id: answer.network_transaction_id.clone(),
        authorization_code: approval,
        eci: answer.eci.clone(),
        ..Network::default()
    };
    Ok(payment)
}

/// A refund goes by its authorisation code: Redsys gives it no other id.
fn refund(answer: &Parameters) -> Result<Refund> {
    let code = answer.code()?;
    let state = match codes::state(CONFIRMATION, code) {
        State::Captured => TransferState::Succeeded,
        State::Pending => TransferState::Pending,
        State::Declined(decline) => TransferState::Failed(Decline { message: answer.description.clone(), ..decline }),
        _ => TransferState::Unrecognised(code.to_owned()),
    };
    let approval = answer.authorisation_code.as_deref().filter(|code| !code.trim().is_empty());
    let handle = Handle::new(approval.unwrap_or(&answer.order)).with("order", &answer.order);
    let mut refund = Refund::new(handle, state);
    refund.amount = money(answer)?;
    refund.payment = Some(Handle::new(&answer.order));
    refund.reference = reference(answer);
    Ok(refund)
}
