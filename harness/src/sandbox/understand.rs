//! From what the tapes show to what their values mean: which values of requests and answers are amounts, currencies, echoes.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use quittance::Op;

use super::give::Needs;
use super::items::{is_within, mark_refunds, refund_item};
use super::known::{Class, Delivered, Fill, Gen, Item, Kind, Known, Lineage, Moment, Role, Situation, Want};
use super::learn::{Draft, Drafts, Told};
use super::leaves::{Stated, last_name};
use super::places::{Place, Places};
use super::roles::{Figure, Flag, Quantity, Style};
use super::sketch::{Leaf, Sketch};
use crate::tape::{BodyText, Escape, Hole, Part, Shape, Template};

/// Objects that a provider keeps for the merchant and gives back as they came.
const KEPT_OBJECTS: [&str; 2] = ["metadata", "notes"];

/// All that is known of a provider.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    pub(super) known: Vec<Known>,
    pub(super) delivered: Vec<Delivered>,
    /// The places that tapes speak of.
    pub(super) places: Places,
    /// By place of requests: whether later answers repeat what stands there.
    kept: Vec<bool>,
    /// Whether requests have JSON inside base64.
    pub(super) open: bool,
    /// Names of minted values that stand in one place of answers to the same request: another tape may name such a value otherwise.
    pub(super) akin: Vec<BTreeSet<String>>,
}

type Figures = HashMap<(String, String), Vec<(i64, Moment)>>;
type Flags = HashMap<(String, String), Vec<(bool, Moment)>>;

/// Every number of the tapes by what kind of text it stands in, and where.
#[derive(Default)]
struct Numbers {
    figures: Figures,
    flags: Flags,
}

impl Knowledge {
    pub(super) fn of(mut drafts: Drafts) -> Knowledge {
        mark_refunds(&mut drafts);
        let numbers = Numbers::of(&drafts);
        let mut knowledge = Knowledge {
            open: drafts.exchanges.iter().any(|draft| super::leaves::encloses(&draft.stated)),
            akin: akin(&drafts.exchanges),
            ..Knowledge::default()
        };
        let stated: Vec<(Arc<Lineage>, bool, Vec<Stated>)> = drafts
            .exchanges
            .iter()
            .map(|draft| (Arc::clone(&draft.at.lineage), draft.at.creates == Some(Kind::Token), draft.stated.clone()))
            .collect();
        for told in drafts.deliveries {
            let sent = earlier(&stated, &told.report.lineage, stated.len());
            let groups = [format!("event {}", told.report.event), format!("told {}", told.report.kind.as_str())];
            let slots = knowledge.slots(
                &Ground {
                    groups: &groups,
                    lineage: &told.report.lineage,
                    moment: &told.report.moment,
                    numbers: &numbers,
                    delivers_refund: told.leaves.iter().any(|leaf| leaf.refund),
                },
                &told.leaves,
                &sent,
            );
            let made = delivered(told, slots);
            if !made.report.alone || speaks_of_its_own(&made) {
                knowledge.delivered.push(made);
            }
        }
        let total = drafts.exchanges.len();
        let lasts: Vec<bool> = drafts
            .exchanges
            .iter()
            .enumerate()
            .map(|(index, draft)| {
                let own = |other: &Draft| {
                    Arc::ptr_eq(&other.at.lineage, &draft.at.lineage)
                        && other.at.step == draft.at.step
                        && !other.at.settles
                };
                !draft.at.settles
                    && !drafts
                        .exchanges
                        .get(index + 1..total)
                        .unwrap_or_default()
                        .iter()
                        .any(|other| own(other) && other.at.acts)
            })
            .collect();
        for (index, (draft, last)) in drafts.exchanges.into_iter().zip(lasts).enumerate() {
            let sent = earlier(&stated, &draft.at.lineage, index + 1);
            let groups = answer_groups(&draft);
            let ground = Ground {
                groups: &groups,
                lineage: &draft.at.lineage,
                moment: &draft.at.moment,
                numbers: &numbers,
                delivers_refund: false,
            };
            let slots = knowledge.slots(&ground, &draft.leaves, &sent);
            let wants = wants(&draft, &numbers, &mut knowledge.places);
            knowledge.known.push(known(draft, last, wants, slots));
        }
        knowledge.link();
        knowledge
    }

    /// Whether later answers repeat what a request has there.
    pub(super) fn keeps(&self, place: Place) -> bool {
        self.kept.get(place).copied().unwrap_or(false)
    }

    /// Ties each exchange that ends its step to the deliveries of the step.
    fn link(&mut self) {
        for known in self.known.iter_mut().filter(|known| known.last && known.at.acts) {
            let own = |delivered: &Delivered| {
                Arc::ptr_eq(&delivered.report.lineage, &known.at.lineage)
                    && delivered.report.step == known.at.step
                    && !delivered.report.alone
            };
            known.due = self
                .delivered
                .iter()
                .enumerate()
                .filter(|(_, delivered)| own(delivered))
                .map(|(index, _)| index)
                .collect();
        }
    }

    /// The slots of an answer with the bytes that each takes the place of.
    fn slots(&mut self, ground: &Ground<'_>, leaves: &[Leaf], sent: &[&Stated]) -> Vec<(Range<usize>, Fill)> {
        let mut slots: Vec<(Range<usize>, Fill)> = Vec::new();
        let mut taken = 0..0;
        let objects = leaves.iter().filter(|leaf| leaf.object);
        let kept: Vec<(Range<usize>, String)> =
            objects.filter_map(|leaf| Some((leaf.at.clone(), prefix_of(&leaf.path, sent)?))).collect();
        let mut all: Vec<&Leaf> = leaves.iter().filter(|leaf| !leaf.object).collect();
        all.sort_by_key(|leaf| leaf.at.start);
        for (at, prefix) in kept {
            let number = self.places.prefix(&prefix);
            slots.push((at, Fill::Object { prefix: number, name: self.places.kept_name(number).to_owned() }));
        }
        for leaf in all {
            if leaf.at.start < taken.end
                || slots.iter().any(|(at, _)| at.start <= leaf.at.start && leaf.at.end <= at.end)
            {
                continue;
            }
            let Some(mut fill) = ground.fill(leaf, sent) else { continue };
            let at = match &fill {
                Fill::Echo { quoted: true, .. } => leaf.quoted.clone().unwrap_or_else(|| leaf.at.clone()),
                _ => leaf.at.clone(),
            };
            if let Fill::Echo { path, place, .. } = &mut fill {
                *place = self.places.number(path);
                *path = self.places.short(*place).unwrap_or_default().to_owned();
                self.kept.resize(self.kept.len().max(*place + 1), false);
                self.kept.get_mut(*place).into_iter().for_each(|kept| *kept = true);
            }
            taken = at.clone();
            slots.push((at, fill));
        }
        slots
    }
}

/// Names of minted values by the place in which they stand in answers to the same request, where there are several.
fn akin(drafts: &[Draft]) -> Vec<BTreeSet<String>> {
    let mut places: HashMap<(String, &str, usize), BTreeSet<String>> = HashMap::new();
    for draft in drafts.iter().filter(|draft| draft.at.creates != Some(Kind::Token)) {
        let group = request_group(draft);
        for leaf in draft.leaves.iter().filter(|leaf| leaf.open && !leaf.object) {
            let inside = draft.sketch.holes().filter(|(at, _)| is_within(at, &leaf.at));
            for (number, (_, hole)) in inside.enumerate() {
                let Hole::Gen { name, .. } = hole else { continue };
                places.entry((group.clone(), &leaf.path, number)).or_default().insert(name.clone());
            }
        }
    }
    places.into_values().filter(|names| names.len() > 1).collect()
}

/// The values of the requests of a case before `end`, the newest first; those that fetch tokens aside.
fn earlier<'s>(stated: &'s [(Arc<Lineage>, bool, Vec<Stated>)], lineage: &Arc<Lineage>, end: usize) -> Vec<&'s Stated> {
    let own = stated.iter().take(end).rev().filter(|(other, token, _)| Arc::ptr_eq(other, lineage) && !token);
    own.flat_map(|(_, _, stated)| stated).filter(|(path, _)| !path.starts_with("header ")).collect()
}

fn answer_groups(draft: &Draft) -> [String; 2] {
    let (about, does) = (draft.about.as_str(), if draft.at.acts { "acts" } else { "reads" });
    [format!("{does} {about}"), format!("{does} {about} {}", draft.at.op)]
}

impl Numbers {
    fn of(drafts: &Drafts) -> Numbers {
        let mut numbers = Numbers::default();
        for draft in &drafts.exchanges {
            if matches!(draft.at.class, Class::Invalid | Class::Missing | Class::Credentials | Class::Again) {
                continue;
            }
            let ends = Moment { after: draft.at.moment.end, ..draft.at.moment };
            for (path, template) in &draft.stated {
                numbers.figure(
                    &request_group(draft),
                    path,
                    template.literal().unwrap_or_default(),
                    &draft.at.lineage,
                    &ends,
                );
            }
            for group in answer_groups(draft) {
                numbers.leaves(&group, &draft.leaves, &draft.at.lineage, &draft.at.moment);
            }
        }
        for told in &drafts.deliveries {
            for group in [format!("event {}", told.report.event), format!("told {}", told.report.kind.as_str())] {
                numbers.leaves(&group, &told.leaves, &told.report.lineage, &told.report.moment);
            }
        }
        numbers
    }

    fn leaves(&mut self, group: &str, leaves: &[Leaf], lineage: &Lineage, moment: &Moment) {
        for leaf in leaves.iter().filter(|leaf| !leaf.open && !leaf.object) {
            self.figure(group, &leaf.path, &leaf.text, lineage, moment);
            if let ("true" | "false", None) = (leaf.text.as_str(), &leaf.quoted) {
                let found = self.flags.entry((group.to_owned(), leaf.path.clone())).or_default();
                found.push((leaf.text == "true", *moment));
            }
        }
    }

    fn figure(&mut self, group: &str, path: &str, text: &str, lineage: &Lineage, moment: &Moment) {
        let exponent = lineage.currency.map_or(2, |currency| currency.exponent());
        if let Some((_, minor)) = Figure::read(text, exponent) {
            self.figures.entry((group.to_owned(), path.to_owned())).or_default().push((minor, *moment));
        }
    }

    /// What an amount in any of these groups means, the first that says it; else what fits this one alone.
    fn quantity(&self, groups: &[String], path: &str, value: i64, moment: &Moment) -> Option<Quantity> {
        let own = [(value, *moment)];
        let groups = groups.iter().filter_map(|group| self.figures.get(&(group.clone(), path.to_owned())));
        let all: Vec<&[(i64, Moment)]> = groups.map(Vec::as_slice).chain([own.as_slice()]).collect();
        // What a name says of one answer goes before what would fit them all.
        let spoken = all.iter().find_map(|values| Quantity::spoken(path, pairs(values)));
        spoken.or_else(|| all.iter().find_map(|values| Quantity::fitting(path, pairs(values))))
    }

    fn flag(&self, groups: &[String], path: &str) -> Option<Flag> {
        let values = groups.iter().find_map(|group| self.flags.get(&(group.clone(), path.to_owned())))?;
        Flag::fitting(&last_name(path), values.iter().map(|(value, moment)| (*value, moment)))
    }
}

fn pairs(values: &[(i64, Moment)]) -> impl Iterator<Item = (i64, &Moment)> + Clone {
    values.iter().map(|(value, moment)| (*value, moment))
}

fn request_group(draft: &Draft) -> String {
    let path: Vec<String> =
        draft.at.segments.iter().map(|segment| segment.literal().unwrap_or("*").to_owned()).collect();
    format!("request {} {} /{}", draft.at.op, draft.at.method, path.join("/"))
}

/// Where an answer stands.
struct Ground<'p> {
    groups: &'p [String],
    lineage: &'p Lineage,
    moment: &'p Moment,
    numbers: &'p Numbers,
    /// Whether it is a delivery that tells a refund within its payment.
    delivers_refund: bool,
}

impl Ground<'_> {
    /// What a value of the answer is filled with; none where it is the same for all.
    fn fill(&self, leaf: &Leaf, sent: &[&Stated]) -> Option<Fill> {
        if leaf.open {
            return leaf.digest.then_some(Fill::Digest);
        }
        if let Some(kind) = self.lineage.ids.get(&leaf.text) {
            return Some(Fill::Id(*kind));
        }
        if let Some(currency) = self.lineage.currency {
            if let Some(style) = Style::read(&leaf.path, &leaf.text, currency) {
                return Some(Fill::Currency(style));
            }
            if let Some((figure, minor)) = Figure::read(&leaf.text, currency.exponent())
                && let Some(quantity) = self.quantity(leaf, minor)
            {
                return Some(Fill::Amount(quantity, figure));
            }
        }
        if leaf.quoted.is_none() && matches!(leaf.text.as_str(), "true" | "false") {
            let own = || Flag::fitting_one(&last_name(&leaf.path), leaf.text == "true", self.moment);
            return self.numbers.flag(self.groups, &leaf.path).or_else(own).map(Fill::Flag);
        }
        self.card(leaf).or_else(|| echo(leaf, sent))
    }

    fn quantity(&self, leaf: &Leaf, minor: i64) -> Option<Quantity> {
        let fits = |quantity: &Quantity| quantity.of(self.moment) == Some(minor);
        let own = match (leaf.refund, self.delivers_refund) {
            (true, true) => Some(Quantity::Asked),
            (true, false) => Some(Quantity::Refunded),
            // What stands around the refund is of the payment.
            (false, true) => Some(Quantity::Captured),
            (false, false) => None,
        };
        own.filter(fits).or_else(|| self.numbers.quantity(self.groups, &leaf.path, minor, self.moment))
    }

    fn card(&self, leaf: &Leaf) -> Option<Fill> {
        let number = self.lineage.samples.get("card.number")?;
        let (last4, bin) = (number.get(number.len().checked_sub(4)?..)?, number.get(..6)?);
        let name = last_name(&leaf.path);
        let masked = |letter: char| matches!(letter, 'X' | 'x' | '*' | '•');
        let part = match leaf.text.as_str() {
            text if text == last4 => "last4",
            text if text == bin || Some(text) == number.get(..8) => "bin",
            text if text.ends_with(last4) && text.contains(masked) => "masked",
            text if name.contains("month")
                && self.sample("card.expiry_month") == Some(text.trim_start_matches('0')) =>
            {
                "month"
            }
            text if name.contains("year") && self.sample("card.expiry_year") == Some(text) => "year",
            _ => return None,
        };
        Some(Fill::Card { part, text: leaf.text.clone() })
    }

    fn sample(&self, name: &str) -> Option<&str> {
        self.lineage.samples.get(name).map(String::as_str)
    }
}

/// A text that a request of the case had before.
fn echo(leaf: &Leaf, sent: &[&Stated]) -> Option<Fill> {
    let name = last_name(&leaf.path);
    let text = leaf.text.as_str();
    let word = text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'));
    let telling = text.len() >= 5 && !word && !text.starts_with("http") || text.contains("merchant.example");
    let same = |(path, template): &&&Stated| {
        template.literal() == Some(text) && (telling || (text.len() >= 2 && last_name(path) == name))
    };
    let by_name = |stated: &&&Stated| last_name(&stated.0) == name && same(stated);
    let (path, _) = sent.iter().find(by_name).or_else(|| sent.iter().find(same))?;
    if matches!(text, "true" | "false" | "null") || (leaf.quoted.is_none() && leaf.path.starts_with('$')) {
        return None;
    }
    let free = telling && !word;
    let (path, otherwise) = (path.clone(), (!free).then(|| text.to_owned()));
    Some(Fill::Echo { path, place: Place::default(), quoted: leaf.quoted.is_some(), otherwise })
}

/// Where in requests the members of an object stand that the provider keeps for the merchant.
fn prefix_of(path: &str, sent: &[&Stated]) -> Option<String> {
    let name = last_name(path);
    if !KEPT_OBJECTS.contains(&name.as_str()) {
        return None;
    }
    let within = |(stated, _): &&Stated| -> Option<String> {
        let lower = stated.to_ascii_lowercase();
        let at = lower.find(&name)?;
        let end = at + name.len();
        let before = lower.get(..at)?.ends_with([' ', '.', '[']);
        let close = lower.get(end..)?.strip_prefix(']').map_or(end, |_| end + 1);
        let after = lower.get(close..)?.starts_with(['.', '[']);
        (before && after).then(|| stated.get(..close).map(str::to_owned)).flatten()
    };
    sent.iter().find_map(within)
}

fn role_of_holes(template: &Template) -> Role {
    let is_digest = |part: &Part| matches!(part, Part::Hole(Hole::Digest { .. }));
    if template.parts.iter().all(is_digest) { Role::Digest } else { Role::Holes(template.clone()) }
}

fn wants(draft: &Draft, numbers: &Numbers, places: &mut Places) -> Vec<Want> {
    let group = [request_group(draft)];
    let ends = Moment { after: draft.at.moment.end, ..draft.at.moment };
    let segments = draft.at.segments.iter().enumerate().filter(|(_, segment)| segment.literal().is_none());
    let in_path = segments.map(|(index, segment)| (format!("path {index}"), role_of_holes(segment)));
    let role = |path: &str, template: &Template| -> Role {
        let Some(text) = template.literal() else { return role_of_holes(template) };
        if path.starts_with("header ") {
            return Role::Literal(text.to_owned());
        }
        if let Some(currency) = draft.at.lineage.currency {
            if let Some(style) = Style::read(path, text, currency) {
                return Role::Currency(style);
            }
            let exponent = currency.exponent();
            if let Some((figure, minor)) = Figure::read(text, exponent).filter(|_| draft.at.moment.asked.is_some())
                && let Some(quantity) = numbers.quantity(&group, path, minor, &ends)
            {
                return Role::Amount(figure, Some(quantity));
            }
        }
        Role::Literal(text.to_owned())
    };
    let stated = draft.stated.iter().map(|(path, template)| (path.clone(), role(path, template)));
    let wants: Vec<Want> =
        in_path.chain(stated).map(|(path, role)| Want { place: places.number(&path), path, role }).collect();
    places.follow(wants.iter().map(|want| want.place));
    wants
}

fn known(draft: Draft, last: bool, wants: Vec<Want>, slots: Slots) -> Known {
    let (items, slots) = items(&draft, slots);
    let Draft { mut at, sketch, .. } = draft;
    let answer = &mut at.answer;
    let escape = match &answer.body {
        BodyText::Holes(_, escape) => *escape,
        BodyText::Fixed(_) => Escape::None,
    };
    if !matches!(answer.body, BodyText::Fixed(_)) || !slots.is_empty() {
        answer.body = BodyText::Holes(slotted(&sketch, &slots), escape);
    }
    let in_headers = answer.headers.iter().filter_map(|(_, text)| match text {
        crate::tape::HeaderText::Holes(template) => Some(template),
        crate::tape::HeaderText::Fixed(_) => None,
    });
    let in_body = match &answer.body {
        BodyText::Holes(template, _) => Some(template),
        BodyText::Fixed(_) => None,
    };
    let news = if at.acts || at.creates.is_some() { at.news.as_slice() } else { &[] };
    let gens = gens(in_headers.chain(in_body).chain(&at.id), &at.lineage, news);
    let mut slots: Vec<Fill> = slots.into_iter().map(|(_, fill)| fill).collect();
    if let BodyText::Holes(template, _) = &mut at.answer.body {
        mint_in_slots(template, &gens, &mut slots);
    }
    let of_refunds = |quantity: &Quantity| matches!(quantity, Quantity::Refunded | Quantity::Kept | Quantity::Left);
    let all = slots.iter().chain(items.iter().flat_map(|item| &item.slots));
    let tells_refunds = all.into_iter().any(|fill| matches!(fill, Fill::Amount(quantity, _) if of_refunds(quantity)));
    Known {
        lists: lists(&at, &wants),
        at,
        wants,
        gens,
        slots,
        items,
        due: Vec::new(),
        last,
        tells_refunds,
        needs: Needs::default(),
    }
}

/// The slots of an answer with the bytes that each takes the place of.
type Slots = Vec<(Range<usize>, Fill)>;

/// The member of a list that tells a refund, and the slots of the answer with one in its place.
fn items(draft: &Draft, slots: Slots) -> (Vec<Item>, Slots) {
    let Some(at) = refund_item(draft) else { return (Vec::new(), slots) };
    let (inner, mut slots): (Slots, Slots) = slots.into_iter().partition(|(own, _)| is_within(own, &at));
    let inner: Slots = inner.into_iter().map(|(own, fill)| (own.start - at.start..own.end - at.start, fill)).collect();
    let mut template = slotted(&draft.sketch.part(&at), &inner);
    let gens = gens([&template].into_iter(), &draft.at.lineage, &[]);
    let mut fills = inner.into_iter().map(|(_, fill)| fill).collect();
    mint_in_slots(&mut template, &gens, &mut fills);
    slots.push((at, Fill::Refunds(0)));
    (vec![Item { template, gens, slots: fills }], slots)
}

fn lists(at: &Situation, wants: &[Want]) -> bool {
    if at.acts || at.creates.is_some() {
        return false;
    }
    let names = |hole: &Hole| !matches!(hole, Hole::Secret(_) | Hole::Basic { .. } | Hole::Now { .. });
    let in_request = wants.iter().filter(|want| !want.path.starts_with("header "));
    let is_named = in_request.filter_map(|want| match &want.role {
        Role::Holes(template) => Some(template),
        _ => None,
    });
    let told = match &at.answer.body {
        BodyText::Holes(template, _) => template.holes().any(|hole| matches!(hole, Hole::Reference(Some(_)))),
        BodyText::Fixed(_) => false,
    };
    told && !is_named.flat_map(Template::holes).any(names)
}

fn delivered(told: Told, slots: Vec<(Range<usize>, Fill)>) -> Delivered {
    let Told { mut report, sketch, .. } = told;
    let webhook = &mut report.webhook;
    webhook.body = slotted(&sketch, &slots);
    let templates = webhook.headers.iter().map(|(_, template)| template).chain([&webhook.body]).chain(&webhook.url);
    let gens = gens(templates, &report.lineage, &[]);
    let mut slots = slots.into_iter().map(|(_, fill)| fill).collect();
    mint_in_slots(&mut webhook.body, &gens, &mut slots);
    Delivered { report, gens, slots }
}

/// Whether a delivery can be made about another object than that of the tape: some tapes have it as one fixed text.
fn speaks_of_its_own(delivered: &Delivered) -> bool {
    let named = |one: &Gen| delivered.report.lineage.names.get(&one.name).is_some_and(|kind| *kind != Kind::Other);
    let by_slot = delivered.slots.iter().any(|fill| matches!(fill, Fill::Id(_) | Fill::Digest));
    let by_hole = |hole: &Hole| matches!(hole, Hole::Reference(_) | Hole::Capture(_) | Hole::Digest { .. });
    by_slot || delivered.gens.iter().any(named) || delivered.report.webhook.body.holes().any(by_hole)
}

fn slotted(sketch: &Sketch, slots: &[(Range<usize>, Fill)]) -> Template {
    let places: Vec<Range<usize>> = slots.iter().map(|(at, _)| at.clone()).collect();
    sketch.slotted(&places)
}

/// The minted values in these templates; `news` are those that are other ones whenever the answer is given.
fn gens<'t>(templates: impl Iterator<Item = &'t Template>, lineage: &Lineage, news: &[String]) -> Vec<Gen> {
    let name = |hole: &'t Hole| match hole {
        Hole::Gen { name, .. } => Some(name),
        _ => None,
    };
    let names: BTreeSet<&String> = templates.flat_map(Template::holes).filter_map(name).collect();
    let one = |name: &String| Gen {
        shape: lineage.shapes.get(name).copied().unwrap_or(Shape::DEFAULT),
        is_new: news.contains(name),
        name: name.clone(),
    };
    names.into_iter().map(one).collect()
}

/// Puts slots in the place of the minted values of a body: they are told by their number, and not by their name.
fn mint_in_slots(body: &mut Template, gens: &[Gen], slots: &mut Vec<Fill>) {
    for part in &mut body.parts {
        let Part::Hole(Hole::Gen { name, .. }) = part else { continue };
        if let Some(at) = gens.iter().position(|one| one.name == *name) {
            *part = Part::Hole(Hole::Slot(slots.len()));
            slots.push(Fill::Minted(at));
        }
    }
}

/// Whether an operation makes a payment, a mandate or a payout.
pub(super) fn begins(op: Op) -> bool {
    matches!(op, Op::Authorize | Op::SetUp | Op::PayOut)
}
