//! The places of requests that tapes speak of: each has a number, so that of a name nothing but the number is looked at.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::leaves::OPERATION;

/// How the places of the fields of a form begin, and those of a query.
pub(super) const FORM: &str = "form ";
pub(super) const QUERY: &str = "query ";

/// The number of a place.
pub(super) type Place = usize;

/// Where a body stands that cannot be read.
pub(super) const BODY: Place = 0;

/// Where it is said what is asked for, in an API that has one endpoint for all.
pub(super) const ASKED_FOR: Place = 1;

type Numbers = HashMap<String, Place, FixedState>;

/// The places that tapes speak of.
#[derive(Debug)]
pub(super) struct Places {
    numbers: Numbers,
    /// By number.
    names: Vec<String>,
    /// By number, that number in letters: under which what was sent there is kept for later answers.
    short: Vec<String>,
    /// Those of headers, by the name of the header.
    headers: Numbers,
    /// Those of form and query by how clients usually write the name of the field.
    form: Numbers,
    query: Numbers,
    /// By number, of fields of a form.
    fields: Vec<Field>,
    /// The field with which most forms begin.
    first_field: Option<Place>,
    /// Those of segments of the path, by the number of the segment.
    path: Vec<Place>,
    /// Beginnings of places below which stands what later answers repeat as one object, each with the name under which that is kept.
    prefixes: Vec<(String, String)>,
    /// By number: below which of those the place stands, by their numbers.
    below: Vec<Vec<usize>>,
}

/// A field of a form.
#[derive(Debug, Default)]
struct Field {
    /// Its name as clients usually write it, and `=`.
    written: String,
    /// The field that comes after it in a tape: most clients have theirs in one order.
    next: Option<Place>,
}

/// So many segments of a path have numbers.
const SEGMENTS: usize = 16;

impl Default for Places {
    fn default() -> Places {
        let (numbers, headers, form, query) = Default::default();
        let (names, short, path, prefixes, below, fields) = Default::default();
        let first_field = None;
        let mut places =
            Places { numbers, names, short, headers, form, query, fields, first_field, path, prefixes, below };
        // In the order of their numbers.
        for name in ["body", OPERATION] {
            places.number(name);
        }
        places.path = (0..SEGMENTS).map(|index| places.number(&format!("path {index}"))).collect();
        places
    }
}

impl Places {
    /// The number of a place, a new one where it has none.
    pub(super) fn number(&mut self, name: &str) -> Place {
        if let Some(known) = self.find(name) {
            return known;
        }
        let next = self.names.len();
        self.numbers.insert(name.to_owned(), next);
        self.names.push(name.to_owned());
        self.short.push(format!("{next:x}"));
        let over = self.prefixes.iter().enumerate().filter(|(_, (prefix, _))| name.starts_with(prefix));
        self.below.push(over.map(|(prefix, _)| prefix).collect());
        match name.split_once(' ') {
            Some(("header", header)) => drop(self.headers.insert(header.to_owned(), next)),
            Some((kind @ ("form" | "query"), field)) => {
                let fields = if kind == "form" { &mut self.form } else { &mut self.query };
                fields.insert(form_urlencoded::byte_serialize(field.as_bytes()).collect(), next);
                if is_plain(field) {
                    fields.insert(field.to_owned(), next);
                }
            }
            _ => {}
        }
        next
    }

    /// Notes in which order a tape has its fields.
    pub(super) fn follow(&mut self, places: impl Iterator<Item = Place>) {
        self.fields.resize_with(self.names.len(), Field::default);
        let mut last: Option<Place> = None;
        for place in places {
            let name = self.names.get(place).and_then(|name| name.strip_prefix(FORM));
            let (Some(name), Some(field)) = (name, self.fields.get_mut(place)) else { continue };
            field.written = form_urlencoded::byte_serialize(name.as_bytes()).chain(["="]).collect();
            let before = last.replace(place).and_then(|before| self.fields.get_mut(before));
            let next = before.map_or(&mut self.first_field, |before| &mut before.next);
            *next = next.or(Some(place));
        }
    }

    pub(super) fn count(&self) -> usize {
        self.names.len()
    }

    pub(super) fn name(&self, place: Place) -> Option<&str> {
        self.names.get(place).map(String::as_str)
    }

    pub(super) fn header(&self, name: &str) -> Option<Place> {
        self.headers.get(name).copied()
    }

    /// The segment of a path with this number.
    pub(super) fn segment(&self, number: usize) -> Option<Place> {
        self.path.get(number).copied()
    }

    /// A field of a form or a query by its name as clients usually write it.
    pub(super) fn field(&self, kind: &str, written: &str) -> Option<Place> {
        let fields = if kind == FORM { &self.form } else { &self.query };
        fields.get(written).copied()
    }

    /// The field with which most forms begin.
    pub(super) fn first_field(&self) -> Option<Place> {
        self.first_field
    }

    /// What stands after the name of a field, if a form goes on with that field.
    pub(super) fn after<'t>(&self, field: Place, form: &'t str) -> Option<&'t str> {
        form.strip_prefix(self.fields.get(field)?.written.as_str())
    }

    /// The field that comes after another one in a tape.
    pub(super) fn next(&self, field: Place) -> Option<Place> {
        self.fields.get(field)?.next
    }

    /// The number of a beginning of places, a new one where it has none.
    pub(super) fn prefix(&mut self, prefix: &str) -> usize {
        self.prefixes.iter().position(|(known, _)| known == prefix).unwrap_or_else(|| {
            let number = self.prefixes.len();
            self.prefixes.push((prefix.to_owned(), format!("o:{prefix}")));
            let below = self.below.iter_mut().zip(&self.names).filter(|(_, name)| name.starts_with(prefix));
            below.for_each(|(below, _)| below.push(number));
            number
        })
    }

    /// The name under which the object below a beginning of places is kept.
    pub(super) fn kept_name(&self, prefix: usize) -> &str {
        self.prefixes.get(prefix).map_or("", |(_, name)| name)
    }

    /// The name under which what was sent in a place is kept for later answers.
    pub(super) fn short(&self, place: Place) -> Option<&str> {
        self.short.get(place).map(String::as_str)
    }

    /// Beginnings of places below which stands what is repeated as one object, by their numbers, each with its name there.
    pub(super) fn prefixes(&self) -> &[(String, String)] {
        &self.prefixes
    }

    /// Below which of those a place stands.
    pub(super) fn below(&self, place: Place) -> Option<&[usize]> {
        self.below.get(place).map(Vec::as_slice)
    }

    pub(super) fn find(&self, name: &str) -> Option<Place> {
        self.numbers.get(name).copied()
    }
}

/// Whether a part of a form stands for itself.
fn is_plain(part: &str) -> bool {
    !part.bytes().any(|byte| matches!(byte, b'%' | b'+'))
}
