//! Agents in processes of their own, and the commands that talk to them.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::PATIENCE;
use super::http::{Answer, Client};
use super::lines::Lines;

/// A loopback address that no other test of any process uses at the moment.
pub(crate) fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let process = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + process[3] % 128, process[2] ^ high, low)
}

/// The program under test, without what the environment would tell it.
pub(crate) fn consulctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consulctl"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CONSUL") {
            command.env_remove(name);
        }
    }
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Bytes of a process's output as text.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs an agent that is to end by itself, and returns its exit code and all that it printed.
pub(crate) fn started_and_ended(mut command: Command) -> (Option<i32>, String) {
    let (mut child, lines) = spawn(&mut command);
    if !lines.wait_for_end() {
        // The assertion below tells; a child that has ended by now is no matter.
        let _ = child.kill();
    }
    let status = child.wait().expect("the agent ends");
    (status.code(), lines.text())
}

/// Starts a process and collects what it prints.
pub(super) fn spawn(command: &mut Command) -> (Child, Lines) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let lines = Lines::default();
    lines.collect(child.stdout.take().expect("stdout is piped"));
    lines.collect(child.stderr.take().expect("stderr is piped"));
    (child, lines)
}

/// An agent in a process of its own; killed when dropped.
pub(crate) struct TestAgent {
    /// Its address for everything.
    pub(crate) ip: Ipv4Addr,
    child: Child,
    /// What it prints.
    lines: Lines,
}

impl TestAgent {
    /// A development agent with further arguments.
    pub(crate) fn dev(args: &[&str]) -> Self {
        Self::start(own_address(), &[&["-dev", "-node=n1"], args].concat())
    }

    /// A durable single server with its data in `folder`, and further arguments.
    pub(crate) fn server(ip: Ipv4Addr, folder: &Path, args: &[&str]) -> Self {
        let folder = folder.to_str().expect("temporary folders have UTF-8 names");
        let server = [
            "-server",
            "-bootstrap-expect=1",
            "-node=n1",
            "-data-dir",
            folder,
        ];
        Self::start(ip, &[&server, args].concat())
    }

    /// Starts an agent and waits until it says that it runs.
    pub(crate) fn start(ip: Ipv4Addr, args: &[&str]) -> Self {
        Self::start_command(ip, Self::command(ip, args))
    }

    /// The command that starts an agent on an address.
    pub(crate) fn command(ip: Ipv4Addr, args: &[&str]) -> Command {
        let address = ip.to_string();
        let mut command = consulctl();
        command
            .args(["agent", "-bind", &address, "-client", &address])
            .args(args);
        command
    }

    /// Starts an agent by a command of [`Self::command`] and waits for nothing.
    pub(crate) fn spawn(mut command: Command, ip: Ipv4Addr) -> Self {
        let (child, lines) = spawn(&mut command);
        Self { ip, child, lines }
    }

    /// Starts an agent by a command of [`Self::command`] and waits until it says that it runs.
    pub(crate) fn start_command(ip: Ipv4Addr, command: Command) -> Self {
        let agent = Self::spawn(command, ip);
        agent.wait_line(0, "Consul agent running!");
        agent
    }

    /// The address of the API.
    pub(crate) fn http(&self) -> SocketAddr {
        SocketAddr::from((self.ip, 8500))
    }

    /// The address of DNS.
    pub(crate) fn dns(&self) -> SocketAddr {
        SocketAddr::from((self.ip, 8600))
    }

    /// A connection to the API.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.http()).expect("the agent accepts connections")
    }

    /// A connection to the API from a given address.
    pub(crate) fn client_from(&self, from: Ipv4Addr) -> Client {
        Client::connect_from(IpAddr::V4(from), self.http()).expect("the agent accepts connections")
    }

    /// Sends a request on a connection of its own and reads the whole answer.
    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.client().ask(method, path, body)
    }

    /// GET, and the body as JSON.
    pub(crate) fn json(&self, path: &str) -> Value {
        self.send("GET", path, "").json()
    }

    /// PUT that must succeed.
    pub(crate) fn put(&self, path: &str, body: &str) {
        let answer = self.send("PUT", path, body);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }

    /// Asks again, blocking on the index, until the answer is as wanted.
    pub(crate) fn wait_json(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait_json_for(2 * PATIENCE, path, wanted)
    }

    /// As [`Self::wait_json`], for what has a reason to take long.
    pub(crate) fn wait_json_for(
        &self,
        limit: Duration,
        path: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut index = 0;
        let mut client = self.client();
        let began = Instant::now();
        loop {
            let answer = client.ask("GET", &format!("{path}{joint}index={index}&wait=5s"), "");
            let value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
            if wanted(&value) {
                return value;
            }
            assert!(
                began.elapsed() < limit,
                "{path} never became as wanted: {value}\n{}",
                self.printed()
            );
            index = answer.index();
        }
    }

    /// Waits until the catalog knows the agent's own node: what the agent writes of it, and the
    /// leader's check of it. Either may come first.
    pub(crate) fn in_catalog(self) -> Self {
        let known = |nodes: &Value| nodes[0]["TaggedAddresses"]["lan"].is_string();
        self.wait_json("/v1/catalog/nodes", known);
        let checked = |checks: &Value| {
            let mut ids = checks.as_array().into_iter().flatten();
            ids.any(|check| check["CheckID"] == "serfHealth")
        };
        self.wait_json("/v1/health/state/any", checked);
        self
    }

    /// A command of the program against this agent.
    pub(crate) fn cli_command(&self, args: &[&str]) -> Command {
        let mut command = consulctl();
        command
            .env("CONSUL_HTTP_ADDR", self.http().to_string())
            .args(args);
        command
    }

    /// Runs a command of the program against this agent.
    pub(crate) fn cli(&self, args: &[&str]) -> Output {
        self.cli_command(args).output().expect("the command runs")
    }

    /// Runs a command with something on its standard input.
    pub(crate) fn cli_with_input(&self, args: &[&str], input: &[u8]) -> Output {
        let mut child = self
            .cli_command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        stdin.write_all(input).expect("the command reads");
        drop(stdin);
        child.wait_with_output().expect("the command ends")
    }

    /// Standard output of a command that must succeed.
    pub(crate) fn cli_ok(&self, args: &[&str]) -> String {
        let output = self.cli(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        text_of(&output.stdout)
    }

    /// Exit code and standard error of a command that must fail.
    pub(crate) fn cli_fails(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = self.cli(args);
        assert!(!output.status.success(), "{args:?}: {output:?}");
        (output.status.code(), text_of(&output.stderr))
    }

    /// How many lines the agent has printed so far.
    pub(crate) fn line_count(&self) -> usize {
        self.lines.count()
    }

    /// Waits for a line with `text`, after the first `from` lines.
    pub(crate) fn wait_line(&self, from: usize, text: &str) -> String {
        self.lines
            .wait(from, |line| line.contains(text))
            .unwrap_or_else(|| panic!("no line with {text:?} in:\n{}", self.lines.text()))
    }

    /// All that the agent has printed so far.
    pub(crate) fn printed(&self) -> String {
        self.lines.text()
    }

    /// The agent answers, and nothing in it has panicked.
    pub(crate) fn assert_healthy(&self) {
        assert_eq!(self.send("GET", "/v1/status/leader", "").status, 200);
        let printed = self.printed();
        assert!(!printed.contains("panic"), "{printed}");
    }

    /// The number of its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let done = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(done.expect("kill runs").success());
    }

    /// Waits until the process has ended by itself; returns its exit code and all that it printed.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        assert!(
            self.lines.wait_for_end(),
            "the agent goes on:\n{}",
            self.printed()
        );
        let status = self.child.wait().expect("the agent ends");
        (status.code(), self.lines.text())
    }

    /// Kills the process without warning; returns all that it had printed.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().expect("the agent is there");
        self.child.wait().expect("the agent ends");
        assert!(self.lines.wait_for_end());
        self.lines.text()
    }
}

impl Drop for TestAgent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
