//! What is wrong, newest first.

use serde::Serialize;

use super::picture::Picture;
use crate::model::check::{SERF_HEALTH, Status};
use crate::model::member::MemberStatus;
use crate::tui::observed::Since;
use crate::tui::thresholds::Thresholds;
use crate::tui::words::{one_line, or_unknown};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Working, with a concern.
    Warning,
    /// Not working.
    Critical,
}

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProblemKind {
    /// The cluster has no leader, or may lose its quorum.
    Quorum,
    /// A server of raft.
    Server,
    /// A member of the gossip pool.
    Node,
    /// A member that is slow itself.
    Score,
    /// A service whose instances with checks are all critical.
    Service,
    /// A check.
    Check,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub kind: ProblemKind,
    /// Whose problem it is: a node, a service.
    pub subject: String,
    /// What is wrong, in a few words.
    pub text: String,
    /// More about it, in one line; may be empty.
    pub detail: String,
    /// Since when.
    pub since: Option<Since>,
    /// Orders problems of one moment: raft's index where there is one.
    pub order: u64,
    /// Node and id of the check that it is about.
    pub check: Option<(String, String)>,
    /// Which of several problems of the same subject it is.
    pub aspect: &'static str,
}

/// What stays the same while a problem lasts: kind, subject, aspect, and the check.
pub type Identity = (ProblemKind, String, &'static str, Option<(String, String)>);

impl Problem {
    fn new(severity: Severity, kind: ProblemKind, subject: &str, text: impl Into<String>) -> Self {
        Self {
            severity,
            kind,
            subject: subject.to_owned(),
            text: text.into(),
            detail: String::new(),
            since: None,
            order: 0,
            check: None,
            aspect: "",
        }
    }

    /// What stays the same while the problem lasts, whatever its numbers do.
    pub fn identity(&self) -> Identity {
        let subject = self.subject.clone();
        (self.kind, subject, self.aspect, self.check.clone())
    }
}

/// All problems, in no order yet.
pub(super) fn find(picture: &Picture, limits: &Thresholds) -> Vec<Problem> {
    let mut found = of_quorum(picture);
    of_peers(picture, limits, &mut found);
    of_nodes(picture, limits, &mut found);
    of_services(picture, &mut found);
    of_checks(picture, &mut found);
    found
}

/// Newest first; of one moment the worst first. Those of which only a least age is known come after those with a time, the
/// worst first: their times tell when they were first seen, and nothing more.
pub(super) fn sort(problems: &mut [Problem]) {
    problems.sort_by(|a, b| {
        let note = |one: &Problem| one.severity == Severity::Note;
        let vague = |one: &Problem| one.since.is_none_or(|since| since.at_least);
        let time = |one: &Problem| one.since.map_or(0, |since| since.at);
        let newer = time(b).cmp(&time(a));
        let worse = b.severity.cmp(&a.severity);
        let moment = match (vague(a), vague(b)) {
            (true, true) => worse.then(newer),
            (false, false) => newer.then(worse),
            (vague, other) => vague.cmp(&other),
        };
        (note(a).cmp(&note(b)))
            .then(moment)
            .then_with(|| b.order.cmp(&a.order))
            .then_with(|| (a.kind, &a.subject).cmp(&(b.kind, &b.subject)))
    });
}

fn of_quorum(picture: &Picture) -> Vec<Problem> {
    let mut found = Vec::new();
    let cluster = |aspect, text: String| Problem {
        aspect,
        ..Problem::new(Severity::Critical, ProblemKind::Quorum, "cluster", text)
    };
    if picture.leader_known && picture.leader.is_none() {
        found.push(cluster("leader", "no leader".to_owned()));
    }
    let servers = &picture.servers;
    if let (Some(0), true) = (servers.tolerates, servers.voters > Some(2)) {
        let of = format!(
            "{}/{}",
            or_unknown(servers.healthy),
            or_unknown(servers.total)
        );
        found.push(cluster("quorum", format!("{of} servers, tolerates 0")));
    }
    found
}

fn of_peers(picture: &Picture, limits: &Thresholds, found: &mut Vec<Problem>) {
    for peer in &picture.peers {
        let lag = peer.lag.unwrap_or_default();
        let (severity, text) = match peer.healthy {
            Some(false) => (Severity::Critical, "server unhealthy".to_owned()),
            _ if lag >= limits.lag_warn => (Severity::Warning, format!("raft lag {lag}")),
            _ => continue,
        };
        let mut problem = Problem::new(severity, ProblemKind::Server, &peer.name, text);
        problem.detail = peer.why.join(", ");
        if severity == Severity::Critical {
            problem.since = peer.stable_since.map(|at| Since {
                at,
                at_least: false,
            });
        }
        found.push(problem);
    }
}

fn of_nodes(picture: &Picture, limits: &Thresholds, found: &mut Vec<Problem>) {
    for node in picture.nodes.iter() {
        let severity = match node.status {
            MemberStatus::Failed => Some(Severity::Critical),
            MemberStatus::Leaving | MemberStatus::None => Some(Severity::Warning),
            MemberStatus::Left => Some(Severity::Note),
            MemberStatus::Alive => None,
        };
        if let Some(severity) = severity {
            let text = format!("node {}", node.status.as_str());
            let mut problem = Problem::new(severity, ProblemKind::Node, &node.name, text);
            problem.aspect = node.status.as_str();
            problem.since = node.since;
            found.push(problem);
        }
        let score = node.score.unwrap_or_default();
        if score >= limits.score_warn {
            let severity = if score >= limits.score_crit {
                Severity::Critical
            } else {
                Severity::Warning
            };
            let text = format!("gossip score {score}/7");
            let mut problem = Problem::new(severity, ProblemKind::Score, &node.name, text);
            problem.detail.push_str("slow itself; suspects others");
            found.push(problem);
        }
    }
}

fn of_services(picture: &Picture, found: &mut Vec<Problem>) {
    for service in picture.services.iter().filter(|service| service.is_down()) {
        let kind = ProblemKind::Service;
        // The list of checks says nothing of instances without checks; those pass.
        let text = "all checked instances critical";
        let mut problem = Problem::new(Severity::Warning, kind, &service.name, text);
        problem.since = service.since;
        problem.order = service.modify_index;
        found.push(problem);
    }
}

fn of_checks(picture: &Picture, found: &mut Vec<Problem>) {
    let failed: std::collections::BTreeSet<&str> = picture
        .nodes
        .iter()
        .filter(|node| node.status == MemberStatus::Failed)
        .map(|node| node.name.as_str())
        .collect();
    for check in picture.checks.iter() {
        let severity = match check.status {
            Status::Critical => Severity::Critical,
            Status::Warning => Severity::Warning,
            Status::Passing => continue,
        };
        // The failed node itself is a problem already.
        if *check.id == *SERF_HEALTH && failed.contains(&*check.node) {
            continue;
        }
        let subject = if check.service.is_empty() {
            &check.node
        } else {
            &check.service
        };
        let text = format!("check \"{}\"", one_line(&check.name));
        let mut problem = Problem::new(severity, ProblemKind::Check, subject, text);
        let place = if check.service.is_empty() {
            String::new()
        } else {
            format!("(on {})", check.node)
        };
        let detail = format!("{} {place}", one_line(&check.output));
        detail.trim().clone_into(&mut problem.detail);
        problem.since = check.since;
        problem.order = check.modify_index;
        problem.check = Some((check.node.to_string(), check.id.to_string()));
        found.push(problem);
    }
}
