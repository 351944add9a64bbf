//! JSON and XML bodies put together member by member: for requests most of whose members are absent as a rule.
//!
//! The same tree serves [`crate::Call::json`] and [`crate::Call::xml`]; in XML a member named `@name` is an attribute (attributes come
//! first), `$text` the text beside attributes, a list the element of its name repeated, and an empty text an empty element.
//!
//! Members keep their order. A member without a value, and an object or a list with nothing in it, is left out. Texts are
//! borrowed where they can be, so that a card number is not copied.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

/// A value to be sent.
#[derive(Clone)]
pub enum Json<'a> {
    /// A truth value.
    Flag(bool),
    /// A whole number: minor units, a count.
    Whole(i64),
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Json<'a>>),
    /// An object.
    Node(Vec<(&'a str, Json<'a>)>),
}

/// A member of an object, or nothing.
pub type Member<'a> = Option<(&'a str, Json<'a>)>;

/// A member with text.
pub fn text<'a>(name: &'a str, text: impl Into<Cow<'a, str>>) -> Member<'a> {
    Some((name, Json::Text(text.into())))
}

/// A member with a whole number, if there is one.
pub fn whole<'a>(name: &'a str, number: impl Into<Option<i64>>) -> Member<'a> {
    number.into().map(|number| (name, Json::Whole(number)))
}

/// A member with a truth value, if there is one.
pub fn flag<'a>(name: &'a str, flag: impl Into<Option<bool>>) -> Member<'a> {
    flag.into().map(|flag| (name, Json::Flag(flag)))
}

/// A member with text, if there is one.
pub fn optional<'a>(name: &'a str, value: Option<impl Into<Cow<'a, str>>>) -> Member<'a> {
    value.and_then(|value| text(name, value))
}

/// A member with members, if there are any. In XML `text(name, "")` is an element that must be there and empty.
pub fn node<'a>(name: &'a str, members: impl IntoIterator<Item = Member<'a>>) -> Member<'a> {
    Some((name, object(members))).filter(|(_, node)| !node.is_empty())
}

/// A member with a list of what is not empty, if there is anything.
pub fn list<'a>(name: &'a str, items: impl IntoIterator<Item = Json<'a>>) -> Member<'a> {
    let items = items.into_iter().filter(|item| !item.is_empty()).collect();
    Some((name, Json::List(items))).filter(|(_, list)| !list.is_empty())
}

/// An object, possibly of no members: a whole body, or an item of a list.
pub fn object<'a>(members: impl IntoIterator<Item = Member<'a>>) -> Json<'a> {
    let members = members.into_iter();
    let mut kept = Vec::with_capacity(members.size_hint().0);
    kept.extend(members.flatten());
    Json::Node(kept)
}

impl Json<'_> {
    fn is_empty(&self) -> bool {
        match self {
            Json::Flag(_) | Json::Whole(_) | Json::Text(_) => false,
            Json::List(items) => items.is_empty(),
            Json::Node(members) => members.is_empty(),
        }
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Flag(flag) => serializer.serialize_bool(*flag),
            Json::Whole(number) => serializer.serialize_i64(*number),
            Json::Text(text) => serializer.serialize_str(text),
            Json::List(items) => serializer.collect_seq(items),
            Json::Node(members) => serializer.collect_map(members.iter().map(|(name, value)| (name, value))),
        }
    }
}

/// The kind only: values can be secret.
impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Json::Flag(_) => "Flag",
            Json::Whole(_) => "Whole",
            Json::Text(_) => "Text",
            Json::List(_) => "List",
            Json::Node(_) => "Node",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_left_out_and_the_rest_keeps_its_order() {
        let body = object([
            text("b", "1"),
            optional("absent", None::<&str>),
            node("hollow", [node("inner", [None])]),
            flag("a", true),
            whole("absent", None),
            whole("n", -5),
            list("items", [object([text("x", "\"")]), object([None])]),
            list("none", [object([None])]),
        ]);
        assert_eq!(serde_json::to_string(&body).unwrap(), r#"{"b":"1","a":true,"n":-5,"items":[{"x":"\""}]}"#);
        assert_eq!(serde_json::to_string(&object([])).unwrap(), "{}");
        let inner = node("amount", [text("@value", "6000"), text("$text", "<")]);
        let body = object([text("@version", "1.4"), inner, text("cancel", ""), list("i", [object([text("x", "1")])])]);
        let xml = "<r version=\"1.4\"><amount value=\"6000\">&lt;</amount><cancel/><i><x>1</x></i></r>";
        assert_eq!(quick_xml::se::to_string_with_root("r", &body).unwrap(), xml);
        assert!(!format!("{:?}", text("number", "4242424242424242")).contains("4242"));
    }
}
