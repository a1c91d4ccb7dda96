//! What keeps people from mistakes: results by address, counts, trials that change nothing.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use super::support::{Done, FakeApi, Setting, ask, ok, run, run_in, status};

/// Runs a command with somebody at the keyboard.
fn at_terminal(api: &FakeApi, words: &[&str], input: &str) -> Done {
    let setting = Setting {
        variables: vec![("CONSUL_HTTP_ADDR".to_owned(), api.address.clone())],
        input: input.as_bytes().to_vec(),
        asked: true,
        ..Setting::default()
    };
    run_in(words, setting)
}

fn writes(api: &FakeApi) -> usize {
    let lines = api.lines();
    let reads = lines.iter().filter(|line| line.starts_with("GET"));
    lines.len() - reads.count()
}

#[test]
fn people_see_each_address_and_scripts_see_consul_s_lines() {
    let api = FakeApi::start(vec![
        ok("PUT /v1/agent/join/10.0.0.1", ""),
        status("PUT /v1/agent/join/", 500, "no"),
    ]);
    let words = ["join", "10.0.0.1", "10.0.0.2:8500"];
    let error = "Error joining address '10.0.0.2:8500': Unexpected response code: 500 (no)\n";
    let success = "Successfully joined cluster by contacting 1 nodes.\n";
    let script = ask(&api, &words);
    assert_eq!((script.code, script.out.as_str()), (0, success));
    assert_eq!(script.err, error);
    let person = at_terminal(&api, &words, "");
    assert_eq!((person.code, person.out.as_str()), (0, success));
    let hint = "port 8500 speaks HTTP by default, gossip 8301: try `consulctl join 10.0.0.2`";
    let start = format!("10.0.0.1: joined\n{error}");
    assert!(person.err.starts_with(&start), "{}", person.err);
    assert!(person.err.contains(hint), "{}", person.err);
    let all = ask(&api, &["join", "-all", "10.0.0.1", "10.0.0.2:8500"]);
    assert_eq!((all.code, all.out.as_str()), (1, success));
    let told = "1 of 2 addresses were not joined.\n";
    assert!(all.err.contains(told), "{}", all.err);
    assert_eq!(ask(&api, &["join", "-all", "10.0.0.1"]).code, 0);
}

#[test]
fn a_list_of_members_that_fails_keeps_nobody_from_forcing_one_out() {
    let api = FakeApi::start(vec![
        status("GET /v1/agent/members", 403, "Permission denied"),
        ok("PUT /v1/agent/force-leave/", ""),
    ]);
    let done = at_terminal(&api, &["force-leave", "web-7"], "");
    assert_eq!(done, Done::success(""));
    assert_eq!(writes(&api), 1);
}

#[test]
fn people_are_told_what_became_of_a_member() {
    let members =
        r#"[{"Name":"web-7","Status":4},{"Name":"srv","Status":1},{"Name":"gone","Status":3}]"#;
    let api = FakeApi::start(vec![
        ok("GET /v1/agent/members", members),
        ok("PUT /v1/agent/force-leave/", ""),
    ]);
    let done = at_terminal(&api, &["force-leave", "web-7"], "");
    assert_eq!(
        (done.code, done.err.as_str()),
        (0, "web-7: failed -> left\n")
    );
    let done = at_terminal(&api, &["force-leave", "srv"], "srv\n");
    assert!(
        done.err.contains("`consulctl leave` on srv"),
        "{}",
        done.err
    );
    let gone = at_terminal(&api, &["force-leave", "gone"], "");
    assert_eq!(gone, Done::success(""));
    let gone = at_terminal(&api, &["force-leave", "-prune", "gone"], "");
    assert_eq!(gone.err, "gone: left -> off the list\n");
}

#[test]
fn nothing_more_is_asked_of_the_agent_where_nobody_is_asked() {
    let api = FakeApi::start(vec![ok("PUT /v1/agent/force-leave/", "")]);
    assert_eq!(ask(&api, &["force-leave", "web-7"]), Done::success(""));
    let sure = at_terminal(&api, &["force-leave", "-yes", "web-7"], "");
    assert_eq!(sure, Done::success(""));
    let put = "PUT /v1/agent/force-leave/web-7";
    assert_eq!(api.lines(), [put, put]);
}

#[test]
fn flags_about_questions_count_in_a_pipe_too() {
    let api = FakeApi::start(vec![
        ok("DELETE /v1/kv/", "true"),
        ok("PUT /v1/agent/force-leave/", ""),
    ]);
    for (words, last, confirm) in [
        (&["kv", "delete", "-recurse"][..], "a/", "-confirm=a/"),
        (&["kv", "delete", "-recurse"], "", "-confirm=all"),
        (&["force-leave"], "web-7", "-confirm=web-7"),
    ] {
        let before = api.lines().len();
        for refused in ["-confirm=WRONG", "-confirm=", "-no-input"] {
            let done = ask(&api, &[words, &[refused, last]].concat());
            assert_eq!((done.code, api.lines().len()), (1, before), "{done:?}");
        }
        for meant in [confirm, "-yes"] {
            let done = ask(&api, &[words, &[meant, last]].concat());
            assert_eq!(done.code, 0, "{done:?}");
        }
        // As scripts have always done.
        assert_eq!(ask(&api, &[words, &[last]].concat()).code, 0);
        assert_eq!(writes(&api), before + 3);
    }
}

#[test]
fn the_first_keys_are_shown_and_an_uncounted_prefix_can_go() {
    let keys = r#"["a/1","a/2","a/3","a/4","a/5","a/6"]"#;
    let api = FakeApi::start(vec![
        ok("GET /v1/kv/a/?keys", keys),
        status("GET /v1/kv/b/?keys", 500, "too many"),
        ok("DELETE /v1/kv/", "true"),
    ]);
    let done = at_terminal(&api, &["kv", "delete", "-recurse", "a/"], "n\n");
    assert_eq!((done.code, writes(&api)), (1, 0));
    let told =
        "This deletes 6 keys.\n  a/1\n  a/2\n  a/3\n  a/4\n  a/5\n  ...\nType `a/` to go on: ";
    assert!(done.err.starts_with(told), "{}", done.err);
    // A habit is no consent.
    let done = at_terminal(&api, &["kv", "delete", "-recurse", "b/"], "y\n");
    assert_eq!((done.code, writes(&api)), (1, 0));
    let done = at_terminal(&api, &["kv", "delete", "-recurse", "b/"], "b/\n");
    assert_eq!((done.code, writes(&api)), (0, 1), "{}", done.err);
}

#[test]
fn a_dry_run_changes_nothing() {
    let pair =
        r#"[{"Key":"a","Value":null,"Flags":0,"CreateIndex":1,"ModifyIndex":1,"LockIndex":0}]"#;
    let api = FakeApi::start(vec![
        ok("GET /v1/kv/a/?keys", r#"["a/1","a/2"]"#),
        ok("GET /v1/kv/a", pair),
        status("GET /v1/kv/none", 404, ""),
    ]);
    let dry = |words: &[&str]| {
        let done = ask(&api, words);
        (done.code, done.out)
    };
    let gone = "Would delete: a/1\nWould delete: a/2\n".to_owned();
    assert_eq!(
        dry(&["kv", "delete", "-dry-run", "-recurse", "a/"]),
        (0, gone)
    );
    let gone = "Would delete: a\n".to_owned();
    assert_eq!(dry(&["kv", "delete", "-dry-run", "a"]), (0, gone));
    assert_eq!(
        dry(&["kv", "delete", "-dry-run", "none"]),
        (0, String::new())
    );
    let cas = ask(
        &api,
        &["kv", "delete", "-dry-run", "-cas", "-modify-index=1", "a"],
    );
    assert_eq!((cas.code, cas.out.as_str()), (0, "Would delete: a\n"));
    let cas = ask(
        &api,
        &["kv", "delete", "-dry-run", "-cas", "-modify-index=7", "a"],
    );
    let text = "Would not delete key a: its ModifyIndex is 1\n";
    assert_eq!(cas, Done::failure(text));
    let put = "Would write 3 bytes to: k\n".to_owned();
    assert_eq!(dry(&["kv", "put", "-dry-run", "k", "abc"]), (0, put));
    let data = r#"[{"key":"x","flags":0,"value":"eA=="}]"#;
    let import = "Would import: p/x\n".to_owned();
    assert_eq!(
        dry(&["kv", "import", "-dry-run", "-prefix=p", data]),
        (0, import)
    );
    assert_eq!(writes(&api), 0);
}

#[test]
fn a_value_that_is_too_large_is_measured() {
    let api = FakeApi::start(vec![status("PUT /v1/kv/", 413, "Request body too large")]);
    let done = ask(&api, &["kv", "put", "k", "0123456789"]);
    assert_eq!(done.code, 1);
    assert!(
        done.err.contains("hint: the value has 10 bytes\n"),
        "{}",
        done.err
    );
}

#[test]
fn monitor_shows_the_lines_that_are_asked_for() {
    let log = "a raft line\nnothing\nagent: Dropped logs during monitor request: dropped_count=3\nlast raft";
    let api = FakeApi::start(vec![ok("GET /v1/agent/monitor", log)]);
    let done = ask(&api, &["monitor", "-grep=^.* raft"]);
    assert_eq!(
        (done.code, done.out.as_str()),
        (1, "a raft line\nlast raft\n")
    );
    assert!(
        done.err.starts_with("warning: 3 lines were dropped"),
        "{}",
        done.err
    );
    assert_eq!(ask(&api, &["monitor"]).out, log);
    let done = ask(&api, &["monitor", "-grep=("]);
    assert!(
        done.err.starts_with("Failed to compile -grep: "),
        "{}",
        done.err
    );
}

#[test]
fn monitor_tells_why_it_starts_again_and_stops_when_it_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("-http-addr={}", listener.local_addr().unwrap());
    let answers = [
        "200 OK\r\nContent-Length: 99\r\n\r\na line\n",
        "403 Forbidden\r\nContent-Length: 6\r\n\r\ndenied",
    ];
    let server = std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            write!(&stream, "HTTP/1.1 {answer}").unwrap();
        }
    });
    let done = run(&["monitor", "-reconnect", &address]);
    server.join().unwrap();
    assert_eq!((done.code, done.out.as_str()), (1, "a line\n"));
    assert!(
        done.err.starts_with("the stream broke: ") && done.err.contains("; again in 1 s\n"),
        "{}",
        done.err
    );
    assert!(done.err.contains("403 (denied)"), "{}", done.err);
}

#[test]
fn questions_can_be_answered_in_advance_or_forbidden() {
    let api = FakeApi::start(vec![
        ok("GET /v1/kv/a?keys", r#"["a"]"#),
        ok("DELETE /v1/kv/", "true"),
    ]);
    let delete = |flags: &[&str]| {
        let words = [&["kv", "delete", "-recurse"], flags, &["a"]].concat();
        at_terminal(&api, &words, "y\n")
    };
    let done = delete(&["-no-input"]);
    assert_eq!((done.code, writes(&api)), (1, 0));
    assert!(
        done.err.contains("give -confirm=a, or -yes"),
        "{}",
        done.err
    );
    let done = delete(&["-confirm=b"]);
    assert_eq!((done.code, writes(&api)), (1, 0));
    assert_eq!((delete(&["-confirm=a"]).code, writes(&api)), (0, 1));
    assert_eq!((delete(&["-no-input", "-yes"]).code, writes(&api)), (0, 2));
}

#[test]
fn quiet_leaves_out_hints_and_nothing_else() {
    let api = FakeApi::start(vec![status(
        "GET /v1/catalog/nodes",
        500,
        "No path to datacenter",
    )]);
    let loud = ask(&api, &["catalog", "nodes", "-datacenter=x"]);
    let quiet = ask(&api, &["catalog", "nodes", "-quiet", "-datacenter=x"]);
    assert_eq!((loud.code, quiet.code), (1, 1));
    assert!(loud.err.starts_with(&quiet.err) && loud.err.contains("hint: "));
    assert!(quiet.err.contains("No path to datacenter") && !quiet.err.contains("hint: "));
}

#[test]
fn errors_are_json_for_programs_that_ask_for_json() {
    let api = FakeApi::start(vec![status("GET /v1/", 403, "Permission denied")]);
    let done = ask(&api, &["members", "-format=json"]);
    assert_eq!((done.code, done.out.as_str()), (1, ""));
    let found: serde_json::Value = serde_json::from_str(&done.err).unwrap();
    assert_eq!(found["error"]["kind"], "forbidden");
    let message = found["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Error retrieving members: "),
        "{message}"
    );
    assert!(
        found["error"]["hints"][0]
            .as_str()
            .unwrap()
            .contains("-token-file")
    );
    assert_eq!(
        ask(&api, &["members", "-format=json", "-status=("])
            .err
            .lines()
            .count(),
        1
    );
    // Consul has this one, and its scripts read text.
    let done = ask(&api, &["operator", "autopilot", "state", "-format=json"]);
    assert!(!done.err.starts_with('{'), "{}", done.err);
    // The flag of another program, and a key.
    let locked = ask(&api, &["lock", "p", "tool", "--format=json"]);
    assert!(!locked.err.starts_with('{'), "{}", locked.err);
    let key = ask(&api, &["kv", "get", "--", "--format=json"]);
    assert!(!key.err.starts_with('{'), "{}", key.err);
    let done = at_terminal(&api, &["members", "-format=json"], "");
    assert!(
        done.err.starts_with("Error retrieving members"),
        "{}",
        done.err
    );
}
