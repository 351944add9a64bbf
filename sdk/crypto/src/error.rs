//! What can be wrong with a key, a certificate or a signature.

use std::fmt;

/// Why a key or certificate could not be read, or a signature not be believed. Never holds input bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The input is longer than this crate looks at.
    TooLarge {
        /// Which input: `signature`, `certificate file` or `public key`.
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
    /// Not the PEM or DER that it should be.
    Malformed {
        /// Which input: `certificate` or `public key`.
        what: &'static str,
    },
    /// The key is not an RSA key (object identifier 1.2.840.113549.1.1.1).
    KeyType,
    /// The signature does not belong to this key and message.
    Signature,
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
        }
    }
}

impl std::error::Error for Error {}
