//! `/v1/event`: user events, fired and received.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::agent::http::{Answer, Context, HttpError, JSON_BODY_MAX, Request};
use crate::agent::user_events::Firing;
use crate::model::access::{Requirement, Resource};
use crate::model::event::UserEvent;

/// Longest wait of a blocking read: events are the agent's own, so the servers' bounds do not apply.
const WAIT_MAX: Duration = Duration::from_mins(10);

/// `/v1/event/fire/<name>`.
pub(super) async fn fire(context: Arc<Context>, mut request: Request) -> Answer {
    let name = request.required_rest("Missing name")?.into_owned();
    let filter = |name: &str| request.params().get(name).unwrap_or_default().into_owned();
    let firing = Firing {
        name,
        node_filter: filter("node"),
        service_filter: filter("service"),
        tag_filter: filter("tag"),
        ..Firing::default()
    };
    let payload = request.take_body()?.read(JSON_BODY_MAX).await?;
    let event = Firing { payload, ..firing }
        .into_event()
        .map_err(HttpError::failed)?;
    // Gossip reaches every agent of this datacenter; only another one needs its servers.
    let datacenter = request.datacenter(&context.facts.datacenter);
    if datacenter != context.facts.datacenter {
        context.rpc.route(&datacenter)?;
    }
    let token = context.token_or_default(&request.token());
    let requirement = Requirement::write(Resource::Event, event.name.as_bytes());
    context.rpc.authorize(&token, &requirement)?;
    context
        .events
        .fire(&event)
        .await
        .map_err(HttpError::failed)?;
    request.json(&event)
}

/// `/v1/event/list`: blocks while the index is the one that the client has seen.
pub(super) async fn list(context: Arc<Context>, request: Request) -> Answer {
    let (seen, wait) = request.blocking()?;
    let wait = wait.map_or(WAIT_MAX, |wait| wait.min(WAIT_MAX));
    let name = request.params().non_empty("name");
    let token = context.token_or_default(&request.token());
    let wanted = |event: &UserEvent| {
        let requirement = Requirement::read(Resource::Event, event.name.as_bytes());
        name.as_ref().is_none_or(|name| event.name == **name)
            && context.rpc.authorize(&token, &requirement).is_ok()
    };
    let new = tokio::select! {
        new = timeout(wait, context.events.beyond(seen, wanted)) => new.ok(),
        () = request.closing() => None,
    };
    let (events, index) = match new {
        Some(new) => new,
        None => context.events.beyond(0, wanted).await,
    };
    Ok(request.json(&events)?.index(index))
}
