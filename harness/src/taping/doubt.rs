//! What may not stand in a file that others see.

use crate::profile::{looks_live, passes_luhn};

/// Marks of keys by their makers' own prefixes, beside those by which payment providers tell live keys.
const KEYS: [&str; 5] = ["-----begin", "ghp_", "xoxb-", "aiza", "eyjhbgcio"];

/// What a text that is to be kept looks like and may not be; each in words.
pub(crate) fn doubts_of(text: &str, test_cards: &[String]) -> impl Iterator<Item = &'static str> {
    let lower = text.to_ascii_lowercase();
    let key = looks_live(text) || KEYS.iter().any(|mark| lower.contains(mark));
    let found = [(key, "a key that looks live"), (has_address(text), "an e-mail address")];
    card_doubt(text, test_cards).into_iter().chain(found.into_iter().filter(|(found, _)| *found).map(|(_, what)| what))
}

/// A card number that the profile does not have among its test cards, and that no network publishes as one.
pub(super) fn card_doubt(text: &str, test_cards: &[String]) -> Option<&'static str> {
    let pan = luhn_runs(text).iter().any(|digits| !test_cards.contains(digits));
    pan.then_some("a card number that is no test card of this profile")
}

/// The runs of 13 to 19 digits, also with single blanks or dashes between, that pass the check digit of card numbers and begin as those do.
pub(crate) fn luhn_runs(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut run = String::new();
    let mut gap = false;
    for letter in text.chars().chain(['.']) {
        match letter {
            '0'..='9' => {
                run.push(letter);
                gap = false;
            }
            ' ' | '-' if !gap && !run.is_empty() => gap = true,
            _ => {
                if begins_as_cards(&run) && passes_luhn(&run) {
                    found.push(run.clone());
                }
                run.clear();
                gap = false;
            }
        }
    }
    found
}

/// Whether card numbers of that length begin so: one in ten numbers passes the check digit by chance, and ids of networks have 15 digits.
/// Visa has 13, 16 or 19 digits, Mastercard and Mir 16 with 22 to 27 or 5 before them, American Express 15, Diners and JCB 14 to 19, the others
/// (Maestro, Discover, UnionPay) begin with 5 or 6 at any length from 13.
fn begins_as_cards(run: &str) -> bool {
    let first = run.get(..2).and_then(|first| first.parse::<u8>().ok());
    let of_any_length = matches!((run.len(), first), (13..=19, Some(50..=69)));
    let by_length = matches!(
        (run.len(), first),
        (13 | 16 | 19, Some(40..=49))
            | (16, Some(22..=27))
            | (15, Some(34 | 37))
            | (14 | 16..=19, Some(30 | 35 | 36 | 38 | 39))
    );
    of_any_length || by_length
}

/// A name, an `@`, and a host with a dot; the reserved example hosts are nobody's.
fn has_address(text: &str) -> bool {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-' | '+');
    text.match_indices('@').any(|(at, _)| {
        let before = text.get(..at).is_some_and(|before| before.chars().next_back().is_some_and(is_name));
        let host: String =
            text.get(at + 1..).unwrap_or_default().chars().take_while(|letter| is_name(*letter)).collect();
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let reserved = [".example", ".test", ".invalid", "example.com", "example.org", "example.net"];
        before && host.contains('.') && !reserved.iter().any(|end| host.ends_with(end))
    })
}
