//! What a description says of webhooks: which there are, the header that proves one, and by what.

use serde_json::Value;

/// How many names are told.
const SHOWN: usize = 8;

/// Deliveries, as far as a description speaks of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hooks {
    /// The names of deliveries.
    pub(super) events: Vec<String>,
    /// The header of the signature, lower case.
    pub(super) header: Option<String>,
    /// The algorithm, as profiles write it.
    pub(super) algorithm: Option<&'static str>,
}

impl Hooks {
    pub(super) fn of(root: &Value) -> Hooks {
        let named = ["webhooks", "x-webhooks"].iter().filter_map(|name| root.get(name)?.as_object()).flatten();
        let events = named.map(|(name, _)| name.clone()).filter(|name| is_plain(name)).take(SHOWN).collect();
        let mut hooks = Hooks { events, ..Hooks::default() };
        hooks.look(root);
        hooks
    }

    fn look(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.read(text),
            Value::Array(items) => items.iter().for_each(|item| self.look(item)),
            Value::Object(members) => {
                members.values().for_each(|member| self.look(member));
            }
            _ => {}
        }
    }

    /// A text that names a header of a signature, and an algorithm.
    fn read(&mut self, text: &str) {
        let lower = text.to_lowercase();
        if !lower.contains("signature") && !lower.contains("hmac") {
            return;
        }
        let words = lower.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
        let is_header = |word: &&str| {
            let begins = word.starts_with(|letter: char| letter.is_ascii_lowercase());
            let parts: Vec<&str> = word.split('-').collect();
            begins
                && word.len() < 40
                && parts.len() > 1
                && parts.iter().all(|part| (1..13).contains(&part.len()))
                && parts.contains(&"signature")
                && (parts.first() == Some(&"x") || parts.last() == Some(&"signature"))
        };
        // A header is written with capitals or as one that is not standard; a word of the text is neither.
        let is_written = |word: &str| word.starts_with("x-") || !text.contains(word);
        let found = words.filter(is_header).find(|word| is_written(word)).map(str::to_owned);
        if found.is_some() && self.header.is_none() {
            self.header = found;
        }
        if self.algorithm.is_none() && lower.contains("hmac") {
            let close: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
            self.algorithm = [("sha512", "hmac-sha512"), ("sha256", "hmac-sha256"), ("sha1", "hmac-sha1")]
                .into_iter()
                .find_map(|(word, name)| close.contains(word).then_some(name));
        }
    }
}

fn is_plain(name: &str) -> bool {
    name.len() < 60 && !name.chars().any(|letter| letter.is_control() || "`'\"{}".contains(letter))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn header_and_algorithm_are_read_out_of_the_text() {
        let root = json!({ "x-webhooks": { "charge.paid": {} }, "info": { "description":
            "A long-signature of yours. Events carry Acme-Signature, an HMAC SHA-512 of the body." } });
        let hooks = Hooks::of(&root);
        assert_eq!(hooks.events, ["charge.paid"]);
        assert_eq!(hooks.header.as_deref(), Some("acme-signature"));
        assert_eq!(hooks.algorithm, Some("hmac-sha512"));
        assert_eq!(Hooks::of(&json!({ "a": "a pay-signature" })), Hooks::default());
    }
}
