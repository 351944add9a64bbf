//! The values that stand in a body, and the body with some of them replaced.

use std::ops::Range;

use crate::tape::Edit;

/// A text or number of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// Where it stands: `/amount/value`, `/items/0/code`, `/Order/@id`, the name of a form field.
    pub(crate) path: String,
    /// The name of the member, element, attribute or field.
    pub(crate) name: String,
    /// The value, decoded.
    pub(crate) value: String,
    /// How it is written.
    pub(crate) form: Form,
    at: Range<usize>,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A JSON string.
    Text,
    /// A JSON number.
    Number,
    /// The text of an XML element, or an attribute.
    Xml,
    /// The text of an XML element in a CDATA section.
    Cdata,
    /// A field of a form or query.
    Field,
    /// A JSON `null`.
    Null,
}

impl Leaf {
    /// The edit that puts `value` here, in the same form; a JSON number becomes a string when the value is none.
    pub(crate) fn edit(&self, value: &str) -> Edit {
        let quoted = || serde_json::Value::from(value).to_string();
        let is_number = serde_json::from_str::<serde_json::Number>(value).is_ok();
        let with = match self.form {
            Form::Text => quoted().get(1..).and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned(),
            Form::Number if is_number => value.to_owned(),
            Form::Number | Form::Null => quoted(),
            Form::Xml => quick_xml::escape::escape(value).into_owned(),
            Form::Cdata => value.replace("]]>", "]]]]><![CDATA[>"),
            Form::Field => form_urlencoded::byte_serialize(value.as_bytes()).collect(),
        };
        Edit { at: self.at.clone(), with }
    }

    /// The edit that leaves nothing here: `null` in JSON, nothing between the tags or after the `=`.
    pub(crate) fn blank(&self) -> Edit {
        match self.form {
            Form::Text => Edit { at: self.at.start.saturating_sub(1)..self.at.end + 1, with: "null".to_owned() },
            Form::Number | Form::Null => Edit { at: self.at.clone(), with: "null".to_owned() },
            Form::Xml | Form::Cdata | Form::Field => Edit { at: self.at.clone(), with: String::new() },
        }
    }

    /// The path without the numbers of list items: items of a list are read alike.
    pub(crate) fn place(&self) -> String {
        let is_index = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        self.path.split('/').filter(|part| !is_index(part)).collect::<Vec<_>>().join("/")
    }
}

/// The values of a JSON, XML or form body, in order; none of any other text.
pub(crate) fn of(body: &str) -> Vec<Leaf> {
    let mut leaves = with_nulls(body);
    leaves.retain(|leaf| leaf.form != Form::Null);
    leaves
}

/// The same, and every JSON `null`, as a place where a value may stand.
pub(crate) fn with_nulls(body: &str) -> Vec<Leaf> {
    let mut scan = Scan { text: body, at: 0, path: Vec::new(), leaves: Vec::new() };
    scan.space();
    let complete = match scan.peek() {
        Some(b'{' | b'[') => scan.json(),
        Some(b'<') => scan.xml(),
        Some(_) if body.contains('=') && !body.contains(char::is_whitespace) => scan.form(),
        _ => None,
    };
    if complete.is_some() { scan.leaves } else { Vec::new() }
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    path: Vec<String>,
    leaves: Vec<Leaf>,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) || self.rest().starts_with('\u{feff}') {
            self.at += self.rest().chars().next().map_or(1, char::len_utf8);
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, value: String, form: Form, at: Range<usize>) {
        let is_index = |part: &&String| part.bytes().all(|byte| byte.is_ascii_digit());
        let name = self.path.iter().rev().find(|part| !is_index(part)).cloned().unwrap_or_default();
        self.leaves.push(Leaf { path: format!("/{}", self.path.join("/")), name, value, form, at });
    }

    /// Reads one JSON value; `None` when the text is no JSON.
    fn json(&mut self) -> Option<()> {
        self.space();
        match self.peek()? {
            b'{' => self.members(b'}', true),
            b'[' => self.members(b']', false),
            b'"' => {
                let (value, at) = self.string()?;
                self.push(value, Form::Text, at);
                Some(())
            }
            b'-' | b'0'..=b'9' => {
                let length =
                    self.rest().find(|letter: char| !matches!(letter, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
                let at = self.at..self.at + length.unwrap_or(self.rest().len());
                self.at = at.end;
                self.push(self.text.get(at.clone())?.to_owned(), Form::Number, at);
                Some(())
            }
            _ => {
                let word = ["true", "false", "null"].into_iter().find(|word| self.rest().starts_with(word))?;
                let start = self.at;
                self.at += word.len();
                if word == "null" {
                    self.push(String::new(), Form::Null, start..self.at);
                }
                Some(())
            }
        }
    }

    fn members(&mut self, end: u8, named: bool) -> Option<()> {
        if self.path.len() > 128 {
            return None;
        }
        self.at += 1;
        for index in 0.. {
            self.space();
            if self.peek()? == end {
                break;
            }
            if index > 0 {
                (self.peek()? == b',').then_some(())?;
                self.at += 1;
                self.space();
            }
            let name = if named { self.string()?.0 } else { index.to_string() };
            if named {
                self.space();
                (self.peek()? == b':').then_some(())?;
                self.at += 1;
            }
            self.path.push(name);
            self.json()?;
            self.path.pop();
        }
        self.at += 1;
        Some(())
    }

    /// A JSON string from its opening quote: its value, and where its content stands.
    fn string(&mut self) -> Option<(String, Range<usize>)> {
        (self.peek()? == b'"').then_some(())?;
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        let value = serde_json::from_str(self.text.get(start..self.at)?).ok()?;
        Some((value, start + 1..self.at - 1))
    }

    /// Texts of elements without children, and attributes.
    fn xml(&mut self) -> Option<()> {
        while let Some(open) = self.rest().find('<') {
            self.at += open;
            let length = self.rest().find('>')?;
            let tag = self.rest().get(1..length)?.to_owned();
            let start = self.at;
            self.at += length + 1;
            if tag.starts_with('/') {
                self.path.pop();
            }
            if tag.starts_with(['/', '?', '!']) {
                continue;
            }
            let name = tag.split(|letter: char| letter.is_whitespace() || letter == '/').next()?.to_owned();
            self.path.push(name.clone());
            self.attributes(&tag, start + 1);
            if tag.ends_with('/') {
                self.path.pop();
                continue;
            }
            if let Some((content, end)) = self.section(&name) {
                let value = self.text.get(content.clone())?.to_owned();
                // A message inside the message: its own values count.
                if value.trim_start().starts_with('<') && value.contains("</") {
                    self.at = content.start;
                    continue;
                }
                self.at = end;
                self.push(value, Form::Cdata, content);
                continue;
            }
            let length = self.rest().find('<')?;
            let content = self.at..self.at + length;
            if self.rest().get(length..)?.starts_with(&format!("</{name}")) {
                let text = self.text.get(content.clone())?;
                let value = quick_xml::escape::unescape(text).ok()?.into_owned();
                self.push(value, Form::Xml, content);
            }
        }
        Some(())
    }

    /// The one CDATA section that is all of an element: where its content stands, and where it ends.
    fn section(&self, name: &str) -> Option<(Range<usize>, usize)> {
        const OPEN: &str = "<![CDATA[";
        let rest = self.rest();
        let start = rest.len() - rest.trim_start().len() + OPEN.len();
        let content = rest.trim_start().strip_prefix(OPEN)?;
        let length = content.find("]]>")?;
        let end = start + length + "]]>".len();
        let closes = rest.get(end..)?.trim_start().starts_with(&format!("</{name}"));
        closes.then_some((self.at + start..self.at + start + length, self.at + end))
    }

    fn attributes(&mut self, tag: &str, start: usize) {
        let mut from = 0;
        while let Some(equals) = tag.get(from..).and_then(|rest| rest.find('=')) {
            let equals = from + equals;
            let name = tag.get(..equals).and_then(|before| before.split_whitespace().next_back()).unwrap_or_default();
            let quote = tag.get(equals + 1..).and_then(|rest| rest.chars().next()).unwrap_or('"');
            let Some(length) = tag.get(equals + 2..).and_then(|rest| rest.find(quote)) else { break };
            let at = equals + 2..equals + 2 + length;
            from = at.end + 1;
            let value = tag.get(at.clone()).and_then(|text| quick_xml::escape::unescape(text).ok());
            self.path.push(format!("@{name}"));
            self.push(value.unwrap_or_default().into_owned(), Form::Xml, start + at.start..start + at.end);
            self.path.pop();
        }
    }

    fn form(&mut self) -> Option<()> {
        for pair in self.text.split('&') {
            let start = pair.as_ptr() as usize - self.text.as_ptr() as usize;
            let (name, value) = pair.split_once('=')?;
            let decoded = form_urlencoded::parse(pair.as_bytes()).next()?;
            self.path = vec![decoded.0.into_owned()];
            let from = start + name.len() + 1;
            // What will be base64 stands open.
            if value.starts_with('{') {
                self.at = from;
                self.json()?;
                continue;
            }
            self.push(decoded.1.into_owned(), Form::Field, from..from + value.len());
        }
        self.path.clear();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str) -> Vec<(String, String)> {
        of(body).into_iter().map(|leaf| (leaf.path, leaf.value)).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn values_of_each_kind_of_body() {
        let json = "\u{feff}{\"a\":{\"v\":60.00,\"c\":\"E\\u0055R\"},\"l\":[{\"s\":\"x\"},true,null,[]],\"e\":{}}";
        assert_eq!(told(json), pairs(&[("/a/v", "60.00"), ("/a/c", "EUR"), ("/l/0/s", "x")]));
        let xml = "<?xml version=\"1.0\"?><p:O id='1&amp;2' x=\"y\"><A>60.00</A><B/><C><D>t &lt;</D></C></p:O>";
        let expected = [("/p:O/@id", "1&2"), ("/p:O/@x", "y"), ("/p:O/A", "60.00"), ("/p:O/C/D", "t <")];
        assert_eq!(told(xml), pairs(&expected));
        let section = "<!DOCTYPE a SYSTEM \"a.dtd\"><a><b c=\"2\"><![CDATA[x < y]]></b></a>";
        assert_eq!(told(section), pairs(&[("/a/b/@c", "2"), ("/a/b", "x < y")]));
        let message = "<a><b><![CDATA[<c d=\"1\"><e>60.00</e></c>]]></b><f>x</f></a>";
        assert_eq!(told(message), pairs(&[("/a/b/c/@d", "1"), ("/a/b/c/e", "60.00"), ("/a/f", "x")]));
        assert_eq!(told("amount=60&card%5Bno%5D=4+2"), pairs(&[("/amount", "60"), ("/card[no]", "4 2")]));
        for text in ["", "text", "{\"a\":", "a b=c", "[1", "<a>"] {
            assert!(told(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_value_is_replaced_in_its_own_form() {
        let replaced = |body: &str, value: &str| {
            let edits: Vec<Edit> = of(body).iter().map(|leaf| leaf.edit(value)).collect();
            Edit::all(&edits, body)
        };
        assert_eq!(replaced("{\"a\":\"x\",\"b\":[1]}", "a\"b"), "{\"a\":\"a\\\"b\",\"b\":[\"a\\\"b\"]}");
        assert_eq!(replaced("{\"a\":\"x\",\"b\":[1]}", "7"), "{\"a\":\"7\",\"b\":[7]}");
        assert_eq!(replaced("<a b='1'>x</a>", "<&"), "<a b='&lt;&amp;'>&lt;&amp;</a>");
        assert_eq!(replaced("<a>\n<![CDATA[<x>]]>\n</a>", "]]>"), "<a>\n<![CDATA[]]]]><![CDATA[>]]>\n</a>");
        assert_eq!(replaced("a=1&b=", "x y"), "a=x+y&b=x+y");
    }

    #[test]
    fn nothing_is_left_of_a_value_and_items_are_alike() {
        let blanked = |body: &str| {
            let edits: Vec<Edit> = of(body).iter().map(Leaf::blank).collect();
            Edit::all(&edits, body)
        };
        assert_eq!(blanked("{\"a\":\"x\",\"b\":[1,\"\"]}"), "{\"a\":null,\"b\":[null,null]}");
        assert_eq!(blanked("<a b='1'>x</a>"), "<a b=''></a>");
        assert_eq!(blanked("a=1&b=2"), "a=&b=");
        let places: Vec<String> = of("{\"a\":[{\"b\":1},[2]]}").iter().map(Leaf::place).collect();
        assert_eq!(places, ["/a/b", "/a"]);
    }
}
