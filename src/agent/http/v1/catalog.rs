//! `/v1/catalog`: nodes and services as all servers know them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::agent::http::context::Context;
use crate::agent::http::error::HttpError;
use crate::agent::http::request::Request;
use crate::agent::http::response::Meta;
use crate::agent::http::router::Answer;
use crate::agent::rpc::QueryMeta;
use crate::agent::store::{Instance, ListNodes, ListServices, NodeWithServices, ServiceInstances};
use crate::model::decode;
use crate::model::filter;
use crate::model::node::Node;
use crate::model::service::{NodeService, ServiceNode};

use super::read::{Cache, Read, filtered, write_options};

/// Largest registration in bytes. Consul has no bound; this one is far above any real one.
pub(super) const MAX_REGISTRATION: usize = 4 * 1024 * 1024;

/// How the refusal of a field ends that only Consul Enterprise knows.
const NAMESPACE_FIELD: &str = "unknown field \"Namespace\"";

/// Reads a body as JSON; errors are 400 with Consul's prefix.
pub(super) async fn decode_body<T: DeserializeOwned>(
    request: &mut Request,
) -> Result<T, HttpError> {
    let body = request.take_body()?.read(MAX_REGISTRATION).await?;
    decode::from_json_slice(&body).map_err(|err| {
        let mut text = format!("Request decode failed: {err}");
        if text.ends_with(NAMESPACE_FIELD) {
            text.push_str(" - Namespaces are a Consul Enterprise feature");
        }
        HttpError::bad(text)
    })
}

/// Consul's catalog answers carry the query headers even when they fail.
pub(super) fn with_headers(error: HttpError) -> HttpError {
    error.with_meta(Meta::default())
}

/// `/v1/catalog/register`.
pub(super) async fn register(context: Arc<Context>, mut request: Request) -> Answer {
    let registration = decode_body(&mut request).await?;
    context
        .rpc
        .register(&write_options(&context, &request), registration)
        .await?;
    request.json(&true)
}

/// `/v1/catalog/deregister`.
pub(super) async fn deregister(context: Arc<Context>, mut request: Request) -> Answer {
    let deregistration = decode_body(&mut request).await?;
    context
        .rpc
        .deregister(&write_options(&context, &request), deregistration)
        .await?;
    request.json(&true)
}

/// `/v1/catalog/datacenters`: the local one, as long as no other is federated.
pub(super) async fn datacenters(context: Arc<Context>, request: Request) -> Answer {
    context.rpc.route("")?;
    let answer = request.json(&[&context.facts.datacenter])?;
    Ok(if request.params().has("cached") {
        Cache::Miss.mark(answer)
    } else {
        answer
    })
}

/// `/v1/catalog/nodes`.
pub(super) async fn nodes(context: Arc<Context>, request: Request) -> Answer {
    let read = Read::new(&context, &request)?;
    let filter = read.filter(&filter::CATALOG_NODE)?;
    let query = ListNodes {
        node_meta: read.node_meta(),
        near: read.near(),
    };
    let (nodes, meta) = read.run(&query).await.map_err(with_headers)?;
    read.answer(meta, || Ok(filtered(nodes.into_iter(), &filter)))
}

/// `/v1/catalog/services`.
pub(super) async fn services(context: Arc<Context>, request: Request) -> Answer {
    let mut read = Read::new(&context, &request)?;
    let query = ListServices {
        node_meta: read.node_meta(),
    };
    let (services, meta) = read.run_or_kept(&query).await.map_err(with_headers)?;
    read.answer(meta, || Ok(services))
}

/// `/v1/catalog/service/<name>`.
pub(super) async fn service(context: Arc<Context>, request: Request) -> Answer {
    service_nodes(&context, &request, false).await
}

/// `/v1/catalog/connect/<name>`.
pub(super) async fn connect(context: Arc<Context>, request: Request) -> Answer {
    service_nodes(&context, &request, true).await
}

async fn service_nodes(context: &Context, request: &Request, connect: bool) -> Answer {
    let mut read = Read::new(context, request)?;
    let query = ServiceInstances {
        service: request.required_rest("Missing service name")?.into_owned(),
        tags: request
            .params()
            .all("tag")
            .map(std::borrow::Cow::into_owned)
            .collect(),
        node_meta: read.node_meta(),
        near: read.near(),
        connect,
        ..ServiceInstances::default()
    };
    context.rpc.count_service_query(&query.service);
    let filter = read.filter(&filter::CATALOG_SERVICE)?;
    let (instances, meta) = read.run_or_kept(&query).await.map_err(with_headers)?;
    read.answer(meta, || {
        Ok(filtered(instances.iter().map(service_node), &filter))
    })
}

fn service_node(instance: &Instance) -> ServiceNode {
    ServiceNode::new(&instance.node, &instance.service)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NodeServices<N, S> {
    node: N,
    services: S,
}

/// `/v1/catalog/node/<name>`: `null` for an unknown node.
pub(super) async fn node(context: Arc<Context>, request: Request) -> Answer {
    let (read, found, meta) = node_services(&context, &request).await?;
    read.answer(meta, || {
        Ok(found.map(|(node, services)| NodeServices {
            node,
            services: services
                .into_iter()
                .map(|service| (service.id.clone(), service))
                .collect::<BTreeMap<_, _>>(),
        }))
    })
}

/// `/v1/catalog/node-services/<name>`: the same with a list. Consul leaves both fields `null` for an
/// unknown node, and the list for a node without services.
pub(super) async fn node_service_list(context: Arc<Context>, request: Request) -> Answer {
    let (read, found, meta) = node_services(&context, &request).await?;
    read.answer(meta, || {
        let (node, services) = found.unzip();
        Ok(NodeServices {
            node,
            services: services.filter(|services| !services.is_empty()),
        })
    })
}

type FoundNode = Option<(Arc<Node>, Vec<Arc<NodeService>>)>;

async fn node_services<'a>(
    context: &'a Context,
    request: &'a Request,
) -> Result<(Read<'a>, FoundNode, QueryMeta), HttpError> {
    let read = Read::new(context, request)?;
    let node = request.required_rest("Missing node name")?.into_owned();
    let filter = read.filter(&filter::NODE_SERVICE)?;
    let (found, meta) = read
        .run(&NodeWithServices { node })
        .await
        .map_err(with_headers)?;
    let found = found.map(|(node, services)| (node, filtered(services.into_iter(), &filter)));
    Ok((read, found, meta))
}
