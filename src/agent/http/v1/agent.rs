//! `/v1/agent`: the agent itself, its members, its log and metrics.

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::agent::http::context::Context;
use crate::agent::http::error::HttpError;
use crate::agent::http::request::Request;
use crate::agent::http::response::Response;
use crate::agent::http::router::Answer;
use crate::agent::telemetry::Level;
use crate::agent::telemetry::host::host_facts;
use crate::model::access::{Requirement, Resource};
use crate::model::agent::{AgentSelf, REVISION, VERSION};
use crate::model::filter::{self, Filter};

use super::agent_stats::stats;

/// Log lines on their way to a client that reads slowly; the subscription drops lines behind them.
const MONITOR_LINES: usize = 16;

fn may_read(context: &Context, request: &Request) -> Result<(), HttpError> {
    let name = context.facts.node_name.as_bytes();
    let token = context.token_or_default(&request.token());
    Ok(context
        .rpc
        .authorize(&token, &Requirement::read(Resource::Agent, name))?)
}

fn may_write(context: &Context, request: &Request) -> Result<(), HttpError> {
    let name = context.facts.node_name.as_bytes();
    let token = context.token_or_default(&request.token());
    Ok(context
        .rpc
        .authorize(&token, &Requirement::write(Resource::Agent, name))?)
}

/// `/v1/agent/self`.
pub(super) async fn self_(context: Arc<Context>, request: Request) -> Answer {
    may_read(&context, &request)?;
    let body = AgentSelf {
        config: context.agent.config.clone(),
        debug_config: serde_json::Value::clone(&context.agent.debug_config.load()),
        // None when coordinates are disabled.
        coord: context.lan.coordinate().await.ok().flatten(),
        member: context.lan.local(),
        stats: stats(&context).await,
        meta: Some(context.agent.meta.load().as_ref().clone()),
    };
    request.json(&body)
}

/// `/v1/agent/host`: facts of the machine, as gopsutil names them.
pub(super) async fn host(context: Arc<Context>, request: Request) -> Answer {
    let token = context.token_or_default(&request.token());
    context
        .rpc
        .authorize(&token, &Requirement::read(Resource::Operator, &[]))?;
    let facts = tokio::task::spawn_blocking(host_facts)
        .await
        .map_err(HttpError::failed)?;
    request.json(&facts)
}

/// `/v1/agent/version`.
pub(super) async fn version(_context: Arc<Context>, request: Request) -> Answer {
    request.json(&serde_json::json!({
        "SHA": REVISION, "HumanVersion": VERSION, "FIPS": "",
    }))
}

/// `/v1/agent/members`.
pub(super) async fn members(context: Arc<Context>, request: Request) -> Answer {
    may_read(&context, &request)?;
    if request
        .params()
        .non_empty("segment")
        .is_some_and(|segment| segment != "_all")
    {
        let text = "Network segments are not supported in this version of Consul";
        return Err(HttpError::internal(text));
    }
    let expression = request.params().get("filter").unwrap_or_default();
    let filter = Filter::parse(&expression, &filter::MEMBER).map_err(HttpError::failed)?;
    let mut found = if request.params().non_empty("wan").is_some() {
        context
            .wan
            .as_ref()
            .map(|wan| wan.members().as_ref().clone())
            .unwrap_or_default()
    } else {
        context.lan.members().as_ref().clone()
    };
    filter.retain(&mut found);
    request.json(&found)
}

/// `/v1/agent/join/<address>`.
pub(super) async fn join(context: Arc<Context>, request: Request) -> Answer {
    may_write(&context, &request)?;
    let wan = request.params().get("wan").is_some_and(|wan| wan == "1");
    let pool = if wan {
        context.wan.as_ref().unwrap_or(&context.lan)
    } else {
        &context.lan
    };
    match pool.join(&request.rest_text()).await {
        Ok(_) => Ok(Response::empty(StatusCode::OK)),
        Err(err) => Err(HttpError::internal(format!(
            "1 error occurred:\n\t* {err}\n\n"
        ))),
    }
}

/// `/v1/agent/leave`.
pub(super) async fn leave(context: Arc<Context>, request: Request) -> Answer {
    may_write(&context, &request)?;
    context.control.leave().await.map_err(HttpError::failed)?;
    Ok(Response::empty(StatusCode::OK))
}

/// `/v1/agent/force-leave/<node>`.
pub(super) async fn force_leave(context: Arc<Context>, request: Request) -> Answer {
    let token = context.token_or_default(&request.token());
    context
        .rpc
        .authorize(&token, &Requirement::write(Resource::Operator, &[]))?;
    let node = request.rest_text();
    if context
        .lan
        .members()
        .iter()
        .any(|member| member.name == node)
    {
        // Serf marks members that are not alive; one that is keeps its place.
        return Ok(Response::empty(StatusCode::OK));
    }
    Err(HttpError::internal(format!(
        "agent: No node found with name '{node}'"
    )))
}

/// `/v1/agent/reload`.
pub(super) async fn reload(context: Arc<Context>, request: Request) -> Answer {
    may_write(&context, &request)?;
    context.control.reload().await.map_err(HttpError::failed)?;
    Ok(Response::empty(StatusCode::OK))
}

/// `/v1/agent/metrics`.
pub(super) async fn metrics(context: Arc<Context>, request: Request) -> Answer {
    may_read(&context, &request)?;
    let metrics = context.telemetry.metrics();
    if request
        .params()
        .get("format")
        .is_none_or(|format| format != "prometheus")
    {
        return request.json(&metrics.display());
    }
    let Some(text) = metrics.prometheus() else {
        let reason = "Prometheus is not enabled since its retention time is not positive";
        return Ok(Response::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    };
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(Response::bytes(kind, Bytes::from(text)))
}

/// `/v1/agent/monitor`: the log until the client or the agent goes.
pub(super) async fn monitor(context: Arc<Context>, request: Request) -> Answer {
    may_read(&context, &request)?;
    let name = request
        .params()
        .non_empty("loglevel")
        .unwrap_or_else(|| "INFO".into());
    let level = Level::parse(&name)
        .map_err(|_| HttpError::bad_request(format!("Unknown log level: {name}")))?;
    let json = request.params().has("logjson");
    let mut lines = context.telemetry.monitor(level, json);
    let closing = request.closing();
    let (out, body) = mpsc::channel(MONITOR_LINES);
    tokio::spawn(async move {
        tokio::pin!(closing);
        loop {
            let line = tokio::select! {
                line = lines.next() => line,
                () = &mut closing => None,
                () = out.closed() => None,
            };
            let Some(line) = line else { return };
            if out.send(Ok(line)).await.is_err() {
                return;
            }
        }
    });
    Ok(Response::stream(None, Box::pin(ReceiverStream::new(body))))
}
