//! `KVS`: keys.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::dialect::DialectError;
use super::forward::RemoteQuery;
use crate::agent::store::{KvCommand, KvGet, KvKeys, KvList, KvVerb};
use crate::model::kv::{Key, KvPair};

/// Changes a key.
pub const APPLY: &str = "KVS.Apply";

/// A pair as Go writes it: all fields, always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ApplyRequest {
    op: String,
    dir_ent: KvPair,
}

const fn verb_name(verb: KvVerb) -> &'static str {
    match verb {
        KvVerb::Set => "set",
        KvVerb::Cas => "cas",
        KvVerb::Delete => "delete",
        KvVerb::DeleteCas => "delete-cas",
        KvVerb::DeleteTree => "delete-tree",
        KvVerb::Lock => "lock",
        KvVerb::Unlock => "unlock",
    }
}

/// Whether the reply tells more than that the change was made: for the others the reference answers false.
pub const fn is_conditional(verb: KvVerb) -> bool {
    matches!(
        verb,
        KvVerb::Cas | KvVerb::DeleteCas | KvVerb::Lock | KvVerb::Unlock
    )
}

impl ApplyRequest {
    pub(super) fn new(command: &KvCommand) -> Self {
        Self {
            op: verb_name(command.verb).to_owned(),
            dir_ent: command.pair.clone(),
        }
    }

    /// The change that is meant; refused as the reference refuses what means none.
    pub(super) fn into_command(self) -> Result<KvCommand, DialectError> {
        let verbs = [
            KvVerb::Set,
            KvVerb::Cas,
            KvVerb::Delete,
            KvVerb::DeleteCas,
            KvVerb::DeleteTree,
            KvVerb::Lock,
            KvVerb::Unlock,
        ];
        let refused = |why: String| Err(DialectError::Refused(why));
        let Some(verb) = verbs.into_iter().find(|&verb| verb_name(verb) == self.op) else {
            return refused(format!("Invalid KVS operation '{}'", self.op));
        };
        if self.dir_ent.key.as_bytes().is_empty() && verb != KvVerb::DeleteTree {
            return refused("Must provide key".to_owned());
        }
        Ok(KvCommand {
            verb,
            pair: self.dir_ent,
        })
    }
}

/// The request of `KVS.Get` and `KVS.List`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeyRequest {
    key: Key,
}

/// The reply to `KVS.Get` and `KVS.List`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EntriesReply {
    entries: Vec<Arc<KvPair>>,
}

impl RemoteQuery for KvGet {
    type Request = KeyRequest;
    type Reply = EntriesReply;

    fn to_request(&self, _: &str) -> Result<KeyRequest, DialectError> {
        Ok(KeyRequest {
            key: self.key.clone(),
        })
    }

    fn from_request(request: KeyRequest) -> Result<Self, DialectError> {
        Ok(Self { key: request.key })
    }

    fn to_reply(pair: Option<Arc<KvPair>>) -> EntriesReply {
        EntriesReply {
            entries: pair.into_iter().collect(),
        }
    }

    fn to_answer(&self, reply: EntriesReply) -> Result<Option<Arc<KvPair>>, DialectError> {
        Ok(reply.entries.into_iter().next())
    }
}

impl RemoteQuery for KvList {
    type Request = KeyRequest;
    type Reply = EntriesReply;

    fn to_request(&self, _: &str) -> Result<KeyRequest, DialectError> {
        Ok(KeyRequest {
            key: self.prefix.clone(),
        })
    }

    fn from_request(request: KeyRequest) -> Result<Self, DialectError> {
        Ok(Self {
            prefix: request.key,
        })
    }

    fn to_reply(entries: Vec<Arc<KvPair>>) -> EntriesReply {
        EntriesReply { entries }
    }

    fn to_answer(&self, reply: EntriesReply) -> Result<Vec<Arc<KvPair>>, DialectError> {
        Ok(reply.entries)
    }
}

/// The request of `KVS.ListKeys`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeysRequest {
    prefix: Key,
    /// The reference's own spelling.
    #[serde(rename = "Seperator")]
    separator: ByteBuf,
}

/// The reply to `KVS.ListKeys`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeysReply {
    keys: Vec<Key>,
}

impl RemoteQuery for KvKeys {
    type Request = KeysRequest;
    type Reply = KeysReply;

    fn to_request(&self, _: &str) -> Result<KeysRequest, DialectError> {
        Ok(KeysRequest {
            prefix: self.prefix.clone(),
            separator: ByteBuf::from(self.separator.clone()),
        })
    }

    fn from_request(request: KeysRequest) -> Result<Self, DialectError> {
        Ok(Self {
            prefix: request.prefix,
            separator: request.separator.into_vec(),
        })
    }

    fn to_reply(keys: Vec<Key>) -> KeysReply {
        KeysReply { keys }
    }

    fn to_answer(&self, reply: KeysReply) -> Result<Vec<Key>, DialectError> {
        Ok(reply.keys)
    }
}
