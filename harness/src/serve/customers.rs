//! Those who decide about a payment that waits: its customer, or their bank. They take their time, as `--customer` says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use super::{State, now_unix_ms};
use crate::sandbox::{Due, Sandbox, Waiting};

/// So many decide at a time; beyond that a payment is decided at once, so that no client fills the memory with them.
const MOST: usize = 10_000;

/// How payments that wait are decided.
pub(super) struct Customers {
    pause: Duration,
    deciding: AtomicUsize,
}

impl Customers {
    pub(super) fn new(pause: Duration) -> Customers {
        Customers { pause, deciding: AtomicUsize::new(0) }
    }
}

/// Goes on with a payment of the provider at `index` once its customer has decided.
pub(super) fn wait(state: &Arc<State>, index: usize, sandbox: Arc<Sandbox>, waiting: Waiting) {
    let customers = &state.customers;
    if customers.pause.is_zero() || customers.deciding.load(Ordering::Relaxed) >= MOST {
        return send(state, index, &sandbox, sandbox.decide(waiting, now_unix_ms() / 1000));
    }
    customers.deciding.fetch_add(1, Ordering::Relaxed);
    let state = Arc::clone(state);
    tokio::spawn(async move {
        sleep(state.customers.pause).await;
        state.customers.deciding.fetch_sub(1, Ordering::Relaxed);
        // After a reset nobody waits any more.
        let loaded = state.providers.loaded(index).and_then(Result::ok);
        if loaded.is_some_and(|loaded| Arc::ptr_eq(&loaded.sandbox(), &sandbox)) {
            send(&state, index, &sandbox, sandbox.decide(waiting, now_unix_ms() / 1000));
        }
    });
}

/// Hands deliveries of the provider at `index` and its sandbox on, some of them twice where chaos says so.
pub(super) fn send(state: &State, index: usize, sandbox: &Arc<Sandbox>, due: Vec<Due>) {
    let id = state.providers.all.get(index).map_or("", |provider| provider.entry.spec.id);
    for due in due {
        let again = state.planned.doubles(state.seed).then(|| due.clone());
        for due in std::iter::once(due).chain(again) {
            let _number = state.webhooks.take(id, sandbox, due);
        }
    }
}
