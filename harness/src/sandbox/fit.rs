//! How well a request fits each exchange of a route.
//!
//! The exchanges of a route want much the same values. So each value that any of them wants is read once for a request, and how it fits
//! an exchange is put together of what was read.

use std::collections::HashMap;

use quittance::Currency;

use super::book::Number;
use super::choice::{Chooser, Choosers};
use super::known::{Known, Role, Want};
use super::read::Caught;
use super::reader::{Brought, Flag, Ground, Mark, Reader, kind_of};
use super::roles::{Figure, Quantity};
use super::sent::{Place, Sent};
use super::tell::is_incidental;
use super::understand::begins;
use crate::tape::Hole;

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
    /// Whether it brings more than a mark: names, keys, a currency.
    brings: bool,
}

/// What one exchange wants, by the numbers of probes.
#[derive(Debug)]
pub(super) struct Row {
    /// The exchange, by its place in the list of all.
    index: usize,
    /// Those that it has and most exchanges of the route do not.
    own: Vec<usize>,
    /// Those that most have and it does not.
    without: Vec<usize>,
    /// Those that bring more than a mark, by their numbers among those.
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
    /// Where a sample value is sent: the number of what is brought and the place among what is caught by it; and the value of this card.
    samples: Vec<(Vec<(usize, usize)>, String)>,
}

/// All that the exchanges of a route want.
#[derive(Debug, Default)]
pub(super) struct Probes {
    /// The places of values by their numbers among all of the provider: their numbers here.
    places: Vec<Option<usize>>,
    /// By place: how much it tells that something stands there, where some exchanges have it and others do not.
    telling: Vec<i32>,
    all: Vec<Probe>,
    /// Those that most exchanges have.
    common: Vec<usize>,
    /// By exchange, in the order of the route's candidates.
    rows: Vec<Row>,
}

/// What was read of one request, for all exchanges of its route.
#[derive(Debug, Default)]
pub(super) struct Readings<'r> {
    /// By place.
    values: Vec<Option<&'r str>>,
    /// By probe.
    marks: Vec<Mark>,
    /// By probe that brings something.
    brought: Vec<Brought<'r>>,
    pub(super) caught: Vec<Caught<'r, 'r>>,
    pub(super) named: Vec<Number>,
    /// Of the probes that most exchanges have, less what the places tell that are there.
    common: Mark,
    /// How many places have a value.
    present: i32,
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

impl Probes {
    /// What these exchanges want, in their order. `weights` has by exchange the place and weight of each of its values.
    pub(super) fn of(
        known: &[Known],
        candidates: &[usize],
        cards: &Choosers,
        places: HashMap<Place, usize>,
        telling: Vec<i32>,
        weights: &[Vec<(usize, Weight)>],
    ) -> Probes {
        let numbers = 0..places.keys().max().map_or(0, |last| last + 1);
        let places = numbers.map(|place| places.get(&place).copied()).collect();
        let mut probes = Probes { places, telling, ..Probes::default() };
        let own = candidates.iter().zip(weights).filter_map(|(index, row)| Some((*index, known.get(*index)?, row)));
        for (index, one, row) in own {
            let mut numbers: Vec<usize> = Vec::with_capacity(row.len());
            for (want, (place, weight)) in row.iter().enumerate() {
                let brings = one.wants.get(want).is_some_and(brings);
                numbers
                    .push(probes.number(known, Probe { place: *place, weight: *weight, known: index, want, brings }));
            }
            let row = probes.row(one, index, numbers, cards.get(&*one.at.lineage.card));
            probes.rows.push(row);
        }
        let having = |number: &usize| probes.rows.iter().filter(|row| row.own.contains(number)).count();
        let in_most = |number: &usize| 2 * having(number) > probes.rows.len();
        probes.common = (0..probes.all.len()).filter(in_most).collect();
        for row in &mut probes.rows {
            row.without = probes.common.iter().copied().filter(|number| !row.own.contains(number)).collect();
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
        // The number of a probe among those that bring something.
        let brought = |number: usize| self.all.iter().take(number).filter(|probe| probe.brings).count();
        let amount = |(number, want): (&usize, &Want)| match want.role {
            Role::Amount(figure, Some(quantity)) => Some((self.all.get(*number)?.place, figure, quantity)),
            _ => None,
        };
        // Where a sample value can stand: in which probe, and the how-manieth of its holes.
        let stands = |name: &String| {
            let of_want = |(number, want): (&usize, &Want)| -> Option<(usize, usize)> {
                let Role::Holes(template) = &want.role else { return None };
                let is = |hole: &Hole| matches!(hole, Hole::Card(hole) if hole == name);
                Some((brought(*number), template.holes().position(is)?))
            };
            wants().filter_map(of_want).collect()
        };
        let picks = |chooser: &Chooser| Picks {
            amount: chooser.amount,
            samples: chooser.differs.iter().map(|(name, value)| (stands(name), value.clone())).collect(),
        };
        Row {
            index,
            bringing: wants().filter(|(_, want)| brings(want)).map(|(number, _)| brought(*number)).collect(),
            amounts: wants().filter_map(amount).collect(),
            chooser: chooser.map(picks),
            own: numbers,
            without: Vec::new(),
        }
    }

    /// Whether any exchange has a value there.
    pub(super) fn has(&self, place: Place) -> bool {
        self.number_here(place).is_some()
    }

    fn number_here(&self, place: Place) -> Option<usize> {
        self.places.get(place).copied().flatten()
    }

    /// Reads all values of a request that any exchange wants.
    pub(super) fn read<'r>(&self, ground: Ground<'r, '_>, sent: &'r Sent<'_>) -> Readings<'r> {
        let mut readings = Readings { values: vec![None; self.telling.len()], ..Readings::default() };
        for value in sent.iter() {
            let place = value.place.and_then(|place| self.number_here(place));
            match place.and_then(|place| readings.values.get_mut(place)) {
                Some(slot) => *slot = Some(&*value.text),
                None if readings.surplus => {}
                None => {
                    let name = sent.name(value);
                    readings.surplus = !name.starts_with("path ") && !is_incidental(name);
                }
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
            if probe.brings {
                readings.brought.push(brought);
            }
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
        let mut fits = Vec::with_capacity(self.rows.len());
        fits.extend(self.rows.iter().filter_map(fit));
        fits
    }
}

fn brings(want: &Want) -> bool {
    matches!(want.role, Role::Holes(_) | Role::Currency(_) | Role::Digest)
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
            Role::Digest => (one.at.creates, begins(one.at.op)) == (other.at.creates, begins(other.at.op)),
            _ => true,
        }
}

impl Row {
    fn fit<'r>(&'r self, known: &Known, readings: &'r Readings<'r>) -> Fit<'r> {
        let mut mark = readings.common;
        for number in &self.own {
            mark.add(readings.marks.get(*number).copied().unwrap_or_default());
        }
        for number in &self.without {
            mark.take_away(readings.marks.get(*number).copied().unwrap_or_default());
        }
        let whole = mark.present == readings.present;
        let mut fit = Fit {
            index: self.index,
            score: mark.score,
            named: Vec::new(),
            absent: mark.has(Flag::Absent),
            unproven: mark.has(Flag::Unproven),
            asked: None,
            raised: None,
            no_amount: mark.has(Flag::NoAmount),
            is_exact: whole && !mark.has(Flag::Lacks),
            is_same: whole && !mark.has(Flag::Differs) && !readings.surplus,
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
