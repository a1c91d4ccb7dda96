//! Prepared queries over HTTP and DNS.

use std::net::SocketAddr;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use serde_json::{Value, json};

use crate::support::{Client, Dns, TestAgent};

/// Registers an instance of `web` and its check.
fn place(client: &mut Client, node: &str, address: &str, status: &str) {
    let body = json!({
        "Node": node, "Address": address,
        "Service": {"ID": "web", "Service": "web", "Port": 80, "Tags": ["v1"]},
        "Check": {"Node": node, "CheckID": format!("c-{node}"), "ServiceID": "web", "Status": status},
    });
    let answer = client.ask("PUT", "/v1/catalog/register", &body.to_string());
    assert_eq!(answer.text().trim(), "true");
}

fn create(client: &mut Client, body: &Value) -> String {
    let answer = client.ask("POST", "/v1/query", &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["ID"].as_str().unwrap().to_owned()
}

fn nodes(client: &mut Client, path: &str) -> Vec<String> {
    let answer = client.ask("GET", path, "");
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    let rows = body["Nodes"].as_array().unwrap();
    let names = rows.iter().map(|row| row["Node"]["Node"].as_str().unwrap());
    let mut names: Vec<_> = names.map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn a_query_is_stored_run_changed_and_removed() {
    let agent = TestAgent::dev(&[]);
    let mut client = agent.client();
    place(&mut client, "n1", "10.0.0.1", "passing");
    place(&mut client, "n2", "10.0.0.2", "warning");
    place(&mut client, "n3", "10.0.0.3", "critical");
    let id = create(
        &mut client,
        &json!({"Name": "q", "Service": {"Service": "web"}, "DNS": {"TTL": "7s"}}),
    );
    let one = client.ask("GET", &format!("/v1/query/{id}"), "");
    assert_eq!(one.json()[0]["Name"], "q");
    let index = one.index();
    for asked in ["q", "Q", id.as_str()] {
        let path = format!("/v1/query/{asked}/execute");
        assert_eq!(nodes(&mut client, &path), ["n1", "n2"]);
    }
    assert_eq!(nodes(&mut client, "/v1/query/q/execute?limit=1").len(), 1);
    let ran = client.ask("GET", "/v1/query/q/execute", "").json();
    let tail = json!([
        ran["Datacenter"],
        ran["Failovers"],
        ran["DNS"]["TTL"],
        ran["KnownLeader"]
    ]);
    assert_eq!(tail, json!(["dc1", 0, "7s", true]));

    let change = json!({"Name": "q", "Service": {"Service": "web", "OnlyPassing": true}});
    let changed = client.ask("PUT", &format!("/v1/query/{id}"), &change.to_string());
    assert_eq!((changed.status, changed.text().as_str()), (200, ""));
    assert_eq!(nodes(&mut client, "/v1/query/q/execute"), ["n1"]);
    // A blocking read with the old index sees the change at once.
    let news = client.ask("GET", &format!("/v1/query?index={index}&wait=60s"), "");
    assert!(news.index() > index);
    let removed = client.ask("DELETE", &format!("/v1/query/{id}"), "");
    assert_eq!(removed.status, 200);
    let gone = client.ask("GET", "/v1/query/q/execute", "");
    assert_eq!(
        (gone.status, gone.text().as_str()),
        (404, "Query not found")
    );
    assert_eq!(client.ask("GET", "/v1/query", "").json(), json!([]));
}

#[test]
fn names_in_dns_run_queries() {
    let agent = TestAgent::dev(&[]);
    let mut client = agent.client();
    place(&mut client, "n1", "10.0.0.1", "passing");
    place(&mut client, "n3", "10.0.0.3", "critical");
    let id = create(
        &mut client,
        &json!({"Name": "q", "Service": {"Service": "web"}, "DNS": {"TTL": "7s"}}),
    );
    create(
        &mut client,
        &json!({"Name": "near-", "Template": {"Type": "name_prefix_match"}, "Service": {"Service": "${name.suffix}"}}),
    );
    let dns = Dns::new(SocketAddr::from((agent.ip, 8600)));
    for (name, ttl) in [
        ("q.query.consul.".to_owned(), 7),
        ("Q.query.dc1.consul.".to_owned(), 7),
        (format!("{id}.query.consul."), 7),
        ("near-web.query.consul.".to_owned(), 0),
    ] {
        let answer = dns.ask(&name, RecordType::A);
        let rows: Vec<_> = answer
            .answers
            .iter()
            .map(|row| (row.ttl, row.data.to_string()))
            .collect();
        assert_eq!(rows, [(ttl, "10.0.0.1".to_owned())], "{name}");
    }
    let answer = dns.ask("q.query.consul.", RecordType::SRV);
    let row = answer.answers[0].data.to_string();
    assert_eq!(row, "1 1 80 n1.node.dc1.consul.");
    for (name, kind, code) in [
        ("q.query.consul.", RecordType::AAAA, ResponseCode::NoError),
        ("none.query.consul.", RecordType::A, ResponseCode::NXDomain),
        (
            "near-x.query.consul.",
            RecordType::A,
            ResponseCode::NXDomain,
        ),
        ("q.query.dc9.consul.", RecordType::A, ResponseCode::NXDomain),
    ] {
        let answer = dns.ask(name, kind);
        assert_eq!(answer.metadata.response_code, code, "{name}");
        assert!(answer.answers.is_empty());
    }
}
