//! The way to the provider, on which exchanges go wrong at random.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use quittance::{Failure, drive};

use super::provider::{Provider, Repetition, TOKENS};

/// Numbers that follow from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number from 0 to `sides` - 1.
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides.max(1)
    }
}

/// What goes wrong with an exchange.
const FAULTS: [&str; 11] = [
    "refused",
    "reset before acting",
    "reset after acting",
    "timed out before acting",
    "timed out after acting",
    "cut in the body",
    "502 before acting",
    "503 after acting",
    "html 200 after acting",
    "429",
    "delivered twice",
];

/// What a call came to that ended without an answer to what it asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The provider was not asked what it did.
    Nothing,
    /// It was asked, and the exchange went wrong.
    InVain,
    /// It was asked and answered.
    Answered,
}

/// The line to one provider.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) provider: Provider,
    dice: Dice,
    fault_permille: u64,
    /// Whether exchanges go wrong now.
    pub(super) faulty: bool,
    pub(super) exchanges: u64,
    pub(super) faults: BTreeMap<&'static str, u64>,
    /// What the last exchange was.
    pub(super) asked: Asked,
}

impl Line {
    pub(super) fn new(provider: Provider, seed: u64, fault_permille: u64) -> Line {
        let (exchanges, faults, asked) = (0, BTreeMap::new(), Asked::Nothing);
        Line { provider, dice: Dice::new(seed), fault_permille, faulty: true, exchanges, faults, asked }
    }

    /// Carries one exchange, or what becomes of it.
    pub(super) fn exchange(&mut self, request: &Request<Bytes>) -> drive::Answer {
        self.exchanges += 1;
        let struck = self.faulty && self.dice.roll(1000) < self.fault_permille;
        let fault = struck.then(|| self.dice.roll(FAULTS.len() as u64) as usize).and_then(|index| FAULTS.get(index));
        // A token that has run out is renewed before a look-up.
        let looks = request.method() == Method::GET || request.uri().path() == TOKENS;
        self.asked = match (looks, fault) {
            (false, _) => Asked::Nothing,
            (true, None) => Asked::Answered,
            (true, Some(_)) => Asked::InVain,
        };
        let Some(&fault) = fault else { return Ok(self.provider.answer(request)) };
        // A provider that does what it is asked as often as it is asked cannot be protected from its own line.
        if fault == "delivered twice" && self.provider.repetition() != Repetition::Replays {
            return Ok(self.provider.answer(request));
        }
        *self.faults.entry(fault).or_default() += 1;
        if fault.ends_with("after acting") || matches!(fault, "cut in the body" | "delivered twice") {
            let answered = self.provider.answer(request);
            if fault == "delivered twice" {
                self.provider.answer(request);
                return Ok(answered);
            }
        }
        match fault {
            "refused" => Err(Failure::Refused("connection refused".to_owned())),
            "reset before acting" | "reset after acting" => Err(Failure::Reset),
            "timed out before acting" | "timed out after acting" => Err(Failure::TimedOut),
            "cut in the body" => Err(Failure::Cut),
            "502 before acting" => Ok(page(StatusCode::BAD_GATEWAY)),
            "503 after acting" => Ok(page(StatusCode::SERVICE_UNAVAILABLE)),
            "html 200 after acting" => Ok(page(StatusCode::OK)),
            _ => {
                let mut limited = page(StatusCode::TOO_MANY_REQUESTS);
                let wait = if self.dice.roll(2) == 0 { "1" } else { "60" };
                limited.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static(wait));
                Ok(limited)
            }
        }
    }
}

fn page(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(b"<html><body>gateway</body></html>"));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}
