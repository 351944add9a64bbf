// The digests of what a program is built from: for the build script of the command, and for the tests of certificates.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// The files, and the folders of files, that decide what is built; from the root of the workspace.
pub(crate) const BUILT_FROM: [&str; 6] =
    ["Cargo.lock", "Cargo.toml", "command/src", "connectors", "harness/src", "sdk"];

/// A line for each file below `root`: its digest, and its path with forward slashes.
pub(crate) fn list(root: &Path) -> std::io::Result<String> {
    let mut list = String::new();
    for place in BUILT_FROM {
        let mut files = Vec::new();
        collect(root.join(place), &mut files)?;
        files.sort();
        for file in files {
            let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
            let _never_fails = writeln!(list, "{} {name}", hex::encode(Sha256::digest(std::fs::read(&file)?)));
        }
    }
    Ok(list)
}

/// A file, or every file below a folder, build output aside.
fn collect(place: PathBuf, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !place.is_dir() {
        files.push(place);
    } else if !place.ends_with("target") {
        for entry in std::fs::read_dir(&place)? {
            collect(entry?.path(), files)?;
        }
    }
    Ok(())
}
