//! The typed holes of templates: what each stands for and how it is written.

use std::fmt;
use std::sync::Arc;

/// What a hole stands for. The notation of each is in `specs/formats.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hole {
    /// `${secret:NAME}`: the credential of that (dotted) name.
    Secret(String),
    /// `${basic:USER:PASSWORD}`: base64 of two credentials joined by a colon; either may be empty.
    Basic {
        /// Credential name of the user part, or empty.
        user: String,
        /// Credential name of the password part, or empty.
        password: String,
    },
    /// `${key}`, `${key:N}`: the idempotency key of this step, or of step N.
    Key(Option<u32>),
    /// `${reference}`, `${reference:N}`: the merchant reference of this step, or of step N.
    Reference(Option<u32>),
    /// `${digest:reference:SHAPE}`, `${digest:reference:N:SHAPE}`: letters made of the SHA-256 of the merchant reference.
    Digest {
        /// The step whose reference is meant, when not this one.
        step: Option<u32>,
        /// Alphabet and length.
        shape: Shape,
    },
    /// `${card:NAME}`: a value of the step's card or method sample; holds the full name `card.NAME`.
    Card(String),
    /// `${gen:NAME}`, `${gen:NAME:SHAPE}`: a value that the provider mints.
    Gen {
        /// Name within the tape.
        name: String,
        /// Shape, when this place states one.
        shape: Option<Shape>,
    },
    /// `${capture:NAME}`: a value that an `any` hole caught in a request.
    Capture(String),
    /// `${any:SHAPE}`, `${any:SHAPE:NAME}`: any text of that shape.
    Any {
        /// The characters that are allowed.
        class: Class,
        /// The name under which the text is kept.
        name: Option<String>,
    },
    /// `${now:FORMAT}`, `${now+SECONDS:FORMAT}`: the virtual clock.
    Now {
        /// Seconds added to the clock; may be negative.
        offset_seconds: i64,
        /// How the instant is written.
        format: TimeFormat,
    },
    /// `${sig:NAME}`: the signature by the recipe of that name.
    Signature(String),
    /// A text that is made when an answer is given and stands as it is; in no file, a sandbox puts it in place of a value.
    Slot(usize),
    /// `${crc16}`: the checksum at the end of a QR code's text (see [`super::qr`]).
    Crc16,
    /// `${method}`, in a recipe: the request's method.
    Method,
    /// `${host}`, in a recipe: the request's host, with a port if it has one.
    Host,
    /// `${path}`, in a recipe: the request's path with its query.
    Path,
    /// `${body}`, in a recipe: the exact bytes of the body.
    Body,
    /// `${body:/json/pointer}`, in a recipe: a scalar inside a JSON body, or an object or array as compact JSON.
    BodyPointer(String),
    /// `${element:NAME}`, in a recipe: the first XML element of that name as it is written, of a message that stands as text before one of
    /// the body itself.
    Element(String),
    /// `${content:NAME}`, in a recipe: the text in that element.
    Content(String),
    /// `${asked:NAME}`, in a recipe of an answer: the text in that element of the request.
    Asked(String),
    /// `${header:NAME}`, in a recipe: the value of a header.
    Header(String),
    /// `${form:NAME}`, in a recipe: a field of a form body.
    Form(String),
    /// `${crc32:body}`, in a recipe: CRC-32 of the body, decimal.
    Crc32Body,
    /// `${length:body}`, in a recipe: the length of the body in bytes, decimal.
    LengthBody,
    /// `${sha256:body:ENCODING}`, in a recipe: SHA-256 of the body.
    Sha256Body(Encoding),
}

/// The shape of a minted value: an alphabet and a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A version-4 UUID, lower case.
    Uuid,
    /// So many characters of `0-9a-z`.
    Alnum(usize),
    /// So many characters of `0-9a-f`.
    Hex(usize),
    /// So many digits, the first not zero.
    Digits(usize),
    /// So many characters of `0-9A-Z`.
    Upper(usize),
}

/// The longest value that `gen` mints, in characters.
const MAX_SHAPE_LENGTH: usize = 256;

impl Shape {
    /// The shape of a `gen` hole that names none: `alnum24`.
    pub const DEFAULT: Self = Self::Alnum(24);

    fn parse(text: &str) -> Result<Self, String> {
        if text == "uuid" {
            return Ok(Self::Uuid);
        }
        let expected = || {
            format!(
                "expected a shape (`uuid`, or `alnum`, `hex`, `digits`, `upper` and a length up to {MAX_SHAPE_LENGTH}), found `{text}`"
            )
        };
        let split = text.find(|letter: char| letter.is_ascii_digit()).ok_or_else(expected)?;
        let (word, digits) = text.split_at(split);
        let length = digits.parse::<usize>().map_err(|_| expected())?;
        if length == 0 || length > MAX_SHAPE_LENGTH {
            return Err(expected());
        }
        match word {
            "alnum" => Ok(Self::Alnum(length)),
            "hex" => Ok(Self::Hex(length)),
            "digits" => Ok(Self::Digits(length)),
            "upper" => Ok(Self::Upper(length)),
            _ => Err(expected()),
        }
    }
}

/// The characters that an `any` hole takes; one at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Hyphenated hexadecimal groups, 8-4-4-4-12.
    Uuid,
    /// ASCII digits.
    Digits,
    /// Hexadecimal digits of either case.
    Hex,
    /// Base64 of either alphabet, with padding.
    Base64,
    /// ASCII letters and digits.
    Alnum,
    /// Anything.
    Text,
}

impl Class {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "uuid" => Self::Uuid,
            "digits" => Self::Digits,
            "hex" => Self::Hex,
            "base64" => Self::Base64,
            "alnum" => Self::Alnum,
            "text" => Self::Text,
            _ => return Err(format!("expected a shape (uuid, digits, hex, base64, alnum, text), found `{text}`")),
        })
    }

    /// Length in bytes of the longest start of `text` that fits.
    pub(super) fn longest(self, text: &str) -> usize {
        let fits = |byte: u8| match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'='),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Uuid | Self::Text => true,
        };
        if self == Self::Uuid {
            return if starts_with_uuid(text.as_bytes()) { 36 } else { 0 };
        }
        text.bytes().position(|byte| !fits(byte)).unwrap_or(text.len())
    }

    /// Whether a whole text fits.
    pub(crate) fn fits(self, text: &str) -> bool {
        text.len() >= self.shortest() && self.longest(text) == text.len()
    }

    /// The shortest text that can fit, in bytes.
    pub(super) fn shortest(self) -> usize {
        if self == Self::Uuid { 36 } else { 1 }
    }
}

fn starts_with_uuid(bytes: &[u8]) -> bool {
    let shaped = |(position, byte): (usize, &u8)| {
        if matches!(position, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() }
    };
    bytes.len() >= 36 && bytes.iter().take(36).enumerate().all(shaped)
}

/// How an instant is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TimeFormat {
    /// Seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    Millis,
    /// `2026-11-22T10:15:00Z` (RFC 3339).
    Rfc3339,
    /// `2026-11-22T10:15:00.000Z`.
    Rfc3339Millis,
    /// `2026-11-22`.
    Date,
    /// `Sun, 22 Nov 2026 10:15:00 GMT` (RFC 9110 §5.6.7).
    Http,
    /// `20261122T101500Z` (ISO 8601, basic).
    Basic,
    /// A pattern of `strftime` in UTC, as `%Y%m%d%H%M%S`; for a provider's own time of day, seconds are added to `now`.
    Pattern(Arc<str>),
}

impl TimeFormat {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "unix" => Self::Unix,
            "millis" => Self::Millis,
            "rfc3339" => Self::Rfc3339,
            "rfc3339ms" => Self::Rfc3339Millis,
            "date" => Self::Date,
            "http" => Self::Http,
            "basic" => Self::Basic,
            pattern if is_pattern(pattern) => Self::Pattern(pattern.into()),
            _ => {
                return Err(format!(
                    "expected a time format (unix, millis, rfc3339, rfc3339ms, date, http, basic, or a pattern as %Y%m%d%H%M%S), found `{text}`"
                ));
            }
        })
    }
}

/// Whether a text is a pattern of times without zone.
fn is_pattern(text: &str) -> bool {
    text.contains('%') && jiff::fmt::strtime::format(text, jiff::civil::DateTime::default()).is_ok()
}

/// How bytes become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Upper-case hexadecimal.
    HexUpper,
    /// Base64 with padding (RFC 4648 §4).
    Base64,
    /// URL-safe base64 without padding (RFC 4648 §5).
    Base64url,
    /// URL-safe base64 with padding.
    Base64urlPadded,
}

impl Encoding {
    pub(crate) fn encode(self, bytes: &[u8]) -> String {
        use base64::Engine as _;
        match self {
            Self::Hex => hex::encode(bytes),
            Self::HexUpper => hex::encode_upper(bytes),
            Self::Base64 => base64::engine::general_purpose::STANDARD.encode(bytes),
            Self::Base64url => base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes),
            Self::Base64urlPadded => base64::engine::general_purpose::URL_SAFE.encode(bytes),
        }
    }

    /// The bytes of a text, where it is one of this encoding.
    pub(crate) fn decode(self, text: &str) -> Option<Vec<u8>> {
        use base64::Engine as _;
        match self {
            Self::Hex | Self::HexUpper => hex::decode(text).ok(),
            Self::Base64 => base64::engine::general_purpose::STANDARD.decode(text).ok(),
            Self::Base64url => base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok(),
            Self::Base64urlPadded => base64::engine::general_purpose::URL_SAFE.decode(text).ok(),
        }
    }
}

/// Where a template stands; it decides which holes are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a request that must be sent.
    Request,
    /// In an answer or a delivery by the provider.
    Answer,
    /// In a signature recipe.
    Recipe,
}

impl Hole {
    /// Whether the value must never stand in a report.
    pub(crate) fn is_secret(&self) -> bool {
        match self {
            Self::Secret(_) | Self::Basic { .. } => true,
            Self::Card(name) => super::redact::is_secret_value(name),
            _ => false,
        }
    }

    /// Whether any text of a shape may stand here.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Any { .. })
    }
}

pub(super) fn parse_hole(text: &str, place: Place) -> Result<Hole, String> {
    let (word, argument) = match text.split_once(':') {
        Some((word, argument)) => (word, Some(argument)),
        None => (text, None),
    };
    let hole = match (word, argument) {
        ("secret", Some(name)) => Hole::Secret(name_of(name, text)?),
        ("basic", Some(names)) => {
            let (user, password) =
                names.split_once(':').ok_or_else(|| format!("expected `basic:USER:PASSWORD`, found `{text}`"))?;
            if user.is_empty() && password.is_empty() {
                return Err("expected a credential name in a `basic` hole".to_owned());
            }
            Hole::Basic { user: user.to_owned(), password: password.to_owned() }
        }
        ("key", step) => Hole::Key(step_of(step, text)?),
        ("reference", step) => Hole::Reference(step_of(step, text)?),
        ("digest", Some(rest)) => {
            let rest = rest
                .strip_prefix("reference:")
                .ok_or_else(|| format!("expected `digest:reference:SHAPE`, found `{text}`"))?;
            let (step, shape) = rest.split_once(':').map_or((None, rest), |(step, shape)| (Some(step), shape));
            Hole::Digest { step: step_of(step, text)?, shape: Shape::parse(shape)? }
        }
        ("card", Some(name)) => Hole::Card(format!("card.{}", name_of(name, text)?)),
        ("gen", Some(rest)) => match rest.split_once(':') {
            Some((name, shape)) => Hole::Gen { name: name_of(name, text)?, shape: Some(Shape::parse(shape)?) },
            None => Hole::Gen { name: name_of(rest, text)?, shape: None },
        },
        ("capture", Some(name)) => Hole::Capture(name_of(name, text)?),
        ("any", Some(rest)) => match rest.split_once(':') {
            Some((class, name)) => Hole::Any { class: Class::parse(class)?, name: Some(name_of(name, text)?) },
            None => Hole::Any { class: Class::parse(rest)?, name: None },
        },
        ("crc16", None) => Hole::Crc16,
        ("sig", Some(name)) => Hole::Signature(name_of(name, text)?),
        (now, Some(format)) if now.starts_with("now") => {
            Hole::Now { offset_seconds: offset_of(now, text)?, format: TimeFormat::parse(format)? }
        }
        _ => parse_recipe_hole(word, argument, text)?,
    };
    allowed(&hole, place)?;
    Ok(hole)
}

fn parse_recipe_hole(word: &str, argument: Option<&str>, text: &str) -> Result<Hole, String> {
    Ok(match (word, argument) {
        ("method", None) => Hole::Method,
        ("host", None) => Hole::Host,
        ("path", None) => Hole::Path,
        ("body", None) => Hole::Body,
        ("body", Some(pointer)) if pointer.starts_with('/') => Hole::BodyPointer(pointer.to_owned()),
        ("element", Some(name)) => Hole::Element(name_of(name, text)?),
        ("content", Some(name)) => Hole::Content(name_of(name, text)?),
        ("asked", Some(name)) => Hole::Asked(name_of(name, text)?),
        ("header", Some(name)) => Hole::Header(name.to_ascii_lowercase()),
        ("form", Some(name)) if !name.is_empty() => Hole::Form(name.to_owned()),
        ("crc32", Some("body")) => Hole::Crc32Body,
        ("length", Some("body")) => Hole::LengthBody,
        ("sha256", Some("body:hex")) => Hole::Sha256Body(Encoding::Hex),
        ("sha256", Some("body:base64")) => Hole::Sha256Body(Encoding::Base64),
        _ => return Err(format!("unknown hole `${{{text}}}`; write `$${{` for a literal `${{`")),
    })
}

fn allowed(hole: &Hole, place: Place) -> Result<(), String> {
    let fits = match hole {
        Hole::Any { .. } => place == Place::Request,
        Hole::Crc16 => place == Place::Answer,
        Hole::Method
        | Hole::Host
        | Hole::Path
        | Hole::Body
        | Hole::BodyPointer(_)
        | Hole::Element(_)
        | Hole::Content(_)
        | Hole::Asked(_)
        | Hole::Header(_)
        | Hole::Form(_)
        | Hole::Crc32Body
        | Hole::LengthBody
        | Hole::Sha256Body(_) => place == Place::Recipe,
        _ => true,
    };
    let named = match place {
        Place::Request => "a request",
        Place::Answer => "an answer or a webhook",
        Place::Recipe => "a signature recipe",
    };
    if fits { Ok(()) } else { Err(format!("the hole `{hole}` cannot stand in {named}")) }
}

fn name_of(name: &str, hole: &str) -> Result<String, String> {
    let fits =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if fits {
        Ok(name.to_owned())
    } else {
        Err(format!("expected a name of letters, digits, `_`, `-` and `.` in `${{{hole}}}`"))
    }
}

fn step_of(step: Option<&str>, hole: &str) -> Result<Option<u32>, String> {
    let parse = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
    match step {
        None => Ok(None),
        Some(text) => parse(text).map(Some).ok_or_else(|| format!("expected a step number in `${{{hole}}}`")),
    }
}

fn offset_of(word: &str, hole: &str) -> Result<i64, String> {
    let offset = word.strip_prefix("now").unwrap_or_default();
    if offset.is_empty() {
        return Ok(0);
    }
    let signed = offset.starts_with(['+', '-']);
    offset
        .parse::<i64>()
        .ok()
        .filter(|_| signed)
        .ok_or_else(|| format!("expected `now`, `now+SECONDS` or `now-SECONDS` in `${{{hole}}}`"))
}

impl fmt::Display for Hole {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = |step: &Option<u32>| step.map(|number| format!(":{number}")).unwrap_or_default();
        match self {
            Self::Secret(name) => write!(out, "${{secret:{name}}}"),
            Self::Basic { user, password } => write!(out, "${{basic:{user}:{password}}}"),
            Self::Key(number) => write!(out, "${{key{}}}", step(number)),
            Self::Reference(number) => write!(out, "${{reference{}}}", step(number)),
            Self::Digest { step: number, .. } => write!(out, "${{digest:reference{}}}", step(number)),
            Self::Card(name) => write!(out, "${{card:{}}}", name.strip_prefix("card.").unwrap_or(name)),
            Self::Gen { name, .. } => write!(out, "${{gen:{name}}}"),
            Self::Capture(name) => write!(out, "${{capture:{name}}}"),
            Self::Any { class, name: Some(name) } => write!(out, "${{any:{class}:{name}}}"),
            Self::Any { class, name: None } => write!(out, "${{any:{class}}}"),
            Self::Now { offset_seconds: 0, .. } => out.write_str("${now}"),
            Self::Now { offset_seconds, .. } => write!(out, "${{now{offset_seconds:+}}}"),
            Self::Signature(name) => write!(out, "${{sig:{name}}}"),
            Self::Slot(number) => write!(out, "${{slot:{number}}}"),
            Self::Crc16 => out.write_str("${crc16}"),
            Self::Method => out.write_str("${method}"),
            Self::Host => out.write_str("${host}"),
            Self::Path => out.write_str("${path}"),
            Self::Body => out.write_str("${body}"),
            Self::BodyPointer(pointer) => write!(out, "${{body:{pointer}}}"),
            Self::Element(name) => write!(out, "${{element:{name}}}"),
            Self::Content(name) => write!(out, "${{content:{name}}}"),
            Self::Asked(name) => write!(out, "${{asked:{name}}}"),
            Self::Header(name) => write!(out, "${{header:{name}}}"),
            Self::Form(name) => write!(out, "${{form:{name}}}"),
            Self::Crc32Body => out.write_str("${crc32:body}"),
            Self::LengthBody => out.write_str("${length:body}"),
            Self::Sha256Body(_) => out.write_str("${sha256:body}"),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Uuid => "uuid",
            Self::Digits => "digits",
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::Alnum => "alnum",
            Self::Text => "text",
        })
    }
}
