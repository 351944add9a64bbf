//! Which items of a list tell of a refund: where something was given back a list has more items than where nothing was, and those that it
//! has in both answers tell of the payment. So does the only item of a list in which the id of a refund stands.

use std::ops::Range;

use quittance::Op;

use super::known::{Class, Kind, Lineage};
use super::learn::{Draft, Drafts};
use super::sketch::{Leaf, Sketch};
use crate::tape::Hole;

/// An item: its place, and what stands in it by name.
type Item<'d> = (&'d str, Vec<(&'d str, &'d str)>);

/// Marks what tells of a refund, and not of the payment.
pub(super) fn mark_refunds(drafts: &mut Drafts) {
    mark_new(&mut drafts.exchanges);
    let answers = drafts.exchanges.iter_mut().map(|draft| (refund_item(draft), &mut draft.leaves));
    let deliveries = drafts.deliveries.iter_mut();
    let deliveries = deliveries.map(|told| (item(&told.report.lineage, &told.sketch, &told.leaves), &mut told.leaves));
    for (item, leaves) in answers.chain(deliveries) {
        let Some(item) = item else { continue };
        leaves.iter_mut().filter(|leaf| is_within(&leaf.at, &item)).for_each(|leaf| leaf.refund = true);
    }
}

/// Marks what the answers to who looks at a payment have more where something was given back.
fn mark_new(drafts: &mut [Draft]) {
    let looks = |draft: &&Draft| draft.at.op == Op::Retrieve;
    let before: Vec<Item<'_>> = drafts
        .iter()
        .filter(looks)
        .filter(|draft| !is_refunded(draft))
        .flat_map(|draft| items(&draft.leaves))
        .collect();
    let mut found: Vec<(usize, String)> = Vec::new();
    for (index, draft) in drafts.iter().enumerate().filter(|(_, draft)| looks(draft) && is_refunded(draft)) {
        let own = items(&draft.leaves);
        let stood = |(place, texts): &Item<'_>| {
            before.iter().any(|(other, known)| list_of(other) == list_of(place) && known == texts)
        };
        let old: Vec<&str> = own.iter().filter(|item| stood(item)).map(|(place, _)| list_of(place)).collect();
        let new = own.iter().filter(|item| !stood(item) && old.contains(&list_of(item.0)));
        found.extend(new.map(|(place, _)| (index, (*place).to_owned())));
    }
    for (index, place) in found {
        let leaves = drafts.get_mut(index).into_iter().flat_map(|draft| &mut draft.leaves);
        leaves.filter(|leaf| parted(&leaf.path).0 == place).for_each(|leaf| leaf.refund = true);
    }
}

/// The bytes of the member of a JSON list that is a refund, where a look at something has one such member.
pub(super) fn refund_item(draft: &Draft) -> Option<Range<usize>> {
    let at = &draft.at;
    let looks = !at.acts && at.creates.is_none() && at.class == Class::Done;
    if looks { item(&at.lineage, &draft.sketch, &draft.leaves) } else { None }
}

/// The bytes of the only member of a JSON list that is a refund by its id.
fn item(lineage: &Lineage, sketch: &Sketch, leaves: &[Leaf]) -> Option<Range<usize>> {
    let is_id = |hole: &Hole| match hole {
        Hole::Gen { name, .. } | Hole::Capture(name) => {
            lineage.parts.get(name).is_some_and(|(kind, part)| *kind == Kind::Refund && part.is_empty())
        }
        _ => false,
    };
    let ids: Vec<&Range<usize>> = sketch.holes().filter(|(_, hole)| is_id(hole)).map(|(at, _)| at).collect();
    let named = leaves.iter().filter(|leaf| !leaf.object && ids.iter().any(|id| is_within(id, &leaf.at)));
    // The id is a member of the item itself: what stands deeper in it is of something else.
    let mut items = named.map(|leaf| parted(&leaf.path).0);
    let first = items.next().filter(|item| item.starts_with('$') && item.ends_with(']'))?;
    let is_only = items.all(|item| item == first);
    leaves.iter().find(|leaf| leaf.object && leaf.path == first).filter(|_| is_only).map(|leaf| leaf.at.clone())
}

pub(super) fn is_within(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn is_refunded(draft: &Draft) -> bool {
    draft.at.moment.after.refunded > 0
}

/// The items of all lists, and whatever else has parts.
fn items(leaves: &[Leaf]) -> Vec<Item<'_>> {
    let mut items: Vec<Item<'_>> = Vec::new();
    for leaf in leaves.iter().filter(|leaf| !leaf.open && !leaf.object) {
        let (place, name) = parted(&leaf.path);
        match items.iter_mut().find(|(other, _)| *other == place) {
            Some((_, texts)) => texts.push((name, &leaf.text)),
            None => items.push((place, vec![(name, &leaf.text)])),
        }
    }
    items
}

/// The place around a value, and its name there.
fn parted(path: &str) -> (&str, &str) {
    path.rfind(['/', '.']).map_or(("", path), |at| path.split_at(at))
}

/// The place of a list out of that of an item.
fn list_of(place: &str) -> &str {
    match place.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) {
        Some((list, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => list,
        _ => place,
    }
}
