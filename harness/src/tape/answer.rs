//! Makes answers from their templates. A signature is filled last, over everything else.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use http::Response;
use http::header::HeaderValue;

use super::compile::{AnswerTemplate, BodyText, Exchange, HeaderText, Return};
use super::enclosed::close;
use super::hole::Hole;
use super::seal;
use super::template::{Escape, Part, Template, push_escaped, render_hole};
use super::values::{Headers, Message, Scope, Unresolved};

impl Exchange {
    /// Whether the answer is a JSON or XML text with a 2xx status, whose spoiling nothing but the text tells.
    pub fn answers_structured(&self) -> bool {
        let text = match &self.response.body {
            BodyText::Fixed(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
            BodyText::Holes(template, _) => template.literal_start(),
        };
        let structured = text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[', '<']);
        structured && self.response.status.is_success()
    }

    /// Whether a sealed part stands in the answer's body: then it cannot be changed and stay valid. A signature is made anew.
    pub fn is_sealed(&self) -> bool {
        !self.response.seals.is_empty()
    }

    /// Whether a signature stands in the answer.
    pub(crate) fn signs_answer(&self) -> bool {
        let in_headers = self.response.headers.iter().any(|(_, text)| match text {
            HeaderText::Holes(template) => template.has_signature(),
            HeaderText::Fixed(_) => false,
        });
        in_headers || matches!(&self.response.body, BodyText::Holes(template, _) if template.has_signature())
    }

    /// Whether the answer has exactly this status and body.
    pub fn answers_exactly(&self, status: u16, body: &str) -> bool {
        let text = match &self.response.body {
            BodyText::Fixed(bytes) => std::str::from_utf8(bytes).ok(),
            BodyText::Holes(..) => None,
        };
        self.response.status.as_u16() == status && text.is_some_and(|text| text.trim() == body)
    }

    /// Whether the answer's body holds this text as it is written, and not as the value of a hole.
    pub(crate) fn states_literally(&self, text: &str) -> bool {
        match &self.response.body {
            BodyText::Fixed(bytes) => std::str::from_utf8(bytes).is_ok_and(|body| body.contains(text)),
            BodyText::Holes(template, _) => {
                template.parts.iter().any(|part| matches!(part, Part::Text(written) if written.contains(text)))
            }
        }
    }

    /// What makes two exchanges alike for what a connector does with the answer: method, URL, status and body, with the holes as
    /// they are written.
    pub(crate) fn signature(&self) -> String {
        format!("\n{} {} {:?}", self.endpoint(), self.response.status, self.response.body)
    }

    /// Method and URL, with the holes as they are written.
    pub(crate) fn endpoint(&self) -> String {
        format!("{} {:?}", self.request.method, self.request.target)
    }
}

/// The answer of an exchange.
pub(crate) fn response(template: &AnswerTemplate, scope: &Scope<'_>) -> Result<Response<Bytes>, Unresolved> {
    let body = match &template.body {
        BodyText::Fixed(bytes) if template.seals.is_empty() => bytes.clone(),
        BodyText::Fixed(bytes) => {
            Bytes::from(seal::seal(&template.seals, String::from_utf8_lossy(bytes).into_owned(), scope)?)
        }
        BodyText::Holes(text, escape) => Bytes::from(seal::seal(&template.seals, body(text, *escape, scope)?, scope)?),
    };
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = template.status;
    response.headers_mut().reserve(template.headers.len());
    for (name, text) in &template.headers {
        let value = match text {
            HeaderText::Fixed(value) => value.clone(),
            HeaderText::Holes(template) if template.has_signature() => continue,
            HeaderText::Holes(template) => header_value(template, scope)?,
        };
        response.headers_mut().insert(name, value);
    }
    *response.body_mut() = body;
    sign(template, scope, &mut response)?;
    Ok(response)
}

/// Puts the signatures over an answer into its headers, in place of those that stand there.
pub(super) fn sign(
    template: &AnswerTemplate,
    scope: &Scope<'_>,
    answer: &mut Response<Bytes>,
) -> Result<(), Unresolved> {
    for (name, text) in &template.headers {
        let HeaderText::Holes(template) = text else { continue };
        if template.has_signature() {
            let text = std::str::from_utf8(answer.body()).unwrap_or_default();
            let value = header_value(template, &with_message(scope, Headers::Sent(answer.headers()), text))?;
            answer.headers_mut().insert(name, value);
        }
    }
    Ok(())
}

/// A part of a body, which has no signature in it.
pub(crate) fn part(template: &Template, escape: Escape, scope: &Scope<'_>) -> Result<String, Unresolved> {
    Draft::new(template, escape, scope).map(|draft| draft.unsigned)
}

/// What the customer comes back with.
pub(crate) fn parameters(returned: &Return, scope: &Scope<'_>) -> Result<Vec<(String, String)>, Unresolved> {
    returned.parameters.iter().map(|(name, value)| Ok((name.clone(), value.text(scope)?))).collect()
}

/// The scope in which something of the provider's is signed.
fn with_message<'a>(scope: &Scope<'a>, headers: Headers<'a>, body: &'a str) -> Scope<'a> {
    Scope { message: Some(Message { method: "", host: "", path: "", headers, body }), ..*scope }
}

fn header_value(template: &Template, scope: &Scope<'_>) -> Result<HeaderValue, Unresolved> {
    let text = template.text(scope)?;
    HeaderValue::from_str(&text)
        .map_err(|_| Unresolved { hole: "a header".to_owned(), why: "its value cannot stand in a header".to_owned() })
}

/// A body; a signature inside it is computed over the body without it, then put in its place.
fn body(template: &Template, escape: Escape, scope: &Scope<'_>) -> Result<String, Unresolved> {
    let draft = Draft::new(template, escape, scope)?;
    if draft.places.is_empty() {
        return Ok(closed(draft.unsigned));
    }
    let values = draft.signatures(&with_message(scope, Headers::Made(&[]), &close(&draft.unsigned)))?;
    Ok(closed(draft.sealed(&values, escape)))
}

/// The text with its base64 made; without any it is not copied.
pub(super) fn closed(text: String) -> String {
    if let Cow::Owned(closed) = close(&text) {
        return closed;
    }
    text
}

/// A part of a text with what is put in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The bytes of the text.
    pub at: Range<usize>,
    /// What is put there.
    pub with: String,
}

impl Edit {
    /// The text with all edits made; they do not overlap.
    pub fn all(edits: &[Edit], text: &str) -> String {
        let mut sorted: Vec<&Edit> = edits.iter().collect();
        sorted.sort_by_key(|edit| edit.at.start);
        let mut out = String::with_capacity(text.len() + 64);
        let mut from = 0;
        for edit in sorted {
            out.push_str(text.get(from..edit.at.start).unwrap_or_default());
            out.push_str(&edit.with);
            from = edit.at.end;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }
}

/// A body before its signatures: the text without them, and where they belong.
pub(super) struct Draft<'t> {
    pub(super) unsigned: String,
    pub(super) places: Vec<(usize, &'t Hole)>,
}

impl<'t> Draft<'t> {
    pub(super) fn new(template: &'t Template, escape: Escape, scope: &Scope<'_>) -> Result<Self, Unresolved> {
        let room = template.text_length() + 16 * template.parts.len() + 256;
        let mut draft = Self { unsigned: String::with_capacity(room), places: Vec::new() };
        // Where the text since the last value begins, and whether its end was left out.
        let (mut from, mut cut) = (0, false);
        for part in &template.parts {
            match part {
                Part::Text(text) if cut => {
                    draft.go_on(from, text);
                    cut = false;
                }
                Part::Text(text) => draft.unsigned.push_str(text),
                Part::Hole(hole) => {
                    match hole {
                        Hole::Slot(number) if scope.slots.fill(*number, &mut draft.unsigned) => {}
                        Hole::Slot(_) => {
                            cut |= draft.leave_out(from);
                            continue;
                        }
                        Hole::Signature(_) => draft.places.push((draft.unsigned.len(), hole)),
                        _ => render_hole(hole, scope, escape, &mut draft.unsigned)?,
                    }
                    (from, cut) = (draft.unsigned.len(), false);
                }
            }
        }
        Ok(draft)
    }

    /// Takes the name of a member away that stands at the end of the text since `from`; false where there is none.
    fn leave_out(&mut self, from: usize) -> bool {
        let text = self.unsigned.get(from..).unwrap_or_default();
        let name = text.trim_end().strip_suffix(':').map(str::trim_end).and_then(|rest| rest.strip_suffix('"'));
        let Some(start) = name.and_then(|name| name.rfind('"')) else { return false };
        self.unsigned.truncate(from + start);
        true
    }

    /// Adds the text after a member that was left out: without one of the commas around it.
    fn go_on(&mut self, from: usize, text: &str) {
        match text.trim_start().strip_prefix(',') {
            Some(rest) => self.unsigned.push_str(rest),
            None => {
                let before = self.unsigned.get(from..).unwrap_or_default().trim_end();
                let length = before.strip_suffix(',').unwrap_or(before).len();
                self.unsigned.truncate(from + length);
                self.unsigned.push_str(text);
            }
        }
    }

    /// The same body with some parts of its text replaced; the parts do not overlap each other or a signature.
    pub(super) fn edited(self, edits: &[Edit]) -> Self {
        let moved = |place: usize| {
            let before = edits.iter().filter(|edit| edit.at.end <= place);
            before.fold(place, |place, edit| place + edit.with.len() - edit.at.len())
        };
        let places = self.places.iter().map(|(place, hole)| (moved(*place), *hole)).collect();
        Self { unsigned: Edit::all(edits, &self.unsigned), places }
    }

    /// The signatures of the body; the scope's message has the unsigned body.
    pub(super) fn signatures(&self, scope: &Scope<'_>) -> Result<Vec<String>, Unresolved> {
        let sign = |(_, hole): &(usize, &Hole)| {
            let mut value = String::new();
            scope.resolve(hole, &mut value).map(|()| value)
        };
        self.places.iter().map(sign).collect()
    }

    /// The body with its signatures.
    pub(super) fn sealed(&self, values: &[String], escape: Escape) -> String {
        let mut sealed = String::with_capacity(self.unsigned.len() + 128);
        let mut from = 0;
        for ((place, _), value) in self.places.iter().zip(values) {
            sealed.push_str(self.unsigned.get(from..*place).unwrap_or_default());
            push_escaped(value, escape, &mut sealed);
            from = *place;
        }
        sealed.push_str(self.unsigned.get(from..).unwrap_or_default());
        sealed
    }
}
