//! The agent's own services and checks: registration, health, maintenance, persistence.

use serde_json::{Value, json};

use crate::support::{Answer, TestAgent, own_address};

fn put(agent: &TestAgent, path: &str, body: &Value) -> Answer {
    agent.send("PUT", path, &body.to_string())
}

fn register(agent: &TestAgent, service: &Value) {
    let answer = put(agent, "/v1/agent/service/register", service);
    assert_eq!(
        (answer.status, answer.text()),
        (200, String::new()),
        "{service}"
    );
}

/// Waits until a check has a status in the catalog, and returns it.
fn wait_status(agent: &TestAgent, service: &str, status: &str) -> Value {
    let path = format!("/v1/health/checks/{service}");
    agent.wait_json(&path, |found| found[0]["Status"] == json!(status))
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of refusals")]
fn refusals_have_consuls_status_and_text() {
    let agent = TestAgent::dev(&[]);
    let service = "/v1/agent/service/register";
    let check = "/v1/agent/check/register";
    let update = "/v1/agent/check/update/t";
    for (path, body, status, text) in [
        (service, json!({"Name": ""}), 400, "Missing service name"),
        (
            service,
            json!({"Name": "a", "Address": "::"}),
            400,
            "Invalid service address",
        ),
        (
            service,
            json!({"Name": "a", "Weights": {"Passing": 0, "Warning": 0}}),
            400,
            "Invalid Weights: Passing must be greater than 0",
        ),
        (
            service,
            json!({"Name": "a", "Check": {"TTL": "1s", "Status": "wrong"}}),
            400,
            "Status for checks must 'passing', 'warning', 'critical'",
        ),
        (
            service,
            json!({"Nonsense": 1}),
            400,
            "Request decode failed: json: unknown field \"Nonsense\"",
        ),
        (
            check,
            json!({"Name": "x"}),
            400,
            "Invalid check: TTL must be > 0 for TTL checks",
        ),
        (
            check,
            json!({"Name": "x", "TTL": "1s", "ServiceID": "no"}),
            500,
            "ServiceID \"no\" does not exist",
        ),
        (
            check,
            json!({"Name": "x", "Args": ["true"], "Interval": "1s"}),
            500,
            "Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to true",
        ),
        (
            check,
            json!({"Name": "x", "GRPC": "127.0.0.1:1"}),
            400,
            "Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks",
        ),
        (
            update,
            json!({"Status": "nope"}),
            400,
            "Invalid check status: 'nope'",
        ),
        (
            update,
            json!({"Status": "passing"}),
            500,
            "CheckID \"t\" does not have associated TTL",
        ),
        (
            "/v1/agent/service/maintenance/no?enable=1",
            json!(""),
            404,
            "No service registered with ID \"no\"",
        ),
        (
            "/v1/agent/maintenance?enable=maybe",
            json!(""),
            400,
            "Invalid value for enable: \"maybe\"",
        ),
        (
            "/v1/agent/service/deregister/",
            json!(""),
            500,
            "ServiceID missing",
        ),
        (
            "/v1/agent/check/deregister/",
            json!(""),
            500,
            "CheckID missing",
        ),
    ] {
        let answer = put(&agent, path, &body);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (status, text),
            "{path} {body}"
        );
    }
    assert_eq!(agent.json("/v1/agent/services"), json!({}));
    assert_eq!(agent.json("/v1/agent/checks"), json!({}));
    agent.put("/v1/agent/service/deregister/no", "");
    agent.put("/v1/agent/check/deregister/no", "");
    agent.assert_healthy();
}

#[test]
fn a_ttl_check_lives_by_its_reports() {
    let agent = TestAgent::dev(&[]);
    register(
        &agent,
        &json!({"Name": "web", "Tags": ["t"], "Check": {"TTL": "1s"}}),
    );
    wait_status(&agent, "web", "critical");
    agent.put("/v1/agent/check/pass/service:web?note=all%20well", "");
    let passing = wait_status(&agent, "web", "passing");
    assert_eq!(passing[0]["Output"], json!("all well"));
    assert_eq!(passing[0]["Type"], json!("ttl"));
    let expired = wait_status(&agent, "web", "critical");
    let output = "TTL expired (last output before timeout follows): all well";
    assert_eq!(expired[0]["Output"], json!(output));
    agent.put(
        "/v1/agent/check/update/service:web",
        r#"{"Status":"warning","Output":"meh"}"#,
    );
    wait_status(&agent, "web", "warning");
    agent.put("/v1/agent/service/deregister/web", "");
    agent.wait_json("/v1/catalog/services", |found| found.get("web").is_none());
    assert_eq!(agent.json("/v1/health/checks/web"), json!([]));
}

#[test]
fn health_is_a_status_code() {
    let agent = TestAgent::dev(&[]);
    register(
        &agent,
        &json!({"Name": "web", "Check": {"TTL": "1h", "Status": "passing"}}),
    );
    register(
        &agent,
        &json!({"Name": "web", "ID": "web-2", "Check": {"TTL": "1h", "Status": "warning"}}),
    );
    let ask = |path: &str| {
        let answer = agent.send("GET", &format!("/v1/agent/health/service/{path}"), "");
        let reason = answer
            .header("X-Consul-Reason")
            .unwrap_or_default()
            .to_owned();
        (answer.status, reason, answer)
    };
    for (path, status, reason) in [
        ("id/web", 200, "passing"),
        ("id/web-2", 429, "warning"),
        ("name/web", 429, "warning"),
        ("id/none", 404, "ServiceId none not found"),
        ("name/none", 404, "ServiceName none Not Found"),
    ] {
        let (found, why, _) = ask(path);
        assert_eq!((found, why.as_str()), (status, reason), "{path}");
    }
    let (_, _, answer) = ask("name/web?format=text");
    assert_eq!(answer.text(), "warning");
    assert_eq!(answer.header("Content-Type"), Some("text/plain"));
    agent.put(
        "/v1/agent/service/maintenance/web?enable=true&reason=why",
        "",
    );
    let (status, reason, answer) = ask("id/web");
    assert_eq!((status, reason.as_str()), (503, "maintenance"));
    assert_eq!(answer.json()["Checks"][0]["Notes"], json!("why"));
    agent.put("/v1/agent/maintenance?enable=true", "");
    let down = |found: &Value| {
        found
            .as_array()
            .is_some_and(|all| all.iter().any(|it| it["CheckID"] == "_node_maintenance"))
    };
    agent.wait_json("/v1/health/node/n1", down);
    agent.put("/v1/agent/maintenance?enable=false", "");
    agent.wait_json("/v1/health/node/n1", |found| !down(found));
    agent.put("/v1/agent/service/maintenance/web?enable=false", "");
    assert_eq!(ask("id/web").0, 200);
}

#[test]
fn a_change_wakes_who_waits_for_another_hash() {
    let agent = TestAgent::dev(&[]);
    register(&agent, &json!({"Name": "web", "Port": 1}));
    let first = agent.send("GET", "/v1/agent/service/web", "");
    let hash = first
        .header("X-Consul-Contenthash")
        .expect("a hash")
        .to_owned();
    assert_eq!(first.json()["ContentHash"], json!(hash));
    let mut waiting = agent.client();
    let path = format!("/v1/agent/service/web?hash={hash}&wait=20s");
    waiting.send("GET", &path, b"").expect("sent");
    register(&agent, &json!({"Name": "web", "Port": 2}));
    let second = waiting.answer().expect("answered");
    assert_eq!(second.json()["Port"], json!(2));
    assert_ne!(second.header("X-Consul-Contenthash"), Some(hash.as_str()));
    let unchanged = format!(
        "/v1/agent/service/web?hash={}&wait=10ms",
        second.json()["ContentHash"].as_str().expect("a hash")
    );
    assert_eq!(agent.send("GET", &unchanged, "").json()["Port"], json!(2));
}

#[test]
fn scripts_and_sockets_are_checked() {
    let agent = TestAgent::dev(&["-enable-script-checks"]);
    let script = json!({"Args": ["sh", "-c", "echo hi; exit 1"], "Interval": "1s"});
    register(&agent, &json!({"Name": "script", "Check": script}));
    let found = wait_status(&agent, "script", "warning");
    assert_eq!(found[0]["Output"], json!("hi\n"));
    let api = agent.http().to_string();
    register(
        &agent,
        &json!({"Name": "tcp", "Check": {"TCP": api, "Interval": "1s"}}),
    );
    let found = wait_status(&agent, "tcp", "passing");
    assert_eq!(
        found[0]["Output"],
        json!(format!("TCP connect {api}: Success"))
    );
    let url = format!("http://{api}/v1/status/peers");
    register(
        &agent,
        &json!({"Name": "http", "Check": {"HTTP": url, "Interval": "1s"}}),
    );
    let found = wait_status(&agent, "http", "passing");
    let output = found[0]["Output"].as_str().expect("a text").to_owned();
    assert!(
        output.starts_with(&format!("HTTP GET {url}: 200 OK Output: [")),
        "{output}"
    );
    register(
        &agent,
        &json!({"Name": "alias", "Check": {"AliasService": "script"}}),
    );
    wait_status(&agent, "alias", "warning");
}

#[test]
fn registrations_survive_a_kill_and_files_win() {
    let folder = tempfile::tempdir().expect("a folder");
    let ip = own_address();
    let agent = TestAgent::server(ip, folder.path(), &[]);
    register(
        &agent,
        &json!({"Name": "api", "Port": 9, "Check": {"TTL": "1h"}}),
    );
    agent.put("/v1/agent/check/pass/service:api?note=fine", "");
    register(&agent, &json!({"Name": "shared", "Port": 1}));
    agent.kill();
    let file = folder.path().join("shared.json");
    std::fs::write(&file, r#"{"service": {"name": "shared", "port": 2}}"#).expect("written");
    let option = format!("-config-file={}", file.display());
    let agent = TestAgent::server(ip, folder.path(), &[&option]);
    let services = agent.json("/v1/agent/services");
    assert_eq!(
        (&services["api"]["Port"], &services["shared"]["Port"]),
        (&json!(9), &json!(2))
    );
    let check = &agent.json("/v1/agent/checks")["service:api"];
    assert_eq!(
        (&check["Status"], &check["Output"]),
        (&json!("passing"), &json!("fine"))
    );
    agent.wait_json("/v1/catalog/service/shared", |found| {
        found[0]["ServicePort"] == json!(2)
    });

    std::fs::write(&file, r#"{"service": {"name": "shared", "port": 3}}"#).expect("written");
    agent.put("/v1/agent/reload", "");
    agent.wait_json("/v1/catalog/service/shared", |found| {
        found[0]["ServicePort"] == json!(3)
    });
    std::fs::write(
        &file,
        r#"{"service": {"name": "shared", "port": 4, "weights": {"passing": 0}}}"#,
    )
    .expect("written");
    let answer = agent.send("PUT", "/v1/agent/reload", "");
    assert_ne!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        agent.json("/v1/agent/service/shared")["Port"],
        json!(3),
        "the old one stays"
    );
    agent.assert_healthy();
}
