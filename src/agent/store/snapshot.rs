//! The whole state as bytes and back.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use imbl::OrdMap;
use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::command::Response;
use super::indexes::Indexes;
use super::nodes::NodeEntry;
use super::prepared_queries::PreparedQueries;
use super::state::{State, fold};
use super::topic::Touched;
use crate::model::check::HealthCheck;
use crate::model::coordinate::NodeCoordinate;
use crate::model::kv::{Key, KvPair};
use crate::model::node::Node;
use crate::model::prepared_query::PreparedQuery;
use crate::model::raft::AutopilotConfiguration;
use crate::model::service::NodeService;
use crate::model::session::Session;
use crate::model::snapshot_records::STATE_MAGIC;

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
    /// The bytes end early, or cannot be had.
    #[error("cannot read the state snapshot: {0}")]
    Io(#[from] io::Error),
}

/// The tables as they are read. New fields need a default; old ones stay.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Tables {
    index_offset: u64,
    last_index: u64,
    restored_at: u64,
    reaped_index: u64,
    indexes: Indexes,
    #[serde(deserialize_with = "pairs")]
    kvs: OrdMap<Key, Arc<KvPair>>,
    tombstones: Vec<(Key, u64)>,
    nodes: Vec<NodeTable>,
    /// Of the services, then of the names that mesh clients ask for.
    service_indexes: [Vec<(String, u64)>; 2],
    sessions: Vec<Arc<Session>>,
    coordinates: Vec<Arc<NodeCoordinate>>,
    autopilot: Option<Arc<AutopilotConfiguration>>,
    prepared_queries: Vec<Arc<PreparedQuery>>,
}

#[derive(Deserialize)]
struct NodeTable {
    node: Arc<Node>,
    services: Vec<Arc<NodeService>>,
    checks: Vec<Arc<HealthCheck>>,
}

/// The tables as they are written: borrowed, so that writing a large state takes no memory.
#[derive(Serialize)]
struct TablesRef<'a> {
    index_offset: u64,
    last_index: u64,
    restored_at: u64,
    reaped_index: u64,
    indexes: Indexes,
    kvs: Values<'a, Key, Arc<KvPair>>,
    tombstones: Rows<'a>,
    nodes: Nodes<'a>,
    service_indexes: [Vec<(String, u64)>; 2],
    sessions: Values<'a, String, Arc<Session>>,
    coordinates: Values<'a, Arc<str>, Arc<NodeCoordinate>>,
    autopilot: &'a Option<Arc<AutopilotConfiguration>>,
    prepared_queries: Queries<'a>,
}

#[derive(Serialize)]
struct NodeRef<'a> {
    node: &'a Node,
    services: Values<'a, Arc<str>, Arc<NodeService>>,
    checks: Values<'a, Arc<str>, Arc<HealthCheck>>,
}

/// A table's values, as a list.
struct Values<'a, K, V>(&'a OrdMap<K, V>);

/// The prepared queries, as a list.
struct Queries<'a>(&'a PreparedQueries);

/// A table's rows, as a list of pairs.
struct Rows<'a>(&'a OrdMap<Key, u64>);

/// The nodes with what runs on them, as a list.
struct Nodes<'a>(&'a OrdMap<Arc<str>, Arc<NodeEntry>>);

impl<K: Ord, V: Serialize> Serialize for Values<'_, K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for value in self.0.values() {
            list.serialize_element(value)?;
        }
        list.end()
    }
}

impl Serialize for Queries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for row in self.0 {
            list.serialize_element(&row)?;
        }
        list.end()
    }
}

impl Serialize for Nodes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for entry in self.0.values() {
            list.serialize_element(&NodeRef {
                node: &entry.node,
                services: Values(&entry.services),
                checks: Values(&entry.checks),
            })?;
        }
        list.end()
    }
}

/// Reads the pairs into the table at once: a list of all of them would take its memory twice.
fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OrdMap<Key, Arc<KvPair>>, D::Error> {
    struct Pairs;
    impl<'de> Visitor<'de> for Pairs {
        type Value = OrdMap<Key, Arc<KvPair>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of keys")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut table = OrdMap::new();
            while let Some(pair) = list.next_element::<Arc<KvPair>>()? {
                table.insert(pair.key.clone(), pair);
            }
            Ok(table)
        }
    }
    deserializer.deserialize_seq(Pairs)
}

impl State {
    /// Writes the state: a header, then msgpack with field names. The same state gives the same
    /// bytes. Takes no memory besides the writer's.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_snapshot(&self, out: &mut impl Write) -> io::Result<()> {
        let tables = TablesRef {
            index_offset: self.index_offset,
            last_index: self.last_index,
            restored_at: self.restored_at,
            reaped_index: self.reaped_index,
            indexes: self.indexes,
            kvs: Values(&self.kvs),
            tombstones: Rows(&self.tombstones),
            nodes: Nodes(&self.nodes),
            service_indexes: self.service_entry_indexes(),
            sessions: Values(&self.sessions),
            coordinates: Values(&self.coordinates),
            autopilot: &self.autopilot,
            prepared_queries: Queries(&self.prepared_queries),
        };
        out.write_all(STATE_MAGIC)?;
        rmp_serde::encode::write_named(out, &tables).map_err(|error| match error {
            rmp_serde::encode::Error::InvalidValueWrite(inner) => inner.into(),
            other => io::Error::other(other),
        })
    }

    /// The state as bytes; see [`Self::write_snapshot`].
    pub fn to_snapshot(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_snapshot(&mut bytes)
            .expect("writing to memory does not fail and all tables have a msgpack form");
        bytes
    }

    /// Reads a state as [`Self::write_snapshot`] writes it, and not a byte more. Takes no memory besides the state's.
    ///
    /// # Errors
    /// When the header is unknown, the rest is damaged, or the reader fails.
    pub fn read_snapshot(input: &mut impl Read) -> Result<Self, SnapshotError> {
        let mut state = Self::default();
        state.absorb(read_tables(input)?);
        Ok(state)
    }

    /// Adds the rows of a snapshot's bytes, and takes over its indexes.
    pub(super) fn absorb_snapshot(&mut self, mut bytes: &[u8]) -> Result<(), SnapshotError> {
        self.absorb(read_tables(&mut bytes)?);
        Ok(())
    }

    /// Reads a state from bytes.
    ///
    /// # Errors
    /// When the header is unknown or the rest is damaged.
    pub fn from_snapshot(mut bytes: &[u8]) -> Result<Self, SnapshotError> {
        Self::read_snapshot(&mut bytes)
    }

    /// Adds rows, and takes over the indexes.
    fn absorb(&mut self, tables: Tables) {
        let mut ignored = Touched::default();
        for table in tables.nodes {
            self.restore_node(table, &mut ignored);
        }
        self.set_service_entry_indexes(tables.service_indexes);
        let held = tables.kvs.values().filter(|pair| !pair.session.is_empty());
        for pair in held {
            self.session_links.hand_over(&pair.key, "", &pair.session);
        }
        if self.kvs.is_empty() {
            self.kvs = tables.kvs;
        } else {
            self.kvs.extend(tables.kvs);
        }
        self.tombstones.extend(tables.tombstones);
        for session in tables.sessions {
            self.session_links.bind(&session);
            self.sessions.insert(session.id.clone(), session);
        }
        let coordinates = tables.coordinates.into_iter();
        self.coordinates
            .extend(coordinates.map(|c| (fold(&c.node), c)));
        for query in tables.prepared_queries {
            // One whose template this version cannot read was never accepted: nothing is lost.
            let _ = self.prepared_queries.insert(query);
        }
        self.autopilot = tables.autopilot;
        self.indexes = tables.indexes;
        self.index_offset = tables.index_offset;
        self.last_index = tables.last_index;
        self.restored_at = tables.restored_at;
        self.reaped_index = tables.reaped_index;
    }

    /// Builds a node's entry and links its instances; indexes of the tables are set afterwards.
    fn restore_node(&mut self, table: NodeTable, ignored: &mut Touched) {
        let key = fold(&table.node.node);
        if !table.node.id.is_empty() {
            self.node_ids
                .insert(Arc::from(&*table.node.id), Arc::clone(&key));
        }
        let entry = NodeEntry {
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
        match Self::from_snapshot(bytes) {
            Ok(restored) => self.become_restored(log_index, restored, touched),
            Err(err) => Response::Refused(err.to_string()),
        }
    }

    /// Becomes a restored state; indexes go on above both.
    pub(super) fn become_restored(
        &mut self,
        log_index: u64,
        mut restored: Self,
        touched: &mut Touched,
    ) -> Response {
        let above_archive = (restored.last_index + 1).saturating_sub(log_index);
        restored.index_offset = self.index_offset.max(above_archive);
        restored.last_index = log_index + restored.index_offset;
        restored.restored_at = restored.last_index;
        *self = restored;
        touched.set_everything();
        Response::Done
    }
}

fn read_tables(input: &mut impl Read) -> Result<Tables, SnapshotError> {
    let mut magic = [0; STATE_MAGIC.len()];
    match input.read_exact(&mut magic) {
        Ok(()) if magic == *STATE_MAGIC => {}
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error.into()),
        _ => return Err(SnapshotError::UnknownFormat),
    }
    let tables: Tables = rmp_serde::from_read(input)?;
    let highest = tables.last_index.max(tables.index_offset);
    if highest > MAX_INDEX {
        return Err(SnapshotError::ImplausibleIndex(highest));
    }
    Ok(tables)
}
