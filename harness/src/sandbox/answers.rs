//! The answers that were given under a key, with what was asked. Bounded: the oldest goes, and the next takes its memory.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher as _;

use bytes::Bytes;
use foldhash::fast::FixedState;
use http::{Response, StatusCode};

use super::book::Number;
use super::flat;

/// Most answers that are remembered.
const MAX_ANSWERS: usize = 10_000;

/// How many are forgotten at once.
const AT_ONCE: usize = 32;

/// Beyond this, in bytes, what a rare long answer took is given back.
const MAX_SPARE: usize = 16 << 10;

/// What an answer was given for.
#[derive(Debug, Clone, Default)]
pub(super) struct About {
    /// What was asked: a hash of method, path and body.
    pub(super) asked: u64,
    /// What was made, or what the request was about.
    pub(super) object: Option<Number>,
    /// The payment that it belongs to.
    pub(super) payment: Option<Number>,
    /// The exchange that answered, by its place in the list of all.
    pub(super) case: Option<usize>,
    pub(super) operation: Option<&'static str>,
}

/// An answer that was given under a key.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) about: About,
    status: StatusCode,
    hash: u64,
    /// The key, the headers and the body, one after the other: in a place of their own each, they would cost more than what is done
    /// with them.
    bytes: Vec<u8>,
    key_end: usize,
    head_end: usize,
}

impl Given {
    fn key(&self) -> &[u8] {
        self.bytes.get(..self.key_end).unwrap_or_default()
    }

    /// The answer as it was.
    pub(super) fn response(&self) -> Response<Bytes> {
        let body = self.bytes.get(self.head_end..).unwrap_or_default();
        let mut response = Response::new(Bytes::copy_from_slice(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = flat::read(self.bytes.get(self.key_end..self.head_end).unwrap_or_default());
        response
    }
}

/// The last answers by key.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The number of an answer by the hash of its key.
    index: HashMap<u64, u64, FixedState>,
    hashes: RandomState,
    /// The oldest at the front.
    kept: VecDeque<Given>,
    /// The number of the oldest.
    first: u64,
    /// Memory of those that were forgotten.
    spare: Vec<Given>,
}

impl Answers {
    pub(super) fn get(&self, key: &str) -> Option<&Given> {
        let number = self.index.get(&self.hashes.hash_one(key))?;
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.kept.get(at).filter(|given| given.key() == key.as_bytes())
    }

    /// Remembers an answer under its key.
    pub(super) fn add(&mut self, key: &str, about: About, answer: &Response<Bytes>) {
        if self.kept.len() >= MAX_ANSWERS {
            self.forget();
        }
        let mut given = self.spare.pop().unwrap_or_default();
        let bytes = &mut given.bytes;
        bytes.clear();
        bytes.shrink_to(MAX_SPARE);
        let head = answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum::<usize>();
        bytes.reserve_exact(key.len() + head + answer.body().len());
        bytes.extend_from_slice(key.as_bytes());
        given.key_end = bytes.len();
        flat::write(answer.headers(), bytes);
        given.head_end = bytes.len();
        bytes.extend_from_slice(answer.body());
        (given.about, given.status, given.hash) = (about, answer.status(), self.hashes.hash_one(key));
        let number = self.first + u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        self.index.insert(given.hash, number);
        self.kept.push_back(given);
    }

    /// Forgets some of the oldest at once: they were not touched for long, and memory is waited for together.
    fn forget(&mut self) {
        for oldest in self.kept.drain(..AT_ONCE.min(self.kept.len())) {
            // A newer answer may stand under the same hash.
            if let Entry::Occupied(number) = self.index.entry(oldest.hash)
                && *number.get() == self.first
            {
                number.remove();
            }
            self.first += 1;
            self.spare.push(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answers_are_remembered() {
        let mut answers = Answers::default();
        let answer = |number: usize| {
            let answer = Response::builder().status(201).header("x-number", number);
            answer.body(Bytes::from(format!("answer {number}"))).unwrap()
        };
        for number in 0..MAX_ANSWERS + 10 {
            let about = About { object: Some(Number::try_from(number).unwrap()), ..About::default() };
            answers.add(&format!("key {number}"), about, &answer(number));
        }
        let left = MAX_ANSWERS - AT_ONCE + 10;
        assert_eq!((answers.kept.len(), answers.index.len()), (left, left));
        assert!(answers.get(&format!("key {}", AT_ONCE - 1)).is_none() && answers.get("key").is_none());
        for number in [AT_ONCE, MAX_ANSWERS, MAX_ANSWERS + 9] {
            let given = answers.get(&format!("key {number}")).unwrap();
            let (found, wanted) = (given.response(), answer(number));
            assert_eq!((found.status(), found.headers()), (wanted.status(), wanted.headers()));
            assert_eq!((found.body(), given.about.object), (wanted.body(), Some(Number::try_from(number).unwrap())));
        }
    }
}
