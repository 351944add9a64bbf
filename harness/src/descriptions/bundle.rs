//! A description in several files as one value: every other file stands below a member of its own, and references lead there.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use crate::files::read_at_most;
use crate::tape::json;

/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// How many files a description may have.
const MAX_FILES: usize = 2_000;
/// The member of the first file below which the others stand by name.
const OTHERS: &str = "other files";
/// How many references are followed before one is taken for a circle.
const MAX_REFERENCES: usize = 32;

/// Members below which anything may stand, `$ref` too: it is data there.
pub(crate) const DATA: [&str; 5] = ["example", "examples", "default", "enum", "const"];

/// Reads a description with all files that its references name. Paths and operations that stand elsewhere are put in their place.
///
/// # Errors
/// A file that cannot be read, named with what is wrong with it.
pub(super) fn load(file: &Path) -> Result<Value, String> {
    let mut files = Files { names: vec![plain(file)] };
    let mut root = parsed(file)?;
    files.lead(&mut root, 0);
    let mut others = Map::new();
    while let Some(other) = files.names.get(others.len() + 1).cloned() {
        if others.len() >= MAX_FILES {
            return Err(format!("expected a description of at most {MAX_FILES} files, found more"));
        }
        let mut value = parsed(&other).map_err(|why| format!("{}, which a reference names: {why}", other.display()))?;
        files.lead(&mut value, others.len() + 1);
        others.insert(files.name(&other), value);
    }
    if let Some(members) = root.as_object_mut().filter(|_| !others.is_empty()) {
        members.insert(OTHERS.to_owned(), Value::Object(others));
    }
    put_in_place(&mut root, "/paths", 3);
    Ok(root)
}

/// Puts what the references at a place and `levels - 1` levels below it name in their stead.
fn put_in_place(root: &mut Value, at: &str, levels: usize) {
    for _ in 0..MAX_REFERENCES {
        let target = root.pointer(at).and_then(|value| value.get("$ref")?.as_str()?.strip_prefix('#'));
        let Some(found) = target.and_then(|target| root.pointer(target)).cloned() else { break };
        if let Some(place) = root.pointer_mut(at) {
            *place = found;
        }
    }
    let names = root.pointer(at).and_then(Value::as_object).filter(|_| levels > 1);
    let names: Vec<String> = names.into_iter().flat_map(Map::keys).map(|name| json::pointer_name(name)).collect();
    names.iter().for_each(|name| put_in_place(root, &format!("{at}/{name}"), levels - 1));
}

/// The files in the order in which they are named, the description's own first.
struct Files {
    names: Vec<PathBuf>,
}

impl Files {
    /// The name of a file beside the first.
    fn name(&self, file: &Path) -> String {
        let folder = self.names.first().and_then(|first| first.parent()).unwrap_or(Path::new(""));
        file.strip_prefix(folder).unwrap_or(file).to_string_lossy().into_owned()
    }

    /// Makes the references in the file of a number lead to where their targets will stand.
    fn lead(&mut self, value: &mut Value, number: usize) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.lead(item, number)),
            Value::Object(members) => {
                for (name, inner) in members.iter_mut() {
                    match inner {
                        Value::String(target) if name == "$ref" => *target = self.led(target, number),
                        Value::Object(named) if name == "mapping" => {
                            let targets = named.values_mut().filter_map(|target| match target {
                                Value::String(target) if !is_name(target) => Some(target),
                                _ => None,
                            });
                            targets.for_each(|target| *target = self.led(target, number));
                        }
                        _ if DATA.contains(&name.as_str()) && inner.get("$ref").is_none() => {}
                        _ => self.lead(inner, number),
                    }
                }
            }
            _ => {}
        }
    }

    /// A reference in the file of a number, as one in the first. An address on the net stays as it is.
    fn led(&mut self, target: &str, number: usize) -> String {
        let (file, pointer) = target.split_once('#').unwrap_or((target, ""));
        // A text of a description may stand in a file of its own; it says nothing that is read.
        if file.contains("://") || [".md", ".txt", ".html"].iter().any(|end| file.ends_with(end)) {
            return target.to_owned();
        }
        let own = self.names.get(number).cloned().unwrap_or_default();
        let path = match file {
            "" => own,
            file => {
                let name = percent_encoding::percent_decode_str(file).decode_utf8_lossy();
                plain(&own.parent().unwrap_or(Path::new("")).join(&*name))
            }
        };
        if self.names.first() == Some(&path) {
            return format!("#{pointer}");
        }
        if !self.names.contains(&path) {
            self.names.push(path.clone());
        }
        format!("#/{OTHERS}/{}{pointer}", json::pointer_name(&self.name(&path)))
    }
}

/// Whether what a discriminator leads to is a schema's name, not a reference.
fn is_name(target: &str) -> bool {
    !target.contains('#') && ![".yaml", ".yml", ".json"].iter().any(|end| target.ends_with(end))
}

/// A path without `.` and `..`, so that a file has one name.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// One file: YAML by its name, else JSON.
fn parsed(file: &Path) -> Result<Value, String> {
    let text = read_at_most(file, MAX_FILE_BYTES)?;
    if text.trim_start().starts_with('<') {
        return Err("expected OpenAPI or Swagger, found XML, as a WSDL is: `--body xml` starts without a description"
            .to_owned());
    }
    match file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
        // In YAML 1.2 Norway's code is a text.
        true => {
            serde_saphyr::from_str_with_options(&text, serde_saphyr::options! { budget: None, strict_booleans: true })
                .map_err(|error| error.to_string())
        }
        false => serde_json::from_str(&text)
            .map_err(|error| format!("expected JSON, or YAML in a file that ends in .yaml or .yml: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_lead_into_other_files_and_back() {
        let folder = std::env::temp_dir().join(format!("quittance-bundle-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("parts")).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        let first = folder.join("api.yaml");
        write(
            "api.yaml",
            "info: { description: { $ref: about/main.md } }\npaths: { '/a/{id}': { $ref: parts/one.yaml } }\nb: { $ref: '#/c' }\nc: { example: { x: { $ref: no } } }\n",
        );
        write(
            "parts/one.yaml",
            "get: { $ref: './two.json#/n' }\npost: { y: { $ref: '#/get' }, z: { $ref: '../api.yaml#/b' } }\n",
        );
        write(
            "parts/two.json",
            r#"{ "n": { "$ref": "https://vendor.example/all.yaml#/t" }, "mapping": { "a": "one.yaml", "b": "c" } }"#,
        );
        let root = load(&first).unwrap();
        assert_eq!(root["b"]["$ref"], "#/c");
        assert_eq!(root["c"], json!({ "example": { "x": { "$ref": "no" } } }));
        let y = json!({ "y": { "$ref": "#/other files/parts~1one.yaml/get" }, "z": { "$ref": "#/b" } });
        let get = json!({ "$ref": "https://vendor.example/all.yaml#/t" });
        assert_eq!(root["paths"]["/a/{id}"], json!({ "get": get, "post": y }));
        assert_eq!(
            root[OTHERS]["parts/two.json"]["mapping"],
            json!({ "a": "#/other files/parts~1one.yaml", "b": "c" })
        );

        write("parts/two.json", "{");
        let why = load(&first).unwrap_err();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(why.contains("parts/two.json, which a reference names: expected JSON"), "{why}");
    }
}
