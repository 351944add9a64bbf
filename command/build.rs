//! Remembers what the command is built from, so that a certificate never speaks of other sources than those that ran: the compiler,
//! and the digest of every file of the SDK, the connectors and the harness, of the workspace's manifest and of its lock file.

use std::path::Path;
use std::process::Command;

#[path = "../harness/src/certificate/sources.rs"]
mod sources;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).parent().map(Path::to_owned).unwrap_or_default();
    for place in sources::BUILT_FROM {
        println!("cargo:rerun-if-changed={}", root.join(place).display());
    }
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("sources.txt"), sources::list(&root)?)?;
    let version = Command::new(std::env::var("RUSTC")?).arg("--version").output()?;
    println!("cargo:rustc-env=QUITTANCE_RUSTC={}", String::from_utf8(version.stdout)?.trim());
    Ok(())
}
