//! Who leads, who led, and what ended raft.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use openraft::alias::WatchReceiverOf;
use openraft::async_runtime::WatchReceiver as _;
use openraft::metrics::{RaftDataMetrics, RaftServerMetrics};
use openraft::{Instant as _, RaftMetrics, ServerState};
use tokio::sync::watch;
use tokio::time::Instant;

use super::campaign::Campaign;
use super::contact::Contact;
use super::election_log::{Turn, tell_peers};
use super::log_store::LogStore;
use super::meters::Meters;
use super::network::{Addresses, Place};
use super::settings::{Clock, Timing};
use super::state_machine::{Published, StateMachine};
use super::types::{NodeInfo, TypeConfig};

/// Changes of leader that are remembered.
const HISTORY: usize = 128;
/// Longest time between two looks, for the metrics' sake.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

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
    /// Follows, or is not a voter, or not yet in any cluster; Consul calls all of them followers.
    #[default]
    Follower,
    /// Asks for votes, or whether it would get them.
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
    pub(super) data: WatchReceiverOf<TypeConfig, RaftDataMetrics<TypeConfig>>,
    pub(super) metrics: WatchReceiverOf<TypeConfig, RaftMetrics<TypeConfig>>,
    pub(super) log: LogStore,
    pub(super) clock: Clock,
    pub(super) timing: Timing,
    /// When a leader was last heard.
    pub(super) contact: Arc<Contact>,
    /// Where the other servers are: kept as the membership says.
    pub(super) addresses: Addresses,
    /// Whether this server stands for election.
    pub(super) campaign: Arc<Campaign>,
    pub(super) meters: Arc<Meters>,
    pub(super) published: Published,
    /// This server.
    pub(super) own: NodeInfo,
    pub(super) history: History,
    pub(super) leadership: watch::Sender<Leadership>,
    pub(super) failure: watch::Sender<Option<String>>,
    /// Told whenever this server starts to lead.
    pub(super) elected: tokio::sync::mpsc::Sender<()>,
    pub(super) memory: Memory,
}

/// What the observer remembers between two looks.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The term in which this server leads, and since when.
    leading: Option<(u64, Instant)>,
    /// The last leader that was known, and its term.
    last_leader: Option<(u64, Leader)>,
    /// The membership entry from which the addresses were taken.
    addresses_of: Option<super::types::LogId>,
    /// To whom this server sends its log as the leader.
    peers: BTreeSet<String>,
    /// When the last contacts of the voters were measured.
    measured: Option<Instant>,
}

impl Observer {
    /// Publishes every change of leadership, and the failure that ends raft.
    pub(super) async fn run(mut self) {
        loop {
            let metrics = self.server.borrow_and_update().clone();
            self.note_addresses(&metrics);
            let now = self.judge(&metrics);
            let may_fall_silent = match metrics.state {
                ServerState::Leader => metrics.membership_config.voter_ids().nth(1).is_some(),
                _ => now.leader.is_some(),
            };
            self.publish(now, &metrics);
            self.note_peers(&metrics);
            self.measure(&metrics);
            let look_every = if may_fall_silent {
                self.timing.look_every
            } else {
                MEASURE_EVERY
            };
            let (contact, campaign) = (Arc::clone(&self.contact), Arc::clone(&self.campaign));
            tokio::select! {
                changed = self.server.changed() => if changed.is_err() {
                    break;
                },
                () = contact.back() => {}
                () = campaign.begins() => {}
                // Silence does not announce itself.
                () = tokio::time::sleep(look_every) => {}
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
        let ended = Leadership {
            role: Role::Shutdown,
            leader: None,
            ..last
        };
        let metrics = self.server.borrow_watched().clone();
        self.publish(ended, &metrics);
        if let Some(reason) = reason {
            tracing::error!(target: "agent.server.raft", error = %reason, "raft has stopped");
            self.failure.send_replace(Some(reason));
        }
    }

    /// The leadership as openraft has it, without a leader that is not heard any more, and without one that no longer
    /// hears a majority.
    fn judge(&mut self, metrics: &RaftServerMetrics<TypeConfig>) -> Leadership {
        let mut now = view(metrics);
        if metrics.state == ServerState::Leader {
            self.campaign.ends();
            let since = match self.memory.leading {
                Some((term, since)) if term == now.term => since,
                _ => self.memory.leading.insert((now.term, Instant::now())).1,
            };
            let is_alone = metrics.membership_config.voter_ids().nth(1).is_none();
            let acknowledged = self.data.borrow_watched().last_quorum_acked;
            let silence =
                acknowledged.map_or(since.elapsed(), |at| at.elapsed().min(since.elapsed()));
            if !is_alone && silence >= self.timing.quorum_patience {
                now.role = Role::Follower;
                now.leader = None;
            }
        } else {
            self.memory.leading = None;
            let is_heard = self
                .contact
                .is_recent(now.term, self.timing.leader_patience);
            now.leader = now.leader.filter(|_| is_heard);
            let stands = || self.campaign.term_since(self.contact.heard_at()).is_some();
            if now.role == Role::Follower && now.leader.is_none() && stands() {
                now.role = Role::Candidate;
            }
        }
        now
    }

    fn note_addresses(&mut self, metrics: &RaftServerMetrics<TypeConfig>) {
        let membership = &metrics.membership_config;
        if self.memory.addresses_of == *membership.log_id() {
            return;
        }
        self.memory.addresses_of = *membership.log_id();
        let nodes = membership.nodes();
        let voters: Vec<u64> = membership.voter_ids().collect();
        let places = nodes.map(|(id, node)| {
            let place = Place {
                address: node.address.clone(),
                votes: voters.contains(id),
            };
            (node.uuid.clone(), place)
        });
        self.addresses
            .store(Arc::new(places.collect::<BTreeMap<_, _>>()));
    }

    /// Tells to whom this server sends its log, as far as that has changed.
    fn note_peers(&mut self, metrics: &RaftServerMetrics<TypeConfig>) {
        if metrics.state != ServerState::Leader {
            self.memory.peers.clear();
            return;
        }
        let nodes = metrics.membership_config.nodes().map(|(_, node)| node);
        let now: BTreeSet<&String> = nodes
            .map(|node| &node.uuid)
            .filter(|uuid| **uuid != self.own.uuid)
            .collect();
        if now.iter().copied().eq(&self.memory.peers) {
            return;
        }
        let now: BTreeSet<String> = now.into_iter().cloned().collect();
        let before = std::mem::take(&mut self.memory.peers);
        let last = self.log.last().map_or(0, |id| id.index());
        tell_peers(now.difference(&before), before.difference(&now), last);
        self.memory.peers = now;
    }

    fn measure(&mut self, metrics: &RaftServerMetrics<TypeConfig>) {
        let every = self.timing.quorum_patience / 2;
        if self.memory.measured.is_some_and(|at| at.elapsed() < every) {
            return;
        }
        self.memory.measured = Some(Instant::now());
        let applied = self.published.load().applied;
        let index = |id: super::types::LogId| id.index();
        self.meters
            .indexes(self.log.last().map_or(0, index), applied.map_or(0, index));
        if metrics.state != ServerState::Leader {
            return;
        }
        let data = self.data.borrow_watched();
        let Some(heard) = &data.heartbeat else { return };
        let voters = metrics.membership_config.voter_ids();
        for at in voters
            .filter(|id| *id != metrics.id)
            .filter_map(|id| *heard.get(&id)?)
        {
            self.meters.last_contact.record_duration(at.elapsed());
        }
    }

    fn publish(&mut self, now: Leadership, metrics: &RaftServerMetrics<TypeConfig>) {
        let before = self.leadership.borrow().clone();
        if before == now {
            return;
        }
        if before.leader != now.leader || (now.leader.is_some() && before.term != now.term) {
            self.remember(&before, &now);
        }
        let last_leader = self.memory.last_leader.as_ref();
        if before.role != now.role || (now.role == Role::Candidate && before.term != now.term) {
            self.meters.becomes(now.role);
            let turn = Turn {
                before: &before,
                now: &now,
                own: &self.own.address,
                last_leader: last_leader.map_or("", |(_, leader)| &leader.address),
                campaign: self.campaign.term_since(self.contact.heard_at()),
                is_handover: self.campaign.is_handover(),
                majority: metrics.membership_config.voter_ids().count() / 2 + 1,
            };
            turn.tell();
        }
        if let Some(leader) = &now.leader {
            self.memory.last_leader = Some((now.term, leader.clone()));
        }
        let elected = now.is_leader() && !before.is_leader();
        self.leadership.send_replace(now);
        if elected {
            // A full channel means that the last election has not been dealt with yet.
            let _ = self.elected.try_send(());
        }
    }

    fn remember(&self, before: &Leadership, now: &Leadership) {
        let last = self.memory.last_leader.as_ref();
        let reason = match (&before.leader, &now.leader) {
            _ if now.role == Role::Shutdown => "this server stopped",
            (None, Some(leader)) if last.is_some_and(|(t, l)| *t == now.term && l == leader) => {
                "the leader was heard again"
            }
            (_, Some(_)) if now.is_leader() => "this server won the election",
            (Some(a), Some(b)) if a.id == b.id && before.term == now.term => "its address changed",
            (_, Some(_)) => "another server won the election",
            (_, None) if before.is_leader() && before.term == now.term => {
                "a majority was not heard any more"
            }
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
