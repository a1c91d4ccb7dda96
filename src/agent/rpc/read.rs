//! Reads: locally as consistent as they ask for, or forwarded.

use std::net::SocketAddr;
use std::time::Duration;

use crate::agent::raft::Raft;
use crate::agent::store::WatchSet;

use super::blocking::{Found, with_jitter};
use super::forward::{Errand, Left};
use super::wire::{ReadOptions, RemoteQuery};
use super::{Consistency, QueryMeta, QueryOptions, Rpc, RpcError};

/// A read of the state.
struct Read<'a, Q> {
    options: &'a QueryOptions,
    query: &'a Q,
}

impl Rpc {
    /// Runs a read as its options want it, waiting for a newer index where they ask for one.
    ///
    /// # Errors
    /// When no leader is found in time, it cannot prove its leadership, or the token lacks the
    /// permission.
    pub async fn query<Q: RemoteQuery>(
        &self,
        options: &QueryOptions,
        query: &Q,
    ) -> Result<(Q::Answer, QueryMeta), RpcError> {
        self.route(&options.datacenter)?;
        self.carry(Read { options, query }).await
    }

    /// Waits until this server may answer with this consistency.
    pub(super) async fn ready(
        &self,
        raft: &Raft,
        consistency: Consistency,
        hold: Duration,
    ) -> Result<(), RpcError> {
        match consistency {
            Consistency::Stale => Ok(()),
            Consistency::Default => Ok(raft.verify_lease(hold).await?),
            Consistency::Consistent => Ok(raft.verify_leader(hold).await?),
        }
    }
}

impl<Q: RemoteQuery> Errand for Read<'_, Q> {
    type Answer = (Q::Answer, QueryMeta);

    fn is_read(&self) -> bool {
        true
    }

    fn is_stale(&self) -> bool {
        self.options.consistency == Consistency::Stale
    }

    fn asked_wait(&self) -> Option<Duration> {
        (self.options.min_index > 0).then_some(self.options.max_wait)
    }

    async fn ask(
        &self,
        rpc: &Rpc,
        server: SocketAddr,
        left: Left,
        limit: Duration,
    ) -> Result<Self::Answer, RpcError> {
        let query = QueryOptions {
            datacenter: rpc.datacenter().to_owned(),
            max_wait: left.wait.unwrap_or(self.options.max_wait),
            ..self.options.clone()
        };
        let options = ReadOptions {
            query,
            ..ReadOptions::default()
        };
        let request = self.query.encode_request(&options)?;
        let pool = &rpc.shared.pool;
        let reply = pool
            .call(server, self.query.method(), &request, limit)
            .await?;
        let (meta, answer) = self.query.decode_reply(&reply)?;
        Ok((answer, meta))
    }

    async fn here(&mut self, rpc: &Rpc, raft: &Raft, left: Left) -> Result<Self::Answer, RpcError> {
        let Read { options, query } = *self;
        rpc.authorize(&options.token, &query.requirement())?;
        rpc.shared.metrics.query.incr();
        rpc.ready(raft, options.consistency, left.hold).await?;
        let found = if options.min_index == 0 {
            Found::read(&raft.state(), query, &mut WatchSet::default())
        } else {
            rpc.shared.metrics.blocking.incr();
            let wait = left.wait.unwrap_or_default();
            rpc.blocking(raft, options, query, with_jitter(wait))
                .await?
        };
        if let Some(guard) = Q::guard(&found.answer) {
            let token = guard.token.unwrap_or(&options.token);
            rpc.authorize(token, &guard.requirement)?;
        }
        let meta = QueryMeta {
            generation: found.generation,
            ..meta(raft, options.consistency, found.index)
        };
        Ok((found.answer, meta))
    }
}

/// What an answer of this server says of itself.
pub(super) fn meta(raft: &Raft, consistency: Consistency, index: u64) -> QueryMeta {
    let since = raft.last_contact().unwrap_or_default();
    QueryMeta {
        index,
        known_leader: raft.knows_leader(),
        last_contact_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        consistency,
        generation: 0,
    }
}
