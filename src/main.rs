//! The door of the binary: everything is in the library.

use std::process::ExitCode;

/// Agents allocate a lot, in small pieces, from several threads. Without huge pages (`no_thp`), of which an idle agent would
/// hold nine that it hardly uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    consulctl::cli::run()
}
