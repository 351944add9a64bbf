//! The fields of a connector's credentials, as people read them.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A field of the credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type, or the values that it can have.
    pub form: String,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it is a secret.
    pub secret: bool,
    /// What it is and where to find it.
    pub description: String,
}

/// The fields of a credentials schema, the required ones first; those of an object by dotted name, required where the object is.
pub fn fields(schema: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    collect(schema, schema, None, &mut fields);
    fields.sort_by_key(|field| (!field.required, field.name.clone()));
    fields
}

/// Adds the members of `object`, which is the field `parent` of the schema `root`.
fn collect(root: &Value, object: &Value, parent: Option<&Field>, fields: &mut Vec<Field>) {
    let required: Vec<&str> = object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, member) in object["properties"].as_object().into_iter().flatten() {
        let inner = resolved(root, member);
        let needed = required.contains(&name.as_str());
        let mut description = member["description"].as_str().unwrap_or_default().to_owned();
        if let Some(parent) = parent.filter(|parent| needed && !parent.required) {
            description.push_str(&format!(" Needed where `{}` is given.", parent.name));
        }
        let field = Field {
            name: parent.map_or_else(|| name.clone(), |parent| format!("{}.{name}", parent.name)),
            form: form(root, member),
            required: needed && parent.is_none_or(|parent| parent.required),
            secret: [member, inner].iter().any(|schema| schema.to_string().contains("\"writeOnly\":true")),
            description,
        };
        collect(root, inner, Some(&field), fields);
        fields.push(field);
    }
}

/// What a `$ref` of a schema points at; the schema itself where there is none.
fn resolved<'v>(root: &'v Value, schema: &'v Value) -> &'v Value {
    let choices =
        schema["anyOf"].as_array().into_iter().flatten().chain(schema["allOf"].as_array().into_iter().flatten());
    let mut all = std::iter::once(schema).chain(choices);
    let pointer = all.find_map(|schema| schema["$ref"].as_str()).and_then(|name| name.strip_prefix('#'));
    pointer.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

/// The form of a field in words: its type, or the values it can have.
fn form(root: &Value, field: &Value) -> String {
    let field = resolved(root, field);
    let constants = field["oneOf"].as_array().into_iter().flatten().filter_map(|choice| choice["const"].as_str());
    let values: Vec<&str> =
        field["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).chain(constants).collect();
    if !values.is_empty() {
        return values.join(" or ");
    }
    match &field["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect::<Vec<_>>().join(" or ")
        }
        _ => "text".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_told_with_its_members() {
        let schema = json!({
            "properties": {
                "key": { "type": "string", "writeOnly": true },
                "sender": { "anyOf": [{ "$ref": "#/$defs/Sender" }, { "type": "null" }] },
            },
            "required": ["key"],
            "$defs": { "Sender": {
                "type": "object",
                "properties": { "name": { "type": "string", "description": "Who sends." } },
                "required": ["name"],
            } },
        });
        let told: Vec<_> = fields(&schema).into_iter().map(|it| (it.name, it.form, it.required, it.secret)).collect();
        let field = |name: &str, form: &str, required, secret| (name.to_owned(), form.to_owned(), required, secret);
        assert_eq!(
            told,
            [
                field("key", "string", true, true),
                field("sender", "object", false, false),
                field("sender.name", "string", false, false),
            ]
        );
        let described: Vec<_> = fields(&schema).into_iter().map(|it| it.description).collect();
        assert_eq!(described, ["", "", "Who sends. Needed where `sender` is given."]);
    }
}
