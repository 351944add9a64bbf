//! Which tokens were used before.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// Remembers the tokens that were opened. An application with several instances gives one that they share.
pub trait Replays: Send + Sync {
    /// Notes `id` until `until` and says whether it was new at `now`. Both in one step: of two calls at the same time, one is told `false`.
    /// A store that cannot answer says `false`: the token is refused.
    fn is_new(&self, id: &str, now: Timestamp, until: Timestamp) -> bool;
}

/// How many tokens a [`MemoryReplays`] remembers at a time.
const CAPACITY: usize = 100_000;

/// Remembers in this process, at most 100,000 tokens at a time; when it is full of tokens that could still be replayed, it refuses more.
#[derive(Debug, Default)]
pub struct MemoryReplays(Mutex<HashMap<String, Timestamp>>);

impl Replays for MemoryReplays {
    fn is_new(&self, id: &str, now: Timestamp, until: Timestamp) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= CAPACITY {
            seen.retain(|_, until| *until >= now);
        }
        if seen.len() >= CAPACITY || seen.get(id).is_some_and(|until| *until >= now) {
            return false;
        }
        seen.insert(id.to_owned(), until);
        true
    }
}
