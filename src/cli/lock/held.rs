//! What both kinds of locks can do, and how a held one is watched.

use std::time::Duration;

use crate::api::{ApiError, QueryOptions};

use super::error::{During as _, LockError};
use super::mutex::Mutex;
use super::patience::Patience;
use super::semaphore::Semaphore;

/// Pause before a question about a held lock that failed is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// What came of removing a lock's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cleanup {
    /// It is gone.
    Done,
    /// Others use it.
    InUse,
}

impl Cleanup {
    /// What a check-and-set deletion says.
    pub(super) fn of(removed: Result<bool, ApiError>) -> Result<Self, LockError> {
        Ok(if removed.during("failed to remove lock")? {
            Self::Done
        } else {
            Self::InUse
        })
    }
}

/// A lock with one holder, or with several.
pub(crate) enum Lock {
    /// One holder.
    Mutex(Mutex),
    /// Several holders.
    Semaphore(Semaphore),
}

impl Lock {
    /// Waits for the lock; `false` when patience ended first.
    pub(crate) async fn acquire(&self, patience: Patience) -> Result<bool, LockError> {
        match self {
            Self::Mutex(mutex) => mutex.acquire(patience).await,
            Self::Semaphore(semaphore) => semaphore.acquire(patience).await,
        }
    }

    /// Resolves when the lock is lost.
    pub(crate) async fn lost(&self, retries: u32) {
        match self {
            Self::Mutex(mutex) => mutex.lost(retries).await,
            Self::Semaphore(semaphore) => semaphore.lost(retries).await,
        }
    }

    /// Gives the lock back.
    pub(crate) async fn release(&self) -> Result<(), LockError> {
        match self {
            Self::Mutex(mutex) => mutex.release().await,
            Self::Semaphore(semaphore) => semaphore.release().await,
        }
    }

    /// Removes the keys that nobody uses any more.
    pub(crate) async fn clean_up(&self) -> Result<Cleanup, LockError> {
        match self {
            Self::Mutex(mutex) => mutex.clean_up().await,
            Self::Semaphore(semaphore) => semaphore.clean_up().await,
        }
    }
}

/// Asks again and again whether a lock is held, blocking; ends when it is not, or after `retries` failures in a row
/// and one more. `ask` answers whether it is held, and the index to wait beyond.
pub(super) async fn follow(
    options: &QueryOptions,
    retries: u32,
    ask: impl AsyncFn(QueryOptions) -> Result<(bool, u64), ApiError>,
) {
    let mut index = 0;
    let mut left = retries;
    loop {
        let options = QueryOptions {
            index,
            consistent: true,
            ..options.clone()
        };
        match ask(options).await {
            Ok((true, seen)) => {
                index = seen;
                left = retries;
            }
            Ok((false, _)) => return,
            Err(error) => {
                if left == 0 || !may_pass(&error) {
                    return;
                }
                left -= 1;
                index = 0;
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// Whether a failure may be over soon: the servers', or the connection's.
fn may_pass(error: &ApiError) -> bool {
    match error {
        ApiError::Status { status, .. } => *status >= 500,
        ApiError::Transport { .. } => true,
        _ => false,
    }
}
