//! The picture of the cluster: every number that is shown anywhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::checks::{self, CheckRow, ServiceRow};
use super::nodes::{self, NodeRow};
use super::peers::{self, PeerRow};
use super::problems::{self, Problem};
use crate::model::check::Status;
use crate::model::member::MemberStatus;
use crate::tui::facts::AgentFacts;
use crate::tui::observed::Observations;
use crate::tui::snapshot::{ClusterSnapshot, Millis, Part, Source};
use crate::tui::thresholds::Thresholds;
use crate::tui::timeline::{DAY, Timeline};

/// Who watches for less than so many milliseconds cannot tell that nothing changed.
const MIN_WATCH: Millis = 5000;

/// The leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// Its node's name; its address where nobody knows the name.
    pub name: String,
    /// The term; `None` where the agent does not say.
    pub term: Option<u64>,
    /// Since when it leads.
    pub since: Option<Millis>,
    /// Whether it has led for longer than that.
    pub at_least: bool,
}

/// The servers as a quorum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Servers {
    /// Servers of the raft configuration; `None` where nobody tells them.
    pub total: Option<usize>,
    /// Those that vote; `None` where nobody tells them.
    pub voters: Option<usize>,
    /// Those that autopilot finds healthy; `None` where its report is missing.
    pub healthy: Option<usize>,
    /// How many more may fail; `None` where autopilot's report is missing.
    pub tolerates: Option<u64>,
    /// When this was so, if newer questions failed.
    pub old_since: Option<Millis>,
}

/// How many members are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeCounts {
    /// Alive.
    pub alive: usize,
    /// Failed.
    pub failed: usize,
    /// On their way out, or in a state that nobody knows.
    pub leaving: usize,
    /// Left.
    pub left: usize,
}

/// How many checks are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckCounts {
    /// Passing.
    pub passing: usize,
    /// Warning.
    pub warning: usize,
    /// Critical.
    pub critical: usize,
}

/// Counts that grow when a part of the picture changes. Ages change without it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Versions {
    /// Of the checks.
    pub checks: u64,
    /// Of the services.
    pub services: u64,
    /// Of the members.
    pub nodes: u64,
    /// Of the problems.
    pub problems: u64,
}

/// Which answers the large parts of a picture were made from.
#[derive(Debug, Clone, Default, PartialEq)]
struct Origins {
    checks: Stamp,
    services: (Stamp, Stamp),
    nodes: (
        [Stamp; 3],
        Option<AgentFacts>,
        Option<String>,
        Thresholds,
        Millis,
    ),
}

/// An answer: when it came and where it lies. Two answers of one millisecond lie in different places.
type Stamp = (Millis, usize);

fn stamp<T>(part: &Part<T>) -> Stamp {
    let place = part.value.as_ref().map(|value| Arc::as_ptr(value).addr());
    (part.sampled, place.unwrap_or_default())
}

/// What is shown.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    /// Which parts are others than those of the picture before.
    pub versions: Versions,
    origins: Origins,
    /// When it was made.
    pub at: Millis,
    /// Whether the agent said who leads, or that nobody does.
    pub leader_known: bool,
    /// The leader.
    pub leader: Option<Leader>,
    /// Changes of leader within [`Self::leader_span`]; `None` where nobody tells them.
    pub leader_changes: Option<usize>,
    /// The last day, or less where the record is younger.
    pub leader_span: Millis,
    /// Who led.
    pub timeline: Timeline,
    /// The servers as a quorum.
    pub servers: Servers,
    /// The limits that apply.
    pub limits: Thresholds,
    /// Members by state; `None` where nobody tells them.
    pub node_counts: Option<NodeCounts>,
    /// Checks by state; `None` where nobody tells them. Every cluster has checks: an empty list is what a token without
    /// rights is told.
    pub check_counts: Option<CheckCounts>,
    /// The servers of raft, leader first.
    pub peers: Vec<PeerRow>,
    /// The members, servers first.
    pub nodes: Arc<Vec<NodeRow>>,
    /// The checks, critical first.
    pub checks: Arc<Vec<CheckRow>>,
    /// The services, those that are down first.
    pub services: Arc<Vec<ServiceRow>>,
    /// What is wrong, newest first.
    pub problems: Vec<Problem>,
}

impl Picture {
    /// The largest lag of all followers.
    pub fn worst_lag(&self) -> Option<u64> {
        self.peers.iter().filter_map(|peer| peer.lag).max()
    }

    /// The leader's last log index.
    pub fn leader_index(&self) -> Option<u64> {
        let leader = self.peers.iter().find(|peer| peer.leader)?;
        leader.last_index
    }

    /// The members, worst first.
    pub fn worst_nodes(&self) -> Vec<&NodeRow> {
        let mut rows: Vec<&NodeRow> = self.nodes.iter().collect();
        rows.sort_by(|a, b| {
            b.badness()
                .cmp(&a.badness())
                .then_with(|| a.name.cmp(&b.name))
        });
        rows
    }

    /// Where the health scores of other nodes come from.
    pub fn score_source(snapshot: &ClusterSnapshot) -> Source {
        snapshot.gossip.source()
    }
}

/// Makes the picture. Looks at the snapshot first, so that times are known.
pub fn derive(
    now: Millis,
    snapshot: &ClusterSnapshot,
    seen: &mut Observations,
    limits: &Thresholds,
) -> Picture {
    derive_after(&Picture::default(), now, snapshot, seen, limits)
}

/// The same, after an older picture: of its large parts those are kept that newer answers do not change.
pub fn derive_after(
    old: &Picture,
    now: Millis,
    snapshot: &ClusterSnapshot,
    seen: &mut Observations,
    limits: &Thresholds,
) -> Picture {
    seen.see(snapshot);
    let mut limits = *limits;
    if let Some(autopilot) = snapshot.autopilot.get() {
        limits.lag_max = autopilot.max_trailing_logs;
        limits.lag_warn = limits.lag_warn.min(limits.lag_max);
        limits.contact_max_ms = autopilot.last_contact_threshold.0 / 1_000_000;
    }
    let mut picture = Picture {
        at: now,
        limits,
        peers: peers::rows(snapshot, &limits),
        versions: old.versions,
        origins: old.origins.clone(),
        checks: Arc::clone(&old.checks),
        services: Arc::clone(&old.services),
        nodes: Arc::clone(&old.nodes),
        ..Picture::default()
    };
    let names = names(snapshot);
    let name = |id: &str, address: &str| {
        let found = names.get(id).or_else(|| names.get(address));
        found.map_or(address, |name| *name).to_owned()
    };
    picture.timeline = Timeline::new(snapshot, seen, name);
    picture.leader_span = picture.timeline.span(now).min(DAY);
    let is_record = match picture.timeline.source {
        Source::Agent => true,
        Source::Observed => picture.leader_span >= MIN_WATCH,
        Source::Unavailable => false,
    };
    picture.leader_changes = is_record.then(|| picture.timeline.changes_since(now - DAY));
    (picture.leader_known, picture.leader) = leader(snapshot, seen, &picture, name);
    picture.renew_checks(snapshot, seen);
    picture.renew_nodes(snapshot, seen);
    picture.servers = servers(snapshot, &picture.peers);
    let members = snapshot.members.get();
    picture.node_counts = members.map(|_| node_counts(&picture.nodes));
    picture.check_counts = (!picture.checks.is_empty()).then(|| check_counts(&picture.checks));
    picture.problems = problems::find(&picture, &limits);
    seen.date(&mut picture.problems, now);
    problems::sort(&mut picture.problems);
    if picture.problems != old.problems {
        picture.versions.problems += 1;
    }
    picture
}

/// How long flaps may be counted as they were.
const FLAPS_STAND: Millis = 30_000;

impl Picture {
    fn renew_checks(&mut self, snapshot: &ClusterSnapshot, seen: &Observations) {
        let origin = stamp(&snapshot.checks);
        if origin != self.origins.checks {
            self.origins.checks = origin;
            self.versions.checks += 1;
            self.checks = Arc::new(checks::rows(snapshot, seen));
        }
        let origin = (origin, stamp(&snapshot.services));
        if origin != self.origins.services {
            self.origins.services = origin;
            self.versions.services += 1;
            self.services = Arc::new(checks::services(snapshot, &self.checks));
        }
    }

    fn renew_nodes(&mut self, snapshot: &ClusterSnapshot, seen: &Observations) {
        let leader = self.leader.as_ref().map(|leader| leader.name.clone());
        let agent = snapshot.agent.get().map(|agent| AgentFacts {
            node: agent.node.clone(),
            score: agent.score,
            ..AgentFacts::default()
        });
        let answers = [
            stamp(&snapshot.members),
            stamp(&snapshot.gossip),
            stamp(&snapshot.coordinates),
        ];
        let origin = (answers, agent, leader, self.limits, self.at / FLAPS_STAND);
        if origin != self.origins.nodes {
            let leader = origin.2.as_deref();
            self.nodes = Arc::new(nodes::rows(self.at, snapshot, seen, leader));
            self.versions.nodes += 1;
            self.origins.nodes = origin;
        }
    }
}

/// Names of servers by their UUIDs and by their RPC addresses.
fn names(snapshot: &ClusterSnapshot) -> BTreeMap<&str, &str> {
    let mut names = BTreeMap::new();
    for server in snapshot.raft.get().iter().flat_map(|raft| &raft.servers) {
        if server.node != "(unknown)" {
            names.insert(server.id.as_str(), server.node.as_str());
            names.insert(server.address.as_str(), server.node.as_str());
        }
    }
    for server in snapshot
        .health
        .get()
        .iter()
        .flat_map(|health| &health.servers)
    {
        if !server.name.is_empty() {
            names.insert(server.id.as_str(), server.name.as_str());
            names.insert(server.address.as_str(), server.name.as_str());
        }
    }
    for member in snapshot.members.get().into_iter().flatten() {
        if let Some(id) = member.tags.get("id") {
            names.insert(id, member.name.as_str());
        }
    }
    names
}

/// Whether it is known who leads, and who does.
fn leader(
    snapshot: &ClusterSnapshot,
    seen: &Observations,
    picture: &Picture,
    name: impl Fn(&str, &str) -> String,
) -> (bool, Option<Leader>) {
    // While the agent is away everything is old and looks so; otherwise only the newest answer counts.
    let old = snapshot.leader.fault.is_some() && snapshot.unreachable().is_none();
    let Some(address) = snapshot.leader.get().filter(|_| !old) else {
        return (false, None);
    };
    if address.is_empty() {
        return (true, None);
    }
    let by_member = || {
        let members = snapshot.members.get()?;
        let found = members.iter().find(|member| {
            let port = member
                .tags
                .get("port")
                .filter(|_| member.tags.get("role").is_some_and(|role| role == "consul"));
            port.is_some_and(|port| {
                let address = address.as_str();
                address == format!("{}:{port}", member.addr)
                    || address == format!("[{}]:{port}", member.addr)
            })
        })?;
        Some(found.name.clone())
    };
    let mut found = name("", address);
    if found == *address {
        found = by_member().unwrap_or(found);
    }
    let bar = picture.timeline.current().filter(|bar| bar.leader == found);
    let reign = seen
        .reigns()
        .next_back()
        .filter(|reign| reign.leader == *address);
    let (since, at_least) = match (bar, reign) {
        // An agent that was restarted knows less than was seen.
        (Some(bar), Some(reign)) if bar.at_least && reign.since.at < bar.from => {
            (Some(reign.since.at), reign.since.at_least)
        }
        (Some(bar), _) => (Some(bar.from), bar.at_least),
        (None, Some(reign)) => (Some(reign.since.at), reign.since.at_least),
        (None, None) => (None, true),
    };
    let agent_term = snapshot.agent.get().and_then(|agent| agent.term);
    let report_term = picture
        .peers
        .iter()
        .find(|peer| peer.leader)
        .and_then(|peer| peer.last_term);
    let term = bar.and_then(|bar| bar.term).or(agent_term).or(report_term);
    let leader = Leader {
        name: found,
        term,
        since,
        at_least,
    };
    (true, Some(leader))
}

fn servers(snapshot: &ClusterSnapshot, peers: &[PeerRow]) -> Servers {
    let count = |fits: &dyn Fn(&PeerRow) -> bool| peers.iter().filter(|peer| fits(peer)).count();
    let report = snapshot.health.get();
    Servers {
        total: (!peers.is_empty()).then_some(peers.len()),
        voters: (!peers.is_empty()).then(|| count(&|peer| peer.voter)),
        healthy: report.map(|_| count(&|peer| peer.healthy == Some(true))),
        tolerates: report.map(|health| health.failure_tolerance),
        old_since: snapshot.health.old_since(),
    }
}

fn node_counts(nodes: &[NodeRow]) -> NodeCounts {
    let mut counts = NodeCounts::default();
    for node in nodes {
        match node.status {
            MemberStatus::Alive => counts.alive += 1,
            MemberStatus::Failed => counts.failed += 1,
            MemberStatus::Left => counts.left += 1,
            MemberStatus::Leaving | MemberStatus::None => counts.leaving += 1,
        }
    }
    counts
}

fn check_counts(checks: &[CheckRow]) -> CheckCounts {
    let mut counts = CheckCounts::default();
    for check in checks {
        match check.status {
            Status::Passing => counts.passing += 1,
            Status::Warning => counts.warning += 1,
            Status::Critical => counts.critical += 1,
        }
    }
    counts
}
