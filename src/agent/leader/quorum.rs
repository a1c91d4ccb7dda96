//! Which servers form the cluster: the one change that is next. Pure.
//!
//! The rules are Consul's (`joinConsulServer`, `removeConsulServer`, autopilot's promotion and dead-server cleanup) with one
//! deviation: a dead voter is removed only where that raises the number of failures that the cluster survives. Consul
//! takes any minority out, so that three servers of which one restarts slowly become two, which survive nothing either;
//! the third then has to come back as a newcomer.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::agent::membership::server_tags::ServerInfo;
use crate::model::member::MemberStatus;
use crate::model::raft::{AutopilotConfiguration, RaftServer};

/// What the next change is decided from.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    /// The leader's node UUID.
    pub(super) own: &'a str,
    /// Raft's servers.
    pub(super) servers: &'a [RaftServer],
    /// The servers of this datacenter that gossip knows, whatever their state.
    pub(super) members: &'a [ServerInfo],
    /// Node UUIDs of servers that may be added or get a new address, see [`unplaced`]. One that an operator has removed is
    /// not among them until something is heard of it, or all members are compared.
    pub(super) joining: &'a BTreeSet<String>,
    /// Node UUIDs of servers that gossip has just forgotten.
    pub(super) reaped: &'a BTreeSet<String>,
    /// Node UUIDs of servers that have been healthy for the stabilization time.
    pub(super) stable: &'a BTreeSet<String>,
    /// Autopilot's configuration.
    pub(super) configuration: &'a AutopilotConfiguration,
    /// Whether gossip has had the time to find everybody: until then a server that it does not know is not stale.
    pub(super) settled: bool,
}

/// How far the next change may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Servers that joined, left, or earned their vote.
    Members,
    /// These, and dead servers that nobody has said goodbye for.
    Cleanup,
}

/// A change of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Add a server without a vote, or give one that is known its new address; it keeps its vote.
    Add {
        id: String,
        name: String,
        address: String,
    },
    /// Give a server its vote.
    Promote {
        id: String,
        name: String,
        address: String,
    },
    /// Remove a server.
    Remove { id: String, why: Why },
    /// Say in gossip that a failed server left, then remove it.
    Bury { id: String, name: String },
}

/// Why a server is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// It left.
    Left,
    /// Gossip has waited for it in vain.
    Reaped,
    /// Another server has its address now.
    SameAddress(String),
    /// Gossip does not know it.
    Stale,
}

/// Why something was not done. The texts are Consul's where it has them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error)]
pub(super) enum Refusal {
    /// Two servers may elect themselves: each has a cluster of its own.
    #[error(
        "Two nodes are in bootstrap mode. Only one node should be in bootstrap mode, not adding Raft peer."
    )]
    TwoBootstraps { node_to_add: String, other: String },
    /// The address of a new server belongs to the leader, or to too many voters.
    #[error(
        "Preventing server addition that would require removal of too many servers and cause cluster instability"
    )]
    TooManyRemovals { node_to_add: String },
    /// Too few voters would be left for the configuration.
    #[error(
        "denied, because removing {dead}/{voters} servers would leave less then minimal allowed quorum of {min_quorum} servers"
    )]
    BelowMinimum {
        dead: usize,
        voters: usize,
        min_quorum: u64,
    },
    /// Those who are dead are no minority.
    #[error("denied, because removing the majority of servers {dead}/{voters} is not safe")]
    Majority { dead: usize, voters: usize },
    /// Nobody has taken their place.
    #[error(
        "denied, because removing {dead}/{voters} servers that nobody replaces would not let the cluster survive more failures"
    )]
    NoGain { dead: usize, voters: usize },
}

/// The next change, and what is to be said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// To be done before anything else is decided; `None` when the cluster is as it should be.
    pub(super) change: Option<Change>,
    /// What was left undone on the way there, and why.
    pub(super) refusals: Vec<Refusal>,
}

/// What has become of one of raft's servers.
enum Fate<'a> {
    /// It is there, or at least not known to be dead.
    Present,
    Left,
    Reaped,
    Failed(&'a ServerInfo),
    Unknown,
}

/// Decides what is done next.
pub(super) fn decide(view: &View<'_>, scope: Scope) -> Decision {
    let known = by_id(view.members);
    let mut decision = Decision::default();
    decision.change = departure(view, &known)
        .or_else(|| arrival(view, &known, &mut decision.refusals))
        .or_else(|| promotion(view, &known));
    if decision.change.is_none() && scope == Scope::Cleanup {
        decision.change = cleanup(view, &known, &mut decision.refusals);
    }
    decision
}

/// The members by node UUID. A server that was renamed stands in gossip under both names: the one that answers counts.
pub(super) fn by_id(members: &[ServerInfo]) -> BTreeMap<&str, &ServerInfo> {
    let mut known: BTreeMap<&str, &ServerInfo> = BTreeMap::new();
    for member in members.iter().filter(|member| !member.id.is_empty()) {
        known
            .entry(&member.id)
            .and_modify(|best| {
                if liveliness(member.status) > liveliness(best.status) {
                    *best = member;
                }
            })
            .or_insert(member);
    }
    known
}

fn liveliness(status: MemberStatus) -> u8 {
    match status {
        MemberStatus::Alive => 4,
        MemberStatus::Leaving => 3,
        MemberStatus::Failed => 2,
        MemberStatus::Left => 1,
        MemberStatus::None => 0,
    }
}

fn fate<'a>(
    server: &RaftServer,
    view: &View<'_>,
    known: &BTreeMap<&str, &'a ServerInfo>,
) -> Fate<'a> {
    // The leader is there, whatever gossip says. When it leaves, its successor removes it.
    if server.id == view.own {
        return Fate::Present;
    }
    match known.get(server.id.as_str()) {
        Some(member) => match member.status {
            MemberStatus::Left => Fate::Left,
            MemberStatus::Failed => Fate::Failed(member),
            MemberStatus::Alive | MemberStatus::Leaving | MemberStatus::None => Fate::Present,
        },
        None if view.reaped.contains(&server.id) => Fate::Reaped,
        None => Fate::Unknown,
    }
}

/// A server that said goodbye, or was waited for in vain, goes without further conditions.
fn departure(view: &View<'_>, known: &BTreeMap<&str, &ServerInfo>) -> Option<Change> {
    view.servers.iter().find_map(|server| {
        let why = match fate(server, view, known) {
            Fate::Left => Why::Left,
            Fate::Reaped => Why::Reaped,
            Fate::Present | Fate::Failed(_) | Fate::Unknown => return None,
        };
        let id = server.id.clone();
        Some(Change::Remove { id, why })
    })
}

/// A living server that joins, and that raft does not know, or knows at another address.
fn arrival(
    view: &View<'_>,
    known: &BTreeMap<&str, &ServerInfo>,
    refusals: &mut Vec<Refusal>,
) -> Option<Change> {
    let mut joining: Vec<&ServerInfo> = known
        .values()
        .copied()
        .filter(|member| view.joining.contains(&member.id))
        .filter(|member| is_unplaced(member, view.own, view.servers))
        .collect();
    joining.sort_by(|a, b| a.name.cmp(&b.name));
    joining.into_iter().find_map(|member| {
        let address = member.rpc.to_string();
        if let Some(other) = second_bootstrap(member, view.members) {
            refusals.push(Refusal::TwoBootstraps {
                node_to_add: member.name.clone(),
                other: other.name.clone(),
            });
            return None;
        }
        make_room(member, &address, view, refusals).unwrap_or_else(|| {
            Some(Change::Add {
                id: member.id.clone(),
                name: member.name.clone(),
                address,
            })
        })
    })
}

/// The living servers besides the leader that raft does not have, or not where they are.
pub(super) fn unplaced(
    own: &str,
    members: &[ServerInfo],
    servers: &[RaftServer],
) -> BTreeSet<String> {
    by_id(members)
        .into_values()
        .filter(|member| is_unplaced(member, own, servers))
        .map(|member| member.id.clone())
        .collect()
}

fn is_unplaced(member: &ServerInfo, own: &str, servers: &[RaftServer]) -> bool {
    let address = member.rpc.to_string();
    let has_place = |server: &RaftServer| server.id == member.id && server.address == address;
    member.status == MemberStatus::Alive && member.id != own && !servers.iter().any(has_place)
}

fn second_bootstrap<'a>(member: &ServerInfo, members: &'a [ServerInfo]) -> Option<&'a ServerInfo> {
    let is_rival = |other: &&ServerInfo| {
        other.bootstrap && other.name != member.name && other.status != MemberStatus::Left
    };
    member.bootstrap.then(|| members.iter().find(is_rival))?
}

/// Whoever has a newcomer's address has to go first: it is a server whose data were lost, or whose address was given away.
/// The outer `None` means that nobody has it, the inner one that the newcomer has to stay outside.
#[expect(
    clippy::option_option,
    reason = "free, to be freed and not to be freed are three answers"
)]
fn make_room(
    member: &ServerInfo,
    address: &str,
    view: &View<'_>,
    refusals: &mut Vec<Refusal>,
) -> Option<Option<Change>> {
    let holders = || {
        let has_address =
            |server: &&RaftServer| server.address == address && server.id != member.id;
        view.servers.iter().filter(has_address)
    };
    let first = holders().next()?;
    let voters = voters(view).count();
    let losses = holders().filter(|server| server.voter).count();
    let is_own = holders().any(|server| server.id == view.own);
    if is_own || voters - losses < required(voters) {
        refusals.push(Refusal::TooManyRemovals {
            node_to_add: member.name.clone(),
        });
        return Some(None);
    }
    Some(Some(Change::Remove {
        id: first.id.clone(),
        why: Why::SameAddress(address.to_owned()),
    }))
}

/// A server that has been healthy for long enough votes.
fn promotion(view: &View<'_>, known: &BTreeMap<&str, &ServerInfo>) -> Option<Change> {
    let mut waiting = view.servers.iter().filter(|server| !server.voter);
    waiting.find_map(|server| {
        let member = known.get(server.id.as_str())?;
        let is_ready = member.status == MemberStatus::Alive
            && !member.non_voter
            && view.stable.contains(&server.id);
        is_ready.then(|| Change::Promote {
            id: server.id.clone(),
            name: member.name.clone(),
            address: server.address.clone(),
        })
    })
}

/// A dead server without a vote goes at once, a voter when the cluster survives more without it.
fn cleanup(
    view: &View<'_>,
    known: &BTreeMap<&str, &ServerInfo>,
    refusals: &mut Vec<Refusal>,
) -> Option<Change> {
    if !view.configuration.cleanup_dead_servers {
        return None;
    }
    let burial = |server: &RaftServer| match fate(server, view, known) {
        Fate::Failed(member) => Some(Change::Bury {
            id: server.id.clone(),
            name: member.name.clone(),
        }),
        Fate::Unknown if view.settled => Some(Change::Remove {
            id: server.id.clone(),
            why: Why::Stale,
        }),
        _ => None,
    };
    let mut silent = view.servers.iter().filter(|server| !server.voter);
    if let Some(change) = silent.find_map(burial) {
        return Some(change);
    }
    let change = voters(view).find_map(burial)?;
    // A server that gossip has not found yet is not removed, but does not count as living either.
    let is_dead =
        |server: &&RaftServer| matches!(fate(server, view, known), Fate::Failed(_) | Fate::Unknown);
    let dead = voters(view).filter(is_dead).count();
    match refuse(voters(view).count(), dead, view.configuration.min_quorum) {
        Some(refusal) => {
            refusals.push(refusal);
            None
        }
        None => Some(change),
    }
}

/// Why a dead voter stays; `None` when it may go.
fn refuse(voters: usize, dead: usize, min_quorum: u64) -> Option<Refusal> {
    let living = voters - dead;
    if u64::try_from(living).is_ok_and(|living| living < min_quorum) {
        return Some(Refusal::BelowMinimum {
            dead,
            voters,
            min_quorum,
        });
    }
    if dead > voters.saturating_sub(1) / 2 {
        return Some(Refusal::Majority { dead, voters });
    }
    // The same number is alive before and after: only a smaller quorum makes the cluster safer.
    (required(living) >= required(voters)).then_some(Refusal::NoGain { dead, voters })
}

fn voters<'a>(view: &View<'a>) -> impl Iterator<Item = &'a RaftServer> {
    view.servers.iter().filter(|server| server.voter)
}

/// Voters that have to agree.
pub(super) fn required(voters: usize) -> usize {
    voters / 2 + 1
}

#[cfg(test)]
mod tests;
