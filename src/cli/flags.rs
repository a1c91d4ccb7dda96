//! Flags that many commands share.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, ValueEnum};

use super::error::Error;
use crate::api::{Overrides, QueryOptions};
use crate::model::duration::{GoDuration, parse_go_duration};
use crate::output::{SHAPES, Shape};

/// How to reach the agent.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "HTTP API Options")]
pub(crate) struct HttpFlags {
    /// Agent to ask: HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///PATH. Default
    /// http://127.0.0.1:8500, or the variable CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means https.
    #[arg(long, value_name = "address")]
    http_addr: Option<String>,
    /// ACL token to send; it can also be set as CONSUL_HTTP_TOKEN. Without one, the agent uses its
    /// own default token.
    #[arg(long, value_name = "value")]
    token: Option<String>,
    /// File that holds the ACL token; it can also be set as CONSUL_HTTP_TOKEN_FILE. Unlike -token
    /// it does not show in the list of processes.
    #[arg(long, value_name = "value")]
    token_file: Option<PathBuf>,
    /// File of authorities that may have signed the agent's certificate; also CONSUL_CACERT.
    #[arg(long, value_name = "value")]
    ca_file: Option<PathBuf>,
    /// Folder of authorities that may have signed the agent's certificate; also CONSUL_CAPATH.
    #[arg(long, value_name = "value")]
    ca_path: Option<PathBuf>,
    /// Own certificate for an agent that verifies its callers; also CONSUL_CLIENT_CERT.
    #[arg(long, value_name = "value")]
    client_cert: Option<PathBuf>,
    /// Key of the own certificate; also CONSUL_CLIENT_KEY.
    #[arg(long, value_name = "value")]
    client_key: Option<PathBuf>,
    /// Name to expect in the agent's certificate; also CONSUL_TLS_SERVER_NAME.
    #[arg(long, value_name = "value")]
    tls_server_name: Option<String>,
    #[arg(skip)]
    namespace: Option<String>,
}

impl HttpFlags {
    /// The flags as `api` takes them.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            address: self.http_addr.clone(),
            token: self.token.clone(),
            token_file: self.token_file.clone(),
            ca_file: self.ca_file.clone(),
            ca_path: self.ca_path.clone(),
            client_cert: self.client_cert.clone(),
            client_key: self.client_key.clone(),
            tls_server_name: self.tls_server_name.clone(),
            namespace: self.namespace.clone(),
        }
    }

    /// The same flags with a namespace.
    pub(crate) fn with_namespace(&self, flag: &NamespaceFlag) -> Self {
        Self {
            namespace: flag.namespace.clone(),
            ..self.clone()
        }
    }
}

/// Which servers answer.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "HTTP API Options")]
pub(crate) struct ServerFlags {
    /// Datacenter to ask; the agent's own by default.
    #[arg(long, value_name = "value")]
    pub(crate) datacenter: Option<String>,
    /// Let any server answer, not only the leader. Works without a leader; the answer may be old.
    /// Has no effect on writes.
    #[arg(long)]
    pub(crate) stale: bool,
}

impl ServerFlags {
    /// The flags as `api` takes them.
    pub(crate) fn options(&self) -> QueryOptions {
        QueryOptions {
            datacenter: self.datacenter.clone().unwrap_or_default(),
            stale: self.stale,
            ..QueryOptions::default()
        }
    }
}

/// The namespace: sent as it is, and refused by agents that have none.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct NamespaceFlag {
    /// Namespace to ask; Consul Enterprise only. Also CONSUL_NAMESPACE.
    #[arg(long, value_name = "default")]
    pub(crate) namespace: Option<String>,
}

/// What data is printed as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Consul's text, for people.
    #[default]
    #[value(alias = "pretty")]
    Text,
    /// JSON, for programs.
    Json,
}

/// The flag of commands that print data.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct FormatFlag {
    /// What to print: text or json. Also -o.
    #[arg(
        long,
        alias = "o",
        value_name = "text|json",
        default_value = "text",
        hide_default_value = true
    )]
    pub(crate) format: Format,
}

impl FormatFlag {
    /// Whether JSON is wanted.
    pub(crate) fn is_json(self) -> bool {
        self.format == Format::Json
    }
}

/// The flag of commands that print objects which are no table.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct DataFlag {
    /// What to print: text, json or yaml. Also -o.
    #[arg(
        long,
        alias = "o",
        value_name = "text|json|yaml",
        default_value = "text",
        hide_default_value = true
    )]
    pub(crate) format: DataFormat,
}

/// What objects are printed as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataFormat {
    /// Consul's text, for people.
    #[default]
    #[value(alias = "pretty")]
    Text,
    /// JSON, for programs.
    Json,
    /// YAML.
    Yaml,
}

impl DataFlag {
    /// Whether the object itself is wanted, not a text about it.
    pub(crate) fn is_data(self) -> bool {
        self.format != DataFormat::Text
    }

    /// Whether changes are wanted as JSON.
    pub(crate) fn watch_json(self) -> Result<bool, Error> {
        match self.format {
            DataFormat::Yaml => Err(no_lines()),
            format => Ok(format == DataFormat::Json),
        }
    }
}

/// The flags of commands that print a table.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TableFlag {
    /// What to print: text, wide (a table of all columns), json, yaml, csv, name (the first column), or cols=A,B for a table
    /// of those columns. Also -o.
    #[arg(
        long,
        alias = "o",
        value_name = "text|wide|json|yaml|csv|name|cols=A,B",
        default_value = "text",
        hide_default_value = true,
        value_parser = ShapeParser
    )]
    pub(crate) format: Shape,
    /// Leave out the names of the columns.
    #[arg(long)]
    pub(crate) no_headers: bool,
}

impl TableFlag {
    /// Whether the command's own text is wanted, which is Consul's.
    pub(crate) fn is_text(&self) -> bool {
        self.format == Shape::Text
    }

    /// Whether changes are wanted as JSON; of the other shapes `-watch` shows only those that have lines.
    pub(crate) fn watch_json(&self) -> Result<bool, Error> {
        match self.format {
            Shape::Json => Ok(true),
            Shape::Yaml | Shape::Csv => Err(no_lines()),
            _ => Ok(false),
        }
    }
}

/// The error for a shape that `-watch` cannot show.
pub(crate) fn no_lines() -> Error {
    Error::message("-watch prints text or JSON: give -format=json, or leave -format out")
}

/// Reads the name of a shape, and knows the names for the prompt.
#[derive(Clone)]
struct ShapeParser;

impl TypedValueParser for ShapeParser {
    type Value = Shape;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Shape, clap::Error> {
        if let Some(shape) = value.to_str().and_then(Shape::parse) {
            return Ok(shape);
        }
        let mut error = clap::Error::new(ErrorKind::InvalidValue).with_cmd(command);
        let arg = arg.map(ToString::to_string).unwrap_or_default();
        let value = value.to_string_lossy().into_owned();
        error.insert(ContextKind::InvalidArg, ContextValue::String(arg));
        error.insert(ContextKind::InvalidValue, ContextValue::String(value));
        let names = SHAPES.map(str::to_owned).to_vec();
        error.insert(ContextKind::ValidValue, ContextValue::Strings(names));
        Err(error)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = SHAPES.iter().filter(|name| !name.contains('='));
        Some(Box::new(names.map(PossibleValue::new)))
    }
}

/// A `key=value` pair; the error is Consul's.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(format!("Missing \"=\" value in argument: {text}")),
    }
}

/// A number as Go's `strconv.ParseUint` reads it with base 0: decimal, `0x`, `0o`, `0b`, a leading
/// zero for octal, underscores between digits.
pub(crate) fn go_uint(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0o") => (&lower[2..], 8),
        Some("0b") => (&lower[2..], 2),
        _ if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        _ => (lower.as_str(), 10),
    };
    let digits = digits.replace('_', "");
    if digits.starts_with('+') {
        return Err("parse error".to_owned());
    }
    u64::from_str_radix(&digits, radix).map_err(|error| match error.kind() {
        std::num::IntErrorKind::PosOverflow => "value out of range".to_owned(),
        _ => "parse error".to_owned(),
    })
}

/// A duration as Go's `flag` package reads it.
pub(crate) fn go_duration(text: &str) -> Result<GoDuration, String> {
    parse_go_duration(text)
        .map(GoDuration)
        .map_err(|_| "parse error".to_owned())
}

/// A signed number, read like [`go_uint`].
pub(crate) fn go_int(text: &str) -> Result<i64, String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let number = i128::from(go_uint(digits)?);
    let number = if negative { -number } else { number };
    i64::try_from(number).map_err(|_| "value out of range".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_go() {
        assert_eq!(go_uint("42"), Ok(42));
        assert_eq!(go_uint("0x1F"), Ok(31));
        assert_eq!(go_uint("010"), Ok(8));
        assert_eq!(go_uint("1_000"), Ok(1000));
        assert_eq!(go_uint("0"), Ok(0));
        assert_eq!(go_uint("x"), Err("parse error".to_owned()));
        assert_eq!(go_uint(""), Err("parse error".to_owned()));
        assert_eq!(go_uint("-1"), Err("parse error".to_owned()));
        let big = "18446744073709551616";
        assert_eq!(go_uint(big), Err("value out of range".to_owned()));
        assert_eq!(go_int("-8"), Ok(-8));
        assert!(go_int("9223372036854775808").is_err());
    }

    #[test]
    fn pairs_split_at_the_first_equals_sign() {
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(pair("a").is_err());
    }
}
