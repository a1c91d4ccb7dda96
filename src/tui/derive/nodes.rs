//! The members of the LAN pool, worst first or servers first.

use std::collections::BTreeMap;

use crate::model::coordinate::Coordinate;
use crate::model::gossip::{GossipMember, GossipUnrest};
use crate::model::member::{Member, MemberStatus};
use crate::tui::observed::{HOUR, Observations, Since};
use crate::tui::snapshot::{ClusterSnapshot, Millis};

/// A member.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeRow {
    /// The node's name.
    pub name: String,
    /// Gossip address with its port.
    pub address: String,
    /// Its state in the gossip pool.
    pub status: MemberStatus,
    /// `server`, `client`, or `unknown` for members that are no agents.
    pub role: &'static str,
    /// Whether it leads.
    pub leader: bool,
    /// The datacenter.
    pub dc: String,
    /// The version.
    pub build: String,
    /// Gossip health score, 0 healthy to 7; `None` where nobody says.
    pub score: Option<u64>,
    /// Estimated round trip from the agent that is asked, in milliseconds.
    pub rtt_ms: Option<f64>,
    /// How often it went or came back within the last hour, as the agent or this screen saw it, whichever saw more.
    pub flaps: usize,
    /// How often the agent doubted within the last hour that it is alive; `None` where it does not say.
    pub suspicions: Option<u64>,
    /// The agent doubts it now.
    pub suspect: bool,
    /// Since when it is in its state.
    pub since: Option<Since>,
    /// Messages that wait to be gossiped, of all kinds.
    pub queued: Option<u64>,
}

impl NodeRow {
    /// Its state in a word.
    pub fn state(&self) -> &'static str {
        if self.suspect && self.status == MemberStatus::Alive {
            "suspect"
        } else {
            self.status.as_str()
        }
    }

    /// How bad it is; larger is worse. Failed nodes first, then those that leave, then by score and flaps; those that
    /// left have said so and come last but for the healthy.
    pub fn badness(&self) -> (u8, u64, usize) {
        let state = match self.status {
            MemberStatus::Failed => 4,
            MemberStatus::None => 3,
            MemberStatus::Leaving => 2,
            MemberStatus::Left => 0,
            MemberStatus::Alive if self.suspect => 3,
            MemberStatus::Alive => 1,
        };
        let score = self.score.unwrap_or_default();
        let state = if state == 1 && (score > 0 || self.flaps > 0) {
            3
        } else {
            state
        };
        (state, score, self.flaps)
    }
}

/// The members: servers first, then by name.
pub(super) fn rows(
    now: Millis,
    snapshot: &ClusterSnapshot,
    seen: &Observations,
    leader: Option<&str>,
) -> Vec<NodeRow> {
    let members = snapshot
        .members
        .get()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let agent = snapshot.agent.get();
    let own = agent.map(|agent| agent.node.as_str()).unwrap_or_default();
    let told = told(snapshot);
    let coordinates = coordinates(snapshot);
    let here = coordinates.get(own).copied();
    let row = |member: &Member| {
        let tag = |name: &str| member.tags.get(name).map_or("", String::as_str);
        let told = told.get(member.name.as_str());
        let report = told.and_then(|told| told.report.as_ref());
        let unrest = told.and_then(|told| told.seen.as_ref());
        let score = match report {
            Some(report) => Some(u64::from(report.health_score)),
            None if member.name == own => agent.and_then(|agent| agent.score),
            None => None,
        };
        let rtt = here
            .zip(coordinates.get(member.name.as_str()))
            .filter(|_| member.name != own)
            .and_then(|(here, there)| here.distance_to(there));
        NodeRow {
            name: member.name.clone(),
            address: if member.addr.contains(':') {
                format!("[{}]:{}", member.addr, member.port)
            } else {
                format!("{}:{}", member.addr, member.port)
            },
            status: member.member_status(),
            role: match tag("role") {
                "consul" => "server",
                "node" => "client",
                _ => "unknown",
            },
            leader: leader == Some(member.name.as_str()),
            dc: tag("dc").to_owned(),
            build: tag("build")
                .split(':')
                .next()
                .unwrap_or_default()
                .to_owned(),
            score: score.filter(|_| member.member_status() == MemberStatus::Alive),
            rtt_ms: rtt.map(|seconds| seconds * 1000.0),
            flaps: unrest
                .map_or(0, |unrest| unrest.flaps as usize)
                .max(seen.node_changes(&member.name, now - HOUR)),
            suspicions: unrest.map(|unrest| u64::from(unrest.suspicions)),
            suspect: unrest.is_some_and(|unrest| unrest.suspect),
            since: since(
                seen.node_since(&member.name),
                unrest,
                snapshot.gossip.sampled,
            ),
            queued: report.map(|it| it.intent_queue + it.event_queue + it.query_queue),
        }
    };
    let mut rows: Vec<NodeRow> = members.iter().map(row).collect();
    rows.sort_by(|a, b| (a.role != "server", &a.name).cmp(&(b.role != "server", &b.name)));
    rows
}

/// What was seen here, unless that was so at the first look and the agent knows for longer.
fn since(seen: Option<Since>, unrest: Option<&GossipUnrest>, sampled: Millis) -> Option<Since> {
    let settled = unrest.and_then(|unrest| unrest.settled_seconds);
    match (seen, settled) {
        (Some(seen), Some(seconds)) if seen.at_least => {
            let age = Millis::try_from(seconds).unwrap_or(Millis::MAX);
            Some(Since {
                at: sampled
                    .saturating_sub(age.saturating_mul(1000))
                    .min(seen.at),
                at_least: false,
            })
        }
        _ => seen,
    }
}

fn told(snapshot: &ClusterSnapshot) -> BTreeMap<&str, &GossipMember> {
    let found = snapshot.gossip.get().map(Vec::as_slice).unwrap_or_default();
    let named = found.iter().map(|member| (member.name.as_str(), member));
    named.collect()
}

fn coordinates(snapshot: &ClusterSnapshot) -> BTreeMap<&str, &Coordinate> {
    let found = snapshot.coordinates.get().map(Vec::as_slice);
    found
        .unwrap_or_default()
        .iter()
        .map(|node| (node.node.as_str(), &node.coord))
        .collect()
}
