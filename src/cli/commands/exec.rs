//! `exec`

use tokio::time::Instant;

use crate::api::{Client, EventFilter};
use crate::cli::child::Interrupts;
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, ServerFlags, go_duration};
use crate::cli::remote_exec::{JobError, Progress, RunningJob, Step, in_lines};
use crate::model::duration::GoDuration;
use crate::model::kv::Blob;
use crate::model::regexp;
use crate::model::remote_exec::{Job, PREFIX};

/// The exit code when a node failed or did not end.
const NODE_FAILED: u8 = 2;
/// What is waited longer, as a multiple, while nodes are at the job.
const RUNNING_PATIENCE: u32 = 2;

/// Runs a command on many nodes
///
/// Only on agents with `disable_remote_exec = false`, and only on those that the filters mean. Prints what the command
/// prints on each. With `-` the script to run is read from standard input.
///
/// $ consulctl exec -service=web uptime
///
/// $ consulctl exec - <upgrade.sh
#[derive(clap::Args)]
#[command(override_usage = "consulctl exec [options] [-|command...]")]
pub(crate) struct Args {
    /// Only nodes whose name matches this regular expression.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    node: String,
    /// Where in the key/value store the job is put. Default _rexec.
    #[arg(long, value_name = "string", default_value = PREFIX, hide_default_value = true)]
    prefix: String,
    /// Only nodes that run a service whose name matches this regular expression.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    service: String,
    /// Run the command through a shell.
    #[arg(long, action = clap::ArgAction::Set, value_name = "bool", num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", hide_default_value = true)]
    shell: bool,
    /// Only services with a tag that matches this regular expression; needs -service.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    tag: String,
    /// Tell what is done.
    #[arg(long)]
    verbose: bool,
    /// How long to wait for the next news from the nodes, twice that while some are at it. Default 2s.
    #[arg(long, value_name = "duration", value_parser = go_duration, default_value = "2s", hide_default_value = true)]
    wait: GoDuration,
    /// How long to wait before the nodes are called, so that all servers have the job. Default 200ms.
    #[arg(long, value_name = "duration", value_parser = go_duration, default_value = "200ms", hide_default_value = true)]
    wait_repl: GoDuration,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[arg(hide = true, num_args = 0.., value_name = "command")]
    words: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let job = self.job(context)?;
        self.check_filters()?;
        let client = context.writer(&self.http)?;
        let agent = client.agent_self().await;
        let agent = agent.during("Error querying Consul agent")?;
        let interrupts = Interrupts::listen()
            .map_err(|error| Error::message(format!("cannot listen for signals: {error}")))?;
        let elsewhere = {
            let given = self.server.datacenter.as_deref();
            let given = given.filter(|name| !name.is_empty());
            elsewhere(given.or(client.datacenter()), &agent["Config"])
        };
        let mut work = Work {
            args: &self,
            context,
            interrupts,
            began: Instant::now(),
        };
        if elsewhere.is_some() {
            work.say("Remote exec in foreign datacenter, using Session TTL")?;
        }
        work.run(&client, &job, elsewhere.as_deref()).await
    }

    /// What is to be done on the nodes.
    fn job(&self, context: &mut Context) -> Result<Job, Error> {
        let line = self.words.join(" ");
        let nothing = || Error::Usage("Must specify a command to execute".to_owned());
        if line.is_empty() {
            return Err(nothing());
        }
        let wait = self.wait.0;
        let mut job = Job {
            wait,
            ..Job::default()
        };
        if line == "-" {
            if !self.shell {
                let text = "Cannot configure -shell=false when reading from stdin";
                return Err(Error::message(text));
            }
            let script = context.console.read_input().map_err(|error| {
                let reason = crate::api::io_reason(&error);
                Error::message(format!("Failed to read stdin: {reason}"))
            })?;
            if script.is_empty() {
                return Err(nothing());
            }
            job.script = Blob(script.into());
        } else if self.shell {
            job.command = line;
        } else {
            job.args.clone_from(&self.words);
        }
        Ok(job)
    }

    fn check_filters(&self) -> Outcome {
        if !self.tag.is_empty() && self.service.is_empty() {
            let text = "Cannot provide tag filter without service filter.";
            return Err(Error::message(text));
        }
        for (what, text) in [
            ("node", &self.node),
            ("service", &self.service),
            ("tag", &self.tag),
        ] {
            regexp::compile(text).map_err(|error| {
                Error::message(format!("Failed to compile {what} filter regexp: {error}"))
            })?;
        }
        Ok(())
    }
}

/// `node@datacenter` of the agent, if another datacenter is meant than its own.
fn elsewhere(wanted: Option<&str>, config: &serde_json::Value) -> Option<String> {
    let (wanted, own) = (wanted?, config["Datacenter"].as_str()?);
    if wanted.is_empty() || wanted == own {
        return None;
    }
    let node = config["NodeName"].as_str().unwrap_or_default();
    Some(format!("{node}@{own}"))
}

/// What a job's run needs.
struct Work<'a> {
    args: &'a Args,
    context: &'a mut Context,
    interrupts: Interrupts,
    began: Instant,
}

impl Work<'_> {
    fn print(&mut self, text: &str) -> Outcome {
        self.context.console.line(text)?;
        Ok(self.context.console.flush()?)
    }

    /// A line for those who want to know everything.
    fn say(&mut self, text: &str) -> Outcome {
        if self.args.verbose {
            return self.print(text);
        }
        Ok(())
    }

    async fn run(&mut self, client: &Client, job: &Job, elsewhere: Option<&str>) -> Outcome {
        let (prefix, options) = (&self.args.prefix, self.args.server.options());
        let running = tokio::select! {
            begun = RunningJob::begin(client, prefix, elsewhere, options) => begun.map_err(told)?,
            _ = self.interrupts.next() => return Err(Error::Exit(1)),
        };
        let done = self.carry_out(&running, job).await;
        // What is left goes with the session.
        let ended = tokio::select! {
            ended = running.end() => ended.during("Failed to remove the job"),
            _ = self.interrupts.next() => Err(Error::Exit(1)),
        };
        done.and(ended)
    }

    async fn carry_out(&mut self, running: &RunningJob, job: &Job) -> Outcome {
        let session = running.session();
        self.say(&format!("Created remote execution session: {session}"))?;
        tokio::select! {
            uploaded = running.upload(job) => uploaded.map_err(told)?,
            _ = self.interrupts.next() => return Err(Error::Exit(1)),
        }
        self.say("Uploaded remote execution spec")?;
        tokio::select! {
            () = tokio::time::sleep(self.args.wait_repl.as_std()) => {}
            _ = self.interrupts.next() => return Err(Error::Exit(1)),
        }
        let filter = EventFilter {
            node: self.args.node.clone(),
            service: self.args.service.clone(),
            tag: self.args.tag.clone(),
        };
        let event = tokio::select! {
            event = running.fire(&filter) => event.map_err(told)?,
            _ = self.interrupts.next() => return Err(Error::Exit(1)),
        };
        self.say(&format!("Fired remote execution event: {}", event.id))?;
        self.follow(running).await
    }

    /// Prints what the nodes write, until there is no news for a while.
    async fn follow(&mut self, running: &RunningJob) -> Outcome {
        let wait = self.args.wait.as_std();
        let mut progress = Progress::default();
        let mut index = 0;
        let mut patience_ends = Instant::now() + wait;
        loop {
            let found = tokio::select! {
                found = running.keys(index, wait) => found.during("Failed to read results")?,
                () = tokio::time::sleep_until(patience_ends) => break,
                _ = self.interrupts.next() => return Err(Error::Exit(1)),
            };
            index = found.1;
            let steps = progress.learn(found.0);
            if steps.is_empty() {
                continue;
            }
            for step in steps {
                self.take(running, &mut progress, step).await?;
            }
            let times = if progress.is_running() {
                RUNNING_PATIENCE
            } else {
                1
            };
            patience_ends = Instant::now() + wait * times;
        }
        self.print(&progress.summary())?;
        let seconds = self.began.elapsed().as_secs_f64();
        self.say(&format!("Completed in {seconds:.2} seconds"))?;
        if progress.is_bad() {
            return Err(Error::Exit(NODE_FAILED));
        }
        Ok(())
    }

    async fn take(&mut self, running: &RunningJob, progress: &mut Progress, step: Step) -> Outcome {
        let interrupts = &mut self.interrupts;
        let read = |key: String| async move {
            tokio::select! {
                value = running.value(&key) => value.during("Failed to read results"),
                _ = interrupts.next() => Err(Error::Exit(1)),
            }
        };
        match step {
            Step::Acknowledged { node } => self.say(&format!("==> {node}: acknowledged")),
            Step::Output { node, key } => {
                let output = read(key).await?;
                if output.is_empty() {
                    return self.say(&format!("==> {node}: heartbeat received"));
                }
                let prefix = format!("    {node}: ");
                self.context.console.raw(&in_lines(&prefix, &output))?;
                self.print("")
            }
            Step::Exit { node, key } => {
                let text = read(key).await?;
                let text = String::from_utf8_lossy(&text);
                // What is no number tells of no success.
                progress.exited(text.trim().parse().unwrap_or(-1));
                self.print(&format!("==> {node}: finished with exit code {text}"))
            }
        }
    }
}

fn told(error: JobError) -> Error {
    match error {
        JobError::Api { what, source } => Error::Api {
            what: what.to_owned(),
            source,
        },
        other => Error::message(other.to_string()),
    }
}
