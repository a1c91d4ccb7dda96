//! Ends sessions that were not renewed in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::time::sleep_until;
use tracing::{debug, error};

use crate::agent::raft::Raft;
use crate::agent::rpc::SessionClocks;
use crate::agent::store::{Command, SessionChange, SessionCommand, SessionTable, Topic, WatchSet};

use super::log::LeaderLog;
use super::metrics::LeaderMetrics;

/// Sessions that are ended at a time.
const BATCH: usize = 64;
/// How long after a failure a session is ended again.
const RETRY: Duration = Duration::from_secs(1);

/// Keeps the sessions' times.
pub(super) struct SessionKeeper<'a> {
    pub(super) raft: &'a Raft,
    pub(super) log: &'a LeaderLog,
    pub(super) clocks: &'a SessionClocks,
    pub(super) metrics: &'a LeaderMetrics,
}

impl SessionKeeper<'_> {
    /// Works for as long as this server leads. All times begin anew with the office: what former leaders knew of
    /// renewals is lost, and no session may end early.
    pub(super) async fn keep(&self) {
        self.clocks.lock().clear();
        let earlier = Notify::new();
        tokio::join!(self.follow(&earlier), self.end_all(&earlier));
    }

    /// Starts and stops timers as sessions come and go.
    async fn follow(&self, earlier: &Notify) {
        let mut topics = WatchSet::default();
        topics.add(Topic::Sessions);
        let mut known = SessionTable::default();
        loop {
            let watcher = self.raft.watch(&topics);
            let current = self.raft.state().session_table();
            let (sooner, active) = self.note(&known, &current);
            known = current;
            self.metrics.active_sessions.set(gauge(active));
            if sooner {
                earlier.notify_one();
            }
            watcher.changed().await;
        }
    }

    /// Notes the changes between two tables; tells whether something is due earlier than before, and how many timers
    /// there are.
    fn note(&self, known: &SessionTable, current: &SessionTable) -> (bool, usize) {
        let now = Instant::now();
        let mut timers = self.clocks.lock();
        let before = timers.next();
        for change in known.changes(current) {
            match change {
                SessionChange::Created(session) => {
                    if let Some(ttl) = session.time_to_live() {
                        timers.start(&session.id, ttl, now);
                    }
                }
                SessionChange::Ended(session) => timers.stop(&session.id),
            }
        }
        let next = timers.next();
        let sooner = next.is_some() && before.is_none_or(|before| next < Some(before));
        (sooner, timers.active())
    }

    /// Ends what is due, a few at a time.
    async fn end_all(&self, earlier: &Notify) {
        loop {
            let (due, next) = {
                let mut timers = self.clocks.lock();
                (timers.take_due(Instant::now(), BATCH), timers.next())
            };
            if !due.is_empty() {
                join_all(due.iter().map(|id| self.end(id))).await;
                continue;
            }
            let next_is_due = async {
                match next {
                    Some(next) => sleep_until(next.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = next_is_due => {}
                () = earlier.notified() => {}
            }
        }
    }

    async fn end(&self, id: &Arc<str>) {
        debug!(target: "agent.server", session = %id, "Session TTL expired");
        let began = Instant::now();
        let command = SessionCommand::Destroy { id: id.to_string() };
        let ended = self.log.write(Command::Session(command)).await;
        let took = began.elapsed();
        self.metrics.invalidate_session.record_duration(took);
        match ended {
            Ok(()) => {
                // A restored archive may have brought it back at once.
                let again = self.raft.state().session(id).cloned();
                let mut timers = self.clocks.lock();
                timers.stop(id);
                if let Some(ttl) = again.and_then(|session| session.time_to_live()) {
                    timers.start(id, ttl, Instant::now());
                }
            }
            Err(error) => {
                error!(target: "agent.server", session = %id, %error, "Invalidation failed");
                self.clocks.lock().put_back(id, Instant::now() + RETRY);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is about as large")]
fn gauge(count: usize) -> f32 {
    count as f32
}
