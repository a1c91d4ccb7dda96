//! How well the servers are: what autopilot decides from, and what operators see. Pure: time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::agent::membership::server_tags::ServerInfo;
use crate::agent::rpc::wire::status::RaftStatsReply;
use crate::model::duration::{GoDuration, parse_go_duration};
use crate::model::member::MemberStatus;
use crate::model::node::StringMap;
use crate::model::raft::{
    AutopilotConfiguration, AutopilotServer, AutopilotState, RaftServer, ServerStatus,
};

use super::quorum::{by_id, required};

/// What operators see instead of a time since the last contact where there is none: Consul's -1 ns.
const NO_CONTACT: GoDuration = GoDuration(-1);
/// The type of every server in the community edition.
const NODE_TYPE: &str = "voter";

/// A moment, on the clock that decides and on the one that people read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moment {
    /// Since any fixed point; never goes backwards.
    pub(super) elapsed: Duration,
    /// Unix time in seconds.
    pub(super) unix: i64,
}

/// How far a server says that its raft is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// Nanoseconds since it heard from the leader; `None` when it never did.
    pub(super) last_contact: Option<GoDuration>,
    /// Its last log entry.
    pub(super) last_index: u64,
    /// That entry's term.
    pub(super) last_term: u64,
}

impl From<&RaftStatsReply> for Report {
    fn from(reply: &RaftStatsReply) -> Self {
        // `never`, and whatever is no duration, is no contact.
        let contact = parse_go_duration(&reply.last_contact).ok();
        Self {
            last_contact: contact.filter(|nanos| *nanos >= 0).map(GoDuration),
            last_index: reply.last_index,
            last_term: reply.last_term,
        }
    }
}

/// What was seen in one look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight<'a> {
    pub(super) now: Moment,
    /// The leader's node UUID.
    pub(super) own: &'a str,
    /// Raft's servers.
    pub(super) servers: &'a [RaftServer],
    /// The servers of this datacenter that gossip knows.
    pub(super) members: &'a [ServerInfo],
    /// What the servers answered, by node UUID; the leader's own answer was taken before the others were asked, so that
    /// none of them seems to lag for the time that asking took.
    pub(super) reports: &'a BTreeMap<String, Report>,
    /// Autopilot's configuration.
    pub(super) configuration: &'a AutopilotConfiguration,
}

/// What is remembered of a server between looks.
#[derive(Debug, Clone, Copy)]
struct Record {
    healthy: bool,
    /// When that changed last.
    since: Moment,
    /// Its last answer.
    report: Report,
}

/// The health of all servers, while one server leads. A new leader begins anew, as in Consul.
#[derive(Debug, Default)]
pub(super) struct Health {
    records: BTreeMap<String, Record>,
}

impl Health {
    /// Takes a look in, and tells what operators are to see. Nodes' metadata are for the caller to add.
    pub(super) fn look(&mut self, sight: &Sight<'_>) -> AutopilotState {
        let known = by_id(sight.members);
        let leader = sight.reports.get(sight.own).copied().unwrap_or_default();
        let mut servers = BTreeMap::new();
        let mut records = BTreeMap::new();
        for server in sight.servers {
            let member = known.get(server.id.as_str()).copied();
            let report = sight.reports.get(&server.id);
            let alive = member.is_some_and(|member| member.status == MemberStatus::Alive);
            let healthy = alive
                && report.is_some_and(|report| is_healthy(*report, leader, sight.configuration));
            let before = self.records.get(&server.id);
            let record = Record {
                healthy,
                since: before
                    .filter(|before| before.healthy == healthy)
                    .map_or(sight.now, |before| before.since),
                report: report
                    .or(before.map(|before| &before.report))
                    .copied()
                    .unwrap_or_default(),
            };
            let contact = report.and_then(|report| report.last_contact);
            let leads = server.id == sight.own;
            let shown = show(server, leads, member, &record, contact);
            servers.insert(server.id.clone(), shown);
            records.insert(server.id.clone(), record);
        }
        // Servers that are no longer raft's are forgotten.
        self.records = records;
        summary(sight, servers)
    }

    /// Who has been healthy for this long.
    pub(super) fn stable(&self, now: Moment, stabilization: Duration) -> BTreeSet<String> {
        let is_stable = |record: &Record| {
            record.healthy && now.elapsed.saturating_sub(record.since.elapsed) >= stabilization
        };
        self.records
            .iter()
            .filter(|(_, record)| is_stable(record))
            .map(|(id, _)| id.clone())
            .collect()
    }
}

/// Consul's rule for a server that is alive and has answered.
fn is_healthy(report: Report, leader: Report, configuration: &AutopilotConfiguration) -> bool {
    let heard = report
        .last_contact
        .is_some_and(|contact| contact <= configuration.last_contact_threshold);
    let lag = leader.last_index.saturating_sub(report.last_index);
    heard && report.last_term == leader.last_term && lag <= configuration.max_trailing_logs
}

fn show(
    server: &RaftServer,
    leads: bool,
    member: Option<&ServerInfo>,
    record: &Record,
    contact: Option<GoDuration>,
) -> AutopilotServer {
    let version = member.map(|member| {
        let (major, minor, patch) = member.version;
        format!("{major}.{minor}.{patch}")
    });
    let status = member.map_or(MemberStatus::None, |member| member.status);
    AutopilotServer {
        id: server.id.clone(),
        name: member.map_or_else(String::new, |member| member.name.clone()),
        address: server.address.clone(),
        node_status: status.as_str().to_owned(),
        version: version.unwrap_or_default(),
        last_contact: contact.unwrap_or(NO_CONTACT),
        last_term: record.report.last_term,
        last_index: record.report.last_index,
        healthy: record.healthy,
        stable_since: rfc3339(record.since.unix),
        read_replica: false,
        status: match (leads, server.voter) {
            (true, _) => ServerStatus::Leader,
            (false, true) => ServerStatus::Voter,
            (false, false) => ServerStatus::NonVoter,
        },
        meta: StringMap::new(),
        node_type: NODE_TYPE.to_owned(),
    }
}

fn summary(sight: &Sight<'_>, servers: BTreeMap<String, AutopilotServer>) -> AutopilotState {
    let voters: BTreeSet<&str> = sight
        .servers
        .iter()
        .filter(|server| server.voter)
        .map(|server| server.id.as_str())
        .collect();
    let healthy_voters = servers
        .values()
        .filter(|server| server.healthy && voters.contains(server.id.as_str()))
        .count();
    let tolerance = healthy_voters.saturating_sub(required(voters.len()));
    let failure_tolerance = u64::try_from(tolerance).unwrap_or(u64::MAX);
    AutopilotState {
        healthy: servers.values().all(|server| server.healthy),
        failure_tolerance,
        optimistic_failure_tolerance: failure_tolerance,
        servers,
        leader: sight.own.to_owned(),
        voters: voters.into_iter().map(str::to_owned).collect(),
    }
}

fn rfc3339(unix: i64) -> String {
    Timestamp::from_second(unix).map_or_else(|_| String::new(), |time| time.to_string())
}

#[cfg(test)]
mod tests;
