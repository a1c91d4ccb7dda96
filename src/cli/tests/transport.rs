use std::net::TcpListener;

use super::support::{Done, FakeApi, Setting, ask, header, ok, run, run_in, status};

#[test]
fn a_refused_connection_reads_like_go_and_says_what_to_try() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let done = run(&["members", &format!("-http-addr={free}")]);
    assert_eq!((done.code, done.out.as_str()), (1, ""));
    let mut lines = done.err.lines();
    let first = format!(
        "Error retrieving members: Get \"http://{free}/v1/agent/members?segment=_all\": dial tcp {free}: connect: connection refused"
    );
    assert_eq!(lines.next(), Some(first.as_str()));
    assert!(lines.all(|line| line.starts_with("hint: ")));
    assert!(done.err.contains("CONSUL_HTTP_ADDR"));
    let done = run(&["join", &format!("-http-addr={free}"), "10.0.0.1"]);
    assert!(
        done.err
            .starts_with("Error joining address '10.0.0.1': Put \"http://")
    );
    assert!(
        done.err.contains("\nFailed to join any nodes.\nhint: "),
        "{}",
        done.err
    );
}

#[test]
fn a_socket_that_does_not_exist_is_named() {
    let done = run(&["kv", "get", "-http-addr=unix:///nonexistent/c.sock", "a"]);
    let start = "Error querying Consul agent: Get \"http://%2Fnonexistent%2Fc.sock/v1/kv/a\": dial unix /nonexistent/c.sock: connect: no such file or directory\nhint: ";
    assert!(done.err.starts_with(start), "{}", done.err);
}

#[test]
fn tls_to_a_plain_port_is_explained() {
    let api = FakeApi::start(vec![]);
    let done = run(&["info", &format!("-http-addr=https://{}", api.address)]);
    assert_eq!(done.code, 1);
    assert!(done.err.contains("\nhint: "), "{}", done.err);
}

#[test]
fn token_credentials_and_namespace_are_sent() {
    let api = FakeApi::start(vec![ok("GET /v1/catalog/datacenters", "[\"dc1\"]")]);
    let variables = [
        ("CONSUL_HTTP_ADDR", api.address.as_str()),
        ("CONSUL_HTTP_TOKEN", "secret"),
        ("CONSUL_HTTP_AUTH", "user:pass"),
        ("CONSUL_NAMESPACE", "team"),
    ];
    let setting = Setting {
        variables: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        ..Setting::default()
    };
    let done = run_in(&["catalog", "datacenters"], setting);
    assert_eq!(done, Done::success("dc1\n"));
    let seen = &api.seen()[0];
    assert_eq!(seen.line, "GET /v1/catalog/datacenters?ns=team");
    assert_eq!(header(seen, "x-consul-token").as_deref(), Some("secret"));
    let basic = header(seen, "authorization");
    assert_eq!(basic.as_deref(), Some("Basic dXNlcjpwYXNz"));
}

#[test]
fn answers_that_are_no_success_are_printed_as_consul_does() {
    let api = FakeApi::start(vec![
        status("GET /v1/catalog/nodes", 403, "Permission denied"),
        status("GET /v1/operator/raft", 500, "No cluster leader"),
        ok("GET /v1/agent/self", "<html>"),
    ]);
    let done = ask(&api, &["catalog", "nodes"]);
    let text = "Error listing nodes: Unexpected response code: 403 (Permission denied)\nhint: ";
    assert!(done.err.starts_with(text), "{}", done.err);
    let done = ask(&api, &["operator", "raft", "list-peers"]);
    let text = "Error getting peers: Failed to retrieve raft configuration: Unexpected response code: 500 (No cluster leader)\nhint: ";
    assert!(done.err.starts_with(text), "{}", done.err);
    let done = ask(&api, &["info"]);
    let text = "Error querying agent: invalid character '<' looking for beginning of value\n";
    assert_eq!(done, Done::failure(text));
}
