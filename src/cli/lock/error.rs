//! Why a lock cannot be had. The texts are those of Consul's client.

use crate::api::ApiError;

use super::holders::HoldersError;

/// Why a lock cannot be had, released or cleaned up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// The key is used for something else.
    #[error("Existing key does not match {0} use")]
    Foreign(&'static str),
    /// What the holders of a semaphore wrote cannot be used.
    #[error(transparent)]
    Holders(#[from] HoldersError),
    /// The session ended while it waited.
    #[error("failed to make contender entry: the session has ended")]
    SessionEnded,
    /// A request failed.
    #[error("{what}: {source}")]
    Api {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: ApiError,
    },
}

/// Gives an API error its place in a sentence.
pub(super) trait During<T> {
    fn during(self, what: &'static str) -> Result<T, LockError>;
}

impl<T> During<T> for Result<T, ApiError> {
    fn during(self, what: &'static str) -> Result<T, LockError> {
        self.map_err(|source| LockError::Api { what, source })
    }
}
