//! Several messages with entries under way to one peer.
//!
//! openraft gives a stream of messages and takes a stream of answers, in the same order; it takes any answer but
//! success as the end. A lane carries frames in the order in which their calls begin, and the other side begins to
//! serve them in that order, so that a message never finds the log without those before it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, Stream};
use openraft::entry::RaftEntry;
use openraft::errors::{NetworkError, RPCError};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, StreamAppendResult};
use tokio::sync::Notify;
use tokio::task::unconstrained;
use tokio::time::{Instant, timeout_at};

use super::network::{Answers, Network};
use super::types::{LogId, TypeConfig};
use super::wire;

/// Messages under way to one peer. Each has at most what one read of the log gives: about 1 MiB, or one entry.
const MAX_IN_FLIGHT: usize = 16;
/// Messages under way beside which another waits for [`PACE`]: where answers come at once, one travels while the other
/// is written, and what comes meanwhile goes together. More would be more messages with less in each (without
/// this, a write takes a sixth more of the processor, a follower's a quarter more).
const FEW_IN_FLIGHT: usize = 2;
/// Time between two messages beside [`FEW_IN_FLIGHT`] others: where answers take long, they are not waited for.
const PACE: Duration = Duration::from_millis(2);
/// Messages without anything new in a row after which a stream ends: openraft tells no more with them than that the
/// entries to send are purged, and finds a snapshot to send only with the next stream.
const MAX_WITHOUT_NEWS: u32 = 3;
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

/// The last entries of the messages under way, oldest first.
///
/// openraft takes a success up to an entry as the answer to all messages up to it, and counts the sending time of the
/// last of them as one at which the follower was there. A message without entries ends where the one before it did: an
/// old answer to that one would vouch for the moment at which the later one was sent, and prove a lease that is over.
#[derive(Debug)]
struct UnderWay {
    messages: Mutex<Messages>,
    answered: Notify,
}

#[derive(Debug)]
struct Messages {
    lasts: VecDeque<Option<LogId>>,
    /// When the last one was taken in.
    begun: Instant,
}

impl UnderWay {
    fn new() -> Self {
        Self {
            messages: Mutex::new(Messages {
                lasts: VecDeque::with_capacity(MAX_IN_FLIGHT),
                begun: Instant::now(),
            }),
            answered: Notify::new(),
        }
    }

    fn messages(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when it is time for the next message.
    async fn room(&self) {
        loop {
            let soon = {
                let messages = self.messages();
                if messages.lasts.len() < FEW_IN_FLIGHT {
                    return;
                }
                messages.begun + PACE
            };
            // An answer that came before this has left a permit.
            if timeout_at(soon, self.answered.notified()).await.is_err() {
                return;
            }
        }
    }

    fn begin(&self, last: Option<LogId>) {
        let mut messages = self.messages();
        messages.lasts.push_back(last);
        messages.begun = Instant::now();
    }

    /// Ends the oldest; tells whether the next one ends at the same entry, so that its answer says the same.
    fn end(&self) -> bool {
        let is_repeated = {
            let mut messages = self.messages();
            let ended = messages.lasts.pop_front();
            ended.is_some() && messages.lasts.front() == ended.as_ref()
        };
        self.answered.notify_one();
        is_repeated
    }
}

/// Sends messages as they come, and gives the answers in their order; ends after the first that is not a success. A
/// success is left out when the next message that was taken in ends at the same entry. There are only so many of those,
/// because each tells of a higher commit up to that entry.
pub(super) fn appends<'s>(
    network: Network,
    input: impl Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + 'static,
    patience: Patience,
) -> Answers<'s> {
    let network = Arc::new(network);
    let bytes = Arc::new(AtomicU64::new(0));
    let under_way = Arc::new(UnderWay::new());
    let begun = Arc::clone(&under_way);
    let (mut known, mut without_news) = (None, 0);
    let calls = paced(input, Arc::clone(&under_way)).map(move |rpc| {
        begun.begin(last_of(&rpc));
        let is_news = !rpc.entries.is_empty() || known != Some(rpc.leader_commit);
        known = Some(rpc.leader_commit);
        without_news = if is_news { 0 } else { without_news + 1 };
        let is_last = without_news >= MAX_WITHOUT_NEWS;
        let (network, bytes) = (Arc::clone(&network), Arc::clone(&bytes));
        let call = async move {
            if is_last {
                return failed("the entries to send are purged");
            }
            append(network, rpc, patience, bytes).await
        };
        // Without yielding of its own accord, or a later call could begin before an earlier one.
        unconstrained(call)
    });
    let answers = Box::pin(calls.buffered(MAX_IN_FLIGHT));
    let open = Some((answers, under_way));
    Box::pin(stream::unfold(open, async |open| {
        let (mut answers, under_way) = open?;
        loop {
            let (answer, goes_on) = answers.next().await?;
            let is_repeated = under_way.end();
            if !(goes_on && is_repeated) {
                return Some((answer, goes_on.then_some((answers, under_way))));
            }
        }
    }))
}

/// Messages, taken in when it is time for them: what is in one is decided as late as that.
fn paced<S>(
    input: S,
    under_way: Arc<UnderWay>,
) -> impl Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + 'static
where
    S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + 'static,
{
    stream::unfold(
        (Box::pin(input), under_way),
        async |(mut input, under_way)| {
            under_way.room().await;
            let rpc = input.next().await?;
            Some((rpc, (input, under_way)))
        },
    )
}

/// The entry up to which a follower has the log when it has taken a message.
fn last_of(rpc: &AppendEntriesRequest<TypeConfig>) -> Option<LogId> {
    let last = rpc.entries.last().map(RaftEntry::log_id);
    last.or(rpc.prev_log_id)
}

/// The end of a stream, after which openraft begins another.
fn failed(why: &'static str) -> Outcome {
    let why = std::io::Error::other(why);
    (Err(RPCError::Network(NetworkError::new(&why))), false)
}

async fn append(
    network: Arc<Network>,
    rpc: AppendEntriesRequest<TypeConfig>,
    patience: Patience,
    under_way: Arc<AtomicU64>,
) -> Outcome {
    let previous = rpc.prev_log_id;
    let last = last_of(&rpc);
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
            return failed("a conflict with the beginning of the log");
        }
        _ => true,
    };
    let answer = answer.into_stream_result(previous, last);
    let goes_on = is_whole && answer.is_ok();
    (Ok(answer), goes_on)
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, oneshot};

    use super::*;
    use crate::agent::raft::deferral::Deferral;
    use crate::agent::raft::medium::BoxFuture;
    use crate::agent::raft::network::{
        Addresses, Call, Lane, Networks, Peer, Transport, TransportError,
    };
    use crate::agent::raft::types::{Entry, NodeInfo, Vote, log_id};

    type Reply = Result<AppendEntriesResponse<TypeConfig>, TransportError>;

    /// Hands out the answering ends of calls, as they are made.
    struct Gate(mpsc::UnboundedSender<oneshot::Sender<Reply>>);

    impl Transport for Gate {
        fn call<'a>(
            &'a self,
            _: &'a Peer,
            _: Lane,
            _: Call,
            _: Vec<u8>,
            _: Duration,
        ) -> BoxFuture<'a, Result<Vec<u8>, TransportError>> {
            let (reply, answer) = oneshot::channel();
            self.0.send(reply).expect("the test listens");
            Box::pin(async move {
                let answer = answer.await.expect("answered")?;
                Ok(wire::encode_append_answer(&answer).expect("encodes"))
            })
        }
    }

    /// A stream with its input and the calls that it makes.
    struct Pipe {
        input: mpsc::UnboundedSender<AppendEntriesRequest<TypeConfig>>,
        calls: mpsc::UnboundedReceiver<oneshot::Sender<Reply>>,
        answers: Answers<'static>,
    }

    impl Pipe {
        fn new() -> Self {
            let (calls_tx, calls) = mpsc::unbounded_channel();
            let (input, mut messages) = mpsc::unbounded_channel();
            let networks = Networks {
                transport: Arc::new(Gate(calls_tx)),
                addresses: Addresses::default(),
                deferral: Deferral::default(),
                campaign: Arc::default(),
                reports: Arc::default(),
                meters: Arc::default(),
            };
            let network = networks.to(&NodeInfo::default(), Lane::Replication);
            let messages = stream::poll_fn(move |context| messages.poll_recv(context));
            let patience = Patience::with_entries(Duration::from_secs(1));
            Self {
                input,
                calls,
                answers: appends(network, messages, patience),
            }
        }

        /// Gives a message of the entries after `previous` up to `last`.
        fn give(&self, previous: u64, last: u64) {
            let entry = |index| Entry::new_blank(log_id(1, index));
            let message = AppendEntriesRequest {
                vote: Vote::new_committed(1, 1),
                prev_log_id: Some(log_id(1, previous)),
                leader_commit: None,
                entries: (previous + 1..=last).map(entry).collect(),
            };
            self.input.send(message).expect("taken in");
        }

        /// The last entry that the next answer names, when there is an answer by the time of the next message.
        async fn answer(&mut self) -> Option<Option<u64>> {
            let answers = self.answers.by_ref();
            match timeout_at(Instant::now() + 2 * PACE, answers.next()).await {
                Err(_) => None,
                Ok(Some(Ok(Ok(matching)))) => Some(matching.map(|id| id.index())),
                Ok(other) => panic!("no success: {other:?}"),
            }
        }

        fn reply(&mut self, reply: Reply) {
            let call = self.calls.try_recv().expect("a call");
            call.send(reply).expect("somebody waits");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_answer_does_not_stand_for_a_later_message() {
        let mut pipe = Pipe::new();
        pipe.give(9, 10);
        assert_eq!(pipe.answer().await, None);
        pipe.reply(Ok(AppendEntriesResponse::Success));
        // Taken in by the very poll that finds the answer to the first.
        pipe.give(10, 10);
        pipe.give(10, 10);
        assert_eq!(pipe.answer().await, None);
        pipe.reply(Ok(AppendEntriesResponse::Success));
        assert_eq!(pipe.answer().await, None);
        pipe.reply(Ok(AppendEntriesResponse::Success));
        assert_eq!(pipe.answer().await, Some(Some(10)));
        assert_eq!(pipe.answer().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn messages_with_entries_are_answered_one_by_one() {
        let mut pipe = Pipe::new();
        pipe.give(9, 10);
        pipe.give(10, 10);
        pipe.give(10, 12);
        assert_eq!(pipe.answer().await, None);
        pipe.reply(Ok(AppendEntriesResponse::Success));
        assert_eq!(pipe.answer().await, None);
        pipe.reply(Ok(AppendEntriesResponse::Success));
        assert_eq!(pipe.answer().await, Some(Some(10)));
        pipe.reply(Ok(AppendEntriesResponse::Success));
        assert_eq!(pipe.answer().await, Some(Some(12)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_and_a_failure_are_told_whatever_was_left_out() {
        let mut pipe = Pipe::new();
        pipe.give(9, 10);
        pipe.give(10, 10);
        assert_eq!(pipe.answer().await, None);
        pipe.reply(Ok(AppendEntriesResponse::Success));
        assert_eq!(pipe.answer().await, None);
        pipe.reply(Err(TransportError::Broken("cut".to_owned())));
        let failed = pipe.answers.next().await.expect("told");
        assert!(failed.is_err(), "{failed:?}");
        assert!(pipe.answers.next().await.is_none());

        let mut pipe = Pipe::new();
        pipe.give(9, 12);
        pipe.give(12, 12);
        assert_eq!(pipe.answer().await, None);
        let taken = Some(log_id(1, 10));
        pipe.reply(Ok(AppendEntriesResponse::PartialSuccess(taken)));
        assert_eq!(pipe.answer().await, Some(Some(10)));
        assert!(pipe.answers.next().await.is_none());
    }

    /// What openraft makes of entries that were purged before it could send them.
    #[tokio::test(start_paused = true)]
    async fn a_stream_that_has_nothing_to_send_ends() {
        let mut pipe = Pipe::new();
        pipe.give(9, 10);
        for _ in 0..MAX_WITHOUT_NEWS {
            pipe.give(10, 10);
        }
        for _ in 0..MAX_WITHOUT_NEWS {
            assert_eq!(pipe.answer().await, None);
            pipe.reply(Ok(AppendEntriesResponse::Success));
        }
        let ended = pipe.answers.next().await.expect("told");
        assert!(ended.is_err(), "{ended:?}");
        assert!(pipe.calls.try_recv().is_err(), "it was not sent");
        assert!(pipe.answers.next().await.is_none());
    }
}
