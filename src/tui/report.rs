//! The picture as one JSON object: `consulctl.top/1`. Fields are only ever added.

use serde::Serialize;

use super::derive::{Picture, ProblemKind, Severity, Verdict, verdict};
use super::observed::Since;
use super::snapshot::{ClusterSnapshot, Millis, Part, Source};
use super::words::moment;

/// The name of the form.
pub const SCHEMA: &str = "consulctl.top/1";

/// Everything that the screen shows.
#[derive(Debug, Serialize)]
pub struct Report {
    schema: &'static str,
    at: String,
    verdict: Verdict,
    agent: Agent,
    leader: Leader,
    servers: Servers,
    nodes: Nodes,
    checks: Checks,
    services: Services,
    problems: Vec<Problem>,
}

#[derive(Debug, Serialize)]
struct Agent {
    source: Source,
    address: String,
    node: Option<String>,
    datacenter: Option<String>,
    version: Option<String>,
    server: Option<bool>,
    health_score: Option<u64>,
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Leader {
    source: Source,
    sampled_at: Option<String>,
    error: Option<String>,
    name: Option<String>,
    term: Option<u64>,
    since: Option<String>,
    since_at_least: Option<bool>,
    changes_24h: Option<usize>,
    changes_span_s: Option<i64>,
    history_source: Source,
    history: Vec<Reign>,
}

#[derive(Debug, Serialize)]
struct Reign {
    leader: String,
    term: Option<u64>,
    from: String,
    to: Option<String>,
}

#[derive(Debug, Serialize)]
struct Servers {
    source: Source,
    sampled_at: Option<String>,
    error: Option<String>,
    total: Option<usize>,
    voters: Option<usize>,
    healthy: Option<usize>,
    failures_tolerated: Option<u64>,
    lag_worst: Option<u64>,
    lag_max: u64,
    contact_max_ms: i64,
    commit_index: Option<u64>,
    apply_backlog: Option<u64>,
    peers: Vec<Peer>,
}

#[derive(Debug, Serialize)]
struct Peer {
    name: String,
    id: String,
    address: String,
    leader: bool,
    voter: bool,
    healthy: Option<bool>,
    last_index: Option<u64>,
    last_term: Option<u64>,
    lag: Option<u64>,
    last_contact_ms: Option<i64>,
    why: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Nodes {
    source: Source,
    error: Option<String>,
    score_source: Source,
    alive: Option<usize>,
    failed: Option<usize>,
    leaving: Option<usize>,
    left: Option<usize>,
    list: Vec<Node>,
}

#[derive(Debug, Serialize)]
struct Node {
    name: String,
    address: String,
    status: &'static str,
    role: &'static str,
    leader: bool,
    build: String,
    health_score: Option<u64>,
    rtt_ms: Option<f64>,
    flaps_1h: usize,
    suspicions_1h: Option<u64>,
    suspect: bool,
    since: Option<String>,
    since_at_least: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Checks {
    source: Source,
    error: Option<String>,
    passing: Option<usize>,
    warning: Option<usize>,
    critical: Option<usize>,
    failing: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Check {
    node: String,
    id: String,
    name: String,
    service: String,
    status: &'static str,
    since: Option<String>,
    since_at_least: Option<bool>,
    output: String,
}

#[derive(Debug, Serialize)]
struct Services {
    source: Source,
    error: Option<String>,
    total: Option<usize>,
    down: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Problem {
    severity: Severity,
    kind: ProblemKind,
    subject: String,
    text: String,
    detail: String,
    since: Option<String>,
    since_at_least: Option<bool>,
}

/// Makes the object.
pub fn report(snapshot: &ClusterSnapshot, picture: &Picture) -> Report {
    Report {
        schema: SCHEMA,
        at: moment(picture.at),
        verdict: verdict(snapshot, picture),
        agent: agent(snapshot),
        leader: leader(snapshot, picture),
        servers: servers(snapshot, picture),
        nodes: nodes(snapshot, picture),
        checks: checks(snapshot, picture),
        services: Services {
            source: snapshot.services.source(),
            error: error(&snapshot.services),
            total: snapshot.services.get().map(|_| picture.services.len()),
            down: picture
                .services
                .iter()
                .filter(|service| service.is_down())
                .map(|service| service.name.clone())
                .collect(),
        },
        problems: problems(picture),
    }
}

fn error<T>(part: &Part<T>) -> Option<String> {
    part.fault.as_ref().map(|fault| fault.text.clone())
}

fn dated(since: Option<Since>) -> (Option<String>, Option<bool>) {
    let at = since.map(|since| moment(since.at));
    (at, since.map(|since| since.at_least))
}

fn agent(snapshot: &ClusterSnapshot) -> Agent {
    let facts = snapshot.agent.get();
    Agent {
        source: snapshot.agent.source(),
        address: snapshot.address.clone(),
        node: facts.map(|facts| facts.node.clone()),
        datacenter: facts.map(|facts| facts.datacenter.clone()),
        version: facts.map(|facts| facts.version.clone()),
        server: facts.map(|facts| facts.server),
        health_score: facts.and_then(|facts| facts.score),
        error: error(&snapshot.agent),
    }
}

fn leader(snapshot: &ClusterSnapshot, picture: &Picture) -> Leader {
    let found = picture.leader.as_ref();
    let history = picture.timeline.bars.iter().map(|bar| Reign {
        leader: bar.leader.clone(),
        term: bar.term,
        from: moment(bar.from),
        to: bar.to.map(moment),
    });
    Leader {
        source: snapshot.leader.source(),
        sampled_at: snapshot
            .leader
            .get()
            .map(|_| moment(snapshot.leader.sampled)),
        error: error(&snapshot.leader),
        name: found.map(|leader| leader.name.clone()),
        term: found.and_then(|leader| leader.term),
        since: found.and_then(|leader| leader.since).map(moment),
        since_at_least: found.map(|leader| leader.at_least),
        changes_24h: picture.leader_changes,
        changes_span_s: picture.leader_changes.map(|_| picture.leader_span / 1000),
        history_source: picture.timeline.source,
        history: history.collect(),
    }
}

fn servers(snapshot: &ClusterSnapshot, picture: &Picture) -> Servers {
    let facts = snapshot.agent.get();
    let sampled: Option<Millis> = snapshot.health.get().map(|_| snapshot.health.sampled);
    let peers = picture.peers.iter().map(|peer| Peer {
        name: peer.name.clone(),
        id: peer.id.clone(),
        address: peer.address.clone(),
        leader: peer.leader,
        voter: peer.voter,
        healthy: peer.healthy,
        last_index: peer.last_index,
        last_term: peer.last_term,
        lag: peer.lag,
        last_contact_ms: peer.contact_ms,
        why: peer.why.clone(),
    });
    Servers {
        source: snapshot.health.source(),
        sampled_at: sampled.map(moment),
        error: error(&snapshot.health),
        total: picture.servers.total,
        voters: picture.servers.voters,
        healthy: picture.servers.healthy,
        failures_tolerated: picture.servers.tolerates,
        lag_worst: picture.worst_lag(),
        lag_max: picture.limits.lag_max,
        contact_max_ms: picture.limits.contact_max_ms,
        commit_index: facts.and_then(|facts| facts.commit_index),
        apply_backlog: facts.and_then(|facts| facts.fsm_pending),
        peers: peers.collect(),
    }
}

fn nodes(snapshot: &ClusterSnapshot, picture: &Picture) -> Nodes {
    let list = picture.nodes.iter().map(|node| {
        let (since, since_at_least) = dated(node.since);
        Node {
            name: node.name.clone(),
            address: node.address.clone(),
            status: node.status.as_str(),
            role: node.role,
            leader: node.leader,
            build: node.build.clone(),
            health_score: node.score,
            rtt_ms: node.rtt_ms,
            flaps_1h: node.flaps,
            suspicions_1h: node.suspicions,
            suspect: node.suspect,
            since,
            since_at_least,
        }
    });
    let counts = picture.node_counts;
    Nodes {
        source: snapshot.members.source(),
        error: error(&snapshot.members),
        score_source: Picture::score_source(snapshot),
        alive: counts.map(|counts| counts.alive),
        failed: counts.map(|counts| counts.failed),
        leaving: counts.map(|counts| counts.leaving),
        left: counts.map(|counts| counts.left),
        list: list.collect(),
    }
}

fn checks(snapshot: &ClusterSnapshot, picture: &Picture) -> Checks {
    use crate::model::check::Status;
    let bad = picture
        .checks
        .iter()
        .filter(|check| check.status != Status::Passing);
    let failing = bad.map(|check| {
        let (since, since_at_least) = dated(check.since);
        Check {
            node: check.node.to_string(),
            id: check.id.to_string(),
            name: check.name.to_string(),
            service: check.service.to_string(),
            status: check.status.as_str(),
            since,
            since_at_least,
            output: check.output.to_string(),
        }
    });
    let counts = picture.check_counts;
    Checks {
        source: snapshot.checks.source(),
        error: error(&snapshot.checks),
        passing: counts.map(|counts| counts.passing),
        warning: counts.map(|counts| counts.warning),
        critical: counts.map(|counts| counts.critical),
        failing: failing.collect(),
    }
}

fn problems(picture: &Picture) -> Vec<Problem> {
    let list = picture.problems.iter().map(|problem| {
        let (since, since_at_least) = dated(problem.since);
        Problem {
            severity: problem.severity,
            kind: problem.kind,
            subject: problem.subject.clone(),
            text: problem.text.clone(),
            detail: problem.detail.clone(),
            since,
            since_at_least,
        }
    });
    list.collect()
}
