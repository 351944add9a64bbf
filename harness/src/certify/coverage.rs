//! Published values: each status and decline code is put where a tape shows such a value, and must become what the profile says.
//! A value that nobody published, at the same places, must never become a success, and must not cost the id.
//!
//! A place is found, not declared: a value of the provider's list that stands in a body whose result has the state that the list
//! gives for it. It counts when another value there makes another state; what the connector does not read is no place.

use std::collections::{BTreeMap, BTreeSet};

use quittance::{Error, Family};

mod details;
mod faults;

use details::{Placed, details, stages};

use super::Plan;
use super::ground::{Ground, Tried, finding};
use super::leaves::Leaf;
use super::shown::{self, Object, Shown, Way, is_success, objects};
use crate::profile::{CodeRow, StatusOf, StatusRow};
use crate::run::case::Finding;
use crate::view::Outcome;

/// A value that no provider publishes.
const UNKNOWN: &str = "quittance_unknown";

/// What came of an object once another value stood at a place.
#[derive(Debug)]
enum Found {
    Is(Seen),
    /// The result has no such object any more.
    Gone,
    Failed(Error),
}

#[derive(Debug)]
struct Seen {
    state: &'static str,
    raw: Option<String>,
    id: String,
    code: Option<String>,
    reason: Option<&'static str>,
}

/// A place with what each value there came to.
#[derive(Debug)]
struct Tested {
    place: String,
    /// The object of the body's result, as it is.
    plain: Seen,
    of: StatusOf,
    found: Vec<(String, Found)>,
    unknown: Found,
}

/// The places of published values, and what the profile's values came to there.
#[derive(Debug)]
pub(super) struct Published {
    statuses: Vec<Tested>,
    codes: Vec<Tested>,
    /// What the stages of disputes came to, and values that stand beside a status.
    stages: Placed,
    details: Placed,
    /// The kinds of error that published codes came to.
    faults: Placed,
    /// The lines of the profile that a tape shows as they are.
    taped: BTreeSet<String>,
    /// What does not hold of method names and event types that nobody published, and how many were tried.
    names: (usize, Vec<Finding>),
}

impl Published {
    fn of<'g>(ground: &'g Ground<'_>) -> &'g Published {
        ground.published.get_or_init(|| {
            let profile = &ground.subject.profile.model;
            let bodies = shown::all(ground);
            Published {
                statuses: test_statuses(&bodies, &profile.status),
                codes: test_codes(&bodies, &profile.code),
                stages: stages(&bodies, &profile.stage),
                details: details(&bodies, &profile.detail),
                faults: faults::faults(ground, &profile.fault),
                taped: taped(&bodies, &profile.status, &profile.code),
                names: unknown_names(ground, &bodies),
            }
        })
    }
}

/// The published values that a body shows together with what they must become.
fn taped(bodies: &[Shown<'_>], statuses: &[StatusRow], codes: &[CodeRow]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for shown in bodies {
        for object in objects(&shown.plain) {
            let stands = |value: &str| shown.leaves.iter().any(|leaf| leaf.value == value);
            let rows = statuses.iter().filter(|row| row.of == object.of && row.becomes == object.state);
            all.extend(rows.filter(|row| stands(&row.value)).map(status_name));
            let Some(decline) = object.decline else { continue };
            let rows = codes.iter().filter(|row| row.reason == decline.reason.as_str());
            all.extend(rows.filter(|row| decline.code.as_ref() == Some(&row.value)).map(code_name));
        }
    }
    all
}

fn status_name(row: &StatusRow) -> String {
    format!("{} status {} ({})", row.of.as_str(), row.value, row.becomes)
}

fn code_name(row: &CodeRow) -> String {
    format!("decline code {}", row.value)
}

/// Every published status and code, of errors too, has a tape, or is placed, or is listed as unmapped with a reason; and it becomes what it must.
pub(super) fn coverage(ground: &Ground<'_>) -> Tried {
    let profile = &ground.subject.profile.model;
    let Published { statuses, codes, stages, details, faults, taped, .. } = Published::of(ground);
    let mut tally = Tally { tried: Tried::default(), plan: ground.plan };
    let may_become = |row: &StatusRow, state: &str| {
        let same = profile.status.iter().filter(|other| other.of == row.of && other.value == row.value);
        same.into_iter().any(|other| other.becomes == state || is_held(state, &other.becomes))
    };
    for row in &profile.status {
        let name = status_name(row);
        let taped = taped.contains(&name);
        let here = statuses.iter().filter(|tested| tested.of == row.of);
        let seen = here.flat_map(|tested| {
            let same = tested.found.iter().filter(|(value, _)| *value == row.value);
            same.map(move |(_, found)| (tested, found))
        });
        let judged = seen.filter_map(|(tested, found)| match found {
            Found::Is(seen) if seen.state == row.becomes => Some(Ok(())),
            Found::Is(seen) if tested.is_primary() && is_decided(seen.state) && !may_become(row, seen.state) => {
                Some(Err(format!("{} at {}", seen.state, tested.place)))
            }
            _ => None,
        });
        tally.row("statuses", &name, &row.becomes, taped, judged, row.unmapped.is_some());
    }
    // Where the tape shows a code that the list does not have, codes of another list stand.
    let is_listed = |tested: &Tested| profile.code.iter().any(|row| tested.plain.code.as_ref() == Some(&row.value));
    for row in &profile.code {
        let name = code_name(row);
        let taped = taped.contains(&name);
        let seen = codes.iter().flat_map(|tested| {
            let same = tested.found.iter().filter(|(value, _)| *value == row.value);
            same.map(move |(_, found)| (tested, found))
        });
        let judged = seen.filter_map(|(tested, found)| match found {
            Found::Is(seen) if seen.code.as_deref() != Some(&row.value) => None,
            Found::Is(seen) if seen.reason == Some(&row.reason) => Some(Ok(())),
            Found::Is(seen) if tested.is_primary() && is_listed(tested) => {
                Some(Err(format!("{} at {}", seen.reason.unwrap_or(seen.state), tested.place)))
            }
            _ => None,
        });
        tally.row("codes", &name, &row.reason, taped, judged, row.unmapped.is_some());
    }
    for row in &profile.stage {
        stages.tell("stages", &row.name(), &row.stage, row.unmapped.is_some(), &mut tally);
    }
    for row in &profile.detail {
        details.tell("details", &row.name(), &row.becomes, row.unmapped.is_some(), &mut tally);
    }
    for row in &profile.fault {
        faults.tell("faults", &row.name(), &row.kind, row.unmapped.is_some(), &mut tally);
    }
    let Tally { mut tried, .. } = tally;
    tried.findings.extend(stages.undeclared.iter().cloned());
    tried.trials = trials(statuses) + trials(codes) + stages.trials() + details.trials() + faults.trials();
    tried
}

/// A value that nobody published: the id is kept, the state is unrecognised or pending, a decline stays one with the raw code, and
/// nothing becomes a success.
pub(super) fn unrecognised(ground: &Ground<'_>) -> Tried {
    let Published { statuses, codes, details, names, .. } = Published::of(ground);
    let mut tried = Tried::new(statuses.len() + codes.len() + names.0, names.1.clone());
    tried.findings.extend(details.gained.iter().cloned());
    // Where one member is status and code at once, an unknown value says neither that it was refused nor that it was not.
    let path = |tested: &Tested| tested.place.rsplit(' ').next().map(str::to_owned);
    let both: BTreeSet<Option<String>> = statuses.iter().map(path).collect();
    for tested in statuses {
        let fits = |seen: &Seen| {
            let kept = seen.raw.as_deref().is_some_and(|raw| raw.contains(UNKNOWN));
            seen.id == tested.plain.id && (kept || seen.state == "pending")
        };
        tried.findings.extend(tested.unlike(fits, "unrecognised with the raw value, or pending, and the id kept"));
    }
    for tested in codes {
        let by_code = tested.is_decided_by_code();
        let fits = |seen: &Seen| {
            let unmapped = seen.reason == Some("unmapped") || !by_code;
            let kept = seen.id == tested.plain.id && seen.code.as_deref() == Some(UNKNOWN);
            let open = seen.id == tested.plain.id && seen.raw.as_deref() == Some(UNKNOWN);
            kept && unmapped && seen.state == tested.plain.state || open && both.contains(&path(tested))
        };
        let named = matches!(&tested.unknown, Found::Failed(error) if error.code() == Some(UNKNOWN));
        if !named {
            tried.findings.extend(tested.unlike(fits, "a decline, unmapped, with the raw code and the id kept"));
        }
    }
    tried.figures = BTreeMap::from([
        ("status_places".to_owned(), statuses.len()),
        ("code_places".to_owned(), codes.len()),
        ("name_places".to_owned(), names.0),
    ]);
    tried
}

/// Names of methods and types of events that nobody knows, where a body has ones that the connector may read.
fn unknown_names(ground: &Ground<'_>, bodies: &[Shown<'_>]) -> (usize, Vec<Finding>) {
    let (mut trials, mut findings) = (0, Vec::new());
    for shown in bodies {
        for leaf in shown.leaves.iter().filter(|leaf| is_method_name(ground, &leaf.value)) {
            trials += 1;
            findings.extend(without_gain(shown, leaf));
        }
        for leaf in shown.leaves.iter().filter(|leaf| is_event_name(shown, leaf)) {
            trials += 1;
            findings.extend(unread_event(shown, leaf, &ground.subject.profile.model.status));
        }
    }
    (trials, findings)
}

fn trials(tested: &[Tested]) -> usize {
    tested.iter().map(|tested| tested.found.len()).sum()
}

/// Whether a state says how the object ended. A value of another list than the place's leaves a state open, and that is no mistake.
fn is_decided(state: &str) -> bool {
    !matches!(state, "pending" | "action_required" | "unrecognised")
}

/// Money that is held: whether it is also taken is told by the capture mode, not by the status alone.
fn is_held(state: &str, becomes: &str) -> bool {
    let held = ["authorized", "captured"];
    held.contains(&state) && held.contains(&becomes)
}

/// The counts of published values, and what does not hold.
struct Tally<'p> {
    tried: Tried,
    /// Whose tapes may show a value.
    plan: &'p Plan,
}

impl Tally<'_> {
    fn count(&mut self, name: String, more: bool) {
        *self.tried.figures.entry(name).or_insert(0) += usize::from(more);
    }

    fn row(
        &mut self,
        list: &str,
        name: &str,
        expected: &str,
        taped: bool,
        judged: impl Iterator<Item = Result<(), String>>,
        unmapped: bool,
    ) {
        let (mut placed, mut wrong) = (false, BTreeSet::new());
        for one in judged {
            match one {
                Ok(()) => placed = true,
                Err(place) => drop(wrong.insert(place)),
            }
        }
        self.count(format!("{list}_published"), true);
        self.count(format!("{list}_taped"), taped);
        self.count(format!("{list}_placed"), placed && !taped);
        self.count(format!("{list}_unmapped"), unmapped);
        if let Some(place) = wrong.first() {
            self.tried.findings.push(finding(name, expected, place));
        }
        match (placed || taped, unmapped) {
            (false, false) => {
                let expected = "a tape that shows it, a place on a tape where it can stand, or a reason in `unmapped`";
                self.tried.lacks(self.plan, finding(name, expected, "none"));
            }
            (true, true) => self.tried.findings.push(finding(name, "no `unmapped`: a tape can show it", "a reason")),
            _ => {}
        }
    }
}

impl Tested {
    /// Whether the place alone decides: what is not known there stays unknown.
    fn is_primary(&self) -> bool {
        match &self.unknown {
            Found::Is(seen) => seen.raw.as_deref() == Some(UNKNOWN) || seen.reason == Some("unmapped"),
            _ => false,
        }
    }

    /// Whether the reason of a decline follows from the code here, and not from something else in the body.
    fn is_decided_by_code(&self) -> bool {
        let reason = |found: &Found| match found {
            Found::Is(seen) => seen.reason,
            _ => None,
        };
        self.found.iter().any(|(_, found)| reason(found) != reason(&self.unknown))
    }

    fn unlike(&self, fits: impl Fn(&Seen) -> bool, expected: &str) -> Option<Finding> {
        let found = match &self.unknown {
            Found::Is(seen) if fits(seen) => return None,
            Found::Is(seen) => {
                let id = if seen.id == self.plain.id { "" } else { ", another id" };
                format!("{} {}{id}", seen.state, seen.reason.unwrap_or_default())
            }
            Found::Gone => "no such object".to_owned(),
            Found::Failed(error) => format!("{}: {error}", error.kind().as_str()),
        };
        Some(finding(format!("{UNKNOWN} at {}", self.place), expected, found.trim_end()))
    }
}

fn seen(object: &Object<'_>) -> Seen {
    Seen {
        state: object.state,
        raw: object.raw.map(str::to_owned),
        id: object.id.to_owned(),
        code: object.decline.and_then(|decline| decline.code.clone()),
        reason: object.decline.map(|decline| decline.reason.as_str()),
    }
}

/// What becomes of the `index`th object when `value` stands at these places.
fn look(shown: &Shown<'_>, index: usize, of: StatusOf, places: &[&Leaf], value: &str) -> Found {
    match shown.with_value(places, value) {
        Err(error) => Found::Failed(error),
        Ok(outcome) => {
            let object = objects(&outcome).into_iter().nth(index).filter(|object| object.of == of);
            object.map_or(Found::Gone, |object| Found::Is(seen(&object)))
        }
    }
}

/// Single places that hold one of the values, and all places of one name and value together.
fn groups(leaves: &[Leaf], holds: impl Fn(&Leaf) -> bool) -> Vec<Vec<&Leaf>> {
    let candidates: Vec<&Leaf> = leaves.iter().filter(|leaf| holds(leaf)).collect();
    let mut groups: Vec<Vec<&Leaf>> = candidates.iter().map(|leaf| vec![*leaf]).collect();
    let mut together: BTreeMap<(&str, &str), Vec<&Leaf>> = BTreeMap::new();
    for leaf in candidates {
        together.entry((&leaf.name, &leaf.value)).or_default().push(leaf);
    }
    groups.extend(together.into_values().filter(|leaves| leaves.len() > 1));
    groups
}

/// Tells places apart that are worth trying once each: operation, path without indexes, value and state.
fn key(shown: &Shown<'_>, object: &Object<'_>, places: &[&Leaf]) -> String {
    let path = |leaf: &&Leaf| {
        let named = leaf.path.split('/').filter(|part| !part.bytes().all(|byte| byte.is_ascii_digit()));
        named.collect::<Vec<_>>().join("/")
    };
    let paths: Vec<String> = places.iter().map(path).collect();
    let kind = matches!(shown.way, Way::Answer(_));
    let value = places.first().map_or("", |leaf| leaf.value.as_str());
    format!("{} {kind} {:?} {} {value} {}", shown.op(), object.of, object.state, paths.join(" "))
}

fn test(
    bodies: &[Shown<'_>],
    values: impl Fn(&Object<'_>) -> Vec<String>,
    holds: impl Fn(&Object<'_>, &Leaf) -> bool,
    is_live: impl Fn(&Seen, &Seen, &str) -> bool,
) -> Vec<Tested> {
    let mut known = BTreeSet::new();
    let mut all = Vec::new();
    for shown in bodies {
        for (index, object) in objects(&shown.plain).into_iter().enumerate() {
            for places in groups(&shown.leaves, |leaf| holds(&object, leaf)) {
                if !known.insert(key(shown, &object, &places)) {
                    continue;
                }
                let plain = seen(&object);
                let mut found: Vec<(String, Found)> = Vec::new();
                for value in values(&object) {
                    let came = look(shown, index, object.of, &places, &value);
                    found.push((value, came));
                }
                let unknown = look(shown, index, object.of, &places, UNKNOWN);
                let live =
                    |found: &Found, value: &str| matches!(found, Found::Is(seen) if is_live(&plain, seen, value));
                if live(&unknown, UNKNOWN) || found.iter().any(|(value, found)| live(found, value)) {
                    let place = places.first().map(|leaf| shown.place(leaf)).unwrap_or_default();
                    all.push(Tested { place, plain, of: object.of, found, unknown });
                }
            }
        }
    }
    all
}

fn test_statuses(bodies: &[Shown<'_>], rows: &[StatusRow]) -> Vec<Tested> {
    let of = |object: &Object<'_>| {
        let rows = rows.iter().filter(|row| row.of == object.of);
        rows.map(|row| row.value.clone()).collect()
    };
    let holds = |object: &Object<'_>, leaf: &Leaf| {
        let fits = |row: &StatusRow| row.becomes == object.state || is_held(object.state, &row.becomes);
        rows.iter().any(|row| row.of == object.of && row.value == leaf.value && fits(row))
    };
    test(bodies, of, holds, |plain, seen, _| plain.state != seen.state)
}

fn test_codes(bodies: &[Shown<'_>], rows: &[CodeRow]) -> Vec<Tested> {
    let all = |_: &Object<'_>| rows.iter().map(|row| row.value.clone()).collect();
    let holds = |object: &Object<'_>, leaf: &Leaf| {
        object.decline.and_then(|decline| decline.code.as_deref()).is_some_and(|code| code == leaf.value)
    };
    test(bodies, all, holds, |plain, seen, value| plain.code != seen.code && seen.code.as_deref() == Some(value))
}

/// A name of a method, brand or card scheme.
fn is_method_name(ground: &Ground<'_>, value: &str) -> bool {
    const SCHEMES: [&str; 4] = ["visa", "mastercard", "amex", "card"];
    let lower = value.to_ascii_lowercase();
    let declared = ground.spec().methods.iter().filter(|kind| kind.family != Family::Mandate);
    let mut names = declared.flat_map(|kind| [kind.brand.unwrap_or_default(), kind.family.as_str()]);
    !value.is_empty() && (SCHEMES.contains(&lower.as_str()) || names.any(|name| name == lower))
}

/// A method that nobody knows must not cost the id, nor make a success of what was none.
fn without_gain(shown: &Shown<'_>, leaf: &Leaf) -> Option<Finding> {
    let told = |found: String| {
        let expected = "the same objects, none further than before";
        Some(finding(format!("{UNKNOWN} at {}", shown.place(leaf)), expected, found))
    };
    let outcome = match shown.with_value(&[leaf], UNKNOWN) {
        Ok(outcome) => outcome,
        Err(error) => return told(format!("{}: {error}", error.kind().as_str())),
    };
    let (before, after) = (objects(&shown.plain), objects(&outcome));
    if before.len() != after.len() {
        return told(format!("{} objects, before {}", after.len(), before.len()));
    }
    let gain = before.iter().zip(&after).find(|(before, after)| {
        before.id != after.id || before.of != after.of || (is_success(after.state) && !is_held_or_same(before, after))
    });
    gain.and_then(|(before, after)| {
        told(format!("{} {}, before {} {}", after.state, after.id, before.state, before.id))
    })
}

fn is_held_or_same(before: &Object<'_>, after: &Object<'_>) -> bool {
    before.state == after.state || before.state == "captured" && after.state == "authorized"
}

fn is_event_name(shown: &Shown<'_>, leaf: &Leaf) -> bool {
    match &shown.plain {
        Outcome::Events(events) => events.iter().any(|event| event.name == leaf.value),
        _ => false,
    }
}

/// An event of a type that nobody knows is ignored, or says no more than the object in it does.
fn unread_event(shown: &Shown<'_>, leaf: &Leaf, rows: &[StatusRow]) -> Option<Finding> {
    let told = |found: String| {
        let expected = "an event that is ignored, or that the object's own status decides";
        Some(finding(format!("{UNKNOWN} at {}", shown.place(leaf)), expected, found))
    };
    match shown.with_value(&[leaf], UNKNOWN) {
        Err(error) => told(format!("{}: {error}", error.kind().as_str())),
        Ok(outcome) => {
            let claims = |outcome: &Outcome| objects(outcome).iter().any(|object| is_success(object.state));
            let status = |other: &&Leaf| rows.iter().any(|row| row.value == other.value);
            let mut statuses = shown.leaves.iter().filter(status);
            let decided = statuses
                .any(|status| shown.with_value(&[leaf, status], UNKNOWN).is_ok_and(|outcome| !claims(&outcome)));
            let believed = claims(&outcome) && !decided;
            believed.then(|| told("a success".to_owned())).flatten()
        }
    }
}
