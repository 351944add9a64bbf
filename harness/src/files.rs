//! Writing files so that a reader sees the old content or the new, never half of one.

use std::io::{self, Read as _};
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

/// The content of a file that may have up to `most` bytes. A pipe or a device tells no size, so reading itself stops there.
///
/// # Errors
/// What cannot be read, is longer, or is no UTF-8.
pub fn read_at_most(path: &Path, most: u64) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > most {
        return Err(format!("expected at most {most} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "expected UTF-8 text".to_owned())
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
