//! The client's side of raft's frames: one connection a server and lane, opened when needed.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::listener::RAFT;
use super::raft_frame::{ANSWERED, Frame, read_body, read_head, write_frame, write_preface};
use crate::model::go_error;

/// Frames that wait to be written to one connection.
const QUEUED_FRAMES: usize = 64;
/// Largest answer, in bytes: votes and indexes.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// Time without progress after which a connection is given up.
const STUCK: Duration = Duration::from_secs(10);
/// Time for opening a connection. It does not depend on how long a call waits: a proof of life may take less time than
/// the way there and back twice. After a partition the next attempt should not wait for TCP's own, ever longer, pauses.
const OPEN_LIMIT: Duration = Duration::from_secs(1);
/// A connection that nothing was sent on for so long is closed when the next one is opened.
const UNUSED: Duration = Duration::from_mins(1);
/// A connection on which calls have had no answer for so long may be dead, and gives way to another.
const SILENCE: Duration = Duration::from_secs(1);

/// Why a frame has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RaftCallError {
    /// No connection: nothing was sent.
    #[error("cannot connect to {0}: {1}")]
    Unreachable(String, String),
    /// The connection broke, the time was over, or the server refused.
    #[error("{0}: {1}")]
    Broken(String, String),
}

type Answer = Result<Vec<u8>, String>;
type Waiting = Arc<Mutex<HashMap<u32, oneshot::Sender<Answer>>>>;

/// Connections to raft's other servers.
#[derive(Debug, Default)]
pub struct RaftLinks {
    /// By address, UUID and lane.
    links: Mutex<HashMap<(String, String, u8), Place>>,
}

/// Where the connection to one server and lane stands: it is being opened, was opened, or could not be.
#[derive(Debug)]
struct Place {
    opening: Opening,
    used: Instant,
}

/// Goes on by itself, whether somebody waits for it or not; whoever comes meanwhile gets the same connection.
type Opening = Shared<BoxFuture<'static, Result<Arc<RaftLink>, String>>>;

/// An open connection.
#[derive(Debug)]
struct RaftLink {
    outgoing: mpsc::Sender<Frame>,
    waiting: Waiting,
    next: AtomicU32,
    opened: Instant,
    /// When the last answer arrived, in milliseconds since `opened`.
    heard: Arc<AtomicU64>,
    /// Cancelled when the connection ends, and to end it.
    closed: CancellationToken,
}

impl Drop for RaftLink {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

impl RaftLinks {
    /// Sends a frame to a server, by UUID and address (`ip:port`), and waits at most `limit` for the answer. Calls of one lane are sent in
    /// order, without waiting for each other's answers.
    ///
    /// # Errors
    /// When there is no connection or no answer.
    pub async fn call(
        &self,
        server: &str,
        address: &str,
        lane: u8,
        kind: u8,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<Vec<u8>, RaftCallError> {
        let began = Instant::now();
        let deadline = began + limit;
        let link = timeout_at(deadline, self.opening(server, address, lane))
            .await
            .unwrap_or_else(|_| Err(go_error::text(&io::ErrorKind::TimedOut.into())))
            .map_err(|why| RaftCallError::Unreachable(address.to_owned(), why))?;
        let answer = timeout_at(deadline, link.call(kind, body)).await;
        let answer = answer.unwrap_or_else(|_| {
            link.doubt();
            Err(format!("no answer within {limit:?}"))
        });
        answer.map_err(|why| RaftCallError::Broken(address.to_owned(), why))
    }

    /// The connection that is there, or the beginning of a new one.
    fn opening(&self, server: &str, address: &str, lane: u8) -> Opening {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (address.to_owned(), server.to_owned(), lane);
        let now = Instant::now();
        if let Some(place) = links.get_mut(&key)
            && place.opening.peek().is_none_or(is_open)
        {
            place.used = now;
            return place.opening.clone();
        }
        // Servers that are none any more, or have moved.
        links.retain(|_, place| now.duration_since(place.used) < UNUSED);
        let opening = open(server, address, lane);
        let place = Place {
            opening: opening.clone(),
            used: now,
        };
        links.insert(key, place);
        opening
    }
}

fn is_open(outcome: &Result<Arc<RaftLink>, String>) -> bool {
    outcome
        .as_ref()
        .is_ok_and(|link| !link.closed.is_cancelled())
}

fn open(server: &str, address: &str, lane: u8) -> Opening {
    let (server, address) = (server.to_owned(), address.to_owned());
    let opening = tokio::spawn(async move {
        let opened = timeout(OPEN_LIMIT, RaftLink::open(&server, &address, lane)).await;
        let opened = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        opened.map(Arc::new).map_err(|why| go_error::text(&why))
    });
    let opened = async { opening.await.unwrap_or_else(|why| Err(why.to_string())) };
    opened.boxed().shared()
}

impl RaftLink {
    async fn open(server: &str, address: &str, lane: u8) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        write_preface(&mut stream, RAFT, lane, server, STUCK).await?;
        let (input, output) = stream.into_split();
        let (outgoing, queue) = mpsc::channel(QUEUED_FRAMES);
        let link = Self {
            outgoing,
            waiting: Waiting::default(),
            next: AtomicU32::new(0),
            opened: Instant::now(),
            heard: Arc::default(),
            closed: CancellationToken::new(),
        };
        let (closed, waiting) = (link.closed.clone(), Arc::clone(&link.waiting));
        let hearing = Hearing {
            opened: link.opened,
            heard: Arc::clone(&link.heard),
        };
        tokio::spawn(async move {
            let why = tokio::select! {
                why = write_calls(output, queue) => why,
                why = read_answers(input, &waiting, &hearing) => why,
                () = closed.cancelled() => "closed".to_owned(),
            };
            closed.cancel();
            let waiting = std::mem::take(&mut *lock(&waiting));
            for (_, answer) in waiting {
                // Who does not wait any more does not mind.
                let _gone = answer.send(Err(why.clone()));
            }
        });
        Ok(link)
    }

    /// A call has had no answer: when there has been none at all for some time, the next one gets another connection.
    fn doubt(&self) {
        let heard = Duration::from_millis(self.heard.load(Ordering::Relaxed));
        if self.opened.elapsed().saturating_sub(heard) >= SILENCE {
            self.closed.cancel();
        }
    }

    async fn call(&self, kind: u8, body: Vec<u8>) -> Answer {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        lock(&self.waiting).insert(number, answer);
        let _forget = Forget(&self.waiting, number);
        let sent = self.outgoing.send(Frame { number, kind, body }).await;
        if sent.is_err() {
            return Err("the connection is closed".to_owned());
        }
        // The one who closes empties the table; whoever comes after that finds the sender closed.
        tokio::select! {
            biased;
            answer = answered => answer.unwrap_or_else(|_| Err("the connection is closed".to_owned())),
            () = self.closed.cancelled() => Err("the connection is closed".to_owned()),
        }
    }
}

/// Notes when answers arrive.
struct Hearing {
    opened: Instant,
    heard: Arc<AtomicU64>,
}

impl Hearing {
    fn note(&self) {
        let now = self.opened.elapsed().as_millis();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        self.heard.store(now, Ordering::Relaxed);
    }
}

/// Takes a number out of the table when nobody waits for it any more.
struct Forget<'a>(&'a Waiting, u32);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        lock(self.0).remove(&self.1);
    }
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, HashMap<u32, oneshot::Sender<Answer>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write_calls(mut output: OwnedWriteHalf, mut queue: mpsc::Receiver<Frame>) -> String {
    while let Some(frame) = queue.recv().await {
        if let Err(why) = write_frame(&mut output, &frame, STUCK).await {
            return why.to_string();
        }
    }
    "closed".to_owned()
}

async fn read_answers(input: OwnedReadHalf, waiting: &Waiting, hearing: &Hearing) -> String {
    let mut input = BufReader::new(input);
    // Answers are bounded each.
    let mut share = Budget::new(usize::MAX).share();
    loop {
        let head = match read_head(&mut input).await {
            Ok(Some(head)) if head.len <= MAX_ANSWER_BYTES => head,
            Ok(Some(head)) => return format!("an answer of {} bytes is too large", head.len),
            Ok(None) => return "closed by the other side".to_owned(),
            Err(why) => return why.to_string(),
        };
        let body = match read_body(&mut input, head.len, &mut share, STUCK).await {
            Ok(body) => body,
            Err(why) => return why.to_string(),
        };
        hearing.note();
        let answer = if head.kind == ANSWERED {
            Ok(body)
        } else {
            Err(String::from_utf8_lossy(&body).into_owned())
        };
        if let Some(waiting) = lock(waiting).remove(&head.number) {
            let _gone = waiting.send(answer);
        }
    }
}
