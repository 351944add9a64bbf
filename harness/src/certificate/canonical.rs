//! The form of JSON that is signed (RFC 8785): no white space, members sorted by name, whole numbers.

use std::collections::BTreeMap;

use serde_json::Value;

/// The canonical text of a value. Members are sorted whatever order the map keeps.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            let member = |(name, value): (&String, &Value)| format!("{}:{}", Value::String(name.clone()), text(value));
            let members: Vec<String> = sorted.into_iter().map(member).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn members_are_sorted_at_every_depth() {
        let value = json!({ "b": [1, { "z": null, "a": "x\"\n\u{e9}" }], "a": true });
        assert_eq!(super::text(&value), r#"{"a":true,"b":[1,{"a":"x\"\né","z":null}]}"#);
    }
}
