//! Keeps asking: a task for each part, with its own pauses. The screen never waits for it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::fetch::{PATIENCE, contact, pulse, within};
use super::snapshot::{FaultKind, Update};
use super::subject::{Subject, Subjects};
use crate::api::{Client, Meta, QueryOptions};

/// How long a question that waits for a change waits at most.
const WAIT: Duration = Duration::from_mins(1);
/// How long such a question may take: the agent may add a sixteenth of the wait.
const WAIT_PATIENCE: Duration = Duration::from_millis(67_500);
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
/// A question or an answer of the last so many is new enough for whoever wants to know now: a key that is held would
/// let no answer come, and ask too much.
const RECENT: Duration = Duration::from_millis(250);
/// The agent's pulse is felt so many times as often as it is asked.
const PULSES: u32 = 5;
/// How long a beat of the pulse may take at least; together with the pause before it and a frame, less than a second.
const PULSE_PATIENCE: Duration = Duration::from_millis(500);
/// How long the first beat may take, before anybody knows how fast the agent is.
const FIRST_PATIENCE: Duration = Duration::from_secs(2);
/// An agent that takes so many times as long as the last time is away.
const SLACK: u32 = 4;

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
    tasks: JoinSet<()>,
    wanted: watch::Sender<Subjects>,
}

impl Poller {
    /// Starts asking for what is `wanted`. `interval` is the least pause between two questions about the same.
    pub fn start(client: &Client, interval: Duration, wanted: Subjects) -> Self {
        let (sender, arrivals) = mpsc::channel(QUEUE);
        let (refresh, refreshed) = watch::channel(0);
        let (wanted, is_wanted) = watch::channel(wanted);
        let news = Arc::new(News::default());
        let mut tasks = JoinSet::new();
        for subject in Subject::ALL {
            let follower = Follower {
                client: client.clone(),
                subject,
                pause: pause(subject, interval),
                sender: sender.clone(),
                refreshed: refreshed.clone(),
                wanted: is_wanted.clone(),
                news: Arc::clone(&news),
            };
            tasks.spawn(follower.run());
        }
        let pulse = Pulse {
            client: client.clone(),
            pause: interval / PULSES,
            sender,
            refreshed,
            news,
        };
        tasks.spawn(pulse.run());
        Self {
            arrivals,
            refresh,
            tasks,
            wanted,
        }
    }

    /// The next answer.
    ///
    /// # Errors
    ///
    /// A task has panicked: its part would never be asked for again.
    pub async fn next(&mut self) -> io::Result<Arrived> {
        loop {
            tokio::select! {
                biased;
                Some(ended) = self.tasks.join_next() => match ended {
                    Err(error) if error.is_panic() => return Err(io::Error::other(error)),
                    _ => {}
                },
                arrived = self.arrivals.recv() => {
                    return arrived.ok_or_else(|| io::Error::other("nobody asks any more"));
                }
            }
        }
    }

    /// Asks everything that is wanted again, now.
    pub fn refresh(&self) {
        self.refresh.send_modify(|count| *count += 1);
    }

    /// Asks for those only, from now on.
    pub fn follow(&self, wanted: Subjects) {
        self.wanted.send_replace(wanted);
    }
}

/// What changes slowly is asked seldom. A question that waits for changes rests as well: a busy cluster changes all the
/// time, and without an index there is nothing to wait for.
fn pause(subject: Subject, interval: Duration) -> Duration {
    match subject {
        Subject::Agent
        | Subject::Health
        | Subject::Leader
        | Subject::Members
        | Subject::Checks
        | Subject::Services => interval,
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

/// Comes back when somebody wants to know now.
async fn pressed(refreshed: &mut watch::Receiver<u64>) {
    if refreshed.changed().await.is_err() {
        // Nobody is left to press; the task ends with the poller.
        std::future::pending::<()>().await;
    }
}

/// What the parts let the pulse know.
#[derive(Default)]
struct News {
    /// A part could not be asked.
    doubt: Notify,
    /// A part was answered.
    hope: Notify,
}

/// Asks for one part again and again, while it is wanted.
struct Follower {
    client: Client,
    subject: Subject,
    pause: Duration,
    sender: mpsc::Sender<Arrived>,
    refreshed: watch::Receiver<u64>,
    wanted: watch::Receiver<Subjects>,
    news: Arc<News>,
}

impl Follower {
    async fn run(mut self) {
        let mut index = 0;
        let mut failures = 0;
        let (subject, mut wanted) = (self.subject, self.wanted.clone());
        loop {
            if wanted.wait_for(|set| set.contains(subject)).await.is_err() {
                return;
            }
            let (update, meta) = tokio::select! {
                answer = self.question(index) => answer,
                gone = wanted.wait_for(|set| !set.contains(subject)) => match gone {
                    Ok(_) => continue,
                    Err(_) => return,
                },
            };
            let trouble = update.fault().map(|fault| fault.kind);
            failures = if trouble.is_some() { failures + 1 } else { 0 };
            if trouble == Some(FaultKind::Unreachable) {
                self.news.doubt.notify_one();
            } else {
                // Only for who waits now: what came before the agent went away is no sign of its return.
                self.news.hope.notify_waiters();
            }
            let pause = match trouble {
                // The agent will not learn it; rights seldom change, but somebody may be changing them just now.
                Some(FaultKind::Unsupported) => BACK_OFF[4],
                Some(FaultKind::Forbidden) => BACK_OFF[2],
                Some(_) => back_off(failures, rand::random()),
                None => self.pause,
            };
            // An index that goes backwards is of another cluster, or of one that was restored: begin anew.
            index = if trouble.is_some() || meta.index < index {
                0
            } else {
                meta.index
            };
            let retry_in = trouble.map(|_| pause);
            if !self.tell(update, meta, retry_in).await {
                return;
            }
            self.rest(pause).await;
        }
    }

    /// Hands over what came; `false` when nobody listens any more.
    async fn tell(&self, update: Update, meta: Meta, retry_in: Option<Duration>) -> bool {
        if let Some(contact) = contact(&update, meta) {
            let arrived = Arrived {
                update: contact,
                retry_in: None,
            };
            if self.sender.send(arrived).await.is_err() {
                return false;
            }
        }
        let arrived = Arrived { update, retry_in };
        self.sender.send(arrived).await.is_ok()
    }

    async fn question(&mut self, mut index: u64) -> (Update, Meta) {
        loop {
            let options = QueryOptions {
                index,
                wait: if index > 0 { WAIT } else { Duration::ZERO },
                ..QueryOptions::default()
            };
            let limit = if index > 0 { WAIT_PATIENCE } else { PATIENCE };
            self.refreshed.borrow_and_update();
            let recent = Instant::now() + RECENT;
            let refreshed = &mut self.refreshed;
            let pressed = async {
                loop {
                    pressed(refreshed).await;
                    // One that waits for a change would not answer soon.
                    if index > 0 || Instant::now() >= recent {
                        return;
                    }
                }
            };
            tokio::select! {
                answer = within(limit, &self.client, self.subject, &options) => return answer,
                () = pressed => index = 0,
            }
        }
    }

    async fn rest(&mut self, pause: Duration) {
        let recent = Instant::now() + RECENT;
        tokio::select! {
            () = sleep(pause) => {}
            () = pressed(&mut self.refreshed) => sleep_until(recent).await,
        }
    }
}

/// Feels whether the agent is there, several times a second and with little patience. The parts cannot tell: they are
/// asked too seldom, may take their time, and the token may not read them.
struct Pulse {
    client: Client,
    pause: Duration,
    sender: mpsc::Sender<Arrived>,
    refreshed: watch::Receiver<u64>,
    news: Arc<News>,
}

impl Pulse {
    async fn run(mut self) {
        let mut failures = 0;
        let mut limit = FIRST_PATIENCE;
        loop {
            self.refreshed.borrow_and_update();
            let began = Instant::now();
            let came = pulse(&self.client, limit).await;
            let slack = if came.is_ok() {
                failures = 0;
                began.elapsed() * SLACK
            } else {
                failures += 1;
                // It may only be slower than it was.
                limit * 2
            };
            limit = slack.clamp(PULSE_PATIENCE, PATIENCE);
            let retry_in = (failures > 0).then(|| back_off(failures, rand::random()));
            let update = Update::Pulse(came);
            if self
                .sender
                .send(Arrived { update, retry_in })
                .await
                .is_err()
            {
                return;
            }
            tokio::select! {
                () = sleep(retry_in.unwrap_or(self.pause)) => {}
                () = pressed(&mut self.refreshed) => {}
                () = self.news.doubt.notified(), if failures == 0 => {}
                () = hope(&self.news, self.pause), if failures > 0 => {}
            }
        }
    }
}

/// Comes back when a part was answered, but not before the usual `pause`.
async fn hope(news: &News, pause: Duration) {
    sleep(pause).await;
    news.hope.notified().await;
}

#[cfg(test)]
pub(crate) mod fake_agent;
#[cfg(test)]
mod tests;
