//! Commands against a running agent: text, exit codes, and what they change.

use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::{Lines, TestAgent, consulctl, own_address, text_of};

fn durable() -> (tempfile::TempDir, TestAgent) {
    let folder = tempfile::tempdir().unwrap();
    let agent = TestAgent::server(own_address(), &folder.path().join("data"), &[]);
    (folder, agent)
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|err| panic!("{err}: {text}"))
}

#[test]
fn keys_are_put_got_and_deleted() {
    let (folder, agent) = durable();
    let put = |args: &[&str]| agent.cli_ok(&[&["kv", "put"], args].concat());
    assert_eq!(
        put(&["app/limit", "5"]),
        "Success! Data written to: app/limit\n"
    );
    assert_eq!(agent.cli_ok(&["kv", "get", "app/limit"]), "5\n");
    put(&["-flags=42", "app/flagged", "x"]);
    let detailed = agent.cli_ok(&["kv", "get", "-detailed", "app/flagged"]);
    let rows: Vec<Vec<&str>> = detailed
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[1..3],
        [["Flags", "42"], ["Key", "app/flagged"]],
        "{detailed}"
    );
    assert_eq!(rows[5..], [["Session", "-"], ["Value", "x"]], "{detailed}");
    put(&["-base64", "app/decoded", "aGk="]);
    let file = folder.path().join("value");
    fs::write(&file, b"from a file\0").unwrap();
    put(&["app/file", &format!("@{}", file.display())]);
    assert_eq!(
        agent.send("GET", "/v1/kv/app/file?raw", "").body,
        b"from a file\0"
    );
    let done = agent.cli_with_input(&["kv", "put", "app/input", "-"], b"from input");
    assert!(done.status.success(), "{done:?}");
    let all = agent.cli_ok(&["kv", "get", "-recurse", "app/"]);
    let expected = "app/decoded:hi\napp/file:from a file\0\napp/flagged:x\napp/input:from input\napp/limit:5\n";
    assert_eq!(all, expected);
    assert_eq!(agent.cli_ok(&["kv", "get", "-keys", ""]), "app/\n");
    assert_eq!(
        agent.cli_ok(&["kv", "delete", "app/limit"]),
        "Success! Deleted key: app/limit\n"
    );
    let (code, printed) = agent.cli_fails(&["kv", "get", "app/limit"]);
    assert_eq!(
        (code, printed.as_str()),
        (Some(1), "Error! No key exists at: app/limit\n")
    );
    let deleted = agent.cli_ok(&["kv", "delete", "-recurse", "app"]);
    assert_eq!(deleted, "Success! Deleted keys with prefix: app\n");
    assert_eq!(agent.cli_ok(&["kv", "get", "-recurse", "app"]), "");
}

#[test]
fn check_and_set_is_told_by_the_exit_code() {
    let (_folder, agent) = durable();
    assert_eq!(
        agent.cli_ok(&["kv", "cas", "a", "0", "1"]),
        "Success! Data written to: a\n"
    );
    let (code, printed) = agent.cli_fails(&["kv", "cas", "a", "0", "2"]);
    assert_eq!(code, Some(1));
    assert_eq!(printed, "Error! Did not write to a: CAS failed\n");
    let index = agent.json("/v1/kv/a")[0]["ModifyIndex"].to_string();
    let option = format!("-modify-index={index}");
    assert_eq!(
        agent.cli_ok(&["kv", "put", "-cas", &option, "a", "3"]),
        "Success! Data written to: a\n"
    );
    agent.cli_fails(&["kv", "put", "-cas", &option, "a", "4"]);
    agent.cli_fails(&["kv", "delete", "-cas", &option, "a"]);
    assert_eq!(agent.cli_ok(&["kv", "get", "a"]), "3\n");
    let index = agent.json("/v1/kv/a")[0]["ModifyIndex"].to_string();
    agent.cli_ok(&[
        "kv",
        "delete",
        "-cas",
        &format!("-modify-index={index}"),
        "a",
    ]);
    agent.cli_fails(&["kv", "get", "a"]);
}

#[test]
fn exported_keys_are_imported_elsewhere() {
    let (_folder, from) = durable();
    for number in 0..200 {
        from.put(
            &format!("/v1/kv/app/{number}?flags={number}"),
            &format!("value {number}"),
        );
    }
    from.put("/v1/kv/app/empty", "");
    let exported = from.cli_ok(&["kv", "export", "app/"]);
    assert_eq!(parsed(&exported).as_array().unwrap().len(), 201);
    let (folder, to) = durable();
    let file = folder.path().join("app.json");
    fs::write(&file, &exported).unwrap();
    let printed = to.cli_ok(&["kv", "import", &format!("@{}", file.display())]);
    assert_eq!(
        printed
            .lines()
            .filter(|line| line.starts_with("Imported: app/"))
            .count(),
        201
    );
    assert_eq!(to.cli_ok(&["kv", "export", "app/"]), exported);
    let done = to.cli_with_input(&["kv", "import", "-prefix=sub/", "-"], exported.as_bytes());
    assert!(done.status.success(), "{done:?}");
    assert_eq!(to.cli_ok(&["kv", "get", "sub/app/7"]), "value 7\n");
    let broken = to.cli_with_input(&["kv", "import", "-"], b"[{\"key\": ");
    assert_eq!(broken.status.code(), Some(1), "{broken:?}");
}

#[test]
fn a_saved_snapshot_is_inspected() {
    let (folder, agent) = durable();
    let agent = agent.in_catalog();
    for key in ["a", "dir/b", "dir/c"] {
        agent.put(&format!("/v1/kv/{key}"), "1");
    }
    let file = folder.path().join("backup.snap");
    let file = file.to_str().unwrap();
    let printed = agent.cli_ok(&["snapshot", "save", file]);
    assert!(
        printed.starts_with("Saved and verified snapshot to index "),
        "{printed}"
    );
    let inspected = parsed(&agent.cli_ok(&["snapshot", "inspect", "--format", "json", file]));
    let index = inspected["Meta"]["Index"].as_u64().unwrap();
    assert!(
        printed.trim_end().ends_with(&format!(" {index}")),
        "{printed}"
    );
    let shown = agent.cli_ok(&["snapshot", "inspect", file]);
    assert!(
        shown.contains(&format!("\n Index        {index}\n")),
        "{shown}"
    );
    assert!(
        shown.contains("\n\n Type           Count      Size\n ----"),
        "{shown}"
    );
    assert_eq!(inspected["StatsKV"], Value::Null);
    let details = ["-kvdetails", "-kvdepth=1", "-kvfilter=dir/"];
    let inspect = [
        &["snapshot", "inspect", "-format=json"][..],
        &details,
        &[file],
    ]
    .concat();
    let inspected = parsed(&agent.cli_ok(&inspect));
    let count_of = |kind: &str| {
        let mut rows = inspected["Stats"].as_array().unwrap().iter();
        rows.find(|row| row["Name"] == kind).unwrap()["Count"].clone()
    };
    assert_eq!(
        (count_of("KVS"), count_of("Register")),
        (3.into(), 3.into())
    );
    assert_eq!(inspected["StatsKV"][0]["Name"], "dir");
    assert_eq!(inspected["StatsKV"][0]["Count"], 2);
    assert_eq!(inspected["TotalSizeKV"], inspected["StatsKV"][0]["Sum"]);
}

#[test]
fn a_snapshot_brings_everything_back() {
    let (folder, agent) = durable();
    agent.put("/v1/kv/kept", "old");
    agent.put("/v1/kv/deleted/later", "old");
    let register = r#"{"Node": "other", "Address": "10.0.0.1", "Service": {"Service": "web"}}"#;
    agent.put("/v1/catalog/register", register);
    let file = folder.path().join("backup.snap");
    let file = file.to_str().unwrap();
    agent.cli_ok(&["snapshot", "save", file]);

    agent.put("/v1/kv/kept", "new");
    agent.put("/v1/kv/added", "new");
    agent.send("DELETE", "/v1/kv/deleted?recurse", "");
    agent.put("/v1/catalog/deregister", r#"{"Node": "other"}"#);
    let paths = [
        "/v1/kv/kept",
        "/v1/kv/added",
        "/v1/kv/?recurse",
        "/v1/catalog/service/web",
    ];
    let indexes = || paths.map(|path| agent.send("GET", path, "").index());
    let before = indexes();
    // Watchers of what a restoration changes are told.
    let mut watcher = agent.client();
    watcher
        .send(
            "GET",
            &format!("/v1/kv/kept?raw&index={}&wait=60s", before[0]),
            b"",
        )
        .unwrap();
    assert_eq!(
        agent.cli_ok(&["snapshot", "restore", file]),
        "Restored snapshot\n"
    );
    assert_eq!(watcher.answer().unwrap().text(), "old");
    assert_eq!(agent.send("GET", "/v1/kv/kept?raw", "").text(), "old");
    assert_eq!(
        agent.send("GET", "/v1/kv/deleted/later?raw", "").text(),
        "old"
    );
    assert_eq!(agent.send("GET", "/v1/kv/added", "").status, 404);
    assert_eq!(
        agent.json("/v1/catalog/service/web")[0]["Node"],
        json!("other")
    );
    for ((path, before), after) in paths.iter().zip(before).zip(indexes()) {
        assert!(
            after >= before,
            "{path}: X-Consul-Index {after} after {before}"
        );
    }
    let before = agent.send("GET", "/v1/kv/kept", "").index();
    agent.put("/v1/kv/kept", "newest");
    assert!(agent.send("GET", "/v1/kv/kept", "").index() > before);

    // It survives the process.
    let ip = agent.ip;
    agent.kill();
    let agent = TestAgent::server(ip, &folder.path().join("data"), &[]);
    assert_eq!(agent.send("GET", "/v1/kv/kept?raw", "").text(), "newest");
    assert_eq!(
        agent.send("GET", "/v1/kv/deleted/later?raw", "").text(),
        "old"
    );
    assert_eq!(agent.send("GET", "/v1/kv/added", "").status, 404);
}

#[test]
fn a_broken_snapshot_changes_nothing() {
    let (folder, agent) = durable();
    agent.put("/v1/kv/a", "1");
    let file = folder.path().join("backup.snap");
    let path = file.to_str().unwrap();
    agent.cli_ok(&["snapshot", "save", path]);
    let whole = fs::read(&file).unwrap();
    agent.put("/v1/kv/a", "2");
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for broken in [&whole[..whole.len() / 2], &flipped, b"", b"no archive"] {
        fs::write(&file, broken).unwrap();
        let (code, printed) = agent.cli_fails(&["snapshot", "inspect", path]);
        assert_eq!(code, Some(1), "{printed}");
        let (code, printed) = agent.cli_fails(&["snapshot", "restore", path]);
        assert_eq!(code, Some(1), "{printed}");
        assert!(
            printed.starts_with("Error restoring snapshot: "),
            "{printed}"
        );
    }
    assert_eq!(agent.send("GET", "/v1/kv/a?raw", "").text(), "2");
    agent.assert_healthy();
}

#[test]
fn every_command_with_a_format_prints_json() {
    let (folder, agent) = durable();
    agent.put("/v1/kv/a", "1");
    let file = folder.path().join("backup.snap");
    let file = file.to_str().unwrap();
    agent.cli_ok(&["snapshot", "save", file]);
    for command in [
        &["members"][..],
        &["info"],
        &["catalog", "nodes"],
        &["catalog", "services"],
        &["catalog", "datacenters"],
        &["kv", "get"],
        &["kv", "export"],
        &["operator", "raft", "list-peers"],
        &["operator", "autopilot", "get-config"],
        &["snapshot", "inspect"],
        &["version"],
    ] {
        for format in ["--format=json", "-format=json"] {
            let operand: &[&str] = match command {
                ["kv", ..] => &["a"],
                ["snapshot", ..] => &[file],
                _ => &[],
            };
            let value = parsed(&agent.cli_ok(&[command, &[format], operand].concat()));
            assert!(
                value.is_object() || value.is_array(),
                "{command:?}: {value}"
            );
        }
    }
    assert_eq!(
        parsed(&agent.cli_ok(&["members", "--format=json"]))[0]["Name"],
        json!("n1")
    );
}

#[test]
fn services_are_registered_and_removed() {
    let (folder, agent) = durable();
    let file = folder.path().join("web.hcl");
    fs::write(
        &file,
        "service { name = \"web\" port = 80 tags = [\"v1\"] }",
    )
    .unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(
        agent.cli_ok(&["services", "register", path]),
        "Registered service: web\n"
    );
    agent.wait_json("/v1/catalog/service/web", |all| {
        all[0]["ServicePort"] == json!(80)
    });
    let printed = agent.cli_ok(&["services", "deregister", "-id=web"]);
    assert_eq!(printed, "Deregistered service: web\n");
    agent.wait_json("/v1/catalog/service/web", |all| *all == json!([]));
    let maintenance = agent.cli_ok(&["maint", "-enable", "-reason=upgrade"]);
    assert_eq!(maintenance, "Node maintenance is now enabled\n");
    agent.wait_json("/v1/health/state/critical", |all| {
        all[0]["Notes"] == json!("upgrade")
    });
    agent.cli_ok(&["maint", "-disable"]);
    agent.wait_json("/v1/health/state/critical", |all| *all == json!([]));
}

#[test]
fn monitor_has_a_level_of_its_own() {
    let (_folder, agent) = durable();
    let mut monitor = agent
        .cli_command(&["monitor", "-log-level=debug"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = Lines::default();
    lines.collect(monitor.stdout.take().unwrap());
    // The monitor begins at some moment: requests are made until it has shown one of them.
    let seen = AtomicBool::new(false);
    let line = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = agent.client();
            while !seen.load(Ordering::Relaxed) {
                client.ask("GET", "/v1/status/leader", "");
            }
        });
        let line = lines.wait(0, |line| line.contains("[DEBUG]"));
        seen.store(true, Ordering::Relaxed);
        line
    });
    let line = line.expect("a line of the monitor's own level");
    assert!(
        line.contains("agent.http: Request finished: method=GET"),
        "{line}"
    );
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &monitor.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    assert_eq!(monitor.wait().unwrap().code(), Some(0));
    assert!(!agent.printed().contains("[DEBUG]"), "{}", agent.printed());
    agent.assert_healthy();
}

#[test]
fn a_monitor_is_told_that_the_agent_has_gone() {
    let agent = TestAgent::dev(&[]);
    let mut monitor = agent
        .cli_command(&["monitor", "-log-level=trace", "-log-json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = Lines::default();
    lines.collect(monitor.stdout.take().unwrap());
    lines.collect(monitor.stderr.take().unwrap());
    let seen = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = agent.client();
            while !seen.load(Ordering::Relaxed) {
                client.ask("GET", "/v1/status/leader", "");
            }
        });
        let line = lines.wait(0, |line| line.contains("@message"));
        seen.store(true, Ordering::Relaxed);
        parsed(&line.expect("a line as JSON"));
    });
    agent.signal("TERM");
    agent.ended();
    assert!(lines.wait_for_end(), "the monitor ends with the agent");
    assert!(monitor.wait().unwrap().code().is_some());
    assert!(
        lines.text().contains("Remote side ended the monitor!"),
        "{}",
        lines.text()
    );
}

#[test]
fn an_unreachable_agent_gets_a_hint() {
    let address = format!("{}:8500", own_address());
    for command in [
        &["members"][..],
        &["info"],
        &["kv", "get", "a"],
        &["kv", "put", "a", "b"],
        &["catalog", "nodes"],
        &["leave"],
        &["reload"],
        &["monitor"],
        &["snapshot", "save", "/nonexistent/file"],
        &["operator", "raft", "list-peers"],
    ] {
        let mut with_address = consulctl();
        let output = with_address
            .env("CONSUL_HTTP_ADDR", &address)
            .args(command)
            .output()
            .unwrap();
        let printed = text_of(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {printed}");
        assert_eq!(text_of(&output.stdout), "", "{command:?}");
        if command[0] != "snapshot" {
            assert!(
                printed.contains("connection refused"),
                "{command:?}: {printed}"
            );
            assert!(printed.contains("hint: "), "{command:?}: {printed}");
            assert!(
                printed.contains("CONSUL_HTTP_ADDR"),
                "{command:?}: {printed}"
            );
        }
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let (_folder, agent) = durable();
    for number in 0..50 {
        agent.put(&format!("/v1/kv/{number}"), &"x".repeat(100_000));
    }
    let mut export = agent
        .cli_command(&["kv", "export"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(export.stdout.take());
    let output = export.wait_with_output().unwrap();
    assert!(!text_of(&output.stderr).contains("panic"), "{output:?}");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
