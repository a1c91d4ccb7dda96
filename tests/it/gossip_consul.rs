//! One pool of our agents and HashiCorp's, where its program is on the machine.

use tempfile::TempDir;

use crate::support::{Reference, TestAgent, own_address, reference, text_of, until};

fn same_table(ours: &TestAgent, theirs: &Reference, rows: usize) {
    until("both show the same table", || {
        let table = text_of(&ours.cli(&["members"]).stdout);
        table.lines().count() == rows + 1 && table == theirs.cli_ok(&["members"])
    });
}

#[test]
fn a_client_of_theirs_joins_our_pool() {
    let Some(program) = reference() else { return };
    let server = TestAgent::dev(&["-node=ours"]);
    let join = format!("-join={}", server.ip);
    let client = Reference::start(&program, "theirs", &[&join]);
    same_table(&server, &client, 2);
    client.process.kill();
    server.wait_line(0, "EventMemberFailed: theirs ");
}

#[test]
fn a_client_of_ours_joins_their_pool() {
    let Some(program) = reference() else { return };
    let server = Reference::start(&program, "theirs", &["-server", "-bootstrap-expect=1"]);
    let folder = TempDir::new().unwrap();
    let data = format!("-data-dir={}", folder.path().display());
    let join = format!("-join={}", server.process.ip);
    let client = TestAgent::start(own_address(), &["-node=ours", &data, &join]);
    same_table(&client, &server, 2);
    let mark = server.process.line_count();
    client.cli_ok(&["leave"]);
    server.process.wait_line(mark, "EventMemberLeave: ours ");
}
