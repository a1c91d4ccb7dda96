//! `/v1/operator/raft` and `/v1/operator/autopilot`.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde::Deserialize;

use crate::agent::http::{Answer, Context, HttpError, JSON_BODY_MAX, Request};
use crate::agent::raft::Raft;
use crate::agent::store::{AutopilotQuery, AutopilotUpdate, Command, Response as Stored};
use crate::model::access::{Requirement, Resource};
use crate::model::decode;
use crate::model::duration::GoDuration;
use crate::model::member::{Member, MemberStatus};
use crate::model::raft::{
    AutopilotConfiguration, OperatorHealth, RaftConfiguration, RaftServer, ServerHealth,
};

use super::read::{Read, write_options};

/// What Consul shows for a server that gossip does not know.
const UNKNOWN_NODE: &str = "(unknown)";

/// `/v1/operator/raft/configuration`.
pub(super) async fn raft_configuration(context: Arc<Context>, request: Request) -> Answer {
    read_operator(&context, &request)?;
    request.json(&configuration(&context, context.raft()?))
}

/// The servers with the names that gossip knows.
fn configuration(context: &Context, raft: &Raft) -> RaftConfiguration {
    let members = context.lan.members();
    let mut configuration = raft.configuration();
    for server in &mut configuration.servers {
        server.node = member_of(&members, server)
            .map_or_else(|| UNKNOWN_NODE.to_owned(), |member| member.name.clone());
    }
    configuration
}

fn member_of<'a>(members: &'a [Member], server: &RaftServer) -> Option<&'a Member> {
    members
        .iter()
        .find(|member| member.tags.get("id") == Some(&server.id))
}

/// Consul's checks of an operator's read: parameters, datacenter, permission.
fn read_operator(context: &Context, request: &Request) -> Result<(), HttpError> {
    let params = request.read_params(context.read_defaults())?;
    context.rpc.route(&params.datacenter)?;
    let token = context.token_or_default(&params.token);
    let requirement = Requirement::read(Resource::Operator, &[]);
    Ok(context.rpc.authorize(&token, &requirement)?)
}

/// `/v1/operator/raft/peer`.
pub(super) async fn remove_peer(context: Arc<Context>, request: Request) -> Answer {
    let id = request.params().non_empty("id");
    let address = request.params().non_empty("address");
    let (what, value) = match (&id, &address) {
        (None, None) => {
            return Err(HttpError::bad_request(
                "Must specify either ?id with the server's ID or ?address with IP:port of peer to remove",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(HttpError::bad_request(
                "Must specify only one of ?id or ?address",
            ));
        }
        (Some(id), None) => ("id", id),
        (None, Some(address)) => ("address", address),
    };
    let options = write_options(&context, &request);
    context.rpc.route(&options.datacenter)?;
    let requirement = Requirement::write(Resource::Operator, &[]);
    context.rpc.authorize(&options.token, &requirement)?;
    let servers = context.raft()?.configuration().servers;
    let known = servers.iter().any(|server| {
        (if what == "id" {
            &server.id
        } else {
            &server.address
        }) == value.as_ref()
    });
    if known {
        return Err(HttpError::not_built("Changes of the Raft configuration"));
    }
    Err(HttpError::internal(format!(
        "{what} {value:?} was not found in the Raft configuration"
    )))
}

/// `/v1/operator/autopilot/configuration`.
pub(super) async fn autopilot(context: Arc<Context>, request: Request) -> Answer {
    if *request.method() == Method::PUT {
        return set_autopilot(&context, request).await;
    }
    let (configuration, _) = Read::new(&context, &request)?.run(&AutopilotQuery).await?;
    request.json(&*configuration)
}

/// The body of a change: what it leaves out becomes zero, not Consul's default.
#[derive(Debug, Default, Deserialize)]
#[serde(rename = "AutopilotConfiguration", rename_all = "PascalCase", default)]
struct AutopilotBody {
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

async fn set_autopilot(context: &Context, mut request: Request) -> Answer {
    let body = request.take_body()?.read(JSON_BODY_MAX).await?;
    let body: AutopilotBody = decode::from_json_slice(&body)
        .map_err(|err| HttpError::bad_request(format!("Error parsing autopilot config: {err}")))?;
    let cas = request
        .params()
        .has("cas")
        .then(|| {
            let text = request.params().get("cas").unwrap_or_default();
            crate::agent::http::parse_uint(&text)
        })
        .transpose()
        .map_err(|err| HttpError::bad_request(format!("Error parsing cas value: {err}")))?;
    let configuration = AutopilotConfiguration {
        cleanup_dead_servers: body.cleanup_dead_servers,
        last_contact_threshold: body.last_contact_threshold,
        max_trailing_logs: body.max_trailing_logs,
        min_quorum: body.min_quorum,
        server_stabilization_time: body.server_stabilization_time,
        redundancy_zone_tag: body.redundancy_zone_tag,
        disable_upgrade_migration: body.disable_upgrade_migration,
        upgrade_version_tag: body.upgrade_version_tag,
        ..AutopilotConfiguration::default()
    };
    let command = Command::Autopilot(AutopilotUpdate { configuration, cas });
    let requirement = Requirement::write(Resource::Operator, &[]);
    let options = write_options(context, &request);
    let stored = context.rpc.write(&options, &requirement, command).await?;
    // Only a conditional change can be in vain.
    request.json(&(cas.is_none() || stored == Stored::Bool(true)))
}

/// `/v1/operator/autopilot/health`: 429 when a server is not healthy.
pub(super) async fn autopilot_health(context: Arc<Context>, request: Request) -> Answer {
    read_operator(&context, &request)?;
    let health = health(&context, context.raft()?);
    let status = if health.healthy {
        StatusCode::OK
    } else {
        StatusCode::TOO_MANY_REQUESTS
    };
    Ok(request.json(&health)?.status(status))
}

fn health(context: &Context, raft: &Raft) -> OperatorHealth {
    let members = context.lan.members();
    let servers: Vec<ServerHealth> = raft
        .configuration()
        .servers
        .iter()
        .map(|server| server_health(raft, server, member_of(&members, server)))
        .collect();
    let voters = servers.iter().filter(|server| server.voter).count();
    let well = servers
        .iter()
        .filter(|server| server.voter && server.healthy)
        .count();
    let quorum = voters / 2 + 1;
    OperatorHealth {
        healthy: servers.iter().all(|server| server.healthy) && raft.leader().is_some(),
        failure_tolerance: well.saturating_sub(quorum) as u64,
        servers,
    }
}

fn server_health(raft: &Raft, server: &RaftServer, member: Option<&Member>) -> ServerHealth {
    let stats = raft.stats();
    let tag = |name: &str| member.and_then(|member| member.tags.get(name));
    let alive = member.map_or(MemberStatus::None, Member::member_status);
    let build = tag("build").map_or("", String::as_str);
    ServerHealth {
        id: server.id.clone(),
        name: member.map_or_else(String::new, |member| member.name.clone()),
        address: server.address.clone(),
        serf_status: alive.as_str().to_owned(),
        version: build.split(':').next().unwrap_or_default().to_owned(),
        leader: server.leader,
        last_contact: GoDuration::default(),
        last_term: stats.last_log_term,
        last_index: stats.last_log_index,
        healthy: alive == MemberStatus::Alive,
        voter: server.voter,
        stable_since: stable_since(raft),
    }
}

/// Since when there is a leader, as RFC 3339 in seconds; Go's zero time before that.
fn stable_since(raft: &Raft) -> String {
    let history = raft.history();
    let last = history.iter().rev().find(|change| change.leader.is_some());
    last.and_then(|change| jiff::Timestamp::try_from(change.at).ok())
        .map_or_else(
            || "0001-01-01T00:00:00Z".to_owned(),
            |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        )
}
