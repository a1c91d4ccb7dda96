//! Walkthrough E: health checks in files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{TestAgent, own_address, started_and_ended};

const PING: &str =
    r#"{"check": {"name": "ping", "args": ["ping","-c1","localhost"], "interval": "30s"}}"#;
const WEB: &str = r#"{"service": {"name": "web", "tags": ["rails"], "port": 80,
    "check": {"args": ["curl","localhost"], "interval": "10s"}}}"#;

/// The walkthrough's two files in a folder, at the test's pace.
fn write(folder: &Path) {
    let quick = |text: &str| text.replace("30s", "1s").replace("10s", "1s");
    fs::write(folder.join("ping.json"), quick(PING)).unwrap();
    fs::write(folder.join("web.json"), quick(WEB)).unwrap();
}

/// A program that says how it was called and ends with an exit code.
fn program(folder: &Path, name: &str, code: u8) {
    let (new, file) = (folder.join("new"), folder.join(name));
    fs::write(
        &new,
        format!("#!/bin/sh\necho {name} \"$@\"\nexit {code}\n"),
    )
    .unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(new, file).unwrap();
}

fn command(config: &Path, programs: &Path, flags: &[&str]) -> (std::net::Ipv4Addr, Command) {
    let ip = own_address();
    let folder = format!("-config-dir={}", config.display());
    // Output that changes without the status waits for five minutes otherwise.
    let at_once = "check_update_interval = \"0s\"";
    let own = ["-dev", "-node=n1", folder.as_str(), "-hcl", at_once];
    let args = [&own, flags].concat();
    let mut command = TestAgent::command(ip, &args);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", programs.display()));
    (ip, command)
}

/// The IDs of checks, sorted.
fn ids(checks: &Value) -> Vec<&str> {
    let checks = checks.as_array().into_iter().flatten();
    let mut ids: Vec<&str> = checks
        .filter_map(|check| check["CheckID"].as_str())
        .collect();
    ids.sort_unstable();
    ids
}

#[test]
fn checks_of_files_run_where_scripts_are_allowed() {
    for flag in ["-enable-script-checks", "-enable-local-script-checks"] {
        let (config, programs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(config.path());
        program(programs.path(), "ping", 0);
        program(programs.path(), "curl", 7);
        let (ip, command) = command(config.path(), programs.path(), &[flag]);
        let agent = TestAgent::start_command(ip, command);
        let critical = "/v1/health/state/critical";
        let found = agent.wait_json(critical, |found| {
            ids(found) == ["service:web"] && found[0]["Output"] == json!("curl localhost\n")
        });
        assert_eq!(found[0]["ServiceTags"], json!(["rails"]));
        agent.wait_json("/v1/health/node/n1", |found| {
            let mut found = found.as_array().into_iter().flatten();
            found.any(|it| it["Output"] == json!("ping -c1 localhost\n") && it["Name"] == "ping")
        });
        program(programs.path(), "curl", 0);
        agent.wait_json(critical, |found| found == &json!([]));
        let passing = agent.json("/v1/health/service/web?passing");
        assert_eq!(passing[0]["Service"]["Port"], json!(80));
        agent.assert_healthy();
    }
}

#[test]
fn the_files_as_they_are_written_begin_critical() {
    let (config, programs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(config.path().join("ping.json"), PING).unwrap();
    fs::write(config.path().join("web.json"), WEB).unwrap();
    for name in ["ping", "curl"] {
        program(programs.path(), name, 2);
    }
    let (ip, command) = command(config.path(), programs.path(), &["-enable-script-checks"]);
    let agent = TestAgent::start_command(ip, command);
    let critical = "/v1/health/state/critical";
    agent.wait_json(critical, |found| ids(found) == ["ping", "service:web"]);
}

#[test]
fn scripts_that_are_not_allowed_and_the_old_spelling_are_refused() {
    let old = r#"{"check": {"name": "ping", "script": "ping -c1 localhost >/dev/null"}}"#;
    for (text, flags, told) in [
        (
            PING,
            &[][..],
            ["Scripts are disabled", "enable_script_checks"],
        ),
        (
            old,
            &["-enable-script-checks"],
            ["invalid config key check.script", "use \"args\""],
        ),
    ] {
        let (config, programs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(config.path().join("ping.json"), text).unwrap();
        let (_, command) = command(config.path(), programs.path(), flags);
        let (code, printed) = started_and_ended(command);
        assert_eq!(code, Some(1), "{printed}");
        for words in told {
            assert!(printed.contains(words), "{words} is missing in {printed}");
        }
    }
}
