use super::support::{Done, FakeApi, Setting, ask, ok, run, run_in};

const MEMBERS: &str = r#"[
 {"Name":"web-1","Addr":"10.0.0.9","Port":8301,"Status":4,
  "Tags":{"role":"node","build":"1.10.0:abc","dc":"dc1","vsn":"2","segment":""}},
 {"Name":"srv","Addr":"::1","Port":8301,"Status":1,
  "Tags":{"role":"consul","build":"1.10.0:abc","dc":"dc1","vsn":"2","segment":""}},
 {"Name":"other","Addr":"10.0.0.7","Port":8301,"Status":3,"Tags":null}]"#;

#[test]
fn servers_come_first_and_the_build_is_cut() {
    let api = FakeApi::start(vec![ok("GET /v1/agent/members?segment=_all", MEMBERS)]);
    let done = ask(&api, &["members"]);
    let rows: Vec<Vec<&str>> = done
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let head = "Node Address Status Type Build Protocol DC Segment";
    assert_eq!(rows[0].join(" "), head);
    assert_eq!(
        rows[1].join(" "),
        "srv [::1]:8301 alive server 1.10.0 2 dc1 <all>"
    );
    assert_eq!(rows[2].join(" "), "other 10.0.0.7:8301 left unknown");
    let client = "web-1 10.0.0.9:8301 failed client 1.10.0 2 dc1 <default>";
    assert_eq!(rows[3].join(" "), client);
}

#[test]
fn detailed_shows_sorted_tags() {
    let api = FakeApi::start(vec![ok("GET /v1/agent/members", MEMBERS)]);
    let out = ask(&api, &["members", "-detailed", "-status=alive"]).out;
    let expected = "Node  Address     Status  Tags\nsrv   [::1]:8301  alive   build=1.10.0:abc,dc=dc1,role=consul,segment=<all>,vsn=2\n";
    assert_eq!(out, expected);
}

#[test]
fn what_matches_nothing_exits_2_in_silence() {
    let api = FakeApi::start(vec![ok("GET /v1/agent/members", MEMBERS)]);
    let silent = Done {
        code: 2,
        out: String::new(),
        err: String::new(),
    };
    assert_eq!(ask(&api, &["members", "-status=leaving"]), silent);
    assert_eq!(ask(&api, &["members", "-filter=Name == \"none\""]), silent);
    let text = "Failed to compile status regexp: error parsing regexp: missing closing ): `(`\n";
    assert_eq!(run(&["members", "-status=("]), Done::failure(text));
}

#[test]
fn filters_hold_whatever_the_agent_can() {
    let api = FakeApi::start(vec![ok(
        "GET /v1/agent/members?segment=_all&wan=1",
        MEMBERS,
    )]);
    let words = [
        "members",
        "-wan",
        "-format=json",
        "-filter=Tags.role == \"consul\"",
    ];
    let out = ask(&api, &words).out;
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["Name"], "srv");
    assert!(
        run(&["members", "-filter=Name =="])
            .err
            .starts_with("Failed to parse filter: ")
    );
}

#[test]
fn the_status_is_coloured_on_terminals_only() {
    let api = FakeApi::start(vec![ok("GET /v1/agent/members", MEMBERS)]);
    let on_terminal = |extra: Option<&str>| {
        let mut variables = vec![("CONSUL_HTTP_ADDR".to_owned(), api.address.clone())];
        variables.extend(extra.map(|name| (name.to_owned(), "1".to_owned())));
        let setting = Setting {
            variables,
            terminal: true,
            ..Setting::default()
        };
        run_in(&["members"], setting).out
    };
    assert!(on_terminal(None).contains("  \u{1b}[1;31mfailed\u{1b}[0m  "));
    assert!(!on_terminal(Some("NO_COLOR")).contains('\u{1b}'));
    assert!(!ask(&api, &["members"]).out.contains('\u{1b}'));
}
