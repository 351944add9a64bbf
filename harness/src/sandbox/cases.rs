//! What is read of one case: the class of its steps, its method, its names and shapes.

use std::collections::BTreeMap;

use quittance::{Kind as ErrorKind, Op};

use super::known::{Class, Kind, Lineage, Moment};
use super::learn::{Found, Moved};
use super::leaves::stated;
use super::sketch::Leaf;
use crate::run::case::{Asked, Case};
use crate::run::judge::Ended;
use crate::scenario::Step;
use crate::tape::{Exchange, Hole, Shape, Template};

/// `order`: whether the exchange comes before, is, or comes after the last one of its step that acts; none where none does.
pub(super) fn moment(
    moved: &Moved,
    asked: Option<i64>,
    op: Op,
    exchange: &Exchange,
    order: Option<std::cmp::Ordering>,
) -> Moment {
    use std::cmp::Ordering;
    let Moved { before, mid, end } = *moved;
    let (before, after) = match order {
        _ if exchange.settle => (mid, end),
        None if op == Op::Complete => (before, end),
        _ if op.reads() => (end, end),
        Some(Ordering::Less) => (before, before),
        Some(Ordering::Equal) => (before, mid),
        Some(Ordering::Greater) | None => (mid, mid),
    };
    Moment { before, after, end, asked }
}

pub(super) fn class_of(op: Op, ended: &Ended, refused: bool, step: &Step) -> Class {
    let absent = step.input.values().any(|value| value.as_str() == Some("absent"));
    match &ended.result {
        Err(error) if error.kind() == ErrorKind::Credentials => Class::Credentials,
        // Some tell of an object that is not open any more as of one that is not there.
        Err(error) if absent || (error.kind() == ErrorKind::NotFound && !refused) => Class::Missing,
        Err(_) if op == Op::Authorize && !refused => Class::Invalid,
        Err(_) => Class::Refused,
        Ok(_) if refused => Class::Refused,
        Ok(outcome) => match outcome.state() {
            "declined" | "failed" | "expired" | "unrecognised" => Class::Declined,
            "voided" if op == Op::Complete || op == Op::Authorize => Class::Declined,
            _ if op == Op::Complete && matches!(outcome.state(), "pending" | "action_required") => Class::Declined,
            _ => Class::Done,
        },
    }
}

/// Family and brand of the method that a request names.
pub(super) fn method_of(asked: &Asked) -> String {
    match asked.input.get("method") {
        Some(serde_json::Value::String(word)) => word.clone(),
        Some(serde_json::Value::Object(members)) => {
            let Some((family, fields)) = members.iter().next() else { return String::new() };
            match fields.get("brand").and_then(|brand| brand.as_str()) {
                Some(brand) => format!("{family}:{brand}"),
                None => family.clone(),
            }
        }
        _ => String::new(),
    }
}

/// The names under which the request of an exchange catches values.
pub(super) fn caught_names(exchange: &Exchange) -> impl Iterator<Item = String> {
    let own =
        exchange.request.segments.iter().cloned().chain(stated(&exchange.request).into_iter().map(|(_, text)| text));
    let names = own.flat_map(|template| {
        let names: Vec<String> = template
            .holes()
            .filter_map(|hole| match hole {
                Hole::Any { name: Some(name), .. } => Some(name.clone()),
                _ => None,
            })
            .collect();
        names
    });
    names.collect::<Vec<_>>().into_iter()
}

/// What a delivery says it is.
pub(super) fn event_of(leaves: &[Leaf]) -> Option<String> {
    const NAMES: [&str; 6] = ["eventcode", "eventtype", "event", "type", "action", "kind"];
    let depth = |leaf: &&Leaf| leaf.path.matches(['.', '/']).count();
    let named = |name: &&str| {
        let found = leaves.iter().filter(|leaf| !leaf.open && !leaf.object);
        let found = found.filter(|leaf| super::leaves::last_name(&leaf.path) == **name && depth(leaf) <= 4);
        // What it is about may have a type of its own further in.
        found.min_by_key(depth)
    };
    NAMES.iter().find_map(named).map(|leaf| leaf.text.clone()).filter(|text| !text.is_empty())
}

/// The shape of each value that the tape of a case mints.
pub(super) fn shapes(case: &Case) -> BTreeMap<String, Shape> {
    let answers = case.tape.exchanges.iter().flat_map(|exchange| &exchange.response.mints);
    let deliveries = case.tape.webhooks.iter().flat_map(|webhook| &webhook.mints);
    answers.chain(deliveries).cloned().collect()
}

/// By exchange of the tape of a case: the minted values that no answer before it has.
pub(super) fn news(case: &Case) -> Vec<Vec<String>> {
    let mut seen: Vec<&String> = Vec::new();
    let own = |exchange: &'_ Exchange| exchange.response.mints.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let mut all = Vec::new();
    for exchange in &case.tape.exchanges {
        all.push(own(exchange).into_iter().filter(|name| !seen.contains(&name)).collect());
        seen.extend(exchange.response.mints.iter().map(|(name, _)| name));
    }
    all
}

/// What the answer of an exchange is about: of one that acts what its operation is about, else what its request names.
pub(super) fn about(found: &Found, exchange: &Exchange, lineage: &Lineage) -> Kind {
    let own = Kind::of(found.op);
    if found.acts || found.creates.is_some() {
        return own;
    }
    let in_path = exchange.request.segments.iter().cloned();
    let all: Vec<Template> = in_path.chain(stated(&exchange.request).into_iter().map(|(_, text)| text)).collect();
    let kind = |hole: &Hole| match hole {
        Hole::Gen { name, .. } | Hole::Capture(name) => lineage.names.get(name).copied(),
        Hole::Reference(Some(step)) => lineage.made.get(step).copied(),
        _ => None,
    };
    let special = |kind: &Kind| !matches!(kind, Kind::Other | Kind::Token);
    // The last counts: what belongs to a payment is named after it.
    let holes: Vec<&Hole> = all.iter().flat_map(Template::holes).collect();
    holes.into_iter().rev().filter_map(kind).find(special).unwrap_or(own)
}
