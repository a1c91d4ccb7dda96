//! `/v1/operator/raft`: the servers that vote, and who of them leads.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;

use crate::agent::http::{Answer, Context, HttpError, Request, Response};
use crate::agent::rpc::PeerName;

use super::read::{Read, ask, write_options};

/// `/v1/operator/raft/configuration`: as the leader has it; with `?stale` as any server has it, which is what is left
/// without a leader.
pub(super) async fn raft_configuration(context: Arc<Context>, request: Request) -> Answer {
    let options = Read::new(&context, &request)?.options();
    let found = ask(&request, context.rpc.raft_configuration(&options)).await?;
    request.json(&found)
}

/// `/v1/operator/raft/peer`.
pub(super) async fn remove_peer(context: Arc<Context>, request: Request) -> Answer {
    let peer = peer(&request)?;
    let options = write_options(&context, &request);
    ask(&request, context.rpc.remove_peer(&options, &peer)).await?;
    Ok(Response::empty(StatusCode::OK))
}

fn peer(request: &Request) -> Result<PeerName, HttpError> {
    let value = |name: &str| request.params().non_empty(name);
    let text = match (value("id"), value("address")) {
        (Some(id), None) => return Ok(PeerName::Id(id.into_owned())),
        (None, Some(address)) => return Ok(PeerName::Address(address.into_owned())),
        (None, None) => {
            "Must specify either ?id with the server's ID or ?address with IP:port of peer to remove"
        }
        (Some(_), Some(_)) => "Must specify only one of ?id or ?address",
    };
    Err(HttpError::bad_request(text))
}

/// What a transfer of the leadership answers. It is never a failure: that is an error.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Transferred {
    success: bool,
}

/// `/v1/operator/raft/transfer-leader`: to the server of `?id`, or to the one that is furthest.
pub(super) async fn transfer_leader(context: Arc<Context>, request: Request) -> Answer {
    let to = request.params().non_empty("id");
    let options = write_options(&context, &request);
    ask(
        &request,
        context.rpc.transfer_leader(&options, to.as_deref()),
    )
    .await?;
    request.json(&Transferred { success: true })
}
