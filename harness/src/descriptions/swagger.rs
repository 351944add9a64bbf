//! Documents of Swagger 2.0, turned into the form of OpenAPI 3.0: bodies are no parameters there, and answers have a media type.

use serde_json::{Map, Value, json};

/// Lists whose members a bundler may have left empty, where a reference led nowhere.
const LISTS: [&str; 4] = ["allOf", "anyOf", "oneOf", "parameters"];

/// Members that are a schema, which may be left empty in the same way: then anything fits.
const SCHEMAS: [&str; 2] = ["items", "schema"];

/// Turns a document of Swagger 2.0 into one of OpenAPI 3.0; leaves others as they are.
pub(super) fn modernise(root: &mut Value) {
    if root.get("swagger").and_then(Value::as_str) != Some("2.0") {
        return;
    }
    drop_empty(root);
    let of_document = |name: &str| root.get(name).and_then(Value::as_array).cloned();
    let media = [of_document("consumes"), of_document("produces")].map(|types| media_of(types.as_ref()));
    let items = root.get_mut("paths").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut);
    for operation in items.filter_map(Value::as_object_mut).flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        let own = |name: &str, other: &str| match operation.get(name).and_then(Value::as_array) {
            Some(types) => media_of(Some(types)),
            None => other.to_owned(),
        };
        let (takes, gives) = (own("consumes", &media[0]), own("produces", &media[1]));
        body(operation, &takes);
        let answers = operation.get_mut("responses").and_then(Value::as_object_mut);
        for answer in answers.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
            if let Some(schema) = answer.remove("schema") {
                answer.insert("content".to_owned(), json!({ gives.as_str(): { "schema": schema } }));
            }
        }
    }
    if let Some(members) = root.as_object_mut() {
        members.insert("openapi".to_owned(), json!("3.0.0"));
    }
}

fn media_of(types: Option<&Vec<Value>>) -> String {
    types.and_then(|types| types.first()?.as_str()).unwrap_or("application/json").to_owned()
}

/// The parameter that is the body becomes the body.
fn body(operation: &mut Map<String, Value>, media: &str) {
    let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) else { return };
    let is_body = |parameter: &Value| parameter.get("in").and_then(Value::as_str) == Some("body");
    let Some(at) = parameters.iter().position(is_body) else { return };
    let parameter = parameters.remove(at);
    let required = parameter.get("required").cloned().unwrap_or(json!(false));
    let schema = parameter.get("schema").cloned().unwrap_or(json!({}));
    operation
        .insert("requestBody".to_owned(), json!({ "required": required, "content": { media: { "schema": schema } } }));
}

fn drop_empty(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(drop_empty),
        Value::Object(members) => {
            for (name, member) in members {
                if let Some(items) = member.as_array_mut().filter(|_| LISTS.contains(&name.as_str())) {
                    items.retain(|item| !item.is_null());
                }
                if let Some(schemas) = member.as_object_mut().filter(|_| name == "properties") {
                    schemas.values_mut().filter(|schema| schema.is_null()).for_each(|schema| *schema = json!({}));
                }
                if member.is_null() && SCHEMAS.contains(&name.as_str()) {
                    *member = json!({});
                }
                drop_empty(member);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_and_answers_find_their_place() {
        let mut root = json!({ "swagger": "2.0", "consumes": ["text/json"], "paths": { "/a": { "post": {
            "parameters": [null, { "in": "body", "name": "_", "required": true, "schema": { "allOf": [null, { "type": "object" }] } }, { "in": "query", "name": "q" }],
            "responses": { "200": { "schema": { "type": "string" } }, "204": {} },
        } } } });
        modernise(&mut root);
        let operation = &root["paths"]["/a"]["post"];
        assert_eq!(operation["parameters"], json!([{ "in": "query", "name": "q" }]));
        let schema = json!({ "allOf": [{ "type": "object" }] });
        assert_eq!(
            operation["requestBody"],
            json!({ "required": true, "content": { "text/json": { "schema": schema } } })
        );
        let content = json!({ "content": { "application/json": { "schema": { "type": "string" } } } });
        assert_eq!(operation["responses"], json!({ "200": content, "204": {} }));
        let mut modern = json!({ "openapi": "3.1.0", "paths": { "/a": { "parameters": [null] } } });
        let before = modern.clone();
        modernise(&mut modern);
        assert_eq!(modern, before);
    }
}
