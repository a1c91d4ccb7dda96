//! Where one can be: views, and pages of one thing.

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
    /// What happened since the start.
    Events,
}

impl View {
    /// All of them in their order.
    pub const ALL: [Self; 6] = [
        Self::Overview,
        Self::Members,
        Self::Raft,
        Self::Checks,
        Self::Services,
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
}

impl Default for Page {
    fn default() -> Self {
        Self::View(View::Overview)
    }
}

impl Page {
    /// Its part of the path that is shown.
    pub fn title(&self) -> String {
        match self {
            Self::View(view) => view.name().to_owned(),
            Self::Node(name) | Self::Service(name) => name.clone(),
            Self::Check(node, id) => format!("{node} {id}"),
        }
    }
}
