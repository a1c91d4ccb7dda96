//! `/v1/txn`: forms of answers.

use serde_json::{Value, json};

use super::agent::{start, start_pair};
use super::support::{ask, body_of, status_of};

async fn txn(address: std::net::SocketAddr, target: &str, ops: &Value) -> (String, Value) {
    let answer = ask(address, "PUT", target, "", ops.to_string().as_bytes()).await;
    let status = status_of(&answer).to_owned();
    let body = serde_json::from_str(body_of(&answer));
    let body = body.unwrap_or_else(|_| Value::from(body_of(&answer)));
    (status, body)
}

#[tokio::test]
async fn the_catalog_is_changed_and_shown_as_consul_does() {
    let (_server, address) = start().await;
    let target = "/v1/txn";
    let body = json!([
        {"Node": {"Verb": "set", "Node": {"Node": "n", "Address": "10.0.0.1"}}},
        {"Service": {"Verb": "set", "Node": "n", "Service": {"Service": "web", "Port": 80}}},
        {"Check": {"Verb": "cas", "Check": {"Node": "n", "Name": "c", "ServiceID": "web",
            "Definition": {"Interval": "10s"}}}},
        {"KV": {"Verb": "set", "Key": "k", "Value": "eA=="}},
    ]);
    let answer = ask(address, "PUT", target, "", body.to_string().as_bytes()).await;
    assert_eq!(status_of(&answer), "200");
    let printed: Value = serde_json::from_str(body_of(&answer)).unwrap();
    let index = printed["Results"][0]["Node"]["ModifyIndex"].to_string();
    let expected = concat!(
        r#"{"Results":[{"Node":{"ID":"","Node":"n","Address":"10.0.0.1","Datacenter":"dc1","TaggedAddresses":null,"Meta":null,"CreateIndex":I,"ModifyIndex":I}},"#,
        r#"{"Service":{"ID":"web","Service":"web","Tags":null,"Address":"","Meta":null,"Port":80,"Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,"Proxy":{"Mode":"","MeshGateway":{},"Expose":{}},"Connect":{},"CreateIndex":I,"ModifyIndex":I}},"#,
        r#"{"Check":{"Node":"n","CheckID":"c","Name":"c","Status":"critical","Notes":"","Output":"","ServiceID":"web","ServiceName":"web","ServiceTags":null,"Type":"","ExposedPort":0,"Definition":{"Interval":"10s"},"CreateIndex":I,"ModifyIndex":I}},"#,
        r#"{"KV":{"LockIndex":0,"Key":"k","Flags":0,"Value":null,"CreateIndex":I,"ModifyIndex":I}}],"Errors":null}"#,
    );
    assert_eq!(
        body_of(&answer),
        expected.replace(":I", &format!(":{index}"))
    );
}

#[tokio::test]
async fn what_only_gets_is_a_read() {
    let pair = start_pair().await;
    let set = json!([{"Node": {"Verb": "set", "Node": {"Node": "n", "Address": "a"}}}]);
    let (status, written) = txn(pair.client, "/v1/txn", &set).await;
    assert_eq!((status.as_str(), written.get("KnownLeader")), ("200", None));
    assert_eq!(written["Results"][0]["Node"]["Datacenter"], "dc1");
    let get = json!([{"Node": {"Verb": "get", "Node": {"Node": "n"}}}]);
    let missing = json!([
        {"Node": {"Verb": "get", "Node": {"Node": "n"}}},
        {"Check": {"Verb": "get", "Check": {"Node": "n", "CheckID": "x"}}},
    ]);
    for agent in [pair.server, pair.client] {
        for target in ["/v1/txn", "/v1/txn?stale", "/v1/txn?consistent"] {
            let answer = ask(agent, "PUT", target, "", get.to_string().as_bytes()).await;
            assert!(
                answer.contains("x-consul-knownleader: true")
                    || answer.contains("X-Consul-Knownleader: true"),
                "{answer}"
            );
            let found: Value = serde_json::from_str(body_of(&answer)).unwrap();
            assert_eq!(found["Results"], written["Results"]);
            assert_eq!(
                (&found["Index"], &found["KnownLeader"]),
                (&json!(0), &json!(true))
            );
            let (status, refused) = txn(agent, target, &missing).await;
            assert_eq!(
                (status.as_str(), &refused["Results"]),
                ("409", &Value::Null)
            );
            let error = json!([{"OpIndex": 1, "What": "check \"x\" on node \"n\" doesn't exist"}]);
            assert_eq!(
                (&refused["Errors"], &refused["KnownLeader"]),
                (&error, &json!(true))
            );
        }
        // A verb that there is not is no read, unless it is of a key.
        let unknown = json!([{"Node": {"Verb": "zip", "Node": {"Node": "n"}}}]);
        let (status, refused) = txn(agent, "/v1/txn", &unknown).await;
        let error = json!([{"OpIndex": 0, "What": "unknown Node verb \"zip\""}]);
        assert_eq!((status.as_str(), &refused["Errors"]), ("409", &error));
        let unknown = json!([{"KV": {"Verb": "zip", "Key": "n"}}]);
        let (_, refused) = txn(agent, "/v1/txn", &unknown).await;
        assert_eq!(refused["KnownLeader"], true);
    }
    let both = txn(pair.server, "/v1/txn?stale&consistent", &get).await;
    assert_eq!(both.0, "400");
}

#[tokio::test]
async fn refusals_undo_the_whole() {
    let pair = start_pair().await;
    let ops = json!([
        {"Node": {"Verb": "set", "Node": {"Node": "n", "Address": "a"}}},
        {"Service": {"Verb": "set", "Node": "none", "Service": {"Service": "web"}}},
        {},
        {"KV": {"Verb": "set", "Key": "k"}},
    ]);
    for agent in [pair.server, pair.client] {
        let (status, refused) = txn(agent, "/v1/txn", &ops).await;
        let errors = json!([{"OpIndex": 1, "What": "Missing node registration"}]);
        assert_eq!((status.as_str(), &refused["Errors"]), ("409", &errors));
        let get = json!([
            {"Node": {"Verb": "get", "Node": {"Node": "n"}}},
            {"KV": {"Verb": "get", "Key": "k"}},
        ]);
        let (_, refused) = txn(agent, "/v1/txn", &get).await;
        assert_eq!(refused["Errors"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn bodies_are_held_to_their_limits() {
    let (_server, address) = start().await;
    let get = json!({"Service": {"Verb": "get", "Node": "n", "Service": {"ID": "x"}}});
    let many = Value::from(vec![get.clone(); 129]);
    let (status, text) = txn(address, "/v1/txn", &many).await;
    assert_eq!(status, "413");
    assert_eq!(text, "Transaction contains too many operations (129 > 128)");
    let (status, _) = txn(address, "/v1/txn", &Value::from(vec![get; 128])).await;
    assert_eq!(status, "409");
    for (body, text) in [
        (
            json!([{"Node": 5}]),
            "json: cannot unmarshal number into Go struct field TxnOp.Node of type api.NodeTxnOp",
        ),
        (json!([{"Foo": 5}]), "json: unknown field \"Foo\""),
        (
            json!([{"Service": {"Service": {"Foo": 1}}}]),
            "json: unknown field \"Foo\"",
        ),
    ] {
        let (status, refused) = txn(address, "/v1/txn", &body).await;
        assert_eq!(status, "400");
        assert_eq!(refused, format!("Failed to parse body: {text}"));
    }
    for body in [json!([]), json!([{}]), Value::Null] {
        let (status, answer) = txn(address, "/v1/txn", &body).await;
        assert_eq!((status.as_str(), &answer["Results"]), ("200", &json!([])));
    }
}
