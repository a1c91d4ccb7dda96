//! What the state machines find worth saying, in the words that people search logs for, and counted.

use std::net::SocketAddr;

use tracing::Level;

use super::log::Log;
use super::meters::{Meters, amount};
use super::serf::{Event, Member, MemberChange, Notice};
use super::swim;
use super::wire::NodeName;

/// Says and counts for one pool.
#[derive(Debug)]
pub(super) struct Notices {
    log: Log,
    /// Our own.
    name: NodeName,
    /// Where the member of an earlier life is that is being tried.
    rejoining: Option<SocketAddr>,
    /// Whether the pool decides who keeps our name when somebody else claims it.
    resolves: bool,
}

impl Notices {
    pub(super) fn new(log: Log, name: NodeName, resolves: bool) -> Self {
        Self {
            log,
            name,
            rejoining: None,
            resolves,
        }
    }

    /// Says and counts a notice of the failure detector.
    pub(super) fn of_swim(&self, meters: &Meters, notice: &swim::Notice) {
        if let swim::Notice::Conflict {
            node,
            known,
            claimed,
        } = notice
        {
            self.conflict(node, *known, *claimed);
        } else {
            of_swim(self.log, meters, notice);
        }
    }

    /// Says that two addresses claim one name.
    fn conflict(&self, node: &NodeName, known: SocketAddr, claimed: SocketAddr) {
        let text = format_args!("Conflicting address for {node}. Mine: {known} Theirs: {claimed}");
        self.log.memberlist(Level::ERROR, text);
        let resolves = (*node == self.name).then_some(self.resolves);
        let (level, text) = name_conflict(resolves, node, known, claimed);
        self.log.serf(level, format_args!("{text}"));
    }

    /// Says and counts a notice of serf.
    pub(super) fn of_serf(&mut self, meters: &Meters, notice: &Notice) {
        match notice {
            Notice::Rejoining { node, to } => {
                self.rejoining = Some(*to);
                let text =
                    format_args!("Attempting re-join to previously known node: {node}: {to}");
                self.log.serf(Level::INFO, text);
            }
            Notice::Rejoined { node } => {
                let at = self.rejoining.take();
                let at = at.map(|at| format!(": {at}")).unwrap_or_default();
                let text = format_args!("Re-joined to previously known node: {node}{at}");
                self.log.serf(Level::INFO, text);
            }
            Notice::RejoinFailed => {
                self.rejoining = None;
                let text = "Failed to re-join any previously known node";
                self.log.serf(Level::WARN, format_args!("{text}"));
            }
            other => of_serf(self.log, meters, other),
        }
    }

    /// Says and counts what the application hears.
    pub(super) fn of_event(&self, meters: &mut Meters, event: &Event) {
        match event {
            Event::Members(change, members) => {
                for member in members {
                    of_member(self.log, meters, *change, member);
                }
            }
            Event::User { name, .. } => meters.event(name),
            Event::Query { name, .. } => meters.query(name),
        }
    }
}

fn of_swim(log: Log, meters: &Meters, notice: &swim::Notice) {
    use swim::Notice as N;
    match notice {
        N::Received("alive") => meters.msg_alive.incr(),
        N::Received("suspect") => meters.msg_suspect.incr(),
        N::Received("dead") => meters.msg_dead.incr(),
        // Conflicts are told by `Notices::conflict`.
        N::Received(_) | N::Conflict { .. } => {}
        N::UdpProbeFailed { node } => log.memberlist(
            Level::WARN,
            format_args!(
                "Was able to connect to {node} but other probes failed, network may be misconfigured"
            ),
        ),
        N::ProbeFailed { node } => log.memberlist(
            Level::INFO,
            format_args!("Suspect {node} has failed, no acks received"),
        ),
        N::DegradedProbe => meters.degraded_probe.incr(),
        N::DegradedTimeout => meters.degraded_timeout.incr(),
        N::SuspicionExpired { node, confirmations } => log.memberlist(
            Level::INFO,
            format_args!(
                "Marking {node} as failed, suspect timeout reached ({confirmations} peer confirmations)"
            ),
        ),
        N::Refuted { accused_by, what } => {
            let article = if *what == "alive" { "an" } else { "a" };
            log.memberlist(
                Level::WARN,
                format_args!("Refuting {article} {what} message (from: {accused_by})"),
            );
        }
        N::Health { score } => meters.health.set_count(u64::from(*score)),
        N::Refused { node, reason } => log.memberlist(
            Level::WARN,
            format_args!("ignoring alive message for '{node}': {reason}"),
        ),
        N::ExchangeFailed { to, reason } => log.memberlist(
            Level::ERROR,
            format_args!("Push/Pull with {to} failed: {reason}"),
        ),
    }
}

/// What serf says to two addresses that claim one name. When it is our own: whether the pool is asked which of
/// us is right.
fn name_conflict(
    resolves: Option<bool>,
    node: &str,
    known: SocketAddr,
    claimed: SocketAddr,
) -> (Level, String) {
    if let Some(resolves) = resolves {
        let text = format!(
            "Node name conflicts with another node at {claimed}. Names must be unique! (Resolution enabled: {resolves})"
        );
        return (Level::ERROR, text);
    }
    let text = format!("Name conflict for '{node}' both {known} and {claimed} are claiming");
    (Level::WARN, text)
}

fn of_serf(log: Log, meters: &Meters, notice: &Notice) {
    match notice {
        Notice::Flap { .. } => meters.member_flap.incr(),
        Notice::QueuePruned {
            queue,
            depth,
            dropped,
        } => {
            let limit = depth.saturating_sub(*dropped);
            log.serf(
                Level::WARN,
                format_args!(
                    "{queue} queue depth ({depth}) exceeds limit ({limit}), dropping messages!"
                ),
            );
        }
        Notice::Reconnecting { node, to } => {
            log.serf(
                Level::INFO,
                format_args!("attempting reconnect to {node} {to}"),
            );
        }
        Notice::Ignored { what, reason } => {
            log.serf(Level::WARN, format_args!("ignoring {what}: {reason}"));
        }
        Notice::CoordinateRejected { node, reason } => {
            meters.coordinate_rejected.incr();
            log.serf(
                Level::TRACE,
                format_args!("Rejected coordinate from {node}: {reason}"),
            );
        }
        Notice::CoordinateUpdated { adjustment } => {
            meters
                .coordinate_adjustment
                .record(milliseconds(*adjustment));
        }
        Notice::NameKept {
            matching,
            responses,
        } => log.serf(
            Level::INFO,
            format_args!("majority in name conflict resolution [{matching} / {responses}]"),
        ),
        Notice::KeyOperation { operation, result } => key_operation(log, operation, result),
        Notice::Queues {
            intents,
            events,
            queries,
        } => {
            meters.queue_intents.record(amount(*intents));
            meters.queue_events.record(amount(*events));
            meters.queue_queries.record(amount(*queries));
        }
        Notice::MessageReceived { bytes } => meters.msgs_received.record(amount(*bytes)),
        Notice::MessageSent { bytes } => meters.msgs_sent.record(amount(*bytes)),
        // Told by `Notices::of_serf`.
        Notice::Rejoining { .. } | Notice::Rejoined { .. } | Notice::RejoinFailed => {}
    }
}

fn key_operation(log: Log, operation: &str, result: &Result<(), String>) {
    log.serf(Level::INFO, format_args!("Received {operation} query"));
    if let Err(reason) = result {
        log.serf(
            Level::ERROR,
            format_args!("{operation} query failed: {reason}"),
        );
    }
}

fn of_member(log: Log, meters: &Meters, change: MemberChange, member: &Member) {
    let name = &member.name;
    let ip = member.address.ip();
    let (counter, word) = match change {
        MemberChange::Join => (&meters.member_join, "Join"),
        MemberChange::Leave => (&meters.member_left, "Leave"),
        MemberChange::Failed => (&meters.member_failed, "Failed"),
        MemberChange::Update => {
            meters.member_update.incr();
            log.serf(Level::INFO, format_args!("EventMemberUpdate: {name}"));
            return;
        }
        MemberChange::Reap => {
            meters.member_reap.incr();
            log.serf(Level::INFO, format_args!("EventMemberReap: {name}"));
            return;
        }
    };
    counter.incr();
    log.serf(Level::INFO, format_args!("EventMember{word}: {name} {ip}"));
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "metrics have 24 significant bits, as in Consul"
)]
fn milliseconds(seconds: f64) -> f32 {
    (seconds * 1000.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_shares_our_name_is_told_apart() {
        let known = SocketAddr::from(([10, 0, 0, 1], 8301));
        let claimed = SocketAddr::from(([10, 0, 0, 2], 8301));
        for (resolves, word) in [(false, "false"), (true, "true")] {
            let (level, text) = name_conflict(Some(resolves), "a", known, claimed);
            assert_eq!(level, Level::ERROR);
            let expected = format!(
                "Node name conflicts with another node at 10.0.0.2:8301. Names must be unique! (Resolution enabled: {word})"
            );
            assert_eq!(text, expected);
        }
        let (level, text) = name_conflict(None, "b", known, claimed);
        assert_eq!(level, Level::WARN);
        assert_eq!(
            text,
            "Name conflict for 'b' both 10.0.0.1:8301 and 10.0.0.2:8301 are claiming"
        );
    }
}
