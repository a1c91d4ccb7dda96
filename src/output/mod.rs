//! What commands print with: tables, JSON, colour, progress, confirmation.
//!
//! Data goes to standard output, talk (errors, hints, progress) to standard error. Only
//! [`Console`] and [`trace`] write; everything else here makes text.

mod columns;
mod console;
mod json;
mod pager;
mod progress;
mod safe;
mod style;
mod table;
mod yaml;

pub use columns::{columnize, cut, tabulate, tabulate_columns};
pub use console::{Console, Streams, trace};
pub use json::{JsonIndent, to_json};
pub use pager::{page, pager, terminal_columns, terminal_rows};
pub use progress::Progress;
pub use safe::{safe, safe_bytes};
pub use style::{Colours, Style};
pub use table::{SHAPES, Shape, Table, UnknownColumn};
pub use yaml::to_yaml;
