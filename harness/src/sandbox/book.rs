//! What a sandbox remembers: objects with their ids and amounts, and the answers that were given under a key. Bounded: the oldest goes.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use quittance::Currency;

use super::answers::Answers;
use super::known::{Account, Kind, Known, Role};
use super::texts::{Of, Texts};
use crate::tape::Hole;

/// Most objects that are remembered.
const MAX_OBJECTS: usize = 50_000;

/// How many of them are forgotten at once.
const AT_ONCE: usize = 32;

/// Most requests and deliveries that one object collects children of.
const MAX_CHILDREN: usize = 64;

/// The number of an object, ever rising.
pub(super) type Number = u64;

/// Something that a request made.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) kind: Kind,
    /// What it was made for: a refund's payment, a payment's customer.
    pub(super) parent: Option<Number>,
    pub(super) children: Vec<Number>,
    /// Its ids, and what was sent for it.
    pub(super) texts: Texts,
    /// How it stands, as it was told.
    pub(super) account: Account,
    /// How it will stand when all has settled.
    pub(super) end: Account,
    /// What comes of it once somebody else has decided: its customer, their bank.
    pub(super) later: Option<Later>,
    pub(super) currency: Option<Currency>,
    /// The exchange that made it, by its place in the list of all; none where a delivery did.
    pub(super) made_by: Option<usize>,
    /// An exchange whose test card was recognised.
    pub(super) card_of: Option<usize>,
    pub(super) requests: u32,
}

impl Object {
    /// The id as the provider gives it; empty where it has none.
    pub(super) fn id(&self) -> &str {
        self.texts.get(Of::Id, "").unwrap_or_default()
    }
}

/// What comes of a payment that waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Later {
    pub(super) account: Account,
    /// The exchange that made it, by its place in the list of all.
    pub(super) known: usize,
}

/// What requests of a provider name objects by.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Names of minted values that are asked for.
    minted: HashSet<String, FixedState>,
    references: bool,
    caught: bool,
    digests: bool,
}

impl Named {
    /// As the tapes show; `refuses` where a reference that was taken is refused. Of names that are `akin` all are asked for where one is.
    pub(super) fn of(known: &[Known], akin: &[BTreeSet<String>], refuses: bool) -> Named {
        let mut named = Named { references: refuses, caught: refuses, ..Named::default() };
        for one in known {
            // What is part of a handle may be named otherwise than the tapes do.
            named.minted.extend(one.at.lineage.parts.keys().cloned());
            for want in &one.wants {
                match &want.role {
                    Role::Holes(template) => template.holes().for_each(|hole| named.add(hole, one)),
                    Role::Digest => named.digests = true,
                    _ => {}
                }
            }
        }
        named.join(akin);
        named
    }

    /// Adds the names that stand for the same values as those that are asked for.
    fn join(&mut self, akin: &[BTreeSet<String>]) {
        let mut left: Vec<&BTreeSet<String>> = akin.iter().collect();
        // What was added may be akin to others.
        while let Some(at) = left.iter().position(|names| names.iter().any(|name| self.minted.contains(name))) {
            let names = left.swap_remove(at);
            self.minted.extend(names.iter().cloned());
        }
    }

    fn add(&mut self, hole: &Hole, known: &Known) {
        let makes_nothing = !known.at.acts && known.at.creates.is_none();
        match hole {
            Hole::Gen { name, .. } => drop(self.minted.insert(name.clone())),
            Hole::Capture(_) => self.caught = true,
            Hole::Reference(step) => {
                self.references |= makes_nothing || step.is_some_and(|step| step != known.at.step);
            }
            _ => {}
        }
    }

    /// Whether an object of this kind is named by such a text of that name. Of payments most minted values are never asked for.
    fn has(&self, kind: Kind, of: Of, name: &str) -> bool {
        match of {
            Of::Minted => matches!(kind, Kind::Other | Kind::Token) || self.minted.contains(name),
            Of::Reference => self.references,
            Of::Caught => self.caught,
            Of::Digest => self.digests,
            Of::Id | Of::Key | Of::Part | Of::Sample | Of::Sent => false,
        }
    }
}

/// All that is remembered.
#[derive(Debug, Default)]
pub(super) struct Book {
    named: Named,
    /// In the order of their numbers.
    objects: VecDeque<(Number, Box<Object>)>,
    /// By the hash of what names an object, which is under a key of its own; whether that is so stands in the object.
    index: HashMap<u64, Number, FixedState>,
    /// What stands in the index, in the order in which it came there, so that who is forgotten need not be looked at.
    indexed: VecDeque<(Number, u64)>,
    hashes: RandomState,
    pub(super) answers: Answers,
    next: Number,
    /// Memory of objects that were forgotten.
    #[expect(clippy::vec_box, reason = "the boxes themselves are used again")]
    spare: Vec<Box<Object>>,
}

impl Book {
    pub(super) fn new(named: Named) -> Book {
        Book { named, ..Book::default() }
    }

    pub(super) fn get(&self, number: Number) -> Option<&Object> {
        self.place(number).and_then(|at| self.objects.get(at)).map(|(_, object)| object.as_ref())
    }

    pub(super) fn get_mut(&mut self, number: Number) -> Option<&mut Object> {
        self.place(number).and_then(|at| self.objects.get_mut(at)).map(|(_, object)| object.as_mut())
    }

    fn place(&self, number: Number) -> Option<usize> {
        // Most is asked of what was made last.
        let last = self.objects.len().checked_sub(1)?;
        let is_last = self.objects.get(last).is_some_and(|(other, _)| *other == number);
        if is_last { Some(last) } else { self.objects.binary_search_by_key(&number, |(other, _)| *other).ok() }
    }

    /// The newest object that is named so.
    pub(super) fn find(&self, of: Of, text: &str) -> Option<Number> {
        let number = *self.index.get(&self.hashes.hash_one((of, text)))?;
        self.get(number).filter(|object| object.texts.has(of, text)).map(|_| number)
    }

    /// The newest object with this id. Nothing but who looks asks for it.
    pub(super) fn with_id(&self, id: &str) -> Option<Number> {
        self.newest().find(|(_, object)| object.id() == id).map(|(number, _)| number)
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
        if let Some(parent) = object.parent.and_then(|parent| self.get_mut(parent)) {
            if parent.children.len() >= MAX_CHILDREN {
                parent.children.remove(0);
            }
            parent.children.push(number);
        }
        for (of, text) in names(&self.named, &object) {
            let hash = self.hashes.hash_one((of, text));
            self.index.insert(hash, number);
            self.indexed.push_back((number, hash));
        }
        let place = self.room(object);
        let is_newest = self.objects.back().is_none_or(|(last, _)| *last < number);
        let end = self.objects.len();
        let at = if is_newest { end } else { self.objects.partition_point(|(other, _)| *other < number) };
        self.objects.insert(at, (number, place));
    }

    /// A place for an object: that of one that is forgotten, where there are as many as may be.
    fn room(&mut self, object: Object) -> Box<Object> {
        if self.objects.len() >= MAX_OBJECTS {
            self.forget();
        }
        let Some(mut place) = self.spare.pop() else { return Box::new(object) };
        *place = object;
        place
    }

    /// Forgets some of the oldest at once: they were not touched for long, and memory is waited for together.
    fn forget(&mut self) {
        let oldest = AT_ONCE.min(self.objects.len());
        let last = oldest.checked_sub(1).and_then(|last| self.objects.get(last)).map(|(number, _)| *number);
        self.spare.extend(self.objects.drain(..oldest).map(|(_, object)| object));
        last.into_iter().for_each(|last| self.forget_names(last));
    }

    /// Memory for the texts of the next object: that of one that was forgotten.
    pub(super) fn spare(&mut self) -> Texts {
        self.spare.last_mut().map(|object| std::mem::take(&mut object.texts)).unwrap_or_default()
    }

    /// Takes out of the index what the objects up to this one were found by. What one was named later stands further back, leads
    /// nowhere, and goes when it comes to the front.
    fn forget_names(&mut self, oldest: Number) {
        while let Some((number, hash)) = self.indexed.pop_front_if(|(number, _)| *number <= oldest) {
            if let Entry::Occupied(named) = self.index.entry(hash)
                && *named.get() == number
            {
                named.remove();
            }
        }
    }

    /// Remembers a further minted value of an object.
    pub(super) fn mint(&mut self, number: Number, name: &str, value: &str) {
        let Some(object) = self.get(number) else { return };
        let known = object.texts.get(Of::Minted, name);
        if known == Some(value) {
            return;
        }
        let is_new = known.is_none() && self.named.has(object.kind, Of::Minted, name);
        // A capture's delivery repeats the payment's id, which stays the payment's.
        let is_free = self.find(Of::Minted, value).is_none();
        if let Some(object) = self.get_mut(number) {
            object.texts.set(Of::Minted, name, value);
        }
        if is_new && is_free {
            let hash = self.hashes.hash_one((Of::Minted, value));
            self.index.insert(hash, number);
            self.indexed.push_back((number, hash));
        }
    }

    /// The object itself, then what it was made for, and so on up.
    pub(super) fn line(&self, number: Number) -> impl Iterator<Item = (Number, &Object)> {
        let mut next = Some(number);
        let mut left = 16;
        std::iter::from_fn(move || {
            let number = next.filter(|_| left > 0)?;
            left -= 1;
            let object = self.get(number)?;
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

    /// The refunds that were made of an object or of what was made of it, the oldest first; those that failed aside.
    pub(super) fn refunds(&self, number: Number) -> Vec<Number> {
        let (mut found, mut left) = (Vec::new(), vec![number]);
        while let Some(number) = left.pop() {
            let children = self.get(number).into_iter().flat_map(|object| &object.children);
            for (child, object) in children.filter_map(|child| Some((*child, self.get(*child)?))) {
                match object.kind {
                    Kind::Refund if object.account.state == "failed" => {}
                    Kind::Refund => found.push(child),
                    _ => left.push(child),
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// The payment that was made last.
    pub(super) fn newest_payment(&self) -> Option<Number> {
        self.newest().find(|(_, object)| object.kind == Kind::Payment).map(|(number, _)| number)
    }

    /// The newest objects first.
    pub(super) fn newest(&self) -> impl Iterator<Item = (Number, &Object)> {
        self.objects.iter().rev().map(|(number, object)| (*number, object.as_ref()))
    }
}

/// What an object is found by.
fn names<'o>(named: &'o Named, object: &'o Object) -> impl Iterator<Item = (Of, &'o str)> {
    let found_by = |of: Of| matches!(of, Of::Minted | Of::Reference | Of::Caught | Of::Digest);
    let all = object.texts.of_kinds(found_by).filter(|(of, name, _)| named.has(object.kind, *of, name));
    all.map(|(of, _, text)| (of, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(id: usize) -> Object {
        let mut texts = Texts::default();
        texts.add(Of::Id, "", &format!("p{id}"));
        texts.add(Of::Minted, "payment", &format!("m{id}"));
        texts.add(Of::Reference, "", &format!("r{id}"));
        Object {
            kind: Kind::Payment,
            parent: None,
            children: Vec::new(),
            texts,
            account: Account::NONE,
            end: Account::NONE,
            later: None,
            currency: None,
            made_by: None,
            card_of: None,
            requests: 1,
        }
    }

    #[test]
    fn a_value_is_found_by_whatever_name_a_tape_gives_it() {
        let group = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
        let mut named = Named { minted: HashSet::from_iter(["order".to_owned()]), ..Named::default() };
        named.join(&[group(&["second", "third"]), group(&["fee", "rate"]), group(&["order", "second"])]);
        let mut book = Book::new(named);
        let number = book.number();
        let mut texts = Texts::default();
        [("third", "t-1"), ("fee", "f-1")].iter().for_each(|(name, text)| texts.add(Of::Minted, name, text));
        book.add(number, Object { texts, ..object(1) });
        assert_eq!((book.find(Of::Minted, "t-1"), book.find(Of::Minted, "f-1")), (Some(number), None));
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let minted = HashSet::from_iter(["payment".to_owned()]);
        let mut book = Book::new(Named { minted, references: true, ..Named::default() });
        for id in 0..MAX_OBJECTS + 10 {
            let number = book.number();
            book.add(number, object(id));
        }
        let left = MAX_OBJECTS - AT_ONCE + 10;
        assert_eq!((book.objects.len(), book.index.len()), (left, 2 * left));
        let named = |kind: &str, id: usize| format!("{kind}{id}");
        let (gone, first) = (AT_ONCE - 1, AT_ONCE);
        assert_eq!(
            (book.find(Of::Minted, &named("m", gone)), book.find(Of::Reference, &named("r", gone))),
            (None, None)
        );
        assert!(book.find(Of::Minted, &named("m", first)).is_some());
        let number = Number::try_from(first).unwrap() + 1;
        assert_eq!((book.with_id(&named("p", gone)), book.with_id(&named("p", first))), (None, Some(number)));
    }
}
