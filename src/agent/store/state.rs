//! The whole state and the one way to change it.

use std::sync::Arc;

use imbl::OrdMap;

use super::command::{AutopilotUpdate, Command, Response};
use super::indexes::Indexes;
use super::nodes::NodeEntry;
use super::prepared_queries::PreparedQueries;
use super::restoration::Staged;
use super::services::ServiceEntry;
use super::sessions::SessionLinks;
use super::topic::{Topic, Touched};
use crate::model::coordinate::NodeCoordinate;
use crate::model::kv::{Key, KvPair};
use crate::model::raft::AutopilotConfiguration;
use crate::model::session::Session;

/// Everything that the servers agree on. A clone is cheap and never changes with the original.
///
/// Names of nodes, services and checks are looked up without regard to case, as in Consul: the
/// maps are keyed by the lower-case name.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// What is added to a log index to get the index that clients see; grows when an archive with
    /// higher indexes is restored, so that indexes never go backwards.
    pub(super) index_offset: u64,
    /// The index of the last command.
    pub(super) last_index: u64,
    /// The index at which a snapshot was last restored; 0 when none was.
    pub(super) restored_at: u64,
    /// The newest deletion that was forgotten: no list has a lower index, so that none goes back.
    pub(super) reaped_index: u64,
    pub(super) indexes: Indexes,
    pub(super) kvs: OrdMap<Key, Arc<KvPair>>,
    /// Deleted keys and prefixes with the index of the deletion.
    pub(super) tombstones: OrdMap<Key, u64>,
    pub(super) nodes: OrdMap<Arc<str>, Arc<NodeEntry>>,
    /// Node names by UUID.
    pub(super) node_ids: OrdMap<Arc<str>, Arc<str>>,
    /// Instances by service name.
    pub(super) services: OrdMap<Arc<str>, Arc<ServiceEntry>>,
    /// Instances that mesh clients reach, by the name that they ask for.
    pub(super) connect: OrdMap<Arc<str>, Arc<ServiceEntry>>,
    pub(super) sessions: OrdMap<String, Arc<Session>>,
    /// What sessions are bound to and what is bound to them: follows from the rows, and is in no snapshot.
    pub(super) session_links: SessionLinks,
    pub(super) coordinates: OrdMap<Arc<str>, Arc<NodeCoordinate>>,
    pub(super) autopilot: Option<Arc<AutopilotConfiguration>>,
    pub(super) prepared_queries: PreparedQueries,
    /// A restoration that is under way; in no snapshot.
    pub(super) staged: Option<Arc<Staged>>,
}

impl State {
    /// Applies one entry of the log and notes in `touched` what readers must look at again.
    ///
    /// A refused command changes nothing. The result depends on the state and the arguments alone.
    pub fn apply(&mut self, log_index: u64, command: &Command, touched: &mut Touched) -> Response {
        let index = log_index + self.index_offset;
        self.last_index = index;
        match command {
            Command::Register(request) => self.all_or_nothing(touched, |state, touched| {
                state.register(index, request, touched)
            }),
            Command::Deregister(request) => {
                self.deregister(index, request, touched);
                Response::Done
            }
            Command::Kv(command) => self.apply_kv(index, command, touched),
            Command::Txn(ops) => self.apply_txn(index, ops, touched),
            Command::ReapTombstones { index } => {
                self.reap_tombstones(*index);
                Response::Done
            }
            Command::Autopilot(update) => self.set_autopilot(index, update, touched),
            Command::Coordinates(updates) => {
                self.set_coordinates(index, updates, touched);
                Response::Done
            }
            Command::Restore(bytes) => self.restore(log_index, bytes, touched),
            Command::Barrier => Response::Done,
            Command::PreparedQuery(command) => self.apply_prepared_query(index, command, touched),
            Command::RestoreStep(step) => self.restore_step(log_index, step, touched),
            Command::Session(command) => self.apply_session(index, command, touched),
        }
    }

    /// The index of the last applied command, as clients see it.
    pub fn last_index(&self) -> u64 {
        self.last_index
    }

    /// Changes when the whole state is replaced: indexes may repeat across generations.
    pub fn generation(&self) -> u64 {
        self.restored_at
    }

    /// The tables' indexes.
    pub fn indexes(&self) -> &Indexes {
        &self.indexes
    }

    /// Autopilot's configuration, once a leader has stored one.
    pub fn autopilot(&self) -> Option<&Arc<AutopilotConfiguration>> {
        self.autopilot.as_ref()
    }

    /// Runs a change on a copy and keeps it only when it succeeds.
    fn all_or_nothing(
        &mut self,
        touched: &mut Touched,
        change: impl FnOnce(&mut Self, &mut Touched) -> Result<(), String>,
    ) -> Response {
        let (mut copy, mut copy_touched) = (self.clone(), touched.clone());
        match change(&mut copy, &mut copy_touched) {
            Ok(()) => {
                *self = copy;
                *touched = copy_touched;
                Response::Done
            }
            Err(reason) => Response::Refused(reason),
        }
    }

    fn set_autopilot(
        &mut self,
        index: u64,
        update: &AutopilotUpdate,
        touched: &mut Touched,
    ) -> Response {
        let current = self.autopilot.as_deref();
        if update
            .cas
            .is_some_and(|cas| current.map_or(0, |c| c.modify_index) != cas)
        {
            return Response::Bool(false);
        }
        let configuration = AutopilotConfiguration {
            create_index: current.map_or(index, |c| c.create_index),
            modify_index: index,
            ..update.configuration.clone()
        };
        self.autopilot = Some(Arc::new(configuration));
        self.indexes.autopilot = index;
        touched.add(Topic::Autopilot);
        Response::Bool(true)
    }

    fn set_coordinates(&mut self, index: u64, updates: &[NodeCoordinate], touched: &mut Touched) {
        for update in updates {
            let key = fold(&update.node);
            if self.nodes.contains_key(&*key) {
                self.coordinates.insert(key, Arc::new(update.clone()));
                self.indexes.coordinates = index;
                touched.add(Topic::Coordinates);
            }
        }
    }
}

/// A name as the maps key it: in lower case.
pub(super) fn fold(name: &str) -> Arc<str> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) || !name.is_ascii() {
        Arc::from(name.to_lowercase())
    } else {
        Arc::from(name)
    }
}
