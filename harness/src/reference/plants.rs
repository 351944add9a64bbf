//! What each planted bug changes on the way out; without a bug, nothing. What it changes in answers stands in `beliefs`.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use quittance::http::Method as Verb;
use quittance::*;
use serde_json::{Map, Value, json};

use super::bugs::Bug;

/// A request to the provider before it is signed.
pub(super) struct Sent {
    pub(super) op: Op,
    pub(super) verb: Verb,
    pub(super) path: String,
    pub(super) key: Option<String>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Map<String, Value>,
}

impl Sent {
    pub(super) fn post(op: Op, path: impl Into<String>, key: &Key, body: Map<String, Value>) -> Sent {
        let key = Some(key.as_str().to_owned());
        Sent { op, verb: Verb::POST, path: path.into(), key, headers: Vec::new(), body }
    }

    pub(super) fn get(op: Op, path: impl Into<String>) -> Sent {
        Sent { op, verb: Verb::GET, path: path.into(), key: None, headers: Vec::new(), body: Map::new() }
    }
}

/// The planted bug, and what some bugs remember.
pub(super) struct Plants {
    pub(super) bug: Option<Bug>,
    /// A card number, the id of a payment or that of an event.
    kept: Mutex<Option<String>>,
}

/// A counter of the whole process, as no connector may have one.
static REQUESTS: AtomicU32 = AtomicU32::new(0);

impl Plants {
    pub(super) fn new(bug: Option<Bug>) -> Plants {
        Plants { bug, kept: Mutex::new(None) }
    }

    pub(super) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// The amount as it is sent; `text` is right.
    pub(super) fn amount(&self, amount: &Money, text: String) -> Value {
        match self.bug {
            Some(Bug::WrongExponent) => json!(amount.major()),
            Some(Bug::YenWithDecimals) if amount.currency() == Currency::JPY => json!(format!("{text}.00")),
            Some(Bug::LongAmountsCut) => json!(text.chars().take(9).collect::<String>()),
            Some(Bug::RareExponent) if amount.currency() == Currency::ISK => json!(amount.major()),
            Some(Bug::FloatAmount) => serde_json::from_str(&format!("{text}.0")).unwrap_or_default(),
            _ => json!(text),
        }
    }

    /// The life of a token in seconds.
    pub(super) fn lifetime(&self, seconds: u64) -> u64 {
        if self.has(Bug::TokenNotRenewed) { 10 * 365 * 86_400 } else { seconds }
    }

    /// Keeps the newest payment for the bug that needs it.
    pub(super) fn note(&self, payment: &Payment) {
        if self.has(Bug::NewestPaymentRefunded) {
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(payment.handle.id().to_owned());
        }
    }

    /// Whether a delivery of that event came before, where a bug looks at it.
    pub(super) fn came_before(&self, event: &Event) -> bool {
        if !self.has(Bug::SecondDeliveryDropped) {
            return false;
        }
        let before =
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).replace(event.id.clone().unwrap_or_default());
        before == event.id
    }

    pub(super) fn remember(&self, number: &str) {
        if self.has(Bug::CardInLog) {
            tracing::debug!("paid with {number}");
        }
        const KEPT: [Bug; 4] = [Bug::CardSentWithMandate, Bug::CardInHandle, Bug::CardInApprovalCode, Bug::CardInDebug];
        if KEPT.iter().any(|bug| self.has(*bug)) {
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(number.to_owned());
        }
    }

    pub(super) fn kept(&self) -> Option<String> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Marks the reference of a payment whose answer was read, in the cache that a process loses with its end.
    pub(super) async fn read_answer(&self, cx: &Context<'_>, reference: &str) {
        if self.has(Bug::AnsweredFoundOnly) {
            let mark = async { Ok((Secret::new("answered"), Duration::from_secs(86_400))) };
            let _kept = cx.token(reference, mark).await;
        }
    }

    /// Whether the connector believes that there is a payment of this reference.
    pub(super) async fn is_known(&self, cx: &Context<'_>, reference: &str) -> bool {
        let missing = async { Err(Error::new(Kind::NotFound, Effect::None, "never read")) };
        !self.has(Bug::AnsweredFoundOnly) || cx.token(reference, missing).await.is_ok()
    }

    /// What stands before every path in the live environment.
    pub(super) fn live(&self, live: &'static str, sandbox: &'static str) -> &'static str {
        match self.bug {
            Some(Bug::LiveHostUndeclared) => "https://reference.example/api",
            Some(Bug::LiveSentToSandbox) => sandbox,
            _ => live,
        }
    }

    /// Changes the path of what is about to be sent in the live environment.
    pub(super) fn live_path(&self, environment: Environment, sent: &mut Sent) {
        if self.has(Bug::LivePathOfItsOwn) && environment == Environment::Live && sent.op == Op::Refund {
            sent.path.insert_str(0, "/v2");
        }
    }

    /// What follows the path of a token request.
    pub(super) fn token_query(&self, cx: &Context<'_>, key: &Secret) -> String {
        if !self.has(Bug::KeyInLookUp) {
            return String::new();
        }
        // So that it is found in a URL alone, and not in what is made of an answer that repeats the URL.
        cx.protect(key.expose());
        format!("?key={}", key.expose())
    }

    /// Changes the path of a look-up by reference.
    pub(super) fn look_up(&self, cx: &Context<'_>, sent: &mut Sent, key: &Secret) {
        if self.has(Bug::KeyInLookUp) && sent.path.contains('?') {
            cx.protect(key.expose());
            let _written = write!(sent.path, "&trace={}", key.expose());
        }
    }

    /// Changes what is about to be sent.
    pub(super) fn request(&self, cx: &Context<'_>, sent: &mut Sent) {
        let Some(bug) = self.bug else { return };
        headers(bug, cx, sent);
        let is_charge = sent.op == Op::Authorize;
        match bug {
            Bug::AmountOneMore if is_charge => {
                let more = |text: &str| text.parse::<i64>().ok().map(|amount| (amount + 1).to_string());
                let amount = sent.body.get("amount").and_then(Value::as_str).and_then(more);
                replace(sent, "amount", json!(amount));
            }
            Bug::CaptureAmountLost if sent.op == Op::Capture => drop_member(sent, "amount"),
            Bug::RefundAmountLost if sent.op == Op::Refund => drop_member(sent, "amount"),
            Bug::CurrencyFixed => replace(sent, "currency", json!("EUR")),
            Bug::CurrencyInSmallLetters => {
                let small = sent.body.get("currency").and_then(Value::as_str).map(str::to_lowercase);
                replace(sent, "currency", json!(small));
            }
            Bug::AdjustmentAdded if sent.op == Op::Adjust => add(sent, "more", json!("1")),
            Bug::MemberAdded if !sent.body.is_empty() => add(sent, "channel", json!("web")),
            Bug::ReferenceNotSent => drop_member(sent, "reference"),
            Bug::CaptureModeIgnored => replace(sent, "capture", json!(true)),
            Bug::ThreeDsDropped => drop_member(sent, "three_ds"),
            Bug::InitiatorDropped => drop_member(sent, "initiator"),
            Bug::StoreDropped => drop_member(sent, "store"),
            Bug::NameOfItsOwn => {
                if let Some(url) = sent.body.remove("return_url") {
                    add(sent, "returnUrl", url);
                }
            }
            Bug::ReturnUrlDropped => drop_member(sent, "return_url"),
            Bug::EvidenceDropped => drop_member(sent, "evidence"),
            Bug::CryptogramDropped | Bug::WalletTokenChanged | Bug::CardSentWithMandate => self.method(bug, sent),
            Bug::ReferenceLookupUnfiltered => {
                sent.path = sent.path.split('?').next().unwrap_or_default().to_owned();
            }
            Bug::NewestPaymentRefunded if sent.op == Op::Refund => {
                if let Some(newest) = self.kept() {
                    sent.path = format!("/payments/{newest}/refunds");
                }
            }
            Bug::ExchangesSwapped if sent.op == Op::PayOut => match sent.path.ends_with("/confirm") {
                true => sent.path = "/payouts".to_owned(),
                false => sent.path.push_str("/new/confirm"),
            },
            _ => {}
        }
    }

    fn method(&self, bug: Bug, sent: &mut Sent) {
        let kept = self.kept();
        let Some(method) = sent.body.get_mut("method").and_then(Value::as_object_mut) else { return };
        match bug {
            Bug::CryptogramDropped => {
                method.remove("cryptogram");
            }
            Bug::CardSentWithMandate if method.contains_key("mandate") => {
                method.insert("number".to_owned(), json!(kept));
            }
            Bug::WalletTokenChanged => {
                let token = method.get("token").and_then(Value::as_str);
                if let Some(anew) = token.and_then(|token| serde_json::from_str::<Value>(token).ok()) {
                    method.insert("token".to_owned(), json!(format!("{anew:#}")));
                }
            }
            _ => {}
        }
    }

    /// What is signed; `parts` are right.
    pub(super) fn signed<'p>(&self, parts: [&'p [u8]; 5]) -> Vec<&'p [u8]> {
        let [verb, feed, path, joint, body] = parts;
        match self.bug {
            Some(Bug::SignatureWithoutPath) => vec![verb, feed, joint, body],
            Some(Bug::SignatureWithoutBody) => vec![verb, feed, path, joint],
            _ => parts.to_vec(),
        }
    }

    /// Waits for nobody.
    pub(super) async fn wait(&self) {
        let mut again = self.has(Bug::AwaitsSomethingElse);
        std::future::poll_fn(|task| match std::mem::take(&mut again) {
            true => {
                task.waker().wake_by_ref();
                Poll::Pending
            }
            false => Poll::Ready(()),
        })
        .await;
    }

    pub(super) fn repeats(&self, sent: &Sent) -> bool {
        let bugs = [Bug::DoubleSend, Bug::RetriedWithNewKey, Bug::RetriedAfterTimeout];
        sent.verb != Verb::GET && bugs.iter().any(|bug| self.has(*bug))
    }

    /// Sends once or twice.
    pub(super) async fn repeat(&self, cx: &Context<'_>, call: Call<'_>, again: Call<'_>) -> Result<Reply> {
        let first = call.send().await;
        match (self.bug, &first) {
            (Some(Bug::DoubleSend), _) => again.send().await,
            (Some(Bug::RetriedAfterTimeout), Err(error)) if error.effect() == Effect::Unknown => again.send().await,
            (Some(Bug::RetriedWithNewKey), Ok(reply)) if reply.status() >= 500 => {
                again.header("idempotency-key", &cx.uuid()).send().await
            }
            _ => first,
        }
    }
}

/// Headers, and the key as one of them.
fn headers(bug: Bug, cx: &Context<'_>, sent: &mut Sent) {
    match bug {
        Bug::KeyNotSent => sent.key = None,
        Bug::KeyNotSentWithRefunds if sent.op == Op::Refund => sent.key = None,
        Bug::KeyFromClock => sent.key = sent.key.as_ref().map(|_| cx.now().as_millisecond().to_string()),
        Bug::KeyCut => {
            if let Some(key) = &mut sent.key {
                key.truncate(32);
            }
        }
        Bug::HeaderMissing => sent.headers.clear(),
        Bug::HeaderAdded => sent.headers.push(("x-channel", "web".to_owned())),
        Bug::RequestIdOfItsOwn => {
            let count = REQUESTS.fetch_add(1, Ordering::Relaxed);
            sent.headers = vec![("x-request-id", format!("00000000-0000-4000-8000-{count:012x}"))];
        }
        Bug::RequestIdCutForSome => {
            for (_, value) in sent.headers.iter_mut().filter(|(_, value)| value.ends_with('5')) {
                value.pop();
            }
        }
        _ => {}
    }
}

fn drop_member(sent: &mut Sent, name: &str) {
    sent.body.remove(name);
}

fn add(sent: &mut Sent, name: &str, value: Value) {
    sent.body.insert(name.to_owned(), value);
}

fn replace(sent: &mut Sent, name: &str, value: Value) {
    if let Some(member) = sent.body.get_mut(name) {
        *member = value;
    }
}
