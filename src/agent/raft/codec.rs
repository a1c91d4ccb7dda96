//! Our own bytes for raft's values, on disk and on the wire. Pure.
//!
//! Nothing here depends on how openraft serialises its types, so that a new openraft reads an old
//! disk. Every value starts with the format version; golden bytes are in `tests/golden/raft`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openraft::EntryPayload;
use openraft::entry::RaftEntry as _;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::types::{
    AppCommand, Entry, LogId, Membership, NodeInfo, SnapshotMeta, StoredMembership, TypeConfig,
    Vote, log_id,
};

/// Version at the head of every value.
const FORMAT: u8 = 1;
/// Version at the head of a value on disk: the bytes of the first version, and a CRC-32 after them.
const SEALED: u8 = 2;
/// Room for most values, so that writing them does not move them.
const EVERYDAY_BYTES: usize = 256;
/// Bytes of that CRC-32.
const SEAL_LEN: usize = 4;
/// Bytes of an encoded vote: version, term, node, committed.
const VOTE_LEN: usize = 18;
/// Bytes of an encoded log id: version, term, index.
const LOG_ID_LEN: usize = 17;

/// Bytes of an encoded raft id: version, number.
const NODE_ID_LEN: usize = 9;

/// Entry kind of a leader's first entry of a term.
const KIND_BLANK: u8 = 0;
/// Entry kind of a command.
const KIND_COMMAND: u8 = 1;
/// Entry kind of a membership.
const KIND_MEMBERSHIP: u8 = 2;

/// Why bytes are not the value that they should be.
#[derive(Debug, Error)]
pub(super) enum CodecError {
    #[error("{what}: {got} bytes, expected {expected}")]
    Length {
        what: &'static str,
        got: usize,
        expected: usize,
    },
    #[error("{what}: format version {got} is not known to this build (newest known: {FORMAT})")]
    Version { what: &'static str, got: u8 },
    #[error("{0}: the checksum does not match")]
    Checksum(&'static str),
    #[error("log entry kind {0} is not known to this build")]
    Kind(u8),
    #[error("{what}: {source}")]
    Decode {
        what: &'static str,
        source: rmp_serde::decode::Error,
    },
    #[error("{what}: {source}")]
    Encode {
        what: &'static str,
        source: rmp_serde::encode::Error,
    },
    #[error("membership: {0}")]
    Membership(String),
}

/// A log entry as it lies on disk and travels on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    /// The entry's index.
    #[serde(rename = "i")]
    pub(super) index: u64,
    /// The term of the leader that wrote it.
    #[serde(rename = "t")]
    pub(super) term: u64,
    /// What `data` is.
    #[serde(rename = "k")]
    pub(super) kind: u8,
    /// Version byte and msgpack.
    #[serde(rename = "d", with = "serde_bytes")]
    pub(super) data: Vec<u8>,
}

/// Encodes a vote.
pub(super) fn encode_vote(vote: &Vote) -> [u8; VOTE_LEN] {
    let mut out = [0; VOTE_LEN];
    out[0] = FORMAT;
    out[1..9].copy_from_slice(&vote.leader_id().term.to_be_bytes());
    out[9..17].copy_from_slice(&vote.leader_id().voted_for.to_be_bytes());
    out[17] = u8::from(vote.is_committed());
    out
}

/// Decodes a vote.
pub(super) fn decode_vote(bytes: &[u8]) -> Result<Vote, CodecError> {
    let bytes: &[u8; VOTE_LEN] = fixed("vote", bytes)?;
    let (term, node) = (be64(&bytes[1..9]), be64(&bytes[9..17]));
    Ok(if bytes[17] == 0 {
        Vote::new(term, node)
    } else {
        Vote::new_committed(term, node)
    })
}

/// Encodes a log id.
pub(super) fn encode_log_id(id: &LogId) -> [u8; LOG_ID_LEN] {
    let mut out = [0; LOG_ID_LEN];
    out[0] = FORMAT;
    out[1..9].copy_from_slice(&id.committed_leader_id().term.to_be_bytes());
    out[9..17].copy_from_slice(&id.index().to_be_bytes());
    out
}

/// Decodes a log id.
pub(super) fn decode_log_id(bytes: &[u8]) -> Result<LogId, CodecError> {
    let bytes: &[u8; LOG_ID_LEN] = fixed("log id", bytes)?;
    Ok(log_id(be64(&bytes[1..9]), be64(&bytes[9..17])))
}

/// Encodes a server's raft id.
pub(super) fn encode_node_id(id: u64) -> [u8; NODE_ID_LEN] {
    let mut out = [FORMAT; NODE_ID_LEN];
    out[1..].copy_from_slice(&id.to_be_bytes());
    out
}

/// Decodes a server's raft id.
pub(super) fn decode_node_id(bytes: &[u8]) -> Result<u64, CodecError> {
    let bytes: &[u8; NODE_ID_LEN] = fixed("raft id", bytes)?;
    Ok(be64(&bytes[1..]))
}

/// Encodes a log entry.
pub(super) fn encode_entry(entry: &Entry) -> Result<Row, CodecError> {
    let (kind, data) = match &entry.payload {
        EntryPayload::Blank => (KIND_BLANK, vec![FORMAT]),
        EntryPayload::Normal(command) => {
            let encoded = command.encoded(|command| pack("command", command))?;
            (KIND_COMMAND, encoded.to_vec())
        }
        EntryPayload::Membership(m) => (KIND_MEMBERSHIP, pack("membership", &disk_membership(m))?),
    };
    let (leader, index) = entry.log_id_parts();
    Ok(Row {
        index,
        term: leader.term,
        kind,
        data,
    })
}

/// Bytes of a command's entry in the log; of others, which are few and small, nothing.
pub(super) fn entry_bytes(entry: &Entry) -> Result<usize, CodecError> {
    match &entry.payload {
        EntryPayload::Normal(command) => {
            let encoded = command.encoded(|command| pack("command", command))?;
            Ok(encoded.len())
        }
        EntryPayload::Blank | EntryPayload::Membership(_) => Ok(0),
    }
}

/// Decodes a log entry.
pub(super) fn decode_entry(row: &Row) -> Result<Entry, CodecError> {
    let payload = match row.kind {
        KIND_BLANK => {
            body("blank entry", &row.data)?;
            EntryPayload::Blank
        }
        KIND_COMMAND => EntryPayload::Normal(command(row)?),
        KIND_MEMBERSHIP => {
            EntryPayload::Membership(from_disk_membership(unpack("membership", &row.data)?)?)
        }
        other => return Err(CodecError::Kind(other)),
    };
    Ok(<Entry as openraft::entry::RaftEntry>::new(
        log_id(row.term, row.index),
        payload,
    ))
}

/// The command in a row. What came over the wire goes to the disk next: its bytes are kept for that.
fn command(row: &Row) -> Result<AppCommand, CodecError> {
    let command = unpack("command", &row.data)?;
    Ok(if row.data.first() == Some(&FORMAT) {
        AppCommand::decoded(command, row.data.clone())
    } else {
        AppCommand::new(Arc::new(command))
    })
}

impl Row {
    /// Puts the checksum on the data: over the index, the term and the kind as well.
    pub(super) fn seal(mut self) -> Self {
        seal(&self.place(), &mut self.data);
        self
    }

    /// Checks and takes off what [`Self::seal`] put on. False when there was none: a row of an earlier build.
    pub(super) fn unseal(&mut self) -> Result<bool, CodecError> {
        unseal("log entry", &self.place(), &mut self.data)
    }

    fn place(&self) -> [u8; 17] {
        let mut place = [0; 17];
        place[..8].copy_from_slice(&self.index.to_be_bytes());
        place[8..16].copy_from_slice(&self.term.to_be_bytes());
        place[16] = self.kind;
        place
    }
}

/// Puts a checksum on a value; `place` is where the value belongs and goes into the checksum, so that a value in
/// another's place is noticed.
pub(super) fn seal(place: &[u8], value: &mut Vec<u8>) {
    let checksum = checksum(place, value);
    if let Some(version) = value.first_mut() {
        *version = SEALED;
    }
    value.extend_from_slice(&checksum);
}

/// Checks and takes off what [`seal`] put on. False when there was none.
pub(super) fn unseal(
    what: &'static str,
    place: &[u8],
    value: &mut Vec<u8>,
) -> Result<bool, CodecError> {
    match value.first() {
        Some(&FORMAT) => return Ok(false),
        Some(&SEALED) => {}
        Some(&got) => return Err(CodecError::Version { what, got }),
        None => {
            return Err(CodecError::Length {
                what,
                got: 0,
                expected: 1,
            });
        }
    }
    let expected = match value.split_last_chunk::<SEAL_LEN>() {
        Some((value, expected)) if !value.is_empty() => *expected,
        _ => return Err(CodecError::Checksum(what)),
    };
    value.truncate(value.len() - SEAL_LEN);
    value[0] = FORMAT;
    if checksum(place, value) == expected {
        Ok(true)
    } else {
        Err(CodecError::Checksum(what))
    }
}

fn checksum(place: &[u8], value: &[u8]) -> [u8; SEAL_LEN] {
    let mut hash = crc32fast::Hasher::new();
    hash.update(place);
    hash.update(value);
    hash.finalize().to_be_bytes()
}

/// What a snapshot's header says of its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DiskMeta {
    /// Term and index of the last entry in the state; absent when there is none.
    last: Option<(u64, u64)>,
    /// Term and index of the entry that set the membership; absent when there is none.
    membership_log: Option<(u64, u64)>,
    membership: DiskMembership,
}

/// The membership as it lies on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DiskMembership {
    /// One set of voters; two while a change is under way.
    voters: Vec<BTreeSet<u64>>,
    /// Everyone, learners included.
    nodes: BTreeMap<u64, NodeInfo>,
}

/// Encodes what a snapshot contains.
pub(super) fn encode_snapshot_meta(meta: &SnapshotMeta) -> Result<Vec<u8>, CodecError> {
    let disk = DiskMeta {
        last: meta.last_log_id.as_ref().map(parts),
        membership_log: meta.last_membership.log_id().as_ref().map(parts),
        membership: disk_membership(meta.last_membership.membership()),
    };
    pack("snapshot header", &disk)
}

/// Decodes what a snapshot contains.
pub(super) fn decode_snapshot_meta(bytes: &[u8]) -> Result<SnapshotMeta, CodecError> {
    let disk: DiskMeta = unpack("snapshot header", bytes)?;
    Ok(SnapshotMeta {
        last_log_id: disk.last.map(|(term, index)| log_id(term, index)),
        last_membership: StoredMembership::new(
            disk.membership_log.map(|(term, index)| log_id(term, index)),
            from_disk_membership(disk.membership)?,
        ),
    })
}

/// Version byte and named msgpack: structs skip fields, so that positions mean nothing.
pub(super) fn pack<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::with_capacity(EVERYDAY_BYTES);
    out.push(FORMAT);
    rmp_serde::encode::write_named(&mut out, value)
        .map_err(|source| CodecError::Encode { what, source })?;
    Ok(out)
}

/// The reverse of [`pack`].
pub(super) fn unpack<'a, T: Deserialize<'a>>(
    what: &'static str,
    bytes: &'a [u8],
) -> Result<T, CodecError> {
    rmp_serde::from_slice(body(what, bytes)?).map_err(|source| CodecError::Decode { what, source })
}

fn disk_membership(membership: &Membership) -> DiskMembership {
    DiskMembership {
        voters: membership.get_joint_config().clone(),
        nodes: membership
            .nodes()
            .map(|(id, node)| (*id, node.clone()))
            .collect(),
    }
}

fn from_disk_membership(disk: DiskMembership) -> Result<Membership, CodecError> {
    Membership::new(disk.voters, disk.nodes).map_err(|e| CodecError::Membership(e.to_string()))
}

fn parts(id: &LogId) -> (u64, u64) {
    (id.committed_leader_id().term, id.index())
}

fn body<'a>(what: &'static str, bytes: &'a [u8]) -> Result<&'a [u8], CodecError> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => Ok(rest),
        Some((&got, _)) => Err(CodecError::Version { what, got }),
        None => Err(CodecError::Length {
            what,
            got: 0,
            expected: 1,
        }),
    }
}

fn fixed<'a, const N: usize>(
    what: &'static str,
    bytes: &'a [u8],
) -> Result<&'a [u8; N], CodecError> {
    body(what, bytes)?;
    bytes.try_into().map_err(|_| CodecError::Length {
        what,
        got: bytes.len(),
        expected: N,
    })
}

fn be64(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Compile-time reminder: the vote of this room is openraft's vote of one leader a term.
const _: fn(&Vote) -> &<TypeConfig as openraft::RaftTypeConfig>::LeaderId = |v| v.leader_id();

#[cfg(test)]
mod tests;
