//! A server with small endpoints of its own, and a client that speaks raw bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::agent::http::router::{GET, GET_PUT_DELETE, PUT};
use crate::agent::http::{
    Answer, BindAddress, HttpError, Listener, Meta, NoObserver, Request, Response, Route, Router,
    Server, TransportSettings, UnixSocketSettings, bind, route,
};

/// Longest body that the test endpoint takes.
pub(super) const BODY_MAX: usize = 1000;
/// A test that waits longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts a server on a free port of the loopback address.
pub(super) fn start(settings: TransportSettings) -> (Server, SocketAddr) {
    let listener = bind(
        &BindAddress::Tcp(([127, 0, 0, 1], 0).into()),
        &UnixSocketSettings::default(),
    )
    .unwrap();
    let address = listener.tcp_address().unwrap();
    (start_on(listener, settings), address)
}

pub(super) fn start_on(listener: Box<dyn Listener>, settings: TransportSettings) -> Server {
    let router = Router::new(endpoints());
    Server::start(
        vec![listener],
        settings,
        router,
        Arc::new(()),
        Arc::new(NoObserver),
    )
}

fn endpoints() -> Vec<Route<()>> {
    vec![
        route("/v1/kv/", GET_PUT_DELETE, echo),
        route("/v1/status/leader", GET, |_, request: Request| async move {
            request.json("127.0.0.1:8300")
        }),
        route("/v1/large", GET, |_, request: Request| async move {
            request.json(&vec!["<some text>"; 10_000])
        }),
        route("/v1/panic", GET, |_, _| async {
            panic!("a defect in a handler")
        }),
        route("/v1/wait", GET, |_, request: Request| async move {
            request.closing().await;
            Ok(Response::empty(StatusCode::OK))
        }),
        route("/v1/stuck", GET, |_, _| std::future::pending()),
        route("/v1/fail", PUT, |_, _| async {
            Err(HttpError::internal("No cluster leader").with_meta(Meta::default()))
        }),
    ]
}

async fn echo(_: Arc<()>, mut request: Request) -> Answer {
    let body = request.take_body()?.read(BODY_MAX).await?;
    let key = request.rest_text().into_owned();
    let meta = Meta {
        index: 0,
        known_leader: true,
        last_contact_ms: 0,
        consistency: None,
    };
    let params = request
        .params()
        .all("p")
        .map(std::borrow::Cow::into_owned)
        .collect::<Vec<_>>();
    let answer = json!({"Key": key, "Body": String::from_utf8_lossy(&body), "P": params});
    Ok(request.json(&answer)?.meta(meta))
}

/// Sends bytes and reads until the server closes or has been quiet after a whole answer.
pub(super) async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_ref()).await.unwrap();
    read_to_end(&mut stream).await
}

pub(super) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = async {
        let mut buffer = vec![0; 16 * 1024];
        // A reset after the answer is as good as an end.
        while let Ok(count) = stream.read(&mut buffer).await
            && count > 0
        {
            answer.extend_from_slice(&buffer[..count]);
        }
    };
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("the server neither answered nor closed");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends a request that ends the connection; the answer's head and the bytes of its body.
pub(super) async fn raw(address: SocketAddr, request: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .expect("an answer with a head");
    let body = answer.split_off(end + 4);
    (String::from_utf8_lossy(&answer).into_owned(), body)
}

/// One request with `Connection: close`.
pub(super) async fn get(address: SocketAddr, target: &str) -> String {
    ask(address, "GET", target, "", b"").await
}

pub(super) async fn ask(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &str,
    body: &[u8],
) -> String {
    let length = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    let mut bytes = Vec::from(format!(
        "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}{length}\r\n"
    ));
    bytes.extend_from_slice(body);
    exchange(address, bytes).await
}

/// Waits until a condition about the server holds.
pub(super) async fn until(mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("the condition never held");
}

pub(super) fn body_of(answer: &str) -> &str {
    answer
        .split_once("\r\n\r\n")
        .expect("an answer with a head")
        .1
}

pub(super) fn status_of(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("no answer")
}
