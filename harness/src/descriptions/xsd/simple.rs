//! Simple types: the built-in ones, and restrictions of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{Xsd, attribute, children, local};
use crate::tape::xml::Element;

impl Xsd {
    /// What the type of that name expects, when the text is not of it.
    pub(super) fn named(&self, name: &str, text: &str) -> Option<String> {
        match self.types.get(local(name)) {
            Some(named) if local(&named.name) == "simpleType" => self.restricted(named, text),
            Some(_) => Some("elements".to_owned()),
            None => self.built_in(local(name), text),
        }
    }

    fn built_in(&self, name: &str, text: &str) -> Option<String> {
        let text = text.trim();
        let integer =
            || text.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit()) && digits(text) > 0;
        let holds = match name {
            "string" | "token" | "normalizedString" => true,
            "boolean" => matches!(text, "true" | "false" | "1" | "0"),
            "integer" => integer(),
            "int" => integer() && text.parse::<i32>().is_ok(),
            "long" => integer() && text.parse::<i64>().is_ok(),
            "decimal" => {
                let (whole, part) = text.split_once('.').unwrap_or((text, ""));
                let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
                plain(whole.trim_start_matches(['+', '-'])) && plain(part) && digits(text) > 0
            }
            "date" => text.get(..10).is_some_and(|date| date.parse::<jiff::civil::Date>().is_ok()),
            "dateTime" => {
                text.contains('T') && text.get(..19).is_some_and(|time| time.parse::<jiff::civil::DateTime>().is_ok())
            }
            "base64Binary" => STANDARD.decode(text).is_ok(),
            other => {
                self.skip(format!("the type {other}"));
                true
            }
        };
        (!holds).then(|| format!("xs:{name}"))
    }

    /// What a simple type expects, when the text is not of it.
    pub(super) fn restricted(&self, kind: &Element<String>, text: &str) -> Option<String> {
        let Some(restriction) = children(kind).find(|child| local(&child.name) != "annotation") else {
            self.skip("a simple type without content".to_owned());
            return None;
        };
        if local(&restriction.name) != "restriction" {
            self.skip(format!("{} in a simple type", local(&restriction.name)));
            return None;
        }
        let collapsed: String;
        let facet = |name: &str| children(restriction).find(|facet| local(&facet.name) == name);
        let text = match facet("whiteSpace").and_then(|facet| attribute(facet, "value")) {
            Some("collapse") => {
                collapsed = text.split_whitespace().collect::<Vec<_>>().join(" ");
                &collapsed
            }
            _ => text,
        };
        let base = attribute(restriction, "base");
        let base_of = |base: &str| self.named(base, text);
        let inline = || children(restriction).find(|child| local(&child.name) == "simpleType");
        let of_base = match base {
            Some(base) => base_of(base),
            None => inline().and_then(|inline| self.restricted(inline, text)),
        };
        of_base.or_else(|| self.facets(restriction, self.is_binary(base.unwrap_or_default()), text))
    }

    /// Whether lengths of the type count bytes that base64 stands for.
    fn is_binary(&self, name: &str) -> bool {
        let restriction = self.types.get(local(name)).and_then(|named| children(named).next());
        match restriction.and_then(|restriction| attribute(restriction, "base")) {
            Some(base) => self.is_binary(base),
            None => local(name) == "base64Binary",
        }
    }

    fn facets(&self, restriction: &Element<String>, is_binary: bool, text: &str) -> Option<String> {
        let length = match is_binary {
            true => STANDARD.decode(text.trim()).map_or(0, |bytes| bytes.len()),
            false => text.chars().count(),
        };
        let (mut choices, mut patterns) = (Vec::new(), Vec::new());
        for facet in children(restriction) {
            let name = local(&facet.name);
            let value = attribute(facet, "value").unwrap_or_default();
            let count = value.parse::<usize>();
            let holds = match (name, count) {
                ("annotation" | "whiteSpace" | "simpleType", _) => true,
                ("enumeration", _) => {
                    choices.push(value);
                    true
                }
                ("pattern", _) => {
                    patterns.push(value);
                    true
                }
                ("length", Ok(count)) => length == count,
                ("minLength", Ok(count)) => length >= count,
                ("maxLength", Ok(count)) => length <= count,
                ("totalDigits", Ok(count)) => digits(text) <= count,
                ("minInclusive" | "maxInclusive", _) => match (text.trim().parse::<i128>(), value.parse::<i128>()) {
                    (Ok(text), Ok(value)) if name == "minInclusive" => text >= value,
                    (Ok(text), Ok(value)) => text <= value,
                    _ => {
                        self.skip(format!("{name} {value} of a number that is not whole"));
                        true
                    }
                },
                _ => {
                    self.skip(format!("the facet {name} {value}"));
                    true
                }
            };
            if !holds {
                return Some(format!("{name} {value}"));
            }
        }
        if !choices.is_empty() && !choices.contains(&text) {
            return Some(format!("one of {}", choices.join(", ")));
        }
        let agrees = |pattern: &&str| self.agrees(pattern, text);
        (!patterns.is_empty() && !patterns.iter().any(agrees)).then(|| format!("the pattern {}", patterns.join(" or ")))
    }

    /// Whether a text agrees with a pattern, which stands for the whole of it.
    fn agrees(&self, pattern: &str, text: &str) -> bool {
        match jsonschema::validator_for(&json!({ "pattern": format!("^(?:{pattern})$") })) {
            Ok(validator) => validator.is_valid(&json!(text)),
            Err(_) => {
                self.skip(format!("the pattern {pattern}"));
                true
            }
        }
    }
}

/// How many digits a number has, without leading zeros.
fn digits(text: &str) -> usize {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let bare = digits.trim_start_matches('0').len();
    if digits.is_empty() { 0 } else { bare.max(1) }
}
