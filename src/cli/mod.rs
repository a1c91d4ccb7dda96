//! The command line: Go-style arguments, one verb a file.

mod run;

pub use run::run;
