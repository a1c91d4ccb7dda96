use super::support::{Done, FakeApi, Setting, ask, ok, run, run_in, status};

const PAIR: &str = r#"[{"LockIndex":0,"Key":"web/key2","Flags":42,"Value":"c29mdC5kb2c=","CreateIndex":14,"ModifyIndex":15}]"#;
const TWO: &str = r#"[{"LockIndex":0,"Key":"a","Flags":0,"Value":null,"CreateIndex":1,"ModifyIndex":2},
    {"LockIndex":1,"Key":"b","Flags":7,"Value":"eA==","Session":"s","CreateIndex":3,"ModifyIndex":4}]"#;

#[test]
fn get_prints_the_value_details_or_json() {
    let api = FakeApi::start(vec![ok("GET /v1/kv/web/key2", PAIR)]);
    assert_eq!(
        ask(&api, &["kv", "get", "web/key2"]),
        Done::success("soft.dog\n")
    );
    assert_eq!(
        ask(&api, &["kv", "get", "-base64", "/web/key2"]),
        Done::success("c29mdC5kb2c=\n")
    );
    let details = "CreateIndex      14\nFlags            42\nKey              web/key2\nLockIndex        0\nModifyIndex      15\nSession          -\nValue            soft.dog\n";
    assert_eq!(
        ask(&api, &["kv", "get", "-detailed", "web/key2"]),
        Done::success(details)
    );
    let json = ask(&api, &["kv", "get", "--format", "json", "web/key2"]).out;
    assert!(
        json.starts_with("{\n    \"LockIndex\": 0,\n    \"Key\": \"web/key2\""),
        "{json}"
    );
    assert!(api.lines().iter().all(|line| line == "GET /v1/kv/web/key2"));
}

#[test]
fn get_lists_pairs_and_keys() {
    let api = FakeApi::start(vec![
        ok("GET /v1/kv/p?keys=&separator=%2F", r#"["p/a","p/b/"]"#),
        ok("GET /v1/kv/?recurse=", TWO),
        status("GET /v1/kv/none", 404, ""),
    ]);
    assert_eq!(
        ask(&api, &["kv", "get", "-recurse"]),
        Done::success("a:\nb:x\n")
    );
    assert_eq!(
        ask(&api, &["kv", "get", "-keys", "p"]),
        Done::success("p/a\np/b/\n")
    );
    let detailed = ask(&api, &["kv", "get", "-recurse", "-detailed"]).out;
    assert!(
        detailed.contains("Value\n\nCreateIndex      3\n"),
        "{detailed}"
    );
    assert!(detailed.contains("Session          s\n"), "{detailed}");
    assert_eq!(
        ask(&api, &["kv", "get", "-recurse", "none"]),
        Done::success("")
    );
    assert_eq!(
        ask(&api, &["kv", "get", "none"]),
        Done::failure("Error! No key exists at: none\n")
    );
}

#[test]
fn put_sends_the_data_and_what_the_flags_say() {
    let api = FakeApi::start(vec![
        ok("PUT /v1/kv/cas?cas=7", "false\n"),
        ok("PUT /v1/kv/lock?acquire=s", "false"),
        ok("PUT /v1/kv/", "true\n"),
    ]);
    let put = |words: &[&str]| ask(&api, &[&["kv", "put"], words].concat());
    assert_eq!(
        put(&["a b/?", "x"]),
        Done::success("Success! Data written to: a b/?\n")
    );
    put(&["-flags=42", "f", "-x"]);
    put(&["-release", "-session=s", "r"]);
    assert_eq!(
        put(&["-cas", "-modify-index=7", "cas", "x"]),
        Done::failure("Error! Did not write to cas: CAS failed\n")
    );
    assert_eq!(
        put(&["-acquire", "-session=s", "lock"]),
        Done::failure("Error! Did not acquire lock\n")
    );
    let seen = api.seen();
    assert_eq!(seen[0].line, "PUT /v1/kv/a%20b/%3F");
    assert_eq!(seen[0].body, b"x");
    assert_eq!(seen[1].line, "PUT /v1/kv/f?flags=42");
    assert_eq!(seen[1].body, b"-x");
    assert_eq!(seen[2].line, "PUT /v1/kv/r?release=s");
    assert_eq!(seen[2].body, b"");
}

#[test]
fn put_takes_data_from_files_and_standard_input() {
    let api = FakeApi::start(vec![ok("PUT /v1/kv/", "true")]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"\xff\x00file").unwrap();
    let at_file = format!("@{}", file.path().display());
    assert_eq!(ask(&api, &["kv", "put", "a", &at_file]).code, 0);
    let setting = Setting {
        variables: vec![("CONSUL_HTTP_ADDR".to_owned(), api.address.clone())],
        input: b"piped".to_vec(),
        ..Setting::default()
    };
    assert_eq!(run_in(&["kv", "put", "a", "-"], setting).code, 0);
    let seen = api.seen();
    assert_eq!(seen[0].body, b"\xff\x00file");
    assert_eq!(seen[1].body, b"piped");
    assert_eq!(
        run(&["kv", "put", "a", "@/no/file"]),
        Done::failure("Error! Failed to read file: open /no/file: no such file or directory\n")
    );
}

#[test]
fn put_of_broken_base64_is_told_and_writes_what_stands_before_the_break() {
    let api = FakeApi::start(vec![ok("PUT /v1/kv/", "true")]);
    let done = ask(&api, &["kv", "put", "-base64", "k", "aGVsbG8h!!!!"]);
    let err = "Error! Cannot base 64 decode data: illegal base64 data at input byte 8\n";
    assert_eq!((done.code, done.err.as_str()), (0, err));
    assert_eq!(api.seen()[0].body, b"hello!");
}

#[test]
fn wrong_uses_have_consul_s_words() {
    let text = |words: &[&str]| {
        let done = run(words);
        assert_eq!((done.code, done.out.as_str()), (1, ""), "{words:?}");
        done.err
    };
    assert_eq!(text(&["kv", "put"]), "Error! Missing KEY argument\n");
    assert_eq!(
        text(&["kv", "put", "a", "b", "c"]),
        "Error! Too many arguments (expected 1 or 2, got 3)\n"
    );
    assert_eq!(
        text(&["kv", "get", "a", "b"]),
        "Too many arguments (expected 1, got 2)\n"
    );
    assert_eq!(
        text(&["kv", "put", "-cas", "a", "b"]),
        "Must specify -modify-index with -cas!\n"
    );
    assert_eq!(
        text(&["kv", "put", "-acquire", "a"]),
        "Error! Missing -session (required with -acquire and -release)\n"
    );
    assert_eq!(
        text(&["kv", "put", "/lead", "x"]),
        "Error! Failed writing data: Invalid key. Key must not begin with a '/': /lead\n"
    );
    assert_eq!(
        text(&["kv", "delete", "-modify-index=3", "a"]),
        "Cannot specify -modify-index without -cas!\n"
    );
    assert_eq!(
        text(&["kv", "delete", "-recurse", "-cas", "-modify-index=3", "a"]),
        "Cannot specify both -cas and -recurse!\n"
    );
    assert!(text(&["kv", "get", "a/../b"]).contains("invalid name \"a/../b\""));
    assert!(text(&["kv", "cas", "a", "x", "v"]).starts_with("invalid index \"x\": not a number\n"));
}

#[test]
fn cas_is_a_short_form_that_may_create() {
    let api = FakeApi::start(vec![
        ok("PUT /v1/kv/a?cas=0", "true"),
        ok("PUT /v1/kv/a?cas=9", "false"),
    ]);
    assert_eq!(
        ask(&api, &["kv", "cas", "a", "0", "v"]),
        Done::success("Success! Data written to: a\n")
    );
    assert_eq!(
        ask(&api, &["kv", "cas", "a", "9", "v"]),
        Done::failure("Error! Did not write to a: CAS failed\n")
    );
}

#[test]
fn delete_asks_for_one_key_or_for_a_tree() {
    let api = FakeApi::start(vec![
        ok("DELETE /v1/kv/c?cas=5", "false"),
        ok("DELETE /v1/kv/", "true"),
    ]);
    assert_eq!(
        ask(&api, &["kv", "delete", "a"]),
        Done::success("Success! Deleted key: a\n")
    );
    assert_eq!(
        ask(&api, &["kv", "delete", "-recurse", "p/"]),
        Done::success("Success! Deleted keys with prefix: p/\n")
    );
    assert_eq!(
        ask(&api, &["kv", "delete", "-cas", "-modify-index=5", "c"]),
        Done::failure("Error! Did not delete key c: CAS failed\n")
    );
    let lines = api.lines();
    assert_eq!(lines[0], "DELETE /v1/kv/a");
    assert_eq!(lines[1], "DELETE /v1/kv/p/?recurse=");
}

#[test]
fn an_export_can_be_imported() {
    let api = FakeApi::start(vec![
        ok("GET /v1/kv/?recurse=", TWO),
        ok("PUT /v1/kv/", "true"),
    ]);
    let exported = ask(&api, &["kv", "export"]).out;
    let text = "[\n\t{\n\t\t\"key\": \"a\",\n\t\t\"flags\": 0,\n\t\t\"value\": \"\"\n\t},\n\t{\n\t\t\"key\": \"b\",\n\t\t\"flags\": 7,\n\t\t\"value\": \"eA==\"\n\t}\n]\n";
    assert_eq!(exported, text);
    let done = ask(&api, &["kv", "import", "-prefix=p/", &exported]);
    assert_eq!(done, Done::success("Imported: p/a\nImported: p/b\n"));
    let seen = api.seen();
    assert_eq!(seen[2].line, "PUT /v1/kv/p/b?flags=7");
    assert_eq!(seen[2].body, b"x");
    assert_eq!(
        run(&["kv", "import", "{"]),
        Done::failure("Cannot unmarshal data: unexpected end of JSON input\n")
    );
    assert_eq!(
        run(&["kv", "import"]),
        Done::failure("Error! Missing DATA argument\n")
    );
}
