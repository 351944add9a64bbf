//! What a sandbox tells of itself: payments, test cards, near misses.

use std::collections::{BTreeMap, HashSet};

use super::Sandbox;
use super::book::Object;
use super::fit::Fit;
use super::known::{Class, Kind, Known, Role};
use super::learn::Drafts;
use super::read::{Caught, caught};
use super::routes::Routes;
use super::sent::Sent;
use super::shown::{Compared, Miss, OutcomeShown, PaymentShown};
use super::texts::Of;
use super::understand::{Knowledge, begins};
use crate::world::Subject;

/// Most exchanges that a request is compared with for what is shown.
const MAX_MISSES: usize = 3;

/// Most differences that are shown of one exchange.
const MAX_DIFFERENCES: usize = 12;

/// Headers that a transport adds.
const INCIDENTAL: [&str; 10] = [
    "header host",
    "header content-length",
    "header content-type",
    "header accept",
    "header accept-encoding",
    "header user-agent",
    "header connection",
    "header transfer-encoding",
    "header accept-language",
    "header keep-alive",
];

/// Whether a transport adds what stands in this place.
pub(super) fn is_incidental(place: &str) -> bool {
    INCIDENTAL.contains(&place)
}

impl Sandbox {
    /// The payments, mandates and payouts that were made, the newest first.
    pub fn payments(&self, newest: usize) -> Vec<PaymentShown> {
        let state = self.state();
        let is_shown = |object: &Object| matches!(object.kind, Kind::Payment | Kind::Mandate | Kind::Payout);
        let all = state.book.newest().filter(|(_, object)| is_shown(object));
        all.take(newest).map(|(_, object)| self.shown(object)).collect()
    }

    fn shown(&self, object: &Object) -> PaymentShown {
        let method = match object.texts.get(Of::Sample, "card.last4") {
            Some(last4) => Some(format!("card •••• {last4}")),
            None => self.method(object).filter(|method| !method.is_empty()).map(str::to_owned),
        };
        PaymentShown {
            id: object.id().to_owned(),
            kind: object.kind.as_str().to_owned(),
            state: object.account.state.to_owned(),
            amount_minor: Some(object.account.amount).filter(|amount| *amount > 0),
            currency: object.currency.map(|currency| currency.code().to_owned()),
            captured_minor: object.account.captured,
            refunded_minor: object.account.refunded,
            method,
            requests: object.requests,
        }
    }

    /// Family and brand of the method that a payment was begun with.
    fn method(&self, object: &Object) -> Option<&str> {
        Some(&*self.knowledge.known.get(object.made_by?)?.at.lineage.method)
    }

    /// The test cards and amounts, and what each leads to.
    pub fn outcomes(&self) -> Vec<OutcomeShown> {
        self.outcomes.clone()
    }
}

/// What each test card of the profile leads to, as its cases show.
pub(super) fn outcomes(subject: &Subject, drafts: &Drafts) -> Vec<OutcomeShown> {
    let cards = &subject.profile.model.cards;
    let mut found: BTreeMap<&str, String> = BTreeMap::new();
    for draft in drafts.exchanges.iter().filter(|draft| begins(draft.at.op) && !draft.at.settles) {
        let state = draft.at.moment.end.state;
        if !state.is_empty() && !draft.at.lineage.card.is_empty() {
            let plain = &*draft.at.lineage.card == "approved" && state != "captured";
            if !plain {
                found.entry(&draft.at.lineage.card).or_insert_with(|| state.to_owned());
            }
        }
    }
    let approved = cards.get("approved");
    let one = |(name, state): (&str, String)| {
        let card = cards.get(name)?;
        let same_number = name != "approved" && approved.is_some_and(|approved| approved.number == card.number);
        let token = card.token.as_ref().filter(|_| subject.entry.spec.cards.token);
        let (kind, value) = match (card.amount_minor, token, &card.holder) {
            (Some(amount), ..) => ("amount", amount.to_string()),
            (None, Some(token), _) => ("token", token.clone()),
            (None, None, Some(holder)) if same_number => ("holder", holder.clone()),
            _ => ("card", card.number.clone()),
        };
        let reason = if state == "declined" { format!("declined: {}", name.replace('_', " ")) } else { state };
        Some(OutcomeShown { kind: kind.to_owned(), name: name.to_owned(), value, outcome: reason })
    };
    found.into_iter().filter_map(one).collect()
}

/// Where a request differs from an exchange. Values that the client sent are not told.
fn differences(known: &Known, sent: &Sent<'_>, credentials: &BTreeMap<String, String>) -> Vec<String> {
    let mut out = Vec::new();
    // Of values in one place the first counts.
    for want in &known.wants {
        let place = told(&want.path);
        match (sent.first(want.place), &want.role) {
            (None, Role::Literal(text)) => out.push(format!("{place}: missing, the tape has `{}`", short(text))),
            (None, Role::Holes(template)) => {
                out.push(format!("{place}: missing, the tape has `{}`", short(&template.written())))
            }
            (None, _) => out.push(format!("{place}: missing")),
            (Some(value), Role::Literal(text)) if value != text => {
                out.push(format!("{place}: another value than `{}`", short(text)));
            }
            (Some(value), Role::Holes(template)) => {
                let mut all = Vec::new();
                let written = || short(&template.written());
                if !caught(template, value, &mut all) || !all.iter().all(Caught::has_form) {
                    out.push(format!("{place}: not of the form `{}`", written()));
                } else if !all.iter().all(|one| one.is_credential(credentials)) {
                    out.push(format!("{place}: another value than `{}`", written()));
                }
            }
            _ => {}
        }
    }
    let places: HashSet<&str> = known.wants.iter().map(|want| want.path.as_str()).collect();
    let listed = |path: &str| places.contains(path);
    let surplus = sent.iter().map(|value| sent.name(value));
    let surplus = surplus.filter(|path| !listed(path) && !path.starts_with("path ") && !is_incidental(path));
    out.extend(surplus.map(|path| format!("{}: not in the tape", told(path))));
    out.truncate(MAX_DIFFERENCES);
    out
}

fn told(path: &str) -> String {
    match path.split_once(' ') {
        Some((kind, name)) => format!("{kind} `{}`", short(name)),
        None => short(path),
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The exchange that answered, where something may differ.
pub(super) fn forgiven(fit: &Fit<'_>) -> Compared {
    Compared { known: if fit.joint.is_same { Vec::new() } else { vec![fit.index] }, only_differing: true }
}

/// The nearest of a route's exchanges.
pub(super) fn nearest(fits: &[Fit<'_>]) -> Compared {
    let mut sorted: Vec<&Fit<'_>> = fits.iter().collect();
    sorted.sort_by_key(|fit| std::cmp::Reverse(fit.score));
    Compared { known: sorted.into_iter().map(|fit| fit.index).take(MAX_MISSES).collect(), only_differing: false }
}

/// The exchanges that a request is compared with, with what differs.
pub(super) fn misses(
    knowledge: &Knowledge,
    compared: &Compared,
    sent: &Sent<'_>,
    credentials: &BTreeMap<String, String>,
) -> Vec<Miss> {
    let miss = |index: &usize| {
        let known = knowledge.known.get(*index)?;
        let differences = differences(known, sent, credentials);
        let (case, line) = (known.at.lineage.case.to_string(), known.at.line);
        (!compared.only_differing || !differences.is_empty()).then_some(Miss { case, line, differences })
    };
    compared.known.iter().filter_map(miss).collect()
}

/// Exchanges whose path comes near one that no tape has.
pub(super) fn other_paths(knowledge: &Knowledge, routes: &Routes, method: &http::Method, path: &str) -> Vec<Miss> {
    let near = routes.near(method, path).into_iter().filter_map(|route| {
        let known = route.candidates.first().and_then(|index| knowledge.known.get(*index))?;
        let differences = vec![format!("path: the tapes have `{}`", route.path())];
        Some(Miss { case: known.at.lineage.case.to_string(), line: known.at.line, differences })
    });
    near.take(MAX_MISSES).collect()
}

/// That no tape has a path, and the nearest that one has.
pub(super) fn unknown_path(id: &str, routes: &Routes, method: &http::Method, path: &str) -> String {
    let near = routes.near(method, path).first().map(|route| format!("; the nearest is {}", route.path()));
    format!("no tape of {id} has {method} {}{}", short(path), near.unwrap_or_default())
}

/// That no tape asks for this, and what they ask for.
pub(super) fn unknown_word(id: &str, path: &str, words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{}`", short(word))).collect();
    format!("no tape of {id} has a request of this kind: {} is one of {}", told(path), words.join(", "))
}

/// The exchange by which a refusal is told: of this class, and of these candidates where one is there, else the nearest of all.
pub(super) fn refusal<'k>(
    known: &'k [Known],
    candidates: &[usize],
    class: Class,
    op: Option<quittance::Op>,
) -> Option<(usize, &'k Known)> {
    let order: &[Class] = match class {
        Class::Missing => &[Class::Missing, Class::Refused, Class::Invalid],
        Class::Credentials => &[Class::Credentials],
        Class::Invalid => &[Class::Invalid, Class::Refused],
        _ => &[Class::Refused, Class::Invalid, Class::Missing],
    };
    let all = || known.iter().enumerate();
    for wanted in order {
        let is =
            |(_, known): &(usize, &Known)| known.at.class == *wanted && (known.at.acts || *wanted != Class::Refused);
        let here = |found: &(usize, &Known)| candidates.contains(&found.0) && is(found);
        let own = all().find(|found| here(found) && Some(found.1.at.op) == op);
        let own = own.or_else(|| {
            all().find(|found| here(found) && op.is_some_and(|op| Kind::of(found.1.at.op) == Kind::of(op)))
        });
        let own = own.or_else(|| all().find(here));
        let alike = || all().find(|found| is(found) && op.is_some_and(|op| Kind::of(found.1.at.op) == Kind::of(op)));
        if let Some(found) = own.or_else(alike).or_else(|| all().find(is)) {
            return Some(found);
        }
    }
    None
}
