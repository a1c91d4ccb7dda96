//! Carries requests to where they can be answered: this server, the leader, any server. Tries again while there is no
//! leader.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::agent::raft::{Leader, Leadership, Raft};

use super::net::BoxFuture;
use super::options::JITTER_FRACTION;
use super::patience::{Attempt, Patience};
use super::{Rpc, RpcError, Server};

/// How long an answer may take that waits for nothing: Consul's default of `limits.rpc_client_timeout`.
const CALL_LIMIT: Duration = Duration::from_mins(1);

/// A request with both ways of answering it.
pub(super) trait Errand: Send + Sync {
    /// What it is answered with.
    type Answer: Send;

    /// Whether it changes nothing, so that it may be made twice.
    fn is_read(&self) -> bool;

    /// Whether any server may answer.
    fn is_stale(&self) -> bool {
        false
    }

    /// Whether it waits for a leader that there is not. Consul's archives do not.
    fn is_patient(&self) -> bool {
        true
    }

    /// The time that a blocking query asks for, zero for the default; `None` for what does not block.
    fn asked_wait(&self) -> Option<Duration> {
        None
    }

    /// Asks another server; `left` is what is left of the request's time, and `limit` the longest that the answer may
    /// take.
    fn ask(
        &self,
        rpc: &Rpc,
        server: SocketAddr,
        left: Left,
        limit: Duration,
    ) -> impl Future<Output = Result<Self::Answer, RpcError>> + Send;

    /// Answers here.
    fn here(
        &mut self,
        rpc: &Rpc,
        raft: &Raft,
        left: Left,
    ) -> impl Future<Output = Result<Self::Answer, RpcError>> + Send;
}

/// The time that an attempt has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    /// For waiting until there is a leader.
    pub(super) hold: Duration,
    /// For waiting until there is a change; `None` when it is no blocking query.
    pub(super) wait: Option<Duration>,
}

/// A client's way from one server to the next: it turns to each of them before it pauses.
#[derive(Debug, Default)]
struct Round {
    /// Servers that were not asked yet; `None` before the first failure.
    untried: Option<usize>,
    /// Attempts in a row that found no connection.
    unconnected: usize,
}

/// What a client does after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Asks the next server.
    Other,
    /// Waits a moment.
    Pause,
    /// Gives up: no server can be connected to.
    Nobody,
}

impl Round {
    /// What to do after a failure, with as many `servers`.
    fn after(&mut self, error: &RpcError, servers: impl FnOnce() -> usize) -> Next {
        let servers = servers();
        let untried = self.untried.get_or_insert(servers);
        *untried = untried.saturating_sub(1);
        self.unconnected = if error.is_unconnected() {
            self.unconnected + 1
        } else {
            0
        };
        if self.unconnected >= servers.max(1) {
            Next::Nobody
        } else if *untried == 0 {
            Next::Pause
        } else {
            Next::Other
        }
    }
}

impl Rpc {
    /// Carries out a request. Boxed, so that what awaits it does not grow with all that it may do.
    pub(super) fn carry<'a, E: Errand + 'a>(
        &'a self,
        errand: E,
    ) -> BoxFuture<'a, Result<E::Answer, RpcError>> {
        Box::pin(self.try_until_done(errand))
    }

    async fn try_until_done<E: Errand>(&self, mut errand: E) -> Result<E::Answer, RpcError> {
        let begun = Instant::now();
        if self.shared.raft.is_none() {
            self.shared.admit_call()?;
        }
        let is_read = errand.is_read();
        let hold = self.shared.settings.hold_timeout;
        let whole_wait = errand.asked_wait().map(|asked| self.bounded_wait(asked));
        let mut patience = Patience::new(hold, is_read, whole_wait);
        let mut leadership = self.shared.raft.as_ref().map(Raft::leadership);
        let mut round = Round::default();
        loop {
            let began = begun.elapsed();
            let left = Left {
                hold: patience.hold_left(began),
                wait: patience.wait_left(began),
            };
            let limit = left.wait.map_or(CALL_LIMIT, |wait| longest(wait) + hold);
            let outcome = match (&self.shared.raft, &mut leadership) {
                (Some(raft), Some(leadership)) => {
                    self.attempt_on_server(raft, leadership, &mut errand, left, limit)
                        .await
                }
                // One hop more: the server that is asked may have to wait for its leader.
                _ => Box::pin(self.attempt_on_client(&errand, left, limit + hold)).await,
            };
            let error = match outcome {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let attempt = Attempt {
                began,
                ended: begun.elapsed(),
            };
            let again = patience.may_try_again(&error, attempt);
            let next = round.after(&error, || self.shared.list().len());
            let elsewhere = self.shared.raft.is_none() && error.is_unconnected();
            if !again || (!errand.is_patient() && !elsewhere) {
                return Err(error);
            }
            if self.shared.is_leaving() {
                return Err(RpcError::NoLeader);
            }
            let left = patience.hold_left(begun.elapsed());
            if let Some(leadership) = &mut leadership {
                self.wait_for_change(leadership, left).await;
                continue;
            }
            match next {
                Next::Other => {}
                Next::Pause => sleep(self.jitter().min(left)).await,
                // Consul's clients do not wait for servers either.
                Next::Nobody => return Err(error),
            }
        }
    }

    /// One attempt of a server. Marks the leadership on which it is based as seen.
    async fn attempt_on_server<E: Errand>(
        &self,
        raft: &Raft,
        leadership: &mut watch::Receiver<Leadership>,
        errand: &mut E,
        left: Left,
        limit: Duration,
    ) -> Result<E::Answer, RpcError> {
        if errand.is_stale() && has_met_a_leader(raft) {
            return errand.here(self, raft, left).await;
        }
        if self.shared.is_leaving() {
            return Err(RpcError::NoLeader);
        }
        let leader = {
            let now = leadership.borrow_and_update();
            if now.is_leader() {
                None
            } else {
                // Between two elections raft may name this server, which does not lead: nobody does.
                let other = now
                    .leader
                    .as_ref()
                    .filter(|leader| leader.id != raft.own_id());
                Some(other.ok_or(RpcError::NoLeader)?.clone())
            }
        };
        match leader {
            None => errand.here(self, raft, left).await,
            // Boxed: who leads answers without the room that a call takes.
            Some(leader) => Box::pin(self.ask_leader(raft, errand, &leader, left, limit)).await,
        }
    }

    /// Asks the leader for as long as it leads. Two servers that take each other for the leader cannot last: a server
    /// follows a leader of its own term, and a term has one leader.
    async fn ask_leader<E: Errand>(
        &self,
        raft: &Raft,
        errand: &E,
        leader: &Leader,
        left: Left,
        limit: Duration,
    ) -> Result<E::Answer, RpcError> {
        let address = self.address_of(leader)?;
        let moved = async {
            let mut leadership = raft.leadership();
            let _ = leadership
                .wait_for(|now| now.leader.as_ref() != Some(leader))
                .await;
        };
        let call = errand.ask(self, address, left, limit);
        self.while_there(call, moved, errand.is_read()).await
    }

    /// One attempt of a client.
    async fn attempt_on_client<E: Errand>(
        &self,
        errand: &E,
        left: Left,
        limit: Duration,
    ) -> Result<E::Answer, RpcError> {
        let server = self.shared.list().first().cloned();
        let server = server.ok_or(RpcError::NoServers)?;
        let gone = async {
            let mut known = self.shared.known.subscribe();
            let is_gone = |known: &Arc<[Server]>| known.iter().all(|there| there.id != server.id);
            let _ = known.wait_for(is_gone).await;
        };
        let call = errand.ask(self, server.address, left, limit);
        let answer = self.while_there(call, gone, errand.is_read()).await;
        answer.inspect_err(|error| self.note_failure(&server, error))
    }

    /// The outcome of a call, unless whom it was made to is gone before. A read is then made elsewhere; a write may
    /// have been made, so that its answer is waited for a little longer.
    async fn while_there<T>(
        &self,
        call: impl Future<Output = Result<T, RpcError>>,
        gone: impl Future<Output = ()>,
        is_read: bool,
    ) -> Result<T, RpcError> {
        tokio::pin!(call);
        tokio::select! {
            biased;
            outcome = &mut call => return outcome,
            () = gone => {}
        }
        if is_read {
            return Err(RpcError::Broken("who was asked is gone".to_owned()));
        }
        let late = timeout(self.shared.settings.hold_timeout, call).await;
        late.unwrap_or(Err(RpcError::TimedOut))
    }

    /// A client turns to another server after failures that are the server's.
    fn note_failure(&self, server: &Server, error: &RpcError) {
        if error.outcome() == super::error::Outcome::Answered {
            return;
        }
        self.shared.metrics.client_failed(&server.name);
        tracing::debug!(
            target: "agent.client",
            server = %server.name, address = %server.address, %error,
            "RPC failed to server"
        );
        self.shared.list().failed(&server.id);
    }

    /// Where a leader is: where gossip says, which learns of a new address before raft does.
    fn address_of(&self, leader: &Leader) -> Result<SocketAddr, RpcError> {
        let known = self.shared.known.borrow();
        if let Some(server) = known.iter().find(|server| server.id == leader.id) {
            return Ok(server.address);
        }
        let address = leader.address.parse();
        address.map_err(|_| RpcError::Unreachable(format!("{:?} is no address", leader.address)))
    }

    /// Waits until another attempt makes sense, at most for `left`: when the leadership changes; a moment later
    /// unless it is known that nobody leads.
    async fn wait_for_change(&self, leadership: &mut watch::Receiver<Leadership>, left: Duration) {
        let somebody_leads = leadership.borrow().leader.is_some();
        let limit = if somebody_leads {
            left.min(self.jitter())
        } else {
            left
        };
        // Whether it comes or not, the next attempt tells.
        if let Ok(Err(_)) = timeout(limit, leadership.changed()).await {
            // Raft has ended, and never tells of a change again.
            sleep(left.min(self.jitter())).await;
        }
    }

    /// A random pause, so that those who failed together do not come back together.
    fn jitter(&self) -> Duration {
        let most = self.shared.settings.hold_timeout / JITTER_FRACTION;
        rand::rng().random_range(Duration::ZERO..=most)
    }

    /// The time that a blocking query asks for, within the agent's bounds.
    pub(super) fn bounded_wait(&self, asked: Duration) -> Duration {
        let settings = &self.shared.settings;
        let wait = if asked.is_zero() {
            settings.default_query_time
        } else {
            asked
        };
        wait.min(settings.max_query_time)
    }
}

/// The longest time that whichever server waits for a blocking query's sake: it adds a random part.
fn longest(wait: Duration) -> Duration {
    wait + wait / JITTER_FRACTION
}

/// Whether this server's state may be shown at all: one that never heard of a leader since its start may be from
/// long ago.
fn has_met_a_leader(raft: &Raft) -> bool {
    raft.last_contact().is_some() || raft.history().iter().any(|change| change.leader.is_some())
}

/// Resolves when this server does not lead.
pub(super) async fn deposed(raft: &Raft) {
    // Raft that has ended does not lead either.
    let _ = raft.leadership().wait_for(|now| !now.is_leader()).await;
}

/// Counts as a name of a server that gossip does not know.
pub(super) const UNKNOWN_NAME: &str = "(unknown)";

/// The name of the server with a UUID.
pub(super) fn name_of(names: &BTreeMap<String, String>, id: &str) -> String {
    let found = names.get(id).cloned();
    found.unwrap_or_else(|| UNKNOWN_NAME.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gives_up_when_no_server_can_be_connected_to() {
        let dead = RpcError::Unreachable("refused".to_owned());
        let waits = RpcError::Remote(RpcError::NoLeader.to_string());
        let mut round = Round::default();
        let mut after = |error| round.after(error, || 3);
        assert_eq!(after(&dead), Next::Other);
        assert_eq!(after(&waits), Next::Other);
        assert_eq!(after(&dead), Next::Pause);
        assert_eq!(after(&dead), Next::Pause);
        assert_eq!(after(&dead), Next::Nobody);
        let mut round = Round::default();
        assert_eq!(round.after(&dead, || 1), Next::Nobody);
        // Gossip may take the last one away meanwhile.
        assert_eq!(Round::default().after(&dead, || 0), Next::Nobody);
    }
}
