//! What handlers are told: the API's answers in the form of Consul's API client, whose fields stand in
//! another order and are all there.

use serde_json::{Map, Value, json};

use super::plan::Plan;
use crate::model::event::index_of_id;

/// The client's fields of a pair.
const PAIR: &[&str] = &[
    "Key",
    "CreateIndex",
    "ModifyIndex",
    "LockIndex",
    "Flags",
    "Value",
    "Session",
];
/// The client's fields of an instance.
const SERVICE: &[&str] = &[
    "Kind",
    "ID",
    "Service",
    "Tags",
    "Meta",
    "Port",
    "Address",
    "TaggedAddresses",
    "Weights",
    "EnableTagOverride",
    "CreateIndex",
    "ModifyIndex",
    "Proxy",
    "Connect",
];

impl Plan {
    /// What a handler is told of an answer; of events only those after the one of the index seen last.
    pub fn told(&self, answer: Value, seen: u64) -> Value {
        match self {
            Self::Key(_) => match answer {
                Value::Array(pairs) => pairs.into_iter().next().map_or(Value::Null, pair),
                _ => Value::Null,
            },
            Self::KeyPrefix(_) => match answer {
                Value::Array(pairs) if !pairs.is_empty() => pairs.into_iter().map(pair).collect(),
                _ => Value::Null,
            },
            Self::Services | Self::Nodes => answer,
            Self::Service { .. } => each(answer, entry),
            Self::Checks { .. } => each(answer, check),
            Self::Event(_) => since(answer, seen),
        }
    }
}

/// What is told as a handler gets it: JSON as Go writes it, with a line break at its end.
pub fn body(told: &Value) -> Vec<u8> {
    let mut text = String::new();
    // Outside of texts JSON has none of these characters.
    for char in told.to_string().chars() {
        match char {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
    text.push('\n');
    text.into_bytes()
}

fn each(answer: Value, form: impl Fn(Value) -> Value) -> Value {
    match answer {
        Value::Array(items) => items.into_iter().map(form).collect(),
        other => other,
    }
}

/// The fields in an order; those that are not in it follow.
fn ordered(mut fields: Map<String, Value>, order: &[&str]) -> Map<String, Value> {
    let mut found = Map::new();
    for name in order {
        if let Some((name, value)) = fields.shift_remove_entry(*name) {
            found.insert(name, value);
        }
    }
    found.extend(fields);
    found
}

fn pair(pair: Value) -> Value {
    let Value::Object(mut fields) = pair else {
        return pair;
    };
    fields.entry("Session").or_insert_with(|| "".into());
    ordered(fields, PAIR).into()
}

fn entry(entry: Value) -> Value {
    let Value::Object(mut fields) = entry else {
        return entry;
    };
    if let Some(service) = fields.get_mut("Service").and_then(Value::as_object_mut) {
        *service = ordered(std::mem::take(service), SERVICE);
    }
    if let Some(checks) = fields.get_mut("Checks") {
        *checks = each(checks.take(), check);
    }
    fields.into()
}

fn check(check: Value) -> Value {
    let Value::Object(mut fields) = check else {
        return check;
    };
    fields.shift_remove("ExposedPort");
    if let Some(definition) = fields.get_mut("Definition") {
        let mut all = json!({
            "Interval": "0s",
            "Timeout": "0s",
            "DeregisterCriticalServiceAfter": "0s",
            "HTTP": "",
            "Header": null,
            "Method": "",
            "Body": "",
            "TLSSkipVerify": false,
            "TCP": "",
        });
        if let (Value::Object(all), Value::Object(given)) = (&mut all, definition.take()) {
            all.extend(given);
        }
        *definition = all;
    }
    fields.into()
}

/// The events after the one that was the last when this index was seen; all when it is not there.
fn since(events: Value, seen: u64) -> Value {
    let Value::Array(mut events) = events else {
        return json!([]);
    };
    let is_seen = |event: &Value| {
        let id = event["ID"].as_str().unwrap_or_default();
        seen != 0 && index_of_id(id) == Some(seen)
    };
    if let Some(at) = events.iter().position(is_seen) {
        events.drain(..=at);
    }
    events.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_new_events_are_told() {
        let ids = [
            "6c032205-8803-4144-f99b-73d2e65c660a",
            "d8ee5f74-ef39-4c9b-7c00-ee0dbe1d276e",
            "264c163e-2dd0-b3cc-9ca3-3d94ebeca3b2",
        ];
        let events: Value = ids.iter().map(|id| json!({"ID": id})).collect();
        let index = |at: usize| index_of_id(ids[at]).unwrap();
        let plan = Plan::Event(String::new());
        let count = |seen| plan.told(events.clone(), seen).as_array().unwrap().len();
        assert_eq!(count(0), 3);
        assert_eq!(count(1), 3);
        assert_eq!(count(index(0)), 2);
        assert_eq!(count(index(2)), 0);
        assert_eq!(plan.told(Value::Null, 0), json!([]));
    }

    #[test]
    fn keys_have_the_clients_form() {
        let pair = json!({
            "LockIndex": 0, "Key": "a", "Flags": 0, "Value": "PHY+",
            "CreateIndex": 17, "ModifyIndex": 18,
        });
        let told = Plan::Key("a".into()).told(json!([pair]), 0);
        let expected = concat!(
            r#"{"Key":"a","CreateIndex":17,"ModifyIndex":18,"LockIndex":0,"Flags":0,"#,
            r#""Value":"PHY+","Session":""}"#
        );
        assert_eq!(told.to_string(), expected);
        assert_eq!(Plan::Key("a".into()).told(Value::Null, 0), Value::Null);
        let prefix = Plan::KeyPrefix("a".into());
        assert_eq!(prefix.told(json!([]), 0), Value::Null);
        assert_eq!(
            prefix.told(json!([pair]), 0).to_string(),
            format!("[{expected}]")
        );
    }

    #[test]
    fn instances_and_checks_have_the_clients_form() {
        let check = json!({
            "CheckID": "c", "Type": "http", "ExposedPort": 0,
            "Definition": {"HTTP": "http://x", "Interval": "5s", "Header": {"A": ["b"]}},
            "CreateIndex": 1,
        });
        let shown = concat!(
            r#"{"CheckID":"c","Type":"http","Definition":{"Interval":"5s","Timeout":"0s","#,
            r#""DeregisterCriticalServiceAfter":"0s","HTTP":"http://x","Header":{"A":["b"]},"#,
            r#""Method":"","Body":"","TLSSkipVerify":false,"TCP":""},"CreateIndex":1}"#
        );
        let checks = Plan::Checks {
            service: String::new(),
            state: String::new(),
        };
        assert_eq!(
            checks.told(json!([check]), 0).to_string(),
            format!("[{shown}]")
        );
        let service = json!({
            "ID": "web", "Address": "", "Port": 80, "Proxy": {}, "Connect": {},
            "CreateIndex": 3, "ModifyIndex": 4, "SocketPath": "s",
        });
        let entry = json!([{"Node": {"Node": "n"}, "Service": service, "Checks": [check]}]);
        let plan = Plan::Service {
            service: "web".into(),
            tags: Vec::new(),
            passing: false,
        };
        let expected = format!(
            "[{{\"Node\":{{\"Node\":\"n\"}},\"Service\":{},\"Checks\":[{shown}]}}]",
            concat!(
                r#"{"ID":"web","Port":80,"Address":"","CreateIndex":3,"ModifyIndex":4,"#,
                r#""Proxy":{},"Connect":{},"SocketPath":"s"}"#
            )
        );
        assert_eq!(plan.told(entry, 0).to_string(), expected);
    }

    #[test]
    fn bodies_are_gos_json() {
        assert_eq!(body(&Value::Null), b"null\n");
        let told = json!({"a": "<&>\u{2028}"});
        assert_eq!(body(&told), b"{\"a\":\"\\u003c\\u0026\\u003e\\u2028\"}\n");
    }
}
