//! A few texts by name, borrowed where they can be: what one request brings and what its answer states.

use std::borrow::Cow;

use crate::tape::Named;

/// A few texts by name, in the order of their names.
#[derive(Debug, Default, Clone)]
pub(super) struct Few<'t>(Vec<(&'t str, Cow<'t, str>)>);

impl<'t> Few<'t> {
    /// None at all.
    pub(super) const NONE: Few<'static> = Few(Vec::new());

    /// None yet, and room for so many.
    pub(super) fn with_capacity(count: usize) -> Few<'t> {
        Few(Vec::with_capacity(count))
    }

    /// The text at a place in the order of names.
    pub(super) fn at(&self, at: usize) -> Option<&str> {
        self.0.get(at).map(|(_, text)| &**text)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, text)| &**text)
    }

    /// Adds a text; of two under one name the later counts.
    pub(super) fn set(&mut self, name: &'t str, text: impl Into<Cow<'t, str>>) {
        let at = self.place(name).unwrap_or_else(|at| {
            self.0.insert(at, (name, Cow::default()));
            at
        });
        if let Some((_, old)) = self.0.get_mut(at) {
            *old = text.into();
        }
    }

    /// Adds a text; of two under one name the earlier counts.
    pub(super) fn add(&mut self, name: &'t str, text: impl Into<Cow<'t, str>>) {
        if let Err(at) = self.place(name) {
            self.0.insert(at, (name, text.into()));
        }
    }

    /// Adds a text whose name comes after all others.
    pub(super) fn push(&mut self, name: &'t str, text: impl Into<Cow<'t, str>>) {
        self.0.push((name, text.into()));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (*name, &**text))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| (*other).cmp(name))
    }
}

impl Named for Few<'_> {
    fn named(&self, name: &str) -> Option<&str> {
        self.get(name)
    }
}
