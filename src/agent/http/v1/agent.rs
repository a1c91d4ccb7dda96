//! `/v1/agent`: the agent itself, its members, its log and metrics.

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tracing::{info, warn};

use crate::agent::gossip::GossipHandle;
use crate::agent::http::context::Context;
use crate::agent::http::error::HttpError;
use crate::agent::http::request::Request;
use crate::agent::http::response::Response;
use crate::agent::http::router::Answer;
use crate::agent::membership::{self, PoolKind};
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

/// `/v1/agent/members`. An agent that is no server is in no WAN pool: `null`, as in Consul.
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
    let pool = if is_wan(&request) {
        context.wan.as_ref()
    } else {
        Some(&context.lan)
    };
    let found = pool.map(|pool| {
        let mut found = pool.members().as_ref().clone();
        filter.retain(&mut found);
        found
    });
    request.json(&found)
}

fn is_wan(request: &Request) -> bool {
    request.params().non_empty("wan").is_some()
}

/// `/v1/agent/join/<address>`.
pub(super) async fn join(context: Arc<Context>, request: Request) -> Answer {
    may_write(&context, &request)?;
    let (pool, kind) = if is_wan(&request) {
        let wan = context.wan.as_ref().ok_or_else(|| {
            HttpError::internal(if context.agent.config.server {
                "WAN Federation is disabled"
            } else {
                "Must be a server to join WAN cluster"
            })
        })?;
        (wan, PoolKind::Wan)
    } else {
        (&context.lan, PoolKind::Lan)
    };
    let addresses = [request.rest_text().into_owned()];
    membership::join(pool, kind, &addresses)
        .await
        .map_err(HttpError::failed)?;
    Ok(Response::empty(StatusCode::OK))
}

/// `/v1/agent/leave`.
pub(super) async fn leave(context: Arc<Context>, request: Request) -> Answer {
    may_write(&context, &request)?;
    context.control.leave().await.map_err(HttpError::failed)?;
    Ok(Response::empty(StatusCode::OK))
}

/// `/v1/agent/force-leave/<node>`: a server is taken out of both pools, unless `?wan` asks for the WAN
/// pool alone, whose members have the datacenter in their names.
pub(super) async fn force_leave(context: Arc<Context>, request: Request) -> Answer {
    let token = context.token_or_default(&request.token());
    context
        .rpc
        .authorize(&token, &Requirement::write(Resource::Operator, &[]))?;
    let node = request.rest_text();
    let prune = request.params().has("prune");
    info!(target: "agent", node = %node, "Force leaving node");
    if request.params().has("wan") {
        let wan = context.wan.as_ref().ok_or_else(|| no_node(&node))?;
        out_of(wan, &node, prune).await?;
        return Ok(Response::empty(StatusCode::OK));
    }
    out_of(&context.lan, &node, prune).await?;
    if let Some(wan) = &context.wan {
        let suffix = format!(".{}", context.facts.datacenter);
        let name = if node.ends_with(&suffix) {
            node.into_owned()
        } else {
            format!("{node}{suffix}")
        };
        // Clients are in the LAN pool only.
        if is_member(wan, &name) {
            out_of(wan, &name, prune).await?;
        }
    }
    Ok(Response::empty(StatusCode::OK))
}

fn is_member(pool: &GossipHandle, node: &str) -> bool {
    pool.members().iter().any(|member| member.name == node)
}

fn no_node(node: &str) -> HttpError {
    HttpError::internal(format!("agent: No node found with name '{node}'"))
}

async fn out_of(pool: &GossipHandle, node: &str, prune: bool) -> Result<(), HttpError> {
    if !is_member(pool, node) {
        return Err(no_node(node));
    }
    pool.force_leave(node, prune).await.map_err(|err| {
        warn!(target: "agent", node, error = %err, "Failed to remove node");
        HttpError::failed(err)
    })
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
