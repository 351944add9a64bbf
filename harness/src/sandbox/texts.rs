//! Short texts by what they are and by name, in one piece of memory: a sandbox remembers many of them for long, and each in a place of
//! its own would cost more than what is done with it.

/// Beyond this, in bytes, what rare long texts took is given back.
const MAX_SPARE: usize = 2 << 10;

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
    /// What each is, and how long its name and its value are.
    all: Vec<(Of, u16, u16)>,
}

impl Texts {
    /// These texts in the memory of others, and no room for more: most objects are never added to.
    pub(super) fn of(all: &[(Of, &str, &str)], others: Texts) -> Texts {
        let length: usize = all.iter().map(|(_, name, value)| name.len() + value.len()).sum();
        let mut texts = others;
        texts.text.clear();
        texts.all.clear();
        texts.text.shrink_to(length.max(MAX_SPARE));
        texts.text.reserve_exact(length);
        texts.all.reserve_exact(all.len());
        all.iter().for_each(|(of, name, value)| texts.add(*of, name, value));
        texts
    }

    /// Adds a text; of two under one name the later counts. What is longer than 64 KiB is left out.
    pub(super) fn add(&mut self, of: Of, name: &str, value: &str) {
        let (Ok(name_length), Ok(length)) = (u16::try_from(name.len()), u16::try_from(value.len())) else { return };
        self.text.push_str(name);
        self.text.push_str(value);
        self.all.push((of, name_length, length));
    }

    /// Adds a text that is not there yet: told again and again, it takes no more room.
    pub(super) fn set(&mut self, of: Of, name: &str, value: &str) {
        if self.get(of, name) != Some(value) {
            self.text.reserve_exact(name.len() + value.len());
            self.all.reserve_exact(1);
            self.add(of, name, value);
        }
    }

    pub(super) fn get(&self, of: Of, name: &str) -> Option<&str> {
        let mut end = self.text.len();
        for (other, name_length, length) in self.all.iter().rev() {
            let middle = end.checked_sub(usize::from(*length))?;
            let start = middle.checked_sub(usize::from(*name_length))?;
            // Most are of another kind or length, and need no look at their text.
            if *other == of && middle - start == name.len() && self.text.get(start..middle) == Some(name) {
                return self.text.get(middle..end);
            }
            end = start;
        }
        None
    }

    /// Whether a text of that kind is this one, whatever its name.
    pub(super) fn has(&self, of: Of, value: &str) -> bool {
        self.all().any(|(other, _, known)| other == of && known == value)
    }

    /// What each is, its name and itself, in the order in which they were added.
    pub(super) fn all(&self) -> impl Iterator<Item = (Of, &str, &str)> {
        self.of_kinds(|_| true)
    }

    /// Those of some kinds, as [`Texts::all`] gives them.
    pub(super) fn of_kinds(&self, is_wanted: impl Fn(Of) -> bool) -> impl Iterator<Item = (Of, &str, &str)> {
        let mut start = 0;
        self.all.iter().filter_map(move |(of, name_length, length)| {
            let middle = start + usize::from(*name_length);
            let end = middle + usize::from(*length);
            let from = std::mem::replace(&mut start, end);
            is_wanted(*of).then(|| Some((*of, self.text.get(from..middle)?, self.text.get(middle..end)?)))?
        })
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
