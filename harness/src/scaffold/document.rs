//! Whether a provider's description can be taken at its word: of a version that is known, and whole.

use serde_json::Value;

use crate::descriptions::bundle::DATA;
use crate::tape::json;

/// What is wrong with a description, with the member at fault.
///
/// # Errors
/// A version other than OpenAPI 3 (Swagger 2.0 was turned into that), and a reference that names nothing.
pub(super) fn check(root: &Value) -> Result<(), String> {
    let version = ["openapi", "swagger"].iter().find_map(|name| Some((*name, root.get(name)?)));
    let known = version.and_then(|(name, value)| (name == "openapi").then_some(value)?.as_str());
    if !known.is_some_and(|version| version.starts_with("3.")) {
        let found = version.map_or("neither".to_owned(), |(name, value)| format!("{name}: {value}"));
        return Err(format!("expected openapi: \"3.0\" to \"3.2\", or swagger: \"2.0\", found {found}"));
    }
    match dangling(root, root, &mut String::new()) {
        Some(why) => Err(why),
        None => Ok(()),
    }
}

/// The first reference that leads nowhere. `at` is where `value` stands.
fn dangling(root: &Value, value: &Value, at: &mut String) -> Option<String> {
    let length = at.len();
    let mut below = |name: &str, inner: &Value| {
        at.push('/');
        at.push_str(&json::pointer_name(name));
        let found = dangling(root, inner, at);
        at.truncate(length);
        found
    };
    match value {
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| below(&index.to_string(), item)),
        Value::Object(members) => {
            let is_data = |name: &str| DATA.contains(&name) || name.starts_with("x-");
            let inner = members.iter().filter(|(name, inner)| !is_data(name) || inner.get("$ref").is_some());
            let found = inner.into_iter().find_map(|(name, inner)| below(name, inner));
            found.or_else(|| amiss(root, members.get("$ref")?.as_str()?).map(|why| format!("{at}/$ref: {why}")))
        }
        _ => None,
    }
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
    use serde_json::json;

    use super::check;

    #[test]
    fn versions_and_references_are_known() {
        let with =
            |name: &str, value: serde_json::Value| json!({ "openapi": "3.1.0", "a": { "b~c/d": [1] }, name: value });
        for good in [
            json!({ "openapi": "3.0.3" }),
            with("x", json!([{ "$ref": "#/a/b~0c~1d/0" }])),
            with("x", json!({ "example": { "y": { "$ref": "#/none" } }, "x-note": [{ "$ref": "other.yaml" }] })),
        ] {
            assert_eq!(check(&good), Ok(()), "{good}");
        }
        for (bad, told) in [
            (json!({ "openapi": "4.0.0" }), "found openapi: \"4.0.0\""),
            (json!({ "swagger": "1.2" }), "found swagger: \"1.2\""),
            (json!({}), "found neither"),
            (with("x/y", json!([{ "$ref": "#/a/none" }])), "/x~1y/0/$ref: `#/a/none` names nothing"),
            (
                with("x", json!({ "$ref": "https://h.example/o.yaml#/b" })),
                "/x/$ref: `https://h.example/o.yaml#/b` is an address",
            ),
        ] {
            let found = check(&bad).unwrap_err();
            assert!(found.contains(told), "{found}");
        }
    }
}
