//! `quittance completion`: completion scripts for shells.

use std::process::ExitCode;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;
use quittance::Op;

use super::{Arguments, say};
use crate::capabilities::operation_forms;
use crate::product;
use crate::world::World;

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  quittance completion bash > ~/.local/share/bash-completion/completions/quittance
  quittance completion zsh > ~/.zfunc/_quittance
  quittance completion fish > ~/.config/fish/completions/quittance.fish

Connectors, scenarios and operations are completed wherever they stand, scenarios as those of the project in which the script is made.")]
pub(super) struct Completion {
    /// The shell
    shell: Shell,
}

impl Completion {
    pub(super) fn run(&self) -> ExitCode {
        let mut script = Vec::new();
        let mut command = with_names(Arguments::command());
        clap_complete::generate(self.shell, &mut command, "quittance", &mut script);
        say(String::from_utf8_lossy(&script).trim_end());
        if self.shell == Shell::Fish {
            say(positional(&command).trim_end());
        }
        ExitCode::SUCCESS
    }
}

/// What fish completes without an option: clap's script for it knows options alone. The condition is a function of that script.
fn positional(command: &Command) -> String {
    let mut lines = String::new();
    for inner in command.get_subcommands() {
        for values in inner.get_positionals().map(|argument| argument.get_possible_values()) {
            let names: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
            if !names.is_empty() {
                lines.push_str(&format!(
                    "complete -c quittance -n \"__fish_quittance_using_subcommand {}\" -f -a \"{}\"\n",
                    inner.get_name(),
                    names.join(" ")
                ));
            }
        }
    }
    lines
}

/// The command with the names of connectors and scenarios as the values of the arguments that take them. Only for completion: what a
/// user types is looked up with near matches, and scenarios are those of the project in which the script is made.
fn with_names(command: Command) -> Command {
    // The values of arguments are static texts; these live as long as the command, which ends with this.
    let scenarios: Vec<&'static str> = World::find(None)
        .and_then(|world| world.suite())
        .map(|suite| suite.scenarios.iter().map(|scenario| &*scenario.id.clone().leak()).collect())
        .unwrap_or_default();
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    // `new` takes an id that there is not yet.
    names.into_iter().filter(|name| name != "new").fold(command, |command, name| {
        command.mut_subcommand(name, |inner| {
            inner.mut_args(|argument| {
                let named = argument.get_value_names().and_then(|names| names.first());
                let takes = named.map_or(argument.get_id().as_str(), |name| name.as_str()).to_ascii_uppercase();
                // Of `SCENARIO[@BRAND]` the first part is completed.
                let (takes, form) = takes.split_once('[').unwrap_or((&takes, ""));
                let values = match takes {
                    "ID" | "IDS" | "CONNECTOR" => product::ids(),
                    "SCENARIO" | "GLOB" => scenarios.clone(),
                    "OPERATION" if form.starts_with(".FORM") => operation_forms(),
                    "OPERATION" | "OP" => Op::ALL.iter().map(|op| op.as_str()).collect(),
                    _ => return argument,
                };
                argument.value_parser(PossibleValuesParser::new(values))
            })
        })
    })
}
