//! When checks run and when their time is up. Pure: time is an argument, randomness is seeded.
//!
//! The driver calls [`Scheduler::handle`] with what happened, executes every
//! [`Scheduler::poll_output`], and calls again with [`Input::Tick`] no later than
//! [`Scheduler::next_deadline`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub use self::lanes::{Lane, Limit, Limits};
use self::lanes::{Pace, Queue, Run, Turn};
use super::outcome::{FlapGuard, Outcome, Thresholds, Verdict};
use super::output::{cap_output, expired_ttl_output};
use crate::model::check::Status;

mod lanes;

/// Monotonic time since an origin that the driver chose.
pub type Mono = Duration;

/// The shortest time between two runs; shorter intervals are stretched to it, as Consul does.
pub const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// Consul's `check_reap_interval`: how often long-critical services are looked for.
pub const REAP_INTERVAL: Duration = Duration::from_secs(30);
/// Consul's `check_deregister_interval_min`: the shortest `deregister_critical_service_after`.
pub const MIN_DEREGISTER_AFTER: Duration = Duration::from_mins(1);

/// How a check is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drive {
    /// A runner is started every `interval`, counted from the end of the previous run; where
    /// `lane` is full it starts later, by another `interval` at most.
    Periodic { interval: Duration, lane: Lane },
    /// The application reports; silence for `ttl` makes the check critical.
    Ttl {
        ttl: Duration,
        output_max_size: usize,
    },
    /// Something else computes the status (an alias); only reaping is watched here.
    Derived,
}

/// Everything the scheduler needs to know of one check.
#[derive(Clone, Debug)]
pub struct Plan {
    pub drive: Drive,
    pub thresholds: Thresholds,
    /// The status that is published now.
    pub status: Status,
    /// What the check said last, for the text of an expired TTL.
    pub output: String,
    /// The instance to deregister when the check stays critical for `deregister_after`.
    pub service_id: String,
    /// `None`: never.
    pub deregister_after: Option<Duration>,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A check was registered; one with the same id is replaced and its run aborted.
    Add { check_id: String, plan: Plan },
    /// A check is gone.
    Remove { check_id: String },
    /// The run that [`Output::Start`] asked for ended. Stale run numbers are ignored.
    Finished {
        check_id: String,
        run: u64,
        outcome: Outcome,
    },
    /// The application reported on a TTL check.
    Heartbeat { check_id: String, outcome: Outcome },
    /// A derived check got a new status; nothing is published, it is only watched for reaping.
    Derived { check_id: String, status: Status },
    /// Time passed. Only this fires timers: all heartbeats that came before are taken in first, so
    /// that a TTL check does not expire because its driver was busy.
    Tick,
}

/// What the driver must do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Start the check's runner and report back with the same run number.
    Start { check_id: String, run: u64 },
    /// Stop that run: nobody waits for it any more.
    Abort { check_id: String, run: u64 },
    /// Publish this status and output.
    Report { check_id: String, outcome: Outcome },
    /// A TTL check fell silent: log it; a [`Output::Report`] follows.
    Expired { check_id: String },
    /// A result did not reach its threshold: log it, publish nothing.
    BelowThreshold {
        check_id: String,
        status: Status,
        verdict: Verdict,
    },
    /// The check was critical for too long: deregister its service.
    Deregister {
        service_id: String,
        check_id: String,
    },
}

#[derive(Debug)]
struct Entry {
    plan: Plan,
    guard: FlapGuard,
    /// The run under way.
    run: Option<Run>,
    pace: Pace,
    /// Until when the entry waits for a place in its lane.
    waits_until: Option<Mono>,
    /// The entry's place in `timers`.
    due: Option<Mono>,
    /// Since when the check is critical by a result (not by its initial status).
    critical_since: Option<Mono>,
}

/// The state machine over all checks of this agent.
#[derive(Debug)]
pub struct Scheduler {
    entries: BTreeMap<String, Entry>,
    timers: BTreeSet<(Mono, String)>,
    processes: Queue,
    sockets: Queue,
    next_run: u64,
    next_reap: Option<Mono>,
    outputs: VecDeque<Output>,
    rng: StdRng,
}

impl Scheduler {
    /// `seed` decides the jitter of first runs.
    pub fn new(seed: u64, limits: Limits) -> Self {
        Self {
            entries: BTreeMap::new(),
            timers: BTreeSet::new(),
            processes: Queue::new(limits.processes),
            sockets: Queue::new(limits.sockets),
            next_run: 1,
            next_reap: None,
            outputs: VecDeque::new(),
            rng: StdRng::seed_from_u64(seed),
        }
    }

    /// Whether the application reports on this check.
    pub fn is_ttl(&self, check_id: &str) -> bool {
        self.entries
            .get(check_id)
            .is_some_and(|entry| matches!(entry.plan.drive, Drive::Ttl { .. }))
    }

    /// Checks with a runner, and TTL checks: Consul's `check_monitors` and `check_ttls`.
    pub fn counts(&self) -> (usize, usize) {
        let periodic = |entry: &&Entry| matches!(entry.plan.drive, Drive::Periodic { .. });
        let ttl = |entry: &&Entry| matches!(entry.plan.drive, Drive::Ttl { .. });
        (
            self.entries.values().filter(periodic).count(),
            self.entries.values().filter(ttl).count(),
        )
    }

    /// Takes in what happened at `now`.
    pub fn handle(&mut self, now: Mono, input: Input) {
        match input {
            Input::Add { check_id, plan } => self.add(now, &check_id, plan),
            Input::Remove { check_id } => self.remove(&check_id),
            Input::Finished {
                check_id,
                run,
                outcome,
            } => {
                self.finished(now, check_id, run, outcome);
            }
            Input::Heartbeat { check_id, outcome } => self.heartbeat(now, check_id, &outcome),
            Input::Derived { check_id, status } => self.note_status(now, &check_id, status),
            Input::Tick => {
                self.fire_timers(now);
                self.reap(now);
            }
        }
        self.start_waiting(now, Lane::Processes);
        self.start_waiting(now, Lane::Sockets);
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due at the latest; `None`: nothing is planned.
    pub fn next_deadline(&self) -> Option<Mono> {
        let timer = self.timers.first().map(|(due, _)| *due);
        let processes = self.processes.next_deadline();
        let sockets = self.sockets.next_deadline();
        let all = [timer, processes, sockets, self.next_reap];
        all.into_iter().flatten().min()
    }

    fn add(&mut self, now: Mono, check_id: &str, plan: Plan) {
        self.remove(check_id);
        let first = match plan.drive {
            Drive::Periodic { interval, .. } => Some(self.stagger(interval.max(MIN_INTERVAL))),
            Drive::Ttl { ttl, .. } => Some(ttl),
            Drive::Derived => None,
        };
        let guard = FlapGuard::new(plan.thresholds);
        // The others run, and say so then; a derived status is told when it changes.
        let is_derived = matches!(plan.drive, Drive::Derived);
        let critical_since = (is_derived && plan.status == Status::Critical).then_some(now);
        let entry = Entry {
            plan,
            guard,
            run: None,
            pace: Pace::default(),
            waits_until: None,
            due: None,
            critical_since,
        };
        self.entries.insert(check_id.to_owned(), entry);
        if let Some(delay) = first {
            self.arm(check_id, now + delay);
        }
        if self.entries[check_id].plan.deregister_after.is_some() && self.next_reap.is_none() {
            self.next_reap = Some(now + REAP_INTERVAL);
        }
    }

    /// A moment in `[0, interval)`: checks that were registered together do not run together.
    fn stagger(&mut self, interval: Duration) -> Duration {
        let nanos = u64::try_from(interval.as_nanos())
            .unwrap_or(u64::MAX)
            .max(1);
        Duration::from_nanos(self.rng.random_range(0..nanos))
    }

    fn remove(&mut self, check_id: &str) {
        let Some(entry) = self.entries.remove(check_id) else {
            return;
        };
        if let Some(due) = entry.due {
            self.timers.remove(&(due, check_id.to_owned()));
        }
        let Drive::Periodic { lane, .. } = entry.plan.drive else {
            return;
        };
        if let Some(deadline) = entry.waits_until {
            self.queue(lane).leave(deadline, entry.pace, check_id);
        }
        if let Some((since, run)) = entry.run {
            self.queue(lane).run_ended((since, run));
            self.outputs.push_back(Output::Abort {
                check_id: check_id.to_owned(),
                run,
            });
        }
    }

    fn queue(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Processes => &mut self.processes,
            Lane::Sockets => &mut self.sockets,
        }
    }

    fn finished(&mut self, now: Mono, check_id: String, run: u64, outcome: Outcome) {
        let Some(entry) = self.entries.get_mut(&check_id) else {
            return;
        };
        let Some(under_way) = entry.run.take_if(|it| it.1 == run) else {
            return;
        };
        entry.pace = Pace::of(now.saturating_sub(under_way.0));
        if let Drive::Periodic { lane, .. } = entry.plan.drive {
            self.queue(lane).run_ended(under_way);
        }
        self.conclude(now, check_id, outcome);
    }

    /// Judges a result and plans the next run.
    fn conclude(&mut self, now: Mono, check_id: String, outcome: Outcome) {
        let Some(entry) = self.entries.get_mut(&check_id) else {
            return;
        };
        let verdict = entry.guard.judge(outcome.status);
        if let Drive::Periodic { interval, .. } = entry.plan.drive {
            self.arm(&check_id, now + interval.max(MIN_INTERVAL));
        }
        match verdict {
            Verdict::Report(status) => {
                self.report(now, check_id, Outcome::new(status, outcome.output));
            }
            Verdict::TooFewSuccesses { .. } | Verdict::TooFewFailures { .. } => {
                let status = outcome.status;
                self.outputs.push_back(Output::BelowThreshold {
                    check_id,
                    status,
                    verdict,
                });
            }
        }
    }

    fn heartbeat(&mut self, now: Mono, check_id: String, outcome: &Outcome) {
        let Some(entry) = self.entries.get_mut(&check_id) else {
            return;
        };
        let Drive::Ttl {
            ttl,
            output_max_size,
        } = entry.plan.drive
        else {
            return;
        };
        let output = cap_output(&outcome.output, output_max_size);
        entry.plan.output.clone_from(&output);
        self.arm(&check_id, now + ttl);
        self.report(now, check_id, Outcome::new(outcome.status, output));
    }

    fn report(&mut self, now: Mono, check_id: String, outcome: Outcome) {
        self.note_status(now, &check_id, outcome.status);
        self.outputs.push_back(Output::Report { check_id, outcome });
    }

    fn note_status(&mut self, now: Mono, check_id: &str, status: Status) {
        let Some(entry) = self.entries.get_mut(check_id) else {
            return;
        };
        entry.plan.status = status;
        entry.critical_since = match status {
            Status::Critical => entry.critical_since.or(Some(now)),
            Status::Passing | Status::Warning => None,
        };
    }

    /// Moves the check's only timer to `due`.
    fn arm(&mut self, check_id: &str, due: Mono) {
        let Some(entry) = self.entries.get_mut(check_id) else {
            return;
        };
        if let Some(old) = entry.due.replace(due) {
            self.timers.remove(&(old, check_id.to_owned()));
        }
        self.timers.insert((due, check_id.to_owned()));
    }

    fn fire_timers(&mut self, now: Mono) {
        while self.timers.first().is_some_and(|(due, _)| *due <= now) {
            let Some((due, check_id)) = self.timers.pop_first() else {
                return;
            };
            let Some(entry) = self.entries.get_mut(&check_id) else {
                continue;
            };
            entry.due = None;
            match entry.plan.drive {
                Drive::Periodic { interval, lane } => {
                    let deadline = due + interval.max(MIN_INTERVAL);
                    entry.waits_until = Some(deadline);
                    let pace = entry.pace;
                    self.queue(lane).wait(deadline, pace, check_id);
                }
                Drive::Ttl { .. } => {
                    let output = expired_ttl_output(&entry.plan.output);
                    self.outputs.push_back(Output::Expired {
                        check_id: check_id.clone(),
                    });
                    self.report(now, check_id, Outcome::critical(output));
                }
                Drive::Derived => {}
            }
        }
    }

    fn start_waiting(&mut self, now: Mono, lane: Lane) {
        while let Some(turn) = self.queue(lane).next(now) {
            let (Turn::Start(check_id) | Turn::Refuse(check_id)) = &turn;
            if let Some(entry) = self.entries.get_mut(check_id) {
                entry.waits_until = None;
            }
            match turn {
                Turn::Start(check_id) => self.start(now, lane, check_id),
                Turn::Refuse(check_id) => {
                    let text = self.queue(lane).refusal(lane);
                    self.conclude(now, check_id, Outcome::critical(text));
                }
            }
        }
    }

    fn start(&mut self, now: Mono, lane: Lane, check_id: String) {
        let run = self.next_run;
        self.next_run += 1;
        let Some(entry) = self.entries.get_mut(&check_id) else {
            return;
        };
        entry.run = Some((now, run));
        self.queue(lane).run_began((now, run));
        self.outputs.push_back(Output::Start { check_id, run });
    }

    /// Consul's reaper: every [`REAP_INTERVAL`], services whose check stayed critical too long go.
    fn reap(&mut self, now: Mono) {
        let Some(due) = self.next_reap else { return };
        if now < due {
            return;
        }
        let mut reapable = false;
        let mut reaped = BTreeSet::new();
        for (check_id, entry) in &self.entries {
            let Some(after) = entry.plan.deregister_after else {
                continue;
            };
            reapable = true;
            let overdue = entry
                .critical_since
                .is_some_and(|since| now.saturating_sub(since) > after);
            if overdue && !entry.plan.service_id.is_empty() && reaped.insert(&entry.plan.service_id)
            {
                let service_id = entry.plan.service_id.clone();
                let check_id = check_id.clone();
                self.outputs.push_back(Output::Deregister {
                    service_id,
                    check_id,
                });
            }
        }
        self.next_reap = reapable.then(|| now + REAP_INTERVAL);
    }
}

#[cfg(test)]
mod tests;
