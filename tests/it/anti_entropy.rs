//! The catalog has what the agents say, whatever happened to it or to them.

use serde_json::{Value, json};

use crate::support::{TestAgent, TestCluster};

fn register(agent: &TestAgent, service: &Value) {
    agent.put("/v1/agent/service/register", &service.to_string());
}

/// Writes into the catalog, past the agent.
fn damage(agent: &TestAgent, verb: &str, entry: &Value) {
    let mut entry = entry.clone();
    entry["Node"] = json!("n1");
    if verb == "register" {
        entry["Address"] = json!(agent.ip.to_string());
        entry["SkipNodeUpdate"] = json!(true);
    }
    agent.put(&format!("/v1/catalog/{verb}"), &entry.to_string());
}

/// Names and their values, sorted by name.
fn pairs<'a>(entries: impl Iterator<Item = (&'a str, &'a Value)>) -> Vec<(String, Value)> {
    let mut pairs: Vec<_> = entries
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs
}

/// IDs and tags of a node's services.
fn services(catalog_node: &Value) -> Vec<(String, Value)> {
    let services = catalog_node["Services"].as_object().into_iter().flatten();
    pairs(services.map(|(id, service)| (id.as_str(), &service["Tags"])))
}

/// IDs and statuses of a node's checks, but for the one of the gossip pool.
fn checks(health_node: &Value) -> Vec<(String, Value)> {
    let checks = health_node.as_array().into_iter().flatten();
    let checks = checks.map(|it| (it["CheckID"].as_str().unwrap_or_default(), &it["Status"]));
    pairs(checks.filter(|(id, _)| *id != "serfHealth"))
}

fn expected(pairs: &[(&str, Value)]) -> Vec<(String, Value)> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

/// Changes behind the agent's back, and one that is none of its business.
fn break_everything(agent: &TestAgent, other: &Value) {
    damage(agent, "deregister", &json!({"ServiceID": "lost"}));
    for service in [
        json!({"Service": "web", "Tags": other}),
        json!({"Service": "open", "Tags": other, "EnableTagOverride": true}),
        json!({"Service": "foreign"}),
    ] {
        damage(agent, "register", &json!({"Service": service}));
    }
    let flipped = json!({"CheckID": "flipped", "Name": "x", "ServiceID": "web",
        "Status": "critical"});
    let foreign = json!({"CheckID": "foreign", "Name": "x", "Status": "critical"});
    damage(agent, "register", &json!({"Checks": [flipped, foreign]}));
    let elsewhere = r#"{"Node": "n2", "Address": "10.0.0.2", "Service": {"Service": "theirs"}}"#;
    agent.put("/v1/catalog/register", elsewhere);
}

#[test]
fn a_damaged_catalog_is_put_right_by_the_next_sync() {
    let agent = TestAgent::dev(&[]).in_catalog();
    register(
        &agent,
        &json!({"Name": "lost", "Check": {"TTL": "1h", "Status": "passing"}}),
    );
    register(
        &agent,
        &json!({"Name": "web", "Tags": ["own"], "Check": {"CheckID": "flipped",
        "TTL": "1h", "Status": "passing"}}),
    );
    register(
        &agent,
        &json!({"Name": "open", "Tags": ["own"], "EnableTagOverride": true}),
    );
    let node = "/v1/catalog/node/n1";
    let of_node = "/v1/health/node/n1";
    let own = json!(["own"]);
    let all = expected(&[
        ("consul", json!([])),
        ("lost", json!([])),
        ("open", own.clone()),
        ("web", own.clone()),
    ]);
    agent.wait_json(node, |found| services(found) == all);
    let well = expected(&[
        ("flipped", json!("passing")),
        ("service:lost", json!("passing")),
    ]);
    agent.wait_json(of_node, |found| checks(found) == well);

    let other = json!(["other"]);
    break_everything(&agent, &other);
    let broken = expected(&[
        ("consul", json!([])),
        ("foreign", json!([])),
        ("open", other.clone()),
        ("web", other.clone()),
    ]);
    assert_eq!(services(&agent.json(node)), broken);
    let ill = expected(&[
        ("flipped", json!("critical")),
        ("foreign", json!("critical")),
    ]);
    assert_eq!(checks(&agent.json(of_node)), ill);

    // A full sync is due after a restore, here of the damage itself; otherwise within minutes.
    let archive = agent.send("GET", "/v1/snapshot", "").body;
    let restored = agent
        .client()
        .request("PUT", "/v1/snapshot", &archive)
        .unwrap();
    assert_eq!(restored.status, 200, "{}", restored.text());
    // Who may be overridden takes the tags over.
    let mended = expected(&[
        ("consul", json!([])),
        ("lost", json!([])),
        ("open", other.clone()),
        ("web", own),
    ]);
    agent.wait_json(node, |found| services(found) == mended);
    agent.wait_json(of_node, |found| checks(found) == well);
    assert_eq!(agent.json("/v1/agent/service/open")["Tags"], other);
    let theirs = agent.json("/v1/catalog/service/theirs");
    assert_eq!(theirs[0]["Node"], json!("n2"), "other nodes are left alone");
}

#[test]
fn an_outage_loses_and_doubles_nothing() {
    let mut cluster = TestCluster::servers(1);
    let at = cluster.add("c1", &[]);
    let named = |number: usize| format!("s{number:02}");
    // What an application reports outlives its agent, unlike a status it was registered with.
    let report = |agent: &TestAgent, number: usize| {
        let name = named(number);
        let service = json!({"Name": name, "Port": number, "Check": {"TTL": "1h"}});
        register(agent, &service);
        agent.put(&format!("/v1/agent/check/pass/service:{name}"), "");
    };
    for number in 0..12 {
        report(cluster.agent(at), number);
    }
    let count = |found: &Value| {
        found["Services"]
            .as_object()
            .map_or(0, serde_json::Map::len)
    };
    let node = "/v1/catalog/node/c1";
    cluster.agent(0).wait_json(node, |found| count(found) == 12);

    cluster.kill(0);
    let client = cluster.agent(at);
    for number in 12..15 {
        report(client, number);
    }
    for number in 0..2 {
        client.put(
            &format!("/v1/agent/service/deregister/{}", named(number)),
            "",
        );
    }
    client.put("/v1/agent/check/fail/service:s05?note=down", "");
    cluster.kill(at);
    cluster.start(at);
    let client = cluster.agent(at);
    let kept = client.json("/v1/agent/services");
    let kept = pairs(
        kept.as_object()
            .into_iter()
            .flatten()
            .map(|(id, it)| (id.as_str(), it)),
    );
    let kept: Vec<_> = kept.into_iter().map(|(id, _)| id).collect();
    let wanted: Vec<String> = (2..15).map(named).collect();
    assert_eq!(kept, wanted, "after a kill during the outage");

    cluster.start(0);
    cluster.leader();
    let wanted_services: Vec<_> = wanted.iter().map(|id| (id.clone(), json!([]))).collect();
    let status = |id: &str| if id == "s05" { "critical" } else { "passing" };
    let wanted_checks: Vec<_> = wanted
        .iter()
        .map(|id| (format!("service:{id}"), json!(status(id))))
        .collect();
    let server = cluster.agent(0);
    server.wait_json(node, |found| services(found) == wanted_services);
    server.wait_json("/v1/health/node/c1", |found| checks(found) == wanted_checks);
    let nodes = server.json("/v1/catalog/nodes");
    assert_eq!(nodes.as_array().map(Vec::len), Some(2), "{nodes}");
    let names = server.json("/v1/catalog/services");
    assert_eq!(
        names.as_object().map(serde_json::Map::len),
        Some(wanted.len() + 1),
        "{names}"
    );
}
