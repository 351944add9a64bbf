//! A vendor's OpenAPI document as a plain value: finding operations, parameters and bodies.

use std::path::Path;

use serde_json::Value;

use super::{bundle, swagger};

/// How many references are followed before one is taken for a circle.
const MAX_REFERENCES: usize = 32;

/// A description and the URLs it stands for.
#[derive(Debug)]
pub(crate) struct Api {
    /// The document.
    pub(crate) root: Value,
    /// What stands before its paths in a URL.
    pub(super) base: String,
}

/// An operation of a description.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation<'a> {
    /// The path as the description writes it.
    pub(super) path: &'a str,
    /// The operation.
    pub(super) value: &'a Value,
    /// The path item, whose parameters hold for every operation.
    pub(super) item: &'a Value,
}

impl Api {
    /// Reads a description, which may stand in several files: YAML by a file's name, else JSON.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub(crate) fn load(file: &Path, base: &str) -> Result<Api, String> {
        let mut root = bundle::load(file)?;
        if !root.get("paths").is_some_and(Value::is_object) {
            return Err("expected an OpenAPI document with paths".to_owned());
        }
        swagger::modernise(&mut root);
        Ok(Api { root, base: base.to_owned() })
    }

    /// Whether the document is of OpenAPI 3.0, whose schemas are a dialect of their own.
    pub(super) fn is_three_zero(&self) -> bool {
        self.root.get("openapi").and_then(Value::as_str).is_some_and(|version| version.starts_with("3.0"))
    }

    /// The operation for a method and a URL without its query; literal segments go before parameters.
    pub(super) fn operation(&self, method: &str, url: &str) -> Option<Operation<'_>> {
        let path = url.strip_prefix(&self.base).filter(|path| path.starts_with('/'))?;
        let paths = self.root.get("paths")?.as_object()?;
        let mut fitting: Vec<(usize, &String, &Value)> = paths
            .iter()
            .filter_map(|(template, item)| Some((parameters_in(template, path)?, template, item)))
            .filter(|(_, _, item)| item.get(method.to_ascii_lowercase()).is_some())
            .collect();
        fitting.sort_by_key(|(parameters, ..)| *parameters);
        let (_, path, item) = *fitting.first()?;
        Some(Operation { path, value: item.get(method.to_ascii_lowercase())?, item })
    }

    /// Follows a reference inside the document.
    pub(crate) fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let mut value = value;
        for _ in 0..MAX_REFERENCES {
            let target = value.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
            match target.and_then(|pointer| self.root.pointer(pointer)) {
                Some(found) => value = found,
                None => return value,
            }
        }
        value
    }

    /// The parameters of an operation and its path that stand in `place`: `query` or `header`.
    pub(super) fn parameters<'a>(&'a self, operation: &Operation<'a>, place: &str) -> Vec<&'a Value> {
        let lists = [operation.item.get("parameters"), operation.value.get("parameters")];
        let all = lists.into_iter().flatten().filter_map(Value::as_array).flatten();
        all.map(|parameter| self.resolve(parameter))
            .filter(|parameter| parameter.get("in").and_then(Value::as_str) == Some(place))
            .collect()
    }

    /// The response for a status: the exact one, its class, or the default.
    pub(super) fn response<'a>(&'a self, operation: &Operation<'a>, status: u16) -> Option<&'a Value> {
        let responses = operation.value.get("responses")?;
        let class = format!("{}XX", status / 100);
        [status.to_string().as_str(), class.as_str(), "default"]
            .iter()
            .find_map(|name| responses.get(name))
            .map(|response| self.resolve(response))
    }
}

/// How many segments of a path template are parameters, if the path fits it.
fn parameters_in(template: &str, path: &str) -> Option<usize> {
    let (mut parameters, mut wanted, mut found) = (0, template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return Some(parameters),
            (Some(wanted), Some(found)) if wanted == found => {}
            (Some(wanted), Some(found)) if wanted.starts_with('{') && !found.is_empty() => parameters += 1,
            _ => return None,
        }
    }
}

/// The schema for a media type in a `content` object: the type itself, else a wildcard.
pub(super) fn schema_of<'a>(content: &'a Value, media_type: &str) -> Option<&'a Value> {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let types = content.as_object()?;
    let named = |wanted: &str| {
        types
            .iter()
            .find(|(name, _)| name.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(wanted)))
    };
    let (_, media) = named(&essence).or_else(|| named("*/*"))?;
    media.get("schema")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_segments_go_before_parameters() {
        let root = serde_json::json!({ "openapi": "3.0.1", "paths": {
            "/a/{id}": { "get": { "x": 1 } }, "/a/b": { "get": { "x": 2 } }, "/a/{id}/c": { "post": {} },
        } });
        let api = Api { root, base: "https://h/v1".to_owned() };
        assert_eq!(api.operation("GET", "https://h/v1/a/b").map(|found| found.path), Some("/a/b"));
        assert_eq!(api.operation("GET", "https://h/v1/a/z").map(|found| found.path), Some("/a/{id}"));
        assert_eq!(api.operation("POST", "https://h/v1/a/z/c").map(|found| found.path), Some("/a/{id}/c"));
        assert!(api.operation("POST", "https://h/v1/a/z").is_none());
        assert!(api.operation("GET", "https://h/v2/a/b").is_none());
        assert!(api.operation("GET", "https://h/v1/a/").is_none());
    }
}
