//! Repetition, waits, records and traces of the client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use quittance::{
    Attempt, Brand, Client, Connector, Currency, Effect, Failure, Family, Guard, Kind, Lookup, NoSleep, Op, Payment,
    Policy, Reason, Result, Retrieve, Segment, Sink, Spec, State, Timestamp, Verdict, Void,
};

use crate::shop::{FULL, REPLAYING, Shop, TOKEN};
use crate::support::{Answer, CVC, NOW_SECOND, PAN, World, eur, json, key, pay, purchase, ready, refused, with_header};

pub(crate) const OK: &str = r#"{"id":"pay_1","state":"captured","amount":1050,"reference":"order-1"}"#;

/// Keeps every attempt.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Vec<Attempt>>);

impl Sink for Ledger {
    fn attempt(&self, attempt: &Attempt) {
        self.0.lock().unwrap().push(attempt.clone());
    }
}

impl Ledger {
    pub(crate) fn all(&self) -> Vec<Attempt> {
        self.0.lock().unwrap().clone()
    }

    /// Operation and verdict of each attempt.
    pub(crate) fn lines(&self) -> Vec<(Op, &'static str)> {
        self.all().iter().map(|attempt| (attempt.op, attempt.verdict.as_str())).collect()
    }
}

/// A client over a scripted provider.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) client: Client,
}

impl Bench {
    pub(crate) fn new(spec: &'static Spec, policy: Policy, answers: impl IntoIterator<Item = Answer>) -> Bench {
        let (world, ledger) = (World::new(answers), Arc::new(Ledger::default()));
        let connector: Box<dyn Connector> = Box::new(Guard::new(Shop::of(spec)));
        let client = Client::new(connector, world.naps.clone()).with_policy(policy).with_sink(ledger.clone());
        Bench { world, ledger, client }
    }

    pub(crate) fn of(spec: &'static Spec, answers: impl IntoIterator<Item = Answer>) -> Bench {
        Bench::new(spec, Policy::default(), answers)
    }

    pub(crate) fn buy(&self) -> Result<Payment> {
        ready(self.client.authorize(&self.world.cx(), &purchase()))
    }

    fn look(&self) -> Result<Payment> {
        ready(self.client.retrieve(&self.world.cx(), &Retrieve { by: Lookup::Handle(pay()) }))
    }
}

#[test]
fn what_never_left_is_tried_again_after_growing_waits() {
    let bench = Bench::of(&FULL, [refused(), refused(), json(200, OK)]);
    assert_eq!(bench.buy().unwrap().state, State::Captured);
    assert_eq!(
        bench.ledger.lines(),
        [(Op::Authorize, "failed"), (Op::Authorize, "failed"), (Op::Authorize, "approved")]
    );
    let naps = bench.world.naps.taken();
    let within = |nap: Duration, low, high| (Duration::from_millis(low)..=Duration::from_millis(high)).contains(&nap);
    assert!(naps.len() == 2 && within(naps[0], 125, 250) && within(naps[1], 250, 500), "{naps:?}");
    assert_eq!(bench.world.headers("idempotency-key"), ["key-1", "key-1", "key-1"]);
}

#[test]
fn tries_are_counted() {
    for (attempts, made) in [(0, 1), (1, 1), (2, 2), (5, 5)] {
        let bench = Bench::new(&FULL, Policy { attempts, ..Policy::default() }, []);
        let error = bench.buy().unwrap_err();
        assert_eq!((error.kind(), error.effect()), (Kind::Network, Effect::None));
        assert_eq!((bench.world.sent().len(), bench.ledger.all().len()), (made, made));
    }
}

#[test]
fn what_will_not_change_is_not_tried_again() {
    for (status, kind) in [(401, Kind::Credentials), (409, Kind::Conflict), (422, Kind::Invalid)] {
        let bench = Bench::of(&REPLAYING, [json(status, "{}"), json(200, OK)]);
        let error = bench.buy().unwrap_err();
        assert_eq!((error.kind(), error.effect(), bench.world.sent().len()), (kind, Effect::None, 1));
    }
    let declined = Bench::of(&REPLAYING, [json(200, r#"{"id":"pay_1","state":"declined","code":"51"}"#)]);
    assert!(matches!(declined.buy().unwrap().state, State::Declined(_)));
    let refused_before_sending = Bench::of(&REPLAYING, []);
    let unheard = Void { key: key(), reference: String::new(), payment: pay() };
    let error = ready(refused_before_sending.client.void(&refused_before_sending.world.cx(), &unheard)).unwrap_err();
    assert_eq!((error.kind(), refused_before_sending.world.sent().len()), (Kind::Invalid, 0));
    assert_eq!(refused_before_sending.ledger.lines(), [(Op::Void, "failed")]);
}

#[test]
fn what_stayed_unknown_is_repeated_where_the_provider_replays() {
    for first in [Err(Failure::Reset), Err(Failure::Cut), Err(Failure::TimedOut), json(503, "")] {
        let bench = Bench::of(&REPLAYING, [first, json(200, OK)]);
        assert!(bench.buy().is_ok());
        assert_eq!(bench.world.sent(), ["POST /payments", "POST /payments"]);
        assert_eq!(bench.world.headers("idempotency-key"), ["key-1", "key-1"]);
        assert_eq!(bench.ledger.lines(), [(Op::Authorize, "unknown"), (Op::Authorize, "approved")]);
    }
}

#[test]
fn what_stayed_unknown_is_not_repeated_elsewhere() {
    let bench = Bench::of(&FULL, [Err(Failure::Reset), json(404, "{}")]);
    let error = bench.buy().unwrap_err();
    assert_eq!((error.kind(), error.effect()), (Kind::Network, Effect::Unknown));
    assert_eq!(bench.world.sent(), ["POST /payments", "GET /payments?reference=order-1"]);
}

#[test]
fn reads_are_repeated_whatever_the_effect() {
    let bench =
        Bench::of(&FULL, [json(500, ""), Err(Failure::TimedOut), json(200, r#"{"id":"pay_1","state":"pending"}"#)]);
    assert_eq!(bench.look().unwrap().state, State::Pending);
    assert_eq!(bench.ledger.lines(), [(Op::Retrieve, "failed"), (Op::Retrieve, "failed"), (Op::Retrieve, "pending")]);
    assert!(bench.ledger.all().iter().all(|attempt| attempt.key.is_none()));
}

#[test]
fn a_later_refusal_does_not_undo_an_unknown_effect() {
    for last in [refused(), json(401, "{}"), json(409, "{}"), json(422, "{}")] {
        let bench = Bench::of(&REPLAYING, [json(500, r#"{"id":"pay_1"}"#), last, json(404, "{}")]);
        let error = bench.buy().unwrap_err();
        assert_eq!((error.effect(), error.handle()), (Effect::Unknown, Some(&pay())), "{error:?}");
    }
}

#[test]
fn the_wait_that_the_provider_asks_for_is_kept_or_handed_on() {
    let slow = |seconds: &str| with_header(429, "retry-after", seconds, "");
    let bench = Bench::of(&FULL, [slow("3"), json(200, OK)]);
    assert!(bench.buy().is_ok());
    assert_eq!(bench.world.naps.taken(), [Duration::from_secs(3)]);
    let bench = Bench::of(&FULL, [slow("9"), json(200, OK)]);
    let error = bench.buy().unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (Kind::RateLimited, Some(Duration::from_secs(9))));
    assert!(bench.world.naps.taken().is_empty() && bench.world.sent().len() == 1);
}

#[test]
fn waits_never_pass_their_bound() {
    let policy = Policy { attempts: 40, deadline: Duration::from_secs(3600), ..Policy::default() };
    let bench = Bench::new(&FULL, policy, []);
    assert!(bench.buy().is_err());
    let naps = bench.world.naps.taken();
    assert!(naps.len() == 39 && naps.iter().all(|nap| *nap <= policy.max_delay));
    assert!(naps.iter().skip(8).any(|nap| *nap != naps[8]), "waits are spread");
}

#[test]
fn nothing_begins_after_the_deadline() {
    let policy = Policy { attempts: 100, deadline: Duration::from_secs(5), ..Policy::default() };
    let bench = Bench::new(&FULL, policy, []);
    assert!(bench.buy().is_err());
    let last = bench.ledger.all().last().unwrap().at;
    let begin = Timestamp::from_second(NOW_SECOND).unwrap();
    assert!(begin.duration_until(last).as_secs() < 5);
    assert!(bench.ledger.all().len() > 2);
    // The exchange itself used up the time: not even a look-up follows.
    let policy = Policy { deadline: Duration::from_millis(100), ..policy };
    let bench = Bench::new(&FULL, policy, [Err(Failure::TimedOut), json(200, OK)]);
    assert_eq!(bench.buy().unwrap_err().effect(), Effect::Unknown);
    assert_eq!(bench.world.sent().len(), 1);
    // A wait that would end with the time is not begun.
    let policy = Policy { deadline: Duration::from_millis(3_100), ..policy };
    let bench = Bench::new(&FULL, policy, [with_header(429, "retry-after", "3", ""), json(200, OK)]);
    assert_eq!(bench.buy().unwrap_err().kind(), Kind::RateLimited);
    assert_eq!(bench.world.sent().len(), 1);
}

#[test]
fn the_time_limit_reaches_the_transport() {
    let policy = Policy { exchange_timeout: Duration::from_secs(7), ..Policy::default() };
    let bench = Bench::new(&FULL, policy, [json(200, OK)]);
    bench.buy().unwrap();
    assert_eq!(bench.world.limits()[0].timeout, Duration::from_secs(7));
}

#[test]
fn an_attempt_tells_what_it_was_for_and_no_secret() {
    let answer = r#"{"id":"pay_1","state":"declined","code":"do_not_honor"}"#;
    let bench = Bench::of(&FULL, [refused(), json(200, answer)]);
    bench.buy().unwrap();
    let attempts = bench.ledger.all();
    let second = Attempt {
        connector: "shop",
        op: Op::Authorize,
        segment: Segment {
            family: Some(Family::Card),
            method_brand: None,
            card_brand: Some(Brand::Visa),
            bin: Some("424242".into()),
            country: Some("DE".into()),
            currency: Some(Currency::EUR),
        },
        amount: Some(eur(1050)),
        verdict: Verdict::Declined {
            reason: Reason::InsufficientFunds,
            code: Some("do_not_honor".into()),
            network_code: Some("51".into()),
            advice_code: Some("03".into()),
        },
        latency: Duration::from_millis(100),
        at: attempts[1].at,
        key: Some(key()),
        number: 2,
    };
    assert_eq!(attempts[1], second);
    assert_eq!((attempts[0].number, attempts[0].at.as_second()), (1, NOW_SECOND));
    assert!(attempts[1].at > attempts[0].at);
    let shown = format!("{attempts:?} {:?}", bench.client);
    for secret in [PAN, CVC, TOKEN] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn verdicts_follow_the_state() {
    let verdict = |state: &str| {
        let bench = Bench::of(&FULL, [json(200, &format!(r#"{{"id":"pay_1","state":"{state}"}}"#))]);
        bench.buy().unwrap();
        bench.ledger.all()[0].verdict.as_str()
    };
    assert_eq!(["authorized", "captured", "pending"].map(verdict), ["approved", "approved", "pending"]);
    assert_eq!(
        ["declined", "expired", "voided", "brand_new"].map(verdict),
        ["declined", "declined", "declined", "unknown"]
    );
    let void = |state: &str| {
        let bench = Bench::of(&FULL, [json(200, &format!(r#"{{"id":"pay_1","state":"{state}"}}"#))]);
        let request = Void { key: key(), reference: "v".into(), payment: pay() };
        ready(bench.client.void(&bench.world.cx(), &request)).unwrap();
        bench.ledger.all()[0].verdict.as_str()
    };
    assert_eq!(
        ["voided", "pending", "captured", "authorized"].map(void),
        ["approved", "pending", "unknown", "unknown"]
    );
}

#[test]
fn a_client_can_be_driven_without_a_runtime() {
    let wire = quittance::drive::Wire::default();
    let world = World::new([]);
    let cx = quittance::Context::new(&wire, &*world.clock, &world.dice, &world.tokens);
    let connector: Box<dyn Connector> = Box::new(Guard::new(Shop::of(&FULL)));
    let client = Client::new(connector, NoSleep);
    let mut answers = [json(200, OK), refused()].into_iter();
    let result = quittance::drive::drive(&wire, client.authorize(&cx, &purchase()), |_| answers.next_back().unwrap());
    assert_eq!(result.unwrap().handle, pay());
}

mod trace {
    use std::fmt::Debug;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    /// Writes down the spans and events of the thread that made it, with their fields.
    #[derive(Clone)]
    pub(super) struct Notes {
        lines: Arc<Mutex<Vec<String>>>,
        spans: Arc<AtomicU64>,
        thread: std::thread::ThreadId,
    }

    impl Default for Notes {
        fn default() -> Notes {
            Notes { lines: Arc::default(), spans: Arc::default(), thread: std::thread::current().id() }
        }
    }

    impl Notes {
        pub(super) fn lines(&self) -> Vec<String> {
            self.lines.lock().unwrap().clone()
        }

        fn add(&self, kind: &str, metadata: &Metadata<'_>, record: impl FnOnce(&mut Line)) {
            if std::thread::current().id() == self.thread {
                let mut line = Line(format!("{kind} {}", metadata.level()));
                record(&mut line);
                self.lines.lock().unwrap().push(line.0);
            }
        }
    }

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0 += &format!(" {}={value:?}", field.name());
        }
    }

    impl Subscriber for Notes {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "quittance" && *metadata.level() <= Level::DEBUG
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            self.add("span", span.metadata(), |line| span.record(line));
            Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
        }

        fn event(&self, event: &Event<'_>) {
            self.add("event", event.metadata(), |line| event.record(line));
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }
}

#[test]
fn a_call_is_one_span_with_an_event_for_each_try() {
    let notes = trace::Notes::default();
    let bench = Bench::of(&FULL, [refused(), json(402, &format!(r#"{{"message":"{PAN} {CVC} {TOKEN}"}}"#))]);
    // A subscriber of one thread alone would lose events to the callsite cache, which other tests' threads fill at the same time.
    tracing::subscriber::set_global_default(notes.clone()).unwrap();
    tracing::callsite::rebuild_interest_cache();
    bench.buy().unwrap_err();
    let cx = bench.world.cx();
    cx.protect(TOKEN);
    cx.note(&format!("the connector wonders about {TOKEN}"));
    let lines = notes.lines();
    let of = |start: &str| lines.iter().filter(|line| line.starts_with(start)).cloned().collect::<Vec<_>>();
    assert_eq!(of("span"), [r#"span INFO connector="shop" op="authorize" key="key-1""#]);
    let tries: Vec<String> = of("event INFO").into_iter().filter(|line| line.contains("attempt")).collect();
    assert_eq!(tries.len(), 2, "{lines:?}");
    assert!(lines.concat().contains("the connector wonders about [secret]"), "{lines:?}");
    assert!(tries[0].contains(r#"number=1 verdict="failed" kind="network""#), "{tries:?}");
    assert!(tries[1].contains(r#"number=2 verdict="failed" kind="invalid""#), "{tries:?}");
    for secret in [PAN, CVC, TOKEN] {
        assert!(!lines.concat().contains(secret), "{lines:?}");
    }
}
