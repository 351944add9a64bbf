//! Text inside base64: a tape states it open, as `{"$base64": …}`, and it is sent closed. What compares, changes or looks for values
//! works on the open form.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::compile::BodyText;
use super::hole::Hole;
use super::json::{self, Json};
use super::player::Player;
use super::values::{Headers, Message, Scope};

/// The name of the only member of an object that stands for base64.
pub(super) const WORD: &str = "$base64";

/// The step into it, in a pointer.
pub(super) const STEP: &str = "/$base64";

/// The word as it is written.
const QUOTED: &str = "\"$base64\"";

/// A body with its base64 made: each `{"$base64": …}` becomes a string in JSON, an escaped value in a form. Inside stands JSON, sent without
/// white space, or a JSON string that holds any other text.
pub(crate) fn close(text: &str) -> Cow<'_, str> {
    // A look for one byte is the quickest there is.
    if memchr::memchr(b'$', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut from = 0;
    while let Some((whole, inner)) = next_open(text, from) {
        let before = text.get(..whole.start).unwrap_or_default().trim_end();
        let inner = text.get(inner).unwrap_or_default();
        let encoded = match json::read(inner) {
            Ok(Json::String(plain)) => STANDARD.encode(plain.as_bytes()),
            Ok(value) => {
                let mut compact = String::with_capacity(inner.len());
                value.write(&mut compact);
                STANDARD.encode(compact)
            }
            Err(_) => STANDARD.encode(inner),
        };
        out.push_str(text.get(from..whole.start).unwrap_or_default());
        match before.ends_with('=') {
            true => out.extend(form_urlencoded::byte_serialize(encoded.as_bytes())),
            false => out.extend(["\"", &encoded, "\""]),
        }
        from = whole.end;
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

/// The next object that stands for base64 from `from`, and its content.
fn next_open(text: &str, from: usize) -> Option<(Range<usize>, Range<usize>)> {
    let at = from + text.get(from..)?.find(QUOTED)?;
    let brace = text.get(..at)?.trim_end().strip_suffix('{')?.len();
    let value = text.get(at + QUOTED.len()..)?.trim_start().strip_prefix(':')?.trim_start();
    let start = text.len() - value.len();
    let end = start + extent(value)?;
    let rest = text.get(end..)?.trim_start().strip_prefix('}')?;
    Some((brace..text.len() - rest.len(), start..end))
}

/// How long the JSON value is that begins the text.
fn extent(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 && !quoted && matches!(letter, '"' | '}' | ']') {
            return Some(at + 1);
        }
    }
    None
}

/// A JSON body with the JSON inside its base64 open. [`close`] makes of it what it was, in the standard alphabet and without white space.
pub(crate) fn open(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut from = 0;
    let mut look = 0;
    // Of every JSON object that begins with a member the base64 begins so.
    while let Some(at) = text.get(look..).and_then(|rest| rest.find("\"ey")).map(|found| look + found) {
        look = at + 1;
        let Some(content) = text.get(at + 1..).and_then(|rest| rest.split('"').next()) else { break };
        let Some(inner) = inside(content).filter(|inner| matches!(json::read(inner), Ok(Json::Object(_)))) else {
            continue;
        };
        out.push_str(text.get(from..at).unwrap_or_default());
        out.extend(["{\"$base64\":", &inner, "}"]);
        from = at + content.len() + 2;
        look = from;
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

/// Base64 with or without padding.
const LOOSE: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// The text inside base64 of either alphabet, with or without padding.
pub(crate) fn inside(encoded: &str) -> Option<String> {
    let standard = GeneralPurpose::new(&alphabet::STANDARD, LOOSE);
    let url_safe = GeneralPurpose::new(&alphabet::URL_SAFE, LOOSE);
    let bytes = standard.decode(encoded).or_else(|_| url_safe.decode(encoded)).ok()?;
    String::from_utf8(bytes).ok()
}

impl Player {
    /// A text signed by the recipe of that name, as the provider would sign a body; `None` when a part of the recipe is not there.
    pub fn signed(&self, recipe: &str, body: &str) -> Option<String> {
        let message = Message { method: "", host: "", path: "", headers: Headers::Made(&[]), body };
        let scope = Scope { message: Some(message), ..self.scope(1) };
        let mut value = String::new();
        scope.resolve(&Hole::Signature(recipe.to_owned()), &mut value).ok().map(|()| value)
    }

    /// The answer of an exchange with something else in it: `open` is its body, open, and `altered` what it shall be. Base64 is made, and
    /// signatures in the body are made anew where what they sign still stands there.
    pub fn resealed(&self, number: usize, open: &str, altered: &str) -> String {
        let closed = close(altered).into_owned();
        let asked = self.transcript().iter().rev().find(|record| record.exchange == Some(number));
        let signatures = |body: &str| -> Vec<String> {
            let Some(exchange) = self.tape().exchanges.get(number) else { return Vec::new() };
            let BodyText::Holes(template, _) = &exchange.response.body else { return Vec::new() };
            let message = Message { method: "", host: "", path: "", headers: Headers::Made(&[]), body };
            let scope = Scope {
                message: Some(message),
                asked: asked.map(|record| &**record.request.body()),
                ..self.scope(exchange.step)
            };
            let holes = template.holes().filter(|hole| matches!(hole, Hole::Signature(_)));
            let sign = |hole: &Hole| {
                let mut value = String::new();
                scope.resolve(hole, &mut value).ok().map(|()| value)
            };
            holes.filter_map(sign).collect()
        };
        let (before, after) = (signatures(&close(open)), signatures(&closed));
        match before.len() == after.len() {
            true => before.iter().zip(&after).fold(closed, |text, (before, after)| text.replacen(before, after, 1)),
            false => closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_closed_opens_again() {
        let closed = r#"{"a":"eyJiIjoiYyJ9","s":"x"}"#;
        assert_eq!(close(r#"{"a":{"$base64": {"b":"c"} },"s":"x"}"#), closed);
        assert_eq!(close(&open(closed)), closed);
        assert_eq!(open(closed), r#"{"a":{"$base64":{"b":"c"}},"s":"x"}"#);
        assert_eq!(close(r#"v=1&p={"$base64":{"b":"}"}}&s=x"#), "v=1&p=eyJiIjoifSJ9&s=x");
        assert_eq!(close(r#"{"a":{"$base64":"<x/>"}}"#), r#"{"a":"PHgvPg=="}"#);
        for plain in ["", "{}", r#"{"a":"ey"}"#, r#"{"a":"eyJhbGciOi.x.y"}"#, r#"{"$base64":"#, "p={\"$base64\":{"] {
            assert_eq!((close(plain).as_ref(), open(plain).as_ref()), (plain, plain));
        }
    }
}
