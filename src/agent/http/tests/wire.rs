//! What stands on the wire for each kind of request.

use std::io::Read;

use super::support::{ask, body_of, exchange, get, raw, start, status_of};
use crate::agent::http::{ResponseHeaders, TransportSettings};

#[tokio::test]
async fn an_answer_has_gos_spelling_and_consuls_headers() {
    let (_server, address) = start(TransportSettings::default());
    let answer = get(address, "/v1/kv/a%20b/c?p=1&p=2").await;
    assert_eq!(status_of(&answer), "200");
    for header in [
        "Content-Type: application/json\r\n",
        "Vary: Accept-Encoding\r\n",
        "X-Consul-Index: 1\r\n",
        "X-Consul-Knownleader: true\r\n",
        "X-Consul-Lastcontact: 0\r\n",
        "\r\nDate: ",
    ] {
        assert!(answer.contains(header), "{header} in {answer}");
    }
    assert_eq!(
        body_of(&answer),
        r#"{"Key":"a b/c","Body":"","P":["1","2"]}"#
    );
}

#[tokio::test]
async fn pretty_is_asked_for_or_always_on() {
    let (_server, address) = start(TransportSettings::default());
    assert!(
        body_of(&get(address, "/v1/kv/a?pretty").await).starts_with("{\n    \"Key\": \"a\",\n")
    );
    let always = TransportSettings {
        always_pretty: true,
        ..TransportSettings::default()
    };
    let (_server, address) = start(always);
    assert_eq!(
        body_of(&get(address, "/v1/status/leader").await),
        "\"127.0.0.1:8300\"\n"
    );
}

#[tokio::test]
async fn wrong_methods_name_the_right_ones() {
    let (_server, address) = start(TransportSettings::default());
    let answer = ask(address, "POST", "/v1/status/leader", "", b"").await;
    assert_eq!(status_of(&answer), "405");
    assert!(answer.contains("Allow: OPTIONS,GET\r\n"), "{answer}");
    assert!(
        answer.contains("Content-Type: text/plain; charset=utf-8\r\n"),
        "{answer}"
    );
    assert_eq!(body_of(&answer), "method POST not allowed");
    assert_eq!(
        status_of(&ask(address, "HEAD", "/v1/status/leader", "", b"").await),
        "405"
    );
    let answer = ask(address, "OPTIONS", "/v1/kv/a", "", b"").await;
    assert_eq!((status_of(&answer), body_of(&answer)), ("200", ""));
    assert!(
        answer.contains("Allow: OPTIONS,GET,PUT,DELETE\r\n"),
        "{answer}"
    );
    let answer = ask(address, "OPTIONS", "*", "", b"").await;
    assert_eq!((status_of(&answer), body_of(&answer)), ("200", ""));
}

#[tokio::test]
async fn paths_are_redirected_as_by_gos_mux() {
    let (_server, address) = start(TransportSettings::default());
    for (target, location) in [
        ("//v1/kv/a", "/v1/kv/a"),
        ("/v1/kv?keys", "/v1/kv/?keys"),
        ("/v1/kv/a%2F..%2Fb?x=1&y=%20", "/v1/kv/b?x=1&y=%20"),
        ("//v1/kv/a%ff", "/v1/kv/a%FF"),
        ("/v1/kv/a//b", "/v1/kv/a/b"),
    ] {
        let answer = get(address, target).await;
        assert_eq!(status_of(&answer), "301", "{target}");
        assert!(
            answer.contains(&format!("\r\nLocation: {location}\r\n")),
            "{answer}"
        );
        assert!(
            answer.contains("Content-Type: text/html; charset=utf-8\r\n"),
            "{answer}"
        );
        assert!(!answer.contains("Vary"), "{answer}");
        let shown = location.replace('&', "&amp;");
        let page = format!("<a href=\"{shown}\">Moved Permanently</a>.\n\n");
        assert_eq!(body_of(&answer), page);
    }
    let answer = ask(address, "PUT", "//v1/kv/a", "", b"x").await;
    assert_eq!((status_of(&answer), body_of(&answer)), ("301", ""));
}

#[tokio::test]
async fn unknown_paths_and_the_root() {
    let (_server, address) = start(TransportSettings::default());
    for target in ["/nope", "/v1", "/v1/catalog", "/v1/status/leader/", "/ui/"] {
        let answer = get(address, target).await;
        assert_eq!(
            (status_of(&answer), body_of(&answer)),
            ("404", ""),
            "{target}"
        );
        assert!(!answer.contains("Vary"), "{answer}");
    }
    let answer = get(address, "/").await;
    assert_eq!(
        (status_of(&answer), body_of(&answer)),
        ("200", "Consul Agent")
    );
}

#[tokio::test]
async fn unprintable_and_undecodable_targets_are_refused() {
    let (_server, address) = start(TransportSettings::default());
    for target in [
        "/v1/kv/a%01b",
        "/v1/kv/a%00",
        "/v1/kv/a%7f",
        "/v1/kv/a%c2%a0",
        "//x%01",
    ] {
        let answer = get(address, target).await;
        assert_eq!(
            (status_of(&answer), body_of(&answer)),
            ("400", ""),
            "{target}"
        );
    }
    assert_eq!(status_of(&get(address, "/v1/kv/%zz").await), "400");
    let answer = get(address, "/v1/kv/a?x=%zz").await;
    assert_eq!((status_of(&answer), body_of(&answer)), ("500", ""));
    assert_eq!(status_of(&get(address, "/v1/kv/a%ff").await), "200");
    let loose = TransportSettings {
        allow_unprintable: true,
        ..TransportSettings::default()
    };
    let (_server, address) = start(loose);
    assert_eq!(status_of(&get(address, "/v1/kv/a%01b").await), "200");
}

#[tokio::test]
async fn configuration_blocks_restricts_and_decorates() {
    let settings = TransportSettings {
        block_endpoints: vec!["/v1/status".to_owned()],
        allow_write_http_from: vec!["10.0.0.0/8".parse().unwrap()],
        response_headers: ResponseHeaders::parse([(&"x-foo".to_owned(), &"bar".to_owned())])
            .unwrap(),
        ..TransportSettings::default()
    };
    let (_server, address) = start(settings);
    let answer = ask(address, "OPTIONS", "/v1/status/leader", "", b"").await;
    assert_eq!(status_of(&answer), "403");
    assert_eq!(
        body_of(&answer),
        "Endpoint is blocked by agent configuration"
    );
    assert!(answer.contains("X-Foo: bar\r\n"), "{answer}");
    let answer = ask(address, "PUT", "/v1/kv/a", "", b"x").await;
    assert_eq!(
        (status_of(&answer), body_of(&answer)),
        ("403", "Access is restricted")
    );
    assert_eq!(
        status_of(&ask(address, "POST", "/v1/kv/a", "", b"x").await),
        "405"
    );
    assert_eq!(status_of(&get(address, "/v1/kv/a").await), "200");
    assert!(!get(address, "/nope").await.contains("X-Foo"));
}

#[tokio::test]
async fn errors_of_queries_keep_their_headers() {
    let (_server, address) = start(TransportSettings::default());
    let answer = ask(address, "PUT", "/v1/fail", "", b"").await;
    assert_eq!(
        (status_of(&answer), body_of(&answer)),
        ("500", "No cluster leader")
    );
    for header in ["X-Consul-Index: 1\r\n", "X-Consul-Knownleader: false\r\n"] {
        assert!(answer.contains(header), "{answer}");
    }
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_ask() {
    let (_server, address) = start(TransportSettings::default());
    let plain = get(address, "/v1/large").await;
    let request =
        "GET /v1/large HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
    let (head, packed) = raw(address, request).await;
    assert!(head.contains("Content-Encoding: gzip"), "{head}");
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(packed.as_slice())
        .read_to_string(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, body_of(&plain));
    assert!(packed.len() < unpacked.len() / 10);
    let small = ask(
        address,
        "GET",
        "/v1/status/leader",
        "Accept-Encoding: gzip\r\n",
        b"",
    )
    .await;
    assert_eq!(body_of(&small), "\"127.0.0.1:8300\"");
}

#[tokio::test]
async fn a_panic_is_an_answer_and_not_the_end() {
    let (_server, address) = start(TransportSettings::default());
    let two = "GET /v1/panic HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/status/leader HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = exchange(address, two).await;
    assert_eq!(status_of(&answer), "500");
    assert!(answer.contains("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (_server, address) = start(TransportSettings::default());
    let mut bytes = String::new();
    for n in 0..50 {
        bytes.extend([
            "GET /v1/kv/",
            &n.to_string(),
            " HTTP/1.1\r\nHost: x\r\n\r\n",
        ]);
    }
    bytes.push_str("GET /v1/kv/last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answer = exchange(address, bytes).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 51);
    let mut at = 0;
    for n in 0..50 {
        at += answer[at..]
            .find(&format!("\"Key\":\"{n}\""))
            .expect("in order");
    }
}

#[tokio::test]
async fn a_half_sent_second_request_does_not_hold_the_first_answer() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (_server, address) = start(TransportSettings::default());
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let one_and_a_half = "GET /v1/status/leader HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/st";
    stream.write_all(one_and_a_half.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"8300\"") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
    }
}

#[tokio::test]
async fn absurd_requests_get_an_error_or_a_closed_door() {
    let (_server, address) = start(TransportSettings::default());
    let line = "GET /v1/status/leader HTTP/1.1\r\n";
    let huge = format!("{line}Host: x\r\nX: {}\r\n\r\n", "a".repeat(2_000_000));
    let many = format!("{line}Host: x\r\n{}\r\n", "X: a\r\n".repeat(5_000));
    for (request, statuses) in [
        (format!("{line}\r\n"), &["400"][..]),
        (
            format!("{line}Host: x\r\nExpect: wonders\r\n\r\n"),
            &["417"],
        ),
        (format!("{line}Host: a\r\nHost: b\r\n\r\n"), &["400"]),
        ("GET /v1/status/leader\r\n\r\n".to_owned(), &["400"]),
        ("\u{16}\u{3}\u{1}\0\r\n\r\n".to_owned(), &["400"]),
        (format!("{line}Host: x\r\nX Y: a\r\n\r\n"), &["400"]),
        (format!("{line}Host: x\r\nX: a\u{1}b\r\n\r\n"), &["400"]),
        (
            "GET /v1/kv/a\u{1}b HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            &["400"],
        ),
        (
            "GET v1/kv/a HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            &["400", "404"],
        ),
        (
            "GET /v1/kv/a HTTP/3.0\r\nHost: x\r\n\r\n".to_owned(),
            &["400"],
        ),
        (
            "PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_owned(),
            &["400"],
        ),
        (
            format!(
                "GET /v1/kv/{} HTTP/1.1\r\nHost: x\r\n\r\n",
                "a".repeat(100_000)
            ),
            &["414"],
        ),
        (huge, &["431", "no answer"]),
        (many, &["431", "no answer"]),
    ] {
        let shown: String = request.chars().take(80).collect();
        let answer = half_closed(address, &request).await;
        assert!(
            statuses.contains(&status_of(&answer)),
            "{shown:?}: {answer}"
        );
    }
    assert_eq!(status_of(&get(address, "/v1/status/leader").await), "200");
}

/// Sends, hangs up for writing, and reads what comes.
async fn half_closed(address: std::net::SocketAddr, request: &str) -> String {
    use tokio::io::AsyncWriteExt;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    // The server may refuse before everything is sent.
    let _ = stream.write_all(request.as_bytes()).await;
    let _ = stream.shutdown().await;
    super::support::read_to_end(&mut stream).await
}

#[tokio::test]
async fn http_1_0_and_lf_and_absolute_targets_work() {
    let (_server, address) = start(TransportSettings::default());
    for request in [
        "GET /v1/status/leader HTTP/1.0\r\n\r\n",
        "GET /v1/status/leader HTTP/1.1\nHost: x\nConnection: close\n\n",
        "GET http://foo/v1/status/leader HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ] {
        let answer = exchange(address, request).await;
        assert_eq!(body_of(&answer), "\"127.0.0.1:8300\"", "{request:?}");
    }
}
