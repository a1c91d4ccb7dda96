//! What a write touched and what a reader watches.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::model::kv::Key;

/// A part of the state that readers can wait on.
///
/// Key/value topics overlap: a touched `Kv(k)` wakes watchers of `Kv(k)` and of `KvPrefix(p)` where
/// `p` begins `k`; a touched `KvPrefix(p)` wakes watchers of `Kv(k)` beneath `p` and of prefixes
/// that begin `p` or that `p` begins. All other topics wake only their equals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// One key.
    Kv(Key),
    /// All keys that begin so.
    KvPrefix(Key),
    /// The table of nodes.
    Nodes,
    /// The table of services.
    Services,
    /// The table of checks.
    Checks,
    /// All that an answer about one service shows: instances, their nodes, their checks. The
    /// name is folded to lower case.
    Service(Arc<str>),
    /// The table of sessions.
    Sessions,
    /// One session; the id is folded to lower case.
    Session(Arc<str>),
    /// The sessions of a node; its name is folded to lower case.
    SessionsOfNode(Arc<str>),
    /// The table of coordinates.
    Coordinates,
    /// Autopilot's configuration.
    Autopilot,
    /// The table of prepared queries.
    PreparedQueries,
}

/// The topics that a query read; wait on them to learn when its answer may have changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchSet {
    topics: Vec<Topic>,
}

impl WatchSet {
    /// Adds a topic. Queries read few topics (at most three), so that a list suffices.
    pub fn add(&mut self, topic: Topic) {
        if !self.topics.contains(&topic) {
            self.topics.push(topic);
        }
    }

    /// The topics.
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }
}

/// The topics that a batch of commands changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    everything: bool,
    topics: BTreeSet<Topic>,
    lock_delays: Vec<(Key, Duration)>,
}

impl Touched {
    /// Notes a topic.
    pub fn add(&mut self, topic: Topic) {
        self.topics.insert(topic);
    }

    /// Notes that the whole state was replaced: every watcher is to be woken.
    pub fn set_everything(&mut self) {
        self.everything = true;
    }

    /// Whether the whole state was replaced.
    pub fn is_everything(&self) -> bool {
        self.everything
    }

    /// The topics, in order.
    pub fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.topics.iter()
    }

    /// Notes that a key must not be locked for some time, since its holder's session has ended. The state has no
    /// clock: every server keeps the time by itself.
    pub fn delay_lock(&mut self, key: Key, delay: Duration) {
        self.lock_delays.push((key, delay));
    }

    /// The keys that must not be locked, from now on for so long.
    pub fn lock_delays(&self) -> &[(Key, Duration)] {
        &self.lock_delays
    }

    /// Whether nothing was touched.
    pub fn is_empty(&self) -> bool {
        !self.everything && self.topics.is_empty() && self.lock_delays.is_empty()
    }

    /// Forgets all, for the next batch.
    pub fn clear(&mut self) {
        self.everything = false;
        self.topics.clear();
        self.lock_delays.clear();
    }
}
