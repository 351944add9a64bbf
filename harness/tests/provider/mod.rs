//! A small provider that speaks the wire of the reference connector over real HTTP, keeps books, and has one defect when asked to.
#![allow(dead_code, reason = "each test binary plants its own defects")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use quittance::Limits;
use quittance::Transport as _;
use quittance::digest::{self, Hash};
use quittance_reqwest::ReqwestTransport;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

const MAX_BODY_BYTES: usize = 1 << 20;

/// What the provider does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    RefundOverCaptured,
    CaptureBookedTwice,
    CaptureOverReserved,
    CaptureAfterVoid,
    VoidAfterCapture,
    RefundAfterVoid,
    KeyIgnored,
    RaceUnderOneKey,
    WrongCurrency,
    AmountOffByOne,
    OtherIdOnRetrieve,
    DeclineAsSuccess,
    UnknownStatus,
    ErrorUnder200,
    NoContentType,
    FieldMissing,
    LeaksCard,
    AmountAsNumber,
    CredentialsUnchecked,
    SignatureUnchecked,
    UnknownIdFound,
    CrossTalk,
    GarbageIs500,
    RefusalMovesMoney,
    WebhookUnsigned,
    WebhookSignedOverBodyAlone,
    WebhookNeverSent,
    WebhookOfAnotherPayment,
    WebhookOtherAmount,
    WebhookChangesWhenRepeated,
}

/// The dummies of `fixtures/reference/profile.toml`, or others.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) signing_key: String,
    pub(crate) webhook_secret: String,
}

impl Keys {
    pub(crate) fn dummies() -> Keys {
        Keys {
            client_id: "quittance-reference".to_owned(),
            client_secret: "client-secret-quittance".to_owned(),
            signing_key: "signing-key-quittance".to_owned(),
            webhook_secret: "webhook-secret-quittance".to_owned(),
        }
    }
}

#[derive(Clone, Default)]
struct Payment {
    id: String,
    status: &'static str,
    currency: String,
    amount: i64,
    captured: i64,
    refunded: i64,
    reference: String,
    trace: String,
    mandate: Option<String>,
    decline: Option<(&'static str, &'static str)>,
    action: Option<&'static str>,
}

#[derive(Default)]
struct Books {
    tokens: BTreeSet<String>,
    payments: Vec<Payment>,
    transfers: BTreeMap<String, Value>,
    mandates: BTreeMap<String, Value>,
    keys: BTreeMap<String, (Bytes, StatusCode, Value)>,
    minted: u64,
}

/// The provider, listening; it ends with this value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _runtime: Runtime,
}

struct Provider {
    books: Mutex<Books>,
    defect: Option<Defect>,
    keys: Keys,
    webhooks: Option<String>,
    client: ReqwestTransport,
}

/// A refusal: status, code, words, field.
type Refusal = (u16, &'static str, &'static str, Option<&'static str>);

type Answered = Result<(StatusCode, Value), Refusal>;

impl Server {
    /// Starts it; deliveries go to `webhooks`.
    pub(crate) fn start(defect: Option<Defect>, keys: Keys, webhooks: Option<String>) -> Server {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let client = ReqwestTransport::new().unwrap();
        let provider = Arc::new(Provider { books: Mutex::default(), defect, keys, webhooks, client });
        let app = Router::new().fallback(move |request: Request| serve(Arc::clone(&provider), request));
        runtime.spawn(async move { axum::serve(listener, app).await });
        Server { address, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn serve(provider: Arc<Provider>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        return provider.answer(StatusCode::PAYLOAD_TOO_LARGE, &error("too_large", "the body is too large", None));
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    if provider.defect == Some(Defect::RaceUnderOneKey) && path == "/payments" {
        // Looked up before, booked after: two that come together do not see each other.
        let key = format!("{} {path}", key_of(&parts.headers));
        let known = provider.books().keys.contains_key(&key);
        tokio::time::sleep(Duration::from_millis(30)).await;
        if !known {
            provider.books().keys.remove(&key);
        }
    }
    let (status, value) = match provider.handle(&parts.method, &path, &parts.headers, &body) {
        Ok(answered) => answered,
        Err((_, code, words, field)) if provider.defect == Some(Defect::ErrorUnder200) => {
            (StatusCode::OK, error(code, words, field))
        }
        Err((status, code, words, field)) => (StatusCode::from_u16(status).unwrap(), error(code, words, field)),
    };
    provider.answer(status, &value)
}

fn error(code: &str, message: &str, field: Option<&str>) -> Value {
    let mut detail = json!({ "code": code, "message": message });
    if let Some(field) = field {
        detail["field"] = json!(field);
    }
    json!({ "error": detail })
}

fn key_of(headers: &HeaderMap) -> String {
    headers.get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn mac(key: &str, parts: &[&[u8]]) -> String {
    hex::encode(digest::hmac(Hash::Sha256, key.as_bytes(), parts))
}

const NOT_THERE: Refusal = (404, "unknown_object", "there is no such object", None);
const WRONG: Refusal = (422, "wrong_member", "a member is missing or wrong", Some("amount"));

impl Provider {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    fn answer(&self, status: StatusCode, value: &Value) -> Response {
        let mut builder = Response::builder().status(status);
        if !self.has(Defect::NoContentType) {
            builder = builder.header("content-type", "application/json");
        }
        builder.body(axum::body::Body::from(value.to_string())).unwrap()
    }

    fn handle(&self, method: &Method, path: &str, headers: &HeaderMap, body: &Bytes) -> Answered {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if (method, path) == (&Method::POST, "/oauth/token") {
            let pair = STANDARD.encode(format!("{}:{}", self.keys.client_id, self.keys.client_secret));
            if text("authorization") != format!("Basic {pair}") && !self.has(Defect::CredentialsUnchecked) {
                return Err((401, "unknown_client", "the client is not known", None));
            }
            if body.as_ref() != b"grant_type=client_credentials" {
                return Err((400, "wrong_grant", "only client credentials", None));
            }
            let token = format!("tok_{}", self.books().mint(24));
            self.books().tokens.insert(token.clone());
            return Ok((StatusCode::OK, json!({ "access_token": token, "expires_in": 3600 })));
        }
        let token = text("authorization").strip_prefix("Bearer ").unwrap_or_default().to_owned();
        if !self.books().tokens.contains(&token) && !self.has(Defect::CredentialsUnchecked) {
            return Err((401, "unknown_token", "the token is not known", None));
        }
        let signed = mac(&self.keys.signing_key, &[method.as_str().as_bytes(), b"\n", path.as_bytes(), b"\n", body]);
        let unchecked = self.has(Defect::SignatureUnchecked) || self.has(Defect::CredentialsUnchecked);
        let garbage = self.has(Defect::GarbageIs500) && serde_json::from_slice::<Value>(body).is_err();
        if *method == Method::POST && garbage {
            return Err((500, "crashed", "something went wrong", None));
        }
        if text("x-signature") != signed && !unchecked {
            return Err((401, "wrong_signature", "the signature does not agree", None));
        }
        match *method {
            Method::GET => self.look_up(path),
            Method::POST => self.write(path, headers, body),
            _ => Err((405, "wrong_method", "only GET and POST", None)),
        }
    }

    fn write(&self, path: &str, headers: &HeaderMap, body: &Bytes) -> Answered {
        let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if kind != "application/json" {
            return Err((415, "wrong_type", "only application/json", None));
        }
        let asked: Value = serde_json::from_slice(body).map_err(|_| (400, "no_json", "the body is no JSON", None))?;
        let key = key_of(headers);
        if key.is_empty() {
            return Err((400, "no_key", "an idempotency-key is needed", None));
        }
        let mut books = self.books();
        let key = format!("{key} {path}");
        if let Some((first, status, answer)) = books.keys.get(&key).filter(|_| !self.has(Defect::KeyIgnored)) {
            return match first == body {
                true => Ok((*status, answer.clone())),
                false => Err((409, "key_used", "the key belongs to another request", None)),
            };
        }
        let (status, answer) = self.act(&mut books, path, &asked)?;
        books.keys.insert(key, (body.clone(), status, answer.clone()));
        Ok((status, answer))
    }

    fn act(&self, books: &mut Books, path: &str, asked: &Value) -> Answered {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            ["payments"] => self.pay(books, asked),
            ["payments", id, "captures"] => self.capture(books, id, asked),
            ["payments", id, "voids"] => self.void(books, id),
            ["payments", id, "refunds"] => self.refund(books, id, asked),
            ["payments", id, "adjustments"] => {
                let amount = amount_of(asked)?;
                let payment = books.payment(id)?;
                if payment.status != "authorized" {
                    return Err((409, "wrong_state", "the payment is not authorized", None));
                }
                payment.amount = amount;
                Ok((StatusCode::OK, self.show(&payment.clone())))
            }
            ["mandates"] => {
                let id = format!("man_{}", books.mint(24));
                let (customer, reference) = (format!("cus_{}", books.mint(24)), &asked["reference"]);
                let mut mandate = json!({ "id": id, "customer": customer, "status": "active", "reference": reference });
                if asked.pointer("/three_ds/challenge") == Some(&json!(true)) {
                    mandate["status"] = json!("action_required");
                    mandate["action"] =
                        json!({ "kind": "three_ds", "url": "https://acs.reference.example/0123456789abcdef" });
                }
                let number = asked.pointer("/method/number").and_then(Value::as_str);
                if let Some(code) = number.and_then(declined) {
                    mandate["status"] = json!("declined");
                    mandate["decline"] = refusal(code, "05");
                }
                books.mandates.insert(id, mandate.clone());
                Ok((StatusCode::CREATED, mandate))
            }
            ["mandates", id, "revoke"] => {
                let mandate = books.mandates.get_mut(*id).ok_or(NOT_THERE)?;
                mandate["status"] = json!("revoked");
                Ok((StatusCode::OK, mandate.clone()))
            }
            ["sessions"] => {
                let expires = jiff::Timestamp::now().as_second() + 900;
                let (id, token) = (format!("ses_{}", books.mint(24)), format!("client_{}", books.mint(32)));
                Ok((StatusCode::CREATED, json!({ "id": id, "token": token, "expires": expires })))
            }
            ["payouts"] => {
                let id = format!("out_{}", books.mint(24));
                let payout = json!({ "id": id, "status": "created", "amount": asked["amount"], "currency": asked["currency"], "reference": asked["reference"] });
                books.transfers.insert(id, payout.clone());
                Ok((StatusCode::CREATED, payout))
            }
            ["payouts", id, "confirm"] => {
                let payout = books.transfers.get_mut(*id).ok_or(NOT_THERE)?;
                let mut answer = payout.clone();
                answer["status"] = json!("pending");
                payout["status"] = json!("succeeded");
                Ok((StatusCode::OK, answer))
            }
            _ => Err((404, "unknown_path", "there is no such path", None)),
        }
    }

    fn pay(&self, books: &mut Books, asked: &Value) -> Answered {
        let (amount, currency) = (amount_of(asked)?, asked["currency"].as_str().unwrap_or_default().to_owned());
        let manual = asked["capture"] == json!(false);
        let mut payment = Payment {
            id: format!("pay_{}", books.mint(24)),
            status: if manual { "authorized" } else { "captured" },
            currency,
            amount,
            reference: asked["reference"].as_str().unwrap_or_default().to_owned(),
            trace: books.mint(15),
            ..Payment::default()
        };
        let method = &asked["method"];
        match method["type"].as_str().unwrap_or_default() {
            "card" => match declined(method["number"].as_str().unwrap_or_default()) {
                _ if asked.pointer("/three_ds/challenge") == Some(&json!(true)) => {
                    (payment.status, payment.action) = ("action_required", Some("three_ds"));
                }
                Some("pending") => payment.status = "pending",
                Some(_) if self.has(Defect::DeclineAsSuccess) => {}
                Some(code) => (payment.status, payment.decline) = ("declined", Some((code, "05"))),
                None => {}
            },
            "ideal" => (payment.status, payment.action) = ("action_required", Some("redirect")),
            "mandate" => {
                let active = books.mandates.get(method["mandate"].as_str().unwrap_or_default());
                if active.is_none_or(|mandate| mandate["status"] != "active") {
                    return Err(NOT_THERE);
                }
            }
            "network_token" | "apple_pay" | "google_pay" => {}
            _ => return Err((422, "wrong_member", "no such method", Some("method"))),
        }
        if asked["store"] == json!(true) && payment.status == "captured" {
            let id = format!("man_{}", books.mint(24));
            books.mandates.insert(id.clone(), json!({ "id": id, "status": "active" }));
            payment.mandate = Some(id);
        }
        if payment.status == "captured" {
            payment.captured = amount;
        }
        books.payments.push(payment.clone());
        self.deliver(books, "payment", &payment, None);
        Ok((StatusCode::CREATED, self.show(&payment)))
    }

    fn capture(&self, books: &mut Books, id: &str, asked: &Value) -> Answered {
        let amount = amount_of(asked)?;
        let payment = books.payment(id)?;
        if payment.status == "voided" && !self.has(Defect::CaptureAfterVoid) {
            return Err((409, "wrong_state", "the payment is voided", None));
        }
        if !matches!(payment.status, "authorized" | "captured" | "voided") {
            return Err((409, "wrong_state", "the payment is not authorized", None));
        }
        if payment.captured + amount > payment.amount && !self.has(Defect::CaptureOverReserved) {
            if self.has(Defect::RefusalMovesMoney) {
                payment.captured = payment.amount;
                payment.status = "captured";
            }
            return Err((422, "over_limit", "more than is reserved", Some("amount")));
        }
        payment.status = "captured";
        payment.captured += amount;
        let mut answer = payment.clone();
        if self.has(Defect::CaptureBookedTwice) {
            payment.captured += amount;
        }
        answer.captured = answer.captured.min(payment.captured);
        let mut shown = self.show(&answer);
        shown["captured_now"] = json!(text_of(amount, &answer.currency));
        Ok((StatusCode::CREATED, shown))
    }

    fn void(&self, books: &mut Books, id: &str) -> Answered {
        let payment = books.payment(id)?;
        if payment.status != "authorized" && !self.has(Defect::VoidAfterCapture) {
            return Err((409, "wrong_state", "the payment is captured", None));
        }
        payment.status = "voided";
        let payment = payment.clone();
        Ok((StatusCode::OK, self.show(&payment)))
    }

    fn refund(&self, books: &mut Books, id: &str, asked: &Value) -> Answered {
        let amount = amount_of(asked)?;
        let payment = books.payment(id)?;
        let free = payment.status == "voided" && self.has(Defect::RefundAfterVoid);
        if payment.status != "captured" && !free {
            return Err((409, "wrong_state", "the payment is not captured", None));
        }
        if payment.refunded + amount > payment.captured && !self.has(Defect::RefundOverCaptured) && !free {
            return Err((422, "over_limit", "more than was taken", Some("amount")));
        }
        payment.refunded += amount;
        let payment = payment.clone();
        let refund = json!({
            "id": format!("ref_{}", books.mint(24)), "status": "succeeded", "amount": text_of(amount, &payment.currency),
            "currency": payment.currency, "payment": payment.id, "reference": asked["reference"],
        });
        books.transfers.insert(refund["id"].as_str().unwrap_or_default().to_owned(), refund.clone());
        self.deliver(books, "refund", &payment, Some(&refund));
        Ok((StatusCode::CREATED, refund))
    }

    fn look_up(&self, path: &str) -> Answered {
        let mut books = self.books();
        if let Some(query) = path.strip_prefix("/payments?reference=") {
            let found = books.payments.iter().filter(|payment| payment.reference == query);
            let shown: Vec<Value> = found.map(|payment| self.show(payment)).collect();
            return Ok((StatusCode::OK, json!({ "payments": shown })));
        }
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            ["payments", id] => {
                let newest = books.payments.last().cloned().unwrap_or_default();
                let found = match books.payment(id) {
                    Err(_) if self.has(Defect::UnknownIdFound) && !newest.id.is_empty() => {
                        Payment { id: (*id).to_owned(), ..newest }
                    }
                    Ok(found) if self.has(Defect::CrossTalk) => Payment { id: found.id.clone(), ..newest },
                    found => found?.clone(),
                };
                let mut shown = self.show(&found);
                if self.has(Defect::OtherIdOnRetrieve) {
                    shown["id"] = json!(format!("{id}0"));
                }
                Ok((StatusCode::OK, shown))
            }
            ["refunds" | "payouts", id] => {
                books.transfers.get(*id).cloned().map(|found| (StatusCode::OK, found)).ok_or(NOT_THERE)
            }
            _ => Err((404, "unknown_path", "there is no such path", None)),
        }
    }

    fn show(&self, payment: &Payment) -> Value {
        let status =
            if self.has(Defect::UnknownStatus) && payment.status == "captured" { "settled" } else { payment.status };
        let currency = if self.has(Defect::WrongCurrency) { "EUR" } else { payment.currency.as_str() };
        let amount = payment.amount + i64::from(self.has(Defect::AmountOffByOne));
        let mut shown = Map::new();
        shown.insert("id".to_owned(), json!(payment.id));
        shown.insert("status".to_owned(), json!(status));
        let amount = match self.has(Defect::AmountAsNumber) && payment.captured > 0 {
            true => json!(amount),
            false => json!(text_of(amount, currency)),
        };
        shown.insert("amount".to_owned(), amount);
        shown.insert("currency".to_owned(), json!(currency));
        if !self.has(Defect::FieldMissing) {
            shown.insert("reference".to_owned(), json!(payment.reference));
        }
        for (name, amount) in [("captured", payment.captured), ("refunded", payment.refunded)] {
            if amount > 0 {
                shown.insert(name.to_owned(), json!(text_of(amount, currency)));
            }
        }
        if let Some((code, network)) = payment.decline {
            shown.insert("decline".to_owned(), refusal(code, network));
        } else if matches!(payment.status, "authorized" | "captured") {
            shown.insert(
                "network".to_owned(),
                json!({ "transaction": payment.trace, "approval": "123456", "code": "00", "avs": "Y", "cvc": "M", "eci": "05" }),
            );
        }
        if let Some(kind) = payment.action {
            shown.insert(
                "action".to_owned(),
                json!({ "kind": kind, "url": "https://acs.reference.example/0123456789abcdef" }),
            );
        }
        let leak = self.has(Defect::LeaksCard).then(|| ("card".to_owned(), json!({ "pan": "4539578763621486" })));
        shown.extend(leak);
        if let Some(mandate) = &payment.mandate {
            shown.insert("mandate".to_owned(), json!(mandate));
        }
        Value::Object(shown)
    }

    fn deliver(&self, books: &mut Books, object: &str, payment: &Payment, refund: Option<&Value>) {
        let Some(url) = self.webhooks.clone().filter(|_| !self.has(Defect::WebhookNeverSent)) else { return };
        let mut data = refund.cloned().unwrap_or_else(|| self.show(payment));
        data["object"] = json!(object);
        if self.has(Defect::WebhookOfAnotherPayment) {
            data["id"] = json!(format!("pay_{}", books.mint(24)));
        }
        if self.has(Defect::WebhookOtherAmount) && object == "payment" {
            data["amount"] = json!(text_of(payment.amount + 100, &payment.currency));
        }
        let id = format!("evt_{}", books.mint(24));
        let at = jiff::Timestamp::now().as_second();
        let name = format!("{object}.{}", data["status"].as_str().unwrap_or_default());
        let event = json!({ "id": id, "at": at, "name": name, "data": data });
        let mut bodies = vec![event.to_string()];
        if self.has(Defect::WebhookChangesWhenRepeated) {
            let mut again = event;
            again["data"]["reference"] = json!("another");
            bodies.push(again.to_string());
        }
        for body in bodies {
            let signed = match self.has(Defect::WebhookSignedOverBodyAlone) {
                true => mac(&self.keys.webhook_secret, &[body.as_bytes()]),
                false => mac(&self.keys.webhook_secret, &[at.to_string().as_bytes(), b".", body.as_bytes()]),
            };
            let mut request = http::Request::post(url.as_str()).header("content-type", "application/json");
            if !self.has(Defect::WebhookUnsigned) {
                request = request.header("reference-signature", format!("t={at},v1={signed}"));
            }
            let (request, client) = (request.body(Bytes::from(body)).unwrap(), self.client.clone());
            tokio::spawn(async move { client.send(request, Limits::default()).await });
        }
    }
}

impl Books {
    /// A number that no one had, as so many letters and digits.
    fn mint(&mut self, length: usize) -> String {
        self.minted += 1;
        let hash = hex::encode(digest::sha256(self.minted.to_string().as_bytes()));
        let digits: String = hash
            .chars()
            .map(|letter| if length < 20 { char::from(b'0' + (letter as u8 % 10)) } else { letter })
            .collect();
        digits[..length].to_owned()
    }

    fn payment(&mut self, id: &str) -> Result<&mut Payment, Refusal> {
        self.payments.iter_mut().find(|payment| payment.id == id).ok_or(NOT_THERE)
    }
}

fn decimals(currency: &str) -> usize {
    match currency {
        "HUF" | "JPY" => 0,
        "KWD" => 3,
        _ => 2,
    }
}

fn amount_of(asked: &Value) -> Result<i64, Refusal> {
    let (text, currency) =
        (asked["amount"].as_str().unwrap_or_default(), asked["currency"].as_str().unwrap_or_default());
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    match part.len() == decimals(currency) && !text.is_empty() {
        true => format!("{whole}{part}").parse().map_err(|_| WRONG),
        false => Err(WRONG),
    }
}

fn text_of(amount: i64, currency: &str) -> String {
    let decimals = decimals(currency);
    let digits = format!("{amount:0width$}", width = decimals + 1);
    match decimals {
        0 => digits,
        _ => format!("{}.{}", &digits[..digits.len() - decimals], &digits[digits.len() - decimals..]),
    }
}

fn refusal(code: &str, network: &str) -> Value {
    let mut refusal = json!({ "code": code, "message": "refused by the issuer", "network_code": network });
    if matches!(code, "declined" | "insufficient_funds") {
        refusal["advice_code"] = json!("01");
    }
    refusal
}

/// What the published test cards lead to.
fn declined(number: &str) -> Option<&'static str> {
    Some(match number {
        "4895370000000015" => "pending",
        "4895370000000023" => "declined",
        "4895370000000031" => "insufficient_funds",
        "4895370000000049" => "card_lost",
        "4895370000000056" => "card_stolen",
        "4895370000000064" => "card_expired",
        "4895370000000072" => "wrong_cvc",
        "4895370000000080" => "fraud",
        _ => return None,
    })
}
