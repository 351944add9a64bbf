//! Payments over a failing line: the client keeps the books, and a client with a planted bug is found out.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quittance::{
    Authorize, Capture, Client, Connector, Context, Effect, Error, Key, NoSleep, Payment, Policy, Refund,
    RefundRequest, Result, Retrieve, Spec, Void, async_trait,
};
use quittance_harness::soak::{self, Account, Plan, Repetition};

const PLAN: Plan = Plan { payments: 900, seed: 3, fault_permille: 150 };

fn account(plan: Plan, made: &(dyn Fn(Repetition) -> Result<Box<dyn Connector>> + Sync)) -> Account {
    soak::run(plan, made, &|_| {}).unwrap()
}

#[test]
fn the_client_loses_nothing_and_doubles_nothing() {
    let one = account(PLAN, &soak::client);
    assert!(one.passes(), "{:#?}", one.examples);
    assert_eq!(one.payments, 900);
    assert!(one.faults.len() == 11 && one.faults.values().all(|count| *count > 0), "{:?}", one.faults);
    assert!(one.unknown > 0 && one.failed > 0, "{one:?}");
    assert_eq!(account(PLAN, &soak::client), one);
    assert_ne!(account(Plan { seed: 4, ..PLAN }, &soak::client).exchanges, one.exchanges);
}

#[test]
fn without_faults_everything_is_answered() {
    let account = account(Plan { fault_permille: 0, ..PLAN }, &soak::client);
    assert!(account.passes() && account.unknown == 0 && account.failed == 0, "{account:?}");
}

/// What the planted client does wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// Each try has a key of its own.
    NewKeys,
    /// What is unknown is told as failed.
    UnknownAsFailed,
    /// A call without an answer is made again, whatever the provider does with repetitions.
    RepeatsAnything,
    /// What never left the machine is told as done.
    FailedAsDone,
    /// What a look-up shows after a void without an answer is told as its answer, whatever it is.
    AskedAsDone,
}

/// A layer with a bug, below the client or above it.
struct Planted {
    inner: Box<dyn Connector>,
    wrong: Wrong,
    calls: AtomicU64,
}

impl Planted {
    fn key(&self, key: &Key) -> Key {
        match self.wrong {
            Wrong::NewKeys => Key::new(format!("{key}-{}", self.calls.fetch_add(1, Ordering::Relaxed))),
            _ => key.clone(),
        }
    }

    fn told<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| match self.wrong {
            Wrong::UnknownAsFailed => error.with_effect(Effect::None),
            _ => error,
        })
    }

    fn goes_again<T>(&self, result: &Result<T>) -> bool {
        let unknown = |error: &Error| error.effect() == Effect::Unknown && error.transient();
        self.wrong == Wrong::RepeatsAnything && result.as_ref().err().is_some_and(unknown)
    }
}

#[async_trait]
impl Connector for Planted {
    fn spec(&self) -> &'static Spec {
        self.inner.spec()
    }

    async fn authorize(&self, cx: &Context<'_>, request: &Authorize) -> Result<Payment> {
        let asked = Authorize { key: self.key(&request.key), ..request.clone() };
        let result = self.inner.authorize(cx, &asked).await;
        let result = if self.goes_again(&result) { self.inner.authorize(cx, &asked).await } else { result };
        match &result {
            Err(error) if self.wrong == Wrong::FailedAsDone && error.effect() == Effect::None => {
                let handle = quittance::Handle::new("pay_0");
                let amount = Some(request.amount);
                Ok(Payment { amount, captured: amount, ..Payment::new(handle, quittance::State::Captured) })
            }
            _ => self.told(result),
        }
    }

    async fn capture(&self, cx: &Context<'_>, request: &Capture) -> Result<Payment> {
        self.told(self.inner.capture(cx, &Capture { key: self.key(&request.key), ..request.clone() }).await)
    }

    async fn void(&self, cx: &Context<'_>, request: &Void) -> Result<Payment> {
        match self.inner.void(cx, request).await {
            Err(_) if self.wrong == Wrong::AskedAsDone => {
                let by = quittance::Lookup::Handle(request.payment.clone());
                self.inner.retrieve(cx, &Retrieve { by }).await
            }
            result => self.told(result),
        }
    }

    async fn refund(&self, cx: &Context<'_>, request: &RefundRequest) -> Result<Refund> {
        let asked = RefundRequest { key: self.key(&request.key), ..request.clone() };
        let result = self.inner.refund(cx, &asked).await;
        self.told(if self.goes_again(&result) { self.inner.refund(cx, &asked).await } else { result })
    }

    async fn retrieve(&self, cx: &Context<'_>, request: &Retrieve) -> Result<Payment> {
        self.inner.retrieve(cx, request).await
    }
}

fn planted(inner: Box<dyn Connector>, wrong: Wrong) -> Box<dyn Connector> {
    Box::new(Planted { inner, wrong, calls: AtomicU64::new(0) })
}

#[test]
fn a_client_with_a_bug_is_found_out() {
    let below = |wrong| {
        move |repetition| {
            let connector = planted(soak::connector(repetition)?, wrong);
            Ok(Box::new(Client::new(connector, NoSleep)) as Box<dyn Connector>)
        }
    };
    let above = |wrong| move |repetition| Ok(planted(soak::client(repetition)?, wrong));
    let new_keys = account(PLAN, &below(Wrong::NewKeys));
    assert!(new_keys.double > 0 && !new_keys.passes(), "{new_keys:?}");
    let anything = account(PLAN, &below(Wrong::RepeatsAnything));
    assert!(anything.double > 0, "{anything:?}");
    let failed = account(PLAN, &above(Wrong::UnknownAsFailed));
    assert!(failed.lost > 0, "{failed:?}");
    let done = account(PLAN, &above(Wrong::FailedAsDone));
    assert!(done.made_up > 0, "{done:?}");
    let shown = account(PLAN, &above(Wrong::AskedAsDone));
    assert!(shown.made_up > 0, "{shown:?}");
    // Nobody has time to ask.
    let hurried = account(PLAN, &|repetition| {
        let policy = Policy { deadline: Duration::ZERO, ..Policy::default() };
        Ok(Box::new(Client::new(soak::connector(repetition)?, NoSleep).with_policy(policy)))
    });
    assert!(hurried.unasked > 0 && !hurried.passes(), "{hurried:?}");
}
