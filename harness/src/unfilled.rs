//! Places that are still to be filled in: `${fill:WHAT}` in a tape or a profile, as `quittance new` writes them.
//!
//! A file with such places can be read, so that everything else in it is checked. But a tape that has one is not played, and a connector
//! with one anywhere stays a draft.

use std::fmt;

/// How such a place begins.
const BEGIN: &str = "${fill:";

/// What stands there while the file is read. Words of ASCII letters: they fit a URL, a header and a string of JSON or XML.
pub(crate) const STAND_IN: &str = "to-be-filled-in";

/// A place that is to be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Line in the file, from 1.
    pub line: usize,
    /// What is to stand there, in words.
    pub what: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// The text of a place.
pub fn mark(what: &str) -> String {
    // A brace would end the place too early, a quotation mark or a backslash the string around it; two brackets are no JSON.
    let plain: String =
        what.chars().map(|c| if matches!(c, '{' | '}' | '"' | '\'' | '\\' | '\n') { ' ' } else { c }).collect();
    format!("{BEGIN}{}}}", plain.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The places of a text, and the text with something harmless in each. A comment has none; `$${fill:` is text.
pub(crate) fn taken_out(text: &str) -> (Vec<Place>, String) {
    let mut places = Vec::new();
    if !text.contains(BEGIN) {
        return (places, text.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let mut rest = line;
        while let Some(at) = rest.find(BEGIN).filter(|_| !line.trim_start().starts_with('#')) {
            let (before, from) = rest.split_at(at);
            let Some((inside, after)) = from.get(BEGIN.len()..).and_then(|inside| inside.split_once('}')) else {
                break;
            };
            out.push_str(before);
            if before.ends_with('$') {
                out.push_str(BEGIN);
                rest = from.get(BEGIN.len()..).unwrap_or_default();
                continue;
            }
            let (what, number_wanted) = inside.strip_suffix("#number").map_or((inside, false), |what| (what, true));
            places.push(Place { line: number + 1, what: what.trim().to_owned() });
            out.push_str(if number_wanted { "0" } else { STAND_IN });
            rest = after;
        }
        out.push_str(rest);
    }
    (places, out)
}

/// Places in a sentence: how many, and the first.
pub(crate) fn told(places: &[Place]) -> String {
    let count = places.len();
    match places.first() {
        None => "nothing is to be filled in".to_owned(),
        Some(first) if count == 1 => format!("1 place is to be filled in, {first}"),
        Some(first) => format!("{count} places are to be filled in, the first in {first}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_and_taken_out() {
        let text =
            "a = \"${fill:the path} and ${fill:the rest}\"\n# ${fill:no}\nb = \"$${fill:text}\"\nc = '${fill:open\n";
        let (places, out) = taken_out(text);
        let place = |what: &str| Place { line: 1, what: what.to_owned() };
        assert_eq!(places, [place("the path"), place("the rest")]);
        assert_eq!(out, text.replace("${fill:the path}", STAND_IN).replace("${fill:the rest}", STAND_IN));
        assert_eq!(taken_out("a = ${fill:how many#number}").1, "a = 0");
        assert_eq!(mark("a {b} \"c\"\n d"), "${fill:a b c d}");
        assert_eq!(told(&places), "2 places are to be filled in, the first in line 1: the path");
    }
}
