//! The table of endpoints: path, methods, handler. A path that ends in `/` has a name after it.

use crate::agent::http::Context;
use crate::agent::http::router::{GET, GET_PUT_DELETE, POST, PUT, Route, route};

use super::acl;

/// Every endpoint of the API.
pub fn routes() -> Vec<Route<Context>> {
    let mut all = Vec::new();
    all.extend(acl_routes());
    all
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
