//! Remembers what the harness is built from, so that a certificate never speaks of other sources than those that ran: the compiler,
//! and the digest of every file of the SDK, the connectors and the harness, of the workspace's manifest and of its lock file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

/// The files, and the folders of files, that decide what is built; from the root of the workspace.
const BUILT_FROM: [&str; 5] = ["Cargo.lock", "Cargo.toml", "connectors", "harness/src", "sdk"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).parent().map(Path::to_owned).unwrap_or_default();
    let mut list = String::new();
    for place in BUILT_FROM {
        println!("cargo:rerun-if-changed={}", root.join(place).display());
        let mut files = Vec::new();
        collect(root.join(place), &mut files)?;
        files.sort();
        for file in files {
            let name = file.strip_prefix(&root)?.to_string_lossy().replace('\\', "/");
            writeln!(list, "{} {name}", hex::encode(Sha256::digest(std::fs::read(&file)?)))?;
        }
    }
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("sources.txt"), list)?;
    let version = Command::new(std::env::var("RUSTC")?).arg("--version").output()?;
    println!("cargo:rustc-env=QUITTANCE_RUSTC={}", String::from_utf8(version.stdout)?.trim());
    Ok(())
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
