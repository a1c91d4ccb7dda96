//! Tests of serf as a whole, and what the tests of its parts share.

mod events;
mod keys;
mod leaving;
mod names;
mod pool;
mod queries;
mod random;
mod rig;
mod rules;
mod upkeep;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::agent::gossip::wire::{Tags, Versions};
use crate::model::member::MemberStatus;

use super::member::Member;

/// The address of a test member.
fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

/// A member that is alive and says nothing of itself.
pub(super) fn member(name: &str) -> Member {
    Member {
        name: name.into(),
        address: address(1),
        tags: Arc::new(Tags::new()),
        status: MemberStatus::Alive,
        versions: Versions::CONSUL,
    }
}
