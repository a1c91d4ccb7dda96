//! Promises between servers that are about to form a cluster: each takes part in one at a time.
//!
//! Servers that do not see the same members yet could form two clusters that share a server. Who forms one asks
//! all of them first, and each promises itself to one set only.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::wire::status::{FOUNDING_PROMISE, PromiseRequest};
use super::wire::{decode_reply, encode};
use super::{Rpc, RpcError, Server};

/// How long a promise holds. Whoever was promised all has to act within half of it.
const PROMISE: Duration = Duration::from_secs(20);

/// The promise that this server has given.
#[derive(Debug, Default)]
pub(super) struct Promises(Mutex<Option<Given>>);

#[derive(Debug)]
struct Given {
    to: BTreeSet<String>,
    at: Instant,
}

impl Promises {
    fn give(&self, servers: &[String], now: Instant) -> bool {
        let wanted: BTreeSet<String> = servers.iter().cloned().collect();
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = given.as_ref().is_none_or(|given| {
            given.to == wanted || now.saturating_duration_since(given.at) >= PROMISE
        });
        if is_free {
            *given = Some(Given {
                to: wanted,
                at: now,
            });
        }
        is_free
    }
}

impl Rpc {
    /// How long after the first promise a cluster may still be formed on all of them.
    pub const FOUNDING_TIME: Duration = Duration::from_secs(10);

    /// Promises to take part in a cluster of the servers with these UUIDs and in no other; false when this server
    /// is in a cluster, or has promised otherwise a moment ago.
    ///
    /// # Errors
    /// On a client.
    pub fn promise(&self, servers: &[String]) -> Result<bool, RpcError> {
        let in_cluster = !self.raft()?.configuration().servers.is_empty();
        Ok(!in_cluster && self.shared.promises.give(servers, Instant::now()))
    }

    /// Asks another server for its promise: see [`Self::promise`].
    ///
    /// # Errors
    /// When it does not answer within `limit`.
    pub async fn promise_of(
        &self,
        server: &Server,
        servers: &[String],
        limit: Duration,
    ) -> Result<bool, RpcError> {
        let request = encode(&PromiseRequest {
            servers: servers.to_vec(),
        })?;
        let pool = &self.shared.pool;
        let reply = pool
            .call(server.address, FOUNDING_PROMISE, &request, limit)
            .await?;
        Ok(decode_reply(&reply)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_kept_for_its_time() {
        let promises = Promises::default();
        let (one, other) = (["a", "b"].map(str::to_owned), ["b", "c"].map(str::to_owned));
        let now = Instant::now();
        assert!(promises.give(&one, now));
        assert!(promises.give(&one, now));
        assert!(!promises.give(&other, now + PROMISE / 2));
        assert!(promises.give(&other, now + PROMISE));
        assert!(!promises.give(&one, now + PROMISE));
    }
}
