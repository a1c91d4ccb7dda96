//! `/v1/coordinate`: network coordinates.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Deserialize;

use crate::agent::http::{Answer, Context, HttpError, JSON_BODY_MAX, Meta, Request, Response};
use crate::agent::membership::wan_coordinates;
use crate::agent::rpc::wire::coordinate::DatacenterMap;
use crate::agent::store::CoordinatesOfNodes;
use crate::model::coordinate::{Coordinate, NodeCoordinate};
use crate::model::decode;

use super::read::{Read, ask, headers_of, write_options};

/// Dimensions that a coordinate must have: serf's Vivaldi configuration.
const DIMENSIONS: usize = 8;
/// Longest name of a node in an update.
const NODE_NAME_MAX: usize = 1024;

/// `/v1/coordinate/datacenters`: where the servers of all datacenters are, as a server learnt from its WAN pool.
pub(super) async fn datacenters(context: Arc<Context>, request: Request) -> Answer {
    check_enabled(&context)?;
    let Some(wan) = &context.wan else {
        if context.agent.config.server {
            return request.json(&[(); 0]);
        }
        let maps = ask(&request, context.rpc.datacenter_maps()).await?;
        return request.json(&maps);
    };
    let found = wan_coordinates(wan).await.map_err(HttpError::failed)?;
    request.json(&DatacenterMap::of_wan(found))
}

fn check_enabled(context: &Context) -> Result<(), HttpError> {
    if context.facts.disable_coordinates {
        let text = "Coordinate support disabled";
        return Err(HttpError::status(StatusCode::UNAUTHORIZED, text));
    }
    Ok(())
}

/// `/v1/coordinate/nodes`.
pub(super) async fn nodes(context: Arc<Context>, request: Request) -> Answer {
    check_enabled(&context)?;
    let (found, meta) = coordinates(&context, &request, None).await?;
    Ok(request.json(&found)?.meta(meta))
}

/// `/v1/coordinate/node/<name>`.
pub(super) async fn node(context: Arc<Context>, request: Request) -> Answer {
    check_enabled(&context)?;
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
#[serde(rename = "CoordinateUpdateRequest", rename_all = "PascalCase", default)]
struct Update {
    datacenter: String,
    node: String,
    segment: String,
    coord: Option<Coordinate>,
}

/// `/v1/coordinate/update`: the coordinate of a node that has no agent. The leader writes it with its next batch; one
/// of an unknown node is dropped, as in Consul.
pub(super) async fn update(context: Arc<Context>, mut request: Request) -> Answer {
    check_enabled(&context)?;
    let body = request.take_body()?.read(JSON_BODY_MAX).await?;
    let update: Update = decode::from_json_slice(&body)
        .map_err(|err| HttpError::bad(format!("Request decode failed: {err}")))?;
    let mut options = write_options(&context, &request);
    if !update.datacenter.is_empty() {
        options.datacenter.clone_from(&update.datacenter);
    }
    context.rpc.route(&options.datacenter)?;
    let refused = |text: &str| context.rpc.as_told(text.to_owned(), false);
    let coord = update.coord.filter(is_valid);
    let coord = coord.ok_or_else(|| refused("invalid coordinate"))?;
    if coord.vec.len() != DIMENSIONS {
        return Err(refused("incompatible coordinate").into());
    }
    if update.node.len() > NODE_NAME_MAX {
        return Err(refused("Must provide node").into());
    }
    let update = NodeCoordinate {
        node: update.node,
        segment: update.segment,
        coord,
    };
    ask(&request, context.rpc.update_coordinate(&options, update)).await?;
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
