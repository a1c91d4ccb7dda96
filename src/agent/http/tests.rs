//! Raw-socket tests of the transport rules.

mod limits;
mod support;
mod wire;
