//! Decoding of request bodies and configuration as Consul does it: Go's `encoding/json` with its
//! error texts, keys in any letter case and with or without underscores, null as the zero value.
//!
//! Models are plain `Deserialize` structs with `#[serde(default)]`. `#[serde(flatten)]` hides a
//! struct's field names from a deserializer and with them the loose keys, so they do without it.

mod access;
mod deserializer;
mod error;
mod names;
mod options;
mod path;
mod pieces;
mod probe;
mod read;
mod syntax;
mod weak;

pub use error::DecodeError;
pub use names::is_loosely_equal;
pub use options::{Options, Unknown};
pub use pieces::Pieces;
pub use read::{from_json_slice, from_json_slice_with, from_value, from_value_listing_unknown};
pub use read::{json_document, json_value};
pub use syntax::MAX_JSON_DEPTH;

#[cfg(test)]
mod tests;
