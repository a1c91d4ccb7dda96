//! One server: a runtime with its own clock, a raft, and a disk that outlives both.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use consulctl::agent::raft::{Disk, Peer, Raft, RaftSettings, SyncTime};
use consulctl::agent::telemetry::metrics::Metrics;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use super::net::{Arrival, Host, Message, Net, Port, address};
use crate::dice::Dice;

/// A process.
struct Process {
    runtime: Runtime,
    /// The runtime's time at `started`.
    base: Instant,
    /// The world's time when it began.
    started: Duration,
    /// Set once raft has read its log.
    raft: Arc<OnceLock<Raft>>,
    /// Since when it is stopped, and what has arrived for it.
    stopped: Option<(Duration, Vec<Arrival>)>,
}

/// A machine with a server's disk, and the process on it, if it runs.
pub(super) struct Server {
    pub(super) host: Host,
    pub(super) id: String,
    disk: Disk,
    slow: Arc<AtomicBool>,
    net: Net,
    snapshot_threshold: u64,
    process: Option<Process>,
    is_new: bool,
}

impl Server {
    /// A machine with an empty disk.
    pub(super) fn new(
        host: Host,
        id: String,
        net: &Net,
        snapshot_threshold: u64,
        dice: Dice,
    ) -> Self {
        let slow = Arc::new(AtomicBool::new(false));
        let (is_slow, dice) = (Arc::clone(&slow), Mutex::new(dice));
        let ms = Duration::from_millis;
        let disk = Disk::new(move || {
            let mut dice = dice.lock().unwrap_or_else(PoisonError::into_inner);
            let (low, high) = if is_slow.load(Ordering::Relaxed) {
                (ms(50), ms(500))
            } else {
                (ms(0), ms(4))
            };
            SyncTime {
                until_durable: dice.span(low, high),
                until_told: dice.span(ms(0), ms(2)),
            }
        });
        Self {
            host,
            id,
            disk,
            slow,
            net: net.clone(),
            snapshot_threshold,
            process: None,
            is_new: true,
        }
    }

    pub(super) fn peer(&self) -> Peer {
        Peer {
            id: self.id.clone(),
            address: address(self.host),
        }
    }

    pub(super) fn set_slow(&self, slow: bool) {
        self.slow.store(slow, Ordering::Relaxed);
    }

    pub(super) fn is_up(&self) -> bool {
        self.process.is_some()
    }

    /// Whether no process has ever run on it.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.process.as_ref().is_some_and(|p| p.stopped.is_some())
    }

    /// Raft, when it runs and has read its log.
    pub(super) fn raft(&self) -> Option<&Raft> {
        self.process.as_ref()?.raft.get()
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        let Some(raft) = self.raft() else {
            return format!("{} is down", self.host);
        };
        let stats = raft.stats();
        format!(
            "{} {} stopped: {} term {} last {} applied {} leader {:?} {}",
            self.host,
            stats.state.as_str(),
            self.is_stopped(),
            stats.term,
            stats.last_log_index,
            stats.applied_index,
            raft.leader().map(|leader| leader.id),
            stats.latest_configuration
        )
    }

    /// Starts a process with what is on the disk.
    pub(super) fn start(&mut self, now: Duration) {
        assert!(!self.is_up(), "it runs already");
        self.is_new = false;
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let settings = RaftSettings {
            dir: None,
            node_uuid: self.id.clone(),
            address: address(self.host),
            raft_multiplier: 1,
            bootstrap: false,
            snapshot_threshold: self.snapshot_threshold,
            trailing_logs: self.snapshot_threshold / 4,
            transport: Arc::new(Port {
                net: self.net.clone(),
                host: self.host,
            }),
            clock: Arc::new(|| SystemTime::UNIX_EPOCH),
            metrics: Metrics::default(),
        };
        let (raft, disk) = (Arc::new(OnceLock::new()), self.disk.clone());
        let ready = Arc::clone(&raft);
        runtime.spawn(async move {
            let (raft, _) = Raft::start_on(&disk, settings).await.expect("starts");
            let _ = ready.set(raft);
        });
        let base = runtime.block_on(async { Instant::now() });
        self.process = Some(Process {
            runtime,
            base,
            started: now,
            raft,
            stopped: None,
        });
    }

    /// Kills the process: nothing of it goes on, and what was not on the disk is gone.
    pub(super) fn crash(&mut self) {
        if let Some(process) = self.process.take() {
            process.runtime.shutdown_background();
        }
    }

    /// Stops the process: it is not driven, and what arrives for it waits.
    pub(super) fn stop(&mut self, now: Duration) {
        if let Some(process) = &mut self.process {
            process.stopped.get_or_insert((now, Vec::new()));
        }
    }

    /// Lets it go on: first it learns how late it is, then it reads what has arrived.
    pub(super) fn resume(&mut self, now: Duration) {
        let Some(process) = &mut self.process else {
            return;
        };
        let Some((_, arrivals)) = process.stopped.take() else {
            return;
        };
        process.runtime.block_on(async {
            let then = process.base + now.saturating_sub(process.started);
            let late = then.saturating_duration_since(Instant::now());
            tokio::time::advance(late).await;
        });
        for arrival in arrivals {
            self.receive(arrival);
        }
    }

    /// Drives everything in the process until nothing is left to do before `now`.
    pub(super) fn step(&self, now: Duration) {
        let Some(process) = self.process.as_ref().filter(|p| p.stopped.is_none()) else {
            return;
        };
        let until = process.base + now.saturating_sub(process.started);
        process
            .runtime
            .block_on(async { tokio::time::sleep_until(until).await });
    }

    /// Takes a message in.
    pub(super) fn receive(&mut self, arrival: Arrival) {
        let Arrival { from, to, message } = arrival;
        let net = self.net.clone();
        let Some(process) = &mut self.process else {
            if let Message::Request { refuse, .. } = message {
                net.send(to, from, Message::Answer(refuse));
            }
            return;
        };
        match message {
            // It lies in the socket until the process reads it.
            Message::Answer(deliver) => deliver(),
            message if process.stopped.is_some() => {
                let arrival = Arrival { from, to, message };
                process.stopped.as_mut().expect("checked").1.push(arrival);
            }
            Message::Request { work, refuse } => match process.raft.get() {
                None => net.send(to, from, Message::Answer(refuse)),
                Some(raft) => {
                    let raft = raft.clone();
                    process.runtime.spawn(async move {
                        let answer = work(raft).await;
                        net.send(to, from, Message::Answer(answer));
                    });
                }
            },
        }
    }
}
