//! `quittance soak`: very many payments through the client over a failing line, compared with the provider's books.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::number::{number, seed};
use super::{FAIL, say, tell_note};
use crate::soak::{self, Plan};
use crate::world::Unusable;

/// Put payments through the client over a line that fails, and compare the application's books with the provider's
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  quittance soak --payments 10000\n  quittance soak --payments 1000000 --seed 7 --json\n\n\
                  The provider is simulated; a third of the payments goes to one that answers a key with the first result, a \
                  third to one that refuses a second payment of a reference, a third to one that knows no repetitions. \
                  Exit code 1: money is lost, moved twice, or believed and not moved, or the client did not ask for what it left unknown."
)]
pub(super) struct Soak {
    /// How many payments
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = number::<u64>(1..=u64::MAX))]
    payments: u64,
    /// The seed of everything random
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = seed)]
    seed: u64,
    /// How many of a thousand exchanges go wrong
    #[arg(long, default_value_t = 150, value_name = "N", value_parser = number::<u64>(0..=1000))]
    faults: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// After how many payments progress is told.
const PROGRESS: u64 = 100_000;

impl Soak {
    pub(super) fn run(&self) -> Result<ExitCode, Unusable> {
        let plan = Plan { payments: self.payments, seed: self.seed, fault_permille: self.faults };
        let begun = Instant::now();
        let told = AtomicU64::new(0);
        let progress = |done: u64| {
            if done / PROGRESS > told.fetch_max(done / PROGRESS, Ordering::Relaxed) {
                tell_note(&format!("{done} of {} payments after {} s", self.payments, begun.elapsed().as_secs()));
            }
        };
        let account = soak::run(plan, &soak::client, &progress)
            .map_err(|error| Unusable::Text(format!("the simulated provider cannot be reached: {error}")))?;
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        if self.json {
            let head = json!({ "seed": self.seed, "fault_permille": self.faults, "milliseconds": milliseconds });
            say(&json!({ "run": head, "account": account, "passes": account.passes() }).to_string());
        } else {
            self.print(&account, milliseconds);
        }
        Ok(if account.passes() { ExitCode::SUCCESS } else { ExitCode::from(FAIL) })
    }

    fn print(&self, account: &soak::Account, milliseconds: u64) {
        account.examples.iter().for_each(|example| say(example));
        let faults: u64 = account.faults.values().sum();
        say(&format!(
            "{} payments, {} operations, {} exchanges, {faults} faults (seed {}, {} in a thousand) in {}.{:03} s",
            account.payments,
            account.operations,
            account.exchanges,
            self.seed,
            self.faults,
            milliseconds / 1000,
            milliseconds % 1000,
        ));
        for (fault, count) in &account.faults {
            say(&format!("  {count:>9} {fault}"));
        }
        say(&format!(
            "{} answered, {} failed without effect, {} unknown after the client ({} of them not asked for), {} unresolved",
            account.answered, account.failed, account.unknown, account.unasked, account.unresolved
        ));
        say(&format!("{} lost, {} double, {} made up", account.lost, account.double, account.made_up));
    }
}
