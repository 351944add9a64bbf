//! The values of one run: what stands in a hole, and where a minted value comes from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::enclosed;
use super::hole::{Encoding, Hole, Shape, TimeFormat};
use super::json;
use super::signature::{Proven, Recipe};
use super::xml;

/// The values that the runner gives to one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepValues {
    /// The idempotency key of the step's call.
    pub key: Option<String>,
    /// The merchant reference of the step's call.
    pub reference: Option<String>,
    /// Values of the step's card or method sample by name: `card.number`, `card.expiry_month`, `card.iban` …
    /// `expiry_month2`, `expiry_year2`, `last4` and `bin` are derived when they are not given.
    pub samples: Arc<BTreeMap<String, String>>,
}

/// A hole that has no value in this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unresolved {
    pub(crate) hole: String,
    pub(crate) why: String,
}

/// What is signed: a request that was sent, or a delivery that is being made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: Headers<'a>,
    pub(crate) body: &'a str,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Headers<'a> {
    Sent(&'a http::HeaderMap),
    Made(&'a [(String, String)]),
}

impl<'a> Headers<'a> {
    fn get(self, name: &str) -> Option<&'a str> {
        match self {
            Self::Sent(map) => map.get(name).and_then(|value| value.to_str().ok()),
            Self::Made(list) => list.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()),
        }
    }
}

/// Texts by name.
pub(crate) trait Named {
    /// The text of that name.
    fn named(&self, name: &str) -> Option<&str>;
}

impl Named for BTreeMap<String, String> {
    fn named(&self, name: &str) -> Option<&str> {
        self.get(name).map(String::as_str)
    }
}

/// What fills the slots of a template, by number.
pub(crate) trait Fills {
    /// Writes the text of a slot as it stands there. False where it is without one: then the member of the JSON object whose value it is
    /// is left out.
    fn fill(&self, number: usize, out: &mut String) -> bool;
}

/// Where nothing has slots.
pub(crate) struct NoSlots;

impl Fills for NoSlots {
    fn fill(&self, _: usize, _: &mut String) -> bool {
        false
    }
}

/// Everything that can stand in a hole at one moment of a run.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) credentials: &'a BTreeMap<String, String>,
    /// Values by step; the first stands for step 1.
    pub(crate) steps: &'a [StepValues],
    pub(crate) step: u32,
    pub(crate) minted: &'a dyn Named,
    pub(crate) captured: &'a dyn Named,
    /// What fills slots.
    pub(crate) slots: &'a dyn Fills,
    /// What `any` holes of the request at hand caught.
    pub(crate) caught: &'a [(String, String)],
    pub(crate) now_unix: i64,
    pub(crate) recipes: &'a BTreeMap<String, Arc<Recipe>>,
    pub(crate) message: Option<Message<'a>>,
    /// The body of the request that is answered, while its answer is made.
    pub(crate) asked: Option<&'a [u8]>,
    pub(crate) spoil: Spoil,
    /// What the connector has signed rightly before; none where every signature is to be verified.
    pub(crate) proven: Option<&'a Proven>,
}

/// How a valid delivery is spoilt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Spoil {
    /// Not at all.
    #[default]
    Not,
    /// What is signed is altered after signing.
    Body,
    /// The signature is taken away.
    Unsigned,
    /// It is signed with another key, or, by a key pair, for other content.
    WrongKey,
    /// Of the signature or shared secret only this many bytes are given, and never all of them.
    Prefix(usize),
    /// The signature or shared secret is right, and a byte more is given.
    Extended,
    /// What is signed is signed by another algorithm.
    OtherAlgorithm,
    /// In place of the signature stands what is signed: tells cheaply whether a change is covered.
    Fingerprint,
}

impl Spoil {
    /// A secret that stands in a header as proof, spoilt.
    fn secret(self, secret: &str) -> String {
        match self {
            Spoil::WrongKey => format!("{secret}-other"),
            Spoil::Extended => format!("{secret}0"),
            Spoil::Prefix(length) => secret.chars().take(length.min(secret.len().saturating_sub(1))).collect(),
            Spoil::Not | Spoil::Body | Spoil::Unsigned | Spoil::OtherAlgorithm | Spoil::Fingerprint => {
                secret.to_owned()
            }
        }
    }
}

impl<'a> Scope<'a> {
    /// Appends the value of a hole.
    pub(crate) fn resolve(&self, hole: &Hole, out: &mut String) -> Result<(), Unresolved> {
        let missing = |why: &str| Unresolved { hole: hole.to_string(), why: why.to_owned() };
        match hole {
            Hole::Secret(name) => {
                let secret = self.credential(name).ok_or_else(|| missing("the profile has no such credential"))?;
                out.push_str(&self.spoil.secret(secret));
            }
            Hole::Basic { user, password } => {
                let pair = format!("{}:{}", self.half(user, hole)?, self.spoil.secret(self.half(password, hole)?));
                out.push_str(&Encoding::Base64.encode(pair.as_bytes()));
            }
            Hole::Key(step) => {
                let values = self.values_of(*step).and_then(|values| values.key.as_deref());
                out.push_str(values.ok_or_else(|| missing("that step has no idempotency key"))?);
            }
            Hole::Reference(step) => {
                let values = self.values_of(*step).and_then(|values| values.reference.as_deref());
                out.push_str(values.ok_or_else(|| missing("that step has no merchant reference"))?);
            }
            Hole::Card(name) => self
                .sample(name, out)
                .ok_or_else(|| missing("neither this step nor an earlier one has that sample value"))?,
            Hole::Digest { step, shape } => {
                let values = self.values_of(*step).and_then(|values| values.reference.as_deref());
                let reference = values.ok_or_else(|| missing("that step has no merchant reference"))?;
                out.push_str(&digest(reference, *shape).ok_or_else(|| missing("a digest has no such shape"))?);
            }
            Hole::Gen { name, .. } => {
                out.push_str(self.minted.named(name).ok_or_else(|| missing("no answer has minted it yet"))?)
            }
            Hole::Slot(number) => {
                self.slots.fill(*number, out).then_some(()).ok_or_else(|| missing("nothing fills it"))?
            }
            Hole::Capture(name) => {
                out.push_str(self.capture(name).ok_or_else(|| missing("no request has carried it yet"))?)
            }
            Hole::Now { offset_seconds, format } => {
                let instant =
                    self.now_unix.checked_add(*offset_seconds).ok_or_else(|| missing("the instant is out of range"))?;
                write_instant(instant, format, out).ok_or_else(|| missing("the instant is out of range"))?;
            }
            Hole::Signature(name) => {
                let recipe =
                    self.recipes.get(name).ok_or_else(|| missing("the profile has no such signature recipe"))?;
                out.push_str(&recipe.sign(self)?);
            }
            Hole::Crc16 => {
                let sum = super::qr::checksum(out)
                    .ok_or_else(|| missing("no text of a QR code (`000201`) stands before it"))?;
                out.push_str(&sum);
            }
            Hole::Any { .. } => return Err(missing("it has no value of its own")),
            _ => self.message_part(hole, out)?,
        }
        Ok(())
    }

    fn message_part(&self, hole: &Hole, out: &mut String) -> Result<(), Unresolved> {
        let missing = |why: &str| Unresolved { hole: hole.to_string(), why: why.to_owned() };
        let message = self.message.ok_or_else(|| missing("nothing is being signed here"))?;
        let needed = |text: &'a str| if text.is_empty() { Err(missing("a webhook has none")) } else { Ok(text) };
        match hole {
            Hole::Method => out.push_str(needed(message.method)?),
            Hole::Host => out.push_str(needed(message.host)?),
            Hole::Path => out.push_str(needed(message.path)?),
            Hole::Body => out.push_str(message.body),
            Hole::Header(name) => {
                out.push_str(message.headers.get(name).ok_or_else(|| missing("there is no such header"))?)
            }
            Hole::BodyPointer(pointer) => {
                let body = enclosed::open(message.body);
                let inside = pointer.contains(enclosed::WORD);
                let root = json::read(if inside { &body } else { message.body })
                    .map_err(|error| missing(&format!("the body is no JSON: {}", error.message)))?;
                let value = root.pointer(pointer).ok_or_else(|| missing("the body has no value there"))?;
                match value.scalar() {
                    Some(text) => out.push_str(&text),
                    None => value.write(out),
                }
            }
            Hole::Element(name) => {
                out.push_str(&xml::written(message.body, name).ok_or_else(|| missing("there is no such element"))?)
            }
            Hole::Content(name) => {
                out.push_str(&xml::content(message.body, name).ok_or_else(|| missing("there is no such element"))?)
            }
            Hole::Asked(name) => {
                let asked = self.asked.and_then(|asked| std::str::from_utf8(asked).ok());
                let asked = asked.ok_or_else(|| missing("no request is answered here"))?;
                out.push_str(&xml::content(asked, name).ok_or_else(|| missing("it asks for no such element"))?);
            }
            Hole::Form(name) => {
                let (name, inside) =
                    name.split_once(enclosed::STEP).map_or((name.as_str(), None), |(n, at)| (n, Some(at)));
                let value = form_urlencoded::parse(message.body.as_bytes()).find(|(key, _)| key == name);
                let value = value.ok_or_else(|| missing("the body has no such field"))?.1;
                let Some(pointer) = inside else {
                    out.push_str(&value);
                    return Ok(());
                };
                let open = enclosed::inside(&value).ok_or_else(|| missing("the field is no base64 of text"))?;
                let root = json::read(&open).map_err(|error| missing(&format!("the field: {}", error.message)))?;
                let found = root.pointer(pointer).and_then(json::Json::scalar);
                out.push_str(&found.ok_or_else(|| missing("the field has no value there"))?);
            }
            Hole::Crc32Body => {
                let _ = write!(out, "{}", crc32fast::hash(message.body.as_bytes()));
            }
            Hole::LengthBody => {
                let _ = write!(out, "{}", message.body.len());
            }
            Hole::Sha256Body(encoding) => out.push_str(&encoding.encode(&Sha256::digest(message.body.as_bytes()))),
            _ => return Err(missing("it has no value here")),
        }
        Ok(())
    }

    /// The value of a hole, where it stands as it is among the values of the run. What has none here is left to [`Scope::resolve`].
    pub(crate) fn ready(&self, hole: &Hole) -> Option<&'a str> {
        match hole {
            Hole::Secret(name) if self.spoil == Spoil::Not => self.credential(name),
            Hole::Key(step) => self.values_of(*step)?.key.as_deref(),
            Hole::Reference(step) => self.values_of(*step)?.reference.as_deref(),
            // Of an earlier step's card the nearest counts, also for what is derived from it.
            Hole::Card(name) => self.values_of(None)?.samples.get(name).map(String::as_str),
            Hole::Gen { name, .. } => self.minted.named(name),
            Hole::Capture(name) => self.capture(name),
            _ => None,
        }
    }

    /// The recipe of a signature that can only be verified where it was sent.
    pub(crate) fn verifier(&self, hole: &Hole) -> Option<&'a Recipe> {
        match hole {
            Hole::Signature(name) => self.recipes.get(name).map(|recipe| &**recipe).filter(|recipe| recipe.verifies()),
            _ => None,
        }
    }

    fn credential(&self, name: &str) -> Option<&'a str> {
        self.credentials.get(name).map(String::as_str)
    }

    fn half(&self, name: &str, hole: &Hole) -> Result<&'a str, Unresolved> {
        if name.is_empty() {
            return Ok("");
        }
        self.credential(name).ok_or_else(|| Unresolved {
            hole: hole.to_string(),
            why: format!("the profile has no credential `{name}`"),
        })
    }

    fn values_of(&self, step: Option<u32>) -> Option<&'a StepValues> {
        let index = step.unwrap_or(self.step).checked_sub(1)?;
        self.steps.get(usize::try_from(index).ok()?)
    }

    fn capture(&self, name: &str) -> Option<&'a str> {
        let caught = self.caught.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        caught.or_else(|| self.captured.named(name))
    }

    /// A capture or refund knows no card of its own: the newest earlier step that has one speaks for it.
    fn sample(&self, name: &str, out: &mut String) -> Option<()> {
        let last = usize::try_from(self.step).ok()?.min(self.steps.len());
        let earlier = self.steps.get(..last)?.iter().rev();
        for values in earlier {
            if let Some(value) = values.samples.get(name) {
                out.push_str(value);
                return Some(());
            }
            if derive_sample(&values.samples, name, out).is_some() {
                return Some(());
            }
        }
        None
    }
}

/// The forms of a card value that follow from another.
fn derive_sample(samples: &BTreeMap<String, String>, name: &str, out: &mut String) -> Option<()> {
    match name {
        "card.expiry_month2" => {
            let month = samples.get("card.expiry_month")?;
            if month.len() == 1 {
                out.push('0');
            }
            out.push_str(month);
        }
        "card.expiry_year2" => {
            let year = samples.get("card.expiry_year")?;
            out.push_str(year.get(year.len().checked_sub(2)?..)?);
        }
        "card.last4" => {
            let number = samples.get("card.number")?;
            out.push_str(number.get(number.len().checked_sub(4)?..)?);
        }
        "card.bin" => out.push_str(samples.get("card.number")?.get(..6)?),
        _ => match name.strip_suffix("_base64") {
            Some(base) => STANDARD.encode_string(samples.get(base)?, out),
            // A member of a sample that is JSON text: `card.token.id`, `card.token.header.id`.
            None => {
                let parted = |(at, _): (usize, &str)| Some((samples.get(name.get(..at)?)?, name.get(at + 1..)?));
                let (sample, members) = name.match_indices('.').find_map(parted)?;
                let value: serde_json::Value = serde_json::from_str(sample).ok()?;
                let member = members.split('.').try_fold(&value, |value, member| value.get(member))?;
                out.push_str(member.as_str()?);
            }
        },
    }
    Some(())
}

/// Appends an instant; `None` when it lies outside the years that the formats can write.
pub(crate) fn write_instant(unix_seconds: i64, format: &TimeFormat, out: &mut String) -> Option<()> {
    let number = match format {
        TimeFormat::Unix => Some(unix_seconds),
        TimeFormat::Millis => Some(unix_seconds.checked_mul(1000)?),
        _ => None,
    };
    if let Some(number) = number {
        out.push_str(itoa::Buffer::new().format(number));
        return Some(());
    }
    let stamp = jiff::Timestamp::from_second(unix_seconds).ok()?;
    let time = jiff::tz::TimeZone::UTC.to_datetime(stamp);
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    match format {
        TimeFormat::Unix | TimeFormat::Millis => Ok(()),
        TimeFormat::Rfc3339 => write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"),
        TimeFormat::Rfc3339Millis => {
            write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z")
        }
        TimeFormat::Date => write!(out, "{year:04}-{month:02}-{day:02}"),
        TimeFormat::Http => write!(out, "{}", stamp.strftime("%a, %d %b %Y %H:%M:%S GMT")),
        TimeFormat::Basic => write!(out, "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z"),
        TimeFormat::Pattern(pattern) => write!(out, "{}", time.strftime(&**pattern)),
    }
    .ok()
}

/// SHA-256 of a text in letters: each byte of the hash gives the letter at its remainder by the size of the alphabet.
fn digest(text: &str, shape: Shape) -> Option<String> {
    let (letters, length): (&[u8], usize) = match shape {
        Shape::Uuid => return None,
        Shape::Hex(length) => (b"0123456789abcdef", length),
        Shape::Digits(length) => (b"0123456789", length),
        Shape::Alnum(length) => (b"0123456789abcdefghijklmnopqrstuvwxyz", length),
        Shape::Upper(length) => (b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", length),
    };
    let hash = Sha256::digest(text.as_bytes());
    let letter = |byte: &u8| letters.get(usize::from(*byte) % letters.len()).map(|letter| char::from(*letter));
    hash.get(..length)?.iter().map(letter).collect()
}

/// Mints a value: a row of numbers that follows from seed and name gives the letters, so the same seed gives the same value on every machine.
pub(crate) fn mint(seed: u64, name: &str, shape: Shape) -> String {
    static DIGITS: [u8; 256] = letters(b"0123456789");
    static HEX: [u8; 256] = letters(b"0123456789abcdef");
    static ALNUM: [u8; 256] = letters(b"0123456789abcdefghijklmnopqrstuvwxyz");
    static UPPER: [u8; 256] = letters(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    let (letters, length) = match shape {
        Shape::Uuid => (&HEX, 32),
        Shape::Hex(length) => (&HEX, length),
        Shape::Digits(length) => (&DIGITS, length),
        Shape::Alnum(length) => (&ALNUM, length),
        Shape::Upper(length) => (&UPPER, length),
    };
    let mut bytes = vec![0; length.next_multiple_of(8)];
    let mut state = name.bytes().fold(mixed(seed), |state, byte| mixed(state ^ u64::from(byte)));
    for eight in bytes.chunks_exact_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        eight.copy_from_slice(&mixed(state).to_le_bytes().map(|byte| letters[usize::from(byte)]));
    }
    bytes.truncate(length);
    let text = String::from_utf8(bytes).unwrap_or_default();
    match shape {
        // A number must not begin with zero, or it would not keep its length as a JSON number.
        Shape::Digits(_) if text.starts_with('0') => format!("7{}", &text[1..]),
        Shape::Uuid => format!("{}-{}-4{}-8{}-{}", &text[..8], &text[8..12], &text[13..16], &text[17..20], &text[20..]),
        _ => text,
    }
}

/// The last step of SplitMix64: every bit of the number decides about every bit of what it gives.
fn mixed(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

/// The letter that stands for each byte.
const fn letters(alphabet: &[u8]) -> [u8; 256] {
    let mut letters = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        letters[byte] = alphabet[byte % alphabet.len()];
        byte += 1;
    }
    letters
}
