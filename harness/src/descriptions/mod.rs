//! Tapes against the vendors' own descriptions (OpenAPI, XML Schema), from where they lie; no description is part of this project.
//!
//! Which file belongs to which connector, and where the two are known to differ: `specs/descriptions/<connector>.toml`.

#[cfg(feature = "descriptions")]
pub(crate) mod bundle;
#[cfg(feature = "descriptions")]
mod exchange;
#[cfg(feature = "descriptions")]
mod form;
#[cfg(feature = "descriptions")]
pub(crate) mod openapi;
pub mod overlay;
#[cfg(feature = "descriptions")]
mod place;
#[cfg(feature = "descriptions")]
mod schema;
#[cfg(feature = "descriptions")]
mod swagger;
#[cfg(feature = "descriptions")]
mod xsd;

use std::path::Path;

use serde::Serialize;

use crate::scenario::Suite;
use crate::world::{Subject, Unusable, World};

/// Something that does not agree with the description.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The tape's case; empty for a deviation that matches nothing.
    pub case: String,
    /// The exchange of the tape, from 1; 0 for a deviation.
    pub exchange: usize,
    /// The place: `POST /v1/refunds response 200 $.status`; list positions are `[]`.
    pub place: String,
    /// What the description says.
    pub expected: String,
    /// What stands in the tape.
    pub found: String,
}

/// What came of checking one connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Checked {
    /// Nothing was checked, and why.
    NotRun(String),
    /// The tapes were checked.
    Ran(Ran),
}

/// The account of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ran {
    /// How many exchanges were compared.
    pub exchanges: usize,
    /// Of these, how many answers: those of faults that are made up on purpose are left out.
    pub answers: usize,
    /// Everything that does not agree and is not a reviewed deviation.
    pub findings: Vec<Finding>,
    /// How many differences are covered by reviewed deviations.
    pub covered: usize,
    /// How many deviations cover them.
    pub deviations: usize,
    /// Patterns of the description that cannot be compiled, and other parts that are not interpreted; what they ask for was not checked.
    pub skipped_patterns: Vec<String>,
}

/// Whether the descriptions of a connector, if its vendor publishes any, lie in `dir`.
///
/// # Errors
/// A faulty overlay, or a description that it names and that is not there.
pub fn look_for(world: &World, id: &str, dir: &Path) -> Result<(), Unusable> {
    let file = format!("specs/descriptions/{id}.toml");
    let overlay = overlay::Overlay::load(&world.root.join(&file))?;
    for described in overlay.iter().flat_map(|overlay| &overlay.description) {
        let path = dir.join(&described.file);
        if !path.is_file() {
            return Err(Unusable::Text(format!("{}: no such file, but {file} names it", path.display())));
        }
    }
    Ok(())
}

/// Checks every exchange of a connector's tapes against the descriptions in `dir`.
///
/// # Errors
/// A faulty overlay, or a description that cannot be read.
#[cfg(not(feature = "descriptions"))]
pub fn check(_world: &World, _suite: &Suite, _subject: &Subject, _dir: &Path) -> Result<Checked, Unusable> {
    Ok(Checked::NotRun("built without the feature `descriptions`".to_owned()))
}

/// Checks every exchange of a connector's tapes against the descriptions in `dir`.
///
/// # Errors
/// A faulty overlay, or a description that cannot be read.
#[cfg(feature = "descriptions")]
pub fn check(world: &World, suite: &Suite, subject: &Subject, dir: &Path) -> Result<Checked, Unusable> {
    use crate::run::plan::{self, Planned};
    use crate::scenario::Class;

    let id = subject.entry.spec.id;
    let file = world.root.join(format!("specs/descriptions/{id}.toml"));
    let Some(overlay) = overlay::Overlay::load(&file)? else {
        return Ok(Checked::NotRun(format!("no specs/descriptions/{id}.toml says which description belongs to it")));
    };
    let mut checker = exchange::Checker::default();
    for described in &overlay.description {
        let path = dir.join(&described.file);
        if described.file.ends_with(".xsd") {
            let schema = xsd::Xsd::load(&path).map_err(Unusable::Text)?;
            checker.schemas.push((described.base.clone(), schema));
            continue;
        }
        let api = openapi::Api::load(&path, &described.base)
            .map_err(|why| Unusable::Text(format!("{}: {why}", path.display())))?;
        checker.apis.push((api, schema::Schemas::default()));
    }
    let mut ran = Ran::default();
    let mut reviewed = overlay::Reviewed::of(&overlay);
    for (scenario, planned) in plan::plan(suite, subject.entry.spec, &subject.profile, &subject.tapes, &subject.folder)
    {
        let Planned::Cases(cases) = planned else { continue };
        for case in cases.iter().filter(|case| case.strike.is_none()) {
            let played = crate::certify::play(subject, case, None, 1);
            for record in &played.records() {
                let answer = record.answer.as_ref().filter(|_| scenario.class != Class::Fault);
                ran.exchanges += 1;
                ran.answers += usize::from(answer.is_some());
                for difference in checker.check(&record.request, answer) {
                    match reviewed.covers(&difference.place, &case.id) {
                        true => ran.covered += 1,
                        false => ran.findings.push(Finding {
                            case: case.id.clone(),
                            exchange: record.exchange.map_or(0, |index| index + 1),
                            place: difference.place,
                            expected: difference.expected,
                            found: difference.found,
                        }),
                    }
                }
            }
        }
    }
    ran.deviations = reviewed.needed();
    for place in reviewed.idle() {
        ran.findings.push(Finding {
            case: String::new(),
            exchange: 0,
            place,
            expected: "a difference that this deviation covers".to_owned(),
            found: format!("none; remove it from specs/descriptions/{id}.toml"),
        });
    }
    ran.skipped_patterns = checker.apis.into_iter().flat_map(|(_, schemas)| schemas.skipped).collect();
    let schemas = checker.schemas.into_iter();
    ran.skipped_patterns.extend(schemas.flat_map(|(_, schema)| schema.skipped.into_inner()));
    Ok(Checked::Ran(ran))
}

#[cfg(all(test, feature = "descriptions"))]
mod tests {
    use super::*;

    /// With `QUITTANCE_SHARED` set to a folder that has the descriptions under `provider-specs`: every tape agrees with them.
    #[test]
    #[allow(clippy::print_stderr, reason = "what is not run is said")]
    fn tapes_agree_with_the_descriptions() {
        let Some(shared) = std::env::var_os("QUITTANCE_SHARED").filter(|folder| !folder.is_empty()) else {
            eprintln!("NOT RUN: vendors' descriptions: QUITTANCE_SHARED is not set");
            return;
        };
        let world = World::find(Some(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))).unwrap();
        let suite = world.suite().unwrap();

        for entry in world.entries(&[]).unwrap() {
            let subject = world.subject(entry).unwrap();
            match check(&world, &suite, &subject, &Path::new(&shared).join("provider-specs")).unwrap() {
                Checked::NotRun(why) => assert!(why.contains("belongs to it"), "{why}"),
                Checked::Ran(ran) => {
                    assert!(ran.exchanges > 0);
                    let told = |one: &Finding| {
                        format!("{} {}: {}: {} | {}", one.case, one.exchange, one.place, one.expected, one.found)
                    };
                    let lines: Vec<String> = ran.findings.iter().map(told).collect();
                    assert!(
                        lines.is_empty(),
                        "{}: {} of {} exchanges\n{}",
                        entry.spec.id,
                        lines.len(),
                        ran.exchanges,
                        lines.join("\n")
                    );
                }
            }
        }
    }
}
