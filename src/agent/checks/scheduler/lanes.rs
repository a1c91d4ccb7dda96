//! Places for runs: how many are under way at once, and who comes next.
//!
//! A check that waits for a place starts no later than its interval after it fell due, whatever
//! the others do: checks that hang must not keep healthy ones from running.

use std::collections::BTreeSet;

use super::Mono;
use crate::agent::checks::spec::Probe;

/// Programs that are started while others are under way, at most; further due ones wait for a
/// place, but never for longer than their interval.
const PROCESS_PLACES: usize = 256;
/// Programs under way at once at most, of checks that waited for their whole interval too.
const MAX_PROCESSES: usize = 1024;
/// Open files that a program's run takes at most: two pipes, its handle and a spare one.
const FILES_A_PROCESS: u64 = 4;
/// The least number of runs of a lane, however few files this process may open.
const MIN_RUNS: usize = 16;

/// What a run takes of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// A process: on this machine, or in a container.
    Processes,
    /// A connection.
    Sockets,
}

impl Lane {
    /// The lane of what `probe` does.
    pub fn of(probe: &Probe) -> Self {
        match probe {
            Probe::Script(_) | Probe::Docker(_) => Self::Processes,
            _ => Self::Sockets,
        }
    }
}

/// Runs of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// With as many under way, a due check waits, until its deadline at the latest.
    pub places: usize,
    /// With as many under way, a check at its deadline is not run and says so.
    pub at_most: usize,
}

/// The limits of both lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub processes: Limit,
    pub sockets: Limit,
}

impl Limits {
    /// For a process that may open `files` files (`None`: any number): connections take half of
    /// them and programs a quarter, which leaves a quarter for everything else of the agent.
    pub fn of_files(files: Option<u64>) -> Self {
        let share = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).max(MIN_RUNS);
        let files = files.unwrap_or(u64::MAX);
        let sockets = share(files / 2);
        let processes = share(files / 4 / FILES_A_PROCESS).min(MAX_PROCESSES);
        Self {
            processes: Limit {
                places: processes.min(PROCESS_PLACES),
                at_most: processes,
            },
            sockets: Limit {
                places: sockets,
                at_most: sockets,
            },
        }
    }
}

/// What becomes of a waiting check.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Start(String),
    /// The lane is full to the brim and the check's time is over.
    Refuse(String),
}

/// One lane: the runs under way and the checks that wait, those with the nearest deadline first.
#[derive(Debug)]
pub(super) struct Queue {
    limit: Limit,
    running: usize,
    waiting: BTreeSet<(Mono, String)>,
}

impl Queue {
    pub(super) fn new(limit: Limit) -> Self {
        Self {
            limit,
            running: 0,
            waiting: BTreeSet::new(),
        }
    }

    pub(super) fn wait(&mut self, deadline: Mono, check_id: String) {
        self.waiting.insert((deadline, check_id));
    }

    /// The check does not wait any more.
    pub(super) fn leave(&mut self, deadline: Mono, check_id: &str) {
        self.waiting.remove(&(deadline, check_id.to_owned()));
    }

    /// A run ended or was given up.
    pub(super) fn run_ended(&mut self) {
        self.running -= 1;
    }

    /// Who is next at `now`; a start takes its place at once.
    pub(super) fn next(&mut self, now: Mono) -> Option<Turn> {
        let (deadline, _) = self.waiting.first()?;
        let is_overdue = *deadline <= now;
        let limit = if is_overdue {
            self.limit.at_most
        } else {
            self.limit.places
        };
        if self.running < limit {
            self.running += 1;
            return self.waiting.pop_first().map(|(_, id)| Turn::Start(id));
        }
        if !is_overdue {
            return None;
        }
        self.waiting.pop_first().map(|(_, id)| Turn::Refuse(id))
    }

    /// When a waiting check must start at the latest.
    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.waiting.first().map(|(deadline, _)| *deadline)
    }

    /// What a check says that [`Turn::Refuse`] met.
    pub(super) fn refusal(&self, lane: Lane) -> String {
        let count = self.limit.at_most;
        match lane {
            Lane::Processes => format!(
                "not run: {count} checks of this agent run a program already, as many as it \
                 allows; raise their intervals or lower their timeouts"
            ),
            Lane::Sockets => format!(
                "not run: {count} checks of this agent are under way already, as many as its \
                 limit of open files allows; raise the limit (ulimit -n) or lower their timeouts"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn limits_follow_the_open_files() {
        let few = Limits::of_files(Some(1024));
        assert_eq!((few.sockets.places, few.sockets.at_most), (512, 512));
        assert_eq!((few.processes.places, few.processes.at_most), (64, 64));
        let many = Limits::of_files(Some(1 << 20));
        assert_eq!(many.sockets.at_most, 1 << 19);
        assert_eq!(many.processes.places, PROCESS_PLACES);
        assert_eq!(many.processes.at_most, MAX_PROCESSES);
        assert_eq!(
            Limits::of_files(None).processes,
            many.processes,
            "programs are bounded where files are not"
        );
        assert_eq!(Limits::of_files(Some(0)).sockets.places, MIN_RUNS);
    }

    #[test]
    fn a_full_lane_lets_in_who_has_waited_to_the_end_up_to_the_brim() {
        let mut queue = Queue::new(Limit {
            places: 1,
            at_most: 2,
        });
        for (deadline, id) in [(3, "late"), (1, "first"), (2, "second")] {
            queue.wait(SECOND * deadline, id.to_owned());
        }
        let start = |id: &str| Some(Turn::Start(id.to_owned()));
        assert_eq!(queue.next(Mono::ZERO), start("first"));
        assert_eq!(queue.next(Mono::ZERO), None, "the only place is taken");
        assert_eq!(queue.next_deadline(), Some(SECOND * 2));
        assert_eq!(queue.next(SECOND * 2), start("second"));
        assert_eq!(queue.next(SECOND * 2), None);
        let refused = Some(Turn::Refuse("late".to_owned()));
        assert_eq!(queue.next(SECOND * 3), refused);
        assert_eq!(queue.next_deadline(), None);
    }
}
