//! What may be shown of a stranger's request: a client may send card numbers and credentials of its own, which no list knows.
//!
//! So secrets are hidden by value (the dummy credentials), by name (fields as `cvc`, headers that are not known to be harmless), and by
//! form (whatever reads as a card number, also inside base64).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use http::{HeaderValue, Uri};
use serde_json::Value;

use crate::mask::Masker;
use crate::tape::MASK;

/// Headers whose values are shown; of all others the name alone.
const HARMLESS: [&str; 39] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "access-control-allow-origin",
    "api-version",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "etag",
    "expect",
    "gocardless-version",
    "host",
    "idempotency-key",
    "idempotent-replayed",
    "location",
    "origin",
    "prefer",
    "request-id",
    "retry-after",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "server",
    "square-version",
    "stripe-version",
    "transfer-encoding",
    "user-agent",
    "vary",
    "x-api-version",
    "x-apiversion",
    "x-content-type-options",
    "x-idempotency-key",
    "x-quittance",
    "x-request-id",
];

/// Parts of the names of fields that hold secrets or a person's data; compared without case and signs.
const SECRET_PARTS: [&str; 25] = [
    "accesstoken",
    "accountnumber",
    "apikey",
    "authorization",
    "cardcode",
    "cardholder",
    "cardnumber",
    "cryptogram",
    "cvc",
    "cvn",
    "cvv",
    "holdername",
    "iban",
    "merchantkey",
    "passwd",
    "password",
    "passphrase",
    "paymentdata",
    "privatekey",
    "routingnumber",
    "secret",
    "securitycode",
    "securitynumber",
    "transactionkey",
    "verificationvalue",
];

/// Whole names of such fields.
const SECRET_NAMES: [&str; 13] = [
    "account",
    "auth",
    "clientid",
    "holder",
    "key",
    "name",
    "number",
    "pan",
    "pin",
    "pwd",
    "signature",
    "token",
    "username",
];

/// Card numbers have so many digits (ISO/IEC 7812-1; shorter ones are no longer issued).
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// Base64 shorter than this holds no card number.
const SHORTEST_ENCODED: usize = 18;

/// Hides what must not be shown.
pub(super) struct Veil<'a> {
    masker: Option<&'a Masker>,
}

impl<'a> Veil<'a> {
    /// With the provider's own masker, where the provider is known.
    pub(super) fn new(masker: Option<&'a Masker>) -> Veil<'a> {
        Veil { masker }
    }

    /// Path and query.
    pub(super) fn url(&self, url: &Uri) -> String {
        let path = self.text(url.path());
        match url.query() {
            Some(query) => format!("{path}?{}", self.form(query)),
            None => path,
        }
    }

    /// The value of a header: that of a harmless one masked, any other as a mask.
    pub(super) fn header(&self, name: &str, value: &HeaderValue) -> String {
        match HARMLESS.binary_search(&name) {
            Ok(_) => self.text(&String::from_utf8_lossy(value.as_bytes())),
            Err(_) => MASK.to_owned(),
        }
    }

    /// A body. Of JSON that is cut off nothing but its beginning can be read, and so it is not shown.
    pub(super) fn body(&self, text: &str, is_whole: bool) -> String {
        let begins = text.trim_start();
        if begins.starts_with(['{', '[']) {
            return match serde_json::from_str::<Value>(text) {
                Ok(value) => format!("{:#}", self.json(None, &value)),
                Err(_) if is_whole => "(malformed JSON, not shown)".to_owned(),
                Err(_) => "(too long to be shown)".to_owned(),
            };
        }
        if begins.starts_with('<') {
            return self.xml(text);
        }
        let is_form = text.contains('=') && !text.contains([' ', '\n', '<', '{']);
        if is_form { self.form(text) } else { self.text(text) }
    }

    fn json(&self, name: Option<&str>, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let hidden = members.iter().map(|(name, member)| (name.clone(), self.json(Some(name), member)));
                Value::Object(hidden.collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.json(name, item)).collect()),
            Value::Null | Value::Bool(_) => value.clone(),
            _ if name.is_some_and(is_secret_name) => Value::String(MASK.to_owned()),
            Value::String(text) => Value::String(self.text(text)),
            Value::Number(number) => {
                let text = number.to_string();
                let hidden = self.text(&text);
                if hidden == text { value.clone() } else { Value::String(hidden) }
            }
        }
    }

    /// Pairs, unescaped for readers.
    fn form(&self, text: &str) -> String {
        let pairs = form_urlencoded::parse(text.as_bytes()).map(|(name, value)| {
            let last = name.trim_end_matches(']').rsplit(['[', '.']).find(|part| !part.is_empty());
            let value = match last.is_some_and(is_secret_name) {
                true if !value.is_empty() => MASK.to_owned(),
                _ => self.text(&value),
            };
            format!("{}={value}", self.text(&name))
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    /// Elements and attributes by their names, everything else as text.
    fn xml(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut hides = false;
        for piece in text.split_inclusive('>') {
            let (content, tag) = piece.split_at(piece.find('<').unwrap_or(piece.len()));
            match hides && !content.trim().is_empty() {
                true => out.push_str(MASK),
                false => out.push_str(&self.text(content)),
            }
            out.push_str(&self.tag(tag));
            let name = tag.trim_start_matches('<').split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next();
            hides = tag.starts_with('<') && !tag.starts_with("</") && name.is_some_and(is_secret_name);
        }
        out
    }

    /// A tag, its attributes masked.
    fn tag(&self, tag: &str) -> String {
        let mut out = String::new();
        for (index, part) in tag.split('"').enumerate() {
            let before = tag.split('"').nth(index.wrapping_sub(1)).unwrap_or_default();
            let name = before.trim_end().trim_end_matches('=').trim_end().rsplit(char::is_whitespace).next();
            let quoted = index % 2 == 1;
            out.push_str(if index > 0 { "\"" } else { "" });
            match quoted && name.is_some_and(is_secret_name) {
                true => out.push_str(MASK),
                false => out.push_str(&self.text(part)),
            }
        }
        out
    }

    /// A text without the secrets that are known by value, card numbers, and what holds one of them in base64.
    pub(super) fn text(&self, text: &str) -> String {
        let known = self.masker.map_or_else(|| text.to_owned(), |masker| masker.text(text));
        without_encoded_cards(&without_cards(&known))
    }
}

/// Whether a field of that name holds what must not be shown. A prefix (`ns:`) does not count.
fn is_secret_name(name: &str) -> bool {
    let local = name.rsplit(':').next().unwrap_or(name);
    let bare: String =
        local.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    SECRET_NAMES.contains(&bare.as_str()) || SECRET_PARTS.iter().any(|part| bare.contains(part))
}

/// The text without card numbers, also those in groups of digits.
fn without_cards(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let run =
            from.find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, ' ' | '-')).unwrap_or(from.len());
        let (run, after) = from.split_at(run);
        out.push_str(before);
        out.push_str(if has_card(run) { MASK } else { run });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether the digits of a run, or a run of them, are a card number.
fn has_card(run: &str) -> bool {
    let is_card = |digits: &[u8]| {
        CARD_DIGITS.contains(&digits.len()) && matches!(digits.first(), Some(b'2'..=b'6')) && has_check_digit(digits)
    };
    let whole: Vec<u8> = run.bytes().filter(u8::is_ascii_digit).collect();
    is_card(&whole) || run.split([' ', '-']).any(|part| is_card(part.as_bytes()))
}

/// The check digit of ISO/IEC 7812-1.
fn has_check_digit(digits: &[u8]) -> bool {
    let sum: u32 = digits.iter().rev().enumerate().fold(0, |sum, (place, digit)| {
        let digit = u32::from(digit.saturating_sub(b'0'));
        sum + if place % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
    });
    sum.is_multiple_of(10)
}

/// The text without base64 in which a card number or a secret field stands.
fn without_encoded_cards(text: &str) -> String {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '-' | '_');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_letter) {
        let (before, from) = rest.split_at(start);
        let (run, after) = from.split_at(from.find(|letter| !is_letter(letter)).unwrap_or(from.len()));
        out.push_str(before);
        out.push_str(if run.len() >= SHORTEST_ENCODED && is_encoded_secret(run) { MASK } else { run });
        rest = after;
    }
    out.push_str(rest);
    out
}

fn is_encoded_secret(run: &str) -> bool {
    // The letters of both alphabets may not be mixed; what neither reads is no base64.
    let Some(bytes) = STANDARD_NO_PAD.decode(run).or_else(|_| URL_SAFE_NO_PAD.decode(run)).ok() else { return false };
    let Ok(text) = std::str::from_utf8(&bytes) else { return false };
    without_cards(text) != text
        || serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object() && holds_secret_name(&value))
}

fn holds_secret_name(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.iter().any(|(name, member)| is_secret_name(name) || holds_secret_name(member))
        }
        Value::Array(items) => items.iter().any(holds_secret_name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn lists_are_sorted_for_the_search() {
        assert!(HARMLESS.is_sorted());
    }

    #[test]
    fn secrets_of_strangers_are_hidden() {
        let masker = Masker::new(["sk_test_known".to_owned()]);
        let veil = Veil::new(Some(&masker));
        let form =
            "card%5Bnumber%5D=4242424242424242&card[cvc]=737&amount=1050&k=sk_test_known&note=5555+5555+5555+4444";
        assert_eq!(veil.body(form, true), "card[number]=•••&card[cvc]=•••&amount=1050&k=•••&note=•••");
        let json = r#"{"amount":1050,"card":{"number":4242424242424242,"cvc":"737"},"memo":"is 4242-4242-4242-4242","client_secret":"x"}"#;
        let shown = veil.body(json, true);
        assert!(
            shown.contains("1050") && !shown.contains("4242") && !shown.contains("737") && !shown.contains("\"x\""),
            "{shown}"
        );
        let xml = r#"<pay><cardNumber>4111111111111111</cardNumber><ns:cvc a="b">12</ns:cvc><amount value="5" pan="77">10</amount><x>378282246310005</x></pay>"#;
        assert_eq!(
            veil.body(xml, true),
            r#"<pay><cardNumber>•••</cardNumber><ns:cvc a="b">•••</ns:cvc><amount value="5" pan="•••">10</amount><x>•••</x></pay>"#
        );
        let inside = STANDARD.encode(r#"{"pan":"4242424242424242","a":1}"#);
        assert!(!veil.body(&format!("payload={inside}"), true).contains(&inside[..20]));
        let named = STANDARD.encode(r#"{"cvc":"737","a":1234567}"#);
        assert!(!veil.body(&format!(r#"{{"payload":"{named}"}}"#), true).contains(&named[..20]));
        assert_eq!(veil.body("{\"number\":\"4242", true), "(malformed JSON, not shown)");
        assert_eq!(veil.body("{\"number\":\"4242", false), "(too long to be shown)");
    }

    #[test]
    fn headers_and_urls() {
        let veil = Veil::new(None);
        let header = |name, value: &'static str| veil.header(name, &HeaderValue::from_static(value));
        assert_eq!(header("authorization", "Bearer sk_live_x"), MASK);
        assert_eq!(header("x-api-key", "abc"), MASK);
        assert_eq!(header("content-type", "application/json"), "application/json");
        let url: Uri = "/v1/cards/4242424242424242?api_key=abc&expand[]=data".parse().unwrap();
        assert_eq!(veil.url(&url), "/v1/cards/•••?api_key=•••&expand[]=data");
    }

    #[test]
    fn what_is_no_secret_stays() {
        let veil = Veil::new(None);
        let plain = r#"{"id":"pi_3Mtw","created":1732300000,"at_ms":1732300000123,"amount":1234}"#;
        let shown: Value = serde_json::from_str(&veil.body(plain, true)).unwrap();
        assert_eq!(shown, serde_json::from_str::<Value>(plain).unwrap());
    }
}
