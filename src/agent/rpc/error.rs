//! Why a request to the servers failed. The texts are Consul's: clients compare them.

use crate::agent::acl::AclError;

use super::net::CallError;
use super::wire::DialectError;
use crate::model::prepared_query::NOT_FOUND;

/// What Consul puts before every error that another server answered with, once a hop.
const HOP: &str = "rpc error making call: ";
/// What Consul puts before the reason for which a server cannot be connected to.
const NO_CONNECTION: &str = "rpc error getting client: ";
/// What hashicorp/raft says of a write while the leader hands over.
const TRANSFER: &str = "leadership transfer in progress";

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// No server leads, even after waiting.
    #[error("No cluster leader")]
    NoLeader,
    /// Only the leader can do this, and this server does not lead.
    #[error("node is not the leader")]
    NotLeader,
    /// The leadership was lost while the request was under way; a write may have been made.
    #[error("leadership lost while committing log")]
    LeadershipLost,
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
    /// This client makes more calls than `limits.rpc_rate` allows.
    #[error("RPC rate limit exceeded")]
    RateLimited,
    /// The request is refused, for the reason given.
    #[error("{0}")]
    Refused(String),
    /// Consensus could not finish the request.
    #[error("{0}")]
    Raft(String),
    /// Another server's error, in its words, which may be those of yet another one.
    #[error("{HOP}{0}")]
    Remote(String),
    /// There is no connection to the server that was to be asked: it was sent nothing.
    #[error("{NO_CONNECTION}failed to get conn: {0}")]
    Unreachable(String),
    /// As [`Self::Unreachable`], for an archive's stream: Consul puts nothing before the reason.
    #[error("{0}")]
    NoStream(String),
    /// The connection broke before the answer: a write may have been made. The reason is for the log; clients see
    /// Consul's text.
    #[error("{HOP}EOF")]
    Broken(String),
    /// The answer did not come in time: a write may have been made.
    #[error("{HOP}i/o deadline reached")]
    TimedOut,
}

/// What is known of a request that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was surely not carried out, and may be later or elsewhere.
    NotDone,
    /// It may have been carried out.
    Unknown,
    /// It was answered: asking again gives the same.
    Answered,
}

impl RpcError {
    /// What is known of the request. Texts of other servers are compared as a whole, because they may hold users'
    /// words.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::NoLeader
            | Self::NotLeader
            | Self::NotReadyForConsistentReads
            | Self::Unreachable(_)
            | Self::NoStream(_) => Outcome::NotDone,
            Self::LeadershipLost | Self::Broken(_) | Self::TimedOut => Outcome::Unknown,
            Self::Remote(text) => outcome_of(text),
            _ => Outcome::Answered,
        }
    }

    /// Whether a server had no leader to ask, for as long as it waits for one.
    pub(super) fn is_no_leader(&self) -> bool {
        match self {
            Self::NoLeader => true,
            Self::Remote(text) => innermost(text) == Self::NoLeader.to_string(),
            _ => false,
        }
    }

    /// Whether the datacenter is not known, in the eyes of whichever server.
    pub fn is_no_path(&self) -> bool {
        match self {
            Self::NoPathToDatacenter => true,
            Self::Remote(text) => innermost(text) == Self::NoPathToDatacenter.to_string(),
            _ => false,
        }
    }

    /// Whether there is no such prepared query, in the eyes of whichever server.
    pub fn is_query_not_found(&self) -> bool {
        match self {
            Self::Refused(text) => text == NOT_FOUND,
            Self::Remote(text) => innermost(text) == NOT_FOUND,
            _ => false,
        }
    }

    /// Whether this agent found no connection to the server that it was to ask.
    pub(super) const fn is_unconnected(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::NoStream(_))
    }

    /// Whether the request lacks a permission, in the eyes of whichever server.
    pub fn is_denied(&self) -> bool {
        match self {
            Self::PermissionDenied | Self::Acl(_) => true,
            Self::Remote(text) => {
                let text = innermost(text);
                text.starts_with("Permission denied") || text == AclError::NotFound.to_string()
            }
            _ => false,
        }
    }

    /// Whether a server has understood the request and will not carry it out: asking again gives the same.
    pub fn is_refused(&self) -> bool {
        let by_server = matches!(self, Self::Refused(_) | Self::Remote(_));
        by_server && self.outcome() == Outcome::Answered && !self.is_no_leader()
    }

    /// Whether the method is not one of the asked server's.
    pub fn is_unknown_method(&self) -> bool {
        matches!(self, Self::Remote(text) if innermost(text).starts_with("rpc: can't find "))
    }
}

/// The text without what each hop put before it.
fn innermost(mut text: &str) -> &str {
    while let Some(rest) = text.strip_prefix(HOP) {
        text = rest;
    }
    text
}

fn outcome_of(text: &str) -> Outcome {
    let text = innermost(text);
    let is = |error: RpcError| text == error.to_string();
    let ends_unsaid = [
        "EOF",
        "stream closed",
        "session shutdown",
        "i/o deadline reached",
    ];
    if is(RpcError::NoLeader)
        || is(RpcError::NotLeader)
        || is(RpcError::NotReadyForConsistentReads)
        || text == TRANSFER
        || text.starts_with(NO_CONNECTION)
        || text.starts_with("dial tcp ")
    {
        Outcome::NotDone
    } else if is(RpcError::LeadershipLost)
        || ends_unsaid.contains(&text)
        || text.ends_with("connection reset by peer")
        || text.ends_with("broken pipe")
    {
        Outcome::Unknown
    } else {
        Outcome::Answered
    }
}

impl From<CallError> for RpcError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(why) => Self::Unreachable(why),
            broken @ CallError::Broken(..) => Self::Broken(broken.to_string()),
            CallError::TimedOut(..) => Self::TimedOut,
            CallError::Application(text) => Self::Remote(text),
        }
    }
}

impl From<DialectError> for RpcError {
    fn from(error: DialectError) -> Self {
        Self::Refused(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> RpcError {
        RpcError::Remote(text.to_owned())
    }

    #[test]
    fn every_hop_leaves_its_mark() {
        let first = RpcError::NoLeader.to_string();
        let second = remote(&first).to_string();
        assert_eq!(second, "rpc error making call: No cluster leader");
        let third = remote(&second);
        assert_eq!(
            third.to_string(),
            "rpc error making call: rpc error making call: No cluster leader"
        );
        assert_eq!(third.outcome(), Outcome::NotDone);
        assert!(third.is_no_leader());
    }

    #[test]
    fn what_may_be_asked_again_is_told_from_texts() {
        for (text, outcome) in [
            ("No cluster leader", Outcome::NotDone),
            ("node is not the leader", Outcome::NotDone),
            ("leadership transfer in progress", Outcome::NotDone),
            ("Not ready to serve consistent reads", Outcome::NotDone),
            (
                "rpc error getting client: failed to get conn: dial tcp 10.0.0.1:8300: connection refused",
                Outcome::NotDone,
            ),
            ("leadership lost while committing log", Outcome::Unknown),
            ("rpc error making call: EOF", Outcome::Unknown),
            (
                "read tcp 1.1.1.1:1->1.1.1.2:8300: read: connection reset by peer",
                Outcome::Unknown,
            ),
            ("Must provide node", Outcome::Answered),
            ("bad key \"No cluster leader\"", Outcome::Answered),
            ("Permission denied", Outcome::Answered),
        ] {
            assert_eq!(remote(text).outcome(), outcome, "{text}");
        }
        assert_eq!(RpcError::NoServers.outcome(), Outcome::Answered);
    }

    #[test]
    fn denials_of_other_servers_are_denials() {
        for text in [
            "Permission denied",
            "rpc error making call: Permission denied",
            "ACL not found",
        ] {
            assert!(remote(text).is_denied(), "{text}");
        }
        assert!(!remote("EOF").is_denied());
    }

    #[test]
    fn calls_fail_in_consuls_words() {
        let server = "10.0.0.1:8300".parse().unwrap();
        for (error, text) in [
            (
                CallError::Refused(
                    "dial tcp 10.0.0.1:8300: connect: connection refused".to_owned(),
                ),
                "rpc error getting client: failed to get conn: dial tcp 10.0.0.1:8300: connect: connection refused",
            ),
            (
                CallError::Broken(server, "reset".to_owned()),
                "rpc error making call: EOF",
            ),
            (
                CallError::Application("x".to_owned()),
                "rpc error making call: x",
            ),
        ] {
            assert_eq!(RpcError::from(error).to_string(), text);
        }
    }
}
