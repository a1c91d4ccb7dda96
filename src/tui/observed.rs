//! What is known from watching: since when something is as it is, and how often it changed.
//!
//! Consul tells no times. A state that was there at the first look is older than the watching; what changed since has
//! its time.

use std::collections::{BTreeMap, VecDeque};

use super::derive::{Identity, Problem, Severity};
use super::snapshot::{ClusterSnapshot, Millis};

/// Changes of one node that are kept.
const MAX_CHANGES: usize = 64;
/// Changes of leader that are kept.
const MAX_REIGNS: usize = 128;
/// While the first answers come in, in milliseconds: what is wrong then was wrong before.
const SETTLING: Millis = 5000;
/// An hour.
pub const HOUR: Millis = 3_600_000;

/// Since when something is in its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// The moment.
    pub at: Millis,
    /// Whether it is older than that: it was so at the first look.
    pub at_least: bool,
}

#[derive(Debug, Clone)]
struct Course<S> {
    state: S,
    since: Since,
    changes: VecDeque<Millis>,
    /// When it was last there.
    seen: Millis,
}

impl<S: PartialEq + Copy> Course<S> {
    fn new(state: S, now: Millis, first: bool) -> Self {
        let since = Since {
            at: now,
            at_least: first,
        };
        Self {
            state,
            since,
            changes: VecDeque::new(),
            seen: now,
        }
    }

    fn see(&mut self, state: S, now: Millis) {
        self.seen = now;
        if self.state == state {
            return;
        }
        self.state = state;
        self.since = Since {
            at: now,
            at_least: false,
        };
        if self.changes.len() == MAX_CHANGES {
            self.changes.pop_front();
        }
        self.changes.push_back(now);
    }
}

/// The leadership of one server, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reign {
    /// The leader's RPC address; empty while there was none.
    pub leader: String,
    /// When it was first seen.
    pub since: Since,
}

/// Everything seen so far; as large as the cluster is.
#[derive(Debug, Clone, Default)]
pub struct Observations {
    nodes: BTreeMap<String, Course<i64>>,
    /// By node, then by id.
    checks: BTreeMap<String, BTreeMap<String, Course<u8>>>,
    reigns: VecDeque<Reign>,
    problems: BTreeMap<(Identity, bool), Since>,
    /// When the watching began; 0 before.
    pub began: Millis,
    seen_nodes: Millis,
    seen_checks: Millis,
    seen_leader: Millis,
}

impl Observations {
    /// Looks at a snapshot. Parts that are not newer than at the last look are passed over.
    pub fn see(&mut self, snapshot: &ClusterSnapshot) {
        if self.began == 0 {
            self.began = snapshot.at;
        }
        if let (Some(members), true) = (
            snapshot.members.get(),
            snapshot.members.sampled > self.seen_nodes,
        ) {
            let now = snapshot.members.sampled;
            for member in members {
                let first = self.seen_nodes == 0;
                look(&mut self.nodes, &member.name, member.status, now, first);
            }
            self.nodes.retain(|_, course| course.seen == now);
            self.seen_nodes = now;
        }
        if let (Some(checks), true) = (
            snapshot.checks.get(),
            snapshot.checks.sampled > self.seen_checks,
        ) {
            let now = snapshot.checks.sampled;
            for check in checks {
                if !self.checks.contains_key(&*check.node) {
                    self.checks.insert(check.node.to_string(), BTreeMap::new());
                }
                if let Some(courses) = self.checks.get_mut(&*check.node) {
                    let first = self.seen_checks == 0;
                    look(courses, &check.id, check.status as u8, now, first);
                }
            }
            self.checks.retain(|_, courses| {
                courses.retain(|_, course| course.seen == now);
                !courses.is_empty()
            });
            self.seen_checks = now;
        }
        if let (Some(leader), true) = (
            snapshot.leader.get(),
            snapshot.leader.sampled > self.seen_leader,
        ) {
            self.see_leader(leader, snapshot.leader.sampled);
        }
    }

    fn see_leader(&mut self, leader: &str, now: Millis) {
        let first = self.seen_leader == 0;
        self.seen_leader = now;
        if self.reigns.back().is_some_and(|last| last.leader == leader) {
            return;
        }
        if self.reigns.len() == MAX_REIGNS {
            self.reigns.pop_front();
        }
        self.reigns.push_back(Reign {
            leader: leader.to_owned(),
            since: Since {
                at: now,
                at_least: first,
            },
        });
    }

    /// Dates problems that have no time of their own by when they were first seen.
    pub fn date(&mut self, problems: &mut [Problem], now: Millis) {
        let mut old = std::mem::take(&mut self.problems);
        for problem in problems.iter_mut().filter(|one| one.since.is_none()) {
            let key = (problem.identity(), problem.severity == Severity::Critical);
            let fresh = Since {
                at: now,
                at_least: now - self.began < SETTLING,
            };
            let since = old.remove(&key).unwrap_or(fresh);
            problem.since = Some(since);
            self.problems.insert(key, since);
        }
    }

    /// Since when a node is in its state.
    pub fn node_since(&self, node: &str) -> Option<Since> {
        self.nodes.get(node).map(|course| course.since)
    }

    /// How often a node changed its state since `from`.
    pub fn node_changes(&self, node: &str, from: Millis) -> usize {
        let changes = self.nodes.get(node).map(|course| &course.changes);
        changes.map_or(0, |list| list.iter().filter(|at| **at >= from).count())
    }

    /// Since when a check is in its state.
    pub fn check_since(&self, node: &str, check: &str) -> Option<Since> {
        let course = self.checks.get(node)?.get(check)?;
        Some(course.since)
    }

    /// The leaders seen, newest last.
    pub fn reigns(&self) -> impl DoubleEndedIterator<Item = &Reign> {
        self.reigns.iter()
    }
}

/// Looks at one thing; a name is copied only when it is new.
fn look<S: PartialEq + Copy>(
    courses: &mut BTreeMap<String, Course<S>>,
    name: &str,
    state: S,
    now: Millis,
    first: bool,
) {
    match courses.get_mut(name) {
        Some(course) => course.see(state, now),
        None => {
            courses.insert(name.to_owned(), Course::new(state, now, first));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::member::Member;
    use crate::tui::snapshot::Update;

    fn member(status: i64) -> Member {
        Member {
            name: "n".to_owned(),
            status,
            ..Member::default()
        }
    }

    #[test]
    fn a_state_is_as_old_as_the_change_that_was_seen() {
        let mut seen = Observations::default();
        let snapshot = ClusterSnapshot::new("a").with(Update::Members(Ok(vec![member(1)])), 10);
        seen.see(&snapshot);
        let since = |at, at_least| Some(Since { at, at_least });
        assert_eq!(seen.node_since("n"), since(10, true));
        let snapshot = snapshot.with(Update::Members(Ok(vec![member(4)])), 20);
        seen.see(&snapshot);
        seen.see(
            &snapshot
                .clone()
                .with(Update::Members(Ok(vec![member(4)])), 30),
        );
        assert_eq!(seen.node_since("n"), since(20, false));
        assert_eq!(seen.node_changes("n", 0), 1);
        assert_eq!(seen.node_changes("n", 21), 0);
        seen.see(&snapshot.with(Update::Members(Ok(Vec::new())), 40));
        assert_eq!(seen.node_since("n"), None, "gone is forgotten");
    }

    #[test]
    fn leaders_are_kept_in_their_order() {
        let mut seen = Observations::default();
        for (at, leader) in [(1, "a"), (2, "a"), (3, ""), (4, "b")] {
            let update = Update::Leader(Ok(leader.to_owned()));
            seen.see(&ClusterSnapshot::new("x").with(update, at));
        }
        let found: Vec<_> = seen
            .reigns()
            .map(|reign| (reign.leader.as_str(), reign.since.at))
            .collect();
        assert_eq!(found, [("a", 1), ("", 3), ("b", 4)]);
    }
}
