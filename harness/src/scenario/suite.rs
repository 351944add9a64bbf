//! The whole suite: every scenario, and the manifest that pins which ones there are and what they say.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use quittance::Op;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::check;
use super::{Scenario, StepOp};
use crate::bad_input::{Document, FieldPath, FileError, display};

/// What to do about a manifest that does not fit.
const REFRESH: &str = "if that is meant, give the suite a new version and refresh the manifest";

/// `specs/suite.toml`: the scenarios of this version of the suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the suite, `major.minor.patch`.
    pub version: String,
    /// The ids of all scenarios, sorted.
    pub scenarios: Vec<String>,
    /// SHA-256 over id and content of all scenarios in order, hexadecimal. Layout and comments do not count.
    pub digest: String,
    /// SHA-256 of each scenario's content by id, to say which one was edited.
    pub content: BTreeMap<String, String>,
}

/// All scenarios of one version.
#[derive(Debug, Clone, PartialEq)]
pub struct Suite {
    /// The version of the suite.
    pub version: String,
    /// SHA-256 over all scenarios, hexadecimal.
    pub digest: String,
    /// The scenarios, sorted by id.
    pub scenarios: Vec<Scenario>,
}

impl Suite {
    /// Reads `scenarios/**.toml` and `suite.toml` in the folder `specs`.
    ///
    /// # Errors
    /// Everything that is wrong in any file, and every scenario that was deleted, added or edited without the manifest.
    pub fn load(specs: &Path) -> Result<Self, Vec<FileError>> {
        let scenarios = load_scenarios(specs)?;
        let document = Document::read(&specs.join("suite.toml")).map_err(|error| vec![error])?;
        let pinned: Manifest = document.parse().map_err(|error| vec![error])?;
        let found = Manifest::of(&pinned.version, &scenarios);
        let errors = compare(&document, &pinned, &found);
        if errors.is_empty() {
            Ok(Self { version: pinned.version, digest: pinned.digest, scenarios })
        } else {
            Err(errors)
        }
    }

    /// The scenario with that id.
    pub fn scenario(&self, id: &str) -> Option<&Scenario> {
        let index = self.scenarios.binary_search_by(|scenario| scenario.id.as_str().cmp(id)).ok()?;
        self.scenarios.get(index)
    }
}

impl Manifest {
    /// The manifest of these scenarios.
    pub fn of(version: &str, scenarios: &[Scenario]) -> Self {
        let mut digest = Sha256::new();
        for scenario in scenarios {
            digest.update(scenario.id.as_bytes());
            digest.update([0]);
            digest.update(scenario.content_digest.as_bytes());
            digest.update(b"\n");
        }
        Self {
            version: version.to_owned(),
            scenarios: scenarios.iter().map(|scenario| scenario.id.clone()).collect(),
            digest: hex::encode(digest.finalize()),
            content: scenarios.iter().map(|scenario| (scenario.id.clone(), scenario.content_digest.clone())).collect(),
        }
    }

    /// The manifest of the scenarios that stand in the folder `specs` now.
    ///
    /// # Errors
    /// Everything that is wrong in a scenario.
    pub fn compute(specs: &Path, version: &str) -> Result<Self, Vec<FileError>> {
        load_scenarios(specs).map(|scenarios| Self::of(version, &scenarios))
    }

    /// Computes the manifest and writes it to `suite.toml` in the folder `specs`. Says whether the file changed.
    ///
    /// # Errors
    /// Everything that is wrong in a scenario, a version that other scenarios have, or a file that cannot be written.
    pub fn refresh(specs: &Path, version: &str) -> Result<bool, Vec<FileError>> {
        let path = specs.join("suite.toml");
        let computed = Self::compute(specs, version)?;
        let pinned = Document::read(&path).and_then(|document| document.parse::<Self>());
        if pinned.is_ok_and(|pinned| pinned.version == version && pinned.digest != computed.digest) {
            let message = format!("the scenarios changed, but suite {version} is pinned; give it a new version");
            return Err(vec![FileError::of_file(display(&path), message)]);
        }
        let text = computed.to_toml();
        let failed = |error| vec![FileError::of_file(display(&path), format!("cannot be written: {error}"))];
        crate::files::refresh(&path, &text).map_err(failed)
    }

    /// The manifest as a file.
    pub fn to_toml(&self) -> String {
        let mut text = format!("version = {:?}\nscenarios = [\n", self.version);
        for id in &self.scenarios {
            let _ = writeln!(text, "    {id:?},");
        }
        let _ = writeln!(text, "]\ndigest = {:?}\n\n[content]", self.digest);
        for (id, digest) in &self.content {
            let _ = writeln!(text, "{id:?} = {digest:?}");
        }
        text
    }
}

fn compare(document: &Document, pinned: &Manifest, found: &Manifest) -> Vec<FileError> {
    let root = FieldPath::root();
    let list = root.key("scenarios");
    let mut errors = Vec::new();
    for (index, id) in pinned.scenarios.iter().enumerate() {
        if !found.content.contains_key(id) {
            let message = format!("the scenario `{id}` was deleted; {REFRESH}");
            errors.push(document.error(&list.item(index), message));
        }
    }
    for (id, digest) in &found.content {
        match pinned.content.get(id) {
            _ if !pinned.scenarios.contains(id) => {
                errors.push(document.error(&list, format!("the scenario `{id}` was added; {REFRESH}")));
            }
            Some(other) if other == digest => {}
            _ => {
                let path = root.key("content").key(id);
                errors.push(document.error(&path, format!("the scenario `{id}` was edited; {REFRESH}")));
            }
        }
    }
    if errors.is_empty() && (pinned.digest != found.digest || pinned != found) {
        let message = format!("expected `{}`; the manifest itself was edited: refresh it", found.digest);
        errors.push(document.error(&root.key("digest"), message));
    }
    errors
}

/// Reads and checks every scenario, sorted by id.
fn load_scenarios(specs: &Path) -> Result<Vec<Scenario>, Vec<FileError>> {
    let folder = specs.join("scenarios");
    let mut paths = Vec::new();
    collect(&folder, &mut paths).map_err(|error| vec![error])?;
    let mut loaded: Vec<(Document, Scenario)> = Vec::new();
    let mut errors = Vec::new();
    for path in &paths {
        match load_scenario(path, &id_of(&folder, path)) {
            Ok(pair) => loaded.push(pair),
            Err(mut found) => errors.append(&mut found),
        }
    }
    loaded.sort_by(|(_, one), (_, other)| one.id.cmp(&other.id));
    if errors.is_empty() {
        for (document, scenario) in loaded.iter().filter(|(_, scenario)| scenario.derive.is_some()) {
            let from = scenario.derive.as_ref().map(|derive| derive.from.as_str()).unwrap_or_default();
            let base = loaded.iter().find(|(_, base)| base.id == from).map(|(_, base)| base);
            errors.extend(check::check_derived(document, scenario, base));
        }
        if loaded.is_empty() {
            errors.push(FileError::of_file(display(&folder), "expected at least one scenario"));
        }
    }
    if errors.is_empty() { Ok(loaded.into_iter().map(|(_, scenario)| scenario).collect()) } else { Err(errors) }
}

fn load_scenario(path: &Path, id: &str) -> Result<(Document, Scenario), Vec<FileError>> {
    let document = Document::read(path).map_err(|error| vec![error])?;
    let scenario = parse(&document, id)?;
    Ok((document, scenario))
}

fn parse(document: &Document, id: &str) -> Result<Scenario, Vec<FileError>> {
    let mut scenario: Scenario = document.parse().map_err(|error| vec![error])?;
    let table: toml::Table = document.parse().map_err(|error| vec![error])?;
    let mut canonical = String::new();
    write_canonical(&toml::Value::Table(table), &mut canonical);
    scenario.content_digest = hex::encode(Sha256::digest(canonical.as_bytes()));
    scenario.file.clone_from(&document.file);
    let errors = check::check(document, &scenario, id);
    if errors.is_empty() { Ok(scenario) } else { Err(errors) }
}

impl Scenario {
    /// Reads one scenario from text. The id follows from the name: `<group>/<name>.toml`.
    ///
    /// # Errors
    /// Everything that is wrong with it, taken alone.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<FileError>> {
        let path = Path::new(file);
        let part =
            |name: Option<&std::ffi::OsStr>| name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let id = format!("{}.{}", part(path.parent().and_then(Path::file_name)), part(path.file_stem()));
        parse(&Document::new(file, text), &id)
    }

    /// The operation whose result step `step` (from 1) yields; a replay yields that of the step it repeats.
    pub fn operation(&self, step: u32) -> Option<Op> {
        let index = usize::try_from(step).ok()?.checked_sub(1)?;
        check::operation_of(self, self.steps.get(index)?)
    }

    /// Whether a delivery of the tape is read in some step.
    pub fn has_webhook_step(&self) -> bool {
        self.steps.iter().any(|step| step.op == StepOp::Webhook)
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), FileError> {
    let unreadable = |error: std::io::Error| FileError::of_file(display(folder), format!("cannot be read: {error}"));
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    Ok(())
}

/// `capture/partial.toml` is `capture.partial`.
fn id_of(folder: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(folder).unwrap_or(path).with_extension("");
    let parts: Vec<String> = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    parts.join(".")
}

/// Writes a value so that two files that say the same are the same: keys sorted, no layout.
fn write_canonical(value: &toml::Value, out: &mut String) {
    match value {
        toml::Value::Table(table) => {
            let sorted: BTreeMap<&String, &toml::Value> = table.iter().collect();
            out.push('{');
            for (key, value) in sorted {
                let _ = write!(out, "{key:?}:");
                write_canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        toml::Value::Array(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        toml::Value::String(text) => {
            let _ = write!(out, "{text:?}");
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}
