//! The names of a new connector.

use std::path::Path;

use crate::world::{Unusable, near};

/// The longest id: it is part of paths, crate names and certificates.
const LONGEST: usize = 40;

/// Words that mean something else where ids stand: features of the catalogue, the harness's own connector, and crates of the language
/// and of this project.
const RESERVED: [&str; 11] = [
    "all",
    "alloc",
    "core",
    "crate",
    "default",
    "proc-macro",
    "quittance",
    crate::reference::ID,
    "self",
    "std",
    "test",
];

/// Types of the SDK, which a provider's type of the same name would hide.
const TYPES: [&str; 34] = [
    "Address",
    "Authorize",
    "Body",
    "Call",
    "Capture",
    "Card",
    "Client",
    "Connector",
    "Context",
    "Credentials",
    "Currency",
    "Customer",
    "Cvc",
    "Delivery",
    "Entry",
    "Environment",
    "Error",
    "Event",
    "Family",
    "Fault",
    "Handle",
    "Key",
    "Method",
    "Money",
    "Order",
    "Payment",
    "Provider",
    "Refund",
    "Reply",
    "Result",
    "Secret",
    "Spec",
    "State",
    "Void",
];

/// Everything that follows from the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) id: String,
    /// The package: `quittance-acme`.
    pub(super) package: String,
    /// The crate in Rust: `quittance_acme`.
    pub(super) module: String,
    /// The type: `Acme`.
    pub(super) provider: String,
    /// The name for people.
    pub(super) name: String,
}

impl Names {
    /// The names of the connector `id`, which must be free below `root`.
    pub(super) fn new(root: &Path, id: &str, name: Option<&str>) -> Result<Names, Unusable> {
        let wrong = |what: String| Unusable::Text(format!("connector id `{id}`: {what}"));
        let parts: Vec<&str> = id.split('-').collect();
        let fits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if id.len() > LONGEST || !parts.iter().all(fits) || !id.starts_with(|c: char| c.is_ascii_lowercase()) {
            let form = "expected small letters, digits and single hyphens, a letter first, at most";
            return Err(wrong(format!("{form} {LONGEST} characters, as acme-bank")));
        }
        if RESERVED.contains(&id) {
            return Err(wrong("the word means something else in this project; choose another".to_owned()));
        }
        let taken = [format!("connectors/{id}"), format!("fixtures/{id}")];
        if let Some(taken) = taken.iter().find(|path| root.join(path).exists()) {
            return Err(wrong(format!("{taken} exists already; edit it, or choose another id")));
        }
        let package = format!("quittance-{id}");
        if packages(root)?.contains(&package) {
            return Err(wrong(format!("a package {package} exists already in this workspace; choose another id")));
        }
        let name = match name.map(str::trim) {
            Some(name) if name.is_empty() || name.chars().any(|c| c.is_control() || "\"\\{}<>".contains(c)) => {
                return Err(Unusable::Text("--name: expected a name without quotation marks and brackets".to_owned()));
            }
            Some(name) => name.to_owned(),
            None => parts.iter().map(|part| capital(part)).collect::<Vec<_>>().join(" "),
        };
        let mut provider: String = parts.iter().map(|part| capital(part)).collect();
        if TYPES.contains(&provider.as_str()) {
            provider.push_str("Account");
        }
        Ok(Names { id: id.to_owned(), module: package.replace('-', "_"), package, provider, name })
    }
}

/// A word with a capital letter.
pub(super) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

/// The packages that the workspace's manifest names.
fn packages(root: &Path) -> Result<Vec<String>, Unusable> {
    let text = super::read(&root.join("Cargo.toml"))?;
    let manifest: toml::Table =
        text.parse().map_err(|error: toml::de::Error| Unusable::Text(format!("Cargo.toml: {}", error.message())))?;
    let named = manifest.get("workspace").and_then(|workspace| workspace.get("dependencies")?.as_table());
    let mut all: Vec<String> = named.into_iter().flat_map(toml::Table::keys).cloned().collect();
    all.extend(["quittance-command", "quittance-tests"].map(str::to_owned));
    Ok(all)
}

/// The families of the project, and the one of that name.
pub(super) fn family(root: &Path, name: &str) -> Result<String, Unusable> {
    let folder = root.join("sdk/families");
    let mut known: Vec<String> = std::fs::read_dir(&folder)
        .map_err(|error| Unusable::Text(format!("sdk/families: cannot be read: {error}")))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| folder.join(name).join("Cargo.toml").is_file())
        .collect();
    known.sort();
    if name.trim().is_empty() {
        return Err(Unusable::Text(format!("--family is empty; the families are {}", known.join(", "))));
    }
    if known.iter().any(|family| family == name) {
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    let advice = match near(name, &names).as_slice() {
        [] => format!("the families are {}", known.join(", ")),
        near => format!("did you mean {}?", near.join(", ")),
    };
    Err(Unusable::Text(format!("unknown family `{name}`; {advice}")))
}

/// The words of the language, strict and reserved (The Rust Reference, "Keywords").
const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// A name in the form of a Rust field.
pub(super) fn word(name: &str) -> String {
    let mut out = String::new();
    let mut after_small = false;
    for c in name.chars() {
        match c {
            'A'..='Z' => {
                if after_small && !out.ends_with('_') {
                    out.push('_');
                }
                out.push(c.to_ascii_lowercase());
            }
            'a'..='z' | '0'..='9' => out.push(c),
            _ if !out.is_empty() && !out.ends_with('_') => out.push('_'),
            _ => {}
        }
        after_small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    let out = out.trim_matches('_').to_owned();
    match out.as_str() {
        "" => "place".to_owned(),
        // The credentials that every account has.
        "environment" | "api_key" | "username" | "password" => format!("{out}_in_path"),
        word if KEYWORDS.contains(&word) => format!("{out}_name"),
        _ if out.starts_with(|c: char| c.is_ascii_digit()) => format!("of_{out}"),
        _ => out,
    }
}
