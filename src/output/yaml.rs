//! YAML from JSON values: blocks, and text in quotes wherever YAML could read it as something else.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

/// Words that YAML readers of one version or another take for something else than text.
const RESERVED: [&str; 11] = [
    "null", "true", "false", "yes", "no", "on", "off", "y", "n", "~", "",
];

/// One YAML document with a newline at the end.
///
/// # Errors
///
/// A value that is not JSON (a map whose keys are not text).
pub fn to_yaml<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    let value = serde_json::to_value(value)?;
    let mut text = String::new();
    match scalar(&value) {
        Some(scalar) => {
            let _ = writeln!(text, "{scalar}");
        }
        None => block(&mut text, &value, 0, false),
    }
    Ok(text)
}

/// A value that stands on one line.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(word(text)),
        Value::Array(items) if items.is_empty() => Some("[]".to_owned()),
        Value::Object(fields) if fields.is_empty() => Some("{}".to_owned()),
        Value::Array(_) | Value::Object(_) => None,
        other => Some(other.to_string()),
    }
}

/// The lines of a list or a map. `inline`: the first line stands behind a dash already.
fn block(text: &mut String, value: &Value, depth: usize, mut inline: bool) {
    let mut margin = |text: &mut String| {
        if !std::mem::take(&mut inline) {
            text.extend(std::iter::repeat_n("  ", depth));
        }
    };
    match value {
        Value::Array(items) => {
            for item in items {
                margin(text);
                text.push_str("- ");
                match scalar(item) {
                    Some(scalar) => {
                        let _ = writeln!(text, "{scalar}");
                    }
                    None => block(text, item, depth + 1, true),
                }
            }
        }
        Value::Object(fields) => {
            for (name, item) in fields {
                margin(text);
                let _ = write!(text, "{}:", word(name));
                if let Some(scalar) = scalar(item) {
                    let _ = writeln!(text, " {scalar}");
                } else {
                    text.push('\n');
                    block(text, item, depth + 1, false);
                }
            }
        }
        _ => {}
    }
}

/// Text, in JSON's quotes (which are YAML's too) unless it is plain beyond doubt.
fn word(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    let is_word = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(plain)
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str());
    if is_word {
        text.to_owned()
    } else {
        // DEL and the controls behind it are text to JSON and not to YAML.
        let quoted = Value::from(text).to_string();
        quoted
            .chars()
            .map(|letter| match letter {
                '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                    format!("\\u{:04x}", u32::from(letter))
                }
                letter => letter.to_string(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_blocks_and_doubtful_text_is_quoted() {
        let value = serde_json::json!([
            {"Node": "web-7", "ID": "1e10", "Tags": {"a b": "no", "c": []}, "Port": 8301},
            [1, "2026-01-01", null, "x: y", "line\nbreak\u{7f}"],
            {},
        ]);
        let expected = r#"- Node: web-7
  ID: "1e10"
  Tags:
    "a b": "no"
    c: []
  Port: 8301
- - 1
  - "2026-01-01"
  - null
  - "x: y"
  - "line\nbreak\u007f"
- {}
"#;
        assert_eq!(to_yaml(&value).unwrap(), expected);
        assert_eq!(to_yaml("on").unwrap(), "\"on\"\n");
        assert_eq!(to_yaml(&Vec::<u8>::new()).unwrap(), "[]\n");
    }
}
