//! Reading a certificate: its form, with line and field of what is wrong, before anything in it is believed.

use jiff::civil::Date;
use serde_json::error::Category;

use super::Level;
use super::document::{Certificate, FORMAT};
use super::key::PublicKey;
use super::tree::Tree;
use crate::bad_input::{FieldPath, FileError};

/// What is wrong with the form of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The text is no JSON: there is nothing to judge.
    Unusable(FileError),
    /// It is JSON, but no certificate.
    Refused(Vec<FileError>),
}

/// The text of a certificate with the name of its file.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    /// The name, for messages.
    pub file: &'a str,
    /// The content.
    pub text: &'a str,
}

impl Text<'_> {
    /// Reads the certificate.
    ///
    /// # Errors
    /// Text that is no JSON; an unknown, missing or doubled field, a wrong type, a value that cannot be; a layout other than that of
    /// [`Certificate::to_json`], in which every byte is set.
    pub fn read(&self) -> Result<Certificate, Fault> {
        let certificate: Certificate = serde_json::from_str(self.text).map_err(|error| self.unread(&error))?;
        let written = certificate.to_json();
        if written != self.text {
            return Err(Fault::Refused(vec![self.other_layout(&written)]));
        }
        let mut errors = Vec::new();
        self.values(&certificate, &mut errors);
        match errors.is_empty() {
            true => Ok(certificate),
            false => Err(Fault::Refused(errors)),
        }
    }

    /// An error about one field, given as `verdicts.digest`, with its line in a text that is laid out as it must be.
    pub fn error(&self, field: &str, message: impl Into<String>) -> FileError {
        let mut line = 0;
        let mut lines = self.text.lines().enumerate();
        for (depth, name) in field.split('.').enumerate() {
            let start = format!("{}\"{name}\":", "  ".repeat(depth + 1));
            match lines.find(|(_, text)| text.starts_with(&start)) {
                Some((index, _)) => line = index + 1,
                None => break,
            }
        }
        let column = usize::from(line > 0);
        FileError { file: self.file.to_owned(), line, column, field: field.to_owned(), message: message.into() }
    }

    /// What the parser could not read, with its field.
    fn unread(&self, error: &serde_json::Error) -> Fault {
        let category = error.classify();
        let (line, column) = (error.line(), error.column());
        let before: usize = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let told = error.to_string();
        let message = told.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&told).to_owned();
        let field = path_at(self.text, before + column).to_string();
        let error = FileError { file: self.file.to_owned(), line, column, field, message };
        match category {
            Category::Data => Fault::Refused(vec![error]),
            _ => Fault::Unusable(error),
        }
    }

    fn other_layout(&self, written: &str) -> FileError {
        let pairs = || self.text.split_inclusive('\n').zip(written.split_inclusive('\n'));
        let same = pairs().take_while(|(found, expected)| found == expected).count();
        let expected = written.lines().nth(same).unwrap_or_default().trim();
        let message = format!("is not written as a certificate is: expected `{expected}` here and nothing else");
        let file = self.file.to_owned();
        FileError { file, line: same + 1, column: 1, field: String::new(), message }
    }

    /// Values that no certificate can have.
    fn values(&self, certificate: &Certificate, errors: &mut Vec<FileError>) {
        let mut expect = |holds: bool, field: &str, message: String| {
            if !holds {
                errors.push(self.error(field, message));
            }
        };
        let format = certificate.certificate;
        expect(format == FORMAT, "certificate", format!("format {format} is not {FORMAT}, the one this version reads"));
        let gold = "gold is never stated: it is what the second party's signature makes of silver";
        expect(certificate.level != Level::Gold, "level", gold.to_owned());
        for (field, text) in [("issued", &certificate.issued), ("expires", &certificate.expires)] {
            let is_date = text.parse::<Date>().is_ok_and(|date| date.to_string() == *text);
            expect(is_date, field, format!("expected a date as 2026-11-22, found `{text}`"));
        }
        let trees = [
            ("toolchain.tree", &certificate.toolchain.tree),
            ("source", &certificate.source),
            ("suite.tree", &certificate.suite.tree),
            ("tapes", &certificate.tapes),
        ];
        for (field, tree) in trees {
            let agrees = Tree::digest_of(&tree.files) == tree.digest;
            expect(
                agrees,
                &format!("{field}.digest"),
                "does not agree with the digests of the files below it".to_owned(),
            );
        }
        let second = certificate.second_party.as_ref().map(|second| ("second_party.public_key", &second.public_key));
        for (field, key) in [("public_key", &certificate.public_key)].into_iter().chain(second) {
            if let Err(why) = key.parse::<PublicKey>() {
                expect(false, field, why);
            }
        }
    }
}

/// The field at an offset of a JSON text: the names and items that are open there.
fn path_at(text: &str, offset: usize) -> FieldPath {
    let mut open: Vec<Open> = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).filter(|_| at < offset) {
        match byte {
            b'{' => open.push(Open::Members(None)),
            b'[' => open.push(Open::Items(0)),
            b'}' | b']' => drop(open.pop()),
            b',' => match open.last_mut() {
                Some(Open::Members(name)) => *name = None,
                Some(Open::Items(index)) => *index += 1,
                None => {}
            },
            b'"' => {
                let end = end_of_string(bytes, at + 1);
                if let Some(Open::Members(name @ None)) = open.last_mut() {
                    *name = text.get(at + 1..end).map(str::to_owned);
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    open.iter().fold(FieldPath::root(), |path, open| match open {
        Open::Members(Some(name)) => path.key(name),
        Open::Members(None) => path,
        Open::Items(index) => path.item(*index),
    })
}

/// An object or a list in which an offset lies.
enum Open {
    /// An object, with the name of the member.
    Members(Option<String>),
    /// A list, with the place of the item, from 0.
    Items(usize),
}

/// Where the string that begins at `start` has its closing mark.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        match bytes.get(at) {
            Some(b'\\') => at += 2,
            Some(b'"') | None => return at,
            Some(_) => at += 1,
        }
    }
}
