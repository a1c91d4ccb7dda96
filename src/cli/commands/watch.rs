//! `watch`

use std::ops::ControlFlow;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use jiff::Zoned;
use serde_json::{Map, Value};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Child;

use crate::api::{Client, QueryOptions};
use crate::cli::child::{Interrupts, command, failure, pass_on, start_failure};
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::cli::flags::{HttpFlags, ServerFlags};
use crate::cli::go_flags::parse_go_bool;
use crate::model::duration::GoDuration;
use crate::model::watch::{Params, Plan, Progress, body};
use crate::output::{JsonIndent, to_json};

use super::watch_query::ask;

/// How long a child may take to end after an interrupt was passed on to it.
const CHILD_GRACE: Duration = Duration::from_secs(5);

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
    #[arg(long, action = clap::ArgAction::Set, value_name = "bool",
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
    #[arg(long, action = clap::ArgAction::Set, value_name = "bool", num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", hide_default_value = true)]
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
        let plan = self.plan()?;
        let client = context.client(&self.http)?;
        // Consul's client asks the agent for itself first, so that a wrong address is told at once.
        client
            .agent_node_name()
            .await
            .map_err(|source| Error::Api {
                what: "Error querying Consul agent".to_owned(),
                source,
            })?;
        let mut interrupts = Interrupts::listen()
            .map_err(|error| Error::message(format!("cannot listen for signals: {error}")))?;
        self.follow(context, Progress::new(plan), &client, &mut interrupts)
            .await
    }

    fn plan(&self) -> Result<Plan, Error> {
        if self.kind.is_empty() {
            return Err(Error::Usage("Watch type must be specified".to_owned()));
        }
        if Plan::is_of_mesh(&self.kind) {
            let text = format!("Type {} is not supported in the CLI tool", self.kind);
            return Err(Error::message(text));
        }
        let mut given = Map::new();
        for (name, text) in [
            ("key", &self.key),
            ("name", &self.name),
            ("prefix", &self.prefix),
            ("service", &self.service),
            ("state", &self.state),
        ] {
            if !text.is_empty() {
                given.insert(name.to_owned(), text.as_str().into());
            }
        }
        if self.kind == "event" && self.server.options().stale {
            given.insert("stale".to_owned(), true.into());
        }
        if !self.tag.is_empty() {
            given.insert("tag".to_owned(), self.tag.clone().into());
        }
        let passing = self.passingonly.as_str();
        if !passing.is_empty() {
            let flag = parse_go_bool(passing).ok_or_else(|| {
                let reason = format!("strconv.ParseBool: parsing \"{passing}\": invalid syntax");
                Error::message(format!("Failed to parse passingonly flag: {reason}"))
            })?;
            given.insert("passingonly".to_owned(), flag.into());
        }
        let mut params = Params::new(given);
        Plan::take(&self.kind, &mut params)
            .and_then(|plan| params.none_left().map(|()| plan))
            .map_err(|error| Error::message(error.to_string()))
    }

    /// Until the child fails or an interrupt comes; without a child, until there is an answer.
    async fn follow(
        &self,
        context: &mut Context,
        mut progress: Progress,
        client: &Client,
        interrupts: &mut Interrupts,
    ) -> Outcome {
        loop {
            let options = QueryOptions {
                index: progress.index(),
                ..self.server.options()
            };
            let asked = async {
                progress
                    .plan()
                    .askable()
                    .map_err(|error| error.to_string())?;
                let found = ask(progress.plan(), client, &options).await;
                found.map_err(|error| error.to_string())
            };
            let found = tokio::select! {
                _ = interrupts.next() => return Ok(()),
                found = asked => found,
            };
            match found {
                Ok((answer, meta)) => {
                    let Some(told) = progress.answered(meta.index, answer) else {
                        continue;
                    };
                    if self.child.is_empty() {
                        return Ok(context.console.line(&text_of(told)?)?);
                    }
                    // What an index of 0 would mean is unknown to children.
                    let index = meta.index.max(1);
                    if self.handle(told, index, interrupts).await?.is_break() {
                        return Ok(());
                    }
                }
                Err(error) => {
                    let wait = progress.failed();
                    context.console.note(&self.failure(&error, wait))?;
                    tokio::select! {
                        _ = interrupts.next() => return Ok(()),
                        () = tokio::time::sleep(wait) => {}
                    }
                }
            }
        }
    }

    /// The line that Consul logs.
    fn failure(&self, error: &str, wait: Duration) -> String {
        let now = Zoned::now();
        let zone = if now.offset().is_zero() {
            "Z".to_owned()
        } else {
            now.strftime("%z").to_string()
        };
        let time = now.strftime("%Y-%m-%dT%H:%M:%S%.3f");
        let (kind, retry) = (&self.kind, GoDuration::from(wait));
        format!(
            "{time}{zone} [ERROR] watch.watch: Watch errored: type={kind} error=\"{error}\" retry={retry}"
        )
    }

    /// Runs the child until it ends; breaks off at an interrupt, which is passed on to the child.
    async fn handle(
        &self,
        told: &Value,
        index: u64,
        interrupts: &mut Interrupts,
    ) -> Result<ControlFlow<()>, Error> {
        let failed = |error: std::io::Error| {
            let reason = crate::api::io_reason(&error);
            Error::message(format!("Error executing handler: {reason}"))
        };
        let mut command = command(&self.child, self.shell);
        let started = command
            .env("CONSUL_INDEX", index.to_string())
            .stdin(Stdio::piped())
            .spawn();
        let mut child = started.map_err(|error| {
            let reason = start_failure(&command, &error);
            Error::message(format!("Error starting handler: {reason}"))
        })?;
        let input = body(told);
        let status = tokio::select! {
            status = feed(&mut child, &input) => status.map_err(failed)?,
            number = interrupts.next() => {
                pass_on(&child, number);
                tokio::select! {
                    _ = tokio::time::timeout(CHILD_GRACE, child.wait()) => {}
                    _ = interrupts.next() => {}
                }
                return Ok(ControlFlow::Break(()));
            }
        };
        match failure(status) {
            None => Ok(ControlFlow::Continue(())),
            Some(text) => Err(Error::message(format!("Error executing handler: {text}"))),
        }
    }
}

/// Gives the child its input and waits for its end.
async fn feed(child: &mut Child, input: &[u8]) -> std::io::Result<ExitStatus> {
    if let Some(mut pipe) = child.stdin.take() {
        // A child may end without reading; that is its business.
        let _ = pipe.write_all(input).await;
    }
    child.wait().await
}

fn text_of(value: &Value) -> Result<String, Error> {
    to_json(value, JsonIndent::Four)
        .map_err(|error| Error::message(format!("Error encoding output: {error}")))
}
