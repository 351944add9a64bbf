//! The request of an exchange as a tape states it.

use std::collections::BTreeMap;

use http::header;

use super::doubt::doubts_of;
use super::{Crossing, Doubt, Marks, doubt, leaves, markup};
use crate::tape::json::{self, Json};
use crate::tape::model::{FormModel, RequestModel};

/// Headers that a transport adds; a tape lists them only where the present one does.
const ADDED: [&str; 5] = ["host", "content-length", "accept-encoding", "user-agent", "accept"];

/// Holes of values that a connector computes anew for each request.
const COMPUTED: [&str; 5] = ["${sig:", "${any:", "${now", "${digest:", "${capture:"];

/// Whether a template of the present tape stands for something that is computed.
pub(super) fn is_computed(template: &str) -> bool {
    COMPUTED.iter().any(|hole| template.contains(hole))
}

pub(super) fn model(
    crossing: &Crossing,
    marks: &mut Marks<'_>,
    place: &str,
    doubts: &mut Vec<Doubt>,
) -> Result<RequestModel, String> {
    let request = &crossing.request;
    let cards = marks.test_cards();
    let like = crossing.like.as_ref().map(|like| &like.request);
    let text = std::str::from_utf8(request.body()).map_err(|_| format!("{place}: the request's body is no text"))?;
    let url = marks.known(crossing.step, &request.uri().to_string());
    let url = like.map_or_else(|| url.clone(), |like| pieced(&url, &like.url));
    marks.asked(&request.uri().to_string());
    marks.asked(text);
    let found =
        |at: &str, text: &str| -> Vec<Doubt> { doubts_of(text, cards).map(|what| doubt(place, at, what)).collect() };
    doubts.extend(found("request url", &url));
    let mut headers = BTreeMap::new();
    for (name, value) in request.headers() {
        let theirs = like.and_then(|like| like.headers.get(name.as_str()));
        let is_plain_accept = *name != header::ACCEPT || value == "*/*";
        if ADDED.contains(&name.as_str()) && theirs.is_none() && is_plain_accept {
            continue;
        }
        let value = value.to_str().map_err(|_| format!("{place}: the request's header {name} is no text"))?;
        marks.asked(value);
        let marked = marks.requested(crossing, theirs.map(String::as_str), value);
        let at = format!("request header {name}");
        doubts.extend(found(&at, &marked));
        if *name == header::AUTHORIZATION && !marked.contains("${") {
            doubts.push(doubt(place, &at, "it authorizes, and holds no credential or token that is known"));
        }
        headers.insert(name.as_str().to_owned(), marked);
    }
    let mut model = RequestModel { method: request.method().to_string(), url, headers, ..RequestModel::default() };
    body(&mut model, crossing, text, marks, place, doubts);
    model.ordered = like.is_some_and(|like| like.ordered);
    Ok(model)
}

fn body(
    model: &mut RequestModel,
    crossing: &Crossing,
    text: &str,
    marks: &Marks<'_>,
    place: &str,
    doubts: &mut Vec<Doubt>,
) {
    let media = model.headers.get("content-type").map(|media| media.to_ascii_lowercase()).unwrap_or_default();
    let like = crossing.like.as_ref().map(|like| &like.request);
    let mut found = |at: &str, text: &str| {
        doubts.extend(doubts_of(text, marks.test_cards()).map(|what| doubt(place, at, what)));
    };
    if text.is_empty() {
        return;
    }
    if media.contains("x-www-form-urlencoded") {
        let like = like.and_then(|like| like.form.as_ref());
        model.form = Some(form(text, like, &mut |name, theirs, value| {
            let marked = marks.requested(crossing, theirs, value);
            found(&format!("request field {name}"), &marked);
            marked
        }));
        return;
    }
    let parsed = json::read(text).ok().filter(|_| media.contains("json"));
    match parsed {
        Some(value) => {
            let theirs = like.and_then(|like| like.json.as_deref()).and_then(|text| json::read(text).ok());
            let marked = leaves("", &value, &mut |pointer, leaf| {
                let theirs = theirs.as_ref().and_then(|theirs| theirs.pointer(pointer));
                let marked = match (theirs, leaf) {
                    (Some(Json::String(theirs)), _) if is_computed(theirs) => Json::String(theirs.to_string().into()),
                    (Some(Json::String(theirs)), Json::Number(text))
                        if theirs.ends_with("#number}") && marks.fills(crossing, theirs, text) =>
                    {
                        Json::String(theirs.to_string().into())
                    }
                    (theirs, Json::String(text)) => {
                        let theirs = theirs.and_then(Json::scalar);
                        Json::String(marks.requested(crossing, theirs.as_deref(), text).into())
                    }
                    (_, leaf) => leaf.clone(),
                };
                found(&format!("request {pointer}"), &marked.scalar().unwrap_or_default());
                marked
            });
            let mut out = String::new();
            marked.write(&mut out);
            model.json = Some(out);
        }
        None => {
            let theirs = like.and_then(|like| like.xml.as_deref()).and_then(markup::texts).unwrap_or_default();
            let tree = media.contains("xml").then(|| {
                markup::turned("", text, &mut |place, text| {
                    let marked = marks.requested(crossing, theirs.get(place).map(String::as_str), text);
                    found(&format!("request {place}"), &marked);
                    marked
                })
            });
            let marked = tree.flatten().unwrap_or_else(|| {
                let marked = marks.known(crossing.step, text);
                found("request body", &marked);
                marked
            });
            let slot = if media.contains("xml") { &mut model.xml } else { &mut model.text };
            *slot = Some(marked);
        }
    }
}

/// The fields of a form, each value turned; `turn` gets the name, the present tape's template for that value, and the value.
fn form(text: &str, like: Option<&FormModel>, turn: &mut impl FnMut(&str, Option<&str>, &str) -> String) -> FormModel {
    let mut fields: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let count = fields.iter().find(|(known, _)| *known == name).map_or(0, |(_, values)| values.len());
        let theirs = like.and_then(|form| {
            let (_, values) = form.fields.iter().find(|(known, _)| *known == name)?;
            values.get(count).map(String::as_str)
        });
        let marked = turn(&name, theirs, &value);
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(marked),
            None => fields.push((name.into_owned(), vec![marked])),
        }
    }
    FormModel { fields }
}

/// The url with those of its parts that the present tape computes as they stand there, when both have as many parts.
fn pieced(url: &str, like: &str) -> String {
    if !is_computed(like) {
        return url.to_owned();
    }
    let split = |text: &str| -> Vec<String> { text.split_inclusive(['/', '?', '&', '=']).map(str::to_owned).collect() };
    let (own, theirs) = (split(url), split(like));
    if own.len() != theirs.len() {
        return url.to_owned();
    }
    own.into_iter().zip(theirs).map(|(own, theirs)| if is_computed(&theirs) { theirs } else { own }).collect()
}
