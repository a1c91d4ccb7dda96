//! Raw-socket tests of the transport rules.

mod agent;
mod families;
mod gossip;
mod limits;
mod operator;
mod support;
mod wire;
