//! Against a daemon that the test is itself, on a socket of its own.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use tokio::net::UnixListener;

use super::*;

/// Method, path and body.
type Seen = (String, String, String);

/// A daemon that knows some containers by what happens to an exec in them.
struct FakeDaemon {
    host: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    _folder: tempfile::TempDir,
    _server: AbortOnDropHandle<()>,
}

impl FakeDaemon {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let log = Arc::clone(&log);
                let service = service_fn(move |request| answer(request, Arc::clone(&log)));
                tokio::spawn(
                    server::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self {
            host: format!("unix://{}", path.display()),
            seen,
            _folder: folder,
            _server: AbortOnDropHandle::new(task),
        }
    }

    async fn check(&self, container: &str) -> Outcome {
        run_at(&self.host, &probe(container), 64).await
    }
}

fn probe(container: &str) -> DockerProbe {
    DockerProbe {
        container_id: container.to_owned(),
        args: vec!["echo".to_owned(), "a b".to_owned()],
        timeout: Duration::from_secs(30),
    }
}

async fn answer(
    request: Request<Incoming>,
    log: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let method = request.method().to_string();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    log.lock().unwrap().push((method, path.clone(), body));
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let created = |n: u8| (201, format!("{{\"Id\":\"e{n}\"}}"));
    let (code, text) = match parts.as_slice() {
        ["containers", container, "exec"] => match *container {
            "ok" => created(0),
            "warn" => created(1),
            "crit" => created(2),
            "loud" => created(3),
            "runs-on" => created(4),
            "vanishes" => created(9),
            "hangs" => created(7),
            "unseen" => created(8),
            "paused" => (409, "{}".to_owned()),
            "bad" => (500, "boom".to_owned()),
            "junk" => (201, "junk".to_owned()),
            _ => (404, "{\"message\":\"No such container\"}".to_owned()),
        },
        ["exec", "e9", "start"] => (404, String::new()),
        ["exec", "e7", "start"] => std::future::pending().await,
        ["exec", "e3", "start"] => (200, "x".repeat(1_000_000)),
        ["exec", _, "start"] => (200, "hello from container\r\n".to_owned()),
        ["exec", "e4", "json"] => (200, "{\"ExitCode\":null,\"Running\":true}".to_owned()),
        ["exec", "e8", "json"] => (500, "gone".to_owned()),
        ["exec", id, "json"] => (200, format!("{{\"ExitCode\":{}}}", &id[1..])),
        _ => (404, String::new()),
    };
    let response = Response::builder().status(code);
    Ok(response.body(Full::new(Bytes::from(text))).unwrap())
}

#[tokio::test]
async fn exit_statuses_are_a_scripts() {
    let daemon = FakeDaemon::start();
    for (container, status) in [
        ("ok", Status::Passing),
        ("warn", Status::Warning),
        ("crit", Status::Critical),
        ("runs-on", Status::Critical),
    ] {
        let expected = Outcome::new(status, "hello from container\r\n");
        assert_eq!(daemon.check(container).await, expected, "{container}");
    }
}

#[tokio::test]
async fn the_daemon_is_asked_as_consul_asks() {
    let daemon = FakeDaemon::start();
    daemon.check("ok").await;
    let order = "{\"AttachStdin\":false,\"AttachStdout\":true,\"AttachStderr\":true,\
                 \"Tty\":false,\"Cmd\":[\"echo\",\"a b\"]}";
    let expected = [
        ("POST", "/containers/ok/exec", order),
        ("POST", "/exec/e0/start", "{\"Detach\":false,\"Tty\":true}"),
        ("GET", "/exec/e0/json", ""),
    ];
    let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
    assert_eq!(*daemon.seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn failures_are_told_in_consuls_words() {
    let daemon = FakeDaemon::start();
    for (container, text) in [
        ("none", "create exec failed for unknown container none"),
        (
            "paused",
            "create exec failed since container paused is paused or stopped",
        ),
        (
            "bad",
            "create exec failed for container bad with status 500: boom",
        ),
        (
            "vanishes",
            "start exec failed for container vanishes: invalid exec id e9",
        ),
        (
            "unseen",
            "inspect exec failed for container unseen with status 500: gone",
        ),
    ] {
        assert_eq!(daemon.check(container).await, Outcome::critical(text));
    }
    let junk = daemon.check("junk").await.output;
    let text = "create exec response for container junk cannot be parsed: ";
    assert!(junk.starts_with(text), "{junk}");
}

#[tokio::test]
async fn a_container_id_is_one_part_of_the_path() {
    let daemon = FakeDaemon::start();
    let outcome = daemon.check("../exec/e0\r\nX: y?z").await;
    assert_eq!(outcome.status, Status::Critical);
    let seen = daemon.seen.lock().unwrap();
    let path = "/containers/..%2Fexec%2Fe0%0D%0AX%3A%20y%3Fz/exec";
    assert_eq!(seen[0].1, path);
}

#[tokio::test]
async fn a_megabyte_of_output_keeps_its_tail() {
    let daemon = FakeDaemon::start();
    let outcome = daemon.check("loud").await;
    let tail = "x".repeat(64);
    assert_eq!(
        outcome.output,
        format!("Captured 64 of 1000000 bytes\n...\n{tail}")
    );
}

#[tokio::test]
async fn a_command_that_hangs_meets_the_timeout() {
    let daemon = FakeDaemon::start();
    let probe = DockerProbe {
        timeout: Duration::from_millis(200),
        ..probe("hangs")
    };
    let outcome = run_at(&daemon.host, &probe, 64).await;
    assert_eq!(outcome.status, Status::Critical);
    let told = outcome.output;
    assert!(
        told.starts_with("start exec failed for container hangs: Post \"http://%2F"),
        "{told}"
    );
    assert!(told.contains("/exec/e7/start\": context deadline exceeded"));
}

#[tokio::test]
async fn without_a_daemon_the_socket_is_named() {
    let outcome = run_at("unix:///nonexistent/docker.sock", &probe("abc"), 64).await;
    let text = "create exec failed for container abc: Post \
                \"http://%2Fnonexistent%2Fdocker.sock/containers/abc/exec\": dial unix \
                /nonexistent/docker.sock: connect: no such file or directory";
    assert_eq!(outcome, Outcome::critical(text));
}

#[test]
fn docker_hosts_are_dockers() {
    assert_eq!(Daemon::parse("unix:///a"), Ok(Daemon::Unix("/a")));
    assert_eq!(Daemon::parse("tcp://h:1"), Ok(Daemon::Tcp("h:1")));
    for bad in ["", "/a", "unix://", "npipe:////x", "https://h:1"] {
        assert!(Daemon::parse(bad).is_err(), "{bad}");
    }
}
