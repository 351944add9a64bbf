//! `quittance completion`: completion scripts for shells.

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Arguments, say};

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  quittance completion bash > ~/.local/share/bash-completion/completions/quittance
  quittance completion zsh > ~/.zfunc/_quittance
  quittance completion fish > ~/.config/fish/completions/quittance.fish")]
pub(super) struct Completion {
    /// The shell
    shell: Shell,
}

impl Completion {
    pub(super) fn run(&self) -> ExitCode {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "quittance", &mut script);
        say(String::from_utf8_lossy(&script).trim_end());
        ExitCode::SUCCESS
    }
}
