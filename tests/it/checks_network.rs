//! Checks over the network, each against a server of its own.

use serde_json::{Value, json};

use crate::checks_course::{self, Subject, Target};
use crate::support::counterparts::{self, AUTHORITY, Counterpart};
use crate::support::{TestAgent, own_address};

/// A check of a counterpart; in the texts, `ADDRESS` stands for where that is.
fn subject(
    name: &'static str,
    counterpart: Counterpart,
    check: impl Fn(&str) -> Value,
    texts: [&str; 3],
) -> Subject {
    let [passing, warning, critical] =
        texts.map(|text| text.replace("ADDRESS", &counterpart.address));
    Subject {
        name,
        check: check(&counterpart.address),
        target: Target::Counterpart(counterpart),
        passing,
        warning: (!warning.is_empty()).then_some(warning),
        critical,
    }
}

#[test]
fn ports_are_checked() {
    let agent = TestAgent::dev(&["-log-level=debug"]);
    let subjects = [
        subject(
            "tcp",
            counterparts::tcp(),
            |address| json!({"TCP": address}),
            [
                "TCP connect ADDRESS: Success",
                "",
                "dial tcp ADDRESS: connect: connection refused",
            ],
        ),
        subject(
            "udp",
            counterparts::udp(),
            |address| json!({"UDP": address}),
            [
                "UDP connect ADDRESS: Success",
                "",
                "->ADDRESS: read: connection refused",
            ],
        ),
    ];
    checks_course::run(&agent, &subjects);
}

#[test]
fn servers_of_http_and_grpc_are_checked() {
    let trust = format!("ca_file = {AUTHORITY:?} enable_agent_tls_for_checks = true");
    let args = ["-dev", "-node=n1", "-log-level=debug", "-hcl", &trust];
    let agent = TestAgent::start(own_address(), &args);
    let grpc = [
        "gRPC check ADDRESS: success",
        "",
        "gRPC application didn't report service healthy",
    ];
    let ping = ["HTTP2 ping was successful", "", "HTTP2 ping failed: "];
    let subjects = [
        subject(
            "http",
            counterparts::http1(),
            |address| {
                json!({"HTTP": format!("http://{address}/health"), "Method": "PUT",
                    "Header": {"X-From": ["us"]}})
            },
            [
                "HTTP PUT http://ADDRESS/health: 200 OK Output: HTTP/1 PUT from us",
                "HTTP PUT http://ADDRESS/health: 429 Too Many Requests Output: HTTP/1 PUT from us",
                "503 Service Unavailable Output: HTTP/1 PUT from us",
            ],
        ),
        subject(
            "http2",
            counterparts::http2_over_tls(),
            |address| json!({"HTTP": format!("https://{address}/"), "TLSServerName": "foo.test"}),
            [
                "HTTP GET https://ADDRESS/: 200 OK Output: HTTP/2 GET from nobody",
                "429 Too Many Requests Output: HTTP/2 GET from nobody",
                "503 Service Unavailable Output: HTTP/2 GET from nobody",
            ],
        ),
        subject(
            "grpc",
            counterparts::grpc(false),
            |address| json!({"GRPC": format!("{address}/some.Service")}),
            grpc,
        ),
        subject(
            "grpc-tls",
            counterparts::grpc(true),
            |address| json!({"GRPC": address, "GRPCUseTLS": true, "TLSServerName": "foo.test"}),
            grpc,
        ),
        subject(
            "h2ping",
            counterparts::h2ping(false),
            |address| json!({"H2PING": address, "H2PingUseTLS": false}),
            ping,
        ),
        subject(
            "h2ping-tls",
            counterparts::h2ping(true),
            |address| json!({"H2PING": address, "TLSServerName": "foo.test"}),
            ping,
        ),
    ];
    checks_course::run(&agent, &subjects);
}
