//! What is wrong with a token.

use std::fmt;

use quittance::{Effect, Kind};

/// Why a token is refused. No error holds anything of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Longer than [`TOKEN_BYTES_MAX`](crate::TOKEN_BYTES_MAX).
    TooLarge,
    /// Not of the wallet's form; the part that is not.
    MalformedToken(&'static str),
    /// A version that is not known, or no longer safe.
    UnsupportedVersion,
    /// The signature is no CMS message of the expected form.
    MalformedSignature,
    /// A digest, signature or encryption algorithm other than is expected.
    UnsupportedAlgorithm,
    /// No certificate of the wallet's signing kind.
    MissingLeafCertificate,
    /// No certificate of the wallet's issuing kind.
    MissingIntermediateCertificate,
    /// The certificates do not lead to the pinned root.
    UntrustedChain,
    /// A certificate was not valid when the token was signed.
    CertificateNotValid,
    /// The signature is over other bytes than the token's.
    MessageDigestMismatch,
    /// The signature does not fit.
    InvalidSignature,
    /// The signature does not say when it was made.
    MissingSigningTime,
    /// The token was signed too long ago, or in the future.
    SigningTimeOutsideWindow,
    /// The token, or one with its id, was used before.
    Replayed,
    /// The token is for a key that is not configured.
    UnknownPublicKeyHash,
    /// No root key is valid for the token's version now.
    NoValidRootKey,
    /// No valid root key signed the intermediate key.
    InvalidIntermediateSignature,
    /// The intermediate key has expired.
    IntermediateKeyExpired,
    /// The message was not signed by the intermediate (or root) key, or is for another recipient.
    InvalidMessageSignature,
    /// The message has expired.
    MessageExpired,
    /// The sender's one-time key is no point of the curve in the expected form.
    InvalidEphemeralKey,
    /// The configured keys do not open it: the key does not unwrap, or the MAC or tag does not fit. Which of them is not told.
    NotOpened,
    /// What was inside is not what the wallet puts there; the part that is not.
    InvalidPayload(&'static str),
    /// The customer agreed to another amount or currency than the order's.
    OtherAmount,
    /// What was inside is no network token: chip data, or a message that is no payment.
    NoNetworkToken,
    /// A key of the configuration cannot be used; what it is.
    UnusableKey(&'static str),
}

impl Error {
    /// The class as one lower-case word, for counting.
    pub const fn class(self) -> &'static str {
        match self {
            Error::TooLarge => "too_large",
            Error::MalformedToken(_) => "malformed_token",
            Error::UnsupportedVersion => "unsupported_version",
            Error::MalformedSignature => "malformed_signature",
            Error::UnsupportedAlgorithm => "unsupported_algorithm",
            Error::MissingLeafCertificate => "missing_leaf_certificate",
            Error::MissingIntermediateCertificate => "missing_intermediate_certificate",
            Error::UntrustedChain => "untrusted_chain",
            Error::CertificateNotValid => "certificate_not_valid",
            Error::MessageDigestMismatch => "message_digest_mismatch",
            Error::InvalidSignature => "invalid_signature",
            Error::MissingSigningTime => "missing_signing_time",
            Error::SigningTimeOutsideWindow => "signing_time_outside_window",
            Error::Replayed => "replayed",
            Error::UnknownPublicKeyHash => "unknown_public_key_hash",
            Error::NoValidRootKey => "no_valid_root_key",
            Error::InvalidIntermediateSignature => "invalid_intermediate_signature",
            Error::IntermediateKeyExpired => "intermediate_key_expired",
            Error::InvalidMessageSignature => "invalid_message_signature",
            Error::MessageExpired => "message_expired",
            Error::InvalidEphemeralKey => "invalid_ephemeral_key",
            Error::NotOpened => "not_opened",
            Error::InvalidPayload(_) => "invalid_payload",
            Error::OtherAmount => "other_amount",
            Error::NoNetworkToken => "no_network_token",
            Error::UnusableKey(_) => "unusable_key",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Error::MalformedToken(part) => return write!(f, "the token is malformed: {part}"),
            Error::InvalidPayload(part) => return write!(f, "the token's content is not a payment: {part}"),
            Error::UnusableKey(what) => return write!(f, "the configured {what} cannot be used"),
            Error::TooLarge => "the token is too large",
            Error::UnsupportedVersion => "the token's version is not supported",
            Error::MalformedSignature => "the token's signature is malformed",
            Error::UnsupportedAlgorithm => "the token is signed or encrypted with another algorithm than is expected",
            Error::MissingLeafCertificate => "the signature lacks the wallet's signing certificate",
            Error::MissingIntermediateCertificate => "the signature lacks the wallet's issuing certificate",
            Error::UntrustedChain => "the signing certificate does not lead to the pinned root",
            Error::CertificateNotValid => "a certificate was not valid at the signing time",
            Error::MessageDigestMismatch => "the signature is over other bytes than the token's",
            Error::InvalidSignature => "the token's signature does not fit",
            Error::MissingSigningTime => "the signature does not say when it was made",
            Error::SigningTimeOutsideWindow => "the token was signed too long ago, or in the future",
            Error::Replayed => "the token was used before",
            Error::UnknownPublicKeyHash => "the token is for a merchant key that is not configured",
            Error::NoValidRootKey => "no root key is valid for the token's version; fetch the wallet's keys again",
            Error::InvalidIntermediateSignature => "the intermediate key is not signed by a root key",
            Error::IntermediateKeyExpired => "the intermediate key has expired",
            Error::InvalidMessageSignature => "the message's signature does not fit, or it is for another recipient",
            Error::MessageExpired => "the token has expired",
            Error::InvalidEphemeralKey => "the token's one-time key is not a point of the curve",
            Error::NoNetworkToken => {
                "the token holds chip data or no payment at all, where a network token is expected"
            }
            Error::OtherAmount => "the token is for another amount or currency than the order's",
            Error::NotOpened => "the configured keys do not open the token",
        };
        f.write_str(text)
    }
}

impl std::error::Error for Error {}

/// What a connector answers; nothing has happened at the provider.
impl From<Error> for quittance::Error {
    fn from(error: Error) -> quittance::Error {
        let kind = match error {
            Error::TooLarge | Error::MalformedToken(_) | Error::UnsupportedVersion => Kind::Invalid,
            Error::UnknownPublicKeyHash => Kind::Invalid,
            Error::NoNetworkToken => Kind::Unsupported,
            Error::Replayed => Kind::Conflict,
            Error::InvalidPayload(_) => Kind::Protocol,
            Error::OtherAmount => Kind::Integrity,
            Error::UnusableKey(_) => Kind::Credentials,
            _ => Kind::Signature,
        };
        quittance::Error::new(kind, Effect::None, error.to_string()).with_code(error.class())
    }
}
