//! The language end to end; expected texts are those of Consul 1.8.7.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn node() -> Value {
    json!({
        "ID": "", "Node": "n1", "Address": "127.0.0.1", "Datacenter": "dc1",
        "TaggedAddresses": {"lan": "127.0.0.1"}, "Meta": {"os": "linux", "a b": "x"},
        "CreateIndex": 5,
    })
}

fn entry() -> Value {
    json!({
        "Node": {"Node": "n1", "Meta": null},
        "Service": {
            "Service": "web", "Tags": ["a", "b"], "Port": 80, "EnableTagOverride": true,
            "TaggedAddresses": {"lan": {"Address": "10.0.0.1", "Port": 8080}},
        },
        "Checks": [
            {"CheckID": "serfHealth", "Status": "passing", "ServiceTags": []},
            {"CheckID": "web", "Status": "critical", "ServiceTags": ["a"]},
        ],
    })
}

fn on_node(expression: &str) -> bool {
    Filter::parse(expression, &CATALOG_NODE)
        .unwrap()
        .matches_value(&node())
}

fn on_entry(expression: &str) -> bool {
    Filter::parse(expression, &HEALTH_ENTRY)
        .unwrap()
        .matches_value(&entry())
}

/// The error text without the part that all have.
fn fault(expression: &str, schema: &Schema) -> String {
    let text = Filter::parse(expression, schema).unwrap_err().to_string();
    text.strip_prefix("Failed to create boolean expression evaluator: ")
        .unwrap()
        .to_owned()
}

#[test]
fn answers_of_a_node() {
    for (expression, expected) in [
        ("", true),
        ("Node == n1", true),
        ("Node==n1", true),
        ("Node == `n1`", true),
        ("Node != n1", false),
        ("not Node == n1", false),
        ("not (Node == n1)", false),
        ("not not Node == n1", true),
        ("((Node == n1))", true),
        (" ( Node == n1 ) and Node != n2 ", true),
        ("Node == n1 or Node == n2 and Node == n3", true),
        ("(Node == n1 or Node == n2) and Node == n3", false),
        ("Node contains \"n\"", true),
        ("Node not contains \"n\"", false),
        ("\"1\" in Node", true),
        ("Node matches `^n[0-9]$`", true),
        ("Node not matches \"n.*\"", false),
        ("ID == \"\"", true),
        ("os in Meta", true),
        ("Meta contains nope", false),
        ("Meta is not empty", true),
        ("Meta.os == linux", true),
        ("Meta[\"a b\"] == \"x\"", true),
        ("Meta[ `a b` ] != x", false),
        ("Node == Node.x[\"a\"]", false),
        ("Datacenter == \"dc\\x31\"", true),
        ("Address == \"127.0.0.1\"", true),
        ("Node == -5", false),
        ("Node\t==\r\nn1", true),
    ] {
        assert_eq!(on_node(expression), expected, "{expression}");
    }
}

#[test]
fn a_key_that_a_map_lacks() {
    for (expression, expected) in [
        ("Meta.nope == 1", false),
        ("Meta.nope != 1", true),
        ("x in Meta.nope", false),
        ("x not in Meta.nope", true),
        ("Meta.nope matches x", true),
        ("Meta.nope not matches x", true),
    ] {
        assert_eq!(on_node(expression), expected, "{expression}");
    }
}

#[test]
fn lists_answer_for_any_element() {
    for (expression, expected) in [
        ("Checks.Status == critical", true),
        ("Checks.Status != critical", true),
        ("not Checks.Status == critical", false),
        ("Checks.Status == warning", false),
        ("Checks is empty", false),
        ("a in Checks.ServiceTags", true),
        ("Checks.ServiceTags is empty", true),
        ("Service.Tags contains b", true),
        ("c not in Service.Tags", true),
        ("Service.Port == 80", true),
        ("Service.Port == \"0x50\"", true),
        ("Service.Port != 80", false),
        ("Service.EnableTagOverride == t", true),
        ("Service.TaggedAddresses.lan.Port == 8080", true),
        ("Service.TaggedAddresses.wan.Port == 8080", false),
        ("Service.Weights.Passing == 0", true),
        ("Service.Proxy.Upstreams is empty", true),
        ("Service.Proxy.Upstreams.LocalBindPort == 0", false),
        ("Node.Meta is empty", true),
    ] {
        assert_eq!(on_entry(expression), expected, "{expression}");
    }
}

#[test]
fn syntax_errors_have_the_texts_of_go_bexpr() {
    let start = r#""(", "-", "0", "\"", "`", "not", [ \t\r\n], [1-9] or [a-zA-Z]"#;
    let value = r#""-", "0", "\"", "`", [ \t\r\n], [1-9] or [a-zA-Z]"#;
    let operator = r#""!=", ".", "==", "[", [ \t\r\n] or [a-zA-Z0-9_]"#;
    let space = r"[ \t\r\n]";
    let words = r#""!=", "==", "contains", "in", "is", "matches", "not" or [ \t\r\n]"#;
    for (expression, at, expected) in [
        ("  ", "1:3 (2)", start),
        ("\n", "2:1 (1)", start),
        ("Node == n1 or ", "1:15 (14)", start),
        ("zzz", "1:4 (3)", operator),
        ("not Node", "1:9 (8)", operator),
        ("Nod\u{e9} == 1", "1:4 (3)", operator),
        ("Meta.consul-x == \"\"", "1:12 (11)", operator),
        ("Node ==", "1:8 (7)", value),
        ("Node = x", "1:6 (5)", words),
        ("a\nb", "2:1 (2)", words),
        ("Node == n1 and", "1:15 (14)", space),
        ("Node is", "1:8 (7)", space),
        ("Node not", "1:9 (8)", space),
        ("\"x\" in", "1:7 (6)", space),
        ("Node == -", "1:10 (9)", r#""0" or [1-9]"#),
        ("5", "1:2 (1)", r#"".", [ \t\r\n] or [0-9]"#),
        ("is is is", "1:7 (6)", r#""empty", "not" or [ \t\r\n]"#),
        ("Node is not full", "1:13 (12)", r#""empty" or [ \t\r\n]"#),
        (
            "Node == n1 AND x",
            "1:12 (11)",
            r#""and", "or", [ \t\r\n] or EOF"#,
        ),
        (
            "Node == n1\nx",
            "2:1 (11)",
            r#""and", "or", [ \t\r\n] or EOF"#,
        ),
        (
            "Node == n1)",
            "1:11 (10)",
            r#"".", "[", [ \t\r\n], [a-zA-Z0-9_] or EOF"#,
        ),
        (
            "not ",
            "1:5 (4)",
            r#""!=", "(", "-", "0", "==", "\"", "`", "contains", "in", "is", "matches", "not", [ \t\r\n], [1-9] or [a-zA-Z]"#,
        ),
    ] {
        let text = format!("{at}: no match found, expected: {expected}");
        assert_eq!(fault(expression, &CATALOG_NODE), text, "{expression}");
    }
}

#[test]
fn faults_name_their_rule() {
    for (expression, text) in [
        (
            "Node == \"n1",
            r#"1:12 (11): rule "string": Unterminated string literal"#,
        ),
        (
            "Node != `a",
            r#"1:11 (10): rule "string": Unterminated string literal"#,
        ),
        (
            "Node == \"a\\qb\"",
            r#"1:9 (8): rule "string": invalid syntax"#,
        ),
        (
            "(Node == n1",
            r#"1:12 (11): rule "grouping": Unmatched parentheses"#,
        ),
        (
            "((Node == n1)",
            r#"1:14 (13): rule "grouping": Unmatched parentheses"#,
        ),
        (
            "(Node == n1) and (Node == n2",
            r#"1:29 (28): rule "grouping": Unmatched parentheses"#,
        ),
        (
            "Node == 5a",
            r#"1:10 (9): rule "number": Invalid number literal"#,
        ),
        (
            "10.0.0.1 in Node",
            r#"1:5 (4): rule "number": Invalid number literal"#,
        ),
        ("Meta[x] == 1", r#"1:6 (5): rule "index": Invalid index"#),
        (
            "Meta[\"x\" == 1",
            r#"1:10 (9): rule "index": Unclosed index expression"#,
        ),
        ("\"x\" in 5", r#"1:8 (7): rule "match": Invalid selector"#),
        ("\"x\" in ", r#"1:8 (7): rule "match": Invalid selector"#),
        (
            "x in \"Node\"",
            r#"1:6 (5): rule "match": Invalid selector"#,
        ),
    ] {
        assert_eq!(fault(expression, &CATALOG_NODE), text, "{expression}");
    }
}

#[test]
fn the_schema_is_enforced_without_any_noun() {
    for (expression, text) in [
        ("Zzz == x", r#"Selector "Zzz" is not valid"#),
        ("node == n1", r#"Selector "node" is not valid"#),
        ("CreateIndex == 5", r#"Selector "CreateIndex" is not valid"#),
        (
            "TaggedAddresses.lan.x == x",
            r#"Selector "TaggedAddresses.lan.x" is not valid"#,
        ),
        (
            "Meta == 1",
            r#"Invalid match operator "Equal" for selector "Meta""#,
        ),
        (
            "Node is empty",
            r#"Invalid match operator "Is Empty" for selector "Node""#,
        ),
        (
            "Meta[\"a-b\"] is empty",
            r#"Invalid match operator "Is Empty" for selector "Meta.a-b""#,
        ),
        (
            "Zz == 1 and Node matches \"(\"",
            r#"Selector "Zz" is not valid"#,
        ),
        (
            "Node matches \"[\"",
            "Failed to compile regular expression \"[\": error parsing regexp: missing closing ]: `[`",
        ),
    ] {
        assert_eq!(fault(expression, &CATALOG_NODE), text, "{expression}");
    }
    for (expression, text) in [
        (
            "ServicePort == x",
            r#"Failed to coerce value "x" for selector "ServicePort": strconv.ParseInt: parsing "x": invalid syntax"#,
        ),
        (
            "ServicePort == 99999999999999999999",
            r#"Failed to coerce value "99999999999999999999" for selector "ServicePort": strconv.ParseInt: parsing "99999999999999999999": value out of range"#,
        ),
        (
            "ServiceEnableTagOverride == x",
            r#"Failed to coerce value "x" for selector "ServiceEnableTagOverride": strconv.ParseBool: parsing "x": invalid syntax"#,
        ),
        (
            "ServiceTags matches a",
            r#"Invalid match operator "Matches" for selector "ServiceTags""#,
        ),
        (
            "5 in ServicePort",
            r#"Invalid match operator "In" for selector "ServicePort""#,
        ),
        (
            "ServiceProxy.Config.x == 1",
            r#"Selector "ServiceProxy.Config" is not valid"#,
        ),
        (
            "ServiceConnect.SidecarService.Port == 1",
            r#"Selector "ServiceConnect.SidecarService" is not valid"#,
        ),
    ] {
        assert_eq!(fault(expression, &CATALOG_SERVICE), text, "{expression}");
    }
}

#[test]
fn size_depth_and_patterns_are_bounded() {
    for expression in [
        "(".repeat(60_000),
        "not ".repeat(10_000),
        format!("{}Node == n1{}", "(".repeat(1000), ")".repeat(1000)),
        "a".repeat(70_000),
        vec!["Node matches x"; 65].join(" or "),
    ] {
        let error = Filter::parse(&expression, &CATALOG_NODE).unwrap_err();
        assert!(matches!(error, FilterError::TooLarge(_)), "{error}");
    }
    let long = vec!["Node == n1"; 4000].join(" and ");
    assert!(on_node(&long), "a long flat expression is no problem");
    let nested = format!("{}Node == n1{}", "(".repeat(60), ")".repeat(60));
    assert!(on_node(&nested));
}

#[test]
fn a_noun_is_asked_through_its_json() {
    let node = crate::model::node::Node {
        node: "n1".to_owned(),
        ..Default::default()
    };
    let other = crate::model::node::Node {
        node: "n2".to_owned(),
        ..Default::default()
    };
    let filter = Filter::parse("Node == n1 and Meta is empty", &CATALOG_NODE).unwrap();
    assert!(filter.matches(&node));
    let mut nodes = vec![node.clone(), other];
    filter.retain(&mut nodes);
    assert_eq!(nodes, [node]);
}

fn identifier() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-zA-Z0-9_]{0,6}"
}

fn test_strategy() -> impl Strategy<Value = Expression> {
    let selector = (
        identifier(),
        prop::collection::vec(prop_oneof![identifier(), any::<String>()], 0..3),
    )
        .prop_map(|(first, rest)| std::iter::once(first).chain(rest).collect::<Vec<_>>());
    let operator = prop::sample::select(vec![
        Operator::Equal,
        Operator::NotEqual,
        Operator::In,
        Operator::NotIn,
        Operator::IsEmpty,
        Operator::IsNotEmpty,
        Operator::Matches,
        Operator::NotMatches,
    ]);
    (selector, operator, any::<String>()).prop_map(|(selector, operator, value)| {
        let valueless = matches!(operator, Operator::IsEmpty | Operator::IsNotEmpty);
        let value = if valueless { String::new() } else { value };
        Expression::Test(Test {
            selector,
            operator,
            value,
        })
    })
}

fn expression() -> impl Strategy<Value = Expression> {
    test_strategy().prop_recursive(5, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::Or),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::And),
            inner.prop_map(|operand| match operand {
                Expression::Not(operand) => Expression::Not(operand),
                other => Expression::Not(Box::new(other)),
            }),
        ]
    })
}

/// Expressions over a node that always hold valid selectors, for the laws of logic.
fn node_expression() -> impl Strategy<Value = String> {
    let test = prop::sample::select(vec![
        "Node == n1",
        "Node != n1",
        "Meta.os == linux",
        "Meta.nope != x",
        "Meta is empty",
        "x in Meta",
        "Node matches `^n`",
    ]);
    prop::collection::vec((test, any::<bool>()), 1..5).prop_map(|tests| {
        let mut text = String::new();
        for (test, or) in tests {
            if !text.is_empty() {
                text.push_str(if or { " or " } else { " and " });
            }
            text.push_str(test);
        }
        text
    })
}

/// Texts that come close to expressions.
fn near_expression() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "Node", "Meta", "Checks", ".", "[", "]", "(", ")", "\"", "`", "\\", "==", "!=", " ",
            "not", "and", "or", "in", "is", "empty", "matches", "contains", "5", "-", "0", "\n",
            "x", "\u{e9}",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = Filter::parse(&text, &HEALTH_ENTRY).map(|filter| filter.matches_value(&entry()));
    }

    #[test]
    fn near_expressions_are_read_or_refused(text in near_expression()) {
        for schema in [&CATALOG_NODE, &HEALTH_ENTRY] {
            if let Ok(filter) = Filter::parse(&text, schema) {
                filter.matches_value(&entry());
                filter.matches_value(&Value::Null);
            }
        }
    }

    #[test]
    fn what_is_printed_reads_the_same(expression in expression()) {
        let printed = expression.to_string();
        prop_assert_eq!(parse(&printed), Ok(expression), "{}", printed);
    }

    #[test]
    fn the_laws_of_logic_hold(a in node_expression(), b in node_expression()) {
        let (is_a, is_b) = (on_node(&a), on_node(&b));
        prop_assert_eq!(on_node(&format!("not not ({a})")), is_a);
        prop_assert_eq!(on_node(&format!("not ({a})")), !is_a);
        prop_assert_eq!(on_node(&format!("({a}) and ({b})")), is_a && is_b);
        prop_assert_eq!(on_node(&format!("({a}) or ({b})")), is_a || is_b);
        prop_assert_eq!(on_node(&format!("not (({a}) and ({b}))")), !is_a || !is_b);
    }

    #[test]
    fn patterns_are_compiled_or_refused(pattern in any::<String>(), near in r"[\[\](){}|*+?\\^$.dwspPQEx0-9a:&~,<>-]{0,12}") {
        for pattern in [pattern, near] {
            if let Ok(compiled) = crate::model::regexp::compile(&pattern) {
                compiled.is_match("web-1");
            }
        }
    }
}
