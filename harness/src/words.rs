//! Numbers with their nouns.

/// How many there are, with the noun for one or many: `1 tape`, `2 tapes`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
