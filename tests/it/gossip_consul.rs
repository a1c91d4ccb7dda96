//! One pool of our agents and HashiCorp's, where its program is on the machine.

use std::process::Command;

use tempfile::TempDir;

use crate::support::{Program, TestAgent, is_installed, own_address, text_of, until};

/// HashiCorp's program; the environment may say where it is.
fn consul() -> Option<String> {
    let program = std::env::var("CONSULCTL_TEST_CONSUL").unwrap_or_else(|_| "consul".to_owned());
    is_installed(&program, "version").then_some(program)
}

/// An agent of HashiCorp's.
struct Theirs {
    program: String,
    process: Program,
    _folder: TempDir,
}

impl Theirs {
    fn start(program: &str, name: &str, args: &[&str]) -> Self {
        let (ip, folder) = (own_address(), TempDir::new().unwrap());
        let mut command = Command::new(program);
        command
            .args(["agent", &format!("-node={name}")])
            .args([format!("-bind={ip}"), format!("-client={ip}")])
            .arg(format!("-data-dir={}", folder.path().display()))
            .args(args);
        let process = Program::start(ip, command);
        process.wait_line(0, "Log data will now stream in");
        Self {
            program: program.to_owned(),
            process,
            _folder: folder,
        }
    }

    fn members(&self) -> String {
        let output = Command::new(&self.program)
            .args(["members", &format!("-http-addr={}:8500", self.process.ip)])
            .output()
            .unwrap();
        text_of(&output.stdout)
    }
}

fn same_table(ours: &TestAgent, theirs: &Theirs, rows: usize) {
    until("both show the same table", || {
        let table = text_of(&ours.cli(&["members"]).stdout);
        table.lines().count() == rows + 1 && table == theirs.members()
    });
}

#[test]
fn a_client_of_theirs_joins_our_pool() {
    let Some(program) = consul() else { return };
    let server = TestAgent::dev(&["-node=ours"]);
    let join = format!("-join={}", server.ip);
    let client = Theirs::start(&program, "theirs", &[&join]);
    same_table(&server, &client, 2);
    client.process.kill();
    server.wait_line(0, "EventMemberFailed: theirs ");
}

#[test]
fn a_client_of_ours_joins_their_pool() {
    let Some(program) = consul() else { return };
    let server = Theirs::start(&program, "theirs", &["-server", "-bootstrap-expect=1"]);
    let folder = TempDir::new().unwrap();
    let data = format!("-data-dir={}", folder.path().display());
    let join = format!("-join={}", server.process.ip);
    let client = TestAgent::start(own_address(), &["-node=ours", &data, &join]);
    same_table(&client, &server, 2);
    let mark = server.process.line_count();
    client.cli_ok(&["leave"]);
    server.process.wait_line(mark, "EventMemberLeave: ours ");
}
