//! `/v1/health`: checks, and instances with their checks.

use std::sync::Arc;

use crate::agent::http::context::Context;
use crate::agent::http::error::HttpError;
use crate::agent::http::params::parse_bool;
use crate::agent::http::request::Request;
use crate::agent::http::router::Answer;
use crate::agent::rpc::wire::RemoteQuery;
use crate::agent::store::{ChecksInState, ChecksOfNode, ChecksOfService, ServiceInstances};
use crate::model::check::{HealthCheck, Status};
use crate::model::filter;

use super::catalog::with_headers;
use super::read::{Read, filtered};

/// `/v1/health/node/<name>`.
pub(super) async fn node(context: Arc<Context>, request: Request) -> Answer {
    let read = Read::new(&context, &request)?;
    let node = request.required_rest("Missing node name")?.into_owned();
    checks(&read, &ChecksOfNode { node }).await
}

/// `/v1/health/checks/<service>`.
pub(super) async fn service_checks(context: Arc<Context>, request: Request) -> Answer {
    let read = Read::new(&context, &request)?;
    let service = request.required_rest("Missing service name")?.into_owned();
    let (node_meta, near) = (read.node_meta(), read.near());
    checks(
        &read,
        &ChecksOfService {
            service,
            node_meta,
            near,
        },
    )
    .await
}

/// `/v1/health/state/<state>`: a state that is none of Consul's has no checks.
pub(super) async fn state(context: Arc<Context>, request: Request) -> Answer {
    let read = Read::new(&context, &request)?;
    let name = request.required_rest("Missing check state")?;
    let status = Status::parse(&name);
    let nothing_matches = status.is_none() && name != "any";
    let query = ChecksInState {
        status,
        node_meta: read.node_meta(),
        near: read.near(),
    };
    if nothing_matches {
        let (_, meta) = read.run(&query).await.map_err(with_headers)?;
        return read.answer(meta, || Ok(Vec::<HealthCheck>::new()));
    }
    checks(&read, &query).await
}

async fn checks<Q: RemoteQuery<Answer = Vec<Arc<HealthCheck>>>>(
    read: &Read<'_>,
    query: &Q,
) -> Answer {
    let filter = read.filter(&filter::HEALTH_CHECK)?;
    let (found, meta) = read.run(query).await.map_err(with_headers)?;
    read.answer(meta, || Ok(filtered(found.into_iter(), &filter)))
}

/// `/v1/health/service/<name>`.
pub(super) async fn service(context: Arc<Context>, request: Request) -> Answer {
    instances(&context, &request, Lookup::Plain).await
}

/// `/v1/health/connect/<name>`.
pub(super) async fn connect(context: Arc<Context>, request: Request) -> Answer {
    instances(&context, &request, Lookup::Connect).await
}

/// `/v1/health/ingress/<name>`: our servers know of no gateways; a client's may be others.
pub(super) async fn ingress(context: Arc<Context>, request: Request) -> Answer {
    instances(&context, &request, Lookup::Ingress).await
}

/// Whose instances are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lookup {
    /// The service's.
    Plain,
    /// Those through which it is reached in the mesh.
    Connect,
    /// The ingress gateways'.
    Ingress,
}

async fn instances(context: &Context, request: &Request, lookup: Lookup) -> Answer {
    let mut read = Read::new(context, request)?;
    let params = request.params();
    let query = ServiceInstances {
        service: request.required_rest("Missing service name")?.into_owned(),
        tags: params
            .all("tag")
            .map(std::borrow::Cow::into_owned)
            .collect(),
        node_meta: read.node_meta(),
        near: read.near(),
        passing_only: passing_only(request)?,
        connect: lookup == Lookup::Connect,
        ingress: lookup == Lookup::Ingress,
        with_checks: true,
    };
    let filter = read.filter(&filter::HEALTH_ENTRY)?;
    let (found, meta) = read.run_or_kept(&query).await.map_err(with_headers)?;
    read.answer(meta, || Ok(filtered(found.iter(), &filter)))
}

/// `?passing` alone means yes.
fn passing_only(request: &Request) -> Result<bool, HttpError> {
    match request.params().get("passing") {
        None => Ok(false),
        Some(value) if value.is_empty() => Ok(true),
        Some(value) => parse_bool(&value).map_err(|_| HttpError::bad("Invalid value for ?passing")),
    }
}
