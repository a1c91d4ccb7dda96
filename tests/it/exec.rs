//! `exec`: a command on many nodes, ours and HashiCorp's.

use std::process::Output;

use serde_json::Value;

use crate::support::{Reference, TestAgent, consulctl, own_address, reference, text_of, until};

const ON: &str = "-hcl=disable_remote_exec = false";

/// Exit code and standard output.
fn told(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), text_of(&output.stdout))
}

fn one_node(node: &str, lines: &str, code: i32) -> String {
    format!(
        "{lines}==> {node}: finished with exit code {code}\n1 / 1 node(s) completed / acknowledged\n"
    )
}

/// What `exec` must do with an agent `node`, through `run`.
fn works(node: &str, run: &dyn Fn(&[&str], &[u8]) -> Output) {
    let exec = |args: &[&str], input: &[u8]| {
        let output = run(&[&["exec", "-wait=1s"], args].concat(), input);
        let errors = text_of(&output.stderr);
        assert_eq!(errors, "", "{args:?}");
        // The order of output and end is open in HashiCorp's program.
        let (code, text) = told(&output);
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        (code, lines.join("\n"))
    };
    let sorted = |text: &str| {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.join("\n")
    };
    let output = format!("    {node}: out\n    {node}:\n");
    assert_eq!(
        exec(&["echo out"], b""),
        (Some(0), sorted(&one_node(node, &output, 0)))
    );
    assert_eq!(
        exec(&["-shell=false", "echo", "out"], b""),
        (Some(0), sorted(&one_node(node, &output, 0)))
    );
    assert_eq!(
        exec(&["-"], b"#!/bin/sh\necho out >&2\nexit 3\n"),
        (Some(2), sorted(&one_node(node, &output, 3)))
    );
    // Longer than the caller's patience: signs of life keep it waiting.
    assert_eq!(
        exec(&["-wait=200ms", "sleep 1; echo out"], b""),
        (Some(0), sorted(&one_node(node, &output, 0)))
    );
    let nobody = "0 / 0 node(s) completed / acknowledged";
    assert_eq!(
        exec(&["-wait=200ms", "-node=^nobody$", "true"], b""),
        (Some(0), nobody.to_owned())
    );
}

fn with_ours(agent: &TestAgent, args: &[&str], input: &[u8]) -> Output {
    agent.cli_with_input(args, input)
}

/// Our command against an agent of HashiCorp's.
fn ours_against(agent: &Reference, args: &[&str], input: &[u8]) -> Output {
    let mut command = consulctl();
    command.env("CONSUL_HTTP_ADDR", format!("{}:8500", agent.process.ip));
    fed(command.args(args), input)
}

/// HashiCorp's command against an API.
fn theirs_against(program: &str, address: &str, args: &[&str], input: &[u8]) -> Output {
    let mut command = std::process::Command::new(program);
    command.env("CONSUL_HTTP_ADDR", address);
    fed(command.args(args), input)
}

fn fed(command: &mut std::process::Command, input: &[u8]) -> Output {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Most do not read.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[test]
fn our_agent_runs_what_our_command_asks_for() {
    let agent = TestAgent::dev(&[ON]).in_catalog();
    works("n1", &|args, input| with_ours(&agent, args, input));
    assert_eq!(agent.json("/v1/session/list"), Value::Array(Vec::new()));
    assert_eq!(agent.send("GET", "/v1/kv/_rexec?keys", "").status, 404);
    agent.assert_healthy();
}

#[test]
fn an_agent_that_was_not_told_to_runs_nothing() {
    let agent = TestAgent::dev(&[]).in_catalog();
    let output = agent.cli(&["exec", "-wait=500ms", "true"]);
    let text = "0 / 0 node(s) completed / acknowledged\n";
    assert_eq!(told(&output), (Some(0), text.to_owned()));
    agent.wait_line(0, "ignoring remote exec event, disabled.");
}

#[test]
fn hashicorps_command_runs_on_our_agent() {
    let Some(program) = reference() else {
        return;
    };
    let agent = TestAgent::dev(&[ON]).in_catalog();
    let address = agent.http().to_string();
    works("n1", &|args, input| {
        theirs_against(&program, &address, args, input)
    });
}

#[test]
fn both_commands_run_on_agents_of_both() {
    let Some(program) = reference() else {
        return;
    };
    let theirs = Reference::start(&program, "r1", &["-dev", ON]);
    let their_api = format!("{}:8500", theirs.process.ip);
    until("the node is in the catalog", || {
        theirs.client().ask("GET", "/v1/health/node/r1", "").text() != "[]"
    });
    works("r1", &|args, input| ours_against(&theirs, args, input));
    // A client agent of ours in their datacenter.
    let folder = tempfile::tempdir().unwrap();
    let data = format!("-data-dir={}", folder.path().display());
    let join = format!("-retry-join={}", theirs.process.ip);
    let ours = TestAgent::start(own_address(), &["-node=ours", &data, &join, ON]);
    ours.wait_json("/v1/catalog/nodes", |nodes| {
        nodes.as_array().is_some_and(|nodes| nodes.len() == 2)
    });
    let address = ours.http().to_string();
    let only = |args: &[&str]| -> Vec<String> {
        let (verb, rest) = args.split_first().unwrap();
        let mut words = vec![(*verb).to_owned(), "-node=^ours$".to_owned()];
        words.extend(rest.iter().map(|word| (*word).to_owned()));
        words
    };
    works("ours", &|args, input| {
        let words = only(args);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        theirs_against(&program, &their_api, &words, input)
    });
    works("ours", &|args, input| {
        let words = only(args);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        with_ours(&ours, &words, input)
    });
    // Both at once.
    for output in [
        theirs_against(&program, &address, &["exec", "-wait=1s", "echo hi"], b""),
        with_ours(&ours, &["exec", "-wait=1s", "echo hi"], b""),
    ] {
        let (code, text) = told(&output);
        assert_eq!(code, Some(0), "{output:?}");
        assert!(
            text.contains("    r1: hi\n") && text.contains("    ours: hi\n"),
            "{text}"
        );
        let end = "2 / 2 node(s) completed / acknowledged\n";
        assert!(text.ends_with(end), "{text}");
    }
}
