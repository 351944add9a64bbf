//! Text with typed holes, `${…}`: read once into parts, then rendered or matched without being read again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::hole::parse_hole;
use super::hole::{Hole, Place};
use super::values::{Scope, Unresolved};

/// How a hole's value is written into the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// As it is.
    None,
    /// As the inside of a JSON string.
    Json,
    /// As a form value.
    Form,
    /// As XML text.
    Xml,
}

impl Escape {
    /// How values are written into a body: by its content type, or by its looks when there is none.
    pub(super) fn of(headers: &BTreeMap<String, String>, body: &str) -> Escape {
        let media = headers.get("content-type").map(|text| text.to_ascii_lowercase()).unwrap_or_default();
        let start = body.trim_start();
        if media.contains("json") || (media.is_empty() && start.starts_with(['{', '['])) {
            Self::Json
        } else if media.contains("x-www-form-urlencoded") {
            Self::Form
        } else if media.contains("xml") || (media.is_empty() && start.starts_with('<')) {
            Self::Xml
        } else {
            Self::None
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Hole(Hole),
}

/// Text with holes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
    number: bool,
}

impl Template {
    /// A template of these parts; `number` when a `#number` hole stands among them.
    pub(crate) fn of(parts: Vec<Part>, number: bool) -> Self {
        Self { parts, number }
    }

    /// Reads a text. `$${` stands for a literal `${`. The error says what is wrong with which hole.
    pub(crate) fn parse(text: &str, place: Place) -> Result<Self, String> {
        let mut template = Self::default();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, after) = (&rest[..start], &rest[start + 2..]);
            if let Some(before) = before.strip_suffix('$') {
                literal.push_str(before);
                literal.push_str("${");
                rest = after;
                continue;
            }
            literal.push_str(before);
            let end = after.find('}').ok_or("expected `}` after `${`; write `$${` for a literal `${`")?;
            let (name, number) = match after[..end].strip_suffix("#number") {
                Some(name) => (name, true),
                None => (&after[..end], false),
            };
            let hole = parse_hole(name, place)?;
            template.number |= number;
            if number && place != Place::Request {
                // In what the harness writes the quotes around the hole only keep the file readable as JSON.
                literal.pop().filter(|quote| *quote == '"').ok_or("expected quotes around a `#number` hole")?;
                rest = after[end + 1..].strip_prefix('"').ok_or("expected quotes around a `#number` hole")?;
            } else {
                rest = &after[end + 1..];
            }
            template.push_text(&mut literal);
            template.parts.push(Part::Hole(hole));
        }
        literal.push_str(rest);
        template.push_text(&mut literal);
        Ok(template)
    }

    fn push_text(&mut self, text: &mut String) {
        if !text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(text)));
        }
    }

    /// The text, when there is no hole in it.
    pub(crate) fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The hole, when the text is one `#number` hole and nothing else.
    pub(crate) fn number_hole(&self) -> Result<Option<&Hole>, String> {
        match (self.number, self.parts.as_slice()) {
            (false, _) => Ok(None),
            (true, [Part::Hole(hole)]) => Ok(Some(hole)),
            (true, _) => Err("expected a `#number` hole alone in its string".to_owned()),
        }
    }

    pub(crate) fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole(hole) => Some(hole),
            Part::Text(_) => None,
        })
    }

    pub(crate) fn has_signature(&self) -> bool {
        self.holes().any(|hole| matches!(hole, Hole::Signature(_)))
    }

    /// Whether a hole's value depends on what the rest of the request carries.
    pub(crate) fn depends_on_request(&self) -> bool {
        self.holes().any(|hole| matches!(hole, Hole::Signature(_) | Hole::Capture(_)))
    }

    /// Length of the literal text, in bytes.
    pub(crate) fn text_length(&self) -> usize {
        self.parts.iter().map(|part| if let Part::Text(text) = part { text.len() } else { 0 }).sum()
    }

    /// Whether a `#number` hole stands in it.
    pub(crate) fn has_number(&self) -> bool {
        self.number
    }

    /// The same template with its literal text turned into another form.
    pub(crate) fn try_map_text(mut self, turn: impl Fn(&str) -> Result<String, String>) -> Result<Self, String> {
        for part in &mut self.parts {
            if let Part::Text(text) = part {
                *text = turn(text)?;
            }
        }
        Ok(self)
    }

    /// The text before the first hole.
    pub(crate) fn literal_start(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// The text with its holes as they are written in the tape.
    pub(crate) fn written(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Hole(hole) => hole.to_string(),
        };
        self.parts.iter().map(part).collect()
    }

    /// The text with the values of `scope` in its holes, as they are.
    pub(crate) fn text(&self, scope: &Scope<'_>) -> Result<String, Unresolved> {
        let mut text = String::with_capacity(64);
        self.render(scope, Escape::None, &mut text)?;
        Ok(text)
    }

    /// Writes the text with the values of `scope` in its holes.
    pub(crate) fn render(&self, scope: &Scope<'_>, escape: Escape, out: &mut String) -> Result<(), Unresolved> {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Hole(hole) => render_hole(hole, scope, escape, out)?,
            }
        }
        Ok(())
    }

    /// Whether `actual` is this text with the values of `scope`; what `any` holes caught is appended to `caught`.
    pub(crate) fn matches(
        &self,
        actual: &str,
        scope: &Scope<'_>,
        caught: &mut Vec<(String, String)>,
    ) -> Result<bool, Unresolved> {
        let mark = caught.len();
        let matched = matches_parts(&self.parts, actual, scope, caught)?;
        if !matched {
            caught.truncate(mark);
        }
        Ok(matched)
    }

    /// The text for a report: holes filled where their value is no secret, else the hole as it was written.
    pub(crate) fn describe(&self, scope: &Scope<'_>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Hole(hole) if hole.is_open() || hole.is_secret() || scope.verifier(hole).is_some() => {
                    let _ = write!(out, "{hole}");
                }
                Part::Hole(hole) => {
                    let mark = out.len();
                    if render_hole(hole, scope, Escape::None, &mut out).is_err() {
                        out.truncate(mark);
                        let _ = write!(out, "{hole}");
                    }
                }
            }
        }
        out
    }
}

pub(crate) fn render_hole(hole: &Hole, scope: &Scope<'_>, escape: Escape, out: &mut String) -> Result<(), Unresolved> {
    // What fills a slot was written for the place where it stands; a checksum is of the text before it, and has no letter to escape.
    let escape = if matches!(hole, Hole::Slot(_) | Hole::Crc16) { Escape::None } else { escape };
    if let Some(value) = scope.ready(hole) {
        push_escaped(value, escape, out);
        return Ok(());
    }
    if escape == Escape::None {
        return scope.resolve(hole, out);
    }
    let mut value = String::new();
    scope.resolve(hole, &mut value)?;
    push_escaped(&value, escape, out);
    Ok(())
}

pub(crate) fn push_escaped(value: &str, escape: Escape, out: &mut String) {
    // Whether a byte stands for itself in JSON, and whether it does so everywhere.
    static PLAIN: [(bool, bool); 256] = {
        let mut plain = [(false, false); 256];
        let mut byte = 0;
        while byte < 256 {
            let letter = byte as u8;
            let everywhere = letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_' | b'.');
            plain[byte] = (letter >= 0x20 && !matches!(letter, b'"' | b'\\'), everywhere);
            byte += 1;
        }
        plain
    };
    let is_plain = |byte: u8| match (escape, PLAIN[usize::from(byte)]) {
        (Escape::Json, (in_json, _)) => in_json,
        (_, (_, everywhere)) => everywhere,
    };
    if escape == Escape::None || value.bytes().all(is_plain) {
        out.push_str(value);
        return;
    }
    match escape {
        Escape::None => out.push_str(value),
        Escape::Form => out.extend(form_urlencoded::byte_serialize(value.as_bytes())),
        Escape::Xml => out.push_str(&quick_xml::escape::escape(value)),
        Escape::Json => {
            for letter in value.chars() {
                match letter {
                    '"' => out.push_str("\\\""),
                    '\\' => out.push_str("\\\\"),
                    '\n' => out.push_str("\\n"),
                    '\r' => out.push_str("\\r"),
                    '\t' => out.push_str("\\t"),
                    control if u32::from(control) < 0x20 => {
                        let _ = write!(out, "\\u{:04x}", u32::from(control));
                    }
                    other => out.push(other),
                }
            }
        }
    }
}

/// Walks parts and text together; only `any` holes need a choice, from the longest fit down.
fn matches_parts(
    parts: &[Part],
    actual: &str,
    scope: &Scope<'_>,
    caught: &mut Vec<(String, String)>,
) -> Result<bool, Unresolved> {
    let Some((part, rest)) = parts.split_first() else { return Ok(actual.is_empty()) };
    match part {
        Part::Text(text) => match actual.strip_prefix(text.as_str()) {
            Some(after) => matches_parts(rest, after, scope, caught),
            None => Ok(false),
        },
        Part::Hole(Hole::Any { class, name }) => {
            let mut length = class.longest(actual);
            while length >= class.shortest() {
                if let (Some(head), Some(tail)) = (actual.get(..length), actual.get(length..)) {
                    let mark = caught.len();
                    if let Some(name) = name {
                        caught.push((name.clone(), head.to_owned()));
                    }
                    if matches_parts(rest, tail, scope, caught)? {
                        return Ok(true);
                    }
                    caught.truncate(mark);
                }
                if rest.is_empty() {
                    return Ok(false);
                }
                length -= 1;
            }
            Ok(false)
        }
        // What is signed may have been caught by a hole before it in the same text.
        Part::Hole(Hole::Signature(_)) if !scope.caught.ends_with(caught) => {
            let scope = &Scope { caught: &[scope.caught, caught].concat(), ..*scope };
            matches_parts(parts, actual, scope, caught)
        }
        Part::Hole(hole) if let Some(recipe) = scope.verifier(hole) => {
            let (given, after) = actual.split_at(recipe.extent(actual));
            Ok(matches_parts(rest, after, scope, caught)? && recipe.verify(given, scope)?)
        }
        Part::Hole(hole) => {
            let mut made = String::new();
            let value = match scope.ready(hole) {
                Some(value) => value,
                None => {
                    scope.resolve(hole, &mut made)?;
                    made.as_str()
                }
            };
            match actual.strip_prefix(value) {
                Some(after) => matches_parts(rest, after, scope, caught),
                None => Ok(false),
            }
        }
    }
}
