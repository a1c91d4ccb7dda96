//! `/v1/agent/check…`: this agent's own checks.

use std::sync::Arc;

use serde::Deserialize;
use tracing::warn;

use crate::agent::http::context::Context;
use crate::agent::http::error::HttpError;
use crate::agent::http::request::Request;
use crate::agent::http::router::Answer;
use crate::agent::local::LocalError;
use crate::model::access::{Requirement, Resource};
use crate::model::check::{CheckDefinition, HealthCheck, Status};
use crate::model::filter;

use super::agent_services::{
    done, may_read_service, may_write_node, may_write_service, own_filter,
};
use super::catalog::decode_body;

/// What the request's token needs to touch a check: that of its service, or the node's.
fn may_write_check(
    context: &Context,
    request: &Request,
    service_name: &str,
) -> Result<(), HttpError> {
    if service_name.is_empty() {
        may_write_node(context, request)
    } else {
        may_write_service(context, request, service_name)
    }
}

fn may_write_existing(context: &Context, request: &Request, id: &str) -> Result<(), HttpError> {
    match context.local.state().check(id) {
        Some(existing) => may_write_check(context, request, &existing.check.service_name),
        None => Ok(()),
    }
}

/// `/v1/agent/checks`.
pub(super) async fn checks(context: Arc<Context>, request: Request) -> Answer {
    let filter = own_filter(&request, &filter::HEALTH_CHECK)?;
    let token = context.token_or_default(&request.token());
    let node = Requirement::read(Resource::Node, context.facts.node_name.as_bytes());
    let node_readable = context.rpc.authorize(&token, &node).is_ok();
    let readable = |check: &HealthCheck| {
        if check.service_name.is_empty() {
            node_readable
        } else {
            may_read_service(&context, &request, &check.service_name)
        }
    };
    let mut checks = context.local.state().agent_checks();
    checks.retain(|_, check| filter.matches(check) && readable(check));
    request.json(&checks)
}

/// `/v1/agent/check/register`.
pub(super) async fn register(context: Arc<Context>, mut request: Request) -> Answer {
    let mut definition: CheckDefinition = decode_body(&mut request).await?;
    // Only checks inside a service's registration may be spelled so.
    if !definition.check_id.is_empty() {
        let text = "Request decode failed: json: unknown field \"CheckID\"";
        return Err(HttpError::bad(text));
    }
    let state = context.local.state();
    let service = state.service(&definition.service_id);
    let service_name = service
        .map(|it| it.service.service.as_str())
        .unwrap_or_default();
    may_write_check(&context, &request, service_name)?;
    let id = [&definition.id, &definition.name];
    if let Some(id) = id.into_iter().find(|id| !id.is_empty()) {
        may_write_existing(&context, &request, id)?;
    }
    if definition.token.is_empty() {
        definition.token = request.token();
    }
    context.local.register_check(definition).await?;
    Ok(done())
}

/// `/v1/agent/check/deregister/<id>`: an unknown check counts as deregistered.
pub(super) async fn deregister(context: Arc<Context>, request: Request) -> Answer {
    let id = request.rest_text();
    if id.is_empty() {
        return Err(HttpError::internal("CheckID missing"));
    }
    may_write_existing(&context, &request, &id)?;
    match context.local.deregister_check(&id).await {
        Err(err @ LocalError::NotFound(_)) => {
            warn!(target: "agent", check = %id, error = %err, "Failed to deregister check");
        }
        other => other?,
    }
    Ok(done())
}

/// `/v1/agent/check/pass/<id>`.
pub(super) async fn pass(context: Arc<Context>, request: Request) -> Answer {
    note(&context, &request, Status::Passing).await
}

/// `/v1/agent/check/warn/<id>`.
pub(super) async fn warn(context: Arc<Context>, request: Request) -> Answer {
    note(&context, &request, Status::Warning).await
}

/// `/v1/agent/check/fail/<id>`.
pub(super) async fn fail(context: Arc<Context>, request: Request) -> Answer {
    note(&context, &request, Status::Critical).await
}

async fn note(context: &Context, request: &Request, status: Status) -> Answer {
    let id = request.rest_text();
    let note = request.params().get("note").unwrap_or_default();
    report(context, request, &id, status, &note).await
}

async fn report(
    context: &Context,
    request: &Request,
    id: &str,
    status: Status,
    output: &str,
) -> Answer {
    may_write_existing(context, request, id)?;
    context.local.update_ttl(id, status, output).await?;
    Ok(done())
}

/// The body of `/v1/agent/check/update/<id>`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename = "checkUpdate", rename_all = "PascalCase", default)]
struct CheckUpdate {
    status: String,
    output: String,
}

/// `/v1/agent/check/update/<id>`.
pub(super) async fn update(context: Arc<Context>, mut request: Request) -> Answer {
    let update: CheckUpdate = decode_body(&mut request).await?;
    let Some(status) = Status::parse(&update.status) else {
        let text = format!("Invalid check status: '{}'", update.status);
        return Err(HttpError::bad(text));
    };
    let id = request.rest_text().into_owned();
    report(&context, &request, &id, status, &update.output).await
}
