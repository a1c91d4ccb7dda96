//! Takes jobs as their events come, and runs several at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, error, info, warn};

use super::desk::Desk;
use super::report::Report;
use super::run::run;
use super::work::{Work, call};
use crate::model::event::UserEvent;
use crate::model::remote_exec::JOB;

/// Jobs that run at once; further ones are not taken.
const RUNNING: usize = 16;
/// Events that wait to be looked at.
pub const WAITING: usize = 16;

/// Carries out jobs for one node.
pub struct RemoteExec<S> {
    desk: Arc<S>,
    node: String,
}

impl<S: Desk> RemoteExec<S> {
    /// Nothing runs yet. `node` is the name under which results are left.
    pub fn new(desk: S, node: impl Into<String>) -> Self {
        Self {
            desk: Arc::new(desk),
            node: node.into(),
        }
    }

    /// Takes jobs until no more events can come. Dropped before, it kills what runs.
    pub async fn run(self, mut events: mpsc::Receiver<UserEvent>) {
        let mut running = JoinSet::new();
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                Some(_) = running.join_next(), if !running.is_empty() => continue,
            };
            let Some(event) = event else {
                break;
            };
            if running.len() >= RUNNING {
                warn!(target: "agent", id = event.id, running = running.len(), "remote exec event ignored, too many jobs run");
                continue;
            }
            running.spawn(carry_out(Arc::clone(&self.desk), self.node.clone(), event));
        }
        running.join_all().await;
    }
}

/// One job, from its event to its exit code.
async fn carry_out<S: Desk>(desk: Arc<S>, node: String, event: UserEvent) {
    debug!(target: "agent", id = event.id, "received remote exec event");
    let call = match call(&event.payload.0) {
        Ok(call) => call,
        Err(error) => {
            error!(target: "agent", %error, "failed to decode remote exec event");
            return;
        }
    };
    let job = match desk.read(&call.key(&[JOB])).await {
        Ok(Some(job)) => job,
        Ok(None) => {
            error!(target: "agent", "remote exec aborted, job spec missing");
            return;
        }
        Err(error) => {
            error!(target: "agent", error, "failed to get remote exec job");
            return;
        }
    };
    let (work, wait) = match Work::read(&job) {
        Ok(read) => read,
        Err(error) => {
            error!(target: "agent", %error, "failed to decode remote exec spec");
            return;
        }
    };
    let report = Report::new(desk, call, &node);
    if let Err(error) = report.acknowledge().await {
        error!(target: "agent", %error, "failed to ack remote exec job");
        return;
    }
    let script = match &work {
        Work::Line(line) => line.clone(),
        Work::Program(args) => args.join(" "),
        Work::Script(bytes) => format!("{} bytes", bytes.len()),
    };
    info!(target: "agent", script, "remote exec script");
    let heartbeat = Duration::from_nanos(u64::try_from(wait).unwrap_or(0));
    run(work, heartbeat, report).await;
}
