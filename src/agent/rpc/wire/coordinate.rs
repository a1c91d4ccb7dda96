//! `Coordinate`: network coordinates.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::decode::decode_reply;
use super::dialect::{DialectError, encode};
use super::forward::RemoteQuery;
use crate::agent::store::{CoordinatesOfNodes, Query};
use crate::model::coordinate::{Coordinate, NodeCoordinate};

/// Stores a node's coordinate; servers gather and write them in batches.
pub const UPDATE: &str = "Coordinate.Update";
/// The coordinates of the servers of all datacenters.
pub const LIST_DATACENTERS: &str = "Coordinate.ListDatacenters";
/// The coordinates of one node.
pub const NODE: &str = "Coordinate.Node";

/// Numbers of a coordinate's position.
const DIMENSIONS: usize = 8;

/// The request of `Coordinate.Update`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct UpdateRequest {
    node: String,
    segment: String,
    coord: Option<Coordinate>,
}

impl UpdateRequest {
    pub(super) fn new(coordinate: &NodeCoordinate) -> Self {
        Self {
            node: coordinate.node.clone(),
            segment: coordinate.segment.clone(),
            coord: Some(coordinate.coord.clone()),
        }
    }

    /// The coordinate; refused as the reference refuses what no node can have.
    pub(super) fn into_coordinate(self) -> Result<NodeCoordinate, DialectError> {
        let refused = |why: &str| Err(DialectError::Refused(why.to_owned()));
        let Some(coord) = self.coord else {
            return refused("invalid coordinate");
        };
        let others = [coord.error, coord.adjustment, coord.height];
        if !coord
            .vec
            .iter()
            .chain(&others)
            .all(|number| number.is_finite())
        {
            return refused("invalid coordinate");
        }
        if coord.vec.len() != DIMENSIONS {
            return refused("incompatible coordinate");
        }
        Ok(NodeCoordinate {
            node: self.node,
            segment: self.segment,
            coord,
        })
    }
}

/// The request of reads of coordinates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CoordinatesRequest {
    /// Requests for all nodes do not have the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
}

/// The reply of reads of coordinates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CoordinatesReply {
    coordinates: Vec<Arc<NodeCoordinate>>,
}

impl RemoteQuery for CoordinatesOfNodes {
    type Request = CoordinatesRequest;
    type Reply = CoordinatesReply;

    fn method(&self) -> &'static str {
        if self.node.is_some() {
            NODE
        } else {
            Self::METHOD
        }
    }

    fn to_request(&self, _: &str) -> Result<CoordinatesRequest, DialectError> {
        Ok(CoordinatesRequest {
            node: self.node.clone(),
        })
    }

    fn from_request(request: CoordinatesRequest) -> Result<Self, DialectError> {
        Ok(Self { node: request.node })
    }

    fn to_reply(coordinates: Vec<Arc<NodeCoordinate>>) -> CoordinatesReply {
        CoordinatesReply { coordinates }
    }

    fn to_answer(&self, reply: CoordinatesReply) -> Result<Vec<Arc<NodeCoordinate>>, DialectError> {
        Ok(reply.coordinates)
    }
}

/// The coordinates of a datacenter's servers: a row of `Coordinate.ListDatacenters`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DatacenterMap {
    /// The datacenter.
    pub datacenter: String,
    /// The network area; `wan` for the one that all have.
    #[serde(rename = "AreaID")]
    pub area_id: String,
    /// The servers.
    pub coordinates: Vec<NodeCoordinate>,
}

impl DatacenterMap {
    /// The rows of what a WAN pool knows, by datacenter.
    pub fn of_wan(found: BTreeMap<String, Vec<NodeCoordinate>>) -> Vec<Self> {
        let maps = found.into_iter();
        maps.map(|(datacenter, coordinates)| Self {
            datacenter,
            area_id: "wan".to_owned(),
            coordinates,
        })
        .collect()
    }
}

/// The reply to `Coordinate.ListDatacenters`. Its request is empty.
///
/// # Errors
/// Never with coordinates.
pub fn encode_datacenters(maps: &[DatacenterMap]) -> Result<Vec<u8>, DialectError> {
    encode(maps)
}

/// Reads the reply to `Coordinate.ListDatacenters`.
///
/// # Errors
/// When it is malformed.
pub fn decode_datacenters(body: &[u8]) -> Result<Vec<DatacenterMap>, DialectError> {
    decode_reply(body)
}
