//! The command line: what each command takes, and how it ends (0 pass, 1 fail, 2 unusable input or incomplete run).

mod blame;
pub(crate) mod can_i_use;
mod certify;
mod completion;
mod corpus;
mod desk;
pub(crate) mod docs;
mod drift;
mod explain;
mod import;
mod interrupt;
mod issue;
mod key;
mod list;
pub(crate) mod matrix;
mod new;
mod number;
mod probe;
mod read;
mod record;
mod report;
mod request;
mod schema;
mod self_test;
mod serve;
mod soak;
mod source;
mod suite;
mod table;
mod tapes;
mod transcript;
mod vendor;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::world::{Unusable, World};

/// Exit code of a run that found faults.
pub const FAIL: u8 = 1;
/// Exit code of unusable input or an incomplete run.
pub const UNUSABLE: u8 = 2;

/// Where options that all commands have stand in their help: after a command's own.
const LAST: usize = 900;

#[derive(Debug, Parser)]
#[command(name = "quittance", version, about = "Certifies payment-provider connectors, offline and on the wire")]
struct Arguments {
    /// The project's root; else the folder around the working directory that holds specs and fixtures
    #[arg(long, global = true, display_order = LAST, value_name = "FOLDER")]
    root: Option<PathBuf>,
    /// Colours in help and errors: auto, always or never; auto follows the terminal, NO_COLOR, CLICOLOR and CLICOLOR_FORCE
    #[arg(long, global = true, display_order = LAST + 1, value_name = "WHEN", default_value_t = ColorChoice::Auto, hide_possible_values = true, hide_default_value = true)]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Certify(certify::Certify),
    List(list::List),
    Matrix(matrix::Matrix),
    New(new::New),
    CanIUse(can_i_use::CanIUse),
    Report(report::ReportCommand),
    Transcript(transcript::TranscriptCommand),
    Blame(blame::BlameCommand),
    Corpus(corpus::Corpus),
    Drift(drift::DriftCommand),
    Docs(docs::Docs),
    Explain(explain::Explain),
    Import(import::ImportCommand),
    Key(key::Key),
    Probe(probe::ProbeCommand),
    Request(request::RequestCommand),
    Read(read::Read),
    Record(record::RecordCommand),
    Schema(schema::Schema),
    Suite(suite::SuiteCommand),
    SelfTest(self_test::SelfTest),
    Serve(serve::Serve),
    Soak(soak::Soak),
    Tapes(tapes::Tapes),
    Verify(verify::Verify),
    Completion(completion::Completion),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let matches = Arguments::command().color(color(std::env::args_os())).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let world = || World::find(arguments.root.as_deref());
    let result = match arguments.command {
        Command::Certify(command) => world().and_then(|world| command.run(&world)),
        Command::List(command) => world().and_then(|world| command.run(&world)),
        Command::Matrix(command) => command.run(),
        Command::New(command) => world().and_then(|world| command.run(&world)),
        Command::CanIUse(command) => command.run(),
        Command::Transcript(command) => world().and_then(|world| command.run(&world)),
        Command::Blame(command) => world().and_then(|world| command.run(&world)),
        Command::Report(command) => command.run(arguments.root.as_deref()),
        Command::Corpus(command) => world().and_then(|world| command.run(&world)),
        Command::Drift(command) => world().and_then(|world| command.run(&world)),
        Command::Import(command) => world().and_then(|world| command.run(&world)),
        Command::Record(command) => world().and_then(|world| command.run(&world)),
        Command::Docs(command) => world().and_then(|world| command.run(&world)),
        Command::Explain(command) => world().and_then(|world| command.run(&world)),
        Command::Key(command) => command.run(),
        Command::Request(command) => world().and_then(|world| command.run(world)),
        Command::Probe(command) => world().and_then(|world| command.run(&world)),
        Command::Read(command) => world().and_then(|world| command.run(world)),
        Command::Schema(command) => command.run(world),
        Command::Suite(command) => world().and_then(|world| command.run(&world)),
        Command::Soak(command) => command.run(),
        Command::Tapes(command) => world().and_then(|world| command.run(&world)),
        Command::Serve(command) => world().and_then(|world| command.run(&world)),
        Command::SelfTest(command) => world().and_then(|world| command.run(&world)),
        Command::Verify(command) => world().and_then(|world| command.run(&world)),
        Command::Completion(command) => Ok(command.run()),
    };
    match result {
        Ok(code) => code,
        Err(unusable) => {
            tell_error(&unusable);
            ExitCode::from(UNUSABLE)
        }
    }
}

/// What `--color` says: looked for before anything is parsed, since a refusal of the arguments is coloured too.
fn color(mut arguments: impl Iterator<Item = OsString>) -> ColorChoice {
    let mut found = ColorChoice::Auto;
    while let Some(argument) = arguments.next().filter(|argument| argument != "--") {
        let value = match argument.to_str() {
            Some("--color") => arguments.next().and_then(|value| value.into_string().ok()),
            Some(text) => text.strip_prefix("--color=").map(str::to_owned),
            None => None,
        };
        found = value.and_then(|value| value.parse().ok()).unwrap_or(found);
    }
    found
}

/// Prints what stands in the way.
#[allow(clippy::print_stderr, reason = "the command's own voice")]
pub fn tell_error(unusable: &Unusable) {
    eprintln!("error: {unusable}");
}

/// Prints a remark that is no output.
#[allow(clippy::print_stderr, reason = "the command's own voice")]
pub fn tell_note(text: &str) {
    eprintln!("note: {text}");
}

/// JSON for people: indented.
pub fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}")
}

/// Prints a line of output; a closed pipe ends the output quietly, any other failure (a full disk) ends the command.
pub fn say(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        tell_error(&Unusable::Text(format!("the output cannot be written: {error}")));
        std::process::exit(UNUSABLE.into());
    }
}
