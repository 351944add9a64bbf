//! JSON as a tree, without floating point.

use std::fmt;

use serde::de::{self, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Decimal;

/// A JSON value with its numbers as decimals: for answers whose shape varies, such as XML that was turned into JSON.
#[derive(Clone, Debug)]
pub enum Tree {
    /// A text or number.
    Text(Decimal),
    /// A list.
    List(Vec<Tree>),
    /// The members of an object, each once.
    Node(Vec<(String, Tree)>),
    /// Nothing that is read: a truth value, null, an object with a member twice.
    Other,
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Tree, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Tree, E> {
        Ok(scalar(text))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> std::result::Result<Tree, E> {
        Ok(scalar(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> std::result::Result<Tree, E> {
        Ok(scalar(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> std::result::Result<Tree, E> {
        Ok(scalar(number))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> std::result::Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_unit<E: de::Error>(self) -> std::result::Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> std::result::Result<Tree, A::Error> {
        let (mut node, mut twice) = (Vec::new(), false);
        while let Some((name, value)) = members.next_entry::<String, Tree>()? {
            twice |= node.iter().any(|(known, _)| *known == name);
            node.push((name, value));
        }
        Ok(if twice { Tree::Other } else { Tree::Node(node) })
    }
}

fn scalar<'de>(value: impl IntoDeserializer<'de, de::value::Error>) -> Tree {
    Decimal::deserialize(value.into_deserializer()).map_or(Tree::Other, Tree::Text)
}

impl Tree {
    /// The member of that name.
    pub fn member(&self, name: &str) -> Option<&Tree> {
        match self {
            Tree::Node(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }
}
