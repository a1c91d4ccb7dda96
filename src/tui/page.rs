//! Where one can be: views, and pages of one thing.

use super::words::one_line;

/// Folders in folders that the way to a key shows.
const MAX_DEPTH: usize = 64;

/// A view, reached by a number or a name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum View {
    /// What is wrong, at one glance.
    #[default]
    Overview,
    /// The members of the gossip pool.
    Members,
    /// The servers of raft.
    Raft,
    /// The checks.
    Checks,
    /// The services.
    Services,
    /// How far nodes are from each other.
    Latency,
    /// Keys and values.
    Kv,
    /// The agent's log.
    Logs,
    /// What happened since the start.
    Events,
}

impl View {
    /// All of them in their order.
    pub const ALL: [Self; 9] = [
        Self::Overview,
        Self::Members,
        Self::Raft,
        Self::Checks,
        Self::Services,
        Self::Latency,
        Self::Kv,
        Self::Logs,
        Self::Events,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Members => "members",
            Self::Raft => "raft",
            Self::Checks => "checks",
            Self::Services => "services",
            Self::Latency => "latency",
            Self::Kv => "kv",
            Self::Logs => "logs",
            Self::Events => "events",
        }
    }

    /// Its place in [`Self::ALL`].
    pub const fn place(self) -> usize {
        self as usize
    }
}

/// What is on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// A view.
    View(View),
    /// One node, by name.
    Node(String),
    /// One service, by name.
    Service(String),
    /// One check, by node and id.
    Check(String, String),
    /// A folder of keys, by its prefix, which ends with a slash.
    Folder(String),
    /// One key.
    Key(String),
    /// One line of the log, by its number.
    Line(u64),
}

impl Default for Page {
    fn default() -> Self {
        Self::View(View::Overview)
    }
}

impl Page {
    /// Whether it is a table: rows can be selected, sorted and filtered.
    pub const fn is_table(&self) -> bool {
        matches!(self, Self::View(_) | Self::Folder(_))
    }

    /// The pages that lead to it, the view it belongs to first, itself last.
    pub fn way(self) -> Vec<Self> {
        let (view, key) = match &self {
            Self::View(_) => return vec![self],
            Self::Node(_) => (View::Members, ""),
            Self::Service(_) => (View::Services, ""),
            Self::Check(..) => (View::Checks, ""),
            Self::Line(_) => (View::Logs, ""),
            Self::Folder(key) | Self::Key(key) => (View::Kv, key.as_str()),
        };
        let mut way = vec![Self::View(view)];
        let inner = match &self {
            // A folder does not lead to itself.
            Self::Folder(_) => key.strip_suffix('/').unwrap_or(key),
            _ => key,
        };
        let folders = inner.match_indices('/').take(MAX_DEPTH);
        way.extend(folders.map(|(place, _)| Self::Folder(inner[..=place].to_owned())));
        way.push(self);
        way
    }

    /// Its part of the path that is shown.
    pub fn title(&self) -> String {
        match self {
            Self::View(view) => view.name().to_owned(),
            Self::Node(name) | Self::Service(name) => name.clone(),
            Self::Check(node, id) => format!("{node} {id}"),
            Self::Folder(prefix) => one_line(super::kv::last_part(prefix)),
            Self::Key(key) => one_line(super::kv::last_part(key)),
            Self::Line(number) => format!("line {number}"),
        }
    }
}
