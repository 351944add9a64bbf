//! `quittance corpus`: recorded answers against the connectors' parsers.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{FAIL, say};
use crate::corpus::recording::{self, Age};
use crate::corpus::{self, Account, Counts, Ending, Line};
use crate::words::{are, counted};
use crate::world::{Unusable, World};

/// Feed recorded provider answers to the connectors and compare what they read with what was recorded
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  quittance corpus recordings/\n  quittance corpus recordings/stripe.jsonl --all\n  \
                  quittance corpus recordings/ --connector adyen --json\n\nExit code 1: a connector agrees on less than \
                  97 % of the labelled current answers, or reads a failure as a success. The format is described in \
                  specs/recordings.md."
)]
pub(super) struct Corpus {
    /// A file of recordings, or a folder of such files (*.jsonl)
    path: PathBuf,
    /// Only this connector; may be repeated
    #[arg(long, value_name = "ID")]
    connector: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print every recording, not only those that disagree
    #[arg(long)]
    all: bool,
}

impl Corpus {
    pub(super) fn run(&self, world: &World) -> Result<ExitCode, Unusable> {
        let recordings = recording::load(&self.path)?;
        let suite = world.suite()?;
        let mut accounts = Vec::new();
        for entry in world.entries(&self.connector)? {
            let asked = !self.connector.is_empty();
            let has = recordings.iter().any(|recording| recording.provider == entry.spec.id);
            if !has && asked {
                return Err(Unusable::Text(format!("{} has no recordings of {}", self.path.display(), entry.spec.id)));
            }
            if has {
                accounts.push(corpus::run(world, &suite, &world.subject(entry)?, &recordings));
            }
        }
        let known: Vec<&str> = accounts.iter().map(|account| account.connector.as_str()).collect();
        let without = recordings.iter().filter(|recording| !known.contains(&recording.provider.as_str())).count();
        match self.json {
            true => say(&as_json(&accounts, without).to_string()),
            false => self.print(&accounts, without),
        }
        let passes = accounts.iter().all(Account::passes);
        Ok(if passes { ExitCode::SUCCESS } else { ExitCode::from(FAIL) })
    }

    fn print(&self, accounts: &[Account], without: usize) {
        for account in accounts {
            for line in &account.lines {
                self.print_line(&account.connector, line);
            }
        }
        for account in accounts {
            for ((kind, reason), count) in account.reasons() {
                say(&format!("{}: {kind}: {count:4} {reason}", account.connector));
            }
        }
        let head = ["read", "agree", "disagree", "unsafe", "unlabelled", "disputed", "out of scope"];
        say(&format!(
            "\n{:20} {:12} {:>6} {:>6} {:>9} {:>7} {:>11} {:>9} {:>13} {:>9}",
            "connector", "state", head[0], head[1], head[2], head[3], head[4], head[5], head[6], "agreement"
        ));
        for account in accounts {
            for (state, counts) in account.counts() {
                say(&row(&account.connector, state, &counts));
            }
        }
        if without > 0 {
            let recordings = counted(without, "recording");
            say(&format!("{recordings} {} of providers that were not asked for or have no connector", are(without)));
        }
    }

    fn print_line(&self, connector: &str, line: &Line) {
        let op = line.op.map_or("-", |op| op.as_str());
        let (word, reason) = words(&line.ending);
        if self.all || matches!(line.ending, Ending::Disagrees { .. }) {
            let state = line.state.as_str();
            say(&format!("{word} {connector} {state} {op}: {} ({}){reason}", line.source, line.place));
        }
    }
}

fn words(ending: &Ending) -> (&'static str, String) {
    match ending {
        Ending::Agrees => ("agrees", String::new()),
        Ending::Disagrees { reason, unsafe_success: true } => ("UNSAFE", format!(": {reason}")),
        Ending::Disagrees { reason, .. } => ("disagrees", format!(": {reason}")),
        Ending::Unlabelled => ("unlabelled", String::new()),
        Ending::Disputed { reason } => ("disputed", format!(": {reason}")),
        Ending::OutOfScope { reason } => ("out-of-scope", format!(": {reason}")),
    }
}

fn row(connector: &str, state: Age, counts: &Counts) -> String {
    let share = counts.permille().map_or("-".to_owned(), |share| format!("{}.{} %", share / 10, share % 10));
    format!(
        "{connector:20} {:12} {:>6} {:>6} {:>9} {:>7} {:>11} {:>9} {:>13} {share:>9}",
        state.as_str(),
        counts.read,
        counts.agree,
        counts.disagree,
        counts.unsafe_success,
        counts.unlabelled,
        counts.disputed,
        counts.out_of_scope,
    )
}

fn as_json(accounts: &[Account], without: usize) -> Value {
    let account = |account: &Account| {
        let counts: serde_json::Map<String, Value> =
            account.counts().iter().map(|(state, counts)| (state.as_str().to_owned(), json!(counts))).collect();
        let lines: Vec<Value> = account.lines.iter().map(line_json).collect();
        json!({ "connector": account.connector, "passes": account.passes(), "counts": counts, "recordings": lines })
    };
    json!({
        "needed_percent": corpus::NEEDED_PERCENT,
        "connectors": accounts.iter().map(account).collect::<Vec<_>>(),
        "recordings_without_connector": without,
    })
}

fn line_json(line: &Line) -> Value {
    let (ending, reason) = words(&line.ending);
    json!({
        "place": line.place,
        "source": line.source,
        "state": line.state.as_str(),
        "operation": line.op.map(|op| op.as_str()),
        "ending": ending.to_ascii_lowercase(),
        "reason": reason.trim_start_matches(": "),
    })
}
