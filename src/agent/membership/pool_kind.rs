//! The agent's two pools.

/// Which of the agent's pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolKind {
    /// The agents of one datacenter.
    Lan,
    /// The servers of all datacenters.
    Wan,
}

impl PoolKind {
    /// As in log targets and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lan => "lan",
            Self::Wan => "wan",
        }
    }

    /// As in messages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Lan => "LAN",
            Self::Wan => "WAN",
        }
    }
}
