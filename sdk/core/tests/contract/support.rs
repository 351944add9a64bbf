//! A shop-sized connector, a scripted transport, and a clock that only moves when told.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use quittance::http::{Request, Response};
use quittance::{
    Address, Authorize, Bytes, Card, Clock, Context, Currency, Cvc, Expiry, Failure, Handle, Key, Limits, MemoryTokens,
    Method, Money, Pan, Random, Sleep, Timestamp, Transport, async_trait,
};

pub(crate) type Answer = Result<Response<Bytes>, Failure>;

pub(crate) const PAN: &str = "4242424242424242";
pub(crate) const CVC: &str = "7391";

/// Sunday, 22 November 2026, 10:00:00 UTC.
pub(crate) const NOW_SECOND: i64 = 1_795_341_600;

/// Polls a call that never has to wait.
pub(crate) fn ready<T>(call: impl Future<Output = T>) -> T {
    match pin!(call).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the call waits"),
    }
}

/// A clock in milliseconds that others move.
pub(crate) struct Ticks(AtomicI64);

impl Ticks {
    pub(crate) fn advance(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// Answers requests in order and keeps them; each exchange takes 100 ms.
pub(crate) struct Script {
    answers: Mutex<VecDeque<Answer>>,
    sent: Mutex<Vec<(Request<Bytes>, Limits)>>,
    clock: Arc<Ticks>,
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request<Bytes>, limits: Limits) -> Answer {
        self.sent.lock().unwrap().push((request, limits));
        self.clock.advance(Duration::from_millis(100));
        self.answers.lock().unwrap().pop_front().unwrap_or_else(|| Err(Failure::Refused("script is over".into())))
    }
}

/// Repeatable random bytes (xorshift).
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(AtomicU64::new(seed))
    }

    pub(crate) fn roll(&self) -> u64 {
        let mut state = self.0.load(Ordering::Relaxed);
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.store(state, Ordering::Relaxed);
        state
    }
}

impl Random for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = self.roll().to_be_bytes()[0]);
    }
}

/// Moves the clock instead of waiting, and keeps what it was asked for.
#[derive(Clone)]
pub(crate) struct Naps {
    clock: Arc<Ticks>,
    taken: Arc<Mutex<Vec<Duration>>>,
}

impl Naps {
    pub(crate) fn taken(&self) -> Vec<Duration> {
        self.taken.lock().unwrap().clone()
    }
}

#[async_trait]
impl Sleep for Naps {
    async fn sleep(&self, time: Duration) {
        self.clock.advance(time);
        self.taken.lock().unwrap().push(time);
    }
}

/// Everything a context is made of.
pub(crate) struct World {
    pub(crate) script: Script,
    pub(crate) clock: Arc<Ticks>,
    pub(crate) dice: Dice,
    pub(crate) tokens: MemoryTokens,
    pub(crate) naps: Naps,
}

impl World {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> World {
        let clock = Arc::new(Ticks(AtomicI64::new(NOW_SECOND * 1000)));
        let script = Script {
            answers: Mutex::new(answers.into_iter().collect()),
            sent: Mutex::default(),
            clock: Arc::clone(&clock),
        };
        let naps = Naps { clock: Arc::clone(&clock), taken: Arc::default() };
        World { script, clock, dice: Dice::new(0x5eed), tokens: MemoryTokens::default(), naps }
    }

    pub(crate) fn cx(&self) -> Context<'_> {
        Context::new(&self.script, &*self.clock, &self.dice, &self.tokens)
    }

    /// Method and path with query of each request sent.
    pub(crate) fn sent(&self) -> Vec<String> {
        let line =
            |request: &Request<Bytes>| format!("{} {}", request.method(), request.uri().path_and_query().unwrap());
        self.script.sent.lock().unwrap().iter().map(|(request, _)| line(request)).collect()
    }

    /// A header of each request sent.
    pub(crate) fn headers(&self, name: &str) -> Vec<String> {
        let value = |request: &Request<Bytes>| request.headers()[name].to_str().unwrap().to_owned();
        self.script.sent.lock().unwrap().iter().map(|(request, _)| value(request)).collect()
    }

    pub(crate) fn limits(&self) -> Vec<Limits> {
        self.script.sent.lock().unwrap().iter().map(|(_, limits)| *limits).collect()
    }
}

pub(crate) fn json(status: u16, body: &str) -> Answer {
    with_header(status, "content-type", "application/json", body.to_owned())
}

pub(crate) fn with_header(status: u16, name: &str, value: &str, body: impl Into<Bytes>) -> Answer {
    Ok(Response::builder().status(status).header(name, value).body(body.into()).unwrap())
}

pub(crate) fn refused() -> Answer {
    Err(Failure::Refused("connection refused".into()))
}

pub(crate) fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

pub(crate) fn key() -> Key {
    Key::new("key-1")
}

pub(crate) fn pay() -> Handle {
    Handle::new("pay_1")
}

pub(crate) fn card() -> Method {
    Method::Card(Card {
        number: Pan::parse(PAN).unwrap(),
        expiry: Expiry::new(3, 2030).unwrap(),
        cvc: Some(Cvc::parse(CVC).unwrap()),
        holder: None,
    })
}

/// A purchase of 10.50 EUR by card.
pub(crate) fn purchase() -> Authorize {
    let billing = Address { country: Some("DE".into()), ..Address::default() };
    Authorize { billing, ..Authorize::new(key(), "order-1", eur(1050), card()) }
}
