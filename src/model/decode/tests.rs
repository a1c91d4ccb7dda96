//! Expected texts are those of Consul 1.8.7, which the same bodies were sent to.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;
use crate::model::catalog::RegisterRequest;
use crate::model::check::CheckDefinition;
use crate::model::duration::GoDuration;
use crate::model::service::ServiceDefinition;
use crate::model::txn::TxnOp;

fn fault<T: serde::de::DeserializeOwned>(body: &[u8]) -> String {
    match from_json_slice::<T>(body) {
        Ok(_) => panic!("{} decodes", String::from_utf8_lossy(body)),
        Err(error) => error.to_string(),
    }
}

#[derive(Debug, Default, PartialEq, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Inner {
    #[serde(rename = "ServiceID")]
    service_id: String,
    interval: GoDuration,
    number: i64,
    flag: bool,
}

#[derive(Debug, Default, PartialEq, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Outer {
    name: String,
    #[serde(alias = "Labels")]
    tags: Vec<String>,
    meta: BTreeMap<String, String>,
    port: u16,
    ratio: f64,
    check: Option<Inner>,
    checks: Vec<Inner>,
    config: BTreeMap<String, Value>,
    #[serde(rename = "H2PingUseTLS")]
    h2ping: Option<bool>,
}

fn decode(text: &str) -> Outer {
    from_json_slice(text.as_bytes()).unwrap()
}

fn weak(value: Value) -> Result<Outer, DecodeError> {
    from_value(value, Options::CONFIG)
}

#[test]
fn keys_in_any_case_with_or_without_underscores() {
    for key in [
        "ServiceID",
        "service_id",
        "serviceid",
        "SERVICE_ID",
        "_Service__Id",
    ] {
        let outer = decode(&format!(r#"{{"check":{{"{key}":"x"}}}}"#));
        assert_eq!(outer.check.unwrap().service_id, "x", "{key}");
    }
    assert_eq!(decode(r#"{"h2ping_use_tls":true}"#).h2ping, Some(true));
    assert_eq!(decode(r#"{"labels":["a"]}"#).tags, ["a"]);
}

#[test]
fn keys_of_maps_stay_as_they_are() {
    let outer = decode(r#"{"meta":{"a_B":"1","A_b":"2"},"Config":{"x_Y":{"Z_z":1}}}"#);
    let meta: Vec<_> = outer.meta.into_iter().collect();
    assert_eq!(
        meta,
        [("A_b".into(), "2".into()), ("a_B".into(), "1".into())]
    );
    assert_eq!(outer.config["x_Y"], json!({"Z_z": 1}));
}

#[test]
fn null_is_the_zero_value_everywhere() {
    let outer = decode(
        r#"{"Name":null,"Tags":null,"Meta":null,"Port":null,"Ratio":null,"Check":null,
            "Checks":null,"Config":null,"H2PingUseTLS":null}"#,
    );
    assert_eq!(outer, Outer::default());
    let outer = decode(
        r#"{"Tags":[null],"Meta":{"a":null},"Checks":[null,{"Flag":null,"Interval":null}]}"#,
    );
    assert_eq!(outer.tags, [""]);
    assert_eq!(outer.meta["a"], "");
    assert_eq!(outer.checks, [Inner::default(), Inner::default()]);
    assert_eq!(decode("null"), Outer::default());
}

#[test]
fn the_last_of_several_keys_counts() {
    assert_eq!(
        decode(r#"{"Name":"a","Port":1,"name":"b","NAME":"c"}"#).name,
        "c"
    );
}

#[test]
fn durations_are_texts_or_nanoseconds() {
    assert_eq!(
        decode(r#"{"check":{"interval":"10s"}}"#)
            .check
            .unwrap()
            .interval
            .0,
        10_000_000_000
    );
    assert_eq!(
        decode(r#"{"check":{"interval":5}}"#)
            .check
            .unwrap()
            .interval
            .0,
        5
    );
    assert_eq!(
        fault::<Outer>(br#"{"check":{"interval":"x"}}"#),
        r#"time: invalid duration "x""#
    );
    let error = from_json_slice::<Outer>(br#"{"checks":[{},{"interval":"x"}]}"#).unwrap_err();
    assert_eq!(error.path(), "Checks[1].Interval");
}

#[test]
fn what_follows_the_value_is_not_looked_at() {
    assert_eq!(decode(r#"{"Name":"a"}x"#).name, "a");
    assert_eq!(decode(r#"{"Name":"a"} {"Name":"b"}"#).name, "a");
    let error = json_document(br#"{"Name":"a"} x"#).unwrap_err();
    let message = "invalid character 'x' after top-level value".to_owned();
    assert_eq!(
        error,
        DecodeError::Syntax {
            message,
            offset: 13
        }
    );
    assert_eq!(
        json_document(b"{ ").unwrap_err().to_string(),
        "unexpected end of JSON input"
    );
    assert_eq!(json_document(b" [1] \n").unwrap(), json!([1]));
}

#[test]
fn broken_utf8_and_surrogates_become_replacement_characters() {
    assert_eq!(decode("{\"Name\":\"\\ud83d\\ude00\"}").name, "\u{1f600}");
    for body in [
        &b"{\"Name\":\"a\xffb\"}"[..],
        b"{\"Name\":\"a\\ud800b\"}",
        b"{\"Name\":\"a\\udc00b\"}",
    ] {
        assert_eq!(from_json_slice::<Outer>(body).unwrap().name, "a\u{fffd}b");
    }
    let outer = from_json_slice::<Outer>(b"{\"Name\":\"\\\\ud800\xff\\ud800\\ud83d\\ude00\"}");
    assert_eq!(outer.unwrap().name, "\\ud800\u{fffd}\u{fffd}\u{1f600}");
}

const SYNTAX: &[(&[u8], &str)] = &[
    (b"", "EOF"),
    (b" \n", "EOF"),
    (b"{", "unexpected EOF"),
    (b"{\"Node\":\"x", "unexpected EOF"),
    (b"{\"Node\":1e", "unexpected EOF"),
    (b"{\"a\":\"}", "unexpected EOF"),
    (b"nul", "unexpected EOF"),
    (b"\"\x80", "unexpected EOF"),
    (
        b"{bad",
        "invalid character 'b' looking for beginning of object key string",
    ),
    (
        b"{'a':1}",
        r"invalid character '\'' looking for beginning of object key string",
    ),
    (
        b"{\"Node\":\"a\",}",
        "invalid character '}' looking for beginning of object key string",
    ),
    (
        b"{\"Name\":\"a\" \"b\"}",
        "invalid character '\"' after object key:value pair",
    ),
    (
        b"{\"Node\":01}",
        "invalid character '1' after object key:value pair",
    ),
    (b"{\"Node\"}", "invalid character '}' after object key"),
    (b"[1 2]", "invalid character '2' after array element"),
    (
        b"[1,]",
        "invalid character ']' looking for beginning of value",
    ),
    (b"}", "invalid character '}' looking for beginning of value"),
    (
        b"{\"Node\":,}",
        "invalid character ',' looking for beginning of value",
    ),
    (
        b"\x80",
        r"invalid character '\u0080' looking for beginning of value",
    ),
    (
        b"{\"a\":\x07}",
        r"invalid character '\a' looking for beginning of value",
    ),
    (
        b"{\"a\":\x7f}",
        r"invalid character '\u007f' looking for beginning of value",
    ),
    (
        b"{\"a\":\\}",
        r"invalid character '\\' looking for beginning of value",
    ),
    (b"\"a\nb\"", r"invalid character '\n' in string literal"),
    (b"\"a\x01b\"", r"invalid character '\x01' in string literal"),
    (b"\"a\\qb\"", "invalid character 'q' in string escape code"),
    (
        b"\"a\\u12x4\"",
        r"invalid character 'x' in \u hexadecimal character escape",
    ),
    (
        b"{\"Node\":tru}",
        "invalid character '}' in literal true (expecting 'e')",
    ),
    (
        b"nulx",
        "invalid character 'x' in literal null (expecting 'l')",
    ),
    (b"[-}", "invalid character '}' in numeric literal"),
    (
        b"[1.x",
        "invalid character 'x' after decimal point in numeric literal",
    ),
    (
        b"[1ex",
        "invalid character 'x' in exponent of numeric literal",
    ),
    (
        b"[1e+}",
        "invalid character '}' in exponent of numeric literal",
    ),
];

#[test]
fn syntax_errors_have_gos_words() {
    for (body, text) in SYNTAX {
        assert_eq!(
            fault::<RegisterRequest>(body),
            *text,
            "{}",
            String::from_utf8_lossy(body)
        );
    }
}

#[test]
fn depth_is_bounded() {
    let deep = |count: usize| format!("{}{}", "[".repeat(count), "]".repeat(count)).into_bytes();
    assert!(json_value(&deep(MAX_JSON_DEPTH)).is_ok());
    for body in [
        deep(MAX_JSON_DEPTH + 1),
        deep(100_000),
        "[".repeat(100_000).into_bytes(),
    ] {
        assert_eq!(
            json_value(&body).unwrap_err().to_string(),
            "invalid character '[' exceeded max depth"
        );
    }
    // A value that did not come from a text.
    let value = (0..1000).fold(Value::Null, |inner, _| json!([inner]));
    let error = from_value::<Value>(value, Options::HTTP).unwrap_err();
    assert_eq!(error.to_string(), "exceeded max depth");
}

const WRONG_IN_REGISTER: &[(&str, &str)] = &[
    ("[]", "array into Go value of type structs.RegisterRequest"),
    (
        "\"x\"",
        "string into Go value of type structs.RegisterRequest",
    ),
    ("1x", "number into Go value of type structs.RegisterRequest"),
    (
        r#"{"Node":5}"#,
        "number into Go struct field RegisterRequest.Node of type string",
    ),
    (
        r#"{"Node":5,"Nope":1}"#,
        "number into Go struct field RegisterRequest.Node of type string",
    ),
    (
        r#"{"Address":{}}"#,
        "object into Go struct field RegisterRequest.Address of type string",
    ),
    (
        r#"{"Address":[]}"#,
        "array into Go struct field RegisterRequest.Address of type string",
    ),
    (
        r#"{"Address":true}"#,
        "bool into Go struct field RegisterRequest.Address of type string",
    ),
    (
        r#"{"NodeMeta":{"a":1}}"#,
        "number into Go struct field RegisterRequest.NodeMeta of type string",
    ),
    (
        r#"{"NodeMeta":[]}"#,
        "array into Go struct field RegisterRequest.NodeMeta of type map[string]string",
    ),
    (
        r#"{"Service":5}"#,
        "number into Go struct field RegisterRequest.Service of type structs.NodeService",
    ),
    (
        r#"{"Service":{"Port":"80"}}"#,
        "string into Go struct field NodeService.Service.Port of type int",
    ),
    (
        r#"{"Service":{"Port":1.5}}"#,
        "number 1.5 into Go struct field NodeService.Service.Port of type int",
    ),
    (
        r#"{"Service":{"Tags":[1]}}"#,
        "number into Go struct field NodeService.Service.Tags of type string",
    ),
    (
        r#"{"Service":{"Tags":"a"}}"#,
        "string into Go struct field NodeService.Service.Tags of type []string",
    ),
    (
        r#"{"Service":{"Weights":{"Passing":"a"}}}"#,
        "string into Go struct field Weights.Service.Weights.Passing of type int",
    ),
    (
        r#"{"Service":{"EnableTagOverride":"true"}}"#,
        "string into Go struct field NodeService.Service.EnableTagOverride of type bool",
    ),
    (
        r#"{"Service":{"TaggedAddresses":{"lan":{"Port":"x"}}}}"#,
        "string into Go struct field ServiceAddress.Service.TaggedAddresses.Port of type int",
    ),
    (
        r#"{"Service":{"Proxy":{"LocalServicePort":"x"}}}"#,
        "string into Go struct field NodeService.Service.Proxy of type int",
    ),
    (
        r#"{"SkipNodeUpdate":"true"}"#,
        "string into Go struct field RegisterRequest.SkipNodeUpdate of type bool",
    ),
];

const WRONG_IN_DEFINITION: &[(&str, &str)] = &[
    (
        r#"{"Name":5}"#,
        "number into Go struct field .Name of type string",
    ),
    (
        r#"{"Name":"x","Tags":"80"}"#,
        "string into Go struct field .Tags of type []string",
    ),
    (
        r#"{"Check":{"Status":5}}"#,
        "number into Go struct field .Check of type string",
    ),
    (
        r#"{"Checks":[{"HTTP":5}]}"#,
        "number into Go struct field .Checks of type string",
    ),
    (
        r#"{"Weights":{"Passing":"a"}}"#,
        "string into Go struct field Weights.Weights.Passing of type int",
    ),
    (
        r#"{"Connect":{"Native":5}}"#,
        "number into Go struct field .Connect of type bool",
    ),
    (
        r#"{"Connect":{"SidecarService":{"Port":"x"}}}"#,
        "string into Go struct field .Connect of type int",
    ),
    (
        r#"{"Check":{"Header":{"a":"b"}}}"#,
        "string into Go struct field .Check of type []string",
    ),
];

const WRONG_IN_TXN: &[(&str, &str)] = &[
    ("[5]", "number into Go value of type api.TxnOp"),
    ("5", "number into Go value of type []api.TxnOp"),
    (
        r#"[{"KV":{"Verb":5}}]"#,
        "number into Go struct field KVTxnOp.KV.Verb of type api.KVOp",
    ),
    (
        r#"[{"KV":{"Flags":-1}}]"#,
        "number -1 into Go struct field KVTxnOp.KV.Flags of type uint64",
    ),
    (
        r#"[{"Node":5}]"#,
        "number into Go struct field TxnOp.Node of type api.NodeTxnOp",
    ),
    (
        r#"[{"Node":{"Verb":5}}]"#,
        "number into Go struct field NodeTxnOp.Node.Verb of type api.NodeOp",
    ),
    (
        r#"[{"Node":{"Node":{"Node":5}}}]"#,
        "number into Go struct field Node.Node.Node.Node of type string",
    ),
    (
        r#"[{"Service":5}]"#,
        "number into Go struct field TxnOp.Service of type api.ServiceTxnOp",
    ),
    (
        r#"[{"Service":{"Verb":5}}]"#,
        "number into Go struct field ServiceTxnOp.Service.Verb of type api.ServiceOp",
    ),
    (
        r#"[{"Service":{"Service":5}}]"#,
        "number into Go struct field ServiceTxnOp.Service.Service of type api.AgentService",
    ),
    (
        r#"[{"Service":{"Service":{"Port":"x"}}}]"#,
        "string into Go struct field AgentService.Service.Service.Port of type int",
    ),
    (
        r#"[{"Service":{"Service":{"Kind":5}}}]"#,
        "number into Go struct field AgentService.Service.Service.Kind of type api.ServiceKind",
    ),
    (
        r#"[{"Check":5}]"#,
        "number into Go struct field TxnOp.Check of type api.CheckTxnOp",
    ),
    (
        r#"[{"Check":{"Verb":5}}]"#,
        "number into Go struct field CheckTxnOp.Check.Verb of type api.CheckOp",
    ),
    (
        r#"[{"Check":{"Check":{"Definition":{"Header":{"a":"b"}}}}}]"#,
        "string into Go struct field HealthCheck.Check.Check.Definition of type []string",
    ),
];

#[test]
fn wrong_types_have_gos_words() {
    fn check<T: serde::de::DeserializeOwned>(cases: &[(&str, &str)]) {
        for (body, text) in cases {
            let text = format!("json: cannot unmarshal {text}");
            assert_eq!(fault::<T>(body.as_bytes()), text, "{body}");
        }
    }
    check::<RegisterRequest>(WRONG_IN_REGISTER);
    check::<ServiceDefinition>(WRONG_IN_DEFINITION);
    check::<CheckDefinition>(&[(
        r#"{"Status":5}"#,
        "number into Go struct field .Status of type string",
    )]);
    check::<Vec<TxnOp>>(WRONG_IN_TXN);
}

#[test]
fn a_list_in_a_newtype_is_named_by_it() {
    #[derive(Debug, Deserialize)]
    struct TxnOps(#[expect(dead_code, reason = "only decoded")] Vec<TxnOp>);
    assert_eq!(
        fault::<TxnOps>(b"{}"),
        "json: cannot unmarshal object into Go value of type api.TxnOps"
    );
}

#[test]
fn unknown_fields_are_rejected_or_listed() {
    assert_eq!(
        fault::<RegisterRequest>(br#"{"Nope":1,"Node":5}"#),
        r#"json: unknown field "Nope""#
    );
    let body = br#"{"Checks":[{},{"Nope":1}],"Zzz":{"a":1},"Name":"x"}"#;
    let error = from_json_slice::<Outer>(body).unwrap_err();
    assert_eq!(
        (error.path(), error.to_string().as_str()),
        ("Checks[1].Nope", "json: unknown field \"Nope\"")
    );
    let outer: Outer = from_json_slice_with(body, Unknown::Ignore).unwrap();
    assert_eq!(outer.name, "x");
    let (outer, unknown) =
        from_value_listing_unknown::<Outer>(json_value(body).unwrap(), Options::CONFIG);
    assert_eq!(outer.unwrap().checks.len(), 2);
    assert_eq!(unknown, ["Checks[1].Nope", "Zzz"]);
    // Consul overlooks them inside these two types.
    let body = br#"{"Check":{"Definition":{"Nope":1}},"Service":{"Connect":{"Nope":1}}}"#;
    assert!(from_json_slice::<RegisterRequest>(body).is_ok());
}

#[test]
fn configuration_is_weakly_typed() {
    let outer = weak(json!({
        "name": 5, "tags": "a", "port": "0x50", "ratio": "1.5", "h2ping_use_tls": "true",
        "check": [{"number": true, "flag": 1}], "checks": {"number": "7", "flag": ""},
        "meta": [{"a": true}, {"b": 1.5}],
    }))
    .unwrap();
    assert_eq!(
        (outer.name.as_str(), outer.port, outer.ratio),
        ("5", 80, 1.5)
    );
    assert_eq!(outer.tags, ["a"]);
    assert_eq!(outer.h2ping, Some(true));
    assert_eq!(
        outer.check.map(|check| (check.number, check.flag)),
        Some((1, true))
    );
    assert_eq!(
        outer
            .checks
            .iter()
            .map(|check| check.number)
            .collect::<Vec<_>>(),
        [7]
    );
    assert_eq!(outer.meta["a"], "1");
    assert_eq!(outer.meta["b"], "1.5");
    assert_eq!(
        weak(json!({"name": ["x"], "port": [80], "checks": {}}))
            .unwrap()
            .port,
        80
    );
    for (value, path) in [
        (json!({"port": "x"}), "Port"),
        (json!({"port": 70000}), "Port"),
        (json!({"check": [{}, {}]}), "Check"),
        (json!({"check": {"flag": "maybe"}}), "Check.Flag"),
        (json!({"name": {"a": 1}}), "Name"),
        (json!({"meta": ["a"]}), "Meta"),
    ] {
        assert_eq!(weak(value.clone()).unwrap_err().path(), path, "{value}");
    }
}

#[test]
fn bodies_are_not_weakly_typed() {
    for body in [
        r#"{"Name":5}"#,
        r#"{"Tags":"a"}"#,
        r#"{"Port":"80"}"#,
        r#"{"Port":true}"#,
        r#"{"Port":70000}"#,
        r#"{"Ratio":"1"}"#,
        r#"{"Check":[{}]}"#,
        r#"{"Checks":{}}"#,
        r#"{"Meta":[{}]}"#,
        r#"{"Check":{"Flag":"true"}}"#,
        r#"{"Check":{"Flag":1}}"#,
        r#"{"Check":{"Number":1.0}}"#,
        r#"{"Name":["x"]}"#,
        r#"{"Check":{"Interval":[]}}"#,
    ] {
        assert!(from_json_slice::<Outer>(body.as_bytes()).is_err(), "{body}");
    }
}

fn outer() -> impl Strategy<Value = Outer> {
    let inner = || {
        (any::<String>(), any::<i64>(), any::<i64>(), any::<bool>()).prop_map(
            |(service_id, interval, number, flag)| Inner {
                service_id,
                interval: GoDuration(interval),
                number,
                flag,
            },
        )
    };
    (
        any::<String>(),
        prop::collection::vec(any::<String>(), 0..3),
        prop::collection::btree_map(any::<String>(), any::<String>(), 0..3),
        any::<u16>(),
        any::<i32>(),
        prop::option::of(inner()),
        prop::collection::vec(inner(), 0..3),
        any::<Option<bool>>(),
    )
        .prop_map(
            |(name, tags, meta, port, ratio, check, checks, h2ping)| Outer {
                name,
                tags,
                meta,
                port,
                ratio: f64::from(ratio) / 8.0,
                check,
                checks,
                config: BTreeMap::new(),
                h2ping,
            },
        )
}

/// Bytes that come close to JSON.
fn near_json() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "\\",
            "\\u",
            "d800",
            "null",
            "true",
            "fals",
            "-",
            "0",
            "1.5",
            "e",
            " ",
            "\n",
            "\"Name\":",
            "\"Check\":",
            "\"a\"",
            "1e999",
            "99999999999999999999",
        ])
        .prop_map(|piece: &str| piece.as_bytes().to_vec()),
        any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn agrees_with_serde_json_on_canonical_input(outer in outer()) {
        let bytes = serde_json::to_vec(&outer).unwrap();
        prop_assert_eq!(&from_json_slice::<Outer>(&bytes).unwrap(), &outer);
        prop_assert_eq!(&serde_json::from_slice::<Outer>(&bytes).unwrap(), &outer);
        prop_assert_eq!(&weak(serde_json::to_value(&outer).unwrap()).unwrap(), &outer);
    }

    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>(), near in near_json()) {
        for bytes in [bytes, near] {
            let _ = from_json_slice::<Outer>(&bytes);
            let _ = from_json_slice::<RegisterRequest>(&bytes);
            if let Ok(value) = json_document(&bytes) {
                let _ = from_value::<Outer>(value.clone(), Options::CONFIG);
                let _ = from_value::<ServiceDefinition>(value, Options::CONFIG);
            }
        }
    }

    #[test]
    fn the_scanner_accepts_what_the_parser_accepts(near in near_json()) {
        let parsed = serde_json::from_slice::<Value>(&near);
        let scanned = super::syntax::check(&near, super::syntax::Ending::Whole);
        if parsed.is_ok() {
            prop_assert_eq!(scanned, Ok(()));
        } else if scanned.is_ok() {
            // What the crate refuses and Go reads; numbers too large for a float aside.
            let repaired = super::syntax::repair(&near);
            let again = serde_json::from_str::<Value>(&repaired);
            let out_of_range = again.as_ref().is_err_and(|e| e.to_string().contains("out of range"));
            prop_assert!(again.is_ok() || out_of_range, "{:?}", repaired);
        }
    }

    #[test]
    fn any_value_decodes_or_fails_with_a_path(key in "[A-Za-z_]{1,8}", text in any::<String>(), number in any::<f64>()) {
        for value in [json!({&key: &text}), json!({&key: number}), json!({&key: [{&key: &text}]})] {
            for options in [Options::HTTP, Options::HTTP_LENIENT, Options::CONFIG] {
                let _ = from_value::<Outer>(value.clone(), options);
            }
        }
    }
}
