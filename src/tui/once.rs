//! The picture without a screen: `-once` as text, `-check` as a line for Nagios.

use super::derive::{NodeRow, PeerRow, Picture, Severity, Verdict, verdict};
use super::snapshot::ClusterSnapshot;
use super::summary;
use super::theme::Glyphs;
use super::words::{UNKNOWN, cut, moment, one_line, or_unknown, visible};
use crate::output::columnize;

/// Problems that are listed.
const MAX_PROBLEMS: usize = 20;
/// Nodes that are listed.
const MAX_NODES: usize = 10;
/// Problems that the line for Nagios names.
const MAX_NAMED: usize = 3;

/// A picture as text, `width` cells wide. No escape sequences.
pub fn text(
    snapshot: &ClusterSnapshot,
    picture: &Picture,
    glyphs: &Glyphs,
    width: usize,
) -> String {
    let dc = snapshot
        .agent
        .get()
        .map_or(UNKNOWN, |agent| agent.datacenter.as_str());
    let mut lines = vec![
        format!(
            "consulctl top  {dc}  {}  {}",
            summary::via(snapshot),
            moment(picture.at)
        ),
        summary::leader(picture),
        format!(
            "{}  {}  {}",
            summary::servers(picture),
            summary::nodes(snapshot, picture, glyphs),
            summary::checks(snapshot, picture, glyphs)
        ),
    ];
    lines.extend(summary::faults(snapshot));
    section(
        &mut lines,
        "PROBLEMS (newest first)",
        &problems(picture, glyphs),
        if picture.check_counts.is_some() && picture.node_counts.is_some() {
            "none"
        } else {
            UNKNOWN
        },
    );
    let sample = match snapshot.health.get() {
        Some(_) => "RAFT (one sample)",
        None => "RAFT (autopilot's report n/a)",
    };
    section(&mut lines, sample, &peers(picture), UNKNOWN);
    section(&mut lines, "GOSSIP (worst first)", &nodes(picture), UNKNOWN);
    let timeline = picture.timeline.line(picture.at);
    if !timeline.is_empty() {
        lines.push(String::new());
        lines.push(format!("LEADERS 24h  {timeline}"));
    }
    let cut: Vec<String> = lines
        .iter()
        .map(|line| cut(&visible(line), width, glyphs.more))
        .collect();
    cut.join("\n")
}

/// A table under its title; `empty` stands for one without rows.
fn section(lines: &mut Vec<String>, title: &str, rows: &[Vec<String>], empty: &str) {
    lines.push(String::new());
    lines.push(title.to_owned());
    if rows.is_empty() {
        lines.push(format!("  {empty}"));
        return;
    }
    // Names are of strangers: no escape sequences, and no lines of their own.
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| one_line(cell)).collect())
        .collect();
    let table = columnize(&rows);
    lines.extend(table.lines().map(|line| format!("  {}", line.trim_end())));
}

fn problems(picture: &Picture, glyphs: &Glyphs) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = picture
        .problems
        .iter()
        .take(MAX_PROBLEMS)
        .map(|problem| {
            vec![
                summary::symbol(problem.severity, glyphs).to_owned(),
                problem.subject.clone(),
                problem.text.clone(),
                summary::lasting(problem, picture),
                problem.detail.clone(),
            ]
        })
        .collect();
    let hidden = picture.problems.len().saturating_sub(MAX_PROBLEMS);
    if hidden > 0 {
        rows.push(vec![String::new(), format!("{hidden} more")]);
    }
    rows
}

fn peers(picture: &Picture) -> Vec<Vec<String>> {
    if picture.peers.is_empty() {
        return Vec::new();
    }
    let head = ["PEER", "ROLE", "VOTE", "LAST IDX", "LAG", "CONTACT", "WHY"];
    let row = |peer: &PeerRow| {
        vec![
            summary::peer_name(peer),
            summary::peer_role(peer).to_owned(),
            summary::vote(peer).to_owned(),
            or_unknown(peer.last_index),
            summary::lag(peer),
            summary::contact(peer),
            peer.why.join(", "),
        ]
    };
    let rows = picture.peers.iter().map(row);
    std::iter::once(head.map(str::to_owned).to_vec())
        .chain(rows)
        .collect()
}

fn nodes(picture: &Picture) -> Vec<Vec<String>> {
    if picture.nodes.is_empty() {
        return Vec::new();
    }
    let head = ["NODE", "STATE", "SCORE", "RTT~"]
        .map(str::to_owned)
        .to_vec();
    let row = |node: &&NodeRow| {
        vec![
            node.name.clone(),
            node.status.as_str().to_owned(),
            summary::score(node.score),
            summary::rtt(node.rtt_ms),
        ]
    };
    let worst = picture.worst_nodes();
    std::iter::once(head)
        .chain(worst.iter().take(MAX_NODES).map(row))
        .collect()
}

/// One line for Nagios, with its numbers behind a bar, and the verdict.
pub fn check(snapshot: &ClusterSnapshot, picture: &Picture) -> (String, Verdict) {
    let verdict = verdict(snapshot, picture);
    let problems = picture.problems.iter();
    let mut named: Vec<_> = problems
        .filter(|problem| problem.severity > Severity::Note)
        .collect();
    named.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
    let mut words: Vec<String> = named
        .iter()
        .take(MAX_NAMED)
        .map(|problem| format!("{}: {}", problem.subject, problem.text))
        .collect();
    let hidden = named.len().saturating_sub(MAX_NAMED);
    if hidden > 0 {
        words.push(format!("{hidden} more"));
    }
    if let Some(fault) = snapshot.unreachable() {
        words = vec![fault.text.clone()];
    }
    if words.is_empty() && verdict == Verdict::Unknown {
        words = summary::faults(snapshot);
    }
    if words.is_empty() {
        words.push(summary::leader(picture));
    }
    // A bar would end the text early.
    let words = one_line(&words.join("; ")).replace('|', "/");
    let numbers: Vec<String> = numbers(picture)
        .map(|(name, number)| format!("{name}={number}"))
        .collect();
    // Nothing stands behind the bar where no number is known.
    let numbers = match numbers.as_slice() {
        [] => String::new(),
        some => format!(" | {}", some.join(" ")),
    };
    (
        format!("CONSUL {} - {words}{numbers}", verdict.word()),
        verdict,
    )
}

/// What a Prometheus text file collector reads: the verdict as the exit code of `-check`, and the numbers that are known.
pub fn prometheus(picture: &Picture, verdict: Verdict) -> String {
    let status = ("status", u64::from(verdict.exit_code()));
    let gauges = std::iter::once(status).chain(numbers(picture));
    let lines: Vec<String> = gauges
        .map(|(name, number)| {
            format!("# TYPE consulctl_top_{name} gauge\nconsulctl_top_{name} {number}\n")
        })
        .collect();
    lines.concat()
}

/// The line for Nagios when nothing could be asked at all.
pub fn unknown(reason: &str) -> String {
    let reason = one_line(reason).replace('|', "/");
    format!("CONSUL {} - {reason}", Verdict::Unknown.word())
}

/// The numbers that are known, with their names.
fn numbers(picture: &Picture) -> impl Iterator<Item = (&'static str, u64)> {
    let (nodes, checks) = (picture.node_counts, picture.check_counts);
    let count = |number: Option<usize>| number.and_then(|number| u64::try_from(number).ok());
    let numbers = [
        ("servers", count(picture.servers.total)),
        ("servers_healthy", count(picture.servers.healthy)),
        ("nodes_alive", count(nodes.map(|nodes| nodes.alive))),
        ("nodes_failed", count(nodes.map(|nodes| nodes.failed))),
        ("checks_warning", count(checks.map(|checks| checks.warning))),
        (
            "checks_critical",
            count(checks.map(|checks| checks.critical)),
        ),
        ("leader_changes", count(picture.leader_changes)),
        ("failures_tolerated", picture.servers.tolerates),
        ("lag_worst", picture.worst_lag()),
    ];
    let known = numbers.into_iter();
    known.filter_map(|(name, number)| Some((name, number?)))
}
