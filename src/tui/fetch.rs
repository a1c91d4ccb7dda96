//! One question to the agent for each part of the picture.

use std::time::Duration;

use tokio::time::timeout;

use super::facts::AgentFacts;
use super::lenient::LenientCheck;
use super::snapshot::{ClusterSnapshot, Contact, Fault, FaultKind, Millis, Update};
pub use super::subject::Subject;
use crate::api::{ApiError, Client, ErrorClass, Meta, QueryOptions};
use crate::model::member::Member;

/// How long a question may take that does not wait for a change.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Asks once. `options` carry the index to wait for where the subject can be waited for; the second part of the answer
/// is what Consul's headers say of it, with index 0 where there are none.
pub async fn ask(client: &Client, subject: Subject, options: &QueryOptions) -> (Update, Meta) {
    // Any server may answer: a picture without a leader is better than none.
    let stale = QueryOptions {
        stale: true,
        ..options.clone()
    };
    let plain = QueryOptions::default();
    let update = match subject {
        Subject::Checks => {
            let found = client.health_state_list("any", &stale).await;
            let (came, meta) = indexed::<Vec<LenientCheck>>(found);
            let came = came.map(|list| list.into_iter().map(|LenientCheck(one)| one).collect());
            return (Update::Checks(came), meta);
        }
        Subject::Services => {
            let (came, meta) = indexed(client.catalog_services_raw(&stale).await);
            return (Update::Services(came), meta);
        }
        Subject::Agent => {
            let came = client.agent_self().await;
            Update::Agent(came.map(|body| AgentFacts::from_json(&body)).map_err(fault))
        }
        Subject::Members => {
            let found = client.agent_members(false, "_all").await.map_err(fault);
            Update::Members(found.and_then(some_members))
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
    (update, Meta::default())
}

/// Asks for everything at the same time, and waits for [`PATIENCE`] at most.
pub async fn everything(client: &Client, clock: impl Fn() -> Millis) -> ClusterSnapshot {
    let options = QueryOptions::default();
    let questions = Subject::ALL.map(|subject| within(PATIENCE, client, subject, &options));
    let mut snapshot = ClusterSnapshot::new(client.address());
    for (update, meta) in futures_util::future::join_all(questions).await {
        if let Some(contact) = contact(&update, meta) {
            snapshot = snapshot.with(contact, clock());
        }
        snapshot = snapshot.with(update, clock());
    }
    snapshot
}

/// Asks once, and gives up after `limit`.
pub async fn within(
    limit: Duration,
    client: &Client,
    subject: Subject,
    options: &QueryOptions,
) -> (Update, Meta) {
    let asked = timeout(limit, ask(client, subject, options)).await;
    asked.unwrap_or_else(|_| (late(subject), Meta::default()))
}

/// How near the server that told the checks is to the leader. Nothing where a proxy kept the headers.
pub fn contact(update: &Update, meta: Meta) -> Option<Update> {
    let told = matches!(update, Update::Checks(Ok(_))) && meta.index > 0;
    told.then_some(Update::Contact(Ok(Contact {
        last_ms: meta.last_contact_ms,
        known_leader: meta.known_leader,
    })))
}

/// Whether the agent is there: whatever it answers, and how little it may tell.
pub async fn pulse(client: &Client, limit: Duration) -> Result<(), Fault> {
    let fault = match timeout(limit, client.ping()).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => fault(error),
        Err(_) => no_answer(),
    };
    Err(Fault {
        kind: FaultKind::Unreachable,
        ..fault
    })
}

/// "No cluster leader" is an answer to who leads: nobody.
fn leader(came: Result<String, ApiError>) -> Result<String, Fault> {
    match came {
        Err(error) if error.classify() == ErrorClass::NoLeader => Ok(String::new()),
        other => other.map_err(fault),
    }
}

fn indexed<T>(came: Result<(T, Meta), ApiError>) -> (Result<T, Fault>, Meta) {
    match came {
        Err(error) => (Err(fault(error)), Meta::default()),
        Ok((found, meta)) => (Ok(found), meta),
    }
}

/// What stands for an answer that did not come in time.
pub fn late(subject: Subject) -> Update {
    let fault = no_answer();
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

fn no_answer() -> Fault {
    Fault {
        kind: FaultKind::Unreachable,
        text: "no answer in time".to_owned(),
    }
}

/// The agent itself is a member: an empty list is what a token without rights is told.
fn some_members(list: Vec<Member>) -> Result<Vec<Member>, Fault> {
    if list.is_empty() {
        return Err(Fault {
            kind: FaultKind::Forbidden,
            text: "the token may not read any node".to_owned(),
        });
    }
    Ok(list)
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
