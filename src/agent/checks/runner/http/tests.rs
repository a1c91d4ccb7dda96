//! Against a one-shot server on loopback that records what it was asked.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::agent::checks::spec::TlsOptions;

/// Answers each connection with the next of `answers` and returns the requests it read.
async fn server(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                let mut chunk = [0; 1024];
                let count = stream.read(&mut chunk).await.unwrap();
                assert!(count > 0, "the client hung up");
                request.extend_from_slice(&chunk[..count]);
            }
            requests.push(String::from_utf8(request).unwrap());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    });
    (format!("http://{address}"), serving)
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn probe(url: &str) -> HttpProbe {
    HttpProbe {
        url: url.to_owned(),
        method: "GET".to_owned(),
        header: std::collections::BTreeMap::new(),
        body: String::new(),
        timeout: Duration::from_secs(10),
        follow_redirects: true,
        tls: TlsOptions::default(),
    }
}

async fn check(probe: &HttpProbe) -> Outcome {
    HttpRunner::new(probe, 16).run().await
}

#[tokio::test]
async fn statuses_map_as_consul_maps_them() {
    for (line, status) in [
        ("200 OK", Status::Passing),
        ("204 No Content", Status::Passing),
        ("429 Too Many Requests", Status::Warning),
        ("404 Not Found", Status::Critical),
        ("500 Internal Server Error", Status::Critical),
    ] {
        let (url, serving) = server(vec![answer(line, "body")]).await;
        let body = if line.starts_with("204") { "" } else { "body" };
        let text = format!("HTTP GET {url}: {line} Output: {body}");
        assert_eq!(check(&probe(&url)).await, Outcome::new(status, text));
        serving.await.unwrap();
    }
}

#[tokio::test]
async fn the_request_carries_consuls_headers_and_the_checks_own() {
    let (url, serving) = server(vec![answer("200 OK", "")]).await;
    let mut probe = probe(&url);
    probe.method = "POST".to_owned();
    probe
        .header
        .insert("x-two".to_owned(), vec!["a".to_owned(), "b".to_owned()]);
    check(&probe).await;
    let request = serving.await.unwrap().remove(0).to_ascii_lowercase();
    for line in [
        "post / http/1.1",
        "user-agent: consul health check",
        "accept: text/plain, text/*, */*",
        "connection: close",
        "x-two: a\r\nx-two: b",
    ] {
        assert!(request.contains(line), "{line} is missing in {request}");
    }
}

#[tokio::test]
async fn own_headers_replace_the_defaults() {
    let (url, serving) = server(vec![answer("200 OK", "")]).await;
    let mut probe = probe(&url);
    probe
        .header
        .insert("User-Agent".to_owned(), vec!["mine".to_owned()]);
    check(&probe).await;
    let request = serving.await.unwrap().remove(0).to_ascii_lowercase();
    assert!(request.contains("user-agent: mine") && !request.contains("consul health"));
}

#[tokio::test]
async fn only_the_tail_of_a_long_body_is_kept() {
    let (url, serving) = server(vec![answer("200 OK", &format!("{}END", "x".repeat(100)))]).await;
    let outcome = check(&probe(&url)).await;
    let tail = format!("{}END", "x".repeat(13));
    assert_eq!(
        outcome.output,
        format!("HTTP GET {url}: 200 OK Output: {tail}")
    );
    serving.await.unwrap();
}

#[tokio::test]
async fn redirects_are_followed_unless_disabled() {
    let moved = "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n".to_owned();
    let (url, serving) = server(vec![moved.clone(), answer("200 OK", "")]).await;
    assert_eq!(check(&probe(&url)).await.status, Status::Passing);
    assert!(serving.await.unwrap()[1].starts_with("GET /there "));
    let (url, serving) = server(vec![moved]).await;
    let stay = HttpProbe {
        follow_redirects: false,
        ..probe(&url)
    };
    let outcome = check(&stay).await;
    let text = format!("HTTP GET {url}: 302 Found Output: ");
    assert_eq!(outcome, Outcome::critical(text));
    serving.await.unwrap();
}

#[tokio::test]
async fn failures_are_told_in_gos_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/zz");
    let refused = format!("Get \"{url}\": dial tcp {address}: connect: connection refused");
    assert_eq!(check(&probe(&url)).await, Outcome::critical(refused));
    let scheme = "Get \"foo://x\": unsupported protocol scheme \"foo\"";
    assert_eq!(check(&probe("foo://x")).await, Outcome::critical(scheme));
    let relative = "parse \"::bad url\": missing protocol scheme";
    assert_eq!(
        check(&probe("::bad url")).await,
        Outcome::critical(relative)
    );
    let unknown =
        "Get \"http://nonesuch.invalid/\": dial tcp: lookup nonesuch.invalid: no such host";
    assert_eq!(
        check(&probe("http://nonesuch.invalid/")).await,
        Outcome::critical(unknown)
    );
}

#[tokio::test]
async fn a_silent_server_runs_into_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let silent = HttpProbe {
        timeout: Duration::from_millis(50),
        ..probe(&url)
    };
    let outcome = check(&silent).await;
    assert_eq!(outcome.status, Status::Critical);
    assert!(
        outcome.output.contains("context deadline exceeded"),
        "{}",
        outcome.output
    );
}

#[tokio::test]
async fn bad_methods_and_headers_are_critical() {
    let bad = HttpProbe {
        method: "G T".to_owned(),
        ..probe("http://127.0.0.1:1")
    };
    assert_eq!(
        check(&bad).await,
        Outcome::critical("net/http: invalid method \"G T\"")
    );
    let mut bad = probe("http://127.0.0.1:1");
    bad.header.insert("a b".to_owned(), vec![String::new()]);
    assert!(
        check(&bad)
            .await
            .output
            .contains("invalid header field \"a b\"")
    );
}

#[test]
fn failures_name_any_method_as_go_does() {
    for (method, shown) in [("GET", "Get"), ("éX", "éx"), ("", "")] {
        let probe = HttpProbe {
            method: method.to_owned(),
            ..probe("http://x")
        };
        let text = format!("{shown} \"http://x\": why");
        assert_eq!(failure(&probe, "why"), text);
    }
}
