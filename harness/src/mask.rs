//! Hides the secrets of a call in what people see: requests, inputs, results.
//!
//! Which values are secret is said by JSON Schemas (`writeOnly`): those of the credentials and of the operation's input.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderValue;
use schemars::Schema;
use serde_json::{Map, Value};

use crate::tape::{MASK, Redactor};

/// Reads base64 that was cut anywhere.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Shorter secrets (a CVC) stand in too much decoded noise to be looked for in base64.
const SHORTEST_IN_BASE64: usize = 4;

/// Members of a JSON text inside a secret (a wallet's token) shorter than this are names and versions.
const SHORTEST_MEMBER: usize = 12;

/// Replaces every secret of a call by `•••`, also where it stands escaped or in base64.
#[derive(Debug)]
pub struct Masker {
    redactor: Redactor,
    secrets: Vec<String>,
}

impl Masker {
    /// A masker for these secrets.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Masker {
        let mut secrets: Vec<String> = secrets.into_iter().filter(|secret| !secret.is_empty()).collect();
        secrets.sort();
        secrets.dedup();
        let encoded = secrets.iter().filter(|secret| secret.len() >= SHORTEST_IN_BASE64).flat_map(|secret| {
            let bytes = secret.as_bytes();
            [STANDARD.encode(bytes), URL_SAFE_NO_PAD.encode(bytes), hex::encode(bytes)]
        });
        let every = secrets.iter().cloned().chain(encoded).collect();
        Masker { redactor: Redactor::of(every), secrets }
    }

    /// The text without secrets.
    pub fn text(&self, text: &str) -> String {
        self.without_base64(&self.redactor.text(text))
    }

    /// The value without secrets; a number that holds one becomes the mask as text.
    pub fn json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Number(number) => {
                let text = number.to_string();
                let masked = self.text(&text);
                if masked == text { value.clone() } else { Value::String(masked) }
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.json(item)).collect()),
            Value::Object(members) => {
                let masked = members.iter().map(|(name, member)| (name.clone(), self.json(member)));
                Value::Object(masked.collect::<Map<_, _>>())
            }
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    /// A header's value. What the connector marked as secret, and whatever authorizes, is hidden whole but for the scheme.
    pub fn header(&self, name: &str, value: &HeaderValue) -> String {
        let text = String::from_utf8_lossy(value.as_bytes());
        let authorizes = matches!(name, "authorization" | "proxy-authorization");
        match text.split_once(' ') {
            Some((scheme, _)) if authorizes => format!("{scheme} {MASK}"),
            _ if authorizes || value.is_sensitive() => MASK.to_owned(),
            _ => self.text(&text),
        }
    }

    /// Hides each run of base64 letters that a secret can be read out of (`Basic` pairs, encoded JSON).
    fn without_base64(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(is_base64) {
            let (before, run) = rest.split_at(start);
            let length = run.find(|letter: char| !is_base64(letter)).unwrap_or(run.len());
            let (run, after) = run.split_at(length);
            out.push_str(before);
            out.push_str(if self.is_encoded(run) { MASK } else { run });
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn is_encoded(&self, run: &str) -> bool {
        let standard: String = run.replace('-', "+").replace('_', "/");
        // Letters before the encoded part shift it: it is tried at each of the four places.
        (0..4).any(|offset| {
            let part = standard.get(offset..).unwrap_or_default();
            let whole = part.get(..part.len() - part.len() % 4).unwrap_or_default();
            let part = if part.len() % 4 == 1 { whole } else { part };
            LENIENT.decode(part).is_ok_and(|bytes| {
                let hidden = self.secrets.iter().filter(|secret| secret.len() >= SHORTEST_IN_BASE64);
                hidden.into_iter().any(|secret| bytes.windows(secret.len()).any(|part| part == secret.as_bytes()))
            })
        })
    }
}

fn is_base64(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '-' | '_')
}

/// The values in `value` that its schema calls secret (`writeOnly`). A card number is also given without its blanks, a secret that is
/// JSON text also by its members.
pub fn secrets_of(schema: &Schema, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(schema, schema.as_value(), value, &mut found);
    found
}

fn collect(root: &Schema, schema: &Value, value: &Value, found: &mut Vec<String>) {
    if let Some(pointer) = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'))
        && let Some(target) = root.pointer(pointer)
    {
        collect(root, target, value, found);
    }
    if schema.get("writeOnly") == Some(&Value::Bool(true)) {
        leaves(value, found);
        return;
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        for choice in schema.get(word).and_then(Value::as_array).into_iter().flatten() {
            collect(root, choice, value, found);
        }
    }
    match value {
        Value::Object(members) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (name, member) in members {
                let of_name = properties.and_then(|properties| properties.get(name));
                if let Some(schema) = of_name.or_else(|| schema.get("additionalProperties")) {
                    collect(root, schema, member, found);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter().for_each(|item| collect(root, schema, item, found));
            }
        }
        _ => {}
    }
}

fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            found.push(text.clone());
            let bare: String = text.chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
            if bare != *text && bare.bytes().all(|byte| byte.is_ascii_digit()) {
                found.push(bare);
            }
            if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                let mut members = Vec::new();
                leaves(&inner, &mut members);
                found.extend(members.into_iter().filter(|member| member.len() >= SHORTEST_MEMBER));
            }
        }
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::Object(members) => members.values().for_each(|member| leaves(member, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use quittance::Op;
    use serde_json::json;

    use super::*;
    use crate::invoke::Request;

    fn masker() -> Masker {
        Masker::new(["sk_test/öne".to_owned(), "4242424242424242".to_owned(), "123".to_owned()])
    }

    #[test]
    fn secrets_are_hidden_plain_escaped_and_encoded() {
        let masker = masker();
        assert_eq!(masker.text("key=sk_test%2F%C3%B6ne&cvc=123&amount=1234"), "key=•••&cvc=•••&amount=1234");
        let pair = STANDARD.encode(b"user:sk_test/\xc3\xb6ne");
        assert_eq!(masker.text(&format!("Basic {pair}")), format!("Basic {MASK}="));
        let inner = STANDARD.encode(br#"{"pan":"4242424242424242"}"#);
        let shown = masker.text(&format!("https://api.example/x{inner}"));
        assert!(!shown.contains(&inner[4..inner.len() - 4]), "{shown}");
        assert!(!masker.text(&hex::encode("4242424242424242")).contains("3432"));
        assert_eq!(masker.text("nothing to hide in payment_intents"), "nothing to hide in payment_intents");
    }

    #[test]
    fn numbers_and_members_are_hidden() {
        let shown = masker().json(&json!({ "pan": 4_242_424_242_424_242_u64, "amount": 1050, "list": ["123", true] }));
        assert_eq!(shown, json!({ "pan": MASK, "amount": 1050, "list": [MASK, true] }));
    }

    #[test]
    fn headers_that_authorize_are_hidden_whole() {
        let masker = masker();
        let header = |name, text: &str| masker.header(name, &HeaderValue::from_str(text).unwrap());
        assert_eq!(header("authorization", "Bearer unheard-of"), format!("Bearer {MASK}"));
        assert_eq!(header("authorization", "raw"), MASK);
        assert_eq!(header("accept", "application/json"), "application/json");
        let mut sensitive = HeaderValue::from_static("abc");
        sensitive.set_sensitive(true);
        assert_eq!(masker.header("x-signature", &sensitive), MASK);
    }

    #[test]
    fn schemas_say_what_is_secret() {
        let schema = Request::schema(Op::Authorize).unwrap();
        let input = json!({
            "key": "k", "reference": "r", "amount": { "minor": 1, "currency": "EUR" },
            "method": { "card": { "number": "4242 4242 4242 4242", "expiry": { "month": 1, "year": 2030 }, "cvc": "123" } },
            "three_ds": { "external": { "version": "2.2.0", "eci": "05", "cryptogram": "AAAB", "ds_transaction_id": "d" } },
        });
        let mut found = secrets_of(&schema, &input);
        found.sort();
        assert_eq!(found, ["123", "4242 4242 4242 4242", "4242424242424242", "AAAB"]);
        let wallet = json!({ "method": { "apple_pay": { "payment_data": "{\"version\":\"EC_v1\",\"data\":\"0123456789abcdef\"}" } } });
        assert!(secrets_of(&schema, &wallet).contains(&"0123456789abcdef".to_owned()));
    }
}
