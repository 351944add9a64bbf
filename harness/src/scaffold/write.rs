//! Writing a set of files and edits so that all of it stands in the end, or nothing.

use std::path::{Path, PathBuf};

use crate::files::write_atomically;
use crate::world::Unusable;

/// A folder that is new, with its files by name.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    /// Relative to the root.
    pub(super) path: String,
    pub(super) files: Vec<(String, String)>,
}

/// A file that changes, or is new in a folder that is there.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    /// Relative to the root.
    pub(super) path: String,
    /// What is in it; none where it is new.
    pub(super) old: Option<String>,
    pub(super) new: String,
}

/// What was done so far, taken back unless it is kept.
struct Undo<'a> {
    root: &'a Path,
    staged: PathBuf,
    moved: Vec<&'a Folder>,
    edited: Vec<&'a Edit>,
    kept: bool,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        let _staged_is_gone_or_in_place = std::fs::remove_dir_all(&self.staged);
        if self.kept {
            return;
        }
        for folder in &self.moved {
            let _best_effort = std::fs::remove_dir_all(self.root.join(&folder.path));
        }
        for edit in &self.edited {
            let path = self.root.join(&edit.path);
            let _best_effort = match &edit.old {
                Some(old) => write_atomically(&path, old.as_bytes()),
                None => std::fs::remove_file(&path),
            };
        }
    }
}

/// Writes the folders beside their places, moves them there, then makes the edits. On any failure all of it is taken back.
pub(super) fn all(root: &Path, folders: &[Folder], edits: &[Edit]) -> Result<(), Unusable> {
    let staged = root.join(format!("fixtures/.new.{}", std::process::id()));
    let mut undo = Undo { root, staged, moved: Vec::new(), edited: Vec::new(), kept: false };
    let failed = |path: &str, error: std::io::Error| {
        Unusable::Text(format!("{path}: cannot be written: {error}; nothing was changed"))
    };
    for (number, folder) in folders.iter().enumerate() {
        for (name, content) in &folder.files {
            let path = undo.staged.join(number.to_string()).join(name);
            let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
            made.and_then(|()| std::fs::write(&path, content))
                .map_err(|error| failed(&format!("{}/{name}", folder.path), error))?;
        }
    }
    for (number, folder) in folders.iter().enumerate() {
        let place = root.join(&folder.path);
        if place.exists() {
            return Err(Unusable::Text(format!("{}: exists already; nothing was changed", folder.path)));
        }
        std::fs::rename(undo.staged.join(number.to_string()), &place).map_err(|error| failed(&folder.path, error))?;
        undo.moved.push(folder);
    }
    for edit in edits {
        let path = root.join(&edit.path);
        if edit.old.is_none() && path.exists() {
            return Err(Unusable::Text(format!("{}: exists already; nothing was changed", edit.path)));
        }
        if edit.old.is_some() && Some(super::read(&path)?) != edit.old {
            return Err(Unusable::Text(format!(
                "{}: was changed meanwhile; nothing was changed, try again",
                edit.path
            )));
        }
        undo.edited.push(edit);
        write_atomically(&path, edit.new.as_bytes()).map_err(|error| failed(&edit.path, error))?;
    }
    undo.kept = true;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_takes_everything_back() {
        let root = std::env::temp_dir().join(format!("quittance-write-{}", std::process::id()));
        std::fs::create_dir_all(root.join("fixtures")).unwrap();
        std::fs::write(root.join("one"), "old").unwrap();
        let folder = |path: &str| Folder { path: path.to_owned(), files: vec![("src/a".to_owned(), "x".to_owned())] };
        let edit = |path: &str| Edit { path: path.to_owned(), old: Some("old".to_owned()), new: "new".to_owned() };
        let fresh = Edit { old: None, ..edit("fresh") };
        let edits = [edit("one"), fresh, edit("missing")];
        let told = all(&root, &[folder("a"), folder("b")], &edits).unwrap_err().to_string();
        assert!(told.contains("missing"), "{told}");
        let left =
            || std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>().len();
        assert_eq!((left(), std::fs::read_to_string(root.join("one")).unwrap().as_str()), (2, "old"));
        assert_eq!(std::fs::read_dir(root.join("fixtures")).unwrap().count(), 0);
        all(&root, &[folder("a")], &[edit("one")]).unwrap();
        assert_eq!(std::fs::read_to_string(root.join("a/src/a")).unwrap(), "x");
        assert_eq!(std::fs::read_to_string(root.join("one")).unwrap(), "new");
        assert!(all(&root, &[folder("a")], &[]).unwrap_err().to_string().contains("exists already"));
        assert!(root.join("a/src/a").exists(), "what was there before stays");
        let there = Edit { old: None, ..edit("one") };
        assert!(all(&root, &[], &[there]).unwrap_err().to_string().contains("one: exists already"));
        assert_eq!(std::fs::read_to_string(root.join("one")).unwrap(), "new");
        std::fs::remove_dir_all(&root).unwrap();
    }
}
