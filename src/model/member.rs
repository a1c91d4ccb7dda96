//! Members of the gossip pools.

use serde::{Deserialize, Serialize};

use super::node::StringMap;

/// State of a member, with serf's numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberStatus {
    /// Not known.
    #[default]
    None = 0,
    /// Answers.
    Alive = 1,
    /// Said that it leaves.
    Leaving = 2,
    /// Left.
    Left = 3,
    /// Does not answer.
    Failed = 4,
}

impl MemberStatus {
    /// The state as `members` prints it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Alive => "alive",
            Self::Leaving => "leaving",
            Self::Left => "left",
            Self::Failed => "failed",
        }
    }

    /// The state of serf's number; unknown numbers are `None`.
    pub const fn from_number(number: i64) -> Self {
        match number {
            1 => Self::Alive,
            2 => Self::Leaving,
            3 => Self::Left,
            4 => Self::Failed,
            _ => Self::None,
        }
    }
}

/// A member as `/v1/agent/members` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Member {
    /// The node's name (`node.dc` in the WAN pool).
    pub name: String,
    /// The gossip address.
    pub addr: String,
    /// The gossip port.
    pub port: u16,
    /// What the member says of itself.
    pub tags: StringMap,
    /// Serf's number of the state; see [`MemberStatus`].
    pub status: i64,
    /// Lowest gossip protocol that the member understands.
    pub protocol_min: u8,
    /// Highest gossip protocol that the member understands.
    pub protocol_max: u8,
    /// Gossip protocol that the member speaks.
    pub protocol_cur: u8,
    /// Lowest serf protocol that the member understands.
    pub delegate_min: u8,
    /// Highest serf protocol that the member understands.
    pub delegate_max: u8,
    /// Serf protocol that the member speaks.
    pub delegate_cur: u8,
}

impl Member {
    /// The member's state.
    pub fn member_status(&self) -> MemberStatus {
        MemberStatus::from_number(self.status)
    }
}
