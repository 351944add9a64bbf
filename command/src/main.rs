//! The `quittance` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    quittance_harness::product::install(&quittance_command::PRODUCT);
    quittance_harness::cli::main()
}
