//! DNS on port 8600: names, answers and truncation (pure), the server and recursion.

mod address;
pub mod answer;
pub mod catalog;
pub mod encode;
mod lookup;
pub mod name;
pub mod ptr;
pub mod record;
pub mod request;
pub mod settings;
pub mod truncate;

pub use settings::{DnsSettings, RecursorStrategy, SettingsError, SoaTimes, parse_recursor};
