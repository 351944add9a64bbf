//! Published codes of errors: each is put where a refusal on a tape shows one of them, and must become the kind of error that the profile
//! says. So a state that does not allow what was asked is told from a request that is wrong, code by code.

use std::collections::BTreeSet;

use bytes::Bytes;
use quittance::{Effect, Kind};

use super::Placed;
use crate::certify::again::{Scene, as_it_was, scenes};
use crate::certify::ground::Ground;
use crate::certify::leaves::{self, Leaf};
use crate::invoke::Request;
use crate::profile::FaultRow;
use crate::tape::{Edit, opened};

impl FaultRow {
    /// The line in words.
    pub(super) fn name(&self) -> String {
        format!("error code {} ({})", self.value, self.kind)
    }
}

/// A place is a code of the list that stands in an answer of a step that ends in an error with this code and of this kind. It counts
/// where another code there is the error's code.
pub(super) fn faults(ground: &Ground<'_>, rows: &[FaultRow]) -> Placed {
    let (mut placed, mut known) = (Placed::default(), BTreeSet::new());
    if rows.is_empty() {
        return placed;
    }
    for scene in scenes(ground) {
        let Some(Ok(request)) = scene.asked.map(|asked| Request::read(asked.op, &asked.input)) else { continue };
        let Err(error) = scene.ask(&request, &as_it_was).result else { continue };
        let listed = |row: &&FaultRow| error.code() == Some(&*row.value) && error.kind().as_str() == row.kind;
        let Some(row) = rows.iter().find(listed) else { continue };
        placed.taped.insert(row.name());
        for place in places(&scene, &row.value) {
            if known.insert((request.op().as_str(), place.leaf.place())) {
                placed.found.extend(rows.iter().filter_map(|row| found(&scene, &request, &place, row)));
            }
        }
    }
    placed
}

/// Where a code stands in an answer of a step.
struct Place {
    /// The record of the answer.
    index: usize,
    body: String,
    leaf: Leaf,
    /// What stands before the code, as in `https://docs.acme.example/errors#wrong-state`.
    before: String,
}

fn places(scene: &Scene<'_>, code: &str) -> Vec<Place> {
    let mut all = Vec::new();
    for (index, record) in scene.records.iter().enumerate().filter(|(_, record)| record.step == scene.step) {
        let of = record.exchange.and_then(|at| scene.case.tape.exchanges.get(at));
        let Some(answer) = record.answer.as_ref().filter(|_| !of.is_some_and(|exchange| exchange.is_sealed())) else {
            continue;
        };
        let body = opened(&String::from_utf8_lossy(answer.body())).into_owned();
        for leaf in leaves::of(&body) {
            let before = leaf.value.strip_suffix(code).map(str::to_owned);
            let whole = |before: &String| !before.ends_with(|last: char| last.is_alphanumeric() || "_-".contains(last));
            if let Some(before) = before.filter(whole) {
                all.push(Place { index, body: body.clone(), leaf, before });
            }
        }
    }
    all
}

/// What a code came to at a place, where it is read there.
fn found(scene: &Scene<'_>, request: &Request, at: &Place, row: &FaultRow) -> Option<(String, Result<(), String>)> {
    let edit = at.leaf.edit(&format!("{}{}", at.before, row.value));
    let changed = Bytes::from(Edit::all(&[edit], &at.body));
    let error = scene.ask(request, &|index, _| (index == at.index).then(|| changed.clone())).result.err()?;
    let kind = error.kind().as_str();
    let (case, answer, path) = (&scene.case.id, at.index + 1, &at.leaf.path);
    // What failed inside, or is still worked on, may have been done.
    let open = kind != Kind::Unavailable.as_str() || request.op().reads() || error.effect() == Effect::Unknown;
    let effect = if open { "" } else { " without effect" };
    let judged = match kind == row.kind && open {
        true => Ok(()),
        false => Err(format!("{kind}{effect} at {case} step {} answer {answer} {path}", scene.step)),
    };
    (error.code() == Some(&*row.value)).then(|| (row.name(), judged))
}
