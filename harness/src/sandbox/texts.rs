//! Short texts by what they are and by name, in one piece of memory: a sandbox remembers many of them for long, and each in a place of
//! its own would cost more than what is done with it.

/// What a text of an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Of {
    /// The id as the provider gives it; it has no name.
    Id,
    /// The merchant's reference; it has no name.
    Reference,
    /// The idempotency key; it has no name.
    Key,
    /// The id that follows from the reference; it has no name.
    Digest,
    /// A minted value.
    Minted,
    /// A value of the client's choice.
    Caught,
    /// A part of the handle; the id itself is the part without a name.
    Part,
    /// A sample value of the card or method, if it may be kept.
    Sample,
    /// What was sent and is repeated in later answers, by its place.
    Sent,
}

/// Texts by what they are and by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    /// Name and value of each, one after the other.
    text: String,
    /// Where each name and each value ends.
    ends: Vec<(Of, u32, u32)>,
}

impl Texts {
    /// Room for what is usually remembered of an object, to be given back by [`Texts::shrink`].
    pub(super) fn with_room() -> Texts {
        Texts { text: String::with_capacity(2_048), ends: Vec::with_capacity(48) }
    }

    /// Adds a text; of two under one name the later counts. What would not fit into 4 GiB is left out.
    pub(super) fn add(&mut self, of: Of, name: &str, value: &str) {
        let start = self.text.len();
        let ends = |length: usize| u32::try_from(start + length).ok();
        let (Some(name_end), Some(end)) = (ends(name.len()), ends(name.len() + value.len())) else { return };
        self.text.push_str(name);
        self.text.push_str(value);
        self.ends.push((of, name_end, end));
    }

    /// Adds a text that is not there yet: told again and again, it takes no more room.
    pub(super) fn set(&mut self, of: Of, name: &str, value: &str) {
        if self.get(of, name) != Some(value) {
            self.text.reserve_exact(name.len() + value.len());
            self.ends.reserve_exact(1);
            self.add(of, name, value);
        }
    }

    /// Gives back the memory that is not needed.
    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    pub(super) fn get(&self, of: Of, name: &str) -> Option<&str> {
        self.all().rev().find(|(other, known, _)| *other == of && *known == name).map(|(_, _, value)| value)
    }

    /// Whether a text of that kind is this one, whatever its name.
    pub(super) fn has(&self, of: Of, value: &str) -> bool {
        self.all().any(|(other, _, known)| other == of && known == value)
    }

    /// What each is, its name and itself, in the order in which they were added.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = (Of, &str, &str)> {
        let text = |from: usize, end: u32| usize::try_from(end).ok().and_then(|end| self.text.get(from..end));
        let one = move |at: usize| {
            let (of, name_end, end) = *self.ends.get(at)?;
            let before = at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(_, _, end)| *end);
            let (before, name_from) = (usize::try_from(before).ok()?, usize::try_from(name_end).ok()?);
            Some((of, text(before, name_end)?, text(name_from, end)?))
        };
        (0..self.ends.len()).filter_map(one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_kind_and_name() {
        let mut texts = Texts::default();
        texts.add(Of::Minted, "payment", "pi_1");
        texts.add(Of::Part, "payment", "");
        texts.add(Of::Id, "", "pi_1");
        texts.set(Of::Minted, "payment", "pi_2");
        texts.set(Of::Minted, "payment", "pi_2");
        texts.shrink();
        assert_eq!(texts.get(Of::Minted, "payment"), Some("pi_2"));
        assert_eq!((texts.get(Of::Part, "payment"), texts.get(Of::Id, "")), (Some(""), Some("pi_1")));
        assert_eq!((texts.get(Of::Minted, ""), texts.get(Of::Key, "")), (None, None));
        assert!(texts.has(Of::Minted, "pi_1") && !texts.has(Of::Digest, "pi_1"));
        assert_eq!(texts.all().map(|(of, _, _)| of).collect::<Vec<_>>(), [Of::Minted, Of::Part, Of::Id, Of::Minted]);
    }
}
