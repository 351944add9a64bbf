//! The texts of an XML document by their places, and the document with other texts in them.

use std::collections::BTreeMap;

use quick_xml::XmlVersion;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::tape::xml;

/// The texts of a document: of elements by their path (`/sale/card/number`, `/sale/item[2]`), of attributes as `/sale/@id`, of a message that
/// stands as text behind the path of its element. None where the text is no XML.
pub(crate) fn texts(document: &str) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    turned("", document, &mut |place, text| {
        found.entry(place.to_owned()).or_insert_with(|| text.to_owned());
        text.to_owned()
    })?;
    Some(found)
}

/// The document with each text replaced; `turn` gets its place. All else stays as it is written, but for comments, which mean nothing.
pub(crate) fn turned(path: &str, document: &str, turn: &mut impl FnMut(&str, &str) -> String) -> Option<String> {
    xml::read(document).ok()?;
    let mut writing =
        Writing { open: vec![Open { path: path.to_owned(), names: BTreeMap::new() }], ..Writing::default() };
    let mut reader = Reader::from_str(document);
    let mut begins = 0;
    loop {
        let event = reader.read_event().ok()?;
        let ends = usize::try_from(reader.buffer_position()).ok()?;
        let raw = document.get(begins..ends)?;
        begins = ends;
        match event {
            Event::Text(text) => writing.text(raw, &text.xml10_content()),
            Event::CData(text) => writing.text(raw, &text.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(letter) => writing.text(raw, letter.encode_utf8(&mut [0; 4])),
                None => writing.text(raw, resolve_predefined_entity(&reference.xml10_content())?),
            },
            Event::Start(start) => writing.element(raw, &start, false, turn)?,
            Event::Empty(start) => writing.element(raw, &start, true, turn)?,
            Event::End(_) => {
                writing.flush(turn);
                writing.open.pop();
                writing.out.push_str(raw);
            }
            Event::Comment(_) | Event::PI(_) => {}
            Event::Decl(_) | Event::DocType(_) => writing.out.push_str(raw),
            Event::Eof => break,
        }
    }
    writing.flush(turn);
    Some(writing.out)
}

/// An element that is open: its path, and how many children of each name it had.
struct Open {
    path: String,
    names: BTreeMap<String, usize>,
}

/// What is written so far.
#[derive(Default)]
struct Writing {
    out: String,
    open: Vec<Open>,
    /// The text since the last tag as it was written, and what it means.
    raw: String,
    text: String,
}

impl Writing {
    fn text(&mut self, raw: &str, text: &str) {
        self.raw.push_str(raw);
        self.text.push_str(text);
    }

    /// Writes the text since the last tag.
    fn flush(&mut self, turn: &mut impl FnMut(&str, &str) -> String) {
        let (raw, text) = (std::mem::take(&mut self.raw), std::mem::take(&mut self.text));
        let place = self.open.last().map(|open| open.path.clone()).unwrap_or_default();
        let turned = match text.trim().is_empty() {
            true => text.clone(),
            // A message that stands as text has places of its own.
            false if xml::message(&text).is_some() => {
                turned(&place, text.trim(), turn).unwrap_or_else(|| turn(&place, &text))
            }
            false => turn(&place, &text),
        };
        match turned == text {
            true => self.out.push_str(&raw),
            false => self.out.push_str(&escape(&turned)),
        }
    }

    fn element(
        &mut self,
        raw: &str,
        start: &BytesStart<'_>,
        is_empty: bool,
        turn: &mut impl FnMut(&str, &str) -> String,
    ) -> Option<()> {
        self.flush(turn);
        let name = start.name().as_ref().to_owned();
        let parent = self.open.last_mut()?;
        let count = parent.names.entry(name.clone()).or_default();
        *count += 1;
        let path = match *count {
            1 => format!("{}/{name}", parent.path),
            count => format!("{}/{name}[{count}]", parent.path),
        };
        let (mut attributes, mut is_same) = (String::new(), true);
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
            let key: &str = attribute.key.as_ref();
            let turned = turn(&format!("{path}/@{key}"), &value);
            is_same &= turned == value;
            attributes.push_str(&format!(" {key}=\"{}\"", escape(&turned)));
        }
        match is_same {
            true => self.out.push_str(raw),
            false => self.out.push_str(&format!("<{name}{attributes}{}>", if is_empty { "/" } else { "" })),
        }
        if !is_empty {
            self.open.push(Open { path, names: BTreeMap::new() });
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALE: &str = "<?xml version=\"1.0\"?>\n<!-- pan 4457 --><p:sale xmlns=\"urn:x\" id='k&amp;1' on=\"1\">\n  <card><number>4457</number><n/></card>\n  \
                        <item>a</item><item><![CDATA[<b c=\"1\">2 &lt; 3</b>]]></item>\n</p:sale>\n";

    #[test]
    fn texts_have_places() {
        let found = texts(SALE).unwrap();
        let found: Vec<(&str, &str)> = found.iter().map(|(place, text)| (place.as_str(), text.as_str())).collect();
        let expected = [
            ("/p:sale/@id", "k&1"),
            ("/p:sale/@on", "1"),
            ("/p:sale/@xmlns", "urn:x"),
            ("/p:sale/card/number", "4457"),
            ("/p:sale/item", "a"),
            ("/p:sale/item[2]/b", "2 < 3"),
            ("/p:sale/item[2]/b/@c", "1"),
        ];
        assert_eq!(found, expected);
        assert_eq!(texts("<a>"), None);
    }

    #[test]
    fn what_is_not_turned_stays_as_it_is_written() {
        let same = turned("", SALE, &mut |_, text| text.to_owned());
        assert_eq!(same.as_deref(), Some(SALE.replace("<!-- pan 4457 -->", "").as_str()));
        let other = turned("", SALE, &mut |place, text| match place {
            "/p:sale/@id" => "${key}<".to_owned(),
            "/p:sale/item[2]/b" => "4".to_owned(),
            "/p:sale/card/number" => "${card:number}".to_owned(),
            _ => text.to_owned(),
        });
        let other = other.unwrap();
        for part in [
            "<p:sale xmlns=\"urn:x\" id=\"${key}&lt;\" on=\"1\">\n  <card><number>${card:number}</number><n/>",
            "<item>&lt;b c=&quot;1&quot;&gt;4&lt;/b&gt;</item>",
        ] {
            assert!(other.contains(part), "{other}");
        }
    }
}
