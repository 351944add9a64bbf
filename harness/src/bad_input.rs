//! The one error of the harness's input files, with its place: file, line, column and field.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::unfilled;
use crate::world::near;

/// The largest input file that is read, in bytes. A tape of two hundred exchanges stays far below it.
pub const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// What is wrong in an input file (scenario, suite manifest, tape or profile), and where.
///
/// Displayed as `fixtures/acme/profile.toml:12: cards.approved.number: expected a card number that passes the Luhn check`.
/// Positions in lists count from 1 (`step[2].of`), as the `step = 2` of the formats does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// The path as it was given to the loader.
    pub file: String,
    /// Line, from 1; 0 when the problem has no line (a file that is missing).
    pub line: usize,
    /// Column in characters, from 1; 0 when there is no line.
    pub column: usize,
    /// The dotted name of the field; empty for the whole file.
    pub field: String,
    /// What was expected, lower-case, without a trailing stop.
    pub message: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.file)?;
        if self.line > 0 {
            write!(out, ":{}", self.line)?;
        }
        if !self.field.is_empty() {
            write!(out, ": {}", self.field)?;
        }
        write!(out, ": {}", self.message)
    }
}

impl std::error::Error for FileError {}

impl FileError {
    /// An error about a file as a whole.
    pub fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), line: 0, column: 0, field: String::new(), message: message.into() }
    }
}

/// One segment of the way from the root of a file to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Key(String),
    Item(usize),
}

/// The way from the root of a file to a field, as `exchange[2].request.form.amount`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldPath(Vec<Segment>);

impl FieldPath {
    pub(crate) fn root() -> Self {
        Self::default()
    }

    pub(crate) fn key(&self, key: &str) -> Self {
        let mut path = self.clone();
        path.0.push(Segment::Key(key.to_owned()));
        path
    }

    /// `index` counts from 0; it is displayed from 1.
    pub(crate) fn item(&self, index: usize) -> Self {
        let mut path = self.clone();
        path.0.push(Segment::Item(index));
        path
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Item(index) => write!(out, "[{}]", index + 1)?,
                Segment::Key(key) => {
                    let dot = if position == 0 { "" } else { "." };
                    let bare = !key.is_empty()
                        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
                    if bare { write!(out, "{dot}{key}")? } else { write!(out, "{dot}{key:?}")? }
                }
            }
        }
        Ok(())
    }
}

/// The text of one input file, kept to find the line of a field when something is wrong with it.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) file: String,
    pub(crate) text: String,
}

impl Document {
    pub(crate) fn new(file: impl Into<String>, text: impl Into<String>) -> Self {
        Self { file: file.into(), text: text.into() }
    }

    pub(crate) fn read(path: &Path) -> Result<Self, FileError> {
        let file = display(path);
        let size = std::fs::metadata(path)
            .map_err(|error| FileError::of_file(&file, format!("cannot be read: {error}")))?
            .len();
        if size > MAX_FILE_BYTES {
            return Err(FileError::of_file(file, format!("expected at most {MAX_FILE_BYTES} bytes, found {size}")));
        }
        let bytes =
            std::fs::read(path).map_err(|error| FileError::of_file(&file, format!("cannot be read: {error}")))?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { file, text }),
            Err(_) => Err(FileError::of_file(file, "expected UTF-8 text")),
        }
    }

    /// The places that are to be filled in, and the document without them.
    pub(crate) fn without_marks(&self) -> (Vec<unfilled::Place>, Self) {
        let (places, text) = unfilled::taken_out(&self.text);
        (places, Self::new(self.file.as_str(), text))
    }

    /// Reads the text into a model; syntax errors, unknown fields and wrong types carry their place.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, FileError> {
        toml::from_str(&self.text).map_err(|error| self.parse_error(&error))
    }

    /// An error about one field; its line is found in the text, or that of the nearest parent that stands there.
    pub(crate) fn error(&self, field: &FieldPath, message: impl Into<String>) -> FileError {
        let span = DeTable::parse(&self.text).ok().and_then(|root| span_of(root.get_ref(), &field.0));
        self.error_at(span.map_or(0, |span| span.start), field.to_string(), message.into())
    }

    /// The lines of the items of a list at the root, as `[[exchange]]`; empty when there is none.
    pub(crate) fn item_lines<const N: usize>(&self, lists: [&str; N]) -> [Vec<usize>; N] {
        let root = DeTable::parse(&self.text).ok();
        lists.map(|list| {
            let value = root.as_ref().and_then(|root| root.get_ref().get(list));
            let items = value.and_then(|value| value.get_ref().as_array());
            items.into_iter().flatten().map(|item| self.line_of(item.span().start)).collect()
        })
    }

    fn line_of(&self, offset: usize) -> usize {
        self.text.get(..offset).unwrap_or(&self.text).matches('\n').count() + 1
    }

    fn parse_error(&self, error: &toml::de::Error) -> FileError {
        let span = error.span().unwrap_or(0..0);
        let mut trail = Vec::new();
        if let Ok(root) = DeTable::parse(&self.text) {
            trail_to(root.get_ref(), &span, &mut trail);
        }
        let message = with_near(error.message().trim_end_matches('.').replace('\n', ", "));
        self.error_at(span.start, FieldPath(trail).to_string(), message)
    }

    fn error_at(&self, offset: usize, field: String, message: String) -> FileError {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = self.line_of(offset);
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        FileError { file: self.file.clone(), line, column, field, message }
    }
}

/// A parser's message about an unknown field or value, with those of the known ones that come near.
pub(crate) fn with_near(message: String) -> String {
    if !["unknown field `", "unknown variant `"].iter().any(|start| message.starts_with(start)) {
        return message;
    }
    let mut words = message.split('`').skip(1).step_by(2);
    let name = words.next().unwrap_or_default();
    let known: Vec<&str> = words.collect();
    match near(name, &known).as_slice() {
        [] => message,
        near => format!("{message}; did you mean {}?", near.join(", ")),
    }
}

/// A path for people: with forward slashes on every system.
pub(crate) fn display(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// The span of the deepest segment of `path` that stands in the file: the key of a table entry, the value of a list item.
fn span_of(table: &DeTable<'_>, path: &[Segment]) -> Option<Range<usize>> {
    let [Segment::Key(key), rest @ ..] = path else { return None };
    let (name, value) = table.iter().find(|(name, _)| name.get_ref().as_ref() == key)?;
    Some(span_in(value, rest).unwrap_or_else(|| name.span()))
}

fn span_in(value: &Spanned<DeValue<'_>>, path: &[Segment]) -> Option<Range<usize>> {
    match (value.get_ref(), path) {
        (DeValue::Table(table), [Segment::Key(_), ..]) => span_of(table, path),
        (DeValue::Array(items), [Segment::Item(index), rest @ ..]) => {
            let item = items.get(*index)?;
            Some(span_in(item, rest).unwrap_or_else(|| item.span()))
        }
        _ => None,
    }
}

/// Follows the entries whose key or value covers `span`, so that a parser's error names its field.
fn trail_to(table: &DeTable<'_>, span: &Range<usize>, trail: &mut Vec<Segment>) {
    for (name, value) in table.iter() {
        let on_key = covers(&name.span(), span);
        let mut below = Vec::new();
        let inside = trail_in(value, span, &mut below);
        if on_key || inside {
            trail.push(Segment::Key(name.get_ref().to_string()));
            trail.extend(below);
            return;
        }
    }
}

fn trail_in(value: &Spanned<DeValue<'_>>, span: &Range<usize>, trail: &mut Vec<Segment>) -> bool {
    match value.get_ref() {
        DeValue::Table(table) => trail_to(table, span, trail),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let mut below = Vec::new();
                if trail_in(item, span, &mut below) {
                    trail.push(Segment::Item(index));
                    trail.append(&mut below);
                    break;
                }
            }
        }
        _ => {}
    }
    !trail.is_empty() || covers(&value.span(), span)
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end && inner.start < inner.end
}

/// Puts one mistake after another into a good file, as what is replaced and by what, and looks for each among the problems told,
/// which all name the file.
#[cfg(test)]
pub(crate) fn each_is_named(
    good: &str,
    file: &str,
    mistakes: &[(&str, &str, &str)],
    problems: impl Fn(&str) -> Vec<String>,
) {
    assert_eq!(problems(good), Vec::<String>::new());
    for (from, to, expected) in mistakes {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        let found = problems(&text);
        assert!(found.iter().any(|problem| problem.contains(expected)), "{to}: {found:#?}");
        assert!(found.iter().all(|problem| problem.starts_with(&format!("{file}:"))), "{found:#?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Model {
        #[serde(default)]
        #[allow(dead_code, reason = "only its reading is tested")]
        row: Vec<Row>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Row {
        #[allow(dead_code, reason = "only its reading is tested")]
        count: u32,
    }

    fn parse_error(text: &str) -> FileError {
        Document::new("a.toml", text).parse::<Model>().unwrap_err()
    }

    #[test]
    fn wrong_types_and_unknown_fields_name_line_and_field() {
        let error = parse_error("[[row]]\ncount = 1\n[[row]]\ncount = \"x\"\n");
        assert_eq!((error.line, error.column, error.field.as_str()), (4, 9, "row[2].count"));
        let error = parse_error("[[row]]\ncount = 1\nother = 2\n");
        assert_eq!((error.line, error.field.as_str()), (3, "row[1].other"));
        assert!(error.to_string().starts_with("a.toml:3: row[1].other: unknown field `other`"), "{error}");
        let error = parse_error("[[row]]\n");
        assert_eq!((error.line, error.field.as_str()), (1, "row[1]"));
        assert!(error.message.contains("missing field `count`"));
        let error = parse_error("row = [\n");
        assert_eq!(error.file, "a.toml");
        assert!(error.line > 0);
    }

    #[test]
    fn unknown_words_bring_near_ones() {
        assert!(parse_error("[[row]]\ncont = 1\n").message.ends_with("; did you mean count?"));
        assert!(!parse_error("[[row]]\nwholly_other = 1\n").message.contains("did you mean"));
        let variant = "unknown variant `hmac-sha-512`, expected one of `hmac-sha1`, `hmac-sha512`, `es256`";
        assert!(with_near(variant.to_owned()).contains("; did you mean hmac-sha512"));
    }

    #[test]
    fn semantic_errors_find_the_nearest_line() {
        let document = Document::new("a.toml", "a = 1\n[b.\"x.y\"]\nc = [1,\n 2]\n");
        let path = FieldPath::root().key("b").key("x.y").key("c").item(1);
        let error = document.error(&path, "wrong");
        assert_eq!(error.to_string(), "a.toml:4: b.\"x.y\".c[2]: wrong");
        assert_eq!(document.error(&FieldPath::root().key("b").key("missing"), "wrong").line, 2);
    }
}
