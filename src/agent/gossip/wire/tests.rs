//! Tests of the whole room: golden bytes, malformed input, anything at all.

mod golden;
mod malformed;
mod msgpack;
mod packets;
mod properties;
mod samples;
mod security;
mod streams;
