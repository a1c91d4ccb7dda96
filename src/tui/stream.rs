//! The picture as an object a refresh, for programs that follow it.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::derive::{Picture, derive_after};
use super::observed::Observations;
use super::poller::Poller;
use super::report::{Report, report};
use super::snapshot::{ClusterSnapshot, Millis, Part};
use super::subject::Subjects;
use super::thresholds::Thresholds;
use crate::api::Client;

/// How long the first object waits for parts that are slow to come.
const FIRST: Duration = Duration::from_secs(3);

/// Asks as the dashboard does, and makes reports of it.
pub struct Stream {
    poller: Poller,
    snapshot: ClusterSnapshot,
    picture: Picture,
    seen: Observations,
    pause: Duration,
    limits: Thresholds,
    /// When the next report is due.
    due: Instant,
    begun: bool,
}

impl Stream {
    /// Begins to ask; `pause` lies between two reports, `limits` tell what is a problem.
    pub fn start(client: &Client, pause: Duration, limits: Thresholds) -> Self {
        Self {
            poller: Poller::start(client, pause, Subjects::ALL),
            snapshot: ClusterSnapshot::new(client.address()),
            picture: Picture::default(),
            seen: Observations::default(),
            pause,
            limits,
            due: Instant::now() + FIRST,
            begun: false,
        }
    }

    /// The next report, when its time has come; the first one as soon as every part has answered.
    ///
    /// # Errors
    ///
    /// A part is not asked for any more. An agent that cannot be reached is told in the report.
    pub async fn next(&mut self, clock: impl Fn() -> Millis) -> io::Result<Report> {
        while self.begun || !is_complete(&self.snapshot) {
            tokio::select! {
                arrived = self.poller.next() => {
                    let snapshot = std::mem::take(&mut self.snapshot);
                    self.snapshot = snapshot.with(arrived?.update, clock());
                    // What changed in between has its own time.
                    self.seen.see(&self.snapshot);
                }
                () = sleep_until(self.due) => break,
            }
        }
        self.begun = true;
        self.due = Instant::now() + self.pause;
        self.picture = derive_after(
            &self.picture,
            clock(),
            &self.snapshot,
            &mut self.seen,
            &self.limits,
        );
        Ok(report(&self.snapshot, &self.picture))
    }
}

/// Whether every part has answered, well or not.
fn is_complete(snapshot: &ClusterSnapshot) -> bool {
    fn answered<T>(part: &Part<T>) -> bool {
        part.value.is_some() || part.fault.is_some()
    }
    answered(&snapshot.agent)
        && answered(&snapshot.members)
        && answered(&snapshot.checks)
        && answered(&snapshot.services)
        && answered(&snapshot.health)
        && answered(&snapshot.raft)
        && answered(&snapshot.autopilot)
        && answered(&snapshot.leader)
        && answered(&snapshot.changes)
        && answered(&snapshot.gossip)
        && answered(&snapshot.coordinates)
}
