//! A lock with one holder: the key `<prefix>/.lock`, held by a session.

use std::time::Duration;

use crate::api::{ApiError, Client, KvWrite, QueryOptions};
use crate::model::go_path;
use crate::model::kv::KvPair;

use super::error::{During as _, LockError};
use super::held::{Cleanup, follow};
use super::patience::Patience;

/// Flags of a lock's key, by which Consul's clients know it.
const FLAGS: u64 = 0x2ddc_cbc0_58a5_0c18;
/// The last part of a lock's key.
pub(super) const KEY: &str = ".lock";
/// Pause after a free key could not be taken: its lock-delay is not over.
const DELAYED: Duration = Duration::from_secs(5);

const READING: &str = "failed to read lock";

/// A lock with one holder.
pub(crate) struct Mutex {
    client: Client,
    session: String,
    key: String,
    options: QueryOptions,
}

impl Mutex {
    /// A lock beneath a prefix for a session; nothing is sent yet.
    pub(crate) fn new(client: &Client, session: &str, prefix: &str, options: QueryOptions) -> Self {
        Self {
            client: client.clone(),
            session: session.to_owned(),
            key: Self::path(prefix),
            options,
        }
    }

    /// The key of the lock beneath a prefix.
    pub(crate) fn path(prefix: &str) -> String {
        go_path::join(&[prefix, KEY])
    }

    /// Waits for the lock; `false` when patience ended first.
    pub(super) async fn acquire(&self, patience: Patience) -> Result<bool, LockError> {
        let mut index = 0;
        while let Some(wait) = patience.question() {
            let options = QueryOptions {
                index,
                wait,
                ..self.options.clone()
            };
            let (pair, seen) = self.read(&options).await?;
            match pair.map(|pair| pair.session).unwrap_or_default() {
                holder if holder == self.session => return Ok(true),
                holder if !holder.is_empty() => {
                    index = seen;
                    continue;
                }
                _ => {}
            }
            if self.put(true).await.during("failed to acquire lock")? {
                return Ok(true);
            }
            // Another was faster, which the next question shows; or it is too early.
            index = 0;
            let (pair, _) = self.read(&self.options).await?;
            if pair.is_none_or(|pair| pair.session.is_empty()) {
                patience.pause(DELAYED).await;
            }
        }
        Ok(false)
    }

    /// Resolves when the lock is no longer ours, or nothing can be learnt of it after `retries` more questions.
    pub(super) async fn lost(&self, retries: u32) {
        follow(&self.options, retries, async |options| {
            let (pair, meta) = self.client.kv_get(self.key.as_bytes(), &options).await?;
            Ok((
                pair.is_some_and(|pair| pair.session == self.session),
                meta.index,
            ))
        })
        .await;
    }

    /// Gives the lock back.
    pub(super) async fn release(&self) -> Result<(), LockError> {
        self.put(false).await.during("failed to release lock")?;
        Ok(())
    }

    /// Removes the key, unless somebody else has the lock by now.
    pub(super) async fn clean_up(&self) -> Result<Cleanup, LockError> {
        let (pair, _) = self.read(&self.options).await?;
        let Some(pair) = pair else {
            return Ok(Cleanup::Done);
        };
        if !pair.session.is_empty() {
            return Ok(Cleanup::InUse);
        }
        let cas = Some(pair.modify_index);
        let removed = self
            .client
            .kv_delete(self.key.as_bytes(), cas, &self.options);
        Cleanup::of(removed.await)
    }

    /// The key, if there is one, and the index of the answer.
    async fn read(&self, options: &QueryOptions) -> Result<(Option<KvPair>, u64), LockError> {
        let found = self.client.kv_get(self.key.as_bytes(), options).await;
        let (pair, meta) = found.during(READING)?;
        match pair {
            Some(pair) if pair.flags != FLAGS => Err(LockError::Foreign("lock")),
            pair => Ok((pair, meta.index)),
        }
    }

    /// Takes the key, or gives it back.
    async fn put(&self, acquire: bool) -> Result<bool, ApiError> {
        let session = Some(self.session.clone());
        let (acquire, release) = if acquire {
            (session, None)
        } else {
            (None, session)
        };
        let write = KvWrite {
            key: self.key.clone().into_bytes(),
            flags: FLAGS,
            acquire,
            release,
            ..KvWrite::default()
        };
        self.client.kv_put(write, &self.options).await
    }
}
