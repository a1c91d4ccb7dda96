//! What is run when the data of a watch changes.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::params::ParamError;
use crate::model::duration::parse_go_duration;

/// How long an HTTP handler may take unless configured otherwise.
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);

/// What is run when the data changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handler {
    /// A program and its arguments.
    Program(Vec<String>),
    /// A line for a shell.
    Shell(String),
    /// A request.
    Http(HttpHandler),
}

/// As logs show it.
impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(args) => {
                f.write_str("[")?;
                for (at, arg) in args.iter().enumerate() {
                    let separator = if at > 0 { ", " } else { "" };
                    if arg.contains([' ', '\t', '\n', '"']) {
                        write!(f, "{separator}{arg:?}")?;
                    } else {
                        write!(f, "{separator}{arg}")?;
                    }
                }
                f.write_str("]")
            }
            Self::Shell(line) => f.write_str(line),
            Self::Http(handler) => f.write_str(&handler.path),
        }
    }
}

/// A request with the data as its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpHandler {
    /// Where to.
    pub path: String,
    /// The method.
    pub method: String,
    /// How long it may take in all.
    pub timeout: Duration,
    /// Further headers.
    pub header: BTreeMap<String, Vec<String>>,
    /// Whether the certificate is not verified.
    pub tls_skip_verify: bool,
}

impl HttpHandler {
    /// Reads `http_handler_config`. Keys that it does not have are of no effect, as in Consul.
    pub(super) fn parse(config: &Value) -> Result<Self, ParamError> {
        let Value::Object(config) = config else {
            let got = go_type(config);
            return Err(ParamError(format!("'' expected a map, got '{got}'")));
        };
        let path = text(config, "path")?;
        if path.is_empty() {
            return Err(ParamError::new("Requires 'path' to be set"));
        }
        let method = text(config, "method")?;
        let timeout = text(config, "timeout")?;
        let tls_skip_verify = match config.get("tls_skip_verify") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => return Err(unconvertible("tls_skip_verify", "bool", other)),
        };
        Ok(Self {
            path,
            method: if method.is_empty() {
                "POST".to_owned()
            } else {
                method
            },
            timeout: if timeout.is_empty() {
                HTTP_TIMEOUT
            } else {
                duration(&timeout)?
            },
            header: header(config)?,
            tls_skip_verify,
        })
    }
}

fn text(config: &Map<String, Value>, name: &str) -> Result<String, ParamError> {
    match config.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(unconvertible(name, "string", other)),
    }
}

fn duration(text: &str) -> Result<Duration, ParamError> {
    let nanos = parse_go_duration(text)
        .map_err(|error| ParamError(format!("Failed to parse timeout: {error}")))?;
    let nanos = u64::try_from(nanos).map_err(|_| {
        ParamError(format!(
            "Failed to parse timeout: {text} is less than nothing"
        ))
    })?;
    Ok(Duration::from_nanos(nanos))
}

fn header(config: &Map<String, Value>) -> Result<BTreeMap<String, Vec<String>>, ParamError> {
    let entries = match config.get("header") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(entries)) => entries,
        Some(other) => {
            let got = go_type(other);
            return Err(undecodable(&format!(
                "'header' expected a map, got '{got}'"
            )));
        }
    };
    let mut header = BTreeMap::new();
    for (name, value) in entries {
        let items = match value {
            Value::Null => &[],
            Value::Array(items) => items.as_slice(),
            other => {
                let got = go_type(other);
                let reason = "source data must be an array or slice";
                return Err(undecodable(&format!(
                    "'header[{name}]': {reason}, got {got}"
                )));
            }
        };
        let texts = items.iter().enumerate().map(|(at, item)| match item {
            Value::String(text) => Ok(text.clone()),
            other => Err(unconvertible(
                &format!("header[{name}][{at}]"),
                "string",
                other,
            )),
        });
        header.insert(name.clone(), texts.collect::<Result<_, _>>()?);
    }
    Ok(header)
}

fn undecodable(reason: &str) -> ParamError {
    ParamError(format!("1 error(s) decoding:\n\n* {reason}"))
}

fn unconvertible(name: &str, expected: &str, got: &Value) -> ParamError {
    let got = match got {
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
        other => go_type(other),
    };
    undecodable(&format!(
        "'{name}' expected type '{expected}', got unconvertible type '{got}'"
    ))
}

/// Go's name for the type of a JSON value.
pub(super) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn defaults_are_consuls() {
        let found = HttpHandler::parse(&json!({"path": "http://x"})).unwrap();
        assert_eq!(
            (found.method.as_str(), found.timeout),
            ("POST", HTTP_TIMEOUT)
        );
        let given = json!({
            "path": "p", "method": "PUT", "timeout": "2s", "tls_skip_verify": true,
            "header": {"a": ["x"], "b": ["y", "z"], "c": null},
        });
        let found = HttpHandler::parse(&given).unwrap();
        assert_eq!(found.timeout, Duration::from_secs(2));
        assert_eq!(found.header["a"], ["x"]);
        assert_eq!(found.header["b"], ["y", "z"]);
        assert!(found.tls_skip_verify);
    }

    #[test]
    fn refusals_have_consuls_texts() {
        let text = |value| HttpHandler::parse(&value).unwrap_err().to_string();
        assert_eq!(text(json!("x")), "'' expected a map, got 'string'");
        assert_eq!(text(json!({})), "Requires 'path' to be set");
        assert_eq!(
            text(json!({"path": 3})),
            "1 error(s) decoding:\n\n* 'path' expected type 'string', got unconvertible type 'float64'"
        );
        assert_eq!(
            text(json!({"path": "x", "timeout": "zz"})),
            "Failed to parse timeout: time: invalid duration \"zz\""
        );
        assert_eq!(
            text(json!({"path": "x", "header": "y"})),
            "1 error(s) decoding:\n\n* 'header' expected a map, got 'string'"
        );
        assert_eq!(
            text(json!({"path": "x", "tls_skip_verify": "y"})),
            "1 error(s) decoding:\n\n* 'tls_skip_verify' expected type 'bool', got unconvertible type 'string'"
        );
        assert!(
            text(json!({"path": "x", "timeout": "-1s"})).starts_with("Failed to parse timeout")
        );
        assert_eq!(
            text(json!({"path": "x", "header": {"a": "b"}})),
            "1 error(s) decoding:\n\n* 'header[a]': source data must be an array or slice, got string"
        );
        assert_eq!(
            text(json!({"path": "x", "header": {"a": ["b", 2]}})),
            "1 error(s) decoding:\n\n* 'header[a][1]' expected type 'string', got unconvertible type 'float64'"
        );
        assert!(text(json!({"path": ["x"]})).ends_with("'[]interface {}'"));
    }

    #[test]
    fn logs_show_arguments_apart() {
        let args = ["sh", "-c", "exit 4"].map(str::to_owned).to_vec();
        assert_eq!(Handler::Program(args).to_string(), "[sh, -c, \"exit 4\"]");
        assert_eq!(Handler::Shell("a b".into()).to_string(), "a b");
    }
}
