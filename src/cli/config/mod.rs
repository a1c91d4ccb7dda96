//! The user's own file: contexts (named agents) and how `top` looks.

mod choice;
mod edit;
mod file;

pub(crate) use choice::{Chosen, Origin, choose, layered};
pub(crate) use edit::with_current;
#[cfg(test)]
pub(crate) use file::{ACCENTS, THEMES, VIEWS};
pub(crate) use file::{Config, MIN_INTERVAL_MS, Named, Scope, TopSettings, parse};
