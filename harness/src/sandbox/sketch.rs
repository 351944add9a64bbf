//! The text of an answer with something in each hole, and where each of its values stands. What stands there may be replaced by a slot,
//! which is filled when the answer is given.

use std::ops::Range;

use crate::tape::json::member_path;
use crate::tape::{Hole, Part, Template};

/// Deepest nesting that is looked at.
const MAX_DEPTH: usize = 64;

/// A value of an answer.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    /// Where it stands, as in requests: `$.amount`, `/a/b/@c`, `form id`.
    pub(super) path: String,
    /// The text without holes: where a hole stands in it, it is of no use.
    pub(super) text: String,
    /// The bytes of the text.
    pub(super) at: Range<usize>,
    /// Of a JSON string: with its quotes.
    pub(super) quoted: Option<Range<usize>>,
    /// Whether a hole stands in it.
    pub(super) open: bool,
    /// Whether it is a whole JSON object.
    pub(super) object: bool,
    /// Whether it is made of what follows from the reference, and nothing else.
    pub(super) digest: bool,
    /// Whether it tells of a refund, and not of the payment.
    pub(super) refund: bool,
}

/// A template as a text that can be read.
pub(super) struct Sketch {
    text: String,
    holes: Vec<(Range<usize>, Hole)>,
    number: bool,
}

impl Sketch {
    pub(super) fn of(template: &Template) -> Sketch {
        let mut sketch = Sketch { text: String::new(), holes: Vec::new(), number: template.has_number() };
        for part in &template.parts {
            match part {
                Part::Text(text) => sketch.text.push_str(text),
                Part::Hole(hole) => {
                    let start = sketch.text.len();
                    // Digits alone: a hole may stand for a number.
                    sketch.text.push_str("777");
                    sketch.holes.push((start..sketch.text.len(), hole.clone()));
                }
            }
        }
        sketch
    }

    /// Every value, in order.
    pub(super) fn leaves(&self) -> Vec<Leaf> {
        let mut out = Vec::new();
        let start = self.text.len()
            - self.text.trim_start_matches('\u{feff}').trim_start().trim_start_matches('\u{feff}').len();
        match self.text.as_bytes().get(start) {
            Some(b'{' | b'[') => {
                let mut scan = Scan { text: &self.text, at: start, out: &mut out };
                let _ = scan.value("$", 0);
            }
            Some(b'<') => xml(&self.text, start, "", &mut out),
            Some(_) => form(&self.text, start, &mut out),
            None => {}
        }
        for leaf in &mut out {
            let inside = || self.holes.iter().filter(|(hole, _)| hole.start < leaf.at.end && leaf.at.start < hole.end);
            leaf.open = inside().next().is_some();
            let digests =
                inside().filter(|(_, hole)| matches!(hole, Hole::Digest { .. })).map(|(at, _)| at.len()).sum::<usize>();
            leaf.digest = leaf.open && digests == leaf.at.len();
        }
        out
    }

    /// The holes with the bytes that each takes the place of.
    pub(super) fn holes(&self) -> impl Iterator<Item = (&Range<usize>, &Hole)> {
        self.holes.iter().map(|(at, hole)| (at, hole))
    }

    /// What stands in these bytes.
    pub(super) fn part(&self, within: &Range<usize>) -> Sketch {
        let inside = self.holes.iter().filter(|(at, _)| within.start <= at.start && at.end <= within.end);
        let moved = |at: &Range<usize>| at.start - within.start..at.end - within.start;
        Sketch {
            text: self.text.get(within.clone()).unwrap_or_default().to_owned(),
            holes: inside.map(|(at, hole)| (moved(at), hole.clone())).collect(),
            number: self.number,
        }
    }

    /// The template with slots in place of these bytes, numbered in their order. Holes inside them are gone.
    pub(super) fn slotted(&self, slots: &[Range<usize>]) -> Template {
        let slots = slots.iter().enumerate().map(|(number, at)| (at.clone(), Part::Hole(Hole::Slot(number))));
        self.with(slots.collect())
    }

    /// The template with another text in place of each value that is words for people, and not a name, a code or a number.
    pub(super) fn reworded(&self, text: &str) -> Template {
        let is_words = |leaf: &Leaf| !leaf.object && leaf.text.contains(' ') && leaf.text.contains(char::is_alphabetic);
        let words = self.leaves().into_iter().filter(is_words);
        self.with(words.map(|leaf| (leaf.at, Part::Text(text.to_owned()))).collect())
    }

    /// The template with other parts in place of these bytes. Holes inside them are gone.
    fn with(&self, new: Vec<(Range<usize>, Part)>) -> Template {
        let inside = |hole: &Range<usize>| new.iter().any(|(at, _)| at.start <= hole.start && hole.end <= at.end);
        let kept = self.holes.iter().filter(|(at, _)| !inside(at));
        let mut all: Vec<(Range<usize>, Part)> =
            kept.map(|(at, hole)| (at.clone(), Part::Hole(hole.clone()))).collect();
        all.extend(new);
        all.sort_by_key(|(at, _)| at.start);
        let mut parts = Vec::with_capacity(2 * all.len() + 1);
        let mut from = 0;
        for (at, part) in all {
            if let Some(text) = self.text.get(from..at.start).filter(|text| !text.is_empty()) {
                parts.push(Part::Text(text.to_owned()));
            }
            parts.push(part);
            from = at.end;
        }
        if let Some(text) = self.text.get(from..).filter(|text| !text.is_empty()) {
            parts.push(Part::Text(text.to_owned()));
        }
        Template::of(parts, self.number)
    }
}

/// Reads JSON with the place of each value. What is no JSON ends it; what was read so far stays.
struct Scan<'t, 'o> {
    text: &'t str,
    at: usize,
    out: &'o mut Vec<Leaf>,
}

impl Scan<'_, '_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn string(&mut self) -> Option<Range<usize>> {
        if !self.take(b'"') {
            return None;
        }
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(start..self.at - 1)
    }

    fn value(&mut self, path: &str, depth: usize) -> Option<()> {
        self.space();
        let start = self.at;
        match self.peek()? {
            _ if depth > MAX_DEPTH => return None,
            b'{' => {
                self.at += 1;
                if !self.take(b'}') {
                    loop {
                        self.space();
                        let name = self.string()?;
                        let name = member_path(self.text.get(name)?);
                        self.take(b':').then_some(())?;
                        self.value(&format!("{path}{name}"), depth + 1)?;
                        if self.take(b'}') {
                            break;
                        }
                        self.take(b',').then_some(())?;
                    }
                }
                self.push(path, start..self.at, None, true);
            }
            b'[' => {
                self.at += 1;
                let mut index = 0;
                if !self.take(b']') {
                    loop {
                        self.value(&format!("{path}[{index}]"), depth + 1)?;
                        index += 1;
                        if self.take(b']') {
                            break;
                        }
                        self.take(b',').then_some(())?;
                    }
                }
            }
            b'"' => {
                let at = self.string()?;
                self.push(path, at, Some(start..self.at), false);
            }
            _ => {
                while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'))
                {
                    self.at += 1;
                }
                (self.at > start).then_some(())?;
                self.push(path, start..self.at, None, false);
            }
        }
        Some(())
    }

    fn push(&mut self, path: &str, at: Range<usize>, quoted: Option<Range<usize>>, object: bool) {
        let text = if object { String::new() } else { self.text.get(at.clone()).unwrap_or_default().to_owned() };
        self.out.push(Leaf {
            path: path.to_owned(),
            text,
            at,
            quoted,
            open: false,
            object,
            digest: false,
            refund: false,
        });
    }
}

/// The mark before a section of text in which no letter has a meaning, and the one behind it.
const SECTION: (&str, &str) = ("<![CDATA[", "]]>");

/// Attributes and texts of elements without children, below the path `base`; of a section that is XML itself those in it. An element that
/// is not closed ends it.
fn xml(text: &str, start: usize, base: &str, out: &mut Vec<Leaf>) {
    let mut open: Vec<(String, Vec<String>)> = Vec::new();
    let mut at = start;
    while let Some(tag) = text.get(at..).and_then(|rest| rest.find('<')).map(|found| at + found) {
        if let (Some(section), Some((path, children))) = (section(text, tag), open.last_mut()) {
            children.push("$xml".to_owned());
            at = section.end + SECTION.1.len();
            if let Some(message) = text.get(..section.end).filter(|_| is_xml(text, &section)) {
                xml(message, section.start, &format!("{path}/$xml"), out);
            }
            continue;
        }
        let Some(end) = text.get(tag..).and_then(|rest| rest.find('>')).map(|found| tag + found) else { return };
        let inner = text.get(tag + 1..end).unwrap_or_default();
        if inner.starts_with('/') {
            let content = text.get(at..tag).unwrap_or_default();
            if let Some((path, children)) = open.pop()
                && children.is_empty()
                && !content.contains('<')
            {
                out.push(Leaf {
                    path,
                    text: content.to_owned(),
                    at: at..tag,
                    quoted: None,
                    open: false,
                    object: false,
                    digest: false,
                    refund: false,
                });
            }
        } else if !inner.starts_with(['?', '!']) && open.len() < MAX_DEPTH {
            let name = inner.split([' ', '\n', '\t', '/']).next().unwrap_or_default();
            let path = match open.last_mut() {
                Some((path, children)) => {
                    let position = children.iter().filter(|other| *other == name).count() + 1;
                    children.push(name.to_owned());
                    if position > 1 { format!("{path}/{name}[{position}]") } else { format!("{path}/{name}") }
                }
                None => format!("{base}/{name}"),
            };
            attributes(text, tag + 1 + name.len()..end, &path, out);
            if !inner.ends_with('/') {
                open.push((path, Vec::new()));
            }
        }
        at = end + 1;
    }
}

/// The content of the section that begins at this place.
fn section(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?.strip_prefix(SECTION.0)?;
    let start = at + SECTION.0.len();
    Some(start..start + rest.find(SECTION.1)?)
}

fn is_xml(text: &str, within: &Range<usize>) -> bool {
    text.get(within.clone()).is_some_and(|content| content.trim_start().starts_with('<'))
}

fn attributes(text: &str, within: Range<usize>, path: &str, out: &mut Vec<Leaf>) {
    let mut at = within.start;
    while let Some(equals) = text.get(at..within.end).and_then(|rest| rest.find('=')).map(|found| at + found) {
        let name = text.get(at..equals).unwrap_or_default().trim();
        let Some(quote) = text.as_bytes().get(equals + 1).copied().filter(|byte| matches!(byte, b'"' | b'\'')) else {
            return;
        };
        let start = equals + 2;
        let Some(end) =
            text.get(start..within.end).and_then(|rest| rest.find(char::from(quote))).map(|found| start + found)
        else {
            return;
        };
        let value = text.get(start..end).unwrap_or_default().to_owned();
        out.push(Leaf {
            path: format!("{path}/@{name}"),
            text: value,
            at: start..end,
            quoted: None,
            open: false,
            object: false,
            digest: false,
            refund: false,
        });
        at = end + 1;
    }
}

/// The fields of a form; of one that stands open for base64 what is inside it.
fn form(text: &str, start: usize, out: &mut Vec<Leaf>) {
    let mut at = start;
    while at < text.len() {
        let rest = text.get(at..).unwrap_or_default();
        let Some(equals) = rest.find('=') else { return };
        let name = rest.get(..equals).unwrap_or_default().trim_start_matches('&');
        let from = at + equals + 1;
        let value = text.get(from..).unwrap_or_default();
        let path = format!("form {name}");
        if value.starts_with('{') {
            let first = out.len();
            let mut scan = Scan { text, at: from, out };
            if scan.value(&path, 0).is_none() {
                return;
            }
            at = scan.at;
            enclosed_xml(text, first, out);
            continue;
        }
        let end = value.find('&').map_or(text.len(), |end| from + end);
        let value = text.get(from..end).unwrap_or_default();
        if !value.contains('%') {
            let (text, at) = (value.to_owned(), from..end);
            out.push(Leaf { path, text, at, quoted: None, open: false, object: false, digest: false, refund: false });
        }
        at = end;
    }
}

/// Takes the strings from `first` on apart that hold XML.
fn enclosed_xml(text: &str, first: usize, out: &mut Vec<Leaf>) {
    let holds = |leaf: &Leaf| !leaf.object && leaf.text.trim_start().starts_with('<');
    let found: Vec<Range<usize>> =
        out.iter().skip(first).filter(|leaf| holds(leaf)).map(|leaf| leaf.at.clone()).collect();
    out.retain(|leaf| !found.contains(&leaf.at));
    for at in found {
        if let Some(inner) = text.get(..at.end) {
            xml(inner, at.start, "", out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_that_is_xml_is_open() {
        let text = "<s:E><r><![CDATA[<M><V><A>60</A><A/></V><S>x</S></M>]]></r><t><![CDATA[a < b]]></t><u>1</u></s:E>";
        let sketch = Sketch::of(&Template::of(vec![Part::Text(text.to_owned())], false));
        let found: Vec<(String, &str)> =
            sketch.leaves().into_iter().map(|leaf| (leaf.path, text.get(leaf.at).unwrap())).collect();
        let of = |path: &str, text: &'static str| (path.to_owned(), text);
        let wanted = [of("/s:E/r/$xml/M/V/A", "60"), of("/s:E/r/$xml/M/S", "x"), of("/s:E/u", "1")];
        assert_eq!(found, wanted);
    }
}
