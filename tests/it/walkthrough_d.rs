//! Walkthrough D: configuration files.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{TestAgent, consulctl, own_address, started_and_ended, text_of, until};

/// The walkthrough's file for one of three servers; there may be no syslog.
fn server(at: usize, all: &[Ipv4Addr]) -> Value {
    let own = all[at].to_string();
    json!({"datacenter": "consul_cluster", "bind_addr": own, "data_dir": "D",
        "log_level": "INFO", "node_name": format!("consul-server0{}", at + 1), "server": true,
        "bootstrap_expect": 3, "client_addr": own, "enable_syslog": false,
        "rejoin_after_leave": true, "ui": true, "log_file": "logs/", "retry_join": all,
        "retry_interval": "3s", "enable_debug": false})
}

fn write(folder: &Path, config: &Value) {
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
}

/// Starts an agent in a folder by nothing but the file in it.
fn start(folder: &Path, ip: Ipv4Addr) -> TestAgent {
    let mut command = consulctl();
    command
        .args(["agent", "-config-file=config.json"])
        .current_dir(folder)
        .env(
            "CONSUL_LOCAL_CONFIG",
            r#"{"skip_leave_on_interrupt": true}"#,
        );
    TestAgent::start_command(ip, command)
}

#[test]
fn three_servers_start_from_the_file_and_reload_it() {
    let addresses: Vec<Ipv4Addr> = (0..3).map(|_| own_address()).collect();
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let agents: Vec<TestAgent> = (0..3)
        .map(|at| {
            let folder = folders[at].path();
            fs::create_dir(folder.join("logs")).unwrap();
            write(folder, &server(at, &addresses));
            start(folder, addresses[at])
        })
        .collect();
    let agent = &agents[0];
    until("there is a leader", || {
        let leader = agent.send("GET", "/v1/status/leader", "").text();
        leader.contains(":8300")
    });
    let known = |nodes: &Value| nodes.as_array().is_some_and(|all| all.len() == 3);
    agent.wait_json("/v1/catalog/nodes?dc=consul_cluster", known);
    assert!(folders[0].path().join("D").is_dir());
    assert!(
        fs::read_dir(folders[0].path().join("logs"))
            .unwrap()
            .count()
            > 0
    );

    let mut config = server(0, &addresses);
    config["log_level"] = json!("DEBUG");
    config["node_meta"] = json!({"rack": "7"});
    config["services"] = json!([{"name": "hup", "port": 1}]);
    config["checks"] = json!([{"name": "beat", "ttl": "1h", "status": "passing"}]);
    write(folders[0].path(), &config);
    let before = agent.line_count();
    agent.signal("HUP");
    agent.wait_json("/v1/catalog/service/hup", |found| {
        found[0]["NodeMeta"]["rack"] == "7"
    });
    agent.wait_json("/v1/health/state/passing", |found| {
        let mut found = found.as_array().into_iter().flatten();
        found.any(|check| check["CheckID"] == "beat")
    });
    agent.send("GET", "/v1/status/peers", "");
    agent.wait_line(before, "[DEBUG]");

    fs::write(folders[0].path().join("config.json"), "{\"server\": ").unwrap();
    let (code, told) = agent.cli_fails(&["reload"]);
    assert!(code == Some(1) && told.contains("config.json"), "{told}");
    assert!(
        agent.json("/v1/agent/services")["hup"].is_object(),
        "the old configuration stays"
    );
    agent.assert_healthy();
}

/// Every key that the walkthrough lists, with a value of its type.
const EVERY_KEY: &str = r#"{
"acl_datacenter": "dc1", "acl_default_policy": "allow", "acl_down_policy": "extend-cache",
"acl_master_token": "a", "acl_token": "b", "acl_ttl": "30s", "acl": {"enabled": false},
"addresses": {"dns": "127.0.0.1", "http": "127.0.0.1", "grpc": "127.0.0.1"},
"advertise_addr": "127.0.0.1", "advertise_addr_wan": "127.0.0.1", "bootstrap": false,
"bind_addr": "127.0.0.1", "ca_file": "", "ca_path": "", "cert_file": "", "key_file": "",
"check_update_interval": "5m", "client_addr": "127.0.0.1", "datacenter": "dc1", "data_dir": "D",
"disable_anonymous_signature": true, "disable_remote_exec": true, "disable_update_check": true,
"disable_host_node_id": true, "dns_config": {"allow_stale": true, "max_stale": "5s",
    "node_ttl": "1s", "service_ttl": {"*": "1s"}, "enable_truncate": true, "only_passing": true,
    "udp_answer_limit": 3, "a_record_limit": 1},
"domain": "consul.", "alt_domain": "alt.", "enable_debug": false, "enable_script_checks": false,
"enable_local_script_checks": true, "enable_syslog": false,
"encrypt": "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s=", "encrypt_verify_incoming": true,
"encrypt_verify_outgoing": true, "leave_on_terminate": true,
"limits": {"http_max_conns_per_client": 100}, "log_level": "INFO", "log_file": "logs/",
"log_json": false, "log_rotate_bytes": 100, "log_rotate_duration": "24h",
"log_rotate_max_files": 3, "node_name": "n1",
"node_id": "a58b5306-0000-0000-0000-000000000000", "node_meta": {"a": "b"},
"performance": {"raft_multiplier": 1}, "pid_file": "agent.pid",
"ports": {"dns": 8600, "http": 8500, "https": -1, "grpc": 8502, "serf_lan": 8301,
    "serf_wan": 8302, "server": 8300, "sidecar_min_port": 21000, "sidecar_max_port": 21255},
"primary_datacenter": "dc1", "protocol": 2, "raft_protocol": 3, "reconnect_timeout": "72h",
"recursors": ["127.0.0.1:53"], "recursor": "127.0.0.1:54", "rejoin_after_leave": true,
"retry_join": ["127.0.0.1"], "retry_join_wan": ["127.0.0.1"], "retry_interval": "3s",
"retry_max": 5, "segments": null, "server": true, "server_name": "x", "service": {"name": "a"},
"checks": [{"name": "b", "ttl": "5s"}], "skip_leave_on_interrupt": true, "start_join": [],
"start_join_wan": [], "statsd_addr": "127.0.0.1:8125", "statsite_addr": "127.0.0.1:8125",
"syslog_facility": "LOCAL0", "telemetry": {"prometheus_retention_time": "10s"},
"translate_wan_addrs": true, "ui": true, "ui_dir": "", "verify_incoming": false,
"verify_outgoing": false, "verify_server_hostname": false,
"watches": [{"type": "key", "key": "a", "args": ["true"]}], "connect": {"enabled": true},
"config_entries": {"bootstrap": []}
}"#;

#[test]
fn every_key_is_known_in_json_and_hcl() {
    let folder = tempfile::tempdir().unwrap();
    let all: Value = serde_json::from_str(EVERY_KEY).unwrap();
    let lines = all.as_object().unwrap().iter();
    // HCL takes JSON's values as they are, but for null.
    let lines = lines
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| format!("{key} = {}", value.to_string().replace("\":", "\"=")));
    let hcl = lines.collect::<Vec<_>>().join("\n");
    for (name, text) in [("all.json", all.to_string()), ("all.hcl", hcl)] {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        let output = consulctl().arg("validate").arg(&file).output().unwrap();
        assert!(
            output.status.success(),
            "{name}: {}",
            text_of(&output.stderr)
        );
    }
}

#[test]
fn an_unknown_key_stops_the_start_and_is_named_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let ip = own_address();
    let mut config = server(0, &[ip]);
    config["data_dirs"] = json!("D");
    write(folder.path(), &config);
    let mut command = consulctl();
    command
        .args(["agent", "-config-file=config.json"])
        .current_dir(folder.path());
    let (code, printed) = started_and_ended(command);
    assert_eq!(code, Some(1), "{printed}");
    assert!(
        printed.contains("data_dirs") && printed.contains("config.json"),
        "{printed}"
    );
}
