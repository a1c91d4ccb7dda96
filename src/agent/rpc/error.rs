//! Why a request to the servers failed. The texts are Consul's: clients compare them.

use crate::agent::acl::AclError;

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// No server leads, even after waiting.
    #[error("No cluster leader")]
    NoLeader,
    /// This agent is a client and has no server to ask.
    #[error("No known Consul servers")]
    NoServers,
    /// The datacenter is not known.
    #[error("No path to datacenter")]
    NoPathToDatacenter,
    /// The leader cannot prove that it still leads.
    #[error("Not ready to serve consistent reads")]
    NotReadyForConsistentReads,
    /// The token lacks a permission.
    #[error("Permission denied")]
    PermissionDenied,
    /// The token is not known.
    #[error(transparent)]
    Acl(#[from] AclError),
    /// The request is refused, for the reason given.
    #[error("{0}")]
    Refused(String),
    /// Consensus could not finish the request.
    #[error("{0}")]
    Raft(String),
}
