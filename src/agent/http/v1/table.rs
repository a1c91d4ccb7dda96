//! The table of endpoints: path, methods, handler. A path that ends in `/` has a name after it.

use crate::agent::http::Context;
use crate::agent::http::router::{GET, GET_PUT_DELETE, POST, PUT, Route, route};

use super::{acl, catalog, health, kv, txn};

/// Every endpoint of the API.
pub fn routes() -> Vec<Route<Context>> {
    let mut all = Vec::new();
    all.extend(kv_routes());
    all.extend(catalog_routes());
    all.extend(health_routes());
    all.extend(acl_routes());
    all
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

fn acl_routes() -> Vec<Route<Context>> {
    vec![
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
