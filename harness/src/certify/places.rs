//! The check `places`: what an answer or a delivery says at the places that the profile names stands in the result as it came.
//!
//! Each place must be read when it is the only one that says it, whatever stands there. And what a result shows must have a place in the
//! profile, so that no connector can stop reading it unseen.

use std::collections::BTreeSet;

use serde_json::Value;

use super::ground::{Ground, Tried, finding};
use super::leaves::Leaf;
use super::shown::{self, Shown};
use crate::profile::{PLACE_WORDS, Places};
use crate::run::case::Finding;
use crate::tape::Edit;
use crate::view::Outcome;
use crate::world::near;

/// What stands at a place when it is tried alone: no provider's value, in the form of a code.
const FRESH: &str = "Q7X1";

/// What was tried before: operation, state, word, and the places that the body has.
type Known = BTreeSet<String>;

/// The check.
pub(super) fn places(ground: &Ground<'_>) -> Tried {
    let named = &ground.subject.profile.model.places;
    let (mut tried, mut known, mut used) = (Tried::default(), Known::new(), BTreeSet::new());
    let bodies = shown::all(ground);
    for shown in bodies.iter().filter(|shown| shown.is_last()) {
        let objects = objects(&shown.plain);
        for word in PLACE_WORDS {
            let Some(object) = objects.iter().find(|object| may_carry(object, word)) else { continue };
            let body = Body { shown, word, held: held(shown, named.get(word).map_or(&[], Vec::as_slice)) };
            if body.held.is_empty() && named.get(word).is_none() && said(&objects, word).is_empty() {
                continue;
            }
            used.extend(body.held.iter().map(|(place, _)| (word, *place)));
            tried.trials += 1;
            tried.findings.extend(body.plain(&objects));
            let state = object.get("state").and_then(Value::as_str).unwrap_or_default();
            let places: Vec<&str> = body.held.iter().map(|(place, _)| *place).collect();
            if known.insert(format!("{} {state} {word} {places:?}", shown.op())) {
                tried.trials += places.len();
                tried.findings.extend(places.iter().filter_map(|place| body.alone(place)));
            }
        }
    }
    // What is undeclared follows from a place that is written wrongly, so that is told first.
    let follow = std::mem::take(&mut tried.findings);
    let there: BTreeSet<String> = bodies.iter().flat_map(|shown| &shown.leaves).map(Leaf::place).collect();
    // Those of another provider, where its tapes hold here too, show what they show.
    let own = &ground.subject.profile.own_places;
    unused(own, &used, &there).into_iter().for_each(|idle| tried.lacks(ground.plan, idle));
    tried.findings.extend(follow);
    tried
}

/// Places that no tape shows where they could be read; `there` is what the bodies have.
fn unused(named: &Places, used: &BTreeSet<(&str, &str)>, there: &BTreeSet<String>) -> Vec<Finding> {
    let all = named.iter().flat_map(|(word, places)| places.iter().map(move |place| (word.as_str(), place.as_str())));
    let idle = all.filter(|named| !used.contains(named));
    idle.map(|(word, place)| {
        let found = match alike(place, there).as_slice() {
            [] => "none: take the place out".to_owned(),
            alike => format!("none; did you mean {}? Else take the place out", alike.join(", ")),
        };
        finding(format!("places.{word} {place}"), "an answer on a tape that says it there", found)
    })
    .collect()
}

/// Up to three places of bodies that end as this one does, else those that come near to it.
fn alike<'t>(place: &str, there: &'t BTreeSet<String>) -> Vec<&'t str> {
    let end = place.split_once(' ').map_or(place, |(_, end)| end);
    let last = |place: &str| place.rsplit('/').next().map(str::to_owned);
    let same: Vec<&str> =
        there.iter().map(String::as_str).filter(|path| last(path) == last(end) && *path != end).collect();
    let known: Vec<&str> = there.iter().map(String::as_str).collect();
    let ends: Vec<&str> = known.iter().filter_map(|path| path.rsplit('/').next()).collect();
    let found = match (same.is_empty(), near(end, &known)) {
        (false, _) => same,
        (true, close) if !close.is_empty() => close,
        _ => {
            let close = near(end.rsplit('/').next().unwrap_or(end), &ends);
            known.into_iter().filter(|path| path.rsplit('/').next().is_some_and(|end| close.contains(&end))).collect()
        }
    };
    found.into_iter().take(3).collect()
}

/// A body, with what it says of a word.
struct Body<'b> {
    shown: &'b Shown<'b>,
    word: &'static str,
    /// The named places that stand in it, each with its values.
    held: Vec<(&'b str, Vec<&'b Leaf>)>,
}

impl Body<'_> {
    /// What is wrong with the result of the body as it is.
    fn plain(&self, objects: &[Value]) -> Option<Finding> {
        let shows = said(objects, self.word);
        let values: Vec<&str> =
            self.held.iter().flat_map(|(_, leaves)| leaves.iter().map(|leaf| leaf.value.as_str())).collect();
        if shows.iter().any(|shown| values.iter().any(|value| says(value, shown))) {
            return None;
        }
        let leaf = self.held.first().and_then(|(_, leaves)| leaves.first());
        if let Some(leaf) = leaf {
            return Some(self.lost(leaf, &shows));
        }
        // A value that stands nowhere in the body is not read of it.
        let said_there = self.shown.leaves.iter().filter(|leaf| shows.iter().any(|shown| says(&leaf.value, shown)));
        let unnamed = said_there.into_iter().find(|leaf| self.reads(leaf))?;
        let what = format!("places.{}", self.word);
        Some(finding(what, "the place in the profile", format!("undeclared: {}", self.shown.place(unnamed))))
    }

    /// Whether another value there stands in the result.
    fn reads(&self, leaf: &Leaf) -> bool {
        let outcome = self.shown.with(&[leaf.edit(FRESH)]);
        outcome.is_ok_and(|outcome| said(&objects(&outcome), self.word).contains(&FRESH))
    }

    /// What is wrong when this place alone says something, and that is new.
    fn alone(&self, place: &str) -> Option<Finding> {
        let of = |wanted: bool| {
            let held = self.held.iter().filter(move |(held, _)| (*held == place) == wanted);
            held.flat_map(|(_, leaves)| leaves.iter().copied())
        };
        let own: Vec<&Leaf> = of(true).collect();
        let blank = of(false).filter(|leaf| !own.contains(leaf)).map(Leaf::blank);
        let edits: Vec<Edit> = own.iter().map(|leaf| leaf.edit(FRESH)).chain(blank).collect();
        // A body that can no longer be read says nothing.
        let outcome = self.shown.with(&edits).ok()?;
        let objects = objects(&outcome);
        if !objects.iter().any(|object| may_carry(object, self.word)) {
            return None;
        }
        let shows = said(&objects, self.word);
        if shows.contains(&FRESH) {
            return None;
        }
        let what = format!("{} at {}, alone", self.word, self.shown.place(own.first()?));
        Some(finding(what, FRESH, shows.first().copied().unwrap_or("nothing of it")))
    }

    fn lost(&self, leaf: &Leaf, shows: &[&str]) -> Finding {
        let what = format!("{} at {}", self.word, self.shown.place(leaf));
        finding(what, leaf.value.as_str(), shows.first().copied().unwrap_or("nothing of it"))
    }
}

/// Whether a value of an answer says what a result shows: the same, or a code with a text behind it (`51 : Not enough balance`).
fn says(value: &str, shown: &str) -> bool {
    !value.is_empty() && (value == shown || value.split(' ').next() == Some(shown))
}

/// The named places that stand in a body with a value, and their values. One that begins with an operation is of its bodies alone.
fn held<'b>(shown: &'b Shown<'_>, named: &'b [String]) -> Vec<(&'b str, Vec<&'b Leaf>)> {
    let at = |place: &str| -> Vec<&'b Leaf> {
        let (op, place) = place.split_once(' ').unwrap_or((shown.op().as_str(), place));
        if op != shown.op().as_str() {
            return Vec::new();
        }
        let ends = |leaf: &&Leaf| {
            let path = leaf.place();
            path == place || path.strip_suffix(place).is_some_and(|before| before.ends_with('/'))
        };
        shown.leaves.iter().filter(|leaf| !leaf.value.is_empty()).filter(ends).collect()
    };
    named.iter().map(|place| (place.as_str(), at(place))).filter(|(_, leaves)| !leaves.is_empty()).collect()
}

/// The objects of a result, as JSON; those of the events of a delivery.
fn objects(outcome: &Outcome) -> Vec<Value> {
    match outcome.to_json() {
        Value::Array(events) => {
            events.into_iter().filter_map(|mut event| event.get_mut("body").map(Value::take)).collect()
        }
        object => vec![object],
    }
}

/// What the objects show of a word.
fn said<'o>(objects: &'o [Value], word: &str) -> Vec<&'o str> {
    objects.iter().filter_map(|object| object.pointer(&format!("/{word}")).and_then(Value::as_str)).collect()
}

/// Whether an object can carry what the word says.
fn may_carry(object: &Value, word: &str) -> bool {
    let has = |member: &str| object.get(member).is_some();
    let is_transfer = has("refund") || has("payout");
    match word {
        "reason_code" => has("dispute"),
        _ if word.starts_with("decline/") => has("decline"),
        _ => has("state") && !is_transfer && !has("dispute"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_nowhere_brings_those_like_it() {
        let there = ["/response/srd", "/response/result", "/response/@timestamp"].map(str::to_owned).into();
        assert_eq!(alike("/srd", &there), ["/response/srd"]);
        assert_eq!(alike("/response/reslt", &there).first(), Some(&"/response/result"));
        assert_eq!(alike("webhook resalt", &there).first(), Some(&"/response/result"));
        assert!(alike("cvnresult/x", &there).is_empty());
        let named = Places::from([("network/transaction_id".to_owned(), vec!["/srd".to_owned()])]);
        let told = unused(&named, &BTreeSet::new(), &there);
        assert_eq!(told.len(), 1);
        assert!(told.iter().all(|idle| idle.found.contains("did you mean /response/srd?")), "{told:?}");
    }
}
