//! One question to the agent for each part of the picture.

use serde::de::DeserializeOwned;

use super::facts::AgentFacts;
use super::snapshot::{ClusterSnapshot, Fault, FaultKind, Millis, Update};
use crate::api::{ApiError, Client, ErrorClass, QueryOptions};

/// The parts, each with its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The agent itself.
    Agent,
    /// The members of the LAN pool.
    Members,
    /// All checks; may be waited for.
    Checks,
    /// All services; may be waited for.
    Services,
    /// The servers' health.
    Health,
    /// The raft configuration.
    Raft,
    /// Autopilot's thresholds.
    Autopilot,
    /// The leader.
    Leader,
    /// Changes of leader.
    Changes,
    /// What members say of gossip.
    Gossip,
    /// Network coordinates.
    Coordinates,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Agent,
        Self::Members,
        Self::Checks,
        Self::Services,
        Self::Health,
        Self::Raft,
        Self::Autopilot,
        Self::Leader,
        Self::Changes,
        Self::Gossip,
        Self::Coordinates,
    ];
}

/// Asks once. `options` carry the index to wait for where the subject can be waited for; the second part of the answer
/// is the index of what came, 0 where there is none.
pub async fn ask(client: &Client, subject: Subject, options: &QueryOptions) -> (Update, u64) {
    // Any server may answer: a picture without a leader is better than none.
    let stale = QueryOptions {
        stale: true,
        ..options.clone()
    };
    let plain = QueryOptions::default();
    let update = match subject {
        Subject::Checks => {
            let (came, index) = indexed(client.health_state("any", &stale).await);
            return (Update::Checks(came), index);
        }
        Subject::Services => {
            let (came, index) = indexed(client.catalog_services_raw(&stale).await);
            return (Update::Services(came), index);
        }
        Subject::Agent => {
            let came = client.agent_self().await;
            Update::Agent(came.map(|body| AgentFacts::from_json(&body)).map_err(fault))
        }
        Subject::Members => {
            Update::Members(client.agent_members(false, "_all").await.map_err(fault))
        }
        Subject::Health => Update::Health(client.autopilot_health(&plain).await.map_err(fault)),
        Subject::Raft => Update::Raft(client.raft_configuration(&stale).await.map_err(fault)),
        Subject::Autopilot => {
            Update::Autopilot(client.autopilot_configuration(&plain).await.map_err(fault))
        }
        Subject::Leader => Update::Leader(leader(client.status_leader(&stale).await)),
        Subject::Changes => Update::Changes(client.leader_changes().await.map_err(fault)),
        Subject::Gossip => {
            let found = client.gossip_members().await.map_err(fault);
            Update::Gossip(found.and_then(|list| list.ok_or_else(unsupported)))
        }
        Subject::Coordinates => {
            Update::Coordinates(client.coordinate_nodes(&stale).await.map_err(fault))
        }
    };
    (update, 0)
}

/// Asks for everything at the same time.
pub async fn everything(client: &Client, clock: impl Fn() -> Millis) -> ClusterSnapshot {
    let options = QueryOptions::default();
    let questions = Subject::ALL.map(|subject| ask(client, subject, &options));
    let mut snapshot = ClusterSnapshot::new(client.address());
    for (update, _) in futures_util::future::join_all(questions).await {
        snapshot = snapshot.with(update, clock());
    }
    snapshot
}

/// "No cluster leader" is an answer to who leads: nobody.
fn leader(came: Result<String, ApiError>) -> Result<String, Fault> {
    match came {
        Err(error) if error.classify() == ErrorClass::NoLeader => Ok(String::new()),
        other => other.map_err(fault),
    }
}

fn indexed<T: DeserializeOwned>(
    came: Result<(serde_json::Value, crate::api::Meta), ApiError>,
) -> (Result<T, Fault>, u64) {
    match came {
        Err(error) => (Err(fault(error)), 0),
        Ok((body, meta)) => {
            let read = serde_json::from_value(body).map_err(|error| Fault {
                kind: FaultKind::Other,
                text: format!("unreadable answer: {error}"),
            });
            (read, meta.index)
        }
    }
}

/// What stands for an answer that did not come in time.
pub fn late(subject: Subject) -> Update {
    let fault = Fault {
        kind: FaultKind::Unreachable,
        text: "no answer in time".to_owned(),
    };
    match subject {
        Subject::Agent => Update::Agent(Err(fault)),
        Subject::Members => Update::Members(Err(fault)),
        Subject::Checks => Update::Checks(Err(fault)),
        Subject::Services => Update::Services(Err(fault)),
        Subject::Health => Update::Health(Err(fault)),
        Subject::Raft => Update::Raft(Err(fault)),
        Subject::Autopilot => Update::Autopilot(Err(fault)),
        Subject::Leader => Update::Leader(Err(fault)),
        Subject::Changes => Update::Changes(Err(fault)),
        Subject::Gossip => Update::Gossip(Err(fault)),
        Subject::Coordinates => Update::Coordinates(Err(fault)),
    }
}

fn unsupported() -> Fault {
    Fault {
        kind: FaultKind::Unsupported,
        text: "needs a consulctl agent".to_owned(),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what map_err hands over"
)]
pub(super) fn fault(error: ApiError) -> Fault {
    let kind = match error.classify() {
        ErrorClass::Forbidden => FaultKind::Forbidden,
        ErrorClass::NoLeader => FaultKind::NoLeader,
        ErrorClass::NotFound => return unsupported(),
        ErrorClass::NoDatacenter | ErrorClass::TooLarge | ErrorClass::Other => FaultKind::Other,
        ErrorClass::Refused
        | ErrorClass::Dns
        | ErrorClass::Timeout
        | ErrorClass::Slow
        | ErrorClass::PlainServer
        | ErrorClass::TlsServer
        | ErrorClass::Certificate
        | ErrorClass::Socket
        | ErrorClass::Broken => FaultKind::Unreachable,
    };
    let text = match &error {
        ApiError::Transport { cause, .. } => cause.clone(),
        ApiError::Status { status, body, .. } => format!("{status} {body}"),
        other => other.to_string(),
    };
    Fault {
        kind,
        text: super::words::one_line(&text),
    }
}
