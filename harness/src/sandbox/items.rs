//! Which items of a list tell of a refund: where something was given back a list has more items than where nothing was, and those that it
//! has in both answers tell of the payment.

use quittance::Op;

use super::learn::Draft;
use super::sketch::Leaf;

/// An item: its place, and what stands in it by name.
type Item<'d> = (&'d str, Vec<(&'d str, &'d str)>);

/// Marks what tells of a refund in the answers to who looks at a payment.
pub(super) fn mark_refunds(drafts: &mut [Draft]) {
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
