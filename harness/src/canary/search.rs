//! Looks for canaries in texts, in every form in which software lets a secret out by mistake.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::disguise::Canary;
use crate::tape::inside_base64;

/// Shorter values, such as security codes, count only as a whole word, as they are or in a text inside base64: else they stand in any noise.
const SHORTEST_ANYWHERE: usize = 8;

/// Base64 of fewer letters holds no security code.
const SHORTEST_BASE64: usize = 4;

/// What forms and URLs leave as it is (RFC 3986 section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Finds every canary of a run in a text.
pub struct Searcher {
    /// The forms of all values that count anywhere.
    anywhere: Machine,
    /// The short values. They are looked for apart: three digits inside a card number would else use them up, and the number with them.
    words: Machine,
    canaries: Vec<Canary>,
}

/// Texts to look for, each with its canary and its form.
struct Machine {
    machine: AhoCorasick,
    patterns: Vec<(usize, &'static str)>,
}

impl Machine {
    fn new(patterns: Vec<(usize, &'static str, String)>) -> Result<Machine, String> {
        let machine = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(patterns.iter().map(|(_, _, text)| text))
            .map_err(|error| error.to_string())?;
        Ok(Machine { machine, patterns: patterns.into_iter().map(|(canary, form, _)| (canary, form)).collect() })
    }

    fn find<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Found> + 't {
        self.machine.find_iter(text).filter_map(|hit| {
            let (canary, form) = *self.patterns.get(hit.pattern().as_usize())?;
            Some(Found { canary, form, start: hit.start(), end: hit.end() })
        })
    }
}

/// A canary in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which one, in the order in which they were given.
    pub canary: usize,
    /// In what form: `as it is`, `in base64`.
    pub form: &'static str,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

impl Searcher {
    /// A search for these values in all their forms.
    ///
    /// # Errors
    /// When the values are too many or too long for the machine.
    pub fn new(canaries: Vec<Canary>) -> Result<Searcher, String> {
        let (mut anywhere, mut words) = (Vec::new(), Vec::new());
        for (index, canary) in canaries.iter().enumerate() {
            let short = canary.value.len() < SHORTEST_ANYWHERE;
            let found = forms(&canary.value).into_iter().map(|(form, text)| (index, form, text));
            if short { words.extend(found) } else { anywhere.extend(found) }
        }
        Ok(Searcher { anywhere: Machine::new(anywhere)?, words: Machine::new(words)?, canaries })
    }

    /// The canaries that are looked for.
    pub fn canaries(&self) -> &[Canary] {
        &self.canaries
    }

    /// The canary of that number.
    pub fn canary(&self, found: &Found) -> Option<&Canary> {
        self.canaries.get(found.canary)
    }

    /// Every place in the text where a canary stands: first those of long values, in order (of several forms that overlap, the one that
    /// ends first), then the short ones, then those inside base64, whose place is that of the whole base64.
    pub fn find<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Found> + 't {
        let sealed = opened(text).filter(|_| !self.words.patterns.is_empty()).flat_map(|(place, inside)| {
            let found = |found: Found| Found { form: "in base64", start: place.start, end: place.end, ..found };
            self.alone(&inside).map(found).collect::<Vec<_>>()
        });
        self.anywhere.find(text).chain(self.alone(text)).chain(sealed)
    }

    /// The short values that stand in the text as a word.
    fn alone<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Found> + 't {
        self.words.find(text).filter(|found| stands_alone(text.as_bytes(), found.start, found.end))
    }
}

/// The texts inside the base64 of a text, of either alphabet, each with its place. Letters that make no text when they are decoded are
/// no base64.
pub(crate) fn opened(text: &str) -> impl Iterator<Item = (Range<usize>, String)> + '_ {
    let is_other = |letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '+' | '/' | '-' | '_');
    let mut end = 0;
    text.split_inclusive(is_other).filter_map(move |piece| {
        let start = end;
        end += piece.len();
        let run = Some(piece.trim_end_matches(is_other)).filter(|run| run.len() >= SHORTEST_BASE64)?;
        let inside = inside_base64(run).filter(|inside| !inside.chars().any(is_binary))?;
        Some((start..start + run.len(), inside))
    })
}

/// Whether a letter stands in no text for people or programs.
fn is_binary(letter: char) -> bool {
    letter.is_control() && !letter.is_ascii_whitespace()
}

impl std::fmt::Debug for Searcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Searcher({} canaries)", self.canaries.len())
    }
}

fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).and_then(|at| text.get(at));
    !before.into_iter().chain(text.get(end)).any(u8::is_ascii_alphanumeric)
}

/// The forms of a value, each once, with their names.
fn forms(value: &str) -> Vec<(&'static str, String)> {
    let mut all = vec![("as it is", value.to_owned())];
    if value.len() < SHORTEST_ANYWHERE {
        return all;
    }
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        all.push(("with blanks", grouped(value, " ")));
        all.push(("with hyphens", grouped(value, "-")));
    }
    for offset in 0..3 {
        all.push(("in base64", base64_core(value, offset, &STANDARD_NO_PAD)));
        all.push(("in base64url", base64_core(value, offset, &URL_SAFE_NO_PAD)));
    }
    let hex = hex::encode(value);
    let escaped = utf8_percent_encode(value, ESCAPED).to_string();
    let json = serde_json::Value::from(value).to_string();
    all.push(("in hex, upper case", hex.to_ascii_uppercase()));
    all.push(("in hex", hex));
    all.push(("URL-escaped, blanks as +", escaped.replace("%20", "+")));
    all.push(("URL-escaped, lower case", lower_escapes(&escaped)));
    all.push(("URL-escaped", escaped));
    all.push(("JSON-escaped", json.get(1..json.len() - 1).unwrap_or_default().to_owned()));
    all.push(("XML-escaped", quick_xml::escape::escape(value).into_owned()));
    let back: String = value.chars().rev().collect();
    let back_json = serde_json::Value::from(back.as_str()).to_string();
    all.push(("reversed", back_json.get(1..back_json.len() - 1).unwrap_or_default().to_owned()));
    all.push(("reversed", back));
    all.push(("as a list of bytes", value.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ")));
    let mut seen = std::collections::HashSet::new();
    all.retain(|(_, text)| seen.insert(text.clone()));
    all
}

/// In groups of four characters.
fn grouped(value: &str, separator: &str) -> String {
    let letters: Vec<char> = value.chars().collect();
    letters.chunks(4).map(|chunk| chunk.iter().collect::<String>()).collect::<Vec<_>>().join(separator)
}

/// The letters of base64 that depend on the value alone, when `offset` bytes of other text stand before it in its group of three.
fn base64_core(value: &str, offset: usize, engine: &impl base64::Engine) -> String {
    let bytes = [&[0; 2][..offset], value.as_bytes()].concat();
    let whole = bytes.len() * 8 / 6;
    let first = (offset * 8).div_ceil(6);
    engine.encode(&bytes).get(first..whole).unwrap_or_default().to_owned()
}

/// `%2F` as `%2f`, with all else as it was.
fn lower_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut left = 0;
    for letter in text.chars() {
        left = if letter == '%' { 3 } else { usize::saturating_sub(left, 1) };
        out.push(if left > 0 { letter.to_ascii_lowercase() } else { letter });
    }
    out
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;
    use crate::canary::Kind;

    fn searcher(values: &[&str]) -> Searcher {
        let canary = |value: &&str| Canary { name: "it".to_owned(), kind: Kind::Payer, value: (*value).to_owned() };
        Searcher::new(values.iter().map(canary).collect()).unwrap()
    }

    fn form(searcher: &Searcher, text: &str) -> Option<&'static str> {
        searcher.find(text).next().map(|found| found.form)
    }

    #[test]
    fn each_form_is_found() {
        let number = searcher(&["4111111198765430"]);
        let secret = searcher(&["k\"ey?/é 12&"]);
        for (text, expected) in [
            ("pan=4111111198765430.", "as it is"),
            ("4111 1111 9876 5430", "with blanks"),
            ("4111-1111-9876-5430", "with hyphens"),
            ("0345678911111114", "reversed"),
            ("[52, 49, 49, 49, 49, 49, 49, 49, 57, 56, 55, 54, 53, 52, 51, 48]", "as a list of bytes"),
        ] {
            assert_eq!(form(&number, text), Some(expected), "{text}");
        }
        for (text, expected) in [
            (hex::encode("k\"ey?/é 12&"), "in hex"),
            (hex::encode_upper("k\"ey?/é 12&"), "in hex, upper case"),
            ("x=k%22ey%3F%2F%C3%A9%2012%26".to_owned(), "URL-escaped"),
            ("x=k%22ey%3f%2f%c3%a9%2012%26".to_owned(), "URL-escaped, lower case"),
            ("x=k%22ey%3F%2F%C3%A9+12%26".to_owned(), "URL-escaped, blanks as +"),
            (r#""k\"ey?/é 12&""#.to_owned(), "JSON-escaped"),
            ("k&quot;ey?/é 12&amp;".to_owned(), "XML-escaped"),
        ] {
            assert_eq!(form(&secret, &text), Some(expected), "{text}");
        }
        for before in ["", "a", "ab", "abc"] {
            for after in ["", "z", "yz"] {
                let text = format!("{before}k\"ey?/é 12&{after}");
                assert!(form(&secret, &STANDARD.encode(&text)).is_some(), "{text}");
                assert!(form(&secret, &URL_SAFE.encode(&text)).is_some(), "{text}");
            }
        }
    }

    #[test]
    fn a_short_value_inside_a_long_one_hides_nothing() {
        let both = searcher(&["118", "4111111198765430"]);
        let found: Vec<usize> = both.find("pan 4111111198765430, code 118").map(|found| found.canary).collect();
        assert_eq!(found, [1, 0]);
        assert_eq!(form(&searcher(&["111", "4111111198765430"]), "4111111198765430"), Some("as it is"));
    }

    #[test]
    fn a_short_value_counts_as_a_word_only() {
        let code = searcher(&["812"]);
        assert_eq!(form(&code, "cvc=812&x"), Some("as it is"));
        for text in ["1812", "812a", "xODEy", "T0RFeQ", &hex::encode("812"), &STANDARD.encode("1812 812a")] {
            assert_eq!(form(&code, text), None, "{text}");
        }
    }

    #[test]
    fn a_short_value_is_found_inside_base64() {
        let code = searcher(&["812"]);
        for inside in ["812", "{\"cvc\":\"812\"}", "a=1&cvc=812", "é 812\n"] {
            for sealed in [STANDARD.encode(inside), URL_SAFE.encode(inside), STANDARD_NO_PAD.encode(inside)] {
                let text = format!("p={sealed}&x=1");
                let found: Vec<Found> = code.find(&text).collect();
                let place =
                    Found { canary: 0, form: "in base64", start: 2, end: 2 + sealed.trim_end_matches('=').len() };
                assert_eq!(found, [place], "{text}");
            }
        }
        assert_eq!(form(&code, &STANDARD.encode(b"\x01\xff812 ")), None, "bytes are no text");
    }
}
