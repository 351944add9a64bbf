//! Texts of a report as pages show them.

use serde::Serialize;

/// The longest text of a finding that a summary shows, in characters.
const LONGEST: usize = 300;

/// A text on one line, cut where it is long.
pub(super) fn brief(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}

/// A text whose middle differs from another's.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Side {
    pub(super) before: String,
    pub(super) differs: String,
    pub(super) after: String,
}

/// Two texts, each split where they begin and end alike.
pub(super) fn sides(one: &str, other: &str) -> (Side, Side) {
    let alike = |pairs: &mut dyn Iterator<Item = (char, char)>| -> usize {
        pairs.take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
    };
    let start = alike(&mut one.chars().zip(other.chars()));
    let (rest, other_rest) = (one.get(start..).unwrap_or_default(), other.get(start..).unwrap_or_default());
    let end = alike(&mut rest.chars().rev().zip(other_rest.chars().rev()));
    let side = |rest: &str| {
        let split = rest.len() - end;
        Side {
            before: one.get(..start).unwrap_or_default().to_owned(),
            differs: rest.get(..split).unwrap_or_default().to_owned(),
            after: rest.get(split..).unwrap_or_default().to_owned(),
        }
    };
    (side(rest), side(other_rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_differ_in_the_middle() {
        let told = |side: &Side| format!("{}[{}]{}", side.before, side.differs, side.after);
        let check = |one: &str, other: &str| {
            let (one, other) = sides(one, other);
            (told(&one), told(&other))
        };
        assert_eq!(check("12.34 é", "12.3 é"), ("12.3[4] é".to_owned(), "12.3[] é".to_owned()));
        assert_eq!(check("aa", "aaa"), ("aa[]".to_owned(), "aa[a]".to_owned()));
        assert_eq!(check("é", "è"), ("[é]".to_owned(), "[è]".to_owned()));
        assert_eq!(check("", "x"), ("[]".to_owned(), "[x]".to_owned()));
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(brief("a\n  b"), "a b");
        assert_eq!(brief(&"é".repeat(400)).chars().count(), 301);
    }
}
