//! A checker of linearizability for keys that are put, read, compared-and-set and deleted: the algorithm of Wing,
//! Gong and Lowe, one key at a time, with the configurations that were tried remembered.

mod check;
pub(crate) mod history;
mod model;
mod promises;
pub(crate) mod report;
mod search;

pub(crate) use check::check;
pub(crate) use history::{History, Op, Outcome};
pub(crate) use promises::{goes_backwards, lost};
