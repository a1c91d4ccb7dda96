//! `lock`

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal as Number;
use tokio::process::Child;

use crate::api::{Client, NewSession, QueryOptions};
use crate::cli::child::{Interrupts, command, failure, pass_on, start_failure};
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, ServerFlags, go_duration, go_int};
use crate::cli::lock::{Cleanup, Lock, Mutex, Patience, Semaphore, SessionKeeper};
use crate::model::duration::GoDuration;

/// How long a child may take to end after it was told to.
const GRACE: Duration = Duration::from_secs(5);
/// How long an agent may take to destroy the session at the end.
const PARTING: Duration = Duration::from_secs(5);
/// The exit code for a child that failed, with `-child-exit-code`.
const CHILD_FAILED: u8 = 2;
/// Tells the child that it holds the lock.
const HELD: (&str, &str) = ("CONSUL_LOCK_HELD", "true");
const NOT_ACQUIRED: &str = "Shutdown triggered or timeout during lock acquisition";

/// Runs a command while holding a lock
///
/// Waits for the lock or, with -n above 1, for one of that many places; then runs the child, and gives the lock
/// back when it has ended. A child whose lock is lost is sent SIGTERM, and SIGKILL 5 seconds later. The prefix must
/// be writable.
///
/// $ consulctl lock app/backup ./backup.sh
///
/// $ consulctl lock -n=3 app/workers ./work.sh
#[derive(clap::Args)]
#[command(override_usage = "consulctl lock [options] prefix child...")]
pub(crate) struct Args {
    /// Exit with 2 if the child fails; otherwise its failure is only told.
    #[arg(long)]
    child_exit_code: bool,
    /// How often to ask again, a second apart, when the servers fail while the lock is held, before it counts as
    /// lost; 0 for never. Default 3.
    #[arg(long, value_name = "int", value_parser = go_int, default_value = "3", hide_default_value = true)]
    monitor_retry: i64,
    /// How many may hold it at once. Default 1.
    #[arg(long = "n", value_name = "int", value_parser = go_int, default_value = "1", hide_default_value = true)]
    limit: i64,
    /// Name of the lock's session; made from the child's command by default.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    name: String,
    /// Give the child this command's standard input.
    #[arg(long)]
    pass_stdin: bool,
    /// Run the child through a shell, SHELL or /bin/sh.
    #[arg(long, action = clap::ArgAction::Set, value_name = "bool", num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", hide_default_value = true)]
    shell: bool,
    /// How long to wait for the lock, such as 1s or 3h; for ever by default. Also -try.
    #[arg(long, alias = "try", value_name = "duration", value_parser = go_duration, default_value = "0s", hide_default_value = true)]
    timeout: GoDuration,
    /// Tell what is done.
    #[arg(long)]
    verbose: bool,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[arg(hide = true, num_args = 0.., value_name = "prefix child")]
    words: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let retries = self.check()?;
        let (prefix, child) = (&self.words[0], &self.words[1..]);
        // Keys do not start with a slash, but people write one.
        let prefix = prefix.strip_prefix('/').unwrap_or(prefix);
        let client = context.writer(&self.http)?;
        client
            .agent_node_name()
            .await
            .during("Error querying Consul agent")?;
        let mut interrupts = Interrupts::listen()
            .map_err(|error| Error::message(format!("cannot listen for signals: {error}")))?;
        let mut work = Work {
            args: &self,
            context,
            interrupts: &mut interrupts,
            child,
        };
        work.say(&if self.limit == 1 {
            format!("Setting up lock at path: {}", Mutex::path(prefix))
        } else {
            let limit = self.limit;
            format!("Setting up semaphore (limit {limit}) at prefix: {prefix}")
        })?;
        work.say("Attempting lock acquisition")?;
        let session = tokio::select! {
            session = self.session(&client, prefix) => session?,
            _ = work.interrupts.next() => return Err(Error::message(NOT_ACQUIRED)),
        };
        let lock = self.lock(&client, &session, prefix);
        let done = work.hold(&lock, &session, retries).await;
        // Its keys go with it. One that cannot be destroyed now ends by itself.
        let _ = tokio::time::timeout(PARTING, session.destroy()).await;
        done
    }

    /// Checks the flags and words; the number of retries.
    fn check(&self) -> Result<u32, Error> {
        let refuse = |text: &str| Err(Error::message(text));
        if self.words.len() < 2 {
            return refuse("Key prefix and child command must be specified");
        }
        if self.limit <= 0 {
            return refuse("Lock holder limit must be positive");
        }
        if self.timeout.0 < 0 {
            return refuse("Timeout must be positive");
        }
        u32::try_from(self.monitor_retry)
            .map_err(|_| Error::message("Number for 'monitor-retry' must be >= 0"))
    }

    /// Where the lock is: whether any server may answer is nothing that a lock can leave open.
    fn options(&self) -> QueryOptions {
        QueryOptions {
            stale: false,
            ..self.server.options()
        }
    }

    async fn session(&self, client: &Client, prefix: &str) -> Result<SessionKeeper, Error> {
        let name = if self.name.is_empty() {
            let child = self.words[1..].join(" ");
            format!("Consul lock for '{child}' at '{prefix}'")
        } else {
            self.name.clone()
        };
        // A contender's entry goes with its session; a lock's key stays, and its delay with it.
        let behavior = if self.limit == 1 { "" } else { "delete" };
        let session = NewSession {
            name,
            behavior: behavior.to_owned(),
            ..NewSession::default()
        };
        SessionKeeper::create(client, session, self.options())
            .await
            .during("Lock acquisition failed: failed to create session")
    }

    fn lock(&self, client: &Client, session: &SessionKeeper, prefix: &str) -> Lock {
        let (id, options) = (session.id(), self.options());
        if self.limit == 1 {
            Lock::Mutex(Mutex::new(client, id, prefix, options))
        } else {
            Lock::Semaphore(Semaphore::new(client, id, prefix, self.limit, options))
        }
    }
}

/// Gives the lock back, and removes what nobody uses any more.
async fn give_back(lock: &Lock) -> Result<Cleanup, Error> {
    lock.release()
        .await
        .map_err(|error| Error::message(format!("Lock release failed: {error}")))?;
    lock.clean_up()
        .await
        .map_err(|error| Error::message(format!("Lock cleanup failed: {error}")))
}

/// Why the child's run ended.
enum End {
    Child(std::io::Result<ExitStatus>),
    Lost,
    Interrupt(Number),
}

/// What holding the lock needs.
struct Work<'a> {
    args: &'a Args,
    context: &'a mut Context,
    interrupts: &'a mut Interrupts,
    child: &'a [String],
}

impl Work<'_> {
    /// A line for those who want to know everything.
    fn say(&mut self, text: &str) -> Outcome {
        if self.args.verbose {
            self.context.console.line(text)?;
            self.context.console.flush()?;
        }
        Ok(())
    }

    /// Waits for the lock, runs the child, and gives the lock back.
    async fn hold(&mut self, lock: &Lock, session: &SessionKeeper, retries: u32) -> Outcome {
        let patience = Patience::new(self.args.timeout.as_std());
        let acquired = tokio::select! {
            acquired = lock.acquire(patience) => acquired
                .map_err(|error| Error::message(format!("Lock acquisition failed: {error}")))?,
            () = session.ended() => {
                let text = "Lock acquisition failed: the session has ended";
                return Err(Error::message(text));
            }
            _ = self.interrupts.next() => false,
        };
        if !acquired {
            return Err(Error::message(NOT_ACQUIRED));
        }
        // The lock is given back whatever becomes of the child, and of those who read our output.
        let ran = self.run_child(lock, session, retries).await;
        let cleaned = tokio::select! {
            cleaned = give_back(lock) => cleaned?,
            _ = self.interrupts.next() => {
                return Err(Error::message("Shutdown triggered during lock release"));
            }
        };
        self.say(match cleaned {
            Cleanup::Done => "Cleanup succeeded",
            Cleanup::InUse => "Cleanup aborted, lock in use",
        })?;
        ran
    }

    async fn run_child(&mut self, lock: &Lock, session: &SessionKeeper, retries: u32) -> Outcome {
        self.say("Starting handler")?;
        let mut command = command(self.child, self.args.shell);
        command.env(HELD.0, HELD.1).stdin(if self.args.pass_stdin {
            Stdio::inherit()
        } else {
            Stdio::null()
        });
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                let reason = start_failure(&command, &error);
                let text = format!("Error starting handler: {reason}");
                self.context.console.note(&text)?;
                return self.failed();
            }
        };
        let end = tokio::select! {
            biased;
            status = child.wait() => End::Child(status),
            () = lock.lost(retries) => End::Lost,
            () = session.ended() => End::Lost,
            number = self.interrupts.next() => End::Interrupt(number),
        };
        // What is said after a child has been started must not keep it from being ended.
        match end {
            End::Child(status) => {
                let failed = self.tell(status)?;
                self.say("Child terminated, releasing lock")?;
                if failed {
                    return self.failed();
                }
                Ok(())
            }
            End::Lost => {
                let said = self.say("Lock lost, killing child");
                self.end(&mut child).await.and(said)
            }
            End::Interrupt(number) => {
                let said = self.say("Shutdown triggered, killing child");
                pass_on(&child, number);
                self.end(&mut child).await.and(said)
            }
        }
    }

    /// The end of a child that failed, or could not be started.
    fn failed(&self) -> Outcome {
        if self.args.child_exit_code {
            return Err(Error::Exit(CHILD_FAILED));
        }
        Ok(())
    }

    /// Tells of a child that failed; whether it has.
    fn tell(&mut self, status: std::io::Result<ExitStatus>) -> Result<bool, Error> {
        let reason = match status {
            Ok(status) => failure(status),
            Err(error) => Some(crate::api::io_reason(&error)),
        };
        let Some(reason) = reason else {
            return Ok(false);
        };
        let text = format!("Error running handler: {reason}");
        self.context.console.note(&text)?;
        Ok(true)
    }

    /// Ends the child: asks first, and kills it when it does not listen.
    async fn end(&mut self, child: &mut Child) -> Outcome {
        let id = child.id().unwrap_or_default();
        let said = self.say(&format!("Terminating child pid {id}"));
        pass_on(child, Number::TERM);
        if let Some(status) = self.ends_in_time(child).await {
            self.tell(status)?;
            return said.and_then(|()| self.say("Child terminated"));
        }
        let said = said.and_then(|()| {
            let grace = GoDuration::from(GRACE);
            self.say(&format!("Child did not exit after grace period of {grace}"))?;
            self.say(&format!("Killing child pid {id}"))
        });
        pass_on(child, Number::KILL);
        self.tell(child.wait().await)?;
        said
    }

    /// How the child ended, if it does within its grace. Further interrupts reach it, too.
    async fn ends_in_time(&mut self, child: &mut Child) -> Option<std::io::Result<ExitStatus>> {
        let mut grace = std::pin::pin!(tokio::time::sleep(GRACE));
        loop {
            let number = tokio::select! {
                status = child.wait() => return Some(status),
                () = &mut grace => return None,
                number = self.interrupts.next() => number,
            };
            pass_on(child, number);
        }
    }
}
