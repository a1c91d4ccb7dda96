//! Other people's programs, run beside our agents.

use std::net::Ipv4Addr;
use std::process::{Child, Command, Output, Stdio};

use super::agent::{own_address, spawn};
use super::lines::Lines;

/// Whether a program is on the machine; says that the test is skipped where it is not.
pub(crate) fn is_installed(program: &str, version: &str) -> bool {
    let found = Command::new(program)
        .arg(version)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

/// A program that runs until the test ends it.
pub(crate) struct Program {
    /// Its address for everything.
    pub(crate) ip: Ipv4Addr,
    child: Child,
    lines: Lines,
}

impl Program {
    /// Starts it.
    pub(crate) fn start(ip: Ipv4Addr, mut command: Command) -> Self {
        let (child, lines) = spawn(command.stdin(Stdio::null()));
        Self { ip, child, lines }
    }

    /// How many lines it has printed so far.
    pub(crate) fn line_count(&self) -> usize {
        self.lines.count()
    }

    /// Waits for a line with `text`, after the first `from` lines.
    pub(crate) fn wait_line(&self, from: usize, text: &str) -> String {
        self.lines
            .wait(from, |line| line.contains(text))
            .unwrap_or_else(|| panic!("no line with {text:?} in:\n{}", self.lines.text()))
    }

    /// Kills it without warning.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the program is there");
        self.child.wait().expect("the program ends");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serf's own agent.
pub(crate) struct Serf(pub(crate) Program);

impl Serf {
    /// Starts one with this name and further arguments, and waits until it runs.
    pub(crate) fn agent(name: &str, args: &[&str]) -> Self {
        let ip = own_address();
        let mut command = Command::new("serf");
        command
            .args(["agent", &format!("-node={name}"), "-log-level=debug"])
            .args([format!("-bind={ip}:7946"), format!("-rpc-addr={ip}:7373")])
            .args(args);
        let program = Program::start(ip, command);
        program.wait_line(0, "Serf agent running!");
        Self(program)
    }

    /// Where others join it.
    pub(crate) fn address(&self) -> String {
        format!("{}:7946", self.0.ip)
    }

    /// Runs a command against it.
    pub(crate) fn cli(&self, args: &[&str]) -> Output {
        let rpc = format!("-rpc-addr={}:7373", self.0.ip);
        let (verb, rest) = args.split_first().expect("a verb");
        Command::new("serf")
            .arg(verb)
            .arg(rpc)
            .args(rest)
            .output()
            .expect("serf runs")
    }

    /// Standard output of a command that must succeed.
    pub(crate) fn cli_ok(&self, args: &[&str]) -> String {
        let output = self.cli(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
