//! Alias checks of other nodes: one task a node and token follows what the catalog knows of it,
//! and all aliases of that node share it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use super::catalog::{Catalog, ViewIndex};
use super::diff::CatalogView;
use super::sync::random_up_to;
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::runner::alias::{AliasTarget, alias_outcome};

/// Answers that wait for the owner; further ones wait with their followers.
const NEWS_MAX: usize = 64;
/// The least time between two questions, however often the node changes.
const PACE: Duration = Duration::from_millis(100);
/// The pause after the first failure in a row; it doubles with each further one.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// The longest pause after a failure, without its random part.
const RETRY_MAX: Duration = Duration::from_secs(16);

/// The followed node and the token that the catalog is asked with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Followed {
    pub(super) node: String,
    pub(super) token: String,
}

/// What the catalog says of a node, or why it says nothing.
type Seen = Result<Arc<CatalogView>, String>;

/// What a follower found out.
#[derive(Debug)]
pub(super) struct News {
    pub(super) of: Followed,
    seen: Seen,
}

/// A node that is followed.
struct Follower {
    task: AbortHandle,
    /// The alias checks that it is followed for; never empty.
    checks: BTreeSet<String>,
    /// The newest answer.
    seen: Option<Seen>,
}

/// All followers of the agent's alias checks.
pub(super) struct Followers {
    catalog: Arc<dyn Catalog>,
    tracker: TaskTracker,
    followers: HashMap<Followed, Follower>,
    /// By alias check.
    followed: HashMap<String, Followed>,
    news: (mpsc::Sender<News>, mpsc::Receiver<News>),
}

impl Followers {
    /// `tracker` counts the tasks; they end with [`Self::stop`] at the latest.
    pub(super) fn new(catalog: Arc<dyn Catalog>, tracker: TaskTracker) -> Self {
        Self {
            catalog,
            tracker,
            followers: HashMap::new(),
            followed: HashMap::new(),
            news: mpsc::channel(NEWS_MAX),
        }
    }

    /// The alias check mirrors that node from now on, and no other one.
    pub(super) fn follow(&mut self, check_id: &str, of: Followed) {
        if self.followed.get(check_id) == Some(&of) {
            return;
        }
        self.forget(check_id);
        let follower = self.followers.entry(of.clone()).or_insert_with(|| {
            let (catalog, news) = (Arc::clone(&self.catalog), self.news.0.clone());
            let task = self.tracker.spawn(follow(catalog, of.clone(), news));
            Follower {
                task: task.abort_handle(),
                checks: BTreeSet::new(),
                seen: None,
            }
        });
        follower.checks.insert(check_id.to_owned());
        self.followed.insert(check_id.to_owned(), of);
    }

    /// The check is gone, or mirrors nothing any more. The last check of a node ends its task.
    pub(super) fn forget(&mut self, check_id: &str) {
        let Some(of) = self.followed.remove(check_id) else {
            return;
        };
        let Some(follower) = self.followers.get_mut(&of) else {
            return;
        };
        follower.checks.remove(check_id);
        if follower.checks.is_empty() {
            follower.task.abort();
            self.followers.remove(&of);
        }
    }

    /// The next answer; waits for ever where nothing is followed.
    pub(super) async fn news(&mut self) -> News {
        match self.news.1.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }

    /// Takes an answer in; says which checks mirror it.
    pub(super) fn learn(&mut self, news: News) -> Vec<String> {
        let Some(follower) = self.followers.get_mut(&news.of) else {
            return Vec::new();
        };
        follower.seen = Some(news.seen);
        follower.checks.iter().cloned().collect()
    }

    /// The alias check's health; `None`: nothing is known of the node yet.
    pub(super) fn outcome(&self, check_id: &str, service_id: &str) -> Option<Outcome> {
        let of = self.followed.get(check_id)?;
        let seen = self.followers.get(of)?.seen.as_ref()?;
        let view = match seen {
            Ok(view) => view,
            Err(err) => {
                let text = format!("Failure checking aliased node or service: {err}");
                return Some(Outcome::critical(text));
            }
        };
        let target = AliasTarget {
            check_id,
            node: &of.node,
            service_id,
            service_exists: view.services.contains_key(service_id),
        };
        Some(alias_outcome(target, view.checks.values()))
    }

    /// Ends all tasks.
    pub(super) fn stop(&mut self) {
        for (_, follower) in self.followers.drain() {
            follower.task.abort();
        }
        self.followed.clear();
    }
}

/// Tells the owner of every change of the node, and of failures, until it is gone.
async fn follow(catalog: Arc<dyn Catalog>, of: Followed, news: mpsc::Sender<News>) {
    let mut index = ViewIndex::default();
    let mut failures = 0;
    let mut told: Option<Seen> = None;
    loop {
        let (seen, pause) = match catalog.watch_view(&of.node, &of.token, index).await {
            Ok((view, newer)) => {
                (index, failures) = (newer, 0);
                (Ok(Arc::new(view)), PACE)
            }
            Err(err) => {
                // What happened meanwhile is not waited for.
                index = ViewIndex::default();
                failures += 1;
                let pause = retry_pause(failures);
                (Err(err.to_string()), pause + random_up_to(pause / 4))
            }
        };
        // The index moves with other nodes too.
        if told.as_ref() != Some(&seen) {
            told = Some(seen.clone());
            let of = of.clone();
            if news.send(News { of, seen }).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// The pause after so many failures in a row.
fn retry_pause(failures: u32) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1));
    doubled.map_or(RETRY_MAX, |times| {
        RETRY_MIN.saturating_mul(times).min(RETRY_MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_stretch_the_pause_up_to_a_bound() {
        let seconds = |failures| retry_pause(failures).as_secs();
        let of: Vec<u64> = [1, 2, 3, 5, 6, 33, u32::MAX].map(seconds).to_vec();
        assert_eq!(of, [1, 2, 4, 16, 16, 16, 16]);
    }
}
