//! `/v1/status`: who leads, and who votes. A server answers what it knows itself; a client asks one.

use std::sync::Arc;

use crate::agent::http::{Answer, Context, Request};

use super::read::{Read, ask};

/// `/v1/status/leader`: the leader's RPC address, an empty text without one.
pub(super) async fn leader(context: Arc<Context>, request: Request) -> Answer {
    let options = Read::new(&context, &request)?.options();
    let address = ask(&request, context.rpc.leader_address(&options)).await?;
    request.json(&address.unwrap_or_default())
}

/// `/v1/status/peers`: the RPC addresses of the servers.
pub(super) async fn peers(context: Arc<Context>, request: Request) -> Answer {
    let options = Read::new(&context, &request)?.options();
    let addresses = ask(&request, context.rpc.peer_addresses(&options)).await?;
    request.json(&addresses)
}
