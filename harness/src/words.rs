//! Numbers with their nouns.

/// How many there are, with the noun for one or many: `1 tape`, `2 tapes`, `2 entries`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {}", plural(count, noun))
}

/// The noun for so many: `tape` of one, else `tapes`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    let stem = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    match (count, stem) {
        (1, _) => noun.to_owned(),
        (_, Some(stem)) => format!("{stem}ies"),
        _ => format!("{noun}s"),
    }
}

/// `is` of one, else `are`.
pub(crate) fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use super::{are, counted};

    #[test]
    fn one_is_not_many() {
        for (count, noun, expected) in [
            (1, "tape", "1 tape"),
            (0, "tape", "0 tapes"),
            (2, "entry", "2 entries"),
            (1, "entry", "1 entry"),
            (3, "key", "3 keys"),
        ] {
            assert_eq!(counted(count, noun), expected);
        }
        assert_eq!((are(1), are(2)), ("is", "are"));
    }
}
