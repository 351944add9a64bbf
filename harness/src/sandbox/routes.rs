//! Finds the exchanges that a request may be meant for, by method and path, and how well each fits what was sent.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::book::Book;
use super::choice::{Choosers, waits};
use super::fit::{Fit, Probes, Readings, Weight};
use super::known::{Class, Kind, Known, Role, Want};
use super::leaves::{OPERATION, last_name};
use super::places::{ASKED_FOR, BODY, Place};
use super::reader::{Ground, Mark};
use super::sent::Sent;
use super::texts::Of;
use super::understand::begins;
use crate::tape::Hole;
use http::Method;
use quittance::Op;

/// Exchanges of one method and path.
#[derive(Debug)]
pub(super) struct Route {
    method: Method,
    /// The segments of the path; none where an id stands.
    shape: Vec<Option<String>>,
    /// The exchanges, by their place in the list of all.
    pub(super) candidates: Vec<usize>,
    /// What they want.
    probes: Probes,
    /// Its place among all, where nothing but the values of a request decides which of them is chosen, as long as it names nothing that is
    /// remembered.
    number: Option<usize>,
    /// What its requests have for a body.
    body: Carries,
    /// Whether payments, mandates or payouts are begun by it.
    begins: bool,
    /// The values that say which operation is asked for.
    asks: Vec<Asks>,
}

/// A place of a route's requests whose fixed text says which operation is asked for.
#[derive(Debug)]
struct Asks {
    place: Place,
    path: String,
    /// All that the tapes have there, sorted.
    words: Vec<String>,
}

impl Asks {
    /// Names of what says the kind of a request.
    const NAMES: [&'static str; 4] = ["type", "operation", "action", "command"];

    /// The places of these exchanges where there is a fixed text, by which operations are told apart.
    fn of(own: &[&Known]) -> Vec<Asks> {
        let mut found: BTreeMap<&str, (Place, BTreeMap<&str, Op>, bool)> = BTreeMap::new();
        for (one, want) in own.iter().flat_map(|one| one.wants.iter().map(move |want| (one, want))) {
            let (_, words, is_telling) = found.entry(&want.path).or_insert((want.place, BTreeMap::new(), true));
            match &want.role {
                Role::Literal(text) => *is_telling &= *words.entry(text).or_insert(one.at.op) == one.at.op,
                _ => *is_telling = false,
            }
        }
        let named = |path: &str| Asks::NAMES.iter().any(|name| last_name(path).ends_with(name));
        let several = |words: &BTreeMap<&str, Op>| words.values().any(|op| words.values().any(|other| other != op));
        let telling = found.into_iter().filter(|(path, (_, words, is_telling))| {
            *is_telling && !path.starts_with("header ") && *path != OPERATION && named(path) && several(words)
        });
        telling
            .map(|(path, (place, words, _))| Asks {
                place,
                path: path.to_owned(),
                words: words.into_keys().map(str::to_owned).collect(),
            })
            .collect()
    }
}

/// What the requests of a route have for a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carries {
    /// Some have none.
    Maybe,
    /// All have one, of this media type where they agree.
    Always(Option<Media>),
}

/// The media types of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Media {
    Json,
    Xml,
    Form,
    Other,
}

impl Media {
    fn of(content_type: &str) -> Media {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Media::Form;
        }
        let kind = kind.to_ascii_lowercase();
        match kind {
            _ if kind.contains("json") => Media::Json,
            _ if kind.contains("xml") => Media::Xml,
            _ => Media::Other,
        }
    }
}

/// All routes of a provider.
#[derive(Debug, Default)]
pub(super) struct Routes(Vec<Route>);

fn shape_of(known: &Known) -> Vec<Option<String>> {
    known.at.segments.iter().map(|segment| segment.literal().map(str::to_owned)).collect()
}

/// `v71` and `v72` are versions of one path.
fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

impl Routes {
    /// `refuses` where a reference that was taken is refused.
    pub(super) fn of(ground: Ground<'_, '_>, cards: &Choosers, refuses: bool) -> Routes {
        let known = ground.known;
        let mut routes: Vec<Route> = Vec::new();
        let (absent, plain): (Vec<usize>, Vec<usize>) =
            (0..known.len()).partition(|index| known.get(*index).is_some_and(|known| known.at.class == Class::Missing));
        for index in plain.into_iter().chain(absent) {
            let Some(one) = known.get(index) else { continue };
            let shape = shape_of(one);
            let fits = |route: &&mut Route| {
                route.method == one.at.method
                    && (route.shape == shape || one.at.class == Class::Missing && covers(&route.shape, &shape))
            };
            match routes.iter_mut().find(fits) {
                Some(route) => route.candidates.push(index),
                None => routes.push(Route {
                    method: one.at.method.clone(),
                    shape,
                    candidates: vec![index],
                    probes: Probes::default(),
                    number: None,
                    body: Carries::Maybe,
                    begins: false,
                    asks: Vec::new(),
                }),
            }
        }
        for (number, route) in routes.iter_mut().enumerate() {
            route.keep_first(known);
            route.weigh(ground, cards);
            route.number = Some(number).filter(|_| !refuses && !route.probes.lists());
        }
        Routes(routes)
    }

    /// The route of a path, the most exact.
    pub(super) fn find(&self, method: &Method, path: &str) -> Option<&Route> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let found = self.0.iter().filter(|route| route.takes(&segments) && route.method == *method);
        found.max_by_key(|route| route.shape.iter().filter(|segment| segment.is_some()).count())
    }

    /// The route of the same operation on what is known under another collection: `/captures/ID/refunds` for `/payments/ID/refunds`.
    pub(super) fn akin(&self, method: &Method, path: &str, book: &Book) -> Option<&Route> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let is_akin = |route: &&Route| {
            let pairs = || route.shape.iter().zip(&segments);
            let other =
                pairs().filter(|(shape, segment)| shape.as_deref().is_some_and(|word| word != **segment)).count();
            let known = pairs().any(|(shape, segment)| shape.is_none() && book.find(Of::Minted, segment).is_some());
            let same_end = route.shape.last().is_some_and(|last| last.as_deref() == segments.last().copied());
            route.method == *method && route.shape.len() == segments.len() && other == 1 && known && same_end
        };
        self.0.iter().find(is_akin)
    }

    /// The routes that come near a path, the nearest first.
    pub(super) fn near(&self, method: &Method, path: &str) -> Vec<&Route> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let common = |route: &&Route| {
            let pairs =
                || route.shape.iter().zip(&segments).filter_map(|(shape, segment)| Some((shape.as_deref()?, *segment)));
            let same = pairs().filter(|(word, segment)| word == segment).count();
            let letters: usize = pairs().map(|(word, segment)| alike(word, segment)).sum();
            (same, letters, route.method == *method, usize::MAX - route.shape.len().abs_diff(segments.len()))
        };
        let mut all: Vec<&Route> = self.0.iter().collect();
        all.sort_by_key(|route| std::cmp::Reverse(common(route)));
        all
    }
}

/// With how many bytes two words begin alike.
fn alike(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()
}

/// Whether one shape takes all that another takes, with an id in place of a word.
fn covers(wide: &[Option<String>], narrow: &[Option<String>]) -> bool {
    wide.len() == narrow.len() && wide.iter().zip(narrow).all(|(wide, narrow)| wide.is_none() || wide == narrow)
}

impl Route {
    fn takes(&self, segments: &[&str]) -> bool {
        let takes = |(shape, segment): (&Option<String>, &&str)| match shape {
            None => !segment.is_empty(),
            Some(word) => word == segment || is_version(word) && is_version(segment),
        };
        // Paths begin alike and end differently.
        self.shape.len() == segments.len() && self.shape.iter().zip(segments).rev().all(takes)
    }

    /// Whether what was sent is no request of this route: a body that cannot be read, none where there must be one, or one of another
    /// media type.
    pub(super) fn is_malformed(&self, sent: &Sent<'_>, content_type: Option<&str>, body: &[u8]) -> bool {
        if !self.probes.has(BODY) && sent.first(BODY).is_some() {
            return true;
        }
        match self.body {
            // What is done to a payment may be done without further words.
            Carries::Always(_) if body.trim_ascii().is_empty() => self.begins || self.probes.has(ASKED_FOR),
            Carries::Always(Some(media)) => content_type.is_some_and(|text| Media::of(text) != media),
            _ => false,
        }
    }

    /// What the requests of these exchanges have for a body.
    fn carries(own: &[&Known]) -> Carries {
        let in_body =
            |want: &&Want| want.path.starts_with(['$', '/']) || want.path.starts_with("form ") || want.path == "body";
        let mut media = Vec::new();
        for one in own {
            if !one.wants.iter().any(|want| in_body(&want)) {
                return Carries::Maybe;
            }
            media.extend(one.wants.iter().filter(|want| want.path == "header content-type").map(
                |want| match &want.role {
                    Role::Literal(text) => Media::of(text),
                    _ => Media::Other,
                },
            ));
        }
        let first =
            media.first().copied().filter(|first| media.len() == own.len() && media.iter().all(|one| one == first));
        Carries::Always(first)
    }

    /// What is asked for where no tape asks for that: where it stands, and what the tapes have there.
    pub(super) fn unknown_word(&self, sent: &Sent<'_>) -> Option<(&str, &[String])> {
        let is_unknown =
            |asks: &&Asks| sent.first(asks.place).is_some_and(|word| !asks.words.iter().any(|known| known == word));
        self.asks.iter().find(is_unknown).map(|asks| (asks.path.as_str(), asks.words.as_slice()))
    }

    /// The path in words, with `*` for ids.
    pub(super) fn path(&self) -> String {
        let words: Vec<&str> = self.shape.iter().map(|segment| segment.as_deref().unwrap_or("*")).collect();
        format!("{} /{}", self.method, words.join("/"))
    }

    /// Leaves out beginnings that are asked for as another is, with the same end: of equals the first is chosen anyway.
    fn keep_first(&mut self, known: &[Known]) {
        let mut kept: Vec<usize> = Vec::new();
        for index in &self.candidates {
            let Some(one) = known.get(*index) else { continue };
            let twin = |other: &Known| {
                (&other.wants, other.at.class, other.at.op) == (&one.wants, one.at.class, one.at.op)
                    && other.at.lineage.card == one.at.lineage.card
                    && waits(other.at.moment.end.state) == waits(one.at.moment.end.state)
                    && (other.at.acts, other.at.creates, other.at.settles)
                        == (one.at.acts, one.at.creates, one.at.settles)
            };
            // What names an object goes on under the conditions of the object's case.
            let names = |want: &Want| match &want.role {
                Role::Holes(template) if !want.path.starts_with("header ") => {
                    template.holes().any(|hole| matches!(hole, Hole::Gen { .. } | Hole::Capture(_)))
                }
                _ => false,
            };
            let plain = begins(one.at.op)
                && !one.at.settles
                && matches!(one.at.class, Class::Done | Class::Declined)
                && !one.wants.iter().any(names);
            if !plain || !kept.iter().filter_map(|index| known.get(*index)).any(twin) {
                kept.push(*index);
            }
        }
        self.candidates = kept;
    }

    fn weigh(&mut self, ground: Ground<'_, '_>, cards: &Choosers) {
        let known = ground.known;
        let own: Vec<&Known> = self.candidates.iter().filter_map(|index| known.get(*index)).collect();
        self.body = Route::carries(&own);
        self.asks = Asks::of(&own);
        self.begins = own.iter().any(|one| begins(one.at.op) && one.at.creates == Some(Kind::of(one.at.op)));
        let mut places: HashMap<Place, usize> = HashMap::new();
        let mut counts: Vec<usize> = Vec::new();
        let mut literals: Vec<HashSet<&str>> = Vec::new();
        for one in &own {
            for want in &one.wants {
                let next = places.len();
                let place = *places.entry(want.place).or_insert(next);
                if place == next {
                    counts.push(0);
                    literals.push(HashSet::new());
                }
                counts.get_mut(place).into_iter().for_each(|count| *count += 1);
                if let (Role::Literal(text), Some(all)) = (&want.role, literals.get_mut(place)) {
                    all.insert(text);
                }
            }
        }
        let everywhere = |place: usize| counts.get(place).is_some_and(|count| *count >= own.len());
        let is_free = |text: &&str| text.len() > 40 || text.contains([' ', '@', ':', '+']);
        let free = |place: usize| literals.get(place).is_some_and(|all| all.iter().any(is_free));
        let telling = (0..counts.len()).map(|place| if everywhere(place) || free(place) { 0 } else { 4 }).collect();
        let weight = |place: usize, path: &str, role: &Role| -> Weight {
            let several = literals.get(place).is_some_and(|all| all.len() > 1);
            let absence = if everywhere(place) { 1 } else { 5 };
            match role {
                Role::Literal(_) if path == OPERATION && several => Weight { same: 60, other: -400, missing: -60 },
                Role::Literal(_) if free(place) => Weight { same: 1, other: -1, missing: -1 },
                Role::Literal(_) if several => Weight { same: 20, other: -40, missing: -5 },
                Role::Literal(_) => Weight { same: absence, other: -absence, missing: -absence },
                _ => Weight { same: absence, other: -absence, missing: -absence },
            }
        };
        let row = |one: &&Known| -> Vec<(usize, Weight)> {
            let weighed = |want: &Want| {
                let place = places.get(&want.place).copied().unwrap_or(usize::MAX);
                (place, weight(place, &want.path, &want.role))
            };
            one.wants.iter().map(weighed).collect()
        };
        let rows: Vec<_> = own.iter().map(row).collect();
        self.probes = Probes::of(ground, &self.candidates, cards, places, telling, &rows);
    }

    /// What a request brings for the exchanges.
    pub(super) fn read<'r>(&self, ground: Ground<'r, '_>, sent: &'r Sent<'_>) -> Readings<'r> {
        self.probes.read(ground, sent)
    }

    /// What a request brings for the candidate that was chosen for one that told the same of it.
    pub(super) fn read_one<'r>(
        &self,
        chosen: (usize, Mark),
        ground: Ground<'r, '_>,
        sent: &'r Sent<'_>,
    ) -> Option<Readings<'r>> {
        self.probes.read_one(chosen, ground, sent)
    }

    /// How the candidate fits that alone was read.
    pub(super) fn fit_of<'r>(&'r self, at: usize, readings: &'r Readings<'r>) -> Option<Fit<'r>> {
        self.probes.fit_of(at, readings)
    }

    /// Its place among all routes, where what was chosen for a request is chosen again.
    pub(super) fn number(&self) -> Option<usize> {
        self.number
    }

    /// The values of a request that decide.
    pub(super) fn deciding<'s>(&self, sent: &'s Sent<'_>) -> impl Iterator<Item = (usize, &'s str)> {
        self.probes.deciding(sent)
    }

    /// How each candidate fits, in their order.
    pub(super) fn fits<'r>(&'r self, readings: &'r Readings<'r>) -> Vec<Fit<'r>> {
        self.probes.fits(readings)
    }
}
