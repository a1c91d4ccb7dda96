//! `/v1/agent/service…` and maintenance: this agent's own services.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use rand::RngExt as _;
use tracing::warn;

use crate::agent::http::context::Context;
use crate::agent::http::error::HttpError;
use crate::agent::http::params::parse_bool;
use crate::agent::http::request::Request;
use crate::agent::http::response::Response;
use crate::agent::http::router::Answer;
use crate::agent::local::LocalError;
use crate::model::access::{Requirement, Resource};
use crate::model::filter::{self, Filter};
use crate::model::service::{AgentService, ServiceDefinition};

use super::catalog::decode_body;

/// How long a request with `?hash` waits when it names no time.
const HASH_WAIT: Duration = Duration::from_mins(5);
/// The longest time that a request with `?hash` may name.
const HASH_WAIT_MAX: Duration = Duration::from_mins(10);
/// A waiting request waits up to this part of its time longer, at random.
const HASH_WAIT_JITTER: u32 = 16;
const CONTENT_HASH: HeaderName = HeaderName::from_static("x-consul-contenthash");

/// Consul's statuses for what this agent's services and checks refuse.
impl From<LocalError> for HttpError {
    fn from(err: LocalError) -> Self {
        match err {
            LocalError::Invalid(text) => Self::bad(text),
            LocalError::NotFound(text) => Self::not_found(text),
            refused @ (LocalError::Refused(_) | LocalError::Persist(_) | LocalError::Stopped) => {
                Self::failed(refused)
            }
        }
    }
}

/// 200 with nothing: how Consul answers all changes of an agent.
pub(super) fn done() -> Response {
    Response::empty(StatusCode::OK)
}

/// What the request's token needs to touch a service of this name.
pub(super) fn may_write_service(
    context: &Context,
    request: &Request,
    name: &str,
) -> Result<(), HttpError> {
    let token = context.token_or_default(&request.token());
    let requirement = Requirement::write(Resource::Service, name.as_bytes());
    Ok(context.rpc.authorize(&token, &requirement)?)
}

/// What the request's token needs to touch the node.
pub(super) fn may_write_node(context: &Context, request: &Request) -> Result<(), HttpError> {
    let token = context.token_or_default(&request.token());
    let name = context.facts.node_name.as_bytes();
    Ok(context
        .rpc
        .authorize(&token, &Requirement::write(Resource::Node, name))?)
}

/// Whether the request's token may see a service of this name.
pub(super) fn may_read_service(context: &Context, request: &Request, name: &str) -> bool {
    let token = context.token_or_default(&request.token());
    let requirement = Requirement::read(Resource::Service, name.as_bytes());
    context.rpc.authorize(&token, &requirement).is_ok()
}

/// The filter of a list of the agent's own.
pub(super) fn own_filter(
    request: &Request,
    schema: &'static filter::Schema,
) -> Result<Filter, HttpError> {
    let expression = request.params().get("filter").unwrap_or_default();
    Filter::parse(&expression, schema).map_err(HttpError::failed)
}

/// `/v1/agent/services`.
pub(super) async fn services(context: Arc<Context>, request: Request) -> Answer {
    let filter = own_filter(&request, &filter::AGENT_SERVICE)?;
    let mut services = context.local.state().agent_services();
    services.retain(|_, service| {
        filter.matches(service) && may_read_service(&context, &request, &service.service)
    });
    request.json(&services)
}

/// `/v1/agent/service/<id>`, with `?hash` waiting for a change.
pub(super) async fn service(context: Arc<Context>, request: Request) -> Answer {
    let params = request.read_params(context.read_defaults())?;
    let id = request.rest_text();
    let hash = request.params().get("hash").unwrap_or_default();
    let found = if hash.is_empty() {
        context.local.state().agent_service(&id)
    } else {
        changed_service(&context, &request, &id, &hash, params.wait).await?
    };
    let Some(service) = found else {
        return Err(HttpError::not_found(format!("unknown service ID: {id}")));
    };
    let token = context.token_or_default(&request.token());
    let requirement = Requirement::read(Resource::Service, service.service.as_bytes());
    context.rpc.authorize(&token, &requirement)?;
    let hash = HeaderValue::from_str(&service.content_hash).map_err(HttpError::failed)?;
    Ok(request.json(&service)?.header(CONTENT_HASH, hash))
}

/// The service once its hash is another, or as it is when the time is over.
async fn changed_service(
    context: &Context,
    request: &Request,
    id: &str,
    hash: &str,
    wait: Option<Duration>,
) -> Result<Option<AgentService>, HttpError> {
    let wait = wait.unwrap_or(HASH_WAIT).min(HASH_WAIT_MAX);
    let wait = wait + rand::rng().random_range(Duration::ZERO..=wait / HASH_WAIT_JITTER);
    tokio::select! {
        found = context.local.wait_change(id, hash) => Ok(found),
        () = tokio::time::sleep(wait) => Ok(context.local.state().agent_service(id)),
        () = request.closing() => Err(HttpError::internal("the agent is shutting down")),
    }
}

/// `/v1/agent/service/register`.
pub(super) async fn register(context: Arc<Context>, mut request: Request) -> Answer {
    let mut definition: ServiceDefinition = decode_body(&mut request).await?;
    may_write_service(&context, &request, &definition.name)?;
    let id = if definition.id.is_empty() {
        &definition.name
    } else {
        &definition.id
    };
    if let Some(existing) = context.local.state().service(id) {
        may_write_service(&context, &request, &existing.service.service)?;
    }
    if definition.token.is_empty() {
        definition.token = request.token();
    }
    let replace = switch(&request, "replace-existing-checks");
    context.local.register_service(definition, replace).await?;
    Ok(done())
}

/// A parameter that is on when it stands alone or says `true`; Consul takes any other value for off.
fn switch(request: &Request, name: &str) -> bool {
    (request.params().get(name)).is_some_and(|value| value.is_empty() || value == "true")
}

/// `/v1/agent/service/deregister/<id>`: an unknown service counts as deregistered.
pub(super) async fn deregister(context: Arc<Context>, request: Request) -> Answer {
    let id = request.rest_text();
    if id.is_empty() {
        return Err(HttpError::internal("ServiceID missing"));
    }
    if let Some(existing) = context.local.state().service(&id) {
        may_write_service(&context, &request, &existing.service.service)?;
    }
    match context.local.deregister_service(&id).await {
        Err(err @ LocalError::NotFound(_)) => {
            warn!(target: "agent", service = %id, error = %err, "Failed to deregister service");
        }
        other => other?,
    }
    Ok(done())
}

/// `/v1/agent/service/maintenance/<id>`.
pub(super) async fn service_maintenance(context: Arc<Context>, request: Request) -> Answer {
    let id = request.required_rest("Missing service ID")?;
    let (enable, reason) = maintenance_params(&request)?;
    if let Some(existing) = context.local.state().service(&id) {
        may_write_service(&context, &request, &existing.service.service)?;
    }
    context
        .local
        .set_service_maintenance(&id, enable, &reason)
        .await?;
    Ok(done())
}

/// `/v1/agent/maintenance`.
pub(super) async fn node_maintenance(context: Arc<Context>, request: Request) -> Answer {
    let (enable, reason) = maintenance_params(&request)?;
    may_write_node(&context, &request)?;
    context.local.set_node_maintenance(enable, &reason).await?;
    Ok(done())
}

fn maintenance_params(request: &Request) -> Result<(bool, String), HttpError> {
    let params = request.params();
    let Some(enable) = params.get("enable") else {
        return Err(HttpError::bad("Missing value for enable"));
    };
    let enable = parse_bool(&enable)
        .map_err(|_| HttpError::bad(format!("Invalid value for enable: {enable:?}")))?;
    Ok((
        enable,
        params.get("reason").unwrap_or_default().into_owned(),
    ))
}
