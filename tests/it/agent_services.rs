//! Services and checks that are registered with the agent itself.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{TestAgent, own_address};

/// A service whose check must hear from its owner in time.
const WITH_TTL: &str = r#"{"ID": "web-1", "Name": "web", "Port": 80, "Tags": ["v1"],
    "Meta": {"team": "blue"}, "Check": {"CheckID": "alive", "TTL": "10m"}}"#;

fn status(agent: &TestAgent, wanted: &str) -> Value {
    agent.wait_json("/v1/health/checks/web", |checks| {
        checks[0]["Status"] == json!(wanted)
    })
}

#[test]
fn a_ttl_check_says_what_its_owner_says() {
    let agent = TestAgent::dev(&[]);
    agent.put("/v1/agent/service/register", WITH_TTL);
    let checks = status(&agent, "critical");
    assert_eq!(checks[0]["CheckID"], json!("alive"));
    assert_eq!(agent.json("/v1/health/service/web?passing"), json!([]));
    for (verb, wanted) in [
        ("pass", "passing"),
        ("warn", "warning"),
        ("fail", "critical"),
    ] {
        agent.put(
            &format!("/v1/agent/check/{verb}/alive?note=because+{verb}"),
            "",
        );
        let checks = status(&agent, wanted);
        assert_eq!(checks[0]["Output"], json!(format!("because {verb}")));
    }
    let update = r#"{"Status": "passing", "Output": "updated"}"#;
    agent.put("/v1/agent/check/update/alive", update);
    let passing = agent.wait_json("/v1/health/service/web?passing", |all| all[0].is_object());
    assert_eq!(passing[0]["Service"]["Meta"], json!({"team": "blue"}));
    let unknown = agent.send("PUT", "/v1/agent/check/pass/unknown", "");
    assert_eq!(unknown.status, 500, "{}", unknown.text());
    assert_eq!(
        unknown.text(),
        "CheckID \"unknown\" does not have associated TTL"
    );
    agent.put("/v1/agent/service/deregister/web-1", "");
    agent.wait_json("/v1/catalog/service/web", |all| *all == json!([]));
    assert_eq!(agent.json("/v1/agent/checks"), json!({}));
}

#[test]
fn a_ttl_that_is_over_is_critical() {
    let agent = TestAgent::dev(&[]);
    let check = r#"{"Name": "heartbeat", "TTL": "100ms", "Status": "passing"}"#;
    agent.put("/v1/agent/check/register", check);
    let node = "/v1/health/node/n1";
    let find = |checks: &Value| {
        let mut checks = checks.as_array().into_iter().flatten();
        checks
            .find(|check| check["CheckID"] == json!("heartbeat"))
            .cloned()
    };
    let over = agent.wait_json(node, |checks| {
        find(checks).is_some_and(|check| check["Status"] == json!("critical"))
    });
    let output = find(&over).unwrap()["Output"].as_str().unwrap().to_owned();
    assert!(output.starts_with("TTL expired"), "{output}");
}

#[test]
fn what_was_registered_survives_a_kill() {
    let (folder, ip) = (tempfile::tempdir().unwrap(), own_address());
    let start = |folder: &Path| TestAgent::server(ip, folder, &[]);
    let agent = start(folder.path());
    agent.put("/v1/agent/service/register", WITH_TTL);
    let check = r#"{"ID": "disk", "Name": "disk", "TTL": "10m", "Status": "passing"}"#;
    agent.put("/v1/agent/check/register", check);
    agent.put("/v1/agent/check/pass/alive?note=fine", "");
    agent.kill();
    let agent = start(folder.path());
    let services = agent.json("/v1/agent/services");
    assert_eq!(services["web-1"]["Tags"], json!(["v1"]));
    let checks = agent.json("/v1/agent/checks");
    assert_eq!(checks["disk"]["Name"], json!("disk"));
    assert_eq!(checks["alive"]["Status"], json!("passing"), "{checks}");
    status(&agent, "passing");
    agent.put("/v1/agent/service/deregister/web-1", "");
    agent.kill();
    let agent = start(folder.path());
    assert_eq!(agent.json("/v1/agent/services"), json!({}));
    agent.wait_json("/v1/catalog/service/web", |all| *all == json!([]));
    agent.assert_healthy();
}

#[test]
fn a_persisted_service_that_cannot_be_read_is_set_aside() {
    let (folder, ip) = (tempfile::tempdir().unwrap(), own_address());
    let agent = TestAgent::server(ip, folder.path(), &[]);
    agent.put("/v1/agent/service/register", WITH_TTL);
    agent.kill();
    let services = folder.path().join("services");
    let files: Vec<_> = std::fs::read_dir(&services)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    std::fs::write(&files[0], "{\"broken\": ").unwrap();
    let agent = TestAgent::server(ip, folder.path(), &[]);
    assert_eq!(agent.json("/v1/agent/services"), json!({}));
    let aside = services
        .join("set-aside")
        .join(files[0].file_name().unwrap());
    assert_eq!(std::fs::read(&aside).unwrap(), b"{\"broken\": ");
    let printed = agent.printed();
    assert!(printed.contains(files[0].to_str().unwrap()), "{printed}");
    agent.assert_healthy();
    agent.kill();
    // What is set aside is nobody's business any more.
    let agent = TestAgent::server(ip, folder.path(), &[]);
    agent.put("/v1/agent/service/register", WITH_TTL);
    agent.assert_healthy();
}

#[test]
fn maintenance_makes_a_service_critical() {
    let agent = TestAgent::dev(&[]);
    agent.put(
        "/v1/agent/service/register",
        r#"{"Name": "web", "Port": 80}"#,
    );
    agent.put(
        "/v1/agent/service/maintenance/web?enable=true&reason=upgrade",
        "",
    );
    let found = agent.wait_json("/v1/health/service/web", |all| {
        all[0]["Checks"]
            .as_array()
            .is_some_and(|checks| checks.len() == 2)
    });
    let checks = found[0]["Checks"].as_array().unwrap();
    let check = checks
        .iter()
        .find(|check| check["CheckID"] != json!("serfHealth"))
        .unwrap();
    assert_eq!(check["CheckID"], json!("_service_maintenance:web"));
    assert_eq!(
        (&check["Status"], &check["Notes"]),
        (&json!("critical"), &json!("upgrade"))
    );
    agent.put("/v1/agent/service/maintenance/web?enable=false", "");
    agent.wait_json("/v1/health/service/web?passing", |all| all[0].is_object());
}

#[test]
fn script_checks_must_be_allowed() {
    let check = r#"{"Name": "script", "Args": ["true"], "Interval": "1s"}"#;
    let agent = TestAgent::dev(&[]);
    let refused = agent.send("PUT", "/v1/agent/check/register", check);
    assert_eq!(refused.status, 500, "{}", refused.text());
    assert!(
        refused.text().contains("Scripts are disabled"),
        "{}",
        refused.text()
    );
    let agent = TestAgent::dev(&["-enable-script-checks"]);
    agent.put("/v1/agent/check/register", check);
    agent.wait_json("/v1/health/state/passing", |checks| {
        let mut checks = checks.as_array().into_iter().flatten();
        checks.any(|check| check["CheckID"] == json!("script"))
    });
}
