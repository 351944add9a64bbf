//! PEM blocks (RFC 7468), read leniently: any line width, text around the block.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{Error, PEM_BYTES_MAX};

/// The DER bytes of the first block under one of `labels`, with the label that it has.
///
/// # Errors
/// [`Error::TooLarge`] over [`PEM_BYTES_MAX`], [`Error::Malformed`] without such a block or when it is no base64.
pub(crate) fn block<'l>(text: &str, labels: &[&'l str], what: &'static str) -> Result<(&'l str, Vec<u8>), Error> {
    if text.len() > PEM_BYTES_MAX {
        return Err(Error::TooLarge { what, limit_bytes: PEM_BYTES_MAX });
    }
    let inner = |label: &str| {
        let (_, after) = text.split_once(&format!("-----BEGIN {label}-----"))?;
        let (inner, _) = after.split_once(&format!("-----END {label}-----"))?;
        Some(inner)
    };
    let found = labels.iter().find_map(|label| Some((*label, inner(label)?)));
    let (label, inner) = found.ok_or(Error::Malformed { what })?;
    let letters: String = inner.split_ascii_whitespace().collect();
    STANDARD.decode(letters).map(|der| (label, der)).map_err(|_| Error::Malformed { what })
}
