//! Answers that the agent keeps for `?cached`: a blocking query in the background keeps each of them current.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::handle::Shared;
use super::wire::RemoteQuery;
use super::{QueryMeta, QueryOptions, Rpc, RpcError};

/// Most answers that are kept. What is asked beyond is fetched each time.
const KEPT_MAX: usize = 512;
/// An answer that nobody has asked for during this time is kept no longer. Consul's.
const UNUSED: Duration = Duration::from_hours(72);
/// Longest pause between two attempts while the servers fail. Consul's.
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// What makes two requests the same: all that decides the answer and who may see it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeptKey {
    /// What is asked for; the same target always means the same type of query.
    pub target: Box<[u8]>,
    /// The token.
    pub token: Box<str>,
    /// Whether any server may answer.
    pub stale: bool,
}

/// An answer that is kept.
struct Latest<A> {
    answer: A,
    meta: QueryMeta,
    /// Since when the servers cannot tell whether it is still true.
    unsure: Option<Instant>,
}

struct Entry {
    /// A receiver of the [`Latest`] of the query's answer.
    latest: Box<dyn Any + Send + Sync>,
    used: Instant,
}

/// All answers that are kept. Entries are made by [`Rpc::query_kept`], and removed by the task that each of them has.
#[derive(Default)]
pub(super) struct KeptAnswers(Mutex<HashMap<KeptKey, Entry>>);

impl KeptAnswers {
    fn entries(&self) -> MutexGuard<'_, HashMap<KeptKey, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find<A: 'static>(&self, key: &KeptKey) -> Option<watch::Receiver<Latest<A>>> {
        let mut entries = self.entries();
        let entry = entries.get_mut(key)?;
        entry.used = Instant::now();
        entry.latest.downcast_ref().cloned()
    }

    /// Takes an answer in, unless there is one or no room; returns where newer ones are to be put.
    fn add<A: Send + Sync + 'static>(
        &self,
        key: &KeptKey,
        latest: Latest<A>,
    ) -> Option<watch::Sender<Latest<A>>> {
        let mut entries = self.entries();
        if entries.len() >= KEPT_MAX || entries.contains_key(key) {
            return None;
        }
        let (sender, receiver) = watch::channel(latest);
        let entry = Entry {
            latest: Box::new(receiver),
            used: Instant::now(),
        };
        entries.insert(key.clone(), entry);
        Some(sender)
    }

    fn is_unused(&self, key: &KeptKey) -> bool {
        let entries = self.entries();
        entries.get(key).is_none_or(|it| it.used.elapsed() > UNUSED)
    }

    fn remove(&self, key: &KeptKey) {
        self.entries().remove(key);
    }
}

impl Rpc {
    /// As [`Self::query`], from what the agent keeps if it can: then with the time for which the servers could not
    /// say whether it is still true, and only where that is at most `max_age`. `None` for an answer fetched now, which
    /// is kept from then on.
    ///
    /// # Errors
    /// As [`Self::query`]'s, when nothing is kept.
    pub async fn query_kept<Q>(
        &self,
        key: &KeptKey,
        options: &QueryOptions,
        query: &Q,
        max_age: Option<Duration>,
    ) -> Result<(Q::Answer, QueryMeta, Option<Duration>), RpcError>
    where
        Q: RemoteQuery + Clone + 'static,
        Q::Answer: Clone + Send + Sync + 'static,
    {
        self.route(&options.datacenter)?;
        if let Some(mut latest) = self.shared.kept.find::<Q::Answer>(key) {
            let mut is_kept = true;
            if options.min_index > 0 {
                let wait = self.bounded_wait(options.max_wait);
                let newer = latest.wait_for(|latest| latest.meta.index > options.min_index);
                // What there is when the time is over is the answer; what is kept no longer may be a secret by now.
                is_kept = !matches!(timeout(wait, newer).await, Ok(Err(_)));
            }
            let latest = latest.borrow();
            let age = latest.unsure.map_or(Duration::ZERO, |then| then.elapsed());
            if is_kept && max_age.is_none_or(|max| age <= max) {
                return Ok((latest.answer.clone(), latest.meta, Some(age)));
            }
        }
        let (answer, meta) = self.query(options, query).await?;
        let latest = Latest {
            answer: answer.clone(),
            meta,
            unsure: None,
        };
        if let Some(sender) = self.shared.kept.add(key, latest) {
            let options = QueryOptions {
                min_index: meta.index,
                max_wait: Duration::ZERO,
                ..options.clone()
            };
            let shared = std::sync::Arc::downgrade(&self.shared);
            tokio::spawn(keep(shared, key.clone(), options, query.clone(), sender));
        }
        Ok((answer, meta, None))
    }
}

/// Keeps an answer current until nobody asks for it, or it may not be seen any more.
async fn keep<Q: RemoteQuery>(
    shared: Weak<Shared>,
    key: KeptKey,
    mut options: QueryOptions,
    query: Q,
    sender: watch::Sender<Latest<Q::Answer>>,
) {
    let mut failures = 0_u32;
    while let Some(shared) = shared.upgrade() {
        if shared.kept.is_unused(&key) {
            shared.kept.remove(&key);
            return;
        }
        let rpc = Rpc { shared };
        match rpc.query(&options, &query).await {
            Ok((answer, meta)) => {
                failures = 0;
                // An index that went back is that of another state: it is read anew.
                let went_back = meta.index < options.min_index;
                options.min_index = if went_back { 0 } else { meta.index };
                sender.send_replace(Latest {
                    answer,
                    meta,
                    unsure: None,
                });
            }
            Err(error) if error.is_denied() => {
                rpc.shared.kept.remove(&key);
                return;
            }
            Err(_) => {
                drop(rpc);
                sender.send_if_modified(|latest| {
                    latest.unsure.get_or_insert_with(Instant::now);
                    false
                });
                let pause = Duration::from_secs(1 << failures);
                failures = (failures + 1).min(PAUSE_MAX.as_secs().ilog2() + 1);
                sleep(pause.min(PAUSE_MAX)).await;
            }
        }
    }
}
