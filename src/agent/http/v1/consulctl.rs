//! `/v1/consulctl`: what Consul does not have.

use std::sync::Arc;

use crate::agent::http::{Answer, Context, HttpError, Request};
use crate::agent::raft::LeaderChange;
use crate::model::access::{Requirement, Resource};
use crate::model::raft::LeaderChangeRecord;

/// What a client agent says, whose servers have what was asked for.
const NOT_A_SERVER: &str = "This agent is a client: ask a server, whose own record this is";

/// `/v1/consulctl/gossip`: what the members of the LAN pool say of their part in gossip. Asks them at
/// most once a second; what they said is shared meanwhile.
pub(super) async fn gossip(context: Arc<Context>, request: Request) -> Answer {
    let token = context.token_or_default(&request.token());
    let name = context.facts.node_name.as_bytes();
    let requirement = Requirement::read(Resource::Agent, name);
    context.rpc.authorize(&token, &requirement)?;
    let found = context.gossip_reports.gather();
    let found = found.await.map_err(HttpError::failed)?;
    request.json(&*found)
}

/// `/v1/consulctl/leaders`: the changes of leader that this server saw since it started, newest last. Servers may have
/// seen different ones, so that none is asked for another.
pub(super) async fn leaders(context: Arc<Context>, request: Request) -> Answer {
    let token = context.token_or_default(&request.token());
    let requirement = Requirement::read(Resource::Operator, &[]);
    context.rpc.authorize(&token, &requirement)?;
    let Some(raft) = &context.raft else {
        return Err(HttpError::not_found(NOT_A_SERVER));
    };
    let changes: Vec<LeaderChangeRecord> = raft.history().into_iter().map(record).collect();
    request.json(&changes)
}

fn record(change: LeaderChange) -> LeaderChangeRecord {
    let at = jiff::Timestamp::try_from(change.at).unwrap_or_default();
    let (leader_id, leader_address) = change
        .leader
        .map(|leader| (leader.id, leader.address))
        .unwrap_or_default();
    LeaderChangeRecord {
        time: at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        term: change.term,
        leader_id,
        leader_address,
        reason: change.reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::agent::raft::Leader;

    #[test]
    fn a_change_of_leader_is_a_row() {
        let change = LeaderChange {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_600_000_000_042),
            term: 7,
            leader: Some(Leader {
                id: "i".to_owned(),
                address: "10.0.0.1:8300".to_owned(),
            }),
            reason: "another server won the election",
        };
        let text = serde_json::to_string(&record(change.clone())).unwrap();
        let expected = r#"{"Time":"2020-09-13T12:26:40.042Z","Term":7,"LeaderID":"i","LeaderAddress":"10.0.0.1:8300","Reason":"another server won the election"}"#;
        assert_eq!(text, expected);
        let lost = LeaderChange {
            leader: None,
            ..change
        };
        assert_eq!(record(lost).leader_id, "");
    }
}
