//! What the other rooms see of a pool.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::model::coordinate::Coordinate;
use crate::model::member::{Member, MemberStatus};
use crate::model::node::StringMap;

use super::serf::{
    Event, KeyOperation, KeyReport, QueryKey, QueryReply, QueryRequest, RequestError, Stats,
};
use super::swim::MemberUnrest;
use super::wire::{LamportTime, Tags};

/// Requests that wait for the driver.
pub(super) const REQUESTS: usize = 256;
/// Events that a slow listener may be behind before it loses the oldest.
pub(super) const EVENTS: usize = 4096;
/// Replies to a query that may wait for whoever asked.
pub(super) const REPLIES: usize = 1024;

/// Why a pool did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GossipError {
    /// Refused.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The pool has ended.
    #[error("Serf is shut down")]
    Stopped,
    /// A key is no base64.
    #[error("{0}")]
    BadKey(String),
}

/// Why joining an address failed. The texts are those that `consul join` shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The name cannot be resolved.
    #[error("Failed to resolve {address}: {reason}")]
    Unresolvable {
        /// As given.
        address: String,
        /// What the resolver said.
        reason: String,
    },
    /// Nobody answered, or the answer was a refusal.
    #[error("Failed to join {}: {reason}", address.ip())]
    Failed {
        /// Where it was tried.
        address: SocketAddr,
        /// What was wrong.
        reason: String,
    },
    /// A name resolved to several addresses, and all failed: as many lines as [`Self::count`] says, in the
    /// form in which Consul lists errors.
    #[error("{}", lines(.0))]
    Several(Vec<Self>),
    /// The pool has ended, or this member leaves.
    #[error("Serf can't Join after Leave or Shutdown")]
    Stopped,
}

impl JoinError {
    /// How many errors these are.
    pub fn count(&self) -> usize {
        match self {
            Self::Several(errors) => errors.len(),
            _ => 1,
        }
    }

    /// All of them as one.
    pub(super) fn of(mut errors: Vec<Self>) -> Self {
        match errors.len() {
            1 => errors.remove(0),
            _ => Self::Several(errors),
        }
    }
}

fn lines(errors: &[JoinError]) -> String {
    let lines: Vec<String> = errors.iter().map(JoinError::to_string).collect();
    lines.join("\n\t* ")
}

/// What is asked of the driver.
#[derive(Debug)]
pub(super) enum Request {
    Join {
        address: String,
        done: oneshot::Sender<Result<usize, JoinError>>,
    },
    Leave {
        done: oneshot::Sender<()>,
    },
    ForceLeave {
        node: String,
        prune: bool,
        done: oneshot::Sender<Result<(), RequestError>>,
    },
    UserEvent {
        name: String,
        payload: Bytes,
        coalesce: bool,
        done: oneshot::Sender<Result<LamportTime, RequestError>>,
    },
    Query {
        request: QueryRequest,
        replies: mpsc::Sender<QueryReply>,
        done: oneshot::Sender<Result<QueryKey, RequestError>>,
    },
    Respond {
        key: QueryKey,
        payload: Bytes,
        done: oneshot::Sender<Result<(), RequestError>>,
    },
    SetTags {
        tags: Tags,
        done: oneshot::Sender<Result<(), RequestError>>,
    },
    Stats {
        done: oneshot::Sender<Stats>,
    },
    Unrest {
        done: oneshot::Sender<Vec<MemberUnrest>>,
    },
    Coordinate {
        /// `None` for our own.
        node: Option<String>,
        done: oneshot::Sender<Option<Coordinate>>,
    },
}

/// Members as they are now, replaced as a whole after each change.
#[derive(Debug, Default)]
pub(super) struct Published {
    pub(super) members: ArcSwap<Vec<Member>>,
}

/// A pool of members. Cheap to clone. The pool lives until [`super::Gossip::shutdown`], whatever handles there are.
#[derive(Clone)]
pub struct GossipHandle {
    pub(super) name: Arc<str>,
    pub(super) published: Arc<Published>,
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) events: broadcast::Sender<Event>,
    /// Counts changes of the member list.
    pub(super) changes: watch::Receiver<u64>,
    /// Cancelled when the pool is to end; only looked at.
    pub(super) stop: CancellationToken,
}

impl GossipHandle {
    /// A pool of one member that nothing drives, for tests of other rooms: requests answer that it has ended.
    pub fn detached(member: Member) -> Self {
        let (requests, _) = mpsc::channel(1);
        let (events, _) = broadcast::channel(1);
        let (_, changes) = watch::channel(0);
        let stop = CancellationToken::new();
        stop.cancel();
        Self {
            name: member.name.as_str().into(),
            published: Arc::new(Published {
                members: ArcSwap::from_pointee(vec![member]),
            }),
            requests,
            events,
            changes,
            stop,
        }
    }

    /// Returns when the pool has ended although nobody asked it to: it panicked, and this agent hears of no
    /// member any more. Otherwise it never does.
    pub async fn failed(&self) {
        self.requests.closed().await;
        if self.stop.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }

    /// This agent's name in the pool.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// This agent.
    pub fn local(&self) -> Member {
        let members = self.members();
        let own = members.iter().find(|member| *member.name == *self.name);
        own.cloned().unwrap_or_default()
    }

    /// All members, this agent included, sorted by name.
    pub fn members(&self) -> Arc<Vec<Member>> {
        self.published.members.load_full()
    }

    /// Follows changes of the member list: the value counts them.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Hears everything that happens from now on. A listener that is far behind loses the oldest events
    /// and is told so; [`Self::members`] is always true.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Joins the pool of the members at an address: `host`, `host:port` or `name/host:port`. A name that resolves
    /// to several addresses is joined at each. Returns how many answered.
    ///
    /// # Errors
    /// When none did, with the last reason.
    pub async fn join(&self, address: &str) -> Result<usize, JoinError> {
        let (done, answer) = oneshot::channel();
        let request = Request::Join {
            address: address.to_owned(),
            done,
        };
        self.requests
            .send(request)
            .await
            .map_err(|_| JoinError::Stopped)?;
        answer.await.map_err(|_| JoinError::Stopped)?
    }

    /// Leaves gracefully: returns once the others had time to hear of it.
    ///
    /// # Errors
    /// When the pool has ended.
    pub async fn leave(&self) -> Result<(), GossipError> {
        self.ask(|done| Request::Leave { done }).await
    }

    /// Says of a failed member that it left, so that nobody waits for it; `prune` forgets it at once.
    ///
    /// # Errors
    /// When there is no such member.
    pub async fn force_leave(&self, node: &str, prune: bool) -> Result<(), GossipError> {
        let node = node.to_owned();
        Ok(self
            .ask(|done| Request::ForceLeave { node, prune, done })
            .await??)
    }

    /// Fires an event at all members, this one included.
    ///
    /// # Errors
    /// When it is too large.
    pub async fn user_event(
        &self,
        name: &str,
        payload: Bytes,
        coalesce: bool,
    ) -> Result<LamportTime, GossipError> {
        let name = name.to_owned();
        let request = |done| Request::UserEvent {
            name,
            payload,
            coalesce,
            done,
        };
        Ok(self.ask(request).await??)
    }

    /// Asks all members; the receiver ends when the query's time is up.
    ///
    /// # Errors
    /// When the query is too large.
    pub async fn query(
        &self,
        request: QueryRequest,
    ) -> Result<mpsc::Receiver<QueryReply>, GossipError> {
        let (replies, answers) = mpsc::channel(REPLIES);
        self.ask(|done| Request::Query {
            request,
            replies,
            done,
        })
        .await??;
        Ok(answers)
    }

    /// Answers a query of another member, once.
    ///
    /// # Errors
    /// When the answer is too large, or its time is up.
    pub async fn respond(&self, key: QueryKey, payload: Bytes) -> Result<(), GossipError> {
        Ok(self
            .ask(|done| Request::Respond { key, payload, done })
            .await??)
    }

    /// Changes what this member says of itself.
    ///
    /// # Errors
    /// When the tags are larger than 512 bytes encoded.
    pub async fn set_tags(&self, tags: Tags) -> Result<(), GossipError> {
        Ok(self.ask(|done| Request::SetTags { tags, done }).await??)
    }

    /// Installs, uses, removes or lists keys on all members, and collects what they say.
    ///
    /// # Errors
    /// When the key is none, or the query cannot be sent. What single members refuse is in the report.
    pub async fn keyring(
        &self,
        operation: &KeyOperation,
        relay_factor: u8,
    ) -> Result<KeyReport, GossipError> {
        let request = operation
            .request(relay_factor)
            .map_err(GossipError::BadKey)?;
        // Those that failed or left cannot answer.
        let present = |member: &&Member| {
            let status = member.member_status();
            matches!(status, MemberStatus::Alive | MemberStatus::Leaving)
        };
        let asked = self.members().iter().filter(present).count();
        let mut report = KeyReport::new(asked);
        let mut replies = self.query(request).await?;
        while let Some(reply) = replies.recv().await {
            if report.add(reply) {
                break;
            }
        }
        Ok(report)
    }

    /// Counters and queues.
    ///
    /// # Errors
    /// When the pool has ended.
    pub async fn stats(&self) -> Result<Stats, GossipError> {
        self.ask(|done| Request::Stats { done }).await
    }

    /// How often this member saw others in doubt, go and come back.
    ///
    /// # Errors
    /// When the pool has ended.
    pub async fn unrest(&self) -> Result<Vec<MemberUnrest>, GossipError> {
        self.ask(|done| Request::Unrest { done }).await
    }

    /// The keys of the `serf_lan` and `serf_wan` sections of `info`; empty when the pool has ended.
    pub async fn info(&self) -> StringMap {
        self.stats().await.map(Stats::to_info).unwrap_or_default()
    }

    /// Where this member is in the network; `None` when coordinates are off.
    ///
    /// # Errors
    /// When the pool has ended.
    pub async fn coordinate(&self) -> Result<Option<Coordinate>, GossipError> {
        self.ask(|done| Request::Coordinate { node: None, done })
            .await
    }

    /// Where another member said that it is, last.
    ///
    /// # Errors
    /// When the pool has ended.
    pub async fn coordinate_of(&self, node: &str) -> Result<Option<Coordinate>, GossipError> {
        let node = Some(node.to_owned());
        self.ask(|done| Request::Coordinate { node, done }).await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, GossipError> {
        let (done, answer) = oneshot::channel();
        self.requests
            .send(request(done))
            .await
            .map_err(|_| GossipError::Stopped)?;
        answer.await.map_err(|_| GossipError::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn only_an_end_that_nobody_asked_for_is_a_failure() {
        let moment = Duration::from_millis(20);
        let mut handle = GossipHandle::detached(Member::default());
        assert!(timeout(moment, handle.failed()).await.is_err(), "stopped");
        let (requests, asked) = mpsc::channel(1);
        handle.requests = requests;
        handle.stop = CancellationToken::new();
        assert!(timeout(moment, handle.failed()).await.is_err(), "it runs");
        drop(asked);
        handle.failed().await;
    }
}
