//! Nodes, services and checks over HTTP.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::TestAgent;

/// A wake-up is much faster than this.
const MOMENT: Duration = Duration::from_secs(5);

fn register(agent: &TestAgent, registration: &Value) {
    let answer = agent.send("PUT", "/v1/catalog/register", &registration.to_string());
    assert_eq!((answer.status, answer.text().trim()), (200, "true"));
}

fn deregister(agent: &TestAgent, deregistration: &Value) {
    let answer = agent.send("PUT", "/v1/catalog/deregister", &deregistration.to_string());
    assert_eq!((answer.status, answer.text().trim()), (200, "true"));
}

/// An instance of a service on a node of its own.
fn instance(number: u16, service: &str) -> Value {
    json!({
        "Node": format!("node{number}"), "Address": format!("10.0.0.{number}"),
        "NodeMeta": {"rack": format!("r{}", number % 2)},
        "Service": {"Service": service, "Port": 8000 + number, "Tags": ["v1", format!("i{number}")],
            "Meta": {"team": "blue"}},
        "Check": {"Name": "up", "CheckID": format!("up{number}"), "ServiceID": service,
            "Status": if number == 1 { "critical" } else { "passing" }},
    })
}

fn names(list: &Value, field: &str) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|item| item[field].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn instances_are_registered_read_and_deregistered() {
    let agent = TestAgent::dev(&[]).in_catalog();
    for number in 1..=3 {
        register(&agent, &instance(number, "web"));
    }
    let found = agent.json("/v1/catalog/service/web");
    assert_eq!(names(&found, "Node"), ["node1", "node2", "node3"]);
    let first = &found[0];
    assert_eq!(first["Address"], json!("10.0.0.1"));
    assert_eq!(first["ServicePort"], json!(8001));
    assert_eq!(first["ServiceTags"], json!(["v1", "i1"]));
    assert_eq!(first["NodeMeta"], json!({"rack": "r1"}));
    assert_eq!(
        names(&agent.json("/v1/catalog/service/web?tag=i2"), "Node"),
        ["node2"]
    );
    let tags = agent.json("/v1/catalog/services")["web"].clone();
    let tags: BTreeSet<&str> = tags
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(tags, BTreeSet::from(["i1", "i2", "i3", "v1"]));
    let passing = agent.json("/v1/health/service/web?passing");
    assert_eq!(passing.as_array().unwrap().len(), 2);
    let critical = agent.json("/v1/health/state/critical");
    assert_eq!(names(&critical, "Node"), ["node1"]);
    assert_eq!(
        agent.json("/v1/catalog/node/node1")["Node"]["Address"],
        json!("10.0.0.1")
    );

    deregister(&agent, &json!({"Node": "node1", "ServiceID": "web"}));
    assert_eq!(
        names(&agent.json("/v1/catalog/service/web"), "Node"),
        ["node2", "node3"]
    );
    assert_eq!(
        agent
            .json("/v1/health/checks/web")
            .as_array()
            .unwrap()
            .len(),
        2
    );
    deregister(&agent, &json!({"Node": "node2"}));
    assert_eq!(
        names(&agent.json("/v1/catalog/nodes"), "Node"),
        ["n1", "node1", "node3"]
    );
    assert_eq!(agent.json("/v1/catalog/node/node2"), Value::Null);
}

#[test]
fn watchers_of_a_service_wake_up_for_it_only() {
    let agent = TestAgent::dev(&[]).in_catalog();
    register(&agent, &instance(2, "web"));
    let mut watcher = agent.client();
    for (number, path) in [
        (3, "/v1/catalog/service/web"),
        (4, "/v1/health/service/web"),
    ] {
        let index = watcher.ask("GET", path, "").index();
        watcher
            .send("GET", &format!("{path}?index={index}&wait=60s"), b"")
            .unwrap();
        register(&agent, &instance(100 + number, "database"));
        let registered = Instant::now();
        register(&agent, &instance(number, "web"));
        let answer = watcher.answer().unwrap();
        assert!(
            registered.elapsed() < MOMENT,
            "{path}: {:?}",
            registered.elapsed()
        );
        assert!(answer.index() > index);
        let expected = usize::from(number) - 1;
        assert_eq!(answer.json().as_array().unwrap().len(), expected, "{path}");
    }
    // The wait of a service that does not exist ends when it is there.
    let index = watcher.ask("GET", "/v1/health/service/new", "").index();
    let path = format!("/v1/health/service/new?index={index}&wait=60s");
    watcher.send("GET", &path, b"").unwrap();
    register(&agent, &instance(5, "new"));
    assert_eq!(
        watcher.answer().unwrap().json().as_array().unwrap().len(),
        1
    );
    // A check that changes is a change of the service's health.
    let index = watcher
        .ask("GET", "/v1/health/service/new?passing", "")
        .index();
    let path = format!("/v1/health/service/new?passing&index={index}&wait=60s");
    watcher.send("GET", &path, b"").unwrap();
    let check = json!({"Name": "up", "CheckID": "up5", "ServiceID": "new", "Status": "critical"});
    register(
        &agent,
        &json!({"Node": "node5", "Address": "10.0.0.5", "Check": check}),
    );
    assert_eq!(watcher.answer().unwrap().json(), json!([]));
}

#[test]
fn indexes_never_go_backwards_when_instances_go() {
    let agent = TestAgent::dev(&[]).in_catalog();
    let mut last = 0;
    let mut client = agent.client();
    for number in 1..=5 {
        register(&agent, &instance(number, "web"));
    }
    for number in 1..=5_u16 {
        deregister(&agent, &json!({"Node": format!("node{number}")}));
        let answer = client.ask("GET", "/v1/catalog/service/web", "");
        assert!(answer.index() > last, "{} after {last}", answer.index());
        last = answer.index();
        assert_eq!(
            answer.json().as_array().unwrap().len(),
            5 - usize::from(number)
        );
    }
}

#[test]
fn filters_and_node_metadata_select() {
    let agent = TestAgent::dev(&[]).in_catalog();
    for number in 1..=4 {
        register(&agent, &instance(number, "web"));
    }
    let escaped =
        |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let filtered = |filter: &str| {
        names(
            &agent.json(&format!(
                "/v1/catalog/service/web?filter={}",
                escaped(filter)
            )),
            "Node",
        )
    };
    assert_eq!(filtered(r#"Node == "node2""#), ["node2"]);
    assert_eq!(
        filtered(r#""i3" in ServiceTags or ServicePort == 8004"#),
        ["node3", "node4"]
    );
    assert_eq!(
        filtered(r#"NodeMeta.rack == "r0" and not Node matches "4$""#),
        ["node2"]
    );
    assert_eq!(filtered("ServiceMeta is empty"), Vec::<String>::new());
    let by_meta = agent.json("/v1/catalog/nodes?node-meta=rack:r1");
    assert_eq!(names(&by_meta, "Node"), ["node1", "node3"]);
    let by_meta = agent.json("/v1/health/service/web?node-meta=rack:r0&passing");
    assert_eq!(by_meta.as_array().unwrap().len(), 2);
    let health = escaped(r#"Checks.Status == "critical""#);
    let found = agent.json(&format!("/v1/health/service/web?filter={health}"));
    assert_eq!(found[0]["Node"]["Node"], json!("node1"));
    let wrong = escaped("Nod == 1");
    let answer = agent.send(
        "GET",
        &format!("/v1/catalog/service/web?filter={wrong}"),
        "",
    );
    // Consul says 500 here.
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert!(
        answer.text().contains("Selector \"Nod\" is not valid"),
        "{}",
        answer.text()
    );
}
