//! What is not declared must be refused with a typed error before anything is sent.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Request as HttpRequest, Response};
use quittance::{
    Connector, Context, Currencies, Currency, Delivery, Error, Failure, Family, Kind, Limits, MemoryTokens, Op,
    Transport, async_trait, drive,
};
use serde_json::{Value, json};

use super::ground::{Ground, Tried, finding};
use crate::invoke::Request;
use crate::run::case::Finding;
use crate::run::stage::{SeededRandom, VirtualClock};
use crate::view::Outcome;
use crate::words::counted;
use crate::world::Subject;

/// Counts what would be sent, and sends nothing.
#[derive(Debug, Default)]
struct Counter(AtomicUsize);

#[async_trait]
impl Transport for Counter {
    async fn send(&self, _: HttpRequest<Bytes>, _: Limits) -> Result<Response<Bytes>, Failure> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(Failure::Refused("nothing is sent in this check".to_owned()))
    }
}

/// What a call ends in, and how many requests it tried to send.
fn attempt(connector: &dyn Connector, request: &Request) -> (Result<Outcome, Error>, usize) {
    let (counter, clock, random, tokens) =
        (Counter::default(), VirtualClock::new(), SeededRandom::new(1), MemoryTokens::default());
    let cx = Context::new(&counter, &clock, &random, &tokens);
    let idle = drive::Wire::default();
    let result = drive::drive(&idle, request.call(connector, &cx), |_| Err(Failure::Reset));
    (result, counter.0.load(Ordering::Relaxed))
}

fn judge(connector: &dyn Connector, what: String, request: &Request, kind: Kind) -> Option<Finding> {
    let (result, sent) = attempt(connector, request);
    match result {
        Err(error) if error.kind() == kind && sent == 0 => None,
        Err(error) => Some(finding(
            what,
            format!("{} and no request", kind.as_str()),
            format!("{}: {error}, {}", error.kind().as_str(), counted(sent, "request")),
        )),
        Ok(outcome) => Some(finding(
            what,
            format!("{} and no request", kind.as_str()),
            format!("{}, {}", outcome.state(), counted(sent, "request")),
        )),
    }
}

/// Undeclared operations, methods and variants: `Unsupported`, zero I/O.
pub(super) fn operations(ground: &Ground<'_>) -> Tried {
    let subject = ground.subject;
    let spec = subject.entry.spec;
    let mut findings = Vec::new();
    let mut trials = 0;
    let mut check = |what: String, request: Result<Request, String>, kind: Kind| {
        trials += 1;
        match request {
            Ok(request) => findings.extend(judge(subject.connector.as_ref(), what, &request, kind)),
            Err(why) => findings.push(finding(what, "a request to try", why)),
        }
    };
    for &op in Op::ALL.iter().filter(|op| !spec.has(**op)) {
        check(format!("operation {op}"), sample(op, subject), Kind::Unsupported);
    }
    if spec.has(Op::Authorize) {
        for &family in Family::ALL.iter().filter(|family| !spec.methods.iter().any(|kind| kind.family == **family)) {
            let request = authorize(subject, &method_sample(family), "automatic");
            check(format!("method {family}"), request, Kind::Unsupported);
        }
        if spec.methods.iter().any(|kind| kind.family == Family::Card) {
            let forms = [(spec.cards.number, method_sample(Family::Card)), (spec.cards.token, card_token())];
            for (_, form) in forms.into_iter().filter(|(declared, _)| !declared) {
                check("form of a card".to_owned(), authorize(subject, &form, "automatic"), Kind::Unsupported);
            }
        }
        if let (false, Some(method)) = (spec.capture.manual, declared_method(subject)) {
            check("manual capture".to_owned(), authorize(subject, &method, "manual"), Kind::Unsupported);
        }
    }
    Tried::new(trials, findings)
}

/// A currency that is not declared: `Invalid`, zero I/O.
pub(super) fn currency(ground: &Ground<'_>) -> Tried {
    let subject = ground.subject;
    let spec = subject.entry.spec;
    let outside = |op| -> Vec<Currency> {
        match spec.currencies_of(op) {
            Currencies::All => vec![Currency::XXX, Currency::XAU],
            Currencies::Only(list) => Currency::all().iter().copied().filter(|one| !list.contains(one)).collect(),
        }
    };
    let mut findings = Vec::new();
    let mut trials = 0;
    for op in [Op::Authorize, Op::Capture, Op::Refund, Op::PayOut, Op::Adjust].into_iter().filter(|op| spec.has(*op)) {
        for currency in outside(op) {
            let mut input = sample_input(op, subject);
            if op == Op::Authorize
                && let Some(method) = declared_method(subject)
            {
                put(&mut input, "method", method);
            }
            put(&mut input, "amount", json!({ "minor": 1000, "currency": currency.code() }));
            trials += 1;
            match Request::from_json(op, input) {
                Ok(request) => {
                    let what = format!("{op} in {currency}");
                    findings.extend(judge(subject.connector.as_ref(), what, &request, Kind::Invalid));
                }
                Err(why) => findings.push(finding(format!("{op} in {currency}"), "a request to try", why)),
            }
        }
    }
    Tried::new(trials, findings)
}

fn put(input: &mut Value, name: &str, value: Value) {
    if let Some(members) = input.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn sample(op: Op, subject: &Subject) -> Result<Request, String> {
    match op {
        Op::Webhook => Ok(Request::Webhook(Delivery::new(HeaderMap::new(), "{}"))),
        _ => Request::from_json(op, sample_input(op, subject)),
    }
}

fn authorize(subject: &Subject, method: &Value, capture: &str) -> Result<Request, String> {
    let mut input = sample_input(Op::Authorize, subject);
    put(&mut input, "method", method.clone());
    put(&mut input, "capture", json!(capture));
    Request::from_json(Op::Authorize, input)
}

/// A sample of the first declared method that needs no token of an earlier call.
fn declared_method(subject: &Subject) -> Option<Value> {
    let kind = subject.entry.spec.methods.iter().find(|kind| kind.family != Family::Mandate)?;
    let mut sample = match kind.family {
        Family::Card => card_sample(subject),
        family => method_sample(family),
    };
    if let (Some(brand), Some(fields)) = (kind.brand, sample.get_mut(kind.family.as_str())) {
        put(fields, "brand", json!(brand));
    }
    Some(sample)
}

fn sample_input(op: Op, subject: &Subject) -> Value {
    let currency = &subject.profile.model.currency;
    let amount = json!({ "minor": 1000, "currency": currency });
    let card = card_sample(subject);
    let (key, reference, object) = ("k-1", "R-1", "object-1");
    match op {
        Op::Authorize => json!({ "key": key, "reference": reference, "amount": amount, "method": card }),
        Op::Complete => {
            json!({ "key": key, "reference": reference, "payment": object, "amount": amount, "capture": "automatic" })
        }
        Op::Capture | Op::Refund | Op::Adjust => {
            json!({ "key": key, "reference": reference, "payment": object, "amount": amount })
        }
        Op::Void => json!({ "key": key, "reference": reference, "payment": object }),
        Op::Retrieve => json!({ "by": { "handle": object } }),
        Op::RetrieveRefund => json!({ "refund": object }),
        Op::SetUp => json!({ "key": key, "reference": reference, "currency": currency, "method": card }),
        Op::Revoke => json!({ "key": key, "mandate": object }),
        Op::OpenSession => json!({ "key": key, "reference": reference, "amount": amount, "capture": "automatic" }),
        Op::UnwrapToken => json!({ "token": { "google_pay": { "token": "{}" } } }),
        Op::PayOut => json!({
            "key": key, "reference": reference, "amount": amount, "customer": {},
            "recipient": { "wallet": { "brand": "paypal", "account": "ada@example.com" } },
        }),
        Op::RetrievePayout => json!({ "payout": object }),
        Op::AnswerDispute => json!({ "key": key, "dispute": object, "answer": "accept" }),
        Op::Webhook => Value::Null,
    }
}

/// A card in a form that the connector takes.
fn card_sample(subject: &Subject) -> Value {
    if subject.entry.spec.cards.number { method_sample(Family::Card) } else { card_token() }
}

fn card_token() -> Value {
    json!({ "card_token": "card-token-1" })
}

/// Any method of a family, with made-up data.
fn method_sample(family: Family) -> Value {
    let account = json!({ "number": "DE89370400440532013000", "holder": "Ada Example" });
    let branded = json!({ "brand": "any" });
    let fields = match family {
        Family::Card => json!({ "number": "4111111111111111", "expiry": { "month": 12, "year": 2030 }, "cvc": "123" }),
        Family::NetworkToken => {
            json!({ "number": "4111111111111111", "expiry": { "month": 12, "year": 2030 }, "source": "network" })
        }
        Family::ApplePay => json!({ "payment_data": "{}" }),
        Family::GooglePay => json!({ "token": "{}" }),
        Family::BankDebit => json!({ "brand": "any", "account": account }),
        Family::MobileMoney => json!({ "brand": "any", "phone": "+254700000000" }),
        Family::Upi => json!("intent"),
        Family::Pix => return json!("pix"),
        Family::Mandate => return json!({ "mandate": "mandate-1" }),
        _ => branded,
    };
    json!({ family.as_str(): fields })
}
