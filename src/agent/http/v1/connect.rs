//! `/v1/connect`, `/v1/discovery-chain` and the agent's part of them, as with `connect.enabled=false`:
//! certificates are refused with Consul's text, intentions are an empty table.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::agent::http::{Answer, Context, HttpError, JSON_BODY_MAX, Meta, Request};
use crate::agent::rpc::RpcError;
use crate::model::decode::{self, Options};
use crate::model::filter;
use crate::model::session::check_id;

use super::nothing::{Consistency, empty_list};
use super::read::{Read, refused};

/// Consul's text for what needs certificates.
const DISABLED: &str = "Connect must be enabled in order to use this endpoint";
/// What is answered where only a made-up success would be left.
const CAPABILITY: &str = "Intentions";

/// Agent endpoints that need certificates: the agent asks for the roots first.
pub(super) async fn disabled(context: Arc<Context>, request: Request) -> Answer {
    route(&context, &request)?;
    Err(refused(&context, &request, DISABLED).into())
}

/// `/v1/connect/ca/roots`.
pub(super) async fn roots(context: Arc<Context>, request: Request) -> Answer {
    disabled(context, request)
        .await
        .map_err(|error| error.with_meta(Meta::default()))
}

/// What every server refuses before it looks where the request belongs.
fn disabled_everywhere(context: &Context) -> HttpError {
    context.rpc.as_told(DISABLED.to_owned(), true).into()
}

/// `/v1/connect/ca/configuration`.
pub(super) async fn ca_configuration(context: Arc<Context>, mut request: Request) -> Answer {
    if *request.method() == Method::PUT {
        let body = request.take_body()?.read(JSON_BODY_MAX).await?;
        decode::from_json_slice_with::<Value>(&body, Options::HTTP_LENIENT)
            .map_err(|err| HttpError::bad_request(format!("Request decode failed: {err}")))?;
    }
    Err(disabled_everywhere(&context))
}

/// `/v1/discovery-chain/<service>`.
pub(super) async fn discovery_chain(context: Arc<Context>, mut request: Request) -> Answer {
    request.read_params(context.read_defaults())?;
    if request.rest().is_empty() {
        return Err(HttpError::bad_request("Missing chain name"));
    }
    if *request.method() == Method::POST {
        let body = request.take_body()?.read(JSON_BODY_MAX).await?;
        decode::from_json_slice_with::<Value>(&body, Options::HTTP_LENIENT)
            .map_err(|err| HttpError::bad_request(format!("Request decoding failed: {err}")))?;
    }
    Err(disabled_everywhere(&context).with_meta(Meta::default()))
}

/// `/v1/connect/intentions`.
pub(super) async fn intentions(context: Arc<Context>, mut request: Request) -> Answer {
    if *request.method() == Method::POST {
        let body = request.take_body()?.read(JSON_BODY_MAX).await?;
        decode::from_json_slice_with::<Value>(&body, Options::HTTP_LENIENT)
            .map_err(|err| HttpError::internal(format!("Failed to decode request body: {err}")))?;
        return Err(HttpError::not_built(CAPABILITY));
    }
    Read::new(&context, &request)?.filter(&filter::INTENTION)?;
    empty_list(&context, &request, Consistency::Hidden).await
}

/// `/v1/connect/intentions/<id>`.
pub(super) async fn intention(context: Arc<Context>, mut request: Request) -> Answer {
    if *request.method() == Method::PUT {
        let body = request.take_body()?.read(JSON_BODY_MAX).await?;
        decode::from_json_slice_with::<Value>(&body, Options::HTTP_LENIENT)
            .map_err(|err| HttpError::bad_request(format!("Request decode failed: {err}")))?;
    }
    route(&context, &request)?;
    let id = request.rest_text();
    let lookup =
        check_id(&id).map_err(|why| format!("failed intention lookup: index error: {why}"));
    let told = |text: String| refused(&context, &request, text);
    if *request.method() == Method::GET {
        lookup.map_err(|why| HttpError::bad_request(told(why).to_string()))?;
        return Err(match told("Intention not found".to_owned()) {
            // Consul compares the whole text, so that what another server did not find is no 404.
            RpcError::Refused(text) => HttpError::not_found(text),
            other => other.into(),
        });
    }
    lookup.map_err(|why| told(format!("Intention lookup failed: {why}")))?;
    let change = if *request.method() == Method::PUT {
        "modify"
    } else {
        "delete"
    };
    Err(told(format!("Cannot {change} non-existent intention: '{id}'")).into())
}

/// `/v1/connect/intentions/match`: nobody has an intention.
pub(super) async fn match_intentions(context: Arc<Context>, request: Request) -> Answer {
    let by = required(&request, "by")?;
    if by != "source" && by != "destination" {
        return Err(HttpError::internal(
            "'by' parameter must be one of 'source' or 'destination'",
        ));
    }
    required(&request, "name")?;
    route(&context, &request)?;
    let names = request.params().all("name");
    let found: BTreeMap<String, Value> =
        names.map(|name| (name.into_owned(), Value::Null)).collect();
    request.json(&found)
}

/// `/v1/connect/intentions/check`: without intentions and ACLs everything is allowed.
pub(super) async fn check_intentions(context: Arc<Context>, request: Request) -> Answer {
    required(&request, "source")?;
    required(&request, "destination")?;
    route(&context, &request)?;
    request.json(&json!({"Allowed": true}))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Authorization {
    target: String,
}

/// `/v1/agent/connect/authorize`: without certificates no identity can be proved.
pub(super) async fn authorize(context: Arc<Context>, mut request: Request) -> Answer {
    let body = request.take_body()?.read(JSON_BODY_MAX).await?;
    let authorization: Authorization =
        decode::from_json_slice_with(&body, Options::HTTP_LENIENT)
            .map_err(|err| HttpError::bad_request(format!("Request decode failed: {err}")))?;
    if authorization.target.is_empty() {
        return Err(HttpError::bad_request("Target service must be specified"));
    }
    Err(refused(&context, &request, DISABLED).into())
}

fn required(request: &Request, name: &str) -> Result<String, HttpError> {
    request
        .params()
        .get(name)
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| HttpError::internal(format!("required query parameter '{name}' not set")))
}

fn route(context: &Context, request: &Request) -> Result<(), HttpError> {
    let datacenter = request.datacenter(&context.facts.datacenter);
    Ok(context.rpc.route(&datacenter)?)
}
