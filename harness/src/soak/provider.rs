//! A simulated provider with books: it speaks the wire of the reference connector, acts, and remembers what it did.

use std::collections::HashMap;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use quittance::{Currency, Money};
use serde_json::{Value, json};

use crate::certify::ledger::{Account, Deed};

/// What a provider does with a request that it had before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repetition {
    /// The same key gets the first answer.
    Replays,
    /// A second payment of the same reference is refused.
    Refuses,
    /// It is done again.
    Ignores,
}

/// Where tokens are made.
pub(super) const TOKENS: &str = "/oauth/token";

/// The currency of every payment.
pub(super) const CURRENCY: Currency = Currency::EUR;

/// Amounts of which this is the remainder by [`DECLINED_BY`], in minor units, are declined.
const DECLINED: i64 = 7;
const DECLINED_BY: i64 = 20;

#[derive(Debug)]
struct Booked {
    reference: String,
    account: Account,
    declined: bool,
}

/// The provider.
#[derive(Debug)]
pub(super) struct Provider {
    repetition: Repetition,
    made: u64,
    payments: HashMap<String, Booked>,
    refunds: HashMap<String, Value>,
    /// By key: method, path and body of the request, and its answer.
    answers: HashMap<String, (String, Bytes, Response<Bytes>)>,
}

impl Provider {
    pub(super) fn new(repetition: Repetition) -> Provider {
        Provider { repetition, made: 0, payments: HashMap::new(), refunds: HashMap::new(), answers: HashMap::new() }
    }

    pub(super) fn repetition(&self) -> Repetition {
        self.repetition
    }

    /// The books of everything under this reference; the provider forgets all that was done so far.
    pub(super) fn close(&mut self, reference: &str) -> (Vec<Account>, usize) {
        let (own, strange): (Vec<Booked>, Vec<Booked>) =
            self.payments.drain().map(|(_, booked)| booked).partition(|booked| booked.reference == reference);
        self.refunds.clear();
        self.answers.clear();
        (own.into_iter().map(|booked| booked.account).collect(), strange.len())
    }

    /// Acts on a request.
    pub(super) fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let key = request.headers().get("idempotency-key").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let Some(key) = key.filter(|_| self.repetition == Repetition::Replays) else { return self.act(request) };
        let asked = format!("{} {}", request.method(), request.uri());
        if let Some((known, body, answer)) = self.answers.get(&key) {
            return match *known == asked && body == request.body() {
                true => answer.clone(),
                false => refused(StatusCode::CONFLICT, "key_reused"),
            };
        }
        let answer = self.act(request);
        self.answers.insert(key, (asked, request.body().clone(), answer.clone()));
        answer
    }

    fn act(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        match (request.method(), path.as_slice()) {
            (&Method::POST, _) if request.uri().path() == TOKENS => {
                answer(&json!({ "access_token": "access-token-quittance", "token_type": "Bearer", "expires_in": 3600 }))
            }
            (&Method::POST, ["payments"]) => self.pay(&body),
            (&Method::POST, ["payments", id, verb]) => self.follow(id, verb, &body),
            (&Method::GET, ["payments"]) => {
                let wanted = request.uri().query().unwrap_or_default();
                let found =
                    self.payments.iter().filter(|(_, booked)| wanted == format!("reference={}", booked.reference));
                let shown: Vec<Value> = found.map(|(id, booked)| shown(id, booked)).collect();
                answer(&json!({ "payments": shown }))
            }
            (&Method::GET, ["payments", id]) => match self.payments.get(*id) {
                Some(booked) => answer(&shown(id, booked)),
                None => refused(StatusCode::NOT_FOUND, "not_found"),
            },
            (&Method::GET, ["refunds", id]) => match self.refunds.get(*id) {
                Some(refund) => answer(refund),
                None => refused(StatusCode::NOT_FOUND, "not_found"),
            },
            _ => refused(StatusCode::NOT_FOUND, "no_such_path"),
        }
    }

    fn pay(&mut self, body: &Value) -> Response<Bytes> {
        let (Some(minor), Some(reference)) = (minor(body), body["reference"].as_str()) else {
            return refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        };
        let taken = self.payments.values().any(|booked| booked.reference == reference);
        if taken && self.repetition == Repetition::Refuses {
            return refused(StatusCode::CONFLICT, "reference_used");
        }
        self.made += 1;
        let id = format!("pay_{}", self.made);
        let declined = minor % DECLINED_BY == DECLINED;
        let mut account = Account::default();
        let deed = if body["capture"] == json!(true) { Deed::Take(minor) } else { Deed::Reserve(minor) };
        if !declined && account.book(deed).is_err() {
            return refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid");
        }
        let booked = Booked { reference: reference.to_owned(), account, declined };
        let shown = shown(&id, &booked);
        self.payments.insert(id, booked);
        answer(&shown)
    }

    fn follow(&mut self, id: &str, verb: &str, body: &Value) -> Response<Bytes> {
        let Some(booked) = self.payments.get_mut(id) else { return refused(StatusCode::NOT_FOUND, "not_found") };
        let late = || refused(StatusCode::CONFLICT, "wrong_state");
        let deed = match (verb, minor(body)) {
            ("captures", Some(minor)) if !booked.account.released => Deed::Capture(minor),
            ("refunds", Some(minor)) if !booked.account.released => Deed::GiveBack(minor),
            ("voids", _) if booked.account.captured_minor == 0 && booked.account.reserved_minor > 0 => Deed::Release,
            _ => return late(),
        };
        let mut account = booked.account;
        if account.book(deed).is_err() {
            return late();
        }
        booked.account = account;
        let Deed::GiveBack(minor) = deed else {
            let mut shown = shown(id, booked);
            if let Deed::Capture(minor) = deed {
                shown["captured_now"] = major(minor);
            }
            return answer(&shown);
        };
        self.made += 1;
        let refund = json!({
            "id": format!("ref_{}", self.made), "status": "succeeded", "currency": CURRENCY.code(),
            "amount": major(minor), "payment": id, "reference": body["reference"],
        });
        self.refunds.insert(format!("ref_{}", self.made), refund.clone());
        answer(&refund)
    }
}

/// A payment as the provider shows it.
fn shown(id: &str, booked: &Booked) -> Value {
    let Account { reserved_minor, captured_minor, refunded_minor, released, .. } = booked.account;
    let status = match (booked.declined, released, captured_minor > 0) {
        (true, ..) => "declined",
        (_, true, _) => "voided",
        (_, _, true) => "captured",
        _ => "authorized",
    };
    let mut shown = json!({
        "id": id, "status": status, "currency": CURRENCY.code(), "reference": booked.reference,
        "captured": major(captured_minor), "refunded": major(refunded_minor),
    });
    match booked.declined {
        true => shown["decline"] = json!({ "code": "insufficient_funds" }),
        false => shown["amount"] = major(reserved_minor),
    }
    shown
}

fn major(minor: i64) -> Value {
    json!(Money::new(minor, CURRENCY).major())
}

fn minor(body: &Value) -> Option<i64> {
    Money::parse_major(body["amount"].as_str()?, CURRENCY).ok().map(|money| money.minor())
}

fn answer(body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

fn refused(status: StatusCode, code: &str) -> Response<Bytes> {
    let mut response = answer(&json!({ "error": { "code": code, "message": code } }));
    *response.status_mut() = status;
    response
}
