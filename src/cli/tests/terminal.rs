//! What people see at a terminal and scripts do not: hints, questions, colours, further columns.

use std::net::TcpListener;

use super::support::{Done, FakeApi, Setting, ask, ok, run, run_in, status};

const MEMBERS: &str = r#"[
 {"Name":"web-7","Addr":"10.0.0.9","Port":8301,"Status":4,
  "Tags":{"role":"node","build":"1.10.0","dc":"dc1","vsn":"2","id":"id-7"}},
 {"Name":"srv","Addr":"10.0.0.1","Port":8301,"Status":1,
  "Tags":{"role":"consul","build":"1.10.0","dc":"dc1","vsn":"2","id":"id-1","port":"8300"}}]"#;

/// Runs a command with somebody at the keyboard.
fn at_terminal(api: &FakeApi, words: &[&str], input: &str) -> Done {
    let setting = Setting {
        variables: vec![("CONSUL_HTTP_ADDR".to_owned(), api.address.clone())],
        input: input.as_bytes().to_vec(),
        asked: true,
        terminal: true,
        ..Setting::default()
    };
    run_in(words, setting)
}

#[test]
fn people_are_told_what_they_may_have_meant_and_scripts_are_not() {
    let api = FakeApi::start(vec![
        status(
            "PUT /v1/agent/force-leave/",
            500,
            "agent: No node found with name 'web7'",
        ),
        ok("GET /v1/agent/members", MEMBERS),
        ok("GET /v1/kv/app/?keys", r#"["app/limit","app/other"]"#),
        status("GET /v1/kv/app/limti", 404, ""),
    ]);
    let done = at_terminal(&api, &["force-leave", "web7"], "");
    assert_eq!(done.code, 1);
    assert!(done.err.contains("did you mean `web-7`?"), "{}", done.err);
    let done = at_terminal(&api, &["kv", "get", "app/limti"], "");
    assert!(done.err.starts_with("Error! No key exists at: app/limti\n"));
    assert!(
        done.err.contains("did you mean `app/limit`?"),
        "{}",
        done.err
    );
    let asked_before = api.seen().len();
    let text = "Error! No key exists at: app/limti\n";
    assert_eq!(ask(&api, &["kv", "get", "app/limti"]), Done::failure(text));
    assert_eq!(api.seen().len(), asked_before + 1);
}

#[test]
fn a_misspelt_command_keeps_consul_s_code_and_list() {
    let done = run(&["membres"]);
    assert_eq!((done.code, done.out.as_str()), (127, ""));
    assert!(done.err.starts_with("Usage: consulctl [--version]"));
    assert!(
        done.err
            .ends_with("hint: did you mean `consulctl members`?\n")
    );
    let done = run(&["kv", "gte"]);
    assert_eq!(done.code, 1);
    assert!(
        done.err
            .ends_with("hint: did you mean `consulctl kv get`?\n"),
        "{}",
        done.err
    );
    let done = run(&["kv"]);
    assert!(!done.err.contains("hint:"));
}

#[test]
fn help_has_topics_and_the_help_of_commands() {
    for topic in ["contexts", "environment", "exit-codes", "formatting"] {
        let done = run(&["help", topic]);
        assert_eq!((done.code, done.err.as_str()), (0, ""), "{topic}");
        assert!(done.out.lines().all(|line| line.len() <= 80), "{topic}");
    }
    assert!(
        run(&["help", "environment"])
            .out
            .contains("CONSULCTL_DEBUG")
    );
    assert_eq!(run(&["help", "kv", "get"]), run(&["kv", "get", "-h"]));
    assert_eq!(run(&["help"]).code, 127);
    assert_eq!(run(&["help", "nonsense"]).code, 127);
}

#[test]
fn the_short_flag_of_formats_and_the_wide_table() {
    let api = FakeApi::start(vec![
        ok("GET /v1/agent/members", MEMBERS),
        ok("GET /v1/agent/self", r#"{"Config":{"NodeName":"srv"}}"#),
        ok("GET /v1/status/leader", "\"10.0.0.1:8300\""),
        ok(
            "GET /v1/coordinate/nodes",
            r#"[{"Node":"srv","Coord":{"Vec":[0,0,0,0,0,0,0,0],"Height":0.0001}},
                {"Node":"web-7","Coord":{"Vec":[0.0049,0,0,0,0,0,0,0],"Height":0.0001}}]"#,
        ),
        status("GET /v1/consulctl/gossip", 404, ""),
    ]);
    assert_eq!(
        ask(&api, &["members", "-o", "json"]),
        ask(&api, &["members", "-format=json"])
    );
    let out = ask(&api, &["members", "-o", "wide"]).out;
    let rows: Vec<Vec<&str>> = out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0][8..], ["Leader", "ID", "RTT~", "Score", "Tags"]);
    assert_eq!(rows[1][8..12], ["*", "id-1", "n/a", "n/a"]);
    assert_eq!(rows[2][8..12], ["-", "id-7", "5.1ms", "n/a"]);
    assert!(rows[2][12].contains("role=node"));
    let done = run(&["rtt", "-o", "wide", "a"]);
    let text = "invalid value \"wide\" for flag -format: must be one of text, json, yaml\n";
    assert!(done.err.starts_with(text), "{}", done.err);
}

#[test]
fn the_flag_decides_about_colours() {
    let api = FakeApi::start(vec![ok("GET /v1/agent/members", MEMBERS)]);
    let coloured = |words: &[&str], terminal| {
        let setting = Setting {
            variables: vec![("CONSUL_HTTP_ADDR".to_owned(), api.address.clone())],
            terminal,
            ..Setting::default()
        };
        run_in(words, setting).out.contains("\x1b[")
    };
    assert!(coloured(&["members"], true) && !coloured(&["members"], false));
    assert!(coloured(&["members", "-color=always"], false));
    assert!(!coloured(&["members", "-color=never"], true));
    assert!(coloured(&["members", "-color", "auto"], true));
    let done = run(&["members", "-color=pink"]);
    let text = "invalid value \"pink\" for flag -color: must be one of auto, always, never\n";
    assert!(done.err.starts_with(text), "{}", done.err);
}

#[test]
fn an_agent_that_says_nothing_is_given_up() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = mute.local_addr().unwrap().to_string();
    let done = run(&["members", "-timeout=50ms", &format!("-http-addr={address}")]);
    assert_eq!(done.code, 1);
    let text = format!(
        "Error retrieving members: Get \"http://{address}/v1/agent/members?segment=_all\": context deadline exceeded \
         (Client.Timeout exceeded while awaiting headers)\nhint: "
    );
    assert!(done.err.starts_with(&text), "{}", done.err);
}

#[test]
fn completion_knows_no_word_that_confirms() {
    for verb in ["install", "uninstall"] {
        let done = run_in(&["completion", verb, "-confirm=y"], Setting::default());
        let text = "flag provided but not defined: -confirm\n";
        assert_eq!(
            (done.code, done.err.starts_with(text)),
            (1, true),
            "{}",
            done.err
        );
    }
}

#[test]
fn completion_is_installed_only_when_somebody_says_so() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".zshrc");
    let done = |words: &[&str], asked: bool, input: &str| {
        let setting = Setting {
            variables: vec![
                ("HOME".to_owned(), home.path().display().to_string()),
                ("SHELL".to_owned(), "/usr/bin/zsh".to_owned()),
            ],
            input: input.as_bytes().to_vec(),
            asked,
            ..Setting::default()
        };
        run_in(&[&["completion"], words].concat(), setting)
    };
    let refused = done(&["install"], false, "y\n");
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("give -yes"), "{}", refused.err);
    assert_eq!(done(&["install"], true, "n\n").code, 1);
    assert!(!file.exists());
    let installed = done(&["install"], true, "y\n");
    assert_eq!(installed.code, 0, "{}", installed.err);
    assert!(installed.err.contains("source <(COMPLETE=zsh "));
    let before = std::fs::read_to_string(&file).unwrap();
    assert_eq!(done(&["install", "-yes"], false, "").code, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    assert_eq!(done(&["uninstall", "-yes"], false, "").code, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "");
    let unknown = done(&["print", "tcsh"], false, "");
    assert!(
        unknown
            .err
            .starts_with("completion knows bash, zsh and fish, not \"tcsh\"\n")
    );
}

#[test]
fn a_shell_that_asks_gets_names_with_what_they_are() {
    let api = FakeApi::start(vec![ok("GET /v1/agent/members?segment=_all", MEMBERS)]);
    let asked = |words: &[&str]| {
        let setting = Setting {
            variables: vec![
                ("COMPLETE".to_owned(), "fish".to_owned()),
                ("CONSUL_HTTP_ADDR".to_owned(), "127.0.0.1:1".to_owned()),
            ],
            ..Setting::default()
        };
        run_in(&[&["--", "consulctl"], words].concat(), setting)
    };
    let flag = format!("-http-addr={}", api.address);
    let done = asked(&["force-leave", &flag, ""]);
    assert_eq!(done, Done::success("web-7\tfailed\nsrv\talive\n"));
    assert_eq!(asked(&["force-leave", ""]), Done::success(""));
    assert_eq!(
        asked(&["memb"]).out,
        "members\tLists the members of the cluster\n"
    );
}

#[test]
fn a_person_is_asked_before_a_prefix_goes_and_a_script_is_not() {
    let api = FakeApi::start(vec![
        ok("GET /v1/kv/app?keys", r#"["app/a","app2/b"]"#),
        ok("GET /v1/kv/?keys", r#"["app/a","app2/b"]"#),
        ok("DELETE /v1/kv/", "true"),
    ]);
    let deleted = || api.lines().iter().any(|line| line.starts_with("DELETE"));
    let words = ["kv", "delete", "-recurse", "app"];
    let done = at_terminal(&api, &words, "n\n");
    assert_eq!((done.code, deleted()), (1, false));
    assert!(
        done.err
            .contains("1 key of them outside app/ (first: app2/b)"),
        "{}",
        done.err
    );
    let done = at_terminal(&api, &["kv", "delete", "-recurse", ""], "y\n");
    assert_eq!((done.code, deleted()), (1, false));
    // The end of the input is no consent.
    let done = at_terminal(&api, &words, "");
    assert_eq!((done.code, deleted()), (1, false));
    let done = at_terminal(&api, &words, "app\n");
    assert_eq!((done.code, deleted()), (0, true));
    let before = api.seen().len();
    let done = ask(&api, &words);
    assert_eq!(
        done,
        Done::success("Success! Deleted keys with prefix: app\n")
    );
    assert_eq!(api.seen().len(), before + 1);
}

#[test]
fn a_person_is_asked_before_a_living_member_is_forced_out() {
    let api = FakeApi::start(vec![
        ok("GET /v1/agent/members", MEMBERS),
        ok("PUT /v1/agent/force-leave/", ""),
    ]);
    let forced = || {
        api.lines()
            .iter()
            .filter(|line| line.starts_with("PUT"))
            .count()
    };
    assert_eq!(at_terminal(&api, &["force-leave", "srv"], "y\n").code, 1);
    assert_eq!(forced(), 0);
    assert_eq!(at_terminal(&api, &["force-leave", "srv"], "srv\n").code, 0);
    assert_eq!(at_terminal(&api, &["force-leave", "web-7"], "").code, 0);
    assert_eq!(
        at_terminal(&api, &["force-leave", "-yes", "srv"], "").code,
        0
    );
    assert_eq!(ask(&api, &["force-leave", "srv"]).code, 0);
    assert_eq!(forced(), 4);
}

#[test]
fn errors_end_with_what_to_try() {
    let api = FakeApi::start(vec![
        status("PUT /v1/agent/join/", 500, "no"),
        status("GET /v1/catalog/nodes", 500, "No path to datacenter"),
        status("PUT /v1/kv/", 413, "Request body too large"),
    ]);
    let last = |words: &[&str]| {
        let err = ask(&api, words).err;
        err.lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(
        last(&["join", "10.0.0.4:8500"]),
        "hint: port 8500 speaks HTTP by default, gossip 8301: try `consulctl join 10.0.0.4`"
    );
    assert!(last(&["catalog", "nodes", "-datacenter=x"]).contains("catalog datacenters"));
    assert!(last(&["kv", "put", "a", "b"]).contains("512 KiB"));
    assert_eq!(
        last(&["kv", "get", "-recusre", "a"]),
        "hint: did you mean `-recurse`?"
    );
}
