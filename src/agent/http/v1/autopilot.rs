//! `/v1/operator/autopilot`: what autopilot may do, and how well it finds the servers.

use std::sync::Arc;

use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::agent::http::{
    Answer, Context, HttpError, JSON_BODY_MAX, Request, Response, parse_uint, render_json,
};
use crate::agent::store::{AutopilotQuery, AutopilotUpdate, Command, Response as Stored};
use crate::model::access::{Requirement, Resource};
use crate::model::decode;
use crate::model::duration::GoDuration;
use crate::model::raft::{AutopilotConfiguration, OperatorHealth, ServerHealth};

use super::read::{Read, ask, write_options};

/// `/v1/operator/autopilot/configuration`.
pub(super) async fn configuration(context: Arc<Context>, request: Request) -> Answer {
    if *request.method() == Method::PUT {
        return set_configuration(&context, request).await;
    }
    let (configuration, _) = Read::new(&context, &request)?.run(&AutopilotQuery).await?;
    request.json(&*configuration)
}

/// The body of a change: what it leaves out becomes zero, not Consul's default.
#[derive(Debug, Default, Deserialize)]
#[serde(rename = "AutopilotConfiguration", rename_all = "PascalCase", default)]
struct Body {
    cleanup_dead_servers: bool,
    last_contact_threshold: GoDuration,
    max_trailing_logs: u64,
    min_quorum: u64,
    server_stabilization_time: GoDuration,
    redundancy_zone_tag: String,
    disable_upgrade_migration: bool,
    upgrade_version_tag: String,
    // Accepted because clients send back what they read.
    #[serde(rename = "CreateIndex")]
    _create_index: u64,
    #[serde(rename = "ModifyIndex")]
    _modify_index: u64,
}

impl From<Body> for AutopilotConfiguration {
    fn from(body: Body) -> Self {
        Self {
            cleanup_dead_servers: body.cleanup_dead_servers,
            last_contact_threshold: body.last_contact_threshold,
            max_trailing_logs: body.max_trailing_logs,
            min_quorum: body.min_quorum,
            server_stabilization_time: body.server_stabilization_time,
            redundancy_zone_tag: body.redundancy_zone_tag,
            disable_upgrade_migration: body.disable_upgrade_migration,
            upgrade_version_tag: body.upgrade_version_tag,
            create_index: 0,
            modify_index: 0,
        }
    }
}

async fn set_configuration(context: &Context, mut request: Request) -> Answer {
    let body = request.take_body()?.read(JSON_BODY_MAX).await?;
    let body: Body = decode::from_json_slice(&body)
        .map_err(|err| HttpError::bad_request(format!("Error parsing autopilot config: {err}")))?;
    let cas = request
        .params()
        .has("cas")
        .then(|| parse_uint(&request.params().get("cas").unwrap_or_default()))
        .transpose()
        .map_err(|err| HttpError::bad_request(format!("Error parsing cas value: {err}")))?;
    let command = Command::Autopilot(AutopilotUpdate {
        configuration: body.into(),
        cas,
    });
    let requirement = Requirement::write(Resource::Operator, &[]);
    let options = write_options(context, &request);
    let stored = context.rpc.write(&options, &requirement, command).await?;
    // Only a conditional change can be in vain.
    request.json(&(cas.is_none() || stored == Stored::Bool(true)))
}

/// `/v1/operator/autopilot/health`: 429 when a server is not healthy.
pub(super) async fn health(context: Arc<Context>, request: Request) -> Answer {
    let options = Read::new(&context, &request)?.options();
    let state = ask(&request, context.rpc.autopilot_state(&options)).await?;
    health_answer(&OperatorHealth::from(&*state), request.pretty())
}

/// The body, with Go's `null` for an empty list.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Health<'a> {
    healthy: bool,
    failure_tolerance: u64,
    servers: Option<&'a [ServerHealth]>,
}

fn health_answer(health: &OperatorHealth, pretty: bool) -> Answer {
    let shown = Health {
        healthy: health.healthy,
        failure_tolerance: health.failure_tolerance,
        servers: (!health.servers.is_empty()).then_some(&health.servers),
    };
    let body = render_json(&shown, pretty).map_err(HttpError::failed)?;
    if health.healthy {
        return Ok(Response::json_bytes(body));
    }
    // Consul sends the status before the type, which leaves it to be guessed.
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(Response::bytes(text, body).status(StatusCode::TOO_MANY_REQUESTS))
}

/// `/v1/operator/autopilot/state`.
pub(super) async fn state(context: Arc<Context>, request: Request) -> Answer {
    let options = Read::new(&context, &request)?.options();
    let state = ask(&request, context.rpc.autopilot_state(&options)).await?;
    request.json(&*state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unhealthy_cluster_is_429() {
        let healthy = OperatorHealth {
            healthy: true,
            ..OperatorHealth::default()
        };
        assert_eq!(
            health_answer(&healthy, false).unwrap().code(),
            StatusCode::OK
        );
        let answer = health_answer(&OperatorHealth::default(), false).unwrap();
        assert_eq!(answer.code(), StatusCode::TOO_MANY_REQUESTS);
    }
}
