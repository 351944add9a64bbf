//! Writing files so that a reader sees the old content or the new, never half of one.

use std::io;
use std::path::Path;

/// Writes `content` to a file beside `path` and moves it there. Folders that are missing are made.
///
/// # Errors
/// Those of the file system; nothing is left behind.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = std::fs::write(&temporary, content).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _gone_or_never_made = std::fs::remove_file(&temporary);
    }
    written
}

/// Writes `content` unless the file already says so; tells whether it changed.
///
/// # Errors
/// As [`write_atomically`].
pub fn refresh(path: &Path, content: &str) -> io::Result<bool> {
    if std::fs::read_to_string(path).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    write_atomically(path, content.as_bytes()).map(|()| true)
}
