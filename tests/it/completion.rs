//! Completion in real shells, which are typed to as people type, and what happens when the agent does not answer.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Lines, TestAgent, consulctl, is_installed, text_of};

/// What is typed, and the words that the command gets.
const TYPED: &[(&str, &[&str])] = &[
    ("force-leave we\t", &["force-leave", "web-7"]),
    ("memb\t-detai\t", &["members", "-detailed"]),
    ("kv get app/li\t", &["kv", "get", "app/limit"]),
    // A folder leaves room for more.
    ("kv get ap\tsu\tx\t", &["kv", "get", "app/sub/x:y"]),
    (
        "kv delete -recurse app/sp\t",
        &["kv", "delete", "-recurse", "app/spa ce"],
    ),
    ("kv get a\\ b:c\t", &["kv", "get", "a b:cd"]),
    ("kv get 'app/sp\t", &["kv", "get", "app/spa ce"]),
    ("kv get \"app/sp\t", &["kv", "get", "app/spa ce"]),
    ("rtt we\twe\t", &["rtt", "web-7", "web-7"]),
    (
        "catalog nodes -datacenter=d\t",
        &["catalog", "nodes", "-datacenter=dc1"],
    ),
    (
        "catalog nodes --datacenter d\t",
        &["catalog", "nodes", "--datacenter", "dc1"],
    ),
    (
        "catalog nodes -service bil\t",
        &["catalog", "nodes", "-service", "billing"],
    ),
    (
        "maint -enable -service=bil\t",
        &["maint", "-enable", "-service=billing-1"],
    ),
    (
        "services deregister -id bil\t",
        &["services", "deregister", "-id", "billing-1"],
    ),
    ("watch -type ser\t", &["watch", "-type", "service"]),
    ("operator raft list\t", &["operator", "raft", "list-peers"]),
];

/// A shell in a terminal of its own.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    lines: Lines,
}

impl Terminal {
    fn start(shell: &str, home: &std::path::Path, agent: &TestAgent) -> Self {
        let mut child = Command::new("script")
            .args(["--quiet", "--command", shell, "/dev/null"])
            .current_dir(home)
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .env("XDG_DATA_HOME", home.join(".local"))
            .env("ZDOTDIR", home)
            .env("TERM", "xterm")
            .env("CONSUL_HTTP_ADDR", agent.http().to_string())
            .env_remove("COMPLETE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let keys = child.stdin.take().unwrap();
        let lines = Lines::default();
        lines.collect(child.stdout.take().unwrap());
        Self { child, keys, lines }
    }

    /// Types, and waits for a line with `text`.
    fn type_until(&mut self, keys: &str, text: &str) {
        let from = self.lines.count();
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        let found = self.lines.wait(from, |line| line.contains(text));
        let all = || self.lines.text();
        assert!(
            found.is_some(),
            "{keys:?} did not become {text:?}:\n{}",
            all()
        );
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn agent() -> TestAgent {
    let agent = TestAgent::dev(&["-node=web-7"]).in_catalog();
    let service = r#"{"ID":"billing-1","Name":"billing"}"#;
    agent.put("/v1/agent/service/register", service);
    agent.wait_json("/v1/catalog/services", |found| found["billing"].is_array());
    for key in ["app/limit", "app/sub/x:y", "app/spa%20ce", "a%20b:cd"] {
        agent.put(&format!("/v1/kv/{key}"), "1");
    }
    agent
}

/// Installs completion for the shell, starts it, and types; the command itself only shows its words.
fn completes_in(shell: &str, flags: &str, function: &str) {
    if !(is_installed(shell, "--version") && is_installed("script", "--version")) {
        return;
    }
    let agent = agent();
    let home = tempfile::tempdir().unwrap();
    let installed = agent
        .cli_command(&["completion", "install", "-yes", shell])
        .env("HOME", home.path())
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("ZDOTDIR")
        .output()
        .unwrap();
    assert!(installed.status.success(), "{installed:?}");
    let mut terminal = Terminal::start(&format!("{shell} {flags}"), home.path(), &agent);
    terminal.type_until(&format!("{function}\n"), "ready.");
    for (typed, words) in TYPED {
        let words: Vec<String> = words.iter().map(|word| format!("<{word}>")).collect();
        terminal.type_until(
            &format!("consulctl {typed}\n"),
            &format!("got:{}.", words.concat()),
        );
    }
}

const POSIX: &str =
    r#"consulctl() { printf 'got:'; printf '<%s>' "$@"; echo .; }; printf 'rea%s\n' dy."#;

#[test]
fn bash_completes_names() {
    completes_in("bash", "--noprofile -i", POSIX);
}

#[test]
fn zsh_completes_names() {
    completes_in("zsh", "--no-globalrcs -i", POSIX);
}

#[test]
fn fish_completes_names() {
    let function = "function consulctl; printf 'got:'; printf '<%s>' $argv; echo .; end; printf 'rea%s\\n' dy.";
    completes_in("fish", "--interactive", function);
}

/// Runs the binary as a shell does.
fn asked(address: &str, words: &[&str]) -> std::process::Output {
    consulctl()
        .env("COMPLETE", "bash")
        .env("CONSUL_HTTP_ADDR", address)
        .args(["--", "consulctl"])
        .args(words)
        .output()
        .unwrap()
}

#[test]
fn an_agent_that_does_not_answer_costs_a_moment_and_no_message() {
    // It takes connections, and never says anything.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = mute.local_addr().unwrap().to_string();
    let began = Instant::now();
    let done = asked(&address, &["kv", "get", ""]);
    let took = began.elapsed();
    assert!(done.status.success());
    assert_eq!(
        (text_of(&done.stdout), text_of(&done.stderr)),
        (String::new(), String::new())
    );
    // The budget, and the start of a process on a busy machine.
    let bounds = Duration::from_millis(250)..Duration::from_secs(3);
    assert!(bounds.contains(&took), "{took:?}");
    for address in ["127.0.0.1:1", "foo://bar", "unix:///nonexistent"] {
        let done = asked(address, &["force-leave", ""]);
        assert_eq!(
            (text_of(&done.stdout), text_of(&done.stderr)),
            (String::new(), String::new())
        );
    }
}

#[test]
fn the_files_for_packagers_are_valid() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    for (shell, file) in [
        ("bash", "consulctl.bash"),
        ("zsh", "_consulctl"),
        ("fish", "consulctl.fish"),
    ] {
        let file = root.join(file);
        assert!(fs::metadata(&file).is_ok());
        if is_installed(shell, "--version") {
            let done = Command::new(shell).arg("-n").arg(&file).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        }
    }
}
