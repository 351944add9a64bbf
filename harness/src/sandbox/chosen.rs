//! What was chosen before. A request that differs from an earlier one in nothing that decides (other keys, other references) is answered as
//! that one was, and of what the exchanges of its route want only what the chosen one wants is read.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};

use foldhash::fast::FixedState;

use super::reader::Mark;
use super::routes::Route;
use super::sent::Sent;

/// Most requests that are remembered; then all are forgotten.
const MOST: usize = 4_096;

/// The choices among the candidates of routes, by the mark of a request: the place of the chosen one, and what the request told of it.
#[derive(Debug, Default)]
pub(super) struct Chosen(HashMap<u64, (usize, Mark), FixedState>);

impl Chosen {
    /// What tells two requests of a route apart whose choices may differ; none where more than the request decides. Whoever makes two that
    /// collide gets the answer of the first.
    pub(super) fn mark(route: &Route, sent: &Sent<'_>) -> Option<u64> {
        let mut hasher = FixedState::default().build_hasher();
        route.number()?.hash(&mut hasher);
        for (place, text) in route.deciding(sent) {
            (place, text).hash(&mut hasher);
        }
        Some(hasher.finish())
    }

    pub(super) fn get(&self, mark: u64) -> Option<(usize, Mark)> {
        self.0.get(&mark).copied()
    }

    pub(super) fn note(&mut self, mark: u64, at: usize, of_request: Mark) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(mark, (at, of_request));
    }
}
