//! A small copy of the project, in which `quittance new` may write.

#![allow(dead_code, reason = "not every test calls all of it")]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A copy of what the command reads: the catalogue's files; families by a link, specs and fixtures one by one.
pub(crate) struct Project(pub(crate) PathBuf);

impl Project {
    pub(crate) fn new(name: &str) -> Project {
        let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("new-{name}"));
        let _of_an_earlier_run = std::fs::remove_dir_all(&to);
        let from = Path::new(ROOT).canonicalize().unwrap();
        for folder in ["connectors", "fixtures", "sdk", "specs/descriptions"] {
            std::fs::create_dir_all(to.join(folder)).unwrap();
        }
        for file in ["Cargo.toml", "connectors/Cargo.toml", "connectors/lib.rs"] {
            std::fs::copy(from.join(file), to.join(file)).unwrap();
        }
        for link in ["sdk/families", "connectors/stripe"] {
            symlink(from.join(link), to.join(link)).unwrap();
        }
        for folder in ["fixtures", "specs"] {
            for entry in std::fs::read_dir(from.join(folder)).unwrap() {
                let entry = entry.unwrap();
                let place = to.join(folder).join(entry.file_name());
                if !place.exists() {
                    symlink(entry.path(), place).unwrap();
                }
            }
        }
        Project(to)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_quittance"))
            .args(arguments)
            .arg("--root")
            .arg(&self.0)
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    #[track_caller]
    pub(crate) fn good(&self, arguments: &[&str]) -> String {
        let (code, shown, told) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {told}");
        shown
    }

    /// Refused with exit code 2 and a message of these parts, and every file is as it was.
    #[track_caller]
    pub(crate) fn bad(&self, arguments: &[&str], parts: &[&str]) {
        let before = self.files();
        let (code, shown, told) = self.run(arguments);
        assert_eq!((code, shown.as_str()), (2, ""), "{arguments:?}: {told}");
        for part in parts {
            assert!(told.contains(part), "{arguments:?}: no `{part}` in: {told}");
        }
        assert_eq!(self.files(), before, "{arguments:?}");
    }

    /// Every file of its own with its content.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, String> {
        fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                match entry.file_type().unwrap() {
                    kind if kind.is_dir() => collect(&entry.path(), files),
                    kind if kind.is_file() => {
                        files.insert(entry.path(), std::fs::read_to_string(entry.path()).unwrap());
                    }
                    _ => {}
                }
            }
        }
        let mut files = BTreeMap::new();
        collect(&self.0, &mut files);
        files
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }

    /// Puts a profile of its own in place of a connector's fixtures, with another text in place of one.
    pub(crate) fn alter(&self, id: &str, from: &str, to: &str) {
        let folder = self.0.join("fixtures").join(id);
        let profile = std::fs::read_to_string(folder.join("profile.toml")).unwrap();
        std::fs::remove_file(&folder).unwrap();
        std::fs::create_dir(&folder).unwrap();
        assert!(profile.contains(from), "{profile}");
        std::fs::write(folder.join("profile.toml"), profile.replace(from, to)).unwrap();
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}
