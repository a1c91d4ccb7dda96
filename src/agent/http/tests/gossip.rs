//! Endpoints over real pools of one.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::agent::{pool, start, start_with};
use super::support::{ask, body_of, get, status_of};
use crate::agent::gossip::wire::Key;
use crate::agent::gossip_report::GossipReports;
use crate::model::event::index_of_id;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn json_of(answer: &str) -> Value {
    serde_json::from_str(body_of(answer)).unwrap_or_else(|err| panic!("{err}: {answer}"))
}

fn index_in(answer: &str) -> u64 {
    let line = answer
        .lines()
        .find_map(|line| line.strip_prefix("X-Consul-Index: "));
    line.expect("an index").trim().parse().unwrap()
}

async fn put(address: SocketAddr, target: &str, body: &str) -> String {
    ask(address, "PUT", target, "", body.as_bytes()).await
}

/// Waits for the list of these events to change from what it was at `index`.
async fn changed(address: SocketAddr, target: &str, index: u64) -> String {
    let target = format!("{target}&index={index}&wait=1m");
    tokio::time::timeout(PATIENCE, get(address, &target))
        .await
        .expect("an event came")
}

#[tokio::test]
async fn events_are_fired_received_and_waited_for() {
    let (_server, address) = start().await;
    let fired = put(address, "/v1/event/fire/deploy", "payload").await;
    let event = json_of(&fired);
    let id = event["ID"].as_str().unwrap();
    let mut expected = json!({
        "ID": id, "Name": "deploy", "Payload": "cGF5bG9hZA==", "NodeFilter": "",
        "ServiceFilter": "", "TagFilter": "", "Version": 1, "LTime": 0,
    });
    assert_eq!(body_of(&fired), expected.to_string());
    let list = changed(address, "/v1/event/list?name=deploy", 1).await;
    assert_eq!(index_in(&list), index_of_id(id).unwrap());
    expected["LTime"] = json_of(&list)[0]["LTime"].clone();
    assert!(expected["LTime"].as_u64() > Some(0));
    assert_eq!(json_of(&list), json!([expected]));

    let (index, target) = (index_in(&list), "/v1/event/list?name=deploy");
    let (next, second) = tokio::join!(
        changed(address, target, index),
        // Not for the list that is waited for, then for it.
        async {
            put(address, "/v1/event/fire/other", "").await;
            put(address, "/v1/event/fire/deploy", "").await
        }
    );
    let second = json_of(&second);
    assert_eq!(second["Payload"], Value::Null);
    assert_eq!(json_of(&next)[1]["ID"], second["ID"]);
    assert_eq!(
        json_of(&get(address, "/v1/event/list").await)
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let none = get(address, "/v1/event/list?name=none&index=9&wait=1m").await;
    assert_eq!((body_of(&none), index_in(&none)), ("[]", 1));
    let same = index_in(&next);
    let waited = get(address, &format!("{target}&index={same}&wait=10ms")).await;
    assert_eq!(index_in(&waited), same);
}

#[tokio::test]
async fn filters_decide_whether_an_event_is_kept() {
    let (_server, address) = start().await;
    for name in [
        "no?node=n2",
        "no?service=db",
        "no?service=web&tag=v2",
        "yes?node=^n1$&service=web&tag=v",
    ] {
        let fired = put(address, &format!("/v1/event/fire/{name}"), "").await;
        assert_eq!(status_of(&fired), "200", "{fired}");
    }
    let list = json_of(&changed(address, "/v1/event/list?a", 1).await);
    let names: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["Name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["yes"]);
}

#[tokio::test]
async fn large_events_are_refused_in_serfs_words() {
    let (_server, address) = start().await;
    for (size, text) in [
        (
            600,
            "user event exceeds configured limit of 512 bytes before encoding",
        ),
        (
            440,
            "encoded user event exceeds configured limit of 512 bytes after encoding",
        ),
    ] {
        let answer = put(address, "/v1/event/fire/big", &"a".repeat(size)).await;
        let expected =
            format!("1 error occurred:\n\t* error broadcasting event to segment \"\": {text}\n\n");
        assert_eq!(
            (status_of(&answer), body_of(&answer)),
            ("500", expected.as_str())
        );
    }
}

#[tokio::test]
async fn keys_are_listed_installed_used_and_removed_in_both_pools() {
    let (old, new) = (Key::new(&[1; 32]).unwrap(), Key::new(&[2; 16]).unwrap());
    let (_server, address) = start_with(Some(&old)).await;
    let (old, new) = (old.to_base64(), new.to_base64());
    let path = "/v1/operator/keyring";
    let pool = |wan: bool, keys: &[&str], primary: &str| {
        let keys: Vec<String> = keys.iter().map(|key| format!("{key:?}:1")).collect();
        format!(
            r#"{{"WAN":{wan},"Datacenter":"dc1","Segment":"","Keys":{{{}}},"PrimaryKeys":{{{primary:?}:1}},"NumNodes":1}}"#,
            keys.join(",")
        )
    };
    let both = |keys: &[&str], primary: &str| {
        format!(
            "[{},{}]",
            pool(true, keys, primary),
            pool(false, keys, primary)
        )
    };
    assert_eq!(body_of(&get(address, path).await), both(&[&old], &old));
    let local = get(
        address,
        "/v1/operator/keyring?local-only=true&relay-factor=3",
    )
    .await;
    assert_eq!(body_of(&local), format!("[{}]", pool(false, &[&old], &old)));

    let body = json!({ "Key": new }).to_string();
    for (method, keys, primary) in [
        ("POST", &[&*old, &*new][..], &old),
        ("POST", &[&*old, &*new], &old),
        ("PUT", &[&*old, &*new], &new),
    ] {
        let done = ask(address, method, path, "", body.as_bytes()).await;
        assert_eq!((status_of(&done), body_of(&done)), ("200", ""), "{method}");
        assert_eq!(
            body_of(&get(address, path).await),
            both(keys, primary),
            "{method}"
        );
    }
    let refused = ask(address, "DELETE", path, "", body.as_bytes()).await;
    let reason = |text: &str| {
        format!(
            "4 errors occurred:\n\t* WAN error: 1/1 nodes reported failure\n\t* n1.dc1: {text}\n\t* dc1 (LAN) error: 1/1 nodes reported failure\n\t* n1: {text}\n\n"
        )
    };
    assert_eq!(
        body_of(&refused),
        reason("Removing the primary key is not allowed")
    );
    let body = json!({ "Key": old }).to_string();
    let removed = ask(address, "DELETE", path, "", body.as_bytes()).await;
    assert_eq!(status_of(&removed), "200");
    assert_eq!(body_of(&get(address, path).await), both(&[&new], &new));
    let unknown = ask(address, "PUT", path, "", body.as_bytes()).await;
    assert_eq!(
        body_of(&unknown),
        reason("Requested key is not in the keyring")
    );
    for key in ["YWJj", ""] {
        let body = json!({ "Key": key }).to_string();
        let short = ask(address, "POST", path, "", body.as_bytes()).await;
        assert_eq!(
            body_of(&short),
            reason("key size must be 16, 24 or 32 bytes")
        );
    }
    let number = ask(address, "POST", path, "", br#"{"Key":1}"#).await;
    let text = "Bad request: Request decode failed: json: cannot unmarshal number into Go struct field keyringArgs.Key of type string";
    assert_eq!((status_of(&number), body_of(&number)), ("400", text));
}

#[tokio::test]
async fn joining_and_forced_leaving_are_answered_in_consuls_words() {
    let (_server, address) = start().await;
    let no_node = |name: &str| format!("agent: No node found with name '{name}'");
    for (target, text) in [
        ("/v1/agent/force-leave/", no_node("")),
        ("/v1/agent/force-leave/nobody?prune", no_node("nobody")),
        ("/v1/agent/force-leave/n1.dc1", no_node("n1.dc1")),
        ("/v1/agent/force-leave/n1?wan=1", no_node("n1")),
        (
            "/v1/agent/join/",
            "1 error occurred:\n\t* Failed to resolve : lookup : no such host\n\n".to_owned(),
        ),
        (
            "/v1/agent/join/127.0.0.1:1",
            "1 error occurred:\n\t* Failed to join 127.0.0.1: dial tcp 127.0.0.1:1: connect: connection refused\n\n".to_owned(),
        ),
    ] {
        let answer = put(address, target, "").await;
        assert_eq!((status_of(&answer), body_of(&answer)), ("500", text.as_str()), "{target}");
    }
    for target in [
        "/v1/agent/force-leave/n1",
        "/v1/agent/force-leave/n1.dc1?wan",
    ] {
        assert_eq!(
            status_of(&put(address, target, "").await),
            "200",
            "{target}"
        );
    }
    let members = json_of(&get(address, "/v1/agent/members?wan=1").await);
    assert_eq!(members[0]["Name"], "n1.dc1");
    let members = json_of(&get(address, "/v1/agent/members?wan").await);
    assert_eq!(members[0]["Name"], "n1");
    let own = &members[0];
    for (kind, pool) in [
        ("", own),
        (
            "?wan=1",
            &json_of(&get(address, "/v1/agent/members?wan=1").await)[0],
        ),
    ] {
        let joined = put(
            address,
            &format!("/v1/agent/join/127.0.0.1:{}{kind}", pool["Port"]),
            "",
        )
        .await;
        assert_eq!(
            (status_of(&joined), body_of(&joined)),
            ("200", ""),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn the_agent_tells_its_coordinate() {
    let (_server, address) = start().await;
    let own = json_of(&get(address, "/v1/agent/self").await);
    let origin = json!({"Vec": vec![0; 8], "Error": 1.5, "Adjustment": 0, "Height": 1e-5});
    assert_eq!(own["Coord"], origin);
    assert_eq!(own["Stats"]["serf_lan"]["members"], "1");
    assert_eq!(own["Stats"]["serf_wan"]["encrypted"], "false");
}

#[tokio::test]
async fn members_report_on_themselves() {
    let (_server, address) = start().await;
    let (one, two) = tokio::join!(
        get(address, "/v1/consulctl/gossip"),
        get(address, "/v1/consulctl/gossip")
    );
    assert_eq!(body_of(&one), body_of(&two), "one query answers both");
    let found = json_of(&one);
    let own = &found[0];
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(
        (&own["Name"], &own["Addr"], &own["Status"]),
        (&json!("n1"), &json!("127.0.0.1"), &json!("alive"))
    );
    let report = &own["Report"];
    assert_eq!(
        (&report["HealthScore"], &report["IntentQueue"]),
        (&json!(0), &json!(0))
    );
    assert!(
        report["Version"]
            .as_str()
            .unwrap()
            .starts_with(env!("CARGO_PKG_VERSION"))
    );
    assert!(own.get("Unknown").is_none());
}

#[tokio::test]
async fn members_that_do_not_know_the_question_are_unknown() {
    let (_server, address) = start().await;
    let (answers, silent) = (pool("lan", "n2", None), pool("lan", "n3", None));
    let (_reports, _asking, answering) = GossipReports::new(answers.clone());
    tokio::spawn(answering.run());
    for member in [&answers, &silent] {
        let target = format!("/v1/agent/join/127.0.0.1:{}", member.local().port);
        assert_eq!(status_of(&put(address, &target, "").await), "200");
    }
    let found = tokio::time::timeout(PATIENCE, get(address, "/v1/consulctl/gossip")).await;
    let found = json_of(&found.expect("an answer"));
    let scores: Vec<&Value> = (0..3)
        .map(|at| &found[at]["Report"]["HealthScore"])
        .collect();
    assert_eq!(scores, [&json!(0), &json!(0), &Value::Null], "{found}");
    let last = json!({
        "Name": "n3", "Addr": "127.0.0.1", "Port": silent.local().port,
        "Status": "alive", "Unknown": true,
        "Seen": {"Suspect": false, "Suspicions": 0, "Flaps": 0},
    });
    assert_eq!(found[2], last);
}
