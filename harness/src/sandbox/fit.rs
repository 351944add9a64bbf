//! How well a request fits each exchange of a route.
//!
//! The exchanges of a route want much the same values. So each value that any of them wants is read once for a request, and only where
//! something was sent: what it tells that nothing was is known before. How the request fits is put together of that once for all exchanges
//! that want the same.

use std::collections::HashMap;

use quittance::Currency;

use super::book::Number;
use super::choice::{Brief, Chooser, Choosers};
use super::known::{Known, Role, Want};
use super::places::Place;
use super::read::Caught;
use super::reader::{Brought, Flag, Ground, Mark, Reader, brings, form_of, reads_alike};
use super::roles::{Figure, Quantity};
use super::sent::{Sent, Value};
use super::tell::is_incidental;
use crate::tape::{Class, Hole};

/// A text that no tape has.
const OTHER: &str = "\u{0}";

/// Stands for every text that fits where the form alone matters.
const FREE: &str = "\u{1}";

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
    /// Its number among those that bring more than a mark: names, keys, a currency.
    brings: Option<usize>,
    /// Of a fixed text: that text, what it tells that this was sent, and what another one tells.
    fixed: Option<(String, Mark, Mark)>,
}

/// What exchanges want that all want the same, by the numbers of probes.
#[derive(Debug)]
pub(super) struct Row {
    /// Those that they have and most rows of the route do not.
    own: Vec<usize>,
    /// Those that most have and they do not.
    without: Vec<usize>,
    /// Those that bring more than a mark, each with its number among those of the route that do.
    bringing: Vec<(usize, usize)>,
    /// The places of amounts.
    amounts: Vec<(usize, Figure, Quantity)>,
    /// The currency of amounts where none is sent.
    currency: Option<Currency>,
    /// Whether they ask for nothing, and that as an amount.
    asks_nothing: bool,
}

/// An exchange of the route.
#[derive(Debug)]
struct Candidate {
    /// Its place in the list of all.
    index: usize,
    brief: Brief,
    /// What it wants.
    row: usize,
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
    /// By place: the probes of what stands there.
    here: Vec<Vec<usize>>,
    /// By place: where what stands there fits whatever it is, as long as it has these forms, the forms.
    free: Vec<Option<Vec<Class>>>,
    all: Vec<Probe>,
    /// What each tells where nothing was sent.
    missing: Vec<Mark>,
    /// How many bring more than a mark.
    bringing: usize,
    /// Those that most rows have.
    common: Vec<usize>,
    rows: Vec<Row>,
    /// In the order of the route's candidates.
    candidates: Vec<Candidate>,
}

/// What was read of one request, for all exchanges of its route.
#[derive(Debug, Default)]
pub(super) struct Readings<'r> {
    /// By place.
    values: Vec<Option<&'r str>>,
    /// By probe.
    marks: Vec<Mark>,
    /// What was brought, and by probe that brings something where in that.
    brought: Vec<Brought<'r>>,
    brings: Vec<Option<u16>>,
    pub(super) caught: Vec<Caught<'r, 'r>>,
    pub(super) named: Vec<Number>,
    /// Of the probes that most rows have, less what the places tell that are there.
    common: Mark,
    /// How many places have a value.
    present: i32,
    /// Whether something was sent that no exchange wants, and no transport adds.
    surplus: bool,
    /// By row: how it fits.
    joints: Vec<Joint>,
    /// Whether what is remembered was looked up.
    pub(super) looks_up: bool,
}

/// How a request fits exchanges that want the same.
#[derive(Debug)]
pub(super) struct Joint {
    score: i32,
    /// What the values of the request tell of these exchanges.
    pub(super) mark: Mark,
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
    /// Whether nothing but headers differs from the exchanges.
    pub(super) is_exact: bool,
    /// Whether nothing differs from the exchanges, but what a transport adds.
    pub(super) is_same: bool,
}

/// How a request fits an exchange.
#[derive(Debug)]
pub(super) struct Fit<'r> {
    /// The exchange, by its place in the list of all.
    pub(super) index: usize,
    pub(super) brief: Brief,
    pub(super) score: i32,
    pub(super) joint: &'r Joint,
    row: &'r Row,
    chooser: Option<&'r Picks>,
    readings: &'r Readings<'r>,
}

impl Probes {
    /// What these exchanges want, in their order. `weights` has by exchange the place and weight of each of its values.
    pub(super) fn of(
        ground: Ground<'_, '_>,
        candidates: &[usize],
        cards: &Choosers,
        places: HashMap<Place, usize>,
        telling: Vec<i32>,
        weights: &[Vec<(usize, Weight)>],
    ) -> Probes {
        let known = ground.known;
        let numbers = 0..places.keys().max().map_or(0, |last| last + 1);
        let places = numbers.map(|place| places.get(&place).copied()).collect();
        let here = vec![Vec::new(); telling.len()];
        let mut probes = Probes { places, telling, here, ..Probes::default() };
        let own = candidates.iter().zip(weights).filter_map(|(index, row)| Some((*index, known.get(*index)?, row)));
        for (index, one, row) in own {
            let mut numbers: Vec<usize> = Vec::with_capacity(row.len());
            for (want, (place, weight)) in row.iter().enumerate() {
                let probe = Probe { place: *place, weight: *weight, known: index, want, brings: None, fixed: None };
                numbers.push(probes.number(known, probe));
            }
            let chooser = cards.get(&*one.at.lineage.card).map(|chooser| probes.picks(one, &numbers, chooser));
            let row = probes.row(one, numbers);
            probes.candidates.push(Candidate { index, brief: Brief::of(one), row, chooser });
        }
        let having = |number: &usize| probes.rows.iter().filter(|row| row.own.contains(number)).count();
        let in_most = |number: &usize| 2 * having(number) > probes.rows.len();
        probes.common = (0..probes.all.len()).filter(in_most).collect();
        for row in &mut probes.rows {
            row.without = probes.common.iter().copied().filter(|number| !row.own.contains(number)).collect();
            row.own.retain(|number| probes.common.binary_search(number).is_err());
        }
        let mut none = Readings::default();
        let mut tells = |probe: &Probe, text| {
            probes.probe(ground, probe, text, &mut none).map_or(Mark::default(), |(mark, _)| mark)
        };
        let missing = probes.all.iter().map(|probe| tells(probe, None)).collect();
        let fixed = |probe: &Probe| match &known.get(probe.known)?.wants.get(probe.want)?.role {
            Role::Literal(text) => Some((text.clone(), tells(probe, Some(text)), tells(probe, Some(OTHER)))),
            _ => None,
        };
        let fixed: Vec<_> = probes.all.iter().map(fixed).collect();
        probes.all.iter_mut().zip(fixed).for_each(|(probe, fixed)| probe.fixed = fixed);
        probes.missing = missing;
        let want = |number: &usize| probes.all.get(*number).and_then(|one| known.get(one.known)?.wants.get(one.want));
        let forms = |here: &Vec<usize>| {
            let forms: Result<Vec<Option<Class>>, ()> = here.iter().filter_map(want).map(form_of).collect();
            forms.ok().map(|forms| forms.into_iter().flatten().collect())
        };
        probes.free = probes.here.iter().map(forms).collect();
        probes
    }

    /// The number of a probe: that of one that reads the same where there is one.
    fn number(&mut self, known: &[Known], mut probe: Probe) -> usize {
        let want = |probe: &Probe| {
            let one = known.get(probe.known)?;
            Some((one, one.wants.get(probe.want)?))
        };
        let same = |other: &Probe| {
            (other.place, other.weight) == (probe.place, probe.weight)
                && want(other).zip(want(&probe)).is_some_and(|(other, this)| reads_alike(other, this))
        };
        self.all.iter().position(same).unwrap_or_else(|| {
            let number = self.all.len();
            if want(&probe).is_some_and(|(_, want)| brings(want)) {
                probe.brings = Some(self.bringing);
                self.bringing += 1;
            }
            self.here.get_mut(probe.place).into_iter().for_each(|here| here.push(number));
            self.all.push(probe);
            number
        })
    }

    /// The number of a probe among those that bring something.
    fn brought(&self, number: usize) -> Option<usize> {
        self.all.get(number)?.brings
    }

    /// The number of the row of what an exchange wants: that of one that wants the same where there is one.
    fn row(&mut self, known: &Known, numbers: Vec<usize>) -> usize {
        let (currency, asks_nothing) = (known.at.lineage.currency, known.at.moment.asked == Some(0));
        let same = |row: &Row| (row.currency, row.asks_nothing) == (currency, asks_nothing) && row.own == numbers;
        if let Some(row) = self.rows.iter().position(same) {
            return row;
        }
        let amount = |(number, want): (&usize, &Want)| match want.role {
            Role::Amount(figure, Some(quantity)) => Some((self.all.get(*number)?.place, figure, quantity)),
            _ => None,
        };
        self.rows.push(Row {
            bringing: numbers.iter().filter_map(|number| Some((*number, self.brought(*number)?))).collect(),
            amounts: numbers.iter().zip(&known.wants).filter_map(amount).collect(),
            own: numbers,
            without: Vec::new(),
            currency,
            asks_nothing,
        });
        self.rows.len() - 1
    }

    /// Where the values by which a test card is told can stand.
    fn picks(&self, known: &Known, numbers: &[usize], chooser: &Chooser) -> Picks {
        // In which probe, and the how-manieth of its holes.
        let stands = |name: &String| {
            let of_want = |(number, want): (&usize, &Want)| -> Option<(usize, usize)> {
                let Role::Holes(template) = &want.role else { return None };
                let is = |hole: &Hole| matches!(hole, Hole::Card(hole) if hole == name);
                Some((self.brought(*number)?, template.holes().position(is)?))
            };
            numbers.iter().zip(&known.wants).filter_map(of_want).collect()
        };
        Picks {
            amount: chooser.amount,
            samples: chooser.differs.iter().map(|(name, value)| (stands(name), value.clone())).collect(),
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
        let mut readings = self.begun(sent);
        readings.marks = self.missing.clone();
        for (place, (here, telling)) in self.here.iter().zip(&self.telling).enumerate() {
            let Some(text) = readings.values.get(place).copied().flatten() else { continue };
            readings.common.score -= telling;
            for number in here {
                if let Some(mark) = self.mark(ground, *number, text, &mut readings)
                    && let Some(slot) = readings.marks.get_mut(*number)
                {
                    *slot = mark;
                }
            }
        }
        let common = self.common.iter().filter_map(|number| readings.marks.get(*number));
        common.for_each(|mark| readings.common.add(*mark));
        readings.joints = self.rows.iter().map(|row| row.joint(&readings)).collect();
        readings
    }

    /// Reads what a candidate wants and no other, of a request that tells the same of it as an earlier one: that `mark`.
    pub(super) fn read_one<'r>(
        &self,
        (at, mark): (usize, Mark),
        ground: Ground<'r, '_>,
        sent: &'r Sent<'_>,
    ) -> Option<Readings<'r>> {
        let row = self.rows.get(self.candidates.get(at)?.row)?;
        let mut readings = self.begun(sent);
        for (number, _) in &row.bringing {
            if let Some(text) = readings.values.get(self.all.get(*number)?.place).copied().flatten() {
                self.mark(ground, *number, text, &mut readings)?;
            }
        }
        readings.joints = vec![row.joined(mark, &readings)];
        Some(readings)
    }

    /// How the candidate fits that alone was read.
    pub(super) fn fit_of<'r>(&'r self, at: usize, readings: &'r Readings<'r>) -> Option<Fit<'r>> {
        self.fit(self.candidates.get(at)?, readings, readings.joints.first()?)
    }

    /// Where the values of a request stand.
    fn begun<'r>(&self, sent: &'r Sent<'_>) -> Readings<'r> {
        let mut readings = Readings {
            values: vec![None; self.telling.len()],
            brings: vec![None; self.bringing],
            brought: Vec::with_capacity(self.bringing),
            caught: Vec::with_capacity(self.bringing),
            ..Readings::default()
        };
        for value in sent.iter() {
            let place = value.place.and_then(|place| self.number_here(place));
            match place.and_then(|place| readings.values.get_mut(place)) {
                Some(slot) => {
                    readings.present += i32::from(slot.is_none());
                    *slot = Some(&*value.text);
                }
                None if readings.surplus => {}
                None => {
                    let name = sent.name(value);
                    readings.surplus = !name.starts_with("path ") && !is_incidental(name);
                }
            }
        }
        readings
    }

    /// What a value tells a probe; what it brings is kept.
    fn mark<'r>(
        &self,
        ground: Ground<'r, '_>,
        number: usize,
        text: &'r str,
        readings: &mut Readings<'r>,
    ) -> Option<Mark> {
        let probe = self.all.get(number)?;
        if let Some((fixed, same, other)) = &probe.fixed {
            return Some(if fixed == text { *same } else { *other });
        }
        let (mark, brought) = self.probe(ground, probe, Some(text), readings)?;
        if let Some(slot) = probe.brings.and_then(|brings| readings.brings.get_mut(brings)) {
            *slot = u16::try_from(readings.brought.len()).ok();
            readings.brought.push(brought);
        }
        Some(mark)
    }

    /// What a value tells that was sent, or that none was.
    fn probe<'r>(
        &self,
        ground: Ground<'r, '_>,
        probe: &Probe,
        text: Option<&'r str>,
        readings: &mut Readings<'r>,
    ) -> Option<(Mark, Brought<'r>)> {
        let known = ground.known.get(probe.known)?;
        let want = known.wants.get(probe.want)?;
        let (caught, named) = (readings.caught.len(), readings.named.len());
        let (mark, brought) = (Mark::default(), Brought::default());
        let mut reader = Reader { ground, known, path: &want.path, weight: probe.weight, mark, brought, readings };
        match text {
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
    pub(super) fn fits<'r>(&'r self, readings: &'r Readings<'r>) -> Vec<Fit<'r>> {
        let fit = |candidate: &'r Candidate| self.fit(candidate, readings, readings.joints.get(candidate.row)?);
        let mut fits = Vec::with_capacity(self.candidates.len());
        fits.extend(self.candidates.iter().filter_map(fit));
        fits
    }

    fn fit<'r>(&'r self, candidate: &'r Candidate, readings: &'r Readings<'r>, joint: &'r Joint) -> Option<Fit<'r>> {
        Some(Fit {
            index: candidate.index,
            brief: candidate.brief,
            score: joint.score,
            joint,
            row: self.rows.get(candidate.row)?,
            chooser: candidate.chooser.as_ref(),
            readings,
        })
    }

    /// The values that decide which exchange is chosen, with their places: of those that fit whatever they are, no more than that.
    pub(super) fn deciding<'s>(&self, sent: &'s Sent<'_>) -> impl Iterator<Item = (usize, &'s str)> {
        let deciding = |value: &'s Value<'_>| {
            let place = self.number_here(value.place?)?;
            let forms = self.free.get(place).and_then(Option::as_ref);
            let is_free = forms.is_some_and(|forms| forms.iter().all(|form| form.fits(&value.text)));
            Some((place, if is_free { FREE } else { &*value.text }))
        };
        sent.iter().filter_map(deciding)
    }

    /// Whether a candidate tells of what the request does not name.
    pub(super) fn lists(&self) -> bool {
        self.candidates.iter().any(|candidate| candidate.brief.lists)
    }
}

impl<'r> Readings<'r> {
    /// What the probe of this number among those that bring something has brought.
    fn brought(&self, number: usize) -> Option<&Brought<'r>> {
        let at = self.brings.get(number).copied().flatten()?;
        self.brought.get(usize::from(at))
    }
}

impl Row {
    fn joint(&self, readings: &Readings<'_>) -> Joint {
        let mut mark = readings.common;
        let of = |number: &usize| readings.marks.get(*number).copied();
        self.own.iter().filter_map(of).for_each(|one| mark.add(one));
        self.without.iter().filter_map(of).for_each(|one| mark.take_away(one));
        self.joined(mark, readings)
    }

    /// How a request fits of which this was told.
    fn joined(&self, mark: Mark, readings: &Readings<'_>) -> Joint {
        let whole = mark.present == readings.present;
        let mut joint = Joint {
            score: mark.score,
            mark,
            named: self.named(readings),
            absent: mark.has(Flag::Absent),
            unproven: mark.has(Flag::Unproven),
            asked: None,
            raised: None,
            no_amount: mark.has(Flag::NoAmount),
            is_exact: whole && !mark.has(Flag::Lacks),
            is_same: whole && !mark.has(Flag::Differs) && !readings.surplus,
        };
        self.amounts(readings, &mut joint);
        joint
    }

    fn brought<'r>(&'r self, readings: &'r Readings<'r>) -> impl DoubleEndedIterator<Item = &'r Brought<'r>> {
        self.bringing.iter().filter_map(|(_, number)| readings.brought(*number))
    }

    /// The objects that are named, each once.
    fn named(&self, readings: &Readings<'_>) -> Vec<Number> {
        let mut named = Vec::new();
        if readings.named.is_empty() {
            return named;
        }
        for brought in self.brought(readings) {
            for number in readings.named.get(brought.named.clone()).unwrap_or_default() {
                if !named.contains(number) {
                    named.push(*number);
                }
            }
        }
        named
    }

    /// Reads the amounts: after the currency, by which they are written.
    fn amounts(&self, readings: &Readings<'_>, joint: &mut Joint) {
        let sent = || self.brought(readings).find_map(|brought| brought.currency);
        let currency = if self.amounts.is_empty() { None } else { sent().or(self.currency) };
        for (place, figure, quantity) in &self.amounts {
            let Some(text) = readings.values.get(*place).copied().flatten() else { continue };
            let read = figure.parse(text, currency);
            match quantity {
                Quantity::Asked if joint.asked.is_none() => {
                    joint.asked = read;
                    joint.no_amount |= read.is_none_or(|minor| minor <= 0) && !self.asks_nothing;
                }
                Quantity::Raised => joint.raised = joint.raised.or(read),
                _ => {}
            }
        }
        joint.no_amount &= joint.asked.is_none_or(|minor| minor <= 0);
        // Nothing is what a trial of a card asks for, and no payment.
        joint.score -= if joint.no_amount && joint.asked.is_some() { 60 } else { 0 };
    }
}

impl<'r> Fit<'r> {
    fn brought(&self) -> impl DoubleEndedIterator<Item = &'r Brought<'r>> + use<'r> {
        self.row.brought(self.readings)
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
        self.chooser.is_some()
    }

    /// Whether what was sent is what the test card of the exchange says; none where nothing of it was sent. `begins` for a request that
    /// begins a payment, whose amount may choose.
    pub(super) fn chosen(&self, begins: bool) -> Option<bool> {
        let picks = self.chooser?;
        // Where there is no amount to choose by, the number does.
        if let (Some(_), Some(asked)) = (picks.amount, self.joint.asked.filter(|_| begins)) {
            return Some(Some(asked) == picks.amount);
        }
        let text = |(probe, at): &(usize, usize)| {
            let range = self.readings.brought(*probe)?.caught.clone();
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
}
