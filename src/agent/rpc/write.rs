//! Writes: made here by the leader, or forwarded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::agent::raft::{Raft, WriteError};
use crate::agent::store::{Command, Response};
use crate::model::access::Requirement;
use crate::model::go_error;

use super::forward::{Errand, Left};
use super::sessions::{decline_lock, is_locking};
use super::wire::{decode_response, encode_command};
use super::{Consistency, Rpc, RpcError, WriteOptions};

/// A write of the state.
struct Write<'a> {
    options: &'a WriteOptions,
    requirement: &'a Requirement<'a>,
    command: Arc<Command>,
}

impl Rpc {
    /// Writes a command: returns once it is durable and applied.
    ///
    /// # Errors
    /// When no leader is found in time, the token lacks the permission, or the command is refused. After
    /// [`RpcError::LeadershipLost`], [`RpcError::Broken`] and [`RpcError::TimedOut`] it may have been written.
    pub async fn write(
        &self,
        options: &WriteOptions,
        requirement: &Requirement<'_>,
        command: Command,
    ) -> Result<Response, RpcError> {
        self.route(&options.datacenter)?;
        let write = Write {
            options,
            requirement,
            command: Arc::new(command),
        };
        self.carry(write).await
    }

    /// Makes a write on this leader.
    async fn commit(
        &self,
        raft: &Raft,
        command: Arc<Command>,
        hold: Duration,
    ) -> Result<Response, RpcError> {
        let metrics = &self.shared.metrics;
        metrics.request.incr();
        let (time, began) = (metrics.time_of(&command), Instant::now());
        let applied = raft.write(command, hold).await;
        if let Some(time) = time {
            time.record_duration(began.elapsed());
        }
        let applied = applied.inspect_err(|_| metrics.failed.incr())?;
        match applied.response {
            Response::Refused(reason) => Err(RpcError::Refused(reason)),
            response => Ok(response),
        }
    }
}

impl Errand for Write<'_> {
    type Answer = Response;

    fn is_read(&self) -> bool {
        false
    }

    async fn ask(
        &self,
        rpc: &Rpc,
        server: SocketAddr,
        _: Left,
        limit: Duration,
    ) -> Result<Response, RpcError> {
        let call = encode_command(&rpc.wire_options(self.options), &self.command)?;
        // Nobody else makes it, so that trying again would be in vain.
        let call = call.ok_or_else(|| RpcError::Raft(RpcError::NotLeader.to_string()))?;
        let pool = &rpc.shared.pool;
        let reply = pool.call(server, call.method, &call.body, limit).await?;
        Ok(decode_response(&self.command, &reply)?)
    }

    async fn here(&mut self, rpc: &Rpc, raft: &Raft, left: Left) -> Result<Response, RpcError> {
        rpc.authorize(&self.options.token, self.requirement)?;
        if is_locking(&self.command) {
            // What ended sessions before this server led may not be applied yet, and with it their keys' delays.
            rpc.ready(raft, Consistency::Default, left.hold).await?;
        }
        // A new query's id is chosen here. Whoever is asked after this server must see that there was none.
        let asked = is_prepared_query(&self.command).then(|| Arc::clone(&self.command));
        let command = Arc::make_mut(&mut self.command);
        if let Some(answer) = rpc.admit(raft, self.options, command)? {
            return Ok(answer);
        }
        if let Some(answer) = decline_lock(raft, &self.command) {
            return Ok(answer);
        }
        let command = Arc::clone(&self.command);
        if let Some(asked) = asked {
            self.command = asked;
        }
        rpc.commit(raft, command, left.hold).await
    }
}

fn is_prepared_query(command: &Command) -> bool {
    matches!(command, Command::PreparedQuery(_))
}

impl Rpc {
    /// The options as they travel: with the datacenter's name, without which the reference knows no path.
    pub(super) fn wire_options(&self, options: &WriteOptions) -> WriteOptions {
        WriteOptions {
            datacenter: self.datacenter().to_owned(),
            token: options.token.clone(),
        }
    }
}

impl From<WriteError> for RpcError {
    fn from(err: WriteError) -> Self {
        match err {
            WriteError::NoLeader => Self::NoLeader,
            WriteError::NotLeader(_) => Self::NotLeader,
            WriteError::LeadershipLost => Self::LeadershipLost,
            WriteError::Refused(reason) => Self::Refused(reason),
            stopped @ WriteError::Stopped(_) => {
                Self::Raft(go_error::without_errno(&stopped.to_string()))
            }
        }
    }
}
