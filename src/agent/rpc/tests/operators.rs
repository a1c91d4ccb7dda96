//! What operators ask, wherever they ask it.

use tokio::io::AsyncReadExt as _;

use super::cluster::{Cluster, HOLD, LONG, get, put, with};
use crate::agent::rpc::{Consistency, PeerName, QueryOptions, WriteOptions};
use crate::agent::store::CoordinatesOfNodes;
use crate::model::coordinate::NodeCoordinate;
use crate::model::raft::AutopilotState;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_agent_knows_the_servers() {
    let cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    let client = cluster.client();
    let address = cluster.nodes[leader].server.address.to_string();
    let options = QueryOptions::default();
    let state = AutopilotState {
        failure_tolerance: 1,
        optimistic_failure_tolerance: 1,
        healthy: true,
        ..AutopilotState::default()
    };
    let agents = cluster.nodes.iter().map(|node| &node.rpc).chain([&client]);
    for rpc in agents.clone() {
        assert_eq!(
            *rpc.autopilot_state(&options).await.unwrap(),
            AutopilotState::default()
        );
    }
    let leading = &cluster.nodes[leader].rpc;
    leading.report_autopilot(Some(state.clone()));
    for rpc in agents {
        let known = rpc.leader_address(&options).await.unwrap();
        assert_eq!(known.as_deref(), Some(address.as_str()));
        assert_eq!(rpc.peer_addresses(&options).await.unwrap().len(), 3);
        for consistency in [Consistency::Default, Consistency::Stale] {
            let configuration = rpc.raft_configuration(&with(consistency)).await.unwrap();
            let mut names: Vec<&str> = configuration
                .servers
                .iter()
                .map(|s| s.node.as_str())
                .collect();
            names.sort_unstable();
            assert_eq!(names, ["s0", "s1", "s2"]);
            let leads = configuration.servers.iter().find(|server| server.leader);
            assert_eq!(
                leads.map(|server| server.address.as_str()),
                Some(address.as_str())
            );
        }
        assert_eq!(*rpc.autopilot_state(&options).await.unwrap(), state);
        for node in &cluster.nodes {
            let stats = rpc.raft_stats_of(&node.server, LONG).await.unwrap();
            assert!(stats.last_index > 0 && stats.last_term > 0, "{stats:?}");
            assert_eq!(
                stats.last_contact == "0",
                node.raft.is_leader(),
                "{stats:?}"
            );
            assert_eq!(rpc.peers_of(&node.server, LONG).await.unwrap().len(), 3);
        }
    }
    leading.set_servers(Vec::new());
    let nameless = leading.raft_configuration(&options).await.unwrap();
    assert!(
        nameless
            .servers
            .iter()
            .all(|server| server.node == "(unknown)")
    );
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_moves_the_leadership_and_removes_a_server() {
    let cluster = Cluster::start(3).await;
    let client = cluster.client();
    let options = WriteOptions::default();
    let old = cluster.leader().await;
    let to = cluster.followers().await[1];
    let id = cluster.nodes[to].server.id.clone();
    client.transfer_leader(&options, Some(&id)).await.unwrap();
    cluster.all_follow(to).await;
    assert_eq!(cluster.leader().await, to);
    let of_leader = cluster.client_of(&[to], HOLD);
    let refused = of_leader
        .transfer_leader(&options, Some(&id))
        .await
        .unwrap_err();
    let expected = "rpc error making call: cannot transfer leadership to itself";
    assert_eq!(refused.to_string(), expected);
    let unknown = PeerName::Id("zz".to_owned());
    let refused = of_leader.remove_peer(&options, &unknown).await.unwrap_err();
    let expected = "rpc error making call: id \"zz\" was not found in the Raft configuration";
    assert_eq!(refused.to_string(), expected);
    let removed = PeerName::Address(cluster.nodes[old].server.address.to_string());
    client.remove_peer(&options, &removed).await.unwrap();
    let configuration = client
        .raft_configuration(&QueryOptions::default())
        .await
        .unwrap();
    assert_eq!(configuration.servers.len(), 2);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coordinate_reaches_the_leader() {
    let cluster = Cluster::start(1).await;
    let client = cluster.client();
    let update = NodeCoordinate {
        node: "n".to_owned(),
        ..NodeCoordinate::default()
    };
    client
        .update_coordinate(&WriteOptions::default(), update)
        .await
        .unwrap();
    // It is written with the next batch only, which nobody makes here.
    let all = CoordinatesOfNodes { node: None };
    let (found, _) = client.query(&QueryOptions::default(), &all).await.unwrap();
    assert!(found.is_empty());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_goes_through_any_agent() {
    let cluster = Cluster::start(3).await;
    let follower = &cluster.nodes[cluster.followers().await[0]].rpc;
    let client = cluster.client();
    for (n, rpc) in [follower, &client].into_iter().enumerate() {
        let key = format!("k{n}");
        put(rpc, &key, "kept").await.unwrap();
        for consistency in [Consistency::Stale, Consistency::Default] {
            let (meta, mut reader) = rpc.save_snapshot(&with(consistency)).await.unwrap();
            let mut archive = Vec::new();
            reader.read_to_end(&mut archive).await.unwrap();
            assert!(meta.index > 0 && !archive.is_empty());
            if consistency == Consistency::Stale {
                continue;
            }
            put(rpc, &key, "lost").await.unwrap();
            rpc.restore(&WriteOptions::default(), archive)
                .await
                .unwrap();
            let (value, _) = get(rpc, &key, &with(Consistency::Default)).await.unwrap();
            assert_eq!(value.as_deref(), Some("kept"));
        }
        let refused = rpc.restore(&WriteOptions::default(), b"zz".to_vec()).await;
        let expected = "failed to decompress snapshot: unexpected EOF";
        assert_eq!(refused.unwrap_err().to_string(), expected);
    }
    cluster.stop().await;
}
