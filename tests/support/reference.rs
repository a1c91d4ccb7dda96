//! HashiCorp's own agents, where their program is on the machine.

use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;

use tempfile::TempDir;

use super::{Client, Program, is_installed, own_address, text_of, until};

/// HashiCorp's program; the environment may say where it is. Tests without it say that they are skipped.
pub(crate) fn reference() -> Option<String> {
    let program = std::env::var("CONSULCTL_TEST_CONSUL").unwrap_or_else(|_| "consul".to_owned());
    is_installed(&program, "version").then_some(program)
}

/// An agent of HashiCorp's.
pub(crate) struct Reference {
    program: String,
    pub(crate) process: Program,
    _folder: TempDir,
}

impl Reference {
    /// Starts an agent on an address of its own.
    pub(crate) fn start(program: &str, name: &str, args: &[&str]) -> Self {
        Self::start_at(own_address(), program, name, args)
    }

    /// Starts an agent.
    pub(crate) fn start_at(ip: Ipv4Addr, program: &str, name: &str, args: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut command = Command::new(program);
        command
            .args(["agent", &format!("-node={name}")])
            .args([format!("-bind={ip}"), format!("-client={ip}")])
            .arg(format!("-data-dir={}", folder.path().display()))
            .args(args);
        let process = Program::start(ip, command);
        process.wait_line(0, "Log data will now stream in");
        // It says so before its ports are open.
        until("the agent listens", || {
            TcpStream::connect((ip, 8500)).is_ok()
        });
        Self {
            program: program.to_owned(),
            process,
            _folder: folder,
        }
    }

    /// A command of its program against it.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("CONSUL_HTTP_ADDR", format!("{}:8500", self.process.ip))
            .args(args);
        command
    }

    /// Standard output of a command that must succeed.
    pub(crate) fn cli_ok(&self, args: &[&str]) -> String {
        let output = self.command(args).output().expect("the command runs");
        assert!(output.status.success(), "{args:?}: {output:?}");
        text_of(&output.stdout)
    }

    /// Whether a command succeeds.
    pub(crate) fn try_cli(&self, args: &[&str]) -> bool {
        let output = self.command(args).output().expect("the command runs");
        output.status.success()
    }

    /// A connection to its API.
    pub(crate) fn client(&self) -> Client {
        Client::connect((self.process.ip, 8500).into()).expect("the agent accepts connections")
    }
}
