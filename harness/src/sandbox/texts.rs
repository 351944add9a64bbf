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
    /// These texts, and no room for more: most objects are never added to.
    pub(super) fn of(all: &[(Of, &str, &str)]) -> Texts {
        let length = all.iter().map(|(_, name, value)| name.len() + value.len()).sum();
        let mut texts = Texts { text: String::with_capacity(length), ends: Vec::with_capacity(all.len()) };
        all.iter().for_each(|(of, name, value)| texts.add(*of, name, value));
        texts
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

    pub(super) fn get(&self, of: Of, name: &str) -> Option<&str> {
        // Most are of another kind or length, and need no look at their text.
        let is_it = |at: &usize| {
            self.ends.get(*at).is_some_and(|(other, name_end, _)| {
                let length = name_end.checked_sub(self.start(*at)).and_then(|length| usize::try_from(length).ok());
                *other == of && length == Some(name.len())
            }) && self.one(*at).is_some_and(|(_, known, _)| known == name)
        };
        let at = (0..self.ends.len()).rev().find(is_it)?;
        self.one(at).map(|(_, _, value)| value)
    }

    /// Whether a text of that kind is this one, whatever its name.
    pub(super) fn has(&self, of: Of, value: &str) -> bool {
        self.all().any(|(other, _, known)| other == of && known == value)
    }

    /// What each is, its name and itself, in the order in which they were added.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = (Of, &str, &str)> {
        (0..self.ends.len()).filter_map(|at| self.one(at))
    }

    /// Those of some kinds, as [`Texts::all`] gives them.
    pub(super) fn of_kinds(&self, is_wanted: impl Fn(Of) -> bool) -> impl Iterator<Item = (Of, &str, &str)> {
        let wanted = self.ends.iter().enumerate().filter(move |(_, (of, ..))| is_wanted(*of));
        wanted.filter_map(|(at, _)| self.one(at))
    }

    /// Where a text begins with its name.
    fn start(&self, at: usize) -> u32 {
        at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(_, _, end)| *end)
    }

    fn one(&self, at: usize) -> Option<(Of, &str, &str)> {
        let (of, name_end, end) = *self.ends.get(at)?;
        let place = |place: u32| usize::try_from(place).ok();
        let (start, name_end, end) = (place(self.start(at))?, place(name_end)?, place(end)?);
        Some((of, self.text.get(start..name_end)?, self.text.get(name_end..end)?))
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
        assert_eq!(texts.get(Of::Minted, "payment"), Some("pi_2"));
        assert_eq!((texts.get(Of::Part, "payment"), texts.get(Of::Id, "")), (Some(""), Some("pi_1")));
        assert_eq!((texts.get(Of::Minted, ""), texts.get(Of::Key, "")), (None, None));
        assert!(texts.has(Of::Minted, "pi_1") && !texts.has(Of::Digest, "pi_1"));
        assert_eq!(texts.all().map(|(of, _, _)| of).collect::<Vec<_>>(), [Of::Minted, Of::Part, Of::Id, Of::Minted]);
    }
}
