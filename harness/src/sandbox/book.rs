//! What a sandbox remembers: objects with their ids and amounts, and the answers that were given under a key. Bounded: the oldest goes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use quittance::Currency;

use super::known::{Account, Kind};

/// Most objects that are remembered.
const MAX_OBJECTS: usize = 50_000;

/// Most answers that are remembered by their key.
const MAX_ANSWERS: usize = 10_000;

/// Most requests and deliveries that one object collects children of.
const MAX_CHILDREN: usize = 64;

/// What an object may be named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// A minted value.
    Minted,
    /// A value of the client's choice.
    Caught,
    /// The merchant's reference.
    Reference,
    /// The id that follows from the reference.
    Digest,
    /// The whole id.
    Id,
}

/// The number of an object, ever rising.
pub(super) type Number = u64;

/// Something that a request made.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) kind: Kind,
    /// The id as the provider gives it.
    pub(super) id: String,
    /// What it was made for: a refund's payment, a payment's customer.
    pub(super) parent: Option<Number>,
    pub(super) children: Vec<Number>,
    /// Minted values by name.
    pub(super) minted: BTreeMap<String, String>,
    /// The parts of its handle; the id itself is the part without a name.
    pub(super) parts: BTreeMap<String, String>,
    /// Values that the client chose, by name.
    pub(super) caught: BTreeMap<String, String>,
    pub(super) reference: Option<String>,
    pub(super) key: Option<String>,
    /// The id that follows from the reference.
    pub(super) digest: Option<String>,
    /// Sample values of the card or method, without what must not be kept.
    pub(super) samples: Arc<BTreeMap<String, String>>,
    /// What was sent and is repeated in later answers, by its place.
    pub(super) sent: BTreeMap<String, String>,
    /// How it stands, as it was told.
    pub(super) account: Account,
    /// How it will stand when all has settled.
    pub(super) end: Account,
    /// What comes of it once somebody else has decided: its customer, their bank.
    pub(super) later: Option<Later>,
    pub(super) currency: Option<Currency>,
    /// The case whose exchange made it.
    pub(super) case: String,
    /// Family and brand of the method.
    pub(super) method: String,
    /// The test card of the profile that was recognised.
    pub(super) card: String,
    pub(super) requests: u32,
}

/// What comes of a payment that waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Later {
    pub(super) account: Account,
    /// The exchange that made it, by its place in the list of all.
    pub(super) known: usize,
}

/// An answer that was given under a key.
#[derive(Debug, Clone)]
pub(super) struct Given {
    /// What was asked: a hash of method, path and body.
    pub(super) asked: u64,
    pub(super) response: Response<Bytes>,
    /// What was made, or what the request was about.
    pub(super) object: Option<Number>,
    pub(super) payment: Option<String>,
    pub(super) case: String,
    pub(super) operation: String,
}

/// All that is remembered.
#[derive(Debug, Default)]
pub(super) struct Book {
    objects: HashMap<Number, Object>,
    order: VecDeque<Number>,
    /// By what an object may be named by, and the text.
    index: [HashMap<String, Number>; 5],
    answers: HashMap<String, Given>,
    answer_order: VecDeque<String>,
    next: Number,
}

impl Book {
    pub(super) fn get(&self, number: Number) -> Option<&Object> {
        self.objects.get(&number)
    }

    pub(super) fn get_mut(&mut self, number: Number) -> Option<&mut Object> {
        self.objects.get_mut(&number)
    }

    pub(super) fn find(&self, by: By, text: &str) -> Option<Number> {
        self.index.get(by as usize)?.get(text).copied()
    }

    fn name(&mut self, by: By, text: String, number: Number) {
        if let Some(index) = self.index.get_mut(by as usize) {
            index.insert(text, number);
        }
    }

    fn forget(&mut self, by: By, text: &str, number: Number) {
        if let Some(index) = self.index.get_mut(by as usize)
            && index.get(text) == Some(&number)
        {
            index.remove(text);
        }
    }

    /// A number that was not given before: every minted value follows from the seed and it.
    pub(super) fn number(&mut self) -> Number {
        self.next += 1;
        self.next
    }

    /// The number that is given next.
    pub(super) fn number_ahead(&self) -> Number {
        self.next + 1
    }

    /// Remembers an object under its number.
    pub(super) fn add(&mut self, number: Number, object: Object) {
        if let Some(parent) = object.parent.and_then(|parent| self.objects.get_mut(&parent)) {
            if parent.children.len() >= MAX_CHILDREN {
                parent.children.remove(0);
            }
            parent.children.push(number);
        }
        for (by, text) in keys(&object) {
            self.name(by, text, number);
        }
        self.objects.insert(number, object);
        self.order.push_back(number);
        while self.order.len() > MAX_OBJECTS {
            let Some(oldest) = self.order.pop_front() else { break };
            let Some(gone) = self.objects.remove(&oldest) else { continue };
            for (by, text) in keys(&gone) {
                self.forget(by, &text, oldest);
            }
        }
    }

    /// Remembers a further minted value of an object.
    pub(super) fn mint(&mut self, number: Number, name: &str, value: &str) {
        if let Some(object) = self.objects.get_mut(&number)
            && object.minted.insert(name.to_owned(), value.to_owned()).is_none()
            // A capture's delivery repeats the payment's id, which stays the payment's.
            && self.find(By::Minted, value).is_none()
        {
            self.name(By::Minted, value.to_owned(), number);
        }
    }

    /// The object itself, then what it was made for, and so on up.
    pub(super) fn line(&self, number: Number) -> impl Iterator<Item = (Number, &Object)> {
        let mut next = Some(number);
        let mut left = 16;
        std::iter::from_fn(move || {
            let number = next.filter(|_| left > 0)?;
            left -= 1;
            let object = self.objects.get(&number)?;
            next = object.parent;
            Some((number, object))
        })
    }

    /// The payment, mandate or payout that an object belongs to.
    pub(super) fn root(&self, number: Number) -> Option<Number> {
        let root = |(number, object): (Number, &Object)| {
            matches!(object.kind, Kind::Payment | Kind::Payout | Kind::Mandate).then_some(number)
        };
        self.line(number).find_map(root)
    }

    pub(super) fn given(&self, key: &str) -> Option<&Given> {
        self.answers.get(key)
    }

    pub(super) fn give(&mut self, key: String, given: Given) {
        if self.answers.insert(key.clone(), given).is_none() {
            self.answer_order.push_back(key);
        }
        while self.answer_order.len() > MAX_ANSWERS {
            if let Some(oldest) = self.answer_order.pop_front() {
                self.answers.remove(&oldest);
            }
        }
    }

    /// The payment that was made last.
    pub(super) fn newest_payment(&self) -> Option<Number> {
        self.newest().find(|(_, object)| object.kind == Kind::Payment).map(|(number, _)| number)
    }

    /// The newest objects first.
    pub(super) fn newest(&self) -> impl Iterator<Item = (Number, &Object)> {
        self.order.iter().rev().filter_map(|number| Some((*number, self.objects.get(number)?)))
    }
}

/// The keys under which an object is found.
fn keys(object: &Object) -> Vec<(By, String)> {
    let minted = object.minted.values().map(|value| (By::Minted, value.clone()));
    let caught = object.caught.values().map(|value| (By::Caught, value.clone()));
    let own = [(By::Reference, &object.reference), (By::Digest, &object.digest)];
    let own = own.into_iter().filter_map(|(by, value)| value.clone().map(|value| (by, value)));
    let id = (!object.id.is_empty()).then(|| (By::Id, object.id.clone()));
    minted.chain(caught).chain(own).chain(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(id: usize) -> Object {
        Object {
            kind: Kind::Payment,
            id: format!("p{id}"),
            parent: None,
            children: Vec::new(),
            minted: BTreeMap::from([("payment".to_owned(), format!("m{id}"))]),
            parts: BTreeMap::new(),
            caught: BTreeMap::new(),
            reference: Some(format!("r{id}")),
            key: None,
            digest: None,
            samples: Arc::default(),
            sent: BTreeMap::new(),
            account: Account::NONE,
            end: Account::NONE,
            later: None,
            currency: None,
            case: String::new(),
            method: String::new(),
            card: String::new(),
            requests: 1,
        }
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut book = Book::default();
        for id in 0..MAX_OBJECTS + 10 {
            let number = book.number();
            book.add(number, object(id));
        }
        assert_eq!(book.objects.len(), MAX_OBJECTS);
        assert_eq!(book.index.iter().map(HashMap::len).sum::<usize>(), 3 * MAX_OBJECTS);
        assert_eq!((book.find(By::Minted, "m9"), book.find(By::Reference, "r9")), (None, None));
        assert!(book.find(By::Id, "p10").is_some());
    }
}
