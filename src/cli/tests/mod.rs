//! Commands from their words to their output, against a recorded API.

mod keyring;
mod kv;
mod members;
mod support;
mod terminal;
mod transport;
mod usage;
mod verbs;
