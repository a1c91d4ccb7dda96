//! Bounds: connections, bodies, time, and the end.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::{
    BODY_MAX, ask, body_of, exchange, get, read_to_end, start, start_on, status_of, until,
};
use crate::agent::http::{
    BindAddress, HEADER_READ_TIMEOUT, TransportSettings, UnixSocketSettings, bind,
};

#[tokio::test]
async fn a_client_with_too_many_connections_is_told_so() {
    let settings = TransportSettings {
        max_connections_per_client: 2,
        ..TransportSettings::default()
    };
    let (server, address) = start(settings);
    let first = TcpStream::connect(address).await.unwrap();
    let _second = TcpStream::connect(address).await.unwrap();
    until(|| server.open_connections() == 2).await;
    let answer = get(address, "/v1/status/leader").await;
    assert_eq!(status_of(&answer), "429");
    let text = "Your IP is issuing too many concurrent connections, please rate limit your calls\n";
    assert_eq!(body_of(&answer), text);
    assert!(
        answer.contains(&format!("Content-Length: {}\r\n", text.len())),
        "{answer}"
    );
    drop(first);
    until(|| server.open_connections() == 1).await;
    assert_eq!(status_of(&get(address, "/v1/status/leader").await), "200");
}

#[tokio::test]
async fn who_sends_everything_before_reading_can_read_the_refusal() {
    let (_server, address) = start(TransportSettings::default());
    let whole = vec![b'x'; 20_000_000];
    let answer = ask(address, "PUT", "/v1/kv/a", "", &whole).await;
    assert_eq!(status_of(&answer), "413");
    let asks_first = "PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 50000000\r\n\r\n";
    let answer = exchange(address, asks_first).await;
    assert_eq!(status_of(&answer), "413", "and is not told to send it");
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused_unread() {
    let (_server, address) = start(TransportSettings::default());
    // Nothing of the body is ever sent: an answer proves that it was not waited for.
    let announced = "PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n";
    let answer = exchange(address, announced).await;
    assert!(
        answer.starts_with("HTTP/1.1 413 Request Entity Too Large\r\n"),
        "{answer}"
    );
    assert!(answer.contains("Connection: close\r\n"), "{answer}");
    let chunk = format!("{:x}\r\n{}\r\n", 600, "x".repeat(600));
    let chunked = "PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(
        status_of(&exchange(address, format!("{chunked}{chunk}{chunk}")).await),
        "413"
    );
    let largest = vec![b'x'; BODY_MAX];
    assert_eq!(
        status_of(&ask(address, "PUT", "/v1/kv/a", "", &largest).await),
        "200"
    );
    assert_eq!(
        status_of(&ask(address, "PUT", "/v1/kv/a", "", &[b'x'; BODY_MAX + 1]).await),
        "413"
    );
}

#[tokio::test]
async fn chunked_bodies_and_expectations_are_read() {
    let (_server, address) = start(TransportSettings::default());
    let chunked = "PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    assert!(
        exchange(address, chunked)
            .await
            .contains("\"Body\":\"abcdefg\"")
    );
    let expecting = "PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(expecting.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").await.unwrap();
    assert!(read_to_end(&mut stream).await.contains("\"Body\":\"abc\""));
}

#[tokio::test]
async fn half_sent_requests_stop_nobody() {
    let (server, address) = start(TransportSettings::default());
    let mut halves = Vec::new();
    for half in [
        "GET /v1/st",
        "PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        "",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        halves.push(stream);
    }
    until(|| server.open_connections() == 3).await;
    assert_eq!(status_of(&get(address, "/v1/status/leader").await), "200");
    drop(halves);
    until(|| server.open_connections() == 0).await;
}

#[tokio::test]
async fn half_sent_heads_are_given_up_and_idle_connections_are_not() {
    let (server, address) = start(TransportSettings::default());
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"GET /v1/st").await.unwrap();
    let mut idle = TcpStream::connect(address).await.unwrap();
    let request = b"GET /v1/status/leader HTTP/1.1\r\nHost: x\r\n\r\n";
    idle.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"8300\"") {
        idle.read_buf(&mut answer).await.unwrap();
    }
    let connections = server.connections();
    until(|| connections.half_sent() == 1).await;
    for _ in 0..=HEADER_READ_TIMEOUT.as_secs() {
        connections.sweep();
    }
    assert_eq!(read_to_end(&mut half).await, "");
    idle.write_all(request).await.unwrap();
    assert!(idle.read_buf(&mut answer).await.unwrap() > 0);
}

#[tokio::test]
async fn http2_clients_are_served_too() {
    let (_server, address) = start(TransportSettings::default());
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let response = client
        .put(format!("http://{address}/v1/kv/a"))
        .body("over h2")
        .send()
        .await
        .unwrap();
    assert_eq!(response.version(), hyper::Version::HTTP_2);
    assert_eq!(response.headers()["x-consul-index"], "1");
    assert!(response.text().await.unwrap().contains("over h2"));
    let too_large = client
        .put(format!("http://{address}/v1/kv/a"))
        .body(vec![b'x'; BODY_MAX + 1])
        .send()
        .await;
    assert_eq!(too_large.unwrap().status(), 413);
}

#[tokio::test]
async fn unix_sockets_are_served_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http.sock");
    let listener = bind(
        &BindAddress::Unix(path.clone()),
        &UnixSocketSettings::default(),
    )
    .unwrap();
    let _server = start_on(listener, TransportSettings::default());
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    stream
        .write_all(b"GET /v1/status/leader HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(body_of(&answer), "\"127.0.0.1:8300\"");
}

#[tokio::test]
async fn shutdown_lets_requests_end_and_then_insists() {
    let (server, address) = start(TransportSettings::default());
    let waiting = tokio::spawn(async move { get(address, "/v1/wait").await });
    let stuck = tokio::spawn(async move { get(address, "/v1/stuck").await });
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /v1/status/leader HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    until(|| server.open_connections() == 3).await;
    let connections = server.connections();
    server.shutdown(Duration::from_millis(100)).await;
    assert_eq!(connections.open(), 0);
    assert_eq!(status_of(&waiting.await.unwrap()), "200");
    assert_eq!(stuck.await.unwrap(), "");
    read_to_end(&mut idle).await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn hundreds_of_idle_connections_cost_nobody_anything() {
    let (server, address) = start(TransportSettings::default());
    let mut idle = Vec::new();
    for _ in 0..400 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    until(|| server.open_connections() == 400).await;
    assert_eq!(status_of(&get(address, "/v1/status/leader").await), "200");
    drop(idle);
    until(|| server.open_connections() == 0).await;
}
