//! What a call ends in when the provider gave no usable answer.
//!
//! A decline is not an error: it is an answer, see [`crate::Decline`].

use std::fmt;
use std::time::Duration;

use crate::{Handle, Op};

/// The result of every call into the SDK.
pub type Result<T> = std::result::Result<T, Error>;

/// The class of an [`Error`]; decides what a caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// The connector does not offer this operation, method or variant. Nothing was sent.
    Unsupported,
    /// The request is wrong: refused by the SDK before sending, or by the provider (400, 422).
    Invalid,
    /// The credentials were refused or lack a permission (401, 403), or could not be read.
    Credentials,
    /// The provider does not know the payment, refund or other object (404).
    NotFound,
    /// The object is in a state that does not allow the operation, or a key was reused (409).
    Conflict,
    /// Too many requests (429); see [`Error::retry_after`].
    RateLimited,
    /// The provider is down, failed inside (5xx), or still works on an earlier request ([`Error::in_progress`]).
    Unavailable,
    /// The exchange did not take place whole: refused, reset, cut, timed out.
    Network,
    /// The answer cannot be read: not the media type, not the shape, too large, too deep.
    Protocol,
    /// The answer speaks of another amount, currency or reference than the request.
    Integrity,
    /// A webhook delivery could not be vouched for.
    Signature,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Kind] = &[
        Kind::Unsupported,
        Kind::Invalid,
        Kind::Credentials,
        Kind::NotFound,
        Kind::Conflict,
        Kind::RateLimited,
        Kind::Unavailable,
        Kind::Network,
        Kind::Protocol,
        Kind::Integrity,
        Kind::Signature,
    ];

    /// The kind in words, `snake_case`; used in reports and metrics labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Unsupported => "unsupported",
            Kind::Invalid => "invalid",
            Kind::Credentials => "credentials",
            Kind::NotFound => "not_found",
            Kind::Conflict => "conflict",
            Kind::RateLimited => "rate_limited",
            Kind::Unavailable => "unavailable",
            Kind::Network => "network",
            Kind::Protocol => "protocol",
            Kind::Integrity => "integrity",
            Kind::Signature => "signature",
        }
    }
}

/// Whether the provider may have acted on a call that ended in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing happened at the provider: the call may be repeated.
    None,
    /// The provider may have acted: look first ([`crate::Connector::retrieve`]) or repeat with the same idempotency key.
    Unknown,
}

impl Effect {
    /// The effect in words, `snake_case`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Effect::None => "none",
            Effect::Unknown => "unknown",
        }
    }
}

/// Why there is no answer. Fields are private; small on the stack, since results are moved often.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: Kind,
    effect: Effect,
    message: String,
    code: Option<String>,
    field: Option<String>,
    retry_after: Option<Duration>,
    handle: Option<Handle>,
    status: Option<u16>,
}

impl Error {
    /// An error of `kind`. `message` is lower-case, without a trailing stop, and holds no secret.
    pub fn new(kind: Kind, effect: Effect, message: impl Into<String>) -> Error {
        let message = message.into();
        Error(Box::new(Inner {
            kind,
            effect,
            message,
            code: None,
            field: None,
            retry_after: None,
            handle: None,
            status: None,
        }))
    }

    /// The connector does not have this operation; nothing was sent.
    pub fn unsupported(op: Op) -> Error {
        Error::new(Kind::Unsupported, Effect::None, format!("{op} is not offered by this connector"))
    }

    /// The connector does not have this variant of an operation, named by `what`; nothing was sent.
    pub fn unsupported_variant(what: impl fmt::Display) -> Error {
        Error::new(Kind::Unsupported, Effect::None, format!("{what} is not offered by this connector"))
    }

    /// The request cannot be sent as it is; `field` names the part at fault (`amount.currency`).
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Error {
        Error::new(Kind::Invalid, Effect::None, message).in_field(field)
    }

    /// The answer cannot be read. The provider may have acted.
    pub fn protocol(message: impl Into<String>) -> Error {
        Error::new(Kind::Protocol, Effect::Unknown, message)
    }

    /// A webhook delivery that could not be vouched for.
    pub fn signature(message: impl Into<String>) -> Error {
        Error::new(Kind::Signature, Effect::None, message)
    }

    /// Adds the provider's own error code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Error {
        self.0.code = Some(code.into());
        self
    }

    /// Names the request field at fault, in the provider's or the SDK's spelling.
    #[must_use]
    pub fn in_field(mut self, field: impl Into<String>) -> Error {
        self.0.field = Some(field.into());
        self
    }

    /// Adds the time the provider asks to wait.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Error {
        self.0.retry_after = Some(wait);
        self
    }

    /// Keeps the id of the object that the provider already created, or may have created under an id of the caller's making, so that it
    /// can be looked up.
    #[must_use]
    pub fn about(mut self, handle: &Handle) -> Error {
        self.0.handle = Some(handle.clone());
        self
    }

    /// Keeps the HTTP status that led here.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Error {
        self.0.status = Some(status);
        self
    }

    /// The same error with another class; for a provider that hides the class in its own code.
    #[must_use]
    pub fn of_kind(mut self, kind: Kind) -> Error {
        self.0.kind = kind;
        self
    }

    /// The same error with another effect.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Error {
        self.0.effect = effect;
        self
    }

    /// Replaces every text of provider origin through `clean`, see [`crate::scrub::scrub`], and drops a handle that `is_secret`.
    #[must_use]
    pub(crate) fn cleaned(mut self, clean: impl Fn(&str) -> String, is_secret: impl Fn(&str) -> bool) -> Error {
        self.0.handle = self.0.handle.filter(|handle| !handle.texts().any(&is_secret));
        self.0.message = clean(&self.0.message);
        self.0.code = self.0.code.as_deref().map(&clean);
        self.0.field = self.0.field.as_deref().map(&clean);
        self
    }

    /// The same error, of a provider that still works on an earlier request under the same key or on the same object: nothing is decided, and the
    /// call can be made again under its key.
    #[must_use]
    pub fn in_progress(self) -> Error {
        self.of_kind(Kind::Unavailable).with_effect(Effect::Unknown)
    }

    /// The class.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Whether the provider may have acted.
    pub fn effect(&self) -> Effect {
        self.0.effect
    }

    /// What happened, for a person; never holds a secret.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The provider's own code, as it came.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The field at fault.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// How long the provider asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The object that the provider already created, when its id is known.
    pub fn handle(&self) -> Option<&Handle> {
        self.0.handle.as_ref()
    }

    /// The HTTP status that led here.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Whether the same call can be repeated at once, without looking first: nothing happened, and the cause may pass.
    pub fn retryable(&self) -> bool {
        self.effect() == Effect::None && self.transient()
    }

    /// Whether the cause may pass by itself. With [`Effect::Unknown`], repeat only under the same idempotency key.
    pub fn transient(&self) -> bool {
        matches!(self.kind(), Kind::RateLimited | Kind::Unavailable | Kind::Network)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(field) = self.field() {
            write!(f, " (field {field})")?;
        }
        if let Some(code) = self.code() {
            write!(f, " (code {code})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind).field("effect", &self.0.effect).field("message", &self.0.message);
        if let Some(code) = &self.0.code {
            out.field("code", code);
        }
        if let Some(field) = &self.0.field {
            out.field("field", field);
        }
        if let Some(wait) = &self.0.retry_after {
            out.field("retry_after", wait);
        }
        if let Some(handle) = &self.0.handle {
            out.field("handle", handle);
        }
        out.finish()
    }
}

impl std::error::Error for Error {}
