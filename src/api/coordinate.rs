//! `/v1/coordinate`

use serde::Deserialize;

use super::client::Client;
use super::error::ApiError;
use super::options::QueryOptions;
use crate::model::coordinate::NodeCoordinate;

/// The coordinates of a datacenter's servers in the WAN pool.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DatacenterCoordinates {
    /// The datacenter.
    pub datacenter: String,
    /// The pool; `wan` for the one that all servers are in.
    #[serde(rename = "AreaID")]
    pub area_id: String,
    /// The coordinates.
    pub coordinates: Vec<NodeCoordinate>,
}

impl Client {
    /// The coordinates of the datacenter's nodes.
    pub async fn coordinate_nodes(
        &self,
        options: &QueryOptions,
    ) -> Result<Vec<NodeCoordinate>, ApiError> {
        let request = self.get("/v1/coordinate/nodes").options(options);
        request.send_ok().await?.list().await
    }

    /// The coordinates of all servers in the WAN pool, by datacenter.
    pub async fn coordinate_datacenters(&self) -> Result<Vec<DatacenterCoordinates>, ApiError> {
        let request = self.get("/v1/coordinate/datacenters");
        request.send_ok().await?.json().await
    }
}
