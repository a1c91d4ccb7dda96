//! Who leads, who led, and what ended raft.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use openraft::alias::WatchReceiverOf;
use openraft::async_runtime::WatchReceiver as _;
use openraft::metrics::RaftServerMetrics;
use openraft::{RaftMetrics, ServerState};
use tokio::sync::watch;

use super::log_store::LogStore;
use super::settings::Clock;
use super::state_machine::StateMachine;
use super::types::TypeConfig;

/// Changes of leader that are remembered.
const HISTORY: usize = 128;

/// openraft's handle, over our state machine.
pub(super) type Core = openraft::Raft<TypeConfig, StateMachine>;

/// A leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// Its node UUID.
    pub id: String,
    /// Its RPC address.
    pub address: String,
}

/// What this server is in the cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    /// Not a voter, or not yet in any cluster; Consul calls it a follower, too.
    #[default]
    Follower,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
    /// Stopped.
    Shutdown,
}

impl Role {
    /// The role in Consul's words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Follower => "Follower",
            Self::Candidate => "Candidate",
            Self::Leader => "Leader",
            Self::Shutdown => "Shutdown",
        }
    }
}

/// The leadership as this server sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The current term.
    pub term: u64,
    /// What this server is.
    pub role: Role,
    /// Who leads, when that is known.
    pub leader: Option<Leader>,
}

impl Leadership {
    /// Whether this server leads.
    pub fn is_leader(&self) -> bool {
        self.role == Role::Leader
    }
}

/// One change of leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderChange {
    /// When this server learned of it.
    pub at: SystemTime,
    /// The term.
    pub term: u64,
    /// The leader; nobody when it was lost.
    pub leader: Option<Leader>,
    /// Why, in a few words for people.
    pub reason: &'static str,
}

/// The ring of leader changes, oldest first.
pub(super) type History = Arc<Mutex<VecDeque<LeaderChange>>>;

/// Why raft has stopped; set once.
pub(super) type Failure = watch::Receiver<Option<String>>;

/// Follows openraft until it ends.
pub(super) struct Observer {
    pub(super) server: WatchReceiverOf<TypeConfig, RaftServerMetrics<TypeConfig>>,
    pub(super) metrics: WatchReceiverOf<TypeConfig, RaftMetrics<TypeConfig>>,
    pub(super) log: LogStore,
    pub(super) clock: Clock,
    pub(super) history: History,
    pub(super) leadership: watch::Sender<Leadership>,
    pub(super) failure: watch::Sender<Option<String>>,
    /// Told whenever this server starts to lead.
    pub(super) elected: tokio::sync::mpsc::Sender<()>,
}

impl Observer {
    /// Publishes every change of leadership, and the failure that ends raft.
    pub(super) async fn run(mut self) {
        loop {
            let now = view(&self.server.borrow_and_update());
            self.publish(now);
            if self.server.changed().await.is_err() {
                break;
            }
        }
        // openraft has ended: of its own accord, or because it was asked to.
        let reason =
            self.log
                .failure()
                .or_else(|| match &self.metrics.borrow_watched().running_state {
                    Ok(()) | Err(openraft::errors::Fatal::Stopped) => None,
                    Err(fatal) => Some(fatal.to_string()),
                });
        let last = self.leadership.borrow().clone();
        self.publish(Leadership {
            role: Role::Shutdown,
            leader: None,
            ..last
        });
        if let Some(reason) = reason {
            tracing::error!(target: "agent.server.raft", error = %reason, "raft has stopped");
            self.failure.send_replace(Some(reason));
        }
    }

    fn publish(&self, now: Leadership) {
        let before = self.leadership.borrow().clone();
        if before == now {
            return;
        }
        if before.leader != now.leader || (now.leader.is_some() && before.term != now.term) {
            self.remember(&before, &now);
        }
        let elected = now.is_leader() && !before.is_leader();
        if before.role != now.role {
            tracing::info!(
                target: "agent.server.raft",
                term = now.term,
                "entering {} state", now.role.as_str().to_lowercase()
            );
        }
        self.leadership.send_replace(now);
        if elected {
            // A full channel means that the last election has not been dealt with yet.
            let _ = self.elected.try_send(());
        }
    }

    fn remember(&self, before: &Leadership, now: &Leadership) {
        let reason = match (&before.leader, &now.leader) {
            _ if now.role == Role::Shutdown => "this server stopped",
            (_, Some(_)) if now.is_leader() => "this server won the election",
            (Some(a), Some(b)) if a.id == b.id && before.term == now.term => "its address changed",
            (_, Some(_)) => "another server won the election",
            (_, None) => "the leader was lost",
        };
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        if history.len() == HISTORY {
            history.pop_front();
        }
        history.push_back(LeaderChange {
            at: (self.clock)(),
            term: now.term,
            leader: now.leader.clone(),
            reason,
        });
    }
}

fn view(metrics: &RaftServerMetrics<TypeConfig>) -> Leadership {
    let membership = metrics.membership_config.membership();
    Leadership {
        term: metrics.vote.leader_id().term,
        role: match metrics.state {
            ServerState::Learner | ServerState::Follower => Role::Follower,
            ServerState::Candidate => Role::Candidate,
            ServerState::Leader => Role::Leader,
            ServerState::Shutdown => Role::Shutdown,
        },
        leader: metrics
            .current_leader
            .and_then(|id| membership.get_node(&id))
            .map(|node| Leader {
                id: node.uuid.clone(),
                address: node.address.clone(),
            }),
    }
}
