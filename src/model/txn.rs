//! Transactions: `/v1/txn`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kv::{Blob, Key, KvPair};

/// Most operations in a transaction, as in Consul.
pub const MAX_TXN_OPS: usize = 128;

/// A key/value operation of a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KvTxnOp {
    /// `set`, `cas`, `lock`, `unlock`, `get`, `get-tree`, `check-index`, …
    pub verb: String,
    /// The key, or the prefix of the tree verbs.
    pub key: Key,
    /// The value to write.
    pub value: Blob,
    /// Flags to write.
    pub flags: u64,
    /// The index that `cas`, `delete-cas` and `check-index` expect.
    pub index: u64,
    /// The session of `lock`, `unlock` and `check-session`.
    pub session: String,
}

impl KvTxnOp {
    /// Whether the verb changes nothing, so that the operation may be answered from a snapshot.
    pub fn is_read(&self) -> bool {
        matches!(
            self.verb.as_str(),
            "get" | "get-tree" | "check-index" | "check-session" | "check-not-exists"
        )
    }
}

/// An operation of a transaction: exactly one field is set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TxnOp {
    /// A key/value operation.
    #[serde(rename = "KV", skip_serializing_if = "Option::is_none")]
    pub kv: Option<KvTxnOp>,
    /// A node operation, as given.
    #[serde(rename = "Node", skip_serializing_if = "Option::is_none")]
    pub node: Option<Value>,
    /// A service operation, as given.
    #[serde(rename = "Service", skip_serializing_if = "Option::is_none")]
    pub service: Option<Value>,
    /// A check operation, as given.
    #[serde(rename = "Check", skip_serializing_if = "Option::is_none")]
    pub check: Option<Value>,
}

/// A result of a transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TxnResult {
    /// The pair that was read or written; a written one without its value.
    #[serde(rename = "KV")]
    pub kv: KvPair,
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TxnError {
    /// The operation's place in the transaction.
    pub op_index: usize,
    /// The reason, in Consul's words.
    pub what: String,
}

/// What a transaction gave: results, or the reasons why nothing was done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TxnResponse {
    /// The results; `None` prints as `null` and means that the transaction failed.
    pub results: Option<Vec<TxnResult>>,
    /// The reasons; `None` prints as `null`.
    pub errors: Option<Vec<TxnError>>,
}
