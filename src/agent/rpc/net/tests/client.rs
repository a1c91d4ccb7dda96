//! A client agent of the reference whose server is ours, as far as it can see: all calls arrive here, are read, passed
//! on to a server of the reference, and its replies are read and written again before they go back. What the client
//! then shows must be what the server itself shows. `CONSULCTL_TEST_CONSUL` names the program.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::super::{BoxFuture, CallError, CallFailure, Dispatch, Handlers, Limits, Listener, Pool};
use super::support::{Frames, LONG, Snapshots, pool};
use crate::agent::rpc::wire::read_and_write_again;

/// Where the server of the reference takes calls.
const SERVER: &str = "127.0.64.21";
/// Where the client believes that it does: its gossip is there, and our listener.
const SEEN: &str = "127.0.64.22";
const CLIENT: &str = "127.0.64.23";

/// Killed on drop.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        // One that cannot be killed has ended.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

impl Agent {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut process = Process::new(program);
        process.arg("agent").args(arguments).stdout(Stdio::null());
        Self(process.spawn().unwrap())
    }
}

/// Passes calls on.
struct Between {
    pool: Pool,
    server: SocketAddr,
    /// The methods that were called, and those that we did not understand, with the reason.
    seen: Mutex<BTreeSet<String>>,
    misunderstood: Mutex<BTreeSet<String>>,
}

impl Dispatch for Between {
    fn call<'a>(
        &'a self,
        _: SocketAddr,
        method: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Vec<u8>, CallFailure>> {
        Box::pin(async move {
            self.seen.lock().unwrap().insert(method.to_owned());
            let limit = Duration::from_mins(11);
            let reply = self.pool.call(self.server, method, &body, limit).await;
            let reply = reply.map_err(|why| match why {
                CallError::Application(why) => CallFailure::Failed(why),
                other => CallFailure::Failed(format!("on the way: {other}")),
            })?;
            match read_and_write_again(method, &body, &reply) {
                Some(Ok((_, again))) => Ok(again),
                Some(Err(why)) => {
                    let mut misunderstood = self.misunderstood.lock().unwrap();
                    misunderstood.insert(format!("{method}: {why}"));
                    Ok(reply.to_vec())
                }
                None => Ok(reply.to_vec()),
            }
        })
    }

    fn is_read(&self, method: &str) -> bool {
        !method.ends_with(".Apply")
    }
}

/// An HTTP request to an agent; the status and the body.
async fn http(agent: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let exchange = async {
        let mut stream = TcpStream::connect((agent, 8500)).await?;
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {agent}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let Ok(Ok(answer)) = timeout(LONG, exchange).await else {
        return (0, String::new());
    };
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap_or(0), body.to_owned())
}

async fn put(path: &str, body: Value) -> Value {
    let (status, answer) = http(CLIENT, "PUT", path, &body.to_string()).await;
    assert_eq!(status, 200, "{path}: {answer}");
    serde_json::from_str(&answer).unwrap_or(Value::Null)
}

/// Waits until an agent's answer satisfies.
async fn until(agent: &str, path: &str, holds: impl Fn(&str) -> bool) {
    let deadline = Instant::now() + 3 * LONG;
    loop {
        let (status, body) = http(agent, "GET", path, "").await;
        if status == 200 && holds(&body) {
            return;
        }
        assert!(Instant::now() < deadline, "{agent}{path}: {status} {body}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// What both agents must show alike.
const PATHS: &[&str] = &[
    "/v1/kv/a/b",
    "/v1/kv/a/b?consistent",
    "/v1/kv/a/b?stale",
    "/v1/kv/a?recurse",
    "/v1/kv/a?keys&separator=/",
    "/v1/kv/none",
    "/v1/catalog/datacenters",
    "/v1/catalog/nodes?near=client",
    "/v1/catalog/services",
    "/v1/catalog/service/web?tag=a",
    "/v1/catalog/service/none",
    "/v1/catalog/node/client",
    "/v1/catalog/node/none",
    "/v1/catalog/node-services/client",
    "/v1/health/state/any",
    "/v1/health/state/warning",
    "/v1/health/node/client",
    "/v1/health/checks/web",
    "/v1/health/service/web?tag=a",
    "/v1/health/service/web?passing",
    "/v1/health/service/web?filter=Service.Port==80",
    "/v1/session/list",
    "/v1/session/node/client",
    "/v1/coordinate/datacenters",
    "/v1/status/leader",
    "/v1/status/peers",
    "/v1/operator/raft/configuration",
    "/v1/operator/autopilot/configuration",
    "/v1/internal/ui/nodes",
    "/v1/internal/ui/node/client",
    "/v1/internal/ui/services",
];

async fn listen(seen: &Arc<Between>, stop: &CancellationToken) {
    let listener = Listener::bind(format!("{SEEN}:8300").parse().unwrap())
        .await
        .unwrap();
    let handlers = Handlers {
        calls: Arc::clone(seen) as Arc<dyn Dispatch>,
        raft: Arc::new(Frames {
            gate: Arc::new(Semaphore::new(0)),
            order: Arc::default(),
        }),
        snapshots: Arc::new(Snapshots),
    };
    tokio::spawn(listener.serve(handlers, Limits::default(), stop.clone()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_agent_of_the_reference_is_served() {
    let Ok(program) = std::env::var("CONSULCTL_TEST_CONSUL") else {
        eprintln!("skipped: CONSULCTL_TEST_CONSUL names no program");
        return;
    };
    let between = Arc::new(Between {
        pool: pool(),
        server: format!("{SERVER}:8300").parse().unwrap(),
        seen: Mutex::default(),
        misunderstood: Mutex::default(),
    });
    let stop = CancellationToken::new();
    listen(&between, &stop).await;
    let data = tempfile::tempdir().unwrap();
    let agents = both_agents(&program, data.path()).await;
    write_through_the_client().await;
    same_through_both().await;
    blocked_until_a_change().await;
    let seen = between.seen.lock().unwrap().clone();
    for method in [
        "Catalog.Register",
        "Health.NodeChecks",
        "Txn.Apply",
        "KVS.Get",
    ] {
        assert!(seen.contains(method), "{seen:?}");
    }
    let misunderstood = between.misunderstood.lock().unwrap().clone();
    assert!(misunderstood.is_empty(), "{misunderstood:?}");
    drop(agents);
    stop.cancel();
}

/// A server, and a client that has registered itself with it.
async fn both_agents(program: &str, data: &Path) -> [Agent; 2] {
    let server = Agent::start(
        program,
        &[
            "-dev",
            "-node",
            "server",
            "-bind",
            SERVER,
            "-client",
            SERVER,
            "-advertise",
            SEEN,
            "-serf-lan-bind",
            SEEN,
            "-serf-wan-port",
            "-1",
            "-grpc-port",
            "-1",
        ],
    );
    until(SERVER, "/v1/catalog/nodes", |nodes| {
        nodes.contains("server")
    })
    .await;
    let client = Agent::start(
        program,
        &[
            "-node",
            "client",
            "-bind",
            CLIENT,
            "-client",
            CLIENT,
            "-retry-join",
            SEEN,
            "-data-dir",
            data.to_str().unwrap(),
        ],
    );
    until(SERVER, "/v1/catalog/nodes", |nodes| {
        nodes.contains("\"client\"")
    })
    .await;
    [client, server]
}

async fn write_through_the_client() {
    let service = json!({"ID": "web9", "Name": "web", "Port": 80, "Address": "10.1.1.9", "Tags": ["a"],
        "Meta": {"k": "v"}, "Weights": {"Passing": 3, "Warning": 2},
        "Check": {"TTL": "30s", "Status": "passing"}});
    put("/v1/agent/service/register", service).await;
    until(SERVER, "/v1/health/service/web", |found| {
        found.contains("web9")
    })
    .await;
    assert_eq!(put("/v1/kv/a/b?flags=7", json!("hello")).await, true);
    assert_eq!(put("/v1/kv/a/c/d", json!("x")).await, true);
    assert_eq!(put("/v1/kv/a/b?cas=1", json!("y")).await, false);
    let session = put("/v1/session/create", json!({"Name": "s", "TTL": "60s"})).await;
    let id = session["ID"].as_str().unwrap();
    let locked = put(&format!("/v1/kv/a/lock?acquire={id}"), json!("1")).await;
    assert_eq!(locked, true);
    let renewed = put(&format!("/v1/session/renew/{id}"), Value::Null).await;
    assert_eq!(renewed[0]["ID"], id);
    let ops = json!([{"KV": {"Verb": "set", "Key": "t", "Value": "aGVsbG8="}}, {"KV": {"Verb": "get", "Key": "t"}}]);
    let done = put("/v1/txn", ops).await;
    assert_eq!(done["Results"][1]["KV"]["Value"], "aGVsbG8=");
    let (status, failed) = http(
        CLIENT,
        "PUT",
        "/v1/txn",
        r#"[{"KV":{"Verb":"get","Key":"none"}}]"#,
    )
    .await;
    assert_eq!(status, 409, "{failed}");
    let external = json!({"Node": "ext", "Address": "9.9.9.9", "Check": {"Name": "c", "Status": "warning",
        "Definition": {"TCP": "a:1", "Interval": "10s"}}});
    assert_eq!(put("/v1/catalog/register", external).await, true);
    let event = put("/v1/event/fire/deploy", json!("payload")).await;
    assert_eq!(event["Name"], "deploy");
    let unset = put(
        "/v1/operator/autopilot/configuration?cas=1",
        json!({"CleanupDeadServers": true}),
    )
    .await;
    assert_eq!(unset, false);
}

async fn same_through_both() {
    for path in PATHS {
        let ours = http(CLIENT, "GET", path, "").await;
        let theirs = http(SERVER, "GET", path, "").await;
        let [ours, theirs] = [ours, theirs].map(|(status, body)| {
            let body: Value = serde_json::from_str(&body).unwrap_or(Value::String(body));
            (status, body)
        });
        assert_eq!(ours, theirs, "{path}");
        assert!(ours.0 == 200 || path.ends_with("none"), "{path}: {ours:?}");
    }
}

async fn blocked_until_a_change() {
    let path = "/v1/kv/watched?index=1&wait=20s";
    put("/v1/kv/watched", json!(1)).await;
    let (_, first) = http(CLIENT, "GET", path, "").await;
    let first: Value = serde_json::from_str(&first).unwrap();
    let index = first[0]["ModifyIndex"].as_u64().unwrap();
    let path = format!("/v1/kv/watched?index={index}&wait=20s");
    let (waited, _) = tokio::join!(
        http(CLIENT, "GET", &path, ""),
        put("/v1/kv/watched", json!(2))
    );
    let changed: Value = serde_json::from_str(&waited.1).unwrap();
    assert!(changed[0]["ModifyIndex"].as_u64().unwrap() > index);
}
