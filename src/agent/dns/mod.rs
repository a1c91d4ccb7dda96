//! DNS on port 8600: names, answers and truncation (pure), the server and recursion.

mod address;
pub mod answer;
pub mod catalog;
mod datagram;
pub mod encode;
mod fetch;
mod instances;
mod lookup;
mod meta;
pub mod name;
pub mod ptr;
pub mod record;
mod recursion;
pub mod request;
mod respond;
mod server;
pub mod settings;
mod store_view;
pub mod truncate;
pub mod world;

pub use fetch::{Servers, fetch};
pub use respond::{Answered, AnsweredZone, Backend, Fetch};
pub use server::{DnsError, DnsServer};
pub use settings::{
    DnsSettings, RecursorStrategy, Rules, SettingsError, SoaTimes, Staleness, parse_recursor,
};
pub use store_view::StoreView;

#[cfg(test)]
mod tests;
