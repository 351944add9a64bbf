//! Name and value pairs for form bodies and queries of providers whose fields are flat.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

/// Fields of a form body ([`crate::Call::form`]) or query ([`crate::Call::query`]), in the order in which they were set.
///
/// Values are borrowed where they can be, so that a card number is not copied. Names go out as they are, nested ones in
/// brackets (`card[number]`); a name that is set twice is sent twice.
#[derive(Clone, Default)]
pub struct Pairs<'a>(Vec<(Cow<'static, str>, Cow<'a, str>)>);

impl<'a> Pairs<'a> {
    /// No fields.
    pub const fn new() -> Pairs<'a> {
        Pairs(Vec::new())
    }

    /// Adds a field.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'a, str>>) {
        self.0.push((name.into(), value.into()));
    }

    /// Adds a field when there is a value.
    pub fn set_some<V: Into<Cow<'a, str>>>(&mut self, name: impl Into<Cow<'static, str>>, value: Option<V>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Names only: values can be secret.
impl std::fmt::Debug for Pairs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_out_in_order_with_brackets() {
        let mut pairs = Pairs::new();
        pairs.set("card[number]", "4242 4242");
        pairs.set_some("absent", None::<&str>);
        pairs.set("expand[]", "a&b");
        pairs.set("expand[]", "c");
        let text = serde_qs::to_string(&pairs).unwrap();
        let decoded: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        let expected = [("card[number]", "4242 4242"), ("expand[]", "a&b"), ("expand[]", "c")];
        assert_eq!(decoded, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(!format!("{pairs:?}").contains("4242"));
    }
}
