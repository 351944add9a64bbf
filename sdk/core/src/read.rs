//! Strict reading of bodies: what is ambiguous or too deep is refused before anything is taken out of it.

mod place;

use quick_xml::events::Event as XmlEvent;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// How deep a body may nest; serde_json's own limit.
const DEPTH: usize = 128;

const ANOTHER_SHAPE: &str = "the answer has another shape than expected";

/// The bytes as text: UTF-8, without a byte-order mark.
pub(crate) fn text(bytes: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::protocol("the answer is not UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The bytes as JSON of the shape `T`. A member that `T` reads must not be doubled: serde's derived readers refuse it.
/// Doubled members that nobody reads are let through, since providers do send them.
pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text = text(bytes)?;
    if text.trim().is_empty() {
        return Err(Error::protocol("the answer is empty"));
    }
    shallow(text)?;
    serde_json::from_str(text)
        .map_err(|cause| Error::protocol(format!("{ANOTHER_SHAPE}: {}", place::told(text, &cause))))
}

/// Refuses text that nests deeper than [`DEPTH`], also where nothing reads it.
fn shallow(text: &str) -> Result<()> {
    // A text with no more openings than that cannot nest deeper, and most have fewer.
    if openings(text) <= DEPTH {
        return Ok(());
    }
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH {
            return Err(Error::protocol("the answer nests too deep"));
        }
    }
    Ok(())
}

/// How many `{` and `[` stand in the text, wherever. In chunks whose count fits a byte, which lets the compiler look at many at once.
fn openings(text: &str) -> usize {
    let chunks = text.as_bytes().chunks(255);
    // `{` and `[` differ in one bit.
    let count = |chunk: &[u8]| chunk.iter().fold(0u8, |count, byte| count + u8::from(byte & 0xdf == b'['));
    chunks.map(|chunk| usize::from(count(chunk))).sum()
}

/// The bytes as XML of the shape `T`: one root, and no document type with declarations of its own.
pub(crate) fn xml<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text = text(bytes)?.trim_start();
    well_formed(text)?;
    quick_xml::de::from_str(text).map_err(|cause| match place::quoted(&cause.to_string(), "missing field `") {
        Some(name) => Error::protocol(format!("{ANOTHER_SHAPE}: {name} is missing")),
        None => Error::protocol(ANOTHER_SHAPE),
    })
}

fn well_formed(text: &str) -> Result<()> {
    let broken = || Error::protocol("the answer is not readable XML");
    let mut reader = quick_xml::Reader::from_str(text);
    let mut depth = 0usize;
    let mut elements = 0usize;
    loop {
        match reader.read_event().map_err(|_| broken())? {
            XmlEvent::Start(_) | XmlEvent::Empty(_) if depth == 0 && elements > 0 => return Err(broken()),
            XmlEvent::Start(_) => {
                depth += 1;
                elements += 1;
                if depth > DEPTH {
                    return Err(Error::protocol("the answer nests too deep"));
                }
            }
            XmlEvent::End(_) => depth = depth.checked_sub(1).ok_or_else(broken)?,
            XmlEvent::Empty(_) => elements += 1,
            // A document type that only names a definition declares nothing: no entity of it is ever resolved.
            XmlEvent::DocType(named) if named.contains('[') => {
                return Err(Error::protocol("the answer declares its own document type"));
            }
            XmlEvent::Eof => return if depth == 0 && elements > 0 { Ok(()) } else { Err(broken()) },
            _ => {}
        }
    }
}
