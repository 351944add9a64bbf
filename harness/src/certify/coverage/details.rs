//! Published values that say more than a status does: the stage of a dispute, and values of a member that stands beside the status.

use std::collections::BTreeSet;

use super::{Tally, UNKNOWN};
use crate::certify::ground::finding;
use crate::certify::leaves::Leaf;
use crate::certify::shown::{Object, Shown, is_success, objects};
use crate::profile::{DetailRow, StageRow, StatusOf};
use crate::run::case::Finding;

/// What published values came to where they were put, by the name of their line in the profile.
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub(super) found: Vec<(String, Result<(), String>)>,
    /// The lines that a tape shows as they are.
    pub(super) taped: BTreeSet<String>,
    /// A value that nobody published made a success.
    pub(super) gained: Vec<Finding>,
    /// The connector tells what the profile does not list.
    pub(super) undeclared: Vec<Finding>,
}

impl Placed {
    pub(super) fn trials(&self) -> usize {
        self.found.len()
    }

    /// Tells a line of the profile to the tally.
    pub(super) fn tell(&self, list: &str, name: &str, expected: &str, unmapped: bool, tally: &mut Tally) {
        let judged = self.found.iter().filter(|(row, _)| row == name).map(|(_, found)| found.clone());
        tally.row(list, name, expected, self.taped.contains(name), judged, unmapped);
    }
}

impl StageRow {
    /// The line in words.
    pub(super) fn name(&self) -> String {
        format!("dispute stage {} ({})", self.value, self.stage)
    }
}

impl DetailRow {
    /// The line in words.
    pub(super) fn name(&self) -> String {
        format!("{} {} {} beside {} ({})", self.of.as_str(), self.member, self.value, self.beside, self.becomes)
    }

    fn is_of(&self, shown: &Shown<'_>, object: &Object<'_>) -> bool {
        self.of == object.of && shown.leaves.iter().any(|leaf| leaf.value == self.beside)
    }
}

/// The stage of every dispute. A place is a value of the list that stands in a body whose dispute has the stage that the list gives for
/// it; it counts when another value there makes another stage.
pub(super) fn stages(bodies: &[Shown<'_>], rows: &[StageRow]) -> Placed {
    let (mut placed, mut known) = (Placed::default(), BTreeSet::new());
    for shown in bodies {
        for (index, object) in objects(&shown.plain).into_iter().enumerate() {
            let Some(stage) = object.stage else { continue };
            let holds = |leaf: &&Leaf| rows.iter().any(|row| row.value == leaf.value && row.stage == stage);
            let places: Vec<&Leaf> = shown.leaves.iter().filter(holds).collect();
            if !rows.iter().any(|row| row.stage == stage) {
                let what = format!(
                    "dispute stage {stage} at {}",
                    shown.leaves.first().map(|leaf| shown.place(leaf)).unwrap_or_default()
                );
                placed.undeclared.push(finding(what, "the value that says so, in `[[stage]]` of the profile", "none"));
            }
            for leaf in places {
                placed.taped.extend(rows.iter().filter(|row| row.value == leaf.value).map(StageRow::name));
                if !known.insert((shown.op().as_str(), leaf.place(), stage)) {
                    continue;
                }
                let found: Vec<(&StageRow, Option<&str>)> =
                    rows.iter().map(|row| (row, stage_of(shown, index, leaf, &row.value))).collect();
                if found.iter().any(|(_, found)| found.is_some_and(|found| found != stage)) {
                    let judged = found.into_iter().filter_map(|(row, found)| Some((row, found?)));
                    placed.found.extend(judged.map(|(row, found)| {
                        let place = || format!("{found} at {}", shown.place(leaf));
                        (row.name(), if found == row.stage { Ok(()) } else { Err(place()) })
                    }));
                }
            }
        }
    }
    placed
}

fn stage_of(shown: &Shown<'_>, index: usize, leaf: &Leaf, value: &str) -> Option<&'static str> {
    let outcome = shown.with_value(&[leaf], value).ok()?;
    let object = objects(&outcome).into_iter().nth(index)?;
    (object.of == StatusOf::Dispute).then_some(object.stage).flatten()
}

/// Every value of a member that stands beside a status, also where the tape has none in that member.
pub(super) fn details(bodies: &[Shown<'_>], rows: &[DetailRow]) -> Placed {
    let (mut placed, mut known) = (Placed::default(), BTreeSet::new());
    for shown in bodies {
        for (index, object) in objects(&shown.plain).into_iter().enumerate() {
            for row in rows.iter().filter(|row| row.is_of(shown, &object)) {
                for leaf in shown.members(&row.member) {
                    if leaf.value == row.value && object.state == row.becomes {
                        placed.taped.insert(row.name());
                    }
                    if !known.insert((shown.op().as_str(), leaf.place(), object.state, row.name())) {
                        continue;
                    }
                    let Some(state) = state_of(shown, index, &leaf, &row.value, &object) else { continue };
                    let place = || format!("{state} at {}", shown.place(&leaf));
                    placed.found.push((row.name(), if state == row.becomes { Ok(()) } else { Err(place()) }));
                    let unknown = state_of(shown, index, &leaf, UNKNOWN, &object);
                    placed.gained.extend(unknown.filter(|now| is_success(now) && *now != object.state).map(|now| {
                        finding(format!("{UNKNOWN} at {}", shown.place(&leaf)), "no success, and the id kept", now)
                    }));
                }
            }
        }
    }
    placed
}

/// The state of the same object when the value stands there.
fn state_of(shown: &Shown<'_>, index: usize, leaf: &Leaf, value: &str, object: &Object<'_>) -> Option<&'static str> {
    let outcome = shown.with_value(&[leaf], value).ok()?;
    let now = objects(&outcome).into_iter().nth(index)?;
    (now.of == object.of && now.id == object.id).then_some(now.state)
}
