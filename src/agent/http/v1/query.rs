//! `/v1/query`: this build has no prepared queries, so that none is found and none can be created.

use std::sync::Arc;

use hyper::Method;
use hyper::header::{ALLOW, HeaderValue};
use serde_json::Value;

use crate::agent::http::{Answer, Context, HttpError, JSON_BODY_MAX, Meta, Request, Response};
use crate::agent::rpc::RpcError;
use crate::model::decode::{self, Options};

use super::nothing::{Consistency, check_uuid, empty_list, read_nothing};
use super::read::refused;

/// What is answered where only a made-up success would be left.
const CAPABILITY: &str = "Prepared queries";
const NOT_FOUND: &str = "Query not found";

/// `/v1/query`.
pub(super) async fn all(context: Arc<Context>, mut request: Request) -> Answer {
    if *request.method() == Method::POST {
        decode_body(&mut request).await?;
        return Err(HttpError::not_built(CAPABILITY));
    }
    empty_list(&context, &request, Consistency::Shown).await
}

/// `/v1/query/<id>`, and `/execute` and `/explain` after an id or a name.
pub(super) async fn one(context: Arc<Context>, mut request: Request) -> Answer {
    let rest = request.rest();
    if rest.ends_with(b"/execute") || rest.ends_with(b"/explain") {
        if *request.method() != Method::GET {
            return Ok(only_get(request.method()));
        }
        return run(&context, &request).await;
    }
    if *request.method() == Method::PUT {
        decode_body(&mut request).await?;
    }
    context
        .rpc
        .route(&request.datacenter(&context.facts.datacenter))?;
    let id = request.rest_text();
    let lookup =
        check_uuid(&id).map_err(|why| format!("failed prepared query lookup: index error: {why}"));
    let told = |text: String| refused(&context, &request, text);
    if *request.method() == Method::GET {
        request.read_params(context.read_defaults())?;
        lookup.map_err(|why| HttpError::from(told(why)).with_meta(Meta::default()))?;
        return Err(not_found(&context, &request));
    }
    lookup.map_err(|why| told(format!("Prepared Query lookup failed: {why}")))?;
    let text = format!("Cannot modify non-existent prepared query: '{id}'");
    Err(told(text).into())
}

fn not_found(context: &Context, request: &Request) -> HttpError {
    match refused(context, request, NOT_FOUND) {
        told @ (RpcError::Refused(_) | RpcError::Remote(_)) => {
            HttpError::not_found(told.to_string())
        }
        other => other.into(),
    }
}

async fn run(context: &Context, request: &Request) -> Answer {
    if let Some(limit) = request.params().non_empty("limit") {
        limit.parse::<i64>().map_err(|_| {
            HttpError::internal(format!(
                "Bad limit: strconv.Atoi: parsing {limit:?}: invalid syntax"
            ))
        })?;
    }
    read_nothing(context, request, Consistency::Hidden).await?;
    Err(not_found(context, request))
}

/// The method is right for other paths of this endpoint, so that the table cannot say it.
fn only_get(method: &Method) -> Response {
    Response::text(
        hyper::StatusCode::METHOD_NOT_ALLOWED,
        format!("method {method} not allowed"),
    )
    .header(ALLOW, HeaderValue::from_static("GET"))
}

async fn decode_body(request: &mut Request) -> Result<(), HttpError> {
    let body = request.take_body()?.read(JSON_BODY_MAX).await?;
    // Consul reads a body only where one was announced, but always when it creates.
    if body.is_empty() && *request.method() == Method::PUT {
        return Ok(());
    }
    decode::from_json_slice_with::<Value>(&body, Options::HTTP_LENIENT)
        .map(drop)
        .map_err(|err| HttpError::bad(format!("Request decode failed: {err}")))
}
