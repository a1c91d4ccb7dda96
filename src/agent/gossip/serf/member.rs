//! A member as serf knows it.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::agent::gossip::wire::{NodeName, Tags, Versions};
use crate::model::member::{Member as PublicMember, MemberStatus};

/// A member as serf knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub name: NodeName,
    pub address: SocketAddr,
    pub tags: Arc<Tags>,
    pub status: MemberStatus,
    pub versions: Versions,
}

impl Member {
    /// As the API shows it.
    pub fn to_public(&self) -> PublicMember {
        PublicMember {
            name: self.name.to_string(),
            addr: self.address.ip().to_string(),
            port: self.address.port(),
            tags: Tags::clone(&self.tags),
            status: self.status as i64,
            protocol_min: self.versions.protocol_min(),
            protocol_max: self.versions.protocol_max(),
            protocol_cur: self.versions.protocol_cur(),
            delegate_min: self.versions.delegate_min(),
            delegate_max: self.versions.delegate_max(),
            delegate_cur: self.versions.delegate_cur(),
        }
    }
}
