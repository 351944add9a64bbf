//! Our own file beside a vendor's description: which file stands for which base URL, and the reviewed deviations.

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
    /// Why the description is wrong here, or what the tape shows on purpose.
    pub reason: String,
}

impl Deviation {
    /// Whether it covers a place.
    pub fn covers(&self, place: &str) -> bool {
        match self.place.strip_suffix('*') {
            Some(start) => place.starts_with(start),
            None => self.place == place,
        }
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
