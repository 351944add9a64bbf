//! What can come instead of a provider's answer, and what must come of it. Each stands in one list only.

use quittance::{Effect, Kind};

use crate::run::stage::{Fault, Spoiling};
use crate::tape::Exchange;

const HTML: &str = "<html><body><h1>Error</h1></body></html>";

/// A fault with the kind that must come of it and, where the cause alone decides it, the effect.
pub(super) struct Trial {
    pub(super) name: &'static str,
    pub(super) fault: Fault,
    pub(super) kinds: &'static [Kind],
    pub(super) effect: Option<Effect>,
}

const fn trial(name: &'static str, fault: Fault, kinds: &'static [Kind], effect: Option<Effect>) -> Trial {
    Trial { name, fault, kinds, effect }
}

const UNKNOWN: Option<Effect> = Some(Effect::Unknown);
/// None, unless an earlier exchange of the operation may have acted.
pub(super) const NONE_IF_FIRST: Option<Effect> = Some(Effect::None);

const UNREADABLE: &[Kind] = &[Kind::Protocol];
const FORGED: &[Kind] = &[Kind::Protocol, Kind::Signature, Kind::Integrity];
const DOWN: &[Kind] = &[Kind::Unavailable];
const WRONG: &[Kind] = &[Kind::Invalid];
const NO_ENTRY: &[Kind] = &[Kind::Credentials];
const BROKEN: &[Kind] = &[Kind::Network];

const fn html(status: u16) -> Fault {
    Fault::Answer(status, "text/html", HTML)
}

const fn empty(status: u16) -> Fault {
    Fault::Answer(status, "", "")
}

const fn json(status: u16, body: &'static str) -> Fault {
    Fault::Answer(status, "application/json", body)
}

const fn text(status: u16, body: &'static str) -> Fault {
    Fault::Answer(status, "text/plain", body)
}

/// What happens on the way, and what stands in front of the provider's application.
pub(super) const FAULTS: &[Trial] = &[
    trial("refused", Fault::Refused, BROKEN, NONE_IF_FIRST),
    trial("reset", Fault::Reset, BROKEN, UNKNOWN),
    trial("cut", Fault::Cut, BROKEN, UNKNOWN),
    trial("timeout", Fault::TimedOut, BROKEN, UNKNOWN),
    trial("slow body", Fault::Slow, BROKEN, UNKNOWN),
    trial("307 html", html(307), UNREADABLE, UNKNOWN),
    trial("400 html", html(400), WRONG, NONE_IF_FIRST),
    trial("401 html", html(401), NO_ENTRY, NONE_IF_FIRST),
    trial("403 html", html(403), NO_ENTRY, NONE_IF_FIRST),
    trial("403 empty", empty(403), NO_ENTRY, NONE_IF_FIRST),
    trial("404 empty", empty(404), &[Kind::NotFound], NONE_IF_FIRST),
    trial("409 html", html(409), &[Kind::Conflict], NONE_IF_FIRST),
    trial("409 empty", empty(409), &[Kind::Conflict], NONE_IF_FIRST),
    trial("422 html", html(422), WRONG, NONE_IF_FIRST),
    trial("422 empty", empty(422), WRONG, NONE_IF_FIRST),
    trial("429 html", html(429), &[Kind::RateLimited], NONE_IF_FIRST),
    trial("429 empty", empty(429), &[Kind::RateLimited], NONE_IF_FIRST),
    trial("500 html", html(500), DOWN, UNKNOWN),
    trial("502 empty", empty(502), DOWN, UNKNOWN),
    trial("503 html", Fault::OUTAGE, DOWN, UNKNOWN),
    trial("503 empty", empty(503), DOWN, UNKNOWN),
    trial("504 empty", empty(504), DOWN, UNKNOWN),
];

/// Whole answers that say nothing: seventeen that gateways, balancers and providers under load are known to give.
pub(super) const ANSWERS: &[Trial] = &[
    trial("200 empty", empty(200), UNREADABLE, UNKNOWN),
    trial("200 {}", json(200, "{}"), UNREADABLE, UNKNOWN),
    trial("200 null", json(200, "null"), UNREADABLE, UNKNOWN),
    trial("200 []", json(200, "[]"), UNREADABLE, UNKNOWN),
    trial("200 html", Fault::HTML_200, UNREADABLE, UNKNOWN),
    trial("200 cut json", json(200, "{\"id\":\"quittance\",\"sta"), UNREADABLE, UNKNOWN),
    trial("204 empty", empty(204), UNREADABLE, UNKNOWN),
    trial("302 empty", empty(302), UNREADABLE, UNKNOWN),
    trial("400 {}", json(400, "{}"), WRONG, NONE_IF_FIRST),
    trial("401 empty", empty(401), NO_ENTRY, NONE_IF_FIRST),
    trial("404 html", html(404), &[Kind::NotFound], NONE_IF_FIRST),
    trial("429 text", Fault::RATE_LIMITED, &[Kind::RateLimited], NONE_IF_FIRST),
    trial("500 empty", empty(500), DOWN, UNKNOWN),
    trial("500 {}", json(500, "{}"), DOWN, UNKNOWN),
    trial("502 html", html(502), DOWN, UNKNOWN),
    trial("503 text", text(503, "upstream connect error"), DOWN, UNKNOWN),
    trial("504 html", html(504), DOWN, UNKNOWN),
];

/// The tape's own answer, spoilt.
pub(super) const SPOILT: &[Trial] = &[
    trial("doubled members", Fault::Spoilt(Spoiling::Doubled), UNREADABLE, UNKNOWN),
    trial("5,000 levels deep", Fault::Spoilt(Spoiling::Deep), UNREADABLE, UNKNOWN),
    trial("not UTF-8", Fault::Spoilt(Spoiling::NotUtf8), UNREADABLE, UNKNOWN),
    trial("over the size limit", Fault::Spoilt(Spoiling::TooLong), UNREADABLE, UNKNOWN),
    trial("half a body", Fault::Spoilt(Spoiling::Half), UNREADABLE, UNKNOWN),
    trial("wrong content type", Fault::Typed("text/html"), UNREADABLE, UNKNOWN),
    trial("altered after signing", Fault::Spoilt(Spoiling::Altered), FORGED, UNKNOWN),
];

impl Trial {
    /// Whether an answer can be spoilt so. What nobody signs, anybody can alter.
    pub(super) fn fits(&self, exchange: &Exchange) -> bool {
        let altered = self.fault == Fault::Spoilt(Spoiling::Altered);
        (exchange.answers_structured() || !self.spoils()) && (exchange.signs_answer() || !altered)
    }

    /// Whether the provider's own answer is what is spoilt.
    pub(super) fn spoils(&self) -> bool {
        matches!(self.fault, Fault::Spoilt(_) | Fault::Typed(_))
    }

    /// Whether a connector that does not read what is spoilt may end as without it: doubled members, and a media type of which
    /// the body is proof to the contrary.
    pub(super) fn may_be_unread(&self) -> bool {
        matches!(self.fault, Fault::Spoilt(Spoiling::Doubled) | Fault::Typed(_))
    }

    /// Whether the answer says how long to wait.
    pub(super) fn tells_to_wait(&self) -> bool {
        matches!(self.fault, Fault::Answer(429, ..))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all() -> impl Iterator<Item = &'static Trial> {
        [FAULTS, ANSWERS, SPOILT].into_iter().flatten()
    }

    #[test]
    fn each_stands_in_one_list_only() {
        let names: BTreeSet<&str> = all().map(|trial| trial.name).collect();
        assert_eq!(names.len(), FAULTS.len() + ANSWERS.len() + SPOILT.len());
        let faults: Vec<&Fault> = all().map(|trial| &trial.fault).collect();
        assert!(faults.iter().enumerate().all(|(at, fault)| faults.iter().skip(at + 1).all(|other| other != fault)));
        assert_eq!(ANSWERS.len(), 17);
    }

    #[test]
    fn each_status_comes_with_a_page_and_with_nothing() {
        for status in [401, 403, 404, 409, 422, 429, 500, 502, 503, 504] {
            let with = |wanted: bool| {
                all().any(|trial| {
                    matches!(trial.fault, Fault::Answer(found, _, body) if found == status && body.starts_with("<html") == wanted)
                })
            };
            assert!(with(true) && with(false), "{status}");
        }
    }
}
