//! The bounds of the listener.

use std::time::Duration;

/// What the listener takes from others. Every bound holds for strangers, too: they are what keeps an open port from
/// taking the agent's memory.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Time for the first byte (`rpc_handshake_timeout`).
    pub handshake_timeout: Duration,
    /// Connections of one client address (`rpc_max_conns_per_client`).
    pub connections_per_client: usize,
    /// Connections in all.
    pub connections: usize,
    /// Streams of one multiplexed session. Every blocking query of a client agent takes one.
    pub streams_per_session: usize,
    /// Streams of all sessions.
    pub streams: usize,
    /// Largest request, in bytes. Values of keys and transactions have their own, smaller limits; a registration is
    /// as large as its checks.
    pub request_bytes: usize,
    /// Bytes of requests that are being read or answered in all connections, beyond the first 64 KiB of each.
    pub buffered_bytes: usize,
    /// Bytes of replies that are being sent in all connections, beyond the first 64 KiB of each: clients that read slowly
    /// hold no more than this. The largest list must fit.
    pub reply_bytes: usize,
    /// Time for the rest of a request once its first byte is there.
    pub request_timeout: Duration,
    /// Time without a request after which a connection of a single stream is closed.
    pub idle_timeout: Duration,
    /// Time without progress after which writing fails.
    pub write_timeout: Duration,
    /// Time between two pings of a session.
    pub keepalive_interval: Duration,
    /// Snapshot streams at a time.
    pub snapshot_streams: usize,
    /// Bytes of raft's frames under way in all connections. The largest message must fit.
    pub raft_bytes: usize,
}

impl Default for Limits {
    /// Consul's, and where it has none such that no cluster of sensible size meets them.
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(5),
            connections_per_client: 100,
            connections: 8192,
            streams_per_session: 16_384,
            streams: 131_072,
            request_bytes: 8 << 20,
            buffered_bytes: 256 << 20,
            reply_bytes: 2 << 30,
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_mins(10),
            write_timeout: Duration::from_secs(10),
            keepalive_interval: Duration::from_secs(30),
            snapshot_streams: 8,
            raft_bytes: 512 << 20,
        }
    }
}
