use super::support::{Done, FakeApi, ask, ok, run, status};

const KEYS: &str = r#"[
 {"WAN":true,"Datacenter":"dc1","Segment":"","Messages":{"b":"msg two","a":"msg one"},
  "Keys":{"k2":1,"k1":2},"PrimaryKeys":{"k1":2},"NumNodes":2},
 {"WAN":false,"Datacenter":"dc1","Segment":"seg","Keys":{},"PrimaryKeys":null,"NumNodes":2},
 {"WAN":false,"Datacenter":"dc2","Segment":"","Messages":{"m":"x"},"Keys":{"loooong":12},"PrimaryKeys":{"zz":1},"NumNodes":12}]"#;

#[test]
fn keys_are_listed_by_pool() {
    let api = FakeApi::start(vec![ok("GET /v1/operator/keyring", KEYS)]);
    let all = "==> Gathering installed encryption keys...\n\nWAN:\n  ===> a: msg one\n  ===> b: msg two\n  k1 [2/2]\n  k2 [1/2]\n\ndc1 (LAN) [seg]:\n\ndc2 (LAN):\n  ===> m: x\n  loooong [12/12]\n";
    assert_eq!(ask(&api, &["keyring", "-list"]), Done::success(all));
    let primary = "==> Gathering installed primary encryption keys...\n\nWAN:\n  ===> a: msg one\n  ===> b: msg two\n  k1 [2/2]\n\ndc1 (LAN) [seg]:\n\ndc2 (LAN):\n  ===> m: x\n  zz [1/12]\n";
    assert_eq!(
        ask(&api, &["keyring", "-list-primary"]),
        Done::success(primary)
    );
    let words = [
        "keyring",
        "-list",
        "-local-only",
        "-relay-factor=5",
        "more",
        "words",
    ];
    assert_eq!(ask(&api, &words), Done::success(all));
    assert_eq!(
        api.lines(),
        [
            "GET /v1/operator/keyring",
            "GET /v1/operator/keyring",
            "GET /v1/operator/keyring?local-only=true&relay-factor=5"
        ]
    );
    let json = ask(&api, &["keyring", "-list", "-format=json"]).out;
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found[0]["Keys"]["k2"], 1);
}

#[test]
fn keys_are_changed_on_all_members() {
    for (flag, method, title) in [
        (
            "-install=K=",
            "POST",
            "Installing new gossip encryption key...",
        ),
        (
            "-use=K=",
            "PUT",
            "Changing primary gossip encryption key...",
        ),
        ("-remove=K=", "DELETE", "Removing gossip encryption key..."),
    ] {
        let api = FakeApi::start(vec![ok(method, "")]);
        let done = ask(&api, &["keyring", flag, "-relay-factor=2"]);
        assert_eq!(done, Done::success(&format!("==> {title}\n")));
        let seen = &api.seen()[0];
        assert_eq!(
            seen.line,
            format!("{method} /v1/operator/keyring?relay-factor=2")
        );
        assert_eq!(seen.body, br#"{"Key":"K="}"#);
    }
}

#[test]
fn refusals_exit_1_with_all_reasons() {
    let body = "2 errors occurred:\n\t* WAN error: a\n\t* dc1 (LAN) error: b\n\n";
    let api = FakeApi::start(vec![status("PUT", 500, body)]);
    let done = ask(&api, &["keyring", "-use=x"]);
    assert_eq!(done.code, 1);
    assert_eq!(done.out, "==> Changing primary gossip encryption key...\n");
    assert_eq!(
        done.err,
        format!("error: Unexpected response code: 500 ({body})\n")
    );
}

#[test]
fn wrong_uses_are_told_in_consuls_words() {
    let single = "Only a single action is allowed\n";
    assert_eq!(
        run(&["keyring", "-list", "-list-primary"]),
        Done::failure(single)
    );
    assert_eq!(
        run(&["keyring", "-list", "-install=x"]),
        Done::failure(single)
    );
    let factor = "Error parsing relay factor: Relay factor must be in range: [0, 5]\n";
    for flag in ["-relay-factor=6", "-relay-factor=-1"] {
        assert_eq!(run(&["keyring", "-list", flag]), Done::failure(factor));
    }
    let local = "Error validating local-only: local-only can only be set for list requests\n";
    for action in ["-install=x", "-list-primary"] {
        assert_eq!(
            run(&["keyring", action, "-local-only"]),
            Done::failure(local)
        );
    }
    let bad = run(&["keyring", "-list", "-relay-factor=x"]);
    let text = "invalid value \"x\" for flag -relay-factor: parse error\n";
    assert!(bad.code == 1 && bad.err.starts_with(text), "{}", bad.err);
    for words in [
        &["keyring"][..],
        &["keyring", "-local-only"],
        &["keyring", "-install="],
    ] {
        let done = run(words);
        assert_eq!((done.code, done.out.as_str()), (1, ""));
        assert!(
            done.err.starts_with("Usage: consulctl keyring"),
            "{}",
            done.err
        );
    }
}
