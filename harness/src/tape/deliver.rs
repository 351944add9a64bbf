//! Makes deliveries by the provider, valid or spoilt in one way.

use bytes::Bytes;

use super::answer::{Draft, text};
use super::compile::Webhook;
use super::hole::Hole;
use super::json;
use super::player::Delivery;
use super::template::Template;
use super::values::{Headers, Message, Scope, Spoil, Unresolved};

/// Most places at which a body is altered before it is said to be unsigned.
const MAX_ALTERATIONS: usize = 400;

/// A delivery with its proofs: signatures, and secrets in headers.
struct Sealed {
    /// The signatures inside the body.
    inside: Vec<String>,
    /// The headers that prove the origin.
    proofs: Vec<(String, String)>,
    body: String,
}

/// The delivery, spoilt as the scope says.
pub(crate) fn delivery(webhook: &Webhook, scope: &Scope<'_>) -> Result<Delivery, Unresolved> {
    let proven = webhook.body.has_signature() || webhook.headers.iter().any(|(_, template)| is_proof(template));
    if !proven && scope.spoil != Spoil::Not {
        return Err(cannot("it carries neither a signature nor a secret in a header"));
    }
    let honest = Scope { spoil: Spoil::Not, ..*scope };
    let url = webhook.url.as_ref().map(|url| text(url, &honest)).transpose()?;
    let plain = webhook.headers.iter().filter(|(_, template)| !is_proof(template));
    let mut headers =
        plain.map(|(name, value)| Ok((name.clone(), text(value, &honest)?))).collect::<Result<Vec<_>, _>>()?;
    let draft = Draft::new(&webhook.body, webhook.escape, &honest)?;
    if scope.spoil == Spoil::Unsigned {
        return Ok(Delivery { url, headers, body: Bytes::from(draft.unsigned) });
    }
    let sealed = seal(webhook, &draft, &headers, url.as_deref(), scope)?;
    let body = match scope.spoil {
        Spoil::Body => altered(webhook, &draft, &headers, url.as_deref(), scope, &sealed)?,
        _ => sealed.body,
    };
    headers.extend(sealed.proofs);
    Ok(Delivery { url, headers, body: Bytes::from(body) })
}

fn cannot(why: &str) -> Unresolved {
    Unresolved { hole: "a spoilt delivery".to_owned(), why: why.to_owned() }
}

fn is_proof(template: &Template) -> bool {
    template.holes().any(|hole| matches!(hole, Hole::Signature(_) | Hole::Secret(_) | Hole::Basic { .. }))
}

/// Signs the inside of the body first, then what the headers say about the whole.
fn seal(
    webhook: &Webhook,
    draft: &Draft<'_>,
    headers: &[(String, String)],
    url: Option<&str>,
    scope: &Scope<'_>,
) -> Result<Sealed, Unresolved> {
    let (host, path) = url.and_then(|url| url.split_once("://")).map_or(("", ""), |(_, rest)| match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    });
    let method = if url.is_some() { "POST" } else { "" };
    let message = Message { method, host, path, headers: Headers::Made(headers), body: &draft.unsigned };
    let inside = draft.signatures(&Scope { message: Some(message), ..*scope })?;
    let body = draft.sealed(&inside, webhook.escape);
    let whole = Scope { message: Some(Message { body: &body, ..message }), ..*scope };
    let proofs = webhook.headers.iter().filter(|(_, template)| is_proof(template));
    let proofs = proofs.map(|(name, value)| Ok((name.clone(), text(value, &whole)?))).collect::<Result<Vec<_>, _>>()?;
    Ok(Sealed { inside, proofs, body })
}

/// The body with one character changed, under the old proofs: the first digit, else the first letter, that a signature covers.
fn altered(
    webhook: &Webhook,
    draft: &Draft<'_>,
    headers: &[(String, String)],
    url: Option<&str>,
    scope: &Scope<'_>,
    sealed: &Sealed,
) -> Result<String, Unresolved> {
    let is_json = json::read(&draft.unsigned).is_ok();
    let digits = draft.unsigned.char_indices().filter(|(_, letter)| letter.is_ascii_digit());
    let letters = draft.unsigned.char_indices().filter(|(_, letter)| letter.is_ascii_alphabetic());
    for (at, old) in digits.chain(letters).take(MAX_ALTERATIONS) {
        let new = match old {
            '9' => "8",
            '0'..='8' => "9",
            'x' => "y",
            _ => "x",
        };
        let mut unsigned = draft.unsigned.clone();
        unsigned.replace_range(at..=at, new);
        if is_json && json::read(&unsigned).is_err() {
            continue;
        }
        let changed = Draft { unsigned, places: draft.places.clone() };
        let resealed = seal(webhook, &changed, headers, url, scope)?;
        if resealed.inside != sealed.inside || resealed.proofs != sealed.proofs {
            return Ok(changed.sealed(&sealed.inside, webhook.escape));
        }
    }
    Err(cannot("nothing in its body is covered by a signature"))
}
