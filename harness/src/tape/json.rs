//! A strict JSON reader (RFC 8259) that keeps numbers as they were written and refuses duplicate names.
//!
//! `serde_json` turns `12.340` into a binary fraction; the exact form is what a request is judged by.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;

use super::template::{Escape, push_escaped};

/// Deepest nesting that is read.
const MAX_DEPTH: u32 = 128;

/// Objects up to this many members are searched for duplicates one by one.
const SMALL_OBJECT: usize = 24;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    /// The number as it was written.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonError {
    /// Where, as `$.amount.value`.
    pub(crate) path: String,
    /// Offset in bytes.
    pub(crate) offset: usize,
    pub(crate) message: String,
}

/// Reads one JSON text, with nothing but white space around it.
pub(crate) fn read(text: &str) -> Result<Json<'_>, JsonError> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let at_root = |mut error: JsonError| {
        error.path.insert(0, '$');
        error
    };
    let value = reader.value().map_err(at_root)?;
    reader.space();
    if reader.at < text.len() {
        return Err(at_root(reader.error("expected the end of the JSON text")));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    fn error(&self, message: &str) -> JsonError {
        JsonError { path: String::new(), offset: self.at, message: message.to_owned() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Result<Json<'a>, JsonError> {
        self.space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => Err(self.error("expected a JSON value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Json<'a>, JsonError>) -> Result<Json<'a>, JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, JsonError> {
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if !found {
            return Err(self.error("expected a JSON value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self) -> Result<Json<'a>, JsonError> {
        let mut members: Vec<(Cow<'a, str>, Json<'a>)> = Vec::new();
        let mut seen: HashSet<Cow<'a, str>> = HashSet::new();
        self.space();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.error("expected a member name"));
            }
            let name = self.string()?;
            let duplicate = if members.len() < SMALL_OBJECT {
                members.iter().any(|(other, _)| *other == name)
            } else {
                if seen.is_empty() {
                    seen.extend(members.iter().map(|(other, _)| other.clone()));
                }
                !seen.insert(name.clone())
            };
            let below = |mut error: JsonError| {
                error.path.insert_str(0, &member_path(&name));
                error
            };
            if duplicate {
                return Err(below(self.error("the same member name twice")));
            }
            self.space();
            if !self.take(b':') {
                return Err(below(self.error("expected `:`")));
            }
            let value = self.value().map_err(below)?;
            members.push((name, value));
            self.space();
            if self.take(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.take(b',') {
                return Err(self.error("expected `,` or `}`"));
            }
        }
    }

    fn array(&mut self) -> Result<Json<'a>, JsonError> {
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            let item = self.value().map_err(|mut error| {
                error.path.insert_str(0, &format!("[{}]", items.len()));
                error
            })?;
            items.push(item);
            self.space();
            if self.take(b']') {
                return Ok(Json::Array(items));
            }
            if !self.take(b',') {
                return Err(self.error("expected `,` or `]`"));
            }
        }
    }

    fn number(&mut self) -> Result<Json<'a>, JsonError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') && self.digits() == 0 {
            return Err(self.error("expected a digit"));
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err(self.error("expected a digit after the decimal point"));
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            if self.digits() == 0 {
                return Err(self.error("expected a digit in the exponent"));
            }
        }
        if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.error("expected no leading zero"));
        }
        Ok(Json::Number(self.text.get(start..self.at).unwrap_or_default()))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    /// Reads a string from its opening quote; only one with escapes is copied.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let mut copy: Option<String> = None;
        let mut start = self.at;
        loop {
            match self.peek() {
                None => return Err(self.error("expected the end of the string")),
                Some(b'"') => {
                    let tail = self.text.get(start..self.at).unwrap_or_default();
                    self.at += 1;
                    return Ok(match copy {
                        None => Cow::Borrowed(tail),
                        Some(mut text) => {
                            text.push_str(tail);
                            Cow::Owned(text)
                        }
                    });
                }
                Some(b'\\') => {
                    let text = copy.get_or_insert_with(String::new);
                    text.push_str(self.text.get(start..self.at).unwrap_or_default());
                    let letter = self.escape()?;
                    text.push(letter);
                    start = self.at;
                }
                Some(byte) if byte < 0x20 => return Err(self.error("expected no control character in a string")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.at += 1;
        let byte = self.peek().ok_or_else(|| self.error("expected an escape"))?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex4()?;
                let code = if (0xd800..0xdc00).contains(&first) && self.take(b'\\') && self.take(b'u') {
                    let second = self.hex4()?;
                    if !(0xdc00..0xe000).contains(&second) {
                        return Err(self.error("expected the second half of a surrogate pair"));
                    }
                    0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                } else {
                    first
                };
                char::from_u32(code).ok_or_else(|| self.error("expected a whole surrogate pair"))?
            }
            _ => return Err(self.error("unknown escape")),
        })
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.error("expected four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
    }
}

/// A member as a step of a path: `.amount`, or `["odd name"]`.
pub(crate) fn member_path(name: &str) -> String {
    let plain =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if plain { format!(".{name}") } else { format!("[{name:?}]") }
}

impl<'a> Json<'a> {
    /// As [`Json::scalar`], of a value that is not needed any more.
    pub(crate) fn into_scalar(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Number(text) => Some(Cow::Borrowed(text)),
            Self::String(text) => Some(text),
            other => other.scalar().map(|text| Cow::Owned(text.into_owned())),
        }
    }

    /// The value at a JSON pointer (RFC 6901).
    pub(crate) fn pointer(&self, pointer: &str) -> Option<&Self> {
        let mut value = self;
        for token in pointer.strip_prefix('/')?.split('/') {
            let token = token.replace("~1", "/").replace("~0", "~");
            value = match value {
                Self::Object(members) => members.iter().find(|(name, _)| *name == token).map(|(_, value)| value)?,
                Self::Array(items) => items.get(token.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(value)
    }

    /// As [`Json::pointer`], to change what stands there.
    pub(super) fn pointer_mut(&mut self, pointer: &str) -> Option<&mut Self> {
        let mut place = self;
        for token in pointer.strip_prefix('/')?.split('/') {
            let name = token.replace("~1", "/").replace("~0", "~");
            place = match place {
                Json::Object(members) => {
                    members.iter_mut().find(|(member, _)| *member == name).map(|(_, value)| value)?
                }
                Json::Array(items) => items.get_mut(name.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(place)
    }

    /// The text of a scalar: a string's content, a number as written.
    pub(crate) fn scalar(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null => Some(Cow::Borrowed("null")),
            Self::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
            Self::Number(text) => Some(Cow::Borrowed(text)),
            Self::String(text) => Some(Cow::Borrowed(text)),
            Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// The value as compact JSON, for reports.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::String(text) => {
                out.push('"');
                push_escaped(text, Escape::Json, out);
                out.push('"');
            }
            Self::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    out.push(if index == 0 { '[' } else { ',' });
                    item.write(out);
                }
                out.push_str(if items.is_empty() { "[]" } else { "]" });
            }
            Self::Object(members) => {
                for (index, (name, value)) in members.iter().enumerate() {
                    let _ = write!(out, "{}{name:?}:", if index == 0 { '{' } else { ',' });
                    value.write(out);
                }
                out.push_str(if members.is_empty() { "{}" } else { "}" });
            }
            Self::Null | Self::Bool(_) | Self::Number(_) => out.push_str(&self.scalar().unwrap_or_default()),
        }
    }
}

/// A name as a part of a JSON pointer (RFC 6901).
pub(crate) fn pointer_name(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_text_and_strings_their_meaning() {
        let value = read(" {\"a\": [1, 1.0, -0.50e+2], \"b\": \"\\u00e9\\ud83d\\ude00\\n\", \"c\": null} ").unwrap();
        assert_eq!(value.pointer("/a/1"), Some(&Json::Number("1.0")));
        assert_eq!(value.pointer("/b").unwrap().scalar().unwrap(), "é😀\n");
        let mut text = String::new();
        value.write(&mut text);
        assert_eq!(text, "{\"a\":[1,1.0,-0.50e+2],\"b\":\"é😀\\n\",\"c\":null}");
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_path() {
        let cases = [
            ("{\"a\":{\"b\":1,\"b\":2}}", "$.a.b", "twice"),
            ("[1,{\"a\":01}]", "$[1].a", "leading zero"),
            ("[1,]", "$[1]", "value"),
            ("{\"a\":1.}", "$.a", "decimal"),
            ("\"\\ud800\"", "$", "surrogate"),
            ("\"\u{1}\"", "$", "control"),
            ("1 2", "$", "end"),
            ("tru", "$", "value"),
            ("", "$", "value"),
            ("{\"a\" 1}", "$.a", "`:`"),
            ("{1:2}", "$", "name"),
            ("\"abc", "$", "end of the string"),
            ("1e", "$", "exponent"),
        ];
        for (text, path, message) in cases {
            let error = read(text).unwrap_err();
            assert_eq!(error.path, path, "{text}");
            assert!(error.message.contains(message), "{text}: {}", error.message);
        }
        assert!(read(&"[".repeat(200)).unwrap_err().message.contains("deep"));
        let many: String = (0..40).map(|index| format!("\"m{index}\":1,")).collect();
        assert!(read(&format!("{{{many}\"m3\":1}}")).unwrap_err().path.ends_with(".m3"));
    }
}
