//! Changing something from the dashboard, in a terminal.

use crate::support::{PATIENCE, Terminal, TestAgent, is_installed, picture};

trait Shows {
    /// Waits until the screen shows a text, and returns the screen.
    fn shows(&self, text: &str) -> String;
}

impl Shows for Terminal {
    fn shows(&self, text: &str) -> String {
        let found = self.wait(0, PATIENCE, |raw| picture(raw).contains(text));
        let screen = picture(&self.since(0));
        assert!(found.is_some(), "no {text:?} on\n{screen}");
        screen
    }
}

fn agent() -> TestAgent {
    let agent = TestAgent::dev(&["-node=srv-1"]).in_catalog();
    for name in ["billing", "web"] {
        let service = format!(r#"{{"ID":"{name}-1","Name":"{name}"}}"#);
        agent.put("/v1/agent/service/register", &service);
    }
    agent.wait_json("/v1/catalog/services", |found| {
        found["billing"].is_array() && found["web"].is_array()
    });
    agent
}

fn top(agent: &TestAgent, flags: &[&str]) -> Option<Terminal> {
    if !is_installed("setsid", "--version") {
        println!("skipped: setsid is not installed");
        return None;
    }
    let mut words = vec!["top", "-ascii"];
    words.extend(flags);
    Some(Terminal::start(&agent.cli_command(&words), 120, 30).unwrap())
}

#[test]
fn a_service_is_deregistered_after_its_id_is_typed() {
    let agent = agent();
    let Some(mut top) = top(&agent, &["-write"]) else {
        return;
    };
    top.shows("  WRITE ");
    top.shows("LEADER srv-1");
    top.press(":svc billing\r");
    top.shows("services > billing");
    top.press("a");
    top.shows("D  deregister");
    top.press("D");
    top.shows("consulctl services deregister -http-addr=");
    // Another name changes nothing, and Enter on nothing cancels.
    top.press("web-1\r");
    top.shows("that is another name");
    top.press("\u{15}\r");
    top.shows("cancelled, nothing was changed");
    assert!(agent.json("/v1/catalog/services")["billing"].is_array());
    top.press("a");
    top.shows("D  deregister");
    top.press("D");
    top.shows("Type billing-1 to do it:  _");
    top.press("Dbilling-1");
    top.shows("Type billing-1 to do it:  billing-1_");
    top.press("\r");
    top.shows("done: deregister billing-1 on srv-1");
    agent.wait_json("/v1/catalog/services", |found| {
        found["billing"].is_null() && found["web"].is_array()
    });
    top.press("9");
    top.shows("KIND");
    let screen = top.shows("WHAT");
    let noted = |line: &str| line.contains("note") && line.contains("done: deregister billing-1");
    assert!(screen.lines().any(noted), "{screen}");
    top.press("q");
    assert!(top.end(PATIENCE).is_some());
}

#[test]
fn an_instance_of_another_node_leaves_the_catalog() {
    let agent = agent();
    let elsewhere = r#"{"Node":"gone-1","Address":"10.9.9.9","Service":{"ID":"billing-9","Service":"billing"}}"#;
    agent.put("/v1/catalog/register", elsewhere);
    let Some(mut top) = top(&agent, &["-write"]) else {
        return;
    };
    top.shows("LEADER srv-1");
    top.press(":svc billing\r");
    top.shows("services > billing");
    top.press("a");
    let screen = top.shows("C  billing-9 on gone-1");
    assert!(screen.contains("B  billing-1 on srv-1"), "{screen}");
    top.press("C");
    top.shows("only its own agent can do that");
    top.press("D");
    top.shows("curl -X PUT");
    top.press("billing-9\r");
    top.shows("done: deregister billing-9 on gone-1");
    let left = agent.json("/v1/catalog/service/billing");
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["Node"], "srv-1");
}

#[test]
fn without_write_the_same_keys_change_nothing() {
    let agent = agent();
    let Some(mut top) = top(&agent, &[]) else {
        return;
    };
    top.shows("READ-ONLY");
    top.shows("LEADER srv-1");
    top.press(":svc billing\r");
    top.shows("services > billing");
    top.press("a");
    top.shows("read-only: start `consulctl top -write`");
    top.press("DDbilling-1\r");
    top.press("?");
    top.shows("Keys");
    assert!(agent.json("/v1/catalog/services")["billing"].is_array());
}

#[test]
fn another_agent_is_asked_and_the_first_one_again() {
    let (first, second) = (
        TestAgent::dev(&["-node=one"]),
        TestAgent::dev(&["-node=two"]),
    );
    let Some(mut top) = top(&first, &[]) else {
        return;
    };
    top.shows("LEADER one");
    top.press(&format!(":via {}\r", second.http()));
    top.shows("LEADER two");
    top.shows(&format!("http://{} is asked", second.http()));
    top.press(":via -\r");
    top.shows("LEADER one");
    top.press(":via nosuch\r");
    top.shows("no member is named nosuch");
    top.press("q");
    assert!(top.end(PATIENCE).is_some());
}
