//! The user's credentials for an environment: read from a file, held against what is never sent, and spoilt for trials.

use std::collections::BTreeMap;
use std::sync::Arc;

use quittance::{Connector, Entry};
use serde_json::Value;

use crate::bad_input::MAX_FILE_BYTES;
use crate::mask::secrets_of;
use crate::profile::{is_merchants_url, looks_live};
use crate::run::input::toml_json;
use crate::world::{Subject, Unusable};

/// Letters at this many places of a secret are changed when it is spoilt.
const SPOILT_LETTERS: usize = 4;

/// An account in an environment: credentials of a connector's schema.
pub struct Account {
    /// As the connector reads them.
    value: Value,
    /// By dotted name; secrets in the clear.
    pub(crate) flat: Arc<BTreeMap<String, String>>,
    /// The secret values.
    pub(crate) secrets: Vec<String>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({} members)", self.flat.len())
    }
}

impl Account {
    /// The dummy credentials of the profile. Some providers sign the url that they deliver to, and connectors have it as a credential:
    /// `webhook_url`, where it is given, takes the place of the merchant's url there.
    pub fn of_profile(subject: &Subject, webhook_url: Option<&str>) -> Account {
        let mut value = toml_json(&toml::Value::Table(subject.profile.model.credentials.clone()));
        if let (Some(url), Value::Object(members)) = (webhook_url, &mut value) {
            let places = members.values_mut().filter(|member| member.as_str().is_some_and(is_merchants_url));
            places.for_each(|member| *member = Value::String(url.to_owned()));
        }
        Account::of(subject.entry, value)
    }

    /// The credentials in `file`, TOML or JSON by its name's ending.
    ///
    /// # Errors
    /// A file that cannot be read, another form than the connector's schema, and a credential that looks live: no run may move real money.
    pub fn read(entry: &'static Entry, file: &str) -> Result<Account, Unusable> {
        let told = |why: String| Unusable::Text(format!("{file}: {why}"));
        let size = std::fs::metadata(file).map_err(|error| told(unreadable(entry, &error)))?.len();
        if size > MAX_FILE_BYTES {
            return Err(told(format!("expected at most {MAX_FILE_BYTES} bytes, found {size}")));
        }
        let text = std::fs::read_to_string(file).map_err(|error| told(unreadable(entry, &error)))?;
        // The parsers' own messages quote lines, which hold secrets: places alone are told.
        let value = match file.ends_with(".json") {
            true => serde_json::from_str(&text)
                .map_err(|error| told(format!("line {}, column {}: expected JSON", error.line(), error.column())))?,
            false => {
                let table = text.parse::<toml::Table>().map_err(|error| {
                    let at = error.span().map_or(0, |span| span.start);
                    let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
                    told(format!("line {line}: expected TOML; give JSON in a file that ends in .json"))
                })?;
                toml_json(&toml::Value::Table(table))
            }
        };
        let account = Account::of(entry, value);
        if let Some((name, _)) = account.flat.iter().find(|(_, value)| looks_live(value)) {
            return Err(told(format!("{name}: this looks like a live credential; give those of a test environment")));
        }
        account.connect(entry).map_err(|error| {
            let field = error.field().unwrap_or_default();
            told(format!("{field}: {}; `quittance schema {}` shows the form", error.message(), entry.spec.id))
        })?;
        Ok(account)
    }

    fn of(entry: &'static Entry, value: Value) -> Account {
        let mut flat = BTreeMap::new();
        flatten("", &value, &mut flat);
        let secrets = secrets_of(&entry.credentials_schema(), &value);
        Account { value, flat: Arc::new(flat), secrets }
    }

    /// The connector of this account.
    ///
    /// # Errors
    /// Credentials of another form.
    pub fn connect(&self, entry: &'static Entry) -> quittance::Result<Box<dyn Connector>> {
        entry.connect(self.value.clone())
    }

    /// The connector of an account that the provider cannot know: each secret is changed, or only the one of that dotted name. `None`
    /// when nothing can be changed or the connector itself refuses what comes of it (a private key that is none).
    pub fn stranger(&self, entry: &'static Entry, only: Option<&str>) -> Option<Box<dyn Connector>> {
        let mut value = self.value.clone();
        let changed = spoil("", &mut value, &|name, text| {
            let is_secret = self.secrets.iter().any(|secret| secret == text);
            is_secret && only.is_none_or(|only| only == name)
        });
        if changed == 0 { None } else { entry.connect(value).ok() }
    }

    /// The credentials of [`Account::stranger`] by dotted name, for all secrets.
    pub(crate) fn strange(&self) -> BTreeMap<String, String> {
        let mut value = self.value.clone();
        spoil("", &mut value, &|_, text| self.secrets.iter().any(|secret| secret == text));
        let mut flat = BTreeMap::new();
        flatten("", &value, &mut flat);
        flat
    }

    /// The dotted names of the secrets that can be changed.
    pub fn secret_names(&self) -> Vec<String> {
        let is_secret = |value: &String| self.secrets.contains(value) && !value.contains("-----BEGIN");
        self.flat.iter().filter(|(_, value)| is_secret(value)).map(|(name, _)| name.clone()).collect()
    }
}

/// Why a file of credentials cannot be read; of one that is not there, how it is made.
fn unreadable(entry: &Entry, error: &std::io::Error) -> String {
    let why = format!("the credentials cannot be read: {error}");
    if error.kind() != std::io::ErrorKind::NotFound {
        return why;
    }
    let schema = entry.credentials_schema().to_value();
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let lines: Vec<String> = required.map(|name| format!("{name} = \"…\"")).collect();
    let (id, lines) = (entry.spec.id, lines.join(", "));
    format!(
        "{why}; write it with a line for each of {lines}: `quittance schema {id}` says what they are, `quittance docs {id}` where to find them"
    )
}

/// Changes the texts that are chosen; how many were.
fn spoil(prefix: &str, value: &mut Value, chosen: &impl Fn(&str, &str) -> bool) -> usize {
    let Some(members) = value.as_object_mut() else { return 0 };
    let mut changed = 0;
    for (name, member) in members {
        let name = format!("{prefix}{name}");
        match member {
            Value::Object(_) => changed += spoil(&format!("{name}."), member, chosen),
            Value::String(text) if chosen(&name, text) && !text.contains("-----BEGIN") => {
                let other = altered(text);
                changed += usize::from(other != *text);
                *text = other;
            }
            _ => {}
        }
    }
    changed
}

/// The text with some letters and digits in its second half changed into others of their kind, so that hexadecimal and base64 stay so.
pub(crate) fn altered(text: &str) -> String {
    let from = text.chars().count() / 2;
    let mut left = SPOILT_LETTERS;
    let other = |letter: char| match letter {
        '0'..='8' | 'a'..='e' | 'g'..='y' | 'A'..='E' | 'G'..='Y' => {
            char::from_u32(u32::from(letter) + 1).unwrap_or(letter)
        }
        '9' => '0',
        'f' => 'a',
        'z' => 'g',
        'F' => 'A',
        'Z' => 'G',
        letter => letter,
    };
    let change = |(at, letter): (usize, char)| {
        if at < from || left == 0 || !letter.is_ascii_alphanumeric() {
            return letter;
        }
        left -= 1;
        other(letter)
    };
    text.chars().enumerate().map(change).collect()
}

/// The scalar members of a JSON object by dotted name; lists are left out.
pub(crate) fn flatten(prefix: &str, value: &Value, flat: &mut BTreeMap<String, String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        let name = format!("{prefix}{name}");
        match member {
            Value::Object(_) => flatten(&format!("{name}."), member, flat),
            Value::String(text) => {
                flat.insert(name, text.clone());
            }
            Value::Number(_) | Value::Bool(_) => {
                flat.insert(name, member.to_string());
            }
            Value::Array(_) | Value::Null => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::altered;

    #[test]
    fn spoilt_secrets_keep_their_alphabet() {
        assert_eq!(altered("sk_test_abcf"), "sk_tesu_bcdf");
        assert_eq!(altered("00ff99ZZ"), "00ff00GG");
        assert_eq!(altered("----"), "----");
    }
}
