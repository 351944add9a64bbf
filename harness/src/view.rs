//! Results as JSON: for the command line, for reports and for comparing expectations. Secrets stand as `[secret]`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quittance::{
    Decline, Dispute, DisputeState, Error, Event, EventBody, Handle, Mandate, MandateState, Money, Network,
    NetworkToken, NextAction, Payment, Payout, Refund, Session, State, TransferState,
};
use serde_json::{Map, Value, json};

/// What an operation ended in, whichever operation it was.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// A payment.
    Payment(Payment),
    /// A refund.
    Refund(Refund),
    /// A mandate.
    Mandate(Mandate),
    /// A client session.
    Session(Session),
    /// A network token.
    Token(NetworkToken),
    /// A payout.
    Payout(Payout),
    /// A dispute.
    Dispute(Dispute),
    /// The events of a delivery.
    Events(Vec<Event>),
}

impl Outcome {
    /// The outcome as JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Outcome::Payment(payment) => payment_json(payment),
            Outcome::Refund(refund) => refund_json(refund),
            Outcome::Mandate(mandate) => mandate_json(mandate),
            Outcome::Session(session) => object([
                ("session", session.handle.as_ref().map(handle_json).unwrap_or(Value::Null)),
                ("token", json!("[secret]")),
                ("expires", session.expires.map(|at| json!(at.to_string())).unwrap_or(Value::Null)),
            ]),
            Outcome::Token(token) => object([
                ("number", json!(format!("{:?}", token.number))),
                ("expiry", json!(format!("{}/{}", token.expiry.month2(), token.expiry.year()))),
                ("cryptogram", token.cryptogram.as_ref().map(|_| json!("[secret]")).unwrap_or(Value::Null)),
                ("eci", text(&token.eci)),
                ("needs_three_ds", json!(token.needs_three_ds())),
            ]),
            Outcome::Payout(payout) => {
                let mut out = transfer_json("payout", &payout.handle, &payout.state, payout.amount);
                put(&mut out, "reference", text(&payout.reference));
                Value::Object(out)
            }
            Outcome::Dispute(dispute) => dispute_json(dispute),
            Outcome::Events(events) => Value::Array(events.iter().map(event_json).collect()),
        }
    }

    /// The id of the object, if it has one.
    pub fn id(&self) -> Option<String> {
        self.handle().map(|handle| handle.id().to_owned())
    }

    /// The object's handle, if it is one that a later step can act on.
    pub fn handle(&self) -> Option<&Handle> {
        Some(match self {
            Outcome::Payment(payment) => &payment.handle,
            Outcome::Refund(refund) => &refund.handle,
            Outcome::Mandate(mandate) => &mandate.handle,
            Outcome::Payout(payout) => &payout.handle,
            Outcome::Dispute(dispute) => &dispute.handle,
            Outcome::Session(_) | Outcome::Token(_) | Outcome::Events(_) => return None,
        })
    }

    /// The state in words; empty for sessions, tokens and events.
    pub fn state(&self) -> &'static str {
        match self {
            Outcome::Payment(payment) => payment.state.as_str(),
            Outcome::Refund(refund) => refund.state.as_str(),
            Outcome::Mandate(mandate) => mandate.state.as_str(),
            Outcome::Payout(payout) => payout.state.as_str(),
            Outcome::Dispute(dispute) => dispute.state.as_str(),
            Outcome::Session(_) | Outcome::Token(_) | Outcome::Events(_) => "",
        }
    }
}

/// An error as JSON.
pub fn error_json(error: &Error) -> Value {
    object([
        ("error", json!(error.kind().as_str())),
        ("effect", json!(error.effect().as_str())),
        ("message", json!(error.message())),
        ("code", error.code().map(Value::from).unwrap_or(Value::Null)),
        ("field", error.field().map(Value::from).unwrap_or(Value::Null)),
        ("retry_after_seconds", error.retry_after().map(|wait| json!(wait.as_secs())).unwrap_or(Value::Null)),
        ("handle", error.handle().map(handle_json).unwrap_or(Value::Null)),
        ("status", error.status().map(Value::from).unwrap_or(Value::Null)),
    ])
}

/// The result of an operation as JSON.
pub fn result_json(result: &Result<Outcome, Error>) -> Value {
    match result {
        Ok(outcome) => outcome.to_json(),
        Err(error) => error_json(error),
    }
}

fn payment_json(payment: &Payment) -> Value {
    let mut out = Map::new();
    put(&mut out, "payment", handle_json(&payment.handle));
    put(&mut out, "state", json!(payment.state.as_str()));
    match &payment.state {
        State::ActionRequired(action) => put(&mut out, "action", action_json(action)),
        State::Declined(decline) => put(&mut out, "decline", decline_json(decline)),
        State::Unrecognised(raw) => put(&mut out, "raw", json!(raw)),
        _ => {}
    }
    for (name, amount) in [
        ("amount", payment.amount),
        ("captured", payment.captured),
        ("captured_now", payment.captured_now),
        ("refunded", payment.refunded),
    ] {
        put(&mut out, name, money_json(amount));
    }
    put(&mut out, "reference", text(&payment.reference));
    put(&mut out, "mandate", payment.mandate.as_ref().map(handle_json).unwrap_or(Value::Null));
    put(&mut out, "network", network_json(&payment.network));
    Value::Object(out)
}

fn refund_json(refund: &Refund) -> Value {
    let mut out = transfer_json("refund", &refund.handle, &refund.state, refund.amount);
    put(&mut out, "payment", refund.payment.as_ref().map(handle_json).unwrap_or(Value::Null));
    put(&mut out, "reference", text(&refund.reference));
    Value::Object(out)
}

fn transfer_json(name: &str, handle: &Handle, state: &TransferState, amount: Option<Money>) -> Map<String, Value> {
    let mut out = Map::new();
    put(&mut out, name, handle_json(handle));
    put(&mut out, "state", json!(state.as_str()));
    match state {
        TransferState::ActionRequired(action) => put(&mut out, "action", action_json(action)),
        TransferState::Failed(decline) => put(&mut out, "decline", decline_json(decline)),
        TransferState::Unrecognised(raw) => put(&mut out, "raw", json!(raw)),
        _ => {}
    }
    put(&mut out, "amount", money_json(amount));
    out
}

fn mandate_json(mandate: &Mandate) -> Value {
    let mut out = Map::new();
    put(&mut out, "mandate", handle_json(&mandate.handle));
    put(&mut out, "state", json!(mandate.state.as_str()));
    match &mandate.state {
        MandateState::ActionRequired(action) => put(&mut out, "action", action_json(action)),
        MandateState::Declined(decline) => put(&mut out, "decline", decline_json(decline)),
        MandateState::Unrecognised(raw) => put(&mut out, "raw", json!(raw)),
        _ => {}
    }
    put(&mut out, "reference", text(&mandate.reference));
    put(&mut out, "network", network_json(&mandate.network));
    Value::Object(out)
}

fn dispute_json(dispute: &Dispute) -> Value {
    let mut out = Map::new();
    put(&mut out, "dispute", handle_json(&dispute.handle));
    put(&mut out, "state", json!(dispute.state.as_str()));
    if let DisputeState::Unrecognised(raw) = &dispute.state {
        put(&mut out, "raw", json!(raw));
    }
    put(&mut out, "stage", dispute.stage.map(|stage| json!(stage.as_str())).unwrap_or(Value::Null));
    put(&mut out, "payment", dispute.payment.as_ref().map(handle_json).unwrap_or(Value::Null));
    put(&mut out, "amount", money_json(dispute.amount));
    put(&mut out, "reason_code", text(&dispute.reason_code));
    put(&mut out, "respond_by", dispute.respond_by.map(|at| json!(at.to_string())).unwrap_or(Value::Null));
    Value::Object(out)
}

fn event_json(event: &Event) -> Value {
    let mut out = Map::new();
    put(&mut out, "event", text(&event.id));
    put(&mut out, "at", event.at.map(|at| json!(at.to_string())).unwrap_or(Value::Null));
    put(&mut out, "name", json!(event.name));
    put(&mut out, "kind", json!(event.body.as_str()));
    let body = match &event.body {
        EventBody::Payment(payment) => payment_json(payment),
        EventBody::Refund(refund) => refund_json(refund),
        EventBody::Dispute(dispute) => dispute_json(dispute),
        EventBody::Payout(payout) => Outcome::Payout(payout.clone()).to_json(),
        EventBody::Mandate(mandate) => mandate_json(mandate),
        EventBody::Refusal(refusal) => object([
            ("op", json!(refusal.op.as_str())),
            ("payment", handle_json(&refusal.payment)),
            ("decline", decline_json(&refusal.decline)),
        ]),
        EventBody::Ignored => Value::Null,
    };
    put(&mut out, "body", body);
    Value::Object(out)
}

/// A page and, where it is given a signed request (RFC 9101), what that says. Its signature is another in each run when it is by PS256 or
/// ES256, and its times are those of the call: both are left out.
fn page(out: &mut Map<String, Value>, url: &str) {
    let is_request = |part: &&str| part.split_once("request=").is_some_and(|(before, _)| before.is_empty());
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let token = query.split('&').find(is_request).and_then(|part| part.strip_prefix("request="));
    let claims = token.and_then(claims);
    let shown = match (token, &claims) {
        (Some(token), Some(_)) => url.replace(token, "[signed]"),
        _ => url.to_owned(),
    };
    put(out, "url", json!(shown));
    put(out, "request", claims.unwrap_or(Value::Null));
}

/// What a JSON Web Token claims, but for its times; none of any other text.
pub(crate) fn claims(token: &str) -> Option<Value> {
    let [_, payload, _] = token.split('.').collect::<Vec<_>>().try_into().ok()?;
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let members = claims.as_object_mut()?;
    ["iat", "nbf", "exp"].iter().for_each(|name| drop(members.remove(*name)));
    Some(claims)
}

fn action_json(action: &NextAction) -> Value {
    let mut out = Map::new();
    put(&mut out, "kind", json!(action.as_str()));
    match action {
        NextAction::Redirect { url } => page(&mut out, url),
        NextAction::PostForm { url, fields } | NextAction::ThreeDs { url, fields } => {
            put(&mut out, "url", json!(url));
            put(&mut out, "fields", json!(fields));
        }
        NextAction::Qr { text, expires } => {
            put(&mut out, "text", json!(text));
            put(&mut out, "expires", expires.map(|at| json!(at.to_string())).unwrap_or(Value::Null));
        }
        NextAction::Voucher { reference, url, expires } => {
            put(&mut out, "reference", json!(reference));
            put(&mut out, "url", text(url));
            put(&mut out, "expires", expires.map(|at| json!(at.to_string())).unwrap_or(Value::Null));
        }
        NextAction::ConfirmInApp => {}
        NextAction::ClientSdk { .. } => put(&mut out, "token", json!("[secret]")),
    }
    Value::Object(out)
}

fn decline_json(decline: &Decline) -> Value {
    object([
        ("reason", json!(decline.reason.as_str())),
        ("code", text(&decline.code)),
        ("message", text(&decline.message)),
        ("network_code", text(&decline.network_code)),
        ("advice_code", text(&decline.advice_code)),
    ])
}

fn network_json(network: &Network) -> Value {
    let all = object([
        ("transaction_id", text(&network.transaction_id)),
        ("authorization_code", text(&network.authorization_code)),
        ("response_code", text(&network.response_code)),
        ("advice_code", text(&network.advice_code)),
        ("avs", text(&network.avs)),
        ("cvc", text(&network.cvc)),
        ("eci", text(&network.eci)),
    ]);
    if all.as_object().is_some_and(Map::is_empty) { Value::Null } else { all }
}

fn money_json(amount: Option<Money>) -> Value {
    amount.map(|amount| json!({ "minor": amount.minor(), "currency": amount.currency().code() })).unwrap_or(Value::Null)
}

fn handle_json(handle: &Handle) -> Value {
    json!(handle.to_string())
}

fn text(text: &Option<String>) -> Value {
    text.as_deref().map(Value::from).unwrap_or(Value::Null)
}

/// What an answer does not say is left out rather than shown as null.
fn put(out: &mut Map<String, Value>, name: &str, value: Value) {
    if !value.is_null() {
        out.insert(name.to_owned(), value);
    }
}

fn object<const N: usize>(parts: [(&str, Value); N]) -> Value {
    let mut out = Map::new();
    parts.into_iter().for_each(|(name, value)| put(&mut out, name, value));
    Value::Object(out)
}
