//! How a request wants to be served and what a reply says of itself; embedded in every request and reply.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::decode::{decode_reply, decode_request};
use super::dialect::{DialectError, encode_both};
use crate::agent::rpc::options::{Consistency, QueryMeta, QueryOptions, WriteOptions};
use crate::model::duration::GoDuration;

/// The options of a read, with those that only the wire has.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// What every read has.
    pub query: QueryOptions,
    /// What the rows of the answer must satisfy (bexpr); empty for all. The server that answers applies it.
    pub filter: String,
    /// The longest time without contact to the leader that a stale answer may have; zero for any.
    pub max_stale: Duration,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireOptions {
    allow_stale: bool,
    datacenter: String,
    filter: String,
    max_query_time: GoDuration,
    max_stale_duration: GoDuration,
    min_query_index: u64,
    require_consistent: bool,
    token: String,
}

impl From<WireOptions> for ReadOptions {
    fn from(wire: WireOptions) -> Self {
        // Consul's order: who may get a stale answer and wants a consistent one gets the latter.
        let consistency = match (wire.require_consistent, wire.allow_stale) {
            (true, _) => Consistency::Consistent,
            (false, true) => Consistency::Stale,
            (false, false) => Consistency::Default,
        };
        Self {
            query: QueryOptions {
                datacenter: wire.datacenter,
                token: wire.token,
                consistency,
                min_index: wire.min_query_index,
                max_wait: wire.max_query_time.as_std(),
            },
            filter: wire.filter,
            max_stale: wire.max_stale_duration.as_std(),
        }
    }
}

impl From<&ReadOptions> for WireOptions {
    fn from(options: &ReadOptions) -> Self {
        let query = &options.query;
        Self {
            allow_stale: query.consistency == Consistency::Stale,
            datacenter: query.datacenter.clone(),
            filter: options.filter.clone(),
            max_query_time: query.max_wait.into(),
            max_stale_duration: options.max_stale.into(),
            min_query_index: query.min_index,
            require_consistent: query.consistency == Consistency::Consistent,
            token: query.token.clone(),
        }
    }
}

/// A read's request: its options, and its own fields.
///
/// # Errors
/// When the fields cannot be written.
pub fn encode_read<T: Serialize>(
    options: &ReadOptions,
    request: &T,
) -> Result<Vec<u8>, DialectError> {
    encode_both(&WireOptions::from(options), request)
}

/// Reads a read's request.
///
/// # Errors
/// When it is malformed.
pub fn decode_read<T: DeserializeOwned>(body: &[u8]) -> Result<(ReadOptions, T), DialectError> {
    let options: WireOptions = decode_request(body)?;
    Ok((options.into(), decode_request(body)?))
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireWrite {
    datacenter: String,
    token: String,
}

/// A write's request: datacenter, token, and its own fields. The fields' own datacenter, if they have one, must not
/// be among them.
///
/// # Errors
/// When the fields cannot be written.
pub fn encode_write<T: Serialize>(
    options: &WriteOptions,
    request: &T,
) -> Result<Vec<u8>, DialectError> {
    let options = WireWrite {
        datacenter: options.datacenter.clone(),
        token: options.token.clone(),
    };
    encode_both(&options, request)
}

/// Reads a write's request.
///
/// # Errors
/// When it is malformed.
pub fn decode_write<T: DeserializeOwned>(body: &[u8]) -> Result<(WriteOptions, T), DialectError> {
    let options: WireWrite = decode_request(body)?;
    let options = WriteOptions {
        datacenter: options.datacenter,
        token: options.token,
    };
    Ok((options, decode_request(body)?))
}

/// What a reply says of itself. `Generation` is ours: other servers neither send nor mind it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireMeta {
    consistency_level: String,
    #[serde(skip_serializing_if = "is_first")]
    generation: u64,
    index: u64,
    known_leader: bool,
    last_contact: GoDuration,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_first(generation: &u64) -> bool {
    *generation == 0
}

impl From<WireMeta> for QueryMeta {
    fn from(wire: WireMeta) -> Self {
        let levels = [Consistency::Consistent, Consistency::Stale];
        let consistency = levels
            .into_iter()
            .find(|level| level.as_str() == wire.consistency_level);
        Self {
            index: wire.index,
            known_leader: wire.known_leader,
            last_contact_ms: u64::try_from(wire.last_contact.0 / 1_000_000).unwrap_or(0),
            consistency: consistency.unwrap_or_default(),
            generation: wire.generation,
        }
    }
}

impl From<&QueryMeta> for WireMeta {
    fn from(meta: &QueryMeta) -> Self {
        Self {
            consistency_level: meta.consistency.as_str().to_owned(),
            generation: meta.generation,
            index: meta.index,
            known_leader: meta.known_leader,
            last_contact: Duration::from_millis(meta.last_contact_ms).into(),
        }
    }
}

/// A read's reply: its metadata, and its own fields.
///
/// # Errors
/// When the fields cannot be written.
pub fn encode_answer<T: Serialize>(meta: &QueryMeta, reply: &T) -> Result<Vec<u8>, DialectError> {
    encode_both(&WireMeta::from(meta), reply)
}

/// As [`encode_answer`], of a read whose reply has no index and does not say how it was made.
///
/// # Errors
/// As [`encode_answer`].
pub(super) fn encode_unindexed<T: Serialize>(
    meta: &QueryMeta,
    reply: &T,
) -> Result<Vec<u8>, DialectError> {
    let meta = WireMeta {
        consistency_level: String::new(),
        generation: 0,
        index: 0,
        ..WireMeta::from(meta)
    };
    encode_both(&meta, reply)
}

/// Reads a read's reply.
///
/// # Errors
/// When it is malformed.
pub fn decode_answer<T: DeserializeOwned>(body: &[u8]) -> Result<(QueryMeta, T), DialectError> {
    let meta: WireMeta = decode_reply(body)?;
    Ok((meta.into(), decode_reply(body)?))
}

/// From where a client looks: answers are sorted by the round trip from there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct QuerySource {
    /// The datacenter of the node.
    pub datacenter: String,
    /// The node; empty for no order.
    pub node: String,
}

impl QuerySource {
    /// The source that a read means.
    pub fn near(near: Option<&String>, datacenter: &str) -> Self {
        match near {
            None => Self::default(),
            Some(node) => Self {
                datacenter: datacenter.to_owned(),
                node: node.clone(),
            },
        }
    }

    /// The node from which to look, if any.
    pub fn into_near(self) -> Option<String> {
        Some(self.node).filter(|node| !node.is_empty())
    }
}

/// Pairs of node metadata that all must match.
pub type NodeMetaFilters = BTreeMap<String, String>;

/// The request of reads that have no fields of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}
