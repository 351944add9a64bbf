//! A case played up to one step, from where that step is played again and again, each time with another fault.

use std::panic::{AssertUnwindSafe, catch_unwind};

use quittance::{Context, Error, MemoryTokens, drive};

use super::{Bench, Case, Play};
use crate::invoke::Request;
use crate::run::stage::{SeededRandom, Stage, Strike, VirtualClock};
use crate::tape::{Player, Record};
use crate::view::Outcome;

/// A step that is about to be played, in memory; holds test cards and dummy secrets in the clear.
pub struct Rehearsal<'a> {
    bench: Bench<'a>,
    request: Request,
    step: u32,
    player: Player,
    clock: VirtualClock,
    random: SeededRandom,
    tokens: MemoryTokens,
}

/// What one play of the step came to.
#[derive(Debug)]
pub struct Rehearsed {
    /// The result of the operation; `None` when it panicked.
    pub result: Option<Result<Outcome, Error>>,
    /// The exchanges of the step, as they were: not for a log or a report.
    pub records: Vec<Record>,
}

impl std::fmt::Debug for Rehearsal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rehearsal").field("op", &self.request.op()).field("step", &self.step).finish_non_exhaustive()
    }
}

impl<'a> Rehearsal<'a> {
    /// Plays the case up to before `step`, from 1.
    ///
    /// # Errors
    /// What does not hold in an earlier step, or why the step calls nothing.
    pub fn new(bench: Bench<'a>, case: &'a Case, step: u32) -> Result<Rehearsal<'a>, String> {
        let mut play = Play::new(Bench { wire: None, ..bench }, case);
        for (number, (planned, expect)) in (1..=step).zip(&case.steps) {
            if number == step {
                let (request, _) = play.request(number, planned)?;
                let player = play.stage.with(|player| player.clone());
                let Play { bench, clock, random, tokens, .. } = play;
                return Ok(Rehearsal { bench, request, step, player, clock, random, tokens });
            }
            if !play.step(number, planned, expect) {
                return Err(play
                    .findings
                    .first()
                    .map_or_else(|| "an earlier step does not pass".to_owned(), ToString::to_string));
            }
        }
        Err(format!("the case has no step {step}"))
    }

    /// Plays the step with a fault, or as it is.
    pub fn play(&self, strike: Option<Strike>) -> Rehearsed {
        let before = self.player.transcript().len();
        let stage = Stage::new(self.player.clone(), strike);
        stage.begin(self.step);
        let (random, tokens) = (self.random.clone(), self.tokens.clone());
        let slot = drive::Wire::default();
        let cx = Context::new(&slot, &self.clock, &random, &tokens);
        let run = || drive::drive(&slot, self.request.call(self.bench.connector, &cx), |sent| stage.exchange(&sent));
        // Nothing that the closure may leave half done is looked at after a panic.
        let result = catch_unwind(AssertUnwindSafe(run)).ok();
        let records = stage.with(|player| player.transcript().get(before..).unwrap_or_default().to_vec());
        Rehearsed { result, records }
    }
}
