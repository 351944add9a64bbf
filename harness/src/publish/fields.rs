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

/// The fields of a credentials schema, the required ones first.
pub fn fields(schema: &Value) -> Vec<Field> {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut fields: Vec<Field> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, field)| Field {
            name: name.clone(),
            form: form(schema, field),
            required: required.contains(&name.as_str()),
            secret: field.to_string().contains("\"writeOnly\":true")
                || resolved(schema, field).to_string().contains("\"writeOnly\":true"),
            description: text(&field["description"]),
        })
        .collect();
    fields.sort_by_key(|field| (!field.required, field.name.clone()));
    fields
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
