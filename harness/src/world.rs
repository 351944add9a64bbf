//! Finding and reading what a run needs: the project's folders, the suite, and each connector's profile and tapes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use quittance::{Connector, Entry};

use crate::bad_input::FileError;
use crate::product;
use crate::profile::Profile;
use crate::reference;
use crate::run::input::toml_json;
use crate::run::plan::{self, Tapes};
use crate::scenario::Suite;
use crate::tape::{Proven, Tape};

/// Faults in the same words, of which more than so many are told as one.
const MOST_ALIKE: usize = 4;
/// How many of their places are told then.
const FIRST_PLACES: usize = 3;

/// What stands in the way before anything was judged; the command ends with exit code 2.
#[derive(Debug)]
pub enum Unusable {
    /// Input files with faults.
    Files(Vec<FileError>),
    /// Anything else, told in one sentence with what to do next.
    Text(String),
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unusable::Files(errors) => f.write_str(&folded(errors).join("\n")),
            Unusable::Text(text) => f.write_str(text),
        }
    }
}

/// The faults of files as lines; one that many places have is told once, with their number and the first of them.
fn folded(errors: &[FileError]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for error in errors {
        let alike: Vec<&FileError> = errors.iter().filter(|other| other.message == error.message).collect();
        match alike.get(..FIRST_PLACES) {
            Some(first) if alike.len() > MOST_ALIKE => {
                if told.insert(&error.message) {
                    let first: Vec<String> =
                        first.iter().map(|error| format!("{}:{}", error.file, error.line)).collect();
                    lines.push(format!("{}: in {} places, first {}", error.message, alike.len(), first.join(", ")));
                }
            }
            _ => lines.push(error.to_string()),
        }
    }
    lines
}

impl std::error::Error for Unusable {}

impl From<Vec<FileError>> for Unusable {
    fn from(errors: Vec<FileError>) -> Unusable {
        Unusable::Files(errors)
    }
}

/// The folders of the project.
#[derive(Debug, Clone)]
pub struct World {
    /// The project's root: the folder that holds `specs` and `fixtures`.
    pub root: PathBuf,
    /// The day against which exemptions, recordings and certificates are judged, in UTC.
    pub today: Date,
}

/// One connector with everything it is judged by.
pub struct Subject {
    /// Its line in the catalogue.
    pub entry: &'static Entry,
    /// Its profile.
    pub profile: Profile,
    /// Its tapes.
    pub tapes: Tapes,
    /// The dummy credentials by dotted name.
    pub credentials: Arc<BTreeMap<String, String>>,
    /// The connector, made from the dummy credentials.
    pub connector: Box<dyn Connector>,
    /// What the connector has signed rightly so far.
    pub proven: Arc<Proven>,
    /// The fixture folder, relative to the root.
    pub folder: String,
    /// The day against which exemptions and recordings are judged: that of the [`World`].
    pub today: Date,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subject({})", self.entry.spec.id)
    }
}

impl Subject {
    /// The file of a tape, relative to the root.
    pub fn file_of(&self, tape: &Tape) -> String {
        let other = self.profile.model.like.as_ref().filter(|_| tape.inherited);
        let folder = other.map_or_else(|| self.folder.clone(), |like| format!("fixtures/{}", like.connector));
        format!("{folder}/{}.toml", tape.case)
    }

    /// The same profile and tapes under another entry and connector.
    pub(crate) fn with(&self, entry: &'static Entry, connector: Box<dyn Connector>) -> Subject {
        Subject {
            entry,
            connector,
            proven: Arc::default(),
            profile: self.profile.clone(),
            tapes: self.tapes.clone(),
            credentials: Arc::clone(&self.credentials),
            folder: self.folder.clone(),
            today: self.today,
        }
    }
}

impl World {
    /// The project at `root`, else the one around the working directory.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(root: Option<&Path>) -> Result<World, Unusable> {
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let is_root = |folder: &Path| folder.join("specs/suite.toml").is_file() && folder.join("fixtures").is_dir();
        if let Some(root) = root {
            return match is_root(root) {
                true => Ok(World { root: root.to_owned(), today }),
                false => Err(Unusable::Text(format!(
                    "{} has no specs/suite.toml and fixtures; name the project's root",
                    root.display()
                ))),
            };
        }
        let here = std::env::current_dir().map_err(|error| Unusable::Text(format!("no working directory: {error}")))?;
        match here.ancestors().find(|folder| is_root(folder)) {
            Some(root) => Ok(World { root: root.to_owned(), today }),
            None => Err(Unusable::Text(
                "no specs/suite.toml and fixtures here or above; run inside the project or give --root FOLDER"
                    .to_owned(),
            )),
        }
    }

    /// The suite.
    ///
    /// # Errors
    /// Every fault of its files.
    pub fn suite(&self) -> Result<Suite, Unusable> {
        Ok(Suite::load(&self.root.join("specs"))?)
    }

    /// The connectors named by `ids`, or all; see [`catalogue`].
    ///
    /// # Errors
    /// An unknown name, with those that come near.
    pub fn entries(&self, ids: &[String]) -> Result<Vec<&'static Entry>, Unusable> {
        ids.iter().try_for_each(|id| self.entry(id).map(drop))?;
        catalogue(ids)
    }

    /// The connector of that id.
    ///
    /// # Errors
    /// An unknown name, with those that come near; one that has fixtures here is not part of this program yet.
    pub fn entry(&self, id: &str) -> Result<&'static Entry, Unusable> {
        let profile = format!("fixtures/{id}/profile.toml");
        let is_name = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        find(id).ok_or_else(|| match is_name && self.root.join(&profile).is_file() {
            true => Unusable::Text(format!(
                "connector `{id}` is not compiled into this program, though {profile} exists: build it again, \
                 as `cargo run -- certify {id}` does"
            )),
            false => Unusable::Text(unknown("connector", id, &product::ids())),
        })
    }

    /// Reads a connector's profile and tapes.
    ///
    /// # Errors
    /// Every fault of its files, or credentials that do not fit.
    pub fn subject(&self, entry: &'static Entry) -> Result<Subject, Unusable> {
        self.subject_with(entry, plan::load_tapes)
    }

    /// A connector with its profile and no tapes, for what needs none.
    ///
    /// # Errors
    /// Every fault of the profile.
    pub fn untaped(&self, entry: &'static Entry) -> Result<Subject, Unusable> {
        self.subject_with(entry, |_, _| Ok(Tapes::new()))
    }

    fn subject_with(
        &self,
        entry: &'static Entry,
        tapes: impl Fn(&Path, &Profile) -> Result<Tapes, Vec<FileError>>,
    ) -> Result<Subject, Unusable> {
        let folder = format!("fixtures/{}", entry.spec.id);
        let path = self.root.join(&folder);
        if !path.join("profile.toml").exists() {
            return Err(Unusable::Text(format!(
                "{folder}/profile.toml: no such file; write the connector's profile, as CONTRIBUTING.md describes it"
            )));
        }
        let profile = Profile::load(&path.join("profile.toml"), self.today)?;
        let tapes = tapes(&path, &profile)?;
        let credentials = Arc::new(profile.credentials.clone());
        let given = toml_json(&toml::Value::Table(profile.model.credentials.clone()));
        let connector = entry.connect(given).map_err(|error| {
            Unusable::Text(format!(
                "{folder}/profile.toml: credentials.{}: {}",
                error.field().unwrap_or_default(),
                error.message()
            ))
        })?;
        Ok(Subject { entry, profile, tapes, credentials, connector, proven: Arc::default(), folder, today: self.today })
    }
}

/// The connector of that id: of the catalogue, or the harness's own.
pub fn find(id: &str) -> Option<&'static Entry> {
    product::find(id).or_else(|| (id == reference::ID).then_some(&reference::ENTRY))
}

/// The connectors of the catalogue named by `ids`, or all.
///
/// # Errors
/// An unknown name, with those that come near.
pub fn catalogue(ids: &[String]) -> Result<Vec<&'static Entry>, Unusable> {
    if ids.is_empty() {
        return Ok(product::installed().connectors.to_vec());
    }
    let known = product::ids();
    let mut entries: Vec<&'static Entry> = Vec::new();
    for id in ids {
        let entry = find(id).ok_or_else(|| Unusable::Text(unknown("connector", id, &known)))?;
        // Named twice is certified once: a verdict that stands twice makes a report unreadable.
        if !entries.iter().any(|other| other.spec.id == entry.spec.id) {
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// The known names that come near, at most five, the nearest first.
pub fn near<'k>(name: &str, known: &[&'k str]) -> Vec<&'k str> {
    let mut near: Vec<(usize, &str)> = known
        .iter()
        .filter_map(|candidate| {
            let distance = distance(name, candidate);
            let close =
                distance <= name.len().max(candidate.len()) / 3 || candidate.contains(name) || name.contains(candidate);
            close.then_some((distance, *candidate))
        })
        .collect();
    near.sort_unstable();
    near.into_iter().take(5).map(|(_, name)| name).collect()
}

/// Says that a name is unknown and which ones come near, else where all of them are shown.
pub fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let hint = match what {
        "scenario" if near(name, known).is_empty() => "`quittance list --scenarios` shows all".to_owned(),
        "connector" | "provider" if near(name, known).is_empty() => "`quittance list` shows all".to_owned(),
        _ => hint(name, known),
    };
    format!("unknown {what} `{name}`; {hint}")
}

/// How many known names are listed where none comes near.
const LISTED: usize = 40;

/// The known names that come near, as a question; where none does, what is known.
pub fn hint(name: &str, known: &[&str]) -> String {
    match near(name, known).as_slice() {
        [] => {
            let shown: Vec<&str> = known.iter().take(LISTED).copied().collect();
            let others = if known.len() > LISTED { " and others" } else { "" };
            format!("known are {}{others}", shown.join(", "))
        }
        near => format!("did you mean {}?", near.join(", ")),
    }
}

/// The number of single-letter changes between two names; two neighbours that change places are one (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX);
    let mut older: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.chars().count()).collect();
    let mut letter_above = None;
    for (i, a) in one.chars().enumerate() {
        let mut row = vec![i + 1];
        let mut letter_before = None;
        for (j, b) in other.chars().enumerate() {
            let changed = cell(&above, j).saturating_add(usize::from(a != b));
            let swapped = match (letter_above, letter_before) == (Some(b), Some(a)) {
                true => cell(&older, j.saturating_sub(1)).saturating_add(1),
                false => usize::MAX,
            };
            let moved = cell(&row, j).min(cell(&above, j + 1)).saturating_add(1);
            row.push(changed.min(swapped).min(moved));
            letter_before = Some(b);
        }
        older = std::mem::replace(&mut above, row);
        letter_above = Some(a);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_listed() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert!(unknown("connector", "strpe", &["adyen", "stripe"]).contains("did you mean stripe?"));
        assert!(unknown("connector", "zzz", &["adyen", "stripe"]).contains("`quittance list`"));
        assert!(unknown("scenario", "zzz", &["refund.full"]).contains("`quittance list --scenarios`"));
        assert_eq!(unknown("method", "crad", &["bank", "card"]), "unknown method `crad`; did you mean card?");
        assert_eq!(unknown("bug", "zzz", &["one", "two"]), "unknown bug `zzz`; known are one, two");
    }

    #[test]
    fn neighbours_that_change_places_are_one_change() {
        for (one, other, expected) in [
            ("crad", "card", 1),
            ("strpe", "stripe", 1),
            ("ab", "", 2),
            ("", "ab", 2),
            ("abc", "abc", 0),
            ("ca", "abc", 3),
        ] {
            assert_eq!((distance(one, other), distance(other, one)), (expected, expected), "{one} {other}");
        }
    }
}
