//! Commands from their words to their output, against a recorded API.

mod careful;
mod contexts;
mod edges;
mod keyring;
mod kv;
mod members;
mod shapes;
mod support;
mod terminal;
mod transport;
mod usage;
mod verbs;
