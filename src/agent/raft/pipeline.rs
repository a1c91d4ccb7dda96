//! Several messages with entries under way to one peer.
//!
//! openraft gives a stream of messages and takes a stream of answers, in the same order; it takes any answer but
//! success as the end. A lane carries frames in the order in which their calls begin, and the other side begins to
//! serve them in that order, so that a message never finds the log without those before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, Stream};
use openraft::entry::RaftEntry;
use openraft::errors::{NetworkError, RPCError};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, StreamAppendResult};
use tokio::task::unconstrained;

use super::network::{Answers, Network};
use super::types::{LogId, TypeConfig};
use super::wire;

/// Messages under way to one peer. Each has at most what one read of the log gives: about 1 MiB, or one entry. With
/// two, one travels while the other is written; what comes meanwhile goes together, where more would be more messages
/// with less in each (16 take a sixth more of the processor a write, and a quarter more of the followers').
const MAX_IN_FLIGHT: usize = 2;
/// Heartbeats' worth of time that a message with entries may take besides what its size needs.
const APPEND_HEARTBEATS: u32 = 10;
/// What a network and a disk move at the least.
const MIN_BYTES_PER_SECOND: u64 = 4 << 20;

/// How long answers are waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    base: Duration,
    by_size: bool,
}

impl Patience {
    /// So long and no longer.
    pub(super) fn exactly(base: Duration) -> Self {
        Self {
            base,
            by_size: false,
        }
    }

    /// For messages with entries, which a slow disk must make durable and which may be large.
    pub(super) fn with_entries(heartbeat: Duration) -> Self {
        Self {
            base: heartbeat * APPEND_HEARTBEATS,
            by_size: true,
        }
    }

    /// The limit of a message when so many bytes are under way, its own included.
    fn limit(self, bytes: u64) -> Duration {
        if !self.by_size {
            return self.base;
        }
        self.base + Duration::from_millis(bytes.saturating_mul(1000) / MIN_BYTES_PER_SECOND)
    }
}

/// An answer, and whether others may follow it.
type Outcome = (
    Result<StreamAppendResult<TypeConfig>, RPCError<TypeConfig>>,
    bool,
);

/// Sends messages as they come, and gives the answers in their order; ends after the first that is not a success.
pub(super) fn appends<'s>(
    network: Network,
    input: impl Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + 'static,
    patience: Patience,
) -> Answers<'s> {
    let network = Arc::new(network);
    let under_way = Arc::new(AtomicU64::new(0));
    let calls = input.map(move |rpc| {
        let call = append(Arc::clone(&network), rpc, patience, Arc::clone(&under_way));
        // Without yielding of its own accord, or a later call could begin before an earlier one.
        unconstrained(call)
    });
    let answers = Box::pin(calls.buffered(MAX_IN_FLIGHT));
    Box::pin(stream::unfold(Some(answers), async |answers| {
        let mut answers = answers?;
        let (answer, goes_on) = answers.next().await?;
        Some((answer, goes_on.then_some(answers)))
    }))
}

async fn append(
    network: Arc<Network>,
    rpc: AppendEntriesRequest<TypeConfig>,
    patience: Patience,
    under_way: Arc<AtomicU64>,
) -> Outcome {
    let previous = rpc.prev_log_id;
    let last = rpc.entries.last().map(RaftEntry::log_id).or(previous);
    let body = match wire::encode_append(&rpc) {
        Ok(body) => body,
        Err(e) => return (Err(RPCError::Network(NetworkError::new(&e))), false),
    };
    let entries = rpc.entries.len();
    drop(rpc);
    let size = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let bytes = under_way.fetch_add(size, Ordering::Relaxed) + size;
    let answer = network.append(body, entries, patience.limit(bytes)).await;
    under_way.fetch_sub(size, Ordering::Relaxed);
    match answer {
        Ok(answer) => outcome(answer, previous, last),
        Err(e) => (Err(e), false),
    }
}

fn outcome(
    answer: AppendEntriesResponse<TypeConfig>,
    previous: Option<LogId>,
    last: Option<LogId>,
) -> Outcome {
    // What was taken in part leaves a hole before the next message.
    let is_whole = match &answer {
        AppendEntriesResponse::PartialSuccess(taken) => *taken == last,
        AppendEntriesResponse::Conflict if previous.is_none() => {
            let nonsense = std::io::Error::other("a conflict with the beginning of the log");
            return (Err(RPCError::Network(NetworkError::new(&nonsense))), false);
        }
        _ => true,
    };
    let answer = answer.into_stream_result(previous, last);
    let goes_on = is_whole && answer.is_ok();
    (Ok(answer), goes_on)
}
