//! What of a run is the same in every run with its seed: a randomized signature is not, and stands as its hole.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{HeaderMap, Response};

use super::answer;
use super::compile::{Exchange, HeaderText, Tape};
use super::hole::Hole;
use super::matcher::BodyPattern;
use super::player::{Player, Record};
use super::template::Template;
use super::values::Scope;

impl Tape {
    fn is_randomized(&self, template: &Template) -> bool {
        let verifies = |hole: &Hole| matches!(hole, Hole::Signature(name) if self.recipes.get(name).is_some_and(|recipe| recipe.verifies()));
        template.holes().any(verifies)
    }

    /// The headers of a request that was sent.
    pub(super) fn stable_headers(&self, record: &Record) -> HeaderMap {
        let mut headers = record.request.headers().clone();
        let patterns = self.exchange_of(record).into_iter().flat_map(|exchange| &exchange.request.headers);
        for (name, template) in patterns.filter(|(_, template)| self.is_randomized(template)) {
            blank(headers.get_mut(name), template);
        }
        headers
    }

    /// The body of a request that was sent.
    pub(super) fn stable_body<'r>(&self, record: &'r Record) -> Cow<'r, [u8]> {
        let body = record.request.body();
        let fields = match self.exchange_of(record).map(|exchange| &exchange.request.body) {
            Some(BodyPattern::Form { fields, .. }) => fields,
            _ => return Cow::Borrowed(body),
        };
        let written = |name: &str| {
            let template = fields.iter().filter(|field| field.name == name).find_map(|field| field.value.as_ref());
            template.filter(|template| self.is_randomized(template)).map(Template::written)
        };
        if !fields.iter().any(|field| written(&field.name).is_some()) {
            return Cow::Borrowed(body);
        }
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(body) {
            let stable = written(&name).unwrap_or_else(|| value.into_owned());
            form.append_pair(&name, &stable);
        }
        Cow::Owned(form.finish().into_bytes())
    }

    /// The headers of an answer that was given.
    pub(super) fn stable_answer_headers(&self, record: &Record, answer: &Response<Bytes>) -> HeaderMap {
        let mut headers = answer.headers().clone();
        let texts = self.exchange_of(record).into_iter().flat_map(|exchange| &exchange.response.headers);
        for (name, text) in texts {
            if let HeaderText::Holes(template) = text
                && self.is_randomized(template)
            {
                blank(headers.get_mut(name), template);
            }
        }
        headers
    }

    fn exchange_of(&self, record: &Record) -> Option<&Exchange> {
        self.exchanges.get(record.exchange?)
    }
}

fn blank(value: Option<&mut HeaderValue>, template: &Template) {
    if let (Some(value), Ok(written)) = (value, HeaderValue::from_str(&template.written())) {
        *value = written;
    }
}

impl Player {
    /// The requests as sent, byte for byte but for randomized signatures, for comparing runs: method, URL, headers, body.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        let bytes = |record: &Record| {
            let request = &record.request;
            let mut bytes = format!("{} {}\n", request.method(), request.uri()).into_bytes();
            for (name, value) in &self.tape.stable_headers(record) {
                bytes.extend_from_slice(name.as_str().as_bytes());
                bytes.extend_from_slice(b": ");
                bytes.extend_from_slice(value.as_bytes());
                bytes.push(b'\n');
            }
            bytes.push(b'\n');
            bytes.extend_from_slice(&self.tape.stable_body(record));
            bytes
        };
        self.transcript.iter().map(bytes).collect()
    }

    /// An answer whose body was changed, signed anew where the provider signs it: what it would be from the provider itself.
    pub fn resigned(&self, record: &Record, mut answer: Response<Bytes>) -> Response<Bytes> {
        if let Some(exchange) = record.exchange.and_then(|index| self.tape.exchanges.get(index)) {
            // One that cannot be signed stays as it is, and is refused.
            let scope = Scope { asked: Some(record.request.body()), ..self.scope(exchange.step) };
            let _ = answer::sign(&exchange.response, &scope, &mut answer);
        }
        answer
    }
}
