//! Very many payments through a [`quittance::Client`] over a line that fails at random, compared with the provider's books.
//!
//! An application pays, captures, voids and refunds; what stays unknown after the client it looks up later. After each payment, what it
//! believes must be what the provider has booked: nothing lost (money moved that the application does not know of), nothing double
//! (moved twice), nothing made up (believed and not moved, or a step answered that was not taken). What can be looked up is looked up
//! by the client itself: it leaves nothing unknown that the provider would have told.

mod application;
mod line;
mod provider;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use quittance::{Client, Connector, Entry, Error, Idempotency, NoSleep, Spec};
use serde::Serialize;
use serde_json::json;

use crate::reference::{Credentials, Reference, Sound, Variant};
use application::Application;
use line::Line;
use provider::Provider;
pub use provider::Repetition;

/// How many payments share one provider and one application.
const SHARD: u64 = 100;

/// What is to be run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How many payments.
    pub payments: u64,
    /// The seed of everything random.
    pub seed: u64,
    /// How many of a thousand exchanges go wrong.
    pub fault_permille: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Payments made.
    pub payments: u64,
    /// Operations called.
    pub operations: u64,
    /// Requests sent.
    pub exchanges: u64,
    /// Exchanges that went wrong, by what happened.
    pub faults: BTreeMap<String, u64>,
    /// Operations that ended in an answer.
    pub answered: u64,
    /// Operations of which the client said that nothing happened.
    pub failed: u64,
    /// Operations that stayed unknown after the client's own repetitions and look-ups.
    pub unknown: u64,
    /// Of those, the ones that the client left so without asking the provider, or though the provider told that it was done.
    pub unasked: u64,
    /// Of those, the ones that no later look-up told.
    pub unresolved: u64,
    /// Payments of which money moved that the application does not know of.
    pub lost: u64,
    /// Payments of which money moved more than once.
    pub double: u64,
    /// Payments of which the application believes money moved that did not, or whose step is answered as done and was not.
    pub made_up: u64,
    /// The first differences, in words.
    pub examples: Vec<String>,
}

/// The most differences that are told.
const EXAMPLES: usize = 10;

impl Account {
    /// Whether the application's books are the provider's.
    pub fn passes(&self) -> bool {
        self.lost + self.double + self.made_up + self.unresolved + self.unasked == 0
    }

    fn add(&mut self, other: Account) {
        self.payments += other.payments;
        self.operations += other.operations;
        self.exchanges += other.exchanges;
        self.answered += other.answered;
        self.failed += other.failed;
        self.unknown += other.unknown;
        self.unasked += other.unasked;
        self.unresolved += other.unresolved;
        self.lost += other.lost;
        self.double += other.double;
        self.made_up += other.made_up;
        other.faults.into_iter().for_each(|(fault, count)| *self.faults.entry(fault).or_default() += count);
        self.examples.extend(other.examples);
        self.examples.sort();
        self.examples.truncate(EXAMPLES);
    }
}

/// The connector of a provider that does this with repetitions, as an application takes it.
///
/// # Errors
/// Credentials that do not fit; they are the simulation's own.
pub fn connector(repetition: Repetition) -> Result<Box<dyn Connector>, Error> {
    let entry = match repetition {
        Repetition::Replays => Entry::of::<Reference<Sound>>(),
        Repetition::Refuses => Entry::of::<Reference<Unique>>(),
        Repetition::Ignores => Entry::of::<Reference<Careless>>(),
    };
    entry.connect(json!({
        "client_id": "soak", "client_secret": "client-secret-quittance", "signing_key": "signing-key-quittance",
        "webhook_secret": "webhook-secret-quittance", "wallet_key": "wallet-key-quittance",
    }))
}

/// A client over [`connector`], with the default policy and without waits.
///
/// # Errors
/// As [`connector`].
pub fn client(repetition: Repetition) -> Result<Box<dyn Connector>, Error> {
    Ok(Box::new(Client::new(connector(repetition)?, NoSleep)))
}

/// The reference provider that refuses a second payment of one reference.
struct Unique;

impl Variant for Unique {
    const SPEC: Spec = Spec { idempotency: Idempotency::Unique(&["reference"]), ..<Sound as Variant>::SPEC };
    type Credentials = Credentials;
}

/// The reference provider that knows no repetitions.
struct Careless;

impl Variant for Careless {
    const SPEC: Spec = Spec { idempotency: Idempotency::None, ..<Sound as Variant>::SPEC };
    type Credentials = Credentials;
}

/// Runs the plan on all processors; the result depends on the plan alone. `made` gives what the application calls, `progress` hears how
/// many payments are done.
///
/// # Errors
/// What `made` says.
pub fn run(
    plan: Plan,
    made: &(dyn Fn(Repetition) -> Result<Box<dyn Connector>, Error> + Sync),
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Account, Error> {
    let (next, total) = (AtomicU64::new(0), Mutex::new((Account::default(), None)));
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let shard = next.fetch_add(1, Ordering::Relaxed);
                    let first = shard.saturating_mul(SHARD);
                    if first >= plan.payments {
                        return;
                    }
                    let count = SHARD.min(plan.payments - first);
                    let ended = shard_of(plan, shard, first, count, made);
                    let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    match ended {
                        Ok(account) => total.0.add(account),
                        Err(error) => total.1 = Some(error),
                    }
                    progress(total.0.payments);
                }
            });
        }
    });
    let (account, error) = total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    error.map_or(Ok(account), Err)
}

/// One provider and one application; every third provider treats repetitions alike.
fn shard_of(
    plan: Plan,
    shard: u64,
    first: u64,
    count: u64,
    made: &(dyn Fn(Repetition) -> Result<Box<dyn Connector>, Error> + Sync),
) -> Result<Account, Error> {
    let repetition = match shard % 3 {
        0 => Repetition::Replays,
        1 => Repetition::Refuses,
        _ => Repetition::Ignores,
    };
    let seed = plan.seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(shard);
    let line = Line::new(Provider::new(repetition), seed, plan.fault_permille);
    let connector = made(repetition)?;
    let mut application = Application::new(connector.as_ref(), line, seed);
    (first..first + count).for_each(|number| application.pay(number));
    Ok(application.finish())
}
