//! From a snapshot to what is shown: one place for the screen, `-once`, JSON and `-check`. Pure.

mod checks;
mod nodes;
mod peers;
mod picture;
mod problems;
mod verdict;

pub use checks::{CheckRow, ServiceRow};
pub use nodes::NodeRow;
pub use peers::PeerRow;
pub use picture::{Leader, Picture, Servers, Versions, derive, derive_after};
pub use problems::{Identity, Problem, ProblemKind, Severity};
pub use verdict::{Verdict, verdict};
#[cfg(test)]
pub(crate) mod bad_cluster;
#[cfg(test)]
mod tests;
