//! One of the agent's `watches`.

use serde_json::{Map, Value};

use super::go_syntax;
use super::handler::{Handler, HttpHandler, go_type};
use super::params::{ParamError, Params};
use super::plan::Plan;

/// A watch that cannot run. The texts are Consul's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// What it asks for; with the parameters that were not looked at yet.
    #[error("Failed to parse watch ({left}): {error}")]
    Parameters {
        /// In Go's notation.
        left: String,
        /// What is wrong.
        error: ParamError,
    },
    /// Mesh certificates do not go to handlers.
    #[error("Watch type {0} is not allowed in agent config")]
    Mesh(String),
    /// The kind of handler.
    #[error("Handler type '{0}' not recognized")]
    HandlerType(String),
    /// The handler.
    #[error("{0}")]
    Handler(&'static str),
}

/// A watch of an agent.
#[derive(Clone, PartialEq, Eq)]
pub struct WatchDefinition {
    /// What it asks for.
    pub plan: Plan,
    /// What is run when that changes.
    pub handler: Handler,
    /// The datacenter to ask; empty for the agent's own.
    pub datacenter: String,
    /// The token to ask with; empty for the agent's default one.
    pub token: String,
    /// Whether any server may answer.
    pub stale: bool,
}

impl std::fmt::Debug for WatchDefinition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WatchDefinition")
            .field("plan", &self.plan)
            .field("handler", &self.handler)
            .field("datacenter", &self.datacenter)
            .field("stale", &self.stale)
            .finish_non_exhaustive()
    }
}

impl WatchDefinition {
    /// Reads a watch from its parameters.
    ///
    /// # Errors
    /// When anything about it is wrong; nothing is ignored.
    pub fn parse(given: Map<String, Value>) -> Result<Self, WatchError> {
        let mut params = Params::new(given);
        let handler_type = match params.0.get("handler_type") {
            None => {
                let script = Value::from("script");
                params.0.insert("handler_type".to_owned(), script);
                "script"
            }
            Some(Value::String(text)) if text == "script" => "script",
            Some(Value::String(text)) if text == "http" => "http",
            Some(Value::String(text)) => return Err(WatchError::HandlerType(text.clone())),
            Some(other) => return Err(WatchError::HandlerType(other.to_string())),
        };
        let asked = match Asked::take(handler_type, &mut params) {
            Ok(asked) => asked,
            Err(Refusal::Mesh(kind)) => return Err(WatchError::Mesh(kind)),
            Err(Refusal::Parameter(error)) => {
                let left = go_syntax::map(&params.0);
                return Err(WatchError::Parameters { left, error });
            }
        };
        Ok(Self {
            plan: asked.plan,
            handler: handler(asked.http, asked.line, asked.args)?,
            datacenter: asked.datacenter,
            token: asked.token,
            stale: asked.stale,
        })
    }
}

/// All parameters; the two of scripts are not looked at yet.
struct Asked {
    plan: Plan,
    http: Option<HttpHandler>,
    line: Option<Value>,
    args: Option<Value>,
    datacenter: String,
    token: String,
    stale: bool,
}

enum Refusal {
    Parameter(ParamError),
    Mesh(String),
}

impl From<ParamError> for Refusal {
    fn from(error: ParamError) -> Self {
        Self::Parameter(error)
    }
}

impl Asked {
    /// Takes them in Consul's order, which its errors show.
    fn take(handler_type: &str, params: &mut Params) -> Result<Self, Refusal> {
        let datacenter = params.text("datacenter")?;
        let token = params.text("token")?;
        let kind = params.text("type")?;
        if kind.is_empty() {
            return Err(ParamError::new("Watch type must be specified").into());
        }
        params.take("handler_type");
        let http = match handler_type {
            "http" => Some(http(params)?),
            _ => None,
        };
        if Plan::is_of_mesh(&kind) {
            return Err(Refusal::Mesh(kind));
        }
        let stale = kind != "event" && params.flag("stale")?;
        let plan = Plan::take(&kind, params)?;
        let (line, args) = (params.take("handler"), params.take("args"));
        params.none_left()?;
        Ok(Self {
            plan,
            http,
            line,
            args,
            datacenter,
            token,
            stale,
        })
    }
}

fn http(params: &mut Params) -> Result<HttpHandler, ParamError> {
    const NAME: &str = "http_handler_config";
    let Some(config) = params.0.get(NAME) else {
        let text = format!("Handler type 'http' requires '{NAME}' to be set");
        return Err(ParamError(text));
    };
    let handler = HttpHandler::parse(config)
        .map_err(|error| ParamError(format!("Failed to parse '{NAME}': {error}")))?;
    params.take(NAME);
    Ok(handler)
}

/// The one handler that there must be.
fn handler(
    http: Option<HttpHandler>,
    line: Option<Value>,
    args: Option<Value>,
) -> Result<Handler, WatchError> {
    let line = match line {
        None => None,
        Some(Value::String(line)) => Some(line),
        Some(_) => return Err(WatchError::Handler("Watch handler must be a string")),
    };
    let args = args.map(|args| args_of(&args)).transpose()?;
    match (http, line, args) {
        (Some(http), None, None) => Ok(Handler::Http(http)),
        (None, Some(line), None) => Ok(Handler::Shell(line)),
        (None, None, Some(args)) => Ok(Handler::Program(args)),
        (None, None, None) => Err(WatchError::Handler("Must define a watch handler")),
        _ => Err(WatchError::Handler("Only one watch handler allowed")),
    }
}

fn args_of(args: &Value) -> Result<Vec<String>, WatchError> {
    let wrong = WatchError::Handler("Watch args must be a list of strings");
    match args {
        Value::String(program) => Ok(vec![program.clone()]),
        Value::Array(items) => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<_>>().ok_or(wrong)
        }
        _ => Err(wrong),
    }
}

/// What Consul says of a watch that is no block.
impl WatchDefinition {
    /// Reads the watch at a place of the list.
    ///
    /// # Errors
    /// As [`Self::parse`], in a text.
    pub fn parse_at(at: usize, value: Value) -> Result<Self, String> {
        match value {
            Value::Object(given) => Self::parse(given).map_err(|error| error.to_string()),
            other => {
                let got = go_type(&other);
                Err(format!("'watches[{at}]' expected a map, got '{got}'"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
