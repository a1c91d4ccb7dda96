//! The door of the binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    consulctl::cli::run()
}
