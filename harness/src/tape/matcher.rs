//! Compares what a connector sent with what its tape expects, and says where they differ.

use std::fmt;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, Method, Request};

use super::enclosed;
use super::fields;
use super::json::{self, Json, member_path};
use super::redact::MASK;
use super::template::Template;
use super::values::{Scope, Unresolved};
use super::xml::{Element, Node};

/// Longest text that is shown of either side, in characters.
const SHOWN: usize = 300;

/// One difference between what was expected and what happened. Secrets are masked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mismatch {
    /// Where: `method`, `url`, `query limit`, `header idempotency-key`, `form amount`, `$.amount.value`, `/payment/@version`, `body`, `exchange`, `webhook`.
    pub path: String,
    /// What the tape expects.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: expected {}, found {}", self.path, self.expected, self.found)
    }
}

/// A request of a tape, read once.
#[derive(Debug, Clone)]
pub(crate) struct RequestPattern {
    pub(crate) method: Method,
    /// Scheme, host and path.
    pub(crate) target: Template,
    /// The segments of `target`, percent-decoded, for a path whose values need escapes.
    pub(crate) segments: Vec<Template>,
    pub(crate) query: Vec<FieldPattern>,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    pub(crate) body: BodyPattern,
}

#[derive(Debug, Clone)]
pub(crate) struct FieldPattern {
    pub(crate) name: String,
    /// `None` for a name without `=`.
    pub(crate) value: Option<Template>,
    /// The name as encoders write it, with `=`: escaped, and with brackets as they are. A value without holes stands behind it.
    encoded: [String; 2],
    fixed: bool,
}

impl FieldPattern {
    pub(crate) fn new(name: String, value: Option<Template>) -> Self {
        let fixed = value.as_ref().and_then(Template::literal);
        let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let (start, end) = (escaped(&name), fixed.map(escaped).unwrap_or_default());
        let bracketed = start.replace("%5B", "[").replace("%5D", "]");
        let encoded = [start, bracketed].map(|start| format!("{start}={end}"));
        let fixed = fixed.is_some();
        Self { name, value, encoded, fixed }
    }

    /// What comes after this field, when it stands at the start of `text` as an encoder writes it, and the value that is to be judged.
    fn strip<'a>(&self, text: &'a str) -> Option<(&'a str, Option<&'a str>)> {
        let rest = self.encoded.iter().find_map(|encoded| text.strip_prefix(encoded.as_str()))?;
        match (self.fixed, rest.strip_prefix('&')) {
            (true, Some(after)) => Some(("", Some(after))),
            (true, None) => rest.is_empty().then_some(("", None)),
            (false, _) => Some(rest.split_once('&').map_or((rest, None), |(value, after)| (value, Some(after)))),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum BodyPattern {
    None,
    Form { fields: Vec<FieldPattern>, ordered: bool },
    Json { root: JsonPattern, ordered: bool },
    Xml { doctype: Option<String>, root: Element<Template> },
    Text(Template),
}

#[derive(Debug, Clone)]
pub(crate) enum JsonPattern {
    /// `null`, `true`, `false` or a number, as written.
    Word(String),
    String(Template),
    /// A number that stands in a hole.
    Number(Template),
    Array(Vec<JsonPattern>),
    Object(Vec<(String, JsonPattern)>),
    /// A string that holds JSON in base64.
    Base64(Box<JsonPattern>),
}

/// Where in a JSON text the comparison stands; made into text only when something differs.
#[derive(Clone, Copy)]
enum Trail<'t> {
    Root,
    Member(&'t Trail<'t>, &'t str),
    Item(&'t Trail<'t>, usize),
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => out.write_str("$"),
            Self::Member(parent, name) => write!(out, "{parent}{}", member_path(name)),
            Self::Item(parent, index) => write!(out, "{parent}[{index}]"),
        }
    }
}

/// Where in an XML tree the comparison stands: `/list/item[2]`, counted among siblings of that name.
#[derive(Clone, Copy)]
struct XmlTrail<'t> {
    parent: Option<&'t XmlTrail<'t>>,
    name: &'t str,
    position: usize,
}

impl fmt::Display for XmlTrail<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(out, "{parent}")?;
        }
        if self.name == "text()" && self.position == 1 {
            return Ok(());
        }
        write!(out, "/{}", self.name)?;
        if self.position > 1 { write!(out, "[{}]", self.position) } else { Ok(()) }
    }
}

/// A text that can only be judged when all `any` holes of the request have caught their values.
struct Deferred<'p> {
    path: String,
    template: &'p Template,
    actual: String,
}

/// One comparison: collects differences instead of stopping at the first.
struct Comparison<'p, 's> {
    scope: Scope<'s>,
    caught: Vec<(String, String)>,
    deferred: Vec<Deferred<'p>>,
    mismatches: Vec<Mismatch>,
}

/// What the request's `any` holes caught, or every difference.
pub(crate) fn compare(
    pattern: &RequestPattern,
    request: &Request<Bytes>,
    body: Option<&str>,
    scope: Scope<'_>,
) -> Result<Vec<(String, String)>, Vec<Mismatch>> {
    let mut comparison = Comparison { scope, caught: Vec::new(), deferred: Vec::new(), mismatches: Vec::new() };
    comparison.method(pattern, request);
    comparison.url(pattern, request);
    comparison.headers(pattern, request.headers());
    match body {
        Some(body) => comparison.body(&pattern.body, body),
        None => comparison.differ("body", "UTF-8 text", format!("{} bytes that are none", request.body().len())),
    }
    comparison.finish()
}

/// Headers that the transport adds; they count only where the tape lists them.
fn is_incidental(name: &HeaderName, value: &[u8]) -> bool {
    use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, HOST, USER_AGENT};
    *name == HOST
        || *name == CONTENT_LENGTH
        || *name == ACCEPT_ENCODING
        || *name == USER_AGENT
        || (*name == ACCEPT && value == b"*/*")
}

impl<'p> Comparison<'p, '_> {
    fn differ(&mut self, path: impl fmt::Display, expected: impl Into<String>, found: impl Into<String>) {
        self.mismatches.push(Mismatch { path: path.to_string(), expected: expected.into(), found: found.into() });
    }

    /// Judges a text now, or keeps it for later when its value depends on the rest of the request.
    fn text(&mut self, path: impl fmt::Display, template: &'p Template, actual: &str) {
        if template.depends_on_request() {
            self.deferred.push(Deferred { path: path.to_string(), template, actual: actual.to_owned() });
            return;
        }
        match template.matches(actual, &self.scope, &mut self.caught) {
            Ok(true) => {}
            Ok(false) => self.text_differs(path, template, actual),
            Err(unresolved) => self.unresolved(path, &unresolved, actual),
        }
    }

    fn text_differs(&mut self, path: impl fmt::Display, template: &Template, actual: &str) {
        let expected = format!("`{}`", template.describe(&self.scope));
        let found = if template.holes().any(super::hole::Hole::is_secret) {
            hide(template, actual)
        } else {
            format!("`{actual}`")
        };
        self.differ(path, expected, found);
    }

    fn unresolved(&mut self, path: impl fmt::Display, unresolved: &Unresolved, actual: &str) {
        self.differ(path, format!("a value for `{}`, but {}", unresolved.hole, unresolved.why), format!("`{actual}`"));
    }

    fn method(&mut self, pattern: &RequestPattern, request: &Request<Bytes>) {
        if pattern.method != *request.method() {
            self.differ("method", pattern.method.as_str(), request.method().as_str());
        }
    }

    fn url(&mut self, pattern: &'p RequestPattern, request: &Request<Bytes>) {
        let uri = request.uri();
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let mut target = String::with_capacity(scheme.len() + authority.len() + uri.path().len() + 3);
        target.extend([scheme, "://", authority, uri.path()]);
        match pattern.target.matches(&target, &self.scope, &mut self.caught) {
            Ok(true) => {}
            Ok(false) if self.segments_match(pattern, &target) => {}
            Ok(false) => self.text_differs("url", &pattern.target, &target),
            Err(unresolved) => self.unresolved("url", &unresolved, &target),
        }
        self.fields("query ", &pattern.query, uri.query().unwrap_or_default(), false);
    }

    /// A value in a path may stand percent-encoded, so segments with holes are also compared decoded; others only as written.
    fn segments_match(&mut self, pattern: &RequestPattern, target: &str) -> bool {
        let actual: Vec<&str> = target.split('/').collect();
        if !target.contains('%') || actual.len() != pattern.segments.len() {
            return false;
        }
        let scope = self.scope;
        let caught = &mut self.caught;
        pattern.segments.iter().zip(actual).all(|(segment, actual)| match segment.literal() {
            Some(literal) => literal == actual,
            None => fields::decode_segment(actual)
                .is_some_and(|decoded| segment.matches(&decoded, &scope, caught) == Ok(true)),
        })
    }

    fn headers(&mut self, pattern: &'p RequestPattern, actual: &HeaderMap) {
        for (name, template) in &pattern.headers {
            let mut values = actual.get_all(name).iter();
            match (values.next(), values.next()) {
                (Some(value), None) => match value.to_str() {
                    Ok(value) => self.text(format_args!("header {name}"), template, value),
                    Err(_) => self.differ(format_args!("header {name}"), "visible ASCII text", "other bytes"),
                },
                (None, _) => {
                    let expected = format!("`{}`", template.describe(&self.scope));
                    self.differ(format_args!("header {name}"), expected, "no such header");
                }
                (Some(_), Some(_)) => self.differ(format_args!("header {name}"), "one header", "several of that name"),
            }
        }
        if actual.len() == pattern.headers.len() && self.mismatches.is_empty() {
            return;
        }
        for (name, value) in actual {
            let listed = pattern.headers.iter().any(|(expected, _)| expected == name);
            if !listed && !is_incidental(name, value.as_bytes()) {
                self.differ(
                    format_args!("header {name}"),
                    "no such header",
                    format!("`{}`", String::from_utf8_lossy(value.as_bytes())),
                );
            }
        }
    }

    fn body(&mut self, pattern: &'p BodyPattern, body: &str) {
        match pattern {
            BodyPattern::None if body.is_empty() => {}
            BodyPattern::None => self.differ("body", "no body", format!("`{body}`")),
            BodyPattern::Form { fields, ordered } => self.fields("form ", fields, body, *ordered),
            BodyPattern::Json { root, ordered } => match json::read(body) {
                Ok(actual) => self.json(Trail::Root, root, &actual, *ordered),
                Err(error) => {
                    self.differ(error.path, "strict JSON", format!("{} at byte {}", error.message, error.offset))
                }
            },
            BodyPattern::Xml { doctype, root } => match super::xml::document(body) {
                Ok(actual) => {
                    if *doctype != actual.doctype {
                        let told = |doctype: &Option<String>| match doctype {
                            Some(named) => format!("the document type `{named}`"),
                            None => "no document type".to_owned(),
                        };
                        self.differ("/", told(doctype), told(&actual.doctype));
                    }
                    self.xml(XmlTrail { parent: None, name: &root.name, position: 1 }, root, &actual.root);
                }
                Err(message) => self.differ("/", "well-formed XML", message),
            },
            BodyPattern::Text(template) => self.text("body", template, body),
        }
    }

    /// Whether the fields are those of the tape in its order, as most requests are. Says the same as [`Comparison::fields`] would,
    /// without taking the text apart; where it says no, nothing is decided.
    fn fields_as_they_stand(&mut self, pattern: &'p [FieldPattern], actual: &str) -> bool {
        let mark = self.caught.len();
        let mut rest = Some(actual);
        let mut stands = |field: &'p FieldPattern| -> Option<()> {
            let (value, after) = field.strip(rest?)?;
            rest = after;
            if field.fixed {
                return Some(());
            }
            let template = field.value.as_ref().filter(|template| !template.depends_on_request())?;
            let value = fields::decode(value).ok()?;
            (template.matches(&value, &self.scope, &mut self.caught) == Ok(true)).then_some(())
        };
        let all = !pattern.is_empty() && pattern.iter().all(|field| stands(field).is_some());
        let stand = all && rest.is_none();
        if !stand {
            self.caught.truncate(mark);
        }
        stand
    }

    fn fields(&mut self, kind: &str, pattern: &'p [FieldPattern], actual: &str, ordered: bool) {
        if self.fields_as_they_stand(pattern, actual) {
            return;
        }
        let actual = match fields::split(actual) {
            Ok(actual) => actual,
            Err(message) => return self.differ(kind.trim_end(), "strictly encoded pairs", message),
        };
        let mut used = vec![false; actual.len()];
        let mut last = 0;
        for (position, field) in pattern.iter().enumerate() {
            let same_place =
                actual.get(position).is_some_and(|(name, _)| *name == field.name) && used.get(position) == Some(&false);
            let earlier_repeat =
                actual.iter().take(position).zip(&used).any(|((name, _), used)| !used && *name == field.name);
            let index = if same_place && !earlier_repeat {
                Some(position)
            } else {
                actual.iter().zip(&used).position(|((name, _), used)| !used && *name == field.name)
            };
            let Some((index, (_, value))) = index.and_then(|index| actual.get(index).map(|found| (index, found)))
            else {
                let expected = field
                    .value
                    .as_ref()
                    .map_or_else(|| "the bare name".to_owned(), |value| format!("`{}`", value.describe(&self.scope)));
                self.differ(format_args!("{kind}{}", field.name), expected, "no such field");
                continue;
            };
            if let Some(used) = used.get_mut(index) {
                *used = true;
            }
            if ordered && index < last {
                self.differ(
                    format_args!("{kind}{}", field.name),
                    "the order of the tape",
                    "it before a field that comes first",
                );
            }
            last = index;
            match (&field.value, value) {
                (Some(template), Some(value)) => self.text(format_args!("{kind}{}", field.name), template, value),
                (None, None) => {}
                (Some(_), None) => {
                    self.differ(format_args!("{kind}{}", field.name), "`=` and a value", "the bare name")
                }
                (None, Some(_)) => {
                    self.differ(format_args!("{kind}{}", field.name), "the bare name", "`=` and a value")
                }
            }
        }
        for ((name, value), _) in actual.iter().zip(&used).filter(|(_, used)| !**used) {
            self.differ(
                format_args!("{kind}{name}"),
                "no such field",
                format!("`{}`", value.as_deref().unwrap_or_default()),
            );
        }
    }

    fn json(&mut self, trail: Trail<'_>, pattern: &'p JsonPattern, actual: &Json<'_>, ordered: bool) {
        match (pattern, actual) {
            (JsonPattern::String(template), Json::String(text)) => self.text(trail, template, text),
            (JsonPattern::Number(template), Json::Number(text)) => self.text(trail, template, text),
            (JsonPattern::Word(word), Json::Null | Json::Bool(_) | Json::Number(_))
                if actual.scalar().as_deref() == Some(word) => {}
            (JsonPattern::Array(items), Json::Array(found)) => {
                for (index, (item, found)) in items.iter().zip(found).enumerate() {
                    self.json(Trail::Item(&trail, index), item, found, ordered);
                }
                for (index, item) in items.iter().enumerate().skip(found.len()) {
                    let expected = self.describe_json(item);
                    self.differ(Trail::Item(&trail, index), expected, "no such item");
                }
                for (index, item) in found.iter().enumerate().skip(items.len()) {
                    self.differ(Trail::Item(&trail, index), "no such item", text_of(item));
                }
            }
            (JsonPattern::Object(members), Json::Object(found)) => self.json_object(trail, members, found, ordered),
            (JsonPattern::Base64(inner), Json::String(text)) => {
                let decoded = enclosed::inside(text).unwrap_or_default();
                match json::read(&decoded) {
                    Ok(actual) => self.json(Trail::Member(&trail, enclosed::WORD), inner, &actual, ordered),
                    Err(_) => self.differ(trail, "base64 of strict JSON", "something else"),
                }
            }
            _ => {
                let expected = self.describe_json(pattern);
                let found = if pattern.has_secret() { "something else".to_owned() } else { text_of(actual) };
                self.differ(trail, expected, found);
            }
        }
    }

    fn json_object(
        &mut self,
        trail: Trail<'_>,
        members: &'p [(String, JsonPattern)],
        found: &[(std::borrow::Cow<'_, str>, Json<'_>)],
        ordered: bool,
    ) {
        let mut last = 0;
        for (position, (name, pattern)) in members.iter().enumerate() {
            let same_place = found.get(position).is_some_and(|(other, _)| other == name);
            let index = if same_place { Some(position) } else { found.iter().position(|(other, _)| other == name) };
            let Some((index, (_, value))) = index.and_then(|index| found.get(index).map(|member| (index, member)))
            else {
                let expected = self.describe_json(pattern);
                self.differ(Trail::Member(&trail, name), expected, "no such member");
                continue;
            };
            if ordered && index < last {
                self.differ(
                    Trail::Member(&trail, name),
                    "the order of the tape",
                    "it before a member that comes first",
                );
            }
            last = index;
            self.json(Trail::Member(&trail, name), pattern, value, ordered);
        }
        if found.len() == members.len() && self.mismatches.is_empty() {
            return;
        }
        for (name, value) in found.iter().filter(|(name, _)| !members.iter().any(|(expected, _)| expected == name)) {
            self.differ(Trail::Member(&trail, name), "no such member", text_of(value));
        }
    }

    fn describe_json(&self, pattern: &JsonPattern) -> String {
        match pattern {
            JsonPattern::Word(word) => word.clone(),
            JsonPattern::String(template) => format!("\"{}\"", template.describe(&self.scope)),
            JsonPattern::Number(template) => format!("the number {}", template.describe(&self.scope)),
            JsonPattern::Array(items) => format!("an array of {}", items.len()),
            JsonPattern::Object(members) => format!("an object of {}", members.len()),
            JsonPattern::Base64(inner) => format!("base64 of {}", self.describe_json(inner)),
        }
    }

    fn xml(&mut self, path: XmlTrail<'_>, pattern: &'p Element<Template>, actual: &Element<String>) {
        if pattern.name != actual.name {
            return self.differ(
                path,
                format!("the element `{}`", pattern.name),
                format!("the element `{}`", actual.name),
            );
        }
        for (name, template) in &pattern.attributes {
            match actual.attributes.iter().find(|(other, _)| other == name) {
                Some((_, value)) => self.text(format_args!("{path}/@{name}"), template, value),
                None => {
                    let expected = format!("`{}`", template.describe(&self.scope));
                    self.differ(format_args!("{path}/@{name}"), expected, "no such attribute");
                }
            }
        }
        for (name, value) in
            actual.attributes.iter().filter(|(name, _)| !pattern.attributes.iter().any(|(other, _)| other == name))
        {
            self.differ(format_args!("{path}/@{name}"), "no such attribute", format!("`{value}`"));
        }
        for index in 0..pattern.children.len().max(actual.children.len()) {
            let named = pattern.children.get(index).and_then(Node::name);
            let name = named.or_else(|| actual.children.get(index).and_then(Node::name)).unwrap_or("text()");
            let siblings = pattern.children.iter().take(index);
            let position = siblings.filter(|sibling| sibling.name().unwrap_or("text()") == name).count() + 1;
            let child = XmlTrail { parent: Some(&path), name, position };
            self.xml_child(child, pattern.children.get(index), actual.children.get(index));
        }
    }

    fn xml_child(&mut self, at: XmlTrail<'_>, pattern: Option<&'p Node<Template>>, actual: Option<&Node<String>>) {
        match (pattern, actual) {
            (Some(Node::Element(element)), Some(Node::Element(found))) => self.xml(at, element, found),
            (Some(Node::Text(template)), Some(Node::Text(text))) => self.text(at, template, text),
            (None, Some(Node::Element(_))) => self.differ(at, "no such element", "one"),
            (Some(Node::Element(_)), None) => self.differ(at, "one such element", "none"),
            (Some(Node::Element(_)), Some(Node::Text(text))) => {
                self.differ(at, "an element", format!("the text `{text}`"))
            }
            (Some(Node::Text(template)), found) => {
                let expected = format!("the text `{}`", template.describe(&self.scope));
                self.differ(at, expected, found.map_or("nothing", |_| "an element"));
            }
            (None, Some(Node::Text(text))) => self.differ(at, "no text", format!("`{text}`")),
            (None, None) => {}
        }
    }

    fn finish(mut self) -> Result<Vec<(String, String)>, Vec<Mismatch>> {
        let caught = std::mem::take(&mut self.caught);
        let mut later = Comparison {
            scope: Scope { caught: &caught, ..self.scope },
            caught: Vec::new(),
            deferred: Vec::new(),
            mismatches: self.mismatches,
        };
        let mut more = Vec::new();
        for Deferred { path, template, actual } in &self.deferred {
            match template.matches(actual, &later.scope, &mut more) {
                Ok(true) => {}
                Ok(false) => later.text_differs(path, template, actual),
                Err(unresolved) => later.unresolved(path, &unresolved, actual),
            }
        }
        let mismatches = later.mismatches;
        if !mismatches.is_empty() {
            return Err(mismatches);
        }
        let mut caught = caught;
        caught.append(&mut more);
        Ok(caught)
    }
}

impl JsonPattern {
    fn has_secret(&self) -> bool {
        match self {
            Self::Word(_) => false,
            Self::String(template) | Self::Number(template) => template.holes().any(super::hole::Hole::is_secret),
            Self::Array(items) => items.iter().any(Self::has_secret),
            Self::Object(members) => members.iter().any(|(_, member)| member.has_secret()),
            Self::Base64(inner) => inner.has_secret(),
        }
    }
}

/// Where a secret was expected, what was found may be another one: only the literal start that agrees is shown.
fn hide(template: &Template, actual: &str) -> String {
    let start = template.literal_start();
    let shown = if actual.starts_with(start) { start } else { "" };
    let hidden = actual.get(shown.len()..).unwrap_or_default().chars().count();
    format!("`{shown}{MASK}` ({hidden} characters)")
}

fn text_of(value: &Json<'_>) -> String {
    let mut text = String::new();
    value.write(&mut text);
    text
}

/// Cuts a long text; only after secrets were masked, or half of one could remain.
pub(crate) fn shorten(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text,
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
    }
}
