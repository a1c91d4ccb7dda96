//! What the dashboard needs of `/v1/agent/self`.

use serde_json::Value;

/// The agent that is asked, and its own view of consensus and gossip.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentFacts {
    /// The node's name.
    pub node: String,
    /// The datacenter.
    pub datacenter: String,
    /// The version.
    pub version: String,
    /// Whether it is a server.
    pub server: bool,
    /// Whether ACLs are on; `None` when the agent does not say.
    pub acl: Option<bool>,
    /// Its gossip health score: 0 healthy to 7.
    pub score: Option<u64>,
    /// Raft's term; servers only.
    pub term: Option<u64>,
    /// Index up to which entries are committed; servers only.
    pub commit_index: Option<u64>,
    /// Entries that wait to be applied; servers only.
    pub fsm_pending: Option<u64>,
    /// Index of the newest snapshot, 0 before the first one; servers only.
    pub snapshot_index: Option<u64>,
}

impl AgentFacts {
    /// Entries that were committed since the newest snapshot; `None` before the first one and where nobody says.
    pub fn since_snapshot(&self) -> Option<u64> {
        let snapshot = self.snapshot_index.filter(|index| *index > 0)?;
        Some(self.commit_index?.saturating_sub(snapshot))
    }

    /// Reads the body; whatever is missing stays unknown.
    pub fn from_json(body: &Value) -> Self {
        let config = |name: &str| body["Config"][name].as_str().unwrap_or_default().to_owned();
        let number = |section: &str, name: &str| -> Option<u64> {
            body["Stats"][section][name].as_str()?.parse().ok()
        };
        let acl = match body["DebugConfig"]["ACLsEnabled"].as_bool() {
            Some(on) => Some(on),
            None => body["Stats"]["consul"]["acl"]
                .as_str()
                .map(|text| text != "disabled"),
        };
        Self {
            node: config("NodeName"),
            datacenter: config("Datacenter"),
            version: config("Version"),
            server: body["Config"]["Server"].as_bool().unwrap_or_default(),
            acl,
            score: number("serf_lan", "health_score"),
            term: number("raft", "term"),
            commit_index: number("raft", "commit_index"),
            fsm_pending: number("raft", "fsm_pending"),
            snapshot_index: number("raft", "last_snapshot_index"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_as_old_as_what_was_committed_since() {
        let told = |snapshot: &str| {
            let body = serde_json::json!({
                "Stats": {"raft": {"commit_index": "16500", "last_snapshot_index": snapshot}},
            });
            AgentFacts::from_json(&body).since_snapshot()
        };
        assert_eq!(told("16384"), Some(116));
        assert_eq!(told("0"), None, "there is none yet");
        assert_eq!(AgentFacts::default().since_snapshot(), None);
    }

    #[test]
    fn a_client_has_a_score_and_no_raft() {
        let body = serde_json::json!({
            "Config": {"NodeName": "c1", "Datacenter": "dc1", "Server": false, "Version": "1.8.7"},
            "Stats": {"serf_lan": {"health_score": "2"}, "raft": null},
        });
        let facts = AgentFacts::from_json(&body);
        assert_eq!(facts.score, Some(2));
        assert_eq!(facts.term, None);
        assert_eq!(facts.acl, None);
        assert_eq!(AgentFacts::from_json(&Value::Null), AgentFacts::default());
    }
}
