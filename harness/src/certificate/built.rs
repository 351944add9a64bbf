//! What this program was built from. A certificate speaks of files; this says whether they are the ones that run.

use std::collections::BTreeMap;

use super::tree::Trees;
use crate::product;

/// The version of the harness.
pub(super) const HARNESS: &str = env!("CARGO_PKG_VERSION");

/// Refuses trees that are not what this program was built from.
///
/// # Errors
/// The first file that differs, with what to do.
pub(super) fn check(trees: &Trees) -> Result<(), String> {
    let built: BTreeMap<&str, &str> = product::installed()
        .sources
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(digest, file)| (file, digest))
        .collect();
    let built_from = ["Cargo.lock", "Cargo.toml", "command/src/", "connectors/", "harness/src/", "sdk/"];
    let compiled = |file: &str| built_from.iter().any(|place| file.starts_with(place));
    let here = || trees.source.files.iter().chain(&trees.toolchain.files).filter(|(file, _)| compiled(file));
    let differs = here().find(|(file, digest)| built.get(file.as_str()) != Some(&digest.as_str()));
    match differs {
        None => Ok(()),
        Some((file, _)) => Err(format!(
            "this program was built before {file} was last changed, so it cannot speak of it: build it again"
        )),
    }
}
