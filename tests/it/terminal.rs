//! Commands as people use them: followed, traced, and cut off.

use std::process::Stdio;

use serde_json::Value;

use crate::support::{Lines, TestAgent, own_address, text_of, until};

/// A command that runs until the test ends it.
struct Running {
    child: std::process::Child,
    lines: Lines,
}

impl Running {
    fn start(agent: &TestAgent, args: &[&str]) -> Self {
        let mut command = agent.cli_command(args);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Lines::default();
        lines.collect(child.stdout.take().unwrap());
        lines.collect(child.stderr.take().unwrap());
        Self { child, lines }
    }

    fn line(&self, from: usize, text: &str) -> String {
        let found = self.lines.wait(from, |line| line.contains(text));
        found.unwrap_or_else(|| panic!("no {text:?} in:\n{}", self.lines.text()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn interrupt(running: &mut Running) -> Option<i32> {
    let id = running.child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(sent.unwrap().success());
    running.child.wait().unwrap().code()
}

#[test]
fn keys_are_followed_as_text_and_as_json() {
    let agent = TestAgent::dev(&[]);
    agent.put("/v1/kv/app/a", "1");
    let mut text = Running::start(&agent, &["kv", "get", "-watch", "-recurse", "app/"]);
    let mut json = Running::start(&agent, &["kv", "get", "-watch", "-o=json", "app/a"]);
    assert!(text.line(0, "added").ends_with("  app/a:1"));
    let first: Value = serde_json::from_str(&json.line(0, "\"added\"")).unwrap();
    assert_eq!(first["object"]["Key"], "app/a");
    assert!(first["at"].as_str().unwrap().ends_with('Z'));
    agent.put("/v1/kv/app/b", "2");
    text.line(1, "app/b:2");
    agent.put("/v1/kv/app/a", "3");
    assert!(text.line(2, "changed").ends_with("  app/a:3"));
    json.line(1, "\"changed\"");
    agent.send("DELETE", "/v1/kv/app/a", "");
    text.line(3, "removed");
    json.line(2, "\"removed\"");
    assert_eq!(interrupt(&mut text), Some(0));
    assert_eq!(interrupt(&mut json), Some(0));
}

#[test]
fn members_and_numbers_are_followed() {
    let agent = TestAgent::dev(&["-node=srv-1"]).in_catalog();
    let mut members = Running::start(&agent, &["members", "-watch"]);
    assert!(members.line(0, "added").contains("srv-1"));
    let mut info = Running::start(&agent, &["info", "-watch"]);
    info.line(0, "raft.commit_index = ");
    let before = info.lines.count();
    agent.put("/v1/kv/a", "1");
    info.line(before, "changed  raft.commit_index = ");
    assert_eq!(interrupt(&mut members), Some(0));
    assert_eq!(interrupt(&mut info), Some(0));
}

#[test]
fn the_log_goes_on_when_the_agent_comes_back_and_a_script_s_ends() {
    let folder = tempfile::tempdir().unwrap();
    let address = own_address();
    let agent = TestAgent::server(address, folder.path(), &[]);
    let mut log = Running::start(&agent, &["monitor", "-reconnect", "-log-level=debug"]);
    let mut script = Running::start(&agent, &["monitor", "-log-level=debug"]);
    for running in [&log, &script] {
        // Whoever sees a line sees all that come later.
        running.line(0, "/v1/agent/monitor");
        agent.put("/v1/kv/a", "1");
        running.line(0, "/v1/kv/a");
    }
    agent.kill();
    log.line(0, "; again in 1 s");
    script.line(0, "Remote side ended the monitor!");
    assert_eq!(script.child.wait().unwrap().code(), Some(1));
    let agent = TestAgent::server(address, folder.path(), &[]);
    log.line(0, "the stream goes on");
    agent.put("/v1/kv/b", "1");
    log.line(0, "/v1/kv/b");
    assert_eq!(interrupt(&mut log), Some(0));
}

#[test]
fn the_catalog_is_followed() {
    let agent = TestAgent::dev(&["-node=srv-1"]).in_catalog();
    let mut nodes = Running::start(&agent, &["catalog", "nodes", "-watch"]);
    let mut services = Running::start(&agent, &["catalog", "services", "-watch", "-o=json"]);
    assert!(nodes.line(0, "added").contains("srv-1"));
    services.line(0, "\"Name\":\"consul\"");
    let node = r#"{"Node": "other", "Address": "10.0.0.9", "Service": {"Service": "web"}}"#;
    agent.put("/v1/catalog/register", node);
    assert!(nodes.line(1, "added").contains("10.0.0.9"));
    services.line(1, "\"Name\":\"web\"");
    assert_eq!(interrupt(&mut nodes), Some(0));
    assert_eq!(interrupt(&mut services), Some(0));
}

#[test]
fn requests_are_shown_without_the_token() {
    let agent = TestAgent::dev(&[]);
    let mut command = agent.cli_command(&["kv", "put", "-token=sesame-1234", "a", "1"]);
    let done = command.env("CONSULCTL_DEBUG", "api").output().unwrap();
    let (out, err) = (text_of(&done.stdout), text_of(&done.stderr));
    assert_eq!(out, "Success! Data written to: a\n");
    let start = format!("api: Put \"http://{}/v1/kv/a\": 200, ", agent.http());
    assert!(
        err.starts_with(&start) && err.ends_with(", token hidden\n"),
        "{err}"
    );
    assert!(!err.contains("sesame"), "{err}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let agent = TestAgent::dev(&[]);
    let mut child = agent
        .cli_command(&["kv", "get", "-watch", "-keys", ""])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    agent.put("/v1/kv/a", "1");
    let mut number = 1;
    until("the command ends", || {
        number += 1;
        agent.put(&format!("/v1/kv/a{number}"), "1");
        child.try_wait().unwrap().is_some()
    });
    let done = child.wait_with_output().unwrap();
    assert_eq!(
        (done.status.code(), text_of(&done.stderr)),
        (Some(0), String::new())
    );
}
