//! The user's own file: contexts (named agents) and how `top` looks.

mod choice;
mod edit;
mod file;

pub(crate) use choice::{Chosen, Origin, choose, layered};
pub(crate) use edit::with_current;
pub(crate) use file::{Config, TopSettings, parse};
