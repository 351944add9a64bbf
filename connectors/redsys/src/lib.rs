//! Redsys, the virtual POS of the Spanish banks: REST (`trataPeticionREST`) and the payment page for Bizum.
//!
//! - Every message is an envelope: the parameters are JSON in base64, and the signature over that text is HMAC-SHA256 with a key
//!   that Triple DES makes of the terminal's key and the order number (`HMAC_SHA256_V1`). Answers and notifications are signed
//!   alike, and nothing is read of them before.
//! - The order number has 4 to 12 letters and digits, the first four digits. A reference of that form is the order number; of any
//!   other, the order number is made from its SHA-256. Redsys refuses a second payment of the same order.
//! - There is no idempotency key: what comes after the payment must not be repeated blindly.
//! - Later operations name order, amount and currency, so the handle keeps them.
//! - Cards typed at the merchant's go as direct payments, without authentication: an issuer that wants it answers 0195. Storing a
//!   card is part of a payment; its handle is Redsys' reference, with the network's transaction id.
//! - Not offered: challenges by REST, whose last step asks for the card number again, which the contract does not keep; looking up,
//!   which has an interface of its own; the page for cards, since a card is then not the merchant's to name.
//!
//! Sources: <https://pagosonline.redsys.es/conexion-rest.html>, <https://pagosonline.redsys.es/conexion-redireccion.html>.

mod codes;
mod wire;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use quittance::body::{Json, Member, object, optional, text};
use quittance::digest::{self, Hash};
use quittance::*;
use quittance_crypto::triple_des_cbc;
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Envelope, Parameters};

/// The catalogue line.
pub static ENTRY: Entry = Entry::of::<Redsys>();

const VERSION: &str = "HMAC_SHA256_V1";

/// Kinds of operation, `DS_MERCHANT_TRANSACTIONTYPE`.
const PURCHASE: &str = "0";
const RESERVATION: &str = "1";
const CONFIRMATION: &str = "2";
const REFUND: &str = "3";
const CANCELLATION: &str = "9";

/// One terminal at one Spanish bank.
pub struct Redsys {
    credentials: Credentials,
    /// The key of the terminal, decoded.
    key: Vec<u8>,
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
    /// Where Redsys sends notifications of payments at its page.
    pub notification_url: String,
    /// Test or live terminal.
    pub environment: Environment,
}

impl Provider for Redsys {
    #[rustfmt::skip]
    const SPEC: Spec = Spec {
        hosts: &["sis-t.redsys.es", "sis.redsys.es"],
        operations: &[Op::Authorize, Op::Capture, Op::Void, Op::Refund, Op::Webhook],
        methods: &[
            MethodKind::of(Family::Card), MethodKind::branded(Family::WalletRedirect, "bizum"),
            MethodKind::of(Family::Mandate),
        ],
        mandates: &[MethodKind::of(Family::Card)],
        currencies: Currencies::Only(codes::CURRENCIES),
        countries: &["ES"],
        capture: CaptureRules { manual: true, partial: true, multiple: false },
        refund: RefundRules { partial: true, multiple: true },
        webhook: Some(WebhookRules {
            authentication: WebhookAuthentication::BodyMac, tolerance_seconds: None, acknowledgement: "",
        }),
        ..Spec::new("redsys", "Redsys", "https://pagosonline.redsys.es/")
    };
    type Credentials = Credentials;

    fn new(credentials: Credentials) -> Result<Redsys> {
        let key = STANDARD.decode(credentials.secret_key.expose()).ok().filter(|key| key.len() == 24);
        let wrong =
            || Error::new(Kind::Credentials, Effect::None, "a key is base64 of 24 bytes").in_field("secret_key");
        Ok(Redsys { key: key.ok_or_else(wrong)?, credentials })
    }
}

#[async_trait]
impl Connector for Redsys {
    fn spec(&self) -> &'static Spec {
        ENTRY.spec
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let kind = if request.capture == CaptureMode::Manual { RESERVATION } else { PURCHASE };
        let order = order(&request.reference);
        let amount = Self::SPEC.minor(&request.amount)?.to_string();
        let currency = numeric(request.amount.currency());
        let base = self.base(kind, &order, &amount, &currency);
        let extra = [
            optional("DS_MERCHANT_PRODUCTDESCRIPTION", request.order.description.as_deref()),
            text("DS_MERCHANT_MERCHANTDATA", &request.reference),
        ];
        let asked = handle(&order, &amount, &currency);
        if let Method::WalletRedirect { .. } = &request.method {
            let parameters = object(base.into_iter().chain(extra).chain(self.page(request)));
            let action =
                NextAction::PostForm { url: self.url("realizarPago"), fields: self.form(&order, &parameters)? };
            return Ok(Payment::new(asked, State::ActionRequired(action)));
        }
        let parameters = object(base.into_iter().chain(extra).chain(method(request)?));
        let answer = self.send(cx, &order, &parameters).await?;
        payment(&answer, Some(&asked))
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let amount = Self::SPEC.minor(&request.amount)?.to_string();
        let currency = numeric(request.amount.currency());
        let order = request.payment.id();
        let answer = self.send(cx, order, &object(self.base(CONFIRMATION, order, &amount, &currency))).await?;
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
        let answer = self.send(cx, order, &parameters).await?;
        let found = payment(&answer, Some(&request.payment))?;
        Ok(Payment { captured: None, state: done(found.state)?, ..found })
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let amount = Self::SPEC.minor(&request.amount)?.to_string();
        let currency = numeric(request.amount.currency());
        let order = request.payment.id();
        let base = self.base(REFUND, order, &amount, &currency);
        let extra = [text("DS_MERCHANT_MERCHANTDATA", &request.reference)];
        let answer = self.send(cx, order, &object(base.into_iter().chain(extra))).await?;
        agree_part(&request.payment, Some(order), Some(&answer.order))?;
        refund(&answer)
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
            self.vouched(&envelope)
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

    /// The signature over encoded parameters, under the key of this order.
    fn signature(&self, order: &str, parameters: &str) -> Result<Vec<u8>> {
        let key = triple_des_cbc(&self.key, order.as_bytes());
        let key = key.map_err(|_| Error::invalid("reference", "the order number is too long"))?;
        Ok(digest::hmac(Hash::Sha256, &key, &[parameters.as_bytes()]))
    }

    /// The three fields of a message.
    fn form(&self, order: &str, parameters: &Json<'_>) -> Result<quittance::Parameters> {
        let json =
            serde_json::to_vec(parameters).map_err(|_| Error::invalid("request", "it cannot be written as JSON"))?;
        let encoded = STANDARD.encode(json);
        let signature = STANDARD.encode(self.signature(order, &encoded)?);
        let fields = [
            ("Ds_SignatureVersion", VERSION.to_owned()),
            ("Ds_MerchantParameters", encoded),
            ("Ds_Signature", signature),
        ];
        Ok(fields.map(|(name, value)| (name.to_owned(), value)).to_vec())
    }

    /// The one funnel.
    async fn send(&self, cx: &Context<'_>, order: &str, parameters: &Json<'_>) -> Result<Parameters> {
        let fields = self.form(order, parameters)?;
        let body = object(fields.iter().map(|(name, value)| text(name, value)));
        let reply = cx.post(self.url("rest/trataPeticionREST")).json(&body).send().await?;
        if !reply.is_success() {
            return Err(reply.fault_with(Fault::default()));
        }
        let envelope: Envelope = reply.json()?;
        if let (Some(code), None) = (&envelope.error_code, &envelope.parameters) {
            return Err(codes::refused(code));
        }
        let answer =
            self.vouched(&envelope).map_err(|error| error.of_kind(Kind::Protocol).with_effect(Effect::Unknown))?;
        match answer.order == order {
            true => Ok(answer),
            false => Err(Error::new(Kind::Integrity, Effect::Unknown, "the answer speaks of another order")),
        }
    }

    /// The parameters of an envelope whose signature holds.
    fn vouched(&self, envelope: &Envelope) -> Result<Parameters> {
        let Envelope { version, parameters: Some(encoded), signature: Some(given), .. } = envelope else {
            return Err(Error::signature("the message is not signed"));
        };
        if version.as_deref() != Some(VERSION) {
            return Err(Error::signature("the message is signed by another method"));
        }
        let decode = |text: &str| STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok();
        let unread = || Error::signature("the parameters are not base64 of JSON");
        let bytes = decode(encoded).ok_or_else(unread)?;
        let order: Order = serde_json::from_slice(&bytes).map_err(|_| unread())?;
        let expected = self.signature(&order.order, encoded)?;
        if !decode(given).is_some_and(|given| digest::same(&expected, &given)) {
            return Err(Error::signature("the signature does not agree"));
        }
        serde_json::from_slice(&bytes).map_err(|_| Error::protocol("the parameters have another shape than expected"))
    }
}

/// The order number alone: the key of the signature depends on it.
#[derive(Deserialize)]
struct Order {
    #[serde(rename = "Ds_Order")]
    order: String,
}

/// The members that name card or stored card: <https://pagosonline.redsys.es/conexion-rest.html>.
fn method(request: &Authorize) -> Result<Vec<Member<'_>>> {
    let category = match request.initiator {
        Initiator::Merchant(MitCategory::Recurring) => Some("R"),
        Initiator::Merchant(MitCategory::Installment) => Some("I"),
        Initiator::Merchant(MitCategory::Unscheduled) => Some("C"),
        Initiator::Customer => None,
    };
    let exemption = category.and_then(|_| text("DS_MERCHANT_EXCEP_SCA", "MIT"));
    let direct = text("DS_MERCHANT_DIRECTPAYMENT", "true");
    match &request.method {
        Method::Card(card) => Ok(vec![
            text("DS_MERCHANT_PAN", card.number.expose()),
            text("DS_MERCHANT_EXPIRYDATE", card.expiry.yymm()),
            optional("DS_MERCHANT_CVV2", card.cvc.as_ref().map(|cvc| cvc.expose())),
            optional("DS_MERCHANT_TITULAR", card.holder.as_deref()),
            request.store.then(|| text("DS_MERCHANT_IDENTIFIER", "REQUIRED")).flatten(),
            request.store.then(|| text("DS_MERCHANT_COF_INI", "S")).flatten(),
            request.store.then(|| text("DS_MERCHANT_COF_TYPE", category.unwrap_or("C"))).flatten(),
            optional("DS_MERCHANT_COF_TXNID", request.network_transaction_id.as_deref()),
            exemption,
            direct,
        ]),
        Method::Mandate(mandate) => Ok(vec![
            text("DS_MERCHANT_IDENTIFIER", mandate.id()),
            text("DS_MERCHANT_COF_INI", "N"),
            optional("DS_MERCHANT_COF_TYPE", category),
            optional("DS_MERCHANT_COF_TXNID", mandate.part("txnid")),
            exemption,
            direct,
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

/// An answer that refuses an operation on an earlier payment, which stands as before.
fn done(state: State) -> Result<State> {
    match state {
        State::Declined(decline) => {
            let error = Error::new(Kind::Conflict, Effect::None, "the provider refused the operation");
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
