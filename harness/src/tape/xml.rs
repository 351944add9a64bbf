//! XML as a small tree in which only what carries meaning is kept: attributes sorted, no comments, no white space between elements.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 128;

/// An element; `T` is text as it was sent, or a template of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element<T> {
    /// The qualified name as written, prefix included.
    pub(crate) name: String,
    /// Sorted by name.
    pub(crate) attributes: Vec<(String, T)>,
    pub(crate) children: Vec<Node<T>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node<T> {
    Element(Element<T>),
    Text(T),
}

impl<T> Node<T> {
    /// The name of an element; none for text.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Element(element) => Some(&element.name),
            Self::Text(_) => None,
        }
    }
}

/// A document: its document type, if it names one, and its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    /// What stands in `<!DOCTYPE …>`, with single blanks.
    pub(crate) doctype: Option<String>,
    pub(crate) root: Element<String>,
}

/// What stands before the root element: declaration, document type, comments; nothing where there is no root.
pub(crate) fn prolog(text: &str) -> &str {
    let mut reader = Reader::from_str(text);
    let mut end = 0;
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(_) | Event::Empty(_) => return text.get(..end).unwrap_or_default(),
            Event::Eof => break,
            _ => end = usize::try_from(reader.buffer_position()).unwrap_or_default(),
        }
    }
    ""
}

/// The root of a document; the error says what is wrong.
pub(crate) fn read(text: &str) -> Result<Element<String>, String> {
    document(text).map(|document| document.root)
}

/// Reads a document. A document type with declarations of its own is refused, since it could change what the rest means.
pub(crate) fn document(text: &str) -> Result<Document, String> {
    let mut reader = Reader::from_str(text);
    let mut doctype = None;
    let mut open: Vec<Element<String>> = Vec::new();
    let mut root: Option<Element<String>> = None;
    loop {
        let event = reader.read_event().map_err(|error| format!("no well-formed XML: {error}"))?;
        let outside = open.is_empty();
        match event {
            Event::Start(_) | Event::Empty(_) if outside && root.is_some() => {
                return Err("more than one root element".to_owned());
            }
            Event::Start(start) => {
                if open.len() == MAX_DEPTH {
                    return Err("nested too deeply".to_owned());
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => close(element(&start)?, &mut open, &mut root),
            Event::End(_) => {
                if let Some(done) = open.pop() {
                    close(done, &mut open, &mut root);
                }
            }
            Event::Text(text) => push_text(&mut open, &text.xml10_content())?,
            Event::CData(text) => push_text(&mut open, &text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let resolved = reference.resolve_char_ref().map_err(|error| format!("no well-formed XML: {error}"))?;
                let named = reference.xml10_content();
                match (resolved, quick_xml::escape::resolve_predefined_entity(&named)) {
                    (Some(letter), _) => push_text(&mut open, letter.encode_utf8(&mut [0; 4]))?,
                    (None, Some(text)) => push_text(&mut open, text)?,
                    (None, None) => return Err(format!("unknown entity `&{named};`")),
                }
            }
            Event::DocType(named) => {
                let named: String = named.split_whitespace().collect::<Vec<_>>().join(" ");
                if named.contains('[') || root.is_some() || !outside || doctype.replace(named).is_some() {
                    return Err("expected at most one document type, without declarations, before the root".to_owned());
                }
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if !open.is_empty() {
        return Err("an element is not closed".to_owned());
    }
    let root = root.ok_or_else(|| "expected a root element".to_owned())?;
    Ok(Document { doctype, root })
}

/// The message that stands as text in an element: XML again. None where the text is no XML.
pub(crate) fn message(text: &str) -> Option<Element<String>> {
    let text = text.trim();
    if text.starts_with('<') { read(text).ok() } else { None }
}

/// The first element of that name as it is written, tags included: of a message that stands as text, else of the document itself.
pub(crate) fn written(text: &str, name: &str) -> Option<String> {
    let (root, mut texts) = (read(text).ok()?, Vec::new());
    texts_of(&root, &mut texts);
    let mut messages = texts.into_iter().filter(|text| text.trim_start().starts_with('<'));
    messages.find_map(|message| written(message.trim(), name)).or_else(|| raw(text, name).map(str::to_owned))
}

/// The text in that element.
pub(crate) fn content(text: &str, name: &str) -> Option<String> {
    let element = read(&written(text, name)?).ok()?;
    let mut texts = Vec::new();
    texts_of(&element, &mut texts);
    Some(texts.concat())
}

fn texts_of<'e>(element: &'e Element<String>, texts: &mut Vec<&'e str>) {
    for child in &element.children {
        match child {
            Node::Element(element) => texts_of(element, texts),
            Node::Text(text) => texts.push(text),
        }
    }
}

fn raw<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let begins = |at: &usize| {
        let rest = text.get(at + 1..).and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with(|letter: char| letter == '>' || letter.is_ascii_whitespace()))
    };
    let start = text.match_indices('<').map(|(at, _)| at).find(begins)?;
    let close = format!("</{name}>");
    let end = start + text.get(start..)?.find(&close)? + close.len();
    text.get(start..end)
}

fn element(start: &BytesStart<'_>) -> Result<Element<String>, String> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| format!("no well-formed XML: {error}"))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| format!("no well-formed XML: {error}"))?;
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    attributes.sort();
    Ok(Element { name: start.name().as_ref().to_owned(), attributes, children: Vec::new() })
}

fn push_text(open: &mut [Element<String>], text: &str) -> Result<(), String> {
    let Some(parent) = open.last_mut() else {
        return if text.trim().is_empty() { Ok(()) } else { Err("text outside the root element".to_owned()) };
    };
    match parent.children.last_mut() {
        Some(Node::Text(before)) => before.push_str(text),
        _ if text.is_empty() => {}
        _ => parent.children.push(Node::Text(text.to_owned())),
    }
    Ok(())
}

/// Beside an element, text of white space alone only indents; in a leaf it is the value.
fn close(mut done: Element<String>, open: &mut [Element<String>], root: &mut Option<Element<String>>) {
    if done.children.iter().any(|child| matches!(child, Node::Element(_))) {
        done.children.retain(|child| !matches!(child, Node::Text(text) if text.trim().is_empty()));
    }
    match open.last_mut() {
        Some(parent) => parent.children.push(Node::Element(done)),
        None => *root = Some(done),
    }
}

impl<T> Element<T> {
    /// The same tree with each text turned into something else.
    pub(crate) fn try_map<U, E>(self, turn: &mut impl FnMut(T) -> Result<U, E>) -> Result<Element<U>, E> {
        let attributes =
            self.attributes.into_iter().map(|(name, value)| Ok((name, turn(value)?))).collect::<Result<_, E>>()?;
        let mut children = Vec::with_capacity(self.children.len());
        for child in self.children {
            children.push(match child {
                Node::Element(element) => Node::Element(element.try_map(turn)?),
                Node::Text(text) => Node::Text(turn(text)?),
            });
        }
        Ok(Element { name: self.name, attributes, children })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_meaning_is_kept() {
        let one = read("<?xml version=\"1.0\"?>\n<p:a y='2' x=\"1&amp;\">\n  <!-- no --><b> t &lt;&#65;<![CDATA[<]]></b>\n <c/></p:a>\n").unwrap();
        let other = read("<p:a x='1&#38;' y='2'><b> t &lt;A&lt;</b><c></c></p:a>").unwrap();
        assert_eq!(one, other);
        assert_ne!(one, read("<p:a x='1&#38;' y='2'><b>t &lt;A&lt;</b><c></c></p:a>").unwrap());
    }

    #[test]
    fn a_message_that_stands_as_text_is_read() {
        let inner = "<M v=\"1\"><V a=\"0\"><O> 12&amp;</O></V><V/></M>";
        let escaped = format!("<s:E><b>{}</b><V>outside</V></s:E>", quick_xml::escape::escape(inner));
        for text in [escaped, format!("<s:E><b>\n<![CDATA[{inner}]]></b><V>outside</V></s:E>"), inner.to_owned()] {
            assert_eq!(written(&text, "V").as_deref(), Some("<V a=\"0\"><O> 12&amp;</O></V>"), "{text}");
            assert_eq!(content(&text, "O").as_deref(), Some(" 12&"), "{text}");
            assert_eq!(written(&text, "W"), None);
        }
        assert!(message(" <a/> ").is_some() && message("a < b").is_none() && message("<a>").is_none());
    }

    #[test]
    fn a_document_type_is_kept_by_its_names() {
        let text = "<?xml version='1.0'?>\n<!DOCTYPE a PUBLIC \"-//A//B\"\n   \"http://a/b.dtd\">\n<a/>";
        assert_eq!(document(text).unwrap().doctype.as_deref(), Some("a PUBLIC \"-//A//B\" \"http://a/b.dtd\""));
        assert_eq!(prolog(text), text.strip_suffix("<a/>").unwrap());
        assert_eq!(document("<a/>").unwrap().doctype, None);
        assert_eq!((prolog("<a/>"), prolog("no")), ("", ""));
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        for text in [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a x='1' x='2'/>",
            "<a>&other;</a>",
            "<!DOCTYPE a [<!ENTITY e 'x'>]><a/>",
            "<!DOCTYPE a><!DOCTYPE a><a/>",
            "<a/><!DOCTYPE a>",
            "x<a/>",
            "<a/>x",
            "</a>",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&"<a>".repeat(200)).is_err());
    }
}
