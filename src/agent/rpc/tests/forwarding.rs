//! The same answers wherever one asks.

use std::time::{Duration, Instant};

use super::cluster::{Cluster, HOLD, LONG, apply, get, put, with};
use crate::agent::rpc::{
    Consistency, KeptKey, QueryOptions, RateLimit, Rpc, RpcError, RpcSettings, WriteOptions,
};
use crate::agent::store::{Command, KvGet, KvVerb};
use crate::agent::telemetry::metrics::Metrics;
use crate::model::access::Requirement;
use crate::model::catalog::{DeregisterRequest, RegisterRequest};
use crate::model::kv::Key;

const ALL: [Consistency; 3] = [
    Consistency::Default,
    Consistency::Consistent,
    Consistency::Stale,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_agent_reads_what_every_agent_wrote() {
    let cluster = Cluster::start(3).await;
    let client = cluster.client();
    let agents: Vec<&Rpc> = cluster
        .nodes
        .iter()
        .map(|n| &n.rpc)
        .chain([&client])
        .collect();
    for (n, writer) in agents.iter().enumerate() {
        let key = format!("k{n}");
        assert_eq!(put(writer, &key, "1").await, Ok(true));
        for reader in &agents {
            for consistency in [Consistency::Default, Consistency::Consistent] {
                let (value, meta) = get(reader, &key, &with(consistency)).await.unwrap();
                assert_eq!(value.as_deref(), Some("1"), "{n} {consistency:?}");
                assert!(meta.index > 1 && meta.known_leader);
                assert_eq!((meta.last_contact_ms, meta.consistency), (0, consistency));
            }
        }
        // A failed condition is an answer, not an error.
        assert_eq!(apply(writer, KvVerb::Cas, &key, "2", 1).await, Ok(false));
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_hop_marks_an_error_once() {
    let cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    let follower = cluster.followers().await[0];
    let of_leader = cluster.client_of(&[leader], HOLD);
    let of_follower = cluster.client_of(&[follower], HOLD);
    let empty = DeregisterRequest::default();
    let nameless = RegisterRequest {
        address: "10.0.0.1".to_owned(),
        ..RegisterRequest::default()
    };
    let options = WriteOptions::default();
    for (rpc, hops) in [
        (&cluster.nodes[leader].rpc, 0),
        (&cluster.nodes[follower].rpc, 1),
        (&of_leader, 1),
        (&of_follower, 2),
    ] {
        let expected = format!(
            "{}Must provide node",
            "rpc error making call: ".repeat(hops)
        );
        for error in [
            rpc.deregister(&options, empty.clone()).await.unwrap_err(),
            rpc.register(&options, nameless.clone()).await.unwrap_err(),
        ] {
            assert_eq!(error.to_string(), expected);
        }
        let elsewhere = QueryOptions {
            datacenter: "dc9".to_owned(),
            ..QueryOptions::default()
        };
        let refused = get(rpc, "k", &elsewhere).await.unwrap_err();
        assert!(refused.is_no_path(), "{refused}");
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_leaders_write_is_refused_at_once_elsewhere() {
    let cluster = Cluster::start(3).await;
    let follower = cluster.followers().await[0];
    let began = Instant::now();
    let refused = cluster.nodes[follower]
        .rpc
        .write(
            &WriteOptions::default(),
            &Requirement::OPEN,
            Command::Barrier,
        )
        .await;
    assert_eq!(refused.unwrap_err().to_string(), "node is not the leader");
    assert!(began.elapsed() < HOLD / 2);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_servers_says_so_and_turns_to_those_that_come() {
    let cluster = Cluster::start(3).await;
    let client = cluster.client_of(&[], HOLD);
    for consistency in ALL {
        let refused = get(&client, "k", &with(consistency)).await.unwrap_err();
        assert_eq!(refused.to_string(), "No known Consul servers");
    }
    client.set_servers(cluster.servers());
    assert_eq!(put(&client, "k", "1").await, Ok(true));
    assert_eq!(client.servers().len(), 3);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_limited_to_its_rate() {
    let cluster = Cluster::start(1).await;
    let rate = RateLimit {
        per_second: 0.0,
        burst: 2,
    };
    let settings = RpcSettings {
        rate,
        ..RpcSettings::new("dc1", std::sync::Arc::new(crate::agent::acl::AllowAll))
    };
    let client = Rpc::client(settings, &Metrics::default());
    client.set_servers(cluster.servers());
    let options = with(Consistency::Default);
    for _ in 0..2 {
        get(&client, "k", &options).await.unwrap();
    }
    let refused = get(&client, "k", &options).await.unwrap_err();
    assert_eq!(refused, RpcError::RateLimited);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leaving_server_sends_its_clients_to_another() {
    let cluster = Cluster::start(3).await;
    let leaving = cluster.followers().await[0];
    let began = Instant::now();
    cluster.nodes[leaving].rpc.begin_leaving();
    let options = with(Consistency::Default);
    let refused = get(&cluster.nodes[leaving].rpc, "k", &options).await;
    assert_eq!(refused.unwrap_err(), RpcError::NoLeader);
    assert!(began.elapsed() < Duration::from_secs(1));
    // Whichever it asks first.
    for _ in 0..8 {
        let client = cluster.client();
        assert_eq!(put(&client, "k", "1").await, Ok(true));
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_only_stale_reads_are_answered() {
    let hold = Duration::from_secs(1);
    let mut cluster = Cluster::start_with(3, hold).await;
    put(&cluster.nodes[0].rpc, "k", "1").await.unwrap();
    let followers = cluster.followers().await;
    let leader = cluster.leader().await;
    let survivor = followers[0];
    let survived = cluster.nodes[survivor].rpc.clone();
    // The write is on the survivor once a stale read there shows it.
    let wait = QueryOptions {
        min_index: 1,
        ..with(Consistency::Stale)
    };
    get(&survived, "k", &wait).await.unwrap();
    cluster.nodes[leader].kill().await;
    cluster.nodes[followers[1]].kill().await;
    let mut leadership = cluster.nodes[survivor].raft.leadership();
    let lost = leadership.wait_for(|now| now.leader.is_none());
    drop(tokio::time::timeout(LONG, lost).await.unwrap().unwrap());
    let client = cluster.client_of(&[survivor], hold);
    for (rpc, hops) in [(&survived, ""), (&client, "rpc error making call: ")] {
        for consistency in [Consistency::Default, Consistency::Consistent] {
            let began = Instant::now();
            let refused = get(rpc, "k", &with(consistency)).await.unwrap_err();
            assert_eq!(refused.to_string(), format!("{hops}No cluster leader"));
            assert!(began.elapsed() >= hold, "{:?}", began.elapsed());
            assert!(began.elapsed() < hold * 3, "{:?}", began.elapsed());
        }
        let refused = put(rpc, "k", "2").await.unwrap_err();
        assert_eq!(refused.to_string(), format!("{hops}No cluster leader"));
        let (value, meta) = get(rpc, "k", &with(Consistency::Stale)).await.unwrap();
        assert_eq!(value.as_deref(), Some("1"));
        assert!(!meta.known_leader && meta.last_contact_ms > 0);
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_outlives_the_servers_and_tells_its_age() {
    let cluster = Cluster::start(1).await;
    let client = cluster.client_of(&[0], Duration::from_millis(10));
    put(&client, "a", "1").await.unwrap();
    let key = KeptKey {
        target: Box::from(*b"a"),
        token: Box::default(),
        stale: false,
    };
    let query = KvGet {
        key: Key::from("a"),
    };
    let now = QueryOptions::default();
    let (_, meta, age) = client.query_kept(&key, &now, &query, None).await.unwrap();
    assert_eq!(age, None, "fetched");
    put(&client, "a", "2").await.unwrap();
    let next = QueryOptions {
        min_index: meta.index,
        max_wait: LONG,
        ..QueryOptions::default()
    };
    let (found, newer, age) = client.query_kept(&key, &next, &query, None).await.unwrap();
    assert_eq!(age, Some(Duration::ZERO));
    assert_eq!(&found.unwrap().value.0[..], b"2");
    assert!(newer.index > meta.index);
    cluster.stop().await;
    let begun = Instant::now();
    loop {
        let kept = client.query_kept(&key, &now, &query, None).await;
        let (found, _, age) = kept.expect("it is kept");
        assert_eq!(&found.unwrap().value.0[..], b"2");
        if age > Some(Duration::ZERO) {
            break;
        }
        assert!(begun.elapsed() < LONG, "its age is never told");
        tokio::task::yield_now().await;
    }
    let fresh = Some(Duration::ZERO);
    let failed = client.query_kept(&key, &now, &query, fresh).await;
    assert!(failed.is_err(), "too old for who asks");
}
