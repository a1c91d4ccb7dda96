//! Asks the members, rarely: whoever wants to know meanwhile shares the answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use crate::agent::gossip::{GossipError, GossipHandle, QueryRequest};
use crate::model::gossip::GossipMember;

use super::answer::Answering;
use super::gathering::{Gathering, Missing};
use super::own::Own;
use super::payload::{QUERY, question};

/// For how long an answer is shared. An agent asks the ring no more than once in this time.
pub const ANSWERS_FOR: Duration = Duration::from_secs(1);
/// How long members may take; the dissemination of a query in a ring of a thousand takes about a second.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// How long after the last sign of life members that acknowledged the query may take to answer it. Those
/// that know it answer at once, agents of HashiCorp's never do.
pub const SETTLE: Duration = Duration::from_millis(300);
/// Requests that may be queued for the asking task; further ones wait for a place.
const WAITING: usize = 64;

type Answer = Result<Arc<Vec<GossipMember>>, GossipError>;

/// Asks for reports. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GossipReports {
    requests: mpsc::Sender<oneshot::Sender<Answer>>,
}

/// Does the asking; [`Self::run`] is its task.
pub struct Asking {
    own: Own,
    requests: mpsc::Receiver<oneshot::Sender<Answer>>,
}

impl GossipReports {
    /// A handle, the task that asks this pool, and the one that answers others. The agent's uptime counts
    /// from here.
    pub fn new(pool: GossipHandle) -> (Self, Asking, Answering) {
        let own = Own::new(pool);
        let (requests, arriving) = mpsc::channel(WAITING);
        let asking = Asking {
            own: own.clone(),
            requests: arriving,
        };
        (Self { requests }, asking, Answering::new(own))
    }

    /// All members with what they said within the last [`ANSWERS_FOR`], or say now.
    ///
    /// # Errors
    /// When the pool has ended, or refuses the query.
    pub async fn gather(&self) -> Answer {
        let (done, answer) = oneshot::channel();
        self.requests
            .send(done)
            .await
            .map_err(|_| GossipError::Stopped)?;
        answer.await.map_err(|_| GossipError::Stopped)?
    }
}

impl Asking {
    /// Works until nobody has a handle any more.
    pub async fn run(mut self) {
        let mut last: Option<Shared> = None;
        while let Some(done) = self.requests.recv().await {
            let answer = match &last {
                Some(shared) if Instant::now() < shared.until => shared.answer.clone(),
                _ => last.insert(Shared::ask(&self.own).await).answer.clone(),
            };
            // Whoever asked may have gone.
            let _ = done.send(answer);
        }
    }
}

/// An answer, and how long it is good for.
struct Shared {
    answer: Answer,
    until: Instant,
}

impl Shared {
    async fn ask(own: &Own) -> Self {
        let asked = Instant::now();
        let answer = ask(own).await;
        // Those who came while it was gathered get it even when that took long.
        let until = (asked + ANSWERS_FOR).max(Instant::now() + ANSWERS_FOR / 2);
        Self { answer, until }
    }
}

async fn ask(own: &Own) -> Answer {
    let pool = own.pool();
    let mut gathering = Gathering::new(&pool.members());
    // A query that nobody else can hear would stay in the queue.
    gathering.report(pool.name(), own.report().await?);
    if gathering.missing() != Missing::Nothing {
        hear(pool, &mut gathering).await?;
    }
    let unrest = pool.unrest().await?;
    Ok(Arc::new(gathering.finish(&pool.members(), unrest)))
}

/// Asks the others.
async fn hear(pool: &GossipHandle, gathering: &mut Gathering) -> Result<(), GossipError> {
    let mut replies = pool
        .query(QueryRequest {
            name: QUERY.to_owned(),
            payload: question().into(),
            ack: true,
            timeout: Some(PATIENCE),
            ..QueryRequest::default()
        })
        .await?;
    let end = Instant::now() + PATIENCE;
    loop {
        let until = match gathering.missing() {
            Missing::Nothing => break,
            Missing::Answers => end.min(Instant::now() + SETTLE),
            Missing::Acknowledgements => end,
        };
        match timeout_at(until, replies.recv()).await {
            Ok(Some(reply)) => gathering.add(&reply),
            Ok(None) | Err(_) => break,
        }
    }
    for reason in gathering.unreadable() {
        debug!(target: "agent", query = QUERY, reason, "an answer cannot be read");
    }
    Ok(())
}
