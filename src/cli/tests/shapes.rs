//! The shapes of data: tables of some columns, YAML, comma-separated values.

use super::support::{Done, FakeApi, ask, ok, run, status};

const MEMBERS: &str = r#"[
 {"Name":"web-7","Addr":"10.0.0.9","Port":8301,"Status":4,
  "Tags":{"role":"node","build":"1.10.0","dc":"dc1","vsn":"2","id":"id-7"}},
 {"Name":"db-1","Addr":"10.0.0.8","Port":8301,"Status":1,
  "Tags":{"role":"node","build":"1.10.0","dc":"dc1","vsn":"2","id":"id-3"}},
 {"Name":"srv","Addr":"10.0.0.1","Port":8301,"Status":1,
  "Tags":{"role":"consul","build":"1.10.0","dc":"dc2","vsn":"2","id":"id-1","port":"8300"}}]"#;

const NODES: &str = r#"[{"ID":"40e4a748-2192","Node":"a","Address":"10.0.0.1","Datacenter":"dc1",
  "TaggedAddresses":{"lan":"10.0.0.1","wan":"1.2.3.4"},"Meta":{"env":"prod"}}]"#;

fn members() -> FakeApi {
    FakeApi::start(vec![
        ok("GET /v1/agent/members", MEMBERS),
        ok("GET /v1/status/leader", "\"10.0.0.1:8300\""),
        status("GET /v1/", 404, ""),
    ])
}

#[test]
fn members_are_chosen_sorted_and_shaped() {
    let api = members();
    let out = |words: &[&str]| ask(&api, &[&["members"], words].concat()).out;
    assert_eq!(out(&["-o", "name", "-role=client"]), "db-1\nweb-7\n");
    assert_eq!(out(&["-o", "name", "-role=server"]), "srv\n");
    assert_eq!(out(&["-o", "name", "-dc=dc2"]), "srv\n");
    assert_eq!(out(&["-o", "name", "-sort=address"]), "srv\ndb-1\nweb-7\n");
    assert_eq!(out(&["-o", "name", "-sort=-node"]), "web-7\nsrv\ndb-1\n");
    assert_eq!(
        out(&["-o", "cols=node,leader", "-no-headers"]),
        "srv    *\ndb-1   -\nweb-7  -\n"
    );
    let sorted = out(&["-sort=id"]);
    let names = sorted.lines().map(|line| line.split(' ').next().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["Node", "srv", "db-1", "web-7"]);
    assert!(!sorted.contains("id-1"), "{sorted}");
    let csv = out(&["-o", "csv"]);
    let start = "Node,Address,Status,Type,Build,Protocol,DC,Segment,Leader,ID,RTT~,Score,Tags\n\
        srv,10.0.0.1:8301,alive,server,1.10.0,2,dc2,<all>,*,id-1,n/a,n/a,\"build=1.10.0,dc=dc2";
    assert!(csv.starts_with(start), "{csv}");
    let yaml = out(&["-o", "yaml", "-status=failed"]);
    assert!(
        yaml.starts_with("- Name: web-7\n  Addr: \"10.0.0.9\"\n"),
        "{yaml}"
    );
    assert_eq!(ask(&api, &["members", "-role=server", "-dc=dc1"]).code, 2);
}

#[test]
fn a_plain_table_asks_for_nothing_more_and_has_no_star() {
    let api = members();
    let out = ask(&api, &["members"]).out;
    assert!(!out.contains('*'), "{out}");
    assert_eq!(api.lines(), ["GET /v1/agent/members?segment=_all"]);
}

#[test]
fn wrong_shapes_and_columns_are_told() {
    let api = members();
    let done = ask(&api, &["members", "-o", "cols=nod"]);
    assert_eq!(done.code, 1);
    assert!(
        done.err
            .starts_with("there is no column \"nod\": there are Node, "),
        "{}",
        done.err
    );
    assert!(
        done.err.ends_with("hint: did you mean `Node`?\n"),
        "{}",
        done.err
    );
    let text = "invalid value \"tsv\" for flag -format: must be one of text, wide, json, yaml, csv, name, cols=NAME,…\n";
    assert!(run(&["members", "-o", "tsv"]).err.starts_with(text));
    let done = ask(&api, &["members", "-watch", "-o", "csv"]);
    assert_eq!(done.code, 1);
    assert!(
        done.err.starts_with("-watch prints text or JSON"),
        "{}",
        done.err
    );
}

#[test]
fn the_catalog_has_all_shapes() {
    let api = FakeApi::start(vec![
        ok("GET /v1/catalog/nodes", NODES),
        ok("GET /v1/catalog/services", r#"{"web":["b","a"],"db":[]}"#),
        ok("GET /v1/catalog/datacenters", r#"["dc1","dc2"]"#),
    ]);
    let out = |words: &[&str]| ask(&api, &[&["catalog"], words].concat()).out;
    let head = "Node  ID        Address   DC\n";
    assert_eq!(
        out(&["nodes"]),
        format!("{head}a     40e4a748  10.0.0.1  dc1\n")
    );
    assert_eq!(
        out(&["nodes", "-o", "csv", "-no-headers"]),
        "a,40e4a748-2192,10.0.0.1,dc1,\"lan=10.0.0.1, wan=1.2.3.4\",env=prod\n"
    );
    assert_eq!(out(&["nodes", "-o", "cols=meta"]), "Meta\nenv=prod\n");
    assert_eq!(out(&["services"]), "db\nweb\n");
    assert_eq!(
        out(&["services", "-o", "csv"]),
        "Service,Tags\ndb,\nweb,\"a,b\"\n"
    );
    assert_eq!(
        out(&["services", "-o", "wide"]),
        "Service  Tags\ndb       \nweb      a,b\n"
    );
    assert_eq!(
        out(&["services", "-o", "cols=tags", "-no-headers"]),
        "\na,b\n"
    );
    let yaml = "db: []\nweb:\n  - b\n  - a\n";
    assert_eq!(out(&["services", "-o", "yaml"]), yaml);
    assert_eq!(out(&["datacenters", "-o", "yaml"]), "- dc1\n- dc2\n");
}

#[test]
fn pairs_have_all_shapes() {
    let pairs =
        r#"[{"LockIndex":0,"Key":"a","Flags":7,"Value":"eA15","CreateIndex":1,"ModifyIndex":2}]"#;
    let api = FakeApi::start(vec![ok("GET /v1/kv/", pairs)]);
    let words = |shape| ask(&api, &["kv", "get", "-recurse", "-o", shape]);
    assert_eq!(
        words("cols=key,value"),
        Done::success("Key  Value\na    \"x\\ry\"\n")
    );
    let csv = "Key,Value,Flags,CreateIndex,ModifyIndex,LockIndex,Session\na,\"x\ry\",7,1,2,0,\n";
    assert_eq!(words("csv"), Done::success(csv));
    assert_eq!(words("name"), Done::success("a\n"));
    assert_eq!(
        ask(&api, &["kv", "get", "-o", "cols=flags", "-no-headers", "a"]).out,
        "7\n"
    );
}

#[test]
fn values_that_are_no_text_are_refused_unless_encoded() {
    let pairs =
        r#"[{"LockIndex":0,"Key":"a","Flags":0,"Value":"/w==","CreateIndex":1,"ModifyIndex":2}]"#;
    let api = FakeApi::start(vec![ok("GET /v1/kv/", pairs)]);
    let get = |words: &[&str]| ask(&api, &[&["kv", "get", "-recurse"], words].concat());
    let text = "the value of a is not text\nhint: `-base64` prints values of any bytes\n";
    for shape in ["csv", "wide", "cols=key,VALUE"] {
        assert_eq!(get(&["-o", shape]), Done::failure(text), "{shape}");
    }
    assert_eq!(get(&["-o", "cols=flags", "-no-headers"]).out, "0\n");
    assert_eq!(get(&["-o", "name"]).out, "a\n");
    let encoded = get(&["-base64", "-o", "cols=value", "-no-headers"]);
    assert_eq!(encoded.out, "/w==\n");
    for shape in ["cols=key", "name", "wide", "csv", "yaml"] {
        let done = get(&["-watch", "-o", shape]);
        assert_eq!((done.code, done.out.as_str()), (1, ""), "{shape}");
        assert!(
            done.err.starts_with("-watch prints text or JSON"),
            "{shape}"
        );
    }
}

#[test]
fn an_empty_catalog_has_a_head_in_tables() {
    let api = FakeApi::start(vec![
        ok("GET /v1/catalog/nodes", "[]"),
        ok("GET /v1/catalog/services", "{}"),
    ]);
    let catalog = |words: &[&str]| ask(&api, &[&["catalog"], words].concat());
    let nodes = "Node,ID,Address,DC,TaggedAddresses,Meta\n";
    assert_eq!(catalog(&["nodes", "-o", "csv"]), Done::success(nodes));
    let none = catalog(&["nodes", "-o", "cols=dc", "-no-headers"]);
    assert_eq!(none, Done::success(""));
    let services = catalog(&["services", "-o", "wide"]);
    assert_eq!(services, Done::success("Service  Tags\n"));
    for kind in ["nodes", "services"] {
        let done = catalog(&[kind]);
        assert!(done.out.is_empty() && done.err.contains("match the given query"));
    }
}
