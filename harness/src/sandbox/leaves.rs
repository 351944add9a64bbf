//! What a tape's request has as a flat list of values, each with the place where it stands, so that any two requests can be compared
//! whatever their order.

use std::collections::HashMap;

use crate::tape::json::member_path;
use crate::tape::matcher::{BodyPattern, FieldPattern, JsonPattern, RequestPattern};
use crate::tape::xml::{self, Element, Node};
use crate::tape::{Part, Template};

/// Where it is said what is asked for, in an API that has one endpoint for all.
pub(super) const OPERATION: &str = "operation";

/// A value that a tape's request has: where, and what.
pub(super) type Stated = (String, Template);

/// The first field of a GraphQL document: what it asks for. None where the text is no such document.
pub(super) fn first_field(document: &str) -> Option<&str> {
    let text = document.trim_start();
    if !["query", "mutation", "{"].iter().any(|start| text.starts_with(start)) {
        return None;
    }
    let selection = text.split_once('{')?.1.trim_start();
    let end = selection.find(['(', '{', '}', '\n']).unwrap_or(selection.len());
    let field = selection.get(..end)?.rsplit(':').next()?.trim();
    Some(field).filter(|field| !field.is_empty() && !field.contains(char::is_whitespace))
}

/// The names of the elements in an element.
pub(super) fn children<T>(element: &Element<T>) -> String {
    element.children.iter().filter_map(Node::name).collect::<Vec<_>>().join("/")
}

/// Every attribute and text of a tree with its path: `/list/item[2]/@id`, counted among siblings of that name.
pub(super) fn xml_leaves<T>(path: &str, element: &Element<T>, give: &mut impl FnMut(String, &T)) {
    for (name, value) in element.attributes.iter().filter(|(name, _)| !name.starts_with("xmlns")) {
        give(format!("{path}/@{name}"), value);
    }
    for (index, child) in element.children.iter().enumerate() {
        match child {
            Node::Text(text) => give(path.to_owned(), text),
            Node::Element(child) => {
                let before = element.children.iter().take(index);
                let position = before.filter(|sibling| sibling.name() == Some(&child.name)).count() + 1;
                let place = if position > 1 { format!("[{position}]") } else { String::new() };
                xml_leaves(&format!("{path}/{}{place}", child.name), child, give);
            }
        }
    }
}

/// Tells repeated names apart: the second is `form a#2`.
fn numbered(all: &mut [Stated]) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for (name, _) in all {
        if name.starts_with("form ") || name.starts_with("query ") {
            let count = counts.entry(name.clone()).or_default();
            *count += 1;
            if *count > 1 {
                *name = format!("{name}#{count}");
            }
        }
    }
}

/// Every value of a tape's request, the path aside.
pub(super) fn stated(pattern: &RequestPattern) -> Vec<Stated> {
    let mut out: Vec<Stated> = Vec::new();
    for (name, template) in &pattern.headers {
        out.push((format!("header {name}"), template.clone()));
    }
    let mut fields = |kind: &str, patterns: &[FieldPattern]| {
        for field in patterns {
            out.push((format!("{kind} {}", field.name), field.value.clone().unwrap_or_default()));
        }
    };
    fields("query", &pattern.query);
    match &pattern.body {
        BodyPattern::None => {}
        BodyPattern::Form { fields: patterns, .. } => fields("form", patterns),
        BodyPattern::Json { root, .. } => {
            if let JsonPattern::Object(members) = root
                && let Some((_, JsonPattern::String(query))) = members.iter().find(|(name, _)| name == "query")
                && let Some(name) = query.literal().and_then(first_field)
            {
                out.push((OPERATION.to_owned(), fixed(name)));
            }
            json_stated("$".to_owned(), root, &mut out);
        }
        BodyPattern::Xml { root, .. } => {
            out.push((OPERATION.to_owned(), fixed(&children(root))));
            xml_stated(&format!("/{}", root.name), root, &mut out);
        }
        BodyPattern::Text(template) => out.push(("body".to_owned(), template.clone())),
    }
    numbered(&mut out);
    out
}

fn fixed(text: &str) -> Template {
    Template::of(vec![Part::Text(text.to_owned())], false)
}

fn json_stated(path: String, pattern: &JsonPattern, out: &mut Vec<Stated>) {
    match pattern {
        JsonPattern::Word(word) => out.push((path, fixed(word))),
        JsonPattern::String(template) | JsonPattern::Number(template) => out.push((path, template.clone())),
        JsonPattern::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                json_stated(format!("{path}[{index}]"), item, out);
            }
        }
        JsonPattern::Object(members) => {
            for (name, member) in members {
                json_stated(format!("{path}{}", member_path(name)), member, out);
            }
        }
        JsonPattern::Base64(inner) => json_stated(format!("{path}{}", member_path("$base64")), inner, out),
    }
}

/// Attributes and texts; of a text that is XML itself those in it.
fn xml_stated(path: &str, element: &Element<Template>, out: &mut Vec<Stated>) {
    xml_leaves(path, element, &mut |path, text: &Template| match message(text) {
        Some(message) => xml_stated(&message_path(&path, &message), &message, out),
        None => out.push((path, text.clone())),
    });
}

/// Where the root of a message stands that is the text of an element.
pub(super) fn message_path<T>(path: &str, message: &Element<T>) -> String {
    format!("{path}/$xml/{}", message.name)
}

/// Letters that stand for holes while a message is read: of the private use area.
const HOLES: u32 = 0xf_0000;

/// The message that a text with holes is; none where it is no XML.
fn message(template: &Template) -> Option<Element<Template>> {
    if !template.literal_start().trim_start().starts_with('<') {
        return None;
    }
    let letter = |hole: usize| char::from_u32(HOLES + u32::try_from(hole).ok()?);
    let (mut text, mut holes) = (String::new(), Vec::new());
    for part in &template.parts {
        match part {
            Part::Text(literal) => text.push_str(literal),
            Part::Hole(hole) => {
                text.push(letter(holes.len())?);
                holes.push(hole);
            }
        }
    }
    let mut filled = |text: String| {
        let mut parts = Vec::new();
        for letter in text.chars() {
            let hole = u32::from(letter).checked_sub(HOLES).and_then(|at| holes.get(usize::try_from(at).ok()?));
            match (hole, parts.last_mut()) {
                (Some(hole), _) => parts.push(Part::Hole((*hole).clone())),
                (None, Some(Part::Text(text))) => text.push(letter),
                (None, _) => parts.push(Part::Text(letter.to_string())),
            }
        }
        Ok::<Template, ()>(Template::of(parts, false))
    };
    xml::message(&text)?.try_map(&mut filled).ok()
}

/// Whether a tape's request has JSON inside base64.
pub(super) fn encloses(stated: &[Stated]) -> bool {
    stated.iter().any(|(path, _)| path.contains("$base64"))
}

/// The last name of a path: `$.amount.value` has `value`, `form metadata[cart]` has `cart`; lower case, letters and digits alone.
pub(super) fn last_name(path: &str) -> String {
    let plain = path.trim_end_matches(']');
    let plain = plain.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '[' || letter == '#');
    let start = plain.rfind(['.', '[', '/', '@', ' ']).map_or(0, |at| at + 1);
    let name = plain.get(start..).unwrap_or_default();
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::Hole;

    #[test]
    fn what_is_asked_for_stands_in_the_body() {
        let of = |text: &str| first_field(text).map(str::to_owned);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("mutation ($input: I!) { done: chargeIt(input: $input) { id } }"), some("chargeIt"));
        assert_eq!(of("query ($input: I!) { done: search { it: found(input: $input) { a } } }"), some("search"));
        assert_eq!(of("{ ping }"), some("ping"));
        assert_eq!(of("mutation M {\n  chargeIt(a: 1) { id } }"), some("chargeIt"));
        assert_eq!(of("shoes"), None);
    }

    #[test]
    fn holes_keep_their_places_in_a_message() {
        let hole = Part::Hole(Hole::Key(None));
        let text = |text: &str| Part::Text(text.to_owned());
        let parts = vec![text("<M><a>x"), hole.clone(), text("</a><b c=\""), hole.clone(), text("\"/></M>")];
        let mut found = Vec::new();
        let root = Element {
            name: "E".to_owned(),
            attributes: Vec::new(),
            children: vec![Node::Text(Template::of(parts, false))],
        };
        xml_stated("/E", &root, &mut found);
        let of = |path: &str, parts: Vec<Part>| (path.to_owned(), Template::of(parts, false));
        assert_eq!(found, [of("/E/$xml/M/a", vec![text("x"), hole.clone()]), of("/E/$xml/M/b/@c", vec![hole])]);
    }

    #[test]
    fn names_are_the_last_of_a_path() {
        for (path, name) in [
            ("$.amount.value", "value"),
            ("form metadata[cart]", "cart"),
            ("form expand[0]", "expand"),
            ("/a/b[2]/@orderCode", "ordercode"),
            ("$.list[3]", "list"),
        ] {
            assert_eq!(last_name(path), name);
        }
    }
}
