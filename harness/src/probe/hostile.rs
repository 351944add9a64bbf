//! What must be refused whoever sends it: requests that are none, and credentials that nobody has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use quittance::{Failure, LookupKind, Op};
use serde_json::json;

use super::Probe;
use super::checks::bout;
use super::trial::{Bout, Talked, Tried, WHOLE_MINOR, told};
use crate::certify::SEED;
use crate::live::credentials::altered;
use crate::live::remote::Change;
use crate::run::case::{self, Bench, Case, Finding};
use crate::scenario::{Class, Expectation};
use crate::view::Outcome;

/// How long a body is that nobody takes.
const OVERSIZED_BYTES: usize = 8 * 1024 * 1024;

/// A shorter secret may stand in a body by chance.
const SHORTEST_SECRET: usize = 6;

/// A name, the change, and whether the connection may be dropped instead of an answer.
type Hostile = (&'static str, fn(&mut Request<Bytes>), bool);

const HOSTILE: [Hostile; 5] = [
    ("a body that is garbage", garbage, false),
    ("an empty body", |request| *request.body_mut() = Bytes::new(), false),
    ("a body of another media type", other_type, false),
    ("a body of 8 MiB", oversized, true),
    ("a path that the API does not have", other_path, false),
];

/// Requests that are none: each is refused, and the implementation goes on.
pub(super) fn requests(probe: &Probe<'_>) -> Tried {
    let mut tried = Tried::default();
    let spec = probe.live.subject.entry.spec;
    if !spec.has(Op::Authorize) {
        return tried;
    }
    let Some(at) = acting(probe, &mut tried, "a purchase before what is hostile") else { return tried };
    for (name, change, may_drop) in HOSTILE {
        bout(probe, &mut tried, name, |bout| {
            bout.course.change(at, Arc::new(change));
            let taken = bout.authorize(WHOLE_MINOR, false)?;
            bout.course.breaches.clear();
            let Some(sent) = taken.sent.get(at) else { return Ok(()) };
            match &sent.answer {
                Ok(answer) if (400..500).contains(&answer.status().as_u16()) => Ok(()),
                // Braintree and others answer every request that they can read with 200 and their own words.
                Ok(answer)
                    if answer.status().is_success() && taken.outcome().is_none() && is_refusal(&taken.ended.result) =>
                {
                    Ok(())
                }
                Ok(answer) => {
                    let found = format!("status {}; {}", answer.status().as_u16(), told(&taken));
                    Err(bout.fault("a refusal: a status from 400 to 499", found).into())
                }
                Err(Failure::Reset | Failure::Cut) if may_drop => Ok(()),
                Err(failure) => {
                    Err(bout.fault("a refusal: a status from 400 to 499", format!("no answer: {failure:?}")).into())
                }
            }
        });
    }
    unknown_id(probe, &mut tried);
    bout(probe, &mut tried, "a purchase after all that", |bout| bout.purchase(WHOLE_MINOR, false).map(|_| ()));
    tried
}

fn is_refusal(result: &Result<Outcome, quittance::Error>) -> bool {
    result.as_ref().is_err_and(|error| error.effect() == quittance::Effect::None)
}

/// The place of the request that moves money among those of a purchase of that name; none when a purchase cannot be made. Each name has
/// its own reference: a provider may refuse one that it has seen.
fn acting(probe: &Probe<'_>, tried: &mut Tried, name: &str) -> Option<usize> {
    let mut found = None;
    bout(probe, tried, name, |bout| {
        let taken = bout.authorize(WHOLE_MINOR, false)?;
        match taken.outcome() {
            Some(_) => {
                found = taken.sent.iter().rposition(|sent| sent.request.method() != http::Method::GET);
                Ok(())
            }
            None => Err(bout.fault("a purchase", told(&taken)).into()),
        }
    });
    found
}

fn garbage(request: &mut Request<Bytes>) {
    let half = request.body().len() / 2;
    let mut body = request.body().slice(..half).to_vec();
    body.extend_from_slice(b"\xff\xfe}{<&=%zz");
    *request.body_mut() = Bytes::from(body);
}

fn other_type(request: &mut Request<Bytes>) {
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-quittance-probe"));
}

fn oversized(request: &mut Request<Bytes>) {
    *request.body_mut() = Bytes::from(vec![b'A'; OVERSIZED_BYTES]);
}

fn other_path(request: &mut Request<Bytes>) {
    let mut parts = request.uri().clone().into_parts();
    let path = format!("{}/quittance-probe", request.uri().path().trim_end_matches('/'));
    parts.path_and_query = path.parse().ok();
    if let Ok(uri) = http::Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

/// An id that is like a real one and is none.
fn unknown_id(probe: &Probe<'_>, tried: &mut Tried) {
    let spec = probe.live.subject.entry.spec;
    if !spec.has(Op::Retrieve) || !spec.lookups.contains(&LookupKind::Handle) {
        return;
    }
    bout(probe, tried, "a look-up of an id that is none", |bout| {
        let taken = bout.authorize(WHOLE_MINOR, false)?;
        let Some(id) = taken.outcome().and_then(Outcome::id) else {
            return Err(bout.fault("a purchase", told(&taken)).into());
        };
        let handle = quittance::Handle::new(altered(&id)).to_string();
        let taken = bout.course.ask(Op::Retrieve, json!({ "by": { "handle": handle } }), &Expectation::default())?;
        bout.course.breaches.clear();
        match &taken.ended.result {
            Err(error) if error.effect() == quittance::Effect::None => Ok(()),
            _ => Err(bout.fault("an error: there is no such payment", told(&taken)).into()),
        }
    });
}

/// Each secret by which requests are vouched for, changed alone, and no credentials at all.
pub(super) fn credentials(probe: &Probe<'_>) -> Tried {
    let mut tried = Tried::default();
    let Some(case) = plain_case(probe) else { return tried };
    for name in probe.live.account.secret_names() {
        if !is_used(probe, case, Some(&name)) {
            continue;
        }
        let trial = format!("another {name}");
        let Some(stranger) = probe.live.account.stranger(probe.live.subject.entry, Some(&name)) else { continue };
        let mut bout = Bout::of(probe, &*stranger, &trial);
        let talked = refused(&mut bout);
        tried.add(bout, talked);
    }
    let Some(at) = acting(probe, &mut tried, "a purchase before wrong credentials") else { return tried };
    bout(probe, &mut tried, "no credentials", |bout| {
        let secrets = probe.live.account.secrets.clone();
        let stripped = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stripped);
        let change: Change = Arc::new(move |request| told.store(strip(request, &secrets), Ordering::Relaxed));
        bout.course.change(at, change);
        let talked = refused(bout);
        let status =
            bout.course.taken.last().and_then(|taken| Some(taken.sent.get(at)?.answer.as_ref().ok()?.status()));
        match talked {
            // What vouches for the caller stands in no place that could be left out.
            _ if !stripped.load(Ordering::Relaxed) => Ok(()),
            // A connector that was refused may fetch a new token and be let in.
            Err(_) if matches!(status, Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) => Ok(()),
            talked => talked,
        }
    });
    tried
}

fn refused(bout: &mut Bout<'_>) -> Talked {
    let taken = bout.authorize(WHOLE_MINOR, false)?;
    bout.course.breaches.clear();
    match &taken.ended.result {
        Err(error) if error.effect() == quittance::Effect::None => Ok(()),
        _ => Err(bout.fault("an error: the caller is not known", told(&taken)).into()),
    }
}

/// Takes away the headers that authorize or hold a secret, and secrets out of the body; whether there was anything.
fn strip(request: &mut Request<Bytes>, secrets: &[String]) -> bool {
    let holds = |value: &HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        value.is_sensitive() || secrets.iter().any(|secret| text.contains(secret.as_str()))
    };
    let names: Vec<_> =
        request.headers().iter().filter(|(_, value)| holds(value)).map(|(name, _)| name.clone()).collect();
    let mut found = false;
    for name in names.into_iter().chain([header::AUTHORIZATION]) {
        found |= request.headers_mut().remove(name).is_some();
    }
    if let Ok(text) = std::str::from_utf8(request.body()) {
        let held = secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET && text.contains(secret.as_str()));
        let without = held.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), ""));
        if without.len() < text.len() {
            found = true;
            *request.body_mut() = Bytes::from(without);
        }
    }
    found
}

/// Whether an account can be made up that the provider cannot know and that requests depend on.
pub(super) fn has_strangers(probe: &Probe<'_>) -> bool {
    plain_case(probe).is_none_or(|case| is_used(probe, case, None))
}

/// The plain purchase of the suite.
fn plain_case<'p>(probe: &'p Probe<'_>) -> Option<&'p Case> {
    let mut cases = probe.plan.cases().filter(|case| {
        case.strike.is_none() && case.scenario.class == Class::Success && *case.scenario.proves == Op::Authorize
    });
    cases.find(|case| case.scenario.id == "authorize.captured")
}

/// Whether requests depend on a secret, or on any where none is named: the tape sees a difference when it is changed. Asked of the
/// profile's dummies.
fn is_used(probe: &Probe<'_>, case: &Case, name: Option<&str>) -> bool {
    let subject = probe.live.subject;
    let dummies = crate::live::Account::of_profile(subject, None);
    let Some(stranger) = dummies.stranger(subject.entry, name) else { return false };
    let bench = Bench { connector: &*stranger, proven: None, ..Bench::of(subject, SEED) };
    // What the deliveries of the tape are vouched for with is no matter of requests.
    let of_requests = |found: &Finding| !found.what.starts_with("webhook") && !found.what.starts_with("expect.");
    case::play(bench, case).findings.iter().any(of_requests)
}
