//! `/v1/consulctl`: what Consul does not have.

use std::sync::Arc;

use crate::agent::http::{Answer, Context, HttpError, Request};
use crate::agent::rpc::QueryOptions;
use crate::model::access::{Requirement, Resource};

/// What a client agent says whose servers do not record what was asked for.
const NOT_RECORDED: &str = "The servers of this agent do not record who led";

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

/// `/v1/consulctl/leaders`: the changes of leader that a server saw since it started, newest last: this one, or for a
/// client any. Servers may have seen different ones.
pub(super) async fn leaders(context: Arc<Context>, request: Request) -> Answer {
    let options = QueryOptions {
        token: context.token_or_default(&request.token()),
        ..QueryOptions::default()
    };
    match context.rpc.leader_changes(&options).await {
        Ok(changes) => request.json(&changes),
        Err(error) if error.is_unknown_method() => Err(HttpError::not_found(NOT_RECORDED)),
        Err(error) => Err(error.into()),
    }
}
