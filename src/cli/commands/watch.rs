//! `watch`

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::api::{Client, Meta, QueryOptions};
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::cli::flags::{HttpFlags, ServerFlags};
use crate::cli::go_flags::parse_go_bool;
use crate::output::{JsonIndent, to_json};

use super::watch_plan::{Plan, WatchError};

/// Wait before a failed query is tried again; it grows with the square of the failures.
const RETRY: Duration = Duration::from_secs(5);

/// Longest wait before a failed query is tried again.
const RETRY_MAX: Duration = Duration::from_mins(3);

/// Prints data when it changes, or runs a command
///
/// Without a child, prints the data once. With one, runs it at once and after every change, with
/// the data as JSON on its standard input and the index in CONSUL_INDEX, until it fails.
///
/// $ consulctl watch -type=service -service=web
///
/// $ consulctl watch -type=keyprefix -prefix=app/ ./reload.sh
#[derive(clap::Args)]
#[command(override_usage = "consulctl watch [options] [child...]")]
pub(crate) struct Args {
    /// The key, for the type key.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    key: String,
    /// The event's name, for the type event.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    name: String,
    /// Only healthy instances, for the type service: true or false.
    #[arg(
        long,
        value_name = "bool",
        default_value = "",
        hide_default_value = true
    )]
    passingonly: String,
    /// The prefix, for the type keyprefix.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    prefix: String,
    /// The service, for the types service and checks.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    service: String,
    /// Run the child through a shell, SHELL or /bin/sh.
    #[arg(long, value_name = "bool", num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", hide_default_value = true)]
    shell: bool,
    /// Only checks in this state, for the type checks.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    state: String,
    /// Only instances with this tag, for the type service; may be given several times.
    #[arg(long, value_name = "string")]
    tag: Vec<String>,
    /// What to watch: key, keyprefix, services, nodes, service, checks or event.
    #[arg(
        long = "type",
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    kind: String,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[arg(hide = true, num_args = 0.., value_name = "child")]
    child: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        if self.kind.is_empty() {
            return Err(Error::Usage("Watch type must be specified".to_owned()));
        }
        let passing = match self.passingonly.as_str() {
            "" => None,
            text => Some(parse_go_bool(text).ok_or_else(|| {
                let reason = format!("strconv.ParseBool: parsing \"{text}\": invalid syntax");
                Error::message(format!("Failed to parse passingonly flag: {reason}"))
            })?),
        };
        let plan = Plan::new(
            &self.kind,
            &[
                ("key", &self.key),
                ("name", &self.name),
                ("prefix", &self.prefix),
                ("service", &self.service),
                ("state", &self.state),
            ],
            &self.tag,
            passing,
        )
        .map_err(|error| Error::message(error.to_string()))?;
        let client = context.client(&self.http)?;
        // Consul's client asks the agent for itself first, so that a wrong address is told at once.
        client
            .agent_node_name()
            .await
            .map_err(|source| Error::Api {
                what: "Error querying Consul agent".to_owned(),
                source,
            })?;
        let options = self.server.options();
        if self.child.is_empty() {
            let (value, _) = plan
                .query(&client, &options)
                .await
                .map_err(|error| once_failed(&self.kind, error))?;
            return Ok(context.console.line(&text_of(&value)?)?);
        }
        self.follow(context, &plan, &client, options).await
    }

    async fn follow(
        &self,
        context: &mut Context,
        plan: &Plan,
        client: &Client,
        mut options: QueryOptions,
    ) -> Outcome {
        let mut last: Option<Value> = None;
        let mut failures: u32 = 0;
        loop {
            let found = tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(()),
                found = plan.query(client, &options) => found,
            };
            let (value, meta) = match found {
                Ok(found) => found,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    let wait = (RETRY * failures.saturating_mul(failures)).min(RETRY_MAX);
                    let seconds = wait.as_secs();
                    let text = format!(
                        "Watch of type {} failed: {error}, retry in {seconds}s",
                        self.kind
                    );
                    context.console.note(&text)?;
                    options.index = 0;
                    tokio::select! {
                        _ = tokio::signal::ctrl_c() => return Ok(()),
                        () = tokio::time::sleep(wait) => continue,
                    }
                }
            };
            failures = 0;
            // An index that went back means that the servers were restored: begin anew.
            options.index = if plan.is_ordered() && meta.index < options.index {
                0
            } else {
                meta.index
            };
            if last.as_ref() != Some(&value) {
                self.handle(&value, meta).await?;
                last = Some(value);
            }
        }
    }

    async fn handle(&self, value: &Value, meta: Meta) -> Outcome {
        let failed = |error: std::io::Error| {
            let reason = crate::api::io_reason(&error);
            Error::message(format!("Error executing handler: {reason}"))
        };
        let mut command = if self.shell {
            let shell = std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".to_owned());
            let mut command = tokio::process::Command::new(shell);
            command.arg("-c").arg(self.child.join(" "));
            command
        } else {
            let mut command = tokio::process::Command::new(&self.child[0]);
            command.args(&self.child[1..]);
            command
        };
        let mut child = command
            .env("CONSUL_INDEX", meta.index.to_string())
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        if let Some(mut input) = child.stdin.take() {
            let text = serde_json::to_vec(value).unwrap_or_default();
            // A child may end without reading; that is its business.
            let _ = input.write_all(&text).await;
            let _ = input.write_all(b"\n").await;
        }
        let status = child.wait().await.map_err(failed)?;
        if status.success() {
            return Ok(());
        }
        let text = match status.code() {
            Some(code) => format!("exit status {code}"),
            None => status.to_string(),
        };
        Err(Error::message(format!("Error executing handler: {text}")))
    }
}

fn once_failed(kind: &str, error: WatchError) -> Error {
    match error {
        WatchError::Api(source) => Error::Api {
            what: format!("Watch of type {kind} failed"),
            source,
        },
        other => Error::message(other.to_string()),
    }
}

fn text_of(value: &Value) -> Result<String, Error> {
    to_json(value, JsonIndent::Four)
        .map_err(|error| Error::message(format!("Error encoding output: {error}")))
}
