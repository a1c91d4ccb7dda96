//! `Catalog`, `Health` and `Coordinate`.

use crate::agent::rpc::wire::catalog::{
    NodeRequest, ServiceNodesCall, ServiceNodesReply, ServiceRequest, decode_service_nodes,
    encode_node_services,
};
use crate::agent::rpc::wire::health::InstancesReply;
use crate::agent::rpc::wire::{
    ReadOptions, RemoteQuery as _, catalog, coordinate, decode_read, encode, encode_answer, health,
};
use crate::agent::store::{
    ChecksInState, ChecksOfNode, ChecksOfService, CoordinatesOfNodes, ListNodes, ListServices,
    NodeWithServices, Query as _, ServiceInstances,
};
use crate::model::filter;

use super::dispatcher::{Answer, Dispatcher, failed, unknown};
use super::reads::{Rows as _, filter_of};

impl Dispatcher {
    /// `Catalog`.
    pub(super) async fn catalog(&self, method: &str, body: &[u8]) -> Answer {
        match method {
            catalog::REGISTER | catalog::DEREGISTER => self.write(method, body).await,
            ListNodes::METHOD => {
                self.read_rows::<ListNodes>(body, &filter::CATALOG_NODE)
                    .await
            }
            ListServices::METHOD => self.read::<ListServices>(body).await,
            catalog::SERVICE_NODES => self.service_nodes(body).await,
            catalog::NODE_SERVICES => self.node_services(body).await,
            catalog::NODE_SERVICE_LIST => {
                self.read_rows::<NodeWithServices>(body, &filter::NODE_SERVICE)
                    .await
            }
            catalog::LIST_DATACENTERS => self.datacenters(),
            "Catalog.GatewayServices" => self.no_rows(body, "Services").await,
            _ => Err(unknown(method)),
        }
    }

    async fn service_nodes(&self, body: &[u8]) -> Answer {
        let (options, call) = decode_service_nodes(body)?;
        let filter = filter_of(&options, &filter::CATALOG_SERVICE)?;
        let (meta, rows) = match call {
            ServiceNodesCall::Service(query) => {
                self.rpc.count_service_query(&query.service);
                let (meta, instances) = self.query(&options, &query).await?;
                (meta, ServiceNodesReply::new(&instances).service_nodes)
            }
            ServiceNodesCall::Address(query) => self.query(&options, &query).await?,
        };
        let service_nodes = rows.keep(&filter);
        Ok(encode_answer(&meta, &ServiceNodesReply { service_nodes })?)
    }

    async fn node_services(&self, body: &[u8]) -> Answer {
        let (options, request): (_, NodeRequest) = decode_read(body)?;
        let query = NodeWithServices::from_request(request)?;
        let filter = filter_of(&options, &filter::NODE_SERVICE)?;
        let (meta, answer) = self.query(&options, &query).await?;
        Ok(encode_node_services(&meta, answer.keep(&filter).as_ref())?)
    }

    fn datacenters(&self) -> Answer {
        let known = match &self.federation {
            Some(federation) => federation.datacenters(),
            None => vec![self.rpc.datacenter().to_owned()],
        };
        Ok(encode(&known)?)
    }

    /// `Health`.
    pub(super) async fn health(&self, method: &str, body: &[u8]) -> Answer {
        match method {
            health::SERVICE_NODES => self.health_of_service(body).await,
            ChecksOfNode::METHOD => {
                self.read_rows::<ChecksOfNode>(body, &filter::HEALTH_CHECK)
                    .await
            }
            ChecksOfService::METHOD => {
                self.read_rows::<ChecksOfService>(body, &filter::HEALTH_CHECK)
                    .await
            }
            ChecksInState::METHOD => self.checks_in_state(body).await,
            _ => Err(unknown(method)),
        }
    }

    async fn health_of_service(&self, body: &[u8]) -> Answer {
        let (options, request): (_, ServiceRequest) = decode_read(body)?;
        let query = ServiceInstances::from_request(request)?;
        let filter = filter_of(&options, &filter::HEALTH_ENTRY)?;
        let (meta, instances) = self.query(&options, &query).await?;
        let reply = InstancesReply::new(instances.keep(&filter));
        Ok(encode_answer(&meta, &reply)?)
    }

    /// A state that is none of Consul's has no checks.
    async fn checks_in_state(&self, body: &[u8]) -> Answer {
        let (options, query) = health::decode_state(body)?;
        let filter = filter_of(&options, &filter::HEALTH_CHECK)?;
        let known = query.is_some();
        let (meta, checks) = self.query(&options, &query.unwrap_or_default()).await?;
        let checks = if known { checks.keep(&filter) } else { vec![] };
        Ok(ChecksInState::encode_reply(&meta, checks)?)
    }

    /// `Coordinate`.
    pub(super) async fn coordinate(&self, method: &str, body: &[u8]) -> Answer {
        match method {
            coordinate::UPDATE => self.write(method, body).await,
            CoordinatesOfNodes::METHOD => {
                let (options, _) = CoordinatesOfNodes::decode_request(body)?;
                self.coordinates(&options, None).await
            }
            coordinate::NODE => {
                let (options, request): (_, NodeRequest) = decode_read(body)?;
                self.coordinates(&options, Some(request.node)).await
            }
            coordinate::LIST_DATACENTERS => self.coordinates_of_datacenters().await,
            _ => Err(unknown(method)),
        }
    }

    async fn coordinates(&self, options: &ReadOptions, node: Option<String>) -> Answer {
        let (meta, found) = self.query(options, &CoordinatesOfNodes { node }).await?;
        Ok(CoordinatesOfNodes::encode_reply(&meta, found)?)
    }

    async fn coordinates_of_datacenters(&self) -> Answer {
        let maps = match &self.federation {
            Some(federation) => federation.coordinates().await.map_err(failed)?,
            None => Vec::new(),
        };
        Ok(coordinate::encode_datacenters(&maps)?)
    }
}
