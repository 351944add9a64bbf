//! The `quittance` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    quittance_harness::cli::main()
}
