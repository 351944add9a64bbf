//! A git repository that passes for the project's.

use std::process::Command;

use super::common::Folder;

/// A repository without a commit.
pub(crate) fn repository(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("specs/suite.toml", "");
    folder.write("fixtures/none.toml", "");
    git(&folder, &["init", "--quiet"]);
    folder
}

/// Runs git there, and gives what it prints.
pub(crate) fn git(folder: &Folder, arguments: &[&str]) -> String {
    let known = ["-c", "user.name=Tests", "-c", "user.email=tests@quittance.example", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").current_dir(&folder.0).args(known).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
