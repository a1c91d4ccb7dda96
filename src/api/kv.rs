//! `/v1/kv`

use bytes::Bytes;

use super::answer::Meta;
use super::client::Client;
use super::error::ApiError;
use super::options::QueryOptions;
use super::path;
use crate::model::kv::KvPair;

const BASE: &str = "/v1/kv/";

/// How a key is written.
#[derive(Debug, Clone, Default)]
pub struct KvWrite {
    /// The key's bytes.
    pub key: Vec<u8>,
    /// The value.
    pub value: Bytes,
    /// Opaque flags.
    pub flags: u64,
    /// Write only if the key's ModifyIndex is this one; 0 means only if there is no such key.
    pub cas: Option<u64>,
    /// Session that takes the lock.
    pub acquire: Option<String>,
    /// Session that gives the lock back.
    pub release: Option<String>,
}

impl Client {
    /// The pair under a key, if there is one.
    pub async fn kv_get(
        &self,
        key: &[u8],
        options: &QueryOptions,
    ) -> Result<(Option<KvPair>, Meta), ApiError> {
        let (pairs, meta) = self.kv_read(key, options, false).await?;
        Ok((pairs.into_iter().next(), meta))
    }

    /// All pairs whose key starts with `prefix`.
    pub async fn kv_list(
        &self,
        prefix: &[u8],
        options: &QueryOptions,
    ) -> Result<(Vec<KvPair>, Meta), ApiError> {
        self.kv_read(prefix, options, true).await
    }

    async fn kv_read(
        &self,
        key: &[u8],
        options: &QueryOptions,
        recurse: bool,
    ) -> Result<(Vec<KvPair>, Meta), ApiError> {
        let mut request = self.get(path::join(BASE, trimmed(key))?).options(options);
        if recurse {
            request = request.query("recurse", "");
        }
        let answer = request.send().await?;
        let meta = answer.meta();
        if answer.status() == 404 {
            return Ok((Vec::new(), meta));
        }
        Ok((answer.ok().await?.json().await?, meta))
    }

    /// All keys that start with `prefix`, cut after the next `separator` if that is not empty.
    pub async fn kv_keys(
        &self,
        prefix: &[u8],
        separator: &str,
        options: &QueryOptions,
    ) -> Result<(Vec<String>, Meta), ApiError> {
        let answer = self
            .get(path::join(BASE, trimmed(prefix))?)
            .options(options)
            .query("keys", "")
            .query_if_set("separator", separator)
            .send()
            .await?;
        let meta = answer.meta();
        if answer.status() == 404 {
            return Ok((Vec::new(), meta));
        }
        Ok((answer.ok().await?.json().await?, meta))
    }

    /// What stands directly below `prefix` as the agent's JSON list of names, folders with a slash at their end; at most
    /// `limit` bytes of it, and whether there are more. Empty where there is nothing. The prefix is taken as it is.
    pub async fn kv_names(
        &self,
        prefix: &str,
        options: &QueryOptions,
        limit: usize,
    ) -> Result<(Vec<u8>, bool, Meta), ApiError> {
        let request = self.get(path::join(BASE, prefix.as_bytes())?);
        let request = request.options(options).query("keys", "");
        let answer = request.query("separator", "/").send().await?;
        let meta = answer.meta();
        if answer.status() == 404 {
            return Ok((Vec::new(), false, meta));
        }
        let (body, cut) = answer.ok().await?.beginning(limit).await?;
        Ok((body, cut, meta))
    }

    /// Writes a key. `false` means that the condition (CAS, lock) did not hold.
    pub async fn kv_put(&self, write: KvWrite, options: &QueryOptions) -> Result<bool, ApiError> {
        if write.key.first() == Some(&b'/') {
            let key = String::from_utf8_lossy(&write.key).into_owned();
            return Err(ApiError::LeadingSlash(key));
        }
        let mut request = self.put(path::join(BASE, &write.key)?).options(options);
        if write.flags != 0 {
            request = request.query("flags", write.flags.to_string());
        }
        if let Some(index) = write.cas {
            request = request.query("cas", index.to_string());
        }
        if let Some(session) = write.acquire {
            request = request.query("acquire", session);
        }
        if let Some(session) = write.release {
            request = request.query("release", session);
        }
        truth(request.body(write.value).send_ok().await?).await
    }

    /// Deletes a key. `cas` deletes only if the ModifyIndex is that one; `false` means it was not.
    pub async fn kv_delete(
        &self,
        key: &[u8],
        cas: Option<u64>,
        options: &QueryOptions,
    ) -> Result<bool, ApiError> {
        let mut request = self
            .delete(path::join(BASE, trimmed(key))?)
            .options(options);
        if let Some(index) = cas {
            request = request.query("cas", index.to_string());
        }
        truth(request.send_ok().await?).await
    }

    /// Deletes all keys that start with `prefix`.
    pub async fn kv_delete_tree(
        &self,
        prefix: &[u8],
        options: &QueryOptions,
    ) -> Result<bool, ApiError> {
        let request = self
            .delete(path::join(BASE, trimmed(prefix))?)
            .options(options);
        truth(request.query("recurse", "").send_ok().await?).await
    }
}

/// One slash in front of a key is a slip of the hand: Consul's client drops it on reads.
fn trimmed(key: &[u8]) -> &[u8] {
    key.strip_prefix(b"/").unwrap_or(key)
}

async fn truth(answer: super::Answer) -> Result<bool, ApiError> {
    Ok(answer.bytes().await?.windows(4).any(|part| part == b"true"))
}
