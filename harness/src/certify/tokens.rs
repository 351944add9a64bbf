//! Access tokens: one whose life is over is fetched anew.

use std::collections::BTreeSet;

use http::HeaderMap;
use serde_json::Value;

use super::again::{Answered, Scene, as_it_was, scenes};
use super::ground::{Ground, Tried, finding};
use crate::invoke::Request;
use crate::run::case::Finding;

/// Each operation that fetched a token is asked again with it, once when the life that the provider gave it has just run out.
pub(super) fn tokens(ground: &Ground<'_>) -> Tried {
    let mut tried = Tried::default();
    let mut asked_before = BTreeSet::new();
    for scene in scenes(ground) {
        let (Some((fetch, lifetime)), Some(asked)) = (fetch_of(&scene), scene.asked) else { continue };
        if !asked_before.insert(asked.op) {
            continue;
        }
        let Ok(request) = Request::read(asked.op, &asked.input) else { continue };
        let tokens = scene.tokens();
        let fetches = |answered: Answered| answered.sent.iter().any(|(record, _)| *record == Some(fetch));
        let at = |seconds: i64| scene.ask_at(scene.now_unix.saturating_add(seconds), &tokens, &request, &as_it_was);
        tried.trials += 1;
        if fetches(at(0)) && !fetches(at(lifetime)) {
            let what = format!("{} {} after {lifetime} s", scene.case.id, asked.op);
            let found = finding(what, "a new access token", "the old one, whose life is over");
            tried.findings.push(Finding { step: scene.step, ..found });
        }
    }
    tried
}

/// The exchange of the step that fetched a token, and the life of the token in seconds (RFC 6749 section 5.1); or one that fetched keys or
/// the like, with the life that the answer's headers state (RFC 9111 section 4.2).
fn fetch_of(scene: &Scene<'_>) -> Option<(usize, i64)> {
    scene.records.iter().enumerate().filter(|(_, record)| record.step == scene.step).find_map(|(index, record)| {
        let answer = record.answer.as_ref()?;
        if let Some(life) = max_age(answer.headers()) {
            return Some((index, life));
        }
        let answer: Value = serde_json::from_slice(answer.body()).ok()?;
        answer.get("access_token")?;
        Some((index, answer.get("expires_in")?.as_i64()?))
    })
}

/// What is left of `max-age`, in seconds.
fn max_age(headers: &HeaderMap) -> Option<i64> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let mut directives = text("cache-control")?.split(',');
    let whole: i64 = directives.find_map(|directive| directive.trim().strip_prefix("max-age="))?.parse().ok()?;
    let age = text("age").and_then(|age| age.trim().parse().ok()).unwrap_or(0);
    Some(whole - age)
}
