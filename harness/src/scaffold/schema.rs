//! What a description's schemas say of objects: their members, of what kind each is, and what may stand in it.

use serde_json::{Map, Value};

use crate::descriptions::openapi::Api;

/// How deep bodies are followed: what lies deeper is filled in by hand.
pub(super) const MOST_LEVELS: usize = 4;
/// The longest text of an example that is taken over.
const LONGEST: usize = 80;
/// A text of digits of this length may be a card's number, which belongs in no fixture.
const DIGITS_OF_CARD: usize = 12;

/// What a member holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind<'a> {
    Object,
    /// A list of what this schema says.
    List(&'a Value),
    Text,
    Whole,
    /// With or without decimals.
    Number,
    Flag,
}

impl Kind<'_> {
    /// The word of JSON Schema for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Object => "object",
            Kind::List(_) => "array",
            Kind::Text => "string",
            Kind::Whole => "integer",
            Kind::Number => "number",
            Kind::Flag => "boolean",
        }
    }
}

/// A member of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Property<'a> {
    pub(super) name: &'a str,
    /// Its schema, references followed.
    pub(super) schema: &'a Value,
    /// Whether the object is never without it.
    pub(super) needed: bool,
    /// The word that stands in it where it tells objects apart, and one was chosen.
    pub(super) chosen: Option<&'a str>,
    /// What an example of the object has in it.
    pub(super) example: Option<&'a Value>,
}

impl<'a> Property<'a> {
    pub(super) fn kind(&self, api: &'a Api) -> Kind<'a> {
        match (self.schema, self.example) {
            // Nothing but an example shows it.
            (Value::Null, Some(Value::Object(_))) => Kind::Object,
            (Value::Null, Some(Value::Array(_))) => Kind::List(&Value::Null),
            (Value::Null, Some(Value::Bool(_))) => Kind::Flag,
            (Value::Null, Some(Value::Number(number))) if number.is_i64() => Kind::Whole,
            (Value::Null, Some(Value::Number(_))) => Kind::Number,
            _ => kind(api, self.schema),
        }
    }

    /// The members of the object, or of the objects of the list, that it holds; none where it holds neither.
    pub(super) fn inner(&self, api: &'a Api) -> Vec<Property<'a>> {
        match self.kind(api) {
            Kind::Object => properties(api, self.schema, self.example),
            Kind::List(items) => properties(api, items, self.example.and_then(|list| list.get(0))),
            _ => Vec::new(),
        }
    }

    /// Whether its schema says this of it: `readOnly`, `writeOnly`.
    pub(super) fn is(&self, word: &str) -> bool {
        self.schema.get(word).and_then(Value::as_bool) == Some(true)
    }

    /// The texts that its schema lists.
    pub(super) fn listed(&self, api: &'a Api) -> Vec<&'a str> {
        let schema = flat(api, self.schema);
        let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        listed.chain(schema.get("const")).filter_map(Value::as_str).collect()
    }

    /// Something that may stand in it: an example, a default, the first that is listed, or the plainest value of its kind.
    pub(super) fn sample(&self, api: &'a Api, level: usize) -> Value {
        if let Some(word) = self.chosen {
            return Value::from(word);
        }
        let schema = flat(api, self.schema);
        let kind = self.kind(api);
        let own = ["example", "default", "const"].iter().filter_map(|word| schema.get(word));
        let several = ["examples", "enum"].iter().filter_map(|word| schema.get(word)?.as_array()).flatten();
        let beside = ["example", "default"].iter().filter_map(|word| self.schema.get(word));
        let mut offered = self.example.into_iter().chain(beside).chain(own).chain(several);
        if let Some(value) = offered.find(|value| is_usable(value, kind)) {
            return value.clone();
        }
        match kind {
            Kind::Object if level < 2 * MOST_LEVELS => {
                let needed = self.inner(api).into_iter().filter(|property| property.needed);
                needed.map(|property| (property.name.to_owned(), property.sample(api, level + 1))).collect()
            }
            Kind::Object => Value::Object(Map::new()),
            Kind::List(items) => {
                let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
                let item = Property { name: "", schema: api.resolve(items), needed: true, chosen: None, example: None };
                let items = (least > 0 && level < 2 * MOST_LEVELS).then(|| item.sample(api, level + 1));
                Value::Array(items.into_iter().collect())
            }
            Kind::Text => Value::from(text_of(schema)),
            Kind::Whole | Kind::Number => schema.get("minimum").cloned().unwrap_or_else(|| Value::from(1)),
            Kind::Flag => Value::from(is_of_success(self.name)),
        }
    }
}

/// Whether a truth value of this name says that all went well.
fn is_of_success(name: &str) -> bool {
    const WELL: [&str; 9] =
        ["status", "success", "successful", "succeeded", "ok", "paid", "captured", "approved", "authorized"];
    WELL.contains(&name.to_lowercase().as_str())
}

/// A text in the form that a schema asks for.
fn text_of(schema: &Value) -> &'static str {
    match schema.get("format").and_then(Value::as_str).unwrap_or_default() {
        "date-time" => "2026-01-15T10:00:00Z",
        "date" => "2026-01-15",
        "email" => "ada@example.com",
        "uri" | "url" => "https://merchant.example/",
        "uuid" => "5f0c2c9e-3b1d-4f6a-9d55-0c6f6f0a7a11",
        _ => "text",
    }
}

/// Whether an example can stand in a tape: of its kind, in one line, without what ends a text there, and no number of a card.
fn is_usable(value: &Value, kind: Kind<'_>) -> bool {
    match (value, kind) {
        (Value::String(text), Kind::Text) => {
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            let is_card = digits > DIGITS_OF_CARD && text.bytes().all(|b| b.is_ascii_digit() || b" -".contains(&b));
            let is_plain = !text.chars().any(|letter| letter.is_control() || "'\\\"<>".contains(letter));
            text.len() <= LONGEST && is_plain && !text.contains("${") && !is_card && !text.contains("_live_")
        }
        (Value::Number(number), Kind::Whole) => number.is_i64(),
        (Value::Number(number), Kind::Number) => number.as_f64().is_some_and(|number| number.abs() < 1e9),
        (Value::Bool(_), Kind::Flag) => true,
        _ => false,
    }
}

/// The schema that says what kind a value is: references followed, and the first part of what is put together.
fn flat<'a>(api: &'a Api, schema: &'a Value) -> &'a Value {
    let mut schema = api.resolve(schema);
    for _ in 0..MOST_LEVELS {
        if ["type", "properties", "items", "enum", "const"].iter().any(|word| schema.get(word).is_some()) {
            break;
        }
        let parts = ["allOf", "oneOf", "anyOf"].iter().filter_map(|word| schema.get(word)?.as_array()).flatten();
        let is_null = |part: &&Value| part.get("type").and_then(Value::as_str) == Some("null");
        match parts.map(|part| api.resolve(part)).find(|part| !is_null(part)) {
            Some(part) => schema = part,
            None => break,
        }
    }
    schema
}

/// Of what kind a value is by its schema; a text where the schema does not say.
pub(super) fn kind<'a>(api: &'a Api, schema: &'a Value) -> Kind<'a> {
    let whole = api.resolve(schema);
    let schema = flat(api, schema);
    let word = schema.get("type").and_then(|word| match word {
        Value::Array(words) => words.iter().filter_map(Value::as_str).find(|word| *word != "null"),
        word => word.as_str(),
    });
    if let Some(items) = schema.get("items") {
        return Kind::List(items);
    }
    match word {
        Some("array") => Kind::List(&Value::Null),
        Some("object") => Kind::Object,
        Some("integer") => Kind::Whole,
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Flag,
        Some(_) => Kind::Text,
        None if schema.get("properties").is_some() || whole.get("discriminator").is_some() => Kind::Object,
        None => match schema.get("enum").and_then(|listed| listed.get(0)).or_else(|| schema.get("const")) {
            Some(Value::Bool(_)) => Kind::Flag,
            Some(Value::Number(_)) => Kind::Whole,
            _ => Kind::Text,
        },
    }
}

/// The members of an object, each once, by its schema; where that says nothing, by the example.
pub(super) fn properties<'a>(api: &'a Api, schema: &'a Value, example: Option<&'a Value>) -> Vec<Property<'a>> {
    let mut parts = Parts::default();
    parts.collect(api, schema, 0);
    let whole = api.resolve(schema);
    let example = example.or_else(|| whole.get("example")).or_else(|| whole.get("examples")?.get(0));
    let mut all: Vec<Property<'a>> = Vec::new();
    for (name, property) in &parts.properties {
        if all.iter().any(|known| known.name == *name) {
            continue;
        }
        let chosen = parts.chosen.iter().find(|(property, _)| *property == name.as_str()).map(|(_, word)| *word);
        all.push(Property {
            name,
            schema: api.resolve(property),
            needed: parts.required.contains(&name.as_str()),
            chosen,
            example: example.and_then(|example| example.get(name.as_str())),
        });
    }
    match example {
        Some(Value::Object(members)) if all.is_empty() => {
            let shown = |(name, value): (&'a String, &'a Value)| Property {
                name,
                schema: &Value::Null,
                needed: true,
                chosen: None,
                example: Some(value),
            };
            members.iter().map(shown).collect()
        }
        _ => all,
    }
}

/// What a schema is made of: all of `allOf`, one of `oneOf` and `anyOf`: the card's, where one is told by its name, else the first.
#[derive(Default)]
struct Parts<'a> {
    properties: Vec<(&'a String, &'a Value)>,
    required: Vec<&'a str>,
    /// The properties that discriminate, each with the word of what was chosen.
    chosen: Vec<(&'a str, &'a str)>,
}

impl<'a> Parts<'a> {
    fn collect(&mut self, api: &'a Api, schema: &'a Value, level: usize) {
        let schema = api.resolve(schema);
        if level > 2 * MOST_LEVELS {
            return;
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        self.required.extend(required.filter_map(Value::as_str));
        self.properties.extend(schema.get("properties").and_then(Value::as_object).into_iter().flatten());
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.collect(api, part, level + 1);
        }
        if let Some((property, word, card)) = discriminated(api, schema) {
            // What is chosen is often made of the very schema that tells it from others.
            if !self.chosen.iter().any(|(chosen, _)| *chosen == property) {
                self.chosen.push((property, word));
                self.collect(api, card, level + 1);
            }
            return;
        }
        for name in ["oneOf", "anyOf"] {
            let parts = || schema.get(name).and_then(Value::as_array).into_iter().flatten();
            let has_members = |part: &&Value| {
                let part = api.resolve(part);
                ["properties", "allOf", "oneOf", "anyOf", "discriminator"].iter().any(|word| part.get(word).is_some())
            };
            if let Some(part) = parts().find(|part| is_card(part)).or_else(|| parts().find(has_members)) {
                self.collect(api, part, level + 1);
            }
        }
    }
}

/// Whether the name of what a reference leads to says that it is a card.
fn is_card(part: &Value) -> bool {
    let name = part.get("$ref").and_then(Value::as_str).and_then(|target| target.rsplit('/').next());
    let name = name.or_else(|| part.get("title")?.as_str()).unwrap_or_default().to_lowercase();
    name.starts_with("card") || name.ends_with("card")
}

/// Of the schemas that a discriminator tells apart the card's: the property that tells, its word, and the schema.
fn discriminated<'a>(api: &'a Api, schema: &'a Value) -> Option<(&'a str, &'a str, &'a Value)> {
    let discriminator = schema.get("discriminator")?;
    let mapping = discriminator.get("mapping")?.as_object()?;
    let named = || mapping.iter().find(|(word, _)| word.to_lowercase().contains("card"));
    let (word, target) = mapping.get_key_value("card").or_else(named)?;
    let target = target.as_str()?;
    // A bare name is that of a schema (OpenAPI 3.0.3, discriminator object).
    let found = match target.strip_prefix('#') {
        Some(pointer) => api.root.pointer(pointer),
        None => api.root.pointer("/components/schemas")?.get(target),
    };
    Some((discriminator.get("propertyName")?.as_str()?, word, found?))
}
