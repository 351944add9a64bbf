//! Reads a request by the patterns of the tapes: what stands in each hole.

use std::collections::BTreeMap;

use crate::tape::{Hole, Part, Shape, Template};

/// What stood in a hole of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caught<'k, 's> {
    pub(super) hole: &'k Hole,
    pub(super) text: &'s str,
}

impl Caught<'_, '_> {
    /// Whether it is of the form that the hole asks for.
    pub(super) fn has_form(&self) -> bool {
        match self.hole {
            Hole::Any { class, .. } => class.fits(self.text),
            _ => true,
        }
    }

    /// Whether it is the credential that the hole asks for; true of every other hole.
    pub(super) fn is_credential(&self, credentials: &BTreeMap<String, String>) -> bool {
        match self.hole {
            Hole::Secret(name) => credentials.get(name).is_some_and(|value| value == self.text),
            _ => true,
        }
    }
}

/// Adds what stands in the holes of a text to `out`; false where the text is not as the template says around them, and then nothing is
/// added.
pub(super) fn caught<'k, 's>(template: &'k Template, text: &'s str, out: &mut Vec<Caught<'k, 's>>) -> bool {
    let mark = out.len();
    let whole = walk(template, text, out).is_some();
    if !whole {
        out.truncate(mark);
    }
    whole
}

fn walk<'k, 's>(template: &'k Template, text: &'s str, out: &mut Vec<Caught<'k, 's>>) -> Option<()> {
    let mut rest = text;
    let mut parts = template.parts.iter().peekable();
    while let Some(part) = parts.next() {
        match part {
            Part::Text(literal) => rest = rest.strip_prefix(literal.as_str())?,
            Part::Hole(hole) => {
                let end = match (parts.peek(), length(hole)) {
                    (None, _) => rest.len(),
                    (Some(Part::Text(next)), _) => rest.find(next.as_str())?,
                    (Some(Part::Hole(_)), Some(length)) => length.min(rest.len()),
                    (Some(Part::Hole(_)), None) => rest.len(),
                };
                out.push(Caught { hole, text: rest.get(..end)? });
                rest = rest.get(end..)?;
            }
        }
    }
    rest.is_empty().then_some(())
}

/// How long the value of a hole is, where that is known.
fn length(hole: &Hole) -> Option<usize> {
    let of = |shape: &Shape| match shape {
        Shape::Uuid => 36,
        Shape::Alnum(length) | Shape::Hex(length) | Shape::Digits(length) | Shape::Upper(length) => *length,
    };
    match hole {
        Hole::Crc16 => Some(4),
        Hole::Digest { shape, .. } => Some(of(shape)),
        Hole::Gen { shape, .. } => shape.as_ref().map(of),
        Hole::Card(name) if name.ends_with("month2") || name.ends_with("year2") => Some(2),
        Hole::Card(name) if name.ends_with("expiry_year") => Some(4),
        _ => None,
    }
}
