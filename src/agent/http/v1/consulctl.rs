//! `/v1/consulctl`: what Consul does not have.

use std::sync::Arc;

use crate::agent::http::{Answer, Context, HttpError, Request};
use crate::model::access::{Requirement, Resource};

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
