//! One question to the agent for each part of the picture.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;

use super::facts::AgentFacts;
use super::lenient::LenientCheck;
use super::snapshot::{ClusterSnapshot, Contact, Fault, FaultKind, Millis, Update};
pub use super::subject::Subject;
use crate::api::{ApiError, Client, ErrorClass, Meta, QueryOptions};

/// How long a question may take that does not wait for a change.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Letters of a refusal that are kept.
const MAX_LETTERS: usize = 200;

/// Asks once. `options` carry the index to wait for where the subject can be waited for; the second part of the answer
/// is what Consul's headers say of it, with index 0 where there are none.
pub async fn ask(client: &Client, subject: Subject, options: &QueryOptions) -> (Update, Meta) {
    // Any server may answer: a picture without a leader is better than none.
    let stale = QueryOptions {
        stale: true,
        ..options.clone()
    };
    let plain = QueryOptions::default();
    let fault = |error| lacking(subject, fault(error));
    let update = match subject {
        Subject::Checks => {
            let found = client.health_state_list("any", &stale).await;
            let (came, meta) = indexed::<Vec<LenientCheck>>(subject, found, Vec::is_empty);
            let came = came.map(|list| list.into_iter().map(|LenientCheck(one)| one).collect());
            return (Update::Checks(came), meta);
        }
        Subject::Services => {
            let found = client.catalog_services_raw(&stale).await;
            let (came, meta) = indexed(subject, found, BTreeMap::is_empty);
            return (Update::Services(came), meta);
        }
        Subject::Agent => {
            let found = client.agent_self().await.map_err(fault);
            Update::Agent(found.and_then(|body| AgentFacts::from_json(&body).ok_or_else(no_agent)))
        }
        Subject::Members => {
            let found = client.agent_members(false, "_all").await.map_err(fault);
            let some = found.and_then(|list| {
                // The agent itself is a member.
                if list.is_empty() {
                    Err(hidden(subject))
                } else {
                    Ok(list)
                }
            });
            Update::Members(some)
        }
        Subject::Health => Update::Health(client.autopilot_health(&plain).await.map_err(fault)),
        Subject::Raft => Update::Raft(client.raft_configuration(&stale).await.map_err(fault)),
        Subject::Autopilot => {
            Update::Autopilot(client.autopilot_configuration(&plain).await.map_err(fault))
        }
        Subject::Leader => {
            Update::Leader(leader(client.status_leader(&stale).await).map_err(fault))
        }
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
fn leader(came: Result<String, ApiError>) -> Result<String, ApiError> {
    match came {
        Err(error) if error.classify() == ErrorClass::NoLeader => Ok(String::new()),
        other => other,
    }
}

/// An answer with its index. Every cluster with a leader has a service and a check of its own: if none is told, the token
/// hides them.
fn indexed<T>(
    subject: Subject,
    came: Result<(T, Meta), ApiError>,
    is_empty: impl Fn(&T) -> bool,
) -> (Result<T, Fault>, Meta) {
    match came {
        Err(error) => (Err(lacking(subject, fault(error))), Meta::default()),
        // Index 1 is that of a catalog in which nothing was ever written.
        Ok((found, meta)) if meta.known_leader && meta.index > 1 && is_empty(&found) => {
            (Err(hidden(subject)), meta)
        }
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

/// The same fault, with the right that the token lacks.
fn lacking(subject: Subject, fault: Fault) -> Fault {
    match (fault.kind, subject.right()) {
        (FaultKind::Forbidden, Some(_)) => hidden(subject),
        _ => fault,
    }
}

/// What a token hides of which the agent tells nothing.
pub(super) fn hidden(subject: Subject) -> Fault {
    let right = subject.right().unwrap_or("a right");
    Fault {
        kind: FaultKind::Forbidden,
        text: format!("the token lacks {right}"),
    }
}

/// Something answers, but not an agent.
fn no_agent() -> Fault {
    Fault {
        kind: FaultKind::Stranger,
        text: "what answers is no Consul agent".to_owned(),
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
    let is_page = |body: &str| body.trim_start().starts_with('<');
    let kind = match &error {
        ApiError::Status { body, .. } if is_page(body) => FaultKind::Stranger,
        ApiError::Decode { .. } => FaultKind::Stranger,
        _ => kind,
    };
    let text = match &error {
        ApiError::Transport { cause, .. } => cause.clone(),
        // A page of a proxy is many lines of markup.
        ApiError::Status { status, body, .. } if is_page(body) => {
            format!("no Consul agent there: HTTP {status} and a web page")
        }
        ApiError::Status { status, body, .. } => {
            let body: String = body.chars().take(MAX_LETTERS).collect();
            format!("HTTP {status} {body}")
        }
        ApiError::Decode { .. } => format!("no answer of a Consul agent: {error}"),
        other => other.to_string(),
    };
    Fault {
        kind,
        text: super::words::one_line(&text),
    }
}
