//! What can be wrong with a key, a certificate, a signature or a sealed text.

use std::fmt;

/// Why a key or certificate could not be read, or a signature not be believed. Never holds input bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The input is longer than this crate looks at.
    TooLarge {
        /// Which input, such as `signature` or `certificate file`.
        what: &'static str,
        /// The limit that it passed.
        limit_bytes: usize,
    },
    /// A file with more certificates than any chain needs.
    TooMany {
        /// The most that are read.
        limit: usize,
    },
    /// No certificate stands in the input.
    Empty,
    /// Not of the form that it should have.
    Malformed {
        /// Which input: `certificate`, `public key`, `private key`, `aes key` or `detached signature`.
        what: &'static str,
    },
    /// The key is not an RSA key (object identifier 1.2.840.113549.1.1.1).
    KeyType,
    /// The signature does not belong to this key and message.
    Signature,
    /// The key cannot sign.
    Signing,
    /// The sealed text cannot be opened with this key, or no text be sealed with it.
    Sealed,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { what, limit_bytes } => {
                write!(formatter, "the {what} is longer than {limit_bytes} bytes")
            }
            Self::TooMany { limit } => {
                write!(formatter, "more than {limit} certificates in one file")
            }
            Self::Empty => formatter.write_str("no certificate in the file"),
            Self::Malformed { what } => write!(formatter, "the {what} cannot be read"),
            Self::KeyType => formatter.write_str("the public key is not an rsa key"),
            Self::Signature => formatter.write_str("the signature does not belong to this key and message"),
            Self::Signing => formatter.write_str("the private key cannot sign"),
            Self::Sealed => formatter.write_str("the sealed text does not belong to this key"),
        }
    }
}

impl std::error::Error for Error {}
