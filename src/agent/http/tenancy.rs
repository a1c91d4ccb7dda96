//! Namespaces are a feature of Consul Enterprise: a request that names one is refused, as Consul's
//! open edition refuses it, because an answer from the only namespace would be a wrong one.

use super::error::HttpError;
use super::request::Request;

/// The parameter and the header that name a namespace.
const PARAMETER: &str = "ns";
const HEADER: &str = "X-Consul-Namespace";

/// What belongs to a namespace. Nodes, members, coordinates, events and the like do not, and their
/// endpoints pass over the parameter.
const TENANTED: [&[u8]; 15] = [
    b"/v1/agent/check/",
    b"/v1/agent/checks",
    b"/v1/agent/health/",
    b"/v1/agent/service/",
    b"/v1/agent/services",
    b"/v1/catalog/connect/",
    b"/v1/catalog/deregister",
    b"/v1/catalog/node-services/",
    b"/v1/catalog/node/",
    b"/v1/catalog/register",
    b"/v1/catalog/service/",
    b"/v1/catalog/services",
    b"/v1/health/",
    b"/v1/internal/ui/",
    b"/v1/kv/",
];

/// Refuses a request for something in a namespace.
///
/// # Errors
/// Status 400 when the endpoint is one of those that know namespaces.
pub(super) fn refuse_namespace(request: &Request) -> Result<(), HttpError> {
    let header = request
        .headers()
        .get(HEADER)
        .is_some_and(|ns| !ns.is_empty());
    let parameter = request.params().non_empty(PARAMETER).is_some();
    let path = request.path();
    if !(header || parameter) || !TENANTED.iter().any(|prefix| path.starts_with(prefix)) {
        return Ok(());
    }
    let what = if header {
        format!("Invalid header: {HEADER:?}")
    } else {
        format!("Invalid query parameter: {PARAMETER:?}")
    };
    Err(HttpError::bad_request(format!(
        "{what} - Namespaces are a Consul Enterprise feature"
    )))
}
