//! Makes answers and deliveries from their templates. A signature is filled last, over everything else.

use bytes::Bytes;
use http::Response;
use http::header::HeaderValue;

use super::compile::{AnswerTemplate, BodyText, HeaderText, Return, Webhook};
use super::hole::Hole;
use super::player::Delivery;
use super::template::{Escape, Part, Template, push_escaped, render_hole};
use super::values::{Headers, Message, Scope, Spoil, Unresolved};

/// The answer of an exchange.
pub(crate) fn response(template: &AnswerTemplate, scope: &Scope<'_>) -> Result<Response<Bytes>, Unresolved> {
    let body = match &template.body {
        BodyText::Fixed(bytes) => bytes.clone(),
        BodyText::Holes(template, escape) => Bytes::from(body(template, *escape, scope)?),
    };
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = template.status;
    response.headers_mut().reserve(template.headers.len());
    let mut signed = Vec::new();
    for (name, text) in &template.headers {
        let value = match text {
            HeaderText::Fixed(value) => value.clone(),
            HeaderText::Holes(template) if template.has_signature() => {
                signed.push((name, template));
                continue;
            }
            HeaderText::Holes(template) => header_value(template, scope)?,
        };
        response.headers_mut().insert(name, value);
    }
    for (name, template) in signed {
        let text = std::str::from_utf8(&body).unwrap_or_default();
        let value = header_value(template, &with_message(scope, Headers::Sent(response.headers()), text))?;
        response.headers_mut().insert(name, value);
    }
    *response.body_mut() = body;
    Ok(response)
}

/// A delivery by the provider.
pub(crate) fn delivery(webhook: &Webhook, scope: &Scope<'_>) -> Result<Delivery, Unresolved> {
    let body = body(&webhook.body, webhook.escape, scope)?;
    let mut headers: Vec<(String, String)> = Vec::with_capacity(webhook.headers.len());
    for (name, template) in webhook.headers.iter().filter(|(_, template)| !template.has_signature()) {
        headers.push((name.clone(), text(template, scope)?));
    }
    let signed = webhook.headers.iter().filter(|(_, template)| template.has_signature());
    for (name, template) in signed.filter(|_| scope.spoil != Spoil::Unsigned) {
        let value = text(template, &with_message(scope, Headers::Made(&headers), &body))?;
        headers.push((name.clone(), value));
    }
    Ok(Delivery { headers, body: Bytes::from(body) })
}

/// What the customer comes back with.
pub(crate) fn parameters(returned: &Return, scope: &Scope<'_>) -> Result<Vec<(String, String)>, Unresolved> {
    returned.parameters.iter().map(|(name, value)| Ok((name.clone(), text(value, scope)?))).collect()
}

fn with_message<'a>(scope: &Scope<'a>, headers: Headers<'a>, body: &'a str) -> Scope<'a> {
    Scope { message: Some(Message { method: "", host: "", path: "", headers, body }), ..*scope }
}

fn text(template: &Template, scope: &Scope<'_>) -> Result<String, Unresolved> {
    let mut text = String::new();
    template.render(scope, Escape::None, &mut text)?;
    Ok(text)
}

fn header_value(template: &Template, scope: &Scope<'_>) -> Result<HeaderValue, Unresolved> {
    let text = text(template, scope)?;
    HeaderValue::from_str(&text)
        .map_err(|_| Unresolved { hole: "a header".to_owned(), why: "its value cannot stand in a header".to_owned() })
}

/// A body; a signature inside it is computed over the body without it, then put in its place.
fn body(template: &Template, escape: Escape, scope: &Scope<'_>) -> Result<String, Unresolved> {
    if !template.has_signature() {
        let mut out = String::with_capacity(template.text_length() + 64);
        template.render(scope, escape, &mut out)?;
        return Ok(out);
    }
    let mut unsigned = String::with_capacity(template.text_length() + 64);
    let mut places: Vec<(usize, &Hole)> = Vec::new();
    for part in &template.parts {
        match part {
            Part::Text(text) => unsigned.push_str(text),
            Part::Hole(hole @ Hole::Signature(_)) => places.push((unsigned.len(), hole)),
            Part::Hole(hole) => render_hole(hole, scope, escape, &mut unsigned)?,
        }
    }
    let scope = with_message(scope, Headers::Made(&[]), &unsigned);
    let mut signed = String::with_capacity(unsigned.len() + 128);
    let mut from = 0;
    for (place, hole) in places {
        signed.push_str(unsigned.get(from..place).unwrap_or_default());
        let mut value = String::new();
        scope.resolve(hole, &mut value)?;
        push_escaped(&value, escape, &mut signed);
        from = place;
    }
    signed.push_str(unsigned.get(from..).unwrap_or_default());
    Ok(signed)
}

/// The body with a signed value altered: the one at `pointer`, or the first digit, or the first letter.
pub(crate) fn altered(body: &Bytes, pointer: Option<&str>) -> Bytes {
    let at_pointer = || -> Option<Bytes> {
        let mut json: serde_json::Value = serde_json::from_slice(body).ok()?;
        let value = json.pointer_mut(pointer?)?;
        *value = match value {
            serde_json::Value::String(text) => serde_json::Value::String(format!("{text}0")),
            serde_json::Value::Number(number) => serde_json::json!(number.as_i64()?.checked_add(1)?),
            _ => return None,
        };
        serde_json::to_vec(&json).ok().map(Bytes::from)
    };
    at_pointer().unwrap_or_else(|| {
        let mut bytes = body.to_vec();
        let digit = bytes.iter().position(u8::is_ascii_digit);
        if let Some(byte) =
            digit.or_else(|| bytes.iter().position(u8::is_ascii_alphabetic)).and_then(|at| bytes.get_mut(at))
        {
            *byte = if *byte == b'9' || *byte == b'z' || *byte == b'Z' { *byte - 1 } else { *byte + 1 };
        }
        Bytes::from(bytes)
    })
}
