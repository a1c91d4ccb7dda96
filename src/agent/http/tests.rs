//! Raw-socket tests of the transport rules.

mod agent;
mod families;
mod gossip;
mod limits;
mod near;
mod operator;
mod support;
mod transactions;
mod wire;
