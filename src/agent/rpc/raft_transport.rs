//! Raft's messages over connections to port 8300: both ends.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use tokio::task::unconstrained;

use crate::agent::raft::{Call, Lane, Peer, Raft, Transport, TransportError};

use super::net::{BoxFuture, RaftCallError, RaftFrames, RaftLinks};

/// Largest message of a leader with entries: it stops adding after 1 MiB, but one entry may be as large as a value is
/// allowed to be.
const MAX_APPEND_BYTES: u64 = 256 << 20;
/// Largest piece of a snapshot: a chunk of 1 MiB, and what stands around it.
const MAX_SNAPSHOT_BYTES: u64 = 2 << 20;
/// Largest of the others: votes and names of servers.
const MAX_OTHER_BYTES: u64 = 64 << 10;

/// All kinds of messages; the place is the number on the wire, and never changes.
const CALLS: [Call; 5] = [
    Call::Append,
    Call::Vote,
    Call::PreVote,
    Call::Snapshot,
    Call::TransferLeader,
];

const fn number(call: Call) -> u8 {
    match call {
        Call::Append => 0,
        Call::Vote => 1,
        Call::PreVote => 2,
        Call::Snapshot => 3,
        Call::TransferLeader => 4,
    }
}

fn call_of(kind: u8) -> Option<Call> {
    CALLS.get(usize::from(kind)).copied()
}

const fn lane_number(lane: Lane) -> u8 {
    match lane {
        Lane::Replication => 0,
        Lane::Heartbeat => 1,
        Lane::Snapshot => 2,
    }
}

/// Carries raft's messages to other servers.
#[derive(Debug, Default)]
pub struct RaftTransport {
    links: RaftLinks,
}

impl Transport for RaftTransport {
    fn call<'a>(
        &'a self,
        peer: &'a Peer,
        lane: Lane,
        call: Call,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, TransportError>> + Send + 'a>> {
        let (lane, kind) = (lane_number(lane), number(call));
        Box::pin(async move {
            let answer = self
                .links
                .call(&peer.id, &peer.address, lane, kind, body, timeout);
            answer.await.map_err(|why| match why {
                RaftCallError::Unreachable(address, why) => {
                    TransportError::Unreachable(address, why)
                }
                broken @ RaftCallError::Broken(..) => TransportError::Broken(broken.to_string()),
            })
        })
    }
}

/// Answers other servers' messages.
pub struct RaftService {
    raft: Raft,
    /// This server's UUID.
    server: String,
}

impl RaftService {
    /// Answers for the server with this UUID.
    pub fn new(raft: Raft, server: String) -> Self {
        Self { raft, server }
    }
}

impl RaftFrames for RaftService {
    fn is_here(&self, server: &[u8]) -> bool {
        server == self.server.as_bytes()
    }

    fn limit(&self, kind: u8) -> Option<u64> {
        Some(match call_of(kind)? {
            Call::Append => MAX_APPEND_BYTES,
            Call::Snapshot => MAX_SNAPSHOT_BYTES,
            Call::Vote | Call::PreVote | Call::TransferLeader => MAX_OTHER_BYTES,
        })
    }

    fn serve(
        &self,
        from: SocketAddr,
        kind: u8,
        body: Vec<u8>,
    ) -> BoxFuture<'static, Result<Vec<u8>, String>> {
        let raft = self.raft.clone();
        // Unconstrained, so that the first poll hands the message to raft for sure: frames begin in their order, and raft
        // takes one that lacks those before it for a sign of lost data.
        Box::pin(unconstrained(async move {
            let call = call_of(kind).ok_or_else(|| format!("unknown kind {kind} of message"))?;
            let answer = raft.serve_from(Some(from.ip()), call, &body).await;
            answer.map_err(|why| why.to_string())
        }))
    }
}

#[cfg(test)]
mod tests;
