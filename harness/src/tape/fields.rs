//! Name-value pairs of a form body or a query, split strictly.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A field; `None` as value when there is no `=`.
pub(crate) type Field<'a> = (Cow<'a, str>, Option<Cow<'a, str>>);

/// Splits `a=1&b=2`. Unlike a browser it refuses what an encoder never writes: empty pairs, raw spaces, broken escapes.
pub(crate) fn split(text: &str) -> Result<Vec<Field<'_>>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split('&')
        .map(|pair| match pair.split_once('=') {
            _ if pair.is_empty() => Err("an empty pair".to_owned()),
            Some((name, value)) => Ok((decode(name)?, Some(decode(value)?))),
            None => Ok((decode(pair)?, None)),
        })
        .collect()
}

/// Decodes one name or value of a form or query.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, String> {
    let mut encoded = false;
    for byte in text.bytes() {
        match LETTERS.get(usize::from(byte)) {
            Some(Letter::Itself) => {}
            Some(Letter::Escape) => encoded = true,
            _ => return Err(format!("the byte {byte:#04x} is not percent-encoded")),
        }
    }
    if !encoded {
        return Ok(Cow::Borrowed(text));
    }
    let digit = |byte: Option<u8>| u8::try_from(char::from(byte?).to_digit(16)?).ok();
    let mut decoded: Vec<u8> = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => 16 * high + low,
                _ => return Err(BROKEN_ESCAPE.to_owned()),
            },
            other => other,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| "escapes that are no UTF-8".to_owned())
}

const BROKEN_ESCAPE: &str = "a percent sign without two hexadecimal digits";

/// What a byte is in an encoded name or value.
#[derive(Clone, Copy)]
enum Letter {
    Itself,
    Escape,
    Raw,
}

const LETTERS: [Letter; 256] = letters();

const fn letters() -> [Letter; 256] {
    let mut letters = [Letter::Raw; 256];
    let mut byte: u8 = 0x21;
    while byte < 0x7f {
        letters[byte as usize] = match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'#' => Letter::Raw,
            b'%' | b'+' => Letter::Escape,
            _ => Letter::Itself,
        };
        byte += 1;
    }
    letters
}

/// Decodes a segment of a path, where `+` is itself.
pub(crate) fn decode_segment(text: &str) -> Option<Cow<'_, str>> {
    check_escapes(text).ok()?;
    percent_decode_str(text).decode_utf8().ok()
}

fn check_escapes(text: &str) -> Result<(), String> {
    let broken = text
        .split('%')
        .skip(1)
        .any(|after| after.len() < 2 || !after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()));
    if broken { Err(BROKEN_ESCAPE.to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_strictly() {
        let fields = split("a%5Bb%5D=x+y%26&c=&d").unwrap();
        assert_eq!(fields, [("a[b]".into(), Some("x y&".into())), ("c".into(), Some("".into())), ("d".into(), None)]);
        for text in ["a=1&&b=2", "a=x y", "a=%5", "a=%zz", "a=%ff", "a=1&", "a=é"] {
            assert!(split(text).is_err(), "{text}");
        }
        assert!(split("").unwrap().is_empty());
    }
}
