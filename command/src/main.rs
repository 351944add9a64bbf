//! The `quittance` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A sandbox that is served allocates on all threads and keeps what it remembers: the system's allocator grows page by page for that.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    quittance_harness::product::install(&quittance_command::PRODUCT);
    quittance_harness::cli::main()
}
