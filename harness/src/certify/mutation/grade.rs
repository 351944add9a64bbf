//! The judgement of one mutant.
//!
//! What is asked is whether the changed answer still supports the result: a final state needs a status value that stands in the
//! answer, an amount and an object those that were asked for. Nothing here knows a connector.

use quittance::{Effect, Error, Op};
use serde_json::Value as Json;

use super::body::{Change, Spot, Value};
use super::mutants::{Aim, Mutant};
use super::site::{AMOUNTS, Roles, Site, is_bad, is_good, is_of_merchant, is_open, kind, state};
use crate::profile::StatusRow;
use crate::tape::speaks_of_money;
use crate::view::Outcome;

/// What a mutant's result is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Grade {
    /// As without the change, which matters to nothing; or what the changed answer rightly means.
    Correct,
    /// An error that does not deny what may have happened, or a state that claims nothing.
    Safe,
    /// The answer does not support it: what was expected, and what was found.
    Unsafe(String, String),
}

/// One answer with everything that its mutants are judged by.
pub(super) struct Judge<'s> {
    pub(super) site: &'s Site<'s>,
    pub(super) roles: &'s Roles,
    pub(super) published: &'s [StatusRow],
    /// The result without a change, as JSON.
    pub(super) whole: Json,
}

impl Judge<'_> {
    /// Whether the result differs from the one without a change.
    pub(super) fn noticed(&self, result: Option<&Result<Outcome, Error>>) -> bool {
        result.is_none_or(|result| crate::view::result_json(result) != self.whole)
    }

    pub(super) fn grade(&self, mutant: &Mutant, result: Option<&Result<Outcome, Error>>) -> Grade {
        let outcome = match result {
            None => return Grade::Unsafe("a result".to_owned(), "a panic".to_owned()),
            Some(Err(error)) => return self.error(mutant, error),
            Some(Ok(outcome)) => outcome,
        };
        let json = outcome.to_json();
        let wrong = self
            .state(mutant, outcome)
            .or_else(|| self.amounts(mutant, outcome, &json))
            .or_else(|| self.object(mutant, outcome));
        match wrong {
            Some((expected, found)) => Grade::Unsafe(expected, found),
            None if json == self.whole || !is_open(state(outcome)) => Grade::Correct,
            None => Grade::Safe,
        }
    }

    /// An error that says "nothing happened" where the provider had done it would be repeated by the caller.
    fn error(&self, mutant: &Mutant, error: &Error) -> Grade {
        if self.site.whole.as_ref().err() == Some(error) {
            return Grade::Correct;
        }
        let means_something = matches!(mutant.aim, Aim::Flip | Aim::Status(_) | Aim::Literals(_));
        let done = self.site.decides && self.site.whole.as_ref().is_ok_and(|whole| !is_bad(state(whole), self.site.op));
        match error.effect() == Effect::None && done && !means_something {
            true => {
                let expected = "effect unknown, as the provider may have acted".to_owned();
                Grade::Unsafe(expected, format!("{} with effect none: {error}", error.kind().as_str()))
            }
            false => Grade::Safe,
        }
    }

    /// What is wrong with the state.
    fn state(&self, mutant: &Mutant, outcome: &Outcome) -> Option<(String, String)> {
        let (now, op) = (state(outcome), self.site.op);
        let claims = |expected: &str| Some((expected.to_owned(), told(outcome)));
        if is_open(now) {
            return self
                .is_reopened(mutant, now)
                .then(|| claims("the refusal, or an error, as the answer refuses"))
                .flatten();
        }
        match &mutant.aim {
            Aim::Cut => return claims("an error, or no final state"),
            _ if !self.site.is_last => return None,
            // A customer's step has members of its own beside the status, and a provider may have one word for it and for more.
            Aim::Status(becomes) if is_good(now, op) && !is_good(becomes, op) && becomes != "action_required" => {
                return claims(&format!("{becomes}, as the profile lists this status, or nothing final"));
            }
            Aim::Literals(theirs) if is_good(now, op) && is_bad(theirs, op) => {
                return claims(&format!("{theirs}, as where the tapes hold these values, or nothing final"));
            }
            Aim::Status(_) | Aim::Literals(_) | Aim::Flip => return None,
            _ => {}
        }
        let refused = self.site.whole.as_ref().err().is_some_and(|error| error.effect() == Effect::None);
        let is_same = self.site.whole.as_ref().is_ok_and(|whole| state(whole) == now);
        let came = (200..300).contains(&self.site.status);
        if is_bad(now, op) && (refused || is_same && !came) {
            return None;
        }
        let spots = self.site.body.spots();
        let gone = |number: &usize| mutant.touches(&spots, *number);
        if is_same {
            let unsupported = !self.roles.support.is_empty() && self.roles.support.iter().all(gone);
            return if unsupported && !self.is_silent(mutant, now) {
                claims("nothing final, as no status says it any more")
            } else {
                None
            };
        }
        let says = |number: &usize| !gone(number) && self.lists(*number, now, outcome);
        let supported = came && (self.roles.status.iter().any(says) || self.is_silent(mutant, now));
        if supported { None } else { claims(&unsupported(&mutant.at, self.site.whole.as_ref().err())) }
    }

    /// Whether a refusal that the HTTP status tells (4xx) became an open state only because a member means nothing any more: the caller
    /// would wait for what never comes.
    fn is_reopened(&self, mutant: &Mutant, now: &str) -> bool {
        let Site { status, is_last, whole, op, .. } = self.site;
        let refused = (400..500).contains(status) && whole.as_ref().is_ok_and(|whole| is_bad(state(whole), *op));
        let is_garbage = !matches!(mutant.aim, Aim::Status(_) | Aim::Literals(_) | Aim::Flip | Aim::Cut);
        refused && *is_last && is_garbage && matches!(now, "pending" | "action_required")
    }

    /// Whether the tapes hold answers without a listed status that end in this state, and the mutant has none either.
    fn is_silent(&self, mutant: &Mutant, now: &str) -> bool {
        let holds_another = |number: &usize| {
            matches!(mutant.changes.get(number), Some(Change::With(value)) if *value != Value::Null)
                || matches!(mutant.changes.get(number), Some(Change::Twice(..)))
        };
        self.roles.is_published && self.roles.silent.contains(&now) && !self.roles.status.iter().any(holds_another)
    }

    /// Whether the profile lists the value of a spot for a state.
    fn lists(&self, number: usize, now: &str, outcome: &Outcome) -> bool {
        let of = kind(outcome);
        let spots = self.site.body.spots();
        let text = spots.iter().find(|spot| spot.number == number).and_then(|spot| spot.value.scalar());
        let row = |row: &&StatusRow| Some(row.of) == of && Some(row.value.as_str()) == text.as_deref();
        self.published.iter().filter(row).any(|row| row.becomes == now)
    }

    /// What is wrong with the amounts of a result that claims something.
    fn amounts(&self, mutant: &Mutant, outcome: &Outcome, json: &Json) -> Option<(String, String)> {
        if is_bad(state(outcome), self.site.op) || state(outcome) == "unrecognised" {
            return None;
        }
        let shown =
            |json: &Json, name: &str| Some((json.get(name)?.get("minor")?.as_i64()?, json[name]["currency"].clone()));
        let asked = self.site.amount().map(|money| money.minor());
        // Of a payment that is found with what followed on it, another amount may be the one that the body tells: not of one that is answered
        // to what was asked.
        let followed = |gone: i64| {
            self.site.op.reads()
                && AMOUNTS.iter().any(|name| match (shown(&self.whole, name), shown(json, name)) {
                    (Some((before, _)), Some((now, _))) => before == gone && now != gone,
                    _ => false,
                })
        };
        for name in AMOUNTS {
            let (before, now) = (shown(&self.whole, name), shown(json, name));
            let found = || (told(outcome), format!("{name} {:?}", now.as_ref().map(|(minor, _)| minor)));
            let wrong = |expected: &str| {
                let (outcome, shown) = found();
                Some((expected.to_owned(), format!("{outcome}, {shown}")))
            };
            if now.as_ref().is_some_and(|(minor, _)| *minor < 0) {
                return wrong("no amount below zero");
            }
            let Some((minor, currency)) = before else { continue };
            // Of a capture, the payment's amount and a sum over several captures may be more than what was asked for.
            let is_told = match (name, self.site.op) {
                ("refunded", _) | ("amount", Op::Capture) => false,
                ("captured", Op::Capture) => self.whole.get("captured_now").is_none(),
                _ => true,
            };
            let was_asked = is_told && asked == Some(minor);
            match (&mutant.aim, &now) {
                (Aim::Amount(gone), _) if *gone == minor && was_asked => {
                    return wrong("an integrity or protocol error, as the answer names another amount");
                }
                _ if !self.site.is_last => {}
                (Aim::Amount(gone), Some((shown, _))) if *gone == minor && *shown == minor && !followed(*gone) => {
                    return wrong("the amount of the answer, or none");
                }
                (Aim::Currency, _) if was_asked => {
                    return wrong("an integrity or protocol error, as the answer names another currency");
                }
                (Aim::Currency, Some((_, shown))) if *shown == currency => {
                    return wrong("the currency of the answer, or no amount");
                }
                (_, Some(shown)) if was_asked && *shown != (minor, currency) => {
                    return wrong("the amount that was asked for, or an error");
                }
                _ => {}
            }
        }
        None
    }

    /// What is wrong with the object that a result speaks of.
    fn object(&self, mutant: &Mutant, outcome: &Outcome) -> Option<(String, String)> {
        if is_bad(state(outcome), self.site.op) || state(outcome) == "unrecognised" {
            return None;
        }
        let claims = |expected: &str| Some((expected.to_owned(), told(outcome)));
        match mutant.aim {
            _ if !self.site.is_last => {}
            Aim::Object => return claims("an error, as the answer speaks of another object"),
            Aim::Reference if self.whole.get("reference").is_some() => {
                return claims("an error, as the answer carries another reference");
            }
            _ => {}
        }
        let (Some(before), Some(now)) = (self.site.own_id(), outcome.id()) else { return None };
        let spots = self.site.body.spots();
        let holds = |text: Option<std::borrow::Cow<'_, str>>| text.is_some_and(|text| text.contains(&before));
        let of_answer = spots.iter().any(|spot| holds(spot.value.scalar()));
        let is_touched = |spot: &&Spot<'_>| mutant.touches(&spots, spot.number);
        let touched = spots.iter().filter(is_touched).any(|spot| holds(spot.value.scalar()));
        if before != now && of_answer && !touched {
            return Some((format!("the id {before}, which stands in the answer"), told(outcome)));
        }
        let creates = matches!(self.site.op, Op::Authorize | Op::Refund | Op::PayOut | Op::SetUp);
        let lost = creates && is_good(state(outcome), self.site.op) && of_answer && before != now;
        let kept = mutant.bytes.windows(now.len().max(1)).any(|bytes| bytes == now.as_bytes());
        // What is charged later by the id of something else is a card that nobody stored.
        let stood = self.site.bytes.windows(now.len().max(1)).any(|bytes| bytes == now.as_bytes());
        if lost && stood && self.site.op == Op::SetUp {
            return claims("no stored method under the id of something else");
        }
        let anonymous = lost && (!kept || is_of_merchant(self.site, &quittance::Handle::new(&now)));
        if anonymous { claims("no success without the provider's id") } else { None }
    }
}

/// What is expected of a result that no status of the answer supports, after a change at this path: of an answer that is refused without
/// the change, that what it was refused by is asked for.
fn unsupported(at: &str, refused: Option<&Error>) -> String {
    let name = at.rsplit(['.', '/']).next().unwrap_or(at);
    match refused {
        Some(error) => {
            let what = if speaks_of_money(name) { "amount" } else { "member" };
            let kind = error.kind().as_str();
            format!(
                "an error, as a required {what} is gone: with it the answer is refused ({kind}), so read it as required"
            )
        }
        None => "nothing final, as no status of the answer says that".to_owned(),
    }
}

impl Mutant {
    /// Whether a change stands at this spot, or around it.
    fn touches(&self, spots: &[Spot<'_>], number: usize) -> bool {
        let end = |at: usize| spots.iter().find(|spot| spot.number == at).map_or(at, |spot| spot.end);
        self.changes.keys().any(|at| *at <= number && number < end(*at))
    }
}

/// A result in a few words.
pub(super) fn told(outcome: &Outcome) -> String {
    let id = outcome.id().map(|id| format!(" of {id}")).unwrap_or_default();
    match state(outcome) {
        "" => "an answer".to_owned(),
        state => format!("{state}{id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_and_was_needed_is_named() {
        let refused = Error::protocol("the amount of the answer is another");
        let told = unsupported("$.data.amount", Some(&refused));
        assert_eq!(
            told,
            "an error, as a required amount is gone: with it the answer is refused (protocol), so read it as required"
        );
        assert!(unsupported("/a/code", Some(&refused)).starts_with("an error, as a required member is gone"));
        assert_eq!(unsupported("$.status", None), "nothing final, as no status of the answer says that");
    }
}
