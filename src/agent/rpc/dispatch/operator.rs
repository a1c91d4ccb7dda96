//! `Status`, `Operator` and `Internal`.

use std::time::Duration;

use bytes::Bytes;

use crate::agent::rpc::wire::catalog::NodeRequest;
use crate::agent::rpc::wire::internal::{DumpReply, EventFireRequest, NodeInfo};
use crate::agent::rpc::wire::operator::{RemovePeerRequest, TransferLeaderRequest};
use crate::agent::rpc::wire::status::PromiseRequest;
use crate::agent::rpc::wire::{
    Nothing, ReadOptions, decode_read, decode_request, decode_write, encode, encode_answer,
    encode_autopilot_state, internal, operator, status,
};
use crate::agent::rpc::{Consistency, PeerName, QueryMeta};
use crate::agent::store::{AutopilotQuery, NodeDump, Query as _, ServiceDump};
use crate::model::access::{Requirement, Resource};
use crate::model::filter;
use crate::model::raft::{
    AutopilotServer, AutopilotState, OperatorHealth, ServerHealth, ServerStatus,
};

use super::dispatcher::{Answer, Dispatcher, failed, unknown};
use super::reads::{Rows as _, filter_of};

impl Dispatcher {
    /// `Status`: what this very server sees. What is asked for another datacenter is not told apart: there is none.
    pub(super) fn status(&self, method: &str, body: &[u8]) -> Answer {
        let raft = self.rpc.raft()?;
        match method {
            status::PING => Ok(encode(&Nothing {})?),
            status::LEADER => {
                let leader = raft.leader().map(|leader| leader.address);
                Ok(status::encode_leader(&leader.unwrap_or_default())?)
            }
            status::PEERS => {
                let servers = raft.configuration().servers;
                let addresses = servers.into_iter().map(|server| server.address);
                Ok(status::encode_peers(&addresses.collect::<Vec<_>>())?)
            }
            status::RAFT_STATS => Ok(encode(&self.rpc.own_raft_stats()?)?),
            status::FOUNDING_PROMISE => {
                let request: PromiseRequest = decode_request(body)?;
                Ok(encode(&self.rpc.promise(&request.servers)?)?)
            }
            _ => Err(unknown(method)),
        }
    }

    /// `Operator`.
    pub(super) async fn operator(&self, method: &str, body: &[u8]) -> Answer {
        match method {
            operator::RAFT_GET_CONFIGURATION => {
                let (options, Nothing {}) = decode_read(body)?;
                let configuration = self.rpc.raft_configuration(&options.query).await?;
                Ok(operator::encode_raft_configuration(&configuration)?)
            }
            operator::LEADER_CHANGES => {
                let (options, Nothing {}) = decode_read(body)?;
                Ok(encode(&self.rpc.leader_changes(&options.query).await?)?)
            }
            operator::RAFT_REMOVE_PEER_BY_ADDRESS | operator::RAFT_REMOVE_PEER_BY_ID => {
                self.remove_peer(method, body).await
            }
            operator::TRANSFER_LEADER => {
                let (options, request): (_, TransferLeaderRequest) = decode_write(body)?;
                let to = Some(request.id.as_str()).filter(|id| !id.is_empty());
                self.rpc.transfer_leader(&options, to).await?;
                Ok(encode(&Nothing {})?)
            }
            AutopilotQuery::METHOD => self.read::<AutopilotQuery>(body).await,
            operator::AUTOPILOT_SET_CONFIGURATION => self.write(method, body).await,
            operator::AUTOPILOT_STATE => {
                let (options, Nothing {}) = decode_read(body)?;
                let state = self.rpc.autopilot_state(&options.query).await?;
                Ok(encode_autopilot_state(&state)?)
            }
            operator::SERVER_HEALTH => {
                let (options, Nothing {}) = decode_read(body)?;
                let state = self.rpc.autopilot_state(&options.query).await?;
                Ok(operator::encode_health(&health_of(&state))?)
            }
            _ => Err(unknown(method)),
        }
    }

    async fn remove_peer(&self, method: &str, body: &[u8]) -> Answer {
        let (options, request): (_, RemovePeerRequest) = decode_write(body)?;
        let peer = if method == operator::RAFT_REMOVE_PEER_BY_ID {
            PeerName::Id(request.id)
        } else {
            PeerName::Address(request.address)
        };
        self.rpc.remove_peer(&options, &peer).await?;
        Ok(encode(&Nothing {})?)
    }

    /// `Internal`.
    pub(super) async fn internal(&self, method: &str, body: &[u8]) -> Answer {
        match method {
            internal::NODE_INFO => {
                let (options, request): (_, NodeRequest) = decode_read(body)?;
                self.dump(&options, Some(request.node)).await
            }
            internal::NODE_DUMP => {
                let (options, Nothing {}) = decode_read(body)?;
                self.dump(&options, None).await
            }
            internal::SERVICE_DUMP => {
                self.read_rows::<ServiceDump>(body, &filter::HEALTH_ENTRY)
                    .await
            }
            internal::EVENT_FIRE => self.fire(body).await,
            internal::KEYRING_OPERATION => {
                Err(failed("keyring operations must run against a server node"))
            }
            "Internal.GatewayServiceDump" => self.no_rows(body, "Dump").await,
            _ => Err(unknown(method)),
        }
    }

    async fn dump(&self, options: &ReadOptions, node: Option<String>) -> Answer {
        let filter = filter_of(options, &filter::NODE_INFO)?;
        let (meta, found) = self.query(options, &NodeDump { node }).await?;
        let rows: Vec<NodeInfo> = found.iter().map(NodeInfo::from).collect();
        let dump = rows.keep(&filter);
        Ok(encode_answer(&meta, &DumpReply { dump })?)
    }

    async fn fire(&self, body: &[u8]) -> Answer {
        let (options, request): (ReadOptions, EventFireRequest) = decode_read(body)?;
        self.rpc.route(&options.query.datacenter)?;
        let requirement = Requirement::write(Resource::Event, request.name.as_bytes());
        self.rpc.authorize(&options.query.token, &requirement)?;
        let payload = Bytes::from(request.payload.into_vec());
        let fired = self.events.fire(request.name, payload).await;
        fired.map_err(failed)?;
        let raft = self.rpc.raft()?;
        let meta = QueryMeta {
            index: 0,
            known_leader: raft.knows_leader(),
            last_contact_ms: millis(raft.last_contact().unwrap_or_default()),
            consistency: Consistency::Default,
            generation: 0,
        };
        Ok(encode_answer(&meta, &Nothing {})?)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Autopilot's state in the older form.
fn health_of(state: &AutopilotState) -> OperatorHealth {
    let server = |server: &AutopilotServer| ServerHealth {
        id: server.id.clone(),
        name: server.name.clone(),
        address: server.address.clone(),
        serf_status: server.node_status.clone(),
        version: server.version.clone(),
        leader: server.status == ServerStatus::Leader,
        last_contact: server.last_contact,
        last_term: server.last_term,
        last_index: server.last_index,
        healthy: server.healthy,
        voter: server.status != ServerStatus::NonVoter,
        stable_since: server.stable_since.clone(),
    };
    OperatorHealth {
        healthy: state.healthy,
        failure_tolerance: state.failure_tolerance,
        servers: state.servers.values().map(server).collect(),
    }
}
