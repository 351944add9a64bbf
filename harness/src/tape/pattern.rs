//! JSON bodies of tapes as patterns.

use std::borrow::Cow;

use super::enclosed;
use super::hole::Place;
use super::json::Json;
use super::matcher::JsonPattern;
use super::template::Template;

/// The pattern of a JSON body as a tape states it.
///
/// # Errors
/// A hole that cannot be read, or one in a member's name.
pub(super) fn of_json(value: &Json<'_>) -> Result<JsonPattern, String> {
    Ok(match value {
        Json::String(text) => {
            let template = Template::parse(text, Place::Request)?;
            if template.number_hole()?.is_some() {
                JsonPattern::Number(template)
            } else {
                JsonPattern::String(template)
            }
        }
        Json::Array(items) => JsonPattern::Array(items.iter().map(of_json).collect::<Result<_, _>>()?),
        Json::Object(members) => {
            if let [(name, inner)] = members.as_slice()
                && name == enclosed::WORD
            {
                return Ok(JsonPattern::Base64(Box::new(of_json(inner)?)));
            }
            let member = |(name, value): &(Cow<'_, str>, Json<'_>)| {
                if name.contains("${") {
                    return Err(format!("expected no hole in the member name `{name}`"));
                }
                Ok((name.to_string(), of_json(value)?))
            };
            JsonPattern::Object(members.iter().map(member).collect::<Result<_, _>>()?)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {
            JsonPattern::Word(value.scalar().unwrap_or_default().into_owned())
        }
    })
}

/// Every template inside a pattern.
pub(super) fn templates<'p>(pattern: &'p JsonPattern, found: &mut Vec<&'p Template>) {
    match pattern {
        JsonPattern::Word(_) => {}
        JsonPattern::String(template) | JsonPattern::Number(template) => found.push(template),
        JsonPattern::Array(items) => items.iter().for_each(|item| templates(item, found)),
        JsonPattern::Object(members) => members.iter().for_each(|(_, member)| templates(member, found)),
        JsonPattern::Base64(inner) => templates(inner, found),
    }
}
