//! Keeps asking: a task for each part, with its own pauses. The screen never waits for it.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::fetch::{Subject, ask};
use super::snapshot::{FaultKind, Update};
use crate::api::{Client, QueryOptions};

/// How long a question that waits for a change waits at most.
const WAIT: Duration = Duration::from_mins(1);
/// How long any other question may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pauses after failures in a row; the last one is repeated.
const BACK_OFF: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
];
/// Answers that may lie unread.
const QUEUE: usize = 64;
/// Least time between two answers of a question that waits for changes: a busy cluster changes all the time.
const BREATH: Duration = Duration::from_millis(500);

/// An answer, and what comes of it.
#[derive(Debug)]
pub struct Arrived {
    /// The answer.
    pub update: Update,
    /// When the next question is asked, if the agent cannot be reached.
    pub retry_in: Option<Duration>,
}

/// The tasks; they end when it is dropped.
pub struct Poller {
    arrivals: mpsc::Receiver<Arrived>,
    refresh: watch::Sender<u64>,
    _tasks: JoinSet<()>,
}

impl Poller {
    /// Starts asking. `interval` is the pause between questions about the agent itself and the servers.
    pub fn start(client: &Client, interval: Duration) -> Self {
        let (sender, arrivals) = mpsc::channel(QUEUE);
        let (refresh, refreshed) = watch::channel(0);
        let mut tasks = JoinSet::new();
        for subject in Subject::ALL {
            let follower = Follower {
                client: client.clone(),
                subject,
                pause: pause(subject, interval),
                sender: sender.clone(),
                refreshed: refreshed.clone(),
            };
            tasks.spawn(follower.run());
        }
        Self {
            arrivals,
            refresh,
            _tasks: tasks,
        }
    }

    /// The next answer.
    pub async fn next(&mut self) -> Option<Arrived> {
        self.arrivals.recv().await
    }

    /// Asks everything again, now.
    pub fn refresh(&self) {
        self.refresh.send_modify(|count| *count += 1);
    }
}

/// What changes slowly is asked seldom.
fn pause(subject: Subject, interval: Duration) -> Duration {
    match subject {
        Subject::Agent | Subject::Health | Subject::Leader | Subject::Members => interval,
        Subject::Checks | Subject::Services => BREATH,
        Subject::Changes | Subject::Raft => interval * 5,
        Subject::Gossip => interval * 10,
        Subject::Autopilot | Subject::Coordinates => interval * 30,
    }
}

/// The pause after so many failures in a row, a fifth shorter or longer at random: many screens do not come back at
/// the same moment.
pub(super) fn back_off(failures: usize, random: f64) -> Duration {
    let place = failures.saturating_sub(1).min(BACK_OFF.len() - 1);
    BACK_OFF[place].mul_f64(0.8 + 0.4 * random.clamp(0.0, 1.0))
}

struct Follower {
    client: Client,
    subject: Subject,
    pause: Duration,
    sender: mpsc::Sender<Arrived>,
    refreshed: watch::Receiver<u64>,
}

impl Follower {
    async fn run(mut self) {
        let mut index = 0;
        let mut failures = 0;
        loop {
            let (update, found) = self.question(index).await;
            let trouble = trouble(&update);
            failures = if trouble.is_some() { failures + 1 } else { 0 };
            let pause = match trouble {
                // The agent will not learn it, and rights seldom change.
                Some(FaultKind::Unsupported | FaultKind::Forbidden) => BACK_OFF[4],
                Some(_) => back_off(failures, rand::random()),
                None => self.pause,
            };
            // An index that goes backwards is of another cluster, or of one that was restored: begin anew.
            index = if trouble.is_some() || found < index {
                0
            } else {
                found
            };
            let arrived = Arrived {
                update,
                retry_in: trouble.map(|_| pause),
            };
            if self.sender.send(arrived).await.is_err() {
                return;
            }
            self.rest(pause).await;
        }
    }

    async fn question(&mut self, index: u64) -> (Update, u64) {
        let options = QueryOptions {
            index,
            wait: if index > 0 { WAIT } else { Duration::ZERO },
            ..QueryOptions::default()
        };
        // The agent may add a sixteenth of the wait.
        let limit = if index > 0 { WAIT + WAIT / 8 } else { PATIENCE };
        self.refreshed.borrow_and_update();
        tokio::select! {
            answer = tokio::time::timeout(limit, ask(&self.client, self.subject, &options)) => match answer {
                Ok(answer) => answer,
                Err(_) => (super::fetch::late(self.subject), 0),
            },
            // Somebody wants to know now.
            _ = self.refreshed.changed() => {
                let options = QueryOptions::default();
                ask(&self.client, self.subject, &options).await
            }
        }
    }

    async fn rest(&mut self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = self.refreshed.changed() => {}
        }
    }
}

fn trouble(update: &Update) -> Option<FaultKind> {
    fn of<T>(came: &Result<T, super::snapshot::Fault>) -> Option<FaultKind> {
        came.as_ref().err().map(|fault| fault.kind)
    }
    match update {
        Update::Agent(came) => of(came),
        Update::Members(came) => of(came),
        Update::Checks(came) => of(came),
        Update::Services(came) => of(came),
        Update::Health(came) => of(came),
        Update::Raft(came) => of(came),
        Update::Autopilot(came) => of(came),
        Update::Leader(came) => of(came),
        Update::Changes(came) => of(came),
        Update::Gossip(came) => of(came),
        Update::Coordinates(came) => of(came),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound() {
        let middle: Vec<u64> = (1..8).map(|count| back_off(count, 0.5).as_secs()).collect();
        assert_eq!(middle, [1, 2, 4, 8, 15, 15, 15]);
        assert_eq!(back_off(1, 0.0), Duration::from_millis(800));
        assert_eq!(back_off(99, 1.0), Duration::from_secs(18));
    }
}
