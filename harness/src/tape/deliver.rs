//! Makes deliveries by the provider, valid or spoilt in one way.

use bytes::Bytes;

use super::answer::{Draft, Edit, closed};
use super::compile::Webhook;
use super::enclosed::close;
use super::hole::Hole;
use super::json;
use super::player::Delivery;
use super::seal;
use super::template::Template;
use super::values::{Headers, Message, Scope, Spoil, Unresolved, write_instant};

/// Most places at which a body is altered before it is said to be unsigned.
const MAX_ALTERATIONS: usize = 400;

/// Places of a body and of a proof at which one character is changed in turn.
const SPREAD: usize = 8;

/// All of a delivery but its proofs.
struct Making<'t> {
    webhook: &'t Webhook,
    /// What stands in the holes of a valid one.
    honest: Scope<'t>,
    url: Option<String>,
    headers: Vec<(String, String)>,
    draft: Draft<'t>,
}

/// The proofs of a delivery: signatures, and secrets in headers.
#[derive(Clone, PartialEq, Eq)]
struct Proofs {
    inside: Vec<String>,
    headers: Vec<(String, String)>,
}

/// The delivery, spoilt as the scope says.
pub(crate) fn delivery(webhook: &Webhook, scope: &Scope<'_>) -> Result<Delivery, Unresolved> {
    remade(webhook, scope, &[])
}

/// The delivery with parts of its body replaced before it is signed, spoilt as the scope says.
pub(crate) fn remade(webhook: &Webhook, scope: &Scope<'_>, edits: &[Edit]) -> Result<Delivery, Unresolved> {
    let proven = webhook.body.has_signature() || webhook.headers.iter().any(|(_, template)| is_proof(template));
    if !proven && scope.spoil != Spoil::Not {
        return Err(cannot("it carries neither a signature nor a secret in a header"));
    }
    let mut making = Making::new(webhook, scope)?;
    making.draft = making.draft.edited(edits);
    match scope.spoil {
        Spoil::Unsigned => {
            let body = Bytes::from(making.whole(&[]));
            Ok(Delivery { url: making.url, headers: making.headers, body })
        }
        Spoil::Body => {
            let altered = making.altered(scope)?;
            Ok(altered.under(&making.proofs(scope)?))
        }
        _ => Ok(making.under(&making.proofs(scope)?)),
    }
}

/// The body of the delivery before it is signed.
pub(crate) fn unsigned(webhook: &Webhook, scope: &Scope<'_>) -> Result<String, Unresolved> {
    Making::new(webhook, scope).map(|making| making.draft.unsigned)
}

/// The valid delivery with one character changed after signing, in turn at places spread over body, headers, url and the proofs
/// themselves; each with the place, and only where a proof covers it.
pub(crate) fn altered(webhook: &Webhook, scope: &Scope<'_>) -> Result<Vec<(String, Delivery)>, Unresolved> {
    let making = Making::new(webhook, scope)?;
    let proofs = making.proofs(scope)?;
    let mut all = making.altered_content(scope, &proofs)?;
    for index in 0..proofs.inside.len() {
        for (at, _) in spread(proofs.inside.get(index).map_or("", String::as_str)) {
            let mut other = proofs.clone();
            other.inside.get_mut(index).into_iter().for_each(|proof| change(proof, at));
            all.push((format!("the signature in the body at {at}"), making.under(&other)));
        }
    }
    let nothing = making.proofs(&Scope { spoil: Spoil::Prefix(0), ..*scope })?;
    for (index, ((name, proof), (_, emptied))) in proofs.headers.iter().zip(&nothing.headers).enumerate() {
        let same = proof.bytes().zip(emptied.bytes()).take_while(|(one, other)| one == other).count();
        let ends = proof.len() - (emptied.len() - same.min(emptied.len()));
        for (at, _) in spread(proof).into_iter().filter(|(at, _)| (same..ends).contains(at)) {
            let mut other = proofs.clone();
            other.headers.get_mut(index).into_iter().for_each(|(_, proof)| change(proof, at));
            all.push((format!("header {name} at {at}"), making.under(&other)));
        }
    }
    Ok(all)
}

/// The delivery with the time in one header moved by some seconds, for each header that states it; its proofs stay as they were.
pub(crate) fn redated(webhook: &Webhook, delivery: &Delivery, now_unix: i64, seconds: i64) -> Vec<Delivery> {
    let mut all = Vec::new();
    for (name, template) in &webhook.headers {
        let mut moved = delivery.clone();
        for hole in template.holes() {
            let Hole::Now { offset_seconds, format } = hole else { continue };
            let (mut old, mut new) = (String::new(), String::new());
            let instant = now_unix.checked_add(*offset_seconds);
            let moved_instant = instant.and_then(|instant| instant.checked_add(seconds));
            let (Some(instant), Some(moved_instant)) = (instant, moved_instant) else { continue };
            let written = write_instant(instant, format, &mut old).zip(write_instant(moved_instant, format, &mut new));
            if written.is_some() {
                let values = moved.headers.iter_mut().filter(|(other, _)| other == name);
                values.for_each(|(_, value)| *value = value.replace(&old, &new));
            }
        }
        all.extend((moved != *delivery).then_some(moved));
    }
    all
}

fn cannot(why: &str) -> Unresolved {
    Unresolved { hole: "a spoilt delivery".to_owned(), why: why.to_owned() }
}

fn is_proof(template: &Template) -> bool {
    template.holes().any(|hole| matches!(hole, Hole::Signature(_) | Hole::Secret(_) | Hole::Basic { .. }))
}

/// Letters and digits of a text, spread evenly; the last is left out, since the end of a base64 text holds bits that stand for nothing.
fn spread(text: &str) -> Vec<(usize, char)> {
    let mut letters: Vec<(usize, char)> =
        text.char_indices().filter(|(_, letter)| letter.is_ascii_alphanumeric()).collect();
    letters.pop();
    let step = letters.len().div_ceil(SPREAD).max(1);
    letters.into_iter().step_by(step).collect()
}

/// Replaces the letter or digit at `at` by another that is a digit of hexadecimal where it was one.
fn change(text: &mut String, at: usize) {
    let new = match text.get(at..=at) {
        Some("9") => "8",
        Some("0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8") => "9",
        Some("a") => "b",
        Some("b" | "c" | "d" | "e" | "f") => "a",
        Some("x") => "y",
        Some(_) => "x",
        None => return,
    };
    text.replace_range(at..=at, new);
}

impl<'t> Making<'t> {
    fn new(webhook: &'t Webhook, scope: &Scope<'t>) -> Result<Self, Unresolved> {
        let honest = Scope { spoil: Spoil::Not, ..*scope };
        let url = webhook.url.as_ref().map(|url| url.text(&honest)).transpose()?;
        let plain = webhook.headers.iter().filter(|(_, template)| !is_proof(template));
        let headers =
            plain.map(|(name, value)| Ok((name.clone(), value.text(&honest)?))).collect::<Result<Vec<_>, _>>()?;
        let draft = Draft::new(&webhook.body, webhook.escape, &honest)?;
        Ok(Making { webhook, honest, url, headers, draft })
    }

    /// The whole body: with its signatures, and its parts sealed. One whose parts cannot be sealed stays in the clear.
    fn whole(&self, inside: &[String]) -> String {
        let body = self.draft.sealed(inside, self.webhook.escape);
        let body = seal::seal(&self.webhook.seals, body.clone(), &self.honest).unwrap_or(body);
        closed(body)
    }

    /// Signs the inside of the body first, then what the headers say about the whole.
    fn proofs(&self, scope: &Scope<'_>) -> Result<Proofs, Unresolved> {
        let url = self.url.as_deref();
        let (host, path) =
            url.and_then(|url| url.split_once("://")).map_or(("", ""), |(_, rest)| match rest.find('/') {
                Some(slash) => rest.split_at(slash),
                None => (rest, "/"),
            });
        let method = if url.is_some() { "POST" } else { "" };
        let headers = Headers::Made(&self.headers);
        let unsigned = close(&self.draft.unsigned);
        let message = Message { method, host, path, headers, body: &unsigned };
        let inside = self.draft.signatures(&Scope { message: Some(message), ..*scope })?;
        let body = self.whole(&inside);
        let whole = Scope { message: Some(Message { body: &body, ..message }), ..*scope };
        let proofs = self.webhook.headers.iter().filter(|(_, template)| is_proof(template));
        let headers =
            proofs.map(|(name, value)| Ok((name.clone(), value.text(&whole)?))).collect::<Result<Vec<_>, _>>()?;
        Ok(Proofs { inside, headers })
    }

    /// The delivery under these proofs.
    fn under(&self, proofs: &Proofs) -> Delivery {
        let headers = self.headers.iter().chain(&proofs.headers).cloned().collect();
        let body = Bytes::from(self.whole(&proofs.inside));
        Delivery { url: self.url.clone(), headers, body }
    }

    /// What the proofs cover.
    fn covered(&self, scope: &Scope<'_>) -> Result<Proofs, Unresolved> {
        self.proofs(&Scope { spoil: Spoil::Fingerprint, ..*scope })
    }

    /// The same with the character of the body at `at` changed; `None` where the body would no longer be JSON.
    fn changed_at(&self, at: usize, is_json: bool) -> Option<Making<'t>> {
        let mut unsigned = self.draft.unsigned.clone();
        change(&mut unsigned, at);
        if is_json && json::read(&unsigned).is_err() {
            return None;
        }
        let mut other = self.same();
        other.draft.unsigned = unsigned;
        Some(other)
    }

    /// One character changed: the first digit, else the first letter, that a signature covers.
    fn altered(&self, scope: &Scope<'_>) -> Result<Making<'t>, Unresolved> {
        let body = &self.draft.unsigned;
        let is_json = json::read(body).is_ok();
        let covered = self.covered(scope)?;
        let digits = body.char_indices().filter(|(_, letter)| letter.is_ascii_digit());
        let letters = body.char_indices().filter(|(_, letter)| letter.is_ascii_alphabetic());
        for (at, _) in digits.chain(letters).take(MAX_ALTERATIONS) {
            let Some(changed) = self.changed_at(at, is_json) else { continue };
            // A change that cannot be signed is no valid delivery of another content.
            if changed.covered(scope)? != covered {
                return Ok(changed);
            }
        }
        Err(cannot("nothing in its body is covered by a signature"))
    }

    fn altered_content(&self, scope: &Scope<'_>, proofs: &Proofs) -> Result<Vec<(String, Delivery)>, Unresolved> {
        let covered = self.covered(scope)?;
        let differs = |other: &Making<'_>| other.covered(scope).is_ok_and(|other| other != covered);
        let mut all = Vec::new();
        if let Ok(first) = self.altered(scope) {
            all.push(("the body".to_owned(), first.under(proofs)));
        }
        let is_json = json::read(&self.draft.unsigned).is_ok();
        for (at, _) in spread(&self.draft.unsigned) {
            let changed = self.changed_at(at, is_json).filter(&differs);
            all.extend(changed.map(|changed| (format!("the body at {at}"), changed.under(proofs))));
        }
        for (index, (name, value)) in self.headers.iter().enumerate() {
            let Some((at, _)) = spread(value).first().copied() else { continue };
            let mut other = self.same();
            other.headers.get_mut(index).into_iter().for_each(|(_, value)| change(value, at));
            if differs(&other) {
                all.push((format!("header {name}"), other.under(proofs)));
            }
        }
        if let Some(at) = self.url.as_deref().and_then(|url| spread(url).last().copied()) {
            let mut other = self.same();
            other.url.iter_mut().for_each(|url| change(url, at.0));
            if differs(&other) {
                all.push(("the url".to_owned(), other.under(proofs)));
            }
        }
        Ok(all)
    }

    fn same(&self) -> Making<'t> {
        let draft = Draft { unsigned: self.draft.unsigned.clone(), places: self.draft.places.clone() };
        Making { draft, url: self.url.clone(), headers: self.headers.clone(), ..*self }
    }
}
