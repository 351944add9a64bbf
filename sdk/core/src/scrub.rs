//! Scrubbing: makes a text that others wrote fit for messages and logs.
//!
//! Providers repeat in their error texts what they were sent. Nothing of theirs enters a message unscrubbed.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::card::luhn;

/// The longest text that [`scrub`] returns, in characters.
pub const MAX_CHARS: usize = 500;

/// Removes card numbers and known secrets from a provider's text.
///
/// - Every run of 13 or more digits, and of 12 if they pass the Luhn check, becomes `••••` and four digits. Single spaces, hyphens or
///   control characters between digits do not end a run. The four digits are the last of the card number, if a part
///   of the run is one (what stands behind it may be a security code and vanishes), otherwise the last of the run.
/// - Every occurrence of one of `secrets` becomes `[secret]`; those of up to four characters, such as security codes, only as a whole
///   word, longer ones anywhere. Empty ones are skipped. A secret that touches a run of digits takes the run with it.
/// - Control characters become spaces, and the text ends after [`MAX_CHARS`] characters.
///
/// Secrets of [`SHORTEST_ENCODED`] and more bytes are also recognised as they stand in requests: escaped for a URL or form, JSON or XML, in
/// base64 (alone or inside a longer text, as in `Basic` pairs) and in hex. A secret that the provider repeats in another form (cut, in
/// capitals) is not. A text with nothing to change is borrowed.
pub fn scrub<'a>(text: &'a str, secrets: &[&str]) -> Cow<'a, str> {
    let mut hidden = digit_runs(text);
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        hidden.extend(occurrences(text, secret));
        if secret.len() >= SHORTEST_ENCODED && text.len() >= secret.len() {
            encoded(secret).iter().for_each(|form| hidden.extend(occurrences(text, form)));
        }
    }
    let end = text.char_indices().nth(MAX_CHARS).map_or(text.len(), |(at, _)| at);
    if hidden.is_empty() && !text.contains(char::is_control) {
        return Cow::Borrowed(text.split_at(end).0);
    }
    Cow::Owned(render(text, merge(hidden)))
}

/// Secrets shorter than this are looked for as they are only: encoded, they stand in any noise.
pub const SHORTEST_ENCODED: usize = 8;

/// What stays as it is in a URL or a form (RFC 3986 section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The forms in which a request may carry a secret, other than as it is.
fn encoded(secret: &str) -> Vec<String> {
    let mut forms = Vec::with_capacity(12);
    if secret.bytes().any(|byte| !byte.is_ascii_alphanumeric()) {
        let url = utf8_percent_encode(secret, ESCAPED).to_string();
        forms.push(url.replace("%20", "+"));
        // `*` is the one further mark that forms leave as it is.
        forms.push(url.replace("%20", "+").replace("%2A", "*"));
        forms.push(lower_escapes(&url));
        forms.push(url);
        if let Ok(json) = serde_json::to_string(secret) {
            let inner = json.get(1..json.len() - 1).unwrap_or_default();
            forms.push(inner.replace('/', "\\/"));
            forms.push(inner.to_owned());
        }
        forms.push(quick_xml::escape::escape(secret).into_owned());
    }
    let hex = hex::encode(secret);
    forms.push(hex.to_ascii_uppercase());
    forms.push(hex);
    for offset in 0..3 {
        let core = base64_core(secret, offset);
        if core.contains(['+', '/']) {
            forms.push(core.replace('+', "-").replace('/', "_"));
        }
        forms.push(core);
    }
    forms.retain(|form| form != secret);
    forms
}

/// The letters of base64 that follow from the secret alone, with `offset` bytes of something else before it in its group of three.
fn base64_core(secret: &str, offset: usize) -> String {
    let bytes = Zeroizing::new([b"\0\0".split_at(offset).0, secret.as_bytes()].concat());
    let (first, end) = ((offset * 8).div_ceil(6), bytes.len() * 8 / 6);
    STANDARD_NO_PAD.encode(&bytes).get(first..end).unwrap_or_default().to_owned()
}

/// `%2F` as `%2f`, all else as it is.
fn lower_escapes(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        out.push('%');
        out.push_str(&code.to_ascii_lowercase());
        out.push_str(rest);
    }
    out
}

/// A part of the text and what stands in its place.
struct Hidden {
    range: Range<usize>,
    replacement: Replacement,
}

enum Replacement {
    Secret,
    /// `••••` and the last four digits of the card number.
    Masked(String),
}

/// Where a secret stands in the text, overlaps included.
fn occurrences(text: &str, secret: &str) -> Vec<Hidden> {
    let whole_word = secret.chars().nth(4).is_none();
    let mut found = Vec::new();
    // Most texts are codes, shorter than any key; a search costs much to begin.
    if text.len() < secret.len() {
        return found;
    }
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(secret)).map(|offset| from + offset) {
        let range = at..at + secret.len();
        if !whole_word || is_word(text, &range) {
            found.push(Hidden { range, replacement: Replacement::Secret });
        }
        from = at + secret.chars().next().map_or(1, char::len_utf8);
    }
    found
}

/// Whether no letter or digit touches a part of the text.
fn is_word(text: &str, range: &Range<usize>) -> bool {
    let before = text.get(..range.start).and_then(|part| part.chars().next_back());
    let after = text.get(range.end..).and_then(|part| part.chars().next());
    !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
}

/// Where card numbers may stand in the text, in order.
fn digit_runs(text: &str) -> Vec<Hidden> {
    let bytes = text.as_bytes();
    let mut hidden = Vec::new();
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if !byte.is_ascii_digit() {
            at += 1;
            continue;
        }
        let length = bytes.iter().skip(at).take_while(|byte| byte.is_ascii_digit()).count();
        let group = at..at + length;
        at = group.end;
        let joined = groups
            .last()
            .is_some_and(|last| last.end + 1 == group.start && bytes.get(last.end).is_some_and(|byte| joins(*byte)));
        if !joined {
            hidden.extend(mask(bytes, &groups));
            groups.clear();
        }
        groups.push(group);
    }
    hidden.extend(mask(bytes, &groups));
    hidden
}

/// Whether a byte between two groups of digits keeps them one run.
fn joins(byte: u8) -> bool {
    matches!(byte, b' ' | b'-') || byte.is_ascii_control()
}

/// The mask for a run, given as its groups of digits; `None` if the run is too short for a card number.
fn mask(bytes: &[u8], groups: &[Range<usize>]) -> Option<Hidden> {
    let range = groups.first()?.start..groups.last()?.end;
    let count: usize = groups.iter().map(Range::len).sum();
    if count < 12 || (count == 12 && !luhn(digits(bytes, groups))) {
        return None;
    }
    let number = card_number(bytes, groups).unwrap_or(groups);
    let mut last4: Vec<u8> = digits(bytes, number).rev().take(4).collect();
    last4.reverse();
    let masked = last4
        .into_iter()
        .fold("••••".to_owned(), |masked, digit| masked + char::from(digit).encode_utf8(&mut [0; 4]));
    Some(Hidden { range, replacement: Replacement::Masked(masked) })
}

/// The longest part of a run that looks like a whole card number: 12 to 19 digits that pass the Luhn check, a last group of four at least.
fn card_number<'a>(bytes: &[u8], groups: &'a [Range<usize>]) -> Option<&'a [Range<usize>]> {
    let mut best: Option<(usize, &[Range<usize>])> = None;
    for start in 0..groups.len() {
        let mut count = 0;
        for end in start..groups.len() {
            let last = groups.get(end)?.len();
            count += last;
            if count > 19 {
                break;
            }
            let part = groups.get(start..=end)?;
            if count >= 12 && last >= 4 && best.is_none_or(|(most, _)| count > most) && luhn(digits(bytes, part)) {
                best = Some((count, part));
            }
        }
    }
    best.map(|(_, part)| part)
}

/// The digits of some groups, as ASCII.
fn digits(bytes: &[u8], groups: &[Range<usize>]) -> impl DoubleEndedIterator<Item = u8> {
    groups.iter().flat_map(|group| bytes.get(group.clone()).unwrap_or_default()).copied()
}

/// Sorts what is hidden and joins what overlaps, as a secret.
fn merge(mut hidden: Vec<Hidden>) -> Vec<Hidden> {
    hidden.sort_by_key(|part| (part.range.start, part.range.end));
    let mut merged: Vec<Hidden> = Vec::with_capacity(hidden.len());
    for part in hidden {
        match merged.last_mut() {
            Some(last) if part.range.start < last.range.end => {
                last.range.end = last.range.end.max(part.range.end);
                last.replacement = Replacement::Secret;
            }
            _ => merged.push(part),
        }
    }
    merged
}

fn render(text: &str, hidden: Vec<Hidden>) -> String {
    let mut shown = String::with_capacity(text.len().min(4 * MAX_CHARS));
    let mut at = 0;
    for part in hidden {
        shown.push_str(text.get(at..part.range.start).unwrap_or_default());
        match &part.replacement {
            Replacement::Secret => shown.push_str("[secret]"),
            Replacement::Masked(masked) => shown.push_str(masked),
        }
        at = part.range.end;
    }
    shown.push_str(text.get(at..).unwrap_or_default());
    shown.chars().take(MAX_CHARS).map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, secrets: &[&str], expected: &str) {
        assert_eq!(scrub(text, secrets), expected);
    }

    #[test]
    fn a_harmless_text_is_borrowed() {
        let text = "amount 1050 refused, order 2026-11-22, reference 123456789012";
        assert!(matches!(scrub(text, &["sk_live_1", ""]), Cow::Borrowed(same) if same == text));
        assert!(matches!(scrub("", &[""]), Cow::Borrowed("")));
    }

    #[test]
    fn card_numbers_keep_their_last_four() {
        check("card 4242424242424242 declined", &[], "card ••••4242 declined");
        check("card 3782 822463 10005.", &[], "card ••••0005.");
        check("card 4242-4242-4242-4242", &[], "card ••••4242");
        check("pan=5000000000009", &[], "pan=••••0009");
        check("500000000009", &[], "••••0009");
        check("1234567890123", &[], "••••0123");
        check("1234567890123456789012345", &[], "••••2345");
        check("a4242424242424242é5555555555554444", &[], "a••••4242é••••4444");
        check("4242\n4242\t4242\u{0}4242", &[], "••••4242");
    }

    #[test]
    fn what_follows_a_card_number_goes_with_it() {
        check("4242424242424242 123", &[], "••••4242");
        check("4242 4242 4242 4242 03 2030 123!", &[], "••••4242!");
        check("12 5555555555554444", &[], "••••4444");
        check("6304000000000000000 123", &[], "••••0000");
        // The longest part that can be a card number is taken for it, and nothing that is too short.
        check("5000 0000 0009 0000", &[], "••••0000");
        check("0000 1234567890123", &[], "••••0123");
    }

    #[test]
    fn what_is_no_run_of_digits_stays() {
        check("4242.4242.4242.4242", &[], "4242.4242.4242.4242");
        check("4242  4242  4242  4242", &[], "4242  4242  4242  4242");
        check("500000000008", &[], "500000000008");
    }

    #[test]
    fn secrets_go_anywhere_and_short_ones_as_words() {
        check("key sk_live_1sk_live_1x", &["sk_live_1"], "key [secret][secret]x");
        check("cvc=123, cvc_123, 1234, x123, 5123", &["123"], "cvc=[secret], cvc_[secret], 1234, x123, 5123");
        check("abcdefgh", &["abcdef", "defgh"], "[secret]");
        check("ababababa", &["ababa"], "[secret]");
        check("ключи, ключик", &["ключи"], "[secret], [secret]к");
        check("ключ, ключи", &["ключ"], "[secret], ключи");
    }

    #[test]
    fn secrets_go_as_requests_write_them_too() {
        let secret = "k/ey\"1 é*2";
        for form in [
            "k%2Fey%221%20%C3%A9%2A2",
            "k%2fey%221%20%c3%a9%2a2",
            "k%2Fey%221+%C3%A9*2",
            "k/ey\\\"1 é*2",
            "k\\/ey\\\"1 é*2",
            "k/ey&quot;1 é*2",
            "6b2f65792231c3a92a32".replace("31c3", "3120c3").as_str(),
        ] {
            check(&format!("sent <{form}>"), &[secret], "sent <[secret]>");
        }
        for before in ["", "u", "us", "user:"] {
            let text = STANDARD_NO_PAD.encode(format!("{before}sk_test_abcdefgh!"));
            let shown = scrub(&text, &["sk_test_abcdefgh"]).into_owned();
            assert!(shown.contains("[secret]") && shown.len() < 20, "{shown}");
        }
        check("MTIz and 313233", &["123"], "MTIz and 313233");
        check("abc+defgh", &["abc defgh"], "[secret]");
        check("%2F%2F%2F%2F%2F%2F%2F%2F", &["////////"], "[secret]");
    }

    #[test]
    fn a_secret_takes_the_run_of_digits_it_touches() {
        check("card 4242424242424242 no", &["4242424242424242"], "card [secret] no");
        check("card 4000001234500010 no", &["12345"], "card [secret] no");
        check("x-4242424242424242", &["x-4242424"], "[secret]");
    }

    #[test]
    fn control_characters_become_spaces_and_long_texts_end() {
        check("a\r\nb\u{1b}[31m\u{85}c", &[], "a  b [31m c");
        let long = "é".repeat(600);
        assert!(matches!(scrub(&long, &[]), Cow::Borrowed(cut) if cut.chars().count() == 500));
        assert_eq!(scrub(&format!("{long}\n"), &[]).chars().count(), 500);
        let late = format!("{}4242424242424242", "x".repeat(495));
        assert_eq!(scrub(&late, &[]), format!("{}••••4", "x".repeat(495)));
    }
}
