//! Against HTTP/2 servers on loopback that answer by hand.

use std::time::Duration;

use hyper::HeaderMap;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::agent::checks::runner::tls::tests::{acceptor, lent};
use crate::agent::checks::spec::TlsOptions;

const LONG: Duration = Duration::from_secs(30);
const SUCCESS: &[u8] = b"\0\0\0\0\x02\x08\x01";

/// What the server does with a call.
#[derive(Clone, Copy)]
enum Answer {
    /// A message, and `grpc-status` in the trailers.
    Message(&'static [u8], &'static str),
    /// Everything in the headers.
    HeadersOnly(&'static str),
    Reset,
}

/// Serves one connection with one call and returns what was asked.
async fn serve(stream: impl Stream, answer: Answer) -> (hyper::http::request::Parts, Vec<u8>) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    let (request, mut respond) = connection.accept().await.unwrap().unwrap();
    let (head, mut body) = request.into_parts();
    let exchange = async {
        let mut asked = Vec::new();
        while let Some(chunk) = body.data().await {
            asked.extend_from_slice(&chunk.unwrap());
        }
        let response = Response::builder().header("content-type", "application/grpc");
        match answer {
            Answer::Message(message, status) => {
                let response = response.body(()).unwrap();
                let mut stream = respond.send_response(response, false).unwrap();
                stream
                    .send_data(Bytes::from_static(message), false)
                    .unwrap();
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", status.parse().unwrap());
                stream.send_trailers(trailers).unwrap();
            }
            Answer::HeadersOnly(status) => {
                let response = response.header("grpc-status", status).body(()).unwrap();
                respond.send_response(response, true).unwrap();
            }
            Answer::Reset => respond.send_reset(h2::Reason::ENHANCE_YOUR_CALM),
        }
        asked
    };
    // Until the client hangs up; how it does is its own affair.
    let rest = async { while let Some(Ok(_)) = connection.accept().await {} };
    let (asked, ()) = tokio::join!(exchange, rest);
    (head, asked)
}

async fn server(
    tls: bool,
    answer: Answer,
) -> (String, JoinHandle<(hyper::http::request::Parts, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        if tls {
            let stream = acceptor(&["h2"], true).accept(stream).await.unwrap();
            serve(stream, answer).await
        } else {
            serve(stream, answer).await
        }
    });
    (address, serving)
}

fn probe(address: &str, service: &str, tls: bool) -> GrpcProbe {
    GrpcProbe {
        address: address.to_owned(),
        service: service.to_owned(),
        tls: tls.then(TlsOptions::default),
        timeout: LONG,
    }
}

async fn check(answer: Answer) -> Outcome {
    let (address, serving) = server(false, answer).await;
    let outcome = run(&probe(&address, "", false), &CheckTls::default()).await;
    serving.await.unwrap();
    outcome
}

#[tokio::test]
async fn a_serving_service_passes_with_and_without_tls() {
    for tls in [false, true] {
        let (address, serving) = server(tls, Answer::Message(SUCCESS, "0")).await;
        let outcome = run(&probe(&address, "a.B", tls), &lent(true)).await;
        let text = format!("gRPC check {address}: success");
        assert_eq!(outcome, Outcome::passing(text));
        let (head, asked) = serving.await.unwrap();
        assert_eq!(asked, b"\0\0\0\0\x05\x0a\x03a.B");
        assert_eq!(head.uri.path(), "/grpc.health.v1.Health/Check");
        assert_eq!(head.headers["te"], "trailers");
        assert_eq!(head.headers["grpc-timeout"], "30000m");
    }
}

#[tokio::test]
async fn anything_else_is_critical() {
    for (answer, text) in [
        (
            Answer::Message(b"\0\0\0\0\x02\x08\x02", "0"),
            "gRPC application didn't report service healthy",
        ),
        (
            Answer::HeadersOnly("5"),
            "rpc error: code = NotFound desc = ",
        ),
        (
            Answer::Message(SUCCESS, "14"),
            "rpc error: code = Unavailable desc = ",
        ),
        (
            Answer::HeadersOnly("0"),
            "rpc error: code = Internal desc = unexpected EOF",
        ),
        (
            Answer::Message(&[0; MAX_MESSAGE + 1], "0"),
            "rpc error: code = ResourceExhausted desc = received a message larger than 4096 bytes",
        ),
        (
            Answer::Reset,
            "rpc error: code = Internal desc = stream terminated by RST_STREAM with error code: \
             ENHANCE_YOUR_CALM",
        ),
    ] {
        assert_eq!(check(answer).await, Outcome::critical(text));
    }
}

#[tokio::test]
async fn connections_that_fail_are_told_in_gos_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await
                .unwrap();
        }
    });
    let error =
        |desc: &str| Outcome::critical(format!("rpc error: code = Unavailable desc = {desc}"));
    let outcome = run(&probe(&address, "", false), &lent(false)).await;
    assert_eq!(outcome, error("connection closed"));
    let outcome = run(&probe(&address, "", true), &lent(false)).await;
    let text = "connection error: desc = \"transport: authentication handshake failed: tls: first \
                record does not look like a TLS handshake\"";
    assert_eq!(outcome, error(text));
    serving.await.unwrap();
    let text = format!(
        "connection error: desc = \"transport: Error while dialing dial tcp {address}: connect: \
         connection refused\""
    );
    let outcome = run(&probe(&address, "", false), &lent(false)).await;
    assert_eq!(outcome, error(&text));
}

#[tokio::test]
async fn a_silent_server_runs_into_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    for tls in [false, true] {
        let silent = GrpcProbe {
            timeout: Duration::from_millis(50),
            ..probe(&address, "", tls)
        };
        let text = "rpc error: code = DeadlineExceeded desc = context deadline exceeded";
        assert_eq!(run(&silent, &lent(false)).await, Outcome::critical(text));
    }
}
