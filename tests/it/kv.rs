//! Walkthrough F: keys and values over bare HTTP.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Answer, Client, TestAgent};

/// A wake-up is much faster than this, and a wait that ends by itself much slower.
const MOMENT: Duration = Duration::from_secs(5);
/// Watchers of one key.
const WATCHERS: u16 = 1000;
/// Connections that the agent takes from one address.
const PER_ADDRESS: u16 = 200;

/// The answer for something that is not there: empty, with the headers of a read.
fn assert_missing(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (404, ""));
    assert!(answer.index() > 0, "{answer:?}");
    assert_eq!(answer.header("X-Consul-Knownleader"), Some("true"));
    assert_eq!(answer.header("X-Consul-Lastcontact"), Some("0"));
}

/// An agent whose JSON is not indented: a development agent indents its own.
fn durable() -> (tempfile::TempDir, TestAgent) {
    let folder = tempfile::tempdir().unwrap();
    let agent = TestAgent::server(crate::support::own_address(), folder.path(), &[]);
    (folder, agent)
}

/// The key's `ModifyIndex`.
fn modify_index(client: &mut Client, key: &str) -> u64 {
    client.ask("GET", &format!("/v1/kv/{key}"), "").json()[0]["ModifyIndex"]
        .as_u64()
        .unwrap()
}

#[test]
fn keys_are_written_read_and_deleted() {
    let (_folder, agent) = durable();
    let mut client = agent.client();
    assert_missing(&client.ask("GET", "/v1/kv/web/key1", ""));
    assert_missing(&client.ask("GET", "/v1/kv/web?recurse", ""));
    assert_missing(&client.ask("GET", "/v1/kv/web?keys", ""));
    let answer = client.ask("PUT", "/v1/kv/web/key1", "test");
    assert_eq!((answer.status, answer.text().as_str()), (200, "true"));
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    assert_eq!(
        client.ask("PUT", "/v1/kv/web/key2?flags=42", "test").text(),
        "true"
    );
    assert_eq!(
        client.ask("PUT", "/v1/kv/web/sub/key3", "test").text(),
        "true"
    );
    assert_eq!(client.ask("PUT", "/v1/kv/wet", "").text(), "true");

    let answer = client.ask("GET", "/v1/kv/web/key2", "");
    let index = answer.index();
    let pair = json!([{"LockIndex": 0, "Key": "web/key2", "Flags": 42, "Value": "dGVzdA==",
        "CreateIndex": index, "ModifyIndex": index}]);
    assert_eq!(answer.text(), serde_json::to_string(&pair).unwrap());
    assert_eq!(
        client.ask("GET", "/v1/kv/wet", "").json()[0]["Value"],
        json!(null)
    );

    let all = client.ask("GET", "/v1/kv/web/?recurse", "").json();
    let keys: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| pair["Key"].as_str())
        .collect();
    assert_eq!(
        keys,
        [Some("web/key1"), Some("web/key2"), Some("web/sub/key3")]
    );
    let keys = |client: &mut Client, query: &str| client.ask("GET", query, "").text();
    let text = keys(&mut client, "/v1/kv/web/?keys&separator=/");
    assert_eq!(text, r#"["web/key1","web/key2","web/sub/"]"#);
    let text = keys(&mut client, "/v1/kv/?keys");
    assert_eq!(text, r#"["web/key1","web/key2","web/sub/key3","wet"]"#);
    let answer = client.ask("GET", "/v1/kv/web/key1?raw", "");
    assert_eq!(
        (answer.text().as_str(), answer.header("Content-Type")),
        ("test", Some("text/plain"))
    );

    let before = client.ask("GET", "/v1/kv/web?recurse", "").index();
    assert_eq!(
        client.ask("DELETE", "/v1/kv/web/sub?recurse", "").text(),
        "true"
    );
    let after = client.ask("GET", "/v1/kv/web?recurse", "");
    assert!(after.index() > before, "a deletion moves the index forward");
    assert_eq!(after.json().as_array().unwrap().len(), 2);
    assert_eq!(client.ask("DELETE", "/v1/kv/web/key1", "").text(), "true");
    assert_missing(&client.ask("GET", "/v1/kv/web/key1", ""));
    assert_eq!(client.ask("DELETE", "/v1/kv/web/key1", "").text(), "true");
}

#[test]
fn check_and_set_succeeds_once() {
    let (_folder, agent) = durable();
    let mut client = agent.client();
    assert_eq!(client.ask("PUT", "/v1/kv/a?cas=0", "1").text(), "true");
    assert_eq!(client.ask("PUT", "/v1/kv/a?cas=0", "2").text(), "false");
    let index = modify_index(&mut client, "a");
    let put = format!("/v1/kv/a?cas={index}");
    assert_eq!(client.ask("PUT", &put, "3").text(), "true");
    assert_eq!(client.ask("PUT", &put, "4").text(), "false");
    assert_eq!(client.ask("GET", "/v1/kv/a?raw", "").text(), "3");
    assert_eq!(client.ask("DELETE", &put, "").text(), "false");
    let index = modify_index(&mut client, "a");
    assert_eq!(
        client
            .ask("DELETE", &format!("/v1/kv/a?cas={index}"), "")
            .text(),
        "true"
    );
    assert_missing(&client.ask("GET", "/v1/kv/a", ""));
}

#[test]
fn one_of_many_concurrent_writers_wins() {
    let (_folder, agent) = durable();
    agent.put(
        "/v1/kv/a",
        "none of theirs: the same value again would not change the index",
    );
    let put = format!("/v1/kv/a?cas={}", modify_index(&mut agent.client(), "a"));
    let mut clients: Vec<Client> = (0..50).map(|_| agent.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client
            .send("PUT", &put, number.to_string().as_bytes())
            .unwrap();
    }
    let texts = clients
        .iter_mut()
        .map(|client| client.answer().unwrap().text());
    assert_eq!(texts.filter(|text| text == "true").count(), 1);
}

#[test]
fn blocking_reads_wake_up_at_a_write() {
    let agent = TestAgent::dev(&[]);
    agent.put("/v1/kv/a/1", "old");
    let mut watcher = agent.client();
    for path in [
        "/v1/kv/a/1?raw",
        "/v1/kv/a?recurse",
        "/v1/kv/a?keys",
        "/v1/kv/a/new?raw",
    ] {
        let index = watcher.ask("GET", path, "").index();
        let joint = if path.contains('?') { '&' } else { '?' };
        watcher
            .send("GET", &format!("{path}{joint}index={index}&wait=60s"), b"")
            .unwrap();
        agent.put("/v1/kv/unrelated", "noise");
        let written = Instant::now();
        agent.put("/v1/kv/a/1", path);
        agent.put("/v1/kv/a/new", path);
        let answer = watcher.answer().unwrap();
        assert!(
            written.elapsed() < MOMENT,
            "{path}: {:?}",
            written.elapsed()
        );
        assert!(answer.index() > index, "{path}");
    }
    let answer = watcher.ask("GET", "/v1/kv/a/1?raw", "");
    assert_eq!(answer.text(), "/v1/kv/a/new?raw");
}

#[test]
fn blocking_reads_of_the_past_and_of_nothing_new_end() {
    let agent = TestAgent::dev(&[]);
    agent.put("/v1/kv/a", "1");
    let mut client = agent.client();
    let index = client.ask("GET", "/v1/kv/a", "").index();
    for past in ["0", "1", &(index - 1).to_string()] {
        let started = Instant::now();
        let answer = client.ask("GET", &format!("/v1/kv/a?index={past}&wait=60s"), "");
        assert_eq!(answer.index(), index);
        assert!(
            started.elapsed() < MOMENT,
            "index {past}: {:?}",
            started.elapsed()
        );
    }
    let started = Instant::now();
    let answer = client.ask("GET", &format!("/v1/kv/a?index={index}&wait=200ms"), "");
    assert_eq!((answer.status, answer.index()), (200, index));
    let waited = started.elapsed();
    assert!(
        Duration::from_millis(200) <= waited && waited < MOMENT,
        "{waited:?}"
    );
}

#[test]
fn other_keys_do_not_wake_a_watcher() {
    let agent = TestAgent::dev(&[]);
    agent.put("/v1/kv/a/1", "1");
    let mut watcher = agent.client();
    let index = watcher.ask("GET", "/v1/kv/a/1", "").index();
    watcher
        .send("GET", &format!("/v1/kv/a/1?index={index}&wait=300ms"), b"")
        .unwrap();
    let started = Instant::now();
    for number in 0..20 {
        agent.put(&format!("/v1/kv/a/1{number}"), "other");
    }
    let answer = watcher.answer().unwrap();
    assert_eq!(answer.index(), index);
    assert!(
        started.elapsed() >= Duration::from_millis(250),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn a_thousand_watchers_of_one_key_wake_up() {
    let agent = TestAgent::dev(&[]);
    agent.put("/v1/kv/watched", "old");
    let index = agent.send("GET", "/v1/kv/watched", "").index();
    let path = format!("/v1/kv/watched?raw&index={index}&wait=5m");
    let mut watchers: Vec<Client> = (0..WATCHERS)
        .map(|number| {
            // Two connections are left for the test itself.
            let [high, low] = (number / (PER_ADDRESS - 2)).to_be_bytes();
            let mut client = agent.client_from(Ipv4Addr::new(127, 63, high, low + 1));
            client.send("GET", &path, b"").unwrap();
            client
        })
        .collect();
    agent.put("/v1/kv/watched", "new");
    let written = Instant::now();
    for watcher in &mut watchers {
        let answer = watcher.answer().unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "new"));
        assert!(answer.index() > index);
    }
    assert!(written.elapsed() < MOMENT, "{:?}", written.elapsed());
}

#[test]
fn keys_and_values_are_bytes() {
    let (_folder, agent) = durable();
    let mut client = agent.client();
    for (path, key) in [
        ("/v1/kv/a%20b", "a b"),
        ("/v1/kv/%C3%BC/%E2%82%AC", "ü/€"),
        ("/v1/kv/slash//twice", "slash/twice"),
        ("/v1/kv/q%3Fmark%23hash%25", "q?mark#hash%"),
        ("/v1/kv/trailing/", "trailing/"),
    ] {
        let answer = client.ask("PUT", path, key);
        if answer.status == 301 {
            assert!(path.contains("//"), "{path} is redirected");
            continue;
        }
        assert_eq!(answer.text(), "true", "{path}");
        assert_eq!(client.ask("GET", path, "").json()[0]["Key"], json!(key));
    }
    let bytes: Vec<u8> = (0..=255).collect();
    client.request("PUT", "/v1/kv/bytes", &bytes).unwrap();
    assert_eq!(client.ask("GET", "/v1/kv/bytes?raw", "").body, bytes);
    let largest = vec![b'x'; 512 * 1024];
    assert_eq!(
        client
            .request("PUT", "/v1/kv/largest", &largest)
            .unwrap()
            .text(),
        "true"
    );
    assert_eq!(client.ask("GET", "/v1/kv/largest?raw", "").body, largest);
}

#[test]
fn transactions_are_all_or_nothing() {
    let (_folder, agent) = durable();
    let mut client = agent.client();
    let set = |key: &str| json!({"KV": {"Verb": "set", "Key": key, "Value": "eA=="}});
    let check = json!({"KV": {"Verb": "check-index", "Key": "a", "Index": 1}});
    let refused = client.ask("PUT", "/v1/txn", &json!([set("a"), check]).to_string());
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert_eq!(refused.json()["Errors"][0]["OpIndex"], json!(1));
    assert_missing(&client.ask("GET", "/v1/kv/a", ""));
    let refused = client.ask("PUT", "/v1/txn", &json!([set("a"), set("")]).to_string());
    let error = json!([{"OpIndex": 1, "What": "Must provide key"}]);
    assert_eq!((refused.status, &refused.json()["Errors"]), (409, &error));
    assert_missing(&client.ask("GET", "/v1/kv/a", ""));
    let nothing = client.ask("PUT", "/v1/txn", "[{}]");
    assert_eq!(
        (nothing.status, &nothing.json()["Results"]),
        (200, &json!([]))
    );
    let done = client.ask("PUT", "/v1/txn", &json!([set("a"), set("b")]).to_string());
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.json()["Results"].as_array().unwrap().len(), 2);
    let [a, b] = ["a", "b"].map(|key| modify_index(&mut client, key));
    assert_eq!(a, b);
}
