//! A case played up to one step, from where that step is played again and again, each time with another fault.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use quittance::{Context, Error, drive};

use super::{Bench, Case, Play};
use crate::invoke::Request;
use crate::run::stage::{Around, Stage, Strike};
use crate::tape::{Player, Record};
use crate::view::Outcome;

/// A step that is about to be played, in memory; holds test cards and dummy secrets in the clear.
pub struct Rehearsal<'a> {
    bench: Bench<'a>,
    request: Arc<Request>,
    step: u32,
    player: Player,
    around: Around,
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
        let bench = Bench { wire: None, ..bench };
        let around = Around::new(bench.seed);
        let mut play = Play::new(bench, case, &around);
        for (number, (planned, expect)) in (1..=step).zip(&case.steps) {
            if number == step {
                let (request, _) = play.request(number, planned)?;
                let player = play.stage.with(|player| player.clone());
                return Ok(Rehearsal { bench, request, step, player, around });
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
        let around = self.around.clone();
        let slot = drive::Wire::default();
        let cx = Context::new(&slot, &around.clock, &around.random, &around.tokens);
        let run = || drive::drive(&slot, self.request.call(self.bench.connector, &cx), |sent| stage.exchange(&sent));
        // Nothing that the closure may leave half done is looked at after a panic.
        let result = catch_unwind(AssertUnwindSafe(run)).ok();
        let records = stage.with(|player| player.transcript().get(before..).unwrap_or_default().to_vec());
        Rehearsed { result, records }
    }
}
