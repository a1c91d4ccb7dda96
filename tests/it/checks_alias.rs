//! TTL checks, which are told by their owner, and alias checks, which follow others, on their own
//! agent and on another.

use serde_json::json;

use crate::support::{TestAgent, TestCluster};

/// Waits until the catalog has this status and output of a service's check.
fn wait(agent: &TestAgent, service: &str, status: &str, output: &str) {
    agent.wait_json(&format!("/v1/health/checks/{service}"), |found| {
        let check = &found[0];
        let said = check["Output"].as_str().unwrap_or_default();
        check["Status"] == json!(status) && said.contains(output)
    });
}

#[test]
fn aliases_follow_a_ttl_check_on_their_own_agent_and_on_another() {
    let at_once = ["-hcl", "check_update_interval = \"0s\""];
    let mut cluster = TestCluster::servers_with(1, &at_once);
    let other = cluster.add("c1", &at_once);
    let (server, client) = (cluster.agent(0), cluster.agent(other));
    let register = |agent: &TestAgent, name: &str, check| {
        let service = json!({"Name": name, "Check": check});
        agent.put("/v1/agent/service/register", &service.to_string());
    };
    register(server, "web", json!({"CheckID": "told", "TTL": "1h"}));
    register(server, "here", json!({"AliasService": "web"}));
    register(
        client,
        "there",
        json!({"AliasNode": "s1", "AliasService": "web"}),
    );
    for (verb, status) in [
        ("pass", "passing"),
        ("warn", "warning"),
        ("fail", "critical"),
        ("pass", "passing"),
    ] {
        server.put(&format!("/v1/agent/check/{verb}/told?note=said-{verb}"), "");
        wait(server, "web", status, &format!("said-{verb}"));
        let followed = match status {
            "passing" => "All checks passing.".to_owned(),
            _ => format!("failing: said-{verb}"),
        };
        wait(server, "here", status, &followed);
        wait(server, "there", status, &followed);
    }
    let short = json!({"CheckID": "told", "TTL": "1s", "Status": "passing"});
    register(server, "web", short);
    for service in ["web", "here"] {
        wait(server, service, "critical", "TTL expired");
    }
    server.put("/v1/agent/service/deregister/web", "");
    let gone = "Service web could not be found on node ";
    wait(server, "here", "critical", gone);
}
