//! What operators ask of the servers: who leads, who votes, and how well they are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::agent::raft::{LeaderChange, Raft};
use crate::model::access::{Requirement, Resource};
use crate::model::raft::{
    AutopilotServer, AutopilotState, LeaderChangeRecord, OperatorHealth, RaftConfiguration,
    ServerHealth, ServerStatus,
};

use super::forward::{Errand, Left, name_of};
use super::net::BoxFuture;
use super::wire::operator::{
    AUTOPILOT_STATE, LEADER_CHANGES, RAFT_GET_CONFIGURATION, RAFT_REMOVE_PEER_BY_ADDRESS,
    RAFT_REMOVE_PEER_BY_ID, RemovePeerRequest, SERVER_HEALTH, TRANSFER_LEADER,
    TransferLeaderRequest, decode_health, decode_leader_changes, decode_raft_configuration,
};
use super::wire::{
    DialectError, Nothing, ReadOptions, decode_autopilot_state, encode_read, encode_write,
};
use super::{Consistency, QueryOptions, Rpc, RpcError, WriteOptions};

/// How an operator names a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerName {
    /// By its node UUID.
    Id(String),
    /// By its RPC address.
    Address(String),
}

/// How the server that is asked answers. Boxed, so that futures that wait for it can be sent whatever they borrow.
pub(super) type AnswerHere<T> =
    Box<dyn FnMut(Rpc, Raft) -> BoxFuture<'static, Result<T, RpcError>> + Send + Sync>;

/// A call with one answer, which the leader gives.
pub(super) struct Ask<T> {
    pub(super) method: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) is_read: bool,
    /// Whether any server may answer.
    pub(super) is_stale: bool,
    pub(super) answer: fn(&[u8]) -> Result<T, DialectError>,
    /// The answer of the server that is asked.
    pub(super) here: AnswerHere<T>,
}

impl<T: Send> Errand for Ask<T> {
    type Answer = T;

    fn is_read(&self) -> bool {
        self.is_read
    }

    fn is_stale(&self) -> bool {
        self.is_stale
    }

    async fn ask(
        &self,
        rpc: &Rpc,
        server: SocketAddr,
        _: Left,
        limit: Duration,
    ) -> Result<T, RpcError> {
        let pool = &rpc.shared.pool;
        let reply = pool.call(server, self.method, &self.body, limit).await?;
        Ok((self.answer)(&reply)?)
    }

    async fn here(&mut self, rpc: &Rpc, raft: &Raft, _: Left) -> Result<T, RpcError> {
        (self.here)(rpc.clone(), raft.clone()).await
    }
}

impl Rpc {
    /// Raft's servers, with the names that gossip knows (Consul's `Operator.RaftGetConfiguration`). The leader is
    /// asked unless the options allow a stale answer.
    ///
    /// # Errors
    /// As [`Rpc::query`].
    pub async fn raft_configuration(
        &self,
        options: &QueryOptions,
    ) -> Result<RaftConfiguration, RpcError> {
        let body = self.operator_read(options)?;
        let token = options.token.clone();
        self.carry(Ask {
            method: RAFT_GET_CONFIGURATION,
            body,
            is_read: true,
            is_stale: options.consistency == Consistency::Stale,
            answer: decode_raft_configuration,
            here: Box::new(move |rpc: Self, raft: Raft| {
                let configuration = rpc.authorize(&token, &operator_read()).map(|()| {
                    let names = rpc.names();
                    let mut configuration = raft.configuration();
                    for server in &mut configuration.servers {
                        server.node = name_of(&names, &server.id);
                    }
                    configuration
                });
                Box::pin(std::future::ready(configuration)) as BoxFuture<'static, _>
            }),
        })
        .await
    }

    /// The changes of leader that a server saw since it started, newest last: this one, or for a client any. Servers may
    /// have seen different ones.
    ///
    /// # Errors
    /// As [`Rpc::query`].
    pub async fn leader_changes(
        &self,
        options: &QueryOptions,
    ) -> Result<Vec<LeaderChangeRecord>, RpcError> {
        let body = self.operator_read(options)?;
        let token = options.token.clone();
        self.carry(Ask {
            method: LEADER_CHANGES,
            body,
            is_read: true,
            is_stale: true,
            answer: decode_leader_changes,
            here: Box::new(move |rpc: Self, raft: Raft| {
                let allowed = rpc.authorize(&token, &operator_read());
                let changes = allowed.map(|()| raft.history().into_iter().map(record).collect());
                Box::pin(std::future::ready(changes)) as BoxFuture<'static, _>
            }),
        })
        .await
    }

    /// Removes a server from raft (Consul's `Operator.RaftRemovePeerByID` and `…ByAddress`).
    ///
    /// # Errors
    /// When it is not known, in Consul's words; else as [`Rpc::write`].
    pub async fn remove_peer(
        &self,
        options: &WriteOptions,
        peer: &PeerName,
    ) -> Result<(), RpcError> {
        self.route(&options.datacenter)?;
        let mut request = RemovePeerRequest::default();
        let method = match peer {
            PeerName::Id(id) => {
                request.id.clone_from(id);
                RAFT_REMOVE_PEER_BY_ID
            }
            PeerName::Address(address) => {
                request.address.clone_from(address);
                RAFT_REMOVE_PEER_BY_ADDRESS
            }
        };
        let token = options.token.clone();
        let peer = peer.clone();
        self.carry(Ask {
            method,
            body: encode_write(&self.wire_options(options), &request)?,
            is_read: false,
            is_stale: false,
            answer: |_| Ok(()),
            here: Box::new(move |rpc: Self, raft: Raft| {
                let (token, peer) = (token.clone(), peer.clone());
                Box::pin(async move {
                    rpc.authorize(&token, &operator_write())?;
                    let id = find(&raft.configuration(), &peer)?;
                    Ok(raft.remove_server(&id).await?)
                }) as BoxFuture<'static, _>
            }),
        })
        .await
    }

    /// Hands the leadership to another server: the one with this UUID, or the most caught-up one
    /// (`Operator.TransferLeader`).
    ///
    /// # Errors
    /// When that server cannot take it; else as [`Rpc::write`].
    pub async fn transfer_leader(
        &self,
        options: &WriteOptions,
        to: Option<&str>,
    ) -> Result<(), RpcError> {
        self.route(&options.datacenter)?;
        let request = TransferLeaderRequest {
            id: to.unwrap_or_default().to_owned(),
        };
        let token = options.token.clone();
        let to = to.map(str::to_owned);
        self.carry(Ask {
            method: TRANSFER_LEADER,
            body: encode_write(&self.wire_options(options), &request)?,
            is_read: false,
            is_stale: false,
            answer: |_| Ok(()),
            here: Box::new(move |rpc: Self, raft: Raft| {
                let (token, to) = (token.clone(), to.clone());
                Box::pin(async move {
                    rpc.authorize(&token, &operator_write())?;
                    if to.as_deref() == Some(raft.own_id()) {
                        return Err(RpcError::Refused(
                            "cannot transfer leadership to itself".to_owned(),
                        ));
                    }
                    let limit = rpc.shared.settings.hold_timeout;
                    let moved = raft.transfer_leader(to.as_deref(), limit).await;
                    Ok(moved.map(drop)?)
                }) as BoxFuture<'static, _>
            }),
        })
        .await
    }

    /// How well the servers are, as the leader's autopilot sees it (`Operator.AutopilotState`). Servers of the
    /// reference before 1.9 do not have that method: they are asked for `Operator.ServerHealth`, which does not tell of metadata
    /// and types of servers, so that these stay empty.
    ///
    /// # Errors
    /// As [`Rpc::query`].
    pub async fn autopilot_state(
        &self,
        options: &QueryOptions,
    ) -> Result<Arc<AutopilotState>, RpcError> {
        let body = self.operator_read(options)?;
        let asked = self
            .carry(Ask {
                method: AUTOPILOT_STATE,
                body: body.clone(),
                is_read: true,
                is_stale: false,
                answer: |reply| decode_autopilot_state(reply).map(Arc::new),
                here: autopilot_here(options.token.clone()),
            })
            .await;
        match asked {
            Err(error) if error.is_unknown_method() => {}
            known => return known,
        }
        self.carry(Ask {
            method: SERVER_HEALTH,
            body,
            is_read: true,
            is_stale: false,
            answer: |reply| decode_health(reply).map(state_of).map(Arc::new),
            here: autopilot_here(options.token.clone()),
        })
        .await
    }

    /// Called by the leader's autopilot whenever it has looked; `None` when this server stops leading.
    pub fn report_autopilot(&self, state: Option<AutopilotState>) {
        self.shared.autopilot.store(state.map(Arc::new));
    }

    /// The request of an operator's read, in this datacenter.
    fn operator_read(&self, options: &QueryOptions) -> Result<Vec<u8>, RpcError> {
        self.route(&options.datacenter)?;
        self.read_nothing(options)
    }

    /// A read's request without fields of its own.
    pub(super) fn read_nothing(&self, options: &QueryOptions) -> Result<Vec<u8>, RpcError> {
        let options = ReadOptions {
            query: QueryOptions {
                datacenter: self.datacenter().to_owned(),
                ..options.clone()
            },
            ..ReadOptions::default()
        };
        Ok(encode_read(&options, &Nothing {})?)
    }
}

fn operator_read() -> Requirement<'static> {
    Requirement::read(Resource::Operator, &[])
}

fn operator_write() -> Requirement<'static> {
    Requirement::write(Resource::Operator, &[])
}

/// A change of leader as operators see it.
fn record(change: LeaderChange) -> LeaderChangeRecord {
    let at = jiff::Timestamp::try_from(change.at).unwrap_or_default();
    let (leader_id, leader_address) = change
        .leader
        .map(|leader| (leader.id, leader.address))
        .unwrap_or_default();
    LeaderChangeRecord {
        time: at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        term: change.term,
        leader_id,
        leader_address,
        reason: change.reason.to_owned(),
    }
}

/// What autopilot saw last. A leader that has not looked yet answers with nothing, as Consul's does.
fn autopilot_here(token: String) -> AnswerHere<Arc<AutopilotState>> {
    Box::new(move |rpc, _| {
        let allowed = rpc.authorize(&token, &operator_read());
        let state = allowed.map(|()| rpc.shared.autopilot.load_full().unwrap_or_default());
        Box::pin(std::future::ready(state))
    })
}

/// The UUID of the server that an operator means.
fn find(configuration: &RaftConfiguration, peer: &PeerName) -> Result<String, RpcError> {
    let mut servers = configuration.servers.iter();
    let (found, what, value) = match peer {
        PeerName::Id(id) => (servers.find(|server| server.id == *id), "id", id),
        PeerName::Address(address) => {
            let found = servers.find(|server| server.address == *address);
            (found, "address", address)
        }
    };
    found.map(|server| server.id.clone()).ok_or_else(|| {
        RpcError::Refused(format!(
            "{what} {value:?} was not found in the Raft configuration"
        ))
    })
}

/// What the health of the servers tells of autopilot's state.
fn state_of(health: OperatorHealth) -> AutopilotState {
    let leader = health.servers.iter().find(|server| server.leader);
    let voters = health.servers.iter().filter(|server| server.voter);
    AutopilotState {
        healthy: health.healthy,
        failure_tolerance: health.failure_tolerance,
        optimistic_failure_tolerance: health.failure_tolerance,
        leader: leader.map_or_else(String::new, |leader| leader.id.clone()),
        voters: voters.map(|voter| voter.id.clone()).collect(),
        servers: health
            .servers
            .into_iter()
            .map(|server| (server.id.clone(), server_of(server)))
            .collect(),
    }
}

fn server_of(health: ServerHealth) -> AutopilotServer {
    AutopilotServer {
        status: match (health.leader, health.voter) {
            (true, _) => ServerStatus::Leader,
            (false, true) => ServerStatus::Voter,
            (false, false) => ServerStatus::NonVoter,
        },
        id: health.id,
        name: health.name,
        address: health.address,
        node_status: health.serf_status,
        version: health.version,
        last_contact: health.last_contact,
        last_term: health.last_term,
        last_index: health.last_index,
        healthy: health.healthy,
        stable_since: health.stable_since,
        ..AutopilotServer::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::agent::raft::Leader;
    use crate::model::raft::RaftServer;

    #[test]
    fn an_unknown_peer_is_refused_in_consuls_words() {
        let configuration = RaftConfiguration {
            servers: vec![RaftServer {
                id: "a".to_owned(),
                address: "10.0.0.1:8300".to_owned(),
                ..RaftServer::default()
            }],
            index: 0,
        };
        let found = |peer| find(&configuration, &peer).map_err(|error| error.to_string());
        let by_address = PeerName::Address("10.0.0.1:8300".to_owned());
        assert_eq!(found(by_address), Ok("a".to_owned()));
        assert_eq!(found(PeerName::Id("a".to_owned())), Ok("a".to_owned()));
        for (peer, text) in [
            (
                PeerName::Id("zz".to_owned()),
                "id \"zz\" was not found in the Raft configuration",
            ),
            (
                PeerName::Address("zz".to_owned()),
                "address \"zz\" was not found in the Raft configuration",
            ),
        ] {
            assert_eq!(found(peer), Err(text.to_owned()));
        }
    }

    #[test]
    fn a_state_is_made_of_what_older_servers_tell() {
        let server = |id: &str, leader, voter| ServerHealth {
            id: id.to_owned(),
            serf_status: "alive".to_owned(),
            leader,
            voter,
            healthy: true,
            ..ServerHealth::default()
        };
        let state = state_of(OperatorHealth {
            healthy: true,
            failure_tolerance: 1,
            servers: vec![
                server("a", false, true),
                server("b", true, true),
                server("c", false, false),
            ],
        });
        assert_eq!((state.leader.as_str(), state.failure_tolerance), ("b", 1));
        assert_eq!(state.voters, ["a", "b"]);
        let statuses: Vec<ServerStatus> = state.servers.values().map(|s| s.status).collect();
        let expected = [
            ServerStatus::Voter,
            ServerStatus::Leader,
            ServerStatus::NonVoter,
        ];
        assert_eq!(statuses, expected);
        assert_eq!(state.servers["a"].node_status, "alive");
        assert!(state.servers["a"].meta.is_empty());
    }

    #[test]
    fn a_change_of_leader_is_a_row() {
        let change = LeaderChange {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_600_000_000_042),
            term: 7,
            leader: Some(Leader {
                id: "i".to_owned(),
                address: "10.0.0.1:8300".to_owned(),
            }),
            reason: "another server won the election",
        };
        let text = serde_json::to_string(&record(change.clone())).unwrap();
        let expected = r#"{"Time":"2020-09-13T12:26:40.042Z","Term":7,"LeaderID":"i","LeaderAddress":"10.0.0.1:8300","Reason":"another server won the election"}"#;
        assert_eq!(text, expected);
        let lost = LeaderChange {
            leader: None,
            ..change
        };
        assert_eq!(record(lost).leader_id, "");
    }
}
