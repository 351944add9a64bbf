//! A form body as the JSON that a description's schema speaks of: `a[b]=c` nests, and texts become what the schema asks for.

use serde_json::{Map, Value};

use super::openapi::Api;

/// Deepest nesting of a field's name.
const MAX_DEPTH: usize = 16;

/// Reads a form body by a schema.
pub(super) fn decode(api: &Api, schema: &Value, body: &str) -> Value {
    let mut tree = Value::Object(Map::new());
    for (name, value) in form_urlencoded::parse(body.as_bytes()) {
        place(&mut tree, &segments(&name), value.into_owned());
    }
    typed(api, schema, tree, 0)
}

/// `a[b][]` → `a`, `b`, `` (an item of a list).
fn segments(name: &str) -> Vec<String> {
    let (head, rest) = name.split_once('[').unwrap_or((name, ""));
    let inner = rest.strip_suffix(']').filter(|_| !rest.is_empty() || name.ends_with("[]"));
    let mut parts = vec![head.to_owned()];
    parts.extend(inner.into_iter().flat_map(|inner| inner.split("][")).map(str::to_owned).take(MAX_DEPTH));
    parts
}

fn place(tree: &mut Value, path: &[String], value: String) {
    let [first, rest @ ..] = path else { return };
    if !tree.is_object() {
        *tree = Value::Object(Map::new());
    }
    let Some(members) = tree.as_object_mut() else { return };
    let name = if first.is_empty() { members.len().to_string() } else { first.clone() };
    match (rest.is_empty(), members.get_mut(&name)) {
        (true, None) => {
            members.insert(name, Value::String(value));
        }
        (true, Some(Value::Array(items))) => items.push(Value::String(value)),
        (true, Some(first)) => {
            let one = first.take();
            *first = Value::Array(vec![one, Value::String(value)]);
        }
        (false, Some(inner)) => place(inner, rest, value),
        (false, None) => {
            let mut inner = Value::Object(Map::new());
            place(&mut inner, rest, value);
            members.insert(name, inner);
        }
    }
}

/// The schema itself and the branches of its combinations, references followed.
fn branches<'a>(api: &'a Api, schema: &'a Value, depth: usize) -> Vec<&'a Value> {
    let schema = api.resolve(schema);
    let mut all = vec![schema];
    if depth < MAX_DEPTH {
        let lists = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|name| schema.get(name)?.as_array());
        all.extend(lists.flatten().flat_map(|branch| branches(api, branch, depth + 1)));
    }
    all
}

fn typed(api: &Api, schema: &Value, value: Value, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return value;
    }
    let branches = branches(api, schema, 0);
    match value {
        Value::String(text) => scalar(&branches, text),
        Value::Object(members) => {
            let items = branches.iter().find_map(|branch| branch.get("items"));
            let numbered =
                !members.is_empty() && members.keys().all(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
            if let (Some(items), true) = (items, numbered) {
                let mut entries: Vec<(u64, Value)> =
                    members.into_iter().map(|(name, value)| (name.parse().unwrap_or(u64::MAX), value)).collect();
                entries.sort_by_key(|(index, _)| *index);
                return Value::Array(
                    entries.into_iter().map(|(_, value)| typed(api, items, value, depth + 1)).collect(),
                );
            }
            let of_member = |name: &str| {
                let named = branches.iter().find_map(|branch| branch.get("properties")?.get(name));
                named.or_else(|| branches.iter().find_map(|branch| branch.get("additionalProperties")))
            };
            let member = |(name, value): (String, Value)| {
                let value = of_member(&name)
                    .map_or_else(|| value.clone(), |schema| typed(api, schema, value.clone(), depth + 1));
                (name, value)
            };
            Value::Object(members.into_iter().map(member).collect())
        }
        Value::Array(items) => {
            let schema = branches.iter().find_map(|branch| branch.get("items"));
            let item = |value: Value| {
                schema.map_or_else(|| value.clone(), |schema| typed(api, schema, value.clone(), depth + 1))
            };
            Value::Array(items.into_iter().map(item).collect())
        }
        other => other,
    }
}

fn scalar(branches: &[&Value], text: String) -> Value {
    let has = |wanted: &str| branches.iter().any(|branch| branch.get("type").and_then(Value::as_str) == Some(wanted));
    let number = (has("integer") || has("number")).then(|| serde_json::from_str(&text).ok().filter(Value::is_number));
    match (number.flatten(), text.as_str()) {
        (Some(number), _) => number,
        (None, "true") if has("boolean") => Value::Bool(true),
        (None, "false") if has("boolean") => Value::Bool(false),
        _ => Value::String(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn forms_follow_the_schema() {
        let api = Api { root: json!({ "s": { "type": "boolean" } }), base: String::new() };
        let schema = json!({ "properties": {
            "amount": { "type": "integer" },
            "name": { "type": "string" },
            "flag": { "$ref": "#/s" },
            "list": { "type": "array", "items": { "type": "string" } },
            "deep": { "anyOf": [{ "properties": { "n": { "type": "integer" } } }, { "type": "string" }] },
        } });
        let body = "amount=12&name=12&flag=true&list[]=a&list[]=b&deep[n]=1&other[x]=2";
        let expected = json!({
            "amount": 12, "name": "12", "flag": true, "list": ["a", "b"], "deep": { "n": 1 }, "other": { "x": "2" },
        });
        assert_eq!(decode(&api, &schema, body), expected);
        assert_eq!(decode(&api, &schema, "amount=x&list[1]=b&list[0]=a"), json!({ "amount": "x", "list": ["a", "b"] }));
    }
}
