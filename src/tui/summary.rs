//! The sentences that the screen's head, `-once` and `-check` share.

use super::derive::{PeerRow, Picture, Problem, Severity};
use super::observed::Since;
use super::snapshot::{ClusterSnapshot, Fault, Millis, Source};
use super::theme::Glyphs;
use super::timeline::DAY;
use super::words::{UNKNOWN, clock, or_unknown, short};

/// `LEADER srv-2 term 41 for 6h12m, 3 changes/24h`
pub fn leader(picture: &Picture) -> String {
    let Some(leader) = &picture.leader else {
        return if picture.leader_known {
            format!("NO LEADER, {}", changes(picture))
        } else {
            format!("LEADER {UNKNOWN}")
        };
    };
    let term = leader
        .term
        .map(|term| format!(" term {term}"))
        .unwrap_or_default();
    let since = match leader.since {
        Some(at) => {
            let more = if leader.at_least { ">" } else { "" };
            format!(" for {more}{}", short(picture.at - at))
        }
        None => String::new(),
    };
    format!("LEADER {}{term}{since}, {}", leader.name, changes(picture))
}

/// `3 changes/24h`, `1 change in 2h5m` where the record is younger than a day, `1 change seen`.
pub fn changes(picture: &Picture) -> String {
    let Some(count) = picture.leader_changes else {
        return format!("changes {UNKNOWN}");
    };
    let word = if count == 1 { "change" } else { "changes" };
    match picture.timeline.source {
        Source::Agent if picture.leader_span >= DAY => format!("{count} {word}/24h"),
        Source::Agent => format!("{count} {word} in {}", short(picture.leader_span)),
        Source::Observed | Source::Unavailable => format!("{count} {word} seen"),
    }
}

/// ` (14s old)` behind what newer questions could not tell.
fn old(since: Option<Millis>, picture: &Picture) -> String {
    since
        .map(|at| format!(" ({} old)", short(picture.at - at)))
        .unwrap_or_default()
}

/// `SERVERS 3/3, tolerates 1`
pub fn servers(picture: &Picture) -> String {
    let servers = &picture.servers;
    let Some(total) = servers.total else {
        return format!("SERVERS {UNKNOWN}");
    };
    let tolerates = servers
        .tolerates
        .map(|count| format!(", tolerates {count}"))
        .unwrap_or_default();
    format!(
        "SERVERS {}/{total}{tolerates}{}",
        or_unknown(servers.healthy),
        old(servers.old_since, picture)
    )
}

/// `NODES 48 ok 1 x 2 left`
pub fn nodes(snapshot: &ClusterSnapshot, picture: &Picture, glyphs: &Glyphs) -> String {
    let Some(counts) = picture.node_counts else {
        return format!("NODES {UNKNOWN}");
    };
    let mut text = format!(
        "NODES {} {} {} {}",
        counts.alive, glyphs.ok, counts.failed, glyphs.bad
    );
    if counts.leaving > 0 {
        text = format!("{text} {} leaving", counts.leaving);
    }
    let old = old(snapshot.members.old_since(), picture);
    format!("{text} {} left{old}", counts.left)
}

/// `CHECKS 212 ok 3 ! 2 x`
pub fn checks(snapshot: &ClusterSnapshot, picture: &Picture, glyphs: &Glyphs) -> String {
    let Some(counts) = picture.check_counts else {
        return format!("CHECKS {UNKNOWN}");
    };
    format!(
        "CHECKS {} {} {} {} {} {}{}",
        counts.passing,
        glyphs.ok,
        counts.warning,
        glyphs.warning,
        counts.critical,
        glyphs.bad,
        old(snapshot.checks.old_since(), picture)
    )
}

/// `via web-3 (client) 127.0.0.1:8500`
pub fn via(snapshot: &ClusterSnapshot) -> String {
    let address = snapshot.address.trim_start_matches("http://");
    match snapshot.agent.get() {
        Some(agent) => {
            let role = if agent.server { "server" } else { "client" };
            format!("via {} ({role}) {address}", agent.node)
        }
        None => format!("via {address}"),
    }
}

/// The symbol of a problem.
pub fn symbol(severity: Severity, glyphs: &Glyphs) -> &'static str {
    match severity {
        Severity::Note => glyphs.left,
        Severity::Warning => glyphs.warning,
        Severity::Critical => glyphs.bad,
    }
}

/// `for 00:03:12`, with `>` before the time where it is longer than that.
pub fn lasting(problem: &Problem, picture: &Picture) -> String {
    let since = problem.since;
    since.map_or_else(String::new, |_| format!("for {}", age(since, picture.at)))
}

/// `00:03:12`, with `>` where it is longer than that.
pub fn age(since: Option<Since>, now: Millis) -> String {
    match since {
        Some(since) => {
            let more = if since.at_least { ">" } else { "" };
            format!("{more}{}", clock(now - since.at))
        }
        None => "-".to_owned(),
    }
}

/// `3/7`, with a mark where it is worth a look.
pub fn score(score: Option<u64>) -> String {
    match score {
        Some(0) => "0/7".to_owned(),
        Some(score) => format!("{score}/7 !"),
        None => UNKNOWN.to_owned(),
    }
}

/// `41 ms`, or [`UNKNOWN`].
pub fn rtt(rtt_ms: Option<f64>) -> String {
    or_unknown(rtt_ms.map(|millis| {
        if millis < 10.0 {
            format!("{millis:.1} ms")
        } else {
            format!("{millis:.0} ms")
        }
    }))
}

/// A server's name, with a star for the leader.
pub fn peer_name(peer: &PeerRow) -> String {
    let mark = if peer.leader { " *" } else { "" };
    format!("{}{mark}", peer.name)
}

/// `leader` or `follower`.
pub fn peer_role(peer: &PeerRow) -> &'static str {
    if peer.leader { "leader" } else { "follower" }
}

/// `yes` or `no`.
pub fn vote(peer: &PeerRow) -> &'static str {
    if peer.voter { "yes" } else { "no" }
}

/// Entries behind the leader, `-` for the leader.
pub fn lag(peer: &PeerRow) -> String {
    if peer.leader {
        return "-".to_owned();
    }
    or_unknown(peer.lag)
}

/// `12 ms`, `-` for the leader.
pub fn contact(peer: &PeerRow) -> String {
    match peer.contact_ms {
        _ if peer.leader => "-".to_owned(),
        Some(millis) => format!("{millis} ms"),
        None if peer.healthy.is_some() => "never".to_owned(),
        None => UNKNOWN.to_owned(),
    }
}

/// What could not be asked, a line each.
pub fn faults(snapshot: &ClusterSnapshot) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(fault) = snapshot.unreachable() {
        return vec![format!("UNREACHABLE {}", fault.text)];
    }
    let mut tell = |what: &str, fault: Option<&Fault>| {
        if let Some(fault) = fault {
            lines.push(format!("{what}: {}", fault.text));
        }
    };
    tell("agent", snapshot.agent.fault.as_ref());
    tell("leader", snapshot.leader.fault.as_ref());
    tell("members", snapshot.members.fault.as_ref());
    tell("checks", snapshot.checks.fault.as_ref());
    tell("services", snapshot.services.fault.as_ref());
    tell("servers", snapshot.health.fault.as_ref());
    tell("raft", snapshot.raft.fault.as_ref());
    if let Some(text) = snapshot.old() {
        lines.push(format!("old: {text}"));
    }
    lines
}
