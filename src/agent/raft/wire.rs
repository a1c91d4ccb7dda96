//! The frames of raft's messages: version byte and named msgpack. Pure.

use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, TransferLeaderError, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::codec::{self, CodecError, Row};
use super::types::{LogId, TypeConfig, Vote};

/// Why a frame cannot be written or read.
pub(super) type WireError = CodecError;

type Result<T> = std::result::Result<T, WireError>;

#[derive(Serialize, Deserialize)]
struct AppendFrame {
    vote: ByteBuf,
    prev: Option<ByteBuf>,
    entries: Vec<Row>,
    commit: Option<ByteBuf>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AppendAnswer {
    Success,
    Partial { last: Option<ByteBuf> },
    Conflict,
    HigherVote { vote: ByteBuf },
}

#[derive(Serialize, Deserialize)]
struct VoteFrame {
    vote: ByteBuf,
    last: Option<ByteBuf>,
    #[serde(default)]
    transfer: bool,
}

#[derive(Serialize, Deserialize)]
struct VoteAnswer {
    vote: ByteBuf,
    granted: bool,
    last: Option<ByteBuf>,
}

/// A step of sending a snapshot: the bytes of a snapshot file, in chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SnapshotStep {
    /// The leader with this vote begins a transfer; any other that is not complete ends.
    Begin { vote: Vote },
    /// The bytes at an offset.
    Chunk { offset: u64, bytes: Vec<u8> },
    /// That was all, so many bytes: install it. Asked again until it is done.
    End { bytes: u64 },
}

/// How far the receiver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SnapshotProgress {
    /// It takes chunks.
    Receiving,
    /// It has everything and works on it.
    Installing,
    /// It is done.
    Installed,
}

#[derive(Serialize, Deserialize)]
struct SnapshotFrame {
    transfer: u64,
    step: StepFrame,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StepFrame {
    Begin { vote: ByteBuf },
    Chunk { offset: u64, bytes: ByteBuf },
    End { bytes: u64 },
}

#[derive(Serialize, Deserialize)]
struct SnapshotAnswer {
    vote: ByteBuf,
    progress: SnapshotProgress,
}

#[derive(Serialize, Deserialize)]
struct TransferFrame {
    from: ByteBuf,
    to: u64,
    last: Option<ByteBuf>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TransferAnswer {
    Accepted,
    VoteChanged {
        expected: ByteBuf,
        actual: ByteBuf,
    },
    LogNotFlushed {
        expected: Option<ByteBuf>,
        actual: Option<ByteBuf>,
    },
}

fn put_vote(vote: &Vote) -> ByteBuf {
    ByteBuf::from(codec::encode_vote(vote))
}

fn put_id(id: Option<&LogId>) -> Option<ByteBuf> {
    id.map(|id| ByteBuf::from(codec::encode_log_id(id)))
}

fn get_id(bytes: Option<&ByteBuf>) -> Result<Option<LogId>> {
    bytes.map(|bytes| codec::decode_log_id(bytes)).transpose()
}

pub(super) fn encode_append(rpc: &AppendEntriesRequest<TypeConfig>) -> Result<Vec<u8>> {
    let entries: Result<Vec<Row>> = rpc.entries.iter().map(codec::encode_entry).collect();
    let frame = AppendFrame {
        vote: put_vote(&rpc.vote),
        prev: put_id(rpc.prev_log_id.as_ref()),
        entries: entries?,
        commit: put_id(rpc.leader_commit.as_ref()),
    };
    codec::pack("append frame", &frame)
}

pub(super) fn decode_append(bytes: &[u8]) -> Result<AppendEntriesRequest<TypeConfig>> {
    let frame: AppendFrame = codec::unpack("append frame", bytes)?;
    let entries: Result<Vec<_>> = frame.entries.iter().map(codec::decode_entry).collect();
    Ok(AppendEntriesRequest {
        vote: codec::decode_vote(&frame.vote)?,
        prev_log_id: get_id(frame.prev.as_ref())?,
        entries: entries?,
        leader_commit: get_id(frame.commit.as_ref())?,
    })
}

pub(super) fn encode_append_answer(answer: &AppendEntriesResponse<TypeConfig>) -> Result<Vec<u8>> {
    let answer = match answer {
        AppendEntriesResponse::Success => AppendAnswer::Success,
        AppendEntriesResponse::PartialSuccess(last) => AppendAnswer::Partial {
            last: put_id(last.as_ref()),
        },
        AppendEntriesResponse::Conflict => AppendAnswer::Conflict,
        AppendEntriesResponse::HigherVote(vote) => AppendAnswer::HigherVote {
            vote: put_vote(vote),
        },
    };
    codec::pack("append answer", &answer)
}

pub(super) fn decode_append_answer(bytes: &[u8]) -> Result<AppendEntriesResponse<TypeConfig>> {
    Ok(match codec::unpack("append answer", bytes)? {
        AppendAnswer::Success => AppendEntriesResponse::Success,
        AppendAnswer::Partial { last } => {
            AppendEntriesResponse::PartialSuccess(get_id(last.as_ref())?)
        }
        AppendAnswer::Conflict => AppendEntriesResponse::Conflict,
        AppendAnswer::HigherVote { vote } => {
            AppendEntriesResponse::HigherVote(codec::decode_vote(&vote)?)
        }
    })
}

pub(super) fn encode_vote_request(rpc: &VoteRequest<TypeConfig>) -> Result<Vec<u8>> {
    let frame = VoteFrame {
        vote: put_vote(&rpc.vote),
        last: put_id(rpc.last_log_id.as_ref()),
        transfer: rpc.leadership_transfer,
    };
    codec::pack("vote frame", &frame)
}

pub(super) fn decode_vote_request(bytes: &[u8]) -> Result<VoteRequest<TypeConfig>> {
    let frame: VoteFrame = codec::unpack("vote frame", bytes)?;
    let mut rpc = VoteRequest::new(
        codec::decode_vote(&frame.vote)?,
        get_id(frame.last.as_ref())?,
    );
    rpc.leadership_transfer = frame.transfer;
    Ok(rpc)
}

pub(super) fn encode_vote_answer(answer: &VoteResponse<TypeConfig>) -> Result<Vec<u8>> {
    let answer = VoteAnswer {
        vote: put_vote(&answer.vote),
        granted: answer.vote_granted,
        last: put_id(answer.last_log_id.as_ref()),
    };
    codec::pack("vote answer", &answer)
}

pub(super) fn decode_vote_answer(bytes: &[u8]) -> Result<VoteResponse<TypeConfig>> {
    let answer: VoteAnswer = codec::unpack("vote answer", bytes)?;
    Ok(VoteResponse::new(
        codec::decode_vote(&answer.vote)?,
        get_id(answer.last.as_ref())?,
        answer.granted,
    ))
}

/// A step of the transfer with this number.
pub(super) fn encode_snapshot(transfer: u64, step: SnapshotStep) -> Result<Vec<u8>> {
    let step = match step {
        SnapshotStep::Begin { vote } => StepFrame::Begin {
            vote: put_vote(&vote),
        },
        SnapshotStep::Chunk { offset, bytes } => StepFrame::Chunk {
            offset,
            bytes: ByteBuf::from(bytes),
        },
        SnapshotStep::End { bytes } => StepFrame::End { bytes },
    };
    codec::pack("snapshot frame", &SnapshotFrame { transfer, step })
}

/// The transfer's number, and the step.
pub(super) fn decode_snapshot(bytes: &[u8]) -> Result<(u64, SnapshotStep)> {
    let frame: SnapshotFrame = codec::unpack("snapshot frame", bytes)?;
    let step = match frame.step {
        StepFrame::Begin { vote } => SnapshotStep::Begin {
            vote: codec::decode_vote(&vote)?,
        },
        StepFrame::Chunk { offset, bytes } => SnapshotStep::Chunk {
            offset,
            bytes: bytes.into_vec(),
        },
        StepFrame::End { bytes } => SnapshotStep::End { bytes },
    };
    Ok((frame.transfer, step))
}

/// The receiver's own vote, and how far it is.
pub(super) fn encode_snapshot_answer(vote: &Vote, progress: SnapshotProgress) -> Result<Vec<u8>> {
    let answer = SnapshotAnswer {
        vote: put_vote(vote),
        progress,
    };
    codec::pack("snapshot answer", &answer)
}

pub(super) fn decode_snapshot_answer(bytes: &[u8]) -> Result<(Vote, SnapshotProgress)> {
    let answer: SnapshotAnswer = codec::unpack("snapshot answer", bytes)?;
    Ok((codec::decode_vote(&answer.vote)?, answer.progress))
}

pub(super) fn encode_transfer(rpc: &TransferLeaderRequest<TypeConfig>) -> Result<Vec<u8>> {
    let frame = TransferFrame {
        from: put_vote(rpc.from_leader()),
        to: *rpc.to_node_id(),
        last: put_id(rpc.last_log_id()),
    };
    codec::pack("transfer frame", &frame)
}

pub(super) fn decode_transfer(bytes: &[u8]) -> Result<TransferLeaderRequest<TypeConfig>> {
    let frame: TransferFrame = codec::unpack("transfer frame", bytes)?;
    Ok(TransferLeaderRequest::new(
        codec::decode_vote(&frame.from)?,
        frame.to,
        get_id(frame.last.as_ref())?,
    ))
}

pub(super) fn encode_transfer_answer(
    answer: &TransferLeaderResponse<TypeConfig>,
) -> Result<Vec<u8>> {
    let answer = match answer {
        Ok(()) => TransferAnswer::Accepted,
        Err(TransferLeaderError::VoteChanged { expected, actual }) => TransferAnswer::VoteChanged {
            expected: put_vote(expected),
            actual: put_vote(actual),
        },
        Err(TransferLeaderError::LogNotFlushed { expected, actual }) => {
            TransferAnswer::LogNotFlushed {
                expected: put_id(expected.as_ref()),
                actual: put_id(actual.as_ref()),
            }
        }
    };
    codec::pack("transfer answer", &answer)
}

pub(super) fn decode_transfer_answer(bytes: &[u8]) -> Result<TransferLeaderResponse<TypeConfig>> {
    Ok(match codec::unpack("transfer answer", bytes)? {
        TransferAnswer::Accepted => Ok(()),
        TransferAnswer::VoteChanged { expected, actual } => Err(TransferLeaderError::VoteChanged {
            expected: codec::decode_vote(&expected)?,
            actual: codec::decode_vote(&actual)?,
        }),
        TransferAnswer::LogNotFlushed { expected, actual } => {
            Err(TransferLeaderError::LogNotFlushed {
                expected: get_id(expected.as_ref())?,
                actual: get_id(actual.as_ref())?,
            })
        }
    })
}
