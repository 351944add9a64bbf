//! PEM blocks (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Letters of base64 in one line of a block (RFC 7468, section 2).
const LINE: usize = 64;

/// The bytes of the first block with that label; none when there is no such block, an error when it is no base64.
pub(crate) fn block(text: &str, label: &str) -> Option<Result<Vec<u8>, base64::DecodeError>> {
    let after = text.split_once(&format!("-----BEGIN {label}-----"))?.1;
    let (inner, _) = after.split_once(&format!("-----END {label}-----"))?;
    let compact: String = inner.split_whitespace().collect();
    Some(STANDARD.decode(compact))
}

/// A block of these bytes.
pub(crate) fn write(label: &str, bytes: &[u8]) -> String {
    let letters = STANDARD.encode(bytes);
    let mut text = format!("-----BEGIN {label}-----\n");
    for (index, letter) in letters.chars().enumerate() {
        if index > 0 && index % LINE == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    format!("{text}\n-----END {label}-----\n")
}
