//! Against a one-shot server on loopback that records what it was asked.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::agent::checks::runner::lookup::tests::all_turns;
use crate::agent::checks::runner::tls::tests::{acceptor, lent};
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
    HttpRunner::new(probe, 16, &lent(true)).run().await
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
    for (url, text) in [
        (
            "nothing",
            "Get \"nothing\": unsupported protocol scheme \"\"",
        ),
        (
            "http://x:99999/",
            "Get \"http://x:99999/\": dial tcp: address 99999: invalid port",
        ),
        (
            "http://x:zz/",
            "parse \"http://x:zz/\": invalid port \":zz\" after host",
        ),
    ] {
        assert_eq!(check(&probe(url)).await, Outcome::critical(text));
    }
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

#[tokio::test]
async fn requests_look_like_gos() {
    let (url, serving) = server(vec![answer("200 OK", ""), answer("200 OK", "")]).await;
    let mut put = probe(&url);
    put.method = "PUT".to_owned();
    put.header.insert("x-a".to_owned(), vec!["1".to_owned()]);
    check(&put).await;
    check(&HttpProbe {
        method: "HEAD".to_owned(),
        ..probe(&url)
    })
    .await;
    let requests = serving.await.unwrap();
    for line in [
        "Connection: close\r\n",
        "X-A: 1\r\n",
        "Accept-Encoding: gzip\r\n",
        "Content-Length: 0\r\n",
    ] {
        assert!(
            requests[0].contains(line),
            "{line} is missing in {}",
            requests[0]
        );
        let of_both = line.starts_with("Connection");
        assert_eq!(requests[1].contains(line), of_both, "{}", requests[1]);
    }
}

/// `fine` packed by gzip.
const PACKED: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 75, 203, 204, 75, 5, 0, 146, 84, 169, 190, 4, 0, 0, 0,
];

/// Answers one connection with bytes and reads until the client is gone.
async fn raw_server(answer: Vec<u8>) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut chunk = [0; 1024];
        assert!(stream.read(&mut chunk).await.unwrap() > 0);
        stream.write_all(&answer).await.unwrap();
    });
    (url, serving)
}

#[tokio::test]
async fn a_packed_body_is_unpacked_as_far_as_it_goes() {
    let packed = |body: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let torn = &PACKED[..16];
    for (body, text) in [(PACKED, "fine"), (torn, "fine"), (b"garbage", "")] {
        let (url, serving) = raw_server(packed(body)).await;
        let outcome = check(&probe(&url)).await;
        let output = format!("HTTP GET {url}: 200 OK Output: {text}");
        assert_eq!(outcome, Outcome::passing(output));
        serving.await.unwrap();
    }
    let (url, serving) = raw_server(packed(b"as it is")).await;
    let mut own = probe(&url);
    own.header
        .insert("accept-encoding".to_owned(), vec!["gzip".to_owned()]);
    let output = format!("HTTP GET {url}: 200 OK Output: as it is");
    assert_eq!(check(&own).await, Outcome::passing(output));
    serving.await.unwrap();
}

#[tokio::test]
async fn answers_that_are_none_are_told_in_gos_words() {
    let malformed = "net/http: HTTP/1.x transport connection broken: malformed HTTP response";
    for (bytes, cause) in [(&b""[..], "EOF"), (b"garbage\r\n\r\n", malformed)] {
        let (url, serving) = raw_server(bytes.to_vec()).await;
        let text = format!("Get \"{url}\": {cause}");
        assert_eq!(check(&probe(&url)).await, Outcome::critical(text));
        serving.await.unwrap();
    }
    let (url, serving) = raw_server(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
    let url = url.replace("http:", "https:");
    let cause = "tls: first record does not look like a TLS handshake";
    let text = format!("Get \"{url}\": {cause}");
    assert_eq!(check(&probe(&url)).await, Outcome::critical(text));
    serving.await.unwrap();
}

fn moved(status: &str, to: &str) -> String {
    format!("HTTP/1.1 {status}\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn a_redirect_too_many_names_the_last_place() {
    let (url, serving) = server(vec![moved("302 Found", "/loop"); MAX_REDIRECTS]).await;
    let text = "Get \"/loop\": stopped after 10 redirects";
    assert_eq!(check(&probe(&url)).await, Outcome::critical(text));
    assert_eq!(serving.await.unwrap().len(), MAX_REDIRECTS);
}

#[tokio::test]
async fn a_redirect_to_nowhere_says_where() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let there = format!("http://{address}/y?z");
    let none = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_owned();
    let (url, serving) = server(vec![none]).await;
    let text = format!("Get \"{url}\": 302 response missing Location header");
    assert_eq!(check(&probe(&url)).await, Outcome::critical(text));
    serving.await.unwrap();
    for (to, text) in [
        (
            there.as_str(),
            format!("Get \"{there}\": dial tcp {address}: connect: connection refused"),
        ),
        (
            "http://nonesuch.invalid/",
            "Get \"http://nonesuch.invalid/\": dial tcp: lookup nonesuch.invalid: no such host"
                .to_owned(),
        ),
        (
            "ftp://x/",
            "Get \"ftp://x/\": unsupported protocol scheme \"ftp\"".to_owned(),
        ),
    ] {
        let (url, serving) = server(vec![moved("303 See Other", to)]).await;
        assert_eq!(check(&probe(&url)).await, Outcome::critical(text));
        serving.await.unwrap();
    }
}

#[tokio::test]
async fn what_goes_along_with_a_redirect_is_gos() {
    let (there, at_there) = server(vec![answer("200 OK", ""), answer("200 OK", "")]).await;
    for status in ["302 Found", "307 X"] {
        let (url, serving) = server(vec![moved("308 X", "/a"), moved(status, &there)]).await;
        let mut probe = probe(&url);
        probe.method = "POST".to_owned();
        probe.body = "hello".to_owned();
        for (name, value) in [
            ("Authorization", "secret"),
            ("Host", "x.test"),
            ("X-A", "b"),
        ] {
            probe.header.insert(name.to_owned(), vec![value.to_owned()]);
        }
        let outcome = check(&probe).await;
        assert_eq!(outcome.status, Status::Passing, "{outcome:?}");
        let requests = serving.await.unwrap();
        let second = requests[1].to_ascii_lowercase();
        assert!(second.starts_with("post /a "), "{second}");
        for line in [
            "authorization: secret\r\n",
            "host: x.test\r\n",
            "x-a: b\r\n",
        ] {
            assert!(second.contains(line), "{line} in {second}");
        }
    }
    for (request, method) in at_there.await.unwrap().iter().zip(["GET", "POST"]) {
        let request = request.to_ascii_lowercase();
        assert!(
            request.starts_with(&method.to_ascii_lowercase()),
            "{request}"
        );
        assert!(request.contains("x-a: b\r\n") && request.contains("referer: http://"));
        assert!(
            !request.contains("secret") && !request.contains("x.test"),
            "{request}"
        );
        assert_eq!(request.contains("content-length: 5\r\n"), method == "POST");
    }
}

#[tokio::test]
async fn the_reason_is_the_servers() {
    for (line, status) in [
        ("501 Unsupported method ('get')", Status::Critical),
        ("200 Fine", Status::Passing),
    ] {
        let (url, serving) = server(vec![answer(line, "b")]).await;
        let text = format!("HTTP GET {url}: {line} Output: b");
        assert_eq!(check(&probe(&url)).await, Outcome::new(status, text));
        serving.await.unwrap();
    }
}

#[test]
fn urls_that_go_refuses_are_refused() {
    for (url, text) in [
        (
            "http:///x",
            "Get \"http:///x\": http: no Host in request URL",
        ),
        ("http://", "Get \"http:\": http: no Host in request URL"),
        ("http://?x", "Get \"http:?x\": http: no Host in request URL"),
        (
            "http://a/b\u{1}",
            "parse \"http://a/b\\x01\": net/url: invalid control character in URL",
        ),
        (
            "ftp://a/\0",
            "parse \"ftp://a/\\x00\": net/url: invalid control character in URL",
        ),
        (
            "http://a b/",
            "parse \"http://a b/\": invalid character \" \" in host name",
        ),
        (
            "http://a/%zz",
            "parse \"http://a/%zz\": invalid URL escape \"%zz\"",
        ),
        (
            "http://a/%é",
            "parse \"http://a/%é\": invalid URL escape \"%é\"",
        ),
        (
            "http://a/?b=c d",
            "Get \"http://a/?b=c d\": malformed HTTP request: a space in the URL's query; write it as %20",
        ),
    ] {
        assert_eq!(parse_url(&probe(url)), Err(text.to_owned()), "{url:?}");
    }
    for url in [
        "HTTP://a/b c",
        "http://a/é%20?%zz",
        "http://a#b c",
        "http://u p:w@a/",
    ] {
        assert!(parse_url(&probe(url)).is_ok(), "{url}");
    }
}

#[tokio::test]
async fn the_agents_tls_is_used() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        for _ in 0..2 {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = acceptor(&["http/1.1"], true).accept(stream).await.unwrap();
            let mut chunk = [0; 1024];
            assert!(stream.read(&mut chunk).await.unwrap() > 0);
            stream
                .write_all(answer("200 OK", "").as_bytes())
                .await
                .unwrap();
        }
    });
    for server_name in ["", "foo.test"] {
        let mut probe = probe(&url);
        probe.tls.server_name = server_name.to_owned();
        let text = format!("HTTP GET {url}: 200 OK Output: ");
        assert_eq!(check(&probe).await, Outcome::passing(text));
    }
    serving.await.unwrap();
}

#[tokio::test]
async fn a_body_without_an_end_is_judged_by_its_status() {
    let head = "Content-Type: text/event-stream\r\n\r\n";
    for (line, status) in [
        ("200 OK", Status::Passing),
        ("503 Service Unavailable", Status::Critical),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut chunk = [0; 1024];
            assert!(stream.read(&mut chunk).await.unwrap() > 0);
            let start = format!("HTTP/1.1 {line}\r\n{head}data: here\n");
            stream.write_all(start.as_bytes()).await.unwrap();
            // The stream stays open until the client is gone.
            while stream.read(&mut chunk).await.is_ok_and(|count| count > 0) {}
        });
        let endless = HttpProbe {
            timeout: Duration::from_secs(1),
            ..probe(&url)
        };
        let text = format!("HTTP GET {url}: {line} Output: data: here\n");
        assert_eq!(check(&endless).await, Outcome::new(status, text));
        serving.await.unwrap();
    }
}

#[tokio::test]
async fn a_body_that_never_pauses_ends_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut chunk = [0; 1024];
        assert!(stream.read(&mut chunk).await.unwrap() > 0);
        let head = b"HTTP/1.1 200 OK\r\n\r\n";
        stream.write_all(head).await.unwrap();
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    });
    let endless = HttpProbe {
        timeout: Duration::from_secs(1),
        ..probe(&url)
    };
    let text = format!("HTTP GET {url}: 200 OK Output: {}", "x".repeat(16));
    assert_eq!(check(&endless).await, Outcome::passing(text));
    serving.await.unwrap();
}

#[tokio::test]
async fn a_lookup_that_gets_no_turn_is_critical_and_says_so() {
    let turns = all_turns().await;
    let url = "http://queued.invalid/";
    let queued = HttpProbe {
        timeout: Duration::from_millis(50),
        ..probe(url)
    };
    let outcome = check(&queued).await;
    drop(turns);
    let text = format!("Get \"{url}\": dial tcp: {QUEUED}");
    assert_eq!(outcome, Outcome::critical(text));
}
