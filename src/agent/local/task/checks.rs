//! The task's part that runs checks: it executes what the scheduler wants.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tracing::{error, warn};

use super::Task;
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::output::cap_output;
use crate::agent::checks::runner::Runner;
use crate::agent::checks::scheduler::{Drive, Input, Lane, MIN_DEREGISTER_AFTER, Output, Plan};
use crate::agent::checks::spec::{CheckSpec, Probe};
use crate::agent::local::alias::{Followed, News};
use crate::agent::local::log;
use crate::agent::local::published::{Counts, Published};
use crate::agent::local::state::CheckUpdate;

/// A run that ended.
pub(super) struct Finished {
    pub(super) check_id: String,
    pub(super) run: u64,
    pub(super) outcome: Outcome,
}

/// The run's outcome; a panic is a critical one, so that the scheduler hears of every run's end.
async fn caught(check_id: &str, run: impl Future<Output = Outcome>) -> Outcome {
    let mut run = pin!(run);
    poll_fn(|cx| {
        // The run is not polled again after a panic, so what it left half-done is never seen.
        let poll = AssertUnwindSafe(|| run.as_mut().poll(cx));
        catch_unwind(poll).unwrap_or_else(|_| {
            error!(target: "agent", check = %check_id, "the run of a check panicked");
            let text =
                "internal error: the check's run panicked; please report this with the agent's log";
            Poll::Ready(Outcome::critical(text.to_owned()))
        })
    })
    .await
}

impl Task {
    pub(super) fn run_ended(&mut self, finished: Finished) {
        let Finished {
            check_id,
            run,
            outcome,
        } = finished;
        self.runs.remove(&run);
        let now = self.now();
        self.scheduler.handle(
            now,
            Input::Finished {
                check_id,
                run,
                outcome,
            },
        );
    }

    pub(super) fn watch_check(&mut self, check_id: &str) {
        let Some(local) = self.state.check(check_id) else {
            return;
        };
        let Some(spec) = local.spec.clone() else {
            return;
        };
        let (drive, job) = self.drive(&spec);
        log::short_times(check_id, &spec);
        let plan = Plan {
            drive,
            thresholds: spec.thresholds,
            status: local.check.status,
            output: local.check.output.clone(),
            service_id: local.check.service_id.clone(),
            deregister_after: spec
                .deregister_after
                .map(|after| after.max(MIN_DEREGISTER_AFTER)),
        };
        match job {
            Some(job) => self.jobs.insert(check_id.to_owned(), job),
            None => self.jobs.remove(check_id),
        };
        let far = self.far_alias(check_id);
        let now = self.now();
        let add = Input::Add {
            check_id: check_id.to_owned(),
            plan,
        };
        self.scheduler.handle(now, add);
        match far {
            Some((followed, _)) => {
                self.followers.follow(check_id, followed);
                self.mirror(check_id);
            }
            None => self.followers.forget(check_id),
        }
    }

    /// Whom an alias check of another node follows, and the service there; empty: only the node.
    fn far_alias(&self, check_id: &str) -> Option<(Followed, String)> {
        let local = self.state.check(check_id)?;
        match &local.spec.as_ref()?.probe {
            Probe::Alias { node, service_id } if !self.state.is_own_node(node) => {
                let (node, token) = (node.clone(), local.token.clone());
                Some((Followed { node, token }, service_id.clone()))
            }
            _ => None,
        }
    }

    /// Another node changed: the checks that mirror it follow, and then their aliases here.
    pub(super) fn follow_up(&mut self, news: News) {
        for check_id in self.followers.learn(news) {
            self.mirror(&check_id);
        }
        self.refresh_aliases();
    }

    /// Gives an alias check of another node the health that is known of it, if any is.
    fn mirror(&mut self, check_id: &str) {
        let Some((_, service_id)) = self.far_alias(check_id) else {
            return;
        };
        let spec = self.state.check(check_id).and_then(|it| it.spec.as_ref());
        let limit = spec.map_or(0, |spec| spec.output_limit(self.check_output_max_size));
        if let Some(mut outcome) = self.followers.outcome(check_id, &service_id) {
            // Aliases of two nodes may quote each other, longer every time.
            outcome.output = cap_output(&outcome.output, limit);
            self.derive(check_id, &outcome);
        }
    }

    /// An alias check got a new health.
    fn derive(&mut self, check_id: &str, outcome: &Outcome) {
        let (now, status) = (self.now(), outcome.status);
        let update = self.state.update_check(check_id, outcome);
        match update {
            CheckUpdate::Changed => self.unsynced = true,
            CheckUpdate::OutputDeferred => self.deferrals.defer(now, check_id),
            CheckUpdate::Nothing => {}
        }
        self.dirty |= update != CheckUpdate::Nothing;
        let check_id = check_id.to_owned();
        self.scheduler
            .handle(now, Input::Derived { check_id, status });
    }

    pub(super) fn drive(&self, spec: &CheckSpec) -> (Drive, Option<Runner>) {
        let limit = spec.output_limit(self.check_output_max_size);
        match &spec.probe {
            Probe::Ttl { ttl } => (
                Drive::Ttl {
                    ttl: *ttl,
                    output_max_size: limit,
                },
                None,
            ),
            Probe::Alias { .. } => (Drive::Derived, None),
            // Every other probe runs at its interval, whatever its kind.
            _ => {
                let job = Runner::new(spec, limit, &self.check_tls);
                (
                    Drive::Periodic {
                        interval: spec.interval,
                        lane: Lane::of(&spec.probe),
                    },
                    job,
                )
            }
        }
    }

    pub(super) fn unwatch_check(&mut self, check_id: String) {
        self.jobs.remove(&check_id);
        self.followers.forget(&check_id);
        let now = self.now();
        self.scheduler.handle(now, Input::Remove { check_id });
    }

    /// Executes what the scheduler wants and shows readers the result.
    pub(super) fn settle(&mut self) {
        while let Some(output) = self.scheduler.poll_output() {
            match output {
                Output::Start { check_id, run } => self.start_run(check_id, run),
                Output::Abort { run, .. } => {
                    if let Some(run) = self.runs.remove(&run) {
                        run.abort();
                    }
                }
                Output::Report { check_id, outcome } => self.report(&check_id, &outcome),
                Output::Expired { check_id } => {
                    warn!(target: "agent", check = %check_id, "Check missed TTL, is now critical");
                }
                Output::BelowThreshold {
                    check_id,
                    status,
                    verdict,
                } => {
                    log::verdict(&check_id, status, verdict);
                }
                Output::Deregister {
                    service_id,
                    check_id,
                } => {
                    self.overdue.push((service_id, check_id));
                }
            }
        }
        if std::mem::take(&mut self.dirty) {
            let (monitors, ttls) = self.scheduler.counts();
            let state = Arc::new(self.state.clone());
            self.publish.send_replace(Published {
                state,
                counts: Counts { monitors, ttls },
            });
        }
        if std::mem::take(&mut self.unsynced) {
            self.triggers.change();
        }
    }

    pub(super) fn start_run(&mut self, check_id: String, run: u64) {
        let Some(job) = self.jobs.get(&check_id).cloned() else {
            return;
        };
        let results = self.finished.0.clone();
        let running = self.tracker.spawn(async move {
            let outcome = caught(&check_id, Box::pin(job.run())).await;
            // Fails only when the task is gone, and nobody waits for the result.
            let _ = results
                .send(Finished {
                    check_id,
                    run,
                    outcome,
                })
                .await;
        });
        self.runs.insert(run, running.abort_handle());
    }

    pub(super) fn report(&mut self, check_id: &str, outcome: &Outcome) {
        if self.jobs.contains_key(check_id) {
            log::result(check_id, outcome);
        }
        match self.state.update_check(check_id, outcome) {
            CheckUpdate::Nothing => return,
            CheckUpdate::OutputDeferred => {
                let now = self.now();
                self.deferrals.defer(now, check_id);
            }
            CheckUpdate::Changed => {
                self.unsynced = true;
                self.refresh_aliases();
            }
        }
        self.dirty = true;
    }

    /// Lets the aliases of this node follow.
    pub(super) fn refresh_aliases(&mut self) {
        for (check_id, outcome) in self.state.stale_aliases(self.check_output_max_size) {
            self.derive(&check_id, &outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::check::Status;

    #[tokio::test]
    async fn a_run_that_panics_ends_as_critical() {
        let run = async {
            tokio::task::yield_now().await;
            panic!("a defect in a runner")
        };
        let outcome = caught("web", run).await;
        assert_eq!(outcome.status, Status::Critical);
        assert!(outcome.output.contains("panicked"), "{}", outcome.output);
        let fine = caught("web", async { Outcome::new(Status::Passing, "fine") }).await;
        assert_eq!(
            (fine.status, fine.output.as_str()),
            (Status::Passing, "fine")
        );
    }
}
