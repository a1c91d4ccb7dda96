//! Where jobs lie and results are left: the key/value store, through the agent's own handle.

use bytes::Bytes;

use crate::agent::rpc::{Consistency, QueryOptions, Rpc, RpcError, WriteOptions};
use crate::agent::store::{KvGet, KvVerb};
use crate::model::kv::{Blob, Key, KvPair};

/// Why something was not left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteFailure {
    /// The session has ended, or never was: nobody waits for results any more.
    #[error("the session has ended")]
    Gone,
    /// It could not be written now.
    #[error("{0}")]
    Failed(String),
}

/// Reads jobs and leaves results.
pub trait Desk: Send + Sync + 'static {
    /// The value of a key, if there is one.
    ///
    /// # Errors
    /// With what the log is to say.
    fn read(&self, key: &str) -> impl Future<Output = Result<Option<Bytes>, String>> + Send;

    /// Writes a key that the session holds from now on, so that it goes with it.
    ///
    /// # Errors
    /// When the session has ended, or the servers cannot be reached.
    fn leave(
        &self,
        session: &str,
        key: &str,
        value: Bytes,
    ) -> impl Future<Output = Result<(), WriteFailure>> + Send;
}

/// The store of the agent's servers.
#[derive(Clone)]
pub struct RpcDesk {
    /// The way to it.
    pub rpc: Rpc,
    /// With which token.
    pub token: String,
}

impl RpcDesk {
    async fn read_with(
        &self,
        key: &str,
        consistency: Consistency,
    ) -> Result<Option<Bytes>, RpcError> {
        let options = QueryOptions {
            token: self.token.clone(),
            consistency,
            ..QueryOptions::default()
        };
        let query = KvGet {
            key: Key::from(key),
        };
        let (found, _) = self.rpc.query(&options, &query).await?;
        Ok(found.map(|pair| pair.value.0.clone()))
    }
}

impl Desk for RpcDesk {
    async fn read(&self, key: &str) -> Result<Option<Bytes>, String> {
        // Whoever wrote the job waited until it is likely to be on every server: the leader is spared the questions
        // of all nodes at once.
        if let Ok(Some(value)) = self.read_with(key, Consistency::Stale).await {
            return Ok(Some(value));
        }
        let found = self.read_with(key, Consistency::Default).await;
        found.map_err(|error| error.to_string())
    }

    async fn leave(&self, session: &str, key: &str, value: Bytes) -> Result<(), WriteFailure> {
        let options = WriteOptions {
            token: self.token.clone(),
            ..WriteOptions::default()
        };
        let pair = KvPair {
            key: Key::from(key),
            value: Blob(value),
            session: session.to_owned(),
            ..KvPair::default()
        };
        match self.rpc.kv_apply(&options, KvVerb::Lock, pair).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(WriteFailure::Gone),
            Err(error) if is_about_the_session(&error) => Err(WriteFailure::Gone),
            Err(error) => Err(WriteFailure::Failed(error.to_string())),
        }
    }
}

/// Whether a write was refused because its session does not exist.
fn is_about_the_session(error: &RpcError) -> bool {
    match error {
        RpcError::Refused(text) | RpcError::Remote(text) => text.contains("invalid session"),
        _ => false,
    }
}
