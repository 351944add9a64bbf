//! Tapes out of exchanges that happened: what a later run has otherwise becomes a hole, and what nobody may keep stops the tape.
//!
//! Holes come from three places: values that are known (credentials, keys, references, test cards), values that answers bring and that
//! look as if they were made for the occasion (ids, tokens, times), and the present tape's holes where a request is computed (signatures,
//! nonces, dates). What is left is searched for secrets, and a doubt names its place and never the value.

mod doubt;
mod marks;
mod markup;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

use doubt::card_doubt;
pub(crate) use doubt::{doubts_of, luhn_runs};
pub(crate) use marks::{Marks, written_as};
pub(crate) use markup::texts;

use crate::tape::StepValues;
use crate::tape::json::{self, Json};
use crate::tape::model::{ExchangeModel, Provenance, ResponseModel, TapeModel};

/// Headers of answers that are kept whatever the present tape has; others are the transport's, or of one occasion.
const KEPT_HEADERS: [&str; 3] = ["content-type", "location", "retry-after"];

/// An exchange that happened.
pub(crate) struct Crossing {
    /// The scenario's step, from 1.
    pub(crate) step: u32,
    /// Whether it followed an open answer to its end.
    pub(crate) settle: bool,
    /// The request, at the provider's own host.
    pub(crate) request: Request<Bytes>,
    /// The answer.
    pub(crate) answer: Response<Bytes>,
    /// When it was sent, in seconds since 1970.
    pub(crate) at_unix: i64,
    /// The exchange of a present tape with the same method and path.
    pub(crate) like: Option<ExchangeModel>,
}

/// What is known of the values in some exchanges.
pub(crate) struct Known {
    /// The credentials by dotted name.
    pub(crate) credentials: Arc<BTreeMap<String, String>>,
    /// Key, reference and samples of each step.
    pub(crate) steps: BTreeMap<u32, StepValues>,
    /// Published test card numbers.
    pub(crate) test_cards: Vec<String>,
}

/// Something that may not be kept, or that nobody can vouch for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// Where: `exchange 2, answer /card/email`.
    pub(crate) place: String,
    /// What it looks like.
    pub(crate) what: String,
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// The tape of some exchanges, and every doubt about it.
///
/// # Errors
/// An exchange whose form a tape cannot state.
pub(crate) fn tape(
    crossings: &[Crossing],
    known: &Known,
    provenance: Provenance,
) -> Result<(TapeModel, Vec<Doubt>), String> {
    let mut marks = Marks::new(known);
    let mut doubts = Vec::new();
    let mut exchange = Vec::new();
    for (number, crossing) in (1usize..).zip(crossings) {
        let place = format!("exchange {number}");
        let request = request::model(crossing, &mut marks, &place, &mut doubts)?;
        let response = response(crossing, &mut marks, &place, &mut doubts)?;
        exchange.push(ExchangeModel {
            step: crossing.step,
            settle: crossing.settle,
            provenance: None,
            request,
            response,
        });
    }
    // A text is looked at as it came and as it is kept.
    doubts.dedup();
    Ok((TapeModel { provenance, exchange, webhook: Vec::new(), returned: Vec::new() }, doubts))
}

fn response(
    crossing: &Crossing,
    marks: &mut Marks<'_>,
    place: &str,
    doubts: &mut Vec<Doubt>,
) -> Result<ResponseModel, String> {
    let like = crossing.like.as_ref().map(|like| &like.response);
    if like.is_some_and(|like| !like.seal.is_empty() || like.body.contains("${sig:")) {
        return Err(format!(
            "{place}: the provider signs or encrypts parts of this answer's body, which a recording cannot do again"
        ));
    }
    let text = std::str::from_utf8(crossing.answer.body()).map_err(|_| format!("{place}: the answer is no text"))?;
    let mut headers = BTreeMap::new();
    for (name, value) in crossing.answer.headers() {
        let name = name.as_str();
        let theirs = like.and_then(|like| like.headers.get(name));
        if !KEPT_HEADERS.contains(&name) && theirs.is_none() {
            continue;
        }
        let value = value.to_str().map_err(|_| format!("{place}: the answer's header {name} is no text"))?;
        let marked = match theirs.filter(|theirs| request::is_computed(theirs)) {
            Some(theirs) => theirs.clone(),
            None => marks.answer(name, value, crossing),
        };
        doubts.extend(
            doubts_of(&marked, marks.test_cards()).map(|what| doubt(place, &format!("answer header {name}"), what)),
        );
        headers.insert(name.to_owned(), marked);
    }
    let media = headers.get("content-type").map(|text| text.to_ascii_lowercase()).unwrap_or_default();
    let theirs = like.and_then(|like| json::read(&like.body).ok());
    let body = match json::read(text) {
        Ok(value) if media.contains("json") || text.trim_start().starts_with(['{', '[']) => {
            let marked = leaves("", &value, &mut |pointer, leaf| {
                if is_card_field(pointer) && !is_minted(theirs.as_ref(), pointer) {
                    // As a hole it would be gone, and with it the sign that such answers carry what nobody may keep.
                    let text = leaf.scalar().unwrap_or_default();
                    doubts.extend(
                        card_doubt(&text, marks.test_cards())
                            .map(|what| doubt(place, &format!("answer {pointer}"), what)),
                    );
                }
                let marked = match leaf {
                    Json::String(text) => Json::String(marks.answer(pointer, text, crossing).into()),
                    Json::Number(text) => marks.number(pointer, text, crossing),
                    other => other.clone(),
                };
                let shown = marked.scalar().unwrap_or_default().into_owned();
                doubts.extend(
                    doubts_of(&shown, marks.test_cards()).map(|what| doubt(place, &format!("answer {pointer}"), what)),
                );
                marked
            });
            let mut out = String::new();
            marked.write(&mut out);
            out
        }
        _ => {
            let marked = marks.between_tags(text, crossing);
            doubts.extend(doubts_of(&marked, marks.test_cards()).map(|what| doubt(place, "answer body", what)));
            marked
        }
    };
    Ok(ResponseModel { status: crossing.answer.status().as_u16(), headers, body, seal: BTreeMap::new() })
}

/// Whether the present tape says that the provider mints the value at this place: then it is an id, whatever its digits come to.
fn is_minted(tape: Option<&Json<'_>>, pointer: &str) -> bool {
    let there = tape.and_then(|tape| tape.pointer(pointer)).and_then(Json::scalar);
    there.is_some_and(|text| text.contains("${gen:"))
}

/// Whether a field's name, or one around it, speaks of cards or accounts.
fn is_card_field(pointer: &str) -> bool {
    let lower = pointer.to_ascii_lowercase();
    ["pan", "card", "number", "account"].iter().any(|word| lower.contains(word))
}

fn doubt(place: &str, at: &str, what: &str) -> Doubt {
    Doubt { place: format!("{place}, {at}"), what: what.to_owned() }
}

/// The value with each scalar replaced; `turn` gets its JSON pointer.
fn leaves<'j>(pointer: &str, value: &Json<'j>, turn: &mut impl FnMut(&str, &Json<'j>) -> Json<'j>) -> Json<'j> {
    match value {
        Json::Array(items) => {
            let item = |(index, item)| leaves(&format!("{pointer}/{index}"), item, turn);
            Json::Array(items.iter().enumerate().map(item).collect())
        }
        Json::Object(members) => {
            let mut turned = Vec::new();
            for (name, member) in members {
                let at = format!("{pointer}/{}", json::pointer_name(name));
                turned.push((name.clone(), leaves(&at, member, turn)));
            }
            Json::Object(turned)
        }
        leaf => turn(pointer, leaf),
    }
}

#[cfg(test)]
mod tests;
