use super::support::{Done, FakeApi, ask, bytes, ok, run, status};

#[test]
fn info_prints_sections_and_keys_in_order() {
    let body = r#"{"Stats":{"raft":{"term":"2","state":"Leader"},"build":{"version":"1"}}}"#;
    let api = FakeApi::start(vec![ok("GET /v1/agent/self", body)]);
    let text = "build:\n\tversion = 1\nraft:\n\tstate = Leader\n\tterm = 2\n";
    assert_eq!(ask(&api, &["info"]), Done::success(text));
    let api = FakeApi::start(vec![ok("GET /v1/agent/self", "{}")]);
    let text = "Agent response did not contain 'Stats' key\n";
    assert_eq!(ask(&api, &["info"]), Done::failure(text));
}

#[test]
fn join_counts_and_tells_every_failure() {
    let api = FakeApi::start(vec![
        ok("PUT /v1/agent/join/10.0.0.1", ""),
        status("PUT /v1/agent/join/", 500, "no"),
    ]);
    let done = ask(&api, &["join", "10.0.0.1", "10.0.0.2"]);
    assert_eq!(done.code, 0);
    assert_eq!(
        done.out,
        "Successfully joined cluster by contacting 1 nodes.\n"
    );
    let text = "Error joining address '10.0.0.2': Unexpected response code: 500 (no)\n";
    assert_eq!(done.err, text);
    let done = ask(&api, &["join", "-wan", "10.0.0.3"]);
    assert!(
        done.err.ends_with("(no)\nFailed to join any nodes.\n"),
        "{}",
        done.err
    );
    assert_eq!(api.lines()[2], "PUT /v1/agent/join/10.0.0.3?wan=1");
}

#[test]
fn leave_reload_and_force_leave() {
    let api = FakeApi::start(vec![ok("PUT /v1/agent/", "")]);
    let text = "Graceful leave complete\n";
    assert_eq!(ask(&api, &["leave"]), Done::success(text));
    let text = "Configuration reload triggered\n";
    assert_eq!(ask(&api, &["reload"]), Done::success(text));
    assert_eq!(
        ask(&api, &["force-leave", "-prune", "n2"]),
        Done::success("")
    );
    assert_eq!(api.lines()[2], "PUT /v1/agent/force-leave/n2?prune=1");
    let done = run(&["force-leave", "a", "b"]);
    let text =
        "A single node name must be specified to force leave.\n\nUsage: consulctl force-leave";
    assert!(done.err.starts_with(text), "{}", done.err);
    let done = run(&["leave", "now"]);
    assert!(
        done.err
            .starts_with("Error found unexpected args: [now]\n\nUsage: ")
    );
}

#[test]
fn monitor_passes_the_stream_on() {
    let api = FakeApi::start(vec![ok("GET /v1/agent/monitor", "line 1\nline 2\n")]);
    let done = ask(&api, &["monitor", "-log-level=trace", "-log-json"]);
    // The recorded API ends the stream, which an agent does only when it stops.
    assert_eq!((done.code, done.out.as_str()), (1, "line 1\nline 2\n"));
    assert!(
        done.err.contains("Remote side ended the monitor!"),
        "{}",
        done.err
    );
    assert_eq!(
        api.lines()[0],
        "GET /v1/agent/monitor?logjson=true&loglevel=trace"
    );
}

#[test]
fn maint_switches_and_lists() {
    let checks = r#"{"_node_maintenance":{"CheckID":"_node_maintenance","Notes":"why"},
        "_service_maintenance:w":{"CheckID":"_service_maintenance:w","ServiceID":"w","Notes":"x"},
        "web":{"CheckID":"web","Status":"passing"}}"#;
    let api = FakeApi::start(vec![
        ok("GET /v1/agent/self", r#"{"Config":{"NodeName":"n1"}}"#),
        ok("GET /v1/agent/checks", checks),
        ok("PUT /v1/agent/", ""),
    ]);
    let text = "Node:\n  Name:   n1\n  Reason: why\n\nService:\n  ID:     w\n  Reason: x\n\n";
    assert_eq!(ask(&api, &["maint"]), Done::success(text));
    let text = "Node maintenance is now enabled\n";
    assert_eq!(
        ask(&api, &["maint", "-enable", "-reason=a b"]),
        Done::success(text)
    );
    let text = "Service maintenance is now disabled for \"w\"\n";
    assert_eq!(
        ask(&api, &["maint", "-disable", "-service=w"]),
        Done::success(text)
    );
    let lines = api.lines();
    assert_eq!(lines[2], "PUT /v1/agent/maintenance?enable=true&reason=a+b");
    assert_eq!(lines[3], "PUT /v1/agent/service/maintenance/w?enable=false");
    let text = "Reason may only be provided with -enable\n";
    assert_eq!(run(&["maint", "-reason=x"]), Done::failure(text));
}

#[test]
fn catalog_lists_as_consul_does() {
    let nodes = r#"[{"ID":"9e3399fe-dcea","Node":"n1","Address":"10.0.0.1","Datacenter":"dc1",
        "TaggedAddresses":{"lan":"10.0.0.1","wan":"10.0.0.2"},"Meta":null}]"#;
    let api = FakeApi::start(vec![
        ok(
            "GET /v1/catalog/nodes?near=_agent&node-meta=a%3Ab&stale=",
            nodes,
        ),
        ok("GET /v1/catalog/nodes", nodes),
        ok("GET /v1/catalog/service/none", "[]"),
        ok(
            "GET /v1/catalog/services",
            r#"{"consul":[],"web":["b","a"]}"#,
        ),
        ok("GET /v1/catalog/node/none", "null"),
    ]);
    let words = [
        "catalog",
        "nodes",
        "-near=_agent",
        "-node-meta=a=b",
        "-stale",
    ];
    let text = "Node  ID        Address   DC\nn1    9e3399fe  10.0.0.1  dc1\n";
    assert_eq!(ask(&api, &words), Done::success(text));
    let out = ask(&api, &["catalog", "nodes", "-detailed"]).out;
    assert!(out.contains("  lan=10.0.0.1, wan=10.0.0.2  \n"), "{out}");
    let none = ask(&api, &["catalog", "nodes", "-service=none"]);
    let text = "No nodes match the given query - try expanding your search.\n";
    assert_eq!((none.code, none.err.as_str()), (0, text));
    assert_eq!(
        ask(&api, &["catalog", "services"]),
        Done::success("consul\nweb\n")
    );
    let text = "consul      \nweb         a,b\n";
    assert_eq!(
        ask(&api, &["catalog", "services", "-tags"]),
        Done::success(text)
    );
    let none = ask(&api, &["catalog", "services", "-node=none"]);
    let text = "No services match the given query - try expanding your search.\n";
    assert_eq!((none.code, none.err.as_str()), (0, text));
}

#[test]
fn services_come_from_flags_or_files() {
    let api = FakeApi::start(vec![ok("PUT /v1/agent/service/", "")]);
    let words = [
        "services",
        "register",
        "-name=web",
        "-port=80",
        "-tag=a",
        "-tag=b",
        "-meta=k=v",
        "-tagged-address=lan=10.0.0.1:81",
    ];
    assert_eq!(
        ask(&api, &words),
        Done::success("Registered service: web\n")
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.json");
    let text = r#"{"services":[{"id":"i1","name":"m1"},{"name":"m2","enable_tag_override":true,"check":{"ttl":"10s"}}]}"#;
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let text = "Registered service: m1\nRegistered service: m2\n";
    assert_eq!(
        ask(&api, &["services", "register", path]),
        Done::success(text)
    );
    let text = "Deregistered service: i1\nDeregistered service: m2\n";
    assert_eq!(
        ask(&api, &["services", "deregister", path]),
        Done::success(text)
    );
    let seen = api.seen();
    let body: serde_json::Value = serde_json::from_slice(&seen[0].body).unwrap();
    let expected = serde_json::json!({
        "Name": "web", "Tags": ["a", "b"], "Port": 80, "Meta": {"k": "v"},
        "TaggedAddresses": {"lan": {"Address": "10.0.0.1", "Port": 81}},
    });
    assert_eq!(body, expected);
    let body: serde_json::Value = serde_json::from_slice(&seen[2].body).unwrap();
    assert_eq!(body["EnableTagOverride"], true);
    assert_eq!(body["Check"]["TTL"], "10s");
    assert_eq!(seen[3].line, "PUT /v1/agent/service/deregister/i1");
}

#[test]
fn service_files_may_be_hcl() {
    let api = FakeApi::start(vec![ok("PUT /v1/agent/service/", "")]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.hcl");
    std::fs::write(
        &path,
        "service {\n  name = \"h\"\n  port = 1\n  tags = [\"a\"]\n}\n",
    )
    .unwrap();
    let done = ask(&api, &["services", "register", path.to_str().unwrap()]);
    assert_eq!(done, Done::success("Registered service: h\n"));
    let body: serde_json::Value = serde_json::from_slice(&api.seen()[0].body).unwrap();
    assert_eq!(body["Port"], 1);
    assert_eq!(body["Tags"][0], "a");
}

#[test]
fn broken_service_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let register = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let done = run(&["services", "register", path.to_str().unwrap()]);
        assert_eq!(done.code, 1);
        done.err.replace(path.to_str().unwrap(), name)
    };
    let error = register("a.json", "{\"service\":");
    assert!(
        error.starts_with("Error: failed to parse a.json: "),
        "{error}"
    );
    let text = "Error: failed to parse b.json: 1 error occurred:\n\t* invalid config key name";
    let error = register("b.json", "{\"name\":\"x\"}");
    assert!(error.starts_with(text), "{error}");
    assert!(register("c.json", "{\"service\":{\"nme\":\"x\"}}").contains("nme"));
    let done = run(&["services", "register", "missing.json"]);
    let text = "Error: config: Open failed on missing.json. open missing.json: no such file or directory\n";
    assert_eq!(done, Done::failure(text));
}

#[test]
fn validate_judges_files_as_the_agent_would() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let data = folder.path().join("data");
    let good = format!(
        "{{\"server\": true, \"data_dir\": \"{}\", \"bind_addr\": \"127.0.0.1\", \"bootstrap\": true}}",
        data.display()
    );
    let good = write("good.json", &good);
    let done = run(&["validate", &good]);
    assert_eq!(
        (done.code, done.out.as_str()),
        (0, "Configuration is valid!\n")
    );
    assert!(done.err.contains("bootstrap"), "{}", done.err);
    assert_eq!(run(&["validate", "-quiet", &good]), Done::success(""));
    assert!(!data.exists());
    let bad = write("bad.json", "{\"serverr\": true}");
    let done = run(&["validate", &bad]);
    assert_eq!(done.code, 1);
    let text = "Config validation failed: failed to parse ";
    assert!(
        done.err.starts_with(text) && done.err.contains("serverr"),
        "{}",
        done.err
    );
    let text = "Must specify at least one config file or directory\n";
    assert_eq!(run(&["validate"]), Done::failure(text));
    let text = "-config-format must be either 'hcl' or 'json\n";
    assert_eq!(
        run(&["validate", "-config-format=x", &good]),
        Done::failure(text)
    );
}

#[test]
fn operators_see_peers_and_autopilot() {
    let peers = r#"{"Servers":[{"ID":"i","Node":"n1","Address":"10.0.0.1:8300","Leader":true,
        "ProtocolVersion":"3","Voter":true}],"Index":0}"#;
    let config = r#"{"CleanupDeadServers":true,"LastContactThreshold":"200ms","MaxTrailingLogs":250,
        "MinQuorum":0,"ServerStabilizationTime":"10s","RedundancyZoneTag":"","ModifyIndex":4}"#;
    let api = FakeApi::start(vec![
        ok("GET /v1/operator/raft/configuration", peers),
        ok("GET /v1/operator/autopilot/configuration", config),
        ok("PUT /v1/operator/autopilot/configuration?cas=4", "true"),
        ok("DELETE /v1/operator/raft/peer?id=x", ""),
    ]);
    let text = "Node  ID  Address        State   Voter  RaftProtocol\nn1    i   10.0.0.1:8300  leader  true   3\n";
    assert_eq!(
        ask(&api, &["operator", "raft", "list-peers"]),
        Done::success(text)
    );
    let done = ask(&api, &["operator", "raft", "remove-peer", "-id=x"]);
    assert_eq!(done, Done::success("Removed peer with id \"x\"\n"));
    let text = "CleanupDeadServers = true\nLastContactThreshold = 200ms\nMaxTrailingLogs = 250\nMinQuorum = 0\nServerStabilizationTime = 10s\nRedundancyZoneTag = \"\"\nDisableUpgradeMigration = false\nUpgradeVersionTag = \"\"\n";
    let done = ask(&api, &["operator", "autopilot", "get-config"]);
    assert_eq!(done, Done::success(text));
    let words = [
        "operator",
        "autopilot",
        "set-config",
        "-cleanup-dead-servers=false",
        "-last-contact-threshold=1s",
        "-max-trailing-logs",
        "300",
    ];
    assert_eq!(ask(&api, &words), Done::success("Configuration updated!\n"));
    let seen = api.seen();
    let body: serde_json::Value = serde_json::from_slice(&seen.last().unwrap().body).unwrap();
    assert_eq!(body["CleanupDeadServers"], false);
    assert_eq!(body["LastContactThreshold"], "1s");
    assert_eq!(body["MaxTrailingLogs"], 300);
    assert_eq!(body["ServerStabilizationTime"], "10s");
}

#[test]
fn operators_move_the_leadership_and_see_its_state() {
    let state = r#"{"Healthy":true,"FailureTolerance":0,"OptimisticFailureTolerance":0,"Servers":{"i":{"ID":"i",
        "Name":"n1","Address":"10.0.0.1:8300","NodeStatus":"alive","Version":"1.10.0","LastContact":"0s","LastTerm":2,
        "LastIndex":9,"Healthy":true,"StableSince":"2026-01-02T03:04:05Z","ReadReplica":false,"Status":"leader",
        "Meta":{},"NodeType":"voter"}},"Leader":"i","Voters":["i"]}"#;
    let api = FakeApi::start(vec![
        ok(
            "POST /v1/operator/raft/transfer-leader?id=x",
            r#"{"Success":true}"#,
        ),
        ok(
            "POST /v1/operator/raft/transfer-leader?id=y",
            r#"{"Success":false}"#,
        ),
        status(
            "POST /v1/operator/raft/transfer-leader",
            500,
            "No cluster leader",
        ),
        ok("GET /v1/operator/autopilot/state", state),
    ]);
    let transfer = |more: &[&str]| {
        let words: Vec<&str> = ["operator", "raft", "transfer-leader"]
            .iter()
            .chain(more)
            .copied()
            .collect();
        ask(&api, &words)
    };
    assert_eq!(transfer(&["-id=x"]), Done::success("Success\n"));
    let failed = "Error transfering leadership: Failed to transfer leadership";
    assert_eq!(transfer(&["-id=y"]), Done::failure(&format!("{failed}\n")));
    let done = transfer(&[]);
    assert_eq!(done.code, 1);
    let text = format!("{failed}: Unexpected response code: 500 (No cluster leader)\nhint: ");
    assert!(done.err.starts_with(&text), "{}", done.err);
    let done = ask(&api, &["operator", "autopilot", "state"]);
    assert!(
        done.out
            .starts_with("Healthy:                      true\nFailure Tolerance:            0\n"),
        "{}",
        done.out
    );
    assert!(
        done.out
            .ends_with("      Last Term:       2\n      Last Index:      9\n\n"),
        "{}",
        done.out
    );
    let json = ask(&api, &["operator", "autopilot", "state", "-format=json"]);
    assert!(
        json.out
            .contains("\n            \"LastContact\": \"0s\",\n"),
        "{}",
        json.out
    );
}

#[test]
fn a_lost_leader_is_told_as_consul_tells_it() {
    let body = "rpc error making call: No cluster leader";
    for (words, request, said) in [
        (
            ["operator", "raft", "list-peers"],
            "GET /v1/operator/raft/configuration",
            "Error getting peers: Failed to retrieve raft configuration",
        ),
        (
            ["kv", "get", "a"],
            "GET /v1/kv/a",
            "Error querying Consul agent",
        ),
        (
            ["snapshot", "save", "/nowhere/x"],
            "GET /v1/snapshot",
            "Error saving snapshot",
        ),
    ] {
        let api = FakeApi::start(vec![status(request, 500, body)]);
        let done = ask(&api, &words);
        assert_eq!(done.code, 1);
        let text = format!("{said}: Unexpected response code: 500 ({body})\n");
        assert!(done.err.starts_with(&text), "{}", done.err);
        assert!(done.err.contains("-stale"), "{}", done.err);
    }
}

#[test]
fn a_snapshot_gets_its_name_only_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.snap");
    let name = path.to_str().unwrap();
    let api = FakeApi::start(vec![bytes("GET /v1/snapshot", b"junk".to_vec())]);
    let done = ask(&api, &["snapshot", "save", name]);
    assert_eq!(done.code, 1);
    assert!(
        done.err.starts_with("Error verifying snapshot file: "),
        "{}",
        done.err
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    std::fs::write(&path, vec![7; 300_000]).unwrap();
    let api = FakeApi::start(vec![ok("PUT /v1/snapshot", "")]);
    let done = ask(&api, &["snapshot", "restore", name]);
    assert_eq!(done, Done::success("Restored snapshot\n"));
    assert_eq!(api.seen()[0].body, vec![7; 300_000]);
}

#[test]
fn rtt_estimates_from_coordinates() {
    let nodes = r#"[{"Node":"a","Segment":"","Coord":{"Vec":[0,0,0,0,0,0,0,0],"Error":1,"Adjustment":0,"Height":0.0001}},
        {"Node":"b","Segment":"","Coord":{"Vec":[0.001,0,0,0,0,0,0,0],"Error":1,"Adjustment":0,"Height":0.0002}}]"#;
    let api = FakeApi::start(vec![
        ok("GET /v1/coordinate/nodes", nodes),
        ok("GET /v1/agent/self", r#"{"Config":{"NodeName":"b"}}"#),
    ]);
    let text = "Estimated a <-> b rtt: 1.300 ms (using LAN coordinates)\n";
    assert_eq!(ask(&api, &["rtt", "a", "b"]), Done::success(text));
    assert_eq!(ask(&api, &["rtt", "a"]), Done::success(text));
    let text = "Could not find a coordinate for node \"c\"\n";
    assert_eq!(ask(&api, &["rtt", "c", "a"]), Done::failure(text));
    assert_eq!(ask(&api, &["rtt", "a", "c"]), Done::failure(text));
    for args in [&["rtt"][..], &["rtt", "a", "b", "c"]] {
        let done = ask(&api, args);
        let text = "One or two node names must be specified\n\nUsage: ";
        assert!(done.err.starts_with(text) && done.code == 1, "{done:?}");
    }
}

#[test]
fn rtt_in_the_wan_wants_names_with_their_datacenter() {
    let found = r#"[{"Datacenter":"dc1","AreaID":"wan","Coordinates":[
        {"Node":"a","Coord":{"Vec":[0,0,0,0,0,0,0,0],"Height":0.0001}},
        {"Node":"b","Coord":{"Vec":[0.002,0,0,0,0,0,0,0],"Height":0.0001}}]},
        {"Datacenter":"dc2","AreaID":"other","Coordinates":[{"Node":"c","Coord":{}}]}]"#;
    let own = r#"{"Config":{"NodeName":"b","Datacenter":"dc1"}}"#;
    let api = FakeApi::start(vec![
        ok("GET /v1/coordinate/datacenters", found),
        ok("GET /v1/agent/self", own),
    ]);
    let text = "Estimated a.dc1 <-> b.dc1 rtt: 2.200 ms (using WAN coordinates)\n";
    assert_eq!(
        ask(&api, &["rtt", "-wan", "a.dc1", "b.dc1"]),
        Done::success(text)
    );
    assert_eq!(ask(&api, &["rtt", "-wan", "a.dc1"]), Done::success(text));
    let text = "Could not find a coordinate for node \"c.dc2\"\n";
    let unknown = ask(&api, &["rtt", "-wan", "a.dc1", "c.dc2"]);
    assert_eq!(unknown, Done::failure(text));
    let text = "Node names must be specified as <node name>.<datacenter> with -wan\n";
    for nodes in [
        &["a"][..],
        &["a", "b"],
        &["a.dc1", "b"],
        &["a.b.dc1", "b.dc1"],
    ] {
        let args: Vec<&str> = ["rtt", "-wan"].iter().chain(nodes).copied().collect();
        assert_eq!(ask(&api, &args), Done::failure(text), "{nodes:?}");
    }
}

#[test]
fn watch_prints_once_or_runs_a_child_until_it_fails() {
    let pair =
        r#"[{"LockIndex":0,"Key":"k","Flags":1,"Value":"eA==","CreateIndex":3,"ModifyIndex":4}]"#;
    let api = FakeApi::start(vec![
        ok("GET /v1/agent/self", r#"{"Config":{"NodeName":"n"}}"#),
        ok("GET /v1/kv/k", pair),
        status("GET /v1/kv/none", 404, ""),
    ]);
    let text = "{\n    \"Key\": \"k\",\n    \"CreateIndex\": 3,\n    \"ModifyIndex\": 4,\n    \"LockIndex\": 0,\n    \"Flags\": 1,\n    \"Value\": \"eA==\",\n    \"Session\": \"\"\n}\n";
    assert_eq!(
        ask(&api, &["watch", "-type=key", "-key=k"]),
        Done::success(text)
    );
    let none = ask(&api, &["watch", "-type=key", "-key=none"]);
    assert_eq!(none, Done::success("null\n"));
    let words = [
        "watch",
        "-type=key",
        "-key=k",
        "test \"$CONSUL_INDEX\" = 32 && exit 7",
    ];
    let text = "Error executing handler: exit status 7\n";
    assert_eq!(ask(&api, &words), Done::failure(text));
    let done = run(&["watch", "-type=nonsense"]);
    assert_eq!(done, Done::failure("Unsupported watch type: nonsense\n"));
}

#[test]
fn event_sends_the_payload_and_its_filters() {
    let api = FakeApi::start(vec![
        ok("GET /v1/agent/self", r#"{"Config":{"NodeName":"n"}}"#),
        ok(
            "PUT /v1/event/fire/deploy?node=%5En&service=web&tag=a",
            r#"{"ID":"u-u-i-d","LTime":2}"#,
        ),
    ]);
    let words = [
        "event",
        "-name=deploy",
        "-node=^n",
        "-service=web",
        "-tag=a",
        "payload",
    ];
    assert_eq!(ask(&api, &words), Done::success("Event ID: u-u-i-d\n"));
    assert_eq!(api.seen()[1].body, b"payload");
    let text = "Cannot provide tag filter without service filter.\n";
    assert_eq!(run(&["event", "-name=x", "-tag=y"]), Done::failure(text));
    let text =
        "Failed to compile node filter regexp: error parsing regexp: missing closing ): `(`\n";
    assert_eq!(run(&["event", "-name=x", "-node=("]), Done::failure(text));
}

#[test]
fn a_watch_on_events_prints_consuls_fields() {
    let event =
        |id: &str, name: &str| format!(r#"{{"ID":"{id}","Name":"{name}","Payload":"MQ=="}}"#);
    let (one, two) = (
        event("6c032205-8803-4144-f99b-73d2e65c660a", "one"),
        event("d8ee5f74-ef39-4c9b-7c00-ee0dbe1d276e", "two"),
    );
    let api = FakeApi::start(vec![
        ok("GET /v1/agent/self", r#"{"Config":{"NodeName":"n"}}"#),
        ok("GET /v1/event/list", &format!("[{one},{two}]")),
    ]);
    let out = ask(&api, &["watch", "-type=event", "-name=deploy"]).out;
    let found: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    assert_eq!(found.len(), 2);
    let fields: Vec<&String> = found[0].as_object().unwrap().keys().collect();
    let expected = [
        "ID",
        "Name",
        "Payload",
        "NodeFilter",
        "ServiceFilter",
        "TagFilter",
        "Version",
        "LTime",
    ];
    assert_eq!(fields, expected.each_ref());
    assert_eq!(api.lines()[1], "GET /v1/event/list?name=deploy");
}
