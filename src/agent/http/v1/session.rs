//! `/v1/session`: this build has no sessions, so that every list is empty and none can be created.

use std::sync::Arc;

use serde_json::Value;

use crate::agent::http::{Answer, Context, HttpError, JSON_BODY_MAX, Meta, Request};
use crate::model::decode::{self, Options};

use super::nothing::{Consistency, check_uuid, empty_list};
use super::read::refused;

/// What is answered where only a made-up success would be left.
const CAPABILITY: &str = "Sessions";

/// `/v1/session/create`.
pub(super) async fn create(context: Arc<Context>, mut request: Request) -> Answer {
    context
        .rpc
        .route(&request.datacenter(&context.facts.datacenter))?;
    let body = request.take_body()?.read(JSON_BODY_MAX).await?;
    if !body.is_empty() {
        decode::from_json_slice_with::<Value>(&body, Options::HTTP_LENIENT)
            .map_err(|err| HttpError::bad(format!("Request decode failed: {err}")))?;
    }
    Err(HttpError::not_built(CAPABILITY))
}

/// `/v1/session/destroy/<id>`: what is not there counts as destroyed.
pub(super) async fn destroy(context: Arc<Context>, request: Request) -> Answer {
    lookup(&context, &request)?;
    request.json(&true)
}

/// `/v1/session/renew/<id>`.
pub(super) async fn renew(context: Arc<Context>, request: Request) -> Answer {
    lookup(&context, &request)?;
    let id = request.rest_text();
    Err(HttpError::not_found(format!("Session id '{id}' not found")))
}

/// `/v1/session/info/<id>`.
pub(super) async fn info(context: Arc<Context>, request: Request) -> Answer {
    request.read_params(context.read_defaults())?;
    lookup(&context, &request).map_err(|error| match error {
        missing @ HttpError::Status { .. } => missing,
        other => other.with_meta(Meta::default()),
    })?;
    empty_list(&context, &request, Consistency::Hidden).await
}

/// `/v1/session/node/<node>`.
pub(super) async fn of_node(context: Arc<Context>, request: Request) -> Answer {
    request.read_params(context.read_defaults())?;
    request.required_rest("Missing node name")?;
    empty_list(&context, &request, Consistency::Hidden).await
}

/// `/v1/session/list`.
pub(super) async fn list(context: Arc<Context>, request: Request) -> Answer {
    empty_list(&context, &request, Consistency::Hidden).await
}

/// The id of the path, looked for as far as its form goes.
fn lookup(context: &Context, request: &Request) -> Result<(), HttpError> {
    let id = request.required_rest("Missing session")?;
    context
        .rpc
        .route(&request.datacenter(&context.facts.datacenter))?;
    check_uuid(&id).map_err(|why| {
        let text = format!("failed session lookup: index error: {why}");
        HttpError::from(refused(context, request, text))
    })
}
