//! Conversions between types for configuration files, as mapstructure's `WeaklyTypedInput` has them.

use serde_json::{Map, Number, Value};

/// What can be made of a value where a text is wanted.
pub(super) fn to_text(value: &Value) -> Option<String> {
    match value {
        Value::Bool(flag) => Some(if *flag { "1" } else { "0" }.to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What can be made of a value where a boolean is wanted.
pub(super) fn to_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        Value::String(text) => match text.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
            "" | "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// What can be made of a value where a number is wanted; `integer` cuts fractions off.
pub(super) fn to_number(value: &Value, integer: bool) -> Option<Number> {
    match value {
        Value::Bool(flag) => Some(Number::from(u8::from(*flag))),
        Value::Number(number) if integer => number.as_f64().map(whole),
        Value::Number(number) => Some(number.clone()),
        Value::String(text) if text.is_empty() => Some(Number::from(0)),
        Value::String(text) => parse_number(text, integer),
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "saturating is what a fraction too large for an integer deserves"
)]
fn whole(number: f64) -> Number {
    Number::from(number as i64)
}

fn parse_number(text: &str, integer: bool) -> Option<Number> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let lower = digits.to_ascii_lowercase();
    let prefixed = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| {
            lower
                .strip_prefix(prefix)
                .map(|digits| i64::from_str_radix(digits, radix).ok())
        });
    match prefixed {
        Some(magnitude) => magnitude?.checked_mul(sign).map(Number::from),
        None if integer => {
            let unsigned = text.parse::<u64>().ok().map(Number::from);
            unsigned.or_else(|| text.parse::<i64>().ok().map(Number::from))
        }
        None => text.parse::<f64>().ok().and_then(Number::from_f64),
    }
}

/// What a list is where one value is wanted: its only element.
pub(super) fn to_single(value: Value) -> Result<Value, Value> {
    match value {
        Value::Array(mut list) if list.len() == 1 => {
            list.pop().ok_or_else(|| Value::Array(Vec::new()))
        }
        other => Err(other),
    }
}

/// What one value is where a list is wanted: a list of it; an empty object is an empty list.
pub(super) fn to_list(value: Value) -> Vec<Value> {
    match value {
        Value::Object(map) if map.is_empty() => Vec::new(),
        other => vec![other],
    }
}

/// What a list of objects is where a map is wanted: all of them in one, later ones winning.
pub(super) fn to_map(value: Value) -> Result<Map<String, Value>, Value> {
    match value {
        Value::Array(list) if list.iter().all(Value::is_object) => {
            let objects = list.into_iter().filter_map(|item| match item {
                Value::Object(map) => Some(map),
                _ => None,
            });
            Ok(objects.flatten().collect())
        }
        other => Err(other),
    }
}
