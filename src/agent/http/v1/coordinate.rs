//! `/v1/coordinate`: network coordinates.

use std::sync::Arc;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use crate::agent::http::{Answer, Context, HttpError, JSON_BODY_MAX, Meta, Request, Response};
use crate::agent::store::{Command, CoordinatesOfNodes};
use crate::model::access::{Requirement, Resource};
use crate::model::coordinate::{Coordinate, NodeCoordinate};
use crate::model::decode;

use super::read::{Read, headers_of, write_options};

/// Dimensions that a coordinate must have: serf's Vivaldi configuration.
const DIMENSIONS: usize = 8;
/// Longest name of a node in an update.
const NODE_NAME_MAX: usize = 1024;

/// The servers of a datacenter, as the WAN pool sees them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Datacenter {
    datacenter: String,
    #[serde(rename = "AreaID")]
    area_id: &'static str,
    coordinates: Vec<NodeCoordinate>,
}

/// `/v1/coordinate/datacenters`: this datacenter alone. A server that has measured no other one is at
/// the origin.
pub(super) async fn datacenters(context: Arc<Context>, request: Request) -> Answer {
    let coordinates = NodeCoordinate {
        node: context.facts.node_name.clone(),
        ..NodeCoordinate::default()
    };
    request.json(&[Datacenter {
        datacenter: context.facts.datacenter.clone(),
        area_id: "wan",
        coordinates: vec![coordinates],
    }])
}

/// `/v1/coordinate/nodes`.
pub(super) async fn nodes(context: Arc<Context>, request: Request) -> Answer {
    let (found, meta) = coordinates(&context, &request, None).await?;
    Ok(request.json(&found)?.meta(meta))
}

/// `/v1/coordinate/node/<name>`.
pub(super) async fn node(context: Arc<Context>, request: Request) -> Answer {
    let name = request.rest_text().into_owned();
    let (found, meta) = coordinates(&context, &request, Some(name)).await?;
    if found.is_empty() {
        return Ok(Response::empty(StatusCode::NOT_FOUND));
    }
    Ok(request.json(&found)?.meta(meta))
}

type Found = Vec<Arc<NodeCoordinate>>;

async fn coordinates(
    context: &Context,
    request: &Request,
    node: Option<String>,
) -> Result<(Found, Meta), HttpError> {
    let (mut found, meta) = Read::new(context, request)?
        .run(&CoordinatesOfNodes { node })
        .await
        .map_err(|error| error.with_meta(Meta::default()))?;
    if let Some(segment) = request.params().get("segment") {
        found.retain(|coordinate| coordinate.segment == segment);
    }
    let meta = Meta {
        consistency: None,
        ..headers_of(meta)
    };
    Ok((found, meta))
}

/// The body of an update.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Update {
    datacenter: String,
    node: String,
    segment: String,
    coord: Option<Coordinate>,
}

/// `/v1/coordinate/update`: the coordinate of a node that has no agent. One of an unknown node is
/// dropped, as in Consul.
pub(super) async fn update(context: Arc<Context>, mut request: Request) -> Answer {
    let body = request.take_body()?.read(JSON_BODY_MAX).await?;
    let update: Update = decode::from_json_slice(&body)
        .map_err(|err| HttpError::bad(format!("Request decode failed: {err}")))?;
    let mut options = write_options(&context, &request);
    if !update.datacenter.is_empty() {
        options.datacenter.clone_from(&update.datacenter);
    }
    context.rpc.route(&options.datacenter)?;
    let coord = update
        .coord
        .filter(is_valid)
        .ok_or_else(|| HttpError::internal("invalid coordinate"))?;
    if coord.vec.len() != DIMENSIONS {
        return Err(HttpError::internal("incompatible coordinate"));
    }
    if update.node.len() > NODE_NAME_MAX {
        return Err(HttpError::internal("Must provide node"));
    }
    let update = NodeCoordinate {
        node: update.node,
        segment: update.segment,
        coord,
    };
    let node = update.node.clone();
    let requirement = Requirement::write(Resource::Node, node.as_bytes());
    let command = Command::Coordinates(vec![update]);
    context.rpc.write(&options, &requirement, command).await?;
    Ok(Response::empty(StatusCode::OK))
}

fn is_valid(coordinate: &Coordinate) -> bool {
    let parts = [coordinate.error, coordinate.adjustment, coordinate.height];
    coordinate
        .vec
        .iter()
        .chain(&parts)
        .all(|part| part.is_finite())
}
