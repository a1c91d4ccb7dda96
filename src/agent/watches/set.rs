//! The watches that run, one task each.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::error;

use super::source::{Asked, Source};
use super::{http, script};
use crate::model::duration::GoDuration;
use crate::model::watch::{Handler, Progress, WatchDefinition, body};

/// The shell of handlers that are a line for one, unless the environment names another.
const SHELL: &str = "/bin/sh";

/// The watches that run.
pub struct Watches<S> {
    source: Arc<S>,
    running: Vec<Running>,
}

struct Running {
    definition: WatchDefinition,
    /// Ends the watch when dropped.
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl Running {
    fn start<S: Source>(source: &Arc<S>, definition: WatchDefinition) -> Self {
        let stop = CancellationToken::new();
        let following = follow(Arc::clone(source), definition.clone());
        let task = stop.clone().run_until_cancelled_owned(following);
        let task = tokio::spawn(async move {
            task.await;
        });
        Self {
            definition,
            stop: stop.drop_guard(),
            task,
        }
    }

    /// Ends the watch and its handler, if that runs.
    async fn end(self) {
        drop(self.stop);
        // A task that panicked has ended, too.
        let _ = self.task.await;
    }
}

impl<S: Source> Watches<S> {
    /// No watch yet.
    pub fn new(source: S) -> Self {
        Self {
            source: Arc::new(source),
            running: Vec::new(),
        }
    }

    /// Makes these the watches that run. Those that ran before go on undisturbed: their handlers are not run
    /// again. Those that are gone end, and with them their handlers, if they run.
    pub async fn set(&mut self, wanted: impl IntoIterator<Item = WatchDefinition>) {
        let mut before = std::mem::take(&mut self.running);
        for definition in wanted {
            let kept = before
                .iter()
                .position(|running| running.definition == definition);
            self.running.push(match kept {
                Some(at) => before.swap_remove(at),
                None => Running::start(&self.source, definition),
            });
        }
        for running in before {
            running.end().await;
        }
    }

    /// Ends all watches and their handlers.
    pub async fn shutdown(&mut self) {
        self.set([]).await;
    }
}

/// Asks again and again, and runs the handler when there is something new; one at a time.
async fn follow<S: Source>(source: Arc<S>, watch: WatchDefinition) {
    let mut progress = Progress::new(watch.plan.clone());
    loop {
        let asked = Asked {
            watch: &watch,
            index: progress.index(),
        };
        let answered = match watch.plan.askable() {
            Ok(()) => source.ask(asked).await,
            Err(error) => Err(error.to_string()),
        };
        match answered {
            Ok((index, answer)) => {
                let Some(told) = progress.answered(index, answer) else {
                    continue;
                };
                let body = body(told);
                handle(&watch.handler, index, body).await;
            }
            Err(error) => {
                let wait = progress.failed();
                let retry = GoDuration::from(wait);
                error!(
                    target: "agent.watch.watch",
                    r#type = watch.plan.kind(), error, %retry, "Watch errored",
                );
                tokio::time::sleep(wait).await;
            }
        }
    }
}

async fn handle(handler: &Handler, index: u64, body: Vec<u8>) {
    match handler {
        Handler::Program(args) => script::run(handler, args, index, &body).await,
        Handler::Shell(line) => {
            let shell = std::env::var("SHELL")
                .ok()
                .filter(|shell| !shell.is_empty());
            let shell = shell.unwrap_or_else(|| SHELL.to_owned());
            let args = [shell, "-c".to_owned(), line.clone()];
            script::run(handler, &args, index, &body).await;
        }
        Handler::Http(http) => http::run(http, index, body).await,
    }
}

#[cfg(test)]
mod tests;
