//! The edges: text that a terminal would obey, files and devices that fail, answers that do not end.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::support::{Done, FakeApi, Setting, ask, bytes, ok, run, run_in, status, with_headers};

/// The address of a recorded API, and what else is in the environment.
fn variables(api: &FakeApi) -> Vec<(String, String)> {
    vec![("CONSUL_HTTP_ADDR".to_owned(), api.address.clone())]
}

fn at_terminal(api: &FakeApi, words: &[&str]) -> Done {
    let setting = Setting {
        variables: variables(api),
        terminal: true,
        asked: true,
        ..Setting::default()
    };
    run_in(words, setting)
}

/// Runs with this text as the user's file, in the folder that is returned.
fn with_file(text: &str, words: &[&str]) -> Done {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("consulctl");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("config.toml"), text).unwrap();
    let name = "XDG_CONFIG_HOME".to_owned();
    let setting = Setting {
        variables: vec![(name, home.path().display().to_string())],
        ..Setting::default()
    };
    let mut done = run_in(words, setting);
    done.err = done.err.replace(&home.path().display().to_string(), "");
    done
}

#[test]
fn a_terminal_obeys_no_agent_and_no_value() {
    let bad = "rpc error \x1b[31mred \x1b]0;pwn\x07";
    let value = r#"[{"Key":"a\u001b","Value":"G1swbWEKCWL/","Flags":0,"CreateIndex":1,"ModifyIndex":1,"LockIndex":0}]"#;
    let api = FakeApi::start(vec![
        status("GET /v1/agent/members", 500, bad),
        ok("GET /v1/kv/", value),
    ]);
    let done = at_terminal(&api, &["members", "-color=never"]);
    assert!(!done.err.contains(['\x1b', '\x07']), "{}", done.err);
    assert!(done.err.contains("\\u{1b}[31mred"), "{}", done.err);
    assert!(ask(&api, &["members"]).err.contains(bad));
    let shown = "\\u{1b}[0ma\n\tb\\xff\n";
    assert_eq!(at_terminal(&api, &["kv", "get", "a"]).out, shown);
    let shown = format!("a\\u{{1b}}:{shown}");
    let words = ["kv", "get", "-recurse", "a"];
    assert_eq!(at_terminal(&api, &words).out, shown);
    assert!(
        ask(&api, &["kv", "get", "a"])
            .out
            .starts_with("\x1b[0ma\n\tb")
    );
}

#[test]
fn a_mistake_in_a_guard_is_no_missing_guard() {
    let text = "current = \"a\"\n[contexts.a]\naddress = \"127.0.0.1:1\"\nread_only = \"true\"\n[contexts.b]\naddress = \"127.0.0.1:1\"\nkey = 1\n";
    let told = "/consulctl/config.toml:4: `contexts.a.read_only` must be true or false\n";
    let put = |more: &[&str]| with_file(text, &[&["kv", "put"], more, &["k", "v"]].concat()).err;
    assert!(put(&[]).starts_with(told), "{}", put(&[]));
    // An empty name is no name, and does not choose none.
    assert!(put(&["-context="]).starts_with(told));
    let other = put(&["-context=b"]);
    assert!(
        other.starts_with("warning: /consulctl/config.toml:7: unknown"),
        "{other}"
    );
    assert!(!put(&["-context=b", "-quiet"]).contains("warning"));
    let usable = "current = \"a\"\n[contexts.a]\naddress = \"127.0.0.1:1\"\nread_only = true\n[contexts.b]\nkey = 1\n";
    let guarded = with_file(usable, &["kv", "put", "-context=", "k", "v"]);
    assert!(
        guarded.err.starts_with("the context a is read-only"),
        "{}",
        guarded.err
    );
    let nowhere = with_file(usable, &["members", "-context=b", "-quiet"]);
    assert!(
        nowhere.err.starts_with("the context b has no address\n"),
        "{}",
        nowhere.err
    );
}

#[test]
fn errors_as_json_are_one_value() {
    let api = FakeApi::start(vec![]);
    let error = |done: Done| -> serde_json::Value { serde_json::from_str(&done.err).unwrap() };
    for words in [
        &["members", "-format=json", "-bogus"][..],
        &["members", "-bogus", "-o", "json"],
        &["catalog", "nodes", "--format=json", "-near"],
        &["members", "-format=json", "-role=x"],
    ] {
        assert_eq!(
            error(ask(&api, words))["error"]["kind"],
            "usage",
            "{words:?}"
        );
    }
    assert!(
        ask(&api, &["version", "-format=json", "-bogus"])
            .err
            .contains("Usage:")
    );
    let unknown = "other = 1\ncurrent = \"a\"\n[contexts.a]\naddress = \"127.0.0.1:1\"\n";
    let done = with_file(unknown, &["members", "-format=json"]);
    assert_eq!(error(done)["error"]["kind"], "unreachable");
    let done = ask(&api, &["members", "-o", "json", "-token-file=/no/file"]);
    assert_eq!(error(done)["error"]["kind"], "settings");
    let odd = FakeApi::start(vec![ok("GET /v1/agent/members", "{")]);
    let done = ask(&odd, &["members", "-o", "json"]);
    assert_eq!(error(done)["error"]["kind"], "bad_answer");
}

#[test]
fn reads_follow_where_the_agent_sends_them() {
    let members = "GET /v1/agent/members";
    let api = FakeApi::start(vec![
        ok("GET /v1/agent/members?moved", "[]"),
        with_headers(
            status(members, 302, ""),
            "Location: /v1/agent/members?moved\r\n",
        ),
        with_headers(
            status("GET /v1/kv/a", 302, ""),
            "Location: http://127.0.0.254:1/\r\n",
        ),
        with_headers(status("GET /v1/kv/b", 302, ""), "Location: /v1/kv/b\r\n"),
        with_headers(
            status("PUT /v1/kv/", 302, ""),
            "Location: /v1/agent/members?moved\r\n",
        ),
    ]);
    assert_eq!(ask(&api, &["members"]).code, 2);
    // Not to another host, not for ever, and no write becomes a read.
    for words in [
        &["kv", "get", "a"][..],
        &["kv", "get", "b"],
        &["kv", "put", "a", "b"],
    ] {
        let done = ask(&api, words);
        assert_eq!(done.code, 1);
        assert!(done.err.contains("302"), "{}", done.err);
    }
    let to_b = api
        .lines()
        .iter()
        .filter(|line| line.ends_with("/b"))
        .count();
    assert_eq!(to_b, 11);
}

#[test]
fn secrets_in_an_address_are_not_shown() {
    let shown = |address: &str| run(&["context", "show", &format!("-http-addr={address}")]).out;
    assert!(shown("http://u:hunter2@h:8500").contains("http://u:***@h:8500"));
    assert!(!shown("h:8500/?token=SEKRIT").contains("SEKRIT"));
}

#[test]
fn output_that_cannot_be_written_is_told() {
    let api = FakeApi::start(vec![
        ok(
            "GET /v1/agent/members",
            r#"[{"Name":"a","Addr":"10.0.0.1","Status":1}]"#,
        ),
        ok("PUT /v1/kv/", "true"),
    ]);
    let full = |words: &[&str]| {
        let setting = Setting {
            variables: variables(&api),
            full: true,
            ..Setting::default()
        };
        let done = run_in(words, setting);
        (done.code, done.err)
    };
    let told = "write /dev/stdout: no space left on device\n".to_owned();
    assert_eq!(full(&["members"]), (1, told.clone()));
    // The key is written.
    assert_eq!(full(&["kv", "put", "a", "b"]), (0, told));
}

#[test]
fn an_answer_that_stops_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[";
        stream.write_all(head.as_bytes()).unwrap();
        // Until the other side has given up.
        let _ = stream.read(&mut [0; 1]);
    });
    let done = run(&["members", "-timeout=50ms", &format!("-http-addr={address}")]);
    assert_eq!(done.code, 1);
    assert!(done.err.contains("while reading body"), "{}", done.err);
    server.join().unwrap();
    let done = run(&["members", "-timeout=-1s"]);
    let text = "invalid value \"-1s\" for flag -timeout: must not be negative\n";
    assert!(done.err.starts_with(text), "{}", done.err);
}

#[test]
fn hints_fit_what_went_wrong() {
    let api = FakeApi::start(vec![
        with_headers(
            ok("GET /v1/agent/members", "<html>"),
            "Content-Type: text/html\r\n",
        ),
        with_headers(ok("GET /v1/catalog/nodes", "["), "X-A: b\r\n"),
    ]);
    let asks_for_port = |words: &[&str]| {
        let done = ask(&api, words);
        assert_eq!(done.code, 1);
        (done.err.contains("is that the HTTP port?"), done.err)
    };
    let page = asks_for_port(&["members"]);
    assert!(page.0, "{}", page.1);
    let newline = asks_for_port(&["members", "-token=a\nb"]);
    assert!(
        !newline.0 && newline.1.contains("invalid header field value"),
        "{}",
        newline.1
    );
    let odd = asks_for_port(&["catalog", "nodes"]);
    assert!(!odd.0, "{}", odd.1);
}

#[test]
fn a_prefix_does_not_go_unasked_because_talk_is_dropped() {
    let api = FakeApi::start(vec![ok("DELETE /v1/kv/", "true")]);
    let delete = |terminal, yes: &[&str]| {
        let setting = Setting {
            variables: variables(&api),
            terminal,
            typed: true,
            ..Setting::default()
        };
        run_in(
            &[&["kv", "delete", "-recurse"], yes, &["big/"]].concat(),
            setting,
        )
    };
    let refused = delete(true, &[]);
    assert_eq!((refused.code, api.seen().len()), (1, 0));
    assert!(
        refused.err.contains("give -confirm=big/, or -yes"),
        "{}",
        refused.err
    );
    assert_eq!(delete(true, &["-yes"]).code, 0);
    // Started at a terminal, but its output goes elsewhere: a script.
    assert_eq!(delete(false, &[]).code, 0);
}

#[test]
fn people_see_the_error_and_scripts_the_help_too() {
    let api = FakeApi::start(vec![]);
    let words = ["members", "-statsu=x"];
    let person = at_terminal(&api, &[&words[..], &["-color=never"]].concat()).err;
    assert_eq!(person.lines().count(), 3, "{person}");
    assert!(person.contains("`consulctl members -h`"), "{person}");
    assert!(ask(&api, &words).err.contains("Usage: consulctl members"));
    let setting = Setting {
        asked: true,
        ..Setting::default()
    };
    let done = run_in(&["members", "-http-addr=", "-timeout=1ns"], setting);
    assert!(
        done.err.contains("the address is the default"),
        "{}",
        done.err
    );
    let done = run(&["help", "kv", "get", "-no-pager"]);
    assert_eq!(done, run(&["kv", "get", "-h"]));
}

#[test]
fn lists_of_none_are_lists_and_names_are_columns() {
    let members =
        r#"[{"Name":"b","Addr":"10.0.0.1","Status":1},{"Name":"a","Addr":"10.0.0.2","Status":1}]"#;
    let api = FakeApi::start(vec![
        ok("GET /v1/agent/members", members),
        ok("GET /v1/catalog/services", r#"{"consul":[],"s":[]}"#),
    ]);
    let none = ask(&api, &["members", "-status=left", "-format=json"]);
    assert_eq!((none.code, none.out.as_str()), (2, "[]\n"));
    let none = ask(&api, &["members", "-status=left"]);
    assert_eq!((none.code, none.out.as_str()), (2, ""));
    let sorted = ask(
        &api,
        &["members", "-sort=-name", "-o", "cols=name", "-no-headers"],
    );
    assert_eq!(sorted.out, "b\na\n");
    let tags = ask(&api, &["catalog", "services", "-tags"]);
    assert_eq!(tags.out, "consul      \ns\n");
}

#[test]
fn values_in_tables_are_told_apart() {
    let pair = |value: &str| {
        let head =
            r#"[{"Key":"a","Flags":0,"CreateIndex":1,"ModifyIndex":1,"LockIndex":0,"Value":""#;
        format!("{head}{value}\"}}]").into_bytes()
    };
    // "x\ny", "x\\ny", " x ", "x y"
    for (value, shown) in [
        ("eAp5", r#""x\ny""#),
        ("eFxueQ==", r"x\ny"),
        ("IHgg", "\" x \""),
        ("eCB5", "x y"),
    ] {
        let api = FakeApi::start(vec![bytes("GET /v1/kv/a", pair(value))]);
        let done = ask(&api, &["kv", "get", "-o", "cols=value", "-no-headers", "a"]);
        assert_eq!(done.out, format!("{shown}\n"));
    }
}

#[test]
fn numbers_come_with_what_they_mean() {
    let stats = r#"{"Stats":{"consul":{"server":"false","known_servers":"3"},"serf_lan":{"members":"4","failed":"0"}}}"#;
    let api = FakeApi::start(vec![ok("GET /v1/agent/self", stats)]);
    let meaning = "client, 3 servers known; 4 members, 0 failed; gossip healthy";
    assert!(at_terminal(&api, &["info"]).out.starts_with(meaning));
    assert!(ask(&api, &["info"]).out.starts_with("consul:\n"));
    let value = ask(&api, &["info", "-format=json"]).out;
    let value: serde_json::Value = serde_json::from_str(&value).unwrap();
    assert_eq!(value["verdict"], meaning);
    assert_eq!(value["serf_lan"]["members"], 4);
}

#[test]
fn a_check_that_is_called_wrongly_is_unknown() {
    let api = FakeApi::start(Vec::new());
    assert_eq!(ask(&api, &["top", "-check", "-format=bogus"]).code, 3);
    assert_eq!(ask(&api, &["top", "-check=true", "-bogus"]).code, 3);
    assert_eq!(ask(&api, &["top", "-check", "-write"]).code, 3);
    assert_eq!(ask(&api, &["top", "-once", "-width=0"]).code, 1);
}
