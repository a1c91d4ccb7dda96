//! `/v1/internal/ui`: the catalog in the form that dashboards read.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::agent::http::{Answer, Context, HttpError, Meta, Request, Response};
use crate::agent::rpc::wire::internal::NodeInfo;
use crate::agent::store::{NodeDump, NodeRecord};
use crate::model::check::{HealthCheck, Status};
use crate::model::filter;
use crate::model::node::Node;
use crate::model::service::NodeService;

use super::nothing::{Consistency, empty_list, read_nothing};
use super::read::{Read, headers_of};

/// Metadata by which a service says which tool registered it.
const EXTERNAL_SOURCE: &str = "external-source";

/// `/v1/internal/ui/nodes`.
pub(super) async fn nodes(context: Arc<Context>, request: Request) -> Answer {
    let filter = Read::new(&context, &request)?.filter(&filter::CATALOG_NODE)?;
    let (mut dump, meta) = run(&context, &request, None).await?;
    dump.retain(|dump| filter.matches(&dump.node));
    let infos: Result<Vec<Value>, HttpError> = dump.iter().map(shown).collect();
    Ok(request.json(&infos?)?.meta(meta))
}

/// A node as dashboards see it: what has no tags has `null`, unlike elsewhere in the API.
fn shown(record: &NodeRecord) -> Result<Value, HttpError> {
    let mut info = serde_json::to_value(NodeInfo::from(record)).map_err(HttpError::failed)?;
    for (rows, tags) in [("Services", "Tags"), ("Checks", "ServiceTags")] {
        let rows = info.get_mut(rows).and_then(Value::as_array_mut);
        for row in rows.into_iter().flatten() {
            if row[tags].as_array().is_some_and(Vec::is_empty) {
                row[tags] = Value::Null;
            }
        }
    }
    Ok(info)
}

/// `/v1/internal/ui/node/<name>`.
pub(super) async fn node(context: Arc<Context>, request: Request) -> Answer {
    request.read_params(context.read_defaults())?;
    let name = request.required_rest("Missing node name")?.into_owned();
    let (dump, meta) = run(&context, &request, Some(name)).await?;
    match dump.first() {
        Some(record) => Ok(request.json(&shown(record)?)?.meta(meta)),
        None => Ok(Response::empty(StatusCode::NOT_FOUND)),
    }
}

async fn run(
    context: &Context,
    request: &Request,
    node: Option<String>,
) -> Result<(Vec<NodeRecord>, Meta), HttpError> {
    let (dump, meta) = Read::new(context, request)?
        .run_even_without_leader(&NodeDump { node })
        .await
        .map_err(|error| error.with_meta(Meta::default()))?;
    let meta = Meta {
        consistency: None,
        ..headers_of(meta)
    };
    Ok((dump, meta))
}

/// One service in the overview.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    #[serde(skip_serializing_if = "String::is_empty")]
    kind: String,
    name: String,
    tags: Option<Vec<String>>,
    nodes: Vec<String>,
    instance_count: usize,
    checks_passing: usize,
    checks_warning: usize,
    checks_critical: usize,
    external_sources: Option<Vec<String>>,
    gateway_config: BTreeMap<String, String>,
}

/// What filters of the overview see: an instance with its checks.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    node: &'a Node,
    service: &'a NodeService,
    checks: Vec<&'a HealthCheck>,
}

/// `/v1/internal/ui/services`.
pub(super) async fn services(context: Arc<Context>, request: Request) -> Answer {
    let filter = Read::new(&context, &request)?.filter(&filter::HEALTH_ENTRY)?;
    let (dump, meta) = run(&context, &request, None).await?;
    let mut summaries: BTreeMap<&str, Summary> = BTreeMap::new();
    for dump in &dump {
        for service in &dump.services {
            let concerns = |check: &&HealthCheck| {
                check.service_id.is_empty() || check.service_id == service.id
            };
            let entry = Entry {
                node: &dump.node,
                service,
                checks: dump
                    .checks
                    .iter()
                    .map(AsRef::as_ref)
                    .filter(concerns)
                    .collect(),
            };
            if filter.matches(&entry) {
                summaries.entry(&service.service).or_default().add(&entry);
            }
        }
    }
    let summaries: Vec<Summary> = summaries.into_values().collect();
    Ok(request.json(&summaries)?.meta(meta))
}

impl Summary {
    fn add(&mut self, entry: &Entry<'_>) {
        self.name.clone_from(&entry.service.service);
        self.kind.clone_from(&entry.service.kind);
        self.instance_count += 1;
        insert(&mut self.nodes, &entry.node.node);
        for tag in &entry.service.tags {
            insert(self.tags.get_or_insert_default(), tag);
        }
        let meta = entry.service.meta.as_ref();
        if let Some(source) = meta.and_then(|meta| meta.get(EXTERNAL_SOURCE)) {
            insert(self.external_sources.get_or_insert_default(), source);
        }
        for check in &entry.checks {
            match check.status {
                Status::Passing => self.checks_passing += 1,
                Status::Warning => self.checks_warning += 1,
                Status::Critical => self.checks_critical += 1,
            }
        }
    }
}

/// Keeps a list sorted and without repetition.
fn insert(list: &mut Vec<String>, item: &str) {
    if let Err(at) = list.binary_search_by(|found| found.as_str().cmp(item)) {
        list.insert(at, item.to_owned());
    }
}

/// `/v1/catalog/gateway-services/<gateway>`: this build has no gateways.
pub(super) async fn catalog_gateway_services(context: Arc<Context>, request: Request) -> Answer {
    request.read_params(context.read_defaults())?;
    request.required_rest("Missing gateway name")?;
    let meta = read_nothing(&context, &request, Consistency::Shown).await?;
    Ok(request.json(&())?.meta(meta))
}

/// `/v1/internal/ui/gateway-services-nodes/<gateway>`: this build has no gateways.
pub(super) async fn gateway_services(context: Arc<Context>, request: Request) -> Answer {
    request.read_params(context.read_defaults())?;
    request.required_rest("Missing gateway name")?;
    empty_list(&context, &request, Consistency::Hidden).await
}
