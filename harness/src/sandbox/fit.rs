//! How well a request fits each exchange of a route.
//!
//! The exchanges of a route want much the same values. So each value that any of them wants is read once for a request, and how it fits
//! an exchange is put together of what was read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use quittance::Currency;

use super::book::{Book, Number};
use super::choice::{Chooser, Choosers};
use super::known::{Kind, Known, Role, Want};
use super::leaves::Value;
use super::proof::Spared;
use super::read::{Caught, caught};
use super::roles::{Figure, Quantity};
use super::tell::is_incidental;
use super::texts::Of;
use crate::tape::{Encoding, Hole, Part, Template};

/// How much a value tells about which exchange is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) same: i32,
    pub(super) other: i32,
    pub(super) missing: i32,
}

/// A value that exchanges want.
#[derive(Debug)]
struct Probe {
    place: usize,
    weight: Weight,
    /// An exchange that wants it, by its place in the list of all; to the others it tells the same.
    known: usize,
    /// Its place among what that one wants.
    want: usize,
}

/// What one exchange wants, by the numbers of probes.
#[derive(Debug)]
pub(super) struct Row {
    /// The exchange, by its place in the list of all.
    index: usize,
    /// Those that not all exchanges of the route have.
    own: Vec<usize>,
    /// Those that bring more than a score: names, keys, a currency.
    bringing: Vec<usize>,
    /// The places of amounts.
    amounts: Vec<(usize, Figure, Quantity)>,
    /// What chooses it, where that is a test card.
    chooser: Option<Picks>,
}

/// What a test card is told by.
#[derive(Debug)]
struct Picks {
    amount: Option<i64>,
    /// Where a sample value is sent: the probe and the place among what is caught by it; and the value of this card.
    samples: Vec<(Vec<(usize, usize)>, String)>,
}

/// All that the exchanges of a route want.
#[derive(Debug, Default)]
pub(super) struct Probes {
    /// Every place of a value, with its number.
    places: HashMap<String, usize>,
    /// By place: how much it tells that something stands there, where some exchanges have it and others do not.
    telling: Vec<i32>,
    all: Vec<Probe>,
    /// Those that all exchanges have.
    common: Vec<usize>,
    /// By exchange, in the order of the route's candidates.
    rows: Vec<Row>,
}

/// What a value tells of whether an exchange is meant.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    score: i32,
    /// How many values were sent.
    present: usize,
    absent: bool,
    unproven: bool,
    no_amount: bool,
    /// Whether a value is missing that stands in no header.
    lacks: bool,
    /// Whether a value is missing or another than the tape's.
    differs: bool,
}

impl Mark {
    fn add(&mut self, other: Mark) {
        self.score += other.score;
        self.present += other.present;
        self.absent |= other.absent;
        self.unproven |= other.unproven;
        self.no_amount |= other.no_amount;
        self.lacks |= other.lacks;
        self.differs |= other.differs;
    }
}

/// What a value brings beside its mark.
#[derive(Debug, Clone, Default)]
struct Brought<'r> {
    caught: Range<usize>,
    named: Range<usize>,
    currency: Option<Currency>,
    reference: Option<&'r str>,
    key: Option<&'r str>,
    digest: Option<&'r str>,
}

/// What was read of one request, for all exchanges of its route.
#[derive(Debug, Default)]
pub(super) struct Readings<'r> {
    /// By place.
    values: Vec<Option<&'r str>>,
    /// By probe.
    marks: Vec<Mark>,
    brought: Vec<Brought<'r>>,
    caught: Vec<Caught<'r, 'r>>,
    named: Vec<Number>,
    /// Of the probes that all exchanges have, less what the places tell that are there.
    common: Mark,
    /// How many places have a value.
    present: usize,
    /// Whether something was sent that no exchange wants, and no transport adds.
    surplus: bool,
}

/// How a request fits an exchange.
#[derive(Debug)]
pub(super) struct Fit<'r> {
    /// The exchange, by its place in the list of all.
    pub(super) index: usize,
    pub(super) score: i32,
    /// The objects that are named.
    pub(super) named: Vec<Number>,
    /// Whether something is named that is not known.
    pub(super) absent: bool,
    /// Whether what authorizes is missing or wrong.
    pub(super) unproven: bool,
    pub(super) asked: Option<i64>,
    /// By how much more is asked than is reserved, where a request states that.
    pub(super) raised: Option<i64>,
    /// Whether an amount is to be sent and what was sent is none.
    pub(super) no_amount: bool,
    /// Whether nothing but headers differs from the exchange.
    pub(super) is_exact: bool,
    /// Whether nothing differs from the exchange, but what a transport adds.
    pub(super) is_same: bool,
    row: &'r Row,
    readings: &'r Readings<'r>,
}

/// What fits are judged by.
#[derive(Clone, Copy)]
pub(super) struct Ground<'k, 'g> {
    pub(super) known: &'k [Known],
    pub(super) book: &'g Book,
    pub(super) credentials: &'g BTreeMap<String, String>,
    /// Names of credentials that are secrets.
    pub(super) secrets: &'g HashSet<String>,
    pub(super) spared: &'g Spared,
}

impl Probes {
    /// What these exchanges want, in their order. `weights` has by exchange the place and weight of each of its values.
    pub(super) fn of(
        known: &[Known],
        candidates: &[usize],
        cards: &Choosers,
        places: HashMap<String, usize>,
        telling: Vec<i32>,
        weights: &[Vec<(usize, Weight)>],
    ) -> Probes {
        let mut probes = Probes { places, telling, ..Probes::default() };
        let own = candidates.iter().zip(weights).filter_map(|(index, row)| Some((*index, known.get(*index)?, row)));
        for (index, one, row) in own {
            let mut numbers: Vec<usize> = Vec::with_capacity(row.len());
            for (want, (place, weight)) in row.iter().enumerate() {
                numbers.push(probes.number(known, Probe { place: *place, weight: *weight, known: index, want }));
            }
            let row = probes.row(one, index, numbers, cards.get(&*one.at.lineage.card));
            probes.rows.push(row);
        }
        let in_all = |number: &usize| probes.rows.iter().all(|row| row.own.contains(number));
        probes.common = (0..probes.all.len()).filter(in_all).collect();
        for row in &mut probes.rows {
            row.own.retain(|number| probes.common.binary_search(number).is_err());
        }
        probes
    }

    /// The number of a probe: that of one that reads the same where there is one.
    fn number(&mut self, known: &[Known], probe: Probe) -> usize {
        let want = |probe: &Probe| {
            let one = known.get(probe.known)?;
            Some((one, one.wants.get(probe.want)?))
        };
        let same = |other: &Probe| {
            (other.place, other.weight) == (probe.place, probe.weight)
                && want(other).zip(want(&probe)).is_some_and(|(other, this)| reads_alike(other, this))
        };
        self.all.iter().position(same).unwrap_or_else(|| {
            self.all.push(probe);
            self.all.len() - 1
        })
    }

    fn row(&self, known: &Known, index: usize, numbers: Vec<usize>, chooser: Option<&Chooser>) -> Row {
        let wants = || numbers.iter().zip(&known.wants);
        let brings = |want: &Want| matches!(want.role, Role::Holes(_) | Role::Currency(_) | Role::Digest);
        let amount = |(number, want): (&usize, &Want)| match want.role {
            Role::Amount(figure, Some(quantity)) => Some((self.all.get(*number)?.place, figure, quantity)),
            _ => None,
        };
        // Where a sample value can stand: in which probe, and the how-manieth of its holes.
        let stands = |name: &String| {
            let of_want = |(number, want): (&usize, &Want)| -> Option<(usize, usize)> {
                let Role::Holes(template) = &want.role else { return None };
                let is = |hole: &Hole| matches!(hole, Hole::Card(hole) if hole == name);
                Some((*number, template.holes().position(is)?))
            };
            wants().filter_map(of_want).collect()
        };
        let picks = |chooser: &Chooser| Picks {
            amount: chooser.amount,
            samples: chooser.differs.iter().map(|(name, value)| (stands(name), value.clone())).collect(),
        };
        Row {
            index,
            bringing: wants().filter(|(_, want)| brings(want)).map(|(number, _)| *number).collect(),
            amounts: wants().filter_map(amount).collect(),
            chooser: chooser.map(picks),
            own: numbers,
        }
    }

    /// Whether any exchange has a value there.
    pub(super) fn has(&self, place: &str) -> bool {
        self.places.contains_key(place)
    }

    /// Reads all values of a request that any exchange wants.
    pub(super) fn read<'r>(&self, ground: Ground<'r, '_>, sent: &'r [Value]) -> Readings<'r> {
        let mut readings = Readings { values: vec![None; self.places.len()], ..Readings::default() };
        for value in sent {
            match self.places.get(&value.path).and_then(|place| readings.values.get_mut(*place)) {
                Some(slot) => *slot = Some(&value.text),
                None => readings.surplus |= !value.path.starts_with("path ") && !is_incidental(&value.path),
            }
        }
        let there = readings.values.iter().zip(&self.telling).filter(|(value, _)| value.is_some());
        for (_, telling) in there {
            readings.present += 1;
            readings.common.score -= telling;
        }
        readings.marks.reserve_exact(self.all.len());
        readings.brought.reserve_exact(self.all.len());
        for probe in &self.all {
            let read = self.probe(ground, probe, &mut readings);
            let (mark, brought) = read.unwrap_or_default();
            readings.marks.push(mark);
            readings.brought.push(brought);
        }
        let common = self.common.iter().filter_map(|number| readings.marks.get(*number));
        common.for_each(|mark| readings.common.add(*mark));
        readings
    }

    fn probe<'r>(
        &self,
        ground: Ground<'r, '_>,
        probe: &Probe,
        readings: &mut Readings<'r>,
    ) -> Option<(Mark, Brought<'r>)> {
        let known = ground.known.get(probe.known)?;
        let want = known.wants.get(probe.want)?;
        let (caught, named) = (readings.caught.len(), readings.named.len());
        let value = readings.values.get(probe.place).copied().flatten();
        let (mark, brought) = (Mark::default(), Brought::default());
        let mut reader = Reader { ground, known, path: &want.path, weight: probe.weight, mark, brought, readings };
        match value {
            Some(text) => {
                reader.mark.present = 1;
                reader.mark.score += self.telling.get(probe.place).copied().unwrap_or(0);
                reader.value(&want.role, text);
            }
            None => reader.missing(&want.role),
        }
        let Reader { mark, mut brought, readings, .. } = reader;
        (brought.caught, brought.named) = (caught..readings.caught.len(), named..readings.named.len());
        Some((mark, brought))
    }

    /// How each candidate fits, in their order.
    pub(super) fn fits<'r>(&'r self, known: &[Known], readings: &'r Readings<'r>) -> Vec<Fit<'r>> {
        let fit = |row: &'r Row| Some(row.fit(known.get(row.index)?, readings));
        self.rows.iter().filter_map(fit).collect()
    }
}

/// Whether a value tells both exchanges the same, whatever it is.
fn reads_alike((one, want): (&Known, &Want), (other, same): (&Known, &Want)) -> bool {
    let alike = |hole: &Hole| match hole {
        Hole::Gen { name, .. } => kind_of(one, name) == kind_of(other, name),
        Hole::Reference(Some(step)) => (*step == one.at.step) == (*step == other.at.step),
        _ => true,
    };
    want == same
        && match &want.role {
            Role::Holes(template) => {
                let does = |known: &Known| (known.at.acts, known.at.creates, known.at.op.reads());
                does(one) == does(other) && template.holes().all(alike)
            }
            Role::Digest => one.at.creates == other.at.creates,
            _ => true,
        }
}

fn kind_of(known: &Known, name: &str) -> Kind {
    known.at.lineage.names.get(name).copied().unwrap_or(Kind::Other)
}

impl Row {
    fn fit<'r>(&'r self, known: &Known, readings: &'r Readings<'r>) -> Fit<'r> {
        let mut mark = readings.common;
        for number in &self.own {
            mark.add(readings.marks.get(*number).copied().unwrap_or_default());
        }
        let whole = mark.present == readings.present;
        let mut fit = Fit {
            index: self.index,
            score: mark.score,
            named: Vec::new(),
            absent: mark.absent,
            unproven: mark.unproven,
            asked: None,
            raised: None,
            no_amount: mark.no_amount,
            is_exact: whole && !mark.lacks,
            is_same: whole && !mark.differs && !readings.surplus,
            row: self,
            readings,
        };
        for brought in self.bringing.iter().filter_map(|number| readings.brought.get(*number)) {
            for number in readings.named.get(brought.named.clone()).unwrap_or_default() {
                if !fit.named.contains(number) {
                    fit.named.push(*number);
                }
            }
        }
        fit.amounts(known);
        fit
    }
}

impl<'r> Fit<'r> {
    fn brought(&self) -> impl DoubleEndedIterator<Item = &'r Brought<'r>> + use<'r> {
        let readings = self.readings;
        self.row.bringing.iter().filter_map(|number| readings.brought.get(*number))
    }

    /// What stood in the holes of the exchange.
    pub(super) fn caught(&self) -> impl Iterator<Item = &'r Caught<'r, 'r>> + use<'r> {
        let readings = self.readings;
        self.brought().flat_map(|brought| readings.caught.get(brought.caught.clone()).unwrap_or_default())
    }

    /// The currency that was sent.
    pub(super) fn currency(&self) -> Option<Currency> {
        self.brought().find_map(|brought| brought.currency)
    }

    /// The merchant's reference that was sent.
    pub(super) fn reference(&self) -> Option<&'r str> {
        self.brought().find_map(|brought| brought.reference)
    }

    /// The idempotency key that was sent.
    pub(super) fn key(&self) -> Option<&'r str> {
        self.brought().rev().find_map(|brought| brought.key)
    }

    /// The id that follows from the reference, as it was sent.
    pub(super) fn digest(&self) -> Option<&'r str> {
        self.brought().rev().find_map(|brought| brought.digest)
    }

    /// Whether a test card chooses the exchange.
    pub(super) fn has_chooser(&self) -> bool {
        self.row.chooser.is_some()
    }

    /// Whether what was sent is what the test card of the exchange says; none where nothing of it was sent. `begins` for a request that
    /// begins a payment, whose amount may choose.
    pub(super) fn chosen(&self, begins: bool) -> Option<bool> {
        let picks = self.row.chooser.as_ref()?;
        // Where there is no amount to choose by, the number does.
        if let (Some(_), Some(asked)) = (picks.amount, self.asked.filter(|_| begins)) {
            return Some(Some(asked) == picks.amount);
        }
        let text = |(probe, at): &(usize, usize)| {
            let range = self.readings.brought.get(*probe)?.caught.clone();
            Some(self.readings.caught.get(range)?.get(*at)?.text)
        };
        let mut found = None;
        for (places, value) in &picks.samples {
            if let Some(sent) = places.iter().find_map(text) {
                found = Some(found.unwrap_or(true) && sent == value);
            }
        }
        found
    }

    /// Reads the amounts: after the currency, by which they are written.
    fn amounts(&mut self, known: &Known) {
        let currency = self.currency().or(known.at.lineage.currency);
        for (place, figure, quantity) in &self.row.amounts {
            let Some(text) = self.readings.values.get(*place).copied().flatten() else { continue };
            let read = figure.parse(text, currency);
            match quantity {
                Quantity::Asked if self.asked.is_none() => {
                    self.asked = read;
                    self.no_amount |= read.is_none_or(|minor| minor <= 0) && known.at.moment.asked != Some(0);
                }
                Quantity::Raised => self.raised = self.raised.or(read),
                _ => {}
            }
        }
        self.no_amount &= self.asked.is_none_or(|minor| minor <= 0);
        // Nothing is what a trial of a card asks for, and no payment.
        self.score -= if self.no_amount && self.asked.is_some() { 60 } else { 0 };
    }
}

/// Reads one value of a request for an exchange.
struct Reader<'r, 'g, 'o> {
    ground: Ground<'r, 'g>,
    known: &'r Known,
    path: &'r str,
    weight: Weight,
    mark: Mark,
    brought: Brought<'r>,
    readings: &'o mut Readings<'r>,
}

impl<'r> Reader<'r, '_, '_> {
    /// Nothing was sent there.
    fn missing(&mut self, role: &Role) {
        self.mark.score += self.weight.missing;
        self.mark.lacks = !self.path.starts_with("header ");
        self.mark.differs = true;
        match role {
            Role::Holes(template) => {
                // What names an object is not meant where none is named.
                let names = template.holes().any(|hole| matches!(hole, Hole::Gen { .. }));
                self.mark.score -= if names { 30 } else { 0 };
                self.mark.unproven |= self.proves(template);
            }
            Role::Amount(_, Some(Quantity::Asked | Quantity::Raised)) => self.mark.no_amount = true,
            _ => {}
        }
    }

    fn value(&mut self, role: &'r Role, text: &'r str) {
        match role {
            Role::Literal(literal) if literal == text => self.mark.score += self.weight.same,
            Role::Literal(_) => {
                self.mark.score += self.weight.other;
                self.mark.differs = true;
            }
            Role::Holes(template) => self.holes(template, text),
            Role::Digest => self.digest(text),
            Role::Currency(style) => {
                self.mark.score += self.weight.same;
                self.brought.currency = style.parse(text);
            }
            Role::Amount(..) => self.mark.score += self.weight.same,
        }
    }

    fn digest(&mut self, text: &'r str) {
        if matches!(self.known.at.creates, Some(Kind::Payment | Kind::Mandate | Kind::Payout)) {
            self.brought.digest = Some(text);
            return;
        }
        match self.ground.book.find(Of::Digest, text) {
            Some(number) => self.readings.named.push(number),
            None => self.mark.absent = true,
        }
    }

    fn holes(&mut self, template: &'r Template, text: &'r str) {
        let first = self.readings.caught.len();
        if !caught(template, text, &mut self.readings.caught) {
            self.mark.score += self.weight.other;
            self.mark.differs = true;
            let lone_key = self.path == "header authorization" && is_lone_key(self.ground, template, text);
            self.mark.unproven |= !lone_key && self.proves(template);
            // An id of another form than this one is of something else.
            self.mark.absent |= self.path.starts_with("path ");
            return;
        }
        self.mark.score += self.weight.same;
        for at in first..self.readings.caught.len() {
            if let Some(one) = self.readings.caught.get(at).copied() {
                self.hole(one);
            }
        }
    }

    fn hole(&mut self, one: Caught<'r, 'r>) {
        let (known, path, book) = (self.known, self.path, self.ground.book);
        match one.hole {
            Hole::Secret(name) => {
                let right = self.ground.credentials.get(name).is_some_and(|secret| *secret == one.text);
                self.mark.unproven |= !right && (path.starts_with("header ") || self.ground.secrets.contains(name));
                self.mark.score -= if right { 0 } else { 1 };
            }
            Hole::Basic { user, password } => {
                let half = |name: &str| self.ground.credentials.get(name).map_or("", String::as_str);
                let pair = format!("{}:{}", half(user), half(password));
                self.mark.unproven |= Encoding::Base64.encode(pair.as_bytes()) != one.text;
            }
            Hole::Gen { name, .. } => self.minted(name, one.text),
            Hole::Capture(_) => match book.find(Of::Caught, one.text) {
                Some(number) => self.readings.named.push(number),
                None => self.mark.absent |= path.starts_with("path ") && known.at.creates.is_none(),
            },
            Hole::Reference(step) => {
                let earlier = step.is_some_and(|step| step != known.at.step);
                if earlier || (!known.at.acts && known.at.creates.is_none()) {
                    match book.find(Of::Reference, one.text) {
                        Some(number) => self.readings.named.push(number),
                        None => {
                            let asks = path.starts_with("path ") || path.starts_with("query ") || known.at.op.reads();
                            self.mark.absent |= earlier || asks;
                        }
                    }
                }
                if !earlier {
                    self.brought.reference = self.brought.reference.or(Some(one.text));
                }
            }
            Hole::Key(_) => self.brought.key = Some(one.text),
            _ => {}
        }
    }

    fn minted(&mut self, name: &str, text: &str) {
        let number = self.ground.book.find(Of::Minted, text);
        let object = number.and_then(|number| self.ground.book.get(number));
        match (number, object) {
            (Some(_), Some(object)) if object.kind == Kind::Token => {}
            (Some(number), Some(object)) => {
                self.mark.score += if kind_of(self.known, name) == object.kind { 20 } else { -10 };
                self.readings.named.push(number);
            }
            _ if self.path == "header authorization" => self.mark.unproven = true,
            _ => {
                self.mark.score -= 15;
                self.mark.absent = true;
            }
        }
    }

    /// Whether a template holds what authorizes: a secret in a header or in the body.
    fn proves(&self, template: &Template) -> bool {
        template.holes().any(|hole| match hole {
            Hole::Secret(name) if self.ground.spared.has_credential(name) => false,
            Hole::Secret(name) => self.path.starts_with("header ") || self.ground.secrets.contains(name),
            Hole::Signature(name) => !self.ground.spared.has_recipe(name),
            Hole::Basic { .. } => true,
            Hole::Gen { .. } => self.path == "header authorization",
            _ => false,
        })
    }
}

/// Whether a key that the tape sends as a bearer's stands alone as the user of HTTP Basic, as some providers take it too (`curl -u KEY:`).
/// It is shown as a difference.
fn is_lone_key(ground: Ground<'_, '_>, template: &Template, text: &str) -> bool {
    let [Part::Text(scheme), Part::Hole(Hole::Secret(name))] = template.parts.as_slice() else { return false };
    let sent = text.strip_prefix("Basic ").and_then(|text| Encoding::Base64.decode(text.trim()));
    let key = ground.credentials.get(name);
    scheme == "Bearer " && key.zip(sent).is_some_and(|(key, sent)| sent.strip_suffix(b":") == Some(key.as_bytes()))
}
