//! The table of endpoints: path, methods, handler. A path that ends in `/` has a name after it.

use crate::agent::http::Context;
use crate::agent::http::router::{
    DELETE, GET, GET_DELETE, GET_POST, GET_POST_PUT_DELETE, GET_PUT, GET_PUT_DELETE, POST,
    POST_PUT, PUT, Route, route,
};

use super::{
    acl, agent, agent_checks, agent_health, agent_services, autopilot, catalog, config_entry,
    connect, consulctl, coordinate, event, health, keyring, kv, operator, query, session, snapshot,
    status, txn, ui,
};

/// Every endpoint of the API.
pub fn routes() -> Vec<Route<Context>> {
    let mut all = Vec::new();
    all.extend(agent_routes());
    all.extend(local_routes());
    all.extend(kv_routes());
    all.extend(catalog_routes());
    all.extend(health_routes());
    all.extend(operator_routes());
    all.extend(session_and_event_routes());
    all.extend(mesh_routes());
    all.extend(ui_routes());
    all.extend(acl_routes());
    all
}

fn agent_routes() -> Vec<Route<Context>> {
    vec![
        route("/v1/agent/force-leave/", PUT, agent::force_leave),
        route("/v1/agent/host", GET, agent::host),
        route("/v1/agent/join/", PUT, agent::join),
        route("/v1/agent/leave", PUT, agent::leave),
        route("/v1/agent/members", GET, agent::members),
        route("/v1/agent/metrics", GET, agent::metrics),
        route("/v1/agent/monitor", GET, agent::monitor),
        route("/v1/agent/reload", PUT, agent::reload),
        route("/v1/agent/self", GET, agent::self_),
        route("/v1/agent/version", GET, agent::version),
    ]
}

fn local_routes() -> Vec<Route<Context>> {
    vec![
        route("/v1/agent/check/deregister/", PUT, agent_checks::deregister),
        route("/v1/agent/check/fail/", PUT, agent_checks::fail),
        route("/v1/agent/check/pass/", PUT, agent_checks::pass),
        route("/v1/agent/check/register", PUT, agent_checks::register),
        route("/v1/agent/check/update/", PUT, agent_checks::update),
        route("/v1/agent/check/warn/", PUT, agent_checks::warn),
        route("/v1/agent/checks", GET, agent_checks::checks),
        route("/v1/agent/health/service/id/", GET, agent_health::by_id),
        route("/v1/agent/health/service/name/", GET, agent_health::by_name),
        route(
            "/v1/agent/maintenance",
            PUT,
            agent_services::node_maintenance,
        ),
        route("/v1/agent/service/", GET, agent_services::service),
        route(
            "/v1/agent/service/deregister/",
            PUT,
            agent_services::deregister,
        ),
        route(
            "/v1/agent/service/maintenance/",
            PUT,
            agent_services::service_maintenance,
        ),
        route("/v1/agent/service/register", PUT, agent_services::register),
        route("/v1/agent/services", GET, agent_services::services),
    ]
}

fn kv_routes() -> Vec<Route<Context>> {
    vec![
        route("/v1/kv/", GET_PUT_DELETE, kv::kv),
        route("/v1/txn", PUT, txn::txn),
    ]
}

fn catalog_routes() -> Vec<Route<Context>> {
    vec![
        route("/v1/catalog/connect/", GET, catalog::connect),
        route("/v1/catalog/datacenters", GET, catalog::datacenters),
        route("/v1/catalog/deregister", PUT, catalog::deregister),
        route(
            "/v1/catalog/node-services/",
            GET,
            catalog::node_service_list,
        ),
        route("/v1/catalog/node/", GET, catalog::node),
        route("/v1/catalog/nodes", GET, catalog::nodes),
        route("/v1/catalog/register", PUT, catalog::register),
        route("/v1/catalog/service/", GET, catalog::service),
        route("/v1/catalog/services", GET, catalog::services),
    ]
}

fn health_routes() -> Vec<Route<Context>> {
    vec![
        route("/v1/health/checks/", GET, health::service_checks),
        route("/v1/health/connect/", GET, health::connect),
        route("/v1/health/ingress/", GET, health::ingress),
        route("/v1/health/node/", GET, health::node),
        route("/v1/health/service/", GET, health::service),
        route("/v1/health/state/", GET, health::state),
    ]
}

fn operator_routes() -> Vec<Route<Context>> {
    vec![
        route(
            "/v1/operator/autopilot/configuration",
            GET_PUT,
            autopilot::configuration,
        ),
        route("/v1/operator/autopilot/health", GET, autopilot::health),
        route("/v1/operator/autopilot/state", GET, autopilot::state),
        route(
            "/v1/operator/keyring",
            GET_POST_PUT_DELETE,
            keyring::keyring,
        ),
        route(
            "/v1/operator/raft/configuration",
            GET,
            operator::raft_configuration,
        ),
        route("/v1/operator/raft/peer", DELETE, operator::remove_peer),
        route(
            "/v1/operator/raft/transfer-leader",
            POST_PUT,
            operator::transfer_leader,
        ),
        route("/v1/snapshot", GET_PUT, snapshot::snapshot),
        route("/v1/status/leader", GET, status::leader),
        route("/v1/status/peers", GET, status::peers),
    ]
}

fn session_and_event_routes() -> Vec<Route<Context>> {
    vec![
        route("/v1/consulctl/gossip", GET, consulctl::gossip),
        route("/v1/consulctl/leaders", GET, consulctl::leaders),
        route("/v1/coordinate/datacenters", GET, coordinate::datacenters),
        route("/v1/coordinate/node/", GET, coordinate::node),
        route("/v1/coordinate/nodes", GET, coordinate::nodes),
        route("/v1/coordinate/update", PUT, coordinate::update),
        route("/v1/event/fire/", PUT, event::fire),
        route("/v1/event/list", GET, event::list),
        route("/v1/query", GET_POST, query::all),
        route("/v1/query/", GET_PUT_DELETE, query::one),
        route("/v1/session/create", PUT, session::create),
        route("/v1/session/destroy/", PUT, session::destroy),
        route("/v1/session/info/", GET, session::info),
        route("/v1/session/list", GET, session::list),
        route("/v1/session/node/", GET, session::of_node),
        route("/v1/session/renew/", PUT, session::renew),
    ]
}

fn mesh_routes() -> Vec<Route<Context>> {
    vec![
        route("/v1/agent/connect/authorize", POST, connect::authorize),
        route("/v1/agent/connect/ca/leaf/", GET, connect::disabled),
        route("/v1/agent/connect/ca/roots", GET, connect::disabled),
        route(
            "/v1/catalog/gateway-services/",
            GET,
            ui::catalog_gateway_services,
        ),
        route("/v1/config", PUT, config_entry::apply),
        route("/v1/config/", GET_DELETE, config_entry::one),
        route(
            "/v1/connect/ca/configuration",
            GET_PUT,
            connect::ca_configuration,
        ),
        route("/v1/connect/ca/roots", GET, connect::roots),
        route("/v1/connect/intentions", GET_POST, connect::intentions),
        route(
            "/v1/connect/intentions/",
            GET_PUT_DELETE,
            connect::intention,
        ),
        route(
            "/v1/connect/intentions/check",
            GET,
            connect::check_intentions,
        ),
        route(
            "/v1/connect/intentions/match",
            GET,
            connect::match_intentions,
        ),
        route("/v1/discovery-chain/", GET_POST, connect::discovery_chain),
    ]
}

fn ui_routes() -> Vec<Route<Context>> {
    vec![
        route(
            "/v1/internal/federation-state/",
            GET,
            config_entry::federation_state,
        ),
        route(
            "/v1/internal/federation-states",
            GET,
            config_entry::federation_states,
        ),
        route(
            "/v1/internal/federation-states/mesh-gateways",
            GET,
            config_entry::mesh_gateways,
        ),
        route(
            "/v1/internal/ui/gateway-services-nodes/",
            GET,
            ui::gateway_services,
        ),
        route("/v1/internal/ui/node/", GET, ui::node),
        route("/v1/internal/ui/nodes", GET, ui::nodes),
        route("/v1/internal/ui/services", GET, ui::services),
    ]
}

fn acl_routes() -> Vec<Route<Context>> {
    vec![
        route("/v1/agent/token/", PUT, acl::disabled),
        route("/v1/acl/auth-method", PUT, acl::disabled),
        route("/v1/acl/auth-method/", GET_PUT_DELETE, acl::disabled),
        route("/v1/acl/auth-methods", GET, acl::disabled),
        route("/v1/acl/binding-rule", PUT, acl::disabled),
        route("/v1/acl/binding-rule/", GET_PUT_DELETE, acl::disabled),
        route("/v1/acl/binding-rules", GET, acl::disabled),
        route("/v1/acl/bootstrap", PUT, acl::disabled),
        route("/v1/acl/clone/", PUT, acl::disabled),
        route("/v1/acl/create", PUT, acl::disabled),
        route("/v1/acl/destroy/", PUT, acl::disabled),
        route("/v1/acl/info/", GET, acl::disabled),
        route("/v1/acl/list", GET, acl::disabled),
        route("/v1/acl/login", POST, acl::disabled),
        route("/v1/acl/logout", POST, acl::disabled),
        route("/v1/acl/policies", GET, acl::disabled),
        route("/v1/acl/policy", PUT, acl::disabled),
        route("/v1/acl/policy/", GET_PUT_DELETE, acl::disabled),
        route("/v1/acl/policy/name/", GET, acl::disabled),
        route("/v1/acl/replication", GET, acl::disabled),
        route("/v1/acl/role", PUT, acl::disabled),
        route("/v1/acl/role/", GET_PUT_DELETE, acl::disabled),
        route("/v1/acl/role/name/", GET, acl::disabled),
        route("/v1/acl/roles", GET, acl::disabled),
        route("/v1/acl/rules/translate", POST, acl::disabled),
        route("/v1/acl/rules/translate/", GET, acl::disabled),
        route("/v1/acl/token", PUT, acl::disabled),
        route("/v1/acl/token/", GET_PUT_DELETE, acl::disabled),
        route("/v1/acl/token/self", GET, acl::disabled),
        route("/v1/acl/tokens", GET, acl::disabled),
        route("/v1/acl/update", PUT, acl::disabled),
        route("/v1/internal/acl/authorize", POST, acl::disabled),
    ]
}
