//! What a request sends as a flat list of values, each with the place where it stands.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::ops::Range;

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;

use super::fill;
use super::leaves::{OPERATION, children, first_field, message_path, xml_leaves};
use super::places::{FORM, Place, Places, QUERY};
use crate::tape::json::{self, Json, member_path};
use crate::tape::opened;
use crate::tape::xml::{self, Element};

/// Most values that are read of one request.
const MAX_LEAVES: usize = 2_000;

/// A value that was sent.
#[derive(Debug)]
pub(super) struct Value<'r> {
    /// Where it stands, if any tape speaks of that place.
    pub(super) place: Option<Place>,
    /// Where it stands, if none does.
    name: Range<usize>,
    /// The text.
    pub(super) text: Cow<'r, str>,
    /// Whether it is a number or word of JSON.
    pub(super) bare: bool,
}

/// All values of a request.
#[derive(Debug)]
pub(super) struct Sent<'r> {
    places: &'r Places,
    /// The names of places of which no tape speaks, one after the other: `header x-key`, `query id`, `form amount`, `$.amount.value`,
    /// `/a/b/@c`, `path 2`, `body`.
    names: String,
    values: Vec<Value<'r>>,
    /// By place: the first value there, counted from 1.
    first: Vec<u16>,
    /// Whether a place has several values.
    is_repeated: bool,
    /// By prefix: what was sent below it, as one object.
    objects: OnceCell<Vec<Option<String>>>,
}

/// The text of a body; none where it is not UTF-8. `open` where base64 holds JSON.
pub(super) fn text_of(body: &[u8], open: bool) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(body).ok()?.trim_start_matches('\u{feff}').trim();
    Some(if open && text.starts_with(['{', '[']) { opened(text) } else { Cow::Borrowed(text) })
}

impl<'r> Sent<'r> {
    /// Every value of a request with this text as its body. A body that cannot be read has one value, the whole of it.
    pub(super) fn of(request: &'r Request<Bytes>, body: Option<&'r str>, places: &'r Places) -> Sent<'r> {
        let names = String::with_capacity(256);
        let (values, first) = (Vec::with_capacity(64), vec![0; places.count()]);
        let mut sent = Sent { places, names, values, first, is_repeated: false, objects: OnceCell::new() };
        for (name, value) in request.headers() {
            let plain = std::str::from_utf8(value.as_bytes()).map(Cow::Borrowed);
            let text = plain.unwrap_or_else(|_| String::from_utf8_lossy(value.as_bytes()));
            match places.header(name.as_str()) {
                Some(place) => sent.add(place, text, false),
                None => sent.push(["header ", name.as_str()], text),
            }
        }
        sent.fields(QUERY, request.uri().query().unwrap_or_default());
        let Some(text) = body else {
            sent.push(["body", ""], "");
            return sent;
        };
        let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match text.bytes().next() {
            None => {}
            Some(b'{' | b'[') => sent.json(text),
            Some(b'<') => sent.xml(text),
            Some(_) if media.contains("form-urlencoded") || (media.is_empty() && text.contains('=')) => {
                sent.fields(FORM, text);
            }
            Some(_) => sent.push(["body", ""], text),
        }
        sent.values.truncate(MAX_LEAVES);
        sent.number_fields();
        sent
    }

    /// Adds the segments of a path.
    pub(super) fn add_path(&mut self, path: &'r str) {
        for (index, segment) in path.split('/').skip(1).enumerate() {
            let text = match segment.contains('%') {
                true => percent_decode_str(segment).decode_utf8_lossy(),
                false => Cow::Borrowed(segment),
            };
            match self.places.segment(index) {
                Some(place) => self.add(place, text, false),
                None => self.push(["path ", &index.to_string()], text),
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Value<'r>> {
        self.values.iter()
    }

    /// The name under which what was sent in a place is kept for later answers.
    pub(super) fn short(&self, place: Place) -> Option<&str> {
        self.places.short(place)
    }

    /// Where a value stands, in words.
    pub(super) fn name(&self, value: &Value<'_>) -> &str {
        let known = value.place.and_then(|place| self.places.name(place));
        known.or_else(|| self.names.get(value.name.clone())).unwrap_or_default()
    }

    /// What was sent below each prefix as one JSON object, by the number of the prefix.
    fn joined(&self) -> Vec<Option<String>> {
        let prefixes = self.places.prefixes();
        let mut objects = vec![None; prefixes.len()];
        let mut add = |prefix: usize, value: &Value<'_>| {
            let words = prefixes.get(prefix).map_or("", |(words, _)| words);
            let rest = self.name(value).strip_prefix(words);
            if let (Some(rest), Some(object)) = (rest, objects.get_mut(prefix)) {
                fill::add_member(rest, value, object);
            }
        };
        for value in &self.values {
            match value.place.and_then(|place| self.places.below(place)) {
                Some(over) => over.iter().for_each(|prefix| add(*prefix, value)),
                None => (0..prefixes.len()).for_each(|prefix| add(prefix, value)),
            }
        }
        objects
    }

    /// The first value of a place.
    pub(super) fn first(&self, place: Place) -> Option<&str> {
        let at = self.first.get(place)?.checked_sub(1)?;
        self.values.get(usize::from(at)).map(|value| &*value.text)
    }

    /// What was sent below a prefix, as one JSON object; none where nothing was.
    pub(super) fn object(&self, prefix: usize) -> Option<&str> {
        self.objects.get_or_init(|| self.joined()).get(prefix)?.as_deref()
    }

    /// All of those, with the names under which they are kept.
    pub(super) fn objects(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.places.prefixes().iter().enumerate();
        named.filter_map(|(prefix, (_, name))| Some((name.as_str(), self.object(prefix)?)))
    }

    fn push(&mut self, name: [&str; 2], text: impl Into<Cow<'r, str>>) {
        let start = self.names.len();
        self.names.extend(name);
        self.add_named(start, text.into(), false);
    }

    /// Adds a value of a place.
    fn add(&mut self, place: Place, text: Cow<'r, str>, bare: bool) {
        self.values.push(Value { place: Some(place), name: 0..0, text, bare });
        self.note_first(self.values.len());
    }

    /// Adds a value whose name stands at the end of the names.
    fn add_named(&mut self, start: usize, text: Cow<'r, str>, bare: bool) {
        match self.named(start) {
            Ok(place) => self.add(place, text, bare),
            Err(name) => self.values.push(Value { place: None, name, text, bare }),
        }
    }

    /// The place whose name stands at the end of the names, which is then taken away; else where it stands.
    fn named(&mut self, start: usize) -> Result<Place, Range<usize>> {
        let place = self.names.get(start..).and_then(|name| self.places.find(name));
        place.inspect(|_| self.names.truncate(start)).ok_or(start..self.names.len())
    }

    fn note_first(&mut self, count: usize) {
        let place = count.checked_sub(1).and_then(|at| self.values.get(at)).and_then(|value| value.place);
        match place.and_then(|place| self.first.get_mut(place)) {
            // There are never so many that the number would not fit.
            Some(first) if *first == 0 => *first = u16::try_from(count).unwrap_or(0),
            Some(_) => self.is_repeated = true,
            None => {}
        }
    }

    /// The pairs of a query or a form, as the URL Standard reads them.
    fn fields(&mut self, kind: &str, text: &'r str) {
        let places = self.places;
        let mut likely = places.first_field().filter(|_| kind == FORM);
        let mut left = text;
        while !left.is_empty() && self.values.len() < MAX_LEAVES {
            let guessed = likely.and_then(|place| Some((place, places.after(place, left)?)));
            if let Some((place, rest)) = guessed {
                let value;
                (value, left) = first_value(rest);
                self.add(place, value, false);
                likely = places.next(place);
                continue;
            }
            let Some((name, rest)) = first_name(left) else {
                // Nothing stands between two ampersands.
                left = left.get(1..).unwrap_or_default();
                continue;
            };
            let value;
            (value, left) = first_value(rest);
            if let Some(place) = places.field(kind, name) {
                self.add(place, value, false);
                likely = places.next(place);
                continue;
            }
            let start = self.names.len();
            self.names.push_str(kind);
            self.names.push_str(&decoded(name));
            self.add_named(start, value, false);
        }
    }

    /// Tells repeated names of fields apart: the second is `form a#2`.
    fn number_fields(&mut self) {
        if !self.repeats() {
            return;
        }
        let mut counts: HashMap<String, usize> = HashMap::new();
        for at in 0..self.values.len() {
            let Some(name) = self.values.get(at).map(|value| self.name(value)).filter(|name| is_field(name)) else {
                continue;
            };
            let name = name.to_owned();
            let count = counts.entry(name.clone()).or_default();
            *count += 1;
            if *count > 1 {
                let start = self.names.len();
                let _ = write!(self.names, "{name}#{count}");
                let named = self.named(start);
                if let Some(value) = self.values.get_mut(at) {
                    (value.place, value.name) = named.map_or_else(|name| (None, name), |place| (Some(place), 0..0));
                }
                self.note_first(at + 1);
            }
        }
    }

    /// Whether the name of a field comes twice.
    fn repeats(&self) -> bool {
        let mut unknown: HashSet<&str> = HashSet::new();
        let fields = self.values.iter().filter(|value| value.place.is_none()).map(|value| self.name(value));
        self.is_repeated || fields.filter(|name| is_field(name)).any(|name| !unknown.insert(name))
    }

    fn json(&mut self, text: &'r str) {
        match json::read(text) {
            Ok(root) => {
                if let Some(Json::String(query)) = root.pointer("/query")
                    && let Some(name) = first_field(query)
                {
                    self.push([OPERATION, ""], name.to_owned());
                }
                self.json_leaves(&mut "$".to_owned(), root);
            }
            Err(_) => self.push(["body", ""], text),
        }
    }

    fn json_leaves(&mut self, path: &mut String, value: Json<'r>) {
        if self.values.len() >= MAX_LEAVES {
            return;
        }
        let length = path.len();
        match value {
            Json::Array(items) => {
                for (index, item) in items.into_iter().enumerate() {
                    let _ = write!(path, "[{index}]");
                    self.json_leaves(path, item);
                    path.truncate(length);
                }
            }
            Json::Object(members) => {
                for (name, member) in members {
                    path.push_str(&member_path(&name));
                    self.json_leaves(path, member);
                    path.truncate(length);
                }
            }
            scalar => {
                let bare = !matches!(scalar, Json::String(_));
                let start = self.names.len();
                self.names.push_str(path);
                self.add_named(start, scalar.into_scalar().unwrap_or_default(), bare);
            }
        }
    }

    fn xml(&mut self, text: &'r str) {
        match xml::document(text) {
            Ok(document) => {
                self.push([OPERATION, ""], children(&document.root));
                self.elements(&format!("/{}", document.root.name), &document.root);
            }
            Err(_) => self.push(["body", ""], text),
        }
    }

    /// Attributes and texts; of a text that is XML itself those in it.
    fn elements(&mut self, path: &str, element: &Element<String>) {
        xml_leaves(path, element, &mut |path, text: &String| match xml::message(text) {
            _ if self.values.len() >= MAX_LEAVES => {}
            Some(message) => self.elements(&message_path(&path, &message), &message),
            None => self.push([&path, ""], text.clone()),
        });
    }
}

/// The name with which a form goes on, as it stands there, and what comes after it and its `=`; none where there is no field.
fn first_name(form: &str) -> Option<(&str, &str)> {
    let end = memchr::memchr2(b'=', b'&', form.as_bytes()).unwrap_or(form.len());
    let (name, rest) = form.split_at_checked(end)?;
    match rest.strip_prefix('=') {
        Some(value) => Some((name, value)),
        None => (!name.is_empty()).then_some((name, rest)),
    }
}

/// The value with which a form goes on, and the fields after it.
fn first_value(form: &str) -> (Cow<'_, str>, &str) {
    let special = memchr::memchr3(b'&', b'%', b'+', form.as_bytes()).unwrap_or(form.len());
    let (plain, rest) = form.split_at_checked(special).unwrap_or_default();
    if let Some(fields) = rest.strip_prefix('&') {
        return (Cow::Borrowed(plain), fields);
    }
    if rest.is_empty() {
        return (Cow::Borrowed(plain), rest);
    }
    let end = memchr::memchr(b'&', form.as_bytes()).unwrap_or(form.len());
    let (value, fields) = form.split_at_checked(end).unwrap_or_default();
    (Cow::Owned(decoded(value)), fields.get(1..).unwrap_or_default())
}

fn is_field(name: &str) -> bool {
    name.starts_with(FORM) || name.starts_with(QUERY)
}

/// What a part of a form stands for.
fn decoded(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    let mut left = part;
    while let Some(at) = memchr::memchr2(b'%', b'+', left.as_bytes()) {
        let (plain, rest) = left.split_at_checked(at).unwrap_or_default();
        text.push_str(plain);
        let (letter, length) = match rest.as_bytes() {
            [b'%', high, low, ..] if let Some(byte) = hex(*high, *low) => (byte, 3),
            [b'%', ..] => (b'%', 1),
            _ => (b' ', 1),
        };
        if !letter.is_ascii() {
            // It is a part of a letter, and not in all texts that come is the rest of that letter there.
            return percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
        }
        text.push(char::from(letter));
        left = rest.get(length..).unwrap_or_default();
    }
    text.push_str(left);
    text
}

/// The byte that two hexadecimal digits stand for.
fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(request: &Request<Bytes>) -> Vec<(String, String)> {
        let places = Places::default();
        let text = text_of(request.body(), false);
        let sent = Sent::of(request, text.as_deref(), &places);
        sent.iter().map(|value| (sent.name(value).to_owned(), value.text.to_string())).collect()
    }

    #[test]
    fn requests_become_flat() {
        let request = Request::post("/v1/a?x=1&x=2")
            .header("content-type", "application/json")
            .body(Bytes::from_static(b"{\"a\":{\"b\":[1.50,\"t\"]},\"c\":null}"))
            .unwrap();
        let found = found(&request);
        let get = |path: &str| found.iter().find(|(name, _)| name == path).map(|(_, text)| text.as_str());
        assert_eq!(get("query x"), Some("1"));
        assert_eq!(get("query x#2"), Some("2"));
        assert_eq!(get("$.a.b[0]"), Some("1.50"));
        assert_eq!(get("$.c"), Some("null"));
    }

    #[test]
    fn a_message_that_stands_as_text_is_open() {
        let inner = "<M v=\"0\"><O>12&amp;</O></M>";
        let escaped = quick_xml::escape::escape(inner).into_owned();
        for text in [escaped, format!("<![CDATA[{inner}]]>")] {
            let request = Request::post("/").header("content-type", "text/xml");
            let request =
                request.body(Bytes::from(format!("<s:E><s:B><q>{text}</q><r>a &lt; b</r></s:B></s:E>"))).unwrap();
            let found = found(&request);
            let get = |path: &str| found.iter().find(|(name, _)| name == path).map(|(_, text)| text.as_str());
            assert_eq!(get("/s:E/s:B/q/$xml/M/@v"), Some("0"), "{found:?}");
            assert_eq!(get("/s:E/s:B/q/$xml/M/O"), Some("12&"), "{found:?}");
            assert_eq!((get("/s:E/s:B/q"), get("/s:E/s:B/r")), (None, Some("a < b")), "{found:?}");
        }
    }

    #[test]
    fn forms_are_read_as_the_url_standard_reads_them() {
        for text in
            ["a=1&b=2", "a&&=x&b=", "a%5Bb%5D=x+y%2B&c+d=%e9&%ff=%C3%A9&e=%zz%4", "=&+=+&a=b=c", "&", "a=%F0%9F%98%80"]
        {
            let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
            let request = request.body(Bytes::from_static(text.as_bytes())).unwrap();
            let wanted = form_urlencoded::parse(text.as_bytes())
                .map(|(name, value)| (format!("form {name}"), value.into_owned()));
            let found = found(&request);
            assert_eq!(found[1..], wanted.collect::<Vec<_>>(), "{text}");
        }
    }

    #[test]
    fn forms_are_read_the_same_in_whichever_order_their_fields_come() {
        let mut places = Places::default();
        let wants: Vec<Place> = ["form a", "form b[c]", "form d e", "form f"].map(|name| places.number(name)).into();
        places.follow(wants.into_iter());
        for text in [
            "a=1&b%5Bc%5D=x+y&d+e=%e9&f=",
            "f=1&a=2&b[c]=3&d%20e=4",
            "a&b%5Bc%5D&a=3&b%5Bc%5D=4",
            "a=1&g=2&b%5Bc%5D=3&&=4&d+e=5&",
            "b%5Bc%5D=&ab=1&a==&f=%2",
            "a",
        ] {
            let request = Request::post("/?f=1&a=2").header("content-type", "application/x-www-form-urlencoded");
            let request = request.body(Bytes::from_static(text.as_bytes())).unwrap();
            let body = text_of(request.body(), false);
            let sent = Sent::of(&request, body.as_deref(), &places);
            let found: Vec<_> = sent.iter().map(|value| (sent.name(value), value.text.to_string())).collect();
            let mut counts: HashMap<String, usize> = HashMap::new();
            let wanted = form_urlencoded::parse(text.as_bytes()).map(|(name, value)| {
                let count = counts.entry(name.to_string()).or_default();
                *count += 1;
                let name = if *count > 1 { format!("form {name}#{count}") } else { format!("form {name}") };
                (name, value.into_owned())
            });
            let wanted: Vec<_> = wanted.collect();
            let wanted: Vec<_> = wanted.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            assert_eq!(found[3..], wanted, "{text}");
        }
    }

    #[test]
    fn places_have_their_first_value() {
        let mut places = Places::default();
        let (one, two, none) = (places.number("form a"), places.number("form a#2"), places.number("form b"));
        let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Bytes::from_static(b"a=1&c=0&a=2")).unwrap();
        let text = text_of(request.body(), false);
        let sent = Sent::of(&request, text.as_deref(), &places);
        assert_eq!((sent.first(one), sent.first(two), sent.first(none)), (Some("1"), Some("2"), None));
    }
}
