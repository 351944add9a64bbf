//! A case played step by step, with its caller cut off where one wants, and the same call made again.

use std::sync::Arc;

use quittance::{Error, Failure, drive};

use super::case::{Bench, Case, Finding, Opened, Play, Played};
use super::judge::Ended;
use super::objects::Wanted;
use super::stage::{Around, Fault};
use crate::invoke::Request;
use crate::scenario::StepOp;
use crate::tape::Player;
use crate::view::Outcome;

/// Where the caller of an operation is cut off from the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// The process ends with the request made and not sent.
    BeforeSend,
    /// The process ends after the request was sent.
    AfterSend,
    /// The process ends with the whole answer at hand, before anybody kept it.
    AfterBody,
    /// The connection breaks before the answer.
    Reset,
    /// The answer breaks off in its body.
    MidBody,
    /// Something in front of the provider answers 503, though the provider has the request.
    Outage,
}

impl Point {
    /// The point in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Point::BeforeSend => "dead before sending",
            Point::AfterSend => "dead after sending",
            Point::AfterBody => "dead after the answer",
            Point::Reset => "reset after sending",
            Point::MidBody => "cut in the body",
            Point::Outage => "503 after sending",
        }
    }

    /// Whether the caller's process ends there, with all that it had in memory.
    pub const fn is_death(self) -> bool {
        matches!(self, Point::BeforeSend | Point::AfterSend | Point::AfterBody)
    }

    /// Whether the provider gets the request.
    pub const fn is_received(self) -> bool {
        !matches!(self, Point::BeforeSend)
    }

    fn answer(self) -> drive::Answer {
        match self {
            Point::MidBody => Err(Failure::Cut),
            Point::Outage => Fault::OUTAGE.answer(),
            _ => Err(Failure::Reset),
        }
    }
}

/// What came of a call that was cut off.
#[derive(Debug)]
pub struct Cut {
    /// What the caller was told; none when its process ended.
    pub told: Option<Result<Outcome, Error>>,
    /// How many requests other than GET the same call sent after the one that was struck.
    pub further: usize,
}

/// A case on its way.
pub struct Course<'a> {
    play: Play<'a>,
    case: &'a Case,
    /// The steps that were begun.
    begun: usize,
    open: Option<Opened>,
    last: Option<Arc<Request>>,
}

impl std::fmt::Debug for Course<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Course({} after {} steps)", self.case.id, self.begun)
    }
}

impl<'a> Course<'a> {
    /// A case before its first step, with a provider that remembers: see [`Player::remember`]. The bench has no wire.
    pub fn new(bench: Bench<'a>, case: &'a Case, around: &'a Around, acts: Arc<[bool]>) -> Course<'a> {
        let play = Play::new(bench, case, around);
        play.stage.with(|player| player.remember(acts));
        Course { play, case, begun: 0, open: None, last: None }
    }

    /// Lets several courses share one token cache: see [`Player::share_tokens`].
    pub fn share_tokens(&self, seed: u64) {
        self.play.stage.with(|player| player.share_tokens(seed));
    }

    /// The case.
    pub fn case(&self) -> &'a Case {
        self.case
    }

    /// How many steps were begun.
    pub fn begun(&self) -> usize {
        self.begun
    }

    /// Whether all steps are done, or one did not pass.
    pub fn is_over(&self) -> bool {
        self.begun >= self.case.steps.len() || !self.play.findings.is_empty()
    }

    /// Whether a call was cut off and not made again.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// How many exchanges of the tape the caches have spared so far.
    pub fn left_out(&self) -> usize {
        self.play.stage.with(|player| player.left_out())
    }

    /// The endings so far.
    pub fn ended(&self) -> &[Ended] {
        &self.play.ended
    }

    /// Everything so far that does not hold.
    pub fn findings(&self) -> &[Finding] {
        &self.play.findings
    }

    /// Whether the provider has a request of the step that moves something.
    pub fn has_acted(&self) -> bool {
        self.play.stage.with(|player| player.has_acted())
    }

    /// Plays the next step; false when it does not pass or there is none.
    pub fn step(&mut self) -> bool {
        let Some((step, expect)) = self.case.steps.get(self.begun) else { return false };
        self.play.see_clock();
        self.begun += 1;
        if step.op == StepOp::Advance {
            return self.play.step(self.number(), step, expect);
        }
        let Some(opened) = self.play.open(self.number(), step) else { return false };
        self.last = Some(opened.request.clone());
        let result = self.play.call(&opened.request);
        self.play.close(opened, expect, result)
    }

    /// Calls the next step and cuts it off at its exchange `at`, from 0. A call that ends before is like [`Course::step`]; then, and
    /// when there is no request to make, the result is none.
    pub fn cut(&mut self, at: usize, point: Point) -> Option<Cut> {
        let (step, expect) = self.case.steps.get(self.begun)?;
        self.play.see_clock();
        self.begun += 1;
        let opened = self.play.open(self.number(), step)?;
        self.last = Some(opened.request.clone());
        match self.driven(&opened.request, at, point) {
            Driven::Whole(result) => {
                self.play.close(opened, expect, *result);
                None
            }
            Driven::Cut(cut) => {
                self.open = Some(opened);
                self.play.stage.with(Player::begin_again);
                // What a call does after it was cut off is judged by the caller of this, not by the tape.
                self.play.stage.take_mismatches();
                if point.is_death() {
                    self.play.around.tokens.clear();
                }
                Some(*cut)
            }
        }
    }

    fn driven(&self, request: &Request, at: usize, point: Point) -> Driven {
        let slot = drive::Wire::default();
        let cx = self.play.context(&slot);
        let mut call = drive::Exchange::new(&slot, request.call(self.play.bench.connector, &cx));
        let mut step = call.start();
        let (mut sent, mut further) = (0, 0);
        let dead = |further| Driven::Cut(Box::new(Cut { told: None, further }));
        loop {
            let request = match step {
                drive::Step::Done(result) if sent <= at => return Driven::Whole(Box::new(result)),
                drive::Step::Done(result) => return Driven::Cut(Box::new(Cut { told: Some(result), further })),
                drive::Step::Send(request) => request,
            };
            further += usize::from(sent > at && request.method() != http::Method::GET);
            let struck = sent == at;
            sent += 1;
            if struck && point == Point::BeforeSend {
                return dead(further);
            }
            let answer = self.play.stage.exchange(&request);
            step = match (struck, point) {
                (true, Point::AfterSend) => return dead(further),
                (true, Point::AfterBody) => {
                    call.reply(answer);
                    return dead(further);
                }
                (true, point) => call.reply(point.answer()),
                (false, _) => call.reply(answer),
            };
        }
    }

    /// Makes the call that was cut off again, with the same request, and goes on with its step; false when it does not pass.
    pub fn call_again(&mut self) -> bool {
        let Some(opened) = self.open.take() else { return false };
        let index = usize::try_from(opened.number).unwrap_or_default().saturating_sub(1);
        let Some((_, expect)) = self.case.steps.get(index) else { return false };
        self.play.see_clock();
        self.play.stage.with(Player::begin_again);
        let result = self.play.call(&opened.request);
        self.play.close(opened, expect, result)
    }

    /// Leaves the call that was cut off as it is and plays the next step, which looks the object up, by the handle that the error kept
    /// or that was known before. None when there is no handle to look up.
    pub fn look_up(&mut self, cut: &Cut) -> Option<Result<Outcome, Error>> {
        let opened = self.open.take()?;
        let (step, _) = self.case.steps.get(self.begun)?;
        self.play.see_clock();
        let told = cut.told.as_ref().and_then(|told| told.as_ref().err()).and_then(Error::handle);
        self.play.objects.note_struck(opened.number, wanted(&opened.request), told);
        // What the provider did by itself meanwhile is not delivered to the caller: its process was not there.
        let _left_over = self.play.stage.with(Player::end_step);
        self.begun += 1;
        let mut step = step.clone();
        step.of = step.of.or(Some(opened.number).filter(|_| told.is_none() && step.input.contains_key("lookup")));
        self.play.see_clock();
        let found = self.play.open(self.number(), &step)?;
        Some(self.play.call(&found.request))
    }

    /// Makes the last call once more, as a caller who does not know that it was answered.
    pub fn repeat(&mut self) -> Option<Result<Outcome, Error>> {
        let request = self.last.as_ref().filter(|_| self.open.is_none())?;
        self.play.see_clock();
        self.play.begin_anew(self.number());
        self.play.stage.with(Player::begin_again);
        Some(self.play.call(request))
    }

    /// What does not fit the tape since this was asked last, in one line; none when all fits.
    pub fn misfit(&self) -> Option<String> {
        let mismatches = self.play.stage.take_mismatches();
        mismatches.first().map(ToString::to_string)
    }

    /// The whole play. `whole`: everything on the tape must have happened.
    pub fn finish(self, whole: bool) -> Played {
        self.play.finish(!whole)
    }

    fn number(&self) -> u32 {
        u32::try_from(self.begun).unwrap_or(u32::MAX)
    }
}

enum Driven {
    Whole(Box<Result<Outcome, Error>>),
    Cut(Box<Cut>),
}

/// The kind of object that a request makes or changes.
fn wanted(request: &Request) -> Wanted {
    match request {
        Request::Refund(_) => Wanted::Refund,
        Request::PayOut(_) => Wanted::Payout,
        _ => Wanted::Payment,
    }
}
