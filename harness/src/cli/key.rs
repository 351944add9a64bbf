//! `quittance key`: the keys that sign certificates.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::say;
use crate::certificate::key::SigningKey;
use crate::world::Unusable;

/// Make or show a key that signs certificates
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  quittance key new certifier.pem     make a key; prints its public half
  quittance key show certifier.pem    print the public half of a key
  quittance certify --certificates certificates --key certifier.pem

Exit codes: 0 done, 2 the file exists already, cannot be written, or holds no key.")]
pub(super) struct Key {
    #[command(subcommand)]
    action: Action,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make an Ed25519 key in a new file that its owner alone can read
    #[command(after_help = "Examples:\n  quittance key new certifier.pem")]
    New {
        /// The file; it must not exist yet
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the public half of a key: what others trust
    #[command(
        after_help = "Examples:\n  quittance key show certifier.pem\n  quittance key show certifier.pem >> keys.txt"
    )]
    Show {
        /// The file of the private key
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

impl Key {
    pub(super) fn run(&self) -> Result<ExitCode, Unusable> {
        let key = match &self.action {
            Action::New { file } => SigningKey::create(file),
            Action::Show { file } => SigningKey::read(file),
        };
        let public = key.map_err(Unusable::Text)?.public().to_string();
        match self.json {
            true => say(&json!({ "public_key": public }).to_string()),
            false => say(&public),
        }
        Ok(ExitCode::SUCCESS)
    }
}
