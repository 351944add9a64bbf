//! Our own file beside a vendor's description: which file stands for which base URL, and the reviewed deviations.

use std::collections::BTreeSet;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bad_input::{Document, FieldPath, FileError};

/// `specs/descriptions/<connector>.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// The descriptions, in the order in which a path is looked for.
    #[serde(default)]
    pub description: Vec<Described>,
    /// Where a tape and a description may differ.
    #[serde(default)]
    pub deviation: Vec<Deviation>,
}

/// A description file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Described {
    /// The file, relative to the folder of descriptions.
    pub file: String,
    /// What stands before the description's paths in the URLs that the connector sends, without a closing slash.
    pub base: String,
}

/// A reviewed difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// The place of a finding, as it is printed; a closing `*` stands for any rest.
    #[serde(rename = "where")]
    pub place: String,
    /// The tapes that it holds for, as `decline.generic_decline`; none for every tape.
    #[serde(default)]
    pub tapes: Vec<String>,
    /// Why the description is wrong here, or what the tape shows on purpose.
    pub reason: String,
}

impl Deviation {
    /// Whether it covers a place in the tape of a case.
    pub fn covers(&self, place: &str, case: &str) -> bool {
        (self.tapes.is_empty() || self.tapes.iter().any(|tape| is_of(case, tape))) && self.covers_place(place)
    }

    fn covers_place(&self, place: &str) -> bool {
        match self.place.strip_suffix('*') {
            Some(start) => place.starts_with(start),
            None => self.place == place,
        }
    }
}

/// Whether a case is played by a tape: a tape may serve every brand of a family.
fn is_of(case: &str, tape: &str) -> bool {
    case == tape || case.strip_prefix(tape).is_some_and(|rest| rest.starts_with('@'))
}

/// The reviewed deviations, with the cases that each was needed for.
#[derive(Debug)]
pub struct Reviewed<'o>(Vec<(&'o Deviation, BTreeSet<String>)>);

impl<'o> Reviewed<'o> {
    /// Those of an overlay, none of them needed yet.
    pub fn of(overlay: &'o Overlay) -> Reviewed<'o> {
        Reviewed(overlay.deviation.iter().map(|deviation| (deviation, BTreeSet::new())).collect())
    }

    /// Whether a difference in the tape of a case is covered; the deviation that covers it was needed.
    pub fn covers(&mut self, place: &str, case: &str) -> bool {
        // One that names the tape before one for all.
        let mut all: Vec<_> = self.0.iter_mut().filter(|(deviation, _)| deviation.covers(place, case)).collect();
        all.sort_by_key(|(deviation, _)| deviation.tapes.is_empty());
        all.into_iter().next().map(|(_, cases)| cases.insert(case.to_owned())).is_some()
    }

    /// How many were needed.
    pub fn needed(&self) -> usize {
        self.0.iter().filter(|(_, cases)| !cases.is_empty()).count()
    }

    /// What was not needed: the place of a deviation, with the tapes that it names in vain.
    pub fn idle(&self) -> Vec<String> {
        let idle = self.0.iter().filter_map(|(deviation, cases)| {
            let in_vain = |tape: &&String| !cases.iter().any(|case| is_of(case, tape));
            let tapes: Vec<&str> = deviation.tapes.iter().filter(in_vain).map(String::as_str).collect();
            match tapes.is_empty() {
                true => cases.is_empty().then(|| deviation.place.clone()),
                false => Some(format!("{} of {}", deviation.place, tapes.join(", "))),
            }
        });
        idle.collect()
    }
}

impl Overlay {
    /// Reads an overlay; `None` when there is no such file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Option<Overlay>, Vec<FileError>> {
        if !path.is_file() {
            return Ok(None);
        }
        let document = Document::read(path).map_err(|error| vec![error])?;
        let overlay: Overlay = document.parse().map_err(|error| vec![error])?;
        let mut errors = Vec::new();
        let mut expect = |holds: bool, field: FieldPath, message: &str| {
            if !holds {
                errors.push(document.error(&field, message));
            }
        };
        for (index, described) in overlay.description.iter().enumerate() {
            let path = FieldPath::root().key("description").item(index);
            let relative = !described.file.starts_with('/') && !described.file.split('/').any(|part| part == "..");
            expect(relative, path.key("file"), "expected a path below the folder of descriptions");
            let base = described.base.starts_with("https://") && !described.base.ends_with('/');
            expect(base, path.key("base"), "expected a URL that starts with https:// and has no closing slash");
        }
        for (index, deviation) in overlay.deviation.iter().enumerate() {
            let path = FieldPath::root().key("deviation").item(index);
            expect(deviation.place.len() > 8, path.key("where"), "expected the place of a finding");
            expect(!deviation.reason.trim().is_empty(), path.key("reason"), "expected a text that is not empty");
        }
        if errors.is_empty() { Ok(Some(overlay)) } else { Err(errors) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deviation_may_name_its_tapes() {
        let text = r#"
            [[deviation]]
            where = "POST /charge response 200 $.data"
            tapes = ["three_ds.completed", "complete.returned"]
            reason = "the answer that asks for a second factor is left out"

            [[deviation]]
            where = "POST /charge response 200 $.fees*"
            reason = "the document has it as text"

            [[deviation]]
            where = "GET /charge response 200 $"
            reason = "nothing of it"
        "#;
        let overlay: Overlay = toml::from_str(text).unwrap();
        let mut reviewed = Reviewed::of(&overlay);
        let data = "POST /charge response 200 $.data";
        assert!(reviewed.covers(data, "three_ds.completed"));
        assert!(reviewed.covers(data, "three_ds.completed@visa"));
        assert!(!reviewed.covers(data, "authorize.captured"));
        assert!(reviewed.covers("POST /charge response 200 $.fees.all", "authorize.captured"));
        assert!(reviewed.covers("POST /charge response 200 $.fees.all", "refund.full"));
        assert_eq!(reviewed.needed(), 2);
        assert_eq!(reviewed.idle(), [format!("{data} of complete.returned"), "GET /charge response 200 $".to_owned()]);
    }
}
