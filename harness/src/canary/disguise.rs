//! Makes a profile's cards, credentials, tokens and accounts new, each in the shape that it has.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quittance::{Op, Pan, Random};
use serde_json::Value;

use crate::mask::secrets_of;
use crate::profile::{Profile, ProfileModel};
use crate::run::input::{THREE_DS_CRYPTOGRAM, toml_json};
use crate::run::stage::SeededRandom;
use crate::tape::is_secret_value;
use crate::world::Subject;

/// What a canary stands for: it decides where it may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Data of a card, an account or a wallet: never in a URL.
    Payer,
    /// A credential: in a URL only where the tape says so.
    Credential,
}

/// One secret value of a run.
#[derive(Clone)]
pub struct Canary {
    /// Where it stands in the profile: `cards.approved.number`.
    pub name: String,
    /// What it stands for.
    pub kind: Kind,
    /// The value.
    pub value: String,
}

impl std::fmt::Debug for Canary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Canary({})", self.name)
    }
}

/// A subject whose secrets are all new, with a list of them.
#[derive(Debug)]
pub struct Disguised {
    /// The connector with the same profile and tapes, but other secrets.
    pub subject: Subject,
    /// The secrets.
    pub canaries: Vec<Canary>,
}

/// Members of a JSON text inside a secret (a wallet's token) that are shorter are names and versions.
const SHORTEST_MEMBER: usize = 8;

/// Members of a wallet's token that are no secret whatever their length.
const PLAIN_MEMBERS: [&str; 5] = ["version", "protocolVersion", "object", "type", "used"];

/// The random part of a text with a prefix (`sk_test_`) has at least so many characters.
const SHORTEST_TAIL: usize = 8;

/// Makes a subject's secrets new. `busy` are short numbers that stand in the connector's traffic anyway: no security code is made
/// of one of them.
///
/// # Errors
/// When the connector does not take credentials of the same shape.
pub fn disguise(subject: &Subject, seed: u64, busy: &BTreeSet<String>) -> Result<Disguised, String> {
    let mut maker = Maker { random: SeededRandom::new(seed), busy, canaries: Vec::new() };
    let mut profile = subject.profile.clone();
    maker.credentials(subject, &mut profile);
    maker.cards(&mut profile.model);
    maker.methods(&mut profile.model, subject.entry.spec.has(Op::UnwrapToken));
    maker.keep("input.three_ds.cryptogram", Kind::Payer, THREE_DS_CRYPTOGRAM);
    let given = toml_json(&toml::Value::Table(profile.model.credentials.clone()));
    let connector = subject.entry.connect(given).map_err(|error| error.to_string())?;
    let canaries = maker.canaries;
    let subject = Subject {
        entry: subject.entry,
        tapes: subject.tapes.clone(),
        credentials: std::sync::Arc::new(profile.credentials.clone()),
        connector,
        proven: std::sync::Arc::default(),
        profile,
        folder: subject.folder.clone(),
        today: subject.today,
    };
    Ok(Disguised { subject, canaries })
}

struct Maker<'a> {
    random: SeededRandom,
    busy: &'a BTreeSet<String>,
    canaries: Vec<Canary>,
}

impl Maker<'_> {
    fn keep(&mut self, name: &str, kind: Kind, value: &str) {
        if let Ok(members @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(value) {
            self.keep_members(name, kind, &members);
        }
        self.canaries.push(Canary { name: name.to_owned(), kind, value: value.to_owned() });
    }

    fn keep_members(&mut self, name: &str, kind: Kind, value: &Value) {
        match value {
            Value::String(text) if text.len() >= SHORTEST_MEMBER => {
                self.canaries.push(Canary { name: name.to_owned(), kind, value: text.clone() });
            }
            Value::Array(items) => items.iter().for_each(|item| self.keep_members(name, kind, item)),
            Value::Object(members) => {
                let secret = members.iter().filter(|(member, _)| !PLAIN_MEMBERS.contains(&member.as_str()));
                secret.for_each(|(_, member)| self.keep_members(name, kind, member));
            }
            _ => {}
        }
    }

    fn credentials(&mut self, subject: &Subject, profile: &mut Profile) {
        let given = toml_json(&toml::Value::Table(profile.model.credentials.clone()));
        let secrets = secrets_of(&subject.entry.credentials_schema(), &given);
        self.secret_leaves("", &secrets, &mut profile.model.credentials);
        let made = self.canaries.iter().filter(|canary| canary.kind == Kind::Credential);
        for canary in made {
            let name = canary.name.trim_start_matches("credentials.");
            if let Some(flat) = profile.credentials.get_mut(name) {
                flat.clone_from(&canary.value);
            }
        }
    }

    fn secret_leaves(&mut self, prefix: &str, secrets: &[String], table: &mut toml::Table) {
        for (name, value) in table.iter_mut() {
            let name = format!("{prefix}{name}");
            match value {
                toml::Value::Table(inner) => self.secret_leaves(&format!("{name}."), secrets, inner),
                // A key pair stays: its public half stands in the tapes.
                toml::Value::String(text) if secrets.contains(text) && !text.contains("-----BEGIN") => {
                    *text = self.like(text);
                    let made = text.clone();
                    self.keep(&format!("credentials.{name}"), Kind::Credential, &made);
                }
                _ => {}
            }
        }
    }

    fn cards(&mut self, model: &mut ProfileModel) {
        for (name, card) in &mut model.cards {
            let holder = self.holder();
            let fields = [
                ("number", Some(&mut card.number)),
                ("cvc", card.cvc.as_mut()),
                ("cryptogram", card.cryptogram.as_mut()),
                ("token", card.token.as_mut()),
                ("holder", card.holder.as_mut()),
            ];
            for (field, value) in fields {
                let Some(value) = value else { continue };
                *value = match field {
                    "number" => self.pan(value),
                    "cvc" => self.code(value.len()),
                    "holder" => holder.clone(),
                    _ => self.like(value),
                };
                self.keep(&format!("cards.{name}.{field}"), Kind::Payer, value);
            }
        }
    }

    /// A wallet's token that is opened stays, since it is signed; it is looked for all the same.
    fn methods(&mut self, model: &mut ProfileModel, opened: bool) {
        for (name, sample) in &mut model.methods {
            let stays = opened && (name.starts_with("apple_pay") || name.starts_with("google_pay"));
            self.sample(&format!("methods.{name}"), sample, stays);
        }
    }

    fn sample(&mut self, path: &str, table: &mut toml::Table, stays: bool) {
        for (name, value) in table.iter_mut().filter(|(name, _)| name.as_str() != "input") {
            let here = format!("{path}.{name}");
            match value {
                toml::Value::Table(inner) => self.sample(&here, inner, stays),
                toml::Value::String(text) => {
                    let Some(made) = self.sample_text(name, text) else { continue };
                    if !stays {
                        *text = made;
                    }
                    self.keep(&here, Kind::Payer, text);
                }
                _ => {}
            }
        }
    }

    /// The new value of a secret field of a sample; `None` for a field that is none.
    fn sample_text(&mut self, name: &str, text: &str) -> Option<String> {
        match name {
            "holder" => Some(self.holder()),
            "cvc" => Some(self.code(text.len())),
            "account" => Some(self.account(text)),
            _ if !is_secret_value(name) => None,
            _ if Pan::parse(text).is_ok() => Some(self.pan(text)),
            "number" | "iban" | "account_number" => Some(self.account(text)),
            _ => Some(self.like(text)),
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        u64::from_be_bytes(bytes) % limit.max(1)
    }

    fn letter(&mut self, from: u8, count: u8) -> char {
        let step = u8::try_from(self.below(u64::from(count))).unwrap_or_default();
        char::from(from + step)
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| self.letter(b'0', 10)).collect()
    }

    /// A card number of the same issuer and length.
    fn pan(&mut self, like: &str) -> String {
        let kept = if like.len() >= 16 { 8 } else { 6 };
        let issuer: String = like.chars().take(kept).collect();
        loop {
            let body = format!("{issuer}{}", self.digits(like.len().saturating_sub(kept + 1)));
            let number = (0..10).map(|check| format!("{body}{check}")).find(|number| Pan::parse(number).is_ok());
            if let Some(number) = number.filter(|number| number != like) {
                return number;
            }
        }
    }

    /// A security code that stands nowhere in the traffic. Statuses, lines and amounts of the scenarios lie below it.
    fn code(&mut self, length: usize) -> String {
        let mut code = String::new();
        for _ in 0..1000 {
            code = format!("{}{}", self.letter(b'7', 3), self.digits(length.saturating_sub(1)));
            if !self.busy.contains(&code) {
                break;
            }
        }
        code
    }

    fn holder(&mut self) -> String {
        let word = |maker: &mut Self| -> String { (0..7).map(|_| maker.letter(b'a', 26)).collect() };
        let (first, last) = (word(self), word(self));
        let (one, other) = (self.letter(b'A', 26), self.letter(b'A', 26));
        format!("{one}{first} {other}{last}")
    }

    /// An account: an IBAN with its check digits, an address with its domain, or digits and letters as they were.
    fn account(&mut self, like: &str) -> String {
        if let Some((name, domain)) = like.split_once('@') {
            return format!("{}@{domain}", self.like_letters(name, 0));
        }
        let is_iban = like.len() >= 15 && like.chars().take(2).all(|letter| letter.is_ascii_uppercase());
        if !is_iban {
            // Few digits stand by chance in a signature that is repeated.
            let is_short = like.len() < 8 && like.bytes().all(|byte| byte.is_ascii_digit());
            return if is_short { self.digits(10) } else { self.like_letters(like, 0) };
        }
        let tail = 8.min(like.len() - 4);
        let (head, _) = like.split_at(like.len() - tail);
        let account = format!("{}{}", head.get(4..).unwrap_or_default(), self.digits(tail));
        let country: String = like.chars().take(2).collect();
        format!("{country}{:02}{account}", iban_check(&country, &account))
    }

    /// A text of the same shape: JSON member by member, hex and base64 of as many bytes, else letter for letter after its prefix.
    fn like(&mut self, text: &str) -> String {
        if let Ok(mut value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
            self.members(&mut value);
            return value.to_string();
        }
        let is_hex =
            text.len() >= 16 && text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex {
            let made = hex::encode(self.bytes(text.len() / 2));
            return if text.bytes().any(|byte| byte.is_ascii_uppercase()) { made.to_ascii_uppercase() } else { made };
        }
        if text.contains(['+', '/', '='])
            && let Ok(bytes) = STANDARD.decode(text)
        {
            return STANDARD.encode(self.bytes(bytes.len()));
        }
        let mut ends =
            text.char_indices().filter(|(_, letter)| matches!(letter, '_' | '-' | '.')).map(|(at, _)| at + 1);
        let kept = ends.rfind(|end| text.len() - end >= SHORTEST_TAIL).unwrap_or(0);
        self.like_letters(text, kept)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.random.fill(&mut bytes);
        bytes
    }

    /// Letter for letter another of its class, after `kept` bytes.
    fn like_letters(&mut self, text: &str, kept: usize) -> String {
        let (prefix, tail) = text.split_at_checked(kept).unwrap_or(("", text));
        let other = |letter: char| match letter {
            'a'..='z' => self.letter(b'a', 26),
            'A'..='Z' => self.letter(b'A', 26),
            '0'..='9' => self.letter(b'0', 10),
            other => other,
        };
        let tail: String = tail.chars().map(other).collect();
        format!("{prefix}{tail}")
    }

    fn members(&mut self, value: &mut Value) {
        match value {
            Value::String(text) if text.len() >= SHORTEST_MEMBER => *text = self.like(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.members(item)),
            Value::Object(members) => {
                let secret = members.iter_mut().filter(|(name, _)| !PLAIN_MEMBERS.contains(&name.as_str()));
                secret.for_each(|(_, member)| self.members(member));
            }
            _ => {}
        }
    }
}

/// The two check digits of an IBAN (ISO 13616): 98 less the remainder of account, country and `00`, letters as 10 to 35, by 97.
fn iban_check(country: &str, account: &str) -> u32 {
    let values = account.chars().chain(country.chars()).chain("00".chars()).filter_map(|letter| letter.to_digit(36));
    98 - values.fold(0, |rest, value| if value < 10 { (rest * 10 + value) % 97 } else { (rest * 100 + value) % 97 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maker(busy: &BTreeSet<String>) -> Maker<'_> {
        Maker { random: SeededRandom::new(7), busy, canaries: Vec::new() }
    }

    #[test]
    fn each_value_keeps_its_shape() {
        let none = BTreeSet::new();
        let mut maker = maker(&none);
        let pan = maker.pan("4111111111111111");
        assert!(
            pan.starts_with("41111111") && pan.len() == 16 && pan != "4111111111111111" && Pan::parse(&pan).is_ok()
        );
        assert!(maker.pan("378282246310005").starts_with("378282"));
        let key = maker.like("sk_test_quittance");
        assert!(key.starts_with("sk_test_") && key.len() == 17 && key != "sk_test_quittance");
        let hex = maker.like("44782DEF547AAA06");
        assert!(hex.len() == 16 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)));
        assert_eq!(STANDARD.decode(maker.like("AgAAAAAAAIR8CQrXcIhbQAAAAAA=")).unwrap().len(), 20);
        assert!(maker.account("receiver@example.com").ends_with("@example.com"));
        assert_eq!([maker.account("4100"), maker.account("0001234567890")].map(|account| account.len()), [10, 13]);
        let token: Value =
            serde_json::from_str(&maker.like(r#"{"version":"EC_v1234567","data":"cXVpdHRhbmNl"}"#)).unwrap();
        assert_eq!(token["version"], "EC_v1234567");
        assert_ne!(token["data"], "cXVpdHRhbmNl");
    }

    #[test]
    fn an_iban_has_its_check_digits() {
        assert_eq!(iban_check("DE", "370400440532013000"), 89);
        assert_eq!(iban_check("NL", "TEST0123456789"), 13);
        let none = BTreeSet::new();
        let made = maker(&none).account("DE89370400440532013000");
        assert!(made.starts_with("DE") && made.len() == 22 && made.contains("37040044"));
        let check: u32 = made[2..4].parse().unwrap();
        assert_eq!(iban_check("DE", &made[4..]), check);
    }

    #[test]
    fn a_security_code_avoids_what_is_busy() {
        let busy: BTreeSet<String> = (700..=999).filter(|code| *code != 812).map(|code| code.to_string()).collect();
        assert_eq!(maker(&busy).code(3), "812");
        assert_eq!(maker(&busy).code(4).len(), 4);
    }
}
