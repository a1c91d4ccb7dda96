//! `/v1/config` and federation states: tables that are empty in this build.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde_json::{Map, Value};

use crate::agent::http::{Answer, Context, HttpError, JSON_BODY_MAX, Meta, Request, Response};
use crate::model::decode::{self, Options};

use super::nothing::{Consistency, empty_list, read_nothing};
use super::read::refused;

/// The kinds that Consul 1.10 knows.
const KINDS: [&str; 9] = [
    "service-defaults",
    "proxy-defaults",
    "service-router",
    "service-splitter",
    "service-resolver",
    "ingress-gateway",
    "terminating-gateway",
    "service-intentions",
    "mesh",
];
/// What is answered where only a made-up success would be left.
const CAPABILITY: &str = "Configuration entries";

/// `/v1/config`.
pub(super) async fn apply(_context: Arc<Context>, mut request: Request) -> Answer {
    let body = request.take_body()?.read(JSON_BODY_MAX).await?;
    let failed = |why: String| HttpError::bad_request(format!("Request decoding failed: {why}"));
    let entry: Value = decode::from_json_slice_with(&body, Options::HTTP_LENIENT)
        .map_err(|err| failed(err.to_string()))?;
    let Value::Object(entry) = entry else {
        let found = if entry.is_array() { "slice" } else { "value" };
        return Err(failed(format!("'' expected a map, got '{found}'")));
    };
    let kind = entry
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("kind"))
        .ok_or_else(|| {
            failed("Payload does not contain a kind/Kind key at the top level".to_owned())
        })?
        .1
        .as_str()
        .ok_or_else(|| failed("Kind value in payload is not a string".to_owned()))?;
    if !KINDS.contains(&kind) {
        return Err(failed(format!("invalid config entry kind: {kind}")));
    }
    Err(HttpError::not_built(CAPABILITY))
}

/// `/v1/config/<kind>` and `/v1/config/<kind>/<name>`.
pub(super) async fn one(context: Arc<Context>, request: Request) -> Answer {
    let rest = request.rest_text();
    let (kind, name) = match rest.split_once('/') {
        Some((kind, name)) => (kind, Some(name)),
        None => (rest.as_ref(), None),
    };
    let deleting = *request.method() == Method::DELETE;
    if deleting && name.is_none() {
        return Err(HttpError::not_found(
            "Must provide both a kind and name to delete",
        ));
    }
    if !kind.is_empty() && !KINDS.contains(&kind) {
        let text = format!("invalid config entry kind: {kind}");
        if deleting {
            return Err(HttpError::bad(text));
        }
        route(&context, &request)?;
        return Err(refused(&context, &request, text).into());
    }
    match name {
        Some(_) if deleting => {
            route(&context, &request)?;
            // What is not there counts as removed.
            request.json(&Map::new())
        }
        Some(name) => {
            let meta = read_nothing(&context, &request, Consistency::Hidden).await;
            let text = format!("Config entry not found for {kind:?} / {name:?}");
            Err(HttpError::not_found(text).with_meta(meta.map_err(without_headers)?))
        }
        None => empty_list(&context, &request, Consistency::Hidden)
            .await
            .map_err(without_headers),
    }
}

fn route(context: &Context, request: &Request) -> Result<(), HttpError> {
    let datacenter = request.datacenter(&context.facts.datacenter);
    Ok(context.rpc.route(&datacenter)?)
}

/// These endpoints send the headers of a read only when it succeeds.
fn without_headers(error: HttpError) -> HttpError {
    match error {
        HttpError::WithMeta { error, .. } => *error,
        other => other,
    }
}

/// `/v1/internal/federation-states`.
pub(super) async fn federation_states(context: Arc<Context>, request: Request) -> Answer {
    empty_list(&context, &request, Consistency::Hidden).await
}

/// `/v1/internal/federation-states/mesh-gateways`.
pub(super) async fn mesh_gateways(context: Arc<Context>, request: Request) -> Answer {
    let meta: Meta = read_nothing(&context, &request, Consistency::Hidden).await?;
    Ok(request.json(&Map::new())?.meta(meta))
}

/// `/v1/internal/federation-state/<datacenter>`.
pub(super) async fn federation_state(context: Arc<Context>, request: Request) -> Answer {
    if request.rest().is_empty() {
        return Err(HttpError::bad_request("Missing datacenter name"));
    }
    read_nothing(&context, &request, Consistency::Hidden).await?;
    Ok(Response::empty(StatusCode::NOT_FOUND))
}
