//! One exchange against the vendor's descriptions.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, Response};
use jsonschema::{ValidationError, error::ValidationErrorKind};
use serde_json::Value;

use super::form;
use super::openapi::{Api, Operation, schema_of};
use super::place;
use super::schema::{Schemas, Side};
use super::xsd::Xsd;

/// Headers that a description declares elsewhere or not at all (OpenAPI 3, parameter object).
const RESERVED: [&str; 3] = ["accept", "content-type", "authorization"];
/// How much of a text is shown.
const SHOWN: usize = 400;

/// A difference between an exchange and the description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// `POST /v1/refunds request $.amount`; list positions are left out.
    pub(super) place: String,
    /// What the description says.
    pub(super) expected: String,
    /// What was sent or answered.
    pub(super) found: String,
}

/// The descriptions of a connector with their compiled schemas.
#[derive(Default)]
pub(super) struct Checker {
    /// The descriptions, in the order in which a path is looked for.
    pub(super) apis: Vec<(Api, Schemas)>,
    /// XML Schemas, each with the start of the URLs whose bodies it describes.
    pub(super) schemas: Vec<(String, Xsd)>,
}

impl Checker {
    /// Every difference of an exchange; the answer's body only where `answer` is given.
    pub(super) fn check(&mut self, request: &Request<Bytes>, answer: Option<&Response<Bytes>>) -> Vec<Difference> {
        let uri = request.uri();
        let method = request.method().as_str();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let url = format!("{}://{authority}{}", uri.scheme_str().unwrap_or("https"), uri.path());
        if let Some((_, schema)) = self.schemas.iter().find(|(base, _)| url.starts_with(base)) {
            let text = |body: &Bytes| String::from_utf8_lossy(body).into_owned();
            let place = format!("{method} {}", uri.path());
            let mut found = schema.check(&format!("{place} request"), &text(request.body()));
            // Other statuses are answers of the servers before the interface.
            if let Some(answer) = answer.filter(|answer| answer.status().is_success()) {
                found.extend(schema.check(&format!("{place} response"), &text(answer.body())));
            }
            return found;
        }
        let index = self.apis.iter().position(|(api, _)| api.operation(method, &url).is_some());
        let Some((api, schemas)) = index.and_then(|index| self.apis.get_mut(index)) else {
            return vec![Difference {
                place: format!("{method} {authority}{}", uri.path()),
                expected: "a path and method of the descriptions".to_owned(),
                found: "none".to_owned(),
            }];
        };
        let Some(operation) = api.operation(method, &url) else { return Vec::new() };
        let mut check =
            Check { api, schemas, operation, name: format!("{method} {}", operation.path), found: Vec::new() };
        check.query(uri.query().unwrap_or_default());
        check.headers(request.headers());
        check.request_body(request);
        if let Some(answer) = answer {
            check.answer(answer);
        }
        check.found
    }
}

struct Check<'a> {
    api: &'a Api,
    schemas: &'a mut Schemas,
    operation: Operation<'a>,
    name: String,
    found: Vec<Difference>,
}

impl Check<'_> {
    fn differs(&mut self, place: &str, expected: impl Into<String>, found: impl Into<String>) {
        let place = format!("{} {place}", self.name);
        self.found.push(Difference { place, expected: shown(expected.into()), found: shown(found.into()) });
    }

    fn query(&mut self, query: &str) {
        let declared = self.api.parameters(&self.operation, "query");
        let names: Vec<&str> = declared.iter().filter_map(|parameter| parameter.get("name")?.as_str()).collect();
        let sent: Vec<String> = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned()).collect();
        let head = |name: &str| name.split('[').next().unwrap_or_default().to_owned();
        for name in &sent {
            if !names.contains(&name.as_str()) && !names.contains(&head(name).as_str()) {
                self.differs(&format!("query {}", head(name)), "a declared parameter", "an undeclared one");
            }
        }
        for parameter in declared.iter().filter(|parameter| is_required(parameter)) {
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
            if !sent.iter().any(|sent| sent == name || head(sent) == name) {
                self.differs(&format!("query {name}"), "a required parameter", "none");
            }
        }
    }

    fn headers(&mut self, headers: &HeaderMap) {
        for parameter in self.api.parameters(&self.operation, "header").iter().filter(|one| is_required(one)) {
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
            if !RESERVED.contains(&name.to_ascii_lowercase().as_str()) && !headers.contains_key(name) {
                self.differs(&format!("header {}", name.to_ascii_lowercase()), "a required header", "none");
            }
        }
    }

    fn request_body(&mut self, request: &Request<Bytes>) {
        let declared = self.operation.value.get("requestBody").map(|body| self.api.resolve(body));
        let body = request.body();
        let (Some(declared), false) = (declared, body.is_empty()) else {
            if body.is_empty() && declared.is_some_and(is_required) {
                self.differs("request", "a body", "none");
            }
            if !body.is_empty() && declared.is_none() {
                self.differs("request", "no body", "a body");
            }
            return;
        };
        let media_type = media_type(request.headers());
        match declared.get("content").and_then(|content| schema_of(content, &media_type)) {
            None => self.differs("request", "a declared media type", media_type),
            Some(schema) => self.body("request", Side::Request, schema, &media_type, body),
        }
    }

    fn answer(&mut self, answer: &Response<Bytes>) {
        let status = answer.status().as_u16();
        let Some(declared) = self.api.response(&self.operation, status) else {
            return self.differs(&format!("response {status}"), "a declared status", status.to_string());
        };
        let body = answer.body();
        let (Some(content), false) = (declared.get("content"), body.is_empty()) else { return };
        let media_type = media_type(answer.headers());
        let place = format!("response {status}");
        match schema_of(content, &media_type) {
            None => self.differs(&place, "a declared media type", media_type),
            Some(schema) => self.body(&place, Side::Response, schema, &media_type, body),
        }
    }

    fn body(&mut self, place: &str, side: Side, schema: &Value, media_type: &str, body: &Bytes) {
        let text = String::from_utf8_lossy(body);
        let value = match media_type.starts_with("application/x-www-form-urlencoded") {
            true => form::decode(self.api, schema, &text),
            false if media_type.contains("json") => match serde_json::from_str(&text) {
                Ok(value) => value,
                Err(error) => return self.differs(place, "JSON", error.to_string()),
            },
            // Other media types have no schema that could be applied to their text.
            false => return,
        };
        let compiled = self.schemas.validator(self.api, side, schema);
        let compiled = match compiled.as_ref() {
            Ok(compiled) => compiled,
            Err(why) => return self.differs(place, "a schema", why.clone()),
        };
        let place_of = |path: &str| place::original(self.api, schema, &compiled.parts, path);
        let errors: Vec<(String, String, String)> = compiled
            .validator
            .iter_errors(&value)
            .map(|error| {
                let path = error.instance_path().to_string();
                let found = value.pointer(&path).map(told).unwrap_or_default();
                (dotted(&path), expected(&error, &place_of), found)
            })
            .collect();
        for (path, expected, found) in errors {
            self.differs(&format!("{place} {path}"), expected, found);
        }
    }
}

/// What an error asks for. Where no branch of a list fits: the list, and the nearest branch with what that asks for. `place_of` gives
/// the pointer in the document of a place in the compiled schema.
fn expected(error: &ValidationError<'_>, place_of: &dyn Fn(&str) -> String) -> String {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) = error.kind() else {
        return error.masked().to_string();
    };
    let list = error.schema_path().to_string();
    // A branch of another type is further off than any of the right one.
    let is_other = |inner: &ValidationError<'_>| {
        inner.instance_path() == error.instance_path() && matches!(inner.kind(), ValidationErrorKind::Type { .. })
    };
    let rank = |(_, branch): &(usize, &Vec<ValidationError<'_>>)| (branch.iter().any(is_other), branch.len());
    let Some((index, branch)) = context.iter().enumerate().min_by_key(rank) else { return error.masked().to_string() };
    let asked = |inner: &ValidationError<'_>| match inner.instance_path() == error.instance_path() {
        true => expected(inner, place_of),
        false => format!("{} {}", dotted(&inner.instance_path().to_string()), expected(inner, place_of)),
    };
    let asked = branch.iter().map(asked).collect::<Vec<_>>().join("; ");
    let nearest = place_of(&format!("{list}/{index}"));
    let around = list.rsplit_once('/').map(|(around, _)| place_of(around));
    // What may be null is a list of the schema itself and null; nobody wrote that list.
    if around.as_ref() == Some(&nearest) {
        return asked;
    }
    format!("a branch of {}; the nearest is {nearest}: {asked}", place_of(&list))
}

fn is_required(value: &Value) -> bool {
    value.get("required").and_then(Value::as_bool) == Some(true)
}

fn media_type(headers: &HeaderMap) -> String {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.to_ascii_lowercase()
}

/// `/a/0/b` → `$.a[].b`.
fn dotted(pointer: &str) -> String {
    let mut out = "$".to_owned();
    for segment in pointer.split('/').skip(1) {
        match segment.bytes().all(|byte| byte.is_ascii_digit()) {
            true => out.push_str("[]"),
            false => {
                out.push('.');
                out.push_str(&segment.replace("~1", "/").replace("~0", "~"));
            }
        }
    }
    out
}

/// What a value is; texts only when short and plain, since bodies hold card numbers and keys.
fn told(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text)
            if text.len() <= 24 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') =>
        {
            format!("`{text}`")
        }
        Value::String(text) => format!("a text of {} characters", text.chars().count()),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(members) => {
            format!("an object with {}", members.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
        }
    }
}

fn shown(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn places(method: &str, url: &str, body: &str, status: u16, answer: &str) -> Vec<String> {
        let root = json!({ "openapi": "3.0.0", "paths": { "/a/{id}": { "post": {
            "parameters": [
                { "in": "query", "name": "expand", "schema": {} },
                { "in": "header", "name": "Request-Id", "required": true, "schema": {} },
            ],
            "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/a" } } } },
            "responses": { "2XX": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/b" } } } } },
        } } }, "components": { "schemas": {
            "a": { "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } }, "additionalProperties": false },
            "b": { "type": "object", "properties": { "l": { "type": "array", "items": { "$ref": "#/components/schemas/a" } } } },
        } } });
        let mut checker = Checker::default();
        checker.apis.push((Api { root, base: "https://h".to_owned() }, Schemas::default()));
        let json = |builder: http::request::Builder| builder.header("content-type", "application/json; charset=utf-8");
        let request = Request::builder().method(method).uri(url);
        let request = json(request).body(Bytes::from(body.to_owned())).unwrap();
        let response = Response::builder().status(status).header("content-type", "application/json");
        let response = response.body(Bytes::from(answer.to_owned())).unwrap();
        checker.check(&request, Some(&response)).into_iter().map(|difference| difference.place).collect()
    }

    #[test]
    fn every_part_is_compared() {
        let name = "POST /a/{id}";
        let header = format!("{name} header request-id");
        let found = places("POST", "https://h/a/1?expand[]=x", r#"{"n":1}"#, 200, r#"{"l":[{"n":1}]}"#);
        assert_eq!(found.join(""), header);
        assert_eq!(places("GET", "https://h/a/1", "", 200, ""), ["GET h/a/1"]);
        let found = places("POST", "https://h/a/1?limit=3", r#"{"n":"1"}"#, 404, "{}");
        let expected = ["query limit", "header request-id", "request $.n", "response 404"];
        assert_eq!(found, expected.map(|part| format!("{name} {part}")));
        let found = places("POST", "https://h/a/1", r#"{"n":1,"m":1}"#, 201, r#"{"l":[{"n":1},{}]}"#);
        assert_eq!(found, [header.clone(), format!("{name} request $"), format!("{name} response 201 $.l[]")]);
        assert_eq!(places("POST", "https://h/a/1", "", 200, ""), [header, format!("{name} request")]);
    }

    #[test]
    fn a_fault_of_the_document_and_the_nearest_branch_are_named() {
        let described = |card: Value| {
            let root = json!({ "openapi": "3.0.0", "paths": { "/a": { "post": {
                "requestBody": { "content": { "application/json": { "schema": { "properties": {
                    "source": { "nullable": true, "oneOf": [{ "$ref": "#/components/schemas/bank" }, { "$ref": "#/components/schemas/card" }] },
                } } } } },
            } } }, "components": { "schemas": {
                "bank": { "type": "object", "required": ["iban", "holder", "bic"] }, "card": card,
            } } });
            let mut checker = Checker::default();
            checker.apis.push((Api { root, base: "https://h".to_owned() }, Schemas::default()));
            let request = Request::post("https://h/a").header("content-type", "application/json");
            let request = request.body(Bytes::from(r#"{"source":{"number":4242424242424242}}"#)).unwrap();
            checker.check(&request, None)
        };
        let found = described(json!({ "type": "object", "properties": { "number": { "type": "Enum" } } }));
        let told = "the schema cannot be compiled: #/components/schemas/card/properties/number/type: ";
        assert!(found.iter().any(|one| one.found.starts_with(told)), "{found:?}");
        let found = described(
            json!({ "type": "object", "required": ["cvc"], "properties": { "number": { "type": "string" } } }),
        );
        let [one] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(one.place, "POST /a request $.source");
        for part in [
            "a branch of #/paths/~1a/post/requestBody/content/application~1json/schema/properties/source/oneOf; \
             the nearest is #/components/schemas/card: ",
            "$.source.number value is not of type \"string\"",
            "\"cvc\" is a required property",
        ] {
            assert!(one.expected.contains(part), "no {part} in {}", one.expected);
        }
        assert!(!one.expected.contains("4242"), "{}", one.expected);
    }

    #[test]
    fn card_numbers_are_not_shown() {
        assert_eq!(told(&json!("4242424242424242")), "a text of 16 characters");
        assert_eq!(told(&json!("sk_test_1")), "a text of 9 characters");
        assert_eq!(told(&json!("challenge")), "`challenge`");
        assert_eq!(told(&json!(4242424242424242_i64)), "a number");
    }
}
