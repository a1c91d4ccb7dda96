//! What is drawn: pure functions from the state onto a frame.

mod areas;
mod checks;
mod detail;
mod dialog;
mod events;
mod head;
mod help;
mod kv;
mod latency;
mod leaders;
mod logs;
mod members;
mod overview;
mod own;
mod pane;
mod raft;
mod screen;
mod services;
mod table;
mod tabular;

pub use own::own_rows;
pub use screen::draw;
pub use tabular::{Rows, columns, copies, opens, version};
#[cfg(test)]
mod tests;
