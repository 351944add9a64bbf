//! The command line: what each command takes, and how it ends (0 pass, 1 fail, 2 unusable input or incomplete run).

mod certify;
mod corpus;
mod list;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::world::{Unusable, World};

/// Exit code of a run that found faults.
pub const FAIL: u8 = 1;
/// Exit code of unusable input or an incomplete run.
pub const UNUSABLE: u8 = 2;

#[derive(Debug, Parser)]
#[command(name = "quittance", version, about = "Certifies payment-provider connectors, offline and on the wire")]
struct Arguments {
    /// The project's root; else the folder around the working directory that holds specs and fixtures
    #[arg(long, global = true, value_name = "FOLDER")]
    root: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Certify(certify::Certify),
    List(list::List),
    Corpus(corpus::Corpus),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let world = World::find(arguments.root.as_deref());
    let result = world.and_then(|world| match arguments.command {
        Command::Certify(command) => command.run(&world),
        Command::List(command) => command.run(&world),
        Command::Corpus(command) => command.run(&world),
    });
    match result {
        Ok(code) => code,
        Err(unusable) => {
            tell_error(&unusable);
            ExitCode::from(UNUSABLE)
        }
    }
}

/// Prints what stands in the way.
#[allow(clippy::print_stderr, reason = "the command's own voice")]
pub fn tell_error(unusable: &Unusable) {
    eprintln!("error: {unusable}");
}

/// Prints a line of output; a closed pipe ends the output quietly.
pub fn say(text: &str) {
    use std::io::Write as _;
    let _closed_pipe = writeln!(std::io::stdout().lock(), "{text}");
}
