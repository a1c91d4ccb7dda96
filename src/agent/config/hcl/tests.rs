use super::*;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn read(text: &str) -> Json {
    Node {
        line: 1,
        value: Value::Object(parse(text).unwrap()),
    }
    .to_json()
}

fn refusal(text: &str) -> (u32, String) {
    let error = parse(text).unwrap_err();
    (error.line, error.message)
}

#[test]
fn accepts_what_hcl_1_accepts() {
    let cases = [
        (
            "ports { grpc = 8502 dns = -1 }",
            json!({"ports": {"grpc": 8502, "dns": -1}}),
        ),
        ("\"server\" = true", json!({"server": true})),
        ("a.b = 1", json!({"a.b": 1})),
        ("a = 1\na = 2", json!({"a": 2})),
        (
            "a = 0x10 b = 0755 c = 1.5 d = 1e3",
            json!({"a": 16, "b": 493, "c": 1.5, "d": 1000}),
        ),
        (
            "service \"web\" { port = 80 }",
            json!({"service": {"web": {"port": 80}}}),
        ),
        (
            "acl { a = 1 } acl { b = 2 }",
            json!({"acl": [{"a": 1}, {"b": 2}]}),
        ),
        (
            "cache = { a = 1, b = 2 },\nx = 1",
            json!({"cache": {"a": 1, "b": 2}, "x": 1}),
        ),
        (
            "a = [1, \"x\", [2], { b = 1 },]",
            json!({"a": [1, "x", [2], {"b": 1}]}),
        ),
        (
            "a = \"${node.\"q\"}\" # c\n// d\n/* e */",
            json!({"a": "${node.\"q\"}"}),
        ),
        (
            r#"a = "{{ GetInterfaceIP \"eth0\" }}""#,
            json!({"a": "{{ GetInterfaceIP \"eth0\" }}"}),
        ),
        (
            r#"a = "\n\t\"\\\u00e9\x41\101""#,
            json!({"a": "\n\t\"\\éAA"}),
        ),
        (
            "a = <<EOF\none\n two\nEOF\nb = 1",
            json!({"a": "one\n two\n", "b": 1}),
        ),
        (
            "a = <<-EOF\n    one\n      two\n    EOF\n",
            json!({"a": "one\n  two\n"}),
        ),
        ("{\"a\": {\"b\": 1}}", json!({"a": {"b": 1}})),
        ("\u{feff}a = 1\r\nb = 2\r\n", json!({"a": 1, "b": 2})),
        ("", json!({})),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn refuses_with_line_and_column() {
    let cases = [
        ("a = { b: 1 }", 1, "At 1:8: illegal char"),
        (
            "\n\na = [1 2]",
            3,
            "At 3:8: error parsing list, expected comma or list end, got: NUMBER",
        ),
        ("x {", 1, "At 1:4: object expected closing RBRACE got: EOF"),
        ("a = foo", 1, "At 1:5: Unknown token: 1:5 IDENT foo"),
        ("a = \"x\ny\"", 1, "At 1:7: literal not terminated"),
        ("a = \"a\\qb\"", 1, "At 1:5: illegal char escape"),
        (
            "}",
            1,
            "At 1:1: expected: IDENT | STRING | ASSIGN | LBRACE got: RBRACE",
        ),
        (
            "a b = 1",
            1,
            "At 1:5: nested object expected: LBRACE got: ASSIGN",
        ),
        (
            "a = ",
            1,
            "At 1:5: end of file reached, a value was expected",
        ),
        ("a = 99999999999999999999", 1, "At 1:5: illegal number"),
        ("a = <<EOF\nx", 1, "At 1:5: heredoc not terminated"),
    ];
    for (text, line, message) in cases {
        assert_eq!(refusal(text), (line, message.to_owned()), "{text}");
    }
}

#[test]
fn keeps_the_line_of_every_key() {
    let entries = parse("a = 1\n\nb {\n  c = [\n    2\n  ]\n}\n").unwrap();
    assert_eq!((entries[0].line, entries[1].line), (1, 3));
    let Value::Blocks(blocks) = &entries[1].node.value else {
        panic!("a block")
    };
    let Value::Object(inner) = &blocks[0].value else {
        panic!("an object")
    };
    assert_eq!(inner[0].line, 4);
    let Value::List(items) = &inner[0].node.value else {
        panic!("a list")
    };
    assert_eq!(items[0].line, 5);
}

#[test]
fn nesting_is_bounded() {
    let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(refusal(&deep).1.contains("levels of nesting"));
    assert!(
        refusal(&"a {".repeat(100_000))
            .1
            .contains("levels of nesting")
    );
    assert!(parse(&"a ".repeat(100_000)).is_err());
    assert!(parse(&"{\"a\":".repeat(100_000)).is_err());
}

/// Trees that both formats can say: no null, and numbers that are integers.
fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Json::from),
        (-1_000_000_i64..1_000_000).prop_map(Json::from),
        "[ -~\n\té]{0,12}"
            .prop_filter("HCL keeps ${ as written", |text| !text.contains("${"))
            .prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            object(inner),
        ]
    })
}

fn object(inner: impl Strategy<Value = Json>) -> impl Strategy<Value = Json> {
    prop::collection::btree_map("[a-z_][a-z0-9_.-]{0,6}", inner, 0..4).prop_map(|entries| {
        entries
            .into_iter()
            .collect::<serde_json::Map<_, _>>()
            .into()
    })
}

fn write_hcl(value: &Json) -> String {
    match value {
        Json::Object(entries) => {
            let items: Vec<_> = entries
                .iter()
                .map(|(key, value)| format!("{key:?} = {}\n", write_hcl(value)))
                .collect();
            format!("{{ {} }}", items.concat())
        }
        Json::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(write_hcl).collect::<Vec<_>>().join(", ")
            )
        }
        other => other.to_string(),
    }
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn never_panics_on_near_misses(words in prop::collection::vec(
        prop::sample::select(vec!["a", "=", "{", "}", "[", "]", ",", "\"", "${", "<<E", "\n", "\\",
            "-", "0x", "1", "e9", "/*", "#", "true", ".", "é", "\\u00", "\\x"]), 0..40)) {
        let text: String = words.concat();
        let _ = parse(&text);
        let _ = crate::agent::config::json::parse(&text);
    }

    #[test]
    fn generated_trees_survive(tree in object(tree())) {
        let text = write_hcl(&tree);
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap();
        prop_assert_eq!(read(inner), tree.clone());
        let entries = crate::agent::config::json::parse(&tree.to_string()).unwrap();
        let json = Node { line: 1, value: Value::Object(entries) }.to_json();
        prop_assert_eq!(json, tree);
    }
}
