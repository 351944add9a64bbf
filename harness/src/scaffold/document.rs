//! Whether a provider's description can be taken at its word: of a version that is known, and whole.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::descriptions::bundle::DATA;
use crate::tape::json;

/// Members that a draft does not read; a description may be a file of words for people.
const UNREAD: [&str; 4] = ["callbacks", "description", "headers", "links"];

/// What is wrong with a description as a whole.
///
/// # Errors
/// A version other than OpenAPI 3 (Swagger 2.0 was turned into that).
pub(super) fn check(root: &Value) -> Result<(), String> {
    let version = ["openapi", "swagger"].iter().find_map(|name| Some((*name, root.get(name)?)));
    let known = version.and_then(|(name, value)| (name == "openapi").then_some(value)?.as_str());
    if known.is_some_and(|version| version.starts_with("3.")) {
        return Ok(());
    }
    let found = version.map_or("neither".to_owned(), |(name, value)| format!("{name}: {value}"));
    Err(format!("expected openapi: \"3.0\" to \"3.2\", or swagger: \"2.0\", found {found}"))
}

/// Follows every reference from these paths and verbs on. Gives those that name nothing at places which may be absent.
///
/// # Errors
/// The first reference that names nothing where something must stand.
pub(super) fn whole<'u>(root: &Value, used: impl Iterator<Item = (&'u str, &'u str)>) -> Result<Vec<String>, String> {
    let mut walk = Walk { root, seen: BTreeSet::new(), lost: Vec::new() };
    for (path, verb) in used {
        let item = format!("/paths/{}", json::pointer_name(path));
        for name in [verb.to_lowercase().as_str(), "parameters"] {
            let at = format!("{item}/{name}");
            if let Some(value) = root.pointer(&at) {
                walk.follow(value, &mut at.clone(), true)?;
            }
        }
    }
    Ok(walk.lost)
}

/// A walk along references.
struct Walk<'a> {
    root: &'a Value,
    /// The places that were looked at, and whether as ones that must be there.
    seen: BTreeSet<(String, bool)>,
    lost: Vec<String>,
}

impl<'a> Walk<'a> {
    /// `at` is where `value` stands, `needed` whether it must be there.
    fn follow(&mut self, value: &'a Value, at: &mut String, needed: bool) -> Result<(), String> {
        let length = at.len();
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    at.push_str(&format!("/{index}"));
                    self.follow(item, at, needed)?;
                    at.truncate(length);
                }
            }
            Value::Object(members) => {
                let must = |name: &str| {
                    let required = value.get("required").and_then(Value::as_array);
                    required.is_some_and(|required| required.iter().any(|known| known == name))
                };
                let is_data = |name: &str| DATA.contains(&name) || name.starts_with("x-");
                for (name, inner) in
                    members.iter().filter(|(name, inner)| !is_data(name) || inner.get("$ref").is_some())
                {
                    at.push_str(&format!("/{}", json::pointer_name(name)));
                    let stem = at.len();
                    match inner.as_object().filter(|_| name == "properties") {
                        Some(properties) => {
                            for (name, property) in properties {
                                at.push_str(&format!("/{}", json::pointer_name(name)));
                                self.follow(property, at, needed && must(name))?;
                                at.truncate(stem);
                            }
                        }
                        None if UNREAD.contains(&name.as_str()) => {}
                        None => self.follow(inner, at, needed && !is_refusal(name))?,
                    }
                    at.truncate(length);
                }
                if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                    self.go(target, at, needed)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn go(&mut self, target: &str, at: &str, needed: bool) -> Result<(), String> {
        if let Some(why) = amiss(self.root, target) {
            let told = format!("{at}/$ref: {why}");
            if needed {
                return Err(told);
            }
            self.lost.push(told);
            return Ok(());
        }
        let pointer = target.trim_start_matches('#');
        let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy().into_owned();
        if let Some(found) = self.root.pointer(&pointer).filter(|_| self.seen.insert((pointer.clone(), needed))) {
            self.follow(found, &mut pointer.clone(), needed)?;
        }
        Ok(())
    }
}

/// Whether it is the status of a refusal, which a draft can do without.
fn is_refusal(name: &str) -> bool {
    name.len() == 3 && name.starts_with(['4', '5'])
}

/// Why a reference leads nowhere.
fn amiss(root: &Value, target: &str) -> Option<String> {
    match target.strip_prefix('#') {
        Some(pointer) => {
            let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
            root.pointer(&pointer).is_none().then(|| format!("`{target}` names nothing"))
        }
        None => Some(format!(
            "`{target}` is an address, which is not fetched; put what it names into a file beside this one"
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{check, whole};

    #[test]
    fn versions_are_known() {
        assert_eq!(check(&json!({ "openapi": "3.1.0" })), Ok(()));
        for (bad, told) in [
            (json!({ "openapi": "4.0.0" }), "found openapi: \"4.0.0\""),
            (json!({ "swagger": "1.2" }), "found swagger: \"1.2\""),
            (json!({}), "found neither"),
        ] {
            let found = check(&bad).unwrap_err();
            assert!(found.contains(told), "{found}");
        }
    }

    #[test]
    fn references_are_followed_where_something_must_stand() {
        let root = |answer: Value| {
            json!({ "a": { "b~c/d": [1] }, "unused": { "$ref": "#/none" },
                "paths": { "/p": { "post": { "x-note": [{ "$ref": "other.yaml" }], "y": answer } } } })
        };
        let of = |answer: Value| whole(&root(answer), [("/p", "POST")].into_iter());
        let optional =
            json!({ "required": ["a"], "properties": { "a": { "type": "string" }, "b": { "$ref": "#/none" } } });
        let lost = ["/paths/~1p/post/y/properties/b/$ref: `#/none` names nothing".to_owned()];
        assert_eq!(of(optional).unwrap(), lost);
        let lost = ["/paths/~1p/post/y/404/a/$ref: `#/none` names nothing".to_owned()];
        assert_eq!(of(json!({ "404": { "a": { "$ref": "#/none" } } })).unwrap(), lost, "a refusal may be unknown");
        assert_eq!(of(json!({ "headers": { "a": { "$ref": "#/none" } } })), Ok(Vec::new()), "nothing reads them");
        assert_eq!(of(json!({ "description": { "$ref": "words.md" } })), Ok(Vec::new()), "nor these");
        for good in [json!([{ "$ref": "#/a/b~0c~1d/0" }]), json!({ "example": { "y": { "$ref": "#/none" } } })] {
            assert_eq!(of(good), Ok(Vec::new()));
        }
        for (bad, told) in [
            (json!([{ "$ref": "#/a/none" }]), "/paths/~1p/post/y/0/$ref: `#/a/none` names nothing"),
            (json!({ "$ref": "https://h.example/o.yaml#/b" }), "/y/$ref: `https://h.example/o.yaml#/b` is an address"),
            (json!({ "required": ["b"], "properties": { "b": { "$ref": "#/none" } } }), "/y/properties/b/$ref"),
        ] {
            let found = of(bad).unwrap_err();
            assert!(found.contains(told), "{found}");
        }
    }
}
