//! Which files a certificate speaks of, and their digests: one of each, so that a changed byte is named by its file.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use quittance::digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bad_input::display;

/// The files of the workspace as a whole that decide what is built.
const WORKSPACE_FILES: [&str; 3] = [".cargo/config.toml", "Cargo.lock", "Cargo.toml"];

/// The crate of the program: the harness with the catalogue.
const PROGRAM: &str = "command";

/// Folders of a crate that are not built into it, and build output.
const NOT_BUILT: [&str; 4] = ["benches", "fuzz", "target", "tests"];

/// The digests of some files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// SHA-256 over `<digest> <path>\n` of each file, sorted by path; hexadecimal.
    pub digest: String,
    /// SHA-256 of each file by its path from the root of the project, with forward slashes; hexadecimal.
    pub files: BTreeMap<String, String>,
}

impl Tree {
    /// The digests of these files below `root`; one that is not there is left out.
    fn of(root: &Path, files: BTreeSet<String>) -> Result<Tree, String> {
        let mut digests = BTreeMap::new();
        for file in files {
            match std::fs::read(root.join(&file)) {
                Ok(bytes) => {
                    digests.insert(file, hex::encode(digest::sha256(&bytes)));
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("{file}: cannot be read: {error}")),
            }
        }
        Ok(Tree { digest: Tree::digest_of(&digests), files: digests })
    }

    /// The digest over a list of files.
    pub fn digest_of(files: &BTreeMap<String, String>) -> String {
        let text: String = files.iter().map(|(file, digest)| format!("{digest} {file}\n")).collect();
        hex::encode(digest::sha256(text.as_bytes()))
    }

    /// Which files differ in `here`, the same tree as it stands now: each with what differs.
    pub fn differences(&self, here: &Tree) -> Vec<String> {
        let names: BTreeSet<&String> = self.files.keys().chain(here.files.keys()).collect();
        let told = |file: &String| match (self.files.get(file), here.files.get(file)) {
            (Some(then), Some(now)) if then == now => None,
            (Some(then), Some(now)) => {
                Some(format!("{file} was changed: certified with {}, here {}", short(then), short(now)))
            }
            (Some(_), None) => Some(format!("{file} is missing here")),
            (None, _) => Some(format!("{file} is not in the certificate")),
        };
        names.into_iter().filter_map(told).collect()
    }
}

/// The first letters of a digest, enough to tell two apart.
pub(crate) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// What a certificate of one connector speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trees {
    /// The connector's crate, the SDK, and every other crate of the workspace on which it stands.
    pub source: Tree,
    /// The scenarios and the manifest that pins them.
    pub suite: Tree,
    /// The profile, the tapes and the keys beside them.
    pub tapes: Tree,
    /// The harness with the catalogue and the transport, and the files of the workspace, `Cargo.lock` among them.
    pub toolchain: Tree,
}

impl Trees {
    /// The trees of a connector as they stand below `root` now.
    ///
    /// # Errors
    /// A file or a manifest that cannot be read.
    pub fn of(root: &Path, connector: &str) -> Result<Trees, String> {
        let crates = Crates::read(root)?;
        let own = crates.under(&format!("connectors/{connector}"), |_| true)?;
        let mut source = BTreeSet::new();
        for folder in &own {
            crate_files(root, folder, &mut source)?;
        }
        let mut toolchain: BTreeSet<String> = WORKSPACE_FILES.map(str::to_owned).into();
        for folder in crates.under(PROGRAM, |folder| !is_connector(folder))?.difference(&own) {
            crate_files(root, folder, &mut toolchain)?;
        }
        let mut suite = BTreeSet::from(["specs/suite.toml".to_owned()]);
        collect(root, "specs/scenarios", &[], &mut suite)?;
        let mut tapes = BTreeSet::new();
        collect(root, &format!("fixtures/{connector}"), &[], &mut tapes)?;
        // The files of a connector that this one is like hold for it too.
        let profile = manifest(&root.join(format!("fixtures/{connector}/profile.toml")))?;
        let like = profile.get("like").and_then(|like| like.get("connector")).and_then(toml::Value::as_str);
        like.map_or(Ok(()), |other| collect(root, &format!("fixtures/{other}"), &[], &mut tapes))?;
        let tree = |files| Tree::of(root, files);
        Ok(Trees { source: tree(source)?, suite: tree(suite)?, tapes: tree(tapes)?, toolchain: tree(toolchain)? })
    }
}

/// A connector's own crate, as the catalogue names them all.
fn is_connector(folder: &str) -> bool {
    folder.starts_with("connectors/")
}

/// The files of a crate. The catalogue lies above the connectors, so its folder counts without those below.
fn crate_files(root: &Path, folder: &str, files: &mut BTreeSet<String>) -> Result<(), String> {
    if folder == "connectors" {
        files.extend(["connectors/Cargo.toml".to_owned(), "connectors/lib.rs".to_owned()]);
        return Ok(());
    }
    collect(root, folder, &NOT_BUILT, files)
}

/// Every file below a folder, but those in `without` directly below it.
fn collect(root: &Path, folder: &str, without: &[&str], files: &mut BTreeSet<String>) -> Result<(), String> {
    let unread = |error: std::io::Error| format!("{folder}: cannot be read: {error}");
    for entry in std::fs::read_dir(root.join(folder)).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match path.is_dir() {
            true if without.contains(&name.as_str()) => {}
            true => collect(root, &format!("{folder}/{name}"), &[], files)?,
            false => {
                files.insert(format!("{folder}/{name}"));
            }
        }
    }
    Ok(())
}

/// The crates of the workspace by name, each with its folder from the root.
struct Crates {
    root: PathBuf,
    folders: BTreeMap<String, String>,
}

impl Crates {
    fn read(root: &Path) -> Result<Crates, String> {
        let manifest = manifest(&root.join("Cargo.toml"))?;
        let dependencies = manifest.get("workspace").and_then(|workspace| workspace.get("dependencies"));
        let folder = |(name, dependency): (&String, &toml::Value)| {
            let path = dependency.get("path").and_then(toml::Value::as_str)?;
            Some((name.clone(), path.trim_end_matches('/').to_owned()))
        };
        let folders = dependencies.and_then(toml::Value::as_table).into_iter().flatten().filter_map(folder).collect();
        Ok(Crates { root: root.to_owned(), folders })
    }

    /// The folder itself and those of all crates of the workspace on which its crate stands, near or far; `counts` says which to follow.
    fn under(&self, folder: &str, counts: impl Fn(&str) -> bool) -> Result<BTreeSet<String>, String> {
        let mut found = BTreeSet::new();
        let mut next = VecDeque::from([folder.to_owned()]);
        while let Some(folder) = next.pop_front() {
            if found.insert(folder.clone()) {
                let manifest = manifest(&self.root.join(&folder).join("Cargo.toml"))?;
                let tables = ["dependencies", "build-dependencies"].map(|table| manifest.get(table));
                for (name, dependency) in tables.into_iter().flatten().filter_map(toml::Value::as_table).flatten() {
                    let path = dependency.get("path").and_then(toml::Value::as_str);
                    let beside = path.map(|path| joined(&folder, path));
                    next.extend(beside.or_else(|| self.folders.get(name).cloned()).filter(|folder| counts(folder)));
                }
            }
        }
        Ok(found)
    }
}

/// A path relative to a folder, from the root.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn manifest(path: &Path) -> Result<toml::Table, String> {
    let name = display(path);
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    text.parse().map_err(|error: toml::de::Error| format!("{name}: {}", error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trees(id: &str) -> Trees {
        Trees::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), id).unwrap()
    }

    #[test]
    fn a_connector_stands_on_the_crates_that_its_manifest_names() {
        let source = |id: &str| trees(id).source.files.into_keys().collect::<Vec<_>>();
        let paypal = source("paypal");
        for file in [
            "connectors/paypal/Cargo.toml",
            "connectors/paypal/src/lib.rs",
            "sdk/core/src/guard.rs",
            "sdk/crypto/src/lib.rs",
        ] {
            assert!(paypal.contains(&file.to_owned()), "{file}");
        }
        let stripe = source("stripe");
        assert!(stripe.contains(&"sdk/core/src/guard.rs".to_owned()));
        assert!(!stripe.iter().any(|file| file.starts_with("sdk/crypto") || file.starts_with("connectors/paypal")));
        assert!(!stripe.iter().any(|file| file.starts_with("sdk/core/tests")));
    }

    #[test]
    fn the_toolchain_is_the_harness_without_the_connectors() {
        let files: Vec<String> = trees("stripe").toolchain.files.into_keys().collect();
        for file in
            ["Cargo.lock", "Cargo.toml", "connectors/lib.rs", "harness/src/certify/checks.rs", "sdk/reqwest/src/lib.rs"]
        {
            assert!(files.contains(&file.to_owned()), "{file}");
        }
        assert!(!files.iter().any(|file| file.starts_with("connectors/stripe") || file.starts_with("sdk/core")));
        assert!(!files.iter().any(|file| file.starts_with("sdk/families")), "only other connectors stand on them");
    }

    #[test]
    fn differences_name_the_file() {
        let tree = |files: &[(&str, &str)]| {
            let files = files.iter().map(|(file, digest)| ((*file).to_owned(), (*digest).to_owned())).collect();
            Tree { digest: Tree::digest_of(&files), files }
        };
        let then = tree(&[("a", "1"), ("b", "2"), ("c", "3")]);
        assert!(then.differences(&then).is_empty());
        let now = tree(&[("a", "1"), ("b", "9"), ("d", "4")]);
        assert_eq!(
            then.differences(&now),
            ["b was changed: certified with 2, here 9", "c is missing here", "d is not in the certificate"]
        );
        assert_ne!(then.digest, now.digest);
    }
}
