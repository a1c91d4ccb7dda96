//! The cluster as one agent shows it at one moment: what everything on the screen is derived from.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::check::Check;
use super::facts::AgentFacts;
use crate::model::coordinate::NodeCoordinate;
use crate::model::gossip::GossipMember;
use crate::model::member::Member;
use crate::model::raft::{
    AutopilotConfiguration, LeaderChangeRecord, OperatorHealth, RaftConfiguration,
};

/// Milliseconds since 1970, UTC. All times of the dashboard are such numbers; the runtime reads the clock.
pub type Millis = i64;

/// Where a number comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The agent said it.
    Agent,
    /// Seen by comparing what the agent said at different times, since the dashboard started.
    Observed,
    /// The agent does not say it.
    #[default]
    Unavailable,
}

/// Why a part is missing or old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of trouble it is.
    pub kind: FaultKind,
    /// The error in one line.
    pub text: String,
}

/// The kinds of trouble that are shown in different ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The agent cannot be reached.
    Unreachable,
    /// The token does not allow it.
    Forbidden,
    /// The agent does not know the question.
    Unsupported,
    /// The cluster has no leader.
    NoLeader,
    /// What answers is no agent.
    Stranger,
    /// Anything else.
    Other,
}

/// One answer of the agent, kept while newer ones fail. Clones share the value.
#[derive(Debug)]
pub struct Part<T> {
    /// The newest answer, if there was ever one.
    pub value: Option<Arc<T>>,
    /// When it was given; 0 without one.
    pub sampled: Millis,
    /// What is wrong now; `None` while all is well.
    pub fault: Option<Fault>,
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self {
            value: None,
            sampled: 0,
            fault: None,
        }
    }
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            sampled: self.sampled,
            fault: self.fault.clone(),
        }
    }
}

impl<T> Part<T> {
    /// An answer.
    pub fn new(value: T, sampled: Millis) -> Self {
        Self {
            value: Some(Arc::new(value)),
            sampled,
            fault: None,
        }
    }

    /// The answer, if there is one.
    pub fn get(&self) -> Option<&T> {
        self.value.as_deref()
    }

    /// Takes what came: a value replaces the old one, a fault is put beside it. What the agent does not know, or may
    /// not tell, any more is not shown as if it did.
    pub fn take(&mut self, came: Result<T, Fault>, now: Millis) {
        match came {
            Ok(value) => *self = Self::new(value, now),
            Err(fault) => {
                if matches!(fault.kind, FaultKind::Forbidden | FaultKind::Unsupported) {
                    self.value = None;
                    self.sampled = 0;
                }
                self.fault = Some(fault);
            }
        }
    }

    /// When it was given, if newer questions failed.
    pub fn old_since(&self) -> Option<Millis> {
        (self.value.is_some() && self.fault.is_some()).then_some(self.sampled)
    }

    /// What kind of trouble there is.
    pub fn trouble(&self) -> Option<FaultKind> {
        self.fault.as_ref().map(|fault| fault.kind)
    }

    /// Whether the agent says it.
    pub fn source(&self) -> Source {
        match self.value {
            Some(_) => Source::Agent,
            None => Source::Unavailable,
        }
    }
}

/// An answer that came, for one part of the picture.
#[derive(Debug)]
pub enum Update {
    /// `/v1/agent/self`
    Agent(Result<AgentFacts, Fault>),
    /// `/v1/agent/members`
    Members(Result<Vec<Member>, Fault>),
    /// `/v1/health/state/any`
    Checks(Result<Vec<Arc<Check>>, Fault>),
    /// `/v1/catalog/services`
    Services(Result<BTreeMap<String, Vec<String>>, Fault>),
    /// `/v1/operator/autopilot/health`
    Health(Result<OperatorHealth, Fault>),
    /// `/v1/operator/raft/configuration`
    Raft(Result<RaftConfiguration, Fault>),
    /// `/v1/operator/autopilot/configuration`
    Autopilot(Result<AutopilotConfiguration, Fault>),
    /// `/v1/status/leader`
    Leader(Result<String, Fault>),
    /// `/v1/consulctl/leaders`
    Changes(Result<Vec<LeaderChangeRecord>, Fault>),
    /// `/v1/consulctl/gossip`
    Gossip(Result<Vec<GossipMember>, Fault>),
    /// `/v1/coordinate/nodes`
    Coordinates(Result<Vec<NodeCoordinate>, Fault>),
    /// How near the server that told the checks is to the leader.
    Contact(Result<Contact, Fault>),
    /// Whether the agent is there at all.
    Pulse(Result<(), Fault>),
}

impl Update {
    /// What went wrong.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Agent(came) => came.as_ref().err(),
            Self::Members(came) => came.as_ref().err(),
            Self::Checks(came) => came.as_ref().err(),
            Self::Services(came) => came.as_ref().err(),
            Self::Health(came) => came.as_ref().err(),
            Self::Raft(came) => came.as_ref().err(),
            Self::Autopilot(came) => came.as_ref().err(),
            Self::Leader(came) => came.as_ref().err(),
            Self::Changes(came) => came.as_ref().err(),
            Self::Gossip(came) => came.as_ref().err(),
            Self::Coordinates(came) => came.as_ref().err(),
            Self::Contact(came) => came.as_ref().err(),
            Self::Pulse(came) => came.as_ref().err(),
        }
    }
}

/// How near a server is to the leader: what it tells is as old as its last contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contact {
    /// Milliseconds since it heard of the leader.
    pub last_ms: u64,
    /// Whether it knows a leader.
    pub known_leader: bool,
}

impl Contact {
    /// From this on, a server's data is old: no leader keeps silent for so long.
    const MAX_MS: u64 = 10_000;

    /// Why its data may be old, if it may.
    pub fn trouble(self) -> Option<String> {
        if self.last_ms >= Self::MAX_MS {
            let age = super::words::short(Millis::try_from(self.last_ms).unwrap_or(Millis::MAX));
            Some(format!(
                "the server that answers heard of the leader {age} ago"
            ))
        } else if !self.known_leader {
            Some("the server that answers knows no leader".to_owned())
        } else {
            None
        }
    }
}

/// All parts. Cloning is cheap; a new answer makes a new snapshot, so that no screen is half old.
#[derive(Debug, Clone, Default)]
pub struct ClusterSnapshot {
    /// The agent's address as people write it.
    pub address: String,
    /// When the newest answer came.
    pub at: Millis,
    /// When the newest answer came that told something; 0 before.
    pub fresh: Millis,
    /// Whether the agent is there.
    pub pulse: Part<()>,
    /// How near the server that told the checks is to the leader.
    pub contact: Part<Contact>,
    /// The agent itself.
    pub agent: Part<AgentFacts>,
    /// The members of the LAN pool.
    pub members: Part<Vec<Member>>,
    /// All checks.
    pub checks: Part<Vec<Arc<Check>>>,
    /// All services with their tags.
    pub services: Part<BTreeMap<String, Vec<String>>>,
    /// The servers' health: one sample of the leader's.
    pub health: Part<OperatorHealth>,
    /// The servers of the raft configuration.
    pub raft: Part<RaftConfiguration>,
    /// Autopilot's thresholds.
    pub autopilot: Part<AutopilotConfiguration>,
    /// The leader's RPC address; empty without a leader.
    pub leader: Part<String>,
    /// Changes of leader that the server saw.
    pub changes: Part<Vec<LeaderChangeRecord>>,
    /// What members say of their part in gossip.
    pub gossip: Part<Vec<GossipMember>>,
    /// Network coordinates.
    pub coordinates: Part<Vec<NodeCoordinate>>,
}

impl ClusterSnapshot {
    /// Nothing known yet of the agent at `address`.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            ..Self::default()
        }
    }

    /// The same with an answer that came at `now`.
    #[must_use]
    pub fn with(mut self, update: Update, now: Millis) -> Self {
        let of_agent = matches!(update, Update::Agent(_) | Update::Pulse(_));
        if !of_agent && update.fault().is_none() && self.astray().is_some() {
            // Whatever answers there knows nothing of the cluster.
            return self;
        }
        if !matches!(update, Update::Pulse(_)) && update.fault().is_none() {
            self.fresh = now;
        }
        match update {
            Update::Agent(came) => self.agent.take(came, now),
            Update::Members(came) => self.members.take(came, now),
            Update::Checks(came) => self.checks.take(came, now),
            Update::Services(came) => self.services.take(came, now),
            Update::Health(came) => self.health.take(came, now),
            Update::Raft(came) => self.raft.take(came, now),
            Update::Autopilot(came) => self.autopilot.take(came, now),
            Update::Leader(came) => self.leader.take(came, now),
            Update::Changes(came) => self.changes.take(came, now),
            Update::Gossip(came) => self.gossip.take(came, now),
            Update::Coordinates(came) => self.coordinates.take(came, now),
            Update::Contact(came) => self.contact.take(came, now),
            Update::Pulse(came) => self.pulse.take(came, now),
        }
        self.at = now;
        self
    }

    /// Why there is no agent to ask, if there is none: nothing answers, or something that is no agent does.
    pub fn unreachable(&self) -> Option<&Fault> {
        let silent = self.pulse.fault.as_ref();
        silent.or_else(|| self.astray())
    }

    /// What the agent says of itself is not what an agent says, although something is there. Where nobody feels its
    /// pulse, its own part tells whether it is there at all.
    fn astray(&self) -> Option<&Fault> {
        let fault = self.agent.fault.as_ref();
        fault.filter(|fault| match fault.kind {
            FaultKind::Unreachable => !self.has_pulse(),
            FaultKind::Stranger => true,
            FaultKind::Forbidden
            | FaultKind::Unsupported
            | FaultKind::NoLeader
            | FaultKind::Other => false,
        })
    }

    /// Whether an answer of the pulse, or about the agent itself, is the one that [`Self::unreachable`] waits for.
    pub fn waits_for(&self, is_pulse: bool, is_agent: bool) -> bool {
        if self.pulse.fault.is_some() {
            is_pulse
        } else {
            is_agent && self.astray().is_some()
        }
    }

    fn has_pulse(&self) -> bool {
        self.pulse.value.is_some() || self.pulse.fault.is_some()
    }

    /// Whether the agent may leave out what the token may not see: access control is on, or the agent does not tell.
    pub fn may_hide(&self) -> bool {
        self.agent
            .get()
            .is_none_or(|agent| agent.acl != Some(false))
    }

    /// Why what the agent tells may be old although it answers.
    pub fn old(&self) -> Option<String> {
        self.contact.get().and_then(|contact| contact.trouble())
    }

    /// When the agent was last heard of; 0 before.
    pub fn heard(&self) -> Millis {
        self.fresh.max(self.pulse.sampled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: FaultKind) -> Fault {
        Fault {
            kind,
            text: "x".to_owned(),
        }
    }

    #[test]
    fn an_old_answer_stays_while_the_agent_is_away() {
        let snapshot = ClusterSnapshot::new("a").with(Update::Leader(Ok("s1".to_owned())), 5);
        let snapshot = snapshot.with(Update::Leader(Err(fault(FaultKind::Unreachable))), 9);
        assert_eq!(snapshot.leader.get().map(String::as_str), Some("s1"));
        assert_eq!(snapshot.leader.sampled, 5);
        assert_eq!(snapshot.leader.trouble(), Some(FaultKind::Unreachable));
    }

    #[test]
    fn what_is_no_agent_is_not_believed() {
        let snapshot = ClusterSnapshot::new("a").with(Update::Leader(Ok("s1".to_owned())), 5);
        let snapshot = snapshot.with(Update::Agent(Err(fault(FaultKind::Stranger))), 6);
        let snapshot = snapshot.with(Update::Leader(Ok(String::new())), 7);
        assert_eq!(snapshot.leader.get().map(String::as_str), Some("s1"));
        assert_eq!(snapshot.fresh, 5);
        assert!(snapshot.unreachable().is_some());
    }

    #[test]
    fn what_may_not_be_told_any_more_is_gone() {
        let snapshot = ClusterSnapshot::new("a").with(Update::Leader(Ok("s1".to_owned())), 5);
        let snapshot = snapshot.with(Update::Leader(Err(fault(FaultKind::Forbidden))), 9);
        assert_eq!(snapshot.leader.get(), None);
        assert_eq!(snapshot.leader.source(), Source::Unavailable);
    }
}
