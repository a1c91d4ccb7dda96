//! JSON as Go prints it with `%#v`, which Consul's errors about watches show.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// What stands for a value that nobody else may read.
const HIDDEN: &str = "<hidden>";

/// Parameters whose values are secret, wherever they stand: the token to ask with, and the headers
/// of a handler's requests, which authorize them.
const SECRETS: [&str; 2] = ["token", "header"];

/// A map of JSON values; Go sorts the keys. Secret values are hidden, other than in Consul: errors
/// are logged.
pub(super) fn map(entries: &Map<String, Value>) -> String {
    let mut text = String::new();
    write_map(&mut text, entries);
    text
}

fn write_map(text: &mut String, entries: &Map<String, Value>) {
    let mut names: Vec<&String> = entries.keys().collect();
    names.sort_unstable();
    text.push_str("map[string]interface {}{");
    for (at, name) in names.into_iter().enumerate() {
        let separator = if at > 0 { ", " } else { "" };
        // Writing to a text cannot fail.
        let _ = write!(text, "{separator}{name:?}:");
        if SECRETS
            .iter()
            .any(|secret| name.eq_ignore_ascii_case(secret))
        {
            let _ = write!(text, "{HIDDEN:?}");
        } else {
            write_value(text, &entries[name]);
        }
    }
    text.push('}');
}

fn write_value(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("interface {}(nil)"),
        Value::Array(items) => {
            text.push_str("[]interface {}{");
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push_str(", ");
                }
                write_value(text, item);
            }
            text.push('}');
        }
        Value::Object(entries) => write_map(text, entries),
        Value::String(string) => {
            let _ = write!(text, "{string:?}");
        }
        other => {
            let _ = write!(text, "{other}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_hidden() {
        let value = json!({"b": [{"Header": {"Authorization": ["s"]}}], "token": "s", "tokens": 1});
        let expected = concat!(
            r#"map[string]interface {}{"b":[]interface {}{map[string]interface {}"#,
            r#"{"Header":"<hidden>"}}, "token":"<hidden>", "tokens":1}"#
        );
        assert_eq!(map(value.as_object().unwrap()), expected);
    }

    #[test]
    fn every_kind_of_value() {
        let value = json!({
            "z": "q\"x\n", "y": [],
            "args": [1, 2.5, true, null, {"a": ["b", "c"]}],
        });
        let expected = concat!(
            r#"map[string]interface {}{"args":[]interface {}{1, 2.5, true, interface {}(nil), "#,
            r#"map[string]interface {}{"a":[]interface {}{"b", "c"}}}, "#,
            r#""y":[]interface {}{}, "z":"q\"x\n"}"#
        );
        assert_eq!(map(value.as_object().unwrap()), expected);
    }
}
