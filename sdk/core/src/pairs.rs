//! Name and value pairs for form bodies and queries of providers whose fields are flat.

use std::borrow::Cow;

use serde::Serialize;

use crate::call::invalid;
use crate::{Error, Result};

/// Fields of a form body ([`crate::Call::form`]) or query ([`crate::Call::query`]), in the order in which they were set.
///
/// Values are borrowed where they can be, so that a card number is not copied. Names go out as they are, nested ones in
/// brackets (`card[number]`); a name that is set twice is sent twice.
#[derive(Clone, Default)]
pub struct Pairs<'a>(Vec<(Cow<'static, str>, Cow<'a, str>)>);

/// How many fields a payment commonly has.
const COMMON_FIELDS: usize = 32;

impl<'a> Pairs<'a> {
    /// No fields.
    pub const fn new() -> Pairs<'a> {
        Pairs(Vec::new())
    }

    /// Adds a field.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'a, str>>) {
        if self.0.capacity() == 0 {
            self.0.reserve(COMMON_FIELDS);
        }
        self.0.push((name.into(), value.into()));
    }

    /// Adds a field when there is a value.
    pub fn set_some<V: Into<Cow<'a, str>>>(&mut self, name: impl Into<Cow<'static, str>>, value: Option<V>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }
}

/// Room for a form of common size, so that it is not copied as it grows.
const FORM_BYTES: usize = 2048;

/// What a form body or a query is made of: [`Pairs`], or anything that serde can write, nested structures in brackets
/// (`a[b]=c`, `a[0]=c`).
pub trait Fields {
    /// The fields as `application/x-www-form-urlencoded` text.
    ///
    /// # Errors
    /// [`crate::Kind::Invalid`] for what has no such form.
    fn encoded(&self) -> Result<String>;
}

impl Fields for Pairs<'_> {
    fn encoded(&self) -> Result<String> {
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(FORM_BYTES));
        Ok(form.extend_pairs(&self.0).finish())
    }
}

impl<T: Serialize> Fields for T {
    fn encoded(&self) -> Result<String> {
        let unwritable = |cause: String| -> Error { invalid(format!("request cannot be written as a form: {cause}")) };
        let mut text = Vec::with_capacity(FORM_BYTES);
        serde_qs::to_writer(self, &mut text).map_err(|cause| unwritable(cause.to_string()))?;
        // A list has no names, only places: `0[0]=limit&0[1]=10` is what nobody means.
        if text.starts_with(b"0[") || text.starts_with(b"0=") {
            return Err(unwritable("expected fields with names, found a list; use `Pairs`, or a struct".to_owned()));
        }
        String::from_utf8(text).map_err(|cause| unwritable(cause.to_string()))
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
    fn a_list_has_no_names() {
        for told in [vec![("limit", "10")].encoded(), ["a"].encoded()].map(Result::unwrap_err) {
            assert!(told.message().contains("use `Pairs`"), "{told}");
        }
        assert_eq!(std::collections::BTreeMap::from([("a", ["b"])]).encoded().unwrap(), "a[0]=b");
    }

    #[test]
    fn goes_out_in_order_with_brackets() {
        let mut pairs = Pairs::new();
        pairs.set("card[number]", "4242 4242");
        pairs.set_some("absent", None::<&str>);
        pairs.set("expand[]", "a&b");
        pairs.set("expand[]", "c");
        let text = pairs.encoded().unwrap();
        let decoded: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        let expected = [("card[number]", "4242 4242"), ("expand[]", "a&b"), ("expand[]", "c")];
        assert_eq!(decoded, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(!format!("{pairs:?}").contains("4242"));
    }
}
