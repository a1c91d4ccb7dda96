//! Starting raft: open the log, find the newest snapshot, replay, and lead when alone.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::{mpsc, watch};

use super::campaign::Campaign;
use super::codec;
use super::contact::Contact;
use super::disk::Disk;
use super::election_log;
use super::handle::{Inner, Raft, WriteError};
use super::leadership::{Core, Leadership, Memory, Observer, Role};
use super::lock_delays::LockDelays;
use super::log_store::LogStore;
use super::medium::Opened;
use super::meters::Meters;
use super::network::{Addresses, Networks, Peer};
use super::novice::Novice;
use super::peers;
use super::probation::Probation;
use super::reports::Reports;
use super::settings::RaftSettings;
use super::snapshot_transfer::Transfers;
use super::snapshots::{SnapshotError, Snapshots};
use super::sqlite::{SqliteMedium, TailLimits};
use super::state_machine::{Published, StateMachine};
use super::status;
use super::tail::{TAIL_BYTES, TAIL_ENTRIES};
use super::types::{NodeInfo, SnapshotMeta, derive_raft_id};
use super::watch::Watches;
use crate::agent::store::State;

/// The room's folder in the data folder.
const FOLDER: &str = "raft";
/// The mode of the folder: the owner alone reads what is replicated.
const PRIVATE_FOLDER: u32 = 0o700;
/// The log's file in the room's folder.
const LOG_FILE: &str = "raft.db";
/// The snapshots' folder in the room's folder.
const SNAPSHOTS: &str = "snapshots";
/// Time for a server that is alone to lead and to apply its log.
const RECOVERY_TIMEOUT: Duration = Duration::from_mins(2);

/// Why raft cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A folder cannot be made.
    #[error("cannot create {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The log cannot be opened or read; the text names the file.
    #[error("{0}")]
    Log(String),
    /// There are snapshots but no log: part of the data is gone.
    #[error("{} is missing although there are snapshots: part of the data is lost; restore the file, or move the folder away to start empty", .0.display())]
    LogMissing(PathBuf),
    /// No snapshot can be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The operator's list of servers cannot be used.
    #[error("recovery failed: {}: {reason}", path.display())]
    Peers {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// openraft refuses what it found.
    #[error("cannot recover from the raft log: {0}")]
    Recovery(String),
}

/// What was recovered at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// The last entry in the snapshot that was read; nothing without one.
    pub snapshot_index: Option<u64>,
    /// Entries of the log that were applied after it.
    pub replayed_entries: u64,
    /// How long it took until the state was complete.
    pub elapsed: Duration,
}

/// The opened log and what the newest snapshot held.
struct Storage {
    id: u64,
    log: LogStore,
    snapshots: Snapshots,
    start: Option<(SnapshotMeta, State)>,
}

impl Raft {
    /// Starts raft. A server that is the only voter leads on return, with its whole log applied.
    pub async fn start(settings: RaftSettings) -> Result<(Self, Recovery), StartError> {
        let began = Instant::now();
        let opened = match &settings.dir {
            None => Storage::on(&Disk::instant(), &settings)?,
            Some(dir) => Storage::open(&dir.join(FOLDER), &settings).await?,
        };
        Self::launch(settings, opened, began).await
    }

    /// Starts raft on a disk in memory, and goes on with what is there; `settings.dir` is not used.
    pub async fn start_on(
        disk: &Disk,
        settings: RaftSettings,
    ) -> Result<(Self, Recovery), StartError> {
        let opened = Storage::on(disk, &settings)?;
        Self::launch(settings, opened, Instant::now()).await
    }

    async fn launch(
        settings: RaftSettings,
        storage: Storage,
        began: Instant,
    ) -> Result<(Self, Recovery), StartError> {
        let Storage {
            id,
            log,
            snapshots,
            start,
        } = storage;
        let snapshot_index = start
            .as_ref()
            .and_then(|(meta, _)| meta.last_log_id.map(|id| id.index()));
        let last_at_start = log.bounds().0;
        let watches = Watches::default();
        let (mut machine, published) = StateMachine::new(start, snapshots.clone(), watches.clone());
        let lock_delays = machine.lock_delays();
        let meters = Arc::new(Meters::new(&settings.metrics));
        let campaign = Arc::<Campaign>::default();
        machine.measure(Arc::clone(&meters));
        log.measure(Arc::clone(&meters));
        let mut config = settings
            .config()
            .map_err(|e| StartError::Recovery(e.to_string()))?;
        let lease = settings.timing().lease;
        let probation = Probation::new(id, log.vote().as_ref(), lease);
        let novice = Novice::new(last_at_start);
        config.enable_elect = !probation.is_on() && !novice.is_one();
        let config = Arc::new(config);
        let addresses = Addresses::default();
        let networks = Networks {
            transport: Arc::clone(&settings.transport),
            addresses: Arc::clone(&addresses),
            deferral: snapshots.deferral().clone(),
            campaign: Arc::clone(&campaign),
            reports: Arc::<Reports>::default(),
            meters: Arc::clone(&meters),
        };
        let core = match Core::new(id, config, networks, log.clone(), machine).await {
            Ok(core) => core,
            Err(e) => return Err(abandon(&log, StartError::Recovery(e.to_string())).await),
        };
        let raft = Self::assemble(
            &settings,
            (id, probation, novice),
            core,
            (log, snapshots),
            (published, watches, lock_delays),
            (addresses, campaign, meters),
        );
        raft.tell_start();
        raft.end_probation();
        raft.repeat_snapshots_put_off();
        let alone = raft.lead_when_alone(settings.bootstrap).await?;
        if alone {
            raft.wait_until_recovered(last_at_start).await?;
            raft.settle_membership()
                .await
                .map_err(|e| StartError::Recovery(e.to_string()))?;
        }
        let applied = raft.view().applied.map(|id| id.index()).min(last_at_start);
        let recovery = Recovery {
            snapshot_index,
            replayed_entries: count_to(applied).saturating_sub(count_to(snapshot_index)),
            elapsed: began.elapsed(),
        };
        Ok((raft, recovery))
    }

    fn assemble(
        settings: &RaftSettings,
        (id, probation, novice): (u64, Probation, Novice),
        core: Core,
        (log, snapshots): (LogStore, Snapshots),
        (published, watches, lock_delays): (Published, Watches, Arc<LockDelays>),
        (addresses, campaign, meters): (Addresses, Arc<Campaign>, Arc<Meters>),
    ) -> Self {
        let node = NodeInfo {
            uuid: settings.node_uuid.clone(),
            address: settings.address.clone(),
        };
        let (leadership_tx, leadership) = watch::channel(Leadership::default());
        let (failure_tx, failure) = watch::channel(None);
        let (elected, elections) = mpsc::channel(1);
        let history = super::leadership::History::default();
        let contact = Arc::<Contact>::default();
        let observer = Observer {
            server: core.server_metrics(),
            data: core.data_metrics(),
            metrics: core.metrics(),
            log: log.clone(),
            clock: Arc::clone(&settings.clock),
            timing: settings.timing(),
            contact: Arc::clone(&contact),
            addresses,
            campaign,
            meters: Arc::clone(&meters),
            published: Arc::clone(&published),
            own: node.clone(),
            history: Arc::clone(&history),
            leadership: leadership_tx,
            failure: failure_tx,
            elected,
            memory: Memory::default(),
        };
        tokio::spawn(observer.run());
        let raft = Self {
            inner: Arc::new(Inner {
                core,
                log,
                id,
                node,
                meters,
                published,
                watches,
                lock_delays,
                leadership,
                failure,
                history,
                clock: Arc::clone(&settings.clock),
                timing: settings.timing(),
                contact,
                changing: tokio::sync::Mutex::default(),
                novice,
                snapshots,
                transfers: Transfers::default(),
                probation,
                complaints: super::guard::Complaints::default(),
            }),
        };
        raft.settle_when_elected(elections);
        raft
    }

    /// Sees to the membership whenever this server starts to lead.
    fn settle_when_elected(&self, mut elections: mpsc::Receiver<()>) {
        let own = Arc::downgrade(&self.inner);
        // Ends with the observer, which ends with openraft.
        tokio::spawn(async move {
            while elections.recv().await.is_some() {
                let Some(inner) = own.upgrade() else { return };
                if let Err(error) = (Self { inner }).settle_membership().await {
                    tracing::warn!(target: "agent.server.raft", %error, "failed to settle the raft configuration");
                }
            }
        });
    }

    /// Tells what was found at the start.
    fn tell_start(&self) {
        let membership = self.membership();
        let index = membership.log_id().map_or(0, |id| id.index());
        let servers = status::notation(&status::servers(&membership));
        election_log::tell_start(&self.inner.node.address, index, &servers);
        self.inner.meters.becomes(Role::Follower);
        let (own, uuid) = (self.inner.id, &self.inner.node.uuid);
        let is_alone = membership.voter_ids().all(|voter| voter == own);
        let former = membership.get_node(&own).filter(|node| node.uuid != *uuid);
        if let Some(former) = former.filter(|_| !is_alone) {
            // The others take this node ID for a new server with a raft id of its own, which this one does not have.
            tracing::error!(
                target: "agent.server.raft",
                former = %former.uuid,
                now = %uuid,
                "this server has another node ID than its raft log, and cannot be elected: start it with \
                 -node-id={}, or stop it and move the raft folder away so that the other servers send it everything",
                former.uuid
            );
        }
    }

    /// Lets this server stand for election once its probation is over.
    fn end_probation(&self) {
        let Some(end) = self.inner.probation.end() else {
            return;
        };
        let own = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            tokio::time::sleep_until(end).await;
            if let Some(inner) = own.upgrade() {
                (Self { inner }).stand_for_election();
            }
        });
    }

    /// Elects this server when it is the only voter, or makes it so; tells whether it is.
    async fn lead_when_alone(&self, bootstrap: bool) -> Result<bool, StartError> {
        let failed = |e: String| StartError::Recovery(e);
        let core = &self.inner.core;
        let initialized = core
            .is_initialized()
            .await
            .map_err(|e| failed(e.to_string()))?;
        if !initialized {
            if bootstrap {
                let own = Peer {
                    id: self.inner.node.uuid.clone(),
                    address: self.inner.node.address.clone(),
                };
                let done: Result<(), WriteError> = self.bootstrap(&[own]).await;
                done.map_err(|e| failed(e.to_string()))?;
            }
            return Ok(bootstrap);
        }
        let voters: BTreeSet<u64> = core.voter_ids().collect();
        if voters != BTreeSet::from([self.inner.id]) {
            return Ok(false);
        }
        core.trigger()
            .elect(false)
            .await
            .map_err(|e| failed(e.to_string()))?;
        Ok(true)
    }

    async fn wait_until_recovered(&self, last_at_start: Option<u64>) -> Result<(), StartError> {
        let wait = self.inner.core.wait(Some(RECOVERY_TIMEOUT));
        let recovered = wait.metrics(
            |m| {
                m.state.is_leader()
                    && m.last_applied
                        .is_some_and(|id| id.committed_leader_id().term == m.current_term)
                    && m.last_applied.map(|id| id.index()) >= last_at_start
            },
            "recovery",
        );
        if let Err(e) = recovered.await {
            let reason = self.stopped(e.to_string()).to_string();
            return Err(StartError::Recovery(reason));
        }
        // The observer runs a moment later; callers expect the leadership that they were promised.
        let mut leadership = self.leadership();
        let led = leadership.wait_for(Leadership::is_leader).await;
        led.map(drop)
            .map_err(|_| StartError::Recovery("raft has stopped".to_owned()))
    }
}

impl Storage {
    fn on(disk: &Disk, settings: &RaftSettings) -> Result<Self, StartError> {
        let snapshots = disk.snapshots();
        let newest = snapshots.newest();
        let start = newest.map(|newest| Ok((newest.meta, newest.snapshot.state()?)));
        Ok(Self {
            id: derive_raft_id(&settings.node_uuid),
            log: start_log(disk.open(), Path::new("memory"))?,
            snapshots,
            start: start.transpose().map_err(StartError::Snapshot)?,
        })
    }

    async fn open(folder: &Path, settings: &RaftSettings) -> Result<Self, StartError> {
        // Keys and values are nobody else's business; only the folder keeps SQLite's files private.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(PRIVATE_FOLDER)
            .create(folder)
            .map_err(|source| StartError::Folder {
                path: folder.to_owned(),
                source,
            })?;
        let file = folder.join(LOG_FILE);
        let snapshot_folder = folder.join(SNAPSHOTS);
        if !file.exists() && Snapshots::any_in(&snapshot_folder)? {
            return Err(StartError::LogMissing(file));
        }
        let derived = codec::encode_node_id(derive_raft_id(&settings.node_uuid));
        let limits = TailLimits {
            entries: TAIL_ENTRIES,
            bytes: TAIL_BYTES,
        };
        let opened = SqliteMedium::open(&file, &derived, limits)
            .await
            .map_err(|e| StartError::Log(e.to_string()))?;
        // The id on disk counts: it stays when the node's UUID changes.
        let id = codec::decode_node_id(opened.loaded.node.as_deref().unwrap_or(&derived))
            .map_err(|e| unreadable(&file, &e))?;
        let log = start_log(opened, &file)?;
        let purged = log.bounds().1;
        let open = tokio::task::spawn_blocking(move || Snapshots::open(&snapshot_folder, purged));
        let opened = open
            .await
            .map_err(|e| StartError::Recovery(e.to_string()))
            .and_then(|opened| opened.map_err(StartError::from));
        let recovered = match opened {
            Ok(opened) => peers::recover(folder, &log, (&settings.node_uuid, id))
                .await
                .map(|()| opened),
            Err(error) => Err(error),
        };
        let (snapshots, start) = match recovered {
            Ok(opened) => opened,
            Err(error) => return Err(abandon(&log, error).await),
        };
        Ok(Self {
            id,
            log,
            snapshots,
            start,
        })
    }
}

/// Gives the files back before the error is reported, so that a second attempt finds them free.
async fn abandon(log: &LogStore, error: StartError) -> StartError {
    // What went wrong first is what counts.
    let _ = log.close().await;
    error
}

fn start_log(opened: Opened, file: &Path) -> Result<LogStore, StartError> {
    LogStore::start(opened).map_err(|e| unreadable(file, &e))
}

fn unreadable(file: &Path, error: &codec::CodecError) -> StartError {
    StartError::Log(format!("{} cannot be read: {error}", file.display()))
}

/// Entries up to and including an index: the first has index 0.
fn count_to(index: Option<u64>) -> u64 {
    index.map_or(0, |index| index + 1)
}
