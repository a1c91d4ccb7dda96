//! The whole state as bytes and back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::command::Response;
use super::indexes::Indexes;
use super::state::{State, fold};
use super::topic::Touched;
use crate::model::check::HealthCheck;
use crate::model::coordinate::NodeCoordinate;
use crate::model::kv::{Key, KvPair};
use crate::model::node::Node;
use crate::model::raft::AutopilotConfiguration;
use crate::model::service::NodeService;
use crate::model::session::Session;

/// What heads every snapshot: the format's name and its version.
const MAGIC: &[u8; 16] = b"consulctl-state1";
/// Highest index that a snapshot may carry.
const MAX_INDEX: u64 = 1 << 62;

/// Why bytes are no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes do not begin as a snapshot of this program does.
    #[error(
        "not a state snapshot of consulctl (unknown header): only archives that consulctl saved can be restored"
    )]
    UnknownFormat,
    /// The indexes are so high that none could follow: nobody counts that far.
    #[error("implausible state snapshot: its last index is {0}")]
    ImplausibleIndex(u64),
    /// The bytes are damaged.
    #[error("damaged state snapshot: {0}")]
    Damaged(#[from] rmp_serde::decode::Error),
}

/// The tables in writing. New fields need a default; old ones stay.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Tables {
    index_offset: u64,
    last_index: u64,
    restored_at: u64,
    reaped_index: u64,
    indexes: Indexes,
    kvs: Vec<Arc<KvPair>>,
    tombstones: Vec<(Key, u64)>,
    nodes: Vec<NodeTable>,
    /// Of the services, then of the names that mesh clients ask for.
    service_indexes: [Vec<(String, u64)>; 2],
    sessions: Vec<Arc<Session>>,
    coordinates: Vec<Arc<NodeCoordinate>>,
    autopilot: Option<Arc<AutopilotConfiguration>>,
}

#[derive(Serialize, Deserialize)]
struct NodeTable {
    node: Arc<Node>,
    services: Vec<Arc<NodeService>>,
    checks: Vec<Arc<HealthCheck>>,
}

impl State {
    /// The state as bytes: a header, then msgpack with field names. The same state gives the same
    /// bytes.
    pub fn to_snapshot(&self) -> Vec<u8> {
        let tables = Tables {
            index_offset: self.index_offset,
            last_index: self.last_index,
            restored_at: self.restored_at,
            reaped_index: self.reaped_index,
            indexes: self.indexes,
            kvs: self.kvs.values().cloned().collect(),
            tombstones: self
                .tombstones
                .iter()
                .map(|(key, at)| (key.clone(), *at))
                .collect(),
            nodes: self
                .nodes
                .values()
                .map(|entry| NodeTable {
                    node: Arc::clone(&entry.node),
                    services: entry.services.values().cloned().collect(),
                    checks: entry.checks.values().cloned().collect(),
                })
                .collect(),
            service_indexes: self.service_entry_indexes(),
            sessions: self.sessions.values().cloned().collect(),
            coordinates: self.coordinates.values().cloned().collect(),
            autopilot: self.autopilot.clone(),
        };
        let mut bytes = MAGIC.to_vec();
        rmp_serde::encode::write_named(&mut bytes, &tables)
            .expect("writing to memory does not fail and all tables have a msgpack form");
        bytes
    }

    /// Reads a state from bytes.
    ///
    /// # Errors
    /// When the header is unknown or the rest is damaged.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let body = bytes
            .strip_prefix(MAGIC)
            .ok_or(SnapshotError::UnknownFormat)?;
        let tables: Tables = rmp_serde::from_slice(body)?;
        let highest = tables.last_index.max(tables.index_offset);
        if highest > MAX_INDEX {
            return Err(SnapshotError::ImplausibleIndex(highest));
        }
        let mut state = Self::default();
        let mut ignored = Touched::default();
        for table in tables.nodes {
            state.restore_node(table, &mut ignored);
        }
        state.set_service_entry_indexes(tables.service_indexes);
        state.kvs = tables
            .kvs
            .into_iter()
            .map(|pair| (pair.key.clone(), pair))
            .collect();
        state.tombstones = tables.tombstones.into_iter().collect();
        state.sessions = tables
            .sessions
            .into_iter()
            .map(|s| (s.id.clone(), s))
            .collect();
        state.coordinates = tables
            .coordinates
            .into_iter()
            .map(|c| (fold(&c.node), c))
            .collect();
        state.autopilot = tables.autopilot;
        state.indexes = tables.indexes;
        state.index_offset = tables.index_offset;
        state.last_index = tables.last_index;
        state.restored_at = tables.restored_at;
        state.reaped_index = tables.reaped_index;
        Ok(state)
    }

    /// Builds a node's entry and links its instances; indexes of the tables are set afterwards.
    fn restore_node(&mut self, table: NodeTable, ignored: &mut Touched) {
        let key = fold(&table.node.node);
        if !table.node.id.is_empty() {
            self.node_ids
                .insert(Arc::from(&*table.node.id), Arc::clone(&key));
        }
        let entry = super::nodes::NodeEntry {
            node: table.node,
            services: table
                .services
                .iter()
                .map(|s| (fold(&s.id), Arc::clone(s)))
                .collect(),
            checks: table
                .checks
                .into_iter()
                .map(|c| (fold(&c.check_id), c))
                .collect(),
        };
        self.nodes.insert(Arc::clone(&key), Arc::new(entry));
        for service in &table.services {
            self.link_instance(service.modify_index, &key, service, ignored);
        }
    }

    /// Replaces this state by a snapshot; indexes go on above both.
    pub(super) fn restore(
        &mut self,
        log_index: u64,
        bytes: &[u8],
        touched: &mut Touched,
    ) -> Response {
        let mut restored = match Self::from_snapshot(bytes) {
            Ok(state) => state,
            Err(err) => return Response::Refused(err.to_string()),
        };
        let above_archive = (restored.last_index + 1).saturating_sub(log_index);
        restored.index_offset = self.index_offset.max(above_archive);
        restored.last_index = log_index + restored.index_offset;
        restored.restored_at = restored.last_index;
        *self = restored;
        touched.set_everything();
        Response::Done
    }
}
