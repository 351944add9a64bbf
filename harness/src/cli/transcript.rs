//! `quittance transcript`: what connectors send on their tapes.

use std::process::ExitCode;

use clap::Args;

use super::number::seed;
use super::say;
use crate::certify::SEED;
use crate::transcript::transcripts;
use crate::world::{Unusable, World};

/// Print every request that connectors send on their tapes, byte for byte but for secrets
#[derive(Debug, Args)]
#[command(after_help = "Each secret stands as digits made of its digest, as many as it has bytes.\n\n\
    Examples:\n  quittance transcript stripe\n  quittance transcript --json > before.ndjson\n\n\
    `quittance blame` compares the transcripts of two revisions.")]
pub(super) struct TranscriptCommand {
    /// The connectors; all when none is named
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Seed of keys, references and everything that the tapes mint
    #[arg(long, value_name = "NUMBER", default_value_t = SEED, value_parser = seed)]
    seed: u64,
    /// Print a JSON object a case
    #[arg(long)]
    json: bool,
}

impl TranscriptCommand {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        let suite = world.suite()?;
        for entry in world.entries(&self.ids)? {
            for transcript in transcripts(&suite, &world.subject(entry)?, self.seed) {
                if self.json {
                    say(&serde_json::json!(transcript).to_string());
                    continue;
                }
                for (index, sent) in transcript.requests.iter().enumerate() {
                    let (connector, case) = (&transcript.connector, &transcript.case);
                    say(&format!("# {connector} {case}, step {}, request {}\n{}\n", sent.step, index + 1, sent.text));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
