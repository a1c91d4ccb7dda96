//! Parts of a catalog as questions to the servers: what a client agent does instead of looking into a state.

use super::catalog::Catalog;
use super::store_view::{StoreView, execution, node_at, query_found};
use super::world::{FetchError, Found, Need, What};
use crate::agent::rpc::wire::RemoteQuery;
use crate::agent::store::{InstancesAt, ListNodes, NodeWithServices, ServiceInstances};

/// Who can be asked for parts of catalogs.
pub trait Servers: Sync {
    /// The answer of one server to a read. `datacenter` is empty for the agent's own.
    fn ask<Q: RemoteQuery>(
        &self,
        datacenter: &str,
        query: Q,
    ) -> impl Future<Output = Result<Q::Answer, FetchError>> + Send;
}

/// Asks for a part of a catalog, with the calls that Consul's agents use for DNS.
///
/// # Errors
/// As those of the servers.
pub async fn fetch<S: Servers>(
    servers: &S,
    need: &Need,
) -> Result<Found<<StoreView as Catalog>::Instances>, FetchError> {
    let dc = need.datacenter.as_str();
    let instances = |service: &str| ServiceInstances {
        service: service.to_owned(),
        ..ServiceInstances::default()
    };
    let query = match &need.what {
        What::Node(name) => {
            let node = name.clone();
            let found = servers.ask(dc, NodeWithServices { node }).await?;
            return Ok(Found::Node(found.map(|(node, _)| node)));
        }
        What::NodeAt(ip) => {
            let nodes = servers.ask(dc, ListNodes::default()).await?;
            return Ok(Found::Node(node_at(nodes.iter(), *ip)));
        }
        What::ServiceAt(ip) => {
            let address = ip.to_string();
            let rows = servers.ask(dc, InstancesAt { address }).await?;
            let first = rows.into_iter().next();
            return Ok(Found::Service(first.map(|row| row.service_name)));
        }
        What::Query(ask) => {
            // The servers choose the order.
            let found = servers.ask(dc, execution(ask, 0)).await?;
            let found = found.ok().flatten().ok_or(FetchError::NoQuery)?;
            return Ok(Found::Query(query_found(found)));
        }
        What::Service(name) => instances(name),
        What::Connect(name) => ServiceInstances {
            connect: true,
            ..instances(name)
        },
        What::Ingress(name) => ServiceInstances {
            ingress: true,
            ..instances(name)
        },
    };
    Ok(Found::Instances(servers.ask(dc, query).await?))
}
