use serde_json::json;

use super::*;

fn parse(value: Value) -> Result<WatchDefinition, String> {
    WatchDefinition::parse_at(0, value)
}

#[test]
fn every_handler_is_taken() {
    let found = parse(json!({
        "type": "key", "key": "a", "datacenter": "dc2", "token": "secret", "stale": true,
        "args": ["sh", "-c", "true"],
    }))
    .unwrap();
    assert_eq!(found.plan, Plan::Key("a".into()));
    assert_eq!(found.handler.to_string(), "[sh, -c, true]");
    assert_eq!((found.datacenter.as_str(), found.stale), ("dc2", true));
    assert!(!format!("{found:?}").contains("secret"));
    let one = parse(json!({"type": "nodes", "args": "true"})).unwrap();
    assert_eq!(one.handler, Handler::Program(vec!["true".into()]));
    let line = parse(json!({"type": "nodes", "handler": "a b"})).unwrap();
    assert_eq!(line.handler, Handler::Shell("a b".into()));
    let http = json!({"path": "http://x", "header": {"a": ["b"]}});
    let http = json!({"type": "event", "handler_type": "http", "http_handler_config": [http]});
    assert!(matches!(parse(http).unwrap().handler, Handler::Http(_)));
}

#[test]
fn refusals_have_consuls_texts() {
    const WATCH: &str = "Failed to parse watch (map[string]interface {}";
    let parameters = |left: &str, text: &str| format!("{WATCH}{left}): {text}");
    for (value, text) in [
        (
            json!({"type": "nope", "args": ["true"]}),
            parameters(r#"{"args":"true"}"#, "Unsupported watch type: nope"),
        ),
        (
            json!({"type": "nope", "args": ["sh", "-c"]}),
            parameters(
                r#"{"args":[]interface {}{"sh", "-c"}}"#,
                "Unsupported watch type: nope",
            ),
        ),
        (
            json!({"type": "key", "args": ["true"]}),
            parameters(r#"{"args":"true"}"#, "Must specify a single key to watch"),
        ),
        (
            json!({"type": "key", "key": 3, "args": ["a"]}),
            parameters(r#"{"args":"a", "key":3}"#, "Expecting key to be a string"),
        ),
        (
            json!({"key": "a", "args": ["true"]}),
            parameters(
                r#"{"args":"true", "handler_type":"script", "key":"a"}"#,
                "Watch type must be specified",
            ),
        ),
        (
            json!({"type": "key", "key": "a", "stale": "x", "args": ["a"]}),
            parameters(
                r#"{"args":"a", "key":"a", "stale":"x"}"#,
                "Expecting stale to be a boolean",
            ),
        ),
        (
            json!({"type": "service", "tag": ["x", "y"], "args": ["a"]}),
            parameters(
                r#"{"args":"a", "tag":[]interface {}{"x", "y"}}"#,
                "Must specify a single service to watch",
            ),
        ),
        (
            json!({"type": "key", "key": "a", "handler_type": "http"}),
            parameters(
                r#"{"key":"a"}"#,
                "Handler type 'http' requires 'http_handler_config' to be set",
            ),
        ),
        (
            json!({"type": "key", "key": "a", "handler_type": "http", "http_handler_config": {}}),
            parameters(
                r#"{"http_handler_config":map[string]interface {}{}, "key":"a"}"#,
                "Failed to parse 'http_handler_config': Requires 'path' to be set",
            ),
        ),
        (
            json!({"type": "key", "key": "a", "bogus": 1, "args": ["a"]}),
            parameters(r#"{"bogus":1}"#, "Invalid parameters: [bogus]"),
        ),
        (
            json!({"type": "event", "name": "a", "stale": true, "args": ["a"]}),
            parameters(r#"{"stale":true}"#, "Invalid parameters: [stale]"),
        ),
    ] {
        assert_eq!(parse(value.clone()), Err(text), "{value}");
    }
}

#[test]
fn refusals_tell_no_secrets() {
    let http = json!({"path": "x", "timeout": "zz", "header": {"Authorization": ["secret"]}});
    for value in [
        json!({"type": "key", "datacenter": 3, "token": "secret", "args": ["a"]}),
        json!({"type": "key", "token": ["secret", "secret"], "args": ["a"]}),
        json!({"type": "key", "handler_type": "http", "http_handler_config": http}),
    ] {
        let refusal = parse(value).unwrap_err();
        assert!(refusal.contains("hidden"), "{refusal}");
        assert!(!refusal.contains("secret"), "{refusal}");
    }
}

#[test]
fn there_is_one_handler() {
    let key = |more: Value| {
        let mut watch = json!({"type": "key", "key": "a"});
        let more = more.as_object().unwrap().clone();
        watch.as_object_mut().unwrap().extend(more);
        parse(watch).unwrap_err()
    };
    assert_eq!(key(json!({})), "Must define a watch handler");
    let two = json!({"handler": "a", "args": ["b"]});
    assert_eq!(key(two), "Only one watch handler allowed");
    let config = json!({"path": "x"});
    let two = json!({"handler_type": "http", "http_handler_config": config, "args": ["b"]});
    assert_eq!(key(two), "Only one watch handler allowed");
    let number = json!({"args": [1, 2]});
    assert_eq!(key(number), "Watch args must be a list of strings");
    let list = json!({"handler": ["a", "b"]});
    assert_eq!(key(list), "Watch handler must be a string");
    let zzz = json!({"handler_type": "zzz", "args": ["a"]});
    assert_eq!(key(zzz), "Handler type 'zzz' not recognized");
    let roots = parse(json!({"type": "connect_roots", "args": ["a"]}));
    let text = "Watch type connect_roots is not allowed in agent config";
    assert_eq!(roots.unwrap_err(), text);
    let number = parse(json!(3)).unwrap_err();
    assert_eq!(number, "'watches[0]' expected a map, got 'float64'");
}
