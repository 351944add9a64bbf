//! The reference provider itself, simulated in memory: it keeps a ledger, and answers the requests of its connector.
//!
//! It refuses what a provider refuses: a wrong token or signature, a key used again for something else, more than is reserved or was
//! taken, and steps that the state of an object does not allow. A request under a key that it knows gets the first answer again.
//! It loses nothing and knows nothing of faults on the way; those are put in by whoever carries the requests.

use std::collections::HashMap;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use quittance::digest::{self, Hash};
use quittance::{Money, Secret};
use serde_json::{Map, Value, json};

use super::connector::SPEC;

/// The access token that it gives and takes.
const TOKEN: &str = "tok_simulated";

/// Numbers of test cards begin so; two digits that choose the outcome and a check digit follow.
const CARDS: &str = "4895370000000";

/// Where a payment stands at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It waits for the customer.
    ActionRequired,
    /// It is being worked on.
    Pending,
    /// Money is reserved.
    Authorized,
    /// Money was taken, wholly or partly.
    Captured,
    /// The reservation was released.
    Voided,
    /// It was refused, with this code.
    Declined(&'static str),
}

impl Standing {
    const fn as_str(self) -> &'static str {
        match self {
            Standing::ActionRequired => "action_required",
            Standing::Pending => "pending",
            Standing::Authorized => "authorized",
            Standing::Captured => "captured",
            Standing::Voided => "voided",
            Standing::Declined(_) => "declined",
        }
    }
}

/// A payment in the ledger. Amounts are in minor units of its currency, as ISO 4217 counts them.
#[derive(Debug, Clone)]
pub struct Held {
    /// The provider's id.
    pub id: String,
    /// The merchant's reference.
    pub reference: String,
    /// The idempotency key under which it was made; empty when there was none.
    pub key: String,
    /// What was ordered, with its currency.
    pub ordered: Money,
    /// What is or was reserved; zero until it is approved.
    pub authorised_minor: i64,
    /// What was taken.
    pub captured_minor: i64,
    /// What was given back.
    pub refunded_minor: i64,
    /// Where it stands.
    pub standing: Standing,
    /// Whether no more can be taken.
    closed: bool,
    /// Whether it is taken as soon as it is approved.
    automatic: bool,
    mandate: Option<String>,
}

/// A refund or payout in the ledger.
#[derive(Debug, Clone)]
struct Transfer {
    reference: String,
    amount: Money,
    payment: Option<String>,
    status: &'static str,
}

/// A first answer, to be given again under its key.
#[derive(Debug, Clone)]
struct First {
    request: [u8; 32],
    status: u16,
    body: Bytes,
}

/// A refusal: status, code, and what is said.
type Refused = (u16, &'static str, &'static str);
type Answer = Result<(u16, Value), Refused>;

/// The simulated provider with its ledger.
#[derive(Debug)]
pub struct SimulatedProvider {
    signing_key: Secret,
    payments: HashMap<String, Held>,
    by_reference: HashMap<String, Vec<String>>,
    charges: HashMap<String, usize>,
    transfers: HashMap<String, Transfer>,
    mandates: HashMap<String, &'static str>,
    disputes: HashMap<String, (String, &'static str)>,
    answered: HashMap<String, First>,
    count: u64,
}

/// A request as the provider reads it.
struct Asked<'a> {
    key: &'a str,
    body: Map<String, Value>,
}

impl Asked<'_> {
    fn text(&self, name: &str) -> &str {
        self.body.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn money(&self) -> Result<Money, Refused> {
        let money = SPEC.money_major(self.text("amount"), self.text("currency"));
        let money = money.map_err(|_| (422, "wrong_member", "the amount cannot be read"))?;
        if money.minor() > 0 { Ok(money) } else { Err((422, "wrong_member", "the amount is not above zero")) }
    }
}

const NO_SUCH: Refused = (404, "unknown_object", "no such object");
const WRONG_STATE: Refused = (409, "wrong_state", "the state of the object does not allow it");
const OVER_LIMIT: Refused = (422, "over_limit", "more than is there");

impl SimulatedProvider {
    /// A provider with an empty ledger; requests must be signed with `signing_key`.
    pub fn new(signing_key: &str) -> SimulatedProvider {
        SimulatedProvider {
            signing_key: Secret::new(signing_key),
            payments: HashMap::new(),
            by_reference: HashMap::new(),
            charges: HashMap::new(),
            transfers: HashMap::new(),
            mandates: HashMap::new(),
            disputes: HashMap::new(),
            answered: HashMap::new(),
            count: 0,
        }
    }

    /// Every payment in the ledger, in no order.
    pub fn payments(&self) -> impl Iterator<Item = &Held> {
        self.payments.values()
    }

    /// A payment by the provider's id.
    pub fn payment(&self, id: &str) -> Option<&Held> {
        self.payments.get(id)
    }

    /// The payments of a merchant's reference, the oldest first.
    pub fn payments_of(&self, reference: &str) -> impl Iterator<Item = &Held> {
        self.by_reference.get(reference).into_iter().flatten().filter_map(|id| self.payments.get(id))
    }

    /// How many payments were made under an idempotency key; more than one would be a double charge.
    pub fn charges_of_key(&self, key: &str) -> usize {
        self.charges.get(key).copied().unwrap_or(0)
    }

    /// What does not hold in the ledger: more taken than reserved, more given back than taken, two charges under one key.
    pub fn violations(&self) -> Vec<String> {
        let wrong = |held: &&Held| {
            held.captured_minor > held.authorised_minor
                || held.refunded_minor > held.captured_minor
                || held.refunded_minor < 0
        };
        let told = |held: &Held| {
            let Held { id, authorised_minor, captured_minor, refunded_minor, .. } = held;
            format!("{id}: reserved {authorised_minor}, taken {captured_minor}, given back {refunded_minor}")
        };
        let doubled = self.charges.iter().filter(|(_, count)| **count > 1);
        let doubled = doubled.map(|(key, count)| format!("{count} charges under the key {key}"));
        self.payments.values().filter(wrong).map(told).chain(doubled).collect()
    }

    /// Opens a dispute about a payment, and gives its id.
    pub fn dispute(&mut self, payment: &str) -> Option<String> {
        self.payments.contains_key(payment).then(|| {
            let id = self.mint("dis");
            self.disputes.insert(id.clone(), (payment.to_owned(), "needs_response"));
            id
        })
    }

    /// Lets what is pending or waits for the customer be approved.
    pub fn approve(&mut self, payment: &str) {
        if let Some(held) = self.payments.get_mut(payment)
            && matches!(held.standing, Standing::Pending | Standing::ActionRequired)
        {
            held.approve();
        }
    }

    /// Answers a request of the connector.
    pub fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        if path == "/oauth/token" {
            return respond(200, &json!({ "access_token": TOKEN, "expires_in": 3600 }));
        }
        if let Err((status, code, message)) = self.admit(request, path) {
            return respond(status, &fault(code, message));
        }
        let key = header(request, "idempotency-key");
        let digest = digest::sha256(&[path.as_bytes(), b"\n", request.body()].concat());
        if let Some(first) = self.answered.get(key).filter(|_| !key.is_empty()) {
            return match first.request == digest {
                true => with_body(first.status, first.body.clone()),
                false => respond(409, &fault("key_reused", "the key was used for another request")),
            };
        }
        let body = serde_json::from_slice(request.body()).unwrap_or_default();
        let asked = Asked { key, body };
        let reading = request.method() == Method::GET;
        let answer = if reading { self.read(path) } else { self.write(path, &asked) };
        let (status, body) = answer.unwrap_or_else(|(status, code, message)| (status, fault(code, message)));
        let response = respond(status, &body);
        // A refusal leaves nothing behind, so the same key may be tried again.
        if !reading && !key.is_empty() && status < 400 {
            self.answered.insert(key.to_owned(), First { request: digest, status, body: response.body().clone() });
        }
        response
    }

    fn admit(&self, request: &Request<Bytes>, path: &str) -> Result<(), Refused> {
        if header(request, "authorization").strip_prefix("Bearer ") != Some(TOKEN) {
            return Err((401, "unknown_token", "the token is not known"));
        }
        let parts = [request.method().as_str().as_bytes(), b"\n", path.as_bytes(), b"\n", request.body()];
        let proof = digest::hmac(Hash::Sha256, self.signing_key.expose().as_bytes(), &parts);
        let given = hex::decode(header(request, "x-signature")).unwrap_or_default();
        match digest::same(&proof, &given) {
            true => Ok(()),
            false => Err((401, "wrong_signature", "the signature does not agree")),
        }
    }

    fn read(&self, path: &str) -> Answer {
        if let Some(query) = path.strip_prefix("/payments?") {
            let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "reference");
            let reference = asked.map(|(_, value)| value.into_owned()).unwrap_or_default();
            let found: Vec<Value> = self.payments_of(&reference).map(|held| held.shown(None)).collect();
            return Ok((200, json!({ "payments": found })));
        }
        let (kind, id) = path.trim_start_matches('/').split_once('/').ok_or(NO_SUCH)?;
        match kind {
            "payments" => self.payments.get(id).map(|held| (200, held.shown(None))).ok_or(NO_SUCH),
            "refunds" | "payouts" => self.transfers.get(id).map(|transfer| (200, transfer.shown(id))).ok_or(NO_SUCH),
            _ => Err(NO_SUCH),
        }
    }

    fn write(&mut self, path: &str, asked: &Asked<'_>) -> Answer {
        let mut parts = path.trim_start_matches('/').split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("payments"), None, _) => self.charge(asked),
            (Some("payments"), Some(id), Some("refunds")) => self.refund(id, asked),
            (Some("payments"), Some(id), Some(act)) => self.act(id, act, asked),
            (Some("mandates"), None, _) => self.store(asked),
            (Some("mandates"), Some(id), Some(act)) => self.change_mandate(id, act),
            (Some("payouts"), None, _) => self.pay_out(asked),
            (Some("payouts"), Some(id), Some("confirm")) => self.confirm(id),
            (Some("disputes"), Some(id), Some("answers")) => self.answer_dispute(id, asked),
            (Some("sessions"), None, _) => {
                asked.money()?;
                let id = self.mint("ses");
                Ok((201, json!({ "id": id, "token": format!("client_{id}"), "expires": 4_102_444_800_i64 })))
            }
            _ => Err(NO_SUCH),
        }
    }

    fn charge(&mut self, asked: &Asked<'_>) -> Answer {
        let ordered = asked.money()?;
        let method = asked.body.get("method").and_then(Value::as_object).ok_or((422, "wrong_member", "no method"))?;
        let member = |name: &str| method.get(name).and_then(Value::as_str).unwrap_or_default();
        let outcome = match member("type") {
            "mandate" => match self.mandates.get(member("mandate")) {
                Some(&"active") => Standing::Captured,
                Some(_) => return Err(WRONG_STATE),
                None => return Err(NO_SUCH),
            },
            "ideal" => Standing::ActionRequired,
            _ if asked.body.get("three_ds").and_then(|wish| wish.get("challenge")) == Some(&json!(true)) => {
                Standing::ActionRequired
            }
            _ => outcome_of(member("number")),
        };
        let id = self.mint("pay");
        let mandate = (asked.body.get("store") == Some(&json!(true))).then(|| self.mint("man"));
        self.mandates.extend(mandate.clone().map(|id| (id, "active")));
        let mut held = Held {
            id: id.clone(),
            reference: asked.text("reference").to_owned(),
            key: asked.key.to_owned(),
            ordered,
            authorised_minor: 0,
            captured_minor: 0,
            refunded_minor: 0,
            standing: outcome,
            closed: false,
            automatic: asked.body.get("capture") != Some(&json!(false)),
            mandate,
        };
        if outcome == Standing::Captured {
            held.approve();
        }
        let shown = held.shown(None);
        self.by_reference.entry(held.reference.clone()).or_default().push(id.clone());
        if !held.key.is_empty() {
            *self.charges.entry(held.key.clone()).or_default() += 1;
        }
        self.payments.insert(id, held);
        Ok((201, shown))
    }

    /// What is done to a payment: complete, captures, voids, adjustments.
    fn act(&mut self, id: &str, act: &str, asked: &Asked<'_>) -> Answer {
        let held = self.payments.get_mut(id).ok_or(NO_SUCH)?;
        match act {
            "complete" => held.complete(asked.text("proof")).map(|()| (200, held.shown(None))),
            "captures" => {
                let now = held.capture(asked)?;
                Ok((201, held.shown(Some(now))))
            }
            "voids" if held.standing == Standing::Authorized => {
                held.standing = Standing::Voided;
                held.closed = true;
                Ok((200, held.shown(None)))
            }
            "adjustments" if held.standing == Standing::Authorized => {
                held.ordered = asked.money()?;
                held.authorised_minor = held.ordered.minor();
                Ok((200, held.shown(None)))
            }
            "voids" | "adjustments" => Err(WRONG_STATE),
            _ => Err(NO_SUCH),
        }
    }

    fn refund(&mut self, id: &str, asked: &Asked<'_>) -> Answer {
        let held = self.payments.get_mut(id).ok_or(NO_SUCH)?;
        if held.standing != Standing::Captured {
            return Err(WRONG_STATE);
        }
        let left = held.captured_minor - held.refunded_minor;
        // Without an amount, all that is left is given back.
        let amount = match asked.body.contains_key("amount") {
            true => asked.money()?,
            false => Money::new(left, held.ordered.currency()),
        };
        if amount.currency() != held.ordered.currency() || amount.minor() > left || left == 0 {
            return Err(OVER_LIMIT);
        }
        held.refunded_minor += amount.minor();
        let payment = Some(held.id.clone());
        let refund = self.mint("ref");
        self.keep(
            refund,
            Transfer { reference: asked.text("reference").to_owned(), amount, payment, status: "succeeded" },
        )
    }

    fn pay_out(&mut self, asked: &Asked<'_>) -> Answer {
        let (reference, amount) = (asked.text("reference").to_owned(), asked.money()?);
        let payout = self.mint("out");
        self.keep(payout, Transfer { reference, amount, payment: None, status: "created" })
    }

    fn keep(&mut self, id: String, transfer: Transfer) -> Answer {
        let shown = transfer.shown(&id);
        self.transfers.insert(id, transfer);
        Ok((201, shown))
    }

    fn confirm(&mut self, id: &str) -> Answer {
        let payout = self.transfers.get_mut(id).filter(|transfer| transfer.payment.is_none()).ok_or(NO_SUCH)?;
        payout.status = "succeeded";
        Ok((200, payout.shown(id)))
    }

    fn store(&mut self, asked: &Asked<'_>) -> Answer {
        let id = self.mint("man");
        self.mandates.insert(id.clone(), "active");
        Ok((201, json!({ "id": id, "status": "active", "reference": asked.text("reference") })))
    }

    /// What is done to a mandate: revoke, complete.
    fn change_mandate(&mut self, id: &str, act: &str) -> Answer {
        let status = self.mandates.get_mut(id).ok_or(NO_SUCH)?;
        match act {
            "revoke" if *status == "active" => *status = "revoked",
            "complete" if *status == "active" => {}
            "revoke" | "complete" => return Err(WRONG_STATE),
            _ => return Err(NO_SUCH),
        }
        Ok((200, json!({ "id": id, "status": *status })))
    }

    fn answer_dispute(&mut self, id: &str, asked: &Asked<'_>) -> Answer {
        let (payment, status) = self.disputes.get_mut(id).ok_or(NO_SUCH)?;
        if *status != "needs_response" {
            return Err(WRONG_STATE);
        }
        *status = if asked.body.contains_key("accept") { "lost" } else { "under_review" };
        Ok((200, json!({ "id": id, "status": *status, "payment": payment })))
    }

    fn mint(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}_{}", self.count)
    }
}

impl Held {
    fn approve(&mut self) {
        self.authorised_minor = self.ordered.minor();
        self.standing = Standing::Authorized;
        if self.automatic {
            self.captured_minor = self.authorised_minor;
            self.standing = Standing::Captured;
            self.closed = true;
        }
    }

    /// The customer is back: what they bring decides.
    fn complete(&mut self, proof: &str) -> Result<(), Refused> {
        if self.standing != Standing::ActionRequired {
            return Err(WRONG_STATE);
        }
        match proof {
            "abandoned" | "" => {}
            "cancelled" => self.standing = Standing::Declined("cancelled"),
            "failed" => self.standing = Standing::Declined("authentication_failed"),
            _ => self.approve(),
        }
        Ok(())
    }

    /// Takes reserved money; what was taken now.
    fn capture(&mut self, asked: &Asked<'_>) -> Result<Money, Refused> {
        let open = matches!(self.standing, Standing::Authorized | Standing::Captured) && !self.closed;
        if !open {
            return Err(WRONG_STATE);
        }
        let left = self.authorised_minor - self.captured_minor;
        // Without an amount, all that is left is taken.
        let now = match asked.body.contains_key("amount") {
            true => asked.money()?,
            false => Money::new(left, self.ordered.currency()),
        };
        if now.currency() != self.ordered.currency() || now.minor() > left {
            return Err(OVER_LIMIT);
        }
        self.captured_minor += now.minor();
        self.standing = Standing::Captured;
        self.closed = self.captured_minor == self.authorised_minor || asked.body.get("last") == Some(&json!(true));
        Ok(now)
    }

    /// The payment as it is shown; `now` is what this very capture took.
    fn shown(&self, now: Option<Money>) -> Value {
        let of = |minor: i64| major(Money::new(minor, self.ordered.currency()));
        let mut shown = json!({
            "id": self.id, "status": self.standing.as_str(), "amount": major(self.ordered),
            "currency": self.ordered.currency().code(), "reference": self.reference,
            "captured": of(self.captured_minor), "refunded": of(self.refunded_minor),
        });
        let Some(members) = shown.as_object_mut() else { return shown };
        if let Some(now) = now {
            members.insert("captured_now".to_owned(), json!(major(now)));
        }
        if let Some(mandate) = &self.mandate {
            members.insert("mandate".to_owned(), json!(mandate));
        }
        match self.standing {
            Standing::Declined(code) => {
                members.insert("decline".to_owned(), json!({ "code": code, "message": "refused" }));
            }
            Standing::ActionRequired => {
                let action = json!({ "kind": "redirect", "url": "https://pay.reference.example/page" });
                members.insert("action".to_owned(), action);
            }
            _ => {}
        }
        shown
    }
}

impl Transfer {
    fn shown(&self, id: &str) -> Value {
        json!({
            "id": id, "status": self.status, "amount": major(self.amount), "currency": self.amount.currency().code(),
            "payment": self.payment, "reference": self.reference,
        })
    }
}

/// What a test card leads to; any other number is approved.
fn outcome_of(number: &str) -> Standing {
    let choice = number.strip_prefix(CARDS).and_then(|rest| rest.get(..2)).unwrap_or_default();
    match choice {
        "01" => Standing::Pending,
        "02" => Standing::Declined("declined"),
        "03" => Standing::Declined("insufficient_funds"),
        "04" => Standing::Declined("card_lost"),
        "05" => Standing::Declined("card_stolen"),
        "06" => Standing::Declined("card_expired"),
        "07" => Standing::Declined("wrong_cvc"),
        "08" => Standing::Declined("fraud"),
        "09" | "10" => Standing::ActionRequired,
        _ => Standing::Captured,
    }
}

/// The provider's decimal text; every amount in the ledger came from such a text.
fn major(amount: Money) -> String {
    SPEC.major(&amount).unwrap_or_default()
}

fn fault(code: &str, message: &str) -> Value {
    json!({ "error": { "code": code, "message": message } })
}

fn header<'r>(request: &'r Request<Bytes>, name: &str) -> &'r str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn respond(status: u16, body: &Value) -> Response<Bytes> {
    with_body(status, Bytes::from(body.to_string()))
}

fn with_body(status: u16, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
