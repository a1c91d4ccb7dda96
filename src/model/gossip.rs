//! What members say of their part in gossip: `/v1/consulctl/gossip`.

use serde::{Deserialize, Serialize};

/// A member, and what it says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GossipMember {
    /// The member's name.
    pub name: String,
    /// The gossip address.
    pub addr: String,
    /// The gossip port.
    pub port: u16,
    /// `alive`, `leaving`, `left`, `failed` or `none`.
    pub status: String,
    /// The member's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<GossipReport>,
    /// Whether it gave none: it is down, slow, or an agent that does not know the question.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// What the asked agent itself saw of the member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<GossipUnrest>,
}

/// How often an agent saw a member in doubt, go and come back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GossipUnrest {
    /// The member is in doubt now: its status may become `failed`.
    pub suspect: bool,
    /// How often it was in doubt within the last hour; 64 for more.
    pub suspicions: u32,
    /// How often it went or came back within the last hour; 64 for more.
    pub flaps: u32,
    /// How long ago it last went or came back; none if it never did since the agent started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_seconds: Option<u64>,
}

/// What an agent says of its part in gossip.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GossipReport {
    /// How much the agent trusts its own timing: 0 is full health, each step stretches its timeouts.
    pub health_score: u32,
    /// Join and leave messages that wait to be sent.
    pub intent_queue: u64,
    /// User events that wait to be sent.
    pub event_queue: u64,
    /// Queries that wait to be sent.
    pub query_queue: u64,
    /// The agent's version.
    pub version: String,
    /// How long the agent has run.
    pub uptime_seconds: u64,
}
