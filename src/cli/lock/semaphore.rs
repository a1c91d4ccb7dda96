//! A lock with several holders: an entry for each contender, held by its session, and `<prefix>/.lock` with the
//! holders among them.

use std::collections::BTreeSet;

use crate::api::{ApiError, Client, KvWrite, QueryOptions};
use crate::model::go_path;
use crate::model::kv::KvPair;

use super::error::{During as _, LockError};
use super::held::{Cleanup, follow};
use super::holders::{FLAGS, Holders, contenders};
use super::mutex::KEY;
use super::patience::Patience;

const READING: &str = "failed to read prefix";

/// A lock with several holders.
pub(crate) struct Semaphore {
    client: Client,
    session: String,
    prefix: String,
    limit: i64,
    options: QueryOptions,
}

/// What stands beneath the prefix as of one moment.
struct Found {
    holders: Holders,
    contenders: BTreeSet<String>,
    /// To wait beyond.
    index: u64,
}

impl Semaphore {
    /// A semaphore beneath a prefix for a session, with at most `limit` holders; nothing is sent yet.
    pub(crate) fn new(
        client: &Client,
        session: &str,
        prefix: &str,
        limit: i64,
        options: QueryOptions,
    ) -> Self {
        Self {
            client: client.clone(),
            session: session.to_owned(),
            prefix: prefix.to_owned(),
            limit,
            options,
        }
    }

    fn key(&self) -> String {
        go_path::join(&[&self.prefix, KEY])
    }

    fn entry(&self) -> String {
        go_path::join(&[&self.prefix, &self.session])
    }

    /// Waits for a place; `false` when patience ended first.
    pub(super) async fn acquire(&self, patience: Patience) -> Result<bool, LockError> {
        let entry = KvWrite {
            key: self.entry().into_bytes(),
            flags: FLAGS,
            acquire: Some(self.session.clone()),
            ..KvWrite::default()
        };
        let made = self.client.kv_put(entry, &self.options).await;
        if !made.during("failed to make contender entry")? {
            return Err(LockError::SessionEnded);
        }
        let mut index = 0;
        while let Some(wait) = patience.question() {
            let mut found = self
                .find(QueryOptions {
                    index,
                    wait,
                    ..self.options.clone()
                })
                .await?;
            if !found.contenders.contains(&self.session) {
                return Err(LockError::SessionEnded);
            }
            if !found.holders.take(&self.session) {
                index = found.index;
                continue;
            }
            if self.write(&found.holders).await? {
                return Ok(true);
            }
            // Another was faster: look at once what is left.
            index = 0;
        }
        Ok(false)
    }

    /// Resolves when the place is no longer ours, or nothing can be learnt of it after `retries` more questions.
    pub(super) async fn lost(&self, retries: u32) {
        follow(&self.options, retries, async |options| {
            let (pairs, index) = self.list(&options).await?;
            // What cannot be read is nobody's place.
            let held = self.read(&pairs, index).is_ok_and(|found| {
                found.holders.has(&self.session) && found.contenders.contains(&self.session)
            });
            Ok((held, index))
        })
        .await;
    }

    /// Gives the place back, and the entry.
    pub(super) async fn release(&self) -> Result<(), LockError> {
        loop {
            let key = self.key();
            let found = self.client.kv_get(key.as_bytes(), &self.options).await;
            let (pair, _) = found.during("failed to read lock")?;
            let mut holders = Holders::read(pair.as_ref(), self.limit)?;
            if !holders.give_back(&self.session) || self.write(&holders).await? {
                break;
            }
        }
        let entry = self.entry();
        let gone = self.client.kv_delete(entry.as_bytes(), None, &self.options);
        gone.await.during("failed to remove contender entry")?;
        Ok(())
    }

    /// Removes the key of the holders, unless there are any.
    pub(super) async fn clean_up(&self) -> Result<Cleanup, LockError> {
        let found = self.find(self.options.clone()).await?;
        if found.holders.index == 0 {
            return Ok(Cleanup::Done);
        }
        if !found.holders.is_empty() {
            return Ok(Cleanup::InUse);
        }
        let (key, cas) = (self.key(), Some(found.holders.index));
        let removed = self.client.kv_delete(key.as_bytes(), cas, &self.options);
        Cleanup::of(removed.await)
    }

    /// What stands beneath the prefix, without the holders that are gone.
    async fn find(&self, options: QueryOptions) -> Result<Found, LockError> {
        let (pairs, index) = self.list(&options).await.during(READING)?;
        self.read(&pairs, index)
    }

    async fn list(&self, options: &QueryOptions) -> Result<(Vec<KvPair>, u64), ApiError> {
        // With a slash at its end: others may have a prefix that begins like this one.
        let below = self.key();
        let below = below.strip_suffix(KEY).unwrap_or_default();
        let (pairs, meta) = self.client.kv_list(below.as_bytes(), options).await?;
        Ok((pairs, meta.index))
    }

    fn read(&self, pairs: &[KvPair], index: u64) -> Result<Found, LockError> {
        let key = self.key();
        let lock = pairs
            .iter()
            .find(|pair| pair.key.as_bytes() == key.as_bytes());
        let mut holders = Holders::read(lock, self.limit)?;
        let contenders = contenders(pairs);
        holders.prune(&contenders);
        Ok(Found {
            holders,
            contenders,
            index,
        })
    }

    /// Writes the holders; `false` when somebody else has changed them meanwhile.
    async fn write(&self, holders: &Holders) -> Result<bool, LockError> {
        let write = KvWrite {
            key: self.key().into_bytes(),
            value: holders.to_json()?.into(),
            flags: FLAGS,
            cas: Some(holders.index),
            ..KvWrite::default()
        };
        let written = self.client.kv_put(write, &self.options).await;
        written.during("failed to update lock")
    }
}
