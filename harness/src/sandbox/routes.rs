//! Finds the exchanges that a request may be meant for, by method and path, and how well each fits what was sent.

use std::collections::{BTreeMap, HashMap, HashSet};

use http::Method;
use quittance::Currency;

use super::book::{Book, By, Number};
use super::choice::waits;
use super::known::{Class, Kind, Known, Role, Want};
use super::leaves::{OPERATION, Value};
use super::read::{Caught, caught};
use super::roles::Quantity;
use super::understand::begins;
use crate::tape::{Encoding, Hole, Part, Template};

/// Exchanges of one method and path.
#[derive(Debug)]
pub(super) struct Route {
    method: Method,
    /// The segments of the path; none where an id stands.
    shape: Vec<Option<String>>,
    /// The exchanges, by their place in the list of all.
    pub(super) candidates: Vec<usize>,
    /// Every place of a value that any of them has, with its number.
    places: HashMap<String, usize>,
    /// By candidate and value: the number of its place, and how much it tells.
    rows: Vec<Vec<(usize, Weight)>>,
    /// By place: whether some candidates have it and others do not, and how much that tells.
    telling: Vec<i32>,
    /// What its requests have for a body.
    body: Carries,
    /// Whether payments, mandates or payouts are begun by it.
    begins: bool,
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
        let kind = content_type.split(';').next().unwrap_or_default().to_ascii_lowercase();
        match kind {
            _ if kind.contains("json") => Media::Json,
            _ if kind.contains("xml") => Media::Xml,
            _ if kind.contains("x-www-form-urlencoded") => Media::Form,
            _ => Media::Other,
        }
    }
}

/// How much a value tells about which exchange is meant.
#[derive(Debug, Clone, Copy)]
struct Weight {
    same: i32,
    other: i32,
    missing: i32,
}

/// All routes of a provider.
#[derive(Debug, Default)]
pub(super) struct Routes(Vec<Route>);

/// How a request fits an exchange.
#[derive(Debug)]
pub(super) struct Fit<'k, 's> {
    /// The exchange, by its place in the list of all.
    pub(super) index: usize,
    pub(super) score: i32,
    pub(super) caught: Vec<Caught<'k, 's>>,
    /// The objects that are named, with the name of the hole.
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
    pub(super) currency: Option<Currency>,
    pub(super) reference: Option<&'s str>,
    pub(super) key: Option<&'s str>,
    pub(super) digest: Option<&'s str>,
}

/// What fits are judged by.
#[derive(Clone, Copy)]
pub(super) struct Ground<'k, 'g> {
    pub(super) known: &'k [Known],
    pub(super) book: &'g Book,
    pub(super) credentials: &'g BTreeMap<String, String>,
    /// Names of credentials that are secrets.
    pub(super) secrets: &'g HashSet<String>,
}

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
    pub(super) fn of(known: &[Known]) -> Routes {
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
                    places: HashMap::new(),
                    rows: Vec::new(),
                    telling: Vec::new(),
                    body: Carries::Maybe,
                    begins: false,
                }),
            }
        }
        for route in &mut routes {
            route.keep_first(known);
            route.weigh(known);
        }
        Routes(routes)
    }

    /// The route of a path, the most exact.
    pub(super) fn find(&self, method: &Method, path: &str) -> Option<&Route> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let found = self.0.iter().filter(|route| route.method == *method && route.takes(&segments));
        found.max_by_key(|route| route.shape.iter().filter(|segment| segment.is_some()).count())
    }

    /// The route of the same operation on what is known under another collection: `/captures/ID/refunds` for `/payments/ID/refunds`.
    pub(super) fn akin(&self, method: &Method, path: &str, book: &Book) -> Option<&Route> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let is_akin = |route: &&Route| {
            let pairs = || route.shape.iter().zip(&segments);
            let other =
                pairs().filter(|(shape, segment)| shape.as_deref().is_some_and(|word| word != **segment)).count();
            let known = pairs().any(|(shape, segment)| shape.is_none() && book.find(By::Minted, segment).is_some());
            let same_end = route.shape.last().is_some_and(|last| last.as_deref() == segments.last().copied());
            route.method == *method && route.shape.len() == segments.len() && other == 1 && known && same_end
        };
        self.0.iter().find(is_akin)
    }

    /// The routes that come near a path, the nearest first.
    pub(super) fn near(&self, method: &Method, path: &str) -> Vec<&Route> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let common = |route: &&Route| {
            let same = route
                .shape
                .iter()
                .zip(&segments)
                .filter(|(shape, segment)| shape.as_deref() == Some(**segment))
                .count();
            (same, route.method == *method, usize::MAX - route.shape.len().abs_diff(segments.len()))
        };
        let mut all: Vec<&Route> = self.0.iter().collect();
        all.sort_by_key(|route| std::cmp::Reverse(common(route)));
        all
    }
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
        self.shape.len() == segments.len() && self.shape.iter().zip(segments).all(takes)
    }

    /// Whether what was sent is no request of this route: a body that cannot be read, none where there must be one, or one of another
    /// media type.
    pub(super) fn is_malformed(&self, sent: &[Value], content_type: Option<&str>, body: &[u8]) -> bool {
        if !self.places.contains_key("body") && sent.iter().any(|value| value.path == "body") {
            return true;
        }
        match self.body {
            // What is done to a payment may be done without further words.
            Carries::Always(_) if body.trim_ascii().is_empty() => self.begins || self.places.contains_key(OPERATION),
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

    fn weigh(&mut self, known: &[Known]) {
        let own: Vec<&Known> = self.candidates.iter().filter_map(|index| known.get(*index)).collect();
        self.body = Route::carries(&own);
        self.begins = own.iter().any(|one| begins(one.at.op) && one.at.creates == Some(Kind::of(one.at.op)));
        let mut counts: Vec<usize> = Vec::new();
        let mut literals: Vec<HashSet<&str>> = Vec::new();
        for one in &own {
            for want in &one.wants {
                let next = self.places.len();
                let place = *self.places.entry(want.path.clone()).or_insert(next);
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
        self.telling = (0..counts.len()).map(|place| if everywhere(place) || free(place) { 0 } else { 4 }).collect();
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
        self.rows = own
            .iter()
            .map(|one| {
                let row = one.wants.iter().map(|want| {
                    let place = self.places.get(&want.path).copied().unwrap_or(usize::MAX);
                    (place, weight(place, &want.path, &want.role))
                });
                row.collect()
            })
            .collect();
    }

    /// How each candidate fits, in their order.
    pub(super) fn fits<'k, 's>(&self, ground: Ground<'k, '_>, sent: &'s [Value]) -> Vec<Fit<'k, 's>> {
        let mut values: Vec<Option<&'s str>> = vec![None; self.places.len()];
        for value in sent {
            if let Some(slot) = self.places.get(&value.path).and_then(|place| values.get_mut(*place)) {
                *slot = Some(&value.text);
            }
        }
        let mut out = Vec::with_capacity(self.candidates.len());
        for (index, row) in self.candidates.iter().zip(&self.rows) {
            let Some(known) = ground.known.get(*index) else { continue };
            out.push(self.fit(ground, *index, known, row, &values));
        }
        out
    }

    fn fit<'k, 's>(
        &self,
        ground: Ground<'k, '_>,
        index: usize,
        known: &'k Known,
        row: &[(usize, Weight)],
        values: &[Option<&'s str>],
    ) -> Fit<'k, 's> {
        let mut fit = Fit {
            index,
            score: 0,
            caught: Vec::new(),
            named: Vec::new(),
            absent: false,
            unproven: false,
            asked: None,
            raised: None,
            no_amount: false,
            is_exact: false,
            currency: None,
            reference: None,
            key: None,
            digest: None,
        };
        let present: i32 =
            values.iter().zip(&self.telling).filter(|(value, _)| value.is_some()).map(|(_, telling)| telling).sum();
        fit.score -= present;
        let mut own = 0;
        for ((place, weight), want) in row.iter().zip(&known.wants) {
            let value = values.get(*place).copied().flatten();
            own += usize::from(value.is_some());
            if value.is_some() {
                fit.score += self.telling.get(*place).copied().unwrap_or(0);
            }
            if let Role::Currency(style) = &want.role {
                fit.currency = fit.currency.or_else(|| style.parse(value?));
            }
            match (value, &want.role) {
                (None, Role::Holes(template)) => {
                    fit.score += weight.missing;
                    // What names an object is not meant where none is named.
                    let names = template.holes().any(|hole| matches!(hole, Hole::Gen { .. }));
                    fit.score -= if names { 30 } else { 0 };
                    fit.unproven |= proves(ground, &want.path, template);
                }
                (None, Role::Amount(_, Some(Quantity::Asked | Quantity::Raised))) => {
                    fit.score += weight.missing;
                    fit.no_amount |= fit.asked.is_none();
                }
                (None, _) => fit.score += weight.missing,
                (Some(text), Role::Literal(literal)) => {
                    fit.score += if literal == text { weight.same } else { weight.other }
                }
                (Some(text), Role::Holes(template)) => fit.holes(ground, known, &want.path, template, text, *weight),
                (Some(text), Role::Digest) => fit.digest(ground, known, text),
                (Some(_), Role::Amount(..) | Role::Currency(_)) => fit.score += weight.same,
            }
        }
        fit.amounts(known, row, values);
        let in_body = |want: &Want| !want.path.starts_with("header ");
        let missing = row
            .iter()
            .zip(&known.wants)
            .filter(|((place, _), want)| in_body(want) && values.get(*place).copied().flatten().is_none());
        fit.is_exact = own == values.iter().flatten().count() && missing.count() == 0;
        fit
    }
}

/// Whether a template holds what authorizes: a secret in a header or in the body.
fn proves(ground: Ground<'_, '_>, path: &str, template: &Template) -> bool {
    template.holes().any(|hole| match hole {
        Hole::Secret(name) => path.starts_with("header ") || ground.secrets.contains(name),
        Hole::Basic { .. } | Hole::Signature(_) => true,
        Hole::Gen { .. } => path == "header authorization",
        _ => false,
    })
}

/// Whether a key that the tape sends as a bearer's stands alone as the user of HTTP Basic, as some providers take it too (`curl -u KEY:`).
/// It is shown as a difference.
fn is_lone_key(ground: Ground<'_, '_>, template: &Template, text: &str) -> bool {
    let [Part::Text(scheme), Part::Hole(Hole::Secret(name))] = template.parts.as_slice() else { return false };
    let sent = text.strip_prefix("Basic ").and_then(|text| Encoding::Base64.decode(text.trim()));
    let key = ground.credentials.get(name);
    scheme == "Bearer " && key.zip(sent).is_some_and(|(key, sent)| sent.strip_suffix(b":") == Some(key.as_bytes()))
}

impl<'k, 's> Fit<'k, 's> {
    /// Reads the amounts: after the currency, by which they are written.
    fn amounts(&mut self, known: &Known, row: &[(usize, Weight)], values: &[Option<&str>]) {
        let currency = self.currency.or(known.at.lineage.currency);
        for ((place, _), want) in row.iter().zip(&known.wants) {
            let Role::Amount(figure, Some(quantity)) = &want.role else { continue };
            let Some(text) = values.get(*place).copied().flatten() else { continue };
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

    fn digest(&mut self, ground: Ground<'k, '_>, known: &Known, text: &'s str) {
        if known.at.creates == Some(Kind::Payment) {
            self.digest = Some(text);
            return;
        }
        match ground.book.find(By::Digest, text) {
            Some(number) => self.name(number),
            None => self.absent = true,
        }
    }

    fn name(&mut self, number: Number) {
        if !self.named.contains(&number) {
            self.named.push(number);
        }
    }

    fn holes(
        &mut self,
        ground: Ground<'k, '_>,
        known: &'k Known,
        path: &str,
        template: &'k Template,
        text: &'s str,
        weight: Weight,
    ) {
        let mark = self.caught.len();
        if !caught(template, text, &mut self.caught) {
            self.score += weight.other;
            let lone_key = path == "header authorization" && is_lone_key(ground, template, text);
            self.unproven |= !lone_key && proves(ground, path, template);
            // An id of another form than this one is of something else.
            self.absent |= path.starts_with("path ");
            return;
        }
        self.score += weight.same;
        for index in mark..self.caught.len() {
            if let Some(one) = self.caught.get(index).copied() {
                self.hole(ground, known, path, one);
            }
        }
    }

    fn hole(&mut self, ground: Ground<'k, '_>, known: &Known, path: &str, one: Caught<'k, 's>) {
        let reads = !known.at.acts;
        match one.hole {
            Hole::Secret(name) => {
                let right = ground.credentials.get(name).is_some_and(|secret| *secret == one.text);
                self.unproven |= !right && (path.starts_with("header ") || ground.secrets.contains(name));
                self.score -= if right { 0 } else { 1 };
            }
            Hole::Basic { user, password } => {
                let half = |name: &str| ground.credentials.get(name).map_or("", String::as_str);
                let pair = format!("{}:{}", half(user), half(password));
                self.unproven |= crate::tape::Encoding::Base64.encode(pair.as_bytes()) != one.text;
            }
            Hole::Gen { name, .. } => self.minted(ground, known, path, name, one.text),
            Hole::Capture(name) => match ground.book.find(By::Caught, one.text) {
                Some(number) => self.name(number),
                None => {
                    let _ = name;
                    self.absent |= path.starts_with("path ") && known.at.creates.is_none();
                }
            },
            Hole::Reference(step) => {
                let earlier = step.is_some_and(|step| step != known.at.step);
                if earlier || (reads && known.at.creates.is_none()) {
                    match ground.book.find(By::Reference, one.text) {
                        Some(number) => self.name(number),
                        None => {
                            let asks = path.starts_with("path ") || path.starts_with("query ") || known.at.op.reads();
                            self.absent |= earlier || asks;
                        }
                    }
                }
                if !earlier && self.reference.is_none() {
                    self.reference = Some(one.text);
                }
            }
            Hole::Key(_) => self.key = Some(one.text),
            _ => {}
        }
    }

    fn minted(&mut self, ground: Ground<'k, '_>, known: &Known, path: &str, name: &str, text: &str) {
        let number = ground.book.find(By::Minted, text);
        let object = number.and_then(|number| ground.book.get(number));
        match (number, object) {
            (Some(_), Some(object)) if object.kind == Kind::Token => {}
            (Some(number), Some(object)) => {
                let expected = known.at.lineage.names.get(name).copied().unwrap_or(Kind::Other);
                self.score += if expected == object.kind { 20 } else { -10 };
                self.name(number);
            }
            _ if path == "header authorization" => self.unproven = true,
            _ => {
                self.score -= 15;
                self.absent = true;
            }
        }
    }
}
