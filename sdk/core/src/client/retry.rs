//! When a call is repeated, and how long it waits before.

use std::time::Duration;

use async_trait::async_trait;

use crate::{Context, Effect, Error, Op};

/// How a [`crate::Client`] repeats calls and how long it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How often a call is tried in all; 0 counts as 1.
    pub attempts: u32,
    /// The longest wait before the first repetition; it doubles with each further one.
    pub base_delay: Duration,
    /// The longest wait before any repetition. A provider that asks for more (`Retry-After`) is not asked again: the error goes to
    /// the caller, with [`Error::retry_after`].
    pub max_delay: Duration,
    /// How long one exchange may take; becomes [`crate::Limits::timeout`].
    pub exchange_timeout: Duration,
    /// How long a call may take with all waits and look-ups: nothing is started that would begin after it.
    pub deadline: Duration,
    /// Whether a look-up that finds nothing proves that nothing happened. Set it only for a provider whose look-ups see every payment at
    /// once, without a delayed index.
    pub not_found_is_proof: bool,
}

impl Default for Policy {
    /// 3 tries, waits of up to 250 ms and 500 ms, never more than 8 s; 30 s an exchange, 90 s a call; absence is no proof.
    fn default() -> Policy {
        Policy {
            attempts: 3,
            base_delay: Duration::from_millis(250),
            max_delay: Duration::from_secs(8),
            exchange_timeout: Duration::from_secs(30),
            deadline: Duration::from_secs(90),
            not_found_is_proof: false,
        }
    }
}

impl Policy {
    /// The wait before repetition `number` (from 1): what the provider asks, else half to whole of the doubling ceiling, by chance, so
    /// that many clients do not come back at the same time. `None` if the provider asks for more than [`Policy::max_delay`].
    pub(super) fn wait(&self, cx: &Context<'_>, number: u32, asked: Option<Duration>) -> Option<Duration> {
        if let Some(asked) = asked {
            return (asked <= self.max_delay).then_some(asked);
        }
        let factor = 2u32.saturating_pow(number.saturating_sub(1));
        let ceiling = self.base_delay.saturating_mul(factor).min(self.max_delay);
        let half = ceiling / 2;
        let span_micros = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).saturating_add(1);
        Some(half + Duration::from_micros(u64::from_be_bytes(cx.random()) % span_micros))
    }
}

/// Whether the same call can be made again without looking first: nothing happened at the provider, or a repetition does no harm
/// because the operation only reads or the provider answers the same key with the first result.
pub(super) fn repeatable(op: Op, replays: bool, error: &Error) -> bool {
    match error.effect() {
        Effect::None => error.retryable(),
        Effect::Unknown => error.transient() && (op.reads() || replays),
    }
}

/// Lets time pass between two tries; the application's runtime gives it (`quittance-reqwest` has one for tokio).
#[async_trait]
pub trait Sleep: Send + Sync {
    /// Comes back after `time`.
    async fn sleep(&self, time: Duration);
}

/// Does not wait at all: for tests, for [`crate::drive`], and for policies of one try.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSleep;

#[async_trait]
impl Sleep for NoSleep {
    async fn sleep(&self, _time: Duration) {}
}
