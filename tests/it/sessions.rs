//! Sessions and locks on real agents: times to live, lock delays, nodes that die.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Answer, Client, TestAgent, TestCluster, until};

/// A configuration that allows times to live of a second.
const SHORT: [&str; 2] = ["-hcl", "session_ttl_min = \"1s\""];

fn create(client: &mut Client, body: &Value) -> String {
    let answer = client.ask("PUT", "/v1/session/create", &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["ID"].as_str().unwrap().to_owned()
}

fn acquire(client: &mut Client, key: &str, session: &str) -> bool {
    let answer = client.ask("PUT", &format!("/v1/kv/{key}?acquire={session}"), "held");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json() == json!(true)
}

/// The key once it has changed since `seen`.
fn changed(client: &mut Client, key: &str, seen: &Answer) -> Answer {
    let path = format!("/v1/kv/{key}?index={}&wait=60s", seen.index());
    let answer = client.ask("GET", &path, "");
    assert!(answer.index() > seen.index());
    answer
}

#[test]
fn a_session_that_nobody_renews_ends_and_its_keys_open_after_the_delay() {
    let agent = TestAgent::dev(&SHORT).in_catalog();
    let mut client = agent.client();
    let other = create(&mut client, &json!({"LockDelay": 0}));
    let began = Instant::now();
    let lost = create(
        &mut client,
        &json!({"TTL": "1s", "LockDelay": "1s", "Name": "lost"}),
    );
    assert!(acquire(&mut client, "lock", &lost));
    assert!(!acquire(&mut client, "lock", &other));
    let held = client.ask("GET", "/v1/kv/lock", "");
    assert_eq!(held.json()[0]["Session"], json!(lost));
    let free = changed(&mut client, "lock", &held);
    assert!(began.elapsed() >= Duration::from_secs(2), "never early");
    assert_eq!(free.json()[0]["Session"], Value::Null);
    assert_eq!(free.json()[0]["LockIndex"], json!(1));
    until("the key is open", || acquire(&mut client, "lock", &other));
    assert!(
        began.elapsed() >= Duration::from_secs(3),
        "the delay was kept"
    );
    let gone = client.ask("PUT", &format!("/v1/session/renew/{lost}"), "");
    assert_eq!(gone.status, 404);
    assert_eq!(gone.text(), format!("Session id '{lost}' not found"));
}

#[test]
fn a_renewed_session_lives_on() {
    let agent = TestAgent::dev(&SHORT).in_catalog();
    let mut client = agent.client();
    let session = create(&mut client, &json!({"TTL": "1s"}));
    let created = client.ask("GET", &format!("/v1/session/info/{session}"), "");
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(4) {
        // Nothing comes: this is the pause between two renewals.
        let path = format!("/v1/session/list?index={}&wait=300ms", created.index());
        let seen = client.ask("GET", &path, "");
        assert_eq!(seen.index(), created.index(), "renewals write nothing");
        let renewed = client.ask("PUT", &format!("/v1/session/renew/{session}"), "");
        assert_eq!(renewed.json(), created.json());
    }
    let path = format!("/v1/session/list?index={}&wait=60s", created.index());
    assert_eq!(client.ask("GET", &path, "").json(), json!([]));
}

#[test]
fn sessions_end_with_their_node_and_outlive_the_leader() {
    let mut cluster = TestCluster::servers_with(3, &SHORT);
    let leader = cluster.leader();
    let dying = (leader + 1) % 3;
    let living = (leader + 2) % 3;
    let bound = cluster.eventually(dying, "PUT", "/v1/session/create", r#"{"LockDelay":0}"#);
    let bound = bound.json()["ID"].as_str().unwrap().to_owned();
    let mut client = cluster.agent(living).client();
    until("the node is in the catalog", || {
        let body = r#"{"TTL":"20s","LockDelay":"30s"}"#;
        client.ask("PUT", "/v1/session/create", body).status == 200
    });
    let own = create(&mut client, &json!({"TTL": "20s", "LockDelay": "30s"}));
    assert!(acquire(&mut client, "of-the-dead", &bound));
    assert!(acquire(&mut client, "delayed", &own));
    let held = client.ask("GET", "/v1/kv/of-the-dead", "");
    cluster.kill(dying);
    let free = changed(&mut client, "of-the-dead", &held);
    assert_eq!(free.json()[0]["Session"], Value::Null);
    // Destroyed on one leader, delayed on the next.
    cluster.start(dying);
    until("there is a quorum without the leader", || {
        cluster
            .voters(living)
            .iter()
            .filter(|(_, votes)| *votes)
            .count()
            == 3
    });
    let next = create(&mut client, &json!({"TTL": "20s"}));
    let ended = client.ask("PUT", &format!("/v1/session/destroy/{own}"), "");
    assert_eq!(ended.text(), "true");
    assert!(!acquire(&mut client, "delayed", &next));
    cluster.kill(leader);
    let path = format!("/v1/kv/delayed?acquire={next}");
    let refused = cluster.eventually(living, "PUT", &path, "x");
    assert_eq!(refused.text(), "false");
    let renew = format!("/v1/session/renew/{next}");
    let renewed = cluster.eventually(living, "PUT", &renew, "");
    assert_eq!(renewed.json()[0]["ID"], json!(next));
}
