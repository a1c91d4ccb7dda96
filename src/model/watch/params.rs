//! The parameters of a watch, taken one by one; what is left over is a mistake.

use serde_json::{Map, Value};

/// A parameter that cannot be used. The texts are Consul's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParamError(pub(super) String);

impl ParamError {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// The parameters that nobody has taken yet, by their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params(pub(super) Map<String, Value>);

impl Params {
    /// Parameters as they were given. A list of one stands for its only item, as in Consul's
    /// configuration: HCL has no other way to write a block.
    pub fn new(given: Map<String, Value>) -> Self {
        Self(
            given
                .into_iter()
                .map(|(name, value)| (name, single(value)))
                .collect(),
        )
    }

    /// Takes a text, empty when it is not given.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn text(&mut self, name: &str) -> Result<String, ParamError> {
        match self.0.get(name) {
            None => Ok(String::new()),
            Some(Value::String(text)) => {
                let text = text.clone();
                self.take(name);
                Ok(text)
            }
            Some(_) => Err(ParamError(format!("Expecting {name} to be a string"))),
        }
    }

    /// Takes a yes or no, no when it is not given.
    ///
    /// # Errors
    /// When it is neither.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, ParamError> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => {
                let flag = *flag;
                self.take(name);
                Ok(flag)
            }
            Some(_) => Err(ParamError(format!("Expecting {name} to be a boolean"))),
        }
    }

    /// Takes a text or a list of texts.
    ///
    /// # Errors
    /// When it is neither.
    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, ParamError> {
        let texts = match self.0.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(at, item)| match item {
                    Value::String(text) => Ok(text.clone()),
                    _ => Err(ParamError(format!(
                        "Index {at} of {name} expected to be string"
                    ))),
                })
                .collect::<Result<_, _>>()?,
            Some(_) => {
                let text = format!("Expecting {name} to be a string or []string");
                return Err(ParamError(text));
            }
        };
        self.take(name);
        Ok(texts)
    }

    /// Takes whatever is there.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.shift_remove(name)
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// With the names of what is.
    pub fn none_left(&self) -> Result<(), ParamError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        names.sort_unstable();
        Err(ParamError(format!(
            "Invalid parameters: [{}]",
            names.join(" ")
        )))
    }
}

/// The only item of a list of one.
fn single(value: Value) -> Value {
    match value {
        Value::Array(mut items) if items.len() == 1 => unwrapped(items.remove(0)),
        other => unwrapped(other),
    }
}

/// An object whose blocks are objects and not lists of one; other lists stay as they are.
fn unwrapped(value: Value) -> Value {
    let Value::Object(entries) = value else {
        return value;
    };
    let entries = entries.into_iter().map(|(name, value)| {
        let is_block = value
            .as_array()
            .is_some_and(|items| items.len() == 1 && items[0].is_object());
        let value = if is_block {
            single(value)
        } else {
            unwrapped(value)
        };
        (name, value)
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn params(value: Value) -> Params {
        let Value::Object(map) = value else {
            panic!("an object")
        };
        Params::new(map)
    }

    #[test]
    fn lists_of_one_are_their_item() {
        let found = params(json!({
            "a": ["x"], "b": [{"c": ["y"], "f": [{"g": ["z"]}]}], "d": [1, 2], "e": [],
        }));
        let expected = json!({
            "a": "x", "b": {"c": ["y"], "f": {"g": ["z"]}}, "d": [1, 2], "e": [],
        });
        assert_eq!(Value::Object(found.0), expected);
    }

    #[test]
    fn what_is_taken_is_gone_and_what_is_wrong_stays() {
        let mut found = params(json!({"a": "x", "b": 1, "c": true, "d": ["p", 1]}));
        assert_eq!(found.text("a").unwrap(), "x");
        assert_eq!(found.text("a").unwrap(), "");
        assert!(found.flag("c").unwrap());
        let text = |error: ParamError| error.to_string();
        assert_eq!(
            text(found.text("b").unwrap_err()),
            "Expecting b to be a string"
        );
        assert_eq!(
            text(found.flag("b").unwrap_err()),
            "Expecting b to be a boolean"
        );
        assert_eq!(
            text(found.texts("b").unwrap_err()),
            "Expecting b to be a string or []string"
        );
        assert_eq!(
            text(found.texts("d").unwrap_err()),
            "Index 1 of d expected to be string"
        );
        assert_eq!(
            text(found.none_left().unwrap_err()),
            "Invalid parameters: [b d]"
        );
    }
}
