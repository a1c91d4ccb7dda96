//! `/v1/status`: who leads, and who votes.

use std::sync::Arc;

use crate::agent::http::{Answer, Context, HttpError, Request};

/// `/v1/status/leader`: the leader's RPC address, an empty text without one.
pub(super) async fn leader(context: Arc<Context>, request: Request) -> Answer {
    check(&context, &request)?;
    let address = context.raft()?.leader().map(|leader| leader.address);
    request.json(&address.unwrap_or_default())
}

/// `/v1/status/peers`: the RPC addresses of the servers.
pub(super) async fn peers(context: Arc<Context>, request: Request) -> Answer {
    check(&context, &request)?;
    let servers = context.raft()?.configuration().servers;
    let addresses: Vec<String> = servers.into_iter().map(|server| server.address).collect();
    request.json(&addresses)
}

/// The shared parameters must be right even though these two answer without any server's help.
fn check(context: &Context, request: &Request) -> Result<(), HttpError> {
    let params = request.read_params(context.read_defaults())?;
    Ok(context.rpc.route(&params.datacenter)?)
}
