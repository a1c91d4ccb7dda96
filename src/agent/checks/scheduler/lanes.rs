//! Places for runs: how many are under way at once, and who comes next.
//!
//! Checks that hang must not keep healthy ones from running. A run takes a place only while it is
//! young, for one that goes on for long mostly sleeps; the last places below the brim are kept for
//! checks whose runs are short. A check that waits for a place starts no later than its interval
//! after it fell due, or is told that it was not run.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Mono;
use crate::agent::checks::spec::Probe;

/// Young programs at once at most; further due ones wait for a place, but never for longer than
/// their interval.
const PROCESS_PLACES: usize = 256;
/// Programs under way at once at most, old ones and those of checks that waited for their whole
/// interval too.
const MAX_PROCESSES: usize = 1024;
/// How long a run is young.
const YOUNG: Duration = Duration::from_secs(1);
/// A run that takes as long is a long one.
const LONG_RUN: Duration = Duration::from_secs(3);
/// The part of a lane that long runs leave to unknown ones, and these again to short ones.
const RESERVE: usize = 8;
/// Open files that a program's run takes at most, while it starts: a pipe's ends, its handle and a
/// spare one.
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
    /// With as many young ones, a due check waits, until its deadline at the latest.
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

/// How long a check's last run was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pace {
    Short,
    /// There was none.
    #[default]
    Unknown,
    Long,
}

impl Pace {
    const ALL: [Self; 3] = [Self::Short, Self::Unknown, Self::Long];

    /// Of a run that took as long.
    pub(super) fn of(taken: Duration) -> Self {
        if taken < LONG_RUN {
            Self::Short
        } else {
            Self::Long
        }
    }

    /// With as many runs under way, none of this pace is started.
    fn brim(self, at_most: usize) -> usize {
        let reserve = at_most / RESERVE;
        match self {
            Self::Short => at_most,
            Self::Unknown => at_most - reserve,
            Self::Long => at_most - 2 * reserve,
        }
    }
}

/// A run under way: since when, and its number.
pub(super) type Run = (Mono, u64);

/// What becomes of a waiting check.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// [`Queue::run_began`] follows.
    Start(String),
    /// The lane is full to the brim and the check's time is over.
    Refuse(String),
}

/// One lane: the runs under way and the checks that wait, those with the nearest deadline first.
#[derive(Debug)]
pub(super) struct Queue {
    limit: Limit,
    running: usize,
    /// Those of the runs that hold a place.
    young: BTreeSet<Run>,
    /// By [`Pace`].
    waiting: [BTreeSet<(Mono, String)>; Pace::ALL.len()],
}

impl Queue {
    pub(super) fn new(limit: Limit) -> Self {
        Self {
            limit,
            running: 0,
            young: BTreeSet::new(),
            waiting: Default::default(),
        }
    }

    pub(super) fn wait(&mut self, deadline: Mono, pace: Pace, check_id: String) {
        self.waiting[pace as usize].insert((deadline, check_id));
    }

    /// The check does not wait any more.
    pub(super) fn leave(&mut self, deadline: Mono, pace: Pace, check_id: &str) {
        self.waiting[pace as usize].remove(&(deadline, check_id.to_owned()));
    }

    pub(super) fn run_began(&mut self, run: Run) {
        self.running += 1;
        self.young.insert(run);
    }

    /// A run ended or was given up.
    pub(super) fn run_ended(&mut self, run: Run) {
        self.running -= 1;
        self.young.remove(&run);
    }

    /// Who is next at `now`: of those that may start, or may wait no more, the one with the
    /// nearest deadline.
    pub(super) fn next(&mut self, now: Mono) -> Option<Turn> {
        while self.young.first().is_some_and(|it| it.0 + YOUNG <= now) {
            self.young.pop_first();
        }
        let has_place = self.young.len() < self.limit.places;
        let mut best: Option<(Mono, Pace, bool)> = None;
        for pace in Pace::ALL {
            let Some((deadline, _)) = self.waiting[pace as usize].first() else {
                continue;
            };
            let is_overdue = *deadline <= now;
            let fits = self.running < pace.brim(self.limit.at_most);
            let is_decided = is_overdue || (has_place && fits);
            if is_decided && best.is_none_or(|best| *deadline < best.0) {
                best = Some((*deadline, pace, fits));
            }
        }
        let (_, pace, fits) = best?;
        let (_, check_id) = self.waiting[pace as usize].pop_first()?;
        Some(if fits {
            Turn::Start(check_id)
        } else {
            Turn::Refuse(check_id)
        })
    }

    /// When [`Self::next`] may have another answer though no run ended.
    pub(super) fn next_deadline(&self) -> Option<Mono> {
        let heads = self.waiting.iter().filter_map(BTreeSet::first);
        let deadline = heads.map(|(deadline, _)| *deadline).min()?;
        let is_full = self.young.len() >= self.limit.places;
        let oldest = self.young.first().filter(|_| is_full);
        Some(oldest.map_or(deadline, |it| deadline.min(it.0 + YOUNG)))
    }

    /// What a check says that [`Turn::Refuse`] met.
    pub(super) fn refusal(&self, lane: Lane) -> String {
        let count = self.running;
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

    fn queue(places: usize, at_most: usize) -> Queue {
        Queue::new(Limit { places, at_most })
    }

    fn start(id: &str) -> Turn {
        Turn::Start(id.to_owned())
    }

    fn refuse(id: &str) -> Turn {
        Turn::Refuse(id.to_owned())
    }

    #[test]
    fn a_full_lane_lets_in_who_has_waited_to_the_end_up_to_the_brim() {
        let mut queue = queue(1, 2);
        let millis = Duration::from_millis;
        for (deadline, id) in [(300, "late"), (100, "first"), (200, "second")] {
            queue.wait(millis(deadline), Pace::Short, id.to_owned());
        }
        assert_eq!(queue.next(Mono::ZERO), Some(start("first")));
        queue.run_began((Mono::ZERO, 1));
        assert_eq!(queue.next(Mono::ZERO), None, "the only place is taken");
        assert_eq!(queue.next_deadline(), Some(millis(200)));
        assert_eq!(queue.next(millis(200)), Some(start("second")));
        queue.run_began((millis(200), 2));
        assert_eq!(queue.next(millis(200)), None);
        assert_eq!(queue.next(millis(300)), Some(refuse("late")));
        assert_eq!(queue.next_deadline(), None);
    }

    #[test]
    fn a_run_that_grows_old_gives_its_place_back() {
        let mut queue = queue(1, 2);
        queue.run_began((Mono::ZERO, 1));
        queue.wait(SECOND * 60, Pace::Unknown, "web".to_owned());
        assert_eq!(queue.next(Mono::ZERO), None);
        assert_eq!(queue.next_deadline(), Some(YOUNG));
        assert_eq!(queue.next(YOUNG), Some(start("web")));
    }

    #[test]
    fn the_last_places_are_for_short_runs() {
        let mut queue = queue(100, 16);
        for run in 0..12 {
            queue.run_began((Mono::ZERO, run));
        }
        queue.wait(SECOND, Pace::Long, "long".to_owned());
        assert_eq!(queue.next(Mono::ZERO), None);
        queue.wait(SECOND * 9, Pace::Unknown, "new".to_owned());
        assert_eq!(queue.next(Mono::ZERO), Some(start("new")));
        queue.run_began((Mono::ZERO, 12));
        queue.run_began((Mono::ZERO, 13));
        queue.wait(SECOND * 9, Pace::Unknown, "new".to_owned());
        assert_eq!(queue.next(Mono::ZERO), None);
        queue.wait(SECOND * 9, Pace::Short, "short".to_owned());
        assert_eq!(queue.next(Mono::ZERO), Some(start("short")));
        assert_eq!(queue.next(SECOND), Some(refuse("long")));
    }
}
