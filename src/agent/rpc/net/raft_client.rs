//! The client's side of raft's frames: one connection a server and lane, opened when needed.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::dial::go_text;
use super::listener::RAFT;
use super::raft_frame::{ANSWERED, Frame, read_body, read_head, write_frame, write_preface};

/// Frames that wait to be written to one connection.
const QUEUED_FRAMES: usize = 64;
/// Largest answer, in bytes: votes and indexes.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// Time without progress after which a connection is given up.
const STUCK: Duration = Duration::from_secs(10);

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
    links: Mutex<HashMap<(String, String, u8), Arc<Place>>>,
}

/// Where the connection to one server and lane stands; locked while it is opened, so that one is.
#[derive(Debug, Default)]
struct Place(tokio::sync::Mutex<Option<Arc<RaftLink>>>);

/// An open connection.
#[derive(Debug)]
struct RaftLink {
    outgoing: mpsc::Sender<Frame>,
    waiting: Waiting,
    next: AtomicU32,
    /// Answers that have arrived: whether the connection is alive.
    arrived: Arc<AtomicU64>,
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
        let deadline = Instant::now() + limit;
        let place = self.place(server, address, lane);
        let link = timeout_at(deadline, place.link(server, address, lane))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|why| RaftCallError::Unreachable(address.to_owned(), go_text(&why)))?;
        let before = link.arrived.load(Ordering::Relaxed);
        let answer = timeout_at(deadline, link.call(kind, body)).await;
        let answer = answer.unwrap_or_else(|_| {
            // A connection that is silent may be dead: the next call shall find out.
            if link.arrived.load(Ordering::Relaxed) == before {
                link.closed.cancel();
            }
            Err(format!("no answer within {limit:?}"))
        });
        answer.map_err(|why| RaftCallError::Broken(address.to_owned(), why))
    }

    /// Forgets the connections to a server that is none any more.
    pub fn forget(&self, address: &str) {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|(known, ..), _| known != address);
    }

    fn place(&self, server: &str, address: &str, lane: u8) -> Arc<Place> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (address.to_owned(), server.to_owned(), lane);
        Arc::clone(links.entry(key).or_default())
    }
}

impl Place {
    async fn link(&self, server: &str, address: &str, lane: u8) -> io::Result<Arc<RaftLink>> {
        let mut link = self.0.lock().await;
        if let Some(open) = link.as_ref().filter(|link| !link.closed.is_cancelled()) {
            return Ok(Arc::clone(open));
        }
        *link = None;
        let opened = Arc::new(RaftLink::open(server, address, lane).await?);
        Ok(Arc::clone(link.insert(opened)))
    }
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
            arrived: Arc::default(),
            closed: CancellationToken::new(),
        };
        let (closed, waiting) = (link.closed.clone(), Arc::clone(&link.waiting));
        let arrived = Arc::clone(&link.arrived);
        tokio::spawn(async move {
            let why = tokio::select! {
                why = write_calls(output, queue) => why,
                why = read_answers(input, &waiting, &arrived) => why,
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

async fn read_answers(input: OwnedReadHalf, waiting: &Waiting, arrived: &AtomicU64) -> String {
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
        arrived.fetch_add(1, Ordering::Relaxed);
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
