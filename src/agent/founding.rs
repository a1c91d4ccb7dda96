//! Forms a cluster once the expected servers are known (`-bootstrap-expect`).

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tracing::{error, info, warn};

use crate::agent::gossip::GossipHandle;
use crate::agent::membership::{Founding, ServerInfo, founding};
use crate::agent::raft::{Peer, Raft};
use crate::agent::rpc::{Rpc, Server};

/// Time between two looks when no member changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longest wait for another server's answer.
const ANSWER: Duration = Duration::from_secs(2);

/// Who this server is, and how many it waits for.
#[derive(Debug, Clone)]
pub(super) struct Founder {
    pub(super) id: String,
    /// Its RPC address.
    pub(super) address: String,
    pub(super) datacenter: String,
    /// 1 for a server that needs nobody, and still asks those whom it joins.
    pub(super) expect: u32,
}

/// What came of asking the others.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The cluster is formed.
    Formed,
    /// There is one already, which will take this server in.
    Exists,
    /// Not now.
    Later,
}

/// How long a server that needs nobody looks for others first: Consul's takes as long before its first election.
const ALONE_AFTER: Duration = Duration::from_secs(3);

/// Forms a cluster of one, unless somebody whom this server has joined is in a cluster: then it waits to be taken in.
async fn found_alone(raft: &Raft, rpc: &Rpc, lan: &GossipHandle, own: &Founder) {
    let began = Instant::now();
    let mut changes = lan.changes();
    while !is_in_cluster(raft) {
        changes.mark_unchanged();
        let members = lan.members();
        let others = members.iter().filter_map(ServerInfo::of).filter(|server| {
            server.id != own.id && server.is_present() && server.datacenter == own.datacenter
        });
        let mut all_are_free = true;
        for server in others {
            match rpc.peers_of(&to_ask(&server), ANSWER).await {
                Ok(peers) if peers.is_empty() => {}
                Ok(_) => {
                    info!(
                        target: "agent.server", server = server.name,
                        "Existing Raft peers reported by server, disabling bootstrap mode"
                    );
                    return;
                }
                Err(error) => {
                    unconfirmed(&server, &error);
                    all_are_free = false;
                }
            }
        }
        if all_are_free && began.elapsed() >= ALONE_AFTER {
            let peer = Peer {
                id: own.id.clone(),
                address: own.address.clone(),
            };
            if let Err(error) = raft.bootstrap(&[peer]).await {
                error!(target: "agent.server", %error, "Failed to bootstrap cluster");
            }
        }
        // The pool may end; the agent is about to, then.
        let _ = timeout(LOOK_EVERY, changes.changed()).await;
    }
}

/// Looks at the members until this server is in a cluster, and forms one when it is its turn.
pub(super) async fn found(raft: Raft, rpc: Rpc, lan: GossipHandle, own: Founder) {
    if own.expect == 1 {
        return found_alone(&raft, &rpc, &lan, &own).await;
    }
    let mut changes = lan.changes();
    let mut complained = None;
    while !is_in_cluster(&raft) {
        changes.mark_unchanged();
        let servers: Vec<ServerInfo> = lan.members().iter().filter_map(ServerInfo::of).collect();
        match founding(&own.id, &own.datacenter, own.expect, &servers) {
            Founding::Ours(servers) => {
                complained = None;
                match form(&raft, &rpc, &own, &servers).await {
                    Outcome::Formed | Outcome::Exists => return,
                    Outcome::Later => {}
                }
            }
            Founding::Conflict { member, why } => {
                let complaint = Some((member.clone(), why));
                if complained != complaint {
                    error!(target: "agent.server", member, "{why}");
                    complained = complaint;
                }
            }
            Founding::Wait | Founding::Theirs => complained = None,
        }
        // The pool may end; the agent is about to, then.
        let _ = timeout(LOOK_EVERY, changes.changed()).await;
    }
}

fn is_in_cluster(raft: &Raft) -> bool {
    raft.has_servers()
}

/// Asks all others whether they are free, and forms the cluster when they are.
async fn form(raft: &Raft, rpc: &Rpc, own: &Founder, servers: &[ServerInfo]) -> Outcome {
    let ids: Vec<String> = servers.iter().map(|server| server.id.clone()).collect();
    let began = Instant::now();
    if !matches!(rpc.promise(&ids), Ok(true)) {
        return Outcome::Later;
    }
    for server in servers.iter().filter(|server| server.id != own.id) {
        let asked = to_ask(server);
        match rpc.peers_of(&asked, ANSWER).await {
            Ok(peers) if peers.is_empty() => {}
            Ok(_) => {
                info!(
                    target: "agent.server", server = server.name,
                    "Existing Raft peers reported by server, disabling bootstrap mode"
                );
                return Outcome::Exists;
            }
            Err(error) => return unconfirmed(server, &error),
        }
        match rpc.promise_of(&asked, &ids, ANSWER).await {
            Ok(true) => {}
            Ok(false) => return Outcome::Later,
            Err(error) => return unconfirmed(server, &error),
        }
    }
    if began.elapsed() > Rpc::FOUNDING_TIME {
        return Outcome::Later;
    }
    let peers: Vec<Peer> = servers.iter().map(peer).collect();
    let addresses: Vec<&str> = peers.iter().map(|peer| peer.address.as_str()).collect();
    info!(
        target: "agent.server", peers = addresses.join(","),
        "Found expected number of peers, attempting bootstrap"
    );
    if let Err(error) = raft.bootstrap(&peers).await {
        error!(target: "agent.server", %error, "Failed to bootstrap cluster");
        sleep(LOOK_EVERY).await;
        return Outcome::Later;
    }
    Outcome::Formed
}

fn unconfirmed(server: &ServerInfo, error: &impl std::fmt::Display) -> Outcome {
    warn!(
        target: "agent.server", server = server.name, next_retry = ?LOOK_EVERY, %error,
        "Failed to confirm peer status for server (will retry)."
    );
    Outcome::Later
}

fn to_ask(server: &ServerInfo) -> Server {
    Server {
        id: server.id.clone(),
        name: server.name.clone(),
        address: server.rpc,
    }
}

fn peer(server: &ServerInfo) -> Peer {
    Peer {
        id: server.id.clone(),
        address: server.rpc.to_string(),
    }
}
