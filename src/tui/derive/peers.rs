//! The servers of raft, and what is wrong with them.

use crate::model::raft::{OperatorHealth, ServerHealth};
use crate::tui::snapshot::{ClusterSnapshot, Millis};
use crate::tui::thresholds::Thresholds;
use crate::tui::words::parse_moment;

/// A server of the raft configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerRow {
    /// The node's UUID.
    pub id: String,
    /// The node's name.
    pub name: String,
    /// The RPC address.
    pub address: String,
    /// Whether it leads.
    pub leader: bool,
    /// Whether it votes.
    pub voter: bool,
    /// Index of its last log entry.
    pub last_index: Option<u64>,
    /// Term of its last log entry.
    pub last_term: Option<u64>,
    /// Entries behind the leader, both of the same sample; `None` for the leader, and for those that do not answer.
    pub lag: Option<u64>,
    /// Milliseconds since its last contact with the leader; `None` for the leader, and without any contact.
    pub contact_ms: Option<i64>,
    /// Whether autopilot finds it healthy; `None` when nobody says.
    pub healthy: Option<bool>,
    /// Since when it has been so.
    pub stable_since: Option<Millis>,
    /// The rules that it breaks, in words.
    pub why: Vec<String>,
}

/// The servers, leader first, then by name. Autopilot's report where it may be read, otherwise the configuration
/// without numbers.
pub(super) fn rows(snapshot: &ClusterSnapshot, limits: &Thresholds) -> Vec<PeerRow> {
    let mut rows = match (snapshot.health.get(), snapshot.raft.get()) {
        (Some(health), _) => of_report(health, limits),
        (None, Some(raft)) => raft
            .servers
            .iter()
            .map(|server| PeerRow {
                id: server.id.clone(),
                name: server.node.clone(),
                address: server.address.clone(),
                leader: server.leader,
                voter: server.voter,
                ..PeerRow::default()
            })
            .collect(),
        (None, None) => Vec::new(),
    };
    rows.sort_by(|a, b| (!a.leader, &a.name).cmp(&(!b.leader, &b.name)));
    rows
}

fn of_report(health: &OperatorHealth, limits: &Thresholds) -> Vec<PeerRow> {
    let leader = health.servers.iter().find(|server| server.leader);
    let row = |server: &ServerHealth| {
        let lag = leader.map(|leader| leader.last_index.saturating_sub(server.last_index));
        let lag = lag.filter(|_| answers(server) && !server.leader);
        PeerRow {
            id: server.id.clone(),
            name: server.name.clone(),
            address: server.address.clone(),
            leader: server.leader,
            voter: server.voter,
            last_index: answers(server).then_some(server.last_index),
            last_term: answers(server).then_some(server.last_term),
            lag,
            contact_ms: contact(server).filter(|_| !server.leader && answers(server)),
            healthy: Some(server.healthy),
            stable_since: parse_moment(&server.stable_since),
            why: why(server, leader, limits),
        }
    };
    health.servers.iter().map(row).collect()
}

/// Milliseconds since the last contact; `None` without any, which is written as a nanosecond below zero.
fn contact(server: &ServerHealth) -> Option<i64> {
    let nanos = server.last_contact.0;
    (nanos >= 0).then_some(nanos / 1_000_000)
}

/// Whether the leader learned anything of the server: one that does not answer is reported with zeros.
fn answers(server: &ServerHealth) -> bool {
    server.healthy || server.last_index > 0 || server.last_term > 0
}

/// Which of autopilot's rules a server breaks.
fn why(server: &ServerHealth, leader: Option<&ServerHealth>, limits: &Thresholds) -> Vec<String> {
    let mut why = Vec::new();
    if server.serf_status != "alive" {
        why.push(format!("gossip says {}", server.serf_status));
    }
    if !answers(server) {
        why.push("does not answer the leader".to_owned());
        return why;
    }
    match contact(server) {
        _ if server.leader => {}
        None => why.push("no contact".to_owned()),
        Some(millis) if millis > limits.contact_max_ms => {
            why.push(format!("contact {millis} > {} ms", limits.contact_max_ms));
        }
        Some(_) => {}
    }
    if let Some(leader) = leader {
        if server.last_term != leader.last_term {
            why.push(format!(
                "term {} not {}",
                server.last_term, leader.last_term
            ));
        }
        let lag = leader.last_index.saturating_sub(server.last_index);
        if lag > limits.lag_max {
            why.push(format!("trails {lag} > {}", limits.lag_max));
        }
    }
    if why.is_empty() && !server.healthy {
        why.push("autopilot does not say why".to_owned());
    }
    why
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::duration::GoDuration;

    fn server(name: &str, leader: bool, index: u64) -> ServerHealth {
        ServerHealth {
            name: name.to_owned(),
            leader,
            last_index: index,
            last_term: 4,
            serf_status: "alive".to_owned(),
            healthy: true,
            voter: true,
            ..ServerHealth::default()
        }
    }

    #[test]
    fn every_broken_rule_is_named() {
        let limits = Thresholds::default();
        let leader = server("l", true, 1000);
        let told = |change: &dyn Fn(&mut ServerHealth)| {
            let mut one = server("s", false, 1000);
            change(&mut one);
            why(&one, Some(&leader), &limits).join(", ")
        };
        assert_eq!(told(&|_| ()), "");
        assert_eq!(
            told(&|one| one.serf_status = "failed".to_owned()),
            "gossip says failed"
        );
        let silent = |one: &mut ServerHealth| {
            (one.healthy, one.last_index, one.last_term) = (false, 0, 0);
        };
        assert_eq!(told(&silent), "does not answer the leader");
        let contact = |millis: i64| GoDuration(millis * 1_000_000);
        assert_eq!(told(&|one| one.last_contact = contact(200)), "");
        assert_eq!(
            told(&|one| one.last_contact = contact(310)),
            "contact 310 > 200 ms"
        );
        assert_eq!(told(&|one| one.last_contact = GoDuration(-1)), "no contact");
        assert_eq!(told(&|one| one.last_term = 3), "term 3 not 4");
        assert_eq!(told(&|one| one.last_index = 750), "");
        assert_eq!(told(&|one| one.last_index = 749), "trails 251 > 250");
        assert_eq!(
            told(&|one| one.healthy = false),
            "autopilot does not say why"
        );
    }

    #[test]
    fn lag_is_of_one_sample_and_never_negative() {
        let health = OperatorHealth {
            servers: vec![
                server("b", false, 90),
                server("a", false, 101),
                server("z", true, 100),
            ],
            ..OperatorHealth::default()
        };
        let snapshot = ClusterSnapshot {
            health: crate::tui::snapshot::Part::new(health, 1),
            ..ClusterSnapshot::default()
        };
        let rows = rows(&snapshot, &Thresholds::default());
        let found: Vec<_> = rows
            .iter()
            .map(|row| (row.name.as_str(), row.lag))
            .collect();
        assert_eq!(found, [("z", None), ("a", Some(0)), ("b", Some(10))]);
    }

    #[test]
    fn without_any_contact_there_is_no_number() {
        let silent = ServerHealth {
            last_contact: GoDuration(-1),
            ..server("a", false, 90)
        };
        let health = OperatorHealth {
            servers: vec![server("z", true, 100), silent],
            ..OperatorHealth::default()
        };
        let found = of_report(&health, &Thresholds::default());
        assert_eq!(found[1].contact_ms, None);
        assert_eq!(found[1].why, ["no contact"]);
    }
}
