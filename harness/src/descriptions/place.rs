//! Where in a vendor's document something stands that the validator names by its place in a compiled schema.

use serde_json::Value;

use super::openapi::Api;
use crate::tape::json;

/// The JSON pointer in the document of a place in a compiled schema (see [`super::schema`]): `path` is that place, `schema` what was
/// compiled, `parts` are the pointers of its definitions in their order. Where the place is a reference, what it refers to.
pub(super) fn original(api: &Api, schema: &Value, parts: &[String], path: &str) -> String {
    let mut segments = path.split('/').skip(1).peekable();
    let start = match (segments.next(), segments.next()) {
        (Some("definitions"), Some(part)) => {
            part.strip_prefix('p').and_then(|index| parts.get(index.parse::<usize>().ok()?)).cloned()
        }
        (Some("allOf"), Some("0")) => pointer(&api.root, schema).map(|pointer| format!("#{pointer}")),
        _ => None,
    };
    let Some(mut place) = start else { return "the schema".to_owned() };
    let at = |place: &str| place.strip_prefix('#').and_then(|pointer| api.root.pointer(pointer));
    while let Some(segment) = segments.next() {
        let has = |name: &str| at(&place).is_some_and(|schema| schema.get(name).is_some());
        let is_nullable = at(&place).is_some_and(|schema| schema.get("nullable") == Some(&Value::Bool(true)));
        match (segment, segments.peek()) {
            ("anyOf", Some(&"0")) if is_nullable => {
                segments.next();
                // Below it stands the schema itself, where the word means its own branches.
                if segments.peek() == Some(&"anyOf") {
                    segments.next();
                    place.push_str(if has("anyOf") { "/anyOf" } else { "/oneOf" });
                }
            }
            ("anyOf", _) if !has("anyOf") && has("oneOf") => place.push_str("/oneOf"),
            _ => {
                place.push('/');
                place.push_str(segment);
            }
        }
    }
    let target = at(&place).and_then(|schema| schema.get("$ref")?.as_str()).map(str::to_owned);
    target.unwrap_or(place)
}

/// The pointer of a value that stands in the document itself.
fn pointer(root: &Value, wanted: &Value) -> Option<String> {
    if std::ptr::eq(root, wanted) {
        return Some(String::new());
    }
    match root {
        Value::Array(items) => {
            let mut all = items.iter().enumerate();
            all.find_map(|(index, item)| Some(format!("/{index}{}", pointer(item, wanted)?)))
        }
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            let rest = pointer(member, wanted)?;
            Some(format!("/{}{rest}", json::pointer_name(name)))
        }),
        _ => None,
    }
}
