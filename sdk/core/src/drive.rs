//! Runs any connector call one exchange at a time, without a runtime or a socket.
//!
//! A connector awaits nothing but its transport, so a call is a machine that gives requests and takes replies. Fuzzing,
//! property tests, replay and foreign-function interfaces stand on this. One exchange is in flight at a time.
//!
//! ```
//! use quittance::drive::{Exchange, Step, Wire};
//! use quittance::*;
//! use quittance_reqwest::SystemRandom;
//!
//! # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
//! let credentials = serde_json::json!({ "api_key": "sk_test_1", "webhook_secret": "whsec_1" });
//! let connector = quittance_stripe::ENTRY.connect(credentials)?;
//! let (wire, tokens) = (Wire::default(), MemoryTokens::default());
//! let cx = Context::new(&wire, &SystemClock, &SystemRandom, &tokens);
//!
//! let asked = Retrieve { by: Lookup::Handle(Handle::new("pi_1")) };
//! let mut exchange = Exchange::new(&wire, connector.retrieve(&cx, &asked));
//! let Step::Send(request) = exchange.start() else { panic!("nothing is sent") };
//! assert_eq!(request.uri().host(), Some("api.stripe.com"));
//!
//! // Any transport may carry it; here the reply gets lost. What is asked is repeated by `Client`, not here.
//! let Step::Done(Err(error)) = exchange.reply(Err(Failure::TimedOut)) else { panic!("it goes on") };
//! assert_eq!((error.kind(), error.effect()), (Kind::Network, Effect::Unknown));
//! # Ok(())
//! # }
//! ```

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{Context as TaskContext, Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use crate::{Effect, Error, Failure, Kind, Limits, Result, Transport};

/// What a call wants next.
#[allow(clippy::large_enum_variant, reason = "a step is taken apart at once and never stored")]
pub enum Step<T> {
    /// Send this and give the reply to [`Exchange::reply`].
    Send(Request<Bytes>),
    /// The call is over.
    Done(T),
}

/// What a transport gives: a reply, or why there is none.
pub type Answer = std::result::Result<Response<Bytes>, Failure>;

/// The transport of a driven call: a slot for the request and one for the reply.
#[derive(Default)]
pub struct Wire {
    request: Mutex<Option<Request<Bytes>>>,
    answer: Mutex<Option<Answer>>,
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request<Bytes>, _limits: Limits) -> Answer {
        *lock(&self.request) = Some(request);
        std::future::poll_fn(|_| match lock(&self.answer).take() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        })
        .await
    }
}

/// A call in progress.
pub struct Exchange<'a, T> {
    wire: &'a Wire,
    call: Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>,
}

impl<'a, T> Exchange<'a, T> {
    /// Takes a call whose context was made over `wire`.
    pub fn new(wire: &'a Wire, call: impl Future<Output = Result<T>> + Send + 'a) -> Exchange<'a, T> {
        Exchange { wire, call: Box::pin(call) }
    }

    /// Runs up to the first request, or to the end.
    pub fn start(&mut self) -> Step<Result<T>> {
        let mut task = TaskContext::from_waker(Waker::noop());
        match self.call.as_mut().poll(&mut task) {
            Poll::Ready(result) => Step::Done(result),
            Poll::Pending => match lock(&self.wire.request).take() {
                Some(request) => Step::Send(request),
                None => Step::Done(Err(Error::new(
                    Kind::Protocol,
                    Effect::Unknown,
                    "the call waits for something else than its transport",
                ))),
            },
        }
    }

    /// Gives the reply to the last request and runs on. Do not call it again after [`Step::Done`].
    pub fn reply(&mut self, answer: Answer) -> Step<Result<T>> {
        *lock(&self.wire.answer) = Some(answer);
        self.start()
    }
}

/// Runs a whole call, each request answered by `answer`.
pub fn drive<T>(
    wire: &Wire,
    call: impl Future<Output = Result<T>> + Send,
    mut answer: impl FnMut(Request<Bytes>) -> Answer,
) -> Result<T> {
    let mut call = pin!(call);
    let mut task = TaskContext::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(result) = call.as_mut().poll(&mut task) {
            return result;
        }
        let Some(request) = lock(&wire.request).take() else {
            return Err(Error::new(
                Kind::Protocol,
                Effect::Unknown,
                "the call waits for something else than its transport",
            ));
        };
        let reply = answer(request);
        *lock(&wire.answer) = Some(reply);
    }
}

fn lock<T>(slot: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl<T: std::fmt::Debug> std::fmt::Debug for Step<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // A request holds card data and keys.
            Step::Send(request) => {
                let host = request.uri().host().unwrap_or_default();
                write!(f, "Send({} {host}{}, {} bytes)", request.method(), request.uri().path(), request.body().len())
            }
            Step::Done(result) => f.debug_tuple("Done").field(result).finish(),
        }
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl<T> std::fmt::Debug for Exchange<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exchange")
    }
}
