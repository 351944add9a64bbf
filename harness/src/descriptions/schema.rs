//! The schemas of a description in the form that a JSON Schema validator takes, compiled once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use super::openapi::Api;
use super::place;

/// Whose words a body is: `readOnly` members are not the client's to send, `writeOnly` members not the provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// A request.
    Request,
    /// A response.
    Response,
}

impl Side {
    const fn foreign(self) -> &'static str {
        match self {
            Side::Request => "readOnly",
            Side::Response => "writeOnly",
        }
    }
}

/// Members of a schema that hold one schema.
const ONE: [&str; 5] = ["items", "additionalProperties", "not", "contains", "propertyNames"];
/// Members that hold a list of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Members that hold schemas by name.
const NAMED: [&str; 4] = ["properties", "patternProperties", "definitions", "$defs"];

/// A compiled schema.
pub(super) struct Compiled {
    pub(super) validator: Validator,
    /// Where each of its definitions stands in the document, in their order.
    pub(super) parts: Vec<String>,
}

/// The compiled schemas of one description.
#[derive(Default)]
pub(super) struct Schemas {
    compiled: BTreeMap<(Side, String), Arc<Result<Compiled, String>>>,
    /// Patterns that no engine here can read; what they would check is not checked.
    pub(super) skipped: BTreeSet<String>,
}

impl Schemas {
    /// The validator of a schema that stands in the document.
    pub(super) fn validator(&mut self, api: &Api, side: Side, schema: &Value) -> Arc<Result<Compiled, String>> {
        let key = (side, schema.to_string());
        if let Some(known) = self.compiled.get(&key) {
            return Arc::clone(known);
        }
        let validator = Arc::new(self.compile(api, side, schema));
        self.compiled.insert(key, Arc::clone(&validator));
        validator
    }

    fn compile(&mut self, api: &Api, side: Side, schema: &Value) -> Result<Compiled, String> {
        let mut rewrite = Rewrite { api, side, skipped: &mut self.skipped };
        let mut root = rewrite.schema(schema);
        // Only what is referred to is taken along: some documents have a thousand schemas.
        let mut parts: BTreeMap<String, Value> = BTreeMap::new();
        let mut open = references(&root);
        while let Some(name) = open.pop() {
            if parts.contains_key(&name) {
                continue;
            }
            let target = name.strip_prefix('#').and_then(|pointer| api.root.pointer(pointer));
            let part = target.map(|target| rewrite.schema(target)).ok_or_else(|| format!("{name} leads nowhere"))?;
            open.extend(references(&part));
            parts.insert(name, part);
        }
        let names: BTreeMap<String, String> =
            parts.keys().enumerate().map(|(index, name)| (name.clone(), format!("#/definitions/p{index}"))).collect();
        rename(&mut root, &names);
        let places: Vec<String> = parts.keys().cloned().collect();
        let definitions: Map<String, Value> = parts
            .into_values()
            .enumerate()
            .map(|(index, mut part)| {
                rename(&mut part, &names);
                (format!("p{index}"), part)
            })
            .collect();
        let whole = json!({ "allOf": [root], "definitions": definitions });
        let options = jsonschema::options().with_draft(draft(api)).should_validate_formats(false);
        match options.build(&whole) {
            Ok(validator) => Ok(Compiled { validator, parts: places }),
            Err(error) => {
                let place = place::original(api, schema, &places, &error.instance_path().to_string());
                Err(format!("the schema cannot be compiled: {place}: {error}"))
            }
        }
    }
}

fn draft(api: &Api) -> Draft {
    if api.is_three_zero() { Draft::Draft4 } else { Draft::Draft202012 }
}

/// The references of a rewritten schema.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(members.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

fn rename(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(name)) = members.get_mut("$ref")
                && let Some(short) = names.get(name)
            {
                *name = short.clone();
            }
            members.values_mut().for_each(|value| rename(value, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| rename(value, names)),
        _ => {}
    }
}

struct Rewrite<'a> {
    api: &'a Api,
    side: Side,
    skipped: &'a mut BTreeSet<String>,
}

impl Rewrite<'_> {
    /// A schema in the validator's dialect: no examples, `nullable` as a type, a `oneOf` without discriminator as `anyOf`, and
    /// nothing demanded that the other side has to say.
    fn schema(&mut self, schema: &Value) -> Value {
        let Some(members) = schema.as_object() else { return schema.clone() };
        // What stands beside a reference counts from OpenAPI 3.1 on.
        let alone = self.api.is_three_zero() || members.len() == 1;
        if let Some(reference) = members.get("$ref").filter(|reference| alone && reference.is_string()) {
            return json!({ "$ref": reference });
        }
        let mut out = Map::new();
        for (name, value) in members {
            let kept = match name.as_str() {
                "example" | "examples" | "default" | "description" | "title" | "discriminator" | "externalDocs"
                | "xml" | "nullable" | "readOnly" | "writeOnly" | "deprecated" | "format" | "$schema" | "$id" => {
                    continue;
                }
                name if name.starts_with("x-") => continue,
                "pattern" if !self.can_read(value) => continue,
                "required" => self.required(members, value),
                name if ONE.contains(&name) => self.schema(value),
                name if LIST.contains(&name) => self.list(value),
                name if NAMED.contains(&name) => self.named(value),
                _ => value.clone(),
            };
            out.insert(name.clone(), kept);
        }
        if !members.contains_key("discriminator")
            && let Some(branches) = out.remove("oneOf")
        {
            match (out.contains_key("anyOf"), out.get_mut("allOf").and_then(Value::as_array_mut)) {
                (false, _) => out.insert("anyOf".to_owned(), branches),
                (true, None) => out.insert("allOf".to_owned(), json!([{ "anyOf": branches }])),
                (true, Some(all)) => {
                    all.push(json!({ "anyOf": branches }));
                    None
                }
            };
        }
        let nullable = members.get("nullable").and_then(Value::as_bool) == Some(true);
        // An empty list of demands is no JSON Schema of the older drafts.
        if out.get("required").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            out.remove("required");
        }
        match nullable {
            true => json!({ "anyOf": [out, { "type": "null" }] }),
            false => Value::Object(out),
        }
    }

    fn list(&mut self, value: &Value) -> Value {
        Value::Array(
            value.as_array().map(|items| items.iter().map(|item| self.schema(item)).collect()).unwrap_or_default(),
        )
    }

    fn named(&mut self, value: &Value) -> Value {
        let members = value.as_object().cloned().unwrap_or_default();
        Value::Object(members.iter().map(|(name, schema)| (name.clone(), self.schema(schema))).collect())
    }

    fn required(&mut self, members: &Map<String, Value>, value: &Value) -> Value {
        let Some(names) = value.as_array() else { return json!([]) };
        let foreign = |name: &Value| {
            let property = members.get("properties").and_then(|properties| properties.get(name.as_str()?));
            let marked = |schema: &Value| schema.get(self.side.foreign()).and_then(Value::as_bool) == Some(true);
            property.is_some_and(|property| marked(property) || marked(self.api.resolve(property)))
        };
        Value::Array(names.iter().filter(|name| name.is_string() && !foreign(name)).cloned().collect())
    }

    fn can_read(&mut self, pattern: &Value) -> bool {
        let options = jsonschema::options().with_draft(draft(self.api));
        let readable = options.build(&json!({ "pattern": pattern })).is_ok();
        if !readable {
            self.skipped.insert(pattern.as_str().unwrap_or_default().to_owned());
        }
        readable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid(schema: Value, side: Side, body: Value) -> bool {
        let api = Api {
            root: json!({ "openapi": "3.0.1", "s": { "a": { "type": "string", "readOnly": true } } }),
            base: String::new(),
        };
        let mut schemas = Schemas::default();
        let validator = schemas.validator(&api, side, &schema);
        validator.as_ref().as_ref().unwrap().validator.is_valid(&body)
    }

    #[test]
    fn the_dialect_is_rewritten() {
        let both = json!({ "oneOf": [{ "type": "integer" }, { "type": "number" }] });
        assert!(valid(both, Side::Request, json!(1)));
        let all = json!({ "allOf": [{ "minimum": 5 }], "anyOf": [{ "type": "integer" }], "oneOf": [{ "maximum": 9 }] });
        for (body, expected) in [(json!(7), true), (json!(3), false), (json!(7.5), false), (json!(10), false)] {
            assert_eq!(valid(all.clone(), Side::Request, body.clone()), expected, "{body}");
        }
        assert!(valid(json!({ "type": "string", "nullable": true }), Side::Response, Value::Null));
        assert!(!valid(json!({ "type": "string" }), Side::Response, Value::Null));
        let demanded =
            json!({ "type": "object", "required": ["a", "b"], "properties": { "a": { "$ref": "#/s/a" }, "b": {} } });
        assert!(valid(demanded.clone(), Side::Request, json!({ "b": 1 })));
        assert!(!valid(demanded.clone(), Side::Request, json!({ "a": "x" })));
        assert!(!valid(demanded, Side::Response, json!({ "b": 1 })));
        assert!(!valid(
            json!({ "properties": { "nullable": { "type": "string" } } }),
            Side::Request,
            json!({ "nullable": 1 })
        ));
        assert!(!valid(json!({ "type": "object", "additionalProperties": false }), Side::Request, json!({ "x": 1 })));
        assert!(!valid(json!({ "type": "integer", "minimum": 1, "exclusiveMinimum": true }), Side::Request, json!(1)));
    }

    #[test]
    fn unreadable_patterns_are_told() {
        let api = Api { root: json!({ "openapi": "3.0.1" }), base: String::new() };
        let mut schemas = Schemas::default();
        let schema = json!({ "type": "string", "pattern": "[z-a]" });
        let compiled = schemas.validator(&api, Side::Request, &schema);
        assert!(compiled.as_ref().as_ref().unwrap().validator.is_valid(&json!("q")));
        assert_eq!(schemas.skipped.iter().collect::<Vec<_>>(), ["[z-a]"]);
    }
}
