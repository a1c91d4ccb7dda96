//! `top` on a terminal, and as a stream of objects.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{PATIENCE, Terminal, TestAgent, is_installed, own_address, picture, text_of};

/// From the agent's end to a header that says so: a second for the dashboard, the rest for a machine that is busy with
/// other tests.
const STALE: Duration = Duration::from_secs(5);
const OTHER_SCREEN: &str = "\u{1b}[?1049h";
const OWN_SCREEN: &str = "\u{1b}[?1049l";
const CURSOR: &str = "\u{1b}[?25h";

fn top(agent: &TestAgent) -> Terminal {
    let command = agent.cli_command(&["top", "-ascii"]);
    Terminal::start(&command, 120, 40).unwrap()
}

/// Waits until the screen shows a text, drawn since a place.
fn shown(terminal: &Terminal, from: usize, text: &str) {
    let found = terminal.wait(from, PATIENCE, |screen| {
        screen.contains(text) || picture(screen).contains(text)
    });
    let screen = || picture(&terminal.since(from));
    assert!(found.is_some(), "no {text:?} in\n{}", screen());
}

fn kill(id: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &id.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// The other screen is left, and after that the cursor is shown and nothing else drawn.
fn assert_given_back(screen: &str, what: &str) {
    let (_, after) = screen
        .rsplit_once(OWN_SCREEN)
        .unwrap_or_else(|| panic!("{what}: {screen:?}"));
    // The cursor may be shown more than once.
    assert!(after.contains(CURSOR), "{what}: {after:?}");
    assert_eq!(after.replace(CURSOR, ""), "", "{what}");
}

#[test]
fn the_terminal_is_given_back_however_it_ends() {
    if !is_installed("setsid", "--version") {
        return;
    }
    let agent = TestAgent::dev(&[]).in_catalog();
    for way in ["-TERM", "-INT", "-HUP", "-QUIT", "q", "\u{3}", ":quit\r"] {
        let mut terminal = top(&agent);
        let before = terminal.modes();
        shown(&terminal, 0, "LEADER n1");
        assert_ne!(terminal.modes(), before, "raw while it runs");
        if way.starts_with('-') {
            kill(terminal.id(), way);
        } else {
            terminal.press(way);
        }
        let status = terminal.end(PATIENCE);
        assert_eq!(status.and_then(|it| it.code()), Some(0), "{way:?}");
        shown(&terminal, 0, CURSOR);
        assert_given_back(&terminal.since(0), way);
        assert_eq!(terminal.modes(), before, "{way:?}");
    }
}

#[test]
fn a_shell_suspends_and_continues_it() {
    if !is_installed("bash", "--version") || !is_installed("setsid", "--version") {
        return;
    }
    let agent = TestAgent::dev(&[]).in_catalog();
    let top = agent.cli_command(&["top", "-ascii"]);
    let mut shell = Command::new("bash");
    shell
        .args(["--norc", "--noprofile", "-i"])
        .env("PS1", "ready> ");
    for (name, value) in top.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let mut terminal = Terminal::start(&shell, 120, 40).unwrap();
    shown(&terminal, 0, "ready> ");
    let line = format!("{} top -ascii\r", top.get_program().to_string_lossy());
    terminal.press(&line);
    shown(&terminal, 0, "LEADER n1");
    for way in ["\u{1a}", "-TSTP"] {
        let from = terminal.count();
        if way.starts_with('-') {
            let found = Command::new("pgrep")
                .args(["-P", &terminal.id().to_string()])
                .output()
                .unwrap();
            kill(text_of(&found.stdout).trim().parse().unwrap(), way);
        } else {
            terminal.press(way);
        }
        shown(&terminal, from, "Stopped");
        shown(&terminal, from, "ready> ");
        let stopped = terminal.since(from);
        let (_, after) = stopped.rsplit_once(OWN_SCREEN).unwrap();
        assert!(after.contains(CURSOR), "{after:?}");
        assert!(
            !after.contains("LEADER"),
            "nothing is drawn on the shell's screen: {after:?}"
        );
        // The shell answers, and echoes what is typed: the terminal is no longer raw.
        let from = terminal.count();
        terminal.press("echo it-$((40+2))\r");
        shown(&terminal, from, "it-42");
        let from = terminal.count();
        terminal.press("fg\r");
        shown(&terminal, from, OTHER_SCREEN);
        shown(&terminal, from, "LEADER n1");
    }
    let from = terminal.count();
    terminal.press("?");
    shown(&terminal, from, "Keys");
    terminal.press("?q");
    shown(&terminal, from, "ready> ");
}

#[test]
fn without_a_shell_nobody_would_continue_it() {
    if !is_installed("setsid", "--version") {
        return;
    }
    let agent = TestAgent::dev(&[]).in_catalog();
    let mut terminal = top(&agent);
    shown(&terminal, 0, "LEADER n1");
    let from = terminal.count();
    terminal.press("\u{1a}");
    // It is drawn anew, and goes on.
    shown(&terminal, from, "LEADER n1");
    terminal.press("q");
    assert!(terminal.end(PATIENCE).is_some());
}

#[test]
fn an_agent_that_comes_and_goes_is_told_at_once() {
    if !is_installed("setsid", "--version") {
        return;
    }
    let (address, folder) = (own_address(), tempfile::tempdir().unwrap());
    let agent = TestAgent::server(address, folder.path(), &[]).in_catalog();
    let mut terminal = top(&agent);
    shown(&terminal, 0, "LEADER n1");
    shown(&terminal, 0, "live, ");
    assert!(!picture(&terminal.since(0)).contains("STALE"));
    let began = Instant::now();
    // Dropping it kills it.
    drop(agent);
    shown(&terminal, 0, "STALE");
    let took = began.elapsed();
    assert!(took <= STALE, "{took:?}");
    shown(&terminal, 0, "refused");
    let screen = picture(&terminal.since(0));
    assert!(screen.contains("LEADER n1"), "the data stays: {screen}");
    let agent = TestAgent::server(address, folder.path(), &[]);
    shown(&terminal, 0, "live, ");
    terminal.press("q");
    assert_eq!(terminal.end(PATIENCE).and_then(|it| it.code()), Some(0));
    drop(agent);
}

#[test]
fn objects_are_printed_a_line_each_until_somebody_ends_it() {
    let agent = TestAgent::dev(&[]).in_catalog();
    let args = ["top", "-format=json", "-interval=500"];
    let mut child = agent
        .cli_command(&args)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.take(3) {
        let report: Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert_eq!(report["schema"], "consulctl.top/1");
        assert_eq!(report["leader"]["name"], "n1");
        assert_eq!(report["nodes"]["alive"], 1);
    }
    // The reader is gone by now.
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let mut child = agent
        .cli_command(&args)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    kill(child.id(), "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn an_agent_that_is_away_is_an_object_too() {
    let mut command = TestAgent::dev(&[]).cli_command(&["top", "-format=json", "-interval=500"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let report: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(report["verdict"], "unknown");
    assert!(
        report["agent"]["error"]
            .as_str()
            .unwrap()
            .contains("refused"),
        "{report}"
    );
    kill(child.id(), "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
