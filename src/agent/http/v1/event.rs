//! `/v1/event`: this build has no gossip to carry user events, so that none can be fired and none has
//! been received.

use std::sync::Arc;
use std::time::Duration;

use crate::agent::http::{Answer, Context, HttpError, Request};

/// `X-Consul-Index` before the first event.
const NO_EVENT_INDEX: u64 = 1;
/// Longest wait of a blocking read: events are the agent's own, so the servers' bounds do not apply.
const WAIT_MAX: Duration = Duration::from_mins(10);

/// `/v1/event/fire/<name>`.
pub(super) async fn fire(context: Arc<Context>, request: Request) -> Answer {
    context
        .rpc
        .route(&request.datacenter(&context.facts.datacenter))?;
    request.required_rest("Missing name")?;
    Err(HttpError::not_built("User events"))
}

/// `/v1/event/list`: blocks while the index is the one that the client has seen.
pub(super) async fn list(context: Arc<Context>, request: Request) -> Answer {
    let params = request.read_params(context.read_defaults())?;
    if params.index == NO_EVENT_INDEX {
        let wait = params.wait.unwrap_or(WAIT_MAX).min(WAIT_MAX);
        // Nothing but the end of the agent can end the wait early.
        let _ = tokio::time::timeout(wait, request.closing()).await;
    }
    let none: [(); 0] = [];
    Ok(request.json(&none)?.index(NO_EVENT_INDEX))
}
