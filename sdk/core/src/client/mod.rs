//! A connector for applications: repeats what may be repeated, looks up what stayed unknown, records every try.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tracing::Instrument;

use crate::{
    Adjust, AnswerDispute, Authorize, Capture, CaptureMode, Complete, Connector, Context, Delivery, Dispute, Effect,
    Error, Event, Key, Lookup, Mandate, Money, NetworkToken, Op, OpenSession, PayOut, Payment, Payout, Refund,
    RefundRequest, Result, Retrieve, RetrievePayout, RetrieveRefund, Revoke, Session, SetUp, Spec, UnwrapToken, Void,
};

mod attempt;
mod resolve;
mod retry;

use attempt::Answered;
pub use attempt::{Attempt, Segment, Sink, Verdict};
pub use retry::{NoSleep, Policy, Sleep};

/// A connector as applications use it, behind the same trait.
///
/// - A call is repeated where nothing happened and the cause may pass, and where the effect is unknown but a repetition does no harm: the
///   operation only reads, or the provider answers the same key with the first result ([`crate::Idempotency::replays`]), as the spec says
///   of that operation ([`Spec::idempotency_of`]) and of reservations ([`Spec::replays_reservations`]).
/// - Once one try of a call ended in [`Effect::Unknown`], so does the call, unless a later try is answered.
/// - What stays unknown is looked up where the spec allows it. An authorization: by the error's handle, else by the merchant's reference;
///   the payment found is the result if its amount and reference agree. So give each new authorization its own reference. A later step:
///   only if the payment found shows that this step was taken. A refund or payout: by the error's handle. Where the provider refuses
///   repetitions ([`crate::Idempotency::refuses`]), a refused authorization, refund or payout is looked up alike: it may be the second
///   try of one that was made. A look-up that finds nothing leaves the error as it is; see
///   [`Policy::not_found_is_proof`].
/// - An answer with another amount, currency or reference ([`crate::Kind::Integrity`]) is never looked away.
/// - Every try goes as an [`Attempt`] to every [`Sink`], and to `tracing` as one span a call with one event a try.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use quittance::drive::{Wire, drive};
/// use quittance::http::Response;
/// use quittance::*;
/// use quittance_reqwest::SystemRandom;
///
/// /// Keeps how each try ended; an application would count them.
/// #[derive(Default)]
/// struct Log(Mutex<Vec<(u32, Verdict)>>);
///
/// impl Sink for Log {
///     fn attempt(&self, attempt: &Attempt) {
///         self.0.lock().unwrap().push((attempt.number, attempt.verdict.clone()));
///     }
/// }
///
/// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// let credentials = serde_json::json!({ "api_key": "sk_test_1", "webhook_secret": "whsec_1" });
/// let log = Arc::new(Log::default());
/// let client = Client::new(quittance_stripe::ENTRY.connect(credentials)?, NoSleep)
///     .with_policy(Policy { attempts: 2, ..Policy::default() })
///     .with_sink(log.clone());
/// let (wire, tokens) = (Wire::default(), MemoryTokens::default());
/// let cx = Context::new(&wire, &SystemClock, &SystemRandom, &tokens);
///
/// // The provider is down: a look-up does no harm, so it is tried twice.
/// let asked = Retrieve { by: Lookup::Handle(Handle::new("pi_1")) };
/// let down = |_| Ok(Response::builder().status(503).body(Bytes::new()).unwrap());
/// let error = drive(&wire, client.retrieve(&cx, &asked), down).unwrap_err();
/// assert_eq!(error.kind(), Kind::Unavailable);
/// assert_eq!(log.0.lock().unwrap().len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    connector: Arc<dyn Connector>,
    policy: Policy,
    sleep: Arc<dyn Sleep>,
    sinks: Vec<Arc<dyn Sink>>,
}

impl Client {
    /// Wraps a connector as [`crate::Entry::connect`] gives it. `sleep` passes the time between tries.
    pub fn new(connector: impl Into<Arc<dyn Connector>>, sleep: impl Sleep + 'static) -> Client {
        Client { connector: connector.into(), policy: Policy::default(), sleep: Arc::new(sleep), sinks: Vec::new() }
    }

    /// The same client with another policy.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Client {
        Client { policy, ..self }
    }

    /// The same client with one more receiver of attempts.
    #[must_use]
    pub fn with_sink(mut self, sink: Arc<dyn Sink>) -> Client {
        self.sinks.push(sink);
        self
    }

    /// A context for one call: own counters, the policy's time limit.
    fn enter<'a>(&self, cx: &Context<'a>) -> Context<'a> {
        cx.scoped(self.spec()).with_timeout(self.policy.exchange_timeout)
    }

    /// Makes the call, again and again as the policy allows.
    async fn run<'c, T: Answered>(
        &self,
        cx: &Context<'_>,
        about: &About<'_>,
        call: impl Fn() -> Pin<Box<dyn Future<Output = Result<T>> + Send + 'c>>,
    ) -> Result<T> {
        let key = about.key.map(Key::as_str);
        let span =
            tracing::info_span!(target: "quittance", "call", connector = self.spec().id, op = about.op.as_str(), key);
        let tries = async {
            let mut earlier: Option<Error> = None;
            let mut number = 1;
            loop {
                let at = cx.now();
                let result = call().await;
                self.record(cx, about, at, number, &result);
                let error = match result {
                    Ok(answer) => return Ok(answer),
                    Err(error) => still_open(earlier, error),
                };
                match self.wait(cx, about, number, &error) {
                    Some(wait) => self.sleep.sleep(wait).await,
                    None => return Err(error),
                }
                earlier = Some(error);
                number += 1;
            }
        };
        tries.instrument(span).await
    }

    /// How long to wait before the next try; `None` if there is to be none.
    fn wait(&self, cx: &Context<'_>, about: &About<'_>, number: u32, error: &Error) -> Option<std::time::Duration> {
        let again = number < self.policy.attempts
            && retry::repeatable(about.op, about.key.is_some() && self.spec().replays(about.op, about.capture), error);
        let wait = if again { self.policy.wait(cx, number, error.retry_after())? } else { return None };
        (about.elapsed(cx) + wait < self.policy.deadline).then_some(wait)
    }

    fn record<T: Answered>(&self, cx: &Context<'_>, about: &About<'_>, at: Timestamp, number: u32, result: &Result<T>) {
        let attempt = Attempt {
            connector: self.spec().id,
            op: about.op,
            segment: about.segment.clone(),
            amount: about.amount,
            verdict: Verdict::of(about.op, result),
            latency: since(at, cx.now()),
            at,
            key: about.key.cloned(),
            number,
        };
        let kind = result.as_ref().err().map(|error| error.kind().as_str());
        tracing::info!(target: "quittance", number, verdict = attempt.verdict.as_str(), kind, "attempt");
        self.sinks.iter().for_each(|sink| sink.attempt(&attempt));
    }
}

/// A later error does not undo an earlier unknown effect, nor lose the id that it told.
fn still_open(earlier: Option<Error>, error: Error) -> Error {
    let Some(earlier) = earlier else { return error };
    let error = match (error.handle(), earlier.handle()) {
        (None, Some(handle)) => error.about(handle),
        _ => error,
    };
    if earlier.effect() == Effect::Unknown { error.with_effect(Effect::Unknown) } else { error }
}

fn since(begin: Timestamp, end: Timestamp) -> std::time::Duration {
    std::time::Duration::try_from(begin.duration_until(end)).unwrap_or_default()
}

/// What the loop and the records need to know of a request.
#[derive(Clone)]
struct About<'r> {
    op: Op,
    started: Timestamp,
    key: Option<&'r Key>,
    amount: Option<Money>,
    capture: CaptureMode,
    segment: Segment,
}

impl<'r> About<'r> {
    fn of(cx: &Context<'_>, op: Op) -> About<'r> {
        About {
            op,
            started: cx.now(),
            key: None,
            amount: None,
            capture: CaptureMode::default(),
            segment: Segment::default(),
        }
    }

    fn keyed(self, key: &'r Key) -> About<'r> {
        About { key: Some(key), ..self }
    }

    fn worth(self, amount: Money) -> About<'r> {
        let segment = Segment { currency: Some(amount.currency()), ..self.segment };
        About { amount: Some(amount), segment, ..self }
    }

    fn elapsed(&self, cx: &Context<'_>) -> std::time::Duration {
        since(self.started, cx.now())
    }
}

#[async_trait]
impl Connector for Client {
    fn spec(&self) -> &'static Spec {
        self.connector.spec()
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::Authorize).keyed(&request.key).worth(request.amount);
        let about = About { segment: Segment::of_authorize(request), capture: request.capture, ..about };
        match self.run(&cx, &about, || self.connector.authorize(&cx, request)).await {
            Err(error) => self.settle_authorize(&cx, &about, request, error).await,
            answered => answered,
        }
    }

    async fn complete(&self, cx: &Context<'_>, request: &Complete) -> Result<Payment> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::Complete).keyed(&request.key).worth(request.amount);
        let about = About { capture: request.capture, ..about };
        match self.run(&cx, &about, || self.connector.complete(&cx, request)).await {
            Err(error) => {
                let shown = |found: &Payment| resolve::shows_completion(found, request);
                self.settle_step(&cx, &about, resolve::of_completion(request), error, shown).await
            }
            answered => answered,
        }
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::Capture).keyed(&request.key).worth(request.amount);
        match self.run(&cx, &about, || self.connector.capture(&cx, request)).await {
            Err(error) => {
                let shown = |found: &Payment| resolve::shows_capture(found, request, self.spec());
                self.settle_step(&cx, &about, Lookup::Handle(request.payment.clone()), error, shown).await
            }
            answered => answered,
        }
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::Void).keyed(&request.key);
        match self.run(&cx, &about, || self.connector.void(&cx, request)).await {
            Err(error) => {
                self.settle_step(&cx, &about, Lookup::Handle(request.payment.clone()), error, resolve::shows_void).await
            }
            answered => answered,
        }
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::Refund).keyed(&request.key).worth(request.amount);
        match self.run(&cx, &about, || self.connector.refund(&cx, request)).await {
            Err(error) => self.settle_refund(&cx, &about, request, error).await,
            answered => answered,
        }
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::Retrieve);
        self.run(&cx, &about, || self.connector.retrieve(&cx, request)).await
    }

    async fn retrieve_refund(&self, cx: &Context<'_>, request: &RetrieveRefund) -> Result<Refund> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::RetrieveRefund);
        self.run(&cx, &about, || self.connector.retrieve_refund(&cx, request)).await
    }

    async fn adjust(&self, cx: &Context<'_>, request: &Adjust) -> Result<Payment> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::Adjust).keyed(&request.key).worth(request.amount);
        match self.run(&cx, &about, || self.connector.adjust(&cx, request)).await {
            Err(error) => {
                let shown = |found: &Payment| resolve::shows_adjustment(found, request);
                self.settle_step(&cx, &about, Lookup::Handle(request.payment.clone()), error, shown).await
            }
            answered => answered,
        }
    }

    async fn set_up(&self, cx: &Context<'_>, request: &SetUp) -> Result<Mandate> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::SetUp).keyed(&request.key);
        let about = About { segment: Segment::of_set_up(request), ..about };
        self.run(&cx, &about, || self.connector.set_up(&cx, request)).await
    }

    async fn revoke(&self, cx: &Context<'_>, request: &Revoke) -> Result<Mandate> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::Revoke).keyed(&request.key);
        self.run(&cx, &about, || self.connector.revoke(&cx, request)).await
    }

    async fn open_session(&self, cx: &Context<'_>, request: &OpenSession) -> Result<Session> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::OpenSession).keyed(&request.key).worth(request.amount);
        self.run(&cx, &about, || self.connector.open_session(&cx, request)).await
    }

    async fn unwrap_token(&self, cx: &Context<'_>, request: &UnwrapToken) -> Result<NetworkToken> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::UnwrapToken);
        self.run(&cx, &about, || self.connector.unwrap_token(&cx, request)).await
    }

    async fn pay_out(&self, cx: &Context<'_>, request: &PayOut) -> Result<Payout> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::PayOut).keyed(&request.key).worth(request.amount);
        match self.run(&cx, &about, || self.connector.pay_out(&cx, request)).await {
            Err(error) => self.settle_pay_out(&cx, &about, request, error).await,
            answered => answered,
        }
    }

    async fn retrieve_payout(&self, cx: &Context<'_>, request: &RetrievePayout) -> Result<Payout> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::RetrievePayout);
        self.run(&cx, &about, || self.connector.retrieve_payout(&cx, request)).await
    }

    async fn answer_dispute(&self, cx: &Context<'_>, request: &AnswerDispute) -> Result<Dispute> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::AnswerDispute).keyed(&request.key);
        self.run(&cx, &about, || self.connector.answer_dispute(&cx, request)).await
    }

    async fn webhook(&self, cx: &Context<'_>, delivery: &Delivery) -> Result<Vec<Event>> {
        let cx = self.enter(cx);
        let about = About::of(&cx, Op::Webhook);
        self.run(&cx, &about, || self.connector.webhook(&cx, delivery)).await
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("connector", &self.spec().id)
            .field("policy", &self.policy)
            .field("sinks", &self.sinks.len())
            .finish_non_exhaustive()
    }
}
